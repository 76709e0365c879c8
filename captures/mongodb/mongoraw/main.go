// Mongoraw writes MongoDB messages that no driver writes, one scenario a run, for the captures. They are put together with
// the Go driver's own packages.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"log"
	"net"
	"os"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
	wm "go.mongodb.org/mongo-driver/v2/x/mongo/driver/wiremessage"
)

var scenarios = map[string]func(){
	"sections": sections,
	"flags":    flags,
	"checksum": checksums,
	"noop":     noop,
	"old":      old,
	"segments": segments,
	"ids":      ids,
}

func main() {
	log.SetFlags(log.Lshortfile)
	log.SetPrefix("mongoraw: ")
	if len(os.Args) != 3 || scenarios[os.Args[1]] == nil {
		log.Fatal("usage: mongoraw SCENARIO ADDRESS")
	}
	scenarios[os.Args[1]]()
}

// must ends the program for an error.
func must(err error) {
	if err != nil {
		log.Output(2, err.Error())
		os.Exit(1)
	}
}

// peer is a connection and the id of its next message.
type peer struct {
	net.Conn
	id int32
}

func dial() *peer {
	c, err := net.DialTimeout("tcp", os.Args[2], 5*time.Second)
	must(err)
	must(c.SetDeadline(time.Now().Add(20 * time.Second)))
	return &peer{c, 1000}
}

// pack makes a message.
func (p *peer) pack(op wm.OpCode, body []byte) []byte {
	p.id++
	return append(wm.AppendHeader(nil, int32(16+len(body)), p.id, 0, op), body...)
}

// ask sends a message and reads its answer.
func (p *peer) ask(op wm.OpCode, body []byte) []byte {
	_, err := p.Write(p.pack(op, body))
	must(err)
	return p.answer(p.id)
}

// answer reads one message, which must answer id.
func (p *peer) answer(id int32) []byte {
	var h [16]byte
	_, err := io.ReadFull(p, h[:])
	must(err)
	n, _, to, _, _, _ := wm.ReadHeader(h[:])
	b := make([]byte, n-16)
	_, err = io.ReadFull(p, b)
	must(err)
	if to != id {
		panic(fmt.Sprintf("an answer to %d, want %d", to, id))
	}
	return b
}

// dropped is sure that the server ends the connection without an answer to what was sent.
func (p *peer) dropped(message []byte) {
	_, err := p.Write(message)
	must(err)
	if rest, err := io.ReadAll(p); err != nil || len(rest) > 0 {
		panic(fmt.Sprintf("%d bytes, %v; want the end", len(rest), err))
	}
	p.Close()
}

// d is a document of keys and values in turn.
func d(keysAndValues ...any) bsoncore.Document {
	out := bson.D{}
	for i := 0; i < len(keysAndValues); i += 2 {
		out = append(out, bson.E{Key: keysAndValues[i].(string), Value: keysAndValues[i+1]})
	}
	b, err := bson.Marshal(out)
	must(err)
	return b
}

// msg is the body of an OP_MSG of the sections.
func msg(flags wm.MsgFlag, sections ...[]byte) []byte {
	return append(wm.AppendMsgFlags(nil, flags), bytes.Join(sections, nil)...)
}

func kind0(doc bsoncore.Document) []byte { return append([]byte{0}, doc...) }

func kind1(name string, docs ...bsoncore.Document) []byte {
	i, b := bsoncore.ReserveLength([]byte{1})
	b = append(append(b, name...), 0)
	for _, d := range docs {
		b = append(b, d...)
	}
	return bsoncore.UpdateLength(b, i, int32(len(b))-i)
}

// checksummed gives an OP_MSG its CRC-32C.
func checksummed(message []byte) []byte {
	binary.LittleEndian.PutUint32(message, uint32(len(message)+4))
	return binary.LittleEndian.AppendUint32(message, crc32.Checksum(message, crc32.MakeTable(crc32.Castagnoli)))
}

