package filter

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/dbtap/dbtap/internal/record"
)

var options = Options{
	Protocols: []string{"mongodb", "mysql", "postgresql", "kafka"},
	Aliases: map[string][]string{
		"mongodb.opcode":         {"mongodb.opCode"},
		"mongodb.message_length": {"mongodb.messageLength"},
		"mongodb.body.old":       {"mongodb.body.filter.age"},
		"mongo.opcode":           {"mongodb.opCode"}, // as others call the protocol
		"mongo.name":             {"mongodb.body.filter.name", "mongodb.body.filter.age"},
		"pgsql.val.data":         {"postgresql.DataRow"},
	},
}

func compile(t testing.TB, expr string) *Filter {
	t.Helper()
	f, err := Compile(expr, options)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	return f
}

// sample is a failed insert with a fact of every kind.
func sample() *record.Record {
	r := &record.Record{
		Protocol: "mysql", Status: record.ClientError, Source: record.FromTLS, Doubts: record.Loss | record.Cut,
		Client: netip.MustParseAddrPort("10.1.2.3:40000"), Server: netip.MustParseAddrPort("[fe80::1]:3306"),
	}
	r.Set(record.Time, time.Date(2025, 12, 31, 23, 59, 59, 5e8, time.UTC).UnixNano())
	r.Set(record.Latency, 12_345_678)
	r.Set(record.Rows, 0)
	r.Set(record.RequestBytes, 64<<10)
	r.Set(record.Fingerprint, -1)
	r.SetText(record.Operation, "INSERT")
	r.SetText(record.Query, "INSERT INTO users VALUES (?, 'a\"b')\n")
	r.SetText(record.Code, "1062")
	r.SetText(record.Version, "8.0")
	r.Attributes = append(r.Attributes, record.Attribute{Name: "cursor_id", Kind: record.Count, Num: 5})
	r.Attributes = append(r.Attributes, record.Attribute{Name: "exhaust", Kind: record.Flag, Num: 1})
	r.Attributes = append(r.Attributes, record.Attribute{Name: "off", Kind: record.Flag, Num: 0})
	r.Attributes = append(r.Attributes, record.Attribute{Name: "queued", Kind: record.Duration, Num: 3_000_000})
	r.Attributes = append(r.Attributes,
		record.Attribute{Name: "command", Kind: record.Text, Text: []byte("COM_QUERY")},
		record.Attribute{Name: "topics", Kind: record.JSON, Text: []byte(
			`[{"name":"orders","partitions":[3,4.5],"odd name":null,"in":true},{"name":"caf\u00e9 \ud83d\ude00\n\"q\"","partitions":[]}]`)},
		record.Attribute{Name: "broken", Kind: record.JSON, Text: []byte(`{"a":[1,{"b`)})
	return r
}

