package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/dbtap/dbtap/internal/capture/pcapfile"
	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/output"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/stream"
	"github.com/dbtap/dbtap/internal/wire"
)

const decodeLong = `decode prints messages that you have as bytes, field by field: those of a file (- is standard input) or of --hex, one
after the other. The bytes are those of messages alone, without the headers of packets. Hexadecimal text may be written in any usual way,
also as a dump of xxd, hexdump -C or od, and --hex - reads it from standard input.

Who sent a message is guessed from its bytes where --from does not say. The exit code is 3 if a message is damaged or not whole;
what could be read is printed.`

const decodeExample = `  dbtap decode -p mongodb --hex '24000000 01000000 00000000 dd070000 \
    00000000 00 0f000000 10 70696e6700 01000000 00'
  dbtap decode -p mongodb --from client --values message.bin
  xxd message.bin | dbtap decode -p mongodb --hex -`

// decoding is what the flags of decode say.
type decoding struct {
	protocol, from, hex, color string
	options                    output.TreeOptions
}

func newDecode() *cobra.Command {
	var o decoding
	cmd := &cobra.Command{
		Use:     "decode -p PROTOCOL FILE | --hex TEXT",
		Short:   "Print one message, given as bytes, field by field",
		Long:    decodeLong,
		Example: decodeExample,
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(args, cmd.Flags().Changed("hex"))
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveDefault
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.protocol, "protocol", "p", "", "`PROTOCOL` of the message (see dbtap protocols)")
	f.StringVar(&o.from, "from", "", "`SENDER` of the message: client or server")
	f.StringVar(&o.hex, "hex", "", "decode this hexadecimal `TEXT`")
	f.BoolVar(&o.options.Values, "values", false, "show users' values, which are hidden otherwise")
	f.BoolVar(&o.options.All, "all", false, "print fields too that say how a message is laid out: lengths, terminators, names")
	f.StringVar(&o.color, "color", "auto", "`WHEN` to use colours: auto (on a terminal, unless NO_COLOR is set), always, never")
	f.SortFlags = false
	cmd.RegisterFlagCompletionFunc("protocol", cobra.FixedCompletions(protocolNames(), cobra.ShellCompDirectiveNoFileComp))
	cmd.RegisterFlagCompletionFunc("from", cobra.FixedCompletions([]string{"client", "server"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.RegisterFlagCompletionFunc("hex", cobra.NoFileCompletions)
	return cmd
}

func (o *decoding) run(args []string, isHex bool) error {
	if o.protocol == "" {
		return usagef("which protocol? for example: dbtap decode -p %s FILE", protocolNames()[0])
	}
	p, err := protocol(o.protocol)
	if err != nil {
		return err
	}
	if o.from != "" && o.from != "client" && o.from != "server" {
		return usagef("--from is %q; it is client or server", o.from)
	}
	s, err := newScreen(o.color)
	if err != nil {
		return err
	}
	name, data, err := o.input(args, isHex)
	if err != nil {
		return err
	}
	o.options.Width, o.options.Color, o.options.Hole = s.width, s.color, "missing"
	tree := output.NewTree(&stdout{bar: &bar{}}, o.options)
	err = decode(p, o.from, data, tree)
	if flushed := tree.Flush(); flushed != nil {
		return flushed
	}
	if err != nil {
		return damagedError{fmt.Errorf("%s: %w", name, err)}
	}
	return nil
}

// maxInput bounds what is read: some messages of the greatest length that protocols have.
const maxInput = 256 << 20

// input reads the bytes, and says what they are called in errors.
func (o *decoding) input(args []string, isHex bool) (name string, data []byte, err error) {
	if isHex == (len(args) == 1) || len(args) > 1 {
		return "", nil, usagef("one FILE or --hex TEXT; for example: dbtap decode -p %s message.bin", o.protocol)
	}
	name = "--hex"
	switch {
	case isHex && o.hex != "-":
		data = []byte(o.hex)
	case isHex || args[0] == "-":
		name = "standard input"
		data, err = io.ReadAll(io.LimitReader(os.Stdin, maxInput))
	default:
		name = args[0]
		data, err = readFile(name)
	}
	if err != nil {
		return "", nil, err
	}
	if isHex {
		if data, err = parseHex(string(data)); err != nil {
			return "", nil, usagef("%s: %v", name, err)
		}
	} else if _, err := pcapfile.New(bytes.NewReader(data), name); err == nil {
		return "", nil, usagef("%s is a capture file, not a message: dbtap tree %s", name, name)
	}
	if len(data) == 0 {
		return "", nil, usagef("%s: there are no bytes to decode", name)
	}
	return name, data, nil
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxInput))
}

// decode prints the messages that data consists of. The error is the first that a message has.
func decode(p *l7.Protocol, from string, data []byte, w *output.Tree) (first error) {
	d := p.Open(&l7.ConnInfo{Midstream: true}, nil)
	var tree wire.Tree
	for at := 0; at < len(data); {
		rest := data[at:]
		dir, direction := sender(p, from, rest)
		n, err := d.Length(dir, rest)
		switch {
		case err != nil:
			return errors.Join(first, fmt.Errorf("byte %d: not a message of %s: %w", at, p.Title, err))
		case n == 0 && at > 0:
			verb := "are"
			if len(rest) == 1 {
				verb = "is"
			}
			return errors.Join(first, fmt.Errorf("%s %s left after the last message", count(int64(len(rest)), "byte"), verb))
		case n == 0:
			return errors.Join(first, fmt.Errorf("%s: too few for a message of %s", count(int64(len(rest)), "byte"), p.Title))
		}
		kept := rest[:min(n, len(rest))]
		tree.Reset()
		var cur wire.Cursor
		var m l7.Message
		cur.Reset(kept, n, nil, &tree)
		d.Decode(dir, &cur, &m)
		wrong := cur.Err()
		if wrong != nil && wrong.Kind == wire.Cut && len(kept) < n {
			wrong = nil // what is missing is told of the whole message
		}
		header := fmt.Sprintf("byte %d  %s  %s  %s", at, direction, count(int64(n), "byte"), m.Text(record.Operation))
		if t := m.Text(record.Target); t != "" {
			header += " " + t
		}
		if err := w.Message(header, &tree, wrong); err != nil {
			return err
		}
		switch {
		case len(kept) < n:
			return errors.Join(first, fmt.Errorf("byte %d: the message says %s, %d are there", at, count(int64(n), "byte"), len(kept)))
		case wrong != nil && first == nil:
			first = fmt.Errorf("byte %d: the message is damaged: %w", at, wrong)
		case wrong == nil:
			d.Advance(dir, &m)
		}
		at += n
	}
	return first
}

// sender tells who sent b, and how to say it.
func sender(p *l7.Protocol, from string, b []byte) (l7.Dir, string) {
	dir, guessed := l7.ToServer, ""
	if from == "server" {
		dir = l7.ToClient
	} else if from == "" {
		guessed = " (guessed)"
		if p.Probe(&l7.ConnInfo{Midstream: true}, stream.Forward, b) == l7.FromServer {
			dir = l7.ToClient
		}
	}
	if dir == l7.ToClient {
		return dir, "server → client" + guessed
	}
	return dir, "client → server" + guessed
}
