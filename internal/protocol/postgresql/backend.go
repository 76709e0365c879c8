package postgresql

import (
	"bytes"
	"slices"
	"strings"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/sqltext"
	"github.com/dbtap/dbtap/internal/wire"
)

// answer describes the body of a message of the server.
func (d *dialog) answer(kind byte, c *wire.Cursor, m *l7.Message) {
	a := &d.now.ask
	simple := a.kind == asksQuery || a.kind == asksFunction
	switch kind {
	case typeAuthentication:
		d.authenticate(c, m)
	case typeBackendKeyData:
		d.cancelKey(c, m)
		if key, ok := d.cancels(); ok {
			m.Publish(key, d.client)
		}
	case typeParameterStatus:
		d.now.name = c.CString("name")
		d.now.value = c.CString("value")
		d.now.unseen = c.Err() != nil
		if d.aside(m) {
			m.SetText(record.Operation, "PARAMETER")
			m.SetBytes(record.Target, d.now.name)
		}
	case typeNegotiate:
		c.Uint16BE("newest_major")
		c.Uint16BE("newest_minor")
		n := c.Int32BE("option_count")
		c.Detail()
		for i := int32(0); i < n && c.Err() == nil; i++ {
			c.CString("option")
		}
	case typeError, typeNotice:
		d.report(kind, c, m)
	case typeNotification:
		d.push(m)
		m.SetText(record.Operation, "NOTIFY")
		if process := c.Int32BE("process_id"); c.Err() == nil {
			m.SetAttribute(attrProcess, int64(process))
		}
		m.SetBytes(record.Target, c.CString("channel"))
		c.Classify(wire.Value)
		c.CString("payload")
		c.Classify(wire.Structure)
	case typeRowDescription:
		d.columns(c)
	case typeParameters:
		n := int(c.Int16BE("parameter_count"))
		c.Detail()
		d.now.raw = typesOf(c, n)
		for range n {
			if c.Err() != nil {
				break
			}
			c.Uint32BE("type_oid")
			c.Enum(typeNames)
		}
	case typeDataRow: // its header is cut
		c.Classify(wire.Value)
		c.Skip("values", c.Left(), nil)
		c.Classify(wire.Structure)
	case typeCopyData:
		c.Classify(wire.Value)
		c.Skip("data", c.Left(), nil)
		c.Classify(wire.Structure)
	case typeCopyIn, typeCopyOut, typeCopyBoth:
		d.copies(kind, c, m)
	case typeCommandComplete:
		d.now.name = c.CString("tag")
		d.completed(m, simple)
		d.tag(m)
	case typeEmptyQuery:
		d.completed(m, simple)
		d.result(m)
	case typePortalSuspended:
		m.More, m.Status = false, record.OK
		m.SetAttribute(attrSuspended, 1)
		m.Set(record.Rows, 0)
	case typeFunctionResponse:
		m.Status = record.OK
		was := c.Cut()
		value(c, "result", int(c.Int32BE("length")), 0, 0)
		c.Forgive(was)
	case typeReady:
		d.now.what = c.Uint8("status")
		c.Enum(states)
		if c.Err() != nil && c.Err() != c.Cut() {
			return // it says nothing
		}
		m.More, m.Fence = false, true
		if !d.unsure && !d.skips {
			m.Status = record.OK
		}
		m.SetAttributeText(attrTransaction, states[uint64(d.now.what)])
	}
}

// completed says of a statement that it was. Of a simple query only ReadyForQuery says that the others were too, and what
// completes where no Execute was seen may be another one's.
func (d *dialog) completed(m *l7.Message, simple bool) {
	if m.More = simple; !simple && d.now.ask.kind != asksParts {
		m.Status = record.OK
	}
}

// states are those of the session in ReadyForQuery.
var states = wire.Enum{'I': "idle", 'T': "in_transaction", 'E': "failed"}

// unasked tells whether the server speaks though nobody asked. What it says is a row of its own then.
func (d *dialog) unasked(m *l7.Message) bool {
	if d.now.ask.known || !d.quiet {
		return false
	}
	d.push(m)
	return true
}

// push makes m a row of its own.
func (d *dialog) push(m *l7.Message) {
	m.Role, m.More = l7.Push, false
	d.session(m)
}

// aside makes of a message that may come at any time a row of its own if nobody asked, and nothing if the server passes over
// what was asked, or if what it answers is not known. It tells whether it is a row.
func (d *dialog) aside(m *l7.Message) bool {
	a := &d.now.ask
	switch {
	case d.unasked(m):
		return true
	case !a.known && !d.heard, a.known && d.skips && (!d.failed.known || a.turn != d.failed.turn):
		m.Role, m.More = l7.Nothing, false
	}
	return false
}

