package mysql

import (
	"strconv"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/wire"
)

// end describes what ends rows or definitions: EOF, or OK in its place.
func (d *dialog) end(c *wire.Cursor, m *l7.Message, n int) {
	if n != 5 {
		d.okPacket(c, m, true)
		return
	}
	status, warnings := d.eofPacket(c)
	d.state(c, m, status, warnings)
	d.over(c, m, status)
}

// over ends a result whose last packet was just read. Of one that was cut nobody knows whether all went well.
func (d *dialog) over(c *wire.Cursor, m *l7.Message, status uint16) {
	err := c.Err()
	if err != nil && err.Kind != wire.Cut {
		return
	}
	if d.done(m, status); err != nil {
		m.Status = record.Unknown
	}
}

// eofPacket describes an EOF packet.
func (d *dialog) eofPacket(c *wire.Cursor) (status, warnings uint16) {
	c.Uint8("header")
	warnings = c.Uint16LE("warnings")
	status = c.Uint16LE("status_flags")
	c.Flags(statusFlags)
	return status, warnings
}

// state states the server's status.
func (d *dialog) state(c *wire.Cursor, m *l7.Message, status, warnings uint16) {
	if c.Err() != nil {
		return
	}
	d.now.status, d.now.stated = status, true
	m.SetAttribute(attrInTransaction, int64(status&statusInTransaction))
	m.SetAttribute(attrAutocommit, int64(status&statusAutocommit))
	if warnings > 0 {
		m.SetAttribute(attrWarnings, int64(warnings))
	}
}

// done ends a result, and the answer unless the status says that more follow.
func (d *dialog) done(m *l7.Message, status uint16) {
	a := &d.now.answer
	d.now.count = a.columns
	a.phase, a.lost, a.columns, a.left = phaseStart, false, 0, 0
	if a.more = status&statusMoreResults != 0; !a.more {
		m.Status, d.now.verdict = record.OK, verdictOK
	}
	if com, known := d.now.com(); status&statusCursor != 0 && known && com == comExecute {
		d.now.cursor = true
		m.SetAttribute(attrCursor, 1)
	}
}

// ok describes an OK packet that is an answer of its own.
func (d *dialog) ok(c *wire.Cursor, m *l7.Message) {
	d.now.answer.results++
	d.okPacket(c, m, false)
}

// okPacket describes an OK packet; rows tells that it ends rows.
func (d *dialog) okPacket(c *wire.Cursor, m *l7.Message, rows bool) {
	c.Uint8("header")
	affected := lengthEncoded(c, "affected_rows")
	id := lengthEncoded(c, "last_insert_id")
	status := c.Uint16LE("status_flags")
	c.Flags(statusFlags)
	warnings := uint16(0)
	if d.caps&capProtocol41 != 0 || !d.known {
		warnings = c.Uint16LE("warnings")
	}
	if c.Err() != nil {
		d.over(c, m, 0)
		return
	}
	now := &d.now
	if com, known := now.com(); !rows && (com == comQuery || com == comExecute || com == comBulkExecute || !known) {
		m.Set(record.Affected, int64(affected))
	}
	if id > 0 {
		m.SetAttribute(attrInsertID, int64(id))
	}
	d.state(c, m, status, warnings)
	if c.More() {
		if d.tracks(c, status) {
			lengthText(c, "info")
			if c.More() {
				d.track(c, m)
			}
		} else {
			c.String("info", c.Left())
		}
	}
	d.over(c, m, status)
}

// tracks tells whether an OK packet goes on as it does with CLIENT_SESSION_TRACK.
func (d *dialog) tracks(c *wire.Cursor, status uint16) bool {
	if d.known {
		return d.caps&capTrack != 0
	}
	b := c.Rest()
	return status&statusStateChanged != 0 || len(b) > 0 && int(b[0]) == c.Left()-1
}

// Kinds of changes that a session tracks.
const (
	trackVariables = iota
	trackSchema
	trackState
	trackGTIDs
	trackCharacteristics
	trackTransaction
)

