package l7test

import (
	"fmt"
	"testing"
)

// told is how many failures of one kind a promise prints: what is wrong once is often wrong everywhere.
const told = 40

// report prints the first failures of each kind and counts the others. Without a test it keeps the first, and counts.
type report struct {
	t     *testing.T
	kinds []string
	n     map[string]int
	first []string
}

func newReport(t *testing.T) *report {
	r := &report{t: t, n: map[string]int{}}
	if t == nil {
		return r
	}
	t.Cleanup(func() {
		for _, k := range r.kinds {
			if n := r.n[k]; n > told {
				t.Errorf("and %d times more: %s", n-told, k)
			}
		}
	})
	return r
}

// errorf fails the test. The format is the kind.
func (r *report) errorf(format string, args ...any) {
	if r.n[format]++; r.t == nil {
		if r.n[format] <= told {
			r.first = append(r.first, fmt.Sprintf(format, args...))
		}
		return
	}
	r.t.Helper()
	if r.n[format] == 1 {
		r.kinds = append(r.kinds, format)
	}
	if r.n[format] <= told {
		r.t.Errorf(format, args...)
	} else {
		r.t.Fail()
	}
}

// failures is how many there were.
func (r *report) failures() (n int) {
	for _, k := range r.n {
		n += k
	}
	return n
}
