package wire_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/wire"
)

// message is what a cursor is given: bytes, and which of them were kept.
type message struct {
	data []byte // all bytes; nil: only their number matters
	kept []byte
	runs []wire.Run
}

// cutUp makes holes into bytes.
func cutUp(r *rand.Rand, b []byte, holes int) message {
	m := message{data: b, kept: b}
	if holes <= 0 || len(b) == 0 {
		return m
	}
	gone := make([]bool, len(b))
	for range holes {
		at := r.IntN(len(b))
		for i := at; i < min(len(b), at+1+r.IntN(12)); i++ {
			gone[i] = true
		}
	}
	m.kept, m.runs = nil, []wire.Run{}
	for i := 0; i < len(b); i++ {
		if gone[i] {
			continue
		}
		if n := len(m.runs); n > 0 && m.runs[n-1].Off+m.runs[n-1].N == i {
			m.runs[n-1].N++
		} else {
			m.runs = append(m.runs, wire.Run{Off: i, N: 1})
		}
		m.kept = append(m.kept, b[i])
	}
	if len(m.runs) == 0 { // no run means that nothing was cut: keep a byte
		m.runs, m.kept = []wire.Run{{N: 1}}, b[:1]
	}
	return m
}

// program reads at random: what it does depends on the seed and on what it reads.
type program struct {
	r     *rand.Rand
	trace strings.Builder
	steps int
}

func (p *program) note(format string, args ...any) { fmt.Fprintf(&p.trace, format+"\n", args...) }

func (p *program) read(c *wire.Cursor, depth int) {
	for n := p.r.IntN(8); n >= 0 && p.steps > 0; n-- {
		p.steps--
		p.step(c, depth)
		p.note("at %d, %d left, more %v, error %v", c.Pos(), c.Left(), c.More(), c.Err())
	}
}

func (p *program) step(c *wire.Cursor, depth int) {
	r := p.r
	n := r.IntN(9) - 1
	if r.IntN(12) == 0 {
		n = r.IntN(60)
	}
	switch r.IntN(21) {
	case 0:
		p.note("uint8 %d", c.Uint8("a"))
		c.Enum(wire.Enum{1: "one"})
	case 1:
		p.note("uint16 be %d", c.Uint16BE("b"))
	case 2:
		p.note("uint16 le %d", c.Uint16LE("c"))
	case 3:
		p.note("int32 %d", c.Int32LE("d"))
	case 4:
		p.note("uint32 %d", c.Uint32LE("e"))
		c.Flags([]wire.Flag{{Mask: 1, Name: "low"}, {Mask: 1 << 31, Name: "high"}})
	case 5:
		p.note("int64 %d", c.Int64LE("f"))
	case 6:
		p.note("uint64 %d", c.Uint64LE("g"))
	case 7:
		p.note("float %d", c.Float64LE("h"))
	case 8:
		p.note("bytes %x", c.Bytes("i", n, nil))
	case 9:
		p.note("string %q", c.String("j", n))
	case 10:
		p.note("terminated %q", c.Terminated("k", n))
	case 11:
		p.note("cstring %q", c.CString("l"))
		c.Detail()
	case 12:
		c.Skip("m", n, nil)
	case 13:
		c.SkipText("n", n)
	case 14:
		if depth == 0 {
			return
		}
		g := c.Group("group")
		p.read(c, depth-1)
		if r.IntN(2) == 0 {
			c.CString("key")
			c.Key()
		}
		c.End(g)
	case 15, 16:
		if depth == 0 {
			return
		}
		f := c.Enter("sized", n+r.IntN(20))
		p.read(c, depth-1)
		c.Leave(f)
	case 17:
		if depth == 0 {
			return
		}
		g := c.Group("prefixed")
		size := c.Uint8("size")
		f := c.Limit("size", int(size%32), 1)
		p.read(c, depth-1)
		c.Leave(f)
		c.End(g)
	case 18:
		if depth == 0 {
			return
		}
		f := c.Enter("elided", n)
		if !c.Elide() {
			c.Skip("inside", c.Left(), nil)
		}
		c.Leave(f)
	case 19:
		if depth == 0 {
			return
		}
		b := make([]byte, r.IntN(30))
		for i := range b {
			b[i] = byte(r.IntN(4))
		}
		var d wire.Cursor
		c.Derive(&d, "derived", b, len(b)+r.IntN(2)*r.IntN(5))
		p.read(&d, depth-1)
		c.Join(&d)
	case 20:
		if r.IntN(8) == 0 {
			c.Fail("o", "nobody likes it")
		} else {
			p.note("rest %x", c.Rest())
		}
	}
}

