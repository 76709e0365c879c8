package l7

import (
	"slices"

	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/stream"
	"github.com/dbtap/dbtap/internal/wire"
)

// pair gives a message its place in an exchange, and finishes the exchange it ends.
func (c *Conn) pair(d stream.Dir, s *side, m *Message, b []byte, size int, runs []wire.Run, context []byte, ch *stream.Chunk) {
	c.growOld(ch.Order)
	dir := c.dir(d)
	if dir == ToServer && c.proto.Pairing == InOrder && (m.Role == Request || m.Role == Part && !m.Fence) {
		if c.quiet {
			c.hazy, c.quiet = 0, false
		}
		c.forsake(ch.Order)
	}
	for m.anew && len(c.owed) == 0 && len(c.open) > 0 && c.open[0].x.heard {
		c.quit(ch.Order)
	}
	if m.Role == Response && c.settle(m) || m.Fence && m.Role == Response && !c.reach(ch.Order) {
		return
	}
	at := c.find(m)
	var x *exchange
	if at >= 0 {
		x = c.open[at].x
	} else {
		if m.Fence && m.Role == Part {
			c.fences++ // what it stands behind is answered
			return
		}
		if x = c.unheard(m); x == nil {
			return
		}
		if m.Role != OneWay && m.Role != Push {
			at = len(c.open)
			c.piped = c.piped || at > 0 && dir == ToServer
			c.open = append(c.open, waiting{m.ID, x})
			if c.seq++; x.orphan {
				c.orphans = append(c.orphans, x)
			}
			x.seq = c.seq
		}
	}
	if c.e.cfg.Keep {
		c.e.store(x, dir, s, m, b, size, runs, context)
	}
	if dir == ToServer && m.Role != OneWay || m.Role == Push {
		x.rec.Doubts |= c.hazy
	}
	m.tell(&x.rec, c.proto, m.Role == Request && x.partly)
	if m.normal != "" && c.e.want(record.Fingerprint) && !x.rec.Has(record.Fingerprint) {
		x.rec.Set(record.Fingerprint, fingerprint(m.normal))
	}
	if m.Role == Response || m.Role == Push {
		c.answer(x, at, s, m, size, ch)
	} else {
		c.request(x, at, dir, s, m, size, ch)
	}
	more := c.e.weigh(x)
	if at >= 0 {
		c.weight += more
		c.note(x, m.Role == Response && m.Doubts&record.Loss != 0)
	}
	switch {
	case m.Role == OneWay, m.Role == Push && x.rec.Status == record.Unknown:
		x.rec.Status = record.OK
	case m.Role == Push, m.Role == Response && c.over(x, m), m.Role == Request && x.orphan:
		if x.orphan && m.Role == Response {
			c.abandon(x) // no request can come for it any more
		} else if x.orphan {
			x.orphan = false
			c.orphans = slices.DeleteFunc(c.orphans, func(o *exchange) bool { return o == x })
		}
	default:
		for len(c.open) > maxOpen || len(c.open) > 1 && c.waits() > c.e.share() {
			c.evict(0, ch.Order)
		}
		return
	}
	if m.Role == Response {
		c.stray = x.orphan && c.fenced
		at = c.passOver(at, ch.Order)
	}
	c.finish(at, x, ch.Order)
}

// over tells whether m is the last message of the answer to x.
func (c *Conn) over(x *exchange, m *Message) bool {
	switch {
	case m.Fence:
		if x.fences > 0 {
			x.fences--
		}
		return true
	case m.More:
		return false
	case x.fences > 0:
		x.done = true
		return false
	}
	return !x.orphan || c.proto.Pairing == InOrder
}

// owed is an answer to a request that was given up, in order: it is not another's.
type owed struct {
	left   uint64 // what the request left for it
	fences int    // that it ends with; without one, with a message that no other follows
}

