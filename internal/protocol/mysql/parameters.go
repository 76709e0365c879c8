package mysql

import (
	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/sqltext"
	"github.com/dbtap/dbtap/internal/wire"
)

var (
	executeFlags = []wire.Flag{
		{Mask: 1, Name: "CURSOR_TYPE_READ_ONLY"}, {Mask: 2, Name: "CURSOR_TYPE_FOR_UPDATE"}, {Mask: 4, Name: "CURSOR_TYPE_SCROLLABLE"},
		{Mask: parameterCountAvailable, Name: "PARAMETER_COUNT_AVAILABLE"},
	}
	bulkFlags      = []wire.Flag{{Mask: 64, Name: "SEND_UNIT_RESULTS"}, {Mask: bulkTypes, Name: "SEND_TYPES_TO_SERVER"}}
	parameterFlags = []wire.Flag{{Mask: unsignedParameter, Name: "UNSIGNED"}}
	indicators     = wire.Enum{0: "NONE", 1: "NULL", 2: "DEFAULT", 3: "IGNORE"}
)

const (
	parameterCountAvailable = 8
	bulkTypes               = 128
	unsignedParameter       = 0x80
)

// execute describes the execution of a prepared statement.
func (d *dialog) execute(c *wire.Cursor, m *l7.Message, com byte) {
	st := d.of(c, m)
	if st != nil {
		d.tellStatement(m, st)
	} else if c.Err() == nil && d.statements.unseen {
		m.Doubts |= record.PreparedUnseen
		m.Leaves |= uint64(multibyte|moded) << leavesQuoting
	}
	p := &d.now.prepared
	if com == comBulkExecute {
		d.bulk(c, m, p)
		return
	}
	flags := c.Uint8("flags")
	c.Flags(executeFlags)
	c.Uint32LE("iteration_count")
	if flags&7 != 0 && c.Err() == nil {
		m.SetAttribute(attrCursor, 1)
	}
	named := d.known && d.caps&capQueryAttributes != 0 || !d.known && flags&parameterCountAvailable != 0
	n := p.params
	switch {
	case named && (n > 0 || flags&parameterCountAvailable != 0):
		n = int(lengthEncoded(c, "parameter_count"))
	case !p.seen:
		if n = guess(c.Rest(), c.Left()); n < 0 {
			data(c, "parameters")
			return
		}
	}
	if n == 0 || n > c.Left() {
		if n > 0 {
			data(c, "parameters")
		}
		return
	}
	var list *l7.Parameters
	if m.Values() && st != nil && !st.guarded {
		all := m.Parameters()
		list = &all
	}
	d.parameters(c, m, n, p, named, list)
	list.State(attrParameters)
}

// parameters describes n parameters of p: which are NULL, their types if they are new, their values. One that is called
// traceparent is what OpenTelemetry says it is. Those that the statement has are put on the
// list, if there is one.
func (d *dialog) parameters(c *wire.Cursor, m *l7.Message, n int, p *prepared, named bool, list *l7.Parameters) {
	nulls := c.Rest()
	nulls = nulls[:min((n+7)/8, len(nulls))]
	c.Skip("null_bitmap", (n+7)/8, nil)
	types, width := p.types, 2
	if c.Uint8("new_params_bind_flag") == 1 {
		if types = parameterTypes(c, n, named); named {
			width = 0 // of each its own
		}
	} else {
		named = false
	}
	if c.Err() != nil {
		return
	}
	if len(types) < 2*n {
		data(c, "values")
		return
	}
	d.typed = d.typed[:0]
	g := c.Group("parameters")
	for i := 0; i < n && c.Err() == nil; i++ {
		if p.seen && i == p.params {
			list = nil // attributes of the query follow
		}
		typ, sign, name := types[0], types[1], ""
		if types = types[2:]; width == 0 {
			k, size := lengthOf(types)
			if k > 0 {
				name = view(types[size : size+k])
			}
			types = types[size+k:]
		}
		d.typed = append(d.typed, typ, sign)
		var one int32
		if name != "" {
			one = c.Group(name)
		} else {
			one = c.Group("parameter")
			c.Index()
		}
		switch {
		case nulls[i/8]>>(i%8)&1 != 0:
			nullValue(c, "value")
			c.Stands()
			list.Word("null")
		case p.isLong(i):
			c.Skip("value", 0, sentBefore)
			c.Stands()
			list.Word(`"(long data)"`)
		default:
			listed(list, c.Rest(), typ, sign&unsignedParameter != 0)
			if name == "traceparent" {
				k, size := lengthOf(c.Rest())
				trace, span := sqltext.Traceparent(c.Rest()[size:min(size+k, len(c.Rest()))])
				m.SetBytes(record.TraceID, trace)
				m.SetBytes(record.SpanID, span)
			}
			parameter(c, typ, sign&unsignedParameter != 0, p.secret)
		}
		c.End(one)
	}
	c.End(g)
	d.now.types = d.typed
}

