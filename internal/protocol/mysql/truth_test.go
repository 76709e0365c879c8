package mysql_test

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/dbtap/dbtap/internal/l7/l7test"
	"github.com/dbtap/dbtap/internal/protocol/mysql"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/sqltext"
	"github.com/dbtap/dbtap/internal/wire"
)

// truth is one exchange as a front before the server decoded it; captures/mysql/mysqlfront/truth.go says what the fields
// mean.
type truth struct {
	Conn, Port  uint16
	Command     string
	Statement   int64
	SQL         string
	Params      []*string
	Bulk        int
	Attributes  [][2]string
	User, DB    string
	Bytes       int64
	Replies     int
	ReplyBytes  int64
	Outcome     string
	Code        int
	State       string
	Message     string
	Results     []result
	Cursor      bool
	FileBytes   *int64
	Progress    int
	Events      int64
	Track       []string
	Server      string
	Driver, App string
	Plugins     []string
	Sha2        string
	TLS         bool
	Compression string
}

// result is one of the answers to a request: rows, or an OK.
type result struct {
	Columns  []string
	Rows     int64
	Affected *int64
	InsertID uint64
	Warnings int64
	Status   uint16
	RowsText [][]*string
}

// byPort are rows by their clients, in the order of their requests.
func byPort(rows []l7test.Row) map[uint16][]l7test.Row {
	slices.SortStableFunc(rows, func(a, b l7test.Row) int { return cmp.Compare(a.Num(record.Time), b.Num(record.Time)) })
	list := map[uint16][]l7test.Row{}
	for _, r := range rows {
		list[r.Client.Port()] = append(list[r.Client.Port()], r)
	}
	return list
}

// TestTruth compares every record of every capture with what a front before the server read.
func TestTruth(t *testing.T) {
	l7test.Truths(t, "", func(t *testing.T, capture string) {
		want := l7test.ReadTruth[truth](t, capture)
		hidden, shown := byPort(l7test.ReadRows(t, mysql.Protocol, false, capture)), byPort(l7test.ReadRows(t, mysql.Protocol, true, capture))
		long := map[uint16]truth{} // what came as long data belongs to the execution
		apps, encrypted := map[uint16]string{}, map[uint16]bool{}
		for i, x := range want {
			if x.Command == "PUSH" && x.Outcome == "ok" {
				continue // it belongs to the exchange before
			}
			if i+1 < len(want) && want[i+1].Command == "PUSH" && want[i+1].Port == x.Port && want[i+1].Outcome == "ok" {
				for _, y := range want[i+1:] {
					if y.Command != "PUSH" || y.Port != x.Port {
						break
					}
					x.ReplyBytes += y.ReplyBytes
				}
			}
			if x.Command == "COM_STMT_SEND_LONG_DATA" {
				l := long[x.Port]
				l.Bytes += x.Bytes
				long[x.Port] = l
				continue
			}
			if l, ok := long[x.Port]; ok {
				x.Bytes += l.Bytes
				delete(long, x.Port)
			}
			switch {
			case x.Command == "PART": // the beginning of a packet that did not come to its end
				continue
			case x.Command == "UNKNOWN": // X Protocol, of which bytes are counted
				var n int64
				for _, r := range hidden[x.Port] {
					n += r.Num(record.RequestBytes)
				}
				if n != x.Bytes {
					t.Errorf("port %d: %d bytes of requests, want %d", x.Port, n, x.Bytes)
				}
				delete(hidden, x.Port)
				continue
			case x.Command == "PUSH" && len(hidden[x.Port]) == 0: // the client had gone
				continue
			}
			if encrypted[x.Port] {
				continue
			}
			encrypted[x.Port] = x.TLS
			if len(hidden[x.Port]) == 0 || len(shown[x.Port]) == 0 {
				t.Errorf("no record of %+v", x)
				continue
			}
			if x.App != "" {
				apps[x.Port] = x.App
			}
			for r := hidden[x.Port][0]; r.Doubts&record.Cut != 0 && x.Command == "PUSH" && len(hidden[x.Port]) > 1; r = hidden[x.Port][0] {
				hidden[x.Port], shown[x.Port] = hidden[x.Port][1:], shown[x.Port][1:] // half a request
			}
			compare(t, x, hidden[x.Port][0], shown[x.Port][0], apps[x.Port])
			hidden[x.Port], shown[x.Port] = hidden[x.Port][1:], shown[x.Port][1:]
		}
		for _, list := range hidden {
			for _, r := range list {
				if r.Doubts&record.Cut != 0 && r.Status == record.Unanswered {
					continue // half a request, of which the front knows nothing
				}
				t.Errorf("a record of nothing: %v", r)
			}
		}
	})
}

