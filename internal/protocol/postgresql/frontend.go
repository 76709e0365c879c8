package postgresql

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"math"
	"strconv"
	"strings"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/sqltext"
	"github.com/dbtap/dbtap/internal/wire"
)

// request describes the body of a message of the client.
func (d *dialog) request(kind byte, c *wire.Cursor, m *l7.Message) {
	switch kind {
	case typeQuery:
		d.query(c, m)
	case typeParse:
		d.parse(c, m)
	case typeBind:
		d.bound(c, m)
	case typeDescribe, typeClose:
		d.describe(kind, c, m)
	case typeExecute:
		d.execute(c, m)
	case typeSync:
		d.sync(m)
	case typeFunctionCall:
		d.call(c, m)
	case typePassword:
		d.show(c, m)
	case typeCopyFail:
		m.Role = l7.Feed
		c.Classify(wire.Value)
		c.CString("error")
		c.Classify(wire.Structure)
	case typeCopyDone:
		m.Role = l7.Feed
	case typeCopyData: // its header is cut
		m.Role = l7.Feed
		c.Skip("data", c.Left(), nil)
	}
}

// session states what is known of the connection.
func (d *dialog) session(m *l7.Message) {
	m.SetBytes(record.User, d.user)
	m.SetBytes(record.Namespace, d.db)
	m.SetBytes(record.App, d.app)
}

// quotes says how a text is read, the beginning of one if it was cut.
func (d *dialog) quotes(cut bool) sqltext.Dialect {
	q := d.dialect
	if d.changing {
		q |= unsaid
	}
	if cut {
		q |= sqltext.Partial
	}
	return q
}

// changes tells whether the statement that was read may change how texts are quoted. Ends of transactions take settings back.
func changes(s *sqltext.Statement, cut bool) bool {
	switch s.Operation {
	case "SET", "RESET", "DISCARD", "DO", "EXECUTE", "COMMIT", "END", "ROLLBACK", "ABORT", "PREPARE":
		return true
	case "UPDATE":
		if endsWith(s.Target, "pg_settings") {
			return true
		}
	}
	if cut || s.Statements > 1 {
		return true
	}
	for b := s.Normal; ; {
		before, behind, call := bytes.Cut(b, []byte("("))
		if !call || endsWith(bytes.TrimRight(before, " "), "set_config") {
			return call
		}
		b = behind
	}
}

// endsWith tells whether a name ends with another one, quoted or in any case.
func endsWith(name []byte, with string) bool {
	name = bytes.TrimSuffix(name, []byte{'"'})
	n := len(name) - len(with)
	return n >= 0 && strings.EqualFold(view(name[n:]), with)
}

// The types of SQL text, by the bits of a dialect from Backslash on: how the session escapes quotes.
var sqlTypes = func() (list [16]*wire.Type) {
	for i := range list {
		list[i] = l7.SQLType(sqltext.PostgreSQL | sqltext.Dialect(i)*sqltext.Backslash)
	}
	return list
}()

// statementText reads SQL up to its NUL. Of text that was cut it returns the beginning. last: nothing stands behind it.
func (d *dialog) statementText(c *wire.Cursor, m *l7.Message, last bool) (sql []byte, cut bool) {
	was := c.Classify(wire.Value)
	rest := c.Rest()
	cut = len(rest) < c.Left() && bytes.IndexByte(rest, 0) < 0
	switch {
	case cut && last:
		m.Doubts |= record.Cut
		c.SkipText("query", c.Left())
		sql = rest
	case cut:
		c.CString("query")
		sql = rest
	default:
		sql = c.CString("query")
	}
	c.Typed(sqlTypes[d.quotes(cut)/sqltext.Backslash])
	c.Classify(was)
	return sql, cut
}

// read reads a statement and states what it is; of text that was cut only what its end cannot change.
func (d *dialog) read(m *l7.Message, sql []byte, cut bool) {
	s := &m.SQL
	s.Read(sql, d.quotes(cut))
	d.now.changes = changes(s, cut)
	if !cut || len(s.Normal) > len(s.Operation) {
		m.SetText(record.Operation, cmp.Or(s.Operation, "QUERY")) // an empty text has no statement
	}
	normal := s.Normal
	if cut {
		normal = nil // of which there is no fingerprint
	}
	m.SetQuery(d.shown(m, sql, cut), normal)
	if !cut || s.Certain {
		m.SetBytes(record.Target, s.Target)
	}
	if !cut {
		m.SetBytes(record.Summary, s.Summary)
		m.SetBytes(record.TraceID, s.TraceID)
		m.SetBytes(record.SpanID, s.SpanID)
	}
}

