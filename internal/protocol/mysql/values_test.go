package mysql

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/wire"
)

// served are values of columns as MySQL 9.7 and MariaDB 11.8 sent them, in binary rows and, the same value, in text rows.
var served = []struct {
	name   string // of the type, in SQL
	column column
	binary string
	text   string
}{
	{"tinyint", column{typ: 1, charset: 63, flags: 0, decimals: 0}, "80", "-128"},
	{"tinyint", column{typ: 1, charset: 63, flags: 0, decimals: 0}, "7f", "127"},
	{"tinyint unsigned", column{typ: 1, charset: 63, flags: 32, decimals: 0}, "ff", "255"},
	{"smallint", column{typ: 2, charset: 63, flags: 0, decimals: 0}, "0080", "-32768"},
	{"smallint", column{typ: 2, charset: 63, flags: 0, decimals: 0}, "ff7f", "32767"},
	{"smallint unsigned", column{typ: 2, charset: 63, flags: 32, decimals: 0}, "ffff", "65535"},
	{"mediumint", column{typ: 9, charset: 63, flags: 0, decimals: 0}, "000080ff", "-8388608"},
	{"mediumint unsigned", column{typ: 9, charset: 63, flags: 32, decimals: 0}, "ffffff00", "16777215"},
	{"int", column{typ: 3, charset: 63, flags: 0, decimals: 0}, "00000080", "-2147483648"},
	{"int", column{typ: 3, charset: 63, flags: 0, decimals: 0}, "2a000000", "42"},
	{"int unsigned", column{typ: 3, charset: 63, flags: 32, decimals: 0}, "ffffffff", "4294967295"},
	{"bigint", column{typ: 8, charset: 63, flags: 0, decimals: 0}, "0000000000000080", "-9223372036854775808"},
	{"bigint unsigned", column{typ: 8, charset: 63, flags: 32, decimals: 0}, "ffffffffffffffff", "18446744073709551615"},
	{"year", column{typ: 13, charset: 63, flags: 96, decimals: 0}, "6d07", "1901"},
	{"year", column{typ: 13, charset: 63, flags: 96, decimals: 0}, "6b08", "2155"},
	{"year", column{typ: 13, charset: 63, flags: 96, decimals: 0}, "0000", "0000"},
	{"float", column{typ: 4, charset: 63, flags: 0, decimals: 31}, "db0f4940", "3.14159"},
	{"float", column{typ: 4, charset: 63, flags: 0, decimals: 31}, "0000804b", "16777200"},
	{"float", column{typ: 4, charset: 63, flags: 0, decimals: 31}, "ec78ad60", "1e20"},
	{"float", column{typ: 4, charset: 63, flags: 0, decimals: 31}, "08e53c9e", "-1e-20"},
	{"float", column{typ: 4, charset: 63, flags: 0, decimals: 31}, "cdcccc3d", "0.1"},
	{"float", column{typ: 4, charset: 63, flags: 0, decimals: 31}, "3eb49649", "1234570"},
	{"float", column{typ: 4, charset: 63, flags: 0, decimals: 31}, "a95f6358", "1e15"},
	{"float", column{typ: 4, charset: 63, flags: 0, decimals: 31}, "9a5f6358", "999999000000000"},
	{"float", column{typ: 4, charset: 63, flags: 0, decimals: 31}, "acc52737", "0.00001"},
	{"float", column{typ: 4, charset: 63, flags: 0, decimals: 31}, "00000000", "0"},
	{"float", column{typ: 4, charset: 63, flags: 0, decimals: 31}, "0020f147", "123456"},
	{"float", column{typ: 4, charset: 63, flags: 0, decimals: 31}, "3b2cd826", "0.0000000000000015"},
	{"float", column{typ: 4, charset: 63, flags: 0, decimals: 31}, "ffff7f7f", "3.40282e38"},
	{"double", column{typ: 5, charset: 63, flags: 0, decimals: 31}, "9a9999999999b93f", "0.1"},
	{"double", column{typ: 5, charset: 63, flags: 0, decimals: 31}, "00003426f56b0c43", "1e15"},
	{"double", column{typ: 5, charset: 63, flags: 0, decimals: 31}, "0000901ec4bcd642", "100000000000000"},
	{"double", column{typ: 5, charset: 63, flags: 0, decimals: 31}, "350f63bab4697b43", "1.2345678901234568e17"},
	{"double", column{typ: 5, charset: 63, flags: 0, decimals: 31}, "1656e79eaf03d23c", "0.000000000000001"},
	{"double", column{typ: 5, charset: 63, flags: 0, decimals: 31}, "9b2ba1869b84063d", "0.00000000000001"},
	{"double", column{typ: 5, charset: 63, flags: 0, decimals: 31}, "4d67e2f1059ea53c", "1.5e-16"},
	{"double", column{typ: 5, charset: 63, flags: 0, decimals: 31}, "00000000000004c0", "-2.5"},
	{"double", column{typ: 5, charset: 63, flags: 0, decimals: 31}, "9c7500883ce4377e", "1e300"},
	{"double", column{typ: 5, charset: 63, flags: 0, decimals: 31}, "0000000000000000", "0"},
	{"double", column{typ: 5, charset: 63, flags: 0, decimals: 31}, "182d4454fb210940", "3.141592653589793"},
	{"double", column{typ: 5, charset: 63, flags: 0, decimals: 31}, "0080e03779c34143", "1e16"},
	{"double", column{typ: 5, charset: 63, flags: 0, decimals: 31}, "0000000000005940", "100"},
	{"double", column{typ: 5, charset: 63, flags: 0, decimals: 31}, "f168e388b5f8e43e", "0.00001"},
	{"float(7,2)", column{typ: 4, charset: 63, flags: 0, decimals: 2}, "aee64046", "12345.67"},
	{"float(7,2)", column{typ: 4, charset: 63, flags: 0, decimals: 2}, "0000003f", "0.50"},
	{"float(7,2)", column{typ: 4, charset: 63, flags: 0, decimals: 2}, "000080bf", "-1.00"},
	{"double(10,3)", column{typ: 5, charset: 63, flags: 0, decimals: 3}, "759318e487d63241", "1234567.891"},
	{"double(10,3)", column{typ: 5, charset: 63, flags: 0, decimals: 3}, "000000000000f03f", "1.000"},
	{"decimal(10,2)", column{typ: 246, charset: 63, flags: 0, decimals: 2}, "0b31323334353637382e3930", "12345678.90"},
	{"decimal(10,2)", column{typ: 246, charset: 63, flags: 0, decimals: 2}, "052d302e3530", "-0.50"},
	{"decimal(10,2)", column{typ: 246, charset: 63, flags: 0, decimals: 2}, "04302e3030", "0.00"},
	{"decimal(65,30)", column{typ: 246, charset: 63, flags: 0, decimals: 30}, "4231323334353637383930313233343536373839303132333435363738393031323334352e313233343536373839303132333435363738393031323334353637383930", "12345678901234567890123456789012345.123456789012345678901234567890"},
	{"date", column{typ: 10, charset: 63, flags: 128, decimals: 0}, "04ea070b14", "2026-11-20"},
	{"date", column{typ: 10, charset: 63, flags: 128, decimals: 0}, "00", "0000-00-00"},
	{"date", column{typ: 10, charset: 63, flags: 128, decimals: 0}, "04e8030101", "1000-01-01"},
	{"date", column{typ: 10, charset: 63, flags: 128, decimals: 0}, "04ea070000", "2026-00-00"},
	{"datetime", column{typ: 12, charset: 63, flags: 128, decimals: 0}, "07ea070b140d0e0f", "2026-11-20 13:14:15"},
	{"datetime", column{typ: 12, charset: 63, flags: 128, decimals: 0}, "04ea070b14", "2026-11-20 00:00:00"},
	{"datetime", column{typ: 12, charset: 63, flags: 128, decimals: 0}, "00", "0000-00-00 00:00:00"},
	{"datetime", column{typ: 12, charset: 63, flags: 128, decimals: 0}, "070f270c1f173b3b", "9999-12-31 23:59:59"},
	{"datetime(3)", column{typ: 12, charset: 63, flags: 128, decimals: 3}, "0bea070b140d0e0fc0d40100", "2026-11-20 13:14:15.120"},
	{"datetime(3)", column{typ: 12, charset: 63, flags: 128, decimals: 3}, "07ea070b140d0e0f", "2026-11-20 13:14:15.000"},
	{"datetime(3)", column{typ: 12, charset: 63, flags: 128, decimals: 3}, "04ea070b14", "2026-11-20 00:00:00.000"},
	{"datetime(3)", column{typ: 12, charset: 63, flags: 128, decimals: 3}, "00", "0000-00-00 00:00:00.000"},
	{"datetime(6)", column{typ: 12, charset: 63, flags: 128, decimals: 6}, "0bea070b140d0e0f01000000", "2026-11-20 13:14:15.000001"},
	{"datetime(6)", column{typ: 12, charset: 63, flags: 128, decimals: 6}, "07ea070b140d0e0f", "2026-11-20 13:14:15.000000"},
	{"timestamp null", column{typ: 7, charset: 63, flags: 128, decimals: 0}, "07ea070b140d0e0f", "2026-11-20 13:14:15"},
	{"timestamp null", column{typ: 7, charset: 63, flags: 128, decimals: 0}, "00", "0000-00-00 00:00:00"},
	{"timestamp(2) null", column{typ: 7, charset: 63, flags: 128, decimals: 2}, "0bea070b140d0e0f90d00300", "2026-11-20 13:14:15.25"},
	{"time", column{typ: 11, charset: 63, flags: 128, decimals: 0}, "0800000000000c2238", "12:34:56"},
	{"time", column{typ: 11, charset: 63, flags: 128, decimals: 0}, "080122000000163b3b", "-838:59:59"},
	{"time", column{typ: 11, charset: 63, flags: 128, decimals: 0}, "00", "00:00:00"},
	{"time", column{typ: 11, charset: 63, flags: 128, decimals: 0}, "080022000000163b3b", "838:59:59"},
	{"time", column{typ: 11, charset: 63, flags: 128, decimals: 0}, "080100000000000001", "-00:00:01"},
	{"time", column{typ: 11, charset: 63, flags: 128, decimals: 0}, "080001000000000000", "24:00:00"},
	{"time(1)", column{typ: 11, charset: 63, flags: 128, decimals: 1}, "0c00000000000c223860ae0a00", "12:34:56.7"},
	{"time(1)", column{typ: 11, charset: 63, flags: 128, decimals: 1}, "0c0104000000040000a0860100", "-100:00:00.1"},
	{"time(1)", column{typ: 11, charset: 63, flags: 128, decimals: 1}, "00", "00:00:00.0"},
	{"time(6)", column{typ: 11, charset: 63, flags: 128, decimals: 6}, "0c000000000000000001000000", "00:00:00.000001"},
	{"time(6)", column{typ: 11, charset: 63, flags: 128, decimals: 6}, "0c010000000000000020a10700", "-00:00:00.500000"},
	{"time(6)", column{typ: 11, charset: 63, flags: 128, decimals: 6}, "080000000000010000", "01:00:00.000000"},
	{"enum('a','b c')", column{typ: 254, charset: 45, flags: 256, decimals: 0}, "03622063", "b c"},
	{"set('x','y','z')", column{typ: 254, charset: 45, flags: 2048, decimals: 0}, "03782c7a", "x,z"},
	{"set('x','y','z')", column{typ: 254, charset: 45, flags: 2048, decimals: 0}, "00", ""},
	{"char(5)", column{typ: 254, charset: 45, flags: 0, decimals: 0}, "026162", "ab"},
	{"char(5)", column{typ: 254, charset: 45, flags: 0, decimals: 0}, "034f2742", "O'B"},
	{"varchar(20)", column{typ: 253, charset: 45, flags: 0, decimals: 0}, "076772c3bcc39f65", "grüße"},
	{"varchar(20)", column{typ: 253, charset: 45, flags: 0, decimals: 0}, "00", ""},
	{"text", column{typ: 252, charset: 45, flags: 16, decimals: 0}, "0474657874", "text"},
	{"json", column{typ: 245, charset: 63, flags: 144, decimals: 0}, "087b2261223a20317d", "{\"a\": 1}"},
}

