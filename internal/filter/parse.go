package filter

import (
	"cmp"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/dbtap/dbtap/internal/record"
)

// parser makes nodes of tokens, by recursive descent:
//
//	or         = and { ("||" | "or") and }
//	and        = unary { ("&&" | "and") unary }
//	unary      = ("!" | "not") unary | "(" or ")" | comparison
//	comparison = path [ operator value | "in" ( value | set ) ]
//	set        = ("(" | "{") value { [","] value } (")" | "}")
type parser struct {
	lexer
	options Options
	filter  *Filter
	depth   int
}

func (p *parser) parse() (node, error) {
	if err := p.next(); err != nil {
		return nil, err
	}
	n, err := p.or()
	if err != nil {
		return nil, err
	}
	switch t := p.tok; {
	case t.kind == end:
		return n, nil
	case t.text == ")":
		return nil, p.fail(t.pos, "this ) closes nothing")
	case t.kind == symbol:
		return nil, p.fail(t.pos, "%s is out of place here", t.text)
	default:
		return nil, p.fail(t.pos, "an operator is missing here: == != < <= > >= contains matches in && ||")
	}
}

// is tells whether the current token is the symbol or the word.
func (p *parser) is(sym, name string) bool {
	return p.tok.kind == symbol && p.tok.text == sym || p.tok.kind == word && strings.EqualFold(p.tok.text, name)
}

func (p *parser) or() (node, error) {
	nodes, err := p.joined("||", "or", func() (node, error) {
		nodes, err := p.joined("&&", "and", p.unary)
		if len(nodes) == 1 {
			return nodes[0], err
		}
		return and(nodes), err
	})
	if len(nodes) == 1 {
		return nodes[0], err
	}
	return or(nodes), err
}

// joined parses one part or more with an operator between them.
func (p *parser) joined(sym, name string, part func() (node, error)) (nodes []node, err error) {
	for {
		n, err := part()
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
		if !p.is(sym, name) {
			return nodes, nil
		}
		if err := p.next(); err != nil {
			return nil, err
		}
	}
}

func (p *parser) unary() (node, error) {
	t := p.tok
	if p.depth++; p.depth > maxDepth {
		return nil, p.fail(t.pos, "more than %d parentheses or nots inside each other", maxDepth)
	}
	defer func() { p.depth-- }()
	switch {
	case p.is("!", "not"):
		if err := p.next(); err != nil {
			return nil, err
		}
		n, err := p.unary()
		return not{n}, err
	case p.is("(", ""):
		if err := p.next(); err != nil {
			return nil, err
		}
		n, err := p.or()
		if err != nil {
			return nil, err
		}
		if p.tok.text != ")" || p.tok.kind != symbol {
			if p.tok.kind != end {
				return nil, p.fail(p.tok.pos, "an operator or a closing parenthesis is missing here")
			}
			return nil, p.fail(t.pos, "the parenthesis that opens here is not closed")
		}
		return n, p.next()
	case t.kind == word:
		return p.comparison()
	case t.kind == end:
		return nil, p.fail(t.pos, "a comparison is missing at the end")
	}
	return nil, p.fail(t.pos, "a comparison begins with a column's name, not with %s", t.text)
}

func (p *parser) comparison() (node, error) {
	t := p.tok
	path, err := p.path(t)
	if err != nil {
		return nil, err
	}
	if err := p.next(); err != nil {
		return nil, err
	}
	test, err := p.test()
	if err != nil {
		return nil, err
	}
	if test.op == equal || test.op == within {
		test.folded = new(atomic.Bool)
		p.filter.folds = append(p.filter.folds, folding{newSource(path, test), test.folded})
	}
	return p.node(path, test)
}

// test parses an operator and its values, if there is one.
func (p *parser) test() (test, error) {
	var t test
	at := p.tok
	for op := equal; int(op) < len(operators); op++ {
		o := &operators[op]
		if at.kind == symbol && at.text == o.symbol ||
			at.kind == word && slices.ContainsFunc(o.words, func(w string) bool { return strings.EqualFold(at.text, w) }) {
			t.op = op
		}
	}
	if t.op == present {
		return t, nil
	}
	if err := p.next(); err != nil {
		return t, err
	}
	closing := map[string]string{"(": ")", "{": "}"}[p.tok.text]
	if p.tok.kind != symbol || closing == "" {
		return t, p.one(&t, at)
	}
	open := p.tok
	if t.op != within {
		return t, p.fail(open.pos, "%s takes one value; a set of them is asked with in", t.op)
	}
	if err := p.next(); err != nil {
		return t, err
	}
	for p.tok.text != closing || p.tok.kind != symbol {
		if p.tok.kind == end {
			return t, p.fail(open.pos, "the set that opens here is not closed")
		}
		if err := p.one(&t, at); err != nil {
			return t, err
		}
		if p.is(",", "") {
			if err := p.next(); err != nil {
				return t, err
			}
		}
	}
	if len(t.values) == 0 {
		return t, p.fail(open.pos, "the set is empty")
	}
	return t, p.next()
}

