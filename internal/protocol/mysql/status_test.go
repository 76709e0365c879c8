package mysql

import (
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/record"
)

func TestStatus(t *testing.T) {
	for _, e := range []struct {
		code  uint16
		state string
		want  record.Status
	}{
		{1062, "23000", record.ClientError},
		{1064, "42000", record.ClientError},
		{1146, "42S02", record.ClientError},
		{1213, "40001", record.ClientError},
		{1264, "22003", record.ClientError},
		{1242, "21000", record.ClientError},
		{1046, "3D000", record.ClientError},
		{1045, "28000", record.ClientError},
		{1369, "44000", record.ClientError},
		{1366, "HY000", record.ClientError},
		{1364, "HY000", record.ClientError},
		{3819, "HY000", record.ClientError},
		{1243, "HY000", record.ClientError},
		{1251, "08004", record.ClientError}, // its way to authenticate
		{1130, "", record.ClientError},      // before the handshake there is no SQLSTATE
		{1129, "", record.ClientError},
		{1045, "", record.ClientError},
		{1040, "", record.ServerError},
		{1040, "08004", record.ServerError},
		{1205, "HY000", record.ServerError},
		{1030, "HY000", record.ServerError},
		{1105, "HY000", record.ServerError},
		{1317, "70100", record.ServerError},
		{3024, "HY000", record.ServerError},
		{1792, "25006", record.ServerError},
		{1053, "08S01", record.ServerError},
		{1364, "70100", record.ServerError}, // its SQLSTATE tells
		{60000, "HY000", record.ServerError},
	} {
		if got := statusOf(e.code, []byte(e.state)); got != e.want {
			t.Errorf("%d (%s): %v, want %v", e.code, e.state, got, e.want)
		}
	}
}

// TestMaskedErrors is about what MySQL 9.7 and MariaDB 11.8 said.
func TestMaskedErrors(t *testing.T) {
	for _, e := range []struct {
		code       uint16
		sent, want string
	}{
		{1062, "Duplicate entry 'O'Brien' for key 'e.n'", "Duplicate entry '?' for key 'e.n'"},
		{1062, "Duplicate entry 'a' for key 'secret'' for key 'n'", "Duplicate entry '?' for key 'n'"},
		{1062, "Doppelter Eintrag 'a' for key 'secret'' für Schlüssel 'n'", "Doppelter Eintrag '?'"},
		{1062, "重复条目'a' for key 'secret''键'n'", "重复条目'?'"},
		{1062, "Duplicate entry '1' for key 1", "Duplicate entry '?' for key ?"},
		{1146, "Table 'shop.missing' doesn't exist", "Table 'shop.missing' doesn't exist"},
		{1054, "Unknown column 'nope' in 'field list'", "Unknown column 'nope' in 'field list'"},
		{1064, "You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for the right syntax to use near 'selec 'secret' from e' at line 1",
			"You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for the right syntax to use near '?' at line 1"},
		{1064, "Erreur de syntaxe près de 'selec 'secret' from e' à la ligne 12", "Erreur de syntaxe près de '?' à la ligne 12"},
		{1366, "Incorrect integer value: 'secret' for column 'id' at row 1", "Incorrect integer value: '?' for column 'id' at row 1"},
		{1366, "Incorrect string value: '\\xFF' for column `errs`.`e`.`n` at row 17", "Incorrect string value: '?' for column `errs`.`e`.`n` at row 17"},
		{1292, "Truncated incorrect DOUBLE value: 'secret'", "Truncated incorrect DOUBLE value: '?'"},
		{1292, "Truncated incorrect DOUBLE value: 'a' for column 'secret' at row 1'", "Truncated incorrect DOUBLE value: '?'"},
		{1292, "Incorrect datetime value: '2026-13-45 x' for column 't' at row 1", "Incorrect datetime value: '?' for column 't' at row 1"},
		{1292, "Falscher datetime-Wert: 'a' for column 'x' at row 1' für Feld 't' in Zeile 1", "Falscher datetime-Wert: '?' in Zeile ?"},
		{1411, "Incorrect datetime value: 'secret' for function str_to_date", "Incorrect datetime value: '?' for function str_to_date"},
		{1690, "BIGINT UNSIGNED value is out of range in '(`errs`.`e`.`u` - 4711)'", "BIGINT UNSIGNED value is out of range in '?'"},
		{1406, "Data too long for column 'b' at row 1", "Data too long for column 'b' at row 1"},
		{1452, "Cannot add or update a child row: a foreign key constraint fails (`errs`.`p`, CONSTRAINT `fk_2` FOREIGN KEY (`e`) REFERENCES `e` (`id`))",
			"Cannot add or update a child row: a foreign key constraint fails (`errs`.`p`, CONSTRAINT `fk_2` FOREIGN KEY (`e`) REFERENCES `e` (`id`))"},
		{1526, "Table has no partition for value 4711", "Table has no partition for value ?"},
		{1242, "Subquery returns more than 1 row", "Subquery returns more than 1 row"},
		{1231, "Variable 'sql_mode' can't be set to the value of 'secret'", "Variable '?'"},
		{3141, `Invalid JSON text in argument 1 to function json_extract: "Missing a name for object member." at position 1.`,
			`Invalid JSON text in argument ? to function json_extract: "?" at position ?.`},
		{1105, "XPATH syntax error: '~sec'ret'", "?"},
		{1644, "Customer 'secret' has -47.11 too little since 2026-11-20T13:14:15.", "?"},
		{1045, "Access denied for user 'u1'@'localhost' (using password: YES)", "Access denied for user 'u1'@'localhost' (using password: YES)"},
		{1133, "Can't find any matching row in the user table", "Can't find any matching row in the user table"},
		{1267, "Illegal mix of collations (utf8mb4_bin,IMPLICIT) and (latin1_bin,IMPLICIT) for operation '='",
			"Illegal mix of collations (utf8mb4_bin,IMPLICIT) and (latin1_bin,IMPLICIT) for operation '='"},
		{1048, `target: shop.?: vttablet: Column 'd' cannot be null (errno 1048) (sqlstate 23000): Sql: "insert into t(d) values (:v1)", BindVars: {v1: "type:INT64 value:\"4711\""}`,
			`target: shop.?: vttablet: Column '?"}`},
		{9999, "utf8mb4 é5 0xCAFE 1e5", "utf8mb4 é? ? ?"},
		{9999, "an open 'quote and 17", "an open '?"},
		{9999, "", ""},
	} {
		if got := string(appendMaskedError(nil, e.code, nil, []byte(e.sent))); got != e.want {
			t.Errorf("%d %s:\n%s, want\n%s", e.code, e.sent, got, e.want)
		}
	}
}

