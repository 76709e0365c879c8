# The captures of MongoDB: see lib.sh for what a scenarios.sh is.

PORT=27017 RAW=mongoraw
SUITE_PG=sid PG=18
FERRETDB=v2.7.0

# The users of the captures. A scan for secrets can look for the passwords: they may appear in no output.
USER1=alice PASSWORD1=pencil-7391
WRONG=eraser-2846

values() { printf '%s\n' FERRETDB=$FERRETDB PG=$PG USER1=$USER1 PASSWORD1=$PASSWORD1 WRONG=$WRONG; }

start() {
	servers
	user $USER1 $PASSWORD1
	clients
}

front() { echo "mongofront -listen 127.0.0.1:$PORT -truth $OUT/$1.truth.jsonl -backend $RUN/open.sock $2"; }

# The front must have seen every byte that is in the capture, and the capture hold every byte the front saw. Under TLS only
# the connections can be counted.
check() {
	local truth=$OUT/$1.truth.jsonl wire said
	if [ -e "$OUT/$1.keys" ]; then
		wire=$(wire_connections "$OUT/$1.pcap")
		said=$(grep -o '^{"conn":[0-9]*' "$truth" | sort -u | wc -l)
	else
		wire=$(wire_bytes "$OUT/$1.pcap")
		said=$(grep -oE '"(bytes|replyBytes)":[0-9]+' "$truth" | awk -F: '{ n += $2 } END { print n + 0 }')
	fi
	[ "$wire" = "$said" ] && [ "$said" -gt 0 ] || die "$1 is not whole: $wire on the wire, $said in the truth"
}

# ferretdb builds FerretDB from its module. The module's archive lacks build/version/version.txt, without which the
# binary panics, so the build works on a copy.
ferretdb() {
	local src=$CACHE/src/ferretdb-$FERRETDB dir
	[ -x "$CACHE/bin/ferretdb" ] && return
	say "building FerretDB $FERRETDB"
	mkdir -p "$CACHE/src" "$CACHE/bin"
	dir=$(cd "$CACHE/src" && GOWORK=off GOFLAGS=-mod=mod go mod download -json "github.com/FerretDB/FerretDB/v2@$FERRETDB" |
		awk -F'"' '$2 == "Dir" { print $4 }')
	rm -rf "$src"
	cp -r "$dir" "$src"
	chmod -R u+w "$src"
	echo "$FERRETDB" >"$src/build/version/version.txt"
	(cd "$src" && GOWORK=off GOFLAGS=-mod=readonly go build -o "$CACHE/bin/ferretdb" ./cmd/ferretdb)
}

# servers starts PostgreSQL with the DocumentDB extension and two FerretDB on it, one of which asks for a
# password. They listen on Unix sockets only, so that they are reached from every network namespace and seen in none.
servers() {
	local dir=$CACHE/roots/documentdb bin=/usr/lib/postgresql/$PG/bin ext
	root $SUITE_PG documentdb postgresql-$PG,postgresql-client-$PG,postgresql-$PG-documentdb
	ferretdb
	ext=$dir/usr/share/postgresql/$PG/extension
	[ -e "$ext/postgis.control" ] || ln -s postgis-3.control "$ext/postgis.control" # the package makes it when configured
	if [ ! -s "$dir/data/PG_VERSION" ]; then
		say "initialising PostgreSQL $PG"
		install -d -o 27000 -g 27000 "$dir/data"
		chroot --userspec=db "$dir" $bin/initdb -D /data -U postgres -A trust --no-sync -E UTF8 --locale=C >/dev/null
	fi
	cat >"$dir/data/postgresql.conf" <<-P
		listen_addresses = ''
		unix_socket_directories = '/tmp'
		shared_preload_libraries = 'pg_cron,pg_documentdb_core,pg_documentdb'
		cron.database_name = 'postgres'
		cron.host = '/tmp'
		documentdb.localhost_connection_string = 'host=/tmp'
		fsync = off
		synchronous_commit = off
		jit = off
	P
	say "starting PostgreSQL $PG and FerretDB $FERRETDB"
	chroot --userspec=db "$dir" $bin/pg_ctl -D /data -s -w -l /data/log start </dev/null >/dev/null 2>&1 9>&-
	chroot "$dir" $bin/psql -qX -h /tmp -U postgres -c 'set client_min_messages = error' \
		-c 'create extension if not exists documentdb cascade'
	ferretdb_start open --no-auth
	ferretdb_start auth
}

