package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/dbtap/dbtap/internal/agent"
	"github.com/dbtap/dbtap/internal/capture/pcapfile"
	"github.com/dbtap/dbtap/internal/filter"
	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/output"
	"github.com/dbtap/dbtap/internal/protocol/all"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/wire"
)

// reading is what the commands have in common that read capture files.
type reading struct {
	filter    string
	values    bool
	decodeAs  []string
	protocols []string
	count     int
	stats     bool
	color     string

	titles bool                                        // the output has a line of titles also without rows
	want   uint64                                      // columns that the output reads
	trees  bool                                        // the output reads messages
	open   func(name string) (*pcapfile.Reader, error) // see agent.Files
}

// flags defines the flags.
func (o *reading) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&o.filter, "filter", "f", "", "print only exchanges that match `FILTER` (see dbtap help filter)")
	f.IntVarP(&o.count, "count", "n", 0, "print the first `COUNT` exchanges only")
	f.BoolVar(&o.values, "values", false, "show users' values, which are hidden otherwise")
	f.StringSliceVar(&o.decodeAs, "decode-as", nil, "connections with this port speak this protocol: `PORT:PROTOCOL` (may be repeated)")
	f.StringSliceVar(&o.protocols, "protocols", nil, "look for these protocols only: `LIST`, with commas (see dbtap protocols)")
	f.BoolVar(&o.stats, "stats", false, "print counts of everything that was read, before any filter, on standard error")
	f.StringVar(&o.color, "color", "auto", "`WHEN` to use colours: auto (on a terminal, unless NO_COLOR is set), always, never")
	f.SortFlags = false
	cmd.RegisterFlagCompletionFunc("filter", cobra.NoFileCompletions)
	cmd.RegisterFlagCompletionFunc("count", cobra.NoFileCompletions)
	cmd.RegisterFlagCompletionFunc("decode-as", completeDecodeAs)
	cmd.RegisterFlagCompletionFunc("protocols", completeList(protocolNames()))
	cmd.RegisterFlagCompletionFunc("color", cobra.FixedCompletions([]string{"auto", "always", "never"}, cobra.ShellCompDirectiveNoFileComp))
}

// someFiles checks the arguments of a command that reads capture files.
func someFiles(cmd *cobra.Command, names []string) error {
	if len(names) == 0 {
		return usagef("no files; try: %s capture.pcap", cmd.CommandPath())
	}
	stdin := 0
	for _, name := range names {
		if name == "-" {
			stdin++
		}
	}
	switch {
	case stdin > 1:
		return usagef("standard input (-) can be read only once")
	case stdin == 1 && term.IsTerminal(int(os.Stdin.Fd())):
		return usagef("standard input is a terminal; pipe a capture into it: tcpdump -U -w - | %s -", cmd.CommandPath())
	}
	return nil
}

// run reads the files and hands the chosen records to the writer that newWriter makes.
func (o *reading) run(cmd *cobra.Command, names []string, newWriter func(io.Writer, screen) output.Writer) error {
	ctx := cmd.Context()
	// Variables of the shell that are not set are mistakes, not wishes.
	changed := cmd.Flags().Changed
	switch {
	case changed("filter") && strings.TrimSpace(o.filter) == "":
		return usagef("the filter is empty")
	case changed("protocols") && len(o.protocols) == 0:
		return usagef("--protocols is empty; known: %s", strings.Join(protocolNames(), ", "))
	case changed("decode-as") && len(o.decodeAs) == 0:
		return usagef("--decode-as is empty; it is PORT:PROTOCOL, such as 27100:mongodb")
	case changed("count") && o.count < 1:
		return usagef("--count is %d; it is at least 1", o.count)
	}
	s, err := newScreen(o.color)
	if err != nil {
		return err
	}
	files, choice, err := o.files(names)
	if err != nil {
		return err
	}
	if files.Open == nil {
		files.Open = func(name string) (*pcapfile.Reader, error) { return openInput(ctx, name) }
	}
	bar := newBar()
	out := &printer{limit: o.count, on: o.stats, as: files.L7.DecodeAs}
	out.make = func() output.Writer { return newWriter(&stdout{bar: bar}, s) }
	files.Row = out.row
	files.Progress = bar.progress

	var stats agent.Stats
	done := make(chan error, 1)
	go func() {
		var err error
		stats, err = files.Run(ctx)
		done <- err
	}()
	ended, err := out.wait(ctx, done, bar)
	bar.end()
	if flushed := out.close(o.titles && onlyDamage(err)); flushed != nil && err == nil {
		err = flushed
	}
	if errors.Is(err, errClosed) || !ended {
		return err
	}
	if o.stats {
		printStats(os.Stderr, &stats)
		if o.filter != "" {
			fmt.Fprintf(os.Stderr, "filter, as it was read: %s\n", choice)
		}
	}
	why := ""
	if out.rows == 0 && (err == nil || onlyDamage(err) && stats.Packets > 0) {
		if o.filter == "" {
			choice = nil
		}
		if why = nothing(&stats, choice, files.L7.Protocols); why != "" {
			say(why)
		}
	}
	if out.malformed && !out.sound {
		say("what was found on the ports of --decode-as is malformed or doubtful; is what it says right?")
	}
	if why == "" && !errors.Is(err, errInterrupted) {
		for _, line := range losses(&stats) {
			say(line)
		}
	}
	return err
}

