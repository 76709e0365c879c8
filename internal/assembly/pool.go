package assembly

import "unsafe"

// pools keep what was used for the next who needs it. All of it counts as used until drain.
type pools struct {
	flows *flow // through chain
	holds *hold // through next
	runs  [len(runSizes)]*run
}

// runSizes are the sizes of the buffers of held segments: small messages, an Ethernet frame, jumbo frames, what
// receive offload makes. Larger ones are allocated as needed and not kept.
var runSizes = [...]int{256, 2 << 10, 16 << 10, 64 << 10}

const (
	holdCost = int(unsafe.Sizeof(hold{}))
	runCost  = int(unsafe.Sizeof(run{})) + 16 // and its place in an index
)

func (t *Table) newFlow() *flow {
	f := t.free.flows
	if f == nil {
		t.used += flowCost
		return new(flow)
	}
	t.free.flows = f.chain
	*f = flow{}
	return f
}

func (t *Table) freeFlow(f *flow) {
	*f = flow{chain: t.free.flows}
	t.free.flows = f
	poisonFlow(f)
}

func (t *Table) newHold() *hold {
	hd := t.free.holds
	if hd == nil {
		t.used += holdCost
		return new(hold)
	}
	t.free.holds = hd.next
	*hd = hold{}
	return hd
}

func (t *Table) freeHold(hd *hold) {
	*hd = hold{next: t.free.holds}
	t.free.holds = hd
}

// newRun returns a run whose data has room for n bytes.
func (t *Table) newRun(n int) *run {
	for c, size := range runSizes {
		if n > size {
			continue
		}
		if r := t.free.runs[c]; r != nil {
			t.free.runs[c] = r.next
			*r = run{data: r.data[:0]}
			return r
		}
		t.used += runCost + size
		return &run{data: make([]byte, 0, size)}
	}
	r := &run{data: make([]byte, 0, n)}
	t.used += runCost + cap(r.data)
	return r
}

// freeRun takes back a run that is in no queue and not lent any more.
func (t *Table) freeRun(r *run) {
	poison(r.data)
	for c, size := range runSizes {
		if cap(r.data) == size {
			r.next = t.free.runs[c]
			t.free.runs[c] = r
			return
		}
	}
	t.used -= runCost + cap(r.data)
}

// drain gives the pools back to the garbage collector.
func (t *Table) drain() {
	for f := t.free.flows; f != nil; f = f.chain {
		t.used -= flowCost
	}
	for hd := t.free.holds; hd != nil; hd = hd.next {
		t.used -= holdCost
	}
	for c, size := range runSizes {
		for r := t.free.runs[c]; r != nil; r = r.next {
			t.used -= runCost + size
		}
	}
	t.free = pools{}
}
