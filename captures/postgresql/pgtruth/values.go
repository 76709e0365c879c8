package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
)

// printed asks the server how it prints parameters and rows: for those sent in binary the statement is run again, with the same
// parameters, and its result asked for as text.
func printed(server string, all []*exchange) error {
	ctx := context.Background()
	c, err := pgconn.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	for _, x := range all {
		if x.Code != "" || x.Skipped || x.Operation != "QUERY" && x.Operation != "EXECUTE" {
			continue
		}
		if x.Params > 0 {
			st, err := c.Prepare(ctx, "", x.SQL, nil)
			if err != nil {
				return err
			}
			x.paramTypes = st.ParamOIDs
			for i, v := range x.bound {
				format := x.Formats
				if len(format) > 1 {
					format = format[i : i+1]
				}
				r := c.ExecParams(ctx, "select $1", [][]byte{v}, st.ParamOIDs[i:i+1], format, nil).Read()
				if r.Err != nil {
					return fmt.Errorf("parameter %d of %s: %w", i+1, x.SQL, r.Err)
				}
				x.ParamsText = append(x.ParamsText, cells(r.Rows[0])[0])
			}
		}
		rows := x.rows
		if slices.Contains(x.format, 1) {
			r := c.ExecParams(ctx, x.SQL, x.bound, x.paramTypes, x.Formats, nil).Read()
			if r.Err != nil {
				return fmt.Errorf("%s: %w", x.SQL, r.Err)
			}
			if len(r.Rows) != x.Rows {
				return fmt.Errorf("%s: %d rows, now %d", x.SQL, x.Rows, len(r.Rows))
			}
			rows = r.Rows
		}
		for _, r := range rows {
			x.RowsText = append(x.RowsText, cells(r))
		}
	}
	return nil
}

// cells is a row as text, nil for NULL.
func cells(row [][]byte) []*string {
	out := make([]*string, len(row))
	for i, v := range row {
		if v != nil {
			s := string(v)
			out[i] = &s
		}
	}
	return out
}
