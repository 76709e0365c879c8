// Package l7test holds a protocol to what every protocol promises: a test of the protocol calls Run, which tries the
// promises on each capture in its testdata. It knows captures, engines and trees; it knows no protocol but Lines, which
// is made up.
//
// What has to be said of one protocol alone is in Options. A promise that finds nothing to try fails: captures without
// a message in several chunks prove nothing about messages in several chunks.
package l7test

import (
	"bytes"
	"flag"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/output"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/stream"
	"github.com/dbtap/dbtap/internal/wire"
)

var update = flag.Bool("update", false, "write goldens anew")

// Options is what Run has to know of a protocol.
type Options struct {
	// Except names captures of testdata, without endings and as patterns of package path, that hold something else:
	// TLS.
	Except []string

	// Broken names captures whose senders break the specification: there may be errors and undescribed bytes.
	Broken []string

	// LossExcept and LateExcept name captures of which the bytes that are left do not tell what a loss did, or what is
	// spoken where the connection is joined late. Each has to break the promise: an entry that nothing needs fails. No exception
	// lets a row show more than it would have shown.
	LossExcept, LateExcept map[string]Exception

	// Resize makes b, the beginning of a message, say that this is all of it. Without it a message that ends early
	// contradicts its own header, and nothing behind is tried.
	Resize func(b []byte)

	// Prefixes names captures with messages whose beginnings are messages too, wherever their fields end.
	Prefixes []string

	// Inherited are columns that a message may have from earlier ones: a login, a name. They differ when those are
	// lost.
	Inherited []record.Col

	// InheritedAttributes are attributes of which the same is true.
	InheritedAttributes []string

	// Prepared are attributes that the execution of a prepared statement has from its preparation.
	Prepared []string

	// Absent are features that the protocol does not have, so that captures need not show them: see features.
	Absent []string

	// Secrets may appear in no output: by what they are called. Of may tell what else is secret in one message.
	Secrets map[string][]byte
	Of      func(*Message) [][]byte

	// Values are texts that stand for what users wrote: they may appear only where values are asked for.
	Values map[string][]byte

	// Mixed names captures with many small exchanges, for the count of allocations.
	Mixed []string

	// Own tells of a capture of another project, by its path and the protocols that its inventory names, whether it has
	// connections of this protocol: then it is not tried for confusion.
	Own func(path, protocols string) bool

	// Tshark compares fields with tshark's.
	Tshark *Tshark
}

// Exception says why captures break a promise, and how often: what one of them breaks more often is no exception.
type Exception struct {
	Why  string
	Most int // failures of one capture
}

// features are what captures have to show, unless Options.Absent says that there is no such thing.
var features = []string{
	"a message over several chunks", "several messages in one chunk", "a message longer than the head and the tail",
	"a request", "an answer", "one-way", "push", "part", "more", "several connections", "connections at the same time",
	"several buffers", "secret", "bits", "an array", "a context",
}

// suite is one protocol with its captures.
type suite struct {
	p        *l7.Protocol
	o        Options
	captures []*captured
	shapes   []*Message // the first message of each shape
	shown    map[string]bool
}

// captured is one capture.
type captured struct {
	name          string
	conversations []*Conversation
	messages      []*Message
	rows          []string // JSON of the records, a line each
	broken        bool
}

func base(file string) string { return strings.TrimSuffix(filepath.Base(file), ".pcap.gz") }

func match(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { ok, _ := filepath.Match(p, name); return ok })
}

// each tries a promise on the captures. One that except names has to break it, and not too often.
func (s *suite) each(fail *report, except map[string]Exception, try func(*captured, *report)) {
	used := map[string]bool{}
	for _, c := range s.captures {
		if c.broken {
			continue
		}
		r, most := fail, 0
		for p, e := range except {
			if match([]string{p}, c.name) {
				used[p], r, most = true, newReport(nil), e.Most
			}
		}
		try(c, r)
		switch n := r.failures(); {
		case r == fail:
		case n == 0:
			fail.errorf("%s keeps the promise: it is no exception", c.name)
		case n > most:
			fail.errorf("%s breaks the promise %d times, and may %d times:\n%s", c.name, n, most, strings.Join(r.first, "\n"))
		}
	}
	for p := range except {
		if !used[p] {
			fail.errorf("no capture is called %s: there is no exception", p)
		}
	}
}

