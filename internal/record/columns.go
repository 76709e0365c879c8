package record

// Col names a column of Record. Columns of numbers come first, then those of text, then those with a field of
// their own.
type Col uint8

const (
	// Numbers: Set, Add, Num.
	Time Col = iota
	Latency
	Wait
	RequestTime
	ResponseTime
	RTT
	Connection
	Packet
	Fingerprint
	RequestBytes
	ResponseBytes
	Rows
	Affected
	RequestID
	PID
	numbers

	// Text: SetText, Text.
	User Col = iota - 1
	App
	Namespace
	Operation
	Target
	Query
	Summary
	Code
	Error
	Version
	TraceID
	SpanID
	Process
	Container
	// Fields of the struct.
	Protocol
	Client
	Server
	StatusOf
	SourceOf
	DoubtsOf
	AttributesOf
	columns

	texts = Protocol - numbers
)

// Kind says how a value is stored, compared and printed.
type Kind uint8

const (
	Instant  Kind = iota // ns since the Unix epoch; printed as RFC 3339
	Duration             // ns
	Count                // a number
	Size                 // bytes
	Hash                 // 64 bits, printed as 16 hexadecimal digits
	Text                 //
	Word                 // one of a few words
	Address              // ip:port
	List                 // words
	Object               // names and values
	Flag                 // attributes only: true or absent
	JSON                 // attributes only: a value that is JSON already
)

// Column describes one column to everything that is made from it: outputs, filters, stores, pages, documentation.
type Column struct {
	Name       string
	Kind       Kind
	Doc        string // one sentence for users
	Always     bool   // present in every record
	ClickHouse string // column type in a ClickHouse table
	OTel       string // attribute in OpenTelemetry's semantic conventions, "" if there is none
	Label      bool   // few enough values to be a metric's label
	Words      []string
}

