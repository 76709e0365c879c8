// Command bench measures what `make bench` prints: packets, bytes and exchanges for each second of processor time,
// allocations and peak memory, on captures replicated from the testdata with a client address for each copy.
//
// Each run is a process of its own, so that its memory and processor time are its own; the best of several is shown,
// for other work on the machine only ever makes a run slower.
package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/dbtap/dbtap/internal/agent"
	"github.com/dbtap/dbtap/internal/capture"
	"github.com/dbtap/dbtap/internal/capture/pcapfile"
	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/output"
	"github.com/dbtap/dbtap/internal/protocol/all"
	"github.com/dbtap/dbtap/internal/record"
)

// inputs are the captures that are replicated.
var inputs = []struct {
	name       string // the protocol's, and what is in it
	capture    string // of the protocol's testdata
	concurrent int    // replicas that are under way at the same time: connections of a busy server come interleaved
}{
	{"mongodb OP_MSG", "mixed", 64},
	{"mongodb snappy", "mixed-snappy", 64},
	{"mongodb zstd", "mixed-zstd", 64},
	{"mongodb legacy", "mixed-legacy", 64},
	{"mongodb large answers", "big", 8},
	{"mysql text", "mixed-mysql", 64},
	{"mysql prepared", "mixed-prepared-mysql", 64},
	{"mysql small rows", "rows-many", 8},
	{"mysql large rows", "rows-large-mysql", 8},
	{"postgresql simple", "mixed-simple", 64},
	{"postgresql extended", "mixed-extended", 64},
	{"postgresql prepared", "mixed-prepared", 64},
	{"postgresql small rows", "rows-small-text", 8},
	{"postgresql large rows", "rows-large-text", 8},
}

// tsharks is what tshark calls each protocol, and the fields of it that are asked for.
var tsharks = map[string][]string{
	"mongodb":    {"mongo", "mongo.request_id", "mongo.response_to", "mongo.opcode", "mongo.element.name"},
	"mysql":      {"mysql", "mysql.command", "mysql.query", "mysql.affected_rows", "mysql.error_code"},
	"postgresql": {"pgsql", "pgsql.type", "pgsql.query", "pgsql.tag", "pgsql.code"},
}

var (
	megabytes = flag.Int("mb", 256, "size of each capture, in MB")
	runs      = flag.Int("runs", 5, "runs of each, of which the best counts")
	only      = flag.String("only", "", "only inputs whose name contains this")
	profile   = flag.String("cpuprofile", "", "write a profile of the processor here (one run of each)")
	one       = flag.String("one", "", "for the program's own use: MODE:FILE")
	tshark    = flag.Bool("tshark", true, "measure tshark too, where it is installed")
	keep      = flag.Bool("keep", false, "leave the captures there")
	dir       = flag.String("dir", filepath.Join(os.TempDir(), "dbtap-bench"), "where the captures are written")
)

// result is what one run measured.
type result struct {
	CPU, Wall           float64 // seconds
	Packets, Bytes      int64
	Messages, Exchanges int64
	Rows                int64   // that servers returned
	Cold                float64 // share of the exchanges before allocations were counted
	Allocations, Memory uint64  // objects; peak resident bytes
}