// squeeze is the body of an OP_COMPRESSED of a message's body.
func squeeze(c wm.CompressorID, op wm.OpCode, body []byte) []byte {
	z, err := driver.CompressPayload(body, driver.CompressionOpts{Compressor: c, ZlibLevel: 6, ZstdLevel: 6})
	must(err)
	b := wm.AppendCompressedOriginalOpCode(nil, op)
	b = wm.AppendCompressedUncompressedSize(b, int32(len(body)))
	b = wm.AppendCompressedCompressorID(b, c)
	return append(b, z...)
}

var (
	ping   = kind0(d("ping", 1, "$db", "admin"))
	insert = kind0(d("insert", "raw", "$db", "lab"))
	remove = kind0(d("drop", "raw", "$db", "lab"))
	a, b   = d("a", 1, "text", "first"), d("a", 2, "text", "second")
)

// sections sends sections in every number and order.
func sections() {
	p := dial()
	p.ask(wm.OpMsg, msg(0, insert, kind1("documents", a, b)))
	p.ask(wm.OpMsg, msg(0, kind1("documents", a, b), insert)) // the body last
	p.ask(wm.OpMsg, msg(0, kind0(d("update", "raw", "ordered", true, "$db", "lab")), kind1("updates",
		d("q", d("a", 1), "u", d("$set", d("b", 1))), d("q", d("a", 2), "u", d("$set", d("b", 2))))))
	ops := kind1("ops", d("insert", 0, "document", a), d("insert", 1, "document", b), d("delete", 0, "filter", d("a", 1), "multi", true))
	spaces := kind1("nsInfo", d("ns", "lab.raw"), d("ns", "lab.raw2"))
	bulk := kind0(d("bulkWrite", 1, "ordered", true, "$db", "admin"))
	p.ask(wm.OpMsg, msg(0, bulk, ops, spaces))
	p.ask(wm.OpMsg, msg(0, ops, bulk, spaces))                          // the body between
	p.ask(wm.OpMsg, msg(0, spaces, ops, bulk))                          // and last
	p.ask(wm.OpMsg, msg(0, insert, kind1("documents", a), kind1("xs"))) // a sequence without documents
	token := d("authenticatedUser", d("user", "tenant", "db", "admin"), "sig", bson.Binary{Data: bytes.Repeat([]byte{0xab}, 32)})
	p.ask(wm.OpMsg, msg(0, append([]byte{2}, token...), ping))                // security token as a document
	p.ask(wm.OpMsg, msg(0, append([]byte{2}, "eyJhbGciOi.abc\x00"...), ping)) // and as a string
	p.ask(wm.OpMsg, msg(0, ping, append([]byte{2}, token...)))
	p.ask(wm.OpMsg, msg(0, remove))
	p.Close()
	p = dial()
	p.dropped(p.pack(wm.OpMsg, msg(0, ping, []byte{9, 1, 2, 3}))) // no such kind
}

// flags sends known and unknown flag bits.
func flags() {
	p := dial()
	p.ask(wm.OpMsg, msg(0, ping))
	p.ask(wm.OpMsg, msg(1<<20|1<<31, ping)) // unknown and optional: to be ignored
	p.ask(wm.OpMsg, msg(wm.ExhaustAllowed, ping))
	_, err := p.Write(p.pack(wm.OpMsg, msg(wm.MoreToCome, insert, kind1("documents", a))))
	must(err)
	p.ask(wm.OpMsg, msg(0, ping))
	p.dropped(p.pack(wm.OpMsg, msg(1<<5, ping))) // unknown and required
	p = dial()
	p.ask(wm.OpMsg, msg(0, remove))
	p.dropped(p.pack(wm.OpMsg, msg(1<<15|wm.ExhaustAllowed, ping)))
}

