// Drives a MongoDB server with the Node driver, for the captures: node mongonode.js URI.
const { MongoClient } = require('mongodb');

// fails runs a step that must fail.
async function fails(step) {
  try {
    await step();
  } catch {
    return;
  }
  throw new Error('a step did not fail');
}

const sleep = ms => new Promise(done => setTimeout(done, ms));

async function main(uri) {
  const client = new MongoClient(uri, { appName: 'kiosk' });
  await client.connect();
  const col = client.db('kiosk').collection('papers');
  await col.drop().catch(() => {});
  await col.insertMany([...Array(30).keys()].map(i => ({ _id: i, kind: i % 7, title: 'paper ' + i })));
  await col.find({}).batchSize(12).toArray();
  const cursor = col.find({}).batchSize(5);
  await cursor.next();
  await cursor.close();
  await col.updateMany({ kind: 1 }, { $inc: { kind: 10 } });
  await col.aggregate([{ $group: { _id: '$kind', n: { $sum: 1 } } }]).toArray();
  await Promise.all([...Array(8).keys()].map(i => col.findOne({ _id: i })));
  await fails(() => col.insertOne({ _id: 3 }));
  await fails(() => client.db('kiosk').command({ fly: 1 }));
  await col.insertOne({ _id: 'quiet' }, { writeConcern: { w: 0 } });
  await col.bulkWrite([{ insertOne: { document: { _id: 'b' } } }, { deleteOne: { filter: { _id: 'b' } } }]);
  await col.distinct('kind');
  await sleep(1200); // a few answers of the monitor's hello
  await col.drop();
  await client.close();
}

main(process.argv[2]).catch(e => {
  console.error(e);
  process.exit(1);
});
