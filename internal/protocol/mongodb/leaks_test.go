package mongodb_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/protocol/mongodb"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/stream"
	"github.com/dbtap/dbtap/internal/wire"
)

// What tests look for: nobody may see the first, nobody unasked the second, also as a number.
const (
	aSecret = "hunter2-SeCrEt-Zq9"
	aValue  = "valu3-PrIvAtE-Xk7"
	aNumber = 1234567891
)

// raw makes a message of any opcode.
func raw(op, id, to int, parts ...any) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32(nil, 0)
	b = le.AppendUint32(b, uint32(id))
	b = le.AppendUint32(b, uint32(to))
	b = le.AppendUint32(b, uint32(op))
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			b = le.AppendUint32(b, uint32(p))
		case string:
			b = append(append(b, p...), 0)
		case []byte:
			b = append(b, p...)
		case bson.D:
			b = append(b, document(p)...)
		}
	}
	le.PutUint32(b, uint32(len(b)))
	return b
}

func document(d bson.D) bsoncore.Document {
	b, err := bson.Marshal(append(bson.D{}, d...))
	if err != nil {
		panic(err)
	}
	return b
}

// The messages of a conversation: ask is the request 5, answer its answer.
func ask(e ...bson.E) say {
	return say{stream.Forward, msg(5, 0, 0, append(bson.D(e), bson.E{Key: "$db", Value: "admin"}))}
}
func answer(e ...bson.E) say         { return say{stream.Backward, msg(50, 5, 0, e)} }
func e(key string, value any) bson.E { return bson.E{Key: key, Value: value} }
func d(e ...bson.E) bson.D           { return e }
func forth(b []byte) say             { return say{stream.Forward, b} }
func back(b []byte) say              { return say{stream.Backward, b} }
func opQueryOf(coll string, q bson.D, more ...any) say {
	return forth(raw(opQuery, 5, 0, append([]any{0, coll, 0, 1, q}, more...)...))
}
func opReplyOf(to int, docs ...any) say {
	return back(raw(opReply, 50, to, append([]any{0, 0, 0, 0, len(docs)}, docs...)...))
}

// body2 is a second section of kind 0.
func body2(d bson.D) []byte { return append([]byte{0}, document(d)...) }

// noop puts a message into OP_COMPRESSED as it is.
func noop(s say) say {
	return forth(raw(opCompressed, 5, 0, int(opcode(s.b)), len(s.b)-header, append([]byte{0}, s.b[header:]...)))
}

type leak struct {
	name string
	list []say
}

// shows tells where a conversation shows what it should not: in the rows, or in the fields of at most a class.
func shows(t *testing.T, list []say, values bool, visible wire.Class, texts ...string) string {
	t.Helper()
	rows := talk(t, values, list...)
	if len(rows) == 0 {
		t.Errorf("no rows")
	}
	for _, r := range rows {
		for _, text := range texts {
			if form := contains(r.String(), text); form != "" {
				return form + " in " + r.String()
			}
		}
	}
	dialog := mongodb.Protocol.Open(&l7.ConnInfo{}, nil)
	swapped := list[0].dir == stream.Forward && binary.LittleEndian.Uint32(list[0].b[8:]) != 0
	for _, s := range list {
		dir := l7.ToServer
		if (s.dir == stream.Backward) != swapped {
			dir = l7.ToClient
		}
		var m l7.Message
		var c wire.Cursor
		var tree wire.Tree
		c.Reset(s.b, len(s.b), nil, &tree)
		dialog.Decode(dir, &c, &m)
		for i := range tree.Fields {
			f := &tree.Fields[i]
			if f.Kind == wire.Group || f.Class > visible || f.Parent >= 0 && f.Name == "name" {
				continue
			}
			for _, text := range texts {
				if bytes.Contains(tree.Content(f), []byte(text)) {
					return "the field " + f.Name + " of " + tree.Name(&tree.Fields[max(f.Parent, 0)])
				}
			}
		}
		alone := mongodb.Protocol.Open(&l7.ConnInfo{}, dialog.AppendContext(nil, dir, &m))
		var again wire.Tree
		c.Reset(s.b, len(s.b), nil, &again)
		alone.Decode(dir, &c, &l7.Message{})
		for i := range tree.Fields {
			if len(again.Fields) != len(tree.Fields) || tree.Fields[i].Class != again.Fields[i].Class {
				return "a replay"
			}
		}
		c.Reset(s.b, len(s.b), nil, nil)
		dialog.Decode(dir, &c, &m)
		dialog.Advance(dir, &m)
	}
	return ""
}

