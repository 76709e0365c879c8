package main

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// joiner makes packets of the bytes of one direction.
type joiner struct {
	raw         []byte // not yet used
	plain       []byte // the same, out of compression
	part        []byte // packets of the full length, to which the next belongs
	size        int    // of part with headers
	compression string
}

// next is one packet and its size with headers, or nil if there is none yet.
func (j *joiner) next() ([]byte, int, error) {
	for {
		if j.compression != "" {
			if err := j.inflate(); err != nil {
				return nil, 0, err
			}
		}
		from := &j.raw
		if j.compression != "" {
			from = &j.plain
		}
		b := *from
		if len(b) < 4 {
			return nil, 0, nil
		}
		n := int(b[0]) | int(b[1])<<8 | int(b[2])<<16
		if len(b) < 4+n {
			return nil, 0, nil
		}
		j.part = append(j.part, b[4:4+n]...)
		j.size += 4 + n
		*from = b[4+n:]
		if n < 1<<24-1 {
			packet, size := j.part, j.size
			j.part, j.size = nil, 0
			if packet == nil {
				packet = []byte{}
			}
			return packet, size, nil
		}
	}
}

// rest is how many bytes make no packet yet.
func (j *joiner) rest() int { return j.size + len(j.plain) + len(j.raw) }

// inflate takes whole frames out of raw.
func (j *joiner) inflate() error {
	for len(j.raw) >= 7 {
		n := int(j.raw[0]) | int(j.raw[1])<<8 | int(j.raw[2])<<16
		size := int(j.raw[4]) | int(j.raw[5])<<8 | int(j.raw[6])<<16
		if len(j.raw) < 7+n {
			return nil
		}
		frame := j.raw[7 : 7+n]
		j.raw = j.raw[7+n:]
		if size == 0 { // stored
			j.plain = append(j.plain, frame...)
			continue
		}
		var r io.Reader
		var err error
		if j.compression == "zstd" {
			r, err = zstd.NewReader(bytes.NewReader(frame), zstd.WithDecoderConcurrency(1))
		} else {
			r, err = zlib.NewReader(bytes.NewReader(frame))
		}
		if err != nil {
			return err
		}
		out, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if len(out) != size {
			return fmt.Errorf("a frame of %d bytes says %d", len(out), size)
		}
		j.plain = append(j.plain, out...)
	}
	return nil
}

// reader reads the numbers and texts of one packet. What is missing reads as nothing, and short says so.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) bytes(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.short = true
		n = len(r.b)
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) int(n int) uint64 {
	var v uint64
	for i, b := range r.bytes(n) {
		v |= uint64(b) << (8 * i)
	}
	return v
}

// lenenc is a length-encoded integer; null for 0xfb.
func (r *reader) lenenc() (v uint64, null bool) {
	switch n := r.int(1); n {
	case 0xfb:
		return 0, true
	case 0xfc:
		return r.int(2), false
	case 0xfd:
		return r.int(3), false
	case 0xfe:
		return r.int(8), false
	default:
		return n, false
	}
}

func (r *reader) text() []byte {
	n, _ := r.lenenc()
	return r.bytes(int(n))
}

// cstring ends with a NUL, or with the packet.
func (r *reader) cstring() string {
	s, rest, found := bytes.Cut(r.b, []byte{0})
	r.b, r.short = rest, r.short || !found
	return string(s)
}
