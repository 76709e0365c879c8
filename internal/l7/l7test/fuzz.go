package l7test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/wire"
)

// maxScratch is how much text one Decode may make, beside four times the message: queries and errors are bounded.
const maxScratch = 64 << 10

// maxSeed is the length of the messages that fuzzing begins with: short ones are found out about sooner.
const maxSeed = 2 << 10

// Fuzz decodes anything as a message of p, from either side, after any context and any request: it must not panic, and both views
// must agree. With a tree more is looked at, so more can be wrong; where nothing is, the facts are the same.
func Fuzz(f *testing.F, p *l7.Protocol, except ...string) {
	s := load(f, p, Options{Except: except})
	for _, m := range s.shapes {
		if len(m.Data) <= maxSeed {
			f.Add(m.Data, 0, m.Dir == l7.ToClient, m.Context, m.asked, m.known)
		}
	}
	empty := [2]*l7.Message{blank(p, s.shapes[0], false), blank(p, s.shapes[0], true)}
	f.Fuzz(func(t *testing.T, b []byte, cut int, toClient bool, context []byte, asked uint64, known bool) {
		dir := l7.ToServer
		if toClient {
			dir = l7.ToClient
		}
		if len(context) > l7.MaxContext {
			return
		}
		size := len(b) + max(cut, 0)%(1<<20)
		for _, values := range []int{0, 1} {
			var tree wire.Tree
			var c [2]wire.Cursor
			var m [2]l7.Message
			for i, t := range []*wire.Tree{nil, &tree} {
				m[i] = *empty[values]
				m[i].Answers(asked, known)
				c[i].Reset(b, size, nil, t)
				p.Open(&l7.ConnInfo{Values: values == 1}, context).Decode(dir, &c[i], &m[i])
			}
			if c[0].Err() != nil && c[1].Err() == nil {
				t.Fatalf("an error that a tree does not have: %v", c[0].Err())
			}
			if got, want := facts(&m[1]), facts(&m[0]); c[1].Err() == nil && c[1].Cut() == nil && !slices.Equal(got, want) {
				t.Fatalf("with a tree the facts are\n%s", firstDifference(got, want))
			}
			if what := tile(&tree, c[1].Err() == nil && c[1].Cut() == nil); what != "" {
				t.Fatal(what)
			}
			if n := len(m[0].Scratch); n > maxScratch+4*len(b) {
				t.Fatalf("%d bytes of text from a message of %d", n, len(b))
			}
		}
	})
}

// FuzzProbe asks whether anything is of p: it must not panic, and must not ask for more than it was given for ever.
func FuzzProbe(f *testing.F, p *l7.Protocol, except ...string) {
	s := load(f, p, Options{Except: except})
	for _, m := range s.shapes {
		f.Add(m.Data[:min(len(m.Data), 64)])
	}
	d := p.Open(&l7.ConnInfo{}, nil)
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, midstream := range []bool{false, true} {
			v := p.Probe(&l7.ConnInfo{Midstream: midstream}, 0, b)
			if len(b) > 4<<10 && v == l7.Unsure {
				t.Fatalf("unsure after %d bytes", len(b))
			}
		}
		for _, dir := range []l7.Dir{l7.ToServer, l7.ToClient} {
			if at := d.Sync(dir, b); at >= len(b) && at > 0 || at < -1 {
				t.Fatalf("a beginning at %d of %d", at, len(b))
			} else if at >= 0 {
				if _, err := d.Length(dir, b[at:]); err != nil {
					t.Fatalf("the beginning that was found is none: %v", fmt.Sprint(err))
				}
			}
			d.Length(dir, b)
		}
	})
}
