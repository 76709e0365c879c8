package postgresql

import (
	"bytes"
	"encoding/binary"
	"strings"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/stream"
)

// probeLimit is how many bytes are looked at before a guess is given up.
const probeLimit = 4 << 10

// probe judges the first packet of a client, or a few messages of either side. Letters mean other messages from the other
// side, but bodies tell which: those of either side are tried.
func probe(c *l7.ConnInfo, _ stream.Dir, b []byte) l7.Verdict {
	if len(b) == 0 {
		return l7.No
	}
	switch b[0] {
	case 0:
		return first(b)
	case recordHandshake:
		return direct(b)
	}
	client, server := -1, -1
	if c.Midstream { // a client begins with a packet without a type
		client, _ = chain(l7.ToServer, b, len(b))
	}
	if c.Midstream || b[0] == typeAuthentication || b[0] == typeError || b[0] == typeNegotiate {
		server, _ = chain(l7.ToClient, b, len(b))
	}
	switch {
	case client >= sure && client > server:
		return l7.FromClient
	case server >= sure && server > client: // else it is data of a COPY, which either side may send
		return l7.FromServer
	case max(client, server) >= 0 && len(b) < probeLimit:
		return l7.Unsure
	}
	// Behind the answer to an SSLRequest the messages of the server begin.
	if !c.Midstream && len(b) > 1 && (b[0] == 'N' || b[0] == 'S' || b[0] == 'G') && len(b) < probeLimit {
		if w, _ := chain(l7.ToClient, b[1:], len(b)); w >= sure {
			return l7.FromServer
		} else if w >= 0 {
			return l7.Unsure
		}
	}
	return l7.No
}

// first judges a packet without a type.
func first(b []byte) l7.Verdict {
	if len(b) < 8 {
		if len(b) > 1 && b[1] != 0 || len(b) > 2 && b[2] > maxStartup>>8 || len(b) > 4 && b[4] != 0 && b[4] != codeSSL>>24 {
			return l7.No
		}
		return l7.Unsure
	}
	n, code := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	switch {
	case n < 8 || n > maxStartup:
		return l7.No
	case code == codeSSL, code == codeGSSENC:
		if n == 8 {
			return l7.FromClient
		}
		return l7.No
	case code == codeCancel:
		if n >= 16 && n <= 12+maxKey {
			return l7.FromClient
		}
		return l7.No
	case code == 2<<16:
		if n == 296 {
			return l7.FromClient
		}
		return l7.No
	case code>>16 < 3 || code>>16 > maxMajor || code&0xFFFF > maxMinor || code>>16 > 3 && code&0xFFFF != 0:
		return l7.No
	}
	// Parameters: a name, its value, at last a name that is empty.
	r := guess{b: b[8:min(len(b), int(n))], left: int(n) - 8}
	for i := 0; ; i++ {
		name := r.text()
		for _, c := range name {
			if c != '_' && c != '.' && (c|0x20 < 'a' || c|0x20 > 'z') {
				return l7.No
			}
		}
		switch {
		case r.bad:
			return l7.No
		case i > 0 && (len(r.b) == 0 && r.left > 0 && len(b) >= leastStartup || len(name) == 0 && r.left == 0), len(r.b) > 0 && string(name) == "user":
			return l7.FromClient
		case len(r.b) == 0 && r.left > 0:
			return l7.Unsure
		case len(name) == 0 || r.left == 0:
			return l7.No
		}
		if r.text(); r.bad {
			return l7.No
		}
	}
}

// maxMajor and maxMinor are the highest versions that somebody may ask for: 3.9999 is there to try servers.
const (
	maxMajor = 9
	maxMinor = 9999
)

// leastStartup is how much of a StartupMessage with an uncommon first parameter is to be seen.
const leastStartup = 32

// maxKey is how long the key of a cancel request may be.
const maxKey = 256

// direct judges a ClientHello of TLS: it is PostgreSQL's if it names the protocol (ALPN), as clients do that begin with it.
func direct(b []byte) l7.Verdict {
	switch {
	case len(b) > 1 && b[1] != 3 || len(b) > 5 && b[5] != 1:
		return l7.No
	case bytes.Contains(b, []byte("\x0apostgresql")):
		return l7.FromClient
	case len(b) < headerSize || len(b) < min(headerSize+int(binary.BigEndian.Uint16(b[3:])), probeLimit):
		return l7.Unsure
	}
	return l7.No
}

