package main

import (
	"bytes"
	"encoding/binary"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
	wm "go.mongodb.org/mongo-driver/v2/x/mongo/driver/wiremessage"
)

// fields reads the parts of a legacy message. After a short one, everything is zero and short is set.
type fields struct {
	b     []byte
	short bool
}

func (f *fields) take(n int) []byte {
	if f.short || n > len(f.b) {
		f.short = true
		return make([]byte, n)
	}
	out := f.b[:n]
	f.b = f.b[n:]
	return out
}

func (f *fields) int32() int32 { return int32(binary.LittleEndian.Uint32(f.take(4))) }
func (f *fields) int64() int64 { return int64(binary.LittleEndian.Uint64(f.take(8))) }

func (f *fields) cstring() string {
	s, rest, ok := bytes.Cut(f.b, []byte{0})
	if !ok {
		f.short = true
		return ""
	}
	f.b = rest
	return string(s)
}

func (f *fields) document() bsoncore.Document {
	d, rest, ok := bsoncore.ReadDocument(f.b)
	if !ok {
		f.short = true
		return marshal(nil)
	}
	f.b = rest
	return d
}

// documents reads to the end.
func (f *fields) documents() (out []bsoncore.Document) {
	for len(f.b) > 0 && !f.short {
		out = append(out, f.document())
	}
	return out
}

func splitNamespace(ns string) (db, coll string) {
	db, coll, _ = strings.Cut(ns, ".")
	return db, coll
}

// asArray is the documents as a command takes them.
func asArray(docs []bsoncore.Document) bson.A {
	out := bson.A{}
	for _, d := range docs {
		out = append(out, bson.Raw(d))
	}
	return out
}

// opReply sends an OP_REPLY.
func (s *session) opReply(m *message, x *exchange, flags wm.ReplyFlag, cursor int64, start int32, docs ...bsoncore.Document) error {
	b := wm.AppendReplyFlags(nil, flags)
	b = wm.AppendReplyCursorID(b, cursor)
	b = wm.AppendReplyStartingFrom(b, start)
	b = wm.AppendReplyNumberReturned(b, int32(len(docs)))
	for _, d := range docs {
		b = append(b, d...)
	}
	var doc bsoncore.Document
	if x.Command != "query" && x.Command != "get_more" {
		doc = docs[0] // a command has one
	}
	return s.send(m, x, &message{op: wm.OpReply, body: b}, uint32(flags), doc)
}

// query answers an OP_QUERY: a command if it is on $cmd, a find otherwise.
func (s *session) query(m *message, x *exchange) error {
	f := fields{b: m.body}
	flags := wm.QueryFlag(f.int32())
	ns := f.cstring()
	skip, want := f.int32(), f.int32()
	q := f.document()
	var projection bsoncore.Document
	if len(f.b) > 0 {
		projection = f.document()
	}
	if f.short {
		return errClose("short OP_QUERY")
	}
	db, coll := splitNamespace(ns)
	filter := q
	for _, key := range []string{"$query", "query"} {
		if e, err := q.IndexErr(0); err == nil && e.Key() == key {
			filter, _ = e.Value().DocumentOK()
		}
	}
	x.Flags, x.DB = uint32(flags), db
	if coll == "$cmd" {
		x.request(filter)
		return s.queryCommand(m, x, db, filter)
	}
	x.Command, x.Target = "query", coll
	find := d("find", coll, "filter", bson.Raw(filter))
	if sort, ok := q.Lookup("$orderby").DocumentOK(); ok {
		find = append(find, d("sort", bson.Raw(sort))...)
	}
	if projection != nil {
		find = append(find, d("projection", bson.Raw(projection))...)
	}
	if skip > 0 {
		find = append(find, d("skip", skip)...)
	}
	switch {
	case want == 1 || want < 0: // one batch, no cursor
		find = append(find, d("limit", max(want, -want), "singleBatch", true)...)
	case want > 1:
		find = append(find, d("batchSize", want)...)
	}
	s.delay(coll)
	answer, err := s.askDoc(append(find, d("$db", db)...))
	if err != nil {
		return err
	}
	id, err := s.batch(m, x, ns, answer)
	for err == nil && id != 0 && flags&wm.Exhaust != 0 {
		more := d("getMore", id, "collection", coll, "batchSize", want, "$db", db)
		if answer, err = s.askDoc(more); err == nil {
			id, err = s.batch(m, x, ns, answer)
		}
	}
	return err
}

// queryCommand answers a command sent as OP_QUERY.
func (s *session) queryCommand(m *message, x *exchange, db string, cmd bsoncore.Document) error {
	var answer bsoncore.Document
	var err error
	if strings.EqualFold(x.Command, "getlasterror") {
		answer = marshal(d("n", int32(s.lastN), "err", nil, "ok", 1.0))
	} else {
		answer, err = s.run(&opMsg{doc: edit(cmd, []string{"$db"}, d("$db", db))})
	}
	if err != nil {
		return err
	}
	return s.opReply(m, x, wm.AwaitCapable, 0, 0, answer)
}

