package sqltext

import (
	"bytes"
	"testing"
)

func TestSecretParameters(t *testing.T) {
	for _, c := range []struct {
		normal string
		want   bool
	}{
		{"UPDATE users SET password = ? WHERE id = ?", true},
		{"INSERT INTO keys (id, api_key) VALUES (?)", true},
		{"SELECT AES_DECRYPT(body, ?) FROM mail", true},
		{"SELECT id FROM `user passwords` WHERE id = ?", true},
		{"CREATE USER ? IDENTIFIED BY ?", true},
		{"GRANT SELECT ON t TO ?", true},
		{"SELECT name FROM users WHERE id = ?", false},
		{"UPDATE usage SET tokens = ?", false},
		{"", false},
	} {
		if got := SecretParameters([]byte(c.normal)); got != c.want {
			t.Errorf("%s: %v", c.normal, got)
		}
	}
}

func TestTraceparent(t *testing.T) {
	trace, span := Traceparent([]byte("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
	if string(trace) != "0af7651916cd43dd8448eb211c80319c" || string(span) != "b7ad6b7169203331" {
		t.Errorf("%s %s", trace, span)
	}
	if trace, _ := Traceparent([]byte("00-00000000000000000000000000000000-b7ad6b7169203331-01")); trace != nil {
		t.Errorf("%s", trace)
	}
}

func TestAppendShown(t *testing.T) {
	for _, c := range []struct {
		d          Dialect
		sql, shown string
	}{
		{MySQL, "select * from users where password = 'a' and id = 5 limit @n", "select * from users where password = (hidden) and id = (hidden) limit @n"},
		{MySQL, "/*!50000 create user 'bob'@'%' identified by 'a' */ /* b */ -- c", "/*!50000 create user (hidden)@(hidden) identified by (hidden) */ (hidden) (hidden)"},
		{MySQL, "select max_tokens, 'https://h/a:b', md5, digest from t where sha = 'a' /* b */", "select max_tokens, 'https://h/a:b', md5, digest from t where sha = 'a' /* b */"},
		{MySQL, "insert into t values ('https://h/ ', 'bob@h')", "insert into t values ('https://h/ ', 'bob@h')"},
		{PostgreSQL, `select "a" from users where "password" = $1 and b = "v"."password"`, `select "a" from users where "password" = $1 and b = "v"."password"`},
		{PostgreSQL, `create role "bob" password "a"`, `create role "bob" password (hidden)`},
		{PostgreSQL, "do $$ begin execute 'alter role bob password ''a'''; end $$", "do (hidden)"},
		{PostgreSQL, "select encode(a, 'hex')", "select encode(a, (hidden))"},
	} {
		for n := 1; n < len(c.shown)+2; n++ {
			shown, hidden := AppendShown([]byte("x"), []byte(c.sql), c.d, n)
			if want := "x" + c.shown[:min(n, len(c.shown))]; string(shown) != want || hidden != (c.sql != c.shown) {
				t.Errorf("%d bytes of\n   %s\n are %s, %t\nnot %s", n, c.sql, shown, hidden, want)
			}
		}
	}
}

func TestSecrets(t *testing.T) {
	for _, c := range []struct {
		d   Dialect
		sql string
	}{
		{MySQL, "select * from users where password = 'hunter2' and name = 'bob'"},
		{MySQL, "insert into users (id, name, password_hash) values (1, 'bob', 'hunter2'), (2, f('a', 'b'), 'hunter3')"},
		{MySQL, "create user 'bob'@'%' identified with sha256_password by 'hunter2' require ssl"},
		{MySQL, "alter user 'bob'@'%' identified by 'hunter1' replace 'hunter2'"},
		{MySQL, "set password for 'bob'@'h' = 'hunter2'"},
		{MySQL, "grant all on *.* to 'bob'@'%' identified by 'hunter2'"},
		{MySQL, "change master to master_host='h', master_password='hunter2'"},
		{MySQL, `change replication source to source_user='u', source_password="hunter2"`},
		{MySQL, "start replica user='u' password='hunter2'"},
		{MySQL, "create server s foreign data wrapper mysql options (user 'u', password 'hunter2')"},
		{MySQL, "select aes_encrypt(a, 'hunter2')"},
		{MySQL, "select sha2(concat('a', 'hunter2'), 256)"},
		{MySQL, "set @token := 'hunter2'"},
		{MySQL, "set @pw := 'hunter2'"},
		{MySQL, "select json_set(a, '$.secret', 'hunter2', '$.name', 'bob')"},
		{MySQL, `prepare s from "set password for 'u'@'h' = password('hunter2')"`},
		{MySQL, `execute immediate "set password for u = password('hunter2')"`},
		{MySQL, `prepare s from "create user u identified via ed25519 using 'hunter2'"`},
		{MySQL, `prepare s from "create user u identified with sha256_password as 'hunter2'"`},
		{MySQL, `set @s = 'create user u identified with x as "hunter2"'`},
		{MySQL, "execute immediate concat('create user u identified by ', quote('hunter2'))"},
		{MySQL, "set @s = concat('alter user u identified by ''', 'hunter2', '''')"},
		{MySQL, `create table t (a int) engine=spider comment='user "u", password "hunter2"'`},
		{MySQL, `create table t (a int) engine=spider comment "user 'u'" connection='host "h", passwd "hunter2"'`},
		{MySQL, "insert into users (`password`) values ('hunter2')"},
		{MySQL, "insert into users (name, passwd) select 'bob', 'hunter2'"},
		{MySQL, "insert users (name, pwd) value ('bob', 'hunter2')"},
		{MySQL, "select * from users where (name, password) = ('bob', 'hunter2')"},
		{MySQL, "select * from users where (name, password) in (('bob', 'hunter2'))"},
		{MySQL, `insert into t values ('{\"password\":\"hunter2\"}')`},
		{MySQL, "select `aes_encrypt`('x', 'hunter2')"},
		{MySQL, "select aes_encrypt /* b */ ('x', 'hunter2')"},
		{MySQL, "select kdf('hunter2', 'salt', 1000)"},
		{MySQL, "create table t (a int) connection='mysql://u:P/hunter2@h:3306/db'"},
		{MySQL, "create user u identified by 'a' 'hunter2'"},
		{MySQL, "call login('bob', 'hunter2')"},
		{MySQL, "explain alter user u identified by _utf8'hunter2'"},
		{MySQL, "select 1 # mysql://u:hunter2@h"},
		{PostgreSQL, "alter role bob with password 'hunter2' valid until '2030-01-01'"},
		{PostgreSQL, "create user mapping for bob server s options (user 'u', password 'hunter2')"},
		{PostgreSQL, "create subscription s connection 'host=h password=hunter2' publication p"},
		{PostgreSQL, "select dblink('host=h password=hunter2', 'select 1')"},
		{PostgreSQL, "select crypt('hunter2', gen_salt('bf')), pgp_sym_encrypt(a, 'hunter3')"},
		{PostgreSQL, `select * from users where "password" = 'hunter2' and "a" = "b"`},
		{PostgreSQL, `select * from users where password = "hunter2"`},
		{PostgreSQL, "select 'postgres://bob:hunter2@h/db', 'https://h/a'"},
		{PostgreSQL, "select * from t where data->>'api_key' = 'hunter2' and data->>'name' = 'bob'"},
		{PostgreSQL, "select * from t where token in ('hunter1', 'hunter2') or c = 'd'"},
		{PostgreSQL, `select '{"password": "hunter2"}'::jsonb, '{"name": "bob"}'`},
		{PostgreSQL, "select set_config('app.jwt_secret', 'hunter2', false)"},
		{PostgreSQL, "do $$begin alter role u password e'hunter2'; end$$"},
		{PostgreSQL, "do $$begin alter role u password $q$hunter2$q$; end$$"},
		{PostgreSQL, `do e'begin alter role u password \'hunter2\'; end'`},
		{PostgreSQL, "do $$begin execute format('alter role u password %L', 'hunter2'); end$$"},
		{PostgreSQL, "create function f() returns text as $$ select crypt('hunter2', gen_salt('bf')) $$ language sql"},
		{PostgreSQL, "select dblink_exec('c', $$alter role u password $q$hunter2$q$ $$)"},
		{PostgreSQL, `insert into users (name, "password") values ('bob', 'hunter2')`},
		{PostgreSQL, `create user u password 'a\' hunter2'`},
		{PostgreSQL, "update users set (name, password) = ('bob', 'hunter2')"},
		{PostgreSQL, "insert into users (a, password) select 'x', 'hunter2'"},
		{PostgreSQL, `alter role bob password "hunter2" valid until 'x'`},
		{MySQL, "create user `bob identified by 'hunter2'"},
		{MySQL, "create user `bob identified by 'x`hunter2'"},
		{MySQL, "set password for `bob`@`% = 'hunter2'"},
		{MySQL, "select password, `a, 'hunter1' from `t`"},
		{MySQL, "set @`password = 'hunter2'"},
		{MySQL, "set password = 'it's hunter2'"},
		{MySQL, "create function f() returns int language javascript as $$ let password = `a`, b = 'it`s'; login(hunter2) $$"},
		{MySQL, "select 'a' /*!99999 ' */, password, 'hunter2' /* ' */"},
		{PostgreSQL, `alter role "bob password 'hunter2'`},
		{PostgreSQL, `create user u&"bob password 'hunter2'`},
		{PostgreSQL, "alter role bob password 'it's hunter2'"},
		{PostgreSQL, "create user u password 'it\\' hunter2 ''s'"},
	} {
		for n := range len(c.sql) + 1 { // nor is it shown where the text was cut off
			if shown, _ := AppendShown(nil, []byte(c.sql[:n]), c.d, 4096); bytes.Contains(shown, []byte("hunt")) {
				t.Errorf("%s\n is %s", c.sql[:n], shown)
			}
		}
	}
	for _, sql := range []string{"select * from users where 'hunter2' = password", "select 'hunter2' into @password",
		"select `a, 'hunter1', password from `t`", "select 'it's hunter2', password from `t"} {
		if shown, _ := AppendShown(nil, []byte(sql), MySQL, 4096); bytes.Contains(shown, []byte("hunt")) {
			t.Errorf("%s\n is %s", sql, shown)
		}
	}
}

// TestPartial cuts texts off in front of the only word that tells of a secret.
func TestPartial(t *testing.T) {
	for _, c := range []struct {
		d          Dialect
		sql, shown string
	}{
		{MySQL, "select 'hunter2' as ", "select (hidden) as "},
		{MySQL, "select id from users where 'hunter2' = pa", "select id from users where (hidden) = pa"},
		{MySQL, "values row('bob', 5, 'hun", "values row((hidden), (hidden), (hidden)"},
		{PostgreSQL, "select $$hunter2$$, a from t /* b", "select (hidden), a from t (hidden)"},
		{PostgreSQL, "select a from t where ", "select a from t where "},
	} {
		if shown, _ := AppendShown(nil, []byte(c.sql), c.d|Partial, 4096); string(shown) != c.shown {
			t.Errorf("%s\n is %s\nnot %s", c.sql, shown, c.shown)
		}
	}
}

// TestUncertainEnd holds literals whose end is not certain to take all that follows, and no others.
func TestUncertainEnd(t *testing.T) {
	var s Statement
	for _, c := range []struct {
		d           Dialect
		sql, normal string
		cut         bool
	}{
		{MySQL | Multibyte, "SELECT '\x95\\', a, 'b'", "SELECT ?", true},
		{MySQL | Multibyte, "SELECT \"\x95\\\\\", a, 'b'", "SELECT ?", true},
		{MySQL | Multibyte | NoBackslash, "SELECT '\x95\\', a", "SELECT ?, a", false},
		{MySQL | Multibyte | NoBackslash | Unsure, "SELECT '\x95\\\\', a", "SELECT ?", true},
		{MySQL | Multibyte, `SELECT 'a\'b', a`, "SELECT ?, a", false},
		{PostgreSQL | Multibyte, "SELECT e'\x95\\', a", "SELECT ?", true},
		{PostgreSQL | Multibyte, "SELECT '\x95\\', a", "SELECT ?, a", false},
		{MySQL | Unsure, `SELECT 'a\', a, 'b'`, "SELECT ?", true},
		{MySQL | Unsure, `SELECT 'a\\', 'b\n', a`, "SELECT ?, ?, a", false},
		{MySQL | Unsure, `SELECT 'a\\\'b', a`, "SELECT ?", true},
		{MySQL | Unsure | ANSIQuotes, `SELECT "a", b`, "SELECT ?, b", false},
		{MySQL | NoBackslash | Unsure, `SELECT 'a\\', 'b\n', a`, "SELECT ?, ?, a", false},
		{MySQL, `SET sql_mode = ''; SELECT 'a\', a, 'b'`, "SET sql_mode = ?; SELECT ?", true},
		{MySQL | ANSIQuotes, `SET @@SQL_MODE = ''; SELECT "a"`, "SET @@SQL_MODE = ?; SELECT ?", false},
		{MySQL, `SELECT 'a\'b', sql_mode`, "SELECT ?, sql_mode", false},
		{PostgreSQL | Unsure, `SELECT 'a\', a, 'b'`, "SELECT ?", true},
		{PostgreSQL | Unsure, `SELECT e'a\'b', a`, "SELECT ?, a", false},
		{PostgreSQL | Unsure, `SELECT "a\", 'b'`, `SELECT "a\", ?`, false},
		{PostgreSQL, `SET standard_conforming_strings = off; SELECT 'a\', a`, "SET standard_conforming_strings = off; SELECT ?", true},
		{PostgreSQL, `SELECT 'a\', a`, "SELECT ?, a", false},
		{PostgreSQL, `CREATE USER u PASSWORD 'it\' zq7 ''s'`, "CREATE USER u PASSWORD ?", true},
		{PostgreSQL, `INSERT INTO users (a, password) VALUES ('C:\', a), ('b', b)`, "INSERT INTO users(a, password) VALUES (?", true},
		{PostgreSQL, `ALTER ROLE u PASSWORD e'it\'s' VALID UNTIL a`, "ALTER ROLE u PASSWORD ? VALID UNTIL a", false},
		{PostgreSQL | Partial, `SELECT 'it\', zq7`, "SELECT ?", true},
		{MySQL | NoBackslash, `SET PASSWORD = 'it\' zq7 ''s'`, "SET PASSWORD = ?", true},
		{MySQL, `SET PASSWORD = 'it\'s', a`, "SET PASSWORD = ?, a", false},
		{MySQL, "SELECT 'a' /*!99999 ' */ , 'zq7' /* ' */", "SELECT ?", true},
		{MySQL, "SELECT a /*M!99999 ' */ , 'zq7' /* ' */", "SELECT a ?", true},
		{MySQL, "SELECT a /*!99999 \" */ , \"zq7\" /* \" */", "SELECT a ?", true},
		{MySQL, "SELECT a /*!99999 ` */ , `zq7` /* ` */", "SELECT a ?", true},
		{MySQL, "SELECT a /*!99999 # */ '\n zq7 '", "SELECT a ?", true},
		{MySQL, "SELECT a /*!99999 -- */ '\n zq7 '", "SELECT a ?", true},
		{MySQL, "SELECT a /*!99999 $$ */ '$$ zq7 '", "SELECT a ?", true},
		{MySQL, "SELECT a /*!99999 , 'b' /* ' */ */, 'c', d", "SELECT a, ?, ?, d", false},
		{MySQL, "CREATE FUNCTION f() RETURNS INT LANGUAGE JAVASCRIPT AS $$ zq7('$', `a`) $$; SELECT a", "CREATE FUNCTION f() RETURNS INT LANGUAGE JAVASCRIPT AS ?; SELECT a", false},
		{MySQL, "CREATE FUNCTION f() RETURNS INT LANGUAGE JAVASCRIPT AS $js$ it's $$ zq7 $js$", "CREATE FUNCTION f() RETURNS INT LANGUAGE JAVASCRIPT AS ?", false},
		{MySQL, "CREATE LIBRARY l LANGUAGE JAVASCRIPT AS $$ zq7", "CREATE LIBRARY l LANGUAGE JAVASCRIPT AS ?", true},
		{MySQL, "SELECT $a, a$b$, t.$c$ FROM t", "SELECT $a, a$b$, t.$c$ FROM t", false},
	} {
		s.Read([]byte(c.sql), c.d)
		if string(s.Normal) != c.normal || s.Cut != c.cut {
			t.Errorf("%q with %b is %s, %v", c.sql, c.d, s.Normal, s.Cut)
		}
	}
	if shown, _ := AppendShown(nil, []byte("SELECT pwd, 5, '\x95\\', 'hunter2'"), MySQL|Multibyte, 4096); string(shown) != "SELECT pwd, (hidden), (hidden)" {
		t.Errorf("%q", shown)
	}
}
