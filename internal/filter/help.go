package filter

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/dbtap/dbtap/internal/record"
)

//go:embed filter.md
var guide string

// Help describes the language for users. Its columns come from record.Columns.
func Help() string {
	var b strings.Builder
	for i, c := range record.Order {
		if i > 0 {
			b.WriteByte('\n')
		}
		col := &record.Columns[c]
		kind, ok := map[record.Kind]string{
			record.Text: "text", record.Word: "word", record.List: "list of words", record.Object: "object",
		}[col.Kind]
		if !ok {
			kind = kindNames[col.Kind][strings.IndexByte(kindNames[col.Kind], ' ')+1:]
		}
		fmt.Fprintf(&b, "    %-15s %-14s %s", col.Name, kind, col.Doc)
		if len(col.Words) > 0 {
			fmt.Fprintf(&b, " One of %s.", strings.Join(col.Words, ", "))
		}
	}
	return strings.Replace(guide, "{{columns}}", b.String(), 1)
}
