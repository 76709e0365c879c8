package l7

import (
	"math/bits"
	"unsafe"

	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/sqltext"
	"github.com/dbtap/dbtap/internal/stream"
	"github.com/dbtap/dbtap/internal/wire"
)

// Role is the part a message plays in its exchange.
type Role uint8

const (
	Request  Role = iota // begins an exchange, or goes on with the Parts before it: what it states goes over what they did
	Response             // answers one
	OneWay               // a request that gets no answer
	Push                 // the server speaks unasked
	Part                 // belongs to the request that comes next; the server's greeting does so too
	Feed                 // belongs to the request that is being answered: data that the server asked for
	Nothing              // carries no meaning for records
)

// Message is what Decode says of one message. It is reused: its text borrows from the message, the Dialog or Scratch,
// and dies when Advance returns.
type Message struct {
	Verdicts

	// Scratch is memory for text that Decode makes. It is emptied before each message.
	Scratch []byte

	// Layer, if Advance sets it, stands between the connection and the Dialog from the next byte on.
	Layer stream.Layer

	// Encrypted, if Advance sets it, says that both sides go on with TLS or the like from the next byte on.
	Encrypted bool

	// SQL is for the statement that Decode reads. Its memory is here because it is large, and connections are many. It keeps
	// what it held until the next message.
	SQL sqltext.Statement

	// Inner is a cursor for a buffer that Decode derives.
	Inner wire.Cursor

	// Derived is what Decode decompressed, in memory from Room. It keeps what it held until the next message.
	Derived []byte

	idle   int    // messages since large memory was needed
	want   uint64 // columns somebody needs
	values bool
	has    uint64 // columns set
	num    [record.User]int64
	text   [record.Protocol - record.User]string
	normal string

	attrs uint32 // attributes set
	attr  [maxAttributes]attribute
	links []link

	conn  *Conn  // whose open exchanges Asked looks at; nil: asked and known say it
	asked uint64 // what Asked returned last
	known bool
	anew  bool // Anew was called
}

// Verdicts is the part of a Message that has one value for each message.
type Verdicts struct {
	Role   Role
	More   bool          // more messages of this direction belong to the same request or answer; not for OneWay and Push
	Status record.Status // of an answer; Unknown if it does not tell
	Doubts record.Doubts

	// Leaves is what a Request or a Part leaves for those who decode its answers: Asked gives it to them.
	Leaves uint64

	// Fence, in order: of a Request, its answer ends with a message that has Fence too; of a Part, so does the answer to the
	// request before it, which it belongs to, and it begins none. A Response with Fence ends whatever was asked up to the
	// first fence that waits: what has no answer then was passed over.
	Fence bool
	ID    uint64 // by-id pairing: a request's own, or the one it answers
	Next  uint64 // by-id pairing, with More: the ID that the next message of the answer will carry
}

type attribute struct {
	num  int64
	text string
}

// link is a record.Link in the making.
type link struct {
	key  [16]byte
	attr int // -1: text is told
	text []byte
	now  bool
}

// maxAttributes bounds a protocol's table.
const maxAttributes = 32

func (m *Message) reset() {
	m.Verdicts = Verdicts{}
	m.Scratch = m.Scratch[:0]
	m.has, m.attrs, m.normal, m.links = 0, 0, "", m.links[:0]
	m.Layer, m.Encrypted = nil, false
	m.asked, m.known, m.anew = 0, false, false
	m.shrink()
}

// Asked is what the request that this answer belongs to left for it. By id, the answer's ID tells which. It is not known of
// a request that was not seen.
func (m *Message) Asked(id uint64) (left uint64, known bool) {
	if m.conn != nil {
		m.asked, m.known = m.conn.asked(id, m.anew)
	}
	return m.asked, m.known
}

// Anew is Asked, in order, by an answer that certainly begins with m: one that was heard before it is over, its end was lost.
func (m *Message) Anew() (left uint64, known bool) {
	m.anew = true
	return m.Asked(0)
}

// Answers makes m the answer to a request that left something, or that was not seen: for a message that is decoded alone.
func (m *Message) Answers(left uint64, known bool) { m.conn, m.asked, m.known = nil, left, known }

// Room is empty memory for the n bytes that Decode derives, at most. It is what Derived held before.
func (m *Message) Room(n int) []byte {
	if n > keepMemory {
		m.idle = 0
	}
	if cap(m.Derived) < n {
		m.Derived = make([]byte, 0, max(n, leastRoom))
	}
	return m.Derived[:0]
}

// leastRoom is the least memory for derived bytes: most messages have less.
const leastRoom = 16 << 10

// idleMessages is after how many messages that did not need it large memory is let go: what needs it comes in runs, and
// memory taken anew for each is garbage by the time the next takes more.
const idleMessages = 16

