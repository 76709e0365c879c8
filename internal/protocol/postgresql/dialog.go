package postgresql

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"unsafe"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/sqltext"
	"github.com/dbtap/dbtap/internal/wire"
)

// dialog is what the messages of one connection leave for later ones.
//
// Not obvious: which question each of its bits answers. ready is ReadyForQuery; a gap of either side if it does not say which.
//
//	bit                from                            until                                tells
//	fresh              the connection begins           the server speaks, a gap             what a single S, N or G is
//	quiet              ready, as was waited for,       the client asks, a gap               that the server speaks unasked
//	                   with nothing more to answer
//	heard              an answer                       ready, a gap                         that a notice without request is of an answer
//	skips              an error                        ready, a gap                         that ready does not say ok, whose a notice is
//	unsure             a gap of the server             ready, the client asks again,        that ready does not say ok
//	                                                   an Execute completes
//	later              a statement of a Query ends     ready, a gap of the server           that ROLLBACK does not answer the first one
//	changing           what may change the dialect     quiet                                that texts are read as before the server told
//	gaps               a gap of one side, joined       ready, as was waited for             that a gap of the other side leaves names unknown
//	waits.blind        a gap, joined midstream         ready                                that what waits is not all known
//	statements.unseen  a gap, joined midstream,        the connection ends                  that a name nobody knows may be a statement's
//	                   PREPARE in SQL, forgotten ones
//
// l7.Conn has bits of the same names that know no messages: its quiet is that all exchanges are over, and heard is of one.
type dialog struct {
	client         []byte // address, as others are told it
	user, app, db  []byte
	key            [16]byte // that cancels queries of this connection
	keyed          bool
	dialect        sqltext.Dialect // as the server told
	changing       bool            // by what was asked for, maybe
	fresh          bool            // the server has not said anything
	secure         int             // SSLRequest and GSSENCRequest without an answer
	obsolete       bool            // protocol 2.0: nothing more can be read
	authentication uint32

	statements statements
	waits      waits
	unnamed    portal
	portals    []portal
	oldest     int   // of portals, once all places are taken
	group      parts // of the extended query since the last Execute or Sync
	about      ref   // the statement that they speak of
	copy       copying
	relations  relations // that the COPY has described
	sending    sending
	row        shape   // what the rows of this answer look like
	unsure     bool    // some of what the server sent was lost: nobody knows whether it failed
	later      bool    // a statement of this simple query was completed
	quiet      bool    // the server was ready, and nothing was asked since
	heard      bool    // it answers
	skips      bool    // it failed, and passes over what was asked until it is ready
	failed     ask     // what failed then
	turn       bool    // of the next request
	gaps       [2]bool // there was one, by who sent what is missing

	guard bool  // of a message that is decoded alone: its request holds a secret
	now   facts // from Decode to Advance
}

// parts are what a group of the extended protocol has had.
type parts uint8

const (
	closes parts = 1 << iota
	describes
	parses // or binds
)

// copying is the COPY that goes on.
type copying struct {
	mode   byte // the type of the response that began it, 0: there is none
	binary bool
	backup bool // an answer to BASE_BACKUP
}

// sending is what the client did about a COPY, which it may do before the server says that there is one. Until the data is over
// a server ignores every Sync.
type sending struct {
	synced bool // a Sync was the last thing before the data
	data   bool // there is data, and more to come
	early  bool // a Sync was ignored: the next one stands for it
}

// facts are what Advance needs of the message just decoded. They borrow from it.
type facts struct {
	kind   byte   // of the message, 0 for packets without a type; of several the last
	before []byte // those before it that are read with it
	code   uint32
	ask    ask    // what the request of an answer left; of a request, the statement and formats it speaks of
	name   []byte // of a statement or a parameter; the tag of what was completed
	portal []byte
	value  []byte // of a parameter; the text of a statement as the user wants to see it
	what   byte   // of Describe and Close: S or P; of ReadyForQuery: the state
	raw    []byte // types of parameters; columns; messages of a replication stream; process and secret key
	binary bool

	hash  uint64 // of a statement without a name
	again int    // of the free places of statements, that of the same one; -1: it was read

	stated    bool // the message's SQL is the text of a Parse
	cut       bool // it is the beginning of one
	unseen    bool // what it prepares, or speaks of, is not known
	changes   bool // what is executed may change how texts are quoted
	ignored   bool // a Sync that the server ignores
	encrypted bool // the connection goes on encrypted
}

