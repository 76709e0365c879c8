package mongodb

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dbtap/dbtap/internal/wire"
)

// BSON types (bsonspec.org, version 1.1).
const (
	typeEnd        = 0x00
	typeDouble     = 0x01
	typeString     = 0x02
	typeDocument   = 0x03
	typeArray      = 0x04
	typeBinary     = 0x05
	typeUndefined  = 0x06
	typeObjectID   = 0x07
	typeBool       = 0x08
	typeDate       = 0x09
	typeNull       = 0x0A
	typeRegex      = 0x0B
	typeDBPointer  = 0x0C
	typeCode       = 0x0D
	typeSymbol     = 0x0E
	typeCodeScope  = 0x0F
	typeInt32      = 0x10
	typeTimestamp  = 0x11
	typeInt64      = 0x12
	typeDecimal128 = 0x13
	typeMaxKey     = 0x7F
	typeMinKey     = 0xFF
)

var typeNames = wire.Enum{
	typeDouble: "double", typeString: "string", typeDocument: "document", typeArray: "array", typeBinary: "binary",
	typeUndefined: "undefined", typeObjectID: "objectId", typeBool: "bool", typeDate: "date", typeNull: "null",
	typeRegex: "regex", typeDBPointer: "dbPointer", typeCode: "javascript", typeSymbol: "symbol",
	typeCodeScope: "javascriptWithScope", typeInt32: "int32", typeTimestamp: "timestamp", typeInt64: "int64",
	typeDecimal128: "decimal128", typeMaxKey: "maxKey", typeMinKey: "minKey",
}

var subtypeNames = wire.Enum{
	0: "generic", 1: "function", 2: "old binary", 3: "old UUID", 4: "UUID", 5: "MD5", 6: "encrypted", 7: "column",
	8: "sensitive", 9: "vector", 0x80: "user defined",
}

var boolNames = wire.Enum{0: "false", 1: "true"}

// maxDepth is how deep documents may nest. The manual says 100, servers allow 200; the rest is room.
const maxDepth = 255

// size is the length of a value of type t whose bytes b begins with: -1 if b is too short to tell, -2 for a type that
// is not BSON's.
func size(t byte, b []byte) int {
	switch t {
	case typeUndefined, typeNull, typeMaxKey, typeMinKey:
		return 0
	case typeBool:
		return 1
	case typeInt32:
		return 4
	case typeDouble, typeDate, typeTimestamp, typeInt64:
		return 8
	case typeObjectID:
		return 12
	case typeDecimal128:
		return 16
	case typeRegex:
		for i, n := 0, 0; i < len(b); i++ {
			if b[i] == 0 {
				if n++; n == 2 {
					return i + 1
				}
			}
		}
		return -1
	}
	if len(b) < 4 {
		return -1
	}
	n := int(int32(binary.LittleEndian.Uint32(b)))
	if n < 0 {
		return -2
	}
	switch t {
	case typeDocument, typeArray, typeCodeScope:
		return n
	case typeString, typeCode, typeSymbol:
		return 4 + n
	case typeBinary:
		return 5 + n
	case typeDBPointer:
		return 4 + n + 12
	}
	return -2
}

// document walks over the elements of one BSON document under a cursor. Its own elements are read one by one; a value
// nobody asks for is passed over, or described at any depth if somebody watches.
type document struct {
	c     *wire.Cursor
	frame wire.Frame
	group int32 // of the element being read
	in    bool  // an element is being read
	typ   byte
	key   []byte
	flat  bool // it is no user's document: numbers of known names may be shown
	guard bool // values whose keys are those of secrets are never shown, at any depth
	whole bool // its end was read
}

// open begins the document that is next under c; its fields go to the innermost group.
func open(c *wire.Cursor, flat, guard bool) document {
	n := c.Int32LE("length")
	c.Detail()
	return document{c: c, frame: c.Limit("length", int(n), 4), flat: flat, guard: guard}
}

// next moves to the next element: its type and key are read, its value is next under the cursor. At the document's
// end it returns false and the document is closed.
func (d *document) next() bool {
	c := d.c
	if d.in {
		c.End(d.group)
	}
	d.in = false
	if !c.More() {
		if c.Err() == nil && c.Cut() == nil {
			c.Fail("document", "a document without its end")
		}
		c.Leave(d.frame)
		return false
	}
	d.group = c.Group("element")
	d.typ = c.Uint8("type")
	if d.typ == typeEnd {
		c.Retitle("terminator")
		c.End(d.group)
		if c.More() {
			c.Fail("terminator", "a document's length reaches beyond its end")
		}
		d.whole = c.Err() == nil
		c.Leave(d.frame)
		return false
	}
	c.Enum(typeNames)
	c.Detail()
	d.key = c.CString("name")
	c.Key()
	d.in = true
	return true
}