// random are the same numbers for a conversation whatever other captures there are.
func (c *captured) random(connection int) *rand.Rand {
	h := fnv.New64a()
	io.WriteString(h, c.name)
	return rand.New(rand.NewPCG(h.Sum64(), uint64(connection)))
}

// Load reads all messages of the captures in testdata, without those named by except.
func Load(t testing.TB, p *l7.Protocol, except ...string) (list []*Message) {
	t.Helper()
	for _, c := range load(t, p, Options{Except: except}).captures {
		list = append(list, c.messages...)
	}
	return list
}

// everything is a configuration in which all facts are wanted.
func everything() l7.Config { return l7.Config{Want: ^uint64(0), Budget: 64 << 20} }

func load(t testing.TB, p *l7.Protocol, o Options) *suite {
	t.Helper()
	files, err := filepath.Glob("testdata/*.pcap.gz")
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures in testdata (%v)", err)
	}
	s := &suite{p: p, o: o, shown: map[string]bool{}}
	seen := map[uint64]bool{}
	for _, file := range files {
		if match(o.Except, base(file)) {
			continue
		}
		c := &captured{name: base(file), conversations: Read(t, file)}
		c.broken = match(o.Broken, c.name)
		for i, conversation := range c.conversations {
			messages := watched(p, everything(), conversation, c.name, i+1, c.rower(i+1), func(_ *Message, k *look) { s.note(k) })
			c.messages = append(c.messages, messages...)
		}
		for _, m := range c.messages {
			if !seen[m.shape] {
				seen[m.shape] = true
				s.shapes = append(s.shapes, m)
			}
		}
		s.captures = append(s.captures, c)
	}
	return s
}

// rower collects records of one connection as JSON.
func (c *captured) rower(number int) func(*record.Record) {
	return func(r *record.Record) { c.rows = append(c.rows, row(r, number)) }
}

// row is r as JSON. Batches and their memory are part of what is tried.
func row(r *record.Record, number int) string {
	var b record.Batch
	b.Append(r)
	b.Rows[0].Set(record.Connection, int64(number))
	s := string(output.AppendJSON(nil, &b.Rows[0]))
	b.Reset()
	return s
}

// rows runs conversations one after the other, each with an engine of its own unless cfg's is to be used again.
func (s *suite) rows(cfg l7.Config, list ...*Conversation) (rows []string, stats l7.Stats) {
	number := 0
	if cfg.Protocols == nil {
		cfg.Protocols = []*l7.Protocol{s.p}
	}
	e := l7.New(cfg, func(r *record.Record) { rows = append(rows, row(r, number)) })
	for i, c := range list {
		number = i + 1
		c.Play(e)
	}
	return rows, e.Stats()
}

// Run holds p to all promises, on the captures in the testdata of the test that calls it.
func Run(t *testing.T, p *l7.Protocol, o Options) {
	s := load(t, p, o)
	n := 0
	for _, c := range s.captures {
		n += len(c.messages)
	}
	t.Logf("%d captures, %d messages of %d shapes", len(s.captures), n, len(s.shapes))
	for _, promise := range []struct {
		name string
		test func(*testing.T)
	}{
		{"features", s.features},
		{"golden records", s.goldenRecords},
		{"golden trees", s.goldenTrees},
		{"both views agree", s.views},
		{"fields tile", s.tiles},
		{"ended anywhere", s.ended},
		{"cut anywhere", s.cutShort},
		{"alone", s.alone},
		{"replayed", s.replayed},
		{"chunks", s.chunks},
		{"loss", s.loss},
		{"damage", s.damage},
		{"allocations", s.allocations},
		{"identification", s.identification},
		{"confusion", s.confusion},
		{"secrets", s.secrets},
		{"filter paths", s.paths},
		{"tshark", s.tshark},
	} {
		t.Run(promise.name, promise.test)
	}
}

