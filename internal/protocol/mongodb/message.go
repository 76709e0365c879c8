package mongodb

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"

	"github.com/dbtap/dbtap/internal/inflate"
	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/wire"
)

// Decode implements l7.Dialog.
func (d *dialog) Decode(dir l7.Dir, c *wire.Cursor, m *l7.Message) {
	d.now = facts{}
	d.query.reset()
	root := c.Group("mongodb")
	n := c.Int32LE("messageLength")
	d.now.id = c.Uint32LE("requestID")
	d.now.to = c.Uint32LE("responseTo")
	op := c.Uint32LE("opCode")
	c.Enum(opcodes)

	if dir == l7.ToServer {
		m.Role, m.ID = l7.Request, uint64(d.now.id)
		m.Set(record.RequestID, int64(d.now.id))
		d.now.ask = true
		d.now.trust = guarded // until its name says otherwise
	} else {
		m.Role, m.ID = l7.Response, uint64(d.now.to)
		m.Set(record.RequestID, int64(d.now.to))
		d.question(d.now.to)
	}
	if int(n) != c.Size() {
		c.Fail("messageLength", "the length is not the message's")
	}
	if op == opCompressed {
		d.compressed(dir, c, m)
	} else {
		d.body(dir, op, c, m)
		if b := c.Kept(); op == opMsg && c.Err() == nil && len(b) == c.Size() && b[headerSize]&flagChecksumPresent != 0 {
			verify(crc32.Checksum(b[:len(b)-4], castagnoli), b[len(b)-4:], m)
		}
	}
	c.Finish()
	c.End(root)

	if dir == l7.ToServer {
		d.request(m)
		d.query.reset()
	} else if c.Err() == nil && m.Status == record.Unknown && c.Cut() == nil && !d.now.mute {
		m.Status = record.OK // nothing told of an error
	}
}

// body describes what follows the header of a message op.
func (d *dialog) body(dir l7.Dir, op uint32, c *wire.Cursor, m *l7.Message) {
	if server := op == opReply || op == opCommandReply; server != (dir == l7.ToClient) && op != opMsg && op != opMsgOld {
		c.Fail("opCode", "the other side sends this")
		return
	}
	switch op {
	case opMsg:
		d.opMsg(dir, c, m)
	case opQuery:
		d.opQuery(c, m)
	case opReply:
		d.opReply(c, m)
	case opInsert:
		d.oneWay(m, "insert")
		c.Uint32LE("flags")
		c.Flags(insertFlags)
		d.collection(c, m)
		d.sequence(c, "documents")
	case opUpdate:
		d.oneWay(m, "update")
		c.Int32LE("ZERO")
		d.collection(c, m)
		c.Uint32LE("flags")
		c.Flags(updateFlags)
		d.part(c, "selector")
		d.part(c, "update")
	case opDelete:
		d.oneWay(m, "delete")
		c.Int32LE("ZERO")
		d.collection(c, m)
		c.Uint32LE("flags")
		c.Flags(deleteFlags)
		d.part(c, "selector")
	case opGetMore:
		m.SetText(record.Operation, "get_more")
		d.now.kind = find
		c.Int32LE("ZERO")
		d.collection(c, m)
		c.Int32LE("numberToReturn")
		if cursor := c.Int64LE("cursorID"); c.Err() == nil {
			m.SetAttribute(attrCursorID, cursor)
		}
	case opKillCursors:
		d.oneWay(m, "kill_cursors")
		c.Int32LE("ZERO")
		n := c.Int32LE("numberOfCursorIDs")
		if n < 0 || int(n) != c.Left()/8 {
			c.Fail("numberOfCursorIDs", "the number does not fit the length")
		}
		for range n {
			if !c.More() {
				break
			}
			c.Int64LE("cursorID")
		}
	case opCommand:
		m.SetBytes(record.Namespace, c.CString("database"))
		name := c.CString("commandName")
		m.SetBytes(record.Operation, name)
		d.now.kind = kindOfCommand(name)
		d.trust(traitsOf(name)) // its arguments may say more
		d.command(c, "commandArgs", m)
		named(c, "metadata", true)
		d.sequence(c, "inputDocs")
	case opCommandReply:
		d.answer(c, "commandReply", m, d.now.kind != unheard)
		named(c, "metadata", true)
		m.Set(record.Rows, d.sequence(c, "outputDocs"))
	case opMsgOld:
		m.SetText(record.Operation, "msg")
		c.Classify(wire.Value)
		c.CString("message")
		c.Classify(wire.Structure)
	case opReserved:
		m.SetText(record.Operation, "reserved")
	}
}

