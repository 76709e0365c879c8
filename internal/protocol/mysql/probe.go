package mysql

import (
	"bytes"

	"github.com/dbtap/dbtap/internal/inflate"
	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/stream"
)

// probe implements l7.Protocol.Probe.
func probe(c *l7.ConnInfo, _ stream.Dir, b []byte) l7.Verdict {
	if len(b) < headerSize+1 {
		if len(b) == 0 || len(b) >= 3 && payload(b) == 0 {
			return l7.No
		}
		return l7.Unsure
	}
	if payload(b) == 0 {
		return l7.No
	}
	if c == nil || !c.Midstream {
		return first(b)
	}
	v := fromClient(b)
	if v == l7.No {
		v = fromServer(b)
	}
	switch {
	case v != l7.No:
	case len(b) <= frameHeader && frame(b) == open: // some clients send a frame's header alone
		return l7.Unsure
	case compressed(b):
		return inFrame(b)
	}
	return v
}

// enoughPlain is how much of a frame is decompressed to see what it holds.
const enoughPlain = 4 << 10

// inFrame judges what the first compressed frame of b holds.
func inFrame(b []byte) l7.Verdict {
	n, size := payload(b), int(little(b[4:7]))
	src := b[frameHeader:min(len(b), frameHeader+n)]
	if len(src) < n {
		return l7.No
	}
	if size > 0 {
		var err error
		most := min(size, enoughPlain)
		if bytes.HasPrefix(src, zstdMagic) {
			src, err = inflate.Zstd(nil, src, most)
		} else {
			src, err = inflate.Zlib(nil, src, most)
		}
		if err != nil && (err != inflate.ErrLimit || most == size) || len(src) != most {
			return l7.No
		}
	}
	if len(src) <= headerSize || payload(src) == 0 {
		return l7.No
	}
	v := fromClient(src)
	if v != l7.FromClient {
		v = fromServer(src)
	}
	switch {
	case v == l7.FromClient || v == l7.FromServer:
		return v
	case size == 0:
		return l7.No
	case b[3] == 0:
		return l7.FromClient
	}
	return l7.FromServer
}

// first judges what a connection begins with: a greeting, an error in its place, or a login.
func first(b []byte) l7.Verdict {
	p, n, seq := packetAt(b)
	switch {
	case seq > 0:
		return fromClient(b)
	case p[0] == 9 || p[0] == 10:
		return greetingSoFar(p, n)
	case p[0] == markERR:
		return errorSoFar(p, n, seq)
	}
	return xFirst(b)
}

// find is the offset of the first packet of a side in b that is beyond doubt, or -1.
func find(dir l7.Dir, b []byte) int {
	for i := 0; i+headerSize < len(b); i++ {
		// The highest byte of a length is 0: a longer packet would not be seen whole anyway.
		k := bytes.IndexByte(b[i+2:], 0)
		if k < 0 {
			return -1
		}
		if i += k; i+headerSize >= len(b) || payload(b[i:]) == 0 || i > 0 && len(b)-i < leastFound {
			continue
		}
		if dir == l7.ToServer && fromClient(b[i:]) == l7.FromClient || dir == l7.ToClient && fromServer(b[i:]) == l7.FromServer {
			return i
		}
	}
	return -1
}

// leastFound is how many bytes tell a packet from what only looks like one at the end of something else.
const leastFound = 11

// packetAt is the payload of the packet that b begins with, as far as it is there, and its length.
func packetAt(b []byte) (p []byte, n int, seq byte) {
	n = payload(b)
	return b[headerSize:min(len(b), headerSize+n)], n, b[3]
}

// alone tells whether b holds one packet or its beginning: who sent it waits for an answer.
func alone(b []byte) bool { return len(b) <= headerSize+payload(b) }

// fromClient judges whether b begins with a packet of a client. It says No to what only a server sends.
func fromClient(b []byte) l7.Verdict { return commands(b, maxPipelined) }

