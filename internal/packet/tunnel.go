package packet

import "encoding/binary"

// UDP ports that say what is inside.
const (
	portVXLAN      = 4789
	portVXLANLinux = 8472 // what Linux used before 4789 was assigned; Flannel and Cilium still do
	portGeneve     = 6081
)

const udpHeader = 8

// udp reads tunnels over UDP.
func (r *Parser) udp(s *Segment, f span, depth int) Result {
	if len(f.b) < udpHeader {
		return f.short(udpHeader)
	}
	port := binary.BigEndian.Uint16(f.b[2:])
	f = f.skip(udpHeader)
	switch port {
	case portVXLAN, portVXLANLinux: // RFC 7348, section 5
		if len(f.b) < 8 {
			return f.short(8)
		}
		if f.b[0]&0x08 == 0 {
			return NotTCP
		}
		return r.ethernet(s, f.skip(8), depth+1)
	case portGeneve: // RFC 8926, section 3.4
		if len(f.b) < 8 {
			return f.short(8)
		}
		if f.b[0]>>6 != 0 {
			return NotTCP
		}
		header := 8 + int(f.b[0]&0x3f)*4
		if len(f.b) < header {
			return f.short(header)
		}
		return r.inside(s, f.skip(header), binary.BigEndian.Uint16(f.b[2:]), depth+1)
	}
	return NotTCP
}

// gre reads a GRE header (RFC 2784, RFC 2890), or that of PPTP (RFC 2637, section 4.1).
func (r *Parser) gre(s *Segment, f span, depth int) Result {
	if len(f.b) < 4 {
		return f.short(4)
	}
	const (
		checksum = 0x8000
		routing  = 0x4000 // RFC 1701; nobody sends it
		key      = 0x2000
		sequence = 0x1000
		ack      = 0x0080 // version 1
		version  = 0x0007
	)
	flags, kind := binary.BigEndian.Uint16(f.b), binary.BigEndian.Uint16(f.b[2:])
	header := 4
	for _, flag := range [...]uint16{checksum, key, sequence} {
		if flags&flag != 0 {
			header += 4
		}
	}
	switch {
	case flags&version == 1:
		if flags&ack != 0 {
			header += 4
		}
	case flags&version != 0, flags&routing != 0:
		return NotTCP
	}
	if kind == etherERSPAN2 && flags&sequence != 0 {
		header += 8 // type II; type I has no header
	}
	if kind == etherERSPAN3 { // https://datatracker.ietf.org/doc/html/draft-foschiano-erspan-03, section 4.3
		if len(f.b) < header+12 {
			return f.short(header + 12)
		}
		header += 12
		if f.b[header-2]&0x7c != 0 {
			return NotTCP // the mirrored frame is not Ethernet
		}
		if f.b[header-1]&1 != 0 {
			header += 8 // platform specific subheader
		}
	}
	if len(f.b) < header {
		return f.short(header)
	}
	return r.inside(s, f.skip(header), kind, depth)
}

// inside reads what a tunnel's protocol type announces: ethertypes, and a few that only tunnels have.
func (r *Parser) inside(s *Segment, f span, kind uint16, depth int) Result {
	switch kind {
	case etherBridging, etherERSPAN2, etherERSPAN3:
		return r.ethernet(s, f, depth)
	case etherPPP:
		return r.ppp(s, f, depth)
	}
	return r.etherType(s, f, kind, depth)
}
