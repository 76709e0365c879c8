package l7

import (
	"slices"

	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/stream"
	"github.com/dbtap/dbtap/internal/wire"
)

// Conn is one connection: first unidentified, then a Dialog between two sides. It implements stream.Handler.
type Conn struct {
	e      *Engine
	flow   *stream.Flow
	info   ConnInfo
	proto  *Protocol
	dlg    Dialog
	keep   Keeper  // dlg, if it is one
	loser  Loser   // likewise
	holder Holder  // likewise
	start  Starter // likewise, if bytes are missing
	// client says which direction of the flow the client sends on.
	client  stream.Dir
	tried   int  // chunks looked at without an identification
	dead    bool // given up as unidentified
	counted bool // as identified, which may happen again
	tls     bool // a side began with a handshake of TLS
	bad     int  // malformed messages in a row
	side    [2]side
	layers  []*layer
	pushed  stream.Layer // by the message just decoded
	held    int          // bytes charged for what the Dialog holds

	open     []waiting     // in the order of their requests
	orphans  []*exchange   // those of them that are answers without request, in the same order
	lossy    int           // how many of them lost bytes
	seq      uint64        // exchanges so far
	answered uint64        // the latest of them that was answered
	weight   int           // bytes that the open ones take
	fences   int           // fences that wait, whose exchanges are over
	owed     []owed        // answers to requests that were given up, in order, before those to the open ones
	piped    bool          // the client has asked before it was answered
	hazy     record.Doubts // why requests or answers may not have been seen, as long as it was not quiet since: whose an answer is, is not sure
	quiet    bool          // the server has answered everything, for all that was seen
	fenced   bool          // answers end with fences
	stray    bool          // the last answer had no request, and its fence is still to come
	oneWay   [4]uint64     // IDs of the last requests that asked for no answer
	ways     int           // requests that asked for no answer
	time     int64         // of the last chunk
}

// waiting is an open exchange. The identifiers lie side by side because they are searched.
type waiting struct {
	id uint64 // of the request, or what the next message of the answer will carry
	x  *exchange
}

// side is what one end sends.
type side struct {
	buf    []byte     // kept bytes of the message that is not whole yet
	runs   []wire.Run // which of its bytes they are; none: the first
	held   int        // bytes noted for runs
	size   int        // its length; 0 while that is not known
	seen   int        // bytes of it that have come by
	want   wire.Run   // what Keep asked for
	show   bool       // it is only to be shown
	look   []byte     // what is to be shown
	run    int        // place in buf where the run that is kept begins
	doubts record.Doubts
	began  int64  // time of its first byte
	packet uint64 // that carried it
	first  uint64 // order in which this side first spoke, before identification
	adrift bool   // looking for the beginning of a message
}

func (s *side) clear(e *Engine) {
	if s.buf != nil {
		e.giveBack(s.buf)
	}
	e.hold(-s.held)
	if s.held = 0; cap(s.runs) > keepRuns {
		s.runs = nil
	}
	s.buf, s.runs, s.size, s.seen, s.want, s.doubts = nil, s.runs[:0], 0, 0, wire.Run{}, 0
}

func (c *Conn) begin(f *stream.Flow) {
	c.flow = f
	c.info = ConnInfo{Client: f.A, Server: f.B, Start: f.Start, Midstream: f.Midstream, Values: c.e.cfg.Values}
}

// HandleChunk takes the next chunk of either direction.
func (c *Conn) HandleChunk(_ *stream.Flow, ch *stream.Chunk) {
	if ch.Missing > 0 && !ch.Cut && c.dlg != nil && !c.dead {
		c.e.stats.Lost += int64(ch.Missing)
	}
	c.climb(0, ch)
}

// climb hands a chunk to the layer at a place of the stack, or to the Dialog.
func (c *Conn) climb(to int, ch *stream.Chunk) {
	if c.dead {
		return
	}
	if to >= len(c.layers) {
		c.plain(ch)
		return
	}
	l := c.layers[to]
	room := min(c.e.cfg.Budget-c.e.held, c.e.share()-l.held)
	held := l.in.HandleChunk(c.flow, ch, room, l)
	if to < len(c.layers) && c.layers[to] == l { // it may have been the end of them
		c.e.hold(held - l.held)
		l.held = held
	}
}

