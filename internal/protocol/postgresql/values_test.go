package postgresql

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/l7/l7test"
	"github.com/dbtap/dbtap/internal/wire"
)

// serverValue is a value as a server wrote it: see captures/postgresql/values.
type serverValue struct {
	oid    uint32
	binary []byte
	text   string
}

func serverValues(t testing.TB) (values []serverValue) {
	f, err := os.Open("testdata/values.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		part := strings.Split(s.Text(), "\t")
		oid, err := strconv.ParseUint(part[0], 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		b, err := hex.DecodeString(part[1])
		if err != nil {
			t.Fatal(err)
		}
		text, err := strconv.Unquote(part[2])
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, serverValue{uint32(oid), b, text})
	}
	return values
}

// The server's own text of its values is the oracle.
func TestBinaryAsTheServerWritesIt(t *testing.T) {
	values := serverValues(t)
	if len(values) < 500 {
		t.Fatalf("%d values", len(values))
	}
	for _, v := range values {
		if got := string(appendValue([]byte("before "), v.binary, v.oid)); got != "before "+v.text {
			t.Errorf("%s %x: %s; the server wrote %s", typeNames[uint64(v.oid)], v.binary, got, v.text)
		}
	}
}

// A parameter in a record is what the server writes, whether it came in binary or as text.
func TestListedAsTheServerWritesIt(t *testing.T) {
	numbers := 0
	for _, v := range serverValues(t) {
		for format, b := range [][]byte{[]byte(v.text), v.binary} {
			if isID(v.oid) && format == 1 {
				continue // a number, which the server knows a name for
			}
			var m l7.Message
			list, words := m.Parameters(), []any{}
			listed(&list, b, v.oid, int16(format))
			list.State(attrParameters)
			d := json.NewDecoder(bytes.NewReader(m.Scratch))
			if d.UseNumber(); d.Decode(&words) != nil || len(words) != 1 {
				t.Errorf("%s %q: %s", typeNames[uint64(v.oid)], b, m.Scratch)
				continue
			}
			switch x := words[0].(type) {
			case bool:
				words[0] = map[bool]string{true: "t", false: "f"}[x]
			case json.Number:
				numbers++
			}
			got, cut := strings.CutSuffix(fmt.Sprint(words[0]), "…")
			if octets, ok := strings.CutPrefix(got, "0x"); ok {
				b, _ := hex.DecodeString(octets)
				got = string(b)
			}
			if got != v.text && !(cut && strings.HasPrefix(v.text, got)) {
				t.Errorf("%s %q: %.300s; the server wrote %.300q", typeNames[uint64(v.oid)], b, m.Scratch, v.text)
			}
		}
	}
	if numbers < 100 {
		t.Errorf("%d numbers", numbers)
	}
}

// read reads a value under a cursor and returns its field.
func read(t testing.TB, b []byte, n int, oid uint32, format int16) (*wire.Tree, *wire.Field) {
	t.Helper()
	var tree wire.Tree
	var c wire.Cursor
	c.Reset(b, max(n, 0), nil, &tree)
	value(&c, "price", n, oid, format)
	if c.Err() != nil || c.More() || len(tree.Fields) != 1 {
		t.Fatalf("%x of type %d: %v, %d bytes left, %d fields", b, oid, c.Err(), c.Left(), len(tree.Fields))
	}
	f := &tree.Fields[0]
	if f.Name != "price" || f.Class != wire.Value || f.Off != 0 || f.Len != max(n, 0) {
		t.Fatalf("%x of type %d: field %+v", b, oid, *f)
	}
	return &tree, f
}

// A value is the same whether it came in binary or as text.
func TestFormatsAgree(t *testing.T) {
	kinds := map[wire.Kind]int{}
	for _, v := range serverValues(t) {
		binary, b := read(t, v.binary, len(v.binary), v.oid, 1)
		text, f := read(t, []byte(v.text), len(v.text), v.oid, 0)
		want := v.text
		if v.oid == oidBool {
			want = map[string]string{"t": "true", "f": "false"}[v.text]
		}
		if got := l7test.Shown(binary, b); got != want {
			t.Errorf("%s in binary: %s, not %s", typeNames[uint64(v.oid)], got, want)
		}
		if got := l7test.Shown(text, f); got != want {
			t.Errorf("%s as text: %s, not %s", typeNames[uint64(v.oid)], got, want)
		}
		if b.Kind != f.Kind && b.Kind != wire.Octets && f.Kind != wire.Octets {
			t.Errorf("%s is of kind %d in binary, %d as text", v.text, b.Kind, f.Kind)
		}
		kinds[b.Kind]++
	}
	for _, k := range []wire.Kind{wire.Signed, wire.Unsigned, wire.Text, wire.Octets} {
		if kinds[k] == 0 {
			t.Errorf("no value of kind %d", k)
		}
	}
}

