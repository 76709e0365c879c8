package mysql

import (
	"bytes"
	"strings"

	"github.com/dbtap/dbtap/internal/sqltext"
)

// quoting is what is said of how the text of a client quotes.
type quoting uint8

const (
	plain     quoting = 1 << iota // a backslash is one, in its character set
	multibyte                     // the second byte of a character may be that of a backslash, or nobody knows
	moded                         // sql_mode is set: whether a backslash escapes is known with the answer

	quotingBits = 1<<iota - 1
)

// said is what a request says that is executed.
func said(leaves uint64) quoting {
	switch byte(leaves) {
	case comQuery, comExecute, comBulkExecute, comResetSession:
		return quoting(leaves >> leavesQuoting & quotingBits)
	}
	return 0
}

// clientCharset is the variable that has its name.
const clientCharset = "character_set_client"

// charsetNamed judges a name, which may be in quotes.
func charsetNamed(name []byte) quoting {
	name = bytes.Trim(name, "'\"`")
	for _, s := range [...]string{"big5", "sjis", "gbk", "cp932", "gb18030", "default", ""} {
		if fold(name, s) {
			return multibyte
		}
	}
	if letter(name[0]) && bytes.IndexByte(name, '.') < 0 {
		return plain
	}
	return multibyte // a variable, a number
}

// fold tells whether a word is s, in any case.
func fold(word []byte, s string) bool { return len(word) == len(s) && strings.EqualFold(view(word), s) }

// collation judges a character set by the number of one of its collations. MariaDB has those that do not pad 1024 higher.
func collation(n uint16) quoting {
	switch n &^ 1024 {
	case 0, 1, 84, 13, 88, 28, 87, 95, 96, 248, 249, 250:
		return multibyte
	}
	return plain
}

// quotingOf finds what a text may say of the client's character set and of sql_mode. Words count wherever they stand: what is
// a literal or a comment may be code nevertheless. That a character set is plain is believed of those alone who certainly set it.
func quotingOf(sql []byte) (found quoting) {
	for at, c := range sql {
		if !quotingStarts[c] || at > 0 && wordByte(sql[at-1]) {
			continue
		}
		end := at + 1
		for end < len(sql) && wordByte(sql[end]) {
			end++
		}
		word, rest := sql[at:end], sql[end:]
		switch len(word) {
		case len("char"), len("names"), len("charset"), len("character"):
			if fold(word, "EXECUTE") { // of what nobody knows
				found |= multibyte | moded
				continue
			}
			if fold(word, "CHARACTER") || fold(word, "CHAR") {
				if word, rest = token(rest); !fold(word, "SET") {
					continue
				}
			} else if !fold(word, "NAMES") && !fold(word, "CHARSET") {
				continue
			}
			value, _ := assigned(rest)
			found |= charsetNamed(value)
		case len("sql_mode"):
			if fold(word, "sql_mode") {
				found |= moded
			}
		case len(clientCharset):
			if !fold(word, clientCharset) {
				continue
			}
			rest = bytes.TrimLeft(rest, "`\"")
			value, behind := assigned(rest)
			if sign, _ := token(rest); sign == nil || sign[0] != '=' && sign[0] != ':' {
				continue
			}
			if next, _ := token(behind); next != nil && next[0] != ',' && next[0] != ';' {
				value = nil // an expression
			}
			found |= charsetNamed(value)
		}
	}
	if found&plain != 0 && (found&multibyte != 0 || !sets(sql)) {
		found &^= plain
	}
	return found
}

// quotingStarts are the bytes that words begin with that quotingOf looks for.
var quotingStarts = [256]bool{'c': true, 'C': true, 'e': true, 'E': true, 'n': true, 'N': true, 's': true, 'S': true}

// assigned takes a value, and the sign before it, from sql.
func assigned(sql []byte) (value, rest []byte) {
	for value, rest = token(sql); len(value) == 1 && (value[0] == '=' || value[0] == ':'); {
		value, rest = token(rest)
	}
	return value, rest
}

