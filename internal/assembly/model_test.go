package assembly

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/dbtap/dbtap/internal/packet"
	"github.com/dbtap/dbtap/internal/stream"
)

// talk is a made-up conversation: what each end said, and the packets in the order in which they were sent.
type talk struct {
	said  [2][]byte
	turns [2][]turn        // for each message: where it ends, and how much the end had heard when it said it
	sent  []packet.Segment // without the handshake
	shook []packet.Segment
	isn   [2]uint32
}

type turn struct{ end, needs int }

func newTalk(r *rand.Rand, exchanges int) *talk {
	k := &talk{isn: [2]uint32{r.Uint32(), r.Uint32()}}
	for d := range k.isn {
		if r.IntN(2) == 0 {
			k.isn[d] = -uint32(r.IntN(5000)) // near the wrap
		}
	}
	k.shook = []packet.Segment{k.make(0, S, -1, nil), k.make(1, S|A, -1, nil), k.make(0, A, 0, nil)}
	for range exchanges {
		for d := range 2 {
			k.say(r, d)
		}
	}
	for d := range 2 {
		k.sent = append(k.sent, k.make(d, F|A, len(k.said[d]), nil))
	}
	return k
}

// make returns a segment of end d that acknowledges all of the other.
func (k *talk) make(d int, flags uint8, at int, payload []byte) packet.Segment {
	s := packet.Segment{Src: client, Dst: server, Hash: 7, Flags: flags, Payload: payload,
		Seq: k.isn[d] + 1 + uint32(at), Ack: k.isn[d^1] + 1 + uint32(len(k.said[d^1]))}
	if d == 1 {
		s.Src, s.Dst = server, client
	}
	return s
}

func (k *talk) say(r *rand.Rand, d int) {
	n := 1 + r.IntN(100)
	if r.IntN(4) == 0 {
		n = r.IntN(20_000)
	}
	begin := len(k.said[d])
	for range n {
		k.said[d] = append(k.said[d], byte('a'+r.IntN(26)))
	}
	k.turns[d] = append(k.turns[d], turn{len(k.said[d]), len(k.said[d^1])})
	for at := begin; at < len(k.said[d]); {
		m := min(1+r.IntN(1460), len(k.said[d])-at)
		k.sent = append(k.sent, k.make(d, P|A, at, k.said[d][at:at+m]))
		at += m
		if r.IntN(3) == 0 { // retransmission of something before, cut differently
			from := max(begin, at-r.IntN(4000))
			to := from + r.IntN(at-from+1)
			k.sent = append(k.sent, k.make(d, P|A, from, k.said[d][from:to]))
		}
		if r.IntN(8) == 0 { // keep-alive
			k.sent = append(k.sent, k.make(d, A, at-1, k.said[d][at-1:at]))
		}
	}
	if r.IntN(2) == 0 {
		k.sent = append(k.sent, k.make(d^1, A, len(k.said[d^1]), nil))
	}
}

// shuffle moves each packet by at most width places.
func shuffle(r *rand.Rand, in []packet.Segment, width int) []packet.Segment {
	type keyed struct {
		at int
		s  packet.Segment
	}
	var all []keyed
	for i, s := range in {
		all = append(all, keyed{i + r.IntN(width), s})
		if r.IntN(10) == 0 {
			all = append(all, keyed{i + r.IntN(width), s})
		}
	}
	slices.SortStableFunc(all, func(a, b keyed) int { return a.at - b.at })
	out := make([]packet.Segment, len(all))
	for i := range all {
		out[i] = all[i].s
	}
	return out
}

// inTurn fails when bytes of a message come before what it answers. (Where a gap belongs nobody can tell.)
func (k *talk) inTurn(s *stream1, c *stream.Chunk) {
	if c.Missing > 0 {
		return
	}
	end := len(s.data[c.Dir]) + len(c.Data)
	i, _ := slices.BinarySearchFunc(k.turns[c.Dir], end, func(t turn, at int) int { return t.end - at })
	if have := len(s.data[c.Dir.Opposite()]); i < len(k.turns[c.Dir]) && have < k.turns[c.Dir][i].needs {
		s.b.t.Errorf("bytes up to %d of direction %d after %d of the other, which needs %d", end, c.Dir, have, k.turns[c.Dir][i].needs)
	}
}

