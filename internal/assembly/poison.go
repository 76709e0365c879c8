//go:build poison

package assembly

import (
	"net/netip"

	"github.com/dbtap/dbtap/internal/stream"
)

// With this build tag, memory that was lent is overwritten when the loan ends, so that whoever kept it shows.
const poisoned = 0xDB

func poison(b []byte) {
	b = b[:cap(b)]
	for i := range b {
		b[i] = poisoned
	}
}

func poisonChunk(c *stream.Chunk) {
	*c = stream.Chunk{Dir: poisoned, Cut: true, Missing: -poisoned, Time: -poisoned, Packet: 1<<64 - poisoned, Order: 1<<64 - poisoned}
}

func poisonFlow(f *flow) {
	nowhere := netip.AddrPortFrom(netip.IPv6Unspecified(), 0xDBDB)
	f.Flow = stream.Flow{A: nowhere, B: nowhere, Slot: 1<<32 - 1, Start: -poisoned, RTT: -poisoned}
}
