-- Value: aov, purchase_frequency, customer_value, clv, and acquisition
SET TimeZone = 'UTC';
SET extra_float_digits = 1;

-- checked by hand: three orders (one of unknown amount), a refund, a zero row,
-- a customer with a refund alone
CREATE TEMP TABLE few (customer text, ordered_at timestamptz, amount numeric);
INSERT INTO few VALUES
    ('A', '2024-01-10', 100.00), ('A', '2024-06-10', 60.00), ('A', '2024-06-12', -10.00),
    ('B', '2024-02-01', NULL), ('B', '2024-02-02', 0.00),
    ('C', '2024-03-01', -30.00), (NULL, '2024-03-02', 1000.00);
SELECT aov(amount) FILTER (WHERE customer IS NOT NULL) AS "aov 120/3",
       purchase_frequency(customer, amount) AS "frequency 3/2",
       customer_value(customer, amount) AS "value 120/2",
       clv(customer, ordered_at, amount, '1 year', '3 years', '2024-12-31') AS "clv 120/2*3",
       clv(customer, ordered_at, amount, '6 months', '1 year', '2024-07-31') AS "clv 20/2*2"
FROM few;

-- ---------------------------------------------------------------------------
-- oracles
-- ---------------------------------------------------------------------------
SELECT * FROM
    (SELECT country, aov(amount) a, purchase_frequency(customer_id, amount) f, customer_value(customer_id, amount) v,
            purchase_frequency(customer_email, amount) f2, customer_value(customer_uuid, amount) v2
     FROM shop_orders GROUP BY ROLLUP (country)) ours
    JOIN
    (SELECT country, sum(amount) / nullif(count(*) FILTER (WHERE amount > 0 IS NOT FALSE), 0) oa,
            count(*) FILTER (WHERE customer_id IS NOT NULL AND amount > 0 IS NOT FALSE)::float8
                / nullif(count(DISTINCT customer_id) FILTER (WHERE amount > 0 IS NOT FALSE), 0) ofr,
            sum(amount) FILTER (WHERE customer_id IS NOT NULL) / nullif(count(DISTINCT customer_id) FILTER (WHERE amount > 0 IS NOT FALSE), 0) ov
     FROM shop_orders GROUP BY ROLLUP (country)) theirs
    ON coalesce(ours.country, 'all') = coalesce(theirs.country, 'all')
WHERE (a, f, f2) IS DISTINCT FROM (oa, ofr, ofr) OR (v, v2)::text IS DISTINCT FROM (ov, ov)::text;

CREATE TEMP TABLE moments AS
SELECT * FROM
    (VALUES (timestamptz '2022-12-31'), ('2023-01-01 12:00'), ('2024-02-29 00:00'), ('2024-03-31 23:00'),
            ('2025-01-01'), ('2025-06-19'), ('2031-01-01')) a(as_of),
    (VALUES (interval '1 hour', interval '1 day'), ('30 days', '1 year'), ('1 month', '3 years'),
            ('1 year', '1 year'), ('2 years', '7 months'), ('100 years', '1 month 1 day')) p(period, lifetime);
-- whole months divide as months, everything else as seconds
SELECT m.*, ours.*, theirs.*
FROM moments m,
     LATERAL (SELECT clv(customer_id, ordered_at, amount, period, lifetime, as_of), clv(customer_email, ordered_at, amount, period, lifetime, as_of)
              FROM shop_orders) ours(a, b),
     LATERAL (SELECT CASE WHEN lifetime = make_interval(months => (extract(year FROM lifetime) * 12 + extract(month FROM lifetime))::int) AND period = make_interval(months => (extract(year FROM period) * 12 + extract(month FROM period))::int)
                          THEN (extract(year FROM lifetime) * 12 + extract(month FROM lifetime))::int ELSE extract(epoch FROM lifetime) * 1000000 END,
                     CASE WHEN lifetime = make_interval(months => (extract(year FROM lifetime) * 12 + extract(month FROM lifetime))::int) AND period = make_interval(months => (extract(year FROM period) * 12 + extract(month FROM period))::int)
                          THEN (extract(year FROM period) * 12 + extract(month FROM period))::int ELSE extract(epoch FROM period) * 1000000 END
              FROM (SELECT 1) x) units(above, below),
     LATERAL (SELECT sum(amount) * trunc(above) / nullif(count(DISTINCT customer_id) FILTER (WHERE amount > 0 IS NOT FALSE) * trunc(below), 0)
              FROM shop_orders
              WHERE customer_id IS NOT NULL AND ordered_at < m.as_of AND ordered_at >= (m.as_of AT TIME ZONE 'UTC' - m.period) AT TIME ZONE 'UTC') theirs(r)
