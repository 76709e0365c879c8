package mysql

import (
	"bytes"
	"encoding/binary"

	"github.com/dbtap/dbtap/internal/wire"
)

// columns are those of rows, packed: as they are kept, as they go into a context, and as they are read again for a tree.
// Each is its type, character set, flags, decimals, and the length of its name, and the name.
type columns []byte

const (
	columnSize = 7
	columnName = 255

	// maxColumns bounds what is known of columns, in bytes, because it is part of every row's context: some hundred. What
	// is behind them is shown without names.
	maxColumns = 3 << 10
)

// add appends a column if there is room.
func (l columns) add(col *column) columns {
	name := col.name[:min(len(col.name), columnName)]
	if len(l)+columnSize+len(name) > maxColumns {
		return l
	}
	l = append(l, col.typ)
	l = binary.LittleEndian.AppendUint16(l, col.charset)
	l = binary.LittleEndian.AppendUint16(l, col.flags)
	l = append(l, col.decimals, byte(len(name)))
	return append(l, name...)
}

// next takes the first column from the list.
func (l columns) next(col *column) columns {
	n := columnSize + int(l[6])
	*col = column{name: view(l[columnSize:n]), typ: l[0], charset: uint16(l[1]) | uint16(l[2])<<8, flags: uint16(l[3]) | uint16(l[4])<<8, decimals: l[5]}
	return l[n:]
}

// sane is l up to a column that is not whole.
func (l columns) sane() columns {
	at := 0
	for at+columnSize <= len(l) && at+columnSize+int(l[at+6]) <= len(l) {
		at += columnSize + int(l[at+6])
	}
	return l[:at]
}

// count describes the number of columns. Whether their definitions follow MySQL says before it, and MariaDB behind it.
func (d *dialog) count(c *wire.Cursor, follow bool) {
	now := &d.now
	a := &now.answer
	n := lengthEncoded(c, "column_count")
	if c.Left() == 1 {
		follow = c.Uint8("metadata_follows") != 0
	}
	if c.Err() != nil || n == 0 || n > 0xFFFF {
		c.Fail("column_count", "no number of columns")
		a.phase = phaseLost
		return
	}
	a.results++
	now.rows = max(now.rows, 0)
	a.columns, a.left, a.phase, a.spoilt = int32(n), int32(n), phaseColumns, false
	if !follow {
		a.phase = phaseEnd
		d.reuse()
		return
	}
	now.columns, now.built = d.scratch[:0], true
}

// unnamed is what a value is called whose column has no name, or one that is a value: the server calls what it computes by the text
// of the expression.
const unnamed = "value"

// ofTable tells whether b begins with the name of a column and the same as that of a table's.
func ofTable(b []byte) bool {
	n := 0
	if len(b) > 0 {
		n = 1 + int(b[0])
	}
	return n > 1 && b[0] < 0xFB && len(b) >= 2*n && bytes.EqualFold(b[:n], b[n:2*n])
}

// definition describes the definition of a column, with a default value if it is asked for.
func (d *dialog) definition(c *wire.Cursor, defaults bool) (col column) {
	g := c.Group("column_definition")
	c.Index()
	for _, name := range [...]string{"catalog", "schema", "table", "org_table"} {
		lengthText(c, name)
	}
	if d.now.known && d.now.asked&leavesNames == 0 || ofTable(c.Rest()) {
		col.name = view(lengthText(c, "name"))
	} else {
		was := c.Classify(wire.Value)
		lengthText(c, "name")
		c.Classify(was)
		col.name = unnamed
	}
	lengthText(c, "org_name")
	if b := c.Rest(); d.known && d.caps&capExtendedMetadata != 0 || !d.known && len(b) > 0 && (b[0] != 12 || !defaults && c.Left() > 13) {
		x := c.Group("extended_metadata")
		n := lengthEncoded(c, "length")
		c.Detail()
		f := c.Limit("length", int(n), 0)
		for c.More() {
			c.Uint8("type")
			c.Enum(extendedTypes)
			lengthText(c, "value")
		}
		c.Leave(f)
		c.End(x)
	}
	n := lengthEncoded(c, "fixed_length")
	c.Detail()
	if n != 12 {
		c.Fail("fixed_length", "not the length of what follows")
	}
	col.charset = c.Uint16LE("character_set")
	c.Uint32LE("column_length")
	col.typ = c.Uint8("type")
	c.Enum(typeNames)
	col.flags = c.Uint16LE("flags")
	c.Flags(columnFlags)
	col.decimals = c.Uint8("decimals")
	c.Skip("filler", 2, nil)
	c.Detail()
	if defaults && c.More() {
		was := c.Classify(wire.Value)
		if b := c.Rest(); len(b) > 0 && b[0] == markInfile {
			c.Skip("default_values", 1, null)
		} else {
			lengthText(c, "default_values")
		}
		c.Classify(was)
	}
	c.End(g)
	return col
}

