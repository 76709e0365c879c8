package main

import (
	"log"
	"os"
	"runtime/pprof"
)

// startProfile profiles the processor until stop is called.
func startProfile(name string) (stop func()) {
	f, err := os.Create(name)
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		log.Fatal(err)
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close()
	}
}
