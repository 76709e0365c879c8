package packet

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/gopacket/gopacket/layers"

	"github.com/dbtap/dbtap/internal/capture"
)

// fragmented cuts the datagram of an IP packet into fragments whose data has these lengths; the last takes the rest.
func fragmented(t testing.TB, packet []byte, id uint16, sizes ...int) [][]byte {
	t.Helper()
	v4 := packet[0]>>4 == 4
	header := 40
	if v4 {
		header = 20
	}
	body := packet[header:]
	var out [][]byte
	for at := 0; at < len(body); {
		n := len(body) - at
		if len(out) < len(sizes) {
			n = sizes[len(out)]
		}
		more := uint16(0)
		if at+n < len(body) {
			more = 1
		}
		part := bytes.Clone(packet[:header])
		if v4 {
			binary.BigEndian.PutUint16(part[2:], uint16(header+n))
			binary.BigEndian.PutUint16(part[4:], id)
			binary.BigEndian.PutUint16(part[6:], more<<13|uint16(at/8))
		} else {
			binary.BigEndian.PutUint16(part[4:], uint16(8+n))
			next := part[6]
			part[6] = protoFragment
			part = append(part, next, 0)
			part = binary.BigEndian.AppendUint16(part, uint16(at)|more)
			part = binary.BigEndian.AppendUint32(part, uint32(id))
		}
		out = append(out, append(part, body[at:at+n]...))
		at += n
	}
	return out
}

func payloadOf(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return string(b)
}

func bothVersions(t *testing.T, payload string, test func(t *testing.T, packet []byte, want Segment)) {
	t.Run("4", func(t *testing.T) { test(t, inner4(t, payload), want4()) })
	t.Run("6", func(t *testing.T) { test(t, inner6(t, payload), want6()) })
}

func TestFragmentsInAnyOrder(t *testing.T) {
	payload := payloadOf(500)
	bothVersions(t, payload, func(t *testing.T, packet []byte, want Segment) {
		var r Parser
		for seed := range uint64(200) {
			parts := fragmented(t, packet, uint16(seed), 8, 96, 160, 8, 200)
			rnd := rand.New(rand.NewPCG(seed, 1))
			rnd.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
			if seed%2 == 1 { // some come twice
				parts = append(parts[:3:3], append([][]byte{parts[1], parts[0]}, parts[3:]...)...)
			}
			var s Segment
			for i, part := range parts {
				result := r.Parse(frame(part, capture.LinkRaw), &s)
				if last := i == len(parts)-1; last != (result == TCP) || !last && result != Fragment {
					t.Fatalf("seed %d: fragment %d gives %d", seed, i, result)
				}
			}
			check(t, s, want, payload, 0)
		}
		if st := r.Stats(); st.Waiting != 0 || st.Reassembled != 200 || st.Dropped != 0 || r.fragments.bytes != 0 {
			t.Errorf("counters are %+v, %d bytes", st, r.fragments.bytes)
		}
	})
}

// A capture on all interfaces has each fragment twice. The second set makes no datagram, nor part of a later one
// with the same identification.
func TestFragmentsTwice(t *testing.T) {
	first, second := payloadOf(200), payloadOf(300)[100:]
	bothVersions(t, first, func(t *testing.T, packet []byte, want Segment) {
		other := bytes.Clone(packet)
		copy(other[len(other)-200:], second)
		var r Parser
		var s Segment
		for _, part := range fragmented(t, packet, 1, 80, 80) {
			r.Parse(frame(part, capture.LinkRaw), &s)
			if got := r.Parse(frame(part, capture.LinkRaw), new(Segment)); got != Fragment {
				t.Fatalf("a copy gives %d", got)
			}
		}
		check(t, s, want, first, 0)
		for _, part := range fragmented(t, other, 1, 80, 80) {
			p := frame(part, capture.LinkRaw)
			p.Time += duplicateWait + 1
			r.Parse(p, &s)
		}
		want.Time += duplicateWait + 1
		check(t, s, want, second, 0)
		if st := r.Stats(); st.Reassembled != 2 || st.Waiting != 0 || st.Dropped != 0 {
			t.Errorf("counters are %+v", st)
		}
	})
}

