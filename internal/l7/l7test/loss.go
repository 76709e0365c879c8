package l7test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/stream"
)

// Chunks are lost one at a time: every one of a conversation of up to losses chunks, of a longer one someLosses. With values shown
// someLosses are tried of each.
const (
	losses     = 150
	someLosses = 40
)

// loss: where a chunk is lost, or cut by the snap length, only the exchanges that had bytes in it are harmed, they say so, and no
// row shows what it would not have shown.
func (s *suite) loss(t *testing.T) {
	fail := newReport(t)
	var n tally
	s.each(fail, s.o.LossExcept, func(c *captured, may *report) {
		for i, v := range c.conversations {
			l := s.losing(c, i+1)
			if l == nil {
				may.errorf("%s, connection %d: where its messages lie is not known: it has a layer, gaps or long exchanges", c.name, i+1)
			}
			hidden, shown := s.known(c, i+1, false), s.known(c, i+1, true)
			which := c.random(i).Perm(len(v.Chunks))
			if len(which) > losses {
				which = which[:someLosses]
			}
			for k, j := range which {
				for _, g := range []gap{{chunk: j}, {chunk: j, keep: len(v.Chunks[j].Data) / 2, cut: true}} {
					n.tried++
					what := fmt.Sprintf("%s, connection %d, %v", c.name, i+1, g)
					rows, _ := s.rows(everything(), g.in(v))
					hidden.compare(fail, what, rows)
					if k < someLosses {
						cfg := everything()
						cfg.Values = true
						rows, _ := s.rows(cfg, g.in(v))
						shown.compare(fail, what+", with values", rows)
					}
					if l != nil {
						l.judge(may, &n, what, g, rows)
					}
				}
			}
		}
	})
	t.Logf("%d chunks lost or cut: %d records harmed, %d as before", n.tried, n.harmed, n.whole)
	if n.tried == 0 || n.whole == 0 || n.harmed == 0 {
		t.Error("nothing was lost, or nothing recovered")
	}
}

// tally counts what was lost, and the records that were harmed and were not.
type tally struct{ tried, harmed, whole int }

// gap is what is lost of a conversation: a chunk, but for the bytes of it that are kept. cut: by the snap length.
type gap struct {
	chunk, keep int
	cut         bool
}

func (g gap) String() string {
	if g.cut {
		return fmt.Sprintf("chunk %d cut", g.chunk)
	}
	return fmt.Sprintf("chunk %d missing", g.chunk)
}

// in is v with the gap.
func (g gap) in(v *Conversation) *Conversation {
	ch := v.Chunks[g.chunk]
	chunks := slices.Clone(v.Chunks[:g.chunk])
	if g.keep > 0 {
		chunks = append(chunks, chunk(ch, ch.Data[:g.keep]))
	}
	lost := ch
	lost.Data, lost.Missing, lost.Cut = nil, ch.Missing+len(ch.Data)-g.keep, g.cut
	return v.with(append(append(chunks, lost), v.Chunks[g.chunk+1:]...))
}

// losing is a conversation of which chunks are lost.
type losing struct {
	s         *suite
	v         *Conversation
	client    stream.Dir
	begin     []int // of chunks, in their streams
	all       []*exchange
	inherited []string // columns that may differ
}

// losing is nil where messages lie nobody knows where.
func (s *suite) losing(c *captured, number int) *losing {
	l := &losing{s: s, v: c.conversations[number-1], inherited: slices.Clone(s.o.InheritedAttributes)}
	for _, c := range s.o.Inherited {
		l.inherited = append(l.inherited, record.Columns[c].Name)
	}
	var ok bool
	if l.all, ok = s.exchanges(l.v, l.inherited); !ok {
		return nil
	}
	l.begin, _ = spans(l.v)
	l.client = clientOf(l.v, c.messages, number)
	return l
}

// judge judges the rows that are left of a conversation with a gap.
func (l *losing) judge(fail *report, n *tally, what string, g gap, rows []string) {
	got := clean(rows, l.inherited...)
	j, dir := g.chunk, l.v.Chunks[g.chunk].Dir
	from, to := l.begin[j]+g.keep, l.begin[j]+len(l.v.Chunks[j].Data)
	harmable, doubtful := l.s.reach(l.v, l.all, j)
	touched, parted := 0, false
	var rest []*exchange
	for _, x := range l.all {
		if slices.ContainsFunc(x.parts, func(p part) bool { return p.dir == dir && p.from < to && p.to > from }) {
			touched++
			parted = parted || l.s.p.Pairing == l7.ByID && dir == l.client && len(x.parts) > 2
		} else if k := slices.Index(got, x.row); k >= 0 {
			n.whole++
			got = slices.Delete(got, k, k+1)
		} else {
			rest = append(rest, x)
		}
	}
	for _, x := range rest {
		may := tolerance{
			doubts: x.first <= doubtful && j <= x.last,
			first:  j == 0,
			times:  x.follows(l.all, dir, to),
		}
		k := slices.IndexFunc(got, func(g string) bool { return l.s.same(g, x.row, may) })
		switch {
		case k >= 0:
			n.whole++
			got = slices.Delete(got, k, k+1)
		case j <= x.last && (x.first <= harmable || x.first <= doubtful && x.unasked(l.client)):
			touched++
		default:
			fail.errorf("%s: another exchange is harmed:\nwant %s\n got %s", what, x.row, like(x.row, got))
		}
	}
	n.harmed += len(got)
	// An answer without its request may be several, for all an observer knows.
	if n := len(slices.DeleteFunc(slices.Clone(got), orphan)); n > touched || touched == 0 && len(got) > 0 {
		fail.errorf("%s: %d records of %d exchanges: %s", what, len(got), touched, got)
	}
	if parted {
		return // what is left of a request is whole, for all one knows
	}
	for _, r := range got {
		if !slices.ContainsFunc(doubts(r), func(d string) bool {
			return d == "loss" || d == "no_request" || g.cut && d == "cut" || j == 0 && d == "midstream"
		}) {
			fail.errorf("%s: a record does not doubt it: %s", what, r)
		}
	}
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
	if a, b := texts(got), texts(want); len(a) == len(b) && !slices.Equal(a, b) && hides(a, b) { // how it quotes was in the gap
		free = append(free, "query", "summary", "fingerprint", "error")
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