// owe notes that the answer to x will still come.
func (c *Conn) owe(x *exchange) {
	if c.proto.Pairing != InOrder || x.orphan || x.done && x.fences == 0 {
		return
	}
	if len(c.owed) == maxOwed { // whose an answer is, is not known any more
		c.owed = nil
		c.doubt(record.Loss, ToClient)
		c.hazy |= record.Loss
		return
	}
	c.owed = append(c.owed, owed{x.left, x.fences})
	x.fences = 0
}

// settle tells whether m is of an answer that is owed.
func (c *Conn) settle(m *Message) bool {
	if len(c.owed) == 0 || m.Fence && c.fences > 0 {
		return false
	}
	if !m.Fence {
		if !m.More && c.owed[0].fences == 0 {
			c.owed = c.owed[1:]
		}
		return true
	}
	at := slices.IndexFunc(c.owed, func(o owed) bool { return o.fences > 0 })
	if at < 0 {
		c.owed = nil // the server is behind them
		return false
	}
	if c.owed[at].fences--; c.owed[at].fences == 0 {
		at++
	}
	c.owed = c.owed[at:]
	return true
}

// reach makes the exchange that the first fence stands behind the first of all, and tells whether it is open. Those before it
// are over: what the server did not answer it passed over.
func (c *Conn) reach(order uint64) bool {
	if c.fences > 0 {
		c.fences--
		return len(c.open) > 0 && c.open[0].x.orphan // of what stood before the fence only the answer was seen
	}
	at := slices.IndexFunc(c.open, func(w waiting) bool { return w.x.fences > 0 })
	if at < 0 {
		return len(c.open) > 0 && c.open[0].x.heard // its fence was not seen
	}
	for range at {
		c.skip(order)
	}
	if x := c.open[0].x; !x.heard {
		x.fences--
		c.skip(order)
		return false
	}
	return true
}

// skip ends the first exchange, behind which the server is already.
func (c *Conn) skip(order uint64) {
	x := c.open[0].x
	switch {
	case x.lossy:
		c.abandon(x)
	case x.orphan:
		x.rec.Doubts |= record.NoRequest
	case !x.heard:
		x.rec.Status = record.Unanswered
		x.rec.PutAttribute(Attributes[attrSkipped].Name, record.Flag, false, 1, "")
	}
	c.finish(0, x, order)
}

// asked is what the request that an answer with an ID belongs to left for it. In order that is the first, with anew the first
// that was not heard.
func (c *Conn) asked(id uint64, anew bool) (left uint64, known bool) {
	if c.proto.Pairing == InOrder {
		if len(c.owed) > 0 {
			return c.owed[0].left, true
		}
		for i := range c.open {
			if x := c.open[i].x; !anew || !x.heard {
				return x.left, !x.orphan
			}
		}
		return 0, false
	}
	for i := range c.open {
		if w := &c.open[i]; w.id == id && !w.x.orphan {
			return w.x.left, true
		}
	}
	return 0, false
}

// waits is how many bytes wait because of this connection.
func (c *Conn) waits() int {
	n := c.weight
	for i := range c.side {
		n += cap(c.side[i].buf) + c.side[i].held
	}
	return n
}

// note keeps count of the open exchanges that lost bytes: their own, or what else was sent while they were open. A hole in
// a message whose length is known is no loss if it was cut.
func (c *Conn) note(x *exchange, lost bool) {
	if lost && !x.lossy {
		x.lossy = true
		c.lossy++
	}
}

// doubt gives the open exchanges that a gap in a direction may have harmed a doubt. Those before one that has it from here
// have it too: the walk ends there. In order, what the client sent before a gap of its own will be answered first, but the gap
// may hold more of it, or the fence up to which it is passed over; and until all is answered, an answer to what comes behind may
// be to what was lost.
func (c *Conn) doubt(d record.Doubts, dir Dir) {
	if dir == ToServer && c.proto.Pairing == InOrder {
		if d != record.Malformed || len(c.open) > 0 {
			c.hazy, c.quiet = c.hazy|unseen(d), false
		}
		for _, w := range c.open {
			w.x.rec.Doubts |= d
		}
		return
	}
	for i := len(c.open) - 1; i >= 0; i-- {
		x := c.open[i].x
		if x.marked&d != 0 {
			return
		}
		x.marked |= d
		x.rec.Doubts |= d
		c.note(x, true)
	}
}