// ours are values that the server sends as bytes in text rows too, and how they are shown here.
var ours = []struct {
	name   string
	column column
	binary string
	shown  string
}{
	{"bit(1)", column{typ: typeBit, charset: 63, flags: 32}, "0100", "0"},
	{"bit(12)", column{typ: typeBit, charset: 63, flags: 32}, "020abc", "2748"},
	{"bit(64)", column{typ: typeBit, charset: 63, flags: 32}, "08ffffffffffffffff", "18446744073709551615"},
	{"varbinary(4)", column{typ: typeVarString, charset: 63, flags: 128}, "0300ff10", "00ff10"},
	{"binary(3)", column{typ: typeString, charset: 63, flags: 128}, "03010000", "010000"},
	{"blob", column{typ: typeBlob, charset: 63, flags: 144}, "02cafe", "cafe"},
	{"geometry", column{typ: typeGeometry, charset: 63}, "19e6100000010100000000000000000004c0000000000000f03f", "SRID=4326;POINT(-2.5 1)"},
	{"geometry", column{typ: typeGeometry, charset: 63}, "2d0000000001020000000200000000000000000000000000000000000000000000000000f03f000000000000f03f", "LINESTRING"},
	{"geometry", column{typ: typeGeometry, charset: 63}, "0401020304", "01020304"},
	{"vector(3)", column{typ: typeVector, charset: 63, decimals: 31}, "0c0000803f000020c0cdcccc3d", "[1,-2.5,0.1]"},
	{"datetime", column{typ: typeDatetime, decimals: variable}, "0bea070b140d0e0f01000000", "2026-11-20 13:14:15.000001"},
	{"datetime", column{typ: typeDatetime, decimals: variable}, "07ea070b140d0e0f", "2026-11-20 13:14:15"},
	{"time", column{typ: typeTime, decimals: variable}, "0c010200000001020320a10700", "-49:02:03.500000"},
	{"bool", column{typ: typeBool}, "01", "true"},
	{"null", column{typ: typeNull}, "", "NULL"},
	{"double", column{typ: typeDouble, decimals: variable}, "000000000000f07f", "+Inf"},
}

