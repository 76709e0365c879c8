package mysql

import (
	"bytes"

	"github.com/dbtap/dbtap/internal/record"
)

// statusOf tells who is to blame for an error: its SQLSTATE does, or, where that is the general one or was not sent,
// its number.
func statusOf(code uint16, sqlstate []byte) record.Status {
	if len(sqlstate) == 5 {
		switch string(sqlstate[:2]) {
		case "21", "22", "23", "28", "3D", "40", "42", "44":
			return record.ClientError
		}
	}
	if denies(code) || rejects(code) && (len(sqlstate) == 0 || string(sqlstate) == "HY000") {
		return record.ClientError
	}
	return record.ServerError
}

// denies tells whether an error says that the client or its user may not do what it asks for. Numbers up to 1999 belong
// to both servers, from 3000 to MySQL and from 4000 to each of them on its own.
func denies(code uint16) bool {
	switch code {
	case 1044, 1045, // access denied
		1129, 1130, // the host is blocked, or not allowed
		1142, 1143, 1227, 1370, // a privilege is missing
		1251, 1275, // the client's way to authenticate is too old
		1396, 1449, // no such account
		1698, 1820, 1862, 1873, // access denied, the password has expired
		3118, 3159, 3955, 4151: // the account is locked, or may only come encrypted
		return true
	}
	return false
}

// rejects tells whether an error without a telling SQLSTATE says that the request is wrong.
func rejects(code uint16) bool {
	switch code {
	case 1007, 1008, // a database exists, or does not
		1093, 1094, 1096, 1099, 1100, 1111, 1117, 1128, 1137, 1175, // a statement that cannot be
		1193, 1210, 1215, 1221, 1228, 1229, 1233, 1238, 1243, // variables, arguments, an unknown prepared statement
		1267, 1270, 1271, 1272, 1273, 1288, 1291, 1294, 1295, 1298, 1300, // collations, character sets, time zones
		1345, 1347, 1348, 1349, 1350, 1351, 1352, 1353, 1354, 1356, 1359, 1360, 1361, 1362, 1363, // views and triggers
		1364, 1366, 1367, 1368, 1369, 1390, 1391, 1393, 1394, 1395, 1411, 1419, 1422, 1423, 1442, 1443, 1470, 1471, // values
		1479, 1480, 1481, 1482, 1484, 1486, 1488, 1491, 1492, 1493, 1494, 1495, 1503, 1504, 1505, 1507, 1508, 1514, 1517, // partitions
		1525, 1526, 1537, 1539, 1553, 1560, 1564, 1568, 1641, 1649, 1659, 1697, // and values outside of them; events
		1731, 1732, 1733, 1735, 1736, 1737, 1748, 1749, 1772, 1774, 1800, 1801, 1819, // likewise; a password that is too simple
		1821, 1822, 1824, 1825, 1826, 1828, 1829, 1830, 1832, 1833, 1834, // foreign keys
		3105, 3106, 3107, 3108, 3109, 3148, // generated columns
		3523, 3566, 3575, 3576, 3577, 3579, 3580, 3582, 3583, 3584, 3586, 3587, 3593, 3595, // roles, recursion, windows
		3730, 3734, 3750, 3756, 3757, 3758, 3780, 3812, 3813, 3814, 3815, 3816, 3819, 3820, 3821, 3822: // foreign keys, checks
		return true
	}
	return false
}

// rollsBack tells whether an error ends the transaction, or may do so: what a lock timeout does is a setting
// (innodb_rollback_on_timeout).
func rollsBack(code uint16, sqlstate []byte) bool {
	switch code {
	case 1180, 1205, 1206, 1213:
		return true
	}
	return len(sqlstate) == 5 && (string(sqlstate[:2]) == "40" || string(sqlstate[:2]) == "XA")
}

// killing tells whether an error says that somebody killed the query or the connection.
func killing(code uint16) bool { return code == 1317 || code == 1927 || code == 3169 }

