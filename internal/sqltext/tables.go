package sqltext

import (
	"bytes"
	"slices"
)

// mode is which tables a statement's words lead to.
type mode uint8

const (
	idle     mode = iota // before a statement
	atStart              // before its first word
	querying             // SELECT, INSERT, UPDATE, WITH
	defining             // CREATE, DROP: an object is due
	showing              // SHOW
	creating             // CREATE PROCEDURE and the like: BEGIN may follow
	speaking             // BEGIN, COMMIT: there are none
	granting             // GRANT: none are looked for
	quiet                // nor in any other
)

// wanted is what the next name is.
type wanted uint8

const (
	nothing  wanted = iota
	source          // a table to read, or a function
	object          // a table; columns may follow in parentheses
	query           // a name for a query, behind WITH
	database        // USE
	called          // CALL
	perhaps         // a table, if the statement ends behind it
)

// maxQueries is how many names that WITH gives are known. With more, no table is certain.
const maxQueries = 32

// parser looks for tables.
type parser struct {
	sql   []byte
	d     Dialect
	mode  mode
	begun bool // the next operation is the first word, which was noted
	want  wanted
	held  wanted // want, while a hint is read
	role  role   // of the token before

	depth  int
	over   int // parentheses deeper than maxDepth
	frames [maxDepth]frame

	naming  bool   // a name that is wanted is being read
	kind    wanted // what it is
	nameAt  int    // in Normal
	source  int    // in sql
	sourceN int

	again     bool // a comma leads to the next object
	routine   bool // the statements up to the end are part of this one
	recursive bool
	uses      bool // USING leads to tables
	onTable   bool // ON leads to the table
	uncertain bool // the one table is not
	tables    int  // how many different ones; 2 is many
	inserting bool // INSERT, and no query yet
	settled   bool // what follows changes no target: rows are inserted

	queries [maxQueries][2]int32 // names that WITH gave, in sql
	known   int32

	front    uint16 // the number of the word in front, or 0
	signAt   int    // where the signs in front of an operand begin, in Normal
	signPrev kind   // what stands in front of them

	start         int // where this statement begins in Normal
	last, lastEnd int // the one before it; -1 if there is none

	opens  bool // the first word is followed by a key word
	second int  // where the second one is written in Normal, or -1

	part int  // where this statement begins in Summary
	full bool // nothing more is appended

	first, firstEnd int // the first word, in Normal
	firstWord       *keyword
	target          []byte
}

func (p *parser) reset(sql []byte, d Dialect) {
	p.sql, p.d = sql, d
	p.part, p.full = 0, false
	p.first, p.firstEnd, p.firstWord = 0, 0, nil
	p.target = p.target[:0]
	p.tables, p.uncertain, p.settled = 0, false, false
	p.start, p.last, p.lastEnd = 0, -1, 0
	p.clear()
}

// clear forgets the statement.
func (p *parser) clear() {
	p.mode, p.want, p.role, p.naming = idle, nothing, plain, false
	p.depth, p.over, p.known = 0, 0, 0
	p.again, p.routine, p.recursive, p.uses, p.onTable, p.inserting = false, false, false, false, false, false
	p.opens, p.second = false, -1
	p.frames[0] = frame{item: -1, before: -1}
}

func (p *parser) top() *frame { return &p.frames[p.depth] }

// push enters parentheses.
func (p *parser) push(k, prev kind, l *lexer) {
	if p.depth == maxDepth-1 {
		p.over++
		p.uncertain = true
		*p.top() = frame{before: -1, sealed: true, known: p.known}
		return
	}
	p.depth++
	f := p.top()
	*f = frame{before: -1, list: items, known: p.known}
	switch {
	case k == bracket || opens.has(prev) && prev != none:
		f.sealed = true
	case p.want == source:
		f.from = true
		return
	}
	p.want = nothing
}

// pop leaves parentheses.
func (p *parser) pop() {
	p.want = nothing
	switch {
	case p.over > 0:
		p.over--
	case p.depth > 0:
		p.known = p.top().known
		p.depth--
	}
}

// comma goes on to the next table.
func (p *parser) comma(f *frame) {
	p.want = nothing
	switch {
	case f.from:
		p.want = source
	case f.with:
		p.give(f)
		p.want = query
	case p.again && p.depth == 0:
		p.want = object
	}
}

