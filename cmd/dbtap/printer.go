package main

import (
	"errors"
	"os"
	"sync"
	"syscall"

	"golang.org/x/term"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/output"
	"github.com/dbtap/dbtap/internal/record"
)

// screen is what is known of where results are shown.
type screen struct {
	width int // in cells; 0: it is no terminal
	color bool
}

func newScreen(color string) (s screen, err error) {
	fd := int(os.Stdout.Fd())
	terminal := term.IsTerminal(fd)
	switch color {
	case "auto":
		s.color = terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	case "always":
		s.color = true
	case "never":
	default:
		return s, usagef("--color is %q; it is one of auto, always, never", color)
	}
	if terminal {
		s.width, _, _ = term.GetSize(fd)
	}
	return s, nil
}

// printer hands rows to a writer as they come, and flushes it from another goroutine.
type printer struct {
	mu    sync.Mutex
	make  func() output.Writer
	w     output.Writer           // nil before the first row: where there is none, a table has no titles
	as    map[uint16]*l7.Protocol // what --decode-as says of ports
	rows  int
	limit int   // of rows, 0: none
	on    bool  // reading goes on behind the limit, for its counts
	ended error // what rows get after close

	malformed, sound bool // there were rows on ports of --decode-as that are so
}

func (p *printer) row(r *record.Record) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.ended != nil:
		return p.ended
	case p.limit > 0 && p.rows == p.limit:
		return nil
	}
	if p.as[r.Server.Port()] != nil || p.as[r.Client.Port()] != nil {
		p.malformed = p.malformed || r.Doubts&record.Malformed != 0
		p.sound = p.sound || r.Doubts&^record.Midstream == 0
	}
	if p.rows++; p.w == nil {
		p.w = p.make()
	}
	if err := p.w.Row(r); err != nil {
		return err
	}
	if p.rows == p.limit && !p.on {
		return errEnough
	}
	return nil
}

func (p *printer) flush() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w == nil {
		return nil
	}
	return p.w.Flush()
}

// close ends the output. With titles they are there without rows too.
func (p *printer) close(titles bool) error {
	p.mu.Lock()
	p.ended = errInterrupted
	if p.w == nil && titles {
		p.w = p.make()
	}
	p.mu.Unlock()
	return p.flush()
}

// stdout is standard output. Where that is a terminal, the bar is out of the way when something is written.
type stdout struct{ bar *bar }

func (s *stdout) Write(b []byte) (int, error) {
	if term.IsTerminal(int(os.Stdout.Fd())) {
		s.bar.hide()
	}
	n, err := os.Stdout.Write(b)
	if errors.Is(err, syscall.EPIPE) {
		err = errClosed
	} else if err != nil {
		err = errors.New("cannot write the output: " + err.Error())
	}
	return n, err
}
