SELECT month.position AS month, factor, std_error, orders
FROM season_factors((
         SELECT fit_season({customer}, {ordered_at}, {amount}, '7 days', {as_of}, {zone})
         FROM {orders}
     )) WITH ORDINALITY AS month (label, factor, std_error, orders, position)
ORDER BY month
