package postgresql

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/sqltext"
	"github.com/dbtap/dbtap/internal/wire"
)

// send makes d read a message of the client.
func send(t *testing.T, d *dialog, kind byte, body string) {
	t.Helper()
	b := append(binary.BigEndian.AppendUint32([]byte{kind}, uint32(4+len(body))), body...)
	var c wire.Cursor
	var m l7.Message
	c.Reset(b, len(b), nil, nil)
	d.Decode(l7.ToServer, &c, &m)
	if c.Err() != nil {
		t.Fatal(c.Err())
	}
	d.Advance(l7.ToServer, &m)
}

// What a connection keeps of portals is bounded, charged, and not kept for the next one.
func TestPortalsBounded(t *testing.T) {
	d := openDialog(&l7.ConnInfo{}, nil).(*dialog)
	for i := range 2 * maxPortals {
		send(t, d, typeBind, fmt.Sprint(i)+strings.Repeat("x", 60<<10)+"\x00\x00\x00\x00\x00\x00\x00\x00")
	}
	kept := 0
	for _, p := range d.portals {
		kept += cap(p.name)
	}
	if kept == 0 || kept > maxPortals*2*maxName {
		t.Errorf("%d bytes of names are kept", kept)
	}
	if got := d.Holds(); got < maxPortals*maxName {
		t.Errorf("%d bytes are charged", got)
	}
	if !d.find(short([]byte("100" + strings.Repeat("x", 60<<10)))).known {
		t.Error("the last portals are not known")
	}
	if d.Reset(&l7.ConnInfo{}); cap(d.portals) > keepPortals {
		t.Errorf("%d portals for the next connection", cap(d.portals))
	}
}

// Large statements without a name go before those with one.
func TestEvictNameless(t *testing.T) {
	d := openDialog(&l7.ConnInfo{}, nil).(*dialog)
	send(t, d, typeParse, "s\x00select a\x00\x00\x00")
	large := strings.Repeat("abcdefghi, ", 6<<10)
	for range 40 {
		send(t, d, typeParse, "\x00select "+large+" b\x00\x00\x00")
	}
	if s := d.statements.of(d.statements.find([]byte("s"))); s == nil || string(s.text(textNormal)) != "SELECT a" {
		t.Error("the statement with a name was forgotten")
	}
	if s := d.statements.of(d.statements.find(nil)); s == nil {
		t.Error("the last one was forgotten")
	}
	if got := d.Holds(); got > maxHeld+4*maxNormal {
		t.Errorf("%d bytes are kept", got)
	}
	for i := range 2 * maxStatements {
		send(t, d, typeParse, fmt.Sprint(i)+"\x00select a\x00\x00\x00")
	}
	if d.statements.of(d.statements.find([]byte("s"))) != nil || d.statements.of(d.statements.find([]byte("1024"))) == nil {
		t.Error("the oldest are not those that were forgotten")
	}
}

// Servers fold a name to lower case unless it is quoted.
func TestDeallocated(t *testing.T) {
	for text, want := range map[string]string{
		"DEALLOCATE Foo": "foo", "DEALLOCATE PREPARE foo": "foo", `DEALLOCATE "Foo"`: "Foo", `DEALLOCATE PREPARE "a ""b"""`: `a "b"`,
		"DEALLOCATE prepare Foo": "foo",
	} {
		var s sqltext.Statement
		s.Read([]byte(text), sqltext.PostgreSQL)
		if got := string(deallocated(s.Normal)); got != want {
			t.Errorf("%s: %s, not %s", text, got, want)
		}
	}
}