// checksums sends right ones and wrong ones, alone and under compression.
func checksums() {
	p := dial()
	send := func(message []byte) {
		_, err := p.Write(message)
		must(err)
		p.answer(p.id)
	}
	send(checksummed(p.pack(wm.OpMsg, msg(wm.ChecksumPresent, ping))))
	send(checksummed(p.pack(wm.OpMsg, msg(wm.ChecksumPresent, insert, kind1("documents", a, b)))))
	send(checksummed(p.pack(wm.OpMsg, msg(wm.ChecksumPresent, kind1("documents", a), insert))))
	p.ask(wm.OpMsg, msg(0, ping)) // without one again
	for c := wm.CompressorNoOp; c <= wm.CompressorZstd; c++ {
		inner := checksummed(p.pack(wm.OpMsg, msg(wm.ChecksumPresent, ping)))
		_, err := p.Write(append(wm.AppendHeader(nil, int32(16+len(squeeze(c, wm.OpMsg, inner[16:]))), p.id, 0, wm.OpCompressed), squeeze(c, wm.OpMsg, inner[16:])...))
		must(err)
		p.answer(p.id)
	}
	send(checksummed(p.pack(wm.OpMsg, msg(wm.ChecksumPresent, kind0(d("find", "raw", "$db", "lab"))))))
	send(checksummed(p.pack(wm.OpMsg, msg(wm.ChecksumPresent, remove))))
	wrong := checksummed(p.pack(wm.OpMsg, msg(wm.ChecksumPresent, ping)))
	wrong[len(wrong)-1] ^= 0xff
	p.dropped(wrong)
}

// noop sends OP_COMPRESSED that is not compressed, then every compressor in turn on one connection.
func noop() {
	p := dial()
	for _, c := range []wm.CompressorID{wm.CompressorNoOp, wm.CompressorSnappy, wm.CompressorNoOp, wm.CompressorZLib, wm.CompressorZstd} {
		p.ask(wm.OpCompressed, squeeze(c, wm.OpMsg, msg(0, insert, kind1("documents", a, b))))
		p.ask(wm.OpMsg, msg(0, ping))
	}
	p.ask(wm.OpCompressed, squeeze(wm.CompressorNoOp, wm.OpMsg, msg(0, kind0(d("find", "raw", "batchSize", 4, "$db", "lab")))))
	p.ask(wm.OpCompressed, squeeze(wm.CompressorZLib, wm.OpQuery, query("lab.$cmd", -1, d("count", "raw"))))
	p.ask(wm.OpCompressed, squeeze(wm.CompressorNoOp, wm.OpMsg, msg(0, remove)))
	p.Close()
}

// query is the body of an OP_QUERY.
func query(ns string, want int32, docs ...bsoncore.Document) []byte {
	q := wm.AppendQueryFlags(nil, wm.SecondaryOK)
	q = wm.AppendQueryFullCollectionName(q, ns)
	q = wm.AppendQueryNumberToReturn(wm.AppendQueryNumberToSkip(q, 0), want)
	for _, d := range docs {
		q = append(q, d...)
	}
	return q
}

// fields joins little-endian integers, C strings and documents.
func fields(parts ...any) (out []byte) {
	for _, part := range parts {
		switch v := part.(type) {
		case int:
			out = binary.LittleEndian.AppendUint32(out, uint32(v))
		case int64:
			out = binary.LittleEndian.AppendUint64(out, uint64(v))
		case string:
			out = append(append(out, v...), 0)
		case bsoncore.Document:
			out = append(out, v...)
		}
	}
	return out
}

