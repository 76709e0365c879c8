// Package sqloracle holds internal/sqltext against other readers of SQL: the parsers of TiDB and of PostgreSQL, and
// DataDog's lexer. It is only tests, in a module of its own, so that none of them gets into the product. PostgreSQL's needs
// a C compiler.
package sqloracle