// Columns is the table of all columns, in the order in which they are printed, indexed through Order.
var Columns = [columns]Column{
	Time:          {Name: "time", Kind: Instant, Always: true, ClickHouse: "DateTime64(9, 'UTC')", Doc: "Time of the first byte of the request."},
	Latency:       {Name: "latency", Kind: Duration, ClickHouse: "Nullable(UInt64)", OTel: "db.client.operation.duration", Doc: "From the first byte of the request to the last byte of the answer."},
	Wait:          {Name: "wait", Kind: Duration, ClickHouse: "Nullable(UInt64)", Doc: "From the last byte of the request to the first byte of the answer: the server's own time."},
	RequestTime:   {Name: "request_time", Kind: Duration, ClickHouse: "Nullable(UInt64)", Doc: "From the first to the last byte of the request."},
	ResponseTime:  {Name: "response_time", Kind: Duration, ClickHouse: "Nullable(UInt64)", Doc: "From the first to the last byte of the answer."},
	RTT:           {Name: "rtt", Kind: Duration, ClickHouse: "Nullable(UInt64)", Doc: "Network round trip, where the beginning of the connection was seen."},
	Connection:    {Name: "connection", Kind: Count, ClickHouse: "UInt64", Doc: "Number of the connection, from 1, in the order of their first packets."},
	Packet:        {Name: "packet", Kind: Count, ClickHouse: "UInt64", Doc: "Number of the first packet of the exchange in its file, from 1."},
	Fingerprint:   {Name: "fingerprint", Kind: Hash, ClickHouse: "Nullable(UInt64)", Doc: "Hash of the query without its values: equal for queries of one shape."},
	RequestBytes:  {Name: "request_bytes", Kind: Size, Always: true, ClickHouse: "UInt64", Doc: "Bytes of the request in its protocol, headers included."},
	ResponseBytes: {Name: "response_bytes", Kind: Size, Always: true, ClickHouse: "UInt64", Doc: "Bytes of the answer in its protocol, headers included."},
	Rows:          {Name: "rows", Kind: Count, ClickHouse: "Nullable(UInt64)", OTel: "db.response.returned_rows", Doc: "Rows or documents returned."},
	Affected:      {Name: "affected", Kind: Count, ClickHouse: "Nullable(UInt64)", Doc: "Rows or documents changed."},
	RequestID:     {Name: "request_id", Kind: Count, ClickHouse: "Nullable(UInt64)", Doc: "Identifier that the client gave the request: requestID, correlation id, stream id."},
	PID:           {Name: "pid", Kind: Count, ClickHouse: "Nullable(UInt32)", OTel: "process.pid", Doc: "Process at the local end, where known."},
	User:          {Name: "user", Kind: Text, ClickHouse: "LowCardinality(String)", OTel: "user.name", Label: true, Doc: "Who is logged in on the connection."},
	App:           {Name: "app", Kind: Text, ClickHouse: "LowCardinality(String)", Label: true, Doc: "Name that the client program gave itself."},
	Namespace:     {Name: "namespace", Kind: Text, ClickHouse: "LowCardinality(String)", OTel: "db.namespace", Label: true, Doc: "Database."},
	Operation:     {Name: "operation", Kind: Text, Always: true, ClickHouse: "LowCardinality(String)", OTel: "db.operation.name", Label: true, Doc: "What was asked: command, first keyword, API name."},
	Target:        {Name: "target", Kind: Text, ClickHouse: "LowCardinality(String)", OTel: "db.collection.name", Label: true, Doc: "Collection, table or topic it was asked of."},
	Query:         {Name: "query", Kind: Text, ClickHouse: "String", OTel: "db.query.text", Doc: "Text of the request, values replaced unless asked for."},
	Summary:       {Name: "summary", Kind: Text, ClickHouse: "LowCardinality(String)", OTel: "db.query.summary", Label: true, Doc: "Short grouping key: operation and target."},
	Code:          {Name: "code", Kind: Text, ClickHouse: "LowCardinality(String)", OTel: "db.response.status_code", Label: true, Doc: "Error code as the server sent it."},
	Error:         {Name: "error", Kind: Text, ClickHouse: "String", OTel: "error.message", Doc: "Error text of the server, quoted values replaced unless asked for."},
	Version:       {Name: "version", Kind: Text, ClickHouse: "LowCardinality(String)", Label: true, Doc: "Version of the API or protocol, where it has one."},
	TraceID:       {Name: "trace_id", Kind: Text, ClickHouse: "String", OTel: "trace_id", Doc: "Trace that the request belongs to (W3C)."},
	SpanID:        {Name: "span_id", Kind: Text, ClickHouse: "String", OTel: "span_id", Doc: "Span that sent the request (W3C)."},
	Process:       {Name: "process", Kind: Text, ClickHouse: "LowCardinality(String)", OTel: "process.executable.name", Label: true, Doc: "Name of the process at the local end, where known."},
	Container:     {Name: "container", Kind: Text, ClickHouse: "LowCardinality(String)", OTel: "container.id", Label: true, Doc: "Container of that process, where known."},
	Protocol:      {Name: "protocol", Kind: Word, Always: true, ClickHouse: "LowCardinality(String)", OTel: "db.system.name", Label: true, Doc: "Protocol of the connection."},
	Client:        {Name: "client", Kind: Address, Always: true, ClickHouse: "String", OTel: "client.address", Doc: "Address and port of the client."},
	Server:        {Name: "server", Kind: Address, Always: true, ClickHouse: "LowCardinality(String)", OTel: "server.address", Label: true, Doc: "Address and port of the server."},
	StatusOf:      {Name: "status", Kind: Word, Always: true, ClickHouse: "LowCardinality(String)", Label: true, Words: statusNames[:], Doc: "How the exchange ended: ok; an error that the server blames on the request (client_error) or on itself, the network or a time limit (server_error); timeout, no answer within 60 s; unanswered, the server passed it over, or the connection or the capture ended first; unknown, the answer was lost or cut before its verdict, or the connection went on encrypted."},
	SourceOf:      {Name: "source", Kind: Word, Always: true, ClickHouse: "LowCardinality(String)", Label: true, Words: sourceNames[:], Doc: "Where the exchange was seen."},
	DoubtsOf:      {Name: "doubts", Kind: List, Always: true, ClickHouse: "Array(LowCardinality(String))", Words: DoubtNames[:], Doc: "Reasons not to take the record at its word."},
	AttributesOf:  {Name: "attributes", Kind: Object, ClickHouse: "JSON", Doc: "Facts that only this protocol has."},
}

// Order lists the columns as outputs print them.
var Order = [columns]Col{
	Time, Latency, Wait, RequestTime, ResponseTime, RTT, Protocol, Client, Server, Connection, Packet, User, App, Namespace,
	Operation, Target, Query, Summary, Fingerprint, StatusOf, Code, Error, RequestBytes, ResponseBytes, Rows, Affected,
	RequestID, Version, TraceID, SpanID, SourceOf, PID, Process, Container, DoubtsOf, AttributesOf,
}

// ByName finds a column by the name users write.
func ByName(name string) (Col, bool) {
	for i := range Columns {
		if Columns[i].Name == name {
			return Col(i), true
		}
	}
	return 0, false
}
