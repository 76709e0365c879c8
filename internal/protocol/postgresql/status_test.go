package postgresql

import (
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/record"
)

func TestStatusOf(t *testing.T) {
	blamed := map[record.Status]string{
		record.ClientError: "0A000 0B000 20000 21000 22P02 23505 24000 25P02 26000 27000 28P01 2BP01 2D000 2F005 34000 38000 39000 3B001 3D000 3F000 40001 40P01 42601 44000 P0001 U0001",
		record.ServerError: "08006 08P01 53300 54001 55P03 57014 57P01 58030 72000 F0000 HV000 XX000 XX001",
		record.Unknown:     "4260 426011",
	}
	for status, codes := range blamed {
		for code := range strings.FieldsSeq(codes) {
			if got := statusOf([]byte(code)); got != status {
				t.Errorf("%s: %v, not %v", code, got, status)
			}
		}
	}
	if got := statusOf(nil); got != record.Unknown {
		t.Errorf("no code: %v", got)
	}
}

func TestConditionName(t *testing.T) {
	for code, want := range map[string]string{
		"23505": "unique_violation", "42P01": "undefined_table", "57014": "query_canceled", "40001": "serialization_failure",
		"P0001": "raise_exception", "22999": "data_exception", "U0001": "", "": "", "22": "",
	} {
		if got := conditionName([]byte(code)); got != want {
			t.Errorf("%s: %q, not %q", code, got, want)
		}
	}
}

// The messages are those of PostgreSQL 18.
func TestMaskedError(t *testing.T) {
	for _, c := range []struct{ code, message, want string }{
		{"22P02", `invalid input syntax for type integer: "abc"`, `invalid input syntax for type integer: ?`},
		{"22P02", `invalid input syntax for type integer: "se"cret"`, `invalid input syntax for type integer: ?`},
		{"22P02", `invalid input syntax for type integer: "a" table "b"`, `invalid input syntax for type integer: ?`},
		{"22P02", `invalid input syntax for type integer: "cut sho`, `invalid input syntax for type integer: ?`},
		{"22P02", `invalid input value for enum mood: "happy"`, `invalid input value for enum mood: ?`},
		{"22P02", `malformed array literal: "{1,2"`, `malformed array literal: ?`},
		{"22P02", `"a" is not a valid binary digit`, `? is not a valid binary digit`},
		{"22003", `value "99999999999" is out of range for type integer`, `value ? is out of range for type integer`},
		{"22003", `value "-1.5e300" is out of range for type int4`, `value ? is out of range for type int4`},
		{"22001", `value too long for type character varying(5)`, `value too long for type character varying(?)`},
		{"22008", `date field value out of range: 2024-13-01`, `date field value out of range: ?-?-?`},
		{"22008", `date/time field value out of range: "2024-13-01"`, `date/time field value out of range: ?`},
		{"22021", `invalid byte sequence for encoding "UTF8": 0xff`, `invalid byte sequence for encoding "UTF8": ?`},
		{"22023", `invalid value for parameter "TimeZone": "Mars"`, `invalid value for parameter "TimeZone": ?`},
		{"22023", `invalid symbol "!" found while decoding base64 sequence`, `invalid symbol ? found while decoding base64 sequence`},
		{"22023", `time zone "europe/secret" not recognized`, `time zone ? not recognized`},
		{"22007", `invalid value "abc" for "YYYY"`, `invalid value ?`},
		{"22012", `division by zero`, `division by zero`},
		{"22023", `invalid mask length: 3.50`, `invalid mask length: ?`},
		{"22P02", "ungültige Eingabesyntax für Typ integer: »abc«", "ungültige Eingabesyntax für Typ integer: ?"},
		{"22P02", "ungültige Eingabesyntax für Typ integer: »a«b«", "ungültige Eingabesyntax für Typ integer: ?"},
		{"22P02", "syntaxe en entrée invalide pour le type integer : « abc »", "syntaxe en entrée invalide pour le type integer : ?"},
		{"22P02", `неверный синтаксис для типа integer: "abc"`, `неверный синтаксис для типа integer: ?`},
		{"22P02", "nieprawidłowa składnia wejścia dla typu integer: „abc”", "nieprawidłowa składnia wejścia dla typu integer: ?"},
		{"22P02", "sintaxis de entrada no válida: `abc'", "sintaxis de entrada no válida: ?"},
		{"22P02", "ung\xfcltige Eingabesyntax f\xfcr Typ integer: \xbbabc\xab", "?"},
		{"23505", `duplicate key value violates unique constraint "shop_pkey"`, `duplicate key value violates unique constraint "shop_pkey"`},
		{"23502", `null value in column "name" of relation "shop" violates not-null constraint`, `null value in column "name" of relation "shop" violates not-null constraint`},
		{"42P01", `relation "nowhere" does not exist`, `relation "nowhere" does not exist`},
		{"42P01", "Relation »nowhere« existiert nicht", "Relation »nowhere« existiert nicht"},
		{"42703", `column shop.secret does not exist`, `column shop.secret does not exist`},
		{"42883", `function f(integer, unknown) does not exist`, `function f(integer, unknown) does not exist`},
		{"42601", `syntax error at or near "selec"`, `syntax error at or near ?`},
		{"42601", `unterminated quoted string at or near "'abc; table "x" "`, `unterminated quoted string at or near ?`},
		{"42601", `trailing junk after numeric literal at or near "12ab"`, `trailing junk after numeric literal at or near ?`},
		{"42P10", `ORDER BY position 5 is not in select list`, `ORDER BY position ? is not in select list`},
		{"42704", `large object 424242 does not exist`, `large object ? does not exist`},
		{"42P02", `there is no parameter $1`, `there is no parameter $1`},
		{"42P01", `relation "t 2024" does not exist`, `relation "t 2024" does not exist`},
		{"42P01", "la relation « t 2024 » n'existe pas", "la relation « t 2024 » n'existe pas"},
		{"42P01", "Relation \xbbt\xab f\xfcr 12 existiert nicht", "Relation \xbbt\xab f\xfcr ? existiert nicht"},
		{"28P01", `password authentication failed for user "ann"`, `password authentication failed for user "ann"`},
		{"3D000", `database "nowhere" does not exist`, `database "nowhere" does not exist`},
		{"08P01", `bind message supplies 1 parameters, but prepared statement "" requires 2`, `bind message supplies 1 parameters, but prepared statement "" requires 2`},
		{"58P01", `could not open file "/home/ann/data" for reading: No such file or directory`, `could not open file ? for reading: No such file or directory`},
		{"53300", `sorry, too many clients already`, `sorry, too many clients already`},
		{"57014", `canceling statement due to statement timeout`, `canceling statement due to statement timeout`},
		{"57014", `COPY from stdin failed: Ann: 42`, `COPY from stdin failed: ?`},
		{"57014", "从stdin的COPY失败：Ann", "从stdin的COPY失败: ?"},
		{"25P02", `current transaction is aborted, commands ignored until end of transaction block`, `current transaction is aborted, commands ignored until end of transaction block`},
		{"XX000", `cache lookup failed for relation 16384`, `cache lookup failed for relation ?`},
		{"P0001", `customer Ann has 42`, `?`},
		{"P0004", `Ann is missing`, `?`},
		{"38000", `Ann`, `?`},
		{"HV000", `ORA-01722: Ann`, `?`},
		{"U0001", `Ann`, `?`},
		{"00000", `Ann`, `?`},
		{"01000", `Ann`, `?`},
		{"", `Ann`, `?`},
		{"22P02", ``, ``},
	} {
		if got := string(appendMaskedError([]byte("ERROR: "), []byte(c.code), []byte(c.message))); got != "ERROR: "+c.want {
			t.Errorf("%s %s:\n%s\nnot %s", c.code, c.message, got, c.want)
		}
	}
}

