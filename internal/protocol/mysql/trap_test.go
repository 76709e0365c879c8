package mysql_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/l7/l7test"
	"github.com/dbtap/dbtap/internal/output"
	"github.com/dbtap/dbtap/internal/protocol/mysql"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/stream"
	"github.com/dbtap/dbtap/internal/wire"
)

// Capabilities that logins of tests choose from.
const (
	protocol41      = 1 << 9
	compress        = 1 << 5
	secure          = 1 << 15
	sessionTrack    = 1 << 23
	deprecateEOF    = 1 << 24
	queryAttributes = 1 << 27
	longPassword    = 1
	usual           = longPassword | protocol41 | secure
)

// pkt is a packet.
func pkt(seq byte, payload ...string) []byte {
	p := strings.Join(payload, "")
	return append([]byte{byte(len(p)), byte(len(p) >> 8), byte(len(p) >> 16), seq}, p...)
}

// text is a text with its length before it.
func text(s string) string {
	switch {
	case len(s) < 251:
		return string([]byte{byte(len(s))}) + s
	case len(s) < 1<<16:
		return string([]byte{0xFC, byte(len(s)), byte(len(s) >> 8)}) + s
	}
	return string([]byte{0xFD, byte(len(s)), byte(len(s) >> 8), byte(len(s) >> 16)}) + s
}

func u16(n int) string { return string(binary.LittleEndian.AppendUint16(nil, uint16(n))) }
func u32(n int) string { return string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }

const autocommit = 2

// okPacket answers without rows, eof ends definitions and rows in the old way.
func okPacket(seq byte, affected, id, status int) []byte {
	return pkt(seq, "\x00", string([]byte{byte(affected), byte(id)}), u16(status), u16(0))
}
func eof(seq byte, status int) []byte { return pkt(seq, "\xfe", u16(0), u16(status)) }
func failure(seq byte, code int, state, message string) []byte {
	return pkt(seq, "\xff", u16(code), "#"+state, message)
}

// definition of a column.
func definition(seq byte, name string, typ byte) []byte {
	return pkt(seq, text("def"), text("s"), text("t"), text("t"), text(name), text(name), "\x0c", u16(45), u32(99), string([]byte{typ}), u16(0), "\x00", u16(0))
}

// talk is a conversation in the making.
type talk struct{ *l7test.Talk }

func (t talk) client(b ...[]byte) talk {
	t.Bytes(stream.Forward, slices.Concat(b...))
	return t
}

func (t talk) server(b ...[]byte) talk {
	t.Bytes(stream.Backward, slices.Concat(b...))
	return t
}

// logIn begins a conversation in which both sides can do what caps says.
func logIn(caps int) talk {
	t := talk{l7test.NewTalk()}
	t.server(pkt(0, "\x0a", "8.0.36\x00", u32(77), "abcdefgh\x00", u16(caps), "\x2d", u16(autocommit), u16(caps>>16), "\x15", strings.Repeat("\x00", 10), "ijklmnopqrst\x00"))
	t.client(pkt(1, u32(caps), u32(1<<24), "\x2d", strings.Repeat("\x00", 23), "ada\x00", "\x14", strings.Repeat("\x5a", 20)))
	return t.server(okPacket(2, 0, 0, autocommit))
}

// query is a COM_QUERY.
func query(sql string) []byte { return pkt(0, "\x03", sql) }

// rowsOf plays a conversation.
func rowsOf(t *testing.T, values bool, c *l7test.Conversation) []l7test.Row {
	t.Helper()
	rows, stats := c.Rows(mysql.Protocol, values)
	if stats.Malformed > 0 {
		t.Errorf("%d messages are malformed", stats.Malformed)
	}
	return rows
}

// of are the rows behind the login.
func (c talk) of(t *testing.T) []l7test.Row {
	t.Helper()
	rows := rowsOf(t, false, &c.Conversation)
	if len(rows) == 0 || rows[0].Text(record.Operation) != "LOGIN" {
		t.Fatalf("no login: %v", rows)
	}
	return rows[1:]
}

// trees are the trees of a conversation's messages.
func trees(c *l7test.Conversation) (list []*wire.Tree) {
	for _, m := range l7test.Messages(mysql.Protocol, c, "", 1) {
		tree := &wire.Tree{}
		m.Tree(mysql.Protocol, tree)
		list = append(list, tree)
	}
	return list
}

// values are the values in rows of a conversation, by column, as they are shown.
func values(c *l7test.Conversation) (list []string) {
	for _, tree := range trees(c) {
		for i := range tree.Fields {
			f := &tree.Fields[i]
			if f.Parent < 0 || tree.Fields[f.Parent].Name != "row" && tree.Fields[f.Parent].Name != "parameters" || f.Class != wire.Value {
				if f.Parent < 0 || tree.Fields[f.Parent].Name != "row" && tree.Fields[f.Parent].Name != "parameters" || f.Kind != wire.Group {
					continue
				}
			}
			list = append(list, tree.Name(f)+"="+l7test.Shown(tree, f))
		}
	}
	return list
}

