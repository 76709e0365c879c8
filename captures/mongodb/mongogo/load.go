package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// mixed is the small change of many applications, from four connections: mostly reads of one document, some updates,
// inserts, scans, counts and a few errors. OPS sets how many (default 600).
func mixed(ctx context.Context, c *mongo.Client) {
	ops, err := strconv.Atoi(os.Getenv("OPS"))
	if err != nil {
		ops = 600
	}
	const workers, users = 4, 200
	col := fresh(ctx, c.Database("ycsb"), "users")
	var docs []any
	for i := range users {
		docs = append(docs, user(i))
	}
	one(col.InsertMany(ctx, docs))
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(7, uint64(w)))
			for i := range ops / workers {
				id := key(int(float64(users) * r.Float64() * r.Float64())) // some keys are asked for more
				switch p := r.IntN(100); {
				case p < 50:
					must(col.FindOne(ctx, d("_id", id)).Err())
				case p < 75:
					one(col.UpdateOne(ctx, d("_id", id), d("$set", d("seen", i), "$inc", d("visits", 1))))
				case p < 85:
					one(col.InsertOne(ctx, user(1000+1000*w+i)))
				case p < 92:
					read(col.Find(ctx, d("age", d("$gte", r.IntN(60))), options.Find().SetLimit(5).SetProjection(d("name", 1, "age", 1))))
				case p < 95:
					one(col.CountDocuments(ctx, d("city", cities[r.IntN(len(cities))])))
				case p < 97:
					read(col.Aggregate(ctx, mongo.Pipeline{d("$match", d("city", "Bergen")), d("$group", d("_id", "$age", "n", d("$sum", 1))), d("$limit", 4)}))
				case p < 99:
					must(col.FindOneAndUpdate(ctx, d("_id", id), d("$inc", d("visits", 1))).Err())
				default:
					_, err := col.InsertOne(ctx, user(1))
					fails(err, "uplicate key")
				}
			}
		})
	}
	wg.Wait()
}

var cities = []string{"Bergen", "Porto", "Gdansk", "Graz", "Turin"}

func key(i int) string { return fmt.Sprintf("user%05d", i) }

func user(i int) bson.D {
	return d("_id", key(i), "name", nouns[i%len(nouns)]+strconv.Itoa(i), "age", i%70, "city", cities[i%len(cities)], "visits", 0)
}

// demo is a shop's morning: short enough to read all of it.
func demo(ctx context.Context, c *mongo.Client) {
	db := c.Database("shop")
	must(db.Drop(ctx))
	products, orders, reviews := db.Collection("products"), db.Collection("orders"), db.Collection("reviews")
	product := func(sku, name string, price float64, stock int) bson.D {
		return d("_id", sku, "name", name, "price", price, "stock", stock)
	}
	one(products.InsertMany(ctx, []any{
		product("P-100", "Pencil", 0.8, 900), product("P-101", "Fountain pen", 24.5, 40), product("N-200", "Notebook A5", 3.2, 310),
		product("N-201", "Notebook A4", 4.9, 150), product("E-300", "Eraser", 0.6, 500), product("S-400", "Stapler", 11.9, 35),
	}))
	one(products.Indexes().CreateOne(ctx, mongo.IndexModel{Keys: d("name", 1)}))
	customers := []string{"ada", "grace", "linus", "margaret"}
	var batch []any
	for i := range 24 {
		batch = append(batch, d("_id", 5000+i, "customer", customers[i%4], "sku", []string{"P-100", "N-200", "E-300"}[i%3], "count", 1+i%4, "total", float64(1+i%4)*2.4, "status", []string{"paid", "open", "sent"}[i%3]))
	}
	one(orders.InsertMany(ctx, batch))
	one(reviews.InsertMany(ctx, []any{
		d("_id", 1, "sku", "P-100", "stars", 5, "text", "writes well"),
		d("_id", 2, "sku", "S-400", "stars", 1, "text", "staples badly"),
	}))
	for _, sku := range []string{"P-100", "N-200", "S-400", "P-101"} {
		must(products.FindOne(ctx, d("_id", sku)).Err())
		pause()
	}
	read(products.Find(ctx, d("price", d("$lt", 5)), options.Find().SetSort(d("price", 1)).SetLimit(3)))
	read(orders.Find(ctx, d("status", "open"), options.Find().SetBatchSize(3))) // getMore, twice
	pause()
	read(reviews.Find(ctx, d("text", bson.Regex{Pattern: "bad", Options: "i"}))) // slow: no index helps
	read(orders.Aggregate(ctx, mongo.Pipeline{
		d("$match", d("status", "paid")),
		d("$group", d("_id", "$customer", "spent", d("$sum", "$total"), "orders", d("$sum", 1))),
		d("$sort", d("spent", -1)),
	}))
	must(products.FindOneAndUpdate(ctx, d("_id", "P-100", "stock", d("$gte", 2)), d("$inc", d("stock", -2)), options.FindOneAndUpdate().SetReturnDocument(options.After)).Err())
	one(orders.InsertOne(ctx, d("_id", 5100, "customer", "ada", "sku", "P-100", "count", 2, "total", 1.6, "status", "open")))
	_, err := orders.InsertOne(ctx, d("_id", 5100, "customer", "ada", "sku", "P-100", "count", 2))
	fails(err, "uplicate key") // sent twice
	one(orders.UpdateOne(ctx, d("_id", 5100), d("$set", d("status", "paid", "paidAt", time.Unix(1_700_000_000, 0)))))
	one(orders.UpdateMany(ctx, d("status", "paid"), d("$set", d("status", "sent"))))
	pause()
	one(orders.CountDocuments(ctx, d("status", "sent")))
	must(products.Distinct(ctx, "name", d("stock", d("$lt", 50))).Err())
	one(orders.DeleteMany(ctx, d("customer", "linus", "status", "open")))
	one(products.UpdateOne(ctx, d("_id", "R-500"), d("$set", d("name", "Ruler", "price", 1.5)), options.UpdateOne().SetUpsert(true)))
	fails(db.RunCommand(ctx, d("find", "orders", "filter", d("total", d("$greater", 5)))).Err(), "BadValue")
	one(db.ListCollectionNames(ctx, bson.D{}))
}

// pause is a customer thinking.
func pause() { time.Sleep(20 * time.Millisecond) }
