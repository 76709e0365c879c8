package l7_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/l7/l7test"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/stream"
)

// brief is a record in a few words: what was asked, how it ended, latency and wait in steps of a Talk, bytes, facts,
// doubts.
func brief(r *record.Record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", r.Text(record.Operation))
	if r.Has(record.Target) {
		fmt.Fprintf(&b, " %s", r.Text(record.Target))
	}
	fmt.Fprintf(&b, ": %s", r.Status)
	for _, c := range []record.Col{record.Latency, record.Wait} {
		if r.Has(c) {
			fmt.Fprintf(&b, " %s=%d", record.Columns[c].Name, r.Num(c)/l7test.Step)
		}
	}
	for _, c := range []record.Col{record.Rows, record.Code, record.User} {
		switch {
		case !r.Has(c):
		case c < record.User:
			fmt.Fprintf(&b, " %s=%d", record.Columns[c].Name, r.Num(c))
		default:
			fmt.Fprintf(&b, " %s=%s", record.Columns[c].Name, r.Text(c))
		}
	}
	for _, a := range r.Attributes {
		if a.Name != "parts" || a.Num > 1 {
			fmt.Fprintf(&b, " %s=%d", a.Name, a.Num)
		}
	}
	if r.Doubts != 0 {
		fmt.Fprintf(&b, " doubts=%s", r.Doubts.AppendNames(nil, ",", ""))
	}
	return b.String()
}

// play runs a conversation and returns its records in a few words, and the counts.
func play(p l7.Pairing, c *l7test.Talk) (rows []string, stats l7.Stats) {
	e := l7.New(l7.Config{Protocols: []*l7.Protocol{l7test.Lines(p)}, Want: ^uint64(0), Budget: 1 << 20}, func(r *record.Record) {
		rows = append(rows, brief(r))
	})
	c.Play(e)
	return rows, e.Stats()
}

const minute = 60e9

