package mysql_test

import (
	"bytes"
	"cmp"
	"compress/zlib"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/l7/l7test"
	"github.com/dbtap/dbtap/internal/protocol/mysql"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/stream"
	"github.com/dbtap/dbtap/internal/wire"
	"github.com/klauspost/compress/zstd"
)

// TestCaptured meets the traps of TestTraps in captures, with the same numbers. What a front before the server saw says what
// is right.
func TestCaptured(t *testing.T) {
	var met [12]int
	words, passed := map[string]bool{}, 0
	l7test.Truths(t, "x", func(t *testing.T, capture string) {
		rows := byPort(l7test.ReadRows(t, mysql.Protocol, false, capture))
		busy, encrypted := map[uint16]int64{}, map[uint16]bool{} // busy: until when an answer came
		for _, x := range l7test.ReadTruth[truth](t, capture) {
			switch x.Command {
			case "PUSH", "PART", "COM_STMT_SEND_LONG_DATA":
				continue
			}
			if encrypted[x.Port] {
				continue
			}
			encrypted[x.Port] = x.TLS
			if len(rows[x.Port]) == 0 {
				passed++
				continue
			}
			r := rows[x.Port][0]
			rows[x.Port] = rows[x.Port][1:]
			if x.Command != r.Attribute("command") && x.Command != "LOGIN" && x.Command != "GREETING" && !strings.HasPrefix(x.Command, "0x") {
				passed++
				continue
			}
			meet := func(trap int, got, want any) {
				t.Helper()
				met[trap]++
				check(t, x.Command+" "+x.SQL, got, want)
			}
			var sent, affected int64
			for _, one := range x.Results {
				if sent += one.Rows; one.Affected != nil {
					affected += *one.Affected
				}
			}
			name := filepath.Base(capture)
			switch {
			case strings.HasPrefix(name, "first-"):
				meet(1, r.Num(record.Rows), sent)
			case name == "rows-many.pcap.gz" && sent > 0:
				meet(9, r.Num(record.Rows), sent)
			case x.FileBytes != nil && *x.FileBytes > 0:
				meet(11, r.Attribute("command"), "COM_QUERY")
				meet(11, r.Attribute("infile_bytes"), *x.FileBytes)
			}
			switch x.Command {
			case "COM_QUERY", "COM_STMT_PREPARE", "COM_STMT_EXECUTE", "COM_STMT_FETCH", "COM_STMT_BULK_EXECUTE":
				operation := l7test.Operation(x.SQL)
				if operation == "" || strings.HasPrefix(x.SQL, "hex:") {
					break
				}
				words[x.SQL[:min(2, len(x.SQL))]] = true
				if words[operation] = true; x.Command == "COM_STMT_PREPARE" {
					operation = "PREPARE"
				}
				meet(5, r.Text(record.Operation), operation)
				if x.Command == "COM_STMT_EXECUTE" {
					meet(7, masked(x.SQL, r.Text(record.Query), r.Doubts&record.Cut == 0), true)
				}
			}
			if x.Outcome == "open" && x.Events == 0 {
				meet(6, r.Status == record.OK, false)
			}
			if x.Command == "COM_STMT_PREPARE" && x.Outcome == "ok" {
				meet(8, r.Has(record.Affected), false)
				meet(8, r.Attribute("statement_id"), x.Statement)
			}
			if r.Num(record.Time) < busy[x.Port] && x.Outcome != "open" {
				meet(10, r.Text(record.Code) == "", x.Code == 0)
				meet(10, r.Num(record.Rows), sent)
				meet(10, r.Num(record.Affected), affected)
			}
			busy[x.Port] = max(busy[x.Port], r.Num(record.Time)+r.Num(record.Latency))
		}
	})
	met[2], met[3], met[4] = capturedAttributes(t), capturedLogins(t), capturedFrames(t)
	for _, word := range []string{"REPLACE", "WITH", "CALL", "VALUES", "DO", "SELECT", "TRUNCATE", "TABLE", "(S", "/*"} {
		if !words[word] {
			t.Errorf("no statement begins with %s", word)
		}
	}
	for trap, n := range met {
		if trap > 0 && n == 0 {
			t.Errorf("no capture has trap %d", trap)
		}
	}
	if t.Logf("met: %v, passed over: %d", met, passed); passed > 0 {
		t.Error("nothing is to be passed over")
	}
}