// TestSignalled: what SIGNAL says is a user's own, whatever number it sets.
func TestSignalled(t *testing.T) {
	for _, e := range []struct {
		code        uint16
		state, want string
	}{
		{1644, "45000", "?"},
		{1146, "45000", "?"},
		{9999, "45000", "?"},
		{1146, "42S02", "Table 'ann' and 42"},
		{1146, "", "Table 'ann' and 42"},
		{1146, "22012", "Table '?' and ?"},
		{1205, "HY000", "Table 'ann' and 42"},
		{1205, "42000", "Table '?' and ?"},
	} {
		if got := string(appendMaskedError(nil, e.code, []byte(e.state), []byte("Table 'ann' and 42"))); got != e.want {
			t.Errorf("%d %s: %s, want %s", e.code, e.state, got, e.want)
		}
	}
}

// quotingErrors are texts with a value, as servers write them in some languages.
var quotingErrors = []struct {
	code uint16
	text string
}{
	{1062, "Duplicate entry '@' for key 'k'"},
	{1062, "Doppelter Eintrag '@' für Schlüssel 'k'"},
	{1062, "'@' は索引 'k' で重複しています。"},
	{1586, "Duplicate entry '@' for key 'k'"},
	{1064, "You have an error in your SQL syntax near '@' at line 1"},
	{1064, "Errore di sintassi nella query SQL vicino a '@' linea 1"},
	{1292, "Truncated incorrect DOUBLE value: '@'"},
	{1292, "Incorrect date value: '@' for column 'c' at row 1"},
	{1366, "Incorrect integer value: '@' for column `d`.`t`.`c` at row 1"},
	{1366, "Falscher integer-Wert: '@' für Feld 'c' in Zeile 1"},
	{1411, "Incorrect datetime value: '@' for function f"},
	{1690, "DOUBLE value is out of range in '@'"},
	{1231, "Variable 'v' can't be set to the value of '@'"},
	{3141, `Invalid JSON text: "@" at position 1.`},
}

// FuzzMaskedError puts a value into every text: nothing of it is left, whatever stands around it in the value, and
// whether the server cuts the text.
func FuzzMaskedError(f *testing.F) {
	f.Add("O'Brien ", " and 'more'")
	f.Add("a' for key '", "")
	f.Add("a' for column '", "' at row 17")
	f.Add("don't", strings.Repeat("'x'", 200))
	f.Fuzz(func(t *testing.T, before, after string) {
		const secret = "qZsecretZq"
		for _, e := range quotingErrors {
			sent := strings.Replace(e.text, "@", before+secret+after, 1)
			sent = sent[:min(len(sent), 511)]
			if got := string(appendMaskedError(nil, e.code, nil, []byte(sent))); strings.Contains(got, secret) {
				t.Errorf("%d %s:\n%s", e.code, sent, got)
			}
		}
	})
}
