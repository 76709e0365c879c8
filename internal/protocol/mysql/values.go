package mysql

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math"
	"strconv"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/wire"
)

// Types of columns and parameters (MYSQL_TYPE_*).
const (
	typeDecimal    = 0
	typeTiny       = 1
	typeShort      = 2
	typeLong       = 3
	typeFloat      = 4
	typeDouble     = 5
	typeNull       = 6
	typeTimestamp  = 7
	typeLongLong   = 8
	typeInt24      = 9
	typeDate       = 10
	typeTime       = 11
	typeDatetime   = 12
	typeYear       = 13
	typeNewDate    = 14
	typeVarchar    = 15
	typeBit        = 16
	typeVector     = 242
	typeBool       = 244
	typeJSON       = 245
	typeNewDecimal = 246
	typeEnum       = 247
	typeSet        = 248
	typeTinyBlob   = 249
	typeMediumBlob = 250
	typeLongBlob   = 251
	typeBlob       = 252
	typeVarString  = 253
	typeString     = 254
	typeGeometry   = 255
)

var typeNames = wire.Enum{
	typeDecimal: "DECIMAL", typeTiny: "TINY", typeShort: "SHORT", typeLong: "LONG", typeFloat: "FLOAT", typeDouble: "DOUBLE",
	typeNull: "NULL", typeTimestamp: "TIMESTAMP", typeLongLong: "LONGLONG", typeInt24: "INT24", typeDate: "DATE",
	typeTime: "TIME", typeDatetime: "DATETIME", typeYear: "YEAR", typeNewDate: "NEWDATE", typeVarchar: "VARCHAR",
	typeBit: "BIT", 17: "TIMESTAMP2", 18: "DATETIME2", 19: "TIME2", 20: "TYPED_ARRAY", 140: "BLOB_COMPRESSED",
	141: "VARCHAR_COMPRESSED", typeVector: "VECTOR", 243: "INVALID", typeBool: "BOOL", typeJSON: "JSON",
	typeNewDecimal: "NEWDECIMAL", typeEnum: "ENUM", typeSet: "SET", typeTinyBlob: "TINY_BLOB",
	typeMediumBlob: "MEDIUM_BLOB", typeLongBlob: "LONG_BLOB", typeBlob: "BLOB", typeVarString: "VAR_STRING",
	typeString: "STRING", typeGeometry: "GEOMETRY",
}

const (
	unsignedFlag  = 32 // of a column
	binaryCharset = 63 // of text that is bytes

	// variable is what decimals says of a number or a time with as many digits as it happens to have.
	variable = 31
)

// column is what a column definition says of the values of its column.
type column struct {
	name     string // borrowed
	typ      byte
	charset  uint16
	flags    uint16
	decimals byte
}

// lengthEncoded reads an integer that says in its first byte how long it is.
func lengthEncoded(c *wire.Cursor, name string) uint64 {
	b := c.Rest()
	if len(b) == 0 || b[0] < 0xFB {
		return uint64(c.Uint8(name))
	}
	n := 9
	switch b[0] {
	case 0xFB, 0xFF:
		c.Fail(name, "no length")
		return 0
	case 0xFC:
		n = 3
	case 0xFD:
		n = 4
	}
	if len(b) < n { // what follows cannot be found
		switch n {
		case 3:
			c.Uint24LE(name)
		case 4:
			c.Uint32LE(name)
		default:
			c.Uint64LE(name)
		}
		return 0
	}
	return c.Number(name, n, wire.Unsigned, little(b[1:n]))
}

// little is the number whose lowest byte comes first in b, of at most 8 bytes.
func little(b []byte) (v uint64) {
	for i, c := range b {
		v |= uint64(c) << (8 * i)
	}
	return v
}

// textValue reads a value of a text row as a group that is named by its column.
func textValue(c *wire.Cursor, col *column) {
	was := c.Classify(wire.Value)
	g := c.Group(col.name)
	if b := c.Rest(); len(b) > 0 && b[0] == 0xFB {
		c.Skip("value", 1, null)
		c.Stands()
	} else {
		content(c, col)
	}
	c.End(g)
	c.Classify(was)
}