// run runs the program of a seed over m and returns what it read, and the tree.
func run(seed uint64, m message, t *wire.Tree) (string, *wire.Cursor) {
	p := program{r: rand.New(rand.NewPCG(seed, 1)), steps: 60}
	var c wire.Cursor
	c.Reset(m.kept, len(m.data), m.runs, t)
	p.read(&c, 4)
	c.Finish()
	p.note("finished: error %v, cut %v, at %d", c.Err(), c.Cut() != nil, c.Pos())
	return p.trace.String(), &c
}

// check tells whether both views read the same, and the tree is in order.
func check(t *testing.T, seed uint64, m message) (failed, cut bool) {
	t.Helper()
	fast, c := run(seed, m, nil)
	var tree wire.Tree
	slow, _ := run(seed, m, &tree)
	if fast != slow {
		a, b := strings.Split(fast, "\n"), strings.Split(slow, "\n")
		for i := range a {
			if i >= len(b) || a[i] != b[i] {
				t.Fatalf("seed %d, %d bytes, runs %v: step %d reads\n%s\nand with a tree\n%s", seed, len(m.data), m.runs, i, a[i], b[min(i, len(b)-1)])
			}
		}
	}
	next := make([]int, len(tree.Buffers))
	for i := range tree.Fields {
		f := &tree.Fields[i]
		if f.Parent >= 0 {
			if p := &tree.Fields[f.Parent]; i >= int(p.End) || int(f.Parent) >= i {
				t.Fatalf("seed %d: %s is not in its group", seed, f.Name)
			}
		}
		if f.Kind == wire.Group || f.Kind == wire.Bit {
			continue
		}
		if f.Off != next[f.Buffer] {
			t.Fatalf("seed %d, %d bytes, runs %v: %s begins at %d, not at %d", seed, len(m.data), m.runs, f.Name, f.Off, next[f.Buffer])
		}
		next[f.Buffer] += f.Len
		tree.Name(f)
		tree.Content(f)
		if b := tree.Bytes(f); f.Buffer == 0 && len(b) == f.Len && !bytes.Equal(b, m.data[f.Off:f.Off+f.Len]) {
			t.Fatalf("seed %d: %s has other bytes than its place", seed, f.Name)
		}
	}
	if c.Err() == nil && next[0] != len(m.data) {
		t.Fatalf("seed %d: fields end at %d of %d", seed, next[0], len(m.data))
	}
	return c.Err() != nil, c.Cut() != nil
}