// comparison is an exchange, its record in which values are hidden, and that in which they are shown.
type comparison struct {
	*testing.T
	truth
	r, shown l7test.Row
}

func (c *comparison) same(what string, got, want any) {
	c.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		c.Errorf("port %d, %s %.80q: %s is %v, want %v\n%.900v", c.Port, c.Command, c.SQL, what, got, want, c.r)
	}
}

// compare compares an exchange with its records.
func compare(t *testing.T, of truth, r, shown l7test.Row, app string) {
	t.Helper()
	c := &comparison{t, of, r, shown}
	x := &c.truth
	command := x.Command
	if n, err := strconv.ParseUint(x.Command, 0, 8); err == nil { // the front has no name for it
		command = r.Attribute("command")
		if x.Command = command; command == "" {
			t.Errorf("port %d: no command %#x: %v", x.Port, n, r)
		}
	}
	if !strings.HasPrefix(command, "COM_") {
		command = ""
	}
	c.same("command", r.Attribute("command"), command)
	operation := strings.TrimPrefix(x.Command, "COM_")
	switch x.Command {
	case "GREETING":
		operation = "LOGIN"
	case "PUSH":
		operation, x.User, x.DB, app = "ERROR", r.Text(record.User), r.Text(record.Namespace), r.Text(record.App)
	}
	if x.TLS {
		c.same("encrypted", r.Attribute("encrypted"), "true")
		return
	}
	switch command {
	case "COM_QUERY", "COM_STMT_PREPARE", "COM_STMT_EXECUTE", "COM_STMT_FETCH", "COM_STMT_BULK_EXECUTE":
		operation = c.statement(operation)
	case "COM_INIT_DB", "COM_FIELD_LIST", "COM_CHANGE_USER", "COM_BINLOG_DUMP":
		if command == "COM_BINLOG_DUMP" {
			n, _ := strconv.Atoi(r.Attribute("binlog_position"))
			c.same("binlog_position", n >= 4, true) // where the first event of a log is, or behind it
		}
		c.same("target", r.Text(record.Target), x.SQL)
	}
	c.same("operation", r.Text(record.Operation), operation)
	c.same("user", r.Text(record.User), x.User)
	c.same("namespace", r.Text(record.Namespace), x.DB)
	c.same("app", r.Text(record.App), app)
	if x.Command == "LOGIN" {
		c.same("driver", r.Attribute("driver"), x.Driver)
	}
	if x.Command == "LOGIN" && x.Server != "" {
		c.same("version", r.Text(record.Version), strings.TrimPrefix(x.Server, "5.5.5-"))
		if n := len(x.Plugins); n > 0 && x.Plugins[n-1] != "" {
			c.same("auth_plugin", r.Attribute("auth_plugin"), x.Plugins[n-1])
		}
	}
	if x.Command == "LOGIN" && x.Outcome == "open" {
		return // the front counts what is whole
	}
	c.same("request_bytes", r.Num(record.RequestBytes), x.Bytes)
	if x.Outcome == "open" { // the client may have gone before the front had passed everything on, in the midst of a row
		if r.Num(record.ResponseBytes) > x.ReplyBytes && r.Doubts&record.Cut == 0 {
			c.same("response_bytes", r.Num(record.ResponseBytes), x.ReplyBytes)
		}
	} else {
		c.same("response_bytes", r.Num(record.ResponseBytes), x.ReplyBytes)
	}
	if x.Statement != 0 && x.Statement != 0xFFFFFFFF {
		c.same("statement_id", r.Attribute("statement_id"), x.Statement)
	}
	if x.Replies > 0 && x.Command != "GREETING" && x.Command != "PUSH" && r.Num(record.Latency) <= 0 {
		t.Errorf("port %d, %s: no latency", x.Port, x.Command)
	}
	c.verdict()
	c.results()
	compareParameters(t, *x, shown)
}