// nullValue is the NULL of a binary row or of a parameter, which has no bytes.
func nullValue(c *wire.Cursor, name string) {
	was := c.Classify(wire.Value)
	c.Skip(name, 0, null)
	c.Classify(was)
}

// parameter reads a value that the client binds, of an EXECUTE or of a query attribute, into the innermost group.
func parameter(c *wire.Cursor, typ byte, unsigned, secret bool) {
	col := column{typ: typ, decimals: variable}
	if unsigned {
		col.flags = unsignedFlag
	}
	if typ >= typeTinyBlob && typ <= typeBlob {
		col.charset = binaryCharset
	}
	was := c.Classify(wire.Value)
	if secret {
		c.Classify(wire.Secret)
	}
	binaryContent(c, &col, "value")
	c.Classify(was)
	c.Stands()
}

// listed puts the value that b begins with, of a parameter that is not NULL, on a list.
func listed(list *l7.Parameters, b []byte, typ byte, unsigned bool) {
	if list == nil {
		return
	}
	n := binarySize(typ, b)
	if n < 0 {
		list.Word(`"(cut)"`)
		return
	}
	b = b[:n]
	switch typ {
	case typeNull:
		list.Word("null")
	case typeTiny, typeShort, typeYear, typeLong, typeInt24, typeLongLong, typeBool:
		v, kind := little(b), wire.Unsigned
		if shift := 64 - 8*n; !unsigned {
			v, kind = uint64(int64(v<<shift)>>shift), wire.Signed
		}
		list.Number(kind, v)
	case typeFloat, typeDouble:
		list.Show(floats[variable], b, true)
	case typeDate, typeNewDate:
		list.Show(dates[0], b[1:], false)
	case typeDatetime, typeTimestamp:
		list.Show(datetimes[len(datetimes)-1], b[1:], false)
	case typeTime:
		list.Show(times[len(times)-1], b[1:], false)
	default:
		_, width := lengthOf(b)
		if b = b[width:]; typ == typeDecimal || typ == typeNewDecimal {
			list.Show(verbatim, b, true)
			break
		}
		list.Text(b)
	}
}

// binaryValue reads a value of a binary row, which is not NULL, as a field or a group that is named by its column.
func binaryValue(c *wire.Cursor, col *column) {
	was := c.Classify(wire.Value)
	switch col.typ {
	case typeTiny, typeShort, typeYear, typeLong, typeInt24, typeLongLong, typeBool, typeFloat, typeDouble, typeNull:
		binaryContent(c, col, col.name)
	default:
		g := c.Group(col.name)
		binaryContent(c, col, "value")
		c.End(g)
	}
	c.Classify(was)
}

// binaryContent reads a value that is not NULL as a field called name, behind its length if it has one.
func binaryContent(c *wire.Cursor, col *column, name string) {
	switch col.typ {
	case typeTiny:
		integer(c, col, name, 1)
	case typeShort:
		integer(c, col, name, 2)
	case typeYear:
		c.Skip(name, 2, year)
	case typeLong, typeInt24:
		integer(c, col, name, 4)
	case typeLongLong:
		integer(c, col, name, 8)
	case typeBool:
		c.Uint8(name)
		c.Enum(boolNames)
	case typeFloat:
		c.Skip(name, 4, floats[min(col.decimals, variable)])
	case typeDouble:
		c.Skip(name, 8, floats[min(col.decimals, variable)])
	case typeNull:
		c.Skip(name, 0, null)
	case typeDate, typeNewDate:
		temporal(c, col, dates, 4, 7, 11)
	case typeDatetime, typeTimestamp:
		temporal(c, col, datetimes, 4, 7, 11)
	case typeTime:
		temporal(c, col, times, 8, 12, 12)
	default:
		content(c, col)
	}
}

var boolNames = wire.Enum{0: "false", 1: "true"}

// integer reads a number of n bytes.
func integer(c *wire.Cursor, col *column, name string, n int) {
	b := c.Rest()
	v, kind := little(b[:min(n, len(b))]), wire.Unsigned
	if col.flags&unsignedFlag == 0 {
		shift := 64 - 8*n
		v, kind = uint64(int64(v<<shift)>>shift), wire.Signed
	}
	c.Number(name, n, kind, v)
}