// TestViews: with a tree a cursor reads what it reads without one, over any bytes and holes.
func TestViews(t *testing.T) {
	failed, cut := 0, 0
	const rounds = 8000
	for seed := range uint64(rounds) {
		r := rand.New(rand.NewPCG(seed, 2))
		b := make([]byte, r.IntN(200))
		for i := range b {
			b[i] = byte(r.IntN(6)) // small numbers are lengths that fit
		}
		f, c := check(t, seed, cutUp(r, b, []int{0, 0, 1, 3}[r.IntN(4)]))
		failed += count(f)
		cut += count(c)
	}
	t.Logf("%d programs: %d failed, %d were cut", rounds, failed, cut)
	if failed == 0 || failed == rounds || cut == 0 {
		t.Error("the programs are all of a kind")
	}
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

func FuzzCursor(f *testing.F) {
	f.Add(uint64(1), []byte("some bytes"), 0)
	f.Add(uint64(2), bytes.Repeat([]byte{3, 0, 1}, 40), 3)
	f.Fuzz(func(t *testing.T, seed uint64, b []byte, holes int) {
		check(t, seed, cutUp(rand.New(rand.NewPCG(seed, 2)), b, holes%8))
	})
}

// TestValues: a cursor reads what encoding/binary reads.
func TestValues(t *testing.T) {
	b := make([]byte, 77)
	for i := range b {
		b[i] = byte(0x81 + 7*i)
	}
	le, be := binary.LittleEndian, binary.BigEndian
	for _, tree := range []*wire.Tree{nil, {}} {
		var c wire.Cursor
		c.Reset(b, len(b), nil, tree)
		got := []any{c.Uint8("a"), c.Uint16BE("b"), c.Uint16LE("c"), c.Int32LE("d"), c.Uint32LE("e"), c.Int64LE("f"), c.Uint64LE("g"), c.Float64LE("h"),
			c.Uint24LE("i"), c.Int16BE("j"), c.Int32BE("k"), c.Uint32BE("l"), c.Int64BE("m"), c.Uint64BE("n"), c.Number("o", 7, wire.Unsigned, 99)}
		want := []any{b[0], binary.BigEndian.Uint16(b[1:]), le.Uint16(b[3:]), int32(le.Uint32(b[5:])), le.Uint32(b[9:]), int64(le.Uint64(b[13:])), le.Uint64(b[21:]), le.Uint64(b[29:]),
			le.Uint32(b[37:]) & 0xFFFFFF, int16(be.Uint16(b[40:])), int32(be.Uint32(b[42:])), be.Uint32(b[46:]), int64(be.Uint64(b[50:])), be.Uint64(b[58:]), uint64(99)}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("number %d is %v, not %v", i, got[i], want[i])
			}
		}
		if c.Pos() != 73 || c.Left() != 4 {
			t.Errorf("at %d with %d left", c.Pos(), c.Left())
		}
	}
}

// both runs f over bytes of which runs were kept, in both views.
func both(t *testing.T, data string, size int, runs []wire.Run, f func(t *testing.T, c *wire.Cursor)) {
	t.Helper()
	for name, tree := range map[string]*wire.Tree{"fast": nil, "tree": {}} {
		t.Run(name, func(t *testing.T) {
			var c wire.Cursor
			c.Reset([]byte(data), size, runs, tree)
			f(t, &c)
		})
	}
}

func wantError(t *testing.T, e *wire.Error, kind wire.ErrorKind, field string, offset int) {
	t.Helper()
	if e == nil || e.Kind != kind || e.Field != field || e.Offset != offset {
		t.Errorf("error %+v, not kind %d of %s at %d", e, kind, field, offset)
	}
}

// TestSticky: after the first error reads return nothing, move nothing and change nothing about the error.
func TestSticky(t *testing.T) {
	both(t, "abcdef", 6, nil, func(t *testing.T, c *wire.Cursor) {
		c.Uint32LE("first")
		if n := c.Uint32LE("second"); n != 0 {
			t.Errorf("%d was read beyond the end", n)
		}
		wantError(t, c.Err(), wire.Short, "second", 4)
		if c.Uint8("third") != 0 || c.Bytes("fourth", 1, nil) != nil || c.CString("fifth") != nil || c.More() || c.Left() != 0 || len(c.Rest()) != 0 {
			t.Error("something was read after an error")
		}
		c.Fail("sixth", "whatever")
		f := c.Enter("seventh", 2)
		c.Leave(f)
		c.Skip("eighth", 1, nil)
		c.Finish()
		wantError(t, c.Err(), wire.Short, "second", 4)
		if c.Pos() != 4 {
			t.Errorf("moved to %d", c.Pos())
		}
	})
}

