package mysql_test

import (
	"testing"

	"github.com/dbtap/dbtap/internal/l7/l7test"
	"github.com/dbtap/dbtap/internal/protocol/mysql"
)

func FuzzDecode(f *testing.F) { l7test.Fuzz(f, mysql.Protocol) }

func FuzzProbe(f *testing.F) { l7test.FuzzProbe(f, mysql.Protocol) }
