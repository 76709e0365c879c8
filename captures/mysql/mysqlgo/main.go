// Mysqlgo drives a server of MySQL or MariaDB with the Go driver, one scenario a run, for the captures: mysqlgo SCENARIO
// DSN..., one after the other.
// A step that fails when it should not, or does not fail when it should, ends the program with an error.
package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

var scenarios = map[string]func(context.Context, *sql.DB){
	"crud":          crud,
	"demo":          demo,
	"login":         func(ctx context.Context, db *sql.DB) { count(ctx, db, 1, "SELECT CURRENT_USER()") },
	"denied":        func(ctx context.Context, db *sql.DB) { fails(db.PingContext(ctx), 1045) },
	"prepared":      prepared,
	"types":         types,
	"errors":        failures,
	"locks":         locks,
	"txn":           transactions,
	"multi":         multi,
	"infile":        infile,
	"first":         firstColumn,
	"big":           big,
	"hugeinsert":    hugeInsert,
	"hugeresult":    hugeResult,
	"cancel":        cancelled,
	"dropped":       dropped,
	"crowd":         crowd,
	"mixed":         mixed,
	"rows":          manyRows,
	"maderows":      madeRows,
	"binlog":        binlog,
	"binlogmariadb": binlog,
}

func main() {
	mysql.SetLogger(log.New(io.Discard, "", 0)) // it tells of closed connections, which some scenarios are about
	ctx, cancel := context.WithTimeout(context.Background(), 80*time.Second)
	defer cancel()
	for _, dsn := range os.Args[2:] {
		db := one(sql.Open("mysql", dsn))
		db.SetMaxOpenConns(1)
		scenarios[os.Args[1]](ctx, db)
		must(db.Close())
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// one is the value of a step that must not fail.
func one[T any](v T, err error) T {
	must(err)
	return v
}

// fails wants an error of the server with this number.
func fails(err error, number uint16) {
	var e *mysql.MySQLError
	if !errors.As(err, &e) || e.Number != number {
		panic(fmt.Sprintf("error %d expected: %v", number, err))
	}
}

func same[T comparable](got, want T) {
	if got != want {
		panic(fmt.Sprintf("%v, not %v", got, want))
	}
}

// asker is a database, one of its connections, or a transaction.
type asker interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}

// exec wants so many rows to be affected.
func exec(ctx context.Context, db asker, affected int64, query string, args ...any) sql.Result {
	r := one(db.ExecContext(ctx, query, args...))
	if n := one(r.RowsAffected()); n != affected {
		panic(fmt.Sprintf("%d affected, not %d: %.80s", n, affected, query))
	}
	return r
}

// do does not care how many are.
func do(ctx context.Context, db asker, queries ...string) {
	for _, q := range queries {
		one(db.ExecContext(ctx, q))
	}
}

// read returns all rows of all results as text; nil is NULL.
func read(ctx context.Context, db asker, query string, args ...any) [][][]byte {
	rows := one(db.QueryContext(ctx, query, args...))
	defer rows.Close()
	var all [][][]byte
	for {
		columns := one(rows.Columns())
		for rows.Next() {
			row, to := make([][]byte, len(columns)), make([]any, len(columns))
			for i := range row {
				to[i] = (*sql.RawBytes)(&row[i])
			}
			must(rows.Scan(to...))
			for i, v := range row {
				row[i] = bytes.Clone(v)
			}
			all = append(all, row)
		}
		if !rows.NextResultSet() {
			break
		}
	}
	must(rows.Err())
	return all
}

func count(ctx context.Context, db asker, rows int, query string, args ...any) {
	if n := len(read(ctx, db, query, args...)); n != rows {
		panic(fmt.Sprintf("%d rows, not %d: %.80s", n, rows, query))
	}
}

func isMariaDB(ctx context.Context, db asker) bool {
	return bytes.Contains(read(ctx, db, "SELECT VERSION()")[0][0], []byte("MariaDB"))
}

// crud is everyday work. Without arguments all of it is text.
func crud(ctx context.Context, db *sql.DB) {
	do(ctx, db, "DROP TABLE IF EXISTS orders, customers",
		"CREATE TABLE customers (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(80) NOT NULL, city VARCHAR(40), credit DECIMAL(10,2) DEFAULT 0, UNIQUE (name))",
		"CREATE TABLE orders (id INT PRIMARY KEY AUTO_INCREMENT, customer INT NOT NULL REFERENCES customers (id), item VARCHAR(40), n INT, placed DATETIME DEFAULT '2026-03-01 12:00:00')")
	r := exec(ctx, db, 4, "INSERT INTO customers (name, city) VALUES ('Ada', 'London'), ('Grace', 'New York'), ('Linus', 'Helsinki'), ('Zoë \\'Q\\' Ünal', NULL)")
	same(one(r.LastInsertId()), 1)
	r = exec(ctx, db, 1, "insert into customers set name = 'Edsger', city = 'Rotterdam'")
	same(one(r.LastInsertId()), 5)
	for i := range 12 {
		exec(ctx, db, 1, fmt.Sprintf("INSERT INTO orders (customer, item, n) VALUES (%d, 'pencil', %d)", i%4+1, i))
	}
	count(ctx, db, 5, "SELECT * FROM customers")
	count(ctx, db, 1, "SELECT name, credit FROM customers WHERE id = 3 -- one")
	count(ctx, db, 0, "SELECT * FROM customers WHERE name = 'nobody'")
	count(ctx, db, 4, "select c.name, count(*) as n, sum(o.n) from customers c join orders o on o.customer = c.id group by c.id, c.name order by 2 desc, 1")
	count(ctx, db, 3, "/* app='till',traceparent='00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' */ SELECT id FROM orders WHERE n BETWEEN 3 AND 5")
	count(ctx, db, 2, "(SELECT 1 AS a) UNION ALL (SELECT 2)")
	count(ctx, db, 3, "WITH RECURSIVE t (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT n FROM t")
	exec(ctx, db, 3, "UPDATE orders SET n = n + 1 WHERE customer = 2")
	exec(ctx, db, 0, "UPDATE orders SET n = n WHERE customer = 2")
	exec(ctx, db, 2, "REPLACE INTO customers (id, name) VALUES (5, 'Barbara')")
	exec(ctx, db, 2, "INSERT INTO customers (name) VALUES ('Ada') ON DUPLICATE KEY UPDATE credit = credit + 1")
	exec(ctx, db, 1, "DELETE FROM orders WHERE id = 12")
	exec(ctx, db, 0, "DELETE FROM orders WHERE id = 12")
	count(ctx, db, 2, "SHOW TABLES LIKE '%ers'")
	count(ctx, db, 5, "DESCRIBE orders")
	count(ctx, db, 1, "SELECT @@version_comment, NOW() > '2020-01-01', NULL, '', x'00ff', -1.5e-3")
	do(ctx, db, "SET @limit := 2", "ALTER TABLE orders ADD INDEX (item)", "TRUNCATE TABLE orders", "DO SLEEP(0)")
	do(ctx, db, "DROP TABLE orders, customers")
}

// prepared sends arguments of every kind that the driver takes.
func prepared(ctx context.Context, db *sql.DB) {
	do(ctx, db, "DROP TABLE IF EXISTS readings",
		"CREATE TABLE readings (id BIGINT UNSIGNED PRIMARY KEY AUTO_INCREMENT, sensor VARCHAR(40), value DOUBLE, raw BLOB, taken DATETIME(6), n BIGINT, big BIGINT UNSIGNED, ok BOOLEAN)")
	insert := one(db.PrepareContext(ctx, "INSERT INTO readings (sensor, value, raw, taken, n, big, ok) VALUES (?, ?, ?, ?, ?, ?, ?)"))
	at := time.Date(2026, 3, 1, 8, 30, 15, 123456000, time.UTC)
	for i, args := range [][]any{
		{"north", 21.5, []byte{0, 1, 0xff}, at, int64(-7), uint64(1) << 63, true},
		{"süd", -0.25, []byte{}, at.Truncate(time.Second), int64(1) << 62, uint64(0), false},
		{nil, nil, nil, nil, nil, nil, nil},
		{"", 0.0, []byte("it's"), at.Truncate(24 * time.Hour), int64(0), uint64(255), nil},
		{strings.Repeat("east ", 8), 1e300, bytes.Repeat([]byte("0123456789abcdef"), 20), time.Time{}, int64(3), ^uint64(0), true},
		{"west", float32(0.1), []byte{1}, at, int32(-5), uint8(200), true},
	} {
		if i == 4 {
			args[3] = at.AddDate(1, 0, 0)
		}
		r := one(insert.ExecContext(ctx, args...))
		same(one(r.LastInsertId()), int64(i+1))
	}
	must(insert.Close())
	count(ctx, db, 6, "SELECT * FROM readings WHERE id > ?", 0)
	count(ctx, db, 3, "SELECT id, sensor FROM readings WHERE value > ? AND ok = ? ORDER BY id", -1, true)
	query := one(db.PrepareContext(ctx, "SELECT sensor, value, taken FROM readings WHERE id = ?"))
	for _, id := range []any{1, 2, 3, "4", 99, nil, 5.0} {
		rows := one(query.QueryContext(ctx, id))
		for rows.Next() {
		}
		must(rows.Err())
	}
	must(query.Close())
	none := one(db.PrepareContext(ctx, "SELECT COUNT(*) FROM readings"))
	must(none.QueryRowContext(ctx).Scan(new(int)))
	must(none.Close())
	exec(ctx, db, 2, "UPDATE readings SET n = ? WHERE id IN (?, ?)", 9, 1, 2)
	exec(ctx, db, 1, "DELETE FROM readings WHERE sensor = ?", "süd")
	_, err := db.PrepareContext(ctx, "SELECT nothing FROM readings WHERE id = ?")
	fails(err, 1054)
	_, err = db.ExecContext(ctx, "INSERT INTO readings (id) VALUES (?)", 1)
	fails(err, 1062)
	do(ctx, db, "DROP TABLE readings")
}

// types reads a row of every type as text and in binary, which must be the same to the driver.
func types(ctx context.Context, db *sql.DB) {
	do(ctx, db, "SET sql_mode = ''", "SET time_zone = '+00:00'", "DROP TABLE IF EXISTS kinds", `CREATE TABLE kinds (id INT PRIMARY KEY,
		t TINYINT, tu TINYINT UNSIGNED, s SMALLINT, su SMALLINT UNSIGNED, m MEDIUMINT, mu MEDIUMINT UNSIGNED, i INT, iu INT UNSIGNED,
		l BIGINT, lu BIGINT UNSIGNED, z INT(6) ZEROFILL, f FLOAT, d DOUBLE, n DECIMAL(30,10), n0 DECIMAL(5,0), b1 BIT(1), b BIT(37),
		y YEAR, da DATE, ti TIME, ti6 TIME(6), dt DATETIME, dt3 DATETIME(3), dt6 DATETIME(6), ts TIMESTAMP NULL, ts6 TIMESTAMP(6) NULL,
		c CHAR(8), vc VARCHAR(200), bi BINARY(4), vb VARBINARY(20), tt TINYTEXT, tx TEXT, mt MEDIUMTEXT, lt LONGTEXT,
		tb TINYBLOB, bl BLOB, mb MEDIUMBLOB, lb LONGBLOB, e ENUM('small','größer','x'), se SET('a','b','c'), j JSON, g GEOMETRY, p POINT)`)
	do(ctx, db,
		"INSERT INTO kinds (id) VALUES (0)", // NULLs
		`INSERT INTO kinds VALUES (1, -128, 255, -32768, 65535, -8388608, 16777215, -2147483648, 4294967295,
			-9223372036854775808, 18446744073709551615, 42, 1.5, -2.25e-10, -12345678901234567890.0123456789, 99999, b'1', b'1010101010101010101010101010101010101',
			2155, '9999-12-31', '838:59:59', '-838:59:58.999999', '2026-03-01 23:59:59', '2026-03-01 23:59:59.123', '2026-03-01 23:59:59.123456', '2026-03-01 01:02:03', '2026-03-01 01:02:03.000004',
			'char', 'varchar ünïcödé 漢字 🙂', 'ab', x'00010203fffe', 'tiny', 'text', 'medium', 'long', x'00', x'feff', 'mb', 'lb', 'größer', 'a,c', '{"a": [1, 2.5, null, "x"]}', ST_GeomFromText('LINESTRING(0 0,1 1,2 3)'), ST_GeomFromText('POINT(1.5 -2)'))`,
		`INSERT INTO kinds VALUES (2, 127, 0, 32767, 0, 8388607, 0, 2147483647, 0, 9223372036854775807, 0, 123456, -0.125, 1e300, 0, -1, b'0', b'0',
			1901, '0000-00-00', '00:00:00', '00:00:00', '0000-00-00 00:00:00', '0000-00-00 00:00:00', '2026-00-10 00:00:00', '1970-01-01 00:00:01', '2038-01-19 03:14:07.999999',
			'', '', '', '', '', '', '', '', '', '', '', '', 'x', '', 'null', ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),POLYGON((0 0,0 1,1 1,0 0)))'), NULL)`,
		`INSERT INTO kinds VALUES (3, 0, 1, 0, 1, 0, 1, 0, 1, 0, 9223372036854775808, 0, 65536, 0.1, 0.0000000001, 0, NULL, b'1',
			0, '1000-01-01', '-00:00:01', '00:00:00.000001', '1000-01-01 00:00:00', '2026-03-01 00:00:00', '2026-03-01 00:00:00.000010', NULL, NULL,
			NULL, REPEAT('v', 200), NULL, NULL, REPEAT('t', 255), REPEAT('u', 260), NULL, NULL, NULL, REPEAT(x'80', 251), NULL, NULL, NULL, 'a,b,c', '[]', NULL, NULL)`)
	if !isMariaDB(ctx, db) {
		do(ctx, db, "DROP TABLE IF EXISTS vectors", "CREATE TABLE vectors (id INT PRIMARY KEY, v VECTOR(3))", "INSERT INTO vectors VALUES (1, TO_VECTOR('[1,2,-0.5]')), (2, NULL)")
	} else {
		do(ctx, db, "DROP TABLE IF EXISTS vectors", "CREATE TABLE vectors (id INT PRIMARY KEY, v INET6)", "INSERT INTO vectors VALUES (1, '2001:db8::ff'), (2, NULL)")
	}
	compare := func(query string) {
		text, binary := read(ctx, db, query), read(ctx, db, query+" AND ? = 1", 1)
		same(len(text), len(binary))
		for i, row := range text {
			for j, v := range row {
				t, b := string(v), string(binary[i][j])
				if (v == nil) != (binary[i][j] == nil) || strings.TrimLeft(t, "0") != strings.TrimLeft(b, "0") && !sameNumber(t, b) { // zerofill
					panic(fmt.Sprintf("row %d column %d: text %q, binary %q", i, j, t, b))
				}
			}
		}
	}
	compare("SELECT * FROM kinds WHERE id < 9")
	compare("SELECT * FROM vectors WHERE id < 9")
	compare("SELECT NULL, 1, -1, 1.5, 1e10, 'a', TRUE, COUNT(*), SUM(tu), AVG(i), MAX(d), NOW() > 0, CAST('10:11:12.5' AS TIME(1)), JSON_OBJECT('k', 1), x'ff' FROM kinds WHERE id < 9")
	do(ctx, db, "DROP TABLE kinds, vectors")
}

func sameNumber(a, b string) bool {
	var x, y float64
	n, _ := fmt.Sscan(a, &x)
	m, _ := fmt.Sscan(b, &y)
	return n == 1 && m == 1 && float32(x) == float32(y)
}

// failures are errors of many SQLSTATE classes.
func failures(ctx context.Context, db *sql.DB) {
	do(ctx, db, "DROP TABLE IF EXISTS child, parent", "CREATE TABLE parent (id INT PRIMARY KEY, n TINYINT NOT NULL, u VARCHAR(20), CHECK (n < 100))",
		"CREATE TABLE child (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES parent (id))", "INSERT INTO parent VALUES (1, 1, 'a')", "INSERT INTO child VALUES (1, 1)",
		"SET sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE'")
	check := uint16(3819)
	if isMariaDB(ctx, db) {
		check = 4025
	}
	for _, c := range []struct {
		number uint16
		query  string
	}{
		{1062, "INSERT INTO parent VALUES (1, 2, 'secret-value')"},
		{1064, "SELEC 1 FROM parent WHERE u = 'secret-value'"},
		{1146, "SELECT * FROM nowhere"},
		{1054, "SELECT height FROM parent"},
		{1142, "SELECT * FROM nodb.t"},
		{1050, "CREATE TABLE parent (id INT)"},
		{1048, "INSERT INTO parent VALUES (2, NULL, 'b')"},
		{1264, "INSERT INTO parent VALUES (2, 300, 'b')"},
		{1406, "INSERT INTO parent VALUES (2, 3, 'much too long a value for it')"},
		{1366, "INSERT INTO parent VALUES (2, 'abc', 'b')"},
		{check, "INSERT INTO parent VALUES (2, 101, 'b')"},
		{1451, "DELETE FROM parent WHERE id = 1"},
		{1452, "INSERT INTO child VALUES (2, 77)"},
		{1242, "SELECT (SELECT id FROM child UNION SELECT 5)"},
		{1136, "INSERT INTO parent VALUES (1)"},
		{1305, "CALL nothing()"},
		{1305, "SELECT nofunction(1)"},
		{1193, "SET SESSION no_such_variable = 1"},
		{1227, "SET GLOBAL max_connections = 5"},
		{1142, "SELECT * FROM mysql.user"},
		{1044, "CREATE DATABASE forbidden"},
		{1690, "SELECT 9223372036854775807 + 1"},
	} {
		_, err := db.ExecContext(ctx, c.query)
		fails(err, c.number)
	}
	do(ctx, db, "SET sql_mode = ''")
	do(ctx, db, "INSERT INTO parent VALUES (2, '5x', 'much too long a value for it')") // warnings instead
	count(ctx, db, 2, "SHOW WARNINGS")
	do(ctx, db, "DROP TABLE child, parent")
}

// locks are errors that need two connections: a lock that is waited for too long, one not waited for, a deadlock.
func locks(ctx context.Context, db *sql.DB) {
	db.SetMaxOpenConns(2)
	a, b := one(db.Conn(ctx)), one(db.Conn(ctx))
	do(ctx, a, "DROP TABLE IF EXISTS accounts", "CREATE TABLE accounts (id INT PRIMARY KEY, amount INT)", "INSERT INTO accounts VALUES (1, 100), (2, 100)")
	do(ctx, b, "SET innodb_lock_wait_timeout = 1", "BEGIN")
	do(ctx, a, "BEGIN", "UPDATE accounts SET amount = amount - 1 WHERE id = 1")
	_, err := b.ExecContext(ctx, "UPDATE accounts SET amount = amount - 1 WHERE id = 1")
	fails(err, 1205)
	_, err = b.ExecContext(ctx, "SELECT * FROM accounts WHERE id = 1 FOR UPDATE NOWAIT")
	if err == nil {
		panic("the lock is not held")
	}
	do(ctx, b, "SET innodb_lock_wait_timeout = 10", "UPDATE accounts SET amount = amount + 1 WHERE id = 2")
	done := make(chan error)
	go func() {
		_, err := b.ExecContext(ctx, "UPDATE accounts SET amount = amount - 2 WHERE id = 1")
		done <- err
	}()
	time.Sleep(300 * time.Millisecond) // until b waits
	_, err = a.ExecContext(ctx, "UPDATE accounts SET amount = amount + 2 WHERE id = 2")
	other := <-done
	if err == nil {
		err, other = other, err
	}
	fails(err, 1213)
	must(other)
	do(ctx, a, "ROLLBACK")
	do(ctx, b, "ROLLBACK")
	do(ctx, a, "DROP TABLE accounts")
	must(errors.Join(a.Close(), b.Close()))
}

func transactions(ctx context.Context, db *sql.DB) {
	do(ctx, db, "DROP TABLE IF EXISTS ledger", "CREATE TABLE ledger (id INT PRIMARY KEY AUTO_INCREMENT, amount INT)")
	tx := one(db.BeginTx(ctx, nil))
	exec(ctx, tx, 1, "INSERT INTO ledger (amount) VALUES (10)")
	count(ctx, tx, 1, "SELECT * FROM ledger")
	must(tx.Commit())
	tx = one(db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable}))
	exec(ctx, tx, 1, "INSERT INTO ledger (amount) VALUES (20)")
	must(tx.Rollback())
	tx = one(db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}))
	_, err := tx.ExecContext(ctx, "DELETE FROM ledger")
	fails(err, 1792)
	must(tx.Rollback())
	do(ctx, db, "BEGIN", "INSERT INTO ledger (amount) VALUES (30)", "SAVEPOINT a", "INSERT INTO ledger (amount) VALUES (40)",
		"ROLLBACK TO SAVEPOINT a", "RELEASE SAVEPOINT a", "COMMIT AND CHAIN", "ROLLBACK AND NO CHAIN")
	do(ctx, db, "SET autocommit = 0", "UPDATE ledger SET amount = amount + 1", "ROLLBACK", "SET autocommit = 1")
	do(ctx, db, "XA START 'transfer'", "INSERT INTO ledger (amount) VALUES (50)", "XA END 'transfer'", "XA PREPARE 'transfer'", "XA COMMIT 'transfer'")
	_, err = db.ExecContext(ctx, "ROLLBACK TO SAVEPOINT nowhere")
	fails(err, 1305)
	count(ctx, db, 3, "SELECT amount FROM ledger")
	do(ctx, db, "DROP TABLE ledger")
}

