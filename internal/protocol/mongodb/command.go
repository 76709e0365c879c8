package mongodb

import (
	"bytes"
	"strconv"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/wire"
)

// kindOfCommand says how the answer to a command counts.
func kindOfCommand(name []byte) kind {
	switch string(name) {
	case "insert", "delete":
		return insert
	case "update":
		return update
	case "findAndModify", "findandmodify":
		return modify
	case "bulkWrite":
		return bulk
	case "saslStart", "saslContinue":
		return sasl
	}
	return plain
}

// command describes a command as a group.
func (d *dialog) command(c *wire.Cursor, name string, m *l7.Message) {
	g := c.Group(name)
	d.elements(c, m, false)
	c.End(g)
}

// elements describes the document of a command: its first key is its name. wrapped: it is the value of $query.
func (d *dialog) elements(c *wire.Cursor, m *l7.Message, wrapped bool) {
	d.query.body = c.Rest()
	var mechanism, payload []byte
	doc := open(c, true, true)
	for first := true; doc.next(); first = false {
		if first {
			op := m.Text(record.Operation)
			switch {
			case op != "" && op != string(doc.key):
				d.now.trust |= guarded // arguments that do not begin with their command's name
			case (string(doc.key) == "$query" || string(doc.key) == "query") && doc.typ == typeDocument && !wrapped:
				d.elements(c, m, true) // a command of old
				continue
			default:
				d.name(&doc, m)
				doc.guard = d.guarded()
				continue
			}
		}
		switch string(doc.key) {
		case "$db":
			m.SetBytes(record.Namespace, doc.text())
		case "collection":
			if m.Text(record.Operation) != "getMore" {
				doc.skip()
				continue
			}
			s := doc.text()
			m.SetBytes(record.Target, s)
			if system(s) {
				d.now.trust |= guarded
			}
		case "txnNumber":
			if n, ok := doc.number(); ok {
				m.SetAttribute(attrTxnNumber, n)
			}
		case "comment":
			comment(&doc, m)
		case "client":
			if handshake(m.Text(record.Operation)) {
				d.client(&doc, m)
			} else {
				doc.skip()
			}
		case "mechanism":
			if d.now.kind == sasl {
				mechanism = doc.word("_-")
			} else {
				doc.skip()
			}
		case "payload":
			payload = secretBytes(&doc)
		case "pwd", "digestPassword":
			doc.hide()
		case "speculativeAuthenticate":
			d.speculative(&doc, m)
		case "user":
			if m.Text(record.Operation) == "authenticate" {
				d.now.user = doc.text()
			} else {
				doc.skip()
			}
		case "nsInfo":
			if sub, ok := doc.document(); ok {
				for first := true; sub.next(); first = false {
					c.Index()
					if e, ok := sub.document(); ok {
						e.flat = false
						d.namespaceOf(&e, m, first)
					}
				}
			}
		default:
			doc.skip()
		}
	}
	d.authentication(mechanism, payload, m)
}

// name reads the first element of a command.
func (d *dialog) name(doc *document, m *l7.Message) {
	m.SetBytes(record.Operation, doc.key)
	d.now.kind = kindOfCommand(doc.key)
	d.now.sasl = d.now.kind == sasl || string(doc.key) == "authenticate"
	is := traitsOf(doc.key)
	d.trust(is)
	switch {
	case doc.typ == typeString && is&names != 0:
		s := doc.text()
		m.SetBytes(record.Target, s)
		d.query.named = true
		if system(s) {
			d.now.trust |= guarded
		}
	case string(doc.key) == "getMore":
		if n, ok := doc.number(); ok {
			m.SetAttribute(attrCursorID, n)
		}
	case string(doc.key) == "explain" && doc.typ == typeDocument:
		sub, _ := doc.document()
		for first := true; sub.next(); first = false {
			if !first {
				sub.skip()
				continue
			}
			is := traitsOf(sub.key)
			d.trust(is)
			if sub.typ != typeString || is&names == 0 {
				sub.skip()
			} else {
				s := sub.text()
				if m.SetBytes(record.Target, s); system(s) {
					d.now.trust |= guarded
				}
			}
			sub.guard = d.guarded()
		}
	case string(doc.key) == "aggregate": // of a whole database or server
		d.now.trust |= guarded
		doc.skip()
	default:
		doc.skip()
	}
}

