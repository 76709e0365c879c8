package mongodb_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/l7/l7test"
	"github.com/dbtap/dbtap/internal/protocol/mongodb"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/stream"
	"github.com/dbtap/dbtap/internal/wire"
)

// The driver's own package is the oracle: it writes documents of every type, and says what is in them.

var names = []string{"a", "name", "$gt", "_id", "", "ä", "with space", "quo\"te", "0"}

var texts = []string{"", "x", "Ann", "quote \" and \\ and /", "line\nend\ttab\x01", "ünïcode ☃ 𝄞", "\u2028", "it's {a: 1}", strings.Repeat("long ", 40)}

// someDocument is a document of random elements, at most depth deep.
func someDocument(r *rand.Rand, depth int, array bool) bsoncore.Document {
	at, b := bsoncore.AppendDocumentStart(nil)
	for i := range r.IntN(6) {
		key := names[r.IntN(len(names))]
		if array {
			key = fmt.Sprint(i)
		}
		b = someElement(r, b, key, depth)
	}
	b, _ = bsoncore.AppendDocumentEnd(b, at)
	return b
}

func someElement(r *rand.Rand, b []byte, key string, depth int) []byte {
	text := texts[r.IntN(len(texts))]
	var id [12]byte
	for i := range id {
		id[i] = byte(r.Uint32())
	}
	kinds := 21
	switch r.IntN(kinds) {
	case 0:
		return bsoncore.AppendDoubleElement(b, key, []float64{0, 1, -1.5, 1e300, 1e-7, math.Pi, math.Inf(1), math.Inf(-1), math.NaN(), 123456789, 1e21}[r.IntN(11)])
	case 1:
		return bsoncore.AppendStringElement(b, key, text)
	case 2, 3:
		if depth > 0 {
			return bsoncore.AppendDocumentElement(b, key, someDocument(r, depth-1, false))
		}
		return bsoncore.AppendNullElement(b, key)
	case 4, 5:
		if depth > 0 {
			return bsoncore.AppendArrayElement(b, key, bsoncore.Array(someDocument(r, depth-1, true)))
		}
		return bsoncore.AppendUndefinedElement(b, key)
	case 6:
		sub := []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x80}[r.IntN(11)]
		data := id[:r.IntN(13)]
		if sub == 2 && len(data) == 0 {
			data = id[:1] // of an empty one the driver writes the inner length as data
		}
		if sub == 3 || sub == 4 || sub == 5 {
			data = append(id[:], id[:4]...)
		}
		return bsoncore.AppendBinaryElement(b, key, sub, data)
	case 7:
		return bsoncore.AppendUndefinedElement(b, key)
	case 8:
		return bsoncore.AppendObjectIDElement(b, key, id)
	case 9:
		return bsoncore.AppendBooleanElement(b, key, r.IntN(2) == 0)
	case 10:
		return bsoncore.AppendDateTimeElement(b, key, []int64{0, 1, 1234567890123, 1234567890000, 253402300799999, 253402300800000, -1, math.MinInt64, math.MaxInt64}[r.IntN(9)])
	case 11:
		return bsoncore.AppendNullElement(b, key)
	case 12:
		return bsoncore.AppendRegexElement(b, key, "^a.*\\d\"$", []string{"", "i", "imx"}[r.IntN(3)])
	case 13:
		return bsoncore.AppendDBPointerElement(b, key, "d.c", id)
	case 14:
		return bsoncore.AppendJavaScriptElement(b, key, text)
	case 15:
		return bsoncore.AppendSymbolElement(b, key, text)
	case 16:
		return bsoncore.AppendCodeWithScopeElement(b, key, text, someDocument(r, min(depth, 1), false))
	case 17:
		return bsoncore.AppendInt32Element(b, key, int32(r.Uint32()))
	case 18:
		return bsoncore.AppendTimestampElement(b, key, r.Uint32(), r.Uint32())
	case 19:
		return bsoncore.AppendInt64Element(b, key, int64(r.Uint64()))
	}
	switch r.IntN(3) {
	case 0:
		return bsoncore.AppendMinKeyElement(b, key)
	case 1:
		return bsoncore.AppendMaxKeyElement(b, key)
	}
	const digits34 = 1<<48 - 1 // with these bits in its upper half a coefficient has at most 34 digits: TestDecimal has others
	return bsoncore.AppendDecimal128Element(b, key, r.Uint64()&(1<<63|0x1FFF<<49|digits34), r.Uint64())
}

