package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	osexec "os/exec"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
)

// wire is a connection whose messages are written one by one.
type wire struct{ *pgproto3.Frontend }

func raw() (wire, *pgx.Conn) {
	c := connect()
	return wire{c.PgConn().Frontend()}, c
}

// say sends messages in one write and reads answers until as many ReadyForQuery came as there are messages that ask for one.
func (w wire) say(messages ...pgproto3.FrontendMessage) {
	ready := 0
	for _, m := range messages {
		switch m.(type) {
		case *pgproto3.Sync, *pgproto3.Query, *pgproto3.FunctionCall:
			ready++
		}
		w.Send(m)
	}
	must(w.Flush())
	for ready > 0 {
		m, err := w.Receive()
		must(err)
		if _, ok := m.(*pgproto3.ReadyForQuery); ok {
			ready--
		}
	}
}

// until reads answers up to one of the kind of want.
func (w wire) until(want pgproto3.BackendMessage) {
	for {
		m, err := w.Receive()
		must(err)
		if fmt.Sprintf("%T", m) == fmt.Sprintf("%T", want) {
			return
		}
	}
}

var (
	sync_ = &pgproto3.Sync{}
	flush = &pgproto3.Flush{}
)

func parse(name, sql string) *pgproto3.Parse { return &pgproto3.Parse{Name: name, Query: sql} }
func bind(portal, statement string, values ...string) *pgproto3.Bind {
	b := &pgproto3.Bind{DestinationPortal: portal, PreparedStatement: statement}
	for _, v := range values {
		b.Parameters = append(b.Parameters, []byte(v))
	}
	return b
}
func describe(kind byte, name string) *pgproto3.Describe {
	return &pgproto3.Describe{ObjectType: kind, Name: name}
}
func execute(portal string, rows uint32) *pgproto3.Execute {
	return &pgproto3.Execute{Portal: portal, MaxRows: rows}
}
func closing(kind byte, name string) *pgproto3.Close {
	return &pgproto3.Close{ObjectType: kind, Name: name}
}

// portals are fetched in parts, two at a time, and closed; statements are described, shared and closed; Flush asks for answers early.
func portals() {
	w, c := raw()
	defer c.Close(ctx)
	w.say(parse("", "select generate_series(1, 25)"), bind("", ""), describe('P', ""), execute("", 10), execute("", 10), execute("", 10), sync_)
	w.say(&pgproto3.Query{String: "begin"})
	w.say(parse("s", "select g, $1::text from generate_series(1, 6) g"), bind("p1", "s", "one"), bind("p2", "s", "two"), sync_)
	w.say(describe('S', "s"), sync_)
	w.say(execute("p1", 4), sync_)
	w.say(execute("p2", 2), sync_)
	w.say(describe('P', "p2"), execute("p2", 2), sync_)
	w.say(execute("p1", 4), closing('P', "p1"), sync_)
	w.say(execute("p2", 0), closing('P', "p2"), closing('S', "s"), sync_)
	w.say(closing('S', "never there"), sync_)
	w.say(&pgproto3.Query{String: "commit"})
	w.say(parse("i", "insert into stock (id, name) values ($1, 'x') on conflict do nothing returning id"), sync_)
	w.say(bind("", "i", "1"), execute("", 0), bind("", "i", "2"), execute("", 0), bind("", "i", "3"), execute("", 0), sync_)
	w.say(parse("", "select 1"), flush)
	w.until(&pgproto3.ParseComplete{})
	w.say(bind("", ""), describe('P', ""), flush)
	w.until(&pgproto3.RowDescription{})
	w.say(execute("", 0), flush)
	w.until(&pgproto3.CommandComplete{})
	w.say(sync_)
	w.say(sync_)
	w.say(parse("", ""), bind("", ""), describe('P', ""), execute("", 0), sync_)
	w.say(parse("", "begin"), bind("", ""), execute("", 0), parse("", "select 'in'"), bind("", ""), execute("", 0), parse("", "rollback"), bind("", ""), execute("", 0), sync_)
	w.say(&pgproto3.Query{String: "select 1"}, &pgproto3.Query{String: "select 1/0"}, &pgproto3.Query{String: "select 2; select 3"}) // not waiting
	w.say(parse("", "select 4"), bind("", ""), execute("", 0), sync_, &pgproto3.Query{String: "select 5"}, parse("", "select 6"), bind("", ""), execute("", 0), sync_)
}

