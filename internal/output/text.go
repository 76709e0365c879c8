package output

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

const (
	ellipsis = "…"
	// maxCluster bounds the bytes of one character with its marks, so that a stack of marks does not run over the lines
	// around it: a family of four with skin colours takes 41.
	maxCluster = 48
)

// appendCells appends s as a terminal shows it safely, in at most limit cells (0: any number), and returns how many
// it takes. What is longer is cut and ends in an ellipsis. With squeeze white space is one space, and none at the ends.
// Characters that a terminal would obey rather than show are replaced.
func appendCells(dst []byte, s string, limit int, squeeze bool) ([]byte, int) {
	if squeeze {
		s = strings.TrimSpace(s)
	}
	width, state, space := 0, -1, false
	fits, fitsWidth := len(dst), 0 // where an ellipsis has room
	for s != "" {
		start, w := len(dst), 1
		switch {
		case s[0] > ' ' && s[0] < 0x7F && (len(s) == 1 || s[1] < utf8.RuneSelf):
			dst = append(dst, s[0])
			s, state, space = s[1:], -1, false
		case squeeze && (s[0] == ' ' || s[0] >= '\t' && s[0] <= '\r'):
			if s, state = s[1:], -1; space {
				continue
			}
			dst, space = append(dst, ' '), true
		default:
			var cluster string
			cluster, s, w, state = uniseg.FirstGraphemeClusterInString(s, state)
			dst, w = appendCluster(dst, cluster, w)
			space = false
		}
		if limit > 0 && width+w > limit {
			return append(dst[:min(fits, start)], ellipsis...), fitsWidth + 1
		}
		if width += w; width < limit {
			fits, fitsWidth = len(dst), width
		}
	}
	return dst, width
}

// appendCluster appends one character with its marks, or what stands for it.
func appendCluster(dst []byte, cluster string, width int) ([]byte, int) {
	if len(cluster) > maxCluster {
		return append(dst, "\uFFFD"...), 1
	}
	r, n := utf8.DecodeRuneInString(cluster)
	switch {
	case n == len(cluster) && r < ' ':
		return utf8.AppendRune(dst, 0x2400+r), 1 // a picture of the control character
	case r == 0x7F:
		return append(dst, "\u2421"...), 1
	case width < 1:
		return append(dst, "\uFFFD"...), 1 // marks of nothing
	}
	for _, r := range cluster {
		if !unicode.IsGraphic(r) && r != '\u200D' && r != '\u200C' || r == utf8.RuneError {
			return append(dst, "\uFFFD"...), 1
		}
	}
	return append(dst, cluster...), width
}