// sign passes an operator or a hint's edge.
func (p *parser) sign(k kind) {
	switch k {
	case hint:
		p.held, p.want = p.want, nothing
	case unhint:
		p.want = p.held
	default:
		p.want = nothing
	}
}

// name begins a name that is wanted.
func (p *parser) name(l *lexer) {
	p.naming, p.kind, p.nameAt = true, p.want, -1
	p.source, p.sourceN = l.start, l.at
	p.want = nothing
}

// begin reads the first word of a statement.
func (p *parser) begin(s *Statement, word []byte, k *keyword, l *lexer) {
	p.mode = quiet
	p.word(s, view(word))
	if k == nil {
		return
	}
	switch k.role {
	case selects, inserts, updates, deletes, merges, rows, with, table:
		p.mode = querying
		p.begun = true
		p.keyword(s, k, l)
		p.begun = false
	case explains:
		p.mode = querying
	case describes:
		p.mode = querying
		if p.d&MySQL != 0 {
			p.want = perhaps
		}
	case defines:
		p.mode = defining
		p.opens = k.text == "CREATE" || k.text == "ALTER"
	case lists:
		p.mode, p.again = defining, true
		p.opens = k.text == "DROP" || p.d&MySQL != 0 && k.text != "CHECK" && k.text != "ANALYZE"
	case truncates:
		p.want, p.again = object, true
	case shows:
		p.mode = showing
		p.opens = p.d&MySQL != 0
	case begins, speaks, finishes:
		p.mode = speaking
	case grants:
		p.mode = granting
	case calls:
		p.want = called
	case copies:
		p.mode, p.want = querying, object
	case uses:
		p.want = database
	}
}

// keyword follows a key word.
func (p *parser) keyword(s *Statement, k *keyword, l *lexer) {
	f := p.top()
	want := p.want
	p.want = nothing
	switch k.role {
	case modifier:
		p.want = want
	case caseRole:
		f.cases++
	case finishes:
		f.cases = max(f.cases, 1) - 1
	case rows:
		p.give(f)
		f.from, f.with = false, false
		f.list, f.item, f.before = tuples, -1, -1
		p.settle()
	case sets:
		if p.d&MySQL != 0 {
			p.settle()
		}
	case selects, with, table:
		p.inserting = false
	}
	if p.routine {
		return
	}
	if p.role == as && f.body {
		return // a name after all
	}
	switch p.mode {
	case quiet:
		switch {
		case k.role == table && want == object:
			p.want = want // TRUNCATE TABLE
		case k.role == speaks:
			p.mode = speaking // SET TRANSACTION
		}
		return
	case speaking, granting:
		return
	case creating:
		p.routine = k.role == begins
		return
	case showing:
		switch k.role {
		case table:
			if p.role == defines {
				p.want = object
			}
		case columns, index:
			p.uses = true
		case from:
			if p.uses {
				p.want, p.uses = object, false
			}
		}
		return
	case defining:
		switch k.role {
		case routine:
			if !p.uses {
				p.mode = creating
			}
		case table, index:
			if p.role == as {
				p.mode, p.again = querying, false
			} else if !p.uses {
				p.word(s, k.text)
				p.uses = true // this object is the one
				if k.role == index {
					p.onTable, p.again = true, false
				} else {
					p.want = object
				}
			}
		case on:
			if p.onTable {
				p.want, p.onTable = object, false
			}
		case selects, with:
			p.mode, p.uses, p.again = querying, false, false
		}
		if p.mode != querying {
			if want == object && (k.text == "EXISTS" || k.text == "NOT" || k.text == "IF") {
				p.want = want
			}
			return
		}
	}
	if p.role == forRole && (k.role == joins || k.role == ends) {
		f.from = true // an index hint: FOR JOIN, FOR ORDER BY
		return
	}
	switch k.role {
	case selects:
		p.give(f)
		f.body, f.from, f.with = true, false, false
		if !f.sealed {
			f.list = noList
		}
		p.operate(s, k)
	case inserts, updates, deletes, merges:
		if f.body || f.sealed || p.role == forRole || l.followed('(') || k.role == merges && p.depth > 0 {
			return
		}
		p.give(f)
		f.body, f.with = true, false
		p.operate(s, k)
		switch k.role {
		case inserts:
			f.list = noList
			p.want = object
			p.inserting = p.depth == 0
		case updates:
			p.want, f.from = source, true
		case merges:
			p.want, p.uses = object, true
		case deletes:
			p.uses = true
		}
	case table:
		if want == object && p.role == into || f.sealed {
			p.want = want
			return
		}
		p.give(f)
		f.body, f.from, f.with = true, false, false
		p.operate(s, k)
		p.want = object
	case with:
		if !f.body && !f.sealed || p.role == as {
			f.with, f.from, p.recursive = true, false, false
			p.want = query
		}
	case recursive:
		p.recursive = true
		p.want = want
	case from:
		if f.body && p.role != distinct {
			p.want, f.from = source, true
		}
	case joins:
		if f.from {
			p.want = source
		}
	case into:
		switch {
		case want == object:
			p.want = object // INSERT INTO
		case f.body && p.d&MySQL == 0:
			p.uncertain = true // SELECT INTO makes a table
		}
		f.from = false
	case using:
		if p.uses && !l.followed('(') {
			p.want, f.from = source, true
			p.uncertain = p.uncertain || p.d&MySQL != 0 && f.body // names in front may be aliases
		}
	case ends, sets, forRole:
		f.from = false
	}
}

