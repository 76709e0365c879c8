# The captures of MySQL and MariaDB: see lib.sh for what a scenarios.sh is.

PORT=3306 RAW=mysqlraw

MYSQL=mysql-9.7 MARIADB=mariadb-11.8 OLD=mariadb-10.11 OLDEST=mariadb-10.5

# The users of the captures. A scan for secrets can look for the passwords: they may appear in no output.
USER1=ada PASSWORD1=pencil-4410   # caching_sha2_password of MySQL, mysql_native_password of MariaDB
USER2=edda PASSWORD2=crayon-8127  # client_ed25519
USER3=paula PASSWORD3=marker-3358 # parsec
USER4=clara PASSWORD4=quill-9064  # in the clear, checked by PAM
USER5=nora PASSWORD5=chalk-2791   # may do everything
WRONG=eraser-5573

values() {
	printf '%s\n' USER1=$USER1 PASSWORD1=$PASSWORD1 USER2=$USER2 PASSWORD2=$PASSWORD2 USER3=$USER3 PASSWORD3=$PASSWORD3 \
		USER4=$USER4 PASSWORD4=$PASSWORD4 USER5=$USER5 PASSWORD5=$PASSWORD5 WRONG=$WRONG
}

# start starts each server in a network namespace of its own, where it has the port to itself.
start() {
	local s dir=$CACHE/roots/$OLD
	root sid $MYSQL mysql-server-core,mysql-client-core
	root trixie $MARIADB mariadb-server-core,mariadb-client-core,mariadb-server,coreutils,sed,grep
	root bookworm $OLD mariadb-server-core,mariadb-client-core,mariadb-server,libmariadb-dev,coreutils,sed,grep
	root bullseye $OLDEST mariadb-server-core-10.5,mariadb-client-core-10.5,mariadb-server-10.5,coreutils,sed,grep
	server $MYSQL --mysqlx-socket=/tmp/mx.sock --secure-file-priv=
	server $MARIADB --plugin-load-add=auth_ed25519 --plugin-load-add=auth_parsec --plugin-load-add=auth_pam_v1 --pam-use-cleartext-plugin
	server $OLD --plugin-load-add=auth_ed25519 --plugin-load-add=auth_pam_v1
	server $OLDEST --plugin-load-add=auth_ed25519
	for s in $MYSQL $MARIADB $OLD $OLDEST; do
		ready $s
		sql $s "SET sql_log_bin = 0; CREATE DATABASE IF NOT EXISTS shop; CREATE DATABASE IF NOT EXISTS depot;
			CREATE USER IF NOT EXISTS $USER1@'%' IDENTIFIED BY '$PASSWORD1', $USER5@'%' IDENTIFIED BY '$PASSWORD5', guest@'%';
			GRANT ALL ON shop.* TO $USER1@'%', guest@'%'; GRANT ALL ON depot.* TO $USER1@'%', guest@'%';
			GRANT ALL ON *.* TO $USER5@'%' WITH GRANT OPTION"
	done
	sql $OLD "CREATE USER IF NOT EXISTS $USER2@'%' IDENTIFIED VIA ed25519 USING PASSWORD('$PASSWORD2')"
	sql $MARIADB "CREATE USER IF NOT EXISTS $USER3@'%' IDENTIFIED VIA parsec USING PASSWORD('$PASSWORD3')"
	for s in $MARIADB $OLD; do
		pam $s
		sql $s "CREATE USER IF NOT EXISTS $USER4@'%' IDENTIFIED VIA pam USING 'dbtap'"
	done
	gcc -I"$dir/usr/include/mariadb" "$programs/mysqlc.c" -o "$dir/tmp/mysqlc" \
		-L"$dir/usr/lib/$(gcc -print-multiarch)" -lmariadb -Wl,--unresolved-symbols=ignore-in-shared-libs
	node_packages mysql2@3.24.5
}

