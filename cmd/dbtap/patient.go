package main

import (
	"context"
	"io"
)

// patient reads a source that may keep silent for long, and stops waiting for it when its context ends.
type patient struct {
	ctx  context.Context
	ask  chan []byte // memory that the other goroutine may write to
	got  chan result
	buf  []byte // its memory; nil while the other goroutine has it
	rest []byte // of what was read last, not handed out yet
	err  error
}

type result struct {
	b   []byte
	n   int
	err error
}

// patientBuffer is what a pipe holds.
const patientBuffer = 64 << 10

func newPatient(ctx context.Context, src io.Reader) *patient {
	p := &patient{ctx: ctx, ask: make(chan []byte), got: make(chan result, 1), buf: make([]byte, patientBuffer)}
	go func() {
		for b := range p.ask {
			n, err := src.Read(b)
			p.got <- result{b, n, err}
		}
	}()
	return p
}

// Read implements io.Reader. After the end of the context it returns the context's error.
func (p *patient) Read(b []byte) (int, error) {
	if len(p.rest) == 0 && p.err == nil {
		select {
		case p.ask <- p.buf:
		case <-p.ctx.Done():
			return 0, p.ctx.Err()
		}
		p.buf = nil
		select {
		case r := <-p.got:
			p.buf, p.rest, p.err = r.b, r.b[:r.n], r.err
		case <-p.ctx.Done():
			p.err = p.ctx.Err()
		}
	}
	if len(p.rest) == 0 {
		return 0, p.err
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}
