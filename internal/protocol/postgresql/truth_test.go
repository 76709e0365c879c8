package postgresql_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/l7/l7test"
	"github.com/dbtap/dbtap/internal/protocol/postgresql"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/sqltext"
	"github.com/dbtap/dbtap/internal/wire"
)

// truth is one exchange as pgproto3 decoded it; captures/postgresql/pgtruth/exchange.go says what the fields mean.
type truth struct {
	Port       uint16
	Packet     int
	Operation  string
	SQL        string
	Statement  string
	Portal     string
	Bytes      int64
	ReplyBytes int64
	Rows       int64
	Affected   int64
	Results    int64
	Tags       []string
	Params     int
	Suspended  bool
	Skipped    bool
	Unanswered bool
	Copy       string
	Notices    []string
	Severity   string
	Code       string
	Message    string
	Txn        string
	Encoding   string
	SSL        string
	GSS        string
	Version    string
	User       string
	Database   string
	App        string `json:"application_name"`
	Method     string
	PID        int64
	Channel    string
	RowsText   [][]*string
	Parameters map[string]string
}

// TestTruth compares every record of every capture with what pgproto3 makes of the same bytes.
func TestTruth(t *testing.T) {
	l7test.Truths(t, "tls*", func(t *testing.T, capture string) {
		rows := l7test.ReadRows(t, postgresql.Protocol, true, capture)
		apps := map[uint16]string{}
		for _, x := range settled(l7test.ReadTruth[truth](t, capture)) {
			i := slices.IndexFunc(rows, func(r l7test.Row) bool { return matches(x, r) })
			if i < 0 {
				t.Errorf("no record of %+v", x)
				continue
			}
			compare(t, x, rows[i])
			if x.Operation == "LOGIN" {
				apps[x.Port] = x.App
			}
			if got := rows[i].Text(record.App); got != apps[x.Port] {
				t.Errorf("packet %d (%s): app is %q, want %q", x.Packet, x.Operation, got, apps[x.Port])
			}
			if name, ok := x.Parameters["application_name"]; ok {
				apps[x.Port] = name
			}
			rows = slices.Delete(rows, i, i+1)
		}
		for _, r := range rows {
			t.Errorf("a record of nothing: %v", r)
		}
	})
}

// settled is the truth as records tell it. An error in answer to a Sync, of a commit, is told by the last exchange before it.
// What is no message of the protocol has no record, but its answer has.
func settled(list []truth) (out []truth) {
	for _, x := range list {
		switch {
		case x.Operation == "SYNC":
			i := len(out) - 1
			for out[i].Port != x.Port {
				i--
			}
			out[i].Code, out[i].Severity, out[i].Message = x.Code, x.Severity, x.Message
			out[i].ReplyBytes += x.ReplyBytes
			continue
		case x.Operation == "UNKNOWN" && x.Code == "":
			continue
		case x.Operation == "UNKNOWN":
			x.Operation, x.Packet, x.Bytes = "ERROR", x.Packet+1, 0
		}
		out = append(out, x)
	}
	return out
}

// matches tells whether r can be the record of x: what begins in the same packet and asks the same.
func matches(x truth, r l7test.Row) bool {
	if r.Client.Port() != x.Port || r.Num(record.Packet) != int64(x.Packet) {
		return false
	}
	operation := r.Text(record.Operation)
	switch x.Operation {
	case "QUERY":
		return r.Attribute("mode") == "simple" && sameText(x, r)
	case "EXECUTE":
		return r.Attribute("mode") == "extended" && operation != "PARSE" && sameText(x, r)
	case "CALL":
		return operation == "FUNCTION CALL"
	}
	return operation == x.Operation
}

// sameText tells whether the query is that of the truth, as far as records go.
func sameText(x truth, r l7test.Row) bool {
	text := r.Text(record.Query)
	if x.Encoding == "LATIN1" {
		text = latin1(text)
	}
	return len(text) >= 16<<10-4 && strings.HasPrefix(x.SQL, text) || l7test.SameSQL(x.SQL, text)
}

// targets are words that a table's name may stand behind.
var targets = regexp.MustCompile(`(?i)\b(?:into|update|from|table(?: if(?: not)? exists)?|view|index on|copy|truncate|vacuum|analyze)\s+("[^"]+"|[\pL\d_.]+)`)

func latin1(s string) string {
	r := make([]rune, len(s))
	for i := range len(s) {
		r[i] = rune(s[i])
	}
	return string(r)
}

var transactions = map[string]string{"I": "idle", "T": "in_transaction", "E": "failed"}

