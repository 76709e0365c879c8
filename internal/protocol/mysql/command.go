package mysql

import (
	"bytes"
	"strconv"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/sqltext"
	"github.com/dbtap/dbtap/internal/wire"
)

// client describes a packet of the client.
func (d *dialog) client(c *wire.Cursor, m *l7.Message) {
	f, seq := packet(c)
	now := &d.now
	now.turn = d.turn
	now.full, now.empty = c.Size()-headerSize == maxPayload, c.Size() == headerSize
	if !d.alone {
		now.turn = d.judge(c.Rest(), c.Left(), seq)
	}
	switch now.turn {
	case turnRest:
		m.Role, m.Leaves = d.rest, d.restLeaves
		data(c, "continued")
	case turnLogin:
		d.handshake(c, m)
	case turnAuth:
		authData(c, m)
	case turnInfile:
		m.Role = l7.Feed
		m.SetAttribute(attrInfile, int64(c.Left()))
		data(c, "file_data")
	case turnUnknown:
		m.Role = l7.Feed
		conceal(c, "data", c.Left())
	default:
		d.command(c, m)
	}
	m.More = m.More || now.full && m.Role == l7.Request
	c.Leave(f)
}

// packet reads the header of a packet, whose payload lies in the frame.
func packet(c *wire.Cursor) (f wire.Frame, sequence uint8) {
	n := int(c.Uint24LE("payload_length"))
	sequence = c.Uint8("sequence_id")
	return c.Limit("payload_length", n, 0), sequence
}

// data passes over bytes that are a user's.
func data(c *wire.Cursor, name string) {
	was := c.Classify(wire.Value)
	c.Skip(name, c.Left(), nil)
	c.Classify(was)
}

// judge tells what a packet of the client is that begins with b and has n bytes. A command begins a new sequence.
func (d *dialog) judge(b []byte, n int, seq uint8) turn {
	switch d.turn {
	case turnRest, turnInfile:
		return d.turn
	case turnCommand:
		if d.behind(seq) {
			return turnUnknown
		}
		return turnCommand
	}
	switch {
	case seq == 0 && len(b) > 0 && (knownCommand(b[0]) || b[0] == semiSync) && (d.packed || !d.packs()):
		return turnCommand
	case d.turn == turnAuth:
		return turnAuth
	case d.turn == turnLogin, seq == 1 && loginSoFar(b, n) == l7.FromClient:
		return turnLogin
	}
	return turnUnknown
}

// command describes a command.
func (d *dialog) command(c *wire.Cursor, m *l7.Message) {
	m.Role = l7.Request
	if b := c.Rest(); len(b) > 0 && b[0] == semiSync {
		m.Role = l7.Feed
		semiSyncAck(c)
		return
	}
	com := c.Uint8("command")
	c.Enum(commandNames)
	if c.Err() != nil {
		m.Role, d.now.cut = l7.Nothing, true // whether it is answered is not known
		return
	}
	name := names[com]
	d.now.command = com
	m.Leaves = uint64(com)
	switch com {
	case comQuery:
	case comPrepare:
		m.SetText(record.Operation, "PREPARE")
	default:
		m.SetText(record.Operation, name[len("COM_"):])
	}
	m.SetAttributeText(attrCommand, name)
	d.about(m)
	switch com {
	case comQuit:
		m.Role = l7.OneWay
	case comInitDB:
		d.now.schema = c.String("schema_name", c.Left())
		m.SetBytes(record.Target, d.now.schema)
		m.Leaves |= leavesUse | uint64(d.uses)<<32
	case comQuery:
		if d.attributed(c.Rest()) {
			d.queryAttributes(c, m)
		}
		sql := c.Rest()
		switch s := d.text(c, m); {
		case s == nil:
		case s.operation == "USE" && s.target != "":
			d.now.schema = m.SQL.Target
			m.Leaves |= leavesUse | uint64(d.uses)<<32
		case s.operation == "KILL":
			if thread, ok := victim(sql); ok {
				d.kill(m, thread)
			}
		}
	case comFieldList:
		m.SetBytes(record.Target, c.CString("table"))
		if c.More() {
			c.String("wildcard", c.Left())
		}
	case 0x05, 0x06: // CREATE_DB, DROP_DB
		m.SetBytes(record.Target, c.String("schema_name", c.Left()))
	case comRefresh:
		c.Uint8("sub_command")
	case comShutdown:
		if c.More() {
			c.Uint8("shutdown_type")
		}
	case comProcessKill:
		id := c.Uint32LE("connection_id")
		if c.Err() == nil {
			d.kill(m, uint64(id))
		}
	case comChangeUser:
		d.changeUser(c, m)
	case comBinlogDump:
		binlogDump(c, m)
	case comDumpGTID:
		binlogDumpGTID(c, m)
	case comRegister:
		registerSlave(c)
	case comPrepare:
		m.Leaves |= uint64(d.statements.serial) << 32
		d.text(c, m)
	case comExecute, comBulkExecute:
		d.execute(c, m, com)
	case comLongData:
		m.Role = l7.Part
		d.of(c, m)
		d.now.parameter = c.Uint16LE("parameter_id")
		if d.now.prepared.secret {
			conceal(c, "data", c.Left())
		} else {
			data(c, "data")
		}
	case comClose:
		m.Role = l7.OneWay
		d.of(c, m)
	case comReset:
		d.of(c, m)
	case comResetSession:
		m.Leaves |= uint64(multibyte) << leavesQuoting // the server's own character set, whatever it is
	case comSetOption:
		d.now.option = c.Uint16LE("option")
		c.Enum(options)
	case comFetch:
		if st := d.of(c, m); st != nil {
			d.tellStatement(m, st)
		} else if d.statements.unseen {
			m.Doubts |= record.PreparedUnseen
		}
		c.Uint32LE("num_rows")
	default:
		if c.More() {
			data(c, "arguments")
		}
	}
}

