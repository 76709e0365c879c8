package mysql_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/dbtap/dbtap/internal/l7/l7test"
	"github.com/dbtap/dbtap/internal/record"
)

// TestLostLogin: that what follows is compressed is found, too, where the login, or an answer to it, or both are missing.
func TestLostLogin(t *testing.T) {
	cols := []record.Col{record.Operation, record.Query, record.Code}
	same := func(a, b l7test.Row) bool {
		return a.Num(record.Time) == b.Num(record.Time) && a.Status == b.Status && a.Num(record.Rows) == b.Num(record.Rows) &&
			!slices.ContainsFunc(cols, func(c record.Col) bool { return a.Text(c) != b.Text(c) })
	}
	for _, name := range []string{"cli-zstd", "cli-zlib-mysql", "zlib-mysql", "zlib-mariadb", "node-zlib-mysql"} {
		for _, v := range l7test.Read(t, filepath.Join("testdata", name+".pcap.gz")) {
			whole := rowsOf(t, false, v)
			for _, lost := range [][]int{{1}, {1, 2}, {2}, {2, 3}, {3}} {
				found := 0
				for _, r := range rowsOf(t, false, v.Without(lost...)) {
					if slices.ContainsFunc(whole, func(w l7test.Row) bool { return same(r, w) }) {
						found++
					} else if r.Doubts == 0 {
						t.Errorf("%s without %d: %v", name, lost, r)
					}
				}
				if found < len(whole)-3 {
					t.Errorf("%s without %d: %d of %d", name, lost, found, len(whole))
				}
			}
		}
	}
}
