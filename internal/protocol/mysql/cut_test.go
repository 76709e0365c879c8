package mysql_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/l7/l7test"
	"github.com/dbtap/dbtap/internal/protocol/mysql"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/stream"
)

// snapped adds bytes of which the capture has the first n.
func (t talk) snapped(dir stream.Dir, n int, b []byte) talk {
	t.Bytes(dir, b[:n])
	t.Gap(dir, len(b)-n, true)
	return t
}

// TestLateProof: what a client sends in a login is no command when the server's OK is captured before it, whatever byte it
// begins with.
func TestLateProof(t *testing.T) {
	for _, first := range []string{"\x02", "\x03", "\x16", "\x11", "h"} {
		c := logIn(usual)
		c.client(pkt(3, first, "swordfish-31"))
		c.client(query("SELECT 1")).server(okPacket(1, 0, 0, autocommit))
		rows := c.of(t)
		check(t, fmt.Sprintf("%q: exchanges", first), len(rows), 1)
		check(t, "operation", rows[0].Text(record.Operation), "SELECT")
		for _, r := range rowsOf(t, true, &c.Conversation) {
			if strings.Contains(r.String(), "swordfish") {
				t.Error(r)
			}
		}
		if tree := drawn(&c.Conversation, true); strings.Contains(tree, "swordfish") {
			t.Error(tree)
		}
	}
}

// TestCutGreeting: a greeting that was cut before all capabilities says nothing of what both sides can do.
func TestCutGreeting(t *testing.T) {
	const caps = usual | deprecateEOF | queryAttributes
	c := talk{l7test.NewTalk()}
	c.snapped(stream.Backward, 26, pkt(0, "\x0a", "8.0.36\x00", u32(77), "abcdefgh\x00", u16(caps&0xFFFF), "\x2d", u16(autocommit), u16(caps>>16), "\x15", strings.Repeat("\x00", 10), "ijklmnopqrst\x00"))
	c.client(pkt(1, u32(caps), u32(1<<24), "\x2d", strings.Repeat("\x00", 23), "ada\x00", "\x14", strings.Repeat("\x5a", 20))).server(okPacket(2, 0, 0, autocommit))
	c.client(pkt(0, "\x03", "\x00\x01", "SELECT 1")).server(okPacket(1, 0, 0, autocommit))
	c.client(pkt(0, "\x16", "DELETE FROM t WHERE a = ?")).snapped(stream.Backward, 30, append(prepareOK(1, 9, 0, 1), definition(2, "?", varString)...))
	c.client(pkt(0, "\x17", u32(9), "\x00", u32(1), "\x00\x01\x03\x00", u32(5))).server(failure(1, 1146, "42S02", "Table 's.t' doesn't exist"))
	rows := c.of(t)
	check(t, "exchanges", len(rows), 3)
	check(t, "query", rows[0].Text(record.Query), "SELECT ?")
	check(t, "PREPARE", rows[1].Text(record.Code), "")
	check(t, "EXECUTE", rows[2].Text(record.Code), "1146")
}

// TestCutEnd: where nothing but the header was captured of what may end an answer, the next request does.
func TestCutEnd(t *testing.T) {
	c := logIn(usual)
	end := eof(5, autocommit)
	c.client(query("SELECT a FROM t")).server(pkt(1, "\x01"), definition(2, "a", varString), eof(3, autocommit), pkt(4, text("1"))).snapped(stream.Backward, 4, end)
	c.client(query("SELECT b FROM u")).server(failure(1, 1146, "42S02", "Table 's.u' doesn't exist"))
	rows := c.of(t)
	check(t, "exchanges", len(rows), 2)
	check(t, "first", rows[0].Text(record.Code), "")
	check(t, "doubt", rows[0].Doubts&record.Cut, record.Cut)
	check(t, "second", rows[1].Text(record.Code), "1146")
}

