package mysql

import (
	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/wire"
)

// server describes packets of the server.
func (d *dialog) server(c *wire.Cursor, m *l7.Message) {
	m.Role = l7.Response
	now := &d.now
	now.asked, now.known = m.Asked(0)
	now.answer, now.columns, now.base = d.answer, d.columns, d.columns
	a := &now.answer
	now.before = *a
	if a.phase == phaseStart && !a.more {
		a.results, a.form = 0, formUnknown
		if !d.alone {
			now.columns, now.base = d.columns[:0], nil
		}
	}
	if a.phase == phaseStart && now.known && !d.alone {
		d.begin(m)
	}
	now.rows = -1
	if b := c.Rest(); len(b) < headerSize || headerSize+payload(b) >= c.Size() {
		d.packet(c, m)
	} else {
		for c.More() {
			g := c.Group("packet")
			c.Index()
			d.packet(c, m)
			c.End(g)
		}
	}
	if m.Role == l7.Response {
		m.More = a.phase != phaseStart || a.more || a.long
	}
	if now.rows >= 0 && c.Err() == nil && c.Cut() == nil {
		m.Set(record.Rows, now.rows)
	}
	if a.results > 1 && c.Cut() == nil {
		m.SetAttribute(attrResults, int64(a.results))
	}
}

// command is the command that is answered; of one that was not seen, none.
func (now *facts) com() (com byte, known bool) { return byte(now.asked), now.known }

// begin takes what is known before its first packet of the answer to a command.
func (d *dialog) begin(m *l7.Message) {
	m.SetBytes(record.Namespace, d.schema) // of a request that was sent before the answer to another
	now := &d.now
	a := &now.answer
	switch com, _ := now.com(); com {
	case comExecute, comFetch, comBulkExecute:
		a.form = formBinary
		now.base = nil
		st := d.statements.find(uint32(now.asked >> 32))
		if st != nil {
			now.base = st.columns
		}
		if com == comFetch {
			if a.phase, a.columns = phaseRows, 0; st != nil {
				a.columns = st.count
			}
			d.reuse()
		}
	case comFieldList:
		a.phase = phaseFields
	default:
		a.form = formText
	}
	now.before = *a
}

// reuse makes the columns those that are known of the statement.
func (d *dialog) reuse() {
	d.now.columns, d.now.built = append(d.scratch[:0], d.now.base...), true
}

// packet describes one packet of the server.
func (d *dialog) packet(c *wire.Cursor, m *l7.Message) {
	cut := c.Cut()
	f, seq := packet(c)
	b, n := c.Rest(), c.Left()
	a := &d.now.answer
	long := a.long
	a.long = n == maxPayload
	row := false
	switch {
	case long:
		data(c, "continued")
	case n == 0:
		c.Fail("payload_length", "an empty packet")
	case len(b) == 0:
		c.Uint8("header") // it was cut
		if a.phase > phaseStart && a.phase < phaseLost {
			// The answer may end with it: the next request tells.
			a.phase = phaseLost
			m.Doubts |= record.Loss
		}
	default:
		row = d.kind(c, m, b, n, seq)
	}
	a.seq = seq
	if c.Leave(f); row {
		c.Forgive(cut) // no fact needs values
	}
}

// kind describes a packet whose payload begins with b and has n bytes, and tells whether it is a row.
func (d *dialog) kind(c *wire.Cursor, m *l7.Message, b []byte, n int, seq uint8) (row bool) {
	a := &d.now.answer
	mark := b[0]
	if a.phase == phaseGreeting {
		a.phase = phaseStart
		switch {
		case mark == 9 || mark == 10:
			d.greeting(c, m)
			return false
		case mark == markERR:
			m.Role = l7.Push
			m.SetText(record.Operation, opLogin)
		case !d.now.known:
			a.phase = phaseLost
		}
	}
	if com, known := d.now.com(); a.phase == phaseStart && !a.more && seq > 1 && !(known && com == comConnect) {
		a.lost = true // an answer does not begin so
	}
	if a.lost && seq == 1 && a.seq != 0 && !d.packed {
		*a = answer{phase: phaseLost, eof: a.eof}
		d.now.before, d.now.columns, d.now.base = *a, d.columns[:0], nil
	}
	if a.phase == phaseLost {
		d.recover(m, b, n, seq)
	}
	if mark == markERR {
		if a.phase == phaseStart && !d.now.known && d.turn == turnCommand && (seq == 0 || len(b) > 2 && ending(uint16(little(b[1:3])))) {
			m.Role = l7.Push
			m.SetText(record.Operation, opError)
			d.about(m)
		}
		d.failed(c, m)
		return false
	}
	eof := mark == markEOF && n == 5
	switch a.phase {
	case phaseColumns:
		if a.left < 0 && !isDefinition(b) { // nobody knows how many there are
			return d.rowOrEnd(c, m, mark, n)
		}
		d.define(c, d.definition(c, false))
		if a.left--; a.left == 0 {
			a.phase = phaseEnd
		}
	case phaseEnd:
		if !eof {
			a.eof = eofLeftOut
			return d.rowOrEnd(c, m, mark, n)
		}
		a.phase, a.eof = phaseRows, eofSent
		if status, warnings := d.eofPacket(c); status&statusCursor != 0 {
			d.state(c, m, status, warnings)
			d.over(c, m, status)
		}
	case phaseRows:
		return d.rowOrEnd(c, m, mark, n)
	case phaseFields:
		if mark != markEOF {
			d.definition(c, true)
			return false
		}
		d.end(c, m, n)
	case phaseParams, phasePrepared:
		d.preparing(c, m, eof)
	default:
		d.first(c, m, b, n)
	}
	return false
}

