create type mood as enum ('sad', 'ok', 'very "happy"');
create type address as (street text, no int, since date);
create domain positive as int check (value > 0);
create table stock (id int primary key, name text not null, data jsonb, price numeric(8,2), added timestamptz);
insert into stock select g, 'item ' || g, jsonb_build_object('n', g, 'tags', array['a', 'b']), g * 1.25, '2024-01-01'::timestamptz + g * interval '1 hour'
	from generate_series(1, 2000) g;
grant all on all tables in schema public to public;
grant create on schema public to public;
