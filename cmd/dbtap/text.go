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
	for i, line := range fold(words, r.width-utf8.RuneCountInString(lead)) {
		if i > 0 {
			lead = hang
		}
		r.put(lead + line)
	}
}

// fold makes lines of words. A word that is wider than a line has one to itself.
func fold(words []string, width int) []string {
	lines := []string{""}
	for i, w := range words {
		last := &lines[len(lines)-1]
		switch {
		case i == 0:
			*last = w
		case utf8.RuneCountInString(*last)+1+utf8.RuneCountInString(w) > width:
			lines = append(lines, w)
		default:
			*last += " " + w
		}
	}
	return lines
}

// table writes columns as wide as they are, the last one in what is left. Where that is less than half, others are made
// narrower, down to their longest words.
func (r *renderer) table() {
	var widths, words []int
	left := r.width - 2
	for _, row := range r.rows {
		for i, cell := range row[:len(row)-1] {
			if i == len(widths) {
				widths, words = append(widths, 0), append(words, 0)
				left -= 2
			}
			n := utf8.RuneCountInString(cell)
			left -= max(n-widths[i], 0)
			widths[i] = max(widths[i], n)
			for w := range strings.FieldsSeq(cell) {
				words[i] = max(words[i], utf8.RuneCountInString(w))
			}
		}
	}
	for ; left < r.width/2; left++ {
		most := 0
		for i := range widths {
			if widths[i]-words[i] > widths[most]-words[most] {
				most = i
			}
		}
		if len(widths) == 0 || widths[most] == words[most] {
			break
		}
		widths[most]--
	}
	for _, row := range r.rows {
		if strings.Trim(strings.Join(row, ""), "-: ") == "" {
			continue
		}
		cells, height := make([][]string, len(row)), 0
		for i, cell := range row {
			width := left
			if i < len(widths) {
				width = widths[i]
			}
			cells[i] = fold(strings.Fields(cell), width)
			height = max(height, len(cells[i]))
		}
		for n := range height {
			line := "  "
			for i, lines := range cells {
				text := ""
				if n < len(lines) {
					text = lines[n]
				}
				line += text
				if i < len(widths) {
					line += strings.Repeat(" ", max(widths[i]-utf8.RuneCountInString(text), 0)+2)
				}
			}
			r.put(line)
		}
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