// decode describes a message from the client.
func decode(b []byte) (*wire.Tree, *wire.Cursor) {
	var tree wire.Tree
	var c wire.Cursor
	c.Reset(b, len(b), nil, &tree)
	mongodb.Protocol.Open(&l7.ConnInfo{}, nil).Decode(l7.ToServer, &c, &l7.Message{})
	return &tree, &c
}

// children are the groups in a group that stand for the elements of a document.
func children(tree *wire.Tree, parent int) (list []int) {
	for i := parent + 1; i < int(tree.Fields[parent].End); i++ {
		f := &tree.Fields[i]
		if int(f.Parent) == parent && f.Kind == wire.Group && f.Name != "terminator" {
			list = append(list, i)
		}
	}
	return list
}

// sameDocument compares the elements in a group of a tree with a document.
func sameDocument(t *testing.T, tree *wire.Tree, group int, doc bsoncore.Document, where string) {
	t.Helper()
	elements, err := doc.Elements()
	if err != nil {
		t.Fatal(err)
	}
	list := children(tree, group)
	if len(list) != len(elements) {
		t.Fatalf("%s: %d elements, not %d", where, len(list), len(elements))
	}
	for i, e := range elements {
		f := &tree.Fields[list[i]]
		at := where + "." + e.Key()
		if tree.Name(f) != e.Key() {
			t.Fatalf("%s: called %q", at, tree.Name(f))
		}
		if n := len(e); f.Len != n {
			t.Errorf("%s: %d bytes, not %d", at, f.Len, n)
		}
		sameValue(t, tree, list[i], e.Value(), at)
	}
}

// field finds a field in a group by its name.
func field(tree *wire.Tree, group int, name string) *wire.Field {
	for i := group + 1; i < int(tree.Fields[group].End); i++ {
		if f := &tree.Fields[i]; int(f.Parent) == group && f.Name == name {
			return f
		}
	}
	return &wire.Field{}
}

