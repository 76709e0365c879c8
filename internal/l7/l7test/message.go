package l7test

import (
	"fmt"
	"hash/fnv"
	"net/netip"
	"reflect"
	"slices"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/sqltext"
	"github.com/dbtap/dbtap/internal/stream"
	"github.com/dbtap/dbtap/internal/wire"
)

// Message is one message of a capture, as the engine cut it from its stream. Its memory is its own.
type Message struct {
	Capture      string // without its endings
	Conversation int    // from 1
	Dir          l7.Dir
	Data         []byte     // the kept bytes
	Runs         []wire.Run // which they are; none: all
	Size         int        // bytes on the wire
	Context      []byte
	Role         l7.Role
	More         bool

	asked  uint64 // what its request left for it, if known
	known  bool
	info   l7.ConnInfo
	doubts record.Doubts
	err    *wire.Error
	cut    *wire.Error
	shape  uint64
	end    int // place in its stream behind it, if nothing was lost
}

func (m *Message) String() string {
	who := "client"
	if m.Dir == l7.ToClient {
		who = "server"
	}
	return fmt.Sprintf("%s, connection %d, %d bytes from the %s", m.Capture, m.Conversation, m.Size, who)
}

// Client is the address of its connection's client.
func (m *Message) Client() netip.AddrPort { return m.info.Client }

// Tree decodes the message alone, from its context, as for somebody who looks at it.
func (m *Message) Tree(p *l7.Protocol, t *wire.Tree) *wire.Cursor {
	info := m.info
	var c wire.Cursor
	c.Reset(m.Data, m.Size, m.Runs, t)
	var message l7.Message
	message.Answers(m.asked, m.known)
	p.Open(&info, m.Context).Decode(m.Dir, &c, &message)
	return &c
}

// looker makes a protocol out of another: its messages are decoded twice, first as the engine asks, then with a tree,
// and what see is shown is what the engine goes on with.
type looker struct {
	p   *l7.Protocol
	see func(*look)
}

// look is one message as both views saw it. It is borrowed.
type look struct {
	dialog *spy
	dir    l7.Dir
	fast   *wire.Cursor
	facts  []string // of the fast view
	c      wire.Cursor
	tree   wire.Tree
	m      *l7.Message
}

func (l *looker) protocol() *l7.Protocol {
	p := *l.p
	p.Open = func(c *l7.ConnInfo, context []byte) l7.Dialog {
		return &spy{Dialog: l.p.Open(c, context), info: *c, l: l}
	}
	return &p
}

type spy struct {
	l7.Dialog
	info l7.ConnInfo
	l    *looker
	look look
}

// Keep implements l7.Keeper, as far as the Dialog does. So do the methods that follow.
func (d *spy) Keep(dir l7.Dir, size, from int, run []byte) (off, n int, keep bool) {
	if k, ok := d.Dialog.(l7.Keeper); ok {
		return k.Keep(dir, size, from, run)
	}
	return 0, 0, false
}

func (d *spy) Lost(dir l7.Dir) {
	if k, ok := d.Dialog.(l7.Loser); ok {
		k.Lost(dir)
	}
}

func (d *spy) Start(dir l7.Dir, b []byte) stream.Layer {
	if k, ok := d.Dialog.(l7.Starter); ok {
		return k.Start(dir, b)
	}
	return nil
}

func (d *spy) Holds() int {
	if k, ok := d.Dialog.(l7.Holder); ok {
		return k.Holds()
	}
	return 0
}

func (d *spy) Decode(dir l7.Dir, c *wire.Cursor, m *l7.Message) {
	fast := *m
	fast.Scratch, fast.Derived, fast.SQL = nil, nil, sqltext.Statement{}
	d.Dialog.Decode(dir, c, &fast)

	k := &d.look
	k.tree.Reset()
	k.c.Reset(c.Kept(), c.Size(), c.Runs(), &k.tree)
	d.Dialog.Decode(dir, &k.c, m)
	k.dialog, k.dir, k.fast, k.m = d, dir, c, m
	k.facts = facts(&fast)
	d.l.see(k)
}