// sure is the weight of a chain of messages that is certain, and enough ends the search.
const (
	sure   = 2
	enough = 6
)

// sureData is how many CopyData messages in a row are certain: one says nothing.
const sureData = 8

// chain weighs the messages that b begins with, at most so many, as those of one side: -1 if they are not. whole: they end
// where b does.
func chain(dir l7.Dir, b []byte, most int) (weight int, whole bool) {
	data := 0
	for i := 0; i < most && len(b) > 0 && weight < enough; i++ {
		switch {
		case names[dir][b[0]] == "", len(b) > 1 && b[1] != 0: // few messages have 16 MB
			return -1, false
		case len(b) < headerSize:
			return weight, false
		}
		n := messageLength(b)
		if n == 0 {
			return -1, false
		}
		body := b[headerSize:min(n, len(b))]
		w := weigh(dir, b[0], body, n-headerSize)
		if w < 0 {
			return -1, false
		}
		weight += w
		if n > len(b) {
			return weight, false
		}
		if data++; b[0] != typeCopyData {
			data = 0
		} else if data == sureData {
			weight += sure
		}
		b = b[n:]
	}
	return weight, len(b) == 0
}

// weigh says how sure the body of a message makes one: 2 certain, 1 about as much as its header alone, 0 it may be anything, -1
// it is none. b is what is there of its n bytes.
func weigh(dir l7.Dir, kind byte, b []byte, n int) int {
	r := guess{b: b, left: n}
	if dir == l7.ToServer {
		return r.client(kind)
	}
	return r.server(kind)
}

// guess looks at a body. Behind the end of what is there everything is as it should be.
type guess struct {
	b    []byte
	left int // bytes of the body
	bad  bool
}

// whole says the weight of a body that has been read to its end, or cannot be.
func (r *guess) whole(w int) int {
	switch {
	case r.bad, len(r.b) > 0:
		return -1
	case r.left > 0:
		return 0
	}
	return w
}

// empty weighs a body that is to have no bytes.
func (r *guess) empty() int {
	if r.left > 0 {
		return -1
	}
	return 1
}

// take reads n bytes, nil if they are not there.
func (r *guess) take(n int) []byte {
	if n < 0 || n > r.left {
		r.bad = true
		return nil
	}
	if n > len(r.b) {
		r.b, r.left = nil, r.left-n
		return nil
	}
	b := r.b[:n]
	r.b, r.left = r.b[n:], r.left-n
	return b
}

// number reads a number of n bytes, signed; ok is false if it is not there.
func (r *guess) number(n int) (v int, ok bool) {
	b := r.take(n)
	for _, c := range b {
		v = v<<8 | int(c)
	}
	if n == 4 {
		v = int(int32(v))
	}
	return v, b != nil
}

// text reads text up to its NUL.
func (r *guess) text() []byte {
	n := bytes.IndexByte(r.b, 0)
	if n < 0 {
		if r.bad = r.bad || len(r.b) >= r.left || !printable(r.b); r.bad {
			return nil
		}
		b := r.b
		r.left -= len(r.b) // at least
		r.b = nil
		return b
	}
	b := r.take(n + 1)[:n]
	r.bad = r.bad || !printable(b)
	return b
}

// list reads a count of two bytes and so many things of some bytes, and tells the count; -1: it is not there.
func (r *guess) list(size int) int {
	n, ok := r.number(2)
	if !ok {
		return -1
	}
	r.take(n * size)
	return n
}

// printable tells whether text has no control characters.
func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\n' && c != '\t' && c != '\r' && c != '\f' && c != '\v' || c == 0x7F {
			return false
		}
	}
	return true
}

// beginnings are those of long statements.
var beginnings = []string{
	"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "VALUES", "CREATE", "ALTER", "COPY", "CALL", "DO", "EXPLAIN", "EXECUTE",
	"PREPARE", "DECLARE", "BEGIN", "SET", "/*", "--",
}

// statement weighs SQL: text that goes on behind what is there is certain too, if it begins as statements do.
func (r *guess) statement() (w int) {
	const leastText = 16
	goes := bytes.IndexByte(r.b, 0) < 0
	sql := r.text()
	switch {
	case r.bad:
		return -1
	case !goes || len(sql) < leastText:
		return 0
	}
	sql = bytes.TrimLeft(sql, " \t\r\n(;")
	for _, b := range beginnings {
		if n := len(b); len(sql) > n && strings.EqualFold(view(sql[:n]), b) && (b[0] < 'A' || strings.IndexByte(behind, sql[n]) >= 0) {
			return 2
		}
	}
	return 0
}