// temporal reads a date or a time: a length, which is 0 if all parts are 0 and else one of three, and the parts.
func temporal(c *wire.Cursor, col *column, types []*wire.Type, a, b, most uint8) {
	n := c.Uint8("length")
	c.Detail()
	if n != 0 && n != a && n != b && n != most {
		c.Fail("length", "no length of a date or a time")
	}
	c.Skip("value", int(n), types[min(int(col.decimals), len(types)-1)])
	c.Stands()
}

// content reads a length and so many bytes, which are of a type. Numbers and times that are text are shown as they are
// and compared as what they are.
func content(c *wire.Cursor, col *column) {
	n := int(lengthEncoded(c, "length"))
	c.Detail()
	switch col.typ {
	case typeDecimal, typeTiny, typeShort, typeLong, typeFloat, typeDouble, typeTimestamp, typeLongLong, typeInt24, typeDate,
		typeTime, typeDatetime, typeYear, typeNewDate, typeNewDecimal:
		c.Skip("value", n, verbatim)
	case typeBit:
		if b := c.Rest(); n > 0 && n <= 8 && n <= len(b) {
			var v uint64
			for _, d := range b[:n] {
				v = v<<8 | uint64(d)
			}
			c.Number("value", n, wire.Unsigned, v)
			break
		}
		c.Skip("value", n, nil)
	case typeGeometry:
		c.Skip("value", n, geometry)
	case typeVector:
		c.Skip("value", n, vector)
	default:
		if col.charset == binaryCharset && col.typ != typeJSON {
			c.Skip("value", n, nil)
			break
		}
		was := c.Cut()
		c.String("value", n)
		c.Forgive(was) // no fact needs it
	}
	c.Stands()
}

// How values are shown that are not numbers or text: as the server writes them in text rows.
var (
	null       = &wire.Type{Name: "null", Word: true, Append: func(dst, _ []byte) []byte { return append(dst, "NULL"...) }}
	sentBefore = &wire.Type{Name: "long data", Word: true, Append: func(dst, _ []byte) []byte { return append(dst, "(long data)"...) }}
	verbatim   = &wire.Type{Name: "number", Append: func(dst, b []byte) []byte { return append(dst, b...) }}
	geometry   = &wire.Type{Name: "geometry", Append: appendGeometry}
	vector     = &wire.Type{Name: "vector", Append: appendVector}
	year       = &wire.Type{Name: "year", Append: appendYear}
	dates      = byDecimals("date", 0, appendDate)
	datetimes  = byDecimals("datetime", 7, appendDatetime)
	times      = byDecimals("time", 7, appendTime)
	floats     = byDecimals("float", variable, appendFloat)
)

// byDecimals makes a type for each number of decimals up to most, which stands for a variable number.
func byDecimals(name string, most int, show func(dst, b []byte, decimals int) []byte) (types []*wire.Type) {
	for decimals := range most + 1 {
		types = append(types, &wire.Type{Name: name, Append: func(dst, b []byte) []byte { return show(dst, b, decimals) }})
	}
	return types
}

func appendYear(dst, b []byte) []byte { return appendPadded(dst, little(b), 4) }

func appendDate(dst, b []byte, _ int) []byte {
	var d [4]byte
	copy(d[:], b)
	dst = appendPadded(dst, uint64(binary.LittleEndian.Uint16(d[:])), 4)
	dst = appendPadded(append(dst, '-'), uint64(d[2]), 2)
	return appendPadded(append(dst, '-'), uint64(d[3]), 2)
}

func appendDatetime(dst, b []byte, decimals int) []byte {
	var d [11]byte
	n := copy(d[:], b)
	dst = append(appendDate(dst, d[:], 0), ' ')
	return appendClock(dst, uint64(d[4]), d[5], d[6], d[7:], n == len(d), decimals)
}

func appendTime(dst, b []byte, decimals int) []byte {
	var d [12]byte
	n := copy(d[:], b)
	if d[0] != 0 {
		dst = append(dst, '-')
	}
	hours := uint64(binary.LittleEndian.Uint32(d[1:]))*24 + uint64(d[5])
	return appendClock(dst, hours, d[6], d[7], d[8:], n == len(d), decimals)
}

