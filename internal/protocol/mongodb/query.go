package mongodb

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
	"unsafe"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/record"
)

// query collects the documents of a request, to write them as relaxed Extended JSON
// (https://github.com/mongodb/specifications/blob/master/source/extended-json/extended-json.md) with values replaced
// or shown. It works on bytes that Decode lends.
type query struct {
	body  []byte // the command's document
	named bool   // its first value is a name, and may be shown
	parts []part // what stands beside it: sections of kind 1, documents of old requests
}

type part struct {
	name string
	docs []byte
	list bool // any number of documents; otherwise one
	cut  bool // there were more
}

// maxQuery is how long a query's text may get, give or take an element. What is longer ends in an ellipsis, as valid
// JSON.
const maxQuery = 4 << 10

// maxParts is how many sections of kind 1 are shown; drivers send two at most.
const maxParts = 8

// reset lets go of what was lent.
func (q *query) reset() {
	clear(q.parts)
	q.body, q.named, q.parts = nil, false, q.parts[:0]
}

// sequence notes a section of kind 1, or the documents at the end of an old request.
func (q *query) sequence(name string, docs []byte, cut bool) {
	if len(q.parts) < maxParts {
		q.parts = append(q.parts, part{name, docs, true, cut})
	}
}

// part notes a document of an old request.
func (q *query) part(name string, doc []byte) {
	if len(q.parts) < maxParts {
		q.parts = append(q.parts, part{name, doc, false, false})
	}
}

// state states the text of the request. guard: values whose keys are those of secrets are not shown.
func (q *query) state(m *l7.Message, guard bool) {
	at := len(m.Scratch)
	var cut bool
	m.Scratch, cut = q.append(m.Scratch, m, guard, false)
	shown := m.Scratch[at:]
	normal := shown
	if cut {
		m.Doubts |= record.Cut
		normal = nil // a fingerprint of half a query would be that of another
	}
	if m.Values() {
		at = len(m.Scratch)
		m.Scratch, _ = q.append(m.Scratch, m, guard, true)
		shown = m.Scratch[at:]
	}
	m.SetQuery(shown, normal)
}

// append appends the text, and tells whether it lacks something that was not kept.
func (q *query) append(dst []byte, m *l7.Message, guard, values bool) ([]byte, bool) {
	t := jsonText{dst: append(dst, '{'), limit: len(dst) + maxQuery, values: values}
	any := true
	if q.body != nil {
		any = t.container(q.body, level{command: true, named: q.named, guard: guard})
	} else {
		// A request of old has no command: its name and collection stand for it.
		t.quote(m.Text(record.Operation))
		t.dst = append(t.dst, ':')
		if target := m.Text(record.Target); target != "" {
			t.quote(target)
		} else {
			t.dst = append(t.dst, replaced...)
		}
	}
	for _, p := range q.parts {
		if any {
			t.dst = append(t.dst, ',')
		}
		any = true
		t.quote(p.name)
		t.dst = append(t.dst, ':')
		guard := guard || !own(p.name)
		if hidden([]byte(p.name), guard) {
			t.dst = append(t.dst, replaced...)
			continue
		}
		if p.list {
			t.list(p.docs, guard, p.cut)
			continue
		}
		t.dst = append(t.dst, '{')
		t.container(p.docs, level{guard: guard})
		t.dst = append(t.dst, '}')
	}
	return append(t.dst, '}'), t.cut
}

func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// replaced stands for a value that is not shown.
const replaced = `"?"`

// jsonText is a rendering in progress.
type jsonText struct {
	dst    []byte
	limit  int // of len(dst)
	values bool
	full   bool // the limit is reached, or the bytes end
	cut    bool // the bytes that end it were not kept
	guard  bool // of the level that is being written
	scope  int  // functions around what is being written
}

// level is a document or array that is being written.
type level struct {
	end     int  // place in the source behind it
	array   bool // its keys are not written, and equal neighbours are written once
	command bool // the command itself: session fields are left out, names are shown
	named   bool // the command's first value is a name
	guard   bool // values whose keys are those of secrets are never shown
	any     bool // something was written in it
	getMore bool // the command is getMore: its collection is a name
	fold    fold
}

// fold remembers the last element of an array.
type fold struct {
	some       bool
	begin, end int // of the element before, in dst
	at         int // of the element being written
}

