package main

import (
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// watchCursor is the id of every change stream.
const watchCursor = int64(0x7761746368)

// watch answers for a change stream, which FerretDB has not: every second getMore waits in vain, the others find a
// change. It returns nil for everything else.
func (s *session) watch(name string, cmd bsoncore.Document) bsoncore.Document {
	db := text(cmd.Lookup("$db"))
	answer := func(field, coll string, id int64, batch bson.A) bsoncore.Document {
		s.watched++
		return marshal(d("cursor", d(field, batch, "postBatchResumeToken", s.resumeToken(), "id", id, "ns", db+"."+coll), "ok", 1.0))
	}
	switch name {
	case "aggregate":
		stages := list(cmd.Lookup("pipeline"))
		if len(stages) == 0 {
			return nil
		}
		if stage, ok := stages[0].DocumentOK(); !ok || stage.Lookup("$changeStream").Type == 0 {
			return nil
		}
		return answer("firstBatch", text(cmd.Lookup("aggregate")), watchCursor, bson.A{})
	case "getMore":
		if id, _ := cmd.Lookup("getMore").AsInt64OK(); id != watchCursor {
			return nil
		}
		coll := text(cmd.Lookup("collection"))
		if s.watched%2 == 1 {
			time.Sleep(time.Duration(value(cmd.Lookup("maxTimeMS"))) * time.Millisecond)
			return answer("nextBatch", coll, watchCursor, bson.A{})
		}
		time.Sleep(20 * time.Millisecond)
		return answer("nextBatch", coll, watchCursor, bson.A{d(
			"_id", s.resumeToken(), "operationType", "insert", "clusterTime", bson.Timestamp{T: uint32(time.Now().Unix()), I: 1},
			"ns", d("db", db, "coll", coll), "documentKey", d("_id", s.watched), "fullDocument", d("_id", s.watched, "kind", "click"),
		)})
	}
	for _, v := range list(cmd.Lookup("cursors")) {
		if id, _ := v.AsInt64OK(); id == watchCursor {
			return marshal(d("cursorsKilled", bson.A{id}, "cursorsNotFound", bson.A{}, "cursorsAlive", bson.A{}, "cursorsUnknown", bson.A{}, "ok", 1.0))
		}
	}
	return nil
}

func (s *session) resumeToken() bson.D {
	return d("_data", fmt.Sprintf("82%08X2B0429296E04", s.watched))
}
