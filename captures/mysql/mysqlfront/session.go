package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// What go-mysql has no name for.
const (
	extendedMetadata = 1 << 3 // MariaDB's own capabilities
	cacheMetadata    = 1 << 4

	moreResults  = 0x0008 // status flags
	cursorExists = 0x0040
	stateChanged = 0x4000

	bulkExecute = 0xfa
)

var names = map[byte]string{
	mysql.COM_QUIT: "COM_QUIT", mysql.COM_INIT_DB: "COM_INIT_DB", mysql.COM_QUERY: "COM_QUERY",
	mysql.COM_FIELD_LIST: "COM_FIELD_LIST", mysql.COM_CREATE_DB: "COM_CREATE_DB", mysql.COM_DROP_DB: "COM_DROP_DB",
	mysql.COM_REFRESH: "COM_REFRESH", mysql.COM_SHUTDOWN: "COM_SHUTDOWN", mysql.COM_STATISTICS: "COM_STATISTICS",
	mysql.COM_PROCESS_INFO: "COM_PROCESS_INFO", mysql.COM_PROCESS_KILL: "COM_PROCESS_KILL", mysql.COM_DEBUG: "COM_DEBUG",
	mysql.COM_PING: "COM_PING", mysql.COM_CHANGE_USER: "COM_CHANGE_USER", mysql.COM_BINLOG_DUMP: "COM_BINLOG_DUMP",
	mysql.COM_REGISTER_SLAVE: "COM_REGISTER_SLAVE", mysql.COM_STMT_PREPARE: "COM_STMT_PREPARE",
	mysql.COM_STMT_EXECUTE: "COM_STMT_EXECUTE", mysql.COM_STMT_SEND_LONG_DATA: "COM_STMT_SEND_LONG_DATA",
	mysql.COM_STMT_CLOSE: "COM_STMT_CLOSE", mysql.COM_STMT_RESET: "COM_STMT_RESET", mysql.COM_SET_OPTION: "COM_SET_OPTION",
	mysql.COM_STMT_FETCH: "COM_STMT_FETCH", mysql.COM_BINLOG_DUMP_GTID: "COM_BINLOG_DUMP_GTID",
	mysql.COM_RESET_CONNECTION: "COM_RESET_CONNECTION", bulkExecute: "COM_STMT_BULK_EXECUTE",
}

// phase says what the next packet of an answer can be.
type phase int

const (
	first       phase = iota // OK, ERR, EOF, LOCAL INFILE or a number of columns
	definitions              // of columns, to be followed by rows
	definitionsEnd
	rows
	file // the client sends one
	prepared
	parameters
	parametersEnd
	preparedColumns
	preparedColumnsEnd
	fields
	text1 // of COM_STATISTICS
	dump
	login
)

// statement is what a COM_STMT_PREPARE made.
type statement struct {
	id      uint32
	sql     string
	params  int
	types   []paramType
	columns []column
	long    map[int][]byte
}

// change is what a login or COM_CHANGE_USER makes of the session when it succeeds.
type change struct{ user, db string }

// session is one connection, as both sides have spoken so far.
type session struct {
	f          *front
	conn, port int
	err        error // the first thing that could not be read; nothing is, after it

	mu              sync.Mutex
	client, server  joiner
	passed          int         // bytes of the server
	caps, offered   uint32      // agreed to; offered by the server
	own, offeredOwn uint32      // the same of MariaDB alone
	queue           []*exchange // not yet answered in full
	statements      map[uint32]*statement
	prepared        *statement // the last one
	user, db        string
}

func (f *front) newSession(conn, port int) *session {
	s := &session{f: f, conn: conn, port: port, statements: map[uint32]*statement{}}
	x := s.request("LOGIN", 0)
	x.phase = login
	if f.blind {
		x.Command = "UNKNOWN"
	}
	return s
}

func (s *session) request(command string, size int) *exchange {
	x := &exchange{Conn: s.conn, Port: s.port, Command: command, Bytes: size}
	s.queue = append(s.queue, x)
	s.f.truth.add(x)
	return x
}

// end notes what stays without an answer, and packets that were never sent to their end.
func (s *session) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.queue {
		x.Outcome = "open"
		if x.request != nil {
			s.begin(x)
		}
	}
	if n, m := s.client.rest(), s.server.rest(); n+m > 0 && s.err == nil {
		x := s.request("PART", n)
		x.ReplyBytes, x.Outcome = m, "open"
	}
}

