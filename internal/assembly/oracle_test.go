package assembly

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/gopacket/gopacket/tcpassembly"

	"github.com/dbtap/dbtap/internal/packet"
	"github.com/dbtap/dbtap/internal/stream"
)

// ends names one direction of an address pair.
type ends struct{ from, to netip.AddrPort }

// captures returns the captures that lie beside the repository.
func captures(t *testing.T) (paths []string) {
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Skip("SKIPPED: no go.mod above, so no captures")
		}
		dir = filepath.Dir(dir)
	}
	root := filepath.Join(dir, "..", "shared", "captures")
	err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if name := strings.TrimSuffix(path, ".gz"); err == nil && (strings.HasSuffix(name, ".pcap") || strings.HasSuffix(name, ".pcapng")) {
			paths = append(paths, path)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("SKIPPED: no captures in %s", root)
	} else if err != nil {
		t.Fatal(err)
	}
	return paths
}

// frames calls f with each TCP packet of a capture as gopacket reads it.
func frames(t *testing.T, path string, f func(p gopacket.Packet, tcp *layers.TCP, s *packet.Segment)) {
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r := bufio.NewReader(file)
	if magic, _ := r.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		r = bufio.NewReader(z)
	}
	var source interface {
		gopacket.PacketDataSource
		LinkType() layers.LinkType
	}
	if magic, _ := r.Peek(4); bytes.Equal(magic, []byte{10, 13, 13, 10}) {
		source, err = pcapgo.NewNgReader(r, pcapgo.DefaultNgReaderOptions)
	} else {
		source, err = pcapgo.NewReader(r)
	}
	if err != nil {
		t.Skip(err)
	}
	for n := uint64(1); ; n++ {
		data, info, err := source.ReadPacketData()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return
		} else if err != nil {
			t.Logf("gopacket reads no further than packet %d: %v", n-1, err)
			return
		}
		link := source.LinkType()
		if link == 228 { // LINKTYPE_IPV4, which gopacket does not name
			link = layers.LinkTypeRaw
		}
		p := gopacket.NewPacket(data, link, gopacket.DecodeOptions{NoCopy: true})
		p.Metadata().CaptureInfo = info
		tcp, ok := p.TransportLayer().(*layers.TCP)
		if !ok {
			continue
		}
		s := &packet.Segment{Seq: tcp.Seq, Ack: tcp.Ack, Window: tcp.Window, Payload: tcp.Payload,
			Time: info.Timestamp.UnixNano(), Number: n, Order: n}
		for bit, set := range []bool{tcp.FIN, tcp.SYN, tcp.RST, tcp.PSH, tcp.ACK} {
			if set {
				s.Flags |= 1 << bit
			}
		}
		src, _ := netip.AddrFromSlice(p.NetworkLayer().NetworkFlow().Src().Raw())
		dst, _ := netip.AddrFromSlice(p.NetworkLayer().NetworkFlow().Dst().Raw())
		s.Src, s.Dst = netip.AddrPortFrom(src, uint16(tcp.SrcPort)), netip.AddrPortFrom(dst, uint16(tcp.DstPort))
		s.Hash = hashOf(s.Src) + hashOf(s.Dst)
		if ip, ok := p.NetworkLayer().(*layers.IPv4); ok {
			s.Missing = max(0, int(ip.Length)-int(ip.IHL)*4-len(tcp.Contents)-len(tcp.Payload))
		}
		f(p, tcp, s)
	}
}

func hashOf(a netip.AddrPort) uint64 {
	h := fnv.New64a()
	b, _ := a.MarshalBinary()
	h.Write(b)
	return h.Sum64()
}

// mine collects what comes out of a table.
type mine map[ends]*heard

type heard struct {
	data []byte
	lost int
}

func (m mine) of(e ends) *heard {
	if m[e] == nil {
		m[e] = new(heard)
	}
	return m[e]
}

func (m mine) HandleChunk(f *stream.Flow, c *stream.Chunk) {
	e := ends{f.A, f.B}
	if c.Dir == stream.Backward {
		e = ends{f.B, f.A}
	}
	h := m.of(e)
	h.data = append(h.data, c.Data...)
	h.lost += c.Missing
}

func (m mine) HandleClose(*stream.Flow, stream.Reason, int64, uint64) {}

// theirs collects what comes out of gopacket's assembler.
type theirs struct{ h *heard }