// shown is sql, which was just read, as the user wants to see it. It notes whether that may hold a secret.
func (d *dialog) shown(m *l7.Message, sql []byte, cut bool) []byte {
	if !m.Values() {
		return m.SQL.Normal
	}
	at := len(m.Scratch)
	m.Scratch, d.now.ask.guarded = sqltext.AppendShown(m.Scratch, sql, d.quotes(cut), maxNormal)
	d.now.ask.guarded = d.now.ask.guarded || cut
	return m.Scratch[at:]
}

func (d *dialog) query(c *wire.Cursor, m *l7.Message) {
	m.Role, m.Fence = l7.Request, true
	d.session(m)
	m.SetAttributeText(attrMode, "simple")
	a := ask{kind: asksQuery, turn: d.turn}
	d.now.changes = true
	if sql, cut := d.statementText(c, m, true); sql != nil {
		d.read(m, sql, cut)
		switch m.SQL.Operation {
		case "DEALLOCATE":
			a.ref = d.statements.find(deallocated(m.SQL.Normal))
		case "BASE_BACKUP":
			a.backup = true
		}
		d.now.unseen = m.SQL.Operation == "PREPARE"
		a.commits = commits(m.SQL.Operation)
		a.guarded = d.now.ask.guarded
	}
	m.Leaves = a.pack()
}

// deallocated is the name in DEALLOCATE PREPARE name: in lower case unless it is quoted.
func deallocated(normal []byte) []byte {
	const prepare = "PREPARE "
	name := bytes.TrimPrefix(normal, []byte("DEALLOCATE "))
	if n := len(prepare); len(name) > n && strings.EqualFold(view(name[:n]), prepare) {
		name = name[n:]
	}
	if n := len(name); n > 1 && name[0] == '"' && name[n-1] == '"' {
		return bytes.ReplaceAll(name[1:n-1], []byte(`""`), []byte(`"`))
	}
	return bytes.ToLower(name)
}

func (d *dialog) parse(c *wire.Cursor, m *l7.Message) {
	d.now.ask = ask{kind: asksParts, turn: d.turn}
	m.Role, m.Leaves = l7.Part, d.now.ask.pack()
	m.SetText(record.Operation, "PARSE")
	d.now.name = c.CString("statement")
	sql, cut := d.statementText(c, m, false)
	if sql == nil {
		d.now.unseen = true
		return
	}
	d.now.stated, d.now.cut, d.now.again = true, cut, -1
	if len(d.now.name) == 0 && !cut {
		d.now.hash = maphash.Bytes(seed, sql)&^math.MaxUint8 | uint64(d.quotes(false))
		d.now.again = d.statements.again(d.now.hash)
	}
	if at := d.now.again; at >= 0 {
		s := &d.statements.list[d.statements.free[at]]
		d.now.ask.guarded, d.now.changes = s.hidden, s.changes
	} else {
		d.prepared(m, sql, cut)
	}
	m.Leaves = d.now.ask.pack()
	n := int(c.Int16BE("parameter_count"))
	c.Detail()
	d.now.raw = typesOf(c, n)
	g := c.Group("parameter_types")
	for range n {
		if c.Err() != nil {
			break
		}
		c.Uint32BE("type_oid")
		c.Enum(typeNames)
	}
	c.End(g)
}

// prepared reads the text of a Parse.
func (d *dialog) prepared(m *l7.Message, sql []byte, cut bool) {
	m.SQL.Read(sql, d.quotes(cut))
	d.now.unseen, d.now.changes = m.SQL.Operation == "PREPARE", changes(&m.SQL, cut)
	if m.Values() {
		d.now.value = d.shown(m, sql, cut)
	}
	m.SetBytes(record.TraceID, m.SQL.TraceID)
	m.SetBytes(record.SpanID, m.SQL.SpanID)
}

// seed is that of the hashes by which a text is known that was read before.
var seed = maphash.MakeSeed()

// typesOf is the n types of parameters that come next, as far as they were kept.
func typesOf(c *wire.Cursor, n int) []byte {
	b := c.Rest()
	return b[:max(0, min(4*n, len(b), maxColumns))/4*4]
}