// kill states that a request is to kill another connection, or what it does.
func (d *dialog) kill(m *l7.Message, thread uint64) {
	m.SetAttribute(attrThreadID, int64(thread))
	key := d.key(uint32(thread))
	m.Resolve(attrKills, key, false)
	m.Publish(killed(key), d.from)
}

// victim is the number of the connection that a KILL names at its end, unless it is that of a query.
func victim(sql []byte) (thread uint64, ok bool) {
	words := bytes.Fields(bytes.TrimRight(sql, "; \t\r\n"))
	n := len(words)
	if n < 2 || bytes.EqualFold(words[n-2], []byte("ID")) {
		return 0, false
	}
	thread, err := strconv.ParseUint(view(words[n-1]), 10, 64)
	return thread, err == nil
}

var options = wire.Enum{0: "MYSQL_OPTION_MULTI_STATEMENTS_ON", 1: "MYSQL_OPTION_MULTI_STATEMENTS_OFF"}

// semiSyncAck describes how a replica says that it has an event.
func semiSyncAck(c *wire.Cursor) {
	c.Uint8("semi_sync")
	c.Uint64LE("log_pos")
	c.String("log_file", c.Left())
}

// text describes SQL, up to the end of the packet.
func (d *dialog) text(c *wire.Cursor, m *l7.Message) *sentence {
	sql := c.Rest()
	whole := len(sql) == c.Left() && !d.now.full && c.Cut() == nil
	was := c.Classify(wire.Value)
	c.String("query", c.Left())
	dialect := d.dialect()
	if !whole {
		dialect |= sqltext.Partial
	}
	var s *sentence
	if c.Err() == nil {
		if s = d.read(m, sql, dialect, whole); s.quoting&multibyte != 0 && m.SQL.Statements > 1 && dialect&sqltext.Multibyte == 0 {
			dialect |= sqltext.Multibyte // which counts for its own later statements
			s = d.read(m, sql, dialect, whole)
		}
	}
	c.Typed(sqlTypes[dialect/sqltext.ANSIQuotes])
	c.Classify(was)
	if s == nil {
		return nil
	}
	if s.operation == "" && whole {
		s.operation = names[d.now.command][len("COM_"):] // there is no statement in it
	}
	if d.now.command == comPrepare {
		s.show(m)
	} else {
		s.tell(m)
	}
	m.SetBytes(record.TraceID, m.SQL.TraceID)
	m.SetBytes(record.SpanID, m.SQL.SpanID)
	if d.now.full {
		m.Doubts |= record.Cut
	}
	return s
}