// TestColumnMemory: the columns of an answer that is not over are charged.
func TestColumnMemory(t *testing.T) {
	peak := func(columns int) (highest int) {
		held := 0
		e := l7.New(l7.Config{Protocols: []*l7.Protocol{mysql.Protocol}, Budget: 64 << 20, Charge: func(n int) {
			held += n
			highest = max(highest, held)
		}}, func(*record.Record) {})
		c := logIn(usual | deprecateEOF)
		c.client(query("SELECT * FROM t")).server(pkt(1, string(rune(columns))))
		for i := range columns {
			c.server(definition(byte(2+i), strings.Repeat("n", 50), varString))
		}
		c.Play(e)
		return highest
	}
	if more := peak(60) - peak(1); more < 2<<10 {
		t.Errorf("60 columns take %d bytes more than one", more)
	}
}

// TestHugeInsert: of an INSERT whose rows were not kept the table is known.
func TestHugeInsert(t *testing.T) {
	rows := l7test.ReadRows(t, mysql.Protocol, false, filepath.Join("testdata", "huge-insert.pcap.gz"))
	i := slices.IndexFunc(rows, func(r l7test.Row) bool { return r.Text(record.Operation) == "INSERT" })
	if i < 0 {
		t.Fatal("no INSERT")
	}
	check(t, "target", rows[i].Text(record.Target), "tapes")
	check(t, "cut", rows[i].Doubts, record.Cut)
}

// TestLostEnd: an answer that begins is none of rows that go on, though their end and the next request are in a gap: that
// it begins its number says. Rows have that number too.
func TestLostEnd(t *testing.T) {
	begun := [][]byte{pkt(1, "\x01"), definition(2, "a", varString), pkt(3, text("1"))}
	row := pkt(250, text("2"))
	for name, answer := range map[string][]byte{
		"OK":      okPacket(1, 5, 0, autocommit),
		"error":   failure(1, 1146, "42S02", "Table 's.u' doesn't exist"),
		"PREPARE": slices.Concat(prepareOK(1, 9, 0, 1), definition(2, "?", varString)),
		"rows":    slices.Concat(pkt(1, "\x01"), definition(2, "b", varString), pkt(3, text("3")), pkt(4, "\xfe\x00\x00", u16(autocommit), u16(0))),
	} {
		for _, behind := range []bool{false, true} {
			c := logIn(usual | deprecateEOF)
			c.client(query("SELECT a FROM t")).server(begun...)
			c.Gap(stream.Backward, 99, false)
			if behind { // rows go on before the answer
				c.server(row, pkt(251, text("2")), pkt(252, text("2")), pkt(253, text("2")))
				check(t, "rows", c.of(t)[0].Num(record.Rows), 5)
			}
			c.Gap(stream.Forward, 99, false)
			c.server(answer)
			c.client(query("SELECT b FROM u")).server(okPacket(1, 7, 0, autocommit))
			rows := c.of(t)
			check(t, name+": exchanges", len(rows), 3)
			check(t, name+": open", rows[0].Attribute("open"), "true")
			check(t, name+": affected", rows[0].Num(record.Affected), 0)
			check(t, name+": no request", rows[1].Doubts&record.NoRequest, record.NoRequest)
			check(t, name+": next", rows[2].Num(record.Affected), 7)
		}
	}
	c := logIn(usual | deprecateEOF)
	c.client(query("SELECT a FROM t")).server(begun...)
	c.Gap(stream.Backward, 99, false)
	for i := range 600 {
		c.server(pkt(byte(200+i), text("22")))
	}
	c.server(pkt(33, "\xfe\x00\x00", u16(autocommit), u16(0)))
	rows := c.of(t)
	check(t, "exchanges of one answer", len(rows), 1)
	check(t, "its rows", rows[0].Num(record.Rows), 601)
}

