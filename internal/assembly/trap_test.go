package assembly

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dbtap/dbtap/internal/packet"
	"github.com/dbtap/dbtap/internal/stream"
)

// traps are captures of one connection and the calls that they should give: > and < say the direction, _n lost
// bytes, -n cut ones, and the last word why the flow ended.
var traps = []struct {
	name string
	play func(b *bench)
	want string
}{
	{"plain", func(b *bench) {
		b.handshake()
		b.c(P|A, 0, 0, "hello")
		b.s(P|A, 0, 5, "world")
		b.goodbye(5, 5)
	}, ">hello <world finished"},

	{"swapped segments", func(b *bench) {
		b.handshake()
		b.c(P|A, 5, 0, "world")
		b.c(P|A, 0, 0, "hello")
		b.goodbye(10, 0)
	}, ">hello >world finished"},

	{"retransmission with different bytes", func(b *bench) {
		b.handshake()
		b.c(P|A, 0, 0, "hello")
		b.c(P|A, 0, 0, "HELLO")
		b.c(P|A, 5, 0, "world")
		b.goodbye(10, 0)
	}, ">hello >world finished"},

	{"retransmission of more", func(b *bench) {
		b.handshake()
		b.c(P|A, 0, 0, "hello")
		b.c(P|A, 0, 0, "HELLOworld")
		b.goodbye(10, 0)
	}, ">hello >world finished"},

	{"overlap with held bytes", func(b *bench) {
		b.handshake()
		b.c(P|A, 3, 0, "def")
		b.c(P|A, 9, 0, "jkl")
		b.c(P|A, 2, 0, "CDEFGHIJKLMN")
		b.c(P|A, 0, 0, "ab")
		b.goodbye(14, 0)
	}, ">ab >C >def >GHI >jkl >MN finished"},

	{"hole filled beyond its end", func(b *bench) {
		b.handshake()
		b.c(P|A, 3, 0, "def")
		b.c(P|A, 0, 0, "abcDEFghi")
		b.goodbye(9, 0)
	}, ">abc >def >ghi finished"},

	{"every packet twice", func(b *bench) {
		for range 2 {
			b.c(S, -1, 0, "")
		}
		for range 2 {
			b.s(S|A, -1, 0, "")
		}
		for range 2 {
			b.c(A, 0, 0, "")
		}
		for range 2 {
			b.c(P|A, 0, 0, "hello")
		}
		for range 2 {
			b.s(P|A, 0, 5, "world")
		}
		for range 2 {
			b.c(F|A, 5, 5, "")
		}
		for range 2 {
			b.s(F|A, 5, 6, "")
		}
		for range 2 {
			b.c(A, 6, 6, "")
		}
	}, ">hello <world finished"},

	{"keep-alives", func(b *bench) {
		b.handshake()
		b.c(P|A, 0, 0, "hello")
		b.c(A, 4, 0, "\x00")
		b.s(A, 0, 5, "")
		b.c(A, 4, 0, "")
		b.s(A, -1, 5, "")
		b.s(P|A, 0, 5, "world")
		b.c(P|A, 5, 5, "bye")
		b.goodbye(8, 5)
	}, ">hello <world >bye finished"},

	{"keep-alive of an unknown flow", func(b *bench) {
		b.c(A, 4, 0, "\x00")
		b.s(A, 0, 5, "")
	}, ""},

	{"keep-alive in mid-stream", func(b *bench) {
		b.c(P|A, 100, 50, "ask")
		b.s(A, 49, 103, "")
		b.s(P|A, 50, 103, "answer")
	}, ">ask <answer ended"},

	{"zero window", func(b *bench) {
		b.handshake()
		b.c(A, 0, 0, "hello")
		b.s(A, 0, 5, "")
		b.c(A, 5, 0, "w") // the probe carries the next byte, which does not fit
		b.s(A, 0, 5, "")
		b.s(A, 0, 5, "") // the window opens
		b.c(P|A, 5, 0, "world")
		b.goodbye(10, 0)
	}, ">hello >w >orld finished"},

	{"sequence numbers wrap", func(b *bench) {
		b.isn = [2]uint32{1<<32 - 4, 1<<32 - 1}
		b.handshake()
		b.c(P|A, 5, 0, "world")
		b.c(P|A, 0, 0, "hello")
		b.s(P|A, 0, 10, "answer")
		b.c(P|A, 10, 6, "more")
		b.goodbye(14, 6)
	}, ">hello >world <answer >more finished"},

	{"data on SYN", func(b *bench) {
		b.segment(packet.Segment{Src: client, Dst: server, Hash: 7, Flags: S, Payload: []byte("hello"), Seq: b.isn[0]})
		b.s(S|A, -1, 5, "")
		b.c(A, 5, 0, "")
		b.c(P|A, 5, 0, "world")
		b.goodbye(10, 0)
	}, ">hello >world finished"},

	{"data on SYN refused", func(b *bench) {
		b.segment(packet.Segment{Src: client, Dst: server, Hash: 7, Flags: S, Payload: []byte("hello"), Seq: b.isn[0]})
		b.s(S|A, -1, 0, "")
		b.c(P|A, 0, 0, "hello")
		b.goodbye(5, 0)
	}, ">hello finished"},

	{"FIN with data", func(b *bench) {
		b.handshake()
		b.c(F|P|A, 0, 0, "hello")
		b.s(F|P|A, 0, 6, "world")
		b.c(A, 6, 6, "")
	}, ">hello <world finished"},

	{"FIN before its data", func(b *bench) {
		b.handshake()
		b.c(F|A, 5, 0, "")
		b.c(P|A, 0, 0, "hello")
		b.s(F|A, 0, 6, "")
	}, ">hello finished"},

	{"data after FIN", func(b *bench) {
		b.handshake()
		b.c(F|P|A, 0, 0, "hello")
		b.c(P|A, 5, 0, "X")
		b.c(P|A, 6, 0, "YZ")
		b.c(P|A, 0, 0, "hello and more")
		b.s(F|A, 0, 6, "")
	}, ">hello finished"},

	{"half-close", func(b *bench) {
		b.handshake()
		b.c(F|P|A, 0, 0, "ask")
		b.s(P|A, 0, 4, "one ")
		b.c(A, 4, 4, "")
		b.s(P|A, 4, 4, "two")
		b.s(F|A, 7, 4, "")
	}, ">ask <one  <two finished"},

	{"reset", func(b *bench) {
		b.handshake()
		b.c(P|A, 0, 0, "hello")
		b.s(R|A, 0, 5, "")
	}, ">hello reset"},

	{"reset flushes what waits", func(b *bench) {
		b.handshake()
		b.c(P|A, 5, 0, "world")
		b.s(R|A, 0, 5, "")
	}, ">_5 >world reset"},

	{"reset out of place", func(b *bench) {
		b.handshake()
		b.c(P|A, 0, 0, "hello")
		b.s(R, 1<<30, 0, "")
		b.s(P|A, 0, 5, "world")
		b.goodbye(5, 5)
	}, ">hello <world finished"},

	{"refused", func(b *bench) {
		b.c(S, -1, 0, "")
		b.segment(packet.Segment{Src: server, Dst: client, Hash: 7, Flags: R | A, Ack: b.isn[0] + 1})
	}, ""},

	{"late packets of a closed flow", func(b *bench) {
		b.handshake()
		b.c(P|A, 0, 0, "hello")
		b.s(P|A, 0, 5, "world")
		b.goodbye(5, 5)
		b.s(P|A, 0, 5, "world")
		b.s(F|A, 5, 6, "")
		b.c(A, 6, 6, "")
		b.c(S, -1, 0, "")
		b.s(S|A, -1, 0, "")
		b.s(R, 6, 0, "")
	}, ">hello <world finished"},

	{"data after a reset", func(b *bench) {
		b.handshake()
		b.c(P|A, 0, 0, "hello")
		b.s(R|A, 0, 5, "")
		b.c(P|A, 5, 0, "more")
	}, ">hello reset"},

	{"packets that begin nothing", func(b *bench) {
		b.c(A, 0, 0, "")
		b.c(F|A, 0, 0, "")
		b.c(R, 0, 0, "")
		b.c(R, 0, 0, "data")
	}, ""},

	{"port reuse", func(b *bench) {
		b.handshake()
		b.c(P|A, 0, 0, "hello")
		b.isn = [2]uint32{77_000_000, 99}
		b.handshake()
		b.c(P|A, 0, 0, "world")
		b.goodbye(5, 0)
	}, ">hello reused >world finished"},

	{"port reuse after the end", func(b *bench) {
		b.handshake()
		b.c(P|A, 0, 0, "hello")
		b.goodbye(5, 0)
		b.isn = [2]uint32{77_000_000, 99}
		b.handshake()
		b.c(P|A, 0, 0, "world")
		b.goodbye(5, 0)
	}, ">hello finished >world finished"},

	{"port reuse with the same number", func(b *bench) {
		b.handshake()
		b.c(P|A, 0, 0, "hello")
		b.goodbye(5, 0)
		b.now += 2 * synDuplicate
		b.handshake()
		b.c(P|A, 0, 0, "world")
		b.goodbye(5, 0)
	}, ">hello finished >world finished"},

	{"port reuse with the SYN lost", func(b *bench) {
		b.handshake()
		b.c(P|A, 0, 0, "hello")
		b.isn = [2]uint32{3_000_000_000, 99}
		b.s(S|A, -1, 0, "")
		b.c(A, 0, 0, "")
		b.c(P|A, 0, 0, "world")
		b.goodbye(5, 0)
	}, ">hello reused >world finished"},

	{"SYN sent again", func(b *bench) {
		b.c(S, -1, 0, "")
		b.c(S, -1, 0, "")
		b.s(S|A, -1, 0, "")
		b.s(S|A, -1, 0, "")
		b.c(A, 0, 0, "")
		b.c(P|A, 0, 0, "hello")
		b.c(S, -1, 0, "")
		b.s(P|A, 0, 5, "world")
		b.goodbye(5, 5)
	}, ">hello <world finished"},

	{"SYN-ACK with another number", func(b *bench) {
		b.c(S, -1, 0, "")
		b.s(S|A, -1, 0, "")
		b.isn[1] = 2_000_000_000
		b.s(S|A, -1, 0, "")
		b.c(A, 0, 0, "")
		b.s(P|A, 0, 0, "greeting")
		b.c(P|A, 0, 8, "hello")
		b.goodbye(5, 8)
	}, "<greeting >hello finished"},

	{"SYN-ACK before SYN", func(b *bench) {
		b.s(S|A, -1, 0, "")
		b.c(S, -1, 0, "")
		b.c(A, 0, 0, "")
		b.s(P|A, 0, 0, "greeting")
		b.c(P|A, 0, 8, "hello")
		b.goodbye(5, 8)
	}, "<greeting >hello finished"},

	{"SYN lost", func(b *bench) {
		b.s(S|A, -1, 0, "")
		b.c(P|A, 5, 0, "world")
		b.c(P|A, 0, 0, "hello")
		b.goodbye(10, 0)
	}, ">hello >world finished"},

	{"SYN-ACK and greeting lost", func(b *bench) {
		b.c(S, -1, 0, "")
		b.c(A, 0, 0, "")
		b.c(P|A, 0, 8, "hello")
		b.s(P|A, 8, 5, "answer")
		b.c(A, 5, 14, "")
		for range lossSegments {
			b.s(A, 14, 5, "")
		}
		b.goodbye(5, 14)
	}, ">hello <_8 <answer finished"},

	{"simultaneous open", func(b *bench) {
		b.c(S, -1, 0, "")
		b.s(S, -1, 0, "")
		b.c(S|A, -1, 0, "")
		b.s(S|A, -1, 0, "")
		b.c(P|A, 0, 0, "hello")
		b.s(P|A, 0, 5, "world")
		b.goodbye(5, 5)
	}, ">hello <world finished"},

	{"mid-stream", func(b *bench) {
		b.s(P|A, 700, 300, "answer")
		b.c(A, 300, 706, "")
		b.c(P|A, 300, 706, "ask")
		b.s(P|A, 706, 303, "more")
	}, ">answer <ask >more ended"},

	{"mid-stream, swapped at the start", func(b *bench) {
		b.c(P|A, 105, 0, "world")
		b.c(P|A, 100, 0, "hello")
		b.c(P|A, 110, 0, "!")
	}, ">world >! ended"},

	{"answer before request", func(b *bench) {
		b.handshake()
		b.s(P|A, 0, 5, "world")
		b.c(P|A, 0, 0, "hello")
		b.goodbye(5, 5)
	}, ">hello <world finished"},

	{"answer before both parts of the request", func(b *bench) {
		b.handshake()
		b.s(P|A, 0, 10, "answer")
		b.c(P|A, 5, 0, "world")
		b.s(P|A, 6, 10, "more")
		b.c(P|A, 0, 0, "hello")
		b.goodbye(10, 10)
	}, ">hello >world <answer <more finished"},

	{"request lost, answer waits in vain", func(b *bench) {
		b.handshake()
		b.s(P|A, 0, 5, "world")
		for range lossSegments {
			b.c(A, 5, 5, "")
		}
		b.c(P|A, 5, 5, "next")
		b.goodbye(9, 5)
	}, ">_5 <world >next finished"},

	{"request lost, time passes", func(b *bench) {
		b.handshake()
		b.s(P|A, 0, 5, "world")
		b.now += lossTime + ms
		b.table.Expire(b.now, b.number)
		b.c(P|A, 5, 5, "next")
		b.goodbye(9, 5)
	}, ">_5 <world >next finished"},

	{"acknowledged hole", func(b *bench) {
		b.handshake()
		b.c(P|A, 5, 0, "world")
		b.s(A, 0, 10, "")
		for range lossSegments {
			b.s(A, 0, 10, "")
		}
		b.c(P|A, 10, 0, "next")
		b.goodbye(14, 0)
	}, ">_5 >world >next finished"},

	{"hole nobody acknowledged", func(b *bench) {
		b.handshake()
		b.c(P|A, 5, 0, "world")
		for range 10 * lossSegments {
			b.s(A, 0, 0, "")
		}
		b.now += 10 * lossTime
		b.c(P|A, 0, 0, "hello")
		b.goodbye(10, 0)
	}, ">hello >world finished"},

	{"hole at the end", func(b *bench) {
		b.handshake()
		b.c(P|A, 0, 0, "hello")
		b.s(A, 0, 10, "")
	}, ">hello >_5 ended"},

	{"FIN not captured", func(b *bench) {
		b.handshake()
		b.c(P|A, 0, 0, "hello")
		b.s(F|A, 0, 6, "")
	}, ">hello ended"},

	{"hole before FIN", func(b *bench) {
		b.handshake()
		b.c(F|P|A, 5, 0, "world")
		b.s(F|A, 0, 11, "")
		b.now += 2 * lossTime
		b.table.Expire(b.now, b.number)
		b.now += 2 * lossTime
		b.table.Expire(b.now, b.number)
	}, ">_5 >world finished"},

	{"one side, whole", func(b *bench) {
		b.c(S, -1, 0, "")
		b.c(A, 0, 0, "")
		b.c(P|A, 0, 0, "one")
		b.c(P|A, 3, 90, "two")
		b.c(F|A, 6, 900, "")
		b.now += 2 * closingIdle
		b.table.Expire(b.now, b.number)
	}, ">one >two finished"},

	{"one side, hole", func(b *bench) {
		b.c(S, -1, 0, "")
		b.c(A, 0, 0, "")
		b.c(P|A, 5, 900, "two")
		for i := range aloneSegments {
			b.c(A, 8, 901+i, "")
		}
		b.c(P|A, 8, 9000, "three")
	}, ">_5 >two >three ended"},

	{"one side falls silent", func(b *bench) {
		b.handshake()
		b.c(P|A, 0, 0, "ask")
		b.s(P|A, 0, 3, "answer")
		b.c(P|A, 3, 20, "waits")
		for range lossSegments {
			b.c(A, 8, 20, "")
		}
		b.c(P|A, 8, 30, "no longer waits")
		b.c(P|A, 33, 50, "hole")
		for range aloneSegments {
			b.c(A, 37, 50, "")
		}
		b.c(P|A, 37, 70, "more")
	}, ">ask <answer <_14 >waits >no longer waits >_10 >hole >more <_50 ended"},

	{"wild acknowledgement", func(b *bench) {
		b.handshake()
		b.c(P|A, 0, 1<<30, "hello")
		b.s(P|A, 0, 5, "world")
		b.goodbye(5, 5)
	}, ">hello <world finished"},

	{"wild segment", func(b *bench) {
		b.handshake()
		b.c(P|A, 1<<29, 0, "wild")
		b.c(P|A, 0, 0, "hello")
		b.c(P|A, -1<<29, 0, "wild")
		b.goodbye(5, 0)
	}, ">hello finished"},

	{"long loss", func(b *bench) {
		b.handshake()
		b.c(P|A, 0, 0, "hello")
		for i := range wildSegments + 1 {
			b.c(P|A, 70_000_000+4*i, 0, "far ")
		}
	}, ">hello >_70000003 >far  >far  ended"},

	{"another connection on the same ports, in mid-stream", func(b *bench) {
		b.handshake()
		b.c(P|A, 0, 0, "hello")
		for i := range wildSegments + 1 {
			b.c(P|A, -1_70_000_000+4*i, 0, "far ")
		}
	}, ">hello reused >far  >far  ended"},

	{"idle", func(b *bench) {
		b.handshake()
		b.c(P|A, 0, 0, "hello")
		b.now += liveIdle
		b.table.Expire(b.now-ms, b.number)
		b.c(P|A, 5, 0, "world")
		b.now += liveIdle + ms
		b.table.Expire(b.now, b.number)
		b.c(P|A, 10, 0, "again")
	}, ">hello >world idle >again ended"},

	{"clock goes back", func(b *bench) {
		b.handshake()
		b.c(P|A, 0, 0, "hello")
		b.now -= 10 * 60 * 1000 * ms
		b.table.Expire(b.now, b.number)
		b.s(P|A, 0, 5, "world")
		b.now += 20 * 60 * 1000 * ms
		b.c(P|A, 5, 5, "more")
		b.goodbye(9, 5)
	}, ">hello <world >more finished"},

	{"segments above 64 KB", func(b *bench) {
		big := strings.Repeat("b", 100_000)
		b.handshake()
		b.c(P|A, len(big), 0, big)
		b.c(P|A, 0, 0, big)
		b.goodbye(2*len(big), 0)
	}, ">#100000 >#100000 finished"},

	{"cut", func(b *bench) {
		b.handshake()
		b.cut(client, 0, 0, "hel", 2)
		b.c(P|A, 5, 0, "world")
		b.cut(server, 0, 10, "", 7)
		b.goodbye(10, 7)
	}, ">hel >-2 >world <-7 finished"},

	{"cut and held", func(b *bench) {
		b.handshake()
		b.cut(client, 5, 0, "wo", 3)
		b.c(P|A, 8, 0, "ld and more")
		b.cut(client, 4, 0, "O", 20)
		b.c(P|A, 0, 0, "hell")
		b.goodbye(25, 0)
	}, ">hell >O >wo >-3 > and more >-6 finished"},

	{"waiting for each other", func(b *bench) {
		b.handshake()
		b.c(P|A, 0, 5, "hello")
		b.s(P|A, 0, 5, "world")
		b.goodbye(5, 5)
	}, ">hello <world finished"},

	{"Christmas tree", func(b *bench) {
		b.c(255, 0, 0, "x")
		b.c(S|F|A, 0, 0, "x")
		b.s(S|F, 0, 0, "x")
	}, "<x reused >x ended"},
}