// TestErrors: what is short, what is cut, what is wrong.
func TestErrors(t *testing.T) {
	for _, x := range []struct {
		name   string
		data   string
		size   int
		runs   []wire.Run
		read   func(*wire.Cursor)
		kind   wire.ErrorKind
		field  string
		offset int
	}{
		{"a number beyond the end", "abc", 3, nil, func(c *wire.Cursor) { c.Uint32LE("n") }, wire.Short, "n", 0},
		{"a number that was cut", "abc", 9, nil, func(c *wire.Cursor) { c.Uint32LE("n") }, wire.Cut, "n", 0},
		{"a number in a hole", "abcd", 9, []wire.Run{{Off: 0, N: 2}, {Off: 7, N: 2}}, func(c *wire.Cursor) { c.Uint32LE("n") }, wire.Cut, "n", 0},
		{"a number beyond its group", "abcdef", 6, nil, func(c *wire.Cursor) { c.Enter("g", 2); c.Uint32LE("n") }, wire.Short, "n", 0},
		{"a group beyond the end", "abc", 3, nil, func(c *wire.Cursor) { c.Enter("g", 4) }, wire.Short, "g", 0},
		{"a group of less than nothing", "abc", 3, nil, func(c *wire.Cursor) { c.Enter("g", -1) }, wire.Short, "g", 0},
		{"a length shorter than itself", "abc", 3, nil, func(c *wire.Cursor) { c.Uint8("size"); c.Limit("size", 0, 1) }, wire.Short, "size", 1},
		{"less than no bytes", "abc", 3, nil, func(c *wire.Cursor) { c.Bytes("b", -1, nil) }, wire.Short, "b", 0},
		{"bytes beyond the end", "abc", 3, nil, func(c *wire.Cursor) { c.Bytes("b", 4, nil) }, wire.Short, "b", 0},
		{"text without an end", "abc", 3, nil, func(c *wire.Cursor) { c.CString("s") }, wire.Short, "s", 0},
		{"text whose end was cut", "abc", 9, nil, func(c *wire.Cursor) { c.CString("s") }, wire.Cut, "s", 0},
		{"text whose end is beyond its group", "abc\x00", 4, nil, func(c *wire.Cursor) { c.Enter("g", 3); c.CString("s") }, wire.Short, "s", 0},
		{"text that ends elsewhere", "abc", 3, nil, func(c *wire.Cursor) { c.Terminated("s", 3) }, wire.Invalid, "s", 0},
		{"text of no bytes", "abc", 3, nil, func(c *wire.Cursor) { c.Terminated("s", 0) }, wire.Invalid, "s", 0},
		{"a wrong value", "abc", 3, nil, func(c *wire.Cursor) { c.Uint8("v"); c.Fail("v", "no") }, wire.Invalid, "v", 1},
	} {
		t.Run(x.name, func(t *testing.T) {
			both(t, x.data, x.size, x.runs, func(t *testing.T, c *wire.Cursor) {
				x.read(c)
				wantError(t, c.Err(), x.kind, x.field, x.offset)
			})
		})
	}
}

// TestMend: behind a group whose end is known reading goes on, though the group was cut.
func TestMend(t *testing.T) {
	// 10 bytes of a group, of which the middle was not kept, and 2 behind.
	both(t, "ab"+"ij"+"XY", 12, []wire.Run{{Off: 0, N: 2}, {Off: 8, N: 4}}, func(t *testing.T, c *wire.Cursor) {
		f := c.Enter("group", 10)
		c.Uint8("a")
		if n := c.Uint32LE("n"); n != 0 || c.Err() == nil {
			t.Errorf("%d was read from a hole", n)
		}
		c.Leave(f)
		if c.Err() != nil || c.Pos() != 10 {
			t.Errorf("not mended: %v, at %d", c.Err(), c.Pos())
		}
		wantError(t, c.Cut(), wire.Cut, "n", 1)
		if s := c.String("behind", 2); string(s) != "XY" {
			t.Errorf("behind it is %q", s)
		}
		c.Forgive(nil)
		if c.Cut() != nil {
			t.Error("what was forgiven is still told")
		}
	})
	both(t, "abXY", 12, []wire.Run{{Off: 0, N: 2}, {Off: 10, N: 2}}, func(t *testing.T, c *wire.Cursor) {
		outer := c.Enter("outer", 11)
		inner := c.Enter("inner", 4) // ends in the hole
		c.Uint32LE("n")
		c.Leave(inner)
		if c.Err() != nil {
			t.Errorf("the inner group is not mended: %v", c.Err())
		}
		c.Uint8("in the hole")
		c.Leave(outer)
		if b := c.Uint8("last"); c.Err() != nil || b != 'Y' {
			t.Errorf("behind both is %q (%v)", b, c.Err())
		}
	})
	both(t, "ab", 12, nil, func(t *testing.T, c *wire.Cursor) {
		g := c.Group("no size of its own")
		c.Uint32LE("n")
		c.End(g)
		if c.Err() == nil {
			t.Error("a group without a length was mended")
		}
	})
}

