package postgresql_test

import (
	"bytes"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/capture/capturetest"
	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/l7/l7test"
	"github.com/dbtap/dbtap/internal/protocol/postgresql"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/wire"
)

// peer is what is in a capture of another project, and why tshark finds something else there.
type peer struct {
	records int
	doubted int
	broken  bool   // its sender breaks the specification
	tshark  string // "": it finds the same
}

// peers are those captures. Two hold nothing of PostgreSQL's; those of postgre and one of own begin in the middle.
var peers = map[string]peer{
	"OISF-suricata-verify/pgsql-5000-query-results.pcap":                      {records: 3},
	"OISF-suricata-verify/pgsql-5524.pcap":                                    {records: 5},
	"OISF-suricata-verify/pgsql-bug-5579.pcap":                                {records: 2},
	"OISF-suricata-verify/pgsql-bug-6080-probe-test-01.pcap":                  {},
	"OISF-suricata-verify/pgsql-cancel-request.pcap":                          {records: 3},
	"OISF-suricata-verify/pgsql-copy-data-in__TLPW-Jason-copyfrom-small.pcap": {records: 2},
	"OISF-suricata-verify/pgsql-copy-data-out.pcap":                           {records: 2},
	"OISF-suricata-verify/pgsql-events__UnknownMessage.pcap":                  {},
	"OISF-suricata-verify/pgsql-pwd-output-disabled.pcap":                     {records: 1},
	"OISF-suricata-verify/pgsql-query-keyword-01.pcap":                        {records: 4},
	"OISF-suricata-verify/pgsql-simple-query-rollback.pcap":                   {records: 23},
	"OISF-suricata-verify/pgsql-ssl-rejected-md5-auth-simple-query.pcap":      {records: 3},
	"OISF-suricata-verify/pgsql-upgrade-tls.pcap":                             {records: 2},
	"arkime-arkime/postgres-badpass.pcap":                                     {records: 1},
	"arkime-arkime/postgres-good.pcap":                                        {records: 1},
	"arkime-arkime/postgres-no-sslrequest.pcap":                               {records: 1},
	"own/p-bench-midstream.pcap.gz":                                           {records: 2734, doubted: 2734},
	"own/p-gssenc-refused.pcap.gz":                                            {records: 3},
	"own/p-md5.pcap.gz":                                                       {records: 2},
	"own/p-node-17.pcap.gz":                                                   {records: 95},
	"own/p-proto32-cancel.pcap.gz":                                            {records: 3},
	"own/p-proto32.pcap.gz":                                                   {records: 2},
	"own/p-psql18-pipeline.pcap.gz":                                           {records: 7},
	"own/p-repl-15.pcap.gz":                                                   {records: 208},
	"own/p-scram.pcap.gz":                                                     {records: 2},
	"postgre/error.pcap":                                                      {records: 1, doubted: 1},
	"postgre/prepare_stat.pcap":                                               {records: 1, doubted: 1},
	"postgre/simple_query.pcap":                                               {records: 1, doubted: 1},
	"seladb-PcapPlusPlus/postgres.pcapng":                                     {records: 1, doubted: 1},
	"zeek-zeek/bad-backend-message-1.pcap":                                    {records: 1, doubted: 1},
	"zeek-zeek/bad-startup-message-1.pcap":                                    {records: 0, tshark: "it reads an answer though the client did not begin"},
	"zeek-zeek/greenhouse-app.pcap":                                           {records: 86},
	"zeek-zeek/psql-aws-ssl-disable-15432.pcap":                               {records: 2},
	"zeek-zeek/psql-aws-ssl-disable.pcap":                                     {records: 2},
	"zeek-zeek/psql-aws-ssl-preferred.pcap":                                   {records: 1},
	"zeek-zeek/psql-aws-ssl-require-15432.pcap":                               {records: 1},
	"zeek-zeek/psql-aws-ssl-require.pcap":                                     {records: 1},
	"zeek-zeek/psql-create-insert-select-delete-drop.pcap":                    {records: 8},
	"zeek-zeek/psql-insert-fail-drop-fail.pcap":                               {records: 6},
	"zeek-zeek/psql-login-fail.pcap":                                          {records: 1},
	"zeek-zeek/psql-login-no-role.pcap":                                       {records: 1},
	"zeek-zeek/psql-login-no-sslrequest.pcap":                                 {records: 2},
	"zeek-zeek/psql-login-wrong.pcap":                                         {records: 1},
	"zeek-zeek/psql-login.pcap":                                               {records: 1},
	"zeek-zeek/psql-select-now.pcap":                                          {records: 2},
}

// tsharkTypes are tshark's names of messages that are counted.
var tsharkTypes = map[string]string{
	"Simple query": "Query", "Parse": "Parse", "Bind": "Bind", "Execute": "Execute", "Data row": "DataRow", "Command completion": "CommandComplete",
	"Error": "ErrorResponse", "Ready for query": "ReadyForQuery", "Row description": "RowDescription", "Copy data": "CopyData",
}

