// Package all is the visible list of the protocols dbtap knows: one line each.
package all

import (
	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/protocol/mongodb"
	"github.com/dbtap/dbtap/internal/protocol/mysql"
	"github.com/dbtap/dbtap/internal/protocol/postgresql"
)

// Protocols returns all protocols, in the order in which they are tried.
func Protocols() []*l7.Protocol {
	return []*l7.Protocol{
		mongodb.Protocol,
		mysql.Protocol,
		postgresql.Protocol,
	}
}
