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
)

// What is known of a word.
const (
	inMySQL      = uint8(MySQL)      // written in capitals
	inPostgreSQL = uint8(PostgreSQL) // written in capitals
	inBoth       = inMySQL | inPostgreSQL
	soft         = 1 << 7 // may be a table's name
	known        = 1 << 6 // has its role in the other dialect too, as words have that are written in capitals in none
)

type keyword struct {
	lo, hi uint64 // its first 16 bytes
	text   string
	flags  uint8
	kind   kind // as it is written
	role   role
}

// slots is a power of two, large enough that most names find an empty slot at once.
const slots = 2048

// keywords is a hash table with open addresses.
var keywords = func() (t [slots]*keyword) {
	add := func(flags uint8, kind kind, role role, words string) {
		for w := range strings.FieldsSeq(words) {
			k := &keyword{text: w, flags: flags, kind: kind, role: role}
			k.lo, k.hi = capitals([]byte(w), 0, len(w))
			at := slot(k.lo, k.hi)
			for t[at] != nil {
				at = (at + 1) % slots
			}
			t[at] = k
		}
	}
	add(inBoth, key, plain, `ADD ALL AND ASC BETWEEN BOTH BY CASE COLLATE COLUMN CONSTRAINT CROSS ELSE EXISTS FOREIGN
		GROUPING IN INNER LEADING LIKE NATURAL NOTHING OR OUTER OVER PARTITION PRIMARY REFERENCES ROWS THEN TO TRAILING
		UNIQUE WHEN`)
	add(inBoth|soft, key, plain, `BEFORE CASCADE COMMIT CONFLICT DO DUPLICATE FOLLOWING ISOLATION LOCKED MATCHED MATERIALIZED
		NOWAIT NULLS PRECEDING READ ROLLBACK SAVEPOINT SKIP START TEMPORARY TRANSACTION UNBOUNDED`)
	add(inMySQL, key, plain, `BINARY CHANGE CHARACTER CONTINUE CURSOR DATABASES DIV DUAL EACH ELSEIF ENCLOSED ESCAPED EXIT
		FULLTEXT GENERATED GROUPS INFILE KILL LEAVE LINES LOOP MATCH OPTION OPTIONALLY OUTFILE RANGE REGEXP REQUIRE
		RESTRICT RETURN RLIKE SCHEMAS SEPARATOR SIGNAL SPATIAL SQL_BIG_RESULT SQL_CALC_FOUND_ROWS SQL_SMALL_RESULT
		STARTING STORED TERMINATED UNDO UNLOCK UNSIGNED VIRTUAL WHILE XOR ZEROFILL`)
	add(inPostgreSQL, key, plain, `ANY ASYMMETRIC AUTHORIZATION COLLATION DEFERRABLE FREEZE FULL ILIKE INITIALLY NOTNULL OVERLAPS PLACING
		SIMILAR SOME SYMMETRIC TABLESAMPLE VARIADIC VERBOSE`)
	add(inPostgreSQL, name, plain, `CURRENT_CATALOG CURRENT_ROLE CURRENT_SCHEMA SESSION_USER USER`)
	add(inBoth, name, plain, `CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER LOCALTIME LOCALTIMESTAMP`)
	add(inMySQL, name, plain, `UTC_DATE UTC_TIME UTC_TIMESTAMP`)
	add(inBoth, ended, plain, `END ISNULL`)
	add(inBoth, call, plain, `CAST INTERVAL LEFT RIGHT`)
	add(inBoth, call, row, `ROW`)
	add(inMySQL, call, plain, `CHAR CONVERT DATABASE DECIMAL FLOAT MOD REPEAT SCHEMA VARBINARY VARCHAR`)
	add(inPostgreSQL, call, plain, `ARRAY`)
	add(inBoth, wary, plain, `IS NOT`)
	add(inBoth, wary, sets, `SET`)
	add(inBoth, key, ends, `EXCEPT GROUP HAVING INTERSECT LIMIT OFFSET ORDER RETURNING UNION WHERE WINDOW`)
	add(inBoth, key, forRole, `FOR`)
	add(inBoth, verb, selects, `SELECT`)
	add(inBoth, verb, inserts, `INSERT`)
	add(inMySQL, verb, inserts, `REPLACE`)
	add(inBoth, verb, updates, `UPDATE`)
	add(inBoth, verb, deletes, `DELETE`)
	add(inBoth|soft, key, merges, `MERGE`)
	add(inBoth, key, rows, `VALUES`)
	add(inBoth, key, with, `WITH`)
	add(inBoth, key, from, `FROM`)
	add(inBoth, key, joins, `JOIN`)
	add(inMySQL, key, joins, `STRAIGHT_JOIN`)
	add(inBoth, key, into, `INTO`)
	add(inBoth, key, using, `USING`)
	add(inBoth, key, table, `TABLE`)
	add(inBoth|soft, key, table, `VIEW`)
	add(0, key, table, `TABLES`)
	add(inMySQL|known, key, index, `INDEX`)
	add(inMySQL, key, columns, `KEY KEYS`)
	add(0, key, columns, `COLUMNS FIELDS INDEXES`)
	add(inBoth, key, on, `ON`)
	add(inBoth, key, as, `AS`)
	add(inBoth, key, modifier, `LATERAL`)
	add(inPostgreSQL, key, modifier, `ONLY CONCURRENTLY`)
	add(inMySQL, key, modifier, `DELAYED HIGH_PRIORITY IGNORE LOW_PRIORITY QUICK`)
	add(inBoth, call, modifier, `IF`)
	add(inBoth, key, recursive, `RECURSIVE`)
	add(inBoth, key, distinct, `DISTINCT`)
	add(inBoth, ended, literal, `NULL TRUE FALSE`)
	add(inBoth, key, defaults, `DEFAULT`)
	add(inBoth, key, defines, `CREATE ALTER`)
	add(inMySQL, key, defines, `LOAD`)
	add(0, key, defines, `COMMENT REFRESH`)
	add(inBoth, key, lists, `ANALYZE CHECK DROP`)
	add(inMySQL, key, lists, `LOCK OPTIMIZE RENAME`)
	add(0, key, lists, `CHECKSUM REPAIR`)
	add(0, key, truncates, `TRUNCATE`)
	add(inMySQL, key, shows, `SHOW`)
	add(inMySQL, key, calls, `CALL`)
	add(0, key, calls, `EXECUTE EXEC`)
	add(0, key, copies, `COPY`)
	add(inMySQL, key, uses, `USE`)
	add(inMySQL, key, describes, `DESCRIBE`)
	add(inBoth, key, describes, `DESC`)
	add(inMySQL, key, explains, `EXPLAIN`)
	add(0, key, explains, `PREPARE DECLARE`)
	add(inMySQL, key, routine, `PROCEDURE TRIGGER`)
	add(0, key, routine, `EVENT FUNCTION RULE`)
	add(inBoth|soft, key, begins, `BEGIN`)
	return t
}()

