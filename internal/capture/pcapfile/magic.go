package pcapfile

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxWindow is the most memory a zstd frame may ask for: four times what the zstd program's strongest usual level (-19)
// needs, so that the program stays below 100 MB. What was made with --long or --ultra may need more, a hostile file 2 GiB.
const maxWindow = 32 << 20

// magic is what the first bytes of a file say. At most one field is set.
type magic struct {
	pcap   *pcap
	pcapng bool
	other  string // what it is instead, and what to do
}

func magicOf(b []byte) magic {
	if len(b) < 4 {
		return magic{}
	}
	switch binary.LittleEndian.Uint32(b) {
	case 0xa1b2c3d4:
		return magic{pcap: &pcap{unit: 1000, head: pcapRecordSize}}
	case 0xd4c3b2a1:
		return magic{pcap: &pcap{unit: 1000, head: pcapRecordSize, big: true}}
	case 0xa1b23c4d:
		return magic{pcap: &pcap{unit: 1, head: pcapRecordSize}}
	case 0x4d3cb2a1:
		return magic{pcap: &pcap{unit: 1, head: pcapRecordSize, big: true}}
	case 0xa1b2cd34: // Alexey Kuznetsov's variant: 8 more bytes in each record's header
		return magic{pcap: &pcap{unit: 1000, head: pcapRecordSize + 8}}
	case 0x34cdb2a1:
		return magic{pcap: &pcap{unit: 1000, head: pcapRecordSize + 8, big: true}}
	case blockSection:
		return magic{pcapng: true}
	}
	for _, o := range others {
		if bytes.HasPrefix(b, []byte(o.prefix)) {
			return magic{other: o.what}
		}
	}
	return magic{}
}

var others = []struct{ prefix, what string }{
	{"\xfd7zXZ", "it is compressed with xz; decompress it first (xz -d)"},
	{"BZh", "it is compressed with bzip2; decompress it first (bunzip2)"},
	{"\x04\x22\x4d\x18", "it is compressed with lz4; decompress it first (lz4 -d)"},
	{"PK\x03\x04", "it is a zip archive; unpack it first"},
	{"\x1f\x8b", "it is compressed twice; decompress it once first (gunzip)"},
	{"\x28\xb5\x2f\xfd", "it is compressed twice; decompress it once first (zstd -d)"},
	{"snoop", "it is a Solaris snoop file; convert it first (editcap -F pcap)"},
	{"GMBU", "it is a Microsoft Network Monitor file; convert it first (editcap -F pcap)"},
	{"RTSS", "it is a Microsoft Network Monitor file; convert it first (editcap -F pcap)"},
	{"XCP\x00", "it is a NetXRay file; convert it first (editcap -F pcap)"},
}

// decompress puts a decompressor over src if rest begins with the magic of one, and fills rest anew through it.
func (r *Reader) decompress() error {
	isGzip := bytes.HasPrefix(r.rest, []byte("\x1f\x8b"))
	if !isGzip && !isZstd(r.rest) {
		return nil
	}
	compressed := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(r.rest), r.raw), compressedBuffer)
	r.rest = nil
	if isGzip {
		r.compression = "gzip"
		z, err := gzip.NewReader(compressed)
		if err != nil {
			return r.failed(0, err)
		}
		z.Multistream(false)
		r.src = &members{z, compressed}
	} else {
		r.compression = "zstd"
		z, err := zstd.NewReader(compressed, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
		if err != nil {
			return r.failed(0, err)
		}
		r.src = z
		r.closer = append(r.closer, func() error { z.Close(); return nil })
	}
	if err := r.peek(4); err != nil {
		return err
	}
	if len(r.rest) == 0 {
		return fmt.Errorf("%s: nothing is in it but an empty compressed file", r.name)
	}
	return nil
}

// compressedBuffer is how many compressed bytes are read at once.
const compressedBuffer = 64 << 10

// errTrailing says that what follows the end of a gzip file is not another one.
var errTrailing = errors.New("bytes follow the end")

// trails tells whether err says that something else follows what was decompressed.
func trails(err error) bool {
	return errors.Is(err, errTrailing) || errors.Is(err, zstd.ErrMagicMismatch)
}

// members reads gzip files that follow each other. The library does too, but does not tell a cut one from one that is followed
// by something else.
type members struct {
	z  *gzip.Reader
	in *bufio.Reader
}

func (m *members) Read(b []byte) (int, error) {
	for {
		n, err := m.z.Read(b)
		if err != io.EOF || n > 0 {
			if err == io.EOF {
				err = nil // it comes again
			}
			return n, err
		}
		next, err := m.in.Peek(2)
		switch {
		case len(next) == 0 && err != nil:
			return 0, err
		case !bytes.HasPrefix(next, []byte("\x1f\x8b")):
			return 0, errTrailing
		}
		if err := m.z.Reset(m.in); err != nil {
			return 0, err
		}
		m.z.Multistream(false)
	}
}

// isZstd also knows skippable frames, which may stand before the first real one.
func isZstd(b []byte) bool {
	if len(b) < 4 {
		return false
	}
	m := binary.LittleEndian.Uint32(b)
	return m == 0xfd2fb528 || m&^0xf == 0x184d2a50
}

// compressionDamage says what a decompressor's error means, or "" if the error is of the file below it.
func (r *Reader) compressionDamage(err error) string {
	switch {
	case r.compression == "" || r.raw.failed.Load():
		return ""
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "the " + r.compression + " file ends too early"
	case trails(err):
		return "what follows the " + r.compression + " file's end is not " + r.compression
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return fmt.Sprintf("zstd asks for a window above %d MiB; decompress it first (zstd -d --long=31)", maxWindow>>20)
	}
	return fmt.Sprintf("cannot decompress the %s file (%v)", r.compression, err)
}
