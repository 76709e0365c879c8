package postgresql

import (
	"bytes"
	"encoding/binary"
	"slices"
	"unsafe"

	"github.com/dbtap/dbtap/internal/sqltext"
)

// Limits of what is kept for a connection.
const (
	// maxStatements is how many prepared statements are known at a time: drivers keep some hundreds. The oldest go first.
	maxStatements = 1024

	// maxHeld is how many bytes they take at most.
	maxHeld = 1 << 20

	// maxNormal is how much of one's text is kept.
	maxNormal = 64 << 10

	// maxColumns is how many bytes say what rows or parameters look like: they go into the context of each message, and
	// columns beyond them have no name there.
	maxColumns = 4000

	// maxPortals is how many portals with a name are known at a time: cursors that an application has open.
	maxPortals = 64

	// keepPortals is how many of them a Dialog keeps memory of for the next connection.
	keepPortals = 4

	// maxWaits is how many messages may wait for their answers: more than the engine's exchanges have, usually four each.
	maxWaits = 4 << 10

	// keepWaits is how many of them a Dialog keeps memory of for the next connection.
	keepWaits = 128

	// keepTexts is how many places are kept of statements that are over, so that a text that is prepared again need not be read
	// again: what an application repeats without a name is a few statements.
	keepTexts = 12

	// keepHeld is what a Dialog keeps of it for the next connection: a few statements.
	keepHeld = 8 << 10
)

// ref names a prepared statement: place and generation. 0 is none.
type ref uint32

const (
	placeBits      = 11
	generationBits = 14
)

// statement is a prepared statement.
type statement struct {
	generation uint32
	seq        uint64
	used       bool
	pending    bool   // the server has not said that it is one
	suspect    bool   // its name may be another's by now
	cut        bool   // only the beginning of its text is known
	hidden     bool   // its text holds a secret, which an error could repeat
	changes    bool   // it may change how texts are quoted
	judged     bool   // guarded is known
	guarded    bool   // a parameter could be a secret
	hash       uint64 // of its text and how it was read; 0 if it is to be read again
	memory     []byte
	ends       [texts]int // of each text, in memory
	params     []byte     // types, four bytes each
	columns    []byte     // as in a RowDescription, without their number; none if it returns no rows or nobody asked
}

// The texts of a statement.
const (
	textName = iota
	textOperation
	textTarget
	textSummary
	textNormal
	textShown // empty if it is the normal one
	texts
)

func (s *statement) text(i int) []byte {
	from := 0
	if i > 0 {
		from = s.ends[i-1]
	}
	return s.memory[from:s.ends[i]]
}

// secret tells whether a parameter could be a secret, and remembers it. What a text that was cut, or is another one's, does not say
// could be one.
func (s *statement) secret() bool {
	if s != nil && !s.judged {
		normal := s.text(textNormal)
		s.judged, s.guarded = true, s.cut || len(normal) == maxNormal || sqltext.SecretParameters(normal)
	}
	return s != nil && (s.guarded || s.suspect)
}

// size is what it takes, in bytes.
func (s *statement) size() int {
	return int(unsafe.Sizeof(*s)) + cap(s.memory) + cap(s.params) + cap(s.columns)
}

// statements are those of a connection. One that was replaced or closed lives on, without a name, until the server is ready:
// answers to it may be on their way.
type statements struct {
	list   []statement
	hashes []uint32 // of their names; nameless for those without, 0 for free places
	free   []int    // places, the next to be taken last: first what was read last and may come again
	seq    uint64
	held   int  // bytes
	loose  bool // there are some without a name
	unseen bool // there may be others: asked for where nobody looked, or made in SQL
	only   *statement
}

// reset forgets all and keeps some memory.
func (t *statements) reset() {
	list, hashes := t.list, t.hashes
	if t.held > keepHeld {
		list, hashes = nil, nil
	}
	*t = statements{list: list, hashes: hashes, free: t.free[:0]}
	for i := len(list) - 1; i >= 0; i-- {
		t.held += list[i].size()
		list[i].used, hashes[i] = false, 0
		t.free = append(t.free, i)
	}
}

// holds is how many bytes they take, with what finds them.
func (t *statements) holds() int {
	return t.held + cap(t.hashes)*int(unsafe.Sizeof(uint32(0))) + cap(t.free)*int(unsafe.Sizeof(int(0)))
}

// nameless is in the place of a hash.
const nameless = 2

// hashName is FNV-1a, and odd.
func hashName(name []byte) uint32 {
	h := uint32(2166136261)
	for _, c := range name {
		h = (h ^ uint32(c)) * 16777619
	}
	return h | 1
}