var trackNames = wire.Enum{
	trackVariables: "SESSION_TRACK_SYSTEM_VARIABLES", trackSchema: "SESSION_TRACK_SCHEMA", trackState: "SESSION_TRACK_STATE_CHANGE",
	trackGTIDs: "SESSION_TRACK_GTIDS", trackCharacteristics: "SESSION_TRACK_TRANSACTION_CHARACTERISTICS",
	trackTransaction: "SESSION_TRACK_TRANSACTION_STATE",
}

// track describes what changed in the session.
func (d *dialog) track(c *wire.Cursor, m *l7.Message) {
	g := c.Group("session_state_info")
	n := lengthEncoded(c, "length")
	c.Detail()
	f := c.Limit("length", int(n), 0)
	for c.More() {
		one := c.Group("change")
		c.Index()
		kind := c.Uint8("type")
		c.Enum(trackNames)
		n := lengthEncoded(c, "length")
		c.Detail()
		in := c.Limit("length", int(n), 0)
		switch kind {
		case trackVariables:
			for c.More() {
				name := lengthText(c, "name")
				was := c.Classify(wire.Value)
				value := lengthText(c, "value")
				if c.Classify(was); string(name) == clientCharset && c.Err() == nil {
					d.now.quoting = charsetNamed(value)
				}
			}
		case trackSchema:
			d.now.tracked = lengthText(c, "schema")
			d.now.moved = c.Err() == nil && c.Cut() == nil
		case trackState:
			lengthText(c, "state_change")
		case trackGTIDs:
			c.Uint8("encoding_specification")
			m.SetAttributeBytes(attrGTID, lengthText(c, "gtids"))
		case trackCharacteristics:
			lengthText(c, "characteristics")
		case trackTransaction:
			lengthText(c, "transaction_state")
		default:
			data(c, "data")
		}
		c.Leave(in)
		c.End(one)
	}
	c.Leave(f)
	c.End(g)
}

// progressCode is the number of an ERR packet that tells how far MariaDB is.
const progressCode = 0xFFFF

// failed describes an ERR packet.
func (d *dialog) failed(c *wire.Cursor, m *l7.Message) {
	now := &d.now
	a := &now.answer
	c.Uint8("header")
	code := c.Uint16LE("error_code")
	if err := c.Err(); err != nil {
		if err.Kind == wire.Cut {
			*a = answer{phase: phaseStart, eof: a.eof}
		}
		return
	}
	if code == progressCode && a.phase == phaseStart && m.Role == l7.Response {
		c.Uint8("number_of_strings")
		c.Uint8("stage")
		c.Uint8("max_stage")
		c.Uint24LE("progress")
		lengthText(c, "progress_info")
		a.more = true
		return
	}
	var state []byte
	b := c.Rest()
	told := len(b) > 0 || !c.More() // whether there is an SQLSTATE
	if len(b) > 0 && b[0] == '#' {
		c.String("sql_state_marker", 1)
		c.Detail()
		state = c.String("sql_state", 5)
		told = state != nil
	}
	text := c.Rest()
	open := now.known && now.asked&leavesGuarded == 0 // it quotes no secret
	was := c.Classify(wire.Value)
	if !open {
		c.Classify(wire.Secret)
	}
	c.String("error_message", c.Left())
	if c.Typed(errorText); freeText(code, state) {
		c.Typed(ownText)
	}
	c.Classify(was)
	d.blame(m, code, state, text, open)
	if told && c.Err() == nil {
		m.Status = statusOf(code, state)
	}
	d.remains(m, code, state)
	if killing(code) && d.greeted {
		m.Resolve(attrKilledBy, killed(d.key(d.thread)), m.Role != l7.Push)
	}
	*a = answer{phase: phaseStart, eof: a.eof}
	now.verdict = verdictError
}