// Of bytes that come twice, the first stay.
func TestFragmentsOverlap(t *testing.T) {
	first := payloadOf(200)
	second := string(bytes.Repeat([]byte("X"), 200))
	bothVersions(t, first, func(t *testing.T, packet []byte, want Segment) {
		other := bytes.Clone(packet)
		copy(other[len(other)-len(second):], second)
		// TCP's header is 32 bytes: the fragments are at 0, 40, 120, 160, and 0, 80, 144.
		a, b := fragmented(t, packet, 1, 40, 80, 40), fragmented(t, other, 1, 80, 64)
		var r Parser
		var s Segment
		for i, part := range [][]byte{a[1], b[0], a[2], b[2]} {
			if got := r.Parse(frame(part, capture.LinkRaw), &s); (got == TCP) != (i == 3) {
				t.Fatalf("fragment %d gives %d", i, got)
			}
		}
		// 0-40 of b (8 bytes of payload), 40-160 of a, the rest of b
		check(t, s, want, second[:8]+first[8:128]+second[128:], 0)
	})
}

// A fragment that the snap length cut leaves a hole; what follows it cannot be used.
func TestFragmentsCut(t *testing.T) {
	payload := payloadOf(300)
	bothVersions(t, payload, func(t *testing.T, packet []byte, want Segment) {
		parts := fragmented(t, packet, 1, 96, 96, 96)
		for _, order := range [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}} {
			var r Parser
			var s Segment
			result := NotTCP
			for _, i := range order {
				p := frame(parts[i], capture.LinkRaw)
				if i == 1 {
					p.Data = p.Data[:len(p.Data)-50]
				}
				result = r.Parse(p, &s)
			}
			if result != TCP {
				t.Fatalf("result is %d", result)
			}
			captured := 96 - 32 + 46
			check(t, s, want, payload[:captured], len(payload)-captured)
		}
	})
}

// Tunnels are fragmented too, and fragments are tunnelled.
func TestFragmentsAndTunnels(t *testing.T) {
	payload := payloadOf(100)
	outer := serialize(t, outer4(layers.IPProtocolUDP), &layers.UDP{DstPort: 4789}, &layers.VXLAN{ValidIDFlag: true},
		serialize(t, ether(layers.EthernetTypeIPv6), inner6(t, payload)))
	var r Parser
	var s Segment
	result := NotTCP
	for _, part := range fragmented(t, outer, 1, 8, 64) {
		result = r.Parse(frame(part, capture.LinkRaw), &s)
	}
	if result != TCP {
		t.Fatalf("result is %d", result)
	}
	check(t, s, want6(), payload, 0)
	for _, part := range fragmented(t, inner4(t, payload), 1, 8, 64) {
		result = r.Parse(frame(serialize(t, outer6(layers.IPProtocolGRE), &layers.GRE{Protocol: layers.EthernetTypeIPv4}, raw(string(part))), capture.LinkRaw), &s)
	}
	if result != TCP {
		t.Fatalf("result is %d", result)
	}
	check(t, s, want4(), payload, 0)
}

// The largest datagram there is.
func TestFragmentsOfALargeDatagram(t *testing.T) {
	payload := payloadOf(65535 - 20 - 32)
	parts := fragmented(t, inner4(t, payload), 1, func() (sizes []int) {
		for range 44 {
			sizes = append(sizes, 1480)
		}
		return
	}()...)
	var r Parser
	var s Segment
	for i := len(parts) - 1; i > 0; i-- {
		if got := r.Parse(frame(parts[i], capture.LinkRaw), &s); got != Fragment {
			t.Fatalf("result is %d", got)
		}
	}
	if got := r.Parse(frame(parts[0], capture.LinkRaw), &s); got != TCP {
		t.Fatalf("result is %d", got)
	}
	check(t, s, want4(), payload, 0)
}

func TestFragmentsThatAreNone(t *testing.T) {
	packet := inner4(t, payloadOf(100))
	at := func(place, flags uint16, n int) []byte {
		b := bytes.Clone(packet[:20+n])
		binary.BigEndian.PutUint16(b[2:], uint16(20+n))
		binary.BigEndian.PutUint16(b[6:], place|flags<<13)
		return b
	}
	icmp := at(0, 1, 8)
	icmp[9] = 1
	for _, c := range []struct {
		name string
		data []byte
		want Result
	}{
		{"more to come, but not a multiple of 8", at(0, 1, 7), Malformed},
		{"nothing in it", at(1, 1, 0), Malformed},
		{"beyond what a datagram holds", at(0x1fff, 0, 16), Malformed},
		{"of ICMP", icmp, NotTCP},
		{"at the very end", at(0x1ffe, 0, 8), Fragment},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r Parser
			var s Segment
			if got := r.Parse(frame(c.data, capture.LinkRaw), &s); got != c.want {
				t.Errorf("result is %d, want %d", got, c.want)
			}
		})
	}
}

