package main

import (
	"slices"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// failpoint is MongoDB's own means of tests to have commands fail, failCommand of configureFailPoint. All sessions share it.
type failpoint struct {
	mu       sync.Mutex
	times    int64 // how often it still works
	commands []string
	data     bsoncore.Document
}

// configure answers configureFailPoint.
func (f *failpoint) configure(cmd bsoncore.Document) bsoncore.Document {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.times, _ = cmd.Lookup("mode", "times").AsInt64OK()
	f.data, _ = cmd.Lookup("data").DocumentOK()
	f.data = slices.Clone(f.data)
	f.commands = nil
	for _, v := range list(f.data.Lookup("failCommands")) {
		f.commands = append(f.commands, text(v))
	}
	return marshal(d("ok", 1.0))
}

// hit returns the failpoint's data if it works on this command.
func (f *failpoint) hit(command string) bsoncore.Document {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.times == 0 || !slices.Contains(f.commands, command) {
		return nil
	}
	f.times--
	return f.data
}

// codeNames are the names of the error codes a failpoint is asked for here.
var codeNames = map[int32]string{
	6: "HostUnreachable", 50: "MaxTimeMSExpired", 91: "ShutdownInProgress", 112: "WriteConflict",
	262: "ExceededTimeLimit", 10107: "NotWritablePrimary", 11600: "InterruptedAtShutdown",
}

// fail does what a failpoint says. It returns nil if the command is to go on.
func fail(data bsoncore.Document) (bsoncore.Document, error) {
	if ms, ok := data.Lookup("blockTimeMS").AsInt64OK(); ok {
		time.Sleep(time.Duration(ms) * time.Millisecond)
	}
	if shut, _ := data.Lookup("closeConnection").BooleanOK(); shut {
		return nil, errClose("failpoint")
	}
	if data.Lookup("errorCode").Type == 0 {
		return nil, nil
	}
	n := value(data.Lookup("errorCode"))
	answer := d("ok", 0.0, "errmsg", "Failing command via 'failCommand' failpoint", "code", n, "codeName", codeNames[n])
	if labels := data.Lookup("errorLabels"); labels.Type != 0 {
		answer = append(answer, d("errorLabels", raw(labels))...)
	}
	return marshal(answer), nil
}