# ferretdb_start NAME FLAG... starts one FerretDB on the socket $RUN/NAME.sock.
ferretdb_start() {
	local name=$1 i
	shift
	rm -f "$RUN/$name.sock"
	mkdir -p "$RUN/$name"
	"$CACHE/bin/ferretdb" --postgresql-url="postgres://postgres@/postgres?host=$CACHE/roots/documentdb/tmp" \
		--listen-addr= --listen-unix="$RUN/$name.sock" --state-dir="$RUN/$name" \
		--debug-addr=- --telemetry=disable --log-level=error "$@" </dev/null >"$RUN/$name.log" 2>&1 9>&- &
	echo $! >"$RUN/$name.pid"
	for i in {1..200}; do
		[ -S "$RUN/$name.sock" ] && return
		sleep 0.05
	done
	cat "$RUN/$name.log" >&2
	die "FerretDB ($name) did not start"
}

# stop ends what servers started, by its pid, if that is still the same program.
stop() {
	local f pid dir=$CACHE/roots/documentdb
	for f in "$RUN"/*.pid; do
		[ -e "$f" ] || continue
		pid=$(cat "$f")
		[ "$(readlink "/proc/$pid/exe")" = "$(readlink -f "$CACHE/bin/ferretdb")" ] && kill "$pid"
		rm -f "$f"
	done
	[ -s "$dir/data/postmaster.pid" ] &&
		chroot --userspec=db "$dir" /usr/lib/postgresql/$PG/bin/pg_ctl -D /data -s -m fast stop || true
}

# user NAME PASSWORD makes a user, who is a role of PostgreSQL to FerretDB.
user() {
	chroot "$CACHE/roots/documentdb" /usr/lib/postgresql/$PG/bin/psql -qX -h /tmp -U postgres \
		-c 'set client_min_messages = error' -c "drop role if exists $1" \
		-c "create role $1 superuser login password '$2'"
}

# clients makes the drivers that are not Go: PyMongo 3.11 and libmongoc of bookworm, PyMongo 4 of sid, the Node driver.
clients() {
	local old=$CACHE/roots/bookworm lib
	root bookworm bookworm python3,python3-pymongo,libmongoc-dev
	root sid pymongo4 python3,python3-pymongo
	cp "$programs/mongopy.py" "$old/tmp/"
	cp "$programs/mongopy.py" "$CACHE/roots/pymongo4/tmp/"
	lib=$old/usr/lib/$(gcc -print-multiarch)
	gcc -I"$old/usr/include/libmongoc-1.0" -I"$old/usr/include/libbson-1.0" "$programs/mongoc.c" -o "$old/tmp/mongoc" \
		-L"$lib" -lmongoc-1.0 -lbson-1.0 -Wl,--unresolved-symbols=ignore-in-shared-libs
	node_packages mongodb@7.8.0 snappy@7.4.3
}

url=mongodb://127.0.0.1:27017/

# scenarios lists the captures: NAME, what it shows, flags of the front, client with arguments.
scenarios() {
	local c login=127.0.0.1:27017 old="chroot $CACHE/roots/bookworm" new="chroot $CACHE/roots/pymongo4"
	local auth="-backend $RUN/auth.sock" own="-user $USER1:$PASSWORD1"

	capture crud 'commands of every day, one of each kind' '' mongogo crud "$url?appName=crud"
	capture getmore 'cursors read in batches, killed, and asked for when unknown' '' mongogo getmore "$url"
	capture bulk 'bulk writes, ordered and not, with errors; the bulkWrite command with two sections of kind 1' '' mongogo bulk "$url"
	capture errors 'failed commands, write errors with ok: 1, a write concern error' '' mongogo errors "$url"
	capture faults 'errors of the server, retries, a connection closed without an answer, an answer nobody waits for' '-replset rs0' mongogo faults "$url?replicaSet=rs0"
	capture txn 'transactions committed and aborted, a retryable write, $clusterTime' '-replset rs0' mongogo txn "$url?replicaSet=rs0"
	capture unack 'writes with w: 0, which nobody answers, between others' '' mongogo unack "$url?maxPoolSize=1"
	capture shifted 'a server that answers writes with w: 0: the driver takes every answer for that of the next request' -answerall mongogo shifted "$url?maxPoolSize=1"
	capture watch 'a change stream, whose getMore waits for changes' '-replset rs0' mongogo watch "$url?replicaSet=rs0"
	capture serverapi 'a client of the versioned API, which says hello in OP_MSG only' '' mongogo serverAPI "$url"
	capture comment 'comments with a traceparent, as documents and as text' '' mongogo comment "$url"
	capture bson 'every BSON type, deprecated ones too, and every binary subtype' '' mongogo bson "$url"
	capture big 'an insert and a reply of some 280 KB' '' mongogo big "$url"
	for c in snappy zlib zstd; do
		capture compressed-$c "OP_COMPRESSED with $c both ways, an unacknowledged write inside" "-compressors $c" mongogo compressed "$url?compressors=$c"
	done

	capture auth 'SCRAM-SHA-256, its first step inside the hello' "$auth" mongogo ping "mongodb://$USER1:$PASSWORD1@$login/?maxPoolSize=2"
	capture auth-step 'SCRAM-SHA-256 by a server that does not take the first step in the hello: saslStart' "$auth -speculative=false" mongogo ping "mongodb://$USER1:$PASSWORD1@$login/"
	capture auth-wrong 'a wrong password' "$auth" mongogo mustFail "mongodb://$USER1:$WRONG@$login/"
	capture auth-none 'commands refused without a login' "$auth" mongogo unauthorized "$url"
	capture auth-sha1 'SCRAM-SHA-1' "$own" mongogo ping "mongodb://$USER1:$PASSWORD1@$login/?authMechanism=SCRAM-SHA-1"
	capture auth-plain 'PLAIN, with the password in the clear' "$own" mongogo ping "mongodb://$USER1:$PASSWORD1@$login/?authMechanism=PLAIN&authSource=\$external"

	capture hello 'the streaming hello of the monitor: many answers to one request' -stream mongogo idle "$url?heartbeatFrequencyMS=600"
	capture exhaust 'exhaust cursors: one getMore, many answers' '' $new python3 /tmp/mongopy.py exhaust "$url"
	capture pymongo 'PyMongo 4, which says hello in OP_MSG only' '' $new python3 /tmp/mongopy.py crud "$url?appName=reports"
	capture pymongo-zlib 'the same under zlib' '-compressors zlib' $new python3 /tmp/mongopy.py crud "$url?compressors=zlib"
	capture node 'the Node driver with snappy and its streaming hello' '-stream -compressors snappy' node "$programs/mongonode.js" "$url?compressors=snappy&heartbeatFrequencyMS=500"
	capture libmongoc 'libmongoc with an exhaust cursor' '' $old /tmp/mongoc "$url?appname=depot"
	capture libmongoc-zstd 'the same under zstd' '-compressors zstd' $old /tmp/mongoc "$url?compressors=zstd"

	capture legacy 'legacy opcodes: OP_QUERY, OP_GET_MORE, OP_KILL_CURSORS, OP_INSERT, OP_UPDATE, OP_DELETE, exhaust OP_REPLY' '-maxwire 3' $old python3 /tmp/mongopy.py legacy "$url"
	capture opquery 'every command in an OP_QUERY, find and getMore too' '-maxwire 5' $old python3 /tmp/mongopy.py crud "$url"

	capture sections 'sections of kind 0, 1 and 2 in every order, the last of an unknown kind' '' mongoraw sections $login
	capture flags 'flag bits known and unknown' '' mongoraw flags $login
	capture checksum 'checksums right and wrong, also under compression' '' mongoraw checksum $login
	capture compressed-noop 'OP_COMPRESSED that is not, and every compressor on one connection' '' mongoraw noop $login
	capture old 'every opcode from before OP_MSG, OP_COMMAND too' '-maxwire 3' mongoraw old $login
	capture segments 'several messages in one segment, one message in many' '' mongoraw segments $login
	capture ids 'request ids above 2^31, zero, and one twice' '' mongoraw ids $login
	capture tls 'TLS 1.3 with its key log; inside it a login by SCRAM-SHA-256 and snappy' "$auth -compressors snappy -tls $OUT/tls.keys" \
		mongogo ping "mongodb://$USER1:$PASSWORD1@$login/?tls=true&tlsInsecure=true&compressors=snappy"
	capture tls12 'TLS 1.2 with its key log' "-tls $OUT/tls12.keys -tls12" mongogo ping "$url?tls=true&tlsInsecure=true"

	capture mixed 'load of small exchanges on several connections' '' env OPS=600 mongogo mixed "$url?appName=ycsb"
	capture mixed-snappy 'the same under snappy' '-compressors snappy' env OPS=360 mongogo mixed "$url?appName=ycsb&compressors=snappy"
	capture mixed-zstd 'the same under zstd' '-compressors zstd' env OPS=240 mongogo mixed "$url?appName=ycsb&compressors=zstd"
	capture mixed-legacy 'load of small exchanges in legacy opcodes' '-maxwire 3' $old python3 /tmp/mongopy.py mixed "$url"
	capture demo 'a shop: finds, an aggregate, a slow query, a duplicate key, getMore' '-slow reviews=180ms' mongogo demo "$url?appName=shop&maxPoolSize=4"
}