// TestDoubtfulPrepare: what was prepared while answers were lost is not executed under another's text.
func TestDoubtfulPrepare(t *testing.T) {
	execute := pkt(0, "\x17", u32(9), "\x00", u32(1), "\x00\x01\x03\x00", u32(5))
	made := slices.Concat(prepareOK(1, 9, 0, 1), definition(2, "?", varString))
	first, second := pkt(0, "\x16", "DELETE FROM t WHERE a = ?"), pkt(0, "\x16", "UPDATE u SET b = ?")
	for name, play := range map[string]func(c talk){
		"an answer and the next PREPARE": func(c talk) {
			c.client(first)
			c.Gap(stream.Backward, 50, false)
			c.server(made)
			c.Gap(stream.Forward, len(second), false)
		},
		"a request in a pipeline": func(c talk) {
			c.client(query("SELECT 1"))
			c.Gap(stream.Forward, len(first), false)
			c.client(second).server(okPacket(1, 0, 0, autocommit), made)
		},
	} {
		c := logIn(usual | deprecateEOF)
		play(c)
		c.client(execute).server(okPacket(1, 1, 0, autocommit))
		rows := c.of(t)
		r := rows[len(rows)-1]
		check(t, name+": operation", r.Text(record.Operation), "STMT_EXECUTE")
		check(t, name+": doubt", r.Doubts&record.PreparedUnseen, record.PreparedUnseen)
	}
}

// TestFoundPipelines: behind a gap many commands in one segment, and many answers, are all found.
func TestFoundPipelines(t *testing.T) {
	c := logIn(usual)
	c.Gap(stream.Forward, 30, false)
	c.server(failure(1, 1146, "42S02", "Table 's.t' doesn't exist"))
	c.client(query("SELECT 1"), pkt(0, "\x0e"), query("DELETE FROM t"))
	c.Gap(stream.Backward, 30, false)
	c.client(query("SELECT 2"), pkt(0, "\x0e")).server(okPacket(1, 1, 0, autocommit), okPacket(1, 2, 0, autocommit))
	var got []string
	for _, r := range c.of(t) {
		got = append(got, r.Text(record.Operation)+" "+r.Text(record.Code)+" "+r.Status.String())
	}
	check(t, "rows", strings.Join(got, ", "), " 1146 client_error, SELECT  unknown, PING  unknown, DELETE  unknown, SELECT  ok, PING  ok")
}

// TestTakenForAnother: what is left of an answer that was taken for another's does not take the next.
func TestTakenForAnother(t *testing.T) {
	c := logIn(usual | deprecateEOF)
	c.client(query("SELECT 1"))
	c.Gap(stream.Backward, 50, false)
	c.server(prepareOK(1, 9, 1, 1), definition(2, "?", varString), definition(3, "a", varString))
	c.Gap(stream.Forward, 40, false)
	c.client(query("DELETE FROM t")).server(okPacket(1, 3, 0, autocommit))
	c.client(query("DELETE FROM t")).server(okPacket(1, 5, 0, autocommit))
	rows := c.of(t)
	n := len(rows)
	check(t, "last but one", fmt.Sprint(rows[n-2].Num(record.Affected), rows[n-2].Status), "3 ok")
	check(t, "last", fmt.Sprint(rows[n-1].Num(record.Affected), rows[n-1].Status, rows[n-1].Doubts), "5 ok 0")
}

// TestCutSecret: of a text that was cut nobody knows whether its literals are secrets.
func TestCutSecret(t *testing.T) {
	sql := query("UPDATE users SET name = 'marlin-77', password = 'swordfish-31'")
	for _, n := range []int{45, 22} { // of which the second has no literal
		c := logIn(usual)
		c.snapped(stream.Forward, n, sql).server(failure(1, 1366, "HY000", "Incorrect string value: 'swordfish-31' for column 'password' at row 1"))
		rows := rowsOf(t, true, &c.Conversation)
		if s := fmt.Sprint(rows) + drawn(&c.Conversation, true); strings.Contains(s, "marlin") || strings.Contains(s, "swordfish") || !strings.Contains(s, "UPDATE users") {
			t.Error(s)
		}
	}
}
