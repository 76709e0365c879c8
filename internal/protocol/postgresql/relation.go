package postgresql

import (
	"encoding/binary"
	"slices"

	"github.com/dbtap/dbtap/internal/wire"
)

// Limits of what is kept of the tables that a replication stream speaks of.
const (
	// maxRelations is how many tables have names: more than a database usually publishes. Those that come later have none,
	// because a server describes a table once and changes of all of them follow.
	maxRelations = 1024

	// maxRelationBytes is how much their names and columns take at most: a thousand tables of twenty columns.
	maxRelationBytes = 512 << 10
)

// relation is a table as a Relation message of pgoutput describes it.
type relation struct {
	oid     uint32
	text    []byte    // its name, a NUL, and columns
	columns []byte    // of each the name, a NUL, and the OID of its type
	name    wire.Enum // of the OID
}

// relations are the tables that a stream has described, by OID.
type relations struct {
	list map[uint32]relation
	held int // bytes
}

// relationSize is what a relation takes beside its text, in bytes: about what its two maps do.
const relationSize = 512

// keep takes a copy of a relation's text.
func (r *relations) keep(oid uint32, text []byte) {
	if r.list == nil {
		r.list = map[uint32]relation{}
	}
	if old, ok := r.list[oid]; ok {
		delete(r.list, oid)
		r.held -= relationSize + len(old.text)
	}
	end := slices.Index(text, 0)
	if end < 0 || len(r.list) == maxRelations || r.held+relationSize+len(text) > maxRelationBytes {
		return
	}
	text = slices.Clone(text)
	r.list[oid] = relation{oid: oid, text: text, columns: text[end+1:], name: wire.Enum{uint64(oid): string(text[:end])}}
	r.held += relationSize + len(text)
}

// changeHeader is how many bytes of a CopyData message stand before a message of pgoutput: header, type of XLogData, two places
// and a time.
const changeHeader = headerSize + 1 + 3*8

// isRelation tells whether the message that b begins with may describe a table: what follows is read by it, so it is a message
// of its own.
func isRelation(b []byte) bool {
	return len(b) > changeHeader && b[0] == typeCopyData && b[headerSize] == 'w' && b[changeHeader] == 'R'
}

// learn keeps the relation that a message describes: with the number of a transaction before it, or without.
func (r *relations) learn(b []byte) {
	for _, before := range []int{0, 4} {
		in := reader{b: b[changeHeader+1:]}
		in.take(before)
		oid := in.uint32()
		text := append(append(append([]byte{}, in.cstring()...), '.'), in.cstring()...)
		text = append(text, 0)
		in.is(identityNames[uint64(in.uint8())] != "")
		for range in.uint16() {
			in.is(in.uint8() <= 1)
			text = append(append(text, in.cstring()...), 0)
			text = append(text, in.take(4)...)
			if in.take(4); in.bad {
				break
			}
		}
		if !in.bad && len(in.b) == 0 {
			r.keep(oid, text)
			return
		}
	}
}

// spoken are the relations that changes in b speak of, as many as have room in a context.
func (r *relations) spoken(b []byte) (list []relation) {
	room := maxColumns
	for len(r.list) > 0 && len(b) > changeHeader {
		n := messageLength(b)
		if n == 0 {
			break
		}
		body := b[changeHeader+1 : max(changeHeader+1, min(n, len(b)))]
		switch b[changeHeader] {
		case 'I', 'U', 'D': // the number of a transaction may stand before the OID
			body = body[:min(8, len(body))]
		case 'T':
		default:
			body = nil
		}
		for i := range body {
			if i+4 > len(body) {
				break
			}
			known, ok := r.list[binary.BigEndian.Uint32(body[i:])]
			if !ok || slices.ContainsFunc(list, func(l relation) bool { return l.oid == known.oid }) {
				continue
			}
			if room -= 6 + len(known.text); room < 0 {
				return list
			}
			list = append(list, known)
		}
		b = b[min(n, len(b)):]
	}
	return list
}

// appendRelations appends relations to a context.
func appendRelations(dst []byte, list []relation) []byte {
	for _, l := range list {
		dst = binary.BigEndian.AppendUint32(dst, l.oid)
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(l.text)))
		dst = append(dst, l.text...)
	}
	return dst
}

// recall takes the relations of a context.
func (r *relations) recall(b []byte) {
	for in := (reader{b: b}); len(in.b) > 0 && !in.bad; {
		oid := in.uint32()
		if text := in.take(int(in.uint16())); !in.bad {
			r.keep(oid, text)
		}
	}
}

// relationOID reads the OID of a table and returns what its columns are, if that is known.
func relationOID(c *wire.Cursor, known []relation) (columns []byte) {
	oid := c.Uint32BE("relation_oid")
	for _, k := range known {
		if k.oid == oid {
			c.Enum(k.name)
			return k.columns
		}
	}
	return nil
}

// nextColumn reads the next column's name and type.
func nextColumn(columns *[]byte) (name string, oid uint32) {
	in := reader{b: *columns}
	text := in.cstring()
	oid = in.uint32()
	if *columns = in.b; in.bad {
		*columns = nil
		return "", 0
	}
	return view(text), oid
}
