package l7

import (
	"unsafe"

	"github.com/cespare/xxhash/v2"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/stream"
	"github.com/dbtap/dbtap/internal/wire"
)

// Config is what an Engine is made with.
type Config struct {
	Protocols []*Protocol          // tried in this order
	Values    bool                 // show values in text
	Want      uint64               // columns somebody needs, a bit each (1 << record.Col); all other facts may be left out
	Keep      bool                 // keep the messages of every exchange, for trees
	DecodeAs  map[uint16]*Protocol // connections with this port speak this protocol, whatever Probe says
	Budget    int                  // bytes of waiting messages the Engine may hold; beyond it they are cut
	Message   *Message             // memory that Engines of one goroutine may share; nil: its own
	Charge    func(n int)          // if set: told of memory in bytes that connections take and (n < 0) give back
}

// Stats counts what an Engine saw.
type Stats struct {
	Identified   int64            // connections
	Unidentified map[uint16]int64 // connections, by the lower port
	Encrypted    map[uint16]int64 // those of them that began with TLS
	Messages     int64
	Exchanges    int64
	Unpaired     int64 // exchanges without request or without answer
	Lost         int64 // bytes that a gap took from identified connections
	Malformed    int64 // messages
	Evicted      int64 // exchanges given up to stay within the budget
	Upgraded     int64 // identified connections that went on encrypted
}

// Engine is the part of l7 that one goroutine owns: connections, and the batch their records go to.
type Engine struct {
	cfg    Config
	scouts []Dialog // one of each protocol, for Sync before a connection is identified
	out    func(*record.Record)
	stats  Stats

	msg     *Message
	chunk   stream.Chunk // what waited for an identification
	cur     wire.Cursor
	conns   []*Conn                    // free
	dialogs map[*Protocol][]Dialog     // free, of protocols that can use them again
	exs     []*exchange                // free
	held    int                        // bytes of memory for messages that wait
	buffers [len(bufferSizes)][][]byte // free
	ctx     []byte
}

// New makes an Engine that hands every finished record to out, which borrows it.
func New(cfg Config, out func(*record.Record)) *Engine {
	e := &Engine{cfg: cfg, out: out, stats: Stats{Unidentified: map[uint16]int64{}, Encrypted: map[uint16]int64{}}, dialogs: map[*Protocol][]Dialog{}}
	if e.msg = cfg.Message; e.msg == nil {
		e.msg = &Message{}
	}
	e.msg.want, e.msg.values = cfg.Want, cfg.Values
	for _, p := range cfg.Protocols {
		e.scouts = append(e.scouts, p.Open(&ConnInfo{Midstream: true}, nil))
	}
	return e
}

// Stats returns the counts so far.
func (e *Engine) Stats() Stats { return e.stats }

// Open is what package assembly calls for a new flow.
func (e *Engine) Open(f *stream.Flow) stream.Handler {
	var c *Conn
	if n := len(e.conns); n > 0 {
		c, e.conns = e.conns[n-1], e.conns[:n-1]
	} else {
		c = &Conn{e: e}
	}
	c.begin(f)
	e.charge(connCost)
	return c
}

// connCost and exchangeCost are about what a connection and an exchange that waits take, in bytes: a Conn and a Dialog; an
// exchange beside its record and the messages it keeps.
const (
	connCost     = 1536
	exchangeCost = 128
)

// Buffers for bytes that wait come in a few sizes: most messages in pieces fit the first, what is kept of a long one the
// third, and what a protocol wants kept whole the others. Free ones are kept for the next, some of each for every shard.
var (
	bufferSizes = [...]int{2 << 10, 16 << 10, keptSize, 2 * keptSize, 4 * keptSize, 8 * keptSize, 16 * keptSize}
	freeBuffers = [...]int{64, 16, 4, 2, 1, 1, 1}
)

const keptSize = HeadLimit + TailLimit

// extend appends p to b, a buffer of this Engine or nil; b will have size bytes in the end, as far as that is known.
func (e *Engine) extend(b, p []byte, size int) []byte {
	if n := len(b) + len(p); n > cap(b) {
		b = e.grow(b, max(n, min(size, keptSize)))
	}
	return append(b, p...)
}

// grow makes b one with room for n bytes.
func (e *Engine) grow(b []byte, n int) []byte {
	grown := append(e.buffer(n), b...)
	e.giveBack(b)
	return grown
}

// buffer is an empty buffer with room for n bytes.
func (e *Engine) buffer(n int) (b []byte) {
	for i, size := range bufferSizes {
		if n > size {
			continue
		}
		if free := e.buffers[i]; len(free) > 0 {
			b, e.buffers[i] = free[len(free)-1], free[:len(free)-1]
		} else {
			b = make([]byte, 0, size)
		}
		break
	}
	if b == nil {
		b = make([]byte, 0, n+n/2)
	}
	e.hold(cap(b))
	return b
}

// giveBack takes a buffer back.
func (e *Engine) giveBack(b []byte) {
	if cap(b) == 0 {
		return
	}
	e.hold(-cap(b))
	for i, size := range bufferSizes {
		if cap(b) == size && len(e.buffers[i]) < freeBuffers[i] {
			e.buffers[i] = append(e.buffers[i], b[:0])
		}
	}
}

