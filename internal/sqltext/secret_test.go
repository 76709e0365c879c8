package sqltext

import "testing"

func TestSecretParameters(t *testing.T) {
	for _, c := range []struct {
		normal string
		want   bool
	}{
		{"UPDATE users SET password = ? WHERE id = ?", true},
		{"INSERT INTO keys (id, api_key) VALUES (?)", true},
		{"SELECT AES_DECRYPT(body, ?) FROM mail", true},
		{"SELECT id FROM `user passwords` WHERE id = ?", true},
		{"CREATE USER ? IDENTIFIED BY ?", true},
		{"GRANT SELECT ON t TO ?", true},
		{"SELECT name FROM users WHERE id = ?", false},
		{"UPDATE usage SET tokens = ?", false},
		{"", false},
	} {
		if got := SecretParameters([]byte(c.normal)); got != c.want {
			t.Errorf("%s: %v", c.normal, got)
		}
	}
}

func TestTraceparent(t *testing.T) {
	trace, span := Traceparent([]byte("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
	if string(trace) != "0af7651916cd43dd8448eb211c80319c" || string(span) != "b7ad6b7169203331" {
		t.Errorf("%s %s", trace, span)
	}
	if trace, _ := Traceparent([]byte("00-00000000000000000000000000000000-b7ad6b7169203331-01")); trace != nil {
		t.Errorf("%s", trace)
	}
}