// enoughBytes is how many bytes of a packet are waited for that says little before its end: no more of it is kept.
const enoughBytes = 4 << 10

// maxPipelined is how many packets in a row are looked at that say little each.
const maxPipelined = 4

// commands judges packets of a client that follow each other, at most so many.
func commands(b []byte, most int) l7.Verdict {
	if payload(b) == 0 {
		return l7.No
	}
	p, n, seq := packetAt(b)
	whole := len(p) == n
	if seq != 0 {
		if seq > 3 || n < 7 || n >= 1<<16 || !alone(b) {
			return l7.No
		}
		if v := loginSoFar(p, n); v != l7.No || seq > 1 || !whole || !isLogin320(p) {
			return v
		}
		return l7.FromClient
	}
	yes := func(ok bool) l7.Verdict { // if what follows is one too
		switch {
		case !whole && len(b) < enoughBytes:
			return l7.Unsure
		case !whole || !ok || most == 0:
			return l7.No
		case len(b) == headerSize+n && n == 1 && most == maxPipelined: // five bytes are little
			return l7.Unsure
		case len(b) == headerSize+n:
			return l7.FromClient
		case len(b) <= 2*headerSize+n:
			return l7.No
		}
		return commands(b[headerSize+n:], most-1)
	}
	id := func(at, most int) bool { return len(p) >= at+4 && little(p[at:at+4]) < uint64(most) }
	const many = 1 << 24 // of statements, positions and the like
	switch p[0] {
	case comQuery, comPrepare:
		v := query(p[1:], n-1, p[0] == comQuery)
		if v != l7.FromClient {
			return v
		}
		if !whole && printable(p[1:min(len(p), muchSQL)]) && longStatement(p[1:]) {
			return v
		}
		return yes(whole)
	case comQuit, comStatistics, comProcessInfo, comDebug, comPing, comResetSession:
		if n == 1 {
			return yes(true)
		}
	case comInitDB, 0x05, 0x06:
		if n > 1 && n < 1+maxName {
			return yes(isName(p[1:]))
		}
	case comFieldList:
		if n > 2 && n < maxName {
			i := bytes.IndexByte(p, 0)
			return yes(i > 1 && isName(p[1:i]) && isName(p[i+1:]))
		}
	case comRefresh, comShutdown:
		if n <= 2 {
			return yes(n == 2 || p[0] == comShutdown)
		}
	case comSetOption:
		if n == 3 {
			return yes(whole && p[1] < 2 && p[2] == 0)
		}
	case comProcessKill, comClose, comReset:
		if n == 5 {
			return yes(id(1, many) || whole && little(p[1:]) == latest)
		}
	case comFetch:
		if n == 9 {
			return yes(id(1, many) && id(5, many))
		}
	case comLongData:
		if n >= 7 && len(p) >= 7 && id(1, many) && little(p[5:7]) < maxParameters {
			return yes(true)
		}
	case comExecute:
		if n >= 10 && len(p) < 10 {
			return l7.Unsure
		}
		if n >= 10 && (id(1, many) || little(p[1:5]) == latest) && p[5] < 16 && little(p[6:10]) == 1 {
			if len(p) >= muchSQL {
				return l7.FromClient
			}
			return yes(true)
		}
	case comBulkExecute:
		if n >= 7 && len(p) >= 7 && (id(1, many) || little(p[1:5]) == latest) && little(p[5:7])&^(64|bulkTypes) == 0 {
			return yes(true)
		}
	case comChangeUser:
		if i := bytes.IndexByte(p, 0); i > 0 && n < 1<<16 {
			return yes(isName(p[1:i]) && n > i+2)
		}
	case comBinlogDump, comRegister, comDumpGTID:
		if n >= 11 && n < 1<<16 {
			return yes(dump(p))
		}
	}
	return l7.No
}

