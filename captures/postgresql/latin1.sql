-- SQL and errors in LATIN1.
\encoding LATIN1
select 'déjà vu' as "café", length('ñandú');
select 1 as "größe" where 'é' = 'é';
select * from "naïve";
select chr(8364);
create temp table übung (straße text);
insert into übung values ('Ärger'), (null);
select * from übung where straße = $1 \bind 'Ärger' \g
do $$ begin raise notice 'ça va'; end $$;
set client_encoding = 'UTF8';
select 'plain';
