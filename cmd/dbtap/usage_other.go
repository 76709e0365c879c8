//go:build !unix

package main

import (
	"runtime"
	"time"
)

// usage is 0 for the processor time, which is not known here, and the memory taken from the system, in bytes.
func usage() (cpu time.Duration, peak int64) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return 0, int64(m.Sys)
}
