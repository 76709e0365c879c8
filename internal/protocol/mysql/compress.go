package mysql

import (
	"bytes"
	"sync"

	"github.com/dbtap/dbtap/internal/inflate"
	"github.com/dbtap/dbtap/internal/stream"
)

// frameHeader is the length of what stands before each frame of the compressed protocol: the length of what follows, a
// sequence number, the length when decompressed or 0 for bytes that are stored as they are.
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_compression_packet.html
const frameHeader = 7

// keepFrame is the longest memory that is kept for the next frame in pieces: servers fill frames from buffers of 16 KiB.
const keepFrame = 64 << 10

// compression is the compressed protocol as a layer.
type compression struct {
	sides [2]frames
	gap   bool // before the first bytes of both sides
	flow  *stream.Flow
	next  stream.Handler
	chunk stream.Chunk // what is handed on
	room  int
}

// frames is what one side sends.
type frames struct {
	buf    *waiting // a header in pieces, or the beginning of a frame
	left   int      // bytes of the frame that have not come by
	size   int      // its length when decompressed; 0: stored
	gone   bool     // no more of it is kept, because bytes are missing
	cut    bool     // they were not kept, and not lost
	adrift bool     // looking for the beginning of a frame
}

// waiting is memory for bytes that wait for others. It is lent to a side for as long as a frame is in progress.
type waiting struct{ b []byte }

var idle = sync.Pool{New: func() any { return &waiting{} }}

// newCompression makes the layer for both directions of a connection.
func newCompression() stream.Layer { return &compression{} }

// joinCompression makes the layer for a connection that is joined when it is compressed already: the first bytes of each
// side are anywhere in a frame, and what the first frame holds is anywhere in a packet.
func joinCompression() stream.Layer {
	return &compression{sides: [2]frames{{adrift: true}, {adrift: true}}, gap: true}
}

// HandleChunk implements stream.Layer.
func (l *compression) HandleChunk(f *stream.Flow, c *stream.Chunk, room int, next stream.Handler) (held int) {
	l.flow, l.next, l.chunk, l.room = f, next, *c, room
	s := &l.sides[c.Dir]
	if l.gap {
		l.gap = false
		for d := range l.sides {
			l.chunk.Dir = stream.Dir(d)
			l.lack(stream.Unknown, true)
		}
		l.chunk.Dir = c.Dir
	}
	if c.Missing > 0 {
		l.missing(s, c.Missing, c.Cut)
	}
	for data := c.Data; len(data) > 0; {
		switch {
		case s.adrift:
			data = s.regain(data)
		case s.left > 0:
			data = l.take(s, data)
		default:
			data = s.begin(data)
		}
	}
	for i := range l.sides {
		if b := l.sides[i].buf; b != nil {
			held += cap(b.b)
		}
	}
	return held
}

// give hands plain bytes on.
func (l *compression) give(data []byte) {
	l.chunk.Data, l.chunk.Missing, l.chunk.Cut = data, 0, false
	l.next.HandleChunk(l.flow, &l.chunk)
}

// lack hands on that n plain bytes are missing.
func (l *compression) lack(n int, cut bool) {
	l.chunk.Data, l.chunk.Missing, l.chunk.Cut = nil, n, cut
	l.next.HandleChunk(l.flow, &l.chunk)
}

// begin reads the header of a frame.
func (s *frames) begin(data []byte) []byte {
	h, rest := data, data[min(frameHeader, len(data)):]
	if s.buf != nil || len(data) < frameHeader {
		if s.buf == nil {
			s.buf = idle.Get().(*waiting)
		}
		n := min(frameHeader-len(s.buf.b), len(data))
		s.buf.b = append(s.buf.b, data[:n]...)
		if h, rest = s.buf.b, data[n:]; len(h) < frameHeader {
			return nil
		}
	}
	s.left, s.size = int(little(h[:3])), int(little(h[4:7]))
	s.gone, s.cut = false, false
	s.release()
	return rest
}

// take passes on what is stored, and decompresses a frame when it is whole.
func (l *compression) take(s *frames, data []byte) []byte {
	n := min(s.left, len(data))
	p := data[:n]
	s.left -= n
	switch {
	case s.size == 0:
		l.give(p)
	case s.buf == nil && !s.gone && s.left == 0:
		l.finish(s, p)
	default:
		l.keep(s, p)
		if s.left == 0 {
			l.end(s)
		}
	}
	return data[n:]
}

// keep lets bytes of a frame wait for its end, as far as there is room.
func (l *compression) keep(s *frames, p []byte) {
	if s.gone {
		return
	}
	if s.buf == nil {
		s.buf = idle.Get().(*waiting)
		l.room -= cap(s.buf.b)
	}
	if need := len(s.buf.b) + len(p); need > cap(s.buf.b) {
		size := min(2*need, need+s.left)
		if size-cap(s.buf.b) > l.room {
			s.gone, s.cut = true, true
			return
		}
		l.room -= size - cap(s.buf.b)
		s.buf.b = append(make([]byte, 0, size), s.buf.b...)
	}
	s.buf.b = append(s.buf.b, p...)
}

