package mysql

import (
	"bytes"
	"encoding/hex"
	"hash/crc32"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/sqltext"
	"github.com/dbtap/dbtap/internal/wire"
)

// Events of the binary log. From 160 on they are MariaDB's.
const (
	eventQuery             = 2
	eventRotate            = 4
	eventIntvar            = 5
	eventAppendBlock       = 9
	eventDeleteFile        = 11
	eventRand              = 13
	eventUserVar           = 14
	eventFormatDescription = 15
	eventXID               = 16
	eventBeginLoadQuery    = 17
	eventExecuteLoadQuery  = 18
	eventTableMap          = 19
	eventWriteRowsV0       = 20
	eventUpdateRowsV1      = 24
	eventDeleteRowsV1      = 25
	eventIncident          = 26
	eventHeartbeat         = 27
	eventRowsQuery         = 29
	eventWriteRows         = 30
	eventUpdateRows        = 31
	eventDeleteRows        = 32
	eventGTID              = 33
	eventAnonymousGTID     = 34
	eventPreviousGTIDs     = 35
	eventXAPrepare         = 38
	eventPartialUpdateRows = 39
	eventPayload           = 40
	eventHeartbeatV2       = 41
	eventAnnotateRows      = 160
	eventCheckpoint        = 161
	eventMariaGTID         = 162
	eventGTIDList          = 163
	eventStartEncryption   = 164
	eventQueryPacked       = 165
	eventWriteRowsPacked   = 166 // and two more, then the same of version 2
	eventDeleteRowsPacked  = 171
)

var eventNames = wire.Enum{
	0: "UNKNOWN_EVENT", 1: "START_EVENT_V3", eventQuery: "QUERY_EVENT", 3: "STOP_EVENT", eventRotate: "ROTATE_EVENT",
	eventIntvar: "INTVAR_EVENT", 6: "LOAD_EVENT", 7: "SLAVE_EVENT", 8: "CREATE_FILE_EVENT", eventAppendBlock: "APPEND_BLOCK_EVENT",
	10: "EXEC_LOAD_EVENT", eventDeleteFile: "DELETE_FILE_EVENT", 12: "NEW_LOAD_EVENT", eventRand: "RAND_EVENT",
	eventUserVar: "USER_VAR_EVENT", eventFormatDescription: "FORMAT_DESCRIPTION_EVENT", eventXID: "XID_EVENT",
	eventBeginLoadQuery: "BEGIN_LOAD_QUERY_EVENT", eventExecuteLoadQuery: "EXECUTE_LOAD_QUERY_EVENT", eventTableMap: "TABLE_MAP_EVENT",
	eventWriteRowsV0: "WRITE_ROWS_EVENT_V0", 21: "UPDATE_ROWS_EVENT_V0", 22: "DELETE_ROWS_EVENT_V0", 23: "WRITE_ROWS_EVENT_V1",
	eventUpdateRowsV1: "UPDATE_ROWS_EVENT_V1", eventDeleteRowsV1: "DELETE_ROWS_EVENT_V1", eventIncident: "INCIDENT_EVENT",
	eventHeartbeat: "HEARTBEAT_EVENT", 28: "IGNORABLE_EVENT", eventRowsQuery: "ROWS_QUERY_EVENT", eventWriteRows: "WRITE_ROWS_EVENT",
	eventUpdateRows: "UPDATE_ROWS_EVENT", eventDeleteRows: "DELETE_ROWS_EVENT", eventGTID: "GTID_EVENT",
	eventAnonymousGTID: "ANONYMOUS_GTID_EVENT", eventPreviousGTIDs: "PREVIOUS_GTIDS_EVENT", 36: "TRANSACTION_CONTEXT_EVENT",
	37: "VIEW_CHANGE_EVENT", eventXAPrepare: "XA_PREPARE_EVENT", eventPartialUpdateRows: "PARTIAL_UPDATE_ROWS_EVENT",
	eventPayload: "TRANSACTION_PAYLOAD_EVENT", eventHeartbeatV2: "HEARTBEAT_EVENT_V2", 42: "GTID_TAGGED_EVENT",
	eventAnnotateRows: "ANNOTATE_ROWS_EVENT", eventCheckpoint: "BINLOG_CHECKPOINT_EVENT", eventMariaGTID: "GTID_EVENT",
	eventGTIDList: "GTID_LIST_EVENT", eventStartEncryption: "START_ENCRYPTION_EVENT", eventQueryPacked: "QUERY_COMPRESSED_EVENT",
	eventWriteRowsPacked: "WRITE_ROWS_COMPRESSED_EVENT_V1", 167: "UPDATE_ROWS_COMPRESSED_EVENT_V1",
	168: "DELETE_ROWS_COMPRESSED_EVENT_V1", 169: "WRITE_ROWS_COMPRESSED_EVENT", 170: "UPDATE_ROWS_COMPRESSED_EVENT",
	eventDeleteRowsPacked: "DELETE_ROWS_COMPRESSED_EVENT", 172: "PARTIAL_ROW_DATA_EVENT",
}

