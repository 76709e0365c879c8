package output

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/wire"
)

// script is a decoder of a message that it makes as it goes.
type script struct {
	bytes []byte
	steps []func(c *wire.Cursor)
}

func (s *script) do(b []byte, f func(c *wire.Cursor)) {
	s.bytes = append(s.bytes, b...)
	s.steps = append(s.steps, f)
}

// group holds what in reads.
func (s *script) group(name string, in func()) {
	var open int32
	s.do(nil, func(c *wire.Cursor) { open = c.Group(name) })
	in()
	s.do(nil, func(c *wire.Cursor) { c.End(open) })
}

// element is a group named by the message, for which a value of the class stands.
func (s *script) element(key string, class wire.Class, b []byte, read func(c *wire.Cursor)) {
	s.group("element", func() {
		s.do([]byte(key), func(c *wire.Cursor) { c.String("key", len(key)); c.Key() })
		s.do(b, func(c *wire.Cursor) {
			was := c.Classify(class)
			read(c)
			c.Stands()
			c.Classify(was)
		})
	})
}

func (s *script) tree(size int) *wire.Tree {
	var t wire.Tree
	var c wire.Cursor
	c.Reset(s.bytes, max(size, len(s.bytes)), nil, &t)
	for _, f := range s.steps {
		f(&c)
	}
	c.Finish()
	return &t
}

var shout = &wire.Type{Name: "shout", Append: func(dst, b []byte) []byte { return append(append(dst, bytes.ToUpper(b)...), "\x1b[31m\n!"...) }}

const (
	userData = "alice@example.org"
	password = "hunter2hunter2"
)

func message() *wire.Tree {
	var s script
	s.group("mongodb", func() {
		s.do([]byte{58, 0, 0, 0}, func(c *wire.Cursor) { c.Int32LE("messageLength") })
		s.do([]byte{0xdd, 7, 0, 0}, func(c *wire.Cursor) { c.Int32LE("opCode"); c.Enum(wire.Enum{2013: "OP_MSG"}) })
		s.do([]byte{2, 0, 0, 0}, func(c *wire.Cursor) {
			c.Uint32LE("flagBits")
			c.Flags([]wire.Flag{{Mask: 1, Name: "checksumPresent"}, {Mask: 2, Name: "moreToCome"}})
		})
		s.group("body", func() {
			s.do([]byte{9, 0, 0, 0}, func(c *wire.Cursor) { c.Int32LE("length"); c.Detail() })
			text := func(v string) func(c *wire.Cursor) { return func(c *wire.Cursor) { c.String("value", len(v)) } }
			s.element("find", wire.Structure, []byte("users"), text("users"))
			s.element("e-mail", wire.Value, []byte(userData), text(userData))
			s.element("age", wire.Value, []byte{0xd6, 0xff, 0xff, 0xff}, func(c *wire.Cursor) { c.Int32LE("value") })
			s.element("password", wire.Secret, []byte(password), text(password))
			s.element("ok", wire.Value, binary.LittleEndian.AppendUint64(nil, math.Float64bits(0.1)), func(c *wire.Cursor) { c.Float64LE("value") })
			s.element("yes", wire.Value, []byte{1}, func(c *wire.Cursor) { c.Uint8("value"); c.Enum(wire.Enum{0: "false", 1: "true"}) })
			s.element("odd name\x1b[31m\u202e", wire.Value, []byte("\x1b[2J\u009b\xff"), text("\x1b[2J\u009b\xff"))
			s.element("typed", wire.Value, []byte("abc"), func(c *wire.Cursor) { c.Bytes("value", 3, shout) })
			long := strings.Repeat("0123456789世界", 10)
			s.element("long", wire.Structure, []byte(long), text(long))
			s.element("raw", wire.Structure, bytes.Repeat([]byte{0xab}, 40), func(c *wire.Cursor) { c.Bytes("value", 40, nil) })
			s.group("terminator", func() { s.do([]byte{0}, func(c *wire.Cursor) { c.Uint8("type"); c.Retitle("terminator") }) })
			s.element("none", wire.Structure, nil, func(c *wire.Cursor) { c.Bytes("value", 0, nil) })
		})
		s.do([]byte{1, 2, 3}, func(c *wire.Cursor) {
			was := c.Classify(wire.Value)
			c.Bytes("compressed", 3, nil)
			c.Classify(was)
			var d wire.Cursor
			c.Derive(&d, "decompressed", []byte{7, 0, 0, 0, 'h', 'i', 0}, 7)
			d.Int32LE("inner")
			d.CString("greeting")
			c.Join(&d)
		})
		s.do([]byte{5}, func(c *wire.Cursor) { c.Uint8("last") })
		s.do([]byte{6, 6}, func(c *wire.Cursor) { c.Skip("payload", 100, nil) })
	})
	return s.tree(1 << 20)
}