// blame states what an error says; open tells that it quotes nothing but values.
func (d *dialog) blame(m *l7.Message, code uint16, state, text []byte, open bool) {
	at := len(m.Scratch)
	m.Scratch = strconv.AppendUint(m.Scratch, uint64(code), 10)
	m.SetBytes(record.Code, m.Scratch[at:])
	at = len(m.Scratch)
	if len(state) > 0 {
		m.Scratch = append(append(m.Scratch, state...), ' ')
	}
	if m.Values() && open {
		m.Scratch = append(m.Scratch, text...)
	} else {
		m.Scratch = appendMaskedError(m.Scratch, code, state, text)
	}
	m.SetBytes(record.Error, m.Scratch[at:])
	m.SetAttributeBytes(attrSQLState, state)
}

// remains states what is known of the server's state behind an error, which does not tell it: what it was before, if
// the request could not change it. An INSERT that fails outside of a transaction may have begun one without autocommit.
func (d *dialog) remains(m *l7.Message, code uint16, state []byte) {
	now := &d.now
	status, told := d.status, d.told
	if now.stated {
		status, told = now.status, true
	}
	if !told || !now.known || now.asked&leavesData == 0 && code != errParse {
		return
	}
	m.SetAttribute(attrAutocommit, int64(status&statusAutocommit))
	if status&(statusInTransaction|statusAutocommit) != 0 && !rollsBack(code, state) {
		m.SetAttribute(attrInTransaction, int64(status&statusInTransaction))
	}
}

// errorText shows what an error says, ownText what a user lets it say.
var (
	errorText = &wire.Type{Name: "error", Mask: func(dst, b []byte) []byte { return appendMaskedError(dst, 0, nil, b) }}
	ownText   = &wire.Type{Name: "error", Mask: func(dst, _ []byte) []byte { return append(dst, '?') }}
)

// prepareOK describes the answer to a PREPARE.
func (d *dialog) prepareOK(c *wire.Cursor, m *l7.Message) {
	now := &d.now
	a := &now.answer
	c.Uint8("status")
	id := c.Uint32LE("statement_id")
	cols := c.Uint16LE("num_columns")
	params := c.Uint16LE("num_params")
	c.Skip("reserved_1", 1, nil)
	c.Detail()
	warnings := uint16(0)
	if c.More() {
		warnings = c.Uint16LE("warning_count")
	}
	follow := true
	if c.More() {
		follow = c.Uint8("metadata_follows") != 0
	}
	if c.Err() != nil {
		a.phase = phaseLost
		return
	}
	m.SetAttribute(attrStatementID, int64(id))
	if warnings > 0 {
		m.SetAttribute(attrWarnings, int64(warnings))
	}
	now.id, now.params, now.made = id, int(params), true
	now.columns, now.built = d.scratch[:0], true
	*a = answer{phase: phaseParams, eof: a.eof, left: int32(params), prepare: int32(cols)}
	if !follow { // but EOF packets do
		if a.left, a.prepare = 0, 0; a.eof == eofSent && cols > 0 {
			a.prepare = onlyEOF
		}
	}
	if params == 0 || !follow && a.eof != eofSent {
		d.defined(m)
	}
}

// onlyEOF is how many definitions come where an EOF packet comes nevertheless.
const onlyEOF = -1

// defined ends a list of definitions in the answer to a PREPARE.
func (d *dialog) defined(m *l7.Message) {
	a := &d.now.answer
	if a.phase == phaseParams {
		if a.phase, a.left = phasePrepared, max(a.prepare, 0); a.prepare != 0 {
			return
		}
	}
	columns := max(a.prepare, 0)
	d.done(m, 0)
	d.now.count = columns
}

// preparing describes a definition in the answer to a PREPARE, or the EOF behind them.
func (d *dialog) preparing(c *wire.Cursor, m *l7.Message, eof bool) {
	a := &d.now.answer
	if eof {
		a.eof = eofSent
		d.eofPacket(c)
		d.defined(m)
		return
	}
	if a.left == 0 { // there was to be an EOF
		a.eof = eofLeftOut
		d.defined(m)
	}
	behind := c.Size() - c.Pos() - c.Left()
	if col := d.definition(c, false); a.phase == phasePrepared {
		d.define(c, col)
	}
	if a.left--; a.left > 0 {
		return
	}
	if a.eof == eofLeftOut || a.eof == eofUnknown && behind == 0 {
		d.defined(m)
	}
}

