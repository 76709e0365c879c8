package postgresql

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of what binary values become.
const (
	// maxShown is how much text a value may become; one that would be longer is shown as hexadecimal digits. A numeric of
	// 10 bytes can have a thousand digits, and each record around another doubles the quotes in it.
	maxShown = 1 << 20

	// maxNesting is how deep values may lie in others: arrays of records of arrays, operators of tsquery.
	maxNesting = 64
)

// appendValue appends a binary value as the server writes it as text, with its default settings and the time zone UTC.
// What is not as its type says, or has none, is shown as text if it is printable, else as hexadecimal digits.
func appendValue(dst, b []byte, oid uint32) []byte {
	p := printer{dst: dst, limit: len(dst) + maxShown}
	p.value(b, oid)
	return p.dst
}

// printer appends binary values as text.
type printer struct {
	dst   []byte
	limit int // length of dst
	depth int
}

// value appends one value.
func (p *printer) value(b []byte, oid uint32) {
	start := len(p.dst)
	p.depth++
	if len(p.dst) < p.limit && p.depth <= maxNesting {
		r := reader{b: b}
		if p.typed(&r, oid); !r.bad && len(r.b) == 0 && len(p.dst) <= p.limit {
			p.depth--
			return
		}
	}
	p.depth--
	p.dst = hex.AppendEncode(append(p.dst[:start], `\x`...), b)
}

// typed appends the value under r.
func (p *printer) typed(r *reader, oid uint32) {
	switch oid {
	case oidBool:
		p.byte("ft"[r.max(uint64(r.uint8()), 1)])
	case oidInt2:
		p.int(int64(int16(r.uint16())))
	case oidInt4:
		p.int(int64(int32(r.uint32())))
	case oidInt8:
		p.int(int64(r.uint64()))
	case oidXID8:
		p.uint(r.uint64())
	case oidFloat4:
		p.float(float64(math.Float32frombits(r.uint32())), 32)
	case oidFloat8:
		p.float8(r)
	case oidNumeric:
		p.numeric(r)
	case oidMoney:
		p.money(r)
	case oidChar:
		p.char(r.uint8())
	case oidVoid:
	case oidBytea:
		p.dst = hex.AppendEncode(append(p.dst, `\x`...), r.rest())
	case oidJSONB, oidJSONPath:
		r.is(r.uint8() == 1) // the version of the format
		p.bytes(r.rest())
	case oidDate:
		p.date(r)
	case oidTime:
		p.clock(r.uint64())
	case oidTimetz:
		p.clock(r.uint64())
		p.zone(r)
	case oidTimestamp:
		p.timestamp(r, "")
	case oidTimestamptz:
		p.timestamp(r, "+00")
	case oidInterval:
		p.interval(r)
	case oidUUID:
		for i := range 16 {
			if i == 4 || i == 6 || i == 8 || i == 10 {
				p.byte('-')
			}
			p.hex(r.uint8())
		}
	case oidMacaddr:
		p.mac(r, 6)
	case oidMacaddr8:
		p.mac(r, 8)
	case oidInet, oidCIDR:
		p.inet(r, oid == oidCIDR)
	case oidBit, oidVarbit:
		p.bits(r)
	case oidPoint:
		p.point(r)
	case oidLseg:
		p.points(r, "[", 2, "]")
	case oidBox:
		p.points(r, "", 2, "")
	case oidPath:
		if r.uint8() == 0 {
			p.points(r, "[", int(r.uint32()), "]")
			break
		}
		p.points(r, "(", int(r.uint32()), ")")
	case oidPolygon:
		p.points(r, "(", int(r.uint32()), ")")
	case oidLine:
		p.floats(r, "{", 3, "}")
	case oidCircle:
		p.byte('<')
		p.point(r)
		p.floats(r, ",", 1, ">")
	case oidTID:
		p.byte('(')
		p.uint(uint64(r.uint32()))
		p.byte(',')
		p.uint(uint64(r.uint16()))
		p.byte(')')
	case oidLSN:
		p.dst = appendLSN(p.dst, r.uint64())
	case oidSnapshot, oidTxidSnapshot:
		p.snapshot(r)
	case oidTsvector:
		p.tsvector(r)
	case oidTsquery:
		if r.count(2) > 0 {
			p.tsquery(r, 0, false)
		}
	case oidInt2vector, oidOIDvector:
		p.vector(r)
	case oidRecord:
		p.record(r)
	default:
		switch sub := ranges[oid]; {
		case isID(oid):
			p.uint(uint64(r.uint32()))
		case isString(oid):
			p.bytes(r.rest())
		case sub.multi != 0:
			p.multirange(r, sub.multi)
		case sub.bound != 0:
			p.rangeOf(r, sub.bound)
		case strings.HasSuffix(typeNames[uint64(oid)], "[]"), isArray(r.b):
			p.array(r)
		case isRecord(r.b):
			p.record(r)
		default:
			r.is(isPrintable(r.b))
			p.bytes(r.rest())
		}
	}
}

