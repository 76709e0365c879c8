package mysql

import (
	"bytes"
	"encoding/binary"
	"slices"
	"unsafe"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/sqltext"
)

// Limits of what is kept of prepared statements.
const (
	// maxStatements is how many of a connection are known at a time: clients that cache them keep some hundred. The
	// oldest goes first.
	maxStatements = 1024

	// maxStatement is how many bytes of one text are kept; a longer one has no fingerprint when it is executed.
	maxStatement = 16 << 10

	// leastText is how much memory for text each takes, so that it serves for the next.
	leastText = 512

	// maxHeld is how many bytes they may take together.
	maxHeld = 512 << 10

	// maxPreparing is how many PREPAREs may wait for their answers: pipelines are short.
	maxPreparing = 64

	// freeStatements is how many of those that are closed are kept for the next.
	freeStatements = 32

	// freeStatement is how many bytes such a one may take.
	freeStatement = 2 << 10

	// maxParameters is of how many parameters more is remembered than their number: it has to fit into a context.
	maxParameters = 1024

	// latest is how MariaDB's clients name the statement that was prepared last, whose number they may not know yet.
	latest = 0xFFFFFFFF
)

// sentence is what a record says of a SQL text.
type sentence struct {
	operation, target, summary string
	shown, normal              []byte
	cut                        bool    // the text goes on
	data                       bool    // it reads or writes rows, and ends no transaction even when it fails
	guarded                    bool    // it holds a secret, which an error may quote to those who see values
	names                      bool    // literals stand where columns may be named by them
	quoting                    quoting // what it says of how the client quotes
}

// tell states a sentence that is executed.
func (s *sentence) tell(m *l7.Message) {
	m.SetText(record.Operation, s.operation)
	m.SetText(record.Summary, s.summary)
	s.show(m)
}

// show states a sentence, but not that it is executed.
func (s *sentence) show(m *l7.Message) {
	m.SetText(record.Target, s.target)
	if s.cut {
		m.SetQuery(s.shown, nil)
	} else {
		m.SetQuery(s.shown, s.normal)
	}
	if s.guarded {
		m.Leaves |= leavesGuarded
	}
	if s.data {
		m.Leaves |= leavesData
	}
	if s.names {
		m.Leaves |= leavesNames
	}
	m.Leaves |= uint64(s.quoting) << leavesQuoting
}

// statement is a prepared one.
type statement struct {
	id       uint32
	serial   uint32 // of its PREPARE, among those of the connection
	sentence        // its text lies in memory
	memory   []byte
	prepared
	unsure  bool    // its answer may be another's: bytes were lost while it waited
	columns columns // of its result, as far as they are known
	count   int32   // how many there are
}

// prepared is what has to be known of a statement to read what is executed of it.
type prepared struct {
	seen   bool
	secret bool // values of parameters may be what nobody may see
	params int
	types  []byte // of the parameters, two bytes each, once the client told them
	long   []byte // a bit for each parameter whose value came as long data
}

// Bits of a context beside the number of bytes for types.
const (
	preparedSecret = 1 << 14
	preparedSeen   = 1 << 15
)

// append appends p to a context.
func (p *prepared) append(dst []byte) []byte {
	n := uint16(len(p.types))
	if p.secret {
		n |= preparedSecret
	}
	if p.seen {
		n |= preparedSeen
	}
	if n == 0 {
		return dst
	}
	dst = binary.LittleEndian.AppendUint16(dst, uint16(p.params))
	dst = binary.LittleEndian.AppendUint16(dst, n)
	return append(append(dst, p.types...), p.long...)
}

// read takes what append appended.
func (p *prepared) read(b []byte) {
	if len(b) < 4 {
		return
	}
	n := int(little(b[2:4]))
	p.params, p.seen, p.secret = int(little(b[:2])), n&preparedSeen != 0, n&preparedSecret != 0
	b = b[4:]
	n = min(n&(preparedSecret-1), len(b))
	p.types, p.long = b[:n], b[n:]
}

