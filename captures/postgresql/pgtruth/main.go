// Pgtruth says what is in a capture of PostgreSQL: it reads the two streams of each connection, decodes their messages with
// pgx's pgproto3 and writes one JSON object for each exchange. It shares no code with dbtap.
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"slices"
)

const serverPort = 5432

func main() {
	log.SetFlags(0)
	log.SetPrefix("pgtruth: ")
	driver := flag.String("driver", "", "client to be named in logins")
	keys := flag.String("keys", "", "key log of a capture under TLS")
	values := flag.String("values", "", "connection string of a server that prints parameters and rows")
	api := flag.String("api", "", "what the client's driver returned, to be compared")
	flag.Parse()
	if flag.NArg() != 1 {
		log.Fatal("usage: pgtruth [-keys FILE] [-values SERVER] [-api FILE] CAPTURE")
	}
	conns, err := connections(flag.Arg(0), serverPort)
	must(err)
	var all []*exchange
	for i, c := range conns {
		if *keys != "" {
			must(c.decrypt(flag.Arg(0), *keys, serverPort))
		}
		d := dialog{conn: c, number: i + 1, encoding: "UTF8"}
		must(d.decode())
		all = append(all, d.exchanges...)
	}
	for _, x := range all {
		if x.Operation == "LOGIN" {
			x.Driver = *driver
		}
	}
	slices.SortStableFunc(all, func(a, b *exchange) int { return cmp.Compare(a.Packet, b.Packet) })
	if *values != "" {
		must(printed(*values, all))
	}
	if *api != "" {
		must(compare(*api, all))
	}
	out := bufio.NewWriter(os.Stdout)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for _, x := range all {
		must(enc.Encode(x))
	}
	must(out.Flush())
}

// must ends the program for an error.
func must(err error) {
	if err != nil {
		log.Output(2, err.Error())
		os.Exit(1)
	}
}

// compare checks the exchanges of the connections that the file at path speaks of: for each statement, in order, the file has
// the port of its connection, the last tag, the error's code, and where they are known text and number of rows.
func compare(path string, all []*exchange) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	open := map[int][]*exchange{}
	for _, x := range all {
		// A Parse alone is an answer to the driver's caller when it failed.
		if x.Operation == "QUERY" || x.Operation == "EXECUTE" && !x.Skipped || x.Code != "" && (x.Operation == "PARSE" || x.Operation == "SYNC") {
			open[x.Port] = append(open[x.Port], x)
		}
	}
	seen := map[int]bool{}
	for s := bufio.NewScanner(f); s.Scan(); {
		var said struct {
			Port           int
			SQL, Tag, Code string
			Rows           *int
		}
		if err := json.Unmarshal(s.Bytes(), &said); err != nil {
			return err
		}
		if len(open[said.Port]) == 0 {
			return fmt.Errorf("the driver says %.300s, nothing is left in the capture", s.Bytes())
		}
		x := open[said.Port][0]
		open[said.Port] = open[said.Port][1:]
		seen[said.Port] = true
		tag := ""
		if len(x.Tags) > 0 {
			tag = x.Tags[len(x.Tags)-1]
		}
		if said.SQL != "" && said.SQL != x.SQL || said.Tag != tag && said.Code == "" || said.Code != x.Code || said.Rows != nil && *said.Rows != x.Rows {
			return fmt.Errorf("the driver says %.300s, the capture %s", s.Bytes(), x)
		}
	}
	for port := range seen {
		if rest := open[port]; len(rest) > 0 {
			return fmt.Errorf("the driver does not speak of %s", rest[0])
		}
	}
	return nil
}

func (x *exchange) String() string {
	return fmt.Sprintf("packet %d: %s %.200q %q %s, %d rows", x.Packet, x.Operation, x.SQL, x.Tags, x.Code, x.Rows)
}
