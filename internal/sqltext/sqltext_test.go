package sqltext

import (
	"bytes"
	"strings"
	"testing"
	"unsafe"
)

// cases are what statements are read as. Each has a trap, or stands for many.
var cases = []struct {
	d           Dialect
	sql, normal string
	operation   string
	target, sum string
}{
	{MySQL, "select a from t where a between -1 and +1 and b in (-1, - 2, +3)",
		"SELECT a FROM t WHERE a BETWEEN ? AND ? AND b IN (?)", "SELECT", "t", "SELECT t"},
	{MySQL, "select a--1 from t",
		"SELECT a - ? FROM t", "SELECT", "t", "SELECT t"},
	{MySQL, "select @@global.x, @v := 5, @`a b` from dual",
		"SELECT @@global.x, @v := ?, @`a b` FROM DUAL", "SELECT", "", "SELECT"},
	{MySQL, "select date '2020-01-01', interval 1 day, 'a' 'b', N'x', b'101', 0xFF, 0b11 from t",
		"SELECT date ?, INTERVAL ? day, ?, ?, ?, ?, ? FROM t", "SELECT", "t", "SELECT t"},
	{MySQL, "select * from `my db`.`my``tab` where `select` = 1 and t.select = 2",
		"SELECT * FROM `my db`.`my``tab` WHERE `select` = ? AND t.select = ?", "SELECT", "`my db`.`my``tab`", "SELECT `my db`.`my``tab`"},
	{MySQL, "select \"it\"\"s\", 'it\\'s', 'a\\\\' from t",
		"SELECT ?, ?, ? FROM t", "SELECT", "t", "SELECT t"},
	{MySQL, "call db.p('x', 1)",
		"CALL db.p(?)", "CALL", "", "CALL db.p"},
	{MySQL, "insert into t set a=1, b=2",
		"INSERT INTO t SET a = ?, b = ?", "INSERT", "t", "INSERT t"},
	{MySQL, "replace into t values (1)",
		"REPLACE INTO t VALUES (?)", "REPLACE", "t", "REPLACE t"},
	{MySQL, "select replace(a, 'x', 'y') from t",
		"SELECT REPLACE (a, ?) FROM t", "SELECT", "t", "SELECT t"},
	{MySQL, "delete low_priority quick ignore from t where a=1",
		"DELETE LOW_PRIORITY QUICK IGNORE FROM t WHERE a = ?", "DELETE", "t", "DELETE t"},
	{MySQL, "delete t1, t2 from t1 join t2 using (id)",
		"DELETE t1, t2 FROM t1 JOIN t2 USING (id)", "DELETE", "", "DELETE t1 t2"},
	{MySQL, "delete from t1 using t1 join t2",
		"DELETE FROM t1 USING t1 JOIN t2", "DELETE", "", "DELETE t1 t1 t2"},
	{MySQL, "update low_priority t set a=default where b is not null",
		"UPDATE LOW_PRIORITY t SET a = ? WHERE b IS NOT NULL", "UPDATE", "t", "UPDATE t"},
	{MySQL, "select * from t use index for order by (i), u",
		"SELECT * FROM t USE INDEX FOR ORDER BY (i), u", "SELECT", "", "SELECT t u"},
	{MySQL, "create procedure p() begin select 1; select 2; end",
		"CREATE PROCEDURE p() BEGIN SELECT ?; SELECT ?; END", "CREATE", "", "CREATE"},
	{MySQL, "create user bob identified by 'x'",
		"CREATE USER bob IDENTIFIED BY ?", "CREATE", "", "CREATE"},
	{MySQL, "drop index i on t",
		"DROP INDEX i ON t", "DROP", "t", "DROP INDEX t"},
	{MySQL, "drop table if exists t",
		"DROP TABLE IF EXISTS t", "DROP", "t", "DROP TABLE t"},
	{MySQL, "alter table t add column x int default 5, add index (y)",
		"ALTER TABLE t ADD COLUMN x INT DEFAULT ?, ADD INDEX (y)", "ALTER", "t", "ALTER TABLE t"},
	{MySQL, "rename table a to b, c to d",
		"RENAME TABLE a TO b, c TO d", "RENAME", "", "RENAME TABLE a c"},
	{MySQL, "truncate t",
		"TRUNCATE t", "TRUNCATE", "t", "TRUNCATE t"},
	{MySQL, "show tables from db",
		"SHOW TABLES FROM db", "SHOW", "", "SHOW"},
	{MySQL, "show full columns from `t`",
		"SHOW FULL COLUMNS FROM `t`", "SHOW", "t", "SHOW t"},
	{MySQL, "load data local infile '/x' into table t fields terminated by ','",
		"LOAD DATA LOCAL INFILE ? INTO TABLE t FIELDS TERMINATED BY ?", "LOAD", "t", "LOAD TABLE t"},
	{MySQL, "prepare p from 'select 1'",
		"PREPARE p FROM ?", "PREPARE", "", "PREPARE"},
	{MySQL, "execute p using @a",
		"EXECUTE p USING @a", "EXECUTE", "", "EXECUTE p"},
	{MySQL, "set names utf8mb4",
		"SET NAMES utf8mb4", "SET", "", "SET"},
	{MySQL, "set @a = 1, @@session.x = 2",
		"SET @a = ?, @@session.x = ?", "SET", "", "SET"},
	{MySQL, "start transaction read only",
		"START TRANSACTION READ ONLY", "START", "", "START"},
	{MySQL, "(select a from t) union (select b from u) order by 1",
		"(SELECT a FROM t) UNION (SELECT b FROM u) ORDER BY ?", "SELECT", "", "SELECT t SELECT u"},
	{MySQL, "select * from a straight_join b on a.x=b.x, c",
		"SELECT * FROM a STRAIGHT_JOIN b ON a.x = b.x, c", "SELECT", "", "SELECT a b c"},
	{MySQL, "select * from t partition (p0) where x=1",
		"SELECT * FROM t PARTITION (p0) WHERE x = ?", "SELECT", "t", "SELECT t"},
	{MySQL, "select * from json_table('[]', '$[*]' columns(a int path '$.a')) jt",
		"SELECT * FROM json_table(?, ? columns(a INT path ?)) jt", "SELECT", "", "SELECT"},
	{MySQL, "values row(1,2), row(3,4)",
		"VALUES ROW(?)", "VALUES", "", "VALUES"},
	{MySQL, "with recursive x as (select 1 union all select n+1 from x) select * from x join t",
		"WITH RECURSIVE x AS (SELECT ? UNION ALL SELECT n + ? FROM x) SELECT * FROM x JOIN t", "WITH", "t", "WITH SELECT SELECT SELECT t"},
	{MySQL, "table t",
		"TABLE t", "TABLE", "t", "TABLE t"},
	{MySQL, "select * from t1 left join (t2, t3) on (t2.a=t1.a and t3.b=t1.b)",
		"SELECT * FROM t1 LEFT JOIN (t2, t3) ON (t2.a = t1.a AND t3.b = t1.b)", "SELECT", "", "SELECT t1 t2 t3"},
	{MySQL, "select 1 from t limit 5 offset 10",
		"SELECT ? FROM t LIMIT ? OFFSET ?", "SELECT", "t", "SELECT t"},
	{MySQL, "kill 5",
		"KILL ?", "KILL", "", "KILL"},
	{MySQL, "explain format=json select * from t",
		"EXPLAIN format = json SELECT * FROM t", "EXPLAIN", "t", "EXPLAIN SELECT t"},
	{MySQL, "desc t 'c%'",
		"DESC t ?", "DESC", "t", "DESC t"},
	{MySQL, "select * from (select 1) x",
		"SELECT * FROM (SELECT ?) x", "SELECT", "", "SELECT SELECT"},
	{MySQL, "INSERT INTO t VALUES (1, DEFAULT, TRUE), (2, 'x', NULL)",
		"INSERT INTO t VALUES (?)", "INSERT", "t", "INSERT t"},
	{MySQL, "select * from t where a is true and b = true and not false",
		"SELECT * FROM t WHERE a IS TRUE AND b = ? AND NOT FALSE", "SELECT", "t", "SELECT t"},
	{MySQL, "insert into a.b (c) with x as (select 1 from z) select * from x",
		"INSERT INTO a.b(c) WITH x AS (SELECT ? FROM z) SELECT * FROM x", "INSERT", "", "INSERT a.b SELECT z SELECT x"},
	{MySQL, "select field(id, 3, 1, 2), coalesce(a, 0) from t",
		"SELECT field(id, ?), coalesce(a, ?) FROM t", "SELECT", "t", "SELECT t"},
	{MySQL, "begin",
		"BEGIN", "BEGIN", "", "BEGIN"},
	{MySQL, "SELECT 1 FROM t WHERE a = 'x' -- comment",
		"SELECT ? FROM t WHERE a = ?", "SELECT", "t", "SELECT t"},
	{MySQL, "select 1 from t; drop table t",
		"SELECT ? FROM t; DROP TABLE t", "SELECT", "", "SELECT t DROP TABLE t"},
	{MySQL, "grant all on *.* to x",
		"GRANT ALL ON *.* TO x", "GRANT", "", "GRANT"},
	{MySQL, "revoke all on db . * from x",
		"REVOKE ALL ON db.* FROM x", "REVOKE", "", "REVOKE"},
	{MySQL, "use `my db`",
		"USE `my db`", "USE", "my db", "USE my db"},
	{MySQL, "DELIMITER //",
		"DELIMITER / /", "DELIMITER", "", "DELIMITER"},
	{PostgreSQL, "select 'a' 'b', E'a\\'b', $$x$$, $t$ $$ $t$, U&'\\0061', B'1' from t",
		"SELECT ?, ?, ?, ?, ?, ? FROM t", "SELECT", "t", "SELECT t"},
	{PostgreSQL, "select \"Select\", \"a\"\"b\" from \"My Schema\".\"T\" where \"from\" = 1",
		"SELECT \"Select\", \"a\"\"b\" FROM \"My Schema\".\"T\" WHERE \"from\" = ?", "SELECT", `"My Schema"."T"`, "SELECT \"My Schema\".\"T\""},
	{PostgreSQL, "select a from t where d = date '2020-01-01' - 1 and e = '1'::int and arr[1:2] = array[1,2]",
		"SELECT a FROM t WHERE d = date ? - ? AND e = ?::int AND arr[? : ?] = ARRAY[?]", "SELECT", "t", "SELECT t"},
	{PostgreSQL, "select * from rows from (f(1), g(2)) x",
		"SELECT * FROM ROWS FROM (f(?), g(?)) x", "SELECT", "", "SELECT"},
	{PostgreSQL, "select substring(a from 1 for 2), overlay(a placing 'x' from 1), position('a' in b) from t",
		"SELECT substring(a FROM ? FOR ?), overlay(a PLACING ? FROM ?), position(? IN b) FROM t", "SELECT", "t", "SELECT t"},
	{PostgreSQL, "insert into t (a) values ($1) on conflict (a) do update set a = excluded.a returning id",
		"INSERT INTO t(a) VALUES (?) ON CONFLICT (a) DO UPDATE SET a = excluded.a RETURNING id", "INSERT", "t", "INSERT t"},
	{PostgreSQL, "insert into t default values",
		"INSERT INTO t DEFAULT VALUES", "INSERT", "t", "INSERT t"},
	{PostgreSQL, "select into x a from t",
		"SELECT INTO x a FROM t", "SELECT", "", "SELECT t"},
	{PostgreSQL, "select * from t for update of t skip locked",
		"SELECT * FROM t FOR UPDATE OF t SKIP LOCKED", "SELECT", "t", "SELECT t"},
	{PostgreSQL, "with d as (delete from a returning *) insert into b select * from d",
		"WITH d AS (DELETE FROM a RETURNING *) INSERT INTO b SELECT * FROM d", "WITH", "", "WITH DELETE a INSERT b SELECT"},
	{PostgreSQL, "with d as materialized (select 1 from a) update b set x=1 from d",
		"WITH d AS MATERIALIZED (SELECT ? FROM a) UPDATE b SET x = ? FROM d", "WITH", "", "WITH SELECT a UPDATE b"},
	{PostgreSQL, "prepare p (int) as select * from t where a=$1",
		"PREPARE p(int) AS SELECT * FROM t WHERE a = ?", "PREPARE", "t", "PREPARE SELECT t"},
	{PostgreSQL, "declare c cursor for select * from t",
		"DECLARE c cursor FOR SELECT * FROM t", "DECLARE", "t", "DECLARE SELECT t"},
	{PostgreSQL, "fetch 100 from c",
		"FETCH ? FROM c", "FETCH", "", "FETCH"},
	{PostgreSQL, "copy (select * from t) to stdout",
		"COPY (SELECT * FROM t) TO stdout", "COPY", "t", "COPY SELECT t"},
	{PostgreSQL, "create table x as select * from y",
		"CREATE TABLE x AS SELECT * FROM y", "CREATE", "", "CREATE TABLE x SELECT y"},
	{PostgreSQL, "create index concurrently if not exists i on only s.t using btree (a)",
		"CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY s.t USING btree(a)", "CREATE", "s.t", "CREATE INDEX s.t"},
	{PostgreSQL, "create function f() returns int as $$ select 1 $$ language sql",
		"CREATE FUNCTION f() returns int AS ? language sql", "CREATE", "", "CREATE"},
	{PostgreSQL, "create function f() returns int begin atomic select 1; select 2; end",
		"CREATE FUNCTION f() returns int BEGIN ATOMIC SELECT ?; SELECT ?; END", "CREATE", "", "CREATE"},
	{PostgreSQL, "do $$ begin perform 1; end $$",
		"DO ?", "DO", "", "DO"},
	{PostgreSQL, "grant select, insert on t to bob",
		"GRANT SELECT, INSERT ON t TO bob", "GRANT", "", "GRANT"},
	{PostgreSQL, "listen ch",
		"LISTEN ch", "LISTEN", "", "LISTEN"},
	{PostgreSQL, "select data->>'a' from t where data @> '{\"a\":1}' and data ? 'x' and data ?& array['a']",
		"SELECT data ->> ? FROM t WHERE data @> ? AND data ? ? AND data ?& ARRAY[?]", "SELECT", "t", "SELECT t"},
	{PostgreSQL, "select * from t where (a,b) in (values (1,2),(3,4))",
		"SELECT * FROM t WHERE (a, b) IN (VALUES (?))", "SELECT", "t", "SELECT t"},
	{PostgreSQL, "select count(*), t.* from t tablesample system (10)",
		"SELECT count(*), t.* FROM t TABLESAMPLE system(?)", "SELECT", "t", "SELECT t"},
	{PostgreSQL, "select * from a natural join b cross join c",
		"SELECT * FROM a NATURAL JOIN b CROSS JOIN c", "SELECT", "", "SELECT a b c"},
	{PostgreSQL, "create view v as table t",
		"CREATE VIEW v AS TABLE t", "CREATE", "", "CREATE VIEW v TABLE t"},
	{PostgreSQL, "lock table t in share mode",
		"LOCK TABLE t IN SHARE MODE", "LOCK", "t", "LOCK TABLE t"},
	{PostgreSQL, "comment on table t is 'x'",
		"COMMENT ON TABLE t IS ?", "COMMENT", "t", "COMMENT TABLE t"},
	{PostgreSQL, "alter role bob password 'x'",
		"ALTER ROLE bob password ?", "ALTER", "", "ALTER"},
	{PostgreSQL, "select 1 as from, 2 as select from t",
		"SELECT ? AS FROM, ? AS SELECT FROM t", "SELECT", "t", "SELECT t"},
	{PostgreSQL, "refresh materialized view v",
		"REFRESH MATERIALIZED VIEW v", "REFRESH", "v", "REFRESH VIEW v"},
	{PostgreSQL, "vacuum full t",
		"VACUUM FULL t", "VACUUM", "", "VACUUM"},
	{PostgreSQL, "select a from t order by a nulls first limit 10",
		"SELECT a FROM t ORDER BY a NULLS FIRST LIMIT ?", "SELECT", "t", "SELECT t"},
	{PostgreSQL, "select x'1f', 1_000, 0x1F, .5, 1., 1e10 from t",
		"SELECT ?, ?, ?, ?, ?, ? FROM t", "SELECT", "t", "SELECT t"},
	{PostgreSQL, "explain (analyze, buffers) select * from t",
		"EXPLAIN (ANALYZE, buffers) SELECT * FROM t", "EXPLAIN", "t", "EXPLAIN SELECT t"},
	{PostgreSQL, "select * from t where a = \"b\"",
		"SELECT * FROM t WHERE a = \"b\"", "SELECT", "t", "SELECT t"},
	{PostgreSQL, "select !! 5, @ -5, a <-1",
		"SELECT !! ?, @ ?, a < ?", "SELECT", "", "SELECT"},
	{PostgreSQL, "create temporary table t (a int)",
		"CREATE TEMPORARY TABLE t(a int)", "CREATE", "t", "CREATE TABLE t"},
	{PostgreSQL, "select * from unnest(array[1,2]) with ordinality",
		"SELECT * FROM unnest(ARRAY[?]) WITH ordinality", "SELECT", "", "SELECT"},
	{PostgreSQL, "select case when a then 1 else -1 end - 1 from t",
		"SELECT CASE WHEN a THEN ? ELSE ? END - ? FROM t", "SELECT", "t", "SELECT t"},
	{PostgreSQL, "ANALYZE t",
		"ANALYZE t", "ANALYZE", "", "ANALYZE"},
	{PostgreSQL, "SELECT a FROM ONLY (t)",
		"SELECT a FROM ONLY (t)", "SELECT", "t", "SELECT t"},
	{MySQL, "SELECT t . a , b FROM  `t`\tWHERE a=1",
		"SELECT t.a, b FROM `t` WHERE a = ?", "SELECT", "t", "SELECT t"},
	{MySQL, "select /* a */ 1 /* b */ from t -- x",
		"SELECT ? FROM t", "SELECT", "t", "SELECT t"},
	{MySQL, "select /*!40001 SQL_NO_CACHE */ * from t",
		"SELECT SQL_NO_CACHE * FROM t", "SELECT", "t", "SELECT t"},
	{MySQL, "insert into t values (1, now()), (2, uuid()), (3, uuid())",
		"INSERT INTO t VALUES (?, now()), (?, uuid())", "INSERT", "t", "INSERT t"},
	{MySQL, "select * from t where a = 1 or b in (?, ?, ?) limit ?",
		"SELECT * FROM t WHERE a = ? OR b IN (?) LIMIT ?", "SELECT", "t", "SELECT t"},
	{MySQL, "/*+ not a hint here */ select 1",
		"SELECT ?", "SELECT", "", "SELECT"},
	{MySQL, "select `from` from `select`",
		"SELECT `from` FROM `select`", "SELECT", "select", "SELECT select"},
	{MySQL, "select 1e3, 1e-3, 12abc, 0x, t.1a from t",
		"SELECT ?, ?, 12abc, 0x, t.1a FROM t", "SELECT", "t", "SELECT t"},
	{MySQL, "select _utf8mb4 'x' collate utf8mb4_bin, _binary\"y\", n.x from n",
		"SELECT ? COLLATE utf8mb4_bin, ?, n.x FROM n", "SELECT", "n", "SELECT n"},
	{MySQL, "update t set a = a-1, b = b -1, c = -1",
		"UPDATE t SET a = a - ?, b = b - ?, c = ?", "UPDATE", "t", "UPDATE t"},
	{MySQL, "insert t (a) values (1)",
		"INSERT t(a) VALUES (?)", "INSERT", "t", "INSERT t"},
	{MySQL, "insert into t (a) select b from u on duplicate key update a = values(a)",
		"INSERT INTO t(a) SELECT b FROM u ON DUPLICATE KEY UPDATE a = VALUES (a)", "INSERT", "", "INSERT t SELECT u"},
	{MySQL, "create table a like b",
		"CREATE TABLE a LIKE b", "CREATE", "a", "CREATE TABLE a"},
	{MySQL, "lock tables a read, b as x write",
		"LOCK TABLES a READ, b AS x WRITE", "LOCK", "", "LOCK TABLES a b"},
	{MySQL, "show index from t from db",
		"SHOW INDEX FROM t FROM db", "SHOW", "t", "SHOW t"},
	{MySQL, "optimize table a, b",
		"OPTIMIZE TABLE a, b", "OPTIMIZE", "", "OPTIMIZE TABLE a b"},
	{MySQL, "update a join b on a.id = b.id set a.x = 1",
		"UPDATE a JOIN b ON a.id = b.id SET a.x = ?", "UPDATE", "", "UPDATE a b"},
	{MySQL, "select a from t where b = 'x' and c = \"y",
		"SELECT a FROM t WHERE b = ? AND c = ?", "SELECT", "t", "SELECT t"},
	{MySQL, "select a from t where b in (1, 2",
		"SELECT a FROM t WHERE b IN (?", "SELECT", "t", "SELECT t"},
	{MySQL, "insert into t values (1, 'a'), (2,",
		"INSERT INTO t VALUES (?)", "INSERT", "t", "INSERT t"},
	{MySQL, "begin; insert into t values (1); insert into t values (2); commit;",
		"BEGIN; INSERT INTO t VALUES (?); COMMIT", "BEGIN", "", "BEGIN INSERT t COMMIT"},
	{MySQL, ";;",
		"", "", "", ""},
	{MySQL, "{call p(1)}",
		"{ CALL p(?) }", "CALL", "", "CALL p"},
	{PostgreSQL, "select * from \"a\".\"b\" as \"c\" (\"d\")",
		"SELECT * FROM \"a\".\"b\" AS \"c\"(\"d\")", "SELECT", "a.b", "SELECT a.b"},
	{PostgreSQL, "select a from t where b in ($1, $2, $3) and c = any('{1,2}'::int[])",
		"SELECT a FROM t WHERE b IN (?) AND c = ANY (?::int[])", "SELECT", "t", "SELECT t"},
	{PostgreSQL, "select * from t where a is not distinct from $1",
		"SELECT * FROM t WHERE a IS NOT DISTINCT FROM ?", "SELECT", "t", "SELECT t"},
	{PostgreSQL, "select * from t where ts > now() - interval '1 day' and b = timestamp '2020-01-01'",
		"SELECT * FROM t WHERE ts > now() - INTERVAL ? AND b = timestamp ?", "SELECT", "t", "SELECT t"},
	{PostgreSQL, "select /* a /* b */ 'c' */ 1",
		"SELECT ?", "SELECT", "", "SELECT"},
	{PostgreSQL, "select /*+ SeqScan(t) */ 1 from t",
		"SELECT ? FROM t", "SELECT", "t", "SELECT t"},
	{PostgreSQL, "select $tag$ 'x' $$ $tag$, $1, $2::text",
		"SELECT ?, ?, ?::text", "SELECT", "", "SELECT"},
	{PostgreSQL, "select a #>> '{a,b}', a #- '{c}', b @? '$.x', b @@ '$.y' from t",
		"SELECT a #>> ?, a #- ?, b @? ?, b @@ ? FROM t", "SELECT", "t", "SELECT t"},
	{PostgreSQL, "insert into t (a, b) values ($1, $2), ($3, $4) returning *",
		"INSERT INTO t(a, b) VALUES (?) RETURNING *", "INSERT", "t", "INSERT t"},
	{PostgreSQL, "insert into t select * from unnest($1::int[], $2::text[])",
		"INSERT INTO t SELECT * FROM unnest(?::int[], ?::text[])", "INSERT", "t", "INSERT t SELECT"},
	{PostgreSQL, "merge into t using (select * from s) x on t.a = x.a when matched then delete",
		"MERGE INTO t USING (SELECT * FROM s) x ON t.a = x.a WHEN MATCHED THEN DELETE", "MERGE", "", "MERGE t SELECT s"},
	{PostgreSQL, "with a as (select 1), b as (select * from a) select * from b join c on true",
		"WITH a AS (SELECT ?), b AS (SELECT * FROM a) SELECT * FROM b JOIN c ON ?", "WITH", "c", "WITH SELECT SELECT SELECT c"},
	{PostgreSQL, "with t as (select * from t) select * from t",
		"WITH t AS (SELECT * FROM t) SELECT * FROM t", "WITH", "t", "WITH SELECT t SELECT"},
	{PostgreSQL, "delete from only t where current of c",
		"DELETE FROM ONLY t WHERE CURRENT OF c", "DELETE", "t", "DELETE t"},
	{PostgreSQL, "truncate table a, b restart identity",
		"TRUNCATE TABLE a, b RESTART IDENTITY", "TRUNCATE", "", "TRUNCATE a b"},
	{PostgreSQL, "drop view if exists v cascade",
		"DROP VIEW IF EXISTS v CASCADE", "DROP", "v", "DROP VIEW v"},
	{PostgreSQL, "select * from t where \"password\" = 'x'",
		"SELECT * FROM t WHERE \"password\" = ?", "SELECT", "t", "SELECT t"},
	{PostgreSQL, "create trigger g after insert on t for each row execute function f()",
		"CREATE TRIGGER g AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()", "CREATE", "", "CREATE"},
	{PostgreSQL, "create table t (a int references u (b) on delete cascade on update set null)",
		"CREATE TABLE t(a int REFERENCES u(b) ON DELETE CASCADE ON UPDATE SET NULL)", "CREATE", "t", "CREATE TABLE t"},
	{PostgreSQL, "select * from a, lateral (select * from b where b.x = a.x) c",
		"SELECT * FROM a, LATERAL (SELECT * FROM b WHERE b.x = a.x) c", "SELECT", "", "SELECT a SELECT b"},
	{PostgreSQL, "select * from (a join b on a.x = b.x) join c using (y)",
		"SELECT * FROM (a JOIN b ON a.x = b.x) JOIN c USING (y)", "SELECT", "", "SELECT a b c"},
	{PostgreSQL, "table t",
		"TABLE t", "TABLE", "t", "TABLE t"},
	{PostgreSQL, "values (1, 2), (3, 4)",
		"VALUES (?)", "VALUES", "", "VALUES"},
	{PostgreSQL, "set search_path to a, b",
		"SET search_path TO a, b", "SET", "", "SET"},
	{PostgreSQL, "execute p (1, 'x')",
		"EXECUTE p(?)", "EXECUTE", "", "EXECUTE p"},
	{PostgreSQL, "update only s.t as x set a = 1 where b = 2",
		"UPDATE ONLY s.t AS x SET a = ? WHERE b = ?", "UPDATE", "s.t", "UPDATE s.t"},
	{PostgreSQL, "select 'unterminated",
		"SELECT ?", "SELECT", "", "SELECT"},
	{PostgreSQL, "select E'a\\'b",
		"SELECT ?", "SELECT", "", "SELECT"},
	{PostgreSQL, "select $x$ never ends",
		"SELECT ?", "SELECT", "", "SELECT"},
	{PostgreSQL, "select 1 -- ends",
		"SELECT ?", "SELECT", "", "SELECT"},
	{MySQL, "create procedure p() begin select 1; select 2; end",
		"CREATE PROCEDURE p() BEGIN SELECT ?; SELECT ?; END", "CREATE", "", "CREATE"},
	{PostgreSQL, "create function f() returns int as $$ select 1 $$ language sql; select f()",
		"CREATE FUNCTION f() returns int AS ? language sql; SELECT f()", "CREATE", "", "CREATE SELECT"},
	{MySQL, "alter table t add function int; select 1",
		"ALTER TABLE t ADD function INT; SELECT ?", "ALTER", "", "ALTER TABLE t SELECT"},
	{MySQL, "select /*+ it's */ a from t where b = 'secret'",
		"SELECT a FROM t WHERE b = ?", "SELECT", "t", "SELECT t"},
	{MySQL, "select * from (with x as (select 1 from a) select * from x) y join x",
		"SELECT * FROM (WITH x AS (SELECT ? FROM a) SELECT * FROM x) y JOIN x", "SELECT", "", "SELECT SELECT a SELECT x"},
	{MySQL, "delete from t where a = 1; delete from t where a = 2; insert into u values (1)",
		"DELETE FROM t WHERE a = ?; INSERT INTO u VALUES (?)", "DELETE", "", "DELETE t INSERT u"},
	{MySQL, "SELECT * FROM t1, t2 WHERE a IN (SELECT x FROM t3)",
		"SELECT * FROM t1, t2 WHERE a IN (SELECT x FROM t3)", "SELECT", "", "SELECT t1 t2 SELECT t3"},
	{MySQL, "UPDATE t SET a = (SELECT max(b) FROM u), c = 2 WHERE d = 3",
		"UPDATE t SET a = (SELECT max(b) FROM u), c = ? WHERE d = ?", "UPDATE", "", "UPDATE t SELECT u"},
	{MySQL, "INSERT INTO t (a, b) VALUES ((SELECT id FROM u WHERE x=1), 2), ((SELECT id FROM u WHERE x=2), 3)",
		"INSERT INTO t(a, b) VALUES ((SELECT id FROM u WHERE x = ?), ?)", "INSERT", "t", "INSERT t SELECT u SELECT u"},
	{PostgreSQL, "SELECT * FROM t WHERE a = 'x' FOR UPDATE OF t, u NOWAIT",
		"SELECT * FROM t WHERE a = ? FOR UPDATE OF t, u NOWAIT", "SELECT", "t", "SELECT t"},
	{PostgreSQL, "SELECT DISTINCT ON (a) a FROM t WINDOW w AS (PARTITION BY b ORDER BY c, d)",
		"SELECT DISTINCT ON (a) a FROM t WINDOW w AS (PARTITION BY b ORDER BY c, d)", "SELECT", "t", "SELECT t"},
	{PostgreSQL, "select * from t left outer join u on true join lateral (select 1) y on true",
		"SELECT * FROM t LEFT OUTER JOIN u ON ? JOIN LATERAL (SELECT ?) y ON ?", "SELECT", "", "SELECT t u SELECT"},
	{MySQL, "SELECT * FROM t1 JOIN t2 ON t1.a = t2.a AND t1.b IN (1,2), t3",
		"SELECT * FROM t1 JOIN t2 ON t1.a = t2.a AND t1.b IN (?), t3", "SELECT", "", "SELECT t1 t2 t3"},
	{PostgreSQL, "select (select count(*) from a), (select count(*) from b)",
		"SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b)", "SELECT", "", "SELECT SELECT a SELECT b"},
	{PostgreSQL, "SELECT * FROM a WHERE b = ALL (SELECT c FROM d)",
		"SELECT * FROM a WHERE b = ALL (SELECT c FROM d)", "SELECT", "", "SELECT a SELECT d"},
	{PostgreSQL, "select * from ((a join b on true) join c on true)",
		"SELECT * FROM ((a JOIN b ON ?) JOIN c ON ?)", "SELECT", "", "SELECT a b c"},
	{PostgreSQL, "CREATE OR REPLACE VIEW v AS SELECT * FROM t",
		"CREATE OR REPLACE VIEW v AS SELECT * FROM t", "CREATE", "", "CREATE VIEW v SELECT t"},
	{PostgreSQL, "ALTER TABLE ONLY t ADD CONSTRAINT fk FOREIGN KEY (a) REFERENCES u(b)",
		"ALTER TABLE ONLY t ADD CONSTRAINT fk FOREIGN KEY (a) REFERENCES u(b)", "ALTER", "t", "ALTER TABLE t"},
	{PostgreSQL, "CREATE UNIQUE INDEX ON t (a)",
		"CREATE UNIQUE INDEX ON t(a)", "CREATE", "t", "CREATE INDEX t"},
	{MySQL, "SELECT * FROM information_schema.tables WHERE table_schema = 'x'",
		"SELECT * FROM information_schema.tables WHERE table_schema = ?", "SELECT", "information_schema.tables", "SELECT information_schema.tables"},
	{MySQL, "select event, status, `key` from tables",
		"SELECT event, status, `key` FROM tables", "SELECT", "tables", "SELECT tables"},
	{PostgreSQL, "select current_timestamp - 1, now() - 5, -(-1), - - 1, -a",
		"SELECT CURRENT_TIMESTAMP - ?, now() - ?, - (?), ?, - a", "SELECT", "", "SELECT"},
	{MySQL, "SET autocommit=1",
		"SET autocommit = ?", "SET", "", "SET"},
	{MySQL, "SELECT @@session.transaction_isolation",
		"SELECT @@session.transaction_isolation", "SELECT", "", "SELECT"},
	{MySQL, "SHOW VARIABLES LIKE 'x'",
		"SHOW VARIABLES LIKE ?", "SHOW", "", "SHOW"},
	{PostgreSQL, "SELECT a FROM t ORDER BY CASE WHEN a THEN 1 END, b FETCH FIRST 5 ROWS ONLY",
		"SELECT a FROM t ORDER BY CASE WHEN a THEN ? END, b FETCH FIRST ? ROWS ONLY", "SELECT", "t", "SELECT t"},
	{PostgreSQL, "SELECT * FROM t WHERE a LIKE 'x%' ESCAPE '\\' AND b = 'y'",
		"SELECT * FROM t WHERE a LIKE ? ESCAPE ? AND b = ?", "SELECT", "t", "SELECT t"},
	{PostgreSQL, "SELECT * FROM crosstab('select 1') AS ct(a int, b int)",
		"SELECT * FROM crosstab(?) AS ct(a int, b int)", "SELECT", "", "SELECT"},
	{PostgreSQL, "SELECT a FROM t EXCEPT SELECT a FROM u",
		"SELECT a FROM t EXCEPT SELECT a FROM u", "SELECT", "", "SELECT t SELECT u"},
	{PostgreSQL, "INSERT INTO t AS x (a) VALUES (1) ON CONFLICT ON CONSTRAINT c DO NOTHING",
		"INSERT INTO t AS x(a) VALUES (?) ON CONFLICT ON CONSTRAINT c DO NOTHING", "INSERT", "t", "INSERT t"},
	{PostgreSQL, "UPDATE t SET (a, b) = (SELECT c, d FROM u) FROM v JOIN w ON true",
		"UPDATE t SET (a, b) = (SELECT c, d FROM u) FROM v JOIN w ON ?", "UPDATE", "", "UPDATE t SELECT u v w"},
	{PostgreSQL, "SELECT * FROM t, u AS x(a, b), v",
		"SELECT * FROM t, u AS x(a, b), v", "SELECT", "", "SELECT t u v"},
	{PostgreSQL, "DELETE FROM t AS x USING u, v WHERE x.a = u.a",
		"DELETE FROM t AS x USING u, v WHERE x.a = u.a", "DELETE", "", "DELETE t u v"},
	{PostgreSQL, "SELECT string_agg(a, ',' ORDER BY b) FILTER (WHERE c > 1) FROM t",
		"SELECT string_agg(a, ? ORDER BY b) FILTER(WHERE c > ?) FROM t", "SELECT", "t", "SELECT t"},
	{PostgreSQL, "WITH a AS (INSERT INTO t VALUES (1) RETURNING id), b AS (SELECT 1) SELECT * FROM a, b",
		"WITH a AS (INSERT INTO t VALUES (?) RETURNING id), b AS (SELECT ?) SELECT * FROM a, b", "WITH", "t", "WITH INSERT t SELECT SELECT"},
	{PostgreSQL, "WITH a (x, y) AS (VALUES (1, 2), (3, 4)) SELECT * FROM a",
		"WITH a(x, y) AS (VALUES (?)) SELECT * FROM a", "WITH", "", "WITH SELECT"},
	{PostgreSQL, "SELECT * FROM t WHERE (a).b = 1 AND (c.d).e[1] = 2",
		"SELECT * FROM t WHERE (a).b = ? AND (c.d).e[?] = ?", "SELECT", "t", "SELECT t"},
	{PostgreSQL, "select 1 union select 2 union select 3",
		"SELECT ? UNION SELECT ? UNION SELECT ?", "SELECT", "", "SELECT SELECT SELECT"},
	{MySQL, "SELECT * FROM t WHERE a REGEXP BINARY 'x' AND b SOUNDS LIKE 'y'",
		"SELECT * FROM t WHERE a REGEXP BINARY ? AND b SOUNDS LIKE ?", "SELECT", "t", "SELECT t"},
	{MySQL, "INSERT INTO t () VALUES ()",
		"INSERT INTO t() VALUES ()", "INSERT", "t", "INSERT t"},
	{MySQL, "INSERT INTO t VALUES (1,2) AS new ON DUPLICATE KEY UPDATE a = new.a",
		"INSERT INTO t VALUES (?) AS new ON DUPLICATE KEY UPDATE a = new.a", "INSERT", "t", "INSERT t"},
	{MySQL, "SELECT a INTO @x FROM t",
		"SELECT a INTO @x FROM t", "SELECT", "t", "SELECT t"},
	{MySQL, "SELECT * FROM t INTO OUTFILE '/x'",
		"SELECT * FROM t INTO OUTFILE ?", "SELECT", "t", "SELECT t"},
	{MySQL, "SELECT * FROM t LOCK IN SHARE MODE",
		"SELECT * FROM t LOCK IN SHARE MODE", "SELECT", "t", "SELECT t"},
	{MySQL, "HANDLER t OPEN",
		"HANDLER t OPEN", "HANDLER", "", "HANDLER"},
	{MySQL, "DO SLEEP(1)",
		"DO SLEEP(?)", "DO", "", "DO"},
	{MySQL, "XA START 'abc'",
		"XA START ?", "XA", "", "XA"},
	{MySQL, "CREATE TABLE t SELECT * FROM u",
		"CREATE TABLE t SELECT * FROM u", "CREATE", "", "CREATE TABLE t SELECT u"},
	{MySQL, "CREATE USER 'bob'@'localhost' IDENTIFIED BY 'x'",
		"CREATE USER ? @ ? IDENTIFIED BY ?", "CREATE", "", "CREATE"},
	{MySQL, "REPLACE INTO t SELECT * FROM u",
		"REPLACE INTO t SELECT * FROM u", "REPLACE", "", "REPLACE t SELECT u"},
	{MySQL, "SELECT 'a' = \"b\" 'c', _binary'x', X'41' FROM `t` AS x",
		"SELECT ? = ?, ?, ? FROM `t` AS x", "SELECT", "t", "SELECT t"},
	{MySQL, "ALTER TABLE t RENAME TO u",
		"ALTER TABLE t RENAME TO u", "ALTER", "t", "ALTER TABLE t"},
	{MySQL, "EXPLAIN ANALYZE SELECT 1 FROM t",
		"EXPLAIN ANALYZE SELECT ? FROM t", "EXPLAIN", "t", "EXPLAIN SELECT t"},
	{MySQL, "EXPLAIN t",
		"EXPLAIN t", "EXPLAIN", "", "EXPLAIN"},
	{MySQL, "SELECT SUM(a) OVER (PARTITION BY b ROWS 2 PRECEDING) FROM t",
		"SELECT SUM(a) OVER (PARTITION BY b ROWS ? PRECEDING) FROM t", "SELECT", "t", "SELECT t"},
	{MySQL, "CHECK TABLE t",
		"CHECK TABLE t", "CHECK", "t", "CHECK TABLE t"},
	{MySQL, "ANALYZE TABLE t",
		"ANALYZE TABLE t", "ANALYZE", "t", "ANALYZE TABLE t"},
	{MySQL, "FLUSH TABLES t",
		"FLUSH TABLES t", "FLUSH", "", "FLUSH"},
	{MySQL, "select * from t where date > '2020-01-01' and time=5 and `order`=1",
		"SELECT * FROM t WHERE date > ? AND time = ? AND `order` = ?", "SELECT", "t", "SELECT t"},
	{MySQL, "with x as (select 1) update t join x set a=1",
		"WITH x AS (SELECT ?) UPDATE t JOIN x SET a = ?", "WITH", "t", "WITH SELECT UPDATE t"},
	{MySQL, "SELECT /*!50000 a, */ b FROM t /*!50000 WHERE c = 'x' */ LIMIT 1",
		"SELECT a, b FROM t WHERE c = ? LIMIT ?", "SELECT", "t", "SELECT t"},
	{MySQL, "SELECT 1 AS `a b`, 2 AS 'c d'",
		"SELECT ? AS `a b`, ? AS ?", "SELECT", "", "SELECT"},
	{MySQL, "SELECT * FROM t WHERE a IN (1,2,3,NULL,'x') AND b NOT IN (1)",
		"SELECT * FROM t WHERE a IN (?) AND b NOT IN (?)", "SELECT", "t", "SELECT t"},
	{MySQL, "SELECT * FROM t WHERE a = -b AND c = -1 AND d = - 1",
		"SELECT * FROM t WHERE a = - b AND c = ? AND d = ?", "SELECT", "t", "SELECT t"},
	{PostgreSQL, "SELECT 'a' AS password, b FROM t",
		"SELECT ? AS password, b FROM t", "SELECT", "t", "SELECT t"},
	{PostgreSQL, "SELECT * FROM t TABLESAMPLE BERNOULLI (10), u",
		"SELECT * FROM t TABLESAMPLE BERNOULLI(?), u", "SELECT", "", "SELECT t u"},
	{PostgreSQL, "SELECT * FROM t WHERE x = '{1,2}'::int[] AND y @> ARRAY['a']::text[]",
		"SELECT * FROM t WHERE x = ?::int[] AND y @> ARRAY[?]::text[]", "SELECT", "t", "SELECT t"},
	{PostgreSQL, "EXECUTE stmt_1(1, 2)",
		"EXECUTE stmt_1(?)", "EXECUTE", "", "EXECUTE stmt_1"},
	{PostgreSQL, "DEALLOCATE ALL",
		"DEALLOCATE ALL", "DEALLOCATE", "", "DEALLOCATE"},
	{PostgreSQL, "CREATE TABLE t PARTITION OF u FOR VALUES FROM (1) TO (10)",
		"CREATE TABLE t PARTITION OF u FOR VALUES FROM (?) TO (?)", "CREATE", "t", "CREATE TABLE t"},
	{PostgreSQL, "INSERT INTO \"T\" (\"A\") VALUES ($1) RETURNING \"T\".\"id\"",
		"INSERT INTO \"T\"(\"A\") VALUES (?) RETURNING \"T\".\"id\"", "INSERT", `"T"`, "INSERT \"T\""},
	{PostgreSQL, "SELECT $1 [1], ARRAY[[1,2],[3,4]]",
		"SELECT ? [?], ARRAY[[?]]", "SELECT", "", "SELECT"},
	{PostgreSQL, "SELECT a FROM t LIMIT ALL OFFSET 5",
		"SELECT a FROM t LIMIT ALL OFFSET ?", "SELECT", "t", "SELECT t"},
	{PostgreSQL, "SELECT * FROM x.y.z",
		"SELECT * FROM x.y.z", "SELECT", "x.y.z", "SELECT x.y.z"},
	{PostgreSQL, `update "users" set "password" = "hunter2", "a" = "b" where "users"."token" = "x"."y"`,
		`UPDATE "users" SET "password" = ?, "a" = "b" WHERE "users"."token" = "x"."y"`, "UPDATE", "users", "UPDATE users"},
	{MySQL | ANSIQuotes, `select "a", 'b' from "t"`,
		`SELECT "a", ? FROM "t"`, "SELECT", "t", "SELECT t"},
	{MySQL | NoBackslash, `select 'a\', b from t`,
		"SELECT ?, b FROM t", "SELECT", "t", "SELECT t"},
	{PostgreSQL | Backslash, `select 'a\'', b from t`,
		"SELECT ?, b FROM t", "SELECT", "t", "SELECT t"},
}

