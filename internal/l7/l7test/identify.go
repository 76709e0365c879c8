package l7test

import (
	"bufio"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/capture/capturetest"
	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/stream"
)

// Where a conversation is joined, and what is seen of it.
var (
	joins = []string{"its beginning", "a chunk in its middle", "a byte in its middle"}
	sides = []string{"both sides", "the client", "the server"}
)

// joinings is how often a conversation is joined in each way.
const joinings = 8

// sure is how many whole messages must follow for the protocol to be found. What a client shows to log in, or the data that a
// server asked it for, does not count: it may be anything.
const sure = 2

// joined is v as seen from chunk j on, from byte off of it, from some sides only, with the flow the other way round if
// turned, and on other ports.
func joined(v *Conversation, j, off int, see func(stream.Dir) bool, turned bool, a, b uint16) *Conversation {
	var chunks []stream.Chunk
	for i, ch := range v.Chunks[j:] {
		if !see(ch.Dir) {
			continue
		}
		if i == 0 {
			ch.Data = ch.Data[off:]
		}
		if turned {
			ch.Dir = ch.Dir.Opposite()
		}
		chunks = append(chunks, ch)
	}
	c := v.with(chunks)
	c.Flow.A = netip.AddrPortFrom(v.Flow.A.Addr(), a)
	c.Flow.B = netip.AddrPortFrom(v.Flow.B.Addr(), b)
	if turned {
		c.Flow.A, c.Flow.B = c.Flow.B, c.Flow.A
	}
	c.Flow.Midstream = v.Flow.Midstream || j > 0 || off > 0
	return c
}

// identification: the protocol is found on any port, from either side and from the middle, and so is who is the client.
func (s *suite) identification(t *testing.T) {
	fail := newReport(t)
	found, missed := map[string]int{}, map[string]int{}
	try := func(c *captured, fail *report, at []string) {
		for i, v := range c.conversations {
			begin, ok := spans(v)
			if !ok {
				continue
			}
			r := c.random(i)
			client := clientOf(v, c.messages, i+1)
			for _, join := range at {
				for _, side := range sides {
					for k := range joinings {
						turned, j, off := k%2 > 0, 0, 0
						if join != joins[0] {
							j = r.IntN(len(v.Chunks))
						}
						if join == joins[2] {
							off = r.IntN(len(v.Chunks[j].Data))
						}
						see := func(d stream.Dir) bool {
							return side == sides[0] || (side == sides[1]) == (d == client)
						}
						if !see(v.Chunks[j].Dir) {
							off = 0
						}
						// What is still to come, from each side.
						var from [2]int
						for d := range from {
							from[d] = -1
							for k := len(v.Chunks) - 1; k >= j; k-- {
								if v.Chunks[k].Dir == stream.Dir(d) && see(stream.Dir(d)) {
									from[d] = begin[k]
								}
							}
						}
						if from[v.Chunks[j].Dir] >= 0 {
							from[v.Chunks[j].Dir] += off
						}
						n := 0
						for _, m := range c.messages {
							d := client
							if m.Dir == l7.ToClient {
								d = d.Opposite()
							}
							if m.Role != l7.Feed && m.Role != l7.Nothing && m.Conversation == i+1 && from[d] >= 0 && m.end-m.Size >= from[d] {
								n++
							}
						}
						if n < sure {
							continue
						}
						ports := [2]uint16{}
						for d := range ports {
							for ports[d] == 0 || slices.Contains(s.p.Ports, ports[d]) {
								ports[d] = uint16(1024 + r.IntN(60000))
							}
						}
						seen := joined(v, j, off, see, turned, ports[0], ports[1])
						what := join + ", " + side
						cfg := everything()
						cfg.Protocols = []*l7.Protocol{s.p}
						wrong := ""
						e := l7.New(cfg, func(r *record.Record) {
							if r.Client.Port() != ports[client] {
								wrong = r.Client.String()
							}
						})
						seen.Play(e)
						if e.Stats().Identified != 1 {
							missed[what]++
							fail.errorf("%s, connection %d, joined at %s (chunk %d, byte %d) from %s, turned %v: not identified, though %d messages follow", c.name, i+1, join, j, off, side, turned, n)
							continue
						}
						found[what]++
						if wrong != "" {
							fail.errorf("%s, connection %d, joined at %s (chunk %d, byte %d) from %s, turned %v: %s is not the client", c.name, i+1, join, j, off, side, turned, wrong)
						}
					}
				}
			}
		}
	}
	s.each(fail, nil, func(c *captured, fail *report) { try(c, fail, joins[:1]) })
	s.each(fail, s.o.LateExcept, func(c *captured, fail *report) { try(c, fail, joins[1:]) })
	for _, join := range joins {
		for _, side := range sides {
			what := join + ", " + side
			t.Logf("from %s: %d found, %d missed", what, found[what], missed[what])
			if found[what] == 0 {
				fail.errorf("no conversation was joined at %s", what)
			}
		}
	}
}