var eventFlags = []wire.Flag{
	{Mask: 0x01, Name: "BINLOG_IN_USE"}, {Mask: 0x04, Name: "THREAD_SPECIFIC"}, {Mask: 0x08, Name: "SUPPRESS_USE"},
	{Mask: 0x20, Name: "ARTIFICIAL"}, {Mask: 0x40, Name: "RELAY_LOG"}, {Mask: 0x80, Name: "IGNORABLE"},
	{Mask: 0x100, Name: "NO_FILTER"}, {Mask: 0x200, Name: "MTS_ISOLATE"},
}

const (
	eventHeader = 19 // bytes of an event's header
	checksum    = 4  // bytes of the CRC-32 behind an event
)

// binlogEvent reads an event of the binary log, with what semi-synchronous replication puts before it, to the end of
// the packet. An event that goes on in another packet is read as far as it is in this one.
func binlogEvent(c *wire.Cursor) {
	f := c.Enter("event", c.Left())
	defer c.Leave(f)
	if c.Elide() {
		return
	}
	event := c.Rest()
	if n := len(event) - 2; n > eventHeader && event[0] == semiSync && int(little(event[11:15])) == n {
		c.Uint8("semi_sync_indicator")
		c.Detail()
		c.Uint8("semi_sync_flags")
		c.Flags(semiSyncFlags)
		event = event[2:]
	}
	c.Uint32LE("timestamp")
	typ := c.Uint8("event_type")
	c.Enum(eventNames)
	c.Stands()
	c.Uint32LE("server_id")
	size := int(c.Uint32LE("event_size"))
	c.Uint32LE("log_pos")
	c.Uint16LE("flags")
	c.Flags(eventFlags)

	n := c.Left()
	summed := n >= checksum && len(event) == size && sealed(typ, event)
	if summed {
		n -= checksum
	}
	b := c.Enter("body", n)
	eventBody(c, typ)
	c.Leave(b)
	if summed {
		c.Uint32LE("checksum")
	}
}

// sealed tells whether an event ends with its own checksum. Servers agree on that with each replica, which may not have
// been seen. A format description has the room in any case.
func sealed(typ byte, event []byte) bool {
	n := len(event) - checksum
	return typ == eventFormatDescription || crc32.ChecksumIEEE(event[:n]) == uint32(little(event[n:]))
}