// openDialog implements l7.Protocol.Open.
func openDialog(c *l7.ConnInfo, context []byte) l7.Dialog {
	d := &dialog{}
	d.Reset(c)
	if len(context) > 0 {
		d.recall(context)
	}
	return d
}

// unsaid is what is not known of texts until the server says it: what a backslash is, and whether one may be part of a character.
const unsaid = sqltext.Unsure | sqltext.Multibyte

// Reset implements l7.Resetter.
func (d *dialog) Reset(c *l7.ConnInfo) {
	d.statements.reset()
	if len(d.portals) > keepPortals {
		d.portals = nil
	}
	if cap(d.waits.list) > keepWaits {
		d.waits.list = nil
	}
	*d = dialog{
		client: d.client[:0], user: d.user[:0], app: d.app[:0], db: d.db[:0], statements: d.statements, waits: waits{list: d.waits.list[:0], blind: c.Midstream},
		portals: d.portals[:0], row: shape{columns: d.row.columns[:0]}, dialect: sqltext.PostgreSQL | unsaid,
		fresh: !c.Midstream,
	}
	d.client = c.Client.AppendTo(d.client)
	d.statements.unseen, d.gaps[l7.ToServer] = c.Midstream, c.Midstream
}

// Holds implements l7.Holder.
func (d *dialog) Holds() int {
	names := cap(d.client) + cap(d.user) + cap(d.app) + cap(d.db)
	return names + d.statements.holds() + d.relations.held + cap(d.portals)*portalSize + cap(d.waits.list)*int(unsafe.Sizeof(wait{})) + cap(d.row.columns)
}

var (
	errHeader = errors.New("no message header")
	errLength = errors.New("no length that a message has")
)

// Length implements l7.Dialog. Rows, and data of a COPY, are one message as far as they lie in b.
func (d *dialog) Length(dir l7.Dir, b []byte) (int, error) {
	switch {
	case len(b) == 0:
		return 0, nil
	case d.obsolete && b[0] != typeError:
		return len(b), nil
	case dir == l7.ToServer && b[0] == 0:
		if len(b) < 4 {
			return 0, nil
		}
		if n := binary.BigEndian.Uint32(b); n >= 8 && n <= maxStartup {
			return int(n), nil
		}
		return 0, errLength
	case dir == l7.ToServer && b[0] == recordHandshake:
		if len(b) < headerSize {
			return 0, nil
		}
		return headerSize + int(binary.BigEndian.Uint16(b[3:])), nil
	case dir == l7.ToClient && d.single(b):
		return 1, nil
	case dir == l7.ToClient && ancient(b):
		switch n := bytes.IndexByte(b[:min(len(b), maxAncient)], 0); {
		case n > 0:
			return n + 1, nil
		case len(b) >= maxAncient:
			return 0, errHeader
		}
		return 0, nil
	case names[dir][b[0]] == "":
		return 0, errHeader
	case len(b) < headerSize:
		return 0, nil
	}
	n := messageLength(b)
	if n == 0 {
		return 0, errLength
	}
	switch {
	case n >= len(b):
	case b[0] == typeCopyData || b[0] == typeDataRow && dir == l7.ToClient:
		if !isRelation(b) {
			n = run(b, n)
		}
	default:
		n = together(dir, b, n)
	}
	return n, nil
}

// messageLength is the length of the whole message that b begins with, 0 if it is none. b has its header.
func messageLength(b []byte) int {
	if n := binary.BigEndian.Uint32(b[1:]); n >= 4 && n < maxMessage {
		return 1 + int(n)
	}
	return 0
}

// run is the length of the whole messages of one type that b begins with; the first has n bytes.
func run(b []byte, n int) int {
	end := min(len(b), l7.HeadLimit)
	for n+headerSize <= end && b[n] == b[0] && !isRelation(b[n:]) {
		k := messageLength(b[n:])
		if k == 0 || n+k > end {
			break
		}
		n += k
	}
	return n
}

// together is the length of the whole messages that are read as one: an Execute and its Sync; answers that confirm something,
// with what rows will look like behind them. The first has n bytes.
func together(dir l7.Dir, b []byte, n int) int {
	b = b[:min(len(b), l7.HeadLimit)]
	switch {
	case n >= len(b):
	case dir == l7.ToServer:
		if b[0] == typeExecute && isEmpty(b[n:]) && b[n] == typeSync {
			n += headerSize
		}
	case confirms(b):
		for confirms(b[n:]) {
			n += headerSize
		}
		if len(b)-n >= headerSize && b[n] == typeRowDescription {
			if k := messageLength(b[n:]); n+k <= len(b) {
				n += k
			}
		}
	}
	return n
}

