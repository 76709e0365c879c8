package postgresql

import (
	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/sqltext"
)

// Advance implements l7.Dialog.
func (d *dialog) Advance(dir l7.Dir, m *l7.Message) {
	if dir == l7.ToServer {
		d.asked(m)
	} else {
		d.answered(m)
	}
	m.Encrypted = d.now.encrypted
	if k := d.now.kind; k != typeDataRow && k != typeCopyData { // of which nothing is kept
		d.now = facts{}
	}
}

// asked makes the changes that a message of the client brings.
func (d *dialog) asked(m *l7.Message) {
	f := &d.now
	if f.kind != typeTerminate {
		d.quiet = false
	}
	d.turn = d.turn != (m.Role == l7.Request)
	if len(f.before) > 0 {
		d.sending = sending{}
	}
	switch s := &d.sending; f.kind {
	case typeCopyData, typeCopyDone, typeCopyFail:
		s.early = s.early || s.synced
		s.synced, s.data = false, f.kind == typeCopyData
	case typeSync:
		s.synced = !f.ignored
		s.early = s.early && s.data
	case typeFlush:
	default:
		*s = sending{}
	}
	d.statements.unseen, d.changing = d.statements.unseen || f.unseen, d.changing || f.changes
	d.unsure = d.unsure && m.Role != l7.Request && (m.Role != l7.Part || m.Fence) // who asks again has had the answer
	switch f.kind {
	case 0:
		d.began(m)
	case typeQuery, typeFunctionCall:
		d.waits.push(typeSync, 0, &d.statements)
		d.group, d.about = 0, 0
	case typeParse:
		if !f.stated {
			break
		}
		r := d.prepare(m)
		d.waits.push(typeParse, r, &d.statements)
		if d.group&parses == 0 {
			d.about = r
		}
		d.group |= parses
	case typeBind:
		d.bind(f.portal, portal{ref: f.ask.ref, formats: f.ask.formats})
		d.about = f.ask.ref
		d.group |= parses
	case typeDescribe:
		d.waits.push(typeDescribe, f.ask.ref, &d.statements)
		d.speak(describes)
	case typeClose:
		r := f.ask.ref
		if f.what == 'P' {
			r = 0
			d.unbind(f.portal)
		}
		d.waits.push(typeClose, r, &d.statements)
		d.speak(closes)
	case typeExecute:
		d.group, d.about = 0, 0
	case typeSync:
		d.group, d.about = 0, 0
		if !f.ignored {
			d.waits.push(typeSync, 0, &d.statements)
		}
	}
}

// speak notes a message about a statement or a portal: of a group that prepares nothing, what it is about is told by the
// best of them.
func (d *dialog) speak(p parts) {
	if d.group < p {
		d.about = d.now.ask.ref
	}
	d.group |= p
}

// began makes the changes that a packet without a type brings.
func (d *dialog) began(m *l7.Message) {
	f := &d.now
	switch f.code {
	case codeSSL, codeGSSENC:
		d.secure++
	case codeCancel:
	default:
		d.obsolete = f.code>>16 == 2
		d.waits.push(typeSync, 0, &d.statements)
		keep := func(dst []byte, c record.Col) []byte {
			text := m.Text(c)
			return append(dst[:0], text[:min(len(text), maxName)]...)
		}
		d.user, d.db, d.app = keep(d.user, record.User), keep(d.db, record.Namespace), keep(d.app, record.App)
	}
}

// prepare keeps the statement of a Parse.
func (d *dialog) prepare(m *l7.Message) ref {
	t, f := &d.statements, &d.now
	if f.again >= 0 {
		r, _ := t.take(f.again, f.name)
		t.describe(r, f.raw, nil)
		return r
	}
	r, s := t.add(f.name)
	before := s.size()
	s.cut, s.hidden, s.changes = f.cut, f.ask.guarded, f.changes
	if !f.unseen && len(m.SQL.TraceID) == 0 {
		s.hash = f.hash
	}
	if f.cut { // what its end could change
		if m.SQL.Summary = m.SQL.Summary[:0]; !m.SQL.Certain {
			m.SQL.Operation, m.SQL.Target = "", nil
		}
	}
	for i, text := range [texts]string{
		textName: view(f.name), textOperation: m.SQL.Operation, textTarget: view(m.SQL.Target), textSummary: view(m.SQL.Summary),
		textNormal: view(m.SQL.Normal[:min(len(m.SQL.Normal), maxNormal)]), textShown: view(f.value),
	} {
		s.memory = append(s.memory, text...)
		s.ends[i] = len(s.memory)
	}
	s.params = append(s.params, f.raw...)
	t.held += s.size() - before
	return r
}

// unbind forgets a portal.
func (d *dialog) unbind(name []byte) {
	if len(name) == 0 {
		d.unnamed = portal{}
		return
	}
	if p := d.find(name); p != nil {
		*p = portal{name: p.name}
	}
}

