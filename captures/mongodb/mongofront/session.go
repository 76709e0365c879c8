package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
	wm "go.mongodb.org/mongo-driver/v2/x/mongo/driver/wiremessage"
)

// requestIDs numbers what the front sends, to drivers and to FerretDB.
var requestIDs atomic.Int32

// session is one connection of a driver and the one to FerretDB that stands behind it. One goroutine serves it.
type session struct {
	*config
	truth      *truth
	failpoint  *failpoint
	conn, port int
	client     net.Conn
	in         *bufio.Reader // of client
	backend    net.Conn
	back       *bufio.Reader    // of backend
	cursors    map[int64]string // namespaces of legacy cursors, for OP_KILL_CURSORS
	txn        *int64           // the transaction that is open
	watched    int32            // answers about change streams
	login      *login           // with the user of the flags
	lastN      int64            // what the last legacy write did, for getLastError
}

// errClose asks to close the connection without an answer.
type errClose string

func (e errClose) Error() string { return string(e) }

// serve answers requests until the driver goes.
func (s *session) serve() {
	for {
		m, err := readMessage(s.in)
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
				log.Printf("connection %d: %v", s.conn, err)
			}
			return
		}
		x := s.truth.open(s.conn, s.port, &m)
		switch m.op {
		case wm.OpMsg:
			err = s.msg(&m, x)
		case wm.OpQuery:
			err = s.query(&m, x)
		case wm.OpCommand:
			err = s.command(&m, x)
		default:
			err = s.legacy(&m, x)
		}
		var reason errClose
		if errors.As(err, &reason) {
			x.Closed = reason.Error()
			return
		}
		if err != nil {
			log.Printf("connection %d: %v", s.conn, err)
			return
		}
	}
}

// msg answers one OP_MSG.
func (s *session) msg(m *message, x *exchange) error {
	p, err := parseMsg(m)
	x.message(&p)
	if err != nil {
		return errClose(err.Error())
	}
	switch {
	case p.flags&0xffff&^(wm.ChecksumPresent|wm.MoreToCome) != 0:
		return errClose("unknown required flag bits")
	case p.checksum == "wrong":
		return errClose("wrong checksum")
	case isHello(x.Command) && p.flags&wm.ExhaustAllowed != 0 && s.stream:
		return s.streamHello(m, &p, x)
	}
	if x.Command == "find" {
		s.delay(x.Target)
	}
	answer, err := s.run(&p)
	if err != nil || x.OneWay && !s.answerAll {
		return err
	}
	if x.Command != "getMore" || p.flags&wm.ExhaustAllowed == 0 {
		return s.reply(m, x, p.flags&wm.ChecksumPresent, answer)
	}
	return s.exhaust(m, &p, x, answer)
}

// exhaust sends all batches of a cursor as answers to one getMore; each answers the one before it.
func (s *session) exhaust(m *message, p *opMsg, x *exchange, answer bsoncore.Document) error {
	for {
		id, _ := answer.Lookup("cursor", "id").AsInt64OK()
		flags := p.flags & wm.ChecksumPresent
		if id != 0 {
			flags |= wm.MoreToCome
		}
		if err := s.reply(m, x, flags, answer); err != nil || id == 0 {
			return err
		}
		var err error
		if answer, err = s.ask(p); err != nil {
			return err
		}
	}
}

// reply answers the request m, or continues the answer, with a document in an OP_MSG.
func (s *session) reply(m *message, x *exchange, flags wm.MsgFlag, doc bsoncore.Document) error {
	p := opMsg{flags: flags, doc: doc}
	r := message{op: wm.OpMsg, body: p.encode(), compressed: m.compressed, compressor: m.compressor}
	return s.send(m, x, &r, uint32(flags), doc)
}

// send gives r its ids, a checksum if the flags of an OP_MSG ask for one, and writes it. What doc
// says, if there is one, is the outcome. A driver that is gone is no error.
func (s *session) send(m *message, x *exchange, r *message, flags uint32, doc bsoncore.Document) error {
	r.id, r.to = requestIDs.Add(1), m.id
	if n := len(x.ReplyIDs); n > 0 {
		r.to = int32(x.ReplyIDs[n-1])
	}
	if r.op == wm.OpMsg && wm.MsgFlag(flags)&wm.ChecksumPresent != 0 {
		binary.LittleEndian.PutUint32(r.body, flags)
		r.body = append(r.body, 0, 0, 0, 0)
		binary.LittleEndian.PutUint32(r.body[len(r.body)-4:], r.checksum())
	}
	b, err := r.encode()
	if err != nil {
		return err
	}
	if _, err = s.client.Write(b); err != nil {
		return nil // the driver went; what it sent before is still to be read
	}
	x.sent(r, flags)
	if doc != nil {
		x.result(doc)
	}
	return nil
}

// run executes a command: here if FerretDB cannot, there otherwise, and edits the answer.
func (s *session) run(p *opMsg) (bsoncore.Document, error) {
	e, err := p.doc.IndexErr(0)
	if err != nil {
		return nil, errClose("empty command")
	}
	name := e.Key()
	if isHello(name) {
		return s.hello(p)
	}
	answer, err := s.own(name, p)
	if answer == nil && err == nil {
		answer, err = s.ask(p)
	}
	if err != nil {
		return nil, err
	}
	if w, ok := p.doc.Lookup("writeConcern", "w").AsInt64OK(); ok && w > 1 {
		answer = edit(answer, nil, d("writeConcernError", d(
			"code", int32(100),
			"codeName", "UnsatisfiableWriteConcern",
			"errmsg", "Not enough data-bearing nodes",
		)))
	}
	return s.clusterTime(answer), nil
}

