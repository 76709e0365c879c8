package output

import (
	"encoding/binary"
	"io"
	"math/bits"
	"net/netip"
	"strconv"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"

	"github.com/dbtap/dbtap/internal/record"
)

// JSON writes an object a line.
type JSON struct {
	buffer
	layout []entry
}

// NewJSON makes a writer to w of these columns; none: all, in the order of record.Order.
func NewJSON(w io.Writer, columns ...Column) *JSON {
	return &JSON{buffer{w: w}, layoutOf(columns)}
}

// Row writes r.
func (j *JSON) Row(r *record.Record) error {
	j.b = append(appendObject(j.b, r, j.layout), '\n')
	return j.settle()
}

// entry is what writers need of a column.
type entry struct {
	key       string // as it stands in front of a value
	kind      record.Kind
	col       record.Col
	attribute string // which one, "" for all
	always    bool
}

// layout is of all columns.
var layout = layoutOf(nil)

func layoutOf(columns []Column) (list []entry) {
	if len(columns) == 0 {
		for _, c := range record.Order {
			columns = append(columns, ColumnOf(c))
		}
	}
	for _, c := range columns {
		list = append(list, entry{`,"` + c.Name() + `":`, c.Kind, c.Col, c.Attribute, record.Columns[c.Col].Always})
	}
	return list
}

// AppendJSON appends r as an object without an end of line. The keys are in the order of record.Order; absent facts have
// none.
func AppendJSON(dst []byte, r *record.Record) []byte { return appendObject(dst, r, layout) }

func appendObject(dst []byte, r *record.Record, layout []entry) []byte {
	start := len(dst)
	for i := range layout {
		l := &layout[i]
		if !l.always && !r.Has(l.col) {
			continue
		}
		if l.attribute != "" {
			if a := attribute(r, l.attribute); a != nil {
				dst = appendAttribute(append(dst, l.key...), a)
			}
			continue
		}
		dst = append(dst, l.key...)
		switch l.kind {
		case record.Duration, record.Count, record.Size:
			dst = strconv.AppendInt(dst, r.Num(l.col), 10)
		case record.Text, record.Word:
			dst = appendString(dst, r.Text(l.col))
		case record.List:
			dst = append(dst, '[')
			dst = r.Doubts.AppendNames(dst, ",", `"`)
			dst = append(dst, ']')
		case record.Object:
			dst = appendAttributes(dst, r.Attributes)
		default:
			dst = append(dst, '"')
			dst = appendPlain(dst, r, l.col, l.kind)
			dst = append(dst, '"')
		}
	}
	if len(dst) == start {
		return append(dst, "{}"...)
	}
	dst[start] = '{' // the first key's comma
	return append(dst, '}')
}

// appendPlain appends the value of a column whose text never needs an escape.
func appendPlain(dst []byte, r *record.Record, c record.Col, k record.Kind) []byte {
	switch k {
	case record.Instant:
		return appendTime(dst, r.Num(c))
	case record.Hash:
		return appendHash(dst, uint64(r.Num(c)))
	}
	return appendAddress(dst, address(r, c))
}

func address(r *record.Record, c record.Col) netip.AddrPort {
	if c == record.Client {
		return r.Client
	}
	return r.Server
}

// appendAddress appends "ip:port" or "[ip6]:port"; nothing for no address.
func appendAddress(dst []byte, a netip.AddrPort) []byte {
	if !a.IsValid() {
		return dst
	}
	return a.AppendTo(dst)
}

