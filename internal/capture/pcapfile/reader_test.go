package pcapfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/dbtap/dbtap/internal/capture"
)

// got is a packet that was read, copied.
type got struct {
	data   string
	time   int64
	number uint64
	length int
	link   capture.LinkType
}

// batches are used again by test after test; a batch knows nothing of its source.
var batches [2]capture.Batch

// readAll reads to the end with two batches in turn, as a pipeline does, and returns the error that ended it.
func readAll(t testing.TB, r *Reader) ([]got, error) {
	t.Helper()
	var all []got
	for i := 0; ; i++ {
		b := &batches[i%2]
		err := r.Read(b)
		if (err != nil) != (len(b.Packets) == 0) {
			t.Fatalf("Read gave %d packets and error %v", len(b.Packets), err)
		}
		if err != nil {
			if again := r.Read(b); again != err {
				t.Fatalf("Read gave %v, then %v", err, again)
			}
			return all, err
		}
		for _, p := range b.Packets {
			if p.Length < len(p.Data) {
				t.Fatalf("packet %d has %d bytes, of %d", p.Number, len(p.Data), p.Length)
			}
			all = append(all, got{string(p.Data), p.Time, p.Number, p.Length, p.Link})
		}
	}
}

func readBytes(t testing.TB, file []byte) ([]got, error) {
	t.Helper()
	r, err := New(bytes.NewReader(file), "test.pcap")
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return readAll(t, r)
}

func equal(t *testing.T, got, want []got) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("read %d packets, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("packet %d is\n%.200v, want\n%.200v", i+1, got[i], want[i])
		}
	}
}

func wantRecs(recs []rec, unit int64, link capture.LinkType) []got {
	var want []got
	for i, p := range recs {
		want = append(want, got{string(p.data), int64(p.sec)*1e9 + int64(p.frac)*unit, uint64(i + 1), int(p.wire()), link})
	}
	return want
}

func TestPcap(t *testing.T) {
	recs := someRecs(40)
	for _, c := range []struct {
		name  string
		order binary.AppendByteOrder
		magic uint32
		unit  int64
	}{
		{"micro little", binary.LittleEndian, 0xa1b2c3d4, 1000},
		{"micro big", binary.BigEndian, 0xa1b2c3d4, 1000},
		{"nano little", binary.LittleEndian, 0xa1b23c4d, 1},
		{"nano big", binary.BigEndian, 0xa1b23c4d, 1},
		{"modified little", binary.LittleEndian, 0xa1b2cd34, 1000},
		{"modified big", binary.BigEndian, 0xa1b2cd34, 1000},
	} {
		t.Run(c.name, func(t *testing.T) {
			file, _ := pcapBytes(c.order, c.magic, 0xf0000000|113, recs)
			all, err := readBytes(t, file)
			if err != io.EOF {
				t.Fatal(err)
			}
			equal(t, all, wantRecs(recs, c.unit, capture.LinkSLL))
		})
	}
}

func wantMixed() []got {
	return []got{
		{"one", 1_700_000_000_123_456_789, 1, 3, capture.LinkEthernet},
		{"two two", 1_700_000_000_123_456_000, 2, 1500, capture.LinkSLL},
		{"three", 1_700_000_000_123_456_000, 3, 5, capture.LinkEthernet},
		{"four", 1_700_000_100_500_000_000, 4, 4, capture.LinkRaw},
		{"five!", 1_700_000_101_000_000_000, 5, 9, capture.LinkRaw},
	}
}

func TestPcapng(t *testing.T) {
	r, err := New(bytes.NewReader(mixedNg().file), "test")
	if err != nil {
		t.Fatal(err)
	}
	all, err := readAll(t, r)
	if err != io.EOF {
		t.Fatal(err)
	}
	equal(t, all, wantMixed())
	if s := r.Secrets(); len(s) != 1 || s[0].Type != 0x544c534b || string(s[0].Data) != "CLIENT_RANDOM 00 11\n" {
		t.Errorf("secrets are %v", s)
	}
	want := []Interface{{"eth0", 1}, {"any", 113}, {"", 101}}
	for i, have := range r.Interfaces() {
		if have != want[i] {
			t.Errorf("interface %d is %v, want %v", i, have, want[i])
		}
	}
}

