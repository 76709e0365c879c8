package l7

import (
	"slices"

	"github.com/dbtap/dbtap/internal/stream"
)

// syncChunks is in how many chunks of a connection joined in its middle a beginning is looked for at every byte; later
// ones are looked at only at their own beginning, which costs a few nanoseconds.
const syncChunks = 64

// startChunks is how many chunks a connection seen from its beginning is looked at: its first message is its first
// byte, or something stands before it that no protocol here knows.
const startChunks = 16

// identify looks at a chunk of a connection whose protocol is not known yet.
func (c *Conn) identify(ch *stream.Chunk) {
	s := &c.side[ch.Dir]
	if ch.Missing > 0 {
		s.clear(c.e)
		c.info.Midstream = true
		return
	}
	c.tried++
	c.tls = c.tls || handshake(ch.Data)
	b, waited := ch.Data, len(s.buf)
	if waited > 0 {
		s.buf = c.e.extend(s.buf, ch.Data, 0)
		b = s.buf
	}
	p, v, unsure := c.probe(ch.Dir, b)
	if p != nil {
		s.buf = s.buf[:waited]
		c.adopt(p, v, ch, ch.Data)
		return
	}
	if unsure && len(b) < probeLimit {
		if waited == 0 {
			s.began, s.packet, s.first = ch.Time, ch.Packet, ch.Order
			s.buf = c.e.extend(nil, ch.Data, 0)
		}
		return
	}
	if c.info.Midstream && c.tried <= syncChunks {
		if p, v, at := c.scan(ch.Dir, b); p != nil {
			rest := slices.Clone(b[at:])
			s.clear(c.e)
			c.adopt(p, v, ch, rest)
			return
		}
	}
	s.clear(c.e)
	limit := startChunks
	if c.info.Midstream {
		limit = probeChunks
	}
	if c.tried >= limit {
		for i := range c.side {
			c.side[i].clear(c.e)
		}
		c.unidentified()
	}
}

// handshake tells whether b begins like a ClientHello or ServerHello of TLS (RFC 8446, section 5.1): a record of type
// handshake, version 3.x, and in it a message of type 1 or 2.
func handshake(b []byte) bool {
	return len(b) > 5 && b[0] == 22 && b[1] == 3 && b[2] <= 4 && (b[5] == 1 || b[5] == 2)
}

// probe asks every protocol about b. Of several that are sure, one with a usual port on the connection wins, then the
// first of the list.
func (c *Conn) probe(d stream.Dir, b []byte) (p *Protocol, v Verdict, unsure bool) {
	a, z := c.flow.A.Port(), c.flow.B.Port()
	for _, port := range [2]uint16{z, a} {
		if p := c.e.cfg.DecodeAs[port]; p != nil {
			v := p.Probe(&c.info, d, b)
			if v != FromClient && v != FromServer {
				v = FromClient
				if (d == stream.Forward) == (port == a) {
					v = FromServer
				}
			}
			return p, v, false
		}
	}
	usual := false
	for _, q := range c.e.cfg.Protocols {
		switch w := q.Probe(&c.info, d, b); w {
		case Unsure:
			unsure = true
		case FromClient, FromServer:
			u := slices.Contains(q.Ports, a) || slices.Contains(q.Ports, z)
			if p == nil || u && !usual {
				p, v, usual = q, w, u
			}
		}
	}
	return p, v, unsure
}

// scan looks for a message anywhere in b.
func (c *Conn) scan(d stream.Dir, b []byte) (*Protocol, Verdict, int) {
	for i, p := range c.e.cfg.Protocols {
		for _, dir := range [2]Dir{ToServer, ToClient} {
			at := c.e.scouts[i].Sync(dir, b)
			if at <= 0 {
				continue
			}
			if v := p.Probe(&c.info, d, b[at:]); v == FromClient || v == FromServer {
				return p, v, at
			}
		}
	}
	return nil, No, 0
}

// adopt begins a Dialog and feeds it what waited.
func (c *Conn) adopt(p *Protocol, v Verdict, ch *stream.Chunk, data []byte) {
	c.client = ch.Dir
	if v == FromServer {
		c.client = ch.Dir.Opposite()
	}
	c.info.Client, c.info.Server = c.flow.A, c.flow.B
	if c.client == stream.Backward {
		c.info.Client, c.info.Server = c.flow.B, c.flow.A
	}
	if !c.counted {
		c.counted = true
		c.e.stats.Identified++
	}
	c.proto = p
	c.dlg = c.e.dialog(p, &c.info)
	c.keep, _ = c.dlg.(Keeper)
	c.loser, _ = c.dlg.(Loser)
	c.holder, _ = c.dlg.(Holder)
	if s, ok := c.dlg.(Starter); ok {
		seen := data
		if waited := c.side[ch.Dir].buf; len(waited) > 0 {
			seen = slices.Concat(waited, data)
		}
		if in := s.Start(c.dir(ch.Dir), seen); in != nil {
			c.push(in, nil, ch)
		}
		if c.info.Midstream {
			c.start = s
		}
	}
	first := ch.Dir
	if o := first.Opposite(); len(c.side[o].buf) > 0 && (len(c.side[first].buf) == 0 || c.side[o].first < c.side[first].first) {
		first = o
	}
	c.resume(first, ch)
	c.resume(first.Opposite(), ch)
	if c.dlg != nil {
		c.e.chunk = *ch
		c.e.chunk.Data = data
		c.climb(0, &c.e.chunk)
	}
}

// resume feeds what one side sent before the identification.
func (c *Conn) resume(d stream.Dir, ch *stream.Chunk) {
	s := &c.side[d]
	if len(s.buf) == 0 || c.dlg == nil {
		return
	}
	b := slices.Clone(s.buf)
	c.e.chunk = stream.Chunk{Dir: d, Data: b, Time: s.began, Packet: s.packet, Order: ch.Order}
	s.clear(c.e)
	c.climb(0, &c.e.chunk)
}
