package mysql

import (
	"testing"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/sqltext"
)

// What is not certain of quotes is known until it is, and where one message is decoded alone.
func TestQuotes(t *testing.T) {
	joined := &l7.ConnInfo{Midstream: true}
	d := openDialog(joined, nil).(*dialog)
	check := func(want sqltext.Dialect) {
		t.Helper()
		if got := d.dialect(); got != want {
			t.Errorf("%b, not %b", got, want)
		}
		context := d.AppendContext(nil, l7.ToServer, &l7.Message{})
		if alone := openDialog(joined, context).(*dialog); alone.dialect() != want {
			t.Errorf("%b alone, not %b", alone.dialect(), want)
		}
	}
	check(sqltext.MySQL | sqltext.Unsure)
	d.told = true
	check(sqltext.MySQL)
	d.now.multibyte = multibyte(28)
	d.signIn()
	d.status = statusNoBackslash
	check(sqltext.MySQL | sqltext.Multibyte | sqltext.NoBackslash)
	d.now.multibyte = multibyte(255)
	d.signIn()
	check(sqltext.MySQL | sqltext.NoBackslash)
}

func TestMultibyte(t *testing.T) {
	for collation, want := range map[uint16]bool{1: true, 84: true, 28: true, 1028 + 24: true, 95: true, 250: true, 8: false, 24: false, 45: false, 255: false} {
		if multibyte(collation) != want {
			t.Errorf("%d is %v", collation, !want)
		}
	}
}