// add makes room for a statement that was asked for. Its memory is empty.
func (t *statements) add(name []byte) (ref, *statement) {
	if t.full() {
		t.evict()
	}
	if n := len(t.free); n == 0 || len(t.list) < keepTexts && t.list[t.free[n-1]].hash != 0 {
		t.list, t.hashes = append(t.list, statement{}), append(t.hashes, 0)
		t.free = append(t.free, len(t.list)-1)
		t.held += int(unsafe.Sizeof(statement{}))
	}
	r, s := t.take(len(t.free)-1, name)
	s.cut, s.hidden, s.judged, s.hash, s.memory = false, false, false, 0, s.memory[:0]
	return r, s
}

// take makes the at-th free place that of a statement.
func (t *statements) take(at int, name []byte) (ref, *statement) {
	i := t.free[at]
	t.free = slices.Delete(t.free, at, at+1)
	t.seq++
	s := &t.list[i]
	s.generation, s.seq, s.used, s.pending = (s.generation+1)%(1<<generationBits), t.seq, true, true
	s.suspect, s.params, s.columns = false, s.params[:0], s.columns[:0]
	t.hashes[i] = hashName(name)
	return ref(i+1) | ref(s.generation)<<placeBits, s
}

// again finds the free place of a statement with this hash, for take: -1 if there is none.
func (t *statements) again(hash uint64) int {
	return slices.IndexFunc(t.free[:min(len(t.free), keepTexts)], func(i int) bool { return t.list[i].hash == hash })
}

// full tells whether there is no room for another one.
func (t *statements) full() bool {
	return len(t.free) == 0 && len(t.list) == maxStatements || t.held > maxHeld
}

// evict makes room: the memory of free places goes first, then the oldest without a name, at last the oldest.
func (t *statements) evict() {
	for i := range t.list {
		if !t.list[i].used {
			t.release(i)
		}
	}
	for t.full() {
		first := -1
		for i := range t.list {
			if t.list[i].used && (first < 0 || t.before(i, first)) {
				first = i
			}
		}
		if first < 0 {
			return
		}
		t.drop(first)
		t.release(first)
		t.unseen = true
	}
}

// before tells whether the statement at i is forgotten before that at j.
func (t *statements) before(i, j int) bool {
	named := t.named(i)
	if named != t.named(j) {
		return !named
	}
	return t.list[i].seq < t.list[j].seq
}

func (t *statements) named(i int) bool {
	return t.hashes[i] != nameless && t.list[i].ends[textName] > 0
}

// release lets the memory of a place go.
func (t *statements) release(i int) {
	s := &t.list[i]
	t.held -= s.size() - int(unsafe.Sizeof(*s))
	s.memory, s.params, s.columns, s.hash = nil, nil, nil, 0
}

func (t *statements) drop(i int) {
	t.list[i].used, t.hashes[i] = false, 0
	if t.list[i].hash != 0 {
		t.free = slices.Insert(t.free, 0, i)
	} else {
		t.free = append(t.free, i)
	}
}

// of is the statement that r names, nil if it is gone.
func (t *statements) of(r ref) *statement {
	if t.only != nil {
		return t.only
	}
	if i := int(r&(1<<placeBits-1)) - 1; i >= 0 && i < len(t.list) && t.list[i].used && t.list[i].generation == uint32(r>>placeBits) {
		return &t.list[i]
	}
	return nil
}

// find is the statement that the client means by a name: the last one it asked for.
func (t *statements) find(name []byte) (r ref) {
	h, last := hashName(name), uint64(0)
	for i, x := range t.hashes {
		if s := &t.list[i]; x == h && s.seq > last && bytes.Equal(s.text(textName), name) {
			r, last = ref(i+1)|ref(s.generation)<<placeBits, s.seq
		}
	}
	return r
}

// confirm says that the server has r: others of its name are no more. It tells whether the server had one of these.
func (t *statements) confirm(r ref) (had bool) {
	s := t.of(r)
	if s == nil {
		return false
	}
	s.pending = false
	h := hashName(s.text(textName))
	for i, x := range t.hashes {
		if o := &t.list[i]; x == h && o.seq < s.seq && bytes.Equal(o.text(textName), s.text(textName)) {
			had = had || !o.pending
			t.hashes[i], t.loose = nameless, true
		}
	}
	return had
}

// assume says that the server may have r: it was asked for, and the answer is not known. Where the server had another one of
// its name, which of them it has now is not known either; where it may have had one, that is a doubt.
func (t *statements) assume(r ref) {
	had, s := t.confirm(r), t.of(r)
	switch {
	case s == nil || len(s.text(textName)) == 0:
	case had:
		t.close(r)
	default:
		s.suspect = t.unseen
	}
}

