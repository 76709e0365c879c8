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
	"unicode/utf8"

	"github.com/dbtap/dbtap/internal/wire"
)

// Types by their OID in pg_type, as far as the code speaks of them.
const (
	oidBool           = 16
	oidBytea          = 17
	oidChar           = 18
	oidName           = 19
	oidInt8           = 20
	oidInt2           = 21
	oidInt2vector     = 22
	oidInt4           = 23
	oidRegproc        = 24
	oidText           = 25
	oidOID            = 26
	oidTID            = 27
	oidXID            = 28
	oidCID            = 29
	oidOIDvector      = 30
	oidJSON           = 114
	oidXML            = 142
	oidNodeTree       = 194
	oidPoint          = 600
	oidLseg           = 601
	oidPath           = 602
	oidBox            = 603
	oidPolygon        = 604
	oidLine           = 628
	oidCIDR           = 650
	oidFloat4         = 700
	oidFloat8         = 701
	oidUnknown        = 705
	oidCircle         = 718
	oidMacaddr8       = 774
	oidMoney          = 790
	oidMacaddr        = 829
	oidInet           = 869
	oidBpchar         = 1042
	oidVarchar        = 1043
	oidDate           = 1082
	oidTime           = 1083
	oidTimestamp      = 1114
	oidTimestamptz    = 1184
	oidInterval       = 1186
	oidTimetz         = 1266
	oidBit            = 1560
	oidVarbit         = 1562
	oidNumeric        = 1700
	oidRefcursor      = 1790
	oidRegprocedure   = 2202
	oidRegoper        = 2203
	oidRegoperator    = 2204
	oidRegclass       = 2205
	oidRegtype        = 2206
	oidRecord         = 2249
	oidCstring        = 2275
	oidVoid           = 2278
	oidUUID           = 2950
	oidTxidSnapshot   = 2970
	oidLSN            = 3220
	oidTsvector       = 3614
	oidTsquery        = 3615
	oidRegconfig      = 3734
	oidRegdictionary  = 3769
	oidJSONB          = 3802
	oidInt4range      = 3904
	oidNumrange       = 3906
	oidTsrange        = 3908
	oidTstzrange      = 3910
	oidDaterange      = 3912
	oidInt8range      = 3926
	oidJSONPath       = 4072
	oidRegnamespace   = 4089
	oidRegrole        = 4096
	oidRegcollation   = 4191
	oidInt4multirange = 4451
	oidNummultirange  = 4532
	oidTsmultirange   = 4533
	oidTstzmultirange = 4534
	oidDatemultirange = 4535
	oidInt8multirange = 4536
	oidSnapshot       = 5038
	oidXID8           = 5069
)

