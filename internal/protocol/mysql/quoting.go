package mysql

import (
	"bytes"

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
	case comQuery, comExecute, comBulkExecute:
		return quoting(leaves >> leavesQuoting & quotingBits)
	}
	return 0
}

// clientCharset is the variable that has its name.
const clientCharset = "character_set_client"

// charsetNamed judges a name, which may be in quotes.
func charsetNamed(name []byte) quoting {
	name = bytes.ToLower(bytes.Trim(name, "'\"`"))
	switch string(name) {
	case "big5", "sjis", "gbk", "cp932", "gb18030", "default", "":
		return multibyte
	}
	if letter(name[0]) && bytes.IndexByte(name, '.') < 0 {
		return plain
	}
	return multibyte // a variable, a number
}

// collation judges a character set by the number of one of its collations. MariaDB has those that do not pad 1024 higher.
func collation(n uint16) quoting {
	switch n &^ 1024 {
	case 0, 1, 84, 13, 88, 28, 87, 95, 96, 248, 249, 250:
		return multibyte
	}
	return plain
}

// quotingOf finds what statements say of the client's character set and of sql_mode. Of several character sets the last
// counts, unless one is multibyte.
func quotingOf(sql []byte) (found quoting) {
	var word []byte
	set, global := false, false
	for begins := true; ; {
		character := bytes.EqualFold(word, []byte("CHARACTER"))
		if word, sql = token(sql); word == nil {
			return found
		}
		is := func(s string) bool { return len(word) == len(s) && bytes.EqualFold(word, []byte(s)) }
		charset := func(c quoting) {
			if found&multibyte == 0 {
				found = found&moded | c
			}
		}
		scope, name, dot := bytes.Cut(word, []byte("."))
		if !dot {
			scope, name = nil, word
		}
		name = bytes.Trim(name, "@`")
		switch {
		case word[0] == ';':
			begins = true
			continue
		case begins:
			set, global = is("SET"), false
		case !set:
		case is("GLOBAL"), is("PERSIST"), is("PERSIST_ONLY"):
			global = true
		case is("SESSION"), is("LOCAL"):
			global = false
		case is("NAMES"), is("CHARSET"), is("SET") && character:
			value, _ := token(sql)
			charset(charsetNamed(value))
		case global, bytes.EqualFold(scope, []byte("@@global")):
		case bytes.EqualFold(name, []byte("sql_mode")):
			found |= moded
		case bytes.EqualFold(name, []byte(clientCharset)):
			value, rest := token(sql)
			if bytes.HasPrefix(value, []byte("=")) || bytes.HasPrefix(value, []byte(":")) {
				value, rest = token(rest)
			}
			if c := charsetNamed(value); ends(rest) {
				charset(c)
			} else {
				charset(multibyte) // an expression
			}
		}
		begins = false
	}
}

// ends tells whether an assignment ends before sql.
func ends(sql []byte) bool {
	word, _ := token(sql)
	return word == nil || word[0] == ',' || word[0] == ';'
}

// token takes the first word, text in quotes or other sign from sql; nil behind the last. What stands in /*! */ is code.
func token(sql []byte) (word, rest []byte) {
	i := 0
	for i < len(sql) {
		switch c := sql[i]; {
		case c <= ' ':
			i++
			continue
		case bytes.HasPrefix(sql[i:], []byte("/*!")):
			for i += len("/*!"); i < len(sql) && (sql[i] >= '0' && sql[i] <= '9' || sql[i] == 'M'); {
				i++
			}
			continue
		case bytes.HasPrefix(sql[i:], []byte("*/")):
			i += len("*/")
			continue
		case bytes.HasPrefix(sql[i:], []byte("/*")):
			n := bytes.Index(sql[i+len("/*"):], []byte("*/"))
			if n < 0 {
				return nil, nil
			}
			i += len("/*") + n
			continue
		case c == '#', bytes.HasPrefix(sql[i:], []byte("--")) && (i+2 == len(sql) || sql[i+2] <= ' '):
			n := bytes.IndexByte(sql[i:], '\n')
			if n < 0 {
				return nil, nil
			}
			i += n
			continue
		case c == '\'' || c == '"':
			n := i + 1
			for n < len(sql) && sql[n] != c {
				if n++; sql[n-1] == '\\' {
					n++
				}
			}
			if n >= len(sql) {
				return nil, nil
			}
			return sql[i : n+1], sql[n+1:]
		}
		n := i
		for n < len(sql) && (wordByte(sql[n]) || sql[n] == '@' || sql[n] == '.' || sql[n] == '`') {
			n++
		}
		n = max(n, i+1)
		return sql[i:n], sql[n:]
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

// dialectOf is how sql quotes, which may change the character set for its own later statements.
func (d *dialog) dialectOf(sql []byte) sqltext.Dialect {
	dialect := d.dialect()
	if i := bytes.IndexByte(sql, '\\'); i > 0 && bytes.IndexByte(sql[:i], ';') > 0 && quotingOf(sql)&multibyte != 0 {
		dialect |= sqltext.Multibyte
	}
	return dialect
}
