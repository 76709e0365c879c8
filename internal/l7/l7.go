// Package l7 turns chunks of a flow into records of exchanges: it finds out which protocol a connection speaks, cuts
// its streams into messages, lets the protocol describe each, pairs requests with answers and finishes the record.
// It knows limits, loss and order; it knows no protocol and no operating system.
//
// One rule for memory holds on every interface here: what you are handed is borrowed until you return; to keep it,
// copy it.
package l7

import (
	"net/netip"

	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/stream"
	"github.com/dbtap/dbtap/internal/wire"
)

// Protocol is one protocol, described once. It is a value: nothing registers itself.
type Protocol struct {
	Name       string   // as in the column "protocol" and as the first element of paths in its trees
	Title      string   // as people write it: "MongoDB"
	Spec       string   // URL of the specification
	Ports      []uint16 // usual ports of servers; they break ties only
	Pairing    Pairing
	Attributes []Attribute         // facts only this protocol has
	Aliases    map[string][]string // other names for paths in its trees, in filters: a name for any of several
	Page       string              // its documentation for users, Markdown

	// Probe looks at the first bytes of a message, or of a stream, and says whether they are of this protocol and who
	// sent them. It says Unsure only if more bytes can change its mind. dir is the flow's, which says nothing about
	// who is the client. It is called for every chunk of a connection that is not identified: a No is to be cheap.
	Probe func(c *ConnInfo, dir stream.Dir, b []byte) Verdict

	// Open begins a conversation. c tells what is known of the connection. context, if not nil, is what AppendContext
	// wrote for a message: the Dialog is then asked to Decode that one message, and nothing else.
	Open func(c *ConnInfo, context []byte) Dialog
}

// Pairing says how an answer finds its request.
type Pairing uint8

const (
	InOrder Pairing = iota // answers come in the order of the requests
	ByID                   // Message.ID tells
)

// Attribute describes a fact that only one protocol has.
type Attribute struct {
	Name string
	Kind record.Kind // Count, Duration, Text, Flag or JSON
	Sum  bool        // numbers of several messages of an exchange add up; otherwise the last one stays
	Link bool        // another connection tells it: Message.Resolve
	Doc  string      // one sentence for users
}

// Attributes are those that the engine itself states, for every protocol.
var Attributes = []Attribute{
	attrReplies:   {Name: "replies", Kind: record.Count, Doc: "Answers to the one request, if there were several: exhaust cursors, streaming hello."},
	attrOpen:      {Name: "open", Kind: record.Flag, Doc: "The answer had begun and went on when the connection or the capture ended."},
	attrSkipped:   {Name: "skipped", Kind: record.Flag, Doc: "The server passed it over, because something before it in the pipeline failed."},
	attrEncrypted: {Name: "encrypted", Kind: record.Flag, Doc: "The connection went on encrypted: nothing behind this could be read."},
}

const (
	attrReplies = iota
	attrOpen
	attrSkipped
	attrEncrypted
)

// Verdict is what Probe thinks.
type Verdict uint8

const (
	No         Verdict = iota // certainly another protocol, or the middle of a message
	Unsure                    // more bytes are needed
	FromClient                // this protocol; the bytes were sent by the client
	FromServer                // this protocol; the bytes were sent by the server
)

// Dir says who sent a message.
type Dir uint8

const (
	ToServer Dir = iota
	ToClient
)

// ConnInfo is what a protocol may know of its connection.
type ConnInfo struct {
	Client, Server netip.AddrPort // before identification: the flow's A and B
	Start          int64          // time of the first packet, ns since the Unix epoch
	Midstream      bool           // the beginning was not seen
	Values         bool           // the user asked to see values
}

// Dialog is one conversation in one protocol. One goroutine uses it.
type Dialog interface {
	// Length is the length in bytes of the message that b begins with, header included; it may exceed len(b). 0: b is
	// too short to tell. An error: b does not begin with a message.
	Length(dir Dir, b []byte) (int, error)

	// Decode describes the message under c and fills m. It changes no state of the Dialog. What m is given may borrow
	// from the message and from the Dialog.
	Decode(dir Dir, c *wire.Cursor, m *Message)

	// Advance makes every change of state that m brings, and may set m.Layer or m.Encrypted. It comes after Decode of the
	// same message, unless the message is malformed.
	Advance(dir Dir, m *Message)

	// AppendContext appends what Open needs to Decode m alone, later. It is called after Decode and before Advance,
	// appends at most MaxContext bytes and may append none.
	AppendContext(dst []byte, dir Dir, m *Message) []byte

	// Sync looks for the beginning of a message in b, after a loss: its offset, or -1.
	Sync(dir Dir, b []byte) int
}