// eventBody reads what follows the header of an event, to the end of the innermost group.
func eventBody(c *wire.Cursor, typ byte) {
	switch typ {
	case eventQuery, eventExecuteLoadQuery, eventQueryPacked:
		queryEvent(c, typ)
	case eventRotate:
		c.Uint64LE("position")
		c.String("name", c.Left())
	case eventIntvar:
		c.Uint8("type")
		c.Enum(intvarNames)
		c.Classify(wire.Value)
		c.Uint64LE("value")
	case eventRand:
		c.Classify(wire.Value)
		c.Uint64LE("seed1")
		c.Uint64LE("seed2")
	case eventUserVar:
		c.String("name", int(c.Uint32LE("name_length")))
		if c.Uint8("is_null") == 0 {
			c.Uint8("type")
			c.Uint32LE("charset")
			n := int(c.Uint32LE("value_length"))
			was := c.Classify(wire.Value)
			c.Skip("value", n, nil)
			c.Classify(was)
			if c.More() {
				c.Uint8("flags")
			}
		}
	case eventFormatDescription:
		c.Uint16LE("binlog_version")
		c.Skip("server_version", 50, padded)
		c.Uint32LE("create_timestamp")
		c.Uint8("event_header_length")
		c.Skip("event_type_header_lengths", c.Left()-1, nil)
		c.Uint8("checksum_algorithm")
		c.Enum(checksumNames)
	case eventXID:
		c.Uint64LE("xid")
	case eventBeginLoadQuery, eventAppendBlock:
		c.Uint32LE("file_id")
		c.Classify(wire.Value)
		c.Skip("block_data", c.Left(), nil)
	case eventDeleteFile:
		c.Uint32LE("file_id")
	case eventTableMap:
		tableMap(c)
	case eventIncident:
		c.Uint16LE("incident")
		c.String("message", int(c.Uint8("message_length")))
	case eventHeartbeat:
		c.String("log_name", c.Left())
	case eventHeartbeatV2:
		fields(c, heartbeatFields)
	case eventRowsQuery:
		c.Uint8("length")
		c.Detail()
		sqlText(c)
	case eventAnnotateRows:
		sqlText(c)
	case eventGTID, eventAnonymousGTID:
		gtid(c)
	case eventPreviousGTIDs:
		gtidSet(c)
	case eventXAPrepare:
		c.Uint8("one_phase")
		xid(c, 4)
	case eventPayload:
		fields(c, payloadFields)
		c.Classify(wire.Value)
		c.Skip("payload", c.Left(), nil)
	case eventCheckpoint:
		c.String("log_name", int(c.Uint32LE("name_length")))
	case eventMariaGTID:
		mariaGTID(c)
	case eventGTIDList:
		for n := c.Uint32LE("count") & 0x0FFFFFFF; n > 0 && c.More(); n-- {
			g := c.Group("gtid")
			c.Index()
			c.Uint32LE("domain_id")
			c.Uint32LE("server_id")
			c.Uint64LE("sequence_number")
			c.End(g)
		}
		padding(c)
	case eventStartEncryption:
		c.Uint8("scheme")
		c.Uint32LE("key_version")
		c.Skip("nonce", c.Left(), nil)
	default:
		if typ >= eventWriteRowsV0 && typ <= eventDeleteRowsV1 || typ >= eventWriteRows && typ <= eventDeleteRows ||
			typ == eventPartialUpdateRows || typ >= eventWriteRowsPacked && typ <= eventDeleteRowsPacked {
			rowsEvent(c, typ)
			break
		}
		c.Classify(wire.Value)
		c.Skip("data", c.Left(), nil)
	}
	c.Classify(wire.Structure)
}

var (
	semiSyncFlags = []wire.Flag{{Mask: 1, Name: "ACK_REQUESTED"}}
	intvarNames   = wire.Enum{1: "LAST_INSERT_ID_EVENT", 2: "INSERT_ID_EVENT"}
	checksumNames = wire.Enum{0: "OFF", 1: "CRC32"}
)

// sqlText reads SQL to the end of the innermost group.
func sqlText(c *wire.Cursor) {
	was := c.Classify(wire.Value)
	c.String("query", c.Left())
	c.Typed(sqlTypes[sqltext.Unsure/sqltext.ANSIQuotes])
	c.Classify(was)
}

// queryEvent reads a statement that replicas run.
func queryEvent(c *wire.Cursor, typ byte) {
	c.Uint32LE("thread_id")
	c.Uint32LE("execution_time")
	schema := int(c.Uint8("schema_length"))
	c.Uint16LE("error_code")
	vars := int(c.Uint16LE("status_vars_length"))
	if typ == eventExecuteLoadQuery {
		c.Uint32LE("file_id")
		c.Uint32LE("start_pos")
		c.Uint32LE("end_pos")
		c.Uint8("duplicate_handling")
		c.Enum(duplicateNames)
	}
	f := c.Enter("status_vars", vars)
	for c.More() {
		statusVar(c)
	}
	c.Leave(f)
	c.Terminated("schema", schema+1)
	if typ != eventQueryPacked {
		sqlText(c)
		return
	}
	c.Classify(wire.Value)
	c.Skip("compressed_query", c.Left(), nil)
}

var duplicateNames = wire.Enum{0: "ERROR", 1: "IGNORE", 2: "REPLACE"}

