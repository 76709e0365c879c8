package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// values of every type that a table may hold, as the server reads them.
var values = []struct {
	name   string
	values []string
}{
	{"boolean", []string{"t", "f"}},
	{"int2", []string{"0", "-32768", "32767"}},
	{"int4", []string{"0", "-1", "2147483647", "-2147483648"}},
	{"int8", []string{"9223372036854775807", "-9223372036854775808"}},
	{"float4", []string{"0", "-0", "1.5", "3.4028235e38", "1e-45", "NaN", "Infinity", "-Infinity"}},
	{"float8", []string{"0.1", "-2.5e-300", "1.7976931348623157e308", "5e-324", "123456789012345680", "NaN", "Infinity", "-Infinity"}},
	{"numeric", []string{"0", "1", "-1", "10000", "0.0001", "0.00001", "1.10", "100000000", "12345678901234567890123456789.012345678901234567890", "-0.00000000000000000000000123",
		"1e100", "NaN", "Infinity", "-Infinity"}},
	{"numeric(10,4)", []string{"0", "1.5", "-99999.9999"}},
	{"money", []string{"0", "12.34", "-92233720368547758.08"}},
	{"text", []string{"", "plain", "d\u00e9j\u00e0 \u2603 \U0001f418", "a\tb\nc\\d'e\"f"}},
	{"varchar(20)", []string{"", "short"}},
	{"char(5)", []string{"ab", "abcde"}},
	{"name", []string{"pg_class"}},
	{`"char"`, []string{"x", ""}},
	{"bytea", []string{"", `\x00`, `\x0102feff`, `\x646566`}},
	{"date", []string{"2000-01-01", "1999-12-31", "2024-02-29", "0001-01-01", "4713-01-01 BC", "0044-03-15 BC", "5874897-12-31", "infinity", "-infinity"}},
	{"time", []string{"00:00:00", "23:59:59.999999", "24:00:00", "12:34:56.7"}},
	{"timetz", []string{"12:34:56+00", "00:00:00.000001-05:30", "23:59:59+15:59:59"}},
	{"timestamp", []string{"2000-01-01 00:00:00", "2024-02-29 12:34:56.789", "1969-07-20 20:17:40.000001", "0044-03-15 12:00:00 BC", "294276-12-31 23:59:59.999999", "infinity", "-infinity"}},
	{"timestamptz", []string{"2000-01-01 00:00:00+00", "2024-07-01 12:34:56.789123+02", "1900-01-01 00:00:00+00", "infinity", "-infinity"}},
	{"interval", []string{"0", "1 year 2 months 3 days 04:05:06.789", "-1 month +1 day -00:00:00.000001", "100000 hours", "1 day", "-23 days -45:06:07.08", "178956970 years"}},
	{"uuid", []string{"00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}},
	{"json", []string{`{"a": 1,  "b": [true, null, "x"]}`, `"text"`, `null`}},
	{"jsonb", []string{`{"b": [true, null, 1.50], "a": {"deep": {"er": "\u00e9"}}}`, `[]`, `1e3`}},
	{"jsonpath", []string{`$.a[*] ? (@ > 1)`}},
	{"xml", []string{"<a b=\"c\">d</a>", "<!-- only -->"}},
	{"int4[]", []string{"{}", "{1,2,NULL,-4}", "[0:1]={5,6}"}},
	{"int4[][]", []string{"{{1,2,3},{4,5,6}}", "[-1:0][2:3]={{1,2},{3,NULL}}", "{{{1},{2}},{{3},{4}}}"}},
	{"text[]", []string{`{a,"b c",NULL,"NULL","",",","\"","\\","{}"}`}},
	{"bool[]", []string{"{t,f}"}},
	{"numeric[]", []string{"{1.10,NaN,-0.5}"}},
	{"timestamptz[]", []string{`{"2024-01-01 00:00:00+00",infinity,NULL}`}},
	{"uuid[]", []string{"{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}"}},
	{"bytea[]", []string{`{"\\x00ff",""}`}},
	{"jsonb[]", []string{`{"{\"a\": 1}","[]"}`}},
	{"box[]", []string{`{(1,1),(0,0);(3,3),(2,2)}`}},
	{"int4range", []string{"empty", "[1,10)", "(,5]", "[7,)", "(,)"}},
	{"int8range", []string{"[1,9223372036854775806]"}},
	{"numrange", []string{"[1.5,2.5]", "(1.5,2.5)", "empty"}},
	{"daterange", []string{"[2024-01-01,2024-02-01)", "[,infinity]"}},
	{"tsrange", []string{"[\"2024-01-01 00:00:00\",\"2024-01-01 12:30:00\")"}},
	{"tstzrange", []string{"(\"2024-01-01 00:00:00+00\",)"}},
	{"int4range[]", []string{`{"[1,2)",empty}`}},
	{"inet", []string{"192.168.0.1", "10.0.0.0/8", "192.168.0.1/24", "::1", "2001:db8::1/64", "::ffff:1.2.3.4"}},
	{"cidr", []string{"10.0.0.0/8", "192.168.1.0/24", "2001:db8::/32"}},
	{"macaddr", []string{"08:00:2b:01:02:03"}},
	{"macaddr8", []string{"08:00:2b:01:02:03:04:05"}},
	{"bit(8)", []string{"10101010", "00000000"}},
	{"bit(3)", []string{"101"}},
	{"varbit", []string{"", "1", "1011011101111"}},
	{"point", []string{"(1,2)", "(-0.5,1e10)"}},
	{"line", []string{"{1,-1,0}"}},
	{"lseg", []string{"[(0,0),(1,1)]"}},
	{"box", []string{"(2,2),(0,0)"}},
	{"path", []string{"((0,0),(1,1),(2,0))", "[(0,0),(1,1)]"}},
	{"polygon", []string{"((0,0),(1,1),(2,0))"}},
	{"circle", []string{"<(1,2),3>"}},
	{"mood", []string{"sad", "very \"happy\""}},
	{"mood[]", []string{`{sad,ok,"very \"happy\""}`}},
	{"address", []string{`("Main Street",12,2024-01-01)`, `("a ""b"", c\\d",,)`}},
	{"address[]", []string{`{"(x,1,2024-01-01)",NULL}`}},
	{"positive", []string{"1"}},
	{"oid", []string{"0", "4294967295"}},
	{"regclass", []string{"pg_class", "stock"}},
	{"regtype", []string{"integer", "timestamp with time zone"}},
	{"regproc", []string{"now"}},
	{"xid", []string{"4294967295"}},
	{"cid", []string{"7"}},
	{"tid", []string{"(1,2)"}},
	{"xid8", []string{"18446744073709551615"}},
	{"pg_lsn", []string{"0/0", "16/B374D848"}},
	{"pg_snapshot", []string{"10:20:10,14,15"}},
	{"int2vector", []string{"1 2 3"}},
	{"oidvector", []string{"23 25"}},
	{"tsvector", []string{"", "'a':1A,3 'cat':2B 'fat'"}},
	{"tsquery", []string{"'fat' & ( 'rat':AB | !'cat' ) <-> 'dog':*"}},
	{"refcursor", []string{"c1"}},
}

// multiranges are since PostgreSQL 14.
var multiranges = []string{"{}", "{[1,3),[5,7)}", "{(,1),[9,)}"}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// plain is a connection without pgx's knowledge of types. Over the socket it is in no capture.
func plain(url string) *pgconn.PgConn {
	c, err := pgconn.Connect(ctx, url)
	must(err)
	return c
}

func format() int16 {
	n, err := strconv.Atoi(os.Getenv("FORMAT"))
	must(err)
	return int16(n)
}

// types selects the values of every type, and NULL, in the format $FORMAT: 0 text, 1 binary. -1 is the simple protocol.
func types() {
	c := plain(os.Args[2])
	defer c.Close(ctx)
	ask := func(sql string) {
		if f := format(); f < 0 {
			_, err := c.Exec(ctx, sql).ReadAll()
			must(err)
		} else {
			must(c.ExecParams(ctx, sql, nil, nil, nil, []int16{f}).Read().Err)
		}
	}
	old := strings.HasPrefix(c.ParameterStatus("server_version"), "13") // no numeric is infinite there, and there are no multiranges
	for _, t := range values {
		if old && t.name == "numeric" {
			t.values = slices.DeleteFunc(slices.Clone(t.values), func(v string) bool { return strings.HasSuffix(v, "Infinity") })
		}
		ask(selectAll(t.name, t.values))
	}
	if !old {
		ask(selectAll("int4multirange", multiranges))
		ask(selectAll("datemultirange", []string{"{[2024-01-01,2024-02-01)}"}))
	}
	ask("select row(1, 'two', null, 3.5::numeric, array[1,2], row(true)) as record")
	ask("select array[row(1, 'a'), row(2, null)] as records")
	ask("select null as unknown, '' as empty, pg_sleep(0) as void, 'lit' as literal")
	ask("select id, name, data, price, added from stock where id <= 3 order by id")
}

func selectAll(typ string, values []string) string {
	var b strings.Builder
	for _, v := range values {
		fmt.Fprintf(&b, "(%s), ", quote(v))
	}
	return fmt.Sprintf("select v::%s as v from (values %s(null)) as t(v)", typ, b.String())
}

// params sends the values of every type, and NULL, in the format $FORMAT. Their binary form is asked of the server first, by the
// socket $SOCKET.
func params() {
	c := plain(os.Args[2])
	defer c.Close(ctx)
	var aside *pgconn.PgConn
	if format() == 1 {
		aside = plain(os.Getenv("SOCKET"))
		defer aside.Close(ctx)
	}
	send := func(typ string, values []string) {
		sql := fmt.Sprintf("select $1::%s as v", typ)
		_, err := c.Prepare(ctx, "p", sql, nil)
		must(err)
		for _, v := range values {
			b := []byte(v)
			if format() == 1 {
				r := aside.ExecParams(ctx, fmt.Sprintf("select %s::%s", quote(v), typ), nil, nil, nil, []int16{1}).Read()
				must(r.Err)
				b = r.Rows[0][0]
			}
			must(c.ExecPrepared(ctx, "p", [][]byte{b}, []int16{format()}, nil).Read().Err)
		}
		must(c.ExecPrepared(ctx, "p", [][]byte{nil}, []int16{format()}, nil).Read().Err)
		must(c.Deallocate(ctx, "p"))
	}
	for _, t := range values {
		if format() == 0 || !strings.HasPrefix(t.name, "reg") { // a number in binary, of another meaning elsewhere
			send(t.name, t.values)
		}
	}
	send("int4multirange", multiranges)
	for _, formats := range [][]int16{nil, {0}, {0, 0, 0, 0}} { // how often the format is said
		must(c.ExecParams(ctx, "select $1::int, $2::text, $3::text[], $4::bool", [][]byte{[]byte("1"), nil, []byte("{a}"), []byte("t")}, nil, formats, nil).Read().Err)
	}
	must(c.ExecParams(ctx, "select $1::int, $2::text, $3::int8", [][]byte{{0, 0, 0, 9}, []byte("mixed"), []byte("10")}, nil, []int16{1, 0, 0}, []int16{1, 0, 0}).Read().Err)
	must(c.ExecParams(ctx, "select $1, $2", [][]byte{[]byte("typed by"), []byte("7")}, []uint32{25, 23}, nil, nil).Read().Err)
	must(c.ExecParams(ctx, "select "+strings.Join(dollars(300), ", "), manyParams(300), nil, nil, nil).Read().Err)
}

func dollars(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("$%d::int", i+1)
	}
	return out
}

func manyParams(n int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = strconv.AppendInt(nil, int64(i), 10)
	}
	return out
}

// rows are many in one answer: $SIZE small or large, in the format $FORMAT.
func rows() {
	c := plain(os.Args[2])
	defer c.Close(ctx)
	sql := "select id, name, price from stock where id <= 1500 order by id"
	if os.Getenv("SIZE") == "large" {
		sql = `select g as id, 'customer ' || g as name, repeat('lorem ipsum dolor sit amet ', 10 + g % 25) as notes,
			'2024-01-01 00:00:00+00'::timestamptz + g * interval '1 hour' as seen, g * 1.25::numeric as balance from generate_series(1, 400) g`
	}
	must(c.ExecParams(ctx, sql, nil, nil, nil, []int16{format()}).Read().Err)
}