// confusion: what is not this protocol is not taken for it: other projects' captures of other protocols, encrypted
// connections, noise.
func (s *suite) confusion(t *testing.T) {
	fail := newReport(t)
	r := rand.New(rand.NewPCG(6, 6))
	tried := 0
	never := func(t *testing.T, what string, v *Conversation) {
		if len(v.Chunks) == 0 {
			return
		}
		for range 4 {
			for _, join := range joins {
				for _, side := range sides {
					j, off := 0, 0
					if join != joins[0] {
						j = r.IntN(len(v.Chunks))
					}
					if n := len(v.Chunks[j].Data); join == joins[2] && n > 0 {
						off = r.IntN(n)
					}
					see := func(d stream.Dir) bool { return side == sides[0] || (side == sides[1]) == (d == stream.Forward) }
					seen := joined(v, j, off, see, r.IntN(2) == 0, v.Flow.A.Port(), v.Flow.B.Port())
					tried++
					rows, stats := s.rows(everything(), seen)
					if stats.Identified != 0 {
						fail.errorf("%s, joined at %s (chunk %d, byte %d) from %s: taken for %s: %+v %s", what, join, j, off, side, s.p.Name, stats, rows)
						return
					}
				}
			}
		}
	}
	t.Run("noise", func(t *testing.T) {
		for range 300 {
			v := &Conversation{Flow: stream.Flow{A: netip.MustParseAddrPort("10.0.0.1:40000"), B: netip.MustParseAddrPort("10.0.0.2:1")}}
			if len(s.p.Ports) > 0 {
				v.Flow.B = netip.AddrPortFrom(v.Flow.B.Addr(), s.p.Ports[0])
			}
			for range 1 + r.IntN(20) {
				b := make([]byte, 1+r.IntN(1400))
				zeros := r.IntN(2) // zeros look more like headers than noise does
				for i := range b {
					if b[i] = byte(r.Uint32()); r.IntN(4) < zeros {
						b[i] = 0
					}
				}
				v.Chunks = append(v.Chunks, stream.Chunk{Dir: stream.Dir(r.IntN(2)), Data: b, Time: 1, Packet: 1})
			}
			never(t, "noise", v)
		}
	})
	t.Run("ours", func(t *testing.T) {
		files, _ := filepath.Glob("../*/testdata/*.pcap.gz")
		for _, f := range files {
			own, _ := filepath.Glob("testdata/" + filepath.Base(f))
			dir, _ := os.Getwd()
			if filepath.Base(filepath.Dir(filepath.Dir(f))) == filepath.Base(dir) && len(own) > 0 && !match(s.o.Except, base(f)) {
				continue
			}
			for _, v := range Read(t, f) {
				never(t, f, v)
			}
		}
	})
	t.Run("others", func(t *testing.T) {
		protocols := map[string]string{}
		for _, f := range capturetest.Files(t) {
			if len(protocols) == 0 {
				protocols = inventory(t, f)
			}
			what := filepath.Join(filepath.Base(filepath.Dir(f)), filepath.Base(f))
			if s.o.Own != nil && s.o.Own(f, protocols[what]) {
				continue
			}
			for _, v := range Read(t, f) {
				never(t, what, v)
			}
		}
	})
	t.Logf("%d conversations tried", tried)
}

// Together plays the captures of all protocols to engines that know all of them, in both orders: what one protocol's
// connections carry is nobody else's, wherever they are joined. The test that calls it lies in a folder beside theirs.
func Together(t *testing.T, list []*l7.Protocol) {
	fail := newReport(t)
	r := rand.New(rand.NewPCG(8, 8))
	other := slices.Clone(list)
	slices.Reverse(other)
	tried := 0
	for _, p := range list {
		files, _ := filepath.Glob("../" + p.Name + "/testdata/*.pcap.gz")
		if len(files) == 0 {
			t.Errorf("no captures of %s", p.Name)
		}
		for _, f := range files {
			for i, v := range Read(t, f) {
				if len(v.Chunks) == 0 {
					continue
				}
				for _, join := range joins {
					for _, side := range sides {
						j, off := 0, 0
						if join != joins[0] {
							j = r.IntN(len(v.Chunks))
						}
						if n := len(v.Chunks[j].Data); join == joins[2] && n > 0 {
							off = r.IntN(n)
						}
						see := func(d stream.Dir) bool { return side == sides[0] || (side == sides[1]) == (d == stream.Forward) }
						a, b := uint16(1024+r.IntN(60000)), uint16(1024+r.IntN(60000))
						for _, protocols := range [][]*l7.Protocol{list, other} {
							cfg := everything()
							cfg.Protocols = protocols
							tried++
							e := l7.New(cfg, func(r *record.Record) {
								if r.Protocol != p.Name {
									fail.errorf("%s, connection %d, joined at %s (chunk %d, byte %d) from %s: taken for %s: %s", f, i+1, join, j, off, side, r.Protocol, row(r, 1))
								}
							})
							joined(v, j, off, see, r.IntN(2) == 0, a, b).Play(e)
						}
					}
				}
			}
		}
	}
	t.Logf("%d conversations tried", tried)
}

// inventory reads which protocols a capture has: the fields repo, file and frames_by_proto of INVENTORY.tsv above f.
func inventory(t *testing.T, f string) map[string]string {
	list := map[string]string{"": ""}
	for dir := filepath.Dir(f); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		in, err := os.Open(filepath.Join(dir, "INVENTORY.tsv"))
		if err != nil {
			continue
		}
		defer in.Close()
		for lines := bufio.NewScanner(in); lines.Scan(); {
			if f := strings.Split(lines.Text(), "\t"); len(f) > 6 {
				list[filepath.Join(f[0], f[1])] = f[6]
			}
		}
		return list
	}
	t.Log("the captures have no INVENTORY.tsv: what is in them is told by their names alone")
	return list
}
