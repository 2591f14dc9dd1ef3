SELECT customer::text AS customer, x + 1 AS order_days, historic_clv AS revenue_so_far,
       round(7 * (age - t_x)) AS days_silent,
       p_order, churn_risk
FROM predict_customers({source}, horizon => '365 days', as_of => {as_of}{options})
WHERE churn_risk IN ('medium', 'high')
ORDER BY historic_clv DESC NULLS LAST, p_order, customer
LIMIT {names}
