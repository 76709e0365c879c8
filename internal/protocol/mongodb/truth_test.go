package mongodb_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/l7/l7test"
	"github.com/dbtap/dbtap/internal/protocol/mongodb"
	"github.com/dbtap/dbtap/internal/record"
)

// truth is one exchange as the server's side of the recorded connection decoded it with the driver's own packages;
// captures/mongodb/mongofront/truth.go says what the fields mean.
type truth struct {
	Port            uint16
	ID              uint32
	Opcode          int
	Command, DB     string
	Target          string
	Flags           uint32
	Checksum        string
	Compressor      string
	Bytes           int64
	Txn             *int64 `json:"txnNumber"`
	User            string
	App, Driver     string
	OneWay          bool
	Replies         int
	ReplyIDs        []uint32
	ReplyOpcode     int
	ReplyFlags      []uint32
	ReplyCompressor string
	ReplyBytes      int64
	OK              *float64
	Code            int64
	CodeName        string
	WriteErrors     []int64
	WriteConcern    int64 `json:"writeConcernError"`
	Rows            int64
	N, NModified    *int64
	Upserted        int64
	LastErrorN      *int64 `json:"lastErrorObjectN"`
	NInserted       *int64
	NUpserted       *int64
	NDeleted        *int64
	Cursor          int64
	Closed          string
}

// TestTruth compares every record of every capture with what the other side of the connection read and wrote.
func TestTruth(t *testing.T) {
	l7test.Truths(t, "tls*", func(t *testing.T, capture string) {
		rows := l7test.ReadRows(t, mongodb.Protocol, false, capture)
		want := l7test.ReadTruth[truth](t, capture)
		apps := map[uint16]string{}
		for _, x := range want {
			i := slices.IndexFunc(rows, func(r l7test.Row) bool { return r.Client.Port() == x.Port && r.Num(record.RequestID) == int64(x.ID) })
			if i < 0 {
				t.Errorf("no record of %+v", x)
				continue
			}
			if x.App != "" {
				apps[x.Port] = x.App
			}
			compare(t, x, rows[i], apps[x.Port])
			rows = slices.Delete(rows, i, i+1)
		}
		for _, r := range rows {
			t.Errorf("a record of nothing: %v", r)
		}
	})
}

// legacyNames are the operations of opcodes without a command.
var legacyNames = map[int]string{2001: "update", 2002: "insert", 2005: "get_more", 2006: "delete", 2007: "kill_cursors", 2004: "query", 1000: "msg", 2003: "reserved"}

func compare(t *testing.T, x truth, r l7test.Row, app string) {
	t.Helper()
	same := func(what string, got, want any) {
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("request %d (%s): %s is %v, want %v\n%v", x.ID, x.Command, what, got, want, r)
		}
	}
	if x.OneWay && x.Replies > 0 {
		// Some servers answer what asked for no answer. The record ended before.
		x.Replies, x.ReplyBytes, x.Rows, x.N, x.NModified = 0, 0, 0, nil, nil
	}
	operation := x.Command
	if operation == "" {
		operation = legacyNames[x.Opcode]
	}
	same("operation", r.Text(record.Operation), operation)
	if x.Opcode != 2007 { // the server knows the cursor's collection, the message does not tell
		same("namespace", r.Text(record.Namespace), x.DB)
	}
	if x.Command != "bulkWrite" && x.Command != "explain" && x.Opcode != 2007 {
		same("target", r.Text(record.Target), x.Target)
	}
	same("request_bytes", r.Num(record.RequestBytes), x.Bytes)
	same("response_bytes", r.Num(record.ResponseBytes), x.ReplyBytes)
	same("app", r.Text(record.App), app)
	if x.Driver != "" {
		same("driver", r.Attribute("driver"), x.Driver)
	}
	if x.User != "" {
		same("user", r.Text(record.User), x.User)
	}
	compressor := x.Compressor
	if compressor == "" {
		compressor = x.ReplyCompressor
	}
	same("compressor", r.Attribute("compressor"), compressor)
	if x.Txn != nil {
		same("txn_number", r.Attribute("txn_number"), *x.Txn)
	}
	if x.Replies > 1 {
		same("replies", r.Attribute("replies"), x.Replies)
	}
	same("more_to_come", r.Attribute("more_to_come") != "", x.OneWay && x.Opcode == 2013)
	same("checksum doubted", r.Doubts&record.Checksum != 0, x.Checksum == "wrong")
	if x.Replies > 0 && r.Num(record.Latency) <= 0 {
		t.Errorf("request %d: no latency", x.ID)
	}
	if x.Replies > 0 {
		same("rows", r.Num(record.Rows), x.Rows)
	}

	// The verdict.
	status, code := record.OK, ""
	switch {
	case x.OneWay:
	case x.Replies == 0:
		status = record.Unanswered
	case x.OK != nil && *x.OK == 0:
		status, code = record.ClientError, strconv.FormatInt(x.Code, 10)
	case len(x.WriteErrors) > 0:
		status, code = record.ClientError, strconv.FormatInt(x.WriteErrors[0], 10)
	case x.WriteConcern != 0:
		status, code = record.ClientError, strconv.FormatInt(x.WriteConcern, 10)
	}
	if x.ReplyOpcode == 1 && x.ReplyFlags[0]&3 != 0 { // CursorNotFound, QueryFailure: the truth has no code
		status, code = record.ClientError, r.Text(record.Code)
	}
	if code != "" && r.Status == record.ServerError {
		status = record.ServerError
	}
	same("status", r.Status, status)
	if code != "0" {
		same("code", r.Text(record.Code), code)
	}
	if x.CodeName != "" && status != record.OK && !strings.HasPrefix(r.Text(record.Error), x.CodeName) {
		t.Errorf("request %d: error %q does not begin with %q", x.ID, r.Text(record.Error), x.CodeName)
	}

	// What was changed.
	num := func(p *int64) int64 {
		if p == nil {
			return 0
		}
		return *p
	}
	var affected int64
	switch x.Command {
	case "insert", "delete":
		affected = num(x.N)
	case "update":
		affected = num(x.NModified) + x.Upserted
	case "findAndModify", "findandmodify":
		affected = num(x.LastErrorN)
	case "bulkWrite":
		affected = num(x.NInserted) + num(x.NModified) + num(x.NUpserted) + num(x.NDeleted)
	}
	same("affected", r.Num(record.Affected), affected)
	if x.Cursor != 0 && x.Replies == 1 {
		same("cursor_id", r.Attribute("cursor_id"), x.Cursor)
	}
}
