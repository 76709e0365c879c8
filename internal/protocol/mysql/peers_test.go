package mysql_test

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/capture/capturetest"
	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/l7/l7test"
	"github.com/dbtap/dbtap/internal/protocol/mysql"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/wire"
)

// TestPeers reads the captures of other projects: every message has a tree without an error and without a byte that
// nobody described, and the texts of statements are those that tshark finds, but for the captures that say why not.
func TestPeers(t *testing.T) {
	found := 0
	for _, file := range capturetest.Files(t) {
		if !hasMySQL(file, "") && !strings.Contains(file, "colinnewell") && !strings.Contains(file, "zeek") && !strings.Contains(file, "community-id") {
			continue
		}
		name := filepath.Join(filepath.Base(filepath.Dir(file)), filepath.Base(file))
		t.Run(name, func(t *testing.T) {
			var queries []string
			var got peer
			ports := map[uint16]bool{}
			for i, c := range l7test.Read(t, file) {
				e := l7.New(l7.Config{Protocols: []*l7.Protocol{mysql.Protocol}, Want: ^uint64(0), Values: true, Budget: 64 << 20}, func(r *record.Record) {
					got.rows++
					ports[r.Server.Port()] = true
					if r.Doubts&^record.Midstream != 0 || r.Status == record.Unknown {
						got.doubted++
						t.Logf("%.300v", l7test.Row{Record: *r})
					}
				})
				c.Play(e)
				if e.Stats().Identified == 0 {
					continue
				}
				got.connections++
				for _, m := range l7test.Messages(mysql.Protocol, c, name, i+1) {
					var tree wire.Tree
					if c := m.Tree(mysql.Protocol, &tree); c.Err() != nil {
						got.broken++
						t.Logf("%v: %v", m, c.Err())
					}
					for i := range tree.Fields {
						switch f := &tree.Fields[i]; f.Name {
						case "unknown":
							t.Errorf("%v: %d bytes at %d are undescribed", m, f.Len, f.Off)
						case "query":
							if f.Kind == wire.Text && f.Len > 0 && len(tree.Bytes(f)) == f.Len {
								queries = append(queries, clear(escapes.Replace(string(tree.Content(f)))))
							}
						}
					}
				}
			}
			if got.connections == 0 {
				return
			}
			found++
			want, ok := peers[name]
			got.tshark = want.tshark
			if !ok || got != want {
				t.Errorf("%q: {connections: %d, rows: %d, doubted: %d, broken: %d}, not %+v", name, got.connections, got.rows, got.doubted, got.broken, want)
			}
			compareQueries(t, file, ports, queries, want.tshark)
		})
	}
	if found < len(peers) {
		t.Errorf("%d of %d captures are there", found, len(peers))
	}
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
	}, s)
}

