package sqltext

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// kind is what a token is, or what was written last.
type kind uint8

const (
	none     kind = iota // nothing was written yet
	word                 // a name without quotes or a key word
	name                 // a quoted name; written: any name
	variable             // @name
	text                 // a string, and what is written like one
	number               // 1, 0xFF, .5e3
	param                // $1, ?
	open                 // (
	bracket              // [
	closing              // ) ]
	comma
	semicolon
	dot
	cast     // ::
	operator // any other sign
	hint     // /*+
	has      // the ? of PostgreSQL, an operator
	unhint   // */ behind a hint
	comment  // with all of its text
	end      // of the text
	key      // written: a key word
	call     // written: a key word that is also a function
	verb     // written: a key word that hints may follow
	ended    // written: a key word that ends an operand, as END does
	wary     // written: a key word that NULL, TRUE and FALSE belong to
	sign     // written: + or - in front of an operand
)

type set uint32

func (s set) has(k kind) bool { return s>>(k&31)&1 != 0 }

// operands are the kinds that an operand ends with: a sign behind them is an operator.
const operands = set(1<<word | 1<<name | 1<<variable | 1<<text | 1<<number | 1<<param | 1<<closing | 1<<ended)

// qualified are the kinds that a dot belongs to.
const qualified = set(1<<name | 1<<closing)

// class is what a byte begins.
type class uint8

const (
	other class = iota // an operator of its own
	blank
	letter
	digit
	quote  // '
	double // "
	back   // `
	dollar // $
	single // ( ) [ ] , ;
	point  // .
	colon  // :
	at     // @
	mark   // an operator that may be longer

	part = 1 << 7 // of a name behind its first byte
)

var classes = func() (c [256]class) {
	for i := range c {
		switch b := byte(i); {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b == '_', b >= 0x80:
			c[i] = letter | part
		case b >= '0' && b <= '9':
			c[i] = digit | part
		case b == ' ', b >= '\t' && b <= '\r':
			c[i] = blank
		}
	}
	for _, b := range []byte("+-*/<>=~!#%^&|?") {
		c[b] = mark
	}
	for _, b := range []byte("()[],;") {
		c[b] = single
	}
	c['\''], c['"'], c['`'] = quote, double, back
	c['$'], c['.'], c[':'], c['@'] = dollar|part, point, colon, at
	return c
}()

var singles = [256]kind{'(': open, '[': bracket, ')': closing, ']': closing, ',': comma, ';': semicolon}

// lexer takes a text apart.
type lexer struct {
	sql     []byte
	d       Dialect
	prev    kind // of the token before; who reads may say it better, for key words
	cut     bool // the text ended inside the token, or where it ends is not known
	endless bool // a quoted name has no end, or, in a guarded text, a literal or a comment
	stray   bool // so a quote is one too many: the first that is not around a plain name takes the rest
	guard   int8 // whether the text is guarded: 1, or -1; 0: not known yet
	code    int  // comments around that are code
	hints   int  // code, when a hint had begun
	signs   int  // up to where each + and - is an operator of its own
	start   int  // of the token
	at      int  // behind the token
	asked   int  // up to where the text was searched for settings of how it quotes
}