// statusVar reads one of the settings under which a statement ran.
func statusVar(c *wire.Cursor) {
	g := c.Group("status_var")
	c.Index()
	key := c.Uint8("key")
	c.Enum(statusVarNames)
	c.Stands()
	switch key {
	case 0, 10:
		c.Uint32LE("value")
	case 1, 9, 17, 129:
		c.Uint64LE("value")
	case 2: // the catalog, once with a NUL
		c.Terminated("value", int(c.Uint8("length"))+1)
	case 3:
		c.Uint16LE("auto_increment_increment")
		c.Uint16LE("auto_increment_offset")
	case 4:
		c.Uint16LE("character_set_client")
		c.Uint16LE("collation_connection")
		c.Uint16LE("collation_server")
	case 5, 6:
		c.String("value", int(c.Uint8("length")))
	case 7, 8, 18:
		c.Uint16LE("value")
	case 11:
		c.String("user", int(c.Uint8("length")))
		c.String("host", int(c.Uint8("length")))
	case 12:
		if n := c.Uint8("count"); n != tooManySchemas {
			for ; n > 0 && c.More(); n-- {
				c.CString("schema")
			}
		}
	case 13, 128:
		c.Uint24LE("value")
	case 16, 19, 20:
		c.Uint8("value")
	case 130:
		if c.Uint8("value")&0x0C != 0 {
			c.Uint64LE("start_alter_sequence_number")
		}
	default:
		c.Skip("value", c.Left(), nil)
	}
	c.End(g)
}

// tooManySchemas stands for a list of schemas that was too long to be written.
const tooManySchemas = 254

var statusVarNames = wire.Enum{0: "FLAGS2", 1: "SQL_MODE", 2: "CATALOG", 3: "AUTO_INCREMENT", 4: "CHARSET", 5: "TIME_ZONE",
	6: "CATALOG_NZ", 7: "LC_TIME_NAMES", 8: "CHARSET_DATABASE", 9: "TABLE_MAP_FOR_UPDATE", 10: "MASTER_DATA_WRITTEN",
	11: "INVOKER", 12: "UPDATED_DB_NAMES", 13: "MICROSECONDS", 16: "EXPLICIT_DEFAULTS_FOR_TIMESTAMP", 17: "DDL_LOGGED_WITH_XID",
	18: "DEFAULT_COLLATION_FOR_UTF8MB4", 19: "SQL_REQUIRE_PRIMARY_KEY", 20: "DEFAULT_TABLE_ENCRYPTION", 128: "HRNOW",
	129: "XID", 130: "GTID_FLAGS3"}

// tableMap reads what the events behind it call a table by.
func tableMap(c *wire.Cursor) {
	fixed(c, "table_id", 6)
	c.Uint16LE("flags")
	c.Terminated("schema", int(c.Uint8("schema_length"))+1)
	c.Terminated("table", int(c.Uint8("table_length"))+1)
	n := int(lengthEncoded(c, "column_count"))
	f := c.Enter("column_types", n)
	for c.More() {
		c.Uint8("type")
		c.Enum(typeNames)
	}
	c.Leave(f)
	c.Skip("metadata", int(lengthEncoded(c, "metadata_length")), nil)
	c.Skip("null_bits", (n+7)/8, nil)
	for c.More() {
		g := c.Group("optional_metadata")
		c.Index()
		c.Uint8("type")
		c.Enum(metadataNames)
		c.Stands()
		c.Skip("value", int(lengthEncoded(c, "length")), nil)
		c.End(g)
	}
}

var metadataNames = wire.Enum{1: "SIGNEDNESS", 2: "DEFAULT_CHARSET", 3: "COLUMN_CHARSET", 4: "COLUMN_NAME", 5: "SET_STR_VALUE",
	6: "ENUM_STR_VALUE", 7: "GEOMETRY_TYPE", 8: "SIMPLE_PRIMARY_KEY", 9: "PRIMARY_KEY_WITH_PREFIX", 10: "ENUM_AND_SET_DEFAULT_CHARSET",
	11: "ENUM_AND_SET_COLUMN_CHARSET", 12: "COLUMN_VISIBILITY", 13: "VECTOR_DIMENSIONALITY"}

