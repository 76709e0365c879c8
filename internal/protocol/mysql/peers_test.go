package mysql_test

import (
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/l7/l7test"
	"github.com/dbtap/dbtap/internal/protocol/mysql"
	"github.com/dbtap/dbtap/internal/wire"
)

// TestPeers reads the captures of other projects: the texts of statements are those that tshark finds.
func TestPeers(t *testing.T) {
	may := func(file string) bool {
		return hasMySQL(file, "") || strings.Contains(file, "colinnewell") || strings.Contains(file, "zeek") || strings.Contains(file, "community-id")
	}
	l7test.Peers(t, mysql.Protocol, peers, may, func(_ *l7test.Message, tree *wire.Tree) (list []string) {
		for i := range tree.Fields {
			if f := &tree.Fields[i]; f.Name == "query" && f.Kind == wire.Text && f.Len > 0 && len(tree.Bytes(f)) == f.Len {
				list = append(list, clear(string(tree.Content(f))))
			}
		}
		return list
	}, func(t *testing.T, file string, ports []uint16) (list []string) {
		for _, packet := range l7test.ReadTshark(t, file, "mysql", ports, "mysql.query") {
			for _, q := range packet[0] {
				if q = clear(q); q != "" {
					list = append(list, q)
				}
			}
		}
		return list
	})
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
	"colinnewell-pcap2mysql-log/uncompressed-data-present.pcap":  {Messages: 10, Rows: 4},
	"mysql/171-mysql.pcap":                                       {Messages: 780, Rows: 390},
	"mysql/binary-in-sql.pcap":                                   {Messages: 4, Rows: 2, Tshark: "binary data in a text"},
	"mysql/large-response.pcap":                                  {Messages: 5, Rows: 2},
	"mysql/mysql-compressed-response.pcap":                       {Messages: 3, Rows: 1, Tshark: "compression joined late"},
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
	"mysql/mysql-use.pcap":                                       {Messages: 2, Rows: 1, Tshark: "query attributes where the login was not seen"},
	"mysql/mysql.pcap":                                           {Messages: 16, Rows: 7},
	"mysql/partial-packet-compressed.pcap":                       {Messages: 33, Rows: 2, Tshark: "compression joined late"},
	"mysql/truncate-1024.pcap":                                   {Messages: 9, Rows: 4},
	"own/y-97-plain.pcap.gz":                                     {Messages: 69, Rows: 30},
	"own/y-97-zlib.pcap.gz":                                      {Messages: 69, Rows: 30, Tshark: "several packets in a compressed frame, a packet in several"},
	"own/y-c-ma1011.pcap.gz":                                     {Messages: 504, Rows: 140},
	"own/y-ma1011-plain.pcap.gz":                                 {Messages: 82, Rows: 29},
	"own/y-node-27306.pcap.gz":                                   {Messages: 155, Rows: 74},
	"own/y-node-27310.pcap.gz":                                   {Messages: 153, Rows: 74},
	"seladb-PcapPlusPlus/mysql.pcapng":                           {Messages: 11, Rows: 1, Doubted: 1},
	"zeek-zeek/auth.pcap":                                        {Messages: 36, Rows: 15},
	"zeek-zeek/caching_sha2_password-after-auth-switch.pcapng":   {Messages: 15, Rows: 6},
	"zeek-zeek/caching_sha2_password.pcap":                       {Messages: 35, Rows: 13},
	"zeek-zeek/change-user-error.pcap":                           {Messages: 11, Rows: 3},
	"zeek-zeek/change-user-success.pcap":                         {Messages: 18, Rows: 7},
	"zeek-zeek/encrypted.pcap":                                   {Messages: 2, Rows: 1, Doubted: 1},
	"zeek-zeek/many-query-attrs.pcap":                            {Messages: 137, Rows: 44},
	"zeek-zeek/mysql-9.0.0-query-attributes.pcap":                {Messages: 9, Rows: 4, Tshark: "query attributes of 9.0"},
	"zeek-zeek/mysql-on-port-5432.pcap":                          {Messages: 18, Rows: 7},
	"zeek-zeek/mysql-show-engine-innodb-status-no-password.pcap": {Messages: 10, Rows: 4},
	"zeek-zeek/mysql.pcap":                                       {Messages: 37, Rows: 18},
	"zeek-zeek/mysql8-navicat-login-failed.pcap":                 {Messages: 7, Rows: 1},
	"zeek-zeek/plain-amazon-rds.pcap":                            {Messages: 8, Rows: 4},
	"zeek-zeek/query-attr.pcap":                                  {Messages: 10, Rows: 4},
	"zeek-zeek/selects_with_new_proto.pcap":                      {Messages: 12, Rows: 6},
	"zeek-zeek/tls-12-amazon-rds.pcap":                           {Messages: 2, Rows: 1, Doubted: 1},
	"zeek-zeek/tls-13-amazon-rds.pcap":                           {Messages: 2, Rows: 1, Doubted: 1},
}
