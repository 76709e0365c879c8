package l7

import (
	"testing"

	"github.com/dbtap/dbtap/internal/record"
)

// TestRoom: large derived memory is one for all Engines, taken again and again without an allocation, and let go when the
// message is done; small memory is a Message's own.
func TestRoom(t *testing.T) {
	const much = 2 << 20
	e := [2]*Engine{New(Config{}, func(*record.Record) {}), New(Config{}, func(*record.Record) {})}
	first := &e[0].msg.Room(much)[:1][0]
	e[0].msg.Derived = e[0].msg.Derived[:much]
	if again := &e[0].msg.Room(much)[:1][0]; again != first {
		t.Error("a message with two large buffers takes memory twice")
	}
	e[0].msg.shrink()
	if e[0].msg.Derived != nil {
		t.Error("large memory was not let go")
	}
	if n := testing.AllocsPerRun(100, func() {
		for _, e := range e {
			if p := &e.msg.Room(much)[:1][0]; p != first {
				t.Error("an Engine takes other large memory")
			}
			e.msg.shrink()
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
	for _, e := range e {
		e.msg.Derived = append(e.msg.Room(100), make([]byte, 100)...)
		e.msg.shrink()
		if cap(e.msg.Derived) < 100 {
			t.Error("small memory was let go")
		}
	}
	if large.TryLock() {
		large.Unlock()
	} else {
		t.Error("an Engine that does not decode holds the large memory")
	}

	// A Message that no Engine has is like any variable; the first Replayer keeps what it took, others do not.
	var m Message
	m.Derived = append(m.Room(much), make([]byte, much)...)
	m.reset()
	if m.Derived != nil {
		t.Error("large memory was not let go")
	}
	kept := 0
	for range 3 {
		r := Replayer{}
		r.msg.replays = true
		r.msg.Derived = append(r.msg.Room(much), make([]byte, much)...)
		if r.msg.reset(); r.msg.Derived != nil {
			kept++
		}
	}
	if kept != 1 {
		t.Errorf("%d Replayers keep large memory", kept)
	}
}
