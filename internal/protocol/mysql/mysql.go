// Package mysql describes the client/server protocol of MySQL and MariaDB: handshakes, every command, both kinds of
// rows, prepared statements, compression, replication, and what a record says of them. X Protocol is named only.
package mysql

import (
	_ "embed"
	"fmt"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/sqltext"
	"github.com/dbtap/dbtap/internal/wire"
)

//go:embed MYSQL.md
var page string

// Protocol is the client/server protocol of MySQL and MariaDB.
var Protocol = &l7.Protocol{
	Name:    "mysql",
	Title:   "MySQL and MariaDB",
	Spec:    "https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html",
	Ports:   []uint16{3306, 3307, 3310, 6033, 2883},
	Pairing: l7.InOrder,
	Attributes: []l7.Attribute{
		attrCommand:        {Name: "command", Kind: record.Text, Doc: "Command as the protocol calls it: COM_QUERY, COM_STMT_EXECUTE; none for a login."},
		attrStatementID:    {Name: "statement_id", Kind: record.Count, Doc: "Identifier that the server gave a prepared statement."},
		attrResults:        {Name: "results", Kind: record.Count, Doc: "Results in the answer, if there are several: of a multi-statement, of a procedure."},
		attrWarnings:       {Name: "warnings", Kind: record.Count, Doc: "Warnings that the server counted for the last result."},
		attrInsertID:       {Name: "last_insert_id", Kind: record.Count, Doc: "AUTO_INCREMENT value that was made."},
		attrInTransaction:  {Name: "in_transaction", Kind: record.Flag, Doc: "A transaction is open behind the answer."},
		attrAutocommit:     {Name: "autocommit", Kind: record.Flag, Doc: "Statements outside of transactions are committed at once."},
		attrSQLState:       {Name: "sqlstate", Kind: record.Text, Doc: "SQLSTATE of an error, where the server sent one."},
		attrPlugin:         {Name: "auth_plugin", Kind: record.Text, Doc: "Plugin that the login ended with."},
		attrDriver:         {Name: "driver", Kind: record.Text, Doc: "Name and version of the client's library, from its connection attributes."},
		attrThreadID:       {Name: "thread_id", Kind: record.Count, Doc: "Number of the connection at the server, as in its process list; of a KILL, the one to be killed."},
		attrKills:          {Name: "kills", Kind: record.Text, Link: true, Doc: "Client whose connection, or query, a KILL was for."},
		attrKilledBy:       {Name: "killed_by", Kind: record.Text, Link: true, Doc: "Client that killed the connection or the query."},
		attrParameters:     {Name: "parameters", Kind: record.JSON, Doc: "With --values: what a prepared statement was executed with, in order; not of one that could be given a secret, and not of COM_STMT_BULK_EXECUTE. OpenTelemetry: db.query.parameter."},
		attrCursor:         {Name: "cursor", Kind: record.Flag, Doc: "The rows stay at the server, for COM_STMT_FETCH."},
		attrBulk:           {Name: "bulk", Kind: record.Count, Doc: "Sets of parameters in a COM_STMT_BULK_EXECUTE."},
		attrInfile:         {Name: "infile_bytes", Kind: record.Count, Sum: true, Doc: "Bytes of a file that the client sent for LOAD DATA LOCAL."},
		attrEvents:         {Name: "events", Kind: record.Count, Sum: true, Doc: "Events of the binary log that the server sent."},
		attrBinlogPosition: {Name: "binlog_position", Kind: record.Count, Doc: "Place in the binary log that a replica asked for."},
		attrGTID:           {Name: "gtid", Kind: record.Text, Doc: "Identifiers of transactions that the statement made, where the session tracks them."},
	},
	Aliases: aliases,
	Page:    page,
	Probe:   probe,
	Open:    openDialog,
}

const (
	attrCommand = iota
	attrStatementID
	attrResults
	attrWarnings
	attrInsertID
	attrInTransaction
	attrAutocommit
	attrSQLState
	attrPlugin
	attrDriver
	attrThreadID
	attrKills
	attrKilledBy
	attrParameters
	attrCursor
	attrBulk
	attrInfile
	attrEvents
	attrBinlogPosition
	attrGTID
)

// Sizes of the protocol.
const (
	headerSize = 4         // of a packet: the length of its payload and a sequence number
	maxPayload = 1<<24 - 1 // a payload that is so long goes on in the next packet
)

