// Command dbtap reads capture files and shows what databases are asked, what they answer and how long it takes.
//
// This package knows flags, terminals and exit codes: a file a command, each thin. What is read is read by package agent, and
// what is written is written by package output.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/dbtap/dbtap/internal/capture/pcapfile"
	"github.com/dbtap/dbtap/internal/filter"
)

// Exit codes, as `dbtap help` lists them.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitDamaged     = 3
	exitInterrupted = 130 // what a shell says of a program that Ctrl-C ended
)

// Ends that are no failures of their own.
var (
	errEnough      = errors.New("as many rows as were asked for")
	errClosed      = errors.New("nobody reads the output any more")
	errInterrupted = errors.New("interrupted; what was read until then was printed")
)

// usageError is a mistake in the command line.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// damagedError says that an input was read only in part.
type damagedError struct{ err error }

func (e damagedError) Error() string { return e.err.Error() }
func (e damagedError) Unwrap() error { return e.err }

func main() { os.Exit(run()) }

func run() int {
	bound()
	// A write to a closed pipe is then an error that is seen here, where there are things to end.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	root, began := newRoot(), false
	root.PersistentPreRun = func(*cobra.Command, []string) { began = true }
	err := root.ExecuteContext(ctx)
	if err != nil && !began {
		err = usageError{err}
	}
	return tell(err)
}

// bound keeps the program below 100 MB. Budgets bound what is in use, but the collector would let garbage double it: measured on
// a capture of requests only, where everything waits, 135 MB without this limit and 89 MB with it, for a third more of processor
// time. Captures with answers stay at 30 to 75 MB and do not come near it.
func bound() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(80 << 20)
	}
}

// tell prints an error, a line for each thing that went wrong, and returns the exit code.
func tell(err error) int {
	switch {
	case err == nil, errors.Is(err, errEnough), errors.Is(err, errClosed), errors.Is(err, syscall.EPIPE):
		return exitDone
	case errors.Is(err, errInterrupted):
		complain(err)
		return exitInterrupted
	}
	if syntax := (*filter.SyntaxError)(nil); errors.As(err, &syntax) {
		complain(fmt.Errorf("%w (dbtap help filter tells more)", err))
		fmt.Fprintln(os.Stderr, "  "+strings.ReplaceAll(syntax.Caret(), "\n", "\n  "))
		return exitUsage
	}
	all := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		all = joined.Unwrap()
	}
	code := exitDone
	for _, err := range all {
		complain(err)
		var usage usageError
		var damaged damagedError
		var damage *pcapfile.DamageError
		switch {
		case errors.As(err, &usage):
			code = exitUsage
		case code != exitDone && code != exitDamaged:
		case errors.As(err, &damage), errors.As(err, &damaged):
			code = exitDamaged
		default:
			code = exitFailed
		}
	}
	return code
}

// complain prints an error in one line.
func complain(err error) {
	text := err.Error()
	if path := (*fs.PathError)(nil); errors.As(err, &path) && path.Op == "open" {
		text = fmt.Sprintf("cannot open %s: %v", path.Path, path.Err)
	}
	say(text)
}

// say prints a line on standard error.
func say(text string) {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return ' '
		case !unicode.IsGraphic(r): // names of files and flags are typed by others too
			return unicode.ReplacementChar
		}
		return r
	}, text)
	fmt.Fprintln(os.Stderr, "dbtap: "+text)
}