// readValue reads all of b with a tree and without, and returns how the one field or group is shown.
func readValue(t *testing.T, b []byte, of func(c *wire.Cursor)) string {
	t.Helper()
	var fast, watched wire.Cursor
	var tree wire.Tree
	fast.Reset(b, len(b), nil, nil)
	of(&fast)
	watched.Reset(b, len(b), nil, &tree)
	of(&watched)
	if fast.Err() != nil || watched.Err() != nil || fast.Left() != 0 || watched.Left() != 0 || fast.Cut() != nil {
		t.Errorf("% x: errors %v and %v, %d and %d bytes left", b, fast.Err(), watched.Err(), fast.Left(), watched.Left())
		return ""
	}
	for i := range tree.Fields {
		if f := &tree.Fields[i]; f.Class != wire.Value {
			t.Errorf("% x: %s is not a value", b, f.Name)
		}
	}
	if tree.Fields[0].Name != "x" || int(tree.Fields[0].End) != len(tree.Fields) {
		t.Errorf("% x: it is not one field of its column's name", b)
	}
	f := tree.Shown(&tree.Fields[0])
	switch {
	case f == nil:
		return "nothing stands for the group"
	case f.Label != "":
		return f.Label
	case f.Kind == wire.Unsigned:
		return fmt.Sprint(f.Num)
	case f.Kind == wire.Signed:
		return fmt.Sprint(int64(f.Num))
	case f.Kind == wire.Text:
		return string(tree.Content(f))
	case f.Type == nil:
		return hex.EncodeToString(tree.Content(f))
	}
	return string(f.Type.Append(nil, tree.Content(f)))
}

