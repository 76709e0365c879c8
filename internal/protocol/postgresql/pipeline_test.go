package postgresql_test

import (
	"testing"

	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/stream"
)

// group is a statement of a pipeline.
func group(name, sql string) string { return parse(name, sql) + bind("", name) + execute("") }

// TestAside: a parameter or a notice that comes while the server passes over what was asked, or before an answer is known, is
// no answer.
func TestAside(t *testing.T) {
	zone, careful := m('S', z("TimeZone", "UTC")), m('N', z("SWARNING", "VWARNING", "C01000", "Mcareful", ""))
	for _, said := range []string{zone, careful} {
		talk := begin(false, false).client(startup).server(loggedIn)
		talk.client(group("", "select 1/0"), group("", "select 2"), sync).server(m('1', ""), bound, failure("ERROR", "22012", "division by zero"), said, ready)
		talk.client(group("", "select 3"), sync).server(m('1', ""), bound, said, done("SELECT 0"), ready)
		talk.client(group("", "select 4/0"), sync).server(m('1', ""), bound, failure("ERROR", "22012", "division by zero"), said, ready)
		same(t, talk.end(), login, "SELECT client_error query=SELECT ? / ? code=22012 error=ERROR: division by zero user=ann app=shop",
			"SELECT unanswered query=SELECT ? user=ann app=shop skipped=true", "SELECT ok query=SELECT ? user=ann app=shop rows=0 transaction=idle",
			"SELECT client_error query=SELECT ? / ? code=22012 error=ERROR: division by zero user=ann app=shop transaction=idle")
		if n := talk.rows[3].Num(record.ResponseBytes); n != int64(len(m('1', "")+bound+said+done("SELECT 0")+ready)) {
			t.Errorf("an answer of %d bytes", n)
		}
		if n := talk.rows[4].Num(record.ResponseBytes); n != int64(len(m('1', "")+bound+failure("ERROR", "22012", "division by zero")+said+ready)) {
			t.Errorf("an error of %d bytes", n)
		}

		talk = begin(false, true).server(said).client(query("select 1")).server(done("SELECT 0"), ready)
		same(t, talk.end(), "SELECT ok query=SELECT ? rows=0 results=1 transaction=idle midstream")
	}
}

// TestClosedInGap: a name that was closed and given to another statement in a gap is not known any more.
func TestClosedInGap(t *testing.T) {
	talk := begin(false, false).client(startup).server(loggedIn)
	talk.client(parse("s", "select a"), sync).server(m('1', ""), ready)
	lost := m('C', "Ss\x00") + parse("s", "delete from b") + sync
	talk.h.HandleChunk(&talk.flow, &stream.Chunk{Dir: stream.Forward, Missing: len(lost), Time: talk.now, Packet: uint64(talk.now), Order: uint64(talk.now)})
	talk.server(m('3', ""), m('1', ""), ready)
	talk.client(bind("", "s"), execute(""), sync).server(bound, done("DELETE 1"), ready)
	rows := talk.end()
	if got, want := rows[len(rows)-1], "EXECUTE ok user=ann app=shop affected=1 transaction=idle prepared_unseen"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestTwiceInGap: of a name that was given again, with the answer in a gap, it is not known what it means.
func TestTwiceInGap(t *testing.T) {
	talk := begin(false, false).client(startup).server(loggedIn)
	talk.client(parse("s", "select a"), sync).server(m('1', ""), ready).client(parse("s", "select b"), sync)
	lost := failure("ERROR", "42P05", `prepared statement "s" already exists`)
	talk.h.HandleChunk(&talk.flow, &stream.Chunk{Dir: stream.Backward, Missing: len(lost), Time: talk.now, Packet: uint64(talk.now), Order: uint64(talk.now)})
	talk.server(ready).client(bind("", "s"), execute(""), sync).server(bound, done("SELECT 1"), ready)
	rows := talk.end()
	if got, want := rows[len(rows)-1], "EXECUTE ok user=ann app=shop rows=0 transaction=idle prepared_unseen"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestDeferred: an error in answer to a Sync behind an exchange that is over is a row of its own.
func TestDeferred(t *testing.T) {
	talk := begin(false, false).client(startup).server(loggedIn)
	talk.client(group("", "insert into t values (1)"), m('H', "")).server(m('1', ""), bound, done("INSERT 0 1"))
	talk.client(sync).server(failure("ERROR", "23503", "violated"), ready)
	talk.client(query("select 1")).server(done("SELECT 0"), ready)
	same(t, talk.end(), login, "INSERT ok query=INSERT INTO t VALUES (?) user=ann app=shop affected=1",
		"ERROR client_error code=23503 error=ERROR: violated user=ann app=shop",
		"SELECT ok query=SELECT ? user=ann app=shop rows=0 results=1 transaction=idle")
}

// TestDeallocate: the name that is given back in SQL, by either protocol, is not known any more; others are.
func TestDeallocate(t *testing.T) {
	for _, extended := range []bool{false, true} {
		talk := begin(false, false).client(startup).server(loggedIn)
		talk.client(parse("foo", "select a"), parse("Foo", "select b"), sync).server(m('1', ""), m('1', ""), ready)
		if extended {
			talk.client(group("x", "deallocate Foo"), sync).server(m('1', ""), bound, done("DEALLOCATE"), ready)
			talk.client(bind("", "x"), execute(""), sync).server(bound, failure("ERROR", "26000", "gone"), ready)
		} else {
			talk.client(query("deallocate Foo")).server(done("DEALLOCATE"), ready)
		}
		talk.client(bind("", "foo"), execute(""), sync).server(failure("ERROR", "26000", "gone"), ready)
		talk.client(bind("", "Foo"), execute(""), sync).server(bound, done("SELECT 0"), ready)
		var ran []string
		talk.end()
		for _, r := range talk.rows[2:] {
			ran = append(ran, r.Text(record.Query))
		}
		want := []string{"DEALLOCATE Foo", "", "SELECT b"}
		if extended {
			want = []string{"DEALLOCATE Foo", "DEALLOCATE Foo", "", "SELECT b"}
		}
		same(t, ran, want...)
	}
}
