package sqloracle

import (
	"slices"
	"strings"
	"testing"

	sqllexer "github.com/DataDog/go-sqllexer"
	"github.com/dbtap/dbtap/internal/sqltext"
)

func TestSQLLexer(t *testing.T) {
	normalizer := sqllexer.NewNormalizer(sqllexer.WithCollectTables(true), sqllexer.WithCollectCommands(true))
	accepted := map[string]int{}
	var s sqltext.Statement
	for _, d := range []sqltext.Dialect{sqltext.MySQL, sqltext.PostgreSQL} {
		dbms := sqllexer.DBMSMySQL
		if d == sqltext.PostgreSQL {
			dbms = sqllexer.DBMSPostgres
		}
		for i := range uint64(statements) {
			sql := statement(d, i, i)
			_, meta, err := sqllexer.ObfuscateAndNormalize(sql, sqllexer.NewObfuscator(), normalizer, sqllexer.WithDBMS(dbms))
			if err != nil {
				t.Fatalf("%s: %v", sql, err)
			}
			s.Read([]byte(sql), d)
			var names []string
			for _, n := range meta.Tables {
				names = append(names, strings.Map(func(r rune) rune {
					if r == '`' || r == '"' {
						return -1
					}
					return r
				}, n))
			}
			got, theirs := strings.Join(tables(&s), " "), strings.Join(set(names), " ")
			if got == theirs || len(s.Summary) > 200 {
				continue
			}
			if reason := lexerAccepted(sql, got, theirs); reason != "" {
				accepted[reason]++
				continue
			}
			t.Errorf("%s\nhas the tables %s, and %s elsewhere", sql, got, theirs)
		}
	}
	t.Log(accepted)
}

// lexerAccepted says why other tables than those of the lexer are right, or nothing. TiDB's and PostgreSQL's parsers
// find ours in the same statements.
func lexerAccepted(sql, ours, theirs string) string {
	found := strings.Fields(ours)
	for name := range strings.FieldsSeq(theirs) {
		if !slices.Contains(found, name) {
			return ""
		}
	}
	if strings.Contains(sql, ",") {
		return "it does not look for tables behind commas"
	}
	return ""
}
