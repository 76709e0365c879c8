package inflate

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

type codec struct {
	name     string
	compress func([]byte) []byte
	inflate  func(dst, src []byte, limit int) ([]byte, error)
}

var codecs = []codec{
	{"snappy", func(b []byte) []byte { return s2.EncodeSnappy(nil, b) }, Snappy},
	{"zlib", func(b []byte) []byte {
		var z bytes.Buffer
		w := zlib.NewWriter(&z)
		w.Write(b)
		w.Close()
		return z.Bytes()
	}, Zlib},
	{"zstd", func(b []byte) []byte {
		w, _ := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
		return w.EncodeAll(b, nil)
	}, Zstd},
}

// sample is half noise and half repetition.
func sample(n int, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, 0, n)
	for len(b) < n {
		if r.IntN(2) == 0 || len(b) < 100 {
			for range r.IntN(100) {
				b = append(b, byte(r.Uint32()))
			}
			continue
		}
		from := r.IntN(len(b))
		b = append(b, b[from:min(len(b), from+r.IntN(300))]...)
	}
	return b[:n]
}

func TestWhole(t *testing.T) {
	for _, c := range codecs {
		for _, n := range []int{0, 1, 100, 5000, 100_000, 3 << 20} {
			want := sample(n, 7)
			before := []byte("before")
			got, err := c.inflate(before, c.compress(want), n)
			if err != nil || !bytes.Equal(got, append([]byte("before"), want...)) {
				t.Errorf("%s of %d bytes: %d bytes, error %v", c.name, n, len(got)-len(before), err)
			}
		}
	}
}

// TestLimit asks for less than there is: a bomb costs no more than the limit.
func TestLimit(t *testing.T) {
	for _, c := range codecs {
		bomb := c.compress(make([]byte, 30<<20))
		for _, limit := range []int{0, 10, 5000, 2 << 20} {
			got, err := c.inflate(nil, bomb, limit)
			if err == nil || len(got) > limit || cap(got) > 2*limit+4096 {
				t.Errorf("%s to %d bytes: %d bytes, capacity %d, error %v", c.name, limit, len(got), cap(got), err)
			}
		}
	}
}

// TestHead cuts the source: what came before the cut is decompressed.
func TestHead(t *testing.T) {
	want := sample(200_000, 3)
	for _, c := range codecs {
		src := c.compress(want)
		for _, keep := range []float64{0.2, 0.5, 0.9} {
			got, err := c.inflate(nil, src[:int(float64(len(src))*keep)], len(want))
			if err == nil || !bytes.HasPrefix(want, got) {
				t.Errorf("%s cut at %.0f%%: %d bytes that are no beginning, error %v", c.name, keep*100, len(got), err)
			}
			if least := int(float64(len(want))*keep) / 3; c.name != "zstd" && len(got) < least {
				t.Errorf("%s cut at %.0f%%: only %d bytes", c.name, keep*100, len(got))
			}
		}
	}
}

// TestPieces lends what there is, up to the limit, in pieces, and of a cut source its beginning.
func TestPieces(t *testing.T) {
	for _, c := range codecs[1:] {
		inflated := ZlibPieces
		if c.name == "zstd" {
			inflated = ZstdPieces
		}
		for _, n := range []int{0, 1, 5000, pieceSize, pieceSize + 1, 3 << 20} {
			want := sample(n, 9)
			src := c.compress(want)
			for _, limit := range []int{0, n / 2, n, n + 100} {
				for _, keep := range []int{len(src), len(src) * 2 / 3} {
					var got []byte
					count := inflated(src[:keep], limit, func(piece []byte) {
						if len(piece) == 0 || len(piece) > pieceSize {
							t.Errorf("%s: a piece of %d bytes", c.name, len(piece))
						}
						got = append(got, piece...)
					})
					if count != len(got) || count > limit || !bytes.HasPrefix(want, got) || keep == len(src) && count != min(n, limit) {
						t.Errorf("%s, %d of %d bytes of %d, limit %d: %d, counted %d", c.name, keep, len(src), n, limit, len(got), count)
					}
				}
			}
		}
	}
}

// TestLyingLength claims 1 GiB in a few bytes of snappy.
func TestLyingLength(t *testing.T) {
	src := append([]byte{0x80, 0x80, 0x80, 0x80, 0x04}, 0x08, 'a', 'b', 'c')
	got, err := Snappy(nil, src, 48_000_000)
	if err == nil || string(got) != "abc" || cap(got) > 1<<20 {
		t.Errorf("%q, capacity %d, error %v", got, cap(got), err)
	}
}

func TestNoAllocation(t *testing.T) {
	if racing {
		t.Skip("the race detector makes pools forget")
	}
	want := sample(600, 5)
	for _, c := range codecs {
		src := c.compress(want)
		dst := make([]byte, 0, 4096)
		if n := testing.AllocsPerRun(200, func() { c.inflate(dst, src, len(want)) }); n > 0.1 {
			t.Errorf("%s: %.2f allocations", c.name, n)
		}
		inflated := map[string]func([]byte, int, func([]byte)) int{"zlib": ZlibPieces, "zstd": ZstdPieces}[c.name]
		if inflated == nil {
			continue
		}
		if n := testing.AllocsPerRun(200, func() { inflated(src, len(want), func([]byte) {}) }); n > 0.1 {
			t.Errorf("%s in pieces: %.2f allocations", c.name, n)
		}
	}
}

// FuzzInflate checks that nothing panics, limits hold, and the decoder for cut snappy reads what the library writes.
func FuzzInflate(f *testing.F) {
	for _, c := range codecs {
		f.Add(c.compress(sample(500, 1)), 500)
		f.Add(c.compress(nil), 0)
	}
	f.Fuzz(func(t *testing.T, src []byte, limit int) {
		limit = min(max(limit, 0), 1<<20)
		for _, c := range codecs {
			if got, _ := c.inflate(nil, src, limit); len(got) > limit {
				t.Errorf("%s: %d bytes, limit %d", c.name, len(got), limit)
			}
		}
		if got, _ := snappyHead(nil, s2.EncodeSnappy(nil, src), len(src), io.EOF); !bytes.Equal(got, src) {
			t.Errorf("%d bytes of %d", len(got), len(src))
		}
	})
}
