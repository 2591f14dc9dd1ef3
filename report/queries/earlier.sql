-- what the same model would have foretold a year ago, and each 90 days since, of the customers there were; the last row
-- has the means, and between what the next one lies in 80 % of cases
SELECT origin, customers, predicted, actual, error, error_low, error_high
FROM backtest_summary({source}, horizon => '90 days', origins => 4, as_of => {as_of}{options})
WHERE predicted IS NOT NULL AND actual IS NOT NULL
ORDER BY origin NULLS LAST