// A source may hand out any number of bytes at a time.
func TestSmallReads(t *testing.T) {
	recs := someRecs(40)
	file, _ := pcapBytes(binary.LittleEndian, 0xa1b2c3d4, 1, recs)
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"one byte": iotest.OneByteReader, "half": iotest.HalfReader, "data with EOF": iotest.DataErrReader,
	} {
		t.Run(name, func(t *testing.T) {
			r, err := New(wrap(bytes.NewReader(file)), "test")
			if err != nil {
				t.Fatal(err)
			}
			all, err := readAll(t, r)
			if err != io.EOF {
				t.Fatal(err)
			}
			equal(t, all, wantRecs(recs, 1000, 1))
			r, err = New(wrap(bytes.NewReader(mixedNg().file)), "test")
			if err != nil {
				t.Fatal(err)
			}
			if all, err = readAll(t, r); err != io.EOF {
				t.Fatal(err)
			}
			equal(t, all, wantMixed())
		})
	}
}

// Packets that do not fit what is left of a buffer, nor a whole one.
func TestLargePackets(t *testing.T) {
	var recs []rec
	for i := range 60 {
		size := []int{100, 60_000, bufferSize - 20, bufferSize, bufferSize + 1, maxPacket, 0}[i%7]
		recs = append(recs, rec{sec: uint32(i), data: bytes.Repeat([]byte{byte(i + 1)}, size)})
	}
	file, _ := pcapBytes(binary.LittleEndian, 0xa1b2c3d4, 1, recs)
	all, err := readBytes(t, file)
	if err != io.EOF {
		t.Fatal(err)
	}
	equal(t, all, wantRecs(recs, 1000, 1))

	w := new(ng).section(binary.LittleEndian).iface(1, 0)
	for _, p := range recs {
		w.enhanced(0, uint64(p.sec)*1e6, p.data, p.wire())
		w.block(0x0bad, make([]byte, 3*bufferSize+100)) // skipped without being held
	}
	if all, err = readBytes(t, w.file); err != io.EOF {
		t.Fatal(err)
	}
	equal(t, all, wantRecs(recs, 1000, 1))
}

// Batches may be in flight while others are read.
func TestBatchesInFlight(t *testing.T) {
	recs := make([]rec, 20_000)
	for i := range recs {
		recs[i] = rec{sec: uint32(i), data: bytes.Repeat([]byte{byte(i)}, 100+i%50)}
	}
	file, _ := pcapBytes(binary.LittleEndian, 0xa1b2c3d4, 1, recs)
	for name, file := range map[string][]byte{"plain": file, "zstd": zstded(t, file)} {
		r, err := New(bytes.NewReader(file), name)
		if err != nil {
			t.Fatal(err)
		}
		var batches []*capture.Batch
		for {
			b := new(capture.Batch)
			if err := r.Read(b); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			batches = append(batches, b)
		}
		if len(batches) < 4 {
			t.Fatalf("%d batches", len(batches))
		}
		i := 0
		for _, b := range batches {
			for _, p := range b.Packets {
				if !bytes.Equal(p.Data, recs[i].data) {
					t.Fatalf("%s: packet %d is not what it was", name, p.Number)
				}
				i++
			}
		}
		if i != len(recs) {
			t.Fatalf("%d packets", i)
		}
	}
}

func TestCompressed(t *testing.T) {
	recs := someRecs(200)
	file, _ := pcapBytes(binary.LittleEndian, 0xa1b2c3d4, 1, recs)
	half := len(file) / 2
	skippable := []byte{0x53, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 'a', 'b', 'c', 'd'}
	for name, packed := range map[string][]byte{
		"gzip":           gzipped(t, file),
		"gzip members":   gzipped(t, file[:half], file[half:]),
		"zstd":           zstded(t, file),
		"zstd frames":    append(zstded(t, file[:half]), zstded(t, file[half:])...),
		"zstd skippable": append(skippable, zstded(t, file)...),
	} {
		t.Run(name, func(t *testing.T) {
			all, err := readBytes(t, packed)
			if err != io.EOF {
				t.Fatal(err)
			}
			equal(t, all, wantRecs(recs, 1000, 1))
		})
	}
	all, err := readBytes(t, gzipped(t, mixedNg().file))
	if err != io.EOF {
		t.Fatal(err)
	}
	equal(t, all, wantMixed())
}

