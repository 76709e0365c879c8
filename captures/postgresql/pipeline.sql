-- psql's own way to the extended protocol, and pipelines.
select $1::int as n, $2 as s \bind 42 text \g
\parse one
select $1::int + 1
\parse one
select 1 \parse two
\bind_named two \g
select $1::int * 2 \parse three
\bind_named three 21 \g
\close_prepared three
\bind_named three 21 \g
select 1 as a, 'x' as b, now() as c \gdesc
select nosuch \gdesc
\startpipeline
select 1 \bind \sendpipeline
select $1 \bind x \sendpipeline
select $1::int \parse four
\bind_named four 4 \sendpipeline
\syncpipeline
select 1/0 \bind \sendpipeline
select 'never run' \bind \sendpipeline
\bind_named four 5 \sendpipeline
\syncpipeline
select 'after' \bind \sendpipeline
\flushrequest
\getresults 1
select 'last' \bind \sendpipeline
\close_prepared four
\endpipeline
\startpipeline
begin \bind \sendpipeline
create temp table t (id int primary key) \bind \sendpipeline
insert into t values ($1) \bind 1 \sendpipeline
insert into t values ($1) \bind 1 \sendpipeline
commit \bind \sendpipeline
\endpipeline
\startpipeline
\syncpipeline
\syncpipeline
\endpipeline
rollback;
\set FETCH_COUNT 3
select g from generate_series(1, 10) g;