// TestPairing: which messages become which records, in which order.
func TestPairing(t *testing.T) {
	talk := l7test.NewTalk
	for _, c := range []struct {
		name    string
		pairing l7.Pairing
		talk    *l7test.Talk
		want    []string
	}{
		{"one after the other", l7.InOrder, talk().Client(0, "GET", "a").Server(0, "DONE", "").Client(0, "GET", "b").Server(0, "DONE", ""), []string{
			"GET a: ok latency=1 wait=1", "GET b: ok latency=1 wait=1"}},
		{"a pipeline in order", l7.InOrder, talk().Client(0, "GET", "a").Client(0, "GET", "b").Server(0, "DONE", "").Server(0, "FAIL", "404"), []string{
			"GET a: ok latency=2 wait=2", "GET b: client_error latency=2 wait=2 code=404"}},
		{"a pipeline by id", l7.ByID, talk().Client(1, "GET", "a").Client(2, "GET", "b").Server(2, "DONE", "").Server(1, "DONE", ""), []string{
			"GET b: ok latency=1 wait=1", "GET a: ok latency=3 wait=3"}},
		{"an answer in parts", l7.InOrder, talk().Client(0, "LIST", "k").Server(0, "MORE", "").Server(0, "MORE", "").Server(0, "DONE", ""), []string{
			"LIST k: ok latency=3 wait=1 rows=3"}},
		{"an answer in parts, each of which names the next", l7.ByID, talk().Client(1, "LIST", "k").Client(9, "GET", "x").Server(1, "MORE", "").Server(9, "DONE", "").Server(2, "MORE", "").Server(3, "DONE", ""), []string{
			"GET x: ok latency=2 wait=2", "LIST k: ok latency=5 wait=2 rows=3 replies=3"}},
		{"a request in parts", l7.InOrder, talk().Client(0, "PART", "x").Client(0, "PART", "y").Client(0, "GET", "a").Server(0, "DONE", ""), []string{
			"GET a: ok latency=3 wait=1 parts=3"}},
		{"a request in parts, in a pipeline", l7.InOrder, talk().Client(0, "PART", "x").Client(0, "GET", "a").Client(0, "PART", "y").Server(0, "MORE", "").Client(0, "GET", "b").Server(0, "DONE", "").Server(0, "DONE", ""), []string{
			"GET a: ok latency=5 wait=2 parts=2", "GET b: ok latency=4 wait=2 parts=2"}},
		{"a part of no request", l7.InOrder, talk().Client(0, "PART", "x"), []string{
			"PART x: unanswered"}},
		{"a greeting", l7.InOrder, talk().Server(0, "HELO", "").Client(0, "GET", "a").Server(0, "DONE", ""), []string{
			"GET a: ok latency=1 wait=1"}},
		{"a greeting, and no more", l7.InOrder, talk().Server(0, "HELO", ""), []string{
			"HELO: unanswered"}},
		{"a fence", l7.InOrder, talk().Client(0, "GET", "a").Client(0, "SYNC", "").Server(0, "DONE", "").Server(0, "REDY", "").Client(0, "GET", "b").Server(0, "DONE", ""), []string{
			"GET a: ok latency=3 wait=1 parts=2", "GET b: ok latency=1 wait=1"}},
		{"a fence behind an answer", l7.InOrder, talk().Client(0, "GET", "a").Server(0, "DONE", "").Client(0, "SYNC", "").Client(0, "GET", "b").Client(0, "SYNC", "").Server(0, "REDY", "").Server(0, "DONE", "").Server(0, "REDY", ""), []string{
			"GET a: ok latency=1 wait=1", "GET b: ok latency=4 wait=2 parts=2"}},
		{"what is skipped up to a fence", l7.InOrder, talk().Client(0, "GET", "a").Client(0, "GET", "b").Client(0, "GET", "c").Client(0, "SYNC", "").Client(0, "GET", "d").Client(0, "SYNC", "").
			Server(0, "DONE", "").Server(0, "FAIL", "404").Server(0, "REDY", "").Server(0, "DONE", "").Server(0, "REDY", ""), []string{
			"GET a: ok latency=6 wait=6", "GET b: client_error latency=6 wait=6 code=404", "GET c: unanswered parts=2 skipped=1", "GET d: ok latency=6 wait=4 parts=2"}},
		{"fences one after the other", l7.InOrder, talk().Client(0, "GET", "a").Client(0, "SYNC", "").Client(0, "SYNC", "").Server(0, "DONE", "").Server(0, "REDY", "").Server(0, "REDY", "").Client(0, "GET", "b").Client(0, "SYNC", "").Server(0, "FAIL", "404").Server(0, "REDY", ""), []string{
			"GET a: ok latency=4 wait=1 parts=3", "GET b: client_error latency=3 wait=1 code=404 parts=2"}},
		{"a fence that nobody asked for", l7.InOrder, talk().Server(0, "REDY", "").Client(0, "GET", "a").Server(0, "MORE", "").Server(0, "REDY", "").Client(0, "GET", "b").Server(0, "DONE", ""), []string{
			"GET a: ok latency=2 wait=1", "GET b: ok latency=1 wait=1"}},
		{"the end before a fence", l7.InOrder, talk().Client(0, "GET", "a").Client(0, "SYNC", "").Server(0, "DONE", ""), []string{
			"GET a: ok latency=2 wait=1 parts=2"}},
		{"encrypted from here", l7.InOrder, talk().Client(0, "CRPT", "").Server(0, "DONE", "").Client(0, "GET", "a").Server(0, "DONE", ""), []string{
			"CRPT: ok latency=1 wait=1"}},
		{"encrypted from here, with another request open", l7.InOrder, talk().Client(0, "CRPT", "").Client(0, "GET", "a").Server(0, "DONE", "").Bytes(stream.Backward, []byte("<<<")), []string{
			"CRPT: ok latency=2 wait=2", "GET a: unknown encrypted=1"}},
		{"a request that goes on", l7.ByID, talk().Client(1, "CONT", "x").Client(1, "GET", "a").Server(1, "DONE", ""), []string{
			"CONT x: ok latency=2 wait=1 parts=2"}},
		{"one-way", l7.InOrder, talk().Client(0, "GET", "a").Client(0, "TELL", "b").Server(0, "DONE", ""), []string{
			"TELL b: ok", "GET a: ok latency=2 wait=2"}},
		{"one-way, and yet answered", l7.ByID, talk().Client(1, "TELL", "b").Server(1, "DONE", "").Client(2, "GET", "a").Server(2, "DONE", ""), []string{
			"TELL b: ok", "GET a: ok latency=1 wait=1"}},
		{"push", l7.InOrder, talk().Client(0, "GET", "a").Server(0, "CALL", "").Server(0, "DONE", ""), []string{
			"CALL: ok", "GET a: ok latency=2 wait=2"}},
		{"a message that means nothing", l7.InOrder, talk().Client(0, "GET", "a").Server(0, "VOID", "").Server(0, "DONE", ""), []string{
			"GET a: ok latency=2 wait=2"}},
		{"no answer before the end", l7.ByID, talk().Client(1, "GET", "a").Client(2, "GET", "b").Server(2, "DONE", ""), []string{
			"GET b: ok latency=1 wait=1", "GET a: unanswered doubts=no_response"}},
		{"no answer for too long", l7.ByID, talk().Client(1, "GET", "a").Wait(minute).Client(2, "GET", "b").Server(2, "DONE", ""), []string{
			"GET b: ok latency=1 wait=1", "GET a: timeout doubts=no_response"}},
		{"an answer that does not end", l7.InOrder, talk().Client(0, "LIST", "k").Server(0, "MORE", ""), []string{
			"LIST k: ok latency=1 wait=1 rows=1 open=1"}},
		{"data that the server asked for", l7.InOrder, talk().Client(0, "GET", "load").Server(0, "MORE", "").Client(0, "FEED", "x").Client(0, "FEED", "y").Server(0, "DONE", "").Client(0, "GET", "b").Server(0, "DONE", ""), []string{
			"GET load: ok latency=4 parts=3", "GET b: ok latency=1 wait=1"}},
		{"no request for an answer in parts, in order", l7.InOrder, talk().Server(0, "MORE", "").Server(0, "MORE", "").Server(0, "DONE", "").Client(0, "GET", "a").Server(0, "DONE", ""), []string{
			": ok doubts=no_request", "GET a: ok latency=1 wait=1"}},
		{"no request, in order", l7.InOrder, talk().Server(0, "DONE", "").Client(0, "GET", "a").Server(0, "DONE", ""), []string{
			": ok doubts=no_request", "GET a: ok latency=1 wait=1"}},
		{"no request, by id", l7.ByID, talk().Client(1, "GET", "a").Server(7, "DONE", "").Server(1, "DONE", ""), []string{
			"GET a: ok latency=2 wait=2", ": ok doubts=no_request"}},
		{"an answer seen before its request", l7.ByID, talk().Client(1, "GET", "a").Server(1, "DONE", "").Server(2, "DONE", "").Client(2, "GET", "b").Client(3, "GET", "c").Server(3, "DONE", ""), []string{
			"GET a: ok latency=1 wait=1", "GET b: ok", "GET c: ok latency=1 wait=1"}},
		{"an answer whose request comes too late", l7.ByID, talk().Client(1, "GET", "a").Server(9, "DONE", "").Server(1, "DONE", "").Client(2, "TELL", "").Client(3, "TELL", "").Client(4, "TELL", "").Client(5, "TELL", "").Client(9, "GET", "b"), []string{
			"GET a: ok latency=2 wait=2", "TELL: ok", "TELL: ok", "TELL: ok", ": ok doubts=no_request", "TELL: ok", "GET b: unanswered"}},
		{"a name for what follows", l7.InOrder, talk().Client(0, "LOGN", "ann x").Server(0, "DONE", "").Client(0, "GET", "a").Server(0, "DONE", ""), []string{
			"LOGN: ok latency=1 wait=1 user=ann", "GET a: ok latency=1 wait=1 user=ann"}},
		{"a layer", l7.InOrder, talk().Client(0, "SCRM", "").Server(0, "DONE", "").Scrambled().Client(0, "GET", "a").Server(0, "DONE", ""), []string{
			"SCRM: ok latency=1 wait=1", "GET a: ok latency=1 wait=1"}},
		{"the same identifier again, before an answer", l7.ByID, talk().Client(1, "GET", "a").Client(1, "GET", "b").Server(1, "DONE", "").Server(1, "DONE", ""), []string{
			"GET a: ok latency=2 wait=2", "GET b: ok latency=2 wait=2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _ := play(c.pairing, c.talk)
			if !slices.Equal(got, c.want) {
				t.Errorf("got\n %s\nwant\n %s", strings.Join(got, "\n "), strings.Join(c.want, "\n "))
			}
		})
	}
}

