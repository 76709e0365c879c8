package output

import (
	"bytes"
	"cmp"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dbtap/dbtap/internal/record"
)

// TableOptions say what is wanted, and what the reader's screen is like.
type TableOptions struct {
	// Columns in their order; none: the usual ones, as many as there is room for. The query, or without it the last
	// one, takes the rest of the line.
	Columns []Column
	// Width is in cells; below 60 lines are longer. 0 is for what is no terminal: then every column is there, and neither
	// the query nor a column of Columns is cut.
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
	// maxCell is the greatest width of another column where there is no terminal: columns grow with what is in them, and
	// what is longer is cut, or, where somebody named the columns, out of line.
	maxCell = 30
	// addressCell has room for every address: one that is cut is a wrong one.
	addressCell = 47
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
	Column
	width int
	drop  int
}

// usual are the columns of a table for which none were named, but the query.
var usual = [...]tableColumn{
	{ColumnOf(record.Time), 12, 1},
	{ColumnOf(record.Latency), 7, 0},
	{ColumnOf(record.Protocol), 10, 5},
	{ColumnOf(record.Client), 21, 3},
	{ColumnOf(record.Server), 21, 6},
	{ColumnOf(record.Summary), 20, 0},
	{ColumnOf(record.StatusOf), 12, 0},
	{ColumnOf(record.Code), 8, 4},
	{ColumnOf(record.Rows), 7, 2},
}

// widths of other columns, by their kinds.
var widths = [...]int{record.Instant: 12, record.Duration: 7, record.Count: 10, record.Size: 10, record.Hash: 16, record.Text: 20, record.Word: 12,
	record.Address: 21, record.List: 20, record.Object: 40, record.Flag: 4, record.JSON: 40}

// TableWant is the set of columns of records that a Table with these columns reads: bit 1<<c for column c.
func TableWant(columns []Column) (want uint64) {
	for _, c := range columns {
		want |= 1 << c.Col
	}
	if len(columns) == 0 {
		want = 1 << record.Query
		for _, c := range usual {
			want |= 1 << c.Col
		}
	}
	if want>>record.Query&1 != 0 {
		want |= 1<<record.Code | 1<<record.Error | 1<<record.DoubtsOf | 1<<record.Connection
	}
	return want
}

// Table writes a line a record for people, and a line of titles before the first. A line can be shown when its record
// comes: on a terminal widths do not depend on the records, otherwise columns grow when something long comes. Times are of the
// day, in UTC.
type Table struct {
	buffer
	options TableOptions
	columns []tableColumn
	last    Column // the last column
	rest    int    // its width, 0: any
	code    bool   // the query's cell begins with the code
	error   bool   // and ends with the error
	who     bool   // marks tell whose client they speak of
	cell    []byte
	joined  []uint64 // a bit for each connection whose rows were marked as midstream once
}

