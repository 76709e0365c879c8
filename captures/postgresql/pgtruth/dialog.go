package main

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"
)

// dialog decodes one connection.
type dialog struct {
	*conn
	number    int
	encoding  string // of the client
	exchanges []*exchange

	sent     []*message // by the client
	queue    []*message // those that the server has not answered
	sync     []*exchange
	said     *message // by the server: its turn
	obsolete bool     // protocol 2.0
}

// message is one message of either side; those of the startup have type 0.
type message struct {
	kind   byte
	body   []byte
	size   int
	packet int
	x      *exchange   // that it belongs to, if to one
	group  []*exchange // of a Sync
	state  state
}

// invalid is the kind of a message with an impossible length.
const invalid = 255

type state byte

const (
	open state = iota
	answered
	failed
	skipped
)

func (d *dialog) decode() error {
	at, err := d.startup()
	if err != nil {
		return fmt.Errorf("connection %d: %w", d.number, err)
	}
	if d.obsolete {
		return nil
	}
	if err := d.requests(messages(&d.client, at[0])); err != nil {
		return fmt.Errorf("connection %d: %w", d.number, err)
	}
	for _, m := range messages(&d.server, at[1]) {
		if err := d.answer(m); err != nil {
			return fmt.Errorf("connection %d, packet %d, %c: %w", d.number, m.packet, m.kind, err)
		}
	}
	d.finish()
	return nil
}

// messages splits what follows the startup. What a killed peer left of a message is one without a kind.
// After an invalid length nothing can be told.
func messages(s *stream, at int) []*message {
	var out []*message
	for b := s.bytes[at:]; len(b) > 0; b = s.bytes[at:] {
		m := &message{packet: s.packet(at), size: len(b)}
		if len(b) >= 5 {
			n := 1 + int(binary.BigEndian.Uint32(b[1:]))
			switch {
			case n < 5:
				m.kind = invalid
			case n <= len(b):
				m.kind, m.body, m.size = b[0], b[5:n], n
			}
		}
		at += m.size
		out = append(out, m)
	}
	return out
}

func (d *dialog) begin(operation string, packet int) *exchange {
	x := &exchange{Conn: d.number, Port: d.port, Packet: packet, Operation: operation}
	d.exchanges = append(d.exchanges, x)
	return x
}

// startup reads the packets without a type and the single bytes that answer some of them. It returns where the messages of the
// client and of the server begin.
func (d *dialog) startup() (at [2]int, err error) {
	if len(d.client.bytes) == 0 {
		return at, nil
	}
	x := d.begin("LOGIN", d.client.packet(0))
	if d.tls {
		x.SSL = "direct"
	}
	for {
		b := d.client.bytes[at[0]:]
		if len(b) < 8 || len(b) < int(binary.BigEndian.Uint32(b)) {
			x.Bytes += len(b)
			x.Unanswered = true
			return [2]int{len(d.client.bytes), at[1]}, nil
		}
		n := int(binary.BigEndian.Uint32(b))
		body := b[4:n]
		x.Bytes += n
		at[0] += n
		switch code := binary.BigEndian.Uint32(body); code {
		case 80877102:
			x.Operation = "CANCEL"
			var m pgproto3.CancelRequest
			if err := m.Decode(body); err != nil {
				return at, err
			}
			x.PID, x.KeyBytes = m.ProcessID, len(m.SecretKey)
			return at, nil
		case 80877103, 80877104: // SSLRequest, GSSENCRequest
			answer := d.server.bytes[at[1]:]
			if len(answer) == 0 {
				x.Unanswered = true
				return at, nil
			}
			if code == 80877103 {
				x.SSL = string(answer[:1])
			} else {
				x.GSS = string(answer[:1])
			}
			if answer[0] == 'E' { // an ErrorResponse, after which nothing comes
				d.queue = []*message{{x: x, packet: x.Packet}}
				return at, nil
			}
			at[1]++
			x.ReplyBytes++
		default:
			x.Version = fmt.Sprintf("%d.%d", code>>16, code&0xffff)
			if code>>16 == 2 {
				d.obsolete = true
				return at, d.startup2(x, body, d.server.bytes[at[1]:])
			}
			m := pgproto3.StartupMessage{}
			body = append(binary.BigEndian.AppendUint32(nil, pgproto3.ProtocolVersion30), body[4:]...) // any other is an error to it
			if err := m.Decode(body); err != nil {
				return at, err
			}
			x.User, x.Database, x.App = m.Parameters["user"], cmp.Or(m.Parameters["database"], m.Parameters["user"]), m.Parameters["application_name"]
			for _, k := range []string{"user", "database", "application_name"} {
				delete(m.Parameters, k)
			}
			if len(m.Parameters) > 0 {
				x.Options = m.Parameters
			}
			d.queue = []*message{{x: x, packet: x.Packet}}
			return at, nil
		}
	}
}

