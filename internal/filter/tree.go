package filter

import (
	"strings"
	"sync/atomic"

	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/wire"
)

// treeTest asks the fields of one path in the messages of one protocol.
type treeTest struct {
	source
	protocol string
	path     []string // below the protocol's root
	test     test
	bit      uint // in what eval gets

	written     string      // the path as the user wrote it
	looked, met atomic.Bool // whether a message was looked at, and whether one had such a field
}

// tree makes the node of a comparison of a path, which may be another name of several fields.
func (p *parser) tree(path []element, t test) (node, error) {
	written := string(appendPath(nil, path))
	var fields or
	for _, path := range p.resolve(path) {
		n, err := p.field(path, t, written)
		if err != nil {
			return nil, err
		}
		fields = append(fields, n)
	}
	if len(fields) == 1 {
		return fields[0], nil
	}
	return fields, nil
}

// field makes the node of a comparison of a field.
func (p *parser) field(path []element, t test, written string) (node, error) {
	if len(path) > maxPath {
		return nil, p.fail(path[0].pos, "the path is too long")
	}
	trees := p.filter.trees
	if len(trees) == maxTreeTests {
		return nil, p.fail(path[0].pos, "more than %d comparisons of fields", maxTreeTests)
	}
	n := &treeTest{source: newSource(path, t), protocol: path[0].name, test: t, bit: uint(len(trees)), written: written}
	for _, e := range path[1:] {
		n.path = append(n.path, e.name)
	}
	p.filter.trees = append(trees, n)
	return n, nil
}

// resolve replaces the longest beginning of the path that is an alias by each path that it stands for. Elements in quotes are
// nobody's alias.
func (p *parser) resolve(path []element) (paths [][]element) {
	plain := 0
	for plain < len(path) && path[plain].bare {
		plain++
	}
	for n := plain; n > 1; n-- {
		names := make([]string, n)
		for i := range names {
			names[i] = path[i].name
		}
		targets, ok := p.options.Aliases[strings.Join(names, ".")]
		if !ok {
			continue
		}
		for _, target := range targets {
			var out []element
			for name := range strings.SplitSeq(target, ".") {
				out = append(out, element{name: name, pos: path[0].pos})
			}
			paths = append(paths, append(out, path[n:]...))
		}
		return paths
	}
	return [][]element{path}
}

func (n *treeTest) eval(r *record.Record, found uint64, all bool) Tri {
	switch {
	case r.Protocol != n.protocol:
		return False
	case found>>n.bit&1 != 0:
		return True
	case all:
		return False
	}
	return Undecided
}

// level is an open field on the way through a tree. A set bit i of its mask says that the first i elements of the path
// were met on the way to the field.
type level struct {
	end   int // index behind its last descendant
	mask  uint64
	index int // number of array elements among its children so far
}

// ask tells whether a message meets the test, and notes what it saw. Loads are cheap where stores of many cores are not.
func (n *treeTest) ask(t *wire.Tree) bool {
	if !n.looked.Load() {
		n.looked.Store(true)
	}
	fits, met := n.any(t)
	if met && !n.met.Load() {
		n.met.Store(true)
	}
	return fits
}

// any tells whether a field at the end of the path meets the test, and whether there is one. It goes once through the tree and leaves out what
// no beginning of the path leads to.
func (n *treeTest) any(t *wire.Tree) (fits, met bool) {
	var memory [32]level
	open := memory[:0]
	done := uint64(1) << len(n.path)
	for i := 0; i < len(t.Fields); {
		f := &t.Fields[i]
		next := max(int(f.End), i+1)
		for len(open) > 0 && i >= open[len(open)-1].end {
			open = open[:len(open)-1]
		}
		var mask uint64
		if len(open) == 0 {
			if t.Name(f) == n.protocol {
				mask = 1
			}
		} else {
			mask = n.step(t, f, &open[len(open)-1])
		}
		if mask == 0 {
			i = next
			continue
		}
		if mask&done != 0 {
			if met = true; n.fits(t, f) {
				return true, true
			}
		}
		open = append(open, level{end: next, mask: mask})
		i++
	}
	return false, met
}

// step is the mask of f, a child of a level.
func (n *treeTest) step(t *wire.Tree, f *wire.Field, in *level) (mask uint64) {
	index := -1
	if f.Index {
		mask, index = in.mask, in.index
		in.index++
	}
	name := t.Name(f)
	for i, e := range n.path {
		if in.mask>>i&1 != 0 && (name == e || index >= 0 && isIndex(e, index)) {
			mask |= 2 << i
		}
	}
	return mask
}

// fits asks a field at the end of the path. What is secret meets no comparison, and what was not all kept meets none
// but contains.
func (n *treeTest) fits(t *wire.Tree, f *wire.Field) bool {
	if n.test.op == present {
		return true
	}
	f = t.Shown(f)
	if f == nil || f.Class == wire.Secret {
		return false
	}
	if n.test.op != contains && len(t.Bytes(f)) < f.Len {
		return false
	}
	switch f.Kind {
	case wire.Unsigned:
		return n.test.ofNumber(fromUint(f.Num), f.Label)
	case wire.Signed:
		return n.test.ofNumber(number{kind: signed, i: int64(f.Num)}, f.Label)
	case wire.Float:
		return n.test.ofNumber(fromBits(f.Num), f.Label)
	case wire.Bit:
		label := "false"
		if f.Num != 0 {
			label = "true"
		}
		return n.test.ofNumber(fromUint(f.Num), label)
	case wire.Text:
		return n.test.ofText(borrow(t.Content(f)))
	case wire.Octets:
		b := t.Content(f)
		switch {
		case f.Label != "":
			return n.test.ofText(f.Label)
		case f.Type != nil && len(t.Bytes(f)) == f.Len:
			var buf [64]byte
			text := borrow(f.Type.Append(buf[:0], b))
			if f.Type.Word {
				if n.test.op.orders() {
					return false
				}
				for _, v := range n.test.values { // null is NULL
					if strings.EqualFold(v.text, text) {
						text = v.text
					}
				}
			}
			return n.test.ofTyped(text)
		}
		return n.test.ofBytes(b)
	}
	return false
}