func TestValues(t *testing.T) {
	for _, v := range served {
		v.column.name = "x"
		b, _ := hex.DecodeString(v.binary)
		if got := readValue(t, b, func(c *wire.Cursor) { binaryValue(c, &v.column) }); got != v.text {
			t.Errorf("%s %s: %s, want %s", v.name, v.binary, got, v.text)
		}
		text := append([]byte{byte(len(v.text))}, v.text...)
		if got := readValue(t, text, func(c *wire.Cursor) { textValue(c, &v.column) }); got != v.text {
			t.Errorf("%s as text: %s, want %s", v.name, got, v.text)
		}
	}
	for _, v := range ours {
		v.column.name = "x"
		b, _ := hex.DecodeString(v.binary)
		if got := readValue(t, b, func(c *wire.Cursor) { binaryValue(c, &v.column) }); got != v.shown {
			t.Errorf("%s %s: %s, want %s", v.name, v.binary, got, v.shown)
		}
	}
	if got := readValue(t, []byte{0xFB}, func(c *wire.Cursor) { textValue(c, &column{name: "x", typ: typeLong}) }); got != "NULL" {
		t.Errorf("NULL as text: %s", got)
	}
	if got := readValue(t, nil, func(c *wire.Cursor) { nullValue(c, "x") }); got != "NULL" {
		t.Errorf("NULL: %s", got)
	}
}

