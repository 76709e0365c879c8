package l7

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/wire"
)

func TestParameters(t *testing.T) {
	verbatim := &wire.Type{Append: func(dst, b []byte) []byte { return append(dst, b...) }}
	long := strings.Repeat("x", maxParameter)
	for _, c := range []struct {
		add  func(p *Parameters)
		want string
	}{
		{func(*Parameters) {}, ``},
		{func(p *Parameters) {
			p.Word("null")
			p.Number(wire.Signed, 1<<64-5)
			p.Number(wire.Unsigned, 1<<64-5)
			p.Text([]byte("a \"b\\\n\u00e9"))
		}, `[null,-5,18446744073709551611,"a \"b\\\né"]`},
		{func(p *Parameters) { p.Text([]byte{0, 255}); p.Text([]byte("a\x00")); p.Text(nil) }, `["0x00ff","0x6100",""]`},
		{func(p *Parameters) {
			for _, s := range []string{"1.50", "-2e5", "NaN", ".5", "1 2", "7\""} {
				p.Show(verbatim, []byte(s), true)
			}
			p.Show(verbatim, []byte("5"), false)
		}, `[1.50,-2e5,"NaN",".5","1 2","7\"","5"]`},
		{func(p *Parameters) {
			p.Text([]byte(long + "y"))
			p.Text([]byte(long[1:] + "é"))
			p.Show(verbatim, []byte(strings.Repeat("5", maxParameter+1)), true)
		}, `["` + long + `…","` + long[1:] + `…","` + strings.Repeat("5", maxParameter) + `…"]`},
	} {
		m := &Message{Scratch: []byte("before")}
		p := m.Parameters()
		c.add(&p)
		p.State(0)
		if got := m.attr[0].text; got != c.want || got != "" && !json.Valid([]byte(got)) {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}

// TestManyParameters: what has no room is counted.
func TestManyParameters(t *testing.T) {
	m := &Message{}
	var list []any
	if n := testing.AllocsPerRun(10, func() {
		m.Scratch = m.Scratch[:0]
		p := m.Parameters()
		for i := range uint64(5000) {
			p.Number(wire.Unsigned, i)
		}
		p.State(0)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if err := json.Unmarshal([]byte(m.attr[0].text), &list); err != nil {
		t.Fatal(err)
	}
	last := len(list) - 1
	if n := len(m.attr[0].text); n > maxParameters+50 || last < 1000 || list[last] != fmt.Sprintf("(%d more)", 5000-last) {
		t.Errorf("%d bytes, %d values, %v", n, last, list[last])
	}
	var none *Parameters
	none.Number(wire.Unsigned, 5)
	none.State(0)
	if text := m.attr[0].text; !slices.Equal([]byte(text), m.Scratch) {
		t.Error(text)
	}
}
