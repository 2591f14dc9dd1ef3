-- report.sql: the tables of the report, as views over the measurements

CREATE VIEW bench.median AS
SELECT position, contender, workers,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS seconds,
       to_char(percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds), 'FM990.00')
           || to_char(min(seconds), ' (FM990.00)') AS shown
FROM bench.lap
GROUP BY position, contender, workers;

-- how many times a takes b's time, beside what was promised
CREATE FUNCTION bench.times(a double precision, b double precision, sign text DEFAULT '', target numeric DEFAULT NULL)
RETURNS text LANGUAGE sql
RETURN to_char(a / b, 'FM990.00') || coalesce(' (' || sign || ' ' || target || ')', '');

-- 'met' or the promises that were not kept; nothing where nothing was promised
CREATE FUNCTION bench.verdict(
    low double precision, at_most numeric,
    high double precision DEFAULT NULL, at_least numeric DEFAULT NULL)
RETURNS text LANGUAGE sql
RETURN CASE
    WHEN at_most IS NULL AND at_least IS NULL THEN NULL
    ELSE coalesce(nullif(concat_ws(', ',
             CASE WHEN low > at_most THEN 'above ' || at_most END,
             CASE WHEN high < at_least THEN 'below ' || at_least END), ''), 'met')
END;

CREATE VIEW bench.report_serial AS
SELECT w.name AS "one process",
       ours.shown AS "ours, s", scan.shown AS "bare scan, s", sql.shown AS "SQL, s", tuned.shown AS "tuned SQL, s",
       bench.times(ours.seconds, scan.seconds, '≤', w.most_scans) AS "ours ÷ scan",
       bench.times(sql.seconds, ours.seconds, '≥', w.least_speedup) AS "SQL ÷ ours",
       bench.times(tuned.seconds, ours.seconds) AS "tuned SQL ÷ ours",
       bench.verdict(ours.seconds / scan.seconds, w.most_scans, sql.seconds / ours.seconds, w.least_speedup) AS "verdict"
FROM bench.work AS w
JOIN bench.median AS ours ON ours.position = w.position AND ours.contender = 'ours'
LEFT JOIN bench.median AS scan ON scan.position = w.position AND scan.contender = 'scan'
LEFT JOIN bench.median AS sql ON sql.position = w.position AND sql.contender = 'sql'
LEFT JOIN bench.median AS tuned ON tuned.position = w.position AND tuned.contender = 'tuned'
WHERE w.section = 'serial'
ORDER BY w.position;

CREATE VIEW bench.report_histories AS
SELECT w.name AS "histories",
       ours.shown AS "history, s", scan.shown AS "bare scan of the orders, s", rows.shown AS "ours over the orders, s", paired.shown AS "history, two workers, s",
       bench.times(ours.seconds, scan.seconds, '≤', w.most_scans) AS "history ÷ scan",
       bench.times(rows.seconds, ours.seconds) AS "orders ÷ history",
       bench.times(ours.seconds, paired.seconds, '≥', w.least_gain) AS "one process ÷ two workers",
       bench.verdict(ours.seconds / scan.seconds, w.most_scans, ours.seconds / paired.seconds, w.least_gain) AS "verdict"
FROM bench.work AS w
JOIN bench.median AS ours ON ours.position = w.position AND ours.contender = 'ours' AND ours.workers = 0
JOIN bench.median AS scan ON scan.position = w.position AND scan.contender = 'scan'
LEFT JOIN bench.median AS rows ON rows.position = w.position AND rows.contender = 'sql'
LEFT JOIN bench.median AS paired ON paired.position = w.position AND paired.contender = 'ours' AND paired.workers > 0
WHERE w.section = 'histories'
ORDER BY w.position;

CREATE VIEW bench.report_parallel AS
SELECT w.name AS "two workers",
       alone.shown AS "ours, one process, s",
       ours.shown AS "ours, s", sql.shown AS "SQL, s", tuned.shown AS "tuned SQL, s",
       bench.times(alone.seconds, ours.seconds, '≥', w.least_gain) AS "one process ÷ two workers",
       bench.times(sql.seconds, ours.seconds, '≥', w.least_speedup) AS "SQL ÷ ours",
       bench.times(tuned.seconds, ours.seconds) AS "tuned SQL ÷ ours",
       coalesce(bench.verdict(NULL, NULL, alone.seconds / ours.seconds, w.least_gain),
                bench.verdict(NULL, NULL, sql.seconds / ours.seconds, w.least_speedup)) AS "verdict"
FROM bench.work AS w
JOIN bench.median AS alone ON alone.position = w.position AND alone.contender = 'ours' AND alone.workers = 0
JOIN bench.median AS ours ON ours.position = w.position AND ours.contender = 'ours' AND ours.workers > 0
LEFT JOIN bench.median AS sql ON sql.position = w.position AND sql.contender = 'sql'
LEFT JOIN bench.median AS tuned ON tuned.position = w.position AND tuned.contender = 'tuned'
WHERE w.section = 'parallel'
ORDER BY w.position;

-- Linear: ours stays as far from the server's own count() over the same groups or
-- frames as in the smallest of a series. (The time of a row alone would not do: it
-- grows for count() too, as its groups leave the processor's caches.)
CREATE VIEW bench.report_growth AS
SELECT name AS "growth", size AS "groups or rows", ours_shown AS "ours, s", scan_shown AS "count(), s",
       to_char(1e6 * ours / size, 'FM990.00') AS "ours, µs each",
       bench.times(ours, scan) AS "ours ÷ count()",
       bench.times(ours / scan, smallest, '≤', 1.5) AS "against the smallest",
       bench.verdict(ours / scan / smallest, 1.5) AS "verdict"
FROM (SELECT w.position, w.name, w.size,
             ours.seconds AS ours, ours.shown AS ours_shown, scan.seconds AS scan, scan.shown AS scan_shown,
             first_value(ours.seconds / scan.seconds) OVER (PARTITION BY w.name ORDER BY w.size) AS smallest
      FROM bench.work AS w
      JOIN bench.median AS ours ON ours.position = w.position AND ours.contender = 'ours'
      JOIN bench.median AS scan ON scan.position = w.position AND scan.contender = 'scan'
      WHERE w.section = 'growth') AS s
ORDER BY position;

CREATE VIEW bench.report_memory AS
SELECT name AS "memory", round(bytes, 1) || coalesce(' (≤ ' || at_most || ')', '') AS "bytes",
       bench.verdict(bytes::double precision, at_most) AS "verdict"
FROM bench.memory
ORDER BY position;
