//go:build cgo

package sqloracle

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/sqltext"
	pg "github.com/pganalyze/pg_query_go/v6"
)

var postgresStatements = []string{
	`SELECT "auth_user"."id", "auth_user"."password" FROM "auth_user" WHERE "auth_user"."id" = 1 LIMIT 21`,
	"UPDATE pgbench_accounts SET abalance = abalance + -4 WHERE aid = 5",
	"INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (1, 2, 3, 4, CURRENT_TIMESTAMP)",
	"SELECT c.oid FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relname OPERATOR(pg_catalog.~) '^(t)$' COLLATE pg_catalog.default",
	"INSERT INTO t (a, b) VALUES ($1, $2) ON CONFLICT (a) DO UPDATE SET b = excluded.b RETURNING id",
	"DELETE FROM a USING b WHERE a.id = b.id AND b.x = $1",
	"UPDATE ONLY a SET x = b.x FROM b WHERE a.id = b.id",
	"SELECT * FROM generate_series(1, 10) AS g(i), LATERAL unnest(ARRAY[i, 2]) u, t",
	"SELECT a FROM t WHERE b @> '{\"c\": 1}' AND b ? 'd' AND b ?| ARRAY['e', 'f'] AND b->'g'->>'h' = 'i' AND b #>> '{j}' IS NOT NULL",
	"SELECT EXTRACT(epoch FROM ts), substring(n FROM 2 FOR 3), trim(both 'x' from n), a IS DISTINCT FROM b FROM t",
	"WITH moved AS (DELETE FROM a WHERE x < now() - interval '1 day' RETURNING *) INSERT INTO b SELECT * FROM moved",
	"WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT * FROM r JOIN t USING (n)",
	"MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET x = s.x WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)",
	"SELECT row_number() OVER (PARTITION BY a ORDER BY b ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t FOR UPDATE OF t SKIP LOCKED",
	"SELECT * FROM a NATURAL JOIN b CROSS JOIN (c JOIN d ON c.x = d.x) WHERE a.y = ANY($1::int[])",
	"SELECT * FROM ROWS FROM (f(1), g(2)) AS x, ONLY s.t",
	"CREATE TABLE t (a int REFERENCES u (b) ON DELETE CASCADE, c text DEFAULT 'x' NOT NULL)",
	"CREATE TABLE x AS SELECT * FROM y",
	"CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON s.t USING btree (a)",
	"ALTER TABLE IF EXISTS t ADD COLUMN x int DEFAULT 5",
	"TRUNCATE TABLE a, b RESTART IDENTITY",
	"DROP TABLE t",
	"COPY t (a, b) FROM STDIN WITH (FORMAT csv)",
	"COPY (SELECT * FROM t) TO STDOUT",
	"LOCK TABLE t IN SHARE MODE",
	"EXPLAIN (ANALYZE, BUFFERS) SELECT * FROM t WHERE a = 1",
	"DECLARE c CURSOR FOR SELECT * FROM t",
	"FETCH 100 FROM c",
	"VALUES (1, 'a'), (2, 'b')",
	"TABLE t",
	"SELECT $$it's$$, E'it\\'s', U&'\\0061', B'101', x'1F', 1_000, 0x1F, .5, 1e-3, date '2020-01-01' - 1",
	"BEGIN",
	"SET search_path TO a, b",
}

func pgTables(t *testing.T, sql string) []string {
	text, err := pg.ParseToJSON(sql)
	if err != nil {
		t.Errorf("%s: %v", sql, err)
		return nil
	}
	var tree any
	if err := json.Unmarshal([]byte(text), &tree); err != nil {
		t.Fatal(err)
	}
	var names []string
	given := map[string]bool{}
	var walk func(any)
	walk = func(n any) {
		switch n := n.(type) {
		case map[string]any:
			if name, ok := n["relname"].(string); ok {
				if schema, ok := n["schemaname"].(string); ok {
					name = schema + "." + name
				}
				names = append(names, name)
			}
			if name, ok := n["ctename"].(string); ok {
				given[name] = true
			}
			if drop, ok := n["DropStmt"].(map[string]any); ok {
				objects, _ := json.Marshal(drop["objects"]) // names as lists of strings
				var lists []struct {
					List struct {
						Items []struct{ String struct{ Sval string } }
					}
				}
				if err := json.Unmarshal(objects, &lists); err != nil {
					t.Fatal(err)
				}
				for _, l := range lists {
					var parts []string
					for _, i := range l.List.Items {
						parts = append(parts, i.String.Sval)
					}
					names = append(names, strings.Join(parts, "."))
				}
			}
			for key, v := range n {
				if key != "pktable" { // what a foreign key refers to is not what is created
					walk(v)
				}
			}
		case []any:
			for _, v := range n {
				walk(v)
			}
		}
	}
	walk(tree)
	var out []string
	for _, n := range names {
		if !given[n] {
			out = append(out, n)
		}
	}
	return out
}

func TestPgQueryTables(t *testing.T) {
	var s sqltext.Statement
	for _, sql := range postgresStatements {
		s.Read([]byte(sql), sqltext.PostgreSQL)
		compare(t, sql, &s, pgTables(t, sql), s.Operation)
	}
	for i := range uint64(statements) {
		sql := statement(sqltext.PostgreSQL, i, i)
		s.Read([]byte(sql), sqltext.PostgreSQL)
		compare(t, sql, &s, pgTables(t, sql), s.Operation)
		if t.Failed() && i > 100 {
			return
		}
	}
}

// TestPgQueryFingerprint compares which pairs of statements are the same.
func TestPgQueryFingerprint(t *testing.T) {
	var a, b sqltext.Statement
	accepted, compared := map[string]int{}, 0
	for i := range uint64(statements) {
		one, two := statement(sqltext.PostgreSQL, i, i), statement(sqltext.PostgreSQL, i, i+statements)
		if i%2 == 0 {
			two = mutate(two, i)
		}
		a.Read([]byte(one), sqltext.PostgreSQL)
		b.Read([]byte(two), sqltext.PostgreSQL)
		ours := string(a.Normal) == string(b.Normal)
		f1, err1 := pg.Fingerprint(one)
		f2, err2 := pg.Fingerprint(two)
		if err1 != nil {
			t.Fatal(one, err1)
		}
		if err2 != nil {
			continue // a change that is no SQL
		}
		compared++
		if theirs := f1 == f2; ours != theirs {
			if reason := pgAccepted(string(a.Normal), string(b.Normal), ours); reason != "" {
				accepted[reason]++
				continue
			}
			t.Fatalf("%s\n%s\nours: %t, theirs: %t\n%s\n%s", one, two, ours, theirs, a.Normal, b.Normal)
		}
	}
	t.Log(compared, accepted)
	if compared < statements*9/10 {
		t.Errorf("only %d of %d pairs were compared", compared, statements)
	}
}

// pgAccepted says why another decision than that of PostgreSQL's parser is right for us, or nothing.
func pgAccepted(one, two string, ours bool) string {
	unquoted := strings.NewReplacer(`"`, "", ",", "", "(", " ", ")", "")
	switch {
	case !ours && unquoted.Replace(one) == unquoted.Replace(two):
		return "names are compared as they are written: quotes stay"
	case !ours && slices.Equal(set(strings.Fields(unquoted.Replace(one))), set(strings.Fields(unquoted.Replace(two)))):
		return "it takes lists of columns, tables and arguments as sets; ours are as written"
	}
	return ""
}
