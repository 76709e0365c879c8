package l7

import (
	"encoding/hex"
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"github.com/dbtap/dbtap/internal/wire"
)

// Parameters are the values of a statement's parameters in the making: a JSON list, for those who see values. It grows at
// the end of a Message's Scratch, where nothing else is put before State. A nil Parameters takes none.
type Parameters struct {
	m    *Message
	from int // where the list begins
	left int // values that have no room
}

const (
	// maxParameters is behind how many bytes of the list values are only counted: some hundred numbers.
	maxParameters = 4 << 10

	// maxParameter is how many bytes of a value are told: more is in the tree.
	maxParameter = 256
)

// Parameters begins a list.
func (m *Message) Parameters() Parameters {
	p := Parameters{m: m, from: len(m.Scratch)}
	m.Scratch = append(m.Scratch, '[')
	return p
}

// State ends the list and states it as the i-th attribute, unless it is empty.
func (p *Parameters) State(i int) {
	if p == nil {
		return
	}
	m := p.m
	if len(m.Scratch) == p.from+1 {
		return
	}
	if p.left > 0 {
		m.Scratch = append(m.Scratch, `,"(`...)
		m.Scratch = append(strconv.AppendInt(m.Scratch, int64(p.left), 10), ` more)"`...)
	}
	m.Scratch = append(m.Scratch, ']')
	m.SetAttributeBytes(i, m.Scratch[p.from:])
}

// next makes room for a value, or counts it.
func (p *Parameters) next() bool {
	switch {
	case p == nil:
		return false
	case len(p.m.Scratch)-p.from > maxParameters:
		p.left++
		return false
	case len(p.m.Scratch) > p.from+1:
		p.m.Scratch = append(p.m.Scratch, ',')
	}
	return true
}

// Word adds null, true, false, or text in quotes that says why there is no value.
func (p *Parameters) Word(s string) {
	if p.next() {
		p.m.Scratch = append(p.m.Scratch, s...)
	}
}

// Number adds a number as a Cursor reads it.
func (p *Parameters) Number(kind wire.Kind, v uint64) {
	switch {
	case !p.next():
	case kind == wire.Signed:
		p.m.Scratch = strconv.AppendInt(p.m.Scratch, int64(v), 10)
	default:
		p.m.Scratch = strconv.AppendUint(p.m.Scratch, v, 10)
	}
}

// Text adds text; what is none, as hexadecimal digits.
func (p *Parameters) Text(b []byte) {
	if p.next() {
		p.m.Scratch = appendText(p.m.Scratch, b)
	}
}

// Show adds a value as a field of a type shows it, with number as a number if JSON has it.
func (p *Parameters) Show(t *wire.Type, b []byte, number bool) {
	if !p.next() {
		return
	}
	m, at := p.m, len(p.m.Scratch)
	m.Scratch = t.Append(m.Scratch, b)
	end := len(m.Scratch)
	if s := m.Scratch[at:]; number && len(s) <= maxParameter && len(s) > 0 && (s[0] == '-' || s[0] >= '0' && s[0] <= '9') && json.Valid(s) {
		return
	}
	m.Scratch = appendText(m.Scratch, m.Scratch[at:])
	m.Scratch = append(m.Scratch[:at], m.Scratch[end:]...)
}

// appendText appends the beginning of b as JSON text.
func appendText(dst, b []byte) []byte {
	whole, text := len(b), true
	if n := maxParameter; whole > n {
		for n > maxParameter-utf8.UTFMax && !utf8.RuneStart(b[n]) { // not inside a character
			n--
		}
		b = b[:n]
	}
	for _, c := range b {
		text = text && (c >= ' ' && c != 0x7F || c == '\t' || c == '\n' || c == '\r')
	}
	dst = append(dst, '"')
	if text && utf8.Valid(b) {
		for _, c := range b {
			switch c {
			case '\t':
				dst = append(dst, `\t`...)
			case '\n':
				dst = append(dst, `\n`...)
			case '\r':
				dst = append(dst, `\r`...)
			case '"', '\\':
				dst = append(dst, '\\', c)
			default:
				dst = append(dst, c)
			}
		}
	} else {
		dst = hex.AppendEncode(append(dst, "0x"...), b)
	}
	if len(b) < whole {
		dst = append(dst, "…"...)
	}
	return append(dst, '"')
}
