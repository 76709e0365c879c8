package l7test

import (
	"regexp"
	"strings"

	"github.com/dbtap/dbtap/internal/sqltext"
)

// beforeStatement is what may stand before the first word of a statement. What MySQL has in /*! */ is code.
var beforeStatement = regexp.MustCompile(`^(?:[\s;(]|--[^\n]*|#[^\n]*|/\*!\d*|/\*\*/|/\*[^!](?s:.*?)\*/)*`)

// Operation is the first word of a SQL text in capitals, as somebody reads it who does not use package sqltext.
func Operation(sql string) string {
	word := sql[len(beforeStatement.FindString(sql)):]
	return strings.ToUpper(word[:len(word)-len(strings.TrimLeft(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"))])
}

// SameSQL tells whether text is sql, but for literals and comments in whose places sqltext.Hidden stands.
func SameSQL(sql, text string) bool {
	if text == sql {
		return true
	}
	const literal = `(?:\d[\w.]*|[\w]*'(?:[^'\\]|''|\\.)*'|"(?:[^"\\]|""|\\.)*"|\$\$.*?\$\$|/\*.*?\*/|(?:--|#)[^\n]*)`
	text = strings.ReplaceAll(regexp.QuoteMeta(text), regexp.QuoteMeta(sqltext.Hidden), literal)
	return regexp.MustCompile(`(?s)^` + text + `$`).MatchString(sql)
}
