package postgresql

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/l7/l7test"
	"github.com/dbtap/dbtap/internal/wire"
)

// line is a tree in one line, details left out: name=value, name{what is in it}.
func line(t *wire.Tree) string {
	var b strings.Builder
	var field func(i int32) int32
	field = func(i int32) int32 {
		f := &t.Fields[i]
		if !f.Detail {
			fmt.Fprintf(&b, " %s", f.Name)
			if f.Kind != wire.Group {
				fmt.Fprintf(&b, "=%.30s", l7test.Shown(t, f))
			} else if s := t.Shown(f); s != nil {
				fmt.Fprintf(&b, "=%.30s", l7test.Shown(t, s))
			}
		}
		if f.Kind == wire.Group {
			b.WriteString("{")
		}
		next := i + 1
		for next < f.End {
			next = field(next)
		}
		if f.Kind == wire.Group {
			b.WriteString("}")
		}
		return next
	}
	for i := int32(0); i < int32(len(t.Fields)); {
		i = field(i)
	}
	return strings.TrimSpace(b.String())
}

// pgoutputMessages are messages that a server sent, as XLogData: see captures/postgresql/values/pgoutput.sql.
func pgoutputMessages(t testing.TB) (messages [][]byte) {
	f, err := os.Open("testdata/pgoutput.hex")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		var high, low uint32
		var text string
		if _, err := fmt.Sscanf(s.Text(), "%X/%X %s", &high, &low, &text); err != nil {
			t.Fatal(err)
		}
		b := binary.BigEndian.AppendUint32([]byte{'w'}, high)
		b = binary.BigEndian.AppendUint32(b, low)
		b = append(b, make([]byte, 16)...)
		data, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		messages = append(messages, append(b, data...))
	}
	return messages
}

// describe describes b, which is to be read to its end without a byte that nobody described.
func describe(t testing.TB, b []byte, f func(*wire.Cursor)) *wire.Tree {
	t.Helper()
	var tree wire.Tree
	var c wire.Cursor
	c.Reset(b, len(b), nil, &tree)
	f(&c)
	if c.Err() != nil || c.More() {
		t.Fatalf("%x: %v, %d bytes left: %s", b, c.Err(), c.Left(), line(&tree))
	}
	at := 0
	for i := range tree.Fields {
		if f := &tree.Fields[i]; f.Kind != wire.Group && f.Kind != wire.Bit {
			if f.Off != at || f.Name == "unknown" {
				t.Fatalf("%x: %s at byte %d, not %d", b, f.Name, f.Off, at)
			}
			at += f.Len
		}
	}
	return &tree
}

func fromServer(c *wire.Cursor) { replicationData(c, l7.ToClient, nil) }

// What differs from one recording to the next.
var (
	numberOf = regexp.MustCompile(`(xid|relation_oid)=\d+|type_oid=\d{5}`)
	placeOf  = regexp.MustCompile(`=[0-9A-F]+/[0-9A-F]+`)
	timeOf   = regexp.MustCompile(`time=2026-[0-9]+-[0-9]+ [0-9:.]+\+00`)
)