func TestRead(t *testing.T) {
	var s Statement
	for _, c := range cases {
		t.Run(c.sql, func(t *testing.T) {
			s.Read([]byte(c.sql), c.d)
			if string(s.Normal) != c.normal {
				t.Errorf("\n is %s\nnot %s", s.Normal, c.normal)
			}
			if s.Operation != c.operation || string(s.Target) != c.target || string(s.Summary) != c.sum {
				t.Errorf("\n is %s, %q, %s\nnot %s, %q, %s", s.Operation, s.Target, s.Summary, c.operation, c.target, c.sum)
			}
		})
	}
}

// TestSame holds texts to one normal form that differ in values, sizes of lists, blanks, comments and letter case alone.
func TestSame(t *testing.T) {
	for _, c := range []struct {
		d     Dialect
		texts []string
	}{
		{MySQL, []string{"select a from t where b in (1)", "SELECT a FROM t WHERE b IN(?, ?)", "select a from t where b in ( 'x' ,'y','z')"}},
		{MySQL, []string{"insert into t values (1,2)", "insert into t values (?,?),(?,?),(?,?)", "INSERT INTO t VALUES(NULL, 'a'), (DEFAULT, -1.5)"}},
		{MySQL, []string{"insert into t values (1, now())", "insert into t values (1, now()), (2, now()), (3, now())"}},
		{MySQL, []string{"insert into t values (1);", "insert into t values (1); insert into t values (2); insert into t values (3)"}},
		{MySQL, []string{"select 1 from t", "select -1 from t", "select - 1 from t", "select + .5 from t", "select true from t", "select/**/0x1F from t # x"}},
		{PostgreSQL, []string{"select $1::int from t", "select 5 :: int from t", "select 'a'\n'b'::int from t", "select e'a\\''::int from t -- x"}},
		{PostgreSQL, []string{"select array[1,2,3]", "select array[$1]", "SELECT ARRAY [ 'a' , 'b' ]"}},
		{PostgreSQL, []string{"select * from t where (a, b) in ((1,2),(3,4))", "select * from t where (a,b) in (($1,$2))"}},
	} {
		var first, s Statement
		first.Read([]byte(c.texts[0]), c.d)
		for _, text := range c.texts[1:] {
			if s.Read([]byte(text), c.d); !bytes.Equal(s.Normal, first.Normal) {
				t.Errorf("%s\n is %s\nnot %s", text, s.Normal, first.Normal)
			}
			if !bytes.Equal(s.Summary, first.Summary) {
				t.Errorf("%s\n is %s\nnot %s", text, s.Summary, first.Summary)
			}
		}
	}
}

