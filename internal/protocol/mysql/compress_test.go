package mysql

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/stream"
	"github.com/klauspost/compress/zstd"
)

var zstdWriter, _ = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))

// appendFrame appends plain as one frame: "stored", "zlib" or "zstd".
func appendFrame(dst, plain []byte, how string) []byte {
	src, size := plain, len(plain)
	switch how {
	case "zlib":
		var z bytes.Buffer
		w := zlib.NewWriter(&z)
		w.Write(plain)
		w.Close()
		src = z.Bytes()
	case "zstd":
		src = zstdWriter.EncodeAll(plain, nil)
	}
	if len(src) >= len(plain) {
		src, size = plain, 0
	}
	n := len(src)
	dst = append(dst, byte(n), byte(n>>8), byte(n>>16), 0, byte(size), byte(size>>8), byte(size>>16))
	return append(dst, src...)
}

// appendPackets appends packets with n bytes in all, at least, half of them words and half noise.
func appendPackets(dst []byte, n int, r *rand.Rand) []byte {
	for end := len(dst) + n; len(dst) < end; {
		size := 1 + r.IntN(60)
		if r.IntN(10) == 0 {
			size = 1 + r.IntN(20000)
		}
		dst = append(dst, byte(size), byte(size>>8), byte(size>>16), byte(r.Uint32()))
		words := r.IntN(2) == 0
		for i := range size {
			if c := byte(r.Uint32()); words {
				dst = append(dst, "select "[i%7])
			} else {
				dst = append(dst, c)
			}
		}
	}
	return dst
}

// frameAt is where a frame begins, in both streams.
type frameAt struct{ plain, wire int }

// frameAll puts plain into frames.
func frameAll(plain []byte, r *rand.Rand) (wire []byte, at []frameAt) {
	for done := 0; done < len(plain); {
		n := 1 + r.IntN(100)
		if r.IntN(3) == 0 {
			n = 1 + r.IntN(30000)
		}
		n = min(n, len(plain)-done)
		at = append(at, frameAt{done, len(wire)})
		wire = appendFrame(wire, plain[done:done+n], [...]string{"stored", "zlib", "zstd"}[r.IntN(3)])
		done += n
	}
	return wire, at
}

// listener is behind the layer.
type listener struct {
	got    []byte
	chunks []stream.Chunk // without their data
	ends   []int          // length of got behind each
}

func (l *listener) HandleChunk(_ *stream.Flow, c *stream.Chunk) {
	l.got = append(l.got, c.Data...)
	l.chunks = append(l.chunks, *c)
	l.ends = append(l.ends, len(l.got))
}

// place is where the chunks from one to another end if they begin at a place of plain, or -1 if they do not.
func (l *listener) place(plain []byte, at, from, to int) int {
	for i := from; i < to; i++ {
		begin := 0
		if i > 0 {
			begin = l.ends[i-1]
		}
		if data := l.got[begin:l.ends[i]]; at > len(plain) || !bytes.HasPrefix(plain[at:], data) {
			return -1
		}
		at += l.ends[i] - begin + l.chunks[i].Missing
	}
	return at
}

func (l *listener) HandleClose(*stream.Flow, stream.Reason, int64, uint64) {}