func (s *session) fromClient(b []byte) bool { return s.from(&s.client, b, s.ask) }

func (s *session) fromServer(b []byte) bool { return s.from(&s.server, b, s.answer) }

// from notes bytes of one direction. They pass even when they cannot be read.
func (s *session) from(j *joiner, b []byte, take func([]byte, int) error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.f.blind {
		if x := s.queue[0]; j == &s.client {
			x.Bytes += len(b)
		} else {
			x.ReplyBytes += len(b)
		}
		return true
	}
	j.raw = append(j.raw, b...)
	for s.err == nil {
		var packet []byte
		var size int
		if packet, size, s.err = j.next(); packet == nil {
			break
		}
		if s.err = take(packet, size); s.err != nil {
			s.err = fmt.Errorf("%w in % x", s.err, packet[:min(len(packet), 40)])
		}
	}
	return true
}

// ask takes a packet of the client.
func (s *session) ask(p []byte, size int) error {
	if len(s.queue) > 0 {
		switch x := s.queue[0]; x.phase {
		case login:
			x.Bytes += size
			if x.request != nil || x.Command == "COM_CHANGE_USER" {
				return nil // a further step
			}
			return s.login(x, p)
		case file:
			x.Bytes += size
			*x.File += len(p)
			if len(p) == 0 {
				x.phase = first
			}
			return nil
		}
	}
	if len(p) == 0 {
		return fmt.Errorf("an empty request")
	}
	name := names[p[0]]
	if name == "" {
		name = fmt.Sprintf("0x%02x", p[0])
	}
	x := s.request(name, size)
	x.request = p
	s.advance()
	return nil
}

// advance begins the next request, and goes on over those that have no answer.
func (s *session) advance() {
	for len(s.queue) > 0 && s.queue[0].request != nil && s.queue[0].phase != login {
		x := s.queue[0]
		s.begin(x)
		if x.Outcome != "oneway" {
			return
		}
		s.queue = s.queue[1:]
	}
}

// begin reads a request. Only now is known what those before it have done.
func (s *session) begin(x *exchange) {
	r := reader{b: x.request[1:]}
	command := x.request[0]
	x.request = nil
	x.User, x.DB = s.user, s.db
	switch command {
	case mysql.COM_QUERY:
		if s.caps&mysql.CLIENT_QUERY_ATTRIBUTES != 0 {
			n, _ := r.lenenc()
			r.lenenc() // sets of them: 1
			if n > 0 {
				s.parameters(x, &r, int(n), &statement{})
			}
		}
		x.SQL = *text(r.b)
	case mysql.COM_INIT_DB:
		x.SQL = string(r.b)
	case mysql.COM_FIELD_LIST:
		x.SQL, x.phase = r.cstring(), fields
	case mysql.COM_STATISTICS:
		x.phase = text1
	case mysql.COM_QUIT:
		x.Outcome = "oneway" // the server just goes
	case mysql.COM_STMT_PREPARE:
		x.SQL, x.phase = *text(r.b), prepared
	case mysql.COM_STMT_SEND_LONG_DATA:
		x.Outcome = "oneway"
		if st := s.named(x, &r); st != nil {
			if st.long == nil {
				st.long = map[int][]byte{}
			}
			i := int(r.int(2))
			st.long[i] = append(st.long[i], r.b...)
		}
	case mysql.COM_STMT_CLOSE:
		x.Outcome = "oneway"
		s.named(x, &r)
		delete(s.statements, x.Statement)
	case mysql.COM_STMT_RESET:
		if st := s.named(x, &r); st != nil {
			st.long = nil
		}
	case mysql.COM_STMT_FETCH:
		if st := s.named(x, &r); st != nil {
			x.phase, x.columns, x.binary = rows, st.columns, true
			x.Results = append(x.Results, result{})
		}
	case mysql.COM_STMT_EXECUTE:
		if st := s.named(x, &r); st != nil {
			s.execute(x, &r, st)
		}
	case bulkExecute:
		if st := s.named(x, &r); st != nil {
			s.bulk(x, &r, st)
		}
	case mysql.COM_CHANGE_USER:
		x.phase = login
		x.switching = &change{user: r.cstring()}
		r.bytes(int(r.int(1)))
		x.switching.db = r.cstring()
		x.SQL = x.switching.user
		r.int(2)
		x.Plugins = []string{r.cstring()}
	case mysql.COM_BINLOG_DUMP:
		r.int(4 + 2 + 4)
		x.SQL, x.phase = string(r.b), dump
	case mysql.COM_BINLOG_DUMP_GTID:
		r.int(2 + 4)
		x.SQL, x.phase = string(r.bytes(int(r.int(4)))), dump
	}
}

