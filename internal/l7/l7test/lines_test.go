package l7test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/packet"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/stream"
)

// TestLines holds a protocol that nobody speaks to what every protocol promises. That is all there is to do for one.
func TestLines(t *testing.T) {
	if *update {
		write(t, "talk", talk(1), talk(2))
		write(t, "long", long())
		write(t, "mixed", mixed(1), mixed(2))
		write(t, "scrambled", scrambled())
	}
	Run(t, Lines(l7.ByID), Options{
		Inherited:  []record.Col{record.User},
		LossExcept: map[string]Exception{"scrambled": {Most: 16, Why: "where lines lie in what was scrambled is not known"}},
		LateExcept: map[string]Exception{"scrambled": {Most: 19, Why: "without the line that scrambles the rest cannot be read"}},
		Resize: func(b []byte) {
			if len(b) >= 8 {
				copy(b[2:], fmt.Sprintf("%06d", len(b)))
			}
		},
		Secrets: map[string][]byte{"the password": []byte("open-sesame-4711")},
		Mixed:   []string{"mixed"},
	})
}

// talk has a line of every kind.
func talk(n int) *Talk {
	t := NewTalk()
	t.Flow.A = at(n)
	t.Client(1, "LOGN", "ann open-sesame-4711").Server(1, "DONE", "welcome")
	t.Client(2, "GET", "one").Server(2, "DONE", "1")
	t.Client(3, "LIST", "a b c").Server(3, "MORE", "a").Server(4, "MORE", "b").Server(5, "DONE", "c")
	t.Client(6, "CONT", "first").Client(6, "GET", "second").Server(6, "DONE", "both")
	t.Client(7, "PART", "x").Client(7, "PART", "y").Client(7, "GET", "z").Server(7, "DONE", "all")
	t.Client(8, "TELL", "nobody").Server(0, "CALL", "anybody there").Server(0, "VOID", "")
	t.Client(9, "GET", "nothing").Server(9, "FAIL", "404 there is no such thing")
	t.Client(10, "FLAG", "\x03").Server(10, "DONE", "noted")
	t.Client(11, "ROTT", "uryyb").Server(11, "DONE", "hello")
	t.Bytes(stream.Forward, slices.Concat(Line('>', 12, "GET", "p"), Line('>', 13, "GET", "q"), Line('>', 14, "GET", "r")))
	t.Server(13, "DONE", "q").Server(12, "DONE", "p").Server(14, "DONE", "r")
	return t
}

// long has lines over many packets.
func long() *Talk {
	t := NewTalk()
	b := Line('>', 1, "HUGE", strings.Repeat("abcdefghi ", 20000))
	copy(b[middle(len(b)):], "MIDDLE7")
	const segment = 1448
	for ; len(b) > 0; b = b[min(segment, len(b)):] {
		t.Bytes(stream.Forward, b[:min(segment, len(b))])
	}
	return t.Server(1, "DONE", "phew")
}

// mixed has many short exchanges.
func mixed(n int) *Talk {
	t := NewTalk()
	t.Flow.A = at(n)
	for i := range 300 {
		t.Client(i, "GET", fmt.Sprint("key ", i)).Server(i, "DONE", fmt.Sprint("value ", i))
	}
	return t
}

func scrambled() *Talk {
	t := NewTalk()
	t.Client(1, "SCRM", "").Server(1, "DONE", "now").Scrambled()
	return t.Client(2, "GET", "secret").Server(2, "DONE", "found").Client(3, "GET", "more").Server(3, "DONE", "found too")
}

// write makes a capture of talks: raw IP packets, with the beginning and end of each connection.
func write(t *testing.T, name string, talks ...*Talk) {
	t.Helper()
	var out bytes.Buffer
	le, be := binary.LittleEndian, binary.BigEndian
	file := le.AppendUint32(nil, 0xA1B23C4D) // nanoseconds
	file = append(file, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0)
	const linkRaw = 101
	file = le.AppendUint32(file, linkRaw)
	out.Write(file)
	type frame struct {
		at int64
		b  []byte
	}
	var frames []frame
	for _, talk := range talks {
		next := [2]uint32{1000, 5000}
		send := func(at int64, d stream.Dir, flags byte, data []byte) {
			from, to := talk.Flow.A, talk.Flow.B
			if d == stream.Backward {
				from, to = to, from
			}
			tcp := be.AppendUint16(nil, from.Port())
			tcp = be.AppendUint16(tcp, to.Port())
			tcp = be.AppendUint32(tcp, next[d])
			tcp = be.AppendUint32(tcp, next[d.Opposite()])
			tcp = append(tcp, 5<<4, flags, 0xFF, 0xFF, 0, 0, 0, 0)
			if next[d] += uint32(len(data)); flags&(packet.SYN|packet.FIN) != 0 {
				next[d]++
			}
			ip := []byte{0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0}
			be.PutUint16(ip[2:], uint16(20+len(tcp)+len(data)))
			src, dst := from.Addr().As4(), to.Addr().As4()
			ip = slices.Concat(ip, src[:], dst[:], tcp, data)
			h := le.AppendUint32(nil, uint32(at/1e9))
			h = le.AppendUint32(h, uint32(at%1e9))
			h = le.AppendUint32(h, uint32(len(ip)))
			h = le.AppendUint32(h, uint32(len(ip)))
			frames = append(frames, frame{at, append(h, ip...)})
		}
		begin := talk.Flow.Start
		send(begin, stream.Forward, packet.SYN, nil)
		send(begin+100, stream.Backward, packet.SYN|packet.ACK, nil)
		send(begin+200, stream.Forward, packet.ACK, nil)
		for _, c := range talk.Chunks {
			send(c.Time, c.Dir, packet.ACK|packet.PSH, c.Data)
		}
		send(talk.at+100, stream.Forward, packet.ACK|packet.FIN, nil)
		send(talk.at+200, stream.Backward, packet.ACK|packet.FIN, nil)
	}
	slices.SortStableFunc(frames, func(a, b frame) int { return int(a.at - b.at) })
	for _, f := range frames {
		out.Write(f.b)
	}
	var z bytes.Buffer
	w, _ := gzip.NewWriterLevel(&z, gzip.BestCompression)
	w.Write(out.Bytes())
	w.Close()
	if err := os.MkdirAll("testdata", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("testdata/"+name+".pcap.gz", z.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestShapes: a secret is found in every form, wherever it stands in what was encoded.
func TestShapes(t *testing.T) {
	secret := []byte("open-sesame-4711")
	forms := shapes(secret)
	for before := range 4 {
		for after := range 4 {
			in := slices.Concat(bytes.Repeat([]byte{'x'}, before), secret, bytes.Repeat([]byte{'y'}, after))
			for what, text := range map[string]string{
				"text": string(in), "hex": fmt.Sprintf("%x", in), "HEX": fmt.Sprintf("%X", in), "bytes": fmt.Sprintf("% x", in),
				"base64": base64.StdEncoding.EncodeToString(in), "base64url": base64.RawURLEncoding.EncodeToString(in),
			} {
				found := false
				for form, p := range forms {
					found = found || strings.HasPrefix(form, what) && strings.Contains(text, string(p))
				}
				if !found {
					t.Errorf("%d bytes before and %d behind: not found as %s in %s", before, after, what, text)
				}
			}
		}
	}
}