// settle says that the answer to w will not be known: what was to be prepared or closed is taken to be so.
func (t *statements) settle(w wait) {
	switch w.kind {
	case typeParse:
		t.assume(w.ref)
	case typeClose:
		t.close(w.ref)
	}
}

// close says that nothing has the name of r any more.
func (t *statements) close(r ref) {
	if s := t.of(r); s != nil {
		t.hashes[r&(1<<placeBits-1)-1], t.loose = nameless, true
	}
}

// closeAll says so of all that the server has.
func (t *statements) closeAll() {
	for i, h := range t.hashes {
		if h != 0 && !t.list[i].pending {
			t.hashes[i], t.loose = nameless, true
		}
	}
}

// trust says of those that were asked for after another one that the server has them.
func (t *statements) trust(seq uint64) {
	for i := range t.list {
		if s := &t.list[i]; s.seq > seq {
			s.suspect = false
		}
	}
}

// suspect says of all that they may have been closed, and their names given to others, where neither that nor the answer was seen.
func (t *statements) suspect() {
	for i := range t.list {
		t.list[i].suspect = true
	}
}

// sweep forgets those without a name, unless needed says that somebody may speak of them.
func (t *statements) sweep(needed func(ref) bool) {
	if !t.loose {
		return
	}
	t.loose = false
	for i, h := range t.hashes {
		switch {
		case h != nameless:
		case needed(ref(i+1) | ref(t.list[i].generation)<<placeBits):
			t.loose = true
		default:
			t.drop(i)
		}
	}
}

// portal is a statement with parameters.
type portal struct {
	name    []byte
	ref     ref
	formats formats
	known   bool
}

// portalSize is what a portal takes at most, in bytes.
const portalSize = int(unsafe.Sizeof(portal{})) + maxName

// short is the part of a portal's name that is kept.
func short(name []byte) []byte { return name[:min(len(name), maxName)] }

// bind notes a portal: of one name the last.
func (d *dialog) bind(name []byte, p portal) {
	p.known = true
	if len(name) == 0 {
		d.unnamed = p
		return
	}
	at := slices.IndexFunc(d.portals, func(o portal) bool { return bytes.Equal(o.name, name) })
	switch {
	case at >= 0:
	case len(d.portals) < maxPortals:
		at = len(d.portals)
		d.portals = slices.Grow(d.portals, 1)[:at+1]
	default:
		at, d.statements.unseen = d.oldest, true
		d.oldest = (d.oldest + 1) % maxPortals
	}
	p.name = append(d.portals[at].name[:0], name...)
	d.portals[at] = p
}

// portal is what is known of a portal.
func (d *dialog) portal(name []byte) portal {
	if len(name) == 0 {
		return d.unnamed
	}
	if p := d.find(name); p != nil {
		return *p
	}
	return portal{}
}

// find finds a portal with a name.
func (d *dialog) find(name []byte) *portal {
	for i := range d.portals {
		if bytes.Equal(d.portals[i].name, name) {
			return &d.portals[i]
		}
	}
	return nil
}

// needed tells whether a portal or the messages up to the next Sync speak of a statement.
func (d *dialog) needed(r ref) bool {
	return d.unnamed.ref == r || d.about == r || slices.ContainsFunc(d.portals, func(p portal) bool { return p.ref == r })
}

// formats says which columns come in binary, a bit each; the last bit speaks of all that follow.
type formats uint32

func (f formats) of(column int) int16 { return int16(f >> min(column, 31) & 1) }

// readFormats reads what a Bind says of the columns of its result: nothing is text, one speaks of all.
func readFormats(b []byte) (f formats) {
	n := len(b) / 2
	for i := range min(n, 32) {
		f |= formats(b[2*i+1]&1) << i
	}
	if n > 0 && n < 32 && b[2*n-1]&1 != 0 {
		f |= ^formats(0) << n // as the last one
	}
	return f
}

// kind is what a request was.
type kind uint8

const (
	asksNothing kind = iota
	asksQuery
	asksExecute
	asksParts // messages of the extended protocol before their Execute or Sync
	asksSync  // such messages without an Execute
	asksFunction
	asksLogin
	asksEncryption
)

// ask is what a request leaves for its answers.
type ask struct {
	kind    kind
	backup  bool // BASE_BACKUP
	guarded bool // its text holds a secret, which an error could repeat
	turn    bool // tells a request from the next one
	commits bool // its first statement ends a transaction, and not by ROLLBACK
	ref     ref  // the statement; of a DEALLOCATE, what it closes
	formats formats
	known   bool // there is a request; not packed
}

