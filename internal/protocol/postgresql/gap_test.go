package postgresql_test

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/dbtap/dbtap/internal/l7/l7test"
	"github.com/dbtap/dbtap/internal/protocol/postgresql"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/stream"
)

// alike tells whether two rows say the same of one exchange.
func alike(a, b l7test.Row) bool {
	for _, c := range []record.Col{record.Packet, record.ResponseBytes, record.Rows, record.Affected} {
		if a.Has(c) != b.Has(c) || a.Num(c) != b.Num(c) {
			return false
		}
	}
	for _, c := range []record.Col{record.Operation, record.Target, record.Code, record.Error} {
		if a.Text(c) != b.Text(c) {
			return false
		}
	}
	// Where a setting may have been lost, more is hidden.
	return a.Status == b.Status && (a.Text(record.Query) == b.Text(record.Query) || b.Text(record.Query) != "" && l7test.LessSQL(a.Text(record.Query), b.Text(record.Query)))
}

// TestUndoubted: wherever packets are lost, what a row without doubts says is what happened.
func TestUndoubted(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.pcap.gz")
	random := rand.New(rand.NewPCG(1, 2))
	doubted, sure := 0, 0
	for _, file := range files {
		if filepath.Base(file) == "pipeline-psql.pcap.gz" {
			continue // who asks in a gap and goes on before it is answered has answers that are taken for the next ones
		}
		for _, v := range l7test.Read(t, file) {
			if len(v.Chunks) > 120 {
				continue
			}
			whole, _ := v.Rows(postgresql.Protocol, false)
			for i := range v.Chunks {
				all := []int{i, i + 1, i + 2}
				all = all[:min(len(v.Chunks)-i, len(all))]
				apart := []int{i, random.IntN(len(v.Chunks)), random.IntN(len(v.Chunks))}
				for _, lost := range [][]int{all[:1], all[:min(2, len(all))], all, apart, append(apart, all...)} {
					rows, _ := v.Without(lost...).Rows(postgresql.Protocol, false)
					for _, r := range rows {
						switch {
						case r.Doubts != 0:
							doubted++
						case slices.ContainsFunc(whole, func(w l7test.Row) bool { return alike(w, r) }):
							sure++
						default:
							t.Errorf("%s, without chunks %d: %v", filepath.Base(file), lost, r)
						}
					}
				}
			}
		}
	}
	if doubted < 10_000 || sure < 10_000 {
		t.Errorf("%d rows are doubted, %d are not", doubted, sure)
	}
}

// TestNameInGap: where both sides have gaps a name may be another's, until it is given again or the server answers all.
func TestNameInGap(t *testing.T) {
	use := func(c *talk) { c.client(bind("", "s"), execute(""), sync).server(bound, done("SELECT 0"), ready) }
	const old = "SELECT ok query=SELECT old user=ann app=shop rows=0 transaction=idle"
	lost, answer := m('C', "Ss\x00")+parse("s", "select new")+sync, m('3', "")+m('1', "")+ready
	for name, gaps := range map[string]func(*talk){
		"both": func(c *talk) { c.gap(stream.Forward, len(lost), false).gap(stream.Backward, len(answer), false) },
		"the answer late": func(c *talk) {
			c.gap(stream.Backward, len(answer), false).server(ready).gap(stream.Forward, len(lost), false)
		},
	} {
		c := begin(false, false).client(startup).server(loggedIn).client(parse("s", "select old"), sync).server(m('1', ""), ready)
		gaps(c)
		use(c)
		use(c)
		c.client(m('C', "Ss\x00"), parse("s", "select old"), sync).server(m('3', ""), m('1', ""), ready)
		use(c)
		got := c.end()
		if n := len(got); n < 4 || got[n-3] != old+" prepared_unseen" || got[n-1] != old {
			t.Errorf("%s: %q", name, got)
		}
	}
	c := begin(false, false).client(startup).server(loggedIn).client(parse("s", "select old"), sync).server(m('1', ""), ready)
	for _, side := range []stream.Dir{stream.Forward, stream.Backward} {
		c.gap(side, len(query("a")), false)
		use(c)
		use(c)
	}
	if got := c.end(); got[len(got)-1] != old {
		t.Errorf("gaps with an answer between: %q", got)
	}
}

// TestShortBody: an answer whose body ends before its fields says nothing without a doubt.
func TestShortBody(t *testing.T) {
	for _, answer := range []string{
		m('E', ""), m('E', "SERROR\x00C42P01\x00"), m('E', "SERROR\x00C42"), m('C', ""), m('C', "SELECT 1"), m('Z', ""), m('S', z("a")),
		m('t', "\x00\x03\x00"), m('G', "\x00\x00\x05"), m('V', "\x00\x00\x00\x09a"), m('K', "\x00\x00\x00\x01\x00"), m('R', "\x00"),
	} {
		c := begin(false, false).client(startup).server(loggedIn)
		c.client(query("select a")).server(answer, done("SELECT 1"), ready).client(query("select b")).server(done("SELECT 1"), ready).end()
		if n := len(c.rows); n != 3 || c.rows[1].Doubts&record.Malformed == 0 || c.rows[2].Status != record.OK || c.rows[2].Doubts != 0 {
			t.Errorf("%q: %v", answer, c.rows[1:])
		}
	}
}