// end decompresses what was kept of a frame that has come by.
func (l *compression) end(s *frames) {
	var kept []byte
	if s.buf != nil {
		kept = s.buf.b
	}
	l.finish(s, kept)
	s.release()
}

// finish decompresses a frame, or as much as there is of it, and passes on what there is not as a gap. What was taken for
// a frame may be none.
func (l *compression) finish(s *frames, src []byte) {
	n := 0
	switch {
	case bytes.HasPrefix(src, zstdMagic):
		n = inflate.ZstdPieces(src, s.size, l.give)
	case zlibHeader(src):
		n = inflate.ZlibPieces(src, s.size, l.give)
	case len(src) >= len(zstdMagic):
		s.adrift = true
		l.lack(stream.Unknown, s.cut)
		return
	}
	if n < s.size {
		l.lack(s.size-n, s.cut)
	}
}

// zlibHeader tells whether b begins as RFC 1950 says.
func zlibHeader(b []byte) bool {
	return len(b) > 1 && b[0]&0x8F == 0x08 && (uint(b[0])<<8|uint(b[1]))%31 == 0
}

func (s *frames) release() {
	if s.buf == nil {
		return
	}
	if s.buf.b = s.buf.b[:0]; cap(s.buf.b) <= keepFrame {
		idle.Put(s.buf)
	}
	s.buf = nil
}

// missing takes a gap of n bytes. Inside of a frame whose length is known it costs that frame alone, of which what came
// before the gap is still read.
func (l *compression) missing(s *frames, n int, cut bool) {
	if s.adrift {
		s.release()
		return
	}
	if inside := min(n, s.left); inside > 0 {
		s.left -= inside
		n -= inside
		if s.size == 0 {
			l.lack(inside, cut)
		} else {
			if !s.gone {
				s.gone, s.cut = true, cut
			}
			if s.left == 0 {
				l.end(s)
			}
		}
	}
	if n > 0 {
		s.release()
		s.adrift = true
		l.lack(stream.Unknown, cut)
	}
}

// regain looks for the beginning of a frame after a loss. Bytes before it are passed by.
func (s *frames) regain(data []byte) []byte {
	if s.buf != nil {
		data = append(s.buf.b, data...)
		s.buf = nil // what follows is read where it lies
	}
	for i := range data {
		switch frame(data[i:]) {
		case likely:
			s.adrift = false
			return data[i:]
		case open:
			s.buf = &waiting{append([]byte(nil), data[i:]...)}
			return nil
		}
	}
	return nil
}

// What the first bytes of a frame tell.
const (
	unlikely = iota
	open     // more bytes are needed
	likely
)

const (
	// longest bounds frames whose ends are not seen when the beginning of a frame is looked for: it takes little to
	// look like a frame, and then all it claims to be would be passed by.
	longest = 64 << 10
	// frames more than these in a row say nothing new.
	enoughFrames = 8
	// patience is how long a stored frame may be that is waited for, because only its end tells what it is.
	patience = 4 << 10
)

var zstdMagic = []byte{0x28, 0xB5, 0x2F, 0xFD}

// compressed tells whether b looks like the beginning of compressed frames. Some clients send the header of a frame alone; no
// packet ends where it does but one of three bytes.
func compressed(b []byte) bool {
	verdict := frame(b)
	return verdict == likely || verdict == open && len(b) == frameHeader && payload(b) != frameHeader-headerSize
}

// packs tells whether both sides agreed to compress what follows the login.
func (d *dialog) packs() bool { return d.known && d.caps&(capCompress|capZstd) != 0 }

// frame judges whether b begins with a frame: by what compressed bytes begin with, or by packets that fill a stored one;
// and by the headers of the frames behind it, which may go on in the middle of a packet.
func frame(b []byte) int {
	verdict := open
	for range enoughFrames {
		if len(b) < frameHeader {
			return verdict
		}
		n, size := int(little(b[:3])), int(little(b[4:7]))
		src := b[frameHeader:]
		whole := n <= len(src)
		switch {
		case n == 0, size > 0 && (n < 8 || n >= size): // nothing was gained
			return unlikely
		case size == 0 && verdict == likely:
		case len(src) < 4:
			return verdict
		case size == 0 && !whole && n > patience:
			return unlikely
		case size == 0:
			at := 0
			for at+3 < min(n, len(src)) {
				at += 4 + int(little(src[at:at+3]))
			}
			if at > n || whole && at < n {
				return unlikely
			}
			if !whole {
				return open
			}
		case bytes.HasPrefix(src, zstdMagic):
		case src[0] != 0x78 || !zlibHeader(src), !whole && (n > longest || size > 16*longest):
			return unlikely
		}
		if !whole {
			return likely
		}
		b, verdict = src[n:], likely
	}
	return likely
}
