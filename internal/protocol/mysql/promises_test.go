package mysql_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/l7/l7test"
	"github.com/dbtap/dbtap/internal/protocol/mysql"
	"github.com/dbtap/dbtap/internal/record"
)

// header is that of a packet: the length of its payload, and a number.
const header = 4

// payload is the length of the payload of the packet that b begins with.
func payload(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// The passwords of the captures: testdata/ORIGIN.md.
var passwords = map[string][]byte{
	"ada's password":     []byte("pencil-4410"),
	"edda's password":    []byte("crayon-8127"),
	"paula's password":   []byte("marker-3358"),
	"clara's password":   []byte("quill-9064"),
	"nora's password":    []byte("chalk-2791"),
	"the wrong password": []byte("eraser-5573"),
}

// lossExcept and lateExcept are exceptions: see l7test.Options.
var (
	lossExcept = map[string]l7test.Exception{
		"*zlib*":         {Most: 1, Why: "where packets lie in compressed frames is not known"},
		"cli-zstd":       {Most: 1, Why: "the same"},
		"node-mysql":     {Most: 2, Why: "a request in many packets is not found behind a gap"},
		"raw-commands-*": {Most: 20, Why: "commands that do not exist are not found behind a gap"},
		"raw-old":        {Most: 26, Why: "a login that is too old, without its greeting"},
		"raw-left-mysql": {Most: 2, Why: "a request behind a gap is found late, and what the server says unasked then is doubtful"},
		"raw-segments-*": {Most: 9, Why: "a request that shares its packet is found late"},
		"x":              {Most: 51, Why: "X Protocol is found by its greeting alone"},
	}
	lateExcept = map[string]l7test.Exception{
		"node-zlib-*":      {Most: 2, Why: "frames that go on in the next packet have no beginning there"},
		"zlib-*":           {Most: 4, Why: "the same"},
		"commands-mariadb": {Most: 5, Why: "nothing but the end of a login and of its connection follows"},
		"huge-result":      {Most: 28, Why: "a row that is too long to find its end"},
		"raw-cursor-mysql": {Most: 2, Why: "of what it fetches the client sends numbers only"},
		"raw-left-*":       {Most: 20, Why: "what follows is half a request"},
		"raw-old":          {Most: 1, Why: "packets without the capabilities of today"},
		"raw-segments-*":   {Most: 3, Why: "packets in pieces of a few bytes"},
		"x":                {Most: 53, Why: "X Protocol is found by its greeting alone"},
	}
)

func options() l7test.Options {
	return l7test.Options{
		LossExcept:          lossExcept,
		LateExcept:          lateExcept,
		Broken:              []string{"raw-handshakes*"},
		Resize:              resize,
		Prefixes:            []string{"prepared-mysql", "rows-large-mysql"}, // rows that are rows, too, without their last columns
		Inherited:           []record.Col{record.User, record.App, record.Namespace},
		InheritedAttributes: []string{"in_transaction", "autocommit"}, // of errors
		Prepared:            []string{"bulk"},
		Absent:              []string{"several buffers"},
		Secrets:             passwords,
		Values:              map[string][]byte{"a value": []byte("marlin-77")},
		Of:                  challenges,
		Mixed:               []string{"mixed*"},
		Own:                 hasMySQL,
		Tshark:              tshark,
	}
}

// resize makes the last packet that b begins end where b does.
func resize(b []byte) {
	for len(b) >= header {
		n := payload(b)
		if header+n >= len(b) {
			n = len(b) - header
			b[0], b[1], b[2] = byte(n), byte(n>>8), byte(n>>16)
			return
		}
		b = b[header+n:]
	}
}

// inLogin is what the context of a packet begins with that belongs to a login.
const inLogin = 1

// hasMySQL tells of a capture of another project whether it has MySQL.
func hasMySQL(path, protocols string) bool {
	return strings.Contains(protocols, "mysql") || strings.Contains(path, "mysql") || strings.HasPrefix(filepath.Base(path), "y-")
}

var tshark = &l7test.Tshark{
	Protocol: "mysql",
	Ports:    []uint16{3306},
	Fields: []l7test.TsharkField{
		{Name: "mysql.command", Ours: l7test.Root("command")},
	},
	Except: map[string]string{
		"auth-parsec":           "what the client answers to a challenge is taken for a command",
		"auth-sha2":             "the client's request for the public key, and what it encrypts, are taken for commands",
		"auth-wrong-mysql":      "the same",
		"big-mysql":             "the same",
		"crowd":                 "the same",
		"demo":                  "the same",
		"rows-many":             "the same",
		"rows-small-mysql":      "the same",
		"commands-mysql":        "the same, of COM_CHANGE_USER",
		"node-changeuser-mysql": "the same, of COM_CHANGE_USER",
		"text-mysql":            "the same",
		"cut-mysql":             "the same",
		"cli-zlib-mysql":        "packets that span compressed frames are taken for commands",
		"zlib-mariadb":          "the same",
		"zlib-mysql":            "the same",
		"node-zlib-mariadb":     "the same",
		"node-zlib-mysql":       "the same",
		"cli-zstd":              "zstd is not read",
		"huge-insert":           "what follows 16 MB of a packet is taken for a command",
		"infile-mariadb":        "the bytes of the file are taken for commands",
		"infile-mysql":          "the same",
		"node-mariadb":          "the same",
		"node-mysql":            "the same",
		"raw-left-mariadb":      "half a request is not shown",
		"raw-left-mysql":        "the same",
	},
}

// challenges are the secrets of logins in a message, by their places in it: the server's random bytes, and what the
// client made of them.
func challenges(m *l7test.Message) (list [][]byte) {
	if len(m.Data) < header+1 || payload(m.Data)+header > len(m.Data) {
		return nil
	}
	b := m.Data[header : header+payload(m.Data)]
	add := func(secret []byte) {
		if len(secret) >= 8 {
			list = append(list, secret)
		}
	}
	switch {
	case m.Dir == l7.ToClient && b[0] == 10 && m.Role == l7.Part:
		at := 1 + bytes.IndexByte(b[1:], 0) + 1 + 4
		add(b[at : at+8])
		if at += 8 + 1 + 2 + 1 + 2 + 2 + 1 + 10; len(b) >= at+13 {
			add(b[at : at+12])
		}
	case m.Dir == l7.ToClient && b[0] == 0xFE && len(b) > 20 && m.More:
		if at := bytes.IndexByte(b, 0); at > 0 {
			add(b[at+1 : min(len(b), at+13)])
		}
	case m.Dir == l7.ToServer && m.Role == l7.Request && len(b) > 33 && b[1]&2 != 0 && m.Data[3] > 0:
		at := 32 + bytes.IndexByte(b[32:], 0) + 1
		if n := int(b[at]); at+1+n <= len(b) {
			add(b[at+1 : at+1+n])
		}
	case m.Dir == l7.ToServer && m.Role == l7.Feed && m.Context[0] == inLogin:
		add(b[:min(len(b), 20)])
	}
	return list
}

func TestPromises(t *testing.T) { l7test.Run(t, mysql.Protocol, options()) }