func compare(t *testing.T, x truth, r l7test.Row) {
	t.Helper()
	same := func(what string, got, want any) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("packet %d (%s %.60q): %s is %v, want %v\n%v", x.Packet, x.Operation, x.SQL, what, got, want, r)
		}
	}
	if !sameText(x, r) && r.Doubts&record.Malformed == 0 {
		same("query", r.Text(record.Query), x.SQL)
	}
	if r.Doubts&record.Cut != 0 && x.Unanswered {
		return // the connection ended inside the request
	}
	if extra := r.Num(record.RequestBytes) - x.Bytes; extra < 0 || extra%5 != 0 || x.Operation == "QUERY" && x.Copy == "" && extra != 0 {
		same("request_bytes", r.Num(record.RequestBytes), x.Bytes)
	}
	if extra := r.Num(record.ResponseBytes) - x.ReplyBytes; extra != 0 && r.Doubts&record.Cut == 0 && (extra != 6 || x.Operation == "QUERY") {
		same("response_bytes", r.Num(record.ResponseBytes), x.ReplyBytes)
	}
	for i, sql := range strings.Split(x.SQL, ";")[:min(len(x.Tags), 1+strings.Count(x.SQL, ";"))] {
		var n int64 // rows that were written
		if copiesIn.MatchString(sql) {
			fmt.Sscanf(x.Tags[i], "COPY %d", &n)
		}
		x.Rows, x.Affected = x.Rows-n, x.Affected+n
	}
	if r.Doubts&record.Cut == 0 { // else part of one more came before the end
		same("rows", r.Num(record.Rows), x.Rows)
	}
	same("affected", r.Num(record.Affected), x.Affected)
	if x.Operation == "QUERY" || x.Operation == "EXECUTE" {
		compareStatement(t, x, r)
	}
	var list []any
	if text := r.Attribute("parameters"); text != "" && json.Unmarshal([]byte(text), &list) != nil {
		t.Errorf("parameters %s", text)
	}
	switch {
	case sqltext.SecretParameters([]byte(x.SQL)), x.SQL == "": // they may be secrets
		same("parameters", len(list), 0)
	case len(list) == 0 && (x.Portal != "" || x.Skipped): // an earlier Execute of the portal has them
	case x.Params == 0 && (x.Code != "" || x.Skipped): // the server did not look at them
	default:
		same("parameters", len(list), x.Params)
	}
	if x.Operation == "QUERY" && x.Results > 0 {
		same("results", r.Attribute("results"), x.Results)
	}
	same("copy", r.Attribute("copy"), x.Copy)
	same("suspended", r.Attribute("suspended") != "", x.Suspended)
	same("skipped", r.Attribute("skipped") != "", x.Skipped)
	if x.Operation == "EXECUTE" || x.Operation == "PARSE" {
		same("statement", r.Attribute("statement"), x.Statement)
		same("mode", r.Attribute("mode"), "extended")
	}
	if x.Operation == "EXECUTE" {
		same("portal", r.Attribute("portal"), x.Portal)
	}
	if got := r.Attribute("transaction"); got != "" || x.Operation == "QUERY" {
		same("transaction", got, transactions[x.Txn])
	}
	if n := len(x.Notices); n > 0 && x.Operation != "NOTICE" {
		same("notices", r.Attribute("notices"), n)
	}
	same("code", r.Text(record.Code), x.Code)
	if x.Code != "" {
		want := x.Severity + ": " + x.Message
		if got := r.Text(record.Error); x.Code != "42601" && got != want && latin1(got) != want {
			same("error", got, want)
		}
		same("status", r.Status == record.ClientError || r.Status == record.ServerError, true)
	} else if x.Unanswered || x.Skipped {
		same("status", r.Status != record.ClientError && r.Status != record.ServerError, true)
	} else if x.Operation != "NOTIFY" && x.Operation != "NOTICE" && x.Operation != "PARAMETER" && x.Version != "2.0" {
		same("status", r.Status, record.OK)
	}
	switch x.Operation {
	case "LOGIN":
		same("user", r.Text(record.User), x.User)
		same("namespace", r.Text(record.Namespace), x.Database)
		same("version", r.Text(record.Version), x.Version)
		method := x.Method
		if method == "trust" {
			method = ""
		}
		same("authentication", r.Attribute("authentication"), method)
		fallthrough
	case "CANCEL", "NOTIFY":
		if x.PID != 0 {
			same("process_id", r.Attribute("process_id"), x.PID)
		}
	}
	if x.Operation == "NOTIFY" {
		same("target", r.Text(record.Target), x.Channel)
	}
}

// compareStatement compares what a record says of a statement with its text.
func compareStatement(t *testing.T, x truth, r l7test.Row) {
	t.Helper()
	want := l7test.Operation(x.SQL)
	if want == "" || r.Doubts&record.PreparedUnseen != 0 {
		want = x.Operation
	}
	operation, target, summary := r.Text(record.Operation), r.Text(record.Target), r.Text(record.Summary)
	if x.Encoding == "LATIN1" {
		target, summary = latin1(target), latin1(summary)
	}
	if operation != want {
		t.Errorf("packet %d (%.60q): the operation is %s, not %s", x.Packet, x.SQL, operation, want)
	}
	var found []string
	for _, m := range targets.FindAllStringSubmatch(x.SQL, -1) {
		found = append(found, strings.Trim(m[1], `"`))
	}
	if target != "" && !slices.Contains(found, target) || target == "" && simple.MatchString(x.SQL) {
		t.Errorf("packet %d (%.60q): the target is %q, not of %q", x.Packet, x.SQL, target, found)
	}
	if simple.MatchString(x.SQL) && summary != operation+" "+target {
		t.Errorf("packet %d (%.60q): the summary is %q", x.Packet, x.SQL, summary)
	}
	rest := strings.ToLower(x.SQL)
	for word := range strings.FieldsSeq(strings.ToLower(summary)) {
		_, after, ok := strings.Cut(rest, word)
		if !ok && operation != x.Operation || !strings.HasPrefix(summary, operation) {
			t.Errorf("packet %d (%.60q): the summary is %q", x.Packet, x.SQL, summary)
			break
		}
		rest = after
	}
}

