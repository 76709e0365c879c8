package sqltext

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// role is what a word does to the search for tables.
type role uint8

const (
	plain     role = iota
	selects        // begins a query
	inserts        // INSERT, REPLACE
	updates        // UPDATE
	deletes        // DELETE
	merges         // MERGE
	rows           // VALUES: rows follow
	row            // ROW: one of them
	with           // names of queries follow
	from           // tables follow
	joins          // a table follows
	into           // a table follows, and perhaps its columns in parentheses
	using          // of DELETE and MERGE: tables follow
	ends           // the tables of a query are over
	sets           // SET: the same, and an INSERT's values follow
	table          // TABLE, VIEW: its name follows
	index          // INDEX: its name follows, and its table behind ON
	on             // ON
	forRole        // FOR
	as             // AS
	modifier       // may stand between a word and the table's name
	recursive      // RECURSIVE: WITH names may be used in their own queries
	distinct       // DISTINCT
	literal        // NULL, TRUE, FALSE
	defaults       // DEFAULT
	defines        // CREATE, ALTER, DROP and the like: first word of a statement whose object follows
	lists          // DROP, LOCK and the like: several objects may follow
	truncates      // TRUNCATE
	shows          // SHOW
	columns        // COLUMNS, KEYS and the like behind SHOW: a table follows FROM
	calls          // CALL, EXECUTE: what is called follows
	copies         // COPY
	uses           // USE
	describes      // DESCRIBE
	explains       // EXPLAIN, PREPARE, DECLARE: a query may follow
	routine        // PROCEDURE, FUNCTION, TRIGGER, EVENT, RULE: statements may be part of it
	begins         // BEGIN
	speaks         // COMMIT, TRANSACTION and the like: of transactions, without tables
	grants         // GRANT, REVOKE
	caseRole       // CASE
	finishes       // END
)

// What is known of a word.
const (
	inMySQL      = uint8(MySQL)      // reserved in MySQL and MariaDB
	inPostgreSQL = uint8(PostgreSQL) // reserved
	inBoth       = inMySQL | inPostgreSQL
	firm         = 1 << 7 // may be a key word where a table's name is due
	known        = 1 << 6 // has its role as a name too
	spoken       = 1 << 5 // a key word in BEGIN, COMMIT and the like
	action       = 1 << 4 // a key word behind the table that ALTER names
)

type keyword struct {
	lo, hi uint64   // its first 16 bytes, as capitals returns them
	first  [16]byte // as they are written
	text   string
	flags  uint8
	kind   kind // as it is written; none: known only for the words beside it
	role   role
	number uint16
	places []place // where it is a key word, not being reserved
}

// place is what stands around a word.
type place struct {
	behind, ahead pattern
	outside       bool // of CASE
}

// pattern is what may stand beside a word; if nothing is said, anything.
type pattern struct {
	said    bool
	kinds   set
	name    bool // not a reserved word
	operand bool // what an operand begins with
	words   []uint16
}

// words is more than are known, and slots so much more that most names find an empty slot at once. Both are powers of two.
const (
	words = 512
	slots = 2048
)