func TestValue(t *testing.T) {
	for _, c := range []struct {
		name   string
		b      string
		oid    uint32
		format int16
		kind   wire.Kind
		shown  string
	}{
		{"a number as text", "-12", oidInt4, 0, wire.Signed, "-12"},
		{"no number", "twelve", oidInt4, 0, wire.Octets, "twelve"},
		{"a number too large", "9223372036854775808", oidInt8, 0, wire.Octets, "9223372036854775808"},
		{"an int4 of two bytes", "\x00\x01", oidInt4, 1, wire.Octets, "\\x0001"},
		{"a class by its number", "\x00\x00\x04\xeb", oidRegclass, 1, wire.Unsigned, "1259"},
		{"a class by its name", "pg_class", oidRegclass, 0, wire.Octets, "pg_class"},
		{"a parameter that is true", "true", oidBool, 0, wire.Unsigned, "true"},
		{"a parameter that is on", "on", oidBool, 0, wire.Octets, "on"},
		{"no bool", "\x02", oidBool, 1, wire.Octets, "\\x02"},
		{"a double that is no text", "\x40\x09\x21\xfb\x54\x44\x2d\x18", oidFloat8, 1, wire.Octets, "3.141592653589793"},
		{"text in another encoding", "caf\xe9", oidText, 0, wire.Text, "caf\xe9"},
		{"an unknown type as text", "(1,2)", 70000, 0, wire.Text, "(1,2)"},
		{"an enum in binary", "so so", 70000, 1, wire.Text, "so so"},
		{"an unknown type in binary", "\x00\xff", 70000, 1, wire.Octets, "\\x00ff"},
		{"no type", "\x00\x00\x00\x2a", 0, 1, wire.Octets, "\\x0000002a"},
		{"jsonb of another version", "\x02{}", oidJSONB, 1, wire.Octets, "\\x027b7d"},
		{"an array that is too short", "\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x17\x00\x00\x00\x09\x00\x00\x00\x01", 1007, 1, wire.Octets,
			"\\x000000010000000000000017000000090000" + "0001"},
		{"digits that are none", "\x00\x01\x00\x00\x00\x00\x00\x00\xff\xff", oidNumeric, 1, wire.Octets, "\\x0001000000000000ffff"},
		{"empty text", "", oidText, 0, wire.Text, ""},
		{"nothing where a number is to be", "", oidInt4, 0, wire.Octets, ""},
	} {
		tree, f := read(t, []byte(c.b), len(c.b), c.oid, c.format)
		if got := l7test.Shown(tree, f); f.Kind != c.kind || got != c.shown {
			t.Errorf("%s: kind %d, %s", c.name, f.Kind, got)
		}
	}
	if tree, f := read(t, nil, -1, oidInt4, 1); l7test.Shown(tree, f) != "NULL" {
		t.Error("NULL shows as", l7test.Shown(tree, f))
	}
}

// What was cut of a value is its own affair: what follows is read.
func TestValueCut(t *testing.T) {
	for _, oid := range []uint32{oidText, oidInt4, oidBytea, oidNumeric, 0} {
		for _, format := range []int16{0, 1} {
			for _, tree := range []*wire.Tree{nil, {}} {
				var c wire.Cursor
				c.Reset([]byte("abcdz"), 21, []wire.Run{{Off: 0, N: 4}, {Off: 20, N: 1}}, tree)
				value(&c, "v", 20, oid, format)
				if got := c.Uint8("next"); got != 'z' || c.Err() != nil {
					t.Errorf("type %d: %q, %v", oid, got, c.Err())
				}
			}
		}
	}
	var c wire.Cursor
	c.Reset([]byte("abcd"), 4, nil, nil)
	if value(&c, "v", 5, oidText, 0); c.Err() == nil || c.Err().Kind != wire.Short {
		t.Error("a value longer than its message:", c.Err())
	}
	c.Reset([]byte("abcd"), 4, nil, nil)
	if value(&c, "v", -2, oidText, 0); c.Err() == nil {
		t.Error("a value of less than no bytes")
	}
}

// Nobody who does not look pays for a value.
func TestValueAllocatesNothing(t *testing.T) {
	values := serverValues(t)
	var c wire.Cursor
	if n := testing.AllocsPerRun(10, func() {
		for _, v := range values {
			c.Reset(v.binary, len(v.binary), nil, nil)
			value(&c, "v", len(v.binary), v.oid, 1)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// What a few bytes may become is bounded.
func TestValueBounded(t *testing.T) {
	one := []byte{0, 1, 0x7f, 0xff, 0, 0, 0, 0, 0, 1}                          // with 131068 zeros
	b := []byte{0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 6, 164, 0, 0, 16, 0, 0, 0, 0, 1} // 4096 of what follows
	for range 4096 {
		b = append(append(b, 0, 0, 0, 10), 0, 1, 1, 0, 0, 0, 0, 0, 0, 1) // 1e1024
	}
	if got := appendValue(nil, one, oidNumeric); string(got) != "1e131068" {
		t.Errorf("%.40s", got)
	}
	if got := appendValue(nil, b, 1231); len(got) != 2+2*len(b) {
		t.Errorf("%d bytes became %d", len(b), len(got))
	}
	deep := []byte{0, 0, 0, 42}
	for range 5000 {
		n := len(deep)
		deep = append([]byte{0, 0, 0, 1, 0, 0, 8, 201, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, deep...)
	}
	if got := appendValue(nil, deep, oidRecord); len(got) > 3*len(deep) {
		t.Errorf("%d bytes became %d", len(deep), len(got))
	}
}

func FuzzValue(f *testing.F) {
	for _, v := range serverValues(f) {
		f.Add(v.binary, v.oid, int16(1))
		f.Add([]byte(v.text), v.oid, int16(0))
	}
	f.Fuzz(func(t *testing.T, b []byte, oid uint32, format int16) {
		tree, field := read(t, b, len(b), oid, format)
		if got := l7test.Shown(tree, field); len(got) > max(maxShown, 3*len(b)+2) {
			t.Errorf("%d bytes became %d", len(b), len(got))
		}
		var c wire.Cursor
		c.Reset(b, len(b), nil, nil)
		value(&c, "v", len(b), oid, format)
		if c.Err() != nil || c.More() {
			t.Errorf("not watched: %v, %d bytes left", c.Err(), c.Left())
		}
	})
}

func BenchmarkValue(b *testing.B) {
	var c wire.Cursor
	data := make([]byte, 1000)
	for b.Loop() {
		c.Reset(data, len(data), nil, nil)
		for range 100 {
			value(&c, "v", 10, oidText, 1)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/value")
}