// multi needs multiStatements=true in the DSN. A statement may fail only as the first: the driver would wait for the others.
func multi(ctx context.Context, db *sql.DB) {
	do(ctx, db, "DROP PROCEDURE IF EXISTS report; DROP TABLE IF EXISTS stock",
		"CREATE TABLE stock (id INT PRIMARY KEY, n INT); INSERT INTO stock VALUES (1, 5), (2, 0), (3, 7)",
		"CREATE PROCEDURE report (IN least INT) BEGIN SELECT id FROM stock WHERE n >= least; SELECT COUNT(*), SUM(n) FROM stock; UPDATE stock SET n = n + 1; END")
	count(ctx, db, 6, "SELECT 1; SELECT 2, 3; SELECT id FROM stock; UPDATE stock SET n = 9 WHERE id > 1; SELECT ';'")
	count(ctx, db, 4, "CALL report(1)")
	count(ctx, db, 4, "CALL report(?)", 6) // in binary
	_, err := db.QueryContext(ctx, "SELECT * FROM nowhere; SELECT 1")
	fails(err, 1146)
	do(ctx, db, "INSERT INTO stock VALUES (4, 1); INSERT INTO stock VALUES (5, 1), (6, 1); DELETE FROM stock WHERE id = 4")
	do(ctx, db, "DROP PROCEDURE report; DROP TABLE stock")
}

