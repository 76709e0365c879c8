package postgresql_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/l7/l7test"
	"github.com/dbtap/dbtap/internal/output"
	"github.com/dbtap/dbtap/internal/protocol/all"
	"github.com/dbtap/dbtap/internal/protocol/postgresql"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/stream"
	"github.com/dbtap/dbtap/internal/wire"
)

// talk is a conversation in the making: what it is given are messages, each in a chunk of its own.
type talk struct {
	e     *l7.Engine
	h     stream.Handler
	flow  stream.Flow
	now   int64
	rows  []l7test.Row
	trees bytes.Buffer // of all messages
}

func begin(values, midstream bool) *talk {
	t := &talk{flow: stream.Flow{A: netip.MustParseAddrPort("10.0.0.1:40000"), B: netip.MustParseAddrPort("10.0.0.2:5432"), Midstream: midstream}}
	cfg := l7.Config{Protocols: []*l7.Protocol{postgresql.Protocol}, Want: ^uint64(0), Values: values, Keep: true, Budget: 64 << 20}
	keep, w := l7test.Keep(&t.rows), output.NewTree(&t.trees, output.TreeOptions{Values: values, All: true})
	var replay l7.Replayer
	t.e = l7.New(cfg, func(r *record.Record) {
		for i := range r.Messages {
			err := replay.Message(postgresql.Protocol, &r.Messages[i])
			w.Message("", &replay.Tree, err)
		}
		w.Flush()
		keep(r)
	})
	t.h = t.e.Open(&t.flow)
	return t
}

func (t *talk) send(dir stream.Dir, messages ...string) *talk {
	t.now += 1000
	t.h.HandleChunk(&t.flow, &stream.Chunk{Dir: dir, Data: []byte(strings.Join(messages, "")), Time: t.now, Packet: uint64(t.now), Order: uint64(t.now)})
	return t
}

// gap loses the next n bytes, or cuts them off.
func (t *talk) gap(dir stream.Dir, n int, cut bool) *talk {
	t.now += 1000
	t.h.HandleChunk(&t.flow, &stream.Chunk{Dir: dir, Missing: n, Cut: cut, Time: t.now, Packet: uint64(t.now), Order: uint64(t.now)})
	return t
}

func (t *talk) client(messages ...string) *talk { return t.send(stream.Forward, messages...) }
func (t *talk) server(messages ...string) *talk { return t.send(stream.Backward, messages...) }

// end says what the records are, each in a line of words.
func (t *talk) end() (list []string) {
	t.h.HandleClose(&t.flow, stream.Finished, t.now, uint64(t.now))
	for _, r := range t.rows {
		s := r.Text(record.Operation) + " " + r.Status.String()
		for _, c := range []record.Col{record.Query, record.Code, record.Error, record.User, record.App} {
			if r.Has(c) {
				s += fmt.Sprintf(" %s=%s", record.Columns[c].Name, r.Text(c))
			}
		}
		for _, c := range []record.Col{record.Rows, record.Affected} {
			if r.Has(c) {
				s += fmt.Sprintf(" %s=%d", record.Columns[c].Name, r.Num(c))
			}
		}
		for _, a := range []string{"results", "transaction", "copy", "skipped", "suspended", "canceled_by", "rolled_back"} {
			if v := r.Attribute(a); v != "" {
				s += fmt.Sprintf(" %s=%s", a, v)
			}
		}
		if r.Doubts != 0 {
			s += " " + string(r.Doubts.AppendNames(nil, ",", ""))
		}
		list = append(list, s)
	}
	return list
}

// m is a message, with its length.
func m(kind byte, body string) string {
	return string(kind) + string(binary.BigEndian.AppendUint32(nil, uint32(4+len(body)))) + body
}

// z joins texts, each with a NUL behind it.
func z(text ...string) string { return strings.Join(text, "\x00") + "\x00" }

