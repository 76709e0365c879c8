package main

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
)

// mixed is the small change of an online shop, from four connections at a time: transactions of point selects, small
// ranges, updates, an insert and a delete. OPS sets how many transactions. With interpolateParams=true in the DSN it is text.
func mixed(ctx context.Context, db *sql.DB) {
	ops := one(strconv.Atoi(os.Getenv("OPS")))
	const workers, size = 4, 200
	do(ctx, db, "DROP TABLE IF EXISTS sales", "CREATE TABLE sales (id INT PRIMARY KEY, k INT NOT NULL, c VARCHAR(40), KEY (k))")
	var values []string
	for i := range size {
		values = append(values, fmt.Sprintf("(%d,%d,'item %d')", i, i%50, i))
	}
	exec(ctx, db, size, "INSERT INTO sales VALUES "+strings.Join(values, ","))
	db.SetMaxOpenConns(workers)
	db.SetMaxIdleConns(workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(3, uint64(w)))
			conn := one(db.Conn(ctx))
			defer conn.Close()
			prepare := func(q string) func(args ...any) int {
				if os.Getenv("PREPARE") == "" {
					return func(args ...any) int { return len(read(ctx, conn, q, args...)) }
				}
				st := one(conn.PrepareContext(ctx, q))
				return func(args ...any) int {
					rows := one(st.QueryContext(ctx, args...))
					defer rows.Close()
					n := 0
					for rows.Next() {
						n++
					}
					must(rows.Err())
					return n
				}
			}
			point := prepare("SELECT c FROM sales WHERE id = ?")
			span := prepare("SELECT id, c FROM sales WHERE id BETWEEN ? AND ?")
			sum := prepare("SELECT SUM(k) FROM sales WHERE id BETWEEN ? AND ?")
			update := prepare("UPDATE sales SET k = k + 1 WHERE id = ?")
			change := prepare("UPDATE sales SET c = ? WHERE id = ?")
			remove := prepare("DELETE FROM sales WHERE id = ?")
			insert := prepare("INSERT INTO sales (id, k, c) VALUES (?, ?, ?)")
			for i := range ops / workers {
				id := w*size/workers + r.IntN(size/workers) // each worker has rows of its own: no deadlocks
				do(ctx, conn, "BEGIN")
				for range 4 {
					same(point(r.IntN(size)) <= 1, true)
				}
				span(id, id+3)
				same(sum(id, id+9), 1)
				update(id)
				change(fmt.Sprintf("item %d/%d", id, i), id)
				new := 1000*(w+1) + i
				insert(new, r.IntN(50), "new")
				if i%2 == 0 {
					remove(new)
				}
				if i%9 == 8 {
					do(ctx, conn, "ROLLBACK")
				} else {
					do(ctx, conn, "COMMIT")
				}
			}
		})
	}
	wg.Wait()
}

// manyRows reads ROWS rows of about WIDTH bytes in a few queries, as text and, with an argument, in binary.
func manyRows(ctx context.Context, db *sql.DB) {
	n, width := one(strconv.Atoi(os.Getenv("ROWS"))), one(strconv.Atoi(os.Getenv("WIDTH")))
	do(ctx, db, "DROP TABLE IF EXISTS logs", "CREATE TABLE logs (id INT PRIMARY KEY, level VARCHAR(10), took DOUBLE, size BIGINT, at DATETIME, line TEXT)")
	few := n / 5
	var values []string
	for i := range few {
		line := strings.Repeat("GET /catalog/items?page=2 served from cache; ", width/45+1)[:width-30+i%7]
		values = append(values, fmt.Sprintf("(%d,'%s',%d.5,%d,'2026-03-01 10:%02d:%02d','%s')", i, []string{"info", "warn"}[i%2], i%9, i*37, i/60%60, i%60, line))
	}
	exec(ctx, db, int64(few), "INSERT INTO logs VALUES "+strings.Join(values, ","))
	for from := few; from < n; from += few {
		exec(ctx, db, int64(few), "INSERT INTO logs SELECT id + "+strconv.Itoa(from)+", level, took, size * 3, at, line FROM logs WHERE id < "+strconv.Itoa(few))
	}
	count(ctx, db, n, "SELECT * FROM logs")
	count(ctx, db, n/2, "SELECT id, level, line FROM logs WHERE level = ?", "warn")
	count(ctx, db, n, "SELECT * FROM logs WHERE id >= ?", 0)
	do(ctx, db, "DROP TABLE logs")
}

// madeRows reads rows that are in no table, as text and in binary: besides them there is next to nothing in the capture.
func madeRows(ctx context.Context, db *sql.DB) {
	const n = 3000
	query := `WITH RECURSIVE d (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM d WHERE i < 999)
		SELECT a.i + 1000 * b.i AS id, ELT(1 + a.i % 3, 'info', 'warn', 'error') AS level, a.i * 3 AS size,
		TIMESTAMP'2026-03-01 10:00:00' + INTERVAL a.i SECOND AS at, CONCAT('line ', a.i, ' of the log') AS line FROM d a, d b WHERE b.i < `
	count(ctx, db, n, query+"3")
	count(ctx, db, n, query+"?", 3)
}

// binlog follows the server's binary log as a replica does, while rows change.
func binlog(ctx context.Context, db *sql.DB) {
	do(ctx, db, "DROP TABLE IF EXISTS followed", "CREATE TABLE followed (id INT PRIMARY KEY, name VARCHAR(20))")
	show, flavor := "SHOW BINARY LOG STATUS", "mysql"
	if os.Args[1] == "binlogmariadb" {
		show, flavor = "SHOW MASTER STATUS", "mariadb"
	}
	status := read(ctx, db, show)[0]
	pos := one(strconv.Atoi(string(status[1])))
	s := replication.NewBinlogSyncer(replication.BinlogSyncerConfig{ServerID: 100, Flavor: flavor, Host: "127.0.0.1", Port: 3306,
		User: os.Getenv("DBUSER"), Password: os.Getenv("DBPASSWORD")})
	stream := one(s.StartSync(gomysql.Position{Name: string(status[0]), Pos: uint32(pos)}))
	do(ctx, db, "INSERT INTO followed VALUES (1, 'one'), (2, 'two')", "UPDATE followed SET name = 'zwei' WHERE id = 2", "DELETE FROM followed", "DROP TABLE followed")
	events := 0
	for {
		short, cancel := context.WithTimeout(ctx, time.Second)
		_, err := stream.GetEvent(short)
		cancel()
		if err != nil {
			break
		}
		events++
	}
	same(events > 8, true)
	s.Close()
}