// rowsEvent reads which columns of a table were written, and passes over their values: what types they have only the
// TABLE_MAP_EVENT before it knows.
func rowsEvent(c *wire.Cursor, typ byte) {
	fixed(c, "table_id", 6)
	c.Uint16LE("flags")
	c.Flags(rowsFlags)
	if typ >= eventWriteRows && typ <= eventPartialUpdateRows || typ >= eventWriteRowsPacked+3 {
		c.Skip("extra_data", int(c.Uint16LE("extra_data_length"))-2, nil)
	}
	n := int(lengthEncoded(c, "column_count"))
	c.Skip("columns_present", (n+7)/8, nil)
	switch typ {
	case eventWriteRowsV0 + 1, eventUpdateRowsV1, eventUpdateRows, eventPartialUpdateRows, eventWriteRowsPacked + 1, eventWriteRowsPacked + 4:
		c.Skip("columns_present_after", (n+7)/8, nil)
	}
	c.Classify(wire.Value)
	c.Skip("rows", c.Left(), nil)
}

var rowsFlags = []wire.Flag{
	{Mask: 1, Name: "STMT_END"}, {Mask: 2, Name: "NO_FOREIGN_KEY_CHECKS"}, {Mask: 4, Name: "RELAXED_UNIQUE_CHECKS"},
	{Mask: 8, Name: "COMPLETE_ROWS"}, {Mask: 16, Name: "USE_SQL_FOREIGN_KEY"},
}

// fields reads a list of numbered fields: type, length, value; type 0 ends it.
func fields(c *wire.Cursor, names wire.Enum) {
	for c.More() {
		g := c.Group("field")
		c.Index()
		typ := lengthEncoded(c, "type")
		c.Enum(names)
		c.Stands()
		if typ != 0 {
			c.Skip("value", int(lengthEncoded(c, "length")), nil)
		}
		c.End(g)
		if typ == 0 {
			return
		}
	}
}

var (
	heartbeatFields = wire.Enum{0: "END_MARK", 1: "LOG_FILENAME", 2: "LOG_POSITION"}
	payloadFields   = wire.Enum{0: "END_MARK", 1: "PAYLOAD_SIZE", 2: "COMPRESSION_TYPE", 3: "UNCOMPRESSED_SIZE"}
)

// gtid reads what a transaction of MySQL is called by. Later versions added to its end.
func gtid(c *wire.Cursor) {
	c.Uint8("gtid_flags")
	c.Skip("sid", 16, uuid)
	c.Uint64LE("gno")
	if !c.More() {
		return
	}
	c.Uint8("logical_timestamp_type")
	c.Uint64LE("last_committed")
	c.Uint64LE("sequence_number")
	if !c.More() {
		return
	}
	if fixed(c, "immediate_commit_timestamp", 7)>>55 != 0 {
		fixed(c, "original_commit_timestamp", 7)
	}
	if c.More() {
		lengthEncoded(c, "transaction_length")
	}
	if c.More() && c.Uint32LE("immediate_server_version")>>31 != 0 {
		c.Uint32LE("original_server_version")
	}
	if c.More() {
		c.Uint64LE("commit_group_ticket")
	}
}

// gtidSet reads a set of transactions: of each server, with MySQL 8.3 also of each tag, intervals without their ends.
func gtidSet(c *wire.Cursor) {
	n := c.Uint64LE("n_sids")
	tagged := n>>56 != 0
	if tagged {
		n = n >> 8 & (1<<48 - 1)
	}
	for ; n > 0 && c.More(); n-- {
		g := c.Group("sid")
		c.Index()
		c.Skip("uuid", 16, uuid)
		c.Stands()
		if tagged {
			c.String("tag", int(c.Uint8("tag_length")>>1))
		}
		for n := c.Uint64LE("n_intervals"); n > 0 && c.More(); n-- {
			g := c.Group("interval")
			c.Index()
			c.Uint64LE("start")
			c.Uint64LE("end")
			c.End(g)
		}
		c.End(g)
	}
}

// mariaGTID reads what a transaction of MariaDB is called by.
func mariaGTID(c *wire.Cursor) {
	c.Uint64LE("sequence_number")
	c.Uint32LE("domain_id")
	flags := c.Uint8("gtid_flags")
	c.Flags(gtidFlags)
	if flags&2 != 0 {
		c.Uint64LE("commit_id")
	}
	if flags&0xC0 != 0 {
		xid(c, 1)
	}
	if c.More() {
		extra := c.Uint8("extra_flags")
		c.Flags(gtidExtraFlags)
		if extra&1 != 0 {
			c.Uint8("extra_engines")
		}
		if extra&0x0C != 0 {
			c.Uint64LE("start_alter_sequence_number")
		}
		if extra&0x10 != 0 {
			c.Uint32LE("thread_id")
		}
	}
	padding(c)
}

