package l7

import (
	"testing"

	"github.com/dbtap/dbtap/internal/record"
)

// TestShared: what is told is known to whom comes later, the latest of it, and to those who ask for news only if it is.
func TestShared(t *testing.T) {
	var s Shared
	row := func(time int64, links ...record.Link) string {
		r := record.New()
		r.Set(record.Time, time)
		for _, l := range links {
			r.PutLink(l)
		}
		s.Settle(&r)
		if len(r.Attributes) == 0 {
			return ""
		}
		return r.Attributes[0].Name + "=" + string(r.Attributes[0].Text)
	}
	tell := func(key byte, text string) record.Link { return record.Link{Key: [16]byte{key}, Text: []byte(text)} }
	ask := func(key byte, since bool) record.Link {
		return record.Link{Key: [16]byte{key}, Attribute: "who", Since: since}
	}
	for i, c := range []struct{ got, want string }{
		{row(1, ask(1, false)), ""},
		{row(2, tell(1, "ann")), ""},
		{row(3, ask(1, false)), "who=ann"},
		{row(3, ask(1, true)), ""}, // told before it began
		{row(2, ask(1, true)), "who=ann"},
		{row(4, tell(1, "bob"), ask(1, false)), "who=bob"},
		{row(5, ask(2, false)), ""},
	} {
		if c.got != c.want {
			t.Errorf("step %d: %q, want %q", i, c.got, c.want)
		}
	}
	for i := range 2 * maxShared {
		s.Settle(&record.Record{Links: []record.Link{{Key: [16]byte{9, byte(i), byte(i >> 8), byte(i >> 16)}, Text: []byte("x")}}})
	}
	if len(s.told) != maxShared || row(6, ask(1, false)) != "" {
		t.Errorf("%d keys are known, and the oldest is one of them", len(s.told))
	}
}
