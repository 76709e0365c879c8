package postgresql

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// snapshot appends the first transaction that runs, the first that has not begun, and those that run between them.
func (p *printer) snapshot(r *reader) {
	n := r.count(8)
	p.uint(r.uint64())
	p.byte(':')
	p.uint(r.uint64())
	p.byte(':')
	for i := range n {
		if i > 0 {
			p.byte(',')
		}
		p.uint(r.uint64())
	}
}

// lexeme appends a text in quotes.
func (p *printer) lexeme(s []byte) {
	p.byte('\'')
	for _, x := range s {
		if x == '\'' || x == '\\' {
			p.byte(x)
		}
		p.byte(x)
	}
	p.byte('\'')
}

func (p *printer) tsvector(r *reader) {
	for i := range r.count(3) {
		if i > 0 {
			p.byte(' ')
		}
		p.lexeme(r.cstring())
		for j := range int(r.uint16()) {
			if r.bad {
				return
			}
			p.byte(":,"[min(j, 1)])
			at := r.uint16()
			p.uint(uint64(at & 0x3FFF))
			if weight := at >> 14; weight > 0 {
				p.byte("DCBA"[weight])
			}
		}
	}
}

// Operators of tsquery, by how strong they bind.
const (
	tsNot    = 4
	tsPhrase = 3
	tsAnd    = 2
	tsOr     = 1
)

// tsquery appends a token and its operands, the right one of which comes first. outer is how strong the operator around
// them binds; right tells that they are the right operand of a phrase.
func (p *printer) tsquery(r *reader, outer int, right bool) {
	if p.depth++; p.depth > maxNesting {
		r.bad = true
	}
	defer func() { p.depth-- }()
	if r.uint8() == 1 {
		weights, prefix := r.uint8(), r.uint8()
		p.lexeme(r.cstring())
		if weights|prefix != 0 {
			p.byte(':')
		}
		if prefix != 0 {
			p.byte('*')
		}
		for i, w := range []byte("ABCD") {
			if weights>>(3-i)&1 != 0 {
				p.byte(w)
			}
		}
		return
	}
	binds, between := 0, ""
	switch r.uint8() {
	case 1:
		binds = tsNot
	case 2:
		binds, between = tsAnd, " & "
	case 3:
		binds, between = tsOr, " | "
	case 4:
		binds = tsPhrase
		between = " <-> "
		if n := r.uint16(); n != 1 {
			between = " <" + strconv.Itoa(int(n)) + "> "
		}
	default:
		r.bad = true
	}
	if r.bad {
		return
	}
	enclosed := binds < outer || right && binds == tsPhrase
	if enclosed {
		p.text("( ")
	}
	if binds == tsNot {
		p.byte('!')
		p.tsquery(r, binds, false)
	} else {
		start := len(p.dst)
		p.tsquery(r, binds, binds == tsPhrase)
		second := string(p.dst[start:])
		p.dst = p.dst[:start]
		p.tsquery(r, binds, false)
		p.text(between)
		p.text(second)
	}
	if enclosed {
		p.text(" )")
	}
}

// array is the head of an array, before its elements.
type array struct {
	element uint32
	dims    []dimension
	items   int
}

type dimension struct{ n, from int32 }

// maxDims is how many dimensions an array can have.
const maxDims = 6

// array reads the head of an array whose elements, and nothing else, follow.
func (r *reader) array() (a array) {
	n := r.uint32()
	r.max(uint64(r.uint32()), 1) // whether there are NULLs
	a.element = r.uint32()
	if r.is(n <= maxDims); r.bad {
		return a
	}
	if n > 0 {
		a.items = 1
	}
	for range n {
		d := dimension{int32(r.uint32()), int32(r.uint32())}
		r.is(d.n >= 0 && a.items*int(d.n) <= len(r.b)/4)
		if r.bad {
			return a
		}
		a.dims = append(a.dims, d)
		a.items *= int(d.n)
	}
	rest := *r
	for range a.items {
		rest.element()
	}
	r.is(!rest.bad && len(rest.b) == 0)
	return a
}

// isArray tells whether b, of an unknown type, is an array.
func isArray(b []byte) bool {
	r := reader{b: b}
	a := r.array()
	return !r.bad && a.element != 0
}

