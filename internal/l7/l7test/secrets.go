package l7test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"testing"

	"github.com/dbtap/dbtap/internal/output"
	"github.com/dbtap/dbtap/internal/record"
)

// secrets: no output shows what nobody may see, in any form, whatever the user asks for.
func (s *suite) secrets(t *testing.T) {
	fail := newReport(t)
	if len(s.o.Secrets) == 0 && s.o.Of == nil {
		if !s.shown["secret"] {
			return
		}
		t.Fatal("there are secrets in the captures, and none is named")
	}
	looked, forms := 0, 0
	for _, c := range s.captures {
		for values, outputs := range s.outputs(c) {
			for what, out := range outputs {
				looked += len(out)
				for name, b := range s.never(c, values == 1) {
					for form, p := range shapes(b) {
						forms++
						if i := bytes.Index(out, p); i >= 0 {
							line := out[bytes.LastIndexByte(out[:i], '\n')+1:]
							line, _, _ = bytes.Cut(line, []byte("\n"))
							fail.errorf("%s: %s shows %s as %s: %.300q", c.name, what, name, form, line)
						}
					}
				}
			}
		}
	}
	t.Logf("%d forms of secrets looked for in %d bytes of output", forms, looked)
	if forms == 0 {
		t.Error("no capture has a secret")
	}
}

// never is what no output of a capture may show, by what it is: secrets, and values unless they are asked for.
func (s *suite) never(c *captured, values bool) map[string][]byte {
	list := maps.Clone(s.o.Secrets)
	if list == nil {
		list = map[string][]byte{}
	}
	if !values {
		maps.Copy(list, s.o.Values)
	}
	if s.o.Of != nil {
		for i, m := range c.messages {
			for j, b := range s.o.Of(m) {
				list[fmt.Sprintf("secret %d of message %d", j+1, i+1)] = b
			}
		}
	}
	return list
}

// outputs is all that can be shown of a capture, by what it is: first without values, then with them.
func (s *suite) outputs(c *captured) (out [2]map[string][]byte) {
	for k, values := range []bool{false, true} {
		var json, csv bytes.Buffer
		j := output.NewJSON(&json)
		v := output.NewCSV(&csv)
		var trees bytes.Buffer
		for i, conversation := range c.conversations {
			cfg := everything()
			cfg.Values = values
			messages := watched(s.p, cfg, conversation, c.name, i+1, func(r *record.Record) {
				j.Row(r)
				v.Row(r)
			}, nil)
			for k, m := range messages {
				s.draw(&trees, m, k+1, output.TreeOptions{Values: values, All: true})
			}
		}
		j.Flush()
		v.Flush()
		name := map[bool]string{false: "", true: " with values"}[values]
		out[k] = map[string][]byte{"JSON" + name: json.Bytes(), "CSV" + name: csv.Bytes(), "a tree" + name: trees.Bytes()}
	}
	return out
}

// shapes are the forms in which a secret could show. Of base64 those parts are looked for that do not depend on what
// stands beside the secret; of long ones the beginning, for an output may cut them.
func shapes(b []byte) map[string][]byte {
	const enough = 24
	b = b[:min(len(b), enough)]
	list := map[string][]byte{"text": b, "hex": []byte(hex.EncodeToString(b)), "HEX": []byte(fmt.Sprintf("%X", b)),
		"bytes": []byte(fmt.Sprintf("% x", b[:min(len(b), 8)]))}
	if len(b) < 9 {
		return list
	}
	for shift := range 3 {
		padded := append(make([]byte, shift), b...)
		padded = padded[:len(padded)/3*3]
		first := (shift*8 + 5) / 6
		list[fmt.Sprint("base64 ", shift)] = []byte(base64.StdEncoding.EncodeToString(padded)[first:])
		list[fmt.Sprint("base64url ", shift)] = []byte(base64.URLEncoding.EncodeToString(padded)[first:])
	}
	return list
}