// Capabilities. Those of MariaDB alone stand in the upper half.
const (
	capMySQL            = 1 << 0 // CLIENT_LONG_PASSWORD; unset by a server that is MariaDB
	capConnectWithDB    = 1 << 3
	capCompress         = 1 << 5
	capProtocol41       = 1 << 9
	capSSL              = 1 << 11
	capSecure           = 1 << 15
	capMultiStatements  = 1 << 16
	capPluginAuth       = 1 << 19
	capAttributes       = 1 << 20
	capLengthAuth       = 1 << 21
	capTrack            = 1 << 23
	capDeprecateEOF     = 1 << 24
	capZstd             = 1 << 26
	capQueryAttributes  = 1 << 27
	capExtendedMetadata = 1 << 35
)

var (
	lowerCapabilities = []wire.Flag{
		{Mask: 1 << 0, Name: "CLIENT_LONG_PASSWORD"}, {Mask: 1 << 1, Name: "CLIENT_FOUND_ROWS"},
		{Mask: 1 << 2, Name: "CLIENT_LONG_FLAG"}, {Mask: 1 << 3, Name: "CLIENT_CONNECT_WITH_DB"},
		{Mask: 1 << 4, Name: "CLIENT_NO_SCHEMA"}, {Mask: 1 << 5, Name: "CLIENT_COMPRESS"}, {Mask: 1 << 6, Name: "CLIENT_ODBC"},
		{Mask: 1 << 7, Name: "CLIENT_LOCAL_FILES"}, {Mask: 1 << 8, Name: "CLIENT_IGNORE_SPACE"},
		{Mask: 1 << 9, Name: "CLIENT_PROTOCOL_41"}, {Mask: 1 << 10, Name: "CLIENT_INTERACTIVE"},
		{Mask: 1 << 11, Name: "CLIENT_SSL"}, {Mask: 1 << 12, Name: "CLIENT_IGNORE_SIGPIPE"},
		{Mask: 1 << 13, Name: "CLIENT_TRANSACTIONS"}, {Mask: 1 << 14, Name: "CLIENT_RESERVED"},
		{Mask: 1 << 15, Name: "CLIENT_SECURE_CONNECTION"},
	}
	upperCapabilities = []wire.Flag{
		{Mask: 1 << 0, Name: "CLIENT_MULTI_STATEMENTS"}, {Mask: 1 << 1, Name: "CLIENT_MULTI_RESULTS"},
		{Mask: 1 << 2, Name: "CLIENT_PS_MULTI_RESULTS"}, {Mask: 1 << 3, Name: "CLIENT_PLUGIN_AUTH"},
		{Mask: 1 << 4, Name: "CLIENT_CONNECT_ATTRS"}, {Mask: 1 << 5, Name: "CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA"},
		{Mask: 1 << 6, Name: "CLIENT_CAN_HANDLE_EXPIRED_PASSWORDS"}, {Mask: 1 << 7, Name: "CLIENT_SESSION_TRACK"},
		{Mask: 1 << 8, Name: "CLIENT_DEPRECATE_EOF"}, {Mask: 1 << 9, Name: "CLIENT_OPTIONAL_RESULTSET_METADATA"},
		{Mask: 1 << 10, Name: "CLIENT_ZSTD_COMPRESSION_ALGORITHM"}, {Mask: 1 << 11, Name: "CLIENT_QUERY_ATTRIBUTES"},
		{Mask: 1 << 12, Name: "MULTI_FACTOR_AUTHENTICATION"}, {Mask: 1 << 13, Name: "CLIENT_CAPABILITY_EXTENSION"},
		{Mask: 1 << 14, Name: "CLIENT_SSL_VERIFY_SERVER_CERT"}, {Mask: 1 << 15, Name: "CLIENT_REMEMBER_OPTIONS"},
	}
	mariadbCapabilities = []wire.Flag{
		{Mask: 1 << 0, Name: "MARIADB_CLIENT_PROGRESS"}, {Mask: 1 << 1, Name: "MARIADB_CLIENT_COM_MULTI"},
		{Mask: 1 << 2, Name: "MARIADB_CLIENT_STMT_BULK_OPERATIONS"}, {Mask: 1 << 3, Name: "MARIADB_CLIENT_EXTENDED_METADATA"},
		{Mask: 1 << 4, Name: "MARIADB_CLIENT_CACHE_METADATA"}, {Mask: 1 << 5, Name: "MARIADB_CLIENT_BULK_UNIT_RESULTS"},
	}
	clientCapabilities = joined(lowerCapabilities, upperCapabilities)
)

