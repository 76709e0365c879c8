package mysql_test

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/capture/capturetest"
	"github.com/dbtap/dbtap/internal/l7/l7test"
	"github.com/dbtap/dbtap/internal/protocol/mysql"
	"github.com/dbtap/dbtap/internal/stream"
	"github.com/dbtap/dbtap/internal/wire"
)

// TestPeers reads the captures of other projects: commands, texts of statements, numbers of errors and the values of text rows
// are those that tshark finds.
func TestPeers(t *testing.T) {
	may := func(file string) bool {
		return hasMySQL(file, "") || strings.Contains(file, "colinnewell") || strings.Contains(file, "zeek") || strings.Contains(file, "community-id")
	}
	l7test.Peers(t, mysql.Protocol, peers, may, func(_ *l7test.Message, tree *wire.Tree) (list []string) {
		text := false // the row in hand
		for i := range tree.Fields {
			f := &tree.Fields[i]
			parent := ""
			if f.Parent >= 0 {
				parent = tree.Fields[f.Parent].Name
			}
			switch {
			case f.Name == "query" && f.Kind == wire.Text && f.Len > 0 && len(tree.Bytes(f)) == f.Len:
				list = append(list, "query "+clear(string(tree.Content(f))))
			case f.Name == "command" && f.Kind == wire.Unsigned, f.Name == "error_code":
				list = append(list, f.Name+" "+strconv.FormatUint(f.Num, 10))
			case f.Name == "row" && f.Kind == wire.Group:
				text = true
			case parent == "row" && f.Name == "header":
				text = false
			case parent == "row" && text:
				list = append(list, fmt.Sprintf("value %.64s", clear(printed(tree, f))))
			}
		}
		return list
	}, func(t *testing.T, file string, ports []uint16) (list []string) {
		for _, packet := range l7test.ReadTshark(t, file, "mysql", ports, "mysql.query", "mysql.command", "mysql.error_code", "mysql.row.text") {
			for i, format := range []string{"query %s", "command %s", "error_code %s", "value %.64s"} { // tshark shows the beginning of long values
				for _, v := range packet[i] {
					if v = clear(v); v != "" || i == 3 {
						list = append(list, fmt.Sprintf(format, v))
					}
				}
			}
		}
		return list
	})
}

// TestCommands counts commands in the bytes of clients, where all packets are there as they were sent: those that begin a
// sequence. It is asked where tshark takes the data of logins and the bytes of files for commands.
func TestCommands(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join("testdata", "*.pcap.gz"))
	for _, file := range capturetest.Files(t) {
		if _, ok := peers[filepath.Join(filepath.Base(filepath.Dir(file)), filepath.Base(file))]; ok {
			files = append(files, file)
		}
	}
	counted, connections := 0, 0
	for _, file := range files {
		for i, c := range l7test.Read(t, file) {
			list := commandsOf(c)
			if list == nil {
				continue
			}
			var got []string
			for _, m := range l7test.Messages(mysql.Protocol, c, file, i+1) {
				var tree wire.Tree
				m.Tree(mysql.Protocol, &tree)
				for i := range tree.Fields {
					if f := &tree.Fields[i]; f.Name == "command" && f.Kind == wire.Unsigned {
						got = append(got, strconv.FormatUint(f.Num, 10))
					}
				}
			}
			check(t, file, strings.Join(got, " "), strings.Join(list, " "))
			counted += len(list)
			connections++
		}
	}
	if t.Logf("%d commands in %d connections", counted, connections); counted < 4000 || connections < 100 {
		t.Error("that is too little")
	}
}