// behind is what may stand behind the first word.
const behind = " \t\r\n\f\v(*\"'$/-+;"

// full weighs a body that has been read to its end: 2 if it had at least so many bytes, for short ones are alike.
func (r *guess) full(size, least int) int {
	if size < least {
		return r.whole(1)
	}
	return r.whole(2)
}

func (r *guess) client(kind byte) int {
	size := r.left
	switch kind {
	case typeQuery:
		if w := r.statement(); w != 0 {
			return w
		}
		return r.full(size, len("END")+1)
	case typeParse:
		r.text()
		if w := r.statement(); w != 0 {
			return w
		}
		r.list(4)
		return r.full(size, len("\x00END\x00")+2)
	case typeBind:
		r.text()
		r.text()
		return r.arguments((*guess).formats)
	case typeFunctionCall:
		r.number(4)
		return r.arguments(func(r *guess) {
			if code, ok := r.number(2); ok && code > 1 {
				r.bad = true
			}
		})
	case typeExecute:
		r.text()
		r.number(4)
		return r.whole(1)
	case typeDescribe, typeClose:
		if what := r.take(1); what != nil && objectNames[uint64(what[0])] == "" {
			return -1
		}
		r.text()
		return r.whole(1)
	case typeSync, typeFlush, typeTerminate, typeCopyDone:
		return r.empty()
	case typeCopyFail:
		r.text()
		return r.whole(1)
	case typePassword:
		if r.left > maxToken {
			return -1
		}
		if r.left > 0 && bytes.HasPrefix(r.b, []byte("SCRAM-SHA-256")) {
			return 2
		}
		return 0
	case typeCopyData:
		return r.replication('r', 34, 34, 25) + r.replication('h', 25, 25, 1)
	}
	return -1
}

// arguments weighs parameters and what is said of results behind them.
func (r *guess) arguments(results func(*guess)) int {
	body := r.left
	r.formats()
	n, ok := r.number(2)
	for i := 0; i < n && !r.bad; i++ {
		size, ok := r.number(4)
		if !ok {
			break
		}
		if size != -1 {
			r.take(size)
		}
	}
	if !r.bad && ok && r.left > len(r.b) && n > 0 {
		return 1 // a long one
	}
	results(r)
	return r.full(body, 7)
}

// formats reads format codes.
func (r *guess) formats() {
	n, ok := r.number(2)
	for i := 0; ok && i < n && !r.bad; i++ {
		var code int
		if code, ok = r.number(2); ok && code > 1 {
			r.bad = true
		}
	}
}

func (r *guess) server(kind byte) int {
	size := r.left
	switch kind {
	case typeReady:
		if b := r.take(1); b != nil && states[uint64(b[0])] == "" {
			return -1
		}
		return r.whole(2)
	case typeCommandComplete:
		return r.tag()
	case typeDataRow:
		return r.row()
	case typeRowDescription:
		return r.columns()
	case typeError, typeNotice:
		return r.report()
	case typeParameterStatus:
		return r.setting()
	case typeAuthentication:
		return r.authentication()
	case typeBackendKeyData:
		if r.left < 8 || r.left > 4+maxKey {
			return -1
		}
		if r.left > 8 || len(r.b) < 8 { // keys are longer since 3.2
			return 0
		}
		return 1
	case typeNotification:
		r.number(4)
		if channel := r.text(); channel != nil && len(channel) == 0 {
			return -1
		}
		r.text()
		return r.whole(2)
	case typeCopyIn, typeCopyOut, typeCopyBoth:
		format, ok := r.number(1)
		if ok && format > 1 {
			return -1
		}
		r.formats()
		return r.full(size, 5)
	case typeParameters:
		r.list(4)
		return r.whole(1)
	case typeFunctionResponse:
		if size, ok := r.number(4); ok && size != -1 {
			r.take(size)
		}
		return r.whole(1)
	case typeNegotiate:
		r.number(4)
		n, _ := r.number(4)
		for i := 0; i < n && !r.bad && len(r.b) > 0; i++ {
			r.text()
		}
		return r.whole(1)
	case typeCopyData:
		return r.replication('k', 18, 18, 9) + r.replication('w', 25, maxMessage, 17)
	}
	return r.empty()
}