// bound describes a Bind.
func (d *dialog) bound(c *wire.Cursor, m *l7.Message) {
	m.Role, m.Leaves = l7.Part, ask{kind: asksParts, turn: d.turn}.pack()
	m.SetText(record.Operation, "PARSE")
	d.now.portal = short(c.CString("portal"))
	d.now.name = c.CString("statement")
	if d.now.unseen = c.Err() != nil; !d.now.unseen {
		d.now.ask.ref = d.statements.find(d.now.name)
	}
	s := d.statements.of(d.now.ask.ref)
	if s == nil {
		m.SetAttributeBytes(attrStatement, d.now.name)
	}
	codes := formatCodes(c, "parameter_format_count", "parameter_formats")
	n := c.Int16BE("parameter_count")
	c.Detail()
	g := c.Group("parameters")
	var types []byte
	if s != nil {
		types = s.params
	}
	secret := -1 // not known yet
	var list *l7.Parameters
	if m.Values() && s != nil && !s.hidden && !s.secret() {
		all := m.Parameters()
		list = &all
	}
	for i := range int(n) {
		if c.Err() != nil {
			break
		}
		size := int(c.Int32BE("length"))
		c.Detail()
		if size < 0 {
			value(c, parameterName(i), size, 0, 0)
			list.Word("null")
			continue
		}
		was := c.Cut()
		f := c.Limit("length", size, 0)
		if b := c.Rest(); list != nil && len(b) < size {
			list.Word(`"(cut)"`)
		} else if list != nil {
			oid, format := parameterType(i, types, codes)
			listed(list, b[:size], oid, format)
		}
		if !c.Elide() {
			if secret < 0 {
				secret = int(flag(s.secret()))
			}
			parameter(c, i, size, types, codes, secret == 1)
		}
		c.Leave(f)
		c.Forgive(was)
	}
	c.End(g)
	list.State(attrParameters)
	b := c.Rest()
	if results := formatCodes(c, "result_format_count", "result_formats"); c.Err() == nil && len(b) >= 2 {
		d.now.ask.formats = readFormats(results)
	}
}

// parameter describes the value of a parameter, counted from 0.
func parameter(c *wire.Cursor, i, size int, types, codes []byte, secret bool) {
	name := parameterName(i)
	if secret {
		c.Classify(wire.Secret)
		c.Skip(name, size, nil)
		c.Classify(wire.Structure)
		return
	}
	oid, format := parameterType(i, types, codes)
	value(c, name, size, oid, format)
}

// parameterType is the type of a parameter, counted from 0, as far as it is known, and its format.
func parameterType(i int, types, codes []byte) (oid uint32, format int16) {
	if len(types) >= 4*i+4 {
		oid = binary.BigEndian.Uint32(types[4*i:])
	}
	switch n := len(codes) / 2; {
	case n == 1:
		format = int16(codes[1])
	case i < n:
		format = int16(codes[2*i+1])
	}
	return oid, format
}

// parameterNames are those of the first parameters.
var parameterNames = func() (list [64]string) {
	for i := range list {
		list[i] = "$" + strconv.Itoa(i+1)
	}
	return list
}()

// parameterName is what SQL calls a parameter, counted from 0.
func parameterName(i int) string {
	if i < len(parameterNames) {
		return parameterNames[i]
	}
	return "$" + strconv.Itoa(i+1)
}

// formatCodes describes a list of format codes, and lends them as far as they were kept.
func formatCodes(c *wire.Cursor, count, name string) []byte {
	n := int(c.Int16BE(count))
	c.Detail()
	b := c.Rest()
	b = b[:max(0, min(2*n, len(b)))/2*2]
	g := c.Group(name)
	for range n {
		if c.Err() != nil {
			break
		}
		c.Int16BE("format")
		c.Enum(formatNames)
	}
	c.End(g)
	return b
}

var formatNames = wire.Enum{0: "text", 1: "binary"}

var objectNames = wire.Enum{'S': "statement", 'P': "portal"}