// infile sends a file, an empty one, and none.
func infile(ctx context.Context, db *sql.DB) {
	mysql.RegisterReaderHandler("lines", func() io.Reader { return strings.NewReader(strings.Repeat("\x03SELECT 1\tx\n", 3000)) })
	mysql.RegisterReaderHandler("empty", func() io.Reader { return strings.NewReader("") })
	do(ctx, db, "DROP TABLE IF EXISTS imports", "CREATE TABLE imports (a VARCHAR(20), b VARCHAR(20))")
	exec(ctx, db, 3000, "LOAD DATA LOCAL INFILE 'Reader::lines' INTO TABLE imports")
	exec(ctx, db, 0, "LOAD DATA LOCAL INFILE 'Reader::empty' INTO TABLE imports")
	if _, err := db.ExecContext(ctx, "LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE imports"); err == nil {
		panic("a file was sent that is not registered")
	}
	_, err := db.ExecContext(ctx, "LOAD DATA LOCAL INFILE 'Reader::lines' INTO TABLE nowhere")
	fails(err, 1146)
	count(ctx, db, 1, "SELECT COUNT(*) FROM imports")
	do(ctx, db, "DROP TABLE imports")
}

// firstColumn has rows that begin with what begins other packets too.
func firstColumn(ctx context.Context, db *sql.DB) {
	for _, q := range []string{
		"SELECT ''", "SELECT NULL", "SELECT '', NULL, ''", "SELECT REPEAT('x', 250)", "SELECT REPEAT('x', 251), ''", "SELECT REPEAT('x', 65535)",
		"SELECT REPEAT('y', 65536)", "SELECT '' UNION ALL SELECT NULL UNION ALL SELECT 'z' UNION ALL SELECT REPEAT('w', 300)", "SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL",
		"SELECT '' AS ``", "SELECT REPEAT('long name ', 6) AS `" + strings.Repeat("n", 64) + "`",
	} {
		n := 1 + 3*strings.Count(q, "'z'")
		count(ctx, db, n, q)
		st := one(db.PrepareContext(ctx, q))
		rows := one(st.QueryContext(ctx))
		for ; rows.Next(); n-- {
		}
		same(n, 0)
		must(rows.Err())
		must(st.Close())
	}
}

