// Package postgresql describes PostgreSQL's frontend/backend protocol, 3.0 to 3.2 and what stands before it: every message,
// values of all types, and what a record says of queries, logins, copies and replication.
package postgresql

import (
	_ "embed"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/wire"
)

//go:embed POSTGRESQL.md
var page string

// Protocol is PostgreSQL's frontend/backend protocol.
var Protocol = &l7.Protocol{
	Name:    "postgresql",
	Title:   "PostgreSQL",
	Spec:    "https://www.postgresql.org/docs/current/protocol.html",
	Ports:   []uint16{5432, 6432},
	Pairing: l7.InOrder,
	Attributes: []l7.Attribute{
		attrMode:           {Name: "mode", Kind: record.Text, Doc: "How it was asked: simple (Query) or extended (Parse, Bind, Execute)."},
		attrResults:        {Name: "results", Kind: record.Count, Sum: true, Doc: "Statements of a simple query that were completed, the empty one included."},
		attrTransaction:    {Name: "transaction", Kind: record.Text, Doc: "State of the session when the server was ready again: idle, in_transaction, failed."},
		attrCopy:           {Name: "copy", Kind: record.Text, Doc: "Direction of a COPY as the server sees it: in, out, both."},
		attrStatement:      {Name: "statement", Kind: record.Text, Doc: "Name of the prepared statement, if it has one."},
		attrPortal:         {Name: "portal", Kind: record.Text, Doc: "Name of the portal, if it has one."},
		attrParameters:     {Name: "parameters", Kind: record.JSON, Doc: "With --values: what the Bind gave a statement, in order; not of one that could be given a secret. OpenTelemetry: db.query.parameter."},
		attrSuspended:      {Name: "suspended", Kind: record.Flag, Doc: "The portal has more rows: the client asked for so many only."},
		attrNotices:        {Name: "notices", Kind: record.Count, Sum: true, Doc: "Notices and warnings that came with the answer."},
		attrAuthentication: {Name: "authentication", Kind: record.Text, Doc: "What a login had to show: password, md5, gss, sspi, or a SASL mechanism; absent if nothing."},
		attrEncryption:     {Name: "encryption", Kind: record.Text, Doc: "What the connection went on with: tls or gss."},
		attrProcess:        {Name: "process_id", Kind: record.Count, Doc: "Process of the server: of a login, of who sent a notification, of the session to be canceled."},
		attrCancels:        {Name: "cancels", Kind: record.Text, Link: true, Doc: "Client whose query a cancel request was for."},
		attrCanceledBy:     {Name: "canceled_by", Kind: record.Text, Link: true, Doc: "Client that sent the cancel request for a query that was canceled."},
		attrXLogData:       {Name: "xlog_data", Kind: record.Count, Sum: true, Doc: "Messages of a replication stream that carried WAL or changes (XLogData)."},
		attrCondition:      {Name: "condition", Kind: record.Text, Doc: "Name of an error's SQLSTATE, or of its class: unique_violation, deadlock_detected."},
		attrRolledBack:     {Name: "rolled_back", Kind: record.Flag, Doc: "A COMMIT that the server answered with ROLLBACK: the transaction had failed."},
	},
	Aliases: aliases,
	Page:    page,
	Probe:   probe,
	Open:    openDialog,
}

const (
	attrMode = iota
	attrResults
	attrTransaction
	attrCopy
	attrStatement
	attrPortal
	attrParameters
	attrSuspended
	attrNotices
	attrAuthentication
	attrEncryption
	attrProcess
	attrCancels
	attrCanceledBy
	attrXLogData
	attrCondition
	attrRolledBack
)

