package filter

import (
	"encoding/binary"
	"iter"
	"math"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/wire"
)

func trees(list ...*wire.Tree) iter.Seq[*wire.Tree] {
	return func(yield func(*wire.Tree) bool) {
		for _, t := range list {
			if !yield(t) {
				return
			}
		}
	}
}

// writer makes a message and, beside it, what a decoder of the message does.
type writer struct {
	bytes []byte
	steps []func(c *wire.Cursor)
}

func (w *writer) step(b []byte, f func(c *wire.Cursor)) {
	w.bytes = append(w.bytes, b...)
	w.steps = append(w.steps, f)
}

func (w *writer) int32(name string, n int32) {
	w.step(binary.LittleEndian.AppendUint32(nil, uint32(n)), func(c *wire.Cursor) { c.Int32LE(name) })
}

// group is keyed by its name, as a document's fields are, where keyed says so.
func (w *writer) group(name string, keyed, index bool, in func()) {
	var open int32
	title := name
	if keyed {
		title = "field"
	}
	w.step(nil, func(c *wire.Cursor) { open = c.Group(title) })
	if keyed {
		w.step([]byte(name), func(c *wire.Cursor) { c.String("key", len(name)); c.Key() })
	}
	in()
	w.step(nil, func(c *wire.Cursor) {
		if index {
			c.Index()
		}
		c.End(open)
	})
}

// stands is a keyed group that one value stands for.
func (w *writer) stands(name string, index bool, b []byte, read func(c *wire.Cursor)) {
	w.group(name, true, index, func() {
		w.step(b, func(c *wire.Cursor) { read(c); c.Stands() })
	})
}

func (w *writer) text(name, s string, index bool) {
	w.stands(name, index, []byte(s), func(c *wire.Cursor) { c.String("value", len(s)) })
}

func (w *writer) tree() *wire.Tree {
	var t wire.Tree
	var c wire.Cursor
	c.Reset(w.bytes, len(w.bytes), nil, &t)
	for _, f := range w.steps {
		f(&c)
	}
	c.Finish()
	return &t
}

var upper = &wire.Type{Name: "decimal", Append: func(dst, b []byte) []byte { return append(dst, b...) }}

var nothing = &wire.Type{Name: "null", Word: true, Append: func(dst, b []byte) []byte { return append(dst, "NULL"...) }}

// newTree is a message like MongoDB's.
func newTree() *wire.Tree {
	var w writer
	w.group("mongodb", false, false, func() {
		w.int32("messageLength", 58)
		w.step([]byte{0xdd, 7, 0, 0}, func(c *wire.Cursor) { c.Int32LE("opCode"); c.Enum(wire.Enum{2013: "OP_MSG"}) })
		w.step([]byte{2, 0, 0, 0}, func(c *wire.Cursor) {
			c.Uint32LE("flagBits")
			c.Flags([]wire.Flag{{Mask: 1, Name: "checksumPresent"}, {Mask: 2, Name: "moreToCome"}})
		})
		w.group("body", false, false, func() {
			w.text("find", "users", false)
			w.group("filter", true, false, func() {
				w.group("age", true, false, func() {
					w.stands("$gt", false, []byte{18, 0, 0, 0}, func(c *wire.Cursor) { c.Int32LE("value") })
				})
				w.text("odd name", "5", false)
				w.group("tags", true, false, func() {
					w.group("$in", true, false, func() {
						w.text("0", "red", true)
						w.text("1", "blue", true)
					})
				})
				w.group("list", true, false, func() {
					for _, n := range []string{"0", "1"} {
						w.group(n, true, true, func() {
							w.text("name", "n"+n, false)
							w.group("deep", true, false, func() {
								w.stands("0", true, []byte{n[0] - '0', 0, 0, 0}, func(c *wire.Cursor) { c.Int32LE("value") })
							})
						})
					}
				})
			})
			w.stands("ok", false, binary.LittleEndian.AppendUint64(nil, math.Float64bits(1)), func(c *wire.Cursor) { c.Float64LE("value") })
			w.stands("pi", false, binary.LittleEndian.AppendUint64(nil, math.Float64bits(3.5)), func(c *wire.Cursor) { c.Float64LE("value") })
			w.stands("nan", false, binary.LittleEndian.AppendUint64(nil, math.Float64bits(math.NaN())), func(c *wire.Cursor) { c.Float64LE("value") })
			w.stands("yes", false, []byte{1}, func(c *wire.Cursor) { c.Uint8("value"); c.Enum(wire.Enum{0: "false", 1: "true"}) })
			w.stands("big", false, []byte{255, 255, 255, 255, 255, 255, 255, 255}, func(c *wire.Cursor) { c.Uint64LE("value") })
			w.stands("price", false, []byte("3.10"), func(c *wire.Cursor) { c.Bytes("value", 4, upper) })
			w.stands("when", false, []byte("2025-01-01T00:00:00.000Z"), func(c *wire.Cursor) { c.Bytes("value", 24, upper) })
			w.stands("local", false, []byte("2025-01-01 01:00:00+01"), func(c *wire.Cursor) { c.Bytes("value", 22, upper) })
			w.stands("none", false, nil, func(c *wire.Cursor) { c.Bytes("value", 0, nothing) })
			w.stands("raw", false, []byte{0xca, 0xfe}, func(c *wire.Cursor) { c.Bytes("value", 2, nil) })
			w.stands("password", false, []byte("secret"), func(c *wire.Cursor) {
				was := c.Classify(wire.Secret)
				c.String("value", 6)
				c.Classify(was)
			})
		})
	})
	return w.tree()
}

