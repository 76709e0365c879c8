package l7

import (
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/wire"
)

// Replayer draws the trees of kept messages: it decodes each alone, from its bytes and its context. The zero Replayer
// is ready; one goroutine uses it.
type Replayer struct {
	Tree wire.Tree // of the last message; it borrows the message's bytes
	cur  wire.Cursor
	msg  Message
	runs []wire.Run
}

// Message decodes k, a message of protocol p, into r.Tree. The error is what the message itself has wrong, or nil.
func (r *Replayer) Message(p *Protocol, k *record.Kept) *wire.Error {
	r.Tree.Reset()
	r.msg.reset()
	r.runs = r.runs[:0]
	for _, run := range k.Runs {
		r.runs = append(r.runs, wire.Run(run))
	}
	dir := ToServer
	if k.FromServer {
		dir = ToClient
	}
	context := k.Context
	if context == nil {
		context = []byte{}
	}
	r.cur.Reset(k.Data, k.Length, r.runs, &r.Tree)
	r.msg.Answers(k.Asked, k.Known)
	p.Open(&ConnInfo{}, context).Decode(dir, &r.cur, &r.msg)
	return r.cur.Err()
}
