package main

import (
	"encoding/json"
	"os"
	"strings"
	"sync"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
	wm "go.mongodb.org/mongo-driver/v2/x/mongo/driver/wiremessage"
)

// exchange is one request with what answered it, as the front read and wrote them: a line of the truth file.
type exchange struct {
	Conn       int    `json:"conn"` // connections in the order they came, from 1
	Port       int    `json:"port"` // the client's
	ID         uint32 `json:"id"`
	Opcode     int32  `json:"opcode"` // inside OP_COMPRESSED, if it was
	Command    string `json:"command,omitempty"`
	DB         string `json:"db,omitempty"`
	Target     string `json:"target,omitempty"`
	Flags      uint32 `json:"flags,omitempty"`
	Kinds      []int  `json:"kinds,omitempty"`    // of the sections of an OP_MSG, in the order sent
	Docs       int    `json:"docs,omitempty"`     // documents in sequences and legacy writes
	Checksum   string `json:"checksum,omitempty"` // right or wrong
	Compressor string `json:"compressor,omitempty"`
	Bytes      int    `json:"bytes"` // on the wire
	Txn        *int64 `json:"txnNumber,omitempty"`
	User       string `json:"user,omitempty"` // named in the first step of SASL
	App        string `json:"app,omitempty"`
	Driver     string `json:"driver,omitempty"`  // name and version
	Comment    string `json:"comment,omitempty"` // extended JSON
	OneWay     bool   `json:"oneWay,omitempty"`  // no answer is due

	Replies         int      `json:"replies"`
	ReplyIDs        []uint32 `json:"replyIDs,omitempty"`
	ReplyOpcode     int32    `json:"replyOpcode,omitempty"`
	ReplyFlags      []uint32 `json:"replyFlags,omitempty"`
	ReplyCompressor string   `json:"replyCompressor,omitempty"`
	ReplyChecksum   bool     `json:"replyChecksum,omitempty"`
	ReplyBytes      int      `json:"replyBytes,omitempty"`
	OK              *float64 `json:"ok,omitempty"` // of the last answer
	Code            int32    `json:"code,omitempty"`
	CodeName        string   `json:"codeName,omitempty"`
	Errmsg          string   `json:"errmsg,omitempty"`
	WriteErrors     []int32  `json:"writeErrors,omitempty"` // their codes
	WriteConcern    int32    `json:"writeConcernError,omitempty"`
	Rows            int      `json:"rows"` // documents in batches, or returned by a legacy query
	N               *int64   `json:"n,omitempty"`
	NModified       *int64   `json:"nModified,omitempty"`
	Upserted        int      `json:"upserted,omitempty"`
	LastErrorN      *int64   `json:"lastErrorObjectN,omitempty"`
	NInserted       *int64   `json:"nInserted,omitempty"`
	NUpserted       *int64   `json:"nUpserted,omitempty"`
	NDeleted        *int64   `json:"nDeleted,omitempty"`
	Cursor          int64    `json:"cursor,omitempty"`
	Closed          string   `json:"closed,omitempty"` // why the front closed the connection instead of answering
}

// truth collects the exchanges of all connections in the order their requests came.
type truth struct {
	mu        sync.Mutex
	exchanges []*exchange
}

func (t *truth) open(conn, port int, m *message) *exchange {
	x := &exchange{Conn: conn, Port: port, ID: uint32(m.id), Opcode: int32(m.op), Bytes: m.size, Compressor: m.compressorName()}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.exchanges = append(t.exchanges, x)
	return x
}

// save writes one JSON object a line.
func (t *truth) save(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	enc := json.NewEncoder(f)
	enc.SetEscapeHTML(false)
	for _, x := range t.exchanges {
		if err := enc.Encode(x); err != nil {
			return err
		}
	}
	return f.Close()
}