// NewTable makes a writer to w and writes the titles.
func NewTable(w io.Writer, o TableOptions) *Table {
	t := &Table{buffer: buffer{w: w}, options: o, last: ColumnOf(record.Query)}
	for drop := 7; drop > 0 && len(o.Columns) == 0; drop-- {
		t.columns, t.rest = t.columns[:0], o.Width
		for _, c := range usual {
			if c.drop < drop {
				t.columns = append(t.columns, c)
				t.rest -= c.width + 1
			}
		}
		if o.Width == 0 || t.rest >= goodQuery || drop == 2 && t.rest >= minQuery {
			break
		}
	}
	if n := len(o.Columns); n > 0 {
		if !slices.Contains(o.Columns, t.last) {
			t.last = o.Columns[n-1]
		}
		t.rest = o.Width
		for _, col := range o.Columns {
			if col == t.last {
				continue
			}
			c := tableColumn{Column: col, width: max(widths[col.Kind], len(col.Name()))}
			if i := slices.IndexFunc(usual[:], func(u tableColumn) bool { return u.Column == col }); i >= 0 {
				c = usual[i]
			}
			t.columns = append(t.columns, c)
			t.rest -= c.width + 1
		}
	}
	t.rest = max(t.rest, 0)
	if o.Width > 0 {
		t.rest = max(t.rest, minQuery)
	}
	shows := func(col record.Col) bool {
		return slices.ContainsFunc(t.columns, func(c tableColumn) bool { return c.Col == col })
	}
	t.error = !shows(record.Error)
	t.code = t.error && !shows(record.Code)
	t.who = o.Width == 0 || shows(record.Client)
	for i := range t.columns {
		c := &t.columns[i]
		t.cell = append(t.cell[:0], strings.ToUpper(c.Name())...)
		t.put(c, t.color(bold))
		t.b = append(t.b, ' ')
	}
	t.b = append(t.b, t.color(bold)...)
	t.b = append(t.b, strings.ToUpper(t.last.Name())...)
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

// marks are attributes that stand beside the doubts: without them a row would be misread. Texts among them are clients.
var marks = [...]string{"encrypted", "skipped", "rolled_back", "killed_by", "canceled_by", "kills", "cancels"}

// Row writes r.
func (t *Table) Row(r *record.Record) error {
	start := len(t.b)
	for i := range t.columns {
		c := &t.columns[i]
		t.put(c, t.color(t.fill(c.Column, r)))
		t.b = append(t.b, ' ')
	}
	if t.last.Col == record.Query {
		t.query(r)
	} else {
		color := t.color(t.fill(t.last, r))
		t.b = append(t.b, color...)
		t.b, _ = appendCells(t.b, borrow(t.cell), t.rest, true)
		if color != "" {
			t.b = append(t.b, reset...)
		}
	}
	line := bytes.TrimRight(t.b[start:], " ")
	t.b = append(t.b[:start+len(line)], '\n')
	return t.settle()
}

// fill makes the cell of a column and says its colour.
func (t *Table) fill(c Column, r *record.Record) (color string) {
	t.cell = t.cell[:0]
	if c.Attribute != "" {
		t.attribute(attribute(r, c.Attribute))
		return ""
	}
	col := c.Col
	if !r.Has(col) && !record.Columns[col].Always {
		return ""
	}
	switch c.Kind {
	case record.Instant:
		at := time.Unix(0, r.Num(col)).UTC()
		t.cell = appendDigits(append(appendClock(t.cell, at), '.'), uint(at.Nanosecond()/1e6), 3)
	case record.Duration:
		d := time.Duration(r.Num(col))
		if col == record.Latency && d >= slow {
			color = yellow
		}
		t.cell = appendLatency(t.cell, d)
	case record.Count, record.Size:
		n := r.Num(col)
		if n >= 1e7 && col == record.Rows {
			t.cell = append(strconv.AppendInt(t.cell, n/1e6, 10), 'M') // a number that is cut would be a wrong one
			break
		}
		t.cell = strconv.AppendInt(t.cell, n, 10)
	case record.List:
		t.cell = r.Doubts.AppendNames(t.cell, " ", "")
	case record.Object:
		t.cell = appendAttributes(t.cell, r.Attributes)
	case record.Text, record.Word:
		if col == record.Error || col == record.StatusOf && (r.Status == record.ClientError || r.Status == record.ServerError || r.Status == record.Timeout) {
			color = red
		}
		t.cell = append(t.cell, r.Text(col)...)
	default:
		t.cell = appendPlain(t.cell, r, col, c.Kind)
	}
	return color
}

// attribute makes the cell of an attribute, which may be absent.
func (t *Table) attribute(a *record.Attribute) {
	switch {
	case a == nil:
	case a.Kind == record.Text:
		t.cell = append(t.cell, a.Text...)
	case a.Kind == record.Duration:
		t.cell = appendLatency(t.cell, time.Duration(a.Num))
	default:
		t.cell = appendAttribute(t.cell, a)
	}
}

// query appends the query, behind doubts and marks, the code of an error before it and the error behind it where there is room.
func (t *Table) query(r *record.Record) {
	doubts := r.Doubts
	if n := r.Num(record.Connection); doubts&record.Midstream != 0 && n > 0 {
		for len(t.joined) <= int(n/64) {
			t.joined = append(t.joined, 0)
		}
		if word, bit := &t.joined[n/64], uint64(1)<<(n%64); *word&bit != 0 {
			doubts &^= record.Midstream
		} else {
			*word |= bit
		}
	}
	t.cell = doubts.AppendNames(append(t.cell[:0], '['), " ", "")
	for i := range r.Attributes {
		if a := &r.Attributes[i]; slices.Contains(marks[:], a.Name) && (a.Kind != record.Flag || a.Num != 0) {
			if len(t.cell) > 1 {
				t.cell = append(t.cell, ' ')
			}
			t.cell = append(t.cell, a.Name...)
			if a.Kind == record.Text && t.who {
				t.cell = append(append(t.cell, ' '), a.Text...)
			}
		}
	}
	start, left := len(t.b), cmp.Or(t.rest, math.MaxInt)
	part := func(between, text, color string, limit int) {
		if len(t.b) == start {
			between = ""
		}
		if limit -= len(between); text == "" || limit <= 0 {
			return
		}
		t.b = append(t.b, between...)
		t.b = append(t.b, t.color(color)...)
		var n int
		t.b, n = appendCells(t.b, text, limit, true)
		if t.color(color) != "" {
			t.b = append(t.b, reset...)
		}
		left -= len(between) + n
	}
	if len(t.cell) > 1 {
		part("", borrow(append(t.cell, ']')), yellow, left)
	}
	if t.code {
		part(" ", r.Text(record.Code), red, left)
	}
	limit := left
	if t.error && left >= 2*goodQuery {
		_, n := appendCells(t.cell[:0], r.Text(record.Error), left/2, true)
		limit -= n + len(between)
	}
	part(" ", r.Text(record.Query), "", limit)
	switch {
	case !t.error:
	case !r.Has(record.Query):
		part(" ", r.Text(record.Error), red, left)
	case left >= minQuery:
		part(between, r.Text(record.Error), red, left)
	}
}

// between parts a query from its error.
const between = " | "

// put appends the cell, as wide as its column.
func (t *Table) put(c *tableColumn, color string) {
	limit, most := c.width, c.width
	if t.options.Width == 0 {
		most = max(maxCell, c.width)
		if c.Kind == record.Address {
			most = addressCell
		}
		if limit = most; len(t.options.Columns) > 0 {
			limit = 0
		}
	}
	start := len(t.b)
	t.b = append(t.b, color...)
	var n int
	t.b, n = appendCells(t.b, borrow(t.cell), limit, true)
	if color != "" {
		t.b = append(t.b, reset...)
	}
	c.width = max(c.width, min(n, most))
	pad := max(c.width-n, 0)
	t.b = append(t.b, spaces[:pad]...)
	if pad > 0 && (c.Kind == record.Duration || c.Kind == record.Count || c.Kind == record.Size) {
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
