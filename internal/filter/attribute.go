package filter

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dbtap/dbtap/internal/record"
)

// attributeTest asks the attributes of one name. Which kind they have only the record says.
type attributeTest struct {
	source
	name string
	path []string // into an attribute that is JSON
	test test
}

func (p *parser) attribute(path []element, t test) (node, error) {
	if len(path) == 1 {
		if t.op != present {
			return nil, p.fail(path[0].pos, "attributes is an object: compare one of them, as in attributes.cursor_id == 1")
		}
		return &hasColumn{newSource(path, t), record.AttributesOf, false}, nil
	}
	if known := p.options.Attributes; len(known) > 0 {
		if err := p.known(path, t, known); err != nil {
			return nil, err
		}
	}
	p.filter.asked = append(p.filter.asked, path[1].name)
	n := &attributeTest{source: newSource(path, t), name: path[1].name, test: t}
	for _, e := range path[2:] {
		n.path = append(n.path, e.name)
	}
	return n, nil
}

// known checks a comparison of an attribute against those that there are.
func (p *parser) known(path []element, t test, known map[string]record.Kind) error {
	name := path[1].name
	kind, ok := known[name]
	if !ok {
		names := slices.Sorted(maps.Keys(known))
		if hint := didYouMean(name, names); hint != "" {
			return p.fail(path[1].pos, "no protocol has an attribute %q%s", name, hint)
		}
		return p.fail(path[1].pos, "no protocol has an attribute %q; there are %s", name, strings.Join(names, ", "))
	}
	if len(path) > 2 && kind != record.JSON {
		return p.fail(path[2].pos, "attributes.%s has no parts", name)
	}
	if t.op == present || t.op == contains || t.op == matches {
		return nil
	}
	for i := range t.values {
		v := &t.values[i]
		switch {
		case kind == record.Count && v.number.kind == none:
			return p.fail(v.pos, "attributes.%s is a number: write a whole number", name)
		case kind == record.Duration && !v.isSpan:
			return p.fail(v.pos, "attributes.%s is a duration: write %s", name, example(kind, v.text))
		case kind == record.Flag && (t.op != equal || v.text != "true" && v.text != "1"):
			return p.fail(v.pos, "attributes.%s is a flag: write attributes.%[1]s, or !attributes.%[1]s", name)
		}
	}
	return nil
}

func (n *attributeTest) eval(r *record.Record, _ uint64, _ bool) Tri {
	for i := range r.Attributes {
		if a := &r.Attributes[i]; a.Name == n.name && n.fits(a) {
			return True
		}
	}
	return False
}

func (n *attributeTest) fits(a *record.Attribute) bool {
	if a.Kind == record.JSON {
		w := jsonWalk{in: a.Text, path: n.path, test: &n.test}
		w.value(1)
		return w.found
	}
	if len(n.path) > 0 {
		return false
	}
	switch a.Kind {
	case record.Flag:
		if n.test.op == present || a.Num == 0 {
			return n.test.op == present && a.Num != 0
		}
		return n.test.ofNumber(number{kind: signed, i: 1}, "true")
	case record.Duration:
		return n.test.ofSpan(time.Duration(a.Num))
	case record.Text:
		return n.test.ofText(borrow(a.Text))
	}
	return n.test.ofNumber(number{kind: signed, i: a.Num}, "")
}

// jsonWalk goes once through a JSON text and asks every value at the end of a path. A set bit i of a mask says that
// the first i elements of the path were met on the way to a value. Elements of lists are met by their number, and
// also by leaving it out.
type jsonWalk struct {
	in    []byte
	at    int
	path  []string
	test  *test
	depth int
	found bool
	text  []byte // memory for text with escapes
}

// maxJSONDepth bounds lists and objects inside each other, because the walk recurses; attributes have a few.
const maxJSONDepth = 64

// stop ends the walk, which what is no JSON does as well.
func (w *jsonWalk) stop() { w.at = len(w.in) }