// isDamage fails the test unless err tells of damage at this packet.
func isDamage(t *testing.T, err error, packet int) *DamageError {
	t.Helper()
	var d *DamageError
	if !errors.As(err, &d) {
		t.Fatalf("error is %v, want damage", err)
	}
	if d.Packet != uint64(packet) || strings.Contains(d.Error(), "\n") || !strings.Contains(d.Error(), d.File) {
		t.Fatalf("damage is %q, want packet %d", d, packet)
	}
	return d
}

// A file cut anywhere gives the packets that lie whole before the cut, and says that it was cut unless the cut is
// between two records.
func TestCutAnywhere(t *testing.T) {
	recs := someRecs(12)
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		file, ends := pcapBytes(order, 0xa1b23c4d, 1, recs)
		want := wantRecs(recs, 1, 1)
		for cut := range file {
			all, err := readBytes(t, file[:cut])
			whole, boundary := 0, cut == pcapHeaderSize
			for _, end := range ends {
				if end <= cut {
					whole++
				}
				boundary = boundary || end == cut
			}
			equal(t, all, want[:whole])
			switch {
			case cut < 4:
				if err == nil || errors.As(err, new(*DamageError)) {
					t.Fatalf("cut at %d: %v", cut, err)
				}
			case boundary:
				if err != io.EOF {
					t.Fatalf("cut at %d: %v", cut, err)
				}
			default:
				d := isDamage(t, err, whole+1)
				start := 0
				if cut > pcapHeaderSize {
					start = pcapHeaderSize
				}
				if whole > 0 {
					start = ends[whole-1]
				}
				if d.Offset != int64(start) {
					t.Fatalf("cut at %d: damage at %d, want %d", cut, d.Offset, start)
				}
			}
		}
	}
}

func TestCutAnywherePcapng(t *testing.T) {
	w := mixedNg()
	want := wantMixed()
	for cut := 4; cut < len(w.file); cut++ {
		all, err := readBytes(t, w.file[:cut])
		boundary := false
		packets := 0
		for _, end := range w.ends {
			boundary = boundary || end == cut
		}
		for i, block := range []int{4, 5, 7, 10, 11} { // where the packets are
			if w.ends[block] <= cut {
				packets = i + 1
			}
		}
		equal(t, all, want[:packets])
		if boundary {
			if err != io.EOF {
				t.Fatalf("cut at %d: %v", cut, err)
			}
		} else {
			isDamage(t, err, packets+1)
		}
	}
}

// A compressed file that is cut gives what could be decompressed.
func TestCutCompressed(t *testing.T) {
	// Bytes that do not compress, so that the cut is far behind the first packets.
	seed := uint32(1)
	recs := someRecs(3000)
	for i := range recs {
		recs[i].data = make([]byte, 300)
		for j := range recs[i].data {
			seed = seed*1664525 + 1013904223
			recs[i].data[j] = byte(seed >> 24)
		}
	}
	file, _ := pcapBytes(binary.LittleEndian, 0xa1b2c3d4, 1, recs)
	want := wantRecs(recs, 1000, 1)
	for name, packed := range map[string][]byte{"gzip": gzipped(t, file), "zstd": zstded(t, file)} {
		t.Run(name, func(t *testing.T) {
			for _, cut := range []int{len(packed) - 1, len(packed) - 5, len(packed) / 2, len(packed)/2 + 1} {
				all, err := readBytes(t, packed[:cut])
				d := isDamage(t, err, len(all)+1)
				if least := len(want)*cut/len(packed) - 600; len(all) < least {
					t.Errorf("cut at %d of %d: %d packets, want at least %d", cut, len(packed), len(all), least)
				}
				if !strings.Contains(d.What, name) || errors.Unwrap(d) == nil {
					t.Errorf("damage is %q", d)
				}
				equal(t, all, want[:len(all)])
			}
			// Damage in the middle, and bytes that do not belong after the end.
			bad := bytes.Clone(packed)
			for i := range 20 {
				bad[len(bad)/2+i] ^= 0xff
			}
			all, err := readBytes(t, bad)
			if len(all) < 500 {
				t.Errorf("%d packets before the damage", len(all))
			}
			isDamage(t, err, len(all)+1)
			all, err = readBytes(t, append(bytes.Clone(packed), "something else that is long enough"...))
			isDamage(t, err, len(recs)+1)
			equal(t, all, want)
		})
	}
}

