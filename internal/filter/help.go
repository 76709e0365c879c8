package filter

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/dbtap/dbtap/internal/record"
)

//go:embed filter.md
var guide string

// Help describes the language for users, in Markdown: blocks without a name and those named filter are examples, a line
// each; those without a name choose something in the demo's capture. Its columns come from record.Columns.
func Help() string {
	names := map[record.Kind][]string{}
	var kinds []record.Kind
	var words strings.Builder
	for _, c := range record.Order {
		col := &record.Columns[c]
		if len(names[col.Kind]) == 0 {
			kinds = append(kinds, col.Kind)
		}
		names[col.Kind] = append(names[col.Kind], "`"+col.Name+"`")
		if len(col.Words) > 0 {
			fmt.Fprintf(&words, "- `%s`: %s\n", col.Name, strings.Join(col.Words, ", "))
		}
	}
	var b strings.Builder
	for _, k := range kinds {
		fmt.Fprintf(&b, "- %s: %s\n", kindTitles[k], strings.Join(names[k], ", "))
	}
	fmt.Fprintf(&b, "\nWords that columns have:\n\n%s", words.String())
	return strings.Replace(guide, "{{columns}}\n", fold(b.String(), helpWidth), 1)
}

// helpWidth is the width of the guide in characters.
const helpWidth = 100

var kindTitles = map[record.Kind]string{
	record.Instant: "times", record.Duration: "durations", record.Count: "numbers", record.Size: "sizes", record.Hash: "hashes",
	record.Address: "addresses", record.Text: "text", record.Word: "words", record.List: "lists of words", record.Object: "objects",
}

// fold breaks the lines of a list.
func fold(text string, width int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		n := 0
		for i, word := range strings.Fields(line) {
			switch {
			case i == 0:
			case n+1+len(word) > width:
				b.WriteString("\n  ")
				n = 2
			default:
				b.WriteByte(' ')
				n++
			}
			b.WriteString(word)
			n += len(word)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
