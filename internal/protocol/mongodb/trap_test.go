package mongodb_test

import (
	"encoding/binary"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"github.com/dbtap/dbtap/internal/filter"
	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/l7/l7test"
	"github.com/dbtap/dbtap/internal/protocol/mongodb"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/stream"
	"github.com/dbtap/dbtap/internal/wire"
)

// Flag bits of OP_MSG.
const (
	checksumPresent = 1 << 0
	moreToCome      = 1 << 1
)

func capture(name string) string { return filepath.Join("testdata", name+".pcap.gz") }

// messagesOf are the messages of one capture.
func messagesOf(t *testing.T, name string) (list []*l7test.Message) {
	t.Helper()
	for i, c := range l7test.Read(t, capture(name)) {
		list = append(list, l7test.Messages(mongodb.Protocol, c, name, i+1)...)
	}
	if len(list) == 0 {
		t.Fatalf("%s has no messages", name)
	}
	return list
}

// path finds the fields that a path of names leads to; elements of arrays may be left out.
func path(tree *wire.Tree, names string) (found []*wire.Field) {
	want := strings.Split(names, ".")
	var walk func(parent int32, want []string)
	walk = func(parent int32, want []string) {
		for i := range tree.Fields {
			f := &tree.Fields[i]
			if f.Parent != parent {
				continue
			}
			switch {
			case tree.Name(f) == want[0] && len(want) == 1:
				found = append(found, f)
			case tree.Name(f) == want[0]:
				walk(int32(i), want[1:])
			case f.Index:
				walk(int32(i), want)
			}
		}
	}
	walk(-1, want)
	return found
}

// msg makes an OP_MSG with one section of kind 0.
func msg(id, to int, flags uint32, doc bson.D, sections ...[]byte) []byte {
	b, err := bson.Marshal(doc)
	if err != nil {
		panic(err)
	}
	le := binary.LittleEndian
	out := le.AppendUint32(nil, 0)
	out = le.AppendUint32(out, uint32(id))
	out = le.AppendUint32(out, uint32(to))
	out = le.AppendUint32(out, opMsg)
	out = le.AppendUint32(out, flags)
	out = append(append(out, 0), b...)
	for _, s := range sections {
		out = append(out, s...)
	}
	le.PutUint32(out, uint32(len(out)))
	return out
}

// sequence makes a section of kind 1.
func sequence(name string, docs ...bsoncore.Document) []byte {
	out := append([]byte{1, 0, 0, 0, 0}, name...)
	out = append(out, 0)
	for _, d := range docs {
		out = append(out, d...)
	}
	binary.LittleEndian.PutUint32(out[1:], uint32(len(out)-1))
	return out
}

// say is a message and who sends it.
type say struct {
	dir stream.Dir
	b   []byte
}

// talk runs messages through an engine, each in a packet, and returns the records.
func talk(t *testing.T, values bool, list ...say) (rows []l7test.Row) {
	t.Helper()
	c := l7test.NewTalk()
	for _, s := range list {
		c.Bytes(s.dir, s.b)
	}
	rows, _ = c.Rows(mongodb.Protocol, values)
	return rows
}

