package sqltext

import "bytes"

// comment reads the tags of a comment as sqlcommenter writes it: key='value',key='value'. A comment that is anything else
// is passed over.
func (s *Statement) comment(b []byte) {
	if len(b) < 8 || b[0] != '/' || !bytes.HasSuffix(b, []byte("*/")) {
		return
	}
	b = bytes.TrimSpace(b[2 : len(b)-2])
	if len(b) == 0 || b[len(b)-1] != '\'' {
		return
	}
	tags, ends := len(s.tags), len(s.ends)
	for len(b) > 0 {
		n := bytes.Index(b, []byte("='"))
		if n <= 0 || bytes.ContainsAny(b[:n], " \t\n'") {
			s.tags, s.ends = s.tags[:tags], s.ends[:ends]
			return
		}
		s.tags = appendDecoded(s.tags, b[:n])
		s.ends = append(s.ends, int32(len(s.tags)))
		b = b[n+2:]
		for n = 0; n < len(b) && b[n] != '\''; n++ {
			if b[n] == '\\' {
				n++
			}
		}
		if n >= len(b) || n+1 < len(b) && b[n+1] != ',' {
			s.tags, s.ends = s.tags[:tags], s.ends[:ends]
			return
		}
		s.tags = appendDecoded(s.tags, b[:n])
		s.ends = append(s.ends, int32(len(s.tags)))
		b = bytes.TrimSpace(b[min(n+2, len(b)):])
	}
}

// appendDecoded appends b with %XX and \' decoded.
func appendDecoded(dst, b []byte) []byte {
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case c == '\\' && i+1 < len(b):
			i++
			c = b[i]
		case c == '%' && i+2 < len(b) && unhex(b[i+1]) < 16 && unhex(b[i+2]) < 16:
			c = unhex(b[i+1])<<4 | unhex(b[i+2])
			i += 2
		}
		dst = append(dst, c)
	}
	return dst
}

func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f', c >= 'A' && c <= 'F':
		return c&^0x20 - 'A' + 10
	}
	return 16
}

// trace finds the first valid traceparent (https://www.w3.org/TR/trace-context/#traceparent-header) among the tags.
func (s *Statement) trace() {
	for k, v := range s.Tags() {
		if s.TraceID == nil && string(k) == "traceparent" {
			s.TraceID, s.SpanID = Traceparent(v)
		}
	}
}

// Traceparent is the trace and the span of a traceparent, 32 and 16 digits that borrow from it; nil if it is not valid.
func Traceparent(v []byte) (trace, span []byte) {
	if !valid(v) {
		return nil, nil
	}
	return v[3:35], v[36:52]
}

func valid(v []byte) bool {
	if len(v) < 55 || v[2] != '-' || v[35] != '-' || v[52] != '-' || string(v[:2]) == "ff" ||
		len(v) > 55 && (string(v[:2]) == "00" || v[55] != '-') {
		return false
	}
	for i, c := range v[:55] {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && i != 2 && i != 35 && i != 52 {
			return false
		}
	}
	return !zero(v[3:35]) && !zero(v[36:52])
}

func zero(b []byte) bool {
	for _, c := range b {
		if c != '0' {
			return false
		}
	}
	return true
}