func TestTree(t *testing.T) {
	tree := newTree()
	r := &record.Record{Protocol: "mongodb"}
	for _, c := range []struct {
		expr string
		want bool
	}{
		{"mongodb.messageLength == 58", true},
		{"mongodb.message_length >= 58", true},
		{"mongodb.messageLength > 1kB", false},
		{"mongodb.opCode == 2013", true},
		{"mongodb.opCode == 0x7dd", true},
		{"mongodb.opCode == OP_MSG", true},
		{"mongodb.opcode in (OP_QUERY, OP_MSG)", true},
		{"mongodb.opCode != OP_MSG", false},
		{"mongodb.opCode contains MSG", true},
		{"mongodb.messageLength contains 5", true},
		{"mongodb.flagBits == 2", true},
		{"mongodb.flagBits.moreToCome == 1", true},
		{"mongodb.flagBits.moreToCome == true", true},
		{"mongodb.flagBits.checksumPresent == false", true},
		{"mongodb.flagBits.checksumPresent", true},
		{"mongodb.flagBits.none", false},
		{"mongodb.body", true},
		{"mongodb.body == 1", false},
		{"mongodb.body.find == users", true},
		{"mongodb.body.find contains ser", true},
		{`mongodb.body.find matches "^u.*s$"`, true},
		{"mongodb.body.find > a", true},
		{"mongodb.body.filter.age.$gt > 17", true},
		{"mongodb.body.filter.age.$gt > 18", false},
		{"mongodb.body.filter.age.$gt == '18'", false},
		{"mongodb.body.filter.age.$gt >= 17.5", true},
		{"mongodb.body.filter.$gt", false},
		{"mongodb.body.old.$gt == 18", true}, {"mongo.name.$gt == 18", true}, {"!mongo.name.$gt", false}, {"mongo.name.$gt != 18", false},
		{`mongodb.body.filter."odd name" == 5`, true},
		{`mongodb.body.filter."odd name" > 4`, true},
		{`mongodb.body.filter."odd name" > "4"`, true},
		{"mongodb.body.filter.tags.$in == red", true},
		{"mongodb.body.filter.tags.$in == blue", true},
		{"mongodb.body.filter.tags.$in != blue", true},
		{"mongodb.body.filter.tags.$in == green", false},
		{"mongodb.body.filter.tags.$in.1 == blue", true},
		{"mongodb.body.filter.tags.$in.0 == blue", false},
		{"mongodb.body.filter.tags.$in.2", false},
		{"mongodb.body.filter.list.name == n1", true},
		{"mongodb.body.filter.list.0.name == n1", false},
		{"mongodb.body.filter.list.1.name == n1", true},
		{"mongodb.body.filter.list.deep == 1", true},
		{"mongodb.body.filter.list.0.deep.0 == 0", true},
		{"mongodb.body.filter.list.0.deep == 1", false},
		{"mongodb.body.ok == 1", true},
		{"mongodb.body.ok < 1.5", true},
		{"mongodb.body.pi == 3.5", true},
		{"mongodb.body.nan == 3.5", false},
		{"mongodb.body.nan != 3.5", true},
		{"mongodb.body.nan > 3.5", false},
		{"mongodb.body.yes == true", true},
		{"mongodb.body.yes == false", false},
		{"mongodb.body.yes != true", false},
		{"mongodb.body.big == 18446744073709551615", true},
		{"mongodb.body.big > 9223372036854775807", true},
		{"mongodb.body.big > 1e30", false},
		{"mongodb.body.price == 3.1", true},
		{"mongodb.body.price > 3", true},
		{"mongodb.body.none == NULL", true},
		{"mongodb.body.none == null", true},
		{"mongodb.body.none != null", false},
		{"mongodb.body.none in (1, null)", true},
		{"mongodb.body.price != null", true},
		{"mongodb.body.none > '2024-01-01'", false},
		{"mongodb.body.none < zero", false},
		{"mongodb.body.local == '2025-01-01T00:00:00Z'", true},
		{"mongodb.body.local < 2025-01-01T00:00:01Z", true},
		{"mongodb.body.price == '3.10'", true},
		{"mongodb.body.when == 2025-01-01", true},
		{"mongodb.body.when < 2025-01-01T00:00:00+01:00", false},
		{"mongodb.body.raw == cafe", true},
		{"mongodb.body.raw == 'CAFE'", true},
		{`mongodb.body.raw contains "\xfe"`, true},
		{"mongodb.body.raw contains fe", false},
		{"mongodb.body.password", true},
		{"mongodb.body.password == secret", false},
		{"mongodb.body.password != x", false},
		{"mongodb.body.password matches '.*'", false},
		{"!(mongodb.body.ok == 0)", true},
		{"!(mongodb.body.none == 0) && mongodb.body.ok == 1", true},
		{"mysql.body", false},
	} {
		f := compile(t, c.expr)
		if got := f.Match(r, trees(tree)); got != c.want {
			t.Errorf("%s: %v, want %v", c.expr, got, c.want)
		}
		if again := compile(t, f.String()); again.Match(r, trees(tree)) != c.want {
			t.Errorf("%s, spelled %s: want %v", c.expr, f, c.want)
		}
	}
}