// layer is a place in the stack: what its layer makes goes to the one above, or to the Dialog.
type layer struct {
	c     *Conn
	in    stream.Layer
	above int // place of the next in c.layers
	held  int // bytes charged for what it holds
}

// HandleChunk takes a chunk that the layer made, if it still stands: what is in the chunks may be the end of it.
func (l *layer) HandleChunk(_ *stream.Flow, ch *stream.Chunk) {
	if l.above <= len(l.c.layers) && l.c.layers[l.above-1] == l {
		l.c.climb(l.above, ch)
	}
}

// HandleClose does nothing: the connection is told itself.
func (l *layer) HandleClose(*stream.Flow, stream.Reason, int64, uint64) {}

// push stacks a layer. What follows the message that asked for it, in its chunk too, goes through it.
func (c *Conn) push(in stream.Layer, rest []byte, ch *stream.Chunk) {
	at := len(c.layers)
	c.layers = append(c.layers, &layer{c: c, in: in, above: at + 1})
	if len(rest) > 0 {
		left := *ch
		left.Data = rest
		c.climb(at, &left)
	}
}

// plain takes a chunk of the protocol's own bytes.
func (c *Conn) plain(ch *stream.Chunk) {
	if c.dead {
		return
	}
	c.time = ch.Time
	if c.dlg == nil {
		c.identify(ch)
		return
	}
	if ch.Missing > 0 {
		c.start, _ = c.dlg.(Starter)
		c.missing(ch)
	} else {
		if c.start != nil {
			if in := c.start.Start(c.dir(ch.Dir), ch.Data); in != nil {
				c.push(in, ch.Data, ch)
				return
			}
		}
		c.feed(ch.Dir, ch.Data, ch)
	}
	if in := c.pushed; in != nil {
		c.pushed = nil
		c.push(in, nil, ch)
	}
}

func (c *Conn) dir(d stream.Dir) Dir {
	if d == c.client {
		return ToServer
	}
	return ToClient
}

// feed cuts data into messages. Whole ones are decoded where they lie; the rest waits in the side's buffer.
func (c *Conn) feed(d stream.Dir, data []byte, ch *stream.Chunk) {
	s := &c.side[d]
	for len(data) > 0 && c.dlg != nil && !c.dead {
		if in := c.pushed; in != nil {
			c.pushed = nil
			c.push(in, data, ch)
			return
		}
		switch {
		case s.adrift:
			data = c.regain(d, s, data)
		case s.size > 0:
			data = c.collect(d, s, data, ch)
		case len(s.buf) == 0:
			n, err := c.dlg.Length(c.dir(d), data)
			switch {
			case err != nil:
				c.malformed(d, ch.Order)
				data = data[1:]
			case n > 0 && n <= len(data) && n <= HeadLimit+TailLimit: // of a longer one only head and tail are read, however it comes
				s.began, s.packet = ch.Time, ch.Packet
				c.message(d, s, data[:n:n], n, nil, ch)
				data = data[n:]
			default:
				s.began, s.packet, s.size = ch.Time, ch.Packet, n
				if n == 0 {
					data = c.wait(s, data)
				}
			}
		default:
			// The header itself is spread over chunks: complete it byte by byte as far as Length asks.
			s.buf = c.e.extend(s.buf, data[:1], 0)
			s.seen++
			data = data[1:]
			n, err := c.dlg.Length(c.dir(d), s.buf)
			if err != nil || len(s.buf) > HeadLimit {
				c.malformed(d, ch.Order)
				continue
			}
			if s.size = n; n > 0 && n == s.seen {
				c.complete(d, s, ch)
			} else if n > 0 && n < s.seen {
				c.malformed(d, ch.Order)
			}
		}
	}
}

// wait keeps the beginning of a message whose length is not known yet.
func (c *Conn) wait(s *side, data []byte) []byte {
	n := min(len(data), HeadLimit)
	s.buf = c.e.extend(s.buf, data[:n], 0)
	s.seen += n
	return data[n:]
}

