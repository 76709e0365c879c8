package main

import (
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dbtap/dbtap/internal/filter"
	"github.com/dbtap/dbtap/internal/output"
	"github.com/dbtap/dbtap/internal/record"
)

const readLong = `read prints a record for every exchange - a request and its answer - in capture files: pcap or pcapng, also
compressed with gzip or zstd; - is standard input. Several files are read as one capture, in the order in which you name them.

Protocols are found by content, on any port. Records come in the order in which their exchanges ended, the same for any number
of processors. Users' values in queries and errors are replaced by ? unless you say --values. Where a word like password, secret
or token stands anywhere in a statement, in a name, a comment or a literal, all of its literals and parameters stay hidden also then.`

const readExample = `  dbtap read capture.pcap
  dbtap read -f 'latency > 100ms || status != ok' capture.pcap
  dbtap read -f 'mongodb.body.filter.price.$lt < 10' capture.pcap
  dbtap read -f 'operation == INSERT && affected == 3' capture.pcap
  dbtap read -f 'mysql.command == COM_STMT_EXECUTE' capture.pcap
  dbtap read -f 'postgresql.DataRow.amount == null' capture.pcap
  dbtap read --columns time,user,rows,affected,query capture.pcap
  dbtap read --columns user,attributes.driver -f attributes.driver capture.pcap
  dbtap read -o json --values monday.pcap.gz tuesday.pcap.gz
  dbtap read --decode-as 27100:mongodb --stats capture.pcap
  tcpdump -U -i any -w - port 5432 | dbtap read -`

// formats are the values of --output.
var formats = []string{"table", "json", "csv", "tree"}

func newRead() *cobra.Command {
	var o reading
	var format string
	var names []string
	cmd := &cobra.Command{
		Use:     "read FILE...",
		Short:   "Print a record for every exchange in capture files",
		Long:    readLong,
		Example: readExample,
		Args:    someFiles,
		RunE: func(cmd *cobra.Command, files []string) error {
			if !slices.Contains(formats, format) {
				if near := filter.Nearest(format, formats); near != "" {
					return usagef("unknown output %q; did you mean %s?", format, near)
				}
				return usagef("unknown output %q; it is one of %s", format, strings.Join(formats, ", "))
			}
			columns, err := parseColumns(names)
			switch {
			case err != nil:
				return err
			case cmd.Flags().Changed("columns") && len(columns) == 0:
				return usagef("--columns is empty; known: %s", strings.Join(columnNames(), ", "))
			case len(columns) > 0 && format == "tree":
				return usagef("a tree has no columns")
			}
			o.trees, o.titles = format == "tree", format == "csv"
			switch {
			case o.trees:
				o.want = treeColumns
			case format == "table" || len(columns) > 0:
				o.want = output.TableWant(columns)
			default:
				o.want = ^uint64(0)
			}
			return o.run(cmd, files, func(w io.Writer, s screen) output.Writer {
				switch format {
				case "json":
					return output.NewJSON(w, columns...)
				case "csv":
					return output.NewCSV(w, columns...)
				case "tree":
					return newTreeWriter(w, output.TreeOptions{Width: s.width, Color: s.color, Values: o.values})
				}
				return output.NewTable(w, output.TableOptions{Columns: columns, Width: s.width, Color: s.color})
			})
		},
		ValidArgsFunction: completeFiles,
	}
	cmd.Flags().StringVarP(&format, "output", "o", "table", "`FORMAT`: table, json (an object a line), csv or tree")
	cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
	cmd.Flags().StringSliceVar(&names, "columns", nil, "print these columns in this order: `LIST`, with commas (see dbtap help columns)")
	cmd.RegisterFlagCompletionFunc("columns", completeList(append(columnNames(), attributeColumns()...)))
	o.flags(cmd)
	return cmd
}

func columnNames() (names []string) {
	for _, c := range record.Order {
		names = append(names, record.Columns[c].Name)
	}
	return names
}

// attributeColumns are the columns of single attributes.
func attributeColumns() (names []string) {
	for _, name := range slices.Sorted(maps.Keys(attributes())) {
		names = append(names, "attributes."+name)
	}
	return names
}

func parseColumns(names []string) (columns []output.Column, err error) {
	for _, name := range names {
		c, err := parseColumn(name)
		if err != nil {
			return nil, err
		}
		if slices.Contains(columns, c) {
			return nil, usagef("column %s is named twice", name)
		}
		columns = append(columns, c)
	}
	return columns, nil
}

func parseColumn(name string) (output.Column, error) {
	if c, ok := record.ByName(name); ok {
		return output.ColumnOf(c), nil
	}
	attribute, ok := strings.CutPrefix(name, "attributes.")
	kinds := attributes()
	kind, known := kinds[attribute]
	list := slices.Sorted(maps.Keys(kinds))
	near, what := filter.Nearest(name, columnNames()), "column"
	switch {
	case ok && known:
		return output.Column{Col: record.AttributesOf, Attribute: attribute, Kind: kind}, nil
	case known:
		near = "attributes." + attribute
	case ok:
		near, what = filter.Nearest(attribute, list), "attribute"
	default:
		list = columnNames()
	}
	if near != "" {
		return output.Column{}, usagef("unknown %s %q; did you mean %s?", what, attribute, near)
	}
	return output.Column{}, usagef("unknown %s %q; known: %s", what, attribute, strings.Join(list, ", "))
}
