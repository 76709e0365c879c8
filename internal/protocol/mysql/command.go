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
	case seq == 0 && len(b) > 0 && (knownCommand(b[0]) || b[0] == semiSync):
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
	case comSetOption:
		c.Uint16LE("option")
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

var (
	executeFlags = []wire.Flag{
		{Mask: 1, Name: "CURSOR_TYPE_READ_ONLY"}, {Mask: 2, Name: "CURSOR_TYPE_FOR_UPDATE"}, {Mask: 4, Name: "CURSOR_TYPE_SCROLLABLE"},
		{Mask: parameterCountAvailable, Name: "PARAMETER_COUNT_AVAILABLE"},
	}
	bulkFlags      = []wire.Flag{{Mask: 64, Name: "SEND_UNIT_RESULTS"}, {Mask: bulkTypes, Name: "SEND_TYPES_TO_SERVER"}}
	parameterFlags = []wire.Flag{{Mask: unsignedParameter, Name: "UNSIGNED"}}
	indicators     = wire.Enum{0: "NONE", 1: "NULL", 2: "DEFAULT", 3: "IGNORE"}
)

const (
	parameterCountAvailable = 8
	bulkTypes               = 128
	unsignedParameter       = 0x80
)

// execute describes the execution of a prepared statement.
func (d *dialog) execute(c *wire.Cursor, m *l7.Message, com byte) {
	st := d.of(c, m)
	if st != nil {
		d.tellStatement(m, st)
	} else if c.Err() == nil && d.statements.unseen {
		m.Doubts |= record.PreparedUnseen
	}
	p := &d.now.prepared
	if com == comBulkExecute {
		d.bulk(c, m, p)
		return
	}
	flags := c.Uint8("flags")
	c.Flags(executeFlags)
	c.Uint32LE("iteration_count")
	if flags&7 != 0 && c.Err() == nil {
		m.SetAttribute(attrCursor, 1)
	}
	named := d.known && d.caps&capQueryAttributes != 0 || !d.known && flags&parameterCountAvailable != 0
	n := p.params
	switch {
	case named && (n > 0 || flags&parameterCountAvailable != 0):
		n = int(lengthEncoded(c, "parameter_count"))
	case !p.seen:
		if n = guess(c.Rest(), c.Left()); n < 0 {
			data(c, "parameters")
			return
		}
	}
	if n == 0 || n > c.Left() {
		if n > 0 {
			data(c, "parameters")
		}
		return
	}
	var list *l7.Parameters
	if m.Values() && st != nil && !st.guarded {
		all := m.Parameters()
		list = &all
	}
	d.parameters(c, m, n, p, named, list)
	list.State(attrParameters)
}

// parameters describes n parameters of p: which are NULL, their types if they are new, their values. One that is called
// traceparent is what OpenTelemetry says it is. Those that the statement has are put on the
// list, if there is one.
func (d *dialog) parameters(c *wire.Cursor, m *l7.Message, n int, p *prepared, named bool, list *l7.Parameters) {
	nulls := c.Rest()
	nulls = nulls[:min((n+7)/8, len(nulls))]
	c.Skip("null_bitmap", (n+7)/8, nil)
	types, width := p.types, 2
	if c.Uint8("new_params_bind_flag") == 1 {
		if types = parameterTypes(c, n, named); named {
			width = 0 // of each its own
		}
	} else {
		named = false
	}
	if c.Err() != nil {
		return
	}
	if len(types) < 2*n {
		data(c, "values")
		return
	}
	d.typed = d.typed[:0]
	g := c.Group("parameters")
	for i := 0; i < n && c.Err() == nil; i++ {
		if p.seen && i == p.params {
			list = nil // attributes of the query follow
		}
		typ, sign, name := types[0], types[1], ""
		if types = types[2:]; width == 0 {
			k, size := lengthOf(types)
			if k > 0 {
				name = view(types[size : size+k])
			}
			types = types[size+k:]
		}
		d.typed = append(d.typed, typ, sign)
		var one int32
		if name != "" {
			one = c.Group(name)
		} else {
			one = c.Group("parameter")
			c.Index()
		}
		switch {
		case nulls[i/8]>>(i%8)&1 != 0:
			nullValue(c, "value")
			c.Stands()
			list.Word("null")
		case p.isLong(i):
			c.Skip("value", 0, sentBefore)
			c.Stands()
			list.Word(`"(long data)"`)
		default:
			listed(list, c.Rest(), typ, sign&unsignedParameter != 0)
			if name == "traceparent" {
				k, size := lengthOf(c.Rest())
				trace, span := sqltext.Traceparent(c.Rest()[size:min(size+k, len(c.Rest()))])
				m.SetBytes(record.TraceID, trace)
				m.SetBytes(record.SpanID, span)
			}
			parameter(c, typ, sign&unsignedParameter != 0, p.secret)
		}
		c.End(one)
	}
	c.End(g)
	d.now.types = d.typed
}

