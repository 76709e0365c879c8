package l7test

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/wire"
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

// Need skips the test where a program is not installed. In CI it must be.
func Need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed, and here it must be", program)
	}
	t.Skipf("SKIPPED: %s is not installed, so nothing was compared with it", program)
}

// Truths runs a test for each capture with a truth: those of testdata, or those that scripts/live recorded just now.
// Captures named by except, as patterns of package path without endings, have none.
func Truths(t *testing.T, except string, test func(t *testing.T, capture string)) {
	dir := cmp.Or(os.Getenv("DBTAP_TESTDATA"), "testdata")
	captures, _ := filepath.Glob(filepath.Join(dir, "*.pcap.gz"))
	if len(captures) == 0 {
		t.Fatal("no captures")
	}
	for _, capture := range captures {
		if !match([]string{except}, base(capture)) {
			t.Run(base(capture), func(t *testing.T) { test(t, capture) })
		}
	}
}

// Shown is the value that stands for a field, as text: its label if it has one, bytes without a type as they are; "" if
// nothing stands for it.
func Shown(tree *wire.Tree, f *wire.Field) string {
	v := tree.Shown(f)
	switch {
	case v == nil:
		return ""
	case v.Label != "":
		return v.Label
	case v.Kind == wire.Octets && v.Type != nil:
		return string(v.Type.Append(nil, tree.Content(v)))
	case v.Kind == wire.Octets || v.Kind == wire.Text:
		return string(tree.Content(v))
	case v.Kind == wire.Signed:
		return strconv.FormatInt(int64(v.Num), 10)
	case v.Kind == wire.Float:
		return strconv.FormatFloat(math.Float64frombits(v.Num), 'g', -1, 64)
	}
	return strconv.FormatUint(v.Num, 10)
}