// misuse is refused by the server, message by message, and ends with one that it does not know.
func misuse() {
	w, c := raw()
	w.say(parse("", "selec"), sync_)
	w.say(parse("", "select 1; select 2"), bind("", ""), execute("", 0), sync_)
	w.say(bind("", "nosuch"), execute("", 0), sync_)
	w.say(describe('S', "nosuch"), sync_)
	w.say(describe('P', "nosuch"), sync_)
	w.say(execute("nosuch", 0), sync_)
	w.say(parse("s", "select $1::int"), bind("", "s"), execute("", 0), sync_)
	w.say(parse("s", "select 2"), bind("", "s", "1"), execute("", 0), sync_)
	w.say(bind("", "s", "not a number"), execute("", 0), bind("", "s", "7"), execute("", 0), sync_)
	w.say(&pgproto3.Bind{PreparedStatement: "s", ParameterFormatCodes: []int16{1}, Parameters: [][]byte{{1, 2}}}, execute("", 0), sync_)
	w.say(&pgproto3.Bind{PreparedStatement: "s", ParameterFormatCodes: []int16{0, 0}, Parameters: [][]byte{[]byte("1")}}, execute("", 0), sync_)
	w.say(&pgproto3.Bind{PreparedStatement: "s", ParameterFormatCodes: []int16{9}, Parameters: [][]byte{[]byte("1")}}, execute("", 0), sync_)
	w.say(&pgproto3.Bind{PreparedStatement: "s", Parameters: [][]byte{[]byte("1")}, ResultFormatCodes: []int16{0, 1}}, execute("", 0), sync_)
	w.say(bind("", "s", "7"), execute("", 0), execute("nosuch", 0), execute("", 0), sync_)
	w.say(describe('X', "s"), sync_)
	w.say(closing('X', "s"), sync_)
	w.say(&pgproto3.Query{String: "select 'still here'"})
	nc := c.PgConn().Conn()
	_, err := nc.Write([]byte{'y', 0, 0, 0, 4}) // an unknown type: FATAL
	must(err)
	w.until(&pgproto3.ErrorResponse{})
	nc.Close()
	_, c = raw()
	_, err = c.PgConn().Conn().Write([]byte{'Q', 0, 0, 0, 3}) // a length below four
	must(err)
	io.ReadAll(c.PgConn().Conn())
	c.PgConn().Conn().Close()
}

// modes changes what a backslash is and the encoding, in forms usual and odd. Texts that other rules would end elsewhere follow:
// first when the change is answered, then in one write with it, then in the extended protocol.
func modes() {
	const escaped, plainly, wide = `select 'it\'s', 'marlin-77', 'x'`, `select 'C:\', 'marlin-77', 'x'`, "select E'x\xe0\\', 'marlin-77', 'y'"
	w, c := raw()
	for _, step := range [][]string{
		{"set standard_conforming_strings = off", escaped},
		{"reset standard_conforming_strings", plainly},
		{"select set_config('standard_conforming_strings', 'off', false)", escaped},
		{`set session "standard_conforming_strings" to default`, plainly},
		{"begin", "set local standard_conforming_strings = off", escaped, "rollback", plainly},
		{"begin; set standard_conforming_strings = off", escaped, "select 1/0", "rollback", plainly},
		{"do $$ begin perform set_config('standard_conforming_strings', 'off', false); end $$", escaped},
		{"update pg_settings set setting = 'on' where name = 'standard_conforming_strings'", plainly},
		{"set client_encoding = gbk", wide},
		{"set names 'UTF8'", plainly},
		{"/* utf8 */ set/**/names 'gbk'", wide},
		{"select pg_catalog.set_config('client_encoding', 'UTF8', false)", plainly},
		{`set "client_encoding" to 'BIG5'; set standard_conforming_strings to 'off'`, `select 'x\\', 'marlin-77', 'y'`},
		{"discard all", plainly},
	} {
		var all []pgproto3.FrontendMessage
		for _, sql := range step {
			w.say(&pgproto3.Query{String: sql})
			all = append(all, &pgproto3.Query{String: sql})
		}
		w.say(&pgproto3.Query{String: "select 'between'"})
		w.say(all...)
		if strings.Contains(strings.Join(step, " "), "; set") {
			continue // no two statements in one Parse
		}
		all = nil
		for _, sql := range step {
			all = append(all, parse("", sql), bind("", ""), execute("", 0), sync_)
		}
		w.say(all...)
	}
	for _, role := range [][2]string{{"standard_conforming_strings = off", escaped}, {"client_encoding = gbk", wide}} {
		w.say(&pgproto3.Query{String: "alter role postgres set " + role[0]})
		next, n := raw()
		next.say(&pgproto3.Query{String: role[1]})
		n.Close(ctx)
		w.say(&pgproto3.Query{String: "alter role postgres reset all"})
	}
	c.Close(ctx)
}

