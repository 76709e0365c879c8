package main

// demo is what a shop asks of its payments: short enough to read all of it.
func demo() {
	c := connect()
	defer c.Close(ctx)
	must(exec(c, "create table payments (id int primary key, order_id int not null, amount numeric(8,2), paid_at timestamptz)"))
	for id, amount := range []any{12.5, 7.25, nil} {
		must(exec(c, "insert into payments values ($1, $2, $3, now())", id+1, 5000+id, amount))
	}
	query(c, 2, "select id, amount from payments where amount > $1 order by id", 5)
	query(c, 3, "select id, amount, paid_at from payments order by id")
	mustFail(exec(c, "insert into payments values ($1, $2, $3, now())", 3, 5003, 1), "23505")
	must(exec(c, "begin"))
	must(exec(c, "update payments set amount = $1 where id = $2", 9.99, 3))
	mustFail(exec(c, "update payments set amont = 0"), "42703")
	mustFail(exec(c, "select 1 from payments"), "25P02")
	must(exec(c, "commit")) // takes all back
	must(exec(c, "set statement_timeout = 40"))
	mustFail(exec(c, "select pg_sleep(1), id from payments"), "57014")
	must(exec(c, "reset statement_timeout"))
	must(exec(c, "drop table payments"))
}
