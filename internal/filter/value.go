package filter

import (
	"cmp"
	"encoding/hex"
	"math"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unsafe"
)

type operator uint8

const (
	present operator = iota // no operator: the fact is there
	equal
	differs
	less
	atMost
	greater
	atLeast
	contains
	matches
	within // in
)

var operators = [...]struct {
	symbol string
	words  []string
}{
	equal:    {"==", []string{"eq"}},
	differs:  {"!=", []string{"ne"}},
	less:     {"<", []string{"lt"}},
	atMost:   {"<=", []string{"le"}},
	greater:  {">", []string{"gt"}},
	atLeast:  {">=", []string{"ge"}},
	contains: {"contains", []string{"contains"}},
	matches:  {"matches", []string{"matches"}},
	within:   {"in", []string{"in"}},
}

func (o operator) String() string { return operators[o].symbol }

// orders tells whether the operator asks which of two values is the greater.
func (o operator) orders() bool { return o >= less && o <= atLeast }

// holds tells whether the operator, one of == to >=, accepts the order of two values.
func (o operator) holds(order int) bool {
	switch o {
	case equal, within:
		return order == 0
	case differs:
		return order != 0
	case less:
		return order < 0
	case atMost:
		return order <= 0
	case greater:
		return order > 0
	case atLeast:
		return order >= 0
	}
	return false
}

// value is what a user compares with. What it is compared with decides which of its meanings counts.
type value struct {
	text   string // without quotes
	raw    string // as written between the quotes
	pos    int
	quoted bool
	number number // of what is not in quotes
	bytes  []byte // that text's hexadecimal digits say
	span   time.Duration
	isSpan bool
	at     time.Time
	isTime bool
	regexp *regexp.Regexp
}