func TestParameters(t *testing.T) {
	for _, v := range []struct {
		typ      byte
		unsigned bool
		sent     string
		shown    string
	}{
		{typeTiny, false, "ff", "-1"},
		{typeTiny, true, "ff", "255"},
		{typeLongLong, true, "ffffffffffffffff", "18446744073709551615"},
		{typeDouble, false, "333333333333f33f", "1.2"},
		{typeFloat, false, "9a99993f", "1.2"},
		{typeString, false, "0361c3a9", "aé"},
		{typeVarString, false, "fc0300616263", "abc"},
		{typeBlob, false, "fd02000000ff", "00ff"},
		{typeNewDecimal, false, "04312e3530", "1.50"},
		{typeDatetime, false, "00", "0000-00-00 00:00:00"},
		{typeDate, false, "04ea070b14", "2026-11-20"},
		{typeTime, false, "080101000000020304", "-26:03:04"},
		{typeNull, false, "", "NULL"},
		{typeJSON, false, "027b7d", "{}"},
	} {
		b, _ := hex.DecodeString(v.sent)
		if got := readValue(t, b, func(c *wire.Cursor) {
			c.Classify(wire.Value)
			g := c.Group("x")
			parameter(c, v.typ, v.unsigned, false)
			c.End(g)
		}); got != v.shown {
			t.Errorf("type %d, %s: %s, want %s", v.typ, v.sent, got, v.shown)
		}
	}
}

// TestLongValue cuts a hole into a text: it is passed over, and nobody misses it.
func TestLongValue(t *testing.T) {
	b := append([]byte{0xFC, 100, 0}, strings.Repeat("a", 100)...)
	b = append(b, 1, '7')
	runs := []wire.Run{{Off: 0, N: 20}, {Off: 90, N: len(b) - 90}}
	kept := append(b[:20:20], b[90:]...)
	var tree wire.Tree
	for _, watch := range []*wire.Tree{nil, &tree} {
		var c wire.Cursor
		c.Reset(kept, len(b), runs, watch)
		textValue(&c, &column{name: "x", typ: typeVarString})
		textValue(&c, &column{name: "y", typ: typeLong})
		if c.Err() != nil || c.Cut() != nil || c.Left() != 0 {
			t.Errorf("error %v, cut %v, %d bytes left", c.Err(), c.Cut(), c.Left())
		}
	}
}

