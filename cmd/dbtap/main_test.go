package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"github.com/dbtap/dbtap/internal/filter"
	"github.com/dbtap/dbtap/internal/l7/l7test"
	"github.com/dbtap/dbtap/internal/output"
	"github.com/dbtap/dbtap/internal/protocol/all"
	"github.com/dbtap/dbtap/internal/record"
)

const captures = "../../internal/protocol/mongodb/testdata"

// TestMain makes the test binary the program too, and puts it on the PATH as dbtap.
func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"dbtap": main}) }

func TestScripts(t *testing.T) {
	dir, err := filepath.Abs(captures)
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("CAPTURES", dir)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "pack": pack, "unhex": unhex},
	})
}

// exits CODE COMMAND... runs a command that is to end with this exit code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, not %s:\n%s%s", code, args[0], ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// pack HOW FROM TO writes a capture, which lies there in gzip, otherwise: plain, zstd, part (its first two thirds), twice (every packet), snap (with a short snap
// length), gap (with packets missing) or port (on port 27100).
func pack(ts *testscript.TestScript, _ bool, args []string) {
	b, err := plainCapture(args[1])
	ts.Check(err)
	switch args[0] {
	case "zstd":
		e, err := zstd.NewWriter(nil)
		ts.Check(err)
		b = e.EncodeAll(b, nil)
	case "part":
		b = b[:2*len(b)/3]
	case "snap":
		b = packets(b, func(i int, p []byte) []byte { return p[:min(len(p), 160)] })
	case "gap": // a packet of 30 that carry bytes is missing
		full := 0
		b = packets(b, func(i int, p []byte) []byte {
			if len(p) > 100 {
				if full++; full%30 == 0 {
					return nil
				}
			}
			return p
		})
	case "twice": // every packet
		out := b[:24:24]
		packets(b, func(i int, p []byte) []byte {
			at := cap(b) - cap(p) - 16
			out = append(append(out, b[at:at+16+len(p)]...), b[at:at+16+len(p)]...)
			return p
		})
		b = out
	case "port":
		b = bytes.ReplaceAll(b, []byte{0x69, 0x89}, []byte{0x69, 0xDC})
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), b, 0o666))
}

// packets changes the packets of a pcap file of this byte order, or, where change returns nil, leaves them out.
func packets(b []byte, change func(i int, p []byte) []byte) []byte {
	out := slices.Clone(b[:24])
	for i, at := 0, 24; at < len(b); i++ {
		n := int(binary.LittleEndian.Uint32(b[at+8:]))
		if p := change(i, b[at+16:at+16+n]); p != nil {
			out = append(out, b[at:at+8]...)
			out = binary.LittleEndian.AppendUint32(out, uint32(len(p)))
			out = append(append(out, b[at+12:at+16]...), p...)
		}
		at += 16 + n
	}
	return out
}

// unhex FROM TO writes the bytes that a file of hexadecimal text means.
func unhex(ts *testscript.TestScript, _ bool, args []string) {
	b, err := parseHex(ts.ReadFile(args[0]))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), b, 0o666))
}

