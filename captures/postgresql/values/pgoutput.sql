-- Messages of pgoutput as a server writes them, each behind its place in the write-ahead log, in hexadecimal digits:
--
--	psql -XAtq -d "$DATABASE_URL" -f values/pgoutput.sql >../../internal/protocol/postgresql/testdata/pgoutput.hex
--
-- The server is to be PostgreSQL 18, with wal_level = logical and max_prepared_transactions > 0. Its database is to be
-- an empty one: the script leaves nothing behind.
create type mood as enum ('sad', 'happy');
create table shop (id int primary key, name text, price numeric(10, 2), mood mood, big text);
alter table shop alter big set storage external;
create table "other shop" (a int, b text);
alter table "other shop" replica identity full;
create publication everything for all tables;
\o /dev/null
select pg_create_logical_replication_slot('dbtap', 'pgoutput', false, true);

begin;
insert into shop values (1, 'Ann', 1.50, 'happy', repeat('x', 2100)), (2, null, null, null, '');
update shop set name = 'Bob' where id = 1;
update shop set id = 3 where id = 1;
delete from shop where id = 2;
insert into "other shop" values (1, 'one');
update "other shop" set b = null;
delete from "other shop";
truncate shop, "other shop" restart identity cascade;
select pg_logical_emit_message(true, 'audit', 'a message');
commit;
select pg_logical_emit_message(false, 'beat', E'\\x00ff'::bytea);

begin;
insert into shop values (4, 'prepared');
prepare transaction 'gid 1';
commit prepared 'gid 1';
begin;
insert into shop values (5, 'prepared');
prepare transaction 'gid 2';
rollback prepared 'gid 2';

select pg_replication_origin_create('elsewhere');
select pg_replication_origin_session_setup('elsewhere');
begin;
select pg_replication_origin_xact_setup('16/B374D848', '2024-02-29 12:34:56.789+00');
insert into shop values (6, 'from elsewhere');
commit;
select pg_replication_origin_session_reset();
\o
select lsn || ' ' || encode(data, 'hex') from pg_logical_slot_get_binary_changes('dbtap', null, null, 'proto_version', '4',
	'publication_names', 'everything', 'messages', 'true', 'two_phase', 'true');

\o /dev/null
begin;
insert into shop values (7, 'binary', 12345.67, 'sad');
commit;
\o
select lsn || ' ' || encode(data, 'hex') from pg_logical_slot_get_binary_changes('dbtap', null, null, 'proto_version', '4',
	'publication_names', 'everything', 'binary', 'true');

-- the same messages in a stream have the number of their transaction
set debug_logical_replication_streaming = immediate;
\o /dev/null
begin;
insert into shop values (8, 'streamed', 1, 'happy', repeat('x', 2100));
update shop set id = 9 where id = 8;
delete from shop where id = 9;
insert into "other shop" values (1, 'one');
update "other shop" set b = 'two';
savepoint a;
insert into shop values (10, 'rolled back');
rollback to a;
truncate shop;
select pg_logical_emit_message(true, 'audit', 'a message');
commit;
begin;
insert into shop values (11, 'prepared');
prepare transaction 'gid 3';
commit prepared 'gid 3';
\o
select lsn || ' ' || encode(data, 'hex') from pg_logical_slot_get_binary_changes('dbtap', null, null, 'proto_version', '4',
	'publication_names', 'everything', 'streaming', 'parallel', 'messages', 'true', 'two_phase', 'true');

\o /dev/null
select pg_drop_replication_slot('dbtap');
select pg_replication_origin_drop('elsewhere');
drop publication everything;
drop table shop, "other shop";
drop type mood;
