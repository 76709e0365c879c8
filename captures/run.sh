#!/bin/bash
# run.sh [NAME...] : record the captures of real traffic that the MongoDB decoder is tested with, or those whose names
# begin with a NAME. Needs root, a Debian bookworm machine with its package mirror, the Go module proxy and the npm
# registry. What it fetches and builds stays under $DBTAP_CACHE (default ~/.cache/dbtap); only the captures, the truth
# beside them and ORIGIN.md are written to the repository.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/lib.sh"
testdata=$(cd "$here/../internal/protocol" && mkdir -p mongodb/testdata && cd mongodb/testdata && pwd)
wanted=("$@")

# The users of the captures. A scan for secrets can look for the passwords: they may appear in no output.
USER1=alice PASSWORD1=pencil-7391
WRONG=eraser-2846

main() {
	[ "$(id -u)" = 0 ] || die "needs root: network namespaces, chroot and tcpdump"
	need_tools
	export OUT=$CACHE/out
	mkdir -p "$OUT" "$CACHE/bin"
	say "building the programs"
	(cd "$here" && GOWORK=off GOFLAGS=-mod=readonly go build -o "$CACHE/bin/" ./mongofront ./mongogo ./mongoraw)
	export PATH=$CACHE/bin:$PATH
	trap servers_stop EXIT
	servers_stop
	servers_start
	user $USER1 $PASSWORD1
	recorded=0
	scenarios
	[ $recorded -gt 0 ] || die "no capture is called ${wanted[*]}"
	origin
	say "$recorded captures recorded in $testdata"
}

url=mongodb://127.0.0.1:27017/

# scenarios lists the captures: NAME, what it shows, flags of the front, client with arguments.
scenarios() {
	capture crud 'commands of every day, one of each kind' '' mongogo crud "$url?appName=crud"
	capture getmore 'cursors read in batches, killed, and asked for when unknown' '' mongogo getmore "$url"
	capture bulk 'bulk writes, ordered and not, with errors; the bulkWrite command with two sections of kind 1' '' mongogo bulk "$url"
	capture errors 'failed commands, write errors with ok: 1, a write concern error' '' mongogo errors "$url"
	for c in snappy zlib zstd; do
		capture compressed-$c "OP_COMPRESSED with $c both ways, an unacknowledged write inside" "-compressors $c" mongogo compressed "$url?compressors=$c"
	done
	capture mixed 'load of small exchanges on several connections' '' env OPS=600 mongogo mixed "$url?appName=ycsb"
	capture mixed-zstd 'the same under zstd' '-compressors zstd' env OPS=240 mongogo mixed "$url?appName=ycsb&compressors=zstd"
	capture demo 'a shop: finds, an aggregate, a slow query, a duplicate key, getMore' '-slow reviews=150ms' mongogo demo "$url?appName=shop&maxPoolSize=4"
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
	local name=$1 flags=$3 backend=open size
	names+=("$name")
	shows[$name]=$2
	is_wanted "$name" || return 0
	shift 3
	[[ $name == auth* ]] && backend=auth
	say "recording $name"
	FRONT="-backend $CACHE/run/$backend.sock $flags" unshare -n bash "$here/record.sh" "$name" "$@"
	gzip -9nf "$OUT/$name.pcap"
	size=$(stat -c %s "$OUT/$name.pcap.gz")
	[ "$size" -le 65536 ] || die "$name: $size bytes are more than a small capture"
	rm -f "$testdata/$name".{pcap.gz,truth.jsonl,truth.jsonl.gz,tls.keys}
	if [ "$(stat -c %s "$OUT/$name.truth.jsonl")" -gt 65536 ]; then
		gzip -9nf "$OUT/$name.truth.jsonl"
	fi
	for f in "$OUT/$name".{pcap.gz,truth.jsonl,truth.jsonl.gz,tls.keys}; do
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
			client=$(zcat -f "$truth" | grep -o '"driver":"[^"]*"' | cut -d'"' -f4 | sort -u | paste -sd, | sed 's/,/, /g')
			echo "| $name | ${client:-mongoraw} | ${shows[$name]} | $packets | $exchanges |"
		done
	} >"$OUT/ORIGIN.md"
	mv "$OUT/ORIGIN.md" "$testdata/ORIGIN.md"
}

main
