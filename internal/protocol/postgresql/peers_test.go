package postgresql_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/dbtap/dbtap/internal/l7/l7test"
	"github.com/dbtap/dbtap/internal/protocol/postgresql"
	"github.com/dbtap/dbtap/internal/wire"
)

// peers are what is in captures of other projects. Two hold nothing of PostgreSQL's; those of postgre and one of own begin in
// the middle.
var peers = map[string]l7test.Peer{
	"OISF-suricata-verify/pgsql-5000-query-results.pcap":                      {Messages: 793, Rows: 3},
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
	"OISF-suricata-verify/pgsql-ssl-rejected-md5-auth-simple-query.pcap":      {Messages: 30, Rows: 3},
	"OISF-suricata-verify/pgsql-upgrade-tls.pcap":                             {Messages: 4, Rows: 2, Doubted: 1},
	"arkime-arkime/postgres-badpass.pcap":                                     {Messages: 4, Rows: 1},
	"arkime-arkime/postgres-good.pcap":                                        {Messages: 18, Rows: 1},
	"arkime-arkime/postgres-no-sslrequest.pcap":                               {Messages: 10, Rows: 1},
	"own/p-bench-midstream.pcap.gz":                                           {Messages: 15831, Rows: 2734, Doubted: 967},
	"own/p-gssenc-refused.pcap.gz":                                            {Messages: 27, Rows: 3, Doubted: 1},
	"own/p-md5.pcap.gz":                                                       {Messages: 27, Rows: 2},
	"own/p-node-17.pcap.gz":                                                   {Messages: 653, Rows: 95},
	"own/p-proto32-cancel.pcap.gz":                                            {Messages: 25, Rows: 3, Tshark: "logins of 3.2 and longer keys are unknown"},
	"own/p-proto32.pcap.gz":                                                   {Messages: 25, Rows: 2, Tshark: "logins of 3.2 are unknown"},
	"own/p-psql18-pipeline.pcap.gz":                                           {Messages: 61, Rows: 7},
	"own/p-repl-15.pcap.gz":                                                   {Messages: 2148, Rows: 208},
	"own/p-scram.pcap.gz":                                                     {Messages: 30, Rows: 2},
	"postgre/error.pcap":                                                      {Messages: 2, Rows: 1},
	"postgre/prepare_stat.pcap":                                               {Messages: 6, Rows: 1, Doubted: 1},
	"postgre/simple_query.pcap":                                               {Messages: 3, Rows: 1},
	"seladb-PcapPlusPlus/postgres.pcapng":                                     {Messages: 15, Rows: 1, Doubted: 1},
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
	"zeek-zeek/psql-login-no-sslrequest.pcap":                                 {Messages: 25, Rows: 2},
	"zeek-zeek/psql-login-wrong.pcap":                                         {Messages: 8, Rows: 1},
	"zeek-zeek/psql-login.pcap":                                               {Messages: 24, Rows: 1},
	"zeek-zeek/psql-select-now.pcap":                                          {Messages: 30, Rows: 2},
}

// tsharkTypes are tshark's names of messages. It does not know CopyBothResponse, and calls it and the byte that answers an
// SSLRequest unknown.
var tsharkTypes = map[string]string{
	"Startup message": "StartupMessage", "SSL request": "SSLRequest", "GSS encrypt request": "GSSENCRequest", "Cancel request": "CancelRequest",
	"Authentication request": "Authentication", "Password message": "PasswordMessage", "SASLInitialResponse message": "SASLInitialResponse",
	"SASLResponse message": "SASLResponse", "Backend key data": "BackendKeyData", "Parameter status": "ParameterStatus",
	"Negotiate protocol version": "NegotiateProtocolVersion", "Termination": "Terminate",
	"Simple query": "Query", "Parse": "Parse", "Bind": "Bind", "Describe": "Describe", "Execute": "Execute", "Close": "Close", "Flush": "Flush",
	"Sync": "Sync", "Parse completion": "ParseComplete", "Bind completion": "BindComplete", "Close completion": "CloseComplete",
	"Parameter description": "ParameterDescription", "Row description": "RowDescription", "No data": "NoData", "Data row": "DataRow",
	"Portal suspended": "PortalSuspended", "Command completion": "CommandComplete", "Empty query": "EmptyQueryResponse",
	"Ready for query": "ReadyForQuery", "Error": "ErrorResponse", "Notice": "NoticeResponse", "Notification": "NotificationResponse",
	"Function call": "FunctionCall", "Function call response": "FunctionCallResponse", "Copy data": "CopyData",
	"Copy completion": "CopyDone", "Copy failure": "CopyFail", "CopyIn response": "CopyInResponse", "CopyOut response": "CopyOutResponse",
}

// asTshark is text as tshark writes it: tabs and ends of lines escaped, and a mark for every byte that is not ASCII.
func asTshark(text []byte) string {
	var s strings.Builder
	for _, x := range text {
		switch {
		case x == '\n':
			s.WriteString(`\n`)
		case x == '\t':
			s.WriteString(`\t`)
		case x >= utf8.RuneSelf:
			s.WriteRune(utf8.RuneError)
		default:
			s.WriteByte(x)
		}
	}
	return s.String()
}

// shared are the fields whose values are compared with tshark's, by its name, which filters take for the same fields.
var shared = []string{"pgsql.code", "pgsql.col.name", "pgsql.pid", "pgsql.portal", "pgsql.query", "pgsql.routine", "pgsql.severity", "pgsql.statement", "pgsql.tag"}