func (b *bench) cut(from any, seq, ack int, payload string, missing int) {
	s := packet.Segment{Src: client, Dst: server, Hash: 7, Flags: P | A, Payload: []byte(payload), Missing: missing,
		Seq: b.isn[0] + 1 + uint32(seq), Ack: b.isn[1] + 1 + uint32(ack)}
	if from == any(server) {
		s.Src, s.Dst = server, client
		s.Seq, s.Ack = b.isn[1]+1+uint32(seq), b.isn[0]+1+uint32(ack)
	}
	b.segment(s)
}

func TestTraps(t *testing.T) {
	for _, trap := range traps {
		t.Run(strings.ReplaceAll(trap.name, " ", "_"), func(t *testing.T) {
			b := newBench(t, 0)
			trap.play(b)
			b.want(trap.want)
		})
	}
}

func TestFlowFacts(t *testing.T) {
	b := newBench(t, 0)
	start := b.now + ms/100
	b.c(S, -1, 0, "")
	b.now += 3 * ms
	b.s(S|A, -1, 0, "")
	b.now += 2 * ms
	b.c(A, 0, 0, "")
	b.s(P|A, 0, 0, "greeting")
	f := b.streams[0].flow
	if f.A != client || f.B != server || f.Midstream || f.Start != start || f.RTT != 5*ms+2*ms/100 {
		t.Errorf("%+v", f)
	}
	b.goodbye(0, 8)
	if got := fmt.Sprint(b.opened); got != "[0@1]" {
		t.Error(got)
	}

	b = newBench(t, 0)
	b.s(S|A, -1, 0, "")
	b.c(A, 0, 0, "")
	b.s(P|A, 0, 0, "greeting")
	if f := b.streams[0].flow; f.A != client || f.Midstream || f.RTT != 0 {
		t.Errorf("SYN-ACK first: %+v", f)
	}

	b = newBench(t, 0)
	b.s(P|A, 0, 0, "greeting")
	if f := b.streams[0].flow; f.A != server || !f.Midstream || f.RTT != 0 {
		t.Errorf("mid-stream: %+v", f)
	}
}

