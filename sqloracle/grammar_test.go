package sqloracle

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/sqltext"
)

// grammar writes random statements. What they ask for comes from one source of chance, how it is written (values, sizes of
// lists, blanks, letter case of key words) from another: two statements of one shape are to be the same to all.
type grammar struct {
	d      sqltext.Dialect
	shape  *rand.Rand
	style  *rand.Rand
	out    strings.Builder
	params int
	depth  int
}

func statement(d sqltext.Dialect, shape, style uint64) string {
	g := grammar{d: d, shape: rand.New(rand.NewPCG(shape, 1)), style: rand.New(rand.NewPCG(style, 2))}
	g.statement()
	return strings.TrimSpace(g.out.String())
}

// key writes key words and signs.
func (g *grammar) key(words string) {
	switch g.style.IntN(3) {
	case 0:
		words = strings.ToLower(words)
	case 1:
		words = strings.ReplaceAll(words, " ", "\n\t")
	}
	g.out.WriteString(" " + words + " ")
}

func (g *grammar) name(s string) {
	if g.style.IntN(8) == 0 {
		g.out.WriteString(" /* or so */ ")
	}
	g.out.WriteString(s)
}

func (g *grammar) pick(n int) int { return g.shape.IntN(n) }

func (g *grammar) table() {
	s := fmt.Sprintf("t%d", g.pick(6))
	switch g.pick(6) {
	case 0:
		s = "s." + s
	case 1:
		s = g.quoted(s)
	}
	g.name(s)
}

func (g *grammar) quoted(s string) string {
	if g.d == sqltext.MySQL {
		return "`" + s + "`"
	}
	return `"` + s + `"`
}

func (g *grammar) column() {
	s := fmt.Sprintf("c%d", g.pick(5))
	if g.pick(5) == 0 {
		s = g.quoted(s)
	}
	g.name(s)
}

// value writes a literal or a parameter.
func (g *grammar) value() {
	n := g.style.IntN(1000)
	forms := []string{fmt.Sprint(n), fmt.Sprintf("'v%d'", n), fmt.Sprintf("%d.5e3", n), fmt.Sprintf("'it''s %d'", n), fmt.Sprintf("-%d", n), fmt.Sprintf("x'%04x'", n)}
	if g.d == sqltext.MySQL {
		forms = append(forms, fmt.Sprintf("\"v%d\"", n), fmt.Sprintf("0x%04x", n), `'it\'s'`, fmt.Sprintf("_utf8mb4'v%d'", n), "?")
	} else {
		g.params++
		forms = append(forms, fmt.Sprintf("$$v%d$$", n), fmt.Sprintf("E'it\\'s %d'", n), fmt.Sprintf("$%d", g.params), fmt.Sprintf("B'%b'", n))
	}
	g.out.WriteString(forms[g.style.IntN(len(forms))])
}

func (g *grammar) list(open, shut string, least int) {
	g.out.WriteString(open)
	for i := range least + g.style.IntN(4) {
		if i > 0 {
			g.out.WriteString([]string{",", ", ", " ,\n"}[g.style.IntN(3)])
		}
		g.value()
	}
	g.out.WriteString(shut)
}

func (g *grammar) expression() {
	g.depth++
	defer func() { g.depth-- }()
	n := 9
	if g.depth > 3 {
		n = 3
	}
	switch g.pick(n) {
	case 0:
		g.column()
	case 1, 2:
		g.value()
	case 3:
		g.expression()
		g.out.WriteString([]string{" + ", " * ", " / ", " % "}[g.pick(4)])
		g.column()
	case 4:
		g.column()
		g.out.WriteString([]string{"-", " - ", "- "}[g.style.IntN(3)])
		fmt.Fprint(&g.out, 1+g.style.IntN(90))
	case 5:
		g.name([]string{"upper", "lower", "abs"}[g.pick(3)])
		g.out.WriteString("(")
		g.expression()
		g.out.WriteString(")")
	case 6:
		g.key("CASE WHEN")
		g.condition()
		g.key("THEN")
		g.value()
		g.key("ELSE")
		g.column()
		g.key("END")
	case 7:
		if g.d == sqltext.PostgreSQL {
			g.column()
			g.out.WriteString([]string{"::int", " :: text"}[g.pick(2)])
			return
		}
		g.key("CAST(")
		g.column()
		g.key("AS CHAR)")
	case 8:
		g.out.WriteString("(")
		g.selects(false)
		g.out.WriteString(")")
	}
}

