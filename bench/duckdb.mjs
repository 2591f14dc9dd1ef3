// duckdb.mjs CSV RUNS COMMAND...: the questions of duckdb.sh in DuckDB with two threads,
// from the orders in CSV. Before each run it runs COMMAND with the question's name, the
// other side's turn, so that both meet the same weather. Prints
// question|what|value: seconds, and the numbers of the answer.

import { spawnSync } from 'node:child_process';
import { DuckDBInstance } from '@duckdb/node-api';

const [csv, runs, command, ...args] = process.argv.slice(2);

// as in work.sql: every column is used, none can be left out
const segments = `
    SELECT sum(customer)::double, count(first_order_at), count(last_order_at), sum(recency_days), sum(orders)::double,
           sum(monetary)::double, sum(aov), sum(r), sum(f), sum(m), sum(cell::int), count(segment) FILTER (WHERE segment <> 'lost')
    FROM (
      SELECT customer, first_order_at, last_order_at,
             (epoch_us(TIMESTAMPTZ '2025-01-01 00:00:00+00') - epoch_us(last_order_at)) / 86400e6 AS recency_days,
             orders, monetary, monetary / orders AS aov, r, f, m, concat(r, f, m) AS cell,
             CASE r WHEN 5 THEN CASE (f + m + 1) // 2 WHEN 1 THEN 'new_customers' WHEN 2 THEN 'potential_loyalist' WHEN 3 THEN 'potential_loyalist' ELSE 'champions' END
                    WHEN 4 THEN CASE (f + m + 1) // 2 WHEN 1 THEN 'promising' WHEN 2 THEN 'potential_loyalist' WHEN 3 THEN 'potential_loyalist' ELSE 'champions' END
                    WHEN 3 THEN CASE (f + m + 1) // 2 WHEN 1 THEN 'about_to_sleep' WHEN 2 THEN 'about_to_sleep' WHEN 3 THEN 'need_attention' ELSE 'loyal' END
                    WHEN 2 THEN CASE (f + m + 1) // 2 WHEN 1 THEN 'hibernating' WHEN 2 THEN 'hibernating' ELSE 'at_risk' END
                    ELSE CASE (f + m + 1) // 2 WHEN 1 THEN 'lost' WHEN 2 THEN 'hibernating' WHEN 3 THEN 'at_risk' ELSE 'cant_lose' END
             END AS segment
      FROM (SELECT *, greatest(1, 5 - 5 * (rank() OVER (ORDER BY last_order_at DESC) - 1) // nullif(count(*) OVER () - 1, 0))::int AS r,
                   least(5, 1 + 5 * (rank() OVER (ORDER BY orders) - 1) // nullif(count(*) OVER () - 1, 0))::int AS f,
                   least(5, 1 + 5 * (rank() OVER (ORDER BY monetary NULLS LAST) - 1) // nullif(count(monetary) OVER () - 1, 0))::int AS m
            FROM (SELECT customer_id AS customer,
                         min(ordered_at) FILTER (WHERE amount > 0 OR amount IS NULL) AS first_order_at,
                         max(ordered_at) FILTER (WHERE amount > 0 OR amount IS NULL) AS last_order_at,
                         count(*) FILTER (WHERE amount > 0 OR amount IS NULL) AS orders,
                         sum(amount) AS monetary
                  FROM orders WHERE ordered_at < TIMESTAMPTZ '2025-01-01 00:00:00+00' GROUP BY customer_id)
            WHERE orders > 0))
    WHERE monetary IS NOT NULL`;
const questions = {
  'repeat_rate, bigint':
    'SELECT avg((n >= 2)::int) FROM (SELECT count(*) AS n FROM orders GROUP BY customer_id)',
  'rfm_segments of all orders': segments,
  // a history knows the amounts, and counts no row of zero or below
  'repeat_rate from a history':
    `SELECT avg((n >= 2)::int) FROM (SELECT count(*) AS n FROM orders WHERE amount > 0 OR amount IS NULL
       GROUP BY customer_id)`,
  'rfm_segments from a history': segments,
};

const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
const connection = await instance.connect();

async function timed(question, what, sql) {
  const start = process.hrtime.bigint();
  const reader = await connection.runAndReadAll(sql);
  console.log(`${question}|${what}|${Number(process.hrtime.bigint() - start) / 1e9}`);
  return reader.getRowsJson();
}

await timed('', 'load', `CREATE TABLE orders AS FROM read_csv('${csv}', header = false,
  columns = {customer_id: 'BIGINT', ordered_at: 'TIMESTAMPTZ', amount: 'DECIMAL(12, 2)'})`);
for (const [question, sql] of Object.entries(questions)) {
  const [answer] = await timed(question, 'warm-up', sql);
  answer.forEach((number, i) => console.log(`${question}|answer ${i + 1}|${number}`));
  for (let run = 0; run < runs; run++) {
    const turn = spawnSync(command, [...args, question], { stdio: ['ignore', 'ignore', 'inherit'] });
    if (turn.status !== 0) process.exit(1);
    await timed(question, 'query', sql);
  }
}
