// Pgrelay starts a server that listens on a Unix socket only and passes TCP connections on to it, as a pooler on its machine
// would. There a server refuses GSSAPI encryption, which by TCP it promises.
package main

import (
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("pgrelay: ")
	if len(os.Args) < 4 {
		log.Fatal("usage: pgrelay LISTEN SOCKET SERVER...")
	}
	server := exec.Command(os.Args[3], os.Args[4:]...)
	server.Stderr = os.Stderr
	must(server.Start())
	l, err := net.Listen("tcp", os.Args[1])
	must(err)
	go func() {
		for {
			c, err := l.Accept()
			must(err)
			go pass(c)
		}
	}()
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	<-term
	must(server.Process.Signal(syscall.SIGTERM))
	must(server.Wait())
}

// pass copies both ways until either side ends.
func pass(c net.Conn) {
	s, err := net.Dial("unix", os.Args[2])
	must(err)
	go func() {
		io.Copy(s, c)
		s.Close()
	}()
	io.Copy(c, s)
	c.Close()
}

// must ends the program for an error.
func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
