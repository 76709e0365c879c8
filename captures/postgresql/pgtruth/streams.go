package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// stream is what one side of a connection sent.
type stream struct {
	bytes []byte
	parts []part // by from
}

// part says that the bytes from an offset on came in a packet, which is counted from 1 in the file.
type part struct{ from, packet int }

// packet is the one that brought the byte at an offset.
func (s *stream) packet(at int) int {
	i := sort.Search(len(s.parts), func(i int) bool { return s.parts[i].from > at })
	return s.parts[i-1].packet
}

func (s *stream) add(b []byte, packet int) {
	s.parts = append(s.parts, part{len(s.bytes), packet})
	s.bytes = append(s.bytes, b...)
}

// conn is a connection of the capture.
type conn struct {
	port   int // the client's
	client stream
	server stream
	tls    bool // the streams are what was inside, behind the bytes in the clear
}

// connections reads the connections of a capture to a server's port, in the order of their first packets. Of captures that
// lost something it makes an error.
func connections(path string, serverPort int) ([]*conn, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := pcapgo.NewReader(f)
	if err != nil {
		return nil, err
	}
	type segment struct {
		at, packet int
		payload    []byte
	}
	type flow struct {
		first    uint32 // sequence number of the first byte
		segments []segment
	}
	var conns []*conn
	flows := map[[2]int]*flow{}
	for n := 1; ; n++ {
		data, _, err := r.ReadPacketData()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		t, ok := gopacket.NewPacket(data, r.LinkType(), gopacket.NoCopy).TransportLayer().(*layers.TCP)
		if !ok {
			return nil, fmt.Errorf("packet %d is not TCP", n)
		}
		key := [2]int{int(t.SrcPort), int(t.DstPort)}
		if t.SYN {
			if flows[key] != nil && flows[key].first != t.Seq+1 {
				return nil, fmt.Errorf("packet %d: a port is used again", n)
			}
			if flows[key] == nil && key[1] == serverPort {
				conns = append(conns, &conn{port: key[0]})
			}
			if flows[key] == nil {
				flows[key] = &flow{first: t.Seq + 1}
			}
		} else if len(t.Payload) > 0 {
			fl := flows[key]
			if fl == nil {
				return nil, fmt.Errorf("packet %d: no beginning", n)
			}
			fl.segments = append(fl.segments, segment{int(t.Seq - fl.first), n, t.Payload})
		}
	}
	assemble := func(s *stream, key [2]int) error {
		fl := flows[key]
		if fl == nil {
			return nil
		}
		slices.SortStableFunc(fl.segments, func(a, b segment) int { return a.at - b.at })
		for _, g := range fl.segments {
			switch known := len(s.bytes) - g.at; {
			case known < 0:
				return fmt.Errorf("port %d: bytes are missing before packet %d", key, g.packet)
			case known < len(g.payload):
				s.add(g.payload[known:], g.packet)
			}
		}
		return nil
	}
	for _, c := range conns {
		if err := assemble(&c.client, [2]int{c.port, serverPort}); err != nil {
			return nil, err
		}
		if err := assemble(&c.server, [2]int{serverPort, c.port}); err != nil {
			return nil, err
		}
	}
	return conns, nil
}

// decrypt replaces what was under TLS by what was inside. The keys are tshark's affair.
func (c *conn) decrypt(path, keys string, serverPort int) error {
	const hello = "\x16\x03"
	clear := bytes.Index(c.client.bytes, []byte(hello))
	if clear != 0 && clear != 8 { // at once, or behind an SSLRequest
		return nil
	}
	first := "pgsql"
	if clear == 0 {
		first = "tls"
	}
	out, err := exec.Command("tshark", "-r", path, "-o", "tls.keylog_file:"+keys, "-d", fmt.Sprintf("tcp.port==%d,%s", serverPort, first), "-Q",
		"-q", "-z", fmt.Sprintf("follow,tls,yaml,127.0.0.1:%d,127.0.0.1:%d", c.port, serverPort)).Output()
	if err != nil {
		return err
	}
	client, server := stream{}, stream{}
	client.add(c.client.bytes[:clear], c.client.packet(0))
	if clear > 0 {
		server.add(c.server.bytes[:1], c.server.packet(0))
	}
	var peer, serverPeer, packet int
	var data []byte
	flush := func() {
		if len(data) > 0 {
			b := make([]byte, base64.StdEncoding.DecodedLen(len(data)))
			n, _ := base64.StdEncoding.Decode(b, data)
			if peer == serverPeer {
				server.add(b[:n], packet)
			} else {
				client.add(b[:n], packet)
			}
		}
		data = data[:0]
	}
	for line := range strings.Lines(string(out)) {
		key, value, _ := strings.Cut(strings.TrimLeft(strings.TrimSpace(line), "- "), ": ")
		switch key {
		case "packet":
			flush()
			packet, _ = strconv.Atoi(value)
		case "peer":
			peer, _ = strconv.Atoi(value)
		case "port": // of the first peer; the other's is 0
			switch value {
			case strconv.Itoa(serverPort):
				serverPeer = peer
			case strconv.Itoa(c.port):
				serverPeer = 1 - peer
			}
		case "index", "timestamp", "data", "peers:", "packets:", "host", "host:", "":
		default:
			data = append(data, key...)
		}
	}
	flush()
	if len(client.bytes) == clear {
		return fmt.Errorf("port %d: nothing under TLS could be read", c.port)
	}
	c.client, c.server, c.tls = client, server, true
	return nil
}