// TestTraps: what other tools get wrong, in the numbers of their list.
func TestTraps(t *testing.T) {
	t.Run("1 a checksum is no section", func(t *testing.T) {
		n := 0
		for _, name := range []string{"checksum", "sections"} {
			for _, m := range messagesOf(t, name) {
				if opcode(m.Data) != opMsg || m.Data[header]&checksumPresent == 0 {
					continue
				}
				var tree wire.Tree
				c := m.Tree(mongodb.Protocol, &tree)
				f := path(&tree, "mongodb.checksum")
				if c.Err() != nil || len(f) != 1 || f[0].Len != 4 || f[0].Off != m.Size-4 {
					t.Errorf("%v: %v, checksums %v", m, c.Err(), f)
				}
				n++
			}
		}
		if n < 5 {
			t.Errorf("%d messages with a checksum", n)
		}
		wrong := 0
		for _, r := range l7test.ReadRows(t, mongodb.Protocol, false, capture("checksum")) {
			if r.Doubts&record.Checksum != 0 {
				wrong++
			}
		}
		if wrong == 0 {
			t.Error("no wrong checksum is doubted")
		}
	})
	t.Run("2 decimal128", func(t *testing.T) {
		n := 0
		for _, m := range messagesOf(t, "bson") {
			var tree wire.Tree
			m.Tree(mongodb.Protocol, &tree)
			for i := range tree.Fields {
				f := &tree.Fields[i]
				if f.Type == nil || f.Type.Name != "decimal128" {
					continue
				}
				n++
				b := tree.Content(f)
				le := binary.LittleEndian
				if got, want := string(f.Type.Append(nil, b)), bson.NewDecimal128(le.Uint64(b[8:]), le.Uint64(b)).String(); got != want {
					t.Errorf("%s, the driver says %s", got, want)
				}
			}
		}
		if n == 0 {
			t.Error("no decimal128 was read")
		}
	})
	t.Run("3 zstd", func(t *testing.T) {
		for _, name := range []string{"compressed-zstd", "libmongoc-zstd", "mixed-zstd"} {
			n := 0
			for _, r := range l7test.ReadRows(t, mongodb.Protocol, false, capture(name)) {
				if r.Attribute("compressor") == "zstd" && r.Text(record.Operation) != "" && r.Doubts == 0 {
					n++
				}
			}
			if n < 5 {
				t.Errorf("%s: %d exchanges under zstd", name, n)
			}
		}
	})
	t.Run("4 what follows a DBPointer", func(t *testing.T) {
		n := 0
		for _, m := range messagesOf(t, "bson") {
			var tree wire.Tree
			if c := m.Tree(mongodb.Protocol, &tree); c.Err() != nil {
				t.Errorf("%v: %v", m, c.Err())
			}
			for i := range tree.Fields {
				f := &tree.Fields[i]
				if f.Label != "dbPointer" {
					continue
				}
				n++
				p := &tree.Fields[f.Parent]
				if id := &tree.Fields[p.End-1]; id.Name != "id" || id.Len != 12 {
					t.Errorf("%v: a DBPointer ends in %s of %d bytes", m, id.Name, id.Len)
				}
				next := &tree.Fields[p.End]
				if next.Off != p.Off+p.Len || next.Parent != p.Parent {
					t.Errorf("%v: behind a DBPointer is %s", m, tree.Name(next))
				}
			}
		}
		if n == 0 {
			t.Error("no DBPointer was read")
		}
	})
	t.Run("5 documents up to 16 MiB", func(t *testing.T) {
		for _, size := range []int{16_000_000, 16_000_001, 16_777_216} {
			text := strings.Repeat("x", size-5-1-2-4-1)
			doc, _ := bson.Marshal(bson.D{{Key: "t", Value: text}})
			if len(doc) != size {
				t.Fatalf("a document of %d bytes", len(doc))
			}
			rows := talk(t, false, say{stream.Forward, msg(1, 0, 0, bson.D{{Key: "insert", Value: "big"}, {Key: "$db", Value: "d"}}, sequence("documents", doc))},
				say{stream.Backward, msg(2, 1, 0, bson.D{{Key: "n", Value: 1}, {Key: "ok", Value: 1.0}})},
				say{stream.Forward, msg(3, 0, 0, bson.D{{Key: "ping", Value: 1}, {Key: "$db", Value: "d"}})},
				say{stream.Backward, msg(4, 3, 0, bson.D{{Key: "cursor", Value: bson.D{{Key: "firstBatch", Value: bson.A{bson.Raw(doc), bson.Raw(doc)}}}}, {Key: "ok", Value: 1.0}})})
			if len(rows) != 2 || rows[0].Text(record.Operation) != "insert" || rows[0].Num(record.Affected) != 1 || rows[0].Num(record.RequestBytes) < int64(size) {
				t.Errorf("%d bytes: %v", size, rows)
			}
			if len(rows) == 2 && (rows[1].Status != record.OK || rows[1].Num(record.Rows) != 2) {
				t.Errorf("%d bytes twice in an answer: %v", size, rows[1])
			}
		}
	})
	t.Run("6 one lost segment", func(t *testing.T) {
		for _, c := range l7test.Read(t, capture("crud")) {
			all, _ := c.Rows(mongodb.Protocol, false)
			for i := range c.Chunks {
				lost := *c
				lost.Chunks = slices.Clone(c.Chunks)
				lost.Chunks[i].Missing, lost.Chunks[i].Data = len(c.Chunks[i].Data), nil
				if got, _ := lost.Rows(mongodb.Protocol, false); len(got) < len(all)-1 {
					t.Errorf("chunk %d lost: %d of %d exchanges are left", i, len(got), len(all))
				}
			}
		}
	})
	t.Run("7 answers are no requests", func(t *testing.T) {
		for _, name := range []string{"crud", "legacy", "opquery", "node"} {
			for _, m := range messagesOf(t, name) {
				if to := binary.LittleEndian.Uint32(m.Data[8:]); (to != 0 && to != 0xFFFFFFFF) != (m.Role == l7.Response) {
					t.Errorf("%v: answers %d, role %d", m, to, m.Role)
				}
			}
		}
	})
	t.Run("8 unknown required flag bits", func(t *testing.T) {
		known, unknown := 0, 0
		rows := l7test.ReadRows(t, mongodb.Protocol, false, capture("flags"))
		for _, m := range messagesOf(t, "flags") {
			if opcode(m.Data) != opMsg || m.Dir == l7.ToClient {
				continue
			}
			id := int64(binary.LittleEndian.Uint32(m.Data[4:]))
			i := slices.IndexFunc(rows, func(r l7test.Row) bool { return r.Num(record.RequestID) == id && r.Client == m.Client() })
			if i < 0 {
				t.Errorf("%v: no record", m)
				continue
			}
			bad := binary.LittleEndian.Uint32(m.Data[header:])&0xFFFC != 0
			if bad {
				unknown++
			} else {
				known++
			}
			if got := rows[i].Doubts&record.Malformed != 0; got != bad {
				t.Errorf("flags %x: malformed is %v", m.Data[header:header+4], got)
			}
		}
		if known == 0 || unknown == 0 {
			t.Errorf("%d messages with known bits, %d with unknown", known, unknown)
		}
	})
	t.Run("9 flags are bits", func(t *testing.T) {
		seen := map[uint32]int{}
		for _, name := range []string{"legacy", "opquery", "old"} {
			rows := l7test.ReadRows(t, mongodb.Protocol, false, capture(name))
			for _, m := range messagesOf(t, name) {
				if opcode(m.Data) != opReply {
					continue
				}
				flags := binary.LittleEndian.Uint32(m.Data[header:])
				seen[flags]++
				id := int64(binary.LittleEndian.Uint32(m.Data[8:]))
				for _, r := range rows {
					if r.Num(record.RequestID) == id && r.Client == m.Client() && (r.Text(record.Code) == "43") != (flags&1 != 0) && flags&2 == 0 {
						t.Errorf("%v: flags %d, and the record says %v", m, flags, r)
					}
				}
			}
		}
		if seen[8] == 0 || len(seen) < 3 {
			t.Errorf("flags seen: %v", seen)
		}
		for flags, code := range map[uint32]string{0: "", 1: "43", 8: "", 9: "43", 4: ""} {
			b := binary.LittleEndian.AppendUint32(nil, flags)
			b = append(b, make([]byte, 16)...) // no cursor, no documents
			reply := msg(2, 1, 0, bson.D{})[:header]
			binary.LittleEndian.PutUint32(reply[12:], opReply)
			reply = append(reply, b...)
			binary.LittleEndian.PutUint32(reply, uint32(len(reply)))
			ask := msg(1, 0, 0, bson.D{{Key: "ping", Value: 1}, {Key: "$db", Value: "d"}})
			if r := talk(t, false, say{stream.Forward, ask}, say{stream.Backward, reply}); len(r) != 1 || r[0].Text(record.Code) != code {
				t.Errorf("flags %d: %v", flags, r)
			}
		}
	})
	t.Run("10 sections in any order", func(t *testing.T) {
		first := map[byte]int{}
		rows := l7test.ReadRows(t, mongodb.Protocol, false, capture("sections"))
		for _, m := range messagesOf(t, "sections") {
			if opcode(m.Data) != opMsg || m.Dir == l7.ToClient {
				continue
			}
			first[m.Data[header+4]]++
			id := int64(binary.LittleEndian.Uint32(m.Data[4:]))
			i := slices.IndexFunc(rows, func(r l7test.Row) bool { return r.Num(record.RequestID) == id && r.Client == m.Client() })
			if i < 0 || m.Data[header+4] <= 2 && rows[i].Text(record.Operation) == "" {
				t.Errorf("%v: section of kind %d first: no operation", m, m.Data[header+4])
			}
		}
		if first[0] == 0 || first[1] == 0 || first[2] == 0 {
			t.Errorf("first sections seen: %v", first)
		}
		docs := []bsoncore.Document{bsoncore.NewDocumentBuilder().AppendInt32("a", 1).Build(), bsoncore.NewDocumentBuilder().AppendInt32("a", 2).Build()}
		b := msg(1, 0, 0, bson.D{{Key: "insert", Value: "c"}, {Key: "$db", Value: "d"}}, sequence("documents", docs...))
		r := talk(t, true, say{stream.Forward, b})[0]
		if want := `{"insert":"c","documents":[{"a":1},{"a":2}]}`; r.Text(record.Query) != want {
			t.Errorf("a section of kind 1 shows as %s, not %s", r.Text(record.Query), want)
		}
	})
	t.Run("11 messages and segments", func(t *testing.T) {
		truth, rows := l7test.ReadTruth[truth](t, capture("segments")), l7test.ReadRows(t, mongodb.Protocol, false, capture("segments"))
		if len(rows) != len(truth) {
			t.Errorf("%d exchanges of %d", len(rows), len(truth))
		}
	})
	t.Run("12 answers out of order", func(t *testing.T) {
		find := func(id int, coll string) say {
			return say{stream.Forward, msg(id, 0, 0, bson.D{{Key: "find", Value: coll}, {Key: "$db", Value: "d"}})}
		}
		answer := func(id, to, n int) say {
			docs := bson.A{}
			for range n {
				docs = append(docs, bson.D{})
			}
			return say{stream.Backward, msg(id, to, 0, bson.D{{Key: "cursor", Value: bson.D{{Key: "firstBatch", Value: docs}}}, {Key: "ok", Value: 1.0}})}
		}
		rows := talk(t, false, find(1, "a"), find(2, "b"), find(3, "c"), answer(10, 2, 2), answer(11, 3, 3), answer(12, 1, 1))
		for i, want := range []string{"b", "c", "a"} {
			if n := int64(want[0]-'a') + 1; rows[i].Text(record.Target) != want || rows[i].Num(record.Rows) != n {
				t.Errorf("row %d: %v", i, rows[i])
			}
		}
	})
	t.Run("13 payloads of logins", func(t *testing.T) {
		n := 0
		for _, name := range []string{"auth", "auth-step", "auth-sha1", "auth-plain", "auth-wrong"} {
			for _, c := range l7test.Read(t, capture(name)) {
				rows, _ := c.Rows(mongodb.Protocol, true)
				for _, r := range rows {
					if strings.HasPrefix(r.Text(record.Operation), "sasl") {
						n++
						if !strings.Contains(r.Text(record.Query), `"payload":"?"`) {
							t.Errorf("%s: %s", name, r.Text(record.Query))
						}
					}
				}
			}
		}
		if n < 5 {
			t.Errorf("%d steps of logins", n)
		}
		b := msg(1, 0, 0, bson.D{{Key: "createUser", Value: "bob"}, {Key: "pwd", Value: "swordfish"}, {Key: "$db", Value: "d"}})
		if r := talk(t, true, say{stream.Forward, b})[0]; strings.Contains(r.String(), "swordfish") {
			t.Errorf("a password: %v", r)
		}
	})
	t.Run("14 fields have paths", func(t *testing.T) {
		b := msg(1, 0, 0, bson.D{{Key: "find", Value: "c"}, {Key: "filter", Value: bson.D{{Key: "age", Value: bson.D{{Key: "$gt", Value: int32(18)}}}, {Key: "name", Value: "name"}}}, {Key: "$db", Value: "d"}})
		var tree wire.Tree
		var c wire.Cursor
		c.Reset(b, len(b), nil, &tree)
		mongodb.Protocol.Open(&l7.ConnInfo{}, nil).Decode(l7.ToServer, &c, &l7.Message{})
		if f := path(&tree, "mongodb.body.filter.age.$gt"); len(f) != 1 || l7test.Shown(&tree, f[0]) != "18" {
			t.Errorf("age.$gt: %v", f)
		}
		if f := path(&tree, "mongodb.body.filter.name.$gt"); len(f) != 0 {
			t.Errorf("name.$gt: %v", f)
		}
		for text, want := range map[string]bool{
			"mongodb.body.filter.age.$gt == 18":    true,
			"mongodb.body.filter.age.$gt > 18":     false,
			"mongodb.body.filter.name == 'name'":   true,
			"mongodb.body.filter.name == 18":       false,
			"mongodb.body.filter.age.$gt == 'age'": false,
		} {
			if got, err := matches(text, &tree); err != nil || got != want {
				t.Errorf("%s: %v (%v)", text, got, err)
			}
		}
	})
	t.Run("15 bit 25, and an answer nobody asked for", func(t *testing.T) {
		truth, rows := l7test.ReadTruth[truth](t, capture("shifted")), l7test.ReadRows(t, mongodb.Protocol, false, capture("shifted"))
		if len(rows) != len(truth) {
			t.Errorf("%d records of %d exchanges", len(rows), len(truth))
		}
		ping := func(id int) bson.D { return bson.D{{Key: "ping", Value: id}, {Key: "$db", Value: "d"}} }
		ok := bson.D{{Key: "ok", Value: 1.0}}
		got := talk(t, false,
			say{stream.Forward, msg(1, 0, 1<<25, ping(1))}, say{stream.Backward, msg(11, 1, 0, ok)},
			say{stream.Forward, msg(2, 0, moreToCome, ping(2))}, say{stream.Forward, msg(3, 0, 0, ping(3))},
			say{stream.Backward, msg(12, 2, 0, ok)}, say{stream.Backward, msg(13, 3, 0, ok)})
		var ids []int64
		for _, r := range got {
			ids = append(ids, r.Num(record.RequestID))
			if r.Status != record.OK || r.Doubts != 0 {
				t.Errorf("%v", r)
			}
		}
		if !slices.Equal(ids, []int64{1, 2, 3}) {
			t.Errorf("requests %v", ids)
		}
	})
	t.Run("16 an answer before its request", func(t *testing.T) {
		ask := say{stream.Forward, msg(5, 0, 0, bson.D{{Key: "ping", Value: 1}, {Key: "$db", Value: "d"}})}
		say5 := say{stream.Backward, msg(6, 5, 0, bson.D{{Key: "ok", Value: 1.0}})}
		first := say{stream.Forward, msg(1, 0, 0, bson.D{{Key: "ping", Value: 1}, {Key: "$db", Value: "d"}})}
		done := say{stream.Backward, msg(2, 1, 0, bson.D{{Key: "ok", Value: 1.0}})}
		rows := talk(t, false, first, done, say5, ask)
		if len(rows) != 2 || rows[1].Num(record.RequestID) != 5 || rows[1].Status != record.OK || rows[1].Doubts != 0 || rows[1].Text(record.Operation) != "ping" {
			t.Errorf("%v", rows)
		}
	})
	t.Run("exhaust", func(t *testing.T) {
		for _, name := range []string{"exhaust", "legacy", "hello"} {
			many := 0
			for _, r := range l7test.ReadRows(t, mongodb.Protocol, false, capture(name)) {
				if r.Attribute("replies") != "" {
					many++
				}
				if r.Doubts&record.NoRequest != 0 {
					t.Errorf("%s: an answer belongs to nobody: %v", name, r)
				}
			}
			if many == 0 {
				t.Errorf("%s: no request has several answers", name)
			}
		}
	})
	t.Run("one-way", func(t *testing.T) {
		n := 0
		for _, name := range []string{"unack", "legacy", "compressed-zstd", "compressed-zlib", "compressed-snappy"} {
			for _, r := range l7test.ReadRows(t, mongodb.Protocol, false, capture(name)) {
				legacy := slices.Contains([]string{"insert", "update", "delete", "kill_cursors"}, r.Text(record.Operation)) && r.Num(record.ResponseBytes) == 0
				if r.Attribute("more_to_come") == "" && !legacy {
					continue
				}
				n++
				if r.Has(record.Latency) || r.Status != record.OK || r.Doubts != 0 {
					t.Errorf("%s: %v", name, r)
				}
			}
		}
		if n < 10 {
			t.Errorf("%d requests that nobody answers", n)
		}
	})
}

// matches tells whether an expression chooses an exchange with this message.
func matches(expr string, tree *wire.Tree) (bool, error) {
	f, err := filter.Compile(expr, filter.Options{Protocols: []string{"mongodb"}})
	if err != nil {
		return false, err
	}
	r := record.Record{Protocol: "mongodb"}
	if v := f.Row(&r); v != filter.Undecided {
		return v == filter.True, nil
	}
	return f.Match(&r, func(yield func(*wire.Tree) bool) { yield(tree) }), nil
}