// old sends every opcode from before OP_MSG.
func old() {
	p := dial()
	send := func(op wm.OpCode, body []byte) {
		_, err := p.Write(p.pack(op, body))
		must(err)
	}
	check := func() { p.ask(wm.OpQuery, query("lab.$cmd", -1, d("getlasterror", 1))) }
	p.ask(wm.OpQuery, query("admin.$cmd", -1, d("isMaster", 1)))
	var docs []any
	docs = append(docs, 1, "lab.raw") // continue on error
	for i := range 12 {
		docs = append(docs, d("_id", i, "n", i%3))
	}
	send(wm.OpInsert, fields(docs...))
	check()
	send(wm.OpUpdate, fields(0, "lab.raw", 3, d("n", 1), d("$set", d("seen", true)))) // upsert and multi
	check()
	send(wm.OpDelete, fields(0, "lab.raw", 1, d("n", 2))) // one only
	check()
	reply := p.ask(wm.OpQuery, query("lab.raw", 3, d("$query", d(), "$orderby", d("_id", -1)), d("seen", 1)))
	cursor := int64(binary.LittleEndian.Uint64(reply[4:]))
	p.ask(wm.OpGetMore, fields(0, "lab.raw", 4, cursor))
	send(wm.OpKillCursors, fields(0, 1, cursor))
	p.ask(wm.OpGetMore, fields(0, "lab.raw", 4, int64(987654321))) // CursorNotFound
	p.ask(wm.OpQuery, query("lab.raw", 2, d("n", d("$what", 1))))  // QueryFailure
	p.ask(wm.OpQuery, query("lab.raw", -2, d("n", 1)))             // one batch
	p.ask(wm.OpQuery, query("lab.$cmd", -1, d("$query", d("count", "raw"), "$readPreference", d("mode", "nearest"))))
	p.ask(wm.OpCommand, fields("lab", "count", d("count", "raw", "query", d("n", 0)), d("$replData", 1)))
	p.ask(wm.OpCommand, fields("lab", "fly", d("fly", 1), d()))
	p.ask(wm.OpQuery, query("lab.$cmd", -1, d("drop", "raw")))
	send(opMsgOld, fields("how are you?")) // OP_MSG as it was once: a text; nobody answers
	p.ask(wm.OpMsg, msg(0, ping))
	p.Close()
}

const opMsgOld = wm.OpCode(1000)

// segments cuts messages where TCP may: several in one segment, one in many.
func segments() {
	p := dial()
	must(p.Conn.(*net.TCPConn).SetNoDelay(true))
	var together []byte
	from := p.id + 1
	for range 4 {
		together = append(together, p.pack(wm.OpMsg, msg(0, ping))...)
	}
	last := p.pack(wm.OpMsg, msg(0, insert, kind1("documents", a, b)))
	cut := len(last) - 30 // the segment ends inside the fifth
	_, err := p.Write(append(together, last[:cut]...))
	must(err)
	time.Sleep(30 * time.Millisecond)
	_, err = p.Write(last[cut:])
	must(err)
	for id := from; id <= p.id; id++ {
		p.answer(id)
	}
	p.dribble(p.pack(wm.OpMsg, msg(0, ping)), 20) // past the header byte by byte
	p.answer(p.id)
	m := p.pack(wm.OpMsg, msg(0, kind0(d("find", "raw", "filter", d("a", d("$gte", 1)), "$db", "lab"))))
	p.dribble(m, len(m)) // all of it
	p.answer(p.id)
	squeezed := p.pack(wm.OpCompressed, squeeze(wm.CompressorZstd, wm.OpMsg, msg(0, kind0(d("find", "raw", "$db", "lab")))))
	p.dribble(squeezed, 30)
	p.answer(p.id)
	long := p.pack(wm.OpMsg, msg(0, insert, kind1("documents", d("a", 3, "pad", string(bytes.Repeat([]byte("0123456789"), 500))))))
	_, err = p.Write(append(p.pack(wm.OpMsg, msg(0, ping)), long...)) // one whole and one over four segments
	must(err)
	p.answer(p.id)
	p.answer(p.id - 1)
	p.ask(wm.OpMsg, msg(0, remove))
	p.Close()
}

// dribble writes n bytes one a segment and the rest at once.
func (p *peer) dribble(m []byte, n int) {
	for i := range n {
		_, err := p.Write(m[i : i+1])
		must(err)
		time.Sleep(2 * time.Millisecond)
	}
	if n < len(m) {
		_, err := p.Write(m[n:])
		must(err)
	}
}

// ids sends ids above 2^31, zero, and one id twice.
func ids() {
	p := dial()
	for _, id := range []uint32{0x7fff_fffe, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff, 0, 1, 7, 7} {
		p.id = int32(id - 1)
		p.ask(wm.OpMsg, msg(0, ping))
	}
	p.Close()
}
