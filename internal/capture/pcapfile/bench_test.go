package pcapfile

import (
	"encoding/binary"
	"io"
	"testing"

	"github.com/dbtap/dbtap/internal/capture"
)

// endless is a file whose body repeats for ever; it costs what copying the bytes costs.
type endless struct {
	head, body []byte
	block      []byte
	at         int
}

func (e *endless) Read(b []byte) (int, error) {
	if len(e.head) > 0 {
		n := copy(b, e.head)
		e.head = e.head[n:]
		return n, nil
	}
	if e.block == nil {
		for len(e.block) < 1<<20 {
			e.block = append(e.block, e.body...)
		}
	}
	n := copy(b, e.block[e.at:])
	e.at = (e.at + n) % len(e.block)
	return n, nil
}

func benchmarkRead(b *testing.B, src io.Reader, record int) {
	r, err := New(src, "test")
	if err != nil {
		b.Fatal(err)
	}
	var batch capture.Batch
	b.SetBytes(int64(record))
	b.ReportAllocs()
	for n := 0; n < b.N; {
		if err := r.Read(&batch); err != nil {
			b.Fatal(err)
		}
		n += len(batch.Packets)
	}
}

const benchPacket = 200

// BenchmarkCopy is what the bytes of the others cost without being looked at.
func BenchmarkCopy(b *testing.B) {
	src := &endless{body: make([]byte, benchPacket+16)}
	buf := make([]byte, bufferSize)
	b.SetBytes(benchPacket + 16)
	for n := 0; n < b.N; {
		m, _ := src.Read(buf)
		n += m / (benchPacket + 16)
	}
}

func BenchmarkPcap(b *testing.B) {
	file, _ := pcapBytes(binary.LittleEndian, 0xa1b2c3d4, 1, []rec{{sec: 1, data: make([]byte, benchPacket)}})
	benchmarkRead(b, &endless{head: file[:pcapHeaderSize], body: file[pcapHeaderSize:]}, len(file)-pcapHeaderSize)
}

func BenchmarkPcapng(b *testing.B) {
	w := new(ng).section(binary.LittleEndian).iface(1, 0)
	head := len(w.file)
	w.enhanced(0, 1_700_000_000_000_000, make([]byte, benchPacket), benchPacket)
	benchmarkRead(b, &endless{head: w.file[:head], body: w.file[head:]}, len(w.file)-head)
}
