package mysql

import (
	"bytes"
	"encoding/binary"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/wire"
)

// X Protocol is a protocol of its own on a port of its own (33060). Its messages are named here, and not decoded. One
// begins with its length, in four bytes that count the next, and its type.
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_mysqlx_protocol.html

var xClient = wire.Enum{
	1: "CON_CAPABILITIES_GET", 2: "CON_CAPABILITIES_SET", 3: "CON_CLOSE", 4: "SESS_AUTHENTICATE_START", 5: "SESS_AUTHENTICATE_CONTINUE",
	6: "SESS_RESET", 7: "SESS_CLOSE", 12: "SQL_STMT_EXECUTE", 17: "CRUD_FIND", 18: "CRUD_INSERT", 19: "CRUD_UPDATE", 20: "CRUD_DELETE",
	24: "EXPECT_OPEN", 25: "EXPECT_CLOSE", 30: "CRUD_CREATE_VIEW", 31: "CRUD_MODIFY_VIEW", 32: "CRUD_DROP_VIEW", 40: "PREPARE_PREPARE",
	41: "PREPARE_EXECUTE", 42: "PREPARE_DEALLOCATE", 43: "CURSOR_OPEN", 44: "CURSOR_CLOSE", 45: "CURSOR_FETCH", 46: "COMPRESSION",
}

var xServer = wire.Enum{
	0: "OK", xFailure: "ERROR", 2: "CONN_CAPABILITIES", 3: "SESS_AUTHENTICATE_CONTINUE", 4: "SESS_AUTHENTICATE_OK", xNotice: "NOTICE",
	12: "RESULTSET_COLUMN_META_DATA", xRow: "RESULTSET_ROW", 14: "RESULTSET_FETCH_DONE", 15: "RESULTSET_FETCH_SUSPENDED",
	16: "RESULTSET_FETCH_DONE_MORE_RESULTSETS", 17: "SQL_STMT_EXECUTE_OK", 18: "RESULTSET_FETCH_DONE_MORE_OUT_PARAMS", 19: "COMPRESSION",
}

// Types of messages that matter here.
const (
	xCapabilities = 2
	xAuthStart    = 4
	xAuthContinue = 5 // of the client
	xAuthQuestion = 3 // of the server
	xFailure      = 1
	xNotice       = 11
	xRow          = 13
)

// leavesTLS is what a request to go on with TLS leaves.
const leavesTLS = 1 << 10

// maxX bounds a message: servers take 64 MiB (mysqlx_max_allowed_packet).
const maxX = 64 << 20

// xFirst judges whether a connection begins with X Protocol: with a request for capabilities, a login, or the server's
// greeting, which is a notice of type 5.
func xFirst(b []byte) l7.Verdict {
	const greeting = "\x05\x00\x00\x00\x0b\x08\x05\x1a\x00"
	n := binary.LittleEndian.Uint32(b)
	switch {
	case string(b) == "\x01\x00\x00\x00\x01":
		return l7.FromClient
	case string(b[:min(len(b), len(greeting))]) == greeting[:min(len(b), len(greeting))]:
		if len(b) < len(greeting) {
			return l7.Unsure
		}
		return l7.FromServer
	case b[4] != xCapabilities && b[4] != xAuthStart, n < 4 || n > 4<<10:
		return l7.No
	case len(b) < 5+2:
		return l7.Unsure
	case b[5] == 0x0A && uint32(b[6]) <= n: // field 1, with a length
		return l7.FromClient
	}
	return l7.No
}

// isX tells whether the conversation is in X Protocol: it begins neither with a greeting nor with a login.
func (d *dialog) isX(dir l7.Dir, b []byte) bool {
	if d.turn == turnX || d.alone {
		return d.turn == turnX
	}
	if d.turn != turnLogin || d.answer.phase != phaseGreeting || d.greeted || len(b) <= headerSize || b[3] != 0 {
		return false
	}
	return dir == l7.ToServer || b[4] != 9 && b[4] != 10 && b[4] != markERR
}

