package l7test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/sqltext"
	"github.com/dbtap/dbtap/internal/wire"
)

// views: decoding with a tree states the same facts, and fails alike; so do whole conversations.
func (s *suite) views(t *testing.T) {
	fail := newReport(t)
	for _, values := range []bool{false, true} {
		for _, c := range s.captures {
			for i, conversation := range c.conversations {
				cfg := everything()
				cfg.Values = values
				var with []string
				watched(s.p, cfg, conversation, c.name, i+1, func(r *record.Record) { with = append(with, row(r, 1)) }, func(m *Message, k *look) {
					agree(fail, m, k)
				})
				without, _ := s.rows(cfg, conversation)
				if !slices.Equal(with, without) {
					fail.errorf("%s, connection %d: records differ:\n%s", c.name, i+1, firstDifference(with, without))
				}
			}
		}
	}
}

func agree(fail *report, m *Message, k *look) {
	if got := facts(k.m); !slices.Equal(got, k.facts) {
		fail.errorf("%v: with a tree the facts are\n%s", m, firstDifference(got, k.facts))
	}
	if !sameError(k.c.Err(), k.fast.Err()) || (k.c.Cut() == nil) != (k.fast.Cut() == nil) {
		fail.errorf("%v: with a tree errors are %v and cut %v, without %v and %v", m, k.c.Err(), k.c.Cut(), k.fast.Err(), k.fast.Cut())
	}
}

func firstDifference(got, want []string) string {
	for i := 0; i < len(got) || i < len(want); i++ {
		a, b := "(nothing)", "(nothing)"
		if i < len(got) {
			a = got[i]
		}
		if i < len(want) {
			b = want[i]
		}
		if a != b {
			return " got " + a + "\nwant " + b
		}
	}
	return ""
}

// tiles: fields cover every byte of every buffer exactly once, in order, each inside the group it is in.
func (s *suite) tiles(t *testing.T) {
	fail := newReport(t)
	fields, holes, buffers := 0, 0, 0
	for _, c := range s.captures {
		for _, m := range c.messages {
			var tree wire.Tree
			cur := m.Tree(s.p, &tree)
			if cur.Err() != nil && !c.broken {
				fail.errorf("%v: %v", m, cur.Err())
				continue
			}
			if what := tile(&tree, cur.Err() == nil); what != "" {
				fail.errorf("%v: %s", m, what)
			}
			fields += len(tree.Fields)
			buffers += len(tree.Buffers)
			for i := range tree.Fields {
				if f := &tree.Fields[i]; f.Name == "unknown" && f.Kind == wire.Octets && f.Type == nil && !c.broken {
					fail.errorf("%v: %d bytes at %d are undescribed", m, f.Len, f.Off)
				} else if f.Kind == wire.Hole {
					holes++
				}
			}
		}
	}
	t.Logf("%d fields in %d buffers, %d holes", fields, buffers, holes)
}

// tile tells what is wrong with the places of a tree's fields, "" if nothing is. whole: the message was read to its
// end.
func tile(tree *wire.Tree, whole bool) string {
	next := make([]int, len(tree.Buffers))
	inside := make([]int, len(tree.Fields)) // where in a group the next child begins
	for i := range tree.Fields {
		f := &tree.Fields[i]
		name := tree.Name(f)
		if int(f.Parent) >= i || f.Parent < -1 || int(f.End) <= i || int(f.End) > len(tree.Fields) {
			return name + ": parent or end point nowhere"
		}
		if f.Parent >= 0 {
			p := &tree.Fields[f.Parent]
			if i >= int(p.End) || f.End > p.End {
				return name + " stands behind the end of " + tree.Name(p)
			}
			if p.Buffer == f.Buffer && (f.Off < p.Off || f.Off+f.Len > p.Off+p.Len) && (whole || p.Len > 0) {
				return name + " reaches out of " + tree.Name(p)
			}
		}
		inside[i] = f.Off
		switch {
		case f.Kind == wire.Bit:
			if p := &tree.Fields[f.Parent]; p.Off != f.Off || p.Len != f.Len {
				return name + ": a bit elsewhere than its number"
			}
		case f.Off != next[f.Buffer]:
			return name + ": a gap or an overlap before it"
		case f.Kind != wire.Group:
			next[f.Buffer] += f.Len
		}
	}
	for i, n := range next {
		if whole && tree.More == 0 && n != tree.Buffers[i].Size {
			return "fields end before their buffer does"
		}
	}
	return ""
}

