package packet

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"net"
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/dbtap/dbtap/internal/capture"
)

// serialize writes layers with gopacket, lengths and checksums filled in.
func serialize(t testing.TB, parts ...gopacket.SerializableLayer) gopacket.Payload {
	t.Helper()
	buf := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true}, parts...)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(buf.Bytes())
}

var (
	macA = net.HardwareAddr{0x02, 0, 0, 0, 0, 1}
	macB = net.HardwareAddr{0x02, 0, 0, 0, 0, 2}
)

func ether(kind layers.EthernetType) *layers.Ethernet {
	return &layers.Ethernet{SrcMAC: macA, DstMAC: macB, EthernetType: kind}
}

func ip4(proto layers.IPProtocol) *layers.IPv4 {
	return &layers.IPv4{Version: 4, TTL: 64, Id: 7, Protocol: proto, SrcIP: net.IP{10, 0, 0, 1}, DstIP: net.IP{10, 0, 0, 2}}
}

func ip6(next layers.IPProtocol) *layers.IPv6 {
	return &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: next, SrcIP: net.ParseIP("2001:db8::1"), DstIP: net.ParseIP("2001:db8::2")}
}

// outer4 and outer6 have addresses that must not appear in a Segment.
func outer4(proto layers.IPProtocol) *layers.IPv4 {
	return &layers.IPv4{Version: 4, TTL: 9, Id: 9, Protocol: proto, SrcIP: net.IP{192, 0, 2, 1}, DstIP: net.IP{192, 0, 2, 2}}
}

func outer6(next layers.IPProtocol) *layers.IPv6 {
	return &layers.IPv6{Version: 6, NextHeader: next, SrcIP: net.ParseIP("fe80::1"), DstIP: net.ParseIP("fe80::2")}
}

func tcpLayer() *layers.TCP {
	return &layers.TCP{
		SrcPort: 40000, DstPort: 27017, Seq: 1000, Ack: 2000, PSH: true, ACK: true, Window: 512,
		Options: []layers.TCPOption{{OptionType: layers.TCPOptionKindTimestamps, OptionLength: 10, OptionData: make([]byte, 8)}},
	}
}

// raw is bytes as they are.
func raw(s string) gopacket.Payload { return gopacket.Payload(s) }

// inner is TCP in IP, as bytes for an outer header.
func inner4(t testing.TB, payload string) gopacket.Payload {
	return serialize(t, ip4(layers.IPProtocolTCP), tcpLayer(), raw(payload))
}

func inner6(t testing.TB, payload string) gopacket.Payload {
	return serialize(t, ip6(layers.IPProtocolTCP), tcpLayer(), raw(payload))
}

func frame(data []byte, link capture.LinkType) *capture.Packet {
	return &capture.Packet{Data: data, Length: len(data), Link: link, Time: 5, Number: 6}
}

func want4() Segment {
	return Segment{
		Src: netip.MustParseAddrPort("10.0.0.1:40000"), Dst: netip.MustParseAddrPort("10.0.0.2:27017"),
		Seq: 1000, Ack: 2000, Flags: PSH | ACK, Window: 512, Time: 5, Number: 6,
	}
}

func want6() Segment {
	s := want4()
	s.Src, s.Dst = netip.MustParseAddrPort("[2001:db8::1]:40000"), netip.MustParseAddrPort("[2001:db8::2]:27017")
	return s
}

// check compares all but Hash and Shard.
func check(t *testing.T, got, want Segment, payload string, missing int) {
	t.Helper()
	if string(got.Payload) != payload || got.Missing != missing {
		t.Errorf("payload is %.80q and %d missing, want %.80q and %d", got.Payload, got.Missing, payload, missing)
	}
	got.Payload, got.Missing, got.Hash, got.Shard = nil, 0, 0, 0
	if g, w := withoutSlices(got), withoutSlices(want); g != w {
		t.Errorf("segment is\n%+v, want\n%+v", g, w)
	}
}

// comparable is a Segment that == compares.
type comparableSegment struct {
	src, dst     netip.AddrPort
	seq, ack     uint32
	flags        uint8
	window       uint16
	time         int64
	number, rank uint64
}

func withoutSlices(s Segment) comparableSegment {
	return comparableSegment{s.Src, s.Dst, s.Seq, s.Ack, s.Flags, s.Window, s.Time, s.Number, s.Order}
}

