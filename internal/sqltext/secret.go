package sqltext

import "bytes"

// Span is a range of a text, in bytes.
type Span struct{ Off, Len int }

// Hidden stands for a secret. A question mark would be taken for a parameter.
const Hidden = "(hidden)"

// AppendShown appends sql as somebody may see it who asked for values: as it is, with Hidden for every secret; no more than the
// first n bytes, n being positive, of that. It tells whether anything in all of sql is a secret.
func AppendShown(dst, sql []byte, d Dialect, n int) (out []byte, hidden bool) {
	end, at := len(dst)+n, 0
	for r := newReader(sql, d); len(dst) < end && r.next(); at, hidden = r.at, true {
		dst = append(append(dst, sql[at:min(r.start, at+n)]...), Hidden...)
	}
	if left := end - len(dst); left > 0 {
		dst = append(dst, sql[at:min(len(sql), at+left)]...)
	}
	return dst[:min(len(dst), end)], hidden
}

// AppendSecrets appends the ranges of sql that nobody may see, in their order. They are safe rather than exact: where
// anything in the text, also inside a literal, a name or a comment, is or holds a word for something secret (password,
// token), calls a function that is given keys, is a statement about accounts, or looks like scheme://user@host, all
// literals and comments of the whole text are secrets, as they are where the text is Partial. Any other text has none. A
// quote behind a backslash hides what follows, whatever the dialect says, since that may be wrong.
func AppendSecrets(dst []Span, sql []byte, d Dialect) []Span {
	for r := newReader(sql, d); r.next(); {
		dst = append(dst, Span{r.start, r.at - r.start})
	}
	return dst
}

// SecretParameters tells whether a parameter of a statement could be a secret: whether a literal in its normal form would be.
func SecretParameters(normal []byte) bool { return guarded(normal) }

// secretWords are parts of the names of what is secret.
var secretWords = []string{"passw", "passphrase", "passcode", "pwd", "secret", "token", "credential", "api_key", "apikey", "access_key",
	"accesskey", "private_key", "privatekey", "identified"}

// secretCalls are functions that are given secrets in the clear.
var secretCalls = []string{"crypt", "pgp_sym_encrypt", "pgp_sym_encrypt_bytea", "pgp_sym_decrypt", "pgp_sym_decrypt_bytea", "pgp_pub_decrypt",
	"pgp_pub_decrypt_bytea", "encrypt", "decrypt", "encrypt_iv", "decrypt_iv", "hmac", "digest", "aes_encrypt", "aes_decrypt", "des_encrypt",
	"des_decrypt", "encode", "decode", "md5", "sha", "sha1", "sha2", "sha224", "sha256", "sha384", "sha512", "kdf", "login"}

// reader finds secrets.
type reader struct {
	lexer
	last []byte // the last word or name, if nothing but operators stands behind it
}

func newReader(sql []byte, d Dialect) reader {
	if d&MySQL == 0 {
		d |= PostgreSQL
	}
	r := reader{lexer: lexer{sql: sql, d: d | Multibyte | Unsure}} // the dialect may be wrong: the worst is safe
	if !r.guarded() {
		r.at = len(sql)
	} else if d&Partial == 0 {
		l := r.lexer // goes ahead: whether a quote is stray tells the end alone
		for k := none; k != end; {
			if k = l.next(); k != comment {
				l.prev = k
			}
		}
		r.stray = l.endless
	}
	return r
}

// next finds the next secret: the token of the lexer.
func (r *reader) next() bool {
	for {
		k := r.lexer.next()
		b := r.sql[r.start:r.at]
		if k == comment {
			// What begins and ends MySQL's code in comments is none.
			if b[0] != '*' && (b[0] != '/' || r.cut || bytes.HasSuffix(b, []byte("*/"))) {
				return true
			}
			continue
		}
		r.prev = k
		switch k {
		case end:
			return false
		case text, number:
			r.last = nil
			return true
		case name:
			if r.misquoted(r.last) {
				return true
			}
			r.last = b
		case word, variable:
			r.last = b
		case operator:
		default:
			r.last = nil
		}
	}
}

