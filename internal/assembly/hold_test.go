package assembly

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/dbtap/dbtap/internal/packet"
)

// TestManyHeld: hundreds of segments in any order are put in their places through the index, and come out in order.
func TestManyHeld(t *testing.T) {
	const n = 400 // fewer than make a hole lost
	want := make([]byte, 2*n+1)
	for i := range want {
		want[i] = byte(i * 7)
	}
	for seed := range uint64(4) {
		b := newBench(t, 0)
		b.handshake()
		g := rand.New(rand.NewPCG(seed, 1))
		for _, i := range g.Perm(n) { // every second pair of bytes, so that nothing touches
			b.segment(packet.Segment{Src: client, Dst: server, Hash: 7, Flags: A, Payload: want[1+2*i : 2+2*i],
				Seq: b.isn[0] + 2 + uint32(2*i), Ack: b.isn[1] + 1})
		}
		q := &b.table.holds.head.flow.hold.q[0]
		if q.n != n || len(q.index) != q.n {
			t.Fatalf("%d are held, %d in the index", q.n, len(q.index))
		}
		i := 0
		for r := q.head; r != nil; r = r.next {
			if q.index[i] != r {
				t.Fatalf("the index is wrong at %d", i)
			}
			i++
		}
		b.segment(packet.Segment{Src: client, Dst: server, Hash: 7, Flags: A | P, Payload: want, Seq: b.isn[0] + 1, Ack: b.isn[1] + 1})
		b.table.Close(b.number)
		if got := b.streams[0].data[0]; !bytes.Equal(got, want) {
			t.Errorf("%d bytes came out, not %d, or others", len(got), len(want))
		}
	}
}

// TestCutOverHeld: the cut end of a segment that reaches over many held ones is followed for a few of them.
func TestCutOverHeld(t *testing.T) {
	b := newBench(t, 0)
	b.handshake()
	for i := range 300 {
		b.segment(packet.Segment{Src: client, Dst: server, Hash: 7, Flags: A, Payload: []byte("xy"), Seq: b.isn[0] + 11 + uint32(2*i), Ack: b.isn[1] + 1})
	}
	before := b.table.Stats().Retransmitted
	b.segment(packet.Segment{Src: client, Dst: server, Hash: 7, Flags: A, Payload: []byte("x"), Missing: 599, Seq: b.isn[0] + 11, Ack: b.isn[1] + 1})
	if n := b.table.Stats().Retransmitted - before; n == 0 || n > 2*longWalk+2 {
		t.Errorf("%d bytes were compared", n)
	}
	b.c(A|P, 0, 0, "0123456789")
	b.table.Close(b.number)
	if got := b.streams[0].data[0]; len(got) != 610 || bytes.ContainsAny(got, "_-") {
		t.Errorf("%d bytes came out: %q", len(got), got)
	}
}
