package l7test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"github.com/dbtap/dbtap/internal/sqltext"
)

// known is what the rows of a whole conversation show, and what none may.
type known struct {
	rows  map[string]bool
	texts []string // of queries and errors
	never [][]byte
}

// known plays a conversation of c.
func (s *suite) known(c *captured, number int, values bool) *known {
	w := &known{rows: map[string]bool{}}
	cfg := everything()
	cfg.Values = values
	rows, _ := s.rows(cfg, c.conversations[number-1])
	for _, r := range rows {
		w.rows[r] = true
		w.texts = append(w.texts, texts(r)...)
	}
	for _, b := range s.never(c, values) {
		for _, form := range shapes(b) {
			w.never = append(w.never, form)
		}
	}
	return w
}

// compare fails for rows of what is left of the conversation that show what its own did not.
func (w *known) compare(fail *report, what string, rows []string) {
	for _, r := range rows {
		if w.rows[r] {
			continue
		}
		for _, b := range w.never {
			if bytes.Contains([]byte(r), b) {
				fail.errorf("%s: a row shows %q: %s", what, b, r)
			}
		}
		less := slices.ContainsFunc(doubts(r), func(d string) bool { return d == "cut" || d == "loss" || d == "prepared_unseen" })
		for _, text := range texts(r) {
			if !slices.ContainsFunc(w.texts, func(whole string) bool { return within(text, whole, less) }) {
				fail.errorf("%s: a row shows %q, which no row of the whole conversation does: %s", what, text, r)
			}
		}
	}
}

// texts are the query and the error of a row.
func texts(row string) []string {
	var r struct{ Query, Error string }
	json.Unmarshal([]byte(row), &r)
	return slices.DeleteFunc([]string{r.Query, r.Error}, func(s string) bool { return s == "" })
}

// within tells whether a text is another or, where something was lost or more is hidden, has no words but those of the other. The
// last may be half a word, also one that the other hides.
func within(text, whole string, less bool) bool {
	text, whole = strings.ReplaceAll(text, sqltext.Hidden, "?"), strings.ReplaceAll(whole, sqltext.Hidden, "?")
	if !less && !strings.Contains(text, "?") {
		return text == whole
	}
	split := func(s string) []string {
		return strings.FieldsFunc(strings.ToLower(s), func(c rune) bool { return c != '_' && !unicode.IsLetter(c) && !unicode.IsDigit(c) })
	}
	words, all := split(text), append(split(whole), "null", "default")
	for i, w := range words {
		half := less && i == len(words)-1
		if !slices.ContainsFunc(all, func(a string) bool { return a == w || half && strings.HasPrefix(a, w) }) {
			return false
		}
	}
	return true
}

// hides tells whether texts are others, of which they may hide more.
func hides(texts, others []string) bool {
	for i := range texts {
		if !within(texts[i], others[i], false) {
			return false
		}
	}
	return true
}
