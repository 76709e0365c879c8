package postgresql_test

import (
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/record"
	"github.com/dbtap/dbtap/internal/stream"
)

// told is a login after which it is known how texts are quoted.
func told(values bool) *talk {
	return begin(values, false).client(startup).server(m('R', "\x00\x00\x00\x00"),
		m('S', z("standard_conforming_strings", "on")), m('S', z("client_encoding", "UTF8")), ready)
}

// TestSettingsLost: how texts are quoted is not known where what says so was lost, was cut, or has not come yet.
func TestSettingsLost(t *testing.T) {
	type change struct{ ask, name, value, text string }
	conforming := change{query("set standard_conforming_strings = off"), "standard_conforming_strings", "off", `select 'it\'s', 'marlin-77', 'x'`}
	encoding := change{query("set client_encoding = gbk"), "client_encoding", "GBK", "select E'x\xe0\\', 'marlin-77'"}
	for _, x := range []change{conforming, encoding} {
		tells := m('S', z(x.name, x.value))
		answer := done("SET") + tells + ready
		text := query(x.text)
		for name, say := range map[string]func(*talk){
			"seen":        func(c *talk) { c.client(x.ask).server(answer).client(text) },
			"answer lost": func(c *talk) { c.client(x.ask).gap(stream.Backward, len(answer), false).client(text) },
			"answer cut":  func(c *talk) { c.client(x.ask).gap(stream.Backward, len(answer), true).client(text) },
			"value cut": func(c *talk) {
				c.client(x.ask).server(done("SET")+tells[:len(tells)-2]).gap(stream.Backward, 2, true).server(ready).client(text)
			},
			"request lost": func(c *talk) { c.gap(stream.Forward, len(x.ask), false).client(text) },
			"both lost": func(c *talk) {
				c.gap(stream.Forward, len(x.ask), false).gap(stream.Backward, len(answer), false).client(text)
			},
			"pipelined": func(c *talk) { c.client(x.ask, text) },
			"called": func(c *talk) {
				c.client(query(`select 1, pg_catalog."SET_CONFIG" ('`+x.name+"', '"+x.value+"', false)"), text)
			},
			"updated":  func(c *talk) { c.client(query("update pg_settings set setting = 'x' where name = 'y'"), text) },
			"with two": func(c *talk) { c.client(query("begin; set x = 1"), text) },
			"taken back": func(c *talk) {
				c.client(query("begin")).server(done("BEGIN"), m('Z', "T")).client(query("rollback"), text)
			},
			"cut": func(c *talk) {
				long := query("select 1, set_config('x')")
				c.client(long[:12]).gap(stream.Forward, len(long)-12, true).client(text)
			},
			"prepared": func(c *talk) {
				c.client(parse("s", "set x = 1"), sync).server(m('1', ""), ready)
				c.client(bind("", "s"), execute(""), sync, text)
			},
			"prepared again": func(c *talk) {
				for range 2 {
					c.client(parse("", "set x = 1"), bind("", ""), execute(""), sync).server(m('1', ""), bound, done("SET"), ready)
				}
				c.client(parse("", "set x = 1"), bind("", ""), execute(""), sync, text)
			},
			"unseen": func(c *talk) {
				c.client(bind("", "s"), execute(""), sync, parse("", x.text), bind("", ""), execute(""), sync)
			},
		} {
			c := told(false)
			say(c)
			if got := strings.Join(c.server(done("SELECT 1"), ready).end(), "\n"); strings.Contains(got+c.trees.String(), "marlin") || !strings.Contains(got, "SELECT") {
				t.Errorf("%s, %s: %s", x.name, name, got)
			}
		}
	}
	for name, say := range map[string]func(*talk){
		"answered": func(c *talk) { c.client(query("rollback")).server(done("ROLLBACK"), ready) },
		"harmless": func(c *talk) { c.client(query("select f(a, config(b)) from t")) },
		"told": func(c *talk) {
			c.gap(stream.Backward, 10, false).server(ready, m('S', z("standard_conforming_strings", "on")), m('S', z("client_encoding", "UTF8")))
		},
	} {
		c := told(false)
		say(c)
		got := strings.Join(c.client(query(`select 'a\', b, 'c'`)).server(done("SELECT 1"), ready).end(), "\n")
		if !strings.Contains(got, "query=SELECT ?, b, ?") {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestCutSecret: of a text that was cut nobody knows whether its literals are secrets.
func TestCutSecret(t *testing.T) {
	const sql = "update users set name = 'marlin-77', password = 'swordfish-31'"
	for _, text := range []string{query(sql), parse("", sql)} {
		c := told(true)
		c.client(text[:45]).gap(stream.Forward, len(text)-45, true)
		if text[0] == 'P' {
			c.client(bind("", ""), execute(""), sync)
		}
		c.server(failure("ERROR", "22P02", `invalid input "swordfish-31"`), ready)
		got := strings.Join(c.end(), "\n") + c.trees.String()
		if strings.Contains(got, "marlin") || strings.Contains(got, "swordfish") || !strings.Contains(got, "query=update users") {
			t.Error(got)
		}
	}
}

// TestCutFingerprint: the beginning of a text is that of many.
func TestCutFingerprint(t *testing.T) {
	const sql = "select name from customers where id = 5 and deleted_at is null order by name"
	long := "select " + strings.Repeat("c, d, ", 16<<10) + "x from t"
	for _, whole := range []bool{true, false} {
		c := told(false)
		if text := query(sql); whole {
			c.client(text).server(done("SELECT 1"), ready)
		} else {
			c.client(text[:40]).gap(stream.Forward, len(text)-40, true).server(done("SELECT 1"), ready)
		}
		name := sql
		if !whole {
			name = long
		}
		c.client(parse("", name), bind("", ""), execute(""), sync).server(m('1', ""), bound, done("SELECT 1"), ready).end()
		for _, r := range c.rows[1:] {
			if r.Has(record.Fingerprint) != whole || r.Text(record.Query) == "" {
				t.Errorf("whole %v: %v", whole, r)
			}
		}
		if len(c.rows) != 3 {
			t.Errorf("%d rows", len(c.rows))
		}
	}
}
