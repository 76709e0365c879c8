package main

import (
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// Texts for users are written in Markdown, as far as render knows it, and broken into lines when they are shown.

const (
	textWidth = 80  // where there is no terminal
	maxWidth  = 100 // longer lines are hard to read
	minWidth  = 40
)

// helpWidth is the width of lines of text on standard output.
func helpWidth() int {
	if fd := int(os.Stdout.Fd()); term.IsTerminal(fd) {
		if width, _, err := term.GetSize(fd); err == nil && width > 0 {
			return max(minWidth, min(width, maxWidth))
		}
	}
	return textWidth
}

// render shows Markdown in lines of some width: headings in capitals, blocks of code indented, paragraphs, lists and tables
// broken into lines. Lines that begin with a space stay as they are.
func render(text string, width int) string {
	r := renderer{width: width}
	code := false
	for line := range strings.Lines(strings.TrimSpace(text) + "\n") {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "```"):
			r.flush()
			code = !code
		case code:
			r.put("    " + line)
		case strings.HasPrefix(line, "|"):
			r.paragraph()
			r.rows = append(r.rows, cellsOf(line))
		case strings.HasPrefix(line, "  ") && len(r.words) > 0 && r.words[0] == "-":
			r.words = append(r.words, strings.Fields(line)...)
		case line == "" || line[0] == ' ' || line[0] == '\t':
			r.flush()
			r.put(line)
		case line[0] == '#':
			r.flush()
			r.put(strings.ToUpper(strings.TrimLeft(line, "# ")))
		case strings.HasPrefix(line, "- "):
			r.flush()
			r.words = strings.Fields(line)
		default:
			r.table()
			r.words = append(r.words, strings.Fields(line)...)
		}
	}
	r.flush()
	return r.b.String()
}

type renderer struct {
	b     strings.Builder
	width int
	words []string   // of the paragraph that is not whole yet
	rows  [][]string // of the table that is not whole yet
}

func (r *renderer) put(line string) {
	r.b.WriteString(strings.TrimRight(line, " "))
	r.b.WriteByte('\n')
}

func (r *renderer) flush() {
	r.paragraph()
	r.table()
}

func (r *renderer) paragraph() {
	if len(r.words) > 0 {
		lead, hang := "", ""
		if r.words[0] == "-" {
			lead, hang, r.words = "- ", "  ", r.words[1:]
		}
		r.wrap(lead, hang, r.words)
		r.words = r.words[:0]
	}
}

// wrap writes words in lines, of which the first begins with lead and the others with hang.
func (r *renderer) wrap(lead, hang string, words []string) {
	line, n := lead, utf8.RuneCountInString(lead)
	begin := true
	for _, w := range words {
		size := utf8.RuneCountInString(w)
		switch {
		case begin:
		case n+1+size > r.width:
			r.put(line)
			line, n = hang, utf8.RuneCountInString(hang)
		default:
			line, n = line+" ", n+1
		}
		line, n, begin = line+w, n+size, false
	}
	r.put(line)
}

// table writes all columns but the last as wide as they are.
func (r *renderer) table() {
	var widths []int
	for _, row := range r.rows {
		for i, cell := range row[:len(row)-1] {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range r.rows {
		if strings.Trim(strings.Join(row, ""), "-: ") == "" {
			continue
		}
		lead := "  "
		for i, cell := range row[:len(row)-1] {
			lead += cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2)
		}
		r.wrap(lead, strings.Repeat(" ", utf8.RuneCountInString(lead)), strings.Fields(row[len(row)-1]))
	}
	r.rows = nil
}

// cellsOf cuts a line of a table.
func cellsOf(line string) (cells []string) {
	line = strings.TrimSuffix(strings.TrimPrefix(line, "|"), "|")
	for cell := range strings.SplitSeq(line, "|") {
		cells = append(cells, strings.TrimSpace(cell))
	}
	return cells
}