func packet(code uint32, body string) string {
	return string(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(8+len(body))), code)) + body
}

// The messages of most dialogs.
var (
	startup  = packet(3<<16, z("user", "ann", "application_name", "shop", ""))
	ready    = m('Z', "I")
	loggedIn = m('R', "\x00\x00\x00\x00") + ready
	sync     = m('S', "")
	bound    = m('2', "")
)

func query(sql string) string       { return m('Q', z(sql)) }
func parse(name, sql string) string { return m('P', z(name, sql)+"\x00\x00") }
func bind(portal, name string) string {
	return m('B', z(portal, name)+"\x00\x00\x00\x00\x00\x00")
}
func execute(portal string) string { return m('E', z(portal)+"\x00\x00\x00\x00") }
func done(tag string) string       { return m('C', z(tag)) }
func dataRow(v string) string {
	return m('D', "\x00\x01"+string(binary.BigEndian.AppendUint32(nil, uint32(len(v))))+v)
}
func failure(severity, code, text string) string {
	return m('E', z("S"+severity, "V"+severity, "C"+code, "M"+text, "Rerrfinish", ""))
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n %s\nwant\n %s", strings.Join(got, "\n "), strings.Join(want, "\n "))
	}
}

// recorded are the rows of a capture.
func recorded(t *testing.T, values bool, name string) []l7test.Row {
	t.Helper()
	return l7test.ReadRows(t, postgresql.Protocol, values, filepath.Join("testdata", name+".pcap.gz"))
}

// fields are those that a capture's messages have of a name, each with its tree.
func fields(t *testing.T, capture, name string) iter.Seq2[*wire.Tree, *wire.Field] {
	t.Helper()
	return func(yield func(*wire.Tree, *wire.Field) bool) {
		for i, c := range l7test.Read(t, filepath.Join("testdata", capture+".pcap.gz")) {
			for _, m := range l7test.Messages(postgresql.Protocol, c, capture, i+1) {
				var tree wire.Tree
				m.Tree(postgresql.Protocol, &tree)
				for i := range tree.Fields {
					if f := &tree.Fields[i]; tree.Name(f) == name && !yield(&tree, f) {
						return
					}
				}
			}
		}
	}
}

const login = "LOGIN ok user=ann app=shop transaction=idle"

// Trap 1: 3.2 startup unknown, cancel keys cut to four bytes.
func TestTrapNewVersions(t *testing.T) {
	for version, key := range map[uint32]int{3 << 16: 4, 3<<16 | 2: 32, 3<<16 | 9999: 256} {
		secret := strings.Repeat("k", key)
		talk := begin(false, false).client(packet(version, z("user", "ann", "")))
		talk.server(m('R', "\x00\x00\x00\x00"), m('K', "\x00\x00\x00\x07"+secret), ready)
		if got := talk.end(); len(got) != 1 || talk.rows[0].Attribute("process_id") != "7" || talk.rows[0].Text(record.Version) != fmt.Sprintf("3.%d", version&0xFFFF) {
			t.Errorf("version %x: %v %v", version, got, talk.rows)
		}
		cancel := begin(false, false).client(packet(80877102, "\x00\x00\x00\x07"+secret))
		same(t, cancel.end(), "CANCEL ok")
		var tree wire.Tree
		var c wire.Cursor
		b := []byte(packet(80877102, "\x00\x00\x00\x07"+secret))
		c.Reset(b, len(b), nil, &tree)
		var message l7.Message
		postgresql.Protocol.Open(&l7.ConnInfo{}, []byte{}).Decode(l7.ToServer, &c, &message)
		if f := tree.Fields[len(tree.Fields)-1]; f.Name != "secret_key" || f.Len != key || f.Class != wire.Secret {
			t.Errorf("version %x: the key is %+v", version, f)
		}
	}
	if r := recorded(t, false, "login-32")[0]; r.Text(record.Operation) != "LOGIN" || r.Text(record.Version) != "3.2" {
		t.Errorf("%v", r)
	}
	keys := 0
	for _, f := range fields(t, "cancel32", "secret_key") {
		if keys++; f.Len != 32 || f.Class != wire.Secret {
			t.Errorf("a key of %d bytes", f.Len)
		}
	}
	if keys < 2 {
		t.Errorf("%d keys of a login and a cancel request", keys)
	}
}