// request notes what a command asks for.
func (x *exchange) request(d bsoncore.Document) {
	e, err := d.IndexErr(0)
	if err != nil {
		return
	}
	x.Command = e.Key()
	x.Target, _ = e.Value().StringValueOK()
	if x.Command == "getMore" {
		x.Target, _ = d.Lookup("collection").StringValueOK()
	}
	if db, ok := d.Lookup("$db").StringValueOK(); ok {
		x.DB = db
	}
	x.Txn = number(d.Lookup("txnNumber"))
	if v := d.Lookup("comment"); v.Type != 0 {
		x.Comment = v.String()
	}
	sasl := d
	if isHello(x.Command) {
		x.App, _ = d.Lookup("client", "application", "name").StringValueOK()
		x.Driver = strings.TrimSpace(text(d.Lookup("client", "driver", "name")) + " " + text(d.Lookup("client", "driver", "version")))
		sasl, _ = d.Lookup("speculativeAuthenticate").DocumentOK()
	}
	if _, payload, ok := sasl.Lookup("payload").BinaryOK(); ok && sasl.Lookup("saslStart").Type != 0 {
		x.User = saslUser(payload)
	}
}

// saslUser is the user named in the first message of SCRAM (n,,n=USER,r=NONCE) or PLAIN (\0USER\0PASSWORD).
func saslUser(payload []byte) string {
	p := string(payload)
	if _, rest, ok := strings.Cut(p, ",n="); ok {
		user, _, _ := strings.Cut(rest, ",")
		return user
	}
	if f := strings.Split(p, "\x00"); len(f) == 3 {
		return f[1]
	}
	return ""
}

// message notes one OP_MSG request.
func (x *exchange) message(p *opMsg) {
	x.Flags, x.Kinds, x.Checksum = uint32(p.flags), p.kinds, p.checksum
	x.OneWay = p.flags&wm.MoreToCome != 0
	for _, s := range p.sequences {
		x.Docs += len(s.docs)
	}
	x.request(p.doc)
}

// sent notes an answer that was written.
func (x *exchange) sent(m *message, flags uint32) {
	x.Replies++
	x.ReplyIDs = append(x.ReplyIDs, uint32(m.id))
	x.ReplyOpcode = int32(m.op)
	x.ReplyFlags = append(x.ReplyFlags, flags)
	x.ReplyCompressor = m.compressorName()
	x.ReplyChecksum = m.op == wm.OpMsg && wm.MsgFlag(flags)&wm.ChecksumPresent != 0
	x.ReplyBytes += m.size
}

// result notes what an answer to a command says.
func (x *exchange) result(d bsoncore.Document) {
	ok, _ := d.Lookup("ok").AsFloat64OK()
	if yes, _ := d.Lookup("ok").BooleanOK(); yes { // FerretDB says true now and then
		ok = 1
	}
	x.OK = &ok
	x.Code, x.CodeName, x.Errmsg = code(d), text(d.Lookup("codeName")), text(d.Lookup("errmsg"))
	x.WriteErrors = nil
	for _, v := range list(d.Lookup("writeErrors")) {
		if e, ok := v.DocumentOK(); ok {
			x.WriteErrors = append(x.WriteErrors, code(e))
		}
	}
	if e, ok := d.Lookup("writeConcernError").DocumentOK(); ok {
		x.WriteConcern = code(e)
	}
	x.Rows += len(list(d.Lookup("cursor", "firstBatch"))) + len(list(d.Lookup("cursor", "nextBatch")))
	x.Cursor, _ = d.Lookup("cursor", "id").AsInt64OK()
	x.N, x.NModified = number(d.Lookup("n")), number(d.Lookup("nModified"))
	x.Upserted = len(list(d.Lookup("upserted")))
	x.LastErrorN = number(d.Lookup("lastErrorObject", "n"))
	x.NInserted, x.NUpserted, x.NDeleted = number(d.Lookup("nInserted")), number(d.Lookup("nUpserted")), number(d.Lookup("nDeleted"))
}

func code(d bsoncore.Document) int32 {
	n, _ := d.Lookup("code").AsInt64OK()
	return int32(n)
}

func text(v bsoncore.Value) string {
	s, _ := v.StringValueOK()
	return s
}

// number is nil for what is not a number.
func number(v bsoncore.Value) *int64 {
	if n, ok := v.AsInt64OK(); ok {
		return &n
	}
	return nil
}

// list is the values of an array, nil for what is not one.
func list(v bsoncore.Value) []bsoncore.Value {
	a, ok := v.ArrayOK()
	if !ok {
		return nil
	}
	values, _ := a.Values()
	return values
}
