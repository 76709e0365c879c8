// Command reference writes the reference pages in docs/ from the tables in the code: columns, the filter language,
// protocols. With -check it writes nothing and fails if a page is stale.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dbtap/dbtap/internal/filter"
	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/protocol/all"
	"github.com/dbtap/dbtap/internal/record"
)

func main() {
	log.SetFlags(0)
	check := flag.Bool("check", false, "fail if a page is stale")
	flag.Parse()
	pages := map[string][]byte{
		"docs/columns.md": columns(),
		"docs/filter.md":  []byte(filter.Help()),
	}
	for _, p := range all.Protocols() {
		pages["docs/"+p.Name+".md"] = protocol(p)
	}
	stale := false
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		page := append([]byte("<!-- made by make gen: edit the tables in the code instead -->\n\n"), pages[name]...)
		if *check {
			if have, err := os.ReadFile(name); err != nil || !bytes.Equal(have, page) {
				log.Printf("%s is stale: run make gen", name)
				stale = true
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			log.Fatal(err)
		}
		if err := os.WriteFile(name, page, 0o644); err != nil {
			log.Fatal(err)
		}
	}
	if stale {
		os.Exit(1)
	}
}

var kinds = [...]string{record.Instant: "time", record.Duration: "duration, ns", record.Count: "number", record.Size: "bytes", record.Hash: "16 hex digits",
	record.Text: "text", record.Word: "word", record.Address: "ip:port", record.List: "list of words", record.Object: "object", record.Flag: "flag", record.JSON: "JSON"}

func columns() []byte {
	var b bytes.Buffer
	b.WriteString("# Columns of a record\n\nThe same names are JSON keys, CSV headers and filter names. A fact that is absent has no key, unless the column is marked *always*. An attribute alone can be asked for as a column: `--columns client,attributes.driver`.\n\n")
	b.WriteString("| column | kind | meaning | OpenTelemetry | ClickHouse |\n|---|---|---|---|---|\n")
	for _, c := range record.Order {
		col := record.Columns[c]
		doc := col.Doc
		if len(col.Words) > 0 {
			doc += " One of: " + strings.Join(col.Words, ", ") + "."
		}
		kind := kinds[col.Kind]
		if col.Always {
			kind += ", *always*"
		}
		otel := ""
		if col.OTel != "" {
			otel = "`" + col.OTel + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | `%s` |\n", col.Name, kind, doc, otel, col.ClickHouse)
	}
	return b.Bytes()
}

func protocol(p *l7.Protocol) []byte {
	var b bytes.Buffer
	b.WriteString(strings.TrimRight(p.Page, "\n"))
	fmt.Fprintf(&b, "\n\n## Attributes\n\nWhat stands in the column `attributes`. Specification: <%s>.\n\n| attribute | kind | meaning |\n|---|---|---|\n", p.Spec)
	for _, a := range slices.Concat(p.Attributes, l7.Attributes) {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", a.Name, kinds[a.Kind], a.Doc)
	}
	if len(p.Aliases) > 0 {
		b.WriteString("\n## Other names for fields\n\nFilters accept these too.\n\n| alias | field |\n|---|---|\n")
		names := slices.Sorted(maps.Keys(p.Aliases))
		for _, n := range names {
			fmt.Fprintf(&b, "| `%s` | `%s` |\n", n, strings.Join(p.Aliases[n], "`, `"))
		}
	}
	return b.Bytes()
}