// Trap 2: SQL is in UTF-8, not ASCII.
func TestTrapEncoding(t *testing.T) {
	sql := `select "größe" from "été ☃" where s = 'ü'`
	talk := begin(true, false).client(startup).server(loggedIn).client(query(sql)).server(done("SELECT 0"), ready)
	same(t, talk.end(), login, "SELECT ok query="+sql+" user=ann app=shop rows=0 results=1 transaction=idle")
	for capture, text := range map[string]string{
		"odd":        `select 1 as same, 2 as same, 3 as "été ☃"`,
		"pgx-simple": `insert into items (id, name) values ( '100' ,  'désk' ) returning id, added`,
		"types-text": "select v::text as v from (values (''), ('plain'), ('déjà ☃ 🐘'), ('a\tb\nc\\d''e\"f'), (null)) as t(v)",
		"latin1":     "select 1 as \"gr\xf6\xdfe\" where '\xe9' = '\xe9';", // as it was sent
	} {
		stated := slices.ContainsFunc(recorded(t, true, capture), func(r l7test.Row) bool { return r.Text(record.Query) == text })
		named := false
		for tree, f := range fields(t, capture, "query") {
			named = named || string(tree.Content(f)) == text
		}
		if !stated || !named {
			t.Errorf("%s: %s is in a row: %v, in a tree: %v", capture, text, stated, named)
		}
	}
	values := 0
	for tree, f := range fields(t, "types-text", "v") {
		if string(tree.Content(f)) == "déjà ☃ 🐘" {
			values++
		}
	}
	if values == 0 {
		t.Error("a value is not found")
	}
}

// Trap 3: CopyBothResponse missing, the formats of columns two short.
func TestTrapCopyFormats(t *testing.T) {
	for kind, name := range map[byte]string{'G': "CopyInResponse", 'H': "CopyOutResponse", 'W': "CopyBothResponse"} {
		b := []byte(m(kind, "\x00\x00\x03\x00\x00\x00\x01\x00\x00"))
		var tree wire.Tree
		var c wire.Cursor
		c.Reset(b, len(b), nil, &tree)
		var message l7.Message
		postgresql.Protocol.Open(&l7.ConnInfo{}, []byte{}).Decode(l7.ToClient, &c, &message)
		formats := 0
		for i := range tree.Fields {
			if f := &tree.Fields[i]; f.Name == "format" && tree.Name(&tree.Fields[f.Parent]) == "column_formats" {
				formats++
			}
		}
		if c.Err() != nil || tree.Fields[3].Name != name || formats != 3 {
			t.Errorf("%s: %v, %d formats of 3, %+v", name, c.Err(), formats, tree.Fields[3])
		}
	}
	seen := map[string]bool{}
	for _, capture := range []string{"copy", "physical"} {
		for tree, f := range fields(t, capture, "column_formats") {
			count, formats := uint64(0), uint64(0)
			for i := range tree.Fields {
				switch g := &tree.Fields[i]; {
				case g.Name == "column_count":
					count = g.Num
				case g.Name == "format" && &tree.Fields[g.Parent] == f:
					formats++
				}
			}
			name := tree.Name(&tree.Fields[f.Parent])
			if seen[name] = true; formats != count {
				t.Errorf("%s: %d formats of %d", name, formats, count)
			}
		}
	}
	if !seen["CopyInResponse"] || !seen["CopyOutResponse"] || !seen["CopyBothResponse"] {
		t.Errorf("only %v", seen)
	}
}

