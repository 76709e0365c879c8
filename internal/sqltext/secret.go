package sqltext

import "bytes"

// Span is a range of a text, in bytes.
type Span struct{ Off, Len int }

// AppendShown appends sql as somebody may see it who asked for values: as it is, with ? for every secret.
func AppendShown(dst, sql []byte, d Dialect) []byte {
	at := 0
	for r := newReader(sql, d); r.next(); {
		dst = append(dst, sql[at:r.l.start]...)
		dst = append(dst, '?')
		at = r.l.at
	}
	return append(dst, sql[at:]...)
}

// AppendSecrets appends the ranges of sql that nobody may see, in their order. They are safe rather than exact: literals
// that follow a word like password, literals of statements about accounts, keys of functions that encrypt, and literals and
// comments that hold something like one of these.
func AppendSecrets(dst []Span, sql []byte, d Dialect) []Span {
	for r := newReader(sql, d); r.next(); {
		dst = append(dst, Span{r.l.start, r.l.at - r.l.start})
	}
	return dst
}

// SecretParameters tells whether a parameter of a statement could be a secret: whether a literal would be one behind any
// word of its normal form, which does not say what word a parameter belongs to.
func SecretParameters(normal []byte) bool {
	var first [2][]byte
	words := 0
	for at := 0; at < len(normal); at++ {
		from := at
		for at < len(normal) && classes[normal[at]]&part != 0 {
			at++
		}
		w := normal[from:at]
		if secret(w) || is(w, secretCalls...) {
			return true
		}
		if len(w) > 0 && words < len(first) {
			first[words] = w
			words++
		}
	}
	return accounts(first)
}

// secretWords are parts of the names of what is secret.
var secretWords = []string{"password", "passwd", "passphrase", "passcode", "pwd", "secret", "token", "credential", "api_key", "apikey",
	"access_key", "accesskey", "private_key", "privatekey", "identified"}

// secretCalls are functions that are given secrets in the clear.
var secretCalls = []string{"crypt", "pgp_sym_encrypt", "pgp_sym_encrypt_bytea", "pgp_sym_decrypt", "pgp_sym_decrypt_bytea", "pgp_pub_decrypt",
	"pgp_pub_decrypt_bytea", "encrypt", "decrypt", "encrypt_iv", "decrypt_iv", "hmac", "digest", "aes_encrypt", "aes_decrypt", "des_encrypt",
	"des_decrypt", "encode", "decode", "old_password", "md5", "sha", "sha1", "sha2", "sha224", "sha256", "sha384", "sha512"}

// reader finds secrets.
type reader struct {
	l     lexer
	depth int
	words int // of the statement, up to 3
	first [2][]byte

	account bool   // the statement is about accounts: its literals are hidden
	armed   int    // a word for something secret was read so deep, and nothing that ends its reach; -1: none
	commas  int    // commas that do not end it
	call    int    // inside a call of secretCalls so deep; -1: none
	last    []byte // the last word or name
	near    bool   // nothing but operators stands behind it

	columns uint64 // of an INSERT: which hold secrets
	column  int
	inserts bool // the next parentheses hold columns
	list    int  // inside them, so deep; -1: none
	values  bool // rows follow
}

func newReader(sql []byte, d Dialect) reader {
	if d&MySQL == 0 {
		d |= PostgreSQL
	}
	return reader{l: lexer{sql: sql, d: d}, armed: -1, call: -1, list: -1}
}

// next finds the next secret: the token of the lexer.
func (r *reader) next() bool {
	l := &r.l
	for {
		prev := l.prev
		k := l.next()
		b := l.sql[l.start:l.at]
		switch k {
		case end:
			return false
		case comment:
			if holds(b, l.cut) {
				return true
			}
			continue
		}
		l.prev = k
		if k != word && k != name && k != variable && k != operator {
			r.near = false
		}
		switch k {
		case word:
			r.word(b)
		case name, variable:
			if r.near && l.misquoted(r.last) {
				return true
			}
			r.last, r.near = b, true
			if secret(b) {
				r.arm(0)
			}
		case open, bracket:
			r.depth++
			if k == open && prev == word && r.call < 0 && is(r.last, secretCalls...) {
				r.call = r.depth
			}
			if r.list < 0 && (r.inserts || r.values) {
				r.list, r.column = r.depth, 0
			}
		case closing:
			if r.depth == r.list {
				r.list, r.inserts = -1, false
			}
			if r.depth == r.call {
				r.call = -1
			}
			r.depth--
			if r.depth < r.armed {
				r.armed = -1
			}
		case comma:
			if r.depth == r.list {
				r.column++
			}
			if r.depth <= r.armed {
				if r.commas--; r.commas < 0 {
					r.armed = -1
				}
			}
		case semicolon:
			*r = reader{l: r.l, armed: -1, call: -1, list: -1}
		case text, number:
			hide := r.armed >= 0 || r.call >= 0 && k == text || r.hidden()
			if k == text {
				hide = hide || r.account && !r.named(prev) || holds(b, l.cut)
				if !hide && secret(b) {
					r.arm(1) // a key: the value follows
				}
			}
			if hide {
				return true
			}
		}
	}
}

