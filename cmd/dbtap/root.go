package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

const rootLong = `dbtap shows what databases are asked, what they answer and how long it takes. It reads capture files; it needs
neither root nor access to the server.

Users' values are hidden in everything it prints unless you say --values; passwords and their proofs always are.

Exit codes: 0 done; 1 failed while running; 2 wrong usage; 3 an input was damaged, and what could be read was printed; 130
interrupted, likewise. Results go to standard output, everything else to standard error.`

const rootExample = `  dbtap demo
  dbtap read capture.pcap
  dbtap tree -n 1 capture.pcap
  dbtap help filter`

// rootStart is what the program says that is called without anything.
const rootStart = `dbtap shows what databases are asked, from capture files.

  dbtap demo                     what it does, without a file of yours
  dbtap read capture.pcap        a line for each exchange
  dbtap tree -n 1 capture.pcap   the messages of the first, field by field
  dbtap help                     all commands and topics
`

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "dbtap",
		Short:         "Shows what databases are asked, from capture files",
		Long:          rootLong,
		Example:       rootExample,
		Version:       versionText(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return print(rootStart)
			}
			return unknownCommand(cmd, args[0])
		},
	}
	root.SetFlagErrorFunc(flagError)
	root.SuggestionsMinimumDistance = 2
	root.SetHelpCommand(newHelp())
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { print(helpText(cmd, helpWidth())) })
	root.SetVersionTemplate("{{.Version}}\n")
	root.AddCommand(newRead(), newTree(), newDecode(), newProtocols(), newDemo(), newVersion(), newFilterTopic(), newColumnsTopic())
	root.InitDefaultCompletionCmd()
	if c, _, err := root.Find([]string{"completion"}); err == nil {
		c.Short = "Print a script that makes a shell complete commands"
		c.Args = cobra.ArbitraryArgs
		c.RunE = func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("no completion for %q; dbtap completion --help lists the shells", args[0])
			}
			return c.Help()
		}
	}
	return root
}

// helpText is what help prints about a command or a topic.
func helpText(cmd *cobra.Command, width int) string {
	var b strings.Builder
	long := cmd.Long
	if long == "" {
		long = cmd.Short
	}
	b.WriteString(render(long, width))
	if !cmd.Runnable() && !cmd.HasSubCommands() {
		return b.String() // a topic
	}
	use := cmd.UseLine()
	if !cmd.HasParent() {
		use = "dbtap COMMAND"
	}
	fmt.Fprintf(&b, "\nUsage:\n  %s\n", use)
	if cmd.Example != "" {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", cmd.Example)
	}
	list := func(title, prefix string, wanted func(c *cobra.Command) bool) {
		r := renderer{width: width}
		for _, c := range cmd.Commands() {
			if wanted(c) {
				r.rows = append(r.rows, []string{prefix + c.Name(), c.Short})
			}
		}
		if len(r.rows) > 0 {
			r.table()
			fmt.Fprintf(&b, "\n%s:\n%s", title, r.b.String())
		}
	}
	list("Commands", "", func(c *cobra.Command) bool { return c.IsAvailableCommand() || c.Name() == "help" })
	list("Topics", "dbtap help ", (*cobra.Command).IsAdditionalHelpTopicCommand)
	if flags := cmd.LocalFlags(); flags.HasAvailableFlags() {
		fmt.Fprintf(&b, "\nFlags:\n%s", flags.FlagUsagesWrapped(width))
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n%s help COMMAND tells more about a command.\n", cmd.Root().Name())
	}
	return b.String()
}

var invalidValue = regexp.MustCompile(`(?s)^invalid argument "(.*)" for "(?:-., )?--([a-z-]+)" flag: `)

// flagError says in the program's own words what is wrong with a flag.
func flagError(cmd *cobra.Command, err error) error {
	if m := invalidValue.FindStringSubmatch(err.Error()); m != nil {
		kind := ""
		if f := cmd.Flags().Lookup(m[2]); f != nil {
			kind = map[string]string{"int": "; it is a whole number", "bool": "; it is true or false"}[f.Value.Type()]
		}
		return usagef("--%s cannot be %q%s", m[2], m[1], kind)
	}
	if missing, ok := err.(interface{ GetSpecifiedName() string }); ok && cmd.Name() == "tree" {
		if name := missing.GetSpecifiedName(); name == "o" || name == "output" {
			return usagef("tree prints trees only; for JSON use dbtap read -o json")
		}
	}
	return usagef("%v; %s --help lists the flags", err, cmd.CommandPath())
}

func unknownCommand(cmd *cobra.Command, name string) error {
	if _, err := os.Stat(name); err == nil {
		return usagef("unknown command %q; to read that file: dbtap read %s", name, name)
	}
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		return usagef("unknown command %q; did you mean %s?", name, strings.Join(near, " or "))
	}
	return usagef("unknown command %q; dbtap help lists the commands", name)
}

func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND or TOPIC]",
		Short: "Help about a command, about filters or about columns",
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return usagef("no help about %q; dbtap help lists the commands and topics", strings.Join(args, " "))
			}
			about.InitDefaultHelpFlag()
			about.InitDefaultVersionFlag()
			return about.Help()
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) (list []string, _ cobra.ShellCompDirective) {
			if len(args) == 0 {
				for _, c := range cmd.Root().Commands() {
					list = append(list, c.Name()+"\t"+c.Short)
				}
			}
			return list, cobra.ShellCompDirectiveNoFileComp
		},
	}
}
