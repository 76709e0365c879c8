# The captures of PostgreSQL: see lib.sh for what a scenarios.sh is.

PORT=5432 RAW=pggo
declare -A SUITE=([13]=bullseye [15]=bookworm [17]=trixie [18]=sid)

# The users of the captures. A scan for secrets can look for the passwords and the token: they may appear in no output.
SCRAM=alice SCRAM_PASSWORD=heron-4471
MD5=bruno MD5_PASSWORD=otter-8203
CLEAR=carla CLEAR_PASSWORD=lynx-6634
BEARER=diana TOKEN=finch-3375
WRONG=gecko-9158

values() {
	printf '%s\n' SCRAM=$SCRAM SCRAM_PASSWORD=$SCRAM_PASSWORD MD5=$MD5 MD5_PASSWORD=$MD5_PASSWORD \
		CLEAR=$CLEAR CLEAR_PASSWORD=$CLEAR_PASSWORD BEARER=$BEARER TOKEN=$TOKEN WRONG=$WRONG
}

# program VERSION NAME prints how one of PostgreSQL's programs is started; pg VERSION NAME ARGUMENT... runs it. socket VERSION
# prints the way to a server that no capture sees.
program() { echo "chroot --userspec=db $CACHE/roots/pg$1 /usr/lib/postgresql/$1/bin/$2"; }
pg() { $(program "$1" "$2") "${@:3}"; }
socket() { echo "postgres://postgres@/shop?host=$CACHE/roots/pg$1/tmp"; }

