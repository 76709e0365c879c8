// Package packet reads one captured frame from its link header down to TCP, through VLAN tags and tunnels, and puts
// IP fragments together. It does not know streams: package assembly orders segments.
package packet

import (
	"net/netip"

	"github.com/dbtap/dbtap/internal/capture"
)

// TCP flags as in the header's thirteenth byte (RFC 9293, section 3.1).
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

// Parser holds the fragments of IP datagrams that are not whole yet, and counters. One goroutine uses it.
type Parser struct{}

// Parse reads p into s; s.Order is left alone. s.Payload lies in p.Data, or in memory allocated for this one
// datagram when fragments were put together.
func (r *Parser) Parse(p *capture.Packet, s *Segment) Result { return NotTCP }