func main() {
	log.SetFlags(0)
	flag.Parse()
	if *one != "" {
		mode, file, _ := strings.Cut(*one, ":")
		if err := json.NewEncoder(os.Stdout).Encode(run(mode, file)); err != nil {
			log.Fatal(err)
		}
		return
	}
	if err := os.MkdirAll(*dir, 0o755); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%-24s %-8s %5s %9s %9s %9s %9s %8s %8s %8s %8s\n", "input", "output", "cores", "MB/s", "packets/s", "exch/s", "us/exch", "B/exch", "ns/row", "peak MB", "alloc/k")
	for _, in := range inputs {
		if !strings.Contains(in.name, *only) {
			continue
		}
		file := filepath.Join(*dir, strings.ReplaceAll(in.name, " ", "-")+".pcap")
		protocol, _, _ := strings.Cut(in.name, " ")
		port, err := replicate("internal/protocol/"+protocol+"/testdata/"+in.capture+".pcap.gz", file, int64(*megabytes)*1e6, in.concurrent)
		if err != nil {
			log.Fatal(err)
		}
		var single float64
		for _, c := range []struct {
			mode  string
			cores int
		}{{"stats", 1}, {"records", 1}, {"json", 1}, {"records", 2}} {
			best := measure(c.mode, file, c.cores)
			fmt.Printf("%-24s %-8s %5d %9.0f %9.0f %9.0f %9.3f %8d %8.0f %8d %8.2f", in.name, c.mode, c.cores, float64(best.Bytes)/1e6/best.CPU, float64(best.Packets)/best.CPU,
				float64(best.Exchanges)/best.CPU, best.CPU*1e6/float64(best.Exchanges), best.Bytes/best.Exchanges, best.CPU*1e9/float64(max(best.Rows, 1)), best.Memory>>20,
				float64(best.Allocations)*1000/float64(best.Messages)/(1-best.Cold))
			if c.mode == "records" && c.cores == 1 {
				single = best.Wall
			}
			if c.cores == 2 {
				fmt.Printf("  %.2f times one core (wall)", single/best.Wall)
			}
			fmt.Println()
		}
		if *tshark {
			compare(in.name, file, port, tsharks[protocol])
		}
		if !*keep {
			os.Remove(file)
		}
	}
}

// measure returns the run that took the least processor time.
func measure(mode, file string, cores int) (best result) {
	for range *runs {
		cmd := exec.Command(os.Args[0], "-one", mode+":"+file)
		cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(cores))
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			log.Fatal(err)
		}
		var r result
		if err := json.Unmarshal(out, &r); err != nil {
			log.Fatal(err)
		}
		if best.CPU == 0 || cores == 1 && r.CPU < best.CPU || cores > 1 && r.Wall < best.Wall {
			best = r
		}
	}
	return best
}