// What Decode tells Advance borrows from the message, and goes with it.
func TestNothingBorrowed(t *testing.T) {
	d := openDialog(&l7.ConnInfo{}, nil).(*dialog)
	for kind, body := range map[byte]string{
		typeParse: "s\x00select a\x00\x00\x00", typeBind: "p\x00s\x00\x00\x00\x00\x00\x00\x00", typeClose: "Ss\x00", typeExecute: "p\x00\x00\x00\x00\x00",
		typeCopyData: "data", typeQuery: "select a\x00",
	} {
		send(t, d, kind, body)
		for i, v := 0, reflect.ValueOf(d.now); i < v.NumField(); i++ {
			if f := v.Field(i); f.Kind() == reflect.Slice && !f.IsNil() {
				t.Errorf("%c: %s is kept", kind, v.Type().Field(i).Name)
			}
		}
	}
}

// Whether parameters of a statement could be secrets is found out once, however many errors and notices ask.
func TestSecretOnce(t *testing.T) {
	took := func(columns int) time.Duration {
		d := openDialog(&l7.ConnInfo{}, nil).(*dialog)
		send(t, d, typeParse, "s\x00select "+strings.Repeat("a, ", columns)+"b\x00\x00\x00")
		s := d.statements.of(d.statements.find([]byte("s")))
		s.secret()
		from := time.Now()
		for range 10000 {
			if s.secret() {
				t.Fatal("a secret")
			}
		}
		return time.Since(from)
	}
	if short, long := took(20), took(20000); long > 20*short+time.Millisecond {
		t.Errorf("long text: %v, short text: %v", long, short)
	}
}

// Parameters of a StartupMessage that nobody knows may hold anything.
func TestStartupClasses(t *testing.T) {
	body := "\x00\x03\x00\x00"
	want := map[string]wire.Class{
		"user": wire.Structure, "datestyle": wire.Structure, "options": wire.Value, "app.tenant": wire.Value, "app.jwt_secret": wire.Secret,
		"app.note": wire.Secret,
	}
	values := map[string]string{"app.note": "-c app.password=hunter"}
	for name := range want {
		body += name + "\x00" + values[name] + "x\x00"
	}
	b := append(binary.BigEndian.AppendUint32(nil, uint32(5+len(body))), body+"\x00"...)
	var c wire.Cursor
	var m l7.Message
	var tree wire.Tree
	c.Reset(b, len(b), nil, &tree)
	openDialog(&l7.ConnInfo{}, nil).Decode(l7.ToServer, &c, &m)
	if c.Err() != nil {
		t.Fatal(c.Err())
	}
	found, name := 0, ""
	for i := range tree.Fields {
		switch f := &tree.Fields[i]; f.Name {
		case "name":
			name = string(bytes.TrimRight(tree.Bytes(f), "\x00"))
		case "value":
			if found++; f.Class != want[name] {
				t.Errorf("%s: class %v, not %v", name, f.Class, want[name])
			}
		}
	}
	if found != len(want) {
		t.Errorf("%d parameters", found)
	}
}

// What waits for answers, and what rows look like, is charged, and not kept for the next connection.
func TestWaitsCharged(t *testing.T) {
	d := openDialog(&l7.ConnInfo{}, nil).(*dialog)
	for range maxWaits {
		send(t, d, typeDescribe, "S\x00")
	}
	if got := d.Holds(); got < 8*maxWaits {
		t.Errorf("%d bytes are charged", got)
	}
	if d.Reset(&l7.ConnInfo{}); d.Holds() > 8*keepWaits {
		t.Errorf("%d bytes for the next connection", d.Holds())
	}
}