// TestLoss: what a gap does to the exchanges around it.
func TestLoss(t *testing.T) {
	talk := l7test.NewTalk
	const n = 25 // bytes, more or less a line
	for _, c := range []struct {
		name    string
		pairing l7.Pairing
		talk    *l7test.Talk
		want    []string
	}{
		{"a lost answer", l7.ByID, talk().Client(1, "GET", "a").Gap(stream.Backward, n, false).Client(2, "GET", "b").Server(2, "DONE", ""), []string{
			"GET a: unknown doubts=loss,no_response", "GET b: ok latency=1 wait=1"}},
		{"a lost answer, in order", l7.InOrder, talk().Client(0, "GET", "a").Gap(stream.Backward, n, false).Client(0, "GET", "b").Server(0, "FAIL", "404").Client(0, "GET", "c").Server(0, "DONE", ""), []string{
			"GET a: unknown doubts=loss,no_response", "GET b: client_error latency=1 wait=1 code=404", "GET c: ok latency=1 wait=1"}},
		{"a lost request", l7.ByID, talk().Client(1, "GET", "a").Server(1, "DONE", "").Gap(stream.Forward, n, false).Server(2, "DONE", "").Client(3, "GET", "c").Server(3, "DONE", ""), []string{
			"GET a: ok latency=1 wait=1", "GET c: ok latency=1 wait=1", ": ok doubts=no_request"}},
		{"a part of an answer, inside a line whose length is known", l7.InOrder, talk().Client(0, "GET", "a").Bytes(stream.Backward, l7test.Line('<', 0, "DONE", "0123456789")[:20]).
			Gap(stream.Backward, 5, false).Bytes(stream.Backward, []byte("6789\n")).Client(0, "GET", "b").Server(0, "DONE", ""), []string{
			"GET a: ok latency=3 wait=1 doubts=loss,cut", "GET b: ok latency=1 wait=1"}},
		{"the same, cut by the capture", l7.InOrder, talk().Client(0, "GET", "a").Bytes(stream.Backward, l7test.Line('<', 0, "DONE", "0123456789")[:20]).
			Gap(stream.Backward, 5, true).Bytes(stream.Backward, []byte("6789\n")).Client(0, "GET", "b").Server(0, "DONE", ""), []string{
			"GET a: ok latency=3 wait=1 doubts=cut", "GET b: ok latency=1 wait=1"}},
		{"a part of an answer, and the next goes on from there", l7.ByID, talk().Client(1, "LIST", "k").Server(1, "MORE", "").Gap(stream.Backward, n, false).Server(3, "DONE", ""), []string{
			"LIST k: ok latency=3 wait=1 rows=1 replies=2 doubts=loss"}},
		{"a lost request in a pipeline", l7.InOrder, talk().Client(0, "GET", "a").Gap(stream.Forward, n, false).Client(0, "GET", "c").Server(0, "DONE", "").Server(0, "FAIL", "404").Server(0, "DONE", "").
			Client(0, "GET", "d").Server(0, "DONE", ""), []string{
			"GET a: ok latency=3 wait=3 doubts=loss", "GET c: client_error latency=2 wait=2 code=404 doubts=loss", ": ok doubts=no_request", "GET d: ok latency=1 wait=1"}},
		{"the first request of a pipeline is lost, and nothing was open", l7.InOrder, talk().Client(0, "GET", "a").Server(0, "DONE", "").Gap(stream.Forward, n, false).Client(0, "GET", "b").Client(0, "GET", "c").Client(0, "GET", "d").Server(0, "DONE", "").Server(0, "FAIL", "404").
			Server(0, "DONE", "").Server(0, "DONE", "").Client(0, "GET", "e").Client(0, "GET", "f").Server(0, "DONE", "").Server(0, "DONE", ""), []string{
			"GET a: ok latency=1 wait=1", "GET b: ok latency=3 wait=3 doubts=loss", "GET c: client_error latency=3 wait=3 code=404 doubts=loss", "GET d: ok latency=3 wait=3 doubts=loss", ": ok doubts=no_request",
			"GET e: ok latency=2 wait=2", "GET f: ok latency=2 wait=2"}},
		{"a lost request, in order", l7.InOrder, talk().Client(0, "GET", "a").Server(0, "DONE", "").Gap(stream.Forward, n, false).Server(0, "MORE", "").Server(0, "DONE", "").Client(0, "GET", "c").Server(0, "DONE", ""), []string{
			"GET a: ok latency=1 wait=1", ": ok doubts=no_request", "GET c: ok latency=1 wait=1"}},
		{"a lost request and its lost answer, in order", l7.InOrder, talk().Client(0, "GET", "a").Server(0, "DONE", "").Gap(stream.Forward, n, false).Gap(stream.Backward, n, false).Client(0, "GET", "b").Server(0, "DONE", "").Client(0, "GET", "c").Server(0, "DONE", ""), []string{
			"GET a: ok latency=1 wait=1", "GET b: ok latency=1 wait=1 doubts=loss", "GET c: ok latency=1 wait=1"}},
		{"lost data that the server asked for", l7.InOrder, talk().Client(0, "GET", "a").Server(0, "MORE", "").Gap(stream.Forward, n, false).Server(0, "DONE", "").Client(0, "GET", "b").Server(0, "DONE", ""), []string{
			"GET a: ok latency=3 wait=1 doubts=loss", "GET b: ok latency=1 wait=1"}},
		{"a lost fence", l7.InOrder, talk().Client(0, "GET", "a").Gap(stream.Forward, n, false).Server(0, "DONE", "").Server(0, "REDY", "").Client(0, "GET", "b").Client(0, "SYNC", "").Server(0, "DONE", "").Server(0, "REDY", ""), []string{
			"GET a: ok latency=2 wait=2 doubts=loss", "GET b: ok latency=3 wait=1 parts=2"}},
		{"a lost request and fence, and half of their answer", l7.InOrder, talk().Client(0, "GET", "a").Client(0, "SYNC", "").Server(0, "DONE", "").Server(0, "REDY", "").Gap(stream.Forward, n, false).Server(0, "DONE", "").
			Client(0, "GET", "b").Client(0, "SYNC", "").Server(0, "REDY", "").Server(0, "DONE", "").Server(0, "REDY", ""), []string{
			"GET a: ok latency=3 wait=1 parts=2", ": ok doubts=no_request", "GET b: unanswered parts=2 skipped=1 doubts=loss", ": ok doubts=no_request"}},
		{"a lost answer in a pipeline", l7.InOrder, talk().Client(0, "GET", "a").Client(0, "GET", "b").Gap(stream.Backward, n, false).Client(0, "GET", "c").Server(0, "DONE", "").Server(0, "FAIL", "404").
			Client(0, "GET", "d").Server(0, "DONE", ""), []string{
			"GET a: unknown doubts=loss,no_response", "GET b: unknown doubts=loss,no_response", "GET c: ok latency=1 wait=1 doubts=loss", ": client_error code=404 doubts=no_request", "GET d: ok latency=1 wait=1"}},
		{"an answer that has begun to a request that goes on", l7.InOrder, talk().Client(0, "PART", "a").Server(0, "MORE", "").Gap(stream.Backward, n, false).Client(0, "GET", "b").Server(0, "DONE", ""), []string{
			"GET b: ok latency=4 parts=2 doubts=loss"}},
		{"unasked, where it may be an answer to what was lost", l7.InOrder, talk().Client(0, "GET", "a").Server(0, "DONE", "").Gap(stream.Forward, n, false).Server(0, "CALL", "x").Server(0, "DONE", "").Client(0, "GET", "b").Server(0, "CALL", "y"), []string{
			"GET a: ok latency=1 wait=1", "CALL: ok doubts=loss", ": ok doubts=no_request", "CALL: ok", "GET b: unanswered"}},
		{"a lost part of a request", l7.InOrder, talk().Client(0, "PART", "a").Gap(stream.Forward, n, false).Client(0, "GET", "c").Server(0, "DONE", ""), []string{
			"GET c: ok latency=3 wait=1 parts=2 doubts=loss"}},
		{"the end of an answer and the next request", l7.InOrder, talk().Client(0, "LIST", "k").Server(0, "MORE", "").Gap(stream.Backward, n, false).Server(0, "ANEW", "").Client(0, "GET", "b").Server(0, "DONE", ""), []string{
			"LIST k: ok latency=1 wait=1 rows=1 open=1 doubts=loss,no_response", ": ok doubts=no_request", "GET b: ok latency=1 wait=1"}},
		{"the end of an answer in a pipeline", l7.InOrder, talk().Client(0, "LIST", "k").Client(0, "LIST", "l").Server(0, "MORE", "").Gap(stream.Backward, n, false).Server(0, "ANEW", ""), []string{
			"LIST k: ok latency=2 wait=2 rows=1 open=1 doubts=loss,no_response", "LIST l: ok latency=3 wait=3 rows=1 doubts=loss"}},
		{"the end of the capture inside a line", l7.InOrder, talk().Client(0, "GET", "a").Bytes(stream.Backward, l7test.Line('<', 0, "DONE", "0123456789")[:24]), []string{
			"GET a: ok latency=1 wait=1 doubts=cut"}},
		{"the end of the capture behind a line", l7.InOrder, talk().Client(0, "LIST", "k").Server(0, "HOLD", ""), []string{
			"LIST k: unanswered latency=1 wait=1 open=1"}},
		{"the same, where the line was cut", l7.InOrder, talk().Client(0, "LIST", "k").Bytes(stream.Backward, l7test.Line('<', 0, "HOLD", "0123456789")[:24]), []string{
			"LIST k: unknown latency=1 wait=1 open=1 doubts=cut"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _ := play(c.pairing, c.talk)
			if !slices.Equal(got, c.want) {
				t.Errorf("got\n %s\nwant\n %s", strings.Join(got, "\n "), strings.Join(c.want, "\n "))
			}
		})
	}
}

