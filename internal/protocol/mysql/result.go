package mysql

import (
	"encoding/binary"
	"strconv"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/wire"
)

// columns are those of rows, packed: as they are kept, as they go into a context, and as they are read again for a tree.
// Each is its type, character set, flags, decimals, and the length of its name, and the name.
type columns []byte

const (
	columnSize = 7
	columnName = 255

	// maxColumns bounds what is known of columns, in bytes, because it is part of every row's context: some hundred. What
	// is behind them is shown without names.
	maxColumns = 3 << 10
)

// add appends a column if there is room.
func (l columns) add(col *column) columns {
	name := col.name[:min(len(col.name), columnName)]
	if len(l)+columnSize+len(name) > maxColumns {
		return l
	}
	l = append(l, col.typ)
	l = binary.LittleEndian.AppendUint16(l, col.charset)
	l = binary.LittleEndian.AppendUint16(l, col.flags)
	l = append(l, col.decimals, byte(len(name)))
	return append(l, name...)
}

// next takes the first column from the list.
func (l columns) next(col *column) columns {
	n := columnSize + int(l[6])
	*col = column{name: view(l[columnSize:n]), typ: l[0], charset: uint16(l[1]) | uint16(l[2])<<8, flags: uint16(l[3]) | uint16(l[4])<<8, decimals: l[5]}
	return l[n:]
}

// sane is l up to a column that is not whole.
func (l columns) sane() columns {
	at := 0
	for at+columnSize <= len(l) && at+columnSize+int(l[at+6]) <= len(l) {
		at += columnSize + int(l[at+6])
	}
	return l[:at]
}

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

// count describes the number of columns. Whether their definitions follow MySQL says before it, and MariaDB behind it.
func (d *dialog) count(c *wire.Cursor, follow bool) {
	now := &d.now
	a := &now.answer
	n := lengthEncoded(c, "column_count")
	if c.Left() == 1 {
		follow = c.Uint8("metadata_follows") != 0
	}
	if c.Err() != nil || n == 0 || n > 0xFFFF {
		c.Fail("column_count", "no number of columns")
		a.phase = phaseLost
		return
	}
	a.results++
	now.rows = max(now.rows, 0)
	a.columns, a.left, a.phase, a.spoilt = int32(n), int32(n), phaseColumns, false
	if !follow {
		a.phase = phaseEnd
		d.reuse()
		return
	}
	now.columns, now.built = d.scratch[:0], true
}

// definition describes the definition of a column, with a default value if it is asked for.
func (d *dialog) definition(c *wire.Cursor, defaults bool) (col column) {
	g := c.Group("column_definition")
	c.Index()
	for _, name := range [...]string{"catalog", "schema", "table", "org_table"} {
		lengthText(c, name)
	}
	col.name = view(lengthText(c, "name"))
	lengthText(c, "org_name")
	if b := c.Rest(); d.known && d.caps&capExtendedMetadata != 0 || !d.known && len(b) > 0 && (b[0] != 12 || !defaults && c.Left() > 13) {
		x := c.Group("extended_metadata")
		n := lengthEncoded(c, "length")
		c.Detail()
		f := c.Limit("length", int(n), 0)
		for c.More() {
			c.Uint8("type")
			c.Enum(extendedTypes)
			lengthText(c, "value")
		}
		c.Leave(f)
		c.End(x)
	}
	n := lengthEncoded(c, "fixed_length")
	c.Detail()
	if n != 12 {
		c.Fail("fixed_length", "not the length of what follows")
	}
	col.charset = c.Uint16LE("character_set")
	c.Uint32LE("column_length")
	col.typ = c.Uint8("type")
	c.Enum(typeNames)
	col.flags = c.Uint16LE("flags")
	c.Flags(columnFlags)
	col.decimals = c.Uint8("decimals")
	c.Skip("filler", 2, nil)
	c.Detail()
	if defaults && c.More() {
		was := c.Classify(wire.Value)
		if b := c.Rest(); len(b) > 0 && b[0] == markInfile {
			c.Skip("default_values", 1, null)
		} else {
			lengthText(c, "default_values")
		}
		c.Classify(was)
	}
	c.End(g)
	return col
}

// define makes col, which was just read, the next column. Where one was cut none are known: rows would be misread.
func (d *dialog) define(c *wire.Cursor, col column) {
	now := &d.now
	if now.answer.spoilt = now.answer.spoilt || c.Err() != nil; now.answer.spoilt {
		now.columns = now.columns[:0]
		return
	}
	now.columns = now.columns.add(&col)
}

