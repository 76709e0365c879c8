// Package wire reads the messages of a protocol field by field and, when somebody looks, keeps a tree of what it
// read. It knows bytes, integers, groups and names; it knows no protocol.
//
// A decoder is written once, against Cursor, as straight as the specification: every read names its field. Without a
// Tree a Cursor only reads; with one it records each field too. Errors are sticky: after the first, reads return zero
// and move nothing, so a decoder need not ask until its end.
package wire

import (
	"bytes"
	"encoding/binary"
)

// Run is a range of a message's bytes that was kept: N bytes from Off.
type Run struct{ Off, N int }

// Cursor reads one message from its first byte to its last. The zero Cursor is an empty message; Reset gives it one.
//
// The bytes of a long message are not all kept: the holes are cut, which is not the sender's fault. Reading from a
// hole is the error Cut; leaving a group whose end is kept mends it, so that what follows a hole is read again.
type Cursor struct {
	b    []byte // bytes of the current run, and no more than the innermost group allows
	pos  int    // next byte in b
	base int    // place in the message of b[0]

	limit    int    // place in the message where the innermost sized group ends
	size     int    // of the whole message, holes included
	data     []byte // all kept bytes
	runs     []Run  // which of the message's bytes they are; none: all
	run      int    // the last one sought: reading goes forward
	from     int    // where it begins in data
	err      Error
	cut      bool  // a cut was mended
	firstCut Error // where
	sized    bool  // the innermost group has a length of its own

	tree   *Tree
	class  Class
	buffer uint16
	made   uint16 // buffers of the message so far, without the first
	open   int32  // innermost open group of the tree
}

// Reset makes c read a message of size bytes, of which data holds those that runs name (no runs: the first
// len(data)). It records into t unless t is nil.
func (c *Cursor) Reset(data []byte, size int, runs []Run, t *Tree) {
	c.begin(data, size, runs, t, -1)
	if t != nil {
		c.buffer = t.addBuffer("", data, size, runs)
	}
	c.seek(0)
}

// begin sets what a new buffer needs. Errors are told by their kind alone, so that their texts need not be cleared.
func (c *Cursor) begin(data []byte, size int, runs []Run, t *Tree, open int32) {
	c.data, c.size, c.limit, c.runs, c.run, c.from = data, size, size, runs, 0, 0
	c.err.Kind, c.cut, c.sized = 0, false, false
	c.tree, c.class, c.buffer, c.made, c.open = t, Structure, 0, 0, open
}

// seek moves to a place of the message and finds its run. In a hole b is empty.
func (c *Cursor) seek(at int) {
	if len(c.runs) == 0 {
		end := min(len(c.data), c.limit)
		at = min(at, c.size)
		if at > end {
			c.b, c.pos, c.base = nil, 0, at
			return
		}
		c.b, c.pos, c.base = c.data[:end], at, 0
		return
	}
	if c.run >= len(c.runs) || at < c.runs[c.run].Off {
		c.run, c.from = 0, 0
	}
	for c.run < len(c.runs) && at >= c.runs[c.run].Off+c.runs[c.run].N {
		c.from += c.runs[c.run].N
		c.run++
	}
	if c.run < len(c.runs) && at >= c.runs[c.run].Off {
		r := c.runs[c.run]
		n := min(r.N, c.limit-r.Off)
		c.b, c.pos, c.base = c.data[c.from:c.from+n], at-r.Off, r.Off
		return
	}
	c.b, c.pos, c.base = nil, 0, at
}

// Pos is the place in the message of the next byte.
func (c *Cursor) Pos() int { return c.base + c.pos }

// Size is the length of the whole message, holes included.
func (c *Cursor) Size() int { return c.size }

// Left is the number of bytes up to the end of the innermost sized group, holes included; 0 after an error.
func (c *Cursor) Left() int {
	if c.err.Kind != 0 {
		return 0
	}
	return c.limit - c.Pos()
}

// More tells whether the innermost sized group has bytes left and nothing went wrong.
func (c *Cursor) More() bool { return c.Left() > 0 }

// Rest lends the kept bytes from here to the end of the innermost sized group or of the run.
func (c *Cursor) Rest() []byte { return c.b[c.pos:] }

// Kept lends all bytes of the message that were kept.
func (c *Cursor) Kept() []byte { return c.data }

