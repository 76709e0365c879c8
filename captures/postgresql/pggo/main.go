// Pggo speaks PostgreSQL for the captures, one scenario a run: by pgx and lib/pq as an application does, and message by message
// where no driver goes. What pgx returned is written to the file $API, for pgtruth to compare.
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"log"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

var scenarios = map[string]func(){
	"crud":     crud,
	"demo":     demo,
	"stmt":     statements,
	"batch":    batch,
	"pipeline": pipeline,
	"multi":    multi,
	"copy":     copying,
	"cancel":   cancel,
	"timeout":  timeout,
	"notify":   notify,
	"big":      big,
	"odd":      oddRows,
	"ping":     ping,
	"refused":  refused,
	"full":     full,
	"types":    types,
	"params":   params,
	"rows":     rows,
	"mixed":    mixed,
	"pq":       libpq,
	"pqcopy":   libpqCopy,
	"portals":  portals,
	"misuse":   misuse,
	"call":     call,
	"modes":    modes,
	"copyraw":  copyRaw,
	"startup":  startup,
	"reset":    reset,
	"killed":   killed,
	"logical":  logical,
	"twophase": twoPhase,
	"streamed": streamed,
	"physical": physical,
	"backup":   baseBackup,
	"wal":      receiveWAL,
}

var ctx context.Context

func main() {
	log.SetFlags(log.Lshortfile)
	log.SetPrefix("pggo: ")
	if len(os.Args) != 3 || scenarios[os.Args[1]] == nil {
		log.Fatal("usage: pggo SCENARIO URL")
	}
	var end func()
	ctx, end = context.WithTimeout(context.Background(), time.Minute)
	defer end()
	if path := os.Getenv("API"); path != "" {
		f, err := os.Create(path)
		must(err)
		defer f.Close()
		said.enc = json.NewEncoder(f)
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

// mustFail ends the program if there is no error with that SQLSTATE.
func mustFail(err error, code string) {
	if got := sqlstate(err); got != code {
		log.Output(2, "want "+code+", got "+got+" "+message(err))
		os.Exit(1)
	}
}

func message(err error) string {
	if err == nil {
		return "no error"
	}
	return err.Error()
}

func sqlstate(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	if err != nil {
		return "?"
	}
	return ""
}

// said is what the driver returned: a line for each statement, in the order of their ends.
var said struct {
	sync.Mutex
	enc *json.Encoder
}

type returned struct {
	Port int    `json:"port"`
	SQL  string `json:"sql,omitempty"`
	Tag  string `json:"tag"`
	Code string `json:"code,omitempty"`
	Rows *int   `json:"rows,omitempty"`
}

func say(c *pgconn.PgConn, sql string, tag pgconn.CommandTag, rows *int, err error) {
	said.Lock()
	defer said.Unlock()
	if said.enc != nil && sqlstate(err) != "?" {
		must(said.enc.Encode(returned{port(c), sql, tag.String(), sqlstate(err), rows}))
	}
}

func port(c *pgconn.PgConn) int { return c.Conn().LocalAddr().(*net.TCPAddr).Port }

// tracer hears from pgx of every statement. Simple says that pgx put the arguments into the text.
type tracer struct{ simple bool }

type sqlKey struct{}

func (t tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	values := len(d.Args)
	for _, a := range d.Args {
		if mode, ok := a.(pgx.QueryExecMode); ok {
			t.simple = mode == pgx.QueryExecModeSimpleProtocol
			values--
		}
	}
	if t.simple && values > 0 {
		return context.WithValue(ctx, sqlKey{}, "")
	}
	return context.WithValue(ctx, sqlKey{}, d.SQL)
}

func (t tracer) TraceQueryEnd(ctx context.Context, c *pgx.Conn, d pgx.TraceQueryEndData) {
	say(c.PgConn(), ctx.Value(sqlKey{}).(string), d.CommandTag, nil, d.Err)
}

func (t tracer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return context.WithValue(ctx, failedKey{}, new(bool))
}

type failedKey struct{}

// TraceBatchQuery hears of the first error again for every statement behind it.
func (t tracer) TraceBatchQuery(ctx context.Context, c *pgx.Conn, d pgx.TraceBatchQueryData) {
	if failed := ctx.Value(failedKey{}).(*bool); !*failed {
		*failed = d.Err != nil
		say(c.PgConn(), d.SQL, d.CommandTag, nil, d.Err)
	}
}

func (t tracer) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// config reads the URL of the command line. With $KEYS, TLS writes its key log there; $TOKEN is for OAUTHBEARER.
func config() *pgx.ConnConfig {
	c, err := pgx.ParseConfig(os.Args[2])
	must(err)
	c.OAuthTokenProvider = func(context.Context) (string, error) { return os.Getenv("TOKEN"), nil }
	c.Tracer = tracer{c.DefaultQueryExecMode == pgx.QueryExecModeSimpleProtocol}
	if c.TLSConfig != nil {
		f, err := os.OpenFile(os.Getenv("KEYS"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
		must(err)
		c.TLSConfig.KeyLogWriter = f
		if strings.HasSuffix(os.Getenv("KEYS"), "12.keys") {
			c.TLSConfig.MaxVersion = tls.VersionTLS12
		}
	}
	return c
}

func connect() *pgx.Conn {
	c, err := pgx.ConnectConfig(ctx, config())
	must(err)
	return c
}

func exec(c *pgx.Conn, sql string, args ...any) error {
	_, err := c.Exec(ctx, sql, args...)
	return err
}

// query reads all rows and compares their number with want.
func query(c *pgx.Conn, want int, sql string, args ...any) {
	r, err := c.Query(ctx, sql, args...)
	must(err)
	n := 0
	for r.Next() {
		n++
	}
	must(r.Err())
	if n != want {
		log.Output(2, sql+": other rows than expected")
		os.Exit(1)
	}
}
