package packet

import (
	"encoding/binary"
)

// maxExtensions is how many extension headers one packet may have. RFC 8200 knows seven kinds, one of them twice.
const maxExtensions = 16

// Protocol numbers: https://www.iana.org/assignments/protocol-numbers
const (
	protoHopByHop    = 0
	protoIPv4        = 4
	protoTCP         = 6
	protoUDP         = 17
	protoIPv6        = 41
	protoRouting     = 43
	protoFragment    = 44
	protoGRE         = 47
	protoAH          = 51
	protoDestination = 60
	protoMobility    = 135
	protoMPLS        = 137
	protoHIP         = 139
	protoShim6       = 140
)

const (
	ipv4Header = 20 // without options
	ipv6Header = 40
)

// ip reads either version.
func (r *Parser) ip(s *Segment, f span, depth int) Result {
	if len(f.b) == 0 {
		return f.short(1)
	}
	if f.b[0]>>4 == 6 {
		return r.ipv6(s, f, depth)
	}
	return r.ipv4(s, f, depth)
}

// ipv4 reads a header (RFC 791, section 3.1). Its total length is believed before the frame's: a frame may be
// padded, and some writers note the captured length where the length on the wire should be.
func (r *Parser) ipv4(s *Segment, f span, depth int) Result {
	if depth > maxTunnels {
		return Malformed
	}
	b := f.b
	if len(b) < ipv4Header {
		return f.short(ipv4Header)
	}
	header := int(b[0]&0xf) * 4
	if b[0]>>4 != 4 || header < ipv4Header {
		return Malformed
	}
	total := int(binary.BigEndian.Uint16(b[2:]))
	if total == 0 { // handed to the network card for segmentation: more than 16 bits tell
		total = f.wire
	}
	if total < header {
		return Malformed
	}
	if len(b) < header {
		return f.short(header)
	}
	body := span{b[header:min(total, len(b))], total - header}
	if part := binary.BigEndian.Uint16(b[6:]); part&0x3fff != 0 {
		key := fragmentKey{id: uint32(binary.BigEndian.Uint16(b[4:])), proto: b[9], version: 4}
		copy(key.src[:], b[12:16])
		copy(key.dst[:], b[16:20])
		return r.fragment(s, key, b[9], body, int(part&0x1fff)*8, part&0x2000 != 0, b, depth)
	}
	if b[9] == protoTCP {
		return tcp(s, body, b)
	}
	return r.transport(s, b[9], body, b, depth)
}

// ipv6 reads a header (RFC 8200, section 3). A payload length of 0 is that of a jumbogram, or of a packet handed to
// the network card for segmentation: the frame's length tells.
func (r *Parser) ipv6(s *Segment, f span, depth int) Result {
	if depth > maxTunnels {
		return Malformed
	}
	b := f.b
	if len(b) < ipv6Header {
		return f.short(ipv6Header)
	}
	if b[0]>>4 != 6 {
		return Malformed
	}
	payload := int(binary.BigEndian.Uint16(b[4:]))
	if payload == 0 {
		payload = f.wire - ipv6Header
	}
	body := span{b[ipv6Header:min(ipv6Header+payload, len(b))], payload}
	if b[6] == protoTCP {
		return tcp(s, body, b)
	}
	return r.transport(s, b[6], body, b, depth)
}

// transport reads what an IP header announces. ip is the IP packet, of either version.
func (r *Parser) transport(s *Segment, proto uint8, f span, ip []byte, depth int) Result {
	for range maxExtensions {
		switch proto {
		case protoTCP:
			return tcp(s, f, ip)
		case protoUDP:
			return r.udp(s, f, depth)
		case protoIPv4:
			return r.ipv4(s, f, depth+1)
		case protoIPv6:
			return r.ipv6(s, f, depth+1)
		case protoGRE:
			return r.gre(s, f, depth+1)
		case protoMPLS:
			return r.mpls(s, f, depth+1)
		}
		header := 0
		switch proto {
		case protoAH: // RFC 4302, section 2
			header = 12
		case protoHopByHop, protoRouting, protoDestination, protoMobility, protoHIP, protoShim6, protoFragment:
			header = 8
		}
		if header == 0 || ip[0]>>4 != 6 && proto != protoAH {
			return NotTCP
		}
		if len(f.b) < header {
			return f.short(header)
		}
		next := f.b[0]
		switch proto {
		case protoAH:
			header = (int(f.b[1]) + 2) * 4
		case protoFragment:
			part := binary.BigEndian.Uint16(f.b[2:])
			if part&^6 != 0 { // else there is only one fragment
				key := fragmentKey{id: binary.BigEndian.Uint32(f.b[4:]), version: 6}
				copy(key.src[:], ip[8:24])
				copy(key.dst[:], ip[24:40])
				return r.fragment(s, key, next, f.skip(header), int(part&^7), part&1 != 0, ip, depth)
			}
		default:
			header = (int(f.b[1]) + 1) * 8
		}
		if len(f.b) < header {
			return f.short(header)
		}
		proto, f = next, f.skip(header)
	}
	return Malformed
}
