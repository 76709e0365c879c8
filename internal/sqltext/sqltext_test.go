package sqltext

import "testing"

func TestRead(t *testing.T) {
	for _, c := range []struct {
		d                              Dialect
		sql, normal, summary, operated string
	}{
		{MySQL, "select * from users where id = 1 and name='bob'", "SELECT * FROM users WHERE id = ? AND name = ?", "SELECT users", "SELECT users"},
		{MySQL, "insert into t (a,b) values (1,'a'),(2,'b'),(-3,NULL);", "INSERT INTO t(a, b) VALUES (?)", "INSERT t", "INSERT t"},
		{PostgreSQL, "select c ? 'x', -1, a-1, b::int from t where x=$1", "SELECT c ? ?, ?, a - ?, b::int FROM t WHERE x = ?", "SELECT t", "SELECT t"},
		{MySQL, "begin; update t set a=1; commit", "BEGIN; UPDATE t SET a = ?; COMMIT", "BEGIN UPDATE t COMMIT", "BEGIN "},
	} {
		var s Statement
		s.Read([]byte(c.sql), c.d)
		if string(s.Normal) != c.normal || string(s.Summary) != c.summary || s.Operation+" "+string(s.Target) != c.operated {
			t.Errorf("%s\n%s, %s, %s %s", c.sql, s.Normal, s.Summary, s.Operation, s.Target)
		}
	}
}