// confirms tells whether b begins with an answer that says that something was done, and no more.
func confirms(b []byte) bool {
	if !isEmpty(b) {
		return false
	}
	switch b[0] {
	case typeParseComplete, typeBindComplete, typeCloseComplete, typeNoData:
		return true
	}
	return false
}

// isEmpty tells whether b begins with a message without a body.
func isEmpty(b []byte) bool {
	return len(b) >= headerSize && binary.BigEndian.Uint32(b[1:]) == headerSize-1
}

// single tells whether the answer to an SSLRequest or GSSENCRequest is the byte that b begins with: one that was asked for,
// the first one of a server, or one that no message begins with, for behind the type the length begins with a zero.
func (d *dialog) single(b []byte) bool {
	switch b[0] {
	case 'S', 'N', 'G':
		return d.secure > 0 || d.fresh || len(b) > 1 && b[1] != 0
	}
	return false
}

// ancient tells whether b begins with an error of protocol 2.0, which is text up to a NUL.
func ancient(b []byte) bool { return len(b) > 1 && b[0] == typeError && b[1] >= ' ' }

// Keep implements l7.Keeper: of a long request the text is wanted whole.
func (d *dialog) Keep(dir l7.Dir, size, from int, run []byte) (off, n int, keep bool) {
	if from == 0 && dir == l7.ToServer && size <= wholeRequest && (run[0] == typeQuery || run[0] == typeParse) {
		return len(run), size, true
	}
	return 0, 0, false
}

// Decode implements l7.Dialog.
func (d *dialog) Decode(dir l7.Dir, c *wire.Cursor, m *l7.Message) {
	d.now = facts{}
	m.Role = l7.Nothing
	if dir == l7.ToClient {
		m.Role, m.More = l7.Response, true
		d.now.ask.unpack(m.Asked(0))
	}
	root := c.Group("postgresql")
	b := c.Rest()
	switch {
	case d.obsolete && !ancient(b):
		c.Classify(wire.Value)
		c.Skip("data", c.Left(), nil)
		c.Classify(wire.Structure)
	case dir == l7.ToServer && len(b) > 0 && b[0] == 0:
		d.startup(c, m)
	case dir == l7.ToServer && len(b) > 0 && b[0] == recordHandshake:
		d.clientHello(c, m)
	case dir == l7.ToClient && c.Size() == 1 && len(b) == 1 && strings.IndexByte("SNG", b[0]) >= 0:
		d.encryption(c, m)
	case dir == l7.ToClient && ancient(b):
		d.oldError(c, m)
	case len(b) >= headerSize && (b[0] == typeCopyData || b[0] == typeDataRow && dir == l7.ToClient):
		d.run(dir, c, m)
	default:
		d.message(dir, c, m)
		for end := together(dir, b, c.Pos()); c.Pos() < end && c.Err() == nil; {
			d.now.before = b[:c.Pos()]
			d.message(dir, c, m)
		}
	}
	c.Finish()
	c.End(root)
}

// header reads what every message with a type begins with, and begins the group of its body.
func (d *dialog) header(dir l7.Dir, c *wire.Cursor) (kind byte, body wire.Frame) {
	kind = c.Uint8("type")
	c.Enum(typeLetters[dir])
	c.Detail()
	n := c.Int32BE("length")
	c.Detail()
	return kind, c.Enter(names[dir][kind], int(n)-4)
}

// message describes a message with a type.
func (d *dialog) message(dir l7.Dir, c *wire.Cursor, m *l7.Message) {
	kind, body := d.header(dir, c)
	if c.Err() == nil {
		d.now.kind = kind
		switch {
		case names[dir][kind] == "":
			c.Fail("type", "no message has this type")
		case dir == l7.ToServer:
			d.request(kind, c, m)
		default:
			d.answer(kind, c, m)
		}
	}
	c.Leave(body)
}

