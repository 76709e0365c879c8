// Package mongodb describes MongoDB's wire protocol: every opcode, BSON, compression, and what a record says of them.
package mongodb

import (
	_ "embed"
	"encoding/binary"
	"errors"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/stream"
	"github.com/dbtap/dbtap/internal/wire"
)

//go:embed MONGODB.md
var page string

// Protocol is MongoDB's wire protocol.
var Protocol = &l7.Protocol{
	Name:    "mongodb",
	Title:   "MongoDB",
	Spec:    "https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/",
	Ports:   []uint16{27017, 27018, 27019},
	Pairing: l7.ByID,
	Attributes: []l7.Attribute{
		attrCursorID:   {Name: "cursor_id", Kind: record.Count, Doc: "Cursor that is left open on the server, or that is asked for more."},
		attrMatched:    {Name: "matched", Kind: record.Count, Sum: true, Doc: "Documents that an update matched (n)."},
		attrMoreToCome: {Name: "more_to_come", Kind: record.Flag, Doc: "The client asked for no answer (flag moreToCome)."},
		attrExhaust:    {Name: "exhaust", Kind: record.Flag, Doc: "The server may send further answers unasked (flag exhaustAllowed, OP_QUERY flag Exhaust)."},
		attrCompressor: {Name: "compressor", Kind: record.Text, Doc: "Compressor of a message of the exchange: noop, snappy, zlib, zstd."},
		attrDriver:     {Name: "driver", Kind: record.Text, Doc: "Name and version of the client's driver, from its handshake."},
		attrTxnNumber:  {Name: "txn_number", Kind: record.Count, Doc: "Number of the transaction, or retryable write, in its session."},
		attrMechanism:  {Name: "mechanism", Kind: record.Text, Doc: "Authentication mechanism."},
		attrErrors:     {Name: "write_errors", Kind: record.Count, Sum: true, Doc: "Number of writes of a bulk that failed."},
	},
	Aliases: aliases,
	Page:    page,
	Probe:   probe,
	Open:    openDialog,
}

const (
	attrCursorID = iota
	attrMatched
	attrMoreToCome
	attrExhaust
	attrCompressor
	attrDriver
	attrTxnNumber
	attrMechanism
	attrErrors
)

// Opcodes of the message header.
const (
	opReply        = 1
	opMsgOld       = 1000
	opUpdate       = 2001
	opInsert       = 2002
	opReserved     = 2003
	opQuery        = 2004
	opGetMore      = 2005
	opDelete       = 2006
	opKillCursors  = 2007
	opCommand      = 2010
	opCommandReply = 2011
	opCompressed   = 2012
	opMsg          = 2013
)

var opcodes = wire.Enum{
	opReply: "OP_REPLY", opMsgOld: "OP_MSG_OLD", opUpdate: "OP_UPDATE", opInsert: "OP_INSERT", opReserved: "RESERVED",
	opQuery: "OP_QUERY", opGetMore: "OP_GET_MORE", opDelete: "OP_DELETE", opKillCursors: "OP_KILL_CURSORS",
	opCommand: "OP_COMMAND", opCommandReply: "OP_COMMANDREPLY", opCompressed: "OP_COMPRESSED", opMsg: "OP_MSG",
}

// Limits of the protocol.
const (
	headerSize = 16
	maxMessage = 48_000_000 // maxMessageSizeBytes that servers announce
	maxLength  = maxMessage + 16<<10

	// maxInflate is how much of a compressed message is decompressed: a server's batch ends at 16 MiB, and of a larger
	// request the beginning is enough. What is beyond maxRatio times the compressed bytes is not worth the time, once
	// leastInflate is reached: zlib compresses zeros by 1032, a bomb of zstd by ten thousands.
	maxInflate   = 17 << 20
	maxRatio     = 1100
	leastInflate = 1 << 20
)

