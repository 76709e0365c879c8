# The captures of MySQL and MariaDB: see lib.sh for what a scenarios.sh is.

PORT=3306 RAW=mysqlraw

# The users of the captures, by the way they log in. A scan for secrets can look for the passwords: they may appear in no
# output.
USER1=ada PASSWORD1=pencil-4410     # caching_sha2_password of MySQL, mysql_native_password of MariaDB
USER2=edda PASSWORD2=crayon-8127    # client_ed25519
USER3=paula PASSWORD3=marker-3358   # parsec
USER4=clara PASSWORD4=quill-9064    # in the clear, checked by PAM
USER5=nora PASSWORD5=chalk-2791     # mysql_native_password, where another one is the rule
WRONG=eraser-5573

values() {
	printf '%s\n' USER{1,2,3,4,5}=x | sed 's/=.*//' | while read -r u; do
		echo "$u=${!u}"
		p=PASSWORD${u#USER}
		echo "$p=${!p}"
	done
	echo "WRONG=$WRONG"
}

MYSQL=mysql-9.7 MARIADB=mariadb-11.8 OLD=mariadb-10.11 OLDEST=mariadb-10.5

# start starts each server in a network namespace of its own, where it has the port to itself.
start() {
	root sid $MYSQL mysql-server-core,mysql-client-core
	root trixie $MARIADB mariadb-server-core,mariadb-client-core,mariadb-server,coreutils,sed,grep
	root bookworm $OLD mariadb-server-core,mariadb-client-core,mariadb-server,libmariadb-dev,coreutils,sed,grep
	root bullseye $OLDEST mariadb-server-core-10.5,mariadb-client-core-10.5,mariadb-server-10.5,coreutils,sed,grep
	server $MYSQL usr/sbin/mysqld '--initialize-insecure --user=db' --mysqlx-socket=/tmp/mx.sock --secure-file-priv=
	for s in $MARIADB $OLD $OLDEST; do
		server $s usr/sbin/mariadbd '' --plugin-load-add=auth_ed25519
	done
	for s in $MYSQL $MARIADB $OLD $OLDEST; do ready $s; done
	local all="SET sql_log_bin = 0; CREATE DATABASE IF NOT EXISTS shop; CREATE DATABASE IF NOT EXISTS depot;
		CREATE USER IF NOT EXISTS $USER1@'%' IDENTIFIED BY '$PASSWORD1';"
	sql $MYSQL "$all"
	for s in $MARIADB $OLD $OLDEST; do
		sql $s "$all CREATE USER IF NOT EXISTS $USER2@'%' IDENTIFIED VIA ed25519 USING PASSWORD('$PASSWORD2')"
	done
	sql $MARIADB "INSTALL SONAME 'auth_parsec'" || true # it is already
	sql $MARIADB "CREATE USER IF NOT EXISTS $USER3@'%' IDENTIFIED VIA parsec USING PASSWORD('$PASSWORD3')"
	for s in $MYSQL $MARIADB $OLD $OLDEST; do
		sql $s "SET sql_log_bin = 0; GRANT ALL ON shop.* TO $USER1@'%'; GRANT ALL ON depot.* TO $USER1@'%'"
	done
	node_packages mysql2@3.24.5
}

# server NAME PROGRAM INIT FLAG... starts it in the background.
server() {
	local name=$1 dir=$CACHE/roots/$1 program=$2 init=$3
	shift 3
	if [ ! -d "$dir/data/mysql" ]; then
		say "initialising $name"
		rm -rf "$dir/data"
		install -d -o 27000 -g 27000 "$dir/data"
		if [ -n "$init" ]; then
			chroot --userspec=db "$dir" /$program --no-defaults --datadir=/data $init >/dev/null 2>&1
		else
			chroot --userspec=db "$dir" /usr/bin/mariadb-install-db --no-defaults --datadir=/data \
				--auth-root-authentication-method=normal --skip-test-db --force >/dev/null
		fi
	fi
	# A certificate for MariaDB 10, which makes none.
	if [ ! -e "$dir/data/server-key.pem" ]; then
		openssl req -new -x509 -days 3650 -nodes -subj /CN=localhost -out "$dir/data/server-cert.pem" -keyout "$dir/data/server-key.pem" 2>/dev/null
		chown 27000:27000 "$dir"/data/server-*.pem
	fi
	rm -f "$dir/tmp/m.sock"
	unshare -n sh -c 'ip link set lo up; exec chroot --userspec=db "$@"' - "$dir" /$program --no-defaults --datadir=/data \
		--bind-address=127.0.0.1 --socket=/tmp/m.sock --pid-file=/data/pid --local-infile=1 --max-allowed-packet=64M --server-id=1 \
		--log-bin=binlog --binlog-format=ROW --sync-binlog=0 --innodb-flush-log-at-trx-commit=0 --ssl-cert=/data/server-cert.pem \
		--ssl-key=/data/server-key.pem "$@" </dev/null >"$RUN/$name.log" 2>&1 9>&- &
	echo $! >"$RUN/$name.pid"
}

ready() {
	local i
	for i in {1..300}; do
		sql "$1" 'DO 0' 2>/dev/null && return
		kill -0 "$(cat "$RUN/$1.pid")" || break
		sleep 0.1
	done
	tail -n 20 "$RUN/$1.log" >&2
	die "$1 did not start"
}

# client SERVER prints the name of its own client program.
client() { case $1 in mysql*) echo /usr/bin/mysql ;; *) echo /usr/bin/mariadb ;; esac; }