func TestDamage(t *testing.T) {
	recs := someRecs(6)
	file, ends := pcapBytes(binary.LittleEndian, 0xa1b2c3d4, 1, recs)
	patch := func(file []byte, at int, value uint32) []byte {
		bad := bytes.Clone(file)
		binary.LittleEndian.PutUint32(bad[at:], value)
		return bad
	}
	le := binary.LittleEndian
	start := func() *ng { return new(ng).section(le).iface(1, 0).enhanced(0, 1, []byte("abcd"), 4) }
	long := make([]byte, maxBlock)
	for _, c := range []struct {
		name   string
		file   []byte
		packet int
		what   string
	}{
		{"absurd length", patch(file, ends[2]+8, 0xffffffff), 4, "4294967295 bytes"},
		{"just too long", patch(file, ends[2]+8, maxPacket+1), 4, "no packet has"},
		{"longer than the file", patch(file, ends[2]+8, maxPacket), 4, "ends inside a packet"},
		{"block lengths differ", patch(start().file, len(start().file)-4, 77), 1, "ends with length 77"},
		{"skipped block's lengths differ", patch(start().block(99, nil).file, len(start().file)+8, 16), 2, "ends with length 16"},
		{"block too short for its frame", patch(start().file, len(start().file)-36+4, 8), 1, "8 bytes"},
		{"block too short for its type", start().block(blockEnhanced, make([]byte, 16)).file, 2, "type 6"},
		{"block beyond the file", patch(start().file, len(start().file)-36+4, 1<<20), 1, "ends inside a block"},
		{"block beyond the limit", start().enhanced(0, 0, long, 1).file, 2, "limit"},
		{"skipped block beyond the file", patch(start().block(99, nil).file, len(start().file)+4, 0xffffffff), 2, "ends inside a block"},
		{"no interface", start().enhanced(1, 0, nil, 0).file, 2, "interface 1"},
		{"no interface for a simple packet", new(ng).section(le).simple(nil, 0).file, 1, "none is described"},
		{"interface forgotten in a new section", start().section(le).enhanced(0, 0, nil, 0).file, 2, "only 0"},
		{"packet longer than its block", patch(start().file, len(start().file)-36+20, 5), 1, "room for 4"},
		{"simple packet longer than its block", new(ng).section(le).iface(1, 9).simple([]byte("abcd"), 8).file, 1, "room for 4"},
		{"byte order", patch(start().section(le).file, len(start().file)+8, 0x11111111), 2, "byte order"},
		{"version", patch(start().section(le).file, len(start().file)+12, 9), 2, "version 9.0"},
		{"option overruns", start().block(blockInterface, []byte{1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 9, 0, 'a', 'b', 'c', 'd'}).file, 2, "option 2"},
		{"odd resolution", start().iface(1, 0, 9, []byte{1, 2}).file, 2, "option 9"},
		{"odd offset", start().iface(1, 0, 14, []byte{1, 2}).file, 2, "option 14"},
		{"secrets overrun", start().block(blockSecrets, []byte{1, 2, 3, 4, 5, 0, 0, 0, 9, 9, 9, 9}).file, 2, "secrets of 5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			all, err := readBytes(t, c.file)
			d := isDamage(t, err, c.packet)
			if len(all) != c.packet-1 || !strings.Contains(d.What, c.what) {
				t.Errorf("%d packets, %q", len(all), d)
			}
		})
	}
}

