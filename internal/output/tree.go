package output

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dbtap/dbtap/internal/wire"
)

// TreeOptions say what is shown of a message, and how.
type TreeOptions struct {
	Width  int // of the terminal in cells; 0: nothing is cut
	Color  bool
	Values bool // users' data too; secrets are never shown
	// All shows fields too that say how the message is laid out: lengths, terminators, names. Every field has a line of
	// its own then, in the order of their bytes.
	All  bool
	Hole string // what bytes are that are not there; "": not kept
}

const (
	// hexBytes is how many bytes of a field a line shows: the longest numbers whole, and the tree still has room.
	hexBytes = 8
	// longText is how many bytes of a text a line shows: nobody reads more, and a sender may write megabytes.
	longText = 16 << 10
	// longName is how many bytes of a name that the message gives a line shows.
	longName = 1 << 10
	// octets is how many bytes without a type a value shows.
	octets = 32
	// maxIndent bounds the indentation, in levels: deeper fields stand below each other.
	maxIndent = 40
	// minValue is the least width of what stands right of the bytes, however narrow the terminal.
	minValue = 20
)

// Tree writes field trees beside the bytes: a line a field as "name = value", at its left the offset and the bytes. Only
// fields have bytes there, groups have their length, so that bytes are hidden wherever their value is.
type Tree struct {
	buffer
	options TreeOptions
	levels  []int // depth of each field of the message
	text    []byte
}

// NewTree makes a writer to w.
func NewTree(w io.Writer, o TreeOptions) *Tree { return &Tree{buffer: buffer{w: w}, options: o} }

// Message writes a message: a line with header, the fields, and a line for err unless it is nil.
func (w *Tree) Message(header string, t *wire.Tree, err *wire.Error) error {
	w.line(bold, header)
	digits := 4
	for i := range t.Buffers {
		digits = max(digits, len(strconv.FormatInt(int64(t.Buffers[i].Size), 16)))
	}
	w.levels = append(w.levels[:0], make([]int, len(t.Fields))...)
	buffer := uint16(0)
	for i, next := 0, 0; i < len(t.Fields); i = next {
		f := &t.Fields[i]
		if next = i + 1; (f.Detail || f.Kind == wire.Bit && f.Num == 0) && !w.options.All { // of bits those that are set tell
			next = max(next, int(f.End))
			continue
		}
		level := 0
		if f.Parent >= 0 {
			level = w.levels[f.Parent] + 1
		}
		w.levels[i] = level
		if f.Buffer != buffer {
			buffer = f.Buffer
			b, name := &t.Buffers[buffer], "message"
			if buffer > 0 {
				name = b.Name
			}
			w.line(dim, fmt.Sprintf("-- buffer %d: %s, %s --", buffer, name, bytesOf(b.Size)))
		}
		if f.Kind == wire.Group && f.Len == 0 && int(f.End) == i+1 && (err != nil || w.options.Hole != "") {
			continue // nothing of it is there
		}
		w.field(t, f, digits, level)
		if err := w.settle(); err != nil {
			return err
		}
	}
	if t.More > 0 {
		w.line(dim, fmt.Sprintf("... %d more fields are not shown", t.More))
	}
	if err != nil {
		kind := "malformed"
		if err.Kind == wire.Cut {
			kind = "cut"
		}
		w.line(red, "!! "+kind+": "+err.Error())
	}
	return w.settle()
}

// Note writes a line that says what is wrong, beside messages.
func (w *Tree) Note(s string) error {
	w.line(red, s)
	return w.settle()
}

// Gap writes an empty line, which sets exchanges apart.
func (w *Tree) Gap() { w.b = append(w.b, '\n') }

// line writes a line of its own.
func (w *Tree) line(color, s string) {
	if w.options.Color {
		w.b = append(w.b, color...)
	}
	w.b, _ = appendCells(w.b, s, w.options.Width, false)
	if w.options.Color {
		w.b = append(w.b, reset...)
	}
	w.b = append(w.b, '\n')
}

