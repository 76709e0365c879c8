package postgresql

import (
	"bytes"
	"cmp"
	"fmt"
	"math"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/wire"
)

// appendLSN appends a place in the write-ahead log as the server writes it.
func appendLSN(dst []byte, lsn uint64) []byte {
	return fmt.Appendf(dst, "%X/%X", lsn>>32, lsn&math.MaxUint32)
}

func lsn(c *wire.Cursor, name string) { c.Skip(name, 8, binaryTypes[oidLSN]) }

// at reads a time, in microseconds since the epoch.
func at(c *wire.Cursor, name string) { c.Skip(name, 8, binaryTypes[oidTimestamptz]) }

// Messages of a replication stream by who sends them, and of a base backup.
var (
	replicationNames = [...]wire.Enum{
		l7.ToServer: {'r': "StandbyStatusUpdate", 'h': "HotStandbyFeedback", 'p': "PrimaryStatusRequest"},
		l7.ToClient: {'w': "XLogData", 'k': "PrimaryKeepalive", 's': "PrimaryStatusUpdate"},
	}
	backupNames = wire.Enum{'n': "Archive", 'm': "Manifest", 'd': "Data", 'p': "Progress"}
)

// replicationData describes the body of a CopyData message that direction dir sends after CopyBothResponse. The body is the
// innermost sized group; known are the tables that it may speak of.
func replicationData(c *wire.Cursor, dir l7.Dir, known []relation) {
	if c.Elide() {
		return
	}
	kind, open := begin(c, replicationNames[dir])
	switch kind {
	case 'w':
		start := c.Bytes("wal_start", 8, binaryTypes[oidLSN])
		lsn(c, "wal_end")
		at(c, "send_time")
		switch {
		case fits(c, message) && !isStreamed(c.Rest(), start):
			pgoutput(c, false, known)
		case fits(c, streamed):
			pgoutput(c, true, known)
		default:
			data(c, "wal")
		}
	case 'k':
		lsn(c, "wal_end")
		at(c, "send_time")
		c.Uint8("reply_requested")
		c.Enum(boolNames)
	case 's':
		lsn(c, "wal_end")
		c.Uint64BE("oldest_commit_xid")
		c.Uint64BE("next_xid")
		at(c, "send_time")
	case 'r':
		lsn(c, "write_lsn")
		lsn(c, "flush_lsn")
		lsn(c, "apply_lsn")
		at(c, "send_time")
		c.Uint8("reply_requested")
		c.Enum(boolNames)
	case 'h':
		at(c, "send_time")
		c.Uint32BE("xmin")
		c.Uint32BE("xmin_epoch")
		c.Uint32BE("catalog_xmin")
		c.Uint32BE("catalog_xmin_epoch")
	case 'p':
		at(c, "send_time")
	default:
		data(c, "data")
	}
	c.End(open)
}

// backupData describes the body, the innermost sized group, of a CopyData message that answers BASE_BACKUP since
// PostgreSQL 15.
func backupData(c *wire.Cursor) {
	if c.Elide() {
		return
	}
	kind, open := begin(c, backupNames)
	switch kind {
	case 'n':
		c.CString("name")
		c.CString("tablespace")
	case 'm':
	case 'p':
		c.Int64BE("bytes")
	default:
		data(c, "data")
	}
	c.End(open)
}

// begin begins the group of a message, which its first byte names; that is read. A message without a name has the kind 0.
func begin(c *wire.Cursor, names wire.Enum) (kind byte, open int32) {
	b := c.Rest()
	if len(b) == 0 || names[uint64(b[0])] == "" {
		return 0, c.Group("message")
	}
	open = c.Group(names[uint64(b[0])])
	kind = c.Uint8("type")
	c.Detail()
	return kind, open
}

// data passes over what is left, which may be a user's: text or octets.
func data(c *wire.Cursor, name string) {
	was := c.Classify(wire.Value)
	if isPrintable(c.Rest()) {
		c.String(name, c.Left())
	} else {
		c.Skip(name, c.Left(), nil)
	}
	c.Classify(was)
}

// fits tells whether describe describes all that is left of the innermost sized group, as far as it was kept. What a
// stream holds depends on what was asked long ago: a plugin's messages, with a transaction's number in them or not, or
// the log as it lies on disk. What fits to the last byte is what it is.
func fits(c *wire.Cursor, describe func(*wire.Cursor)) bool {
	var try wire.Cursor
	try.Reset(c.Rest(), c.Left(), nil, nil)
	describe(&try)
	return try.Err() == nil && !try.More() || try.Cut() != nil && try.Err() == try.Cut()
}

