package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
	wm "go.mongodb.org/mongo-driver/v2/x/mongo/driver/wiremessage"
)

const (
	headerSize     = 16
	maxMessageSize = 48_000_000
	opMsgOld       = wm.OpCode(1000) // the text message of the first servers; the driver has no name for it
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// message is one wire message, decompressed.
type message struct {
	id, to     int32
	op         wm.OpCode
	body       []byte // what follows the header
	size       int    // bytes on the wire
	compressed bool
	compressor wm.CompressorID
}

// readMessage reads one message and takes it out of its OP_COMPRESSED.
func readMessage(r io.Reader) (m message, err error) {
	var h [headerSize]byte
	if _, err = io.ReadFull(r, h[:]); err != nil {
		return m, err
	}
	length, id, to, op, _, _ := wm.ReadHeader(h[:])
	if length < headerSize || length > maxMessageSize {
		return m, fmt.Errorf("message length %d", length)
	}
	m = message{id: id, to: to, op: op, size: int(length), body: make([]byte, length-headerSize)}
	if _, err = io.ReadFull(r, m.body); err != nil {
		return m, err
	}
	if op != wm.OpCompressed {
		return m, nil
	}
	original, rest, ok1 := wm.ReadCompressedOriginalOpCode(m.body)
	size, rest, ok2 := wm.ReadCompressedUncompressedSize(rest)
	compressor, rest, ok3 := wm.ReadCompressedCompressorID(rest)
	if !ok1 || !ok2 || !ok3 || size < 0 || size > maxMessageSize {
		return m, errors.New("compressed message is short")
	}
	m.compressed, m.compressor, m.op = true, compressor, original
	m.body, err = driver.DecompressPayload(rest, driver.CompressionOpts{Compressor: compressor, UncompressedSize: size})
	return m, err
}

// encode writes the message as it goes on the wire and sets m.size.
func (m *message) encode() ([]byte, error) {
	op, body := m.op, m.body
	if m.compressed {
		z, err := driver.CompressPayload(body, driver.CompressionOpts{
			Compressor: m.compressor, ZlibLevel: wm.DefaultZlibLevel, ZstdLevel: wm.DefaultZstdLevel,
		})
		if err != nil {
			return nil, err
		}
		b := wm.AppendCompressedOriginalOpCode(nil, op)
		b = wm.AppendCompressedUncompressedSize(b, int32(len(body)))
		b = wm.AppendCompressedCompressorID(b, m.compressor)
		op, body = wm.OpCompressed, wm.AppendCompressedCompressedMessage(b, z)
	}
	m.size = headerSize + len(body)
	return append(wm.AppendHeader(nil, int32(m.size), m.id, m.to, op), body...), nil
}

// checksum is the CRC-32C of an OP_MSG as if it were not compressed: over its header and its body less the last four
// bytes, which hold it.
func (m *message) checksum() uint32 {
	h := wm.AppendHeader(nil, int32(headerSize+len(m.body)), m.id, m.to, m.op)
	return crc32.Update(crc32.Checksum(h, castagnoli), castagnoli, m.body[:len(m.body)-4])
}

// compressorName is the name a hello uses.
func (m *message) compressorName() string {
	if !m.compressed {
		return ""
	}
	return [...]string{"noop", "snappy", "zlib", "zstd"}[m.compressor]
}

// opMsg is the body of an OP_MSG.
type opMsg struct {
	flags     wm.MsgFlag
	kinds     []int // of the sections, in the order sent
	doc       bsoncore.Document
	sequences []sequence
	token     string // of a section of kind 2
	checksum  string // "", right or wrong
}

// sequence is a section of kind 1.
type sequence struct {
	name string
	docs []bsoncore.Document
}

// parseMsg reads an OP_MSG. It accepts sections in any order.
func parseMsg(m *message) (p opMsg, err error) {
	flags, b, ok := wm.ReadMsgFlags(m.body)
	if !ok {
		return p, errors.New("no flags")
	}
	p.flags = flags
	if flags&wm.ChecksumPresent != 0 {
		if len(b) < 4 {
			return p, errors.New("no room for the checksum")
		}
		p.checksum = "right"
		if binary.LittleEndian.Uint32(b[len(b)-4:]) != m.checksum() {
			p.checksum = "wrong"
		}
		b = b[:len(b)-4]
	}
	for len(b) > 0 {
		kind, rest, _ := wm.ReadMsgSectionType(b)
		p.kinds = append(p.kinds, int(kind))
		ok := true
		switch kind {
		case wm.SingleDocument:
			p.doc, b, ok = wm.ReadMsgSectionSingleDocument(rest)
		case wm.DocumentSequence:
			var s sequence
			s.name, s.docs, b, ok = wm.ReadMsgSectionDocumentSequence(rest)
			p.sequences = append(p.sequences, s)
		case securityToken:
			p.token, b, ok = readToken(rest)
		default:
			ok = false
		}
		if !ok {
			return p, fmt.Errorf("section of kind %d cannot be read", kind)
		}
	}
	if p.doc == nil {
		return p, errors.New("no section of kind 0")
	}
	return p, nil
}

const securityToken = wm.SectionType(2)

// readToken reads a security token: a document from older servers, a C string from newer ones.
func readToken(b []byte) (string, []byte, bool) {
	if d, rest, ok := bsoncore.ReadDocument(b); ok && d.Validate() == nil {
		return d.String(), rest, true
	}
	s, rest, ok := bytes.Cut(b, []byte{0})
	return string(s), rest, ok
}

// encode writes the flags and sections, without a checksum.
func (p *opMsg) encode() []byte {
	b := wm.AppendMsgFlags(nil, p.flags&^wm.ChecksumPresent)
	b = append(wm.AppendMsgSectionType(b, wm.SingleDocument), p.doc...)
	for _, s := range p.sequences {
		b = wm.AppendMsgSectionType(b, wm.DocumentSequence)
		i, body := bsoncore.ReserveLength(b)
		body = append(append(body, s.name...), 0)
		for _, d := range s.docs {
			body = append(body, d...)
		}
		b = bsoncore.UpdateLength(body, i, int32(len(body))-i)
	}
	return b
}
