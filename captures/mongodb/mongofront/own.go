package main

import (
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// typesCollection is answered by the front in every database: it holds what FerretDB cannot store.
const typesCollection = "types"

// own answers the commands FerretDB does not know. It returns nil for all others.
func (s *session) own(name string, p *opMsg) (bsoncore.Document, error) {
	if data := s.failpoint.hit(name); data != nil {
		if answer, err := fail(data); answer != nil || err != nil {
			return answer, err
		}
	}
	if p.doc.Lookup("startTransaction").Type != 0 {
		s.txn = number(p.doc.Lookup("txnNumber"))
	}
	e, _ := p.doc.IndexErr(0)
	switch name {
	case "configureFailPoint":
		return s.failpoint.configure(p.doc), nil
	case "commitTransaction", "abortTransaction":
		return s.endTransaction(p), nil
	case "bulkWrite":
		return s.bulkWrite(p)
	case "saslStart", "saslContinue":
		if s.user != "" {
			return s.sasl(p.doc), nil
		}
	case "aggregate", "getMore", "killCursors":
		return s.watch(name, p.doc), nil
	case "find", "insert":
		if text(e.Value()) != typesCollection {
			break
		}
		if name == "find" {
			ns := text(p.doc.Lookup("$db")) + "." + typesCollection
			return marshal(d("cursor", d(
				"firstBatch", bson.A{bson.Raw(everyType()), bson.Raw(everyBinary()), bson.Raw(deep(180))},
				"id", int64(0), "ns", ns,
			), "ok", 1.0)), nil
		}
		n := len(list(p.doc.Lookup("documents")))
		for _, q := range p.sequences {
			n += len(q.docs)
		}
		return marshal(d("n", int32(n), "ok", 1.0)), nil
	}
	return nil, nil
}

// endTransaction answers commit and abort. What a transaction did was done at once; an abort undoes nothing.
func (s *session) endTransaction(p *opMsg) bsoncore.Document {
	n := number(p.doc.Lookup("txnNumber"))
	if s.txn == nil || n == nil || *n != *s.txn {
		return marshal(d(
			"ok", 0.0,
			"errmsg", "Given transaction number does not match any in-progress transactions.",
			"code", int32(251), "codeName", "NoSuchTransaction",
			"errorLabels", bson.A{"TransientTransactionError"},
		))
	}
	if e, _ := p.doc.IndexErr(0); e.Key() == "abortTransaction" {
		s.txn = nil
	}
	return marshal(d("ok", 1.0))
}

// bulkWrite does the operations of a client bulk write one by one.
func (s *session) bulkWrite(p *opMsg) (bsoncore.Document, error) {
	var ops, namespaces []bsoncore.Document
	for _, q := range p.sequences {
		switch q.name {
		case "ops":
			ops = q.docs
		case "nsInfo":
			namespaces = q.docs
		}
	}
	ordered, found := p.doc.Lookup("ordered").BooleanOK()
	var results bson.A
	var failed, inserted, matched, modified, upserted, deleted int32
	for i, op := range ops {
		e, err := op.IndexErr(0)
		if err != nil {
			return nil, errClose("empty operation")
		}
		at, _ := e.Value().AsInt64OK()
		if int(at) >= len(namespaces) {
			return nil, errClose("operation names no namespace")
		}
		db, coll := splitNamespace(text(namespaces[at].Lookup("ns")))
		answer, err := s.askDoc(append(bulkOperation(e.Key(), coll, op), d("$db", db)...))
		if err != nil {
			return nil, err
		}
		r := d("ok", 1.0, "idx", int32(i))
		n := value(answer.Lookup("n"))
		if es := list(answer.Lookup("writeErrors")); len(es) > 0 {
			failed++
			w := es[0].Document()
			r = d("ok", 0.0, "idx", int32(i), "code", code(w), "errmsg", text(w.Lookup("errmsg")))
			n = 0
		}
		r = append(r, d("n", n)...)
		switch e.Key() {
		case "insert":
			inserted += n
		case "delete":
			deleted += n
		case "update":
			m := value(answer.Lookup("nModified"))
			modified += m
			r = append(r, d("nModified", m)...)
			if u := list(answer.Lookup("upserted")); len(u) > 0 {
				upserted++
				id := u[0].Document().Lookup("_id")
				r = append(r, d("upserted", d("_id", raw(id)))...)
			} else {
				matched += n
			}
		}
		results = append(results, r)
		if failed > 0 && (ordered || !found) {
			break
		}
	}
	if errorsOnly, _ := p.doc.Lookup("errorsOnly").BooleanOK(); errorsOnly {
		var only bson.A
		for _, r := range results {
			if r.(bson.D)[0].Value == 0.0 {
				only = append(only, r)
			}
		}
		results = only
	}
	if results == nil {
		results = bson.A{}
	}
	return marshal(d(
		"cursor", d("id", int64(0), "firstBatch", results, "ns", "admin.$cmd.bulkWrite"),
		"nErrors", failed, "nInserted", inserted, "nMatched", matched,
		"nModified", modified, "nUpserted", upserted, "nDeleted", deleted,
		"ok", 1.0,
	)), nil
}

// bulkOperation is the command of one operation.
func bulkOperation(name, coll string, op bsoncore.Document) bson.D {
	multi, _ := op.Lookup("multi").BooleanOK()
	switch name {
	case "insert":
		return d("insert", coll, "documents", bson.A{raw(op.Lookup("document"))})
	case "update":
		upsert, _ := op.Lookup("upsert").BooleanOK()
		return d("update", coll, "updates", bson.A{d(
			"q", raw(op.Lookup("filter")), "u", raw(op.Lookup("updateMods")), "multi", multi, "upsert", upsert,
		)})
	default:
		limit := int32(1)
		if multi {
			limit = 0
		}
		return d("delete", coll, "deletes", bson.A{d("q", raw(op.Lookup("filter")), "limit", limit)})
	}
}

// deep is a document n levels deep, every second one an array.
func deep(n int) bsoncore.Document {
	v := bsoncore.NewDocumentBuilder().AppendString("bottom", "here").Build()
	for ; n > 2; n -= 2 {
		v = bsoncore.NewDocumentBuilder().AppendArray("a", bsoncore.NewArrayBuilder().AppendDocument(v).Build()).Build()
	}
	return bsoncore.NewDocumentBuilder().AppendInt32("_id", 3).AppendDocument("d", v).Build()
}

// raw is a value as bson.Marshal takes it.
func raw(v bsoncore.Value) bson.RawValue {
	return bson.RawValue{Type: bson.Type(v.Type), Value: v.Data}
}

// value is a number, 0 for what is not one.
func value(v bsoncore.Value) int32 {
	n, _ := v.AsInt64OK()
	return int32(n)
}

// everyType is a document with each type of the BSON specification, the deprecated ones too.
func everyType() bsoncore.Document {
	id := bson.ObjectID{0x65, 0x4f, 0x1c, 0x2e, 0x9a, 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66}
	inner := bsoncore.NewDocumentBuilder().AppendInt32("x", 1).AppendString("y", "two").Build()
	i, b := bsoncore.AppendDocumentStart(nil)
	b = bsoncore.AppendObjectIDElement(b, "_id", id)
	b = bsoncore.AppendDoubleElement(b, "double", 3.25)
	b = bsoncore.AppendStringElement(b, "string", "Grüße, 世界 🐘")
	b = bsoncore.AppendDocumentElement(b, "document", inner)
	b = bsoncore.AppendArrayElement(b, "array", bsoncore.NewArrayBuilder().AppendInt32(1).AppendString("b").AppendDocument(inner).AppendNull().Build())
	b = bsoncore.AppendBinaryElement(b, "binary", 0, []byte("some bytes"))
	b = bsoncore.AppendUndefinedElement(b, "undefined")
	b = bsoncore.AppendBooleanElement(b, "true", true)
	b = bsoncore.AppendBooleanElement(b, "false", false)
	b = bsoncore.AppendDateTimeElement(b, "date", 1_700_000_000_123)
	b = bsoncore.AppendDateTimeElement(b, "dateBefore1970", -1_234_567_890_123)
	b = bsoncore.AppendNullElement(b, "null")
	b = bsoncore.AppendRegexElement(b, "regex", "^a.*z$", "im")
	b = bsoncore.AppendDBPointerElement(b, "dbPointer", "shop.orders", id)
	b = bsoncore.AppendJavaScriptElement(b, "code", "function () { return 1 }")
	b = bsoncore.AppendSymbolElement(b, "symbol", "a symbol")
	b = bsoncore.AppendCodeWithScopeElement(b, "codeWithScope", "function () { return x }", inner)
	b = bsoncore.AppendInt32Element(b, "int32", -2_147_483_648)
	b = bsoncore.AppendTimestampElement(b, "timestamp", 4_294_967_295, 7)
	b = bsoncore.AppendInt64Element(b, "int64", -9_223_372_036_854_775_808)
	for _, text := range []string{"1.5", "-0.000001", "9.999999999999999999999999999999999E+6144", "1E-6176", "0E+3", "-0", "NaN", "Infinity", "-Infinity", "12345678901234567890123456789012345E-1"} {
		if d, err := bson.ParseDecimal128(text); err == nil {
			h, l := d.GetBytes()
			b = bsoncore.AppendDecimal128Element(b, "decimal128 "+text, h, l)
		}
	}
	b = bsoncore.AppendMinKeyElement(b, "minKey")
	b = bsoncore.AppendMaxKeyElement(b, "maxKey")
	b = bsoncore.AppendStringElement(b, "", "empty key")
	b = bsoncore.AppendStringElement(b, "nul", "a\x00b")
	b = bsoncore.AppendInt32Element(b, "int32", 2) // a key again
	b, _ = bsoncore.AppendDocumentEnd(b, i)
	return b
}

// everyBinary is a document with each binary subtype.
func everyBinary() bsoncore.Document {
	uuid := []byte{0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}
	i, b := bsoncore.AppendDocumentStart(nil)
	b = bsoncore.AppendInt32Element(b, "_id", 2)
	for _, v := range []struct {
		name    string
		subtype byte
		data    []byte
	}{
		{"generic", 0x00, []byte{1, 2, 3}},
		{"function", 0x01, []byte("f")},
		{"old generic", 0x02, []byte{1, 2, 3}}, // has a length of its own inside
		{"old UUID", 0x03, uuid},
		{"UUID", 0x04, uuid},
		{"MD5", 0x05, uuid},
		{"encrypted", 0x06, append([]byte{1}, uuid...)},
		{"column", 0x07, []byte{0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0x00}},
		{"sensitive", 0x08, []byte("hidden")},
		{"vector int8", 0x09, []byte{0x03, 0x00, 0x7f, 0x80}},
		{"vector float32", 0x09, []byte{0x27, 0x00, 0x00, 0x00, 0x80, 0x3f}},
		{"vector bits", 0x09, []byte{0x10, 0x03, 0xf0, 0xf8}},
		{"user defined", 0x80, []byte("anything")},
		{"empty", 0x00, nil},
	} {
		b = bsoncore.AppendBinaryElement(b, v.name, v.subtype, v.data)
	}
	b, _ = bsoncore.AppendDocumentEnd(b, i)
	return b
}