// alone: a message decodes from its bytes and its context alone to the tree it had in its conversation.
func (s *suite) alone(t *testing.T) {
	fail := newReport(t)
	for _, c := range s.captures {
		for i, conversation := range c.conversations {
			watched(s.p, everything(), conversation, c.name, i+1, func(*record.Record) {}, func(m *Message, k *look) {
				if len(m.Context) > l7.MaxContext {
					fail.errorf("%v: a context of %d bytes", m, len(m.Context))
				}
				var tree wire.Tree
				cur := m.Tree(s.p, &tree)
				if !sameError(cur.Err(), k.c.Err()) {
					fail.errorf("%v: alone the error is %v, not %v", m, cur.Err(), k.c.Err())
				}
				if len(tree.Fields) != len(k.tree.Fields) {
					fail.errorf("%v: alone there are %d fields, not %d", m, len(tree.Fields), len(k.tree.Fields))
					return
				}
				for i := range tree.Fields {
					if tree.Fields[i] != k.tree.Fields[i] {
						fail.errorf("%v: alone field %d is %+v, not %+v", m, i, tree.Fields[i], k.tree.Fields[i])
						return
					}
				}
			})
		}
	}
}

// replayed: the messages that a record keeps draw trees, in every copy of the record.
func (s *suite) replayed(t *testing.T) {
	fail := newReport(t)
	drawn := 0
	for _, c := range s.captures {
		cfg := everything()
		cfg.Keep = true
		cfg.Protocols = []*l7.Protocol{s.p}
		var batch record.Batch
		e := l7.New(cfg, batch.Append)
		for i, conversation := range c.conversations {
			conversation.Play(e)
			left := map[uint64]int{} // messages of the connection, by what their trees are of
			for _, m := range c.messages {
				if m.Conversation == i+1 {
					left[m.shape]++
				}
			}
			var replay l7.Replayer
			for j := range batch.Rows {
				for k := range batch.Rows[j].Messages {
					kept := &batch.Rows[j].Messages[k]
					dir := l7.ToServer
					if kept.FromServer {
						dir = l7.ToClient
					}
					if err := replay.Message(s.p, kept); err != nil && !c.broken {
						fail.errorf("%s, connection %d: a kept message has an error: %v", c.name, i+1, err)
					}
					drawn++
					if h := shape(&replay.Tree, dir); left[h] == 0 {
						fail.errorf("%s, connection %d: a kept message of %d bytes has a tree that no message had", c.name, i+1, kept.Length)
					} else {
						left[h]--
					}
				}
			}
			batch.Reset()
		}
	}
	t.Logf("%d kept messages drawn", drawn)
	if drawn == 0 {
		t.Error("no message was kept")
	}
}

// How thoroughly ends are tried: at every byte of the beginning, where headers and most facts are, and at some behind.
const (
	everyByte = 2 << 10
	someBytes = 64
)

// places are the lengths at which a message of n bytes is ended.
func places(n int, r *rand.Rand) (list []int) {
	step := 1
	if testing.Short() {
		step = 7
	}
	for i := 0; i < min(n, everyByte); i += step {
		list = append(list, i)
	}
	for range someBytes {
		if n > everyByte {
			list = append(list, everyByte+r.IntN(n-everyByte))
		}
	}
	return list
}

// try decodes bytes in both views, in a Dialog as before the message, and tells what came of it.
type try struct {
	err, cut *wire.Error
	facts    []string
	doubts   record.Doubts
	tree     wire.Tree
}

func (s *suite) try(fail *report, m *Message, blank *l7.Message, data []byte, size int, runs []wire.Run) *try {
	var r try
	var slow l7.Message
	for _, tree := range []*wire.Tree{nil, &r.tree} {
		info, message := m.info, *blank
		var c wire.Cursor
		c.Reset(data, size, runs, tree)
		message.Answers(m.asked, m.known)
		s.p.Open(&info, m.Context).Decode(m.Dir, &c, &message)
		if tree == nil {
			r.err, r.cut, r.facts, r.doubts = c.Err(), c.Cut(), facts(&message), message.Doubts
			continue
		}
		slow = message
		if !sameError(r.err, c.Err()) || (r.cut == nil) != (c.Cut() == nil) {
			fail.errorf("%v, %d bytes of it: with a tree errors are %v and cut %v, without %v and %v", m, len(data), c.Err(), c.Cut(), r.err, r.cut)
		}
		if f := facts(&slow); !slices.Equal(f, r.facts) {
			fail.errorf("%v, %d bytes of it: with a tree the facts are\n%s", m, len(data), firstDifference(f, r.facts))
		}
		if what := tile(tree, c.Err() == nil && c.Cut() == nil); what != "" {
			fail.errorf("%v, %d bytes of it: %s", m, len(data), what)
		}
	}
	return &r
}