// skip passes over the value, or describes it whole if somebody watches.
func (d *document) skip() {
	if hidden(d.key, d.guard) {
		d.hide()
		return
	}
	was := d.c.Cut()
	d.c.Classify(wire.Value)
	value(d.c, d.typ, d.guard)
	d.c.Classify(wire.Structure)
	if d.flat && number(d.typ) {
		d.c.Declassify(public)
	}
	d.c.Forgive(was)
}

// number tells whether values of type t are numbers, bools or times.
func number(t byte) bool {
	switch t {
	case typeBool, typeInt32, typeInt64, typeDouble, typeDate, typeTimestamp:
		return true
	}
	return false
}

// hide passes over a value that nobody may ever see; that some of it may not have been kept is no matter.
func (d *document) hide() {
	was := d.c.Cut()
	conceal(d.c, d.typ)
	d.c.Forgive(was)
}

// text reads a string, or passes over a value of another type.
func (d *document) text() []byte {
	if d.typ != typeString {
		d.skip()
		return nil
	}
	return str(d.c)
}

// private reads a string that may quote a user's data, or what nobody may see.
func (d *document) private(class wire.Class) []byte {
	if d.typ != typeString {
		d.skip()
		return nil
	}
	d.c.Classify(class)
	s := str(d.c)
	d.c.Classify(wire.Structure)
	return s
}

// word reads a string that is an identifier, or has the marks of those; any other may be a user's data, and is passed
// over.
func (d *document) word(marks string) []byte {
	b := d.c.Rest()
	if d.typ == typeString && len(b) >= 4 {
		n := int(int32(binary.LittleEndian.Uint32(b))) - 1
		if n < 0 || n > maxIdentifier || !identifier(b[4:min(4+n, len(b))], marks) {
			d.skip()
			return nil
		}
	}
	return d.text() // what was cut of it is missed
}

// maxIdentifier is the length of the longest name of an error, with room.
const maxIdentifier = 64

func identifier(b []byte, marks string) bool {
	for _, c := range b {
		if !letter(c) && strings.IndexByte(marks, c) < 0 {
			return false
		}
	}
	return true
}

// number reads a number or a bool as an integer, or passes over a value of another type.
func (d *document) number() (n int64, ok bool) {
	if !d.flat {
		d.c.Classify(wire.Value) // it may be a user's
	}
	ok = true
	switch d.typ {
	case typeInt32:
		n = int64(d.c.Int32LE("value"))
		d.c.Stands()
	case typeInt64:
		n = d.c.Int64LE("value")
		d.c.Stands()
	case typeDouble:
		f := math.Float64frombits(d.c.Float64LE("value"))
		d.c.Stands()
		if ok = math.Abs(f) < 1<<62; ok {
			n = int64(f)
		}
	case typeBool:
		n = int64(d.c.Uint8("value"))
		d.c.Enum(boolNames)
		d.c.Stands()
	default:
		ok = false
		d.skip()
	}
	d.c.Classify(wire.Structure)
	return n, ok && d.c.Err() == nil
}

// document begins the document or array that is the value; ok is false, and the value passed over, if it is none.
func (d *document) document() (sub document, ok bool) {
	if d.typ != typeDocument && d.typ != typeArray {
		d.skip()
		return sub, false
	}
	return open(d.c, d.flat, d.guard), true
}

// str reads the value of a string: its length with the NUL, the text, the NUL.
func str(c *wire.Cursor) []byte {
	n := int(c.Int32LE("length"))
	c.Detail()
	s := c.Terminated("value", n)
	c.Stands()
	return s
}

// text passes over the value of a string.
func text(c *wire.Cursor) {
	n := int(c.Int32LE("length"))
	c.Detail()
	c.SkipText("value", n)
	c.Stands()
}

// conceal passes over a value that nobody may ever see. A document is not looked into: its keys may be secret as well.
func conceal(c *wire.Cursor, t byte) {
	was := c.Classify(wire.Secret)
	switch t {
	case typeDocument, typeArray, typeCodeScope:
		n := int(c.Int32LE("length"))
		c.Detail()
		f := c.Limit("length", n, 4)
		if !c.Elide() {
			c.Skip("value", c.Left(), nil)
			c.Stands()
		}
		c.Leave(f)
	default:
		value(c, t, true)
	}
	c.Classify(was)
}

