package mysql

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"unsafe"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/sqltext"
	"github.com/dbtap/dbtap/internal/stream"
	"github.com/dbtap/dbtap/internal/wire"
)

// turn is what the client sends next.
type turn uint8

const (
	turnLogin   turn = iota // its first packet
	turnAuth                // data for the login that goes on
	turnCommand             // a command
	turnInfile              // a file, up to an empty packet
	turnRest                // more of the packet before
	turnX                   // the connection is in X Protocol
	turnUnknown             // the conversation was joined here, or bytes are missing
)

// phase is what the server sends next.
type phase uint8

const (
	phaseGreeting phase = iota // its first packet
	phaseStart                 // an answer, or a further result of one
	phaseColumns               // definitions of columns, as many as are left
	phaseEnd                   // rows, or an EOF before them
	phaseRows                  // rows
	phaseParams                // definitions of parameters, and an EOF
	phasePrepared              // definitions of the columns of a prepared statement, and an EOF
	phaseFields                // definitions up to an EOF
	phaseLost                  // anything: the conversation was joined here, or bytes are missing
)

// form is how rows are written.
type form uint8

const (
	formUnknown form = iota
	formText
	formBinary
)

// answer is how far the server is.
type answer struct {
	phase   phase
	form    form
	long    bool  // the packet before goes on
	more    bool  // the answer goes on with another result
	spoilt  bool  // a definition was cut
	lost    bool  // its beginning was lost, and phase is a guess
	seq     uint8 // number of the packet before
	eof     eof   // whether EOF packets follow definitions
	left    int32 // definitions to come; < 0: nobody knows
	columns int32 // in a row; 0: nobody knows
	prepare int32 // columns of the statement that is being prepared
	results int32 // of this answer so far
}

// eof says whether EOF packets follow definitions: whether CLIENT_DEPRECATE_EOF was not agreed upon.
type eof uint8

const (
	eofUnknown eof = iota
	eofSent
	eofLeftOut
)

// What a request leaves for those who decode its answer: its command in the lowest byte, these bits, and in the upper
// half the id of its statement, or the serial of its PREPARE.
const (
	leavesGuarded = 1 << 8  // the request holds a secret, which an error may quote
	leavesUse     = 1 << 9  // the request names the schema that is in use behind it: the one with the number in the upper half
	leavesData    = 1 << 11 // the request reads or writes rows, and ends no transaction even when it fails
	leavesQuoting = 12      // place of three bits: how what the client sends behind it quotes
	leavesNames   = 1 << 15 // a column that is no table's may have a literal of the request for its name
)

// dialog is what the packets of one connection leave for later ones.
//
// Not obvious: which question each of its bits answers.
//
//	bit                from                            until                            tells
//	greeted            a greeting                      the connection ends              that this is MySQL: where packets begin behind a gap
//	known              both sides said what they can   the connection ends              that caps are certain, else packets are to be guessed
//	told               a status behind a request,      a gap, a sql_mode whose answer   how a backslash is read, and the state that an error
//	                   unless hazy                     has no status                    leaves as it was
//	hazy               a gap of the client             all that was asked is answered   that a status may be older than what was lost, and
//	                                                                                    that a PREPARE may get another's answer
//	modes > 0          a request that names sql_mode   its answer, nothing waits        that texts are read as if nobody knew the mode
//	plain              an answer to a command, if the  the connection ends              that frames are not looked for, though bytes are
//	                   login tells nothing                                              missing
//	fresh              a login                         the next command                 whose a packet with a number is, under compression
//	answer.lost        a packet in the midst of an     the answer ends                  that phase is a guess, and the number 1 a beginning
//	                   answer that nobody knows
//	answer.spoilt      a definition that was cut       the next definitions             that columns have no names
//	statements.unseen  a gap, joined midstream,        the connection ends              that a number nobody knows may be a statement's
//	                   statements that are forgotten
//	statement.unsure   a gap, while its PREPARE waits  its answer                       that it is not believed
//
// l7.Conn has a hazy of its own, which knows no commands: that what is asked, and whose an answer is, is doubtful.
type dialog struct {
	turn    turn
	caps    uint64 // agreed upon, if known
	known   bool
	status  uint16          // what the server said last
	told    bool            // it did so behind a request, and that counts still
	quotes  sqltext.Dialect // what its status does not tell: of quotes
	offers  uint64          // the server's capabilities
	offered bool            // they are known
	greeted bool            // the server was heard
	packed  bool            // packets are compressed
	plain   bool            // they are not, as commands and their answers tell
	fresh   bool            // no command came since the last login
	hazy    bool            // requests may be missing, and not all that was asked since is answered
	modes   int             // requests for another sql_mode that wait for their answers

	from   []byte         // the client's address, as other connections are told it
	host   netip.AddrPort // the server's
	thread uint32         // the connection's number at the server, if that was heard

	user, app, schema    []byte
	nextUser, nextSchema []byte          // of a login that goes on
	schemas              [maxUses][]byte // that requests ask for, as a ring
	uses                 uint32          // how many did so
	rest                 l7.Role
	restLeaves           uint64
	answer               answer
	columns              columns // of the rows
	scratch              columns // of the message in hand
	statements           statements
	typed                []byte // types of the parameters in hand
	now                  facts
	alone                bool     // one message is to be decoded, and nothing else
	prepared             prepared // for a message that is decoded alone
}

