// Package assembly knows flows and TCP: it finds the flow of a segment, puts the bytes of both directions in order
// and hands them on as chunks. It does not read packets (package packet does) nor know what the bytes mean.
//
// A Table is one shard. One goroutine owns it, so there are no locks; the caller deals segments to a fixed number
// of tables by Segment.Shard, so that what comes out does not depend on the number of cores. Nothing here asks the
// clock or iterates over a map: the same segments in give the same calls out. Time is packet time.
//
// What to know before changing it:
//
//   - Bytes that come in order are lent on without a copy. Bytes that have to wait (for a hole before them, or for
//     the other direction) are copied into pooled buffers; a flow in such trouble has a hold, all others have none
//     and pay one nil check.
//   - A chunk waits for the other direction if its segment acknowledges bytes of that direction which were not yet
//     delivered: an answer captured before its request comes out after it. A direction of which nothing was ever
//     seen holds nobody, so one-sided captures cost no copies.
//   - A hole is given up when the receiver has acknowledged it and it still did not fill within a bound, when too
//     much waits behind it, and when the flow ends. A hole nobody acknowledged is left to the sender's next
//     attempt.
//   - The Time and Packet of a chunk without data are those of the packet that showed the loss.
//   - Sequence numbers far from where a direction is are not believed. If several follow each other, the direction
//     goes on there after a long loss, or the ports have a new owner.
//   - Of overlapping bytes the first wins, those delivered and those held.
//   - A direction first seen in mid-stream begins at its first segment. Nothing is held to look for an earlier
//     one: if the first two segments come swapped, the earlier one counts as retransmitted.
//   - When a flow ends, what the other side acknowledged and nobody saw is said to be missing; but not one single
//     byte, which was more likely a FIN.
//   - A reset ends a flow where it was captured: bytes captured after it do not count, in either direction.
//   - A closed flow stays as a tombstone for a while, so that late packets of it do not look like a new flow. A
//     packet without payload and without SYN never makes a flow.
package assembly

import (
	"time"

	"github.com/dbtap/dbtap/internal/stream"
)

// Config is what New needs to know. The zero value is usable.
type Config struct {
	// Budget is the number of bytes that this table may use: flows, held data, its pools, and what Charge adds.
	// 0 means DefaultBudget; less than MinBudget means MinBudget.
	Budget int

	// Opened, if set, is called at the first packet of each flow, before any chunk of it: slot is that of the
	// flow, packet the number in its file, order as in stream.Chunk. There is no call for the end of a flow that
	// never carried a byte: its slot is just used again.
	Opened func(slot uint32, packet, order uint64)
}

// Budgets in bytes.
const (
	DefaultBudget = 64 << 20
	MinBudget     = 64 << 10 // room for a few flows and one held segment of each
)

// Limits on what waits.
const (
	// An acknowledged hole is lost after so many further segments of its flow, or so much later. A capture that
	// drops a packet never brings it, one that merges several queues brings it within a batch of a queue.
	lossSegments = 64
	lossTime     = int64(time.Second)

	// Without acknowledgements (a one-sided capture) a hole may also be one that the sender is about to fill:
	// leave time for a retransmission timeout, which begins at 200 ms and doubles.
	aloneSegments = 512
	aloneTime     = int64(3 * time.Second)

	// What may wait in one direction of a flow, in segments (a sorted list: this bounds the walk to a place in
	// it) and in bytes (beyond the usual largest receive window, 6 MiB on Linux).
	maxHeldSegments = 4096
	maxHeldBytes    = 8 << 20
)

// Limits on what is believed.
const (
	// A segment or acknowledgement farther than this from what was delivered is wild. Most windows are below
	// 16 MiB; the rest is room for bytes that the capture lost.
	plausible = 64 << 20

	// A direction of which so many wild segments in a row follow each other goes on there: a long loss if it lies
	// at most maxGap ahead, else another connection on the same ports.
	wildSegments = 3
	maxGap       = 1 << 30

	// A reset counts if its sequence number is at most this far from what is expected.
	resetWindow = 16 << 20

	// A SYN or SYN-ACK that comes after payload of its direction still belongs to it, if the flow is so young and
	// its number lies so few bytes back.
	lateTime  = int64(time.Second)
	lateBytes = 1 << 20

	// No segment is larger than this: IP ends at 64 KiB, segmentation offload at a few hundred.
	maxSegment = 16 << 20
)

