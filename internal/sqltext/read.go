package sqltext

import "bytes"

// maxDepth is how many parentheses deep lists are folded and tables are looked for. Statements that people and mappers
// write stay below ten.
const maxDepth = 48

// maxText is how much of a text is read, in bytes: places in it and in Normal are 32 bits wide.
const maxText = 1 << 29

// chunk is how many bytes of a short word are copied, whatever its length: two moves are faster than as many as there are.
const chunk = 16

// frame is a pair of parentheses, or the statement around all: 32 bytes, for many are written.
type frame struct {
	first  int32 // where the list begins in Normal
	item   int32 // where the item of the list that is being written begins in Normal
	before int32 // where the item before it begins, or -1
	list   list

	sealed bool     // a function's arguments: no query begins here
	body   bool     // SELECT, UPDATE and the like were seen
	from   bool     // in the list of tables
	with   bool     // in the list behind WITH
	cases  uint8    // CASE without END
	given  [2]int32 // the last name behind WITH, in the text, if it is not known yet
	known  int32    // how many of these names are known around
}

type list uint8

const (
	noList list = iota
	items       // in parentheses
	tuples      // behind VALUES
)

const (
	// No blank follows these kinds.
	glue = set(1<<none | 1<<open | 1<<bracket | 1<<dot | 1<<cast)
	// Nor does one stand between these and parentheses.
	opens = set(1<<name | 1<<call)
)

// Read reads sql, which it does not keep, and allocates only where the memory it has is too small. It never fails: what is
// not SQL is read as words and signs.
func (s *Statement) Read(sql []byte, d Dialect) {
	if d&MySQL == 0 {
		d |= PostgreSQL
	}
	long := len(sql) > maxText
	sql = sql[:min(len(sql), maxText)]
	if s.read(sql, d, false); s.l.endless && d&Partial == 0 {
		s.read(sql, d, true)
	}
	s.Cut = s.l.cut || long
	s.p.finish(s)
	s.l.sql = nil
	if len(s.tags) > 0 {
		s.trace()
	}
}

// read reads a text, of which stray tells that its quotes do not match.
func (s *Statement) read(sql []byte, d Dialect, stray bool) {
	s.reset()
	if need := 2*len(sql) + 1 + chunk; cap(s.Normal) < need {
		s.Normal = make([]byte, 0, need)
	}
	p, l := &s.p, &s.l
	*l = lexer{sql: sql, d: d, stray: stray}
	p.reset(sql, d)
	for k := none; k != end; {
		if k = l.next(); k == comment {
			s.comment(sql[l.start:l.at])
			continue
		}
		switch prev := l.prev; {
		case prev == none: // before a statement
			if k != semicolon && k != end {
				p.mode = atStart
				s.Statements++
			}
		case p.naming && k != dot && prev != dot:
			p.commit(s, s.Normal, k)
		}
		if k == word {
			s.word()
			continue
		}
		switch k {
		case name:
			switch {
			case p.want != nothing && l.prev != dot:
				p.name(l)
			case l.misquoted(s.Normal):
				k = text
			}
			s.operand(k)
		case variable:
			p.want = nothing
			s.operand(k)
		case text, number, param:
			if l.cut && !p.settled && (p.want != nothing || p.naming) {
				p.uncertain = true // a table's name has no end
			}
			s.operand(k)
		case open, bracket:
			s.open(k)
		case closing:
			s.closing()
		case comma:
			s.comma()
		case semicolon, end:
			s.end(k)
		case dot:
			p.top().endRows()
			s.Normal = append(s.Normal, '.')
			l.prev = dot
		case cast:
			p.top().endRows()
			if !operands.has(l.prev) {
				s.Normal = append(s.Normal, ' ')
			}
			s.Normal = append(s.Normal, "::"...)
			l.prev = cast
		case operator, has, hint, unhint:
			s.operator(k)
		}
		p.role, p.front = plain, 0
	}
}