// big is an insert and a result of more than 300 KB, as text and in binary.
func big(ctx context.Context, db *sql.DB) {
	do(ctx, db, "DROP TABLE IF EXISTS papers", "CREATE TABLE papers (id INT PRIMARY KEY, body LONGTEXT)")
	body := strings.Repeat("All work and no play makes a long text. ", 8000)
	exec(ctx, db, 1, "INSERT INTO papers VALUES (1, '"+body+"')")
	exec(ctx, db, 1, "INSERT INTO papers VALUES (?, ?)", 2, body)
	count(ctx, db, 2, "SELECT * FROM papers")
	count(ctx, db, 1, "SELECT id, body FROM papers WHERE id = ?", 2)
	do(ctx, db, "DROP TABLE papers")
}

// hugeInsert needs two packets for its request, hugeResult for its row.
func hugeInsert(ctx context.Context, db *sql.DB) {
	do(ctx, db, "DROP TABLE IF EXISTS tapes", "CREATE TABLE tapes (id INT PRIMARY KEY, body LONGBLOB)")
	exec(ctx, db, 1, "INSERT INTO tapes VALUES (1, '"+strings.Repeat("a", 17<<20)+"')")
	do(ctx, db, "DROP TABLE tapes")
}

func hugeResult(ctx context.Context, db *sql.DB) {
	var body []byte
	must(db.QueryRowContext(ctx, "SELECT REPEAT('a', 17 << 20)").Scan(&body))
	same(len(body), 17<<20)
}

