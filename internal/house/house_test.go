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
	"internal/sqltext": {},
	// First floor.
	"internal/capture/pcapfile": {"internal/capture"},
	"internal/packet":           {"internal/capture"},
	"internal/l7":               {"internal/stream", "internal/wire", "internal/record", "internal/sqltext"},
	"internal/filter":           {"internal/record", "internal/wire"},
	"internal/output":           {"internal/record", "internal/wire"},
	// Second floor.
	"internal/assembly":   {"internal/packet", "internal/stream"},
	"internal/protocol/*": {"internal/l7", "internal/wire", "internal/record", "internal/stream", "internal/inflate", "internal/sqltext"},
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
var osFree = []string{"internal/capture", "internal/stream", "internal/wire", "internal/record", "internal/inflate", "internal/sqltext",
	"internal/packet", "internal/l7", "internal/filter", "internal/assembly", "internal/protocol/*"}

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
			if ours && !listed(allowed, inner) {
				t.Errorf("%s imports %s: an arrow that runs up or sideways", name, inner)
			}
			if listed(osFree, name) && slices.Contains(forbidden, i) {
				t.Errorf("%s imports %s: it is to use no operating system", name, i)
			}
		}
	}
}

// listed tells whether a list names a package, or a folder it is in.
func listed(list []string, name string) bool {
	return slices.ContainsFunc(list, func(a string) bool {
		return a == name || strings.HasSuffix(a, "/*") && strings.HasPrefix(name, a[:len(a)-1])
	})
}

// TestProtocolsAlone fails if a protocol reaches another through anything it imports.
func TestProtocolsAlone(t *testing.T) {
	const folder = module + "internal/protocol/"
	for _, p := range list(t) {
		if !strings.HasPrefix(p.ImportPath, folder) || p.ImportPath == folder+"all" {
			continue
		}
		out, err := exec.Command("go", "list", "-deps", "-f", "{{.ImportPath}}", p.ImportPath).Output()
		if err != nil {
			t.Fatal(err)
		}
		for dep := range strings.Lines(string(out)) {
			if dep = strings.TrimSpace(dep); strings.HasPrefix(dep, folder) && dep != p.ImportPath {
				t.Errorf("%s depends on %s", p.ImportPath, dep)
			}
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