// TestDifferent holds texts apart that ask for different things.
func TestDifferent(t *testing.T) {
	var s Statement
	for _, c := range []struct {
		d     Dialect
		texts []string
	}{
		{MySQL, []string{"select a-1 from t", "select a, -1 from t", "select a + 1 from t", "select a from t", "select A from t", "select `a` from t", "select 1 from t",
			"select 12a from t", "select @a from t", "select @@a from t"}},
		{MySQL, []string{"select a from t limit 1", "select a from t limit 1, 1", "select a from t limit 1 offset 1"}},
		{MySQL, []string{"select a is null", "select a is not null", "select a = null", "select a is true"}},
		{PostgreSQL, []string{"select a ? 'b'", "select a ?| 'b'", "select a -> 'b'", "select a ->> 'b'", "select a 'b'"}},
		{PostgreSQL, []string{"select (1, 2 + x)", "select (2 + x)", "select (1, x)"}},
	} {
		seen := map[string]string{}
		for _, text := range c.texts {
			s.Read([]byte(text), c.d)
			if other, ok := seen[string(s.Normal)]; ok {
				t.Errorf("%s and %s are both %s", text, other, s.Normal)
			}
			seen[string(s.Normal)] = text
		}
	}
}

// TestNames holds names to what was sent that another dialect, or another place, makes key words.
func TestNames(t *testing.T) {
	var s Statement
	for _, c := range []struct {
		d           Dialect
		sql, normal string
	}{
		{PostgreSQL, "select read, key, level from logs where user='x'", "SELECT read, key, level FROM logs WHERE USER = ?"},
		{PostgreSQL, "select start, \"end\", rows, range, view, index, values, set, by from t", "SELECT start, \"end\", rows, range, view, index, values, set, by FROM t"},
		{PostgreSQL, "insert into t (start, begin, commit, add, update, insert, delete) values (1)", "INSERT INTO t(start, begin, commit, add, update, insert, delete) VALUES (?)"},
		{PostgreSQL, "select update from t where delete = 1 or insert is null", "SELECT update FROM t WHERE delete = ? OR insert IS NULL"},
		{PostgreSQL, "select a values from t join u on conflict = 1 and delete = 2", "SELECT a values FROM t JOIN u ON conflict = ? AND delete = ?"},
		{PostgreSQL, "select offset_, over, if, exists from t where between = 1 order by nulls, first", "SELECT offset_, over, if, exists FROM t WHERE between = ? ORDER BY nulls, first"},
		{PostgreSQL, "select case when matched then update else delete end from t", "SELECT CASE WHEN matched THEN update ELSE delete END FROM t"},
		{PostgreSQL, "with recursive as (select 1) select * from recursive", "WITH recursive AS (SELECT ?) SELECT * FROM recursive"},
		{PostgreSQL, "insert into values (a) values (1)", "INSERT INTO values(a) VALUES (?)"},
		{PostgreSQL, "update read set key = 1, set = 2", "UPDATE read SET key = ?, set = ?"},
		{PostgreSQL, "select t.select, interval, row, skip from view", "SELECT t.select, interval, row, skip FROM view"},
		{MySQL, "insert into t (start, end, offset, begin, commit) values (1)", "INSERT INTO t(start, end, offset, begin, commit) VALUES (?)"},
		{MySQL, "select start, end, savepoint, nulls, groups, cast, view, stored, merge from t where end = 1", "SELECT start, end, savepoint, nulls, groups, cast, view, stored, merge FROM t WHERE end = ?"},
		{MySQL, "select case end when 1 then start else 2 end, end from t", "SELECT CASE end WHEN ? THEN start ELSE ? END, end FROM t"},
		{MySQL, "call nothing()", "CALL nothing()"},
		{MySQL, "call begin()", "CALL begin()"},
		{MySQL, "update t set names = 1, transaction = 2", "UPDATE t SET names = ?, transaction = ?"},
		{MySQL, "alter table t add start int, rename column begin to action", "ALTER TABLE t ADD start INT, RENAME COLUMN begin TO action"},
		{MySQL, "show create table level", "SHOW CREATE TABLE level"},
		{MySQL, "drop view share", "DROP VIEW share"},
		{MySQL, "savepoint work", "SAVEPOINT work"},
		{MySQL, "rollback to savepoint level", "ROLLBACK TO SAVEPOINT level"},
		{MySQL, "rollback work to only", "ROLLBACK WORK TO only"},
		{MySQL, "release savepoint level", "RELEASE SAVEPOINT level"},
	} {
		if s.Read([]byte(c.sql), c.d); string(s.Normal) != c.normal {
			t.Errorf("%s\n is %s\nnot %s", c.sql, s.Normal, c.normal)
		}
	}
}