// sets tells whether sql begins with a SET that certainly sets the session's character set, however the client quotes.
func sets(sql []byte) bool {
	for i, c := range sql {
		if c == '\\' || c >= 0x80 || c == '!' && conditional(sql, i) {
			return false
		}
	}
	word, sql := token(sql)
	if !fold(word, "SET") {
		return false
	}
	for begins := true; ; {
		word, sql = token(sql)
		is := func(s string) bool { return fold(word, s) }
		switch {
		case word == nil, word[0] == ';', word[0] == '(', is("GLOBAL"), is("PERSIST"), is("PERSIST_ONLY"), is("STATEMENT"):
			return false
		case !begins, is("SESSION"), is("LOCAL"):
			begins = begins || word[0] == ','
		case is("NAMES"), is("CHARSET"), is("CHARACTER"), is("CHAR"), is(clientCharset), is("@@" + clientCharset), is("@@session." + clientCharset),
			is("@@local." + clientCharset):
			return true
		default:
			begins = false
		}
	}
}

// conditional tells whether the ! at a place of sql may be that of a comment that is code to some servers of today only: all
// are newer than 4.
func conditional(sql []byte, at int) bool {
	digits := at + 1
	for digits < len(sql) && sql[digits] >= '0' && sql[digits] <= '9' {
		digits++
	}
	version := sql[at+1 : digits]
	return at > 0 && (sql[at-1]|0x20 == 'm' || sql[at-1] == '*' && len(version) > 0 && (len(version) != len("40101") || version[0] > '4'))
}

// token takes the first word, name or text in quotes, or other sign from sql; nil behind the last. What stands in /*! */ is
// code.
func token(sql []byte) (word, rest []byte) {
	for i := 0; i < len(sql); {
		b := sql[i:]
		switch c := b[0]; {
		case c <= ' ':
			i++
		case bytes.HasPrefix(b, []byte("/*!")):
			for i += len("/*!"); i < len(sql) && sql[i] >= '0' && sql[i] <= '9'; {
				i++
			}
		case bytes.HasPrefix(b, []byte("*/")):
			i += len("*/")
		case bytes.HasPrefix(b, []byte("/*")):
			n := bytes.Index(b[len("/*"):], []byte("*/"))
			if n < 0 {
				return nil, nil
			}
			i += len("/*") + n
		case c == '#', bytes.HasPrefix(b, []byte("--")) && (len(b) == 2 || b[2] <= ' '):
			n := bytes.IndexByte(b, '\n')
			if n < 0 {
				return nil, nil
			}
			i += n
		case c == '\'' || c == '"':
			n := bytes.IndexByte(b[1:], c)
			if n < 0 {
				return nil, nil
			}
			return b[:n+2], b[n+2:]
		default:
			n := 0
			for ; n < len(b) && (wordByte(b[n]) || b[n] == '@' || b[n] == '.' || b[n] == '`'); n++ {
				if b[n] == '`' {
					end := bytes.IndexByte(b[n+1:], '`')
					if end < 0 {
						return nil, nil
					}
					n += 1 + end
				}
			}
			n = max(n, 1)
			return b[:n], b[n:]
		}
	}
	return nil, nil
}

// write notes the character set that the client writes in from now on.
func (d *dialog) write(q quoting) {
	switch {
	case q&plain != 0:
		d.quotes &^= sqltext.Multibyte
	case q&multibyte != 0:
		d.quotes |= sqltext.Multibyte
	}
}

// risk notes what a request may bring: what is sent before its answer may be in another character set, or mode.
func (d *dialog) risk(q quoting) {
	d.write(q & multibyte)
	if q&moded != 0 {
		d.modes++
	}
}

// doubtQuotes notes that sql_mode may have changed unseen: whether a backslash escapes is not known before the server says so
// again.
func (d *dialog) doubtQuotes() {
	d.quotes |= sqltext.Unsure
	d.told = false
}

// dialect is how the connection quotes.
func (d *dialog) dialect() sqltext.Dialect {
	dialect := sqltext.MySQL | d.quotes
	if d.told {
		dialect &^= sqltext.Unsure
	}
	if d.modes > 0 {
		dialect |= sqltext.Unsure
	}
	if d.status&statusNoBackslash != 0 {
		dialect |= sqltext.NoBackslash
	}
	if d.status&statusANSIQuotes != 0 {
		dialect |= sqltext.ANSIQuotes
	}
	return dialect
}