// unseen is what doubts of one message say of its neighbours.
func unseen(d record.Doubts) record.Doubts {
	if d&(record.Cut|record.Loss|record.Malformed) == record.Cut {
		return record.Cut
	}
	return record.Loss
}

// find looks for the exchange that m belongs to: its place among the open ones, or -1.
func (c *Conn) find(m *Message) int {
	answer := m.Role == Response
	if c.proto.Pairing == InOrder {
		switch {
		case answer && len(c.open) > 0:
			return 0
		case m.Role == Feed && len(c.open) > 0 && len(c.owed) == 0:
			return 0
		case m.Role == Request || m.Role == Part:
			if n := len(c.open); n > 0 && (c.open[n-1].x.more || m.Role == Part && m.Fence) {
				return n - 1
			}
		}
		return -1
	}
	if m.Role == Push {
		return -1
	}
	for i := range c.open {
		if w := &c.open[i]; w.id == m.ID && (answer || w.x.orphan || w.x.more) {
			return i
		}
	}
	if answer && c.lossy > 0 {
		return c.continued()
	}
	return -1
}

// continued finds the exchange whose answer goes on behind a gap: each of several replies names the one before, which
// may have been lost. It must be the only one.
func (c *Conn) continued() int {
	at := -1
	for i := range c.open {
		if x := c.open[i].x; x.lossy && x.heard && !x.orphan {
			if at >= 0 {
				return -1
			}
			at = i
		}
	}
	return at
}

// unheard makes an exchange for a message that belongs to none. nil: the message makes none.
func (c *Conn) unheard(m *Message) *exchange {
	if m.Role == Nothing || m.Role == Feed {
		return nil
	}
	if m.Role == OneWay {
		c.oneWay[c.ways%len(c.oneWay)] = m.ID
		c.ways++
	}
	if m.Role == Response && c.proto.Pairing == ByID {
		for i := range min(c.ways, len(c.oneWay)) {
			if c.oneWay[i] == m.ID {
				c.e.stats.Unpaired++ // some servers answer what asked for no answer
				return nil
			}
		}
	}
	x := c.e.newExchange()
	r := &x.rec
	r.Protocol, r.Client, r.Server, r.Slot = c.proto.Name, c.info.Client, c.info.Server, c.flow.Slot
	if c.flow.RTT > 0 {
		r.Set(record.RTT, c.flow.RTT)
	}
	if c.info.Midstream {
		r.Doubts |= record.Midstream
	}
	x.orphan = m.Role == Response
	return x
}

// request adds a message of the request to x, which is at at.
func (c *Conn) request(x *exchange, at int, dir Dir, s *side, m *Message, size int, ch *stream.Chunk) {
	r := &x.rec
	if !x.begun && (dir == ToServer || !r.Has(record.Time)) {
		x.begun, x.began = dir == ToServer, s.began
		r.Set(record.Time, s.began)
		r.Set(record.Packet, int64(s.packet))
	}
	if m.Fence {
		x.fences++
	}
	switch {
	case m.Role == Part && !m.Fence:
		x.partly = x.partly || !x.more
		x.more, x.left = true, m.Leaves
	case m.Role == Request:
		x.partly, x.more, x.left = false, m.More, m.Leaves
	}
	if !x.orphan && at >= 0 {
		c.open[at].id = m.ID
	}
	if dir == ToClient {
		r.Add(record.ResponseBytes, int64(size))
		return
	}
	x.asked = ch.Time
	r.Add(record.RequestBytes, int64(size))
}

// answer adds a message of the answer to x, which is at at.
func (c *Conn) answer(x *exchange, at int, s *side, m *Message, size int, ch *stream.Chunk) {
	r := &x.rec
	if !x.heard {
		x.heard, x.first = true, s.began
		if x.orphan || m.Role == Push {
			r.Set(record.Time, s.began)
			r.Set(record.Packet, int64(s.packet))
		}
	}
	x.last = ch.Time
	if x.age = 0; c.proto.Pairing == ByID {
		x.replies++
	}
	r.Add(record.ResponseBytes, int64(size))
	if r.Status == record.Unknown || r.Status == record.OK && m.Status != record.Unknown {
		r.Status = m.Status
	}
	if m.More && m.Next != 0 && at >= 0 {
		c.open[at].id = m.Next
	}
}

