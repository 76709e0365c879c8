/* Drives a MongoDB server with libmongoc, for the captures: mongoc URI. */
#include <mongoc/mongoc.h>
#include <stdio.h>
#include <stdlib.h>

static bson_error_t error;

static void must(bool ok, const char *step) {
	if (!ok) {
		fprintf(stderr, "%s: %s\n", step, error.message);
		exit(1);
	}
}

/* read_all reads n documents of a find, or all if n is 0. */
static void read_all(mongoc_collection_t *col, bson_t *filter, bson_t *opts, int n) {
	mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(col, filter, opts, NULL);
	const bson_t *doc;
	int seen = 0;
	while ((n == 0 || seen < n) && mongoc_cursor_next(cursor, &doc))
		seen++;
	must(!mongoc_cursor_error(cursor, &error), "find");
	mongoc_cursor_destroy(cursor);
}

int main(int argc, char **argv) {
	if (argc != 2)
		return 1;
	mongoc_init();
	mongoc_client_t *client = mongoc_client_new(argv[1]);
	must(client != NULL, "uri");
	mongoc_collection_t *col = mongoc_client_get_collection(client, "depot", "parts");
	bson_t reply, all = BSON_INITIALIZER, *docs[40];
	mongoc_collection_drop(col, &error);
	for (int i = 0; i < 40; i++)
		docs[i] = BCON_NEW("_id", BCON_INT32(i), "kind", BCON_INT32(i % 5), "name", BCON_UTF8("a part"));
	must(mongoc_collection_insert_many(col, (const bson_t **)docs, 40, NULL, &reply, &error), "insert");
	bson_t *batches = BCON_NEW("batchSize", BCON_INT32(12));
	read_all(col, &all, batches, 0);
	read_all(col, &all, batches, 1); /* killCursors */
	bson_t *exhaust = BCON_NEW("batchSize", BCON_INT32(12), "exhaust", BCON_BOOL(true));
	read_all(col, &all, exhaust, 0);
	bson_t *set = BCON_NEW("$set", "{", "checked", BCON_BOOL(true), "}");
	must(mongoc_collection_update_many(col, &all, set, NULL, NULL, &error), "update");
	must(mongoc_collection_count_documents(col, &all, NULL, NULL, NULL, &error) == 40, "count");
	if (mongoc_collection_insert_one(col, docs[3], NULL, NULL, &error))
		return 1; /* a duplicate key */
	bson_t *quiet = BCON_NEW("writeConcern", "{", "w", BCON_INT32(0), "}");
	bson_t *doc = BCON_NEW("_id", BCON_INT32(99));
	must(mongoc_collection_insert_one(col, doc, quiet, NULL, &error), "quiet insert");
	must(mongoc_collection_drop(col, &error), "drop");
	mongoc_collection_destroy(col);
	mongoc_client_destroy(client);
	mongoc_cleanup();
	return 0;
}
