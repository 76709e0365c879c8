package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/protocol/all"
	"github.com/dbtap/dbtap/internal/record"
)

const protocolsLong = `protocols lists the protocols that dbtap reads. With the name of one it prints its page: what is read, the attributes of its
records, and other names that filters take for its fields.`

func newProtocols() *cobra.Command {
	return &cobra.Command{
		Use:     "protocols [NAME]",
		Short:   "List the protocols that are read, or describe one",
		Long:    protocolsLong,
		Example: "  dbtap protocols\n  dbtap protocols mongodb",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("one protocol at a time; for example: %s %s", cmd.CommandPath(), args[0])
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return protocolNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return print(protocolList())
			}
			p, err := protocol(args[0])
			if err != nil {
				return err
			}
			return print(render(protocolPage(p), helpWidth()))
		},
	}
}

func protocolList() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tTITLE\tUSUAL PORTS\tATTRIBUTES")
	for _, p := range all.Protocols() {
		var names []string
		for _, a := range p.Attributes {
			names = append(names, a.Name)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", p.Name, p.Title, strings.Trim(strings.ReplaceAll(fmt.Sprint(p.Ports), " ", ", "), "[]"), strings.Join(names, ", "))
	}
	w.Flush()
	return b.String()
}

func protocolPage(p *l7.Protocol) string {
	var b strings.Builder
	b.WriteString(strings.TrimSpace(p.Page))
	fmt.Fprintf(&b, "\n\nSpecification: %s\n\n## Attributes\n\n", p.Spec)
	for _, a := range slices.Concat(p.Attributes, l7.Attributes) {
		fmt.Fprintf(&b, "|attributes.%s|%s|%s|\n", a.Name, attributeKinds[a.Kind], a.Doc)
	}
	if len(p.Aliases) > 0 {
		b.WriteString("\n## Other names of fields\n\n")
		for _, name := range slices.Sorted(maps.Keys(p.Aliases)) {
			fmt.Fprintf(&b, "|%s|%s|\n", name, strings.Join(p.Aliases[name], ", "))
		}
	}
	return b.String()
}

var attributeKinds = map[record.Kind]string{record.Count: "number", record.Duration: "duration", record.Text: "text", record.Flag: "flag", record.JSON: "JSON"}