// handshake tells whether a command begins a connection.
func handshake(name string) bool { return name == "hello" || name == "isMaster" || name == "ismaster" }

// nsInfo describes the namespaces of a bulkWrite: the first is its target.
func (d *dialog) nsInfo(c *wire.Cursor, m *l7.Message) {
	for first := true; c.More(); first = false {
		g := c.Group("document")
		c.Index()
		sub := open(c, false, false)
		d.namespaceOf(&sub, m, first)
		c.End(g)
	}
}

func (d *dialog) namespaceOf(doc *document, m *l7.Message, first bool) {
	for doc.next() {
		if string(doc.key) != "ns" {
			doc.skip()
			continue
		}
		if ns := doc.text(); first {
			if _, coll, ok := bytes.Cut(ns, []byte(".")); ok {
				ns = coll
			}
			m.SetBytes(record.Target, ns)
		}
	}
}

// client reads the metadata of a handshake.
func (d *dialog) client(doc *document, m *l7.Message) {
	sub, ok := doc.document()
	if !ok {
		return
	}
	for sub.next() {
		part := string(sub.key)
		if part != "application" && part != "driver" {
			sub.skip()
			continue
		}
		in, ok := sub.document()
		if !ok {
			continue
		}
		var name, version []byte
		for in.next() {
			switch string(in.key) {
			case "name":
				name = in.text()
			case "version":
				version = in.text()
			default:
				in.skip()
			}
		}
		if part == "application" {
			d.now.app = name
			continue
		}
		if in.c.Cut() != nil {
			continue // the version may be in what was cut
		}
		at := len(m.Scratch)
		m.Scratch = append(m.Scratch, name[:min(len(name), maxName)]...)
		if len(version) > 0 {
			m.Scratch = append(m.Scratch, ' ')
			m.Scratch = append(m.Scratch, version[:min(len(version), maxName)]...)
		}
		m.SetAttributeBytes(attrDriver, m.Scratch[at:])
	}
}

// speculative reads the authentication that a handshake begins.
func (d *dialog) speculative(doc *document, m *l7.Message) {
	doc.guard = true // also if it is no document
	sub, ok := doc.document()
	if doc.guard = d.guarded(); !ok {
		return
	}
	var mechanism, payload []byte
	for sub.next() {
		switch string(sub.key) {
		case "mechanism":
			mechanism = sub.word("_-")
		case "payload":
			payload = secretBytes(&sub)
		default:
			sub.skip()
		}
	}
	d.authentication(mechanism, payload, m)
}

// secretBytes lends a payload to find a user's name in, and shows it to nobody.
func secretBytes(doc *document) (p []byte) {
	c := doc.c
	if doc.typ != typeBinary {
		doc.hide()
		return nil
	}
	c.Classify(wire.Secret)
	n := int(c.Int32LE("length"))
	c.Detail()
	c.Uint8("subtype")
	c.Enum(subtypeNames)
	c.Detail()
	p = c.Bytes("value", n, nil)
	c.Stands()
	c.Classify(wire.Structure)
	return p
}

// authentication notes the mechanism, and who asks to be let in.
func (d *dialog) authentication(mechanism, payload []byte, m *l7.Message) {
	if len(mechanism) == 0 {
		return
	}
	m.SetAttributeBytes(attrMechanism, mechanism)
	switch {
	case bytes.HasPrefix(mechanism, []byte("SCRAM-")):
		d.now.user = scramUser(payload)
	case string(mechanism) == "PLAIN":
		// RFC 4616: authorization identity, NUL, authentication identity, NUL, password.
		if parts := bytes.SplitN(payload, []byte{0}, 3); len(parts) == 3 {
			d.now.user = parts[1]
		}
	}
}

// scramUser is the user's name in a client-first-message (RFC 5802, section 7): "n,,n=user,r=nonce".
func scramUser(p []byte) []byte {
	p = p[:min(len(p), maxName)]
	parts := bytes.SplitN(p, []byte(","), 4)
	if len(parts) < 4 || !bytes.HasPrefix(parts[2], []byte("n=")) {
		return nil
	}
	name := parts[2][2:]
	if bytes.IndexByte(name, '=') < 0 {
		return name
	}
	name = bytes.ReplaceAll(name, []byte("=2C"), []byte(","))
	return bytes.ReplaceAll(name, []byte("=3D"), []byte("="))
}

