\set id random(1, 1900)
\set n random(1, 5)
begin;
update stock set price = price + :n::int where id = :id;
select name, price from stock where id = :id;
select id, name, data from stock where id between :id and :id::int + :n::int order by id;
insert into stock values (:id, 'again') on conflict (id) do nothing;
end;
select count(*) from stock where id < :id and name <> 'item 7';
delete from stock where id = -:id::int;
