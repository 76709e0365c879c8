package output

import (
	"bytes"
	"cmp"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/dbtap/dbtap/internal/record"
)

// TableOptions say what the reader's screen is like.
type TableOptions struct {
	// Width is in cells; below 60 lines are longer. 0 is for what is no terminal: then every column is there, and the query
	// is not cut.
	Width int
	Color bool
}

const (
	// slow is the latency from which it is coloured: people notice a tenth of a second.
	slow = 100 * time.Millisecond
	// minQuery is the least width of the last column; columns of less use make room until it has goodQuery, where they
	// can.
	minQuery  = 18
	goodQuery = 36
	// maxCell is the greatest width of another column, where there is no terminal: columns grow with what is in them.
	maxCell = 30
)

// The colours, as a terminal is told them.
const (
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	reset  = "\x1b[0m"
)

// tableColumn is a column of the table. Columns of higher drop are left out first where the screen is narrow; those of
// 0 stay, and those of 1 are left out only if the query had less than minQuery.
type tableColumn struct {
	title string
	width int
	max   int // where it grows; 0: maxCell
	right bool
	drop  int
	// append appends the text, which may be anything, and says its colour.
	append func(dst []byte, r *record.Record) ([]byte, string)
}

// TableColumns is the set of columns that a Table reads: bit 1<<c for column c.
const TableColumns = 1<<record.Time | 1<<record.Latency | 1<<record.Protocol | 1<<record.Client | 1<<record.Server | 1<<record.Operation |
	1<<record.Target | 1<<record.Summary | 1<<record.StatusOf | 1<<record.Code | 1<<record.Rows | 1<<record.Error | 1<<record.Query | 1<<record.DoubtsOf

// addressCell has room for every address: one that is cut is a wrong one.
const addressCell = 47

// tableColumns are all but the last, which takes the rest of the line: doubts, the error, and the query.
var tableColumns = []tableColumn{
	{title: "TIME", width: 12, drop: 1, append: func(dst []byte, r *record.Record) ([]byte, string) {
		t := time.Unix(0, r.Num(record.Time)).UTC()
		dst = append(appendClock(dst, t), '.')
		return appendDigits(dst, uint(t.Nanosecond()/1e6), 3), ""
	}},
	{title: "LATENCY", width: 7, right: true, append: func(dst []byte, r *record.Record) ([]byte, string) {
		if !r.Has(record.Latency) {
			return dst, ""
		}
		d := time.Duration(r.Num(record.Latency))
		if d >= slow {
			return appendLatency(dst, d), yellow
		}
		return appendLatency(dst, d), ""
	}},
	{title: "PROTOCOL", width: 10, drop: 5, append: func(dst []byte, r *record.Record) ([]byte, string) {
		return append(dst, r.Protocol...), ""
	}},
	{title: "CLIENT", width: 21, max: addressCell, drop: 3, append: func(dst []byte, r *record.Record) ([]byte, string) {
		return appendAddress(dst, r.Client), ""
	}},
	{title: "SERVER", width: 21, max: addressCell, drop: 6, append: func(dst []byte, r *record.Record) ([]byte, string) {
		return appendAddress(dst, r.Server), ""
	}},
	{title: "OPERATION", width: 20, append: func(dst []byte, r *record.Record) ([]byte, string) {
		if r.Has(record.Summary) {
			return append(dst, r.Text(record.Summary)...), ""
		}
		dst = append(append(dst, r.Text(record.Operation)...), ' ')
		return append(dst, r.Text(record.Target)...), ""
	}},
	{title: "STATUS", width: 12, append: func(dst []byte, r *record.Record) ([]byte, string) {
		color := ""
		if r.Status == record.ClientError || r.Status == record.ServerError || r.Status == record.Timeout {
			color = red
		}
		return append(dst, r.Status.String()...), color
	}},
	{title: "CODE", width: 8, drop: 4, append: func(dst []byte, r *record.Record) ([]byte, string) {
		return append(dst, r.Text(record.Code)...), ""
	}},
	{title: "ROWS", width: 7, right: true, drop: 2, append: func(dst []byte, r *record.Record) ([]byte, string) {
		if !r.Has(record.Rows) {
			return dst, ""
		}
		n := r.Num(record.Rows)
		if n < 1e7 {
			return strconv.AppendInt(dst, n, 10), ""
		}
		return append(strconv.AppendInt(dst, n/1e6, 10), 'M'), "" // a number that is cut would be a wrong one
	}},
}

// Table writes a line a record for people, and a line of titles before the first. A line can be shown when its record
// comes: on a terminal widths do not depend on the records, otherwise columns grow when something long comes. Times are of the
// day, in UTC.
type Table struct {
	buffer
	options TableOptions
	columns []tableColumn
	rest    int // width of the last column, 0: any
	cell    []byte
}