var extendedTypes = wire.Enum{0: "type", 1: "format"}

// row describes a row.
func (d *dialog) row(c *wire.Cursor) {
	now := &d.now
	a := &now.answer
	now.rows = max(now.rows, 0) + 1
	b := c.Rest()
	whole := len(b) == c.Left() && !a.long
	if a.form == formUnknown {
		if a.form = formText; b[0] == 0 && a.columns > 0 && !textRow(b, int(a.columns)) {
			a.form = formBinary
		}
	}
	fits := true
	if whole && a.columns > 0 {
		if a.form == formText {
			fits = textRow(b, int(a.columns))
		} else {
			fits = binaryRow(b, now.columns, int(a.columns))
		}
	}
	if !fits {
		c.Fail("row", "a row that is not as its columns are")
	}
	if c.Elide() {
		return
	}
	g := c.Group("row")
	switch {
	case a.columns == 0 || a.long:
		d.unknownRow(c, b, whole)
	case a.form == formText:
		var col column
		for i, l := int32(0), now.columns; i < a.columns && c.Err() == nil; i++ {
			if col = (column{name: "value"}); len(l) > 0 {
				l = l.next(&col)
			}
			textValue(c, &col)
		}
	default:
		c.Uint8("header")
		size := (int(a.columns) + 9) / 8
		nulls := c.Rest()
		c.Skip("null_bitmap", size, nil)
		if len(nulls) < size {
			data(c, "values")
			break
		}
		var col column
		for i, l := 2, now.columns; i < int(a.columns)+2 && c.Err() == nil; i++ {
			if len(l) == 0 {
				data(c, "values")
				break
			}
			if l = l.next(&col); nulls[i/8]>>(i%8)&1 != 0 {
				nullValue(c, col.name)
			} else {
				binaryValue(c, &col)
			}
		}
	}
	c.End(g)
}

// unknownRow describes a row whose columns were not seen: its values, if it is made of text.
func (d *dialog) unknownRow(c *wire.Cursor, b []byte, whole bool) {
	if !whole || d.now.answer.form == formBinary || !textRow(b, -1) {
		data(c, "values")
		return
	}
	col := column{name: "value", typ: typeVarString}
	for c.More() {
		textValue(c, &col)
	}
}

// textRow tells whether b is n values of a text row; n < 0: any number.
func textRow(b []byte, n int) bool {
	for ; n != 0 && len(b) > 0; n-- {
		k := 1
		if b[0] < markInfile {
			k += int(b[0])
		} else if b[0] != markInfile {
			size, width := lengthOf(b)
			if width == 0 {
				return false
			}
			k = size + width
		}
		if k > len(b) {
			return false
		}
		b = b[k:]
	}
	return len(b) == 0 && n <= 0
}

// binaryRow tells whether b is a binary row of n columns, of which l are known.
func binaryRow(b []byte, l columns, n int) bool {
	nulls := (n + 9) / 8
	if len(b) < 1+nulls || b[0] != 0 {
		return false
	}
	bits := b[1 : 1+nulls]
	b = b[1+nulls:]
	for i := 2; i < n+2; i++ {
		if len(l) == 0 {
			return true
		}
		typ := l[0]
		if l = l[columnSize+int(l[6]):]; bits[i/8]>>(i%8)&1 != 0 {
			continue
		}
		k := binarySize(typ, b)
		if k < 0 {
			return false
		}
		b = b[k:]
	}
	return len(b) == 0
}

// binarySize is how long the binary value of a type is that b begins with, -1 if it is none.
func binarySize(typ byte, b []byte) int {
	k := 0
	switch typ {
	case typeNull:
	case typeTiny, typeBool:
		k = 1
	case typeShort, typeYear:
		k = 2
	case typeLong, typeInt24, typeFloat:
		k = 4
	case typeLongLong, typeDouble:
		k = 8
	case typeDate, typeNewDate, typeDatetime, typeTimestamp:
		if len(b) == 0 || b[0] != 0 && b[0] != 4 && b[0] != 7 && b[0] != 11 {
			return -1
		}
		k = 1 + int(b[0])
	case typeTime:
		if len(b) == 0 || b[0] != 0 && b[0] != 8 && b[0] != 12 {
			return -1
		}
		k = 1 + int(b[0])
	default:
		n, width := lengthOf(b)
		if width == 0 {
			return -1
		}
		k = n + width
	}
	if k > len(b) {
		return -1
	}
	return k
}

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
		if com == comConnect && d.caps&(capCompress|capZstd) != 0 {
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
