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
	x, at := c.find(m)
	if x == nil {
		if x = c.unheard(m); x == nil {
			return
		}
		at = -1
		if m.Role != OneWay && m.Role != Push {
			at = len(c.open)
			c.open = append(c.open, x)
		}
	}
	if c.e.cfg.Keep {
		c.e.store(x, c.dir(d), s, b, size, runs, context)
	}
	m.tell(&x.rec, c.proto)
	if m.normal != "" && c.e.want(record.Fingerprint) && !x.rec.Has(record.Fingerprint) {
		x.rec.Set(record.Fingerprint, fingerprint(m.normal))
	}
	if m.Role == Response || m.Role == Push {
		c.answer(x, s, m, size, ch)
	} else {
		c.request(x, s, m, size, ch)
	}
	c.e.weigh(x)
	switch {
	case m.Role == OneWay && !m.More:
		x.rec.Status = record.OK
	case m.Role == Push && !m.More, m.Role == Response && !m.More && !x.orphan, m.Role == Request && x.orphan:
		x.orphan = false
	default:
		if len(c.open) > maxOpen {
			c.abandon(c.open[0])
			c.finish(0, c.open[0], ch.Order)
		}
		return
	}
	if m.Role == Response {
		c.passOver(at, ch.Order)
		at = slices.Index(c.open, x)
	}
	c.finish(at, x, ch.Order)
}

// find looks for the exchange that m belongs to, and its place among the open ones.
func (c *Conn) find(m *Message) (*exchange, int) {
	answer := m.Role == Response
	if c.proto.Pairing == InOrder {
		switch {
		case answer && len(c.open) > 0:
			return c.open[0], 0
		case m.Role == Request || m.Role == Part:
			if n := len(c.open); n > 0 && c.open[n-1].more {
				return c.open[n-1], n - 1
			}
		}
		return nil, -1
	}
	if m.Role == Push {
		return nil, -1
	}
	for i, x := range c.open {
		if x.id == m.ID && (answer || x.orphan || x.more) {
			return x, i
		}
	}
	if answer {
		return c.continued()
	}
	return nil, -1
}

// continued finds the exchange whose answer goes on behind a gap: each of several replies names the one before, which
// may have been lost. It must be the only one.
func (c *Conn) continued() (found *exchange, at int) {
	at = -1
	for i, x := range c.open {
		if x.heard && !x.orphan && x.rec.Doubts&record.Loss != 0 {
			if found != nil {
				return nil, -1
			}
			found, at = x, i
		}
	}
	return found, at
}

// unheard makes an exchange for a message that belongs to none. nil: the message makes none.
func (c *Conn) unheard(m *Message) *exchange {
	if m.Role == Nothing {
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

func (c *Conn) request(x *exchange, s *side, m *Message, size int, ch *stream.Chunk) {
	r := &x.rec
	if x.began == 0 {
		x.began = s.began
		r.Set(record.Time, s.began)
		r.Set(record.Packet, int64(s.packet))
	}
	x.asked = ch.Time
	x.more = m.More || m.Role == Part
	if !x.orphan {
		x.id = m.ID
	}
	r.Add(record.RequestBytes, int64(size))
}

func (c *Conn) answer(x *exchange, s *side, m *Message, size int, ch *stream.Chunk) {
	r := &x.rec
	if !x.heard {
		x.heard, x.first = true, s.began
		if x.orphan || m.Role == Push {
			r.Set(record.Time, s.began)
			r.Set(record.Packet, int64(s.packet))
			x.id = m.ID
		}
	}
	x.last = ch.Time
	x.replies++
	x.age = 0
	r.Add(record.ResponseBytes, int64(size))
	if r.Status == record.Unknown || r.Status == record.OK && m.Status != record.Unknown {
		r.Status = m.Status
	}
	if m.More && m.Next != 0 {
		x.id = m.Next
	}
}

// passOver notes that the exchange at i was answered before those that came earlier. Where a gap took bytes since,
// their answers were in it.
func (c *Conn) passOver(i int, order uint64) {
	for j := 0; j < i; {
		x := c.open[j]
		if x.passed = true; !x.orphan && !x.heard && x.rec.Doubts&record.Loss != 0 {
			c.abandon(x)
			c.finish(j, x, order)
			i--
			continue
		}
		j++
	}
}

// growOld counts how long answers have waited for their requests.
func (c *Conn) growOld(order uint64) {
	for i := 0; i < len(c.open); i++ {
		x := c.open[i]
		if !x.orphan {
			continue
		}
		if x.age++; x.age > orphanPatience || c.proto.Pairing == InOrder {
			c.abandon(x)
			c.finish(i, x, order)
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
	case x.heard:
		r.PutAttribute(Attributes[attrOpen].Name, record.Flag, false, 1, "")
	case r.Doubts&record.Loss != 0:
		r.Status = record.Unknown
		r.Doubts |= record.NoResponse
	case x.more && x.asked == 0:
		r.Status = record.Unanswered
	default:
		r.Status = record.Unanswered
		if c.time-x.began > requestTimeout {
			r.Status = record.Timeout
		}
		if x.passed {
			r.Doubts |= record.NoResponse
		}
	}
}

// giveUp finishes all that is open, in order.
func (c *Conn) giveUp(order uint64) {
	for len(c.open) > 0 {
		c.abandon(c.open[0])
		c.finish(0, c.open[0], order)
	}
}

// finish takes the exchange at i (-1: none) from the open ones and hands its record on.
func (c *Conn) finish(i int, x *exchange, order uint64) {
	if i >= 0 {
		c.open = slices.Delete(c.open, i, i+1)
	}
	r := &x.rec
	r.Order = order
	if x.began > 0 {
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
	c.e.Finish(r)
	c.e.free(x)
}

// store keeps a copy of a message for the trees of its exchange.
func (e *Engine) store(x *exchange, dir Dir, s *side, b []byte, size int, runs []wire.Run, context []byte) {
	r := &x.rec
	if len(r.Messages) >= maxKept {
		r.Dropped++
		return
	}
	if n := maxKeptBytes - len(x.keep); len(b) > n {
		n = min(n, HeadLimit)
		if len(runs) > 0 {
			n = min(n, runs[0].N)
		}
		if b = b[:max(n, 0)]; len(b) < headKept {
			r.Dropped++
			return
		}
		runs = []wire.Run{{N: len(b)}}
	}
	k := record.Kept{FromServer: dir == ToClient, Time: s.began, Packet: s.packet, Length: size}
	at := len(x.keep)
	x.keep = append(x.keep, b...)
	x.keep = append(x.keep, context...)
	k.Data = x.keep[at : at+len(b) : at+len(b)]
	k.Context = x.keep[at+len(b) : len(x.keep) : len(x.keep)]
	for _, r := range runs {
		k.Runs = append(k.Runs, record.Run(r))
	}
	r.Messages = append(r.Messages, k)
}