func plainCapture(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// several are captures of clients, servers and options of many kinds.
func several(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob(captures + "/*.pcap.gz")
	if err != nil || len(names) < 10 {
		t.Fatalf("%d captures, %v", len(names), err)
	}
	return names
}

func dbtap(t *testing.T, env []string, args ...string) []byte {
	t.Helper()
	c := exec.Command("dbtap", args...)
	c.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("dbtap %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return out
}

// TestCores: the same bytes, however many processors there are.
func TestCores(t *testing.T) {
	files := several(t)
	for _, args := range [][]string{
		{"read", "-o", "json", "--values"},
		{"read"},
		{"read", "-o", "csv", "-f", "mongodb.opCode == OP_COMPRESSED || latency > 1ms"},
		{"tree", "-f", "status != ok"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			want := dbtap(t, []string{"GOMAXPROCS=1"}, append(args, files...)...)
			if bytes.Count(want, []byte("\n")) < 100 {
				t.Fatalf("too little to compare: %s", want)
			}
			for _, cores := range []string{"2", "4"} {
				if got := dbtap(t, []string{"GOMAXPROCS=" + cores}, append(args, files...)...); !bytes.Equal(got, want) {
					t.Errorf("%s processors: %s", cores, cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")))
				}
			}
		})
	}
}

// TestJSON: every line is an object that has the columns it must have, and no others, in their kinds.
func TestJSON(t *testing.T) {
	rows := 0
	for _, values := range []string{"--values=false", "--values"} {
		for line := range bytes.Lines(dbtap(t, nil, append([]string{"read", "-o", "json", values}, several(t)...)...)) {
			rows++
			var row map[string]any
			if err := json.Unmarshal(line, &row); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			for _, c := range record.Columns {
				if _, ok := row[c.Name]; !ok && c.Always {
					t.Errorf("no %s: %s", c.Name, line)
				}
			}
			for name, value := range row {
				c, ok := record.ByName(name)
				if !ok {
					t.Errorf("unknown key %s: %s", name, line)
				}
				switch kind := record.Columns[c].Kind; kind {
				case record.Duration, record.Count, record.Size:
					_, ok = value.(float64)
				case record.List:
					_, ok = value.([]any)
				case record.Object:
					_, ok = value.(map[string]any)
				case record.Instant:
					ok = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$`).MatchString(value.(string))
				case record.Hash:
					ok = regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString(value.(string))
				default:
					_, ok = value.(string)
				}
				if !ok {
					t.Errorf("%s is %v: %s", name, value, line)
				}
			}
		}
	}
	if rows < 1000 {
		t.Errorf("%d rows", rows)
	}
}

// TestExamples runs every example in the help of every command. Its files are small ones of these names.
func TestExamples(t *testing.T) {
	dir := t.TempDir()
	capture, err := plainCapture("demo.pcap.gz")
	if err != nil {
		t.Fatal(err)
	}
	message, err := parseHex(ping)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"capture.pcap": capture, "monday.pcap.gz": demoCapture, "tuesday.pcap.gz": demoCapture, "message.bin": message} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	// Programs of other people that examples use, and that are not everywhere.
	for name, script := range map[string]string{"tcpdump": "cat capture.pcap", "xxd": `od -An -v -tx1 "$1"`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	seen := 0
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		for line := range strings.Lines(strings.ReplaceAll(c.Example, "\\\n", "")) {
			seen++
			line = strings.TrimSpace(line)
			t.Run(line, func(t *testing.T) {
				inShell(t, dir, line)
			})
		}
		if c.Example == "" && c.Runnable() && c.Name() != "help" && !strings.Contains(c.CommandPath(), "completion") {
			t.Errorf("%s has no example", c.Name())
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(newRoot())
	if seen < 10 {
		t.Errorf("only %d examples", seen)
	}
}

// inShell runs a line as a user would, in dir, where programs of other people lie that are not everywhere, and returns what it prints.
func inShell(t *testing.T, dir, line string) string {
	sh := exec.Command("sh", "-c", line)
	sh.Dir = dir
	sh.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
	var stderr bytes.Buffer
	sh.Stderr = &stderr
	out, err := sh.Output()
	if err != nil || len(out) == 0 && !strings.Contains(line, "--write") {
		t.Fatalf("%v\n%s%s", err, out, stderr.Bytes())
	}
	if strings.Contains(stderr.String(), "dbtap:") && !strings.Contains(line, "--write") {
		t.Errorf("it complains: %s", stderr.Bytes())
	}
	return string(out)
}

// TestReadme runs the examples of README.md and looks for the rows it shows.
func TestReadme(t *testing.T) {
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, script := range map[string]string{"tcpdump": "cat shop.pcap", "build/dbtap": `exec dbtap "$@"`} {
		name = filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o777), os.WriteFile(name, []byte("#!/bin/sh\n"+script+"\n"), 0o777)); err != nil {
			t.Fatal(err)
		}
	}
	var table bytes.Buffer
	files, _, err := (&reading{want: output.TableWant(nil)}).files([]string{"demo.pcap.gz"})
	if err != nil {
		t.Fatal(err)
	}
	w := output.NewTable(&table, output.TableOptions{Width: 120})
	files.Row = w.Row
	if _, err := files.Run(t.Context()); err != nil || w.Flush() != nil {
		t.Fatal(err)
	}
	commands, rows := 0, 0
	for line := range strings.Lines(string(page)) {
		line, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "    ")
		switch {
		case !ok:
		case strings.HasPrefix(line, "dbtap ") || strings.HasPrefix(line, "build/dbtap ") || strings.Contains(line, "| dbtap "):
			commands++
			t.Run(line, func(t *testing.T) {
				if strings.Contains(line, "| jq ") {
					l7test.Need(t, "jq")
				}
				inShell(t, dir, line)
			})
		case regexp.MustCompile(`^(TIME|\d\d:\d\d:\d\d\.\d{3}) `).MatchString(line):
			if rows++; !strings.Contains(table.String(), line+"\n") {
				t.Errorf("no row is\n%s", line)
			}
		}
	}
	if commands < 15 || rows < 5 {
		t.Errorf("%d commands, %d rows", commands, rows)
	}
}

// TestRecipes runs the examples of docs/recipes.md on captures that have what they look for.
func TestRecipes(t *testing.T) {
	page, err := os.ReadFile("../../docs/recipes.md")
	if err != nil {
		t.Fatal(err)
	}
	var capture []byte
	for _, name := range []string{"mongodb/testdata/demo", "mysql/testdata/demo", "postgresql/testdata/demo", "mysql/testdata/cancel-mariadb", "postgresql/testdata/cancel",
		"mysql/testdata/locks-mysql"} {
		b, err := plainCapture("../../internal/protocol/" + name + ".pcap.gz")
		if err != nil {
			t.Fatal(err)
		}
		if len(capture) > 0 && !bytes.Equal(b[20:24], capture[20:24]) {
			t.Fatalf("%s has other packets", name)
		}
		capture = append(capture, b[min(len(capture), 24):]...)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "capture.pcap"), capture, 0o666); err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(page), "```")
	if len(blocks) < 12 {
		t.Errorf("%d blocks", len(blocks)/2)
	}
	for i := 1; i < len(blocks); i += 2 {
		for command := range strings.SplitSeq(strings.TrimPrefix(blocks[i], "sh\n"), "\ndbtap ") {
			command = "dbtap " + strings.TrimPrefix(command, "dbtap ")
			t.Run(strings.Fields(command)[1], func(t *testing.T) {
				out := inShell(t, dir, command)
				if strings.Contains(command, "awk") && (!strings.Contains(out, ": idle in its transaction for 1.") || !strings.Contains(out, ": a transaction of 1.")) {
					t.Errorf("%s", out)
				}
			})
		}
	}
}

// TestTopics: what help prints of filters and columns is what the tables say.
func TestTopics(t *testing.T) {
	for _, topic := range []string{"filter", "columns"} {
		out := strings.Join(strings.Fields(string(dbtap(t, nil, "help", topic))), " ")
		for _, c := range record.Columns {
			if !strings.Contains(out, c.Name) || topic == "columns" && !strings.Contains(out, c.Doc) {
				t.Errorf("help %s: no %s", topic, c.Name)
			}
		}
	}
}

// TestWidth: no help is wider than a terminal of 80 columns.
func TestWidth(t *testing.T) {
	check := func(name, text string) {
		for line := range strings.Lines(text) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > textWidth && !strings.Contains(line, "://") {
				t.Errorf("%s: %d columns: %s", name, n, line)
			}
		}
	}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		c.InitDefaultHelpFlag()
		if !strings.Contains(c.CommandPath(), "completion") { // the library's own
			check(c.CommandPath(), helpText(c, textWidth))
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(newRoot())
	for _, p := range all.Protocols() {
		check(p.Name, render(protocolPage(p), textWidth))
	}
	check("demo", demoIntro+demoSlowest+demoNext)
	check("dbtap", rootStart)
}

func TestRender(t *testing.T) {
	in := "# A title\n\nwords of\na paragraph that is long\n- one item\n  of a list\n- two\n```text\nsome  code that is long\n```\n\n| a | b |\n|---|---|\n| long | in two lines |\n  as it is, however long\n"
	want := `A TITLE

words of a
paragraph that is
long
- one item of a
  list
- two
    some  code that is long

  a     b
  long  in two
        lines
  as it is, however long
`
	if got := render(in, 18); got != want {
		t.Errorf("%s", cmp.Diff(want, got))
	}
	in, want = "| one two three four | b | c d e f |\n| a | b | c |\n", "  one    b  c d e f\n  two\n  three\n  four\n  a      b  c\n"
	if got := render(in, 19); got != want {
		t.Errorf("%s", cmp.Diff(want, got))
	}
}

// TestGuide runs every example of help filter: those of the demo choose something there, the others nothing.
func TestGuide(t *testing.T) {
	const name = "demo.pcap.gz"
	block, seen := "", 0
	for line := range strings.Lines(filter.Help()) {
		line = strings.TrimRight(line, "\n")
		fence, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && block == "":
			block = "in" + fence
		case isFence:
			block = ""
		case block == "in" || block == "infilter":
			seen++
			rows := len(choose(t, name, line))
			if block == "in" && rows == 0 || block != "in" && rows > 0 {
				t.Errorf("%s chooses %d rows of the demo", line, rows)
			}
		}
	}
	if seen < 20 {
		t.Errorf("%d examples", seen)
	}
	if out := dbtap(t, nil, "read", "-f", "mongodb.updates.document.u.$set.status == paid", name); bytes.Count(out, []byte("\n")) < 2 {
		t.Errorf("%s", out)
	}
}

// choose returns the rows of a capture, as JSON, that a filter chooses; all for none.
func choose(t *testing.T, name, expr string) (rows []string) {
	t.Helper()
	o := reading{filter: expr, want: ^uint64(0)}
	files, _, err := o.files([]string{name})
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	files.Row = func(r *record.Record) error {
		rows = append(rows, string(output.AppendJSON(nil, r)))
		return nil
	}
	if _, err := files.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestEveryValue: a row that shows a value in a column is one that == finds by it, and no other is found.
func TestEveryValue(t *testing.T) {
	for _, name := range []string{"mongodb/testdata/errors", "mongodb/testdata/auth", "mongodb/testdata/exhaust", "mongodb/testdata/checksum", "mysql/testdata/cli-mysql",
		"mysql/testdata/cancel-mariadb", "postgresql/testdata/errors", "postgresql/testdata/cancel", "../../cmd/dbtap/demo"} {
		name = "../../internal/protocol/" + name + ".pcap.gz"
		byTest := map[string][]string{}
		for _, line := range choose(t, name, "") {
			d := json.NewDecoder(strings.NewReader(line))
			d.UseNumber()
			row := map[string]any{}
			if err := d.Decode(&row); err != nil {
				t.Fatal(err)
			}
			for column, v := range row {
				c, _ := record.ByName(column)
				expr := fmt.Sprintf("%s == %v", column, v)
				switch record.Columns[c].Kind {
				case record.Duration:
					expr += "ns"
				case record.Text:
					expr = fmt.Sprintf("%s == %s", column, strconv.Quote(v.(string)))
				case record.List, record.Object:
					continue
				}
				byTest[expr] = append(byTest[expr], line)
			}
		}
		if len(byTest) < 50 {
			t.Errorf("%s: %d values", name, len(byTest))
		}
		for expr, want := range byTest {
			if got := choose(t, name, expr); !slices.Equal(got, want) {
				t.Errorf("%s: %s: %d rows, want %d", name, expr, len(got), len(want))
			}
		}
	}
}

// TestTableColumns: the columns that a table asks for are enough for it.
func TestTableColumns(t *testing.T) {
	want := dbtap(t, nil, append([]string{"read", "-f", "packet >= 1 || fingerprint || app || user || rtt"}, several(t)...)...)
	if got := dbtap(t, nil, append([]string{"read"}, several(t)...)...); !bytes.Equal(got, want) {
		t.Error("the table differs when more columns are made")
	}
}

func TestDemoCapture(t *testing.T) {
	got, err := plainCapture("demo.pcap.gz")
	if err != nil {
		t.Fatal(err)
	}
	var want []byte
	for _, p := range all.Protocols() {
		b, err := plainCapture("../../internal/protocol/" + p.Name + "/testdata/demo.pcap.gz")
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, b[min(len(want), 24):]...)
	}
	if !bytes.Equal(got, want) {
		t.Error("demo.pcap.gz is not what testdata has: run go generate ./cmd/dbtap")
	}
}

// TestClosedPipe: a reader that goes away, such as head, is no failure.
func TestClosedPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command("dbtap", append([]string{"tree"}, several(t)...)...)
	var stderr bytes.Buffer
	c.Stdout, c.Stderr = w, &stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	r.Close()
	if err := c.Wait(); err != nil || stderr.Len() > 0 {
		t.Errorf("%v: %s", err, &stderr)
	}
}

// TestInterrupt: Ctrl-C ends a reading, also of a pipe in which nothing comes, and what was read has been printed.
func TestInterrupt(t *testing.T) {
	b, err := plainCapture(captures + "/crud.pcap.gz")
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command("dbtap", "read", "--stats", "-o", "json", "-")
	stdin, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	c.Stderr = &stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := stdin.Write(b); err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 1)
	if _, err := io.ReadFull(stdout, first); err != nil { // rows come although the pipe is open
		t.Fatal(err)
	}
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(stdout)
	if err != nil {
		t.Fatal(err)
	}
	err = c.Wait()
	if c.ProcessState.ExitCode() != exitInterrupted {
		t.Errorf("%v, %s", err, &stderr)
	}
	if got := strings.Count(string(rest), "\n"); got < 10 || !strings.HasSuffix(string(rest), "}\n") {
		t.Errorf("%d rows, the end is %q", got, rest[max(0, len(rest)-20):])
	}
	if want := "dbtap: interrupted; what was read until then was printed\n"; !strings.HasSuffix(stderr.String(), want) {
		t.Errorf("it says %q", &stderr)
	}
	if !regexp.MustCompile(`(?s)^files: 1\npackets: \d+\n.*\nexchanges: [1-9]`).MatchString(stderr.String()) {
		t.Errorf("the counts are %q", &stderr)
	}
}

// TestMemory: every capture, read in every way, takes less than 100 MB.
func TestMemory(t *testing.T) {
	for _, args := range [][]string{{"read"}, {"read", "-o", "json", "-f", "mongodb.body.ok == 1"}, {"tree", "--values"}} {
		c := exec.Command("dbtap", append(append(args, "--stats"), several(t)...)...)
		var stats bytes.Buffer
		c.Stdout, c.Stderr = io.Discard, &stats
		if err := c.Run(); err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(`(?m)^peak memory: ([0-9.]+) MB$`).FindStringSubmatch(stats.String())
		if m == nil {
			t.Fatalf("no peak memory: %s", &stats)
		}
		if peak, err := strconv.ParseFloat(m[1], 64); err != nil || peak >= 100 {
			t.Errorf("%v: %s MB", args, m[1])
		}
	}
}

// TestSecrets: passwords and the proofs of logins are in no output, whatever is asked for: not as they are, in base64, or in
// hexadecimal.
func TestSecrets(t *testing.T) {
	var secrets []string
	for _, s := range []string{"pencil-7391", "eraser-2846"} {
		spaced := fmt.Sprintf("% x", s[:8]) // as a line of a tree shows bytes
		secrets = append(secrets, s, spaced, hex.EncodeToString([]byte(s)))
		for shift := range 3 { // base64 of the text after 0, 1, 2 other bytes, without the digits that depend on them
			b := base64.StdEncoding.EncodeToString([]byte("\x00\x00"[:shift] + s))
			secrets = append(secrets, b[(8*shift+5)/6:len(b)-4])
		}
	}
	secrets = append(secrets, ",p=", "p=bi", base64.StdEncoding.EncodeToString([]byte(",p="))) // a proof of SCRAM
	for _, args := range [][]string{{"read"}, {"read", "-o", "json"}, {"read", "-o", "csv"}, {"tree", "--all"}, {"read", "-o", "tree"}} {
		out := string(dbtap(t, nil, append(append(args, "--values"), several(t)...)...))
		for _, s := range secrets {
			if at := strings.Index(out, s); at >= 0 {
				t.Errorf("%v: %q is in %q", args, s, out[max(0, at-100):min(len(out), at+100)])
			}
		}
	}
}

// ping is {ping: 1} as a driver sends it: header, flags, one section of kind 0.
const ping = "24000000 01000000 00000000 dd070000 00000000 00 0f000000 10 70696e6700 01000000 00"

func TestHex(t *testing.T) {
	want, err := parseHex("24000000010000000000 0000dd0700000000000000 0f0000001070696e67000100000000")
	if err != nil || len(want) != 36 {
		t.Fatalf("% x, %v", want, err)
	}
	for name, text := range map[string]string{
		"groups": ping,
		"colons": "24:00:00:00:01:00:00:00:00:00:00:00:dd:07:00:00:00:00:00:00:00:0f:00:00:00:10:70:69:6e:67:00:01:00:00:00:00",
		"C":      "{0x24, 0x0, 0x00, 0x00, 0x01, 0, 0, 0, 0, 0, 0, 0, 0xDD, 7, 0, 0, 0, 0, 0, 0, 0,\n 0x0f, 0, 0, 0, 0x10, 0x70, 0x69, 0x6e, 0x67, 0, 1, 0, 0, 0, 0}",
		"string": `"\x24\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\xdd\x07\x00\x00\x00\x00\x00\x00\x00\x0f\x00\x00\x00\x10\x70\x69\x6e\x67\x00\x01\x00\x00\x00\x00"`,
		"xxd": "00000000: 2400 0000 0100 0000 0000 0000 dd07 0000  $...............\n" +
			"00000010: 0000 0000 000f 0000 0010 7069 6e67 0001  ..........ping..\n" +
			"00000020: 0000 0000                                ....\n",
		"xxd -g1": "00000000: 24 00 00 00 01 00 00 00 00 00 00 00 dd 07 00 00  $...............\n" +
			"00000010: 00 00 00 00 00 0f 00 00 00 10 70 69 6e 67 00 01  ..........ping..\n" +
			"00000020: 00 00 00 00                                      ....\n",
		"hexdump -C": "00000000  24 00 00 00 01 00 00 00  00 00 00 00 dd 07 00 00  |$...............|\n" +
			"00000010  00 00 00 00 00 0f 00 00  00 10 70 69 6e 67 00 01  |..........ping..|\n" +
			"00000020  00 00 00 00                                       |....|\n00000024\n",
		"od": "0000000 24 00 00 00 01 00 00 00 00 00 00 00 dd 07 00 00\n" +
			"0000020 00 00 00 00 00 0f 00 00 00 10 70 69 6e 67 00 01\n0000040 00 00 00 00\n0000044\n",
		"tcpdump": "\t0x0000:  2400 0000 0100 0000 0000 0000 dd07 0000  $...............\n" +
			"\t0x0010:  0000 0000 000f 0000 0010 7069 6e67 0001  ..........ping..\n\t0x0020:  0000 0000                                ....\n",
		"wireshark": "0000   24 00 00 00 01 00 00 00 00 00 00 00 dd 07 00 00   $...............\n" +
			"0010   00 00 00 00 00 0f 00 00 00 10 70 69 6e 67 00 01   ..........ping..\n0020   00 00 00 00                                       ....\n",
		"text like digits": "00000000: 2400 0000 0100 0000 0000 0000 dd07 0000  24 ab cdef\n" +
			"00000010: 0000 0000 000f 0000 0010 7069 6e67 0001  abcd efab\n00000020: 0000 0000                                00 a\n",
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := parseHex(text); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%v: % x", err, got)
			}
		})
	}
	for text, want := range map[string]string{
		"240":                           `"240" has an odd number of digits`,
		"24 zz":                         `"zz" is not hexadecimal`,
		"24\n00 é0 00":                  `line 2: "é0" has an odd number of digits`,
		"00000000: 24\n*\n00000020: 00": "line 2: * stands for lines that were left out; dump all of them (hexdump -v, od -v)",
		"0000000 0024 0000":             "words of two bytes in the machine's own order; use hexdump -C or xxd",
	} {
		if got, err := parseHex(text); err == nil || err.Error() != want {
			t.Errorf("%q: % x, %v", text, got, err)
		}
	}
}