// collect takes bytes of a message whose length is known: it keeps those of its head, of its tail and those that Keep
// asks for, and counts the others.
func (c *Conn) collect(d stream.Dir, s *side, data []byte, ch *stream.Chunk) []byte {
	n := min(len(data), s.size-s.seen)
	c.take(d, s, data[:n])
	if s.seen == s.size {
		c.complete(d, s, ch)
	}
	return data[n:]
}

func (c *Conn) complete(d stream.Dir, s *side, ch *stream.Chunk) {
	c.message(d, s, s.buf, s.size, s.runs, ch)
	s.clear(c.e)
}

// take passes n bytes of the message by, keeping what is to be kept.
func (c *Conn) take(d stream.Dir, s *side, p []byte) {
	if s.size <= HeadLimit+TailLimit {
		c.retain(s, s.seen, p)
		s.seen += len(p)
		return
	}
	tail := s.size - TailLimit
	for len(p) > 0 {
		at, n := s.seen, len(p)
		wanted := s.want.N > 0 && at >= s.want.Off
		// Up to the next place where something changes.
		for _, edge := range [...]int{HeadLimit, tail, s.want.Off, s.want.Off + s.want.N} {
			if edge > at {
				n = min(n, edge-at)
			}
		}
		if at < HeadLimit || at >= tail || wanted && !s.show {
			c.retain(s, at, p[:n])
		}
		if wanted && s.show {
			s.look = append(s.look, p[:n]...)
		}
		s.seen += n
		p = p[n:]
		if c.keep == nil {
			continue
		}
		if s.seen == HeadLimit {
			c.ask(d, s, 0, s.buf, HeadLimit)
		} else if wanted && s.seen == s.want.Off+s.want.N {
			run := s.look
			if !s.show {
				run = s.buf[s.run:]
			}
			c.ask(d, s, s.want.Off, run, s.want.N)
		}
	}
}

// ask lets the protocol name the next run it wants to see, after a run of size bytes, unless some of that are missing.
// What reaches into the tail is kept anyway.
func (c *Conn) ask(d stream.Dir, s *side, from int, run []byte, size int) {
	if len(run) != size {
		s.want = wire.Run{}
		return
	}
	off, n, keep := c.keep.Keep(c.dir(d), s.size, from, run)
	at := max(from+len(run), HeadLimit)
	tail := s.size - TailLimit
	s.want, s.show, s.look, s.run = wire.Run{}, !keep, s.look[:0], 0
	switch {
	case !keep && off >= from && off < at && off+n > at && n <= maxLook && off+n <= s.size: // it begins in what was seen
		s.want = wire.Run{Off: off, N: n}
		s.look = append(s.look, run[off-from:]...)
	case n <= 0 || off < at:
	case !keep && n <= maxLook && off+n <= s.size:
		s.want = wire.Run{Off: off, N: n}
	case keep && off < tail && len(s.runs) < maxRuns:
		s.want = wire.Run{Off: off, N: min(n, tail-off)}
		s.run = len(s.buf)
		if whole := s.run + s.want.N + TailLimit; whole > cap(s.buf) && whole <= bufferSizes[len(bufferSizes)-1] {
			s.buf = c.e.grow(s.buf, whole)
		}
	}
}

// retain keeps p, which is at place at of its message. Over budget the bytes are cut.
func (c *Conn) retain(s *side, at int, p []byte) {
	if c.e.held+len(p) > c.e.cfg.Budget && len(s.buf) >= minKept {
		s.doubts |= record.Cut
		return
	}
	if n := len(s.runs); n > 0 && s.runs[n-1].Off+s.runs[n-1].N == at {
		s.runs[n-1].N += len(p)
	} else if n > 0 || at != len(s.buf) {
		limit := maxRuns
		if at >= s.size-TailLimit {
			limit += tailRuns
		}
		if n >= limit {
			s.doubts |= record.Cut
			return
		}
		if n == 0 {
			s.runs = append(s.runs, wire.Run{N: len(s.buf)})
		}
		s.runs = append(s.runs, wire.Run{Off: at, N: len(p)})
		if more := cap(s.runs)*runCost - s.held; len(s.runs) > keepRuns && more > 0 {
			c.e.hold(more)
			s.held += more
		}
	}
	s.buf = c.e.extend(s.buf, p, s.size)
}