// compareQueries compares texts with those that tshark finds.
func compareQueries(t *testing.T, file string, ports map[uint16]bool, ours []string, why string) {
	t.Helper()
	if testing.Short() {
		return
	}
	l7test.NeedTshark(t)
	args := []string{"-n", "-r", file, "-Y", "mysql.query", "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=\x01", "-e", "mysql.query"}
	for p := range ports {
		args = append(args, "-d", "tcp.port=="+strconv.Itoa(int(p))+",mysql")
	}
	out, err := exec.Command("tshark", args...).Output()
	if err != nil && len(out) == 0 {
		t.Fatalf("tshark: %v", err)
	}
	var theirs []string
	for line := range strings.Lines(string(out)) {
		for q := range strings.SplitSeq(strings.TrimRight(line, "\n"), "\x01") {
			if q = clear(escapes.Replace(q)); q != "" {
				theirs = append(theirs, q)
			}
		}
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	same := slices.Equal(ours, theirs)
	switch {
	case !same && why == "":
		for i := 0; i < len(ours) || i < len(theirs); i++ {
			if i >= len(ours) || i >= len(theirs) || ours[i] != theirs[i] {
				a, b := at(ours, i), at(theirs, i)
				k := 0
				for k < min(len(a), len(b)) && a[k] == b[k] {
					k++
				}
				t.Errorf("%d texts, tshark finds %d; the first other one differs at %d: %.100q, %.100q", len(ours), len(theirs), k, a[k:], b[k:])
				return
			}
		}
	case same && why != "":
		t.Errorf("tshark finds the same, though it should not: %s", why)
	}
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return "(none)"
}

// peer is what is in a capture of another project.
type peer struct {
	connections int
	rows        int
	doubted     int    // rows with doubts but for midstream, or without a verdict
	broken      int    // messages with an error
	tshark      string // why tshark finds other statements; "": it finds the same
}

// peers are those captures. Doubted are logins that go on encrypted, and requests of which packets are missing.
var peers = map[string]peer{
	"OISF-suricata-verify/community-id-sameip.pcap":              {connections: 1, rows: 18},
	"arkime-arkime/mysql-allow.pcap":                             {connections: 1, rows: 2},
	"arkime-arkime/mysql-deny.pcap":                              {connections: 1, rows: 1},
	"arkime-arkime/mysql-tls.pcap":                               {connections: 1, rows: 1, doubted: 1},
	"colinnewell-pcap2mysql-log/big-data.pcap":                   {connections: 1, rows: 10},
	"colinnewell-pcap2mysql-log/compressed-data-missing.pcap":    {connections: 1, rows: 4, doubted: 1, tshark: "a packet over several compressed frames"},
	"colinnewell-pcap2mysql-log/compressed.pcap":                 {connections: 1, rows: 3},
	"colinnewell-pcap2mysql-log/connect-fail.pcap":               {connections: 1, rows: 1},
	"colinnewell-pcap2mysql-log/date-types.pcap":                 {connections: 1, rows: 8},
	"colinnewell-pcap2mysql-log/error-uncompressed.pcap":         {connections: 1, rows: 3, doubted: 1},
	"colinnewell-pcap2mysql-log/error.pcap":                      {connections: 1, rows: 3, doubted: 1, tshark: "a packet over several compressed frames"},
	"colinnewell-pcap2mysql-log/execute.pcap":                    {connections: 3, rows: 9},
	"colinnewell-pcap2mysql-log/insecure.pcap":                   {connections: 7, rows: 33},
	"colinnewell-pcap2mysql-log/numeric-types.pcap":              {connections: 1, rows: 10},
	"colinnewell-pcap2mysql-log/type-error.pcap":                 {connections: 1, rows: 10},
	"colinnewell-pcap2mysql-log/uncompressed-data-present.pcap":  {connections: 1, rows: 4, doubted: 1},
	"mysql/171-mysql.pcap":                                       {connections: 6, rows: 390},
	"mysql/binary-in-sql.pcap":                                   {connections: 1, rows: 2, tshark: "binary data in a text"},
	"mysql/large-response.pcap":                                  {connections: 1, rows: 2},
	"mysql/mysql-compressed-response.pcap":                       {connections: 1, rows: 1, tshark: "compression joined late"},
	"mysql/mysql-database.pcap":                                  {connections: 1, rows: 6},
	"mysql/mysql-error.pcap":                                     {connections: 1, rows: 5},
	"mysql/mysql-exec.pcap":                                      {connections: 1, rows: 2},
	"mysql/mysql-login-error.pcap":                               {connections: 1, rows: 1},
	"mysql/mysql-statement-id.pcap":                              {connections: 1, rows: 1},
	"mysql/mysql-statement.pcap":                                 {connections: 7, rows: 13},
	"mysql/mysql-table-alter.pcap":                               {connections: 1, rows: 4},
	"mysql/mysql-table-create.pcap":                              {connections: 1, rows: 9},
	"mysql/mysql-table-delete.pcap":                              {connections: 1, rows: 4},
	"mysql/mysql-table-desc.pcap":                                {connections: 1, rows: 4},
	"mysql/mysql-table-destroy.pcap":                             {connections: 1, rows: 4},
	"mysql/mysql-table-insert.pcap":                              {connections: 1, rows: 4},
	"mysql/mysql-table-select.pcap":                              {connections: 1, rows: 4},
	"mysql/mysql-table-update.pcap":                              {connections: 1, rows: 4},
	"mysql/mysql-use.pcap":                                       {connections: 1, rows: 1, tshark: "query attributes where the login was not seen"},
	"mysql/mysql.pcap":                                           {connections: 1, rows: 7},
	"mysql/partial-packet-compressed.pcap":                       {connections: 1, rows: 2, tshark: "compression joined late"},
	"mysql/truncate-1024.pcap":                                   {connections: 1, rows: 4},
	"own/y-97-plain.pcap.gz":                                     {connections: 1, rows: 30},
	"own/y-97-zlib.pcap.gz":                                      {connections: 1, rows: 30, tshark: "several packets in a compressed frame, a packet in several"},
	"own/y-c-ma1011.pcap.gz":                                     {connections: 1, rows: 140},
	"own/y-ma1011-plain.pcap.gz":                                 {connections: 1, rows: 29},
	"own/y-node-27306.pcap.gz":                                   {connections: 1, rows: 74},
	"own/y-node-27310.pcap.gz":                                   {connections: 1, rows: 74},
	"seladb-PcapPlusPlus/mysql.pcapng":                           {connections: 1, rows: 1, doubted: 1},
	"zeek-zeek/auth.pcap":                                        {connections: 13, rows: 15},
	"zeek-zeek/caching_sha2_password-after-auth-switch.pcapng":   {connections: 1, rows: 6},
	"zeek-zeek/caching_sha2_password.pcap":                       {connections: 3, rows: 13},
	"zeek-zeek/change-user-error.pcap":                           {connections: 1, rows: 3},
	"zeek-zeek/change-user-success.pcap":                         {connections: 1, rows: 7},
	"zeek-zeek/encrypted.pcap":                                   {connections: 1, rows: 1, doubted: 1},
	"zeek-zeek/many-query-attrs.pcap":                            {connections: 1, rows: 44},
	"zeek-zeek/mysql-9.0.0-query-attributes.pcap":                {connections: 1, rows: 4, tshark: "query attributes of 9.0"},
	"zeek-zeek/mysql-on-port-5432.pcap":                          {connections: 1, rows: 7},
	"zeek-zeek/mysql-show-engine-innodb-status-no-password.pcap": {connections: 1, rows: 4},
	"zeek-zeek/mysql.pcap":                                       {connections: 1, rows: 18},
	"zeek-zeek/mysql8-navicat-login-failed.pcap":                 {connections: 1, rows: 1},
	"zeek-zeek/plain-amazon-rds.pcap":                            {connections: 1, rows: 4},
	"zeek-zeek/query-attr.pcap":                                  {connections: 1, rows: 4},
	"zeek-zeek/selects_with_new_proto.pcap":                      {connections: 1, rows: 6},
	"zeek-zeek/tls-12-amazon-rds.pcap":                           {connections: 1, rows: 1, doubted: 1},
	"zeek-zeek/tls-13-amazon-rds.pcap":                           {connections: 1, rows: 1, doubted: 1},
}
