package packet

import (
	"encoding/binary"
	"math/bits"

	"github.com/dbtap/dbtap/internal/capture"
)

// Limits on what a frame may hold before it is called malformed.
const (
	maxTags    = 8  // VLAN tags in a row; networks use two, provider networks three
	maxLabels  = 16 // MPLS labels in a row; segment routing uses about ten
	maxTunnels = 8  // tunnels inside one another; each costs the reader a few calls, and overlays use two or three
)

// Ethertypes: https://www.iana.org/assignments/ieee-802-numbers
const (
	etherIPv4      = 0x0800
	etherIPv6      = 0x86dd
	etherARP       = 0x0806
	etherVLAN      = 0x8100
	etherQinQ      = 0x88a8
	etherQinQOld   = 0x9100
	etherQinQOld2  = 0x9200
	etherMPLS      = 0x8847
	etherMPLSMulti = 0x8848
	etherPPPoE     = 0x8864 // session stage
	etherBridging  = 0x6558 // transparent Ethernet bridging
	etherPPP       = 0x880b
	etherERSPAN2   = 0x88be // types I and II
	etherERSPAN3   = 0x22eb
	minEtherType   = 0x0600 // smaller ones are lengths (IEEE 802.3, clause 3.2.6)
)

// link reads frames that do not begin with an Ethernet header.
func (r *Parser) link(s *Segment, f span, link capture.LinkType) Result {
	switch link {
	case capture.LinkSLL: // https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html
		if len(f.b) < 16 {
			return f.short(16)
		}
		return r.etherType(s, f.skip(16), binary.BigEndian.Uint16(f.b[14:]), 0)
	case capture.LinkSLL2: // https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html
		if len(f.b) < 20 {
			return f.short(20)
		}
		return r.etherType(s, f.skip(20), binary.BigEndian.Uint16(f.b), 0)
	case capture.LinkNull, capture.LinkLoop:
		return r.loopback(s, f)
	case capture.LinkRaw, capture.LinkRawBSD, capture.LinkRawOpen:
		return r.ip(s, f, 0)
	case capture.LinkIPv4:
		return r.ipv4(s, f, 0)
	case capture.LinkIPv6:
		return r.ipv6(s, f, 0)
	case capture.LinkPPP:
		return r.ppp(s, f, 0)
	case capture.LinkPPPEther:
		return r.pppoe(s, f, 0)
	case capture.LinkCHDLC:
		return r.ciscoHDLC(s, f)
	case capture.LinkPPPHDLC:
		if len(f.b) > 0 && (f.b[0] == 0x0f || f.b[0] == 0x8f) {
			return r.ciscoHDLC(s, f)
		}
		return r.ppp(s, f, 0)
	}
	if r.unknown == nil {
		r.unknown = make(map[capture.LinkType]uint64)
	}
	r.unknown[link]++
	return UnknownLink
}

func (r *Parser) ethernet(s *Segment, f span, depth int) Result {
	if depth > maxTunnels {
		return Malformed
	}
	if len(f.b) < 14 {
		return f.short(14)
	}
	kind := binary.BigEndian.Uint16(f.b[12:])
	if kind == etherIPv4 {
		return r.ipv4(s, f.skip(14), depth)
	}
	return r.etherType(s, f.skip(14), kind, depth)
}

// etherType reads what an ethertype announces.
func (r *Parser) etherType(s *Segment, f span, kind uint16, depth int) Result {
	for range maxTags + 1 {
		switch {
		case kind == etherIPv4:
			return r.ipv4(s, f, depth)
		case kind == etherIPv6:
			return r.ipv6(s, f, depth)
		case kind == etherVLAN, kind == etherQinQ, kind == etherQinQOld, kind == etherQinQOld2:
			if len(f.b) < 4 {
				return f.short(4)
			}
			kind, f = binary.BigEndian.Uint16(f.b[2:]), f.skip(4)
		case kind < minEtherType: // a length; IP is announced by SNAP (RFC 1042)
			if len(f.b) < 8 || [6]byte(f.b) != [6]byte{0xaa, 0xaa, 3} {
				return NotTCP
			}
			kind, f = binary.BigEndian.Uint16(f.b[6:]), f.skip(8)
			if kind < minEtherType {
				return NotTCP
			}
		case kind == etherMPLS, kind == etherMPLSMulti:
			return r.mpls(s, f, depth)
		case kind == etherPPPoE:
			return r.pppoe(s, f, depth)
		case kind == etherBridging:
			return r.ethernet(s, f, depth+1)
		default:
			return NotTCP
		}
	}
	return Malformed
}

