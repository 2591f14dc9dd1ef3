SELECT churn_risk, count(*) AS customers, sum(expected_orders) AS expected_orders,
       sum(predicted_clv) AS expected_revenue, sum(historic_clv) AS revenue_so_far
FROM predict_customers({source}, horizon => '365 days', as_of => {as_of}{options})
GROUP BY churn_risk
ORDER BY array_position(ARRAY['high', 'medium', 'low'], churn_risk)