func TestLayers(t *testing.T) {
	gre := func(kind layers.EthernetType) *layers.GRE { return &layers.GRE{Protocol: kind} }
	greKey := &layers.GRE{Protocol: layers.EthernetTypeIPv4, ChecksumPresent: true, KeyPresent: true, Key: 5, SeqPresent: true, Seq: 9}
	udp := func(port layers.UDPPort) *layers.UDP { return &layers.UDP{SrcPort: 5555, DstPort: port} }
	vxlan := &layers.VXLAN{ValidIDFlag: true, VNI: 77}
	geneve := &layers.Geneve{Protocol: layers.EthernetTypeTransparentEthernetBridging, VNI: 3,
		OptionsLength: 8, Options: []*layers.GeneveOption{{Class: 1, Type: 2, Length: 8, Data: []byte("data")}}}
	tag := func(kind layers.EthernetType) *layers.Dot1Q {
		return &layers.Dot1Q{VLANIdentifier: 5, Type: kind}
	}
	label := func(bottom bool) *layers.MPLS { return &layers.MPLS{Label: 99, StackBottom: bottom, TTL: 9} }
	ppp := func(kind layers.PPPType) *layers.PPP { return &layers.PPP{PPPType: kind} }
	bridged := serialize(t, ether(layers.EthernetTypeIPv4), inner4(t, "hello"))
	v4, v6 := inner4(t, "hello"), inner6(t, "hello")
	session := func(n int) *layers.PPPoE {
		return &layers.PPPoE{Version: 1, Type: 1, Code: layers.PPPoECodeSession, SessionId: 8, Length: uint16(n)}
	}
	hop := "\x06\x01" + "\x01\x0c" + "............" // 16 bytes: PadN
	for _, c := range []struct {
		name  string
		link  capture.LinkType
		want  func() Segment
		parts []gopacket.SerializableLayer
	}{
		{"ethernet", capture.LinkEthernet, want4, []gopacket.SerializableLayer{ether(layers.EthernetTypeIPv4), v4}},
		{"ethernet 6", capture.LinkEthernet, want6, []gopacket.SerializableLayer{ether(layers.EthernetTypeIPv6), v6}},
		{"padded", capture.LinkEthernet, want4, []gopacket.SerializableLayer{ether(layers.EthernetTypeIPv4), v4, raw("\x00\x00\x00padding")}},
		{"padded 6", capture.LinkEthernet, want6, []gopacket.SerializableLayer{ether(layers.EthernetTypeIPv6), v6, raw("\x00\x00\x00padding")}},
		{"vlan", capture.LinkEthernet, want4, []gopacket.SerializableLayer{ether(layers.EthernetTypeDot1Q), tag(layers.EthernetTypeIPv4), v4}},
		{"qinq", capture.LinkEthernet, want6, []gopacket.SerializableLayer{ether(layers.EthernetTypeQinQ), tag(layers.EthernetTypeDot1Q), tag(layers.EthernetTypeIPv6), v6}},
		{"snap", capture.LinkEthernet, want4, []gopacket.SerializableLayer{
			raw("\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\x00\x50\xaa\xaa\x03\x00\x00\x00\x08\x00"), v4}},
		{"mpls", capture.LinkEthernet, want4, []gopacket.SerializableLayer{ether(layers.EthernetTypeMPLSUnicast), label(false), label(true), v4}},
		{"mpls 6", capture.LinkEthernet, want6, []gopacket.SerializableLayer{ether(layers.EthernetTypeMPLSUnicast), label(true), v6}},
		{"pseudowire", capture.LinkEthernet, want4, []gopacket.SerializableLayer{ether(layers.EthernetTypeMPLSMulticast), label(true), bridged}},
		{"pseudowire with control word", capture.LinkEthernet, want4, []gopacket.SerializableLayer{
			ether(layers.EthernetTypeMPLSUnicast), label(true), raw("\x00\x00\x00\x01"), bridged}},
		{"pseudowire to an address like IPv4", capture.LinkEthernet, want4, []gopacket.SerializableLayer{
			ether(layers.EthernetTypeMPLSUnicast), label(true), raw("\x44\x01"), bridged[2:]}},
		{"pseudowire to an address like IPv6", capture.LinkEthernet, want4, []gopacket.SerializableLayer{
			ether(layers.EthernetTypeMPLSUnicast), label(true), raw("\x60\x01\x02\x03\xff\xff"), bridged[6:]}},
		{"pppoe", capture.LinkEthernet, want4, []gopacket.SerializableLayer{ether(layers.EthernetTypePPPoESession), session(len(v4) + 2), ppp(layers.PPPTypeIPv4), v4}},
		{"pppoe link", capture.LinkPPPEther, want6, []gopacket.SerializableLayer{session(len(v6) + 2), ppp(layers.PPPTypeIPv6), v6}},
		{"ppp", capture.LinkPPP, want4, []gopacket.SerializableLayer{raw("\xff\x03"), ppp(layers.PPPTypeIPv4), v4}},
		{"ppp one byte", capture.LinkPPP, want6, []gopacket.SerializableLayer{raw("\x57"), v6}},
		{"ppp mpls", capture.LinkPPP, want4, []gopacket.SerializableLayer{ppp(layers.PPPTypeMPLSUnicast), label(true), v4}},
		{"ppp hdlc", capture.LinkPPPHDLC, want4, []gopacket.SerializableLayer{raw("\xff\x03\x00\x21"), v4}},
		{"cisco hdlc in ppp", capture.LinkPPPHDLC, want4, []gopacket.SerializableLayer{raw("\x0f\x00\x08\x00"), v4}},
		{"cisco hdlc", capture.LinkCHDLC, want6, []gopacket.SerializableLayer{raw("\x8f\x00\x86\xdd"), v6}},
		{"null", capture.LinkNull, want4, []gopacket.SerializableLayer{&layers.Loopback{Family: layers.ProtocolFamilyIPv4}, v4}},
		{"null 6", capture.LinkNull, want6, []gopacket.SerializableLayer{&layers.Loopback{Family: layers.ProtocolFamilyIPv6Darwin}, v6}},
		{"null of a big-endian host", capture.LinkNull, want4, []gopacket.SerializableLayer{raw("\x00\x00\x00\x02"), v4}},
		{"loop", capture.LinkLoop, want6, []gopacket.SerializableLayer{raw("\x00\x00\x00\x18"), v6}},
		{"raw", capture.LinkRaw, want4, []gopacket.SerializableLayer{v4}},
		{"raw 6", capture.LinkRaw, want6, []gopacket.SerializableLayer{v6}},
		{"raw bsd", capture.LinkRawBSD, want6, []gopacket.SerializableLayer{v6}},
		{"raw openbsd", capture.LinkRawOpen, want4, []gopacket.SerializableLayer{v4}},
		{"ipv4", capture.LinkIPv4, want4, []gopacket.SerializableLayer{v4}},
		{"ipv6", capture.LinkIPv6, want6, []gopacket.SerializableLayer{v6}},
		{"sll", capture.LinkSLL, want4, []gopacket.SerializableLayer{raw("\x00\x00\x00\x01\x00\x06\x02\x00\x00\x00\x00\x01\x00\x00\x08\x00"), v4}},
		{"sll vlan", capture.LinkSLL, want4, []gopacket.SerializableLayer{
			raw("\x00\x00\x00\x01\x00\x06\x02\x00\x00\x00\x00\x01\x00\x00\x81\x00"), tag(layers.EthernetTypeIPv4), v4}},
		{"sll2", capture.LinkSLL2, want6, []gopacket.SerializableLayer{
			raw("\x86\xdd\x00\x00\x00\x00\x00\x02\x00\x01\x00\x06\x02\x00\x00\x00\x00\x01\x00\x00"), v6}},
		{"gre", capture.LinkRaw, want4, []gopacket.SerializableLayer{outer4(layers.IPProtocolGRE), gre(layers.EthernetTypeIPv4), v4}},
		{"gre 6", capture.LinkRaw, want6, []gopacket.SerializableLayer{outer6(layers.IPProtocolGRE), gre(layers.EthernetTypeIPv6), v6}},
		{"gre key", capture.LinkRaw, want4, []gopacket.SerializableLayer{outer4(layers.IPProtocolGRE), greKey, v4}},
		{"gre bridging", capture.LinkRaw, want4, []gopacket.SerializableLayer{
			outer4(layers.IPProtocolGRE), gre(layers.EthernetTypeTransparentEthernetBridging), bridged}},
		{"gre mpls", capture.LinkRaw, want4, []gopacket.SerializableLayer{outer4(layers.IPProtocolGRE), gre(layers.EthernetTypeMPLSUnicast), label(true), v4}},
		{"erspan 1", capture.LinkRaw, want4, []gopacket.SerializableLayer{outer4(layers.IPProtocolGRE), gre(0x88be), bridged}},
		{"erspan 2", capture.LinkRaw, want4, []gopacket.SerializableLayer{
			outer4(layers.IPProtocolGRE), &layers.GRE{Protocol: layers.EthernetTypeERSPAN, SeqPresent: true}, &layers.ERSPANII{Version: 1}, bridged}},
		{"erspan 3", capture.LinkRaw, want4, []gopacket.SerializableLayer{
			outer4(layers.IPProtocolGRE), &layers.GRE{Protocol: 0x22eb, SeqPresent: true}, raw("\x20.........\x00\x00"), bridged}},
		{"erspan 3 with subheader", capture.LinkRaw, want4, []gopacket.SerializableLayer{
			outer4(layers.IPProtocolGRE), &layers.GRE{Protocol: 0x22eb, SeqPresent: true}, raw("\x20.........\x00\x01subheadr"), bridged}},
		{"pptp", capture.LinkRaw, want4, []gopacket.SerializableLayer{
			outer4(layers.IPProtocolGRE), raw("\x30\x81\x88\x0b\x00\x20\x00\x01sequackn"), ppp(layers.PPPTypeIPv4), v4}},
		{"vxlan", capture.LinkEthernet, want4, []gopacket.SerializableLayer{ether(layers.EthernetTypeIPv4), outer4(layers.IPProtocolUDP), udp(4789), vxlan, bridged}},
		{"vxlan 8472", capture.LinkEthernet, want4, []gopacket.SerializableLayer{ether(layers.EthernetTypeIPv6), outer6(layers.IPProtocolUDP), udp(8472), vxlan, bridged}},
		{"geneve", capture.LinkEthernet, want4, []gopacket.SerializableLayer{ether(layers.EthernetTypeIPv4), outer4(layers.IPProtocolUDP), udp(6081), geneve, bridged}},
		{"geneve ip", capture.LinkRaw, want6, []gopacket.SerializableLayer{
			outer4(layers.IPProtocolUDP), udp(6081), &layers.Geneve{Protocol: layers.EthernetTypeIPv6}, v6}},
		{"ip in ip", capture.LinkRaw, want4, []gopacket.SerializableLayer{outer4(layers.IPProtocolIPv4), v4}},
		{"6in4", capture.LinkRaw, want6, []gopacket.SerializableLayer{outer4(layers.IPProtocolIPv6), v6}},
		{"6in6", capture.LinkRaw, want6, []gopacket.SerializableLayer{outer6(layers.IPProtocolIPv6), v6}},
		{"4in6", capture.LinkRaw, want4, []gopacket.SerializableLayer{outer6(layers.IPProtocolIPv4), v4}},
		{"mpls in ip", capture.LinkRaw, want4, []gopacket.SerializableLayer{outer4(layers.IPProtocolMPLSInIP), label(true), v4}},
		{"three tunnels", capture.LinkRaw, want4, []gopacket.SerializableLayer{
			outer4(layers.IPProtocolIPv6), outer6(layers.IPProtocolGRE), gre(layers.EthernetTypeIPv4), outer4(layers.IPProtocolUDP), udp(4789), vxlan, bridged}},
		{"hop by hop", capture.LinkRaw, want6, []gopacket.SerializableLayer{ip6(0), raw(hop), tcpLayer(), raw("hello")}},
		{"destination, routing", capture.LinkRaw, want6, []gopacket.SerializableLayer{
			ip6(layers.IPProtocolIPv6Destination), raw("\x2b" + hop[1:]), raw(hop), tcpLayer(), raw("hello")}},
		{"ah 6", capture.LinkRaw, want6, []gopacket.SerializableLayer{ip6(layers.IPProtocolAH), raw("\x06\x04..spi.sequ0123456789ab"), tcpLayer(), raw("hello")}},
		{"ah 4", capture.LinkRaw, want4, []gopacket.SerializableLayer{ip4(layers.IPProtocolAH), raw("\x06\x04..spi.sequ0123456789ab"), tcpLayer(), raw("hello")}},
		{"a single fragment", capture.LinkRaw, want6, []gopacket.SerializableLayer{ip6(layers.IPProtocolIPv6Fragment), raw("\x06.\x00\x00\x00\x00\x00\x01"), tcpLayer(), raw("hello")}},
		{"options", capture.LinkRaw, want4, []gopacket.SerializableLayer{
			func() *layers.IPv4 {
				ip := ip4(layers.IPProtocolTCP)
				ip.Options = []layers.IPv4Option{{OptionType: 148, OptionLength: 4, OptionData: []byte{0, 0}}}
				return ip
			}(), tcpLayer(), raw("hello")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r Parser
			var s Segment
			data := serialize(t, c.parts...)
			if got := r.Parse(frame(data, c.link), &s); got != TCP {
				t.Fatalf("result is %d for % x", got, data)
			}
			check(t, s, c.want(), "hello", 0)
			// Cut anywhere, it is a TCP segment with some of its payload missing, or says that it is cut.
			for n := range data {
				p := frame(data[:n], c.link)
				p.Length = len(data)
				switch got := r.Parse(p, &s); got {
				case TCP:
					check(t, s, c.want(), "hello"[:len(s.Payload)], 5-len(s.Payload))
				case Truncated, NotTCP: // a pseudowire with little inside cannot be told from other things
				default:
					t.Fatalf("cut at %d: result is %d", n, got)
				}
			}
		})
	}
}

