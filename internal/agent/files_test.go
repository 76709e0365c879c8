package agent_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dbtap/dbtap/internal/agent"
	"github.com/dbtap/dbtap/internal/capture/pcapfile"
	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/output"
	"github.com/dbtap/dbtap/internal/protocol/all"
	"github.com/dbtap/dbtap/internal/record"
)

func captures(t *testing.T) []string {
	t.Helper()
	names, _ := filepath.Glob("../protocol/*/testdata/*.pcap.gz")
	if len(names) == 0 {
		t.Fatal("no captures")
	}
	return names
}

func config() l7.Config { return l7.Config{Protocols: all.Protocols(), Want: ^uint64(0)} }

// read returns the rows of files as JSON.
func read(t *testing.T, f agent.Files) (string, agent.Stats, error) {
	t.Helper()
	var out bytes.Buffer
	w := output.NewJSON(&out)
	f.L7, f.Row = config(), w.Row
	stats, err := f.Run(context.Background())
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return out.String(), stats, err
}

// TestCores reads all captures as one with different numbers of cores: the output is the same bytes.
func TestCores(t *testing.T) {
	var want string
	for _, n := range []int{1, 2, 3, 8} {
		was := runtime.GOMAXPROCS(n)
		got, stats, err := read(t, agent.Files{Names: captures(t)})
		runtime.GOMAXPROCS(was)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(got, "\n") != int(stats.L7.Exchanges) || stats.L7.Exchanges < 1500 {
			t.Errorf("%d rows of %d exchanges", strings.Count(got, "\n"), stats.L7.Exchanges)
		}
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("with %d cores the output is another: %x, not %x", n, sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want)))
		}
	}
}

// TestConnections checks that connections are numbered from 1 in the order of their first packets.
func TestConnections(t *testing.T) {
	seen, last := map[string]int64{}, int64(0)
	f := agent.Files{Names: captures(t), L7: config()}
	first := map[int64]uint64{}
	f.Row = func(r *record.Record) error {
		n := r.Num(record.Connection)
		key := r.Client.String() + strconv.FormatInt(n, 10)
		if was, ok := seen[key]; ok && was != n {
			t.Errorf("%s is connection %d and %d", key, was, n)
		}
		seen[key] = n
		first[n] = min(r.Order, max(first[n], r.Order))
		last = max(last, n)
		return nil
	}
	stats, err := f.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if last > stats.Connections || last < stats.Connections-8 {
		t.Errorf("the last connection with a row is %d of %d", last, stats.Connections)
	}
}

// TestDamaged cuts a file: what came before is there, and the error tells where it broke.
func TestDamaged(t *testing.T) {
	whole := "../protocol/mongodb/testdata/crud.pcap.gz"
	f, err := os.Open(whole)
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
	cut := filepath.Join(t.TempDir(), "cut.pcap")
	if err := os.WriteFile(cut, b[:len(b)*2/3], 0o644); err != nil {
		t.Fatal(err)
	}
	other := "../protocol/mongodb/testdata/errors.pcap.gz"
	got, stats, err := read(t, agent.Files{Names: []string{cut, other}})
	var damage *pcapfile.DamageError
	if !errors.As(err, &damage) || damage.File != cut || damage.Packet == 0 || damage.Offset == 0 {
		t.Fatalf("error %v", err)
	}
	all, _, _ := read(t, agent.Files{Names: []string{other}})
	if n := strings.Count(got, "\n"); n < strings.Count(all, "\n")+20 || stats.Files != 2 {
		t.Errorf("%d rows of a damaged and a whole file", n)
	}
}