// capturedFrames counts the packets of servers that go on in the next compressed frame.
func capturedFrames(t *testing.T) (met int) {
	z, _ := zstd.NewReader(nil)
	defer z.Close()
	for _, name := range []string{"cli-zstd", "zlib-mysql", "node-zlib-mariadb"} {
		for _, c := range l7test.Read(t, filepath.Join("testdata", name+".pcap.gz")) {
			var b, plain []byte
			for i := range c.Chunks {
				if c.Chunks[i].Dir == stream.Backward {
					b = append(b, c.Chunks[i].Data...)
				}
			}
			for login := true; login; b = b[header+payload(b):] { // it ends with an OK
				login = b[header] != 0
			}
			for len(b) > frameHeader {
				n, stored := payload(b), payload(b[header:]) == 0
				frame, err := b[frameHeader:frameHeader+n], error(nil)
				if b = b[frameHeader+n:]; stored {
					plain = append(plain, frame...)
				} else if name == "cli-zstd" {
					plain, err = z.DecodeAll(frame, plain)
				} else if r, e := zlib.NewReader(bytes.NewReader(frame)); e == nil {
					frame, err = io.ReadAll(r)
					plain = append(plain, frame...)
				} else {
					err = e
				}
				if err != nil {
					t.Fatal(name, err)
				}
				for len(plain) >= header && len(plain) >= header+payload(plain) {
					plain = plain[header+payload(plain):]
				}
				if len(plain) > 0 {
					met++
				}
			}
			check(t, name+": what is left", len(plain), 0)
		}
	}
	return met
}

// frameHeader stands before a compressed frame: a length, a number, the length when decompressed.
const frameHeader = 7

// conversations calls each with the trees of a connection and what the front saw of it.
func conversations(t *testing.T, name string, each func(trees []*wire.Tree, want []truth)) {
	capture := filepath.Join("testdata", name+".pcap.gz")
	all := l7test.ReadTruth[truth](t, capture)
	for _, c := range l7test.Read(t, capture) {
		want := slices.DeleteFunc(slices.Clone(all), func(x truth) bool { return x.Port != c.Flow.A.Port() })
		each(trees(c), want)
	}
}

// capturedAttributes compares query attributes, and parameters beside them.
func capturedAttributes(t *testing.T) (met int) {
	conversations(t, "raw-attributes", func(trees []*wire.Tree, want []truth) {
		var got, sent []string
		for _, tree := range trees {
			for i := range tree.Fields {
				if f := &tree.Fields[i]; f.Parent >= 0 && tree.Fields[f.Parent].Name == "parameters" && f.Kind == wire.Group {
					if v := tree.Name(f) + "=" + printed(tree, f); v != "nothing=NULL" { // of which the front does not tell
						got = append(got, v)
					}
				}
			}
		}
		for _, x := range want {
			for _, p := range x.Params {
				value := "NULL"
				if p != nil {
					value = *p
				}
				sent = append(sent, "parameter="+value)
			}
			for _, a := range x.Attributes {
				sent = append(sent, cmp.Or(a[0], "parameter")+"="+a[1])
				met++
			}
		}
		check(t, "attributes", got, sent)
	})
	return met
}

// capturedLogins compares what is said of caching_sha2_password with what the front saw: both of its ways.
func capturedLogins(t *testing.T) (met int) {
	ways := map[string]string{"fast": "fast_auth_success", "full": "perform_full_authentication request_public_key public_key"}
	conversations(t, "auth-sha2", func(trees []*wire.Tree, want []truth) {
		var said []string
		for _, tree := range trees {
			for i := range tree.Fields {
				switch f := &tree.Fields[i]; f.Name {
				case "auth_status":
					said = append(said, f.Label)
				case "request_public_key", "public_key":
					said = append(said, f.Name)
				}
			}
		}
		check(t, want[0].Sha2, strings.Join(said, " "), ways[want[0].Sha2])
		delete(ways, want[0].Sha2)
		met++
	})
	check(t, "ways to log in that were not seen", len(ways), 0)
	return met
}