// one parses a value of the operator at.
func (p *parser) one(t *test, at token) error {
	switch p.tok.kind {
	case end:
		return p.fail(p.tok.pos, "a value is missing after %s", at.text)
	case symbol:
		return p.fail(p.tok.pos, "a value is missing before %s", p.tok.text)
	}
	v, err := p.value(p.tok, t.op)
	if err != nil {
		return err
	}
	t.values = append(t.values, v)
	return p.next()
}

// node makes the node of a comparison: the path's first element says which kind.
func (p *parser) node(path []element, t test) (node, error) {
	first := path[0]
	if c, ok := record.ByName(first.name); ok {
		p.filter.columns |= 1 << c
		if c == record.AttributesOf {
			return p.attribute(path, t)
		}
		if len(path) > 1 {
			return nil, p.fail(path[1].pos, "%s is a column without parts", first.name)
		}
		return p.column(c, t)
	}
	if slices.Contains(p.options.Protocols, p.resolve(path)[0][0].name) {
		p.filter.columns |= 1 << record.Protocol
		if len(path) == 1 {
			if t.op != present {
				return nil, p.fail(first.pos, "%s is a protocol: compare one of its fields, as in %[1]s.field == 1", first.name)
			}
			// A protocol's name alone chooses its records.
			name := value{text: first.name, quoted: true}
			return p.column(record.Protocol, test{op: equal, values: []value{name}})
		}
		return p.tree(path, t)
	}
	if column := otherNames[strings.ToLower(first.name)]; column != "" && len(path) == 1 {
		return nil, p.fail(first.pos, "unknown column %q; did you mean %q?", first.name, column)
	}
	if _, ok := p.options.Attributes[first.name]; ok && len(path) == 1 {
		return nil, p.fail(first.pos, "unknown column %q; did you mean %q?", first.name, "attributes."+first.name)
	}
	known := slices.Clone(p.options.Protocols)
	for i := range record.Columns {
		known = append(known, record.Columns[i].Name)
	}
	what := "column"
	near := Nearest(first.name, known)
	if len(path) > 1 {
		if err := p.otherName(path); near == "" && err != nil {
			return nil, err
		}
		what = "protocol"
	}
	near = cmp.Or(near, NearestProtocol(first.name, p.options.Protocols))
	return nil, p.fail(first.pos, "unknown %s %q%s", what, first.name, meant(near))
}

// otherName says what is wrong with a path that begins as other names of fields do, and is none.
func (p *parser) otherName(path []element) error {
	var names []string
	protocol := ""
	prefix := path[0].name + "."
	for name, fields := range p.options.Aliases {
		if name, ok := strings.CutPrefix(name, prefix); ok {
			names = append(names, name)
			protocol, _, _ = strings.Cut(fields[0], ".")
		}
	}
	if names == nil {
		return nil
	}
	slices.Sort(names)
	written := string(appendPath(nil, path))
	near := Nearest(strings.TrimPrefix(written, prefix), names)
	if near != "" {
		near = prefix + near
	}
	return p.fail(path[0].pos, "%q is no other name of a field of %s%s; dbtap protocols %[2]s lists them", written, protocol, meant(near))
}

// newSource is the text of a comparison of path.
func newSource(path []element, t test) source {
	return source(t.append(appendPath(nil, path)))
}

func appendPath(dst []byte, path []element) []byte {
	dst = append(dst, path[0].name...)
	for _, e := range path[1:] {
		dst = appendName(append(dst, '.'), e.name)
	}
	return dst
}

// append writes the operator and the values.
func (t *test) append(dst []byte) []byte {
	if t.op == present {
		return dst
	}
	dst = append(dst, ' ')
	dst = append(dst, t.op.String()...)
	dst = append(dst, ' ')
	if t.op != within {
		return t.values[0].append(dst)
	}
	dst = append(dst, '(')
	for i := range t.values {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = t.values[i].append(dst)
	}
	return append(dst, ')')
}