// of reads the number of a statement and finds it. Without a conversation nothing is known of it but what a context
// says.
func (d *dialog) of(c *wire.Cursor, m *l7.Message) *statement {
	id := c.Uint32LE("statement_id")
	d.now.prepared = d.prepared
	if c.Err() != nil {
		return nil
	}
	d.now.statement = id
	st := d.statements.find(id)
	if st != nil {
		d.now.prepared = st.prepared
	}
	if id != latest {
		m.SetAttribute(attrStatementID, int64(id))
	}
	m.Leaves |= uint64(id) << 32
	return st
}

// tellStatement states the text of a prepared statement.
func (d *dialog) tellStatement(m *l7.Message, st *statement) {
	st.sentence.tell(m)
	if st.cut {
		m.Doubts |= record.PreparedUnseen // not all of it
	}
}

// advanceClient makes the changes that a packet of the client brings.
func (d *dialog) advanceClient(m *l7.Message) {
	now := &d.now
	if now.turn == turnRest {
		if !now.full {
			d.turn = turnCommand
			if d.rest == l7.Feed {
				d.turn = turnInfile
			}
		}
		return
	}
	if d.turn = now.turn; now.cut {
		d.turn = turnUnknown
	}
	if d.turn == turnUnknown {
		d.statements.unseen = true
	}
	switch now.turn {
	case turnLogin:
		d.agree(now.caps, now.told)
		m.Encrypted = now.encrypted
		if !now.encrypted {
			d.turn = turnAuth
			d.signIn()
		}
	case turnInfile:
		if now.empty {
			d.turn = turnCommand
		}
	case turnCommand:
		d.advanceCommand(m)
	}
	if now.full && now.turn != turnUnknown {
		d.turn, d.rest, d.restLeaves = turnRest, m.Role, m.Leaves
	}
}

// agree notes what both sides can do, of which the client can do caps. If one of them was not heard that is not known.
func (d *dialog) agree(caps uint64, told bool) {
	if d.caps = caps; !told || !d.offered {
		return
	}
	d.caps &= d.offers
	d.known = true
	d.answer.eof = eofSent
	if d.caps&capDeprecateEOF != 0 {
		d.answer.eof = eofLeftOut
	}
}

// signIn keeps who logs in until the server agrees.
func (d *dialog) signIn() {
	now := &d.now
	d.nextUser = append(d.nextUser[:0], now.user[:min(len(now.user), maxName)]...)
	d.nextSchema = append(d.nextSchema[:0], now.schema[:min(len(now.schema), maxName)]...)
	d.write(now.quoting)
	if len(now.app) > 0 {
		d.app = append(d.app[:0], now.app[:min(len(now.app), maxName)]...)
	}
}

func (d *dialog) advanceCommand(m *l7.Message) {
	now := &d.now
	s := &d.statements
	d.fresh = false
	d.risk(said(m.Leaves))
	switch now.command {
	case comChangeUser:
		d.turn = turnAuth
		d.signIn()
	case comInitDB, comQuery:
		if m.Leaves&leavesUse != 0 {
			name := &d.schemas[d.uses%maxUses]
			*name = append((*name)[:0], now.schema[:min(len(now.schema), maxName)]...)
			d.uses++
		}
	case comPrepare:
		s.prepare(&now.sentence, d.hazy, m.Values() && (now.sentence.cut || sqltext.SecretParameters(now.sentence.normal)))
	case comLongData:
		if st := s.find(now.statement); st != nil && int(now.parameter) < maxParameters {
			s.change(st, func() {
				for int(now.parameter)/8 >= len(st.long) {
					st.long = append(st.long, 0)
				}
				st.long[now.parameter/8] |= 1 << (now.parameter % 8)
			})
		}
	case comExecute, comBulkExecute:
		if st := s.find(now.statement); st != nil {
			s.change(st, func() {
				if len(now.types) > 0 && len(now.types) <= 2*maxParameters {
					st.types = append(st.types[:0], now.types...)
				}
				st.long = st.long[:0]
			})
		}
	case comReset:
		if st := s.find(now.statement); st != nil {
			st.long = st.long[:0]
		}
	case comClose:
		s.close(now.statement)
	case comSetOption:
		if now.option == 0 {
			d.caps |= capMultiStatements
		}
	}
}
