package main

import (
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dbtap/dbtap/internal/filter"
	"github.com/dbtap/dbtap/internal/output"
)

const readLong = `read prints a record for every exchange - a request and its answer - in capture files: pcap or pcapng, also
compressed with gzip or zstd; - is standard input. Several files are read as one capture, in the order in which you name them.

Protocols are found by content, on any port. Records come in the order in which their exchanges ended, the same for any number
of processors. Users' values in queries and errors are replaced by ? unless you say --values.`

const readExample = `  dbtap read capture.pcap
  dbtap read -f 'latency > 100ms || status != ok' capture.pcap
  dbtap read -f 'mongodb.body.filter.price.$lt < 10' capture.pcap
  dbtap read -o json --values monday.pcap.gz tuesday.pcap.gz
  dbtap read --decode-as 27100:mongodb --stats capture.pcap
  tcpdump -U -i any -w - port 27017 | dbtap read -`

// formats are the values of --output.
var formats = []string{"table", "json", "csv", "tree"}

func newRead() *cobra.Command {
	var o reading
	var format string
	cmd := &cobra.Command{
		Use:     "read FILE...",
		Short:   "Print a record for every exchange in capture files",
		Long:    readLong,
		Example: readExample,
		Args:    someFiles,
		RunE: func(cmd *cobra.Command, names []string) error {
			if !slices.Contains(formats, format) {
				if near := filter.Nearest(format, formats); near != "" {
					return usagef("unknown output %q; did you mean %s?", format, near)
				}
				return usagef("unknown output %q; it is one of %s", format, strings.Join(formats, ", "))
			}
			o.trees, o.titles = format == "tree", format == "csv"
			o.want = ^uint64(0)
			if format == "table" {
				o.want = output.TableColumns
			} else if o.trees {
				o.want = treeColumns
			}
			return o.run(cmd, names, func(w io.Writer, s screen) output.Writer {
				switch format {
				case "json":
					return output.NewJSON(w)
				case "csv":
					return output.NewCSV(w)
				case "tree":
					return newTreeWriter(w, output.TreeOptions{Width: s.width, Color: s.color, Values: o.values})
				}
				return output.NewTable(w, output.TableOptions{Width: s.width, Color: s.color})
			})
		},
		ValidArgsFunction: completeFiles,
	}
	cmd.Flags().StringVarP(&format, "output", "o", "table", "`FORMAT`: table, json (an object a line), csv or tree")
	cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
	o.flags(cmd)
	return cmd
}