// TestRestore: a group gives back the limits of the one around it.
func TestRestore(t *testing.T) {
	both(t, "0123456789", 10, nil, func(t *testing.T, c *wire.Cursor) {
		a := c.Enter("a", 8)
		b := c.Enter("b", 3)
		c.Uint8("x")
		c.Leave(b) // two bytes are nobody's
		if c.Pos() != 3 || c.Left() != 5 {
			t.Errorf("at %d with %d left in a", c.Pos(), c.Left())
		}
		if s := c.String("s", 5); string(s) != "34567" {
			t.Errorf("read %q", s)
		}
		c.Leave(a)
		if c.Left() != 2 || string(c.Rest()) != "89" {
			t.Errorf("%d left, %q", c.Left(), c.Rest())
		}
	})
}

// TestDerive: a derived buffer is read like a message, and its errors are those of the message.
func TestDerive(t *testing.T) {
	both(t, "abcd", 4, nil, func(t *testing.T, c *wire.Cursor) {
		var d, e wire.Cursor
		c.Uint8("a")
		c.Derive(&d, "one", []byte("12"), 2)
		if n := d.Uint16BE("n"); n != 0x3132 {
			t.Errorf("read %x", n)
		}
		c.Join(&d)
		c.Derive(&e, "two", []byte("1"), 2)
		e.Uint16BE("n")
		c.Join(&e)
		wantError(t, c.Err(), wire.Cut, "n", 0)
		if c.Err().Buffer != 2 {
			t.Errorf("the error is of buffer %d, not 2", c.Err().Buffer)
		}
		if c.Uint8("b") != 0 {
			t.Error("read on after an error of a derived buffer")
		}
	})
}

// TestHoles: text and numbers at the edges of what was kept.
func TestHoles(t *testing.T) {
	// Two runs that touch, and one behind a hole.
	runs := []wire.Run{{Off: 0, N: 3}, {Off: 3, N: 3}, {Off: 8, N: 4}}
	both(t, "ab\x00cd\x00ef\x00z", 12, runs, func(t *testing.T, c *wire.Cursor) {
		for _, want := range []string{"ab", "cd"} {
			if s := c.CString("s"); string(s) != want {
				t.Errorf("read %q, not %q", s, want)
			}
		}
		c.Skip("hole", 2, nil)
		if s := c.CString("s"); string(s) != "ef" || c.Cut() != nil {
			t.Errorf("behind the hole is %q (%v)", s, c.Cut())
		}
		if b := c.Uint8("z"); b != 'z' || c.Err() != nil {
			t.Errorf("the last is %q (%v)", b, c.Err())
		}
	})
	both(t, "abcz", 12, []wire.Run{{Off: 0, N: 3}, {Off: 11, N: 1}}, func(t *testing.T, c *wire.Cursor) {
		if b := c.Bytes("over the hole", 11, nil); b != nil {
			t.Errorf("read %q", b)
		}
		wantError(t, c.Cut(), wire.Cut, "over the hole", 0)
		if b := c.Uint8("z"); b != 'z' || c.Err() != nil {
			t.Errorf("the last is %q (%v)", b, c.Err())
		}
	})
}

