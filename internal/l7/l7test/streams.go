package l7test

import (
	"bytes"
	"encoding/json"
	"maps"
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

// exchange is a record and where its messages lie.
type exchange struct {
	row         string
	parts       []part
	first, last int // chunks between which it was open
}

// part is one message: a range of the bytes of one direction.
type part struct {
	dir      stream.Dir
	from, to int
}

// exchanges are the records of a conversation with their places. ok is false where they cannot be told: bytes are
// missing already.
func (s *suite) exchanges(v *Conversation, inherited []string) (list []*exchange, ok bool) {
	begin, ok := spans(v)
	if !ok {
		return nil, false
	}
	type kept struct {
		rec  string
		msg  []record.Kept
		more bool // messages between its first and last ones were not kept

		order uint64 // place of the packet that ended it
	}
	var rows []kept
	cfg := everything()
	cfg.Keep = true
	messages := watched(s.p, cfg, v, "", 1, func(r *record.Record) {
		k := kept{rec: row(r, 1), more: r.Dropped > 0, order: r.Order}
		for _, m := range r.Messages {
			m.Data = slices.Clone(m.Data)
			k.msg = append(k.msg, m)
		}
		rows = append(rows, k)
	}, nil)
	if s.p.Pairing != l7.InOrder && slices.ContainsFunc(rows, func(k kept) bool { return k.more }) {
		return nil, false // others may have come between
	}
	client := clientOf(v, messages, 1)
	used := make([]bool, len(messages))
	for _, k := range rows {
		x := &exchange{row: clean([]string{k.rec}, inherited...)[0], first: len(v.Chunks)}
		for _, kept := range k.msg {
			for i, m := range messages {
				dir := client
				if m.Dir == l7.ToClient {
					dir = client.Opposite()
				}
				if used[i] || kept.FromServer != (m.Dir == l7.ToClient) || kept.Length != m.Size || !bytes.Equal(kept.Data, m.Data) {
					continue
				}
				from := m.end - m.Size
				at, last := chunkAt(v, begin, dir, from), chunkAt(v, begin, dir, m.end-1)
				if at < 0 || v.Chunks[at].Packet != kept.Packet {
					continue
				}
				used[i] = true
				x.parts = append(x.parts, part{dir, from, m.end})
				x.first, x.last = min(x.first, at), max(x.last, last)
				break
			}
		}
		if len(x.parts) != len(k.msg) {
			return nil, false
		}
		if k.more {
			for _, p := range x.parts {
				whole := p
				for _, q := range x.parts {
					if q.dir == p.dir {
						whole.from, whole.to = min(whole.from, q.from), max(whole.to, q.to)
					}
				}
				x.parts = append(x.parts, whole)
			}
		}
		for x.last < len(v.Chunks) && (x.last < 0 || v.Chunks[x.last].Order < k.order) {
			x.last++ // it was open until its row came
		}
		list = append(list, x)
	}
	return list, true
}

// follows tells whether x has the first message of a direction behind a place.
func (x *exchange) follows(all []*exchange, dir stream.Dir, at int) bool {
	first, mine := -1, false
	for _, y := range all {
		for _, p := range y.parts {
			if p.dir == dir && p.from >= at && (first < 0 || p.from < first) {
				first, mine = p.from, x == y
			}
		}
	}
	return mine
}

// unasked tells whether the server spoke, and the client did not.
func (x *exchange) unasked(client stream.Dir) bool {
	return !slices.ContainsFunc(x.parts, func(p part) bool { return p.dir == client })
}

// chunkAt is the chunk that carries a byte.
func chunkAt(v *Conversation, begin []int, dir stream.Dir, at int) int {
	for i := range v.Chunks {
		if v.Chunks[i].Dir == dir && at >= begin[i] && at < begin[i]+len(v.Chunks[i].Data) {
			return i
		}
	}
	return -1
}

// Chunks are lost one at a time: every one of a conversation of up to losses chunks, of a longer one someLosses.
const (
	losses     = 150
	someLosses = 40
)

// loss: where a chunk is lost, or cut by the snap length, only the exchanges that had bytes in it are harmed, and they
// say so.
func (s *suite) loss(t *testing.T) {
	inherited := slices.Clone(s.o.InheritedAttributes)
	for _, c := range s.o.Inherited {
		inherited = append(inherited, record.Columns[c].Name)
	}
	tried, harmed, whole := 0, 0, 0
	s.each(newReport(t), s.o.LossExcept, func(c *captured, fail *report) {
		for i, v := range c.conversations {
			all, ok := s.exchanges(v, inherited)
			if !ok {
				fail.errorf("%s, connection %d: where its messages lie is not known: it has a layer, gaps or long exchanges", c.name, i+1)
				continue
			}
			begin, _ := spans(v)
			client := clientOf(v, c.messages, i+1)
			which := c.random(i).Perm(len(v.Chunks))
			if len(which) > losses {
				which = which[:someLosses]
			}
			for _, j := range which {
				for _, cut := range []bool{false, true} {
					ch := v.Chunks[j]
					keep := 0
					if cut {
						keep = len(ch.Data) / 2
					}
					chunks := slices.Clone(v.Chunks[:j])
					if keep > 0 {
						chunks = append(chunks, chunk(ch, ch.Data[:keep]))
					}
					gap := ch
					gap.Data, gap.Missing, gap.Cut = nil, len(ch.Data)-keep, cut
					chunks = append(append(chunks, gap), v.Chunks[j+1:]...)
					got, _ := s.rows(everything(), v.with(chunks))
					got = clean(got, inherited...)
					from, to := begin[j]+keep, begin[j]+len(ch.Data)
					tried++
					touched, parted := 0, false
					harmable, doubtful := s.reach(v, all, j)
					var rest []*exchange
					for _, x := range all {
						if slices.ContainsFunc(x.parts, func(p part) bool { return p.dir == ch.Dir && p.from < to && p.to > from }) {
							touched++
							parted = parted || s.p.Pairing == l7.ByID && ch.Dir == client && len(x.parts) > 2
						} else if k := slices.Index(got, x.row); k >= 0 {
							whole++
							got = slices.Delete(got, k, k+1)
						} else {
							rest = append(rest, x)
						}
					}
					for _, x := range rest {
						may := tolerance{
							doubts: x.first <= doubtful && j <= x.last,
							first:  j == 0,
							times:  x.follows(all, ch.Dir, to),
						}
						k := slices.IndexFunc(got, func(g string) bool { return s.same(g, x.row, may) })
						switch {
						case k >= 0:
							whole++
							got = slices.Delete(got, k, k+1)
						case j <= x.last && (x.first <= harmable || x.first <= doubtful && x.unasked(client)):
							touched++
						default:
							fail.errorf("%s, connection %d, chunk %d (%d bytes, cut %v) missing: another exchange is harmed:\nwant %s\n got %s", c.name, i+1, j, gap.Missing, cut, x.row, like(x.row, got))
						}
					}
					harmed += len(got)
					// An answer without its request may be several, for all an observer knows.
					if n := len(slices.DeleteFunc(slices.Clone(got), orphan)); n > touched || touched == 0 && len(got) > 0 {
						fail.errorf("%s, connection %d, chunk %d (cut %v) missing: %d records of %d exchanges: %s", c.name, i+1, j, cut, len(got), touched, got)
					}
					if parted {
						got = nil // what is left of a request is whole, for all one knows
					}
					for _, g := range got {
						if d := doubts(g); !slices.ContainsFunc(d, func(d string) bool {
							return d == "loss" || d == "no_request" || cut && d == "cut" || j == 0 && d == "midstream"
						}) {
							fail.errorf("%s, connection %d, chunk %d (cut %v) missing: a record does not doubt it: %s", c.name, i+1, j, cut, g)
						}
					}
				}
			}
		}
	})
	t.Logf("%d chunks lost or cut: %d records harmed, %d as before", tried, harmed, whole)
	if tried == 0 || whole == 0 || harmed == 0 {
		t.Error("nothing was lost, or nothing recovered")
	}
}

func doubts(row string) []string {
	var r struct{ Doubts []string }
	json.Unmarshal([]byte(row), &r)
	return r.Doubts
}

func orphan(row string) bool { return slices.Contains(doubts(row), "no_request") }

// tolerance is what may differ in a row of an exchange that lost nothing.
type tolerance struct {
	doubts bool // it may have lost something, for all an observer knows; an answer may have been in the gap
	first  bool // the first bytes of the connection are gone, and its beginning was not seen
	times  bool // the bytes in which its beginning was found may have come in several chunks
}

// same tells whether two rows are the same but for what may differ.
func (s *suite) same(got, want string, may tolerance) bool {
	if !may.times && got[:timed] != want[:timed] {
		return false
	}
	g, w := columns(got), columns(want)
	new := doubts(got)
	unseen := slices.Contains(new, "prepared_unseen")
	new = slices.DeleteFunc(new, func(d string) bool {
		return slices.Contains(doubts(want), d) || d == "prepared_unseen" || may.doubts && (d == "loss" || d == "cut") || may.first && d == "midstream"
	})
	if len(new) > 0 {
		return false
	}
	if may.doubts && string(w["status"]) == `"unanswered"` && string(g["status"]) == `"unknown"` {
		delete(g, "status")
		delete(w, "status")
	}
	free := []string{"doubts"}
	if unseen { // what was prepared was in the gap
		free = append(free, prepared...)
		g["attributes"], w["attributes"] = dropped(g["attributes"], s.o.Prepared), dropped(w["attributes"], s.o.Prepared)
	}
	if may.times {
		free = append(free, times...)
	}
	for _, k := range free {
		delete(g, k)
		delete(w, k)
	}
	return maps.EqualFunc(g, w, func(a, b json.RawMessage) bool { return bytes.Equal(a, b) })
}

// timed is the length of the time with which rows begin.
const timed = len(`{"time":"2006-01-02T15:04:05`)

// columns are those of a row.
func columns(row string) (m map[string]json.RawMessage) {
	json.Unmarshal([]byte(row), &m)
	return m
}

// dropped is an object without some of its keys.
func dropped(object json.RawMessage, keys []string) json.RawMessage {
	m := columns(string(object))
	for _, k := range keys {
		delete(m, k)
	}
	b, _ := json.Marshal(m)
	return b
}

// prepared are the columns that the execution of a prepared statement has from its preparation.
var prepared = []string{"operation", "target", "query", "summary", "fingerprint"}

// reach tells up to which chunk exchanges may be harmed by a gap at chunk j, and up to which they are doubtful, and what the server
// says unasked may be an answer. By identifiers, what was open then is doubtful. In order, whose an answer is may not be known
// until all is answered; and what the client asks next it may have asked in the gap, until it asks again.
func (s *suite) reach(v *Conversation, all []*exchange, j int) (harmable, doubtful int) {
	if s.p.Pairing == l7.ByID {
		return -1, j
	}
	quiet := func(until int) int {
		for again := true; again; {
			again = false
			for _, x := range all {
				if x.first <= until && j <= x.last && until < x.last {
					until, again = x.last, true
				}
			}
		}
		return until
	}
	asked := func(after int) int {
		next := len(v.Chunks)
		for _, x := range all {
			if x.first > after && x.last > x.first { // it was answered
				next = min(next, x.first)
			}
		}
		return next
	}
	harmable = quiet(j)
	return harmable, asked(quiet(asked(harmable))) - 1
}

// like is the row that is most like another: with the same time.
func like(row string, list []string) string {
	for _, g := range list {
		if len(g) > 40 && len(row) > 40 && g[:40] == row[:40] {
			return g
		}
	}
	return "(none of its time)"
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