func TestRow(t *testing.T) {
	for _, c := range []struct {
		expr string
		want bool
	}{
		{"", true},
		{"latency > 10ms", true},
		{"latency>10ms", true},
		{"latency < 12.345678ms", false},
		{"latency <= 12345678ns and latency ge 12345.678us", true},
		{"latency == 12345.678µs", true},
		{"latency != 0", true},
		{"latency in (1s, 12.345678ms)", true},
		{"latency", true},
		{"wait", false},
		{"wait > 0", false},
		{"wait != 0", false},
		{"!(wait == 0)", true},
		{"rows", true},
		{"rows == 0x0", true},
		{"affected == 0", false},
		{"request_bytes == 64KiB", true},
		{"request_bytes == 65.536kB", true},
		{"request_bytes > 0.1mb", false},
		{"response_bytes == 0", true}, // always there
		{"fingerprint == ffffffffffffffff", true},
		{"fingerprint == 0x00000000000000ff", false},
		{"fingerprint != 00000000000000ff", true},
		{"time > 2025-12-31", true},
		{"time > 2026-01-01", false},
		{"time >= 2025-12-31T23:59:59.5Z && time < 2025-12-31T23:59:59.500000001Z", true},
		{"time == '2026-01-01T00:59:59.5+01:00'", true},
		{"operation == INSERT", true},
		{"operation == insert", false},
		{"operation eq 'INSERT'", true},
		{"operation lt J and operation gt I", true},
		{"operation in {find INSERT}", true},
		{"user == ''", false}, // absent
		{"user != root", false},
		{"!user", true},
		{"target matches '.*'", false},
		{`query contains "a\"b"`, true},
		{`query contains 'a"b'`, true},
		{`query contains "\n"`, true},
		{`query matches "(?i)^insert into \w+"`, true},
		{`query matches 'a\"b'`, true},
		{`query matches ^INSERT`, true},
		{"code == 1062", true},
		{"code == '1062'", true},
		{"code == 01062", false},
		{"code >= 400", true},
		{"code >= '400'", false}, // of texts
		{"code in (1, 1062)", true},
		{"version > 5.7", true},
		{"operation > 5", false},
		{"protocol == mysql", true},
		{"mysql", true},
		{"mongodb", false},
		{"protocol in (mongodb, kafka)", false},
		{"protocol contains sql", true},
		{"protocol matches '^my|^post'", true},
		{"status == client_error", true},
		{"status != ok", true},
		{"status in (ok, timeout)", false},
		{"status contains error", true},
		{"status matches ^server", false},
		{"source == tls", true},
		{"doubts", true},
		{"doubts == loss", true},
		{"doubts contains cut", true},
		{"doubts == checksum", false},
		{"doubts != loss", true}, // cut is not
		{"doubts in (checksum, cut)", true},
		{"doubts matches '^l'", true},
		{"client == 10.1.2.3", true},
		{"client == 10.1.2.3:40000", true},
		{"client == 10.1.2.3:40001", false},
		{"client == ::ffff:10.1.2.3", true},
		{"client == :40000", true},
		{"client != 10.1.2.4", true},
		{"client in 10.0.0.0/8", true},
		{"client == 10.0.0.0/8", true},
		{"client != 10.0.0.0/8", false},
		{"client in (192.168.0.0/16, 10.1.2.3)", true},
		{"server == fe80::1", true},
		{"server == [fe80::1]", true},
		{"server == [fe80::1]:3306", true},
		{"server in fe80::/10", true},
		{"server in 0.0.0.0/0", false},
		{"client && server && protocol && time && status", true},
		{"attributes", true},
		{"attributes.cursor_id", true},
		{"attributes.cursor_id == 5", true},
		{"attributes.cursor_id > 4.5", true},
		{"attributes.cursor_id in (1, 5)", true},
		{"attributes.cursor_id == five", false},
		{"attributes.none", false},
		{"attributes.none != 5", false},
		{"attributes.exhaust", true},
		{"attributes.exhaust == true", true},
		{"attributes.exhaust == 1", true},
		{"attributes.exhaust == false", false},
		{"attributes.off", false},
		{"attributes.queued >= 3ms", true},
		{"attributes.queued > 3ms", false},
		{"attributes.command == COM_QUERY", true},
		{"attributes.command.x", false},
		{"attributes.topics", true},
		{"attributes.topics.name == orders", true},
		{"attributes.topics.name == order", false},
		{"attributes.topics.0.name == orders", true},
		{"attributes.topics.1.name == orders", false},
		{"attributes.topics.2", false},
		{`attributes.topics.name == "caf\u00e9 😀\n\"q\""`, true},
		{"attributes.topics.partitions == 3", true},
		{"attributes.topics.partitions.1 == 4.5", true},
		{"attributes.topics.partitions > 4.5", false},
		{`attributes.topics."odd name" == null`, true},
		{"attributes.topics.in == true", true},
		{"attributes.topics.partitions", true},
		{"attributes.topics.name.x", false},
		{"attributes.broken.a == 1", true},
		{"attributes.broken.a.b == 1", false},
		{"latency > 1s || rows == 0 && status == ok", false},
		{"(latency > 1s || rows == 0) && status == client_error", true},
		{"not latency > 1s and not error", true},
		{"!!latency", true},
		{"NOT error AND code IN (1062)", true},
		{"mongodb.body.x == 1 || latency > 10ms", true},
		{"mongodb.body.x == 1", false}, // of another protocol
	} {
		f := compile(t, c.expr)
		if got := f.Row(sample()); got != tri(c.want) {
			t.Errorf("%s: %d, want %v", c.expr, got, c.want)
		}
		again := compile(t, f.String())
		if again.String() != f.String() {
			t.Errorf("%s: spelled %s, then %s", c.expr, f, again)
		}
		if got := again.Row(sample()); got != tri(c.want) {
			t.Errorf("%s, spelled %s: %d, want %v", c.expr, f, got, c.want)
		}
	}
}

