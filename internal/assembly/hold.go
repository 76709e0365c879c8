package assembly

import (
	"bytes"
	"slices"
	"sort"

	"github.com/dbtap/dbtap/internal/packet"
	"github.com/dbtap/dbtap/internal/stream"
)

// hold is what a flow has while bytes of it wait.
type hold struct {
	flow       *flow
	prev, next *hold // of all holds, in the order in which they were looked at
	count      int   // segments of the flow since it waits
	q          [2]queue
}

// queue is what waits in one direction: runs in the order of their numbers, which do not overlap.
type queue struct {
	head, tail *run
	n, bytes   int
	index      []*run // the same in a row, to be searched; nil until a walk was long

	// The bytes before cover should have come when the bound began. They are lost when it passes; whatever was
	// acknowledged later begins a bound of its own.
	covering bool
	alone    bool // cover is not acknowledged, only overtaken
	cover    uint32
	count    int   // hold.count when the bound began
	since    int64 // and the time

	heard int // hold.count at the last packet of this direction
}

// run is a piece of a segment that waits.
type run struct {
	prev, next *run
	seq, ack   uint32
	hasAck     bool
	cut        int    // bytes after data that were not captured
	data       []byte // own buffer
	time       int64
	packet     uint64
}

func (r *run) end() uint32 { return r.seq + uint32(len(r.data)+r.cut) }

// holdList is the list of all holds, the one not looked at for longest first.
type holdList struct {
	head, tail *hold
	n          int
}

func (l *holdList) push(hd *hold) {
	hd.prev, hd.next = l.tail, nil
	if l.tail != nil {
		l.tail.next = hd
	} else {
		l.head = hd
	}
	l.tail = hd
	l.n++
}

func (l *holdList) remove(hd *hold) {
	if hd.prev != nil {
		hd.prev.next = hd.next
	} else {
		l.head = hd.next
	}
	if hd.next != nil {
		hd.next.prev = hd.prev
	} else {
		l.tail = hd.prev
	}
	hd.prev, hd.next = nil, nil
	l.n--
}

// keep puts the bytes of s, which begin at seq, into the queue of direction d, but for those that are there.
func (t *Table) keep(f *flow, d stream.Dir, seq uint32, data []byte, cut int, s *packet.Segment) {
	if f.hold == nil {
		f.hold = t.newHold()
		f.hold.flow = f
		t.holds.push(f.hold)
	}
	q := &f.hold.q[d]
	r := q.after(seq)
	end := seq + uint32(len(data)+cut)
	for walked := 0; seq != end; {
		if len(data) == 0 {
			if walked++; walked > longWalk {
				return // a few bytes may say that they were many, again and again: what is left may be lost
			}
		}
		stop := end
		if r != nil && int32(end-r.seq) > 0 {
			stop = r.seq
		}
		if n := int(int32(stop - seq)); n > 0 {
			k := min(n, len(data))
			piece := t.newRun(k)
			piece.seq, piece.ack, piece.hasAck = seq, s.Ack, s.Flags&packet.ACK != 0
			piece.time, piece.packet = s.Time, s.Number
			piece.data = append(piece.data, data[:k]...)
			piece.cut = n - k
			data, seq = data[k:], stop
			q.insert(piece, r)
		}
		if r == nil || seq == end {
			return
		}
		// Now seq is within r: the first copy wins.
		n := int(min(int32(end-seq), int32(r.end()-seq)))
		have := r.data[min(len(r.data), int(seq-r.seq)):]
		if m := min(n, len(data), len(have)); !bytes.Equal(data[:m], have[:m]) {
			t.stats.Conflicting += differing(data[:m], have[:m])
		}
		t.stats.Retransmitted += uint64(n)
		data, seq, r = data[min(n, len(data)):], seq+uint32(n), r.next
	}
}

