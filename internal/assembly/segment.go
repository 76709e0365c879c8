package assembly

import (
	"github.com/dbtap/dbtap/internal/packet"
	"github.com/dbtap/dbtap/internal/stream"
)

// Segment takes the next segment of the capture. s and its payload are borrowed. s.Order should not fall; where it
// does, the order of chunks stays where it was.
func (t *Table) Segment(s *packet.Segment) {
	t.stats.Segments++
	t.now, t.order = s.Time, max(t.order, s.Order)
	if len(t.freed) > 0 && t.order > t.freedAt {
		t.slots, t.freed = append(t.slots, t.freed...), t.freed[:0]
	}
	f, d := t.find(s)
	if f != nil {
		if f.kind == closed {
			if !revives(f, d, s) {
				t.stats.Stray++
				return
			}
			t.forget(f)
			f = nil
		} else if s.Flags&(packet.SYN|packet.RST) == packet.SYN && !t.syn(f, d, s) {
			t.replace(f)
			f = nil
		}
	}
	if f == nil {
		if f, d = t.first(s); f == nil {
			t.stats.Stray++
			return
		}
	}
	t.take(f, d, s)
	if t.used > t.budget {
		t.shrink(f)
	}
	t.stats.Peak = max(t.stats.Peak, t.used)
}

// length returns the number of payload bytes that were on the wire, or more than maxSegment.
func length(s *packet.Segment) int {
	return len(s.Payload) + max(0, min(s.Missing, maxSegment+1))
}

// probe reports whether s may be a keep-alive or window probe: one byte that nobody pushes.
func probe(s *packet.Segment) bool {
	return s.Flags&(packet.PSH|packet.FIN) == 0 && length(s) == 1
}

// first begins the flow of s if s is worth one, and says in which direction s travels.
func (t *Table) first(s *packet.Segment) (*flow, stream.Dir) {
	n := length(s)
	switch {
	case s.Flags&packet.RST != 0 || n > maxSegment:
		return nil, 0
	case s.Flags&(packet.SYN|packet.ACK) == packet.SYN|packet.ACK:
		f := t.begin(s, stream.Backward, halfOpen)
		f.half[stream.Forward].start(s.Ack) // the SYN was not seen, but its number is known
		t.syn(f, stream.Backward, s)
		return f, stream.Backward
	case s.Flags&packet.SYN != 0:
		f := t.begin(s, stream.Forward, halfOpen)
		t.syn(f, stream.Forward, s)
		return f, stream.Forward
	case n == 0 || probe(s):
		return nil, 0
	}
	f := t.begin(s, stream.Forward, live)
	f.Midstream = true
	return f, stream.Forward
}

// revives reports whether a segment on the addresses of a closed flow begins a new one. Late packets do not.
func revives(f *flow, d stream.Dir, s *packet.Segment) bool {
	h := &f.half[d]
	near := func(seq uint32) bool { return h.next-seq+plausible <= 2*plausible }
	switch {
	case s.Flags&packet.RST != 0:
		return false
	case s.Flags&packet.SYN != 0 && h.is(synSeen):
		return h.isn != s.Seq || apart(s.Time, f.last, synDuplicate)
	case s.Flags&(packet.SYN|packet.ACK) == packet.SYN:
		return true
	case s.Flags&packet.SYN != 0:
		return h.is(known) && !near(s.Seq)
	}
	return h.is(known) && !near(s.Seq) && length(s) > 0 && !probe(s)
}

// syn takes a SYN or SYN-ACK on an open flow, and reports whether it belongs to it.
func (t *Table) syn(f *flow, d stream.Dir, s *packet.Segment) bool {
	h, o := &f.half[d], &f.half[d^1]
	first := s.Seq + 1 // number of the first byte
	ack := s.Flags&packet.ACK != 0
	switch {
	case h.is(synSeen) && h.isn == s.Seq:
		// sent again
	case h.is(synSeen):
		// A SYN-ACK may be made anew with another number (SYN cookies) as long as nothing came of the first.
		if !ack || h.is(delivered|finSeen) || f.hold != nil || !o.is(synSeen) || s.Ack-o.isn-1 > lateBytes {
			return false
		}
		h.start(first)
	case !h.is(seen):
		switch {
		case h.is(known): // from an acknowledgement, which may cover data on the SYN
			if h.next-first > lateBytes {
				return false
			}
		case f.Midstream: // only a SYN-ACK that was overtaken
			if !ack || apart(s.Time, f.Start, lateTime) || o.next-s.Ack > lateBytes {
				return false
			}
		}
		h.start(first)
	default: // seen from the middle: only one that was overtaken
		if apart(s.Time, f.Start, lateTime) || h.next-first > lateBytes {
			return false
		}
	}
	h.isn = s.Seq
	h.flags |= synSeen
	if !ack && !o.is(synSeen) {
		f.synAt = s.Time
	}
	return true
}