// TestFolded: what finds nothing only because of its case is named.
func TestFolded(t *testing.T) {
	for expr, want := range map[string]string{
		"operation == Insert":               "operation == Insert",
		"operation in (select, 'Insert')":   "operation in (select, Insert)",
		"operation == select || rows == 77": "",
		"operation != Insert && user == me": "",
		"attributes.command == com_query":   "attributes.command == com_query",
	} {
		f := compile(t, expr)
		f.Row(sample())
		if got := strings.Join(f.Folded(), ", "); got != want {
			t.Errorf("%s: %q", expr, got)
		}
	}
}

// TestErrors looks at what users see: the expression, the caret, the message.
func TestErrors(t *testing.T) {
	for _, c := range []struct{ caret, msg string }{
		{"latncy > 10ms\n^", `unknown column "latncy"; did you mean "latency"?`},
		{"latency > 10\n          ^", "latency is a duration: write 10ms"},
		{"latency contains x\n                 ^", "latency is a duration: contains does not suit it"},
		{"rows > many\n       ^", "rows is a number: write a whole number"},
		{"rows > 1MB\n       ^", "rows is a number: write a whole number"},
		{"request_bytes > 1ms\n                ^", "request_bytes is a size in bytes: write 1000, 64KiB or 1MB"},
		{"request_bytes > 99999999TB\n                ^", "request_bytes is a size in bytes: write 1000, 64KiB or 1MB"},
		{"time > noon\n       ^", "time is a time: write 2025-12-31T23:59:59Z"},
		{"fingerprint > 1\n              ^", "fingerprint is a hash: > does not suit it"},
		{"fingerprint == abc\n               ^", "fingerprint is a hash: write its 16 hexadecimal digits"},
		{"latency > 5 minutes\n          ^", "latency is a duration: write 5m"},
		{"latency > 5min\n          ^", "latency is a duration: write 5m"},
		{"latency > 1.5 sec && error\n          ^", "latency is a duration: write 1.5s"},
		{"latency > 100 ms\n          ^", "latency is a duration: write 100ms"},
		{"latency > 100 MS\n          ^", "latency is a duration: write 100ms"},
		{"latency > 2 days\n          ^", "latency is a duration: write 48h"},
		{"latency > 2 and error\n          ^", "latency is a duration: write 2ms"},
		{"request_bytes > 1 MB\n                ^", "request_bytes is a size in bytes: write 1MB"},
		{"db == shop\n^", `unknown column "db"; did you mean "namespace"?`},
		{"Collection == x\n^", `unknown column "Collection"; did you mean "target"?`},
		{"port == 27017\n^", `unknown column "port"; did you mean "server == :27017"?`},
		{"duration > 1s\n^", `unknown column "duration"; did you mean "latency"?`},
		{"db.x == shop\n^", `unknown protocol "db"`},
		{"status == failed\n          ^", "failed is none of the words of status: unknown, ok, client_error, server_error, timeout, unanswered"},
		{"status > ok\n         ^", "status has no order: compare it with == or in"},
		{"doubts in (loss, los)\n                 ^", "los is none of the words of doubts: " + strings.Join(record.DoubtNames[:], ", ")},
		{"protocol == mongo\n            ^", `unknown protocol "mongo"; did you mean "mongodb"?`},
		{"mongo.body.x == 1\n^", `unknown protocol "mongo"; did you mean "mongodb"?`},
		{"pgsql.val.length > 1\n^", `"pgsql.val.length" is no other name of a field of postgresql; dbtap protocols postgresql lists them`},
		{"pgsql.val.dat > 1\n^", `"pgsql.val.dat" is no other name of a field of postgresql; did you mean "pgsql.val.data"?; dbtap protocols postgresql lists them`},
		{"pgsql\n^", `unknown column "pgsql"; did you mean "postgresql"?`},
		{"pg.x\n^", `unknown protocol "pg"; did you mean "postgresql"?`},
		{"protocol == psql\n            ^", `unknown protocol "psql"; did you mean "postgresql"?`},
		{"protocol == pqsl\n            ^", `unknown protocol "pqsl"`},
		{"mongodb == 1\n^", "mongodb is a protocol: compare one of its fields, as in mongodb.field == 1"},
		{"client > 10.0.0.1\n         ^", "client is an address: compare it with == != or in"},
		{"client == localhost\n          ^", "client is an address: write 10.0.0.1, 10.0.0.1:3306, [::1]:3306, 10.0.0.0/8 or :3306"},
		{"client == 10.0.0.1:99999\n          ^", "client is an address: write 10.0.0.1, 10.0.0.1:3306, [::1]:3306, 10.0.0.0/8 or :3306"},
		{"latency.x > 1ms\n        ^", "latency is a column without parts"},
		{"attributes == 1\n^", "attributes is an object: compare one of them, as in attributes.cursor_id == 1"},
		{"rows = 1\n     ^", "write == to compare"},
		{"rows == 1 & error\n          ^", "write && for and"},
		{"rows == 1 | error\n          ^", "write || for or"},
		{"rows ==\n       ^", "a value is missing after =="},
		{"(rows == ) || error\n         ^", "a value is missing before )"},
		{"rows == 1 &&\n            ^", "a comparison is missing at the end"},
		{"(rows == 1\n^", "the parenthesis that opens here is not closed"},
		{"(rows == 1 error\n           ^", "an operator or a closing parenthesis is missing here"},
		{"rows == 1)\n         ^", "this ) closes nothing"},
		{"rows 1\n     ^", "an operator is missing here: == != < <= > >= contains matches in && ||"},
		{"rows == 1 { \n          ^", "{ is out of place here"},
		{"== 1\n^", "a comparison begins with a column's name, not with =="},
		{"'rows' == 1\n^", "a comparison begins with a column's name, not with 'rows'"},
		{"rows == (1, 2)\n        ^", "== takes one value; a set of them is asked with in"},
		{"rows in (1, 2\n        ^", "the set that opens here is not closed"},
		{"rows in ()\n        ^", "the set is empty"},
		{"query == 'abc\n         ^", "the text that begins here has no closing '"},
		{"query == 'a\\d'\n           ^", `unknown escape \d; a backslash is written \\`},
		{"query matches 'a('\n              ^", "missing closing ): `a(`"},
		{"mongodb.body[0] == 1\n            ^", "an element of a list is written .0"},
		{"mongodb..x == 1\n        ^", "a name is missing"},
		{"ro#ws == 1\n  ^", "a comparison begins with a column's name; in a path, odd names are written in quotes"},
		{"mongodb.\"a\"b == 1\n           ^", "a dot is missing"},
		{"query == 世界 && e\u0301rror 😀\n                 ^", `unknown column "e` + "\u0301" + `rror"; did you mean "error"?`},
		{"query == 'ａｂ' latency\n                ^", "an operator is missing here: == != < <= > >= contains matches in && ||"},
		{"error &&\x1b[31m x\n        ^", "a comparison begins with a column's name; in a path, odd names are written in quotes"},
	} {
		expr, _, _ := strings.Cut(c.caret, "\n")
		_, err := Compile(expr, options)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%s: error %v", expr, err)
			continue
		}
		if want := strings.ReplaceAll(c.caret, "\x1b", " "); syntax.Caret() != want {
			t.Errorf("caret of %q:\n%s\nwant\n%s", expr, syntax.Caret(), want)
		}
		if syntax.Msg != c.msg {
			t.Errorf("%s: message %q, want %q", expr, syntax.Msg, c.msg)
		}
	}
}