// Flag bits of OP_MSG. Bits 0 to 15 are required: an unknown one makes the message invalid.
const (
	flagChecksumPresent = 1 << 0
	flagMoreToCome      = 1 << 1
	flagExhaustAllowed  = 1 << 16
	flagsRequired       = 0xFFFF
)

var (
	msgFlags = []wire.Flag{
		{Mask: flagChecksumPresent, Name: "checksumPresent"},
		{Mask: flagMoreToCome, Name: "moreToCome"},
		{Mask: flagExhaustAllowed, Name: "exhaustAllowed"},
	}
	queryFlags = []wire.Flag{
		{Mask: 1 << 1, Name: "TailableCursor"}, {Mask: 1 << 2, Name: "SlaveOk"}, {Mask: 1 << 3, Name: "OplogReplay"},
		{Mask: 1 << 4, Name: "NoCursorTimeout"}, {Mask: 1 << 5, Name: "AwaitData"}, {Mask: queryExhaust, Name: "Exhaust"},
		{Mask: 1 << 7, Name: "Partial"},
	}
	replyFlags = []wire.Flag{
		{Mask: replyCursorNotFound, Name: "CursorNotFound"}, {Mask: replyQueryFailure, Name: "QueryFailure"},
		{Mask: 1 << 2, Name: "ShardConfigStale"}, {Mask: 1 << 3, Name: "AwaitCapable"},
	}
	updateFlags = []wire.Flag{{Mask: 1 << 0, Name: "Upsert"}, {Mask: 1 << 1, Name: "MultiUpdate"}}
	insertFlags = []wire.Flag{{Mask: 1 << 0, Name: "ContinueOnError"}}
	deleteFlags = []wire.Flag{{Mask: 1 << 0, Name: "SingleRemove"}}
)

const (
	queryExhaust        = 1 << 6
	replyCursorNotFound = 1 << 0
	replyQueryFailure   = 1 << 1
)

// aliases are names that a well-known tutorial on dissectors gives the fields.
var aliases = map[string][]string{
	"mongodb.message_length":   {"mongodb.messageLength"},
	"mongodb.requestid":        {"mongodb.requestID"},
	"mongodb.responseto":       {"mongodb.responseTo"},
	"mongodb.opcode":           {"mongodb.opCode"},
	"mongodb.full_coll_name":   {"mongodb.fullCollectionName"},
	"mongodb.number_to_skip":   {"mongodb.numberToSkip"},
	"mongodb.number_to_return": {"mongodb.numberToReturn"},
	"mongodb.response_flags":   {"mongodb.responseFlags"},
	"mongodb.cursor_id":        {"mongodb.cursorID"},
	"mongodb.starting_from":    {"mongodb.startingFrom"},
	"mongodb.number_returned":  {"mongodb.numberReturned"},
}

func known(op uint32) bool {
	switch op {
	case opReply, opMsgOld, opUpdate, opInsert, opReserved, opQuery, opGetMore, opDelete, opKillCursors, opCommand,
		opCommandReply, opCompressed, opMsg:
		return true
	}
	return false
}

// probe judges the header and the first bytes of the body.
func probe(_ *l7.ConnInfo, _ stream.Dir, b []byte) l7.Verdict {
	le := binary.LittleEndian
	if len(b) < headerSize {
		// The length, if it is there, must be one that a message can have.
		if len(b) >= 4 && (le.Uint32(b) < headerSize || le.Uint32(b) > maxLength) || len(b) == 0 {
			return l7.No
		}
		return l7.Unsure
	}
	n, op := le.Uint32(b), le.Uint32(b[12:])
	if n < headerSize || n > maxLength || !known(op) {
		return l7.No
	}
	return judge(op, int(n)-headerSize, le.Uint32(b[8:]), b[headerSize:min(len(b), int(n))])
}