// next finds the next token: sql[start:at].
func (l *lexer) next() kind {
	sql, i := l.sql, l.at
	for uint(i) < uint(len(sql)) && classes[sql[i]] == blank {
		i++
	}
	l.start = i
	if uint(i) >= uint(len(sql)) {
		l.at = i
		l.cut = l.cut || l.code > 0
		return end
	}
	c := sql[i]
	switch classes[c] &^ part {
	case letter:
		i = nameEnd(sql, i+1)
		l.at = i
		if i < len(sql) && (sql[i] == '\'' || sql[i] == '&' || c == '_') {
			return l.introduced(i)
		}
		return word // as most tokens are
	case single:
		l.at = i + 1
		return singles[c]
	case digit:
		if l.d&MySQL != 0 && l.prev == dot && sql[i-1] == '.' {
			return l.word(i)
		}
		if k := l.number(i); l.prev != dot {
			return k
		}
		return number
	case quote:
		return l.text(i+1, '\'', l.d&MySQL != 0 && l.d&NoBackslash == 0 || l.d&(MySQL|Backslash) == Backslash)
	case double:
		if l.d&(MySQL|ANSIQuotes) == MySQL || l.d&MySQL != 0 && l.unsure() {
			return l.text(i+1, '"', l.d&NoBackslash == 0)
		}
		return l.name(i+1, '"')
	case back:
		return l.name(i+1, '`')
	case point:
		if i+1 < len(sql) && classes[sql[i+1]] == digit|part && (!operands.has(l.prev) || classes[sql[i-1]] == blank) {
			return l.number(i)
		}
		l.at = i + 1
		if qualified.has(l.prev) || l.prev == operator && sql[i-1] == '*' && i+1 < len(sql) && sql[i+1] == '*' {
			return dot // *.* is all tables of all databases
		}
		return operator
	case dollar:
		return l.dollar(i)
	case at:
		if l.d&MySQL == 0 {
			return l.operator(i)
		}
		i++
		for i < len(sql) && (classes[sql[i]]&part != 0 || sql[i] == '.' || sql[i] == '@') {
			i++
		}
		l.at = i
		if i > l.start+1 {
			return variable
		}
		if i < len(sql) && sql[i] == '`' {
			if l.name(i+1, '`') == text {
				return text
			}
			return variable
		}
		return operator
	case colon:
		l.at = i + 1
		if i+1 < len(sql) {
			switch sql[i+1] {
			case ':':
				l.at = i + 2
				return cast
			case '=':
				l.at = i + 2
			}
		}
		return operator
	case mark:
		return l.mark(i)
	}
	l.at = i + 1
	return operator
}

// nameEnd returns where the name that goes on at i ends.
func nameEnd(sql []byte, i int) int {
	for uint(i) < uint(len(sql)) && classes[sql[i]]&part != 0 {
		i++
	}
	return i
}

// word reads what begins as a name does. Behind some short names a quote begins a literal.
func (l *lexer) word(i int) kind {
	l.at = nameEnd(l.sql, i)
	if l.at >= len(l.sql) {
		return word
	}
	return l.introduced(l.at)
}

// introduced reads the literal that a word, which ends in front of i, may introduce.
func (l *lexer) introduced(i int) kind {
	sql := l.sql
	c := sql[l.start]
	switch q := sql[i]; {
	case l.d&MySQL != 0 && c == '_':
		for i < len(sql) && classes[sql[i]] == blank {
			i++
		}
		if i < len(sql) && (sql[i] == '\'' || sql[i] == '"' && l.d&ANSIQuotes == 0) {
			return l.text(i+1, sql[i], l.d&NoBackslash == 0)
		}
	case q == '\'' && i == l.start+1:
		switch c | 0x20 {
		case 'e':
			if l.d&MySQL == 0 {
				return l.text(i+1, '\'', true)
			}
		case 'n':
			return l.text(i+1, '\'', l.d&MySQL != 0 && l.d&NoBackslash == 0 || l.d&(MySQL|Backslash) == Backslash)
		case 'b', 'x':
			return l.text(i+1, '\'', false)
		}
	case q == '&' && i == l.start+1 && c|0x20 == 'u' && l.d&MySQL == 0 && i+1 < len(sql):
		switch sql[i+1] {
		case '\'':
			return l.text(i+2, '\'', false)
		case '"':
			return l.name(i+2, '"')
		}
	}
	return word
}

// path goes on to the end of a qualified name.
func (l *lexer) path() {
	sql := l.sql
	for i := l.at; i+1 < len(sql) && sql[i] == '.' && classes[sql[i+1]] == letter|part && sql[i+1] != '_'; l.at = i {
		i = nameEnd(sql, i+2)
		if i < len(sql) && (sql[i] == '\'' || sql[i] == '&') {
			return
		}
	}
}

// values passes over literals and the commas behind them, and tells whether a parenthesis ends the list there.
func (l *lexer) values() bool {
	was := *l
	for {
		was.at, was.guard = l.at, l.guard
		if k := l.next(); k >= text && k <= param {
			switch l.sign() {
			case ',':
				l.at++
				continue
			case ')':
				return true
			}
		}
		*l = was
		return false
	}
}

// rows passes over rows of literals and the commas behind them, and tells whether there are no more.
func (l *lexer) rows() bool {
	for {
		from := l.at
		if l.sign() == '(' {
			l.at++
			if l.values() {
				l.at++
				if l.sign() != ',' {
					return true
				}
				l.at++
				continue
			}
		}
		l.at = from
		return false
	}
}

