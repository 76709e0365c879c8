package mysql

import (
	"testing"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/sqltext"
)

// What is not certain of quotes is known until it is, and where one message is decoded alone.
func TestQuotes(t *testing.T) {
	joined := &l7.ConnInfo{Midstream: true}
	d := openDialog(joined, nil).(*dialog)
	check := func(want sqltext.Dialect) {
		t.Helper()
		if got := d.dialect(); got != want {
			t.Errorf("%b, not %b", got, want)
		}
		context := d.AppendContext(nil, l7.ToServer, &l7.Message{})
		if alone := openDialog(joined, context).(*dialog); alone.dialect() != want {
			t.Errorf("%b alone, not %b", alone.dialect(), want)
		}
	}
	check(sqltext.MySQL | sqltext.Multibyte | sqltext.Unsure)
	d.told = true
	check(sqltext.MySQL | sqltext.Multibyte)
	d.now.quoting = collation(45)
	d.signIn()
	check(sqltext.MySQL)
	d.now.quoting = collation(28)
	d.signIn()
	d.status = statusNoBackslash
	check(sqltext.MySQL | sqltext.Multibyte | sqltext.NoBackslash)
	d.now.quoting = collation(255)
	d.signIn()
	check(sqltext.MySQL | sqltext.NoBackslash)
}

func TestCollation(t *testing.T) {
	for n, want := range map[uint16]quoting{1: multibyte, 84: multibyte, 28: multibyte, 1028 + 24: multibyte, 95: multibyte, 250: multibyte, 8: plain, 24: plain, 45: plain, 255: plain} {
		if collation(n) != want {
			t.Errorf("%d is not %d", n, want)
		}
	}
}

// TestQuotingOf: what statements say of the client's character set and of sql_mode.
func TestQuotingOf(t *testing.T) {
	for sql, want := range map[string]quoting{
		"SET NAMES gbk": multibyte, "set names 'GBK' collate gbk_bin": multibyte, "SET NAMES utf8mb4": plain, "SET NAMES \"latin1\"": plain,
		"SET NAMES DEFAULT": multibyte, "SET CHARACTER SET sjis": multibyte, "SET CHARSET big5": multibyte, "SET CHARACTER SET 'utf8'": plain,
		"/*!40101 SET NAMES cp932 */": multibyte, "/*!40101 SET NAMES utf8 */;": plain, "/* x */ SET /* y */ NAMES -- z\ngb18030": multibyte,
		"SET character_set_client = gbk": multibyte, "SET @@session.character_set_client=utf8mb4, autocommit=0": plain,
		"SET autocommit=0, @@character_set_client := gbk": multibyte, "/*!40101 SET character_set_client = @saved_cs_client */": multibyte,
		"SET character_set_client = latin1 + 1": multibyte, "SET character_set_client = 28": multibyte, "SET `character_set_client` = `gbk`": multibyte,
		"SET GLOBAL character_set_client = utf8": 0, "SET @@global.character_set_client = utf8": 0, "SET PERSIST a = 1, SESSION character_set_client = utf8": 0,
		"SET SESSION character_set_client = utf8": plain, "SET a = 1, @@local.character_set_client := utf8mb4": plain, "SET character_set_client := gbk": multibyte, "SET @character_set_client = utf8": 0,
		"SET autocommit = 1": 0, "SET @names = 'utf8'": 0, "SELECT @@character_set_client": 0, "SET character_set_results = gbk": 0, "SELECT names FROM gbk": 0, "SET": 0, "": 0,
		"SET NAMES": multibyte, "SELECT 1; SET NAMES gbk; SELECT 2": multibyte, "SET NAMES gbk; SET NAMES utf8": multibyte, "SET NAMES utf8; SELECT names latin1": plain, "SELECT 1; SET NAMES utf8": 0,
		"SET a = 'b; SET NAMES gbk'": multibyte, "SET a = ', NAMES utf8'": 0, `SET a = '\', NAMES utf8, b = '`: 0, "SET a = 'à', NAMES utf8": 0, "SET a = (SELECT 1), NAMES utf8": 0, `SELECT 'it\'s'; SET NAMES gbk`: multibyte,
		"/*/ SET NAMES latin1 */ SET NAMES utf8": plain, "/* SET NAMES utf8 */": 0, "--\tSELECT\nSET NAMES gbk": multibyte, "SELECT 'x": 0, "SELECT /*": 0,
		"SET sql_mode = ''": moded, "SET @@session.sql_mode='ANSI', NAMES utf8": moded | plain, "SET NAMES gbk, sql_mode = ''": moded | multibyte,
		"SELECT @@sql_mode": moded, "SET @`a'b` = 1, NAMES gbk": multibyte, "SET @`a b;c` = 1, NAMES gbk": multibyte, `SET @a = 'C:\', NAMES gbk`: multibyte,
		"SET @`a, NAMES utf8, b` = 1": 0, "SET @a = 'it''s', NAMES utf8": plain, "EXECUTE IMMEDIATE 'SET NAMES gbk'": multibyte | moded, "EXECUTE s": multibyte | moded,
		"SET CHAR SET gbk": multibyte, "SET CHAR SET utf8": plain, "/*M!100000 SET NAMES gbk */": multibyte, "SET GLOBAL x=1, @@character_set_client=gbk": multibyte,
		"IF 1 THEN SET NAMES gbk; END IF": multibyte, "IF 0 THEN SELECT 1; SET NAMES utf8mb4; END IF": 0, "DO 1; SET NAMES utf8mb4": 0, "SET @`it's`=1, NAMES gbk": multibyte,
		"/*!99999 SET NAMES utf8mb4 */": 0, "/*!100000 SET NAMES utf8mb4 */": 0, "/*M!100000 SET NAMES utf8mb4 */": 0, "/*! SET NAMES utf8mb4 */": plain,
		"SET a = 1 /*!80000 , NAMES utf8 */": 0, "SET STATEMENT a = 1, NAMES utf8 FOR SELECT 1": 0, "SET a = b(NAMES utf8)": 0,
		"BEGIN NOT ATOMIC SET NAMES gbk; END": multibyte, "BEGIN NOT ATOMIC SET NAMES utf8; END": 0, "PREPARE s FROM 'SET character_set_client = @a'": multibyte,
		"CREATE TABLE t (a CHAR(3)) DEFAULT CHARSET=utf8mb4": 0, "SHOW CHARACTER": 0,
	} {
		if got := quotingOf([]byte(sql)); got != want {
			t.Errorf("%s: %d, not %d", sql, got, want)
		}
	}
}