// commandsOf are the commands of a client, nil where its bytes are no whole packets from a login on: what is lost, joined late,
// encrypted or compressed.
func commandsOf(c *l7test.Conversation) (list []string) {
	var b []byte
	for _, ch := range c.Chunks {
		if ch.Missing > 0 {
			return nil
		}
		if ch.Dir == stream.Forward {
			b = append(b, ch.Data...)
		}
	}
	if len(b) < header+1 || b[3] != 1 {
		return nil
	}
	list = []string{}
	for len(b) > 0 {
		if len(b) < header || len(b) < header+payload(b) {
			return nil
		}
		if b[3] == 0 && payload(b) > 0 {
			list = append(list, strconv.Itoa(int(b[header])))
		}
		b = b[header+payload(b):]
	}
	return list
}

// escapes are how tshark writes tabs and ends of lines.
var escapes = strings.NewReplacer(`\n`, "", `\r`, "", `\t`, "")

// clear is a text as it can be compared: without blanks, and what is not written as it is.
func clear(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' || r == '\\' {
			return -1
		}
		return r
	}, escapes.Replace(s))
}

// peers are what is in those captures. Doubted are logins that go on encrypted, and requests of which packets are missing.
var peers = map[string]l7test.Peer{
	"OISF-suricata-verify/community-id-sameip.pcap":              {Messages: 37, Rows: 18},
	"arkime-arkime/mysql-allow.pcap":                             {Messages: 5, Rows: 2},
	"arkime-arkime/mysql-deny.pcap":                              {Messages: 3, Rows: 1},
	"arkime-arkime/mysql-tls.pcap":                               {Messages: 2, Rows: 1, Doubted: 1},
	"colinnewell-pcap2mysql-log/big-data.pcap":                   {Messages: 22, Rows: 10},
	"colinnewell-pcap2mysql-log/compressed-data-missing.pcap":    {Messages: 10, Rows: 4, Tshark: "a packet over several compressed frames"},
	"colinnewell-pcap2mysql-log/compressed.pcap":                 {Messages: 6, Rows: 3},
	"colinnewell-pcap2mysql-log/connect-fail.pcap":               {Messages: 1, Rows: 1},
	"colinnewell-pcap2mysql-log/date-types.pcap":                 {Messages: 16, Rows: 8},
	"colinnewell-pcap2mysql-log/error-uncompressed.pcap":         {Messages: 6, Rows: 3},
	"colinnewell-pcap2mysql-log/error.pcap":                      {Messages: 6, Rows: 3, Tshark: "a packet over several compressed frames"},
	"colinnewell-pcap2mysql-log/execute.pcap":                    {Messages: 17, Rows: 9},
	"colinnewell-pcap2mysql-log/insecure.pcap":                   {Messages: 73, Rows: 33},
	"colinnewell-pcap2mysql-log/numeric-types.pcap":              {Messages: 20, Rows: 10},
	"colinnewell-pcap2mysql-log/type-error.pcap":                 {Messages: 22, Rows: 10},
	"colinnewell-pcap2mysql-log/uncompressed-data-present.pcap":  {Messages: 10, Rows: 4, Tshark: "a row of which the beginning and the end are kept"},
	"mysql/171-mysql.pcap":                                       {Messages: 780, Rows: 390},
	"mysql/binary-in-sql.pcap":                                   {Messages: 4, Rows: 2, Tshark: "binary data in a text"},
	"mysql/large-response.pcap":                                  {Messages: 5, Rows: 2},
	"mysql/mysql-compressed-response.pcap":                       {Messages: 3, Rows: 1, Doubted: 1, Tshark: "compression joined late"},
	"mysql/mysql-database.pcap":                                  {Messages: 12, Rows: 6},
	"mysql/mysql-error.pcap":                                     {Messages: 10, Rows: 5},
	"mysql/mysql-exec.pcap":                                      {Messages: 5, Rows: 2},
	"mysql/mysql-login-error.pcap":                               {Messages: 3, Rows: 1},
	"mysql/mysql-statement-id.pcap":                              {Messages: 4, Rows: 1},
	"mysql/mysql-statement.pcap":                                 {Messages: 33, Rows: 13},
	"mysql/mysql-table-alter.pcap":                               {Messages: 8, Rows: 4},
	"mysql/mysql-table-create.pcap":                              {Messages: 19, Rows: 9},
	"mysql/mysql-table-delete.pcap":                              {Messages: 8, Rows: 4},
	"mysql/mysql-table-desc.pcap":                                {Messages: 8, Rows: 4},
	"mysql/mysql-table-destroy.pcap":                             {Messages: 8, Rows: 4},
	"mysql/mysql-table-insert.pcap":                              {Messages: 8, Rows: 4},
	"mysql/mysql-table-select.pcap":                              {Messages: 8, Rows: 4},
	"mysql/mysql-table-update.pcap":                              {Messages: 8, Rows: 4},
	"mysql/mysql-use.pcap":                                       {Messages: 2, Rows: 1, Doubted: 1, Tshark: "query attributes where the login was not seen"},
	"mysql/mysql.pcap":                                           {Messages: 16, Rows: 7},
	"mysql/partial-packet-compressed.pcap":                       {Messages: 33, Rows: 2, Doubted: 1, Tshark: "compression joined late"},
	"mysql/truncate-1024.pcap":                                   {Messages: 9, Rows: 4},
	"own/y-97-plain.pcap.gz":                                     {Messages: 69, Rows: 30, Tshark: "the bytes of a file are taken for commands"},
	"own/y-97-zlib.pcap.gz":                                      {Messages: 69, Rows: 30, Tshark: "several packets in a compressed frame, a packet in several"},
	"own/y-c-ma1011.pcap.gz":                                     {Messages: 504, Rows: 140},
	"own/y-ma1011-plain.pcap.gz":                                 {Messages: 82, Rows: 29, Tshark: "the bytes of a file are taken for commands"},
	"own/y-node-27306.pcap.gz":                                   {Messages: 155, Rows: 74},
	"own/y-node-27310.pcap.gz":                                   {Messages: 153, Rows: 74},
	"seladb-PcapPlusPlus/mysql.pcapng":                           {Messages: 11, Rows: 1, Doubted: 1, Tshark: "what a login goes on with is taken for a command"},
	"zeek-zeek/auth.pcap":                                        {Messages: 36, Rows: 15},
	"zeek-zeek/caching_sha2_password-after-auth-switch.pcapng":   {Messages: 15, Rows: 6},
	"zeek-zeek/caching_sha2_password.pcap":                       {Messages: 35, Rows: 13, Tshark: "what a login goes on with is taken for a command"},
	"zeek-zeek/change-user-error.pcap":                           {Messages: 11, Rows: 3},
	"zeek-zeek/change-user-success.pcap":                         {Messages: 18, Rows: 7},
	"zeek-zeek/encrypted.pcap":                                   {Messages: 2, Rows: 1, Doubted: 1},
	"zeek-zeek/many-query-attrs.pcap":                            {Messages: 137, Rows: 44},
	"zeek-zeek/mysql-9.0.0-query-attributes.pcap":                {Messages: 9, Rows: 4, Tshark: "query attributes of 9.0"},
	"zeek-zeek/mysql-on-port-5432.pcap":                          {Messages: 18, Rows: 7},
	"zeek-zeek/mysql-show-engine-innodb-status-no-password.pcap": {Messages: 10, Rows: 4},
	"zeek-zeek/mysql.pcap":                                       {Messages: 37, Rows: 18},
	"zeek-zeek/mysql8-navicat-login-failed.pcap":                 {Messages: 7, Rows: 1, Tshark: "what a login goes on with is taken for a command"},
	"zeek-zeek/plain-amazon-rds.pcap":                            {Messages: 8, Rows: 4},
	"zeek-zeek/query-attr.pcap":                                  {Messages: 10, Rows: 4},
	"zeek-zeek/selects_with_new_proto.pcap":                      {Messages: 12, Rows: 6},
	"zeek-zeek/tls-12-amazon-rds.pcap":                           {Messages: 2, Rows: 1, Doubted: 1},
	"zeek-zeek/tls-13-amazon-rds.pcap":                           {Messages: 2, Rows: 1, Doubted: 1},
}