// TestKeyWords holds texts to one normal form that are all key words, in small letters and in capitals, but for names.
func TestKeyWords(t *testing.T) {
	var s Statement
	for _, c := range []struct {
		d      Dialect
		normal string
	}{
		{MySQL, "INSERT INTO t(a) SELECT b FROM u ON DUPLICATE KEY UPDATE a = VALUES (a)"},
		{MySQL, "SELECT CASE a WHEN ? THEN ? ELSE CASE b END END FROM t LIMIT ? OFFSET ?"},
		{MySQL, "CREATE TEMPORARY TABLE IF NOT EXISTS t(a INT(?) NOT NULL DEFAULT ?, PRIMARY KEY (a))"},
		{MySQL, "CREATE USER IF NOT EXISTS ? IDENTIFIED BY ?"},
		{MySQL, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"},
		{MySQL, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"},
		{MySQL, "DELETE FROM t WHERE a = ? RETURNING *"},
		{MySQL, "SELECT a FROM t WHERE b LIKE ? ESCAPE ? FOR UPDATE SKIP LOCKED"},
		{MySQL, "SELECT CAST(a AS CHAR), sum(b) OVER (PARTITION BY c ORDER BY d ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM t"},
		{PostgreSQL, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"},
		{PostgreSQL, "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE"},
		{PostgreSQL, "ROLLBACK TO SAVEPOINT a"},
		{PostgreSQL, "PREPARE TRANSACTION ?"},
		{PostgreSQL, "CREATE TEMP TABLE t(a int PRIMARY KEY, b int REFERENCES u(c) ON DELETE SET NULL ON UPDATE CASCADE)"},
		{PostgreSQL, "CREATE UNIQUE INDEX IF NOT EXISTS i ON t(a)"},
		{PostgreSQL, "CREATE OR REPLACE VIEW v AS SELECT a FROM t"},
		{PostgreSQL, "DROP TABLE IF EXISTS t CASCADE"},
		{PostgreSQL, "ALTER TABLE t ADD COLUMN a int, DROP b, ALTER COLUMN c SET NOT NULL"},
		{PostgreSQL, "INSERT INTO t(a) VALUES (?) ON CONFLICT (a) DO UPDATE SET a = excluded.a WHERE t.b BETWEEN ? AND ? RETURNING a"},
		{PostgreSQL, "INSERT INTO t DEFAULT VALUES ON CONFLICT DO NOTHING"},
		{PostgreSQL, "WITH RECURSIVE a AS (UPDATE t SET b = ? RETURNING *), c AS MATERIALIZED (DELETE FROM u) INSERT INTO v SELECT * FROM a"},
		{PostgreSQL, "WITH a AS (SELECT ?) UPDATE ONLY t AS x SET b = ?"},
		{PostgreSQL, "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED AND t.b = ? THEN UPDATE SET b = ? WHEN NOT MATCHED THEN INSERT (a) VALUES (?)"},
		{PostgreSQL, "SELECT a FROM t WHERE NOT EXISTS (SELECT ? FROM u) AND b NOT BETWEEN ? AND ? GROUP BY a ORDER BY a DESC NULLS LAST"},
		{PostgreSQL, "SELECT a FROM t FOR NO KEY UPDATE OF t SKIP LOCKED"},
		{PostgreSQL, "SELECT sum(a) OVER (PARTITION BY b ORDER BY c RANGE BETWEEN INTERVAL ? PRECEDING AND CURRENT ROW) FROM t FETCH FIRST ? ROWS ONLY"},
		{PostgreSQL, "GRANT SELECT, INSERT, UPDATE ON t TO bob"},
		{PostgreSQL, "CREATE TRIGGER g BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()"},
	} {
		small := strings.ToLower(c.normal)
		if s.Read([]byte(small), c.d); string(s.Normal) != c.normal {
			t.Errorf("%s\n is %s\nnot %s", small, s.Normal, c.normal)
		}
		if s.Read([]byte(c.normal), c.d); string(s.Normal) != c.normal {
			t.Errorf("%s\nagain is %s", c.normal, s.Normal)
		}
	}
}

// TestPassedOver reads lists and qualified names with comments in them, which are read piece by piece, and without.
func TestPassedOver(t *testing.T) {
	var s, slow Statement
	for _, d := range []Dialect{MySQL, PostgreSQL} {
		for _, sql := range []string{
			"select a from t where b in (1, 'x', 2.5, 'y''z', 3)",
			"select a from t where b in (1, 2, 3",
			"select a from t where b in (1, 2, c, 3, 4)",
			"select a from t where b in (1, 2, 3 + 4, 5)",
			"select a from t where b in (1, -2, **+-3, 4)",
			"insert into t values (1, 'x'), (2, 'y'), (3, 'z')",
			"insert into t values (1), (2), (3, 4), (null), (now()), (5), (6) on conflict do nothing",
			"insert into t values (1), (2), (3), 4",
			"insert into t values (1), (2), (3",
			"with a as (values (1), (2), (3)), b as (select 1) select * from a, b, c",
			"select * from (values (1, 2), (3, 4), (5, 6)) x, t",
			"select s.t.a, s.t.*, t.e 'x', u.u & 1 from s.t, t.u",
		} {
			s.Read([]byte(sql), d)
			slow.Read([]byte(strings.NewReplacer(",", ",/**/", ".", "./**/").Replace(strings.ReplaceAll(sql, "2.5", "25"))), d)
			if !bytes.Equal(s.Normal, slow.Normal) || !bytes.Equal(s.Target, slow.Target) || !bytes.Equal(s.Summary, slow.Summary) || s.Cut != slow.Cut {
				t.Errorf("%s\n is %s, %s\nnot %s, %s", sql, s.Normal, s.Summary, slow.Normal, slow.Summary)
			}
		}
	}
	if s.Read([]byte("select a from t where b in (1, /*! 2 */, 3)"), MySQL); s.Cut || string(s.Normal) != "SELECT a FROM t WHERE b IN (?)" {
		t.Errorf("%s, %t", s.Normal, s.Cut)
	}
}

// TestQuotes holds names to one target and summary that need no quotes and have them or not.
func TestQuotes(t *testing.T) {
	var s Statement
	for _, c := range []struct {
		d        Dialect
		sql, sum string
	}{
		{MySQL, "select * from domain", "SELECT domain"},
		{MySQL, "select * from `domain`", "SELECT domain"},
		{MySQL, "select * from `Db`.`T$1`", "SELECT Db.T$1"},
		{MySQL, "select * from `a b`.`t`", "SELECT `a b`.t"},
		{MySQL, "select * from `a-b`", "SELECT `a-b`"},
		{MySQL, "select * from `a.b`", "SELECT `a.b`"},
		{MySQL, "select * from ``", "SELECT ``"},
		{MySQL, "select * from `a```", "SELECT `a```"},
		{MySQL | ANSIQuotes, `select * from "T"`, "SELECT T"},
		{PostgreSQL, "select * from t", "SELECT t"},
		{PostgreSQL, `select * from "t"`, "SELECT t"},
		{PostgreSQL, `select * from "T"`, `SELECT "T"`},
		{PostgreSQL, "select * from T", "SELECT T"},
		{PostgreSQL, `select * from "s"."T"`, `SELECT s."T"`},
		{PostgreSQL, `select * from "a""b"`, `SELECT "a""b"`},
	} {
		s.Read([]byte(c.sql), c.d)
		if target := strings.TrimPrefix(c.sum, "SELECT "); string(s.Target) != target || string(s.Summary) != c.sum {
			t.Errorf("%s is %s, %s", c.sql, s.Target, s.Summary)
		}
	}
}

// TestCertain reads the beginnings of statements: whether their targets stay, whatever follows.
func TestCertain(t *testing.T) {
	var s Statement
	for _, c := range []struct {
		d       Dialect
		sql     string
		target  string
		certain bool
	}{
		{MySQL, "insert into t values", "t", true},
		{MySQL, "insert into `t` (a, b) values (1, 'x'), (2, 'y", "t", true},
		{MySQL, "insert into t values ((select a from u where b = ", "t", true},
		{MySQL, "insert into t values (1) on duplicate key update a = (select b from u", "t", true},
		{MySQL, "replace t () values (", "t", true},
		{MySQL, "insert into t set a = ", "t", true},
		{PostgreSQL, "insert into s.t as x (a) values ($1, ", "s.t", true},
		{PostgreSQL, "insert into t default values returning ", "t", true},
		{PostgreSQL, "with x as (select 1) insert into t values (", "t", true},
		{PostgreSQL, "with x as (select a from u) insert into t values (", "", false},
		{PostgreSQL, "with x as (insert into t values (", "t", false},
		{MySQL, "insert into t", "t", false},
		{MySQL, "insert into t (a, b", "t", false},
		{MySQL, "insert into t select 1", "t", false},
		{MySQL, "insert into t (select 1 union values row(1)", "t", false},
		{PostgreSQL, "insert into t select 1 on conflict (a) do update set a = ", "t", false},
		{MySQL, "insert into t values (1); insert into u values (", "", false},
		{MySQL, "update t set a = ", "t", false},
		{MySQL, "select * from t where a in ('", "t", false},
		{MySQL, "values row(1, ", "", false},
	} {
		if s.Read([]byte(c.sql), c.d); string(s.Target) != c.target || s.Certain != c.certain {
			t.Errorf("%s: %q, %t", c.sql, s.Target, s.Certain)
		}
	}
}

// TestPrefix reads texts cut off after every byte: what is read is the beginning of the whole, but for
// its last word, and a sign without its value.
func TestPrefix(t *testing.T) {
	for _, sql := range []string{
		"SELECT a, 'b' FROM t WHERE c IN (1, 2, 3) AND d = 'x' AND e IN ((1, 2), (3, 4))",
		"INSERT INTO t (a, b) VALUES (1, 'x'), (2, 'y'), (-3, 'z')",
		"SELECT a FROM t WHERE b = -1 AND c = 'it''s' OR d = \"x\" /* done */",
	} {
		var whole, s Statement
		whole.Read([]byte(sql), MySQL)
		for n := range len(sql) {
			s.Read([]byte(sql[:n]), MySQL)
			last := bytes.LastIndexAny(s.Normal, " (,") // in front of what may be half a word
			if last > 0 && sql[n-1] != '-' && !bytes.HasPrefix(whole.Normal, s.Normal[:last]) {
				t.Errorf("%s is %s, and the whole %s", sql[:n], s.Normal, whole.Normal)
			}
		}
	}
}

func TestCut(t *testing.T) {
	var s Statement
	for _, sql := range []string{"select 'a", "select a /* b", "select `a", "select \"a", "select /*! 1", `select 'a\'`} {
		if s.Read([]byte(sql), MySQL); !s.Cut {
			t.Errorf("%s is not cut", sql)
		}
		if s.Read([]byte("select 1"), MySQL); s.Cut {
			t.Error("cut stayed")
		}
	}
	for _, sql := range []string{"select 'a", "select /* /* */", `select "a`, "select $$ a", "select E'a\\'"} {
		if s.Read([]byte(sql), PostgreSQL); !s.Cut {
			t.Errorf("%s is not cut", sql)
		}
	}
}

// TestEndless holds names that have no end to hide what they may hold: all behind them, and, in a text that is whole, all
// from the first quote that may be the stray one. Where there are secrets, so do literals and comments.
func TestEndless(t *testing.T) {
	var s Statement
	for _, c := range []struct {
		d                   Dialect
		sql, normal, target string
	}{
		{MySQL, "create user `bob identified by 'zq7'", "CREATE USER ?", ""},
		{MySQL, "set password for `bob`@`% = 'zq7'", "SET password FOR `bob` ?", ""},
		{MySQL, "select `a, 'zq7' from u where password = 'zq7'", "SELECT ?", ""},
		{MySQL, "select `a, 'zq7' from `t`", "SELECT ?", ""},
		{MySQL, "select `a`, `b, 'zq7', `c` from t", "SELECT `a`, ?", ""},
		{MySQL, "select a`, 'zq7' from t", "SELECT a ?", ""},
		{MySQL, "select * from `t where a = 'zq7'", "SELECT * FROM ?", ""},
		{MySQL, "select * from t, `u where a = 'zq7'", "SELECT * FROM t, ?", ""},
		{MySQL, "select * from db.`t where a = 'zq7'", "SELECT * FROM db.?", ""},
		{MySQL, "select * from t where a = @`b and c = 'zq7'", "SELECT * FROM t WHERE a = ?", "t"},
		{MySQL, "select `a` from t where token = 'it's zq7'", "SELECT `a` FROM t WHERE token = ?", "t"},
		{MySQL, "select token = 'it' 's' zq7 /* '", "SELECT token = ?", ""},
		{MySQL | ANSIQuotes, `select "a, 'zq7' from "t"`, "SELECT ?", ""},
		{PostgreSQL, `alter role "bob password 'zq7'`, "ALTER ROLE ?", ""},
		{PostgreSQL, `select "a", "b c", "d from t where e = 'zq7'`, `SELECT "a", ?`, ""},
		{PostgreSQL, `update "T" set a = 'zq7', "b = 'zq7'`, `UPDATE "T" SET a = ?`, `"T"`},
		{PostgreSQL, `select u&"a and b = 'zq7'`, "SELECT ?", ""},
		{PostgreSQL, "select token, 'it', s zq7 $$", "SELECT token, ?", ""},
		{PostgreSQL, "select token, 'it', s zq7 /* /* '", "SELECT token, ?", ""},
		{PostgreSQL, "select token, 'it's zq7', 'b'", "SELECT token, ?", ""},
		{PostgreSQL, `select token, "a 'b' c" zq7`, "SELECT token, ?", ""},
		{MySQL | Partial, "select `a b`, 'zq7', `c", "SELECT `a b`, ?, ?", ""},
		{MySQL | Partial, "insert into t values ((select `a` from `zq7", "INSERT INTO t VALUES ((SELECT `a` FROM ?", "t"},
		{PostgreSQL | Partial, `select "a b", 'zq7' from t where "c`, `SELECT "a b", ? FROM t WHERE ?`, "t"},
	} {
		if s.Read([]byte(c.sql), c.d); string(s.Normal) != c.normal || string(s.Target) != c.target || !s.Cut {
			t.Errorf("%s\n is %s, %q, %t\nnot %s, %q", c.sql, s.Normal, s.Target, s.Cut, c.normal, c.target)
		}
	}
}

func TestStatements(t *testing.T) {
	var s Statement
	for sql, n := range map[string]int{"": 0, ";": 0, " /* */ ; # x": 0, "select 1": 1, "select 1;": 1, ";select 1;;select 2": 2, "1; 'a'": 2,
		"create procedure p() begin select 1; select 2; end": 1, "select ';'": 1} {
		if s.Read([]byte(sql), MySQL); s.Statements != n {
			t.Errorf("%s: %d statements, not %d", sql, s.Statements, n)
		}
	}
}

func TestSummaryLimit(t *testing.T) {
	var s Statement
	s.Read([]byte("select * from "+strings.Repeat("tables_name, ", 40)+"t"), MySQL)
	if n := len(s.Summary); n > maxSummary || n < maxSummary-12 || !bytes.HasSuffix(s.Summary, []byte("tables_name")) {
		t.Errorf("%d bytes: %s", n, s.Summary)
	}
}

func TestTags(t *testing.T) {
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for _, c := range []struct{ sql, tags, trace, span string }{
		{"select 1 /*traceparent='" + parent + "'*/", "traceparent=" + parent + ";", parent[3:35], parent[36:52]},
		{"/* app='my%20app', route='%2Fa\\'b' */ select 1;", "app=my app;route=/a'b;", "", ""},
		{"select 1 /*a='1'*/ /*b='2',traceparent='" + strings.ReplaceAll(parent, "-", "%2D") + "'*/", "a=1;b=2;traceparent=" + parent + ";", parent[3:35], parent[36:52]},
		{"select 1 /*traceparent='00-00000000000000000000000000000000-00f067aa0ba902b7-01'*/", "traceparent=00-00000000000000000000000000000000-00f067aa0ba902b7-01;", "", ""},
		{"select 1 /*traceparent='" + strings.ToUpper(parent) + "'*/", "traceparent=" + strings.ToUpper(parent) + ";", "", ""},
		{"select 1 /* a plain comment, isn't it? key='value' */", "", "", ""},
		{"select 1 /*a='1',b=2*/", "", "", ""},
		{"select '/*a=\\'1\\'*/'", "", "", ""},
		{"select 1 /*a='100%',b='%zz%4'*/", "a=100%;b=%zz%4;", "", ""},
	} {
		for _, d := range []Dialect{MySQL, PostgreSQL} {
			if d == PostgreSQL && strings.Contains(c.sql, `'/*`) {
				continue // a backslash is none there
			}
			var s Statement
			s.Read([]byte(c.sql), d)
			var tags strings.Builder
			for k, v := range s.Tags() {
				tags.WriteString(string(k) + "=" + string(v) + ";")
			}
			if tags.String() != c.tags || string(s.TraceID) != c.trace || string(s.SpanID) != c.span {
				t.Errorf("%s: %s, %s, %s", c.sql, tags.String(), s.TraceID, s.SpanID)
			}
		}
	}
}

// TestMemory holds what a statement keeps to what it says.
func TestMemory(t *testing.T) {
	var s Statement
	fixed := int(unsafe.Sizeof(s))
	for _, sql := range []string{strings.Repeat("a=b ", 1<<16), strings.Repeat(";a", 1<<16), strings.Repeat("/*a='b'*/", 1<<16), strings.Repeat("(", 1<<16), batchText} {
		s = Statement{}
		s.Read([]byte(sql), MySQL)
		if kept := cap(s.Normal) + cap(s.Summary) + cap(s.tags) + 4*cap(s.ends) + cap(s.p.target); kept > 6*len(sql)+4096 || fixed > 4096 {
			t.Errorf("%.10s...: %d bytes for %d, %d fixed", sql, kept, len(sql), fixed)
		}
	}
}