// files says what is to be read and chosen.
func (o *reading) files(names []string) (files agent.Files, choice *filter.Filter, err error) {
	files = agent.Files{Names: names, Open: o.open}
	cfg := &files.L7
	if cfg.Protocols, err = chosen(o.protocols); err != nil {
		return files, nil, err
	}
	if cfg.DecodeAs, err = parseDecodeAs(o.decodeAs); err != nil {
		return files, nil, err
	}
	if choice, err = compile(o.filter); err != nil {
		return files, nil, err
	}
	cfg.Values = o.values
	cfg.Want = o.want | choice.Columns()
	cfg.Keep = o.trees || choice.NeedsTree()
	if o.filter != "" {
		files.Match = func() func(*record.Record) bool { return matcher(choice, o.trees) }
		files.MatchLate = choice.Columns()>>record.Connection&1 != 0 || slices.ContainsFunc(cfg.Protocols, func(p *l7.Protocol) bool {
			return slices.ContainsFunc(p.Attributes, func(a l7.Attribute) bool { return a.Link && slices.Contains(choice.Attributes(), a.Name) })
		})
	}
	return files, choice, nil
}

// openInput opens a file, or standard input, of which the reading ends when ctx does: also of a pipe in which nothing comes.
func openInput(ctx context.Context, name string) (*pcapfile.Reader, error) {
	if name == "-" {
		if info, err := os.Stdin.Stat(); err == nil && !info.Mode().IsRegular() {
			return pcapfile.New(newPatient(ctx, os.Stdin), "standard input")
		}
	}
	return pcapfile.Open(name)
}

// onlyDamage tells whether everything was read that could be.
func onlyDamage(err error) bool {
	var damage *pcapfile.DamageError
	return err == nil || errors.As(err, &damage)
}

// wait waits for the end of the reading. Meanwhile it hands on what is buffered: the source may be a pipe in which nothing
// happens for a while. It tells whether the reading has ended.
func (p *printer) wait(ctx context.Context, done <-chan error, bar *bar) (ended bool, err error) {
	tick := time.NewTicker(flushInterval)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			if ctx.Err() != nil && errors.Is(err, context.Canceled) {
				return true, errInterrupted
			}
			return true, err
		case <-tick.C:
			p.flush()
			bar.draw()
		case <-ctx.Done():
			select {
			case <-done:
				return true, errInterrupted
			case <-time.After(patience): // it reads something in which nothing comes
				return false, errInterrupted
			}
		}
	}
}

const (
	flushInterval = 200 * time.Millisecond
	patience      = time.Second
)

// chosen returns the protocols with these names; all of them if there are none.
func chosen(names []string) ([]*l7.Protocol, error) {
	if len(names) == 0 {
		return all.Protocols(), nil
	}
	for _, name := range names {
		if _, err := protocol(name); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(all.Protocols(), func(p *l7.Protocol) bool { return !slices.Contains(names, p.Name) }), nil
}

// protocol finds a protocol by its name.
func protocol(name string) (*l7.Protocol, error) {
	if p := byName(all.Protocols())[name]; p != nil {
		return p, nil
	}
	if near := filter.NearestProtocol(name, protocolNames()); near != "" {
		return nil, usagef("unknown protocol %q; did you mean %s?", name, near)
	}
	for _, p := range all.Protocols() {
		if strings.Contains(strings.ToLower(p.Title), strings.ToLower(name)) {
			return nil, usagef("unknown protocol %q; did you mean %s?", name, p.Name)
		}
	}
	return nil, usagef("unknown protocol %q; known: %s", name, strings.Join(protocolNames(), ", "))
}

func protocolNames() (names []string) {
	for _, p := range all.Protocols() {
		names = append(names, p.Name)
	}
	return names
}

func parseDecodeAs(list []string) (map[uint16]*l7.Protocol, error) {
	as := map[uint16]*l7.Protocol{}
	for _, s := range list {
		port, name, _ := strings.Cut(s, ":")
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 || name == "" {
			return nil, usagef("--decode-as %q is not PORT:PROTOCOL, such as 27100:mongodb", s)
		}
		if as[uint16(n)], err = protocol(name); err != nil {
			return nil, err
		}
	}
	return as, nil
}

func compile(expr string) (*filter.Filter, error) {
	o := filter.Options{Protocols: protocolNames(), Aliases: map[string][]string{}, Attributes: attributes()}
	for _, p := range all.Protocols() {
		maps.Copy(o.Aliases, p.Aliases)
	}
	return filter.Compile(expr, o)
}

// attributes are those that there are, whatever the protocol, with their kinds.
func attributes() map[string]record.Kind {
	kinds := map[string]record.Kind{}
	for _, a := range l7.Attributes {
		kinds[a.Name] = a.Kind
	}
	for _, p := range all.Protocols() {
		for _, a := range p.Attributes {
			kinds[a.Name] = a.Kind
		}
	}
	return kinds
}

// matcher makes a function for one goroutine that tells which records f chooses. Unless keep is set, the messages are let go
// once they have been looked at.
func matcher(f *filter.Filter, keep bool) func(*record.Record) bool {
	var replay l7.Replayer
	protocols := byName(all.Protocols())
	return func(r *record.Record) bool {
		ok := f.Match(r, func(yield func(*wire.Tree) bool) {
			for i := range r.Messages {
				replay.Message(protocols[r.Protocol], &r.Messages[i])
				if !yield(&replay.Tree) {
					return
				}
			}
		})
		if !keep {
			r.Messages = r.Messages[:0]
		}
		return ok
	}
}