// TestForget: after a few malformed messages the connection is taken for something else, and may be found again.
func TestForget(t *testing.T) {
	talk := l7test.NewTalk().Client(1, "GET", "a").Server(1, "DONE", "")
	for range 4 {
		talk.Client(2, "WHAT", "ever")
	}
	talk.Client(3, "GET", "b").Server(3, "DONE", "")
	rows, stats := play(l7.ByID, talk)
	if stats.Malformed != 4 {
		t.Errorf("%d malformed messages, not 4", stats.Malformed)
	}
	if n := len(rows); n < 2 || rows[0] != "GET a: ok latency=1 wait=1" || rows[n-1] != "GET b: ok latency=1 wait=1 doubts=midstream" {
		t.Errorf("records:\n%s", strings.Join(rows, "\n"))
	}
	for _, r := range rows[1 : len(rows)-1] {
		if !strings.Contains(r, "malformed") {
			t.Errorf("a record of something malformed does not say so: %s", r)
		}
	}
}

// TestGarbage: bytes that are no message are passed by, and what follows is found.
func TestGarbage(t *testing.T) {
	talk := l7test.NewTalk().Client(1, "GET", "a").Server(1, "DONE", "").Bytes(stream.Forward, []byte("what is this supposed to be?\n"))
	rows, stats := play(l7.ByID, talk.Client(2, "GET", "b").Server(2, "DONE", ""))
	if want := []string{"GET a: ok latency=1 wait=1", "GET b: ok latency=1 wait=1"}; !slices.Equal(rows, want) || stats.Malformed != 1 {
		t.Errorf("%d malformed, records:\n%s", stats.Malformed, strings.Join(rows, "\n"))
	}
}