// Trap 4: Bind and Execute without a Parse lost.
func TestTrapPrepared(t *testing.T) {
	talk := begin(false, false).client(startup).server(loggedIn)
	talk.client(parse("s", "select 1"), sync).server(m('1', ""), ready)
	for range 3 {
		talk.client(bind("", "s"), execute(""), sync).server(bound, dataRow("1"), done("SELECT 1"), ready)
	}
	run := "SELECT ok query=SELECT ? user=ann app=shop rows=1 transaction=idle"
	same(t, talk.end(), login, "PARSE ok query=SELECT ? user=ann app=shop transaction=idle", run, run, run)
	talk = begin(false, true).client(bind("", "unseen"), execute(""), sync).server(bound, dataRow("1"), done("SELECT 1"), ready)
	same(t, talk.end(), "EXECUTE ok rows=1 transaction=idle prepared_unseen,midstream")
	executed := 0
	for _, r := range recorded(t, false, "mixed-prepared") {
		if r.Attribute("statement") == "" {
			continue
		}
		if executed++; r.Text(record.Query) == "" || r.Doubts != 0 {
			t.Errorf("%v", r)
		}
	}
	if executed < 1000 {
		t.Errorf("%d statements with a name", executed)
	}
}

// Trap 5: an answer over several segments lost. Trap 8: one message of several in a segment.
func TestTrapSegments(t *testing.T) {
	answer := m('T', "\x00\x00") + strings.Repeat(dataRow(strings.Repeat("x", 700)), 10) + done("SELECT 10") + ready
	talk := begin(false, false).client(startup).server(loggedIn).client(query("select 1"), query("select 2"))
	for len(answer) > 0 {
		n := min(len(answer), 1448)
		talk.server(answer[:n])
		answer = answer[n:]
	}
	talk.server(done("SELECT 0"), ready)
	same(t, talk.end(), login, "SELECT ok query=SELECT ? user=ann app=shop rows=10 results=1 transaction=idle",
		"SELECT ok query=SELECT ? user=ann app=shop rows=0 results=1 transaction=idle")
	long := recorded(t, false, "big")[2]
	if got := long.Num(record.Rows); got != 300 || long.Num(record.ResponseBytes) < 300_000 {
		t.Errorf("a long answer: %v", long)
	}
	messages := 0
	for _, c := range l7test.Read(t, "testdata/batch.pcap.gz") {
		messages += len(l7test.Messages(postgresql.Protocol, c, "batch", 1))
		if messages < 3*len(c.Chunks) {
			t.Errorf("%d messages in %d chunks", messages, len(c.Chunks))
		}
	}
}

// Trap 6: only on port 5432.
func TestTrapPort(t *testing.T) {
	talk := begin(false, false)
	talk.flow.B = netip.MustParseAddrPort("10.0.0.2:15999")
	talk.h = talk.e.Open(&talk.flow)
	same(t, talk.client(startup).server(loggedIn).end(), login)
	for _, c := range l7test.Read(t, "testdata/simple.pcap.gz") {
		there, _ := c.Rows(postgresql.Protocol, false)
		c.Flow.A, c.Flow.B = netip.AddrPortFrom(c.Flow.A.Addr(), 40000), netip.AddrPortFrom(c.Flow.B.Addr(), 15999)
		if here, _ := c.Rows(postgresql.Protocol, false); len(here) != len(there) || len(here) < 40 {
			t.Errorf("%d rows, %d on another port", len(there), len(here))
		}
	}
}

