package record

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// TestColumns: the table is whole, and every column can be found by its name.
func TestColumns(t *testing.T) {
	names := map[string]bool{}
	for i, c := range Columns {
		if c.Name == "" || names[c.Name] || strings.ToLower(c.Name) != c.Name {
			t.Errorf("column %d is called %q", i, c.Name)
		}
		names[c.Name] = true
		if c.Doc == "" || !strings.HasSuffix(c.Doc, ".") || c.ClickHouse == "" {
			t.Errorf("%s lacks a sentence or a type: %+v", c.Name, c)
		}
		if col, ok := ByName(c.Name); !ok || col != Col(i) {
			t.Errorf("%s is found as %d", c.Name, col)
		}
		if text := Col(i) >= User && Col(i) < Protocol; text != (c.Kind == Text) {
			t.Errorf("%s has kind %d in the place of another", c.Name, c.Kind)
		}
		if c.Kind == Word && c.Words == nil && Col(i) != Protocol {
			t.Errorf("%s is one of no words", c.Name)
		}
	}
	if _, ok := ByName("no such column"); ok {
		t.Error("a column that is not there was found")
	}
	order := slices.Clone(Order[:])
	slices.Sort(order)
	for i, c := range order {
		if c != Col(i) {
			t.Fatalf("Order leaves out or repeats a column: %v", Order)
		}
	}
	if int(columns) > 64 {
		t.Errorf("%d columns do not fit a word", columns)
	}
	if len(DoubtNames) > 16 || len(slices.Compact(slices.Sorted(slices.Values(DoubtNames[:])))) != len(DoubtNames) {
		t.Errorf("doubts: %v", DoubtNames)
	}
}

// sample is a record with a fact of every kind.
func sample(n int) *Record {
	var r Record
	r.Protocol, r.Status, r.Doubts = "lines", ClientError, Loss|Cut
	r.Client, r.Server = netip.MustParseAddrPort("10.0.0.1:1"), netip.MustParseAddrPort("10.0.0.2:2")
	r.Set(Time, int64(n))
	r.Add(Rows, 2)
	r.Add(Rows, 3)
	r.SetText(Operation, fmt.Sprintf("operation %d", n))
	r.SetText(Target, "target")
	r.SetText(Error, "")
	r.SetSummary()
	r.PutAttribute("sum", Count, true, 1, "")
	r.PutAttribute("sum", Count, true, int64(n), "")
	r.PutAttribute("text", Text, false, 0, fmt.Sprintf("text %d", n))
	r.Messages = append(r.Messages, Kept{Length: 9, Runs: []Run{{0, 2}, {5, 2}}, Data: fmt.Appendf(nil, "data%d", n), Context: []byte("context")})
	return &r
}

func check(t *testing.T, r *Record, n int) {
	t.Helper()
	for what, ok := range map[string]bool{
		"time":       r.Num(Time) == int64(n) && r.Has(Time),
		"rows":       r.Num(Rows) == 5,
		"operation":  r.Text(Operation) == fmt.Sprintf("operation %d", n),
		"summary":    r.Text(Summary) == fmt.Sprintf("operation %d target", n),
		"no error":   !r.Has(Error) && r.Text(Error) == "",
		"no user":    !r.Has(User) && r.Text(User) == "",
		"protocol":   r.Text(Protocol) == "lines" && r.Has(Protocol),
		"status":     r.Text(StatusOf) == "client_error",
		"source":     r.Text(SourceOf) == "packet",
		"doubts":     string(r.Doubts.AppendNames(nil, ",", "'")) == "'loss','cut'",
		"attributes": r.Has(AttributesOf) && len(r.Attributes) == 2 && r.Attributes[0].Num == int64(n)+1 && string(r.Attributes[1].Text) == fmt.Sprintf("text %d", n),
		"messages": len(r.Messages) == 1 && string(r.Messages[0].Data) == fmt.Sprintf("data%d", n) && string(r.Messages[0].Context) == "context" &&
			slices.Equal(r.Messages[0].Runs, []Run{{0, 2}, {5, 2}}),
	} {
		if !ok {
			t.Errorf("record %d: %s is wrong: %+v", n, what, r)
		}
	}
}

func TestRecord(t *testing.T) {
	r := sample(7)
	check(t, r, 7)
	r.Clear(Rows)
	if r.Has(Rows) || r.Num(Rows) != 0 {
		t.Error("a fact that was taken away is there")
	}
	r.Reset()
	if r.Has(Operation) || r.Text(Operation) != "" || r.Has(AttributesOf) || r.Doubts != 0 || len(r.Messages) != 0 {
		t.Errorf("an empty record has %+v", r)
	}
}

// TestBatch: rows are copies, however large the batch grows, and what they were made of may change.
func TestBatch(t *testing.T) {
	var b Batch
	for round := range 3 {
		const rows = 2000 // more text than a batch begins with
		for i := range rows {
			r := sample(i + round)
			b.Append(r)
			for j := range r.text {
				r.text[j] = 'x'
			}
			for j := range r.Attributes {
				r.Attributes[j] = Attribute{}
			}
			m := &r.Messages[0]
			for j := range m.Data {
				m.Data[j] = 'x'
			}
			for j := range m.Context {
				m.Context[j] = 'x'
			}
			m.Runs[0], m.Runs[1] = Run{}, Run{}
		}
		if len(b.Rows) != rows {
			t.Fatalf("%d rows", len(b.Rows))
		}
		for i := range b.Rows {
			check(t, &b.Rows[i], i+round)
		}
		b.Reset()
	}
}

// TestBatchMemory: a batch that is used again allocates nothing.
func TestBatchMemory(t *testing.T) {
	var b Batch
	r := sample(1)
	fill := func() {
		for range 500 {
			b.Append(r)
		}
		b.Reset()
	}
	fill()
	if n := testing.AllocsPerRun(10, fill); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestAttributeAgain: an answer of many messages may state an attribute again and again, the same or another text: the
// record takes a few times the longest of them.
func TestAttributeAgain(t *testing.T) {
	r := New()
	r.SetText(Operation, "hello")
	long := strings.Repeat("x", 1000)
	for i := range 100_000 {
		r.PutAttribute("a", Text, false, 0, "ab"[i%2:i%2+1])
		r.PutAttribute("b", Text, false, 0, long[:i%1000])
	}
	r.SetText(Target, "t")
	if n := r.Memory(); n > 16<<10 {
		t.Errorf("the record takes %d bytes", n)
	}
	if a := r.Attributes; len(a) != 2 || string(a[0].Text) != "b" || string(a[1].Text) != long[:999] || r.Text(Operation)+r.Text(Target) != "hellot" {
		t.Errorf("%q %q, %s", r.Attributes[0].Text, r.Attributes[1].Text, r.Text(Operation))
	}
}