// parameterTypes describes the types of n parameters, and with named their names. It lends their bytes; none, if they
// were cut.
func parameterTypes(c *wire.Cursor, n int, named bool) []byte {
	b := c.Rest()
	g := c.Group("parameter_types")
	for i := 0; i < n && c.Err() == nil; i++ {
		one := c.Group("parameter_type")
		c.Index()
		c.Uint8("type")
		c.Enum(typeNames)
		c.Stands()
		c.Uint8("flags")
		c.Flags(parameterFlags)
		if named {
			lengthText(c, "name")
		}
		c.End(one)
	}
	c.End(g)
	if c.Err() != nil || c.Cut() != nil {
		return nil
	}
	return b[:len(b)-len(c.Rest())]
}

// bulk describes the rest of a COM_STMT_BULK_EXECUTE.
func (d *dialog) bulk(c *wire.Cursor, m *l7.Message, p *prepared) {
	flags := c.Uint16LE("bulk_flags")
	c.Flags(bulkFlags)
	n, types := p.params, p.types
	if !p.seen || n == 0 {
		data(c, "parameters")
		return
	}
	if flags&bulkTypes != 0 {
		types = parameterTypes(c, n, false)
		d.now.types = types
	}
	if c.Err() != nil {
		return
	}
	if len(types) < 2*n {
		m.Doubts |= record.PreparedUnseen // an earlier execution had them
		data(c, "values")
		return
	}
	sets := int64(0)
	for c.More() {
		g := c.Group("parameters")
		c.Index()
		for i := range n {
			one := c.Group("parameter")
			c.Index()
			if c.Uint8("indicator") == 0 {
				c.Detail()
				parameter(c, types[2*i], types[2*i+1]&unsignedParameter != 0, p.secret)
			} else {
				c.Enum(indicators)
				c.Stands()
			}
			c.End(one)
			if c.Err() != nil {
				break
			}
		}
		c.End(g)
		if c.Err() == nil {
			sets++
		}
	}
	if c.Err() == nil && c.Cut() == nil {
		m.SetAttribute(attrBulk, sets)
	}
}

// attributed tells whether the body of a COM_QUERY begins with query attributes.
func (d *dialog) attributed(b []byte) bool {
	if d.known {
		return d.caps&capQueryAttributes != 0
	}
	return len(b) > 1 && b[0] < ' ' && b[1] == 1 // no SQL begins so
}

// queryAttributes describes the attributes of a COM_QUERY.
func (d *dialog) queryAttributes(c *wire.Cursor, m *l7.Message) {
	n := int(lengthEncoded(c, "parameter_count"))
	lengthEncoded(c, "parameter_set_count")
	if n > 0 && n <= c.Left() {
		var none prepared
		d.parameters(c, m, n, &none, true, nil)
		d.now.types = nil
	}
}

// lengthOf is the length that b begins with, and how many bytes say it; 0 if none does.
func lengthOf(b []byte) (n, size int) {
	if len(b) == 0 {
		return 0, 0
	}
	switch b[0] {
	case 0xFB, 0xFF:
		return 0, 0
	case 0xFC:
		size = 3
	case 0xFD:
		size = 4
	case 0xFE:
		size = 9
	default:
		return int(b[0]), 1
	}
	if size > len(b) {
		return 0, 0
	}
	return int(min(little(b[1:size]), maxPayload<<8)), size
}

// guess finds the number of parameters of a statement that was not seen: -1 if none fits b, of n bytes in all.
func guess(b []byte, n int) int {
	if n == 0 {
		return 0
	}
	if len(b) != n {
		return -1
	}
	for params := 1; (params+7)/8+1+2*params <= n && params <= maxParameters; params++ {
		at := (params + 7) / 8
		if b[at] != 1 {
			continue
		}
		types, left := b[at+1:at+1+2*params], b[at+1+2*params:]
		fits := true
		for i := 0; i < params && fits; i++ {
			if fits = typeNames[uint64(types[2*i])] != "" && types[2*i+1]&^unsignedParameter == 0; !fits || b[i/8]>>(i%8)&1 != 0 {
				continue
			}
			k := binarySize(types[2*i], left)
			if fits = k >= 0; fits {
				left = left[k:]
			}
		}
		if fits && len(left) == 0 {
			return params
		}
	}
	return -1
}