// dump judges a request of a replica.
func dump(p []byte) bool {
	switch p[0] {
	case comBinlogDump:
		return len(p) >= 11 && little(p[5:7])&^3 == 0 && printable(p[11:])
	case comDumpGTID:
		return len(p) >= 15 && little(p[1:3])&^7 == 0 && int(little(p[7:11])) <= len(p)
	}
	return len(p) >= 18 && int(p[5]) < len(p) && printable(p[6:min(len(p), 6+int(p[5]))])
}

// query judges SQL, and what may stand before it.
func query(p []byte, n int, attributes bool) l7.Verdict {
	if attributes && len(p) >= 2 && p[1] == 1 && p[0] < ' ' {
		params := int(p[0])
		if params == 0 {
			return sqlSoFar(p[2:], n-2)
		}
		at := 2 + (params+7)/8
		switch {
		case n < at+4*params:
			return l7.No
		case len(p) < at+3:
			return l7.Unsure
		case p[at] == 1 && typeNames[uint64(p[at+1])] != "" && p[at+2]&^unsignedParameter == 0:
			return l7.FromClient
		}
		return l7.No
	}
	return sqlSoFar(p, n)
}

// enoughSQL is how much of a text has to be characters, muchSQL if its end is not there.
const (
	enoughSQL = 16
	muchSQL   = 256
)

// sqlSoFar judges whether p, of n bytes in all, begins like a statement: with a word or a comment.
func sqlSoFar(p []byte, n int) l7.Verdict {
	if n < 2 {
		return l7.No
	}
	i := 0
	for i < len(p) && (p[i] == ' ' || p[i] == '\n' || p[i] == '\r' || p[i] == '\t' || p[i] == '(' || p[i] == ';') {
		i++
	}
	p, n = p[i:], n-i
	if len(p) > 1 && (p[0] == '/' && p[1] == '*' || p[0] == '-' && p[1] == '-' || p[0] == '#') {
		if len(p) < min(n, enoughSQL) {
			return l7.Unsure
		}
		if printable(p[:min(len(p), enoughSQL)]) {
			return l7.FromClient
		}
		return l7.No
	}
	w := 0
	for w < len(p) && (p[w]|0x20 >= 'a' && p[w]|0x20 <= 'z' || p[w] == '_' && w > 0) {
		w++
	}
	switch {
	case w == len(p) && w < n && w < enoughSQL:
		return l7.Unsure
	case w < 2, w > 2*enoughSQL:
		return l7.No
	case w < len(p) && !bytes.ContainsRune([]byte(" \t\r\n(*;'\"`/@-"), rune(p[w])):
		return l7.No
	case !printable(p[:min(len(p), enoughSQL)]):
		return l7.No
	}
	return l7.FromClient
}

// isName tells whether b can be a name: it has no control characters.
func isName(b []byte) bool { return printable(b) && !bytes.ContainsAny(b, "\n\r\t") }

// longStatement tells whether p has a word near its beginning that long statements begin with: of others the end is seen.
func longStatement(p []byte) bool {
	p = bytes.ToUpper(p[:min(len(p), muchSQL)])
	for _, word := range []string{"SELECT ", "INSERT ", "REPLACE ", "UPDATE ", "DELETE ", "WITH ", "CREATE ", "ALTER ", "CALL ", "SET "} {
		if bytes.Contains(p, []byte(word)) {
			return true
		}
	}
	return false
}

// printable tells whether b is text: no control characters but those between words.
func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' || c == 0x7F {
			return false
		}
	}
	return true
}