// facts are what Advance needs of the message just decoded.
type facts struct {
	quoting quoting // of the client, as it says when it logs in, or as the server says

	// Of the client's.
	turn      turn
	command   byte
	full      bool // the packet goes on in the next
	empty     bool // it has no payload
	cut       bool // not even its command was captured
	encrypted bool
	user      []byte
	app       []byte
	schema    []byte
	sentence  sentence
	statement uint32   // its id
	option    uint16   // of COM_SET_OPTION
	parameter uint16   // that long data is for
	types     []byte   // of parameters
	prepared  prepared // the parameters of a statement

	// Of the server's.
	before  answer  // how far it was before the message
	answer  answer  // and is now
	base    columns // of the rows that may come, before the message
	columns columns // and now
	built   bool    // they lie in scratch
	count   int32   // of the columns of the last result
	rows    int64   // in the message; < 0: it has none
	greeted bool
	thread  uint32
	caps    uint64
	told    bool // they are known
	status  uint16
	stated  bool   // there was a status behind a request
	asked   uint64 // what the request left, if it is known
	known   bool
	verdict verdict
	tracked []byte // schema that the server says is in use
	moved   bool   // it said so
	id      uint32 // of a statement that was prepared
	params  int
	made    bool // there was one
	cursor  bool // the rows stay at the server
}

// verdict is what a server's last packet in a message was.
type verdict uint8

const (
	noVerdict verdict = iota
	verdictOK
	verdictError
	verdictFile // it asks for a file
)

// openDialog implements l7.Protocol.Open.
func openDialog(c *l7.ConnInfo, context []byte) l7.Dialog {
	d := &dialog{}
	d.Reset(c)
	if context != nil {
		d.alone = true
		d.readContext(context)
	}
	return d
}

// Reset implements l7.Resetter.
func (d *dialog) Reset(c *l7.ConnInfo) {
	d.statements.clear()
	*d = dialog{typed: d.typed[:0], user: d.user[:0], app: d.app[:0], schema: d.schema[:0], nextUser: d.nextUser[:0], nextSchema: d.nextSchema[:0],
		schemas: d.schemas, from: c.Client.AppendTo(d.from[:0]), host: c.Server,
		columns: d.columns[:0], scratch: d.scratch[:0], statements: d.statements}
	if d.statements.unseen = c.Midstream; c.Midstream {
		d.turn, d.answer.phase, d.quotes = turnUnknown, phaseLost, sqltext.Unsure|sqltext.Multibyte
	}
}

// Start implements l7.Starter: a connection may be joined when it is compressed already, or its login, or the answer to that,
// may be missing.
func (d *dialog) Start(_ l7.Dir, b []byte) stream.Layer {
	if d.packed || d.turn == turnLogin || d.plain || d.known && !d.packs() || !compressed(b) {
		return nil
	}
	d.packed = true
	return joinCompression()
}

