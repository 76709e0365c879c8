package output

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/rivo/uniseg"

	"github.com/dbtap/dbtap/internal/record"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	name = filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
}

// full has a fact in every column.
func full() *record.Record {
	r := &record.Record{
		Protocol: "mysql", Status: record.ClientError, Source: record.FromTLS, Doubts: record.Loss | record.UnsupportedVersion,
		Client: netip.MustParseAddrPort("10.0.0.1:54321"), Server: netip.MustParseAddrPort("[2001:db8::1]:3306"),
	}
	r.Set(record.Time, time.Date(2025, 12, 31, 23, 59, 59, 1_002_003, time.UTC).UnixNano())
	for i, c := range []record.Col{record.Latency, record.Wait, record.RequestTime, record.ResponseTime, record.RTT, record.Connection,
		record.Packet, record.RequestBytes, record.ResponseBytes, record.Rows, record.Affected, record.RequestID, record.PID} {
		r.Set(c, int64(1234567+i))
	}
	r.Set(record.Fingerprint, 0xabc)
	for c, s := range map[record.Col]string{
		record.User: "app", record.App: "orders,web", record.Namespace: "shop", record.Operation: "INSERT", record.Target: "users",
		record.Query:   "INSERT INTO `users` (`id`, `name`, `email`, `created_at`, `updated_at`) VALUES (?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE `updated_at` = VALUES(`x`)",
		record.Summary: "INSERT users", record.Code: "1062", record.Error: "23000 Duplicate entry '?' for key \"PRIMARY\"", record.Version: "8.4",
		record.TraceID: "4bf92f3577b34da6a3ce929d0e0e4736", record.SpanID: "00f067aa0ba902b7", record.Process: "mysqld", record.Container: "db-1",
	} {
		r.SetText(c, s)
	}
	r.Attributes = []record.Attribute{
		{Name: "command", Kind: record.Text, Text: []byte("COM_QUERY")},
		{Name: "results", Kind: record.Count, Num: 2},
		{Name: "exhaust", Kind: record.Flag, Num: 1},
		{Name: "off", Kind: record.Flag},
		{Name: "queued", Kind: record.Duration, Num: 77},
		{Name: "topics", Kind: record.JSON, Text: []byte(`[ {"name": "a\u00e9", "n": -1.5e3} , null ]`)},
	}
	return r
}

// bareRecord has no fact that can be absent.
func bareRecord() *record.Record { return &record.Record{Protocol: "kafka"} }

// hostile says things that a terminal or a reader would take for more than text.
func hostile() *record.Record {
	r := bareRecord()
	r.Client = netip.MustParseAddrPort("1.2.3.4:5")
	r.Status = record.ServerError
	r.SetText(record.Query, "SELECT '\x1b[31m\x1b]0;title\x07' \r\n\t  \x00\x7f\u009b2J \u202e\u2066abc\xff\xc3( 世界 e\u0301 👩\u200d👩\u200d👧 \u2028,\"=1+1\""+
		strings.Repeat("\u0301", 100))
	r.SetText(record.Error, "\u0301\x1b[2J")
	r.SetText(record.Operation, "=cmd|' /C calc'!A0")
	r.SetText(record.Target, " \x1b ")
	r.SetSummary()
	r.Attributes = []record.Attribute{
		{Name: "a\"\x1b", Kind: record.Text, Text: []byte("\x1b\xff\u009b")},
		{Name: "j", Kind: record.JSON, Text: []byte("{\"a\":\n")},
		{Name: "k", Kind: record.JSON, Text: []byte("[\"\x1b\"]")},
		{Name: "l", Kind: record.JSON, Text: []byte("{\"a\" : [1,\n{}]}")},
		{Name: "m", Kind: record.JSON},
	}
	return r
}

