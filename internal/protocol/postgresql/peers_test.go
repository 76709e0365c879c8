package postgresql_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/l7/l7test"
	"github.com/dbtap/dbtap/internal/protocol/postgresql"
	"github.com/dbtap/dbtap/internal/wire"
)

// peers are what is in captures of other projects. Two hold nothing of PostgreSQL's; those of postgre and one of own begin in
// the middle.
var peers = map[string]l7test.Peer{
	"OISF-suricata-verify/pgsql-5000-query-results.pcap":                      {Messages: 793, Rows: 3, Doubted: 1},
	"OISF-suricata-verify/pgsql-5524.pcap":                                    {Messages: 38, Rows: 5},
	"OISF-suricata-verify/pgsql-bug-5579.pcap":                                {Messages: 22, Rows: 2},
	"OISF-suricata-verify/pgsql-bug-6080-probe-test-01.pcap":                  {},
	"OISF-suricata-verify/pgsql-cancel-request.pcap":                          {Messages: 25, Rows: 3},
	"OISF-suricata-verify/pgsql-copy-data-in__TLPW-Jason-copyfrom-small.pcap": {Messages: 26, Rows: 2},
	"OISF-suricata-verify/pgsql-copy-data-out.pcap":                           {Messages: 28, Rows: 2},
	"OISF-suricata-verify/pgsql-events__UnknownMessage.pcap":                  {},
	"OISF-suricata-verify/pgsql-pwd-output-disabled.pcap":                     {Messages: 20, Rows: 1},
	"OISF-suricata-verify/pgsql-query-keyword-01.pcap":                        {Messages: 29, Rows: 4},
	"OISF-suricata-verify/pgsql-simple-query-rollback.pcap":                   {Messages: 91, Rows: 23},
	"OISF-suricata-verify/pgsql-ssl-rejected-md5-auth-simple-query.pcap":      {Messages: 30, Rows: 3, Doubted: 1},
	"OISF-suricata-verify/pgsql-upgrade-tls.pcap":                             {Messages: 4, Rows: 2, Doubted: 1},
	"arkime-arkime/postgres-badpass.pcap":                                     {Messages: 4, Rows: 1, Doubted: 1},
	"arkime-arkime/postgres-good.pcap":                                        {Messages: 18, Rows: 1},
	"arkime-arkime/postgres-no-sslrequest.pcap":                               {Messages: 10, Rows: 1},
	"own/p-bench-midstream.pcap.gz":                                           {Messages: 15831, Rows: 2734, Doubted: 967},
	"own/p-gssenc-refused.pcap.gz":                                            {Messages: 27, Rows: 3, Doubted: 1},
	"own/p-md5.pcap.gz":                                                       {Messages: 27, Rows: 2},
	"own/p-node-17.pcap.gz":                                                   {Messages: 653, Rows: 95},
	"own/p-proto32-cancel.pcap.gz":                                            {Messages: 25, Rows: 3},
	"own/p-proto32.pcap.gz":                                                   {Messages: 25, Rows: 2},
	"own/p-psql18-pipeline.pcap.gz":                                           {Messages: 61, Rows: 7},
	"own/p-repl-15.pcap.gz":                                                   {Messages: 2148, Rows: 208},
	"own/p-scram.pcap.gz":                                                     {Messages: 30, Rows: 2},
	"postgre/error.pcap":                                                      {Messages: 2, Rows: 1},
	"postgre/prepare_stat.pcap":                                               {Messages: 6, Rows: 1},
	"postgre/simple_query.pcap":                                               {Messages: 3, Rows: 1},
	"seladb-PcapPlusPlus/postgres.pcapng":                                     {Messages: 15, Rows: 1},
	"zeek-zeek/bad-backend-message-1.pcap":                                    {Messages: 1, Rows: 1, Doubted: 1},
	"zeek-zeek/bad-startup-message-1.pcap":                                    {Rows: 0, Tshark: "it reads an answer though the client did not begin"},
	"zeek-zeek/greenhouse-app.pcap":                                           {Messages: 344, Rows: 86},
	"zeek-zeek/psql-aws-ssl-disable-15432.pcap":                               {Messages: 23, Rows: 2},
	"zeek-zeek/psql-aws-ssl-disable.pcap":                                     {Messages: 23, Rows: 2},
	"zeek-zeek/psql-aws-ssl-preferred.pcap":                                   {Messages: 2, Rows: 1, Doubted: 1},
	"zeek-zeek/psql-aws-ssl-require-15432.pcap":                               {Messages: 2, Rows: 1, Doubted: 1},
	"zeek-zeek/psql-aws-ssl-require.pcap":                                     {Messages: 2, Rows: 1, Doubted: 1},
	"zeek-zeek/psql-create-insert-select-delete-drop.pcap":                    {Messages: 48, Rows: 8},
	"zeek-zeek/psql-insert-fail-drop-fail.pcap":                               {Messages: 40, Rows: 6},
	"zeek-zeek/psql-login-fail.pcap":                                          {Messages: 6, Rows: 1},
	"zeek-zeek/psql-login-no-role.pcap":                                       {Messages: 5, Rows: 1},
	"zeek-zeek/psql-login-no-sslrequest.pcap":                                 {Messages: 25, Rows: 2, Doubted: 1},
	"zeek-zeek/psql-login-wrong.pcap":                                         {Messages: 8, Rows: 1},
	"zeek-zeek/psql-login.pcap":                                               {Messages: 24, Rows: 1},
	"zeek-zeek/psql-select-now.pcap":                                          {Messages: 30, Rows: 2},
}

// tsharkTypes are tshark's names of messages that are counted.
var tsharkTypes = map[string]string{
	"Simple query": "Query", "Parse": "Parse", "Bind": "Bind", "Execute": "Execute", "Data row": "DataRow", "Command completion": "CommandComplete",
	"Error": "ErrorResponse", "Ready for query": "ReadyForQuery", "Row description": "RowDescription", "Copy data": "CopyData",
}

// escapes are how tshark writes tabs and ends of lines.
var escapes = strings.NewReplacer(`\n`, "\n", `\t`, "\t")

// TestPeers reads the captures of other projects: messages of some types, texts of statements and codes of errors are those
// that tshark finds.
func TestPeers(t *testing.T) {
	names := slices.Collect(maps.Values(tsharkTypes))
	l7test.Peers(t, postgresql.Protocol, peers, hasPostgreSQL, func(_ *l7test.Message, tree *wire.Tree) (list []string) {
		for i := range tree.Fields {
			f := &tree.Fields[i]
			group := ""
			if f.Parent > 0 {
				group = tree.Name(&tree.Fields[f.Parent])
			}
			switch {
			case f.Parent == 0 && f.Kind == wire.Group && slices.Contains(names, f.Name):
				list = append(list, f.Name)
			case f.Name == "query" && (group == "Query" || group == "Parse"):
				list = append(list, "text "+string(tree.Content(f)))
			case f.Name == "text" && group == "code":
				list = append(list, "code "+string(tree.Content(f)))
			}
		}
		return list
	}, func(t *testing.T, file string, ports []uint16) (list []string) {
		for _, packet := range l7test.ReadTshark(t, file, "pgsql", ports, "pgsql.type", "pgsql.query", "pgsql.code") {
			for _, v := range packet[0] {
				if name := tsharkTypes[v]; name != "" {
					list = append(list, name)
				}
			}
			for _, v := range packet[1] {
				list = append(list, "text "+escapes.Replace(v))
			}
			for _, v := range packet[2] {
				list = append(list, "code "+v)
			}
		}
		return list
	})
}