// Holds implements l7.Holder.
func (d *dialog) Holds() int {
	const pointer = int(unsafe.Sizeof(&statement{}))
	s := &d.statements
	n := s.held + (cap(s.list)+cap(s.preparing)+cap(s.free))*pointer + cap(d.from) + cap(d.columns) + cap(d.scratch) + cap(d.typed) +
		cap(d.user) + cap(d.app) + cap(d.schema) + cap(d.nextUser) + cap(d.nextSchema)
	for _, name := range d.schemas {
		n += cap(name)
	}
	return n
}

// keepMemory is how many bytes of each memory for one message or answer are kept for the next.
const keepMemory = 1 << 10

// release lets go of large memory when an answer is over.
func (d *dialog) release() {
	if cap(d.columns)+cap(d.scratch) > 2*keepMemory {
		d.columns, d.scratch = nil, nil
	}
	if cap(d.typed) > keepMemory {
		d.typed = nil
	}
}

// Lost implements l7.Loser.
func (d *dialog) Lost(dir l7.Dir) {
	d.statements.unseen = true
	d.doubtQuotes()
	if dir == l7.ToServer {
		d.hazy = true
		d.turn = turnUnknown
		d.write(multibyte) // it may have been told in what was lost
		d.statements.last = nil
		return
	}
	d.answer = answer{phase: phaseLost, eof: d.answer.eof}
	d.statements.doubt()
	d.statements.making = nil
	if d.turn == turnInfile || d.turn == turnAuth {
		d.turn = turnUnknown // what the server said of it may be lost
	}
}

var errHeader = errors.New("no packet")