// clusterTime adds what members of a replica set say in every answer.
func (s *session) clusterTime(answer bsoncore.Document) bsoncore.Document {
	if s.replicaSet == "" {
		return answer
	}
	now := bson.Timestamp{T: uint32(time.Now().Unix()), I: 1}
	return edit(answer, nil, d(
		"$clusterTime", d(
			"clusterTime", now,
			"signature", d("hash", make([]byte, 20), "keyId", int64(0)),
		),
		"operationTime", now,
	))
}

// ask has FerretDB execute a command, without what it does not know.
func (s *session) ask(p *opMsg) (bsoncore.Document, error) {
	q := opMsg{doc: edit(p.doc, []string{"txnNumber", "startTransaction", "autocommit", "$clusterTime"}, nil)}
	for _, seq := range p.sequences {
		if len(seq.docs) > 0 {
			q.sequences = append(q.sequences, seq)
		}
	}
	m := message{id: requestIDs.Add(1), op: wm.OpMsg, body: q.encode()}
	b, err := m.encode()
	if err != nil {
		return nil, err
	}
	if _, err := s.backend.Write(b); err != nil {
		return nil, err
	}
	r, err := readMessage(s.back)
	if err != nil {
		return nil, fmt.Errorf("FerretDB: %w", err)
	}
	a, err := parseMsg(&r)
	if err != nil {
		return nil, fmt.Errorf("FerretDB: %w", err)
	}
	return a.doc, nil
}

// askDoc is ask for a command made here.
func (s *session) askDoc(cmd bson.D) (bsoncore.Document, error) {
	return s.ask(&opMsg{doc: marshal(cmd)})
}

func (s *session) delay(collection string) {
	if d, ok := s.slow[collection]; ok {
		time.Sleep(d)
	}
}

func isHello(command string) bool {
	return strings.EqualFold(command, "hello") || strings.EqualFold(command, "ismaster")
}

// hello answers with FerretDB's hello and what the flags claim.
func (s *session) hello(p *opMsg) (bsoncore.Document, error) {
	ask, add := p, d("maxWireVersion", int32(s.maxWire))
	start, starts := p.doc.Lookup("speculativeAuthenticate").DocumentOK()
	if starts && s.user != "" {
		add = append(add, d("speculativeAuthenticate", bson.Raw(s.sasl(start)))...)
	}
	if !s.speculative || s.user != "" {
		ask = &opMsg{doc: edit(p.doc, []string{"speculativeAuthenticate", "saslSupportedMechs"}, nil)}
	}
	answer, err := s.ask(ask)
	if err != nil {
		return nil, err
	}
	drop := []string{"maxWireVersion", "compression", "topologyVersion"}
	var agreed bson.A
	for _, v := range list(p.doc.Lookup("compression")) {
		if slices.Contains(s.compressors, text(v)) {
			agreed = append(agreed, text(v))
		}
	}
	if agreed != nil {
		add = append(add, d("compression", agreed)...)
	}
	if s.maxWire < 6 {
		drop = append(drop, "logicalSessionTimeoutMinutes")
	}
	if s.stream {
		add = append(add, d("topologyVersion", d("processId", process, "counter", int64(6)))...)
	}
	if s.replicaSet != "" {
		add = append(add, d("setName", s.replicaSet, "setVersion", int32(1), "secondary", false,
			"hosts", bson.A{s.listen}, "primary", s.listen, "me", s.listen)...)
	}
	return s.clusterTime(edit(answer, drop, add)), nil
}

// process is the server's process in topologyVersion.
var process = bson.NewObjectID()

// streamHello answers one hello again and again until the driver goes or speaks.
func (s *session) streamHello(m *message, p *opMsg, x *exchange) error {
	beat := 10 * time.Second
	if ms := number(p.doc.Lookup("maxAwaitTimeMS")); ms != nil {
		beat = time.Duration(*ms) * time.Millisecond
	}
	once := &opMsg{doc: edit(p.doc, []string{"maxAwaitTimeMS", "topologyVersion"}, nil)}
	for {
		s.client.SetReadDeadline(time.Now().Add(beat))
		_, err := s.in.Peek(1)
		s.client.SetReadDeadline(time.Time{})
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			return nil
		}
		answer, err := s.hello(once)
		if err != nil {
			return err
		}
		if err := s.reply(m, x, p.flags&wm.ChecksumPresent|wm.MoreToCome, answer); err != nil {
			return err
		}
	}
}

// edit copies a document without some of its elements and with others at the end.
func edit(d bsoncore.Document, drop []string, add bson.D) bsoncore.Document {
	i, out := bsoncore.AppendDocumentStart(nil)
	elements, _ := d.Elements()
	for _, e := range elements {
		if !slices.Contains(drop, e.Key()) {
			out = append(out, e...)
		}
	}
	elements, _ = marshal(add).Elements()
	for _, e := range elements {
		out = append(out, e...)
	}
	out, _ = bsoncore.AppendDocumentEnd(out, i)
	return out
}

// marshal encodes a document made here; that it cannot is a mistake in this program.
func marshal(d bson.D) bsoncore.Document {
	if d == nil {
		d = bson.D{}
	}
	b, err := bson.Marshal(d)
	if err != nil {
		panic(err)
	}
	return b
}

// d is a document of keys and values in turn.
func d(keysAndValues ...any) bson.D {
	out := make(bson.D, 0, len(keysAndValues)/2)
	for i := 0; i < len(keysAndValues); i += 2 {
		out = append(out, bson.E{Key: keysAndValues[i].(string), Value: keysAndValues[i+1]})
	}
	return out
}