// isLong tells whether the value of parameter i came as long data.
func (p *prepared) isLong(i int) bool { return i/8 < len(p.long) && p.long[i/8]>>(i%8)&1 != 0 }

// size is about how many bytes it takes.
func (s *statement) size() int {
	return int(unsafe.Sizeof(*s)) + cap(s.memory) + cap(s.types) + cap(s.long) + cap(s.columns)
}

// keep copies what a record says of the statement.
func (s *statement) keep(from *sentence) {
	shown, normal := from.shown[:min(len(from.shown), maxStatement)], from.normal[:min(len(from.normal), maxStatement)]
	total := len(shown) + len(normal) + len(from.operation) + len(from.target) + len(from.summary)
	b := slices.Grow(s.memory[:0], max(total, leastText))
	text := func(t string) string {
		at := len(b)
		b = append(b, t...)
		return view(b[at:])
	}
	s.sentence = *from
	s.normal = []byte(nil)
	s.operation, s.target, s.summary = text(from.operation), text(from.target), text(from.summary)
	at := len(b)
	b = append(b, normal...)
	s.normal = b[at:len(b):len(b)]
	s.cut = s.cut || len(from.normal) > maxStatement
	if s.shown = s.normal; unsafe.SliceData(shown) != unsafe.SliceData(normal) {
		at = len(b)
		b = append(b, shown...)
		s.shown = b[at:len(b):len(b)]
	}
	s.memory = b
}

// view is b as a string, which stays borrowed.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// statements are those of a connection.
type statements struct {
	list      []*statement // by their ids; servers count upwards, so the oldest are first
	preparing []*statement // whose answers have not come, in order
	last      *statement   // prepared last
	making    *statement   // whose columns are being defined
	free      []*statement
	held      int // bytes, of those in free too
	serial    uint32
	unseen    bool // the server may have others: not all was seen, or some are forgotten
}

// find returns the statement with an id, or nil.
func (s *statements) find(id uint32) *statement {
	if id == latest {
		return s.last
	}
	if i, ok := s.place(id); ok {
		return s.list[i]
	}
	return nil
}

func (s *statements) place(id uint32) (int, bool) {
	return slices.BinarySearchFunc(s.list, id, func(x *statement, id uint32) int { return int(int64(x.id) - int64(id)) })
}

// prepare notes that a statement is asked for, whether an answer may be another's, and whether its parameters may be secrets.
// Its answer brings the serial back.
func (s *statements) prepare(text *sentence, unsure, secret bool) {
	s.evict(nil)
	for len(s.preparing) == maxPreparing || s.held > maxHeld && len(s.preparing) > 0 {
		s.unseen = true
		s.forget(s.preparing[0])
		s.preparing = slices.Delete(s.preparing, 0, 1)
	}
	var x *statement
	if n := len(s.free); n > 0 {
		x, s.free = s.free[n-1], s.free[:n-1]
		s.held -= x.size()
	} else {
		x = &statement{}
	}
	x.serial = s.serial
	s.serial++
	x.keep(text)
	x.unsure, x.secret = unsure, secret
	x.guarded = x.guarded || secret
	s.held += x.size()
	s.preparing = append(s.preparing, x)
	s.last = x
}

// answered takes the statement with a serial from those that wait, nil if it is not there. Those before it have lost
// their answers.
func (s *statements) answered(serial uint32) *statement {
	for len(s.preparing) > 0 {
		x := s.preparing[0]
		s.preparing = slices.Delete(s.preparing, 0, 1)
		if x.serial == serial {
			return x
		}
		s.forget(x)
		s.unseen = true
	}
	s.unseen = true
	return nil
}

// doubt notes that bytes of the server are missing: the answers to what waits may be to something else.
func (s *statements) doubt() {
	for _, x := range s.preparing {
		x.unsure = true
	}
}