// isStreamed tells whether a Message has the number of its transaction, which can look like a place in the log: the place
// behind it is that of the message then.
func isStreamed(b, start []byte) bool {
	return len(b) >= 14 && b[0] == 'M' && bytes.Equal(b[6:14], start)
}

// Messages of the output plugin pgoutput.
var messageNames = wire.Enum{
	'B': "Begin", 'M': "Message", 'C': "Commit", 'O': "Origin", 'R': "Relation", 'Y': "Type", 'I': "Insert", 'U': "Update",
	'D': "Delete", 'T': "Truncate", 'S': "StreamStart", 'E': "StreamStop", 'c': "StreamCommit", 'A': "StreamAbort",
	'b': "BeginPrepare", 'P': "Prepare", 'K': "CommitPrepared", 'r': "RollbackPrepared", 'p': "StreamPrepare",
}

var (
	identityNames = wire.Enum{'d': "default", 'n': "nothing", 'f': "full", 'i': "index"}
	tupleNames    = wire.Enum{'K': "key", 'O': "old", 'N': "new"}
	columnNames   = wire.Enum{'n': "NULL", 'u': "unchanged", 't': "text", 'b': "binary"}
	truncateFlags = []wire.Flag{{Mask: 1, Name: "cascade"}, {Mask: 2, Name: "restart_identity"}}
	messageFlags  = []wire.Flag{{Mask: 1, Name: "transactional"}}
	keyFlags      = []wire.Flag{{Mask: 1, Name: "key"}}
)

// message describes a message of pgoutput.
func message(c *wire.Cursor) { pgoutput(c, false, nil) }

// streamed describes one that stands between Stream Start and Stream Stop: some have the number of their transaction.
func streamed(c *wire.Cursor) { pgoutput(c, true, nil) }

func pgoutput(c *wire.Cursor, streamed bool, known []relation) {
	open := c.Group("message")
	t := c.Uint8("type")
	if messageNames[uint64(t)] == "" {
		c.Fail("type", "no message of pgoutput")
	}
	c.Rename(messageNames[uint64(t)])
	c.Detail()
	if streamed && bytes.IndexByte([]byte("MRYIUDT"), t) >= 0 {
		c.Uint32BE("xid")
	}
	switch t {
	case 'M':
		flags(c, messageFlags)
		lsn(c, "lsn")
		name(c, "prefix")
		n := c.Int32BE("length")
		c.Detail()
		value(c, "content", int(n), oidText, 0)
	case 'O':
		lsn(c, "commit_lsn")
		name(c, "name")
	case 'R':
		describeRelation(c)
	case 'Y':
		c.Uint32BE("type_oid")
		name(c, "namespace")
		name(c, "name")
	case 'I', 'U', 'D':
		columns := relationOID(c, known)
		last := false
		for more := true; more && !last; more = t == 'U' && c.More() {
			last = tuple(c, columns) == 'N'
		}
		if last == (t == 'D') {
			c.Fail("tuple", "not the tuples of this message")
		}
	case 'T':
		n := c.Int32BE("relations")
		flags(c, truncateFlags)
		if 4*int(n) != c.Left() {
			c.Fail("relations", "not as many relations as the message has")
		}
		for c.More() {
			relationOID(c, known)
		}
	default:
		transaction(c, t)
	}
	c.End(open)
}

// describeRelation describes a table: its name and its columns.
func describeRelation(c *wire.Cursor) {
	c.Uint32BE("relation_oid")
	name(c, "namespace")
	name(c, "name")
	if identity := c.Uint8("replica_identity"); identityNames[uint64(identity)] == "" {
		c.Fail("replica_identity", "no replica identity")
	}
	c.Enum(identityNames)
	n := c.Int16BE("columns")
	for i := int16(0); i < n && c.Err() == nil; i++ {
		g := c.Group("column")
		c.Index()
		flags(c, keyFlags)
		name(c, "name")
		c.Stands()
		c.Uint32BE("type_oid")
		c.Enum(typeNames)
		c.Int32BE("type_modifier")
		c.End(g)
	}
}