// sign goes on to the first byte that is no blank, and returns it; 0 at the end.
func (l *lexer) sign() byte {
	for ; l.at < len(l.sql); l.at++ {
		if c := l.sql[l.at]; classes[c] != blank {
			return c
		}
	}
	return 0
}

// rest takes what is left of the text, as a literal.
func (l *lexer) rest() kind {
	l.at, l.cut = len(l.sql), true
	return text
}

// torn tells whether the token, which is in code, holds what ends the code for a server that passes over it: its end is
// not certain.
func (l *lexer) torn() bool { return bytes.Contains(l.sql[l.start:l.at], []byte("*/")) }

// text reads a literal whose quote stands before i.
func (l *lexer) text(i int, q byte, escapes bool) kind {
	sql := l.sql
	if l.stray {
		return l.rest()
	}
	for {
		i = quoted(sql, i, q)
		switch {
		case i >= len(sql):
			l.endless = l.guarded()
			return l.rest()
		case sql[i] == q:
			i++
			if i < len(sql) {
				if sql[i] == q {
					i++
					continue
				}
				if classes[sql[i]]&part != 0 && l.guarded() {
					return l.rest()
				}
			}
			l.at = i
			if l.code > 0 && l.torn() {
				return l.rest()
			}
			if l.d&MySQL != 0 || !l.goesOn(&i) {
				return text
			}
		case sql[i] != '\\':
			i += unquoted(sql[i:min(i+long, len(sql))], q)
		case l.d&Multibyte != 0 && (escapes || l.d&Unsure != 0) && sql[i-1] >= 0x80,
			i+1 < len(sql) && sql[i+1] == q && sql[l.start]|0x20 != 'e' && (l.unsure() || !escapes && l.guarded()):
			return l.rest()
		case escapes || l.d&Unsure != 0:
			i += 2
		default:
			i++
		}
	}
}

// unsure tells whether it is not known how the text quotes: as the dialect says, or because the text in front sets it.
func (l *lexer) unsure() bool {
	for l.d&Unsure == 0 && l.asked < l.start {
		n := bytes.IndexByte(l.sql[l.asked:l.start], '_') + 1
		if n == 0 {
			n = l.start - l.asked
		}
		l.asked += n
		if m := l.asked - len("sql_"); m >= 0 && startsWith(l.sql[m:], "sql_mode") {
			l.d |= Unsure
		}
		if m := l.asked - len("standard_"); m >= 0 && startsWith(l.sql[m:], "standard_conforming_strings") {
			l.d |= Unsure
		}
	}
	return l.d&Unsure != 0
}

// guarded tells whether the literals of the text are secrets. It is then not trusted to quote as it should.
func (l *lexer) guarded() bool {
	if l.guard == 0 {
		l.guard = -1
		if l.d&Partial != 0 || guarded(l.sql) {
			l.guard = 1
		}
	}
	return l.guard > 0
}

// Most literals are short: only behind so many bytes is what stops them searched for, in pieces, so that a text of many
// backslashes is not searched for its end again and again.
const (
	short = 24
	long  = 512
)