// define makes col, which was just read, the next column. Where one was cut none are known: rows would be misread.
func (d *dialog) define(c *wire.Cursor, col column) {
	now := &d.now
	if now.answer.spoilt = now.answer.spoilt || c.Err() != nil; now.answer.spoilt {
		now.columns = now.columns[:0]
		return
	}
	now.columns = now.columns.add(&col)
}

var extendedTypes = wire.Enum{0: "type", 1: "format"}

// row describes a row.
func (d *dialog) row(c *wire.Cursor) {
	now := &d.now
	a := &now.answer
	now.rows = max(now.rows, 0) + 1
	b := c.Rest()
	whole := len(b) == c.Left() && !a.long
	if a.form == formUnknown {
		if a.form = formText; b[0] == 0 && a.columns > 0 && !textRow(b, int(a.columns)) {
			a.form = formBinary
		}
	}
	fits := true
	if whole && a.columns > 0 {
		if a.form == formText {
			fits = textRow(b, int(a.columns))
		} else {
			fits = binaryRow(b, now.columns, int(a.columns))
		}
	}
	if !fits {
		c.Fail("row", "a row that is not as its columns are")
	}
	if c.Elide() {
		return
	}
	g := c.Group("row")
	switch {
	case a.columns == 0 || a.long:
		d.unknownRow(c, b, whole)
	case a.form == formText:
		var col column
		for i, l := int32(0), now.columns; i < a.columns && c.Err() == nil; i++ {
			if col = (column{name: unnamed}); len(l) > 0 {
				l = l.next(&col)
			}
			textValue(c, &col)
		}
	default:
		c.Uint8("header")
		size := (int(a.columns) + 9) / 8
		nulls := c.Rest()
		c.Skip("null_bitmap", size, nil)
		if len(nulls) < size {
			data(c, "values")
			break
		}
		var col column
		for i, l := 2, now.columns; i < int(a.columns)+2 && c.Err() == nil; i++ {
			if len(l) == 0 {
				data(c, "values")
				break
			}
			if l = l.next(&col); nulls[i/8]>>(i%8)&1 != 0 {
				nullValue(c, col.name)
			} else {
				binaryValue(c, &col)
			}
		}
	}
	c.End(g)
}

// unknownRow describes a row whose columns were not seen: its values, if it is made of text.
func (d *dialog) unknownRow(c *wire.Cursor, b []byte, whole bool) {
	if !whole || d.now.answer.form == formBinary || !textRow(b, -1) {
		data(c, "values")
		return
	}
	col := column{name: unnamed, typ: typeVarString}
	for c.More() {
		textValue(c, &col)
	}
}

// textRow tells whether b is n values of a text row; n < 0: any number.
func textRow(b []byte, n int) bool {
	for ; n != 0 && len(b) > 0; n-- {
		k := 1
		if b[0] < markInfile {
			k += int(b[0])
		} else if b[0] != markInfile {
			size, width := lengthOf(b)
			if width == 0 {
				return false
			}
			k = size + width
		}
		if k > len(b) {
			return false
		}
		b = b[k:]
	}
	return len(b) == 0 && n <= 0
}

// binaryRow tells whether b is a binary row of n columns, of which l are known.
func binaryRow(b []byte, l columns, n int) bool {
	nulls := (n + 9) / 8
	if len(b) < 1+nulls || b[0] != 0 {
		return false
	}
	bits := b[1 : 1+nulls]
	b = b[1+nulls:]
	for i := 2; i < n+2; i++ {
		if len(l) == 0 {
			return true
		}
		typ := l[0]
		if l = l[columnSize+int(l[6]):]; bits[i/8]>>(i%8)&1 != 0 {
			continue
		}
		k := binarySize(typ, b)
		if k < 0 {
			return false
		}
		b = b[k:]
	}
	return len(b) == 0
}

// binarySize is how long the binary value of a type is that b begins with, -1 if it is none.
func binarySize(typ byte, b []byte) int {
	k := 0
	switch typ {
	case typeNull:
	case typeTiny, typeBool:
		k = 1
	case typeShort, typeYear:
		k = 2
	case typeLong, typeInt24, typeFloat:
		k = 4
	case typeLongLong, typeDouble:
		k = 8
	case typeDate, typeNewDate, typeDatetime, typeTimestamp:
		if len(b) == 0 || b[0] != 0 && b[0] != 4 && b[0] != 7 && b[0] != 11 {
			return -1
		}
		k = 1 + int(b[0])
	case typeTime:
		if len(b) == 0 || b[0] != 0 && b[0] != 8 && b[0] != 12 {
			return -1
		}
		k = 1 + int(b[0])
	default:
		n, width := lengthOf(b)
		if width == 0 {
			return -1
		}
		k = n + width
	}
	if k > len(b) {
		return -1
	}
	return k
}