func (l *lexer) value(t token, op operator) (value, error) {
	v := value{text: t.text, raw: t.text, pos: t.pos, quoted: t.kind == quoted}
	if v.quoted {
		v.raw = t.text[1 : len(t.text)-1]
	}
	if op == matches {
		// A regular expression has escapes of its own, those of quotes among them.
		re, err := regexp.Compile(v.raw)
		if err != nil {
			return v, l.fail(t.pos, "%s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		}
		v.regexp = re
		return v, nil
	}
	if v.quoted {
		var err error
		if v.text, err = l.unquote(t.text, t.pos); err != nil {
			return v, err
		}
	} else if v.number = parseNumber(v.text); v.number.kind == none {
		if n, ok := parseSize(v.text); ok {
			v.number = number{kind: signed, i: n}
		}
	}
	v.bytes, _ = hex.DecodeString(v.text)
	span, err := time.ParseDuration(v.text)
	v.span, v.isSpan = span, err == nil
	v.at, v.isTime = parseTime(v.text)
	return v, nil
}

// append writes the value so that it compiles to the same one.
func (v *value) append(dst []byte) []byte {
	if v.regexp != nil {
		dst = append(dst, '"')
		for i := 0; i < len(v.raw); i++ {
			if v.raw[i] == '\\' {
				dst = append(dst, '\\')
				i++
			} else if v.raw[i] == '"' {
				dst = append(dst, '\\')
			}
			dst = append(dst, v.raw[i])
		}
		return append(dst, '"')
	}
	if v.number.kind != none || isWord(v.text) {
		return append(dst, v.text...)
	}
	return appendQuoted(dst, v.text)
}

// isWord tells whether s means the same with and without quotes.
func isWord(s string) bool {
	for i, r := range s {
		if r >= 0x80 || !nameRune(r) || i == 0 && (r == '-' || r >= '0' && r <= '9') {
			return false
		}
	}
	return s != ""
}

type numberKind uint8

const (
	none     numberKind = iota
	signed              // i
	unsigned            // u, greater than every int64
	fraction            // f
)

// number is an integer of up to 64 bits with or without a sign, or a float64.
type number struct {
	kind numberKind
	i    int64
	u    uint64
	f    float64
}

func fromUint(u uint64) number {
	if u > math.MaxInt64 {
		return number{kind: unsigned, u: u}
	}
	return number{kind: signed, i: int64(u)}
}

func fromFloat(f float64) number {
	if f == math.Trunc(f) && math.Abs(f) < 1<<63 {
		return number{kind: signed, i: int64(f)}
	}
	return number{kind: fraction, f: f}
}

func fromBits(bits uint64) number { return fromFloat(math.Float64frombits(bits)) }

func (n number) float() float64 {
	switch n.kind {
	case signed:
		return float64(n.i)
	case unsigned:
		return float64(n.u)
	}
	return n.f
}

// compare orders two numbers; not a number is ordered beside none.
func compare(a, b number) (order int, ok bool) {
	switch {
	case a.kind == signed && b.kind == signed:
		return cmp.Compare(a.i, b.i), true
	case a.kind == fraction || b.kind == fraction:
		x, y := a.float(), b.float()
		return cmp.Compare(x, y), x == x && y == y
	case a.kind == unsigned && b.kind == unsigned:
		return cmp.Compare(a.u, b.u), true
	case a.kind == signed:
		return -1, true
	}
	return 1, true
}

// parseNumber reads 12, -3, 0x1f, 1.5 and 1e9; its kind is none where s is no number.
func parseNumber(s string) number {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || digits[0] != '.' && (digits[0] < '0' || digits[0] > '9') {
		return number{}
	}
	base := 10
	if len(digits) > 2 && (digits[:2] == "0x" || digits[:2] == "0X") {
		if base, digits = 16, digits[2:]; digits[0] == '-' || digits[0] == '+' {
			return number{}
		}
		s = s[:len(s)-len(digits)-2] + digits
	} else {
		whole := true
		for i := range len(digits) {
			switch c := digits[i]; {
			case c >= '0' && c <= '9':
			case c == '.' || c == 'e' || c == 'E' || c == '+' || c == '-':
				whole = false
			default:
				return number{}
			}
		}
		if !whole {
			f, err := strconv.ParseFloat(s, 64)
			if err != nil {
				return number{}
			}
			return fromFloat(f)
		}
	}
	if i, err := strconv.ParseInt(s, base, 64); err == nil {
		return number{kind: signed, i: i}
	}
	if u, err := strconv.ParseUint(s, base, 64); err == nil {
		return fromUint(u)
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || base != 10 {
		return number{}
	}
	return number{kind: fraction, f: f}
}

var units = []struct {
	name  string
	bytes int64
}{
	{"B", 1},
	{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
}

// parseSize reads bytes with a unit: 64KiB, 1.5MB. Units are of any case.
func parseSize(s string) (bytes int64, ok bool) {
	n := strings.IndexFunc(s, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if n <= 0 {
		return 0, false
	}
	for _, u := range units {
		if !strings.EqualFold(s[n:], u.name) {
			continue
		}
		if i, err := strconv.ParseInt(s[:n], 10, 64); err == nil {
			return i * u.bytes, i <= math.MaxInt64/u.bytes
		}
		f, err := strconv.ParseFloat(s[:n], 64)
		f = math.Round(f * float64(u.bytes))
		return int64(f), err == nil && f < 1<<63
	}
	return 0, false
}

// parseTime reads RFC 3339, or the beginning of it in UTC.
func parseTime(s string) (time.Time, bool) {
	if len(s) < len(time.DateOnly) || s[4] != '-' {
		return time.Time{}, false
	}
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05Z07", "2006-01-02 15:04:05Z07:00", time.DateTime, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// test is an operator with its values: what a fact of any kind is asked where only the fact's own kind says how.
type test struct {
	op     operator
	values []value      // one; several for in
	folded *atomic.Bool // whether a text was one of the values but for its case; nil: nobody asks
}

// ofText asks a text.
func (t *test) ofText(s string) bool {
	switch t.op {
	case present:
		return true
	case equal, within:
		for i := range t.values {
			if s == t.values[i].text {
				return true
			}
		}
		t.fold(s)
		return false
	case contains:
		return strings.Contains(s, t.values[0].text)
	case matches:
		return t.values[0].regexp.MatchString(s)
	}
	for i := range t.values {
		v := &t.values[i]
		if v.number.kind != none && t.op.orders() {
			if order, ok := compare(textNumber(s), v.number); ok && t.op.holds(order) {
				return true
			}
		} else if t.op.holds(strings.Compare(s, v.text)) {
			return true
		}
	}
	return false
}

// fold notes whether s is a value but for its case.
func (t *test) fold(s string) {
	if t.folded == nil || t.folded.Load() {
		return
	}
	for i := range t.values {
		if strings.EqualFold(s, t.values[i].text) {
			t.folded.Store(true)
		}
	}
}

// textNumber is the number that s says; not a number where it says none.
func textNumber(s string) number {
	if n := parseNumber(s); n.kind != none {
		return n
	}
	return number{kind: fraction, f: math.NaN()}
}

// ofTyped asks the text of something that is a number or a time more than a text, such as a decimal.
func (t *test) ofTyped(s string) bool {
	if t.op == present || t.op == contains || t.op == matches {
		return t.ofText(s)
	}
	for i := range t.values {
		v := &t.values[i]
		order := strings.Compare(s, v.text)
		if n := parseNumber(s); n.kind != none && v.number.kind != none {
			order, _ = compare(n, v.number)
		} else if at, ok := parseTime(s); ok && v.isTime {
			order = at.Compare(v.at)
		} else if v.number.kind != none && t.op.orders() {
			continue
		}
		if t.op.holds(order) {
			return true
		}
	}
	return false
}

// ofNumber asks a number; label is its name, if it has one.
func (t *test) ofNumber(n number, label string) bool {
	if t.op == present {
		return true
	}
	if t.op == contains || t.op == matches {
		if label != "" {
			return t.ofText(label)
		}
		var buf [32]byte
		return t.ofText(borrow(n.append(buf[:0])))
	}
	for i := range t.values {
		v := &t.values[i]
		if v.number.kind != none {
			if order, ok := compare(n, v.number); ok && t.op.holds(order) || !ok && t.op == differs {
				return true
			}
		} else if !t.op.orders() && t.op.holds(strings.Compare(label, v.text)) {
			return true
		}
	}
	return false
}

// ofSpan asks a duration.
func (t *test) ofSpan(d time.Duration) bool {
	if t.op == present {
		return true
	}
	for i := range t.values {
		if v := &t.values[i]; v.isSpan && t.op.holds(cmp.Compare(d, v.span)) {
			return true
		}
	}
	return false
}

// ofBytes asks bytes that no type explains.
func (t *test) ofBytes(b []byte) bool {
	s := borrow(b)
	if t.op == present || t.op == contains || t.op == matches {
		return t.ofText(s)
	}
	for i := range t.values {
		v := &t.values[i]
		order := strings.Compare(s, v.text)
		if v.bytes != nil {
			order = strings.Compare(s, borrow(v.bytes))
		}
		if t.op.holds(order) {
			return true
		}
	}
	return false
}

func (n number) append(dst []byte) []byte {
	switch n.kind {
	case signed:
		return strconv.AppendInt(dst, n.i, 10)
	case unsigned:
		return strconv.AppendUint(dst, n.u, 10)
	}
	return strconv.AppendFloat(dst, n.f, 'g', -1, 64)
}

// borrow is b as a string for as long as nobody writes to b.
func borrow(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