// Runs lends which bytes of the message Kept is; none: its first ones.
func (c *Cursor) Runs() []Run { return c.runs }

// Err is the first error, or nil.
func (c *Cursor) Err() *Error {
	if c.err.Kind == 0 {
		return nil
	}
	return &c.err
}

// Fail makes what an error: the message contradicts its specification at the field just read. The text is a constant.
func (c *Cursor) Fail(field, what string) {
	if c.err.Kind == 0 {
		c.stop(Error{Kind: Invalid, Field: field, What: what, Offset: c.Pos()})
	}
}

func (c *Cursor) stop(e Error) {
	e.Buffer = c.buffer
	c.err = e
	c.base, c.b, c.pos = c.Pos(), nil, 0
}

// lack notes that field needs n bytes that are not there, and says whether they were cut or never sent.
func (c *Cursor) lack(field string, n int) {
	if c.err.Kind != 0 {
		return
	}
	e := Error{Kind: Cut, Field: field, Offset: c.Pos(), What: "bytes were not kept"}
	if n < 0 || c.Pos()+n > c.limit {
		e.Kind, e.What = Short, "the message ends too early"
		if c.limit < c.size {
			e.What = "the field reaches beyond the end of its group"
		}
	}
	c.stop(e)
}

// hop reports whether n bytes can be read from the run that begins here, moving to that run if the last one ended.
func (c *Cursor) hop(field string, n int) bool {
	if c.err.Kind == 0 && n >= 0 && c.pos == len(c.b) && n <= c.limit-c.Pos() {
		c.seek(c.Pos())
	}
	if n < 0 || len(c.b)-c.pos < n {
		c.lack(field, n)
		return false
	}
	return true
}

// A fixed read has a fast part, small enough to be inlined, and a slow one for trees, ends and errors.

// Uint8 reads one byte.
func (c *Cursor) Uint8(name string) uint8 {
	if c.tree != nil || len(c.b)-c.pos < 1 {
		return uint8(c.slow(name, 1, Unsigned, 0))
	}
	c.pos++
	return c.b[c.pos-1]
}

// Uint16BE reads two bytes, high one first.
func (c *Cursor) Uint16BE(name string) uint16 {
	if c.tree != nil || len(c.b)-c.pos < 2 {
		return uint16(c.slow(name, 2, Unsigned, big))
	}
	c.pos += 2
	return binary.BigEndian.Uint16(c.b[c.pos-2:])
}

// Uint16LE reads two bytes, low one first.
func (c *Cursor) Uint16LE(name string) uint16 {
	if c.tree != nil || len(c.b)-c.pos < 2 {
		return uint16(c.slow(name, 2, Unsigned, 0))
	}
	c.pos += 2
	return binary.LittleEndian.Uint16(c.b[c.pos-2:])
}

// Uint24LE reads three bytes, lowest first.
func (c *Cursor) Uint24LE(name string) uint32 {
	if c.tree != nil || len(c.b)-c.pos < 3 {
		return uint32(c.slow(name, 3, Unsigned, 0))
	}
	c.pos += 3
	b := c.b[c.pos-3 : c.pos]
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16
}

// Int16BE reads two bytes, high one first, signed.
func (c *Cursor) Int16BE(name string) int16 {
	if c.tree != nil || len(c.b)-c.pos < 2 {
		return int16(c.slow(name, 2, Signed, big))
	}
	c.pos += 2
	return int16(binary.BigEndian.Uint16(c.b[c.pos-2:]))
}

// Int32BE reads four bytes, highest first, signed.
func (c *Cursor) Int32BE(name string) int32 {
	if c.tree != nil || len(c.b)-c.pos < 4 {
		return int32(c.slow(name, 4, Signed, big))
	}
	c.pos += 4
	return int32(binary.BigEndian.Uint32(c.b[c.pos-4:]))
}

// Uint32BE reads four bytes, highest first.
func (c *Cursor) Uint32BE(name string) uint32 {
	if c.tree != nil || len(c.b)-c.pos < 4 {
		return uint32(c.slow(name, 4, Unsigned, big))
	}
	c.pos += 4
	return binary.BigEndian.Uint32(c.b[c.pos-4:])
}