func (k *talk) play(t *testing.T, packets []packet.Segment, check func(*stream1, *stream.Chunk)) *bench {
	b := newBench(t, 0)
	open := b.table.open
	b.table.open = func(f *stream.Flow) stream.Handler {
		h := open(f)
		b.streams[len(b.streams)-1].check = check
		return h
	}
	for _, s := range packets {
		b.segment(s)
	}
	b.table.Close(b.number)
	return b
}

func TestModel(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		k := newTalk(r, 1+r.IntN(20))
		b := k.play(t, append(slices.Clone(k.shook), shuffle(r, k.sent, 1+r.IntN(12))...), k.inTurn)
		if len(b.streams) != 1 {
			t.Fatalf("seed %d: %d streams", seed, len(b.streams))
		}
		s := b.streams[0]
		for d := range 2 {
			if s.missing[d] != 0 || !bytes.Equal(s.data[d], k.said[d]) {
				t.Errorf("seed %d direction %d: %d of %d bytes, %d missing", seed, d, len(s.data[d]), len(k.said[d]), s.missing[d])
			}
		}
		if s.reason != stream.Finished {
			t.Errorf("seed %d: %v", seed, s.reason)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestModelWithLoss(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 2))
		k := newTalk(r, 1+r.IntN(40))
		packets := slices.Clone(k.shook)
		last := len(k.sent) - 2 // both FINs are kept
		have := [2][]bool{make([]bool, len(k.said[0])), make([]bool, len(k.said[1]))}
		var kept []packet.Segment
		for i, s := range k.sent {
			if i < last && r.IntN(8) == 0 {
				continue
			}
			kept = append(kept, s)
			d := 0
			if s.Src == server {
				d = 1
			}
			at := int(int32(s.Seq - k.isn[d] - 1))
			for j := range s.Payload {
				have[d][at+j] = true
			}
		}
		b := k.play(t, append(packets, shuffle(r, kept, 1+r.IntN(12))...), k.inTurn)
		if len(b.streams) != 1 {
			t.Fatalf("seed %d: %d streams", seed, len(b.streams))
		}
		s := b.streams[0]
		for d := range 2 {
			if len(s.data[d]) != len(k.said[d]) {
				t.Fatalf("seed %d direction %d: %d bytes, not %d", seed, d, len(s.data[d]), len(k.said[d]))
			}
			for i, c := range s.data[d] {
				if c != k.said[d][i] && (c != '_' || have[d][i]) {
					t.Fatalf("seed %d direction %d: byte %d is %c, not %c", seed, d, i, c, k.said[d][i])
				}
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// The same segments give the same calls, at the same orders.
func TestDeterministic(t *testing.T) {
	var logs [2]string
	for i := range logs {
		r := rand.New(rand.NewPCG(5, 5))
		k := newTalk(r, 30)
		b := newBench(t, 0)
		for _, s := range shuffle(r, k.sent, 9) {
			s.Hash = uint64(i) * 12345 // the seed of the process
			b.segment(s)
		}
		b.table.Close(b.number)
		logs[i] = b.log.String()
	}
	if logs[0] != logs[1] {
		t.Error("different")
	}
}

// One direction only: exact, and without a copy.
func TestOneSided(t *testing.T) {
	for d := range 2 {
		r := rand.New(rand.NewPCG(uint64(d), 3))
		k := newTalk(r, 30)
		b := newBench(t, 0)
		for _, s := range append(slices.Clone(k.shook), k.sent...) {
			if (s.Src == server) == (d == 1) {
				b.segment(s)
			}
		}
		if n := b.table.Stats().Reordered + b.table.Stats().Waited; n != 0 {
			t.Errorf("%d segments held", n)
		}
		b.table.Close(b.number)
		if s := b.streams[0]; fmt.Sprint(s.missing) != "[0 0]" {
			t.Errorf("missing %v", s.missing)
		} else if got := slices.Concat(s.data[0], s.data[1]); !bytes.Equal(got, k.said[d]) {
			t.Errorf("%d bytes, not %d", len(got), len(k.said[d]))
		}
	}
}
