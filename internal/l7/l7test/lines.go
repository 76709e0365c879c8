package l7test

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/stream"
	"github.com/dbtap/dbtap/internal/wire"
)

// Lines is a protocol that nobody speaks, made up so that everything an engine does can be seen on it. It is also what
// a protocol needs to be, and no more: this file, and a line where Protocol values are listed.
//
// A message is a line of text:
//
//	> 000025 0001 GET key\n
//
// who speaks (> the client, < the server), the length of the whole line, an identifier, a verb, a text. Clients say
//
//	GET key        ask for something
//	LIST key key   ask for something of several keys: its answer is counted in rows
//	CONT text      ask, and go on asking in the next line
//	PART text      a part of the request that comes next
//	FEED text      something that the server asked for while it answers
//	SYNC           where an answer to what was asked so far ends with REDY
//	TELL text      say something that nobody answers
//	LOGN name pw   log in
//	SCRM           ask for everything behind the answer to be scrambled
//	HUGE text      a long line with a fact in its middle: MIDDLE, and a digit
//	ROTT text      a scrambled text
//	FLAG x         a byte of flags
//	CRPT           ask for everything behind the answer to be encrypted
//
// and servers
//
//	DONE text      the answer
//	MORE text      a part of the answer: with identifiers, the next part has the next higher one
//	HOLD text      a part of the answer that says nothing of how it will end
//	ANEW text      the answer, where that to what was asked before has lost its end
//	FAIL code text an error, after which a server skips what was asked, up to the next SYNC
//	REDY           the end of all answers up to a SYNC
//	HELO text      a greeting
//	CALL text      something that nobody asked for
//	VOID           nothing at all
func Lines(p l7.Pairing) *l7.Protocol {
	return &l7.Protocol{
		Name: "lines", Title: "Lines", Ports: []uint16{7777}, Pairing: p,
		Attributes: []l7.Attribute{
			{Name: "middle", Kind: record.Count, Doc: "What stands in the middle of a long line."},
			{Name: "parts", Kind: record.Count, Sum: true, Doc: "Lines of the request."},
			{Name: "urgent", Kind: record.Flag, Doc: "The line had the flag."},
		},
		Probe: probeLine,
		Open: func(c *l7.ConnInfo, context []byte) l7.Dialog {
			return &lines{byID: p == l7.ByID, user: append([]byte{}, context...)}
		},
	}
}

// A line's header: mark, length, identifier, verb, and what stands between.
const (
	lineHeader = len("> 000025 0001 GET ")
	maxLine    = 999999
)

const (
	attrMiddle = iota
	attrParts
	attrUrgent
)

func probeLine(_ *l7.ConnInfo, _ stream.Dir, b []byte) l7.Verdict {
	if len(b) < lineHeader {
		if len(b) > 0 && b[0] != '>' && b[0] != '<' || len(b) > 1 && b[1] != ' ' {
			return l7.No
		}
		return l7.Unsure
	}
	switch {
	case lineLength(b) == 0 || clients[string(b[14:18])] == servers[string(b[14:18])]:
		return l7.No
	case b[0] == '>':
		return l7.FromClient
	}
	return l7.FromServer
}

// lineLength is the length that a line says it has, 0 if it is none.
func lineLength(b []byte) int {
	if b[0] != '>' && b[0] != '<' || b[1] != ' ' || b[8] != ' ' || b[13] != ' ' {
		return 0
	}
	n, err := strconv.Atoi(string(b[2:8]))
	if err != nil || n <= lineHeader || b[2] == '-' || b[2] == '+' {
		return 0
	}
	return n
}

var (
	clients = map[string]bool{"GET ": true, "LIST": true, "CONT": true, "PART": true, "TELL": true, "LOGN": true, "SCRM": true, "HUGE": true, "ROTT": true, "FLAG": true,
		"FEED": true, "SYNC": true, "CRPT": true}
	servers = map[string]bool{"DONE": true, "ANEW": true, "MORE": true, "HOLD": true, "FAIL": true, "CALL": true, "VOID": true, "REDY": true, "HELO": true}
)

// lines is a conversation in Lines.
type lines struct {
	byID bool
	user []byte
	now  struct {
		user []byte
		verb byte // of an answer's question: the second letter, no two questions that matter share it
		last bool // of an answer
	}
}

// Reset implements l7.Resetter.
func (d *lines) Reset(*l7.ConnInfo) {
	*d = lines{byID: d.byID, user: d.user[:0]}
}

func (d *lines) Length(_ l7.Dir, b []byte) (int, error) {
	if len(b) < lineHeader {
		return 0, nil
	}
	n := lineLength(b)
	if n == 0 {
		return 0, errors.New("no line")
	}
	return n, nil
}

func (d *lines) Sync(dir l7.Dir, b []byte) int {
	mark := byte('>')
	if dir == l7.ToClient {
		mark = '<'
	}
	for i := 0; i+lineHeader <= len(b); i++ {
		if b[i] == mark {
			if v := probeLine(nil, 0, b[i:]); v == l7.FromClient || v == l7.FromServer {
				return i
			}
		}
	}
	return -1
}

