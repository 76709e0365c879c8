package filter

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dbtap/dbtap/internal/record"
)

// column makes the node of a comparison of column c. What it is compared with is brought to one spelling.
func (p *parser) column(c record.Col, t test) (node, error) {
	col := &record.Columns[c]
	s := func() source { return newSource([]element{{name: col.Name}}, t) }
	if t.op == present {
		return &hasColumn{s(), c, col.Always && col.Kind <= record.Hash}, nil
	}
	switch col.Kind {
	case record.Instant, record.Duration, record.Count, record.Size, record.Hash:
		return p.numberColumn(c, t)
	case record.Text:
		return &textColumn{s(), c, col.Always, t}, nil
	case record.Address:
		return p.addressColumn(c, t)
	}
	// Words, and lists of them.
	if t.op.orders() {
		return nil, p.fail(t.values[0].pos, "%s has no order: compare it with == or in", col.Name)
	}
	if c == record.Protocol {
		for _, v := range t.values {
			if known := p.options.Protocols; len(known) > 0 && !t.searches() && !slices.Contains(known, v.text) {
				return nil, p.fail(v.pos, "unknown protocol %q%s", v.text, meant(NearestProtocol(v.text, known)))
			}
		}
		return &textColumn{s(), c, true, t}, nil
	}
	for _, v := range t.values {
		if t.op == contains && c != record.DoubtsOf || t.op == matches || slices.Contains(col.Words, v.text) {
			continue
		}
		return nil, p.fail(v.pos, "%s is none of the words of %s: %s", v.text, col.Name, strings.Join(col.Words, ", "))
	}
	ask := t
	if c == record.DoubtsOf && t.op == contains {
		ask.op = equal
	}
	w := &wordColumn{source: s(), col: c}
	for i, name := range col.Words {
		if ask.ofText(name) {
			w.mask |= 1 << i
		}
	}
	return w, nil
}

// searches tells whether the operator looks for a part of a text.
func (t *test) searches() bool { return t.op == contains || t.op == matches }

// hasColumn asks whether a record has a fact. A number that is 0 is one; text and lists without anything in them are none.
type hasColumn struct {
	source
	col    record.Col
	always bool // a number, and always there
}

func (n *hasColumn) eval(r *record.Record, _ uint64, _ bool) Tri {
	switch n.col {
	case record.DoubtsOf:
		return tri(r.Doubts != 0)
	case record.Client:
		return tri(r.Client.IsValid())
	case record.Server:
		return tri(r.Server.IsValid())
	case record.Protocol:
		return tri(r.Protocol != "")
	}
	return tri(r.Has(n.col) || n.always)
}

// textColumn asks a text. Where it is always there, it may be empty.
type textColumn struct {
	source
	col    record.Col
	always bool
	test   test
}

func (n *textColumn) eval(r *record.Record, _ uint64, _ bool) Tri {
	s := r.Text(n.col)
	if s == "" && !n.always {
		return False
	}
	return tri(n.test.ofText(s))
}

// wordColumn asks words, which are bits here.
type wordColumn struct {
	source
	col  record.Col
	mask uint
}

func (n *wordColumn) eval(r *record.Record, _ uint64, _ bool) Tri {
	switch n.col {
	case record.StatusOf:
		return tri(n.mask>>r.Status&1 != 0)
	case record.SourceOf:
		return tri(n.mask>>r.Source&1 != 0)
	}
	return tri(n.mask&uint(r.Doubts) != 0)
}

// numberColumn asks a number.
type numberColumn struct {
	source
	col    record.Col
	always bool
	op     operator
	first  int64
	set    []int64 // sorted, for in
}

func (n *numberColumn) eval(r *record.Record, _ uint64, _ bool) Tri {
	if !n.always && !r.Has(n.col) {
		return False
	}
	x := r.Num(n.col)
	if n.op == within {
		_, found := slices.BinarySearch(n.set, x)
		return tri(found)
	}
	return tri(n.op.holds(cmp.Compare(x, n.first)))
}