// A chunk keeps time and number of its own packet, and takes the order of the one that released it.
func TestOrigins(t *testing.T) {
	b := newBench(t, 0)
	b.handshake() // packets 1 to 3
	b.c(P|A, 5, 0, "world")
	at := b.now
	var got []string
	b.table.open = func(f *stream.Flow) stream.Handler {
		s := &stream1{b: b, live: f, check: func(_ *stream1, c *stream.Chunk) {
			got = append(got, fmt.Sprintf("%s packet %d order %d", c.Data, c.Packet, c.Order))
			if string(c.Data) == "world" && c.Time != at {
				t.Error("time of another packet")
			}
		}}
		return s
	}
	b.now += ms
	b.c(P|A, 0, 0, "hello")
	if s := fmt.Sprint(got); s != "[hello packet 5 order 5 world packet 4 order 5]" {
		t.Error(s)
	}
}

func TestCounters(t *testing.T) {
	b := newBench(t, 0)
	b.handshake()
	b.c(P|A, 5, 0, "world")
	b.c(P|A, 5, 0, "WORLd")
	b.c(P|A, 0, 0, "hello")
	b.c(P|A, 0, 0, "hello")
	b.goodbye(10, 0)
	s := b.table.Stats()
	if s.Delivered != 10 || s.Retransmitted != 10 || s.Conflicting != 4 || s.Reordered != 2 || s.Lost != 0 || s.Streams != 1 || s.Flows != 1 {
		t.Errorf("%+v", s)
	}
}

