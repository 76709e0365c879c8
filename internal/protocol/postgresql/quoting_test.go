package postgresql

import (
	"encoding/binary"
	"fmt"
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
	info := &l7.ConnInfo{}
	d := openDialog(info, nil).(*dialog)
	for _, c := range []struct {
		name, value string
		normal      string
		want        sqltext.Dialect
	}{
		{"application_name", "shop", "SELECT ?", sqltext.PostgreSQL | sqltext.Unsure | sqltext.Multibyte},
		{"standard_conforming_strings", "on", "SELECT ?, ?", sqltext.PostgreSQL | sqltext.Multibyte},
		{"client_encoding", "UTF8", "SELECT ?, ?", sqltext.PostgreSQL},
		{"standard_conforming_strings", "off", "SELECT ? c ?", sqltext.PostgreSQL | sqltext.Backslash},
		{"client_encoding", "SJIS", "SELECT ? c ?", sqltext.PostgreSQL | sqltext.Backslash | sqltext.Multibyte},
		{"standard_conforming_strings", "on", "SELECT ?, ?", sqltext.PostgreSQL | sqltext.Multibyte},
		{"client_encoding", "EUC_JP", "SELECT ?, ?", sqltext.PostgreSQL},
	} {
		d.setting([]byte(c.name), []byte(c.value))
		if got := read(d); got != c.normal || d.dialect != c.want {
			t.Errorf("%s %q: %s, %b", c.name, c.value, got, d.dialect)
		}
		context := d.AppendContext(nil, l7.ToServer, &m)
		if alone := openDialog(info, context).(*dialog); alone.dialect != c.want {
			t.Errorf("%s %q: %b alone", c.name, c.value, alone.dialect)
		}
	}
}

// A byte of a character may be that of a backslash once the session is one of an encoding that has such: in the middle of it,
// as the server tells.
func TestMultibyteQuotes(t *testing.T) {
	const sql = "SELECT E'\x95\\', b, 'c'\x00" // a character of two bytes, or one and an escaped quote
	status := "client_encoding\x00%s\x00"
	d := openDialog(&l7.ConnInfo{}, nil).(*dialog)
	for _, c := range []struct{ encoding, normal string }{{"UTF8", "SELECT ? c ?"}, {"SJIS", "SELECT ?"}, {"GBK", "SELECT ?"}, {"LATIN1", "SELECT ? c ?"}} {
		body := fmt.Sprintf(status, c.encoding)
		b := append(binary.BigEndian.AppendUint32([]byte{typeParameterStatus}, uint32(4+len(body))), body...)
		var cur wire.Cursor
		var m l7.Message
		cur.Reset(b, len(b), nil, nil)
		m.Answers(0, false)
		d.Decode(l7.ToClient, &cur, &m)
		d.Advance(l7.ToClient, &m)
		b = append(binary.BigEndian.AppendUint32([]byte{typeQuery}, uint32(4+len(sql))), sql...)
		cur.Reset(b, len(b), nil, nil)
		d.Decode(l7.ToServer, &cur, &m)
		if got := string(m.SQL.Normal); got != c.normal {
			t.Errorf("%s: %s", c.encoding, got)
		}
	}
}
