// Package record knows the flat row that stands for one exchange: its columns (table Columns, the only place that
// lists them), and the batch that carries rows and their text. It does not know protocols, filters or sinks.
package record

import (
	"math/bits"
	"net/netip"
	"slices"
	"unsafe"
)

// Record is one exchange: a request and its answer. All of its text lies in one piece of memory, so that a record is
// copied with two moves. It is borrowed wherever it is handed on: text returned by Text dies with the loan.
type Record struct {
	has    uint64
	num    [numbers]int64
	span   [texts]span
	text   []byte
	Client netip.AddrPort
	Server netip.AddrPort

	Protocol string // name of the protocol, a constant
	Status   Status
	Source   Source
	Doubts   Doubts

	Attributes []Attribute // what only this protocol knows, in the order of its table

	// Links are what is told to other connections and asked of them. Hidden records are there for their links only.
	Links  []Link
	Hidden bool

	// Messages are the kept bytes of the exchange's messages, where the engine was asked to keep them.
	Messages []Kept
	Dropped  int // messages of the exchange that were not kept

	Order uint64 // place of the packet that ended the exchange, over all files
	Slot  uint32 // the flow's slot, from which the reader of the batch knows the connection's number
}

type span struct{ off, len uint32 }

// Attribute is one fact that only its protocol has. Name and Kind are constants from the protocol's table.
type Attribute struct {
	Name string
	Kind Kind   // Count, Duration, Text, Flag or JSON
	Num  int64  // for Count, Duration (ns) and Flag (0, 1)
	Text []byte // for Text and JSON (ready to print); borrowed
}

// Link is a fact that records of different connections share.
type Link struct {
	Key       [16]byte
	Attribute string // which is asked for; "": Text is told
	Text      []byte // borrowed
	Since     bool   // told by a record that did not begin before this one
}

// Kept is one message of an exchange as the engine kept it, enough to decode it again.
type Kept struct {
	FromServer bool
	Time       int64  // of its first byte, ns since the Unix epoch
	Packet     uint64 // that carried its first byte
	Length     int    // bytes of the message on the wire
	Asked      uint64 // what its request left for it, if Known
	Known      bool
	Runs       []Run // which of them Data holds, in order
	Data       []byte
	Context    []byte // what the protocol needs to decode this message alone
}

// Run is a range of bytes of a message: N bytes from Off.
type Run struct{ Off, N int }

// Has tells whether the record has a fact for c.
func (r *Record) Has(c Col) bool {
	if c == AttributesOf {
		return len(r.Attributes) > 0
	}
	return c >= Protocol || r.has&(1<<c) != 0
}

// Set gives column c, of a number's kind, the value n.
func (r *Record) Set(c Col, n int64) { r.num[c] = n; r.has |= 1 << c }

// Add adds n to column c and makes it present.
func (r *Record) Add(c Col, n int64) { r.num[c] += n; r.has |= 1 << c }

// Clear takes the fact of column c away.
func (r *Record) Clear(c Col) {
	r.has &^= 1 << c
	if c < numbers {
		r.num[c] = 0
	}
}

// Num is the value of column c, of a number's kind: ns for times and durations, bytes for sizes; 0 if absent.
func (r *Record) Num(c Col) int64 { return r.num[c] }

// SetText gives column c, of a text's kind, a copy of s. Empty text is no fact.
func (r *Record) SetText(c Col, s string) {
	if len(s) == 0 {
		return
	}
	r.span[c-numbers] = span{uint32(len(r.text)), uint32(len(s))}
	r.text = append(r.text, s...)
	r.has |= 1 << c
}

// AppendText gives column c the text that write appends to the slice it is handed. Empty text is no fact.
func (r *Record) AppendText(c Col, write func([]byte) []byte) {
	n := len(r.text)
	r.text = write(r.text)
	if len(r.text) > n {
		r.span[c-numbers] = span{uint32(n), uint32(len(r.text) - n)}
		r.has |= 1 << c
	}
}