WHERE a IS DISTINCT FROM r OR b IS DISTINCT FROM r;

-- the identity behind the name: CV = AOV * F, of known customers
SELECT abs(customer_value(customer_id, amount) - aov(amount) * purchase_frequency(customer_id, amount)::numeric) < 1e-8 AS holds
FROM shop_orders WHERE customer_id IS NOT NULL;

-- ---------------------------------------------------------------------------
-- money is exact: any scale, any size, any order, as the server's own sum
-- ---------------------------------------------------------------------------
CREATE TEMP TABLE amounts AS
SELECT i, CASE i % 13
            WHEN 0 THEN round(noise(i, 21)::numeric * 1e9, 2)
            WHEN 1 THEN -round(noise(i, 21)::numeric * 1e6, 5)
            WHEN 2 THEN round(noise(i, 21)::numeric, 15) / 7
            WHEN 3 THEN round(noise(i, 21)::numeric * 10, 0) * 1e17
            WHEN 4 THEN round(noise(i, 21)::numeric, 6) * 1e-30
            WHEN 5 THEN round(noise(i, 21)::numeric, 6) * 1e31
            WHEN 6 THEN -round(noise(i, 21)::numeric, 6) * 1e45
            WHEN 7 THEN 0.000
            WHEN 8 THEN (i || '00000000.0000')::numeric
            WHEN 9 THEN 10 ^ (i % 36)::numeric
            WHEN 10 THEN -(10 ^ -(i % 36)::numeric)
            WHEN 11 THEN 1e1000 * (i % 3 - 1)
            ELSE i END AS amount
FROM generate_series(1, 6000) i;
-- sums of growing sets: exact to the last decimal, with the same decimals
SELECT * FROM
    (SELECT kinds, aov(amount) ours, sum(amount) / nullif(count(*) FILTER (WHERE amount > 0), 0) theirs,
            customer_value(7, amount) value, sum(amount) sum
     FROM amounts, (VALUES ('0'), ('0,1'), ('0,1,2'), ('2'), ('3'), ('4'), ('5'), ('6,5'), ('7,8'), ('8'), ('9'), ('9,10'), ('0,11'),
                           ('0,1,2,3,4,5,6,7,8,9,10,11,12')) k(kinds)
     WHERE i % 13 = ANY (string_to_array(kinds, ',')::int[]) GROUP BY kinds) x
WHERE ours::text IS DISTINCT FROM theirs::text OR (sum > 0 OR sum < 0) AND value::text IS DISTINCT FROM (sum / 1)::text;
-- every single amount survives alone
SELECT i, amount, customer_value(7, abs(amount)) FROM amounts
WHERE amount <> 0 GROUP BY i, amount
HAVING customer_value(7, abs(amount))::text <> (abs(amount) / 1)::text;
-- sums that leave the fast range and come back are the same as those that never left
SELECT aov(a) FROM (VALUES (1.5), (9e40), (-9e40)) v(a);
SELECT aov(a) = sum(a) / 3 AS equal FROM (VALUES (99999999999999999999999999999999.9999), (99999999999999999999999999999999.9999), (0.00001)) v(a);

-- ---------------------------------------------------------------------------
-- the grid
-- ---------------------------------------------------------------------------
SELECT aov(amount), purchase_frequency(customer, amount), customer_value(customer, amount),
       clv(customer, ordered_at, amount, '1 year', '1 year', '2025-01-01') FROM few WHERE false;