// statement compares what records say of SQL, and returns which operation it is.
func (c *comparison) statement(operation string) string {
	c.Helper()
	x, r, shown := &c.truth, c.r, c.shown
	sql := x.SQL
	if text, ok := strings.CutPrefix(sql, "hex:"); ok { // it is not UTF-8
		b, _ := hex.DecodeString(text)
		sql = string(b)
	}
	if x.Statement == 0xFFFFFFFF && sql == "" {
		return r.Text(record.Operation) // its PREPARE failed, and yet was what it meant
	}
	if c.Command == "COM_STMT_PREPARE" {
		operation = "PREPARE"
		c.same("summary", r.Text(record.Summary), strings.TrimSpace("PREPARE "+r.Text(record.Target)))
	} else {
		operation = cmp.Or(l7test.Operation(sql), operation)
	}
	whole := int64(len(sql)) >= x.Bytes-100 && r.Doubts&record.Cut == 0 // or the truth has its beginning, or the record
	// What a backslash is the truth does not know.
	odd := strings.ContainsAny(sql, "\\`")
	if text := r.Text(record.Query); !masked(sql, text, whole) && !(odd && l7test.LessSQL(sql, text)) {
		c.same("query", text, sql)
	}
	text := shown.Text(record.Query)
	if begins, _, _ := strings.Cut(text, sqltext.Hidden); !l7test.SameSQL(sql, text) && (whole && len(text) < 16<<10-4 || !strings.HasPrefix(sql, begins) && !strings.HasPrefix(text, sql)) {
		c.same("query with values", text, sql)
	}
	return operation
}

// verdict compares how the exchange ended.
func (c *comparison) verdict() {
	c.Helper()
	x, r := &c.truth, c.r
	switch x.Outcome {
	case "ok", "oneway":
		c.same("status", r.Status, record.OK)
		c.same("code", r.Text(record.Code), "")
	case "error":
		if r.Status != record.ClientError && r.Status != record.ServerError {
			c.same("status", r.Status, "an error")
		}
		c.same("code", r.Text(record.Code), x.Code)
		c.same("sqlstate", r.Attribute("sqlstate"), x.State)
		if shown := c.shown; !strings.Contains(shown.Text(record.Query), sqltext.Hidden) { // otherwise it could quote it
			c.same("error", shown.Text(record.Error), strings.TrimSpace(x.State+" "+x.Message))
		}
	case "open":
		if x.Events > 0 { // it has no end
			c.same("status", r.Status, record.OK)
		} else if r.Status == record.OK || r.Status == record.ClientError {
			c.same("status", r.Status, "none")
		}
	}
}

// results compares what came of it.
func (c *comparison) results() {
	c.Helper()
	x, r, command := &c.truth, c.r, c.Command
	var rows, affected, id, warnings int64
	var status uint16
	changes := false
	for _, one := range x.Results {
		rows += one.Rows
		if one.Affected != nil {
			affected += *one.Affected
			changes = true
		}
		if one.InsertID != 0 {
			id = int64(one.InsertID)
		}
		warnings, status = one.Warnings, one.Status
	}
	if x.Outcome == "open" && r.Doubts&record.Cut != 0 {
		rows++ // the last one, of which the front says nothing
	}
	if x.Outcome != "open" || r.Num(record.Rows) > rows {
		c.same("rows", r.Num(record.Rows), rows)
	}
	if changes && (command == "COM_QUERY" || command == "COM_STMT_EXECUTE" || command == "COM_STMT_BULK_EXECUTE") {
		c.same("affected", r.Num(record.Affected), affected)
	}
	if x.Outcome == "ok" && len(x.Results) > 0 {
		if id != 0 {
			c.same("last_insert_id", r.Attribute("last_insert_id"), id)
		}
		if warnings != 0 {
			c.same("warnings", r.Attribute("warnings"), warnings)
		}
		if status != 0 {
			c.same("in_transaction", r.Attribute("in_transaction") == "true", status&1 != 0)
			c.same("autocommit", r.Attribute("autocommit") == "true", status&2 != 0)
		}
	}
	if n := len(x.Results); n > 1 && x.Outcome == "ok" {
		c.same("results", r.Attribute("results"), n)
	}
	c.same("parameters", r.Attribute("parameters"), "")
	c.same("cursor", r.Attribute("cursor") == "true", x.Cursor && command == "COM_STMT_EXECUTE")
	if x.Bulk > 0 {
		c.same("bulk", r.Attribute("bulk"), x.Bulk)
	}
	if x.FileBytes != nil && *x.FileBytes > 0 {
		c.same("infile_bytes", r.Attribute("infile_bytes"), *x.FileBytes)
	}
	if x.Events > 0 {
		c.same("events", r.Attribute("events"), x.Events)
	}
}