// columns describes the body of a RowDescription.
func (d *dialog) columns(c *wire.Cursor) {
	n := c.Int16BE("field_count")
	c.Detail()
	if d.now.raw = c.Rest(); c.Elide() {
		return
	}
	was, body := c.Cut(), c.Limit("field_count", c.Left(), 0)
	list := c.Group("fields")
	for range n {
		if c.Err() != nil {
			break
		}
		g := c.Group("field")
		c.Index()
		c.CString("name")
		c.Stands()
		c.Uint32BE("table_oid")
		c.Int16BE("attribute_number")
		c.Uint32BE("type_oid")
		c.Enum(typeNames)
		c.Int16BE("type_size")
		c.Int32BE("type_modifier")
		c.Int16BE("format")
		c.Enum(formatNames)
		c.End(g)
	}
	c.End(list)
	c.Leave(body)
	c.Forgive(was)
}

// values describes the body of a DataRow.
func (d *dialog) values(c *wire.Cursor, looks shape) {
	n := int(c.Int16BE("field_count"))
	c.Detail()
	for i := range n {
		size := int(c.Int32BE("length"))
		c.Detail()
		if c.Err() != nil {
			break
		}
		name, oid, format := looks.column()
		if looks.bound {
			format = d.now.ask.formats.of(i)
		}
		value(c, name, size, oid, format)
	}
}

// copies describes what begins a COPY.
func (d *dialog) copies(kind byte, c *wire.Cursor, m *l7.Message) {
	d.now.binary = c.Uint8("format") == 1
	c.Enum(formatNames)
	n := c.Int16BE("column_count")
	c.Detail()
	g := c.Group("column_formats")
	for range n {
		if c.Err() != nil {
			break
		}
		c.Int16BE("format")
		c.Enum(formatNames)
	}
	c.End(g)
	switch kind {
	case typeCopyIn:
		m.SetAttributeText(attrCopy, "in")
	case typeCopyOut:
		m.SetAttributeText(attrCopy, "out")
	case typeCopyBoth:
		m.SetAttributeText(attrCopy, "both")
		m.Status = record.OK // it may go on for days
	}
}

// result counts a statement of a simple query.
func (d *dialog) result(m *l7.Message) {
	if d.now.ask.kind == asksQuery {
		m.SetAttribute(attrResults, 1)
	}
}

// tag states what the tag of a completed statement says: UPDATE 5, INSERT 0 5, COPY 5.
func (d *dialog) tag(m *l7.Message) {
	d.result(m)
	word, _, _ := bytes.Cut(d.now.name, []byte(" "))
	n := number10(d.now.name[bytes.LastIndexByte(d.now.name, ' ')+1:])
	switch view(word) {
	case "INSERT", "UPDATE", "DELETE", "MERGE":
		if n >= 0 {
			m.Set(record.Affected, n)
		}
	case "COPY":
		column := record.Rows
		if d.copy.mode == typeCopyIn {
			column = record.Affected
		}
		if n >= 0 {
			m.Set(column, n)
		}
	case "SELECT", "FETCH":
		m.Set(record.Rows, 0) // rows themselves are counted
	case "ROLLBACK":
		if a := &d.now.ask; a.commits && !(d.later && a.kind == asksQuery) {
			m.SetAttribute(attrRolledBack, 1)
		}
	}
}

