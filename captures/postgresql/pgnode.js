// node-postgres for the captures: named and unnamed statements, a cursor read in batches, COPY both ways, notifications, errors.
const { Client } = require('pg');
const Cursor = require('pg-cursor');
const copy = require('pg-copy-streams');
const { pipeline } = require('stream/promises');
const { Readable, Writable } = require('stream');

async function main() {
  const client = new Client({ host: '127.0.0.1', user: 'postgres', database: 'shop', application_name: 'node' });
  const notified = new Promise((resolve) => client.on('notification', resolve));
  await client.connect();
  await client.query('create temp table items (id int primary key, name text, data jsonb, added timestamptz)');
  for (let i = 0; i < 4; i++) {
    await client.query('insert into items values ($1, $2, $3, $4)', [i, `item ${i}`, { n: i }, new Date(1700000000000)]);
  }
  for (let i = 0; i < 4; i++) {
    await client.query({ name: 'by-id', text: 'select * from items where id = $1', values: [i] });
  }
  await client.query({ text: 'select id, data from items where id > $1', values: [0], rowMode: 'array', binary: true });
  await client.query('select 1; select 2');
  for (const [text, code] of [['select nosuch', '42703'], ["insert into items (id) values (1)", '23505']]) {
    const err = await client.query(text).catch((e) => e);
    if (err.code !== code) throw err;
  }
  const err = await client.query('select 1 / $1::int', [0]).catch((e) => e);
  if (err.code !== '22012') throw err;
  // Asked at once, sent one after the other.
  await Promise.all([1, 2, 3].map((n) => client.query('select $1::int', [n])));
  const cursor = client.query(new Cursor('select g from generate_series(1, $1::int) g', [20]));
  let n = 0;
  for (let rows = await cursor.read(8); rows.length > 0; rows = await cursor.read(8)) n += rows.length;
  if (n !== 20) throw new Error(`${n} rows`);
  await cursor.close();
  const early = client.query(new Cursor('select g from generate_series(1, 20) g'));
  await early.read(5);
  await early.close();
  await pipeline(Readable.from(['10\tten\t\\N\t\\N\n', '11\televen\t{}\t\\N\n']), client.query(copy.from('copy items from stdin')));
  await pipeline(client.query(copy.to('copy items to stdout')), new Writable({ write(chunk, encoding, done) { done(); } }));
  await client.query('listen orders');
  await client.query("select pg_notify('orders', 'hello')");
  await notified;
  await client.end();
}

main().catch((e) => { console.error(e); process.exit(1); });
