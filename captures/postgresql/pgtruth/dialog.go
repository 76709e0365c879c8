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
	queue    []*message // those that the server has not answered; a login is one without a kind
	obsolete bool       // protocol 2.0
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
	return d.finish()
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

// requests makes the exchanges of the client's messages.
func (d *dialog) requests(all []*message) error {
	d.sent = all
	var cur, last *exchange // being put together; the last that may be a COPY
	var group []*exchange   // up to a Sync
	for _, m := range all {
		asks := true
		if strings.IndexByte("PBDCE", m.kind) >= 0 {
			if cur == nil {
				cur = d.begin("", m.packet)
				group = append(group, cur)
			}
			m.x = cur
		}
		switch m.kind {
		case 'P', 'B', 'D', 'C':
		case 'E':
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
			m.group, group, cur = group, nil, nil
		case 'd', 'c', 'f':
			m.x, asks = last, false
			if m.kind == 'd' && last != nil {
				last.CopyIn++
			}
		case 'p':
			m.x, asks = d.exchanges[0], false
			if d.queue[0].body == nil { // the first
				d.queue[0].body = m.body
			}
		case 'H', 'X':
			asks = false
		case 0: // the rest of a client that was killed
			m.x, asks = cmp.Or(cur, last), false
		default: // no such message; its answer is an error
			m.x = d.begin("UNKNOWN", m.packet)
		}
		if m.x != nil {
			m.x.Bytes += m.size
		}
		if asks {
			d.queue = append(d.queue, m)
		}
	}
	return nil
}

// text is what stands before a NUL.
func text(b []byte) string {
	s, _, _ := strings.Cut(string(b), "\x00")
	return s
}

// latin1 is text of LATIN1 bytes.
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