// Keep implements l7.Keeper: the middle of a HUGE line.
func (d *lines) Keep(_ l7.Dir, size, from int, run []byte) (off, n int, keep bool) {
	if from == 0 && string(run[14:18]) == "HUGE" {
		return middle(size), len("MIDDLE7"), true
	}
	return 0, 0, false
}

func middle(size int) int { return size / 2 }

func (d *lines) Decode(dir l7.Dir, c *wire.Cursor, m *l7.Message) {
	d.now.verb, d.now.user, d.now.last = 0, nil, false
	root := c.Group("lines")
	c.String("mark", 2)
	c.Detail()
	n, _ := strconv.Atoi(string(bytes.TrimSuffix(c.String("length", 7), []byte(" "))))
	id, _ := strconv.ParseUint(string(bytes.TrimSuffix(c.String("id", 5), []byte(" "))), 10, 64)
	if c.Err() == nil && n != c.Size() {
		c.Fail("length", "the length is not the line's")
	}
	verb := c.String("verb", 4)
	m.ID = id
	if dir == l7.ToServer {
		m.Role = l7.Request
		d.question(c, m, verb)
	} else {
		m.Role = l7.Response
		d.answer(c, m, verb)
	}
	if end := c.Bytes("end", 1, nil); end != nil && end[0] != '\n' {
		c.Fail("end", "a line without its end")
	}
	c.Finish()
	c.End(root)
}

// text reads the text of a line, but for its end.
func text(c *wire.Cursor, name string) []byte { return c.String(name, max(c.Left()-1, 0)) }

func (d *lines) question(c *wire.Cursor, m *l7.Message, verb []byte) {
	if c.Err() != nil {
		return
	}
	if !clients[string(verb)] {
		c.Fail("verb", "nothing a client says")
		return
	}
	m.SetAttribute(attrParts, 1)
	m.SetBytes(record.Operation, bytes.TrimSpace(verb))
	m.SetBytes(record.User, d.user)
	m.Leaves = uint64(verb[1])
	switch string(verb) {
	case "LIST":
		g := c.Group("keys")
		for first := true; c.Left() > 1; first = false {
			e := c.Group("key")
			c.Index()
			n := len(c.Rest()) - 1
			if i := bytes.IndexByte(c.Rest()[min(1, len(c.Rest())):], ' '); i >= 0 {
				n = i + 1
			}
			if n < 1 || c.Left()-1 < n || len(c.Rest()) < n {
				n = c.Left() - 1
			}
			key := c.String("key", n)
			c.Stands()
			if first {
				m.SetBytes(record.Target, bytes.TrimSpace(key))
			}
			c.End(e)
		}
		c.End(g)
		return
	case "TELL":
		m.Role = l7.OneWay
	case "PART":
		m.Role = l7.Part
	case "FEED":
		m.Role = l7.Feed
	case "SYNC":
		m.Role, m.Fence = l7.Part, true
		return
	case "CONT":
		m.More = true
	case "LOGN":
		c.Classify(wire.Secret)
		t := text(c, "login")
		c.Classify(wire.Structure)
		if name, _, ok := bytes.Cut(bytes.TrimSpace(t), []byte(" ")); ok {
			d.now.user = name
			m.SetBytes(record.User, name)
		}
		return
	case "HUGE":
		c.Skip("before", middle(c.Size())-c.Pos(), nil)
		if b := c.String("middle", len("MIDDLE7")); len(b) > 0 {
			m.SetAttribute(attrMiddle, int64(b[len(b)-1]-'0'))
		}
		c.Skip("behind", c.Left()-1, nil)
		return
	case "ROTT":
		src := c.Rest()
		whole := len(src) == c.Left()
		if n := len(src); whole && n > 0 {
			src = src[:n-1]
		}
		size := max(c.Left()-1, 0)
		c.Skip("scrambled", size, nil)
		m.Derived = append(m.Room(len(src)), src...)
		rot13(m.Derived)
		var inner wire.Cursor
		c.Derive(&inner, "plain", m.Derived[:min(size, len(m.Derived))], size)
		inner.Classify(wire.Value)
		m.SetBytes(record.Target, bytes.TrimSpace(inner.String("text", size)))
		inner.Classify(wire.Structure)
		c.Join(&inner)
		return
	case "FLAG":
		c.String("space", 1)
		f := c.Uint8("flags")
		c.Flags([]wire.Flag{{Mask: 1, Name: "urgent"}, {Mask: 2, Name: "late"}})
		if f&1 != 0 {
			m.SetAttribute(attrUrgent, 1)
		}
		return
	}
	c.Classify(wire.Value)
	m.SetBytes(record.Target, bytes.TrimSpace(text(c, "text")))
	c.Classify(wire.Structure)
}