// startup2 reads the startup packet of protocol 2.0, whose fields have fixed sizes, and an error, which is text up to a NUL.
func (d *dialog) startup2(x *exchange, body, answer []byte) error {
	text := func(b []byte) string {
		s, _, _ := strings.Cut(string(b), "\x00")
		return s
	}
	x.Database, x.User = text(body[4:68]), text(body[68:100])
	x.ReplyBytes += len(answer)
	if len(answer) == 0 || answer[0] != 'E' {
		return fmt.Errorf("protocol 2.0: %q", answer)
	}
	x.Severity, x.Message, _ = strings.Cut(strings.TrimSuffix(text(answer[1:]), "\n"), ":  ")
	return nil
}

// requests makes the exchanges of the client's messages.
func (d *dialog) requests(all []*message) error {
	d.sent = all
	var cur, last *exchange // being put together; the last that may be a COPY
	for _, m := range all {
		extended := func() *exchange {
			if cur == nil {
				cur = d.begin("", m.packet)
				d.sync = append(d.sync, cur)
			}
			return cur
		}
		ahead := true
		switch m.kind {
		case 'P', 'B', 'D', 'C':
			m.x = extended()
		case 'E':
			m.x = extended()
			m.x.Operation = "EXECUTE"
			cur, last = nil, m.x
		case 'Q':
			m.x = d.begin("QUERY", m.packet)
			m.x.SQL = text(m.body)
			last = m.x
		case 'F':
			m.x = d.begin("CALL", m.packet)
			var f pgproto3.FunctionCall
			if err := f.Decode(m.body); err != nil {
				return err
			}
			m.x.Function, m.x.Params = f.Function, len(f.Arguments)
		case 'S':
			m.group, d.sync, cur = d.sync, nil, nil
		case 'd', 'c', 'f':
			m.x, ahead = last, false
			if m.kind == 'd' && last != nil {
				last.CopyIn++
			}
		case 'p':
			m.x, ahead = d.exchanges[0], false
			if d.queue[0].body == nil { // the first
				d.queue[0].body = m.body
			}
		case 'H':
			ahead = false
		case 'X':
			ahead = false
		case 0: // the rest of a client that was killed
			m.x, ahead = cmp.Or(cur, last), false
		default: // no such message; its answer is an error
			m.x = d.begin("UNKNOWN", m.packet)
		}
		if m.x != nil {
			m.x.Bytes += m.size
		}
		if ahead {
			d.queue = append(d.queue, m)
		}
	}
	return nil
}

func text(b []byte) string {
	s, _, _ := strings.Cut(string(b), "\x00")
	return s
}

// latin1 is the text of LATIN1 bytes.
func latin1(s string) string {
	r := make([]rune, len(s))
	for i := range len(s) {
		r[i] = rune(s[i])
	}
	return string(r)
}

func (d *dialog) utf8(s string) string {
	if d.encoding == "LATIN1" {
		return latin1(s)
	}
	return s
}

// head is the message that the server answers with m, or nil if it could not have seen one.
func (d *dialog) head(m *message) *message {
	if len(d.queue) == 0 || d.queue[0].packet > m.packet {
		return nil
	}
	return d.queue[0]
}