// TestAttributes: names that no protocol has are mistakes, and so are values that do not suit.
func TestAttributes(t *testing.T) {
	o := Options{Attributes: map[string]record.Kind{"cursor_id": record.Count, "exhaust": record.Flag, "driver": record.Text, "topics": record.JSON, "queued": record.Duration}}
	for expr, want := range map[string]string{
		"attributes.cursor_id == 5":         "",
		"attributes.cursor_id contains 5":   "",
		"attributes.driver > 5":             "",
		"attributes.exhaust":                "",
		"attributes.exhaust == true":        "",
		"attributes.topics.name == x":       "",
		"attributes.queued > 1ms":           "",
		"attributes":                        "",
		"attributes.cursorid == 5":          `no protocol has an attribute "cursorid"; did you mean "cursor_id"?`,
		"attributes.nothing":                `no protocol has an attribute "nothing"; there are cursor_id, driver, exhaust, queued, topics`,
		"attributes.cursor_id == abc":       "attributes.cursor_id is a number: write a whole number",
		"attributes.cursor_id in (1, many)": "attributes.cursor_id is a number: write a whole number",
		"attributes.cursor_id.x == 1":       "attributes.cursor_id has no parts",
		"attributes.exhaust == false":       "attributes.exhaust is a flag: write attributes.exhaust, or !attributes.exhaust",
		"attributes.queued > 5":             "attributes.queued is a duration: write 5ms",
	} {
		_, err := Compile(expr, o)
		got := ""
		if syntax := (*SyntaxError)(nil); errors.As(err, &syntax) {
			got = syntax.Msg
		}
		if got != want {
			t.Errorf("%s: %q, want %q", expr, got, want)
		}
	}
}