// What waits is bounded: a hole that nobody fills or acknowledges gives way.
func TestHeldLimits(t *testing.T) {
	b := newBench(t, 0)
	b.handshake()
	for i := range maxHeldSegments + 2 {
		b.c(P|A, 10+2*i, 0, "x")
		b.s(A, 0, 0, "")
	}
	if s := b.streams[0]; s.missing[0] != 10+1 || b.table.Stats().Delivered != 2 {
		t.Errorf("%d missing", s.missing[0])
	}
	b.goodbye(10+2*(maxHeldSegments+2), 0)

	b = newBench(t, 0)
	b.handshake()
	big := strings.Repeat("y", 60_000)
	for i := range maxHeldBytes/60_000 + 1 {
		b.c(P|A, 10+len(big)*i, 0, big)
	}
	if len(b.streams) != 1 || b.streams[0].missing[0] != 10 {
		t.Error("nothing given up")
	}
}

// The order of arrival that is worst for a sorted list must still be fast.
func TestWorstOrder(t *testing.T) {
	b := newBench(t, 0)
	b.handshake()
	start := time.Now()
	lo, hi := 0, maxHeldSegments
	for i := range 20 * maxHeldSegments { // always into the middle
		if i%2 == 0 {
			b.c(P|A, 10+4*lo, 0, "x")
			lo++
		} else {
			b.c(P|A, 10+4*hi, 0, "x")
			hi--
		}
		if lo > hi {
			lo, hi = lo+maxHeldSegments, lo+2*maxHeldSegments
		}
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("%v", d)
	}
}