// take puts s, which travels in direction d of f, to use.
func (t *Table) take(f *flow, d stream.Dir, s *packet.Segment) {
	h, o := &f.half[d], &f.half[d^1]
	f.last, f.packet = s.Time, s.Number
	if apart(s.Time, f.touched, touchInterval) {
		t.move(f, f.kind)
	}
	if s.Flags&packet.RST != 0 {
		t.reset(f, d, s)
		return
	}
	seq, n := s.Seq, length(s)
	if s.Flags&packet.SYN != 0 {
		seq++
	}
	if n > maxSegment {
		t.stats.Wild++
		return
	}
	if !h.is(known) {
		begin := seq
		if n == 0 && h.is(ackKnown) && h.acked-seq <= plausible {
			begin = h.acked // a keep-alive has the number of the byte before
		}
		h.start(begin)
	}
	if h.next-seq+plausible > 2*plausible {
		if f, d = t.wild(f, d, seq, n, s); f == nil {
			return
		}
		h, o = &f.half[d], &f.half[d^1]
		if !h.is(known) {
			h.start(seq)
		}
	}
	h.flags = h.flags&^silent | seen
	if s.Flags&packet.ACK != 0 {
		t.acknowledge(f, d, s)
	}
	if n > 0 {
		h.wilds = 0
		if seq == h.next && f.hold == nil && !h.is(finSeen) && (s.Flags&packet.ACK == 0 || !o.behind(s.Ack)) {
			t.deliver(f, d, s.Payload, n-len(s.Payload), s.Time, s.Number)
		} else {
			t.data(f, d, seq, n, s)
		}
	}
	if s.Flags&(packet.FIN|packet.SYN) == packet.FIN {
		t.fin(f, h, seq+uint32(n), d)
	}
	if f.hold != nil {
		f.hold.count++
		f.hold.q[d].heard = f.hold.count
		t.settle(f, false)
	}
	if f.kind == closing {
		t.finish(f)
	}
}

// acknowledge notes what s says about the other direction.
func (t *Table) acknowledge(f *flow, d stream.Dir, s *packet.Segment) {
	h, o := &f.half[d], &f.half[d^1]
	if s.Flags&packet.SYN == 0 && d == stream.Forward && h.is(synSeen) && !h.is(delivered) {
		if f.synAt != 0 && o.is(synSeen) && s.Ack == o.isn+1 {
			f.RTT = max(0, s.Time-f.synAt)
			f.synAt = 0
			if f.kind == halfOpen {
				t.move(f, live)
			}
		} else if !o.is(known) && s.Seq == h.isn+1 {
			o.start(s.Ack) // the SYN-ACK was not seen: this tells its number
		}
	}
	if o.flags&(known|ackKnown) == 0 {
		o.acked = s.Ack
		o.flags |= ackKnown
	} else if ahead := s.Ack - o.acked; ahead != 0 && ahead <= plausible {
		o.acked = s.Ack
		o.flags |= ackKnown
	}
}

// data takes n bytes of payload, of which the last may not have been captured, that cannot just be passed on.
func (t *Table) data(f *flow, d stream.Dir, seq uint32, n int, s *packet.Segment) {
	h, o := &f.half[d], &f.half[d^1]
	data := s.Payload
	if old := int(int32(h.next - seq)); old > 0 {
		old = min(old, n)
		t.stats.Retransmitted += uint64(old)
		data = data[min(old, len(data)):]
		seq += uint32(old)
		n -= old
	}
	if h.is(finSeen) {
		n = max(0, min(n, int(int32(h.fin-seq))))
		data = data[:min(n, len(data))]
	}
	if n == 0 {
		return
	}
	early, waits := seq != h.next, s.Flags&packet.ACK != 0 && o.behind(s.Ack)
	if !early && !waits {
		var held *run
		if f.hold != nil {
			held = f.hold.q[d].head
		}
		if held == nil || int32(held.seq-seq) >= int32(n) {
			t.deliver(f, d, data, n-len(data), s.Time, s.Number)
			return
		}
	}
	if early {
		t.stats.Reordered++
	} else if waits {
		t.stats.Waited++
	}
	t.keep(f, d, seq, data, n-len(data), s)
}