// contains tells in which form a text holds another.
func contains(text, part string) string {
	for form, b := range map[string]string{"text": part, "hexadecimal": hex.EncodeToString([]byte(part))} {
		if strings.Contains(text, b) {
			return form
		}
	}
	for shift := range 3 {
		b := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x00", shift) + part))
		if b = b[(shift*8+5)/6 : len(b)-4]; len(b) > 3 && strings.Contains(text, b) {
			return "base64"
		}
	}
	return ""
}

// TestSecrets: what lets somebody in is shown to nobody, wherever a command or an answer has it.
func TestSecrets(t *testing.T) {
	plain := []byte("\x00bob\x00" + aSecret)
	pwd, payload := e("pwd", aSecret), e("payload", plain)
	createUser, saslStart := e("createUser", "bob"), e("saslStart", 1)
	ok, failed := answer(e("ok", 1.0)), func(text string) say { return answer(e("ok", 0.0), e("code", 2), e("errmsg", text)) }
	list := []leak{
		{"first, a text", []say{ask(pwd, createUser), ok}},
		{"first, a payload of text", []say{ask(e("payload", aSecret), saslStart), ok}},
		{"first, bytes", []say{ask(payload, saslStart), ok}},
		{"before the name", []say{ask(e("mechanism", "PLAIN"), payload, saslStart), ok}},
		{"a document", []say{ask(saslStart, e("payload", d(e("x", aSecret)))), ok}},
		{"an array", []say{ask(saslStart, e("payload", bson.A{aSecret})), ok}},
		{"code", []say{ask(saslStart, e("payload", bson.CodeWithScope{Code: aSecret, Scope: d(e("x", aSecret))})), ok}},
		{"a password in a document", []say{ask(createUser, e("pwd", d(e("x", aSecret)))), ok}},
		{"a password in an array", []say{ask(createUser, e("pwd", bson.A{aSecret})), ok}},
		{"explain sasl", []say{ask(e("explain", d(saslStart, payload))), ok}},
		{"explain user", []say{ask(e("explain", d(createUser, pwd))), ok}},
		{"applyOps", []say{ask(e("applyOps", bson.A{d(e("op", "c"), e("o", d(createUser, pwd)))})), ok}},
		{"comment", []say{ask(e("ping", 1), e("comment", d(createUser, pwd))), ok}},
		{"client", []say{ask(e("hello", 1), e("client", d(e("speculativeAuthenticate", d(payload))))), ok}},
		{"speculative, nested", []say{ask(e("hello", 1), e("speculativeAuthenticate", d(e("payload", d(e("x", aSecret)))))), ok}},
		{"speculative, array", []say{ask(e("hello", 1), e("speculativeAuthenticate", bson.A{d(saslStart, payload)})), ok}},
		{"speculative, key", []say{ask(e("hello", 1), e("speculativeAuthenticate", d(e("authenticate", 1), e("nonce", aSecret), e("key", aSecret)))), ok}},
		{"speculative, first", []say{ask(e("speculativeAuthenticate", d(saslStart, payload)), e("hello", 1)), ok}},
		{"speculative, of a find", []say{ask(e("find", "c"), e("speculativeAuthenticate", d(saslStart, payload))), ok}},
		{"a section of users", []say{forth(msg(5, 0, 0, d(createUser), sequence("users", document(d(pwd))))), ok}},
		{"a section of passwords", []say{forth(msg(5, 0, 0, d(createUser), sequence("pwd", document(d(e("0", aSecret)))))), ok}},
		{"a section of a find", []say{forth(msg(5, 0, 0, d(e("find", "c")), sequence("x", document(d(pwd))))), ok}},
		{"a second body", []say{forth(msg(5, 0, 0, d(e("find", "c")), body2(d(createUser, pwd)))), ok}},
		{"copydb", []say{ask(e("copydb", 1), e("nonce", aSecret), e("key", aSecret)), ok}},
		{"copydbsaslstart", []say{ask(e("copydbsaslstart", 1), payload), ok}},
		{"a parameter", []say{ask(e("setParameter", 1), e("ldapQueryPassword", aSecret), e("sslPEMKeyPassword", aSecret)), answer(e("was", aSecret), e("ok", 1.0))}},
		{"OP_QUERY", []say{opQueryOf("admin.$cmd", d(createUser, pwd)), ok}},
		{"OP_QUERY, wrapped", []say{opQueryOf("admin.$cmd", d(e("$query", d(e("$query", d(saslStart, payload)))))), ok}},
		{"OP_QUERY, wrapped late", []say{opQueryOf("admin.$cmd", d(e("$readPreference", d()), e("$query", d(saslStart, payload)))), ok}},
		{"OP_QUERY, fields", []say{opQueryOf("admin.$cmd", d(saslStart), d(payload)), ok}},
		{"OP_QUERY of users", []say{opQueryOf("admin.system.users", d(saslStart, payload)), ok}},
		{"OP_QUERY of no command", []say{opQueryOf("admin.$CMD", d(createUser, pwd)), ok}},
		{"OP_COMMAND", []say{forth(raw(2010, 5, 0, "admin", "saslStart", d(e("mechanism", "PLAIN"), payload), d())), ok}},
		{"OP_COMMAND, first", []say{forth(raw(2010, 5, 0, "admin", "saslStart", d(e("payload", aSecret)), d())), ok}},
		{"OP_COMMAND, key", []say{forth(raw(2010, 5, 0, "admin", "authenticate", d(e("key", aSecret), e("nonce", aSecret)), d())), ok}},
		{"OP_COMMAND of a find", []say{forth(raw(2010, 5, 0, "admin", "find", d(pwd), d())), ok}},
		{"OP_COMMAND, metadata", []say{forth(raw(2010, 5, 0, "admin", "find", d(e("find", "c")), d(pwd))), ok}},
		{"compressed by nothing", []say{noop(ask(createUser, pwd)), ok}},
		{"compressed, first", []say{noop(ask(pwd, createUser)), ok}},
		{"compressed, a token", []say{noop(forth(msg(5, 0, 0, d(e("ping", 1)), append([]byte{2}, aSecret+"\x00"...)))), ok}},
		{"roles", []say{forth(msg(5, 77, 0, d(createUser, pwd, e("$db", "admin")))), back(msg(50, 5, 0, d(e("ok", 1.0))))}},
		{"answer", []say{ask(e("saslContinue", 1)), answer(payload, e("ok", 1.0))}},
		{"answer, nested", []say{ask(e("saslContinue", 1)), answer(e("x", d(payload)), e("ok", 1.0))}},
		{"answer of old", []say{opQueryOf("admin.$cmd", d(e("saslContinue", 1))), opReplyOf(5, d(e("ok", 1.0)), d(payload))}},
		{"answer, a section", []say{ask(e("saslContinue", 1)), back(msg(50, 5, 0, d(e("ok", 1.0)), sequence("payload", document(d(payload)))))}},
		{"answers to one id", []say{opQueryOf("admin.foo", d(e("x", 1))), opQueryOf("admin.$cmd", d(e("saslContinue", 1))), opReplyOf(5, d(payload, e("ok", 1.0))), opReplyOf(5, d(payload, e("ok", 1.0)))}},
		{"answers to one id, reversed", []say{opQueryOf("admin.$cmd", d(e("saslContinue", 1))), opQueryOf("admin.foo", d(e("x", 1))), opReplyOf(5, d(payload, e("ok", 1.0))), opReplyOf(5, d(payload, e("ok", 1.0)))}},
		{"an error quotes", []say{ask(createUser, pwd), failed(`Password "` + aSecret + `" is too short`)}},
		{"an error quotes the command", []say{ask(createUser, pwd), failed(`Failed to parse: { createUser: "b", pwd: "` + aSecret + `" }`)}},
		{"an error says", []say{ask(createUser, pwd), failed(`Password ` + aSecret + ` is too short`)}},
		{"usersInfo", []say{ask(e("usersInfo", "b")), answer(e("users", bson.A{d(e("credentials", d(e("SCRAM-SHA-256", d(e("storedKey", aSecret), e("salt", aSecret))))))}), e("ok", 1.0))}},
		{"find users", []say{ask(e("find", "system.users")), answer(e("cursor", d(e("firstBatch", bson.A{d(e("credentials", d(e("x", aSecret))))}))), e("ok", 1.0))}},
		{"look users up", []say{ask(e("aggregate", "c")), answer(e("cursor", d(e("firstBatch", bson.A{d(e("storedKey", aSecret))}))), e("ok", 1.0))}},
		{"more users", []say{ask(e("getMore", int64(1)), e("collection", "system.users")), answer(e("cursor", d(e("nextBatch", bson.A{d(e("credentials", aSecret))}))), e("ok", 1.0))}},
	}
	for _, l := range list {
		if where := shows(t, l.list, true, wire.Value, aSecret); where != "" {
			t.Errorf("%s: %s", l.name, where)
		}
	}
	// Users' own documents may have such fields: asked for, they are shown.
	own := d(e("payload", "p1"), e("pwd", "p2"), e("key", "p3"), e("nonce", "p4"), e("password", "p5"))
	for _, s := range []say{ask(e("find", "c"), e("filter", own)), ask(e("insert", "c"), e("documents", bson.A{own})),
		ask(e("createIndexes", "c"), e("indexes", bson.A{d(e("key", own))})), forth(msg(5, 0, 0, d(e("insert", "c")), sequence("documents", document(own)))),
		opQueryOf("t.c", own), forth(raw(2002, 5, 0, 0, "t.c", own))} {
		r := talk(t, true, s, ok)[0]
		for _, p := range []string{"p1", "p2", "p3", "p4", "p5"} {
			if !strings.Contains(r.Text(record.Query), p) {
				t.Errorf("%s is not in %s", p, r.Text(record.Query))
			}
		}
		var tree wire.Tree
		var c wire.Cursor
		c.Reset(s.b, len(s.b), nil, &tree)
		mongodb.Protocol.Open(&l7.ConnInfo{}, nil).Decode(l7.ToServer, &c, &l7.Message{})
		for i := range tree.Fields {
			if tree.Fields[i].Class == wire.Secret {
				t.Errorf("%s: %s is secret", r.Text(record.Operation), tree.Name(&tree.Fields[i]))
			}
		}
	}
}

