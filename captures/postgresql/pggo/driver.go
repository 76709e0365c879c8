package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/lib/pq"
)

// crud is an application's day, in whatever mode the URL asks for.
func crud() {
	c := connect()
	defer c.Close(ctx)
	must(exec(c, "create temp table items (id int primary key, name text, price numeric(10,2), tags text[], data jsonb, added timestamptz default now())"))
	for i := range 5 {
		must(exec(c, "insert into items (id, name, price, tags, data) values ($1, $2, $3, $4, $5)",
			i, fmt.Sprint("item ", i), float64(i)*1.25, []string{"a", "b"}, fmt.Sprintf(`{"n": %d}`, i)))
	}
	for i := range 4 {
		query(c, 1, "select id, name, price, tags, data, added from items where id = $1", i)
	}
	query(c, 0, "select id from items where name = $1", "nobody's")
	must(exec(c, "update items set name = $1 where id = $2", nil, 3))
	must(exec(c, "update items set price = price * 2 where id < $1", 3))
	query(c, 1, "insert into items (id, name) values ($1, $2) returning id, added", 100, "désk")
	query(c, 2, "delete from items where id in ($1, $2) returning name", 0, 1)
	mustFail(exec(c, "insert into items (id) values ($1)", 100), "23505")
	mustFail(exec(c, "select 1 / $1::int", 0), "22012")
	mustFail(exec(c, "selec $1", 1), "42601")
	mustFail(exec(c, "select * from nosuch where id = $1", 1), "42P01")
	must(exec(c, ""))
	must(exec(c, "-- nothing but a comment"))
	tx, err := c.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadWrite})
	must(err)
	_, err = tx.Exec(ctx, "update items set name = $1", "all")
	must(err)
	inner, err := tx.Begin(ctx) // a savepoint
	must(err)
	_, err = inner.Exec(ctx, "insert into items (id) values ($1)", 100)
	mustFail(err, "23505")
	_, err = inner.Exec(ctx, "select $1::int", 1)
	mustFail(err, "25P02")
	must(inner.Rollback(ctx))
	must(tx.Commit(ctx))
	query(c, 3, "select g, g::text from generate_series(1, $1::int) g", 3)
	must(c.Ping(ctx)) // of which the tracer does not hear
	say(c.PgConn(), "-- ping", pgconn.CommandTag{}, nil, nil)
}

// statements are prepared by name, described, executed, closed.
func statements() {
	c := connect()
	defer c.Close(ctx)
	_, err := c.Prepare(ctx, "by_id", "select name, price from stock where id = $1")
	must(err)
	for i := range 3 {
		query(c, 1, "by_id", i+1)
	}
	_, err = c.Prepare(ctx, "bad", "select nosuch from stock where id = $1")
	mustFail(err, "42703")
	p := c.PgConn()
	_, err = p.Prepare(ctx, "by_id", "select 2", nil)
	mustFail(err, "42P05")
	must(c.Deallocate(ctx, "by_id"))
	mustFail(p.ExecPrepared(ctx, "by_id", [][]byte{[]byte("1")}, nil, nil).Read().Err, "26000")
	_, err = p.Prepare(ctx, "by_id", "select name from stock where id = $1 and name <> $2", []uint32{23, 25})
	must(err)
	must(p.ExecPrepared(ctx, "by_id", [][]byte{[]byte("1"), []byte("x")}, nil, []int16{1}).Read().Err)
	mustFail(p.ExecPrepared(ctx, "by_id", [][]byte{[]byte("one"), []byte("x")}, nil, nil).Read().Err, "22P02")
	mustFail(p.ExecPrepared(ctx, "by_id", [][]byte{[]byte("1")}, nil, nil).Read().Err, "08P01")
	must(p.ExecParams(ctx, "select $1::text", [][]byte{nil}, nil, nil, nil).Read().Err)
	must(p.Deallocate(ctx, "by_id"))
	must(p.Deallocate(ctx, "never_there"))
}