func TestShortValues(t *testing.T) {
	for _, v := range served {
		b, _ := hex.DecodeString(v.binary)
		for n := range b {
			var c wire.Cursor
			c.Reset(b[:n], n, nil, nil)
			if binaryValue(&c, &v.column); c.Err() == nil || c.Err().Kind != wire.Short {
				t.Errorf("%s %x: error %v", v.name, b[:n], c.Err())
			}
		}
	}
	for _, wrong := range []struct {
		typ byte
		b   string
	}{{typeDate, "05ea070b1401"}, {typeTime, "0401020304"}, {typeString, "fb"}, {typeString, "ff"}} {
		var c wire.Cursor
		b, _ := hex.DecodeString(wrong.b)
		c.Reset(b, len(b), nil, nil)
		if binaryValue(&c, &column{typ: wrong.typ}); c.Err() == nil || c.Err().Kind != wire.Invalid {
			t.Errorf("type %d, %s: error %v", wrong.typ, wrong.b, c.Err())
		}
	}
	var c wire.Cursor
	huge := []byte{0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}
	c.Reset(huge, len(huge), nil, nil)
	if textValue(&c, &column{typ: typeString}); c.Err() == nil || c.Err().Kind != wire.Short {
		t.Errorf("a length of 2^64-1: error %v", c.Err())
	}
}

// FuzzValues checks that both views read the same, and that showing what they read fails nowhere.
func FuzzValues(f *testing.F) {
	for _, v := range served {
		b, _ := hex.DecodeString(v.binary)
		f.Add(b, v.column.typ, v.column.charset, v.column.flags, v.column.decimals)
	}
	f.Fuzz(func(t *testing.T, b []byte, typ byte, charset, flags uint16, decimals byte) {
		col := column{"x", typ, charset, flags, decimals}
		for _, of := range []func(*wire.Cursor, *column){textValue, binaryValue} {
			var fast, watched wire.Cursor
			var tree wire.Tree
			fast.Reset(b, len(b), nil, nil)
			of(&fast, &col)
			watched.Reset(b, len(b), nil, &tree)
			of(&watched, &col)
			if fast.Pos() != watched.Pos() || (fast.Err() == nil) != (watched.Err() == nil) {
				t.Errorf("at %d and %d, errors %v and %v", fast.Pos(), watched.Pos(), fast.Err(), watched.Err())
			}
			for i := range tree.Fields {
				if f := &tree.Fields[i]; f.Type != nil && len(f.Type.Append(nil, tree.Content(f))) > 100+64*len(b) {
					t.Errorf("%s shows too much", f.Type.Name)
				}
			}
		}
	})
}

func BenchmarkValues(b *testing.B) {
	row := []byte("\x0212\x05Alice\x0a2026-11-20\x0612.500\xfb")
	columns := []column{{typ: typeLong}, {typ: typeVarString}, {typ: typeDate}, {typ: typeNewDecimal}, {typ: typeString}}
	b.Run("text", func(b *testing.B) {
		var c wire.Cursor
		for b.Loop() {
			c.Reset(row, len(row), nil, nil)
			for i := range columns {
				textValue(&c, &columns[i])
			}
		}
	})
	packed := []byte("\x0c\x00\x00\x00\x05Alice\x04\xea\x07\x0b\x14\x0612.500")
	b.Run("binary", func(b *testing.B) {
		var c wire.Cursor
		for b.Loop() {
			c.Reset(packed, len(packed), nil, nil)
			for i := range columns[:4] {
				binaryValue(&c, &columns[i])
			}
		}
	})
}
