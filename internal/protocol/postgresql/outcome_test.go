package postgresql_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/record"
)

// TestUnknownName: a name that nobody prepared is a mistake of the client's where all was seen, and a doubt where it was not.
func TestUnknownName(t *testing.T) {
	missing := failure("ERROR", "26000", `prepared statement "s" does not exist`)
	const failed = `EXECUTE client_error code=26000 error=ERROR: prepared statement "s" does not exist user=ann app=shop transaction=idle`
	use := bind("", "s") + execute("") + sync
	same(t, begin(false, false).client(startup).server(loggedIn).client(use).server(missing, ready).end(), login, failed)

	talk := begin(false, false).client(startup).server(loggedIn)
	talk.client(query("prepare s as select 1")).server(done("PREPARE"), ready).client(use).server(bound, done("SELECT 1"), ready)
	if got := talk.end()[2]; !strings.HasSuffix(got, " prepared_unseen") {
		t.Errorf("made in SQL: %s", got)
	}

	talk = begin(false, false).client(startup).server(loggedIn)
	for i := range 1025 {
		talk.client(parse(fmt.Sprint("s", i), "select 1"), sync).server(m('1', ""), ready)
	}
	talk.client(bind("", "s0"), execute(""), sync).server(bound, done("SELECT 1"), ready)
	if got := talk.end()[1026]; !strings.HasSuffix(got, " prepared_unseen") {
		t.Errorf("forgotten: %s", got)
	}
}

// TestRolledBack: a COMMIT that did not commit says so.
func TestRolledBack(t *testing.T) {
	talk := begin(false, false).client(startup).server(loggedIn)
	for _, sql := range []string{"commit", "prepare transaction 'x'", "end", "rollback"} {
		talk.client(query(sql)).server(done("ROLLBACK"), ready)
	}
	talk.client(query("commit; rollback")).server(done("COMMIT"), done("ROLLBACK"), ready)
	talk.client(parse("", "commit"), bind("", ""), execute(""), sync).server(m('1', ""), bound, done("ROLLBACK"), ready)
	talk.client(query("commit")).server(done("COMMIT"), ready)
	talk.end()
	for i, want := range []string{"", "true", "true", "true", "", "", "true", ""} {
		if talk.rows[i].Attribute("rolled_back") != want {
			t.Errorf("%v", talk.rows[i])
		}
	}
}

// TestPrepareApart: preparing is not counted with executing.
func TestPrepareApart(t *testing.T) {
	talk := begin(false, false).client(startup).server(loggedIn)
	talk.client(parse("s", "select a from stock"), sync).server(m('1', ""), ready)
	talk.client(m('D', "Ss\x00"), sync).server(m('n', ""), ready)
	talk.client(bind("", "s"), execute(""), sync).server(bound, done("SELECT 0"), ready)
	talk.client(m('C', "Ss\x00"), sync).server(m('3', ""), ready)
	talk.end()
	for i, want := range []string{"LOGIN", "PARSE stock", "DESCRIBE stock", "SELECT stock", "CLOSE stock"} {
		if got := talk.rows[i].Text(record.Summary); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestCondition: the SQLSTATE has a name.
func TestCondition(t *testing.T) {
	talk := begin(false, false).client(startup).server(loggedIn)
	for _, code := range []string{"23505", "40P01", "22ZZZ", "ZZ000"} {
		talk.client(query("x")).server(failure("ERROR", code, "x"), ready)
	}
	talk.end()
	for i, want := range []string{"", "unique_violation", "deadlock_detected", "data_exception", ""} {
		if got := talk.rows[i].Attribute("condition"); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestCutInsert: of a statement too long to be kept the table is told if nothing behind could change it.
func TestCutInsert(t *testing.T) {
	rows := strings.Repeat("(1, 'x'), ", 200_000)
	for text, want := range map[string]string{
		"insert into big (a, b) values " + rows:                   "big",
		"insert into big select a from small where b in (" + rows: "",
	} {
		talk := begin(false, false).client(startup).server(loggedIn).client(query(text)).server(done("INSERT 0 7"), ready)
		talk.client(group("s", text), sync).server(m('1', ""), bound, done("INSERT 0 7"), ready)
		talk.end()
		if len(talk.rows) != 3 {
			t.Fatalf("%d rows", len(talk.rows))
		}
		for _, r := range talk.rows[1:] {
			if got := r.Text(record.Target); got != want || r.Doubts&(record.Cut|record.PreparedUnseen) == 0 {
				t.Errorf("%.30s: target %q, %v", text, got, r.Doubts)
			}
		}
		if got := talk.rows[2].Text(record.Operation); (got == "INSERT") != (want != "") {
			t.Errorf("%.30s: operation %s", text, got)
		}
	}
}
