package postgresql

import (
	"bytes"
	"encoding/hex"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
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
