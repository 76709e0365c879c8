package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// dumpLine is a line of a hex dump: an offset, then bytes. Whether it is one, its numbers tell.
var dumpLine = regexp.MustCompile(`^\s*(?:0[xX])?([0-9a-fA-F]{4,16})(:?)\s+(.*)$`)

// parseHex reads bytes as people have them: digits in any groups, with 0x or \x, spaces, colons, commas or ends of lines
// between them, or a hex dump with offsets at the left and text at the right, as xxd, hexdump -C, od and Wireshark write
// it.
func parseHex(text string) ([]byte, error) {
	var out []byte
	dump := false
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		wrong := func(format string, args ...any) error {
			where := ""
			if len(lines) > 1 {
				where = fmt.Sprintf("line %d: ", i+1)
			}
			return fmt.Errorf(where+format, args...)
		}
		line = strings.TrimSpace(line)
		if line == "*" {
			return nil, wrong("* stands for lines that were left out; dump all of them (hexdump -v, od -v)")
		}
		if m := dumpLine.FindStringSubmatch(line); m != nil && isOffset(m[1], m[2] != "", m[3], len(out)) {
			if words := strings.Fields(m[3]); m[2] == "" && len(words[0]) == 4 {
				return nil, wrong("words of two bytes in the machine's own order; use hexdump -C or xxd")
			}
			dump, line = true, dumpBytes(m[3])
		} else if dump && len(line) >= 7 && isNumber(line, len(out)) {
			continue // the offset behind the last byte
		}
		line = strings.NewReplacer(`\x`, " ", ",", " ", ":", " ", ";", " ", "{", " ", "}", " ", `"`, " ", "'", " ").Replace(line)
		for _, word := range strings.Fields(line) {
			word = strings.TrimPrefix(strings.TrimPrefix(word, "0x"), "0X")
			if len(word) == 1 {
				word = "0" + word
			}
			if len(word)%2 > 0 {
				return nil, wrong("%q has an odd number of digits", word)
			}
			for j := 0; j < len(word); j += 2 {
				b, err := strconv.ParseUint(word[j:j+2], 16, 8)
				if err != nil {
					return nil, wrong("%q is not hexadecimal", word)
				}
				out = append(out, byte(b))
			}
		}
	}
	return out, nil
}

// isOffset tells whether a number at the left of a line is the place of the bytes that follow, of which n came before: a colon
// says so, or the number itself where it is longer than the groups behind it.
func isOffset(number string, colon bool, rest string, n int) bool {
	words := strings.Fields(rest)
	switch {
	case len(words) == 0:
		return false
	case colon:
		return true
	case len(words[0]) == 2, len(words[0]) == 4 && len(number) == 7: // hexdump without -C
		return isNumber(number, n)
	}
	return false
}

// isNumber tells whether digits mean n, in base 16 or, as od writes offsets, in base 8.
func isNumber(digits string, n int) bool {
	v, err := strconv.ParseInt(digits, 16, 64)
	w, erro := strconv.ParseInt(digits, 8, 64)
	return err == nil && v == int64(n) || erro == nil && w == int64(n)
}

// dumpBytes is line, which follows an offset, without the text at its right: that stands behind a bar, or behind two spaces
// and is not the second half of the bytes.
func dumpBytes(line string) string {
	if at := strings.IndexByte(line, '|'); at >= 0 {
		line = line[:at]
	}
	digits, last := 0, 0
	for at := 0; at < len(line); {
		end := at + strings.IndexByte(line[at:]+" ", ' ')
		digits, last = digits+end-at, end-at
		next := end
		for next < len(line) && line[next] == ' ' {
			next++
		}
		word := line[next : next+strings.IndexByte(line[next:]+" ", ' ')]
		if gap := next - end; gap > 2 || gap == 2 && (digits != 16 || last != 2 || len(word) != 2) || digits >= 32 {
			return line[:end]
		}
		at = next
	}
	return line
}