func sameValue(t *testing.T, tree *wire.Tree, at int, v bsoncore.Value, where string) {
	t.Helper()
	f := &tree.Fields[at]
	same := func(what string, got, want any) {
		t.Helper()
		if got != want {
			t.Errorf("%s (%s): %s is %v, not %v", where, v.Type, what, got, want)
		}
	}
	same("type", field(tree, at, "type").Num, uint64(v.Type))
	got := l7test.Shown(tree, f)
	switch v.Type {
	case bsoncore.TypeDouble:
		same("value", tree.Shown(f).Num, math.Float64bits(v.Double()))
	case bsoncore.TypeString:
		same("value", got, v.StringValue())
	case bsoncore.TypeEmbeddedDocument:
		sameDocument(t, tree, at, v.Document(), where)
	case bsoncore.TypeArray:
		sameDocument(t, tree, at, bsoncore.Document(v.Array()), where)
		for _, i := range children(tree, at) {
			same("an element's mark", tree.Fields[i].Index, true)
		}
	case bsoncore.TypeBinary:
		sub, data := v.Binary()
		same("subtype", field(tree, at, "subtype").Num, uint64(sub))
		b := tree.Content(tree.Shown(f))
		same(fmt.Sprintf("data of subtype %d", sub), fmt.Sprintf("%x", b), fmt.Sprintf("%x", data))
	case bsoncore.TypeUndefined:
		same("value", got, "undefined")
	case bsoncore.TypeObjectID:
		same("value", got, bson.ObjectID(v.ObjectID()).Hex())
	case bsoncore.TypeBoolean:
		same("value", tree.Shown(f).Label, fmt.Sprint(v.Boolean()))
	case bsoncore.TypeDateTime:
		ms := v.DateTime()
		want := fmt.Sprint(ms)
		if when := time.UnixMilli(ms).UTC(); when.Year() >= 0 && when.Year() <= 9999 {
			want = when.Format("2006-01-02T15:04:05.999Z07:00")
		}
		same("value", got, want)
	case bsoncore.TypeNull:
		same("value", got, "null")
	case bsoncore.TypeRegex:
		pattern, options := v.Regex()
		same("pattern", got, pattern)
		same("options", string(tree.Content(field(tree, at, "options"))), options)
	case bsoncore.TypeDBPointer:
		ns, id := v.DBPointer()
		same("namespace", got, ns)
		same("id", string(tree.Content(field(tree, at, "id"))), string(id[:]))
	case bsoncore.TypeJavaScript:
		same("value", got, v.JavaScript())
	case bsoncore.TypeSymbol:
		same("value", got, v.Symbol())
	case bsoncore.TypeCodeWithScope:
		code, scope := v.CodeWithScope()
		same("code", got, code)
		for i := at + 1; i < int(f.End); i++ {
			if g := &tree.Fields[i]; int(g.Parent) == at && g.Name == "scope" {
				sameDocument(t, tree, i, scope, where+".scope")
			}
		}
	case bsoncore.TypeInt32:
		same("value", got, fmt.Sprint(v.Int32()))
	case bsoncore.TypeTimestamp:
		s, i := v.Timestamp()
		same("value", got, fmt.Sprintf("t=%d i=%d", s, i))
	case bsoncore.TypeInt64:
		same("value", got, fmt.Sprint(v.Int64()))
	case bsoncore.TypeDecimal128:
		high, low := v.Decimal128()
		same("value", got, bson.NewDecimal128(high, low).String())
	case bsoncore.TypeMinKey:
		same("value", got, "minKey")
	case bsoncore.TypeMaxKey:
		same("value", got, "maxKey")
	default:
		t.Errorf("%s: a type that nobody compares: %s", where, v.Type)
	}
}

// TestDocuments: trees of random documents say what the driver says.
func TestDocuments(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	n := 0
	for range 1500 {
		doc := someDocument(r, 4, false)
		b := msg(1, 0, 0, bson.D{{Key: "insert", Value: "c"}, {Key: "$db", Value: "d"}}, sequence("documents", doc))
		tree, c := decode(b)
		if c.Err() != nil {
			t.Fatalf("%v: %x", c.Err(), doc)
		}
		for i := range tree.Fields {
			if f := &tree.Fields[i]; f.Name == "document" && f.Index {
				sameDocument(t, tree, i, doc, "doc")
				n++
			}
		}
		if t.Failed() {
			t.Fatalf("%x", doc)
		}
	}
	if n != 1500 {
		t.Errorf("%d documents were compared", n)
	}
}

// TestDecimal: any 128 bits are shown as the driver shows them.
func TestDecimal(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	show := func(high, low uint64) string {
		doc := bsoncore.NewDocumentBuilder().AppendDecimal128("x", high, low).Build()
		tree, _ := decode(msg(1, 0, 0, bson.D{{Key: "insert", Value: "c"}}, sequence("documents", doc)))
		for i := range tree.Fields {
			if f := &tree.Fields[i]; f.Type != nil && f.Type.Name == "decimal128" {
				return string(f.Type.Append(nil, tree.Content(f)))
			}
		}
		return "(no decimal)"
	}
	for i := range 20000 {
		high, low := r.Uint64(), r.Uint64()
		switch i % 4 {
		case 1: // few digits, any exponent
			high, low = high&0x7FFE<<49|high&(1<<63), low%1000
		case 2: // an exponent near zero
			high = high&(1<<63) | uint64(6176-40+r.IntN(80))<<49 | high%(1<<49)
		case 3:
			high = high&(1<<63) | uint64(6176-40+r.IntN(80))<<49
			low %= 1 << r.IntN(64)
		}
		want := bson.NewDecimal128(high, low).String()
		if digits := strings.Count(strings.Map(digit, strings.Split(want, "E")[0]), "d"); digits > 34 {
			continue // the specification counts such a coefficient as zero, the driver does not
		}
		if got := show(high, low); got != want {
			t.Errorf("%016x%016x is %s, not %s", high, low, got, want)
			if t.Failed() && i > 100 {
				return
			}
		}
	}
}

