package filter

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// SyntaxError says what is wrong with an expression, and where.
type SyntaxError struct {
	Expr   string
	Offset int // in bytes, at most len(Expr)
	Msg    string
}

// Error is one line.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("filter, character %d: %s", utf8.RuneCountInString(e.Expr[:e.Offset])+1, e.Msg)
}

// Caret is two lines without an end of line: the expression, and a caret under the wrong place. Control characters are
// shown as spaces.
func (e *SyntaxError) Caret() string {
	var line, under strings.Builder
	for i, r := range e.Expr {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			r = ' '
		}
		line.WriteRune(r)
		if i < e.Offset {
			under.WriteString("  "[:cells(r)])
		}
	}
	return line.String() + "\n" + under.String() + "^"
}

// cells is the width of r in a terminal, as exactly as a caret needs it.
func cells(r rune) int {
	switch {
	case r < utf8.RuneSelf:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana) && (r < 0xFF61 || r > 0xFFDC),
		r >= 0x3000 && r <= 0x303E, r >= 0xFF01 && r <= 0xFF60, r >= 0xFFE0 && r <= 0xFFE6, // forms of full width
		r >= 0x1F300 && r <= 0x1F64F, r >= 0x1F680 && r <= 0x1F6FF, r >= 0x1F900 && r <= 0x1FAFF: // emoji
		return 2
	}
	return 1
}

// didYouMean is a hint for a word that is none of those known, or "".
func didYouMean(word string, known []string) string {
	return meant(Nearest(word, known))
}

// meant is the hint itself.
func meant(best string) string {
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// NearestProtocol is Nearest for names that people also abbreviate: pg, pgsql and psql are postgresql.
func NearestProtocol(word string, known []string) string {
	best := Nearest(word, known)
	for _, k := range known {
		if best == "" && len(word) > 1 && abbreviates(strings.ToLower(word), k) {
			best = k
		}
	}
	return best
}

// abbreviates tells whether word has the first letter and some others of name, in their order.
func abbreviates(word, name string) bool {
	if word[0] != name[0] {
		return false
	}
	for i := 0; i < len(name) && word != ""; i++ {
		if word[0] == name[i] {
			word = word[1:]
		}
	}
	return word == ""
}

// Nearest is the one of the known words that somebody who wrote word may have meant, or "".
func Nearest(word string, known []string) string {
	best, least := "", 1+max(1, len(word)/3)
	for _, k := range known {
		if len(word) > 2 && strings.HasPrefix(k, strings.ToLower(word)) {
			best = k
			break
		}
		if d := distance(strings.ToLower(word), k, least); d < least {
			best, least = k, d
		}
	}
	return best
}

// otherNames are what people call columns elsewhere.
var otherNames = map[string]string{
	"db": "namespace", "database": "namespace", "dbname": "namespace", "schema": "namespace", "ns": "namespace",
	"collection": "target", "coll": "target", "table": "target", "topic": "target",
	"op": "operation", "command": "operation", "cmd": "operation", "method": "operation", "type": "operation", "verb": "operation",
	"port": "server == :27017", "host": "server", "hostname": "server", "dst": "server", "destination": "server",
	"ip": "client", "address": "client", "addr": "client", "src": "client",
	"duration": "latency", "time_taken": "latency", "elapsed": "latency", "took": "latency", "ms": "latency", "response_ms": "latency",
	"sql": "query", "statement": "query", "text": "query", "filter": "query",
	"username": "user", "appname": "app", "application": "app", "err": "error", "errmsg": "error", "message": "error", "errcode": "code", "error_code": "code", "sqlstate": "code",
	"bytes": "response_bytes", "size": "response_bytes", "length": "response_bytes", "docs": "rows", "documents": "rows", "returned": "rows", "count": "rows",
	"modified": "affected", "timestamp": "time", "ts": "time", "conn": "connection", "stream": "connection", "frame": "packet", "number": "packet",
	"trace": "trace_id", "span": "span_id", "doubt": "doubts", "attribute": "attributes", "attrs": "attributes", "hash": "fingerprint",
}

// distance is the number of letters to change, add, take away or swap with their neighbour to make b of a; limit if it is
// not less.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := last[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(change, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