// run reads file once in this process.
func run(mode, file string) (r result) {
	f := agent.Files{Names: []string{file}, L7: l7.Config{Protocols: all.Protocols()}}
	var rows, returned int64
	var warm runtime.MemStats // after half of the file, when every pool has its size
	var half atomic.Bool
	var warmRows int64
	f.Progress = func(done, size int64) { half.Store(done > size/2) }
	count := func(row *record.Record) {
		returned += row.Num(record.Rows)
		if rows++; warmRows == 0 && half.Load() {
			warmRows = rows
			runtime.ReadMemStats(&warm)
		}
	}
	f.Row = func(r *record.Record) error { count(r); return nil }
	switch mode {
	case "stats": // decode, pairing and counts
	case "records": // every column made
		f.L7.Want = ^uint64(0)
	case "json":
		f.L7.Want = ^uint64(0)
		w := output.NewJSON(io.Discard)
		defer w.Flush()
		f.Row = func(r *record.Record) error { count(r); return w.Row(r) }
	}
	stop := profiling()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu, wall := cpuTime(), time.Now()
	stats, err := f.Run(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	r.CPU, r.Wall = (cpuTime() - cpu).Seconds(), time.Since(wall).Seconds()
	runtime.ReadMemStats(&after)
	stop()
	r.Packets, r.Bytes, r.Messages, r.Exchanges, r.Rows = stats.Packets, stats.Bytes, stats.L7.Messages, rows, returned
	r.Allocations = after.Mallocs - warm.Mallocs
	r.Cold = float64(warmRows) / float64(rows)
	r.Memory = peak()
	return r
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func peak() uint64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return uint64(u.Maxrss) << 10
}

// compare measures tshark on the same file, once: it takes long.
func compare(name, file string, port uint16, fields []string) {
	path, err := exec.LookPath("tshark")
	if err != nil {
		fmt.Printf("%-24s tshark is not installed\n", name)
		return
	}
	cmd := exec.Command(path, "-r", file, "-d", fmt.Sprintf("tcp.port==%d,%s", port, fields[0]), "-Y", fields[0], "-T", "fields", "-e", "frame.time_epoch")
	for _, f := range fields[1:] {
		cmd.Args = append(cmd.Args, "-e", f)
	}
	if err := cmd.Run(); err != nil {
		fmt.Printf("%-24s tshark: %v\n", name, err)
		return
	}
	st, _ := os.Stat(file)
	u := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	cpu := (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	fmt.Printf("%-24s %-8s %5d %9.0f %39s %8s %8s %8d\n", name, "tshark", 1, float64(st.Size())/1e6/cpu, "", "", "", u.Maxrss>>10)
}

// replicate writes copies of the capture src to dst until it has size bytes, each with clients of its own, so many at the
// same time. It returns the server's port: the lower one.
func replicate(src, dst string, size int64, concurrent int) (port uint16, err error) {
	r, err := pcapfile.Open(src)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	var b capture.Batch
	var packets []capture.Packet
	for {
		if err := r.Read(&b); err == io.EOF {
			break
		} else if err != nil {
			return 0, err
		}
		for _, p := range b.Packets {
			p.Data = append([]byte(nil), p.Data...)
			if len(p.Data) < transport+4 {
				return 0, errPlain
			}
			packets = append(packets, p)
		}
	}
	at := packets[0].Data[transport:]
	port = min(binary.BigEndian.Uint16(at), binary.BigEndian.Uint16(at[2:]))
	f, err := os.Create(dst)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	le := binary.LittleEndian
	head := make([]byte, 24)
	le.PutUint32(head, 0xA1B23C4D) // nanoseconds
	le.PutUint16(head[4:], 2)
	le.PutUint16(head[6:], 4)
	le.PutUint32(head[16:], 262144)
	le.PutUint32(head[20:], uint32(packets[0].Link))
	var out []byte
	out = append(out, head...)
	var written int64
	for round := 0; written < size; round++ {
		for i := range packets {
			for k := range concurrent {
				if out, err = appendCopy(out, &packets[i], port, round, round*concurrent+k); err != nil {
					return 0, err
				}
			}
			if len(out) > 1<<20 {
				n, err := f.Write(out)
				if err != nil {
					return 0, err
				}
				written += int64(n)
				out = out[:0]
			}
		}
	}
	_, err = f.Write(out)
	return port, err
}

// Where the headers of a packet lie: Ethernet, then plain IPv4.
const (
	ip        = 14
	transport = ip + 20
)

var errPlain = errors.New("bench: not Ethernet with plain IPv4")

// appendCopy appends packet p as copy id, of a round: the client's address (the end that has not the server's port) is its own.
func appendCopy(out []byte, p *capture.Packet, port uint16, round, id int) ([]byte, error) {
	le := binary.LittleEndian
	at := p.Time - p.Time%1e9 + int64(round)*60e9 + p.Time%1e9 + int64(id)*997
	var h [16]byte
	le.PutUint32(h[:], uint32(at/1e9))
	le.PutUint32(h[4:], uint32(at%1e9))
	le.PutUint32(h[8:], uint32(len(p.Data)))
	le.PutUint32(h[12:], uint32(p.Length))
	out = append(out, h[:]...)
	n := len(out)
	out = append(out, p.Data...)
	d := out[n:]
	if p.Link != capture.LinkEthernet || d[ip] != 0x45 {
		return out, errPlain
	}
	client := d[ip+12 : ip+16]
	if binary.BigEndian.Uint16(d[transport:]) == port {
		client = d[ip+16 : ip+20]
	}
	copy(client, []byte{10, byte(id >> 16), byte(id >> 8), byte(id)})
	return out, nil
}

func profiling() (stop func()) {
	if *profile == "" {
		return func() {}
	}
	return startProfile(*profile)
}