// word writes a name without quotes, a key word, or a literal that is one.
func (s *Statement) word() {
	p, l := &s.p, &s.l
	sql, prev := l.sql, l.prev
	if p.mode == atStart {
		s.first()
		return
	}
	var kw *keyword
	front := p.front
	p.front = 0
	dotted := l.at < len(sql) && sql[l.at] == '.' // behind a key word, a number may begin so
	qualifies := dotted && (l.at+1 >= len(sql) || classes[sql[l.at+1]] != digit|part)
	if !qualifies && prev != dot {
		if kw = lookup(sql, l.start, l.at); kw != nil {
			p.front = kw.number
			if kw.kind == none {
				kw = nil
			}
		}
	}
	if kw == nil && len(s.Normal) == p.second && !l.followed('.') {
		s.Normal = appendUpper(append(s.Normal, ' '), sql[l.start:l.at])
		l.prev, p.role = key, plain
		return
	}
	if kw != nil && (kw.flags&uint8(l.d)&inBoth != 0 || (p.want == nothing || kw.flags&firm != 0) && (len(s.Normal) == p.second || p.certain(kw, l, front))) {
		if kw.role == literal && !operands.has(prev) && prev != wary && prev != has ||
			kw.role == defaults && (prev == open || prev == comma || prev == operator) {
			p.front, p.role = 0, plain
			s.operand(number)
			return
		}
		f := p.top()
		if kw.role != row || prev == closing {
			f.endRows()
		}
		if kw.role != plain || p.want != nothing {
			p.keyword(s, kw, l)
		}
		if !glue.has(prev) {
			s.Normal = append(s.Normal, ' ')
		}
		if kw.role == row && f.list == tuples && f.item < 0 {
			f.first, f.item = int32(len(s.Normal)), int32(len(s.Normal))
		}
		if n := len(s.Normal); len(kw.text) <= chunk && n+chunk <= cap(s.Normal) {
			copy(s.Normal[n:n+chunk], kw.first[:])
			s.Normal = s.Normal[:n+len(kw.text)]
		} else {
			s.Normal = append(s.Normal, kw.text...)
		}
		l.prev, p.role = kw.kind, kw.role
		return
	}
	role := plain
	if p.want != nothing && prev != dot {
		p.name(l)
	} else if qualifies {
		l.path()
	} else if kw != nil && kw.flags&known != 0 && !dotted {
		role = kw.role
		p.keyword(s, kw, l)
	}
	s.operand(name)
	p.role = role
}

// first writes the first word of a statement.
func (s *Statement) first() {
	p, l := &s.p, &s.l
	if !glue.has(l.prev) {
		s.Normal = append(s.Normal, ' ')
	}
	at := len(s.Normal)
	s.Normal = appendUpper(s.Normal, l.sql[l.start:l.at])
	l.prev, p.front = key, 0
	kw := lookup(l.sql, l.start, l.at)
	role := plain
	if kw != nil {
		p.front = kw.number
		if kw.kind == none {
			kw = nil
		} else if role = kw.role; kw.kind == verb {
			l.prev = verb
		}
	}
	if s.Statements == 1 {
		p.first, p.firstEnd, p.firstWord = at, len(s.Normal), kw
	}
	p.begin(s, s.Normal[at:], kw, l)
	if p.opens {
		p.second = len(s.Normal)
	}
	p.role = role
}

// operand writes a name as it is, and a ? for a value that stands behind none.
func (s *Statement) operand(k kind) {
	p, l := &s.p, &s.l
	p.top().endRows()
	prev := l.prev
	l.prev = k
	if k >= text {
		p.want = nothing
		if prev == sign {
			s.Normal, prev = s.Normal[:p.signAt], p.signPrev
		}
		if prev < text || prev > param {
			if !glue.has(prev) {
				s.Normal = append(s.Normal, ' ')
			}
			s.Normal = append(s.Normal, '?')
		}
		return
	}
	if !glue.has(prev) {
		s.Normal = append(s.Normal, ' ')
	}
	if p.naming && p.nameAt < 0 {
		p.nameAt = len(s.Normal)
	}
	if n, i := len(s.Normal), l.start; l.at-i <= chunk && i+chunk <= len(l.sql) && n+chunk <= cap(s.Normal) {
		copy(s.Normal[n:n+chunk], l.sql[i:i+chunk])
		s.Normal = s.Normal[:n+l.at-i]
	} else {
		s.Normal = append(s.Normal, l.sql[i:l.at]...)
	}
}

// operator writes an operator, or the edge of a hint.
func (s *Statement) operator(k kind) {
	p, l := &s.p, &s.l
	p.top().endRows()
	p.sign(k)
	c := l.sql[l.start]
	single := l.at == l.start+1
	prev := l.prev
	l.prev = k
	if k == operator && single && (c == '-' || c == '+') && !operands.has(prev) {
		if prev != sign {
			p.signAt, p.signPrev = len(s.Normal), prev
		}
		l.prev = sign
	}
	if !glue.has(prev) || prev == cast {
		s.Normal = append(s.Normal, ' ')
	}
	if single {
		s.Normal = append(s.Normal, c)
		return
	}
	s.Normal = append(s.Normal, l.sql[l.start:l.at]...)
}