// judge says whether b, of n bytes in all, can be the body of a message op.
func judge(op uint32, n int, responseTo uint32, b []byte) l7.Verdict {
	le := binary.LittleEndian
	sure := l7.FromClient
	if responseTo != 0 && responseTo != 0xFFFFFFFF {
		sure = l7.FromServer
	}
	whole := len(b) == n
	need := func(k int) l7.Verdict { // there are too few bytes to judge
		if n < k || whole {
			return l7.No
		}
		return l7.Unsure
	}
	switch op {
	case opMsg:
		if len(b) < 5 {
			return need(10)
		}
		if f := le.Uint32(b); f&flagsRequired&^(flagChecksumPresent|flagMoreToCome) != 0 && f&0xFFF0 != 0 || f>>24 != 0 && f>>25 != 1 {
			return l7.No
		}
		switch b[4] {
		case 0:
			return documentAt(b[5:], n-5, sure, need)
		case 1:
			if len(b) < 10 {
				return need(10)
			}
			if k := int(le.Uint32(b[5:])); k < 6 || k > n-5 || !printable(b[9]) {
				return l7.No
			}
			return sure
		case 2:
			return sure
		}
		return l7.No
	case opReply:
		if len(b) < 20 {
			return need(20)
		}
		docs, from := le.Uint32(b[16:]), le.Uint32(b[12:])
		if le.Uint32(b) > 0xFF || docs > 1<<24 || from > 1<<24 || (docs == 0) != (n == 20) {
			return l7.No
		}
		if n == 20 {
			return l7.FromServer
		}
		if docs == 1 && len(b) >= 24 && int64(le.Uint32(b[20:])) != int64(n-20) {
			return l7.No // the only document ends where the message does
		}
		return documentAt(b[20:], n-20, l7.FromServer, need)
	case opCompressed:
		if len(b) < 9 {
			return need(9)
		}
		if !known(le.Uint32(b)) || le.Uint32(b) == opCompressed || le.Uint32(b[4:]) > maxLength || b[8] > 3 {
			return l7.No
		}
		return sure
	case opQuery, opUpdate, opInsert, opGetMore, opDelete:
		// int32, then "database.collection".
		if len(b) < 4 {
			return need(8)
		}
		if f := le.Uint32(b); f > 0xFF || op != opQuery && op != opInsert && f != 0 {
			return l7.No
		}
		dot := false
		for i, c := range b[4:] {
			if c == 0 {
				if !dot || i < 3 {
					return l7.No
				}
				return l7.FromClient
			}
			if dot = dot || c == '.'; !printable(c) || i > maxName {
				return l7.No
			}
		}
		return need(8)
	case opKillCursors:
		if len(b) < 8 {
			return need(8)
		}
		if le.Uint32(b) == 0 && uint64(n) == 8+8*uint64(le.Uint32(b[4:])) {
			return l7.FromClient
		}
		return l7.No
	case opCommand, opMsgOld:
		if len(b) < 2 {
			return need(2)
		}
		// Text that ends in a NUL: the message, or the name of a database.
		for i, c := range b[:min(len(b), maxName)] {
			switch {
			case c == 0 && i > 0 && (op == opCommand || i == n-1):
				return sure
			case c != '\n' && c != '\r' && c != '\t' && !printable(c):
				return l7.No
			}
		}
		if len(b) >= maxName && op == opMsgOld {
			return sure
		}
		return need(maxName)
	case opCommandReply:
		if len(b) < 4 {
			return need(5)
		}
		return documentAt(b, n, l7.FromServer, need)
	}
	return l7.No
}

// maxName is the longest name of a database and a collection together, with room: servers allow 255 bytes.
const maxName = 512

// documentAt judges whether b, of n bytes in all, begins with a document.
func documentAt(b []byte, n int, sure l7.Verdict, need func(int) l7.Verdict) l7.Verdict {
	if len(b) < 4 {
		return need(n + 1)
	}
	k := int(int32(binary.LittleEndian.Uint32(b)))
	switch {
	case k < 5 || k > n:
		return l7.No
	case len(b) < 5:
		return l7.Unsure
	case b[4] == 0:
		if k == 5 {
			return sure
		}
		return l7.No
	case typeNames[uint64(b[4])] == "":
		return l7.No
	case len(b) > 5 && !printable(b[5]):
		return l7.No
	}
	return sure
}