// TestBar: the line says what is known.
func TestBar(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 2_500_000: "2.5 MB", 7e9: "7.0 GB"} {
		if got := bytesText(n); got != want {
			t.Errorf("%d is %s", n, got)
		}
	}
	for width, want := range map[int]string{
		99: "[==========          ]  50 % of 1.0 GB, 50.0 MB a second", 56: "[==========          ]  50 % of 1.0 GB, 50.0 MB a second",
		55: "[==========          ]  50 % of 1.0 GB", 39: "[==========          ]  50 % of 1.0 GB", 30: " 50 % of 1.0 GB", 10: "",
	} {
		if got := barText(5e8, 1e9, 10*time.Second, width); got != want {
			t.Errorf("%d cells: %q", width, got)
		}
	}
	if got := barText(5e8, 0, 10*time.Second, 39); got != "500.0 MB, 50.0 MB a second" {
		t.Errorf("of unknown size: %q", got)
	}
	b := &bar{began: time.Now()}
	b.draw() // no terminal, too early: nothing
	if b.visible {
		t.Error("a bar without a terminal")
	}
}

func TestUnidentified(t *testing.T) {
	var titles []string
	for _, p := range all.Protocols() {
		titles = append(titles, p.Title)
	}
	known := strings.Join(titles, ", ")
	for _, c := range []struct {
		all, encrypted map[uint16]int64
		want           string
	}{
		{map[uint16]int64{27017: 2}, map[uint16]int64{27017: 2}, "2 of 2 connections on port 27017 are encrypted (TLS)"},
		{map[uint16]int64{27017: 1}, map[uint16]int64{27017: 1}, "1 of 1 connection on port 27017 is encrypted (TLS)"},
		{map[uint16]int64{3306: 1}, nil, "none of the protocols looked for (" + known + ") was found on port 3306 (1 connection); see --decode-as"},
		{map[uint16]int64{443: 3, 3306: 1}, map[uint16]int64{443: 2},
			"2 of 3 connections on port 443 are encrypted (TLS); none of the protocols looked for (" + known + ") was found on port 443 (1 connection), port 3306 (1 connection); see --decode-as"},
	} {
		if got := unidentified(c.all, c.encrypted, all.Protocols()); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}

func TestPorts(t *testing.T) {
	n := map[uint16]int64{}
	for port := range uint16(7) {
		n[port+1] = 1
	}
	n[443] = 3
	want := "port 443 (3 connections), port 1 (1 connection), port 2 (1 connection), port 3 (1 connection), port 4 (1 connection), 3 other ports"
	if got := ports(n); got != want {
		t.Error(got)
	}
}