// Of SQL: what a record does not have of it that hides values, and what it has.
var (
	literals = regexp.MustCompile(`(?i)(?:\b[xbn]|\b_\w+\s*)?'(?:[^'\\]|''|\\.)*'|"(?:[^"\\]|""|\\.)*"|/\*[^!+](?s:.*?)\*/|(?:--\s|#)[^\n]*|\b(?:null|true|false|default)\b|\b\d[\w.]*(?:e-\d+)?`)
	words    = regexp.MustCompile(`[\pL_][\pL\d_$]*`)
	bare     = regexp.MustCompile(`'|(?:^|[\s(,=])\d`)
)

// masked tells whether text can be sql without its values: it has no literal, its words are there in the same order, and, if
// both are whole, none is missing.
func masked(sql, text string, whole bool) bool {
	rest := strings.ToLower(sql)
	has := map[string]bool{}
	for _, word := range words.FindAllString(strings.ToLower(text), -1) {
		_, after, ok := strings.Cut(rest, word)
		if !ok && whole {
			return false
		}
		rest, has[word] = after, true
	}
	for _, word := range words.FindAllString(strings.ToLower(literals.ReplaceAllString(sql, " ")), -1) {
		if whole && !has[word] {
			return false
		}
	}
	return !bare.MatchString(text)
}

// compareParameters compares a record's list of parameters with the values that the front saw.
func compareParameters(t *testing.T, x truth, r l7test.Row) {
	var list []any
	text := r.Attribute("parameters")
	if secret := sqltext.SecretParameters([]byte(x.SQL)); x.Command != "COM_STMT_EXECUTE" || secret || len(x.Params) == 0 || r.Doubts != 0 {
		if text != "" && x.Statement != 0xFFFFFFFF { // of which the front knows nothing if its PREPARE failed
			t.Errorf("%s %q has parameters: %s", x.Command, x.SQL, text)
		}
		return
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&list); err != nil {
		t.Errorf("%q, parameters %s: %v", x.SQL, text, err)
		return
	}
	octets := func(s, mark string) string { // that digits behind a mark are
		if digits, ok := strings.CutPrefix(s, mark); ok {
			b, _ := hex.DecodeString(digits)
			return string(b)
		}
		return s
	}
	for i, v := range x.Params {
		got, want := "none", "<nil>"
		if i < len(list) {
			got = fmt.Sprint(list[i])
		}
		if v != nil {
			want = octets(*v, "hex:")
		}
		got, cut := strings.CutSuffix(got, "…")
		if got = octets(got, "0x"); !alike(got, want) && !(cut && strings.HasPrefix(want, got)) {
			t.Errorf("%q, parameter %d: %.80q, want %.80q", x.SQL, i, got, want)
		}
	}
}

// TestHiddenParameters: parameters that may be secrets are in no record, and without --values none are.
func TestHiddenParameters(t *testing.T) {
	for sql, want := range map[string]string{
		"UPDATE t SET a = ?, b = ?":        `[-5,"swordfish-31"]`,
		"UPDATE t SET a = ?, password = ?": "",
		"SET PASSWORD = ? /* ? */":         "",
	} {
		c := logIn(usual)
		c.client(pkt(0, "\x16", sql)).server(prepareOK(1, 9, 0, 2), definition(2, "?", varString), definition(3, "?", varString), eof(4, autocommit))
		c.client(pkt(0, "\x17", u32(9), "\x00", u32(1), "\x00\x01\x01\x00\xfd\x00\xfb", text("swordfish-31"))).server(okPacket(1, 1, 0, autocommit))
		for _, values := range []bool{true, false} {
			rows := rowsOf(t, values, &c.Conversation)
			if !values {
				want = ""
			}
			check(t, sql, rows[len(rows)-1].Attribute("parameters"), want)
		}
	}
}