// named finds the statement that a request names. MariaDB takes id -1 for the last one.
func (s *session) named(x *exchange, r *reader) *statement {
	x.Statement = uint32(r.int(4))
	st := s.statements[x.Statement]
	if x.Statement == 0xffffffff {
		st = s.prepared
	}
	if st != nil {
		x.SQL, x.stmt = st.sql, st
	}
	return st
}

// login reads the first packet of a client.
func (s *session) login(x *exchange, p []byte) error {
	r := reader{b: p}
	caps := uint32(r.int(2))
	if caps&mysql.CLIENT_PROTOCOL_41 == 0 { // HandshakeResponse320
		r.int(3)
		s.caps = caps & s.offered
		x.User = r.cstring()
		if caps&mysql.CLIENT_CONNECT_WITH_DB != 0 {
			r.cstring()
			x.DB = r.cstring()
		}
		x.request, x.switching = p, &change{x.User, x.DB}
		return nil
	}
	caps |= uint32(r.int(2)) << 16
	r.int(4 + 1)
	r.bytes(19)
	s.own = uint32(r.int(4)) & s.offeredOwn
	s.caps = caps & s.offered
	if len(r.b) == 0 && caps&mysql.CLIENT_SSL != 0 {
		x.TLS = true
		return nil
	}
	x.User = r.cstring()
	switch {
	case caps&mysql.CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA != 0:
		r.text()
	case caps&mysql.CLIENT_SECURE_CONNECTION != 0:
		r.bytes(int(r.int(1)))
	default:
		r.cstring()
	}
	if caps&mysql.CLIENT_CONNECT_WITH_DB != 0 {
		x.DB = r.cstring()
	}
	if caps&mysql.CLIENT_PLUGIN_AUTH != 0 {
		x.Plugins = append(x.Plugins, r.cstring())
	}
	if caps&mysql.CLIENT_CONNECT_ATTRS != 0 {
		attributes := map[string]string{}
		for in := (reader{b: r.text()}); len(in.b) > 0 && !in.short; {
			key := string(in.text())
			attributes[key] = string(in.text())
		}
		x.Driver = strings.TrimSpace(attributes["_client_name"] + " " + attributes["_client_version"])
		x.App = attributes["program_name"]
	}
	switch {
	case s.caps&mysql.CLIENT_COMPRESS != 0:
		x.Compression = "zlib"
	case s.caps&mysql.CLIENT_ZSTD_COMPRESSION_ALGORITHM != 0:
		x.Compression = "zstd"
	}
	x.request, x.switching = p, &change{x.User, x.DB}
	return nil
}