// done ends an element of an array: one that looks like its neighbour is taken back.
func (f *fold) done(t *jsonText) {
	if f.some && !t.values && bytes.Equal(t.dst[f.begin:f.end], t.dst[f.at:]) {
		t.dst = t.dst[:f.end]
		return
	}
	f.some, f.begin, f.end = true, f.at, len(t.dst)
}

// list writes documents that follow each other as an array.
func (t *jsonText) list(b []byte, guard, cut bool) {
	t.dst = append(t.dst, '[')
	var f fold
	for len(b) >= 5 && !t.full {
		n := int(int32(binary.LittleEndian.Uint32(b)))
		if n < 5 || n > len(b) && f.some && !t.values {
			break // of documents that were not kept whole the ones before are an example
		}
		if f.some {
			t.dst = append(t.dst, ',')
		}
		f.at = len(t.dst)
		t.dst = append(t.dst, '{')
		t.container(b, level{guard: guard})
		t.dst = append(t.dst, '}')
		f.done(t)
		b = b[min(n, len(b)):]
	}
	t.cut = t.cut || cut && !f.some && !t.values
	t.dst = append(t.dst, ']')
}

// container writes the elements of the document that b begins with, at any depth and without recursion, and tells
// whether it wrote any. It does not write the outermost braces.
func (t *jsonText) container(b []byte, top level) bool {
	if len(b) < 5 {
		t.cut = !t.values
		return false
	}
	var local [16]level
	stack := append(local[:0], top)
	stack[0].end = int(int32(binary.LittleEndian.Uint32(b)))
	lack := len(b) < stack[0].end
	at := 4
	for {
		l := &stack[len(stack)-1]
		if at >= l.end-1 || at >= len(b) || b[at] == typeEnd {
			if lack && at >= len(b) && !t.full && !t.values && example(stack) < 0 {
				t.cut = true
			}
			if len(stack) == 1 {
				return l.any
			}
			at = l.end
			t.dst = append(t.dst, closing(l.array))
			stack = stack[:len(stack)-1]
			if l = &stack[len(stack)-1]; l.array {
				l.fold.done(t)
			}
			continue
		}
		typ := b[at]
		k := bytes.IndexByte(b[at+1:], 0)
		if k < 0 {
			if lack {
				stack = t.lack(stack)
			} else {
				t.stop(l)
			}
			at = len(b)
			continue
		}
		key := b[at+1 : at+1+k]
		at += k + 2
		n := size(typ, b[at:])
		nested := typ == typeDocument || typ == typeArray
		if n < 0 || n > l.end-1-at || nested && n < 5 || !nested && n > len(b)-at {
			if lack {
				stack = t.lack(stack)
			} else {
				t.stop(l)
			}
			at = len(b)
			continue
		}
		if t.full || l.command && session(key) {
			at += n
			continue
		}
		if len(t.dst) > t.limit {
			t.stop(l)
			at += n
			continue
		}
		first := !l.any
		if l.any {
			t.dst = append(t.dst, ',')
		}
		l.any = true
		l.fold.at = len(t.dst)
		if !l.array {
			t.quote(view(key))
			t.dst = append(t.dst, ':')
		}
		name, hide := false, false
		if l.command {
			hide = hidden(key, l.guard) || login(key)
			name = typ == typeString && (first && l.named || l.getMore && string(key) == "collection")
		} else if nested || t.values {
			hide = hidden(key, l.guard)
		}
		if nested && !hide {
			if len(stack) >= maxDepth {
				t.dst = append(t.dst, ellipsis...)
				at += n
				continue
			}
			t.dst = append(t.dst, opening(typ == typeArray))
			guard := l.guard || l.command && string(key) == "speculativeAuthenticate"
			stack = append(stack, level{end: at + n, array: typ == typeArray, guard: guard})
			at += 4
			continue
		}
		switch {
		case hide:
			t.dst = append(t.dst, replaced...)
		case name:
			t.quote(view(b[at+4 : at+max(n-1, 4)]))
		case t.values:
			t.guard = l.guard
			t.scalar(typ, b[at:at+n])
		default:
			t.dst = append(t.dst, replaced...)
		}
		if l.command && first {
			l.getMore = string(key) == "getMore"
		}
		at += n
		if l.array {
			l.fold.done(t)
		}
	}
}

