package mongodb_test

import (
	"bytes"
	"encoding/binary"
	"path/filepath"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"github.com/dbtap/dbtap/internal/l7/l7test"
	"github.com/dbtap/dbtap/internal/protocol/mongodb"
	"github.com/dbtap/dbtap/internal/record"
)

// header is that of a message: length, request id, id of the request it answers, opcode.
const header = 16

// opMsg and its relatives are the opcodes that tests look at themselves.
const (
	opReply      = 1
	opQuery      = 2004
	opCompressed = 2012
	opMsg        = 2013
)

func opcode(b []byte) uint32 { return binary.LittleEndian.Uint32(b[12:]) }

// The passwords of the captures: testdata/ORIGIN.md.
var passwords = map[string][]byte{
	"the password":       []byte("pencil-7391"),
	"the wrong password": []byte("eraser-2846"),
}

func options() l7test.Options {
	return l7test.Options{
		Except:     []string{"tls*"},
		Broken:     []string{"flags", "sections", "checksum"},
		LossExcept: map[string]l7test.Exception{"ids": {Most: 3, Why: "two requests have one identifier"}},
		LateExcept: map[string]l7test.Exception{"ids": {Most: 5, Why: "two requests have one identifier, and so have their answers"}},
		Resize: func(b []byte) {
			if len(b) >= 4 {
				binary.LittleEndian.PutUint32(b, uint32(len(b)))
			}
		},
		Inherited: []record.Col{record.User, record.App},
		Absent:    []string{"push", "part"},
		Secrets:   passwords,
		Of:        payloads,
		Mixed:     []string{"mixed*"},
		Own:       func(path, _ string) bool { return hasMongoDB(path) },
		Tshark:    tshark,
	}
}

// hasMongoDB tells of a capture of another project whether it has MongoDB.
func hasMongoDB(path string) bool {
	return strings.Contains(path, "mongo") || strings.HasPrefix(filepath.Base(path), "m-")
}

var tshark = &l7test.Tshark{
	Protocol: "mongo",
	Ports:    []uint16{27017},
	Fields: []l7test.TsharkField{
		{Name: "mongo.message_length", Ours: l7test.Root("messageLength")},
		{Name: "mongo.request_id", Ours: l7test.Root("requestID"), Hex: true},
		{Name: "mongo.response_to", Ours: l7test.Root("responseTo"), Hex: true},
		{Name: "mongo.opcode", Ours: l7test.Root("opCode")},
	},
	Except: map[string]string{},
}

// payloads are the payloads of a login in a message, found by the driver's own package, and what of them is secret by
// itself: proof and signature (RFC 5802), a password (RFC 4616).
func payloads(m *l7test.Message) (list [][]byte) {
	doc := body(m.Data)
	if doc == nil {
		return nil
	}
	found := []bsoncore.Value{doc.Lookup("payload"), doc.Lookup("speculativeAuthenticate", "payload")}
	for _, v := range found {
		_, p, ok := v.BinaryOK()
		if !ok || len(p) == 0 {
			continue
		}
		list = append(list, p)
		for _, part := range bytes.FieldsFunc(p, func(r rune) bool { return r == ',' || r == 0 }) {
			switch {
			case bytes.HasPrefix(part, []byte("p=")), bytes.HasPrefix(part, []byte("v=")), bytes.HasPrefix(part, []byte("r=")):
				list = append(list, part[2:])
			}
		}
	}
	return list
}

// body is the document of a command or of its answer, as the driver's package reads it; nil if there is none, or it is
// compressed.
func body(b []byte) bsoncore.Document {
	if len(b) < header+5 {
		return nil
	}
	rest := b[header+4:]
	switch opcode(b) {
	case opMsg:
		if rest[0] != 0 {
			return nil
		}
		rest = rest[1:]
	case opReply:
		rest = rest[min(16, len(rest)):]
	case opQuery:
		i := bytes.IndexByte(rest, 0)
		if i < 0 || len(rest) < i+9 {
			return nil
		}
		rest = rest[i+9:]
	default:
		return nil
	}
	doc, _, ok := bsoncore.ReadDocument(rest)
	if !ok || doc.Validate() != nil {
		return nil
	}
	return doc
}

func TestPromises(t *testing.T) { l7test.Run(t, mongodb.Protocol, options()) }