// certain tells whether a word that is not reserved is a key word where it stands, for certain. front is the number of the word in
// front, or 0.
func (p *parser) certain(k *keyword, l *lexer, front uint16) bool {
	switch {
	case k.role == finishes:
		return p.top().cases > 0 && operands.has(l.prev) || l.prev == semicolon
	case k.kind == verb && p.depth == 0 && (p.mode == granting || p.mode == creating), k.role == begins && p.mode == creating:
		return true
	case k.flags&action != 0 && p.mode == defining && p.uses && p.depth == 0 && (valued.has(l.prev) || l.prev == comma):
		return true
	case p.mode == speaking:
		switch keywords[front].text {
		case "SAVEPOINT":
			return false
		case "TO", "RELEASE":
			if k.text != "SAVEPOINT" {
				return false
			}
			next, _ := l.ahead()
			return next != end && next != semicolon
		}
		return k.flags&spoken != 0
	}
	next, follows := none, (*keyword)(nil)
	for i := range k.places {
		at := &k.places[i]
		if at.outside && p.top().cases > 0 || at.behind.said && !at.behind.kinds.has(l.prev) && !slices.Contains(at.behind.words, front) {
			continue
		}
		if at.ahead.said && next == none {
			next, follows = l.ahead()
		}
		if !at.ahead.said || at.ahead.begins(next, follows, p.d) {
			return !at.ahead.kinds.has(end) || p.top().list != items && (p.mode != querying || k.role == rows) // an item may be taken back
		}
	}
	return false
}

// settle notes that what an INSERT is given follows.
func (p *parser) settle() {
	p.settled = p.settled || p.inserting && p.depth == 0 && p.tables == 1
}

// operate notes an operation.
func (p *parser) operate(s *Statement, k *keyword) {
	if !p.begun {
		p.word(s, k.text)
	}
	p.begun = false
}

// word appends to the summary.
func (p *parser) word(s *Statement, w string) {
	n := len(w)
	if len(s.Summary) > 0 {
		n++
	}
	p.full = p.full || len(s.Summary)+n > maxSummary
	if p.full {
		return
	}
	if len(s.Summary) > 0 {
		s.Summary = append(s.Summary, ' ')
	}
	s.Summary = append(s.Summary, w...)
}

// give makes the last name behind WITH known, for its query is over.
func (p *parser) give(f *frame) {
	if f.given[1] == 0 {
		return
	}
	if p.known == maxQueries {
		p.uncertain = true
	} else {
		p.queries[p.known] = f.given
		p.known++
	}
	f.given[1] = 0
}

// given tells whether WITH gave the name.
func (p *parser) given(name []byte) bool {
	for _, q := range p.queries[:p.known] {
		if bytes.EqualFold(bare(p.sql[q[0]:q[1]]), bare(name)) {
			return true
		}
	}
	return false
}