func TestPgoutput(t *testing.T) {
	seen := map[string]bool{}
	for _, b := range pgoutputMessages(t) {
		s := line(describe(t, b, fromServer))
		s = numberOf.ReplaceAllStringFunc(s, func(s string) string { return s[:strings.Index(s, "=")+1] + "N" })
		s = timeOf.ReplaceAllString(placeOf.ReplaceAllString(s, "=L"), "time=T")
		s, ok := strings.CutPrefix(s, "XLogData{ wal_start=L wal_end=L send_time=2000-01-01 00:00:00+00 ")
		if !ok {
			t.Fatal(s)
		}
		seen[strings.TrimSuffix(s, "}")] = true
	}
	const shop = "relation_oid=N namespace=public name=shop replica_identity=default columns=5 column=id{ flags=1 key=1 type_oid=int4 type_modifier=-1}" +
		" column=name{ flags=0 key=0 type_oid=text type_modifier=-1} column=price{ flags=0 key=0 type_oid=numeric type_modifier=655366}" +
		" column=mood{ flags=0 key=0 type_oid=N type_modifier=-1} column=big{ flags=0 key=0 type_oid=text type_modifier=-1}}"
	const x = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	for _, want := range []string{
		"Begin{ final_lsn=L commit_time=T xid=N}",
		"Type{ type_oid=N namespace=public name=mood}",
		"Relation{ " + shop,
		"Insert{ relation_oid=N new{ columns=5 column=1{} column=Ann{} column=1.50{} column=happy{} column=" + x + "{}}}",
		"Insert{ relation_oid=N new{ columns=5 column=2{} column=NULL{} column=NULL{} column=NULL{} column={}}}",
		"Update{ relation_oid=N new{ columns=5 column=1{} column=Bob{} column=1.50{} column=happy{} column=unchanged{}}}",
		"Update{ relation_oid=N key{ columns=5 column=1{} column=NULL{} column=NULL{} column=NULL{} column=NULL{}}" +
			" new{ columns=5 column=3{} column=Bob{} column=1.50{} column=happy{} column=unchanged{}}}",
		"Update{ relation_oid=N old{ columns=2 column=1{} column=one{}} new{ columns=2 column=1{} column=NULL{}}}",
		"Delete{ relation_oid=N key{ columns=5 column=2{} column=NULL{} column=NULL{} column=NULL{} column=NULL{}}}",
		"Delete{ relation_oid=N old{ columns=2 column=1{} column=NULL{}}}",
		"Truncate{ relations=2 flags=3 cascade=1 restart_identity=1 relation_oid=N relation_oid=N}",
		"Message{ flags=1 transactional=1 lsn=L prefix=audit content=a message}",
		"Message{ flags=0 transactional=0 lsn=L prefix=beat content=\x00\xff}",
		"Commit{ flags=0 commit_lsn=L end_lsn=L commit_time=T}",
		"BeginPrepare{ prepare_lsn=L end_lsn=L prepare_time=T xid=N gid=gid 1}",
		"Prepare{ flags=0 prepare_lsn=L end_lsn=L prepare_time=T xid=N gid=gid 1}",
		"CommitPrepared{ flags=0 commit_lsn=L end_lsn=L commit_time=T xid=N gid=gid 1}",
		"RollbackPrepared{ flags=0 prepare_end_lsn=L rollback_end_lsn=L prepare_time=T rollback_time=T xid=N gid=gid 2}",
		"Begin{ final_lsn=L commit_time=2024-02-29 12:34:56.789+00 xid=N}",
		"Origin{ commit_lsn=L name=elsewhere}",
		`Insert{ relation_oid=N new{ columns=5 column=\x00000007{} column=binary{} column=\x0003000100000002000109291a2c{} column=sad{} column=NULL{}}}`,
		"StreamStart{ xid=N first_segment=true}",
		"StreamStart{ xid=N first_segment=false}",
		"Type{ xid=N type_oid=N namespace=public name=mood}",
		"Relation{ xid=N " + shop,
		"Insert{ xid=N relation_oid=N new{ columns=5 column=8{} column=streamed{} column=1.00{} column=happy{} column=" + x + "{}}}",
		"Update{ xid=N relation_oid=N old{ columns=2 column=1{} column=one{}} new{ columns=2 column=1{} column=two{}}}",
		"Delete{ xid=N relation_oid=N key{ columns=5 column=9{} column=NULL{} column=NULL{} column=NULL{} column=NULL{}}}",
		"Truncate{ xid=N relations=1 flags=0 cascade=0 restart_identity=0 relation_oid=N}",
		"Message{ xid=N flags=1 transactional=1 lsn=L prefix=audit content=a message}",
		"StreamStop{}",
		"StreamAbort{ xid=N subxid=N abort_lsn=L abort_time=T}",
		"StreamCommit{ xid=N flags=0 commit_lsn=L end_lsn=L commit_time=T}",
		"StreamPrepare{ flags=0 prepare_lsn=L end_lsn=L prepare_time=T xid=N gid=gid 3}",
	} {
		if !seen[want] {
			t.Errorf("not seen: %s", want)
		}
	}
	if t.Failed() {
		for s := range seen {
			t.Log(s)
		}
	}
}

// What was not kept of a message does not make it something else.
func TestPgoutputCut(t *testing.T) {
	for _, b := range pgoutputMessages(t) {
		if b[25] != 'I' || len(b) < 1000 {
			continue
		}
		var tree wire.Tree
		var c wire.Cursor
		c.Reset(b[:500], len(b), nil, &tree)
		f := c.Enter("body", len(b))
		fromServer(&c)
		c.Leave(f)
		if got := line(&tree); c.Err() != nil || !strings.Contains(got, "Insert{") || !strings.Contains(got, "column=Ann{") && !strings.Contains(got, "column=streamed{") {
			t.Errorf("%v: %s", c.Err(), got)
		}
	}
}

// Nor does a body of which nothing was kept.
func TestReplicationDataCut(t *testing.T) {
	for _, f := range []func(*wire.Cursor){fromServer, backupData, copyBinary} {
		var tree wire.Tree
		var c wire.Cursor
		c.Reset(nil, 100, nil, &tree)
		frame := c.Enter("body", 100)
		f(&c)
		c.Leave(frame)
		if got := line(&tree); c.Err() != nil || c.More() || c.Cut() == nil || strings.Contains(got, "unknown") {
			t.Errorf("%v, %d bytes left: %s", c.Err(), c.Left(), got)
		}
	}
}

