package l7test

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/wire"
)

// Tshark says which fields are to be those that tshark finds.
type Tshark struct {
	Protocol string            // as tshark's filters call it
	Ports    []uint16          // TCP ports that are to be read as this protocol
	Fields   []TsharkField     //
	Except   map[string]string // captures, with what tshark does wrong there
}

// TsharkField is one field, once in each message.
type TsharkField struct {
	Name string                       // tshark's
	Ours func(*wire.Tree) *wire.Field // nil: this message has none
	Hex  bool                         // tshark writes it in hexadecimal digits
}

// Root finds a field in the outermost group by its name.
func Root(name string) func(*wire.Tree) *wire.Field {
	return func(t *wire.Tree) *wire.Field {
		for i := range t.Fields {
			if f := &t.Fields[i]; f.Parent == 0 && f.Name == name {
				return f
			}
		}
		return nil
	}
}

// tshark compares fields with tshark's, for each direction of each connection in order.
func (s *suite) tshark(t *testing.T) {
	if s.o.Tshark == nil {
		t.Skip("SKIPPED: tshark does not know this protocol, or nobody said what to compare")
	}
	if testing.Short() {
		t.Skip("SKIPPED: with -short no field is compared with tshark")
	}
	Need(t, "tshark")
	compared := 0
	for _, c := range s.captures {
		if why := s.o.Tshark.Except[c.name]; why != "" {
			t.Logf("%s is left out: %s", c.name, why)
			continue
		}
		theirs := s.o.Tshark.Read(t, filepath.Join("testdata", c.name+".pcap.gz"))
		ours := s.o.Tshark.ours(s, c)
		for key, want := range theirs {
			got := ours[key]
			for i := 0; i < len(want) || i < len(got); i++ {
				a, b := "(nothing)", "(nothing)"
				if i < len(got) {
					a = got[i]
				}
				if i < len(want) {
					b = want[i]
				}
				if compared++; a != b {
					t.Errorf("%s: number %d of %s is %s, tshark says %s", c.name, i+1, key, a, b)
					break
				}
			}
		}
	}
	t.Logf("%d fields compared", compared)
	if compared == 0 {
		t.Error("tshark found no field")
	}
}

// ours is what the trees of a capture say: by source and destination port and field, in order.
func (k *Tshark) ours(s *suite, c *captured) map[string][]string {
	list := map[string][]string{}
	for _, m := range c.messages {
		from, to := m.info.Client.Port(), m.info.Server.Port()
		if m.Dir == l7.ToClient {
			from, to = to, from
		}
		var tree wire.Tree
		m.Tree(s.p, &tree)
		for _, f := range k.Fields {
			if field := f.Ours(&tree); field != nil {
				text := strconv.FormatInt(int64(field.Num), 10)
				if field.Kind == wire.Unsigned {
					text = strconv.FormatUint(field.Num, 10)
				}
				key := fmt.Sprintf("%d>%d %s", from, to, f.Name)
				list[key] = append(list[key], text)
			}
		}
	}
	return list
}

// Read lists what tshark finds in a capture: by source and destination port and field, in order.
func (k *Tshark) Read(t *testing.T, file string) map[string][]string {
	t.Helper()
	fields := []string{"tcp.srcport", "tcp.dstport"}
	for _, f := range k.Fields {
		fields = append(fields, f.Name)
	}
	list := map[string][]string{}
	for _, cells := range ReadTshark(t, file, k.Protocol, k.Ports, fields...) {
		for i, f := range k.Fields {
			key := fmt.Sprintf("%s>%s %s", cells[0][0], cells[1][0], f.Name)
			for _, v := range cells[2+i] {
				if f.Hex {
					n, _ := strconv.ParseUint(v, 0, 64)
					v = strconv.FormatUint(n, 10)
				}
				list[key] = append(list[key], v)
			}
		}
	}
	return list
}

// ReadTshark lists what tshark finds of some fields: for each packet with the protocol, for each field, its values. The
// test fails if tshark finds nothing and says why.
func ReadTshark(t *testing.T, file, protocol string, ports []uint16, fields ...string) (packets [][][]string) {
	t.Helper()
	args := []string{"-n", "-r", file, "-Y", protocol, "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=\x1f", "-E", "separator=\x1e"}
	for _, p := range ports {
		args = append(args, "-d", fmt.Sprintf("tcp.port==%d,%s", p, protocol))
	}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	var stderr bytes.Buffer
	cmd := exec.Command("tshark", args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil && len(out) == 0 {
		t.Fatalf("tshark: %v\n%s", err, stderr.Bytes())
	}
	for line := range strings.Lines(string(out)) {
		packet := make([][]string, len(fields))
		for i, cell := range strings.Split(strings.TrimRight(line, "\n"), "\x1e") {
			if cell != "" {
				packet[i] = strings.Split(cell, "\x1f")
			}
		}
		packets = append(packets, packet)
	}
	return packets
}