// cancelled is given up on by the client; the driver closes the connection.
func cancelled(ctx context.Context, db *sql.DB) {
	count(ctx, db, 1, "SELECT 1")
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	if _, err := db.ExecContext(short, "SELECT SLEEP(1)"); !errors.Is(err, context.DeadlineExceeded) {
		panic(err)
	}
	count(ctx, db, 1, "SELECT 2") // on a new connection
	db.SetMaxOpenConns(2)
	conn := one(db.Conn(ctx))
	id := string(read(ctx, conn, "SELECT CONNECTION_ID()")[0][0])
	for _, kill := range []string{"KILL QUERY ", "KILL CONNECTION "} {
		go func() {
			time.Sleep(300 * time.Millisecond) // until it sleeps
			one(db.ExecContext(ctx, kill+id))
		}()
		rows, err := conn.QueryContext(ctx, "SELECT COUNT(*) FROM information_schema.columns a, information_schema.columns b, information_schema.columns c")
		if err == nil {
			for rows.Next() {
			}
			err = rows.Err()
			rows.Close()
		}
		if kill == "KILL QUERY " {
			fails(err, 1317)
		} else if err == nil {
			panic("the connection was not killed")
		}
	}
	conn.Close()
	count(ctx, db, 1, "SELECT 3")
}

