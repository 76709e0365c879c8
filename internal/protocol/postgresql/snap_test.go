package postgresql_test

import (
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/dbtap/dbtap/internal/l7/l7test"
	"github.com/dbtap/dbtap/internal/protocol/postgresql"
	"github.com/dbtap/dbtap/internal/record"
)

// snapped writes a capture anew as if it had been made with a snap length of n bytes.
func snapped(t *testing.T, capture string, n int) string {
	t.Helper()
	f, err := os.Open(capture)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	out, b := slices.Clone(b[:24]), b[24:]
	for len(b) >= 16 {
		size := int(binary.LittleEndian.Uint32(b[8:]))
		keep := min(n, size)
		out = binary.LittleEndian.AppendUint32(append(out, b[:8]...), uint32(keep))
		out = append(append(out, b[12:16]...), b[16:16+keep]...)
		b = b[16+size:]
	}
	name := filepath.Join(t.TempDir(), "snapped.pcap")
	if err := os.WriteFile(name, out, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func isError(r l7test.Row) bool {
	return r.Status == record.ClientError || r.Status == record.ServerError
}

// TestSnapLength: an answer of which the end was not kept is not taken for a good one if it was none.
func TestSnapLength(t *testing.T) {
	captures, _ := filepath.Glob("testdata/*.pcap.gz")
	blamed, unknown := 0, 0
	for _, capture := range captures {
		failed, well := map[string]bool{}, map[string]bool{} // what begins in a packet
		key := func(r l7test.Row) string { return fmt.Sprint(r.Client.Port(), r.Num(record.Packet)) }
		for _, r := range l7test.ReadRows(t, postgresql.Protocol, false, capture) {
			if isError(r) {
				failed[key(r)] = true
			} else {
				well[key(r)] = true
			}
		}
		for _, n := range []int{96, 100, 150, 200} {
			for _, r := range l7test.ReadRows(t, postgresql.Protocol, false, snapped(t, capture, n)) {
				coded := r.Has(record.Code)
				switch bad := failed[key(r)] && !well[key(r)]; {
				case r.Status == record.OK && (bad || coded && r.Text(record.Operation) != "NOTICE"):
					t.Errorf("%s, %d bytes of a packet: %v", capture, n, r)
				case isError(r) && r.Doubts&record.Cut != 0:
					blamed++
				case bad:
					unknown++
				}
			}
		}
	}
	if blamed < 100 || unknown < 10 {
		t.Errorf("%d errors are known by their codes, %d are not", blamed, unknown)
	}
}