func TestCompression(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		var plain [2][]byte
		var sent [2][]byte
		var at [2][]frameAt
		for d := range plain {
			plain[d] = appendPackets(nil, 1+r.IntN(200_000), r)
			sent[d], at[d] = frameAll(plain[d], r)
		}
		l := newCompression()
		var out [2]listener
		var done [2]int
		held := 0
		packet := uint64(0)
		ends := [2][]int{} // which packet brought the last byte of each frame
		for done[0] < len(sent[0]) || done[1] < len(sent[1]) {
			d := r.IntN(2)
			n := min(1+r.IntN([...]int{3, 100, 1460, 70_000}[r.IntN(4)]), len(sent[d])-done[d])
			if n == 0 {
				continue
			}
			packet++
			c := stream.Chunk{Dir: stream.Dir(d), Data: sent[d][done[d] : done[d]+n], Time: int64(packet), Packet: packet, Order: packet}
			held = l.HandleChunk(nil, &c, 1<<30, &out[d])
			done[d] += n
			for i := len(ends[d]); i < len(at[d]) && (i+1 < len(at[d]) && done[d] >= at[d][i+1].wire || done[d] == len(sent[d])); i++ {
				ends[d] = append(ends[d], int(packet))
			}
		}
		if held != 0 {
			t.Errorf("seed %d: %d bytes are held at the end", seed, held)
		}
		for d := range out {
			if !bytes.Equal(out[d].got, plain[d]) {
				t.Fatalf("seed %d, direction %d: %d bytes of %d, or others", seed, d, len(out[d].got), len(plain[d]))
			}
			for i, c := range out[d].chunks {
				// A chunk comes with the last byte of its frame, and what is stored no later.
				frame := 0
				for frame+1 < len(at[d]) && at[d][frame+1].plain < out[d].ends[i] {
					frame++
				}
				stored := frame+1 < len(at[d]) && at[d][frame+1].wire-at[d][frame].wire == frameHeader+at[d][frame+1].plain-at[d][frame].plain
				if c.Missing != 0 || int(c.Dir) != d || uint64(c.Time) != c.Packet || c.Order != c.Packet || int(c.Packet) > ends[d][frame] ||
					int(c.Packet) < ends[d][frame] && !stored && frame+1 < len(at[d]) {
					t.Fatalf("seed %d: chunk %d is of packet %d, its frame %d ended with %d", seed, i, c.Packet, frame, ends[d][frame])
				}
			}
		}
	}
}

// TestCompressionGaps loses bytes. What is handed on stands where it did, or after a gap of unknown length at the
// beginning of a frame; and it is most of what was not lost.
func TestCompressionGaps(t *testing.T) {
	known, unknown := 0, 0
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 2))
		plain := appendPackets(nil, 400_000, r)
		sent, at := frameAll(plain, r)
		var out listener
		l := newCompression()
		lost, chunks := 0, 0
		for done := 0; done < len(sent); chunks++ {
			n := min(1+r.IntN(3000), len(sent)-done)
			c := stream.Chunk{Data: sent[done : done+n], Time: 1, Packet: 1, Order: 1}
			if r.IntN(20) == 0 {
				c.Data, c.Missing, c.Cut = nil, n, seed%2 == 0
				lost++
			}
			l.HandleChunk(nil, &c, 1<<30, &out)
			done += n
		}
		if got := len(out.got); lost*12 < chunks && got < len(plain)/3 {
			t.Errorf("seed %d: %d of %d chunks lost, %d of %d bytes handed on", seed, lost, chunks, got, len(plain))
		}
		// A run of chunks up to a gap of unknown length stands in one place.
		pos := 0
		for i := 0; i < len(out.chunks); i++ {
			run := i
			for i < len(out.chunks) && out.chunks[i].Missing != stream.Unknown {
				i++
			}
			place := -1
			for _, f := range at {
				if f.plain < pos || run == 0 && f.plain > 0 {
					continue
				}
				if end := out.place(plain, f.plain, run, i); end >= 0 {
					place = end
					break
				}
			}
			if place < 0 {
				t.Fatalf("seed %d: chunks %d to %d stand nowhere behind %d", seed, run, i, pos)
			}
			pos = place
			unknown++
		}
		for _, c := range out.chunks {
			if c.Missing > 0 && c.Cut != (seed%2 == 0) {
				t.Errorf("seed %d: a gap with Cut %v", seed, c.Cut)
			}
			if c.Missing > 0 && c.Missing < stream.Unknown {
				known++
			}
		}
	}
	if known < 100 || unknown < 100 {
		t.Errorf("only %d gaps of known and %d of unknown length", known, unknown)
	}
}

// TestCompressionJoined begins anywhere in a stream: what is handed on begins with a gap, and then with a frame, unless all
// frames are stored and begin inside of packets.
func TestCompressionJoined(t *testing.T) {
	regained := 0
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 7))
		plain := appendPackets(nil, 200_000, r)
		sent, at := frameAll(plain, r)
		from := r.IntN(len(sent) / 2)
		var out listener
		l := joinCompression()
		for done := from; done < len(sent); {
			n := min(1+r.IntN(3000), len(sent)-done)
			c := stream.Chunk{Dir: stream.Backward, Data: sent[done : done+n]}
			l.HandleChunk(nil, &c, 1<<30, &out)
			done += n
		}
		for d := range 2 { // what the other side sends is not known either
			if c := out.chunks[d]; c.Missing != stream.Unknown || int(c.Dir) != d || !c.Cut {
				t.Fatalf("seed %d: no gap before what was seen", seed)
			}
		}
		if len(out.chunks) == 2 {
			continue
		}
		regained++
		if !slices.ContainsFunc(at, func(f frameAt) bool {
			return f.wire >= from && out.place(plain, f.plain, 2, len(out.chunks)) == len(plain)
		}) {
			t.Errorf("seed %d: wrong bytes", seed)
		}
	}
	if regained < 95 {
		t.Errorf("regained %d of 100 streams", regained)
	}
}

