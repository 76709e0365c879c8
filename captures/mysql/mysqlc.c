/* Drives a server of MySQL or MariaDB with libmariadb, for the captures: mysqlc SCENARIO USER PASSWORD [USER PASSWORD].
   A step that fails when it should not, or does not fail when it should, ends the program with an error. */
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static MYSQL *m;

static void die(const char *step) {
	fprintf(stderr, "%s: %s\n", step, mysql_error(m));
	exit(1);
}

#define OK(step) do { if (step) die(#step); } while (0)
#define FAILS(step, number) do { if (!(step) || mysql_errno(m) != number) die("not as expected: " #step); } while (0)

static void report(const MYSQL *c, unsigned stage, unsigned stages, double done, char *what, unsigned length) {
	printf("stage %u of %u: %.0f%% %.*s\n", stage, stages, done, (int)length, what);
}

static MYSQL *login(char **user, unsigned long flags) {
	MYSQL *c = mysql_init(NULL);
	my_bool off = 0;
	mysql_options(c, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &off);
	mysql_options(c, MYSQL_PROGRESS_CALLBACK, report);
	mysql_options4(c, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", "depot");
	if (!mysql_real_connect(c, "127.0.0.1", user[0], user[1], "shop", 3306, NULL, flags)) {
		fprintf(stderr, "login: %s\n", mysql_error(c));
		exit(1);
	}
	return c;
}

/* query runs text and reads all its results; it counts their rows. */
static int query(const char *text) {
	int rows = 0;
	if (mysql_query(m, text)) die(text);
	do {
		MYSQL_RES *r = mysql_store_result(m);
		if (r) rows += mysql_num_rows(r);
		else if (mysql_errno(m)) die(text);
		mysql_free_result(r);
	} while (!mysql_next_result(m));
	return rows;
}

static MYSQL_STMT *prepare(const char *text) {
	MYSQL_STMT *s = mysql_stmt_init(m);
	if (mysql_stmt_prepare(s, text, strlen(text))) die(mysql_stmt_error(s));
	return s;
}

static void execute(MYSQL_STMT *s) {
	if (mysql_stmt_execute(s)) die(mysql_stmt_error(s));
}

static MYSQL_BIND number(int *n) { return (MYSQL_BIND){.buffer_type = MYSQL_TYPE_LONG, .buffer = n}; }

static MYSQL_BIND string(char *s, unsigned long *n) {
	return (MYSQL_BIND){.buffer_type = MYSQL_TYPE_STRING, .buffer = s, .buffer_length = *n, .length = n};
}

/* statements: executed again without types, long data in parts, reset, cursors fetched in parts. */
static void statements(void) {
	query("DROP TABLE IF EXISTS parts");
	query("CREATE TABLE parts (id INT PRIMARY KEY, body LONGTEXT, n INT)");
	int id, n = 5;
	unsigned long length = 0;
	my_bool null = 0;
	MYSQL_STMT *s = prepare("INSERT INTO parts VALUES (?, ?, ?)");
	MYSQL_BIND in[3] = {number(&id), string("", &length), number(&n)};
	in[2].is_null = &null;
	mysql_stmt_bind_param(s, in);
	for (id = 1; id <= 4; id++) {
		null = id == 3;
		if (mysql_stmt_send_long_data(s, 1, "a first part, ", 14) || mysql_stmt_send_long_data(s, 1, "and a second", 12)) die("long data");
		execute(s);
	}
	if (mysql_stmt_send_long_data(s, 1, "never used", 10) || mysql_stmt_reset(s)) die("reset");
	for (; id <= 30; id++) execute(s); /* without long data, and mostly without types */
	id = 7;
	if (!mysql_stmt_execute(s) || mysql_stmt_errno(s) != 1062) die("no duplicate");
	mysql_stmt_close(s);

	s = prepare("SELECT id, body, n FROM parts WHERE id <> ?");
	unsigned long cursor = CURSOR_TYPE_READ_ONLY, rows = 8;
	mysql_stmt_attr_set(s, STMT_ATTR_CURSOR_TYPE, &cursor);
	mysql_stmt_attr_set(s, STMT_ATTR_PREFETCH_ROWS, &rows);
	id = 9;
	MYSQL_BIND one = number(&id);
	for (int all = 1; all >= 0; all--) { /* the second cursor is left in the midst */
		mysql_stmt_bind_param(s, &one);
		execute(s);
		char body[100];
		unsigned long size = sizeof body;
		int got, count = 0, value;
		MYSQL_BIND out[3] = {number(&got), string(body, &size), number(&value)};
		out[1].buffer_length = sizeof body;
		mysql_stmt_bind_result(s, out);
		while ((all || count < 10) && !mysql_stmt_fetch(s)) count++;
		if (count != (all ? 29 : 10)) die("rows");
		mysql_stmt_free_result(s);
	}
	mysql_stmt_close(s);
	query("DROP TABLE parts");
}

/* bulk: what only MariaDB has: many rows at once, results of each, preparing and executing in one go, metadata once. */
static void bulk(void) {
	enum { N = 40 };
	int ids[N];
	char *names[N], *null[] = {"", "Ann", "B"};
	unsigned long lengths[N];
	char indicators[N];
	query("DROP TABLE IF EXISTS people");
	query("CREATE TABLE people (id INT PRIMARY KEY, name VARCHAR(20) DEFAULT 'nobody')");
	for (int i = 0; i < N; i++) {
		ids[i] = i;
		names[i] = null[i % 3];
		lengths[i] = strlen(names[i]);
		indicators[i] = i % 5 == 4 ? STMT_INDICATOR_NULL : i % 7 == 6 ? STMT_INDICATOR_DEFAULT : STMT_INDICATOR_NONE;
	}
	MYSQL_BIND in[2] = {
		{.buffer_type = MYSQL_TYPE_LONG, .buffer = ids},
		{.buffer_type = MYSQL_TYPE_STRING, .buffer = names, .length = lengths, .u.indicator = indicators},
	};
	unsigned int size = N;
	MYSQL_STMT *s = prepare("INSERT INTO people VALUES (?, ?)");
	mysql_stmt_attr_set(s, STMT_ATTR_ARRAY_SIZE, &size);
	mysql_stmt_bind_param(s, in);
	execute(s);
	if (mysql_stmt_affected_rows(s) != N) die("affected");
	if (!mysql_stmt_execute(s) || mysql_stmt_errno(s) != 1062) die("no duplicate");
	mysql_stmt_close(s);
	s = prepare("DELETE FROM people WHERE id = ? AND ? <> 'x' RETURNING id");
	size = 3;
	mysql_stmt_attr_set(s, STMT_ATTR_ARRAY_SIZE, &size);
	mysql_stmt_bind_param(s, in);
	if (!mysql_stmt_execute(s)) while (!mysql_stmt_next_result(s));
	mysql_stmt_close(s);

	int id = 11;
	MYSQL_BIND one = number(&id);
	const char *direct[] = {"SELECT id, name FROM people WHERE id > ?", "UPDATE people SET name = 'C' WHERE id = ?", "SELECT nothing FROM people WHERE id = ?"};
	for (int i = 0; i < 3; i++) { /* PREPARE and EXECUTE are sent before either is answered */
		s = mysql_stmt_init(m);
		unsigned int params = 1;
		mysql_stmt_attr_set(s, STMT_ATTR_PREBIND_PARAMS, &params);
		mysql_stmt_bind_param(s, &one);
		int failed = mariadb_stmt_execute_direct(s, direct[i], strlen(direct[i]));
		if (failed != (i == 2)) die("direct");
		if (!failed && mysql_stmt_field_count(s)) mysql_stmt_store_result(s);
		mysql_stmt_close(s);
	}
	s = prepare("SELECT id, name FROM people WHERE id < ?"); /* later executions do not tell the columns again */
	mysql_stmt_bind_param(s, &one);
	for (id = 6; id < 12; id += 2) {
		execute(s);
		mysql_stmt_store_result(s);
		if (!mysql_stmt_num_rows(s)) die("rows");
		mysql_stmt_free_result(s);
	}
	mysql_stmt_close(s);
	query("DROP TABLE people");
}

/* commands: those that are no statements. user may do everything, other only log in. */
static void commands(char **user, char **other) {
	query("CREATE TABLE IF NOT EXISTS listed (id INT, name VARCHAR(20) DEFAULT 'none')");
	OK(mysql_ping(m));
	OK(mysql_select_db(m, "depot"));
	FAILS(mysql_select_db(m, "nowhere"), 1049);
	OK(mysql_select_db(m, "shop"));
	if (!mysql_stat(m)) die("statistics");
	MYSQL_RES *r = mysql_list_fields(m, "listed", NULL);
	if (r) mysql_free_result(r); /* MySQL 9 does not know the command any more */
	OK(mysql_set_server_option(m, MYSQL_OPTION_MULTI_STATEMENTS_OFF));
	FAILS(mysql_query(m, "SELECT 1; SELECT 2"), 1064);
	OK(mysql_set_server_option(m, MYSQL_OPTION_MULTI_STATEMENTS_ON));
	if (query("SELECT 1; SELECT 2") != 2) die("two results");
	OK(mysql_dump_debug_info(m));
	mysql_refresh(m, REFRESH_STATUS);
	if ((r = mysql_list_processes(m))) mysql_free_result(r);
	OK(mysql_query(m, "SET @kept = 1"));
	OK(mysql_reset_connection(m));
	MYSQL *victim = login(other, 0);
	mysql_kill(m, mysql_thread_id(victim));
	FAILS(mysql_kill(m, 4000000000u), mysql_errno(m));
	mysql_close(victim);
	OK(mysql_change_user(m, other[0], other[1], "shop"));
	OK(mysql_query(m, "SELECT 1"));
	mysql_free_result(mysql_store_result(m));
	OK(mysql_change_user(m, user[0], user[1], NULL));
	OK(mysql_select_db(m, "shop"));
	query("DROP TABLE listed");
	FAILS(mysql_change_user(m, other[0], "eraser-5573", "shop"), 1045);
	mysql_close(m);
	m = NULL;
}

/* progress: what takes longer than a second reports how far it is. */
static void progress(void) {
	query("SET progress_report_time = 1");
	query("CREATE OR REPLACE TABLE slow (id INT PRIMARY KEY, a VARCHAR(60), b INT) ENGINE = Aria "
		"SELECT seq AS id, MD5(seq) AS a, seq % 7 AS b FROM seq_1_to_400000");
	query("ALTER TABLE slow ADD KEY (a), ADD KEY (b, a), ENGINE = InnoDB");
	query("DROP TABLE slow");
}

int main(int argc, char **argv) {
	char **user = argv + 2;
	m = login(user, CLIENT_MULTI_STATEMENTS);
	if (!strcmp(argv[1], "statements")) statements();
	else if (!strcmp(argv[1], "bulk")) bulk();
	else if (!strcmp(argv[1], "progress")) progress();
	else if (!strcmp(argv[1], "commands")) commands(user, argv + 4);
	else die("no such scenario");
	if (m) mysql_close(m);
	return 0;
}