// answer counts a message of the server for its exchange.
func (d *dialog) answer(m *message) error {
	h := d.head(m)
	unasked := func(operation string) *exchange {
		x := d.begin(operation, m.packet)
		x.ReplyBytes = m.size
		return x
	}
	var x *exchange
	if h != nil {
		x = h.x
	}
	if x == nil && (m.kind == 'N' || m.kind == 'S') {
		if h != nil && len(h.group) > 0 { // of a Sync
			x = h.group[len(h.group)-1]
		} else {
			x = unasked(map[byte]string{'N': "NOTICE", 'S': "PARAMETER"}[m.kind])
			x.ReplyBytes = 0
		}
	}
	if x != nil && m.kind != 'A' {
		x.ReplyBytes += m.size
		if !x.begun && d.encoding != "UTF8" && x.Operation != "LOGIN" {
			x.Encoding = d.encoding
		}
		x.begun = true
	}
	pop := func(kinds string) error {
		if h == nil || !strings.ContainsRune(kinds, rune(h.kind)) {
			return fmt.Errorf("answers %+v", h)
		}
		h.state = answered
		d.queue = d.queue[1:]
		return nil
	}

	switch m.kind {
	case 'A':
		var n pgproto3.NotificationResponse
		if err := n.Decode(m.body); err != nil {
			return err
		}
		x := unasked("NOTIFY")
		x.PID, x.Channel, x.Payload = n.PID, n.Channel, n.Payload
	case 'N':
		var n pgproto3.NoticeResponse
		if err := n.Decode(m.body); err != nil {
			return err
		}
		x.Notices = append(x.Notices, fmt.Sprintf("%s %s %s", cmp.Or(n.SeverityUnlocalized, n.Severity), n.Code, d.utf8(n.Message)))
	case 'S':
		var p pgproto3.ParameterStatus
		if err := p.Decode(m.body); err != nil {
			return err
		}
		if x.Parameters == nil {
			x.Parameters = map[string]string{}
		}
		x.Parameters[p.Name] = d.utf8(p.Value)
		if p.Name == "client_encoding" {
			d.encoding = p.Value
		}
	case 'E':
		var e pgproto3.ErrorResponse
		if err := e.Decode(m.body); err != nil {
			return err
		}
		switch {
		case h == nil:
			x = unasked("ERROR")
		case h.kind == 'S':
			x = unasked("SYNC")
			x.Packet, x.Bytes = h.packet, h.size
			h.group = append(h.group, x)
		}
		x.Severity, x.Code, x.Message = cmp.Or(e.SeverityUnlocalized, e.Severity), e.Code, d.utf8(e.Message)
		x.answered = true
		if h != nil && strings.ContainsRune("PBDCE", rune(h.kind)) {
			x.end = m.packet
			d.skip()
		}
	case 'R':
		if err := d.authentication(x, h.body, m.body); err != nil {
			return err
		}
	case 'K':
		var k pgproto3.BackendKeyData
		if err := k.Decode(m.body); err != nil {
			return err
		}
		x.PID, x.KeyBytes = k.ProcessID, len(k.SecretKey)
	case 'v':
		var v pgproto3.NegotiateProtocolVersion
		if err := v.Decode(m.body); err != nil {
			return err
		}
		x.Negotiated = fmt.Sprintf("%d.%d", v.NewestMinorProtocol>>16, v.NewestMinorProtocol&0xffff)
		if v.NewestMinorProtocol>>16 == 0 { // before 17 the minor number stood alone
			x.Negotiated = fmt.Sprintf("3.%d", v.NewestMinorProtocol)
		}
		x.Refused = v.UnrecognizedOptions
	case '1':
		return pop("P")
	case '2':
		return pop("B")
	case '3':
		return pop("C")
	case 't':
		var t pgproto3.ParameterDescription
		if err := t.Decode(m.body); err != nil {
			return err
		}
		x.paramTypes = t.ParameterOIDs
	case 'n':
		return pop("D")
	case 'T':
		var t pgproto3.RowDescription
		if err := t.Decode(m.body); err != nil {
			return err
		}
		x.Columns, x.Types, x.format = nil, nil, nil
		for _, f := range t.Fields {
			x.Columns = append(x.Columns, d.utf8(string(f.Name)))
			x.Types = append(x.Types, f.DataTypeOID)
			x.format = append(x.format, f.Format)
		}
		if h.kind == 'D' {
			return pop("D")
		}
	case 'D':
		var r pgproto3.DataRow
		if err := r.Decode(m.body); err != nil {
			return err
		}
		x.Rows++
		x.rows = append(x.rows, r.Values)
	case 'G', 'H', 'W':
		x.Copy = map[byte]string{'G': "in", 'H': "out", 'W': "both"}[m.kind]
		if m.kind == 'G' {
			d.dropSyncs(h)
		}
	case 'd':
		x.CopyOut++
	case 'c':
	case 'V':
		x.answered = true
	case 'C', 'I', 's':
		if m.kind == 'C' {
			x.complete(text(m.body))
		}
		if m.kind != 's' {
			x.Results++
		}
		x.Suspended = m.kind == 's'
		if h.kind == 'E' {
			x.answered, x.end = true, m.packet
			return pop("E")
		}
	case 'Z':
		status := string(m.body)
		if h != nil && h.kind == 'S' {
			for _, x := range h.group {
				x.Txn = status
			}
			return pop("S")
		}
		x.Txn, x.answered, x.end = status, true, m.packet
		return pop("QF\x00")
	case 0:
		if x == nil {
			return fmt.Errorf("a rest of %d bytes", m.size)
		}
	default:
		return fmt.Errorf("no such message")
	}
	return nil
}