// TestMessages looks at exchanges of two messages.
func TestMessages(t *testing.T) {
	message := func(name string) *wire.Tree {
		var w writer
		w.group("mongodb", false, false, func() { w.int32(name, 1) })
		return w.tree()
	}
	r := &record.Record{Protocol: "mongodb"}
	r.Set(record.Rows, 3)
	request, answer := message("find"), message("ok")
	for _, c := range []struct {
		expr  string
		row   Tri
		want  bool
		taken int
	}{
		{"mongodb.find == 1", Undecided, true, 1},
		{"mongodb.ok == 1", Undecided, true, 2},
		{"mongodb.find == 1 && mongodb.ok == 1", Undecided, true, 2},
		{"!mongodb.ok", Undecided, false, 2},
		{"!mongodb.find", Undecided, false, 1},
		{"!mongodb.other", Undecided, true, 2},
		{"rows == 3 || mongodb.ok", True, true, 0},
		{"rows == 4 && mongodb.ok", False, false, 0},
		{"rows == 3 && mongodb.find", Undecided, true, 1},
		{"mysql.ok", False, false, 0},
	} {
		f, taken := compile(t, c.expr), 0
		if got := f.Row(r); got != c.row {
			t.Errorf("%s: row %d, want %d", c.expr, got, c.row)
		}
		got := f.Match(r, func(yield func(*wire.Tree) bool) {
			for _, m := range []*wire.Tree{request, answer} {
				taken++
				if !yield(m) {
					return
				}
			}
		})
		if got != c.want || taken != c.taken {
			t.Errorf("%s: %v after %d messages, want %v after %d", c.expr, got, taken, c.want, c.taken)
		}
	}
}

// TestHostileTree has arrays inside each other, of which a path can leave out any.
func TestHostileTree(t *testing.T) {
	const depth = 200
	var w writer
	var nest func(n int)
	nest = func(n int) {
		if n > 0 {
			w.group("0", true, true, func() { nest(n - 1) })
		}
	}
	w.group("mongodb", false, false, func() { nest(depth) })
	tree, r := w.tree(), &record.Record{Protocol: "mongodb"}
	if f := compile(t, "mongodb.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.x"); f.Match(r, trees(tree)) {
		t.Error("there is no x")
	}
	if f := compile(t, "mongodb.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0"); !f.Match(r, trees(tree)) {
		t.Error("there are sixteen arrays")
	}
}

func BenchmarkTree(b *testing.B) {
	tree, r := newTree(), &record.Record{Protocol: "mongodb"}
	f := compile(b, "mongodb.body.filter.age.$gt > 17")
	b.ReportAllocs()
	for b.Loop() {
		f.Match(r, trees(tree))
	}
}

// TestUnmet: fields are told of that were looked for and are in no message.
func TestUnmet(t *testing.T) {
	r := &record.Record{Protocol: "mongodb"}
	f := compile(t, "mongodb.nothing.$lt == 1 || mongodb.opcode == 5555 && rows > 1 || mongodb.'a b' == 1 || mongodb.nothing.$lt == 2")
	if got := f.Unmet(); len(got) > 0 {
		t.Errorf("%q before anything was looked at", got)
	}
	f.Match(&record.Record{Protocol: "mysql"}, trees(newTree()))
	if got := f.Unmet(); len(got) > 0 {
		t.Errorf("%q after messages of another protocol", got)
	}
	if f.Match(r, trees(newTree())) {
		t.Error("it matches")
	}
	if got, want := strings.Join(f.Unmet(), ", "), `mongodb.nothing.$lt, mongodb."a b"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
