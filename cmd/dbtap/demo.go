package main

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dbtap/dbtap/internal/capture/pcapfile"
	"github.com/dbtap/dbtap/internal/output"
	"github.com/dbtap/dbtap/internal/record"
)

//go:generate ../../scripts/demo

//go:embed demo.pcap.gz
var demoCapture []byte

const demoLong = `demo shows what dbtap does, with a small capture of a shop's databases that is part of the program. It needs nothing and
ends by itself.`

// demoWidth is how wide the table is where there is no terminal.
const demoWidth = 100

func newDemo() *cobra.Command {
	o := reading{want: output.TableWant(nil) | treeColumns, trees: true}
	var write string
	cmd := &cobra.Command{
		Use:               "demo",
		Short:             "Show what dbtap does, with a capture that comes with it",
		Long:              demoLong,
		Example:           "  dbtap demo\n  dbtap demo --write demo.pcap",
		Args:              none,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if write != "" || cmd.Flags().Changed("write") {
				return writeDemo(write)
			}
			o.open = func(name string) (*pcapfile.Reader, error) { return pcapfile.New(bytes.NewReader(demoCapture), name) }
			var d *demo
			err := o.run(cmd, []string{"the demo's capture"}, func(w io.Writer, s screen) output.Writer {
				if s.width == 0 {
					s.width = demoWidth
				}
				io.WriteString(w, demoIntro)
				d = &demo{w: w, screen: s, Table: output.NewTable(w, output.TableOptions{Width: s.width, Color: s.color})}
				return d
			})
			if err != nil {
				return err
			}
			return d.finish()
		},
	}
	cmd.Flags().StringVar(&write, "write", "", "write the demo's capture to `FILE` instead, to try commands on (- is standard output)")
	cmd.Flags().StringVar(&o.color, "color", "auto", "`WHEN` to use colours: auto, always, never")
	return cmd
}

// writeDemo writes the capture, in gzip only if the name says so.
func writeDemo(name string) error {
	data := demoCapture
	if !strings.HasSuffix(name, ".gz") {
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return err
		}
		if data, err = io.ReadAll(z); err != nil {
			return err
		}
	}
	switch name {
	case "":
		return usagef("--write: which file? for example: dbtap demo --write demo.pcap")
	case "-":
		return print(string(data))
	}
	if have, err := os.ReadFile(name); err == nil && !bytes.Equal(have, data) {
		return usagef("%s is there already; choose another name", name)
	}
	if err := os.WriteFile(name, data, 0o666); err != nil {
		return err
	}
	say(fmt.Sprintf("wrote %s; now try: dbtap read %[1]s", name))
	return nil
}

// The texts say dbtap, whatever the file of the program is called.
const (
	demoIntro = `A shop's MongoDB, MySQL and PostgreSQL, seen in a capture file: a line for each
exchange, with the time from the request's first byte to the answer's last.
Users' values are hidden (?), as always; --values shows them.

$ dbtap read demo.pcap
`
	demoSlowest = `
The slowest one took %s. These are its messages, field by field beside
their bytes:

$ dbtap tree -f 'packet == %d' demo.pcap
`
	demoNext = `
The demo's capture as a file, to try more: dbtap demo --write demo.pcap

Now with traffic of your own. Nothing is installed, the server is not touched:

  sudo tcpdump -i any -w capture.pcap \
      port 27017 or port 3306 or port 5432           # for a while, then Ctrl-C
  dbtap read capture.pcap                            # also: -o json, -o csv
  dbtap read -f 'latency > 100ms || status != ok' capture.pcap
  dbtap read --columns time,user,rows,query capture.pcap
  dbtap tree -n 1 capture.pcap
  dbtap help filter
`
)

// demo writes a table of all records, and at its end the messages of the slowest.
type demo struct {
	*output.Table
	w       io.Writer
	screen  screen
	slowest record.Batch // one row
}

// Row implements output.Writer.
func (d *demo) Row(r *record.Record) error {
	if r.Has(record.Latency) && (len(d.slowest.Rows) == 0 || r.Num(record.Latency) > d.slowest.Rows[0].Num(record.Latency)) {
		d.slowest.Reset()
		d.slowest.Append(r)
	}
	return d.Table.Row(r)
}

// finish writes what follows the table.
func (d *demo) finish() error {
	if len(d.slowest.Rows) == 0 {
		return errors.New("the demo's capture has no exchanges")
	}
	r := &d.slowest.Rows[0]
	fmt.Fprintf(d.w, demoSlowest, time.Duration(r.Num(record.Latency)).Round(time.Microsecond), r.Num(record.Packet))
	t := newTreeWriter(d.w, output.TreeOptions{Width: d.screen.width, Color: d.screen.color})
	if err := t.Row(r); err != nil {
		return err
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(d.w, demoNext)
	return err
}