func (p *printer) array(r *reader) {
	a := r.array()
	if r.bad || a.items == 0 {
		p.text("{}")
		return
	}
	if slices.ContainsFunc(a.dims, func(d dimension) bool { return d.from != 1 }) {
		for _, d := range a.dims {
			p.byte('[')
			p.int(int64(d.from))
			p.byte(':')
			p.int(int64(d.from) + int64(d.n) - 1)
			p.byte(']')
		}
		p.byte('=')
	}
	p.elements(r, a.element, a.dims)
}

// elements appends the elements of an array, dimension by dimension.
func (p *printer) elements(r *reader, oid uint32, dims []dimension) {
	separator := byte(',')
	if oid == oidBox {
		separator = ';'
	}
	p.byte('{')
	for i := range dims[0].n {
		if i > 0 {
			p.byte(separator)
		}
		if len(dims) > 1 {
			p.elements(r, oid, dims[1:])
		} else if b, ok := r.element(); ok {
			start := len(p.dst)
			p.value(b, oid)
			if special := string([]byte{'"', '\\', '{', '}', separator}); p.needsQuotes(start, special) || strings.EqualFold(string(p.dst[start:]), "null") {
				p.quote(start, '\\')
			}
		} else {
			p.text("NULL")
		}
	}
	p.byte('}')
}

// vector appends an array of one dimension as an int2vector is written.
func (p *printer) vector(r *reader) {
	a := r.array()
	for i := range a.items {
		if i > 0 {
			p.byte(' ')
		}
		b, _ := r.element()
		p.value(b, a.element)
	}
}

// isRecord tells whether b, of an unknown type, is a record.
func isRecord(b []byte) bool {
	r := reader{b: b}
	n := r.count(8)
	for range n {
		r.uint32()
		r.element()
	}
	return n > 0 && !r.bad && len(r.b) == 0
}

func (p *printer) record(r *reader) {
	p.byte('(')
	for i := range r.count(8) {
		if i > 0 {
			p.byte(',')
		}
		oid := r.uint32()
		if b, ok := r.element(); ok {
			start := len(p.dst)
			p.value(b, oid)
			if p.needsQuotes(start, `"\(),`) {
				p.quote(start, 0)
			}
		}
	}
	p.byte(')')
}

// Flags of a range.
const (
	rangeEmpty      = 0x01
	rangeWithLower  = 0x02
	rangeWithUpper  = 0x04
	rangeUnderLimit = 0x08 // without a lower bound
	rangeOverLimit  = 0x10
)

// rangeOf appends a range with bounds of type oid.
func (p *printer) rangeOf(r *reader, oid uint32) {
	flags := r.uint8()
	if flags&rangeEmpty != 0 {
		p.text("empty")
		return
	}
	p.byte("(["[flags&rangeWithLower/rangeWithLower])
	if flags&rangeUnderLimit == 0 {
		p.bound(r, oid)
	}
	p.byte(',')
	if flags&rangeOverLimit == 0 {
		p.bound(r, oid)
	}
	p.byte(")]"[flags&rangeWithUpper/rangeWithUpper])
}

func (p *printer) bound(r *reader, oid uint32) {
	b, ok := r.element()
	if r.is(ok); r.bad {
		return
	}
	start := len(p.dst)
	p.value(b, oid)
	if p.needsQuotes(start, `"\()[],`) {
		p.quote(start, 0)
	}
}

// multirange appends ranges with bounds of type oid.
func (p *printer) multirange(r *reader, oid uint32) {
	p.byte('{')
	for i := range r.count(5) {
		if i > 0 {
			p.byte(',')
		}
		b, _ := r.element()
		sub := reader{b: b}
		p.rangeOf(&sub, oid)
		r.is(!sub.bad && len(sub.b) == 0)
	}
	p.byte('}')
}

// needsQuotes tells whether what was appended from start on is to stand in quotes in a list: it is empty, or has blanks
// or special characters.
func (p *printer) needsQuotes(start int, special string) bool {
	s := string(p.dst[start:])
	return s == "" || strings.ContainsAny(s, " \t\n\v\f\r") || strings.ContainsAny(s, special)
}

// quote puts what was appended from start on in quotes. Quotes and backslashes in it get an escape before them; 0: they
// are doubled.
func (p *printer) quote(start int, escape byte) {
	s := string(p.dst[start:])
	p.dst = append(p.dst[:start], '"')
	for i := range len(s) {
		if x := s[i]; x == '"' || x == '\\' {
			p.byte(cmp.Or(escape, x))
		}
		p.byte(s[i])
	}
	p.byte('"')
}