// number10 is a number in decimal digits, -1 if b is none.
func number10(b []byte) (n int64) {
	if len(b) == 0 || len(b) > 18 {
		return -1
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

// The fields of ErrorResponse and NoticeResponse, by their codes.
var (
	fieldCodes = wire.Enum{
		'S': "severity", 'V': "severity_nonlocalized", 'C': "code", 'M': "message", 'D': "detail", 'H': "hint", 'P': "position",
		'p': "internal_position", 'q': "internal_query", 'W': "where", 's': "schema", 't': "table", 'c': "column", 'd': "data_type",
		'n': "constraint", 'F': "file", 'L': "line", 'R': "routine",
	}
	fieldNames = func() (names [256]string) {
		for code, name := range fieldCodes {
			names[code] = name
		}
		return names
	}()
)

// detailType hides what details say of values.
var detailType = &wire.Type{Name: "detail", Mask: appendMaskedDetail}

// messageTypes hide what messages say of values, by SQLSTATE.
var messageTypes = func() map[string]*wire.Type {
	types := map[string]*wire.Type{}
	for code := range conditions {
		types[code] = &wire.Type{Name: "message", Mask: func(dst, b []byte) []byte { return appendMaskedError(dst, []byte(code), b) }}
	}
	return types
}()

// said is what a record speaks of in an ErrorResponse or a NoticeResponse.
type said struct {
	severity, code, message []byte
	masked                  []byte // the SQLSTATE that tells what of the message is hidden
}

// said describes the fields of an ErrorResponse or a NoticeResponse. guarded: they could repeat a secret of the request.
func (d *dialog) said(c *wire.Cursor, guarded bool) (s said) {
	raised := d.raised(c.Rest())
	for c.Err() == nil { // it ends with a terminator
		g := c.Group("field")
		field := c.Uint8("field_type")
		c.Enum(fieldCodes)
		c.Detail()
		if field == 0 {
			c.Retitle("terminator")
			c.End(g)
			break
		}
		if name := fieldNames[field]; name != "" {
			c.Rename(name)
		}
		class := wire.Value
		var t *wire.Type
		switch field {
		case 'M':
			if s.masked = s.code; raised {
				s.masked = raise
			}
			t = messageTypes[view(s.masked)]
			if nearby(s.code) || guarded {
				class = wire.Secret
			}
		case 'D', 'H', 'W':
			t = detailType
			if guarded {
				class = wire.Secret
			}
		case 'q':
			t = sqlTypes[unsaid/sqltext.Backslash]
		default:
			class = wire.Structure
		}
		c.Classify(class)
		text := c.CString("text")
		if t != nil {
			c.Typed(t)
		}
		c.Stands()
		c.Classify(wire.Structure)
		c.End(g)
		switch field {
		case 'S':
			if s.severity == nil {
				s.severity = text
			}
		case 'V':
			s.severity = text
		case 'C':
			s.code = text
		case 'M':
			s.message = text
		}
	}
	return s
}

// report states what an ErrorResponse or a NoticeResponse says.
func (d *dialog) report(kind byte, c *wire.Cursor, m *l7.Message) {
	guarded := d.guarded()
	s := d.said(c, guarded)
	if kind == typeNotice {
		if d.aside(m) {
			m.SetText(record.Operation, "NOTICE")
			m.SetBytes(record.Code, s.code)
		} else {
			m.SetAttribute(attrNotices, 1)
		}
		return
	}
	m.More = d.now.ask.kind == asksParts
	fatal := string(s.severity) == "FATAL" || string(s.severity) == "PANIC"
	if _, committing := d.waits.next(typeSync); !d.now.ask.known && (d.quiet || fatal || committing) {
		d.push(m)
		m.SetText(record.Operation, "ERROR")
	}
	if c.Err() == nil || c.Err() == c.Cut() {
		m.Status = statusOf(s.code)
		m.SetAttributeText(attrCondition, conditionName(s.code))
		if m.Role == l7.Push && m.Status == record.Unknown {
			m.Status = record.ServerError // whatever it was, nobody had asked
		}
		if string(s.code) == "57014" && d.keyed {
			m.Resolve(attrCanceledBy, canceled(d.key), true)
		}
	}
	m.SetBytes(record.Code, s.code)
	if len(s.message) == 0 || !m.Wants(record.Error) {
		return
	}
	at := len(m.Scratch)
	m.Scratch = append(append(m.Scratch, s.severity...), ": "...)
	switch {
	case m.Values() && !nearby(s.code) && !guarded:
		m.Scratch = append(m.Scratch, s.message...)
	default:
		m.Scratch = appendMaskedError(m.Scratch, s.masked, s.message)
	}
	m.SetBytes(record.Error, m.Scratch[at:])
}

// raise is the SQLSTATE of errors that functions raise: what they say is theirs, whatever code they give.
var raise = []byte("P0001")

// foreign are what routines that report what others say begin with: functions of users in any language, and other servers.
var foreign = []string{
	"exec_stmt_raise", "PLy_", "plperl", "do_util_elog", "pltcl", "throw_tcl", "plv8", "rethrow", "plr_", "pljava", "Exception_",
	"dblink_", "pgfdw_", "connect_pg_server", "libpqrcv_", "CreateSubscription", "AlterSubscription",
}

// raised tells whether the fields of an error or a notice may be what a function of a user said, not the server: whether they
// do not name a routine of its own. While somebody logs in no function runs.
func (d *dialog) raised(fields []byte) bool {
	for len(fields) > 0 && fields[0] != 0 {
		text, rest, whole := bytes.Cut(fields[1:], []byte{0})
		if fields[0] == 'R' && whole {
			return slices.ContainsFunc(foreign, func(f string) bool { return strings.HasPrefix(view(text), f) })
		}
		fields = rest
	}
	return d.now.ask.kind != asksLogin
}

// nearby tells of errors that quote what stands at a place of the statement, which may be a secret.
func nearby(code []byte) bool { return string(code) == "42601" }

// guarded tells whether an error could repeat a secret of the request.
func (d *dialog) guarded() bool {
	a := &d.now.ask
	return a.guarded || d.guard || a.kind == asksExecute && d.statements.of(a.ref).secret()
}
