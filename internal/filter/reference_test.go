package filter

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/wire"
)

// expression is a random one, with an evaluator that is as plain as can be.
type expression struct {
	join string // "and", "or", "not", "" for a comparison
	kids []*expression
	name string
	op   string // "" asks for presence
	ints []int64
	strs []string
}

// facts are what a random record says: int64, string or, where several, []string. Names with a dot are of fields, and
// there is one map a message for them.
type facts map[string]any

var (
	numberNames = []string{"rows", "affected", "pid", "latency"}
	textNames   = []string{"operation", "user", "code", "target"}
	wordNames   = []string{"status", "doubts"}
	fieldNames  = []string{"mongodb.a", "mongodb.b", "mongodb.c"}
	texts       = []string{"", "a", "ab", "b", "bc", "c"}
)

func randomExpression(g *rand.Rand, depth int) *expression {
	if depth > 0 && g.IntN(3) > 0 {
		e := &expression{join: []string{"and", "or", "not"}[g.IntN(3)]}
		n := 2 + g.IntN(2)
		if e.join == "not" {
			n = 1
		}
		for range n {
			e.kids = append(e.kids, randomExpression(g, depth-1))
		}
		return e
	}
	e := &expression{}
	values := func(in bool) int {
		if in {
			return 1 + g.IntN(4)
		}
		return 1
	}
	switch g.IntN(4) {
	case 0, 1:
		names := numberNames
		if g.IntN(2) == 0 {
			names = fieldNames
		}
		e.name = names[g.IntN(len(names))]
		e.op = []string{"", "==", "!=", "<", "<=", ">", ">=", "in"}[g.IntN(8)]
		for range values(e.op == "in") {
			e.ints = append(e.ints, g.Int64N(5)-2)
		}
	case 2:
		e.name = textNames[g.IntN(len(textNames))]
		e.op = []string{"", "==", "!=", "<", "<=", ">", ">=", "in", "contains"}[g.IntN(9)]
		for range values(e.op == "in") {
			e.strs = append(e.strs, texts[g.IntN(len(texts))])
		}
	case 3:
		e.name = wordNames[g.IntN(2)]
		e.op = []string{"==", "!=", "in"}[g.IntN(3)]
		words := record.Columns[record.StatusOf].Words
		if e.name == "doubts" {
			words = record.DoubtNames[:4]
		}
		for range values(e.op == "in") {
			e.strs = append(e.strs, words[g.IntN(len(words))])
		}
	}
	return e
}