// A text that is prepared again without a name is not read again, unless it is read in another way now, or traces something.
func TestReadOnce(t *testing.T) {
	d := openDialog(&l7.ConnInfo{}, nil).(*dialog)
	prepare := func(name, sql string) (read bool, normal string) {
		var m l7.Message
		for _, p := range []struct {
			dir  l7.Dir
			kind byte
			body string
		}{{l7.ToServer, typeParse, name + "\x00" + sql + "\x00\x00\x00"}, {l7.ToServer, typeSync, ""}, {l7.ToClient, typeParseComplete, ""}, {l7.ToClient, typeReady, "I"}} {
			b := append(binary.BigEndian.AppendUint32([]byte{p.kind}, uint32(4+len(p.body))), p.body...)
			var c wire.Cursor
			c.Reset(b, len(b), nil, nil)
			m.Answers(0, false)
			if d.Decode(p.dir, &c, &m); c.Err() != nil {
				t.Fatal(c.Err())
			}
			d.Advance(p.dir, &m)
		}
		return len(m.SQL.Normal) > 0, string(d.statements.of(d.statements.find([]byte(name))).text(textNormal))
	}
	const traced = "select 1 /*traceparent='00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'*/"
	for round := range 4 {
		if round == 3 {
			d.setting([]byte("standard_conforming_strings"), []byte("off"))
		}
		for i := range keepTexts - 4 {
			read, normal := prepare("", fmt.Sprintf("select a%d from t where b = 'x'", i))
			if want := fmt.Sprintf("SELECT a%d FROM t WHERE b = ?", i); read != (round == 0 || round == 3) || normal != want {
				t.Errorf("round %d: read %v, %s", round, read, normal)
			}
		}
		if read, normal := prepare("", traced); !read || normal != "SELECT ?" {
			t.Errorf("round %d: read %v, %s", round, read, normal)
		}
		if read, normal := prepare("named", "select 2"); !read || normal != "SELECT ?" {
			t.Errorf("round %d: read %v, %s", round, read, normal)
		}
	}
	if len(d.statements.list) > keepTexts {
		t.Errorf("%d places", len(d.statements.list))
	}
}

// What waits for its answer moves seldom in its memory, however much waits, and the memory stays small.
func TestWaitsMove(t *testing.T) {
	for _, open := range []int{2, 512, maxWaits - 1} {
		var w waits
		var s statements
		for range open {
			w.push(typeSync, 0, &s)
		}
		moved := 0
		const turns = 100000
		for range turns {
			w.pop()
			head := w.head
			if w.push(typeSync, 0, &s); w.head < head {
				moved += open
			}
		}
		if moved > 2*turns || cap(w.list) > 4*open || len(w.list)-w.head != open {
			t.Errorf("%d open: %d were moved in %d turns, memory of %d", open, moved, turns, cap(w.list))
		}
	}
}

// What finds statements is charged too, and so are names.
func TestHolds(t *testing.T) {
	d := openDialog(&l7.ConnInfo{}, nil).(*dialog)
	empty := d.Holds()
	for i := range maxStatements {
		send(t, d, typeParse, fmt.Sprint(i)+"\x00select a\x00\x00\x00")
	}
	if got, least := d.statements.holds()-d.statements.held, 4*maxStatements; got < least {
		t.Errorf("%d bytes of hashes and places, not %d", got, least)
	}
	d.user, d.app, d.db = make([]byte, maxName), make([]byte, maxName), make([]byte, maxName)
	if got := d.Holds() - empty - d.statements.holds() - cap(d.waits.list)*int(unsafe.Sizeof(wait{})); got != 3*maxName {
		t.Errorf("%d bytes of names", got)
	}
}

// Text without an end is no error of protocol 2.0, and is searched for it once.
func TestAncientLength(t *testing.T) {
	d := openDialog(&l7.ConnInfo{}, nil)
	b := append([]byte{typeError}, strings.Repeat("x", maxAncient)...)
	for n, want := range map[int]error{2: nil, maxAncient - 1: nil, maxAncient: errHeader, maxAncient + 1: errHeader} {
		if size, err := d.Length(l7.ToClient, b[:n]); size != 0 || err != want {
			t.Errorf("%d bytes: %d, %v", n, size, err)
		}
	}
	if size, err := d.Length(l7.ToClient, append(b[:maxAncient-1:maxAncient-1], 0, 'E')); size != maxAncient || err != nil {
		t.Errorf("with an end: %d, %v", size, err)
	}
}