// answer takes a packet of the server.
func (s *session) answer(p []byte, size int) error {
	if len(s.queue) == 0 {
		s.request("PUSH", 0) // it speaks unasked, before it closes the connection
	}
	x := s.queue[0]
	x.Replies++
	x.ReplyBytes += size
	if len(p) == 0 {
		return fmt.Errorf("an empty answer")
	}
	r := reader{b: p[1:]}
	eof := p[0] == 0xfe && len(p) < 9
	if s.caps&mysql.CLIENT_DEPRECATE_EOF != 0 {
		eof = p[0] == 0xfe && len(p) < 0xffffff
	}
	switch {
	case p[0] == 0xff && x.phase != text1:
		return s.failed(x, &r)
	case x.phase == login:
		return s.authenticate(x, p)
	case x.phase == first && (p[0] == 0 || eof):
		s.ok(x, &r, p[0])
	case x.phase == first && p[0] == 0xfb && x.Command == "COM_QUERY":
		x.phase, x.File = file, new(int)
	case x.phase == first:
		s.columns(x, reader{b: p})
	case x.phase == definitions:
		x.columns = append(x.columns, s.column(p))
		if x.left--; x.left == 0 {
			s.defined(x)
		}
	case x.phase == definitionsEnd:
		r.int(2)
		if status := r.int(2); status&cursorExists != 0 {
			s.fetchable(x, uint16(status))
			return nil
		}
		x.phase = rows
	case x.phase == rows && eof:
		s.last(x, &r)
	case x.phase == rows:
		return s.row(x, p)
	case x.phase == prepared && p[0] == 0:
		st := &statement{id: uint32(r.int(4)), sql: x.SQL}
		x.Statement, x.stmt, s.prepared = st.id, st, st
		x.left, st.params = int(r.int(2)), int(r.int(2))
		s.statements[st.id] = st
		r.int(1)
		x.Results = []result{{Warnings: int(r.int(2))}}
		none := s.caps&mysql.CLIENT_OPTIONAL_RESULTSET_METADATA != 0 && len(r.b) > 0 && r.int(1) == 0
		x.columns = make([]column, 0, x.left)
		switch {
		case st.params > 0 && !none:
			x.phase = parameters
			x.left, st.columns = st.params, make([]column, x.left)
		case x.left > 0 && !none:
			x.phase = preparedColumns
		default:
			s.done(x, "ok")
		}
	case x.phase == parameters:
		if x.left--; x.left == 0 {
			x.left = len(x.stmt.columns)
			x.phase = parametersEnd
			if s.caps&mysql.CLIENT_DEPRECATE_EOF != 0 {
				s.afterParameters(x)
			}
		}
	case x.phase == parametersEnd && eof:
		s.afterParameters(x)
	case x.phase == preparedColumns:
		x.columns = append(x.columns, s.column(p))
		if x.left--; x.left == 0 {
			x.stmt.columns = x.columns
			x.phase = preparedColumnsEnd
			if s.caps&mysql.CLIENT_DEPRECATE_EOF != 0 {
				s.done(x, "ok")
			}
		}
	case x.phase == preparedColumnsEnd && eof:
		s.done(x, "ok")
	case x.phase == fields && eof:
		x.Results = []result{{Columns: columnNames(x.columns)}}
		s.done(x, "ok")
	case x.phase == fields:
		x.columns = append(x.columns, s.column(p))
	case x.phase == text1:
		x.Message = string(p)
		s.done(x, "ok")
	case x.phase == dump && eof:
		s.done(x, "ok")
	case x.phase == dump:
		x.Events++
	default:
		return fmt.Errorf("%s: not expected in phase %d", x.Command, x.phase)
	}
	return nil
}

// done ends the first exchange of the queue.
func (s *session) done(x *exchange, outcome string) {
	x.Outcome = outcome
	s.queue = s.queue[1:]
	s.advance()
}

// failed takes an ERR, which may be a progress report.
func (s *session) failed(x *exchange, r *reader) error {
	code := int(r.int(2))
	if code == 0xffff {
		x.Progress++
		return nil
	}
	x.Code = code
	if len(r.b) > 0 && r.b[0] == '#' {
		x.State = string(r.bytes(6)[1:])
	}
	x.Message = string(r.b)
	if x.phase == prepared {
		s.prepared = nil
	}
	if x.phase == login && x.Bytes == 0 {
		x.Command = "GREETING"
		x.Greeting = x.ReplyBytes
	}
	s.done(x, "error")
	return nil
}

// ok takes an OK, or an EOF that is the whole answer.
func (s *session) ok(x *exchange, r *reader, header byte) {
	var res result
	if header == 0xfe && s.caps&mysql.CLIENT_DEPRECATE_EOF == 0 {
		res.Warnings, res.Status = int(r.int(2)), uint16(r.int(2))
	} else {
		affected, _ := r.lenenc()
		res.Affected = &affected
		s.rest(x, &res, r)
	}
	x.Results = append(x.Results, res)
	x.phase = first
	if res.Status&moreResults != 0 {
		return
	}
	switch {
	case x.Command == "COM_INIT_DB":
		s.db = x.SQL
	case x.Command == "COM_RESET_CONNECTION":
		clear(s.statements)
	case x.Command == "COM_QUERY" && s.caps&mysql.CLIENT_SESSION_TRACK == 0:
		if m := use.FindStringSubmatch(x.SQL); m != nil {
			s.db = m[1]
		}
	}
	s.done(x, "ok")
}