// Limits.
const (
	headerSize = 5 // type and length

	// maxMessage is more than a server allocates for one: a gigabyte.
	maxMessage = 1 << 30

	// maxStartup is how long a server lets a packet without a type be: MAX_STARTUP_PACKET_LENGTH.
	maxStartup = 10000

	// maxToken is how long a server lets be what a client shows to log in: PG_MAX_AUTH_TOKEN_LENGTH.
	maxToken = 65535

	// maxAncient is how long an error of protocol 2.0 may be: most fit in the thousand bytes that a server has for one before
	// it knows what the client speaks.
	maxAncient = 8 << 10

	// wholeRequest is up to what length a statement is kept whole, for its text and fingerprint: inserts of some ten
	// thousand rows.
	wholeRequest = 1 << 20

	// maxName is how much of a user's, a database's, an application's or a portal's name is kept for a connection: servers cut names
	// of their own at 63 bytes.
	maxName = 256
)

// Codes in the place of a version, in packets without a type.
const (
	codeCancel = 1234<<16 | 5678
	codeSSL    = 1234<<16 | 5679
	codeGSSENC = 1234<<16 | 5680
)

var requestCodes = wire.Enum{codeCancel: "CancelRequest", codeSSL: "SSLRequest", codeGSSENC: "GSSENCRequest"}

// Types of messages that the code speaks of. Some letters mean another message from the other side.
const (
	typeBind         = 'B'
	typeClose        = 'C'
	typeDescribe     = 'D'
	typeExecute      = 'E'
	typeFunctionCall = 'F'
	typeFlush        = 'H'
	typeParse        = 'P'
	typeQuery        = 'Q'
	typeSync         = 'S'
	typeTerminate    = 'X'
	typeCopyFail     = 'f'
	typePassword     = 'p'

	typeCopyData = 'd' // both sides
	typeCopyDone = 'c'

	typeParseComplete    = '1'
	typeBindComplete     = '2'
	typeCloseComplete    = '3'
	typeNotification     = 'A'
	typeCommandComplete  = 'C'
	typeDataRow          = 'D'
	typeError            = 'E'
	typeCopyIn           = 'G'
	typeCopyOut          = 'H'
	typeEmptyQuery       = 'I'
	typeBackendKeyData   = 'K'
	typeNotice           = 'N'
	typeAuthentication   = 'R'
	typeParameterStatus  = 'S'
	typeRowDescription   = 'T'
	typeFunctionResponse = 'V'
	typeCopyBoth         = 'W'
	typeReady            = 'Z'
	typeNoData           = 'n'
	typePortalSuspended  = 's'
	typeParameters       = 't'
	typeNegotiate        = 'v'
)

// names are what messages are called, by who sends them and type.
var names = [2][256]string{
	l7.ToServer: {
		typeBind: "Bind", typeClose: "Close", typeDescribe: "Describe", typeExecute: "Execute", typeFunctionCall: "FunctionCall",
		typeFlush: "Flush", typeParse: "Parse", typeQuery: "Query", typeSync: "Sync", typeTerminate: "Terminate",
		typeCopyData: "CopyData", typeCopyDone: "CopyDone", typeCopyFail: "CopyFail", typePassword: "PasswordMessage",
	},
	l7.ToClient: {
		typeParseComplete: "ParseComplete", typeBindComplete: "BindComplete", typeCloseComplete: "CloseComplete",
		typeNotification: "NotificationResponse", typeCommandComplete: "CommandComplete", typeDataRow: "DataRow",
		typeError: "ErrorResponse", typeCopyIn: "CopyInResponse", typeCopyOut: "CopyOutResponse", typeEmptyQuery: "EmptyQueryResponse",
		typeBackendKeyData: "BackendKeyData", typeNotice: "NoticeResponse", typeAuthentication: "Authentication",
		typeParameterStatus: "ParameterStatus", typeRowDescription: "RowDescription", typeFunctionResponse: "FunctionCallResponse",
		typeCopyBoth: "CopyBothResponse", typeReady: "ReadyForQuery", typeCopyData: "CopyData", typeCopyDone: "CopyDone",
		typeNoData: "NoData", typePortalSuspended: "PortalSuspended", typeParameters: "ParameterDescription",
		typeNegotiate: "NegotiateProtocolVersion",
	},
}

// typeLetters are the same names, for the field type.
var typeLetters = [2]wire.Enum{enum(names[0][:]), enum(names[1][:])}

func enum(names []string) wire.Enum {
	e := wire.Enum{}
	for i, name := range names {
		if name != "" {
			e[uint64(i)] = name
		}
	}
	return e
}

