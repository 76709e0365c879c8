package packet

import (
	"bytes"
	"container/list"
	"time"
	"unsafe"
)

// Limits on the fragments that are kept. Where one is reached the oldest datagram is given up.
const (
	// maxDatagrams is how many may be incomplete at once. A host sends fragments of a datagram one after the other,
	// so even many hosts have few open; loss and hostile traffic make more.
	maxDatagrams = 1024
	// maxFragmentBytes is how many bytes they may hold together: 128 of the largest.
	maxFragmentBytes = 8 << 20
	// maxPieces is how many stretches of one datagram may be there with gaps between them: twice what a datagram of
	// 64 KiB has at an MTU of 576 if every second fragment comes first.
	maxPieces = 128
	// maxWait is how long the first fragment waits for the others, by capture time: Linux's net.ipv4.ipfrag_time.
	maxWait = int64(30 * time.Second)
	// duplicateWait is how long a datagram that is whole is remembered, by capture time, so that copies of its
	// fragments are known for what they are: a capture on all interfaces of a host has each twice. Longer, and the
	// 16 bits of IPv4's identification could come round.
	duplicateWait = int64(100 * time.Millisecond)
	// maxDatagram is what the 16 bits of a length can say.
	maxDatagram = 65535
)

// fragmentKey tells datagrams apart (RFC 791, section 3.2; RFC 8200, section 4.5).
type fragmentKey struct {
	src, dst [16]byte
	id       uint32
	proto    uint8 // version 4 only
	version  uint8
}

// fragments holds the datagrams that are not whole, and some that were.
type fragments struct {
	byKey       map[fragmentKey]*list.Element
	oldest      list.List // of *datagram, by arrival of the first fragment
	bytes       int       // allocated for all of them
	waiting     int       // those that are not whole
	reassembled uint64
	dropped     uint64
}

// datagram is one that is not whole, or was not.
type datagram struct {
	key    fragmentKey
	at     int64   // when its first fragment came, or since when it is done; ns since the Unix epoch
	done   bool    // it is whole and was handed on; only key and at mean anything
	proto  uint8   // what the datagram carries, from the fragment at 0
	parts  []part  // the bytes that came, in the order in which they came; they do not overlap
	size   int     // what it takes of maxFragmentBytes
	pieces []piece // what came, in order, with gaps between
	end    int     // length of the whole; -1 until the last fragment came
	cut    int     // bytes from here on are not all there, because a fragment was cut by the snap length
}

// piece is a stretch of bytes.
type piece struct{ from, to int }

// part is a copy of bytes of a fragment. A datagram takes what was captured of it: its whole space is made only when all
// of it is there, for two bytes may say that it has 64 KiB.
type part struct {
	at int
	b  []byte
}

// partCost is what a part takes beside its bytes.
const partCost = int(unsafe.Sizeof(part{})) + 8

// fragment keeps a fragment and, if it is the last to come, reads the datagram. f is the fragment without headers,
// at its place in the datagram.
func (r *Parser) fragment(s *Segment, key fragmentKey, proto uint8, f span, at int, more bool, ip []byte, depth int) Result {
	switch proto {
	case protoTCP, protoUDP, protoGRE, protoIPv4, protoIPv6, protoMPLS, protoAH, protoDestination:
	default:
		return NotTCP
	}
	if at+f.wire > maxDatagram || more && f.wire%8 != 0 || f.wire == 0 || depth >= maxTunnels {
		return Malformed
	}
	t := &r.fragments
	d := t.get(key, s.Time)
	if d.done {
		return Fragment
	}
	if at == 0 {
		d.proto = proto
	}
	before := d.size
	ok := d.put(at, f, more)
	t.bytes += d.size - before
	if !ok {
		t.drop(d)
		return Fragment
	}
	if !d.whole() {
		for t.bytes > maxFragmentBytes {
			t.drop(t.oldest.Front().Value.(*datagram))
		}
		return Fragment
	}
	whole := span{d.bytes(), d.end}
	proto = d.proto
	t.finish(d, s.Time)
	return r.transport(s, proto, whole, ip, depth+1)
}