// authentication notes how the client shows who it is. response is the client's first.
func (d *dialog) authentication(x *exchange, response, body []byte) error {
	switch code := binary.BigEndian.Uint32(body); code {
	case pgproto3.AuthTypeOk:
		x.Method = cmp.Or(x.Method, "trust")
	case pgproto3.AuthTypeCleartextPassword:
		x.Method = "password"
	case pgproto3.AuthTypeMD5Password:
		x.Method = "md5"
	case pgproto3.AuthTypeSASL:
		var m pgproto3.SASLInitialResponse
		if response == nil {
			return nil
		}
		if err := m.Decode(response); err != nil {
			return err
		}
		x.Method = m.AuthMechanism
	case pgproto3.AuthTypeSASLContinue, pgproto3.AuthTypeSASLFinal:
	default:
		return fmt.Errorf("authentication %d", code)
	}
	return nil
}

// complete adds what a command tag says.
func (x *exchange) complete(tag string) {
	x.Tags = append(x.Tags, tag)
	words := strings.Fields(tag)
	n, err := strconv.ParseInt(words[len(words)-1], 10, 64)
	if err != nil {
		return
	}
	switch words[0] {
	case "INSERT", "UPDATE", "DELETE", "MERGE":
		if x.Affected == nil {
			x.Affected = new(int64)
		}
		*x.Affected += n
	case "COPY":
		x.Rows += int(n)
	}
}

// skip marks what the server does not look at after an error: all up to the next Sync.
func (d *dialog) skip() {
	d.queue[0].state = failed
	bad := d.queue[0].x
	d.queue = d.queue[1:]
	for len(d.queue) > 0 && d.queue[0].kind != 'S' {
		m := d.queue[0]
		m.state = skipped
		if m.x != bad {
			m.x.Skipped = true
		}
		d.queue = d.queue[1:]
	}
}

// dropSyncs forgets those that the client sent behind a COPY before the data's end: the server ignores them.
func (d *dialog) dropSyncs(request *message) {
	i := slices.Index(d.sent, request)
	for _, m := range d.sent[i+1:] {
		if m.kind == 'c' || m.kind == 'f' {
			return
		}
		if m.kind == 'S' && len(d.queue) > 1 && d.queue[1] == m {
			d.queue = slices.Delete(d.queue, 1, 2)
			if len(d.queue) > 1 {
				next := d.queue[1]
				next.group = append(m.group, next.group...)
			}
		}
	}
}

