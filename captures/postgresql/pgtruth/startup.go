package main

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"
)

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
	const (
		cancelRequest = 80877102
		sslRequest    = 80877103
		gssRequest    = 80877104
	)
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
		case cancelRequest:
			x.Operation = "CANCEL"
			var m pgproto3.CancelRequest
			if err := m.Decode(body); err != nil {
				return at, err
			}
			x.PID, x.KeyBytes = m.ProcessID, len(m.SecretKey)
			return at, nil
		case sslRequest, gssRequest:
			answer := d.server.bytes[at[1]:]
			if len(answer) == 0 {
				x.Unanswered = true
				return at, nil
			}
			if code == sslRequest {
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
	x.Database, x.User = text(body[4:68]), text(body[68:100])
	x.ReplyBytes += len(answer)
	if len(answer) == 0 || answer[0] != 'E' {
		return fmt.Errorf("protocol 2.0: %q", answer)
	}
	x.Severity, x.Message, _ = strings.Cut(strings.TrimSuffix(text(answer[1:]), "\n"), ":  ")
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
