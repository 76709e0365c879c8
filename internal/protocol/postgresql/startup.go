package postgresql

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/sqltext"
	"github.com/dbtap/dbtap/internal/wire"
)

// startup describes a packet without a type.
func (d *dialog) startup(c *wire.Cursor, m *l7.Message) {
	n := c.Uint32BE("length")
	c.Detail()
	body := c.Rest()
	if len(body) < 4 {
		c.Uint32BE("request_code") // an error
		return
	}
	code := binary.BigEndian.Uint32(body)
	d.now.code = code
	name := requestCodes[uint64(code)]
	if name == "" {
		name = "StartupMessage"
	}
	f := c.Enter(name, int(n)-4)
	switch code {
	case codeCancel:
		m.Role = l7.OneWay
		m.SetText(record.Operation, "CANCEL")
		requestCode(c)
		d.cancelKey(c, m)
		if key, ok := d.cancels(); ok {
			m.Resolve(attrCancels, key, false)
			m.Publish(canceled(key), d.client)
		}
	case codeSSL, codeGSSENC:
		m.Role, m.Leaves = l7.Part, ask{kind: asksEncryption}.pack()
		m.SetText(record.Operation, "LOGIN")
		requestCode(c)
	default:
		d.login(c, m)
	}
	c.Leave(f)
}

func requestCode(c *wire.Cursor) {
	c.Uint32BE("request_code")
	c.Enum(requestCodes)
}

// login describes a StartupMessage.
func (d *dialog) login(c *wire.Cursor, m *l7.Message) {
	m.Role, m.Fence, m.Leaves = l7.Request, true, ask{kind: asksLogin}.pack()
	m.SetText(record.Operation, "LOGIN")
	major, minor := c.Uint16BE("protocol_major"), c.Uint16BE("protocol_minor")
	if c.Err() == nil {
		at := len(m.Scratch)
		m.Scratch = strconv.AppendUint(m.Scratch, uint64(major), 10)
		m.Scratch = strconv.AppendUint(append(m.Scratch, '.'), uint64(minor), 10)
		m.SetBytes(record.Version, m.Scratch[at:])
	}
	var user, db, app []byte
	if major != 3 {
		m.Doubts |= record.UnsupportedVersion
	}
	switch {
	case major >= 3:
		for c.More() && c.Err() == nil {
			if b := c.Rest(); len(b) > 0 && b[0] == 0 {
				c.Uint8("terminator")
				c.Detail()
				break
			}
			g := c.Group("parameter")
			name := c.CString("name")
			c.Key()
			c.Classify(classOf(name))
			text := c.CString("value")
			c.Typed(optionType)
			c.Classify(wire.Structure)
			c.Stands()
			c.End(g)
			switch string(name) {
			case "user":
				user = text
			case "database":
				db = text
			case "application_name":
				app = text
			}
		}
	case major == 2:
		db = field(c, "database", 64)
		user = field(c, "user", 32)
		c.Classify(wire.Value)
		field(c, "options", 64)
		c.Typed(optionType)
		c.Classify(wire.Structure)
		field(c, "unused", 64)
		field(c, "tty", 64)
	default:
		c.Fail("protocol_major", "no version of this protocol")
	}
	if len(db) == 0 && c.Err() == nil {
		db = user
	}
	m.SetBytes(record.User, user)
	m.SetBytes(record.Namespace, db)
	m.SetBytes(record.App, app)
}

// plain are parameters of a session whose values are nobody's secret.
var plain = []string{
	"user", "database", "application_name", "client_encoding", "replication", "DateStyle", "TimeZone", "IntervalStyle", "extra_float_digits",
	"bytea_output", "search_path", "client_min_messages", "standard_conforming_strings", "statement_timeout", "lock_timeout",
	"idle_in_transaction_session_timeout", "default_transaction_read_only", "default_transaction_isolation", "geqo",
}

// classOf is the class of a parameter of a session: extensions have parameters of their own, with whatever in them.
func classOf(name []byte) wire.Class {
	switch {
	case slices.ContainsFunc(plain, func(p string) bool { return strings.EqualFold(p, view(name)) }):
		return wire.Structure
	case sqltext.SecretParameters(name):
		return wire.Secret
	}
	return wire.Value
}

// optionType is that of parameters, several of which may stand in one named options.
var optionType = &wire.Type{Name: "option", Secret: sqltext.SecretParameters}

// field reads text in a field of n bytes.
func field(c *wire.Cursor, name string, n int) []byte {
	b, _, _ := bytes.Cut(c.String(name, n), []byte{0})
	return b
}

// cancelKey reads the process and the secret key by which a query is canceled.
func (d *dialog) cancelKey(c *wire.Cursor, m *l7.Message) {
	b := c.Rest()
	if process := c.Uint32BE("process_id"); c.Err() == nil {
		m.SetAttribute(attrProcess, int64(process))
	}
	c.Classify(wire.Secret)
	if n := c.Left(); n < 4 {
		c.Fail("secret_key", "the key is too short")
	} else if len(c.Bytes("secret_key", n, nil)) == n {
		d.now.raw = b[:4+n]
	}
	c.Classify(wire.Structure)
}