// ours are the messages of a tree and the shared fields; of theirs those that tshark finds in a capture.
func ours(_ *l7test.Message, tree *wire.Tree) (list []string) {
	types := slices.Collect(maps.Values(tsharkTypes))
	for i := range tree.Fields {
		f := &tree.Fields[i]
		if f.Parent == 0 && f.Kind == wire.Group && slices.Contains(types, tree.Name(f)) {
			list = append(list, tree.Name(f))
		}
		if f.Kind == wire.Group {
			continue
		}
		path, group := pathOf(tree, f), ""
		if path == "postgresql.Describe.name" || path == "postgresql.Close.name" { // of neither kind: tshark says statement
			path = "postgresql.Parse.statement"
		}
		if g := &tree.Fields[max(f.Parent, 0)]; tree.Shown(g) == f {
			group = pathOf(tree, g) // which it stands for
		}
		for _, name := range shared {
			if list := postgresql.Protocol.Aliases[name]; !slices.Contains(list, path) && !slices.Contains(list, group) {
				continue
			}
			if text := tree.Content(f); f.Kind != wire.Text {
				list = append(list, fmt.Sprint(name, " ", f.Num))
			} else if len(text) > 0 {
				list = append(list, name+" "+asTshark(text))
			}
		}
	}
	return list
}

// pathOf is what filters call a field.
func pathOf(tree *wire.Tree, f *wire.Field) (path string) {
	for {
		if !f.Index {
			path = "." + tree.Name(f) + path
		}
		if f.Parent < 0 {
			return path[1:]
		}
		f = &tree.Fields[f.Parent]
	}
}

func theirs(t *testing.T, file string, ports []uint16) (list []string) {
	names := append([]string{"pgsql.type"}, shared...)
	for _, packet := range l7test.ReadTshark(t, file, "pgsql", ports, names...) {
		for i, values := range packet {
			for _, v := range values {
				if i > 0 && v != "" { // it does not always print what is empty
					list = append(list, names[i]+" "+v)
				} else if name := tsharkTypes[v]; name != "" {
					list = append(list, name)
				}
			}
		}
	}
	return list
}

// TestPeers reads the captures of other projects: messages, texts of statements, tags, columns and codes of errors are those
// that tshark finds.
func TestPeers(t *testing.T) {
	l7test.Peers(t, postgresql.Protocol, peers, hasPostgreSQL, ours, theirs)
}

// wrong says why tshark finds something else in captures of testdata.
var wrong = map[string]string{
	"basebackup":       "a CopyData message is missing",
	"cancel32":         "logins of 3.2 and longer keys are unknown",
	"login-32":         "logins of 3.2 are unknown",
	"login-gss-error":  "the error that answers a GSSENCRequest is unknown",
	"login-half":       "logins of 3.2 are unknown",
	"login-negotiate":  "logins of 3.9999 are unknown",
	"login-options":    "logins of 3.9999 are unknown",
	"login-options-18": "logins of 3.9999 are unknown",
	"login-psql18":     "logins of 3.2 are unknown",
	"login-ssl-error":  "the error that answers an SSLRequest is unknown",
	"login-v2":         "2.0 is unknown",
	"login-v4":         "4.0 is unknown",
	"reset":            "the row in which the connection ends is missing",
}

// counted counts the messages of a conversation in the plainest way: by the names that ours gives them, those without a type as
// one.
func counted(c *l7test.Conversation) (n int) {
	var sent [2][]byte
	for _, ch := range c.Chunks {
		sent[ch.Dir] = append(sent[ch.Dir], ch.Data...)
	}
	for _, b := range sent {
		for ; len(b) > 4; n++ {
			size := 1 + int(binary.BigEndian.Uint32(b[1:]))
			switch {
			case b[0] == 0:
				size = int(binary.BigEndian.Uint32(b))
			case b[0] == 'E' && b[1] != 0:
				size = 1 + bytes.IndexByte(b, 0)
			case b[1] != 0:
				size, n = 1, n-1 // the answer to an SSLRequest or a GSSENCRequest
			}
			b = b[min(size, len(b)):]
		}
	}
	return n
}

// TestTshark compares the captures of testdata with tshark in the same way. Where that is wrong messages are counted.
func TestTshark(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: with -short nothing is compared with tshark")
	}
	l7test.Need(t, "tshark")
	captures, _ := filepath.Glob("testdata/*.pcap.gz")
	compared := 0
	for _, capture := range captures {
		name := strings.TrimSuffix(filepath.Base(capture), ".pcap.gz")
		var list []string
		ports := map[uint16]bool{}
		messages := 0
		for i, c := range l7test.Read(t, capture) {
			ports[c.Flow.B.Port()] = true
			for _, m := range l7test.Messages(postgresql.Protocol, c, name, i+1) {
				var tree wire.Tree
				m.Tree(postgresql.Protocol, &tree)
				list = append(list, ours(m, &tree)...)
			}
			messages += counted(c)
		}
		compared += len(list)
		if wrong[name] != "" {
			n := 0
			for _, s := range list {
				if !strings.Contains(s, " ") {
					n++
				}
			}
			if n != messages {
				t.Errorf("%s: %d messages, not %d", name, n, messages)
			}
		}
		found := theirs(t, capture, slices.Sorted(maps.Keys(ports)))
		slices.Sort(list)
		slices.Sort(found)
		if same := slices.Equal(list, found); same != (wrong[name] == "") {
			t.Errorf("%s: tshark finds the same: %v, though %q", name, same, wrong[name])
			count := map[string]int{}
			for _, s := range list {
				count[s]++
			}
			for _, s := range found {
				if count[s]--; count[s] == 0 {
					delete(count, s)
				}
			}
			t.Logf("more than tshark, or less: %.1000s", fmt.Sprint(count))
		}
	}
	if compared < 50000 {
		t.Errorf("%d values are compared", compared)
	}
}