func (d *dialog) oneWay(m *l7.Message, operation string) {
	m.Role = l7.OneWay
	m.SetText(record.Operation, operation)
	d.now.ask = false
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// opMsg describes OP_MSG: flags, sections in any number and order, and a checksum.
func (d *dialog) opMsg(dir l7.Dir, c *wire.Cursor, m *l7.Message) {
	flags := c.Uint32LE("flagBits")
	c.Flags(msgFlags)
	if dir == l7.ToServer {
		if flags&flagMoreToCome != 0 {
			m.Role = l7.OneWay
			m.SetAttribute(attrMoreToCome, 1)
			d.now.ask = false
		}
		if flags&flagExhaustAllowed != 0 {
			m.SetAttribute(attrExhaust, 1)
		}
	} else if flags&flagMoreToCome != 0 {
		m.More, m.Next = true, uint64(d.now.id)
		d.now.again = true
	}
	if flags&flagsRequired&^(flagChecksumPresent|flagMoreToCome) != 0 {
		m.Doubts |= record.Malformed // and yet it can be read: a receiver refuses it, an observer need not
	}
	end := 0
	if flags&flagChecksumPresent != 0 {
		end = 4
	}
	for c.Left() > end {
		d.section(dir, c, m, end)
	}
	if end > 0 {
		c.Uint32LE("checksum")
	}
}

// section describes one section of OP_MSG.
func (d *dialog) section(dir l7.Dir, c *wire.Cursor, m *l7.Message, end int) {
	g := c.Group("section")
	kind := c.Uint8("kind")
	c.Detail()
	switch kind {
	case 0:
		if c.Err() != nil {
			break
		}
		if d.now.body { // one is allowed
			m.Doubts |= record.Malformed
			c.Rename("unknown")
			private(c, true)
			break
		}
		d.now.body = true
		c.Rename("body")
		if dir == l7.ToServer {
			d.elements(c, m, false)
		} else {
			d.reply(c, m, d.now.kind != unheard)
		}
	case 1:
		c.Rename("sequence")
		n := c.Int32LE("size")
		c.Detail()
		f := c.Limit("size", int(n), 4)
		id := c.CString("identifier")
		c.Key()
		if dir == l7.ToServer {
			d.query.sequence(view(id), c.Rest(), len(c.Rest()) < c.Left())
		}
		guard := d.guarded() || dir == l7.ToServer && !own(view(id))
		switch was := c.Cut(); {
		case string(id) == "nsInfo":
			d.nsInfo(c, m)
			c.Leave(f)
		case hidden(id, guard):
			c.Classify(wire.Secret)
			c.Skip("documents", c.Left(), nil)
			c.Classify(wire.Structure)
			c.Leave(f)
			c.Forgive(was)
		default:
			documents(c, guard)
			c.Leave(f)
			c.Forgive(was)
		}
	case 2:
		// Older servers send a document, newer ones text.
		c.Rename("securityToken")
		c.Classify(wire.Secret)
		if b := c.Rest(); len(b) < 5 && len(b) < c.Left() {
			c.Skip("token", c.Left()-end, nil) // not kept: which of both is not known
			m.Doubts |= record.Cut
		} else if len(b) >= 5 && int(binary.LittleEndian.Uint32(b)) <= c.Left()-end && b[3] == 0 {
			was := c.Cut()
			value(c, typeDocument, true)
			c.Forgive(was)
		} else {
			c.CString("token")
		}
		c.Classify(wire.Structure)
	default:
		c.Fail("kind", "no kind of section")
	}
	c.End(g)
}

// documents describes documents until the end of the group, or passes over them.
func documents(c *wire.Cursor, guard bool) {
	if c.Elide() {
		return
	}
	for c.More() {
		g := c.Group("document")
		c.Index()
		private(c, guard)
		c.End(g)
	}
}

// sequence describes documents until the end of the message, and counts them.
func (d *dialog) sequence(c *wire.Cursor, name string) (n int64) {
	d.query.sequence(name, c.Rest(), len(c.Rest()) < c.Left())
	for c.More() {
		named(c, name, d.guarded())
		n++
	}
	return n
}

// named describes a user's document as a group.
func named(c *wire.Cursor, name string, guard bool) {
	g := c.Group(name)
	private(c, guard)
	c.End(g)
}

// private describes a user's document; that some of it may not have been kept is no matter.
func private(c *wire.Cursor, guard bool) {
	was := c.Cut()
	c.Classify(wire.Value)
	value(c, typeDocument, guard)
	c.Classify(wire.Structure)
	c.Forgive(was)
}

// part describes a document that is a part of a request of old.
func (d *dialog) part(c *wire.Cursor, name string) {
	d.query.part(name, c.Rest())
	named(c, name, d.guarded())
}

// collection reads "database.collection" and states both.
func (d *dialog) collection(c *wire.Cursor, m *l7.Message) (cmd bool) {
	name := c.CString("fullCollectionName")
	db, coll, ok := bytes.Cut(name, []byte("."))
	m.SetBytes(record.Namespace, db)
	if cmd = ok && string(coll) == "$cmd"; !cmd {
		m.SetBytes(record.Target, coll)
		if !system(coll) {
			d.now.trust = 0
		}
	}
	return cmd
}

func (d *dialog) opQuery(c *wire.Cursor, m *l7.Message) {
	flags := c.Uint32LE("flags")
	c.Flags(queryFlags)
	cmd := d.collection(c, m)
	c.Int32LE("numberToSkip")
	c.Int32LE("numberToReturn")
	if c.Err() != nil {
		return // whether it is a command is not known
	}
	if flags&queryExhaust != 0 {
		m.SetAttribute(attrExhaust, 1)
	}
	if cmd {
		d.command(c, "query", m)
	} else {
		m.SetText(record.Operation, "query")
		d.now.kind = find
		if flags&queryExhaust != 0 {
			d.now.kind = exhaust
		}
		d.query.part("filter", c.Rest())
		named(c, "query", d.guarded())
	}
	if c.More() {
		named(c, "returnFieldsSelector", cmd || d.guarded())
	}
}

func (d *dialog) opReply(c *wire.Cursor, m *l7.Message) {
	flags := c.Uint32LE("responseFlags")
	c.Flags(replyFlags)
	cursor := c.Int64LE("cursorID")
	c.Int32LE("startingFrom")
	n := c.Int32LE("numberReturned")
	if c.Err() != nil {
		return
	}
	if cursor != 0 {
		m.SetAttribute(attrCursorID, cursor)
	}
	rows := d.now.kind == find || d.now.kind == exhaust
	if rows && flags&replyQueryFailure == 0 {
		m.Set(record.Rows, int64(n))
	}
	if d.now.kind == exhaust && cursor != 0 {
		m.More, m.Next = true, uint64(d.now.id)
		d.now.again = true
	}
	if flags&replyCursorNotFound != 0 {
		m.Status = record.ClientError
		m.SetText(record.Code, "43")
		m.SetText(record.Error, "CursorNotFound")
	}
	for first := true; c.More(); first = false {
		switch {
		case first && (!rows && d.now.kind != unheard || flags&replyQueryFailure != 0):
			d.answer(c, "documents", m, true)
		default: // who did not hear the question cannot tell an answer from a user's document
			d.now.mute = d.now.mute || d.now.kind == unheard
			named(c, "documents", d.guarded())
		}
	}
}

// compressed describes OP_COMPRESSED, and the message inside as a second buffer.
func (d *dialog) compressed(dir l7.Dir, c *wire.Cursor, m *l7.Message) {
	op := c.Uint32LE("originalOpcode")
	c.Enum(opcodes)
	size := c.Int32LE("uncompressedSize")
	id := c.Uint8("compressorId")
	c.Enum(compressors)
	if c.Err() != nil {
		return
	}
	if size < 0 || size > maxLength {
		c.Fail("uncompressedSize", "more than a message may have")
		return
	}
	if compressors[uint64(id)] == "" || !known(op) || op == opCompressed {
		c.Fail("compressorId", "no compressor or no opcode that can be compressed")
		return
	}
	m.SetAttributeText(attrCompressor, compressors[uint64(id)])
	src := c.Rest()
	whole := len(src) == c.Left()
	c.Classify(wire.Secret) // whatever is secret inside, is here
	c.Skip("compressedMessage", c.Left(), nil)
	c.Classify(wire.Structure)

	var out []byte
	var err error
	limit := min(int(size), maxInflate, max(leastInflate, maxRatio*len(src)))
	switch id {
	case 0:
		out = src
	case 1:
		out, err = inflate.Snappy(m.Room(limit), src, limit)
	case 2:
		out, err = inflate.Zlib(m.Room(limit), src, limit)
	case 3:
		out, err = inflate.Zstd(m.Room(limit), src, limit)
	}
	if id != 0 {
		m.Derived = out
	}
	if whole && (err != nil && limit == int(size) || len(out) != limit) {
		m.Doubts |= record.Malformed
	}
	inner := &m.Inner
	c.Derive(inner, "decompressed", out, int(size))
	d.body(dir, op, inner, m)
	if whole && op == opMsg && len(out) == int(size) && size >= 4 && out[0]&flagChecksumPresent != 0 {
		// The checksum was made before the compression, with the header that the message had then.
		le := binary.LittleEndian
		at := len(m.Scratch)
		m.Scratch = le.AppendUint32(m.Scratch, uint32(headerSize+size))
		m.Scratch = le.AppendUint32(m.Scratch, d.now.id)
		m.Scratch = le.AppendUint32(m.Scratch, d.now.to)
		m.Scratch = le.AppendUint32(m.Scratch, opMsg)
		sum := crc32.Update(crc32.Checksum(m.Scratch[at:], castagnoli), castagnoli, out[:size-4])
		verify(sum, out[size-4:], m)
	}
	c.Join(inner)
}

var compressors = wire.Enum{0: "noop", 1: "snappy", 2: "zlib", 3: "zstd"}

func verify(sum uint32, stored []byte, m *l7.Message) {
	if binary.LittleEndian.Uint32(stored) != sum {
		m.Doubts |= record.Checksum
	}
}

// guarded tells whether keys of secrets hide their values.
func (d *dialog) guarded() bool { return d.now.trust&guarded != 0 }

// trust notes what the name of a command tells.
func (d *dialog) trust(t traits) {
	d.now.trust = guarded
	if t&ordinary != 0 {
		d.now.trust = 0
	}
	if t&carries != 0 {
		d.now.trust |= quotable
	}
}