// TestStop ends a reading from Row, and by its context.
func TestStop(t *testing.T) {
	enough := errors.New("enough")
	f := agent.Files{Names: captures(t), L7: config()}
	rows := 0
	f.Row = func(*record.Record) error {
		if rows++; rows == 3 {
			return enough
		}
		return nil
	}
	if _, err := f.Run(context.Background()); err != enough || rows != 3 {
		t.Errorf("%d rows, error %v", rows, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := f.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// traffic makes a capture as it is read.
type traffic struct {
	out  bytes.Buffer
	next func(t *traffic) bool // appends packets; false at the end
	now  time.Duration
}

func (t *traffic) Read(p []byte) (int, error) {
	for t.out.Len() == 0 {
		if !t.next(t) {
			return 0, io.EOF
		}
	}
	return t.out.Read(p)
}

// header begins the capture: nanoseconds, raw IP.
func (t *traffic) header() {
	le := binary.LittleEndian
	h := make([]byte, 24)
	le.PutUint32(h, 0xA1B23C4D)
	le.PutUint16(h[4:], 2)
	le.PutUint16(h[6:], 4)
	le.PutUint32(h[16:], 262144)
	le.PutUint32(h[20:], 101)
	t.out.Write(h)
}

// end is one side of a TCP connection.
type end struct {
	addr [4]byte
	port uint16
	seq  uint32
}

func (t *traffic) send(from, to *end, flags byte, payload []byte) {
	t.now += time.Microsecond
	var h [16 + 40]byte
	le, be := binary.LittleEndian, binary.BigEndian
	le.PutUint32(h[:], uint32(1.7e9)+uint32(t.now/time.Second))
	le.PutUint32(h[4:], uint32(t.now%time.Second))
	le.PutUint32(h[8:], uint32(40+len(payload)))
	le.PutUint32(h[12:], uint32(40+len(payload)))
	ip := h[16:]
	ip[0], ip[8], ip[9] = 0x45, 64, 6
	be.PutUint16(ip[2:], uint16(40+len(payload)))
	copy(ip[12:], from.addr[:])
	copy(ip[16:], to.addr[:])
	tcp := ip[20:]
	be.PutUint16(tcp, from.port)
	be.PutUint16(tcp[2:], to.port)
	be.PutUint32(tcp[4:], from.seq)
	be.PutUint32(tcp[8:], to.seq)
	tcp[12], tcp[13] = 5<<4, flags
	t.out.Write(h[:])
	t.out.Write(payload)
	from.seq += uint32(len(payload))
	if flags&3 != 0 {
		from.seq++
	}
}

const (
	fin, syn, psh, ack = 1, 2, 8, 16
	segment            = 1448
)

func (t *traffic) open(client, server *end) {
	t.send(client, server, syn, nil)
	t.send(server, client, syn|ack, nil)
	t.send(client, server, ack, nil)
}

func message(id, to uint32, doc []byte) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32(nil, uint32(16+5+len(doc)))
	b = le.AppendUint32(b, id)
	b = le.AppendUint32(b, to)
	b = le.AppendUint32(b, 2013)
	b = append(b, 0, 0, 0, 0, 0)
	return append(b, doc...)
}

func document(elements ...[]byte) []byte {
	body := bytes.Join(elements, nil)
	return append(append(binary.LittleEndian.AppendUint32(nil, uint32(len(body)+5)), body...), 0)
}

func element(typ byte, key string, value []byte) []byte {
	return append(append(append([]byte{typ}, key...), 0), value...)
}

func str(s string) []byte {
	return append(append(binary.LittleEndian.AppendUint32(nil, uint32(len(s)+1)), s...), 0)
}

// TestHuge reads an answer of 48 MB: its documents are counted and its verdict found without keeping it.
func TestHuge(t *testing.T) {
	var batch [][]byte
	pad := element(2, "pad", str(strings.Repeat("x", 400)))
	size := 0
	for i := 0; size < 47_900_000; i++ {
		e := element(3, strconv.Itoa(i), document(pad))
		batch, size = append(batch, e), size+len(e)
	}
	answer := message(9, 7, document(
		element(3, "cursor", document(element(4, "firstBatch", document(batch...)), element(18, "id", make([]byte, 8)), element(2, "ns", str("a.b")))),
		element(1, "ok", []byte{0, 0, 0, 0, 0, 0, 0xF0, 0x3F})))
	count := int64(len(batch))
	batch = nil

	client, server := &end{addr: [4]byte{10, 0, 0, 1}, port: 5000}, &end{addr: [4]byte{10, 0, 0, 2}, port: 4711}
	at := -1
	tr := &traffic{}
	tr.next = func(tr *traffic) bool {
		switch {
		case at < 0:
			tr.header()
			tr.open(client, server)
			tr.send(client, server, psh|ack, message(7, 0, document(element(2, "find", str("things")), element(2, "$db", str("a")))))
			at = 0
		case at < len(answer):
			n := min(segment, len(answer)-at)
			tr.send(server, client, ack, answer[at:at+n])
			at += n
		default:
			return false
		}
		return true
	}
	var before, peak runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f := agent.Files{Names: []string{"made"}, L7: config()}
	f.Open = func(name string) (*pcapfile.Reader, error) { return pcapfile.New(tr, name) }
	rows := 0
	f.Row = func(r *record.Record) error {
		rows++
		if r.Num(record.Rows) != count || r.Status != record.OK || r.Doubts != 0 || r.Num(record.ResponseBytes) != int64(len(answer)) {
			t.Errorf("%d rows of %d, status %v, doubts %s, %d bytes of %d", r.Num(record.Rows), count, r.Status, r.Doubts.AppendNames(nil, ",", ""),
				r.Num(record.ResponseBytes), len(answer))
		}
		return nil
	}
	if _, err := f.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&peak)
	if rows != 1 {
		t.Errorf("%d rows", rows)
	}
	if grown := peak.TotalAlloc - before.TotalAlloc; grown > 24<<20 {
		t.Errorf("allocated %d bytes for it", grown)
	}
}

// TestManyConnections opens 150,000 connections that each send the beginning of a message and fall silent: memory stays
// within the budget, and a conversation at the end is found.
func TestManyConnections(t *testing.T) {
	const connections = 150_000
	begin := message(7, 0, document(element(2, "find", str(strings.Repeat("things", 1000)))))[:700]
	i := -1
	tr := &traffic{}
	tr.next = func(tr *traffic) bool {
		client, server := &end{addr: [4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}, port: 5000}, &end{addr: [4]byte{11, 0, 0, 2}, port: 4711}
		switch {
		case i < 0:
			tr.header()
		case i < connections:
			tr.open(client, server)
			tr.send(client, server, psh|ack, begin)
		case i == connections:
			tr.open(client, server)
			tr.send(client, server, psh|ack, message(7, 0, document(element(2, "find", str("things")), element(2, "$db", str("a")))))
			tr.send(server, client, psh|ack, message(8, 7, document(element(16, "ok", []byte{1, 0, 0, 0}))))
		default:
			return false
		}
		i++
		return true
	}
	f := agent.Files{Names: []string{"made"}, L7: config()}
	f.Open = func(name string) (*pcapfile.Reader, error) { return pcapfile.New(tr, name) }
	answered, rows := 0, 0
	var most uint64
	f.Row = func(r *record.Record) error {
		if rows++; rows%10_000 == 1 {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapInuse)
		}
		if r.Status == record.OK {
			answered++
		}
		return nil
	}
	stats, err := f.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if answered != 1 || stats.Connections != connections+1 || stats.Assembly.Evicted == 0 {
		t.Errorf("%d answered, %d connections, %d evicted", answered, stats.Connections, stats.Assembly.Evicted)
	}
	if most > 160<<20 {
		t.Errorf("the heap grew to %d MB", most>>20)
	}
	t.Logf("%d rows, %d evicted, heap up to %d MB", rows, stats.Assembly.Evicted, most>>20)
}