// digit makes digits ds.
func digit(r rune) rune {
	if r >= '0' && r <= '9' {
		return 'd'
	}
	return r
}

// query is the text of a command.
func query(t testing.TB, values bool, b []byte) (text string, fingerprint int64) {
	t.Helper()
	c := l7test.NewTalk()
	c.Bytes(stream.Forward, b)
	e := l7.New(l7.Config{DecodeAs: map[uint16]*l7.Protocol{7777: mongodb.Protocol}, Want: ^uint64(0), Values: values, Budget: 64 << 20}, func(r *record.Record) {
		text, fingerprint = strings.Clone(r.Text(record.Query)), r.Num(record.Fingerprint)
	})
	c.Play(e)
	return text, fingerprint
}

// sameJSON compares two texts as JSON: numbers by value.
func sameJSON(t *testing.T, got, want string) bool {
	t.Helper()
	if got == want {
		return json.Valid([]byte(got))
	}
	var a, b any
	for text, v := range map[string]*any{got: &a, want: &b} {
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		if err := d.Decode(v); err != nil {
			t.Errorf("no JSON: %v\n%s", err, text)
			return false
		}
	}
	return sameAny(a, b)
}

func sameAny(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k, v := range a {
			if w, ok := b[k]; !ok || !sameAny(v, w) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !sameAny(a[i], b[i]) {
				return false
			}
		}
		return true
	case json.Number:
		b, ok := b.(json.Number)
		x, _ := a.Float64()
		y, _ := b.Float64()
		return ok && (a == b || x == y)
	}
	return a == b
}

// TestQueryText: with values a command's text is the driver's relaxed Extended JSON.
func TestQueryText(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	n := 0
	for range 3000 {
		at, b := bsoncore.AppendDocumentStart(nil)
		b = bsoncore.AppendStringElement(b, "find", "c")
		b = bsoncore.AppendDocumentElement(b, "filter", someDocument(r, 3, false))
		b = bsoncore.AppendArrayElement(b, "list", bsoncore.Array(someDocument(r, 2, true)))
		b, _ = bsoncore.AppendDocumentEnd(b, at)
		want, err := bson.MarshalExtJSON(bson.Raw(b), false, false)
		if err != nil || len(want) > 3<<10 {
			continue
		}
		var full bson.D
		if err := bson.Unmarshal(b, &full); err != nil {
			t.Fatal(err)
		}
		n++
		m := msg(1, 0, 0, bson.D{})
		m = append(m[:header+5], b...)
		// What belongs to the session is left out.
		m = withSession(m)
		got, _ := query(t, true, m)
		if !sameJSON(t, got, string(want)) {
			i := 0
			for i < min(len(got), len(want)) && got[i] == want[i] {
				i++
			}
			t.Fatalf("at %d\n got %s\nwant %s", i, got[max(0, i-40):], want[max(0, i-40):])
		}
	}
	if n < 2000 {
		t.Errorf("%d texts were compared", n)
	}
}