// describe describes a Describe or a Close: of a statement or a portal.
func (d *dialog) describe(kind byte, c *wire.Cursor, m *l7.Message) {
	m.Role, m.Leaves = l7.Part, ask{kind: asksParts, turn: d.turn}.pack()
	m.SetText(record.Operation, "CLOSE")
	if kind == typeDescribe {
		m.SetText(record.Operation, "DESCRIBE")
	}
	d.now.what = c.Uint8("object")
	c.Enum(objectNames)
	name := c.CString(cmp.Or(objectNames[uint64(d.now.what)], "name"))
	d.now.unseen = c.Err() != nil
	switch d.now.what {
	case 'S':
		d.now.name = name
		d.now.ask.ref = d.statements.find(name)
	case 'P':
		d.now.portal = short(name)
		d.now.ask.ref = d.portal(d.now.portal).ref
	default:
		c.Fail("object", "neither a statement nor a portal")
	}
}

func (d *dialog) execute(c *wire.Cursor, m *l7.Message) {
	m.Role = l7.Request
	name := c.CString("portal")
	c.Uint32BE("max_rows")
	p := d.portal(short(name))
	if c.Err() != nil {
		p = portal{}
		m.Doubts |= record.PreparedUnseen
	}
	d.extended(m, asksExecute, p, "EXECUTE", name)
}

// extended states what is asked of a statement in the extended protocol. operation stands for the statement's where that is
// not known, or was not executed.
func (d *dialog) extended(m *l7.Message, kind kind, p portal, operation string, portal []byte) {
	d.session(m)
	m.SetAttributeText(attrMode, "extended")
	m.SetText(record.Operation, operation)
	a := ask{kind: kind, turn: d.turn, ref: p.ref, formats: p.formats}
	m.SetAttributeBytes(attrPortal, portal)
	s := d.statements.of(p.ref)
	d.now.changes = kind == asksExecute && (s == nil || s.changes)
	if s != nil {
		a.guarded = s.hidden
		m.SetAttributeBytes(attrStatement, s.text(textName))
		if kind == asksExecute {
			m.SetBytes(record.Operation, s.text(textOperation))
			m.SetBytes(record.Summary, s.text(textSummary))
			a.commits = commits(view(s.text(textOperation)))
		}
		m.SetBytes(record.Target, s.text(textTarget))
		if s.cut || s.suspect {
			m.Doubts |= record.PreparedUnseen // in part, or another one's text
		}
		normal := s.text(textNormal)
		shown := s.text(textShown)
		if len(shown) == 0 {
			shown = normal
		}
		if s.cut || len(normal) == maxNormal {
			normal = nil // of which there is no fingerprint
		}
		m.SetQuery(shown, normal)
	} else if d.statements.unseen || len(portal) > 0 && !p.known { // else the client made a mistake
		m.Doubts |= record.PreparedUnseen
	}
	m.Leaves = a.pack()
}

// sync describes a Sync: the end of a group of messages, which are a request by themselves if none of them is an Execute.
func (d *dialog) sync(m *l7.Message) {
	m.Fence = true
	switch {
	case len(d.now.before) > 0: // the Execute
	case d.sending.data || d.sending.early:
		m.Role, m.Fence = l7.Feed, false
		d.now.ignored = true
	case d.group == 0:
		m.Role = l7.Part
	default:
		m.Role = l7.Request
		operation := "CLOSE"
		switch {
		case d.group&parses != 0:
			operation = "PARSE"
		case d.group&describes != 0:
			operation = "DESCRIBE"
		}
		d.extended(m, asksSync, portal{ref: d.about}, operation, nil)
	}
}

func (d *dialog) call(c *wire.Cursor, m *l7.Message) {
	m.Role, m.Fence, m.Leaves = l7.Request, true, ask{kind: asksFunction, turn: d.turn}.pack()
	d.session(m)
	m.SetText(record.Operation, "FUNCTION CALL")
	d.now.changes = true
	c.Uint32BE("function_oid")
	codes := formatCodes(c, "argument_format_count", "argument_formats")
	n := c.Int16BE("argument_count")
	c.Detail()
	g := c.Group("arguments")
	for i := range int(n) {
		if c.Err() != nil {
			break
		}
		size := int(c.Int32BE("length"))
		c.Detail()
		if size < 0 {
			value(c, parameterName(i), size, 0, 0)
			continue
		}
		was := c.Cut()
		f := c.Limit("length", size, 0)
		if !c.Elide() {
			parameter(c, i, size, nil, codes, false)
		}
		c.Leave(f)
		c.Forgive(was)
	}
	c.End(g)
	c.Int16BE("result_format")
	c.Enum(formatNames)
}
