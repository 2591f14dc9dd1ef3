-- each as of three moments: now, 90 days ago, and a year ago; NULL where the data do not reach back
WITH shop AS (
    SELECT order_history({customer}, {ordered_at}, {amount}) AS history, min({ordered_at}) AS first_at
    FROM {orders}
), moment AS (
    SELECT name, timestamptz {as_of} - back AS as_of
    FROM (VALUES ('now', interval '0'), ('before', '90 days'), ('year_before', '365 days')) AS moment (name, back)
), of_rows AS (
    SELECT moment.name,
           count(*) FILTER (WHERE {amount} > 0 IS NOT FALSE) AS orders, sum({amount}) AS revenue, aov({amount}) AS aov
    FROM moment JOIN {orders} ON {ordered_at} >= moment.as_of - interval '90 days' AND {ordered_at} < moment.as_of
    GROUP BY moment.name
), of_customers AS (
    SELECT moment.name, measured.*
    FROM moment,
         LATERAL (
             SELECT repeat_rate(history, '365 days', moment.as_of) AS repeat_rate,
                    second_order_rate(history, '90 days', moment.as_of) AS second_order_rate,
                    churn_rate(history, '180 days', moment.as_of - interval '90 days', moment.as_of) AS churn_rate,
                    net_revenue_retention(history, '1 year', moment.as_of) AS net_retention,
                    clv(history, '1 year', '3 years', moment.as_of) AS clv
             FROM shop
         ) AS measured
), measured AS (
    -- and the days of data that it takes: with fewer it would look worse than it was
    SELECT moment.name, moment.as_of, kpi.*
    FROM moment LEFT JOIN of_rows USING (name) LEFT JOIN of_customers USING (name),
         LATERAL (VALUES
             ('orders', coalesce(orders, 0)::numeric, interval '90 days'),
             ('revenue', revenue, '90 days'),
             ('aov', aov, '90 days'),
             ('repeat_rate', repeat_rate::numeric, '365 days'),
             ('second_order_rate', second_order_rate::numeric, '180 days'),
             ('churn_rate', churn_rate::numeric, '270 days'),
             ('net_retention', net_retention::numeric, '730 days'),
             ('clv', clv, '365 days')
         ) AS kpi (kpi, value, needs)
)
SELECT kpi,
       max(value) FILTER (WHERE name = 'now') AS value,
       max(value) FILTER (WHERE name = 'before' AND first_at <= as_of - needs + interval '1 day') AS before,
       max(value) FILTER (WHERE name = 'year_before' AND first_at <= as_of - needs + interval '1 day') AS year_before
FROM measured, shop
GROUP BY kpi
ORDER BY array_position(ARRAY['orders', 'revenue', 'aov', 'repeat_rate', 'second_order_rate', 'churn_rate', 'net_retention', 'clv'], kpi)
