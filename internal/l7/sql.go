package l7

import (
	"github.com/dbtap/dbtap/internal/sqltext"
	"github.com/dbtap/dbtap/internal/wire"
)

// SQLType is the type of a field that holds SQL of a dialect: without its values it is shown in its normal form, and with a
// secret in it not at all.
func SQLType(d sqltext.Dialect) *wire.Type {
	return &wire.Type{
		Name: "sql",
		Mask: func(dst, b []byte) []byte {
			var s sqltext.Statement
			s.Read(b, d)
			return append(dst, s.Normal...)
		},
		Secret: func(b []byte) bool { return len(sqltext.AppendSecrets(nil, b, d)) > 0 },
	}
}
