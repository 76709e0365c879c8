package mysql

import (
	"bytes"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/wire"
)

// conceal passes over n bytes that nobody may ever see.
func conceal(c *wire.Cursor, name string, n int) {
	was := c.Classify(wire.Secret)
	c.Skip(name, n, nil)
	c.Classify(was)
}

// lengthText reads a length and so many bytes of text, as a group.
func lengthText(c *wire.Cursor, name string) []byte {
	g := c.Group(name)
	n := lengthEncoded(c, "length")
	c.Detail()
	b := c.String("value", int(n))
	c.Stands()
	c.End(g)
	return b
}

// greeting describes the packet with which a server begins a connection.
func (d *dialog) greeting(c *wire.Cursor, m *l7.Message) {
	m.Role, m.Leaves = l7.Part, comConnect
	m.SetText(record.Operation, opLogin)
	version := c.Uint8("protocol_version")
	m.SetBytes(record.Version, bytes.TrimPrefix(c.CString("server_version"), []byte("5.5.5-"))) // replication of old refuses 10
	thread := c.Uint32LE("thread_id")
	if c.Err() == nil {
		m.SetAttribute(attrThreadID, int64(thread))
		m.Publish(d.key(thread), d.from)
		d.now.greeted, d.now.thread = true, thread
	}
	if version == 9 {
		d.now.told = c.Err() == nil
		conceal(c, "scramble", c.Left())
		return
	}
	conceal(c, "auth_plugin_data_part_1", 8)
	c.Skip("filler", 1, nil)
	caps := uint64(c.Uint16LE("capability_flags_1"))
	c.Flags(lowerCapabilities)
	if !c.More() {
		d.now.caps, d.now.told = caps, c.Err() == nil
		return
	}
	c.Uint8("character_set")
	status := c.Uint16LE("status_flags")
	c.Flags(statusFlags)
	upper := c.Uint16LE("capability_flags_2")
	c.Flags(upperCapabilities)
	caps |= uint64(upper) << 16
	n := int(c.Uint8("auth_plugin_data_len"))
	if caps&capMySQL == 0 {
		c.Skip("reserved", 6, nil)
		extended := c.Uint32LE("capability_flags_3")
		c.Flags(mariadbCapabilities)
		caps |= uint64(extended) << 32
	} else {
		c.Skip("reserved", 10, nil)
	}
	if c.Err() == nil {
		d.now.caps, d.now.told, d.now.status = caps, true, status
	}
	if caps&capSecure != 0 {
		conceal(c, "auth_plugin_data_part_2", min(max(13, n-8), c.Left()))
	}
	if caps&capPluginAuth != 0 && c.More() {
		plugin(c, m)
	}
}

// plugin reads the name of a plugin; some servers of old leave its NUL out.
func plugin(c *wire.Cursor, m *l7.Message) {
	if b := c.Rest(); len(b) == c.Left() && bytes.IndexByte(b, 0) < 0 {
		m.SetAttributeBytes(attrPlugin, c.String("auth_plugin_name", len(b)))
		return
	}
	m.SetAttributeBytes(attrPlugin, c.CString("auth_plugin_name"))
}

// Operations that are no commands: a connection's beginning, and what a server says unasked.
const (
	opLogin = "LOGIN"
	opError = "ERROR"
)

// Sizes of a client's first packet.
const (
	sslRequest    = 32 // payload that asks for TLS
	sslRequest320 = 5
)

// handshake describes the client's first packet: a login, or that it wants TLS first.
func (d *dialog) handshake(c *wire.Cursor, m *l7.Message) {
	m.Role, m.Leaves = l7.Request, comConnect
	m.SetText(record.Operation, opLogin)
	if b := c.Rest(); len(b) < 2 || little(b[:2])&capProtocol41 == 0 {
		d.handshake320(c, m)
		return
	}
	caps := uint64(c.Uint32LE("client_flag"))
	c.Flags(clientCapabilities)
	d.now.told = c.Err() == nil
	c.Uint32LE("max_packet_size")
	d.now.quoting = collation(uint16(c.Uint8("character_set")))
	if caps&capMySQL == 0 {
		c.Skip("filler", 19, nil)
		extended := c.Uint32LE("client_flag_extended")
		c.Flags(mariadbCapabilities)
		caps |= uint64(extended) << 32
		d.now.told = c.Err() == nil
	} else {
		c.Skip("filler", 23, nil)
	}
	d.now.caps = caps
	if caps&capSSL != 0 && !c.More() {
		m.Role = l7.Part
		d.now.encrypted = c.Err() == nil
		return
	}
	d.login(m, c.CString("username"))
	switch {
	case caps&capLengthAuth != 0:
		g := c.Group("auth_response")
		n := lengthEncoded(c, "length")
		c.Detail()
		conceal(c, "value", int(n))
		c.Stands()
		c.End(g)
	case caps&capSecure != 0:
		shortAuth(c)
	default:
		secretText(c)
	}
	if caps&capConnectWithDB != 0 && c.More() {
		d.now.schema = c.CString("database")
		m.SetBytes(record.Namespace, d.now.schema)
	}
	if caps&capPluginAuth != 0 && c.More() {
		plugin(c, m)
	}
	if caps&capAttributes != 0 && c.More() {
		d.attributes(c, m)
	}
	if caps&capZstd != 0 && c.More() {
		c.Uint8("zstd_compression_level")
	}
}

