package mongodb

import "bytes"

// What is shown, and to whom, follows from the command.
//
// A command that works on a collection carries documents of users. They may have fields of any name: all of their
// values are values. Every other command, also one that is not known or not yet named, may carry credentials: there a
// key of a secret, at any depth, hides its value from everybody, in the command and in its answer.

// traits are what the name of a command tells.
type traits uint8

const (
	ordinary traits = 1 << iota // works on a collection: keys in its documents are users' own
	names                       // its value is a name, if it is text
	carries                     // carries credentials: what an error says of it may quote them
)

// traitsOf says what the name of a command tells. What is not listed has no traits.
func traitsOf(name []byte) traits {
	switch string(name) { // the most frequent first
	case "find", "insert", "update", "aggregate":
		return ordinary | names
	case "getMore", "bulkWrite", "listCollections":
		return ordinary
	}
	switch string(name) {
	case "delete", "count", "distinct", "findAndModify", "findandmodify", "killCursors", "mapReduce", "mapreduce", "group",
		"geoNear", "geoSearch", "parallelCollectionScan",
		"create", "drop", "createIndexes", "dropIndexes", "deleteIndexes", "listIndexes", "collMod",
		"collStats", "collstats", "validate", "compact", "reIndex", "convertToCapped", "cloneCollectionAsCapped",
		"renameCollection", "dataSize", "datasize", "captrunc", "emptycapped", "analyze", "setIndexCommitQuorum",
		"planCacheClear", "planCacheClearFilters", "planCacheListFilters", "planCacheSetFilter", "planCacheListPlans",
		"planCacheListQueryShapes", "createSearchIndexes", "updateSearchIndex", "dropSearchIndex", "listSearchIndexes",
		"shardCollection", "reshardCollection", "unshardCollection", "refineCollectionShardKey", "moveCollection",
		"abortReshardCollection", "commitReshardCollection", "configureCollectionBalancing", "balancerCollectionStatus",
		"analyzeShardKey", "configureQueryAnalyzer", "split", "splitVector", "splitChunk", "moveChunk", "moveRange",
		"mergeChunks", "mergeAllChunksOnShard", "clearJumboFlag", "cleanupOrphaned", "checkShardingIndex", "getShardVersion":
		return ordinary | names
	case "dropUser", "createRole", "updateRole", "dropRole", "grantRolesToUser", "revokeRolesFromUser", "usersInfo",
		"rolesInfo", "grantPrivilegesToRole", "revokePrivilegesFromRole", "grantRolesToRole", "revokeRolesFromRole",
		"enableSharding", "movePrimary", "getLog", "getParameter", "configureFailPoint", "setFeatureCompatibilityVersion":
		return names
	case "createUser", "updateUser":
		return names | carries
	case "saslStart", "saslContinue", "authenticate", "logout", "copydb", "copydbgetnonce", "copydbsaslstart", "setParameter",
		"applyOps":
		return carries
	}
	return 0
}

// system tells whether a collection is the server's own, such as system.users, or no collection at all.
func system(collection []byte) bool {
	return len(collection) == 0 || collection[0] == '$' || bytes.HasPrefix(collection, []byte("system."))
}

// hidden tells whether nobody may ever see the value of a key. guard: the key may be that of a secret, for the
// document is no user's.
func hidden(key []byte, guard bool) bool {
	return (guard || uint(len(key)-9) <= 1) && concealed(key, guard) // most keys are shorter, and this is inlined
}

func concealed(key []byte, guard bool) bool { return credential(key) || guard && secret(key) }

// credential tells of keys that are those of stored credentials in any document: a user's entry can be read in many
// ways, also from the oplog.
func credential(key []byte) bool {
	return string(key) == "storedKey" || string(key) == "serverKey" || string(key) == "MONGODB-CR"
}

// secret tells whether a key is that of a payload, a key or a password, in the words of any command.
func secret(key []byte) bool {
	switch string(key) {
	case "payload", "pwd", "key", "nonce", "salt", "jwt":
		return true
	}
	for i := 0; i+3 <= len(key); i++ {
		switch key[i] | 0x20 {
		case 'p':
			if has(key[i:], "pwd") || has(key[i:], "passw") || has(key[i:], "passphrase") {
				return true
			}
		case 's':
			if has(key[i:], "secret") {
				return true
			}
		case 'c':
			if has(key[i:], "credential") {
				return true
			}
		}
	}
	return false
}