var use = regexp.MustCompile("(?i)^\\s*use\\s+`?([^\\s`;]+)")

// rest takes an OK from its insert id on.
func (s *session) rest(x *exchange, res *result, r *reader) {
	res.InsertID, _ = r.lenenc()
	res.Status, res.Warnings = uint16(r.int(2)), int(r.int(2))
	if len(r.b) > 0 {
		res.Info = string(r.text()) // with a length, whatever the capabilities say
	}
	if s.caps&mysql.CLIENT_SESSION_TRACK == 0 || res.Status&stateChanged == 0 {
		return
	}
	for in := (reader{b: r.text()}); len(in.b) > 0 && !in.short; {
		kind := in.int(1)
		data := reader{b: in.text()}
		switch kind {
		case 0:
			for len(data.b) > 0 && !data.short {
				x.Track = append(x.Track, string(data.text())+"="+string(data.text()))
			}
		case 1:
			s.db = string(data.text())
			x.Track = append(x.Track, "(schema)="+s.db)
		case 2:
			x.Track = append(x.Track, "(state)="+string(data.text()))
		case 3:
			data.int(1)
			x.Track = append(x.Track, "(gtids)="+string(data.text()))
		case 4:
			x.Track = append(x.Track, "(characteristics)="+string(data.text()))
		case 5:
			x.Track = append(x.Track, "(transaction)="+string(data.text()))
		default:
			x.Track = append(x.Track, fmt.Sprintf("(%d)=%x", kind, data.b))
		}
	}
}

// columns takes the packet that says how many columns follow.
func (s *session) columns(x *exchange, r reader) {
	n, _ := r.lenenc()
	full := true
	if s.caps&mysql.CLIENT_OPTIONAL_RESULTSET_METADATA != 0 || s.own&cacheMetadata != 0 {
		full = r.int(1) == 1
	}
	x.Results = append(x.Results, result{})
	x.columns, x.left = nil, int(n)
	x.phase = definitions
	x.binary = x.stmt != nil
	if !full {
		if x.stmt != nil {
			x.columns = x.stmt.columns
		}
		for len(x.columns) < int(n) {
			x.columns = append(x.columns, column{})
		}
		s.defined(x)
	}
}

// defined goes from the definitions of columns to the rows.
func (s *session) defined(x *exchange) {
	if x.stmt != nil {
		x.stmt.columns = x.columns
	}
	x.Results[len(x.Results)-1].Columns = columnNames(x.columns)
	x.phase = definitionsEnd
	if s.caps&mysql.CLIENT_DEPRECATE_EOF != 0 {
		x.phase = rows
	}
}

// fetchable ends the answer to an execution whose rows wait for COM_STMT_FETCH.
func (s *session) fetchable(x *exchange, status uint16) {
	x.Open = true
	x.Results[len(x.Results)-1].Status = status
	s.done(x, "ok")
}

// row counts one, and notes its values if that is wanted.
func (s *session) row(x *exchange, p []byte) error {
	res := &x.Results[len(x.Results)-1]
	res.Rows++
	if !s.f.values {
		return nil
	}
	r := reader{b: p}
	values := make([]value, len(x.columns))
	if x.binary {
		r.int(1)
		null := r.bytes((len(x.columns) + 9) / 8)
		for i, c := range x.columns {
			if null[(i+2)/8]>>((i+2)%8)&1 == 0 {
				values[i] = c.binary(&r)
			}
		}
	} else {
		for i := range x.columns {
			if n, null := r.lenenc(); !null {
				values[i] = text(r.bytes(int(n)))
			}
		}
	}
	if r.short || len(r.b) > 0 {
		return fmt.Errorf("a row is not of its columns")
	}
	res.RowsText = append(res.RowsText, values)
	return nil
}

// last takes the EOF, or the OK that looks like one, that ends rows.
func (s *session) last(x *exchange, r *reader) {
	res := &x.Results[len(x.Results)-1]
	if s.caps&mysql.CLIENT_DEPRECATE_EOF != 0 {
		r.lenenc()
		s.rest(x, res, r)
	} else {
		res.Warnings, res.Status = int(r.int(2)), uint16(r.int(2))
	}
	if res.Status&cursorExists != 0 && x.Command != "COM_STMT_FETCH" {
		s.fetchable(x, res.Status)
		return
	}
	x.phase = first
	if res.Status&moreResults == 0 {
		s.done(x, "ok")
	}
}