// How long a flow without packets is kept. Eviction may end it sooner.
const (
	// The usual keep-alive interval is two hours; a pooled database connection may be silent for that long, and what
	// was agreed at its beginning (the protocol, prepared statements) is not to be had again.
	liveIdle = int64(2*time.Hour + 15*time.Minute)
	// A SYN is repeated at intervals of up to 64 s.
	halfIdle = int64(2 * time.Minute)
	// One end has said FIN: the other rarely has more to say for long.
	closingIdle = int64(5 * time.Minute)
	// From the end of a flow: retransmissions and duplicates come within seconds.
	closedIdle = int64(30 * time.Second)

	// A SYN with the same number so long after the end of a flow is a new connection, not a duplicate.
	synDuplicate = int64(time.Second)
)

// Other bounds.
const (
	touchInterval = int64(time.Second) // a flow moves to the young end of its list at most this often
	expireFlows   = 256                // flows ended by one Expire, for each kind
	expireHolds   = 64                 // waiting flows looked at by one Expire

	// Shares of the budget that flows without payload may use, so that a flood of them cannot push out real ones.
	halfShare   = 4
	closedShare = 8
)

// Stats counts what a Table saw. Bytes are bytes of payload.
type Stats struct {
	Segments       uint64 // all
	Stray          uint64 // segments without flow and without payload, and late ones of closed flows
	Flows          uint64 // flows begun, also those that never carried a byte
	Streams        uint64 // flows that carried bytes
	Delivered      uint64 // bytes handed on
	Lost           uint64 // bytes missing, not captured at all
	Cut            uint64 // bytes missing, beyond the snap length
	Retransmitted  uint64 // bytes that had been delivered or held already: retransmissions, duplicates, keep-alives
	Conflicting    uint64 // those of them known to differ from the first copy (delivered bytes are not compared)
	Reordered      uint64 // segments that came before bytes in front of them
	Waited         uint64 // segments that waited for the other direction
	Wild           uint64 // segments not believed
	Reused         uint64 // flows ended by another one on the same ports
	Evicted        uint64 // flows with bytes ended to stay within the budget
	HalfOpenEvicts uint64 // flows without bytes forgotten to stay within the budget
	Live           int    // flows now in the table, closed ones not counted
	Used, Peak     int    // bytes of the budget in use, now and at most after a call
}

// Table is one shard of flows. One goroutine uses it.
type Table struct {
	open   func(*stream.Flow) stream.Handler
	opened func(slot uint32, packet, order uint64)
	budget int
	used   int

	buckets []*flow // chained through flow.chain; the length is a power of two
	lists   [kinds]list
	holds   holdList
	free    pools
	slots   []uint32 // free slots
	freed   []uint32 // slots freed by the packet at place freedAt: a flow that it begins must not take them
	freedAt uint64
	next    uint32 // lowest slot never used
	born    uint64 // flows begun

	now       int64        // time of the newest packet
	order     uint64       // its order
	chunk     stream.Chunk // the one that is lent out
	stats     Stats
	maxHalf   int
	maxClosed int
}

// New makes an empty table. open is called when the first chunk of a flow is about to be delivered, and must not
// return nil. The flow it is given stays valid until HandleClose of the handler it returned has returned; of its
// fields only RTT may still change.
func New(cfg Config, open func(*stream.Flow) stream.Handler) *Table {
	t := &Table{open: open, opened: cfg.Opened, budget: cfg.Budget}
	if t.budget == 0 {
		t.budget = DefaultBudget
	}
	t.budget = max(t.budget, MinBudget)
	t.maxHalf = t.budget / halfShare / flowCost
	t.maxClosed = t.budget / closedShare / flowCost
	t.rehash(minBuckets)
	return t
}

// Stats returns the counters.
func (t *Table) Stats() Stats {
	s := t.stats
	for k := range t.lists {
		if kind(k) != closed {
			s.Live += t.lists[k].n
		}
	}
	s.Used = t.used
	return s
}

// Charge adds n bytes (or takes them back, if n is negative) that a handler keeps to the use of the budget. It may
// be called from a handler. What exceeds the budget is won back by ending the flows that were silent longest, at the
// end of the Segment or Expire that is running, or of the next.
func (t *Table) Charge(n int) { t.used += n }
