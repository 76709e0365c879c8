package mysql_test

import (
	"testing"

	"github.com/dbtap/dbtap/internal/wire"
)

// TestNames: a column that the server names by the text of an expression shows no literal of the request.
func TestNames(t *testing.T) {
	for sql, hidden := range map[string]bool{
		"SELECT 'marlin'":                            true,
		"SELECT CONCAT('marlin', name) FROM t":       true,
		"SHOW TABLES LIKE 'marlin'":                  true,
		"SELECT 1; SELECT 'marlin'":                  true,
		"SELECT name AS marlin FROM t LIMIT 5":       false,
		"SELECT COUNT(*) marlin FROM t WHERE id = 5": false,
	} {
		column := pkt(2, text("def"), text(""), text(""), text(""), text("marlin"), text(""), "\x0c", u16(45), u32(99), string([]byte{varString}), u16(0), "\x00", u16(0))
		c := logIn(usual).client(query(sql)).server(pkt(1, "\x01"), column, eof(3, autocommit), pkt(4, text("1")), eof(5, autocommit))
		named, rows := 0, 0
		for _, tree := range trees(&c.Conversation) {
			for i := range tree.Fields {
				f := &tree.Fields[i]
				switch name := tree.Name(f); {
				case name == "marlin":
					rows++
				case name == "name" && string(tree.Bytes(f)) == "\x06marlin" && f.Class != wire.Value:
					named++
				}
			}
		}
		if hidden != (named == 0) || hidden != (rows == 0) {
			t.Errorf("%s: %d definitions and %d values with its name", sql, named, rows)
		}
	}
}
