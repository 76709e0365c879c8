package postgresql_test

import (
	"fmt"
	"strings"
	"testing"

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

// BenchmarkSync looks for a message in what is none, or tells nothing: a byte of 64 KiB is to cost what one of 16 KiB does.
func BenchmarkSync(b *testing.B) {
	d := postgresql.Protocol.Open(&l7.ConnInfo{}, nil)
	for name, message := range map[string]string{"copy": m('p', "x"), "copies": strings.Repeat(m('d', "x"), 7) + m('p', "x")} {
		for _, n := range []int{16 << 10, 64 << 10} {
			b.Run(fmt.Sprint(name, n>>10), func(b *testing.B) {
				data := []byte(strings.Repeat(message, n/len(message)))
				b.SetBytes(int64(n))
				for b.Loop() {
					if got := d.Sync(l7.ToServer, data); got >= 0 {
						b.Fatalf("found at %d", got)
					}
				}
			})
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

// Bodies of a few bytes, zeros most of all, and text that begins with the letters of a statement are other protocols' too.
func TestProbeShort(t *testing.T) {
	for name, b := range map[string]string{
		"a statement of one letter":           m('Q', "T\x00"),
		"nothing prepared":                    m('P', "\x00\x00\x00\x00"),
		"zeros bound":                         m('B', "\x00\x00\x00\x00\x00\x00\x00\x00"),
		"a word that begins like a statement": m('Q', "do% b <*oi this is mine"+strings.Repeat("x", 500))[:100],
		"a tag of one letter":                 m('C', "A\x00"),
		"no error":                            m('E', "\x00"),
		"a parameter of one letter":           m('S', "a\x00b\x00"),
		"a COPY of no columns":                m('W', "\x00\x00\x00"),
	} {
		if got := postgresql.Protocol.Probe(&l7.ConnInfo{Midstream: true}, 0, []byte(b)); got > l7.Unsure {
			t.Errorf("%s: %v", name, got)
		}
	}
}
