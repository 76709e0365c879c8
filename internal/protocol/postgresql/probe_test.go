package postgresql_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/protocol/postgresql"
)

// TestSyncCopy: data of a COPY is found again behind a gap, and says nothing of who sends it.
func TestSyncCopy(t *testing.T) {
	row := m('d', "1\td\n")
	for _, dir := range []l7.Dir{l7.ToServer, l7.ToClient} {
		d := postgresql.Protocol.Open(&l7.ConnInfo{}, nil)
		for rows, want := range map[int]int{7: -1, 8: 3, 100: 3} {
			for _, end := range []string{"", row[:7]} {
				if got := d.Sync(dir, []byte(row[6:]+strings.Repeat(row, rows)+end)); got != want {
					t.Errorf("%d rows to side %d and %q: found at %d, not %d", rows, dir, end, got, want)
				}
			}
			if got := d.Sync(dir, []byte(strings.Repeat(row, rows)+"rest")); rows < 9 && got >= 0 {
				t.Errorf("%d rows and what is no message: found at %d", rows, got)
			}
		}
	}
	rows := []byte(strings.Repeat(row, 100))
	if got := postgresql.Protocol.Probe(&l7.ConnInfo{Midstream: true}, 0, rows); got != l7.Unsure {
		t.Errorf("rows of nobody: %v", got)
	}
	if got := postgresql.Protocol.Probe(&l7.ConnInfo{Midstream: true}, 0, append(rows, m('c', "")+done("COPY 100")+ready...)); got != l7.FromServer {
		t.Errorf("rows of a server: %v", got)
	}
}

// TestSyncIsLinear: four times the bytes take four times as long, not sixteen times, also where each message could be one and
// none is certain.
func TestSyncIsLinear(t *testing.T) {
	d := postgresql.Protocol.Open(&l7.ConnInfo{}, nil)
	for _, message := range []string{m('p', "x"), strings.Repeat(m('d', "x"), 7) + m('p', "x")} {
		took := func(n int) time.Duration {
			b := []byte(strings.Repeat(message, n/len(message)))
			best := time.Duration(math.MaxInt64)
			for range 5 {
				from := time.Now()
				if got := d.Sync(l7.ToServer, b); got >= 0 {
					t.Fatalf("found at %d", got)
				}
				best = min(best, time.Since(from))
			}
			return best
		}
		if short, long := took(16<<10), took(64<<10); long > 9*short {
			t.Errorf("%.6q: 64 KiB took %v, 16 KiB %v", message, long, short)
		}
	}
}

// A client whose beginning was seen begins with a packet without a type, and a server with an authentication.
func TestProbeFromStart(t *testing.T) {
	for b, want := range map[string][2]l7.Verdict{ // from the start, and joined in the middle
		query("select 1"):   {l7.No, l7.FromClient},
		sync + sync:         {l7.No, l7.FromClient},
		done("SELECT 1"):    {l7.No, l7.FromServer},
		startup:             {l7.FromClient, l7.FromClient},
		loggedIn:            {l7.FromServer, l7.FromServer},
		"N" + loggedIn:      {l7.FromServer, l7.No},
		dataRow("a") + "xy": {l7.No, l7.No},
		m('Q', "hello, this is mine"+strings.Repeat("x", 5000))[:1000]:   {l7.No, l7.Unsure},
		m('Q', "select this_is_mine"+strings.Repeat(", x", 5000))[:1000]: {l7.No, l7.FromClient},
		m('D', "\x00\x01\x00\x00\x13\x88"+strings.Repeat("x", 5000))[:5]: {l7.No, l7.Unsure},
	} {
		for i, midstream := range []bool{false, true} {
			if got := postgresql.Protocol.Probe(&l7.ConnInfo{Midstream: midstream}, 0, []byte(b)); got != want[i] {
				t.Errorf("%.20q, midstream %v: %v, not %v", b, midstream, got, want[i])
			}
		}
	}
}