// TestValues: what is a user's is not shown unasked, wherever it is.
func TestValues(t *testing.T) {
	v, n := aValue, int32(aNumber)
	ok := answer(e("ok", 1.0))
	find := ask(e("find", "c"))
	failed := func(text string) []say {
		return []say{find, answer(e("ok", 0.0), e("code", 11000), e("errmsg", text))}
	}
	looksLike := d(e("a", n), e("codeName", v), e("ok", 0.0))
	trail := append([]byte("zz"), v...)
	list := []leak{
		{"comment first", []say{ask(e("comment", v), e("find", "c")), ok}},
		{"comment, number", []say{ask(e("find", "c"), e("comment", n)), ok}},
		{"comment, document", []say{ask(e("find", "c"), e("comment", d(e("x", n), e("ok", n)))), ok}},
		{"comment, no trace", []say{ask(e("find", "c"), e("comment", d(e("traceparent", v)))), ok}},
		{"comment in explain", []say{ask(e("explain", d(e("find", "c"), e("comment", n)))), ok}},
		{"explain comment", []say{ask(e("explain", d(e("comment", v)))), ok}},
		{"collection", []say{ask(e("find", "c"), e("collection", v)), ok}},
		{"mechanism", []say{ask(e("find", "c"), e("mechanism", v)), ok}},
		{"client", []say{ask(e("find", "c"), e("client", d(e("driver", d(e("name", v)))))), ok}},
		{"nsInfo", []say{ask(e("bulkWrite", 1), e("nsInfo", bson.A{d(e("ns", "a.b"), e("x", n), e("y", v))})), ok}},
		{"a second body", []say{forth(msg(5, 0, 0, d(e("find", "c")), body2(d(e("comment", v), e("limit", n))))), ok}},
		{"a second body of a name", []say{forth(msg(5, 0, 0, d(e("find", "c")), body2(d(e("find", v))))), ok}},
		{"OP_COMMAND", []say{forth(raw(2010, 5, 0, "t", "find", d(e("ssn", v)), d())), ok}},
		{"OP_COMMAND, number", []say{forth(raw(2010, 5, 0, "t", "find", d(e("ssn", n)), d())), ok}},
		{"behind OP_QUERY", []say{opQueryOf("t.c", d(), d(), trail), ok}},
		{"behind OP_GET_MORE", []say{forth(raw(2005, 5, 0, 0, "t.c", 1, 1, 0, trail)), ok}},
		{"behind OP_UPDATE", []say{forth(raw(2001, 5, 0, 0, "t.c", 0, d(), d(), trail))}},
		{"RESERVED", []say{find, forth(raw(2003, 6, 0, trail))}},
		{"findAndModify", []say{ask(e("findAndModify", "c")), answer(e("lastErrorObject", d(e("n", 1), e("upserted", n))), e("ok", 1.0))}},
		{"getLastError", []say{ask(e("getLastError", 1)), answer(e("upserted", n), e("ok", 1.0))}},
		{"eval", []say{ask(e("eval", "x")), answer(e("retval", n), e("ok", 1.0))}},
		{"cursor", []say{find, answer(e("cursor", d(e("postBatch", n), e("x", v))), e("ok", 1.0))}},
		{"codeName", []say{find, answer(e("ok", 0.0), e("codeName", v))}},
		{"no command's answer", []say{opQueryOf("t.c", d()), opReplyOf(99, looksLike)}},
		{"one id", []say{opQueryOf("t.$cmd", d(e("ping", 1))), opQueryOf("t.c", d()), opReplyOf(5, d(e("ok", 1.0))), opReplyOf(5, looksLike)}},
		{"OP_REPLY to OP_MSG", []say{find, opReplyOf(5, looksLike)}},
		{"roles", []say{forth(msg(5, 77, 0, d(e("insert", v), e("n", n), e("codeName", v)))), back(msg(50, 5, 0, d(e("ok", 1.0))))}},
	}
	for _, name := range []string{"eval", "$eval", "logApplicationMessage", "_hashBSONElement", "echo", "unheardOf"} {
		list = append(list, leak{name, []say{ask(e(name, v)), ok}}, leak{"explain " + name, []say{ask(e("explain", d(e(name, v)))), ok}})
	}
	more := []say{forth(raw(2005, 5, 0, 0, "t.c", 1, 1, 0))}
	for i := range 17 {
		more = append(more, forth(raw(opQuery, 100+i, 0, 0, "t.$cmd", 0, 1, d(e("ping", 1)))))
	}
	list = append(list, leak{"many requests", append(more, opReplyOf(5, looksLike))})
	for _, text := range []string{
		`E11000 duplicate key error collection: t.c index: a_1 dup key: { a: "5" pipe VALUE" }`,
		`E11000 duplicate key error collection: t.c index: a_1 dup key: { path: "C:\", name: "VALUE" }`,
		`E11000 duplicate key error collection: t.c index: a_1 dup key: { a: "}", b: NUMBER }`,
		`E11000 duplicate key error dup key: { : NUMBER }`,
		`E11000 duplicate key error dup key: { a: NUMBER, b: { c: NUMBER, d: [ NUMBER, NUMBER ] } }`,
		`E11000 duplicate key error dup key: { "a:b": NUMBER }`,
		`E11000 duplicate key error dup key: { a: "x", b: ) NUMBER (, c: NUMBER }`,
		`bad value in [ NUMBER, "VALUE" ]`, `bad value in [ "]", "VALUE" ] here`,
		`Cannot convert VALUE to a date`, `cursor id NUMBER not found`, `at NUMBER, (NUMBER)`,
		"Unknown operator `VALUE` here", "Unknown operator `a`VALUE` here",
		`value 'O'Brien VALUE' is bad`, `can't find 'xVALUE'`, `bad 'it"s' and "x'y VALUE" here`,
		`Regular expression is invalid: /a (VALUE) b/`, `{ a: [ "VALUE`, `open { a: "x } VALUE [ `,
	} {
		text = strings.NewReplacer("VALUE", v, "NUMBER", "1234567891").Replace(text)
		list = append(list, leak{text, failed(text)})
	}
	le := binary.LittleEndian.AppendUint32(nil, aNumber)
	for _, l := range list {
		if where := shows(t, l.list, false, wire.Structure, aValue, "1234567891", string(le)); where != "" {
			t.Errorf("%s: %s", l.name, where)
		}
	}
	for text, want := range map[string]string{
		`E11000 duplicate key error collection: shop.items index: _id_ dup key: { _id: 5 }`: `E11000 duplicate key error collection: shop.items index: _id_ dup key: { _id: ? }`,
		`Unrecognized pipeline stage name: '$mtach'`:                                        `Unrecognized pipeline stage name: '?'`,
		`ns not found`:                `ns not found`,
		`cursor id 123 not found`:     `cursor id ? not found`,
		`Authentication failed.`:      `Authentication failed.`,
		`can't do it (code 5), sorry`: `can't do it (code ?), sorry`,
		`not authorized on shop to execute command { find: "items", filter: {} }`: `not authorized on shop to execute command { find: ? }`,
	} {
		rows := talk(t, false, failed(text)...)
		if got := strings.TrimPrefix(rows[0].Text(record.Error), "DuplicateKey: "); got != want {
			t.Errorf("%s\nis shown as %s", text, got)
		}
	}
	if r := talk(t, false, forth(msg(5, 0, 0, d(e("find", "c")), body2(d()))), ok); r[0].Doubts&record.Malformed == 0 {
		t.Error("two bodies are not malformed")
	}
}
