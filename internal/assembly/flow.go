package assembly

import (
	"unsafe"

	"github.com/dbtap/dbtap/internal/packet"
	"github.com/dbtap/dbtap/internal/stream"
)

// flow is one connection: what a lookup reads comes first.
type flow struct {
	hash  uint64
	chain *flow // next in the bucket, or in the pool
	stream.Flow
	half    [2]half        // by the direction in which the bytes travel
	hold    *hold          // nil if nothing waits
	last    int64          // time of the last packet
	touched int64          // time when it was put at the young end of its list
	packet  uint64         // number of the last packet
	handler stream.Handler // nil until the first chunk
	synAt   int64          // time of the last SYN before the SYN-ACK
	born    uint64         // flows are numbered as they begin
	newer   *flow          // of the list
	older   *flow
	kind    kind
}

// flowCost is what a flow takes of the budget: itself, as the allocator rounds it, and its place among the free slots.
const flowCost = (int(unsafe.Sizeof(flow{}))+15)&^15 + 4

// half is one direction of a flow. Sequence numbers are compared as differences, so they may wrap.
type half struct {
	next  uint32 // of the next byte to deliver; after the end, one more than that of the FIN
	acked uint32 // highest acknowledgement of the other side; never below next once that is known
	isn   uint32 // of the SYN
	fin   uint32 // of the FIN
	wild  uint32 // end of the last wild segment
	wilds uint8  // wild segments that followed each other
	flags halfFlags
}

type halfFlags uint8

const (
	known     halfFlags = 1 << iota // next is
	ackKnown                        // acked is
	synSeen                         // isn is
	finSeen                         // fin is
	seen                            // a packet of this direction was seen
	silent                          // it no longer is: it was waited for in vain
	done                            // everything up to the FIN was delivered
	delivered                       // bytes or gaps were
)

func (h *half) is(f halfFlags) bool { return h.flags&f != 0 }

// start begins the direction at seq. An acknowledgement that came before stays, if it may be one of these bytes.
func (h *half) start(seq uint32) {
	h.next = seq
	h.flags |= known
	if !h.is(ackKnown) || h.acked-seq > plausible {
		h.acked = seq
	}
}

func (h *half) advance(n int) {
	h.next += uint32(n)
	h.flags |= delivered
	if int32(h.acked-h.next) < 0 {
		h.acked = h.next
	}
}

// behind reports whether bytes before ack are still to be delivered and worth waiting for.
func (h *half) behind(ack uint32) bool {
	return h.flags&(seen|silent|done) == seen && h.next != ack && ack-h.next <= plausible
}

// finish ends the direction if its FIN is next.
func (h *half) finish() bool {
	if h.flags&(finSeen|done) != finSeen || h.next != h.fin {
		return false
	}
	h.next++
	h.flags |= done
	if int32(h.acked-h.next) < 0 {
		h.acked = h.next
	}
	return true
}

// kind is the list that a flow is in.
type kind uint8

const (
	halfOpen kind = iota // the handshake is not complete
	live
	closing // one direction has ended
	closed  // a tombstone
	kinds
)

var idleAfter = [kinds]int64{halfIdle, liveIdle, closingIdle, closedIdle}

// list orders flows by when they were touched last.
type list struct {
	oldest, newest *flow
	n              int
}

func (l *list) push(f *flow) {
	f.older, f.newer = l.newest, nil
	if l.newest != nil {
		l.newest.newer = f
	} else {
		l.oldest = f
	}
	l.newest = f
	l.n++
}

func (l *list) remove(f *flow) {
	if f.older != nil {
		f.older.newer = f.newer
	} else {
		l.oldest = f.newer
	}
	if f.newer != nil {
		f.newer.older = f.older
	} else {
		l.newest = f.older
	}
	f.older, f.newer = nil, nil
	l.n--
}

// move puts f at the young end of the list of kind k.
func (t *Table) move(f *flow, k kind) {
	t.lists[f.kind].remove(f)
	f.kind, f.touched = k, f.last
	t.lists[k].push(f)
}

const (
	minBuckets = 64
	bucketCost = 8
)

// rehash makes n buckets, a power of two, and puts the flows into them.
func (t *Table) rehash(n int) {
	t.used += bucketCost * (n - len(t.buckets))
	old := t.buckets
	t.buckets = make([]*flow, n)
	for _, f := range old {
		for f != nil {
			next := f.chain
			b := &t.buckets[f.hash&uint64(n-1)]
			f.chain, *b = *b, f
			f = next
		}
	}
}

// find returns the flow of s and the direction in which s travels.
func (t *Table) find(s *packet.Segment) (*flow, stream.Dir) {
	for f := t.buckets[s.Hash&uint64(len(t.buckets)-1)]; f != nil; f = f.chain {
		if f.hash != s.Hash {
			continue
		}
		if f.A == s.Src && f.B == s.Dst {
			return f, stream.Forward
		}
		if f.A == s.Dst && f.B == s.Src {
			return f, stream.Backward
		}
	}
	return nil, 0
}

// begin makes the flow of s, which nobody else has, and puts it into the list of kind k.
func (t *Table) begin(s *packet.Segment, d stream.Dir, k kind) *flow {
	n := 0
	for i := range t.lists {
		n += t.lists[i].n
	}
	if n >= len(t.buckets) {
		t.rehash(2 * len(t.buckets))
	}
	if k == halfOpen && t.lists[halfOpen].n >= t.maxHalf {
		t.evict(t.stalest(halfOpen, nil))
	}
	f := t.newFlow()
	f.hash, f.kind, f.last, f.touched, f.packet = s.Hash, k, s.Time, s.Time, s.Number
	f.A, f.B, f.Start = s.Src, s.Dst, s.Time
	if d == stream.Backward {
		f.A, f.B = f.B, f.A
	}
	if last := len(t.slots) - 1; last >= 0 {
		f.Slot, t.slots = t.slots[last], t.slots[:last]
	} else {
		f.Slot = t.next
		t.next++
	}
	t.born++
	f.born = t.born
	b := &t.buckets[f.hash&uint64(len(t.buckets)-1)]
	f.chain, *b = *b, f
	t.lists[k].push(f)
	t.stats.Flows++
	if t.opened != nil {
		t.opened(f.Slot, s.Number, t.order)
	}
	return f
}

// forget takes f out of the table. Nothing of it is held any more, and its handler has been told.
func (t *Table) forget(f *flow) {
	t.lists[f.kind].remove(f)
	p := &t.buckets[f.hash&uint64(len(t.buckets)-1)]
	for *p != f {
		p = &(*p).chain
	}
	*p = f.chain
	t.freed, t.freedAt = append(t.freed, f.Slot), t.order
	t.freeFlow(f)
}