SELECT aov(NULL::numeric), purchase_frequency(NULL::text, 5), customer_value(NULL::uuid, NULL),
       clv(NULL::bigint, now(), NULL, '1 year', '1 year', '2025-01-01') FROM few;
-- unknown amounts: orders without money
SELECT aov(NULL::numeric) AS aov, purchase_frequency(customer, NULL) AS frequency, customer_value(customer, NULL) AS value,
       clv(customer, ordered_at, NULL, '1 year', '1 year', '2024-12-31') AS clv FROM few;
-- refunds alone: money without an order
SELECT aov(-5), purchase_frequency('a'::text, -5), customer_value('a'::text, -5), clv('a'::text, '2024-01-01', -5, '1 year', '1 year', '2024-12-31');
SELECT aov(0), purchase_frequency('a'::text, 0), customer_value('a'::text, 0);
SELECT aov(5), purchase_frequency('a'::text, 5), customer_value('a'::text, 5), clv('a'::text, '2024-01-01', 5, '1 year', '1 year', '2024-12-31');
SELECT aov(amount) FILTER (WHERE amount > 1e6) AS none, aov(DISTINCT amount) AS "distinct", aov(amount ORDER BY amount) AS ordered,
       aov(amount) AS plain, customer_value(customer, amount) AS value, purchase_frequency(customer, amount) AS frequency,
       customer_value(customer, amount) AS again FROM few;
SELECT customer, amount, aov(amount) OVER w, customer_value(customer, amount) OVER w, purchase_frequency(customer, amount) OVER w,
       clv(customer, ordered_at, amount, '1 year', '2 years', '2024-12-31') OVER w
FROM few WINDOW w AS (ORDER BY customer, ordered_at ROWS BETWEEN 1 PRECEDING AND CURRENT ROW);
SELECT count(*), count(DISTINCT v) > 3000 AS moves FROM
    (SELECT customer_value(customer_id, amount) OVER (ORDER BY ordered_at, customer_id, amount) v FROM shop_orders LIMIT 4000) x;
-- integers are exact too
SELECT aov(9007199254740993::bigint), customer_value(1, 9007199254740993::bigint);

-- bad arguments
SELECT aov('NaN'::numeric);
SELECT aov('Infinity'::numeric);
SELECT customer_value(1, '-Infinity'::numeric);
SELECT clv(1, '2024-01-01', 'NaN', '1 year', '1 year', '2024-12-31');
SELECT clv(1, 'infinity', 1, '1 year', '1 year', '2024-12-31');
SELECT clv(1, '2024-01-01', 1, '0', '1 year', '2024-12-31');
SELECT clv(1, '2024-01-01', 1, '1 year', '-1 year', '2024-12-31');
SELECT clv(1, '2024-01-01', 1, '1 year', NULL, '2024-12-31');
SELECT clv(1, '2024-01-01', 1, '1 year', '3', '2024-12-31');
SELECT clv(1, '2024-01-01', 1, '365', '3 years', '2024-12-31');
SELECT clv(1, '2024-01-01', 1, '1 day', '170000000 years', '2024-12-31');
SELECT clv(customer, ordered_at, amount, '1 year', '1 year', ordered_at) FROM few;
SELECT aov(1.5::float8);

-- ---------------------------------------------------------------------------
-- clv_net
-- ---------------------------------------------------------------------------
SELECT clv_net(120, 3, 0.4, 0) AS no_discount, clv_net(120, 2.5, 0.4, 0) AS half_a_period,
       clv_net(100, 1, 1, 0.25) AS "100/1.25", clv_net(100, 0.5, 1, 0.25) AS "50/1.25", clv_net(100, 0, 1, 0.25) AS none,
       clv_net(100, 3, -0.1, 0) AS a_loss;
