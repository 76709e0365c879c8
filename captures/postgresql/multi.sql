-- Several statements in one query string.
select 1 \; select 2 \; select 3;
create temp table t (id int primary key) \; insert into t values (1), (2) \; insert into t select generate_series(3, 10) \; select * from t \; update t set id = id + 100 where id > 5 \; delete from t where id > 100 returning id;
insert into t values (50) \; insert into t values (1) \; insert into t values (51);
select id from t where id = 50;
select 1/1 \; select 1/0 \; select 2;
begin \; insert into t values (60) \; commit \; insert into t values (1);
select id from t where id = 60;
begin \; select 1 \; selec;
select 1;
rollback;
begin \; select 'inside' \; rollback \; select 'outside';
set application_name = 'several' \; show application_name;
-- a query of nothing
\;
   \;  /* nothing */ \; ;
\;;