// TestOpen: of requests that nobody answers only so many are held; then the oldest goes.
func TestOpen(t *testing.T) {
	const open = 1024 // as l7 bounds it
	for _, p := range []l7.Pairing{l7.InOrder, l7.ByID} {
		talk := l7test.NewTalk()
		for i := range open + 10 {
			talk.Client(i%10000, "GET", fmt.Sprint(i))
		}
		var rows []string
		e := l7.New(l7.Config{Protocols: []*l7.Protocol{l7test.Lines(p)}, Want: ^uint64(0), Budget: 64 << 20}, func(r *record.Record) {
			rows = append(rows, brief(r))
		})
		talk.Play(e)
		if len(rows) != open+10 || e.Stats().Evicted != 10 || e.Stats().Unpaired != open+10 {
			t.Fatalf("%d records, %+v", len(rows), e.Stats())
		}
		for i, r := range rows {
			want := fmt.Sprintf("GET %d: unanswered", i)
			if i < 10 {
				want += " doubts=no_response"
			}
			if r != want {
				t.Fatalf("record %d is %q, not %q", i, r, want)
			}
		}
	}
}

// TestShare: a connection that makes much wait gives up its own oldest exchanges, kept messages and runs included, and
// gives all of it back in the end.
func TestShare(t *testing.T) {
	const budget = 1 << 20
	for _, keep := range []bool{false, true} {
		talk := l7test.NewTalk()
		for i := range 300 {
			talk.Client(i, "GET", strings.Repeat("x", 4000))
		}
		talk.Server(299, "DONE", "")
		held, peak, rows, answered := 0, 0, 0, 0
		e := l7.New(l7.Config{Protocols: []*l7.Protocol{l7test.Lines(l7.ByID)}, Want: ^uint64(0), Keep: keep, Budget: budget, Charge: func(n int) {
			held += n
			peak = max(peak, held)
		}}, func(r *record.Record) {
			if rows++; r.Status == record.OK {
				answered++
			} else if rows == 1 && r.Doubts&record.NoResponse == 0 {
				t.Error("no doubt: " + brief(r))
			}
		})
		talk.Play(e)
		if peak > budget/4+16<<10 || held != 0 {
			t.Errorf("%d bytes waited at most, %d do in the end", peak, held)
		}
		if rows != 300 || answered != 1 || e.Stats().Evicted == 0 {
			t.Errorf("%d records, %d answered, %+v", rows, answered, e.Stats())
		}
	}
}