// What one Read brings is bounded, in bytes and in packets, whatever came before and whatever the compression.
func TestBatchesStaySmall(t *testing.T) {
	var recs []rec
	for i := range 3*maxPackets + 5 {
		recs = append(recs, rec{sec: uint32(i), data: []byte{byte(i)}})
	}
	plain, _ := pcapBytes(binary.LittleEndian, 0xa1b2c3d4, 1, recs)
	w := new(ng).section(binary.LittleEndian).iface(1, 0).secrets(1, make([]byte, maxBlock-100))
	for _, p := range recs {
		w.enhanced(0, uint64(p.sec)*1e6, p.data, p.wire())
	}
	long := new(ng).section(binary.LittleEndian).iface(1, 0).enhanced(0, 0, make([]byte, maxPacket), maxPacket).file
	for name, file := range map[string][]byte{"pcap": plain, "pcap.zst": zstded(t, plain), "pcapng": w.file, "pcapng.gz": gzipped(t, w.file),
		"cut": w.file[:len(w.file)-3], "long first": append(long, w.file...)} {
		r, err := New(bytes.NewReader(file), name)
		if err != nil {
			t.Fatal(err)
		}
		var b capture.Batch
		n, last := 0, 0
		for r.Read(&b) == nil {
			n += len(b.Packets)
			if len(b.Packets) > maxPackets || cap(b.Buf) > bufferSize && len(b.Packets[0].Data) < bufferSize {
				t.Errorf("%s: %d packets in %d bytes", name, len(b.Packets), cap(b.Buf))
			}
			last = len(b.Packets)
		}
		want := len(recs)
		switch name {
		case "cut":
			want--
			isDamage(t, r.err, want+1)
		case "long first":
			want++
		}
		if n != want || last == maxPackets || name != "cut" && r.err != io.EOF {
			t.Errorf("%s: %d packets, not %d, %v", name, n, want, r.err)
		}
	}
}

func TestNamesAreBounded(t *testing.T) {
	w := new(ng).section(binary.LittleEndian).iface(1, 0, 2, bytes.Repeat([]byte("e"), 60_000)).enhanced(0, 5, nil, 0)
	r, err := New(bytes.NewReader(w.file), "test")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := readAll(t, r); err != io.EOF || len(r.Interfaces()[0].Name) != maxName {
		t.Errorf("a name of %d bytes, %v", len(r.Interfaces()[0].Name), err)
	}
}

func TestManyInterfaces(t *testing.T) {
	w := new(ng).section(binary.LittleEndian)
	for range maxInterfaces {
		w.iface(1, 0)
	}
	w.enhanced(maxInterfaces-1, 5, nil, 0)
	r, err := New(bytes.NewReader(w.file), "test")
	if err != nil {
		t.Fatal(err)
	}
	if all, err := readAll(t, r); err != io.EOF || len(all) != 1 || len(r.Interfaces()) != maxNames {
		t.Errorf("%d packets, %d interfaces, %v", len(all), len(r.Interfaces()), err)
	}
	_, err = readBytes(t, w.iface(1, 0).file)
	isDamage(t, err, 2)
}

func TestSecretsAreBounded(t *testing.T) {
	w := new(ng).section(binary.LittleEndian)
	part := make([]byte, 1<<20-1024)
	for range maxSecretBytes/len(part) + 1 {
		w.secrets(1, part)
	}
	w.secrets(2, make([]byte, maxBlock+1)) // too large to be looked at
	w.secrets(3, []byte("small"))
	r, err := New(bytes.NewReader(w.file), "test")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := readAll(t, r); err != io.EOF {
		t.Fatal(err)
	}
	if s := r.Secrets(); len(s) != maxSecretBytes/len(part)+1 || s[len(s)-1].Type != 3 {
		t.Errorf("%d secrets", len(s))
	}
}

func TestNotACapture(t *testing.T) {
	file, _ := pcapBytes(binary.LittleEndian, 0xa1b2c3d4, 1, someRecs(3))
	old := bytes.Clone(file)
	old[4] = 1
	for _, c := range []struct{ name, file, what string }{
		{"empty", "", "empty"},
		{"short", "ab", "61 62"},
		{"text", "<!DOCTYPE html>", "3c 21 44 4f"},
		{"xz", "\xfd7zXZ\x00\x00", "xz -d"},
		{"snoop", "snoop\x00\x00\x00", "editcap"},
		{"version", string(old), "version 1.4"},
		{"empty gzip", string(gzipped(t, nil)), "empty"},
		{"gzip of gzip", string(gzipped(t, gzipped(t, file))), "twice"},
		{"zstd with a window of 256 MiB", "\x28\xb5\x2f\xfd\x00\x90\x01\x00\x00", "window above 32 MiB"},
		{"gzip of text", string(gzipped(t, []byte("hello"))), "68 65 6c 6c"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := New(strings.NewReader(c.file), "the file")
			if err == nil || !strings.Contains(err.Error(), c.what) || !strings.HasPrefix(err.Error(), "the file: ") {
				t.Errorf("error is %v", err)
			}
		})
	}
	for _, cut := range []int{4, 12} {
		for name, packed := range map[string][]byte{"gzip": gzipped(t, file), "zstd": zstded(t, file)} {
			_, err := New(bytes.NewReader(packed[:cut]), "the file")
			if err == nil {
				t.Errorf("%s cut at %d has no error", name, cut)
			}
		}
	}
}