-- against the sum it stands for, in numeric
SELECT value, periods, margin, rate, clv_net(value, periods, margin, rate), round(value * margin * s, 16)
FROM (VALUES (120.50, 3, 0.4, 0.1), (99.99, 3.25, 0.35, 0.08), (1, 40, 1, 0.005), (1e9, 12.5, 0.01, 0.02), (-20, 7, 0.5, 3)) v(value, periods, margin, rate),
     LATERAL (SELECT sum(least(1, periods - k + 1) / power(1.000000000000000000000000000000000000000000000000000000000000 + rate, k))
              FROM generate_series(1, ceil(periods)::int) k) x(s)
WHERE abs(clv_net(value, periods, margin, rate) - value * margin * s) > 1e-14 * abs(value);
-- what is far too long is told by its beginning
SELECT clv_net(100, 1e400, 1, 0.25);
SELECT clv_net(100, -1e400, 1, 0.25);
SELECT payback_orders(1e16000, 1e16000, 1e-300);
SELECT clv_net(100, 10000, 0.5, 0.01);
-- what churn_rate returns, and what a typed client sends
SELECT clv_net(customer_value, 1 / churn, 0.4, churn) AS mixed, clv_net(customer_value, (1 / churn)::numeric, 0.4, churn::numeric) AS in_numeric, pg_typeof(clv_net(customer_value, 3, 0.4, churn))
FROM (VALUES (91.23, 0.3::double precision), (100, 0.1::float8 + 0.2::float8), (1234567.89, 0.25)) v(customer_value, churn);
SELECT value, periods, margin, rate FROM (VALUES (120.5, 3, 0.4, 0.1), (99.99, 3.25, 0.35, 0.08), (-20, 7, 0.5, 3)) v(value, periods, margin, rate)
WHERE clv_net(value, periods, margin, rate) <> ALL (ARRAY[clv_net(value::float8, periods, margin, rate), clv_net(value, periods, margin, rate::float8), clv_net(value::float8, periods::float8, margin::float8, rate::float8)]);
PREPARE net(float8, float8, float8, float8) AS SELECT clv_net($1, $2, $3, $4);
EXECUTE net(120, 3, 0.4, 0);
PREPARE untyped_net AS SELECT clv_net($1, $2, $3, $4);
EXECUTE untyped_net('120.50', '2.5', '0.4', '0');
SELECT clv_net('120.50', '2.5', '0.4', '0'), clv_net(100, 2, 1, 0), clv_net(123456789012345.6789, 1, 1, 0);
DEALLOCATE net;
DEALLOCATE untyped_net;
SELECT clv_net(100, 3, 0.4, 'NaN'::float8);
SELECT clv_net('-Infinity'::float8, 3, 0.4, 0.1);
SELECT clv_net(100, 10001, 0.4::float8, 0.1);
SELECT clv_net(100, 3, 40::float8, 0.1);
SELECT clv_net(NULL, 3, 0.4, 0.1), clv_net(100, NULL, 0.4, 0.1), clv_net(100, 3, NULL, 0.1), clv_net(100, 3, 0.4, NULL);
SELECT clv_net(100, -1, 0.4, 0.1);
SELECT clv_net(100, 10001, 0.4, 0.1);
SELECT clv_net(100, 3, 40, 0.1);
SELECT clv_net(100, 3, 0.4, -0.1);
SELECT clv_net(100, 3, 0.4, 'NaN');
SELECT clv_net('Infinity', 3, 0.4, 0.1);