// TestOwed: in order, the answers to requests that were given up are not taken for those to others.
func TestOwed(t *testing.T) {
	const open, more = 1024, 60 // as l7 bounds it
	for _, fences := range []int{0, 1, 3} {
		talk := l7test.NewTalk()
		for i := range open + more {
			if talk.Client(0, "GET", fmt.Sprint(100+i%900)); fences > 0 && i%fences == 0 {
				talk.Client(0, "SYNC", "")
			}
		}
		for i := range open + more {
			if talk.Server(0, "MORE", "").Server(0, "FAIL", fmt.Sprint(100+i%900)); fences > 0 && i%fences == 0 {
				talk.Server(0, "REDY", "")
			}
		}
		evicted, answered := 0, 0
		e := l7.New(l7.Config{Protocols: []*l7.Protocol{l7test.Lines(l7.InOrder)}, Want: ^uint64(0), Budget: 64 << 20}, func(r *record.Record) {
			switch {
			case r.Status == record.Unanswered && r.Doubts&record.NoResponse != 0:
				evicted++
			case r.Text(record.Code) != r.Text(record.Target):
				t.Errorf("fences %d: another's answer: %s", fences, brief(r))
			default:
				answered++
			}
		})
		talk.Play(e)
		if evicted != more || answered != open {
			t.Errorf("fences %d: %d given up, %d answered", fences, evicted, answered)
		}
	}
}