// call asks for functions by their OIDs.
func call() {
	w, c := raw()
	defer c.Close(ctx)
	w.say(&pgproto3.FunctionCall{Function: 1598})                                      // random()
	w.say(&pgproto3.FunctionCall{Function: 871, Arguments: [][]byte{[]byte("upper")}}) // needs a collation, which nobody can say
	w.say(&pgproto3.FunctionCall{Function: 177, ArgFormatCodes: []uint16{1}, Arguments: [][]byte{{0, 0, 0, 2}, {0, 0, 0, 3}}, ResultFormatCode: 1})
	w.say(&pgproto3.FunctionCall{Function: 177, Arguments: [][]byte{[]byte("2"), nil}}) // strict: NULL
	w.say(&pgproto3.FunctionCall{Function: 154, Arguments: [][]byte{[]byte("1"), []byte("0")}})
	w.say(&pgproto3.FunctionCall{Function: 4294967})
	w.say(&pgproto3.Query{String: "select 1"})
}

// copyRaw is COPY where drivers do not go: in the extended protocol, twice in one string, beside other statements, failed by the
// client in between, with data for a COPY that the server has given up.
func copyRaw() {
	w, c := raw()
	defer c.Close(ctx)
	data := func(s string) *pgproto3.CopyData { return &pgproto3.CopyData{Data: []byte(s)} }
	done := &pgproto3.CopyDone{}
	w.say(&pgproto3.Query{String: "create temp table t (id int)"})
	// One answer is due, whatever is sent.
	extended := func(messages ...pgproto3.FrontendMessage) {
		for _, m := range messages {
			w.Send(m)
		}
		must(w.Flush())
		w.until(&pgproto3.ReadyForQuery{})
	}
	in := func(sql string, rest ...pgproto3.FrontendMessage) {
		extended(append([]pgproto3.FrontendMessage{&pgproto3.Query{String: sql}}, rest...)...)
	}
	in("copy t from stdin", data("1\n2\n3\n"), done)
	in("copy t from stdin", data("4"), data("\n5\n6"), data("7\n"), done) // rows over several messages
	in("copy t from stdin", data("8\n"), flush, data("9\n"), sync_, done) // ignored
	in("copy t from stdin", data("10\n"), &pgproto3.CopyFail{Message: "enough of that"})
	in("copy t from stdin", data("x\n"), data("11\n"), data("12\n"), done) // given up at x
	in("copy nosuch from stdin", data("13\n"), done)                       // nobody reads
	in("copy t from stdin; select count(*) from t; copy t from stdin; copy t to stdout; insert into t values (20)",
		data("14\n"), done, data("15\n16\n"), done)
	in("insert into t values (21); copy t from stdin; insert into t values (22)", data("17\n"), &pgproto3.CopyFail{Message: "no more"})
	in("copy t to stdout; select 1; copy (select 2) to stdout")
	extended(parse("c", "copy t from stdin"), bind("", "c"), execute("", 0), data("30\n31\n"), done, sync_)
	extended(bind("", "c"), execute("", 0), sync_, data("32\n"), done, sync_) // the first Sync is ignored
	extended(bind("", "c"), execute("", 0), data("y\n"), data("33\n"), done, sync_)
	extended(bind("", "c"), execute("", 0), &pgproto3.CopyFail{Message: "changed my mind"}, bind("", "c"), execute("", 0), sync_)
	extended(parse("", "copy t to stdout (format binary)"), bind("", ""), describe('P', ""), execute("", 0), parse("", "select 1"), bind("", ""), execute("", 0), sync_)
	w.say(&pgproto3.Query{String: "select count(*) from t"})
}