// word follows a word.
func (r *reader) word(b []byte) {
	r.last, r.near = b, true
	if r.words < len(r.first) {
		r.first[r.words] = b
		if r.words++; r.words == 2 {
			r.account = accounts(r.first)
		}
	}
	if secret(b) {
		r.arm(0)
		if r.inserts && r.depth == r.list {
			r.columns |= 1 << min(r.column, 63)
		}
		return
	}
	switch k := lookup(r.l.sql, r.l.start, r.l.at); {
	case k == nil:
	case k.role == into || k.role == inserts:
		r.inserts = true
	case k.role == rows:
		r.values, r.inserts = r.columns != 0, false
	case k.role == selects:
		r.inserts = false
		r.armed = -1
	case k.text == "AND" || k.text == "OR" || k.text == "WHERE" || k.text == "FROM" || k.text == "ORDER" || k.text == "LIMIT" || k.text == "GROUP":
		if r.depth <= r.armed {
			r.armed = -1
		}
	}
}

func (r *reader) arm(commas int) { r.armed, r.commas = r.depth, commas }

// hidden tells whether a value of a row belongs to a column of secrets.
func (r *reader) hidden() bool {
	return r.values && r.list >= 0 && r.columns>>min(r.column, 63)&1 != 0
}

// named tells whether a literal is the name of a user or of a host.
func (r *reader) named(prev kind) bool {
	l := &r.l
	return l.followed('@') || prev == operator && bytes.HasSuffix(bytes.TrimRight(l.sql[:l.start], " "), []byte("@")) ||
		prev == word && (bytes.EqualFold(r.last, []byte("user")) || bytes.EqualFold(r.last, []byte("exists")))
}

// accounts tells whether a statement that begins with these words is about accounts, or connections to other servers.
func accounts(first [2][]byte) bool {
	switch {
	case is(first[0], "create", "alter"):
		return is(first[1], "user", "role", "group", "server", "subscription", "foreign")
	case is(first[0], "change"):
		return is(first[1], "master", "replication")
	case is(first[0], "start"):
		return is(first[1], "slave", "replica", "group_replication")
	case is(first[0], "set"):
		return is(first[1], "password")
	}
	return is(first[0], "grant")
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
	if l.sql[l.start] != '"' || l.followed('.') {
		return false
	}
	front = bytes.TrimRight(bytes.TrimRight(front, " =:"), "\"`")
	i := len(front)
	for i > 0 && classes[front[i-1]]&part != 0 {
		i--
	}
	return i < len(front) && secret(front[i:])
}

// secret tells whether b holds a word for something secret.
func secret(b []byte) bool {
	at, _ := find(b)
	return at >= 0 || is(b, "pass") || len(b) > 5 && is(b[len(b)-5:], "_pass")
}

// find finds a word for something secret: where it begins, and where it ends. Tokens that are counted are none.
func find(b []byte) (int, int) {
	for i := range b {
		switch b[i] | 0x20 {
		case 'p', 's', 't', 'c', 'a', 'i':
			for _, w := range secretWords {
				if startsWith(b[i:], w) && !startsWith(b[i:], "tokens") && !startsWith(b[i:], "token_count") {
					return i, i + len(w)
				}
			}
		}
	}
	return -1, -1
}

// holds tells whether a text gives away a secret: password=..., "password": ..., password '...', identified by ...,
// scheme://user:password@host. The end of one that was cut off is taken for the worst.
func holds(b []byte, cut bool) bool {
	for rest := b; ; {
		_, n := find(rest)
		if n < 0 {
			break
		}
		rest = rest[n:]
		for len(rest) > 0 && classes[rest[0]]&part != 0 {
			rest = rest[1:] // to the end of the word
		}
		if t := bytes.TrimLeft(rest, " \t\r\n\"`]"); len(t) > 0 && (t[0] == '=' || t[0] == ':' || t[0] == '\'' && len(t) > 1 || startsWith(t, "by")) {
			return true
		}
	}
	for rest := b; ; {
		n := bytes.Index(rest, []byte("://"))
		if n < 0 {
			return false
		}
		rest = rest[n+3:]
		host := rest
		n = bytes.IndexAny(host, "/ \t\r\n")
		if n >= 0 {
			host = host[:n]
		} else if cut && bytes.IndexByte(host, ':') >= 0 {
			return true
		}
		if n := bytes.LastIndexByte(host, '@'); n >= 0 && bytes.IndexByte(host[:n], ':') >= 0 {
			return true
		}
	}
}
