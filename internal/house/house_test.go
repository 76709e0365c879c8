package house

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/dbtap/dbtap/"

// rooms lists for every package which others of this module it may import. A pattern that ends in /* means all below.
// Arrows go down: what stands in a list stands on a lower floor.
var rooms = map[string][]string{
	// The ground: packages that do not know each other.
	"internal/capture": {},
	"internal/stream":  {},
	"internal/wire":    {},
	"internal/record":  {},
	"internal/inflate": {},
	// First floor.
	"internal/capture/pcapfile": {"internal/capture"},
	"internal/packet":           {"internal/capture"},
	"internal/l7":               {"internal/stream", "internal/wire", "internal/record"},
	"internal/filter":           {"internal/record", "internal/wire"},
	"internal/output":           {"internal/record", "internal/wire"},
	// Second floor.
	"internal/assembly":   {"internal/packet", "internal/stream"},
	"internal/protocol/*": {"internal/l7", "internal/wire", "internal/record", "internal/stream", "internal/inflate"},
	// Third floor.
	"internal/protocol/all": {"internal/l7", "internal/protocol/*"},
	"internal/agent":        {"internal/assembly", "internal/capture", "internal/capture/pcapfile", "internal/packet", "internal/l7", "internal/record"},
	// Roof.
	"cmd/*":          {"internal/*"},
	"internal/bench": {"internal/*"},
	// Beside the house: for tests only.
	"internal/house":               {},
	"internal/l7/l7test":           {"internal/*"},
	"internal/capture/capturetest": {},
}

// osFree are the packages that use no operating system, so that they run wherever bytes come from: in a browser, in a
// plugin, in a test.
var osFree = []string{"internal/capture", "internal/stream", "internal/wire", "internal/record", "internal/inflate", "internal/packet",
	"internal/l7", "internal/filter", "internal/assembly", "internal/protocol/mongodb", "internal/protocol/all"}

// forbidden are what such a package does not import itself.
var forbidden = []string{"os", "os/exec", "net", "net/http", "syscall", "log"}

type pkg struct {
	ImportPath string
	Imports    []string
}

// TestArrows fails if a package imports one that is not on a floor below, or sideways from protocol to protocol.
func TestArrows(t *testing.T) {
	for _, p := range list(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		allowed, ok := rooms[name]
		if !ok {
			allowed, ok = rooms[name[:strings.LastIndex(name, "/")+1]+"*"]
		}
		if !ok {
			t.Errorf("%s has no room: add it to the table and to ARCHITECTURE.md", name)
			continue
		}
		for _, i := range p.Imports {
			inner, ours := strings.CutPrefix(i, module)
			if ours && !slices.ContainsFunc(allowed, func(a string) bool {
				return a == inner || strings.HasSuffix(a, "/*") && strings.HasPrefix(inner, a[:len(a)-1])
			}) {
				t.Errorf("%s imports %s: an arrow that runs up or sideways", name, inner)
			}
			if slices.Contains(osFree, name) && slices.Contains(forbidden, i) {
				t.Errorf("%s imports %s: it is to use no operating system", name, i)
			}
		}
	}
}

// TestProtocolsAlone fails if a protocol reaches another through anything it imports.
func TestProtocolsAlone(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{.ImportPath}}", module+"internal/protocol/mongodb").Output()
	if err != nil {
		t.Fatal(err)
	}
	for dep := range strings.Lines(string(out)) {
		if name := strings.TrimPrefix(strings.TrimSpace(dep), module+"internal/protocol/"); !strings.Contains(name, "/") && name != "mongodb" && strings.HasPrefix(dep, module+"internal/protocol/") {
			t.Errorf("mongodb depends on %s", name)
		}
	}
}

func list(t *testing.T) (pkgs []pkg) {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...")
	out, err := cmd.Output()
	if err != nil {
		var e *exec.ExitError
		if errors.As(err, &e) {
			t.Fatalf("%v: %s", err, e.Stderr)
		}
		t.Fatal(err)
	}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); err == io.EOF {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}
