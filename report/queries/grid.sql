-- r: how recently, fm: how often and for how much; 5 is best
SELECT r, (f + m + 1) / 2 AS fm, min(segment) AS segment, count(*) AS customers, sum(monetary) AS revenue
FROM rfm_segments({source}, as_of => {as_of}{options})
WHERE cell IS NOT NULL
GROUP BY r, fm
ORDER BY r DESC, fm DESC
