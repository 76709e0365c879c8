// Package agent puts the floors below together into running pipelines: today, capture files to records. It knows how
// work is divided among cores and how the order of a file comes back; it knows no protocol and no output.
package agent

import (
	"cmp"
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"sync"

	"github.com/dbtap/dbtap/internal/assembly"
	"github.com/dbtap/dbtap/internal/capture"
	"github.com/dbtap/dbtap/internal/capture/pcapfile"
	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/packet"
	"github.com/dbtap/dbtap/internal/record"
)

// Files reads capture files as one capture: connections go on from one file to the next.
type Files struct {
	Names []string // "-" is standard input
	L7    l7.Config

	// Open opens a file by its name. nil: pcapfile.Open.
	Open func(name string) (*pcapfile.Reader, error)

	// Match makes a function that chooses records; each worker has its own. nil: all.
	Match func() func(*record.Record) bool

	// MatchLate asks Match after the connections were numbered and the links of records settled, not in the workers: for a
	// choice by what is known only then.
	MatchLate bool

	// Row takes the chosen records, in the order in which their exchanges ended. The record is borrowed. An error ends
	// the reading.
	Row func(*record.Record) error

	// Progress, if set, is called now and then with the bytes read and, where it is known, the size of all files.
	Progress func(done, size int64)
}

// Stats counts what came by, before any choice.
type Stats struct {
	Files       int
	Packets     int64
	Bytes       int64 // of packets, on the wire
	Connections int64
	Packet      packet.Stats
	Assembly    assembly.Stats // sums over all shards
	L7          l7.Stats       // likewise
}

// The division of work. Flows are dealt to a fixed number of shards, so that what one shard sees, its limits
// included, does not depend on the number of cores; a worker owns one shard or several.
const (
	shards = 8

	// budget is the memory in bytes that flows, waiting segments, waiting messages and open exchanges of all shards may
	// take. What is open when the files end is copied into rows all at once. With that, and with what the program takes
	// itself, it stays below 100 MB; rows with messages are larger.
	budget     = 36 << 20
	keepBudget = 24 << 20

	// inFlight is how many batches are between the reader and the merger: one each is being read and merged, the
	// others keep the workers busy.
	inFlight = 4

	// tick is after how many packets of the source a shard looks for connections that are over.
	tick = 1 << 12
)

// unit is a batch of packets on its way: read, worked on by every worker, merged.
type unit struct {
	packets capture.Batch
	segs    [][]packet.Segment // for each worker
	rows    []record.Batch     // of each worker
	opens   [][]opened         // of each worker
	pending sync.WaitGroup     // workers that have not done it yet
	last    bool               // the source has ended: close all flows
	order   uint64             // behind the last packet of the unit
}

// opened tells that a flow began.
type opened struct {
	order uint64
	slot  uint32 // over all shards
}

// shard is what one worker owns of the flows.
type shard struct {
	table  *assembly.Table
	engine *l7.Engine
	ticked uint64
}

// worker owns some shards.
type worker struct {
	f      *Files
	index  int
	shards [shards]*shard // its own; the others are nil
	match  func(*record.Record) bool
	rows   *record.Batch
	opens  *[]opened
	todo   chan *unit
}