// add makes x known by its id, if it is certain.
func (s *statements) add(x *statement) {
	if x.unsure {
		s.close(x.id)
		s.forget(x)
		s.unseen = true
		return
	}
	i, ok := s.place(x.id)
	if ok {
		s.forget(s.list[i])
		s.list[i] = x
	} else {
		s.list = slices.Insert(s.list, i, x)
	}
	s.evict(x)
}

// evict forgets the oldest that are known by their ids, but not x, as long as they are too many or too large.
func (s *statements) evict(x *statement) {
	for i := 0; i < len(s.list) && (len(s.list) > maxStatements || s.held > maxHeld); {
		if old := s.list[i]; old == x {
			i++
		} else {
			s.close(old.id)
			s.unseen = true
		}
	}
}

// close forgets the statement with an id.
func (s *statements) close(id uint32) {
	if i, ok := s.place(id); ok {
		s.forget(s.list[i])
		s.list = slices.Delete(s.list, i, i+1)
	}
}

// clear forgets all of them.
func (s *statements) clear() {
	for _, x := range s.list {
		s.forget(x)
	}
	for _, x := range s.preparing {
		s.forget(x)
	}
	clear(s.list)
	clear(s.preparing)
	s.list, s.preparing, s.last = s.list[:0], s.preparing[:0], nil
}

// change lets x become larger or smaller.
func (s *statements) change(x *statement, change func()) {
	s.held -= x.size()
	change()
	s.held += x.size()
}

// learn notes the columns of x, which may be nil.
func (s *statements) learn(x *statement, l columns, count int32) {
	if x != nil {
		s.change(x, func() { x.columns, x.count = append(x.columns[:0], l...), count })
	}
}

// forget lets go of x.
func (s *statements) forget(x *statement) {
	s.held -= x.size()
	if s.last == x {
		s.last = nil
	}
	if s.making == x {
		s.making = nil
	}
	if len(s.free) < freeStatements && x.size() <= freeStatement {
		*x = statement{memory: x.memory[:0], prepared: prepared{types: x.types[:0], long: x.long[:0]}, columns: x.columns[:0]}
		s.free = append(s.free, x)
		s.held += x.size()
	}
}

// read makes a sentence of SQL: what m.SQL finds in it. whole tells that it does not go on.
func (d *dialog) read(m *l7.Message, sql []byte, dialect sqltext.Dialect, whole bool) *sentence {
	m.SQL.Read(sql, dialect)
	s := &d.now.sentence
	*s = sentence{shown: m.SQL.Normal, normal: m.SQL.Normal, cut: !whole}
	list, _, _ := bytes.Cut(m.SQL.Normal, []byte(" FROM "))
	list, _, _ = bytes.Cut(list, []byte(" LIMIT "))
	s.names = !whole || m.SQL.Statements != 1 || bytes.IndexByte(list, '?') >= 0
	data, quiet := false, false // quiet: it says nothing of quotes
	switch m.SQL.Operation {
	case "SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE":
		data = m.SQL.Statements == 1 && !m.SQL.Cut
		quiet = m.SQL.Statements == 1 && (data || !whole)
	case "SHOW":
		quiet = m.SQL.Statements == 1
	}
	quiet = quiet && (whole || d.known && d.caps&capMultiStatements == 0)
	switch {
	case quiet:
	case whole:
		s.quoting = quotingOf(sql)
	default:
		s.quoting = multibyte | moded // which may be said in what is missing
	}
	if whole || m.SQL.Certain {
		s.target = view(m.SQL.Target)
	}
	if whole {
		s.operation, s.summary, s.data = m.SQL.Operation, view(m.SQL.Summary), data
	} else if len(m.SQL.Normal) > len(m.SQL.Operation) { // the word itself does not go on
		s.operation = m.SQL.Operation
	}
	if m.Values() {
		at := len(m.Scratch)
		m.Scratch, s.guarded = sqltext.AppendShown(m.Scratch, sql, dialect, maxShown)
		s.guarded = s.guarded || !whole
		s.shown = m.Scratch[at:]
	}
	return s
}

// maxShown is how much of a text is shown: more than a record takes.
const maxShown = 20 << 10
