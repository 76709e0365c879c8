package main

import (
	"os"
	"strings"

	"github.com/spf13/cobra"
)

const rootLong = `dbtap shows what databases are asked, what they answer and how long it takes. It reads capture files; it needs neither
root nor access to the server.

Users' values are hidden in everything it prints unless you say --values; passwords and their proofs always are.

Exit codes: 0 done; 1 failed while running; 2 wrong usage; 3 an input was damaged, and what could be read was printed;
130 interrupted, likewise. Results go to standard output, everything else to standard error.`

const rootExample = `  dbtap demo
  dbtap read capture.pcap
  dbtap tree -n 1 capture.pcap
  dbtap help filter`

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
				return cmd.Help()
			}
			return unknownCommand(cmd, args[0])
		},
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%v; %s --help lists the flags", err, cmd.CommandPath())
	})
	root.SuggestionsMinimumDistance = 2
	root.SetHelpCommand(newHelp())
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

func unknownCommand(cmd *cobra.Command, name string) error {
	if _, err := os.Stat(name); err == nil {
		return usagef("unknown command %q; to read that file: dbtap read %s", name, name)
	}
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		return usagef("unknown command %q; did you mean %s?", name, strings.Join(near, " or "))
	}
	return usagef("unknown command %q; dbtap --help lists the commands", name)
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