// TestCompressionRoom has no room for a frame that comes in pieces: it is a gap, and the next one is read.
func TestCompressionRoom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 3))
	noise := make([]byte, 100_000)
	for i := range noise {
		noise[i] = byte(r.Uint32() & 63)
	}
	sent := appendFrame(nil, noise, "zlib")
	end := len(sent)
	sent = appendFrame(sent, []byte("next"), "stored")
	var out listener
	l := newCompression()
	const room = 20_000
	for i := 0; i < len(sent); i += 1000 {
		c := stream.Chunk{Data: sent[i:min(i+1000, len(sent))], Packet: uint64(i)}
		if held := l.HandleChunk(nil, &c, room, &out); held > 2*room {
			t.Fatalf("%d bytes held, room %d", held, room)
		}
	}
	missing := 0
	for _, c := range out.chunks {
		if missing += c.Missing; c.Missing > 0 && (!c.Cut || c.Packet != uint64(end/1000*1000)) {
			t.Errorf("gap with Cut %v from packet %d", c.Cut, c.Packet)
		}
	}
	head, ok := bytes.CutSuffix(out.got, []byte("next"))
	if !ok || !bytes.HasPrefix(noise, head) || len(head)+missing != len(noise) || missing == 0 {
		t.Errorf("%d bytes, %d missing, ends %q", len(head), missing, out.got[len(out.got)-4:])
	}
}

// TestCompressionBomb decompresses to the most that a frame can hold, in pieces, and a frame that lies about it.
func TestCompressionBomb(t *testing.T) {
	for _, how := range []string{"zlib", "zstd"} {
		sent := appendFrame(nil, make([]byte, 1<<24-1), how)
		var out listener
		l := newCompression()
		c := stream.Chunk{Data: sent}
		if held := l.HandleChunk(nil, &c, 1<<20, &out); held != 0 || len(out.got) != 1<<24-1 || len(out.chunks) < 200 {
			t.Errorf("%s: %d bytes in %d chunks, %d held", how, len(out.got), len(out.chunks), held)
		}
		for _, claim := range []int{100, 1<<24 - 1} {
			sent := appendFrame(nil, make([]byte, 5000), how)
			sent[4], sent[5], sent[6] = byte(claim), byte(claim>>8), byte(claim>>16)
			var out listener
			c := stream.Chunk{Data: sent}
			newCompression().HandleChunk(nil, &c, 1<<20, &out)
			missing := 0
			for _, c := range out.chunks {
				missing += c.Missing
			}
			if want := min(claim, 5000); len(out.got) != want || missing != claim-want {
				t.Errorf("%s that claims %d: %d bytes, %d missing", how, claim, len(out.got), missing)
			}
		}
	}
}