// Keeper is a Dialog with facts between the head and the tail of a long message.
type Keeper interface {
	// Keep names the next run of bytes that it wants to see of a message of size bytes: n bytes from off, behind what
	// came by. n = 0: none before the tail. With keep the run is kept for Decode too, otherwise it is only shown. run
	// is what came by last and from its place in the message: first the head, then what Keep asked for.
	Keep(dir Dir, size, from int, run []byte) (off, n int, keep bool)
}

// Loser is a Dialog whose state does not survive a loss.
type Loser interface {
	// Lost says that bytes of a direction are missing: what follows is the beginning of a message that Sync finds, and
	// not of the one that state expects.
	Lost(dir Dir)
}

// Starter is a Dialog of a protocol whose connections can be joined behind a layer, or lose the message that asks for it.
type Starter interface {
	// Start is asked with the first bytes of a direction that were seen, and, where bytes are missing before them, with those
	// of each chunk: the layer they come through, or nil.
	Start(dir Dir, b []byte) stream.Layer
}

// Holder is a Dialog that keeps more than a few hundred bytes for its connection: prepared statements.
type Holder interface {
	// Holds is how many bytes.
	Holds() int
}

// Resetter is a Dialog that can be used again for another connection: short connections then allocate nothing.
type Resetter interface {
	Reset(c *ConnInfo)
}

// Limits. Every one bounds what a hostile or broken sender can make the engine hold or do.
const (
	// HeadLimit and TailLimit are how much of a message is kept. Facts stand in the first kilobytes, and at the end:
	// a verdict may follow the data.
	HeadLimit = 64 << 10
	TailLimit = 4 << 10

	// MaxContext bounds what a protocol may ask to be stored with each message.
	MaxContext = 4 << 10

	// probeLimit is how many bytes of a direction are kept while a Probe is unsure: the longest header that any
	// protocol needs to see, with room.
	probeLimit = 4 << 10

	// probeChunks is how many chunks of a connection are looked at before it is given up as unidentified. One joined
	// in the middle of a long message needs many: 4096 full segments are 6 MB.
	probeChunks = 4096

	// maxMalformed messages in a row undo an identification.
	maxMalformed = 4

	// maxOpen is how many requests of a connection may wait for their answers: pipelines of some clients
	// have some hundreds.
	maxOpen = 1024

	// maxOwed is how many requests of a connection are remembered that were given up before they were answered, so that
	// their answers are not taken for others': 64 KB.
	maxOwed = 4 << 10

	// connShare is which part of the Engine's budget one connection may use for its open exchanges and waiting bytes:
	// beyond it its own oldest exchanges are given up. Without it one connection that asks and gets no answers would
	// push out all others of its shard.
	connShare = 4

	// orphanPatience is how many later messages of its connection an answer without request waits for it: captures
	// on several queues show an answer a few packets early.
	orphanPatience = 4

	// maxKept is how many messages of one exchange are kept for its trees: an exhaust cursor has as many as it likes.
	// The last ones are kept too: the verdict is there.
	maxKept  = 64
	lastKept = 4

	// maxKeptBytes is how many bytes of one exchange are kept for its trees; of what is longer the head is kept, if at
	// least headKept of it fit.
	maxKeptBytes = 1 << 20
	headKept     = 1 << 10

	// maxRuns is how many runs of a message are kept: a sender with losses, a short snap length or a protocol's Keep
	// makes them. Behind so many what is left is cut, but for tailRuns more.
	maxRuns  = 4 << 10
	tailRuns = 64

	// keepRuns is how many runs a side keeps room for.
	keepRuns = 64

	// maxLook is how long a run may be that is only shown.
	maxLook = 4 << 10

	// requestTimeout is when an unanswered request is said to have timed out, in ns.
	requestTimeout = 60e9
)