// dropped loses the connection in the middle of an answer.
func dropped(ctx context.Context, db *sql.DB) {
	count(ctx, db, 1, "SELECT 1")
	rows, err := db.QueryContext(ctx, "SELECT REPEAT('row ', 100) FROM information_schema.collations a, information_schema.collations b LIMIT 2000")
	if err == nil {
		for rows.Next() {
		}
		err = rows.Err()
		rows.Close()
	}
	if err == nil {
		panic("the whole answer came")
	}
}

// crowd wants more connections than the server gives. CROWD is how many it gives, one more to the user of ADMIN. Before that
// one has come a login is refused at its end, later at its beginning.
func crowd(ctx context.Context, db *sql.DB) {
	n := one(strconv.Atoi(os.Getenv("CROWD")))
	db.SetMaxOpenConns(n + 1)
	var conns []*sql.Conn
	for range n {
		conns = append(conns, one(db.Conn(ctx)))
	}
	_, err := db.Conn(ctx)
	fails(err, 1040)
	time.Sleep(300 * time.Millisecond) // until the server has forgotten that one
	admin := one(sql.Open("mysql", os.Getenv("ADMIN")))
	must(admin.PingContext(ctx))
	_, err = db.Conn(ctx)
	fails(err, 1040)
	must(admin.Close())
	for _, c := range conns {
		must(c.Close())
	}
}
