#!/bin/bash
# run.sh [NAME...] : record the captures of real traffic that the MongoDB decoder is tested with, or those whose names
# begin with a NAME. Needs root, a Debian bookworm machine with its package mirror, the Go module proxy and the npm
# registry. What it fetches and builds stays under $DBTAP_CACHE (default ~/.cache/dbtap); only the captures, the truth
# beside them and ORIGIN.md are written to the repository, or to the folder $DBTAP_TESTDATA instead.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/lib.sh"
testdata=${DBTAP_TESTDATA:-$here/../internal/protocol/mongodb/testdata}
mkdir -p "$testdata"
testdata=$(cd "$testdata" && pwd)
wanted=("$@")
trap 'say "line $LINENO failed"' ERR

# The users of the captures. A scan for secrets can look for the passwords: they may appear in no output.
USER1=alice PASSWORD1=pencil-7391
WRONG=eraser-2846

main() {
	[ "$(id -u)" = 0 ] || die "needs root: network namespaces, chroot and tcpdump"
	export OUT=$CACHE/out
	mkdir -p "$OUT" "$CACHE/bin"
	exec 9>"$CACHE/lock"
	flock -n 9 || die "another run is at work in $CACHE"
	need_tools
	say "building the programs"
	(cd "$here" && GOWORK=off GOFLAGS=-mod=readonly go build -o "$CACHE/bin/" ./mongofront ./mongogo ./mongoraw)
	export PATH=$CACHE/bin:$PATH
	trap servers_stop EXIT
	servers_stop
	servers_start
	user $USER1 $PASSWORD1
	clients "$here"
	recorded=0
	scenarios
	[ $recorded -gt 0 ] || die "no capture is called ${wanted[*]}"
	origin
	say "$recorded captures recorded in $testdata"
}

url=mongodb://127.0.0.1:27017/

# scenarios lists the captures: NAME, what it shows, flags of the front, client with arguments.
scenarios() {
	local c login=127.0.0.1:27017 old="chroot $CACHE/roots/bookworm" new="chroot $CACHE/roots/pymongo4"
	local auth="-backend $CACHE/run/auth.sock" own="-user $USER1:$PASSWORD1"

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
	capture node 'the Node driver with snappy and its streaming hello' '-stream -compressors snappy' node "$here/mongonode.js" "$url?compressors=snappy&heartbeatFrequencyMS=500"
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

# is_wanted NAME: is it on the command line, or is nothing?
is_wanted() {
	local w
	[ ${#wanted[@]} = 0 ] && return
	for w in "${wanted[@]}"; do
		[[ $1 == "$w"* ]] && return
	done
	return 1
}

names=()
declare -A shows

# capture NAME SHOWS FLAGS CLIENT... records one, if it is wanted, and moves it to the testdata when it is whole.
capture() {
	local name=$1 flags=$3 size
	names+=("$name")
	shows[$name]=$2
	is_wanted "$name" || return 0
	shift 3
	say "recording $name"
	FRONT="-backend $CACHE/run/open.sock $flags" unshare -n bash "$here/record.sh" "$name" "$@"
	gzip -9nf "$OUT/$name.pcap"
	size=$(stat -c %s "$OUT/$name.pcap.gz")
	[ "$size" -le 65536 ] || die "$name: $size bytes are more than a small capture"
	rm -f "$testdata/$name".{pcap.gz,truth.jsonl,truth.jsonl.gz,keys}
	if [ "$(stat -c %s "$OUT/$name.truth.jsonl")" -gt 65536 ]; then
		gzip -9nf "$OUT/$name.truth.jsonl"
	fi
	for f in "$OUT/$name".{pcap.gz,truth.jsonl,truth.jsonl.gz,keys}; do
		if [ -e "$f" ]; then mv "$f" "$testdata/"; fi
	done
	recorded=$((recorded + 1))
}

# origin writes ORIGIN.md: the words of origin.md and a table of the captures that are there.
origin() {
	local name truth packets exchanges client
	{
		sed "s/@FERRETDB@/$FERRETDB/; s/@PG@/$PG/; s/@USER1@/$USER1/; s/@PASSWORD1@/$PASSWORD1/; s/@WRONG@/$WRONG/" "$here/origin.md"
		echo '| capture | client | shows | packets | exchanges |'
		echo '|---|---|---|---|---|'
		for name in "${names[@]}"; do
			[ -e "$testdata/$name.pcap.gz" ] || continue
			truth=$(ls "$testdata/$name".truth.jsonl*)
			packets=$(zcat "$testdata/$name.pcap.gz" | tcpdump -nr - 2>/dev/null | wc -l)
			exchanges=$(zcat -f "$truth" | wc -l)
			client=$(zcat -f "$truth" | grep -o '"driver":"[^"]*"' | cut -d'"' -f4 | sort -u | paste -sd, | sed 's/,/, /g' || true)
			echo "| $name | ${client:-mongoraw} | ${shows[$name]} | $packets | $exchanges |"
		done
	} >"$OUT/ORIGIN.md"
	mv "$OUT/ORIGIN.md" "$testdata/ORIGIN.md"
}

main