// loopback reads an address family in either byte order, then IP. The numbers for IPv6 are those of Linux, Windows,
// NetBSD and OpenBSD, FreeBSD, and macOS.
func (r *Parser) loopback(s *Segment, f span) Result {
	if len(f.b) < 4 {
		return f.short(4)
	}
	family := binary.LittleEndian.Uint32(f.b)
	if family > 0xffff {
		family = bits.ReverseBytes32(family)
	}
	switch family {
	case 2:
		return r.ipv4(s, f.skip(4), 0)
	case 10, 23, 24, 28, 30:
		return r.ipv6(s, f.skip(4), 0)
	}
	return NotTCP
}

// ppp reads a PPP frame (RFC 1661, section 2; RFC 1662, section 3.1): address and control may be left out, and the
// protocol may be one byte.
func (r *Parser) ppp(s *Segment, f span, depth int) Result {
	if len(f.b) >= 2 && f.b[0] == 0xff && f.b[1] == 3 {
		f = f.skip(2)
	}
	if len(f.b) < 2 {
		return f.short(2)
	}
	kind, n := uint16(f.b[0]), 1
	if kind&1 == 0 {
		kind, n = binary.BigEndian.Uint16(f.b), 2
	}
	switch kind {
	case 0x0021:
		return r.ipv4(s, f.skip(n), depth)
	case 0x0057:
		return r.ipv6(s, f.skip(n), depth)
	case 0x0281, 0x0283:
		return r.mpls(s, f.skip(n), depth)
	}
	return NotTCP
}

// pppoe reads a PPPoE session header (RFC 2516, section 4), then PPP.
func (r *Parser) pppoe(s *Segment, f span, depth int) Result {
	if len(f.b) < 6 {
		return f.short(6)
	}
	if f.b[0] != 0x11 || f.b[1] != 0 {
		return NotTCP
	}
	return r.ppp(s, f.skip(6), depth)
}

func (r *Parser) ciscoHDLC(s *Segment, f span) Result {
	if len(f.b) < 4 {
		return f.short(4)
	}
	return r.etherType(s, f.skip(4), binary.BigEndian.Uint16(f.b[2:]), 0)
}

// mpls reads a stack of labels (RFC 3032). Nothing announces what follows: IP shows its version, and the rest is
// taken for Ethernet, with or without the control word of RFC 4385.
func (r *Parser) mpls(s *Segment, f span, depth int) Result {
	for range maxLabels {
		if len(f.b) < 5 {
			return f.short(5)
		}
		bottom := f.b[2]&1 != 0
		f = f.skip(4)
		if !bottom {
			continue
		}
		switch f.b[0] >> 4 {
		case 4:
			if len(f.b) < 4 || f.b[0]&0xf >= 5 && int(binary.BigEndian.Uint16(f.b[2:])) <= f.wire {
				return r.ipv4(s, f, depth)
			}
		case 6:
			if len(f.b) < 6 || int(binary.BigEndian.Uint16(f.b[4:]))+ipv6Header <= f.wire {
				return r.ipv6(s, f, depth)
			}
		case 0:
			if len(f.b) >= 4+14 && usualInside(binary.BigEndian.Uint16(f.b[4+12:])) {
				f = f.skip(4)
			}
		}
		return r.ethernet(s, f, depth+1)
	}
	return Malformed
}

// usualInside says that an ethertype is one of those found inside a pseudowire. It tells a control word, whose
// first bits are zero, from a hardware address that begins with zeros.
func usualInside(kind uint16) bool {
	switch kind {
	case etherIPv4, etherIPv6, etherARP, etherVLAN, etherQinQ, etherMPLS:
		return true
	}
	return false
}