// quoted returns where the first q or backslash from i on stands, or a place in front of it.
func quoted(sql []byte, i int, q byte) int {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	for stop := i + short; i < stop; i += 8 {
		if i+8 > len(sql) {
			for i < len(sql) && sql[i] != q && sql[i] != '\\' {
				i++
			}
			return i
		}
		x := binary.LittleEndian.Uint64(sql[i:])
		y, z := x^uint64(q)*ones, x^'\\'*ones
		if m := ((y-ones)&^y | (z-ones)&^z) & high; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	return i
}

// unquoted returns how many bytes b begins with that are neither q nor a backslash.
func unquoted(b []byte, q byte) int {
	if n := bytes.IndexByte(b, q); n >= 0 {
		b = b[:n]
	}
	if n := bytes.IndexByte(b, '\\'); n >= 0 {
		b = b[:n]
	}
	return len(b)
}

// goesOn tells whether PostgreSQL's literal that ended at i goes on in another line, as the standard has it, and moves i
// behind the next quote.
func (l *lexer) goesOn(i *int) bool {
	line := false
	for j := *i; j < len(l.sql); j++ {
		switch c := l.sql[j]; {
		case c == '\n' || c == '\r':
			line = true
		case classes[c] == blank:
		case c == '-' && bytes.HasPrefix(l.sql[j:], []byte("--")):
			n := bytes.IndexByte(l.sql[j:], '\n')
			if n < 0 {
				return false
			}
			line = true
			j += n
		case c == '\'' && line:
			*i = j + 1
			return true
		default:
			return false
		}
	}
	return false
}

// name reads a quoted name whose quote stands before i. Without an end it may hold anything, and is a literal.
func (l *lexer) name(i int, q byte) kind {
	sql := l.sql
	for plain := true; ; plain = false {
		if i = nameEnd(sql, i); i >= len(sql) || sql[i] != q {
			n := bytes.IndexByte(sql[i:], q)
			if n < 0 {
				l.endless = true
				return l.rest()
			}
			i, plain = i+n, false
		}
		i++
		if i >= len(sql) || sql[i] != q {
			l.at = i
			if !plain && (l.stray || bytes.IndexByte(sql[l.start:i], '\'') >= 0 && l.guarded()) || l.code > 0 && l.torn() {
				return l.rest()
			}
			return name
		}
		i++
	}
}

// number reads what begins as a number does. In MySQL a name may begin so.
func (l *lexer) number(i int) kind {
	sql := l.sql
	digits := func() {
		for i < len(sql) && (classes[sql[i]] == digit|part || sql[i] == '_' && l.d&MySQL == 0) {
			i++
		}
	}
	whole := true
	if i+1 < len(sql) && sql[i] == '0' && classes[sql[i+1]] == letter|part && sql[i+1]|0x20 != 'e' {
		// 0xFF, 0b1, 0o7, and what looks like one
	} else {
		digits()
		if i < len(sql) && sql[i] == '.' {
			whole = false
			i++
			digits()
		}
		if i < len(sql) && sql[i]|0x20 == 'e' {
			j := i + 1
			signed := j < len(sql) && (sql[j] == '+' || sql[j] == '-')
			if signed {
				j++
			}
			if j < len(sql) && classes[sql[j]] == digit|part {
				whole = false
				i = j
				digits()
			}
		}
	}
	tail := i
	for i < len(sql) && classes[sql[i]]&part != 0 {
		i++
	}
	l.at = i
	if whole && i > tail && l.d&MySQL != 0 && !based(sql[l.start:i]) && (i > tail+1 || sql[tail]|0x20 != 'e') {
		return word
	}
	return number
}

// based tells whether b is a number of MySQL in base 2 or 16.
func based(b []byte) bool {
	if len(b) < 3 || b[0] != '0' || b[1]|0x20 != 'x' && b[1]|0x20 != 'b' {
		return false
	}
	for _, c := range b[2:] {
		if c != '0' && c != '1' && (b[1]|0x20 == 'b' || (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f')) {
			return false
		}
	}
	return true
}

// dollar reads PostgreSQL's $1 and $tag$ text $tag$, which MySQL has too since version 9. There the sign is part of names
// otherwise.
func (l *lexer) dollar(i int) kind {
	sql := l.sql
	j := i + 1
	if j < len(sql) && classes[sql[j]] == digit|part && l.d&MySQL == 0 {
		for j < len(sql) && classes[sql[j]]&part != 0 {
			j++
		}
		l.at = j
		return param
	}
	for j < len(sql) && sql[j] != '$' && classes[sql[j]]&part != 0 {
		j++
	}
	switch {
	case l.d&MySQL != 0 && (j >= len(sql) || sql[j] != '$' || l.prev == dot):
		return l.word(i + 1)
	case j >= len(sql) || sql[j] != '$':
		l.at = i + 1
		return operator
	case l.stray:
		return l.rest()
	}
	tag := sql[i : j+1]
	n := bytes.Index(sql[j+1:], tag)
	if n < 0 {
		l.endless = l.guarded()
		return l.rest()
	}
	l.at = j + 1 + n + len(tag)
	if l.code > 0 && l.torn() {
		return l.rest()
	}
	return text
}

// mark reads a comment, a parameter or an operator.
func (l *lexer) mark(i int) kind {
	sql := l.sql
	var next byte
	if i+1 < len(sql) {
		next = sql[i+1]
	}
	switch c := sql[i]; {
	case c >= '<' && c <= '>' && classes[next] != mark && next != '@': // a comparison, as most are
		l.at = i + 1
		return operator
	case c == '/' && next == '*':
		return l.comment(i + 2)
	case c == '-' && next == '-' && (l.d&MySQL == 0 || i+2 >= len(sql) || sql[i+2] <= ' '), c == '#' && l.d&MySQL != 0:
		n := bytes.IndexByte(sql[i:], '\n')
		if n < 0 {
			n = len(sql) - i
		}
		l.at = i + n
		if l.code > 0 && l.torn() {
			return l.rest()
		}
		return comment
	case l.d&MySQL == 0:
		return l.operator(i)
	case c == '?':
		l.at = i + 1
		return param
	case c == '*' && next == '/' && l.code > 0:
		l.at = i + 2
		l.code--
		if l.hints > l.code {
			l.hints = 0
			return unhint
		}
		return comment
	}
	l.at = i + 1
	if next != 0 {
		switch string(sql[i : i+2]) {
		case "<=", "->":
			l.at = i + 2
			if i+2 < len(sql) && sql[i+2] == '>' {
				l.at = i + 3
			}
		case "<>", "<<", ">=", ">>", "!=", "||", "&&":
			l.at = i + 2
		}
	}
	return operator
}

// comment reads a comment that began before i. MySQL runs what stands in /*! */, and takes hints from /*+ */ behind
// the first word of a statement.
func (l *lexer) comment(i int) kind {
	sql := l.sql
	if l.d&MySQL != 0 {
		if i+1 < len(sql) && sql[i] == 'M' && sql[i+1] == '!' {
			i++
		}
		switch {
		case i < len(sql) && sql[i] == '!':
			i++
			for n := 0; n < 6 && i < len(sql) && classes[sql[i]] == digit|part; n++ {
				i++
			}
			l.code++
			l.at = i
			return comment
		}
		n := bytes.Index(sql[i:], []byte("*/"))
		switch {
		case n < 0:
			l.endless = l.guarded()
			l.rest()
			return comment
		case n > 0 && sql[i] == '+' && l.prev == verb && !bytes.ContainsAny(sql[i:i+n], "'\"`\\#-/"):
			// What could hide the end is in no hint that people write.
			l.at = i + 1
			l.code++
			l.hints = l.code
			return hint
		}
		l.at = i + n + 2
		return comment
	}
	for depth, from := 1, i; depth > 0; {
		n := bytes.IndexByte(sql[i:], '/')
		if n < 0 {
			l.endless = l.guarded()
			l.rest()
			return comment
		}
		i += n + 1
		if i-2 >= from && sql[i-2] == '*' {
			depth--
			from = i
		} else if i < len(sql) && sql[i] == '*' {
			depth++
			i++
			from = i
		}
	}
	l.at = i
	return comment
}

// operator reads one of PostgreSQL: as long as it gets, but a + or - at its end is one of its own unless the operator is
// a special one (https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-OPERATORS).
func (l *lexer) operator(i int) kind {
	sql := l.sql
	if i < l.signs {
		l.at = i + 1
		return operator
	}
	special := false
	for i < len(sql) && (classes[sql[i]] == mark || sql[i] == '@') {
		if i > l.start && i+1 < len(sql) && (sql[i] == '-' && sql[i+1] == '-' || sql[i] == '/' && sql[i+1] == '*') {
			break
		}
		switch sql[i] {
		case '~', '!', '@', '#', '%', '^', '&', '|', '?':
			special = true
		}
		i++
	}
	run := i
	for !special && i > l.start+1 && (sql[i-1] == '+' || sql[i-1] == '-') {
		i--
	}
	if i < run {
		l.signs = run
	}
	l.at = i
	if i > l.start+1 || sql[l.start] != '?' {
		return operator
	}
	if operands.has(l.prev) && l.operand() {
		return has
	}
	return param
}

// operand tells whether an operand may follow, so that a ? behind another is an operator, and not the value of a name
// in front of it: of a type.
func (l *lexer) operand() bool {
	for _, c := range l.sql[l.at:] {
		switch class := classes[c] &^ part; class {
		case blank:
		case letter, digit, quote, double, back, dollar:
			return true
		default:
			return c == '(' || c == '?'
		}
	}
	return false
}
