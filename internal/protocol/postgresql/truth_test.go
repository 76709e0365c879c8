package postgresql_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/agent"
	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/l7/l7test"
	"github.com/dbtap/dbtap/internal/protocol/postgresql"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/wire"
)

// truth is one exchange as pgproto3 decoded it; captures/postgresql/pgtruth/exchange.go says what the fields mean.
type truth struct {
	Port, Packet int
	Operation    string
	SQL          string
	Statement    string
	Portal       string
	Bytes        int64
	ReplyBytes   int64
	Rows         int64
	Affected     int64
	Results      int64
	Tags         []string
	Suspended    bool
	Skipped      bool
	Unanswered   bool
	Copy         string
	Notices      []string
	Severity     string
	Code         string
	Message      string
	Txn          string
	Encoding     string
	SSL          string
	GSS          string
	Version      string
	User         string
	Database     string
	App          string `json:"application_name"`
	Method       string
	PID          int64
	Channel      string
	RowsText     [][]*string
	Parameters   map[string]string
}

// row is what a test keeps of a record.
type row struct {
	client     int
	text       map[string]string
	num        map[string]int64
	attributes map[string]string
	status     record.Status
	doubts     record.Doubts
}

func (r row) String() string {
	return fmt.Sprintf("%v %v %v %v %s", r.text, r.num, r.attributes, r.status, r.doubts.AppendNames(nil, ",", ""))
}

// rowOf copies what tests look at.
func rowOf(r *record.Record) row {
	x := row{client: int(r.Client.Port()), text: map[string]string{}, num: map[string]int64{}, attributes: map[string]string{}, status: r.Status, doubts: r.Doubts}
	for c := range record.Columns {
		col := record.Col(c)
		switch {
		case !r.Has(col) || col >= record.Protocol:
		case col < record.User:
			x.num[record.Columns[c].Name] = r.Num(col)
		default:
			x.text[record.Columns[c].Name] = strings.Clone(r.Text(col))
		}
	}
	for _, a := range r.Attributes {
		if a.Kind == record.Text {
			x.attributes[a.Name] = string(a.Text)
		} else {
			x.attributes[a.Name] = strconv.FormatInt(a.Num, 10)
		}
	}
	return x
}

