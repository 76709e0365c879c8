package l7

import "testing"

// TestRoom: derived memory is taken in one piece and used again, and large memory is let go when it is not needed any more.
func TestRoom(t *testing.T) {
	var m Message
	m.Derived = append(m.Room(600), 1)
	if first := &m.Derived[0]; &append(m.Room(700), 2)[0] != first {
		t.Error("memory for a small message was taken twice")
	}
	m.Derived = append(m.Room(keepMemory+1), 3)
	for range idleMessages + 1 {
		m.reset()
	}
	if m.Derived != nil {
		t.Error("large memory was not let go")
	}
}