// facts is all that a Decode stated, a line each. There is no way to ask a Message for its attributes but to look
// inside.
func facts(m *l7.Message) (list []string) {
	v := m.Verdicts
	list = append(list, fmt.Sprintf("role %d more %v id %d next %d leaves %d fence %v", v.Role, v.More, v.ID, v.Next, v.Leaves, v.Fence), "status "+v.Status.String(),
		"doubts "+string(v.Doubts.AppendNames(nil, ",", "")))
	in := reflect.ValueOf(m).Elem()
	for c, has := 0, in.FieldByName("has").Uint(); has != 0; c, has = c+1, has>>1 {
		if has&1 == 0 {
			continue
		}
		if col := record.Col(c); col < record.User {
			list = append(list, fmt.Sprintf("%s = %d", record.Columns[c].Name, m.Number(col)))
		} else {
			list = append(list, fmt.Sprintf("%s = %q", record.Columns[c].Name, m.Text(col)))
		}
	}
	attr := in.FieldByName("attr")
	for i, set := 0, in.FieldByName("attrs").Uint(); set != 0; i, set = i+1, set>>1 {
		if set&1 != 0 {
			list = append(list, fmt.Sprintf("attribute %d = %d %q", i, attr.Index(i).Field(0).Int(), attr.Index(i).Field(1).String()))
		}
	}
	if n := in.FieldByName("normal").String(); n != "" {
		list = append(list, fmt.Sprintf("normal = %q", n))
	}
	return list
}

// sameError tells whether two errors are the same.
func sameError(a, b *wire.Error) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}

// watched runs a conversation with trees and returns its messages. check, if not nil, is shown each too.
func watched(p *l7.Protocol, cfg l7.Config, c *Conversation, capture string, number int, out func(*record.Record), check func(*Message, *look)) (list []*Message) {
	var ends [2]int
	l := looker{p, func(k *look) {
		m := &Message{Capture: capture, Conversation: number, Dir: k.dir, Data: slices.Clone(k.fast.Kept()), Runs: slices.Clone(k.fast.Runs()),
			Size: k.fast.Size(), Role: k.m.Role, More: k.m.More, info: k.dialog.info, doubts: k.m.Doubts, shape: shape(&k.tree, k.dir)}
		if e := k.c.Err(); e != nil {
			e := *e
			m.err = &e
		}
		if e := k.c.Cut(); e != nil {
			e := *e
			m.cut = &e
		}
		m.Context = k.dialog.AppendContext([]byte{}, k.dir, k.m)
		if k.dir == l7.ToClient {
			m.asked, m.known = k.m.Asked(k.m.ID)
		}
		ends[k.dir] += m.Size
		m.end = ends[k.dir]
		list = append(list, m)
		if check != nil {
			check(m, k)
		}
	}}
	cfg.Protocols = []*l7.Protocol{l.protocol()}
	c.Play(l7.New(cfg, out))
	return list
}

// Messages are the messages of a conversation.
func Messages(p *l7.Protocol, c *Conversation, capture string, number int) []*Message {
	return watched(p, everything(), c, capture, number, func(*record.Record) {}, nil)
}

// shape is a hash of a message's fields without their values: of each path and label, where it is seen first. So a
// batch of a thousand documents has the shape of its different ones.
func shape(t *wire.Tree, dir l7.Dir) uint64 {
	h := fnv.New64a()
	fmt.Fprint(h, dir)
	paths := make([]string, len(t.Fields))
	seen := map[string]bool{}
	for i := range t.Fields {
		f := &t.Fields[i]
		name := t.Name(f)
		if f.Index {
			name = "[]"
		}
		if f.Parent >= 0 {
			paths[i] = paths[f.Parent] + "." + name
		} else {
			paths[i] = name
		}
		key := fmt.Sprint(paths[i], f.Kind, f.Class, f.Label, f.Kind == wire.Bit && f.Num != 0)
		if !seen[key] {
			seen[key] = true
			fmt.Fprintln(h, key)
		}
	}
	return h.Sum64()
}

// spans says where each chunk lies in its stream; ok is false if bytes are missing.
func spans(c *Conversation) (begin []int, ok bool) {
	var at [2]int
	for i := range c.Chunks {
		ch := &c.Chunks[i]
		if ch.Missing > 0 {
			return nil, false
		}
		begin = append(begin, at[ch.Dir])
		at[ch.Dir] += len(ch.Data)
	}
	return begin, true
}

func chunk(ch stream.Chunk, data []byte) stream.Chunk {
	ch.Data = data
	return ch
}
