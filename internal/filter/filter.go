// Package filter knows the language in which users choose rows: comparisons of a record's columns and of the fields
// of its messages, joined by and, or and not. It knows no protocol: callers hand it the names that tree paths may begin
// with, and the other names that protocols' fields have.
//
// Evaluation has two steps, because records are cheap and trees are not. Row decides from the columns alone wherever it
// can; only where it answers Undecided does Match look at the exchange's messages. The language is described for
// users in filter.md, which Help prints.
package filter

import (
	"iter"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/wire"
)

const (
	// maxLength bounds an expression, in bytes: far more than people write, and a set of a thousand values fits.
	maxLength = 64 << 10
	// maxDepth bounds nested parentheses and nots: the parser and the evaluation recurse.
	maxDepth = 100
	// maxPath bounds the elements of a path: a walk keeps one bit of a word for each place in it.
	maxPath = 63
	// maxTreeTests bounds the comparisons of fields: Match keeps one bit of a word for each.
	maxTreeTests = 64
)

// Options are what a filter must be told about protocols.
type Options struct {
	// Protocols are the names that the column protocol can have and that tree paths begin with. Where there are none,
	// any word may be compared with the column, and there are no tree paths.
	Protocols []string
	// Aliases are other names of fields, as dotted paths, for those that begin with a protocol's name: mongodb.opcode ->
	// mongodb.opCode. The longest alias that begins a path is replaced, once. One for several fields stands for any of them.
	Aliases map[string][]string
	// Attributes are the names that attributes can have, with their kinds. Where there are none, any name is taken.
	Attributes map[string]record.Kind
}

// Tri is an answer of three-valued logic. The order False, Undecided, True makes and the minimum, or the maximum and
// not the sign.
type Tri int8

// The answers: Undecided says that fields of messages decide.
const (
	False     Tri = -1
	Undecided Tri = 0
	True      Tri = 1
)

func tri(b bool) Tri {
	if b {
		return True
	}
	return False
}

// Filter is a compiled expression. Any number of goroutines may use it: what changes in it is only which fields and texts were met.
type Filter struct {
	root    node
	columns uint64
	asked   []string // names of attributes
	trees   []*treeTest
	folds   []folding
}

// folding is a comparison with == or in, as it can be compiled again.
type folding struct {
	source
	met *atomic.Bool // but for case
}

// node is a part of an expression.
type node interface {
	// eval answers for r. Bit n of found says that some message met tree test n; all says that every message was
	// looked at, so that what was not found is not there.
	eval(r *record.Record, found uint64, all bool) Tri
	// append writes the part as it can be compiled again. What stands in binds tighter than the part needs parentheses.
	append(dst []byte, in binding) []byte
}

// Compile makes a filter of an expression. The empty expression chooses everything. Errors are of type *SyntaxError.
func Compile(expr string, o Options) (*Filter, error) {
	if len(expr) > maxLength {
		return nil, &SyntaxError{Expr: expr[:maxLength], Offset: maxLength, Msg: "the filter is too long"}
	}
	f := &Filter{root: and{}}
	if strings.TrimSpace(expr) == "" {
		return f, nil
	}
	p := parser{lexer: lexer{src: expr}, options: o, filter: f}
	root, err := p.parse()
	if err != nil {
		return nil, err
	}
	f.root = root
	return f, nil
}

// Row answers from the columns of r alone. It allocates only to read JSON text with escapes, and to look for a part
// of a number.
func (f *Filter) Row(r *record.Record) Tri { return f.root.eval(r, 0, false) }

// NeedsTree tells whether there are records for which Row answers Undecided.
func (f *Filter) NeedsTree() bool { return len(f.trees) > 0 }

// Columns is the set of columns that Row reads: bit 1<<c for column c.
func (f *Filter) Columns() uint64 { return f.columns }

// Attributes are the names of the attributes that Row reads.
func (f *Filter) Attributes() []string { return f.asked }

// Match answers for r and the field trees of its exchange's messages, which it takes one after the other and only as
// far as it needs them. A tree is borrowed until the next one is taken.
//
// Each comparison of fields is true if any field of any message meets it; what and, or and not join are those truths.
// So `mongodb.body.find == "users" && mongodb.body.ok == 0` finds an exchange of which the request meets the first
// comparison and the answer the second, and `!(mongodb.body.ok == 1)` one of which no message has such a field.
func (f *Filter) Match(r *record.Record, trees iter.Seq[*wire.Tree]) bool {
	if t := f.Row(r); t != Undecided {
		return t == True
	}
	var found uint64
	for t := range trees {
		before := found
		for i, test := range f.trees {
			if found&(1<<i) == 0 && test.protocol == r.Protocol && test.ask(t) {
				found |= 1 << i
			}
		}
		if found != before {
			if a := f.root.eval(r, found, false); a != Undecided {
				return a == True
			}
		}
	}
	return f.root.eval(r, found, true) == True
}

// Unmet are the paths of fields that were looked for, and of which no message so far had any, as the user wrote them.
func (f *Filter) Unmet() (paths []string) {
	for _, t := range f.trees {
		found := func(o *treeTest) bool { return o.written == t.written && o.met.Load() } // it may stand for several fields
		if t.looked.Load() && !slices.ContainsFunc(f.trees, found) && !slices.Contains(paths, t.written) {
			paths = append(paths, t.written)
		}
	}
	return paths
}

// Folded are the comparisons with == and in that some text would have met if case did not count.
func (f *Filter) Folded() (comparisons []string) {
	for _, c := range f.folds {
		if c.met.Load() {
			comparisons = append(comparisons, string(c.source))
		}
	}
	return comparisons
}

// String is the expression in one spelling, which compiles to an equal filter: to show how it was read.
func (f *Filter) String() string { return string(f.root.append(nil, byOr)) }

// binding is how tightly an operator holds its operands.
type binding uint8

const (
	byOr binding = iota
	byAnd
	byNot
)

type and []node

func (n and) eval(r *record.Record, found uint64, all bool) Tri {
	least := True
	for _, x := range n {
		if least = min(least, x.eval(r, found, all)); least == False {
			break
		}
	}
	return least
}

func (n and) append(dst []byte, in binding) []byte { return appendJoined(dst, n, byAnd, in) }

type or []node

func (n or) eval(r *record.Record, found uint64, all bool) Tri {
	most := False
	for _, x := range n {
		if most = max(most, x.eval(r, found, all)); most == True {
			break
		}
	}
	return most
}

func (n or) append(dst []byte, in binding) []byte { return appendJoined(dst, n, byOr, in) }

func appendJoined(dst []byte, nodes []node, by, in binding) []byte {
	if in > by {
		dst = append(dst, '(')
	}
	for i, x := range nodes {
		if i > 0 {
			dst = append(dst, [...]string{byOr: " || ", byAnd: " && "}[by]...)
		}
		dst = x.append(dst, by)
	}
	if in > by {
		dst = append(dst, ')')
	}
	return dst
}

type not struct{ node }

func (n not) eval(r *record.Record, found uint64, all bool) Tri { return -n.node.eval(r, found, all) }

func (n not) append(dst []byte, _ binding) []byte {
	return n.node.append(append(dst, "not "...), byNot)
}

// source is the text of a single comparison.
type source string

func (s source) append(dst []byte, _ binding) []byte { return append(dst, s...) }