// TestEvicted: what was open when its connection was given up says so; an answer that had begun is cut.
func TestEvicted(t *testing.T) {
	var rows []string
	e := l7.New(l7.Config{Protocols: []*l7.Protocol{l7test.Lines(l7.ByID)}, Want: ^uint64(0), Budget: 1 << 20}, func(r *record.Record) {
		rows = append(rows, brief(r))
	})
	f := &stream.Flow{}
	c := e.Open(f)
	for i, line := range [][]byte{l7test.Line('>', 1, "LIST", "k"), l7test.Line('>', 2, "GET", "a"), l7test.Line('<', 1, "MORE", "")} {
		c.HandleChunk(f, &stream.Chunk{Dir: stream.Dir(i / 2), Data: line, Time: int64(i) * l7test.Step, Order: uint64(i)})
	}
	c.HandleClose(f, stream.Evicted, 3*l7test.Step, 3)
	want := []string{"LIST k: ok latency=2 wait=2 rows=1 open=1 doubts=cut", "GET a: unanswered doubts=no_response"}
	if !slices.Equal(rows, want) || e.Stats().Evicted != 2 {
		t.Errorf("%+v, records:\n%s", e.Stats(), strings.Join(rows, "\n"))
	}
}

// TestEpoch: a capture whose clock begins at 1970, or before, has times like any other.
func TestEpoch(t *testing.T) {
	for _, start := range []int64{0, -l7test.Step, -10 * l7test.Step} {
		var rows []string
		e := l7.New(l7.Config{Protocols: []*l7.Protocol{l7test.Lines(l7.ByID)}, Want: ^uint64(0), Budget: 1 << 20}, func(r *record.Record) {
			if r.Num(record.Time) != start || !r.Has(record.Time) || !r.Has(record.RequestTime) {
				t.Errorf("the time is %d, not %d", r.Num(record.Time), start)
			}
			rows = append(rows, brief(r))
		})
		f := &stream.Flow{}
		c := e.Open(f)
		c.HandleChunk(f, &stream.Chunk{Data: l7test.Line('>', 1, "GET", "a"), Time: start, Order: 1})
		c.HandleChunk(f, &stream.Chunk{Dir: stream.Backward, Data: l7test.Line('<', 1, "DONE", ""), Time: start + 3*l7test.Step, Order: 2})
		if want := []string{"GET a: ok latency=3 wait=3"}; !slices.Equal(rows, want) {
			t.Errorf("records: %s", rows)
		}
	}
}

// TestRuns: a message of which every second byte is missing keeps so many runs, and its rest is cut.
func TestRuns(t *testing.T) {
	long := l7test.Line('>', 1, "HUGE", strings.Repeat("abcdefghi ", 9000))
	held, runs := 0, 0
	e := l7.New(l7.Config{Protocols: []*l7.Protocol{l7test.Lines(l7.ByID)}, Want: ^uint64(0), Keep: true, Budget: 1 << 20, Charge: func(n int) {
		held += n
	}}, func(r *record.Record) {
		runs = max(runs, len(r.Messages[0].Runs))
		if r.Doubts&record.Cut == 0 {
			t.Error("no doubt: " + brief(r))
		}
	})
	f := &stream.Flow{}
	c := e.Open(f)
	c.HandleChunk(f, &stream.Chunk{Data: long[:100], Order: 1})
	for i := 100; i < len(long)-10; i += 2 {
		c.HandleChunk(f, &stream.Chunk{Missing: 1, Cut: true, Order: 2})
		c.HandleChunk(f, &stream.Chunk{Data: long[i+1 : i+2], Order: 2})
	}
	if want := 4096*16 + l7.HeadLimit; held < want {
		t.Errorf("%d bytes are charged, runs are %d", held, want)
	}
	c.HandleClose(f, stream.Finished, 3, 3)
	if runs < 4096 || runs > 4096+64 || held != 0 {
		t.Errorf("%d runs, %d bytes are held in the end", runs, held)
	}
}