// passOver notes that the exchange at i was answered before those that came earlier. Where a gap took bytes since,
// their answers were in it. It returns the place that the exchange has then.
func (c *Conn) passOver(i int, order uint64) int {
	c.answered = max(c.answered, c.open[i].x.seq)
	for j := 0; j < i && c.lossy > 0; {
		if x := c.open[j].x; x.lossy && !x.orphan && !x.heard {
			c.abandon(x)
			c.finish(j, x, order)
			i--
			continue
		}
		j++
	}
	return i
}

// forsake gives up, in order, the requests whose answers were in a gap: the client asks again, so it has had them. If it
// does not wait for them, one that comes after all may be taken for another.
func (c *Conn) forsake(order uint64) {
	for c.lossy > 0 {
		x := c.open[0].x
		if !x.lossy || x.more {
			return
		}
		if c.piped {
			c.hazy |= unseen(x.rec.Doubts)
		}
		c.quit(order)
	}
}

// quit gives up the first exchange, whose end was lost.
func (c *Conn) quit(order uint64) {
	x := c.open[0].x
	if x.heard && !x.done {
		x.rec.Doubts |= record.NoResponse
	}
	c.abandon(x)
	c.finish(0, x, order)
}

// growOld counts how long answers have waited for their requests.
func (c *Conn) growOld(order uint64) {
	for i := 0; i < len(c.orphans); i++ {
		x := c.orphans[i]
		if x.age++; x.age > orphanPatience && c.proto.Pairing == ByID {
			c.abandon(x)
			c.finish(slices.IndexFunc(c.open, func(w waiting) bool { return w.x == x }), x, order)
			i--
		}
	}
}

// abandon says of an exchange that its other half will not come.
func (c *Conn) abandon(x *exchange) {
	r := &x.rec
	switch {
	case x.orphan:
		r.Doubts |= record.NoRequest
	case x.done:
	case x.heard:
		r.PutAttribute(Attributes[attrOpen].Name, record.Flag, false, 1, "")
		if r.Status == record.Unknown && !x.lossy && r.Doubts&incomplete == 0 {
			r.Status = record.Unanswered // all of it was heard, but no verdict
		}
	case x.lossy, r.Doubts&record.Loss != 0:
		r.Status = record.Unknown
		r.Doubts |= record.NoResponse
	default:
		r.Status = record.Unanswered
		if c.time-x.began > requestTimeout {
			r.Status = record.Timeout
		}
		if x.seq < c.answered {
			r.Doubts |= record.NoResponse
		}
	}
}

// incomplete are the doubts of an answer whose verdict may have been sent.
const incomplete = record.Loss | record.Cut | record.Malformed | record.NoResponse

// evict gives up the exchange at i to stay within the budget.
func (c *Conn) evict(i int, order uint64) {
	x := c.open[i].x
	c.evicted(x)
	c.owe(x)
	c.finish(i, x, order)
}

// evicted says of an exchange that it was given up to stay within the budget, whatever came of it later.
func (c *Conn) evicted(x *exchange) {
	if x.heard && !x.orphan && !x.done {
		x.rec.Doubts |= record.Cut
	} else if !x.orphan {
		x.rec.Doubts |= record.NoResponse
	}
	c.abandon(x)
	c.e.stats.Evicted++
}

// giveUp finishes all that is open, in order.
func (c *Conn) giveUp(order uint64, evicted bool) {
	for _, w := range c.open {
		if evicted {
			c.evicted(w.x)
		} else {
			c.abandon(w.x)
		}
		c.finish(-1, w.x, order)
	}
	clear(c.open)
	c.open, c.orphans, c.lossy, c.weight = c.open[:0], c.orphans[:0], 0, 0
}

