package main

import (
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/jackc/pgx/v5"
)

// mixed is load of small exchanges on four connections: two of cached statements, one of unnamed ones, one of simple queries.
func mixed() {
	modes := []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheStatement, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol}
	var wg sync.WaitGroup
	for i, mode := range modes {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(7, uint64(i)))
			c := config()
			c.DefaultQueryExecMode = mode
			c.Tracer = tracer{mode == pgx.QueryExecModeSimpleProtocol}
			conn, err := pgx.ConnectConfig(ctx, c)
			must(err)
			defer conn.Close(ctx)
			must(exec(conn, fmt.Sprintf("create temp table cart%d (item int primary key, n int not null)", i)))
			for j := range 150 {
				id := 1 + r.IntN(2000)
				switch r.IntN(10) {
				case 0, 1, 2, 3:
					query(conn, 1, "select name, price from stock where id = $1", id)
				case 4, 5:
					query(conn, 5, "select id, name, data, added from stock where id between $1 and $2 order by id", id%1900+1, id%1900+5)
				case 6, 7:
					must(exec(conn, fmt.Sprintf("insert into cart%d values ($1, $2) on conflict (item) do update set n = cart%d.n + 1", i, i), id, 1+r.IntN(3)))
				case 8:
					tx, err := conn.Begin(ctx)
					must(err)
					_, err = tx.Exec(ctx, fmt.Sprintf("update cart%d set n = n + 1 where item < $1", i), id)
					must(err)
					must(tx.Commit(ctx))
				case 9:
					if j%3 == 0 {
						mustFail(exec(conn, "select name from stock where id = 1 / ($1::int - $1)", id), "22012")
					} else {
						must(exec(conn, fmt.Sprintf("delete from cart%d where item = $1", i), id))
					}
				}
			}
		})
	}
	wg.Wait()
}