func TestResults(t *testing.T) {
	v4 := inner4(t, "hello")
	patch := func(b gopacket.Payload, at int, v ...byte) gopacket.Payload {
		b = bytes.Clone(b)
		copy(b[at:], v)
		return b
	}
	deep := v4
	for range maxTunnels + 1 {
		deep = serialize(t, outer4(layers.IPProtocolIPv4), deep)
	}
	bridges := serialize(t, ether(layers.EthernetTypeIPv4), v4)
	for range maxTunnels + 1 {
		bridges = serialize(t, ether(layers.EthernetTypeTransparentEthernetBridging), bridges)
	}
	tags := append(bytes.Repeat([]byte{0x81, 0, 0, 1}, maxTags+1), 8, 0)
	labels := bytes.Repeat([]byte{0, 0, 0, 9}, maxLabels+1)
	extensions := bytes.Repeat([]byte{60, 0, 1, 4, 0, 0, 0, 0}, maxExtensions)
	v6 := inner6(t, "hello")
	for _, c := range []struct {
		name string
		link capture.LinkType
		data []byte
		want Result
	}{
		{"nothing", capture.LinkEthernet, nil, Malformed},
		{"nothing raw", capture.LinkRaw, nil, Malformed},
		{"arp", capture.LinkEthernet, serialize(t, ether(layers.EthernetTypeARP), raw("who has")), NotTCP},
		{"spanning tree", capture.LinkEthernet, serialize(t, ether(0x26), raw("\x42\x42\x03\x00\x00\x00\x00\x00")), NotTCP},
		{"snap of a length", capture.LinkEthernet, serialize(t, ether(0x26), raw("\xaa\xaa\x03\x00\x00\x00\x00\x26")), NotTCP},
		{"udp", capture.LinkRaw, serialize(t, ip4(layers.IPProtocolUDP), &layers.UDP{DstPort: 53}, raw("x")), NotTCP},
		{"vxlan without id", capture.LinkRaw, serialize(t, ip4(layers.IPProtocolUDP), &layers.UDP{DstPort: 4789}, raw("12345678")), NotTCP},
		{"geneve of the future", capture.LinkRaw, serialize(t, ip4(layers.IPProtocolUDP), &layers.UDP{DstPort: 6081}, raw("\xff2345678")), NotTCP},
		{"icmp", capture.LinkRaw, serialize(t, ip4(layers.IPProtocolICMPv4), raw("x")), NotTCP},
		{"icmp 6", capture.LinkRaw, serialize(t, ip6(layers.IPProtocolICMPv6), raw("x")), NotTCP},
		{"no next header", capture.LinkRaw, serialize(t, ip6(layers.IPProtocolNoNextHeader)), NotTCP},
		{"esp", capture.LinkRaw, serialize(t, ip4(layers.IPProtocolESP), raw("xxxxxxxxxxxxxxxx")), NotTCP},
		{"hop by hop in ipv4", capture.LinkRaw, serialize(t, ip4(0), raw("xxxxxxxxxxxxxxxx")), NotTCP},
		{"gre version 2", capture.LinkRaw, serialize(t, ip4(layers.IPProtocolGRE), raw("\x00\x02\x08\x00"), v4), NotTCP},
		{"gre with routing", capture.LinkRaw, serialize(t, ip4(layers.IPProtocolGRE), raw("\x40\x00\x08\x00"), v4), NotTCP},
		{"erspan 3 of another frame", capture.LinkRaw, serialize(t, ip4(layers.IPProtocolGRE), raw("\x00\x00\x22\xeb\x20.........\x08\x00"), v4), NotTCP},
		{"lcp", capture.LinkPPP, []byte("\xff\x03\xc0\x21\x01"), NotTCP},
		{"pppoe discovery", capture.LinkPPPEther, []byte("\x11\x09\x00\x00\x00\x00"), NotTCP},
		{"appletalk", capture.LinkNull, []byte("\x10\x00\x00\x00...."), NotTCP},
		{"wireless", 105, v4, UnknownLink},
		{"version 5", capture.LinkRaw, patch(v4, 0, 0x55), Malformed},
		{"ipv6 that is not", capture.LinkIPv6, v4, Malformed},
		{"header too short", capture.LinkRaw, patch(v4, 0, 0x44), Malformed},
		{"header longer than the packet", capture.LinkRaw, patch(v4, 2, 0, 19), Malformed},
		{"tcp header too short", capture.LinkRaw, patch(v4, 32, 0x40), Malformed},
		{"tcp header longer than the packet", capture.LinkRaw, patch(v4, 32, 0xf0), Malformed},
		{"no room for tcp", capture.LinkRaw, patch(v4, 2, 0, 39), Malformed},
		{"too deep", capture.LinkRaw, deep, Malformed},
		{"too many bridges", capture.LinkEthernet, bridges, Malformed},
		{"deep enough", capture.LinkRaw, deep[20:], TCP},
		{"too many tags", capture.LinkEthernet, append([]byte("\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02"), tags...), Malformed},
		{"as many tags as may be", capture.LinkEthernet, append(append([]byte("\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02"), tags[4:]...), v4...), TCP},
		{"too many labels", capture.LinkEthernet, serialize(t, ether(layers.EthernetTypeMPLSUnicast), gopacket.Payload(labels)), Malformed},
		{"too many extensions", capture.LinkRaw, serialize(t, ip6(60), gopacket.Payload(extensions)), Malformed},
		{"extension beyond the packet", capture.LinkRaw, serialize(t, ip6(60), raw("\x06\x01......")), Malformed},
		{"extension cut", capture.LinkRaw, serialize(t, ip6(60), raw("\x06\x01...")), Malformed},
		{"jumbo", capture.LinkRaw, patch(v6, 4, 0, 0), TCP},
		{"ipv6 longer than its frame", capture.LinkRaw, patch(v6, 4, 1, 0), TCP},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r Parser
			var s Segment
			if got := r.Parse(frame(c.data, c.link), &s); got != c.want {
				t.Errorf("result is %d, want %d", got, c.want)
			}
			st := r.Stats()
			var want [UnknownLink + 1]uint64
			want[c.want] = 1
			if got := [...]uint64{st.TCP, st.NotTCP, st.Fragments, st.Truncated, st.Malformed, st.Unknown[c.link]}; got != want {
				t.Errorf("counters are %+v", st)
			}
		})
	}
}