func TestReplicationData(t *testing.T) {
	times := "\x00\x02\xb5\x83\x41\x72\x86\x08"
	for _, c := range []struct {
		dir  l7.Dir
		b    string
		want string
	}{
		{l7.ToClient, "k\x00\x00\x00\x16\xb3\x74\xd8\x48" + times + "\x01",
			"PrimaryKeepalive{ wal_end=16/B374D848 send_time=2024-02-29 12:34:56.789+00 reply_requested=true}"},
		{l7.ToServer, "r\x00\x00\x00\x16\xb3\x74\xd8\x48\x00\x00\x00\x16\xb3\x74\xd8\x47\x00\x00\x00\x00\x00\x00\x00\x00" + times + "\x00",
			"StandbyStatusUpdate{ write_lsn=16/B374D848 flush_lsn=16/B374D847 apply_lsn=0/0 send_time=2024-02-29 12:34:56.789+00 reply_requested=false}"},
		{l7.ToServer, "h" + times + "\x00\x00\x02\xf0\x00\x00\x00\x01\x00\x00\x00\x07\x00\x00\x00\x00",
			"HotStandbyFeedback{ send_time=2024-02-29 12:34:56.789+00 xmin=752 xmin_epoch=1 catalog_xmin=7 catalog_xmin_epoch=0}"},
		{l7.ToServer, "p" + times, "PrimaryStatusRequest{ send_time=2024-02-29 12:34:56.789+00}"},
		{l7.ToClient, "s\x00\x00\x00\x16\xb3\x74\xd8\x48\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x03" + times,
			"PrimaryStatusUpdate{ wal_end=16/B374D848 oldest_commit_xid=4294967298 next_xid=4294967299 send_time=2024-02-29 12:34:56.789+00}"},
		{l7.ToClient, "w\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00" + times + "\x16\xd1\x05\x00\x01\x00\x00\x00",
			"XLogData{ wal_start=0/1000000 wal_end=0/2000000 send_time=2024-02-29 12:34:56.789+00 wal=\x16\xd1\x05\x00\x01\x00\x00\x00}"},
		{l7.ToClient, "w\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00" + times + "table public.shop: INSERT: id[integer]:1",
			"XLogData{ wal_start=0/1000000 wal_end=0/2000000 send_time=2024-02-29 12:34:56.789+00 wal=table public.shop: INSERT: id[}"},
		{l7.ToClient, "r is what clients say", "message{ data=r is what clients say}"},
		{l7.ToServer, "", "message{ data=}"},
	} {
		if got := line(describe(t, []byte(c.b), func(cur *wire.Cursor) { replicationData(cur, c.dir, nil) })); got != c.want {
			t.Errorf("%q: %s", c.b, got)
		}
	}
	for _, c := range []struct{ b, want string }{
		{"nbase.tar\x00\x00", "Archive{ name=base.tar tablespace=}"},
		{"n16400.tar\x00/disk/two\x00", "Archive{ name=16400.tar tablespace=/disk/two}"},
		{"m", "Manifest{}"},
		{"p\x00\x00\x00\x00\x00\x01\x00\x00", "Progress{ bytes=65536}"},
		{"d\x00\xff", "Data{ data=\x00\xff}"},
		{"?", "message{ data=?}"},
	} {
		if got := line(describe(t, []byte(c.b), backupData)); got != c.want {
			t.Errorf("%q: %s", c.b, got)
		}
	}
}

func TestCopyBinary(t *testing.T) {
	header := "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	row := "\x00\x02\x00\x00\x00\x04\x00\x00\x00\x2a\xff\xff\xff\xff"
	const shown = ` row{ columns=2 value=\x0000002a value=NULL}`
	for _, c := range []struct{ b, want string }{
		{header + row + row + "\xff\xff", "header{ signature=PGCOPY\n\xff\r\n\x00 flags=0 oids=0 extension=}" + shown + shown + " trailer{ columns=-1}"},
		{header, "header{ signature=PGCOPY\n\xff\r\n\x00 flags=0 oids=0 extension=}"},
		{row, shown[1:]},
		{"\xff\xff", "trailer{ columns=-1}"},
		{row + row[:5], "data=" + row + row[:5]},
		{"", ""},
	} {
		if got := line(describe(t, []byte(c.b), copyBinary)); got != c.want {
			t.Errorf("%q: %q", c.b, got)
		}
	}
}

// Nobody who does not look pays for a stream.
func TestReplicationElided(t *testing.T) {
	messages := pgoutputMessages(t)
	var c wire.Cursor
	if n := testing.AllocsPerRun(10, func() {
		for _, b := range messages {
			c.Reset(b, len(b), nil, nil)
			fromServer(&c)
			if c.Err() != nil || c.More() {
				t.Fatal(c.Err(), c.Left())
			}
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzReplicationData(f *testing.F) {
	for _, b := range pgoutputMessages(f) {
		f.Add(b, true)
	}
	f.Add([]byte("r\x00\x00\x00\x16\xb3\x74\xd8\x48"), false)
	f.Add([]byte("PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\xff\xff\xff\xff\xff\xff"), false)
	f.Add([]byte("nbase.tar\x00\x00"), false)
	f.Fuzz(func(t *testing.T, b []byte, server bool) {
		dir := l7.ToServer
		if server {
			dir = l7.ToClient
		}
		for _, f := range []func(*wire.Cursor){func(c *wire.Cursor) { replicationData(c, dir, nil) }, backupData, copyBinary} {
			var tree wire.Tree
			var c wire.Cursor
			c.Reset(b, len(b), nil, &tree)
			frame := c.Enter("body", len(b))
			f(&c)
			c.Leave(frame)
			if c.Err() == nil && c.More() {
				t.Errorf("%d bytes left", c.Left())
			}
		}
	})
}
