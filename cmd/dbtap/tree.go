package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/output"
	"github.com/dbtap/dbtap/internal/protocol/all"
	"github.com/dbtap/dbtap/internal/record"
)

const treeLong = `tree prints the messages of every exchange field by field, beside their bytes: a line a field as "name = value", with the
offset in the message at its left. The names are those that filters use, as paths: 'mongodb.body.filter.age.$gt > 17'.

Users' values are shown as ? and their bytes as .. unless you say --values; passwords and their proofs are never shown.`

const treeExample = `  dbtap tree -n 1 capture.pcap
  dbtap tree -f 'status != ok' capture.pcap
  dbtap tree -f 'mongodb.body.insert == orders' --values capture.pcap
  dbtap tree -f 'mysql && rows > 0' --values capture.pcap
  dbtap tree --all -f 'packet == 4' capture.pcap`

func newTree() *cobra.Command {
	o := reading{trees: true, want: treeColumns}
	var every bool
	cmd := &cobra.Command{
		Use:     "tree FILE...",
		Short:   "Print the messages in capture files field by field, beside their bytes",
		Long:    treeLong,
		Example: treeExample,
		Args:    someFiles,
		RunE: func(cmd *cobra.Command, names []string) error {
			return o.run(cmd, names, func(w io.Writer, s screen) output.Writer {
				return newTreeWriter(w, output.TreeOptions{Width: s.width, Color: s.color, Values: o.values, All: every})
			})
		},
		ValidArgsFunction: completeFiles,
	}
	cmd.Flags().BoolVar(&every, "all", false, "print fields too that say how a message is laid out: lengths, terminators, names")
	o.flags(cmd)
	return cmd
}

// treeColumns is what the trees' header lines need.
const treeColumns = 1<<record.Connection | 1<<record.Summary

// treeWriter writes the messages of records as trees. It decodes each again, from the bytes that were kept.
type treeWriter struct {
	*output.Tree
	protocols map[string]*l7.Protocol
	replay    l7.Replayer
	begun     bool
}

func newTreeWriter(w io.Writer, o output.TreeOptions) *treeWriter {
	return &treeWriter{Tree: output.NewTree(w, o), protocols: byName(all.Protocols())}
}

// Row implements output.Writer.
func (t *treeWriter) Row(r *record.Record) error {
	if t.begun {
		t.Gap()
	}
	t.begun = true
	for i := range r.Messages {
		m := &r.Messages[i]
		err := t.replay.Message(t.protocols[r.Protocol], m)
		from, to := r.Client, r.Server
		if m.FromServer {
			from, to = to, from
		}
		header := fmt.Sprintf("packet %d  %s  %s  %s → %s  connection %d  %s", m.Packet, time.Unix(0, m.Time).UTC().Format(timeFormat),
			r.Text(record.Summary), from, to, r.Num(record.Connection), count(int64(m.Length), "byte"))
		if err := t.Message(header, &t.replay.Tree, err); err != nil {
			return err
		}
	}
	if r.Dropped > 0 {
		return t.Note(fmt.Sprintf("!! not kept: %s of this exchange", count(int64(r.Dropped), "more message")))
	}
	return nil
}

// timeFormat is RFC 3339 with nine digits, as in JSON.
const timeFormat = "2006-01-02T15:04:05.000000000Z"

func byName(list []*l7.Protocol) map[string]*l7.Protocol {
	m := map[string]*l7.Protocol{}
	for _, p := range list {
		m[p.Name] = p
	}
	return m
}