// joined are the flags of two halves of a number.
func joined(lower, upper []wire.Flag) []wire.Flag {
	list := append([]wire.Flag(nil), lower...)
	for _, f := range upper {
		list = append(list, wire.Flag{Mask: f.Mask << 16, Name: f.Name})
	}
	return list
}

// Status flags of the server.
const (
	statusInTransaction = 1 << 0
	statusAutocommit    = 1 << 1
	statusMoreResults   = 1 << 3
	statusCursor        = 1 << 6
	statusNoBackslash   = 1 << 9
	statusStateChanged  = 1 << 14
	statusANSIQuotes    = 1 << 15 // of MariaDB
)

var statusFlags = []wire.Flag{
	{Mask: 1 << 0, Name: "SERVER_STATUS_IN_TRANS"}, {Mask: 1 << 1, Name: "SERVER_STATUS_AUTOCOMMIT"},
	{Mask: 1 << 3, Name: "SERVER_MORE_RESULTS_EXISTS"}, {Mask: 1 << 4, Name: "SERVER_QUERY_NO_GOOD_INDEX_USED"},
	{Mask: 1 << 5, Name: "SERVER_QUERY_NO_INDEX_USED"}, {Mask: 1 << 6, Name: "SERVER_STATUS_CURSOR_EXISTS"},
	{Mask: 1 << 7, Name: "SERVER_STATUS_LAST_ROW_SENT"}, {Mask: 1 << 8, Name: "SERVER_STATUS_DB_DROPPED"},
	{Mask: 1 << 9, Name: "SERVER_STATUS_NO_BACKSLASH_ESCAPES"}, {Mask: 1 << 10, Name: "SERVER_STATUS_METADATA_CHANGED"},
	{Mask: 1 << 11, Name: "SERVER_QUERY_WAS_SLOW"}, {Mask: 1 << 12, Name: "SERVER_PS_OUT_PARAMS"},
	{Mask: 1 << 13, Name: "SERVER_STATUS_IN_TRANS_READONLY"}, {Mask: 1 << 14, Name: "SERVER_SESSION_STATE_CHANGED"}, {Mask: 1 << 15, Name: "SERVER_STATUS_ANSI_QUOTES"},
}

var columnFlags = []wire.Flag{
	{Mask: 1 << 0, Name: "NOT_NULL_FLAG"}, {Mask: 1 << 1, Name: "PRI_KEY_FLAG"}, {Mask: 1 << 2, Name: "UNIQUE_KEY_FLAG"},
	{Mask: 1 << 3, Name: "MULTIPLE_KEY_FLAG"}, {Mask: 1 << 4, Name: "BLOB_FLAG"}, {Mask: unsignedFlag, Name: "UNSIGNED_FLAG"},
	{Mask: 1 << 6, Name: "ZEROFILL_FLAG"}, {Mask: 1 << 7, Name: "BINARY_FLAG"}, {Mask: 1 << 8, Name: "ENUM_FLAG"},
	{Mask: 1 << 9, Name: "AUTO_INCREMENT_FLAG"}, {Mask: 1 << 10, Name: "TIMESTAMP_FLAG"}, {Mask: 1 << 11, Name: "SET_FLAG"},
	{Mask: 1 << 12, Name: "NO_DEFAULT_VALUE_FLAG"}, {Mask: 1 << 13, Name: "ON_UPDATE_NOW_FLAG"},
	{Mask: 1 << 15, Name: "NUM_FLAG"},
}

