// Package stream knows byte streams between two ends: flows, their directions and the chunks that travel on them.
// It does not know where the bytes come from (TCP reassembly, a probe in a process, a decryption layer) nor what
// they mean.
//
// One rule for memory holds on every interface here: what you are handed is borrowed until you return; to keep
// it, copy it.
package stream

import "net/netip"

// Dir is a direction of a Flow.
type Dir uint8

const (
	Forward  Dir = iota // from Flow.A to Flow.B
	Backward            // from Flow.B to Flow.A
)

// Opposite is the other direction.
func (d Dir) Opposite() Dir { return d ^ 1 }

// Flow is one connection as the floor below sees it.
type Flow struct {
	A, B      netip.AddrPort // A sent the SYN where one was seen, else the first packet; who is client is l7's to find
	Slot      uint32         // small number of the flow in its shard, used again after the flow's end
	Start     int64          // time of the first packet, ns since the Unix epoch
	RTT       int64          // network round trip from the handshake, ns; 0 if it was not seen
	Midstream bool           // the beginning was not seen
}

// Chunk is a run of bytes of one direction, next in order. It either carries Data, or says that Missing bytes lie
// between the last chunk of its direction and the next.
type Chunk struct {
	Dir     Dir
	Cut     bool   // Missing bytes are on the wire but not in the capture (snap length); without it they were lost
	Missing int    // number of absent bytes, > 0 only when Data is empty
	Data    []byte // borrowed
	Time    int64  // capture time of the packet that carried it, ns since the Unix epoch
	Packet  uint64 // number of that packet in its file
	Order   uint64 // place of the packet whose arrival released this chunk, counted over all files; never falls
}

// Reason says why a flow ended.
type Reason uint8

const (
	Finished Reason = iota // both ends closed
	Reset                  // one end reset it
	Idle                   // no packet for longer than the idle limit
	Evicted                // given up to stay within the memory budget
	Reused                 // a new connection took the same addresses and ports
	Ended                  // the source ended
)

func (r Reason) String() string {
	return [...]string{"finished", "reset", "idle", "evicted", "reused", "ended"}[r]
}

// Handler takes what travels on one flow. Calls come from one goroutine, in order.
type Handler interface {
	// HandleChunk takes the next chunk of either direction. The chunk and its Data are borrowed.
	HandleChunk(f *Flow, c *Chunk)
	// HandleClose is the last call. at is the time of the last packet, order as in Chunk.
	HandleClose(f *Flow, why Reason, at int64, order uint64)
}

// Layer stands between a flow and its Handler: chunks of ciphertext or compressed bytes in, chunks of plain bytes
// out. It hands on to next in the same goroutine; a chunk it makes keeps Time, Packet and Order of the bytes it was
// made from. After a gap whose length in plain bytes it cannot tell, Missing is Unknown.
type Layer interface {
	// HandleChunk takes the next chunk. It may keep up to room bytes more than it does, and returns how many it keeps.
	HandleChunk(f *Flow, c *Chunk, room int, next Handler) (held int)
}

// Unknown is the length of a gap of unknown length: more than any message has.
const Unknown = 1 << 40
