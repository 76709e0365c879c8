package output

import (
	"strings"
	"unicode/utf8"
)

// maxRawDepth bounds lists and objects inside each other in an attribute, because reading them recurses; attributes
// have a few.
const maxRawDepth = 64

// appendRaw appends JSON that a protocol made, without its white space. What is no JSON is appended as text, so that
// the object around it stays one.
func appendRaw(dst []byte, s string) []byte {
	r := raw{in: s, out: dst}
	if r.value(0) && r.peek() == 0 && r.at == len(s) {
		return r.out
	}
	return appendString(dst, s)
}

type raw struct {
	in  string
	at  int
	out []byte
}

// peek passes white space and is the next byte, 0 at the end.
func (r *raw) peek() byte {
	for ; r.at < len(r.in); r.at++ {
		if c := r.in[r.at]; c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return c
		}
	}
	return 0
}

// take copies c if it is next.
func (r *raw) take(c byte) bool {
	if r.peek() != c || c == 0 {
		return false
	}
	r.at++
	r.out = append(r.out, c)
	return true
}

func (r *raw) value(depth int) bool {
	if depth > maxRawDepth {
		return false
	}
	switch c := r.peek(); c {
	case '{':
		r.take('{')
		for first := true; !r.take('}'); first = false {
			if !first && !r.take(',') || !r.text() || !r.take(':') || !r.value(depth+1) {
				return false
			}
		}
		return true
	case '[':
		r.take('[')
		for first := true; !r.take(']'); first = false {
			if !first && !r.take(',') || !r.value(depth+1) {
				return false
			}
		}
		return true
	case '"':
		return r.text()
	default:
		for _, word := range [...]string{"true", "false", "null"} {
			if strings.HasPrefix(r.in[r.at:], word) {
				r.out = append(r.out, word...)
				r.at += len(word)
				return true
			}
		}
		return r.number()
	}
}

// text copies text in quotes. Control characters in it, invalid escapes and bytes are no JSON.
func (r *raw) text() bool {
	if r.peek() != '"' {
		return false
	}
	from := r.at
	for r.at++; r.at < len(r.in); {
		r.at += plain(r.in[r.at:], '\\')
		if r.at == len(r.in) {
			return false
		}
		switch c := r.in[r.at]; {
		case c == '"':
			r.at++
			r.out = append(r.out, r.in[from:r.at]...)
			return true
		case c == '\\':
			if r.at++; r.at == len(r.in) {
				return false
			}
			c, n := r.in[r.at], 1
			if c == 'u' {
				n = 5
			} else if strings.IndexByte(`"\/bfnrt`, c) < 0 {
				return false
			}
			for i := 1; i < n; i++ {
				if r.at+i >= len(r.in) || !isHex(r.in[r.at+i]) {
					return false
				}
			}
			r.at += n
		case c < utf8.RuneSelf:
			return false
		default:
			c, n := utf8.DecodeRuneInString(r.in[r.at:])
			if c == utf8.RuneError && n == 1 || c < 0xA0 || c == '\u2028' || c == '\u2029' {
				return false
			}
			r.at += n
		}
	}
	return false
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// number copies a number: an integer without leading zeros, a fraction, an exponent.
func (r *raw) number() bool {
	from := r.at
	r.pass("-", 1)
	if r.pass("0", 1) == 0 && r.pass("0123456789", len(r.in)) == 0 {
		return false
	}
	if r.pass(".", 1) > 0 && r.pass("0123456789", len(r.in)) == 0 {
		return false
	}
	if r.pass("eE", 1) > 0 {
		r.pass("+-", 1)
		if r.pass("0123456789", len(r.in)) == 0 {
			return false
		}
	}
	r.out = append(r.out, r.in[from:r.at]...)
	return true
}

// pass goes over at most n bytes of a set and counts them.
func (r *raw) pass(set string, n int) (passed int) {
	for passed < n && r.at < len(r.in) && strings.IndexByte(set, r.in[r.at]) >= 0 {
		r.at++
		passed++
	}
	return passed
}