func check(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// Types of columns.
const (
	long      = 3
	varString = 253
)

// TestTraps: what other tools get wrong, in the numbers of their list.
func TestTraps(t *testing.T) {
	t.Run("1 first bytes of rows", func(t *testing.T) {
		for _, caps := range []int{usual, usual | deprecateEOF} {
			c := logIn(caps)
			c.client(query("SELECT a, b FROM t"))
			end := eof(9, autocommit)
			list := [][]byte{pkt(1, "\x02"), definition(2, "a", varString), definition(3, "b", varString), eof(4, autocommit)}
			if caps&deprecateEOF != 0 {
				list, end = list[:3], pkt(9, "\xfe\x00\x00", u16(autocommit), u16(0))
			}
			long := strings.Repeat("x", 300)
			list = append(list, pkt(5, text(""), text("1")), pkt(6, "\xfb", text("2")), pkt(7, text(long), "\xfb"), pkt(8, text(""), text("")), end)
			c.server(list...)
			rows := c.of(t)
			check(t, "exchanges", len(rows), 1)
			check(t, "rows", rows[0].Num(record.Rows), 4)
			check(t, "status", rows[0].Status, record.OK)
			check(t, "values", values(&c.Conversation), []string{"a=", "b=1", "a=NULL", "b=2", "a=" + long, "b=NULL", "a=", "b="})
		}
	})
	t.Run("1 a value of 16 MB", func(t *testing.T) {
		c := logIn(usual | deprecateEOF)
		c.client(query("SELECT a FROM t"))
		const size = 1<<24 + 10
		value := "\xfe" + u32(size) + u32(0) + strings.Repeat("v", size)
		c.server(pkt(1, "\x01"), definition(2, "a", varString), pkt(3, value[:1<<24-1]), pkt(4, value[1<<24-1:]), pkt(5, "\xfe\x00\x00", u16(autocommit), u16(0)))
		rows := c.of(t)
		check(t, "exchanges", len(rows), 1)
		check(t, "rows", rows[0].Num(record.Rows), 1)
		check(t, "status", rows[0].Status, record.OK)
	})
	t.Run("2 query attributes of every type", func(t *testing.T) {
		c := logIn(usual | queryAttributes)
		c.client(pkt(0, "\x03", "\x02\x01", "\x00", "\x01", "\x08\x00"+text("n"), "\xfd\x00"+text("who"), "\x2a\x00\x00\x00\x00\x00\x00\x00", text("ada"), "SELECT 1 FROM t"))
		c.server(okPacket(1, 0, 0, autocommit))
		rows := c.of(t)
		check(t, "query", rows[0].Text(record.Query), "SELECT ? FROM t")
		check(t, "values", values(&c.Conversation), []string{"n=42", "who=ada"})
	})
	t.Run("3 states of caching_sha2_password", func(t *testing.T) {
		c := talk{l7test.NewTalk()}
		caps := usual | 1<<19
		c.server(pkt(0, "\x0a", "8.0.36\x00", u32(77), "abcdefgh\x00", u16(caps), "\x2d", u16(autocommit), u16(caps>>16), "\x15", strings.Repeat("\x00", 10), "ijklmnopqrst\x00", "caching_sha2_password\x00"))
		c.client(pkt(1, u32(caps), u32(1<<24), "\x2d", strings.Repeat("\x00", 23), "ada\x00", "\x20", strings.Repeat("\x5a", 32), "caching_sha2_password\x00"))
		c.server(pkt(2, "\x01\x04")).client(pkt(3, "\x02")).server(pkt(4, "\x01-----BEGIN PUBLIC KEY-----\nMII\n-----END PUBLIC KEY-----\n"))
		c.client(pkt(5, strings.Repeat("\xa5", 256))).server(okPacket(6, 0, 0, autocommit))
		rows := rowsOf(t, true, &c.Conversation)
		check(t, "exchanges", len(rows), 1)
		check(t, "status", rows[0].Status, record.OK)
		check(t, "plugin", rows[0].Attribute("auth_plugin"), "caching_sha2_password")
		for i, tree := range trees(&c.Conversation) {
			for j := range tree.Fields {
				f := &tree.Fields[j]
				if b := tree.Bytes(f); f.Kind != wire.Group && f.Class != wire.Secret && (bytes.Contains(b, []byte("\xa5\xa5")) || bytes.Contains(b, []byte("ZZZZ")) || bytes.Contains(b, []byte("ijkl"))) {
					t.Errorf("message %d: %s is shown", i+1, f.Name)
				}
			}
		}
	})
	t.Run("4 zstd, packets across frames, joined late", func(t *testing.T) {
		for _, name := range []string{"cli-zstd", "zlib-mysql", "node-zlib-mariadb"} {
			for i, v := range l7test.Read(t, filepath.Join("testdata", name+".pcap.gz")) {
				whole := rowsOf(t, false, v)
				late := *v
				late.Chunks = v.Chunks[len(v.Chunks)/2:]
				late.Flow.Midstream = true
				found, asked := 0, 0
				for _, w := range whole {
					if w.Text(record.Query) != "" && w.Num(record.Time) >= late.Chunks[0].Time {
						asked++
					}
				}
				for _, r := range rowsOf(t, false, &late) {
					if slices.ContainsFunc(whole, func(w l7test.Row) bool {
						return w.Text(record.Query) != "" && w.Text(record.Query) == r.Text(record.Query) && w.Num(record.Time) == r.Num(record.Time) &&
							w.Status == r.Status && w.Num(record.Rows) == r.Num(record.Rows) && w.Num(record.Affected) == r.Num(record.Affected)
					}) {
						found++
					}
				}
				if asked < 5 || found < asked-1 { // it may begin inside the first
					t.Errorf("%s, connection %d: of %d in its second half %d are found", name, i+1, asked, found)
				}
			}
		}
	})
	t.Run("5 no list of words", func(t *testing.T) {
		for sql, want := range map[string]string{
			"REPLACE INTO t VALUES (1)": "REPLACE", "WITH x AS (SELECT 1) SELECT * FROM x": "WITH", "TRUNCATE t": "TRUNCATE",
			"(SELECT 1) UNION (SELECT 2)": "SELECT", "/* app=x */ SELECT 1": "SELECT", "-- note\nDELETE FROM t": "DELETE", "HANDLER t OPEN": "HANDLER",
			"frobnicate all": "FROBNICATE",
		} {
			c := logIn(usual)
			c.client(query(sql)).server(okPacket(1, 0, 0, autocommit))
			check(t, sql, c.of(t)[0].Text(record.Operation), want)
		}
	})
	t.Run("6 what was cut is not ok", func(t *testing.T) {
		c := logIn(usual)
		c.client(query("SELECT a FROM t"))
		c.server(pkt(1, "\x01"), definition(2, "a", varString), eof(3, autocommit), pkt(4, text("1")))
		rows := c.of(t)
		check(t, "status", rows[0].Status, record.Unanswered)
		check(t, "open", rows[0].Attribute("open"), "true")
		c.Bytes(stream.Backward, eof(5, autocommit)[:6])
		rows = c.of(t)
		check(t, "status", rows[0].Status, record.Unknown)
		check(t, "doubt", rows[0].Doubts, record.Cut)
		c = logIn(usual)
		c.client(query("SELECT a FROM t"))
		rows = c.of(t)
		check(t, "status", rows[0].Status, record.Unanswered)
	})
	t.Run("7 executions have their SQL", func(t *testing.T) {
		c := prepared(usual)
		c.client(pkt(0, "\x17", u32(9), "\x00", u32(1), "\x00\x01\x03\x00", u32(5))).server(okPacket(1, 1, 0, autocommit))
		c.client(pkt(0, "\x17", u32(9), "\x00", u32(1), "\x00\x00", u32(6))).server(okPacket(1, 1, 0, autocommit)) // types as before
		c.client(pkt(0, "\x17", u32(9), "\x00", u32(1), "\x01\x00")).server(okPacket(1, 1, 0, autocommit))         // NULL
		c.client(pkt(0, "\x18", u32(9), u16(0), "lo"), pkt(0, "\x18", u32(9), u16(0), "ng"), pkt(0, "\x17", u32(9), "\x00", u32(1), "\x00\x01\xfc\x00"))
		c.server(okPacket(1, 1, 0, autocommit))
		c.client(pkt(0, "\x17", u32(8), "\x00", u32(1), "\x00\x01\x03\x00", u32(7))).server(okPacket(1, 1, 0, autocommit)) // never seen
		rows := c.of(t)
		check(t, "exchanges", len(rows), 6)
		for i, r := range rows[:5] {
			operation := "UPDATE"
			if i == 0 {
				operation = "PREPARE"
			}
			check(t, "query", r.Text(record.Query), "UPDATE t SET a = ?")
			check(t, "operation", r.Text(record.Operation), operation)
			check(t, "summary", r.Text(record.Summary), operation+" t")
			check(t, "target", r.Text(record.Target), "t")
		}
		check(t, "bytes with long data", rows[4].Num(record.RequestBytes), 3*4+2*9+14)
		check(t, "doubts of what there never was", rows[5].Doubts, 0)
		check(t, "values", values(&c.Conversation), []string{"parameter=5", "parameter=6", "parameter=NULL", "parameter=(long data)", "parameter=7"})
	})
	t.Run("8 a statement's number is not what was changed", func(t *testing.T) {
		rows := prepared(usual).of(t)
		check(t, "statement_id", rows[0].Attribute("statement_id"), 9)
		if n := rows[0].Num(record.Affected); rows[0].Has(record.Affected) {
			t.Errorf("affected %d", n)
		}
	})
	t.Run("9 rows over many segments", func(t *testing.T) {
		c := logIn(usual | deprecateEOF)
		c.client(query("SELECT a FROM t"))
		b := slices.Concat(pkt(1, "\x01"), definition(2, "a", varString))
		for i := range 1000 {
			b = append(b, pkt(byte(3+i), text(strings.Repeat("r", i%300)))...)
		}
		b = append(b, pkt(1003&0xFF, "\xfe\x00\x00", u16(autocommit), u16(0))...)
		for ; len(b) > 1448; b = b[1448:] {
			c.server(b[:1448])
		}
		c.server(b)
		rows := c.of(t)
		check(t, "rows", rows[0].Num(record.Rows), 1000)
		check(t, "status", rows[0].Status, record.OK)
	})
	t.Run("10 pipelines of MariaDB", func(t *testing.T) {
		c := logIn(usual | deprecateEOF)
		c.client(pkt(0, "\x16", "DELETE FROM t WHERE a = ?"), pkt(0, "\x17", u32(0xFFFFFFFF), "\x00", u32(1), "\x00\x01\x03\x00", u32(5)))
		c.server(prepareOK(1, 4, 0, 1), definition(2, "?", varString), okPacket(1, 3, 0, autocommit))
		rows := c.of(t)
		check(t, "exchanges", len(rows), 2)
		check(t, "query", rows[1].Text(record.Query), "DELETE FROM t WHERE a = ?")
		check(t, "affected", rows[1].Num(record.Affected), 3)
		check(t, "doubts", rows[1].Doubts, 0)
	})
	t.Run("11 bytes of a file are no commands", func(t *testing.T) {
		c := logIn(usual)
		c.client(query("LOAD DATA LOCAL INFILE 'f' INTO TABLE t")).server(pkt(1, "\xfb", "f"))
		c.client(pkt(2, "\x01\x02\x03")).client(pkt(0, "\x03SELECT 1")).client(pkt(4)) // numbers may begin anew
		c.server(okPacket(5, 2, 0, autocommit))
		c.client(pkt(0, "\x0e")).server(okPacket(1, 0, 0, autocommit))
		rows := c.of(t)
		check(t, "exchanges", len(rows), 2)
		check(t, "operation", rows[0].Text(record.Operation), "LOAD")
		check(t, "affected", rows[0].Num(record.Affected), 2)
		check(t, "infile_bytes", rows[0].Attribute("infile_bytes"), 3+9)
		check(t, "operation", rows[1].Text(record.Operation), "PING")
	})
}

// prepareOK answers a PREPARE.
func prepareOK(seq byte, id, columns, params int) []byte {
	return pkt(seq, "\x00", u32(id), u16(columns), u16(params), "\x00", u16(0))
}

// prepared is a conversation in which statement 9 was prepared.
func prepared(caps int) talk {
	c := logIn(caps)
	c.client(pkt(0, "\x16", "UPDATE t SET a = ?"))
	return c.server(prepareOK(1, 9, 0, 1), definition(2, "?", varString), eof(3, autocommit))
}

// TestTransactions: what a server says of its state reaches the row.
func TestTransactions(t *testing.T) {
	c := logIn(usual)
	c.client(query("BEGIN")).server(okPacket(1, 0, 0, autocommit|1))
	c.client(query("SELECT a FROM t")).server(pkt(1, "\x01"), definition(2, "a", long), eof(3, autocommit|1), pkt(4, text("1")), eof(5, autocommit|1))
	c.client(query("COMMIT")).server(okPacket(1, 0, 0, 0))
	rows := c.of(t)
	for i, want := range []string{"true true", "true true", " "} {
		check(t, rows[i].Text(record.Operation), rows[i].Attribute("in_transaction")+" "+rows[i].Attribute("autocommit"), want)
	}
}

// TestMultipleResults: several statements are one row, whose numbers are sums.
func TestMultipleResults(t *testing.T) {
	const more = autocommit | 8
	c := logIn(usual)
	c.client(query("INSERT INTO t VALUES (1); SELECT a FROM t; UPDATE t SET a = 2"))
	c.server(okPacket(1, 2, 7, more), pkt(2, "\x01"), definition(3, "a", long), eof(4, more), pkt(5, text("1")), pkt(6, text("2")), eof(7, more), okPacket(8, 3, 0, autocommit))
	c.client(query("SELECT 1; SELECT b FROM t")).server(pkt(1, "\x01"), definition(2, "1", long), eof(3, more), pkt(4, text("1")), eof(5, more), failure(6, 1054, "42S22", "Unknown column 'b' in 'field list'"))
	rows := c.of(t)
	check(t, "rows", rows[0].Num(record.Rows), 2)
	check(t, "affected", rows[0].Num(record.Affected), 5)
	check(t, "results", rows[0].Attribute("results"), 3)
	check(t, "last_insert_id", rows[0].Attribute("last_insert_id"), 7)
	check(t, "status", rows[1].Status, record.ClientError)
	check(t, "code", rows[1].Text(record.Code), 1054)
	check(t, "rows before the error", rows[1].Num(record.Rows), 1)
}

// TestNamespace: the schema is the one in use when the server takes up the request.
func TestNamespace(t *testing.T) {
	c := logIn(usual | sessionTrack)
	ok := func(schema string) []byte {
		return pkt(1, "\x00\x00\x00", u16(autocommit|1<<14), u16(0), text(""), text("\x01"+text(text(schema))))
	}
	plain := pkt(1, "\x00\x00\x00", u16(autocommit), u16(0))
	c.client(query("USE a")).server(plain)
	c.client(query("SELECT 1")).server(plain)
	c.client(pkt(0, "\x02b")).server(plain)
	c.client(query("SET @x = 1; USE c; SELECT 1")).server(ok("c"))
	c.client(query("USE nowhere")).server(failure(1, 1049, "42000", "Unknown database 'nowhere'"))
	c.client(pkt(0, "\x02d"), pkt(0, "\x0e"), query("SELECT 1")).server(plain, plain, plain)
	c.client(pkt(0, "\x0e")).server(plain)
	var got []string
	for _, r := range c.of(t) {
		got = append(got, r.Text(record.Namespace))
	}
	check(t, "namespaces", strings.Join(got, ","), ",a,a,b,c,c,d,d,d")

	c = logIn(usual)
	c.client(query("USE a"), query("SELECT 1"), pkt(0, "\x02b"), query("SELECT 2"), query("SELECT 3"))
	c.server(plain, plain, plain, plain, plain)
	got = nil
	for _, r := range c.of(t) {
		got = append(got, r.Text(record.Namespace))
	}
	check(t, "namespaces of a pipeline", strings.Join(got, ","), ",a,a,b,b")

	c = logIn(usual)
	for i := range 6 {
		c.client(pkt(0, "\x02", fmt.Sprint("s", i)))
	}
	c.server(plain, plain, plain, plain, plain, plain)
	got = nil
	for _, r := range c.of(t) {
		got = append(got, r.Text(record.Namespace))
	}
	check(t, "namespaces of a long pipeline", strings.Join(got, ","), ",,,s2,s3,s4")
}

// TestErrors: an error instead of a greeting, one that nobody asked for, one behind progress reports.
func TestErrors(t *testing.T) {
	c := talk{l7test.NewTalk()}
	c.server(pkt(0, "\xff", u16(1040), "Too many connections"))
	rows := rowsOf(t, false, &c.Conversation)
	check(t, "exchanges", len(rows), 1)
	check(t, "operation", rows[0].Text(record.Operation), "LOGIN")
	check(t, "code", rows[0].Text(record.Code), 1040)

	c = logIn(usual)
	c.client(query("ALTER TABLE t FORCE"))
	c.server(pkt(1, "\xff\xff\xff", "\x01\x01\x02", "\x10\x27\x00", text("copy to tmp table")))
	c.server(failure(2, 1317, "70100", "Query execution was interrupted"))
	c.server(failure(0, 1927, "70100", "Connection was killed"))
	rows = c.of(t)
	check(t, "exchanges", len(rows), 2)
	check(t, "code", rows[0].Text(record.Code), 1317)
	check(t, "operation", rows[1].Text(record.Operation), "ERROR")
	check(t, "code", rows[1].Text(record.Code), 1927)
	check(t, "doubts", rows[1].Doubts, 0)
}

// drawn are the trees of a conversation as they are shown.
func drawn(c *l7test.Conversation, values bool) string {
	var out bytes.Buffer
	w := output.NewTree(&out, output.TreeOptions{Values: values, All: true})
	var replay l7.Replayer
	e := l7.New(l7.Config{Protocols: []*l7.Protocol{mysql.Protocol}, Want: ^uint64(0), Values: true, Keep: true, Budget: 64 << 20}, func(r *record.Record) {
		for i := range r.Messages {
			err := replay.Message(mysql.Protocol, &r.Messages[i])
			w.Message("", &replay.Tree, err)
		}
	})
	c.Play(e)
	w.Flush()
	return out.String()
}

// TestSecretParameters: what is bound where a password may be is hidden, also as long data, in a batch, and in errors
// that quote it. Other parameters are shown.
func TestSecretParameters(t *testing.T) {
	for sql, hidden := range map[string]bool{"UPDATE users SET password = ? WHERE id = ?": true, "UPDATE users SET city = ? WHERE id = ?": false} {
		c := logIn(usual | deprecateEOF)
		c.client(pkt(0, "\x16", sql)).server(prepareOK(1, 9, 0, 2), definition(2, "?", varString), definition(3, "?", varString))
		types := "\x01\xfd\x00\xfd\x00"
		c.client(pkt(0, "\x17", u32(9), "\x00", u32(1), "\x00", types, text("marlin-77"), text("dorado-78")))
		c.server(failure(1, 1366, "HY000", "Incorrect string value: 'marlin-77' for column 'password' at row 1"))
		c.client(pkt(0, "\x18", u32(9), u16(0), "marlin-77"), pkt(0, "\x17", u32(9), "\x00", u32(1), "\x00", types, text("dorado-78"))).server(okPacket(1, 1, 0, autocommit))
		c.client(pkt(0, "\xfa", u32(9), u16(128), types[1:], "\x00", text("marlin-77"), "\x00", text("dorado-78"))).server(okPacket(1, 1, 0, autocommit))
		trees := drawn(&c.Conversation, true)
		for _, r := range rowsOf(t, true, &c.Conversation) {
			trees += r.String()
		}
		if shown := strings.Contains(trees, "marlin") || strings.Contains(trees, "dorado"); shown == hidden {
			t.Errorf("%s: shown %v\n%s", sql, shown, trees)
		}
	}
}

// TestPasswordInError: an error that quotes a statement with a password is masked, whatever the user asks for.
func TestPasswordInError(t *testing.T) {
	c := logIn(usual)
	c.client(query("CREATE USER bob IDENTIFIED BY 'swordfish-31' oops"))
	c.server(failure(1, 1064, "42000", "You have an error in your SQL syntax near ''swordfish-31' oops' at line 1"))
	for _, values := range []bool{false, true} {
		for _, r := range rowsOf(t, values, &c.Conversation) {
			if s := fmt.Sprint(r); strings.Contains(s, "swordfish") {
				t.Errorf("values %v: %s", values, s)
			}
		}
	}
	tree := drawn(&c.Conversation, true)
	if strings.Contains(tree, "swordfish") || !strings.Contains(tree, "error_message") {
		t.Errorf("with values: %s", tree)
	}
}

// TestLostPrepare: what is executed as the statement prepared last is not the one before a gap.
func TestLostPrepare(t *testing.T) {
	c := prepared(usual)
	c.Gap(stream.Forward, 30, false)
	c.client(pkt(0, "\x17", u32(0xFFFFFFFF), "\x00", u32(1), "\x00\x01\x03\x00", u32(5)))
	rows := c.of(t)
	r := rows[len(rows)-1]
	check(t, "operation", r.Text(record.Operation), "STMT_EXECUTE")
	check(t, "query", r.Text(record.Query), "")
	check(t, "doubt", r.Doubts&record.PreparedUnseen != 0, true)
}

// TestLostDefinitions: a PREPARE whose answer goes on in a gap leaves nothing to the one that takes its memory.
func TestLostDefinitions(t *testing.T) {
	c := logIn(usual | deprecateEOF)
	c.client(pkt(0, "\x16", "SELECT a FROM t WHERE a = ?")).server(prepareOK(1, 9, 1, 1), definition(2, "?", varString))
	c.Gap(stream.Backward, 100, false)
	c.client(pkt(0, "\x19", u32(9)))
	c.client(pkt(0, "\x16", "SELECT b FROM t")).server(prepareOK(1, 10, 1, 0), definition(2, "b", long))
	c.client(pkt(0, "\x17", u32(10), "\x00", u32(1)))
	c.server(pkt(1, "\x01"), definition(2, "b", long), pkt(3, "\x00\x00", u32(7)), pkt(4, "\xfe\x00\x00", u16(autocommit), u16(0)))
	check(t, "values", values(&c.Conversation), []string{"b=7"})
}

// TestStateBehindErrors: an error does not tell the server's state; it is the one before, where that is certain.
func TestStateBehindErrors(t *testing.T) {
	for _, x := range []struct {
		sql   string
		error []byte
		want  string
	}{
		{"INSERT INTO t VALUES (1)", failure(1, 1062, "23000", "Duplicate entry '1' for key 't.a'"), "true true"},
		{"SELEC", failure(1, 1064, "42000", "You have an error near 'SELEC'"), "true true"},
		{"UPDATE t SET a = 1", failure(1, 1213, "40001", "Deadlock found"), " true"},
		{"UPDATE t SET a = 1", failure(1, 1205, "HY000", "Lock wait timeout exceeded"), " true"},
		{"CREATE TABLE t (a INT)", failure(1, 1050, "42S01", "Table 't' already exists"), " "}, // it has committed
	} {
		c := logIn(usual)
		c.client(query("BEGIN")).server(okPacket(1, 0, 0, autocommit|1))
		c.client(query(x.sql)).server(x.error)
		r := c.of(t)[1]
		check(t, x.sql, r.Attribute("in_transaction")+" "+r.Attribute("autocommit"), x.want)
	}
}

// TestTraceOfAttributes: a traceparent that comes as a query attribute is the trace; that of a PREPARE is not the one of
// what is executed later.
func TestTraceOfAttributes(t *testing.T) {
	const trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	parent := "00-" + trace + "-" + span + "-01"
	for value, want := range map[string]string{parent: trace + " " + span, "00-" + strings.Repeat("0", 32) + "-" + span + "-01": " ", "": " "} {
		c := logIn(usual | queryAttributes)
		c.client(pkt(0, "\x03", "\x01\x01", "\x00", "\x01", "\xfd\x00"+text("traceparent"), text(value), "SELECT 1 FROM t"))
		c.server(okPacket(1, 0, 0, autocommit))
		r := c.of(t)[0]
		check(t, value, r.Text(record.TraceID)+" "+r.Text(record.SpanID), want)
	}
	c := logIn(usual | deprecateEOF)
	c.client(pkt(0, "\x16", "DELETE FROM t /*traceparent='"+parent+"'*/")).server(prepareOK(1, 9, 0, 0))
	c.client(pkt(0, "\x17", u32(9), "\x00", u32(1))).server(okPacket(1, 1, 0, autocommit))
	rows := c.of(t)
	check(t, "PREPARE", rows[0].Text(record.TraceID), trace)
	check(t, "EXECUTE", rows[1].Text(record.Operation)+rows[1].Text(record.TraceID), "DELETE")
}

// TestKill: who kills and who is killed know of each other, whatever asks for it.
func TestKill(t *testing.T) {
	for name, request := range map[string][]byte{"KILL": query("KILL 77"), "KILL QUERY": query("/* x */ kill hard query 77;"), "command": pkt(0, "\x0c", u32(77))} {
		victim, killer := logIn(usual), logIn(usual)
		killer.Chunks[0].Data = bytes.Replace(killer.Chunks[0].Data, []byte(u32(77)), []byte(u32(78)), 1)
		killer.Flow.A = netip.MustParseAddrPort("10.0.0.9:41000")
		victim.client(query("SELECT SLEEP(9)")).server(failure(1, 1317, "70100", "Query execution was interrupted"))
		killer.Wait(l7test.Step)
		killer.client(request).server(okPacket(1, 0, 0, autocommit))
		var shared l7.Shared
		var rows []l7test.Row
		keep := l7test.Keep(&rows)
		e := l7.New(l7.Config{Protocols: []*l7.Protocol{mysql.Protocol}, Want: ^uint64(0), Budget: 64 << 20}, func(r *record.Record) {
			shared.Settle(r)
			keep(r)
		})
		h := e.Open(&victim.Flow)
		for i := range victim.Chunks {
			if i == 4 { // while the query goes on
				killer.Play(e)
			}
			h.HandleChunk(&victim.Flow, &victim.Chunks[i])
		}
		check(t, name+": rows", len(rows), 4)
		check(t, name, rows[2].Attribute("kills")+" "+rows[2].Attribute("thread_id"), "10.0.0.1:40000 77")
		check(t, name, rows[3].Text(record.Code)+" "+rows[3].Attribute("killed_by"), "1317 10.0.0.9:41000")
	}
	c := logIn(usual)
	c.client(query("KILL QUERY ID 77")).server(okPacket(1, 0, 0, autocommit))
	check(t, "a query's number", c.of(t)[0].Attribute("thread_id"), "")
}

// TestUnseen: a statement that is not known is a doubt only where the PREPARE may have been missed.
func TestUnseen(t *testing.T) {
	execute := pkt(0, "\x17", u32(8), "\x00", u32(1), "\x00\x01\x03\x00", u32(7))
	unknown := failure(1, 1243, "HY000", "Unknown prepared statement handler (8) given to mysqld_stmt_execute")
	c := logIn(usual)
	c.client(execute).server(unknown)
	check(t, "seen from the start", c.of(t)[0].Doubts&record.PreparedUnseen, 0)
	c = logIn(usual)
	c.Gap(stream.Forward, 30, false)
	c.client(execute).server(unknown)
	rows := c.of(t)
	check(t, "behind a gap", rows[len(rows)-1].Doubts&record.PreparedUnseen, record.PreparedUnseen)
	c = logIn(usual | deprecateEOF)
	for i := range 1100 {
		c.client(pkt(0, "\x16", "DELETE FROM t")).server(prepareOK(1, i+1, 0, 0))
	}
	c.client(execute).server(okPacket(1, 0, 0, autocommit))
	rows = c.of(t)
	check(t, "forgotten", rows[len(rows)-1].Doubts&record.PreparedUnseen, record.PreparedUnseen)
}

// TestLongEvent: an event of the binary log that takes more than a packet is one event, and all is well while events come.
func TestLongEvent(t *testing.T) {
	event := func(size int) string {
		return u32(0) + "\x1e" + u32(1) + u32(size) + u32(0) + u16(0) + strings.Repeat("e", size-19)
	}
	const size = 1<<24 + 100
	sent := "\x00" + event(size)
	c := logIn(usual | deprecateEOF)
	c.client(pkt(0, "\x12", u32(4), u16(0), u32(9), "log.1"))
	c.server(pkt(1, "\x00"+event(40)), pkt(2, sent[:1<<24-1]), pkt(3, sent[1<<24-1:]), pkt(4, "\x00"+event(50)))
	r := c.of(t)[0]
	check(t, "events", r.Attribute("events"), 3)
	check(t, "status", r.Status, record.OK)
	check(t, "open", r.Attribute("open"), "true")
}

// TestXErrors: an error of X Protocol has its number, and the text is masked, for nobody knows what it quotes.
func TestXErrors(t *testing.T) {
	message := func(typ byte, payload string) []byte {
		return []byte(u32(len(payload)+1) + string([]byte{typ}) + payload)
	}
	c := talk{l7test.NewTalk()}
	c.client(message(1, "")).server(message(2, ""))
	failed := "\x08\x00" + "\x10\xa8\x08" + "\x22\x05" + "42000" + "\x1a\x12" + "near 'marlin-77' ."
	c.client(message(12, "\x12\x01x")).server(message(1, failed))
	c.client(message(12, "\x12\x01x")).server(message(1, ""))
	rows := rowsOf(t, true, &c.Conversation)
	r := rows[1]
	check(t, "facts", fmt.Sprint(r.Text(record.Code), r.Status, r.Attribute("sqlstate"), r.Text(record.Error)), fmt.Sprint("1064", record.ClientError, "42000", "42000 near '?' ."))
	check(t, "an error that says nothing", rows[2].Status, record.Unknown)
	if tree := drawn(&c.Conversation, true); strings.Contains(tree, "marlin") || !strings.Contains(tree, "sql_state = \"42000\"") {
		t.Error(tree)
	}
}

// TestMemory: statements that nobody closes take no more than a bound.
func TestMemory(t *testing.T) {
	held := 0
	highest := 0
	e := l7.New(l7.Config{Protocols: []*l7.Protocol{mysql.Protocol}, Want: ^uint64(0), Budget: 64 << 20, Charge: func(n int) {
		held += n
		highest = max(highest, held)
	}}, func(*record.Record) {})
	c := logIn(usual | deprecateEOF)
	for i := range 3000 {
		c.client(pkt(0, "\x16", "SELECT "+strings.Repeat("a_long_name, ", 40)+fmt.Sprintf("c%d FROM t", i)))
		c.server(prepareOK(1, i+1, 0, 0))
	}
	c.Play(e)
	if highest > 1<<20 || held > 64<<10 {
		t.Errorf("%d bytes were held, and %d are", highest, held)
	}
}

// TestX: messages of X Protocol are named, and requests find their answers.
func TestX(t *testing.T) {
	var got []string
	for _, v := range l7test.Read(t, filepath.Join("testdata", "x.pcap.gz")) {
		for _, r := range rowsOf(t, false, v) {
			got = append(got, r.Text(record.Operation)+" "+r.Status.String())
		}
	}
	t.Log(got)
	for _, want := range []string{"CON_CAPABILITIES_GET ok", "SESS_AUTHENTICATE_START ok", "SQL_STMT_EXECUTE ok"} {
		if !slices.Contains(got, want) {
			t.Errorf("no %s in %v", want, got)
		}
	}
}

// TestCharset: whether a backslash is one in what a client sends follows from what it and the server say.
func TestCharset(t *testing.T) {
	ok := okPacket(1, 0, 0, autocommit)
	sql := "SELECT 'x\xe0\\', 'marlin-77'" // in GBK, text ends before the comma
	tracked := text("character_set_client") + text("gbk")
	change := "\x00" + text(tracked)
	told := pkt(1, "\x00\x00\x00", u16(autocommit|1<<14), u16(0), text(""), text(change))
	for name, x := range map[string]struct {
		talk func(talk)
		safe bool
	}{
		"the login's":   {func(talk) {}, false},
		"SET NAMES gbk": {func(c talk) { c.client(query("SET NAMES gbk")).server(ok) }, true},
		"and back": {func(c talk) {
			c.client(query("SET NAMES gbk")).server(ok).client(query("SET NAMES utf8mb4")).server(ok)
		}, false},
		"a pipeline":          {func(c talk) { c.client(query("SET NAMES gbk")) }, true},
		"back, in a pipeline": {func(c talk) { c.client(query("SET NAMES gbk")).server(ok).client(query("SET NAMES utf8")) }, true},
		"back, which failed": {func(c talk) {
			c.client(query("SET NAMES gbk")).server(ok).client(query("SET NAMES utf8")).server(failure(1, 1115, "42000", "Unknown"))
		}, true},
		"the session tracks it": {func(c talk) { c.client(query("CALL p()")).server(told) }, true},
		"a gap":                 {func(c talk) { c.Gap(stream.Forward, 30, false) }, true},
		"prepared": {func(c talk) {
			c.client(pkt(0, "\x16", "SET NAMES gbk")).server(prepareOK(1, 9, 0, 0)).client(pkt(0, "\x17", u32(9), "\x00", u32(1))).server(ok)
		}, true},
		"code in a text":     {func(c talk) { c.client(query("EXECUTE IMMEDIATE 'SET NAMES gbk'")).server(ok) }, true},
		"a SET that was cut": {func(c talk) { c.snapped(stream.Forward, 20, query("SET @a = 'a text', NAMES gbk")).server(ok) }, true},
		"back, nobody knows": {func(c talk) {
			c.client(query("SET NAMES gbk")).server(ok).client(query(`SET @a = 'C:\', @b = ', NAMES utf8'`)).server(ok)
		}, true},
		"code that nobody saw": {func(c talk) { c.client(query("EXECUTE s")).server(ok) }, true},
		"prepared, and forgotten": {func(c talk) {
			c.client(pkt(0, "\x16", "SET NAMES gbk")).server(prepareOK(1, 1, 0, 0))
			for i := range 1100 {
				c.client(pkt(0, "\x16", "DELETE FROM t")).server(prepareOK(1, i+2, 0, 0))
			}
			c.client(pkt(0, "\x17", u32(1), "\x00", u32(1))).server(ok)
		}, true},
		"a number that was never prepared": {func(c talk) { c.client(pkt(0, "\x17", u32(1), "\x00", u32(1))).server(ok) }, false},
		"all is as the server begins": {func(c talk) {
			c.client(query("SET NAMES utf8mb4")).server(ok).client(pkt(0, "\x1f")).server(ok)
		}, true},
		"and named again": {func(c talk) {
			c.client(pkt(0, "\x1f")).server(ok).client(query("SET NAMES utf8mb4")).server(ok)
		}, false},
		"a SELECT that was cut": {func(c talk) { c.snapped(stream.Forward, 20, query("SELECT 'a text'; SET NAMES gbk")).server(ok) }, false},
		"with several statements": {func(c talk) {
			c.client(pkt(0, "\x1b", u16(0))).server(ok).snapped(stream.Forward, 20, query("SELECT 'a text'; SET NAMES gbk")).server(ok)
		}, true},
		"prepared only": {func(c talk) { c.client(pkt(0, "\x16", "SET NAMES gbk")).server(prepareOK(1, 9, 0, 0)) }, false},
	} {
		c := logIn(usual | sessionTrack | deprecateEOF)
		x.talk(c)
		c.client(query(sql)).server(ok)
		seen := strings.Contains(fmt.Sprint(c.of(t)), "marlin")
		if seen == x.safe {
			t.Errorf("%s: shown %v", name, seen)
		}
	}
	mode := query("SET sql_mode = 'NO_BACKSLASH_ESCAPES'")
	file := query(`SELECT 'C:\', 'marlin-77'`)
	unescaped := okPacket(1, 0, 0, autocommit|1<<9)
	for name, x := range map[string]struct {
		talk func(talk)
		safe bool
	}{
		"as a backslash escapes":   {func(c talk) { c.client(file) }, false},
		"a mode that was set":      {func(c talk) { c.client(mode).server(okPacket(1, 0, 0, autocommit|1<<9)).client(file) }, true},
		"a mode that is asked for": {func(c talk) { c.client(mode, file) }, true},
		"behind another's answer":  {func(c talk) { c.client(query("SELECT 1"), mode).server(ok).client(file) }, true},
		"a mode that could not be": {func(c talk) { c.client(mode).server(failure(1, 1231, "42000", "Variable")).client(file) }, true},
		"and a status": {func(c talk) {
			c.client(mode).server(failure(1, 1231, "42000", "Variable")).client(query("SELECT 1")).server(ok).client(file)
		}, false},
		"its answer is in a gap": {func(c talk) { c.client(mode).Gap(stream.Backward, len(ok), false); c.client(file).server(unescaped) }, true},
		"its answer was cut":     {func(c talk) { c.client(mode).snapped(stream.Backward, 7, unescaped).client(file) }, true},
		"it is in a gap":         {func(c talk) { c.Gap(stream.Forward, len(mode), false); c.client(file).server(unescaped) }, true},
		"both are": {func(c talk) {
			c.Gap(stream.Forward, len(mode), false)
			c.Gap(stream.Backward, len(ok), false)
			c.client(file).server(unescaped)
		}, true},
		"it is in a gap, behind what is answered late": {func(c talk) {
			c.client(query("SELECT 1"), query("SELECT 2")).Gap(stream.Forward, len(mode), false)
			c.server(ok, ok).client(file)
		}, true},
		"a gap, and a status": {func(c talk) {
			c.Gap(stream.Forward, 30, false)
			c.client(query("SELECT 1")).server(ok).client(query("SELECT 2")).server(ok).client(file)
		}, false},
	} {
		c := logIn(usual)
		x.talk(c)
		if seen := strings.Contains(fmt.Sprint(c.of(t)), "marlin"); seen == x.safe {
			t.Errorf("%s: shown %v", name, seen)
		}
	}
	c := logIn(usual)
	c.client(query("SET NAMES gbk; "+sql)).server(okPacket(1, 0, 0, autocommit|8), okPacket(2, 0, 0, autocommit))
	if s := fmt.Sprint(c.of(t)) + drawn(&c.Conversation, false); strings.Contains(s, "marlin") {
		t.Error(s)
	}
}
