package l7test

import (
	"bufio"
	"fmt"
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

// seat is from where a conversation is seen: from a byte of a chunk on, from some sides only, with the flow the other way round
// if turned.
type seat struct {
	join, side string
	chunk, off int
	see        func(stream.Dir) bool
	turned     bool
}

// sit takes a seat by chance, at a join and on a side.
func sit(r *rand.Rand, v *Conversation, join, side string, client stream.Dir) seat {
	p := seat{join: join, side: side, see: func(d stream.Dir) bool { return side == sides[0] || (side == sides[1]) == (d == client) }}
	if join != joins[0] {
		p.chunk = r.IntN(len(v.Chunks))
	}
	if n := len(v.Chunks[p.chunk].Data); join == joins[2] && n > 0 {
		p.off = r.IntN(n)
	}
	if !p.see(v.Chunks[p.chunk].Dir) {
		p.off = 0
	}
	return p
}

func (p seat) String() string {
	return fmt.Sprintf("joined at %s (chunk %d, byte %d) from %s, turned %v", p.join, p.chunk, p.off, p.side, p.turned)
}

// view is v as it is seen from p, on other ports.
func (p seat) view(v *Conversation, a, b uint16) *Conversation {
	var chunks []stream.Chunk
	for i, ch := range v.Chunks[p.chunk:] {
		if !p.see(ch.Dir) {
			continue
		}
		if i == 0 {
			ch.Data = ch.Data[p.off:]
		}
		if p.turned {
			ch.Dir = ch.Dir.Opposite()
		}
		chunks = append(chunks, ch)
	}
	c := v.with(chunks)
	c.Flow.A = netip.AddrPortFrom(v.Flow.A.Addr(), a)
	c.Flow.B = netip.AddrPortFrom(v.Flow.B.Addr(), b)
	if p.turned {
		c.Flow.A, c.Flow.B = c.Flow.B, c.Flow.A
	}
	c.Flow.Midstream = v.Flow.Midstream || p.chunk > 0 || p.off > 0
	return c
}

// follow counts the whole messages of a conversation of c that are seen from p and may be told from others.
func (p seat) follow(c *captured, number int, begin []int, client stream.Dir) (n int) {
	v := c.conversations[number-1]
	from := [2]int{-1, -1} // what is still to come, from each side
	for k := len(v.Chunks) - 1; k >= p.chunk; k-- {
		if d := v.Chunks[k].Dir; p.see(d) {
			from[d] = begin[k]
		}
	}
	if d := v.Chunks[p.chunk].Dir; from[d] >= 0 {
		from[d] += p.off
	}
	for _, m := range c.messages {
		d := client
		if m.Dir == l7.ToClient {
			d = d.Opposite()
		}
		if m.Role != l7.Feed && m.Role != l7.Nothing && m.Conversation == number && from[d] >= 0 && m.end-m.Size >= from[d] {
			n++
		}
	}
	return n
}

// identification: the protocol is found on any port, from either side and from the middle, and so is who is the client; and no
// row shows more than those of the whole conversation.
func (s *suite) identification(t *testing.T) {
	fail := newReport(t)
	found, missed := map[string]int{}, map[string]int{}
	try := func(c *captured, may *report, at []string) {
		for i, v := range c.conversations {
			begin, ok := spans(v)
			if !ok {
				continue
			}
			r := c.random(i)
			client := clientOf(v, c.messages, i+1)
			whole := s.known(c, i+1, false)
			for _, join := range at {
				for _, side := range sides {
					for k := range joinings {
						p := sit(r, v, join, side, client)
						p.turned = k%2 > 0
						n := p.follow(c, i+1, begin, client)
						if n < sure {
							continue
						}
						what := fmt.Sprintf("%s, connection %d, %v", c.name, i+1, p)
						rows, wrong := s.late(p, v, client, r)
						if rows == nil {
							missed[join+", "+side]++
							may.errorf("%s: not identified, though %d messages follow", what, n)
							continue
						}
						if found[join+", "+side]++; wrong != "" {
							may.errorf("%s: %s is not the client", what, wrong)
							continue // what it asks was an answer
						}
						whole.compare(fail, what, rows)
					}
				}
			}
		}
	}
	s.each(fail, nil, func(c *captured, may *report) { try(c, may, joins[:1]) })
	s.each(fail, s.o.LateExcept, func(c *captured, may *report) { try(c, may, joins[1:]) })
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

// late are the rows of v as seen from p, on ports that tell nothing, nil where the protocol was not found; and who is taken for
// the client, if somebody else is.
func (s *suite) late(p seat, v *Conversation, client stream.Dir, r *rand.Rand) (rows []string, wrong string) {
	ports := [2]uint16{}
	for d := range ports {
		for ports[d] == 0 || slices.Contains(s.p.Ports, ports[d]) {
			ports[d] = uint16(1024 + r.IntN(60000))
		}
	}
	cfg := everything()
	cfg.Protocols = []*l7.Protocol{s.p}
	rows = []string{}
	e := l7.New(cfg, func(r *record.Record) {
		rows = append(rows, row(r, 1))
		if r.Client.Port() != ports[client] {
			wrong = r.Client.String()
		}
	})
	p.view(v, ports[0], ports[1]).Play(e)
	if e.Stats().Identified != 1 {
		return nil, ""
	}
	return rows, wrong
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
					p := sit(r, v, join, side, stream.Forward)
					p.turned = r.IntN(2) == 0
					tried++
					rows, stats := s.rows(everything(), p.view(v, v.Flow.A.Port(), v.Flow.B.Port()))
					if stats.Identified != 0 {
						fail.errorf("%s, %v: taken for %s: %+v %s", what, p, s.p.Name, stats, rows)
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
	for _, protocol := range list {
		files, _ := filepath.Glob("../" + protocol.Name + "/testdata/*.pcap.gz")
		if len(files) == 0 {
			t.Errorf("no captures of %s", protocol.Name)
		}
		for _, f := range files {
			for i, v := range Read(t, f) {
				if len(v.Chunks) == 0 {
					continue
				}
				for _, join := range joins {
					for _, side := range sides {
						p := sit(r, v, join, side, stream.Forward)
						p.turned = r.IntN(2) == 0
						a, b := uint16(1024+r.IntN(60000)), uint16(1024+r.IntN(60000))
						for _, protocols := range [][]*l7.Protocol{list, other} {
							cfg := everything()
							cfg.Protocols = protocols
							tried++
							e := l7.New(cfg, func(r *record.Record) {
								if r.Protocol != protocol.Name {
									fail.errorf("%s, connection %d, %v: taken for %s: %s", f, i+1, p, r.Protocol, row(r, 1))
								}
							})
							p.view(v, a, b).Play(e)
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
