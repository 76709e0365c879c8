package mongodb_test

import (
	"testing"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/protocol/mongodb"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/stream"
)

// TestPipeline sends many requests before the first answer: every answer is read as that to its request.
func TestPipeline(t *testing.T) {
	const requests = 300
	rows := 0
	engine := l7.New(l7.Config{Protocols: []*l7.Protocol{mongodb.Protocol}, Want: ^uint64(0), Budget: 8 << 20}, func(r *record.Record) {
		rows++
		if r.Num(record.Affected) != r.Num(record.RequestID) || r.Text(record.Operation) != "update" {
			t.Errorf("request %d: affected %d", r.Num(record.RequestID), r.Num(record.Affected))
		}
	})
	f := &stream.Flow{}
	h := engine.Open(f)
	for i := uint32(1); i <= requests; i++ {
		h.HandleChunk(f, &stream.Chunk{Data: msg(int(i), 0, 0, d(e("update", "c"), e("$db", "d"))), Time: int64(i)})
	}
	for i := uint32(requests); i >= 1; i-- {
		answer := d(e("n", int32(i)), e("nModified", int32(i)), e("ok", 1.0))
		h.HandleChunk(f, &stream.Chunk{Dir: stream.Backward, Data: msg(1000+int(i), int(i), 0, answer), Time: 1000})
	}
	h.HandleClose(f, stream.Finished, 1000, 1)
	if rows != requests {
		t.Errorf("%d rows", rows)
	}
}