// transaction describes a message about a transaction, or a stream of its changes.
func transaction(c *wire.Cursor, t uint8) {
	switch t {
	case 'B':
		lsn(c, "final_lsn")
		at(c, "commit_time")
		c.Uint32BE("xid")
	case 'C':
		committed(c)
	case 'S':
		c.Uint32BE("xid")
		c.Uint8("first_segment")
		c.Enum(boolNames)
	case 'c':
		c.Uint32BE("xid")
		committed(c)
	case 'A':
		c.Uint32BE("xid")
		c.Uint32BE("subxid")
		if c.More() { // of a parallel stream
			lsn(c, "abort_lsn")
			at(c, "abort_time")
		}
	case 'b', 'P', 'p':
		if t != 'b' {
			flags(c, nil)
		}
		lsn(c, "prepare_lsn")
		lsn(c, "end_lsn")
		at(c, "prepare_time")
		c.Uint32BE("xid")
		name(c, "gid")
	case 'K':
		committed(c)
		c.Uint32BE("xid")
		name(c, "gid")
	case 'r':
		flags(c, nil)
		lsn(c, "prepare_end_lsn")
		lsn(c, "rollback_end_lsn")
		at(c, "prepare_time")
		at(c, "rollback_time")
		c.Uint32BE("xid")
		name(c, "gid")
	}
}

// committed describes what tells of every commit.
func committed(c *wire.Cursor) {
	flags(c, nil)
	lsn(c, "commit_lsn")
	lsn(c, "end_lsn")
	at(c, "commit_time")
}

// tuple describes the columns of a row, new or old, and returns which it is. Columns that are not known have no names.
func tuple(c *wire.Cursor, columns []byte) (kind uint8) {
	open := c.Group("tuple")
	kind = c.Uint8("kind")
	if tupleNames[uint64(kind)] == "" {
		c.Fail("kind", "no tuple")
	}
	c.Rename(tupleNames[uint64(kind)])
	c.Detail()
	n := c.Int16BE("columns")
	for i := int16(0); i < n && c.Err() == nil; i++ {
		name, oid := nextColumn(&columns)
		g := c.Group(cmp.Or(name, "column"))
		if name == "" {
			c.Index()
		}
		kind := c.Uint8("kind")
		c.Enum(columnNames)
		switch kind {
		case 't', 'b':
			c.Detail()
			n := c.Int32BE("length")
			c.Detail()
			value(c, "value", int(n), oid, int16(b2i(kind == 'b')))
			c.Stands()
		case 'n', 'u':
			c.Stands()
		default:
			c.Fail("kind", "no kind of column")
		}
		c.End(g)
	}
	c.End(open)
	return kind
}

// flags reads a byte of flags, of which only known ones may be set.
func flags(c *wire.Cursor, known []wire.Flag) {
	unknown := uint64(c.Uint8("flags"))
	for _, f := range known {
		unknown &^= f.Mask
	}
	if unknown != 0 {
		c.Fail("flags", "flags that no message has")
	}
	c.Flags(known)
}

// name reads a name, in any encoding.
func name(c *wire.Cursor, field string) {
	if hasControls(c.CString(field)) {
		c.Fail(field, "control characters in a name")
	}
}

var copySignature = []byte("PGCOPY\n\xff\r\n\x00")

// copyBinary describes the body, the innermost sized group, of a CopyData message in binary format: the header, and rows.
// Clients may end a message anywhere; what is not whole rows is left as it is.
func copyBinary(c *wire.Cursor) {
	b := c.Rest()
	if c.Elide() {
		return
	}
	if bytes.HasPrefix(b, copySignature) {
		open := c.Group("header")
		c.Skip("signature", len(copySignature), nil)
		c.Uint32BE("flags")
		c.Flags([]wire.Flag{{Mask: 1 << 16, Name: "oids"}})
		n := c.Int32BE("length")
		c.Detail()
		c.Skip("extension", int(n), nil)
		c.End(open)
	}
	if fits(c, copyRows) {
		copyRows(c)
	} else if c.More() {
		data(c, "data")
	}
}

func copyRows(c *wire.Cursor) {
	for c.More() {
		open := c.Group("row")
		n := c.Int16BE("columns")
		if n == -1 {
			c.Rename("trailer")
		} else if n < 0 {
			c.Fail("columns", "a negative number of columns")
		}
		for i := int16(0); i < n && c.Err() == nil; i++ {
			size := c.Int32BE("length")
			c.Detail()
			value(c, "value", int(size), 0, 1)
		}
		c.End(open)
	}
}
