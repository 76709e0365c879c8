package pcapfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/dbtap/dbtap/internal/capture"
)

// FuzzReader reads anything. Whatever it is, the reader ends, numbers its packets, never says that a packet is
// longer than its bytes on the wire, and stays within its memory.
func FuzzReader(f *testing.F) {
	recs := someRecs(5)
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, magic := range []uint32{0xa1b2c3d4, 0xa1b23c4d, 0xa1b2cd34} {
			file, _ := pcapBytes(order, magic, 1, recs)
			f.Add(file)
		}
	}
	mixed := mixedNg().file
	f.Add(mixed)
	f.Add(mixed[:len(mixed)-9])
	f.Add(gzipped(f, mixed))
	f.Add(gzipped(f, mixed[:50], mixed[50:]))
	f.Add(zstded(f, mixed))
	f.Add([]byte("snoop\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := New(bytes.NewReader(file), "test")
		if err != nil {
			return
		}
		defer r.Close()
		var b capture.Batch
		number := uint64(0)
		for {
			err := r.Read(&b)
			if err != nil {
				var d *DamageError
				if err != io.EOF && (!errors.As(err, &d) || d.Packet != number+1 || d.Offset < 0) {
					t.Fatalf("%v after packet %d", err, number)
				}
				break
			}
			if len(b.Packets) == 0 {
				t.Fatal("no packets and no error")
			}
			for _, p := range b.Packets {
				if number++; p.Number != number || p.Length < len(p.Data) {
					t.Fatalf("packet %d has number %d, %d bytes of %d", number, p.Number, len(p.Data), p.Length)
				}
			}
			if cap(b.Buf) > maxBlock {
				t.Fatalf("the buffer has %d bytes", cap(b.Buf))
			}
		}
	})
}