// handshake320 describes a first packet without CLIENT_PROTOCOL_41.
func (d *dialog) handshake320(c *wire.Cursor, m *l7.Message) {
	caps := uint64(c.Uint16LE("client_flag"))
	c.Flags(lowerCapabilities)
	d.now.caps, d.now.told = caps, c.Err() == nil
	c.Uint24LE("max_packet_size")
	if caps&capSSL != 0 && !c.More() {
		m.Role = l7.Part
		d.now.encrypted = c.Err() == nil
		return
	}
	d.login(m, c.CString("username"))
	if caps&capConnectWithDB == 0 {
		conceal(c, "auth_response", c.Left())
		return
	}
	secretText(c)
	if c.More() {
		d.now.schema = c.CString("database")
		m.SetBytes(record.Namespace, d.now.schema)
	}
}

// login states who logs in.
func (d *dialog) login(m *l7.Message, user []byte) {
	d.now.user = user
	m.SetBytes(record.User, user)
}

// shortAuth reads an answer to a challenge with a length of one byte.
func shortAuth(c *wire.Cursor) {
	g := c.Group("auth_response")
	n := c.Uint8("length")
	c.Detail()
	conceal(c, "value", int(n))
	c.Stands()
	c.End(g)
}

// secretText reads a password, or an answer to a challenge, that ends with a NUL.
func secretText(c *wire.Cursor) {
	was := c.Classify(wire.Secret)
	c.CString("auth_response")
	c.Classify(was)
}

// attributes describes what a client tells of itself.
func (d *dialog) attributes(c *wire.Cursor, m *l7.Message) {
	g := c.Group("attributes")
	n := lengthEncoded(c, "length")
	c.Detail()
	f := c.Limit("length", int(n), 0)
	var name, version []byte
	for c.More() {
		one := c.Group("attribute")
		n := lengthEncoded(c, "name_length")
		c.Detail()
		key := c.String("name", int(n))
		c.Key()
		n = lengthEncoded(c, "value_length")
		c.Detail()
		was := c.Classify(wire.Value)
		if len(key) > 0 && key[0] == '_' || string(key) == "program_name" {
			c.Classify(was)
		}
		value := c.String("value", int(n))
		c.Stands()
		c.Classify(was)
		c.End(one)
		switch string(key) {
		case "program_name":
			if d.now.app = value; d.now.turn == turnLogin {
				m.SetBytes(record.App, value)
			}
		case "_client_name":
			name = value
		case "_client_version":
			version = value
		}
	}
	if name != nil && c.Cut() == nil && c.Err() == nil {
		at := len(m.Scratch)
		m.Scratch = append(m.Scratch, name...)
		if len(version) > 0 {
			m.Scratch = append(append(m.Scratch, ' '), version...)
		}
		m.SetAttributeBytes(attrDriver, m.Scratch[at:])
	}
	c.Leave(f)
	c.End(g)
}

// changeUser describes the body of COM_CHANGE_USER. Its target is the user to come.
func (d *dialog) changeUser(c *wire.Cursor, m *l7.Message) {
	d.now.user = c.CString("username")
	m.SetBytes(record.Target, d.now.user)
	if d.known && d.caps&capSecure == 0 {
		secretText(c)
	} else {
		shortAuth(c)
	}
	d.now.schema = c.CString("database")
	if c.More() {
		d.now.quoting = collation(c.Uint16LE("character_set"))
	}
	if c.More() && (!d.known || d.caps&capPluginAuth != 0) {
		plugin(c, m)
	}
	if c.More() && (!d.known || d.caps&capAttributes != 0) {
		d.attributes(c, m)
	}
}

// authData describes what a client sends in a login behind its first packet.
func authData(c *wire.Cursor, m *l7.Message) {
	m.Role = l7.Feed
	if b := c.Rest(); len(b) == 1 && c.Left() == 1 && (b[0] == 1 || b[0] == 2) {
		c.Uint8("request_public_key")
		return
	}
	conceal(c, "auth_response", c.Left())
}

// Kinds of packets that a server sends in a login.
const (
	authMore   = 0x01
	authFactor = 0x02
	authSwitch = 0xFE
)

// cachingStates are what caching_sha2_password says of its cache.
var cachingStates = wire.Enum{2: "request_public_key", 3: "fast_auth_success", 4: "perform_full_authentication"}

// authentication describes what a server sends in a login, but for OK and ERR.
func authentication(c *wire.Cursor, m *l7.Message, kind byte) {
	switch {
	case kind == authSwitch, kind == authFactor && factor(c.Rest()):
		c.Uint8("header")
		if c.More() {
			plugin(c, m)
		}
		if c.More() {
			conceal(c, "auth_plugin_data", c.Left())
		}
	case kind == authMore:
		c.Uint8("header")
		b := c.Rest()
		switch {
		case len(b) == 1 && c.Left() == 1:
			c.Uint8("auth_status")
			c.Enum(cachingStates)
		case bytes.HasPrefix(b, []byte("-----BEGIN")):
			c.String("public_key", c.Left())
		default:
			conceal(c, "auth_plugin_data", c.Left())
		}
	default:
		conceal(c, "auth_plugin_data", c.Left())
	}
}

// factor tells a request for a further factor from a plugin's own question: it names a plugin.
func factor(b []byte) bool {
	n := bytes.IndexByte(b, 0)
	return n > 1 && bytes.IndexFunc(b[1:n], func(r rune) bool { return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') }) < 0
}
