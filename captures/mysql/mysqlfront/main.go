// Mysqlfront stands between a client and a server of MySQL or MariaDB, passes every byte on as it came, and notes what it
// saw: each exchange as a JSON line, written when it ends. The listener is in the network namespace of the capture, the
// server in one of its own. Under TLS it has a session with each side, so that it can note what is inside.
package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// front is what the flags say, and what all connections share.
type front struct {
	backend string
	netns   string
	blind   bool // bytes are passed on and counted, not read
	values  bool // rows are noted, not only counted
	cut     int  // answers end after so many bytes
	tls     *tls.Config
	truth   truth
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("mysqlfront: ")
	var f front
	listen := flag.String("listen", "127.0.0.1:3306", "`address` for clients")
	truthFile := flag.String("truth", "", "`file` for the exchanges, written at the end")
	keys := flag.String("tls", "", "take part in TLS and log the keys of the client's side to this `file`")
	tls12 := flag.Bool("tls12", false, "no TLS above 1.2")
	flag.StringVar(&f.backend, "backend", "127.0.0.1:3306", "`address` of the server")
	flag.StringVar(&f.netns, "netns", "", "`file` of the namespace in which the server listens")
	flag.BoolVar(&f.blind, "blind", false, "do not read what passes")
	flag.BoolVar(&f.values, "values", false, "note the values of rows")
	flag.IntVar(&f.cut, "cut", 0, "reset connections after so many `bytes` of the server")
	flag.Parse()
	if *keys != "" {
		var err error
		if f.tls, err = certificate(*keys); err != nil {
			log.Fatal(err)
		}
		if *tls12 {
			f.tls.MaxVersion = tls.VersionTLS12
		}
	}
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	var wg sync.WaitGroup
	go func() {
		for conn := 1; ; conn++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				if err := f.serve(c.(*net.TCPConn), conn); err != nil {
					log.Printf("connection %d: %v", conn, err)
				}
			})
		}
	}()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, os.Interrupt)
	<-stop
	l.Close()
	wg.Wait()
	if err := f.truth.save(*truthFile); err != nil {
		log.Fatal(err)
	}
}

// certificate is a configuration for both sides of the front.
func certificate(keys string) (*tls.Config, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	w, err := os.Create(keys)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, KeyLogWriter: w, InsecureSkipVerify: true}, err
}

// dial connects to the server in its namespace.
func (f *front) dial() (*net.TCPConn, error) {
	addr, err := net.ResolveTCPAddr("tcp", f.backend)
	if err != nil || f.netns == "" {
		return nil, err
	}
	ns, err := os.Open(f.netns)
	if err != nil {
		return nil, err
	}
	defer ns.Close()
	var c *net.TCPConn
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never let go: the thread ends with this goroutine
		if err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err == nil {
			c, err = net.DialTCP("tcp", nil, addr)
		}
	}()
	<-done
	return c, err
}

// serve passes the bytes of one connection on until both sides have ended it.
func (f *front) serve(client *net.TCPConn, conn int) error {
	defer client.Close()
	server, err := f.dial()
	if err != nil {
		return err
	}
	defer server.Close()
	s := f.newSession(conn, client.RemoteAddr().(*net.TCPAddr).Port)
	defer s.end()
	from, to := net.Conn(client), net.Conn(server)
	if f.tls != nil {
		if from, to, err = f.upgrade(s, from, to); err != nil {
			return err
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() { // what comes when the server has gone is still noted
		for relay(to, from, s.fromClient) {
		}
		server.CloseWrite()
	})
	wg.Go(func() {
		if f.cut > 0 {
			relay(from, io.LimitReader(to, int64(f.cut)), s.fromServer)
			time.Sleep(100 * time.Millisecond) // until the client has what was sent
			client.SetLinger(0)
			client.Close()
			server.Close()
			return
		}
		relay(from, to, s.fromServer)
		client.CloseWrite()
	})
	wg.Wait()
	return s.err
}

// relay copies bytes that note has seen and lets pass, until a side ends. It reports whether there may be more.
func relay(to io.Writer, from io.Reader, note func([]byte) bool) bool {
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		if n > 0 {
			if !note(b[:n]) {
				return false
			}
			if _, err := to.Write(b[:n]); err != nil {
				return true
			}
		}
		if err != nil {
			return false
		}
	}
}

// upgrade passes on the greeting and the client's first packet, and if that asks for TLS speaks it with both sides.
func (f *front) upgrade(s *session, client, server net.Conn) (net.Conn, net.Conn, error) {
	pass := func(to io.Writer, from io.Reader, note func([]byte) bool) (int, error) {
		head := make([]byte, 4)
		if _, err := io.ReadFull(from, head); err != nil {
			return 0, err
		}
		size := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
		var b bytes.Buffer
		b.Write(head)
		if _, err := io.CopyN(&b, from, int64(size)); err != nil {
			return 0, err
		}
		note(b.Bytes())
		_, err := to.Write(b.Bytes())
		return size, err
	}
	if _, err := pass(client, server, s.fromServer); err != nil {
		return nil, nil, err
	}
	size, err := pass(server, client, s.fromClient)
	if err != nil || size != 32 {
		return client, server, err
	}
	inner, outer := tls.Server(client, f.tls), tls.Client(server, &tls.Config{InsecureSkipVerify: true})
	if err := errors.Join(outer.Handshake(), inner.Handshake()); err != nil {
		return nil, nil, fmt.Errorf("TLS: %w", err)
	}
	return inner, outer, nil
}