// typeNames names the types of PostgreSQL 18's pg_type that values can have: int4, and int4[] for its array.
var typeNames = func() wire.Enum {
	names := wire.Enum{}
	for _, t := range []struct {
		oid, array uint64
		name       string
	}{
		{oidBool, 1000, "bool"}, {oidBytea, 1001, "bytea"}, {oidChar, 1002, `"char"`}, {oidName, 1003, "name"},
		{oidInt8, 1016, "int8"}, {oidInt2, 1005, "int2"}, {oidInt2vector, 1006, "int2vector"}, {oidInt4, 1007, "int4"},
		{oidRegproc, 1008, "regproc"}, {oidText, 1009, "text"}, {oidOID, 1028, "oid"}, {oidTID, 1010, "tid"},
		{oidXID, 1011, "xid"}, {oidCID, 1012, "cid"}, {oidOIDvector, 1013, "oidvector"}, {oidJSON, 199, "json"},
		{oidXML, 143, "xml"}, {oidNodeTree, 0, "pg_node_tree"}, {oidPoint, 1017, "point"}, {oidLseg, 1018, "lseg"},
		{oidPath, 1019, "path"}, {oidBox, 1020, "box"}, {oidPolygon, 1027, "polygon"}, {oidLine, 629, "line"},
		{oidCIDR, 651, "cidr"}, {oidFloat4, 1021, "float4"}, {oidFloat8, 1022, "float8"}, {oidUnknown, 0, "unknown"},
		{oidCircle, 719, "circle"}, {oidMacaddr8, 775, "macaddr8"}, {oidMoney, 791, "money"}, {oidMacaddr, 1040, "macaddr"},
		{oidInet, 1041, "inet"}, {1033, 1034, "aclitem"}, {oidBpchar, 1014, "bpchar"}, {oidVarchar, 1015, "varchar"},
		{oidDate, 1182, "date"}, {oidTime, 1183, "time"}, {oidTimestamp, 1115, "timestamp"},
		{oidTimestamptz, 1185, "timestamptz"}, {oidInterval, 1187, "interval"}, {oidTimetz, 1270, "timetz"},
		{oidBit, 1561, "bit"}, {oidVarbit, 1563, "varbit"}, {oidNumeric, 1231, "numeric"}, {oidRefcursor, 2201, "refcursor"},
		{oidRegprocedure, 2207, "regprocedure"}, {oidRegoper, 2208, "regoper"}, {oidRegoperator, 2209, "regoperator"},
		{oidRegclass, 2210, "regclass"}, {oidRegtype, 2211, "regtype"}, {oidRecord, 2287, "record"},
		{oidCstring, 1263, "cstring"}, {2276, 0, "any"}, {2277, 0, "anyarray"}, {oidVoid, 0, "void"}, {2279, 0, "trigger"},
		{2281, 0, "internal"}, {2283, 0, "anyelement"}, {oidUUID, 2951, "uuid"}, {oidTxidSnapshot, 2949, "txid_snapshot"},
		{oidLSN, 3221, "pg_lsn"}, {3361, 0, "pg_ndistinct"}, {3402, 0, "pg_dependencies"}, {3500, 0, "anyenum"},
		{oidTsvector, 3643, "tsvector"}, {oidTsquery, 3645, "tsquery"}, {3642, 3644, "gtsvector"},
		{oidRegconfig, 3735, "regconfig"}, {oidRegdictionary, 3770, "regdictionary"}, {oidJSONB, 3807, "jsonb"},
		{3831, 0, "anyrange"}, {oidInt4range, 3905, "int4range"}, {oidNumrange, 3907, "numrange"},
		{oidTsrange, 3909, "tsrange"}, {oidTstzrange, 3911, "tstzrange"}, {oidDaterange, 3913, "daterange"},
		{oidInt8range, 3927, "int8range"}, {oidJSONPath, 4073, "jsonpath"}, {oidRegnamespace, 4090, "regnamespace"},
		{oidRegrole, 4097, "regrole"}, {oidRegcollation, 4192, "regcollation"}, {oidInt4multirange, 6150, "int4multirange"},
		{oidNummultirange, 6151, "nummultirange"}, {oidTsmultirange, 6152, "tsmultirange"},
		{oidTstzmultirange, 6153, "tstzmultirange"}, {oidDatemultirange, 6155, "datemultirange"},
		{oidInt8multirange, 6157, "int8multirange"}, {4537, 0, "anymultirange"}, {4600, 0, "pg_brin_bloom_summary"},
		{4601, 0, "pg_brin_minmax_multi_summary"}, {5017, 0, "pg_mcv_list"}, {oidSnapshot, 5039, "pg_snapshot"},
		{oidXID8, 271, "xid8"},
	} {
		names[t.oid] = t.name
		if t.array != 0 {
			names[t.array] = t.name + "[]"
		}
	}
	return names
}()

var boolNames = wire.Enum{0: "false", 1: "true"}

// How values are shown, by type: those that came as text, and those that came in binary.
var textTypes, binaryTypes = func() (text, binary map[uint32]*wire.Type) {
	text, binary = map[uint32]*wire.Type{}, map[uint32]*wire.Type{}
	for n, name := range typeNames {
		oid := uint32(n)
		text[oid] = &wire.Type{Name: name, Append: func(dst, b []byte) []byte { return append(dst, b...) }}
		binary[oid] = &wire.Type{Name: name, Append: func(dst, b []byte) []byte { return appendValue(dst, b, oid) }}
	}
	return text, binary
}()

var (
	opaque = &wire.Type{Name: "unknown", Append: func(dst, b []byte) []byte { return appendValue(dst, b, 0) }}
	null   = &wire.Type{Name: "null", Append: func(dst, _ []byte) []byte { return append(dst, "null"...) }}
)

