// Package output writes records as a table, JSON or CSV, and messages as field trees beside their bytes. It knows
// columns, fields and terminals; it knows no protocol, and it does not choose: what it is handed, it writes.
//
// Writers never show bytes of the traffic as they are: text is valid UTF-8, and control characters, which a terminal
// would obey, are escaped or replaced.
package output

import (
	"io"

	"github.com/dbtap/dbtap/internal/record"
)

// Writer writes records. It buffers. One goroutine uses it. After an error of the io.Writer every call returns that.
type Writer interface {
	// Row writes r, which it does not keep.
	Row(r *record.Record) error
	// Flush hands on what was buffered: at the end, and whenever somebody waits for it.
	Flush() error
}

// Column is a column of an output: one of records, or one of their attributes.
type Column struct {
	record.Col             // AttributesOf for an attribute
	Attribute  string      // name of the attribute, "" for the column itself
	Kind       record.Kind // of what it holds
}

// ColumnOf is the column of c.
func ColumnOf(c record.Col) Column { return Column{Col: c, Kind: record.Columns[c].Kind} }

// Name is the column's name in every output.
func (c Column) Name() string {
	name := record.Columns[c.Col].Name
	if c.Attribute != "" {
		name += "." + c.Attribute
	}
	return name
}

// attribute is the attribute of that name, nil where r has none.
func attribute(r *record.Record, name string) *record.Attribute {
	for i := range r.Attributes {
		if a := &r.Attributes[i]; a.Name == name && (a.Kind != record.Flag || a.Num != 0) {
			return a
		}
	}
	return nil
}

// flushAt is the number of buffered bytes that are handed on: a hundred rows or so, for few system calls.
const flushAt = 64 << 10

// buffer collects what goes to w.
type buffer struct {
	w   io.Writer
	b   []byte
	err error
}

// settle hands on what was buffered if it is much.
func (b *buffer) settle() error {
	if len(b.b) < flushAt {
		return b.err
	}
	return b.Flush()
}

// Flush hands on what was buffered.
func (b *buffer) Flush() error {
	if b.err == nil && len(b.b) > 0 {
		_, b.err = b.w.Write(b.b)
	}
	b.b = b.b[:0]
	return b.err
}
