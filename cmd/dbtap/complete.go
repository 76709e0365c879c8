package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// What a shell completes.

func completeFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"pcap", "pcapng", "cap", "gz", "zst"}, cobra.ShellCompDirectiveFilterFileExt
}

// completeList completes the last of some names with commas between them.
func completeList(names []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) (list []string, _ cobra.ShellCompDirective) {
		done := typed[:strings.LastIndexByte(typed, ',')+1]
		for _, name := range names {
			if !slices.Contains(strings.Split(done, ","), name) {
				list = append(list, done+name)
			}
		}
		return list, cobra.ShellCompDirectiveNoFileComp
	}
}

func completeDecodeAs(_ *cobra.Command, _ []string, typed string) (list []string, _ cobra.ShellCompDirective) {
	port, _, ok := strings.Cut(typed, ":")
	if !ok || port == "" {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	for _, name := range protocolNames() {
		list = append(list, port+":"+name)
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}
