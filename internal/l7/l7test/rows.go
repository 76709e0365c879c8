package l7test

import (
	"context"
	"strconv"
	"testing"

	"github.com/dbtap/dbtap/internal/agent"
	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/output"
	"github.com/dbtap/dbtap/internal/record"
)

// Row is a record that a test keeps. Its memory is its own.
type Row struct{ record.Record }

// String is the row as JSON.
func (r Row) String() string { return string(output.AppendJSON(nil, &r.Record)) }

// Attribute is an attribute as JSON has it, texts without quotes; "" if it is absent.
func (r Row) Attribute(name string) string {
	for _, a := range r.Attributes {
		switch {
		case a.Name != name || a.Kind == record.Flag && a.Num == 0:
		case a.Kind == record.Flag:
			return "true"
		case a.Kind == record.Text || a.Kind == record.JSON:
			return string(a.Text)
		default:
			return strconv.FormatInt(a.Num, 10)
		}
	}
	return ""
}

// Keep makes a function that appends a copy of each record to rows.
func Keep(rows *[]Row) func(*record.Record) {
	var b record.Batch
	return func(r *record.Record) {
		b.Append(r)
		*rows = append(*rows, Row{b.Rows[len(b.Rows)-1]})
	}
}

// ReadRows reads the records of capture files as a user does, with p alone.
func ReadRows(t testing.TB, p *l7.Protocol, values bool, files ...string) (rows []Row) {
	t.Helper()
	keep := Keep(&rows)
	f := agent.Files{Names: files, L7: l7.Config{Protocols: []*l7.Protocol{p}, Want: ^uint64(0), Values: values}}
	f.Row = func(r *record.Record) error {
		keep(r)
		return nil
	}
	if _, err := f.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	return rows
}

// Rows plays the conversation to an engine that knows p alone.
func (c *Conversation) Rows(p *l7.Protocol, values bool) (rows []Row, stats l7.Stats) {
	cfg := everything()
	cfg.Protocols, cfg.Values = []*l7.Protocol{p}, values
	e := l7.New(cfg, Keep(&rows))
	c.Play(e)
	return rows, e.Stats()
}