func (g *grammar) condition() {
	g.depth++
	defer func() { g.depth-- }()
	switch g.pick(9) {
	case 0:
		g.column()
		g.key([]string{"IS NULL", "IS NOT NULL", "IS TRUE", "IS NOT FALSE"}[g.pick(4)])
	case 1:
		g.column()
		g.key([]string{"IN", "NOT IN"}[g.pick(2)])
		g.list("(", ")", 1)
	case 2:
		g.column()
		g.key("BETWEEN")
		g.value()
		g.key("AND")
		g.value()
	case 3:
		g.column()
		g.key([]string{"LIKE", "NOT LIKE"}[g.pick(2)])
		g.value()
	case 4:
		if g.depth < 4 {
			g.key("EXISTS (")
			g.selects(false)
			g.out.WriteString(")")
			return
		}
		fallthrough
	case 5:
		if g.depth < 4 {
			g.out.WriteString("(")
			g.condition()
			g.key([]string{"AND", "OR"}[g.pick(2)])
			g.condition()
			g.out.WriteString(")")
			return
		}
		fallthrough
	default:
		g.column()
		g.out.WriteString([]string{"=", "<>", "<=", " > "}[g.pick(4)])
		g.value()
	}
}

func (g *grammar) where() {
	if g.pick(4) > 0 {
		g.key("WHERE")
		g.condition()
		for g.pick(3) == 0 {
			g.key("AND")
			g.condition()
		}
	}
}

func (g *grammar) source() {
	g.depth++
	defer func() { g.depth-- }()
	if g.depth < 4 && g.pick(7) == 0 {
		g.out.WriteString("(")
		g.selects(false)
		g.key(") AS")
		g.name("q")
		return
	}
	g.table()
	if g.pick(3) == 0 {
		g.key("AS")
		g.name(fmt.Sprintf("a%d", g.pick(9)))
	}
}

func (g *grammar) selects(top bool) {
	g.depth++
	defer func() { g.depth-- }()
	g.key("SELECT")
	if g.pick(6) == 0 {
		g.key("DISTINCT")
	}
	switch g.pick(3) {
	case 0:
		g.out.WriteString("*")
	case 1:
		g.key("count(*)")
	default:
		g.expression()
		for g.pick(3) > 0 {
			g.out.WriteString(", ")
			g.column()
		}
	}
	g.key("FROM")
	g.source()
	for g.depth < 4 && g.pick(3) == 0 {
		switch g.pick(3) {
		case 0:
			g.out.WriteString(", ")
			g.source()
		default:
			g.key([]string{"JOIN", "LEFT JOIN", "INNER JOIN"}[g.pick(3)])
			g.source()
			if g.pick(2) == 0 {
				g.key("USING (")
				g.column()
				g.out.WriteString(")")
			} else {
				g.key("ON")
				g.condition()
			}
		}
	}
	g.where()
	if g.pick(4) == 0 {
		g.key("GROUP BY")
		g.column()
		if g.pick(2) == 0 {
			g.key("HAVING count(*) >")
			g.value()
		}
	}
	if top && g.pick(6) == 0 {
		g.key([]string{"UNION", "UNION ALL"}[g.pick(2)])
		g.selects(false)
	}
	if top && g.pick(3) == 0 {
		g.key("ORDER BY")
		g.column()
		g.key([]string{"ASC", "DESC"}[g.pick(2)])
	}
	if top && g.pick(3) == 0 {
		g.key("LIMIT")
		fmt.Fprint(&g.out, 1+g.style.IntN(90))
		if g.pick(2) == 0 {
			g.key("OFFSET")
			fmt.Fprint(&g.out, 1+g.style.IntN(90))
		}
	}
	if top && g.pick(9) == 0 {
		g.key("FOR UPDATE")
	}
}

