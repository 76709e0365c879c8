# What all protocols need to be recorded: tools, folders with servers and clients of any Debian suite, recording with the
# check for whole captures, ORIGIN.md. run.sh reads it, then the scenarios.sh of a protocol. That one sets
#
#	PORT        of the server, inside the namespace of a capture
#	RAW         the program to be named for captures whose truth names no client
#	start       starts the servers and makes the clients
#	stop        ends the servers, also those of a run that was interrupted
#	scenarios   calls capture for each capture
#	front NAME FLAGS   prints the command that listens on PORT in the namespace: a server, or what stands before it;
#	            it must end well on SIGTERM
#	check NAME  fails if truth and capture in $OUT do not belong together; it may write the truth first
#	values      prints KEY=VALUE lines: @KEY@ in origin.md becomes VALUE
#
# and finds: $CACHE; $programs, its own folder, whose Go programs are built and in the PATH; $OUT and $RUN, folders for a
# capture on its way and for what servers need.

CACHE=${DBTAP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dbtap}
unset TMPDIR # one from outside does not exist inside the folders

say() { printf '%s\n' "captures: $*" >&2; }
die() { say "$*"; exit 1; }

# need_tools installs the few programs of the machine's own suite that are missing, one run after the other.
need_tools() {
	local missing=() p
	mkdir -p "$CACHE"
	exec 8>"$CACHE/tools.lock"
	flock 8
	for p in mmdebstrap tcpdump tshark ethtool unshare:util-linux ip:iproute2 gcc:"gcc libc6-dev" openssl node:nodejs npm; do
		command -v "${p%:*}" >/dev/null || missing+=(${p#*:})
	done
	if [ ${#missing[@]} -gt 0 ]; then
		say "installing ${missing[*]}"
		apt-get update -qq
		apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null >&2
	fi
	exec 8>&-
}

# mirror prints the address of the Debian mirror that this machine's apt uses for its own suite.
mirror() {
	apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' |
		awk -v c="$(. /etc/os-release && echo "$VERSION_CODENAME")" '$2 == c { print $1; exit }'
}

# root SUITE NAME PACKAGE,... unpacks packages and the libraries they need into $CACHE/roots/NAME, to be run there with
# chroot. No maintainer script runs, nothing is installed on the machine. A finished folder is kept; NAME belongs to one
# protocol.
root() {
	local dir=$CACHE/roots/$2 d n
	[ -e "$dir/.complete" ] && return
	say "unpacking $3 of $1 into $dir"
	rm -rf "$dir"
	mkdir -p "$CACHE/roots"
	mmdebstrap --quiet --mode=root --variant=extract --include="dash,$3" \
		--aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Check-Valid-Until "false"' \
		"$1" "$dir" "$(mirror)" >&2
	for d in bin sbin lib lib64; do
		[ -e "$dir/$d" ] || { mkdir -p "$dir/usr/$d" && ln -s "usr/$d" "$dir/$d"; }
	done
	[ -e "$dir/bin/sh" ] || ln -s dash "$dir/bin/sh"
	mkdir -p "$dir"/{proc,tmp,root,run,dev/shm,var/tmp}
	chmod 1777 "$dir"/{tmp,var/tmp,dev/shm}
	for n in null:3 zero:5 random:8 urandom:9; do
		[ -c "$dir/dev/${n%:*}" ] || mknod -m 666 "$dir/dev/${n%:*}" c 1 "${n#*:}"
	done
	printf '%s\n' root:x:0:0::/root:/bin/sh db:x:27000:27000::/tmp:/bin/sh >"$dir/etc/passwd"
	printf '%s\n' root:x:0: db:x:27000: >"$dir/etc/group"
	echo 127.0.0.1 localhost >"$dir/etc/hosts"
	rm -rf "$dir"/etc/apt "$dir"/var/lib/apt "$dir"/var/cache/apt
	touch "$dir/.complete"
}

# node_packages NAME@VERSION... installs packages of the npm registry for the protocol, where node finds them.
node_packages() {
	local dir=$CACHE/node/$protocol
	export NODE_PATH=$dir/node_modules
	[ "$(cat "$dir/.complete" 2>/dev/null)" = "$*" ] && return
	say "installing $*"
	rm -rf "$dir"
	mkdir -p "$dir"
	npm install --silent --ignore-scripts --no-package-lock --no-audit --no-fund --prefix "$dir" "$@" >&2
	echo "$*" >"$dir/.complete"
}

# record PROTOCOL PREFIX... records the captures whose names begin with a PREFIX.
record() {
	protocol=$1 programs=$here/$1
	shift
	wanted=("$@")
	testdata=${DBTAP_TESTDATA:-$here/../internal/protocol}/$protocol
	[ -n "${DBTAP_TESTDATA:-}" ] || testdata+=/testdata
	mkdir -p "$testdata"
	testdata=$(cd "$testdata" && pwd)
	export OUT=$CACHE/out/$protocol RUN=$CACHE/run/$protocol
	mkdir -p "$OUT" "$RUN" "$CACHE/bin"
	exec 9>"$CACHE/$protocol.lock"
	flock -n 9 || die "another run is at work on $protocol in $CACHE"
	. "$programs/scenarios.sh"
	say "building the programs of $protocol"
	(cd "$programs" && GOWORK=off GOFLAGS=-mod=readonly go build -o "$CACHE/bin/" ./...)
	export PORT PATH=$CACHE/bin:$PATH
	trap stop EXIT
	stop
	start
	names=() recorded=0
	declare -gA shows
	scenarios
	[ $recorded -gt 0 ] || die "no capture of $protocol is called ${wanted[*]}"
	origin
	say "$recorded captures recorded in $testdata"
}

# list PROTOCOL prints what there is to be recorded.
list() {
	protocol=$1 programs=$here/$1 OUT= RUN=
	. "$programs/scenarios.sh"
	capture() { printf '%-32s %s\n' "$protocol/$1" "$2"; }
	scenarios
}

# is_wanted NAME: does it begin with one of the prefixes?
is_wanted() {
	local w
	for w in "${wanted[@]}"; do
		[[ $1 == "$w"* ]] && return
	done
	return 1
}

# capture NAME SHOWS FLAGS CLIENT... records what CLIENT says to the front with these FLAGS, if it is wanted, and moves it
# to the testdata when it is whole.
capture() {
	local name=$1 size f
	names+=("$name")
	shows[$name]=$2
	is_wanted "$name" || return 0
	say "recording $protocol/$name"
	rm -f "$OUT/$name".* # or this run would believe what the last one said
	FRONT=$(front "$name" "$3")
	export FRONT
	shift 3
	unshare -n bash "$here/record.sh" "$name" "$@"
	check "$name"
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

# wire_bytes PCAP prints how many bytes all its connections carried; wire_connections PCAP how many those are.
wire_bytes() {
	tcpdump -nr "$1" 2>/dev/null | awk 'match($0, /seq [0-9]+:[0-9]+/) {
		split(substr($0, RSTART + 4, RLENGTH - 4), seq, ":") # from the start of the stream; some are sent twice
		if (seq[2] > end[$3 $5]) { n += seq[2] - (seq[1] > end[$3 $5] ? seq[1] : end[$3 $5]); end[$3 $5] = seq[2] }
	} END { print n + 0 }'
}
wire_connections() {
	tcpdump -nqr "$1" 'tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn' 2>/dev/null | wc -l
}

# origin writes ORIGIN.md: the words of both origin.md and a table of the captures that are there.
origin() {
	local name truth packets exchanges client
	{
		cat "$here/origin.md" "$programs/origin.md" |
			sed "$({ echo "PROTOCOL=$protocol"; echo "PORT=$PORT"; values; } | sed 's/\(.*\)=\(.*\)/s|@\1@|\2|g/')"
		echo '| capture | client | shows | packets | exchanges |'
		echo '|---|---|---|---|---|'
		for name in "${names[@]}"; do
			[ -e "$testdata/$name.pcap.gz" ] || continue
			truth=$(ls "$testdata/$name".truth.jsonl*)
			packets=$(zcat "$testdata/$name.pcap.gz" | tcpdump -nr - 2>/dev/null | wc -l)
			exchanges=$(zcat -f "$truth" | wc -l)
			client=$(zcat -f "$truth" | grep -o '"driver":"[^"]*"' | cut -d'"' -f4 | sort -u | paste -sd, | sed 's/,/, /g' || true)
			echo "| $name | ${client:-$RAW} | ${shows[$name]} | $packets | $exchanges |"
		done
	} >"$OUT/ORIGIN.md"
	mv "$OUT/ORIGIN.md" "$testdata/ORIGIN.md"
}