// Commands. A login has no command of its own: it goes by the one that servers log it as.
const (
	comSleep        = 0x00 // which nobody sends: what a compressed frame is taken for
	comQuit         = 0x01
	comInitDB       = 0x02
	comQuery        = 0x03
	comFieldList    = 0x04
	comRefresh      = 0x07
	comShutdown     = 0x08
	comStatistics   = 0x09
	comProcessInfo  = 0x0A
	comConnect      = 0x0B
	comProcessKill  = 0x0C
	comDebug        = 0x0D
	comPing         = 0x0E
	comChangeUser   = 0x11
	comBinlogDump   = 0x12
	comTableDump    = 0x13
	comRegister     = 0x15
	comPrepare      = 0x16
	comExecute      = 0x17
	comLongData     = 0x18
	comClose        = 0x19
	comReset        = 0x1A
	comSetOption    = 0x1B
	comFetch        = 0x1C
	comDumpGTID     = 0x1E
	comResetSession = 0x1F
	comBulkExecute  = 0xFA
)

var commandNames = wire.Enum{
	comSleep: "COM_SLEEP", comQuit: "COM_QUIT", comInitDB: "COM_INIT_DB", comQuery: "COM_QUERY", comFieldList: "COM_FIELD_LIST",
	0x05: "COM_CREATE_DB", 0x06: "COM_DROP_DB", comRefresh: "COM_REFRESH", comShutdown: "COM_SHUTDOWN",
	comStatistics: "COM_STATISTICS", comProcessInfo: "COM_PROCESS_INFO", comConnect: "COM_CONNECT",
	comProcessKill: "COM_PROCESS_KILL", comDebug: "COM_DEBUG", comPing: "COM_PING", 0x0F: "COM_TIME", 0x10: "COM_DELAYED_INSERT",
	comChangeUser: "COM_CHANGE_USER", comBinlogDump: "COM_BINLOG_DUMP", comTableDump: "COM_TABLE_DUMP", 0x14: "COM_CONNECT_OUT",
	comRegister: "COM_REGISTER_SLAVE", comPrepare: "COM_STMT_PREPARE", comExecute: "COM_STMT_EXECUTE",
	comLongData: "COM_STMT_SEND_LONG_DATA", comClose: "COM_STMT_CLOSE", comReset: "COM_STMT_RESET",
	comSetOption: "COM_SET_OPTION", comFetch: "COM_STMT_FETCH", 0x1D: "COM_DAEMON", comDumpGTID: "COM_BINLOG_DUMP_GTID",
	comResetSession: "COM_RESET_CONNECTION", 0x20: "COM_CLONE", 0x21: "COM_SUBSCRIBE_GROUP_REPLICATION_STREAM",
	comBulkExecute: "COM_STMT_BULK_EXECUTE", 0xFB: "COM_SLAVE_WORKER", 0xFC: "COM_SLAVE_IO", 0xFD: "COM_SLAVE_SQL", 0xFE: "COM_MULTI",
}

// names are commandNames for every request, for a map costs more; of those to come by their numbers.
var names = func() (list [256]string) {
	for n := range list {
		if list[n] = commandNames[uint64(n)]; list[n] == "" {
			list[n] = fmt.Sprintf("COM_0x%02X", n)
		}
	}
	return list
}()

// knownCommand tells whether a command has a name.
func knownCommand(com byte) bool { return names[com][len("COM_")] != '0' }

// sqlTypes show SQL, by the bits of a dialect from ANSIQuotes on: how the connection quotes.
var sqlTypes = func() (list [64]*wire.Type) {
	for i := range list {
		list[i] = l7.SQLType(sqltext.MySQL | sqltext.Dialect(i)*sqltext.ANSIQuotes)
	}
	return list
}()

// aliases are names that Wireshark gives the fields.
var aliases = map[string][]string{
	"mysql.packet_length":  {"mysql.payload_length"},
	"mysql.packet_number":  {"mysql.sequence_id"},
	"mysql.version":        {"mysql.server_version"},
	"mysql.user":           {"mysql.username"},
	"mysql.error.message":  {"mysql.error_message"},
	"mysql.sqlstate":       {"mysql.sql_state"},
	"mysql.insert_id":      {"mysql.last_insert_id"},
	"mysql.num_fields":     {"mysql.column_count"},
	"mysql.stmt_id":        {"mysql.statement_id"},
	"mysql.field.name":     {"mysql.column_definition.name"},
	"mysql.field.table":    {"mysql.column_definition.table"},
	"mysql.field.type":     {"mysql.column_definition.type"},
	"mysql.server_status":  {"mysql.status_flags"},
	"mysql.caps.server":    {"mysql.capability_flags_1"},
	"mysql.caps.client":    {"mysql.client_flag"},
	"mysql.connattrs.name": {"mysql.attributes"},
}
