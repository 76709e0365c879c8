package l7

import "github.com/dbtap/dbtap/internal/record"

// Shared is what connections know of each other: texts by their keys. It settles the links of records where those of all
// connections come by in order, so that what it says does not depend on how work was divided. The zero Shared is empty; one
// goroutine uses it.
type Shared struct {
	told  map[[16]byte]told
	order [][16]byte // in which keys were told first, as a ring
	next  int
}

type told struct {
	text string
	time int64 // of the record that told it
}

// maxShared is how many keys are known at a time: the connections of a large cluster. With their texts they take a few
// megabytes.
const maxShared = 16 << 10

// Settle notes what r tells and states what others told of what it asks for.
func (s *Shared) Settle(r *record.Record) {
	for i := range r.Links {
		l := &r.Links[i]
		if l.Attribute == "" {
			s.tell(l.Key, told{string(l.Text), r.Num(record.Time)})
			continue
		}
		if t, ok := s.told[l.Key]; ok && (!l.Since || t.time >= r.Num(record.Time)) {
			r.PutAttribute(l.Attribute, record.Text, false, 0, t.text)
		}
	}
}

func (s *Shared) tell(key [16]byte, t told) {
	if _, ok := s.told[key]; !ok {
		switch {
		case s.told == nil:
			s.told = map[[16]byte]told{}
			fallthrough
		case len(s.order) < maxShared:
			s.order = append(s.order, key)
		default:
			delete(s.told, s.order[s.next])
			s.order[s.next] = key
			s.next = (s.next + 1) % maxShared
		}
	}
	s.told[key] = t
}