// value passes over a value of type t. guard: see document.
func value(c *wire.Cursor, t byte, guard bool) {
	switch t {
	case typeDocument, typeArray:
		n := int(c.Int32LE("length"))
		c.Detail()
		f := c.Limit("length", n, 4)
		if !c.Elide() {
			describe(c, f, t, guard)
			return
		}
		c.Leave(f)
	case typeString, typeCode, typeSymbol:
		text(c)
	case typeBool:
		c.Uint8("value")
		c.Enum(boolNames)
		c.Stands()
	case typeInt32:
		c.Int32LE("value")
		c.Stands()
	case typeInt64:
		c.Int64LE("value")
		c.Stands()
	case typeDouble:
		c.Float64LE("value")
		c.Stands()
	case typeObjectID:
		fixed(c, 12, objectID)
	case typeDate:
		fixed(c, 8, date)
	case typeTimestamp:
		fixed(c, 8, timestamp)
	case typeDecimal128:
		fixed(c, 16, decimal128)
	case typeNull:
		fixed(c, 0, null)
	case typeUndefined:
		fixed(c, 0, undefined)
	case typeMinKey:
		fixed(c, 0, minKey)
	case typeMaxKey:
		fixed(c, 0, maxKey)
	case typeBinary:
		n := int(c.Int32LE("length"))
		c.Detail()
		sub := c.Uint8("subtype")
		c.Enum(subtypeNames)
		c.Detail()
		if sub == 2 && n >= 4 { // the old binary has a second length inside
			c.Int32LE("innerLength")
			c.Detail()
			n -= 4
		}
		var show *wire.Type
		if (sub == 3 || sub == 4) && n == 16 {
			show = uuid
		}
		c.Skip("value", n, show)
		c.Stands()
	case typeRegex:
		c.CString("pattern")
		c.Stands()
		c.CString("options")
	case typeDBPointer:
		text(c)
		c.Skip("id", 12, objectID)
	case typeCodeScope:
		n := int(c.Int32LE("length"))
		c.Detail()
		f := c.Limit("length", n, 4)
		if !c.Elide() {
			text(c)
			g := c.Group("scope")
			value(c, typeDocument, guard)
			c.End(g)
		}
		c.Leave(f)
	default:
		c.Fail("type", "no type of BSON")
	}
}

func fixed(c *wire.Cursor, n int, t *wire.Type) {
	c.Skip("value", n, t)
	c.Stands()
}

// describe describes every element of the document under c, whose length f set, at any depth, without recursion.
func describe(c *wire.Cursor, f wire.Frame, t byte, guard bool) {
	type level struct {
		d     document
		array bool
	}
	stack := []level{{document{c: c, frame: f}, t == typeArray}}
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		if !top.d.next() {
			stack = stack[:len(stack)-1]
			continue
		}
		if top.array {
			c.Index()
		}
		switch t := top.d.typ; {
		case hidden(top.d.key, guard):
			conceal(c, t)
		case t != typeDocument && t != typeArray:
			value(c, t, guard)
		case len(stack) >= maxDepth:
			c.Fail("document", "documents nest too deep")
		default:
			n := int(c.Int32LE("length"))
			c.Detail()
			stack = append(stack, level{document{c: c, frame: c.Limit("length", n, 4)}, t == typeArray})
		}
	}
}

// How values are shown that are not numbers or text.
var (
	objectID   = &wire.Type{Name: "objectId", Append: func(dst, b []byte) []byte { return hex.AppendEncode(dst, b) }}
	uuid       = &wire.Type{Name: "uuid", Append: appendUUID}
	date       = &wire.Type{Name: "date", Append: appendDate}
	timestamp  = &wire.Type{Name: "timestamp", Append: appendTimestamp}
	decimal128 = &wire.Type{Name: "decimal128", Append: appendDecimal128}
	null       = constant("null")
	undefined  = constant("undefined")
	minKey     = constant("minKey")
	maxKey     = constant("maxKey")
)

func constant(s string) *wire.Type {
	return &wire.Type{Name: s, Word: true, Append: func(dst, _ []byte) []byte { return append(dst, s...) }}
}

func appendUUID(dst, b []byte) []byte {
	for i, c := range b {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, []byte{c})
	}
	return dst
}

// appendDate writes milliseconds since the Unix epoch as a time, or as a number where RFC 3339 has no year for it.
func appendDate(dst, b []byte) []byte {
	if len(b) < 8 {
		return dst
	}
	ms := int64(binary.LittleEndian.Uint64(b))
	if t := time.UnixMilli(ms).UTC(); ms >= minDate && ms <= maxDate {
		return t.AppendFormat(dst, "2006-01-02T15:04:05.999Z07:00")
	}
	return strconv.AppendInt(dst, ms, 10)
}

// The first and last millisecond of the years 0000 to 9999.
const minDate, maxDate = -62167219200000, 253402300799999

// appendTimestamp writes MongoDB's internal timestamp: seconds in the high half, an ordinal in the low one.
func appendTimestamp(dst, b []byte) []byte {
	if len(b) < 8 {
		return dst
	}
	dst = append(dst, "t="...)
	dst = strconv.AppendUint(dst, uint64(binary.LittleEndian.Uint32(b[4:])), 10)
	dst = append(dst, " i="...)
	return strconv.AppendUint(dst, uint64(binary.LittleEndian.Uint32(b)), 10)
}