-- ---------------------------------------------------------------------------
-- cac, payback_orders, breakeven_conversion
-- ---------------------------------------------------------------------------
SELECT cac(1000, 40), cac(0, 3), cac(1000, 0), cac(NULL, 3), cac(10, 3);
SELECT cac(1000::float8, 40), cac(1000, 40::float8), cac(sum(spend), sum(customers)), cac(10.10, 3::float8), cac(10::float8, 0) FROM (VALUES (600.5, 30::bigint), (399.5, 10)) v(spend, customers);
PREPARE typed(float8, float8, float8, bigint) AS SELECT cac($1, $4), cac($1, $2), payback_orders($1, $2, $3), payback_orders(cac($1, $4), $2, $3), payback_orders(25.5, $2, 0.4), breakeven_conversion($3, 0.4, 0.1);
EXECUTE typed(1000, 60, 0.02, 40);
PREPARE untyped AS SELECT cac($1, $2), payback_orders($1, $2, $3), breakeven_conversion($3, $4, '0.1');
EXECUTE untyped('1000', '40', '0.02', '0.4');
PREPARE in_numeric(numeric) AS SELECT cac($1, 40), payback_orders($1, 60, 0.4), breakeven_conversion($1 / 100000, $1 / 2500, 0.1);
EXECUTE in_numeric(1000);
DEALLOCATE typed;
DEALLOCATE untyped;
DEALLOCATE in_numeric;
SELECT pg_typeof(cac(1000, 40)), pg_typeof(cac('1000', '40')), pg_typeof(payback_orders(25::float8, 60, 1)), cac(12345678901234567890.12, 1::bigint);
SELECT payback_orders(25, 60, 0.4), payback_orders(24, 60, 0.4), payback_orders(24.000000000000000000001, 60, 0.4),
       payback_orders(0, 60, 0.4), payback_orders(25, 60, 0), payback_orders(25, 60, -0.2), payback_orders(25, 0, 0.4), payback_orders(25, -3, 0.4);
SELECT payback_orders(0.9, 0.3, 1), payback_orders(1, 3, 1), payback_orders(100, 0.03, 1), payback_orders(2, 3e-15, 0.1), payback_orders(5, 1e-16383, 1e-16383) AS no_margin_left;
SELECT breakeven_conversion(0.02, 0.4, 0.1), breakeven_conversion(0.02, 0.4, 0), breakeven_conversion(0.02, 0.4, 0.4),
       breakeven_conversion(0.5, 0.4, 0.25), breakeven_conversion(0.02, 0, 0.1), breakeven_conversion(0.02, -1, 0.1), breakeven_conversion(NULL, 0.4, 0.1);
SELECT cac(-1, 3);
SELECT cac(1, -3);
SELECT cac('NaN', 3);
SELECT cac(1, -0.5::float8);
SELECT cac(1, 'Infinity'::float8);
SELECT payback_orders(25, 60, 'NaN'::float8);
SELECT payback_orders(1e300::float8, 1, 0.4);
SELECT payback_orders(-1, 60, 0.4);
SELECT payback_orders(25, 'Infinity', 0.4);
SELECT payback_orders(25, 60, 40);
SELECT payback_orders(1e40, 1, 0.4);
SELECT breakeven_conversion(2, 0.4, 0.1);
SELECT breakeven_conversion(0.02, 40, 0.1);
SELECT breakeven_conversion(0.02, 0.4, -0.1);
SELECT breakeven_conversion(0.02, 'NaN', 0.1);

-- breakeven_discount, the inverse of breakeven_conversion
SELECT breakeven_discount(0.025, 0.04, 0.40) AS a, breakeven_discount(0.02, 0.02, 0.4) AS b, breakeven_discount(0.05, 0.10, 0.35) AS c, breakeven_discount(0, 0.03, 0.4) AS d, breakeven_discount(0.04, 0.03, 0.4) AS worse,
       breakeven_discount(0, 0, 0.4) AS nothing, breakeven_discount(0.1, 0.2, 0) AS no_margin, breakeven_discount(NULL, 0.2, 0.4) AS unknown;
SELECT b, r, m FROM unnest('{0.01,0.1}'::float8[]) b, unnest('{0.02,0.15,0.9}'::float8[]) r, unnest('{0.1,0.6,1}'::float8[]) m
WHERE r > b AND abs(breakeven_conversion(b, m, breakeven_discount(b, r, m)) - r) > 1e-12;
SELECT breakeven_discount(1.5, 0.2, 0.4);
SELECT breakeven_discount(0.1, -0.2, 0.4);
SELECT breakeven_discount(0.1, 0.2, 40);