// guarded tells whether the literals of a text are secrets. It reads the text without regard to quotes: words for secrets
// stand in literals that are code, or keys of what stands beside them, as well.
func guarded(b []byte) bool {
	var last []byte
	for at := 0; at < len(b); at++ {
		from := at
		for at < len(b) && classes[b[at]]&part != 0 {
			at++
		}
		if from == at {
			continue
		}
		w := b[from:at]
		if secret(w) || accounts(last, w) || is(w, secretCalls...) && takes(b[at:]) {
			return true
		}
		last = w
	}
	return hasURL(b)
}

// takes tells whether what stands behind a name are arguments, or a comment in front of them.
func takes(b []byte) bool {
	b = bytes.TrimLeft(b, " \t\r\n\v\f\\\"`")
	return len(b) == 0 || b[0] == '(' || b[0] == '/' || b[0] == '-' || b[0] == '#'
}

// hasURL tells whether b holds scheme://user@host. The end of one that was cut off is taken for the worst.
func hasURL(b []byte) bool {
	for {
		n := bytes.Index(b, []byte("://"))
		if n < 0 {
			return false
		}
		b = b[n+3:]
		n = bytes.IndexAny(b, " \t\r\n")
		if n < 0 {
			return bytes.IndexByte(b, '@') >= 0 || !bytes.ContainsAny(b, "'\"`$*")
		}
		if bytes.IndexByte(b[:n], '@') >= 0 {
			return true
		}
		b = b[n:]
	}
}

// accounts tells whether two words are of a statement about accounts, or connections to other servers.
func accounts(first, second []byte) bool {
	switch {
	case is(first, "create", "alter"):
		return is(second, "user", "role", "group", "server", "subscription", "foreign")
	case is(first, "change"):
		return is(second, "master", "replication")
	case is(first, "start"):
		return is(second, "slave", "replica", "group_replication")
	}
	return is(second, "grant")
}

// is tells whether b is one of the words.
func is(b []byte, words ...string) bool {
	for _, w := range words {
		if len(w) == len(b) && startsWith(b, w) {
			return true
		}
	}
	return false
}

// startsWith tells whether b begins with a word, in any case.
func startsWith(b []byte, word string) bool {
	if len(b) < len(word) {
		return false
	}
	for i := range len(word) {
		if c := b[i]; c != word[i] && c|0x20 != word[i] {
			return false
		}
	}
	return true
}

// misquoted tells whether the quoted name that was read is most likely a text in the quotes of another dialect: what stands
// in front of it, without comments, ends with a word for something secret, or with that and =.
func (l *lexer) misquoted(front []byte) bool {
	if l.sql[l.start] != '"' || set(1<<open|1<<comma|1<<dot).has(l.prev) {
		return false
	}
	front = bytes.TrimRight(bytes.TrimRight(front, " =:"), "\"`")
	i := len(front)
	for i > 0 && classes[front[i-1]]&part != 0 {
		i--
	}
	return i < len(front) && secret(front[i:]) && !l.followed('.')
}

// secret tells whether a word is, or holds, one for something secret. Tokens that are counted are none.
func secret(b []byte) bool {
	for i := range b {
		switch b[i] | 0x20 {
		case 'p', 's', 't', 'c', 'a', 'i':
			for _, w := range secretWords {
				if startsWith(b[i:], w) && !startsWith(b[i:], "tokens") && !startsWith(b[i:], "token_count") {
					return true
				}
			}
		}
	}
	for _, w := range [...]string{"pass", "pw"} {
		if n := len(b) - len(w); n >= 0 && startsWith(b[n:], w) && (n == 0 || b[n-1] == '_') {
			return true
		}
	}
	return false
}