// lookup returns what is known of the word b[i:j], or nil.
func lookup(b []byte, i, j int) *keyword {
	lo, hi := capitals(b, i, j)
	for at := slot(lo, hi); ; at = (at + 1) % slots {
		k := keywords[at]
		if k == nil || k.lo == lo && k.hi == hi && len(k.text) <= 16 {
			return k
		}
		if k.lo == lo && k.hi == hi && len(k.text) == j-i && bytes.EqualFold(b[i+16:j], []byte(k.text[16:])) {
			return k
		}
	}
}

func slot(lo, hi uint64) uint64 { return (lo ^ hi<<7) * 0x9E3779B97F4A7C15 >> 53 }

// capitals returns the first 16 bytes of b[i:j] in capitals.
func capitals(b []byte, i, j int) (lo, hi uint64) {
	const upper = 0xDFDFDFDFDFDFDFDF
	if len(b)-i < 16 {
		var w [16]byte
		copy(w[:], b[i:j])
		return binary.LittleEndian.Uint64(w[:]) & upper, binary.LittleEndian.Uint64(w[8:]) & upper
	}
	lo, hi = binary.LittleEndian.Uint64(b[i:])&upper, binary.LittleEndian.Uint64(b[i+8:])&upper
	switch n := uint(j - i); {
	case n <= 8:
		return lo & (1<<(8*n) - 1), 0
	case n < 16:
		hi &= 1<<(8*n-64) - 1
	}
	return lo, hi
}
