package sqltext

import (
	"bytes"
	"slices"
	"testing"
)

// dialects are all that differ.
var dialects = []Dialect{MySQL, PostgreSQL, MySQL | ANSIQuotes, MySQL | NoBackslash, PostgreSQL | Backslash, MySQL | ANSIQuotes | NoBackslash,
	MySQL | Multibyte, MySQL | Unsure, MySQL | ANSIQuotes | Multibyte | Unsure, PostgreSQL | Unsure, PostgreSQL | Partial, MySQL | Partial}

// check holds what Read found to what is true of any text.
func check(t *testing.T, sql []byte, d Dialect) {
	var s, again Statement
	s.Read(sql, d)
	if len(s.Normal) > 2*len(sql)+1 || len(s.Summary) > maxSummary || s.Statements > len(sql) || len(s.tags) > len(sql) {
		t.Fatalf("%q is more than its text: %q, %q", sql, s.Normal, s.Summary)
	}
	if s.Statements == 0 && (len(s.Normal) > 0 || s.Operation != "") || s.Statements != 1 && s.Target != nil {
		t.Fatalf("%q: %d statements, %q", sql, s.Statements, s.Normal)
	}
	var want []byte
	at := 0
	for _, span := range AppendSecrets(nil, sql, d) {
		if span.Off < at || span.Len <= 0 || span.Off+span.Len > len(sql) {
			t.Fatalf("%q: secret %v", sql, span)
		}
		want = append(append(want, sql[at:span.Off]...), Hidden...)
		at = span.Off + span.Len
	}
	want = append(want, sql[at:]...)
	for _, n := range []int{len(want) + 1, len(sql)/2 + 1} {
		if shown, hidden := AppendShown(nil, sql, d, n); !bytes.Equal(shown, want[:min(n, len(want))]) || hidden != (at > 0) {
			t.Fatalf("%d bytes of %q are shown as %q, %t", n, sql, shown, hidden)
		}
	}
	if d&PostgreSQL != 0 && bytes.Contains(s.Normal, []byte("? ?")) {
		return // which of them is an operator cannot be told any more
	}
	again.Read(s.Normal, d)
	if !bytes.Equal(again.Normal, s.Normal) {
		t.Fatalf("%q is\n%q and again\n%q", sql, s.Normal, again.Normal)
	}
	if (!bytes.Equal(again.Target, s.Target) || again.Certain != s.Certain) && s.Statements == 1 && !s.Cut {
		t.Fatalf("%q\n%q: target %q and again %q", sql, s.Normal, s.Target, again.Target)
	}
}

func FuzzRead(f *testing.F) {
	for _, c := range cases {
		f.Add([]byte(c.sql), byte(slices.Index(dialects, c.d)))
	}
	f.Fuzz(func(t *testing.T, sql []byte, d byte) {
		check(t, sql, dialects[int(d)%len(dialects)])
	})
}

// pieces are what FuzzPieces makes texts of. What may not be seen holds the mark; no other piece does.
const marked = "zq7"

var pieces = [2][]string{
	{"select", "from", "t", "`a b`", "(", ")", ",", ";", "values", "in", "*", "-", "+", "=", "a.b", "1", "0x2a7", "7e3", ".7", "null", "as x", "where", "join",
		"'zq7'", `'it''s zq7'`, `'a\'zq7'`, `"zq7"`, `"a\"zq7"`, "x'27'", "n'zq7'", "_utf8'zq7'", "_utf8mb4 'zq7'", "'zq7' 'zq7'", "/* zq7 */", "# zq7\n", "-- zq7\n",
		"/*! and 7 */", "/*!50000 'zq7' */", "@v", "@@global.x", "?", "insert into", "update", "set", "with", "union all", "limit 7, 7", "/*+ x(t) */", "not null",
		"default", "is", "row", "password", "identified by", "is not", "{", "}", ":=", "->>", "\\", "case", "end", "$$ zq7 ' $$", "$a$ zq7 $$ $a$", "@`a b`"},
	{"select", "from", "t", `"a b"`, "(", ")", ",", ";", "values", "in", "*", "-", "+", "=", "a.b", "1", "0x2a7", "7_000", ".7", "null", "as x", "where", "join",
		"'zq7'", `'it''s zq7'`, `E'a\'zq7'`, "$$zq7$$", "$a$zq7 $$ $a$", "B'1'", "x'27'", "n'zq7'", "U&'zq7'", "'zq7'\n 'zq7'", "E'a'\n'\\'zq7'", "/* zq7 /* zq7 */ */", "-- zq7\n",
		"::int", "array[", "]", "[", "?", "?|", "@>", "$1", "insert into", "update", "set", "with", "union all", "limit 7", "interval '7 zq7'", "not null", "default",
		"is", "row", "password", "->>", "#>>", "||", "~", "::text[]", "only", "lateral", "case", "end"},
}

func FuzzPieces(f *testing.F) {
	f.Add([]byte("\x00\x0a\x01\x02"), false, uint16(9))
	f.Add([]byte{40, 2, 8, 4, 23, 6, 15, 5, 6, 4, 24, 6, 15, 5}, true, uint16(30))
	f.Fuzz(func(t *testing.T, choice []byte, postgres bool, cut uint16) {
		d, from := MySQL, pieces[0]
		if postgres {
			d, from = PostgreSQL, pieces[1]
		}
		var sql []byte
		for _, c := range choice {
			sql = append(append(sql, from[int(c)%len(from)]...), " \n"[c>>7])
		}
		check(t, sql, d)
		var s Statement
		for i, part := range [][]byte{sql, append(slices.Clip(sql), "`zq7 7"...), append(slices.Clip(sql), `"zq7 7`...), sql[:min(int(cut), len(sql))]} {
			s.Read(part, d|[...]Dialect{0, Partial}[i&1])
			if bytes.Contains(s.Normal, []byte(marked)) || bytes.Contains(s.Summary, []byte(marked)) || bytes.IndexByte(s.Normal, '7') >= 0 {
				t.Fatalf("%q shows a literal: %q, %q", part, s.Normal, s.Summary)
			}
		}
	})
}
