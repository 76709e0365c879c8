// Package packet reads one captured frame from its link header down to TCP, through VLAN tags and tunnels, and puts
// IP fragments together. It does not know streams: package assembly orders segments. It verifies no checksum: on
// the host that sends, the network card fills them in after the capture.
package packet

import (
	"maps"
	"net/netip"

	"github.com/dbtap/dbtap/internal/capture"
)

// TCP flags as in the header's fourteenth byte (RFC 9293, section 3.1).
const (
	FIN = 1 << iota
	SYN
	RST
	PSH
	ACK
)

// Segment is one TCP segment.
type Segment struct {
	Src, Dst netip.AddrPort // innermost IP addresses (IPv4-mapped are kept as they came)
	Seq, Ack uint32
	Flags    uint8
	Window   uint16
	Payload  []byte // captured payload, padding not included; borrowed like the packet's Data
	Missing  int    // payload bytes that were on the wire but not captured (snap length); they follow Payload
	Time     int64  // capture time, ns since the Unix epoch
	Number   uint64 // packet number in its file (of the last fragment, if there were several)
	Order    uint64 // place of the packet over all files, set by the caller
	Hash     uint64 // of the four-tuple, the same for both directions, seeded for each process
	Shard    uint32 // of the four-tuple, the same for both directions and for every process
}

// Result says what Parse found.
type Result uint8

const (
	TCP         Result = iota // the Segment is filled
	NotTCP                    // another protocol: ARP, UDP, ICMP, ...
	Fragment                  // a fragment of IP, kept until the others come
	Truncated                 // the capture ends inside the headers
	Malformed                 // a header contradicts itself
	UnknownLink               // a link type this package does not read
)

// Stats counts what Parse returned, in packets, and what became of fragmented datagrams.
type Stats struct {
	TCP, NotTCP, Fragments, Truncated, Malformed uint64

	Unknown map[capture.LinkType]uint64 // packets of link types this package does not read; nil if there were none

	Reassembled uint64 // datagrams put together, of any protocol
	Waiting     int    // datagrams of which fragments are kept now
	Dropped     uint64 // datagrams given up: too old, or to stay within a limit
}

// Parser holds the fragments of IP datagrams that are not whole yet, and counters. One goroutine uses it. The zero
// Parser is ready.
type Parser struct {
	results   [UnknownLink + 1]uint64
	unknown   map[capture.LinkType]uint64
	fragments fragments
}

// Parse reads p into s; s.Order is left alone. Unless it returns TCP, what s holds means nothing. s.Payload lies in
// p.Data, or in memory allocated for this one datagram when fragments were put together.
func (r *Parser) Parse(p *capture.Packet, s *Segment) Result {
	s.Time, s.Number = p.Time, p.Number
	f := span{p.Data, max(p.Length, len(p.Data))}
	var result Result
	if p.Link == capture.LinkEthernet {
		result = r.ethernet(s, f, 0)
	} else {
		result = r.link(s, f, p.Link)
	}
	r.results[result]++
	return result
}

// Stats returns the counters so far.
func (r *Parser) Stats() Stats {
	return Stats{
		TCP:         r.results[TCP],
		NotTCP:      r.results[NotTCP],
		Fragments:   r.results[Fragment],
		Truncated:   r.results[Truncated],
		Malformed:   r.results[Malformed],
		Unknown:     maps.Clone(r.unknown),
		Reassembled: r.fragments.reassembled,
		Waiting:     r.fragments.waiting,
		Dropped:     r.fragments.dropped,
	}
}

// span is one layer of a frame, header and all that follows.
type span struct {
	b    []byte // as captured
	wire int    // bytes on the wire; at least len(b)
}

// skip is what follows the first n bytes, which were captured.
func (f span) skip(n int) span { return span{f.b[n:], f.wire - n} }

// short says why fewer than n bytes of a header are there.
func (f span) short(n int) Result {
	if f.wire >= n {
		return Truncated
	}
	return Malformed
}