// TestContents compares the values in the trees of rows and of executions with what the front before the server saw, where it
// tells them.
func TestContents(t *testing.T) {
	compared := map[string]int{}
	l7test.Truths(t, "tls*", func(t *testing.T, capture string) {
		rows, bound, told := map[uint16][][]*string{}, map[uint16][][]*string{}, false
		for _, x := range l7test.ReadTruth[truth](t, capture) {
			for _, one := range x.Results {
				if int(one.Rows) != len(one.RowsText) {
					one.RowsText = make([][]*string, one.Rows) // not told
				}
				rows[x.Port] = append(rows[x.Port], one.RowsText...)
				told = told || len(one.RowsText) > 0 && one.RowsText[0] != nil
			}
			if strings.HasSuffix(x.Command, "_EXECUTE") {
				bound[x.Port] = append(bound[x.Port], x.Params)
				told = told || len(x.Params) > 0
			}
		}
		if !told || filepath.Base(capture) == "raw-metadata.pcap.gz" { // where the front does not know what rows look like either
			return
		}
		for i, c := range l7test.Read(t, capture) {
			var got [2][][]string
			for _, m := range l7test.Messages(mysql.Protocol, c, capture, i+1) {
				var tree wire.Tree
				m.Tree(mysql.Protocol, &tree)
				first := -1 // set of parameters
				for j := range tree.Fields {
					f := &tree.Fields[j]
					parent := ""
					if f.Parent >= 0 {
						parent = tree.Fields[f.Parent].Name
					}
					switch {
					case f.Name == "row" && f.Kind == wire.Group && (parent == "packet" || parent == "mysql"):
						got[0] = append(got[0], nil)
					case parent == "row" && f.Name != "header" && f.Name != "null_bitmap":
						got[0][len(got[0])-1] = append(got[0][len(got[0])-1], printed(&tree, f))
					case f.Name == "command" && strings.HasSuffix(f.Label, "_EXECUTE"):
						got[1] = append(got[1], nil)
					case parent == "parameters" && len(got[1]) > 0 && f.Kind == wire.Group:
						if first < 0 {
							first = int(f.Parent)
						}
						if int(f.Parent) == first {
							got[1][len(got[1])-1] = append(got[1][len(got[1])-1], printed(&tree, f))
						}
					}
				}
			}
			for k, want := range [][][]*string{rows[c.Flow.A.Port()], bound[c.Flow.A.Port()]} {
				what := [...]string{"row", "execution"}[k]
				if len(got[k]) != len(want) {
					t.Errorf("connection %d: %d of %s, want %d", i+1, len(got[k]), what, len(want))
					continue
				}
				for r := range want {
					for col, v := range want[r] {
						text := "NULL"
						if v != nil {
							text = *v
						}
						compared[what]++
						if col >= len(got[k][r]) || !alike(got[k][r][col], text) {
							t.Errorf("%s %d, column %d: %.80q, want %.80q", what, r+1, col+1, got[k][r][min(col, len(got[k][r])-1)], text)
						}
					}
				}
			}
		}
	})
	if t.Logf("compared: %v", compared); compared["row"] < 300 || compared["execution"] < 30 {
		t.Error("that is too little")
	}
}

// printed is the value that stands for a field as the front writes it.
func printed(tree *wire.Tree, f *wire.Field) string {
	s := l7test.Shown(tree, f)
	if v := tree.Shown(f); v != nil && v.Type != nil && (v.Type.Name == "geometry" || v.Type.Name == "vector") {
		s = string(tree.Content(v))
	}
	if !utf8.ValidString(s) {
		return fmt.Sprintf("hex:%x", s)
	}
	return s
}

// alike tells whether what is shown of a value is what the front wrote, but for four differences: the front writes large
// and small floats as Go does and not as servers do, a BIT as the bytes it is sent as, and the long data in its place; of
// long values beginnings are kept.
func alike(got, want string) bool {
	if got == want || got == "(long data)" || len(want) > 1000 && (strings.HasPrefix(got, want) || strings.HasPrefix(want, got)) {
		return true
	}
	a, err := strconv.ParseFloat(got, 64)
	b, err2 := strconv.ParseFloat(want, 64)
	if strings.Contains(want, "e") {
		return err == nil && err2 == nil && a == b
	}
	n := uint64(0)
	for _, c := range []byte(want) {
		n = n<<8 | uint64(c)
	}
	return want != "" && want[0] < ' ' && got == strconv.FormatUint(n, 10)
}