// hold notes that n more bytes of memory hold messages that wait (n < 0: fewer).
func (e *Engine) hold(n int) {
	e.held += n
	e.charge(n)
}

func (e *Engine) charge(n int) {
	if e.cfg.Charge != nil && n != 0 {
		e.cfg.Charge(n)
	}
}

// dialog begins a Dialog in an old one's memory if it can.
func (e *Engine) dialog(p *Protocol, c *ConnInfo) Dialog {
	if free := e.dialogs[p]; len(free) > 0 {
		d := free[len(free)-1]
		e.dialogs[p] = free[:len(free)-1]
		d.(Resetter).Reset(c)
		return d
	}
	return p.Open(c, nil)
}

// freeConns, and freeDialogs of each protocol, are kept for the next connections: with what they keep, some hundred KB a shard.
const (
	freeConns   = 128
	freeDialogs = 128
)

// drop ends a Dialog.
func (e *Engine) drop(p *Protocol, d Dialog) {
	if _, ok := d.(Resetter); ok && len(e.dialogs[p]) < freeDialogs {
		e.dialogs[p] = append(e.dialogs[p], d)
	}
}

// want tells whether column c is needed.
func (e *Engine) want(c record.Col) bool { return e.cfg.Want&(1<<c) != 0 }

// exchange is a request that waits for the end of its answer, or an answer that waits for its request.
type exchange struct {
	rec     record.Record
	seq     uint64        // place among the exchanges of its connection
	began   int64         // first byte of the request, ns
	asked   int64         // last byte of the request
	first   int64         // first byte of the answer
	last    int64         // last byte of the answer
	begun   bool          // a request was seen
	heard   bool          // an answer has begun
	orphan  bool          // an answer without request
	partly  bool          // only Parts of the request were seen
	more    bool          // the request goes on
	done    bool          // all of the answer was seen but for the fence behind it
	fences  int           // fences that were asked for with the request or behind it
	left    uint64        // what the request leaves for its answer
	lossy   bool          // counted in Conn.lossy
	marked  record.Doubts // what Conn.doubt gave it: exchanges before it have that too
	age     int           // messages of the connection since
	replies int
	keep    []byte // kept messages, each with its context
	runs    []record.Run
	parts   []part // where each of rec.Messages lies in keep and runs
	firsts  int    // how many of them are the first ones of the exchange, once later ones take the place of others
	cost    int    // what was charged for it
}

// part is where a kept message ends in an exchange's memory. That moves while it grows, so rec.Messages get their
// slices of it when the exchange is over.
type part struct{ data, context, runs int }

// weigh charges what the exchange takes now.
func (e *Engine) weigh(x *exchange) (more int) {
	cost := exchangeCost + x.rec.Memory() + cap(x.keep) + cap(x.runs)*runCost + cap(x.parts)*partCost
	more = cost - x.cost
	e.charge(more)
	x.cost = cost
	return more
}

const (
	runCost  = int(unsafe.Sizeof(wire.Run{}))
	partCost = int(unsafe.Sizeof(part{}))
)

// share is how many bytes one connection may make wait.
func (e *Engine) share() int { return e.cfg.Budget / connShare }

func (e *Engine) newExchange() *exchange {
	if n := len(e.exs); n > 0 {
		x := e.exs[n-1]
		e.exs = e.exs[:n-1]
		return x
	}
	return &exchange{rec: record.New()}
}

// Of the exchanges that are over, freeExchanges are kept for their next use, with up to keepText bytes for text and as many
// for messages: at most 1 MB a shard, which nobody counts.
const (
	freeExchanges = 128
	keepText      = 4 << 10
)

func (e *Engine) free(x *exchange) {
	e.charge(-x.cost)
	if len(e.exs) == freeExchanges {
		return
	}
	clear(x.rec.Messages) // what borrows from keep
	r, keep, runs, parts := x.rec, x.keep[:0], x.runs[:0], x.parts[:0]
	if r.Reset(); r.Memory() > keepText {
		r = record.New()
	}
	if cap(keep) > keepText {
		keep = nil
	}
	if cap(runs) > maxKept {
		runs = nil
	}
	*x = exchange{rec: r, keep: keep, runs: runs, parts: parts}
	e.exs = append(e.exs, x)
}

// fingerprint is the hash of a query without its values. It is XXH64, so that it stays the same from version to
// version and can be computed elsewhere.
func fingerprint(normal string) int64 { return int64(xxhash.Sum64String(normal)) }

// Finish completes a record that holds its facts and hands it on. It is the one way out, for
// exchanges seen in packets and for statements that a probe saw.
func (e *Engine) Finish(r *record.Record) {
	if e.want(record.Summary) && !r.Has(record.Summary) {
		r.SetSummary()
	}
	e.stats.Exchanges++
	if unanswered := r.Status == record.Unanswered || r.Status == record.Timeout; r.Doubts&(record.NoRequest|record.NoResponse) != 0 || unanswered && !r.Has(record.ResponseTime) {
		e.stats.Unpaired++
	}
	e.out(r)
}
