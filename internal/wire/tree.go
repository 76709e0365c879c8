package wire

import (
	"fmt"
	"sort"
)

// Kind says what a field's bytes are.
type Kind uint8

const (
	Group    Kind = iota // other fields
	Unsigned             // Num
	Signed               // Num as int64
	Float                // Num as the bits of a float64
	Text                 // UTF-8, as far as the sender cares
	Octets               // bytes, shown by Type
	Bit                  // a bit or a few of the field above; Num is its value
	Hole                 // bytes that were not kept
)

// Class says who may see a field's value.
type Class uint8

const (
	Structure Class = iota // always shown
	Value                  // a user's data: shown only if asked for
	Secret                 // never shown
)

// Type shows and compares octets that have a meaning of their own, and text that is shown in part.
type Type struct {
	Name   string                            // "objectId", "decimal128", "sql"
	Append func(dst []byte, b []byte) []byte // appends octets as text
	Mask   func(dst []byte, b []byte) []byte // if set: appends b without a user's values, for those who may not see them
	Secret func(b []byte) bool               // if set: whether b holds what nobody may see
	Word   bool                              // a word and no value, as null: nothing is above or below it
}

// Field is a node of a Tree.
type Field struct {
	Name   string // a constant of the decoder; see Tree.Name for fields named by the message
	Kind   Kind
	Class  Class
	Detail bool   // not worth a line of its own: lengths, terminators, the key of the group it is in
	Index  bool   // a group that is an element of an array: paths may leave it out
	Buffer uint16 // which of the tree's buffers the range is of
	trim   uint8  // bytes at the end that are not part of the text
	Parent int32  // -1 for a root
	End    int32  // index behind the field's last descendant
	stands int32  // for groups: the field whose value stands for the group; 0 if none
	Off    int    // first byte in the buffer
	Len    int    // bytes
	Num    uint64
	Label  string // name of the number, a constant
	Type   *Type
	keyOff int // place in the buffer of the name, if keyLen > 0 or keyed
	keyLen int
	keyed  bool
}

// Buffer is a run of bytes that fields point into: the message itself, or what was made from it.
type Buffer struct {
	Name string // "" for the message
	Size int    // bytes, holes included
	Data []byte // the kept bytes; borrowed
	Runs []Run  // which they are; none: the first len(Data)

	starts []int // where each run begins in Data, once that was asked
}

// Tree is every field of one message in the order of its bytes, a parent before its children. It borrows the
// message's bytes: it lives as long as they do.
type Tree struct {
	Fields  []Field
	Buffers []Buffer
	More    int // fields after them that were not recorded, because they are too many

	spill Field // what those are written to
}

// maxFields is how many fields of a message are recorded: more than anybody reads. A field takes a hundred times the bytes
// of the shortest value, and a compressed message a thousand times its own.
const maxFields = 32 << 10

// keepFields is how many fields a tree keeps room for.
const keepFields = 4 << 10

// Reset empties the tree and keeps its memory, if that is usual.
func (t *Tree) Reset() {
	t.Fields, t.Buffers, t.More = t.Fields[:0], t.Buffers[:0], 0
	if cap(t.Fields) > keepFields {
		t.Fields = nil
	}
}

// full tells whether fields are no longer recorded. What changes fields that were just read does nothing then: they are
// not there.
func (t *Tree) full() bool { return t.More > 0 }

func (t *Tree) addBuffer(name string, data []byte, size int, runs []Run) uint16 {
	t.Buffers = append(t.Buffers, Buffer{Name: name, Size: size, Data: data, Runs: runs})
	return uint16(len(t.Buffers) - 1)
}

func (c *Cursor) leaf(name string, n int, kind Kind) *Field {
	t := c.tree
	if len(t.Fields) >= maxFields {
		t.More++
		t.spill = Field{}
		return &t.spill
	}
	t.Fields = append(t.Fields, Field{Name: name, Kind: kind, Class: c.class, Buffer: c.buffer, Parent: c.open,
		End: int32(len(t.Fields) + 1), Off: c.Pos(), Len: n})
	return &t.Fields[len(t.Fields)-1]
}

func (c *Cursor) group(name string) int32 {
	open := c.open
	if c.err.Kind == 0 {
		if c.leaf(name, 0, Group); !c.tree.full() {
			c.open = int32(len(c.tree.Fields) - 1)
		}
	}
	return open
}

// close ends the innermost group and makes open the innermost one.
func (c *Cursor) close(open int32) {
	for c.open != open { // nothing to close if it was begun after an error
		f := &c.tree.Fields[c.open]
		if f.Buffer == c.buffer {
			f.Len = c.Pos() - f.Off
		}
		f.End = int32(len(c.tree.Fields))
		c.open = f.Parent
	}
}

func (c *Cursor) last() *Field {
	if c.tree == nil || c.err.Kind != 0 || len(c.tree.Fields) == 0 || c.tree.full() {
		return nil
	}
	return &c.tree.Fields[len(c.tree.Fields)-1]
}

// Enum names the values of a number.
type Enum map[uint64]string

// Enum gives the number just read its name from e.
func (c *Cursor) Enum(e Enum) {
	if f := c.last(); f != nil {
		f.Label = e[f.Num]
	}
}

// Flag is a bit, or a few, of a number.
type Flag struct {
	Mask uint64
	Name string
}

// Flags makes the bits of the number just read its children.
func (c *Cursor) Flags(flags []Flag) {
	f := c.last()
	if f == nil {
		return
	}
	at, bits := int32(len(c.tree.Fields)-1), *f
	for _, fl := range flags {
		b := bits
		b.Name, b.Kind, b.Parent, b.End, b.Num = fl.Name, Bit, at, int32(len(c.tree.Fields)+1), 0
		if bits.Num&fl.Mask != 0 {
			b.Num = 1
		}
		c.tree.Fields = append(c.tree.Fields, b)
	}
	c.tree.Fields[at].End = int32(len(c.tree.Fields))
}