// minKept is kept of every waiting message whatever the budget: its header.
const minKept = 64

// missing takes a gap: bytes that were lost, or cut by the snap length. Where it lies inside a message whose length
// is known, the next message is found by counting; otherwise by looking for it.
func (c *Conn) missing(ch *stream.Chunk) {
	d := ch.Dir
	s := &c.side[d]
	doubt := record.Cut
	if !ch.Cut {
		doubt = record.Loss
	}
	n := ch.Missing
	if !s.adrift && s.size > 0 {
		n = min(n, s.size-s.seen)
		s.seen += n
		s.doubts |= doubt
		if s.want.N > 0 && s.seen > s.want.Off {
			s.want = wire.Run{}
		}
		if s.seen == s.size {
			c.complete(d, s, ch)
		}
		n = ch.Missing - n
		if n == 0 || c.dlg == nil {
			return
		}
	}
	// What follows the message in progress is gone, and its length with it.
	c.doubt(doubt, c.dir(d))
	s.clear(c.e)
	c.lose(ch.Dir)
}

// lose says that what a side sends next is not what was expected.
func (c *Conn) lose(d stream.Dir) {
	c.side[d].adrift = true
	c.fences = 0
	if c.dir(d) == ToClient {
		c.owed = nil
	}
	if c.loser != nil {
		c.loser.Lost(c.dir(d))
	}
}

// regain looks for the beginning of a message after a loss. Bytes before it are passed by.
func (c *Conn) regain(d stream.Dir, s *side, data []byte) []byte {
	b := data
	at := c.dlg.Sync(c.dir(d), data)
	if at != 0 && len(s.buf) > 0 {
		s.buf = c.e.extend(s.buf, data, 0)
		b = s.buf
		at = c.dlg.Sync(c.dir(d), b)
	}
	if at < 0 {
		if c.proto.Pairing == InOrder && c.dir(d) == ToClient {
			c.doubt(record.Loss, ToClient) // an answer may have been passed by
		}
		// A header may be spread over two chunks: keep what could be its beginning.
		tail := slices.Clone(b[len(b)-min(len(b), syncOverlap):])
		s.clear(c.e)
		s.buf = c.e.extend(nil, tail, 0)
		return nil
	}
	rest := b[at:]
	if len(s.buf) > 0 {
		rest = slices.Clone(rest)
		s.clear(c.e)
		c.quiet = false // what is found late may have been answered
	}
	s.adrift = false
	s.doubts = 0
	return rest
}

// syncOverlap is how many bytes at the end of a chunk may be the beginning of a header that Sync could not judge yet.
const syncOverlap = 64

// malformed gives up the message in progress, and after a few in a row the identification.
func (c *Conn) malformed(d stream.Dir, order uint64) {
	c.e.stats.Malformed++
	c.side[d].clear(c.e)
	c.lose(d)
	c.doubt(record.Malformed, c.dir(d))
	if c.bad++; c.bad >= maxMalformed {
		c.forget(order)
	}
}