// comment looks for a trace context (W3C traceparent) in a comment: the text itself, or a field of a document.
func comment(doc *document, m *l7.Message) {
	switch doc.typ {
	case typeString:
		doc.c.Classify(wire.Value)
		s := str(doc.c)
		doc.c.Classify(wire.Structure)
		if i := bytes.Index(s, []byte("00-")); i >= 0 {
			traceparent(s[i:], m)
		}
	case typeDocument:
		sub, _ := doc.document()
		sub.flat = false
		for sub.next() {
			if string(sub.key) == "traceparent" {
				traceparent(sub.private(wire.Value), m)
			} else {
				sub.skip()
			}
		}
	default:
		doc.skip()
	}
}

// traceparent reads version 00 of the header's form: 00-TRACE-SPAN-FLAGS, in hexadecimal digits.
func traceparent(s []byte, m *l7.Message) {
	if len(s) < 55 || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return
	}
	for i, c := range s[:55] {
		if c != '-' && !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') || c == '-' && i != 2 && i != 35 && i != 52 {
			return
		}
	}
	m.SetBytes(record.TraceID, s[3:35])
	m.SetBytes(record.SpanID, s[36:52])
}

// request states what is known once a request was read to its end.
func (d *dialog) request(m *l7.Message) {
	user := d.user
	if d.now.sasl || len(d.now.user) > 0 {
		if user = d.now.user; len(user) == 0 {
			user = d.pending
		}
	}
	m.SetBytes(record.User, user)
	if m.SetBytes(record.App, d.app); len(d.now.app) > 0 {
		m.SetBytes(record.App, d.now.app)
	}
	if m.Wants(record.Query) || m.Wants(record.Fingerprint) {
		d.query.state(m, d.guarded())
	}
}

// outcome collects what an answer says of its success.
type outcome struct {
	failed   bool
	code     int64
	coded    bool
	codeName []byte
	message  []byte
}

// answer describes the document of an answer as a group.
func (d *dialog) answer(c *wire.Cursor, name string, m *l7.Message, flat bool) {
	g := c.Group(name)
	d.reply(c, m, flat)
	c.End(g)
}

// reply describes the document of an answer. flat: it is no user's document, its numbers may be shown.
func (d *dialog) reply(c *wire.Cursor, m *l7.Message, flat bool) {
	var out, first outcome // of the whole, and of its first failed write
	ok, said := int64(1), false
	counts, lost := false, false // changed documents were counted; some were not kept
	doc := open(c, flat, d.guarded())
	class := wire.Value // of what an error says
	if d.now.trust&quotable != 0 {
		class = wire.Secret
	}
	for doc.next() {
		switch string(doc.key) {
		case "ok":
			doc.flat = true // it is no user's in any answer
			ok, said = doc.number()
			doc.flat = flat
		case "cursor":
			d.cursor(&doc, m)
		case "n":
			if n, ok := doc.number(); ok {
				switch d.now.kind {
				case insert:
					d.now.counted, counts = n, true
				case update:
					m.SetAttribute(attrMatched, n)
				}
			}
		case "nModified":
			counts = d.affect(&doc, d.now.kind == update || d.now.kind == bulk) || counts
		case "nInserted", "nUpserted", "nDeleted":
			counts = d.affect(&doc, d.now.kind == bulk) || counts
		case "nMatched":
			if n, ok := doc.number(); ok && d.now.kind == bulk {
				m.SetAttribute(attrMatched, n)
			}
		case "upserted":
			if sub, ok := doc.document(); ok {
				n := int64(0)
				for ; sub.next(); n++ {
					c.Index()
					sub.skip()
				}
				lost = lost || !sub.whole
				if d.now.kind == update {
					d.now.counted, counts = d.now.counted+n, true
				}
			}
		case "lastErrorObject":
			if sub, ok := doc.document(); ok {
				for sub.next() {
					if string(sub.key) == "n" {
						counts = d.affect(&sub, d.now.kind == modify) || counts
					} else {
						sub.skip()
					}
				}
			}
		case "code":
			out.code, out.coded = doc.number()
		case "codeName":
			out.codeName = doc.word("_")
		case "errmsg":
			out.message = doc.private(class)
		case "$err", "err":
			if doc.typ == typeString {
				out.message, out.failed = doc.private(class), true
			} else {
				doc.skip()
			}
		case "writeErrors":
			d.writeErrors(&doc, m, class, &first)
		case "writeConcernError":
			if sub, ok := doc.document(); ok {
				var o outcome
				o.read(&sub, class)
				if !first.failed {
					first = o
				}
			}
		case "done":
			n, _ := doc.number()
			d.now.done = n != 0
		case "payload":
			doc.hide()
		case "speculativeAuthenticate":
			if sub, ok := doc.document(); ok {
				for sub.guard = true; sub.next(); {
					sub.skip()
				}
			}
		case "was": // what a parameter was before
			if class == wire.Secret {
				doc.hide()
			} else {
				doc.skip()
			}
		default:
			doc.skip()
		}
	}
	d.now.done = d.now.done && d.now.kind == sasl && ok != 0
	switch {
	case said && ok == 0 || out.failed:
		out.state(m, class)
		if !out.coded && !doc.whole {
			m.Status = record.Unknown // the code tells whose fault it is
		}
	case first.failed:
		first.state(m, class)
		if !first.coded && !doc.whole {
			m.Status = record.Unknown
		}
	case said && doc.whole:
		m.Status = record.OK
	}
	if counts && !lost && doc.whole {
		m.Set(record.Affected, d.now.counted)
	}
}