// run describes rows, or data of a COPY: messages of one type, the last of which may be cut.
func (d *dialog) run(dir l7.Dir, c *wire.Cursor, m *l7.Message) {
	b := c.Rest()
	d.now.kind = b[0]
	n, changes, at := int64(0), int64(0), 0
	cut := false // the beginning of a body
	for at+headerSize <= len(b) && b[at] == b[0] {
		k := messageLength(b[at:])
		if k == 0 {
			break
		}
		if n++; at+headerSize == len(b) {
			cut = k > headerSize
		} else if b[at+headerSize] == 'w' {
			changes++
		}
		at += k
	}
	stream := d.copy.mode == typeCopyBoth && dir == l7.ToClient
	switch {
	case at != c.Left() && len(b) == c.Left():
		c.Fail("length", "the length is not the message's")
	case at != c.Left() || cut && stream:
		m.Doubts |= record.Cut // how many there are in what is missing nobody knows
	case b[0] == typeDataRow:
		m.Set(record.Rows, n)
	case stream && changes > 0:
		m.SetAttribute(attrXLogData, changes)
	}
	if dir == l7.ToServer {
		m.Role = l7.Feed
	}
	if stream {
		d.now.raw = b
	}
	if c.Elide() {
		return
	}
	was, all := c.Cut(), c.Limit("length", c.Left(), 0)
	looks, known := d.shape(), d.relations.spoken(d.now.raw)
	for c.More() {
		_, body := d.header(dir, c)
		if b[0] == typeDataRow {
			d.values(c, looks)
		} else {
			d.copyData(dir, c, known)
		}
		c.Leave(body)
	}
	c.Leave(all)
	c.Forgive(was)
}

// copyData describes the body of a CopyData message.
func (d *dialog) copyData(dir l7.Dir, c *wire.Cursor, known []relation) {
	switch {
	case d.copy.mode == typeCopyBoth:
		replicationData(c, dir, known)
	case d.copy.backup:
		backupData(c)
	case d.copy.binary:
		copyBinary(c)
	default:
		data(c, "data")
	}
}

// Contexts begin with the type of the message that they are for.
const (
	contextDialect = typeQuery
	contextBind    = typeBind
	contextLogin   = typePassword
	contextCopy    = typeCopyData
	contextRow     = typeDataRow
	contextGuard   = typeError
)

// AppendContext implements l7.Dialog.
func (d *dialog) AppendContext(dst []byte, dir l7.Dir, _ *l7.Message) []byte {
	switch kind := d.now.kind; {
	case kind == typeCopyData:
		dst = append(dst, contextCopy, d.copy.mode, flag(d.copy.binary)|flag(d.copy.backup)<<1)
		return appendRelations(dst, d.relations.spoken(d.now.raw))
	case dir == l7.ToClient && (kind == typeError || kind == typeNotice):
		if d.guarded() {
			dst = append(dst, contextGuard)
		}
	case dir == l7.ToClient:
		if looks := d.shape(); kind == typeDataRow && len(looks.columns) > 0 {
			return append(append(dst, contextRow, flag(looks.bound)), looks.columns...)
		}
	case kind == typePassword:
		return append(dst, contextLogin, byte(d.authentication))
	case kind == typeBind:
		if s := d.statements.of(d.now.ask.ref); s != nil {
			return append(append(dst, contextBind, flag(s.secret())), s.params...)
		}
	case kind == typeQuery || kind == typeParse:
		return append(dst, contextDialect, byte(d.quotes(false)))
	}
	return dst
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// recall takes the state that AppendContext wrote.
func (d *dialog) recall(context []byte) {
	switch b := context[1:]; context[0] {
	case contextDialect:
		if len(b) > 0 {
			d.dialect = sqltext.PostgreSQL | sqltext.Dialect(b[0])&(sqltext.Backslash|unsaid)
		}
	case contextLogin:
		if len(b) > 0 {
			d.authentication = uint32(b[0])
		}
	case contextCopy:
		if len(b) > 1 {
			d.copy = copying{mode: b[0], binary: b[1]&1 != 0, backup: b[1]&2 != 0}
			d.relations.recall(b[2:])
		}
	case contextRow:
		if len(b) > 0 {
			d.row = shape{b[1:], b[0] != 0}
		}
	case contextGuard:
		d.guard = true
	case contextBind:
		if len(b) > 0 {
			d.statements.only = &statement{judged: true, guarded: b[0] != 0, params: b[1:]}
		}
	}
}

// Lost implements l7.Loser. What was asked without a name is not known any more; which answer is to what is not known until
// the server is ready again; how texts are quoted is not until it tells.
func (d *dialog) Lost(dir l7.Dir) {
	d.waits.lose(&d.statements)
	if d.gaps[dir] = true; d.gaps == [2]bool{true, true} {
		d.statements.suspect()
	}
	d.relations = relations{}
	d.dialect |= unsaid
	d.quiet, d.fresh, d.heard, d.skips, d.secure, d.copy, d.sending, d.authentication = false, false, false, false, 0, copying{}, sending{}, 0
	if dir == l7.ToServer {
		d.statements.close(d.statements.find(nil))
		d.unnamed = portal{}
		d.group, d.about = 0, 0
	} else {
		d.unsure, d.later, d.row.columns = true, false, d.row.columns[:0]
	}
}