// A packet handed to the network card for segmentation is longer than its length field can say.
func TestSegmentationOffload(t *testing.T) {
	long := string(bytes.Repeat([]byte("0123456789"), 20_000))
	for _, c := range []struct {
		name   string
		ip     []byte
		length int // where the length stands
		want   Segment
	}{{"4", inner4(t, ""), 2, want4()}, {"6", inner6(t, ""), 4, want6()}} {
		t.Run(c.name, func(t *testing.T) {
			data := append(c.ip, long...)
			data[c.length], data[c.length+1] = 0, 0
			var r Parser
			var s Segment
			if got := r.Parse(frame(data, capture.LinkRaw), &s); got != TCP {
				t.Fatalf("result is %d", got)
			}
			check(t, s, c.want, long, 0)
			p := frame(data[:1000], capture.LinkRaw)
			p.Length = len(data)
			if got := r.Parse(p, &s); got != TCP {
				t.Fatalf("result is %d", got)
			}
			check(t, s, c.want, long[:len(s.Payload)], len(long)-len(s.Payload))
		})
	}
}

// A writer may note the captured length as that on the wire. IP knows better.
func TestSnapLengthNotNoted(t *testing.T) {
	data := inner4(t, "hello world")
	var r Parser
	var s Segment
	if got := r.Parse(frame(data[:len(data)-6], capture.LinkRaw), &s); got != TCP {
		t.Fatalf("result is %d", got)
	}
	check(t, s, want4(), "hello", 6)
}

