package main

import (
	"context"
	"fmt"
	"os"
	osexec "os/exec"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// replicate makes a slot and a publication, does what work does on another connection and receives changes until their first
// bytes have been each of want, which are in order.
func replicate(slot, option string, args []string, want string, work func(*pgx.Conn)) {
	n := connect()
	defer n.Close(ctx)
	must(exec(n, "create table if not exists changes (id int primary key, mood mood, note text)"))
	must(exec(n, "alter table changes replica identity full"))
	must(exec(n, "create table if not exists others (id int primary key, body text)"))
	must(exec(n, "truncate changes, others"))
	must(exec(n, "drop publication if exists "+slot))
	must(exec(n, "create publication "+slot+" for table changes, others"))
	c, err := pgconn.Connect(ctx, os.Args[2]+"&replication=database")
	must(err)
	defer c.Close(ctx)
	id, err := pglogrepl.IdentifySystem(ctx, c)
	must(err)
	_, err = c.Exec(ctx, "CREATE_REPLICATION_SLOT "+slot+" TEMPORARY LOGICAL pgoutput "+option).ReadAll()
	must(err)
	_, err = c.Exec(ctx, "show server_version; select 1").ReadAll() // queries go there too
	must(err)
	must(pglogrepl.StartReplication(ctx, c, slot, id.XLogPos, pglogrepl.StartReplicationOptions{
		PluginArgs: append(args, "publication_names '"+slot+"'"), Mode: pglogrepl.LogicalReplication}))
	work(n)
	seen := []byte{}
	pos := id.XLogPos
	for !slices.Equal(seen, []byte(want)) {
		m, err := c.ReceiveMessage(ctx)
		must(err)
		d, ok := m.(*pgproto3.CopyData)
		if !ok {
			must(fmt.Errorf("a %T", m))
		}
		if d.Data[0] != pglogrepl.XLogDataByteID {
			continue
		}
		x, err := pglogrepl.ParseXLogData(d.Data[1:])
		must(err)
		pos = x.WALStart + pglogrepl.LSN(len(x.WALData))
		if i, found := slices.BinarySearch(seen, x.WALData[0]); !found {
			seen = slices.Insert(seen, i, x.WALData[0])
		}
	}
	must(pglogrepl.SendStandbyStatusUpdate(ctx, c, pglogrepl.StandbyStatusUpdate{WALWritePosition: pos, ReplyRequested: true}))
	deadline, end := context.WithTimeout(ctx, 300*time.Millisecond)
	defer end()
	for {
		if _, err := c.ReceiveMessage(deadline); err != nil {
			break // nothing more comes: the connection is closed in the middle of the copy
		}
	}
}

// logical is replication with pgoutput: every message of its first version, and one of the application's own.
func logical() {
	replicate("shop1", "", []string{"proto_version '1'", "messages 'true'"}, "BCDIMRTUY", func(n *pgx.Conn) {
		must(exec(n, "insert into changes values (1, 'ok', 'one'), (2, null, null)"))
		must(exec(n, "update changes set note = 'uno' where id = 1"))
		must(exec(n, "update changes set id = 3 where id = 2"))
		must(exec(n, "delete from changes where id = 3"))
		must(exec(n, "select pg_logical_emit_message(true, 'app', 'in the transaction')"))
		must(exec(n, "select pg_logical_emit_message(false, 'app', 'by itself')"))
		must(exec(n, "truncate changes, others restart identity cascade"))
	})
	// And one that ends as it should, with CopyDone from both sides.
	c, err := pgconn.Connect(ctx, os.Args[2]+"&replication=database")
	must(err)
	defer c.Close(ctx)
	id, err := pglogrepl.IdentifySystem(ctx, c)
	must(err)
	_, err = pglogrepl.CreateReplicationSlot(ctx, c, "shop2", "pgoutput", pglogrepl.CreateReplicationSlotOptions{Temporary: true, SnapshotAction: "NOEXPORT_SNAPSHOT"})
	must(err)
	must(pglogrepl.StartReplication(ctx, c, "shop2", id.XLogPos, pglogrepl.StartReplicationOptions{PluginArgs: []string{"proto_version '1'", "publication_names 'shop1'"}}))
	_, err = pglogrepl.SendStandbyCopyDone(ctx, c)
	must(err)
	must(pglogrepl.DropReplicationSlot(ctx, c, "shop2", pglogrepl.DropReplicationSlotOptions{}))
	mustFail(pglogrepl.StartReplication(ctx, c, "nosuch", id.XLogPos, pglogrepl.StartReplicationOptions{PluginArgs: []string{"proto_version '1'", "publication_names 'shop1'"}}), "42704")
}

// streamed is a transaction that is sent before it ends, because it is large, and one that is taken back.
func streamed() {
	replicate("shop3", "", []string{"proto_version '2'", "streaming 'on'"}, "AEIRSUYc", func(n *pgx.Conn) {
		must(exec(n, "begin"))
		must(exec(n, "insert into changes select g, 'ok', repeat('n', 100) from generate_series(1, 600) g"))
		must(exec(n, "savepoint a"))
		must(exec(n, "insert into changes select g, 'sad', repeat('m', 100) from generate_series(1001, 1600) g"))
		must(exec(n, "rollback to a"))
		must(exec(n, "update changes set note = 'short' where id < 3"))
		must(exec(n, "commit"))
	})
}

// twoPhase is transactions that are prepared, then committed or taken back.
func twoPhase() {
	replicate("shop4", "(TWO_PHASE)", []string{"proto_version '3'", "two_phase 'on'"}, "IKPRYbr", func(n *pgx.Conn) {
		for _, end := range []string{"commit", "rollback"} {
			must(exec(n, "begin"))
			must(exec(n, "insert into changes values ($1, 'ok', $2)", len(end), end))
			must(exec(n, "prepare transaction '"+end+"'"))
			must(exec(n, end+" prepared '"+end+"'"))
		}
	})
}

// physical is a standby's replication, for a moment.
func physical() {
	n := connect()
	defer n.Close(ctx)
	c, err := pgconn.Connect(ctx, os.Args[2]+"&replication=yes")
	must(err)
	defer c.Close(ctx)
	id, err := pglogrepl.IdentifySystem(ctx, c)
	must(err)
	_, err = c.Exec(ctx, "TIMELINE_HISTORY 7").ReadAll()
	mustFail(err, "58P01")
	_, err = c.Exec(ctx, "CREATE_REPLICATION_SLOT standby TEMPORARY PHYSICAL").ReadAll()
	must(err)
	must(pglogrepl.StartReplication(ctx, c, "standby", id.XLogPos, pglogrepl.StartReplicationOptions{Timeline: id.Timeline, Mode: pglogrepl.PhysicalReplication}))
	must(exec(n, "select pg_logical_emit_message(false, 'app', repeat('wal', 1000))"))
	must(exec(n, "update stock set price = price where id = 1"))
	for end := time.Now().Add(time.Second); time.Now().Before(end); {
		deadline, cancel := context.WithDeadline(ctx, end)
		_, err := c.ReceiveMessage(deadline)
		cancel()
		if err != nil {
			break
		}
		must(pglogrepl.SendStandbyStatusUpdate(ctx, c, pglogrepl.StandbyStatusUpdate{WALWritePosition: id.XLogPos, ReplyRequested: false}))
	}
	_, err = pglogrepl.SendStandbyCopyDone(ctx, c)
	must(err)
}

// baseBackup is the beginning of a base backup, at the lowest rate; then the client leaves.
func baseBackup() {
	c, err := pgconn.Connect(ctx, os.Args[2]+"&replication=yes")
	must(err)
	w := wire{c.Frontend()}
	w.say(&pgproto3.Query{String: "SHOW wal_segment_size"})
	w.Send(&pgproto3.Query{String: "BASE_BACKUP (LABEL 'short', CHECKPOINT 'fast', PROGRESS, MAX_RATE 32, MANIFEST 'no')"})
	must(w.Flush())
	deadline, cancel := context.WithTimeout(ctx, 1500*time.Millisecond)
	defer cancel()
	for {
		if _, err := c.ReceiveMessage(deadline); err != nil {
			break
		}
	}
	c.Conn().Close()
}

// receiveWAL runs pg_receivewal, which the command $RECEIVEWAL begins, for a few changes. It starts with a segment, so a new one
// is begun first, by the socket $SOCKET.
func receiveWAL() {
	aside := plain(os.Getenv("SOCKET"))
	defer aside.Close(ctx)
	const emit = "select pg_logical_emit_message(false, 'app', 'received', true);"
	r, err := aside.Exec(ctx, "select pg_switch_wal();"+emit+"select pg_current_wal_flush_lsn()").ReadAll()
	must(err)
	words := append(strings.Fields(os.Getenv("RECEIVEWAL")), "--endpos="+string(r[2].Rows[0][0]), "-d", os.Args[2])
	done := make(chan error)
	go func() { done <- osexec.Command(words[0], words[1:]...).Run() }()
	for { // it ends when it has something from behind the end
		select {
		case err := <-done:
			must(err)
			return
		case <-time.After(300 * time.Millisecond):
			_, err := aside.Exec(ctx, emit).ReadAll()
			must(err)
		}
	}
}