// Run reads all files. Damaged files are read as far as they can be; the damage comes back as errors that wrap
// *pcapfile.DamageError. Any other error ended the reading early.
func (f *Files) Run(ctx context.Context) (stats Stats, err error) {
	sources, size, err := f.open()
	if err != nil {
		return stats, err
	}
	defer func() { closeAll(sources) }()

	n := min(runtime.GOMAXPROCS(0), shards)
	workers := make([]*worker, n)
	var running sync.WaitGroup
	for i := range workers {
		w := newWorker(f, i, n)
		workers[i] = w
		running.Go(func() {
			for u := range w.todo {
				w.work(u)
				u.pending.Done()
			}
		})
	}

	free := make(chan *unit, inFlight)
	merge := make(chan *unit, inFlight)
	for range inFlight {
		free <- &unit{segs: make([][]packet.Segment, n), rows: make([]record.Batch, n), opens: make([][]opened, n)}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	m := merger{f: f}
	if f.Match != nil && f.MatchLate {
		m.match = f.Match()
	}
	merged := make(chan struct{})
	go func() {
		defer close(merged)
		for u := range merge {
			u.pending.Wait()
			if ctx.Err() == nil {
				if err := m.merge(u); err != nil {
					cancel(err)
				}
			}
			free <- u
		}
	}()

	r := reader{f: f, workers: n, size: size}
	send := func(u *unit) {
		u.pending.Add(n)
		for _, w := range workers {
			w.todo <- u
		}
		merge <- u
	}
	var damage []error
	for i := range sources {
		s := sources[i].r
		if s == nil {
			if s, err = f.reader(sources[i].name); err != nil {
				damage = append(damage, err)
				continue
			}
		}
		stats.Files++
		for ctx.Err() == nil {
			u := <-free
			if err := r.read(s, u); err == io.EOF {
				free <- u
				break
			} else if err != nil {
				free <- u
				damage = append(damage, err)
				break
			}
			send(u)
		}
		r.before += s.Offset()
		s.Close()
		sources[i].r = nil
	}
	u := <-free
	u.reset()
	u.last, u.order = true, r.order+1
	send(u)
	close(merge)
	<-merged
	for _, w := range workers {
		close(w.todo)
	}
	running.Wait()
	if f.Progress != nil {
		f.Progress(r.before, size)
	}

	stats.Packets, stats.Bytes, stats.Packet, stats.Connections = int64(r.order), r.bytes, r.parser.Stats(), m.connections
	stats.L7.Unidentified, stats.L7.Encrypted = map[uint16]int64{}, map[uint16]int64{}
	for _, w := range workers {
		for _, s := range w.shards {
			if s != nil {
				stats.add(s)
			}
		}
	}
	if cause := context.Cause(ctx); cause != nil {
		return stats, cause
	}
	return stats, errors.Join(damage...)
}

// source is a file that waits for its turn.
type source struct {
	name string
	r    *pcapfile.Reader // nil: opened on its turn, for a decompressor takes megabytes
}

// open looks at all files before any is read: a name that is wrong is told at once. What is no regular file can be
// opened only once, and stays open.
func (f *Files) open() (sources []source, size int64, err error) {
	for _, name := range f.Names {
		r, err := f.reader(name)
		if err != nil {
			closeAll(sources)
			return nil, 0, err
		}
		size += r.Size()
		if r.Size() > 0 {
			r.Close()
			r = nil
		}
		sources = append(sources, source{name, r})
	}
	return sources, size, nil
}

func (f *Files) reader(name string) (*pcapfile.Reader, error) {
	if f.Open != nil {
		return f.Open(name)
	}
	return pcapfile.Open(name)
}

func closeAll(sources []source) {
	for _, s := range sources {
		if s.r != nil {
			s.r.Close()
		}
	}
}

// reader turns batches of packets into segments, and deals them.
type reader struct {
	f       *Files
	workers int
	parser  packet.Parser
	seg     packet.Segment
	order   uint64
	bytes   int64
	before  int64 // bytes of the files before this one
	size    int64
}

func (u *unit) reset() {
	for i := range u.segs {
		u.segs[i] = u.segs[i][:0]
		u.rows[i].Reset()
		u.opens[i] = u.opens[i][:0]
	}
	u.last = false
}

func (r *reader) read(s *pcapfile.Reader, u *unit) error {
	u.reset()
	poison(u.packets.Buf)
	if err := s.Read(&u.packets); err != nil {
		return err
	}
	for i := range u.packets.Packets {
		p := &u.packets.Packets[i]
		r.order++
		r.bytes += int64(p.Length)
		if r.parser.Parse(p, &r.seg) != packet.TCP {
			continue
		}
		r.seg.Order = r.order
		w := int(r.seg.Shard%shards) % r.workers
		u.segs[w] = append(u.segs[w], r.seg)
	}
	u.order = r.order
	if r.f.Progress != nil {
		r.f.Progress(r.before+s.Offset(), r.size)
	}
	return nil
}

func newWorker(f *Files, index, n int) *worker {
	w := &worker{f: f, index: index, todo: make(chan *unit, inFlight)}
	if f.Match != nil && !f.MatchLate {
		w.match = f.Match()
	}
	memory := &l7.Message{}
	for i := index; i < shards; i += n {
		s := &shard{}
		cfg := f.L7
		cfg.Budget, cfg.Message = budget/shards, memory
		if cfg.Keep {
			cfg.Budget = keepBudget / shards
		}
		cfg.Charge = func(n int) { s.table.Charge(n) }
		s.engine = l7.New(cfg, func(r *record.Record) {
			r.Slot = r.Slot*shards + uint32(i)
			w.row(r)
		})
		s.table = assembly.New(assembly.Config{Budget: cfg.Budget, Opened: func(slot uint32, _, order uint64) {
			*w.opens = append(*w.opens, opened{order, slot*shards + uint32(i)})
		}}, s.engine.Open)
		w.shards[i] = s
	}
	return w
}

// row takes a record from an engine of this worker.
func (w *worker) row(r *record.Record) {
	if w.match == nil || w.match(r) {
		w.rows.Append(r)
	} else if len(r.Links) > 0 {
		r.Hidden = true
		w.rows.Append(r)
	}
}

func (w *worker) work(u *unit) {
	w.rows, w.opens = &u.rows[w.index], &u.opens[w.index]
	segs := u.segs[w.index]
	for i := range segs {
		seg := &segs[i]
		s := w.shards[seg.Shard%shards]
		if t := seg.Order / tick; t != s.ticked {
			s.ticked = t
			s.table.Expire(seg.Time, seg.Order)
		}
		s.table.Segment(seg)
	}
	if u.last {
		for _, s := range w.shards {
			if s != nil {
				s.table.Close(u.order)
			}
		}
	}
}

// merger brings what the workers made back into the order of the file, and numbers the connections.
type merger struct {
	f           *Files
	match       func(*record.Record) bool
	shared      l7.Shared
	numbers     []int64 // of the connection that has a slot
	connections int64
	opens       []opened
	rows        []*record.Record
}

func (m *merger) merge(u *unit) error {
	m.opens = m.opens[:0]
	for _, o := range u.opens {
		m.opens = append(m.opens, o...)
	}
	slices.SortFunc(m.opens, func(a, b opened) int { return cmp.Compare(a.order, b.order) })
	if u.last {
		return m.rest(u)
	}
	var at [shards]int
	for {
		// Every worker's rows are in order: the next row is the least of their first ones.
		var next *record.Record
		from := 0
		for i := range u.rows {
			if rows := u.rows[i].Rows; at[i] < len(rows) && (next == nil || rows[at[i]].Order < next.Order) {
				next, from = &rows[at[i]], i
			}
		}
		if next == nil {
			m.number(u.order)
			return nil
		}
		at[from]++
		m.number(next.Order)
		if err := m.row(next); err != nil {
			return err
		}
	}
}

// rest merges the rows of what the end of the source ended, in the order of their connections.
func (m *merger) rest(u *unit) error {
	m.number(u.order)
	m.rows = m.rows[:0]
	for i := range u.rows {
		for j := range u.rows[i].Rows {
			m.rows = append(m.rows, &u.rows[i].Rows[j])
		}
	}
	slices.SortStableFunc(m.rows, func(a, b *record.Record) int {
		return cmp.Compare(m.numbers[a.Slot], m.numbers[b.Slot])
	})
	for _, r := range m.rows {
		if err := m.row(r); err != nil {
			return err
		}
	}
	return nil
}

// number numbers the connections that began up to a packet.
func (m *merger) number(order uint64) {
	for len(m.opens) > 0 && m.opens[0].order <= order {
		o := m.opens[0]
		m.opens = m.opens[1:]
		if n := int(o.slot) + 1 - len(m.numbers); n > 0 {
			m.numbers = append(m.numbers, make([]int64, n)...)
		}
		m.connections++
		m.numbers[o.slot] = m.connections
	}
}

func (m *merger) row(r *record.Record) error {
	r.Set(record.Connection, m.numbers[r.Slot])
	m.shared.Settle(r)
	if r.Hidden {
		return nil
	}
	if m.match != nil && !m.match(r) {
		return nil
	}
	return m.f.Row(r)
}

// add adds the counts of a shard.
func (s *Stats) add(sh *shard) {
	a := sh.table.Stats()
	t := &s.Assembly
	t.Segments += a.Segments
	t.Stray += a.Stray
	t.Flows += a.Flows
	t.Streams += a.Streams
	t.Delivered += a.Delivered
	t.Lost += a.Lost
	t.Cut += a.Cut
	t.Retransmitted += a.Retransmitted
	t.Conflicting += a.Conflicting
	t.Reordered += a.Reordered
	t.Waited += a.Waited
	t.Wild += a.Wild
	t.Reused += a.Reused
	t.Evicted += a.Evicted
	t.HalfOpenEvicts += a.HalfOpenEvicts
	t.Peak += a.Peak
	e := sh.engine.Stats()
	s.L7.Identified += e.Identified
	s.L7.Messages += e.Messages
	s.L7.Exchanges += e.Exchanges
	s.L7.Unpaired += e.Unpaired
	s.L7.Lost += e.Lost
	s.L7.Malformed += e.Malformed
	s.L7.Evicted += e.Evicted
	s.L7.Upgraded += e.Upgraded
	for port, n := range e.Unidentified {
		s.L7.Unidentified[port] += n
	}
	for port, n := range e.Encrypted {
		s.L7.Encrypted[port] += n
	}
}