// Text is the text of column c, of a text's kind or one of Protocol, Status, Source; "" if absent. It is borrowed.
func (r *Record) Text(c Col) string {
	switch c {
	case Protocol:
		return r.Protocol
	case StatusOf:
		return r.Status.String()
	case SourceOf:
		return r.Source.String()
	}
	if !r.Has(c) {
		return ""
	}
	s := r.span[c-numbers]
	return unsafe.String(unsafe.SliceData(r.text[s.off:]), s.len)
}

// SetSummary makes Summary from Operation and Target.
func (r *Record) SetSummary() {
	r.AppendText(Summary, func(b []byte) []byte {
		b = append(b, r.Text(Operation)...)
		if r.Has(Target) {
			b = append(b, ' ')
			b = append(b, r.Text(Target)...)
		}
		return b
	})
}

// New makes an empty record with room for the text and the attributes of a usual one.
func New() Record {
	return Record{text: make([]byte, 0, 512), Attributes: make([]Attribute, 0, 4)}
}

// Memory is about how many bytes the record takes, what it keeps for later use included.
func (r *Record) Memory() int {
	return int(unsafe.Sizeof(*r)) + cap(r.text) + cap(r.Attributes)*int(unsafe.Sizeof(Attribute{})) + cap(r.Links)*int(unsafe.Sizeof(Link{})) + cap(r.Messages)*int(unsafe.Sizeof(Kept{}))
}

// Reset empties the record and keeps its memory.
func (r *Record) Reset() {
	*r = Record{text: r.text[:0], Attributes: r.Attributes[:0], Links: r.Links[:0], Messages: r.Messages[:0]}
}

// PutAttribute states an attribute: with sum numbers add up, otherwise the last statement stays. text is copied, into the
// place of the text before if it fits there; otherwise into twice the room, so that an answer of many messages that each
// say something else takes a few times the longest text, and not all of them.
func (r *Record) PutAttribute(name string, kind Kind, sum bool, n int64, text string) {
	i := 0
	for i < len(r.Attributes) && r.Attributes[i].Name != name {
		i++
	}
	if i == len(r.Attributes) {
		r.Attributes = append(r.Attributes, Attribute{Name: name, Kind: kind})
	}
	a := &r.Attributes[i]
	if sum {
		n += a.Num
	}
	a.Num = n
	switch {
	case text == "":
	case len(text) <= cap(a.Text):
		a.Text = append(a.Text[:0], text...)
	default:
		at, room := len(r.text), len(text)
		if a.Text != nil {
			room *= 2
		}
		r.text = slices.Grow(r.text, room)[:at+room]
		a.Text = append(r.text[at:at:at+room], text...)
	}
}

// PutLink adds a link, with a copy of its text.
func (r *Record) PutLink(l Link) {
	at := len(r.text)
	r.text = append(r.text, l.Text...)
	l.Text = r.text[at:len(r.text):len(r.text)]
	r.Links = append(r.Links, l)
}

// Status is how an exchange ended.
type Status uint8

const (
	Unknown     Status = iota // the answer was lost or cut before its verdict
	OK                        // answered without an error, or one-way
	ClientError               // the server blames the request
	ServerError               // the server blames itself
	Timeout                   // no answer within the request timeout
	Unanswered                // the connection, the file or the pipeline ended first
	statuses
)

var statusNames = [statuses]string{"unknown", "ok", "client_error", "server_error", "timeout", "unanswered"}

func (s Status) String() string { return statusNames[s] }

// Source is where an exchange was seen.
type Source uint8

const (
	FromPackets Source = iota
	FromTLS
	FromProbe
	sources
)

var sourceNames = [sources]string{"packet", "tls", "probe"}

func (s Source) String() string { return sourceNames[s] }

// Doubts is a set of reasons not to take a record at its word.
type Doubts uint16