// tag weighs a CommandComplete.
func (r *guess) tag() int {
	if r.left > maxTag || r.left < len("DO")+1 {
		return -1
	}
	for i, c := range r.text() {
		if (c < 'A' || c > 'Z') && (i < 3 || c != ' ' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z')) {
			return -1
		}
	}
	return r.whole(2)
}

// row weighs a DataRow.
func (r *guess) row() int {
	n, ok := r.number(2)
	if !ok {
		return r.whole(0)
	}
	if n > maxFields || 4*n > r.left {
		return -1
	}
	for i := 0; i < n && !r.bad; i++ {
		size, ok := r.number(4)
		if !ok {
			break
		}
		if size != -1 {
			r.take(size)
		}
	}
	return r.whole(min(n, 1) + 1)
}

// columns weighs a RowDescription.
func (r *guess) columns() int {
	n, ok := r.number(2)
	if !ok {
		return r.whole(0)
	}
	if n > maxFields || (1+columnSize)*n > r.left {
		return -1
	}
	for i := 0; i < n; i++ {
		r.text()
		switch b := r.take(columnSize); { // b[10]: the size of the type; its end: the format
		case r.bad, b != nil && (b[10] != 0 && b[10] != 0xFF || b[columnSize-2] != 0 || b[columnSize-1] > 1):
			return -1
		case b == nil:
			return 2 * min(i, 1) // it goes on
		}
	}
	return r.whole(min(n, 1) + 1)
}

// report weighs an ErrorResponse or a NoticeResponse.
func (r *guess) report() int {
	if r.left < len("C00000")+2 {
		return -1
	}
	for r.left > 0 && !r.bad {
		b := r.take(1)
		if b == nil {
			return r.whole(0)
		}
		if b[0] == 0 {
			break
		}
		if fieldNames[b[0]] == "" {
			return -1
		}
		r.text()
	}
	return r.whole(2)
}

// setting weighs a ParameterStatus.
func (r *guess) setting() int {
	size := r.left
	name := r.text()
	for _, c := range name {
		if c <= ' ' {
			return -1
		}
	}
	if r.left == 0 || len(name) == 0 && len(r.b) > 0 {
		return -1
	}
	r.text()
	return r.full(size, len("TimeZone")+2)
}

// authentication weighs an Authentication message.
func (r *guess) authentication() int {
	code, ok := r.number(4)
	switch {
	case !ok:
		return r.whole(0)
	case code < 0 || authentications[uint64(code)] == "" || r.left > maxStartup:
		return -1
	case code == authSASL:
		for len(r.b) > 0 && !r.bad {
			for _, c := range r.text() {
				if c < 'A' && c != '-' && (c < '0' || c > '9') || c > 'Z' {
					return -1
				}
			}
		}
	case code == authGSSContinue, code > authSASL: // anything
		return min(len(r.b)/max(r.left, 1), 1)
	case code == authMD5:
		r.take(4)
	}
	return r.whole(2)
}

// replication weighs data that is a message of replication if its first byte, its length and the time at a place say so, and is
// anything otherwise.
func (r *guess) replication(kind byte, least, most, time int) int {
	if len(r.b) < time+8 || r.b[0] != kind || r.left < least || r.left > most {
		return 0
	}
	const year = 365 * 86400 * 1e6
	if t := binary.BigEndian.Uint64(r.b[time:]); t < 5*year || t > 100*year || r.b[1] != 0 || r.b[2] != 0 && time > 1 {
		return 0 // places in the log are numbers of less than 48 bits
	}
	return 2
}

// maxTag is how long a tag may be: COMPLETION_TAG_BUFSIZE.
const maxTag = 64

// maxFields is how many columns a row may have: MaxTupleAttributeNumber.
const maxFields = 1664

// syncMessages is how many messages are looked at from each place where one may begin: more than sureData.
const syncMessages = 16

// Sync implements l7.Dialog. Messages without much of a body are believed if they are all there is.
func (d *dialog) Sync(dir l7.Dir, b []byte) int {
	for i := range b {
		if names[dir][b[i]] == "" || i+headerSize > len(b) || b[i+1] != 0 {
			continue
		}
		if weight, whole := chain(dir, b[i:], syncMessages); weight >= sure || i == 0 && weight > 0 && whole {
			return i
		}
	}
	return -1
}
