package sqltext

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const (
	shortText = "SELECT name FROM users WHERE id = 42"
	mysqlText = "SELECT o.id, o.total, c.name, c.email FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.status IN " +
		"('paid', 'sent', 'returned') AND o.created_at > '2026-01-01 00:00:00' AND c.country = 'DE' ORDER BY o.created_at DESC LIMIT 50, 100"
	postgresText = "select o.id, o.total::numeric(10,2), c.data->>'name' from orders o join customers c on c.id = o.customer_id where o.status = " +
		"any($1) and o.created_at > now() - interval '1 day' and c.country = $2 order by 1 desc limit $3"
	quotedText = `insert into "orders" ("id", "name", "created_at") values ($1, $2, $3) on conflict ("id") do update set "name" = excluded."name"`
)

var batchText = func() string {
	var b strings.Builder
	b.WriteString("INSERT INTO events (id, kind, actor, payload, created_at) VALUES ")
	for i := range 100 {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "(%d, 'click', 'user%02d', 'x=%d', '2026-01-01 00:00:%02d')", 1000+i, i, i%10, i%60)
	}
	return b.String()
}()

var texts = []struct {
	name string
	d    Dialect
	sql  string
}{
	{"short", MySQL, shortText},
	{"mysql", MySQL, mysqlText},
	{"postgres", PostgreSQL, postgresText},
	{"quoted", PostgreSQL, quotedText},
	{"batch", MySQL, batchText},
}

func TestNoAllocations(t *testing.T) {
	var s Statement
	var dst []byte
	var spans []Span
	for _, c := range texts {
		sql := []byte(c.sql + " /*traceparent='00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',app='shop'*/")
		if n := testing.AllocsPerRun(100, func() {
			s.Read(sql, c.d)
			for k, v := range s.Tags() {
				dst = append(append(dst[:0], k...), v...)
			}
			dst, _ = AppendShown(dst[:0], sql, c.d, 4096)
			spans = AppendSecrets(spans[:0], sql, c.d)
		}); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}

// BenchmarkRead also says how many times longer it takes than a loop that copies the text byte by byte, in small letters.
func BenchmarkRead(b *testing.B) {
	for _, c := range texts {
		b.Run(c.name, func(b *testing.B) {
			sql := []byte(c.sql)
			b.SetBytes(int64(len(sql)))
			var s Statement
			for b.Loop() {
				s.Read(sql, c.d)
			}
			ns := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
			dst, n, start := make([]byte, len(sql)), 0, time.Now()
			for ; time.Since(start) < 20*time.Millisecond; n += 100 {
				for range 100 {
					for i, c := range sql {
						dst[i] = c | 0x20
					}
				}
			}
			copied := float64(time.Since(start).Nanoseconds()) / float64(n)
			b.ReportMetric(ns/copied, "x-copy")
		})
	}
}

func BenchmarkAppendShown(b *testing.B) {
	sql, dst := []byte(mysqlText), make([]byte, 0, 1024)
	b.SetBytes(int64(len(sql)))
	for b.Loop() {
		dst, _ = AppendShown(dst[:0], sql, MySQL, 4096)
	}
}