// withSession adds what drivers add to a command, and sets its length.
func withSession(m []byte) []byte {
	doc := bsoncore.Document(m[header+5:])
	elements, _ := doc.Elements()
	at, b := bsoncore.AppendDocumentStart(nil)
	for _, e := range elements {
		b = append(b, e...)
	}
	b = bsoncore.AppendDocumentElement(b, "lsid", bsoncore.NewDocumentBuilder().AppendBinary("id", 4, make([]byte, 16)).Build())
	b = bsoncore.AppendInt64Element(b, "txnNumber", 7)
	b = bsoncore.AppendDocumentElement(b, "$clusterTime", bsoncore.NewDocumentBuilder().AppendTimestamp("clusterTime", 1, 2).Build())
	b = bsoncore.AppendStringElement(b, "$db", "d")
	b, _ = bsoncore.AppendDocumentEnd(b, at)
	m = append(m[:header+5:header+5], b...)
	binary.LittleEndian.PutUint32(m, uint32(len(m)))
	return m
}

// TestFingerprint: equal for queries of one shape, whatever their values, their session and the number of their
// documents; different for others.
func TestFingerprint(t *testing.T) {
	find := func(filter bson.D, more ...bson.E) []byte {
		return msg(1, 0, 0, append(bson.D{{Key: "find", Value: "c"}, {Key: "filter", Value: filter}, {Key: "$db", Value: "d"}}, more...))
	}
	insert := func(n int, doc func(i int) bson.D) []byte {
		var docs []bsoncore.Document
		for i := range n {
			b, _ := bson.Marshal(doc(i))
			docs = append(docs, b)
		}
		return msg(1, 0, 0, bson.D{{Key: "insert", Value: "c"}, {Key: "$db", Value: "d"}}, sequence("documents", docs...))
	}
	in := func(n int) bson.D {
		list := bson.A{}
		for i := range n {
			list = append(list, i)
		}
		return bson.D{{Key: "a", Value: bson.D{{Key: "$in", Value: list}}}}
	}
	item := func(i int) bson.D { return bson.D{{Key: "_id", Value: i}, {Key: "t", Value: strings.Repeat("x", i%7)}} }
	inside := func(n int) []byte { // as drivers of old send it
		list := bson.A{}
		for i := range n {
			list = append(list, item(i))
		}
		return msg(1, 0, 0, bson.D{{Key: "insert", Value: "c"}, {Key: "documents", Value: list}, {Key: "$db", Value: "d"}})
	}
	groups := [][][]byte{
		{find(bson.D{{Key: "a", Value: 1}}), find(bson.D{{Key: "a", Value: "text"}}), find(bson.D{{Key: "a", Value: nil}}),
			withSession(find(bson.D{{Key: "a", Value: 3}}))},
		{find(bson.D{{Key: "b", Value: 1}})},
		{find(bson.D{{Key: "a", Value: bson.D{{Key: "$gt", Value: 1}}}}), find(bson.D{{Key: "a", Value: bson.D{{Key: "$gt", Value: 2.5}}}})},
		{find(in(1)), find(in(2)), find(in(500))},
		{insert(1, item), insert(2, item), insert(1000, item), insert(9000, item),
			inside(1), inside(2), inside(1000), inside(9000)},
		{insert(1, func(int) bson.D { return bson.D{{Key: "other", Value: 1}} })},
		{find(bson.D{{Key: "a", Value: 1}}, bson.E{Key: "limit", Value: 1}), find(bson.D{{Key: "a", Value: 1}}, bson.E{Key: "limit", Value: 5})},
	}
	session := bson.D{{Key: "find", Value: "c"}, {Key: "filter", Value: bson.D{{Key: "a", Value: 9}}}, {Key: "lsid", Value: bson.D{{Key: "id", Value: 1}}}, {Key: "txnNumber", Value: int64(3)}, {Key: "$clusterTime", Value: bson.D{}}, {Key: "$db", Value: "d"}}
	groups[0] = append(groups[0], msg(77, 0, 0, session))
	seen := map[int64]int{}
	for i, g := range groups {
		_, want := query(t, false, g[0])
		if j, ok := seen[want]; ok {
			t.Errorf("groups %d and %d have the same fingerprint", i, j)
		}
		seen[want] = i
		for j, m := range g {
			text, got := query(t, false, m)
			if got != want {
				t.Errorf("group %d, message %d: another fingerprint: %s", i, j, text)
			}
			if _, shown := query(t, true, m); shown != want {
				t.Errorf("group %d, message %d: another fingerprint with values", i, j)
			}
		}
	}
}

