package packet

import (
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

func BenchmarkParse(b *testing.B) {
	bridged := serialize(b, ether(layers.EthernetTypeIPv4), inner4(b, "hello"))
	vxlan := serialize(b, ether(layers.EthernetTypeIPv4), outer4(layers.IPProtocolUDP),
		&layers.UDP{DstPort: 4789}, &layers.VXLAN{ValidIDFlag: true}, bridged)
	for _, c := range []struct {
		name string
		data gopacket.Payload
	}{
		{"ethernet-ipv4-tcp", bridged},
		{"ethernet-ipv6-tcp", serialize(b, ether(layers.EthernetTypeIPv6), inner6(b, "hello"))},
		{"vxlan", vxlan},
		{"udp", serialize(b, ether(layers.EthernetTypeIPv4), ip4(layers.IPProtocolUDP), &layers.UDP{DstPort: 53}, raw("query"))},
	} {
		b.Run(c.name, func(b *testing.B) {
			var r Parser
			var s Segment
			p := frame(c.data, 1)
			b.ReportAllocs()
			b.SetBytes(int64(len(c.data)))
			for range b.N {
				r.Parse(p, &s)
			}
		})
	}
}