func TestHash(t *testing.T) {
	var r Parser
	parse := func(src, dst netip.AddrPort) (uint64, uint32) {
		var s Segment
		tcp := &layers.TCP{SrcPort: layers.TCPPort(src.Port()), DstPort: layers.TCPPort(dst.Port())}
		var data []byte
		if src.Addr().Is4() {
			data = serialize(t, &layers.IPv4{Version: 4, Protocol: 6, SrcIP: src.Addr().AsSlice(), DstIP: dst.Addr().AsSlice()}, tcp)
		} else {
			data = serialize(t, &layers.IPv6{Version: 6, NextHeader: 6, SrcIP: src.Addr().AsSlice(), DstIP: dst.Addr().AsSlice()}, tcp)
		}
		if got := r.Parse(frame(data, capture.LinkRaw), &s); got != TCP || s.Src != src || s.Dst != dst {
			t.Fatalf("result is %d, %v to %v", got, s.Src, s.Dst)
		}
		return s.Hash, s.Shard
	}
	for _, base := range []string{"10.0.0.0", "2001:db8::"} {
		hashes := make(map[uint64]bool)
		var shards [8]int
		var low [256]int
		const flows = 16384
		a := netip.MustParseAddr(base)
		server := netip.AddrPortFrom(a, 3306)
		for i := range flows {
			if i%64 == 0 {
				a = a.Next()
			}
			client := netip.AddrPortFrom(a, uint16(32768+i%64))
			hash, shard := parse(client, server)
			if h, s := parse(server, client); h != hash || s != shard {
				t.Fatalf("%v and %v have hashes %x and %x, shards %x and %x", client, server, hash, h, shard, s)
			}
			hashes[hash] = true
			low[hash&255]++
			shards[shard%8]++
		}
		if len(hashes) != flows {
			t.Errorf("%d flows have %d hashes", flows, len(hashes))
		}
		for i, n := range shards {
			if n < flows/8*8/10 || n > flows/8*12/10 {
				t.Errorf("%s: shard %d has %d flows of %d", base, i, n, flows)
			}
		}
		for i, n := range low {
			if n < 20 || n > 140 {
				t.Errorf("%s: %d flows of %d have hashes that end with %02x", base, n, flows, i)
			}
		}
	}
	// The shard is the same in every process and every version.
	if _, shard := parse(netip.MustParseAddrPort("10.0.0.1:40000"), netip.MustParseAddrPort("10.0.0.2:3306")); shard != 0x50310def {
		t.Errorf("shard is %#x", shard)
	}
	// One bit of an address or port changes about half of the hash.
	changed := 0
	one, _ := parse(netip.MustParseAddrPort("10.0.0.1:40000"), netip.MustParseAddrPort("10.0.0.2:3306"))
	for bit := range 32 {
		addr := binary.BigEndian.AppendUint32(nil, 0x0a000001^1<<bit)
		other, _ := parse(netip.AddrPortFrom(netip.AddrFrom4([4]byte(addr)), 40000), netip.MustParseAddrPort("10.0.0.2:3306"))
		changed += bits.OnesCount64(one ^ other)
	}
	if changed < 32*24 || changed > 32*40 {
		t.Errorf("a bit of the address changes %d bits of the hash", changed/32)
	}
}

func TestParseDoesNotAllocate(t *testing.T) {
	var r Parser
	var s Segment
	for _, data := range [][]byte{
		serialize(t, ether(layers.EthernetTypeIPv4), inner4(t, "hello")),
		serialize(t, ether(layers.EthernetTypeIPv6), inner6(t, "hello")),
	} {
		p := frame(data, capture.LinkEthernet)
		if n := testing.AllocsPerRun(100, func() { r.Parse(p, &s) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	}
}