func TestCompressed(t *testing.T) {
	query := append([]byte{60, 0, 0, 0, 3}, "select * from orders where customer = 17 and city = 'Ghent'"...)
	ok := []byte{7, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0}
	transaction := []byte{7, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0}
	ping := []byte{1, 0, 0, 0, 0x0E}
	long := bytes.Repeat(query, 300)
	for _, c := range []struct {
		name string
		b    []byte
		want bool
	}{
		{"stored", appendFrame(nil, query, "stored"), true},
		{"stored, short", appendFrame(nil, ping, "stored"), true},
		{"stored, two packets", appendFrame(nil, append(ok[:len(ok):len(ok)], ping...), "stored"), true},
		{"zlib", appendFrame(nil, long, "zlib"), true},
		{"zlib, not whole", appendFrame(nil, long, "zlib")[:40], true},
		{"zstd", appendFrame(nil, long, "zstd"), true},
		{"two frames", appendFrame(appendFrame(nil, ok, "stored"), long, "zlib"), true},
		{"a frame, then none", append(appendFrame(nil, ok, "stored"), long...), false},
		{"query", query, false},
		{"OK", ok, false},
		{"OK in a transaction", transaction, false},
		{"OK in a transaction, another", append(transaction[:len(transaction):len(transaction)], transaction...), false},
		{"TLS", []byte{22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3, 0x17, 0x94}, false},
		{"zeros", make([]byte, 100), false},
		{"nothing", nil, false},
	} {
		if got := compressed(c.b); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	r := rand.New(rand.NewPCG(1, 4))
	for i := range 200_000 {
		b := make([]byte, 64)
		for j := range b {
			b[j] = byte(r.Uint32())
		}
		if compressed(b) {
			t.Fatalf("noise %d: % x", i, b)
		}
	}
}

// silent counts what it is handed.
type silent struct{ n int }

func (s *silent) HandleChunk(_ *stream.Flow, c *stream.Chunk)            { s.n += len(c.Data) }
func (s *silent) HandleClose(*stream.Flow, stream.Reason, int64, uint64) {}

func FuzzCompression(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 6))
	sent, _ := frameAll(appendPackets(nil, 2000, r), r)
	f.Add(sent, []byte{100, 200, 0x80, 50})
	f.Add(appendFrame(nil, make([]byte, 100_000), "zstd"), []byte{5})
	f.Fuzz(func(t *testing.T, sent, cuts []byte) {
		const room = 4096
		l := newCompression()
		var out silent
		for i := 0; len(sent) > 0; i++ {
			n := 1
			if len(cuts) > 0 {
				n += int(cuts[i%len(cuts)])
			}
			n = min(n, len(sent))
			c := stream.Chunk{Data: sent[:n]}
			if n%16 == 0 {
				c = stream.Chunk{Missing: n, Cut: n%32 == 0}
			}
			if held := l.HandleChunk(nil, &c, room, &out); held > keepFrame+room {
				t.Fatalf("%d bytes held", held)
			}
			sent = sent[n:]
		}
	})
}

func BenchmarkCompression(b *testing.B) {
	for _, size := range []int{300, 4000, 16000} {
		for _, how := range []string{"zlib", "zstd"} {
			plain := rows(size)
			sent := appendFrame(nil, plain, how)
			b.Run(fmt.Sprintf("%s/%d", how, size), func(b *testing.B) {
				l := newCompression()
				var out silent
				b.SetBytes(int64(size))
				b.ReportAllocs()
				var c stream.Chunk
				for b.Loop() {
					for i := 0; i < len(sent); i += 1460 {
						c.Data = sent[i:min(i+1460, len(sent))]
						l.HandleChunk(nil, &c, 1<<20, &out)
					}
				}
			})
		}
	}
}

// rows are n bytes of rows such as servers send.
func rows(n int) (b []byte) {
	for i := 0; len(b) < n; i++ {
		row := fmt.Appendf(nil, "\x04%04d\x0acustomer%02d\x0a2026-11-%02d\x05%d.50", i, i*7%100, i%28+1, i*31%90+10)
		b = append(append(b, byte(len(row)), 0, 0, byte(i)), row...)
	}
	return b[:n]
}

// TestFrameEffort: as many frames as are enough are looked at, and no more, so that bytes made for it cost no more than
// others; and of a large frame its beginning is decompressed.
func TestFrameEffort(t *testing.T) {
	ok := []byte{7, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0}
	for frames, want := range map[int]int{enoughFrames - 1: unlikely, enoughFrames: likely} {
		var b []byte
		for range frames {
			b = appendFrame(b, ok, "stored")
		}
		if got := frame(append(b, make([]byte, frameHeader)...)); got != want {
			t.Errorf("%d frames and a bad end: %d, want %d", frames, got, want)
		}
	}
	for _, how := range []string{"zlib", "zstd"} {
		long := append([]byte{0xFC, 0xFF, 0xFF, 0, 3}, bytes.Repeat([]byte("select "), 3<<20)...)
		b := appendFrame(nil, long[:1<<24-1], how)
		least, v := ^uint64(0), l7.No
		for range 5 { // readers are kept, mostly
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			v = inFrame(b)
			runtime.ReadMemStats(&after)
			least = min(least, after.TotalAlloc-before.TotalAlloc)
		}
		if v != l7.FromClient || least > 1<<20 {
			t.Errorf("%s: %v, %d bytes were taken", how, v, least)
		}
	}
}