// bare returns a name without its quotes.
func bare(name []byte) []byte {
	if len(name) > 2 && (name[0] == '"' || name[0] == '`') {
		return name[1 : len(name)-1]
	}
	return name
}

// commit ends a name that is wanted, in front of a token.
func (p *parser) commit(s *Statement, out []byte, next kind) {
	p.naming = false
	written := out[p.nameAt:]
	name := p.sql[p.source:p.sourceN]
	switch p.kind {
	case query:
		f := p.top()
		f.given = [2]int32{int32(p.source), int32(p.sourceN)}
		if p.recursive {
			p.give(f)
		}
		return
	case source:
		if next == open || len(written) == len(name) && p.given(name) {
			return
		}
	case perhaps:
		if next != end && next != semicolon && (next < text || next > param) {
			return
		}
	}
	at := len(p.target)
	p.target = appendName(p.target, written, p.d, p.kind == database)
	p.word(s, view(p.target[at:]))
	switch {
	case p.kind == called || p.settled:
		p.target = p.target[:at]
	case p.tables == 0:
		p.tables = 1
	case p.tables == 1 && bytes.Equal(p.target[:at], p.target[at:]):
		p.target = p.target[:at]
	default:
		p.tables, p.target = 2, p.target[:at]
	}
}

// appendName appends a name of several parts without the quotes that it does not need, or without any.
func appendName(dst, name []byte, d Dialect, bare bool) []byte {
	for i := 0; i < len(name); i++ {
		plain := i
		for i < len(name) && name[i] != '"' && name[i] != '`' {
			i++
		}
		dst = append(dst, name[plain:i]...)
		if i == len(name) {
			break
		}
		q := name[i]
		from, at, simple := i, len(dst), true
		for i++; i < len(name) && (name[i] != q || i+1 < len(name) && name[i+1] == q); i++ {
			c := name[i]
			if c == q {
				i++
			}
			simple = simple && classes[c]&part != 0 && (d&MySQL != 0 || c < 'A' || c > 'Z')
			dst = append(dst, c)
		}
		if !bare && (!simple || i == from+1) {
			dst = append(dst[:at], name[from:min(i+1, len(name))]...)
		}
	}
	return dst
}

// end ends a statement.
func (p *parser) end(s *Statement) {
	p.part = len(s.Summary)
	p.clear()
}

// forget takes back what was noted of a statement that is like the one before.
func (p *parser) forget(s *Statement) {
	if !p.full {
		s.Summary = s.Summary[:p.part]
	}
}

func (p *parser) finish(s *Statement) {
	if s.Statements == 1 && p.tables == 1 && !p.uncertain {
		s.Target, s.Certain = p.target, p.settled
	}
	if p.firstEnd > 0 {
		s.Operation = view(s.Normal[p.first:p.firstEnd])
		if p.firstWord != nil {
			s.Operation = p.firstWord.text
		}
	}
	p.sql = nil
}

// valued are the kinds that an operand ends with, or may in a normal form: there a value reads like the operator ?.
const valued = operands | 1<<has

// ahead returns the next token that is no comment, and what is known of it if it is a word.
func (l lexer) ahead() (kind, *keyword) {
	l.prev = key
	for {
		switch k := l.next(); k {
		case comment:
		case word:
			return k, lookup(l.sql, l.start, l.at)
		default:
			return k, nil
		}
	}
}

// begins tells whether a token is one that the pattern allows.
func (p *pattern) begins(k kind, kw *keyword, d Dialect) bool {
	if kw != nil && slices.Contains(p.words, kw.number) || p.kinds.has(k) {
		return true
	}
	if kw != nil && kw.kind == none {
		kw = nil
	}
	if p.name && k == word && (kw == nil || kw.flags&uint8(d)&inBoth == 0 || kw.role == modifier) {
		return true
	}
	switch k {
	case closing, comma, semicolon, dot, cast, end:
		return false
	case word:
		if kw != nil {
			switch kw.role {
			case from, joins, ends, as, into, on, using, forRole:
				return false
			}
		}
	}
	return p.operand
}

// followed tells whether the next token, which is no comment, begins with c. A dot that begins a number is none.
func (l lexer) followed(c byte) bool {
	for l.next() == comment {
	}
	return l.start < len(l.sql) && l.sql[l.start] == c && (c != '.' || l.at == l.start+1)
}