func differing(a, b []byte) (n uint64) {
	for i := range a {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}

// after returns the first run that ends after seq.
func (q *queue) after(seq uint32) *run {
	if q.tail == nil || int32(seq-q.tail.end()) >= 0 {
		return nil
	}
	if int32(seq-q.head.end()) < 0 {
		return q.head
	}
	r := q.tail
	for range longWalk {
		if r.prev == nil || int32(seq-r.prev.end()) >= 0 {
			return r
		}
		r = r.prev
	}
	if q.index == nil {
		q.index = make([]*run, 0, 2*q.n)
		for r := q.head; r != nil; r = r.next {
			q.index = append(q.index, r)
		}
	}
	return q.index[q.find(seq)]
}

// longWalk is how many runs are walked from the newest one before they are searched: segments out of order come close to
// their place. It is also how many runs the cut end of a segment may reach over.
const longWalk = 32

// find is the place in the index of the first run that ends after seq.
func (q *queue) find(seq uint32) int {
	return sort.Search(len(q.index), func(i int) bool { return int32(seq-q.index[i].end()) < 0 })
}

// insert puts r before at, or last if at is nil.
func (q *queue) insert(r, at *run) {
	r.next = at
	if at != nil {
		r.prev, at.prev = at.prev, r
	} else {
		r.prev, q.tail = q.tail, r
	}
	if r.prev != nil {
		r.prev.next = r
	} else {
		q.head = r
	}
	if q.index != nil {
		q.index = slices.Insert(q.index, q.find(r.seq), r)
	}
	q.n++
	q.bytes += cap(r.data)
}

func (q *queue) pop() *run {
	r := q.head
	q.head = r.next
	if q.head != nil {
		q.head.prev = nil
	} else {
		q.tail, q.index = nil, nil
	}
	if q.index != nil {
		q.index = q.index[1:]
	}
	r.next = nil
	q.n--
	q.bytes -= cap(r.data)
	return r
}

// settle delivers what no longer has to wait; with force, everything.
func (t *Table) settle(f *flow, force bool) {
	for f.hold != nil {
		for t.release(f, stream.Forward) || t.release(f, stream.Backward) {
		}
		if f.hold.q[0].head == nil && f.hold.q[1].head == nil {
			t.holds.remove(f.hold)
			t.freeHold(f.hold)
			f.hold = nil
			break
		}
		if !t.giveUp(f, stream.Forward, force) && !t.giveUp(f, stream.Backward, force) {
			break
		}
	}
}

// release delivers the runs of direction d that are next and wait for nothing.
func (t *Table) release(f *flow, d stream.Dir) (progress bool) {
	h, o, q := &f.half[d], &f.half[d^1], &f.hold.q[d]
	for r := q.head; r != nil; r = q.head {
		if r.seq != h.next || r.hasAck && o.behind(r.ack) {
			break
		}
		t.releaseHead(f, d)
		progress = true
	}
	if h.finish() {
		progress = true
	}
	if h.is(done) {
		for q.head != nil { // what lies beyond the end
			t.freeRun(q.pop())
		}
	}
	return progress
}

// releaseHead delivers the first run of direction d, which is next.
func (t *Table) releaseHead(f *flow, d stream.Dir) {
	r := f.hold.q[d].pop()
	t.deliver(f, d, r.data, r.cut, r.time, r.packet)
	t.freeRun(r)
}

// giveUp declares the first hole of direction d lost if its bound has passed, and reports whether it did something.
// A hole is what lies before the first run of d, or before what the first run of the other direction acknowledges.
func (t *Table) giveUp(f *flow, d stream.Dir, force bool) bool {
	hd := f.hold
	h, o, q, other := &f.half[d], &f.half[d^1], &hd.q[d], &hd.q[d^1]
	if !h.is(known) {
		return false
	}
	end, hole := h.next, false // the hole is from h.next to end
	at, num := f.last, f.packet
	if r := q.head; r != nil && r.seq != h.next {
		end, hole = r.seq, true
		at, num = r.time, r.packet
	}
	waiting := false
	if r := other.head; r != nil && r.seq == o.next && r.hasAck && h.behind(r.ack) {
		if q.head != nil && q.head.seq == h.next {
			// Both directions are next and wait for each other, which no honest pair of ends does.
			t.releaseHead(f, d)
			return true
		}
		waiting = true
		if int32(r.ack-h.acked) > 0 { // a SYN-ACK made anew took the acknowledgement back
			h.acked = r.ack
		}
		if !hole || int32(r.ack-end) < 0 {
			end, hole = r.ack, true
			at, num = r.time, r.packet
		}
	}
	if !hole {
		q.covering = false
		return false
	}
	over := q.full() || waiting && other.full()
	if !force && !over {
		if !q.covering || int32(q.cover-h.next) <= 0 || q.alone && h.acked != h.next {
			if q.alone = h.acked == h.next; q.alone {
				q.cover = q.tail.end()
			} else {
				q.cover = h.acked
			}
			q.covering, q.count, q.since = true, hd.count, t.now
			return false
		}
		segments, wait := lossSegments, lossTime
		if q.alone {
			segments, wait = aloneSegments, aloneTime
		}
		if hd.count-q.count < segments && !apart(t.now, q.since, wait) {
			return false
		}
		if q.alone && other.heard > q.count {
			q.covering = false // there would be acknowledgements: the sender will send it again
			return false
		}
		if int32(end-q.cover) > 0 {
			end = q.cover
		}
	}
	if waiting && q.head == nil && q.heard <= q.count && !force {
		h.flags |= silent
	}
	if h.is(finSeen) && int32(end-h.fin) > 0 {
		end = h.fin
	}
	if n := int(int32(end - h.next)); n > 0 {
		t.lose(f, d, n, at, num)
	} else {
		h.flags |= done // nothing comes after the FIN
	}
	return true
}

func (q *queue) full() bool { return q.n > maxHeldSegments || q.bytes > maxHeldBytes }

// apart reports whether two times differ by more than limit, in either direction: a capture's clock may go back.
func apart(a, b, limit int64) bool { return a-b > limit || b-a > limit }

// flush delivers all that waits, and says what is known to be missing at the end of each direction.
func (t *Table) flush(f *flow) {
	t.settle(f, true)
	for d := range f.half {
		h := &f.half[d]
		if h.flags&(known|seen|done) != known|seen {
			continue
		}
		end := h.acked
		if h.is(finSeen) {
			end = h.fin
		} else if end-h.next == 1 {
			continue // more likely a FIN that was not captured
		}
		if n := int(int32(end - h.next)); n > 0 && n <= plausible {
			t.lose(f, stream.Dir(d), n, f.last, f.packet)
		}
	}
}
