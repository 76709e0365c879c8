package l7test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/output"
	"github.com/dbtap/dbtap/internal/wire"
)

// Goldens are read by people in a diff: they hold what is new in a capture, not all of it.
const (
	goldenRows  = 100 // records of a capture with more than twice as many
	goldenLines = 100 // of one tree
	goldenWidth = 160 // cells of a line
)

// goldenRecords compares the records of each capture with NAME.records.golden.
func (s *suite) goldenRecords(t *testing.T) {
	for _, c := range s.captures {
		rows := c.rows
		if len(rows) > 2*goldenRows {
			rows = rows[:goldenRows]
		}
		golden(t, c.name+".records.golden", []byte(strings.Join(append(rows, ""), "\n")))
	}
	orphans(t, s, ".records.golden")
}

// goldenTrees compares the trees of each capture with NAME.trees.golden: those of messages with a shape that no
// capture before had.
func (s *suite) goldenTrees(t *testing.T) {
	seen := map[uint64]bool{}
	for _, c := range s.captures {
		var out bytes.Buffer
		for i, m := range c.messages {
			if seen[m.shape] {
				continue
			}
			seen[m.shape] = true
			var one bytes.Buffer
			s.draw(&one, m, i+1, output.TreeOptions{Values: true, Width: goldenWidth})
			lines := strings.SplitAfter(one.String(), "\n")
			if n := len(lines) - goldenLines; n > 0 {
				lines = append(lines[:goldenLines], fmt.Sprintf("and %d lines more\n", n))
			}
			out.WriteString(strings.Join(lines, ""))
			out.WriteByte('\n')
		}
		golden(t, c.name+".trees.golden", out.Bytes())
	}
	orphans(t, s, ".trees.golden")
}

// draw writes the tree of a message.
func (s *suite) draw(to *bytes.Buffer, m *Message, number int, o output.TreeOptions) {
	var tree wire.Tree
	c := m.Tree(s.p, &tree)
	who := "client"
	if m.Dir == l7.ToClient {
		who = "server"
	}
	w := output.NewTree(to, o)
	w.Message(fmt.Sprintf("# message %d, connection %d, %d bytes from the %s", number, m.Conversation, m.Size, who), &tree, c.Err())
	w.Flush()
}

// golden compares got with a file of testdata, or writes that with -update. No content means no file.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		var err error
		if len(got) > 0 {
			err = os.WriteFile(file, got, 0o644)
		} else if err = os.Remove(file); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil && len(got) > 0 {
		t.Errorf("%v (-update writes it)", err)
		return
	}
	if !bytes.Equal(got, want) {
		g, w := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
		for i := 0; i < len(g) || i < len(w); i++ {
			line := func(l []string) string {
				if i < len(l) {
					return l[i]
				}
				return "(the end)"
			}
			if a, b := line(g), line(w); a != b {
				t.Errorf("%s: line %d differs (-update writes it anew)\n got %s\nwant %s", name, i+1, a, b)
				return
			}
		}
	}
}

// orphans fails for goldens without a capture.
func orphans(t *testing.T, s *suite, ending string) {
	files, _ := filepath.Glob("testdata/*" + ending)
	known := map[string]bool{}
	for _, c := range s.captures {
		known[c.name+ending] = true
	}
	for _, f := range files {
		if !known[filepath.Base(f)] {
			t.Errorf("%s belongs to no capture", f)
		}
	}
}
