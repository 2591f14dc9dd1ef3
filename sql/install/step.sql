
-- beside functions for types of their own, one for all types would leave open which of
-- them is meant where an argument has no type; views and the like go on with it
ALTER FUNCTION threshold_score(anycompatible, anycompatiblearray, boolean) RENAME TO threshold_score_any;

-- the second order of a cohort's customers stands before what is divided by all of them
DROP FUNCTION cohort_curve(cohort_retention_row[], double precision);
DROP AGGREGATE cohort_retention(bigint, timestamptz, numeric, text, timestamptz, text);
DROP AGGREGATE cohort_retention(text, timestamptz, numeric, text, timestamptz, text);
DROP AGGREGATE cohort_retention(uuid, timestamptz, numeric, text, timestamptz, text);
DROP FUNCTION cohort_retention(retention_state);
DROP TYPE cohort_retention_row;

ALTER TYPE lifecycle_row RENAME ATTRIBUTE churn_rate TO dormant_rate;

-- predictions say how the fit went
DROP FUNCTION predict_customers(anyelement, regclass, name, name, name, interval, timestamptz, interval, text, double precision, text, name);
DROP FUNCTION predict_customers(retention_state, anyelement, interval, interval, text, double precision);
DROP FUNCTION backtest(anyelement, regclass, name, name, name, timestamptz, timestamptz, text, interval, text, name);
DROP FUNCTION backtest(retention_state, retention_state, text, interval);

-- retention_check has an argument more
DROP FUNCTION retention_check(regclass, name, name, name, name, timestamptz, text);
