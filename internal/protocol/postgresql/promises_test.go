package postgresql_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/l7/l7test"
	"github.com/dbtap/dbtap/internal/protocol/postgresql"
	"github.com/dbtap/dbtap/internal/record"
)

// The passwords of the captures: testdata/ORIGIN.md.
var passwords = map[string][]byte{
	"alice's password":   []byte("heron-4471"),
	"bruno's password":   []byte("otter-8203"),
	"carla's password":   []byte("lynx-6634"),
	"the wrong password": []byte("gecko-9158"),
}

func options() l7test.Options {
	return l7test.Options{
		Broken:     []string{"misuse"},
		LossExcept: map[string]l7test.Exception{"pipeline-psql": {Most: 2, Why: "who asks before it is answered may have asked before a late answer came, which is taken for the next"}},
		LateExcept: map[string]l7test.Exception{
			"basebackup": {Most: 25, Why: "the data of a COPY says nothing of who speaks"},
			"physical":   {Most: 1, Why: "the last bytes of a startup message look like a header, with what follows them"},
		},
		Resize:    resize,
		Inherited: []record.Col{record.User, record.App, record.Namespace},
		Prepared:  []string{"statement"},
		Absent:    []string{"several buffers"},
		Secrets:   passwords,
		Values:    map[string][]byte{"a value": []byte("marlin-77")},
		Of:        secrets,
		Mixed:     []string{"mixed*"},
		Own:       func(path, protocols string) bool { return hasPostgreSQL(path) },
	}
}

// hasPostgreSQL tells of a capture of another project whether it has PostgreSQL.
func hasPostgreSQL(path string) bool {
	for _, word := range []string{"pgsql", "postgres", "psql", "postgre/", "/p-", "greenhouse-app"} {
		if strings.Contains(path, word) {
			return true
		}
	}
	return strings.Contains(path, "bad-startup-message") || strings.Contains(path, "bad-backend-message")
}

// resize makes b all of a message. Rows and data of a COPY are not looked into where nobody watches, nor are descriptions of
// rows.
func resize(b []byte) {
	switch {
	case len(b) >= 4 && b[0] == 0:
		binary.BigEndian.PutUint32(b, uint32(len(b)))
	case len(b) >= 5 && b[1] == 0 && b[0] != 'D' && b[0] != 'd' && b[0] != 'T' && b[0] != 22:
		binary.BigEndian.PutUint32(b[1:], uint32(len(b)-1))
	}
}

// secrets are what a login shows or is shown, found by its place: the bytes of PasswordMessage and its kin, salts, the
// messages of SASL, and keys that cancel queries.
func secrets(m *l7test.Message) (list [][]byte) {
	b := m.Data
	if len(b) > 12 && b[0] == 0 && binary.BigEndian.Uint32(b[4:]) == 80877102 {
		return [][]byte{b[12:]}
	}
	if len(b) < 13 {
		return nil
	}
	body := b[5:]
	switch {
	case m.Dir == l7.ToServer && b[0] == 'p':
		text := strings.Split(string(body), "\x00")
		for _, s := range text {
			if !strings.HasPrefix(s, "SCRAM") && !strings.HasPrefix(s, "OAUTH") && len(s) > 7 {
				list = append(list, []byte(s))
			}
			for part := range strings.SplitSeq(s, ",") {
				if len(part) > 8 && (part[:2] == "r=" || part[:2] == "p=" || part[:2] == "v=") {
					list = append(list, []byte(part[2:]))
				}
			}
		}
	case m.Dir == l7.ToClient && b[0] == 'K':
		list = append(list, body[4:])
	case m.Dir == l7.ToClient && b[0] == 'R' && (body[3] == 5 || body[3] == 11 || body[3] == 12):
		list = append(list, body[4:])
	}
	return list
}

func TestPromises(t *testing.T) { l7test.Run(t, postgresql.Protocol, options()) }

func FuzzDecode(f *testing.F) { l7test.Fuzz(f, postgresql.Protocol) }

func FuzzProbe(f *testing.F) { l7test.FuzzProbe(f, postgresql.Protocol) }
