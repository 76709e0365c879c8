package filter

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

type kind uint8

const (
	end    kind = iota
	word        // a path, an operator's name or a bare value
	quoted      // text with its quotes
	symbol      // == ( and so on
)

// token is a piece of the expression as it was written.
type token struct {
	kind kind
	text string
	pos  int
}

// lexer cuts an expression into tokens.
type lexer struct {
	src string
	pos int
	tok token // the current one
}

func (l *lexer) fail(pos int, format string, args ...any) error {
	return &SyntaxError{Expr: l.src, Offset: min(pos, len(l.src)), Msg: fmt.Sprintf(format, args...)}
}

var symbols = []string{"==", "!=", "<=", ">=", "&&", "||", "<", ">", "!", "(", ")", "{", "}", ","}

// next moves to the next token.
func (l *lexer) next() error {
	for l.pos < len(l.src) {
		r, n := utf8.DecodeRuneInString(l.src[l.pos:])
		if !unicode.IsSpace(r) {
			break
		}
		l.pos += n
	}
	rest, at := l.src[l.pos:], l.pos
	if rest == "" {
		l.tok = token{end, "", at}
		return nil
	}
	for _, s := range symbols {
		if strings.HasPrefix(rest, s) {
			l.pos += len(s)
			l.tok = token{symbol, s, at}
			return nil
		}
	}
	switch rest[0] {
	case '=':
		return l.fail(at, "write == to compare")
	case '&':
		return l.fail(at, "write && for and")
	case '|':
		return l.fail(at, "write || for or")
	case '"', '\'':
		if err := l.quote(); err != nil {
			return err
		}
		l.tok = token{quoted, l.src[at:l.pos], at}
		return nil
	}
	for l.pos < len(l.src) {
		c := l.src[l.pos]
		if (c == '"' || c == '\'') && l.pos > at && l.src[l.pos-1] == '.' { // an element of a path
			if err := l.quote(); err != nil {
				return err
			}
			continue
		}
		if c < utf8.RuneSelf && strings.IndexByte(" \t\r\n\v\f()<>={}!&|,\"'", c) >= 0 {
			break
		}
		r, n := utf8.DecodeRuneInString(l.src[l.pos:])
		if unicode.IsSpace(r) {
			break
		}
		l.pos += n
	}
	l.tok = token{word, l.src[at:l.pos], at}
	return nil
}

// quote moves behind the quoted text that begins here.
func (l *lexer) quote() error {
	at := l.pos
	for l.pos++; l.pos < len(l.src); l.pos++ {
		switch l.src[l.pos] {
		case '\\':
			l.pos++
		case l.src[at]:
			l.pos++
			return nil
		}
	}
	l.pos = len(l.src)
	return l.fail(at, "the text that begins here has no closing %c", l.src[at])
}

// unquote is the text that s, at pos and with its quotes, stands for.
func (l *lexer) unquote(s string, pos int) (string, error) {
	in := s[1 : len(s)-1]
	if strings.IndexByte(in, '\\') < 0 {
		return in, nil
	}
	var b []byte
	for at := 0; at < len(in); {
		if in[at] != '\\' {
			b = append(b, in[at])
			at++
			continue
		}
		if c := in[at+1]; c == '"' || c == '\'' {
			b = append(b, c)
			at += 2
			continue
		}
		r, wide, rest, err := strconv.UnquoteChar(in[at:], 0)
		if err != nil {
			_, n := utf8.DecodeRuneInString(in[at+1:])
			return "", l.fail(pos+1+at, `unknown escape %s; a backslash is written \\`, in[at:at+1+n])
		}
		if wide {
			b = utf8.AppendRune(b, r)
		} else {
			b = append(b, byte(r))
		}
		at = len(in) - len(rest)
	}
	return string(b), nil
}

// appendQuoted writes s so that unquote gives s again.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			dst = fmt.Appendf(dst, `\x%02x`, s[i])
		case unicode.IsPrint(r):
			dst = utf8.AppendRune(dst, r)
		default:
			q := strconv.QuoteRuneToASCII(r)
			dst = append(dst, q[1:len(q)-1]...)
		}
	}
	return append(dst, '"')
}

// element is one name of a path.
type element struct {
	name string
	bare bool // written without quotes
	pos  int
}

// path cuts a word at its dots.
func (l *lexer) path(t token) ([]element, error) {
	var path []element
	for s, pos := t.text, t.pos; ; {
		e := element{pos: pos, bare: true}
		n := 0
		if s != "" && (s[0] == '"' || s[0] == '\'') {
			sub := lexer{src: s}
			if err := sub.quote(); err != nil {
				return nil, l.fail(pos, "a closing quote is missing")
			}
			var err error
			if e.name, err = l.unquote(s[:sub.pos], pos); err != nil {
				return nil, err
			}
			e.bare, n = false, sub.pos
		} else {
			for n < len(s) && s[n] != '.' {
				if r, w := utf8.DecodeRuneInString(s[n:]); nameRune(r) {
					n += w
					continue
				} else if r == '[' {
					return nil, l.fail(pos+n, "an element of a list is written .0")
				}
				return nil, l.fail(pos+n, "a comparison begins with a column's name; in a path, odd names are written in quotes")
			}
			e.name = s[:n]
			if e.name == "" {
				return nil, l.fail(pos, "a name is missing")
			}
		}
		if path = append(path, e); len(path) > maxPath {
			return nil, l.fail(pos, "the path is too long")
		}
		s, pos = s[n:], pos+n
		if s == "" {
			return path, nil
		}
		if s[0] != '.' {
			return nil, l.fail(pos, "a dot is missing")
		}
		s, pos = s[1:], pos+1
	}
}

func nameRune(r rune) bool {
	return r == '_' || r == '$' || r == '-' || r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r))
}

// appendName writes an element of a path.
func appendName(dst []byte, name string) []byte {
	if name == "" || strings.IndexFunc(name, func(r rune) bool { return !nameRune(r) }) >= 0 {
		return appendQuoted(dst, name)
	}
	return append(dst, name...)
}
