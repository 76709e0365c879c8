package postgresql

import (
	"encoding/binary"
	"testing"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/sqltext"
	"github.com/dbtap/dbtap/internal/wire"
)

// Nothing is shown behind a quote that may be escaped until the server said what a backslash is, nor when one message is
// decoded alone.
func TestUnsureQuotes(t *testing.T) {
	body := `SELECT 'a\', 'c'` + "\x00"
	b := append(binary.BigEndian.AppendUint32([]byte{typeQuery}, uint32(4+len(body))), body...)
	var m l7.Message
	read := func(d *dialog) string {
		var c wire.Cursor
		c.Reset(b, len(b), nil, nil)
		m = l7.Message{}
		d.Decode(l7.ToServer, &c, &m)
		return string(m.SQL.Normal)
	}
	joined := &l7.ConnInfo{Midstream: true}
	d := openDialog(joined, nil).(*dialog)
	for _, c := range []struct {
		value  string
		normal string
		want   sqltext.Dialect
	}{
		{"", "SELECT ?", sqltext.PostgreSQL | sqltext.Unsure},
		{"on", "SELECT ?, ?", sqltext.PostgreSQL},
		{"off", "SELECT ? c ?", sqltext.PostgreSQL | sqltext.Backslash},
	} {
		if c.value != "" {
			d.setting([]byte("standard_conforming_strings"), []byte(c.value))
		}
		if got := read(d); got != c.normal || d.dialect != c.want {
			t.Errorf("%q: %s, %b", c.value, got, d.dialect)
		}
		context := d.AppendContext(nil, l7.ToServer, &m)
		if alone := openDialog(joined, context).(*dialog); alone.dialect != c.want {
			t.Errorf("%q: %b alone", c.value, alone.dialect)
		}
	}
}
