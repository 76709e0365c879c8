package all

import (
	"testing"

	"github.com/dbtap/dbtap/internal/l7/l7test"
)

// TestTogether: no protocol takes another's connections, and their order does not matter.
func TestTogether(t *testing.T) { l7test.Together(t, Protocols()) }