// message decodes one message and lets it find its exchange.
func (c *Conn) message(d stream.Dir, s *side, b []byte, size int, runs []wire.Run, ch *stream.Chunk) {
	e, dir := c.e, c.dir(d)
	m := e.msg
	m.reset()
	m.conn = c
	e.cur.Reset(b, size, runs, nil)
	c.dlg.Decode(dir, &e.cur, m)
	e.stats.Messages++
	m.Doubts |= s.doubts
	s.doubts = 0
	if e.cur.Cut() != nil {
		m.Doubts |= record.Cut
	}
	if err := e.cur.Err(); err != nil && err.Kind != wire.Cut {
		m.Doubts |= record.Malformed
	}
	if m.Role == Nothing && dir == ToServer && m.Doubts&(record.Cut|record.Loss) != 0 {
		c.doubt(m.Doubts&(record.Cut|record.Loss), ToServer) // what it was nobody knows
	}
	var context []byte
	if e.cfg.Keep {
		e.ctx = c.dlg.AppendContext(e.ctx[:0], dir, m)
		context = e.ctx
	}
	c.pair(d, s, m, b, size, runs, context, ch)
	if c.fenced = c.fenced || m.Fence; m.Role == Response {
		c.stray = c.stray && !m.Fence
		c.quiet = len(c.open) == 0 && c.fences == 0 && !c.stray
	}
	if m.Doubts&record.Malformed != 0 {
		e.stats.Malformed++
		if c.fences = 0; c.loser != nil {
			c.loser.Lost(dir) // it did not Advance: what comes next is not what is expected
		}
		if c.bad++; c.bad >= maxMalformed {
			c.forget(ch.Order)
		}
		return
	}
	c.bad = 0
	c.dlg.Advance(dir, m)
	c.pushed = m.Layer
	if c.holder != nil {
		c.charge(c.holder.Holds())
	}
	if m.Encrypted {
		c.encrypted(ch.Order)
	}
}

// charge charges what the Dialog holds now.
func (c *Conn) charge(n int) {
	c.e.hold(n - c.held)
	c.held = n
}

// encrypted ends what can be read of the connection.
func (c *Conn) encrypted(order uint64) {
	c.e.stats.Upgraded++
	for len(c.open) > 0 {
		x := c.open[0].x
		x.rec.PutAttribute(Attributes[attrEncrypted].Name, record.Flag, false, 1, "")
		c.finish(0, x, order)
	}
	c.end()
	c.dead = true
}

// end lets go of the Dialog and of all that waits for it.
func (c *Conn) end() {
	for i := range c.side {
		c.side[i].clear(c.e)
		c.side[i].adrift = false
	}
	for _, l := range c.layers {
		c.e.hold(-l.held)
	}
	clear(c.layers)
	c.layers = c.layers[:0]
	if c.dlg != nil {
		c.charge(0)
		c.e.drop(c.proto, c.dlg)
		c.dlg, c.keep, c.loser, c.holder, c.start = nil, nil, nil, nil, nil
	}
}

// forget undoes the identification: what was taken for this protocol is another.
func (c *Conn) forget(order uint64) {
	c.giveUp(order, false)
	c.end()
	c.proto = nil
	c.info.Midstream = true
	c.bad, c.fences, c.fenced, c.stray, c.piped, c.hazy, c.quiet, c.owed = 0, 0, false, false, false, 0, false, nil
}

// HandleClose ends the connection: what is open is given up, in order.
func (c *Conn) HandleClose(f *stream.Flow, why stream.Reason, at int64, order uint64) {
	c.time = max(c.time, at)
	if c.dlg != nil {
		for d := range c.side {
			if s := &c.side[d]; s.seen > 0 && len(s.buf) > 0 && s.size > 0 {
				// The connection ends inside a message: what came of it still says what it was.
				s.doubts |= record.Cut
				if why == stream.Evicted {
					s.doubts |= record.Loss
				}
				ch := stream.Chunk{Dir: stream.Dir(d), Time: c.time, Order: order}
				c.message(stream.Dir(d), s, s.buf, s.size, s.runs, &ch)
				if c.dlg == nil {
					break
				}
			}
		}
	}
	c.giveUp(order, why == stream.Evicted)
	if c.proto == nil && !c.counted && !c.dead {
		c.unidentified()
	}
	c.end()
	c.e.charge(-connCost)
	if len(c.e.conns) == freeConns || cap(c.open) > longQueue || cap(c.orphans) > longQueue {
		return
	}
	for i := range c.side {
		c.side[i] = side{runs: c.side[i].runs[:0]}
	}
	*c = Conn{e: c.e, side: c.side, open: c.open[:0], orphans: c.orphans[:0], layers: c.layers[:0]}
	c.e.conns = append(c.e.conns, c)
}

func (c *Conn) unidentified() {
	c.dead = true
	port := min(c.info.Client.Port(), c.info.Server.Port())
	c.e.stats.Unidentified[port]++
	if c.tls {
		c.e.stats.Encrypted[port]++
	}
}