# server NAME FLAG... starts it in the background.
server() {
	local name=$1 dir=$CACHE/roots/$1 program=/usr/sbin/mariadbd
	shift
	case $name in mysql*) program=/usr/sbin/mysqld ;; esac
	if [ ! -e "$dir/data/server-key.pem" ]; then
		say "initialising $name"
		rm -rf "$dir/data"
		install -d -o 27000 -g 27000 "$dir/data"
		case $name in
		mysql*) chroot --userspec=db "$dir" $program --no-defaults --datadir=/data --initialize-insecure >/dev/null 2>&1 ;;
		*) chroot --userspec=db "$dir" /usr/bin/mariadb-install-db --no-defaults --datadir=/data \
			--auth-root-authentication-method=normal --skip-test-db --force >/dev/null ;;
		esac
		[ -e "$dir/data/server-key.pem" ] || openssl req -new -x509 -days 3650 -nodes -subj /CN=localhost \
			-out "$dir/data/server-cert.pem" -keyout "$dir/data/server-key.pem" 2>/dev/null # MariaDB makes none
		chown 27000:27000 "$dir"/data/server-*.pem
	fi
	rm -f "$dir/tmp/m.sock"
	unshare -n sh -c 'ip link set lo up; exec chroot --userspec=db "$@"' - "$dir" $program --no-defaults --datadir=/data \
		--bind-address=127.0.0.1 --socket=/tmp/m.sock --pid-file=/data/pid --local-infile=1 --max-allowed-packet=64M --server-id=1 \
		--log-bin=binlog --binlog-format=ROW --sync-binlog=0 --innodb-flush-log-at-trx-commit=0 --ssl-cert=/data/server-cert.pem \
		--ssl-key=/data/server-key.pem "$@" </dev/null >"$RUN/$name.log" 2>&1 9>&- &
	echo $! >"$RUN/$name.pid"
}

# pam makes the service that checks USER4, a user of the server's folder.
pam() {
	local etc=$CACHE/roots/$1/etc
	mkdir -p "$etc/pam.d"
	printf '%s\n' 'auth required pam_unix.so' 'account required pam_unix.so' >"$etc/pam.d/dbtap"
	grep -q "^$USER4:" "$etc/passwd" || echo "$USER4:x:27001:27001::/tmp:/bin/sh" >>"$etc/passwd"
	echo "$USER4:$(openssl passwd -6 "$PASSWORD4"):19000:0:99999:7:::" >"$etc/shadow"
	chown 27000 "$etc/shadow" # the server runs as that user
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
	[ "$wire" = "$said" ] || grep -q '"outcome":"open"' "$truth" && [ "$wire" -le "$said" ] || # cut off, behind the front
		die "$1 is not whole: $wire bytes on the wire, $said in the truth"
}

# What stands before a client: its standard input from files, a server that has forgotten passwords, that takes N
# connections only, that has one small binary log.
with() { local f=$1; shift; cat $f | "$@"; }
forgetful() { sql $MYSQL 'FLUSH PRIVILEGES'; "$@"; }
crowded() {
	local n=$1
	shift
	sql $MYSQL "SET GLOBAL max_connections = $n" && CROWD=$n "$@" && sql $MYSQL 'SET GLOBAL max_connections = DEFAULT'
}
fresh() {
	local reset='RESET MASTER'
	[ "$1" = $MYSQL ] && reset='RESET BINARY LOGS AND GTIDS'
	sql "$1" "$reset; CREATE TABLE shop.followed (id INT PRIMARY KEY, s VARCHAR(20)); INSERT INTO shop.followed VALUES (1, 'a'), (2, 'b');
		UPDATE shop.followed SET s = 'c'; DELETE FROM shop.followed; DROP TABLE shop.followed; FLUSH BINARY LOGS"
	shift
	"$@"
}
export -f with forgetful crowded fresh sql client
export CACHE MYSQL