// batch sends many statements before it reads the first answer.
func batch() {
	c := connect()
	defer c.Close(ctx)
	must(exec(c, "create temp table t (id int primary key, s text)"))
	b := &pgx.Batch{}
	for i := range 20 {
		b.Queue("insert into t values ($1, $2)", i, fmt.Sprint(i))
		b.Queue("select s from t where id = $1", i)
	}
	must(c.SendBatch(ctx, b).Close())
	b = &pgx.Batch{}
	b.Queue("select 1")
	b.Queue("insert into t values ($1, 'again')", 3)
	b.Queue("select 2")
	b.Queue("select 3")
	mustFail(c.SendBatch(ctx, b).Close(), "23505")
	query(c, 20, "select * from t")
}

// pipeline sends groups that end with a Sync each; the middle one fails.
func pipeline() {
	c := connect()
	defer c.Close(ctx)
	p := c.PgConn().StartPipeline(ctx)
	p.SendPrepare("plus", "select $1::int + 1", nil)
	p.SendQueryPrepared("plus", [][]byte{[]byte("41")}, nil, nil)
	p.SendQueryParams("select $1::text, $2::int", [][]byte{[]byte("a"), nil}, nil, nil, []int16{1})
	must(p.Sync())
	drain(p)
	p.SendQueryParams("select 1", nil, nil, nil, nil)
	p.SendQueryParams("select nosuch", nil, nil, nil, nil)
	p.SendQueryParams("select 'skipped'", nil, nil, nil, nil)
	p.SendQueryPrepared("plus", [][]byte{[]byte("5")}, nil, nil)
	p.SendPrepare("never", "select 'prepared'", nil)
	p.SendPipelineSync()
	p.SendQueryParams("select 2", nil, nil, nil, nil)
	p.SendFlushRequest()
	p.SendQueryPrepared("plus", [][]byte{[]byte("6")}, nil, nil)
	p.SendPipelineSync()
	p.SendPipelineSync()
	p.SendPrepare("minus", "select $1::int - 1", nil)
	p.SendDeallocate("plus")
	p.SendPipelineSync()
	p.SendQueryParams("select 1/0", nil, nil, nil, nil)
	p.SendPipelineSync()
	must(p.Flush())
	drain(p)
	if err := p.Close(); err != nil && sqlstate(err) == "?" {
		must(err)
	}
	// All in one transaction, which fails when it is to be committed.
	must(exec(c, "create temp table parents (id int primary key); create temp table children (parent int references parents deferrable initially deferred)", pgx.QueryExecModeSimpleProtocol))
	p = c.PgConn().StartPipeline(ctx)
	p.SendQueryParams("insert into children values (1)", nil, nil, nil, nil)
	p.SendQueryParams("select count(*) from children", nil, nil, nil, nil)
	must(p.Sync())
	drain(p)
	p.Close()
}

func drain(p *pgconn.Pipeline) {
	for {
		r, err := p.GetResults()
		if r == nil && err == nil {
			return
		}
		if rr, ok := r.(*pgconn.ResultReader); ok {
			rr.Close()
		}
		if err != nil && sqlstate(err) == "?" {
			must(err)
		}
	}
}

// multi has several statements in one string, as the simple protocol lets one do.
func multi() {
	c := connect()
	defer c.Close(ctx)
	p := c.PgConn()
	for _, sql := range []string{
		"select 1; select 2, 'two'; select id from stock limit 3",
		"create temp table t (id int primary key); insert into t values (1), (2); update t set id = id + 10; delete from t where id = 11",
		"insert into t values (20); insert into t values (12); insert into t values (21)",
		"begin; insert into t values (30); savepoint a; select 1/0; rollback to a; commit",
		"rollback",
		"", ";", "-- nothing",
	} {
		r, err := p.Exec(ctx, sql).ReadAll()
		n, tag := 0, pgconn.CommandTag{}
		for _, one := range r {
			n += len(one.Rows)
			if s := one.CommandTag.String(); s != "" {
				tag = one.CommandTag
			}
		}
		say(p, sql, tag, &n, err)
	}
}

