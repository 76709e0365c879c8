package mongodb

import (
	"bytes"
	"encoding/binary"
	"strconv"
)

// batch counts the documents in the batch of an answer that is too long to be kept: {cursor: {firstBatch: [...], ...}}.
// Keys of an array are its indexes, so each element's header is known but for the document's length.
type batch struct {
	next  int // place in the message of the next element
	count int // elements before it
	size  int // of the message
	done  bool
}

// header is how long the next element's header is: type, key, NUL, and the document's length.
func (s *batch) header() int {
	n := 1 // digits of the key
	for k := s.count; k >= 10; k /= 10 {
		n++
	}
	return 1 + n + 1 + 4
}

// find walks through the head of a message to the batch, and to the last element of it that begins there.
func (s *batch) find(head []byte) bool {
	const first = headerSize + 4 // flags, then the kind of the first section
	if head[first] != 0 {
		return false
	}
	at := first + 1 + 4
	for _, name := range [...][]string{{"cursor"}, {"firstBatch", "nextBatch"}} {
		for {
			if at >= len(head) || head[at] == typeEnd {
				return false
			}
			typ := head[at]
			k := bytes.IndexByte(head[at+1:], 0)
			if k < 0 {
				return false
			}
			key := string(head[at+1 : at+1+k])
			at += k + 2
			if key == name[0] || key == name[len(name)-1] {
				at += 4
				break
			}
			n := size(typ, head[min(at, len(head)):])
			if n < 0 || n > len(head) {
				return false
			}
			at += n
		}
	}
	for s.next = at; s.next+s.header() <= len(head); {
		h := s.header()
		if !s.read(head[s.next : s.next+h]) {
			return false
		}
	}
	return true
}

// read takes an element's header and moves on to the next. It returns false at the array's end, or when the bytes are
// no element.
func (s *batch) read(b []byte) bool {
	if b[0] == typeEnd {
		s.done = true
		return false
	}
	var key [20]byte
	k := strconv.AppendInt(key[:0], int64(s.count), 10)
	h := 1 + len(k) + 1 + 4
	if len(b) != h || b[0] != typeDocument || !bytes.Equal(b[1:1+len(k)], k) || b[1+len(k)] != 0 {
		return false
	}
	n := int(int32(binary.LittleEndian.Uint32(b[h-4:])))
	if n < 5 {
		return false
	}
	s.next += h - 4 + n
	s.count++
	return true
}
