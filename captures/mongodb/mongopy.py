"""Drives a MongoDB server with PyMongo, 3.11 or 4, one scenario a run, for the captures: mongopy.py SCENARIO URI."""

import random
import sys

from pymongo import CursorType, DeleteOne, InsertOne, MongoClient, UpdateOne, WriteConcern
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure


def fails(error, step):
    """Runs a step that must fail."""
    try:
        step()
    except error:
        return
    raise SystemExit("a step did not fail")


def fresh(client, name):
    client.shop[name].drop()
    return client.shop[name]


def items(n):
    return [{"_id": i, "kind": i % 7, "name": "item %d" % i} for i in range(n)]


def crud(client):
    col = fresh(client, "items")
    col.insert_many(items(30))
    col.find_one({"_id": 3})
    assert len(list(col.find({"kind": {"$lt": 5}}).batch_size(10))) > 10
    cursor = col.find().batch_size(4)
    next(cursor)
    cursor.close()
    col.update_many({"kind": 1}, {"$inc": {"kind": 10}})
    col.update_one({"_id": 77}, {"$set": {"name": "new"}}, upsert=True)
    col.find_one_and_update({"_id": 5}, {"$set": {"name": "five"}})
    list(col.aggregate([{"$group": {"_id": "$kind", "n": {"$sum": 1}}}]))
    col.distinct("kind")
    col.count_documents({"kind": 3})
    fails(DuplicateKeyError, lambda: col.insert_one({"_id": 3}))
    fails(BulkWriteError, lambda: col.bulk_write(
        [InsertOne({"_id": 3}), UpdateOne({"_id": 4}, {"$set": {"x": 1}}), DeleteOne({"_id": 5})], ordered=False))
    fails(OperationFailure, lambda: client.shop.command("fly"))
    quiet = col.with_options(write_concern=WriteConcern(w=0))
    quiet.insert_one({"_id": "quiet"})
    quiet.delete_one({"_id": 8})
    client.admin.command("ping")
    col.drop()


def exhaust(client):
    """One getMore, many answers; one cursor is left before its end, which costs its connection."""
    col = fresh(client, "items")
    col.insert_many(items(60))
    assert len(list(col.find(cursor_type=CursorType.EXHAUST).batch_size(10))) == 60
    assert len(list(col.find({"kind": 2}).batch_size(4))) == 9
    cursor = col.find(cursor_type=CursorType.EXHAUST).batch_size(20)
    for _ in range(25):
        next(cursor)
    cursor.close()
    assert len(list(col.find({"kind": 3}, cursor_type=CursorType.EXHAUST).batch_size(50))) == 9
    col.drop()


def legacy(client):
    """What an old driver says to an old server: a message for each kind of operation."""
    col = fresh(client, "items")
    col.insert_many(items(40))
    col.find_one({"_id": 3})
    assert len(list(col.find({"kind": {"$lt": 6}}, {"name": 1}).batch_size(12))) > 30
    assert len(list(col.find().sort("kind", -1).skip(3).limit(5))) == 5
    cursor = col.find().batch_size(5)
    next(cursor)
    cursor.close()
    assert len(list(col.find(cursor_type=CursorType.EXHAUST).batch_size(9))) == 40
    assert list(col.find({"name": "nothing"})) == []
    fails(OperationFailure, lambda: list(col.find({"kind": {"$what": 1}})))
    quiet = col.with_options(write_concern=WriteConcern(w=0))
    quiet.insert_one({"_id": "a"})
    quiet.insert_many([{"_id": "b%d" % i} for i in range(12)])
    quiet.update_one({"_id": "b1"}, {"$set": {"x": 1}})
    quiet.update_many({"kind": 2}, {"$set": {"x": 1}})
    quiet.replace_one({"_id": "c"}, {"y": 2}, upsert=True)
    quiet.delete_one({"_id": "b2"})
    quiet.delete_many({"kind": 3})
    col.update_one({"_id": 4}, {"$set": {"x": 2}})
    col.delete_one({"_id": 5})
    fails(DuplicateKeyError, lambda: col.insert_one({"_id": 6}))
    col.count_documents({"x": 1})
    list(col.aggregate([{"$match": {"kind": 1}}, {"$group": {"_id": None, "n": {"$sum": 1}}}]))
    col.drop()


def mixed(client):
    """Small exchanges, one of them after the other."""
    col = fresh(client, "items")
    col.insert_many(items(200))
    quiet = col.with_options(write_concern=WriteConcern(w=0))
    r = random.Random(7)
    for i in range(380):
        p, key = r.randrange(100), r.randrange(200)
        if p < 55:
            col.find_one({"_id": key})
        elif p < 70:
            col.update_one({"_id": key}, {"$set": {"seen": i}})
        elif p < 80:
            quiet.insert_one({"_id": 1000 + i, "kind": key % 7})
        elif p < 88:
            list(col.find({"kind": key % 7}).limit(6).batch_size(3))
        elif p < 94:
            quiet.update_one({"_id": key}, {"$inc": {"n": 1}})
        elif p < 97:
            quiet.delete_one({"_id": 1000 + key})
        else:
            col.count_documents({"kind": key % 7})


if __name__ == "__main__":
    client = MongoClient(sys.argv[2], serverSelectionTimeoutMS=5000)
    globals()[sys.argv[1]](client)
    client.close()
