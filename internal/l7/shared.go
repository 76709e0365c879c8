package l7

import (
	"unsafe"

	"github.com/dbtap/dbtap/internal/record"
)

// Shared is what connections know of each other: texts by their keys. It settles the links of records where those of all
// connections come by in order, so that what it says does not depend on how work was divided. The zero Shared is empty; one
// goroutine uses it.
type Shared struct {
	at    map[[16]byte]int // the place of a key in told
	told  []told           // in the order in which keys were told first, as a ring
	next  int
	spare []byte // for texts
}

type told struct {
	key  [16]byte
	text []byte
	time int64 // of the record that told it
}

const (
	// maxShared is how many keys are known at a time: the connections of a large cluster. With their texts they take a few
	// megabytes.
	maxShared = 16 << 10

	// spareSize is how much memory for texts is taken at a time: some hundred addresses.
	spareSize = 16 << 10
)

// Settle notes what r tells and states what others told of what it asks for.
func (s *Shared) Settle(r *record.Record) {
	for i := range r.Links {
		l := &r.Links[i]
		if l.Attribute == "" {
			s.tell(l, r.Num(record.Time))
		} else if at, ok := s.at[l.Key]; ok && (!l.Since || s.told[at].time >= r.Num(record.Time)) {
			text := s.told[at].text
			r.PutAttribute(l.Attribute, record.Text, false, 0, unsafe.String(unsafe.SliceData(text), len(text)))
		}
	}
}

func (s *Shared) tell(l *record.Link, time int64) {
	at, ok := s.at[l.Key]
	switch {
	case ok:
	case len(s.told) < maxShared:
		if at = len(s.told); s.at == nil {
			s.at = map[[16]byte]int{}
		}
		s.told = append(s.told, told{})
	default:
		at = s.next
		s.next = (s.next + 1) % maxShared
		delete(s.at, s.told[at].key)
	}
	t := &s.told[at]
	if n := len(l.Text); cap(t.text) < n {
		if len(s.spare) < n {
			s.spare = make([]byte, max(n, spareSize))
		}
		t.text, s.spare = s.spare[:n:n], s.spare[n:]
	}
	t.key, t.text, t.time = l.Key, append(t.text[:0], l.Text...), time
	s.at[l.Key] = at
}
