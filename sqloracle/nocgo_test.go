//go:build !cgo

package sqloracle

import "testing"

func TestPgQuery(t *testing.T) {
	t.Skip("NOT COMPARED WITH POSTGRESQL'S PARSER: it needs a C compiler and CGO_ENABLED=1")
}