// rowOrEnd describes a row, or what ends rows.
func (d *dialog) rowOrEnd(c *wire.Cursor, m *l7.Message, mark byte, n int) (row bool) {
	d.now.answer.phase = phaseRows
	if mark == markEOF && n < maxPayload {
		d.end(c, m, n)
		return false
	}
	d.row(c)
	return true
}

// recover finds out what a packet is when nobody knows what comes: an answer's first packet has the number 1.
func (d *dialog) recover(m *l7.Message, b []byte, n int, seq uint8) {
	now := &d.now
	a := &now.answer
	com, known := now.com()
	a.lost = true
	switch {
	case seq == 1, known && (com == comConnect || com == comChangeUser):
		if seq == 1 && !d.packed && opens(b, n) {
			now.asked, now.known = m.Anew()
		}
		if a.phase, a.lost = phaseStart, false; now.known && !d.alone {
			d.begin(m)
		}
	case b[0] == markERR, b[0] == markEOF:
		a.phase = phaseRows
	case isDefinition(b):
		a.phase, a.left = phaseColumns, -1
	case n == 1 && b[0] != 0 && b[0] < markInfile:
		a.phase = phaseStart
	case b[0] == markOK && plausibleOK(b, n, true):
		a.phase = phaseStart
	default:
		a.phase = phaseRows
	}
}

// opens tells whether a packet with the number 1 begins an answer: among rows that number is there again and again.
func opens(b []byte, n int) bool {
	switch b[0] {
	case markOK:
		return plausibleOK(b, n, true) || plausiblePrepare(b)
	case 0xFC:
		return n <= 4
	}
	return b[0] == markERR || b[0] < markInfile && (n == 1 || n == 2 && len(b) == 2 && b[1] < 2)
}

// first describes the first packet of an answer, or of a further result of it.
func (d *dialog) first(c *wire.Cursor, m *l7.Message, b []byte, n int) {
	now := &d.now
	a := &now.answer
	mark := b[0]
	com, known := now.com()
	if known {
		switch com {
		case comConnect, comChangeUser:
			if mark == markOK {
				d.ok(c, m)
				return
			}
			a.more = true
			authentication(c, m, mark)
			return
		case comStatistics:
			c.String("statistics", n)
			d.done(m, 0)
			return
		case comBinlogDump, comDumpGTID, comTableDump:
			if mark == markOK {
				a.more = true
				c.Uint8("header")
				d.event(c, m)
				return
			}
		case comPrepare:
			if mark == markOK {
				d.prepareOK(c, m)
				return
			}
		}
	}
	switch {
	case mark == markOK && (n == 2 || n == 4), mark == 1 && (n == 2 && len(b) == 2 && b[1] > 0 && (known || b[1] == 1) || n == 4): // MySQL
		d.count(c, c.Uint8("metadata_follows") != 0)
	case mark == markOK && !known && !plausibleOK(b, n, true) && !plausiblePrepare(b): // what was fetched
		a.phase, a.form = phaseRows, formBinary
		d.row(c)
	case mark == markOK:
		if !now.known && n >= 12 && n <= 13 && b[min(9, len(b)-1)] == 0 && plausiblePrepare(b) {
			d.prepareOK(c, m)
			return
		}
		d.ok(c, m)
	case mark == markEOF && n == 5:
		d.end(c, m, n)
	case mark == markEOF && n > 8 && !now.known:
		a.more = true
		authentication(c, m, mark)
	case mark == markEOF:
		d.ok(c, m)
	case mark == markInfile && (!now.known || com == comQuery):
		c.Uint8("header")
		was := c.Classify(wire.Value)
		c.String("filename", n-1)
		c.Classify(was)
		a.more, now.verdict = true, verdictFile
	case !now.known && mark == authMore && n > 1 && !(n == 2 && len(b) == 2 && b[1] < 2):
		a.more = true
		authentication(c, m, mark)
	case isDefinition(b): // of the fields of a table
		a.phase = phaseFields
		d.definition(c, true)
	case n <= 4 && (mark < markInfile || mark == 0xFC):
		d.count(c, true)
	default:
		data(c, "payload")
	}
}
