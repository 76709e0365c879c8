package sqltext

import "bytes"

// maxDepth is how many parentheses deep lists are folded and tables are looked for. Statements that people and mappers
// write stay below ten.
const maxDepth = 48

// maxText is how much of a text is read, in bytes: places in it and in Normal are 32 bits wide.
const maxText = 1 << 29

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

var (
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
	out := s.Normal[:0]
	if need := 2*len(sql) + 1; cap(out) < need {
		out = make([]byte, 0, need)
	}
	s.reset()
	p := &s.p
	p.reset(sql, d)
	l := lexer{sql: sql, d: d}
	var (
		begin    int  // where this statement begins in out
		last     = -1 // where the one before it begins, if there is one
		lastEnd  int
		signAt   int    // where the signs in front of an operand begin
		signPrev kind   // what stands in front of them
		front    uint16 // the word that was written last, if a word was
	)
	for {
		k := l.next()
		if k == comment {
			s.comment(sql[l.start:l.at])
			continue
		}
		prev := l.prev
		if p.naming && k != dot && prev != dot {
			p.commit(s, out, k)
		}
		if p.mode == idle && k != semicolon && k != end {
			p.mode = atStart
			s.Statements++
		}
		role := plain
		var kw *keyword
		inFront := front
		front = 0
		switch k {
		case word:
			if p.mode == atStart || prev != dot && (l.at >= len(sql) || sql[l.at] != '.' || l.at+1 < len(sql) && classes[sql[l.at+1]] == digit|part) {
				if kw = lookup(sql, l.start, l.at); kw != nil {
					front = kw.number
					if kw.kind == none {
						kw = nil
					}
				}
			}
			f := p.top()
			if p.mode == atStart {
				if !glue.has(prev) {
					out = append(out, ' ')
				}
				at := len(out)
				out = appendUpper(out, sql[l.start:l.at])
				l.prev = key
				if kw != nil {
					role = kw.role
					if kw.kind == verb {
						l.prev = verb
					}
				}
				if s.Statements == 1 {
					p.first, p.firstEnd, p.firstWord = at, len(out), kw
				}
				p.begin(s, out[at:], kw, &l)
				if p.opens {
					p.second = len(out)
				}
				break
			}
			if kw == nil && len(out) == p.second && !l.followed('.') {
				out = appendUpper(append(out, ' '), sql[l.start:l.at])
				l.prev = key
				break
			}
			if kw != nil && (kw.flags&uint8(d)&inBoth != 0 || (p.want == nothing || kw.flags&firm != 0) && (len(out) == p.second || p.certain(kw, &l, inFront))) {
				if kw.role == literal && !operands.has(prev) && prev != wary && prev != has ||
					kw.role == defaults && (prev == open || prev == comma || prev == operator) {
					k, kw, front = number, nil, 0
					break
				}
				if kw.role != row || prev == closing {
					f.endRows()
				}
				role = kw.role
				if role != plain || p.want != nothing {
					p.keyword(s, kw, &l)
				}
				if !glue.has(prev) {
					out = append(out, ' ')
				}
				if role == row && f.list == tuples && f.item < 0 {
					f.first, f.item = int32(len(out)), int32(len(out))
				}
				out = append(out, kw.text...)
				l.prev = kw.kind
				break
			}
			if p.want != nothing && prev != dot {
				p.name(&l)
			} else if kw != nil && kw.flags&known != 0 {
				role = kw.role
				p.keyword(s, kw, &l)
			}
			k = name
		case name:
			switch {
			case p.want != nothing && prev != dot:
				p.name(&l)
			case l.misquoted(out):
				k = text
			}
		case variable:
			p.want = nothing
		case open, bracket:
			if !glue.has(prev) && !opens.has(prev) && !(k == bracket && prev == closing) {
				out = append(out, ' ')
			}
			if f := p.top(); prev == closing {
				f.endRows()
			} else if f.list == tuples && f.item < 0 {
				f.first, f.item = int32(len(out)), int32(len(out))
			}
			p.push(k, prev, &l)
			out = append(out, sql[l.start])
			f := p.top()
			f.first, f.item = int32(len(out)), int32(len(out))
			l.prev = k
		case closing:
			f := p.top()
			if f.list == items {
				out = f.fold(out)
			}
			if p.depth == 0 {
				f.endRows()
			}
			out = append(out, sql[l.start])
			p.pop()
			if f := p.top(); f.list == tuples {
				out = f.fold(out)
			}
			l.prev = closing
		case comma:
			f := p.top()
			if f.list == items {
				out = f.fold(out)
			}
			f.before = min(f.item, int32(len(out)))
			out = append(out, ',')
			f.item = int32(len(out) + 1)
			p.comma(f)
			l.prev = comma
		case semicolon, end:
			if k == semicolon && p.routine {
				out = append(out, ';')
				l.prev = semicolon
				break
			}
			out = p.fold(out)
			if p.mode == idle {
				out = out[:lastEnd]
			} else if last >= 0 && bytes.Equal(out[last:lastEnd], out[begin:]) {
				out = out[:lastEnd]
				p.forget(s)
			} else {
				last, lastEnd = begin, len(out)
			}
			if k == end {
				s.Normal = out
				s.Cut = l.cut || long
				p.finish(s)
				if len(s.tags) > 0 {
					s.trace()
				}
				return
			}
			p.end(s)
			l.prev = none
			if last >= 0 {
				out = append(out, "; "...)
			}
			begin = len(out)
		case dot:
			p.top().endRows()
			out = append(out, '.')
			l.prev = dot
		case cast:
			p.top().endRows()
			if !operands.has(prev) {
				out = append(out, ' ')
			}
			out = append(out, "::"...)
			l.prev = cast
		case operator, has, hint, unhint:
			p.top().endRows()
			p.sign(k)
			if k == operator && l.at == l.start+1 && (sql[l.start] == '-' || sql[l.start] == '+') && !operands.has(prev) {
				if prev != sign {
					signAt, signPrev = len(out), prev
				}
				k = sign
			}
			if !glue.has(prev) || prev == cast {
				out = append(out, ' ')
			}
			out = append(out, sql[l.start:l.at]...)
			l.prev = k
		}
		if k == name || k == variable {
			p.top().endRows()
			if !glue.has(prev) {
				out = append(out, ' ')
			}
			if p.naming && p.nameAt < 0 {
				p.nameAt = len(out)
			}
			if n, i := len(out), l.start; l.at-i <= 16 && i+16 <= len(sql) && n+16 <= cap(out) {
				copy(out[n:n+16], sql[i:i+16]) // two moves are faster than as many bytes as there are
				out = out[:n+l.at-i]
			} else {
				out = append(out, sql[i:l.at]...)
			}
			l.prev = k
		} else if k >= text && k <= param {
			p.want = nothing
			p.top().endRows()
			if prev == sign {
				out, prev = out[:signAt], signPrev
			}
			l.prev = k
			if prev < text || prev > param {
				if !glue.has(prev) {
					out = append(out, ' ')
				}
				out = append(out, '?')
			}
		}
		p.role = role
	}
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