// answered makes the changes that a message of the server brings.
func (d *dialog) answered(m *l7.Message) {
	f, t := &d.now, &d.statements
	d.fresh, d.heard = false, d.heard || m.Role == l7.Response
	for b := f.before; len(b) > 0; b = b[headerSize:] {
		d.confirmed(b[0])
	}
	switch f.kind {
	case 0:
		if f.code == codeSSL {
			d.secure = max(d.secure-1, 0)
		}
	case typeParseComplete, typeBindComplete, typeCloseComplete, typeNoData:
		d.confirmed(f.kind)
	case typeParameters:
		if r, ok := d.waits.next(typeDescribe); ok {
			t.describe(r, f.raw, nil)
		}
	case typeRowDescription:
		columns := f.raw[:min(len(f.raw), maxColumns)]
		d.row.columns = append(d.row.columns[:0], columns...)
		if r, ok := d.waits.next(typeDescribe); ok {
			t.describe(r, nil, columns)
			d.waits.pop()
		}
	case typeCopyIn, typeCopyOut, typeCopyBoth:
		d.copy, d.relations = copying{mode: f.kind, binary: f.binary, backup: f.ask.backup}, relations{}
	case typeCopyData:
		if isRelation(f.raw) {
			d.relations.learn(f.raw)
		}
	case typeCommandComplete:
		d.later = f.ask.kind == asksQuery
		switch string(f.name) {
		case "DEALLOCATE":
			switch s := t.of(f.ask.ref); {
			case !f.ask.known:
				t.closeAll()
			case f.ask.kind == asksExecute && s != nil:
				t.close(t.find(deallocated(s.text(textNormal))))
			case f.ask.kind == asksQuery:
				t.close(f.ask.ref)
			}
		case "DEALLOCATE ALL", "DISCARD ALL":
			t.closeAll()
		}
		d.row.columns, d.unsure = d.row.columns[:0], d.unsure && f.ask.kind != asksQuery
	case typeEmptyQuery, typePortalSuspended:
		d.later = f.ask.kind == asksQuery
		d.row.columns = d.row.columns[:0]
	case typeError:
		d.secure, d.row.columns = 0, d.row.columns[:0]
		d.waits.fail(t)
		d.waits.failed = true
		d.skips, d.failed = true, f.ask
	case typeParameterStatus:
		if d.setting(f.name, f.value); f.unseen {
			d.dialect |= unsaid
		}
	case typeBackendKeyData:
		d.key, d.keyed = d.cancels()
	case typeAuthentication:
		d.authentication, d.secure = f.code, 0 // the answer to an SSLRequest was lost, if there was one
	case typeReady:
		awaited := d.waits.ready(t)
		d.unsure, d.later = false, false
		t.sweep(d.needed)
		d.copy, d.row.columns, d.heard, d.skips = copying{}, d.row.columns[:0], false, false
		if awaited {
			d.gaps = [2]bool{}
		}
		if d.quiet = awaited && d.waits.empty(); d.quiet {
			d.sending, d.changing = sending{}, false
		}
	}
}

// confirmed makes the changes that an answer without a body brings.
func (d *dialog) confirmed(kind byte) {
	t := &d.statements
	switch kind {
	case typeParseComplete:
		if r, ok := d.waits.next(typeParse); ok {
			t.confirm(r)
			d.waits.pop()
		}
	case typeCloseComplete:
		if r, ok := d.waits.next(typeClose); ok {
			t.close(r)
			d.waits.pop()
		} else {
			t.closeAll() // who knows which, and what has its name now
		}
	case typeNoData:
		if _, ok := d.waits.next(typeDescribe); ok {
			d.waits.pop()
		}
	}
}

// describe notes what the server said of a statement: types of its parameters, or its columns.
func (t *statements) describe(r ref, params, columns []byte) {
	s := t.of(r)
	if s == nil {
		return
	}
	before := s.size()
	if params != nil {
		s.params = append(s.params[:0], params...)
	}
	if columns != nil {
		s.columns = append(s.columns[:0], columns...)
	}
	t.held += s.size() - before
}

// setting notes a parameter that changes how the session is read or shown.
func (d *dialog) setting(name, value []byte) {
	switch string(name) {
	case "application_name":
		d.app = append(d.app[:0], value[:min(len(value), maxName)]...)
	case "standard_conforming_strings":
		if d.dialect &^= sqltext.Backslash | sqltext.Unsure; string(value) == "off" {
			d.dialect |= sqltext.Backslash
		}
	case "client_encoding":
		d.dialect &^= sqltext.Multibyte
		switch string(value) {
		case "BIG5", "GB18030", "GBK", "JOHAB", "SHIFT_JIS_2004", "SJIS", "UHC": // those that no server stores
			d.dialect |= sqltext.Multibyte
		}
	}
}