const (
	Loss               Doubts = 1 << iota // packets of the exchange are missing
	NoRequest                             // an answer whose request was not seen
	NoResponse                            // the answer is missing though the connection went on
	PreparedUnseen                        // the statement was prepared before the capture began
	Cut                                   // a fact lies in bytes that were not kept
	Midstream                             // the connection began before the capture
	Malformed                             // a message contradicts its specification
	Checksum                              // a checksum is wrong
	UnsupportedVersion                    // newer than what this program knows
)

// DoubtNames lists the words of Doubts, lowest bit first.
var DoubtNames = [...]string{"loss", "no_request", "no_response", "prepared_unseen", "cut", "midstream", "malformed", "checksum", "unsupported_version"}

// AppendNames appends the words of d, separated by sep, each between quote.
func (d Doubts) AppendNames(dst []byte, sep, quote string) []byte {
	for first := true; d != 0; d &= d - 1 {
		if !first {
			dst = append(dst, sep...)
		}
		first = false
		dst = append(dst, quote...)
		dst = append(dst, DoubtNames[bits.TrailingZeros16(uint16(d))]...)
		dst = append(dst, quote...)
	}
	return dst
}

// Batch is a run of records with the memory their text lies in. Its maker lends it; who keeps a row copies it.
type Batch struct {
	Rows  []Record
	arena []byte
	attrs []Attribute
	links []Link
	kept  []Kept
	runs  []Run
}

// Append adds a deep copy of r to the batch.
func (b *Batch) Append(r *Record) {
	b.Rows = append(b.Rows, *r)
	d := &b.Rows[len(b.Rows)-1]
	d.text = b.copy(r.text)
	d.Attributes, d.Links, d.Messages = nil, nil, nil
	if n := len(r.Attributes); n > 0 {
		at := len(b.attrs)
		b.attrs = append(b.attrs, r.Attributes...)
		d.Attributes = b.attrs[at : at+n : at+n]
		for i := range d.Attributes {
			d.Attributes[i].Text = b.copy(d.Attributes[i].Text)
		}
	}
	if n := len(r.Links); n > 0 {
		at := len(b.links)
		b.links = append(b.links, r.Links...)
		d.Links = b.links[at : at+n : at+n]
		for i := range d.Links {
			d.Links[i].Text = b.copy(d.Links[i].Text)
		}
	}
	if n := len(r.Messages); n > 0 {
		at := len(b.kept)
		b.kept = append(b.kept, r.Messages...)
		d.Messages = b.kept[at : at+n : at+n]
		for i := range d.Messages {
			m := &d.Messages[i]
			m.Data, m.Context = b.copy(m.Data), b.copy(m.Context)
			at := len(b.runs)
			b.runs = append(b.runs, m.Runs...)
			m.Runs = b.runs[at:len(b.runs):len(b.runs)]
		}
	}
}

// copy puts p into the arena. When the arena grows, rows written before keep the old memory.
func (b *Batch) copy(p []byte) []byte {
	if len(p) == 0 {
		return nil
	}
	if cap(b.arena)-len(b.arena) < len(p) {
		b.arena = make([]byte, 0, max(2*cap(b.arena), arenaSize, len(p)))
	}
	at := len(b.arena)
	b.arena = append(b.arena, p...)
	return b.arena[at:len(b.arena):len(b.arena)]
}

// arenaSize is the first size of a batch's text memory: the text of about 300 usual rows.
const arenaSize = 64 << 10

// keepArena and keepRows are how much text and how many rows a batch keeps room for: a batch that was flooded once does
// not stay large.
const (
	keepArena = 512 << 10
	keepRows  = 1 << 10
)

// Reset empties the batch and keeps its memory, if that is usual.
func (b *Batch) Reset() {
	poison(b.arena)
	if cap(b.arena) > keepArena || max(cap(b.Rows), cap(b.attrs)/4, cap(b.links)/4, cap(b.kept)/2, cap(b.runs)/4) > keepRows {
		*b = Batch{}
		return
	}
	b.Rows, b.arena, b.attrs, b.links, b.kept, b.runs = b.Rows[:0], b.arena[:0], b.attrs[:0], b.links[:0], b.kept[:0], b.runs[:0]
}