// aliases are the names that Wireshark gives the fields.
var aliases = map[string][]string{
	"pgsql.type":            {"postgresql.type"},
	"pgsql.length":          {"postgresql.length"},
	"pgsql.query":           {"postgresql.Query.query", "postgresql.Parse.query"},
	"pgsql.statement":       {"postgresql.Parse.statement", "postgresql.Bind.statement", "postgresql.Describe.statement", "postgresql.Close.statement"},
	"pgsql.portal":          {"postgresql.Bind.portal", "postgresql.Execute.portal", "postgresql.Describe.portal", "postgresql.Close.portal"},
	"pgsql.tag":             {"postgresql.CommandComplete.tag"},
	"pgsql.status":          {"postgresql.ReadyForQuery.status"},
	"pgsql.code":            {"postgresql.ErrorResponse.code", "postgresql.NoticeResponse.code"},
	"pgsql.severity":        {"postgresql.ErrorResponse.severity", "postgresql.NoticeResponse.severity"},
	"pgsql.message":         {"postgresql.ErrorResponse.message", "postgresql.NoticeResponse.message"},
	"pgsql.detail":          {"postgresql.ErrorResponse.detail", "postgresql.NoticeResponse.detail"},
	"pgsql.hint":            {"postgresql.ErrorResponse.hint", "postgresql.NoticeResponse.hint"},
	"pgsql.position":        {"postgresql.ErrorResponse.position", "postgresql.NoticeResponse.position"},
	"pgsql.where":           {"postgresql.ErrorResponse.where", "postgresql.NoticeResponse.where"},
	"pgsql.file":            {"postgresql.ErrorResponse.file", "postgresql.NoticeResponse.file"},
	"pgsql.line":            {"postgresql.ErrorResponse.line", "postgresql.NoticeResponse.line"},
	"pgsql.routine":         {"postgresql.ErrorResponse.routine", "postgresql.NoticeResponse.routine"},
	"pgsql.constraint_name": {"postgresql.ErrorResponse.constraint", "postgresql.NoticeResponse.constraint"},
	"pgsql.schema_name":     {"postgresql.ErrorResponse.schema", "postgresql.NoticeResponse.schema"},
	"pgsql.table_name":      {"postgresql.ErrorResponse.table", "postgresql.NoticeResponse.table"},
	"pgsql.column_name":     {"postgresql.ErrorResponse.column", "postgresql.NoticeResponse.column"},
	"pgsql.col.name":        {"postgresql.RowDescription.fields.name"},
	"pgsql.col.index":       {"postgresql.RowDescription.fields.attribute_number"},
	"pgsql.col.typemod":     {"postgresql.RowDescription.fields.type_modifier"},
	"pgsql.oid.table":       {"postgresql.RowDescription.fields.table_oid"},
	"pgsql.oid.type":        {"postgresql.RowDescription.fields.type_oid", "postgresql.Parse.parameter_types.type_oid", "postgresql.ParameterDescription.type_oid"},
	"pgsql.field.count":     {"postgresql.RowDescription.field_count"},
	"pgsql.val.data":        {"postgresql.DataRow", "postgresql.Bind.parameters", "postgresql.FunctionCall.arguments", "postgresql.FunctionCallResponse.result"},
	"pgsql.authtype":        {"postgresql.Authentication.authentication"},
	"pgsql.auth.sasl.mech":  {"postgresql.SASLInitialResponse.mechanism"},
	"pgsql.pid":             {"postgresql.BackendKeyData.process_id", "postgresql.CancelRequest.process_id", "postgresql.NotificationResponse.process_id"},
	"pgsql.condition":       {"postgresql.NotificationResponse.channel"},
	"pgsql.parameter_name":  {"postgresql.ParameterStatus.name"},
	"pgsql.parameter_value": {"postgresql.ParameterStatus.value"},
	"pgsql.version_major":   {"postgresql.StartupMessage.protocol_major"},
	"pgsql.version_minor":   {"postgresql.StartupMessage.protocol_minor"},
}