// loginSoFar judges a client's first packet: capabilities, sizes, and zeros before the name.
func loginSoFar(p []byte, n int) l7.Verdict {
	if n < sslRequest || len(p) >= 2 && little(p[:2])&capProtocol41 == 0 {
		return l7.No
	}
	zeros := 23
	if len(p) > 0 && p[0]&capMySQL == 0 {
		zeros = 19
	}
	for _, c := range p[min(len(p), 9):min(len(p), 9+zeros)] {
		if c != 0 {
			return l7.No
		}
	}
	if len(p) < sslRequest {
		return l7.Unsure
	}
	name := p[sslRequest:]
	i := bytes.IndexByte(name, 0)
	switch {
	case n == sslRequest && p[1]&(capSSL>>8) != 0:
		return l7.FromClient
	case little(p[:4])&capSecure == 0 || p[8] == 0:
		return l7.No
	case i >= 0 && i < maxName && isName(name[:i]):
		return l7.FromClient
	case i < 0 && len(p) < n && isName(name) && len(name) < maxName:
		return l7.Unsure
	}
	return l7.No
}

// isLogin320 judges the whole first packet of a client of old: a name, and behind it a scramble of 8 bytes or none.
func isLogin320(p []byte) bool {
	if len(p) < 7 || p[1]&(capProtocol41>>8) != 0 || p[0]&(capMySQL|1<<2) == 0 {
		return false
	}
	i := bytes.IndexByte(p[5:], 0)
	if i < 1 || !printable(p[5:5+i]) {
		return false
	}
	rest := p[5+i+1:]
	return len(rest) == 0 || len(rest) == 8 || rest[0] == 0 && isName(bytes.TrimSuffix(rest[1:], []byte{0})) || len(rest) > 8 && (rest[8] == 0 || rest[0] == 0) && printable(bytes.TrimSuffix(rest[9:], []byte{0}))
}

// fromServer judges whether b begins with a packet of a server.
func fromServer(b []byte) l7.Verdict {
	p, n, seq := packetAt(b)
	whole := len(p) == n
	switch {
	case seq == 0 && (p[0] == 9 || p[0] == 10) && alone(b):
		return greetingSoFar(p, n)
	case p[0] == markERR:
		return errorSoFar(p, n, seq)
	case seq == 0 || !whole:
		return l7.No
	case definition(p):
		return l7.FromServer
	case n <= 4 && len(b) > 2*headerSize+n && b[headerSize+n+3] == seq+1: // a number of columns
		if p, k, _ := packetAt(b[headerSize+n:]); len(p) == k && definition(p) {
			return l7.FromServer
		}
	}
	return conversation(b)
}

// greetingSoFar judges a server's first packet: a version, and a zero behind the challenge.
func greetingSoFar(p []byte, n int) l7.Verdict {
	const behind = 4 + 8 // number of the thread, challenge
	version := p[1:]
	i := bytes.IndexByte(version, 0)
	switch {
	case n < 15 || n > 1<<10, len(version) > 0 && (version[0] < '0' || version[0] > '9'), i > 0 && bytes.IndexByte(version[:min(i, 3)], '.') < 1:
		return l7.No
	case i < 0 && len(version) < 128 && len(p) < n && printable(version):
		return l7.Unsure
	case i < 1 || i >= 128 || !printable(version[:i]):
		return l7.No
	case p[0] == 9 && len(p) == n:
		return l7.FromServer
	case len(version) <= i+1+behind && len(p) < n:
		return l7.Unsure
	case len(version) > i+1+behind && version[i+1+behind] == 0:
		return l7.FromServer
	}
	return l7.No
}

// errorSoFar judges an ERR packet.
func errorSoFar(p []byte, n int, seq byte) l7.Verdict {
	if n < 9 || n > 1<<10 {
		return l7.No
	}
	if len(p) < 9 {
		return l7.Unsure
	}
	code := little(p[1:3])
	switch {
	case code < 1000 || code > 0x3000 || !printable(p[3:]):
		return l7.No
	case p[3] == '#':
		for _, c := range p[4:9] {
			if (c < '0' || c > '9') && (c < 'A' || c > 'Z') {
				return l7.No
			}
		}
		return l7.FromServer
	case seq <= 1 && len(p) < n:
		return l7.Unsure
	case seq <= 1 && n > enoughSQL:
		return l7.FromServer
	}
	return l7.No
}