// fin takes a FIN with number seq.
func (t *Table) fin(f *flow, h *half, seq uint32, d stream.Dir) {
	if h.is(finSeen) || int32(seq-h.next) < 0 {
		return
	}
	if f.hold != nil && f.hold.q[d].tail != nil && int32(f.hold.q[d].tail.end()-seq) > 0 {
		t.stats.Wild++ // there is data after it
		return
	}
	h.fin = seq
	h.flags |= finSeen
	h.finish()
	if f.kind != closing {
		t.move(f, closing)
	}
}

// finish closes f if both directions have ended.
func (t *Table) finish(f *flow) {
	f.half[0].finish()
	f.half[1].finish()
	if f.half[0].is(done) && f.half[1].is(done) && f.hold == nil {
		t.end(f, stream.Finished)
		t.entomb(f)
	}
}

// reset takes an RST. It counts if its number is about right.
func (t *Table) reset(f *flow, d stream.Dir, s *packet.Segment) {
	h, o := &f.half[d], &f.half[d^1]
	near := true
	if h.is(known) {
		near = h.next-s.Seq+resetWindow <= 2*resetWindow
	} else if s.Flags&packet.ACK != 0 && o.is(known) {
		near = o.next-s.Ack+resetWindow <= 2*resetWindow
	}
	switch {
	case !near:
		t.stats.Wild++
	case f.kind == halfOpen && f.handler == nil && f.hold == nil:
		t.forget(f) // refused: nothing late can come
	default:
		t.end(f, stream.Reset)
		t.entomb(f)
	}
}

// wild takes a segment that is far from where its direction is. It returns the flow and direction to use it in, or
// nil if it is not believed.
func (t *Table) wild(f *flow, d stream.Dir, seq uint32, n int, s *packet.Segment) (*flow, stream.Dir) {
	h := &f.half[d]
	t.stats.Wild++
	if n == 0 {
		return nil, 0
	}
	if h.wilds == 0 || seq-h.wild > plausible {
		h.wilds = 0
	}
	h.wilds++
	h.wild = seq + uint32(n)
	if h.wilds < wildSegments {
		return nil, 0
	}
	h.wilds = 0
	if seq-h.next <= maxGap && !h.is(finSeen) {
		t.settle(f, true)
		t.lose(f, d, int(seq-h.next), s.Time, s.Number)
		return f, d
	}
	t.replace(f)
	return t.first(s)
}

// replace ends f because another connection has taken its place.
func (t *Table) replace(f *flow) {
	t.stats.Reused++
	t.end(f, stream.Reused)
	t.forget(f)
}

// deliver hands on bytes of direction d and moves past them: data, then cut bytes that were not captured.
func (t *Table) deliver(f *flow, d stream.Dir, data []byte, cut int, at int64, number uint64) {
	f.half[d].advance(len(data) + cut)
	if len(data) > 0 {
		t.stats.Delivered += uint64(len(data))
		t.chunk = stream.Chunk{Dir: d, Data: data, Time: at, Packet: number, Order: t.order}
		t.lend(f)
	}
	if cut > 0 {
		t.stats.Cut += uint64(cut)
		t.chunk = stream.Chunk{Dir: d, Missing: cut, Cut: true, Time: at, Packet: number, Order: t.order}
		t.lend(f)
	}
}

// lose says that the next n bytes of direction d will not come. at and number are of the packet that showed it.
func (t *Table) lose(f *flow, d stream.Dir, n int, at int64, number uint64) {
	f.half[d].advance(n)
	t.stats.Lost += uint64(n)
	t.chunk = stream.Chunk{Dir: d, Missing: n, Time: at, Packet: number, Order: t.order}
	t.lend(f)
}

// lend calls the handler of f with t.chunk.
func (t *Table) lend(f *flow) {
	if f.handler == nil {
		t.stats.Streams++
		if f.kind == halfOpen {
			t.move(f, live)
		}
		f.handler = t.open(&f.Flow)
	}
	f.handler.HandleChunk(&f.Flow, &t.chunk)
	poisonChunk(&t.chunk)
	t.chunk.Data = nil
}
