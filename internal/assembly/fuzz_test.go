package assembly

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/dbtap/dbtap/internal/packet"
	"github.com/dbtap/dbtap/internal/stream"
)

var payload = func() (b [1 << 16]byte) {
	for i := range b {
		b[i] = byte(i)
	}
	return b
}()

// script makes segments of a few flows from bytes: 12 a segment.
func script(b []byte, f func(s *packet.Segment, expire bool)) {
	s := packet.Segment{Time: 1e18}
	for len(b) >= 12 {
		s.Number++
		s.Order++
		who := b[0]
		s.Src = netip.AddrPortFrom(client.Addr(), uint16(who>>1&7))
		s.Dst = server
		if who&8 != 0 {
			s.Src = netip.AddrPortFrom(many(int(b[3])).Addr(), uint16(who>>1&7))
		}
		s.Hash = uint64(who >> 1 & 3) // some collide
		if who&1 != 0 {
			s.Src, s.Dst = s.Dst, s.Src
		}
		s.Flags = b[1]
		s.Seq = number(b[2], b[3:5])
		s.Ack = number(b[5], b[6:8])
		n := int(binary.LittleEndian.Uint16(b[8:]))
		if b[10] != 0xee {
			n &= 0xff
		}
		s.Payload = payload[:n]
		s.Missing = 0
		switch {
		case b[10] == 0xff:
			s.Missing = int(int8(b[9])) << (b[11] & 31)
		case b[10] >= 0xf0:
			s.Missing = int(b[9])
		}
		s.Time += 1e5
		switch t := int64(b[9]); {
		case b[11] == 0:
			s.Time += t * 1e12
		case b[11] < 8:
			s.Time += t * 1e9
		case b[11] < 16:
			s.Time -= t * 1e9
		}
		if who&0xe0 == 0xe0 {
			s.Order -= uint64(who & 15) // a careless caller
		}
		f(&s, b[11]&63 == 0)
		b = b[12:]
	}
}

// number makes most sequence numbers lie close together, near the wrap or far away.
func number(where byte, b []byte) uint32 {
	n := uint32(binary.LittleEndian.Uint16(b))
	switch {
	case where < 200:
		return n&0x3ff - 512
	case where < 240:
		return n << 4
	default:
		return n<<16 | uint32(where)
	}
}

// watcher holds a table to what it promises, whatever comes in.
type watcher struct {
	t     *testing.T
	table *Table
	order uint64
	flow  *stream.Flow
	end   bool
	kept  int
}

func (w *watcher) HandleChunk(f *stream.Flow, c *stream.Chunk) {
	if w.end || f != w.flow {
		w.t.Fatal("chunk of another flow or after the close")
	}
	if c.Order < w.order || (len(c.Data) > 0) == (c.Missing > 0) || c.Missing < 0 || c.Missing > maxGap || c.Dir > 1 {
		w.t.Fatalf("%+v after order %d", c, w.order)
	}
	w.order = c.Order
	if len(c.Data)%5 == 0 {
		w.table.Charge(100)
		w.kept += 100
	}
}

func (w *watcher) HandleClose(f *stream.Flow, why stream.Reason, at int64, order uint64) {
	if w.end || f != w.flow || order < w.order || why > stream.Ended {
		w.t.Fatal("bad close")
	}
	w.end = true
	w.table.Charge(-w.kept)
}

func (t *Table) verify(f func(string, ...any)) {
	flows := 0
	for k := range t.lists {
		n := 0
		for p := t.lists[k].oldest; p != nil; p = p.newer {
			n++
			if p.kind != kind(k) {
				f("flow of kind %d in list %d", p.kind, k)
			}
			for d := range p.half {
				h := &p.half[d]
				if h.is(known) && int32(h.acked-h.next) < 0 {
					f("acked %d before next %d", h.acked, h.next)
				}
				if p.hold == nil {
					continue
				}
				q, n := &p.hold.q[d], 0
				if q.head != nil && int32(q.head.seq-h.next) < 0 {
					f("held bytes were passed")
				}
				for r := q.head; r != nil; r = r.next {
					n++
					if r.next != nil && (int32(r.next.seq-r.end()) < 0 || r.next.prev != r) || r.next == nil && q.tail != r {
						f("queue out of order")
					}
				}
				if n != q.n || q.full() {
					f("queue of %d says %d with %d bytes", n, q.n, q.bytes)
				}
			}
		}
		if n != t.lists[k].n {
			f("list %d has %d, not %d", k, n, t.lists[k].n)
		}
		flows += n
	}
	for _, b := range t.buckets {
		for ; b != nil; b = b.chain {
			flows--
		}
	}
	if flows != 0 {
		f("%d flows cannot be found", flows)
	}
}

func FuzzTable(f *testing.F) {
	add := func(flags ...byte) {
		var b []byte
		for i, x := range flags {
			b = append(b, byte(i&1), x, 0, byte(i*7), 2, 0, byte(i*5), 2, byte(i), 0, 0, 255)
		}
		f.Add(b)
	}
	add(S, S|A, A, P|A, P|A, A, F|A, F|A, A)
	add(P|A, P|A, A, S, R|A, P|A, S|A, F|A)
	f.Fuzz(hostile)
}

// Random bytes go deeper than the fuzzer does in the time of a test.
func TestHostile(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 4))
		b := make([]byte, 12*r.IntN(5000))
		for i := range b {
			b[i] = byte(r.Uint32())
			switch {
			case i%12 == 1 && r.IntN(8) != 0:
				b[i] = A // flags that end nothing
			case i%12 == 0 && seed%2 == 0:
				b[i] &= 0x33 // few flows
			case i%12 == 11 && r.IntN(32) != 0:
				b[i] |= 16 // time goes on
			case i%12 == 2 || i%12 == 5:
				b[i] &= byte(seed) | 0xF // near or far
			}
		}
		hostile(t, b)
	}
}

func hostile(t *testing.T, b []byte) {
	var all []*watcher
	var table *Table
	table = New(Config{Budget: MinBudget}, func(f *stream.Flow) stream.Handler {
		w := &watcher{t: t, table: table, flow: f}
		all = append(all, w)
		return w
	})
	flows := 0
	script(b, func(s *packet.Segment, expire bool) {
		table.Segment(s)
		if expire {
			table.Expire(s.Time, s.Order)
		}
		if used := table.Stats().Used; used > MinBudget && table.Stats().Live > 1 {
			t.Fatalf("%d bytes used for %d flows", used, table.Stats().Live)
		}
		if flows++; flows%64 == 0 {
			table.verify(t.Fatalf)
		}
	})
	table.verify(t.Fatalf)
	table.Close(0)
	for _, w := range all {
		if !w.end {
			t.Fatal("not closed")
		}
	}
	if s := table.Stats(); s.Used != bucketCost*len(table.buckets) || s.Live != 0 {
		t.Fatalf("%+v", s)
	}
}