// Retitle gives the field just read, if it is the only one of the innermost group, and the group a better name, once
// its value told what it is.
func (c *Cursor) Retitle(name string) {
	if f := c.last(); f != nil && c.open >= 0 {
		f.Name = name
		g := &c.tree.Fields[c.open]
		g.Name, g.Detail = name, true
	}
}

// Rename gives the innermost group a better name, once a field of it told what it is.
func (c *Cursor) Rename(name string) {
	if c.tree != nil && c.err.Kind == 0 && c.open >= 0 && !c.tree.full() {
		c.tree.Fields[c.open].Name = name
	}
}

// Detail marks the field just read as not worth a line of its own.
func (c *Cursor) Detail() {
	if f := c.last(); f != nil {
		f.Detail = true
	}
}

// Stands makes the field just read, a child of the innermost group, stand for the group: a line "name = value", and
// what a filter compares.
func (c *Cursor) Stands() {
	if f := c.last(); f != nil && c.open >= 0 {
		c.tree.Fields[c.open].stands = int32(len(c.tree.Fields) - 1)
		f.Detail = true
	}
}

// Typed gives the field just read a type. It is a Secret from then on if the type says so of its bytes.
func (c *Cursor) Typed(t *Type) {
	f := c.last()
	if f == nil {
		return
	}
	f.Type = t
	if t.Secret != nil && t.Secret(c.tree.Content(f)) {
		f.Class = Secret
	}
}

// Key names the innermost group by the text just read.
func (c *Cursor) Key() {
	if f := c.last(); f != nil && c.open >= 0 {
		g := &c.tree.Fields[c.open]
		g.keyed, g.keyOff, g.keyLen = true, f.Off, f.Len-int(f.trim)
		f.Detail = true
	}
}

// Index marks the innermost group as an element of an array.
func (c *Cursor) Index() {
	if c.tree != nil && c.err.Kind == 0 && c.open >= 0 && !c.tree.full() {
		c.tree.Fields[c.open].Index = true
	}
}

// Classify gives the fields read from here on a class, and returns the one before.
func (c *Cursor) Classify(k Class) Class {
	was := c.class
	c.class = k
	return was
}

// Declassify makes the values of the innermost group, which has a key, Structure if known says so of the key. It is
// asked only if somebody watches.
func (c *Cursor) Declassify(known func(key []byte) bool) {
	if c.tree != nil {
		c.declassify(known)
	}
}

func (c *Cursor) declassify(known func(key []byte) bool) {
	if c.err.Kind != 0 || c.open < 0 || c.tree.full() {
		return
	}
	if g := &c.tree.Fields[c.open]; g.keyed && known(c.tree.bytes(g.Buffer, g.keyOff, g.keyLen)) {
		for i := int(c.open) + 1; i < len(c.tree.Fields); i++ {
			if f := &c.tree.Fields[i]; f.Class == Value {
				f.Class = Structure
			}
		}
	}
}

// Name is the field's name, from the decoder or, for keyed groups, a copy from the message.
func (t *Tree) Name(f *Field) string {
	if f.keyed {
		return string(t.bytes(f.Buffer, f.keyOff, f.keyLen))
	}
	return f.Name
}

// Bytes lends the kept bytes of f from its first on; fewer than f.Len where they end in a hole.
func (t *Tree) Bytes(f *Field) []byte { return t.bytes(f.Buffer, f.Off, f.Len) }

func (t *Tree) bytes(buffer uint16, off, n int) []byte {
	b := &t.Buffers[buffer]
	if len(b.Runs) == 0 {
		from := min(off, len(b.Data))
		return b.Data[from:min(off+n, len(b.Data))]
	}
	if len(b.starts) == 0 {
		at := 0
		for _, r := range b.Runs {
			b.starts = append(b.starts, at)
			at += r.N
		}
	}
	i := sort.Search(len(b.Runs), func(i int) bool { return off < b.Runs[i].Off+b.Runs[i].N })
	if i == len(b.Runs) || off < b.Runs[i].Off {
		return nil
	}
	r := b.Runs[i]
	at := b.starts[i] + off - r.Off
	return b.Data[at : at+min(n, r.Off+r.N-off)]
}

// Content lends the text or octets of f, without what ends them.
func (t *Tree) Content(f *Field) []byte {
	b := t.Bytes(f)
	if len(b) == f.Len {
		b = b[:len(b)-int(f.trim)]
	}
	return b
}

// Shown is the field whose value stands for f: for a group the one it was given or nil, for others f itself.
func (t *Tree) Shown(f *Field) *Field {
	if f.Kind != Group {
		return f
	}
	if f.stands == 0 {
		return nil
	}
	return &t.Fields[f.stands]
}

// ErrorKind says what went wrong in reading a message.
type ErrorKind uint8

const (
	Short   ErrorKind = iota + 1 // the sender's lengths do not fit each other
	Cut                          // the bytes were sent, but not kept
	Invalid                      // a value that the specification does not allow
)

// Error is the first thing that went wrong in reading a message.
type Error struct {
	Kind   ErrorKind
	Field  string // a constant
	What   string // a constant
	Offset int    // place in the buffer
	Buffer uint16 // 0 the message itself, then derived buffers in their order
}

func (e *Error) Error() string {
	where := ""
	if e.Buffer > 0 {
		where = fmt.Sprintf(" of derived buffer %d", e.Buffer)
	}
	return fmt.Sprintf("%s at byte %d%s: %s", e.Field, e.Offset, where, e.What)
}
