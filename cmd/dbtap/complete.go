package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// What a shell completes.

func completeFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"pcap", "pcapng", "cap", "gz", "zst"}, cobra.ShellCompDirectiveFilterFileExt
}

func completeProtocols(_ *cobra.Command, _ []string, typed string) (list []string, _ cobra.ShellCompDirective) {
	done := typed[:strings.LastIndexByte(typed, ',')+1]
	for _, name := range protocolNames() {
		list = append(list, done+name)
	}
	return list, cobra.ShellCompDirectiveNoFileComp
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