// affect reads a number of changed documents, and counts them if count says so.
func (d *dialog) affect(doc *document, count bool) bool {
	if n, ok := doc.number(); ok && count {
		d.now.counted += n
		return true
	}
	return false
}

// cursor reads an answer's cursor: how many documents the batch has, and whether more can be had.
func (d *dialog) cursor(doc *document, m *l7.Message) {
	sub, ok := doc.document()
	if !ok {
		return
	}
	for sub.next() {
		switch string(sub.key) {
		case "id":
			if n, ok := sub.number(); ok && n != 0 {
				m.SetAttribute(attrCursorID, n)
			}
		case "ns":
			if sub.flat {
				sub.text()
			} else {
				sub.skip()
			}
		case "firstBatch", "nextBatch":
			was := sub.c.Cut()
			batch, ok := sub.document()
			if !ok {
				continue
			}
			batch.flat = false
			n := int64(0)
			for ; batch.next(); n++ {
				sub.c.Index()
				batch.skip()
			}
			if batch.whole {
				m.Set(record.Rows, n)
			} else if d.scan.done && d.scan.size == sub.c.Size() {
				m.Set(record.Rows, int64(d.scan.count))
				sub.c.Forgive(was)
			}
		default:
			sub.skip()
		}
	}
}

// writeErrors reads the failed writes of a bulk: the first decides, the others are counted.
func (d *dialog) writeErrors(doc *document, m *l7.Message, class wire.Class, first *outcome) {
	list, ok := doc.document()
	if !ok {
		return
	}
	n := int64(0)
	for ; list.next(); n++ {
		list.c.Index()
		sub, ok := list.document()
		if !ok {
			continue
		}
		var o outcome
		if o.read(&sub, class); !first.failed {
			*first = o
		}
	}
	if n > 0 {
		m.SetAttribute(attrErrors, n)
	}
}

// read reads a document that tells of an error.
func (o *outcome) read(doc *document, class wire.Class) {
	o.failed = true
	for doc.next() {
		switch string(doc.key) {
		case "code":
			o.code, o.coded = doc.number()
		case "codeName":
			o.codeName = doc.word("_")
		case "errmsg":
			o.message = doc.private(class)
		default:
			doc.skip()
		}
	}
}

// state states an error: its code, and "codeName: errmsg".
func (o *outcome) state(m *l7.Message, class wire.Class) {
	m.Status = record.ClientError
	if serverErrors[o.code] {
		m.Status = record.ServerError
	}
	at := len(m.Scratch)
	if o.coded {
		m.Scratch = strconv.AppendInt(m.Scratch, o.code, 10)
		m.SetBytes(record.Code, m.Scratch[at:])
		at = len(m.Scratch)
	}
	name := o.codeName
	if len(name) == 0 {
		name = []byte(errorNames[o.code])
	}
	m.Scratch = append(m.Scratch, name...)
	if len(name) > 0 && len(o.message) > 0 {
		m.Scratch = append(m.Scratch, ": "...)
	}
	message := o.message[:min(len(o.message), maxError)]
	if m.Values() && class == wire.Value {
		m.Scratch = append(m.Scratch, message...)
	} else {
		m.Scratch = appendMasked(m.Scratch, message, len(o.message) > maxError)
	}
	m.SetBytes(record.Error, m.Scratch[at:])
}