// x describes a message in X Protocol.
func (d *dialog) x(dir l7.Dir, c *wire.Cursor, m *l7.Message) {
	d.now.turn = turnX
	n := c.Uint32LE("length")
	if int64(n) != int64(c.Size()-headerSize) {
		c.Fail("length", "the length is not the message's")
	}
	typ := c.Uint8("type")
	if c.Err() != nil {
		m.Role = l7.Nothing
		return
	}
	class := wire.Value
	if dir == l7.ToClient && typ == xFailure {
		c.Enum(xServer)
		d.xError(c, m)
		return
	}
	if dir == l7.ToServer {
		c.Enum(xClient)
		m.Role, m.Leaves = l7.Request, uint64(typ)
		if name := xClient[uint64(typ)]; name != "" {
			m.SetText(record.Operation, name)
		} else {
			m.SetText(record.Operation, "UNKNOWN")
		}
		switch {
		case typ == xAuthContinue:
			m.Role = l7.Feed
			fallthrough
		case typ == xAuthStart:
			class = wire.Secret
		case typ == xCapabilities && bytes.Contains(c.Rest(), []byte("tls")):
			m.Leaves |= leavesTLS
		}
	} else {
		d.xAnswer(c, m, typ)
		if typ == xAuthQuestion {
			class = wire.Secret
		}
	}
	was := c.Classify(class)
	c.Skip("payload", c.Left(), nil)
	c.Classify(was)
}

// xAnswer says what part a server's message plays.
func (d *dialog) xAnswer(c *wire.Cursor, m *l7.Message, typ byte) {
	c.Enum(xServer)
	m.Role, m.More = l7.Response, true
	left, known := m.Asked(0)
	switch typ {
	case xNotice:
		if !known {
			m.Role, m.More = l7.Nothing, false
		}
	case xRow:
		m.Set(record.Rows, 1)
	case 0, 2, 4, 17: // OK, CONN_CAPABILITIES, SESS_AUTHENTICATE_OK, SQL_STMT_EXECUTE_OK
		m.More, m.Status = false, record.OK
		d.now.encrypted = typ == 0 && known && left&leavesTLS != 0
	}
}

// xError describes an error: fields as Protocol Buffers have them. What was asked is not read, so it may quote a secret.
func (d *dialog) xError(c *wire.Cursor, m *l7.Message) {
	m.Role = l7.Response
	var code uint64
	var state, text []byte
	for c.More() && c.Err() == nil {
		key := varint(c, "key")
		c.Detail()
		n := 0
		if key&7 == 2 {
			n = int(min(varint(c, "length"), maxX))
			c.Detail()
		}
		switch key {
		case 1 << 3:
			varint(c, "severity")
			c.Enum(xSeverities)
		case 2 << 3:
			code = varint(c, "code")
		case 3<<3 | 2:
			was := c.Classify(wire.Secret)
			text = c.String("msg", n)
			c.Classify(was)
		case 4<<3 | 2:
			state = c.String("sql_state", n)
		default:
			data(c, "fields")
		}
	}
	if code == 0 || code > 0xFFFF {
		return
	}
	d.blame(m, uint16(code), state, text, false)
	if c.Err() == nil && c.Cut() == nil {
		m.Status = statusOf(uint16(code), state)
	}
}

var xSeverities = wire.Enum{0: "ERROR", 1: "FATAL"}

// varint reads a number of Protocol Buffers: seven bits a byte, the lowest first.
func varint(c *wire.Cursor, name string) uint64 {
	v, n := binary.Uvarint(c.Rest())
	switch {
	case n < 0:
		c.Fail(name, "no number")
		return 0
	case n == 0: // it goes on where the bytes end
		n = len(c.Rest()) + 1
	}
	return c.Number(name, n, wire.Unsigned, v)
}
