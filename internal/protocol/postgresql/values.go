package postgresql

import (
	"strconv"
	"unicode/utf8"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/wire"
)

// Types by their OID in pg_type, as far as the code speaks of them.
const (
	oidBool           = 16
	oidBytea          = 17
	oidChar           = 18
	oidName           = 19
	oidInt8           = 20
	oidInt2           = 21
	oidInt2vector     = 22
	oidInt4           = 23
	oidRegproc        = 24
	oidText           = 25
	oidOID            = 26
	oidTID            = 27
	oidXID            = 28
	oidCID            = 29
	oidOIDvector      = 30
	oidJSON           = 114
	oidXML            = 142
	oidNodeTree       = 194
	oidPoint          = 600
	oidLseg           = 601
	oidPath           = 602
	oidBox            = 603
	oidPolygon        = 604
	oidLine           = 628
	oidCIDR           = 650
	oidFloat4         = 700
	oidFloat8         = 701
	oidUnknown        = 705
	oidCircle         = 718
	oidMacaddr8       = 774
	oidMoney          = 790
	oidMacaddr        = 829
	oidInet           = 869
	oidBpchar         = 1042
	oidVarchar        = 1043
	oidDate           = 1082
	oidTime           = 1083
	oidTimestamp      = 1114
	oidTimestamptz    = 1184
	oidInterval       = 1186
	oidTimetz         = 1266
	oidBit            = 1560
	oidVarbit         = 1562
	oidNumeric        = 1700
	oidRefcursor      = 1790
	oidRegprocedure   = 2202
	oidRegoper        = 2203
	oidRegoperator    = 2204
	oidRegclass       = 2205
	oidRegtype        = 2206
	oidRecord         = 2249
	oidCstring        = 2275
	oidVoid           = 2278
	oidUUID           = 2950
	oidTxidSnapshot   = 2970
	oidLSN            = 3220
	oidTsvector       = 3614
	oidTsquery        = 3615
	oidRegconfig      = 3734
	oidRegdictionary  = 3769
	oidJSONB          = 3802
	oidInt4range      = 3904
	oidNumrange       = 3906
	oidTsrange        = 3908
	oidTstzrange      = 3910
	oidDaterange      = 3912
	oidInt8range      = 3926
	oidJSONPath       = 4072
	oidRegnamespace   = 4089
	oidRegrole        = 4096
	oidRegcollation   = 4191
	oidInt4multirange = 4451
	oidNummultirange  = 4532
	oidTsmultirange   = 4533
	oidTstzmultirange = 4534
	oidDatemultirange = 4535
	oidInt8multirange = 4536
	oidSnapshot       = 5038
	oidXID8           = 5069
)