func appendAttributes(dst []byte, list []record.Attribute) []byte {
	dst = append(dst, '{')
	for first, i := true, 0; i < len(list); i++ {
		a := &list[i]
		if a.Kind == record.Flag && a.Num == 0 {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = appendString(dst, a.Name)
		dst = appendAttribute(append(dst, ':'), a)
	}
	return append(dst, '}')
}

// appendAttribute appends the value of a as JSON.
func appendAttribute(dst []byte, a *record.Attribute) []byte {
	switch a.Kind {
	case record.Flag:
		return append(dst, "true"...)
	case record.JSON:
		return appendRaw(dst, borrow(a.Text))
	case record.Text:
		return appendString(dst, borrow(a.Text))
	}
	return strconv.AppendInt(dst, a.Num, 10)
}

// appendTime appends ns since the Unix epoch as RFC 3339 in UTC with 9 digits of a second's fraction.
func appendTime(dst []byte, ns int64) []byte {
	sec, frac := ns/1e9, ns%1e9
	if frac < 0 {
		sec, frac = sec-1, frac+1e9
	}
	t := time.Unix(sec, 0).UTC()
	year, month, day := t.Date()
	dst = appendDigits(dst, uint(year), 4)
	dst = append(dst, '-')
	dst = appendDigits(dst, uint(month), 2)
	dst = append(dst, '-')
	dst = appendDigits(dst, uint(day), 2)
	dst = append(dst, 'T')
	dst = appendClock(dst, t)
	dst = append(dst, '.')
	dst = appendDigits(dst, uint(frac), 9)
	return append(dst, 'Z')
}

func appendClock(dst []byte, t time.Time) []byte {
	hour, minute, second := t.Clock()
	dst = appendDigits(dst, uint(hour), 2)
	dst = append(dst, ':')
	dst = appendDigits(dst, uint(minute), 2)
	dst = append(dst, ':')
	return appendDigits(dst, uint(second), 2)
}

// appendDigits appends the last n decimal digits of v, 9 at most.
func appendDigits(dst []byte, v uint, n int) []byte {
	var d [9]byte
	for i := n - 1; i >= 0; i-- {
		d[i] = byte('0' + v%10)
		v /= 10
	}
	return append(dst, d[:n]...)
}

const hexDigits = "0123456789abcdef"

func appendHash(dst []byte, v uint64) []byte {
	for shift := 60; shift >= 0; shift -= 4 {
		dst = append(dst, hexDigits[v>>shift&15])
	}
	return dst
}

// plain is the number of bytes at the beginning of s that are printable ASCII, and neither " nor other. It looks at
// eight at once: query texts are most of what is written.
func plain(s string, other byte) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	i := 0
	for b := unsafe.Slice(unsafe.StringData(s), len(s)); len(b)-i >= 8; i += 8 {
		v := binary.LittleEndian.Uint64(b[i:])
		quote, also := v^ones*'"', v^ones*uint64(other)
		// The high bit of the lowest byte that is below 0x20, above 0x7E, or one of the two; bits above it may be wrong.
		odd := (v-ones*' ')&^v | v | (v + ones) | (quote-ones)&^quote | (also-ones)&^also
		if odd &= highs; odd != 0 {
			return i + bits.TrailingZeros64(odd)/8
		}
	}
	for i < len(s) && s[i] >= ' ' && s[i] < 0x7F && s[i] != '"' && s[i] != other {
		i++
	}
	return i
}

// appendString appends s as JSON text. What is not UTF-8 becomes U+FFFD; control characters, those of C1 among them,
// are escaped, and so are the two ends of lines that JavaScript does not take in text.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for {
		n := plain(s, '\\')
		dst = append(dst, s[:n]...)
		if s = s[n:]; s == "" {
			return append(dst, '"')
		}
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', s[0])
		case r == '\n':
			dst = append(dst, '\\', 'n')
		case r == '\r':
			dst = append(dst, '\\', 'r')
		case r == '\t':
			dst = append(dst, '\\', 't')
		case r < 0xA0 || r == '\u2028' || r == '\u2029':
			dst = appendEscape(dst, r)
		case r == utf8.RuneError:
			dst = append(dst, "\uFFFD"...)
		case unicode.Is(unicode.Cf, r): // turns the text around it, or hides in it
			for _, unit := range utf16.AppendRune(nil, r) {
				dst = appendEscape(dst, rune(unit))
			}
		default:
			dst = append(dst, s[:n]...)
		}
		s = s[n:]
	}
}

func appendEscape(dst []byte, r rune) []byte {
	return append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

// borrow is b as a string for as long as nobody writes to b.
func borrow(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