// maxError is how much of an error's text is read. Servers quote whole documents at times.
const maxError = 8 << 10

// appendMasked appends an error text without what it quotes of the user's data. Texts quote in ways that cannot be
// told apart from what is quoted, so more is hidden than needs be:
//
//   - from a quotation mark or bracket everything up to the last of its kind, and of those in between; of a document
//     the first name is left: "dup key: { name: ? }";
//   - everything behind "dup key:" but the first name;
//   - words with a digit or a character that names do not have, except before the key of a duplicate key error, where
//     they are names of collections and indexes.
//
// Values that are words of letters, unquoted, cannot be known. cut: the text goes on, so that no mark is the last.
func appendMasked(dst, s []byte, cut bool) []byte {
	duplicate := bytes.HasPrefix(s, []byte("E1100"))
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == ' ' || c == '\n':
			dst = append(dst, c)
			i++
		case quotes(s, i):
			dst = appendHole(dst, s[i:])
			if cut {
				return dst
			}
			i = holeEnd(s, i)
		case bytes.HasPrefix(s[i:], dupKey):
			dst = append(append(dst, dupKey...), ' ')
			return appendHole(dst, bytes.TrimLeft(s[i+len(dupKey):], " "))
		default:
			j, plain := i, true
			for ; j < len(s) && s[j] != ' ' && s[j] != '\n' && (j == i || !quotes(s, j)); j++ {
				plain = plain && (letter(s[j]) && (s[j] < '0' || s[j] > '9') || bytes.IndexByte(plainMarks, s[j]) >= 0)
			}
			if plain || duplicate {
				dst = append(dst, s[i:j]...)
			} else {
				k := j
				for k > i && bytes.IndexByte(trailing, s[k-1]) >= 0 {
					k--
				}
				dst = append(append(dst, '?'), s[k:j]...)
			}
			i = j
		}
	}
	return dst
}

var (
	dupKey     = []byte("dup key:")
	plainMarks = []byte(".,;:!?()_$-*'") // in words, of which none is a value
	trailing   = []byte(".,;:!?)")       // behind words
)

// quotes tells whether what begins at i is quoted: an apostrophe in a word is not.
func quotes(s []byte, i int) bool {
	switch s[i] {
	case '"', '`', '{', '[':
		return true
	case '\'', '/':
		return i == 0 || !letter(s[i-1])
	}
	return false
}

// closes is what ends what c begins.
func closes(c byte) byte {
	switch c {
	case '{', '[':
		return c + 2
	}
	return c
}

// holeEnd is where what begins at i ends at the latest: behind the last mark of its kind, and of those in between.
func holeEnd(s []byte, i int) int {
	end := i + 1
	for j := i; j < end; j++ {
		switch c := s[j]; c {
		case '"', '`', '{', '[', '\'', '/':
			k := bytes.LastIndexByte(s, closes(c))
			if k <= j && (j == i || closes(c) != c) {
				return len(s) // it does not end
			}
			end = max(end, k+1)
		}
	}
	return end
}

// appendHole appends what stands for what s begins with: a quotation or a document.
func appendHole(dst, s []byte) []byte {
	if len(s) == 0 || !quotes(s, 0) {
		return append(dst, '?')
	}
	if s[0] != '{' && s[0] != '[' {
		return append(dst, s[0], '?', s[0])
	}
	dst = append(dst, s[0], ' ')
	if name := bytes.TrimLeft(s[1:], " "); s[0] == '{' {
		n := 0
		for n < len(name) && n < maxIdentifier && (letter(name[n]) || bytes.IndexByte(nameMarks, name[n]) >= 0) {
			n++
		}
		if n < len(name) && name[n] == ':' {
			dst = append(append(dst, name[:n]...), ": "...)
		}
	}
	return append(dst, '?', ' ', closes(s[0]))
}

var nameMarks = []byte("_.$") // in names of fields

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' }
