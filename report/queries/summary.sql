WITH shop AS (
    SELECT count(*) FILTER (WHERE {amount} > 0 IS NOT FALSE) AS orders,
           count(DISTINCT {customer}) AS customers,
           min({ordered_at}) AS first_at,
           max({ordered_at}) AS last_at,
           count(*) FILTER (WHERE {amount} < 0) AS refunds,
           count(*) FILTER (WHERE {customer} IS NULL) AS guest_rows,
           aov({amount}) AS aov,
           order_history({customer}, {ordered_at}, {amount}) AS history
    FROM {orders}
    WHERE {ordered_at} < {as_of}
), measured AS (
    -- NULL of what a shop is too young for
    SELECT repeat_rate(history) AS repeat_rate,
           second_order_rate(history, '90 days', {as_of}) AS second_order_rate,
           CASE WHEN min(first_at) < max(last_at) + interval '1 day' - interval '180 days' THEN inactive_rate(history, '180 days', {as_of}) END AS inactive_rate,
           purchase_frequency(history) AS orders_each,
           customer_value(history) AS value_so_far,
           CASE WHEN min(first_at) < max(last_at) + interval '1 day' - interval '1 year' THEN clv(history, '1 year', '3 years', {as_of}) END AS clv,
           CASE WHEN min(first_at) <= max(last_at) - interval '2 years' THEN gross_revenue_retention(history, '1 year', {as_of}) END AS gross_retention,
           CASE WHEN min(first_at) <= max(last_at) - interval '2 years' THEN net_revenue_retention(history, '1 year', {as_of}) END AS net_retention
    FROM shop
), best AS (
    SELECT count(*) AS customers
    FROM hero_buyers({source}, share => 0.5, as_of => {as_of}{options})
), at_risk AS (
    SELECT count(*) AS customers, sum(monetary) AS revenue
    FROM rfm_segments({source}, as_of => {as_of}{options})
    WHERE segment IN ('at_risk', 'cant_lose')
), next_year AS (
    -- NULL where a model of a few customers lies at its bounds
    SELECT sum(expected_orders) FILTER (WHERE is_known) AS orders, sum(predicted_clv) FILTER (WHERE is_known) AS revenue
    FROM (
        SELECT expected_orders, predicted_clv,
               count(*) OVER () >= 30 OR model_status !~ 'no interior maximum|no fit' AS is_known
        FROM predict_customers({source}, horizon => '365 days', as_of => {as_of}{options})
    ) AS predicted
)
SELECT shop.orders, shop.customers, first_at, last_at, refunds, guest_rows, repeat_rate, second_order_rate, inactive_rate,
       aov, orders_each, value_so_far, clv, gross_retention, net_retention,
       best.customers AS best_customers, best.customers::float8 / nullif(shop.customers, 0) AS best_share,
       at_risk.customers AS at_risk_customers, at_risk.revenue AS at_risk_revenue,
       next_year.orders AS next_year_orders, next_year.revenue AS next_year_revenue
FROM shop, measured, best, at_risk, next_year
