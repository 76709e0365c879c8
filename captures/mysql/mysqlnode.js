// Drives a server of MySQL or MariaDB with mysql2, for the captures: node mysqlnode.js SCENARIO USER PASSWORD [USER PASSWORD].
const mysql = require('mysql2/promise');
const { Readable } = require('stream');

const [scenario, user, password, user2, password2] = process.argv.slice(2);

// fails runs a step that must fail with this error number.
async function fails(step, errno) {
  try {
    await step();
  } catch (e) {
    if (e.errno === errno) return;
    throw e;
  }
  throw new Error('a step did not fail');
}

function equal(got, want) {
  if (JSON.stringify(got) !== JSON.stringify(want)) throw new Error(JSON.stringify(got) + ' is not ' + JSON.stringify(want));
}

const options = { host: '127.0.0.1', port: 3306, user, password, database: 'shop', multipleStatements: true, connectAttributes: { program_name: 'kiosk' } };

async function session(more) {
  const c = await mysql.createConnection({ ...options, ...more });
  await c.query('DROP TABLE IF EXISTS notes');
  await c.query('CREATE TABLE notes (id INT PRIMARY KEY AUTO_INCREMENT, s TEXT, d DATETIME(3), j JSON, b BLOB, x DOUBLE)');
  const values = [
    ['a', new Date(Date.UTC(2026, 2, 1, 10, 30, 0, 250)), { a: [1, 2] }, Buffer.from([0, 255]), 1.5],
    [null, null, null, null, null],
    ['', new Date(0), [], Buffer.alloc(0), -0.001],
    ['long '.repeat(80), null, 'text', Buffer.alloc(300, 7), 1e21],
  ];
  for (const v of values) await c.execute('INSERT INTO notes (s, d, j, b, x) VALUES (?, ?, ?, ?, ?)', v.map(x => (x !== null && typeof x === 'object' && !(x instanceof Date) && !Buffer.isBuffer(x)) || x === 'text' ? JSON.stringify(x) : x));
  const [text] = await c.query('SELECT * FROM notes ORDER BY id');
  const [binary] = await c.execute('SELECT * FROM notes WHERE id > ? ORDER BY id', [0]);
  equal(binary, text);
  await Promise.all([...Array(8).keys()].map(i => c.execute('SELECT s FROM notes WHERE id = ?', [i])));
  c.unprepare('SELECT s FROM notes WHERE id = ?');
  const [many] = await c.query('SELECT 1; SELECT 2, 3; UPDATE notes SET x = 0 WHERE id = 1; SELECT id FROM notes');
  equal(many.length, 4);
  await fails(() => c.query('SELECT 1; SELECT 2 UNION SELECT 3; DELETE FROM nowhere; SELECT 4'), 1146);
  await fails(() => c.execute('INSERT INTO notes (id) VALUES (?)', [1]), 1062);
  await fails(() => c.execute('SELECT ? FROM nowhere', [1]), 1146);
  await c.query('DROP PROCEDURE IF EXISTS noisy');
  await c.query("CREATE PROCEDURE noisy () BEGIN SELECT 'before'; SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'out of paper', MYSQL_ERRNO = 5001; END");
  await fails(() => c.query('CALL noisy()'), 5001);
  await c.query('DROP PROCEDURE noisy');
  await c.query({ sql: 'LOAD DATA LOCAL INFILE "lines" INTO TABLE notes (s)', infileStreamFactory: () => Readable.from([Buffer.from('one\n'), Buffer.from('two\nthree\n')]) });
  const [[{ n }]] = await c.query('SELECT COUNT(*) n FROM notes');
  equal(n, 7);
  await c.ping();
  await c.beginTransaction();
  await c.query('DELETE FROM notes');
  await c.rollback();
  await c.query('SELECT REPEAT("compressible ", 3000) AS r, ?', ['x'.repeat(20000)]);
  await c.query('DROP TABLE notes');
  await c.end();
}

async function changeUser() {
  const c = await mysql.createConnection(options);
  await c.query('SELECT CURRENT_USER()');
  await c.changeUser({ user: user2, password: password2, database: 'depot' });
  await c.query('SELECT DATABASE()');
  await c.changeUser({ user, password, database: 'shop', charset: 'LATIN1_SWEDISH_CI' });
  const [[row]] = await c.query("SELECT 'Käse' AS k, DATABASE() AS d");
  equal([row.k, row.d], ['Käse', 'shop']);
  if (c.reset) await c.reset();
  await c.end();
}

const scenarios = { session: () => session({}), compressed: () => session({ compress: true }), tls: () => session({ ssl: { rejectUnauthorized: false } }), changeuser: changeUser };
scenarios[scenario]().catch(e => {
  console.error(e);
  process.exit(1);
});
