SELECT segment, customers, share, revenue, revenue_share, aov, median_recency_days
FROM segment_summary({source}, as_of => {as_of}{options})
ORDER BY revenue_share DESC NULLS LAST, customers DESC, segment
