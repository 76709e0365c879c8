package assembly

import (
	"cmp"
	"slices"

	"github.com/dbtap/dbtap/internal/stream"
)

// end delivers what waits on f and tells the handler, if there is one.
func (t *Table) end(f *flow, why stream.Reason) {
	t.flush(f)
	if f.handler != nil {
		f.handler.HandleClose(&f.Flow, why, f.last, t.order)
		f.handler = nil
	}
}

// entomb keeps f, which has ended, to know late packets of it.
func (t *Table) entomb(f *flow) {
	t.move(f, closed)
	if t.lists[closed].n > t.maxClosed {
		t.forget(t.lists[closed].oldest)
	}
}

// evict ends f to win back memory.
func (t *Table) evict(f *flow) {
	if f.handler != nil {
		t.stats.Evicted++
	} else {
		t.stats.HalfOpenEvicts++
	}
	t.end(f, stream.Evicted)
	t.forget(f)
}

// stalest returns the flow of kind k without a packet for longest, but not spare; nil if there is no other.
func (t *Table) stalest(k kind, spare *flow) *flow {
	l := &t.lists[k]
	for f := l.oldest; f != nil; f = l.oldest {
		if f.last == f.touched {
			if f == spare {
				return f.newer
			}
			return f
		}
		t.move(f, k) // not touched since, for touchInterval: now it is
	}
	return nil
}

// shrink wins back memory until the budget is kept: first what helps nobody, then what waits, then flows. It spares
// the flow cur.
func (t *Table) shrink(cur *flow) {
	t.drain()
	for t.used > t.budget {
		if f := t.lists[closed].oldest; f != nil {
			t.forget(f)
		} else if hd := t.holds.head; hd != nil {
			f := hd.flow
			t.settle(f, true)
			t.finish(f)
		} else if f := t.stalest(halfOpen, cur); f != nil {
			t.evict(f)
		} else if f := t.stalest(closing, cur); f != nil {
			t.evict(f)
		} else if f := t.stalest(live, cur); f != nil {
			t.evict(f)
		} else {
			return
		}
		t.drain()
	}
}

// Expire ends flows that have been idle too long at packet time now (ns since the Unix epoch) and gives up bytes that
// did not come in time. The caller calls it now and then, every few thousand packets or whenever a second of packet
// time has passed; for the same output it must do so at the same places. One call does a bounded amount of work.
func (t *Table) Expire(now int64, order uint64) {
	t.now, t.order = now, max(t.order, order)
	for range min(expireHolds, t.holds.n) {
		hd := t.holds.head
		f := hd.flow
		t.holds.remove(hd)
		t.holds.push(hd)
		t.settle(f, false)
		t.finish(f)
	}
	for k := range kinds {
		l := &t.lists[k]
		for range expireFlows {
			f := l.oldest
			if f == nil || !apart(now, f.touched, idleAfter[k]) {
				break
			}
			if apart(now, f.last, idleAfter[k]) {
				t.expire(f)
			} else {
				t.move(f, k)
			}
		}
	}
	if t.used > t.budget {
		t.shrink(nil)
	}
}

func (t *Table) expire(f *flow) {
	why := stream.Idle
	if f.kind == closing && (f.half[0].is(done) || !f.half[0].is(seen)) && (f.half[1].is(done) || !f.half[1].is(seen)) {
		why = stream.Finished // one side was captured, and it ended
	}
	if f.kind != closed {
		t.end(f, why)
	}
	t.forget(f)
}

// Close ends all flows because the source ended, in the order of their first packets. The table is empty then.
func (t *Table) Close(order uint64) {
	t.order = max(t.order, order)
	var rest []*flow
	for k := range t.lists {
		for f := t.lists[k].oldest; f != nil; f = f.newer {
			rest = append(rest, f)
		}
	}
	slices.SortFunc(rest, func(a, b *flow) int { return cmp.Compare(a.born, b.born) })
	for _, f := range rest {
		if f.kind != closed {
			t.end(f, stream.Ended)
		}
		t.forget(f)
	}
	t.drain()
}
