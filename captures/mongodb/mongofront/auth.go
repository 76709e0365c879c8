package main

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/xdg-go/scram"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// login is a conversation of SCRAM-SHA-1 or PLAIN with the user of the flags. FerretDB knows neither.
type login struct {
	conversation *scram.ServerConversation
	skipEmpty    bool // the client can do without a last empty round
}

// sasl answers saslStart and saslContinue, as commands or inside a hello.
func (s *session) sasl(cmd bsoncore.Document) bsoncore.Document {
	_, payload, _ := cmd.Lookup("payload").BinaryOK()
	done := func(done bool, payload string) bsoncore.Document {
		return marshal(d("conversationId", int32(1), "done", done, "payload", bson.Binary{Data: []byte(payload)}, "ok", 1.0))
	}
	failed := marshal(d("ok", 0.0, "errmsg", "Authentication failed.", "code", int32(18), "codeName", "AuthenticationFailed"))
	switch text(cmd.Lookup("mechanism")) {
	case "PLAIN":
		if string(payload) == "\x00"+s.user+"\x00"+s.password {
			return done(true, "")
		}
		return failed
	case "SCRAM-SHA-1":
		server, err := scram.SHA1.NewServer(s.credentials)
		if err != nil {
			return failed
		}
		s.login = &login{conversation: server.NewConversation()}
		s.login.skipEmpty, _ = cmd.Lookup("options", "skipEmptyExchange").BooleanOK()
	}
	if s.login == nil {
		return failed
	}
	if s.login.conversation.Done() {
		return done(true, "")
	}
	answer, err := s.login.conversation.Step(string(payload))
	if err != nil {
		return failed
	}
	return done(s.login.conversation.Done() && s.login.skipEmpty, answer)
}

// credentials are what a server keeps of the password, which SCRAM-SHA-1 of MongoDB takes as the MD5 of three things.
func (s *session) credentials(user string) (scram.StoredCredentials, error) {
	sum := md5.Sum([]byte(s.user + ":mongo:" + s.password))
	client, err := scram.SHA1.NewClientUnprepped(s.user, hex.EncodeToString(sum[:]), "")
	if err != nil {
		return scram.StoredCredentials{}, err
	}
	if user != s.user {
		return scram.StoredCredentials{}, errors.New("no such user")
	}
	return client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: strings.Repeat("salt", 4), Iters: 10000})
}
