package mysql_test

import (
	"cmp"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/l7/l7test"
	"github.com/dbtap/dbtap/internal/protocol/mysql"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/wire"
)

// firstWord finds what a statement begins with: behind blanks, parentheses and comments, but for those that are code.
var firstWord = regexp.MustCompile(`^(?:[\s(;]|/\*[^!](?s:.*?)\*/|(?:--|#)[^\n]*\n)*([A-Za-z]+)`)

// TestCaptured meets the traps of TestTraps in captures, with the same numbers. What a front before the server saw says what
// is right.
func TestCaptured(t *testing.T) {
	var met [12]int
	words := map[string]bool{}
	l7test.Truths(t, "x", func(t *testing.T, capture string) {
		rows := byPort(l7test.ReadRows(t, mysql.Protocol, false, capture))
		busy := map[uint16]int64{} // until when an answer came
		for _, x := range l7test.ReadTruth[truth](t, capture) {
			if len(rows[x.Port]) == 0 || x.Command == "PUSH" || x.Command == "PART" || x.Command == "COM_STMT_SEND_LONG_DATA" {
				continue
			}
			r := rows[x.Port][0]
			if x.Command != r.Attribute("command") && x.Command != "LOGIN" { // encrypted, or unknown to the front
				continue
			}
			rows[x.Port] = rows[x.Port][1:]
			meet := func(trap int, got, want any) {
				t.Helper()
				met[trap]++
				check(t, x.Command+" "+x.SQL, got, want)
			}
			var sent int64
			for _, one := range x.Results {
				sent += one.Rows
			}
			name := filepath.Base(capture)
			switch {
			case strings.HasPrefix(name, "first-"):
				meet(1, r.Num(record.Rows), sent)
			case name == "rows-many.pcap.gz" && sent > 0:
				meet(9, r.Num(record.Rows), sent)
			case x.FileBytes != nil:
				meet(11, r.Attribute("command"), "COM_QUERY")
			}
			word := firstWord.FindStringSubmatch(x.SQL)
			switch x.Command {
			case "COM_QUERY", "COM_STMT_PREPARE", "COM_STMT_EXECUTE", "COM_STMT_FETCH", "COM_STMT_BULK_EXECUTE":
				if word == nil || strings.HasPrefix(x.SQL, "hex:") {
					break
				}
				operation := strings.ToUpper(word[1])
				if words[operation] = true; x.Command == "COM_STMT_PREPARE" {
					operation = "PREPARE"
				}
				meet(5, r.Text(record.Operation), operation)
				if x.Command == "COM_STMT_EXECUTE" {
					meet(7, r.Text(record.Query) != "", true)
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
			}
			busy[x.Port] = max(busy[x.Port], r.Num(record.Time)+r.Num(record.Latency))
		}
	})
	met[2], met[3] = capturedAttributes(t), capturedLogins(t)
	for _, word := range []string{"REPLACE", "WITH", "CALL", "VALUES", "DO", "SELECT"} {
		if !words[word] {
			t.Errorf("no statement begins with %s", word)
		}
	}
	for trap, n := range met {
		if trap > 0 && trap != 4 && n == 0 {
			t.Errorf("no capture has trap %d", trap)
		}
	}
	t.Logf("met: %v", met)
}

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
