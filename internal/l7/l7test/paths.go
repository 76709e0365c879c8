package l7test

import (
	"encoding/hex"
	"fmt"
	"iter"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/filter"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/wire"
)

// pathsOf is how many paths of one message are tried. What comes later has other values, but seldom other names.
const pathsOf = 300

// maxLiteral is how many bytes a value has that is looked for: filters are short.
const maxLiteral = 200

// paths: a field that a tree shows is found by its path and its value, with elements of arrays named and not, and what is
// secret is not.
func (s *suite) paths(t *testing.T) {
	fail := newReport(t)
	options := filter.Options{Protocols: []string{s.p.Name}, Aliases: s.p.Aliases}
	found, hidden := 0, 0
	for _, m := range s.shapes {
		var tree wire.Tree
		m.Tree(s.p, &tree)
		tried := map[string]bool{}
		for i := range tree.Fields {
			f := &tree.Fields[i]
			v := tree.Shown(f)
			if v == nil || v.Kind == wire.Hole || len(tree.Bytes(v)) < v.Len || v.Len > maxLiteral {
				continue
			}
			for _, path := range []string{path(&tree, f, true), path(&tree, f, false)} {
				expr := path + " == " + literal(&tree, v)
				if tried[expr] || len(tried) == pathsOf || path == s.p.Name {
					continue
				}
				tried[expr] = true
				chosen, err := filter.Compile(expr, options)
				if err != nil {
					fail.errorf("%v: %s: %v", m, expr, err)
					continue
				}
				r := record.Record{Protocol: s.p.Name}
				switch match := chosen.Match(&r, only(&tree)); {
				case v.Class == wire.Secret && match:
					fail.errorf("%v: what is secret is found by %s", m, expr)
				case v.Class == wire.Secret:
					hidden++
				case !match:
					fail.errorf("%v: nothing is found by %s", m, expr)
				default:
					found++
				}
			}
		}
	}
	t.Logf("%d fields found by their paths, %d secret ones not", found, hidden)
	if found == 0 {
		t.Error("no field was looked for")
	}
}

func only(t *wire.Tree) iter.Seq[*wire.Tree] { return func(yield func(*wire.Tree) bool) { yield(t) } }

var bare = regexp.MustCompile(`^[\pL\pN_$-]+$`)

// path is the way to f, with elements of arrays or without.
func path(t *wire.Tree, f *wire.Field, elements bool) string {
	name := t.Name(f)
	switch {
	case f.Parent < 0:
		return name
	case f.Index && !elements:
		return path(t, &t.Fields[f.Parent], elements)
	case !bare.MatchString(name):
		name = strconv.Quote(name)
	}
	return path(t, &t.Fields[f.Parent], elements) + "." + name
}

// literal is a value as a filter writes it.
func literal(t *wire.Tree, f *wire.Field) string {
	text := Shown(t, f)
	switch {
	case f.Kind == wire.Bit:
		return strconv.FormatUint(f.Num, 10)
	case f.Label == "" && f.Kind != wire.Octets && f.Kind != wire.Text:
		return text
	case f.Label == "" && f.Kind == wire.Octets && f.Type == nil:
		text = hex.EncodeToString([]byte(text))
	}
	var s strings.Builder
	for _, c := range []byte(text) {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			fmt.Fprintf(&s, `\x%02x`, c)
		} else {
			s.WriteByte(c)
		}
	}
	return `"` + s.String() + `"`
}