// printable tells whether c can stand in a name: not a control character. Names are UTF-8.
func printable(c byte) bool { return c >= ' ' && c != 0x7F }

// openDialog implements l7.Protocol.Open.
func openDialog(_ *l7.ConnInfo, context []byte) l7.Dialog {
	d := &dialog{}
	if len(context) == 1 {
		d.alone = asked{kind: kind(context[0] & (1<<contextShift - 1)), trust: trust(context[0] >> contextShift)}
		d.known = true
	}
	return d
}

// dialog is what the messages of one connection leave for later ones.
type dialog struct {
	asked   []asked // what the last requests were, for their answers: a ring
	next    int
	highest uint32 // of their ids
	user    []byte // authenticated on this connection
	pending []byte // the user of an authentication that goes on
	app     []byte

	scan  batch // of the long answer that is coming by
	now   facts // from Decode to Advance
	query query
	alone asked // the request whose answer is to be decoded without its conversation, if known
	known bool
}

// asked is what a request leaves for its answer.
type asked struct {
	id    uint32
	kind  kind
	seen  bool
	open  bool // it was not answered yet
	trust trust
}

// trust says what a command and its answer may hold that nobody may see.
type trust uint8

const (
	guarded  trust = 1 << iota // secrets, which are known by their keys
	quotable                   // what an error says may quote credentials
)

// contextShift is where in the byte that is an answer's context the trust begins; the kind is below.
const contextShift = 6

// kind says how an answer is to be read.
type kind uint8

const (
	plain   kind = iota // no answer counts changed documents
	insert              // n: inserted or deleted
	update              // nModified, upserted; n: matched
	modify              // lastErrorObject.n
	bulk                // nInserted, nModified, nUpserted, nDeleted
	find                // OP_QUERY: documents are rows
	exhaust             // OP_QUERY with flag Exhaust
	sasl                // may finish an authentication
	unheard             // the request was not seen
)

// facts are what Advance needs of the message just decoded.
type facts struct {
	id      uint32
	to      uint32
	kind    kind
	trust   trust
	asked   int    // where the request of an answer is, or -1
	body    bool   // the message's body was read
	mute    bool   // whether the answer tells of an error is not known
	ask     bool   // the message is a request that will be answered
	user    []byte // of an authentication that begins
	app     []byte
	done    bool // an authentication ended well
	again   bool // another answer follows
	sasl    bool // the request belongs to an authentication
	counted int64
}

// Reset implements l7.Resetter.
func (d *dialog) Reset(*l7.ConnInfo) {
	if len(d.asked) > leastAsked {
		d.asked = nil
	}
	clear(d.asked)
	*d = dialog{asked: d.asked, user: d.user[:0], pending: d.pending[:0], app: d.app[:0], query: query{parts: d.query.parts[:0]}}
}

var errHeader = errors.New("no message header")

// Length implements l7.Dialog.
func (d *dialog) Length(_ l7.Dir, b []byte) (int, error) {
	if len(b) < headerSize {
		return 0, nil
	}
	n := binary.LittleEndian.Uint32(b)
	if n < headerSize || n > maxLength || !known(binary.LittleEndian.Uint32(b[12:])) {
		return 0, errHeader
	}
	return int(n), nil
}

// wholeRequest is up to what length a request is kept whole, for its text and fingerprint: lists of some ten thousand
// values in a filter.
const wholeRequest = 1 << 20

