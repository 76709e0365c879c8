// Package sqltext reads the text of SQL statements in one pass: what they do and to which tables, the same text without
// its values, what comments say of the application, and which literals are secrets. It knows how MySQL and PostgreSQL
// quote; it does not know their grammars, so that text that was cut off, or is wrong, is read as well.
//
// In the normal form of a text
//   - a ? stands for every literal and parameter, with the signs in front of it, an introducer, and literals that follow it.
//     NULL, TRUE, FALSE and, in lists and behind =, DEFAULT are literals where a value is due; IS NULL, NOT NULL and SET NULL
//     stay. Behind an operand, PostgreSQL's ? is an operator and stays one;
//   - an item of a list in parentheses or brackets, or a row of VALUES, is written once where it equals the one before it
//     and holds a value: IN (?), VALUES (?). So is a statement that equals the one before it. Neither the size of a batch
//     nor the number of its columns makes another statement;
//   - comments are gone, but for hints behind the first word of MySQL's statements, which take part in what is planned, and
//     the code in its /*! */;
//   - key words have capitals where the dialect reserves them, or where the words around leave no doubt; other words are as
//     they were written;
//   - what the text ends with, cut off, reads like the beginning of the whole: a list's last item may be
//     missing, a sign without its value stays, a word that may be a name is one, and a quoted name without its end a literal.
//
// A text that is not said to be Partial and ends inside a quoted name has a quote too many, and which one cannot be told: from
// the first on that is not around a plain name, all of it is one literal. So it is with any quote, and with comments, where the
// text holds a word for something secret. There, a literal that a letter follows, or whose quote stands behind a backslash that
// does not escape, and a name with a literal in it, take the rest too: who wrote them may have been wrong.
//
// Reading a normal form gives the same again, but for PostgreSQL's texts with ? ? in them: which of the two is an operator
// cannot be told any more.
package sqltext

import (
	"iter"
	"unsafe"
)

// Dialect says how text is quoted: a set of bits. Without MySQL it is PostgreSQL's.
type Dialect uint8

const (
	MySQL       Dialect = 1 << iota // `names`, "text", backslashes, # comments, /*! code */, @variables, ? parameters
	PostgreSQL                      // "names", E'text', $tag$ text $tag$, nested comments, $1 parameters, ? operators
	ANSIQuotes                      // with MySQL: "names"
	NoBackslash                     // with MySQL: a backslash is a letter of a text
	Backslash                       // with PostgreSQL: a backslash escapes in plain text too (standard_conforming_strings is off)
	Multibyte                       // characters may hold the byte of a backslash (sjis, cp932, big5, gbk, gb18030)
	Unsure                          // whether a backslash escapes is not known; nor, with MySQL, what "this" is
	Partial                         // the text goes on, unseen: what tells that it holds secrets may stand there, and the end of a quote
)

// maxSummary is how long a summary may get, in bytes, as OpenTelemetry has it
// (https://opentelemetry.io/docs/specs/semconv/db/database-spans/#generating-a-summary-of-the-query).
const maxSummary = 255

// Statement is what Read found in a text. It is to be reused: its memory is kept, and all that it holds is lent until the
// next Read; nothing of it borrows from the text. Its memory does not outgrow six times the longest text and 4 KB.
type Statement struct {
	Operation  string // first word of the first statement, in capitals: SELECT, WITH, EXPLAIN, BEGIN; any word
	Target     []byte // the table, if there is one statement and one table for certain, but for what rows to insert are read from; for USE: the database, without quotes
	Certain    bool   // Target stays, should the statement go on behind the text: INSERT INTO t VALUES or SET, not INSERT INTO t (a), which tables may follow
	Summary    []byte // operations and targets in their order, as written: INSERT audit SELECT orders; of 255 bytes at most
	Normal     []byte // the text with ? for every value, without comments, with one way to set blanks and capitals
	Statements int    // how many there are; empty ones are none
	TraceID    []byte // 32 hex digits in lower case, from a valid traceparent in a comment, or nil
	SpanID     []byte // 16 hex digits in lower case, with TraceID
	Cut        bool   // the text ended inside a literal, a quoted name or a comment, or in a literal whose end is not certain, which takes the rest

	tags []byte  // keys and values that were decoded, one behind the other
	ends []int32 // of each of them

	l lexer
	p parser
}

// Tags yields the keys and values of comments as sqlcommenter writes them (https://google.github.io/sqlcommenter/spec/),
// decoded, in their order. What is yielded is lent as the statement is.
func (s *Statement) Tags() iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		at := int32(0)
		for i := 0; i+1 < len(s.ends); i += 2 {
			if !yield(s.tags[at:s.ends[i]], s.tags[s.ends[i]:s.ends[i+1]]) {
				return
			}
			at = s.ends[i+1]
		}
	}
}

func (s *Statement) reset() {
	s.Operation, s.Target, s.Summary, s.Normal, s.TraceID, s.SpanID = "", nil, s.Summary[:0], s.Normal[:0], nil, nil
	s.Certain, s.Statements, s.Cut, s.tags, s.ends = false, 0, false, s.tags[:0], s.ends[:0]
}

func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