// get finds the datagram, or begins it.
func (t *fragments) get(key fragmentKey, now int64) *datagram {
	for e := t.oldest.Front(); e != nil; e = t.oldest.Front() {
		d := e.Value.(*datagram)
		if now-d.at <= maxWait {
			break
		}
		t.drop(d)
	}
	if e := t.byKey[key]; e != nil {
		d := e.Value.(*datagram)
		if !d.done || now-d.at <= duplicateWait {
			return d
		}
		t.drop(d)
	}
	if len(t.byKey) == maxDatagrams {
		t.drop(t.oldest.Front().Value.(*datagram))
	}
	if t.byKey == nil {
		t.byKey = make(map[fragmentKey]*list.Element)
	}
	d := &datagram{key: key, at: now, end: -1, cut: maxDatagram}
	t.byKey[key] = t.oldest.PushBack(d)
	t.waiting++
	return d
}

// finish forgets all of d but that it was whole.
func (t *fragments) finish(d *datagram, now int64) {
	t.waiting--
	t.reassembled++
	t.bytes -= d.size
	*d = datagram{key: d.key, at: now, done: true}
}

// drop takes d out. It is a loss only if d was not whole.
func (t *fragments) drop(d *datagram) {
	t.oldest.Remove(t.byKey[d.key])
	delete(t.byKey, d.key)
	t.bytes -= d.size
	if !d.done {
		t.waiting--
		t.dropped++
	}
}

// put copies what is new: of bytes that came twice the first stay. It returns false when there are too many pieces.
func (d *datagram) put(at int, f span, more bool) bool {
	to := at + f.wire
	if !more && d.end < 0 {
		d.end = to
	}
	if d.end >= 0 {
		to = min(to, d.end)
	}
	if at >= to {
		return true
	}
	// before and after are the pieces that do not touch the new one; those between are swallowed by it.
	before := 0
	for before < len(d.pieces) && d.pieces[before].to < at {
		before++
	}
	after := before
	merged := piece{at, to}
	place := at // of the next byte that may be new
	for ; after < len(d.pieces) && d.pieces[after].from <= to; after++ {
		p := d.pieces[after]
		d.fill(at, f.b, place, min(p.from, to))
		place = max(place, p.to)
		merged = piece{min(merged.from, p.from), max(merged.to, p.to)}
	}
	d.fill(at, f.b, place, to)
	if before == after {
		if len(d.pieces) == maxPieces {
			return false
		}
		d.pieces = append(d.pieces, piece{})
		copy(d.pieces[before+1:], d.pieces[before:])
	} else {
		d.pieces = append(d.pieces[:before+1], d.pieces[after:]...)
	}
	d.pieces[before] = merged
	return true
}

// fill copies the bytes from..to of the datagram out of a fragment that begins at at, but those behind a cut: nobody
// reads them.
func (d *datagram) fill(at int, b []byte, from, to int) {
	if from >= to {
		return
	}
	if captured := at + len(b); to > captured {
		d.cut = min(d.cut, max(from, captured))
		to = captured
	}
	if to = min(to, d.cut); from < to {
		d.parts = append(d.parts, part{from, bytes.Clone(b[from-at : to-at])})
		d.size += partCost + to - from
	}
}

// bytes makes the datagram, up to where it is cut.
func (d *datagram) bytes() []byte {
	buf := make([]byte, min(d.cut, d.end))
	for _, p := range d.parts {
		if p.at < len(buf) {
			copy(buf[p.at:], p.b)
		}
	}
	return buf
}

// whole says that every byte from the first to the end came.
func (d *datagram) whole() bool {
	return d.end >= 0 && len(d.pieces) == 1 && d.pieces[0] == piece{0, d.end}
}
