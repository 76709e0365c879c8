package l7test

import (
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/dbtap/dbtap/internal/capture/capturetest"
	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/wire"
)

// Peer is what is in a capture of another project.
type Peer struct {
	Messages int
	Rows     int
	Doubted  int    // rows with doubts but for midstream, or without a verdict
	Broken   int    // messages with an error
	Tshark   string // why tshark finds something else; "": it finds the same
}

// Peers reads the captures of other projects that may have connections of p. peers says by folder and name what is in
// those that have. Every message has a tree without an error and without a byte that nobody described, but for the
// broken ones. What ours tells of the trees is what theirs finds with tshark, in any order.
func Peers(t *testing.T, p *l7.Protocol, peers map[string]Peer, may func(path string) bool,
	ours func(*Message, *wire.Tree) []string, theirs func(t *testing.T, file string, ports []uint16) []string) {
	missing := maps.Clone(peers)
	for _, file := range capturetest.Files(t) {
		if !may(file) {
			continue
		}
		name := filepath.Join(filepath.Base(filepath.Dir(file)), filepath.Base(file))
		want, ok := peers[name]
		delete(missing, name)
		t.Run(name, func(t *testing.T) {
			got := Peer{Tshark: want.Tshark}
			ports := map[uint16]bool{}
			var list []string
			for i, c := range Read(t, file) {
				count := func(r *record.Record) {
					got.Rows++
					ports[r.Server.Port()] = true
					if r.Doubts&^record.Midstream != 0 || r.Status == record.Unknown {
						got.Doubted++
						t.Logf("%.300v", Row{*r})
					}
				}
				for _, m := range watched(p, everything(), c, name, i+1, count, nil) {
					got.Messages++
					var tree wire.Tree
					if c := m.Tree(p, &tree); c.Err() != nil {
						got.Broken++
						t.Logf("%v: %v", m, c.Err())
					}
					for i := range tree.Fields {
						if f := &tree.Fields[i]; f.Name == "unknown" && f.Kind == wire.Octets && f.Type == nil && want.Broken == 0 {
							t.Errorf("%v: %d bytes at %d are undescribed", m, f.Len, f.Off)
						}
					}
					list = append(list, ours(m, &tree)...)
				}
			}
			if got != want {
				t.Errorf("%q: {Messages: %d, Rows: %d, Doubted: %d, Broken: %d}, not %+v", name, got.Messages, got.Rows, got.Doubted, got.Broken, want)
			}
			if !ok || testing.Short() {
				return
			}
			Need(t, "tshark")
			found := theirs(t, file, slices.Sorted(maps.Keys(ports)))
			slices.Sort(list)
			slices.Sort(found)
			if same := slices.Equal(list, found); same != (want.Tshark == "") {
				t.Errorf("tshark finds the same: %v, though %q", same, want.Tshark)
				for i := range max(len(list), len(found)) {
					if i >= len(list) || i >= len(found) || list[i] != found[i] {
						t.Errorf("%d, tshark finds %d; they differ here: %.100q, %.100q", len(list), len(found), list[min(i, len(list)):], found[min(i, len(found)):])
						break
					}
				}
			}
		})
	}
	for name := range missing {
		t.Errorf("%s is not there", name)
	}
}
