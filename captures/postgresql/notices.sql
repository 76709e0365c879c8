-- Notices and warnings of every level.
drop table if exists nosuch;
commit;
begin;
begin;
commit;
set client_min_messages = debug1;
do $$ begin raise debug 'a debug line'; raise log 'a log line'; raise info 'an info line'; raise notice 'a notice'; raise warning 'a warning' using hint = 'look up', detail = 'and down', errcode = '01DBT'; end $$;
reset client_min_messages;
create temp table t (id int);
create table if not exists pg_temp.t (id int);
truncate t \; select 1 \; drop table if exists x1, x2 \; select 2;
do $$ begin for i in 1..20 loop raise notice 'step % of 20', i; end loop; end $$;
do $$ begin raise notice 'before the error'; raise exception 'the error'; end $$;
select pg_advisory_unlock(1);
vacuum pg_database \; analyze nosuch;
create function f() returns setof int language plpgsql as $$ begin raise notice 'one'; return next 1; raise notice 'two'; return next 2; return; end $$;
select * from f();
drop function f;