start() {
	local v
	for v in "${!SUITE[@]}"; do
		root ${SUITE[$v]} pg$v postgresql-$v,postgresql-client-$v
		cp "$programs"/*.sql "$CACHE/roots/pg$v/tmp/"
		cluster $v
	done
	rm -rf "$CACHE/roots/pg17/tmp/wal"
	install -d -o 27000 -g 27000 "$CACHE/roots/pg17/tmp/wal"
	gcc -O -Wall -shared -fPIC -DTOKEN="\"$TOKEN\"" "$programs/pgtoken.c" -o "$CACHE/roots/pg18/usr/lib/postgresql/18/lib/pgtoken.so"
	node_packages pg@8.23.1 pg-cursor@2.22.0 pg-copy-streams@7.0.0
}

# cluster VERSION makes a database with what the captures find in it. Servers listen on a Unix socket too, by which
# pgtruth asks them how values are printed.
cluster() {
	local dir=$CACHE/roots/pg$1
	if [ ! -e "$dir/data/.complete" ]; then
		say "initialising PostgreSQL $1"
		rm -rf "$dir/data"
		install -d -o 27000 -g 27000 "$dir/data"
		pg $1 initdb -D /data -U postgres -A trust --no-sync -E UTF8 --locale=C >/dev/null
		openssl req -new -x509 -days 3650 -nodes -subj /CN=localhost -out "$dir/data/server.crt" -keyout "$dir/data/server.key" 2>/dev/null
		chmod 600 "$dir/data/server.key"
		chown 27000:27000 "$dir"/data/server.*
		cat >"$dir/data/postgresql.conf" <<-P
			listen_addresses = '127.0.0.1'
			unix_socket_directories = '/tmp'
			dynamic_shared_memory_type = mmap
			timezone = 'UTC'
			log_min_messages = fatal
			fsync = off
			synchronous_commit = off
			autovacuum = off
			jit = off
			wal_level = logical
			max_prepared_transactions = 10
			max_connections = 20
			superuser_reserved_connections = 3
			$([ $1 != 18 ] || echo "oauth_validator_libraries = 'pgtoken'")
		P
		cat >"$dir/data/pg_hba.conf" <<-P
			local all all trust
			$([ $1 != 18 ] || echo host all $BEARER 127.0.0.1/32 oauth 'issuer="https://issuer.example" scope="shop"')
			host all $SCRAM 127.0.0.1/32 scram-sha-256
			host all $MD5 127.0.0.1/32 md5
			host all $CLEAR 127.0.0.1/32 password
			host all,replication all 127.0.0.1/32 trust
		P
		unix_start $1
		pg $1 psql -qX -h /tmp -U postgres -c 'set client_min_messages = error' -c 'create database shop' \
			-c "set password_encryption = 'scram-sha-256'" -c "create role $SCRAM login password '$SCRAM_PASSWORD'" \
			-c "create role $CLEAR login password '$CLEAR_PASSWORD'" -c "create role $BEARER login" \
			-c "set password_encryption = 'md5'" -c "create role $MD5 login password '$MD5_PASSWORD'" \
			-c 'grant all on database shop to public'
		pg $1 psql -qX -h /tmp -U postgres shop -f /tmp/shop.sql
		stop
		touch "$dir/data/.complete"
	fi
}

# unix_start VERSION starts a server that is reached by its socket only.
unix_start() { pg $1 pg_ctl -D /data -s -w -l /data/log -o "-c listen_addresses=" start </dev/null >/dev/null 2>&1 9>&-; }

stop() {
	local v
	for v in "${!SUITE[@]}"; do
		[ -s "$CACHE/roots/pg$v/data/postmaster.pid" ] && pg $v pg_ctl -D /data -s -m fast stop || true
	done
}

# front NAME VERSION SETTING=VALUE... With relay for a SETTING the server is reached by pgrelay.
front() {
	local v=${2%% *} s out
	out="$(program $v postgres) -D /data"
	for s in ${2#"$v"}; do
		if [ $s = relay ]; then
			out="pgrelay 127.0.0.1:$PORT $CACHE/roots/pg$v/tmp/.s.PGSQL.$PORT $out -c listen_addresses="
		else
			out+=" -c $s"
		fi
	done
	echo $v >"$OUT/$1.version"
	echo "$out"
}

# check makes the truth of the streams in the capture, for types, params and rows with what the server prints.
check() {
	local v args=(-driver "$driver")
	v=$(cat "$OUT/$1.version")
	if [ -e "$OUT/$1.keys" ]; then args+=(-keys "$OUT/$1.keys"); fi
	if [ -e "$OUT/$1.api" ]; then args+=(-api "$OUT/$1.api"); fi
	if [[ $1 == @(types|params|rows)* ]]; then
		unix_start $v
		args+=(-values "$(socket $v)")
	fi
	pgtruth "${args[@]}" "$OUT/$1.pcap" >"$OUT/$1.truth.jsonl"
	stop
}

# The clients. psql NAME SHOWS SERVER [CLIENT [FILE]] runs NAME.sql, or FILE.sql, with the psql of the version CLIENT.
psql() {
	local v=${4:-${3%% *}}
	driver="psql $v"
	capture "$1" "$2" "$3" env PGSSLMODE=disable ${psql_env:-} $(program $v psql) -X \
		-h 127.0.0.1 -U postgres -f "/tmp/${5:-$1}.sql" shop
}
# pggo NAME SHOWS SERVER SCENARIO [PARAMETERS [VARIABLE=VALUE...]] runs a scenario of pggo. compared NAME... does the same; what
# pgx returned is compared with the truth.
pggo() {
	local name=$1 what=$2 server=$3 scenario=$4 parameters=${5:-}
	shift $(($# > 5 ? 5 : $#))
	capture "$name" "$what" "$server" env "$@" pggo $scenario \
		"postgres://${user:-postgres}@127.0.0.1/${database:-shop}?${sslmode:-sslmode=disable}${parameters:+&$parameters}"
}
pgx() { driver='pgx 5.12.0' pggo "$@"; }
compared() { driver='pgx 5.12.0' pggo "$1" "$2" "$3" "$4" "${5:-}" API="$OUT/$1.api"; }
wire() { driver='pgproto3 5.12.0' pggo "$@"; }
replica() { driver='pglogrepl 2025-12-13' pggo "$@"; }
# tls NAME SHOWS SERVER SCENARIO PARAMETERS
tls() { driver='pgx 5.12.0' sslmode=sslmode=require pggo "$1" "$2" "$3 ssl=on" "$4" "$5" KEYS="$OUT/$1.keys"; }
login() { driver='pgx 5.12.0' user=$4 pggo "$1" "$2" "$3" "$5"; }
libpq() { driver='lib/pq 1.12.3' pggo "$@"; }
# bench NAME SHOWS MODE runs pgbench in a mode, with several clients.
bench() {
	driver='pgbench 17'
	capture "$1" "$2" 17 env PGSSLMODE=disable $(program 17 pgbench) -h 127.0.0.1 -U postgres \
		-n -M $3 -c 4 -j 1 -t 32 --random-seed=7 -f /tmp/bench.sql shop
}

# scenarios lists the captures: NAME, what it shows, server with its settings, client's scenario.
scenarios() {
	local v
	psql simple 'queries of every day, in the simple protocol' 17
	psql multi 'several statements in one query string, some of which fail; a string of nothing' 17
	compared multi-pgx 'the same by pgx, beside empty strings' 17 multi
	psql errors 'errors of many SQLSTATE classes' 17
	psql errors-old 'the same with an old server and client' 13 13 errors
	psql notices 'notices and warnings, also between rows and before an error' 15
	psql transactions 'transactions, savepoints, settings that the server reports' 17

	pgx demo 'a shop: prepared statements, a transaction that fails, a duplicate key, a time limit' 17 demo application_name=shop
	compared pgx-cached 'pgx with named statements, which it keeps' 17 crud default_query_exec_mode=cache_statement
	compared pgx-described 'pgx with descriptions kept, statements unnamed' 17 crud default_query_exec_mode=cache_describe
	compared pgx-unnamed 'pgx with unnamed statements, described each time' 18 crud default_query_exec_mode=describe_exec
	compared pgx-exec 'pgx with unnamed statements in one round trip' 17 crud default_query_exec_mode=exec
	compared pgx-simple 'pgx with arguments in the text of simple queries' 13 crud default_query_exec_mode=simple_protocol
	libpq pq 'lib/pq: unnamed and prepared statements, a cancelled one' 17 pq
	libpq pq-binary 'lib/pq with parameters in binary' 17 pq binary_parameters=yes
	libpq pq-copy 'lib/pq: COPY of rows one by one, a listener' 17 pqcopy
	driver='node-postgres 8.23.1'
	capture node 'node-postgres: named statements, a cursor, COPY both ways, a notification' 17 node "$programs/pgnode.js"
	pgx statements 'statements prepared, described, used, closed, and missed' 17 stmt
	compared batch 'many statements before the first answer; one fails' 17 batch default_query_exec_mode=exec
	compared batch-cached 'the same with statements described before' 17 batch
	pgx pipeline 'groups to a Sync each, the middle one fails; Flush; an error in answer to Sync' 17 pipeline
	psql pipeline-psql 'the extended protocol by psql: unnamed, named, described, pipelines with errors and several Syncs' 17 18 pipeline
	wire portals 'portals named and not, fetched in parts, closed; Flush; queries not waited for' 17 portals
	wire misuse 'messages that the server refuses, the last an unknown one' 17 misuse
	wire call 'function calls, text and binary, failed' 17 call

	pgx copy 'COPY in and out, text, CSV, binary, failed by client and server' 17 copy
	wire copy-raw 'COPY in the extended protocol and beside other statements; rows over several messages' 17 copyraw
	compared cancel 'cancelled statements, with keys of protocol 3.0' 17 cancel
	compared cancel32 'the same with the long keys of protocol 3.2' 18 cancel max_protocol_version=3.2
	pgx timeout 'timeouts, a deadlock, a serialization failure, connections that the server ends' 17 timeout
	compared notify 'notifications to an idle client, during a query, in answer to its own' 17 notify
	compared big 'a result and parameters of some 300 KB' 17 big
	compared odd 'rows of no columns, an empty one, NULLs only, 400' 17 odd
	wire modes 'what a backslash is and the encoding changed in forms usual and odd, also in a pipeline, with texts that depend on them' 15 modes
	psql latin1 'SQL and errors in LATIN1' 17

	wire types-simple 'every type in simple queries' 17 types '' FORMAT=-1
	wire types-text 'every type in text' 17 types '' FORMAT=0
	wire types-binary 'every type in binary' 17 types '' FORMAT=1
	for v in 13 15 18; do wire types-binary-$v "the same of PostgreSQL $v" $v types '' FORMAT=1; done
	wire params-text 'parameters of every type in text; one format for all, one each, mixed; 300 of them' 17 params '' FORMAT=0
	wire params-binary 'parameters of every type in binary' 17 params '' FORMAT=1 "SOCKET=$(socket 17)"
	wire rows-small-text '1,500 short rows in text' 17 rows '' FORMAT=0 SIZE=small
	wire rows-small-binary '1,500 short rows in binary' 17 rows '' FORMAT=1 SIZE=small
	wire rows-large-text '400 long rows in text' 17 rows '' FORMAT=0 SIZE=large
	wire rows-large-binary '400 long rows in binary' 17 rows '' FORMAT=1 SIZE=large

	login login-trust 'a login without a password' 17 postgres ping
	login login-password 'a password in the clear' 17 $CLEAR:$CLEAR_PASSWORD ping
	login login-md5 'an MD5 password' 17 $MD5:$MD5_PASSWORD ping
	login login-scram 'SCRAM-SHA-256' 17 $SCRAM:$SCRAM_PASSWORD ping
	user=$BEARER pgx login-oauth 'OAUTHBEARER' 18 ping '' TOKEN=$TOKEN
	user=$BEARER pgx login-wrong-oauth 'a wrong token by OAUTHBEARER: pgx leaves when it hears of it' 18 refused '' TOKEN=$WRONG
	wire login-wrong-oauth-raw 'the same, answered with the byte that the server waits for' 18 startup '' HOW=oauth TOKEN=$WRONG BEARER=$BEARER
	login login-wrong-scram 'a wrong password by SCRAM-SHA-256' 17 $SCRAM:$WRONG refused
	login login-wrong-md5 'a wrong password by MD5' 15 $MD5:$WRONG refused
	login login-wrong-password 'a wrong password in the clear' 13 $CLEAR:$WRONG refused
	database=nosuch login login-nodb 'no such database' 17 postgres refused
	login login-nobody 'no such role' 17 nobody refused
	login login-full 'logins until the server takes nobody any more' 17 $SCRAM:$SCRAM_PASSWORD full
	pgx login-32 'protocol 3.2' 18 ping max_protocol_version=3.2
	pgx login-negotiate 'protocol 3.2 asked of a server that speaks 3.0' 17 ping max_protocol_version=3.2
	psql_env=PGMAXPROTOCOLVERSION=latest psql login-psql18 'psql that asks for the latest protocol' 15 18 ping
	psql_env=PGSSLMODE=prefer psql login-ssl-refused 'SSLRequest refused, then in the clear' 17 17 ping
	wire login-options 'protocol 3.9999 with options that no server knows' 17 startup '' HOW=options
	wire login-options-18 'the same by a server that speaks 3.2' 18 startup '' HOW=options
	wire login-gss 'GSSENCRequest refused, SSLRequest refused, then in the clear' '17 relay' startup '' HOW=gss
	wire login-gss-granted 'GSSENCRequest granted, but nothing comes of it' 17 startup '' HOW=granted
	wire login-ssl-error 'an error in answer to SSLRequest' 17 startup '' HOW=sslerror
	wire login-gss-error 'an error in answer to GSSENCRequest' '17 relay' startup '' HOW=gsserror
	wire login-v2 'protocol 2.0 refused, in its own form' 17 startup '' HOW=v2
	wire login-v4 'protocol 4.0 refused' 17 startup '' HOW=v4
	wire login-nouser 'a startup packet without a user' 17 startup '' HOW=nouser
	wire login-half 'a startup packet of which a part is sent' 17 startup '' HOW=half
	user=$SCRAM:$SCRAM_PASSWORD tls tls 'SSLRequest, TLS 1.3 with its key log, SCRAM-SHA-256 with channel binding' 17 crud channel_binding=require
	user=$SCRAM:$SCRAM_PASSWORD tls tls12 'the same under TLS 1.2' 17 ping channel_binding=require
	tls tls-direct 'TLS without an SSLRequest' 18 crud sslnegotiation=direct

	replica logical 'logical replication with pgoutput: all kinds of changes, messages, CopyDone from both sides' 17 logical
	replica logical-streamed 'a large transaction, sent before it ended' '17 logical_decoding_work_mem=64kB' streamed
	replica logical-twophase 'transactions prepared, committed and taken back' 17 twophase
	replica physical 'physical replication, for a moment' 17 physical
	replica basebackup 'the beginning of a base backup' 17 backup
	driver='pg_receivewal 17' pggo receivewal 'physical replication by pg_receivewal' 17 wal '' "SOCKET=$(socket 17)" \
		"RECEIVEWAL=$(program 17 pg_receivewal) -D /tmp/wal --no-loop --no-sync --no-password"
	driver='psql 17' pggo killed 'a client that is killed in the middle of an answer' 17 killed '' "PSQL=$(program 17 psql)"
	wire reset 'a connection that is broken in the middle of an answer' 17 reset

	bench mixed-simple 'load of pgbench in simple queries on several connections' simple
	bench mixed-extended 'the same in unnamed statements' extended
	bench mixed-prepared 'the same in prepared statements' prepared
	compared mixed 'load of small exchanges in all modes on several connections' 17 mixed
}