func (o theirs) Reassembled(rs []tcpassembly.Reassembly) {
	for _, r := range rs {
		o.h.data = append(o.h.data, r.Bytes...)
		o.h.lost += max(0, r.Skip)
	}
}

func (o theirs) ReassemblyComplete() {}

func (m mine) New(network, transport gopacket.Flow) tcpassembly.Stream {
	end := func(ip, port gopacket.Endpoint) netip.AddrPort {
		a, _ := netip.AddrFromSlice(ip.Raw())
		return netip.AddrPortFrom(a, binary.BigEndian.Uint16(port.Raw()))
	}
	return theirs{m.of(ends{end(network.Src(), transport.Src()), end(network.Dst(), transport.Dst())})}
}

// Real connections, shaken: packets of a flow come up to two places late and some twice, and the bytes are the same.
func TestShaken(t *testing.T) {
	flows := 0
	for _, path := range captures(t) {
		byHash := map[uint64][]packet.Segment{}
		var order []uint64
		frames(t, path, func(_ gopacket.Packet, _ *layers.TCP, s *packet.Segment) {
			c := *s
			c.Payload = bytes.Clone(s.Payload)
			if byHash[s.Hash] == nil {
				order = append(order, s.Hash)
			}
			byHash[s.Hash] = append(byHash[s.Hash], c)
		})
		for i, hash := range order {
			calm := byHash[hash]
			syns, resets := 0, 0 // a reset ends the flow where it was captured, so it must stay in its place
			for _, s := range calm {
				if s.Flags&(S|A) == S {
					syns++
				}
				if s.Flags&R != 0 {
					resets++
				}
			}
			if calm[0].Flags&S == 0 || syns != 1 || resets != 0 {
				continue
			}
			play := func(in []packet.Segment) (mine, Stats) {
				m := mine{}
				table := New(Config{}, func(*stream.Flow) stream.Handler { return m })
				for i := range in {
					in[i].Order = uint64(i)
					table.Segment(&in[i])
				}
				table.Close(0)
				return m, table.Stats()
			}
			want, stats := play(calm)
			if stats.Lost > 0 || stats.Streams != 1 {
				continue
			}
			flows++
			got, _ := play(shuffle(rand.New(rand.NewPCG(uint64(i), 6)), calm, 3))
			for e, h := range want {
				if !bytes.Equal(got.of(e).data, h.data) || got.of(e).lost != h.lost {
					t.Errorf("%s: %v to %v: %d bytes and %d missing, calm %d and %d", path, e.from, e.to,
						len(got.of(e).data), got.of(e).lost, len(h.data), h.lost)
				}
			}
		}
	}
	t.Logf("%d flows", flows)
}

// On captures without loss, an independent assembler finds the same bytes.
func TestOracle(t *testing.T) {
	compared, total, skipped := 0, 0, 0
	for _, path := range captures(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			ours, oracle := mine{}, mine{}
			table := New(Config{}, func(f *stream.Flow) stream.Handler { return ours })
			assembler := tcpassembly.NewAssembler(tcpassembly.NewStreamPool(oracle))
			last := uint64(0)
			frames(t, path, func(p gopacket.Packet, tcp *layers.TCP, s *packet.Segment) {
				table.Segment(s)
				if s.Number%8 == 0 {
					table.Expire(s.Time, s.Order)
				}
				assembler.AssembleWithTimestamp(p.NetworkLayer().NetworkFlow(), tcp, time.Unix(0, s.Time))
				last = s.Number
			})
			table.Close(last)
			assembler.FlushAll()
			for e, want := range oracle {
				got := ours.of(e)
				if want.lost+got.lost > 0 {
					skipped++
					t.Logf("%v to %v: %d bytes lost, the oracle says %d", e.from, e.to, got.lost, want.lost)
					continue
				}
				compared++
				total += len(want.data)
				if !bytes.Equal(got.data, want.data) {
					t.Errorf("%v to %v: %d bytes, the oracle has %d", e.from, e.to, len(got.data), len(want.data))
				}
			}
			for e, got := range ours {
				if oracle[e] == nil && len(got.data) > 0 {
					t.Errorf("%v to %v: %d bytes, the oracle has none", e.from, e.to, len(got.data))
				}
			}
		})
	}
	t.Logf("%d directions with %d bytes compared, %d with loss skipped", compared, total, skipped)
}