// nested is a document so deep.
func nested(depth int) bsoncore.Document {
	const level = 4 + len("\x03d\x00") + 1 // what each adds to the one inside
	var b []byte
	for i := depth; i > 0; i-- {
		b = binary.LittleEndian.AppendUint32(b, uint32(5+i*level))
		b = append(b, "\x03d\x00"...)
	}
	b = append(b, 5, 0, 0, 0, 0)
	return append(b, make([]byte, depth)...)
}

// TestNesting: servers allow 200 levels; far beyond is no document. The text ends somewhere, and is JSON.
func TestNesting(t *testing.T) {
	for depth, fine := range map[int]bool{100: true, 200: true, 300: false, 100000: false} {
		b := msg(1, 0, 0, bson.D{{Key: "insert", Value: "c"}}, sequence("documents", nested(depth)))
		_, c := decode(b)
		if (c.Err() == nil) != fine || !fine && c.Err().Kind != wire.Invalid {
			t.Errorf("%d deep: %v", depth, c.Err())
		}
		for _, values := range []bool{false, true} {
			if text, _ := query(t, values, b); !json.Valid([]byte(text)) {
				t.Errorf("%d deep: no JSON: %.200s", depth, text)
			}
		}
	}
}

// TestMasked: what an error quotes of the user's data is not shown.
func TestMasked(t *testing.T) {
	const secret = "s3cr3t"
	for _, text := range []string{
		`E11000 duplicate key error collection: d.c index: _id_ dup key: { _id: "s3cr3t" }`,
		`E11000 duplicate key error collection: d.c index: a_1_b_1 dup key: { a: "s3cr3t", b: "s3cr3t" }`,
		`E11000 duplicate key error collection: d.c index: a_1 dup key: { a: ObjectId('s3cr3t') }`,
		`E11000 duplicate key error collection: d.c index: a_1 dup key: { a: { b: "s3cr3t", c: [ "s3cr3t", s3cr3t ] } }`,
		`E11000 duplicate key error collection: d.c index: a_1 dup key: { : "s3cr3t" }`,
		`E11000 duplicate key error collection: d.c index: a_1 dup key: { a: "it's \"s3cr3t\"" }`,
		`Plan executor error during update :: caused by :: Performing an update on the path '_id' would modify the immutable field '_id' from 's3cr3t'`,
		`Cannot increment with non-numeric argument: {n: "s3cr3t"}`,
		`Failed to parse number 's3cr3t' in $convert with no onError value`,
		`unknown operator: "s3cr3t"`,
		`Cursor 'x' with "s3cr3t`,
		`{ a: "s3cr3t`,
		`{ a: 'it''s s3cr3t', b: BinData(0, s3cr3t) }`,
	} {
		rows := talk(t, false, say{stream.Forward, msg(1, 0, 0, bson.D{{Key: "ping", Value: 1}, {Key: "$db", Value: "d"}})},
			say{stream.Backward, msg(2, 1, 0, bson.D{{Key: "ok", Value: 0.0}, {Key: "code", Value: 11000}, {Key: "codeName", Value: "DuplicateKey"}, {Key: "errmsg", Value: text}})})
		if len(rows) != 1 || strings.Contains(rows[0].String(), secret) || !strings.HasPrefix(rows[0].Text(record.Error), "DuplicateKey: ") {
			t.Errorf("%s\nis shown as %v", text, rows)
		}
	}
}