// finish names the statements of the extended exchanges and what has no Execute. Names are those of the server: a Parse that
// failed or was skipped counts for the rest of its group only.
func (d *dialog) finish() {
	statements, tried := map[string]string{}, map[string]string{}
	portals := map[string]pgproto3.Bind{}
	find := func(name string) string {
		if sql, ok := tried[name]; ok {
			return sql
		}
		return statements[name]
	}
	bind := func(x *exchange, b pgproto3.Bind) {
		x.Statement, x.SQL = b.PreparedStatement, find(b.PreparedStatement)
		x.Params, x.Formats, x.bound = len(b.Parameters), b.ParameterFormatCodes, b.Parameters
	}
	describe := func(x *exchange, kind byte, name string) {
		if kind == 'P' {
			x.Portal = name
			if b, ok := portals[name]; ok {
				bind(x, b)
			}
		} else {
			x.Statement, x.SQL = name, find(name)
		}
	}
	operation := func(x *exchange, name string) { x.Operation = cmp.Or(x.Operation, name) }
	for _, m := range d.sent {
		x := m.x
		switch m.kind {
		case 'd', 'c', 'f':
			if x != nil && x.end != 0 && x.end < m.packet { // the client had not heard yet that the server gave the COPY up
				x.Bytes -= m.size
				if m.kind == 'd' {
					x.CopyIn--
				}
			}
		case 'P':
			var p pgproto3.Parse
			if p.Decode(m.body) != nil {
				continue
			}
			if m.state == answered {
				statements[p.Name] = p.Query
				delete(tried, p.Name)
			} else {
				tried[p.Name] = p.Query
			}
			if x.Operation != "EXECUTE" {
				x.Operation = "PARSE"
			}
			if x.SQL == "" || m.state == failed {
				x.SQL, x.Statement = p.Query, p.Name
			}
		case 'B':
			var b pgproto3.Bind
			if b.Decode(m.body) != nil {
				continue
			}
			portals[b.DestinationPortal] = b
			if x.Operation != "EXECUTE" {
				x.Operation = "PARSE"
				x.Portal = b.DestinationPortal
				bind(x, b)
			}
		case 'D':
			var q pgproto3.Describe
			if q.Decode(m.body) != nil {
				continue
			}
			if x.Operation == "" || x.Operation == "CLOSE" {
				x.Operation = "DESCRIBE"
				describe(x, q.ObjectType, q.Name)
			}
		case 'C':
			var q pgproto3.Close
			if q.Decode(m.body) != nil {
				continue
			}
			if x.Operation == "" {
				describe(x, q.ObjectType, q.Name)
			}
			operation(x, "CLOSE")
			if q.ObjectType == 'S' {
				delete(statements, q.Name)
			} else {
				delete(portals, q.Name)
			}
		case 'E':
			var e pgproto3.Execute
			if e.Decode(m.body) != nil {
				continue
			}
			x.MaxRows = e.MaxRows
			failedParse := x.Code != "" && slices.ContainsFunc(d.sent, func(p *message) bool { return p.x == x && p.kind == 'P' && p.state == failed })
			if b, ok := portals[e.Portal]; ok && !failedParse {
				bind(x, b)
			}
			x.Portal = e.Portal
		case 'S':
			clear(tried)
		}
	}
	for _, x := range d.exchanges {
		if x.Encoding == "LATIN1" {
			x.SQL = latin1(x.SQL)
		}
	}
	for _, m := range d.queue {
		switch {
		case m.x == nil || m.x.answered || m.x.Skipped:
		default:
			m.x.Unanswered = true
		}
	}
	// An exchange with nothing to say for itself, as a lone Flush, is none.
	d.exchanges = slices.DeleteFunc(d.exchanges, func(x *exchange) bool { return x.Operation == "" })
}