// appendClock writes a time of day. fraction is the microseconds; sent tells whether they were there.
func appendClock(dst []byte, hours uint64, minute, second byte, fraction []byte, sent bool, decimals int) []byte {
	dst = appendPadded(dst, hours, 2)
	dst = appendPadded(append(dst, ':'), uint64(minute), 2)
	dst = appendPadded(append(dst, ':'), uint64(second), 2)
	if decimals > 6 {
		if decimals = 6; !sent {
			decimals = 0
		}
	}
	if decimals == 0 {
		return dst
	}
	at := len(dst) + 1 + decimals
	return appendPadded(append(dst, '.'), uint64(binary.LittleEndian.Uint32(fraction)), 6)[:at]
}

// appendPadded writes v with at least so many digits.
func appendPadded(dst []byte, v uint64, digits int) []byte {
	for least := uint64(10); digits > 1; digits, least = digits-1, least*10 {
		if v < least {
			dst = append(dst, '0')
		}
	}
	return strconv.AppendUint(dst, v, 10)
}

// appendFloat writes a FLOAT of 4 or a DOUBLE of 8 bytes as the server does: with as many decimals as its column has,
// otherwise with the fewest digits that tell it apart, of a FLOAT no more than 6.
func appendFloat(dst, b []byte, decimals int) []byte {
	var v float64
	digits := -1
	if len(b) == 4 {
		v, digits = float64(math.Float32frombits(binary.LittleEndian.Uint32(b))), 5
	} else if len(b) == 8 {
		v = math.Float64frombits(binary.LittleEndian.Uint64(b))
	}
	if decimals < variable {
		return strconv.AppendFloat(dst, v, 'f', decimals, 64)
	}
	var memory [32]byte
	text := strconv.AppendFloat(memory[:0], v, 'e', digits, 64)
	number, power, ok := bytes.Cut(text, []byte("e"))
	if !ok { // not a number, or infinite
		return append(dst, text...)
	}
	if digits > 0 {
		v, _ = strconv.ParseFloat(string(text), 64)
		number = bytes.TrimRight(bytes.TrimRight(number, "0"), ".")
	}
	exponent, _ := strconv.Atoi(string(power))
	if exponent < -maxPlain || exponent >= maxPlain {
		return strconv.AppendInt(append(append(dst, number...), 'e'), int64(exponent), 10)
	}
	_, fraction, _ := bytes.Cut(number, []byte("."))
	return strconv.AppendFloat(dst, v, 'f', max(len(fraction)-exponent, 0), 64)
}

// maxPlain is how many digits before the point, or zeros behind it, the server writes without an exponent.
const maxPlain = 15

// wkbNames are the types of the well-known binary form of shapes.
var wkbNames = wire.Enum{1: "POINT", 2: "LINESTRING", 3: "POLYGON", 4: "MULTIPOINT", 5: "MULTILINESTRING", 6: "MULTIPOLYGON",
	7: "GEOMETRYCOLLECTION"}

// appendGeometry writes what a shape is: its reference system, if it has one, and its type; of a point also where it is.
func appendGeometry(dst, b []byte) []byte {
	if len(b) < 9 {
		return hex.AppendEncode(dst, b)
	}
	if srid := binary.LittleEndian.Uint32(b); srid != 0 {
		dst = append(strconv.AppendUint(append(dst, "SRID="...), uint64(srid), 10), ';')
	}
	var order binary.ByteOrder = binary.LittleEndian
	if b[4] == 0 {
		order = binary.BigEndian
	}
	name, ok := wkbNames[uint64(order.Uint32(b[5:]))]
	if !ok {
		return hex.AppendEncode(dst, b)
	}
	if dst = append(dst, name...); name == "POINT" && len(b) == 25 {
		for i, before := range []byte("( ") {
			dst = strconv.AppendFloat(append(dst, before), math.Float64frombits(order.Uint64(b[9+8*i:])), 'g', -1, 64)
		}
		dst = append(dst, ')')
	}
	return dst
}

// appendVector writes a list of 4-byte floats.
func appendVector(dst, b []byte) []byte {
	dst = append(dst, '[')
	for i := 0; i+4 <= len(b); i += 4 {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendFloat(dst, float64(math.Float32frombits(binary.LittleEndian.Uint32(b[i:]))), 'g', -1, 32)
	}
	return append(dst, ']')
}
