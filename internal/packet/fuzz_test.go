package packet

import (
	"encoding/binary"
	"testing"

	"github.com/gopacket/gopacket/layers"

	"github.com/dbtap/dbtap/internal/capture"
)

// FuzzParse parses anything as packets of any link type, several in a row so that fragments meet. Whatever they
// are, payloads lie within what the frame can hold and the fragments stay within their limits.
func FuzzParse(f *testing.F) {
	pack := func(frames ...[]byte) (all []byte) {
		for _, b := range frames {
			all = binary.BigEndian.AppendUint16(all, uint16(len(b)))
			all = append(all, b...)
		}
		return all
	}
	v4, v6 := inner4(f, "hello"), inner6(f, "hello")
	bridged := serialize(f, ether(layers.EthernetTypeIPv4), v4)
	f.Add(uint16(1), uint16(0), pack(bridged))
	f.Add(uint16(1), uint16(9), pack(serialize(f, ether(layers.EthernetTypeQinQ), &layers.Dot1Q{Type: layers.EthernetTypeIPv6}, v6)))
	f.Add(uint16(101), uint16(0), pack(serialize(f, outer4(layers.IPProtocolUDP), &layers.UDP{DstPort: 4789}, &layers.VXLAN{ValidIDFlag: true}, bridged)))
	f.Add(uint16(101), uint16(0), pack(serialize(f, outer4(layers.IPProtocolUDP), &layers.UDP{DstPort: 6081}, &layers.Geneve{Protocol: layers.EthernetTypeIPv4}, v4)))
	f.Add(uint16(101), uint16(0), pack(serialize(f, outer6(layers.IPProtocolGRE), &layers.GRE{Protocol: 0x6558, KeyPresent: true}, bridged)))
	f.Add(uint16(101), uint16(0), pack(serialize(f, ip6(0), raw("\x33\x00......\x06\x04..spi.sequ0123456789ab"), tcpLayer())))
	f.Add(uint16(101), uint16(0), pack(fragmented(f, v4, 1, 8, 16)...))
	f.Add(uint16(101), uint16(0), pack(fragmented(f, v6, 1, 8, 16)...))
	f.Add(uint16(113), uint16(0), pack(serialize(f, raw("\x00\x00\x00\x01\x00\x06\x02\x00\x00\x00\x00\x01\x00\x00\x08\x00"), v4)))
	f.Add(uint16(0), uint16(0), pack(serialize(f, raw("\x02\x00\x00\x00"), v4)))
	f.Add(uint16(1), uint16(0), pack(serialize(f, ether(layers.EthernetTypePPPoESession), raw("\x11\x00\x00\x01\x00\x2f\x00\x21"), v4)))
	f.Add(uint16(1), uint16(0), pack(serialize(f, ether(layers.EthernetTypeMPLSUnicast), &layers.MPLS{StackBottom: true}, bridged)))
	f.Fuzz(func(t *testing.T, link, cut uint16, data []byte) {
		var r Parser
		var s Segment
		packets := uint64(0)
		for len(data) >= 2 {
			n := min(int(binary.BigEndian.Uint16(data)), len(data)-2)
			p := capture.Packet{
				Data: data[2 : 2+n : 2+n], Length: n + int(cut), Link: capture.LinkType(link), Number: packets + 1,
				Time: int64(packets) * int64(cut) * 1e9,
			}
			data = data[2+n:]
			packets++
			result := r.Parse(&p, &s)
			if result == TCP {
				if s.Missing < 0 || len(s.Payload)+s.Missing > maxDatagram+int(cut) || len(s.Payload) > maxDatagram {
					t.Fatalf("payload has %d bytes, %d missing", len(s.Payload), s.Missing)
				}
				if !s.Src.IsValid() || !s.Dst.IsValid() || s.Number != packets {
					t.Fatalf("segment is %+v", s)
				}
			}
			if len(r.fragments.byKey) > maxDatagrams || r.fragments.bytes > maxFragmentBytes || r.fragments.bytes < 0 {
				t.Fatalf("%d datagrams of %d bytes are kept", len(r.fragments.byKey), r.fragments.bytes)
			}
		}
		st := r.Stats()
		if sum := st.TCP + st.NotTCP + st.Fragments + st.Truncated + st.Malformed + st.Unknown[capture.LinkType(link)]; sum != packets {
			t.Fatalf("%d packets are counted as %+v", packets, st)
		}
	})
}