// ranges tells what the bounds are, of a range or of the ranges of a multirange.
var ranges = map[uint32]struct{ bound, multi uint32 }{
	oidInt4range: {bound: oidInt4}, oidInt8range: {bound: oidInt8}, oidNumrange: {bound: oidNumeric},
	oidTsrange: {bound: oidTimestamp}, oidTstzrange: {bound: oidTimestamptz}, oidDaterange: {bound: oidDate},
	oidInt4multirange: {multi: oidInt4}, oidInt8multirange: {multi: oidInt8}, oidNummultirange: {multi: oidNumeric},
	oidTsmultirange: {multi: oidTimestamp}, oidTstzmultirange: {multi: oidTimestamptz}, oidDatemultirange: {multi: oidDate},
}

func (p *printer) byte(b byte)    { p.dst = append(p.dst, b) }
func (p *printer) text(s string)  { p.dst = append(p.dst, s...) }
func (p *printer) bytes(b []byte) { p.dst = append(p.dst, b...) }
func (p *printer) int(i int64)    { p.dst = strconv.AppendInt(p.dst, i, 10) }
func (p *printer) uint(u uint64)  { p.dst = strconv.AppendUint(p.dst, u, 10) }
func (p *printer) hex(b byte)     { p.dst = append(p.dst, hexDigits[b>>4], hexDigits[b&15]) }

// padded appends u in decimal, with zeros before it up to width.
func (p *printer) padded(u uint64, width int) {
	var memory [20]byte
	digits := strconv.AppendUint(memory[:0], u, 10)
	for range width - len(digits) {
		p.byte('0')
	}
	p.bytes(digits)
}

const hexDigits = "0123456789abcdef"