// write spells the expression in one of many ways.
func (e *expression) write(g *rand.Rand) string {
	pick := func(s ...string) string { return s[g.IntN(len(s))] }
	if e.join != "" {
		var parts []string
		for _, k := range e.kids {
			s := k.write(g)
			if k.join == "or" || k.join == "and" && e.join != "or" || g.IntN(4) == 0 {
				s = "(" + s + ")"
			}
			parts = append(parts, s)
		}
		switch e.join {
		case "not":
			return pick("!", "! ", "not ", "NOT ") + parts[0]
		case "and":
			return strings.Join(parts, pick("&&", " && ", " and "))
		}
		return strings.Join(parts, pick("||", " || ", " or "))
	}
	if e.op == "" {
		return e.name
	}
	var values []string
	for _, i := range e.ints {
		if e.name == "latency" {
			values = append(values, fmt.Sprintf(pick("%dms", "%d000us"), i))
		} else {
			values = append(values, fmt.Sprint(i))
		}
	}
	for _, s := range e.strs {
		if s == "" || g.IntN(2) == 0 {
			s = pick(`"`+s+`"`, "'"+s+"'")
		}
		values = append(values, s)
	}
	words := map[string]string{"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
	op := e.op
	if w := words[op]; w != "" && g.IntN(2) == 0 {
		op = w
	}
	if op == "in" {
		return e.name + " in " + pick("("+strings.Join(values, ", ")+")", "{"+strings.Join(values, " ")+"}")
	}
	return e.name + " " + op + " " + values[0]
}

// holds is the truth of the expression, where it is known: fields' values are in messages, nil if nobody looked.
func (e *expression) holds(f facts, messages []facts) Tri {
	switch e.join {
	case "not":
		return -e.kids[0].holds(f, messages)
	case "and":
		t := True
		for _, k := range e.kids {
			t = min(t, k.holds(f, messages))
		}
		return t
	case "or":
		t := False
		for _, k := range e.kids {
			t = max(t, k.holds(f, messages))
		}
		return t
	}
	if !strings.Contains(e.name, ".") {
		return tri(e.fits(f[e.name]))
	}
	if f["protocol"] != "mongodb" {
		return False
	}
	if messages == nil {
		return Undecided
	}
	for _, m := range messages {
		if e.fits(m[e.name]) {
			return True
		}
	}
	return False
}

func (e *expression) fits(v any) bool {
	switch v := v.(type) {
	case nil:
		return e.name == "operation" && e.op != "" && e.fits("")
	case int64:
		return e.op == "" || e.op == "in" && slices.Contains(e.ints, v) ||
			e.op == "==" && v == e.ints[0] || e.op == "!=" && v != e.ints[0] || e.op == "<" && v < e.ints[0] ||
			e.op == "<=" && v <= e.ints[0] || e.op == ">" && v > e.ints[0] || e.op == ">=" && v >= e.ints[0]
	case string:
		return e.op == "" || e.op == "in" && slices.Contains(e.strs, v) || e.op == "contains" && strings.Contains(v, e.strs[0]) ||
			e.op == "==" && v == e.strs[0] || e.op == "!=" && v != e.strs[0] || e.op == "<" && v < e.strs[0] ||
			e.op == "<=" && v <= e.strs[0] || e.op == ">" && v > e.strs[0] || e.op == ">=" && v >= e.strs[0]
	case []string:
		return slices.ContainsFunc(v, func(s string) bool { return e.fits(s) })
	}
	panic(fmt.Sprintf("fact %T", v))
}

// randomRecord is a record, its facts, and the facts and trees of its messages.
func randomRecord(g *rand.Rand) (*record.Record, facts, []facts, []*wire.Tree) {
	r, f := &record.Record{Protocol: "mysql"}, facts{}
	if g.IntN(2) == 0 {
		r.Protocol = "mongodb"
	}
	f["protocol"] = r.Protocol
	for _, name := range numberNames {
		if c, _ := record.ByName(name); g.IntN(3) > 0 {
			n := g.Int64N(5) - 2
			f[name] = n
			if name == "latency" {
				f[name], n = n, n*1e6
			}
			r.Set(c, n)
		}
	}
	for _, name := range textNames {
		if c, _ := record.ByName(name); g.IntN(3) > 0 {
			f[name] = texts[1+g.IntN(len(texts)-1)]
			r.SetText(c, f[name].(string))
		}
	}
	r.Status = record.Status(g.IntN(len(record.Columns[record.StatusOf].Words)))
	f["status"] = r.Status.String()
	r.Doubts = record.Doubts(g.IntN(16))
	var doubts []string
	for i, name := range record.DoubtNames {
		if r.Doubts>>i&1 != 0 {
			doubts = append(doubts, name)
		}
	}
	f["doubts"] = doubts
	messages, list := []facts{}, []*wire.Tree{}
	for range g.IntN(3) {
		m := facts{}
		var w writer
		w.group("mongodb", false, false, func() {
			for _, name := range fieldNames {
				if g.IntN(3) > 0 {
					n := g.Int64N(5) - 2
					m[name] = n
					w.int32(name[len("mongodb."):], int32(n))
				}
			}
		})
		messages, list = append(messages, m), append(list, w.tree())
	}
	return r, f, messages, list
}

func TestAgainstReference(t *testing.T) {
	g := rand.New(rand.NewPCG(1, 2))
	seen := map[Tri]int{}
	for range 20_000 {
		e := randomExpression(g, 4)
		expr := e.write(g)
		f := compile(t, expr)
		again := compile(t, f.String())
		for range 4 {
			r, facts, messages, list := randomRecord(g)
			want := e.holds(facts, nil)
			seen[want]++
			if got := f.Row(r); got != want {
				t.Fatalf("%s of %v: row %d, want %d", expr, facts, got, want)
			}
			if got := again.Row(r); got != want {
				t.Fatalf("%s, spelled %s, of %v: row %d, want %d", expr, f, facts, got, want)
			}
			if got, want := f.Match(r, trees(list...)), e.holds(facts, messages) == True; got != want {
				t.Fatalf("%s of %v with %v: %v, want %v", expr, facts, messages, got, want)
			}
		}
	}
	for _, answer := range []Tri{False, Undecided, True} {
		if seen[answer] < 5000 {
			t.Errorf("only %d answers %d", seen[answer], answer)
		}
	}
}
