package mongodb_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/dbtap/dbtap/internal/capture/capturetest"
	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/l7/l7test"
	"github.com/dbtap/dbtap/internal/protocol/mongodb"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/wire"
)

// peer is what is in a capture of another project, and where tshark finds something else there.
type peer struct {
	messages int
	rows     int
	doubted  int    // rows with doubts
	tshark   string // why tshark's answer differs; "": it is the same
}

// peers are those captures, all headers of which tshark reads as we do. One begins in the middle of a connection.
var peers = map[string]peer{
	"arkime-arkime/mongo.pcap":    {messages: 5, rows: 5},
	"mongo/mongo-msg.pcap":        {messages: 2, rows: 1, doubted: 1},
	"mongo/mongo.pcap":            {messages: 30, rows: 15},
	"own/m-cksum-py4.pcap.gz":     {messages: 236, rows: 118},
	"own/m-front-go-zlib.pcap.gz": {messages: 132, rows: 64},
	"own/m-front-node.pcap.gz":    {messages: 126, rows: 64},
	"own/m-legacy-py311.pcap.gz":  {messages: 59, rows: 27},
	"own/m-libmongoc.pcap.gz":     {messages: 2, rows: 1},
	"own/m-node-auth1.pcap.gz":    {messages: 133, rows: 67},
	"own/m-node-plain.pcap.gz":    {messages: 119, rows: 60},
	"own/m-py-bwtools.pcap.gz":    {messages: 59, rows: 31},
}

// TestPeers reads the captures of other projects: every exchange is found, every message has a tree without an error,
// and headers are those that tshark finds.
func TestPeers(t *testing.T) {
	found := 0
	for _, file := range capturetest.Files(t) {
		if !hasMongoDB(file) {
			continue
		}
		found++
		name := filepath.Join(filepath.Base(filepath.Dir(file)), filepath.Base(file))
		t.Run(name, func(t *testing.T) {
			want, ok := peers[name]
			if !ok {
				t.Errorf("nobody says what is in it")
			}
			var got peer
			ports := map[uint16]bool{}
			ours := map[string][]string{}
			for i, c := range l7test.Read(t, file) {
				messages := l7test.Messages(mongodb.Protocol, c, name, i+1)
				e := l7.New(l7.Config{Protocols: []*l7.Protocol{mongodb.Protocol}, Want: ^uint64(0), Budget: 64 << 20}, func(r *record.Record) {
					got.rows++
					ports[r.Server.Port()] = true
					if r.Doubts != 0 {
						got.doubted++
						t.Logf("%v", l7test.Row{Record: *r})
					}
				})
				c.Play(e)
				if n := e.Stats().Identified; n != 1 {
					t.Logf("connection %d of %d chunks is not MongoDB's: %v > %v", i+1, len(c.Chunks), c.Flow.A, c.Flow.B)
				}
				got.messages += len(messages)
				for _, m := range messages {
					var tree wire.Tree
					if c := m.Tree(mongodb.Protocol, &tree); c.Err() != nil {
						t.Errorf("%v: %v", m, c.Err())
					}
					for i := range tree.Fields {
						if f := &tree.Fields[i]; f.Name == "unknown" {
							t.Errorf("%v: %d bytes at %d are undescribed", m, f.Len, f.Off)
						}
					}
					for _, f := range tshark.Fields {
						if field := f.Ours(&tree); field != nil {
							from, to := c.Flow.A.Port(), c.Flow.B.Port()
							if (m.Client() == c.Flow.A) != (m.Dir == l7.ToServer) {
								from, to = to, from
							}
							key := fmt.Sprintf("%d>%d %s", from, to, f.Name)
							ours[key] = append(ours[key], fmt.Sprint(field.Num))
						}
					}
				}
			}
			want.tshark = ""
			if got != want {
				t.Errorf("%d messages, %d rows, %d with doubts; not %d, %d, %d", got.messages, got.rows, got.doubted, want.messages, want.rows, want.doubted)
			}
			if testing.Short() {
				return
			}
			l7test.NeedTshark(t)
			k := *tshark
			k.Ports = slices.Sorted(maps.Keys(ports))
			theirs := k.Read(t, file)
			differs, why := false, peers[name].tshark
			for _, key := range slices.Sorted(maps.Keys(ours)) {
				if !slices.Equal(ours[key], theirs[key]) {
					differs = true
					if why == "" {
						t.Errorf("%s: %d, tshark finds %d:\n%v\n%v", key, len(ours[key]), len(theirs[key]), ours[key], theirs[key])
					}
				}
			}
			for key := range theirs {
				if ours[key] == nil {
					differs = true
					if why == "" {
						t.Errorf("%s: nothing, tshark finds %d: %v", key, len(theirs[key]), theirs[key])
					}
				}
			}
			if why != "" && !differs {
				t.Errorf("tshark finds the same, though it should not: %s", why)
			}
		})
	}
	if found < len(peers) {
		t.Errorf("%d of %d captures are there", found, len(peers))
	}
}