// batch sends the documents of a find's or getMore's answer and returns the cursor.
func (s *session) batch(m *message, x *exchange, ns string, answer bsoncore.Document) (int64, error) {
	if ok, _ := answer.Lookup("ok").AsFloat64OK(); ok != 1 {
		x.Code, x.Errmsg = code(answer), text(answer.Lookup("errmsg"))
		if x.Code == 43 { // CursorNotFound
			return 0, s.opReply(m, x, wm.CursorNotFound, 0, 0)
		}
		return 0, s.opReply(m, x, wm.QueryFailure|wm.AwaitCapable, 0, 0, marshal(d("$err", x.Errmsg, "code", x.Code)))
	}
	var docs []bsoncore.Document
	for _, field := range []string{"firstBatch", "nextBatch"} {
		for _, v := range list(answer.Lookup("cursor", field)) {
			docs = append(docs, v.Document())
		}
	}
	id, _ := answer.Lookup("cursor", "id").AsInt64OK()
	s.cursors[id] = ns
	start := x.Rows
	x.Rows += len(docs)
	x.Cursor = id
	return id, s.opReply(m, x, wm.AwaitCapable, id, int32(start), docs...)
}

// command answers an OP_COMMAND, which members of one cluster spoke among themselves in 3.2 and 3.4.
func (s *session) command(m *message, x *exchange) error {
	f := fields{b: m.body}
	db, name := f.cstring(), f.cstring()
	args, metadata := f.document(), f.document()
	x.Docs = len(f.documents())
	if f.short {
		return errClose("short OP_COMMAND")
	}
	x.request(args)
	x.DB, x.Command = db, name
	answer, err := s.run(&opMsg{doc: edit(args, nil, d("$db", db))})
	if err != nil {
		return err
	}
	return s.send(m, x, &message{op: wm.OpCommandReply, body: append(bytes.Clone(answer), metadata...)}, 0, answer)
}

// legacy does what the other legacy opcodes ask. Only OP_GET_MORE has an answer.
func (s *session) legacy(m *message, x *exchange) error {
	f := fields{b: m.body}
	if m.op == opMsgOld {
		x.Command = "msg"
		f.cstring()
		return s.done(&f, nil)
	}
	flags := f.int32() // reserved in all but OP_INSERT
	if m.op == wm.OpKillCursors {
		x.Command, x.OneWay = "kill_cursors", true
		for n := f.int32(); n > 0 && !f.short; n-- {
			id := f.int64()
			x.Cursor = id
			if ns, ok := s.cursors[id]; ok {
				db, coll := splitNamespace(ns)
				x.DB, x.Target = db, coll
				if _, err := s.askDoc(d("killCursors", coll, "cursors", bson.A{id}, "$db", db)); err != nil {
					return err
				}
			}
		}
		return s.done(&f, nil)
	}
	ns := f.cstring()
	db, coll := splitNamespace(ns)
	x.DB, x.Target, x.OneWay = db, coll, true
	var cmd bson.D
	switch m.op {
	case wm.OpGetMore:
		x.Command, x.OneWay = "get_more", false
		want := f.int32()
		cmd = d("getMore", f.int64(), "collection", coll)
		if want > 0 {
			cmd = append(cmd, d("batchSize", want)...)
		}
		answer, err := s.askDoc(append(cmd, d("$db", db)...))
		if err != nil {
			return err
		}
		_, err = s.batch(m, x, ns, answer)
		return err
	case wm.OpInsert:
		docs := f.documents()
		x.Command, x.Flags, x.Docs = "insert", uint32(flags), len(docs)
		cmd = d("insert", coll, "documents", asArray(docs), "ordered", flags&1 == 0)
	case wm.OpUpdate:
		how := f.int32()
		x.Command, x.Flags = "update", uint32(how)
		cmd = d("update", coll, "updates", bson.A{d(
			"q", bson.Raw(f.document()), "u", bson.Raw(f.document()),
			"upsert", how&1 != 0, "multi", how&2 != 0,
		)})
	case wm.OpDelete:
		how := f.int32()
		x.Command, x.Flags = "delete", uint32(how)
		cmd = d("delete", coll, "deletes", bson.A{d(
			"q", bson.Raw(f.document()), "limit", how&1,
		)})
	default:
		return errClose("unknown opcode")
	}
	return s.done(&f, append(cmd, d("$db", db)...))
}

// done runs what a legacy write asks, if anything, and keeps its outcome for getLastError.
func (s *session) done(f *fields, cmd bson.D) error {
	if f.short {
		return errClose("short legacy message")
	}
	if cmd == nil {
		return nil
	}
	answer, err := s.askDoc(cmd)
	if err != nil {
		return err
	}
	s.lastN, _ = answer.Lookup("n").AsInt64OK()
	return nil
}