// float appends f, of so many bits, with the fewest digits that mean it.
func (p *printer) float(f float64, bits int) {
	low, high := 1e-4, 1e15
	if bits == 32 {
		low, high = float64(float32(1e-4)), 1e6
	}
	switch a := math.Abs(f); {
	case f != f:
		p.text("NaN")
	case math.IsInf(f, 0):
		p.text("-Infinity"[b2i(f > 0):])
	case a != 0 && (a < low || a >= high):
		p.dst = strconv.AppendFloat(p.dst, f, 'e', -1, bits)
	default:
		p.dst = strconv.AppendFloat(p.dst, f, 'f', -1, bits)
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// maxZeros is how many groups of zeros that a numeric does not hold are written out. A number with more of them before its point or
// at its end, or between its point and the first digit, is written with an exponent: 1e131068.
const maxZeros = 256

// numeric appends a number of any length: groups of four decimal digits, the first of which counts 10000 to the weight.
func (p *printer) numeric(r *reader) {
	n, weight, sign, scale := int(r.uint16()), int(int16(r.uint16())), r.uint16(), int(r.uint16())
	switch sign {
	case 0xC000:
		p.text("NaN")
	case 0xD000:
		p.text("Infinity")
	case 0xF000:
		p.text("-Infinity")
	case 0x4000:
		p.byte('-')
	default:
		r.is(sign == 0)
	}
	groups := r.take(2 * n)
	if r.is(scale < 1<<14); r.bad || sign > 0x4000 {
		return
	}
	group := func(i int) uint64 {
		if i < 0 || i >= n {
			return 0
		}
		return r.max(uint64(groups[2*i])<<8|uint64(groups[2*i+1]), 9999)
	}
	if max(weight+1-n, -weight-1, weight+1-n+scale/4) > maxZeros {
		p.padded(group(0), 1)
		for i := 1; i < n; i++ {
			p.padded(group(i), 4)
		}
		p.byte('e')
		p.int(int64(4 * (weight + 1 - n)))
		return
	}
	if weight < 0 {
		p.byte('0')
	}
	for i := 0; i <= weight; i++ {
		p.padded(group(i), 1+3*b2i(i > 0))
	}
	if scale > 0 {
		p.byte('.')
		end := len(p.dst) + scale
		for i := weight + 1; len(p.dst) < end; i++ {
			p.padded(group(i), 4)
		}
		p.dst = p.dst[:end]
	}
}

// money appends cents as an amount in the locale C.
func (p *printer) money(r *reader) {
	cents := r.uint64()
	if int64(cents) < 0 {
		p.byte('-')
		cents = -cents
	}
	p.byte('$')
	start := len(p.dst)
	p.uint(cents / 100)
	for i := len(p.dst) - 3; i > start; i -= 3 {
		p.dst = slices.Insert(p.dst, i, ',')
	}
	p.byte('.')
	p.padded(cents%100, 2)
}

// char appends the one byte of the type "char".
func (p *printer) char(b byte) {
	switch {
	case b >= 0x80:
		p.bytes([]byte{'\\', '0' + b>>6, '0' + b>>3&7, '0' + b&7})
	case b != 0:
		p.byte(b)
	}
}

// epoch is 2000-01-01T00:00:00Z, where dates and times begin, in seconds since 1970.
const epoch = 946684800

const microsecond = 1_000_000 // of a second

func (p *printer) date(r *reader) {
	switch days := int32(r.uint32()); days {
	case math.MaxInt32:
		p.text("infinity")
	case math.MinInt32:
		p.text("-infinity")
	default:
		p.era(p.day(epoch + int64(days)*24*60*60))
	}
}

// day appends the day of a time, in seconds since 1970, and tells whether it is before the year 1.
func (p *printer) day(s int64) (bc bool) {
	year, month, day := time.Unix(s, 0).UTC().Date()
	if bc = year < 1; bc {
		year = 1 - year
	}
	p.padded(uint64(year), 4)
	p.byte('-')
	p.padded(uint64(month), 2)
	p.byte('-')
	p.padded(uint64(day), 2)
	return bc
}

func (p *printer) era(bc bool) {
	if bc {
		p.text(" BC")
	}
}

// timestamp appends microseconds since the epoch.
func (p *printer) timestamp(r *reader, zone string) {
	const day = 24 * 60 * 60 * microsecond
	switch t := int64(r.uint64()); t {
	case math.MaxInt64:
		p.text("infinity")
	case math.MinInt64:
		p.text("-infinity")
	default:
		days, rest := t/day, t%day
		if rest < 0 {
			days, rest = days-1, rest+day
		}
		bc := p.day(epoch + days*24*60*60)
		p.byte(' ')
		p.clock(uint64(rest))
		p.text(zone)
		p.era(bc)
	}
}

// clock appends microseconds as hours, minutes and seconds.
func (p *printer) clock(t uint64) {
	s := t / microsecond
	p.padded(s/3600, 2)
	p.byte(':')
	p.padded(s/60%60, 2)
	p.byte(':')
	p.padded(s%60, 2)
	if t %= microsecond; t > 0 {
		p.byte('.')
		p.padded(t, 6)
		for p.dst[len(p.dst)-1] == '0' {
			p.dst = p.dst[:len(p.dst)-1]
		}
	}
}

// zone appends seconds west of Greenwich.
func (p *printer) zone(r *reader) {
	s := int64(int32(r.uint32()))
	if s > 0 {
		p.byte('-')
	} else {
		p.byte('+')
		s = -s
	}
	p.padded(uint64(s)/3600, 2)
	if s%3600 != 0 {
		p.byte(':')
		p.padded(uint64(s)/60%60, 2)
	}
	if s%60 != 0 {
		p.byte(':')
		p.padded(uint64(s)%60, 2)
	}
}

// interval appends months, days and microseconds, each with a sign of its own.
func (p *printer) interval(r *reader) {
	t, days, months := int64(r.uint64()), int32(r.uint32()), int32(r.uint32())
	switch {
	case t == math.MaxInt64 && days == math.MaxInt32 && months == math.MaxInt32:
		p.text("infinity")
		return
	case t == math.MinInt64 && days == math.MinInt32 && months == math.MinInt32:
		p.text("-infinity")
		return
	}
	start, negative := len(p.dst), false
	for _, part := range [...]struct {
		n    int32
		unit string
	}{{months / 12, " year"}, {months % 12, " mon"}, {days, " day"}} {
		if part.n == 0 {
			continue
		}
		p.gap(start)
		if negative && part.n > 0 {
			p.byte('+')
		}
		p.int(int64(part.n))
		p.text(part.unit)
		if part.n != 1 {
			p.byte('s')
		}
		negative = part.n < 0
	}
	if t == 0 && len(p.dst) > start {
		return
	}
	p.gap(start)
	switch {
	case t < 0:
		p.byte('-')
		t = -t
	case negative:
		p.byte('+')
	}
	p.clock(uint64(t))
}

// gap appends a blank unless nothing was appended since start.
func (p *printer) gap(start int) {
	if len(p.dst) > start {
		p.byte(' ')
	}
}

func (p *printer) mac(r *reader, n int) {
	for i := range n {
		if i > 0 {
			p.byte(':')
		}
		p.hex(r.uint8())
	}
}

// inet appends an address of a host or a network.
func (p *printer) inet(r *reader, network bool) {
	family, bits := r.uint8(), int(r.uint8())
	r.uint8() // says cidr, as the type does
	b := r.take(int(r.uint8()))
	addr, ok := netip.AddrFromSlice(b)
	if r.is(ok && bits <= 8*len(b) && (family == 2) == addr.Is4() && family <= 3); r.bad {
		return
	}
	if compatible := addr.As16(); addr.Is6() && [12]byte(compatible[:12]) == [12]byte{} && (compatible[12] != 0 || compatible[13] != 0) {
		p.text("::")
		addr = netip.AddrFrom4([4]byte(compatible[12:]))
	}
	p.dst = addr.AppendTo(p.dst)
	if network || bits < 8*len(b) {
		p.byte('/')
		p.int(int64(bits))
	}
}

func (p *printer) bits(r *reader) {
	n := int(r.uint32())
	b := r.take((n + 7) / 8)
	if r.bad {
		return
	}
	for i := range n {
		p.byte('0' + b[i/8]>>(7-i%8)&1)
	}
}

func (p *printer) float8(r *reader) { p.float(math.Float64frombits(r.uint64()), 64) }

func (p *printer) point(r *reader) { p.floats(r, "(", 2, ")") }

// floats appends n numbers between open and shut.
func (p *printer) floats(r *reader, open string, n int, shut string) {
	p.text(open)
	for i := range n {
		if i > 0 {
			p.byte(',')
		}
		p.float8(r)
	}
	p.text(shut)
}

// points appends n points between open and shut.
func (p *printer) points(r *reader, open string, n int, shut string) {
	if r.is(n <= len(r.b)/16); r.bad {
		return
	}
	p.text(open)
	for i := range n {
		if i > 0 {
			p.byte(',')
		}
		p.point(r)
	}
	p.text(shut)
}

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

// reader reads a binary value. After the first thing that is not as it should be it is bad, and reads return zero.
type reader struct {
	b   []byte
	bad bool
}

// is makes r bad unless ok.
func (r *reader) is(ok bool) {
	if !ok {
		r.bad = true
	}
}

// max is v, which is to be at most limit.
func (r *reader) max(v, limit uint64) uint64 {
	if v > limit {
		r.bad = true
		return 0
	}
	return v
}

func (r *reader) take(n int) []byte {
	if r.is(n >= 0 && n <= len(r.b)); r.bad {
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) rest() []byte { return r.take(len(r.b)) }

func (r *reader) uint(n int) (v uint64) {
	for _, x := range r.take(n) {
		v = v<<8 | uint64(x)
	}
	return v
}

func (r *reader) uint8() uint8   { return uint8(r.uint(1)) }
func (r *reader) uint16() uint16 { return uint16(r.uint(2)) }
func (r *reader) uint32() uint32 { return uint32(r.uint(4)) }
func (r *reader) uint64() uint64 { return r.uint(8) }

// count reads how many things of at least size bytes follow.
func (r *reader) count(size int) int {
	n := int(r.uint32())
	if r.is(n <= len(r.b)/size); r.bad {
		return 0
	}
	return n
}

// element reads a value with its length; ok is false for NULL.
func (r *reader) element() (b []byte, ok bool) {
	n := int32(r.uint32())
	if n == -1 {
		return nil, false
	}
	b = r.take(int(n))
	return b, !r.bad
}

// cstring reads text up to its NUL.
func (r *reader) cstring() []byte {
	n := bytes.IndexByte(r.b, 0)
	if r.is(n >= 0); r.bad {
		return nil
	}
	return r.take(n + 1)[:n]
}
