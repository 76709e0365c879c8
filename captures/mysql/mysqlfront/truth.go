package main

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"sync"
	"unicode/utf8"
)

// exchange is one request with what answered it: a line of the truth file.
type exchange struct {
	Conn      int    `json:"conn"` // connections in the order they came, from 1
	Port      int    `json:"port"` // the client's
	Command   string `json:"command"`
	Statement uint32 `json:"statement,omitempty"` // id that a COM_STMT_ names, or that the answer to COM_STMT_PREPARE gives
	// SQL is the text as sent, its first 64 KiB; for what names a statement the text of its COM_STMT_PREPARE; for other commands with a
	// textual argument that argument: database of COM_INIT_DB, table of COM_FIELD_LIST, file of the dump commands.
	SQL        string      `json:"sql,omitempty"`
	Params     []value     `json:"params,omitempty"`     // of COM_STMT_EXECUTE; of the first row of COM_STMT_BULK_EXECUTE
	Bulk       int         `json:"bulk,omitempty"`       // rows of COM_STMT_BULK_EXECUTE
	Attributes [][2]string `json:"attributes,omitempty"` // query attributes: name and value
	User       string      `json:"user,omitempty"`
	DB         string      `json:"db,omitempty"` // in effect when the server took up the request; the one asked for by a login
	Bytes      int         `json:"bytes"`        // of packets with their headers, inside TLS and compression
	Replies    int         `json:"replies"`      // packets, joined ones counted once
	ReplyBytes int         `json:"replyBytes"`

	Outcome  string   `json:"outcome"` // ok, error, oneway (no answer is due), open (the connection ended first)
	Code     int      `json:"code,omitempty"`
	State    string   `json:"state,omitempty"` // SQLSTATE, if one was sent
	Message  string   `json:"message,omitempty"`
	Results  []result `json:"results,omitempty"`
	Open     bool     `json:"cursor,omitempty"`    // the server keeps a cursor for COM_STMT_FETCH
	File     *int     `json:"fileBytes,omitempty"` // bytes that the client sent for LOCAL INFILE
	Progress int      `json:"progress,omitempty"`  // progress reports
	Events   int      `json:"events,omitempty"`    // of a binlog
	Track    []string `json:"track,omitempty"`     // session state changes: kind=value

	// Of LOGIN only.
	Greeting    int      `json:"greetingBytes,omitempty"` // part of replyBytes
	Server      string   `json:"server,omitempty"`        // version as greeted
	Driver      string   `json:"driver,omitempty"`        // name and version, from the connection attributes
	App         string   `json:"app,omitempty"`           // program_name there
	Plugins     []string `json:"plugins,omitempty"`       // in the order they were tried
	Sha2        string   `json:"sha2,omitempty"`          // fast or full
	TLS         bool     `json:"tls,omitempty"`
	Compression string   `json:"compression,omitempty"`

	request   []byte // the packet, until its turn comes
	phase     phase
	columns   []column
	left      int // definitions to come
	stmt      *statement
	binary    bool // rows are
	switching *change
}

// result is one of the answers to a request: rows, or an OK.
type result struct {
	Columns  []string  `json:"columns,omitempty"`
	Rows     int       `json:"rows"`
	Affected *uint64   `json:"affected,omitempty"` // of an OK that ends no rows
	InsertID uint64    `json:"insertId,omitempty"`
	Warnings int       `json:"warnings,omitempty"`
	Status   uint16    `json:"status"`
	Info     string    `json:"info,omitempty"`
	RowsText [][]value `json:"rowsText,omitempty"`
}

// value is the text of a value as the server would print it, its first 64 KiB: nil for NULL, hex: and digits for what is
// not UTF-8.
type value *string

func text(b []byte) value {
	b = b[:min(len(b), 1<<16)]
	s := string(b)
	if !utf8.Valid(b) {
		s = "hex:" + hex.EncodeToString(b)
	}
	return &s
}

// truth collects the exchanges of all connections in the order their requests came.
type truth struct {
	mu        sync.Mutex
	exchanges []*exchange
}

func (t *truth) add(x *exchange) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.exchanges = append(t.exchanges, x)
}

// save writes one JSON object a line.
func (t *truth) save(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(f)
	enc.SetEscapeHTML(false)
	for _, x := range t.exchanges {
		if err := enc.Encode(x); err != nil {
			return err
		}
	}
	return f.Close()
}