func TestMaskedDetail(t *testing.T) {
	for detail, want := range map[string]string{
		"Key (id)=(42) already exists.":                                             "Key (id)=(?) already exists.",
		"Key (id)=(a) already exists.) already exists.":                             "Key (id)=(?) already exists.",
		"Key (lower(name::text), b)=(ann, 1) already exists.":                       "Key (lower(name::text), b)=(?) already exists.",
		"Key (a)=(x)=(y) is duplicated.":                                            "Key (a)=(?) is duplicated.",
		`Key (parent)=(99) is not present in table "shop".`:                         `Key (parent)=(?) is not present in table "shop".`,
		`Key (id)=() is not present in table "x".) is not present in table "shop".`: `Key (id)=(?) is not present in table "shop".`,
		`Key (id)=(1) is still referenced from table "shop".`:                       `Key (id)=(?) is still referenced from table "shop".`,
		"Key (during)=([2,6)) conflicts with existing key (during)=([1,5)).":        "Key (during)=(?) conflicts with existing key (during)=(?).",
		"Key (id)=(42) already exists. Ann":                                         "?",
		"Key (id)=(42) is Ann.":                                                     "?",
		"Key Ann":                                                                   "?",
		"Failing row contains (3, Ann, -1.00, null, null).":                         "?",
		"Schlüssel »(id)=(42)« existiert bereits.":                                  "?",
		"PL/pgSQL function f() line 1 at RAISE":                                     "?",
		"":                                                                          "?",
	} {
		if got := string(appendMaskedDetail([]byte("> "), []byte(detail))); got != "> "+want {
			t.Errorf("%s:\n%s\nnot %s", detail, got, want)
		}
	}
}

func TestMaskingAllocatesNothing(t *testing.T) {
	code, message, detail := []byte("22P02"), []byte(`invalid value for parameter "TimeZone": "Mars" 12`), []byte("Key (id)=(42) already exists.")
	var dst []byte
	if n := testing.AllocsPerRun(100, func() {
		dst = appendMaskedDetail(appendMaskedError(dst[:0], code, message), detail)
		statusOf(code)
		conditionName(code)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// Whatever a value has in it, nothing of it is left of a message that quotes it.
func FuzzMaskedError(f *testing.F) {
	f.Add("22P02", "abc")
	f.Add("42601", `a" table "b`)
	f.Add("XX000", "» «")
	f.Fuzz(func(t *testing.T, code, value string) {
		if m := maskOf([]byte(code)); m == nothing || m == numbers {
			return
		}
		for _, quotes := range [][2]string{{`"`, `"`}, {"»", "«"}, {"«", "»"}, {"„", "“"}, {"'", "'"}} {
			before := "invalid syntax for type int: "
			message := before + quotes[0] + value + quotes[1]
			got := string(appendMaskedError(nil, []byte(code), []byte(message)))
			if got != before+"?" && got != "?" {
				t.Errorf("%s\nbecame %s", message, got)
			}
		}
		if got := string(appendMaskedDetail(nil, []byte("Key (id)=("+value+") already exists."))); got != "Key (id)=(?) already exists." {
			t.Errorf("%s became %s", value, got)
		}
	})
}
