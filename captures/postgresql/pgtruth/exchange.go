package main

// exchange is a line of the truth: one request with what answered it.
type exchange struct {
	Conn   int `json:"conn"`   // connections in the order they came, from 1
	Port   int `json:"port"`   // the client's
	Packet int `json:"packet"` // that brought the first byte, from 1
	// LOGIN, CANCEL; QUERY, CALL (a function); EXECUTE, or for messages up to a Sync without one PARSE (Parse or Bind among
	// them), DESCRIBE, CLOSE; SYNC (answered by an error); what the server said unasked: NOTIFY, NOTICE, PARAMETER, ERROR.
	Operation  string  `json:"operation"`
	SQL        string  `json:"sql,omitempty"`
	Statement  string  `json:"statement,omitempty"` // its name
	Portal     string  `json:"portal,omitempty"`    // its name
	Function   uint32  `json:"function,omitempty"`  // OID
	Params     int     `json:"params,omitempty"`
	Formats    []int16 `json:"formats,omitempty"` // of the parameters, as in Bind
	MaxRows    uint32  `json:"maxRows,omitempty"`
	Bytes      int     `json:"bytes"`      // of the messages counted for it; Sync, Flush and Terminate are counted for none
	ReplyBytes int     `json:"replyBytes"` // likewise; the ReadyForQuery behind a Sync is counted for none

	Rows       int               `json:"rows"`               // DataRows, and what COPY says
	Affected   *int64            `json:"affected,omitempty"` // sum of INSERT, UPDATE, DELETE, MERGE, if there was one
	Results    int               `json:"results,omitempty"`  // CommandComplete and EmptyQueryResponse
	Tags       []string          `json:"tags,omitempty"`     // of CommandComplete
	Columns    []string          `json:"columns,omitempty"`  // of the last RowDescription
	Types      []uint32          `json:"types,omitempty"`    // their OIDs
	Suspended  bool              `json:"suspended,omitempty"`
	Skipped    bool              `json:"skipped,omitempty"`    // by the server, after an error
	Unanswered bool              `json:"unanswered,omitempty"` // to its end
	Copy       string            `json:"copy,omitempty"`       // in, out, both: the last
	CopyIn     int               `json:"copyIn,omitempty"`     // CopyData messages
	CopyOut    int               `json:"copyOut,omitempty"`
	Notices    []string          `json:"notices,omitempty"`    // severity, SQLSTATE, message
	Parameters map[string]string `json:"parameters,omitempty"` // that the server reported
	Severity   string            `json:"severity,omitempty"`
	Code       string            `json:"code,omitempty"` // SQLSTATE
	Message    string            `json:"message,omitempty"`
	Txn        string            `json:"txn,omitempty"`      // I, T or E: of the ReadyForQuery that ended it or its group
	Encoding   string            `json:"encoding,omitempty"` // of the client, if not UTF8; text here is UTF-8 always

	SSL        string            `json:"ssl,omitempty"`     // answer to SSLRequest: S, N, E; direct without one
	GSS        string            `json:"gss,omitempty"`     // answer to GSSENCRequest: G, N, E
	Version    string            `json:"version,omitempty"` // asked for
	Negotiated string            `json:"negotiated,omitempty"`
	Refused    []string          `json:"refused,omitempty"` // options that the server does not know
	User       string            `json:"user,omitempty"`
	Database   string            `json:"database,omitempty"`
	App        string            `json:"application_name,omitempty"`
	Options    map[string]string `json:"options,omitempty"` // the other startup parameters
	Method     string            `json:"method,omitempty"`  // trust, password, md5, or the SASL mechanism
	Driver     string            `json:"driver,omitempty"`
	PID        uint32            `json:"pid,omitempty"` // of BackendKeyData, CancelRequest, NotificationResponse
	KeyBytes   int               `json:"keyBytes,omitempty"`
	Channel    string            `json:"channel,omitempty"`
	Payload    string            `json:"payload,omitempty"`

	ParamsText []*string   `json:"paramsText,omitempty"` // as the server prints them
	RowsText   [][]*string `json:"rowsText,omitempty"`

	bound      [][]byte // parameters
	paramTypes []uint32
	format     []int16 // of the columns
	rows       [][][]byte
	begun      bool // to be answered
	unparsed   bool // its Parse failed
	answered   bool // to the end
	end        int  // packet of the last answer
}
