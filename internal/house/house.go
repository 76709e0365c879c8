// Package house knows which package may import which: the floors of ARCHITECTURE.md. It is only a test.
package house