// ending tells whether an error ends the connection, whatever was asked.
func ending(code uint16) bool {
	switch code {
	case 1053, 1080, 1152, 1153, 1156, 1157, 1158, 1159, 1160, 1161, 1184, 1835, 1927, 3032, 3169, 4031:
		return true
	}
	return false
}

// namesOnly tells whether the text of an error has names, sizes and places in it, and none of a user's values.
func namesOnly(code uint16) bool {
	if code >= 1004 && code <= 1036 { // of files and tables
		return true
	}
	switch code {
	case 1040, 1044, 1045, 1046, 1048, 1049, 1050, 1051, 1052, 1054, 1055, 1056, 1058, 1059, 1060, 1061, 1063, 1066, 1067, 1068,
		1069, 1070, 1071, 1072, 1073, 1074, 1075, 1091, 1093, 1099, 1100, 1101, 1102, 1103, 1109, 1110, 1113, 1114, 1115,
		1117, 1118, 1121, 1122, 1125, 1128, 1129, 1130, 1136, 1137, 1141, 1142, 1143, 1146, 1147, 1166, 1167, 1169, 1170,
		1176, 1193, 1194, 1195, 1203, 1205, 1213, 1215, 1216, 1217, 1221, 1222, 1226, 1227, 1228, 1229, 1230, 1232, 1233,
		1234, 1235, 1238, 1239, 1241, 1242, 1247, 1248, 1250, 1253, 1263, 1264, 1265, 1267, 1270, 1271, 1273, 1280, 1283,
		1286, 1287, 1288, 1290, 1294, 1295, 1299, 1304, 1305, 1318, 1327, 1347, 1348, 1354, 1356, 1359, 1360, 1361, 1362,
		1363, 1364, 1365, 1368, 1369, 1370, 1390, 1393, 1394, 1395, 1396, 1403, 1406, 1415, 1423, 1425, 1426, 1427, 1439,
		1442, 1443, 1449, 1451, 1452, 1463, 1471, 1537, 1539, 1540, 1553, 1582, 1583, 1621, 1630, 1652, 1659, 1681,
		1688, 1698, 1731, 1732, 1733, 1735, 1739, 1740, 1749, 1797, 1798, 1813, 1814, 1821, 1822, 1823, 1824, 1825, 1826,
		1828, 1829, 1830, 1831, 1832, 1833, 1834, 1873, 3118, 3730, 3734, 3756, 3780, 3813, 3819, 3820, 3821, 3822, 4025:
		return true
	}
	return false
}

// freeText tells whether the text of an error may be a user's own, as that of SIGNAL is, or follows no pattern.
func freeText(code uint16, sqlstate []byte) bool {
	return code == 1105 || code == 1644 || string(sqlstate) == "45000"
}

// stateOf is the SQLSTATE that servers send with an error whose text follows a pattern.
func stateOf(code uint16) string {
	switch code {
	case 1046:
		return "3D000"
	case 1022, 1048, 1052, errDuplicate, 1169, 1216, 1217, 1451, 1452, errDuplicateWithKey, 4025:
		return "23000"
	case 1040:
		return "08004"
	case 1045, 1698, 1873:
		return "28000"
	case 1050:
		return "42S01"
	case 1051, 1109, 1146:
		return "42S02"
	case 1054, 1247:
		return "42S22"
	case 1058, 1136:
		return "21S01"
	case 1060:
		return "42S21"
	case 1213:
		return "40001"
	case 1222, 1241, 1242:
		return "21000"
	case 1263:
		return "22004"
	case 1264:
		return "22003"
	case 1265:
		return "01000"
	case errTruncatedValue:
		return "22007"
	case 1365:
		return "22012"
	case 1369:
		return "44000"
	case 1406:
		return "22001"
	case 1415:
		return "0A000"
	case 1044, 1049, 1055, 1056, 1059, 1061, 1063, errParse, 1066, 1067, 1068, 1069, 1070, 1071, 1072, 1073, 1074, 1075, 1091, 1101, 1102,
		1103, 1110, 1113, 1115, 1118, 1121, 1141, 1142, 1143, 1147, 1166, 1167, 1170, 1176, 1203, 1226, 1227, 1230, 1232, 1234,
		1235, 1239, 1248, 1250, 1253, 1280, 1286, 1304, 1305, 1318, 1327, 1370, 1403, 1425, 1426, 1427, 1439, 1463, 1582, 1583, 1630:
		return "42000"
	}
	return "HY000"
}

