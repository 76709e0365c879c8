package main

import (
	"fmt"
	"math"
	"strconv"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// column is what is needed of a column's definition to print its binary values as the server prints them.
type column struct {
	name     string
	kind     byte
	unsigned bool
	decimals int
}

// paramType is the type of a parameter or query attribute, whose name it has.
type paramType struct {
	column
	name string
}

// column reads a definition.
func (s *session) column(p []byte) column {
	r := reader{b: p}
	for range 4 { // catalog, schema, table, original table
		r.text()
	}
	var c column
	c.name = string(r.text())
	r.text()
	if s.own&extendedMetadata != 0 {
		r.text()
	}
	r.int(1 + 2)
	r.int(4)
	c.kind = byte(r.int(1))
	c.unsigned = r.int(2)&mysql.UNSIGNED_FLAG != 0
	c.decimals = int(r.int(1))
	return c
}

func columnNames(columns []column) []string {
	var names []string
	for _, c := range columns {
		names = append(names, c.name)
	}
	return names
}

// binary reads a value.
func (c column) binary(r *reader) value {
	switch c.kind {
	case mysql.MYSQL_TYPE_TINY:
		return c.integer(r.int(1), 8)
	case mysql.MYSQL_TYPE_SHORT:
		return c.integer(r.int(2), 16)
	case mysql.MYSQL_TYPE_YEAR:
		return text(fmt.Appendf(nil, "%04d", r.int(2)))
	case mysql.MYSQL_TYPE_LONG, mysql.MYSQL_TYPE_INT24:
		return c.integer(r.int(4), 32)
	case mysql.MYSQL_TYPE_LONGLONG:
		return c.integer(r.int(8), 64)
	case mysql.MYSQL_TYPE_FLOAT:
		return text(strconv.AppendFloat(nil, float64(math.Float32frombits(uint32(r.int(4)))), 'g', -1, 32))
	case mysql.MYSQL_TYPE_DOUBLE:
		return text(strconv.AppendFloat(nil, math.Float64frombits(r.int(8)), 'g', -1, 64))
	case mysql.MYSQL_TYPE_DATE, mysql.MYSQL_TYPE_DATETIME, mysql.MYSQL_TYPE_TIMESTAMP:
		in := reader{b: r.bytes(int(r.int(1)))}
		b := fmt.Appendf(nil, "%04d-%02d-%02d", in.int(2), in.int(1), in.int(1))
		if c.kind != mysql.MYSQL_TYPE_DATE {
			b = fmt.Appendf(b, " %02d:%02d:%02d", in.int(1), in.int(1), in.int(1))
			b = c.fraction(b, in.int(4))
		}
		return text(b)
	case mysql.MYSQL_TYPE_TIME:
		in := reader{b: r.bytes(int(r.int(1)))}
		sign := ""
		if in.int(1) == 1 {
			sign = "-"
		}
		days := in.int(4)
		b := fmt.Appendf(nil, "%s%02d:%02d:%02d", sign, 24*days+in.int(1), in.int(1), in.int(1))
		return text(c.fraction(b, in.int(4)))
	case mysql.MYSQL_TYPE_NULL:
		return nil
	}
	return text(r.text())
}

func (c column) integer(v uint64, bits int) value {
	if c.unsigned {
		return text(strconv.AppendUint(nil, v, 10))
	}
	return text(strconv.AppendInt(nil, int64(v<<(64-bits))>>(64-bits), 10))
}

// fraction appends as many digits as the column has.
func (c column) fraction(b []byte, micros uint64) []byte {
	if c.decimals == 0 || c.decimals > 6 {
		return b
	}
	return append(b, fmt.Sprintf(".%06d", micros)[:1+c.decimals]...)
}
