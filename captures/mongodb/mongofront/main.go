// Mongofront stands between a MongoDB driver and FerretDB and gives the connection what FerretDB leaves out: OP_COMPRESSED,
// checksums, answers with moreToCome, silence after a request with moreToCome, transactions, the legacy opcodes and a few
// commands. Drivers' bytes reach the wire as the drivers wrote them; answers are FerretDB's unless ORIGIN.md beside the
// captures says otherwise. Everything is read and written with the Go driver's own packages.
//
// It notes every exchange it saw and writes them as JSON lines when it ends: what a decoder should find in the capture.
package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"log"
	"math/big"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// config is what the flags say.
type config struct {
	backend     string
	compressors []string
	maxWire     int
	stream      bool
	replicaSet  string
	speculative bool
	answerAll   bool
	slow        map[string]time.Duration // by collection
	listen      string
	user        string // whose password the front checks itself
	password    string
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("mongofront: ")
	var c config
	flag.StringVar(&c.listen, "listen", "127.0.0.1:27017", "`address` for drivers")
	flag.StringVar(&c.backend, "backend", "", "FerretDB's Unix `socket`")
	flag.IntVar(&c.maxWire, "maxwire", 25, "maxWireVersion in the hello; below 6 the legacy opcodes come")
	flag.BoolVar(&c.stream, "stream", false, "offer the streaming hello (topologyVersion)")
	flag.StringVar(&c.replicaSet, "replset", "", "claim to be the primary of this replica set, with $clusterTime")
	flag.BoolVar(&c.speculative, "speculative", true, "answer speculative authentication")
	flag.BoolVar(&c.answerAll, "answerall", false, "answer requests with moreToCome too, as no server should")
	compressors := flag.String("compressors", "", "`names` to agree to, with commas")
	slow := flag.String("slow", "", "`collection=duration` to answer late")
	truthFile := flag.String("truth", "", "`file` for the exchanges, written at the end")
	user := flag.String("user", "", "`name:password` that the front itself checks, by SCRAM-SHA-1 or PLAIN")
	keys := flag.String("tls", "", "speak TLS and log its keys to this `file`")
	tls12 := flag.Bool("tls12", false, "no TLS above 1.2")
	flag.Parse()

	if *compressors != "" {
		c.compressors = strings.Split(*compressors, ",")
	}
	c.user, c.password, _ = strings.Cut(*user, ":")
	if name, d, ok := strings.Cut(*slow, "="); ok {
		delay, err := time.ParseDuration(d)
		if err != nil {
			log.Fatal(err)
		}
		c.slow = map[string]time.Duration{name: delay}
	}
	l, err := net.Listen("tcp", c.listen)
	if err != nil {
		log.Fatal(err)
	}
	if *keys != "" {
		if l, err = withTLS(l, *keys, *tls12); err != nil {
			log.Fatal(err)
		}
	}
	t := &truth{}
	go accept(l, &c, t, &failpoint{})

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	<-ctx.Done()
	if *truthFile != "" {
		if err := t.save(*truthFile); err != nil {
			log.Fatal(err)
		}
	}
}

// accept serves connections until the process ends.
func accept(l net.Listener, c *config, t *truth, f *failpoint) {
	for n := 1; ; n++ {
		client, err := l.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			defer client.Close()
			backend, err := net.Dial("unix", c.backend)
			if err != nil {
				log.Fatal(err)
			}
			defer backend.Close()
			s := &session{
				config: c, truth: t, failpoint: f, conn: n, port: client.RemoteAddr().(*net.TCPAddr).Port,
				client: client, in: bufio.NewReader(client),
				backend: backend, back: bufio.NewReader(backend),
				cursors: map[int64]string{},
			}
			s.serve()
		}()
	}
}

// withTLS wraps a listener with a certificate made for the occasion.
func withTLS(l net.Listener, keyLog string, tls12 bool) (net.Listener, error) {
	f, err := os.Create(keyLog)
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().AddDate(1, 0, 0), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		KeyLogWriter: f,
	}
	if tls12 {
		c.MaxVersion = tls.VersionTLS12
	}
	return tls.NewListener(l, c), nil
}