# sql SERVER TEXT is for root, on the server's socket.
sql() { chroot "$CACHE/roots/$1" "$(client "$1")" --no-defaults -uroot -S /tmp/m.sock -Ne "$2"; }

# stop ends what start started, by its pid, if that is still the same program.
stop() {
	local f pid name i
	for f in "$RUN"/*.pid; do
		[ -e "$f" ] || continue
		pid=$(cat "$f") name=$(basename "$f" .pid)
		if [ "$(readlink "/proc/$pid/root")" = "$(readlink -f "$CACHE/roots/$name")" ]; then
			kill "$pid"
			for i in {1..100}; do kill -0 "$pid" 2>/dev/null && sleep 0.05; done
			kill -9 "$pid" 2>/dev/null || true # one that was just starting does not listen
		fi
		rm -f "$f"
	done
}

# front takes a server and flags of mysqlfront.
front() {
	set -- "$1" $2
	local name=$1 server=$2
	shift 2
	echo "mysqlfront -netns /proc/$(cat "$RUN/$server.pid")/ns/net -truth $OUT/$name.truth.jsonl $*"
}

# The front and the capture must know as many connections, and without TLS and compression as many bytes.
check() {
	local truth=$OUT/$1.truth.jsonl wire said
	wire=$(wire_connections "$OUT/$1.pcap")
	said=$(grep -o '^{"conn":[0-9]*' "$truth" | sort -u | wc -l)
	[ "$wire" = "$said" ] && [ "$said" -gt 0 ] || die "$1 is not whole: $wire connections on the wire, $said in the truth"
	grep -qE '"(tls|compression)":' "$truth" && return
	wire=$(wire_bytes "$OUT/$1.pcap")
	said=$(grep -oE '"(bytes|replyBytes)":[0-9]+' "$truth" | awk -F: '{ n += $2 } END { print n + 0 }')
	[ "$wire" = "$said" ] || die "$1 is not whole: $wire bytes on the wire, $said in the truth"
}

# scenarios lists the captures: NAME, what it shows, server and flags of the front, client with arguments.
scenarios() {
	local login="$USER1:$PASSWORD1@tcp(127.0.0.1:$PORT)/shop" s
	local attrs='connectionAttributes=program_name:till'

	for s in mysql mariadb; do
		local server=$MARIADB
		[ $s = mysql ] && server=$MYSQL
		capture text-$s 'queries of every day as text' $server mysqlgo crud "$login?$attrs"
		capture prepared-$s 'prepared statements: arguments of every kind, executed again, closed, failed' $server mysqlgo prepared "$login?parseTime=true"
		capture types-$s 'a row of every column type, as text and in binary, with its values' "$server -values" mysqlgo types "$login?charset=utf8mb4"
		capture errors-$s 'errors of many classes, warnings' $server mysqlgo errors "$login"
		capture locks-$s 'a lock waited for too long, one refused, a deadlock' $server mysqlgo locks "$login"
		capture txn-$s 'transactions: commit, rollback, savepoints, read only, autocommit off, XA' $server mysqlgo txn "$login"
		capture multi-$s 'several statements in one query, procedures with several results, errors among them' $server mysqlgo multi "$login?multiStatements=true"
		capture mixed-$s 'load of small exchanges on several connections, as text' $server env OPS=88 mysqlgo mixed "$login?interpolateParams=true"
		capture mixed-prepared-$s 'the same prepared' $server env OPS=88 PREPARE=1 mysqlgo mixed "$login"
	done
}
