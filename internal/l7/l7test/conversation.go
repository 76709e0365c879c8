package l7test

import (
	"io"
	"slices"
	"testing"

	"github.com/dbtap/dbtap/internal/assembly"
	"github.com/dbtap/dbtap/internal/capture"
	"github.com/dbtap/dbtap/internal/capture/pcapfile"
	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/packet"
	"github.com/dbtap/dbtap/internal/stream"
)

// Conversation is one connection of a capture: its flow, and the chunks of both directions in order. Its memory is its
// own.
type Conversation struct {
	Flow   stream.Flow
	Chunks []stream.Chunk

	why   stream.Reason
	at    int64
	order uint64
}

// Read reads the connections of a capture that carried bytes, in the order of their first bytes. What can be read of a
// damaged file is read.
func Read(t testing.TB, file string) (list []*Conversation) {
	t.Helper()
	r, err := pcapfile.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	table := assembly.New(assembly.Config{}, func(f *stream.Flow) stream.Handler {
		c := &Conversation{Flow: *f}
		list = append(list, c)
		return c
	})
	var batch capture.Batch
	var parser packet.Parser
	var s packet.Segment
	for order := uint64(1); ; {
		if err := r.Read(&batch); err == io.EOF {
			table.Close(order)
			return list
		} else if err != nil {
			t.Logf("%v", err)
			table.Close(order)
			return list
		}
		for i := range batch.Packets {
			if parser.Parse(&batch.Packets[i], &s) == packet.TCP {
				s.Order = order
				table.Segment(&s)
			}
			order++
		}
	}
}

// HandleChunk implements stream.Handler: it keeps a copy.
func (c *Conversation) HandleChunk(_ *stream.Flow, ch *stream.Chunk) {
	k := *ch
	k.Data = append([]byte(nil), ch.Data...)
	c.Chunks = append(c.Chunks, k)
}

// HandleClose implements stream.Handler.
func (c *Conversation) HandleClose(f *stream.Flow, why stream.Reason, at int64, order uint64) {
	c.Flow.RTT = f.RTT
	c.why, c.at, c.order = why, at, order
}

// bytes is how many bytes both directions carried.
func (c *Conversation) bytes() (n int) {
	for i := range c.Chunks {
		n += len(c.Chunks[i].Data)
	}
	return n
}

// with is the same conversation in other chunks.
func (c *Conversation) with(chunks []stream.Chunk) *Conversation {
	d := *c
	d.Chunks = chunks
	return &d
}

// Without is c with chunks that were lost, as a gap each.
func (c *Conversation) Without(lost ...int) *Conversation {
	chunks := slices.Clone(c.Chunks)
	for _, i := range lost {
		ch := &chunks[i]
		ch.Data, ch.Missing = nil, ch.Missing+len(ch.Data)
	}
	return c.with(chunks)
}

// Play hands the conversation to an engine as package assembly would. What it lends is overwritten when the loan ends,
// so that a breach shows.
func (c *Conversation) Play(e *l7.Engine) {
	f := c.Flow
	h := e.Open(&f)
	var lent []byte
	for i := range c.Chunks {
		ch := c.Chunks[i]
		lent = append(lent[:0], ch.Data...)
		ch.Data = lent
		h.HandleChunk(&f, &ch)
		for j := range lent {
			lent[j] = 0xDB
		}
	}
	h.HandleClose(&f, c.why, c.at, c.order)
	f = stream.Flow{}
}