func FuzzMasked(f *testing.F) {
	f.Add(`dup key: { a: "x", b: 'y', c: [ 1, z ] }`)
	f.Fuzz(func(t *testing.T, s string) {
		text := `quoted "s3cr3t" and ` + s
		if strings.ContainsAny(s, "\x00") {
			return
		}
		rows := talk(t, false, say{stream.Forward, msg(1, 0, 0, bson.D{{Key: "ping", Value: 1}, {Key: "$db", Value: "d"}})},
			say{stream.Backward, msg(2, 1, 0, bson.D{{Key: "ok", Value: 0.0}, {Key: "errmsg", Value: text}})})
		if len(rows) != 1 || strings.Contains(rows[0].Text(record.Error), "s3cr3t") && !strings.Contains(s, "s3cr3t") {
			t.Errorf("%v", rows)
		}
	})
}

// FuzzQuery: whatever stands where a command should, its text is JSON, and bounded.
func FuzzQuery(f *testing.F) {
	r := rand.New(rand.NewPCG(10, 10))
	for range 30 {
		f.Add([]byte(someDocument(r, 3, false)))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		for _, kind := range []int{0, 1} {
			m := msg(1, 0, 0, bson.D{})
			if kind == 0 {
				m = append(m[:header+5], doc...)
			} else {
				m = append(m, sequence("documents", doc)...)
			}
			binary.LittleEndian.PutUint32(m, uint32(len(m)))
			for _, values := range []bool{false, true} {
				text, _ := query(t, values, m)
				if text != "" && !json.Valid([]byte(text)) {
					t.Fatalf("no JSON: %s", text)
				}
				if len(text) > 16<<10+8*len(m) {
					t.Fatalf("%d bytes of text from %d", len(text), len(m))
				}
			}
		}
	})
}

func FuzzDecode(f *testing.F) { l7test.Fuzz(f, mongodb.Protocol, "tls*") }

func FuzzProbe(f *testing.F) { l7test.FuzzProbe(f, mongodb.Protocol, "tls*") }

// squeezed is an OP_COMPRESSED that says it holds size bytes of an OP_MSG.
func squeezed(compressor byte, size int, data []byte) []byte {
	le := binary.LittleEndian
	b := msg(1, 0, 0, bson.D{})[:header]
	le.PutUint32(b[12:], opCompressed)
	b = le.AppendUint32(b, opMsg)
	b = le.AppendUint32(b, uint32(size))
	b = append(append(b, compressor), data...)
	le.PutUint32(b, uint32(len(b)))
	return b
}

// TestBombs: what is decompressed is bounded by what the message says, and by what a message may be; a message that
// says too little, or too much, is malformed.
func TestBombs(t *testing.T) {
	const zeros = 4 << 20
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	w.Write(make([]byte, zeros))
	w.Close()
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for compressor, data := range map[byte][]byte{1: snappy.Encode(nil, make([]byte, zeros)), 2: z.Bytes(), 3: enc.EncodeAll(make([]byte, zeros), nil)} {
		for _, size := range []int{0, 1000, zeros + 1, 48_000_000, 1 << 30, -1} {
			b := squeezed(compressor, size, data)
			for _, tree := range []*wire.Tree{nil, {}} {
				var c wire.Cursor
				var m l7.Message
				c.Reset(b, len(b), nil, tree)
				mongodb.Protocol.Open(&l7.ConnInfo{}, nil).Decode(l7.ToServer, &c, &m)
				if c.Err() == nil && m.Doubts&record.Malformed == 0 {
					t.Errorf("compressor %d, %d bytes for %d: nothing is wrong", compressor, size, zeros)
				}
				if limit := max(min(size, 17<<20), 0) + 64<<10; cap(m.Derived) > limit {
					t.Errorf("compressor %d, %d bytes for %d: %d bytes of memory", compressor, size, zeros, cap(m.Derived))
				}
			}
		}
	}
}