// definition judges the whole definition of a column: names, and twelve bytes.
func definition(p []byte) bool {
	if !isDefinition(p) {
		return false
	}
	for range 6 {
		n, width := lengthOf(p)
		if width == 0 || width+n > len(p) || !isName(p[width:width+n]) {
			return false
		}
		p = p[width+n:]
	}
	return len(p) >= 13
}

// How many packets in a row are looked at, and how many are enough if none of them says much by itself.
const (
	maxLookedAt = 16
	enoughRows  = 3
)

// conversation judges packets of a server that follow each other, the first of which is whole.
func conversation(b []byte) l7.Verdict {
	for i := range maxLookedAt {
		if len(b) < headerSize+1 {
			return l7.No
		}
		p, n, seq := packetAt(b)
		switch {
		case n == 0 || b[2] != 0 || len(p) < n && i < enoughRows:
			return l7.No
		case i >= enoughRows: // its number is right
			return l7.FromServer
		}
		last := len(b) == headerSize+n
		switch {
		case p[0] == markERR:
			return errorSoFar(p, n, seq)
		case definition(p):
			return l7.FromServer
		case p[0] == markOK && (plausibleOK(p, n, seq == 1) || plausiblePrepare(p)), p[0] == markEOF && plausibleEnd(p):
			if last {
				return l7.FromServer
			}
		case p[0] == authSwitch && factor(p) && n > 8:
			if last {
				return l7.FromServer
			}
		case p[0] == markOK && n > 20 && int(little(p[10:14])) == n-1: // an event of the binary log
			if last {
				return l7.FromServer
			}
		case p[0] == markOK && n > 8 && bytes.Count(p, []byte{0}) < n/2: // a binary row
		case !plausibleRow(p):
			return l7.No
		}
		if last || len(b) < 2*headerSize+n || b[headerSize+n+3] != seq+1 {
			return l7.No
		}
		b = b[headerSize+n:]
	}
	return l7.No
}

// plausibleRow judges a text row. One that is made of empty values may be anything.
func plausibleRow(p []byte) bool {
	values := 0
	for len(p) > 0 {
		n, width := lengthOf(p)
		if p[0] == markInfile {
			n, width = 0, 1
		}
		if width == 0 || width+n > len(p) {
			return false
		}
		if p = p[width+n:]; n < 2 {
			if values++; values > 2 {
				return false
			}
		}
	}
	return true
}

// plausibleOK judges an OK packet. One that says nothing about transactions is only believed if it is alone.
func plausibleOK(p []byte, n int, alone bool) bool {
	if n < 7 || len(p) != n {
		return false
	}
	rest := p[1:]
	for range 2 {
		k, width := lengthOf(rest)
		if width == 0 || k > 1<<40 {
			return false
		}
		rest = rest[width:]
	}
	if len(rest) < 4 || !plausibleStatus(rest, alone) {
		return false
	}
	rest = rest[4:]
	if len(rest) == 0 {
		return true
	}
	k, width := lengthOf(rest)
	return width > 0 && width+k <= len(rest) && printable(rest[width:width+k]) || printable(rest)
}

// plausibleStatus judges status flags and warnings.
func plausibleStatus(b []byte, alone bool) bool {
	status := uint16(b[0]) | uint16(b[1])<<8
	return (alone || status&(statusInTransaction|statusAutocommit) != 0) && status&(1<<2) == 0 && b[3] < 4
}

// plausibleEnd judges what ends rows.
func plausibleEnd(p []byte) bool {
	if isEOF(p) {
		return plausibleStatus([]byte{p[3], p[4], p[1], p[2]}, false)
	}
	return plausibleOK(p, len(p), false)
}

// plausiblePrepare judges the first packet of the answer to a PREPARE.
func plausiblePrepare(p []byte) bool {
	return (len(p) == 12 || len(p) == 13) && p[9] == 0 && p[4] == 0 && p[6] < 0x10 && p[11] == 0
}
