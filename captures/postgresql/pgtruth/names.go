package main

import (
	"github.com/jackc/pgx/v5/pgproto3"
)

// names follows the statements and portals of a connection.
type names struct {
	statements map[string]string // their SQL, of those that the server made
	tried      map[string]string // those that failed or were skipped, up to the Sync
	portals    map[string]pgproto3.Bind
}

func (n *names) sql(statement string) string {
	if sql, ok := n.tried[statement]; ok {
		return sql
	}
	return n.statements[statement]
}

// bound names what a Bind is of.
func (n *names) bound(x *exchange, b pgproto3.Bind) {
	x.Statement, x.SQL = b.PreparedStatement, n.sql(b.PreparedStatement)
	x.Params, x.Formats, x.bound = len(b.Parameters), b.ParameterFormatCodes, b.Parameters
}

// object names what a Describe or Close is of: S a statement, P a portal.
func (n *names) object(x *exchange, kind byte, name string) {
	if kind != 'P' {
		x.Statement, x.SQL = name, n.sql(name)
		return
	}
	x.Portal = name
	if b, ok := n.portals[name]; ok {
		n.bound(x, b)
	}
}

// message takes one of the client's messages, after it is known what became of it.
func (n *names) message(m *message) error {
	x := m.x
	switch m.kind {
	case 'P':
		var p pgproto3.Parse
		if err := p.Decode(m.body); err != nil {
			return err
		}
		if m.state == answered {
			n.statements[p.Name] = p.Query
			delete(n.tried, p.Name)
		} else {
			n.tried[p.Name] = p.Query
		}
		if x.Operation != "EXECUTE" {
			x.Operation = "PARSE"
		}
		if x.SQL == "" || m.state == failed {
			x.SQL, x.Statement = p.Query, p.Name
		}
		x.unparsed = m.state == failed
	case 'B':
		var b pgproto3.Bind
		if err := b.Decode(m.body); err != nil {
			return err
		}
		n.portals[b.DestinationPortal] = b
		if x.Operation != "EXECUTE" {
			x.Operation = "PARSE"
			x.Portal = b.DestinationPortal
			n.bound(x, b)
		}
	case 'D':
		var q pgproto3.Describe
		if err := q.Decode(m.body); err != nil {
			return err
		}
		if x.Operation == "" || x.Operation == "CLOSE" {
			x.Operation = "DESCRIBE"
			n.object(x, q.ObjectType, q.Name)
		}
	case 'C':
		var q pgproto3.Close
		if err := q.Decode(m.body); err != nil {
			return err
		}
		if x.Operation == "" {
			x.Operation = "CLOSE"
			n.object(x, q.ObjectType, q.Name)
		}
		switch {
		case m.state != answered:
		case q.ObjectType == 'S':
			delete(n.statements, q.Name)
		default:
			delete(n.portals, q.Name)
		}
	case 'E':
		var e pgproto3.Execute
		if err := e.Decode(m.body); err != nil {
			return err
		}
		x.MaxRows, x.Portal = e.MaxRows, e.Portal
		if b, ok := n.portals[e.Portal]; ok && !x.unparsed {
			n.bound(x, b)
		}
	case 'S':
		clear(n.tried)
	}
	return nil
}

// finish says what the exchanges were about, which of them have no end, and that a client had sent some of a COPY before it heard
// that the server had given it up.
func (d *dialog) finish() error {
	n := names{map[string]string{}, map[string]string{}, map[string]pgproto3.Bind{}}
	for _, m := range d.sent {
		if err := n.message(m); err != nil {
			return err
		}
		late := m.x != nil && m.x.end != 0 && m.x.end < m.packet
		switch {
		case m.kind == 'd' && late:
			m.x.Bytes -= m.size
			m.x.CopyIn--
		case (m.kind == 'c' || m.kind == 'f') && late:
			m.x.Bytes -= m.size
		}
	}
	for _, x := range d.exchanges {
		if x.Encoding == "LATIN1" {
			x.SQL = latin1(x.SQL)
		}
	}
	for _, m := range d.queue {
		if m.x != nil && !m.x.answered {
			m.x.Unanswered = true
		}
	}
	return nil
}
