package l7test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/stream"
)

// byteByByte is how long a conversation may be to be handed over byte by byte.
const byteByByte = 64 << 10

// chunks: however a stream is cut into chunks, the records are the same.
func (s *suite) chunks(t *testing.T) {
	fail := newReport(t)
	r := rand.New(rand.NewPCG(3, 3))
	tried := 0
	for _, c := range s.captures {
		for i, v := range c.conversations {
			want, _ := s.rows(everything(), v)
			for round := range 4 {
				if round == 3 && v.bytes() > byteByByte {
					continue
				}
				tried++
				got, _ := s.rows(everything(), v.with(split(v.Chunks, func(n int) int {
					switch round {
					case 3:
						return 1
					case 2:
						return 1 + r.IntN(n)
					}
					return min(n, 1+r.IntN(40)) // about a header
				})))
				if !slices.Equal(got, want) {
					fail.errorf("%s, connection %d, split (%d): records differ:\n%s", c.name, i+1, round, firstDifference(got, want))
				}
			}
			merged, _ := s.rows(everything(), v.with(merge(v.Chunks)))
			if got, want := clean(merged, times...), clean(want, times...); !slices.Equal(got, want) {
				fail.errorf("%s, connection %d, merged: records differ:\n%s", c.name, i+1, firstDifference(got, want))
			}
		}
	}
	t.Logf("%d conversations in other chunks", tried)
	if tried == 0 {
		t.Error("no conversation was split")
	}
}

// split cuts chunks into smaller ones: next says how much of the n bytes left comes next.
func split(chunks []stream.Chunk, next func(n int) int) (out []stream.Chunk) {
	for _, ch := range chunks {
		data := ch.Data
		if ch.Missing > 0 {
			out = append(out, ch)
		}
		for len(data) > 0 {
			n := next(len(data))
			out = append(out, chunk(ch, data[:n]))
			data = data[n:]
		}
	}
	return out
}

// merge puts chunks of one direction together that follow each other.
func merge(chunks []stream.Chunk) (out []stream.Chunk) {
	for _, ch := range chunks {
		if n := len(out); n > 0 && ch.Missing == 0 && out[n-1].Missing == 0 && out[n-1].Dir == ch.Dir {
			out[n-1].Data = append(slices.Clip(out[n-1].Data), ch.Data...)
			continue
		}
		out = append(out, ch)
	}
	return out
}

// allocations: in the fast view messages cost no memory.
func (s *suite) allocations(t *testing.T) {
	fail := newReport(t)
	if len(s.o.Mixed) == 0 {
		t.Fatal("no capture of many small exchanges is named")
	}
	var list []*Conversation
	for _, c := range s.captures {
		if match(s.o.Mixed, c.name) {
			list = append(list, c.conversations...)
		}
	}
	cfg := everything()
	cfg.Protocols = []*l7.Protocol{s.p}
	rows := 0
	e := l7.New(cfg, func(*record.Record) { rows++ })
	all := func() {
		for _, c := range list {
			h := e.Open(&c.Flow)
			for i := range c.Chunks {
				h.HandleChunk(&c.Flow, &c.Chunks[i])
			}
			h.HandleClose(&c.Flow, c.why, c.at, c.order)
		}
	}
	all()
	before := e.Stats().Messages
	const runs = 10
	n := testing.AllocsPerRun(runs, all)
	messages := float64(e.Stats().Messages-before) / (runs + 1) // AllocsPerRun warms up once more
	t.Logf("%.0f allocations for %.0f messages", n, messages)
	if messages < 1000 {
		fail.errorf("%.0f messages are too few to tell", messages)
	}
	if n > messages/1000 && !racing {
		fail.errorf("%.0f allocations for %.0f messages: more than one for a thousand", n, messages)
	}
}

// whole is a message in one chunk, or in several with its holes.
func whole(m *Message) []stream.Chunk {
	dir := stream.Forward
	if m.Dir == l7.ToClient {
		dir = stream.Backward
	}
	ch := stream.Chunk{Dir: dir, Time: 1, Packet: 1}
	if len(m.Runs) == 0 {
		list := []stream.Chunk{chunk(ch, m.Data)}
		if n := m.Size - len(m.Data); n > 0 {
			ch.Missing, ch.Cut = n, true
			list = append(list, ch)
		}
		return list
	}
	var list []stream.Chunk
	at, data := 0, m.Data
	gap := func(to int) {
		if to > at {
			g := ch
			g.Missing, g.Cut = to-at, true
			list = append(list, g)
		}
	}
	for _, r := range m.Runs {
		gap(r.Off)
		list = append(list, chunk(ch, data[:r.N]))
		data, at = data[r.N:], r.Off+r.N
	}
	gap(m.Size)
	return list
}