// TestTree: what a tree says of fields.
func TestTree(t *testing.T) {
	var tree wire.Tree
	var c wire.Cursor
	c.Reset([]byte("\x03ab\x00\x2a\x05\xFF\xFF"), 8, nil, &tree)
	g := c.Group("element")
	c.Uint8("type")
	c.Enum(wire.Enum{3: "three"})
	c.CString("name")
	c.Key()
	c.Classify(wire.Value)
	c.Uint8("value")
	c.Stands()
	c.Classify(wire.Structure)
	c.End(g)
	c.Uint8("flags")
	c.Flags([]wire.Flag{{Mask: 1, Name: "one"}, {Mask: 2, Name: "two"}, {Mask: 12, Name: "some"}})
	c.Finish()
	element := &tree.Fields[0]
	if tree.Name(element) != "ab" || element.Len != 5 || int(element.End) != 4 {
		t.Errorf("the group is %q, %d bytes, until %d", tree.Name(element), element.Len, element.End)
	}
	if v := tree.Shown(element); v == nil || v.Num != 42 || v.Class != wire.Value || !v.Detail {
		t.Errorf("for the group stands %+v", v)
	}
	if f := &tree.Fields[1]; f.Label != "three" {
		t.Errorf("the type is called %q", f.Label)
	}
	var bits []uint64
	for i := range tree.Fields {
		if f := &tree.Fields[i]; f.Kind == wire.Bit {
			bits = append(bits, f.Num)
		}
	}
	if fmt.Sprint(bits) != "[1 0 1]" {
		t.Errorf("bits are %v", bits)
	}
	if f := &tree.Fields[len(tree.Fields)-1]; f.Name != "unknown" || f.Len != 2 {
		t.Errorf("the rest is %q, %d bytes", f.Name, f.Len)
	}
}

// hand parses what cursor parses, as one writes it who writes it once.
func hand(b []byte) (sum uint64) {
	le := binary.LittleEndian
	if len(b) < 21 {
		return 0
	}
	sum = uint64(le.Uint32(b)) + uint64(le.Uint32(b[4:])) + uint64(le.Uint32(b[8:])) + uint64(le.Uint32(b[12:])) + uint64(le.Uint32(b[16:])) + uint64(b[20])
	for b = b[21:]; len(b) > 0; {
		n := bytes.IndexByte(b, 0)
		if n < 0 || len(b) < n+5 {
			return 0
		}
		sum += uint64(n) + uint64(le.Uint32(b[n+1:]))
		b = b[n+5:]
	}
	return sum
}

func cursor(c *wire.Cursor, b []byte, t *wire.Tree) (sum uint64) {
	c.Reset(b, len(b), nil, t)
	sum = uint64(c.Uint32LE("length")) + uint64(c.Uint32LE("id")) + uint64(c.Uint32LE("to")) + uint64(c.Uint32LE("op")) + uint64(c.Uint32LE("flags")) + uint64(c.Uint8("kind"))
	for c.More() {
		sum += uint64(len(c.CString("name"))) + uint64(c.Uint32LE("value"))
	}
	c.Finish()
	return sum
}

// TestTyped: a type may find that what it shows is a secret.
func TestTyped(t *testing.T) {
	sql := &wire.Type{Name: "sql", Secret: func(b []byte) bool { return strings.Contains(string(b), "password") }}
	var tree wire.Tree
	var c wire.Cursor
	const text = "select 1\x00set password"
	c.Reset([]byte(text), len(text), nil, &tree)
	c.Classify(wire.Value)
	c.CString("plain")
	c.Typed(sql)
	c.String("secret", c.Left())
	c.Typed(sql)
	if f := tree.Fields; len(f) != 2 || f[0].Class != wire.Value || f[1].Class != wire.Secret || f[0].Type != sql {
		t.Errorf("fields %+v", f)
	}
}