// longQueue is how many open exchanges are moved when the first one goes; of more, the place is let go.
const longQueue = 32

// finish takes the exchange at i (-1: none) from the open ones and hands its record on.
func (c *Conn) finish(i int, x *exchange, order uint64) {
	if i >= 0 {
		if i == 0 && len(c.open) > longQueue {
			c.open[0] = waiting{}
			c.open = c.open[1:]
		} else {
			c.open = slices.Delete(c.open, i, i+1)
		}
		c.weight -= x.cost
		if x.lossy {
			c.lossy--
		}
		if x.orphan {
			c.orphans = slices.DeleteFunc(c.orphans, func(o *exchange) bool { return o == x })
		}
		if !x.lossy { // else its fence was in the gap too
			c.fences += x.fences
		}
	}
	r := &x.rec
	r.Order = order
	if x.begun {
		r.Set(record.RequestTime, max(x.asked-x.began, 0))
		if x.heard && x.last >= x.began {
			r.Set(record.Latency, x.last-x.began)
		}
		if x.heard && x.first >= x.asked {
			r.Set(record.Wait, x.first-x.asked)
		}
	}
	if x.heard {
		r.Set(record.ResponseTime, max(x.last-x.first, 0))
	}
	if x.replies > 1 {
		r.PutAttribute(Attributes[attrReplies].Name, record.Count, false, int64(x.replies), "")
	}
	x.hand()
	c.e.Finish(r)
	c.e.free(x)
}

// store keeps a copy of a message for the trees of its exchange.
func (e *Engine) store(x *exchange, dir Dir, s *side, m *Message, b []byte, size int, runs []wire.Run, context []byte) {
	r := &x.rec
	limit := maxKeptBytes
	switch n := len(r.Messages); {
	case x.firsts == 0 && n < maxKept-lastKept:
		limit -= limit / 4 // the rest is for the last ones
	case x.firsts == 0:
		x.firsts = n
	case n == x.firsts+lastKept:
		x.drop(x.firsts)
		r.Dropped++
	}
	if n := limit - len(x.keep) - len(x.runs)*runCost; len(b)+len(runs)*runCost > n {
		n = min(n, HeadLimit)
		if len(runs) > 0 {
			n = min(n, runs[0].N)
		}
		if x.firsts == 0 {
			x.firsts = len(r.Messages) + 1
		}
		if b = b[:max(n, 0)]; len(b) < headKept {
			r.Dropped++
			return
		}
		runs = []wire.Run{{N: len(b)}}
	}
	x.keep = append(x.keep, b...)
	at := len(x.keep)
	x.keep = append(x.keep, context...)
	for _, r := range runs {
		x.runs = append(x.runs, record.Run(r))
	}
	x.parts = append(x.parts, part{at, len(x.keep), len(x.runs)})
	r.Messages = append(r.Messages, record.Kept{FromServer: dir == ToClient, Time: s.began, Packet: s.packet, Length: size, Asked: m.asked, Known: m.known})
}

// drop forgets the kept message i.
func (x *exchange) drop(i int) {
	var from part
	if i > 0 {
		from = x.parts[i-1]
	}
	to := x.parts[i]
	x.keep = slices.Delete(x.keep, from.context, to.context)
	x.runs = slices.Delete(x.runs, from.runs, to.runs)
	x.parts = slices.Delete(x.parts, i, i+1)
	for j := i; j < len(x.parts); j++ {
		p := &x.parts[j]
		p.data -= to.context - from.context
		p.context -= to.context - from.context
		p.runs -= to.runs - from.runs
	}
	x.rec.Messages = slices.Delete(x.rec.Messages, i, i+1)
}

// hand gives the kept messages their bytes, once all are there.
func (x *exchange) hand() {
	var was part
	for i, p := range x.parts {
		k := &x.rec.Messages[i]
		k.Data = x.keep[was.context:p.data:p.data]
		k.Context = x.keep[p.data:p.context:p.context]
		k.Runs = x.runs[was.runs:p.runs:p.runs]
		was = p
	}
}