// Fragments that contradict one another make no segment, and cost no more than others.
func TestFragmentsContradict(t *testing.T) {
	long, short := inner4(t, payloadOf(100)), inner4(t, payloadOf(60))
	a, b := fragmented(t, long, 1, 64), fragmented(t, short, 1, 64)
	var r Parser
	var s Segment
	for _, part := range [][]byte{b[1], a[1], a[0]} { // the first end counts
		r.Parse(frame(part, capture.LinkRaw), &s)
	}
	if string(s.Payload) != payloadOf(60) {
		t.Errorf("payload has %d bytes", len(s.Payload))
	}
	more := bytes.Clone(a[1]) // a middle that reaches beyond the end
	more[6] |= 0x20
	binary.BigEndian.PutUint16(more[2:], uint16(20+64))
	r = Parser{}
	for _, part := range [][]byte{more[:20+64], b[1], a[0], b[0]} {
		if got := r.Parse(frame(part, capture.LinkRaw), &s); got == TCP {
			t.Error("a segment")
		}
	}
}

func TestFragmentLimits(t *testing.T) {
	packet := inner4(t, payloadOf(100))
	var r Parser
	var s Segment
	bound := func(waiting int, dropped uint64) {
		t.Helper()
		if st := r.Stats(); st.Waiting != waiting || st.Dropped != dropped {
			t.Fatalf("counters are %+v, want %d waiting and %d dropped", st, waiting, dropped)
		}
		if n := r.fragments.oldest.Len(); n > maxDatagrams || n != len(r.fragments.byKey) {
			t.Fatalf("%d datagrams are in the list and %d in the map", n, len(r.fragments.byKey))
		}
		sum := 0
		for e := r.fragments.oldest.Front(); e != nil; e = e.Next() {
			sum += e.Value.(*datagram).size
		}
		if sum != r.fragments.bytes || sum > maxFragmentBytes {
			t.Fatalf("%d bytes are kept and %d counted", sum, r.fragments.bytes)
		}
	}
	// Too many: the oldest goes.
	for id := range maxDatagrams + 1 {
		r.Parse(frame(fragmented(t, packet, uint16(id), 64)[0], capture.LinkRaw), &s)
	}
	bound(maxDatagrams, 1)
	if got := r.Parse(frame(fragmented(t, packet, 1, 64)[1], capture.LinkRaw), &s); got != TCP {
		t.Fatalf("result is %d", got)
	}
	bound(maxDatagrams-1, 1)
	// Too old, by the capture's clock.
	p := frame(fragmented(t, packet, 5000, 64)[0], capture.LinkRaw)
	p.Time += maxWait + 1
	r.Parse(p, &s)
	bound(1, maxDatagrams)
	// A fragment at the end of a datagram does not take the space before it.
	r = Parser{}
	end := bytes.Clone(packet[:28])
	binary.BigEndian.PutUint16(end[2:], 28)
	for id := range 300 {
		binary.BigEndian.PutUint16(end[4:], uint16(id))
		binary.BigEndian.PutUint16(end[6:], 0x1ffe)
		if got := r.Parse(frame(end, capture.LinkRaw), &s); got != Fragment {
			t.Fatalf("result is %d", got)
		}
	}
	bound(300, 0)
	if n := r.fragments.bytes; n > 300*64 {
		t.Errorf("300 fragments of 8 bytes take %d", n)
	}
	// Too many bytes.
	r = Parser{}
	large := inner4(t, payloadOf(60_000))
	for id := range 300 {
		r.Parse(frame(fragmented(t, large, uint16(id), 60_000)[0], capture.LinkRaw), &s)
	}
	waiting := r.Stats().Waiting
	if waiting < 130 || waiting > 140 {
		t.Errorf("%d datagrams of 60 KB are kept", waiting)
	}
	bound(waiting, uint64(300-waiting))
	// Too many gaps.
	r = Parser{}
	for i := range maxPieces + 1 {
		binary.BigEndian.PutUint16(end[6:], 0x2000|uint16(2*i+1))
		r.Parse(frame(end, capture.LinkRaw), &s)
	}
	bound(0, 1)
}