// copying goes in and out, in every format, and fails on either side.
func copying() {
	c := connect()
	defer c.Close(ctx)
	p := c.PgConn()
	must(exec(c, "create temp table t (id int, s text, d date)"))
	_, err := c.CopyFrom(ctx, pgx.Identifier{"t"}, []string{"id", "s"}, pgx.CopyFromSlice(200, func(i int) ([]any, error) {
		return []any{i, fmt.Sprint("binary ", i)}, nil
	}))
	must(err)
	_, err = p.CopyFrom(ctx, strings.NewReader("1000\ttext\t2024-01-01\n1001\t\\N\t\\N\n"), "copy t from stdin")
	must(err)
	_, err = p.CopyFrom(ctx, strings.NewReader("id,s,d\n2000,\"quoted, text\",2024-02-29\n"), "copy t from stdin (format csv, header)")
	must(err)
	_, err = p.CopyFrom(ctx, strings.NewReader(""), "copy t from stdin")
	must(err)
	_, err = p.CopyFrom(ctx, strings.NewReader("1\ta\t2024-01-01\nnot a number\tb\t2024-01-01\n"), "copy t from stdin")
	mustFail(err, "22P02")
	_, err = p.CopyFrom(ctx, strings.NewReader("1\n"), "copy t from stdin")
	mustFail(err, "22P04")
	_, err = p.CopyFrom(ctx, io.MultiReader(strings.NewReader("1\ta\t2024-01-01\n"), failing{}), "copy t from stdin")
	mustFail(err, "57014") // the client sent CopyFail
	_, err = p.CopyFrom(ctx, strings.NewReader("1\n"), "copy nosuch from stdin")
	mustFail(err, "42P01")
	for _, sql := range []string{"copy t to stdout", "copy t to stdout (format csv, header)", "copy t to stdout (format binary)",
		"copy (select g from generate_series(1, 3) g) to stdout", "copy (select 1 where false) to stdout"} {
		_, err = p.CopyTo(ctx, io.Discard, sql)
		must(err)
	}
	_, err = p.CopyTo(ctx, io.Discard, "copy (select 1 / (3 - g) from generate_series(1, 5) g) to stdout")
	mustFail(err, "22012")
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("the file ended early") }

// cancel asks for the end of a statement on another connection.
func cancel() {
	c := connect()
	defer c.Close(ctx)
	p := c.PgConn()
	time.AfterFunc(150*time.Millisecond, func() { must(p.CancelRequest(ctx)) })
	mustFail(exec(c, "select pg_sleep(20)"), "57014")
	time.AfterFunc(150*time.Millisecond, func() { must(p.CancelRequest(ctx)) })
	_, err := p.Exec(ctx, "select 1; select pg_sleep(20); select 2").ReadAll()
	say(p, "", pgconn.CommandTag{}, nil, err)
	mustFail(err, "57014")
	must(p.CancelRequest(ctx)) // of nothing
	time.Sleep(50 * time.Millisecond)
	must(exec(c, "select 1"))
}

