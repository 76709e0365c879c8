package main

import (
	"fmt"
	"os"
	"strings"
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

const (
	barDelay = time.Second // a reading that takes longer is worth a bar
	barWidth = 20          // in cells
)

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
	width, _, err := term.GetSize(int(os.Stderr.Fd()))
	if err != nil {
		return
	}
	fmt.Fprint(os.Stderr, "\r\x1b[K"+barText(b.done, b.size, took, width-1)) // in the last cell a terminal begins a new line
	b.visible = true
}

// barText says how far a reading is, in at most width cells.
func barText(done, size int64, took time.Duration, width int) string {
	speed := bytesText(int64(float64(done)/took.Seconds())) + " a second"
	forms := []string{bytesText(done) + ", " + speed, bytesText(done)}
	if done <= size { // all sizes are known
		full := int(done * barWidth / max(size, 1))
		part := fmt.Sprintf("%3d %% of %s", 100*done/max(size, 1), bytesText(size))
		bar := fmt.Sprintf("[%s%s] ", strings.Repeat("=", full), strings.Repeat(" ", barWidth-full))
		forms = []string{bar + part + ", " + speed, bar + part, part}
	}
	for _, text := range forms {
		if len(text) <= width {
			return text
		}
	}
	return ""
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