func records() []*record.Record {
	slow := bareRecord()
	slow.Set(record.Time, time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	slow.Set(record.Latency, 12_345_678_900)
	slow.Status = record.OK
	slow.Set(record.Rows, 1234567)
	slow.SetText(record.Operation, "find")
	slow.SetText(record.Target, "a_collection_with_a_long_name")
	slow.SetSummary()
	slow.SetText(record.Query, `{"find": "a_collection_with_a_long_name", "filter": {"名前": "?", "age": {"$gt": "?"}}, "limit": 1}`)
	return []*record.Record{full(), bareRecord(), slow, hostile()}
}

func write(t testing.TB, make func(io.Writer) Writer, list ...*record.Record) []byte {
	t.Helper()
	var b bytes.Buffer
	w := make(&b)
	for _, r := range list {
		if err := w.Row(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func newJSON(w io.Writer) Writer { return NewJSON(w) }
func newCSV(w io.Writer) Writer  { return NewCSV(w) }
func newTable(o TableOptions) func(io.Writer) Writer {
	return func(w io.Writer) Writer { return NewTable(w, o) }
}

func columnsOf(columns ...record.Col) (list []Column) {
	for _, c := range columns {
		list = append(list, ColumnOf(c))
	}
	return list
}

func TestGolden(t *testing.T) {
	some := append(columnsOf(record.Affected, record.User), Column{record.AttributesOf, "command", record.Text}, Column{record.AttributesOf, "results", record.Count},
		Column{record.AttributesOf, "exhaust", record.Flag}, Column{record.AttributesOf, "off", record.Flag}, Column{record.AttributesOf, "queued", record.Duration},
		Column{record.AttributesOf, "topics", record.JSON})
	for name, make := range map[string]func(io.Writer) Writer{
		"rows.json":       newJSON,
		"rows.csv":        newCSV,
		"table.txt":       newTable(TableOptions{}),
		"table60.txt":     newTable(TableOptions{Width: 60}),
		"table80.txt":     newTable(TableOptions{Width: 80}),
		"table160.txt":    newTable(TableOptions{Width: 160}),
		"tablecolour.txt": newTable(TableOptions{Width: 120, Color: true}),
		"tableusers.txt":  newTable(TableOptions{Columns: columnsOf(record.User, record.Query, record.Affected, record.Fingerprint)}),
		"tableall.txt":    newTable(TableOptions{Columns: columnsOf(record.Order[:]...)}),
		"some.txt":        newTable(TableOptions{Width: 100, Color: true, Columns: columnsOf(record.Time, record.StatusOf, record.Error)}),
		"tableerror.txt":  newTable(TableOptions{Columns: columnsOf(record.Error, record.Query)}),
		"tablesome.txt":   newTable(TableOptions{Columns: append(some, ColumnOf(record.Query))}),
		"some.json":       func(w io.Writer) Writer { return NewJSON(w, some...) },
		"some.csv":        func(w io.Writer) Writer { return NewCSV(w, some...) },
	} {
		t.Run(name, func(t *testing.T) { golden(t, name, write(t, make, records()...)) })
	}
}

// expected is the record as a reader of the JSON should find it.
func expected(r *record.Record) map[string]any {
	want := map[string]any{}
	text := func(s string) string { return string([]rune(s)) } // U+FFFD for each wrong byte
	for c := range record.Columns {
		col, c := &record.Columns[c], record.Col(c)
		if !col.Always && !r.Has(c) {
			continue
		}
		switch col.Kind {
		case record.Instant:
			want[col.Name] = time.Unix(0, r.Num(c)).UTC().Format("2006-01-02T15:04:05.000000000Z07:00")
		case record.Hash:
			want[col.Name] = fmt.Sprintf("%016x", uint64(r.Num(c)))
		case record.Text, record.Word:
			want[col.Name] = text(r.Text(c))
		case record.Address:
			a := r.Client
			if c == record.Server {
				a = r.Server
			}
			want[col.Name] = ""
			if a.IsValid() {
				want[col.Name] = a.String()
			}
		case record.List:
			list := []any{}
			for i, name := range record.DoubtNames {
				if r.Doubts>>i&1 != 0 {
					list = append(list, name)
				}
			}
			want[col.Name] = list
		case record.Object:
			object := map[string]any{}
			for _, a := range r.Attributes {
				var v any = json.Number(num(a.Num))
				switch a.Kind {
				case record.Flag:
					if v = true; a.Num == 0 {
						continue
					}
				case record.Text:
					v = text(string(a.Text))
				case record.JSON:
					if v = text(string(a.Text)); utf8.Valid(a.Text) && json.Valid(a.Text) {
						v = decode(a.Text)
					}
				}
				object[text(a.Name)] = v
			}
			want[col.Name] = object
		default:
			want[col.Name] = json.Number(num(r.Num(c)))
		}
	}
	return want
}

func num(n int64) string { return strconv.FormatInt(n, 10) }

func decode(b []byte) (v any) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if d.Decode(&v) != nil || d.More() {
		return nil
	}
	return v
}

// checkJSON reads a line back and looks for what should not be in it.
func checkJSON(t *testing.T, r *record.Record) {
	t.Helper()
	line := AppendJSON(nil, r)
	if !json.Valid(line) || !utf8.Valid(line) {
		t.Fatalf("not JSON: %q", line)
	}
	if i := bytes.IndexFunc(line, unicode.IsControl); i >= 0 {
		t.Fatalf("control character at %d of %q", i, line)
	}
	if d := cmp.Diff(any(expected(r)), decode(line)); d != "" {
		t.Fatalf("%s\n(-want +got):\n%s", line, d)
	}
}

func TestJSON(t *testing.T) {
	for _, r := range records() {
		checkJSON(t, r)
	}
	for _, ns := range []int64{0, -1, 1, math.MaxInt64, math.MinInt64, -1e9} {
		r := bareRecord()
		r.Set(record.Time, ns)
		checkJSON(t, r)
	}
}

func FuzzJSON(f *testing.F) {
	f.Add("SELECT 1", "a\x00\xff\"", `{"a":[1,2,{"b":null}]}`, int64(5))
	f.Add("\u2028\u009b\\", "", `["\ud800", 1e999, -0.0]`, int64(-1))
	f.Fuzz(func(t *testing.T, query, text, raw string, n int64) {
		r := bareRecord()
		r.SetText(record.Query, query)
		r.SetText(record.Error, text)
		r.Set(record.Time, n)
		r.Set(record.Fingerprint, n)
		r.Status = record.Status(uint64(n) % uint64(len(record.Columns[record.StatusOf].Words)))
		r.Doubts = record.Doubts(n) & (1<<len(record.DoubtNames) - 1)
		r.Attributes = []record.Attribute{
			{Name: "n", Kind: record.Count, Num: n}, {Name: "t", Kind: record.Text, Text: []byte(text)},
			{Name: "f", Kind: record.Flag, Num: n & 1},
		}
		if v := decode([]byte(raw)); !json.Valid([]byte(raw)) || odd(v, raw) {
			// It is written as text, or not to be compared.
			line := AppendJSON(nil, &record.Record{Attributes: []record.Attribute{{Name: "j", Kind: record.JSON, Text: []byte(raw)}}})
			if !json.Valid(line) || !utf8.Valid(line) {
				t.Fatalf("not JSON: %q", line)
			}
		} else {
			r.Attributes = append(r.Attributes, record.Attribute{Name: "j", Kind: record.JSON, Text: []byte(raw)})
		}
		checkJSON(t, r)

		row := write(t, newCSV, r)
		list, err := csv.NewReader(bytes.NewReader(row)).ReadAll()
		if err != nil || len(list) != 2 || !utf8.Valid(row) {
			t.Fatalf("%q: %v", row, err)
		}
		for _, table := range []TableOptions{{}, {Width: 80}} {
			safe(t, write(t, newTable(table), r), 2, table.Width)
		}
	})
}

// odd tells whether JSON has what this package writes as text though encoding/json takes it: deep nesting, control
// characters of C1.
func odd(v any, raw string) bool {
	return !utf8.ValidString(raw) || strings.Count(raw, "[")+strings.Count(raw, "{") > maxRawDepth ||
		strings.ContainsFunc(raw, func(r rune) bool { return r == 0x7F || r >= 0x80 && r < 0xA0 || r == '\u2028' || r == '\u2029' })
}

// safe looks for what a terminal would obey, and measures lines.
func safe(t *testing.T, b []byte, lines, width int) {
	t.Helper()
	if !utf8.Valid(b) {
		t.Errorf("not UTF-8: %q", b)
	}
	for _, r := range string(b) {
		if r != '\n' && !unicode.IsGraphic(r) && r != '\u200d' && r != '\u200c' {
			t.Errorf("%U in %q", r, b)
		}
	}
	if n := bytes.Count(b, []byte("\n")); n != lines {
		t.Errorf("%d lines, want %d: %q", n, lines, b)
	}
	for line := range strings.Lines(string(b)) {
		if n := uniseg.StringWidth(strings.TrimSuffix(line, "\n")); width > 0 && n > width {
			t.Errorf("%d cells, want %d: %q", n, width, line)
		}
	}
}

func TestHostile(t *testing.T) {
	for width := range 200 {
		if width == 0 || width >= 60 {
			safe(t, write(t, newTable(TableOptions{Width: width}), records()...), 5, width)
		}
	}
	for _, r := range bytes.Runes(write(t, newCSV, hostile())) {
		if unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' {
			t.Errorf("%U in CSV", r)
		}
	}
}

// TestJoined: that a connection was joined midstream stands in the first of its rows only.
func TestJoined(t *testing.T) {
	var list []*record.Record
	for _, n := range []int64{100, 100, 3, 100, 3} {
		r := bareRecord()
		r.Doubts = record.Midstream | record.Cut
		r.Set(record.Connection, n)
		list = append(list, r)
	}
	got := write(t, newTable(TableOptions{Columns: columnsOf(record.Connection, record.Query)}), list...)
	if want := "CONNECTION QUERY\n       100 [cut midstream]\n       100 [cut]\n         3 [cut midstream]\n       100 [cut]\n         3 [cut]\n"; string(got) != want {
		t.Errorf("%s", got)
	}
}

// TestMarks: what was killed says so, and by whom where clients are shown.
func TestMarks(t *testing.T) {
	r := bareRecord()
	r.SetText(record.Code, "1317")
	r.SetText(record.Error, "interrupted")
	r.SetText(record.Query, "SELECT 1")
	r.Attributes = []record.Attribute{{Name: "rolled_back", Kind: record.Flag}, {Name: "killed_by", Kind: record.Text, Text: []byte("10.0.0.7:1")}}
	for want, o := range map[string]TableOptions{
		"[killed_by] 1317 SELECT 1 | interrupted":              {Width: 120, Columns: columnsOf(record.Query)},
		"[killed_by 10.0.0.7:1] 1317 SELECT 1 | interrupted":   {Columns: columnsOf(record.Query)},
		"interrupted          [killed_by 10.0.0.7:1] SELECT 1": {Width: 120, Columns: columnsOf(record.Client, record.Error, record.Query)},
	} {
		got := strings.Split(string(write(t, newTable(o), r)), "\n")[1]
		if !strings.HasSuffix(got, want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestAligned: what is longer than its column makes it wider, and lines below it stay aligned.
func TestAligned(t *testing.T) {
	r := &record.Record{Protocol: "mongodb", Client: netip.MustParseAddrPort("[2001:db8:1111:2222:3333:4444:5555:6666]:54321"), Doubts: record.Loss | record.NoResponse}
	r.SetText(record.Operation, "createIndexes")
	r.SetText(record.Target, "a_collection_with_a_long_name")
	r.SetSummary()
	r.SetText(record.Query, "{}")
	small := &record.Record{Protocol: "mongodb", Status: record.OK}
	small.SetText(record.Query, "{}")
	lines := strings.Split(string(write(t, newTable(TableOptions{}), r, small)), "\n")
	at := strings.Index(lines[1], "[loss no_response] {}")
	if at < 0 {
		t.Fatal(lines[1])
	}
	at = uniseg.StringWidth(lines[1][:at])
	if got := uniseg.StringWidth(strings.TrimSuffix(lines[2], "{}")); got != at {
		t.Errorf("the query begins in cell %d, then in %d", at, got)
	}
	if !strings.Contains(lines[1], "createIndexes a_collection_wi… ") || !strings.Contains(lines[1], r.Client.String()) {
		t.Error(lines[1])
	}
}

func TestCells(t *testing.T) {
	for _, c := range []struct {
		in    string
		limit int
		want  string
	}{
		{"", 3, ""},
		{"abc", 3, "abc"},
		{"abcd", 3, "ab…"},
		{"abcd", 1, "…"},
		{" a \t\n b ", 0, "a b"},
		{"ab   ", 2, "ab"},
		{"世界", 4, "世界"},
		{"世界x", 4, "世…"},
		{"世界", 3, "世…"},
		{"世", 1, "…"},
		{"e\u0301e\u0301", 2, "e\u0301e\u0301"},
		{"e\u0301e\u0301e\u0301", 2, "e\u0301…"},
		{"\x1b[m", 0, "␛[m"},
		{"a\u202eb\xffc\u009bd", 0, "a\uFFFDb\uFFFDc\uFFFDd"},
		{"👩\u200d👩\u200d👧", 2, "👩\u200d👩\u200d👧"},
		{"a" + strings.Repeat("\u0301", 100), 2, "\uFFFD"},
	} {
		got, n := appendCells(nil, c.in, c.limit, true)
		if string(got) != c.want || n != uniseg.StringWidth(c.want) {
			t.Errorf("%q in %d cells: %q, %d cells, want %q", c.in, c.limit, got, n, c.want)
		}
	}
}

func TestLatency(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0ns": 0, "999ns": 999, "1.00µs": 1000, "99.9µs": 99_999, "123µs": 123_456, "1.23ms": 1_234_567, "999ms": 999_999_999,
		"1.00s": 1e9, "12.3s": 12_345_678_900, "1234s": 1_234_567_890_123, "-1.50ms": -1_500_000,
	} {
		if got := string(appendLatency(nil, d)); got != want {
			t.Errorf("%d: %s, want %s", d, got, want)
		}
	}
}

type broken struct{ calls int }

func (b *broken) Write([]byte) (int, error) {
	b.calls++
	return 0, errors.New("disk full")
}

func TestErrors(t *testing.T) {
	var b broken
	w, r := NewJSON(&b), full()
	for range 1000 {
		w.Row(r)
	}
	if err := w.Flush(); err == nil || b.calls != 1 {
		t.Errorf("error %v after %d calls", err, b.calls)
	}
}

func TestRowsAllocateNothing(t *testing.T) {
	for name, w := range map[string]Writer{"json": NewJSON(io.Discard), "csv": NewCSV(io.Discard)} {
		r := full()
		for range 1000 {
			w.Row(r)
		}
		if n := testing.AllocsPerRun(1000, func() { w.Row(r) }); n > 0 {
			t.Errorf("%s: %v allocations a row", name, n)
		}
	}
}

func BenchmarkRow(b *testing.B) {
	r, common := full(), full()
	common.Attributes = common.Attributes[:1]
	for _, c := range []record.Col{record.Wait, record.RTT, record.App, record.Code, record.Error, record.Version, record.TraceID, record.SpanID,
		record.PID, record.Process, record.Container, record.Affected, record.RequestID} {
		common.Clear(c)
	}
	for _, c := range []struct {
		name string
		w    Writer
		r    *record.Record
	}{
		{"json/full", NewJSON(io.Discard), r},
		{"json/common", NewJSON(io.Discard), common},
		{"csv/full", NewCSV(io.Discard), r},
		{"table/full", NewTable(io.Discard, TableOptions{Width: 160}), r},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.w.Row(c.r)
			}
		})
	}
	b.Run("encoding_json/full", func(b *testing.B) {
		m := expected(r)
		e := json.NewEncoder(io.Discard)
		b.ReportAllocs()
		for b.Loop() {
			e.Encode(m)
		}
	})
}
