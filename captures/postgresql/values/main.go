// Values asks a server for values of every type, in binary and as it writes them, and prints a table of them:
//
//	DATABASE_URL=postgres://postgres@127.0.0.1:5432/postgres go run ./values >../../internal/protocol/postgresql/testdata/values.tsv
//
// A line has the OID of the type (0 for types that are not the server's own), the binary value in hexadecimal digits and
// the text, quoted as Go does. The server is to be PostgreSQL 17 or later, in the locale C; the program makes a few types
// and drops them. Some values are random, the same in each run; -random and -seed make others, for a longer comparison.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"log"
	"math"
	"math/rand/v2"
	"os"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

func main() {
	log.SetFlags(0)
	random := flag.Int("random", 25, "random values of each kind")
	seed := flag.Uint64("seed", 1, "of the random values")
	flag.Parse()
	ctx := context.Background()
	conn, err := pgconn.Connect(ctx, os.Getenv("DATABASE_URL"))
	check(err)
	run := func(sql string) { check(conn.Exec(ctx, sql).Close()) }
	run(`begin;
		set timezone to 'UTC';
		create type mood as enum ('sad', 'so so');
		create type pair as (a int4, b text);
		create type nest as (p pair, q pair[], "at" timestamptz);
		create domain positive as int8 check (value > 0)`)
	out := bufio.NewWriter(os.Stdout)
	for _, e := range expressions(*random, *seed) {
		r := conn.ExecParams(ctx, "select v, v from (select "+e+" as v) as t", nil, nil, nil, []int16{1, 0}).Read()
		if r.Err != nil {
			log.Fatalf("%s: %v", e, r.Err)
		}
		oid := r.FieldDescriptions[0].DataTypeOID
		if oid >= 16384 {
			oid = 0
		}
		fmt.Fprintf(out, "%d\t%x\t%q\n", oid, r.Rows[0][0], r.Rows[0][1])
	}
	check(out.Flush())
	run("rollback")
	check(conn.Close(ctx))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// literals of each type.
var literals = []struct {
	typ  string
	text []string
}{
	{"bool", []string{"true", "false"}},
	{"int2", []string{"0", "1", "-1", "32767", "-32768"}},
	{"int4", []string{"0", "-1", "2147483647", "-2147483648"}},
	{"int8", []string{"0", "-1", "9223372036854775807", "-9223372036854775808"}},
	{"oid", []string{"0", "4294967295"}},
	{"xid", []string{"0", "4294967295"}},
	{"cid", []string{"7"}},
	{"xid8", []string{"0", "18446744073709551615"}},
	{"tid", []string{"(0,0)", "(4294967295,65535)"}},
	{"pg_lsn", []string{"0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF"}},
	{"pg_snapshot", []string{"10:20:10,14,15", "7:7:"}},
	{"txid_snapshot", []string{"10:20:10,14,15"}},
	{"float4", []string{"0", "-0", "1", "0.1", "1e6", "999999", "1000001", "123456.7", "1e-4", "0.00012345", "9.9e-5", "1e-45", "3.4028235e38", "NaN", "Infinity", "-Infinity", "16777216"}},
	{"float8", []string{"0", "-0", "1", "0.1", "1e14", "1e15", "123456789012345", "1234567890123456", "999999999999999.9", "1e-4", "1e-5", "0.0001234", "5e-324", "1.7976931348623157e308", "NaN", "Infinity", "-Infinity", "1e100", "9007199254740993"}},
	{"numeric", []string{"0", "0.00", "-1", "1", "10", "9999", "10000", "100000000", "0.1", "0.0001", "0.00001", "1.50", "-123456789.987654321", "NaN", "Infinity", "-Infinity",
		"1e50", "1e-50", "10000.00010000", "0.00000000000000000001230", "99999999999999999999999999999999999999.99999999999999999999", "12345678901234567890", "5e1000"}},
	{"money", []string{"0", "1", "-1", "0.05", "-0.05", "1234567.89", "-92233720368547758.08", "92233720368547758.07", "999.99", "1000"}},
	{"text", []string{"", "x", "it's", "line\nend", "ünïcode ☃ 𝄞", `back\slash "quoted"`}},
	{"varchar", []string{"varying"}},
	{"char(5)", []string{"ab"}},
	{"name", []string{"a_name"}},
	{`"char"`, []string{"", "a", "\\", "\\377", "\\200"}},
	{"cstring", []string{"c string"}},
	{"refcursor", []string{"portal"}},
	{"bytea", []string{"", `\x00ff`, `\xdeadbeef`}},
	{"uuid", []string{"00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}},
	{"json", []string{`{"a": [1, 2.50, null], "b": "x"}`, "1"}},
	{"jsonb", []string{`{"b": "x", "a": [1, 2.50, null, true]}`, "null"}},
	{"jsonpath", []string{`$.a[*] ? (@.b > 3)`}},
	{"xml", []string{"<a>b</a>", "<?xml version='1.0'?><a/>"}},
	{"date", []string{"2000-01-01", "1999-12-31", "1970-01-01", "2024-02-29", "0001-01-01", "0001-12-31 BC", "4713-01-01 BC", "10000-01-01", "5874897-12-31", "infinity", "-infinity"}},
	{"time", []string{"00:00:00", "23:59:59.999999", "24:00:00", "12:34:56.7", "01:02:03.000004"}},
	{"timetz", []string{"00:00:00+00", "12:34:56.78-08", "23:59:59+05:30", "01:02:03-12:34:56", "01:02:03+00:00:01", "24:00:00+15:59"}},
	{"timestamp", []string{"2000-01-01", "1999-12-31 23:59:59.999999", "2024-02-29 12:34:56.789", "0044-03-15 12:00:00 BC", "4713-01-01 00:00:00 BC", "294276-12-31 23:59:59.999999", "infinity", "-infinity"}},
	{"timestamptz", []string{"2000-01-01 00:00:00+00", "1969-12-31 23:59:59.5+00", "2024-07-01 12:34:56.789+02", "0044-03-15 12:00:00+00 BC", "294276-12-31 23:59:59.999999+00", "infinity", "-infinity"}},
	{"interval", []string{"0", "1 year", "-1 year", "1 year 2 mons 3 days 04:05:06.789", "-1 year -2 mons +3 days -04:05:06.789", "1 mon -1 day", "-1 mon 1 day 1 second", "25 hours", "-0.5 second", "13 months", "-13 months",
		"1 day -1 second", "-1 day", "-1 day 00:00:01", "178000000 years", "2562047788 hours", "infinity", "-infinity", "1 microsecond", "-2147483648 days"}},
	{"inet", []string{"0.0.0.0", "192.168.1.5", "192.168.1.5/24", "10.0.0.0/8", "::", "::1", "::2", "::1:0", "::1.2.3.4", "::ffff:1.2.3.4", "2001:db8::1/64", "1:0:0:2:0:0:0:3", "1:0:2:3:4:5:6:7", "0:0:1::", "fe80::1", "::1.2.3.4/100", "::ffff:0:0", "0.0.0.0/0", "::/0", "1:2:3:4:5:6:0:0"}},
	{"cidr", []string{"10.0.0.0/8", "192.168.1.5/32", "2001:db8::/32", "::1/128", "0.0.0.0/0"}},
	{"macaddr", []string{"08:00:2b:01:02:03"}},
	{"macaddr8", []string{"08:00:2b:01:02:03:04:05"}},
	{"bit(3)", []string{"101"}},
	{"bit(8)", []string{"11110000"}},
	{"varbit", []string{"", "1", "110011001"}},
	{"point", []string{"(1,2)", "(-0.5,1e300)", "(NaN,Infinity)"}},
	{"line", []string{"{1,-1,0.5}"}},
	{"lseg", []string{"[(1,2),(3,4)]"}},
	{"box", []string{"(3,4),(1,2)"}},
	{"path", []string{"((0,0),(1,1),(2,0))", "[(0,0),(1,1)]"}},
	{"polygon", []string{"((0,0),(1,1),(2,0))"}},
	{"circle", []string{"<(1,2),3.5>"}},
	{"tsvector", []string{"", "a fat cat", "'it''s':1A,2B,3C,4 b:16383 'back\\\\slash' '  '"}},
	{"tsquery", []string{"", "fat", "fat & rat", "fat & (rat | cat)", "!fat & !(rat | cat)", "fat:ab & cat:*", "cat:*ABCD", "a <-> b <-> c", "a <-> (b <-> c)", "a <3> b", "(a & b) <-> c", "a | b & !c", "!!a", "!(a <-> b)", "(a | b) & (c | d)", "'it''s' & 'a b'", "a <0> b <16384> c", "(a <-> b) & (c <2> (d | e))"}},
	{"int2vector", []string{"1 2 3", "7"}},
	{"oidvector", []string{"1 2 4294967295"}},
	{"int4range", []string{"[1,10)", "empty", "(,5)", "[5,)", "(,)"}},
	{"int8range", []string{"[-5,9223372036854775807)"}},
	{"numrange", []string{"(1.5,2.50]", "[1,1]", "(,NaN)"}},
	{"daterange", []string{"[2024-01-01,2024-02-01)", "[2024-01-01,infinity)"}},
	{"tsrange", []string{`["2024-01-01 12:00:00","2024-01-02 00:00:00.5"]`, `(,infinity]`}},
	{"tstzrange", []string{`["2024-01-01 12:00:00+00",)`}},
	{"int4multirange", []string{"{}", "{[1,3),[5,10)}", "{(,)}"}},
	{"int8multirange", []string{"{[1,3)}"}},
	{"nummultirange", []string{"{[1.5,3),(5,)}"}},
	{"datemultirange", []string{"{[2024-01-01,2024-02-01),[2024-03-01,)}"}},
	{"tsmultirange", []string{`{["2024-01-01 12:00:00","2024-01-02 00:00:00.5"]}`}},
	{"tstzmultirange", []string{`{["2024-01-01 12:00:00+00",)}`}},
	{"int4[]", []string{"{}", "{1}", "{1,NULL,-3}", "{{1,2},{3,4}}", "[0:2]={1,2,3}", "[-1:0][2:3]={{1,2},{3,4}}", "{{{1},{2}}}"}},
	{"text[]", []string{`{"",NULL,"NULL","null",a,"a b","a,b","{","}","\"","\\"}`, `{" x","x\ty","x\ny"}`, `{ünïcode}`, `{it's,(a)}`, "{\"a\vb\",\"a\u00a0b\"}"}},
	{"bool[]", []string{"{t,f,NULL}"}},
	{"numeric[]", []string{"{1.50,NaN,-Infinity,0}"}},
	{"float8[]", []string{"{1.5,1e100,-0}"}},
	{"timestamptz[]", []string{`{"2024-01-01 12:00:00+00",infinity}`}},
	{"interval[]", []string{`{"1 day","01:00:00"}`}},
	{"bytea[]", []string{`{"\\x00ff",""}`}},
	{"jsonb[]", []string{`{"{\"a\": \"b\\\\c\"}",1}`}},
	{"uuid[]", []string{`{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}`}},
	{"box[]", []string{`{(3,4),(1,2);(1,1),(0,0)}`}},
	{"point[]", []string{`{"(1,2)","(3,4)"}`}},
	{"int4range[]", []string{`{"[1,10)",empty}`}},
	{`"char"[]`, []string{`{a,"","\""}`}},
	{"inet[]", []string{`{10.0.0.1,::1/64}`}},
	{"varchar[]", []string{`{a,b}`}},
	{"char(3)[]", []string{`{a,b}`}},
	{"tsquery[]", []string{`{"fat & rat"}`}},
	{"oidvector[]", []string{`{"1 2"}`}},
	{"mood", []string{"sad", "so so"}},
	{"mood[]", []string{`{sad,"so so",NULL}`}},
	{"positive", []string{"42"}},
	{"pair", []string{`(1,x)`, `(,)`, `(1,"")`, `(1,"a b")`, `(-1,"(\"\\,)")`, `(1,"null")`, `(1,"	")`}},
	{"pair[]", []string{`{"(1,x)","(,\"a b\")"}`}},
	{"nest", []string{`("(1,x)","{""(2,y)"",""(3,\\""z \\"")""}","2024-01-01 12:00:00+00")`}},
}

// expressions are the SQL of all values, also of types that no text can be cast to.
func expressions(random int, seed uint64) []string {
	var all []string
	add := func(typ, text string) {
		all = append(all, "'"+strings.ReplaceAll(text, "'", "''")+"'::"+typ)
	}
	for _, l := range literals {
		for _, text := range l.text {
			add(l.typ, text)
		}
	}
	all = append(all,
		"row(1, null, 'a', 'a b', '', '2024-01-01'::date, row(1, 'x'::text), array[1, 2], array['a b'::text], '\\'::text)",
		"row()", "row(1.50)", "array[row(1, 'a'::text), row(2, null)]",
		"array[row(1, 'a b'::text)]", "pg_sleep(0)", "array['3 days'::interval]", `array_fill(null::int4, array[2,2])`,
		"array[]::pair[]", "row(row(row(row(1, ' '::text), '\"'::text)))", "int4multirange()", "(select a from (select 1 as x) as a)",
	)
	r := rand.New(rand.NewPCG(seed, 0))
	for range random {
		add("float4", fmt.Sprint(math.Float32frombits(r.Uint32()&^(0x80<<23))))
		add("float8", fmt.Sprint(math.Float64frombits(r.Uint64()&^(0x400<<52))))
		add("float8", fmt.Sprint(float64(r.IntN(1e9))/1e4))
		add("float4", fmt.Sprint(float32(r.IntN(1e9))/1e3))
		add("numeric", digits(r))
		add("timestamptz", fmt.Sprintf("%04d-%02d-%02d %02d:%02d:%02d.%06d+00", 1+r.IntN(9999), 1+r.IntN(12), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1e6)))
		add("date", fmt.Sprintf("%04d-%02d-%02d%s", 1+r.IntN(4000), 1+r.IntN(12), 1+r.IntN(28), []string{"", " BC"}[r.IntN(2)]))
		add("interval", fmt.Sprintf("%d mons %d days %d microseconds", r.IntN(60)-30, r.IntN(60)-30, r.Int64N(1e12)-5e11))
		add("int8", fmt.Sprint(int64(r.Uint64())))
		add("timetz", fmt.Sprintf("%02d:%02d:%02d.%06d%+03d:%02d", r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1e6), r.IntN(30)-15, r.IntN(60)))
		add("money", fmt.Sprintf("%d.%02d", r.Int64N(1e12)-5e11, r.IntN(100)))
		add("varbit", fmt.Sprintf("%b", r.Uint32()))
		add("inet", address(r))
		add("text[]", texts(r))
		add("pair", record(r))
		add("tsquery", query(r, 4))
	}
	return all
}

func digits(r *rand.Rand) string {
	var b strings.Builder
	if r.IntN(2) == 0 {
		b.WriteByte('-')
	}
	for i, n := 0, 1+r.IntN(40); i < n; i++ {
		b.WriteByte("0001234567899"[r.IntN(13)])
	}
	b.WriteByte('.')
	for i, n := 0, r.IntN(40); i < n; i++ {
		b.WriteByte("0001234567899"[r.IntN(13)])
	}
	return b.String()
}

// address is an IPv6 address with many zeros.
func address(r *rand.Rand) string {
	words := make([]string, 8)
	for i := range words {
		words[i] = []string{"0", "0", "0", "1", "ffff", "a0"}[r.IntN(6)]
	}
	return strings.Join(words, ":")
}

func word(r *rand.Rand) string {
	var b strings.Builder
	for range r.IntN(4) {
		b.WriteString([]string{"a", "b", ",", `"`, `\`, "(", ")", "{", "}", " ", "ü", "'", "NULL", ";", "\n", "["}[r.IntN(16)])
	}
	return b.String()
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func texts(r *rand.Rand) string {
	return "{" + quote(word(r)) + "," + quote(word(r)) + "}"
}

func record(r *rand.Rand) string {
	return fmt.Sprintf("(%d,%s)", r.IntN(100), quote(word(r)))
}

func query(r *rand.Rand, depth int) string {
	switch n := r.IntN(6); {
	case depth == 0 || n == 0:
		return string(rune('a'+r.IntN(26))) + []string{"", ":*", ":A", ":*CD"}[r.IntN(4)]
	case n == 1:
		return "!(" + query(r, depth-1) + ")"
	default:
		return "(" + query(r, depth-1) + ")" + []string{"&", "|", "<->", "<2>"}[n-2] + "(" + query(r, depth-1) + ")"
	}
}