// startup logs in as no driver does, in the way $HOW says.
func startup() {
	u, err := pgx.ParseConfig(os.Args[2])
	must(err)
	nc, err := net.DialTimeout("tcp", fmt.Sprintf("%s:%d", u.Host, u.Port), 5*time.Second)
	must(err)
	defer nc.Close()
	must(nc.SetDeadline(time.Now().Add(10 * time.Second)))
	write := func(b []byte) {
		_, err := nc.Write(b)
		must(err)
	}
	packet := func(code uint32, rest string) []byte {
		b := binary.BigEndian.AppendUint32(nil, uint32(8+len(rest)))
		return append(binary.BigEndian.AppendUint32(b, code), rest...)
	}
	one := func(want string) {
		var b [1]byte
		_, err := io.ReadFull(nc, b[:])
		must(err)
		if string(b[:]) != want {
			must(fmt.Errorf("answered %q, want %q", b, want))
		}
	}
	// all reads up to ReadyForQuery, asks once, and leaves.
	all := func() {
		w := wire{pgproto3.NewFrontend(nc, nc)}
		w.until(&pgproto3.ReadyForQuery{})
		w.say(&pgproto3.Query{String: "select 1"})
		w.say(&pgproto3.Terminate{})
	}
	failed := func() { wire{pgproto3.NewFrontend(nc, nc)}.until(&pgproto3.ErrorResponse{}) }
	const (
		ssl = 80877103
		gss = 80877104
	)
	shop := "user\x00postgres\x00database\x00shop\x00application_name\x00raw\x00"
	switch how := os.Getenv("HOW"); how {
	case "options":
		write(packet(3<<16|9999, shop+"options\x00-c work_mem=1MB\x00_pq_.grease\x001\x00_pq_.other\x00x y\x00\x00"))
		all()
	case "gss":
		write(packet(gss, ""))
		one("N")
		write(packet(ssl, ""))
		one("N")
		write(packet(3<<16, shop+"\x00"))
		all()
	case "granted":
		write(packet(gss, ""))
		one("G")
	case "sslerror":
		write(packet(ssl, ""))
		one("N")
		write(packet(ssl, "")) // a second one is a version that the server does not know
		failed()
	case "gsserror":
		write(packet(gss, ""))
		one("N")
		write(packet(gss, ""))
		failed()
	case "v2":
		fixed := make([]byte, 288)
		copy(fixed, "shop")
		copy(fixed[64:], "postgres")
		write(packet(2<<16, string(fixed)))
		b, err := io.ReadAll(nc)
		must(err)
		if len(b) == 0 {
			must(errors.New("no answer"))
		}
	case "v4":
		write(packet(4<<16, shop+"\x00"))
		failed()
	case "nouser":
		write(packet(3<<16, "database\x00shop\x00\x00"))
		failed()
	case "oauth":
		write(packet(3<<16, "user\x00"+os.Getenv("BEARER")+"\x00database\x00shop\x00\x00"))
		w := wire{pgproto3.NewFrontend(nc, nc)}
		w.until(&pgproto3.AuthenticationSASL{})
		w.say(&pgproto3.SASLInitialResponse{AuthMechanism: "OAUTHBEARER", Data: []byte("n,,\x01auth=Bearer " + os.Getenv("TOKEN") + "\x01\x01")})
		w.until(&pgproto3.AuthenticationSASLContinue{})
		w.say(&pgproto3.SASLResponse{Data: []byte{1}})
		w.until(&pgproto3.ErrorResponse{})
	case "half":
		write(packet(3<<16, shop+"\x00")[:20])
		time.Sleep(100 * time.Millisecond)
	default:
		must(fmt.Errorf("no startup is called %s", how))
	}
}

// reset breaks the connection in the middle of an answer.
func reset() {
	w, c := raw()
	w.say(&pgproto3.Query{String: "select 1"})
	w.Send(&pgproto3.Query{String: "select g, repeat('x', 100) from generate_series(1, 1000000) g"})
	must(w.Flush())
	w.until(&pgproto3.DataRow{})
	nc := c.PgConn().Conn().(*net.TCPConn)
	must(nc.SetLinger(0))
	must(nc.Close())
}

// killed is a psql, which the command $PSQL begins, that dies in the middle of a transaction while it waits for an answer.
func killed() {
	words := append(strings.Fields(os.Getenv("PSQL")), "-X", "-c", "begin", "-c", "select count(*) from stock", "-c", "select pg_sleep(20)", os.Args[2])
	p := osexec.Command(words[0], words[1:]...)
	must(p.Start())
	time.Sleep(500 * time.Millisecond)
	must(p.Process.Kill())
	p.Wait()
}
