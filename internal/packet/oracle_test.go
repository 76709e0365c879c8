package packet

import (
	"bytes"
	"net/netip"
	"path/filepath"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/dbtap/dbtap/internal/capture"
	"github.com/dbtap/dbtap/internal/capture/capturetest"
	"github.com/dbtap/dbtap/internal/capture/pcapfile"
)

// oracle reads a frame with gopacket: the innermost TCP segment.
func oracle(p *capture.Packet) (s Segment, ok bool) {
	first := gopacket.Decoder(layers.LinkType(p.Link))
	switch p.Link {
	case capture.LinkRaw, capture.LinkRawBSD, capture.LinkIPv4, capture.LinkIPv6:
		first = layers.LayerTypeIPv4
		if p.Data[0]>>4 == 6 {
			first = layers.LayerTypeIPv6
		}
	}
	all := gopacket.NewPacket(p.Data, first, gopacket.NoCopy).Layers()
	var network gopacket.Layer
	for _, l := range all {
		switch l := l.(type) {
		case *layers.IPv4, *layers.IPv6:
			network = l
		case *layers.TCP:
			ok = true
			s.Seq, s.Ack, s.Window, s.Flags = l.Seq, l.Ack, l.Window, l.Contents[13]
			s.Payload = l.Payload
			var src, dst netip.Addr
			switch ip := network.(type) {
			case *layers.IPv4:
				src, _ = netip.AddrFromSlice(ip.SrcIP.To4())
				dst, _ = netip.AddrFromSlice(ip.DstIP.To4())
			case *layers.IPv6:
				src, _ = netip.AddrFromSlice(ip.SrcIP.To16())
				dst, _ = netip.AddrFromSlice(ip.DstIP.To16())
			}
			s.Src, s.Dst = netip.AddrPortFrom(src, uint16(l.SrcPort)), netip.AddrPortFrom(dst, uint16(l.DstPort))
		}
	}
	s.Time, s.Number = p.Time, p.Number
	return s, ok
}

func TestRealCaptures(t *testing.T) {
	for _, path := range capturetest.Files(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			f, err := pcapfile.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			var b capture.Batch
			var r Parser
			for f.Read(&b) == nil {
				for i := range b.Packets {
					p := &b.Packets[i]
					want, ok := oracle(p)
					var got Segment
					result := r.Parse(p, &got)
					if (result == TCP) != ok {
						t.Fatalf("packet %d: result is %d; gopacket has a segment: %v\n% x", p.Number, result, ok, p.Data)
					}
					if !ok {
						continue
					}
					if withoutSlices(got) != withoutSlices(want) || !bytes.Equal(got.Payload, want.Payload) {
						t.Fatalf("packet %d is\n%+v, want\n%+v", p.Number, got, want)
					}
					if len(p.Data) == p.Length && got.Missing != 0 || got.Missing > p.Length-len(p.Data) {
						t.Logf("packet %d: %d bytes are missing, and the capture cut %d", p.Number, got.Missing, p.Length-len(p.Data))
					}
				}
			}
			if st := r.Stats(); st.NotTCP+st.Truncated+st.Malformed+uint64(len(st.Unknown)) > 0 {
				t.Logf("%+v", st)
			}
		})
	}
}