// open writes a parenthesis or bracket.
func (s *Statement) open(k kind) {
	p, l := &s.p, &s.l
	prev := l.prev
	if !glue.has(prev) && !opens.has(prev) && !(k == bracket && prev == closing) {
		s.Normal = append(s.Normal, ' ')
	}
	if f := p.top(); prev == closing {
		f.endRows()
	} else if f.list == tuples && f.item < 0 {
		f.first, f.item = int32(len(s.Normal)), int32(len(s.Normal))
	}
	p.push(k, prev, l)
	s.Normal = append(s.Normal, l.sql[l.start])
	f := p.top()
	f.first, f.item = int32(len(s.Normal)), int32(len(s.Normal))
	l.prev = k
}

// closing writes the end of what open began.
func (s *Statement) closing() {
	p, l := &s.p, &s.l
	f := p.top()
	if f.list == items {
		s.Normal = f.fold(s.Normal)
	}
	if p.depth == 0 {
		f.endRows()
	}
	s.Normal = append(s.Normal, l.sql[l.start])
	p.pop()
	if f := p.top(); f.list == tuples {
		s.Normal = f.fold(s.Normal)
	}
	l.prev = closing
}

// comma writes a comma. Literals and rows of them behind it that would be folded into the one in front are passed over.
func (s *Statement) comma() {
	p, l := &s.p, &s.l
	f := p.top()
	if f.list == items {
		s.Normal = f.fold(s.Normal)
	}
	f.before = min(f.item, int32(len(s.Normal)))
	s.Normal = append(s.Normal, ',')
	f.item = int32(len(s.Normal) + 1)
	p.comma(f)
	l.prev = comma
	if f.list == noList || f.before < 0 {
		return
	}
	switch front := s.Normal[f.before : len(s.Normal)-1]; {
	case f.list == items && string(front) == "?" && l.values():
		l.prev = text
	case f.list == tuples && string(front) == "(?)" && p.depth < maxDepth-1 && l.rows():
		l.prev = closing
	default:
		return
	}
	s.Normal = s.Normal[:len(s.Normal)-1]
	f.item, f.before = f.before, -1
	p.want = nothing
}

// end ends a statement, or the text. A statement that is like the one in front is taken back.
func (s *Statement) end(k kind) {
	p, l := &s.p, &s.l
	if k == semicolon && p.routine {
		s.Normal = append(s.Normal, ';')
		l.prev = semicolon
		return
	}
	out := p.fold(s.Normal)
	if p.mode == idle {
		out = out[:p.lastEnd]
	} else if p.last >= 0 && bytes.Equal(out[p.last:p.lastEnd], out[p.start:]) {
		out = out[:p.lastEnd]
		p.forget(s)
	} else {
		p.last, p.lastEnd = p.start, len(out)
	}
	if k == semicolon {
		p.end(s)
		l.prev = none
		if p.last >= 0 {
			out = append(out, "; "...)
		}
		p.start = len(out)
	}
	s.Normal = out
}

func appendUpper(dst, word []byte) []byte {
	for _, c := range word {
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// endRows ends the rows behind VALUES, at what is none.
func (f *frame) endRows() {
	if f.list == tuples {
		f.list = noList
	}
}

// fold takes back the item that was just written if it looks like the one before it, and holds a value.
func (f *frame) fold(out []byte) []byte {
	if f.before < 0 || int(f.item) >= len(out) {
		return out
	}
	item, before := out[f.item:], out[f.before:f.item-2]
	switch {
	case len(item) != len(before):
		return out
	case len(item) == 1 && item[0] == '?' && before[0] == '?': // as it is mostly
	case !bytes.Equal(item, before) || bytes.IndexByte(item, '?') < 0:
		return out
	}
	out = out[:f.item-2]
	f.item, f.before = f.before, -1
	return out
}

// fold takes back, where the text ends inside lists, the item that may become like the first one.
func (p *parser) fold(out []byte) []byte {
	for i := p.depth; i >= 0; i-- {
		f := &p.frames[i]
		if f.list == noList || f.from || f.before != f.first || f.before >= f.item-2 || int(f.item)-2 > len(out) {
			continue
		}
		if bytes.HasPrefix(out[f.before:f.item-2], out[min(int(f.item), len(out)):]) {
			out = out[:f.item-2]
		}
	}
	return out
}