# scenarios lists the captures: NAME, what it shows, server and flags of the front, client with arguments.
scenarios() {
	local login="$USER1:$PASSWORD1@tcp(127.0.0.1:$PORT)/shop" admin="$USER5:$PASSWORD5@tcp(127.0.0.1:$PORT)/shop"
	local guest="guest@tcp(127.0.0.1:$PORT)/shop" attrs=connectionAttributes=program_name:till
	local libmariadb="chroot $CACHE/roots/$OLD /tmp/mysqlc" node="node $programs/mysqlnode.js" s server
	local own="-h127.0.0.1 -u$USER1 -p$PASSWORD1" plain='--ssl-mode=DISABLED --get-server-public-key'
	local mysql="chroot $CACHE/roots/$MYSQL /usr/bin/mysql --no-defaults $own"
	local mariadb="chroot $CACHE/roots/$MARIADB /usr/bin/mariadb --no-defaults --skip-ssl-verify-server-cert"

	for s in mysql mariadb; do
		server=$MARIADB
		[ $s = mysql ] && server=$MYSQL
		capture text-$s 'queries of every day as text' $server mysqlgo crud "$login?$attrs"
		capture prepared-$s 'prepared statements: arguments of every kind, executed again, closed, failed' $server mysqlgo prepared "$login?parseTime=true"
		capture types-$s 'a row of every column type, as text and in binary, with its values' "$server -values" mysqlgo types "$login?charset=utf8mb4"
		capture errors-$s 'errors of many classes, warnings' $server mysqlgo errors "$login"
		capture locks-$s 'a lock waited for too long, one refused, a deadlock' $server mysqlgo locks "$login"
		capture txn-$s 'transactions: commit, rollback, savepoints, read only, autocommit off, XA' $server mysqlgo txn "$login"
		capture multi-$s 'several statements in one query, procedures with several results, an error' $server mysqlgo multi "$login?multiStatements=true"
		capture infile-$s 'LOAD DATA LOCAL INFILE with a file, an empty one, one the client refuses, one the server refuses' $server mysqlgo infile "$login"
		capture first-$s 'rows that begin with an empty text, NULL, or a text of 250, 251 and 65536 bytes' "$server -values" mysqlgo first "$login"
		capture big-$s 'inserts and results of more than 300 KB' $server mysqlgo big "$login"
		capture cancel-$s 'a query given up on by the client, one killed, a connection killed' $server mysqlgo cancel "$login"
		capture mixed-$s 'load of small exchanges on several connections, as text' $server env OPS=88 mysqlgo mixed "$login?interpolateParams=true"
		capture mixed-prepared-$s 'the same prepared' $server env OPS=88 PREPARE=1 mysqlgo mixed "$login"
		capture node-$s 'mysql2: text and prepared, pipelined, several results with an error among them, a file' "$server -values" $node session $USER1 $PASSWORD1
		capture node-zlib-$s 'the same under zlib' "$server -values" $node compressed $USER1 $PASSWORD1
		capture node-changeuser-$s 'COM_CHANGE_USER, another character set, COM_RESET_CONNECTION' $server $node changeuser $USER1 $PASSWORD1 $USER5 $PASSWORD5
		capture libmariadb-$s 'COM_STMT_SEND_LONG_DATA, executions without types, COM_STMT_RESET, cursors and COM_STMT_FETCH' "$server -values" $libmariadb statements $USER1 $PASSWORD1
		capture commands-$s 'commands that are no statements, as libmariadb sends them' $server $libmariadb commands $USER5 $PASSWORD5 $USER1 $PASSWORD1
		capture raw-segments-$s 'packets in many segments, several packets in one' $server mysqlraw segments guest
		capture raw-pipeline-$s 'requests sent before the answers to those before' $server mysqlraw pipeline guest
		capture raw-handshakes-$s 'logins of clients of several ages, and some that lead nowhere' $server mysqlraw handshakes guest
		capture raw-commands-$s 'commands unknown, out of use and for statements that are not there' $server mysqlraw commands guest
		capture raw-cursor-$s 'rows fetched in parts, with EOF and without' $server mysqlraw cursor guest
		capture modes-$s 'sql_mode and the character set changed in forms usual and odd, also in a pipeline, with texts that depend on them' \
			$([ $s = mysql ] && echo $MYSQL || echo $OLD) mysqlraw modes guest
		capture raw-left-$s 'a client that goes away within an answer, and within a request' $server mysqlraw left guest
		capture cut-$s 'the connection is reset within an answer' "$server -cut 60000" mysqlgo dropped "$login"
		capture tls-$s 'SSLRequest and TLS 1.3, with its key log' "$server -tls $OUT/tls-$s.keys" mysqlgo crud "$login?tls=skip-verify"
		capture zlib-$s 'compression by zlib: stored frames, packets across frames' $server mysqlgo big "$login?compress=true"
		capture rows-small-$s 'rows of less than 60 bytes, as text and in binary' $server env ROWS=600 WIDTH=50 mysqlgo rows "$login"
		capture rows-large-$s 'rows of some 700 bytes, as text and in binary' $server env ROWS=150 WIDTH=700 mysqlgo rows "$login"
	done
	capture rows-many 'thousands of rows of less than 60 bytes, as text and in binary' $MYSQL mysqlgo maderows "$login"
	capture demo 'a shop: prepared statements, a transaction, a duplicate key, a slow query' "$MYSQL -values" mysqlgo demo "$login?$attrs"
	capture text-mariadb-10.11 'queries of every day as text, of an older MariaDB' $OLD mysqlgo crud "$login?$attrs"
	capture text-mariadb-10.5 'the same of MariaDB 10.5' $OLDEST mysqlgo crud "$login?$attrs"
	capture types-mariadb-10.11 'a row of every column type, of an older MariaDB' "$OLD -values" mysqlgo types "$login?charset=utf8mb4"
	capture types-mariadb-10.5 'the same of MariaDB 10.5' "$OLDEST -values" mysqlgo types "$login?charset=utf8mb4"
	capture prepared-mariadb-10.11 'prepared statements of an older MariaDB' $OLD mysqlgo prepared "$login"
	capture bulk 'COM_STMT_BULK_EXECUTE, COM_STMT_EXECUTE with id -1 sent with its COM_STMT_PREPARE, definitions sent once' "$MARIADB -values" $libmariadb bulk $USER1 $PASSWORD1
	capture progress 'progress reports within the answer to ALTER TABLE' $MARIADB $libmariadb progress $USER1 $PASSWORD1
	MTU=65536 capture huge-insert 'an insert of 17 MB, in two packets' $MARIADB mysqlgo hugeinsert "$login?maxAllowedPacket=0"
	MTU=65536 capture huge-result 'a row of 17 MB, in two packets' $MYSQL mysqlgo hugeresult "$login"
	capture raw-old 'a client from before 4.1' $OLD mysqlraw old guest
	capture raw-metadata 'result sets without definitions of columns' "$MYSQL -values" mysqlraw metadata guest
	capture raw-attributes 'query attributes of several types, with queries and executions' "$MYSQL -values" mysqlraw attributes guest

	# What a client does at its prompt, and what it does on its way in.
	capture cli-mysql 'the mysql client: session tracking, warnings, procedures, another character set, query attributes' "$MYSQL -values" \
		with "$programs/session.sql $programs/attributes.sql" $mysql $plain --commands --force --comments depot
	capture cli-mariadb 'the mariadb client: the same without query attributes' "$MARIADB -values" \
		with "$programs/session.sql" $mariadb $own --skip-ssl --force --comments depot
	capture cli-zlib-mysql 'the mysql client under zlib' $MYSQL with "$programs/session.sql" $mysql $plain --commands --compression-algorithms=zlib --force depot
	capture cli-zlib-mariadb 'the mariadb client under zlib' $MARIADB with "$programs/session.sql" $mariadb $own --skip-ssl --compress --force depot
	capture cli-zstd 'the mysql client under zstd' $MYSQL with "$programs/session.sql" $mysql $plain --commands --compression-algorithms=zstd --force depot
	capture cli-tls 'the mariadb client with TLS 1.2 and zlib inside, with its key log' "$OLD -tls $OUT/cli-tls.keys -tls12" \
		with "$programs/session.sql" $mariadb $own --ssl --compress --force depot

	capture auth-sha2 'caching_sha2_password: with the RSA key, and with what the server remembers' $MYSQL forgetful mysqlgo login "$login" "$login"
	capture auth-sha2-tls 'caching_sha2_password inside TLS: the password in the clear' "$MYSQL -tls $OUT/auth-sha2-tls.keys" forgetful mysqlgo login "$login?tls=skip-verify"
	capture auth-wrong-mysql 'a wrong password' $MYSQL mysqlgo denied "$USER1:$WRONG@tcp(127.0.0.1:$PORT)/shop"
	capture auth-wrong-mariadb 'a wrong password' $MARIADB mysqlgo denied "$USER1:$WRONG@tcp(127.0.0.1:$PORT)/"
	capture auth-none 'a user without password' $MARIADB mysqlgo login "$guest"
	capture auth-ed25519 'client_ed25519, to which the server switches' $OLD mysqlgo login "$USER2:$PASSWORD2@tcp(127.0.0.1:$PORT)/"
	capture auth-parsec 'parsec' $MARIADB $mariadb -h127.0.0.1 -u$USER3 -p$PASSWORD3 --skip-ssl -e 'SELECT CURRENT_USER()'
	capture auth-clear 'mysql_clear_password, checked by PAM' $MARIADB mysqlgo login "$USER4:$PASSWORD4@tcp(127.0.0.1:$PORT)/?allowCleartextPasswords=true"
	capture auth-dialog 'dialog, checked by PAM' $OLD $mariadb -h127.0.0.1 -u$USER4 -p$PASSWORD4 --skip-ssl -e 'SELECT CURRENT_USER()'
	capture crowd 'too many connections: an error at the end of a login, and one instead of a greeting' $MYSQL crowded 3 env ADMIN="$admin" mysqlgo crowd "$login"

	# Replicas and the X protocol.
	capture binlog-mysql 'COM_REGISTER_SLAVE and COM_BINLOG_DUMP by go-mysql' $MYSQL env DBUSER=$USER5 DBPASSWORD=$PASSWORD5 mysqlgo binlog "$admin"
	capture binlog-mariadb 'the same of MariaDB' $MARIADB env DBUSER=$USER5 DBPASSWORD=$PASSWORD5 mysqlgo binlogmariadb "$admin"
	capture mysqlbinlog 'a binary log read by mysqlbinlog' $MYSQL fresh $MYSQL \
		chroot "$CACHE/roots/$MYSQL" /usr/bin/mysqlbinlog --no-defaults -h127.0.0.1 -u$USER5 -p$PASSWORD5 $plain -R binlog.000001
	capture mariadb-binlog 'a binary log read by mariadb-binlog' $MARIADB fresh $MARIADB \
		chroot "$CACHE/roots/$MARIADB" /usr/bin/mariadb-binlog --no-defaults -h127.0.0.1 -u$USER5 -p$PASSWORD5 --skip-ssl -R binlog.000001
	PORT=33060 capture x 'the X protocol, on its own port: capabilities, a login refused and one not, statements; the truth has bytes only' \
		"$MYSQL -blind -backend 127.0.0.1:33060 -listen 127.0.0.1:33060" mysqlraw x $USER1 $PASSWORD1 "$CACHE/roots/$MYSQL/tmp/mx.sock"
}
