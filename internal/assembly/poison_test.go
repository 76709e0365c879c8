//go:build poison

package assembly

import (
	"bytes"
	"testing"

	"github.com/dbtap/dbtap/internal/stream"
)

// keeper breaks the rule: it keeps what it was lent.
type keeper struct {
	data  []byte
	chunk *stream.Chunk
}

func (k *keeper) HandleChunk(_ *stream.Flow, c *stream.Chunk)            { k.data, k.chunk = c.Data, c }
func (k *keeper) HandleClose(*stream.Flow, stream.Reason, int64, uint64) {}

func TestPoison(t *testing.T) {
	k := new(keeper)
	b := newBench(t, 0)
	b.table.open = func(*stream.Flow) stream.Handler { return k }
	b.handshake()
	b.c(P|A, 5, 0, "world")
	b.c(P|A, 0, 0, "hello")
	if want := bytes.Repeat([]byte{poisoned}, 5); !bytes.Equal(k.data, want) || k.chunk.Missing != -poisoned {
		t.Errorf("%q %+v", k.data, k.chunk)
	}
}
