package mysql

import (
	"bytes"
	"testing"
)

// TestHeld: long texts take what is kept of them, whether they replace each other or wait for their answers, and do not let
// those that are short be forgotten before there is need.
func TestHeld(t *testing.T) {
	short, long := &sentence{normal: []byte("SELECT ?")}, &sentence{normal: bytes.Repeat([]byte("a, "), 200_000)}
	var s statements
	check := func(what string, known bool) {
		t.Helper()
		if s.held > maxHeld+2*maxStatement {
			t.Errorf("%s: %d bytes are held", what, s.held)
		}
		if (s.find(1) != nil) != known {
			t.Errorf("%s: the first statement is known: %v", what, !known)
		}
	}
	prepare := func(text *sentence, id uint32) {
		s.prepare(text, false, false)
		if id > 0 {
			x := s.answered(s.serial - 1)
			x.id = id
			s.add(x)
		}
	}
	prepare(short, 1)
	prepare(long, 2)
	check("a long text", true)
	for range 100 {
		prepare(long, 2)
	}
	check("one number", true)
	for id := range uint32(100) {
		prepare(long, 3+id)
	}
	check("many numbers", false)
	prepare(short, 1)
	for range maxPreparing + 1 {
		prepare(long, 0)
	}
	check("many wait", false)
	d := dialog{}
	for id := range uint32(maxStatements) {
		d.statements.prepare(short, false, false)
		x := d.statements.answered(id)
		x.id = id
		d.statements.add(x)
	}
	if n := d.Holds() - d.statements.held; n < 8*maxStatements {
		t.Errorf("the list of %d statements takes %d bytes", maxStatements, n)
	}
}