// lack ends the text where the bytes do. Of an array's elements those before are an example of what was not kept, so
// that the text without values does not tell how much was; otherwise it is cut.
func (t *jsonText) lack(stack []level) []level {
	i := example(stack)
	if t.full || t.values || i < 0 {
		t.cut = t.cut || !t.full && !t.values
		t.stop(&stack[len(stack)-1])
		return stack
	}
	t.full = true
	t.dst = t.dst[:stack[i].fold.end]
	for j := i; j > 0; j-- {
		t.cut = t.cut || stack[j].end < stack[j-1].end-1 // something stands behind the array
	}
	return stack[:i+1]
}

// example finds the innermost array that has an element before the one being written, or -1.
func example(stack []level) int {
	for i := len(stack) - 1; i >= 0; i-- {
		if stack[i].array && stack[i].fold.some {
			return i
		}
	}
	return -1
}

// ellipsis stands for what is not written any more.
const ellipsis = `"…"`

// stop writes an ellipsis, and nothing more.
func (t *jsonText) stop(l *level) {
	if t.full {
		return
	}
	t.full = true
	if l.any {
		t.dst = append(t.dst, ',')
	}
	l.any = true
	l.fold.at = len(t.dst)
	if !l.array {
		t.dst = append(t.dst, ellipsis+":"...)
	}
	t.dst = append(t.dst, ellipsis...)
}

// session tells whether a key of a command belongs to the driver's session, or stands in a column of its own.
func session(key []byte) bool {
	switch string(key) {
	case "lsid", "$clusterTime", "txnNumber", "$db":
		return true
	}
	return false
}

// login tells of keys of any command itself whose values are credentials.
func login(key []byte) bool {
	switch string(key) {
	case "pwd", "digestPassword", "payload":
		return true
	}
	return false
}

func opening(array bool) byte {
	if array {
		return '['
	}
	return '{'
}

func closing(array bool) byte { return opening(array) + 2 } // ']' is '[' + 2, '}' is '{' + 2

// scalar writes a value that is no document.
func (t *jsonText) scalar(typ byte, b []byte) {
	le := binary.LittleEndian
	d := t.dst
	switch typ {
	case typeDouble:
		d = appendDouble(d, math.Float64frombits(le.Uint64(b)))
	case typeString:
		t.quote(inner(b))
		return
	case typeSymbol:
		t.dst = append(d, `{"$symbol":`...)
		t.quote(inner(b))
		d = append(t.dst, '}')
	case typeCode:
		t.dst = append(d, `{"$code":`...)
		t.quote(inner(b))
		d = append(t.dst, '}')
	case typeCodeScope:
		t.codeScope(b)
		return
	case typeBinary:
		sub, data := b[4], b[5:]
		if sub == 2 && len(data) >= 4 {
			data = data[4:]
		}
		d = append(d, `{"$binary":{"base64":"`...)
		d = base64.StdEncoding.AppendEncode(d, data[:min(len(data), maxWord)])
		if len(data) > maxWord {
			d = append(d, "…"...)
		}
		d = append(d, `","subType":"`...)
		d = hex.AppendEncode(d, []byte{sub})
		d = append(d, `"}}`...)
	case typeUndefined:
		d = append(d, `{"$undefined":true}`...)
	case typeObjectID:
		d = append(d, `{"$oid":"`...)
		d = hex.AppendEncode(d, b)
		d = append(d, `"}`...)
	case typeBool:
		d = strconv.AppendBool(d, b[0] != 0)
	case typeDate:
		ms := int64(le.Uint64(b))
		d = append(d, `{"$date":`...)
		if ms >= 0 && ms <= maxDate {
			d = append(d, '"')
			d = time.UnixMilli(ms).UTC().AppendFormat(d, "2006-01-02T15:04:05.999Z07:00")
			d = append(d, `"}`...)
		} else {
			d = append(d, `{"$numberLong":"`...)
			d = strconv.AppendInt(d, ms, 10)
			d = append(d, `"}}`...)
		}
	case typeNull:
		d = append(d, "null"...)
	case typeRegex:
		pattern, options, _ := bytes.Cut(b, []byte{0})
		t.dst = append(d, `{"$regularExpression":{"pattern":`...)
		t.quote(view(pattern))
		t.dst = append(t.dst, `,"options":`...)
		t.quote(view(bytes.TrimSuffix(options, []byte{0})))
		d = append(t.dst, `}}`...)
	case typeDBPointer:
		t.dst = append(d, `{"$dbPointer":{"$ref":`...)
		t.quote(inner(b[:len(b)-12]))
		d = append(t.dst, `,"$id":{"$oid":"`...)
		d = hex.AppendEncode(d, b[len(b)-12:])
		d = append(d, `"}}}`...)
	case typeInt32:
		d = strconv.AppendInt(d, int64(int32(le.Uint32(b))), 10)
	case typeTimestamp:
		d = append(d, `{"$timestamp":{"t":`...)
		d = strconv.AppendUint(d, uint64(le.Uint32(b[4:])), 10)
		d = append(d, `,"i":`...)
		d = strconv.AppendUint(d, uint64(le.Uint32(b)), 10)
		d = append(d, `}}`...)
	case typeInt64:
		d = strconv.AppendInt(d, int64(le.Uint64(b)), 10)
	case typeDecimal128:
		d = append(d, `{"$numberDecimal":"`...)
		d = appendDecimal128(d, b)
		d = append(d, `"}`...)
	case typeMinKey:
		d = append(d, `{"$minKey":1}`...)
	case typeMaxKey:
		d = append(d, `{"$maxKey":1}`...)
	}
	t.dst = d
}