// parameterTypes describes the types of n parameters, and with named their names. It lends their bytes; none, if they
// were cut.
func parameterTypes(c *wire.Cursor, n int, named bool) []byte {
	b := c.Rest()
	g := c.Group("parameter_types")
	for i := 0; i < n && c.Err() == nil; i++ {
		one := c.Group("parameter_type")
		c.Index()
		c.Uint8("type")
		c.Enum(typeNames)
		c.Stands()
		c.Uint8("flags")
		c.Flags(parameterFlags)
		if named {
			lengthText(c, "name")
		}
		c.End(one)
	}
	c.End(g)
	if c.Err() != nil || c.Cut() != nil {
		return nil
	}
	return b[:len(b)-len(c.Rest())]
}

// bulk describes the rest of a COM_STMT_BULK_EXECUTE.
func (d *dialog) bulk(c *wire.Cursor, m *l7.Message, p *prepared) {
	flags := c.Uint16LE("bulk_flags")
	c.Flags(bulkFlags)
	n, types := p.params, p.types
	if !p.seen || n == 0 {
		data(c, "parameters")
		return
	}
	if flags&bulkTypes != 0 {
		types = parameterTypes(c, n, false)
		d.now.types = types
	}
	if c.Err() != nil {
		return
	}
	if len(types) < 2*n {
		m.Doubts |= record.PreparedUnseen // an earlier execution had them
		data(c, "values")
		return
	}
	sets := int64(0)
	for c.More() {
		g := c.Group("parameters")
		c.Index()
		for i := range n {
			one := c.Group("parameter")
			c.Index()
			if c.Uint8("indicator") == 0 {
				c.Detail()
				parameter(c, types[2*i], types[2*i+1]&unsignedParameter != 0, p.secret)
			} else {
				c.Enum(indicators)
				c.Stands()
			}
			c.End(one)
			if c.Err() != nil {
				break
			}
		}
		c.End(g)
		if c.Err() == nil {
			sets++
		}
	}
	if c.Err() == nil && c.Cut() == nil {
		m.SetAttribute(attrBulk, sets)
	}
}

// attributed tells whether the body of a COM_QUERY begins with query attributes.
func (d *dialog) attributed(b []byte) bool {
	if d.known {
		return d.caps&capQueryAttributes != 0
	}
	return len(b) > 1 && b[0] < ' ' && b[1] == 1 // no SQL begins so
}

// queryAttributes describes the attributes of a COM_QUERY.
func (d *dialog) queryAttributes(c *wire.Cursor, m *l7.Message) {
	n := int(lengthEncoded(c, "parameter_count"))
	lengthEncoded(c, "parameter_set_count")
	if n > 0 && n <= c.Left() {
		var none prepared
		d.parameters(c, m, n, &none, true, nil)
		d.now.types = nil
	}
}

// lengthOf is the length that b begins with, and how many bytes say it; 0 if none does.
func lengthOf(b []byte) (n, size int) {
	if len(b) == 0 {
		return 0, 0
	}
	switch b[0] {
	case 0xFB, 0xFF:
		return 0, 0
	case 0xFC:
		size = 3
	case 0xFD:
		size = 4
	case 0xFE:
		size = 9
	default:
		return int(b[0]), 1
	}
	if size > len(b) {
		return 0, 0
	}
	return int(min(little(b[1:size]), maxPayload<<8)), size
}

// guess finds the number of parameters of a statement that was not seen: -1 if none fits b, of n bytes in all.
func guess(b []byte, n int) int {
	if n == 0 {
		return 0
	}
	if len(b) != n {
		return -1
	}
	for params := 1; (params+7)/8+1+2*params <= n && params <= maxParameters; params++ {
		at := (params + 7) / 8
		if b[at] != 1 {
			continue
		}
		types, left := b[at+1:at+1+2*params], b[at+1+2*params:]
		fits := true
		for i := 0; i < params && fits; i++ {
			if fits = typeNames[uint64(types[2*i])] != "" && types[2*i+1]&^unsignedParameter == 0; !fits || b[i/8]>>(i%8)&1 != 0 {
				continue
			}
			k := binarySize(types[2*i], left)
			if fits = k >= 0; fits {
				left = left[k:]
			}
		}
		if fits && len(left) == 0 {
			return params
		}
	}
	return -1
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
	}
}