// Int64BE reads eight bytes, highest first, signed.
func (c *Cursor) Int64BE(name string) int64 {
	if c.tree != nil || len(c.b)-c.pos < 8 {
		return int64(c.slow(name, 8, Signed, big))
	}
	c.pos += 8
	return int64(binary.BigEndian.Uint64(c.b[c.pos-8:]))
}

// Uint64BE reads eight bytes, highest first.
func (c *Cursor) Uint64BE(name string) uint64 {
	if c.tree != nil || len(c.b)-c.pos < 8 {
		return c.slow(name, 8, Unsigned, big)
	}
	c.pos += 8
	return binary.BigEndian.Uint64(c.b[c.pos-8:])
}

// Int32LE reads four bytes, lowest first, signed.
func (c *Cursor) Int32LE(name string) int32 {
	if c.tree != nil || len(c.b)-c.pos < 4 {
		return int32(c.slow(name, 4, Signed, 0))
	}
	c.pos += 4
	return int32(binary.LittleEndian.Uint32(c.b[c.pos-4:]))
}

// Uint32LE reads four bytes, lowest first.
func (c *Cursor) Uint32LE(name string) uint32 {
	if c.tree != nil || len(c.b)-c.pos < 4 {
		return uint32(c.slow(name, 4, Unsigned, 0))
	}
	c.pos += 4
	return binary.LittleEndian.Uint32(c.b[c.pos-4:])
}

// Int64LE reads eight bytes, lowest first, signed.
func (c *Cursor) Int64LE(name string) int64 {
	if c.tree != nil || len(c.b)-c.pos < 8 {
		return int64(c.slow(name, 8, Signed, 0))
	}
	c.pos += 8
	return int64(binary.LittleEndian.Uint64(c.b[c.pos-8:]))
}

// Uint64LE reads eight bytes, lowest first.
func (c *Cursor) Uint64LE(name string) uint64 {
	if c.tree != nil || len(c.b)-c.pos < 8 {
		return c.slow(name, 8, Unsigned, 0)
	}
	c.pos += 8
	return binary.LittleEndian.Uint64(c.b[c.pos-8:])
}

// Float64LE reads an IEEE 754 double as its bits, lowest byte first.
func (c *Cursor) Float64LE(name string) uint64 {
	if c.tree != nil || len(c.b)-c.pos < 8 {
		return c.slow(name, 8, Float, 0)
	}
	c.pos += 8
	return binary.LittleEndian.Uint64(c.b[c.pos-8:])
}

// Number reads n bytes, which the protocol itself made a number of kind Unsigned, Signed or Float (the bits of a
// float64): of a length that the bytes tell, or in a form that few protocols have.
func (c *Cursor) Number(name string, n int, kind Kind, v uint64) uint64 {
	if !c.have(name, n) {
		c.pass(name, n, kind)
		return 0
	}
	if c.tree != nil {
		c.leaf(name, n, kind).Num = v
	}
	c.pos += n
	return v
}

const big = 1 // order of bytes, for slow

// slow reads an integer of n bytes the long way.
func (c *Cursor) slow(name string, n int, kind Kind, order int) uint64 {
	if !c.hop(name, n) {
		return 0
	}
	var v uint64
	for i := range n {
		if order == big {
			v = v<<8 | uint64(c.b[c.pos+i])
		} else {
			v |= uint64(c.b[c.pos+i]) << (8 * i)
		}
	}
	if kind == Signed {
		v = uint64(int64(v<<(64-8*n)) >> (64 - 8*n))
	}
	if c.tree != nil {
		c.leaf(name, n, kind).Num = v
	}
	c.pos += n
	return v
}

// Bytes reads n bytes and lends them. t says how they are shown; nil shows them as hexadecimal digits. Bytes that were
// not kept are passed over: nil is returned and Cut tells.
func (c *Cursor) Bytes(name string, n int, t *Type) []byte {
	if !c.have(name, n) {
		c.pass(name, n, Octets)
		return nil
	}
	if c.tree != nil {
		c.leaf(name, n, Octets).Type = t
	}
	return c.lend(n)
}

// String reads n bytes of text and lends them, as Bytes does.
func (c *Cursor) String(name string, n int) []byte {
	if !c.have(name, n) {
		c.pass(name, n, Text)
		return nil
	}
	if c.tree != nil {
		c.leaf(name, n, Text)
	}
	return c.lend(n)
}

