package pcapfile

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// rec is one packet of a file made here.
type rec struct {
	sec, frac uint32
	data      []byte
	length    int // on the wire; 0: that of data
}

func (p rec) wire() uint32 { return uint32(max(p.length, len(p.data))) }

// someRecs are packets of various lengths.
func someRecs(n int) []rec {
	recs := make([]rec, n)
	for i := range recs {
		recs[i] = rec{sec: 1_700_000_000 + uint32(i), frac: uint32(i * 1001), data: bytes.Repeat([]byte{byte(i)}, i*7%90)}
		if i%3 == 0 {
			recs[i].length = len(recs[i].data) + i
		}
	}
	return recs
}

// pcapBytes writes a pcap file, and says where each record ends.
func pcapBytes(order binary.AppendByteOrder, magic uint32, link uint32, recs []rec) (file []byte, ends []int) {
	file = order.AppendUint32(file, magic)
	file = order.AppendUint16(file, 2)
	file = order.AppendUint16(file, 4)
	for _, v := range []uint32{0, 0, 65535, link} {
		file = order.AppendUint32(file, v)
	}
	for _, p := range recs {
		for _, v := range []uint32{p.sec, p.frac, uint32(len(p.data)), p.wire()} {
			file = order.AppendUint32(file, v)
		}
		if magic == 0xa1b2cd34 {
			file = append(file, "ifpppptp"...)
		}
		file = append(file, p.data...)
		ends = append(ends, len(file))
	}
	return file, ends
}

// ng writes pcapng blocks.
type ng struct {
	order binary.AppendByteOrder
	file  []byte
	ends  []int // of every block
}

func (w *ng) block(kind uint32, body []byte) *ng {
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	total := uint32(len(body) + 12)
	w.file = w.order.AppendUint32(w.file, kind)
	w.file = w.order.AppendUint32(w.file, total)
	w.file = append(w.file, body...)
	w.file = w.order.AppendUint32(w.file, total)
	w.ends = append(w.ends, len(w.file))
	return w
}

func (w *ng) section(order binary.AppendByteOrder) *ng {
	w.order = order
	b := order.AppendUint32(nil, 0x1a2b3c4d)
	b = order.AppendUint16(b, 1)
	b = order.AppendUint16(b, 0)
	b = order.AppendUint64(b, 1<<64-1)
	return w.block(blockSection, b)
}

// iface describes an interface; opts are pairs of code (int) and value ([]byte).
func (w *ng) iface(link uint16, snap uint32, opts ...any) *ng {
	b := w.order.AppendUint16(nil, link)
	b = w.order.AppendUint16(b, 0)
	b = w.order.AppendUint32(b, snap)
	for i := 0; i < len(opts); i += 2 {
		value := opts[i+1].([]byte)
		b = w.order.AppendUint16(b, uint16(opts[i].(int)))
		b = w.order.AppendUint16(b, uint16(len(value)))
		b = append(b, value...)
		for len(b)%4 != 0 {
			b = append(b, 0)
		}
	}
	if len(opts) > 0 {
		b = append(b, 0, 0, 0, 0)
	}
	return w.block(blockInterface, b)
}

func (w *ng) enhanced(id uint32, at uint64, data []byte, length uint32) *ng {
	b := w.order.AppendUint32(nil, id)
	for _, v := range []uint32{uint32(at >> 32), uint32(at), uint32(len(data)), length} {
		b = w.order.AppendUint32(b, v)
	}
	return w.block(blockEnhanced, append(b, data...))
}

func (w *ng) old(id uint16, at uint64, data []byte, length uint32) *ng {
	b := w.order.AppendUint16(nil, id)
	b = w.order.AppendUint16(b, 7) // drops
	for _, v := range []uint32{uint32(at >> 32), uint32(at), uint32(len(data)), length} {
		b = w.order.AppendUint32(b, v)
	}
	return w.block(blockPacket, append(b, data...))
}

func (w *ng) simple(data []byte, length uint32) *ng {
	return w.block(blockSimple, append(w.order.AppendUint32(nil, length), data...))
}

func (w *ng) secrets(kind uint32, data []byte) *ng {
	b := w.order.AppendUint32(nil, kind)
	b = w.order.AppendUint32(b, uint32(len(data)))
	return w.block(blockSecrets, append(b, data...))
}

// mixedNg has everything in it, in two byte orders.
func mixedNg() *ng {
	w := &ng{}
	w.section(binary.LittleEndian)
	w.secrets(0x544c534b, []byte("CLIENT_RANDOM 00 11\n"))
	w.iface(1, 0, 2, []byte("eth0"), 9, []byte{9})
	w.iface(113, 96, 2, []byte("any"))
	w.enhanced(0, 1_700_000_000_123_456_789, []byte("one"), 3)
	w.enhanced(1, 1_700_000_000_123_456, []byte("two two"), 1500)
	w.block(0x0bad, []byte("nobody knows this block"))
	w.simple([]byte("three"), 5)
	w.section(binary.BigEndian)
	w.iface(101, 0, 9, []byte{0x80 | 10}, 14, []byte{0, 0, 0, 0, 0, 0, 0, 100})
	w.enhanced(0, 1_700_000_000<<10|512, []byte("four"), 4)
	w.old(0, 1_700_000_001<<10, []byte("five!"), 9)
	w.block(5, make([]byte, 8))
	return w
}

func gzipped(t testing.TB, parts ...[]byte) []byte {
	var out bytes.Buffer
	for _, part := range parts {
		z := gzip.NewWriter(&out)
		if _, err := z.Write(part); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

func zstded(t testing.TB, data []byte) []byte {
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return z.EncodeAll(data, nil)
}
