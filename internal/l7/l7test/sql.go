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

// LessSQL tells whether text has no words but those of sql: all that can be said where how it quotes is another matter.
func LessSQL(sql, text string) bool { return within(text, sql, true) }

// SameSQL tells whether text is sql, but for literals and comments in whose places sqltext.Hidden stands.
func SameSQL(sql, text string) bool {
	if text = strings.ToValidUTF8(text, "\uFFFD"); text == strings.ToValidUTF8(sql, "\uFFFD") {
		return true
	}
	const literal = `(?:\d[\w.]*|[\w]*'(?:[^'\\]|''|\\.)*'|"(?:[^"\\]|""|\\.)*"|\$\$.*?\$\$|/\*.*?\*/|(?:--|#)[^\n]*)`
	text = strings.ReplaceAll(regexp.QuoteMeta(text), regexp.QuoteMeta(sqltext.Hidden), literal)
	return regexp.MustCompile(`(?s)^` + text + `$`).MatchString(sql)
}