func (p *parser) numberColumn(c record.Col, t test) (node, error) {
	col := &record.Columns[c]
	if t.searches() || t.op.orders() && col.Kind == record.Hash {
		return nil, p.fail(t.values[0].pos, "%s is %s: %s does not suit it", col.Name, kindNames[col.Kind], t.op)
	}
	if v := &t.values[len(t.values)-1]; p.tok.kind == word && !v.quoted {
		if with := withUnit(col.Kind, v.text+p.tok.text); with != "" {
			return nil, p.fail(v.pos, "%s is %s: write %s", col.Name, kindNames[col.Kind], with)
		}
	}
	n := &numberColumn{col: c, always: col.Always, op: t.op}
	for i := range t.values {
		v := &t.values[i]
		x, text, ok := v.as(col.Kind)
		if !ok {
			return nil, p.fail(v.pos, "%s is %s: write %s", col.Name, kindNames[col.Kind], example(col.Kind, v.text))
		}
		n.set = append(n.set, x)
		*v = value{text: text, number: number{kind: signed}}
	}
	n.source = newSource([]element{{name: col.Name}}, t)
	n.first = n.set[0]
	slices.Sort(n.set)
	return n, nil
}

var kindNames = [...]string{
	record.Instant: "a time", record.Duration: "a duration", record.Count: "a number", record.Size: "a size in bytes",
	record.Hash: "a hash", record.Address: "an address",
}

// example is what a user might have meant by text where a value of the kind is needed.
func example(k record.Kind, text string) string {
	switch k {
	case record.Instant:
		return "2025-12-31T23:59:59Z"
	case record.Duration:
		if with := withUnit(k, text); with != "" {
			return with
		}
		if n := parseNumber(text); n.kind == signed && n.i > 0 {
			return text + "ms"
		}
		return "10ms"
	case record.Size:
		return "1000, 64KiB or 1MB"
	case record.Hash:
		return "its 16 hexadecimal digits"
	}
	return "a whole number"
}

// longUnits are names of units that people write, and what they mean.
var longUnits = map[string]time.Duration{
	"nanosecond": time.Nanosecond, "nsec": time.Nanosecond, "microsecond": time.Microsecond, "usec": time.Microsecond,
	"millisecond": time.Millisecond, "msec": time.Millisecond, "milli": time.Millisecond, "second": time.Second, "sec": time.Second,
	"minute": time.Minute, "min": time.Minute, "hour": time.Hour, "hr": time.Hour, "day": 24 * time.Hour, "d": 24 * time.Hour,
}

