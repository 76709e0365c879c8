package postgresql_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/l7/l7test"
	"github.com/dbtap/dbtap/internal/protocol/postgresql"
	"github.com/dbtap/dbtap/internal/wire"
)

// TestNamedColumns: changes of a replication stream name tables and columns as the stream described them, and integers are
// numbers. Each message is drawn from its context alone.
func TestNamedColumns(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range []string{"logical", "logical-streamed", "logical-twophase"} {
		for i, c := range l7test.Read(t, "testdata/"+name+".pcap.gz") {
			for _, m := range l7test.Messages(postgresql.Protocol, c, name, i+1) {
				var tree wire.Tree
				m.Tree(postgresql.Protocol, &tree)
				for i := range tree.Fields {
					switch f := &tree.Fields[i]; {
					case f.Name == "relation_oid" && f.Label != "":
						seen[tree.Fields[f.Parent].Name+" "+f.Label] = true
					case f.Name == "value" && tree.Fields[f.Parent].Index:
						t.Errorf("%s: a column without a name", name)
					case f.Name == "value":
						seen[fmt.Sprintf("%s %v", tree.Fields[f.Parent].Name, f.Kind)] = true
					}
				}
			}
		}
	}
	for _, want := range []string{"Insert public.changes", "Update public.changes", "Delete public.changes", "Truncate public.changes",
		fmt.Sprintf("id %v", wire.Signed), fmt.Sprintf("note %v", wire.Text)} {
		if !seen[want] {
			t.Errorf("not seen: %s in %v", want, seen)
		}
	}
}

// TestManyRelations: of more tables than are kept the last have no names.
func TestManyRelations(t *testing.T) {
	d := postgresql.Protocol.Open(&l7.ConnInfo{}, []byte{'d', 'W', 0}).(interface {
		l7.Dialog
		l7.Holder
	})
	play := func(b string) string {
		var tree wire.Tree
		var c wire.Cursor
		var message l7.Message
		n, err := d.Length(l7.ToClient, []byte(b))
		if err != nil || n != len(b) {
			t.Fatalf("%d of %d bytes: %v", n, len(b), err)
		}
		c.Reset([]byte(b), len(b), nil, &tree)
		d.Decode(l7.ToClient, &c, &message)
		if c.Err() != nil {
			t.Fatal(c.Err())
		}
		d.Advance(l7.ToClient, &message)
		for i := range tree.Fields {
			if tree.Fields[i].Name == "relation_oid" {
				return tree.Fields[i].Label
			}
		}
		return ""
	}
	change := func(oid int, body string) string {
		return m('d', "w"+strings.Repeat("\x00", 24)+body[:1]+string(binary.BigEndian.AppendUint32(nil, uint32(oid)))+body[1:])
	}
	for oid := range 3000 {
		play(change(oid, "R"+z("public", fmt.Sprint("t", oid))+"d\x00\x01\x01"+z("id")+"\x00\x00\x00\x17\xff\xff\xff\xff"))
	}
	if n := d.Holds(); n > 2<<20 {
		t.Errorf("%d bytes are held", n)
	}
	for oid, want := range map[int]string{0: "public.t0", 500: "public.t500", 2999: ""} {
		if got := play(change(oid, "IN\x00\x01t\x00\x00\x00\x011")); got != want {
			t.Errorf("table %d is called %q", oid, got)
		}
	}
}