// padding reads what makes short events of MariaDB as long as older versions expect.
func padding(c *wire.Cursor) {
	if c.More() {
		c.Skip("padding", c.Left(), nil)
		c.Detail()
	}
}

var gtidFlags = []wire.Flag{
	{Mask: 1, Name: "STANDALONE"}, {Mask: 2, Name: "GROUP_COMMIT_ID"}, {Mask: 4, Name: "TRANSACTIONAL"},
	{Mask: 8, Name: "ALLOW_PARALLEL"}, {Mask: 16, Name: "WAITED"}, {Mask: 32, Name: "DDL"}, {Mask: 64, Name: "PREPARED_XA"},
	{Mask: 128, Name: "COMPLETED_XA"},
}

var gtidExtraFlags = []wire.Flag{
	{Mask: 1, Name: "MULTI_ENGINE"}, {Mask: 2, Name: "START_ALTER"}, {Mask: 4, Name: "COMMIT_ALTER"},
	{Mask: 8, Name: "ROLLBACK_ALTER"}, {Mask: 16, Name: "THREAD_ID"},
}

// xid reads the identifier of a distributed transaction, whose lengths have n bytes.
func xid(c *wire.Cursor, n int) {
	c.Uint32LE("format_id")
	global := fixed(c, "gtrid_length", n)
	branch := fixed(c, "bqual_length", n)
	c.Skip("gtrid", int(global), nil)
	c.Skip("bqual", int(branch), nil)
}

// fixed reads an integer of n bytes, lowest first.
func fixed(c *wire.Cursor, name string, n int) uint64 {
	b := c.Rest()
	return c.Number(name, n, wire.Unsigned, little(b[:min(n, len(b))]))
}

var (
	uuid   = &wire.Type{Name: "uuid", Append: appendUUID}
	padded = &wire.Type{Name: "text", Append: func(dst, b []byte) []byte { return append(dst, bytes.TrimRight(b, "\x00")...) }}
)

func appendUUID(dst, b []byte) []byte {
	for i := range b {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, b[i:i+1])
	}
	return dst
}

// binlogDump reads what COM_BINLOG_DUMP asks for.
func binlogDump(c *wire.Cursor, m *l7.Message) {
	askFrom(c, m, uint64(c.Uint32LE("binlog_pos")))
	c.Uint16LE("flags")
	c.Flags(dumpFlags)
	c.Uint32LE("server_id")
	m.SetBytes(record.Target, c.String("binlog_filename", c.Left()))
}

// binlogDumpGTID reads what COM_BINLOG_DUMP_GTID asks for.
func binlogDumpGTID(c *wire.Cursor, m *l7.Message) {
	c.Uint16LE("flags")
	c.Flags(dumpFlags)
	c.Uint32LE("server_id")
	m.SetBytes(record.Target, c.String("binlog_filename", int(c.Uint32LE("binlog_filename_length"))))
	askFrom(c, m, c.Uint64LE("binlog_pos"))
	f := c.Enter("gtid_set", int(c.Uint32LE("data_size")))
	if c.More() {
		gtidSet(c)
	}
	c.Leave(f)
}

// askFrom states from where on a replica wants the log, if that was read.
func askFrom(c *wire.Cursor, m *l7.Message, position uint64) {
	if c.Err() == nil {
		m.SetAttribute(attrBinlogPosition, int64(position))
	}
}

var dumpFlags = []wire.Flag{
	{Mask: 1, Name: "BINLOG_DUMP_NON_BLOCK"}, {Mask: 2, Name: "BINLOG_THROUGH_POSITION"}, {Mask: 4, Name: "BINLOG_THROUGH_GTID"},
}

// registerSlave reads who wants to be a replica.
func registerSlave(c *wire.Cursor) {
	c.Uint32LE("server_id")
	c.String("hostname", int(c.Uint8("hostname_length")))
	c.String("username", int(c.Uint8("user_length")))
	n := int(c.Uint8("password_length"))
	was := c.Classify(wire.Secret)
	c.Skip("password", n, nil)
	c.Classify(was)
	c.Uint16LE("port")
	c.Uint32LE("replication_rank")
	c.Uint32LE("master_id")
}