// event describes an event of the binary log. Its header says how long it is.
func (d *dialog) event(c *wire.Cursor, m *l7.Message) {
	b, n := c.Rest(), c.Left()
	if len(b) >= 15 && b[0] == semiSync && int(little(b[11:15])) == n-2 {
		b, n = b[2:], n-2
	}
	if goes := d.now.answer.long; n < eventHeader || !goes && len(b) >= 13 && int(little(b[9:13])) != n {
		c.Fail("event_size", "not the length of the event")
	}
	m.SetAttribute(attrEvents, 1)
	m.Status = record.OK // there is no end that could say so
	if len(b) < n {      // whether it ends with a checksum cannot be told
		data(c, "event")
		return
	}
	binlogEvent(c)
}

// advanceServer makes the changes that packets of the server bring.
func (d *dialog) advanceServer(m *l7.Message) {
	now := &d.now
	if now.greeted {
		d.greeted, d.thread, d.offers, d.offered = true, now.thread, now.caps, now.told
	}
	if d.answer = now.answer; now.built {
		d.columns, d.scratch = now.columns, d.columns[:0]
	} else {
		d.columns = now.columns
	}
	if now.stated {
		d.status, d.told = now.status, now.known && !d.hazy
	}
	if d.answer.phase == phaseLost {
		d.statements.unseen = true
	}
	com, known := now.com()
	if known {
		d.settle(com, m)
	}
	if now.moved {
		d.setSchema(now.tracked)
	}
	d.write(now.quoting)
	if !m.More {
		if _, waits := m.Asked(0); !waits {
			d.hazy, d.modes = false, 0
		}
		d.release()
	}
}

// settle makes the changes that the answer to a command brings.
func (d *dialog) settle(com byte, m *l7.Message) {
	now := &d.now
	s := &d.statements
	ok := now.verdict == verdictOK
	d.plain = d.plain || ok && !d.packed && !d.packs() && com != comConnect && com != comSleep
	said := said(now.asked)
	if ok {
		d.write(said)
	}
	if said&moded != 0 && !m.More {
		if d.modes = max(d.modes-1, 0); !now.stated {
			d.doubtQuotes()
		}
	}
	switch com {
	case comConnect, comChangeUser:
		if now.verdict == noVerdict {
			return
		}
		d.turn, d.fresh = turnCommand, true
		if !ok {
			return
		}
		d.user = append(d.user[:0], d.nextUser...)
		d.setSchema(d.nextSchema)
		s.clear()
		if com == comConnect && d.caps&(capCompress|capZstd) != 0 && !d.packed {
			m.Layer, d.packed = newCompression(), true
		}
	case comResetSession:
		if ok {
			s.clear()
		}
	case comInitDB, comQuery:
		switch {
		case now.verdict == verdictFile:
			d.turn = turnInfile
		case ok && now.asked&leavesUse != 0:
			if n := uint32(now.asked >> 32); d.uses-n <= maxUses {
				d.setSchema(d.schemas[n%maxUses])
			} else {
				d.setSchema(nil)
			}
		}
	case comPrepare:
		if now.made {
			if s.making = s.answered(uint32(now.asked >> 32)); s.making != nil {
				s.making.id, s.making.seen, s.making.params = now.id, true, now.params
				s.add(s.making)
			}
		} else if now.verdict == verdictError {
			if x := s.answered(uint32(now.asked >> 32)); x != nil {
				s.forget(x)
			}
		}
		if ok {
			s.learn(s.making, now.columns, now.count)
			s.making = nil
		}
	case comExecute:
		if now.cursor {
			s.learn(s.find(uint32(now.asked>>32)), now.columns, now.count)
		}
	}
}
