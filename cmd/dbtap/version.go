package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set when a release is built: -ldflags "-X main.version=v1.2.3".
var version string

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:               "version",
		Short:             "Print the version",
		Example:           "  dbtap version",
		Args:              none,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			return print(versionText() + "\n")
		},
	}
}

func versionText() string {
	v := version
	if v == "" {
		v = "unknown"
		if info, ok := debug.ReadBuildInfo(); ok {
			v = info.Main.Version
			for _, s := range info.Settings {
				if s.Key == "vcs.revision" && v == "(devel)" {
					v = s.Value
				}
			}
		}
	}
	return fmt.Sprintf("dbtap %s %s %s/%s", v, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// none checks that there are no arguments.
func none(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no arguments, but there is %q", cmd.CommandPath(), args[0])
	}
	return nil
}

// print writes text to standard output.
func print(text string) error {
	_, err := (&stdout{bar: &bar{}}).Write([]byte(text))
	return err
}