// Keep implements l7.Keeper. A compressed message is of no use in part. Of a long answer the documents of its batch
// are counted as they come by: their keys and lengths are looked at.
func (d *dialog) Keep(dir l7.Dir, size, from int, run []byte) (off, n int, keep bool) {
	s := &d.scan
	if from == 0 {
		if dir == l7.ToClient {
			*s = batch{}
		}
		if dir == l7.ToServer && size <= wholeRequest {
			return len(run), size, true
		}
		switch binary.LittleEndian.Uint32(run[12:]) {
		case opCompressed:
			return len(run), size, true
		case opMsg:
			if dir == l7.ToClient && s.find(run) {
				s.size = size
				return s.next, min(s.header(), size-s.next), false
			}
		}
		return 0, 0, false
	}
	if !s.read(run) {
		return 0, 0, false
	}
	return s.next, min(s.header(), size-s.next), false
}

// Advance implements l7.Dialog.
func (d *dialog) Advance(dir l7.Dir, m *l7.Message) {
	f := &d.now
	if dir == l7.ToClient && f.asked >= 0 {
		d.asked[f.asked].open = false
	}
	if f.ask || f.again {
		d.ask(asked{f.id, f.kind, true, true, f.trust})
	}
	if len(f.user) > 0 {
		d.pending = append(d.pending[:0], f.user[:min(len(f.user), maxName)]...)
	}
	if len(f.app) > 0 {
		d.app = append(d.app[:0], f.app[:min(len(f.app), maxName)]...)
	}
	if f.done {
		d.user = append(d.user[:0], d.pending...)
	}
	*f = facts{} // it borrows
}

// AppendContext implements l7.Dialog. All that an answer needs is what request it answers: a
// byte.
func (d *dialog) AppendContext(dst []byte, dir l7.Dir, _ *l7.Message) []byte {
	if dir == l7.ToClient {
		dst = append(dst, byte(d.now.kind)|byte(d.now.trust)<<contextShift)
	}
	return dst
}

// Sync implements l7.Dialog.
func (d *dialog) Sync(_ l7.Dir, b []byte) int {
	le := binary.LittleEndian
	for i := 0; i+headerSize <= len(b); i++ {
		if !known(le.Uint32(b[i+12:])) {
			continue
		}
		if v := probe(nil, 0, b[i:]); v == l7.FromClient || v == l7.FromServer {
			return i
		}
	}
	return -1
}

// question notes what the request with an id was: of several the last.
func (d *dialog) question(id uint32) {
	f := &d.now
	f.kind, f.trust = unheard, guarded|quotable
	if f.asked = d.last(id); f.asked >= 0 {
		a := &d.asked[f.asked]
		f.kind, f.trust = a.kind, a.trust
	} else if d.known {
		f.kind, f.trust = d.alone.kind, d.alone.trust
	}
}

// last is where the last request with an id is, or -1.
func (d *dialog) last(id uint32) int {
	for i := 1; i <= len(d.asked); i++ {
		at := uint(d.next-i) % uint(len(d.asked))
		if a := &d.asked[at]; a.id == id && a.seen {
			return int(at)
		}
	}
	return -1
}

// ask remembers a request. If others with its id are open, what they guard is guarded in the answers to all.
func (d *dialog) ask(a asked) {
	if a.id > d.highest {
		d.highest = a.id
	} else {
		for i := range d.asked {
			if d.asked[i].id == a.id && d.asked[i].open {
				a.trust |= d.asked[i].trust
			}
		}
	}
	switch n := len(d.asked); {
	case n == 0:
		d.asked = make([]asked, leastAsked)
	case d.asked[d.next].open && n < maxAsked:
		grown := make([]asked, 2*n)
		copy(grown[copy(grown, d.asked[d.next:]):], d.asked[:d.next])
		d.asked, d.next = grown, n
	}
	d.asked[d.next] = a
	d.next = (d.next + 1) % len(d.asked)
}

// How many requests are remembered: a few for those answered out of order, and as many as may be open.
const (
	leastAsked = 8
	maxAsked   = 4096
)