// peek is the next byte that is no space, 0 at the end.
func (w *jsonWalk) peek() byte {
	for ; w.at < len(w.in); w.at++ {
		if c := w.in[w.at]; c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c
		}
	}
	return 0
}

func (w *jsonWalk) value(mask uint64) {
	here := mask>>len(w.path)&1 != 0
	switch c := w.peek(); c {
	case '{', '[':
		if w.depth++; w.depth > maxJSONDepth {
			w.stop()
			return
		}
		if here && w.test.op == present {
			w.found = true
		}
		w.members(c, mask)
		w.depth--
	case '"':
		if s := w.string(here); here && w.test.ofText(borrow(s)) {
			w.found = true
		}
	default:
		from := w.at
		for w.at < len(w.in) && w.in[w.at] > ' ' && w.in[w.at] != ',' && w.in[w.at] != ']' && w.in[w.at] != '}' {
			w.at++
		}
		s := borrow(w.in[from:w.at])
		if s == "" {
			w.stop()
			return
		}
		if !here {
			return
		}
		n := parseNumber(s)
		if n.kind == none && w.test.ofText(s) || n.kind != none && w.test.ofNumber(n, "") {
			w.found = true
		}
	}
	if w.found {
		w.stop()
	}
}

// members goes through what stands between brackets.
func (w *jsonWalk) members(open byte, mask uint64) {
	w.at++
	for i := 0; ; i++ {
		c := w.peek()
		if c == ',' && i > 0 {
			w.at++
			c = w.peek()
		}
		if c == 0 {
			return
		}
		if c == open+2 { // ] and } are two behind [ and {
			w.at++
			return
		}
		var in uint64
		if open == '[' {
			in = mask | w.step(mask, "", i)
		} else {
			if c != '"' {
				w.stop()
				return
			}
			in = w.step(mask, borrow(w.string(mask != 0)), -1)
			if w.peek() != ':' {
				w.stop()
				return
			}
			w.at++
		}
		w.value(in)
	}
}

// step is the mask behind a member of that name, or of that number where it has none.
func (w *jsonWalk) step(mask uint64, name string, index int) (next uint64) {
	for i, e := range w.path {
		if mask>>i&1 != 0 && (index < 0 && e == name || index >= 0 && isIndex(e, index)) {
			next |= 2 << i
		}
	}
	return next
}

// isIndex tells whether s is the number i.
func isIndex(s string, i int) bool {
	var buf [20]byte
	return s != "" && s[0] >= '0' && s[0] <= '9' && s == string(strconv.AppendInt(buf[:0], int64(i), 10))
}

// string reads a text in quotes; escapes stay in it unless it is wanted. It is borrowed until the next one.
func (w *jsonWalk) string(wanted bool) []byte {
	w.at++
	from, plain := w.at, true
	for ; w.at < len(w.in); w.at++ {
		switch w.in[w.at] {
		case '\\':
			plain = false
			w.at++
		case '"':
			s := w.in[from:w.at]
			w.at++
			if plain || !wanted {
				return s
			}
			return w.unescape(s)
		}
	}
	w.stop()
	return nil
}

func (w *jsonWalk) unescape(s []byte) []byte {
	out := w.text[:0]
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			out = append(out, s[i])
			continue
		}
		i++
		switch s[i] {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, n := hexRune(s[i+1:])
			i += n
			if r >= 0xD800 && r < 0xDC00 && i+2 < len(s) && s[i+1] == '\\' && s[i+2] == 'u' {
				if low, m := hexRune(s[i+3:]); low >= 0xDC00 && low < 0xE000 {
					r = (r-0xD800)<<10 + (low - 0xDC00) + 0x10000
					i += 2 + m
				}
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, s[i])
		}
	}
	w.text = out
	return out
}

// hexRune reads four hexadecimal digits.
func hexRune(s []byte) (r rune, n int) {
	if len(s) < 4 {
		return utf8.RuneError, 0
	}
	u, err := strconv.ParseUint(string(s[:4]), 16, 16)
	if err != nil {
		return utf8.RuneError, 0
	}
	return rune(u), 4
}