// TestKeep: a fact in the middle of a long message is kept however it comes, and the bytes around it are not.
func TestKeep(t *testing.T) {
	long := l7test.Line('>', 1, "HUGE", strings.Repeat("abcdefghi ", 50000))
	copy(long[len(long)/2:], "MIDDLE7")
	for _, chunk := range []int{100, 1448, 65536, len(long)} {
		talk := l7test.NewTalk()
		for b := long; len(b) > 0; b = b[min(chunk, len(b)):] {
			talk.Bytes(stream.Forward, b[:min(chunk, len(b))])
		}
		talk.Server(1, "DONE", "")
		kept := 0
		var rows []string
		e := l7.New(l7.Config{Protocols: []*l7.Protocol{l7test.Lines(l7.ByID)}, Want: ^uint64(0), Keep: true, Budget: 1 << 20}, func(r *record.Record) {
			rows = append(rows, brief(r))
			kept = len(r.Messages[0].Data)
			if r.Messages[0].Length != len(long) {
				t.Errorf("a length of %d", r.Messages[0].Length)
			}
		})
		talk.Play(e)
		if len(rows) != 1 || !strings.Contains(rows[0], "middle=7") {
			t.Errorf("in chunks of %d: %s", chunk, rows)
		}
		if want := l7.HeadLimit + l7.TailLimit + len("MIDDLE7"); kept != want {
			t.Errorf("in chunks of %d: %d bytes kept, not %d", chunk, kept, want)
		}
	}
}

// TestBudget: over budget messages are cut, and nothing else changes.
func TestBudget(t *testing.T) {
	long := l7test.Line('>', 1, "GET", strings.Repeat("x", 40000))
	talk := l7test.NewTalk().Bytes(stream.Forward, long[:30000]).Bytes(stream.Forward, long[30000:]).Server(1, "DONE", "").Client(2, "GET", "b").Server(2, "DONE", "")
	held, peak := 0, 0
	var rows []string
	e := l7.New(l7.Config{Protocols: []*l7.Protocol{l7test.Lines(l7.ByID)}, Want: ^uint64(0), Budget: 4096, Charge: func(n int) {
		held += n
		peak = max(peak, held)
	}}, func(r *record.Record) { rows = append(rows, brief(r)) })
	talk.Play(e)
	if len(rows) != 2 || !strings.Contains(rows[0], "cut") || rows[1] != "GET b: ok latency=1 wait=1" {
		t.Errorf("records: %s", rows)
	}
	if held != 0 {
		t.Errorf("%d bytes are held in the end", held)
	}
	if peak > l7.HeadLimit+l7.TailLimit+4096 { // the memory for one message, and the connection
		t.Errorf("%d bytes were held", peak)
	}
}

// TestDecodeAs: a port that is said to be a protocol's is, whatever its bytes look like at first.
func TestDecodeAs(t *testing.T) {
	p := l7test.Lines(l7.ByID)
	talk := l7test.NewTalk().Client(1, "GET", "a").Server(1, "DONE", "")
	var rows []string
	e := l7.New(l7.Config{DecodeAs: map[uint16]*l7.Protocol{7777: p}, Want: ^uint64(0), Budget: 1 << 20}, func(r *record.Record) {
		rows = append(rows, brief(r))
	})
	talk.Play(e)
	if want := []string{"GET a: ok latency=1 wait=1"}; !slices.Equal(rows, want) {
		t.Errorf("records: %s", rows)
	}
}

// TestUnidentified: what no protocol knows is counted by port.
func TestUnidentified(t *testing.T) {
	talk := l7test.NewTalk().Bytes(stream.Forward, []byte("GET / HTTP/1.1\r\n\r\n"))
	rows, stats := play(l7.ByID, talk)
	if len(rows) != 0 || stats.Identified != 0 || stats.Unidentified[7777] != 1 {
		t.Errorf("%+v, records: %s", stats, rows)
	}
}
