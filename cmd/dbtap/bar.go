package main

import (
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// bar is a line on standard error that says how far a long reading is, where that is a terminal.
type bar struct {
	mu      sync.Mutex
	on      bool
	visible bool
	began   time.Time
	done    int64 // bytes read
	size    int64 // of all files; 0: not known
}

// barDelay is how long a reading takes that is worth a bar.
const barDelay = time.Second

func newBar() *bar { return &bar{on: term.IsTerminal(int(os.Stderr.Fd())), began: time.Now()} }

// progress is what agent.Files calls.
func (b *bar) progress(done, size int64) {
	b.mu.Lock()
	b.done, b.size = done, size
	b.mu.Unlock()
}

func (b *bar) draw() {
	b.mu.Lock()
	defer b.mu.Unlock()
	took := time.Since(b.began)
	if !b.on || took < barDelay {
		return
	}
	part := ""
	if b.done <= b.size {
		part = fmt.Sprintf("%3d %% of %s, ", 100*b.done/max(b.size, 1), bytesText(b.size))
	}
	fmt.Fprintf(os.Stderr, "\r\x1b[K%s read, %s%s a second", bytesText(b.done), part, bytesText(int64(float64(b.done)/took.Seconds())))
	b.visible = true
}

// hide takes the line away until it is drawn again.
func (b *bar) hide() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.visible {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
		b.visible = false
	}
}

// end takes the line away for good.
func (b *bar) end() {
	b.hide()
	b.mu.Lock()
	b.on = false
	b.mu.Unlock()
}

// bytesText is n in the unit that suits it.
func bytesText(n int64) string {
	switch {
	case n < 1e3:
		return fmt.Sprintf("%d B", n)
	case n < 1e6:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1e9:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}