func (a ask) pack() uint64 {
	return uint64(a.kind) | uint64(flag(a.turn))<<3 | uint64(flag(a.backup))<<4 | uint64(flag(a.guarded))<<5 | uint64(a.ref)<<6 |
		uint64(flag(a.commits))<<31 | uint64(a.formats)<<32
}

// unpack reads what pack wrote, field by field: what is written in pieces is not copied as a whole without waiting.
func (a *ask) unpack(n uint64, known bool) {
	a.kind, a.turn, a.backup, a.guarded = kind(n&7), n>>3&1 != 0, n>>4&1 != 0, n>>5&1 != 0
	a.ref, a.commits, a.formats = ref(n>>6&(1<<(placeBits+generationBits)-1)), n>>31&1 != 0, formats(n>>32)
	a.known = known
}

// commits tells of a statement whether it ends a transaction, and not by ROLLBACK: PREPARE may be PREPARE TRANSACTION.
func commits(operation string) bool {
	return operation == "COMMIT" || operation == "END" || operation == "PREPARE"
}

// shape is what rows look like: columns as in RowDescription.
type shape struct {
	columns []byte
	bound   bool // formats are those of the Bind, not of the columns
}

// shape is what the rows of the answer look like.
func (d *dialog) shape() shape {
	if a := &d.now.ask; a.kind == asksExecute && d.statements.only == nil {
		if s := d.statements.of(a.ref); s != nil && len(s.columns) > 0 {
			return shape{s.columns, true}
		}
	}
	return d.row
}

// columnSize is how many bytes follow a column's name in RowDescription.
const columnSize = 18

// column reads the next column's name, type and format. Beyond those that are known all are the same.
func (s *shape) column() (name string, oid uint32, format int16) {
	n := bytes.IndexByte(s.columns, 0)
	if n < 0 || len(s.columns) < n+1+columnSize {
		s.columns = nil
		return "value", 0, 0
	}
	name = view(s.columns[:n])
	b := s.columns[n+1:]
	s.columns = b[columnSize:]
	return name, binary.BigEndian.Uint32(b[6:]), int16(binary.BigEndian.Uint16(b[16:]))
}

func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// waits are messages of the extended protocol that wait for their answers, in order, with the Syncs between them.
type waits struct {
	list   []wait
	head   int
	blind  bool   // what was lost may have been among them: nothing is noted until the server is ready
	since  uint64 // the last statement before that
	failed bool   // one asked for since may have failed
}

type wait struct {
	kind byte // Parse, Describe, Close; Sync for whatever ends with ReadyForQuery
	ref  ref
}

func (w *waits) push(kind byte, r ref, t *statements) {
	if len(w.list)-w.head == maxWaits {
		w.lose(t)
	}
	switch {
	case w.blind:
		t.settle(wait{kind, r})
	default:
		if w.head > 0 && len(w.list) == cap(w.list) && w.head >= len(w.list)/2 { // else more memory: moving costs as much as there is
			w.list = append(w.list[:0], w.list[w.head:]...)
			w.head = 0
		}
		w.list = append(w.list, wait{kind, r})
	}
}

// next tells whether the next answer is to a message of a kind, and which statement it speaks of.
func (w *waits) next(kind byte) (ref, bool) {
	if w.head < len(w.list) && w.list[w.head].kind == kind {
		return w.list[w.head].ref, true
	}
	return 0, false
}

func (w *waits) empty() bool { return w.head == len(w.list) }

func (w *waits) pop() {
	if w.head++; w.head == len(w.list) {
		w.list, w.head = w.list[:0], 0
	}
}

// fail says that the server answers nothing up to the next Sync: what it was to prepare there is not.
func (w *waits) fail(t *statements) {
	for w.head < len(w.list) && w.list[w.head].kind != typeSync {
		if e := w.list[w.head]; e.kind == typeParse {
			t.close(e.ref)
		}
		w.pop()
	}
}

// ready says that the server is. It tells whether that was waited for.
func (w *waits) ready(t *statements) (awaited bool) {
	w.fail(t)
	if awaited = !w.empty(); awaited {
		w.pop()
	}
	if w.blind && !w.failed {
		t.trust(w.since)
	}
	w.blind = false
	return awaited
}

// lose forgets all.
func (w *waits) lose(t *statements) {
	for _, e := range w.list[w.head:] {
		t.settle(e)
	}
	if w.failed = w.blind; !w.blind {
		w.since = t.seq
	}
	w.list, w.head, w.blind, t.unseen = w.list[:0], 0, true, true
}