// keywords is what is known of words, by number; no word has 0. slotted is a hash table of these numbers, with open addresses.
var keywords, slotted = func() (list [words]keyword, t [slots]uint16) {
	last := uint16(0)
	find := func(w string) *uint16 {
		lo, hi := capitals([]byte(w), 0, len(w))
		at := slot(lo, hi)
		for t[at] != 0 && list[t[at]].text != w {
			at = (at + 1) % slots
		}
		return &t[at]
	}
	add := func(flags uint8, kind kind, role role, words string) {
		for w := range strings.FieldsSeq(words) {
			last++
			*find(w) = last
			k := &list[last]
			*k = keyword{text: w, flags: flags, kind: kind, role: role, number: last}
			k.lo, k.hi = capitals([]byte(w), 0, len(w))
			copy(k.first[:], w)
		}
	}
	add(inBoth, key, plain, `ALL AND ASC BINARY BOTH COLLATE COLUMN CONSTRAINT CROSS ELSE FETCH FOREIGN IN INNER LEADING LIKE NATURAL
		OR OUTER PRIMARY REFERENCES THEN TO TRAILING UNIQUE WHEN`)
	add(inMySQL, key, plain, `BEFORE BETWEEN BY CHANGE CHARACTER CONDITION CONTINUE CURSOR DATABASES DETERMINISTIC DISTINCTROW DIV DUAL EACH
		ELSEIF ENCLOSED ESCAPED EXIT FORCE FULLTEXT INFILE KILL LEAVE LINES LOOP MATCH OPTION OPTIONALLY OUTFILE OVER PARTITION
		PRECISION PURGE RANGE REGEXP REQUIRE RETURN RLIKE SCHEMAS SEPARATOR SIGNAL SPATIAL SQL_BIG_RESULT
		SQL_CALC_FOUND_ROWS SQL_SMALL_RESULT STARTING TERMINATED UNDO UNLOCK UNSIGNED VARYING WHILE XOR ZEROFILL`)
	add(inMySQL|firm, key, plain, `EXISTS ROWS`)
	add(inMySQL|action, key, plain, `ADD CASCADE RESTRICT`)
	add(inMySQL|spoken, key, plain, `READ WRITE`)
	add(inMySQL|spoken, key, speaks, `RELEASE`)
	add(inPostgreSQL, key, plain, `ANALYSE ANY ASYMMETRIC AUTHORIZATION COLLATION DO FREEZE FULL ILIKE INITIALLY NOTNULL OVERLAPS
		PLACING SIMILAR SOME SYMMETRIC TABLESAMPLE VERBOSE VARIADIC`)
	add(inPostgreSQL|spoken, key, plain, `DEFERRABLE`)
	add(spoken, key, plain, `CHAIN COMMITTED CONSISTENT ISOLATION LEVEL NO PREPARED REPEATABLE SERIALIZABLE SNAPSHOT UNCOMMITTED WORK`)
	add(0, key, plain, `AFTER ATOMIC CHARACTERISTICS CONFLICT CURRENT DATA DUPLICATE ESCAPE FIRST FOLLOWING GLOBAL GROUPS IDENTIFIED IDENTITY LAST
		LOCAL LOCKED MATCHED MATERIALIZED MODE NAMES NEXT NOTHING NOWAIT NULLS OF PRECEDING RESTART SESSION SHARE SKIP TEMP
		TEMPORARY UNBOUNDED UNLOGGED WITHIN`)
	add(inPostgreSQL, name, plain, `CURRENT_CATALOG CURRENT_ROLE CURRENT_SCHEMA SESSION_USER USER`)
	add(inBoth, name, plain, `CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER LOCALTIME LOCALTIMESTAMP`)
	add(inMySQL, name, plain, `UTC_DATE UTC_TIME UTC_TIMESTAMP`)
	add(inPostgreSQL, ended, plain, `ISNULL`)
	add(inBoth, key, caseRole, `CASE`)
	add(inPostgreSQL, ended, finishes, `END`)
	add(inBoth, call, plain, `LEFT RIGHT`)
	add(inMySQL, call, plain, `INTERVAL`)
	add(inPostgreSQL, call, plain, `ARRAY CAST`)
	add(0, call, row, `ROW`)
	add(inMySQL, call, plain, `BIGINT BLOB CHAR CONVERT DATABASE DEC DECIMAL DOUBLE FLOAT FLOAT4 FLOAT8 INT INT1 INT2 INT3 INT4 INT8 INTEGER
		LONG LONGBLOB LONGTEXT MEDIUMBLOB MEDIUMINT MEDIUMTEXT MIDDLEINT MOD NUMERIC REAL REPEAT SCHEMA SMALLINT TINYBLOB
		TINYINT TINYTEXT VARBINARY VARCHAR VARCHARACTER`)
	add(inBoth, wary, plain, `IS`)
	add(inBoth|spoken, wary, plain, `NOT`)
	add(inMySQL|action, wary, sets, `SET`)
	add(inBoth, key, ends, `EXCEPT GROUP HAVING INTERSECT LIMIT ORDER UNION WHERE`)
	add(inPostgreSQL, key, ends, `OFFSET RETURNING WINDOW`)
	add(inBoth, key, forRole, `FOR`)
	add(inBoth, verb, selects, `SELECT`)
	add(inMySQL, verb, inserts, `INSERT REPLACE`)
	add(inMySQL, verb, updates, `UPDATE`)
	add(inMySQL, verb, deletes, `DELETE`)
	add(0, key, merges, `MERGE`)
	add(inMySQL, key, rows, `VALUES`)
	add(inBoth, key, with, `WITH`)
	add(inBoth, key, from, `FROM`)
	add(inBoth, key, joins, `JOIN`)
	add(inMySQL, key, joins, `STRAIGHT_JOIN`)
	add(inBoth, key, into, `INTO`)
	add(inBoth, key, using, `USING`)
	add(inBoth, key, table, `TABLE`)
	add(0, key, table, `VIEW`)
	add(known, key, table, `TABLES`)
	add(inMySQL|known, key, index, `INDEX`)
	add(inMySQL, key, columns, `KEY KEYS`)
	add(known, key, columns, `COLUMNS FIELDS INDEXES`)
	add(inBoth, key, on, `ON`)
	add(inBoth, key, as, `AS`)
	add(inPostgreSQL|firm, key, modifier, `LATERAL CONCURRENTLY`)
	add(inPostgreSQL|spoken, key, modifier, `ONLY`)
	add(inMySQL, key, modifier, `DELAYED HIGH_PRIORITY IGNORE LOW_PRIORITY QUICK`)
	add(inMySQL|firm, call, modifier, `IF`)
	add(inMySQL|firm, key, recursive, `RECURSIVE`)
	add(inBoth, key, distinct, `DISTINCT`)
	add(inBoth, ended, literal, `NULL TRUE FALSE`)
	add(inBoth, key, defaults, `DEFAULT`)
	add(inBoth, key, defines, `CREATE`)
	add(inMySQL|action, key, defines, `ALTER`)
	add(inMySQL, key, defines, `LOAD`)
	add(known, key, defines, `COMMENT REFRESH`)
	add(inBoth, key, lists, `ANALYZE CHECK`)
	add(inMySQL|action, key, lists, `DROP RENAME`)
	add(inMySQL, key, lists, `LOCK OPTIMIZE`)
	add(known, key, lists, `CHECKSUM REPAIR`)
	add(known, key, truncates, `TRUNCATE`)
	add(inMySQL, key, shows, `SHOW`)
	add(inMySQL, key, calls, `CALL`)
	add(known, key, calls, `EXECUTE EXEC`)
	add(known, key, copies, `COPY`)
	add(inMySQL, key, uses, `USE`)
	add(inMySQL, key, describes, `DESCRIBE`)
	add(inBoth, key, describes, `DESC`)
	add(inMySQL, key, explains, `EXPLAIN DECLARE`)
	add(known, key, explains, `PREPARE`)
	add(inMySQL, key, routine, `PROCEDURE TRIGGER`)
	add(known, key, routine, `EVENT FUNCTION RULE`)
	add(spoken, key, begins, `BEGIN`)
	add(spoken, key, speaks, `ABORT COMMIT ROLLBACK SAVEPOINT START TRANSACTION`)
	add(inBoth, key, grants, `GRANT`)
	add(inMySQL, key, grants, `REVOKE`)

	// Where words are certain to be key words that a dialect does not reserve. . is an operand, " a name, 0 a value, and $ the
	// end.
	read := func(alternatives string, operand set) (p pattern) {
		for w := range strings.SplitSeq(alternatives, "|") {
			p.said = true
			switch w {
			case ".":
				p.kinds, p.operand = p.kinds|operand, true
			case `"`:
				p.kinds, p.name = p.kinds|1<<name, true
			case "(":
				p.kinds |= 1 << open
			case ")":
				p.kinds |= 1 << closing
			case "0":
				p.kinds |= 1<<text | 1<<number | 1<<param | 1<<has
			case "$":
				p.kinds |= 1<<end | 1<<semicolon
			default:
				n := find(w)
				if *n == 0 {
					add(0, none, plain, w)
				}
				p.words = append(p.words, *n)
			}
		}
		return p
	}
	phrases := func(outside bool, text string) {
		for line := range strings.SplitSeq(text, ",") {
			before, rest, _ := strings.Cut(line, "[")
			w, after, _ := strings.Cut(rest, "]")
			p := place{outside: outside}
			if f := strings.Fields(before); len(f) > 0 {
				p.behind = read(f[0], valued)
			}
			if f := strings.Fields(after); len(f) > 0 {
				p.ahead = read(f[0], 0)
			}
			k := &list[*find(w)]
			k.places = append(k.places, p)
		}
	}
	phrases(false, `. [BETWEEN] ., NOT|ROWS|RANGE|GROUPS [BETWEEN], GROUP|ORDER|PARTITION [BY], [EXISTS] (, IF [EXISTS], NOT [EXISTS] ",
		[IF] EXISTS, [IF] NOT, [PARTITION] BY, . [PARTITION] OF, . [OVER] .,
		.|ASC|DESC [ROWS] BETWEEN|UNBOUNDED|CURRENT|0, .|ASC|DESC [RANGE] BETWEEN|UNBOUNDED|CURRENT|0,
		.|ASC|DESC [GROUPS] BETWEEN|UNBOUNDED|CURRENT|0, . [ROWS] ONLY, FROM [ROWS] FROM,
		[UNBOUNDED] PRECEDING|FOLLOWING, UNBOUNDED|0 [PRECEDING], UNBOUNDED|0 [FOLLOWING], BETWEEN|AND|ROWS|RANGE|GROUPS [CURRENT] ROW,
		WHERE [CURRENT] OF, CURRENT|EACH [ROW], [ROW] (, FETCH [FIRST], FETCH [NEXT], NULLS [FIRST], NULLS [LAST],
		.|ASC|DESC [NULLS] FIRST|LAST, .|UPDATE|SHARE [SKIP] LOCKED, SKIP [LOCKED], UPDATE|SHARE [NOWAIT], UPDATE|SHARE|CURRENT [OF],
		FOR|KEY [SHARE], IN [SHARE] MODE, SHARE [MODE], ON [CONFLICT] (|DO|ON, [DUPLICATE] KEY, DO [NOTHING],
		FOR|DO|KEY [UPDATE], ON [UPDATE] CASCADE|SET|NO|RESTRICT, ON [DELETE] CASCADE|SET|NO|RESTRICT,
		(|)|AS|EXPLAIN|ANALYZE|VERBOSE|FOR [UPDATE] ", (|)|AS|EXPLAIN|ANALYZE|VERBOSE|INSTEAD|ALSO [INSERT] INTO,
		(|)|AS|EXPLAIN|ANALYZE|VERBOSE|INSTEAD|ALSO [DELETE] FROM, ) [MERGE] INTO,
		UPDATE|DELETE [SET], . [SET] ., DELETE|UPDATE [CASCADE], . [CASCADE] $, DELETE|UPDATE [RESTRICT], . [RESTRICT] $,
		[VALUES] (, DEFAULT|FOR [VALUES], . [VALUES] $, WITH [RECURSIVE] ", AS|NOT [MATERIALIZED] (, [MATERIALIZED] VIEW,
		[TEMP] TABLE|VIEW, [TEMPORARY] TABLE|VIEW, [UNLOGGED] TABLE, PRIMARY|FOREIGN [KEY], NO|FOR [KEY] UPDATE|SHARE, FOR [NO] KEY,
		UNIQUE [INDEX], MATERIALIZED|TEMP|TEMPORARY|RECURSIVE|REPLACE|CREATE|UNDEFINED|MERGE|TEMPTABLE [VIEW],
		OR [REPLACE] VIEW|FUNCTION|PROCEDURE|TRIGGER|RULE|AGGREGATE|TEMP|TEMPORARY|RECURSIVE, REPLACE [FUNCTION], REPLACE [PROCEDURE],
		REPLACE [TRIGGER], REPLACE [RULE],
		CREATE|REPLACE|TEMP|TEMPORARY [RECURSIVE] VIEW, [IDENTIFIED] BY|WITH, LOAD [DATA], [LOCAL] INFILE, [FIELDS] TERMINATED|ENCLOSED|ESCAPED, FOR [EACH] ROW,
		. [BEFORE] INSERT|UPDATE|DELETE, . [AFTER] INSERT|UPDATE|DELETE, [EXECUTE] FUNCTION|PROCEDURE, EXECUTE [FUNCTION], EXECUTE [PROCEDURE], [RESTART] IDENTITY, RESTART [IDENTITY],
		. [ESCAPE] 0, . [OFFSET] ., . [RETURNING] ., . [WINDOW] ", [LATERAL] (, [CAST] (, [INTERVAL] 0|(, [WITHIN] GROUP,
		SET [NAMES] 0|", SET [SESSION] TRANSACTION|CHARACTERISTICS, SET [GLOBAL] TRANSACTION, SET [LOCAL] TRANSACTION, [CHARACTERISTICS] AS,
		SET|SESSION|GLOBAL|LOCAL|AS [TRANSACTION] ISOLATION|READ|NOT|DEFERRABLE, PREPARE [TRANSACTION], BEGIN [ATOMIC],
		FULL [TABLES], FULL [COLUMNS], FULL [FIELDS]`)
	phrases(true, `WHEN|NOT [MATCHED] THEN|AND|BY, THEN [UPDATE] SET, THEN [DELETE], THEN [INSERT] (|VALUES|DEFAULT`)
	return list, t
}()

