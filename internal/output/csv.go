package output

import (
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dbtap/dbtap/internal/record"
)

// CSV writes RFC 4180: a line of the columns' names, then a line a record. Absent facts are empty, doubts are joined
// by semicolons, the column attributes is JSON, everything else is as in JSON. Lines end in LF alone, which every reader takes.
// Bytes that are not UTF-8 and control characters, which the format does not allow, become U+FFFD, but tabs and ends
// of lines stay. Text that a spreadsheet would take for a formula is not changed: the file is data for programs.
type CSV struct {
	buffer
	layout []entry
	object []byte // memory for what is JSON
}

// NewCSV makes a writer to w of these columns and writes the line of names; none: all, in the order of record.Order.
func NewCSV(w io.Writer, columns ...Column) *CSV {
	c := &CSV{buffer: buffer{w: w}, layout: layoutOf(columns)}
	for i, l := range c.layout {
		if i > 0 {
			c.b = append(c.b, ',')
		}
		c.b = append(c.b, strings.Trim(l.key, `,":`)...)
	}
	c.b = append(c.b, '\n')
	return c
}

// Row writes r.
func (w *CSV) Row(r *record.Record) error {
	dst := w.b
	for i := range w.layout {
		l := &w.layout[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		if !l.always && !r.Has(l.col) {
			continue
		}
		if l.attribute != "" {
			dst = w.attribute(dst, attribute(r, l.attribute))
			continue
		}
		switch l.kind {
		case record.Duration, record.Count, record.Size:
			dst = strconv.AppendInt(dst, r.Num(l.col), 10)
		case record.Text, record.Word:
			dst = appendField(dst, r.Text(l.col))
		case record.List:
			dst = r.Doubts.AppendNames(dst, ";", "")
		case record.Object:
			w.object = appendAttributes(w.object[:0], r.Attributes)
			dst = appendField(dst, borrow(w.object))
		default:
			dst = appendPlain(dst, r, l.col, l.kind)
		}
	}
	w.b = append(dst, '\n')
	return w.settle()
}

// attribute appends the value of a, if there is one.
func (w *CSV) attribute(dst []byte, a *record.Attribute) []byte {
	switch {
	case a == nil:
		return dst
	case a.Kind == record.Text:
		return appendField(dst, borrow(a.Text))
	}
	w.object = appendAttribute(w.object[:0], a)
	return appendField(dst, borrow(w.object))
}

// appendField appends s, in quotes if it needs them.
func appendField(dst []byte, s string) []byte {
	n := plain(s, ',')
	if n == len(s) {
		return append(dst, s...)
	}
	dst = append(dst, '"')
	for {
		dst = append(dst, s[:n]...)
		if s = s[n:]; s == "" {
			return append(dst, '"')
		}
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == '"':
			dst = append(dst, `""`...)
		case r < ' ' && r != '\t' && r != '\n', r >= 0x7F && r < 0xA0, r == '\u2028' || r == '\u2029', r == utf8.RuneError, unicode.Is(unicode.Cf, r):
			dst = append(dst, "\uFFFD"...)
		default:
			dst = append(dst, s[:size]...)
		}
		s = s[size:]
		n = plain(s, '"') // a comma needs no more quotes
	}
}