// Trap 7: the epoch is 2000-01-01.
func TestTrapEpoch(t *testing.T) {
	b := []byte(m('B', z("", "")+"\x00\x01\x00\x01\x00\x01\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	context := append([]byte{'B', 0}, 0, 0, 0x04, 0xA0) // a timestamptz
	var tree wire.Tree
	var c wire.Cursor
	c.Reset(b, len(b), nil, &tree)
	var message l7.Message
	postgresql.Protocol.Open(&l7.ConnInfo{}, context).Decode(l7.ToServer, &c, &message)
	i := slices.IndexFunc(tree.Fields, func(f wire.Field) bool { return f.Name == "$1" })
	if i < 0 || tree.Fields[i].Type == nil {
		t.Fatalf("no parameter: %v", c.Err())
	}
	if got := string(tree.Fields[i].Type.Append(nil, tree.Bytes(&tree.Fields[i]))); got != "2000-01-01 00:00:00+00" {
		t.Errorf("the epoch is %s", got)
	}
	var times []string
	for tree, f := range fields(t, "types-binary", "v") {
		if f.Type != nil && f.Type.Name == "timestamptz" {
			times = append(times, l7test.Shown(tree, f))
		}
	}
	same(t, times[:min(5, len(times))], "2000-01-01 00:00:00+00", "2024-07-01 10:34:56.789123+00", "1900-01-01 00:00:00+00", "infinity", "-infinity")
}

// Trap 9: PostgreSQL taken for MongoDB, or for anything else.
func TestTrapConfusion(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.pcap.gz")
	tried := 0
	for _, file := range files {
		for i, v := range l7test.Read(t, file) {
			e := l7.New(l7.Config{Protocols: all.Protocols(), Want: ^uint64(0), Budget: 64 << 20}, func(r *record.Record) {
				if tried++; r.Protocol != "postgresql" {
					t.Errorf("%s, connection %d: %s", file, i+1, r.Protocol)
				}
			})
			v.Play(e)
			if n := e.Stats().Unidentified; len(n) > 0 {
				t.Errorf("%s, connection %d: not identified: %v", file, i+1, n)
			}
		}
	}
	if tried < 1000 {
		t.Errorf("%d records", tried)
	}
}

// TestPipelines: an error makes the server skip to the next Sync; what comes behind that is answered.
func TestPipelines(t *testing.T) {
	talk := begin(false, false).client(startup).server(loggedIn)
	group := func(sql string) string { return parse("", sql) + bind("", "") + execute("") }
	talk.client(group("update t set a = 1"), group("select 1/0"), group("select 2"), sync, group("delete from t"), sync)
	talk.server(m('1', ""), bound, done("UPDATE 3"), m('1', ""), bound, failure("ERROR", "22012", "division by zero"), ready)
	talk.server(m('1', ""), bound, done("DELETE 4"), ready)
	same(t, talk.end(), login, "UPDATE ok query=UPDATE t SET a = ? user=ann app=shop affected=3",
		"SELECT client_error query=SELECT ? / ? code=22012 error=ERROR: division by zero user=ann app=shop",
		"SELECT unanswered query=SELECT ? user=ann app=shop skipped=true",
		"DELETE ok query=DELETE FROM t user=ann app=shop affected=4 transaction=idle")
}

// TestFailedParse: a Parse that fails leaves its name as it was.
func TestFailedParse(t *testing.T) {
	talk := begin(false, false).client(startup).server(loggedIn)
	talk.client(parse("s", "select 1"), sync).server(m('1', ""), ready)
	talk.client(parse("s", "select a"), m('D', "Ss\x00"), m('H', "")).server(failure("ERROR", "42P05", `prepared statement "s" already exists`))
	talk.client(sync).server(ready)
	talk.client(bind("", "s"), execute(""), sync).server(bound, done("SELECT 0"), ready)
	talk.client(m('C', "Ss\x00"), sync).server(m('3', ""), ready)
	talk.client(bind("", "s"), execute(""), sync).server(failure("ERROR", "26000", `prepared statement "s" does not exist`), ready)
	same(t, talk.end(), login, "PARSE ok query=SELECT ? user=ann app=shop transaction=idle",
		`PARSE client_error query=SELECT a code=42P05 error=ERROR: prepared statement "s" already exists user=ann app=shop transaction=idle`,
		"SELECT ok query=SELECT ? user=ann app=shop rows=0 transaction=idle",
		"CLOSE ok query=SELECT ? user=ann app=shop transaction=idle",
		`EXECUTE client_error code=26000 error=ERROR: prepared statement "s" does not exist user=ann app=shop transaction=idle`)
}

// TestCopySync: a Sync that is sent before the data of a COPY is ignored by the server, and answered by nothing.
func TestCopySync(t *testing.T) {
	talk := begin(false, false).client(startup).server(loggedIn)
	for range 2 {
		talk.client(parse("", "copy t from stdin"), bind("", ""), execute(""), sync).server(m('1', ""), bound, m('G', "\x00\x00\x00"))
		talk.client(m('d', "1\n"), m('d', "2\n"), m('c', ""), sync).server(done("COPY 2"), ready)
	}
	talk.client(query("select 1")).server(done("SELECT 0"), ready)
	run := "COPY ok query=COPY t FROM stdin user=ann app=shop affected=2 transaction=idle copy=in"
	same(t, talk.end(), login, run, run, "SELECT ok query=SELECT ? user=ann app=shop rows=0 results=1 transaction=idle")
}

// TestUnasked: what the server says unasked is a row of its own, and an answer with the same letters is not.
func TestUnasked(t *testing.T) {
	talk := begin(false, false).client(startup).server(loggedIn)
	talk.client(query("listen c")).server(done("LISTEN"), ready).server(m('A', "\x00\x00\x00\x07"+z("c", "hello")))
	talk.client(query("do x")).server(m('N', z("SWARNING", "VWARNING", "C01000", "Mcareful", "")), m('A', "\x00\x00\x00\x07"+z("c", "")), m('S', z("application_name", "other")), done("DO"), ready)
	talk.server(failure("FATAL", "57P01", "terminating connection due to administrator command"))
	same(t, talk.end(), login, "LISTEN ok query=LISTEN c user=ann app=shop results=1 transaction=idle", "NOTIFY ok user=ann app=shop",
		"NOTIFY ok user=ann app=shop", "DO ok query=DO x user=ann app=shop results=1 transaction=idle",
		"ERROR server_error code=57P01 error=FATAL: terminating connection due to administrator command user=ann app=other")
}

// TestSeveralStatements: several statements in a string; an error skips the others.
func TestSeveralStatements(t *testing.T) {
	talk := begin(false, false).client(startup).server(loggedIn)
	talk.client(query("begin; insert into t values (1), (2) returning a; select 1/0; commit"))
	talk.server(done("BEGIN"), m('T', "\x00\x00"), dataRow("1"), dataRow("2"), done("INSERT 0 2"), failure("ERROR", "22012", "division by zero"), m('Z', "E"))
	talk.client(query("")).server(m('I', ""), m('Z', "E"))
	same(t, talk.end(), login,
		"BEGIN client_error query=BEGIN; INSERT INTO t VALUES (?) RETURNING a; SELECT ? / ?; COMMIT code=22012 error=ERROR: division by zero user=ann app=shop rows=2 affected=2 results=2 transaction=failed",
		"QUERY ok user=ann app=shop results=1 transaction=failed")
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// TestMasked: what an error repeats of values is hidden; what a syntax error repeats always.
func TestMasked(t *testing.T) {
	for _, values := range []bool{false, true} {
		talk := begin(values, false).client(startup).server(loggedIn)
		talk.client(query("alter user x passwor 'hunter22'")).server(failure("ERROR", "42601", `syntax error at or near "'hunter22'"`), ready)
		talk.client(query("alter user x password 'hunter22'")).server(failure("ERROR", "22023", `invalid password "hunter22"`), ready)
		talk.client(parse("", "do $$begin alter role u password 'hunter22'; end$$"), bind("", ""), execute(""), sync)
		talk.server(m('1', ""), bound, failure("ERROR", "08001", `could not connect: password=hunter22`), ready)
		talk.client(query("select 'abc'::int")).server(failure("ERROR", "22P02", `invalid input syntax for type integer: "abc"`), ready)
		got := strings.Join(talk.end(), "\n")
		if strings.Contains(got, "hunter22") || strings.Count(got, "abc") != 2*int(flag(values)) || strings.Count(got, "code=") != 4 {
			t.Errorf("values %v:\n%s", values, got)
		}
	}
}

// TestRaised: what functions say is hidden, whatever SQLSTATE they give it and whatever language they are in.
func TestRaised(t *testing.T) {
	for routine, hidden := range map[string]bool{
		"Rtuplesort\x00": false, "Rexec_stmt_raise\x00": true, "RPLy_spi_exception\x00": true, "Rplperl_call\x00": true, "": true,
	} {
		talk := begin(false, false).client(startup).server(loggedIn)
		talk.client(query("select f()")).server(m('E', z("SERROR", "C42704", "Munknown hunter22")+routine+"\x00"), ready)
		if got := strings.Join(talk.end(), "\n"); strings.Contains(got, "hunter22") == hidden || !strings.Contains(got, "code=42704") {
			t.Errorf("%q: %s", routine, got)
		}
	}
	talk := begin(false, false).client(startup).server(m('E', z("SFATAL", "C3D000", `Mno such database: "x"`, "")))
	if got := strings.Join(talk.end(), "\n"); !strings.Contains(got, "no such database") {
		t.Error(got)
	}
}

// TestHiddenParameters: parameters that may be secrets are in no record, nor are those of a statement that was not seen, and
// without --values none are.
func TestHiddenParameters(t *testing.T) {
	for _, values := range []bool{true, false} {
		for sql, want := range map[string]string{
			"update t set a = $1, b = $2":          `["a\"b",null]`,
			"update t set a = $1, password = $2":   "",
			"select crypt($1, 'salt'), $2::text":   "",
			"alter role ann password 'x' -- $1 $2": "",
			"":                                     "",
		} {
			c := begin(values, false).client(startup).server(loggedIn)
			if sql != "" {
				c.client(parse("s", sql))
			}
			c.client(m('B', z("", "s")+"\x00\x00\x00\x02\x00\x00\x00\x03a\"b\xff\xff\xff\xff\x00\x00"), execute(""), sync).server(done("UPDATE 1"), ready)
			c.end()
			if !values {
				want = ""
			}
			if got := c.rows[len(c.rows)-1].Attribute("parameters"); got != want {
				t.Errorf("%q: parameters %s, want %s", sql, got, want)
			}
		}
	}
}

// TestShownAllocations: a secret takes no memory of its own where values are shown.
func TestShownAllocations(t *testing.T) {
	e := l7.New(l7.Config{Protocols: []*l7.Protocol{postgresql.Protocol}, Want: ^uint64(0), Values: true, Budget: 64 << 20}, func(*record.Record) {})
	flow := stream.Flow{A: netip.MustParseAddrPort("10.0.0.1:40000"), B: netip.MustParseAddrPort("10.0.0.2:5432")}
	h := e.Open(&flow)
	var c stream.Chunk
	send := func(dir stream.Dir, b []byte) {
		c.Dir, c.Data, c.Time, c.Packet, c.Order = dir, b, c.Time+1000, c.Packet+1, c.Order+1
		h.HandleChunk(&flow, &c)
	}
	send(stream.Forward, []byte(startup))
	send(stream.Backward, []byte(loggedIn))
	ask, answer := []byte(query("update users set password = 'x', token = 'y' where id = 5")), []byte(done("UPDATE 1")+ready)
	if n := testing.AllocsPerRun(1000, func() { send(stream.Forward, ask); send(stream.Backward, answer) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