// field writes the line of f.
func (w *Tree) field(t *wire.Tree, f *wire.Field, digits, level int) {
	shown := t.Shown(f)
	if w.options.All && f.Kind == wire.Group {
		shown = nil // what stands for it has its own line
	}
	at := f
	if shown != nil {
		at = shown
	}
	w.text = appendHex(w.text[:0], uint64(at.Off), digits)
	w.text = append(w.text, "  "...)
	left := len(w.text) + 3*hexBytes + 2 // an ellipsis and two spaces
	switch {
	case shown == nil:
		w.text = append(w.text, '(')
		w.text = append(w.text, bytesOf(f.Len)...)
		w.text = append(w.text, ')')
	case w.hides(shown):
		w.text = append(w.text, ".."...)
	case shown.Kind != wire.Bit && shown.Kind != wire.Hole:
		b := t.Bytes(shown)
		for i, c := range b[:min(len(b), hexBytes)] {
			if i > 0 {
				w.text = append(w.text, ' ')
			}
			w.text = append(w.text, hexDigits[c>>4], hexDigits[c&15])
		}
		if shown.Len > hexBytes || shown.Len > len(b) {
			w.text = append(w.text, ellipsis...)
		}
	}
	if w.options.Color {
		w.b = append(w.b, dim...)
	}
	w.b = append(w.b, w.text...)
	if w.options.Color {
		w.b = append(w.b, reset...)
	}
	indent := 2 * min(level, maxIndent)
	w.b = append(w.b, strings.Repeat(" ", max(left+indent-utf8.RuneCount(w.text), 0))...)
	limit := 0
	if w.options.Width > 0 {
		limit = max(w.options.Width-left-indent, minValue)
	}
	w.text = appendTitle(w.text[:0], nameOf(t, f))
	if shown != nil {
		w.text = append(w.text, " = "...)
		w.text = w.appendValue(w.text, t, shown)
	}
	w.b, _ = appendCells(w.b, borrow(w.text), limit, false)
	w.b = append(w.b, '\n')
}

// bytesOf is "1 byte" or "2 bytes".
func bytesOf(n int) string {
	if n == 1 {
		return "1 byte"
	}
	return strconv.Itoa(n) + " bytes"
}

func appendHex(dst []byte, v uint64, digits int) []byte {
	for i := digits - 1; i >= 0; i-- {
		dst = append(dst, hexDigits[v>>(4*i)&15])
	}
	return dst
}

// hides tells whether nobody may see the value of f.
func (w *Tree) hides(f *wire.Field) bool {
	return f.Kind != wire.Hole && (f.Class == wire.Secret || f.Class == wire.Value && !w.options.Values)
}

// appendTitle appends a field's name, which may come from the message: in quotes where a filter's path needs them.
func appendTitle(dst []byte, name string) []byte {
	odd := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '$' && r != '-'
	}
	if name == "" || strings.IndexFunc(name, odd) >= 0 {
		return strconv.AppendQuote(dst, name)
	}
	return append(dst, name...)
}

// nameOf is the name of a field, as much of it as a line shows.
func nameOf(t *wire.Tree, f *wire.Field) string {
	name := t.Name(f)
	if len(name) > longName {
		name = name[:longName] + ellipsis
	}
	return name
}

// appendValue appends the value of f, which is no group.
func (w *Tree) appendValue(dst []byte, t *wire.Tree, f *wire.Field) []byte {
	switch {
	case f.Kind == wire.Hole:
		return append(append(append(dst, bytesOf(f.Len)...), ' '), cmp.Or(w.options.Hole, "not kept")...)
	case w.hides(f) && f.Type != nil && f.Type.Mask != nil:
		masked := f.Type.Mask(nil, t.Content(f))
		dst = strconv.AppendQuote(dst, borrow(masked[:min(len(masked), longText)]))
		if len(masked) > longText {
			dst = append(dst, ellipsis...)
		}
		return dst
	case f.Class == wire.Secret:
		return append(dst, "(hidden)"...)
	case w.hides(f):
		return append(dst, '?')
	}
	var memory [32]byte
	number := memory[:0]
	switch f.Kind {
	case wire.Text:
		text := t.Content(f)
		dst = strconv.AppendQuote(dst, borrow(text[:min(len(text), longText)]))
		if len(t.Bytes(f)) < f.Len || len(text) > longText {
			dst = append(append(append(dst, ellipsis+" ("...), bytesOf(f.Len)...), ')')
		}
		return dst
	case wire.Octets:
		return appendOctets(dst, t, f)
	case wire.Signed:
		number = strconv.AppendInt(number, int64(f.Num), 10)
	case wire.Float:
		number = strconv.AppendFloat(number, math.Float64frombits(f.Num), 'g', -1, 64)
	default:
		number = strconv.AppendUint(number, f.Num, 10)
	}
	switch f.Label {
	case "":
		return append(dst, number...)
	case "true", "false": // the name is the value
		return append(dst, f.Label...)
	}
	return fmt.Appendf(dst, "%s (%s)", f.Label, number)
}

// appendOctets appends bytes as their type, their name or hexadecimal digits show them.
func appendOctets(dst []byte, t *wire.Tree, f *wire.Field) []byte {
	b := t.Content(f)
	whole := len(t.Bytes(f)) == f.Len
	switch {
	case f.Label != "":
		return append(dst, f.Label...)
	case f.Type != nil && whole:
		return f.Type.Append(dst, b)
	case f.Len == 0:
		return append(dst, "(empty)"...)
	}
	for _, c := range b[:min(len(b), octets)] {
		dst = append(dst, hexDigits[c>>4], hexDigits[c&15])
	}
	if len(b) > octets || !whole {
		dst = fmt.Appendf(dst, ellipsis+" (%s)", bytesOf(f.Len))
	}
	return dst
}