// Terminated reads n bytes of text whose last is a NUL and lends them without it, as Bytes does.
func (c *Cursor) Terminated(name string, n int) []byte {
	if n < 1 {
		c.Fail(name, "text without its NUL")
		return nil
	}
	if !c.have(name, n) {
		c.pass(name, n, Text)
		return nil
	}
	if c.b[c.pos+n-1] != 0 {
		c.Fail(name, "text without its NUL")
		return nil
	}
	if c.tree != nil {
		c.leaf(name, n, Text).trim = 1
	}
	return c.lend(n)[: n-1 : n-1]
}

// have tells whether the next n bytes were kept, in one run.
func (c *Cursor) have(name string, n int) bool {
	if n > 0 && len(c.b)-c.pos >= n {
		return true
	}
	if n > 0 && c.pos == len(c.b) && n <= c.Left() {
		c.seek(c.Pos())
	}
	return n >= 0 && len(c.b)-c.pos >= n && c.err.Kind == 0
}

func (c *Cursor) lend(n int) []byte {
	c.pos += n
	return c.b[c.pos-n : c.pos : c.pos]
}

// pass goes over n bytes that were not all kept, though the sender sent them.
func (c *Cursor) pass(name string, n int, kind Kind) {
	if n < 0 || n > c.Left() || c.err.Kind != 0 {
		c.lack(name, n)
		return
	}
	if !c.cut {
		c.cut, c.firstCut = true, Error{Kind: Cut, Field: name, What: "bytes were not kept", Offset: c.Pos(), Buffer: c.buffer}
	}
	if c.tree != nil {
		c.leaf(name, n, kind)
	}
	c.move(n)
}

