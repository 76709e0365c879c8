package l7test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// ReadTruth reads what stands beside a capture: NAME.truth.jsonl, or .gz of it, a T in JSON a line.
func ReadTruth[T any](t testing.TB, capture string) (list []T) {
	t.Helper()
	name := strings.TrimSuffix(capture, ".pcap.gz") + ".truth.jsonl"
	var r io.Reader
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		if f, err = os.Open(name + ".gz"); err == nil {
			r, err = gzip.NewReader(f)
		}
	} else {
		r = f
	}
	if err != nil {
		t.Fatalf("no truth beside the capture: %v", err)
	}
	defer f.Close()
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var x T
			if err := json.Unmarshal(line, &x); err != nil {
				t.Fatal(err)
			}
			list = append(list, x)
		}
		if err == io.EOF {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// NeedTshark skips the test where tshark is not installed. In CI it must be.
func NeedTshark(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("tshark"); err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("tshark is not installed, and here it must be")
	}
	t.Skip("SKIPPED: tshark is not installed, so nothing was compared with it")
}