// withUnit is what a number with a unit behind it, as people write it, is here: 5minutes is 5m. It is "" if it is no such
// thing.
func withUnit(k record.Kind, text string) string {
	n := strings.IndexFunc(text, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if n <= 0 || n == len(text) {
		return ""
	}
	switch k {
	case record.Size:
		if _, ok := parseSize(text); ok {
			return text
		}
	case record.Duration:
		if _, err := time.ParseDuration(text); err == nil {
			return text
		}
		unit := strings.ToLower(text[n:])
		if len(unit) > 1 {
			unit = strings.TrimSuffix(unit, "s")
		}
		short := map[time.Duration]string{time.Nanosecond: "ns", time.Microsecond: "us", time.Millisecond: "ms", time.Second: "s", time.Minute: "m", time.Hour: "h"}
		d, ok := longUnits[unit]
		if !ok {
			d, ok = map[string]time.Duration{"n": 1, "u": time.Microsecond, "m": time.Millisecond}[unit] // NS, US, MS
			ok = ok && len(text)-n > 1
		}
		if count, err := strconv.ParseFloat(text[:n], 64); ok && err == nil {
			if d == 24*time.Hour {
				count, d = count*24, time.Hour
			}
			return strconv.FormatFloat(count, 'f', -1, 64) + short[d]
		}
	}
	return ""
}

// as is what the value means to a column of a number's kind, and that in one spelling.
func (v *value) as(k record.Kind) (x int64, text string, ok bool) {
	switch k {
	case record.Instant:
		// What int64 nanoseconds reach: the years 1678 to 2261.
		if ok = v.isTime && v.at.Year() > 1677 && v.at.Year() < 2262; ok {
			x, text = v.at.UnixNano(), v.at.UTC().Format(time.RFC3339Nano)
		}
	case record.Duration:
		x, text, ok = int64(v.span), v.span.String(), v.isSpan
	case record.Hash:
		digits := strings.TrimPrefix(v.text, "0x")
		u, err := strconv.ParseUint(digits, 16, 64)
		x, ok = int64(u), err == nil && len(digits) == 16
		text = strconv.FormatUint(u, 16)
		text = strings.Repeat("0", 16-len(text)) + text
	default:
		n := v.number
		if n.kind == unsigned { // a request id may be of 64 bits
			n = number{kind: signed, i: int64(n.u)}
		}
		size := strings.ContainsAny(v.text, "bB") && !strings.HasPrefix(strings.TrimPrefix(v.text, "-"), "0x")
		x, ok = n.i, n.kind == signed && (k == record.Size || !size)
		text = strconv.FormatInt(x, 10)
	}
	return x, text, ok
}

// addressColumn asks an address: one value of several must fit, or, for !=, not fit.
type addressColumn struct {
	source
	server bool
	op     operator
	set    []network
}

// network is a set of addresses.
type network struct {
	prefix  netip.Prefix // any address if not valid
	port    uint16
	hasPort bool
}

func (n *addressColumn) eval(r *record.Record, _ uint64, _ bool) Tri {
	a := r.Client
	if n.server {
		a = r.Server
	}
	if !a.IsValid() {
		return False
	}
	ip := a.Addr().Unmap().WithZone("")
	fits := false
	for i := range n.set {
		w := &n.set[i]
		if (!w.prefix.IsValid() || w.prefix.Contains(ip)) && (!w.hasPort || w.port == a.Port()) {
			fits = true
			break
		}
	}
	return tri(fits != (n.op == differs))
}

func (p *parser) addressColumn(c record.Col, t test) (node, error) {
	name := record.Columns[c].Name
	if t.searches() || t.op.orders() {
		return nil, p.fail(t.values[0].pos, "%s is an address: compare it with == != or in", name)
	}
	n := &addressColumn{server: c == record.Server, op: t.op}
	for i := range t.values {
		v := &t.values[i]
		w, ok := parseNetwork(v.text)
		if !ok {
			return nil, p.fail(v.pos, "%s is an address: write 10.0.0.1, 10.0.0.1:3306, [::1]:3306, 10.0.0.0/8 or :3306", name)
		}
		n.set = append(n.set, w)
		*v = value{text: w.String(), number: number{kind: signed}}
	}
	n.source = newSource([]element{{name: name}}, t)
	return n, nil
}

func parseNetwork(s string) (w network, ok bool) {
	host, port := s, ""
	if strings.HasPrefix(s, "[") || strings.Count(s, ":") == 1 {
		at := strings.LastIndexByte(s, ':')
		if strings.HasSuffix(s, "]") {
			at = len(s)
		} else if at < 0 {
			return w, false
		} else {
			port = s[at+1:]
			n, err := strconv.ParseUint(port, 10, 16)
			if err != nil || n > math.MaxUint16 {
				return w, false
			}
			w.port, w.hasPort = uint16(n), true
		}
		host = s[:at]
		if in, found := strings.CutPrefix(host, "["); found {
			if host, found = strings.CutSuffix(in, "]"); !found || strings.Contains(host, "/") {
				return w, false
			}
		}
		if host == "" {
			return w, w.hasPort && s[0] == ':'
		}
	}
	if prefix, err := netip.ParsePrefix(host); err == nil {
		w.prefix = prefix.Masked()
		return w, !w.hasPort
	}
	a, err := netip.ParseAddr(host)
	if err != nil || a.Zone() != "" {
		return w, false
	}
	a = a.Unmap()
	w.prefix = netip.PrefixFrom(a, a.BitLen())
	return w, true
}

// String is the network as it can be parsed again.
func (w network) String() string {
	switch {
	case !w.prefix.IsValid():
		return ":" + strconv.Itoa(int(w.port))
	case w.hasPort:
		return netip.AddrPortFrom(w.prefix.Addr(), w.port).String()
	case w.prefix.IsSingleIP():
		return w.prefix.Addr().String()
	}
	return w.prefix.String()
}