// value reads one value of n bytes, -1 for NULL, as a field called name: of a row, a parameter, a tuple. oid is its type,
// 0 if that is not known; format is 0 for text and 1 for binary.
func value(c *wire.Cursor, name string, n int, oid uint32, format int16) {
	was := c.Classify(wire.Value)
	if n == -1 {
		c.Skip(name, 0, null)
	} else {
		f := c.Limit(name, n, 0)
		if !c.Elide() {
			show(c, name, n, oid, format)
		}
		c.Leave(f)
	}
	c.Classify(was)
}

// show makes a value a field: a number, text, or octets that its type shows.
func show(c *wire.Cursor, name string, n int, oid uint32, format int16) {
	b := c.Rest()
	kind, v, ok := number(b, oid, format)
	switch {
	case ok && len(b) == n:
		c.Number(name, n, kind, v)
		if oid == oidBool {
			c.Enum(boolNames)
		}
	case isText(b, oid, format):
		c.String(name, n)
	case format == 0:
		c.Skip(name, n, textTypes[oid])
	case binaryTypes[oid] != nil:
		c.Skip(name, n, binaryTypes[oid])
	default:
		c.Skip(name, n, opaque)
	}
}

// number is the integer that a value is.
func number(b []byte, oid uint32, format int16) (kind wire.Kind, v uint64, ok bool) {
	size := 4
	kind = wire.Signed
	switch oid {
	case oidBool:
		size, kind = 1, wire.Unsigned
	case oidInt2:
		size = 2
	case oidInt4:
	case oidInt8:
		size = 8
	case oidXID8:
		size, kind = 8, wire.Unsigned
	case oidOID, oidXID, oidCID, oidRegproc, oidRegprocedure, oidRegoper, oidRegoperator, oidRegclass, oidRegtype,
		oidRegconfig, oidRegdictionary, oidRegnamespace, oidRegrole, oidRegcollation:
		kind = wire.Unsigned
	default:
		return 0, 0, false
	}
	switch {
	case format != 0 && len(b) != size:
		return 0, 0, false
	case format != 0:
		for _, x := range b {
			v = v<<8 | uint64(x)
		}
		if kind == wire.Signed {
			v = uint64(int64(v<<(64-8*size)) >> (64 - 8*size))
		}
		return kind, v, oid != oidBool || v <= 1
	case oid == oidBool:
		switch string(b) {
		case "t", "true":
			return kind, 1, true
		case "f", "false":
			return kind, 0, true
		}
		return 0, 0, false
	case kind == wire.Signed:
		i, err := strconv.ParseInt(string(b), 10, 64)
		return kind, uint64(i), err == nil
	}
	v, err := strconv.ParseUint(string(b), 10, 64)
	return kind, v, err == nil
}

// isText tells whether a value is text for people, and not the text of something else.
func isText(b []byte, oid uint32, format int16) bool {
	switch oid {
	case oidText, oidVarchar, oidBpchar, oidName, oidJSON, oidXML, oidUnknown, oidCstring, oidRefcursor, oidNodeTree:
		return true
	case oidChar, oidJSONB, oidJSONPath:
		return format == 0
	}
	return typeNames[uint64(oid)] == "" && (format == 0 || isPrintable(b))
}

// isPrintable tells whether b is text: UTF-8 without control characters but those that lay it out.
func isPrintable(b []byte) bool {
	for _, x := range b {
		if x < ' ' && x != '\t' && x != '\n' && x != '\r' || x == 0x7F {
			return false
		}
	}
	return utf8.Valid(b)
}

// Limits of what binary values become.
const (
	// maxShown is how much text a value may become; one that would be longer is shown as hexadecimal digits. A numeric of
	// 8 bytes can have 131072 digits before its point, and each record around another doubles the quotes in it.
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
	case oidOID, oidXID, oidCID, oidRegproc, oidRegprocedure, oidRegoper, oidRegoperator, oidRegclass, oidRegtype,
		oidRegconfig, oidRegdictionary, oidRegnamespace, oidRegrole, oidRegcollation:
		p.uint(uint64(r.uint32()))
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
	case oidText, oidVarchar, oidBpchar, oidName, oidJSON, oidXML, oidUnknown, oidCstring, oidRefcursor, oidNodeTree, oidVoid:
		p.bytes(r.rest())
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