// A file that cannot be read is no damaged file.
func TestReadFails(t *testing.T) {
	recs := someRecs(9)
	file, ends := pcapBytes(binary.LittleEndian, 0xa1b2c3d4, 1, recs)
	packed := gzipped(t, file)
	broken := errors.New("the disk is on fire")
	for _, c := range []struct {
		name string
		src  io.Reader
		read int
	}{
		{"plain", io.MultiReader(bytes.NewReader(file[:ends[5]+3]), iotest.ErrReader(broken)), 6},
		{"gzip", io.MultiReader(bytes.NewReader(packed[:len(packed)-1]), iotest.ErrReader(broken)), 9},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := New(c.src, "test")
			if err != nil {
				t.Fatal(err)
			}
			all, err := readAll(t, r)
			if !errors.Is(err, broken) || errors.As(err, new(*DamageError)) || len(all) != c.read {
				t.Errorf("%d packets, %v", len(all), err)
			}
		})
	}
	if _, err := New(iotest.ErrReader(broken), "test"); !errors.Is(err, broken) {
		t.Error(err)
	}
	r, err := New(io.MultiReader(bytes.NewReader(file[:ends[5]+3]), stuck{}), "test")
	if err != nil {
		t.Fatal(err)
	}
	if all, err := readAll(t, r); !errors.Is(err, io.ErrNoProgress) || len(all) != 6 {
		t.Errorf("%d packets, %v", len(all), err)
	}
}

// stuck returns nothing, for ever.
type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

// A pipe gives packets as they come; nothing waits for a full buffer.
func TestPipe(t *testing.T) {
	file, ends := pcapBytes(binary.LittleEndian, 0xa1b2c3d4, 1, someRecs(9))
	pr, pw := io.Pipe()
	defer pw.Close()
	go pw.Write(file[:ends[4]+3])
	r, err := New(pr, "test")
	if err != nil {
		t.Fatal(err)
	}
	var b capture.Batch
	if err := r.Read(&b); err != nil || len(b.Packets) != 5 {
		t.Errorf("%d packets, %v", len(b.Packets), err)
	}
}