// NewTable makes a writer to w and writes the titles.
func NewTable(w io.Writer, o TableOptions) *Table {
	t := &Table{buffer: buffer{w: w}, options: o}
	for drop := 7; drop > 0; drop-- {
		t.columns, t.rest = t.columns[:0], o.Width
		for _, c := range tableColumns {
			if c.drop < drop {
				t.columns = append(t.columns, c)
				t.rest -= c.width + 1
			}
		}
		if o.Width == 0 || t.rest >= goodQuery || drop == 2 && t.rest >= minQuery {
			break
		}
	}
	t.rest = max(t.rest, 0)
	if o.Width > 0 {
		t.rest = max(t.rest, minQuery)
	}
	for i := range t.columns {
		c := &t.columns[i]
		t.cell = append(t.cell[:0], c.title...)
		t.put(c, t.color(bold))
		t.b = append(t.b, ' ')
	}
	t.b = append(t.b, t.color(bold)...)
	t.b = append(t.b, "QUERY"...)
	if o.Color {
		t.b = append(t.b, reset...)
	}
	t.b = append(t.b, '\n')
	return t
}

// color is c, where colours are wanted.
func (t *Table) color(c string) string {
	if !t.options.Color {
		return ""
	}
	return c
}

// marks are attributes that stand beside the doubts: without them a row would be misread.
var marks = [...]string{"encrypted", "skipped", "rolled_back"}

// Row writes r.
func (t *Table) Row(r *record.Record) error {
	start := len(t.b)
	for i := range t.columns {
		c := &t.columns[i]
		var color string
		t.cell, color = c.append(t.cell[:0], r)
		t.put(c, t.color(color))
		t.b = append(t.b, ' ')
	}
	left, room := t.rest, true
	t.cell = r.Doubts.AppendNames(append(t.cell[:0], '['), " ", "")
	for i := range r.Attributes {
		if a := &r.Attributes[i]; a.Kind == record.Flag && slices.Contains(marks[:], a.Name) {
			if len(t.cell) > 1 {
				t.cell = append(t.cell, ' ')
			}
			t.cell = append(t.cell, a.Name...)
		}
	}
	if len(t.cell) > 1 {
		t.cell = append(t.cell, ']')
		color := t.color(yellow)
		t.b = append(t.b, color...)
		var n int
		t.b, n = appendCells(t.b, borrow(t.cell), left, true)
		if color != "" {
			t.b = append(t.b, reset...)
		}
		if t.rest > 0 {
			left -= n + 1
			room = left > 0
		}
		if room {
			t.b = append(t.b, ' ')
		}
	}
	if room && r.Has(record.Error) {
		color := t.color(red)
		t.b = append(t.b, color...)
		var n int
		t.b, n = appendCells(t.b, r.Text(record.Error), left, true)
		if color != "" {
			t.b = append(t.b, reset...)
		}
		const between = " | "
		if t.rest > 0 {
			left -= n + len(between)
			room = left > 0
		}
		if room && r.Has(record.Query) {
			t.b = append(t.b, between...)
		}
	}
	if room {
		t.b, _ = appendCells(t.b, r.Text(record.Query), left, true)
	}
	line := bytes.TrimRight(t.b[start:], " ")
	t.b = append(t.b[:start+len(line)], '\n')
	return t.settle()
}

// put appends the cell, as wide as its column.
func (t *Table) put(c *tableColumn, color string) {
	limit := c.width
	if t.options.Width == 0 {
		limit = cmp.Or(c.max, maxCell)
	}
	start := len(t.b)
	t.b = append(t.b, color...)
	var n int
	t.b, n = appendCells(t.b, borrow(t.cell), limit, true)
	if color != "" {
		t.b = append(t.b, reset...)
	}
	c.width = max(c.width, n)
	pad := c.width - n
	t.b = append(t.b, spaces[:pad]...)
	if c.right && pad > 0 {
		copy(t.b[start+pad:], t.b[start:len(t.b)-pad])
		copy(t.b[start:], spaces[:pad])
	}
}

const spaces = "                                                                "

// appendLatency appends d in three digits and the unit that suits it.
func appendLatency(dst []byte, d time.Duration) []byte {
	if d < 0 {
		dst, d = append(dst, '-'), -d
	}
	unit, name := time.Second, "s"
	switch {
	case d < time.Microsecond:
		unit, name = time.Nanosecond, "ns"
	case d < time.Millisecond:
		unit, name = time.Microsecond, "µs"
	case d < time.Second:
		unit, name = time.Millisecond, "ms"
	}
	dst = strconv.AppendInt(dst, int64(d/unit), 10)
	if part := d % unit; unit > 1 && d < 100*unit {
		dst = append(dst, '.')
		if d < 10*unit {
			dst = appendDigits(dst, uint(part/(unit/100)), 2)
		} else {
			dst = appendDigits(dst, uint(part/(unit/10)), 1)
		}
	}
	return append(dst, name...)
}