// TestPresence: a number that is 0 is a fact, and numbers that are always there need not be set.
func TestPresence(t *testing.T) {
	r := &record.Record{}
	for expr, want := range map[string]Tri{
		"response_bytes": True, "request_bytes": True, "time": True, "rows": False, "operation": False, "doubts": False, "client": False, "status": True,
	} {
		if got := compile(t, expr).Row(r); got != want {
			t.Errorf("%s of an empty record: %d", expr, got)
		}
	}
}

func TestErrorLine(t *testing.T) {
	_, err := Compile("query == 世界 && latncy", Options{})
	if want := `filter, character 16: unknown column "latncy"; did you mean "latency"?`; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestBounds(t *testing.T) {
	nest := func(n int) string { return strings.Repeat("(", n) + "error" + strings.Repeat(")", n) }
	paths := func(n int) string { return strings.Repeat("mongodb.a == 1 || ", n-1) + "mongodb.a == 1" }
	for _, c := range []struct {
		expr string
		ok   bool
	}{
		{nest(maxDepth - 1), true},
		{nest(maxDepth), false},
		{nest(maxLength / 3), false},
		{strings.Repeat("!", maxLength-10) + "error", false},
		{strings.Repeat("error || ", 5000) + "error", true},
		{"error || " + strings.Repeat(" ", maxLength), false},
		{paths(maxTreeTests), true},
		{paths(maxTreeTests + 1), false},
		{"mongodb" + strings.Repeat(".a", maxPath-1), true},
		{"mongodb" + strings.Repeat(".a", maxPath), false},
	} {
		if _, err := Compile(c.expr, options); (err == nil) != c.ok {
			t.Errorf("%.40s... of %d bytes: %v", c.expr, len(c.expr), err)
		}
	}
}

func TestColumns(t *testing.T) {
	f := compile(t, "latency > 1ms && (attributes.x == 1 || mongodb.y == 2)")
	if want := uint64(1<<record.Latency | 1<<record.AttributesOf | 1<<record.Protocol); f.Columns() != want {
		t.Errorf("columns %b, want %b", f.Columns(), want)
	}
	if !f.NeedsTree() || compile(t, "mongodb && latency").NeedsTree() {
		t.Error("only comparisons of fields need trees")
	}
}

// TestHelp compiles every example of the guide, and looks at what it is written in.
func TestHelp(t *testing.T) {
	help := Help()
	if strings.Contains(help, "{{") || !strings.Contains(help, "server_error") || !strings.HasPrefix(help, "# ") {
		t.Error("the title or the columns are missing")
	}
	for i := range record.Columns {
		if !strings.Contains(help, "`"+record.Columns[i].Name+"`") {
			t.Errorf("no column %s", record.Columns[i].Name)
		}
	}
	examples, block := 0, ""
	for line := range strings.Lines(help) {
		line = strings.TrimRight(line, "\n")
		if n := utf8.RuneCountInString(line); n > helpWidth {
			t.Errorf("%d characters: %s", n, line)
		}
		fence, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && block == "":
			block = "example" + fence
		case isFence:
			block = ""
		case block == "example" || block == "examplefilter":
			examples++
			compile(t, line)
		}
	}
	if examples < 20 || block != "" {
		t.Errorf("%d examples were found", examples)
	}
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{
		"latency > 10ms && status != ok", "!(a || b)", "query matches 'a\\'b\"' or x in {1 2,3}", `mongodb."a b".$x-y.0 == "\x00\u202e"`,
		"client in (10.0.0.0/8, [::1]:5, :80)", "time < 2025-01-01T01:02:03.4+05:00", "fingerprint==00000000000000ff", "attributes.x.y contains 5",
		"request_bytes ge 1.5MiB", "not not error", "code in (1, '1', 0x1, -1e3)", "mongodb.opcode == OP_MSG", "mongo.opcode == OP_MSG",
	} {
		f.Add(s)
	}
	r := sample()
	r.Protocol = "mongodb"
	tree := newTree()
	f.Fuzz(func(t *testing.T, expr string) {
		one, err := Compile(expr, options)
		if err != nil {
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || syntax.Offset < 0 || syntax.Offset > len(syntax.Expr) || syntax.Msg == "" {
				t.Fatalf("error %#v", err)
			}
			if strings.Count(syntax.Caret(), "\n") != 1 || strings.Contains(syntax.Error(), "\n") && !strings.Contains(expr, "\n") {
				t.Fatalf("caret %q, error %q", syntax.Caret(), syntax)
			}
			return
		}
		two, err := Compile(one.String(), options)
		if err != nil {
			t.Fatalf("%q is spelled %q: %v", expr, one, err)
		}
		if one.String() != two.String() {
			t.Fatalf("%q is spelled %q, then %q", expr, one, two)
		}
		if one.Row(r) != two.Row(r) || one.Match(r, trees(tree)) != two.Match(r, trees(tree)) {
			t.Fatalf("%q and %q differ", expr, two)
		}
	})
}

func BenchmarkRow(b *testing.B) {
	r := sample()
	for _, expr := range []string{
		"latency > 10ms",
		"status != ok && latency > 10ms",
		"protocol == mysql && operation == INSERT",
		"client in 10.0.0.0/8",
		"query contains users",
		"attributes.cursor_id == 5",
		"attributes.topics.name == orders",
		"mongodb.body.filter.age.$gt > 17",
		`query matches "users"`,
	} {
		f := compile(b, expr)
		b.Run(strings.ReplaceAll(expr, " ", "_"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f.Row(r)
			}
		})
	}
}

func TestRowAllocatesNothing(t *testing.T) {
	r := sample()
	f := compile(t, `latency > 1s || client == 1.2.3.4 || query contains zz || attributes.topics.partitions == 99 || attributes.cursor_id > 7 ||
		query matches "zz" || doubts == checksum || code > 5000 || fingerprint in (0000000000000001, 0000000000000002)`)
	if n := testing.AllocsPerRun(100, func() { f.Row(r) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
