package assembly

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"testing"

	"github.com/dbtap/dbtap/internal/packet"
	"github.com/dbtap/dbtap/internal/stream"
)

// client number i of many.
func many(i int) netip.AddrPort {
	var a [4]byte
	binary.BigEndian.PutUint32(a[:], 0x0a000000+uint32(i))
	return netip.AddrPortFrom(netip.AddrFrom4(a), 40000)
}

func mix(i int) uint64 { return (uint64(i) + 1) * 0x9E3779B97F4A7C15 }

func TestFlood(t *testing.T) {
	const floodFlows, budget = 1_000_000, 16 << 20
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	b := newBench(t, budget)
	b.table.opened = nil
	b.handshake()
	real, step := 0, floodFlows/100
	for i := range floodFlows {
		b.segment(packet.Segment{Src: many(i), Dst: server, Hash: mix(i), Flags: S, Seq: uint32(i)})
		if i%3 == 0 {
			b.segment(packet.Segment{Src: server, Dst: many(i), Hash: mix(i), Flags: S | A, Ack: uint32(i) + 1})
		}
		if i%step == 0 {
			b.c(P|A, real, real, "x")
			b.s(P|A, real, real+1, "y")
			real++
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	s := b.table.Stats()
	if s.Peak > budget || s.Live > b.table.maxHalf+1 {
		t.Errorf("%+v", s)
	}
	if grown := int(after.HeapAlloc) - int(before.HeapAlloc); grown > budget*5/4 {
		t.Errorf("heap grew by %d", grown)
	}
	if len(b.streams) != 1 || len(b.streams[0].data[0]) != real || len(b.streams[0].data[1]) != real || b.streams[0].flow.Midstream {
		t.Error("the real connection suffered")
	}
	b.table.Close(b.number)
}

func TestEviction(t *testing.T) {
	const budget = 256 << 10
	b := newBench(t, budget)
	for i := range 5000 {
		b.segment(packet.Segment{Src: many(i), Dst: server, Hash: mix(i), Flags: P | A, Payload: []byte("x1")})
		b.c(P|A, i, 0, "a") // always in use
	}
	s := b.table.Stats()
	if s.Peak > budget || s.Evicted == 0 {
		t.Errorf("%+v", s)
	}
	for i, s := range b.streams {
		if i == 1 && s.closes != 0 {
			t.Error("the flow in use was evicted")
		} else if i != 1 && i < 3000 && (s.closes != 1 || s.reason != stream.Evicted) {
			t.Fatalf("flow %d: %d closes, %v", i, s.closes, s.reason)
		}
	}
	b.table.Close(b.number)
}

// Held bytes go before flows, and what handlers keep counts too.
func TestBudget(t *testing.T) {
	const budget = 1 << 20
	b := newBench(t, budget)
	b.handshake()
	b.c(P|A, 0, 0, "hello")
	for i := range 2000 {
		b.segment(packet.Segment{Src: many(1), Dst: server, Hash: mix(1), Flags: P | A, Seq: uint32(i) * 4000, Payload: make([]byte, 1400)})
	}
	if s := b.table.Stats(); s.Peak > budget || s.Evicted != 0 || s.Lost == 0 {
		t.Errorf("%+v", s)
	}
	b.table.Charge(budget)
	b.c(P|A, 5, 0, "world")
	if s := b.table.Stats(); s.Evicted != 1 || s.Live != 1 || b.streams[0].closes != 0 {
		t.Errorf("%+v", s)
	}
	b.table.Charge(-budget)
	b.goodbye(10, 0)
	b.want(b.log.String()[:len(b.log.String())-1])
}

// counter is the cheapest handler.
type counter struct{ bytes, closes int }

func (c *counter) HandleChunk(_ *stream.Flow, k *stream.Chunk)            { c.bytes += len(k.Data) }
func (c *counter) HandleClose(*stream.Flow, stream.Reason, int64, uint64) { c.closes++ }

// traffic is n conversations: request, answer, acknowledgement, one step of each in turn.
type traffic struct {
	table   *Table
	c       counter
	segs    []packet.Segment // three for each flow
	payload []byte
	now     int64
	order   uint64
}

func newTraffic(n int) *traffic {
	f := &traffic{payload: make([]byte, 200), now: 1e18}
	f.table = New(Config{Budget: 1 << 30}, func(*stream.Flow) stream.Handler { return &f.c })
	for i := range n {
		hash := mix(i)
		ask := packet.Segment{Src: many(i), Dst: server, Hash: hash, Flags: S}
		f.send(&ask)
		answer := packet.Segment{Src: server, Dst: many(i), Hash: hash, Flags: S | A, Ack: 1}
		f.send(&answer)
		ask.Seq, ask.Ack, ask.Flags = 1, 1, A
		f.send(&ask)
		ask.Payload, ask.Flags = f.payload, P|A
		answer.Seq, answer.Payload, answer.Flags = 1, f.payload, P|A
		ack := ask
		ack.Payload, ack.Flags = nil, A
		f.segs = append(f.segs, ask, answer, ack)
	}
	return f
}

func (f *traffic) send(s *packet.Segment) {
	f.now += 1000
	f.order++
	s.Time, s.Order, s.Number = f.now, f.order, f.order
	f.table.Segment(s)
}

// step sends segment number i of the endless conversation: all requests, all answers, all acknowledgements.
func (f *traffic) step(i int) {
	flows := len(f.segs) / 3
	k := i % len(f.segs)
	flow, phase := k%flows, k/flows
	s := &f.segs[3*flow : 3*flow+3 : 3*flow+3][phase]
	n := uint32(i/len(f.segs)) * uint32(len(f.payload))
	p := uint32(len(f.payload))
	switch phase {
	case 0:
		s.Seq, s.Ack = 1+n, 1+n
	case 1:
		s.Seq, s.Ack = 1+n, 1+n+p
	case 2:
		s.Seq, s.Ack = 1+n+p, 1+n+p
	}
	f.send(s)
}

func TestNoAllocation(t *testing.T) {
	f := newTraffic(100)
	i := 0
	if n := testing.AllocsPerRun(10_000, func() { f.step(i); i++ }); n != 0 {
		t.Errorf("%v allocations a segment in order", n)
	}
	if s := f.table.Stats(); s.Lost+s.Reordered+s.Waited+s.Retransmitted+s.Wild != 0 || f.c.bytes == 0 {
		t.Errorf("%+v", s)
	}

	b := newTraffic(1)
	ask, n := b.segs[0], uint32(1)
	if a := testing.AllocsPerRun(10_000, func() {
		first, second := ask, ask
		first.Seq, second.Seq = n, n+uint32(len(b.payload))
		n = second.Seq + uint32(len(b.payload))
		b.send(&second)
		b.send(&first)
	}); a != 0 {
		t.Errorf("%v allocations for a swapped pair", a)
	}
}

func BenchmarkSegment(b *testing.B) {
	for _, n := range []int{1, 10_000, 200_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := newTraffic(n)
			for i := 0; b.Loop(); i++ {
				f.step(i)
			}
		})
	}
}

func BenchmarkAck(b *testing.B) {
	for _, n := range []int{1, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := newTraffic(n)
			for i := 0; b.Loop(); i++ {
				s := &f.segs[3*(i%n)+2]
				s.Seq, s.Ack = 1, 1
				f.send(s)
			}
		})
	}
}

func BenchmarkSwapped(b *testing.B) {
	f := newTraffic(1)
	ask, n := f.segs[0], uint32(1)
	for b.Loop() {
		first, second := ask, ask
		first.Seq, second.Seq = n, n+uint32(len(f.payload))
		n = second.Seq + uint32(len(f.payload))
		f.send(&second)
		f.send(&first)
	}
}

func BenchmarkFlood(b *testing.B) {
	t := New(Config{}, nil)
	s := packet.Segment{Dst: server, Flags: S}
	for i := 0; b.Loop(); i++ {
		s.Src, s.Hash, s.Order = many(i), mix(i), uint64(i)
		t.Segment(&s)
	}
}
