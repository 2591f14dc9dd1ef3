// duckdb.mjs CSV RUNS COMMAND...: repeat_rate in DuckDB with two threads, from the
// orders in CSV. Before each run it runs COMMAND, the other side's turn, so that both
// meet the same weather. Prints what|value: seconds, and the answer itself.

import { spawnSync } from 'node:child_process';
import { DuckDBInstance } from '@duckdb/node-api';

const [csv, runs, command, ...args] = process.argv.slice(2);
const query =
  'SELECT avg((n >= 2)::int) FROM (SELECT count(*) AS n FROM orders GROUP BY customer_id)';

const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
const connection = await instance.connect();

async function timed(what, sql) {
  const start = process.hrtime.bigint();
  const reader = await connection.runAndReadAll(sql);
  console.log(`${what}|${Number(process.hrtime.bigint() - start) / 1e9}`);
  return reader.getRowsJson();
}

await timed('load', `CREATE TABLE orders AS FROM read_csv('${csv}', header = false,
  columns = {customer_id: 'BIGINT', ordered_at: 'TIMESTAMPTZ', amount: 'DECIMAL(12, 2)'})`);
const [[answer]] = await timed('warm-up', query);
console.log(`answer|${answer}`);
for (let run = 0; run < runs; run++) {
  const turn = spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (turn.status !== 0) process.exit(1);
  await timed('query', query);
}
