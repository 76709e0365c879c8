package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dbtap/dbtap/internal/filter"
	"github.com/dbtap/dbtap/internal/record"
)

// Commands that do nothing are topics of `dbtap help`.

func newFilterTopic() *cobra.Command {
	return &cobra.Command{Use: "filter", Short: "The language of --filter", Long: strings.TrimSpace(filter.Help())}
}

func newColumnsTopic() *cobra.Command {
	return &cobra.Command{Use: "columns", Short: "The columns of a record", Long: strings.TrimSpace(columnsHelp())}
}

// jsonKinds says how -o json shows the kinds of columns.
var jsonKinds = map[record.Kind]string{
	record.Instant: "RFC 3339, UTC", record.Duration: "integer, ns", record.Count: "integer", record.Size: "integer, bytes", record.Hash: "16 hex digits",
	record.Text: "text", record.Word: "word", record.Address: "ip:port", record.List: "list of words", record.Object: "object",
}

func columnsHelp() string {
	var b strings.Builder
	b.WriteString(`A record stands for one exchange: a request and its answer. -o json and -o csv print its columns under these names and
in this order, filters use them, and read --columns chooses among them. Facts that a record does not have are left out in JSON and empty in CSV; the columns marked * are
always there.

`)
	for _, c := range record.Order {
		col := &record.Columns[c]
		mark := ""
		if col.Always {
			mark = "*"
		}
		doc := col.Doc
		for _, word := range col.Words {
			if !strings.Contains(doc, word) {
				doc += " One of: " + strings.Join(col.Words, ", ") + "."
				break
			}
		}
		fmt.Fprintf(&b, "|%s|%s|%s|%s|\n", mark, col.Name, jsonKinds[col.Kind], doc)
	}
	b.WriteString("\ndbtap protocols NAME lists what is in attributes. Each of them can be a column too: --columns client,attributes.driver.\n")
	return b.String()
}