// blank is an empty Message that wants everything, as an engine hands it over.
func blank(p *l7.Protocol, m *Message, values bool) *l7.Message {
	cfg := everything()
	cfg.Values = values
	var out *l7.Message
	q := *p
	q.Probe = nil
	q.Open = func(c *l7.ConnInfo, context []byte) l7.Dialog { return &thief{p.Open(c, context), &out} }
	cfg.Protocols = []*l7.Protocol{&q}
	q.Probe = p.Probe
	cfg.DecodeAs = map[uint16]*l7.Protocol{m.info.Server.Port(): &q}
	e := l7.New(cfg, func(*record.Record) {})
	c := Conversation{}
	c.Flow.A, c.Flow.B = m.info.Client, m.info.Server
	c.Chunks = whole(m)
	c.Play(e)
	return out
}

// thief keeps the first Message that an engine hands over.
type thief struct {
	l7.Dialog
	out **l7.Message
}

func (d *thief) Decode(dir l7.Dir, c *wire.Cursor, m *l7.Message) {
	if *d.out == nil {
		k := *m
		k.Scratch, k.Derived, k.SQL = nil, nil, sqltext.Statement{}
		*d.out = &k
	}
	d.Dialog.Decode(dir, c, m)
}

// ended: a message that ends at any byte is short, unless what is left is a message too.
func (s *suite) ended(t *testing.T) {
	fail := newReport(t)
	r := rand.New(rand.NewPCG(1, 1))
	tried, legal := 0, map[string]int{}
	for _, m := range s.shapes {
		if m.err != nil || len(m.Data) < m.Size {
			continue
		}
		empty := blank(s.p, m, false)
		whole := s.try(fail, m, empty, m.Data, m.Size, nil)
		ends := map[int]bool{}
		for i := range whole.tree.Fields {
			if f := &whole.tree.Fields[i]; f.Buffer == 0 {
				ends[f.Off+f.Len] = true
			}
		}
		for _, n := range places(m.Size, r) {
			b := slices.Clone(m.Data[:n])
			if s.o.Resize != nil {
				s.o.Resize(b)
			}
			tried++
			got := s.try(fail, m, empty, b, n, nil)
			switch {
			case got.err != nil && got.err.Kind != wire.Cut || got.doubts&record.Malformed != 0:
			case got.err != nil || got.cut != nil:
				fail.errorf("%v: ended at %d it is called cut (%v)", m, n, got.cut)
			case !ends[n] && !ends[got.tree.Fields[len(got.tree.Fields)-1].Off] && !match(s.o.Prefixes, m.Capture):
				fail.errorf("%v: ended at %d, inside a field, nothing is wrong", m, n)
			default:
				legal[m.Capture]++
			}
		}
	}
	t.Logf("%d ends of %d messages; legal after all: %v", tried, len(s.shapes), legal)
	if tried == 0 {
		t.Error("no message was ended")
	}
}

// cutShort: of a message that was kept only up to some byte is said that it was cut, unless all facts are there, and no
// fact is wrong.
func (s *suite) cutShort(t *testing.T) {
	fail := newReport(t)
	r := rand.New(rand.NewPCG(2, 2))
	tried, unharmed := 0, 0
	for _, m := range s.shapes {
		if m.err != nil || len(m.Data) < m.Size {
			continue
		}
		empty := blank(s.p, m, false)
		want := s.try(fail, m, empty, m.Data, m.Size, nil).facts
		dialog := s.p.Open(&l7.ConnInfo{}, m.Context)
		for _, n := range places(m.Size, r) {
			if size, err := dialog.Length(m.Dir, m.Data[:n:n]); size == 0 || err != nil {
				continue // nobody knew that it is a message
			}
			tried++
			got := s.try(fail, m, empty, m.Data[:n:n], m.Size, nil)
			switch {
			case got.err != nil && got.err.Kind != wire.Cut:
				fail.errorf("%v: cut at %d it is called broken: %v", m, n, got.err)
			case got.doubts&record.Malformed != 0:
				fail.errorf("%v: cut at %d it is called malformed", m, n)
			case got.cut != nil || got.doubts&record.Cut != 0:
				for _, f := range got.facts {
					if !slices.Contains(want, f) && !partial(f) {
						fail.errorf("%v: cut at %d it states %s", m, n, f)
					}
				}
			case !slices.EqualFunc(got.facts, want, func(a, b string) bool { return a == b || partial(a) && partial(b) }):
				fail.errorf("%v: cut at %d, and nothing says so:\n%s", m, n, firstDifference(got.facts, want))
			default:
				unharmed++
			}
		}
	}
	t.Logf("%d cuts of %d messages, %d without harm", tried, len(s.shapes), unharmed)
	if tried == 0 {
		t.Error("no message was cut")
	}
}

// partial tells whether a fact may be stated in part: the text of a query or of an
// error ends where its bytes do. A status may be
// unknown, and what else a message is, More and Next among it, may be in what was cut.
func partial(fact string) bool {
	for _, p := range []string{"query = ", "normal = ", "error = ", "role ", "status unknown", "doubts "} {
		if strings.HasPrefix(fact, p) {
			return true
		}
	}
	return false
}