func (d *lines) answer(c *wire.Cursor, m *l7.Message, verb []byte) {
	if c.Err() != nil {
		return
	}
	asked, _ := m.Asked(m.ID)
	if string(verb) == "ANEW" {
		asked, _ = m.Anew()
	}
	d.now.verb = byte(asked)
	d.now.last = string(verb) == "DONE" || string(verb) == "ANEW" || string(verb) == "FAIL"
	switch string(verb) {
	case "HOLD":
		m.More = true
	case "MORE":
		m.More = true
		if d.byID {
			m.Next = m.ID + 1
		}
		fallthrough
	case "DONE", "ANEW":
		m.Status = record.OK
		if d.now.verb == 'I' {
			m.Set(record.Rows, 1)
		}
	case "FAIL":
		m.Status = record.ClientError
		c.String("space", 1)
		code := c.String("code", min(3, max(c.Left()-1, 0)))
		m.SetBytes(record.Code, code)
		c.Classify(wire.Value)
		t := text(c, "text")
		c.Classify(wire.Structure)
		if m.Values() {
			m.SetBytes(record.Error, bytes.TrimSpace(t))
		}
		return
	case "CALL":
		m.Role = l7.Push
		m.SetBytes(record.Operation, bytes.TrimSpace(verb))
	case "VOID":
		m.Role = l7.Nothing
	case "REDY":
		m.Fence = true
	case "HELO":
		m.Role = l7.Part
		m.SetBytes(record.Operation, bytes.TrimSpace(verb))
	default:
		c.Fail("verb", "nothing a server says")
		return
	}
	c.Classify(wire.Value)
	text(c, "text")
	c.Classify(wire.Structure)
}

// AppendContext appends the user, whom every question states.
func (d *lines) AppendContext(dst []byte, dir l7.Dir, m *l7.Message) []byte {
	return append(dst, d.user...)
}

func (d *lines) Advance(dir l7.Dir, m *l7.Message) {
	if len(d.now.user) > 0 {
		d.user = append(d.user[:0], d.now.user...)
	}
	if dir == l7.ToClient && d.now.last && m.Status == record.OK {
		switch d.now.verb {
		case 'C':
			m.Layer = scrambler{}
		case 'R':
			m.Encrypted = true
		}
	}
}

// scrambler is a layer that takes back what SCRM asks for.
type scrambler struct{}

func (scrambler) HandleChunk(f *stream.Flow, c *stream.Chunk, _ int, next stream.Handler) (held int) {
	plain := *c
	plain.Data = append([]byte(nil), c.Data...)
	rot13(plain.Data)
	next.HandleChunk(f, &plain)
	return 0
}

func rot13(b []byte) {
	for i, c := range b {
		switch l := c | 0x20; {
		case l >= 'a' && l <= 'm':
			b[i] = c + 13
		case l >= 'n' && l <= 'z':
			b[i] = c - 13
		}
	}
}

// Talk is a conversation in Lines in the making.
type Talk struct {
	Conversation
	now    int64
	packet uint64
	hidden bool // scrambled
}

// Step is the time between two lines of a Talk, in ns.
const Step = 1000

// NewTalk begins a conversation, at the time 1 s.
func NewTalk() *Talk {
	t := &Talk{now: 1e9}
	t.Flow = stream.Flow{A: netip.MustParseAddrPort("10.0.0.1:40000"), B: netip.MustParseAddrPort("10.0.0.2:7777"), Start: t.now}
	t.why = stream.Finished
	return t
}

// Line is a line as it is on the wire.
func Line(mark byte, id int, verb, text string) []byte {
	if text != "" {
		text = " " + text
	}
	n := lineHeader + len(text) + 1
	return fmt.Appendf(nil, "%c %06d %04d %-4s%s\n", mark, n, id, verb, text)
}

// Client says something.
func (t *Talk) Client(id int, verb, text string) *Talk {
	return t.Bytes(stream.Forward, Line('>', id, verb, text))
}

// Server says something.
func (t *Talk) Server(id int, verb, text string) *Talk {
	t.Bytes(stream.Backward, Line('<', id, verb, text))
	return t
}

// Scrambled scrambles what comes from here on.
func (t *Talk) Scrambled() *Talk {
	t.hidden = true
	return t
}

// Bytes sends any bytes.
func (t *Talk) Bytes(d stream.Dir, b []byte) *Talk {
	if t.hidden {
		b = append([]byte{}, b...)
		rot13(b)
	}
	t.add(stream.Chunk{Dir: d, Data: b})
	return t
}

// Gap loses bytes, or cuts them off.
func (t *Talk) Gap(d stream.Dir, n int, cut bool) *Talk {
	t.add(stream.Chunk{Dir: d, Missing: n, Cut: cut})
	return t
}

// Wait lets time pass, in ns.
func (t *Talk) Wait(ns int64) *Talk {
	t.now += ns
	return t
}

func (t *Talk) add(c stream.Chunk) {
	t.now += Step
	t.packet++
	c.Time, c.Packet, c.Order = t.now, t.packet, t.packet
	t.Chunks = append(t.Chunks, c)
	t.at, t.order = c.Time, c.Order
}

// at is the n-th client's address.
func at(n int) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr("10.0.0.1"), uint16(40000+n))
}