// payload is the length of the payload of the packet that b begins with.
func payload(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// Length implements l7.Dialog. A message is a packet; of an answer all packets that lie in b.
func (d *dialog) Length(dir l7.Dir, b []byte) (int, error) {
	if len(b) < headerSize {
		return 0, nil
	}
	if len(b) > headerSize && d.isX(dir, b) {
		n := binary.LittleEndian.Uint32(b)
		if n == 0 || n > maxX {
			return 0, errHeader
		}
		return headerSize + int(n), nil
	}
	n := payload(b)
	if dir == l7.ToServer {
		switch {
		case d.turn != turnCommand:
		case n == 0:
			return 0, errHeader
		case b[3] == 0: // a command, be it one to come
		case d.behind(b[3]) && n <= maxProof:
		case len(b) == headerSize:
			return 0, nil
		case !knownCommand(b[headerSize]):
			return 0, errHeader
		}
		return headerSize + n, nil
	}
	if n == 0 && !d.answer.long {
		return 0, errHeader
	}
	if n == maxPayload || d.answer.long {
		return headerSize + n, nil
	}
	at, a := 0, d.answer
	for {
		if len(b)-at < headerSize || headerSize+n > min(len(b), l7.HeadLimit)-at {
			if at == 0 {
				return headerSize + n, nil
			}
			return at, nil
		}
		with, end := a.takes(b[at+headerSize:at+headerSize+n], b[at+headerSize+n:])
		if at > 0 && (!with || a.lost && b[at+3] == 1) {
			return at, nil
		}
		if at += headerSize + n; end {
			return at, nil
		}
		if len(b)-at < headerSize {
			return at, nil
		}
		if n = payload(b[at:]); n == 0 || n == maxPayload {
			return at, nil
		}
	}
}

// behind tells of the number of a packet, where a command is expected, that it is none: a command begins a sequence. It goes on
// with a login whose end was captured before it. In compressed packets numbers tell this only right behind a login.
func (d *dialog) behind(seq byte) bool { return seq != 0 && (!d.packed || d.fresh) }

// maxProof is how many bytes a client sends of itself in a login at most: keys take 512, tickets and tokens some thousand.
const maxProof = 16 << 10

// takes tells whether a packet belongs to the message that goes on as a says, and whether it ends it. It only has to be
// careful: a message may as well end earlier.
func (a *answer) takes(p, behind []byte) (with, end bool) {
	last := p[0] == markERR || p[0] == markEOF
	switch a.phase {
	case phaseStart:
		if len(p) != 1 || p[0] == 0 || p[0] > 250 || len(behind) < headerSize || !isDefinition(behind[headerSize:]) {
			return true, true
		}
		a.phase, a.left = phaseColumns, int32(p[0])
		return true, false
	case phaseColumns:
		if a.left--; a.left == 0 {
			a.phase = phaseEnd
		}
		return true, last || a.left < 0
	case phaseEnd:
		a.phase = phaseRows
		return true, last && (!isEOF(p) || little(p[3:5])&statusCursor != 0)
	case phaseRows:
		return true, last
	case phaseParams, phasePrepared:
		if isDefinition(p) {
			return true, false
		}
		return isEOF(p), true
	case phaseFields:
		return true, last
	}
	return true, true
}

// First bytes of a server's packets.
const (
	markOK     = 0x00
	markInfile = 0xFB
	markEOF    = 0xFE
	markERR    = 0xFF
	semiSync   = 0xEF // before an event, and of the client's acknowledgement
)

// isEOF tells whether p is an EOF packet, and not an OK packet in its place.
func isEOF(p []byte) bool { return len(p) == 5 && p[0] == markEOF }

// isDefinition tells whether p begins like the definition of a column: its catalog is always "def".
func isDefinition(p []byte) bool { return len(p) > 4 && string(p[:4]) == "\x03def" }

// Decode implements l7.Dialog.
func (d *dialog) Decode(dir l7.Dir, c *wire.Cursor, m *l7.Message) {
	d.now = facts{}
	root := c.Group("mysql")
	if d.isX(dir, c.Rest()) {
		d.x(dir, c, m)
	} else if dir == l7.ToServer {
		d.client(c, m)
	} else {
		d.server(c, m)
	}
	c.Finish()
	c.End(root)
}

// Keep implements l7.Keeper: requests are kept whole as far as their text is worth it.
func (d *dialog) Keep(dir l7.Dir, size, from int, run []byte) (off, n int, keep bool) {
	if dir == l7.ToServer && from == 0 && size <= wholeRequest && (d.turn == turnCommand || d.turn == turnUnknown) {
		return len(run), size, true
	}
	return 0, 0, false
}

// wholeRequest is up to what length a request is kept whole, for its text and fingerprint: inserts of some ten thousand
// rows.
const wholeRequest = 1 << 20

// Advance implements l7.Dialog.
func (d *dialog) Advance(dir l7.Dir, m *l7.Message) {
	if d.now.turn == turnX {
		d.turn, m.Encrypted = turnX, d.now.encrypted
	} else if dir == l7.ToServer {
		d.advanceClient(m)
	} else {
		d.advanceServer(m)
	}
}

// The context of a message: the kind of packet that is expected and what was agreed upon, then for the client's the
// parameters of the statement that is executed, for the server's how far the answer is and the columns.
const (
	contextClient = 12
	contextServer = 32
)

// Flags of a context.
const (
	contextKnown = 1 << iota
	contextNoBackslash
	contextANSIQuotes
	contextLong
	contextMore
	contextX
	contextSpoilt
)

// AppendContext implements l7.Dialog.
func (d *dialog) AppendContext(dst []byte, dir l7.Dir, m *l7.Message) []byte {
	le := binary.LittleEndian
	flags := byte(0)
	if d.known {
		flags |= contextKnown
	}
	if d.status&statusNoBackslash != 0 {
		flags |= contextNoBackslash
	}
	if d.status&statusANSIQuotes != 0 {
		flags |= contextANSIQuotes
	}
	if d.now.turn == turnX || dir == l7.ToServer {
		if d.now.turn == turnX {
			flags |= contextX
		}
		dst = append(dst, byte(d.now.turn), flags, byte(d.rest), byte(d.dialect()&(sqltext.Multibyte|sqltext.Unsure)))
		dst = le.AppendUint64(dst, d.caps)
		return d.now.prepared.append(dst)
	}
	a := &d.now.before
	if a.long {
		flags |= contextLong
	}
	if a.more {
		flags |= contextMore
	}
	if a.spoilt {
		flags |= contextSpoilt
	}
	dst = append(dst, byte(a.phase), flags, byte(a.form), byte(a.eof))
	dst = le.AppendUint64(dst, d.caps)
	for _, n := range [...]int32{a.left, a.columns, a.prepare, a.results} {
		dst = le.AppendUint32(dst, uint32(n))
	}
	dst = append(dst, 0, 0, 0, 0)
	return append(dst, d.now.base...)
}

// readContext takes what AppendContext wrote.
func (d *dialog) readContext(b []byte) {
	if len(b) < contextClient {
		return
	}
	le := binary.LittleEndian
	kind, flags := b[0], b[1]
	d.caps, d.known = le.Uint64(b[4:]), flags&contextKnown != 0
	d.quotes = sqltext.Dialect(b[3]) & (sqltext.Multibyte | sqltext.Unsure)
	if flags&contextNoBackslash != 0 {
		d.status |= statusNoBackslash
	}
	if flags&contextANSIQuotes != 0 {
		d.status |= statusANSIQuotes
	}
	if d.turn, d.rest = turn(kind), l7.Role(b[2]); flags&contextX == 0 && d.turn >= turnX {
		d.turn = turnUnknown
	}
	d.prepared.read(b[contextClient:])
	a := &d.answer
	*a = answer{phase: min(phase(kind), phaseLost), form: min(form(b[2]), formBinary), eof: min(eof(b[3])&^eof(d.quotes), eofLeftOut),
		long: flags&contextLong != 0, more: flags&contextMore != 0, spoilt: flags&contextSpoilt != 0}
	if len(b) < contextServer {
		return
	}
	for i, n := range [...]*int32{&a.left, &a.columns, &a.prepare, &a.results} {
		*n = int32(le.Uint32(b[contextClient+4*i:]))
	}
	d.columns = columns(b[contextServer:]).sane()
}

// Sync implements l7.Dialog.
func (d *dialog) Sync(dir l7.Dir, b []byte) int {
	if (d.known || d.greeted) && whole(dir, b) {
		return 0
	}
	return find(dir, b)
}

// whole tells whether b is commands, or answers in whole packets, or the first of many: in a conversation that is known to be
// one, their numbers are enough.
func whole(dir l7.Dir, b []byte) bool {
	next := byte(1)
	for packets := 0; ; packets++ {
		switch {
		case len(b) == 0:
			return packets > 0
		case len(b) <= headerSize:
			return dir == l7.ToClient && packets > enoughRows
		case payload(b) == 0:
			return false
		case dir == l7.ToServer && (b[3] != 0 || !knownCommand(b[headerSize]) && b[headerSize] != semiSync):
			return false
		case dir == l7.ToClient && b[3] != next && (b[3] != 1 || packets == 0):
			return false
		case len(b) < headerSize+payload(b):
			return dir == l7.ToClient && packets > enoughRows
		}
		next = b[3] + 1
		b = b[headerSize+payload(b):]
	}
}

// setSchema makes b the schema in use.
func (d *dialog) setSchema(b []byte) { d.schema = append(d.schema[:0], b[:min(len(b), maxName)]...) }

// maxName is the longest name that is kept, in bytes: servers allow 64 characters, of users 80.
const maxName = 512

// maxUses is how many requests for another schema are known at a time: pipelines have one or two.
const maxUses = 4

// key is under what the connection with a number at the server tells of itself.
func (d *dialog) key(thread uint32) [16]byte {
	key := d.host.Addr().As16()
	le := binary.LittleEndian
	le.PutUint32(key[:], le.Uint32(key[:])^thread)
	le.PutUint16(key[4:], le.Uint16(key[4:])^d.host.Port())
	key[6] ^= 'm'
	return key
}

// killed is under what somebody tells of himself who kills it.
func killed(key [16]byte) [16]byte {
	key[7] ^= 1
	return key
}

// about states what is known of the connection.
func (d *dialog) about(m *l7.Message) {
	m.SetBytes(record.User, d.user)
	m.SetBytes(record.App, d.app)
	if _, waits := m.Asked(0); !waits { // otherwise the answer tells: what is asked before may change it
		m.SetBytes(record.Namespace, d.schema)
	}
}
