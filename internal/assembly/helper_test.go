package assembly

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/dbtap/dbtap/internal/packet"
	"github.com/dbtap/dbtap/internal/stream"
)

// Letters for the flags, so that a trap reads like a capture.
const (
	F = packet.FIN
	S = packet.SYN
	R = packet.RST
	P = packet.PSH
	A = packet.ACK
)

var (
	client = netip.MustParseAddrPort("10.0.0.1:40000")
	server = netip.MustParseAddrPort("10.0.0.2:5432")
)

const ms = int64(time.Millisecond)

// bench drives a table by hand and writes down what comes out.
type bench struct {
	t       testing.TB
	table   *Table
	now     int64
	number  uint64
	log     strings.Builder // a word for each call
	streams []*stream1
	opened  []string
	isn     [2]uint32 // of client and server
	closed  bool
}

// stream1 is what one handler got.
type stream1 struct {
	b       *bench
	flow    stream.Flow
	live    *stream.Flow
	data    [2][]byte // missing bytes are '_', cut ones '-'
	missing [2]int
	cut     [2]int
	chunks  int
	order   uint64
	closes  int
	reason  stream.Reason
	check   func(*stream1, *stream.Chunk)
}

func newBench(t testing.TB, budget int) *bench {
	b := &bench{t: t, now: 1e18, isn: [2]uint32{1000, 5000}}
	b.table = New(Config{Budget: budget, Opened: func(slot uint32, packet, order uint64) {
		b.opened = append(b.opened, fmt.Sprintf("%d@%d", slot, packet))
	}}, func(f *stream.Flow) stream.Handler {
		s := &stream1{b: b, flow: *f, live: f}
		b.streams = append(b.streams, s)
		return s
	})
	return b
}

func (s *stream1) HandleChunk(f *stream.Flow, c *stream.Chunk) {
	t := s.b.t
	if s.closes > 0 {
		t.Error("chunk after close")
	}
	if f != s.live {
		t.Error("another flow for the same handler")
	}
	if c.Order < s.order {
		t.Errorf("order falls from %d to %d", s.order, c.Order)
	}
	s.order = c.Order
	if (len(c.Data) > 0) == (c.Missing > 0) || c.Missing < 0 {
		t.Errorf("chunk with %d bytes and %d missing", len(c.Data), c.Missing)
	}
	if s.check != nil {
		s.check(s, c)
	}
	s.chunks++
	name := [2]string{">", "<"}[c.Dir]
	s.data[c.Dir] = append(s.data[c.Dir], c.Data...)
	switch {
	case c.Cut:
		s.cut[c.Dir] += c.Missing
		s.data[c.Dir] = append(s.data[c.Dir], bytes.Repeat([]byte("-"), c.Missing)...)
		fmt.Fprintf(&s.b.log, "%s-%d ", name, c.Missing)
	case c.Missing > 0:
		s.missing[c.Dir] += c.Missing
		s.data[c.Dir] = append(s.data[c.Dir], bytes.Repeat([]byte("_"), c.Missing)...)
		fmt.Fprintf(&s.b.log, "%s_%d ", name, c.Missing)
	case len(c.Data) <= 40:
		fmt.Fprintf(&s.b.log, "%s%s ", name, c.Data)
	default:
		fmt.Fprintf(&s.b.log, "%s#%d ", name, len(c.Data))
	}
}

func (s *stream1) HandleClose(f *stream.Flow, why stream.Reason, at int64, order uint64) {
	s.closes++
	s.reason = why
	s.flow = *f
	if s.closes > 1 {
		s.b.t.Error("closed twice")
	}
	if order < s.order {
		s.b.t.Errorf("order falls from %d to %d at the close", s.order, order)
	}
	fmt.Fprintf(&s.b.log, "%s ", why)
}

func (b *bench) segment(s packet.Segment) {
	b.number++
	b.now += ms / 100
	s.Number, s.Order = b.number, b.number
	if s.Time == 0 {
		s.Time = b.now
	}
	b.table.Segment(&s)
}

// c sends a segment from the client. seq and ack count from the first byte of each side: -1 is the SYN.
func (b *bench) c(flags uint8, seq, ack int, payload string) {
	b.segment(packet.Segment{Src: client, Dst: server, Hash: 7, Flags: flags, Payload: []byte(payload),
		Seq: b.isn[0] + 1 + uint32(seq), Ack: b.isn[1] + 1 + uint32(ack)})
}

// s sends a segment from the server.
func (b *bench) s(flags uint8, seq, ack int, payload string) {
	b.segment(packet.Segment{Src: server, Dst: client, Hash: 7, Flags: flags, Payload: []byte(payload),
		Seq: b.isn[1] + 1 + uint32(seq), Ack: b.isn[0] + 1 + uint32(ack)})
}

func (b *bench) handshake() {
	b.c(S, -1, 0, "")
	b.s(S|A, -1, 0, "")
	b.c(A, 0, 0, "")
}

// goodbye ends both sides after so many bytes of each.
func (b *bench) goodbye(seq, ack int) {
	b.c(F|A, seq, ack, "")
	b.s(F|A, ack, seq+1, "")
	b.c(A, seq+1, ack+1, "")
}

// want closes the table, unless that was done, and compares the log.
func (b *bench) want(log string) {
	b.t.Helper()
	if !b.closed {
		b.closed = true
		b.table.Close(b.number)
	}
	if got := strings.TrimSpace(b.log.String()); got != log {
		b.t.Errorf("got  %s\nwant %s", got, log)
	}
	for _, s := range b.streams {
		if s.closes != 1 {
			b.t.Errorf("%d closes", s.closes)
		}
	}
	if s := b.table.Stats(); s.Live != 0 || s.Used != bucketCost*len(b.table.buckets) {
		b.t.Errorf("after Close %d flows and %d bytes are left", s.Live, s.Used)
	}
}