func (g *grammar) statement() {
	if g.pick(7) == 0 {
		g.key("WITH")
		g.name("w")
		g.key("AS (")
		g.selects(false)
		g.key(")")
		g.key("SELECT * FROM")
		g.name("w")
		if g.pick(2) == 0 {
			g.key("JOIN")
			g.table()
			g.key("ON")
			g.condition()
		}
		g.where()
		return
	}
	switch g.pick(8) {
	default:
		g.selects(true)
	case 1, 2:
		g.key("INSERT INTO")
		g.table()
		g.out.WriteString(" (c0, c1)")
		if g.pick(4) == 0 {
			g.selects(false)
			return
		}
		g.key("VALUES")
		for i := range 1 + g.style.IntN(4) {
			if i > 0 {
				g.out.WriteString(",")
			}
			g.out.WriteString("(")
			g.value()
			g.out.WriteString(", ")
			g.value()
			g.out.WriteString(")")
		}
	case 3, 4:
		g.key("UPDATE")
		g.table()
		g.key("SET")
		g.column()
		g.out.WriteString("=")
		g.expression()
		g.where()
	case 5:
		g.key("DELETE FROM")
		g.table()
		g.where()
	}
	if g.style.IntN(5) == 0 {
		g.out.WriteString(";")
	}
}

// changes are what mutate does once: each makes another statement.
var changes = [][2]string{{"c0", "c1"}, {"c2", "c3"}, {"t1", "t2"}, {"t3", "s.t3"}, {"t4", "t5"}, {" and ", " or "}, {" AND ", " OR "}, {"=", "<>"}, {" > ", " >= "},
	{" is ", " is not "}, {" IS ", " IS NOT "}, {"distinct", ""}, {"DISTINCT", ""}, {" + ", " - "}, {" * ", " + "}, {"- ", "+ "}, {"upper(", "lower("}, {"union ", "except "},
	{" ASC ", " DESC "}, {" in ", " not in "}, {" IN ", " NOT IN "}, {"LEFT JOIN", "JOIN"}, {"count(*)", "count(c0)"}, {"OFFSET", ","}, {"c4", "C4x"}, {"::int", "::text"}}

// mutate changes a statement in one place, or writes another value if it has none of these places.
func mutate(sql string, chance uint64) string {
	r := rand.New(rand.NewPCG(chance, 3))
	for range 20 {
		c := changes[r.IntN(len(changes))]
		if strings.Contains(sql, c[0]) {
			return strings.Replace(sql, c[0], c[1], 1)
		}
	}
	return sql
}

// tables are the words of a summary that are no operations: the names of the grammar have small letters.
func tables(s *sqltext.Statement) []string {
	var names []string
	for w := range strings.FieldsSeq(string(s.Summary)) {
		if w != strings.ToUpper(w) {
			names = append(names, strings.Map(func(r rune) rune {
				if r == '`' || r == '"' {
					return -1
				}
				return r
			}, w))
		}
	}
	return set(names)
}

func set(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

// compare holds what was read against the tables and the operation that another found.
func compare(t *testing.T, sql string, s *sqltext.Statement, names []string, operation string) {
	t.Helper()
	names = set(names)
	if got := tables(s); !slices.Equal(got, names) && len(s.Summary) < 200 {
		t.Errorf("%s\nhas the tables %v, and %v elsewhere", sql, got, names)
	}
	if len(names) == 1 && string(s.Target) != names[0] || len(names) != 1 && s.Target != nil {
		t.Errorf("%s\nhas the target %q, and elsewhere %v", sql, s.Target, names)
	}
	if s.Operation != operation {
		t.Errorf("%s\nis %s, and elsewhere %s", sql, s.Operation, operation)
	}
}

const statements = 4000

// TestShapes holds statements of one shape to one normal form, however they are written.
func TestShapes(t *testing.T) {
	var a, b sqltext.Statement
	for _, d := range []sqltext.Dialect{sqltext.MySQL, sqltext.PostgreSQL} {
		for i := range uint64(statements) {
			one, two := statement(d, i, 1), statement(d, i, 2+i)
			a.Read([]byte(one), d)
			b.Read([]byte(two), d)
			if string(a.Normal) != string(b.Normal) {
				t.Fatalf("%s\n%s\nare %s\nand %s", one, two, a.Normal, b.Normal)
			}
		}
	}
}