// cancels is the key under which connections know each other: not the secret itself.
func (d *dialog) cancels() (key [16]byte, ok bool) {
	if d.now.raw == nil {
		return key, false
	}
	sum := sha256.Sum256(d.now.raw)
	return [16]byte(sum[:]), true
}

// canceled is the key under which a cancel request tells of itself.
func canceled(key [16]byte) [16]byte {
	key[0] ^= 1
	return key
}

// encryption describes the byte that answers an SSLRequest or a GSSENCRequest.
func (d *dialog) encryption(c *wire.Cursor, m *l7.Message) {
	m.Role, m.More, m.Leaves = l7.Part, false, ask{kind: asksEncryption}.pack()
	b := c.String("encryption", 1)
	d.now.code = codeSSL
	switch b[0] {
	case 'S':
		d.encrypt(m, "tls")
	case 'G':
		d.encrypt(m, "gss")
	}
}

func (d *dialog) encrypt(m *l7.Message, how string) {
	d.now.encrypted = true
	m.SetAttributeText(attrEncryption, how)
}

// recordHandshake is the type of the record that TLS begins with: a client may do so at once.
const recordHandshake = 22

// clientHello describes the record of TLS with which a client begins that did not ask.
func (d *dialog) clientHello(c *wire.Cursor, m *l7.Message) {
	m.Role = l7.Part
	m.SetText(record.Operation, "LOGIN")
	g := c.Group("ClientHello")
	c.Uint8("content_type")
	c.Uint16BE("version")
	n := c.Uint16BE("length")
	c.Skip("fragment", int(n), nil)
	c.End(g)
	d.encrypt(m, "tls")
}

// oldError describes an error of protocol 2.0.
func (d *dialog) oldError(c *wire.Cursor, m *l7.Message) {
	m.More, m.Status = false, record.ServerError
	d.now.kind = typeError
	c.Uint8("type")
	c.Detail()
	g := c.Group("ErrorResponse")
	text := bytes.TrimRight(c.CString("message"), "\n")
	c.End(g)
	if severity, rest, ok := bytes.Cut(text, []byte(":  ")); ok && c.Err() == nil {
		at := len(m.Scratch)
		m.Scratch = append(append(m.Scratch, severity...), ": "...)
		if m.Values() {
			m.Scratch = append(m.Scratch, rest...)
		} else {
			m.Scratch = appendMaskedError(m.Scratch, nil, rest)
		}
		m.SetBytes(record.Error, m.Scratch[at:])
	}
}

// Kinds of authentication, as the server asks for it.
const (
	authOK           = 0
	authKerberos     = 2
	authCleartext    = 3
	authMD5          = 5
	authSCM          = 6
	authGSS          = 7
	authGSSContinue  = 8
	authSSPI         = 9
	authSASL         = 10
	authSASLContinue = 11
	authSASLFinal    = 12
)

var authentications = wire.Enum{
	authOK: "Ok", authKerberos: "KerberosV5", authCleartext: "CleartextPassword", authMD5: "MD5Password", authSCM: "SCMCredential",
	authGSS: "GSS", authGSSContinue: "GSSContinue", authSSPI: "SSPI", authSASL: "SASL", authSASLContinue: "SASLContinue",
	authSASLFinal: "SASLFinal",
}

// authenticate describes what the server asks a client to show.
func (d *dialog) authenticate(c *wire.Cursor, m *l7.Message) {
	d.now.code = c.Uint32BE("authentication")
	c.Enum(authentications)
	method := ""
	switch d.now.code {
	case authCleartext:
		method = "password"
	case authMD5:
		method = "md5"
		c.Classify(wire.Secret)
		c.Bytes("salt", 4, nil)
	case authSCM:
		method = "scm"
	case authKerberos:
		method = "kerberos"
	case authGSS:
		method = "gss"
	case authSSPI:
		method = "sspi"
	case authSASL:
		for c.More() && c.Err() == nil {
			c.CString("mechanism")
		}
	case authGSSContinue, authSASLContinue, authSASLFinal:
		c.Classify(wire.Secret)
		c.Skip("data", c.Left(), nil)
	}
	c.Classify(wire.Structure)
	if c.Err() == nil {
		m.SetAttributeText(attrAuthentication, method)
	}
}

// show describes what a client shows to log in: which message it is the server's last question says.
func (d *dialog) show(c *wire.Cursor, m *l7.Message) {
	m.Role = l7.Feed
	switch d.authentication {
	case authSASL:
		c.Rename("SASLInitialResponse")
		mechanism := c.CString("mechanism")
		n := c.Int32BE("length")
		c.Detail()
		c.Classify(wire.Secret)
		if n >= 0 {
			c.Skip("data", int(n), nil)
		}
		if c.Err() == nil {
			m.SetAttributeBytes(attrAuthentication, mechanism)
		}
	case authCleartext, authMD5:
		c.Classify(wire.Secret)
		c.CString("password")
	default:
		if name := responses[d.authentication]; name != "" {
			c.Rename(name)
		}
		c.Classify(wire.Secret)
		c.Skip("data", c.Left(), nil)
	}
	c.Classify(wire.Structure)
}

// responses are the names of further messages of type 'p', by what they answer.
var responses = map[uint32]string{
	authSASLContinue: "SASLResponse", authGSS: "GSSResponse", authGSSContinue: "GSSResponse", authSSPI: "GSSResponse",
}