// codeScope writes a function with the document of its variables.
func (t *jsonText) codeScope(b []byte) {
	t.dst = append(t.dst, `{"$code":`...)
	code, scope := "", []byte(nil)
	if len(b) >= 8 {
		if n := int(int32(binary.LittleEndian.Uint32(b[4:]))); n >= 1 && n <= len(b)-8 {
			code, scope = view(b[8:8+n-1]), b[8+n:]
		}
	}
	t.quote(code)
	t.dst = append(t.dst, `,"$scope":{`...)
	if t.scope < maxScopes {
		t.scope++
		t.container(scope, level{guard: t.guard})
		t.scope--
	}
	t.dst = append(t.dst, `}}`...)
}

// maxScopes is how many functions may stand in each other's variables: the only recursion here.
const maxScopes = 4

// inner is the text of a string value: without its length and its NUL.
func inner(b []byte) string {
	if len(b) < 5 {
		return ""
	}
	return view(b[4 : len(b)-1])
}

func appendDouble(d []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(d, `{"$numberDouble":"NaN"}`...)
	case math.IsInf(f, 1):
		return append(d, `{"$numberDouble":"Infinity"}`...)
	case math.IsInf(f, -1):
		return append(d, `{"$numberDouble":"-Infinity"}`...)
	}
	at := len(d)
	d = strconv.AppendFloat(d, f, 'G', -1, 64)
	if !bytes.ContainsAny(d[at:], ".E") {
		d = append(d, ".0"...)
	}
	return d
}

// maxWord is how much of one name or value is written.
const maxWord = 1 << 10

// quote writes s as a JSON string, at most maxWord bytes of it. What is not UTF-8 becomes U+FFFD.
func (t *jsonText) quote(s string) {
	if len(s) > maxWord {
		t.word(s[:maxWord])
		t.dst = append(t.dst[:len(t.dst)-1], "…\""...)
		return
	}
	t.word(s)
}

// word writes s as a JSON string.
func (t *jsonText) word(s string) {
	d := append(t.dst, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			if _, n := utf8.DecodeRuneInString(s[i:]); n > 1 {
				i += n
				continue
			}
			d = append(d, s[from:i]...)
			d = append(d, "\uFFFD"...)
		} else {
			d = append(d, s[from:i]...)
			switch c {
			case '"', '\\':
				d = append(d, '\\', c)
			case '\n':
				d = append(d, `\n`...)
			case '\r':
				d = append(d, `\r`...)
			case '\t':
				d = append(d, `\t`...)
			default:
				d = append(d, `\u00`...)
				d = hex.AppendEncode(d, []byte{c})
			}
		}
		i++
		from = i
	}
	d = append(d, s[from:]...)
	t.dst = append(d, '"')
}