func TestTimes(t *testing.T) {
	be := binary.BigEndian
	sec := func(s int64) []byte { return be.AppendUint64(nil, uint64(s)) }
	for _, c := range []struct {
		name string
		opts []any
		at   uint64
		want int64
	}{
		{"micro by default", nil, 1_700_000_000_000_001, 1_700_000_000_000_001_000},
		{"seconds", []any{9, []byte{0}}, 1_700_000_000, 1_700_000_000_000_000_000},
		{"seconds too many", []any{9, []byte{0}}, 1 << 40, math.MaxInt64},
		{"nano", []any{9, []byte{9}}, 1_700_000_000_000_000_001, 1_700_000_000_000_000_001},
		{"nano too many", []any{9, []byte{9}}, math.MaxUint64, math.MaxInt64},
		{"pico", []any{9, []byte{12}}, 17_000_000_000_000_000_999, 17_000_000_000_000_000},
		{"10^-28", []any{9, []byte{28}}, math.MaxUint64, 1},
		{"10^-29", []any{9, []byte{29}}, math.MaxUint64, 0},
		{"10^-127", []any{9, []byte{127}}, math.MaxUint64, 0},
		{"2^0", []any{9, []byte{0x80}}, 1_700_000_000, 1_700_000_000_000_000_000},
		{"2^0 too many", []any{9, []byte{0x80}}, math.MaxUint64, math.MaxInt64},
		{"2^-32", []any{9, []byte{0xa0}}, 1_700_000_000<<32 | 1<<31, 1_700_000_000_500_000_000},
		{"2^-63", []any{9, []byte{0xbf}}, 1 << 63, 1_000_000_000},
		{"2^-64", []any{9, []byte{0xc0}}, 1 << 63, 500_000_000},
		{"2^-93", []any{9, []byte{0x80 | 93}}, math.MaxUint64, 1},
		{"2^-127", []any{9, []byte{0xff}}, math.MaxUint64, 0},
		{"offset", []any{14, sec(1_700_000_000)}, 5, 1_700_000_000_000_005_000},
		{"offset back", []any{14, sec(-1)}, 1, -999_999_000},
		{"offset too large", []any{14, sec(math.MaxInt64)}, 1, math.MaxInt64},
		{"offset too small", []any{14, sec(math.MinInt64)}, 0, math.MinInt64},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := new(ng).section(be).iface(1, 0, c.opts...).enhanced(0, c.at, nil, 0)
			all, err := readBytes(t, w.file)
			if err != io.EOF || len(all) != 1 {
				t.Fatalf("%d packets, %v", len(all), err)
			}
			if all[0].time != c.want {
				t.Errorf("time is %d, want %d", all[0].time, c.want)
			}
		})
	}
	if addSaturated(math.MinInt64, -1) != math.MinInt64 || addSaturated(math.MaxInt64, 1) != math.MaxInt64 {
		t.Error("sums wrap")
	}
}

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.pcap")
	file, _ := pcapBytes(binary.LittleEndian, 0xa1b2c3d4, 1, someRecs(9))
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if r.Size() != int64(len(file)) {
		t.Errorf("size is %d", r.Size())
	}
	if all, err := readAll(t, r); err != io.EOF || len(all) != 9 || r.Offset() != r.Size() {
		t.Errorf("%d packets, %v, %d of %d bytes", len(all), err, r.Offset(), r.Size())
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if _, err := Open(t.TempDir()); err == nil {
		t.Error("a folder was opened")
	}
}

func TestReadDoesNotAllocate(t *testing.T) {
	one, _ := pcapBytes(binary.LittleEndian, 0xa1b2c3d4, 1, []rec{{data: make([]byte, 100)}})
	w := new(ng).section(binary.LittleEndian).iface(1, 0)
	head := len(w.file)
	w.enhanced(0, 7, make([]byte, 100), 100)
	for name, src := range map[string]io.Reader{
		"pcap":   &endless{head: one[:pcapHeaderSize], body: one[pcapHeaderSize:]},
		"pcapng": &endless{head: w.file[:head], body: w.file[head:]},
	} {
		r, err := New(src, name)
		if err != nil {
			t.Fatal(err)
		}
		var b capture.Batch
		for range 3 {
			if err := r.Read(&b); err != nil {
				t.Fatal(err)
			}
		}
		if n := testing.AllocsPerRun(20, func() { r.Read(&b) }); n > 0 {
			t.Errorf("%s: %v allocations a batch", name, n)
		}
	}
}

// TestTrailing: bytes behind the end of a compressed file are told of, and are not taken for its damage.
func TestTrailing(t *testing.T) {
	file := mixedNg().file
	want, err := readBytes(t, file)
	if err != io.EOF {
		t.Fatal(err)
	}
	for name, packed := range map[string][]byte{"gzip": gzipped(t, file), "zstd": zstded(t, file)} {
		for _, tail := range []string{"x", "\x00\x00\x00\x00", "garbage\n", strings.Repeat("garbage", 10_000)} {
			if name == "zstd" && len(tail) < 4 {
				continue // too short to be told from a cut frame
			}
			got, err := readBytes(t, append(slices.Clone(packed), tail...))
			var damage *DamageError
			if !errors.As(err, &damage) || !damage.Whole || len(got) != len(want) {
				t.Errorf("%s and %q: %d packets of %d, %v", name, tail[:1], len(got), len(want), err)
			}
			if want := "everything in it was read, but bytes that are not " + name + " follow its end"; err != nil && !strings.HasSuffix(err.Error(), want) {
				t.Error(err)
			}
		}
		if _, err := readBytes(t, append(slices.Clone(packed), packed[:len(packed)/2]...)); err == nil || strings.Contains(err.Error(), "everything") {
			t.Errorf("%s and half of one: %v", name, err)
		}
	}
}