func show(t *testing.T, o TreeOptions, tree *wire.Tree, err *wire.Error) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewTree(&b, o)
	if err := w.Message("message 1 \x1b[31m", tree, err); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestTreeGolden(t *testing.T) {
	err := &wire.Error{Kind: wire.Cut, Field: "payload", What: "bytes were not kept", Offset: 300}
	for name, o := range map[string]TreeOptions{
		"tree.txt":       {},
		"treevalues.txt": {Values: true},
		"treeall.txt":    {Values: true, All: true},
		"tree72.txt":     {Width: 72, Values: true},
		"treecolour.txt": {Color: true},
	} {
		t.Run(name, func(t *testing.T) { golden(t, name, show(t, o, message(), err)) })
	}
}

func TestTreeSafe(t *testing.T) {
	lines := bytes.Count(show(t, TreeOptions{Values: true, All: true}, message(), nil), []byte("\n"))
	safe(t, show(t, TreeOptions{Values: true, All: true}, message(), nil), lines, 0)
	for width := 60; width < 120; width++ {
		safe(t, show(t, TreeOptions{Values: true, All: true, Width: width}, message(), nil), lines, width)
	}
}

// TestTreeHides looks for what may not be seen, as text and as bytes.
func TestTreeHides(t *testing.T) {
	for _, o := range []TreeOptions{{}, {All: true}, {Values: true}, {Values: true, All: true}} {
		out := string(show(t, o, message(), nil))
		hidden := []string{password}
		if !o.Values {
			hidden = append(hidden, userData, "0.1", "-42", "ABC", "d6 ff")
		} else if !strings.Contains(out, userData) {
			t.Errorf("%+v: values are missing", o)
		}
		for _, h := range hidden {
			spaced := hex.EncodeToString([]byte(h[:3]))
			spaced = spaced[:2] + " " + spaced[2:4] + " " + spaced[4:]
			for _, form := range []string{h, spaced, hex.EncodeToString([]byte(h[:3]))} {
				if strings.Contains(out, form) {
					t.Errorf("%+v: %q shows:\n%s", o, form, out)
				}
			}
		}
	}
}

// TestTreeDeep has groups inside each other as hostile messages have them.
func TestTreeDeep(t *testing.T) {
	const depth = 5000
	var s script
	var nest func(n int)
	nest = func(n int) {
		if n > 0 {
			s.group("g", func() { nest(n - 1) })
		}
	}
	nest(depth)
	out := show(t, TreeOptions{Width: 80}, s.tree(0), nil)
	safe(t, out, depth+1, 40+2*maxIndent+minValue)
}

func BenchmarkTree(b *testing.B) {
	tree := message()
	w := NewTree(nowhere{}, TreeOptions{Values: true})
	b.ReportAllocs()
	for b.Loop() {
		w.Message("message", tree, nil)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(tree.Fields)), "ns/field")
}

type nowhere struct{}

func (nowhere) Write(b []byte) (int, error) { return len(b), nil }

func TestTreeBetweenMessages(t *testing.T) {
	var b bytes.Buffer
	w := NewTree(&b, TreeOptions{Width: 12})
	w.Gap()
	if err := w.Note("!! something is \x1b missing"); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if want := "\n!! somethin…\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}