// features fails for what no capture shows.
func (s *suite) features(t *testing.T) {
	for _, c := range s.captures {
		if len(c.conversations) > 1 {
			s.shown["several connections"] = true
			a, b := c.conversations[0], c.conversations[1]
			if n := len(a.Chunks); n > 0 && b.Flow.Start < a.Chunks[n-1].Time {
				s.shown["connections at the same time"] = true
			}
		}
		for i, v := range c.conversations {
			begin, ok := spans(v)
			if !ok {
				continue
			}
			client := clientOf(v, c.messages, i+1)
			for j := range v.Chunks {
				from, to, ended := begin[j], begin[j]+len(v.Chunks[j].Data), 0
				for _, m := range c.messages {
					if m.Conversation != i+1 || (m.Dir == l7.ToServer) != (v.Chunks[j].Dir == client) || m.end <= from || m.end > to {
						continue
					}
					if ended++; ended > 1 {
						s.shown["several messages in one chunk"] = true
					}
					if m.end-m.Size < from {
						s.shown["a message over several chunks"] = true
					}
				}
			}
		}
	}
	for _, f := range features {
		if absent := slices.Contains(s.o.Absent, f); absent == s.shown[f] {
			if absent {
				t.Errorf("there is %q, though it is said to be absent", f)
			} else {
				t.Errorf("no capture shows %q", f)
			}
		}
	}
}

// note notes what features a message shows.
func (s *suite) note(k *look) {
	show := func(f string, yes bool) {
		if yes {
			s.shown[f] = true
		}
	}
	show("a message longer than the head and the tail", k.c.Size() > l7.HeadLimit+l7.TailLimit)
	show("a request", k.m.Role == l7.Request)
	show("an answer", k.m.Role == l7.Response)
	show("one-way", k.m.Role == l7.OneWay)
	show("push", k.m.Role == l7.Push)
	show("part", k.m.Role == l7.Part)
	show("more", k.m.More)
	show("several buffers", len(k.tree.Buffers) > 1)
	show("a context", len(k.dialog.AppendContext(nil, k.dir, k.m)) > 0)
	for i := range k.tree.Fields {
		f := &k.tree.Fields[i]
		show("secret", f.Class == wire.Secret)
		show("bits", f.Kind == wire.Bit)
		show("an array", f.Index)
	}
}

// clientOf is the direction in which the client of a conversation sends, as the engine found it.
func clientOf(c *Conversation, messages []*Message, number int) stream.Dir {
	for _, m := range messages {
		if m.Conversation == number && m.info.Client != c.Flow.A {
			return stream.Backward
		}
	}
	return stream.Forward
}

// clean takes what may differ out of rows: columns by their names.
func clean(rows []string, columns ...string) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		b := []byte(r)
		for _, c := range columns {
			b = without(b, c)
		}
		out[i] = string(b)
	}
	return out
}

// without takes the key with a number or text without escapes out of an object.
func without(b []byte, key string) []byte {
	for _, before := range []string{`{`, `,`} {
		i := bytes.Index(b, []byte(before+`"`+key+`":`))
		if i < 0 {
			continue
		}
		j := i + len(before) + len(key) + 3
		if b[j] == '"' {
			for j++; b[j] != '"'; j++ {
				if b[j] == '\\' {
					j++
				}
			}
			j++
		} else {
			for b[j] != ',' && b[j] != '}' {
				j++
			}
		}
		if before == "{" && b[j] == ',' {
			j++
		}
		if before == "{" {
			i++
		}
		return append(append([]byte{}, b[:i]...), b[j:]...)
	}
	return b
}

// times are the columns that say when.
var times = []string{"time", "latency", "wait", "request_time", "response_time", "packet"}