// copiesIn is a COPY of the client's data.
var copiesIn = regexp.MustCompile(`(?i)^\s*copy .*\bfrom\s+stdin`)

// simple is a statement about one table, certainly.
var simple = regexp.MustCompile(`(?i)^(?:insert into|update|delete from|select [\w, *]+ from) \w+(?: (?:set|values|where) [^()]*)?$`)

// TestEncrypted: of a connection that goes on encrypted the login is a row that says so.
func TestEncrypted(t *testing.T) {
	for _, name := range []string{"tls", "tls12", "tls-direct", "login-gss-granted"} {
		how := "tls"
		if name == "login-gss-granted" {
			how = "gss"
		}
		rows := l7test.ReadRows(t, postgresql.Protocol, false, filepath.Join("testdata", name+".pcap.gz"))
		i := slices.IndexFunc(rows, func(r l7test.Row) bool {
			return r.Text(record.Operation) == "LOGIN" && r.Attribute("encryption") == how && r.Attribute("encrypted") == "true"
		})
		if i < 0 {
			t.Errorf("%s: %v", name, rows)
		}
	}
}

// TestCancel: a cancel request and the query that it canceled know of each other; a query that ran into its time limit has the
// same SQLSTATE, and knows of nobody.
func TestCancel(t *testing.T) {
	for _, name := range []string{"cancel", "cancel32", "timeout"} {
		rows := l7test.ReadRows(t, postgresql.Protocol, false, filepath.Join("testdata", name+".pcap.gz"))
		canceled, linked := 0, 0
		for _, r := range rows {
			if r.Text(record.Code) == "57014" && r.Attribute("copy") == "" {
				canceled++
				i := slices.IndexFunc(rows, func(c l7test.Row) bool {
					return c.Text(record.Operation) == "CANCEL" && strings.HasSuffix(r.Attribute("canceled_by"), fmt.Sprint(":", c.Client.Port())) &&
						strings.HasSuffix(c.Attribute("cancels"), fmt.Sprint(":", r.Client.Port()))
				})
				if i >= 0 {
					linked++
				}
			}
		}
		if want := canceled; canceled == 0 || name == "timeout" && linked != 0 || name != "timeout" && linked != want {
			t.Errorf("%s: %d queries were canceled, %d know by whom", name, canceled, linked)
		}
	}
}

// named are OIDs that came in binary, which the server prints as names of its catalog: regclass, regtype, regproc. That of the
// table stock is another in each recording.
var named = map[string]string{"1259": "pg_class", "23": "integer", "1184": "timestamp with time zone", "1299": "now"}

// TestValues compares the values in the trees of rows with what the server prints, where it was asked.
func TestValues(t *testing.T) {
	compared := 0
	l7test.Truths(t, "tls*", func(t *testing.T, capture string) {
		want, told := map[uint16][][]*string{}, false
		for _, x := range l7test.ReadTruth[truth](t, capture) {
			want[x.Port] = append(want[x.Port], x.RowsText...)
			told = told || len(x.RowsText) > 0
		}
		if !told {
			return
		}
		for i, c := range l7test.Read(t, capture) {
			var got [][]string
			for _, m := range l7test.Messages(postgresql.Protocol, c, capture, i+1) {
				var tree wire.Tree
				m.Tree(postgresql.Protocol, &tree)
				for i := range tree.Fields {
					f := &tree.Fields[i]
					if f.Parent == 0 && f.Name == "DataRow" {
						got = append(got, nil)
					} else if f.Parent > 0 && tree.Fields[f.Parent].Name == "DataRow" && !f.Detail {
						got[len(got)-1] = append(got[len(got)-1], printed(&tree, f))
					}
				}
			}
			rows := want[c.Flow.A.Port()]
			if len(got) != len(rows) {
				t.Errorf("%d rows, want %d", len(got), len(rows))
				continue
			}
			for i, r := range rows {
				for j, v := range r {
					text := "NULL"
					if v != nil {
						text = *v
					}
					if compared++; j >= len(got[i]) || got[i][j] != text && named[got[i][j]] != text && text != "stock" {
						t.Errorf("row %d, column %d: %.80q, want %.80q", i+1, j+1, got[i][min(j, len(got[i])-1)], text)
					}
				}
			}
		}
	})
	if t.Logf("%d values compared", compared); compared < 1000 {
		t.Error("that is too little")
	}
}

// printed is the value of a field as psql prints it.
func printed(t *wire.Tree, f *wire.Field) string {
	if f.Label == "true" || f.Label == "false" {
		return f.Label[:1]
	}
	return l7test.Shown(t, f)
}