// appendMaskedError appends the text of an error without a user's values: numbers and all that is quoted become ?,
// but for what the error's number says are names, unless its SQLSTATE is another's: SIGNAL may set both. Servers do not
// escape what they quote, so a value ends where the last quote does that can be its own, and in a text that may have been
// cut it has no end.
func appendMaskedError(dst []byte, code uint16, sqlstate, message []byte) []byte {
	if freeText(code, sqlstate) && len(message) > 0 {
		return append(dst, '?')
	}
	if len(sqlstate) > 0 && string(sqlstate) != stateOf(code) && !(code == errIncorrectValue && string(sqlstate) == "22007") { // of MariaDB
		code = 0
	}
	if namesOnly(code) && !bytes.Contains(message, []byte("Sql: ")) { // proxies such as Vitess add the statement
		return append(dst, message...)
	}
	head := message[:behindValue(code, message)]
	tail := message[len(head):]
	if from := quote(head, false); from >= 0 {
		dst = append(appendMaskedNumbers(dst, head[:from]), head[from], '?')
		to := quote(head, true)
		if to == from || len(message) >= mayBeCut {
			return dst
		}
		dst = append(dst, head[to])
		if head = head[to+1:]; code == errParse {
			return append(dst, head...) // the number of a line
		}
	}
	return append(appendMaskedNumbers(dst, head), tail...)
}

// mayBeCut is from how many bytes on the text of an error may have been cut by the server: at 512, with a NUL, and
// perhaps not inside a character.
const mayBeCut = 500

// quote is the place of the first or last quote in b that is no apostrophe inside of a word, or -1.
func quote(b []byte, last bool) (at int) {
	at = -1
	for i, c := range b {
		if c == '"' || c == '\'' && !(i > 0 && i+1 < len(b) && letter(b[i-1]) && letter(b[i+1])) {
			if at = i; !last {
				break
			}
		}
	}
	return at
}

const (
	errDuplicate        = 1062
	errParse            = 1064
	errTruncatedValue   = 1292
	errIncorrectValue   = 1366
	errDuplicateWithKey = 1586
)

// behindValue is where in an English text the names begin that follow a value; its end in others. The text must begin
// and end as no value can make it do.
func behindValue(code uint16, message []byte) int {
	at := -1
	switch {
	case len(message) >= mayBeCut:
	case code == errDuplicate, code == errDuplicateWithKey:
		if bytes.HasPrefix(message, []byte("Duplicate entry '")) && bytes.HasSuffix(message, []byte("'")) {
			at = bytes.LastIndex(message, []byte("' for key "))
		}
	case code == errTruncatedValue, code == errIncorrectValue:
		row := bytes.TrimRight(message, "0123456789")
		if bytes.HasPrefix(message, []byte("Incorrect ")) && len(row) < len(message) && bytes.HasSuffix(row, []byte(" at row ")) {
			at = bytes.LastIndex(message, []byte("' for column "))
		}
	}
	if at < 0 {
		return len(message)
	}
	return at + 1
}

// appendMaskedNumbers appends b with ? for each word that begins with a digit.
func appendMaskedNumbers(dst, b []byte) []byte {
	for i := 0; i < len(b); {
		if b[i] < '0' || b[i] > '9' || i > 0 && wordByte(b[i-1]) {
			dst = append(dst, b[i])
			i++
			continue
		}
		dst = append(dst, '?')
		for i++; i < len(b) && (wordByte(b[i]) || i+1 < len(b) && wordByte(b[i+1]) && bytes.IndexByte([]byte(".:+-"), b[i]) >= 0); {
			i++
		}
	}
	return dst
}

func wordByte(c byte) bool { return letter(c) || c >= '0' && c <= '9' || c == '_' || c == '$' }

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