// TestPeers reads the captures of other projects: every message has a tree without an error; statements, their texts, errors
// and rows are those that tshark finds.
func TestPeers(t *testing.T) {
	found := 0
	for _, file := range capturetest.Files(t) {
		if !hasPostgreSQL(file) {
			continue
		}
		found++
		name := filepath.Join(filepath.Base(filepath.Dir(file)), filepath.Base(file))
		t.Run(name, func(t *testing.T) {
			want, ok := peers[name]
			if !ok {
				t.Errorf("nobody says what is in it")
			}
			got := peer{broken: want.broken, tshark: want.tshark}
			ports := map[uint16]bool{}
			ours := map[string]int{}
			for i, c := range l7test.Read(t, file) {
				e := l7.New(l7.Config{Protocols: []*l7.Protocol{postgresql.Protocol}, Want: ^uint64(0), Budget: 64 << 20}, func(r *record.Record) {
					got.records++
					ports[r.Server.Port()] = true
					if r.Doubts != 0 {
						got.doubted++
					}
				})
				c.Play(e)
				for _, m := range l7test.Messages(postgresql.Protocol, c, name, i+1) {
					var tree wire.Tree
					if c := m.Tree(postgresql.Protocol, &tree); c.Err() != nil && !want.broken {
						t.Errorf("%v: %v", m, c.Err())
					}
					for i := range tree.Fields {
						f := &tree.Fields[i]
						group := ""
						if f.Parent > 0 {
							group = tree.Name(&tree.Fields[f.Parent])
						}
						switch {
						case f.Name == "unknown" && f.Kind == wire.Octets && f.Type == nil && !want.broken:
							t.Errorf("%v: %d bytes at %d are undescribed", m, f.Len, f.Off)
						case f.Parent == 0 && f.Kind == wire.Group && slices.Contains(slices.Collect(maps.Values(tsharkTypes)), f.Name):
							ours[f.Name]++
						case f.Name == "query" && (group == "Query" || group == "Parse"):
							ours["text "+string(tree.Content(f))]++
						case f.Name == "text" && group == "code":
							ours["code "+string(tree.Content(f))]++
						}
					}
				}
			}
			if got != want {
				t.Errorf("%d records, %d with doubts; not %d, %d", got.records, got.doubted, want.records, want.doubted)
			}
			if testing.Short() {
				return
			}
			l7test.NeedTshark(t)
			theirs := readTshark(t, file, slices.Sorted(maps.Keys(ports)))
			if equal := maps.Equal(ours, theirs); equal != (want.tshark == "") {
				t.Errorf("tshark finds the same: %v, though %q", equal, want.tshark)
				for _, k := range slices.Sorted(maps.Keys(ours)) {
					if ours[k] != theirs[k] {
						t.Errorf("%d %.80q, tshark finds %d", ours[k], k, theirs[k])
					}
				}
				for _, k := range slices.Sorted(maps.Keys(theirs)) {
					if ours[k] == 0 {
						t.Errorf("no %.80q, tshark finds %d", k, theirs[k])
					}
				}
			}
		})
	}
	if found < len(peers) {
		t.Errorf("%d of %d captures are there", found, len(peers))
	}
}

// readTshark counts what tshark finds: messages of some types, texts of statements, codes of errors.
func readTshark(t *testing.T, file string, ports []uint16) map[string]int {
	t.Helper()
	args := []string{"-n", "-r", file, "-Y", "pgsql", "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=\x1f", "-E", "separator=\x1e", "-e", "pgsql.type", "-e", "pgsql.query", "-e", "pgsql.code"}
	for _, p := range ports {
		args = append(args, "-d", fmt.Sprintf("tcp.port==%d,pgsql", p))
	}
	var stderr bytes.Buffer
	cmd := exec.Command("tshark", args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil && len(out) == 0 {
		t.Fatalf("tshark: %v\n%s", err, stderr.Bytes())
	}
	list := map[string]int{}
	for line := range strings.Lines(string(out)) {
		cells := strings.Split(strings.TrimRight(line, "\n"), "\x1e")
		if len(cells) < 3 {
			continue
		}
		for v := range strings.SplitSeq(cells[0], "\x1f") {
			if name := tsharkTypes[v]; name != "" {
				list[name]++
			}
		}
		for i, what := range []string{"text ", "code "} {
			if cells[1+i] == "" {
				continue
			}
			for v := range strings.SplitSeq(cells[1+i], "\x1f") {
				list[what+strings.ReplaceAll(strings.ReplaceAll(v, `\n`, "\n"), `\t`, "\t")]++
			}
		}
	}
	return list
}