func readRows(t *testing.T, values bool, files ...string) (rows []row) {
	t.Helper()
	f := agent.Files{Names: files, L7: l7.Config{Protocols: []*l7.Protocol{postgresql.Protocol}, Want: ^uint64(0), Values: values}}
	f.Row = func(r *record.Record) error {
		rows = append(rows, rowOf(r))
		return nil
	}
	if _, err := f.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestTruth compares every record of every capture with what pgproto3 makes of the same bytes.
func TestTruth(t *testing.T) {
	dir := "testdata"
	if live := os.Getenv("DBTAP_TESTDATA"); live != "" {
		dir = live // recorded just now: see scripts/live
	}
	captures, _ := filepath.Glob(filepath.Join(dir, "*.pcap.gz"))
	if len(captures) == 0 {
		t.Fatal("no captures")
	}
	for _, capture := range captures {
		name := strings.TrimSuffix(filepath.Base(capture), ".pcap.gz")
		if strings.HasPrefix(name, "tls") {
			continue // TestEncrypted
		}
		t.Run(name, func(t *testing.T) {
			rows := readRows(t, true, capture)
			apps := map[int]string{}
			for _, x := range settled(l7test.ReadTruth[truth](t, capture)) {
				i := slices.IndexFunc(rows, func(r row) bool { return matches(x, r) })
				if i < 0 {
					t.Errorf("no record of %+v", x)
					continue
				}
				compare(t, x, rows[i])
				if x.Operation == "LOGIN" {
					apps[x.Port] = x.App
				}
				if got := rows[i].text["app"]; got != apps[x.Port] {
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
func matches(x truth, r row) bool {
	if r.client != x.Port || r.num["packet"] != int64(x.Packet) {
		return false
	}
	operation := r.text["operation"]
	switch x.Operation {
	case "QUERY":
		return r.attributes["mode"] == "simple" && sameText(x, r)
	case "EXECUTE":
		return r.attributes["mode"] == "extended" && operation != "PARSE" && sameText(x, r)
	case "CALL":
		return operation == "FUNCTION CALL"
	}
	return operation == x.Operation
}

// sameText tells whether the query is that of the truth, as far as records go.
func sameText(x truth, r row) bool {
	text := r.text["query"]
	if x.Encoding == "LATIN1" {
		text = latin1(text)
	}
	return text == x.SQL || len(text) >= 16<<10-4 && strings.HasPrefix(x.SQL, text) || hidden(x.SQL, text)
}

// hidden tells whether text is sql but for literals.
func hidden(sql, text string) bool {
	const literal = `(?:\?|\d[\w.]*|[eE]?'(?:[^'\\]|''|\\.)*'|\$\$.*?\$\$)`
	return regexp.MustCompile(`(?s)^` + strings.ReplaceAll(regexp.QuoteMeta(text), `\?`, literal) + `$`).MatchString(sql)
}

// blank is what may stand before the first word of a statement.
var blank = regexp.MustCompile(`^(?:[\s;(]|--[^\n]*|(?s:/\*.*?\*/))*`)

// operationOf is the first word of a statement in capitals.
func operationOf(sql string) string {
	word := sql[len(blank.FindString(sql)):]
	return strings.ToUpper(word[:len(word)-len(strings.TrimLeft(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"))])
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

func compare(t *testing.T, x truth, r row) {
	t.Helper()
	same := func(what string, got, want any) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("packet %d (%s %.60q): %s is %v, want %v\n%v", x.Packet, x.Operation, x.SQL, what, got, want, r)
		}
	}
	if !sameText(x, r) && r.doubts&record.Malformed == 0 {
		same("query", r.text["query"], x.SQL)
	}
	if r.doubts&record.Cut != 0 && x.Unanswered {
		return // the connection ended inside the request
	}
	if extra := r.num["request_bytes"] - x.Bytes; extra < 0 || extra%5 != 0 || x.Operation == "QUERY" && x.Copy == "" && extra != 0 {
		same("request_bytes", r.num["request_bytes"], x.Bytes)
	}
	if extra := r.num["response_bytes"] - x.ReplyBytes; extra != 0 && r.doubts&record.Loss == 0 && (extra != 6 || x.Operation == "QUERY") {
		same("response_bytes", r.num["response_bytes"], x.ReplyBytes)
	}
	if r.doubts&record.Loss == 0 { // else part of one more came before the end
		same("rows", r.num["rows"], x.Rows)
	}
	same("affected", r.num["affected"], x.Affected)
	if x.Operation == "QUERY" || x.Operation == "EXECUTE" {
		compareStatement(t, x, r)
	}
	if x.Operation == "QUERY" && x.Results > 0 {
		same("results", r.attributes["results"], x.Results)
	}
	same("copy", r.attributes["copy"], x.Copy)
	same("suspended", r.attributes["suspended"] != "", x.Suspended)
	same("skipped", r.attributes["skipped"] != "", x.Skipped)
	if x.Operation == "EXECUTE" || x.Operation == "PARSE" {
		same("statement", r.attributes["statement"], x.Statement)
		same("mode", r.attributes["mode"], "extended")
	}
	if x.Operation == "EXECUTE" {
		same("portal", r.attributes["portal"], x.Portal)
	}
	if got := r.attributes["transaction"]; got != "" || x.Operation == "QUERY" {
		same("transaction", got, transactions[x.Txn])
	}
	if n := len(x.Notices); n > 0 && x.Operation != "NOTICE" {
		same("notices", r.attributes["notices"], n)
	}
	same("code", r.text["code"], x.Code)
	if x.Code != "" {
		want := x.Severity + ": " + x.Message
		if got := r.text["error"]; x.Code != "42601" && got != want && latin1(got) != want {
			same("error", got, want)
		}
		same("status", r.status == record.ClientError || r.status == record.ServerError, true)
	} else if x.Unanswered || x.Skipped {
		same("status", r.status != record.ClientError && r.status != record.ServerError, true)
	} else if x.Operation != "NOTIFY" && x.Operation != "NOTICE" && x.Operation != "PARAMETER" && x.Version != "2.0" {
		same("status", r.status, record.OK)
	}
	switch x.Operation {
	case "LOGIN":
		same("user", r.text["user"], x.User)
		same("namespace", r.text["namespace"], x.Database)
		same("version", r.text["version"], x.Version)
		method := x.Method
		if method == "trust" {
			method = ""
		}
		same("authentication", r.attributes["authentication"], method)
		fallthrough
	case "CANCEL", "NOTIFY":
		if x.PID != 0 {
			same("process_id", r.attributes["process_id"], x.PID)
		}
	}
	if x.Operation == "NOTIFY" {
		same("target", r.text["target"], x.Channel)
	}
}

// compareStatement compares what a record says of a statement with its text.
func compareStatement(t *testing.T, x truth, r row) {
	t.Helper()
	want := operationOf(x.SQL)
	if want == "" || r.doubts&record.PreparedUnseen != 0 {
		want = x.Operation
	}
	operation, target, summary := r.text["operation"], r.text["target"], r.text["summary"]
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

// simple is a statement about one table, certainly.
var simple = regexp.MustCompile(`(?i)^(?:insert into|update|delete from|select [\w, *]+ from) \w+(?: (?:set|values|where) [^()]*)?$`)

// TestEncrypted: of a connection that goes on encrypted the login is a row that says so.
func TestEncrypted(t *testing.T) {
	for _, name := range []string{"tls", "tls12", "tls-direct", "login-gss-granted"} {
		how := "tls"
		if name == "login-gss-granted" {
			how = "gss"
		}
		rows := readRows(t, false, filepath.Join("testdata", name+".pcap.gz"))
		i := slices.IndexFunc(rows, func(r row) bool {
			return r.text["operation"] == "LOGIN" && r.attributes["encryption"] == how && r.attributes["encrypted"] == "1"
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
		rows := readRows(t, false, filepath.Join("testdata", name+".pcap.gz"))
		canceled, linked := 0, 0
		for _, r := range rows {
			if r.text["code"] == "57014" && r.attributes["copy"] == "" {
				canceled++
				i := slices.IndexFunc(rows, func(c row) bool {
					return c.text["operation"] == "CANCEL" && strings.HasSuffix(r.attributes["canceled_by"], fmt.Sprint(":", c.client)) &&
						strings.HasSuffix(c.attributes["cancels"], fmt.Sprint(":", r.client))
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

// TestValues compares the values in the trees of rows with what the server prints.
func TestValues(t *testing.T) {
	compared := 0
	for _, name := range []string{"types-text", "types-binary", "types-simple", "params-text", "params-binary", "rows-small-binary", "rows-large-binary"} {
		want := map[int][][]*string{}
		for _, x := range l7test.ReadTruth[truth](t, filepath.Join("testdata", name+".pcap.gz")) {
			want[x.Port] = append(want[x.Port], x.RowsText...)
		}
		for i, c := range l7test.Read(t, filepath.Join("testdata", name+".pcap.gz")) {
			var got [][]string
			for _, m := range l7test.Messages(postgresql.Protocol, c, name, i+1) {
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
			rows := want[int(c.Flow.A.Port())]
			if len(got) != len(rows) {
				t.Errorf("%s: %d rows, want %d", name, len(got), len(rows))
				continue
			}
			for i, r := range rows {
				for j, v := range r {
					text := "NULL"
					if v != nil {
						text = *v
					}
					if compared++; j >= len(got[i]) || got[i][j] != text && named[got[i][j]] != text && text != "stock" {
						t.Errorf("%s, row %d, column %d: %.80q, want %.80q", name, i+1, j+1, got[i][min(j, len(got[i])-1)], text)
					}
				}
			}
		}
	}
	if compared < 1000 {
		t.Errorf("%d values compared", compared)
	}
}

// printed is the value of a field as psql prints it.
func printed(t *wire.Tree, f *wire.Field) string {
	switch {
	case f.Label == "true" || f.Label == "false":
		return f.Label[:1]
	case f.Kind == wire.Signed:
		return strconv.FormatInt(int64(f.Num), 10)
	case f.Kind == wire.Unsigned:
		return strconv.FormatUint(f.Num, 10)
	case f.Kind == wire.Float:
		return strconv.FormatFloat(math.Float64frombits(f.Num), 'g', -1, 64)
	case f.Kind == wire.Octets && f.Type != nil:
		return string(f.Type.Append(nil, t.Content(f)))
	}
	return string(t.Content(f))
}
