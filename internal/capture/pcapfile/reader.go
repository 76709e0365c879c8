// Package pcapfile reads capture files: pcap and pcapng, plain or compressed with gzip or zstd, told apart by
// their first bytes. It knows how records are framed and what their times mean. It does not look into packets.
package pcapfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"github.com/dbtap/dbtap/internal/capture"
)

// bufferSize is what one Read asks of the file: large enough that a system call is nothing beside the packets it
// brings, small enough that several batches stay in the processor's cache, and that the rows of the smallest messages,
// which are 40 times as large, do not matter.
const bufferSize = 128 << 10

// maxPackets is how many packets one Read returns: as many as are in a full buffer of small ones. What is made of packets
// is larger than the smallest of them.
const maxPackets = 4 << 10

// maxEmptyReads is how often a source may return nothing without an error before it is called broken.
const maxEmptyReads = 100

// Reader reads the packets of one capture file. It is a capture.Source: one goroutine calls Read. Size, Offset,
// Secrets and Interfaces may be called from others meanwhile. Close is called after the last Read.
type Reader struct {
	name   string
	src    io.Reader // of uncompressed bytes
	raw    *counter  // of the file's own bytes, below src
	size   int64
	closer []func() error

	compression string // "gzip", "zstd" or ""

	rest []byte // read from src, not yet handed out
	base int64  // place of rest[0] in the uncompressed stream
	form format
	err  error // what the next Read returns; nil while there is more
	late error // what src returned while more packets lay in rest than one Read returns

	mu     sync.Mutex
	shared shared
}

// shared is what other goroutines may ask for. Reader.mu guards it.
type shared struct {
	secrets     []Secret
	secretBytes int
	interfaces  []Interface
}

// format splits bytes into records.
type format interface {
	// split appends the packets that lie whole in buf[off:] to b and returns where it stopped and how many bytes
	// must follow from there before it can go on. Damage is not empty when what lies at the returned place cannot
	// be a record; it says why.
	split(b *capture.Batch, buf []byte, off int) (next, need int, damage string)
	// open says that the place where split stopped is inside a record; what names it.
	open() (inside bool, what string)
	// packets is the number of packets so far.
	packets() uint64
}

// DamageError says that a capture file cannot be read further. All packets before the damage were returned.
type DamageError struct {
	File   string
	Packet uint64 // number of the packet that could not be read, from 1
	Offset int64  // of the record that could not be read, in the uncompressed stream
	What   string // what is wrong with it
	Err    error  // the decompressor's error, where it found the damage; else nil
	Whole  bool   // nothing of the capture is missing: what follows its end is not read
}

func (e *DamageError) Error() string {
	if e.Whole {
		return fmt.Sprintf("%s: everything in it was read, but %s", e.File, e.What)
	}
	return fmt.Sprintf("%s: damaged at packet %d, byte %d: %s; what comes before it was read", e.File, e.Packet, e.Offset, e.What)
}

func (e *DamageError) Unwrap() error { return e.Err }

// Open opens a capture file, or standard input for "-". It reads the file's header. The caller closes the Reader.
func Open(path string) (*Reader, error) {
	f, name := os.Stdin, "standard input"
	if path != "-" {
		var err error
		if f, err = os.Open(path); err != nil {
			return nil, err
		}
		name = path
	}
	r, err := New(f, name)
	if err != nil {
		f.Close()
		return nil, err
	}
	r.closer = append(r.closer, f.Close)
	return r, nil
}

