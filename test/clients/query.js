// query.js: what node-postgres makes of queries, for test/t/019_clients.pl
//
//	node query.js WAY <queries	a query is SQL, or {"text": …, "values": […]}; a JSON list
//
// WAY is simple, prepared, wrapped (LIMIT 0 first) or cursor. A line for each query: the
// rows as a JSON list of lists, or {"error": …}. Times stay texts, as node's have no
// microseconds; all else is what the client makes of it.
'use strict';
const { Client, types } = require('pg');

const TIMES = [1082, 1114, 1184, 1186];		// date, timestamp, timestamptz, interval

async function ask(client, way, query, name) {
	const { text, values = [] } = typeof query === 'string' ? { text: query } : query;
	const as_rows = more => client.query({ rowMode: 'array', values, ...more });

	if (way === 'simple')
		return (await as_rows({ text })).rows;
	if (way === 'prepared') {
		await as_rows({ text, name });
		return (await as_rows({ text, name })).rows;
	}
	if (way === 'wrapped') {
		const first = await as_rows({ text: `SELECT * FROM (${text}) AS wrapped LIMIT 0` });
		const all = await as_rows({ text: `SELECT * FROM (${text}) AS wrapped` });

		if (first.rows.length > 0 || first.fields.length !== all.fields.length)
			throw new Error(`LIMIT 0 has ${first.rows.length} rows of ${first.fields.length} columns`);
		return all.rows;
	}
	await client.query('BEGIN');
	await client.query(`DECLARE part CURSOR FOR ${text}`);
	const rows = [];
	for (let part; (part = (await client.query({ text: 'FETCH 40 FROM part', rowMode: 'array' })).rows).length > 0;)
		rows.push(...part);
	await client.query('COMMIT');
	return rows;
}

async function main(way) {
	const queries = JSON.parse(require('fs').readFileSync(0, 'utf8'));
	const client = new Client();

	TIMES.forEach(type => types.setTypeParser(type, value => value));
	await client.connect();
	await client.query("SET timezone = 'UTC'");
	for (const [i, query] of queries.entries()) {
		let answer;
		try {
			answer = await ask(client, way, query, `query ${i}`);
		} catch (error) {
			await client.query('ROLLBACK');
			answer = { error: error.message };
		}
		console.log(JSON.stringify(answer));
	}
	await client.end();
}

main(process.argv[2]).catch(error => {
	console.error(error);
	process.exit(1);
});
