package mongodb_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/dbtap/dbtap/internal/l7/l7test"
	"github.com/dbtap/dbtap/internal/protocol/mongodb"
	"github.com/dbtap/dbtap/internal/wire"
)

// peers are what is in captures of other projects. One begins in the middle of a connection.
var peers = map[string]l7test.Peer{
	"arkime-arkime/mongo.pcap":    {Messages: 5, Rows: 5},
	"mongo/mongo-msg.pcap":        {Messages: 2, Rows: 1},
	"mongo/mongo.pcap":            {Messages: 30, Rows: 15},
	"own/m-cksum-py4.pcap.gz":     {Messages: 236, Rows: 118},
	"own/m-front-go-zlib.pcap.gz": {Messages: 132, Rows: 64},
	"own/m-front-node.pcap.gz":    {Messages: 126, Rows: 64},
	"own/m-legacy-py311.pcap.gz":  {Messages: 59, Rows: 27},
	"own/m-libmongoc.pcap.gz":     {Messages: 2, Rows: 1},
	"own/m-node-auth1.pcap.gz":    {Messages: 133, Rows: 67},
	"own/m-node-plain.pcap.gz":    {Messages: 119, Rows: 60},
	"own/m-py-bwtools.pcap.gz":    {Messages: 59, Rows: 31},
}

// TestPeers reads the captures of other projects: headers are those that tshark finds.
func TestPeers(t *testing.T) {
	l7test.Peers(t, mongodb.Protocol, peers, hasMongoDB, func(_ *l7test.Message, tree *wire.Tree) []string {
		var header []uint32
		for _, f := range tshark.Fields {
			header = append(header, uint32(f.Ours(tree).Num))
		}
		return []string{fmt.Sprint(header)}
	}, func(t *testing.T, file string, ports []uint16) (list []string) {
		var names []string
		for _, f := range tshark.Fields {
			names = append(names, f.Name)
		}
		for _, packet := range l7test.ReadTshark(t, file, tshark.Protocol, ports, names...) {
			for i := range packet[0] {
				var header []uint32
				for _, values := range packet {
					n, err := strconv.ParseInt(values[i], 0, 64)
					if err != nil {
						t.Fatal(err)
					}
					header = append(header, uint32(n))
				}
				list = append(list, fmt.Sprint(header))
			}
		}
		return list
	})
}
