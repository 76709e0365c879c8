// Mysqlraw writes to a server of MySQL or MariaDB what no driver writes, one scenario a run, for the captures: mysqlraw
// SCENARIO USER, who has no password but for the scenario x. Answers are read as packets and, but for their kind, not looked at.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
)

var scenarios = map[string]func(user string){
	"segments":   segments,
	"pipeline":   pipeline,
	"handshakes": handshakes,
	"old":        old,
	"commands":   commands,
	"metadata":   metadata,
	"attributes": attributes,
	"cursor":     cursor,
	"left":       left,
	"modes":      modes,
	"x":          x,
}

func main() {
	scenarios[os.Args[1]](os.Args[2])
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// A client of 5.0, one of 5.5, and one of today.
const (
	basic  = mysql.CLIENT_PROTOCOL_41 | mysql.CLIENT_SECURE_CONNECTION | mysql.CLIENT_LONG_PASSWORD | mysql.CLIENT_TRANSACTIONS | mysql.CLIENT_CONNECT_WITH_DB
	plain  = basic | mysql.CLIENT_PLUGIN_AUTH
	modern = plain | mysql.CLIENT_MULTI_STATEMENTS | mysql.CLIENT_MULTI_RESULTS | mysql.CLIENT_PS_MULTI_RESULTS | mysql.CLIENT_DEPRECATE_EOF | mysql.CLIENT_SESSION_TRACK
)

// conn is a connection that has read the greeting.
type conn struct {
	net.Conn
	caps   uint32 // agreed to
	offers uint32
	seq    byte
}

func dial() *conn {
	c, err := net.Dial("tcp", "127.0.0.1:3306")
	must(err)
	must(c.SetDeadline(time.Now().Add(20 * time.Second)))
	r := &conn{Conn: c}
	p := r.read()
	p = p[1+bytes.IndexByte(p[1:], 0)+1:] // version
	r.offers = uint32(binary.LittleEndian.Uint16(p[13:])) | uint32(binary.LittleEndian.Uint16(p[18:]))<<16
	return r
}

// packet is p with its header.
func (c *conn) packet(p []byte) []byte {
	b := append([]byte{byte(len(p)), byte(len(p) >> 8), byte(len(p) >> 16), c.seq}, p...)
	c.seq++
	return b
}

func (c *conn) write(p []byte) {
	_, err := c.Write(c.packet(p))
	must(err)
}

func (c *conn) read() []byte {
	head := make([]byte, 4)
	_, err := io.ReadFull(c, head)
	must(err)
	p := make([]byte, int(head[0])|int(head[1])<<8|int(head[2])<<16)
	_, err = io.ReadFull(c, p)
	must(err)
	c.seq = head[3] + 1
	return p
}

// response is a HandshakeResponse41.
func (c *conn) response(caps uint32, user string) []byte {
	caps &= c.offers
	c.caps = caps
	p := binary.LittleEndian.AppendUint32(nil, caps)
	p = binary.LittleEndian.AppendUint32(p, 1<<24)
	p = append(p, 45) // utf8mb4
	p = append(p, make([]byte, 23)...)
	p = append(append(p, user...), 0, 0) // no password
	if caps&mysql.CLIENT_CONNECT_WITH_DB != 0 {
		p = append(p, "shop\x00"...)
	}
	if caps&mysql.CLIENT_PLUGIN_AUTH != 0 {
		p = append(p, "mysql_native_password\x00"...)
	}
	return p
}

// login may have to send an empty password once more, for another plugin.
func login(caps uint32, user string) *conn {
	c := dial()
	c.write(c.response(caps, user))
	if !c.welcome() {
		panic("login")
	}
	return c
}

// welcome reads to the end of a login.
func (c *conn) welcome() bool {
	for {
		switch p := c.read(); p[0] {
		case 0:
			return true
		case 0xfe:
			c.write(nil)
		default:
			return false
		}
	}
}

// query is the packet of a COM_QUERY.
func (c *conn) query(text string) []byte {
	c.seq = 0
	p := []byte{mysql.COM_QUERY}
	if c.caps&mysql.CLIENT_QUERY_ATTRIBUTES != 0 {
		p = append(p, 0, 1)
	}
	return c.packet(append(p, text...))
}

// do writes a request and reads its answer: OK, ERR, or rows.
func (c *conn) do(p ...byte) byte {
	c.seq = 0
	c.write(p)
	return c.answer()
}

func (c *conn) ask(text string) byte {
	_, err := c.Write(c.query(text))
	must(err)
	return c.answer()
}

// answer reads one result after the other, and returns the first byte of all.
func (c *conn) answer() byte {
	first := byte(0xff)
	for n := 0; ; n++ {
		p := c.read()
		if n == 0 {
			first = p[0]
		}
		flags := uint16(0)
		switch p[0] {
		case 0xff:
		case 0, 0xfe:
			flags = status(p)
		default:
			flags = c.rows(p)
		}
		if flags&8 == 0 { // more results
			return first
		}
	}
}

// rows reads what follows the number of columns.
func (c *conn) rows(p []byte) uint16 {
	if c.caps&mysql.CLIENT_OPTIONAL_RESULTSET_METADATA == 0 || p[1] == 1 {
		for range p[0] {
			c.read()
		}
	}
	if c.caps&mysql.CLIENT_DEPRECATE_EOF == 0 {
		if p := c.read(); status(p)&0x40 != 0 { // a cursor
			return status(p)
		}
	}
	return c.end()
}

// end reads to the end of rows.
func (c *conn) end() uint16 {
	for {
		p := c.read()
		if p[0] == 0xff {
			return 0
		}
		if p[0] == 0xfe && len(p) < 1<<16 {
			return status(p)
		}
	}
}

// status is that of an OK, whose counts are below 251 here, or of an EOF.
func status(p []byte) uint16 { return binary.LittleEndian.Uint16(p[3:]) }

func (c *conn) quit() {
	c.seq = 0
	c.write([]byte{mysql.COM_QUIT})
	c.Close()
}

// segments cuts packets where TCP may.
func segments(user string) {
	c := dial()
	send := func(p []byte, sizes ...int) {
		for _, n := range append(sizes, len(p)) {
			n = min(n, len(p))
			_, err := c.Write(p[:n])
			must(err)
			p = p[n:]
			time.Sleep(3 * time.Millisecond) // a segment of its own
		}
	}
	send(c.packet(c.response(modern, user)), 1, 3, 10, 30)
	c.welcome()
	send(c.query("SELECT 'one byte at a time'"), slices.Repeat([]int{1}, 31)...)
	c.answer()
	send(c.query("SELECT 'header alone', 'then the command', 'then the text'"), 4, 1)
	c.answer()
	send(c.query("SELECT '"+string(bytes.Repeat([]byte("long "), 1000))+"'"), 700, 2, 1448, 1)
	c.answer()
	both := append(c.query("SELECT 1"), c.query("SELECT 2")...)
	send(both, len(both)/2+2) // the second request begins in the first segment
	c.answer()
	c.answer()
	c.quit()
}

// pipeline writes requests before the answers to those before have come.
func pipeline(user string) {
	c := login(modern, user)
	c.ask("DROP TABLE IF EXISTS queue")
	c.ask("CREATE TABLE queue (id INT PRIMARY KEY, s VARCHAR(20))")
	var all []byte
	requests := []string{"INSERT INTO queue VALUES (1, 'a'), (2, 'b')", "SELECT * FROM queue", "SELECT 1; SELECT 2", "INSERT INTO queue VALUES (1, 'again')",
		"SELECT * FROM nowhere", "UPDATE queue SET s = 'c'", "SELECT SLEEP(0.05)", "SELECT ''", "USE depot", "SELECT DATABASE()", "USE shop"}
	for _, q := range requests {
		all = append(all, c.query(q)...)
		c.seq = 0
		all = append(all, c.packet([]byte{mysql.COM_PING})...)
	}
	_, err := c.Write(all)
	must(err)
	for range requests {
		c.answer()
		c.answer()
	}
	c.ask("DROP TABLE queue")
	c.quit()
}

// modes changes how texts quote and what their characters are, in forms usual and odd. Texts that other rules would end elsewhere
// follow: first when the change is answered, then in one write with it.
func modes(user string) {
	const escaped, plainly, wide = `SELECT 'it\'s' AS a, 'marlin-77' AS b, 'x' AS c`, `SELECT 'C:\' AS a, 'marlin-77' AS b, 'x' AS c`, "SELECT 'x\xe0\\' AS a, 'marlin-77' AS b, 'y' AS c"
	for _, caps := range []uint32{plain, modern} {
		c := login(caps, user)
		for _, step := range [][]string{
			{"SET sql_mode = 'NO_BACKSLASH_ESCAPES'", plainly},
			{`SET @a = 'C:\', NAMES gbk`, plainly, wide},
			{"SET NAMES utf8mb4, sql_mode = DEFAULT", escaped},
			{"SET @`a'b` = 1, SESSION sql_mode = CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES,ANSI_QUOTES')", plainly, `SELECT 'marlin-77' AS "C:\"`},
			{"SET @@sql_mode := ''", escaped, `SELECT "marlin-77\"" AS a, "x" AS b`},
			{"SET NAMES gbk", wide},
			{"SET character_set_client := utf8mb4", escaped},
			{"SET @`a'b` = 1, NAMES gbk", wide},
			{"/*!50000 SET */ CHARACTER SET DEFAULT", escaped},
			{"SET @`a b;c` = 1, @@character_set_client = 'gbk'", wide},
			{"SET/**/NAMES utf8mb4 -- 'gbk'", escaped},
			{"SET @names = 'SET NAMES gbk'", "PREPARE names FROM @names", "EXECUTE names", wide},
			{"SET NAMES 'utf8mb4' COLLATE 'utf8mb4_bin'", escaped},
			{"EXECUTE IMMEDIATE 'SET NAMES gbk'", wide}, // MariaDB's, and what follows
			{"BEGIN NOT ATOMIC SET NAMES utf8mb4; SET sql_mode = 'NO_BACKSLASH_ESCAPES'; END", plainly},
			{"SET NAMES utf8mb4, sql_mode = DEFAULT", escaped},
		} {
			var all []byte
			for _, q := range step {
				c.ask(q)
				all = append(all, c.query(q)...)
			}
			c.ask("SELECT 'between'")
			_, err := c.Write(all)
			must(err)
			for range step {
				c.answer()
			}
		}
		st := c.prepare(`SELECT 'it\'s' AS a, ?, 'marlin-77' AS b`)
		c.do(slices.Concat([]byte{mysql.COM_STMT_EXECUTE}, st, []byte{0, 1, 0, 0, 0, 0, 1, mysql.MYSQL_TYPE_TINY, 0, 1})...)
		c.ask("SELECT CAST('marlin-77' AS SIGNED) FROM nowhere WHERE a = 'it\\'s'")
		c.do(mysql.COM_RESET_CONNECTION)
		c.ask(escaped)
		c.quit()
	}
}

// handshakes are logins of clients of several ages, and logins that lead nowhere.
func handshakes(user string) {
	for _, caps := range []uint32{
		basic &^ mysql.CLIENT_CONNECT_WITH_DB, basic, basic | mysql.CLIENT_FOUND_ROWS | mysql.CLIENT_INTERACTIVE | mysql.CLIENT_LONG_FLAG | mysql.CLIENT_MULTI_RESULTS,
		modern &^ mysql.CLIENT_DEPRECATE_EOF, modern, modern | mysql.CLIENT_QUERY_ATTRIBUTES | mysql.CLIENT_OPTIONAL_RESULTSET_METADATA,
	} {
		c := dial()
		c.write(c.response(caps, user))
		if !c.welcome() {
			c.Close() // MySQL wants to agree on a plugin
			continue
		}
		c.ask("SELECT 1 AS one, 'zwei'")
		c.ask("SELECT nothing")
		c.quit()
	}
	c := dial() // no database of that name
	c.write(bytes.Replace(c.response(plain, user), []byte("shop"), []byte("nowhere"), 1))
	c.welcome()
	c.Close()
	c = dial() // a response that ends too soon
	c.write(c.response(modern, user)[:20])
	io.Copy(io.Discard, c)
	c.Close()
	dial().Close() // no response
	c = dial()     // half a response
	_, err := c.Write(c.packet(c.response(modern, user))[:40])
	must(err)
	c.Close()
}

// old is a client from before 4.1: a short response, and answers without SQLSTATE.
func old(user string) {
	c := dial()
	p := binary.LittleEndian.AppendUint16(nil, uint16(mysql.CLIENT_CONNECT_WITH_DB|mysql.CLIENT_LONG_PASSWORD|mysql.CLIENT_LONG_FLAG|mysql.CLIENT_TRANSACTIONS))
	p = append(p, 0, 0, 1)
	p = append(append(p, user...), 0, 0)
	c.write(append(p, "shop\x00"...))
	c.welcome()
	c.do(mysql.COM_PING)
	c.ask("SET @a = 1")
	c.ask("SELEC 1")
	c.do(append([]byte{mysql.COM_INIT_DB}, "depot"...)...)
	c.quit()
}

// commands are those that few clients know, known ones that name what is not there, and numbers that mean nothing.
func commands(user string) {
	for _, caps := range []uint32{plain, modern} {
		c := login(caps, user)
		c.ask("CREATE TABLE IF NOT EXISTS listed (id INT, name VARCHAR(20) DEFAULT 'none')")
		c.do(append([]byte{mysql.COM_INIT_DB}, "depot"...)...)
		c.do(append([]byte{mysql.COM_INIT_DB}, "nowhere"...)...)
		c.do(append([]byte{mysql.COM_INIT_DB}, "shop"...)...)
		c.seq = 0
		c.write([]byte{mysql.COM_STATISTICS})
		c.read()
		for _, list := range []string{"listed\x00", "listed\x00na%", "nowhere\x00"} {
			c.seq = 0
			c.write(append([]byte{mysql.COM_FIELD_LIST}, list...))
			for p := c.read(); p[0] != 0xff && p[0] != 0xfe; {
				p = c.read()
			}
		}
		for _, p := range [][]byte{
			{mysql.COM_PROCESS_INFO}, {mysql.COM_DEBUG}, {mysql.COM_REFRESH, 1}, {mysql.COM_PROCESS_KILL, 0xff, 0xff, 0, 0}, {mysql.COM_SET_OPTION, 0, 0},
			{mysql.COM_SET_OPTION, 1, 0}, {mysql.COM_SET_OPTION, 9, 0}, append([]byte{mysql.COM_CREATE_DB}, "made"...), append([]byte{mysql.COM_DROP_DB}, "made"...),
			{mysql.COM_STMT_EXECUTE, 77, 0, 0, 0, 0, 1, 0, 0, 0}, {mysql.COM_STMT_FETCH, 77, 0, 0, 0, 9, 0, 0, 0}, {mysql.COM_STMT_RESET, 77, 0, 0, 0},
			{mysql.COM_SLEEP}, {mysql.COM_CONNECT}, {mysql.COM_TIME}, {mysql.COM_DELAYED_INSERT}, {mysql.COM_CONNECT_OUT}, {mysql.COM_DAEMON}, {0x50}, {0xf0},
			append([]byte{mysql.COM_STMT_PREPARE}, "SELECT ? FROM"...), {mysql.COM_RESET_CONNECTION}, {mysql.COM_QUERY}, {mysql.COM_PING},
		} {
			c.do(p...)
		}
		c.seq = 0
		c.write([]byte{mysql.COM_STMT_CLOSE, 77, 0, 0, 0}) // without answer
		c.seq = 0
		c.write([]byte{mysql.COM_STMT_SEND_LONG_DATA, 77, 0, 0, 0, 0, 0, 'x'})
		c.do(mysql.COM_PING)
		c.ask("DROP TABLE listed")
		c.quit()
	}
}

// prepare returns the statement's id.
func (c *conn) prepare(text string) []byte {
	c.seq = 0
	c.write(append([]byte{mysql.COM_STMT_PREPARE}, text...))
	p := c.read()
	if p[0] != 0 {
		panic(fmt.Sprintf("prepare: %q", p))
	}
	n := 0
	if len(p) < 13 || p[12] == 1 { // with metadata
		columns, params := int(binary.LittleEndian.Uint16(p[5:])), int(binary.LittleEndian.Uint16(p[7:]))
		n = columns + params
		if c.caps&mysql.CLIENT_DEPRECATE_EOF == 0 {
			n += min(columns, 1) + min(params, 1)
		}
	}
	for range n {
		c.read()
	}
	return p[1:5]
}

// metadata turns the definitions of columns off and on, as only MySQL lets a client do.
func metadata(user string) {
	for _, caps := range []uint32{modern, modern &^ mysql.CLIENT_DEPRECATE_EOF} {
		c := login(caps|mysql.CLIENT_OPTIONAL_RESULTSET_METADATA, user)
		c.ask("SELECT 1 AS a, 'b' AS b")
		st := c.prepare("SELECT ? AS a, 'b' AS b")
		execute := slices.Concat([]byte{mysql.COM_STMT_EXECUTE}, st, []byte{0, 1, 0, 0, 0, 0, 1, mysql.MYSQL_TYPE_LONG, 0, 7, 0, 0, 0})
		c.do(execute...)
		c.ask("SET resultset_metadata = NONE")
		c.ask("SELECT 1 AS a, 'b' AS b UNION SELECT 2, NULL")
		c.ask("SELECT 1; SELECT 2, 3")
		c.do(execute...)
		st = c.prepare("SELECT ? AS a, 'c' AS c")
		copy(execute[1:], st)
		c.do(execute...)
		c.ask("SET resultset_metadata = FULL")
		c.ask("SELECT 1 AS a, 'b' AS b")
		c.quit()
	}
}

// attributes sends query attributes of several types, with queries and with executions.
func attributes(user string) {
	c := login(modern|mysql.CLIENT_QUERY_ATTRIBUTES, user)
	ask := func(p ...byte) {
		if first := c.do(p...); first == 0xff {
			panic("refused")
		}
	}
	named := func(kind, flag byte, name string) []byte { return append([]byte{kind, flag, byte(len(name))}, name...) }
	at := []byte{11, 0xea, 7, 3, 1, 10, 30, 15, 0x40, 0xe2, 1, 0} // 2026-03-01 10:30:15.123456
	ask(slices.Concat([]byte{mysql.COM_QUERY, 5, 1, 0b10000, 1},  // the fifth is NULL
		named(mysql.MYSQL_TYPE_STRING, 0, "traceparent"), named(mysql.MYSQL_TYPE_LONGLONG, 0x80, "tenant"), named(mysql.MYSQL_TYPE_DOUBLE, 0, ""),
		named(mysql.MYSQL_TYPE_DATETIME, 0, "at"), named(mysql.MYSQL_TYPE_STRING, 0, "nothing"),
		append([]byte{55}, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"...), bytes.Repeat([]byte{0xff}, 8), []byte{0, 0, 0, 0, 0, 0, 0xf8, 0x3f}, at,
		[]byte("SELECT 'with attributes'"))...)
	ask(append([]byte{mysql.COM_QUERY, 0, 1}, "SELECT 'without'"...)...)
	st := c.prepare("SELECT ? + ?")
	types := slices.Concat(named(mysql.MYSQL_TYPE_LONG, 0, ""), named(mysql.MYSQL_TYPE_SHORT, 0, ""), named(mysql.MYSQL_TYPE_STRING, 0, "team"))
	values := slices.Concat([]byte{40, 0, 0, 0, 2, 0, 5}, []byte("sales"))
	head := slices.Concat([]byte{mysql.COM_STMT_EXECUTE}, st)
	ask(slices.Concat(head, []byte{8, 1, 0, 0, 0, 3, 0, 1}, types, values)...)
	ask(slices.Concat(head, []byte{0, 1, 0, 0, 0, 2, 0b10, 1}, types[:6], values[:4])...) // no attributes
	ask(slices.Concat(head, []byte{8, 1, 0, 0, 0, 2, 0, 0}, values[:6])...)               // types as before
	st = c.prepare("SELECT 'no parameters'")
	head = slices.Concat([]byte{mysql.COM_STMT_EXECUTE}, st)
	ask(slices.Concat(head, []byte{0, 1, 0, 0, 0})...)
	ask(slices.Concat(head, []byte{8, 1, 0, 0, 0, 1, 0, 1}, named(mysql.MYSQL_TYPE_STRING, 0, "team"), append([]byte{3}, "ops"...))...)
	c.quit()
}

// cursor fetches rows in parts, with an EOF or an OK after each.
func cursor(user string) {
	for _, caps := range []uint32{plain | mysql.CLIENT_PS_MULTI_RESULTS, modern} {
		c := login(caps, user)
		st := c.prepare("SELECT TABLE_NAME FROM information_schema.tables WHERE ? LIMIT 10")
		execute := slices.Concat([]byte{mysql.COM_STMT_EXECUTE}, st, []byte{1, 1, 0, 0, 0, 0, 1, mysql.MYSQL_TYPE_TINY, 0, 1})
		c.do(execute...)
		for range 4 { // the last finds the cursor closed
			c.seq = 0
			c.write(slices.Concat([]byte{mysql.COM_STMT_FETCH}, st, []byte{4, 0, 0, 0}))
			c.end()
		}
		c.do(execute...)
		c.do(slices.Concat([]byte{mysql.COM_STMT_RESET}, st)...)
		c.seq = 0
		c.write(slices.Concat([]byte{mysql.COM_STMT_CLOSE}, st))
		c.do(mysql.COM_PING)
		c.quit()
	}
}

// left goes away in the middle of an answer, and in the middle of a request.
func left(user string) {
	c := login(modern, user)
	must(c.Conn.(*net.TCPConn).SetReadBuffer(4096)) // or it could all be on its way
	_, err := c.Write(c.query("SELECT REPEAT('many rows ', 50) FROM information_schema.collations a, information_schema.collations b LIMIT 2000"))
	must(err)
	for range 20 {
		c.read()
	}
	must(c.Conn.(*net.TCPConn).SetLinger(0)) // a reset
	c.Close()
	c = login(modern, user)
	c.ask("SELECT 1")
	q := c.query("SELECT 'this text is never sent to its end'")
	_, err = c.Write(q[:len(q)-10])
	must(err)
	c.Close()
}

// xConn is a connection of the X protocol, which has the server's second port.
type xConn struct{ net.Conn }

func dialX(network, address string) xConn {
	c, err := net.Dial(network, address)
	must(err)
	must(c.SetDeadline(time.Now().Add(20 * time.Second)))
	return xConn{c}
}

// text is a field of a message, below 128 bytes.
func text(number int, s string) []byte {
	return append([]byte{byte(number<<3 | 2), byte(len(s))}, s...)
}

// ask sends a message and reads to the answer of this kind, or to an error, for which it returns nil.
func (c xConn) ask(answer, kind byte, fields ...[]byte) []byte {
	p := slices.Concat(fields...)
	_, err := c.Write(append(append(binary.LittleEndian.AppendUint32(nil, uint32(len(p)+1)), kind), p...))
	must(err)
	for {
		head := make([]byte, 5)
		_, err := io.ReadFull(c, head)
		must(err)
		p := make([]byte, binary.LittleEndian.Uint32(head)-1)
		_, err = io.ReadFull(c, p)
		must(err)
		switch head[4] {
		case answer:
			return p
		case 1:
			return nil
		}
	}
}

// x asks for capabilities and logs in: in the clear, which the server takes only inside TLS or from the Unix socket that is the
// last argument; then with the digest that it remembers from there. Then come a few statements.
func x(user string) {
	password, socket := os.Args[3], os.Args[4]
	plain := [][]byte{text(1, "PLAIN"), text(2, "shop\x00"+user+"\x00"+password)}
	c := dialX("unix", socket)
	if c.ask(4, 4, plain...) == nil {
		panic("login")
	}
	c.Close()
	c = dialX("tcp", "127.0.0.1:33060")
	c.ask(2, 1) // CapabilitiesGet, Capabilities
	if c.ask(4, 4, text(1, "PLAIN"), text(2, "shop\x00"+user+"\x00")) != nil {
		panic("a password in the clear was taken")
	}
	c.Close()
	c = dialX("tcp", "127.0.0.1:33060")
	salt := c.ask(3, 4, text(1, "SHA256_MEMORY"))[2:] // AuthenticateStart, AuthenticateContinue
	digest := mysql.CalcCachingSha2Password(salt, []byte(password))
	if c.ask(4, 5, text(1, fmt.Sprintf("shop\x00%s\x00%X", user, digest))) == nil {
		panic("login")
	}
	for _, q := range []string{"SELECT 1 AS one, 'two'", "SELECT * FROM nowhere", "SELECT TABLE_NAME FROM information_schema.tables LIMIT 9"} {
		c.ask(17, 12, text(1, q)) // StmtExecute, StmtExecuteOk
	}
	c.ask(0, 3) // Close, Ok
	c.Close()
}