// typeNames names the types of PostgreSQL 18's pg_type that values can have: int4, and int4[] for its array.
var typeNames = func() wire.Enum {
	names := wire.Enum{}
	for _, t := range []struct {
		oid, array uint64
		name       string
	}{
		{oidBool, 1000, "bool"}, {oidBytea, 1001, "bytea"}, {oidChar, 1002, `"char"`}, {oidName, 1003, "name"},
		{oidInt8, 1016, "int8"}, {oidInt2, 1005, "int2"}, {oidInt2vector, 1006, "int2vector"}, {oidInt4, 1007, "int4"},
		{oidRegproc, 1008, "regproc"}, {oidText, 1009, "text"}, {oidOID, 1028, "oid"}, {oidTID, 1010, "tid"},
		{oidXID, 1011, "xid"}, {oidCID, 1012, "cid"}, {oidOIDvector, 1013, "oidvector"}, {oidJSON, 199, "json"},
		{oidXML, 143, "xml"}, {oidNodeTree, 0, "pg_node_tree"}, {oidPoint, 1017, "point"}, {oidLseg, 1018, "lseg"},
		{oidPath, 1019, "path"}, {oidBox, 1020, "box"}, {oidPolygon, 1027, "polygon"}, {oidLine, 629, "line"},
		{oidCIDR, 651, "cidr"}, {oidFloat4, 1021, "float4"}, {oidFloat8, 1022, "float8"}, {oidUnknown, 0, "unknown"},
		{oidCircle, 719, "circle"}, {oidMacaddr8, 775, "macaddr8"}, {oidMoney, 791, "money"}, {oidMacaddr, 1040, "macaddr"},
		{oidInet, 1041, "inet"}, {1033, 1034, "aclitem"}, {oidBpchar, 1014, "bpchar"}, {oidVarchar, 1015, "varchar"},
		{oidDate, 1182, "date"}, {oidTime, 1183, "time"}, {oidTimestamp, 1115, "timestamp"},
		{oidTimestamptz, 1185, "timestamptz"}, {oidInterval, 1187, "interval"}, {oidTimetz, 1270, "timetz"},
		{oidBit, 1561, "bit"}, {oidVarbit, 1563, "varbit"}, {oidNumeric, 1231, "numeric"}, {oidRefcursor, 2201, "refcursor"},
		{oidRegprocedure, 2207, "regprocedure"}, {oidRegoper, 2208, "regoper"}, {oidRegoperator, 2209, "regoperator"},
		{oidRegclass, 2210, "regclass"}, {oidRegtype, 2211, "regtype"}, {oidRecord, 2287, "record"},
		{oidCstring, 1263, "cstring"}, {2276, 0, "any"}, {2277, 0, "anyarray"}, {oidVoid, 0, "void"}, {2279, 0, "trigger"},
		{2281, 0, "internal"}, {2283, 0, "anyelement"}, {oidUUID, 2951, "uuid"}, {oidTxidSnapshot, 2949, "txid_snapshot"},
		{oidLSN, 3221, "pg_lsn"}, {3361, 0, "pg_ndistinct"}, {3402, 0, "pg_dependencies"}, {3500, 0, "anyenum"},
		{oidTsvector, 3643, "tsvector"}, {oidTsquery, 3645, "tsquery"}, {3642, 3644, "gtsvector"},
		{oidRegconfig, 3735, "regconfig"}, {oidRegdictionary, 3770, "regdictionary"}, {oidJSONB, 3807, "jsonb"},
		{3831, 0, "anyrange"}, {oidInt4range, 3905, "int4range"}, {oidNumrange, 3907, "numrange"},
		{oidTsrange, 3909, "tsrange"}, {oidTstzrange, 3911, "tstzrange"}, {oidDaterange, 3913, "daterange"},
		{oidInt8range, 3927, "int8range"}, {oidJSONPath, 4073, "jsonpath"}, {oidRegnamespace, 4090, "regnamespace"},
		{oidRegrole, 4097, "regrole"}, {oidRegcollation, 4192, "regcollation"}, {oidInt4multirange, 6150, "int4multirange"},
		{oidNummultirange, 6151, "nummultirange"}, {oidTsmultirange, 6152, "tsmultirange"},
		{oidTstzmultirange, 6153, "tstzmultirange"}, {oidDatemultirange, 6155, "datemultirange"},
		{oidInt8multirange, 6157, "int8multirange"}, {4537, 0, "anymultirange"}, {4600, 0, "pg_brin_bloom_summary"},
		{4601, 0, "pg_brin_minmax_multi_summary"}, {5017, 0, "pg_mcv_list"}, {oidSnapshot, 5039, "pg_snapshot"},
		{oidXID8, 271, "xid8"},
	} {
		names[t.oid] = t.name
		if t.array != 0 {
			names[t.array] = t.name + "[]"
		}
	}
	return names
}()

var boolNames = wire.Enum{0: "false", 1: "true"}

// How values are shown, by type: those that came as text, and those that came in binary.
var textTypes, binaryTypes = func() (text, binary map[uint32]*wire.Type) {
	text, binary = map[uint32]*wire.Type{}, map[uint32]*wire.Type{}
	for n, name := range typeNames {
		oid := uint32(n)
		text[oid] = &wire.Type{Name: name, Append: func(dst, b []byte) []byte { return append(dst, b...) }}
		binary[oid] = &wire.Type{Name: name, Append: func(dst, b []byte) []byte { return appendValue(dst, b, oid) }}
	}
	return text, binary
}()

var (
	opaque = &wire.Type{Name: "unknown", Append: func(dst, b []byte) []byte { return appendValue(dst, b, 0) }}
	null   = &wire.Type{Name: "null", Word: true, Append: func(dst, _ []byte) []byte { return append(dst, "NULL"...) }}
)

// value reads one value of n bytes, -1 for NULL, as a field called name: of a row, a parameter, a tuple. oid is its type,
// 0 if that is not known; format is 0 for text and 1 for binary.
func value(c *wire.Cursor, name string, n int, oid uint32, format int16) {
	was := c.Classify(wire.Value)
	if n == -1 {
		c.Skip(name, 0, null)
	} else {
		f := c.Limit(name, n, 0)
		if !c.Elide() {
			show(c, name, n, oid, format)
		}
		c.Leave(f)
	}
	c.Classify(was)
}