// has tells whether key begins with word, which is in small letters.
func has(key []byte, word string) bool {
	return len(key) >= len(word) && bytes.EqualFold(key[:len(word)], []byte(word))
}

// own tells whether the documents of a section of kind 1 are users' own.
func own(section string) bool {
	switch section {
	case "documents", "updates", "deletes", "ops", "inputDocs", "filter", "selector", "update":
		return true
	}
	return false
}

// public tells whether a number is shown that stands at the top of a command or an answer, or where an answer tells of
// a cursor or an error: it counts or limits something, and is no user's data.
func public(key []byte) bool { return publicKeys[string(key)] }

var publicKeys = func() map[string]bool {
	m := map[string]bool{}
	for _, list := range [][]string{
		{ // commands whose value says nothing, and those whose value is the number of a cursor
			"abortTransaction", "aggregate", "authenticate", "buildInfo", "buildinfo", "bulkWrite", "commitTransaction",
			"connPoolStats", "connectionStatus", "currentOp", "dbStats", "dbstats", "dropAllUsersFromDatabase",
			"dropDatabase", "features", "forceerror", "fsync", "fsyncUnlock", "getCmdLineOpts", "getDefaultRWConcern",
			"getLastError", "getMore", "getParameter", "getPrevError", "getShardMap", "getlasterror", "getnonce", "hello",
			"hostInfo", "isMaster", "isdbgrid", "ismaster", "killOp", "listCollections", "listCommands", "listDatabases",
			"listShards", "lockInfo", "logout", "ping", "profile", "refreshSessionsInternal", "replSetGetConfig",
			"replSetGetStatus", "resetError", "rolesInfo", "saslContinue", "saslStart", "serverStatus", "setParameter",
			"shutdown", "startSession", "top", "usersInfo", "whatsmyuri",
		},
		{ // options
			"allowDiskUse", "allowPartialResults", "apiDeprecationErrors", "apiStrict", "authorizedCollections", "authorizedDatabases", "autoAuthorize",
			"autocommit", "awaitData", "background", "batchSize", "bypassDocumentValidation", "capped", "conversationId",
			"dropTarget", "errorsOnly", "exhaust", "explain", "force", "full", "helloOk", "limit", "loadBalanced", "max", "maxAwaitTimeMS",
			"maxTimeMS", "multi", "nameOnly", "new", "noCursorTimeout", "oplogReplay", "ordered", "remove", "returnKey", "scale",
			"showExpandedEvents", "showRecordId", "singleBatch", "size", "skip", "skipEmptyExchange", "startTransaction",
			"stmtId", "tailable", "txnNumber", "upsert", "w", "wtimeout", "j", "fsync",
		},
		{ // answers
			"analyzedCount", "atClusterTime", "avgObjSize", "code", "collections", "connectionId", "count", "createdCollectionAutomatically",
			"dataSize", "done", "electionId", "fileSize", "id", "index", "indexSize", "indexes", "invalidated", "isWritablePrimary",
			"isreplicaset", "lastOp", "localTime", "logicalSessionTimeoutMinutes", "maxBsonObjectSize", "maxMessageSizeBytes",
			"maxWireVersion", "maxWriteBatchSize", "minWireVersion", "n", "nDeleted", "nErrors", "nIndexes", "nIndexesWas",
			"nInserted", "nMatched", "nModified", "nUpserted", "nindexes", "numIndexesAfter", "numIndexesBefore", "objects",
			"ok", "operationTime", "partialResultsReturned", "readOnly", "secondary", "setVersion", "storageSize",
			"syncMillis", "totalIndexSize", "totalSize", "updatedExisting", "views", "waited", "bits", "debug",
			"maxBsonWireObjectSize", "moreToCome", "numYields", "scaleFactor", "fsTotalSize", "fsUsedSize", "totalSizeMb",
			"uptime", "uptimeEstimate", "uptimeMillis", "wasStatementExecuted", "writtenTo", "nreturned",
		},
	} {
		for _, name := range list {
			m[name] = true
		}
	}
	return m
}()