// CString reads text up to and with a NUL byte and lends it without the NUL.
func (c *Cursor) CString(name string) []byte {
	if c.pos == len(c.b) && !c.hop(name, 1) {
		return nil
	}
	n := bytes.IndexByte(c.b[c.pos:], 0)
	if n < 0 {
		// The NUL lies in a hole, or nowhere.
		at := c.Pos() + len(c.b) - c.pos
		c.lack(name, c.limit-c.Pos()+b2i(at >= c.limit))
		return nil
	}
	if c.tree != nil {
		c.leaf(name, n+1, Text).trim = 1
	}
	p := c.b[c.pos : c.pos+n : c.pos+n]
	c.pos += n + 1
	return p
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Skip passes over n bytes as one field, also where they were not kept.
func (c *Cursor) Skip(name string, n int, t *Type) {
	if n < 0 || n > c.Left() || c.err.Kind != 0 {
		c.lack(name, n)
		return
	}
	if c.tree != nil {
		c.leaf(name, n, Octets).Type = t
	}
	c.move(n)
}

// SkipText passes over n bytes of text whose last is a NUL as one field, also where they were not kept.
func (c *Cursor) SkipText(name string, n int) {
	if n < 1 {
		c.Fail(name, "text without its NUL")
		return
	}
	c.Skip(name, n, nil)
	if f := c.last(); f != nil {
		f.Kind, f.trim = Text, 1
	}
}

// move goes n bytes on, also into a hole; n is within the group.
func (c *Cursor) move(n int) {
	if c.pos+n <= len(c.b) {
		c.pos += n
		return
	}
	c.seek(c.Pos() + n)
}

// Group begins a group whose length nobody says: it ends where its last field ends. End takes back what it returns.
func (c *Cursor) Group(name string) (open int32) {
	if c.tree == nil {
		return 0
	}
	return c.group(name)
}

// End ends the group that Group began.
func (c *Cursor) End(open int32) {
	if c.tree != nil {
		c.close(open)
	}
}

// Frame is what Limit and Enter return and Leave takes back.
type Frame struct {
	limit int
	n     int // length of b
	open  int32
	sized bool
}

// Enter begins a group of n bytes from here. A group that does not fit is an error, and is then empty.
func (c *Cursor) Enter(name string, n int) Frame {
	open := c.open
	c.Group(name)
	f := c.Limit(name, n, 0)
	f.open = open
	return f
}

// Limit gives the innermost group a length of n bytes, of which before were read already: for groups that begin with
// their own length, which is the field just read.
func (c *Cursor) Limit(field string, n, before int) Frame {
	f := Frame{c.limit, len(c.b), c.open, c.sized}
	c.sized = true
	if n -= before; n < 0 || n > c.limit-c.Pos() || c.err.Kind != 0 {
		c.lack(field, n)
		c.sized = false
		return f
	}
	c.limit = c.Pos() + n
	if c.pos+n < len(c.b) {
		c.b = c.b[:c.pos+n]
	}
	return f
}

// Elide moves to the end of the innermost group with a length if nobody watches, and tells whether it did: for a
// decoder that needs no fact from there.
func (c *Cursor) Elide() bool {
	if c.tree != nil {
		return false
	}
	if c.err.Kind == 0 {
		c.move(c.limit - c.Pos())
	}
	return true
}

// Leave ends what Limit or Enter began. Bytes that nobody described become the field "unknown". Where reading failed
// because bytes were cut, it goes on behind the group.
func (c *Cursor) Leave(f Frame) {
	if c.err.Kind != 0 {
		c.mend()
	} else if n := c.limit - c.Pos(); n > 0 && c.sized {
		c.unknown(n)
	}
	if c.tree != nil {
		c.close(f.open)
	}
	c.sized, c.limit = f.sized, f.limit
	switch {
	case c.err.Kind != 0:
	case c.pos <= len(c.b) && f.n >= len(c.b) && f.n <= cap(c.b) && c.base+f.n <= c.limit && c.whole():
		c.b = c.b[:f.n]
	default:
		c.seek(c.Pos())
	}
}

// whole tells whether b is the beginning of a message that has no holes: then a group is left without a search.
func (c *Cursor) whole() bool { return len(c.runs) == 0 && c.b != nil }

// mend clears the error Cut at the end of a group with a length, and moves there.
func (c *Cursor) mend() {
	if c.err.Kind != Cut || !c.sized || c.err.Buffer != c.buffer {
		return // the error stays
	}
	if !c.cut {
		c.cut, c.firstCut = true, c.err
	}
	c.err = Error{}
	if c.tree != nil && c.limit > c.Pos() {
		c.leaf("cut", c.limit-c.Pos(), Hole)
	}
	c.seek(c.limit)
}

// Cut is the first place where bytes that were not kept were asked for, or nil. A message can have been cut and yet
// have no error, if the hole lay in groups whose ends are known.
func (c *Cursor) Cut() *Error {
	if c.err.Kind == Cut {
		return &c.err
	}
	if c.cut {
		return &c.firstCut
	}
	return nil
}

// Forgive takes back what Cut would tell beyond was, an earlier answer of it: bytes were not kept that no fact needs.
func (c *Cursor) Forgive(was *Error) {
	if was == nil {
		c.cut = false
	}
}

// Derive makes d read a further buffer of the same tree, made from bytes of this one: what was decompressed. size is
// its true length where data is only its beginning. Join ends it.
func (c *Cursor) Derive(d *Cursor, name string, data []byte, size int) {
	d.begin(data, size, nil, c.tree, c.open)
	d.class, d.made = c.class, c.made
	if c.err.Kind != 0 {
		d.err = c.err
		return
	}
	d.made++
	d.buffer = d.made // errors name it, watched or not
	if c.tree != nil {
		c.tree.addBuffer(name, data, size, nil)
	}
	d.seek(0)
}

// Join ends what Derive began and takes over d's error. Bytes left over in d become the field "unknown".
func (c *Cursor) Join(d *Cursor) {
	if n := d.Left(); n > 0 {
		d.unknown(n)
	}
	c.made = d.made
	if c.err.Kind == 0 {
		c.err = d.err
		if c.err.Kind != 0 {
			c.base, c.b, c.pos = c.Pos(), nil, 0
		}
	}
	if d.cut && !c.cut {
		c.cut, c.firstCut = true, d.firstCut
	}
}

// Finish ends the message: bytes that nobody described become the field "unknown".
func (c *Cursor) Finish() {
	if n := c.Left(); n > 0 {
		c.unknown(n)
	}
}

// unknown passes over n bytes that nobody described. They may be anything, also a user's data.
func (c *Cursor) unknown(n int) {
	was := c.class
	c.class = max(was, Value)
	c.Skip("unknown", n, nil)
	c.class = was
}
