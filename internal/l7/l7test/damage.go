package l7test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/stream"
)

// damages is how often each conversation is damaged.
const damages = 6

// damage: whatever becomes of a stream, nothing panics, records are whole, and no memory stays behind.
func (s *suite) damage(t *testing.T) {
	fail := newReport(t)
	r := rand.New(rand.NewPCG(11, 11))
	tried, records, malformed := 0, 0, int64(0)
	for _, c := range s.captures {
		for i, v := range c.conversations {
			for range damages {
				tried++
				harm := 1 + r.IntN(5)
				broken := v.with(damaged(r, v.Chunks, harm))
				held := 0
				cfg := everything()
				cfg.Protocols = []*l7.Protocol{s.p}
				cfg.Keep = r.IntN(2) == 0
				cfg.Values = r.IntN(2) == 0
				if r.IntN(3) == 0 {
					cfg.Budget = 100 << r.IntN(12)
				}
				cfg.Charge = func(n int) { held += n }
				e := l7.New(cfg, func(r *record.Record) {
					records++
					row(r, 1)
					if r.Protocol == "" || !r.Has(record.Time) {
						fail.errorf("%s, connection %d: a record without protocol or time: %s", c.name, i+1, row(r, 1))
					}
					if r.Has(record.Latency) && r.Num(record.Latency) < 0 || r.Has(record.Wait) && r.Num(record.Wait) < 0 {
						fail.errorf("%s, connection %d: time runs backwards: %s", c.name, i+1, row(r, 1))
					}
				})
				broken.Play(e)
				malformed += e.Stats().Malformed
				if held > maxIdle || held < 0 {
					fail.errorf("%s, connection %d: %d bytes are held when all is over", c.name, i+1, held)
				}
			}
		}
	}
	t.Logf("%d damaged conversations: %d records, %d messages malformed", tried, records, malformed)
	if records == 0 || malformed == 0 {
		t.Error("the damage did nothing")
	}
}

// maxIdle is what an engine may hold between connections: memory for the next.
const maxIdle = 1 << 20

// damaged loses chunks, cuts them, changes bytes, sends chunks twice or in another order.
func damaged(r *rand.Rand, chunks []stream.Chunk, harm int) []stream.Chunk {
	out := slices.Clone(chunks)
	for range harm {
		if len(out) == 0 {
			break
		}
		i := r.IntN(len(out))
		ch := out[i]
		n := len(ch.Data)
		if n == 0 {
			continue
		}
		switch r.IntN(6) {
		case 0: // lost
			out[i].Data, out[i].Missing = nil, n
		case 1: // cut
			k := r.IntN(n)
			gap := ch
			gap.Data, gap.Missing, gap.Cut = nil, n-k, true
			if out[i].Data = ch.Data[:k]; k == 0 {
				out[i] = gap
			} else {
				out = slices.Insert(out, i+1, gap)
			}
		case 2: // other bytes
			b := slices.Clone(ch.Data)
			for range 1 + r.IntN(4) {
				b[r.IntN(n)] = byte(r.Uint32())
			}
			out[i].Data = b
		case 3: // some bytes less, and nobody says so
			k := r.IntN(n)
			out[i].Data = slices.Delete(slices.Clone(ch.Data), k, min(n, k+1+r.IntN(8)))
		case 4: // twice
			out = slices.Insert(out, i, ch)
		case 5: // the other direction's
			out[i].Dir = ch.Dir.Opposite()
		}
	}
	return slices.DeleteFunc(out, func(c stream.Chunk) bool { return len(c.Data) == 0 && c.Missing == 0 })
}