// shrink lets large memory go.
func (m *Message) shrink() {
	if m.idle++; cap(m.Derived) > keepMemory && m.idle > idleMessages {
		m.Derived = nil
		clear(m.text[:]) // what borrowed from it
		clear(m.attr[:])
		m.Inner = wire.Cursor{}
	}
	if cap(m.Scratch) > keepMemory {
		m.Scratch = nil
	}
	if cap(m.SQL.Normal) > keepMemory {
		m.SQL = sqltext.Statement{}
	}
}

// keepMemory is how much of each memory is kept from message to message.
const keepMemory = 1 << 20

// Wants tells whether anybody needs column c: text that costs time to make may be left out otherwise.
func (m *Message) Wants(c record.Col) bool { return m.want&(1<<c) != 0 }

// Values tells whether the user asked to see values.
func (m *Message) Values() bool { return m.values }

// Set states a number.
func (m *Message) Set(c record.Col, n int64) {
	m.num[c] = n
	m.has |= 1 << c
}

// Number is what was stated for c, or 0.
func (m *Message) Number(c record.Col) int64 {
	if m.has&(1<<c) == 0 {
		return 0
	}
	return m.num[c]
}

// SetText states a text. Empty text states nothing; of a text that is too long the beginning is stated.
func (m *Message) SetText(c record.Col, s string) {
	if limit := maxName; len(s) > limit {
		if c == record.Query || c == record.Error {
			limit = maxText
		}
		s = m.shorten(s, limit)
	}
	if s != "" {
		m.text[c-record.User] = s
		m.has |= 1 << c
	}
}

// maxName and maxText bound, in bytes, what a record says in a name or another word, and in a query or an error: names
// are some hundred bytes, and a row that waits for its answer is to be small whatever its sender wrote.
const (
	maxName = 512
	maxText = 16 << 10
)

// shorten cuts s to limit bytes, not inside a character.
func (m *Message) shorten(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	m.Doubts |= record.Cut
	for limit > 0 && s[limit]&0xC0 == 0x80 {
		limit--
	}
	return s[:limit]
}

// SetBytes states a text, which stays borrowed.
func (m *Message) SetBytes(c record.Col, b []byte) {
	m.SetText(c, unsafe.String(unsafe.SliceData(b), len(b)))
}

// Text is what was stated for c, or "".
func (m *Message) Text(c record.Col) string {
	if m.has&(1<<c) == 0 {
		return ""
	}
	return m.text[c-record.User]
}

// SetQuery states the text of the request as the user wants to see it, and the same without values, from which the
// fingerprint is made. Where values are not shown both are the same.
func (m *Message) SetQuery(shown, normal []byte) {
	m.SetBytes(record.Query, shown)
	m.normal = unsafe.String(unsafe.SliceData(normal), len(normal))
}

// SetAttribute states the number of the i-th attribute of the protocol's table; for a Flag, 1.
func (m *Message) SetAttribute(i int, n int64) {
	m.attr[i].num = n
	m.attrs |= 1 << i
}

// SetAttributeText states the text of the i-th attribute, which stays borrowed. Empty text states nothing.
func (m *Message) SetAttributeText(i int, s string) {
	if s != "" {
		m.attr[i].text = m.shorten(s, maxText)
		m.attrs |= 1 << i
	}
}

// SetAttributeBytes states the text of the i-th attribute, which stays borrowed.
func (m *Message) SetAttributeBytes(i int, b []byte) {
	m.SetAttributeText(i, unsafe.String(unsafe.SliceData(b), len(b)))
}

// Publish tells all connections that text, which stays borrowed, belongs to key.
func (m *Message) Publish(key [16]byte, text []byte) {
	m.links = append(m.links, link{key: key, attr: -1, text: text})
}

// Resolve states as the text of the i-th attribute what was published for key, by a record that came out before this one; with
// since, not by one that began before it.
func (m *Message) Resolve(i int, key [16]byte, since bool) {
	m.links = append(m.links, link{key: key, attr: i, now: since})
}

// tell adds what m states to r. Rows and Affected add up, an error stays the first one, and what was said before
// stays unless over.
func (m *Message) tell(r *record.Record, p *Protocol, over bool) {
	r.Doubts |= m.Doubts
	for set := m.has; set != 0; set &= set - 1 {
		c := record.Col(bits.TrailingZeros64(set))
		switch {
		case c == record.Rows || c == record.Affected:
			r.Add(c, m.num[c])
		case r.Has(c) && !over:
		case c < record.User:
			r.Set(c, m.num[c])
		default:
			r.SetText(c, m.text[c-record.User])
		}
	}
	for set := m.attrs; set != 0; set &= set - 1 {
		i := bits.TrailingZeros32(set)
		r.PutAttribute(p.Attributes[i].Name, p.Attributes[i].Kind, p.Attributes[i].Sum, m.attr[i].num, m.attr[i].text)
	}
	for _, l := range m.links {
		name := ""
		if l.attr >= 0 {
			name = p.Attributes[l.attr].Name
		}
		r.PutLink(record.Link{Key: l.key, Attribute: name, Text: l.text, Since: l.now})
	}
}
