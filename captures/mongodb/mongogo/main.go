// Mongogo drives a MongoDB server with the official Go driver, one scenario a run, for the captures. A step that fails
// when it should not, or does not fail when it should, ends the program with an error.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

var scenarios = map[string]func(context.Context, *mongo.Client){
	"crud":         crud,
	"getmore":      getMore,
	"bulk":         bulk,
	"errors":       failures,
	"faults":       faults,
	"txn":          transactions,
	"unack":        unacknowledged,
	"compressed":   compressed,
	"bson":         everyType,
	"big":          big,
	"comment":      comments,
	"idle":         idle,
	"mixed":        mixed,
	"demo":         demo,
	"ping":         ping,
	"serverAPI":    ping,
	"shifted":      shifted,
	"watch":        watch,
	"mustFail":     mustFail,
	"unauthorized": unauthorized,
}

func main() {
	log.SetFlags(log.Lshortfile)
	log.SetPrefix("mongogo: ")
	if len(os.Args) != 3 || scenarios[os.Args[1]] == nil {
		log.Fatal("usage: mongogo SCENARIO URI")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	o := options.Client().ApplyURI(os.Args[2])
	if os.Args[1] == "serverAPI" { // which no URI can ask for
		o.SetServerAPIOptions(options.ServerAPI(options.ServerAPIVersion1).SetStrict(true))
	}
	client, err := mongo.Connect(o)
	must(err)
	scenarios[os.Args[1]](ctx, client)
	must(client.Disconnect(ctx))
}

// check ends the program for an error and names the step, which is three calls up.
func check(err error) {
	if err != nil {
		log.Output(3, err.Error())
		os.Exit(1)
	}
}

// must is for steps that succeed.
func must(err error) { check(err) }

// fails is for steps that fail with this text in the error.
func fails(err error, want string) {
	if err == nil || !strings.Contains(err.Error(), want) {
		check(fmt.Errorf("got %v, want an error about %q", err, want))
	}
}

// one is for results that do not matter.
func one[T any](_ T, err error) { check(err) }

// read takes all documents of a cursor.
func read(c *mongo.Cursor, err error) {
	check(err)
	var docs []bson.Raw
	check(c.All(context.Background(), &docs))
}

// d is a document of keys and values in turn.
func d(keysAndValues ...any) bson.D {
	out := make(bson.D, 0, len(keysAndValues)/2)
	for i := 0; i < len(keysAndValues); i += 2 {
		out = append(out, bson.E{Key: keysAndValues[i].(string), Value: keysAndValues[i+1]})
	}
	return out
}

type item struct {
	ID    int      `bson:"_id"`
	Name  string   `bson:"name"`
	Price float64  `bson:"price"`
	Stock int      `bson:"stock"`
	Tags  []string `bson:"tags"`
}

var nouns = []string{"pencil", "eraser", "notebook", "ruler", "stapler", "folder", "marker", "scissors"}

func items(from, n int) []item {
	out := make([]item, n)
	for i := range out {
		k := from + i
		out[i] = item{k, nouns[k%len(nouns)], float64(k%40)/4 + 0.5, 3 * k % 50, []string{"office", nouns[(k+3)%len(nouns)]}}
	}
	return out
}

func crud(ctx context.Context, c *mongo.Client) {
	must(c.Ping(ctx, nil))
	db := c.Database("shop")
	must(db.Drop(ctx))
	must(db.CreateCollection(ctx, "items"))
	col, orders := db.Collection("items"), db.Collection("orders")
	one(col.InsertOne(ctx, items(0, 1)[0]))
	one(col.InsertMany(ctx, items(1, 15)))
	one(orders.InsertMany(ctx, []any{
		d("_id", 1, "item", 3, "count", 2, "at", time.Unix(1_700_000_000, 0)),
		d("_id", 2, "item", 3, "count", int64(1), "note", nil),
		d("_id", 3, "item", 5, "count", 7, "gift", true),
	}))
	must(col.FindOne(ctx, d("_id", 3)).Err())
	read(col.Find(ctx, d("price", d("$gt", 2, "$lte", 4)),
		options.Find().SetSort(d("price", -1)).SetSkip(1).SetLimit(5).SetProjection(d("tags", 0))))
	read(col.Find(ctx, d("$or", bson.A{d("name", bson.Regex{Pattern: "^pen", Options: "i"}), d("stock", d("$in", bson.A{3, 6, 9}))})))
	one(col.UpdateOne(ctx, d("_id", 3), d("$set", d("price", 9.75), "$inc", d("stock", -1))))
	one(col.UpdateMany(ctx, d("name", "ruler"), d("$push", d("tags", "long"))))
	one(col.UpdateOne(ctx, d("_id", 100), d("$set", d("name", "globe")), options.UpdateOne().SetUpsert(true)))
	one(col.ReplaceOne(ctx, d("_id", 4), d("name", "stapler", "price", 12.0)))
	must(col.FindOneAndUpdate(ctx, d("_id", 5), d("$inc", d("stock", 10)), options.FindOneAndUpdate().SetReturnDocument(options.After)).Err())
	must(col.FindOneAndDelete(ctx, d("_id", 6)).Err())
	fails(col.FindOneAndUpdate(ctx, d("_id", 999), d("$set", d("x", 1))).Err(), "no documents")
	one(col.DeleteOne(ctx, d("_id", 7)))
	one(col.DeleteMany(ctx, d("name", "eraser")))
	one(col.CountDocuments(ctx, d("name", "pencil")))
	one(col.EstimatedDocumentCount(ctx))
	must(col.Distinct(ctx, "name", d("price", d("$gt", 1))).Err())
	read(col.Aggregate(ctx, mongo.Pipeline{
		d("$match", d("price", d("$gte", 1))),
		d("$group", d("_id", "$name", "n", d("$sum", 1), "mean", d("$avg", "$price"))),
		d("$sort", d("n", -1, "_id", 1)),
	}))
	read(orders.Aggregate(ctx, mongo.Pipeline{
		d("$lookup", d("from", "items", "localField", "item", "foreignField", "_id", "as", "what")),
		d("$unwind", "$what"),
		d("$project", d("count", 1, "what.name", 1)),
	}))
	one(col.Indexes().CreateMany(ctx, []mongo.IndexModel{
		{Keys: d("name", 1, "price", -1)},
		{Keys: d("stock", 1), Options: options.Index().SetName("by_stock")},
	}))
	read(col.Indexes().List(ctx))
	must(col.Indexes().DropOne(ctx, "by_stock"))
	one(db.ListCollectionNames(ctx, bson.D{}))
	one(c.ListDatabaseNames(ctx, bson.D{}))
	must(db.RunCommand(ctx, d("collStats", "items")).Err())
	must(db.RunCommand(ctx, d("explain", d("find", "items", "filter", d("stock", 3)), "verbosity", "queryPlanner")).Err())
	must(c.Database("admin").RunCommand(ctx, d("renameCollection", "shop.orders", "to", "shop.oldOrders")).Err())
	must(db.RunCommand(ctx, d("buildInfo", 1)).Err())
	must(db.Collection("oldOrders").Drop(ctx))
	must(db.Drop(ctx))
}

func getMore(ctx context.Context, c *mongo.Client) {
	col := fresh(ctx, c.Database("shop"), "items")
	one(col.InsertMany(ctx, items(0, 50)))
	read(col.Find(ctx, bson.D{}, options.Find().SetBatchSize(12)))
	read(col.Aggregate(ctx, mongo.Pipeline{d("$match", d("stock", d("$gt", 5)))}, options.Aggregate().SetBatchSize(15)))
	cursor, err := col.Find(ctx, bson.D{}, options.Find().SetBatchSize(5))
	must(err)
	for range 7 { // into the second batch
		cursor.Next(ctx)
	}
	must(cursor.Close(ctx)) // killCursors
	fails(c.Database("shop").RunCommand(ctx, d("getMore", int64(123456789), "collection", "items")).Err(), "CursorNotFound")
	must(c.Database("shop").RunCommand(ctx, d("killCursors", "items", "cursors", bson.A{int64(123456789)})).Err())
	read(col.Find(ctx, d("name", "nothing")))
}

// fresh is an empty collection.
func fresh(ctx context.Context, db *mongo.Database, name string) *mongo.Collection {
	must(db.Collection(name).Drop(ctx))
	return db.Collection(name)
}

func bulk(ctx context.Context, c *mongo.Client) {
	col := fresh(ctx, c.Database("shop"), "items")
	models := []mongo.WriteModel{
		mongo.NewInsertOneModel().SetDocument(items(1, 1)[0]),
		mongo.NewInsertOneModel().SetDocument(items(2, 1)[0]),
		mongo.NewInsertOneModel().SetDocument(items(1, 1)[0]), // again
		mongo.NewInsertOneModel().SetDocument(items(3, 1)[0]),
		mongo.NewUpdateOneModel().SetFilter(d("_id", 2)).SetUpdate(d("$set", d("stock", 1))),
		mongo.NewUpdateManyModel().SetFilter(d("_id", 50)).SetUpdate(d("$set", d("stock", 1))).SetUpsert(true),
		mongo.NewReplaceOneModel().SetFilter(d("_id", 3)).SetReplacement(d("name", "other")),
		mongo.NewDeleteOneModel().SetFilter(d("_id", 2)),
		mongo.NewDeleteManyModel().SetFilter(d("stock", d("$gt", 0))),
	}
	_, err := col.BulkWrite(ctx, models)
	fails(err, "uplicate key")
	_, err = col.BulkWrite(ctx, models, options.BulkWrite().SetOrdered(false))
	fails(err, "uplicate key")
	one(col.BulkWrite(ctx, models[4:]))
	many := items(100, 10)
	many[4].ID, many[7].ID = 100, 101
	_, err = col.InsertMany(ctx, many, options.InsertMany().SetOrdered(false))
	fails(err, "uplicate key")
	_, err = col.InsertMany(ctx, many)
	fails(err, "uplicate key")

	// The bulkWrite command of 8.0, over two collections: two sections of kind 1.
	writes := []mongo.ClientBulkWrite{
		{Database: "shop", Collection: "items", Model: mongo.NewClientInsertOneModel().SetDocument(items(200, 1)[0])},
		{Database: "shop", Collection: "log", Model: mongo.NewClientInsertOneModel().SetDocument(d("what", "insert"))},
		{Database: "shop", Collection: "items", Model: mongo.NewClientUpdateOneModel().SetFilter(d("_id", 200)).SetUpdate(d("$inc", d("stock", 1)))},
		{Database: "shop", Collection: "items", Model: mongo.NewClientUpdateManyModel().SetFilter(d("_id", 300)).SetUpdate(d("$inc", d("stock", 1))).SetUpsert(true)},
		{Database: "shop", Collection: "log", Model: mongo.NewClientDeleteManyModel().SetFilter(bson.D{})},
	}
	one(c.BulkWrite(ctx, writes, options.ClientBulkWrite().SetVerboseResults(true)))
	_, err = c.BulkWrite(ctx, writes, options.ClientBulkWrite().SetOrdered(false))
	fails(err, "bulk write")
}

func failures(ctx context.Context, c *mongo.Client) {
	db := c.Database("shop")
	col := fresh(ctx, db, "items")
	one(col.InsertOne(ctx, items(1, 1)[0]))
	_, err := col.InsertOne(ctx, items(1, 1)[0])
	fails(err, "uplicate key")
	_, err = col.InsertMany(ctx, []any{items(2, 1)[0], items(1, 1)[0], items(3, 1)[0]})
	fails(err, "uplicate key")
	fails(db.RunCommand(ctx, d("fly", 1)).Err(), "CommandNotFound")
	fails(db.RunCommand(ctx, d("collMod", "nothing")).Err(), "NamespaceNotFound")
	fails(c.Database("admin").RunCommand(ctx, d("renameCollection", "shop.nothing", "to", "shop.other")).Err(), "NamespaceNotFound")
	fails(col.FindOne(ctx, d("stock", d("$near-by", 3))).Err(), "BadValue")
	_, err = col.UpdateOne(ctx, d("_id", 1), d("$frobnicate", d("stock", 1)))
	fails(err, "$frobnicate")
	_, err = col.Aggregate(ctx, mongo.Pipeline{d("$turn", bson.D{})})
	fails(err, "Unrecognized")
	fails(db.RunCommand(ctx, d("find", 7)).Err(), "find")
	fails(db.RunCommand(ctx, d("find", "items", "filter", "text")).Err(), "TypeMismatch")
	fails(db.CreateCollection(ctx, "in$valid"), "Invalid")
	_, err = db.Collection("items", options.Collection().SetWriteConcern(&writeconcern.WriteConcern{W: 3})).InsertOne(ctx, items(4, 1)[0])
	fails(err, "Not enough data-bearing nodes")
	must(col.FindOne(ctx, d("_id", 1)).Err())
}

// faults has commands fail for reasons of the server: error codes, a closed connection, an answer after the client's patience.
func faults(ctx context.Context, c *mongo.Client) {
	col := fresh(ctx, c.Database("shop"), "items")
	one(col.InsertMany(ctx, items(0, 5)))
	next := func(data ...any) { // the next command it names fails
		must(c.Database("admin").RunCommand(ctx, d("configureFailPoint", "failCommand", "mode", d("times", 1), "data", d(data...))).Err())
	}
	for _, code := range []int{6, 50, 91, 262, 10107, 11600} { // the driver tries some of them again
		next("failCommands", bson.A{"find"}, "errorCode", code)
		col.FindOne(ctx, d("_id", 3))
	}
	next("failCommands", bson.A{"insert"}, "errorCode", 10107, "errorLabels", bson.A{"RetryableWriteError"})
	one(col.InsertOne(ctx, items(10, 1)[0])) // written at the second try
	next("failCommands", bson.A{"update"}, "closeConnection", true)
	one(col.UpdateOne(ctx, d("_id", 3), d("$inc", d("stock", 1)))) // as well, on another connection
	next("failCommands", bson.A{"aggregate"}, "closeConnection", true)
	_, err := col.CountDocuments(ctx, d("stock", 3))
	must(err)
	next("failCommands", bson.A{"find"}, "blockConnection", true, "blockTimeMS", 120)
	must(col.FindOne(ctx, d("_id", 3)).Err()) // slow
	next("failCommands", bson.A{"find"}, "blockConnection", true, "blockTimeMS", 200)
	short, cancel := context.WithTimeout(ctx, 60*time.Millisecond)
	defer cancel()
	fails(col.FindOne(short, d("_id", 3)).Err(), "deadline")
	time.Sleep(300 * time.Millisecond)
	must(col.FindOne(ctx, d("_id", 4)).Err())
}

func transactions(ctx context.Context, c *mongo.Client) {
	col := fresh(ctx, c.Database("bank"), "accounts")
	one(col.InsertMany(ctx, []any{d("_id", "ann", "balance", 100), d("_id", "bob", "balance", 20)}))
	session, err := c.StartSession()
	must(err)
	defer session.EndSession(ctx)
	transfer := func(ctx context.Context, amount int) {
		one(col.UpdateOne(ctx, d("_id", "ann"), d("$inc", d("balance", -amount))))
		one(col.UpdateOne(ctx, d("_id", "bob"), d("$inc", d("balance", amount))))
		must(col.FindOne(ctx, d("_id", "ann")).Err())
	}
	_, err = session.WithTransaction(ctx, func(ctx context.Context) (any, error) {
		transfer(ctx, 30)
		return nil, nil
	}, options.Transaction().SetReadConcern(readconcern.Snapshot()).SetWriteConcern(writeconcern.Majority()))
	must(err)
	must(session.StartTransaction())
	transfer(mongo.NewSessionContext(ctx, session), 5)
	must(session.AbortTransaction(ctx))
	must(session.StartTransaction())
	_, err = col.InsertOne(mongo.NewSessionContext(ctx, session), d("_id", "ann"))
	fails(err, "uplicate key")
	must(session.AbortTransaction(ctx))
	// A number nobody knows.
	fails(c.Database("admin").RunCommand(ctx, d("commitTransaction", 1, "txnNumber", int64(77), "autocommit", false)).Err(), "NoSuchTransaction")
	one(col.InsertOne(ctx, d("_id", "cid"))) // a retryable write
}

func unacknowledged(ctx context.Context, c *mongo.Client) {
	db := c.Database("shop")
	col := fresh(ctx, db, "events")
	quiet := db.Collection("events", options.Collection().SetWriteConcern(writeconcern.Unacknowledged()))
	for i := range 4 {
		one(quiet.InsertOne(ctx, d("_id", i, "kind", "click")))
	}
	one(quiet.InsertMany(ctx, []any{d("_id", 10), d("_id", 11), d("_id", 12)}))
	one(quiet.UpdateMany(ctx, d("kind", "click"), d("$set", d("seen", true))))
	one(quiet.DeleteOne(ctx, d("_id", 10)))
	one(quiet.InsertOne(ctx, d("_id", 11))) // a duplicate nobody hears of
	one(col.CountDocuments(ctx, bson.D{}))
	must(col.FindOne(ctx, d("_id", 11)).Err())
	one(quiet.InsertOne(ctx, d("_id", 20)))
	one(col.InsertOne(ctx, d("_id", 21)))
}

// shifted sends writes that should have no answer to a server that answers: the driver takes each for that of the next.
func shifted(ctx context.Context, c *mongo.Client) {
	quiet := c.Database("shop").Collection("events", options.Collection().SetWriteConcern(writeconcern.Unacknowledged()))
	must(quiet.Database().Collection("events").Drop(ctx))
	for i := range 3 {
		one(quiet.InsertOne(ctx, d("_id", i)))
		must(c.Ping(ctx, nil)) // ok, but of the insert
	}
	time.Sleep(100 * time.Millisecond)
}

// watch waits for changes: most of the time getMore finds none.
func watch(ctx context.Context, c *mongo.Client) {
	stream, err := c.Database("shop").Collection("events").Watch(ctx, mongo.Pipeline{d("$match", d("operationType", "insert"))},
		options.ChangeStream().SetMaxAwaitTime(300*time.Millisecond).SetBatchSize(10))
	must(err)
	for range 3 {
		if !stream.Next(ctx) {
			must(stream.Err())
		}
	}
	must(stream.Close(ctx))
}

func compressed(ctx context.Context, c *mongo.Client) {
	must(c.Ping(ctx, nil))
	col := fresh(ctx, c.Database("shop"), "items")
	one(col.InsertMany(ctx, items(0, 60)))
	read(col.Find(ctx, bson.D{}, options.Find().SetBatchSize(25)))
	must(col.FindOne(ctx, d("_id", 3)).Err())
	one(col.UpdateMany(ctx, d("name", "ruler"), d("$set", d("stock", 0))))
	_, err := col.InsertOne(ctx, items(1, 1)[0])
	fails(err, "uplicate key")
	read(col.Aggregate(ctx, mongo.Pipeline{d("$group", d("_id", "$name", "n", d("$sum", 1)))}))
	quiet := c.Database("shop").Collection("items", options.Collection().SetWriteConcern(writeconcern.Unacknowledged()))
	one(quiet.InsertOne(ctx, items(500, 1)[0])) // moreToCome inside the compressed bytes
	one(col.DeleteMany(ctx, d("stock", d("$lt", 20))))
	fails(c.Database("shop").RunCommand(ctx, d("fly", 1)).Err(), "CommandNotFound")
}

func everyType(ctx context.Context, c *mongo.Client) {
	col := c.Database("zoo").Collection("types") // which the front answers
	cursor, err := col.Find(ctx, bson.D{})
	must(err)
	var docs []bson.Raw
	must(cursor.All(ctx, &docs))
	var again []any
	for _, d := range docs {
		must(d.Validate())
		again = append(again, d)
	}
	one(col.InsertMany(ctx, again))
	one(col.InsertOne(ctx, again[0]))
	// What FerretDB can store goes there and back.
	real := fresh(ctx, c.Database("zoo"), "animals")
	price, err := bson.ParseDecimal128("1234.5600")
	must(err)
	one(real.InsertOne(ctx, d(
		"_id", bson.ObjectID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, "name", "Elefant 🐘", "legs", int32(4), "hairs", int64(1)<<40,
		"weight", 5120.5, "price", price, "tame", true, "owner", nil, "born", time.UnixMilli(1_600_000_000_123),
		"tag", bson.Binary{Subtype: 4, Data: []byte("0123456789abcdef")}, "photo", []byte{0xff, 0xd8, 0x00},
		"call", bson.Regex{Pattern: "^to+t$", Options: "i"}, "seen", bson.Timestamp{T: 1_700_000_000, I: 3},
		"toes", bson.A{5, 5, 4, bson.A{}, bson.D{}}, "nested", deep(60),
	)))
	must(real.FindOne(ctx, d("price", price)).Err())
}

// deep is a document n levels deep.
func deep(n int) bson.D {
	if n == 0 {
		return d("bottom", true)
	}
	return d("d", deep(n-1))
}

func big(ctx context.Context, c *mongo.Client) {
	col := fresh(ctx, c.Database("library"), "books")
	line := "The pencil is mightier than the stapler, said the ruler, and drew a line under the matter. "
	var docs []any
	for i := range 8 {
		docs = append(docs, d("_id", i, "title", nouns[i], "text", strings.Repeat(line, 400)))
	}
	one(col.InsertMany(ctx, docs)) // some 280 KB to the server
	read(col.Find(ctx, d("_id", d("$gte", 0))))
	must(col.FindOne(ctx, d("_id", 3), options.FindOne().SetProjection(d("title", 1))).Err())
}

func comments(ctx context.Context, c *mongo.Client) {
	col := fresh(ctx, c.Database("shop"), "items")
	one(col.InsertMany(ctx, items(0, 8), options.InsertMany().SetComment("load of the morning")))
	trace := d("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	must(col.FindOne(ctx, d("_id", 3), options.FindOne().SetComment(trace)).Err())
	read(col.Find(ctx, bson.D{}, options.Find().SetBatchSize(5).SetComment(d("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-53995c3f42cd8ad8-01", "tracestate", "rojo=1"))))
	one(col.UpdateOne(ctx, d("_id", 3), d("$inc", d("stock", 1)), options.UpdateOne().SetComment(trace)))
	one(col.DeleteOne(ctx, d("_id", 4), options.DeleteOne().SetComment("traceparent='00-4bf92f3577b34da6a3ce929d0e0e4736-b7ad6b7169203331-01'")))
	read(col.Aggregate(ctx, mongo.Pipeline{d("$count", "n")}, options.Aggregate().SetComment("nightly/report.go:42")))
	one(col.CountDocuments(ctx, bson.D{}, options.Count().SetComment(d("traceparent", "not a traceparent"))))
}

// idle leaves the driver's monitor alone with the server.
func idle(ctx context.Context, c *mongo.Client) {
	must(c.Ping(ctx, nil))
	time.Sleep(4 * time.Second)
	must(c.Ping(ctx, nil))
}

func ping(ctx context.Context, c *mongo.Client) {
	must(c.Ping(ctx, nil))
	col := fresh(ctx, c.Database("shop"), "items")
	one(col.InsertMany(ctx, items(0, 4)))
	read(col.Find(ctx, bson.D{}))
}

func mustFail(ctx context.Context, c *mongo.Client) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	fails(c.Ping(ctx, nil), "auth")
}

// unauthorized asks without a login for what needs one.
func unauthorized(ctx context.Context, c *mongo.Client) {
	col := c.Database("shop").Collection("items")
	fails(col.FindOne(ctx, d("_id", 1)).Err(), "")
	_, err := col.InsertOne(ctx, d("_id", 1))
	fails(err, "")
}
