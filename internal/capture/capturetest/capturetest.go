// Package capturetest finds the captures of other projects that tests compare with. They lie beside this
// repository, not in it.
package capturetest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// folder holds the captures, seen from the repository's root.
const folder = "../shared/captures"

// Files returns the paths of all captures. Where the folder is absent it skips the test.
func Files(t testing.TB) []string {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		if root == filepath.Dir(root) {
			t.Fatal("no go.mod above the working directory")
		}
		root = filepath.Dir(root)
	}
	dir := filepath.Join(root, folder)
	var files []string
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.Contains(d.Name(), ".pcap") {
			files = append(files, path)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("SKIPPED: nothing was compared on captures of other projects, not part of the repository (%s)", folder)
	}
	if err != nil || len(files) == 0 {
		t.Fatalf("%s holds %d captures (%v)", dir, len(files), err)
	}
	return files
}