// timeout is the same error without a cancel, and connections that the server ends.
func timeout() {
	c := connect()
	defer c.Close(ctx)
	must(exec(c, "set statement_timeout = 50"))
	mustFail(exec(c, "select pg_sleep(20)"), "57014")
	must(exec(c, "set statement_timeout = 0"))
	victim := connect()
	must(exec(c, "select pg_terminate_backend($1)", int(victim.PgConn().PID())))
	time.Sleep(50 * time.Millisecond)
	victim.Close(ctx)
	victim = connect()
	time.AfterFunc(150*time.Millisecond, func() {
		k, err := pgx.Connect(ctx, os.Args[2])
		must(err)
		must(exec(k, "select pg_terminate_backend($1)", int(victim.PgConn().PID())))
		k.Close(ctx)
	})
	mustFail(exec(victim, "select pg_sleep(20)"), "57P01")
	time.Sleep(100 * time.Millisecond)
	idle := connect()
	must(exec(idle, "set idle_in_transaction_session_timeout = 50"))
	must(exec(idle, "begin"))
	time.Sleep(150 * time.Millisecond)
	idle.Close(ctx)
	lock := connect()
	must(exec(lock, "begin"))
	must(exec(lock, "lock table stock"))
	must(exec(c, "set lock_timeout = 50"))
	mustFail(exec(c, "select count(*) from stock"), "55P03")
	must(exec(lock, "rollback"))
	lock.Close(ctx)
	// Two that wait for each other, and two that read what the other writes.
	a, b := connect(), connect()
	for i, x := range []*pgx.Conn{a, b} {
		must(exec(x, "begin"))
		must(exec(x, "select pg_advisory_xact_lock($1)", i+1))
	}
	other := make(chan error)
	go func() { other <- exec(a, "select pg_advisory_xact_lock(2)") }()
	time.Sleep(100 * time.Millisecond)
	err := exec(b, "select pg_advisory_xact_lock(1)")
	if first := <-other; err == nil {
		err = first
	}
	mustFail(err, "40P01")
	for _, x := range []*pgx.Conn{a, b} {
		must(exec(x, "rollback"))
		must(exec(x, "begin isolation level serializable"))
		must(exec(x, "select sum(price) from stock"))
	}
	must(exec(a, "update stock set price = price where id = 1"))
	must(exec(b, "update stock set price = price where id = 2"))
	must(exec(a, "commit"))
	mustFail(exec(b, "commit"), "40001")
	a.Close(ctx)
	b.Close(ctx)
}

// notify lets notifications arrive while nothing is asked, during a statement, and in answer to the sender's own.
func notify() {
	c, sender := connect(), connect()
	defer c.Close(ctx)
	defer sender.Close(ctx)
	must(exec(c, "listen orders"))
	must(exec(c, "listen \"Other Channel\""))
	must(exec(sender, "notify orders, 'first'"))
	wait(c)
	must(exec(sender, "select pg_notify('orders', 'second'), pg_notify('Other Channel', '')"))
	wait(c)
	wait(c)
	time.AfterFunc(100*time.Millisecond, func() { must(exec(sender, "notify orders, 'during a query'")) })
	must(exec(c, "select pg_sleep(0.3)"))
	wait(c)
	must(exec(c, "notify orders, 'to myself'"))
	wait(c)
	must(exec(sender, "begin"))
	must(exec(sender, "notify orders, 'in a transaction'"))
	must(exec(sender, "notify orders, 'and another'"))
	must(exec(sender, "commit"))
	wait(c)
	wait(c)
	must(exec(c, "unlisten *"))
}

func wait(c *pgx.Conn) {
	_, err := c.WaitForNotification(ctx)
	must(err)
}

// big is a result and a parameter of some 300 KB.
func big() {
	c := connect()
	defer c.Close(ctx)
	query(c, 300, "select g, repeat(chr(97 + g % 26), 1000) from generate_series(1, 300) g")
	query(c, 1, "select repeat('0123456789', 35000)")
	query(c, 1, "select length($1::text)", strings.Repeat("abcdefghij", 30000))
	query(c, 1, "select length($1::bytea)", bytes.Repeat([]byte{0, 1, 254, 255}, 75000))
	query(c, 1, "select $1::text", pgx.QueryExecModeSimpleProtocol, strings.Repeat("it's ", 20000))
}