// show makes a value a field: a number, text, or octets that its type shows.
func show(c *wire.Cursor, name string, n int, oid uint32, format int16) {
	b := c.Rest()
	kind, v, ok := number(b, oid, format)
	switch {
	case ok && len(b) == n:
		c.Number(name, n, kind, v)
		if oid == oidBool {
			c.Enum(boolNames)
		}
	case isText(b, oid, format):
		c.String(name, n)
	case format == 0:
		c.Skip(name, n, textTypes[oid])
	case binaryTypes[oid] != nil:
		c.Skip(name, n, binaryTypes[oid])
	default:
		c.Skip(name, n, opaque)
	}
}

// listed puts the value of a parameter, which is not NULL, on a list.
func listed(list *l7.Parameters, b []byte, oid uint32, format int16) {
	kind, v, ok := number(b, oid, format)
	t := binaryTypes[oid]
	if format == 0 {
		t = textTypes[oid]
	}
	switch {
	case ok && oid == oidBool:
		list.Word(boolNames[v])
	case ok:
		list.Number(kind, v)
	case t == nil && format != 0 && !isText(b, oid, format):
		list.Show(opaque, b, false)
	case t == nil || isText(b, oid, format):
		list.Text(b)
	default:
		list.Show(t, b, oid == oidFloat4 || oid == oidFloat8 || oid == oidNumeric)
	}
}

// number is the integer that a value is.
func number(b []byte, oid uint32, format int16) (kind wire.Kind, v uint64, ok bool) {
	kind, size := wire.Signed, 4
	switch {
	case oid == oidBool:
		kind, size = wire.Unsigned, 1
	case oid == oidInt2:
		size = 2
	case oid == oidInt4:
	case oid == oidInt8:
		size = 8
	case oid == oidXID8:
		kind, size = wire.Unsigned, 8
	case isID(oid):
		kind = wire.Unsigned
	default:
		return 0, 0, false
	}
	switch {
	case format != 0:
		if len(b) != size {
			return 0, 0, false
		}
		for _, x := range b {
			v = v<<8 | uint64(x)
		}
		if kind == wire.Signed {
			v = uint64(int64(v<<(64-8*size)) >> (64 - 8*size))
		}
		return kind, v, oid != oidBool || v <= 1
	case oid == oidBool:
		switch string(b) {
		case "t", "true":
			return kind, 1, true
		case "f", "false":
			return kind, 0, true
		}
		return 0, 0, false
	case kind == wire.Signed:
		i, err := strconv.ParseInt(string(b), 10, 64)
		return kind, uint64(i), err == nil
	}
	v, err := strconv.ParseUint(string(b), 10, 64)
	return kind, v, err == nil
}

// isID tells whether values of a type are numbers of 32 bits that name something. What they name has a name of its own,
// which the server writes as text.
func isID(oid uint32) bool {
	switch oid {
	case oidOID, oidXID, oidCID, oidRegproc, oidRegprocedure, oidRegoper, oidRegoperator, oidRegclass, oidRegtype,
		oidRegconfig, oidRegdictionary, oidRegnamespace, oidRegrole, oidRegcollation:
		return true
	}
	return false
}

// isString tells whether values of a type are text, the same in both formats.
func isString(oid uint32) bool {
	switch oid {
	case oidText, oidVarchar, oidBpchar, oidName, oidJSON, oidXML, oidUnknown, oidCstring, oidRefcursor, oidNodeTree:
		return true
	}
	return false
}

// isText tells whether a value is text for people, and not the text of something else.
func isText(b []byte, oid uint32, format int16) bool {
	switch {
	case isString(oid):
		return true
	case oid == oidChar || oid == oidJSONB || oid == oidJSONPath:
		return format == 0
	}
	return typeNames[uint64(oid)] == "" && (format == 0 || isPrintable(b))
}

// isPrintable tells whether b is text: UTF-8 without control characters but those that lay it out.
func isPrintable(b []byte) bool { return utf8.Valid(b) && !hasControls(b) }

// hasControls tells whether b has control characters but those that lay text out.
func hasControls(b []byte) bool {
	for _, x := range b {
		if x < ' ' && x != '\t' && x != '\n' && x != '\r' || x == 0x7F {
			return true
		}
	}
	return false
}