// New reads a capture from src; name stands in errors. It reads the header, and returns an error when there is
// none that it knows. Close does not close src.
func New(src io.Reader, name string) (*Reader, error) {
	r := &Reader{name: name, raw: &counter{src: src}}
	if f, ok := src.(*os.File); ok {
		if st, err := f.Stat(); err == nil && st.Mode().IsRegular() {
			r.size = st.Size()
		}
	}
	r.src = r.raw
	if err := r.begin(); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// begin finds out compression and format.
func (r *Reader) begin() error {
	if err := r.peek(4); err != nil {
		return err
	}
	if len(r.rest) == 0 {
		return fmt.Errorf("%s: the file is empty: not even a capture's header was written", r.name)
	}
	if err := r.decompress(); err != nil {
		return err
	}
	switch m := magicOf(r.rest); {
	case m.pcap != nil:
		if err := r.peek(pcapHeaderSize); err != nil {
			return err
		}
		if len(r.rest) < pcapHeaderSize {
			return r.damage(0, "the file ends inside its header", nil)
		}
		if what := m.pcap.header(r.rest); what != "" {
			return fmt.Errorf("%s: %s", r.name, what)
		}
		r.rest = r.rest[pcapHeaderSize:]
		r.base = pcapHeaderSize
		r.form = m.pcap
	case m.pcapng:
		r.form = &pcapng{r: r}
	case m.other != "":
		return fmt.Errorf("%s: not a capture file: %s", r.name, m.other)
	default:
		return fmt.Errorf("%s: not a capture file: begins with bytes % x, which is neither pcap nor pcapng (nor gzip or zstd of them)",
			r.name, r.rest[:min(4, len(r.rest))])
	}
	return nil
}

// peek reads until rest holds n bytes or the file ends. An error that comes with enough bytes is left for Read,
// which meets it again.
func (r *Reader) peek(n int) error {
	for empty := 0; len(r.rest) < n; {
		buf := make([]byte, 4096)
		m, err := r.src.Read(buf)
		r.rest = append(r.rest, buf[:m]...)
		if err == io.EOF || len(r.rest) >= n {
			return nil
		}
		if err != nil {
			return r.failed(0, err)
		}
		if m == 0 {
			if empty++; empty == maxEmptyReads {
				return r.failed(0, io.ErrNoProgress)
			}
		}
	}
	return nil
}

// Read implements capture.Source. A file that is cut or damaged gives a *DamageError after its last whole packet.
func (r *Reader) Read(b *capture.Batch) error {
	b.Packets = b.Packets[:0]
	if r.err != nil {
		return r.err
	}
	if size := max(bufferSize, len(r.rest)); cap(b.Buf) != size { // a long record needed more: that goes
		b.Buf = make([]byte, size)
	}
	buf := b.Buf[:cap(b.Buf)]
	n := copy(buf, r.rest)
	off, empty := 0, 0
	fresh := n > 0              // there are bytes that split has not seen
	fill := r.compression != "" // a decompressor hands out small pieces, and none of them is live
	for {
		end := r.late
		if end == nil && n < len(buf) && (!fresh || fill) {
			var m int
			m, end = r.src.Read(buf[n:])
			n += m
			if m > 0 {
				empty = 0
			} else if empty++; end == nil && empty == maxEmptyReads {
				end = io.ErrNoProgress
			}
			if fill && end == nil && n < len(buf) {
				continue
			}
		}
		fresh = false
		next, need, damage := r.form.split(b, buf[:n], off)
		off = next
		if len(b.Packets) == maxPackets && damage == "" {
			r.late, end = end, nil
		}
		switch {
		case damage != "":
			r.err = r.damage(int64(off), damage, nil)
		case end == io.EOF:
			r.err = r.ended(off, n)
		case trails(end) && r.ended(off, n) == io.EOF:
			d := r.damage(int64(off), "bytes that are not "+r.compression+" follow its end", end)
			d.Whole = true
			r.err = d
		case end != nil:
			r.err = r.failed(int64(off), end)
		}
		if r.err != nil || len(b.Packets) > 0 {
			break
		}
		if off > 0 {
			n = copy(buf, buf[off:n])
			r.base += int64(off)
			off = 0
		}
		if size := max(bufferSize, need, n); size != len(buf) {
			b.Buf = make([]byte, size)
			n = copy(b.Buf, buf[:n])
			buf = b.Buf
		}
	}
	b.Buf = buf
	r.base += int64(off)
	r.rest = append(r.rest[:0], buf[off:n]...)
	if len(b.Packets) == 0 {
		return r.err
	}
	return nil
}

// ended is the error for a file that ends at buf[n], when splitting stopped at buf[off].
func (r *Reader) ended(off, n int) error {
	inside, what := r.form.open()
	if off == n && !inside {
		return io.EOF
	}
	return r.damage(int64(off), fmt.Sprintf("the file ends inside %s", what), nil)
}

// failed wraps an error of the file or of the decompressor.
func (r *Reader) failed(off int64, err error) error {
	if what := r.compressionDamage(err); what != "" {
		return r.damage(off, what, err)
	}
	return fmt.Errorf("%s: cannot read after byte %d: %w", r.name, r.raw.n.Load(), err)
}

// damage makes a DamageError for the record that lies off bytes after base.
func (r *Reader) damage(off int64, what string, err error) *DamageError {
	e := &DamageError{File: r.name, Packet: 1, Offset: r.base + off, What: what, Err: err}
	if r.form != nil {
		e.Packet = r.form.packets() + 1
	}
	return e
}

// Close frees what the Reader holds.
func (r *Reader) Close() error {
	var errs []error
	for _, c := range r.closer {
		errs = append(errs, c())
	}
	r.closer = nil
	if r.err == nil {
		r.err = fmt.Errorf("%s: read after close", r.name)
	}
	return errors.Join(errs...)
}

// Size is the size of the file in bytes, as it lies on disk; 0 if it is not known.
func (r *Reader) Size() int64 { return r.size }

// Offset is how many of the file's bytes have been read so far, out of Size.
func (r *Reader) Offset() int64 { return r.raw.n.Load() }

// counter counts the bytes read through it.
type counter struct {
	src    io.Reader
	n      atomic.Int64
	failed atomic.Bool // src returned an error that is not its end
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.src.Read(b)
	c.n.Add(int64(n))
	if err != nil && err != io.EOF {
		c.failed.Store(true)
	}
	return n, err
}