// oddRows are rows of no columns, of one empty column, of NULLs only, of many columns.
func oddRows() {
	c := connect()
	defer c.Close(ctx)
	var many strings.Builder
	for i := range 400 {
		fmt.Fprintf(&many, ", %d as c%d", i, i)
	}
	for _, sql := range []string{
		"select from generate_series(1, 4)",
		"select '' as empty from generate_series(1, 5)",
		"select null, null::int, null::text[] from generate_series(1, 3)",
		"select '' as a, null as b, ' ' as c",
		"select 1 as same, 2 as same, 3 as \"\u00e9t\u00e9 \u2603\"",
		"select " + many.String()[2:],
		"select 1 where false",
	} {
		for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeSimpleProtocol, pgx.QueryExecModeDescribeExec} {
			must(exec(c, sql, mode))
		}
	}
}

func ping() {
	c := connect()
	must(exec(c, "select current_user"))
	must(c.Close(ctx))
}

// refused is a login that fails.
func refused() {
	c, err := pgx.ConnectConfig(ctx, config())
	if err == nil {
		c.Close(ctx)
		must(errors.New("the login went well"))
	}
	if sqlstate(err) == "?" && !strings.Contains(err.Error(), "OAuth authentication failed") {
		must(err)
	}
}

// full logs in until the server takes nobody any more.
func full() {
	var open []*pgx.Conn
	for {
		c, err := pgx.ConnectConfig(ctx, config())
		if err != nil {
			mustFail(err, "53300")
			break
		}
		open = append(open, c)
	}
	for _, c := range open {
		c.Close(ctx)
	}
}

// libpq is crud by lib/pq.
func libpq() {
	db, err := sql.Open("postgres", os.Args[2])
	must(err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	do := func(code, query string, args ...any) {
		_, err := db.Exec(query, args...)
		got := ""
		if e := (*pq.Error)(nil); errors.As(err, &e) {
			got = string(e.Code)
		} else {
			must(err)
		}
		if got != code {
			must(fmt.Errorf("%s: want %q, got %q", query, code, got))
		}
	}
	do("", "create temp table items (id int primary key, name text, b bytea, t timestamptz, f float8)")
	for i := range 3 {
		do("", "insert into items values ($1, $2, $3, $4, $5)", i, fmt.Sprint("item ", i), []byte{0, 1, 255}, time.Unix(1700000000, 5000), 1.5)
	}
	do("", "select * from items")
	do("", "select * from items where id > $1", 0)
	do("23505", "insert into items (id) values ($1)", 1)
	do("42601", "selec")
	do("42P01", "select * from nosuch where id = $1", 1)
	do("", "select 1; select 2")
	do("", "")
	st, err := db.Prepare("select name from items where id = $1")
	must(err)
	for i := range 3 {
		var name string
		must(st.QueryRow(i).Scan(&name))
	}
	must(st.Close())
	tx, err := db.Begin()
	must(err)
	_, err = tx.Exec("update items set name = $1", nil)
	must(err)
	must(tx.Rollback())
	c, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	if _, err := db.ExecContext(c, "select pg_sleep(20)"); err == nil {
		must(errors.New("not cancelled"))
	}
	must(db.Ping())
}

// libpqCopy is COPY and LISTEN by lib/pq.
func libpqCopy() {
	db, err := sql.Open("postgres", os.Args[2])
	must(err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	tx, err := db.Begin()
	must(err)
	_, err = tx.Exec("create temp table t (id int, s text)")
	must(err)
	st, err := tx.Prepare(pq.CopyIn("t", "id", "s"))
	must(err)
	for i := range 50 {
		_, err = st.Exec(i, fmt.Sprint("row\t", i))
		must(err)
	}
	_, err = st.Exec()
	must(err)
	must(st.Close())
	must(tx.Commit())
	l := pq.NewListener(os.Args[2], time.Second, time.Second, nil)
	must(l.Listen("orders"))
	_, err = db.Exec("notify orders, 'hello'")
	must(err)
	if n := <-l.Notify; n == nil || n.Extra != "hello" {
		must(errors.New("no notification"))
	}
	must(l.Ping())
	must(l.Close())
}
