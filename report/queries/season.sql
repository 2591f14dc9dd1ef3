-- nothing without two full years of orders
WITH model AS (
    SELECT fit_season({customer}, {ordered_at}, {amount}, '7 days', {as_of}, {zone}) AS season
    FROM {orders}
)
SELECT factor.position AS month, factor.factor, factor.std_error, factor.orders
FROM model, season_factors(season) WITH ORDINALITY AS factor (label, factor, std_error, orders, position)
WHERE (season).status = 'ok'
ORDER BY month