func (s *session) afterParameters(x *exchange) {
	x.phase = preparedColumns
	if x.left == 0 {
		s.done(x, "ok")
	}
}

// authenticate takes a packet of the server before the end of a login or COM_CHANGE_USER.
func (s *session) authenticate(x *exchange, p []byte) error {
	r := reader{b: p[1:]}
	switch {
	case x.Replies == 1 && x.Command == "LOGIN":
		if p[0] != 10 {
			return fmt.Errorf("a greeting of version %d", p[0])
		}
		x.Greeting = x.ReplyBytes
		x.Server = r.cstring()
		r.int(4)
		r.bytes(8 + 1)
		s.offered = uint32(r.int(2))
		r.int(1 + 2)
		s.offered |= uint32(r.int(2)) << 16
		r.bytes(1 + 6)
		if s.offered&mysql.CLIENT_LONG_PASSWORD == 0 {
			s.offeredOwn = uint32(r.int(4))
		}
	case p[0] == 0:
		affected, _ := r.lenenc()
		res := result{Affected: &affected}
		s.user, s.db = x.switching.user, x.switching.db
		s.rest(x, &res, &r)
		x.Results = append(x.Results, res)
		if x.Command == "LOGIN" {
			s.client.compression, s.server.compression = x.Compression, x.Compression
		} else {
			clear(s.statements)
		}
		x.request = nil
		s.done(x, "ok")
	case p[0] == 0xfe:
		plugin := "mysql_old_password"
		if len(p) > 1 {
			plugin = r.cstring()
		}
		x.Plugins = append(x.Plugins, plugin)
	case p[0] == 1 && len(p) == 2 && slices.Contains(x.Plugins, "caching_sha2_password"):
		x.Sha2 = map[byte]string{3: "fast", 4: "full"}[p[1]]
	}
	return nil
}

// execute reads a COM_STMT_EXECUTE.
func (s *session) execute(x *exchange, r *reader, st *statement) {
	flags := r.int(1)
	r.int(4)
	n := st.params
	if s.caps&mysql.CLIENT_QUERY_ATTRIBUTES != 0 && (n > 0 || flags&8 != 0) {
		count, _ := r.lenenc()
		n = int(count)
	}
	if n > 0 {
		s.parameters(x, r, n, st)
	}
	st.long = nil
}

// parameters reads n values: parameters of the statement, then query attributes.
func (s *session) parameters(x *exchange, r *reader, n int, st *statement) {
	null := r.bytes((n + 7) / 8)
	if r.int(1) == 1 {
		st.types = nil
		for range n {
			t := paramType{column: column{kind: byte(r.int(1)), unsigned: r.int(1)&0x80 != 0, decimals: 6}}
			if s.caps&mysql.CLIENT_QUERY_ATTRIBUTES != 0 {
				t.name = string(r.text())
			}
			st.types = append(st.types, t)
		}
	}
	for i := range n {
		var v value
		if b, ok := st.long[i]; ok {
			v = text(b)
		} else if len(null) > i/8 && null[i/8]>>(i%8)&1 == 0 && i < len(st.types) {
			v = st.types[i].binary(r)
		}
		if i < st.params {
			x.Params = append(x.Params, v)
		} else if v != nil {
			x.Attributes = append(x.Attributes, [2]string{st.types[i].name, *v})
		}
	}
}

// bulk reads a COM_STMT_BULK_EXECUTE.
func (s *session) bulk(x *exchange, r *reader, st *statement) {
	if flags := r.int(2); flags&128 != 0 {
		st.types = nil
		for range st.params {
			st.types = append(st.types, paramType{column: column{kind: byte(r.int(1)), unsigned: r.int(1)&0x80 != 0, decimals: 6}})
		}
	}
	for ; len(r.b) > 0 && !r.short; x.Bulk++ {
		for i := range st.params {
			var v value
			if r.int(1) == 0 {
				v = st.types[i].binary(r)
			}
			if x.Bulk == 0 {
				x.Params = append(x.Params, v)
			}
		}
	}
}
