package pcapfile

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/klauspost/compress/gzip"

	"github.com/dbtap/dbtap/internal/capture"
	"github.com/dbtap/dbtap/internal/capture/capturetest"
)

// oracle reads a file with pcapgo, as far as that goes.
func oracle(t *testing.T, path string) ([]got, error) {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(path, ".gz") {
		z, err := gzip.NewReader(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		if file, err = io.ReadAll(z); err != nil {
			t.Fatal(err)
		}
	}
	var src interface {
		gopacket.PacketDataSource
		LinkType() layers.LinkType
	}
	if src, err = pcapgo.NewReader(bytes.NewReader(file)); err != nil {
		if src, err = pcapgo.NewNgReader(bytes.NewReader(file), pcapgo.DefaultNgReaderOptions); err != nil {
			t.Fatal(err)
		}
	}
	var all []got
	for {
		data, info, err := src.ReadPacketData()
		if err != nil {
			return all, err
		}
		all = append(all, got{string(data), info.Timestamp.UnixNano(), uint64(len(all) + 1), info.Length, capture.LinkType(src.LinkType())})
	}
}

func TestRealCaptures(t *testing.T) {
	for _, path := range capturetest.Files(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			r, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			all, err := readAll(t, r)
			if err != io.EOF {
				t.Log(err)
			}
			want, refused := oracle(t, path)
			if refused != io.EOF && err == io.EOF {
				t.Logf("compared %d of %d packets; then pcapgo says: %v", len(want), len(all), refused)
				all = all[:len(want)]
			}
			equal(t, all, want)
		})
	}
}

// What pcapgo writes, also in several sections one after the other.
func TestNgWriter(t *testing.T) {
	var file bytes.Buffer
	var want []got
	for section := range 3 {
		w, err := pcapgo.NewNgWriterInterface(&file, pcapgo.NgInterface{
			Name: "first", LinkType: layers.LinkTypeEthernet, TimestampResolution: 9,
		}, pcapgo.DefaultNgWriterOptions)
		if err != nil {
			t.Fatal(err)
		}
		second, err := w.AddInterface(pcapgo.NgInterface{
			Name: "second", LinkType: layers.LinkTypeLinuxSLL, TimestampResolution: 9, SnapLength: 64, OS: "plan 9",
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.WriteDecryptionSecretsBlock(pcapgo.DSB_SECRETS_TYPE_TLS, bytes.Repeat([]byte{'k'}, section+1)); err != nil {
			t.Fatal(err)
		}
		for i := range 50 {
			at := time.Unix(1_700_000_000+int64(i), int64(i*i))
			id, link := i%2*second, []capture.LinkType{capture.LinkEthernet, capture.LinkSLL}[i%2]
			data := bytes.Repeat([]byte{byte(i)}, i)
			err := w.WritePacket(gopacket.CaptureInfo{Timestamp: at, CaptureLength: i, Length: 2 * i, InterfaceIndex: id}, data)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, got{string(data), at.UnixNano(), uint64(len(want) + 1), 2 * i, link})
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	r, err := New(bytes.NewReader(file.Bytes()), "test")
	if err != nil {
		t.Fatal(err)
	}
	all, err := readAll(t, r)
	if err != io.EOF {
		t.Fatal(err)
	}
	equal(t, all, want)
	if s := r.Secrets(); len(s) != 3 || string(s[2].Data) != "kkk" {
		t.Errorf("secrets are %v", s)
	}
	if i := r.Interfaces(); len(i) != 6 || i[5] != (Interface{"second", capture.LinkSLL}) {
		t.Errorf("interfaces are %v", i)
	}
}
