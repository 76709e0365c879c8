# Functions of run.sh: what the captures need, made under $CACHE. Nothing is installed on the machine but the tools
# of need_tools; servers and old clients of other Debian suites are unpacked into folders and run there with chroot.

CACHE=${DBTAP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dbtap}
SUITE_PG=sid PG=18
FERRETDB=v2.7.0
unset TMPDIR # one from outside does not exist inside the folders

say() { printf '%s\n' "captures: $*" >&2; }
die() { say "$*"; exit 1; }

# need_tools installs the few programs of the machine's own suite that are missing.
need_tools() {
	local missing=() p
	for p in mmdebstrap tcpdump ethtool unshare:util-linux ip:iproute2 gcc node:nodejs npm; do
		command -v "${p%:*}" >/dev/null || missing+=("${p#*:}")
	done
	[ ${#missing[@]} = 0 ] && return
	say "installing ${missing[*]}"
	apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null >&2
}

# mirror prints the address of the Debian mirror that this machine's apt uses for its own suite.
mirror() {
	apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' |
		awk -v c="$(. /etc/os-release && echo "$VERSION_CODENAME")" '$2 == c { print $1; exit }'
}

# root SUITE NAME PACKAGE,... unpacks packages and the libraries they need into $CACHE/roots/NAME. No maintainer
# script runs. A finished folder is kept.
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

# servers_start starts PostgreSQL with the DocumentDB extension and two FerretDB on it, one of which asks for a
# password. They listen on Unix sockets only, so that they are reached from every network namespace and seen in none.
servers_start() {
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
	mkdir -p "$CACHE/run"
	ferretdb_start open --no-auth
	ferretdb_start auth
}

# ferretdb_start NAME FLAG... starts one FerretDB on the socket $CACHE/run/NAME.sock.
ferretdb_start() {
	local name=$1 i
	shift
	rm -f "$CACHE/run/$name.sock"
	mkdir -p "$CACHE/run/$name"
	"$CACHE/bin/ferretdb" --postgresql-url="postgres://postgres@/postgres?host=$CACHE/roots/documentdb/tmp" \
		--listen-addr= --listen-unix="$CACHE/run/$name.sock" --state-dir="$CACHE/run/$name" \
		--debug-addr=- --telemetry=disable --log-level=error "$@" </dev/null >"$CACHE/run/$name.log" 2>&1 9>&- &
	echo $! >"$CACHE/run/$name.pid"
	for i in {1..200}; do
		[ -S "$CACHE/run/$name.sock" ] && return
		sleep 0.05
	done
	cat "$CACHE/run/$name.log" >&2
	die "FerretDB ($name) did not start"
}

# servers_stop ends what servers_start started, by its pid, if that is still the same program.
servers_stop() {
	local f pid dir=$CACHE/roots/documentdb
	for f in "$CACHE"/run/*.pid; do
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
NODE_DRIVER=mongodb@7.8.0 NODE_SNAPPY=snappy@7.4.3
clients() {
	local old=$CACHE/roots/bookworm here=$1 lib
	root bookworm bookworm python3,python3-pymongo,libmongoc-dev
	root sid pymongo4 python3,python3-pymongo
	cp "$here/mongopy.py" "$old/tmp/"
	cp "$here/mongopy.py" "$CACHE/roots/pymongo4/tmp/"
	lib=$old/usr/lib/$(gcc -print-multiarch)
	gcc -I"$old/usr/include/libmongoc-1.0" -I"$old/usr/include/libbson-1.0" "$here/mongoc.c" -o "$old/tmp/mongoc" \
		-L"$lib" -lmongoc-1.0 -lbson-1.0 -Wl,--unresolved-symbols=ignore-in-shared-libs
	if [ ! -e "$CACHE/node/.complete" ]; then
		say "installing the Node driver"
		mkdir -p "$CACHE/node"
		npm install --silent --ignore-scripts --no-package-lock --no-audit --no-fund --prefix "$CACHE/node" \
			$NODE_DRIVER $NODE_SNAPPY >&2
		touch "$CACHE/node/.complete"
	fi
	export NODE_PATH=$CACHE/node/node_modules
}