// lookup returns what is known of the word b[i:j], or nil.
func lookup(b []byte, i, j int) *keyword {
	var lo, hi uint64
	switch n := j - i; {
	case n < 2:
		return nil
	case n <= 8 && j >= 8:
		lo = binary.LittleEndian.Uint64(b[j-8:j]) >> ((64 - 8*n) & 63) & upper
	default:
		lo, hi = capitals(b, i, j)
	}
	for at := slot(lo, hi); slotted[at] != 0; at = (at + 1) % slots {
		k := &keywords[slotted[at]%words]
		if k.lo == lo && k.hi == hi && (len(k.text) <= 16 || len(k.text) == j-i && bytes.EqualFold(b[i+16:j], []byte(k.text[16:]))) {
			return k
		}
	}
	return nil
}

func slot(lo, hi uint64) uint64 { return (lo ^ hi<<7) * 0x9E3779B97F4A7C15 >> 53 }

// upper is what both cases of letters have.
const upper = 0xDFDFDFDFDFDFDFDF

// capitals returns the first 16 bytes of b[i:j] in capitals.
func capitals(b []byte, i, j int) (lo, hi uint64) {
	switch n := j - i; {
	case n <= 8:
		for j > i {
			j--
			lo = lo<<8 | uint64(b[j])
		}
	case n <= 16:
		lo, hi = binary.LittleEndian.Uint64(b[i:]), binary.LittleEndian.Uint64(b[j-8:])>>(128-8*n)
	default:
		lo, hi = binary.LittleEndian.Uint64(b[i:]), binary.LittleEndian.Uint64(b[i+8:])
	}
	return lo & upper, hi & upper
}
