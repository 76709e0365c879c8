package main

import (
	"context"
	"database/sql"
)

// demo is what a shop asks of its customers' table: short enough to read all of it.
func demo(ctx context.Context, db *sql.DB) {
	do(ctx, db, "DROP TABLE IF EXISTS customers",
		"CREATE TABLE customers (id INT PRIMARY KEY, name VARCHAR(40) NOT NULL, email VARCHAR(60) UNIQUE, credit DECIMAL(8,2), deleted_at DATETIME NULL)")
	exec(ctx, db, 3, "INSERT INTO customers VALUES (1, 'Ada', 'ada@example.com', 120.50, NULL), (2, 'Grace', 'grace@example.com', 80, NULL), "+
		"(3, 'Linus', 'linus@example.com', 0, '2026-10-02 09:15:00')")
	count(ctx, db, 3, "SELECT id, name, credit, deleted_at FROM customers ORDER BY name")
	find := one(db.PrepareContext(ctx, "SELECT name, credit FROM customers WHERE id = ? AND deleted_at IS NULL"))
	for id, rows := range []int{0, 1, 1, 0} {
		r := one(find.QueryContext(ctx, id))
		n := 0
		for r.Next() {
			n++
		}
		must(r.Err())
		same(n, rows)
	}
	must(find.Close())
	_, err := db.ExecContext(ctx, "INSERT INTO customers VALUES (4, 'Ada L.', 'ada@example.com', NULL, NULL)")
	fails(err, 1062)
	tx := one(db.BeginTx(ctx, nil))
	exec(ctx, tx, 1, "UPDATE customers SET credit = credit - ? WHERE id = ?", 19.9, 1)
	exec(ctx, tx, 1, "UPDATE customers SET credit = credit + ? WHERE id = ?", 19.9, 2)
	must(tx.Commit())
	count(ctx, db, 2, "SELECT name, SLEEP(0.06) FROM customers WHERE deleted_at IS NULL")
	_, err = db.QueryContext(ctx, "SELECT name FROM custmers")
	fails(err, 1146)
	do(ctx, db, "DROP TABLE customers")
}