// TestTooManyFields: so many fields are recorded, the others counted, and the decoder notices nothing. What names or
// marks a field that is not recorded changes no other.
func TestTooManyFields(t *testing.T) {
	const n = 50_000
	decode := func(c *wire.Cursor) (sum int) {
		all := c.Group("all")
		for c.More() {
			e := c.Group("e")
			c.Index()
			sum += int(c.Uint8("type"))
			c.Detail()
			c.Bytes("key", 1, nil)
			c.Key()
			c.Rename("f")
			c.Declassify(func([]byte) bool { return true })
			was := c.Classify(wire.Value)
			c.SkipText("text", 2)
			c.Stands()
			c.Retitle("g")
			c.Flags([]wire.Flag{{1, "one"}})
			c.Enum(wire.Enum{0: "zero"})
			c.Classify(was)
			c.End(e)
		}
		c.End(all)
		c.Finish()
		return sum
	}
	data := bytes.Repeat([]byte{3, 'k', 'v', 0}, n)
	var c wire.Cursor
	var tree wire.Tree
	c.Reset(data, len(data), nil, &tree)
	if sum := decode(&c); sum != 3*n || c.Err() != nil {
		t.Errorf("the decoder read %d, %v", sum, c.Err())
	}
	if len(tree.Fields) > 33_000 || len(tree.Fields)+tree.More < 4*n {
		t.Errorf("%d fields are recorded, %d are not", len(tree.Fields), tree.More)
	}
	last := &tree.Fields[len(tree.Fields)-1]
	for i := range tree.Fields {
		f := &tree.Fields[i]
		if i > 0 && tree.Name(f) == "text" && f.Class != wire.Value {
			t.Fatalf("field %d is %+v", i, f)
		}
		if f.End > int32(len(tree.Fields)) || f.Parent >= int32(i) {
			t.Fatalf("field %d is %+v", i, f)
		}
	}
	if root := &tree.Fields[0]; root.Name != "all" || root.Len != len(data) || root.Index || tree.Shown(root) != nil || int(root.End) != len(tree.Fields) {
		t.Errorf("the root is %+v, the last field %+v", root, last)
	}
	tree.Reset()
	if tree.More != 0 || cap(tree.Fields) > 5000 {
		t.Errorf("%d fields to come, room for %d", tree.More, cap(tree.Fields))
	}
}

// TestManyRuns: of a message in thousands of runs every byte that was kept is read and lent, forward and backward.
func TestManyRuns(t *testing.T) {
	var runs []wire.Run
	var data []byte
	for i := range 4000 {
		runs = append(runs, wire.Run{Off: 3 * i, N: 2})
		data = append(data, byte(i), byte(i>>8))
	}
	var c wire.Cursor
	var tree wire.Tree
	for _, watch := range []*wire.Tree{nil, &tree} {
		c.Reset(data, 3*4000, runs, watch)
		for i := range 4000 {
			if got := c.Uint16LE("n"); got != uint16(i) {
				t.Fatalf("run %d is %d", i, got)
			}
			c.Skip("hole", 1, nil)
		}
		if c.Err() != nil {
			t.Fatal(c.Err())
		}
	}
	for i := 3999; i >= 0; i-- {
		if b := tree.Bytes(&tree.Fields[2*i]); len(b) != 2 || b[0] != byte(i) || b[1] != byte(i>>8) {
			t.Fatalf("field %d is %x", 2*i, b)
		}
		if b := tree.Bytes(&tree.Fields[2*i+1]); len(b) != 0 {
			t.Fatalf("hole %d is %x", i, b)
		}
	}
}

// small is a message of 18 fields.
func small() []byte {
	b := make([]byte, 21)
	for i := range 6 {
		b = append(b, fmt.Sprintf("name%d\x00\x01\x02\x03\x04", i)...)
	}
	return b
}

func BenchmarkByHand(b *testing.B) {
	m := small()
	b.SetBytes(int64(len(m)))
	for b.Loop() {
		hand(m)
	}
}

func BenchmarkCursor(b *testing.B) {
	m := small()
	var c wire.Cursor
	if cursor(&c, m, nil) != hand(m) {
		b.Fatal("the cursor reads something else")
	}
	b.SetBytes(int64(len(m)))
	b.ReportAllocs()
	for b.Loop() {
		cursor(&c, m, nil)
	}
}

// BenchmarkTree reports what a field costs when somebody watches.
func BenchmarkTree(b *testing.B) {
	m := small()
	var c wire.Cursor
	var t wire.Tree
	b.ReportAllocs()
	for b.Loop() {
		t.Reset()
		cursor(&c, m, &t)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(t.Fields)), "ns/field")
}
