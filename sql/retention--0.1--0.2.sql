/* sql/retention--0.1--0.2.sql */

-- complain if script is sourced in psql, rather than via ALTER EXTENSION
\echo Use "ALTER EXTENSION retention UPDATE TO '0.2'" to load this file. \quit

-- ---------------------------------------------------------------------------
-- purchase summary: what the predictive models are told of a customer
-- ---------------------------------------------------------------------------

CREATE TYPE purchase_summary_row AS (
    orders bigint,
    first_order_at timestamptz,
    last_order_at timestamptz,
    revenue numeric,
    x bigint,
    t_x double precision,
    age double precision,
    mean_repeat_value numeric
);
COMMENT ON TYPE purchase_summary_row IS
'a customer as the predictive models see one: x days with an order after the first, t_x and age in units of "unit", mean money of those x days';

CREATE FUNCTION purchase_summary(state retention_state)
RETURNS purchase_summary_row
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION purchase_summary(retention_state) IS
'reads purchase_summary from a stored state of one customer';

CREATE FUNCTION purchase_summary_transfn(retention_state, timestamptz, numeric, interval, timestamptz, text) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE purchase_summary(ordered_at timestamptz, amount numeric, unit interval, as_of timestamptz, tz text) (
    SFUNC = purchase_summary_transfn,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    FINALFUNC = purchase_summary,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE purchase_summary(timestamptz, numeric, interval, timestamptz, text) IS
'one customer''s history as the predictive models need it, for GROUP BY customer: orders, first and last, revenue (money, refunds included); x: days with an order, less the first; t_x and age: time from the first day to the last, and to the day of as_of, in units (whole days, such as 7 days); mean_repeat_value: money of the orders after the first day, per day with one: SELECT customer_id, (purchase_summary(ordered_at, amount, ''7 days'', now(), ''UTC'')).* FROM orders WHERE customer_id IS NOT NULL GROUP BY customer_id';

CREATE AGGREGATE purchase_summary_state(ordered_at timestamptz, amount numeric, unit interval, as_of timestamptz, tz text) (
    SFUNC = purchase_summary_transfn,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE purchase_summary_state(timestamptz, numeric, interval, timestamptz, text) IS
'state of purchase_summary, to store, merge with rollup() and read with purchase_summary()';

CREATE FUNCTION purchase_days_state_transfn_bigint(retention_state, bigint, timestamptz, numeric, timestamptz, text) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE purchase_days_state(customer bigint, ordered_at timestamptz, amount numeric, as_of timestamptz, tz text) (
    SFUNC = purchase_days_state_transfn_bigint,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE purchase_days_state(bigint, timestamptz, numeric, timestamptz, text) IS
'the days that every customer ordered on until as_of, with their money, to store, merge with rollup() and read with predict_customers() and backtest()';

CREATE FUNCTION purchase_days_state_transfn_text(retention_state, text, timestamptz, numeric, timestamptz, text) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE purchase_days_state(customer text, ordered_at timestamptz, amount numeric, as_of timestamptz, tz text) (
    SFUNC = purchase_days_state_transfn_text,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE purchase_days_state(text, timestamptz, numeric, timestamptz, text) IS
'the days that every customer ordered on until as_of, with their money, to store, merge with rollup() and read with predict_customers() and backtest()';

CREATE FUNCTION purchase_days_state_transfn_uuid(retention_state, uuid, timestamptz, numeric, timestamptz, text) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE purchase_days_state(customer uuid, ordered_at timestamptz, amount numeric, as_of timestamptz, tz text) (
    SFUNC = purchase_days_state_transfn_uuid,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE purchase_days_state(uuid, timestamptz, numeric, timestamptz, text) IS
'the days that every customer ordered on until as_of, with their money, to store, merge with rollup() and read with predict_customers() and backtest()';

-- ---------------------------------------------------------------------------
-- models: of when customers buy and leave, and of what they spend
-- ---------------------------------------------------------------------------

CREATE TYPE btyd_model AS (
    family text,
    params double precision[],
    std_errors double precision[],
    log_likelihood double precision,
    customers bigint,
    iterations integer,
    converged boolean,
    status text
);
COMMENT ON TYPE btyd_model IS
'a fitted model of purchases: family bgnbd or mbgnbd (params r, alpha, a, b) or pareto_nbd (r, alpha, s, beta), in the unit of time of the data; status is ok, or what is the matter; by hand: ROW(''bgnbd'', ARRAY[0.243, 4.414, 0.793, 2.426], NULL, NULL, NULL, NULL, NULL, NULL)::btyd_model';

CREATE TYPE spend_model AS (
    family text,
    params double precision[],
    std_errors double precision[],
    log_likelihood double precision,
    customers bigint,
    iterations integer,
    converged boolean,
    status text,
    correlation double precision
);
COMMENT ON TYPE spend_model IS
'a fitted model of spend: family gamma_gamma, params p, q, v; correlation of x and mean_repeat_value, which the model takes for zero; status is ok, or what is the matter';

CREATE FUNCTION btyd_transfn(retention_state, bigint, double precision, double precision) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE btyd_state(x bigint, t_x double precision, age double precision) (
    SFUNC = btyd_transfn,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE btyd_state(bigint, double precision, double precision) IS
'state of fit_bgnbd, fit_mbgnbd and fit_pareto_nbd (how many customers have the same x, t_x and age), to store, merge with rollup() and read with any of them';

CREATE FUNCTION fit_bgnbd(state retention_state)
RETURNS btyd_model
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION fit_bgnbd(retention_state) IS
'fits the BG/NBD model to a stored state of btyd_state: params r, alpha, a, b';

CREATE AGGREGATE fit_bgnbd(x bigint, t_x double precision, age double precision) (
    SFUNC = btyd_transfn,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    FINALFUNC = fit_bgnbd,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE fit_bgnbd(bigint, double precision, double precision) IS
'fits the BG/NBD model to customers (x repeat purchase days, t_x and age in one unit of time) by maximum likelihood: params r, alpha, a, b; NULL of no customers: SELECT fit_bgnbd(x, t_x, age) FROM summaries';

CREATE FUNCTION fit_mbgnbd(state retention_state)
RETURNS btyd_model
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION fit_mbgnbd(retention_state) IS
'fits the MBG/NBD model to a stored state of btyd_state: params r, alpha, a, b';

CREATE AGGREGATE fit_mbgnbd(x bigint, t_x double precision, age double precision) (
    SFUNC = btyd_transfn,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    FINALFUNC = fit_mbgnbd,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE fit_mbgnbd(bigint, double precision, double precision) IS
'fits the MBG/NBD model to customers (x repeat purchase days, t_x and age in one unit of time) by maximum likelihood: params r, alpha, a, b; NULL of no customers: SELECT fit_mbgnbd(x, t_x, age) FROM summaries';

CREATE FUNCTION fit_pareto_nbd(state retention_state)
RETURNS btyd_model
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION fit_pareto_nbd(retention_state) IS
'fits the Pareto/NBD model to a stored state of btyd_state: params r, alpha, s, beta';

CREATE AGGREGATE fit_pareto_nbd(x bigint, t_x double precision, age double precision) (
    SFUNC = btyd_transfn,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    FINALFUNC = fit_pareto_nbd,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE fit_pareto_nbd(bigint, double precision, double precision) IS
'fits the Pareto/NBD model to customers (x repeat purchase days, t_x and age in one unit of time) by maximum likelihood: params r, alpha, s, beta; NULL of no customers: SELECT fit_pareto_nbd(x, t_x, age) FROM summaries';

CREATE FUNCTION gamma_gamma_transfn(retention_state, bigint, double precision) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE gamma_gamma_state(x bigint, mean_repeat_value double precision) (
    SFUNC = gamma_gamma_transfn,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE gamma_gamma_state(bigint, double precision) IS
'state of fit_gamma_gamma, to store, merge with rollup() and read with it';

CREATE FUNCTION fit_gamma_gamma(state retention_state)
RETURNS spend_model
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION fit_gamma_gamma(retention_state) IS
'fits the Gamma-Gamma model of spend to a stored state of gamma_gamma_state: params p, q, v';

CREATE AGGREGATE fit_gamma_gamma(x bigint, mean_repeat_value double precision) (
    SFUNC = gamma_gamma_transfn,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    FINALFUNC = fit_gamma_gamma,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE fit_gamma_gamma(bigint, double precision) IS
'fits the Gamma-Gamma model of what a purchase is worth to customers with repeat purchases (x > 0) whose mean value is above zero: params p, q, v';

CREATE FUNCTION btyd_params(model btyd_model, confidence double precision DEFAULT 0.95)
RETURNS TABLE (name text, estimate double precision, std_error double precision, ci_low double precision, ci_high double precision)
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 4;
COMMENT ON FUNCTION btyd_params(btyd_model, double precision) IS
'the parameters of a model as rows, with standard errors and confidence intervals (of the logarithm, so never below 0)';

CREATE FUNCTION btyd_params(model spend_model, confidence double precision DEFAULT 0.95)
RETURNS TABLE (name text, estimate double precision, std_error double precision, ci_low double precision, ci_high double precision)
AS 'MODULE_PATHNAME', 'spend_params' LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 3;
COMMENT ON FUNCTION btyd_params(spend_model, double precision) IS
'the parameters of a spend model as rows, with standard errors and confidence intervals (of the logarithm, so never below 0)';

-- ---------------------------------------------------------------------------
-- predictions: what a fitted model says of a customer
-- ---------------------------------------------------------------------------

CREATE FUNCTION p_alive(model btyd_model, x bigint, t_x double precision, age double precision)
RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION p_alive(btyd_model, bigint, double precision, double precision) IS
'probability (0 to 1) that a customer has not left for good by the end of the data; 1 under bgnbd for everybody with x = 0, by construction';

CREATE FUNCTION expected_orders(model btyd_model, x bigint, t_x double precision, age double precision, horizon double precision)
RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200;
COMMENT ON FUNCTION expected_orders(btyd_model, bigint, double precision, double precision, double precision) IS
'purchase days to be expected of a customer in the next horizon (in the unit of time of the model)';

CREATE FUNCTION expected_orders_new(model btyd_model, horizon double precision)
RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200;
COMMENT ON FUNCTION expected_orders_new(btyd_model, double precision) IS
'repeat purchase days to be expected of a new customer in the first horizon (in the unit of time of the model)';

CREATE FUNCTION orders_pmf_new(model btyd_model, n bigint, horizon double precision)
RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION orders_pmf_new(btyd_model, bigint, double precision) IS
'probability (0 to 1) that a new customer makes exactly n repeat purchases in the first horizon (in the unit of time of the model)';

CREATE FUNCTION log_likelihood(model btyd_model, x bigint, t_x double precision, age double precision)
RETURNS double precision
AS 'MODULE_PATHNAME', 'btyd_log_likelihood' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION log_likelihood(btyd_model, bigint, double precision, double precision) IS
'logarithm of the likelihood of one customer under a model: sum it over customers to compare models';

CREATE FUNCTION log_likelihood(model spend_model, x bigint, mean_repeat_value double precision)
RETURNS double precision
AS 'MODULE_PATHNAME', 'spend_log_likelihood' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION log_likelihood(spend_model, bigint, double precision) IS
'logarithm of the likelihood of one customer under a spend model; NULL without a repeat purchase, or of a mean not above zero';

CREATE FUNCTION expected_value(model spend_model, x bigint, mean_repeat_value double precision)
RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 50;
COMMENT ON FUNCTION expected_value(spend_model, bigint, double precision) IS
'money to be expected of a purchase of a customer; the mean over all customers for one without a repeat purchase, NULL where that is infinite (q not above 1)';

CREATE FUNCTION predicted_clv(model btyd_model, spend_model spend_model, x bigint, t_x double precision, age double precision, mean_repeat_value double precision, horizon double precision, discount_rate double precision DEFAULT 0, step double precision DEFAULT 1)
RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 500;
COMMENT ON FUNCTION predicted_clv(btyd_model, spend_model, bigint, double precision, double precision, double precision, double precision, double precision, double precision) IS
'money to be expected of a customer in the next horizon: the value of a purchase, times the purchases expected, those of the k-th step divided by (1 + discount_rate)^k; horizon and step in the unit of time of the model';

CREATE FUNCTION churn_risk(p_alive double precision)
RETURNS text
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION churn_risk(double precision) IS
'low, medium or high: from a probability of being alive of 0.7, of 0.3, or below';

CREATE FUNCTION predict_customers(customer_type anyelement, orders_table regclass, customer_column name, ordered_at_column name, amount_column name, horizon interval DEFAULT '365 days', as_of timestamptz DEFAULT now(), unit interval DEFAULT '7 days', family text DEFAULT 'mbgnbd', discount_rate double precision DEFAULT 0, tz text DEFAULT 'UTC', order_id_column name DEFAULT NULL)
RETURNS TABLE (customer anyelement, x bigint, t_x double precision, age double precision, p_alive double precision, expected_orders double precision, expected_value numeric, predicted_clv numeric, historic_clv numeric, total_clv numeric, expected_next_order_at timestamptz, churn_risk text)
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED COST 100000 ROWS 100000;
COMMENT ON FUNCTION predict_customers(anyelement, regclass, name, name, name, interval, timestamptz, interval, text, double precision, text, name) IS
'a row per customer with an order until as_of, by models fitted to them all: what they were told (x, t_x, age, in units), the probability of being alive, purchase days and money (discount_rate effective per year) expected in the next horizon, money so far, both together, when the next order is expected (NULL: not within the horizon), churn_risk: predict_customers(NULL::bigint, ''orders'', ''customer_id'', ''ordered_at'', ''amount'')';

CREATE FUNCTION predict_customers(state retention_state, customer_type anyelement, horizon interval DEFAULT '365 days', unit interval DEFAULT '7 days', family text DEFAULT 'mbgnbd', discount_rate double precision DEFAULT 0)
RETURNS TABLE (customer anyelement, x bigint, t_x double precision, age double precision, p_alive double precision, expected_orders double precision, expected_value numeric, predicted_clv numeric, historic_clv numeric, total_clv numeric, expected_next_order_at timestamptz, churn_risk text)
AS 'MODULE_PATHNAME', 'predict_customers_of_state' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 ROWS 100000;
COMMENT ON FUNCTION predict_customers(retention_state, anyelement, interval, interval, text, double precision) IS
'the customers of a state built by purchase_days_state, predicted: predict_customers(rollup(state), NULL::bigint)';

CREATE FUNCTION backtest(customer_type anyelement, orders_table regclass, customer_column name, ordered_at_column name, amount_column name, calibration_end timestamptz, holdout_end timestamptz, family text DEFAULT 'mbgnbd', unit interval DEFAULT '7 days', tz text DEFAULT 'UTC', order_id_column name DEFAULT NULL)
RETURNS TABLE (x bigint, customers bigint, predicted double precision, actual bigint)
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED COST 100000 ROWS 50;
COMMENT ON FUNCTION backtest(anyelement, regclass, name, name, name, timestamptz, timestamptz, text, interval, text, name) IS
'how far to trust a model: fitted to the orders until calibration_end, the purchase days it expected until holdout_end beside those that came, summed over the customers of each x; the last row, x NULL, is the total';

CREATE FUNCTION backtest(calibration retention_state, holdout retention_state, family text DEFAULT 'mbgnbd', unit interval DEFAULT '7 days')
RETURNS TABLE (x bigint, customers bigint, predicted double precision, actual bigint)
AS 'MODULE_PATHNAME', 'backtest_of_states' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 ROWS 50;
COMMENT ON FUNCTION backtest(retention_state, retention_state, text, interval) IS
'backtest of two states built by purchase_days_state, until the end of the calibration and until the end of the holdout';

-- ---------------------------------------------------------------------------
-- support functions of the aggregates
-- ---------------------------------------------------------------------------

COMMENT ON FUNCTION purchase_summary_transfn(retention_state, timestamptz, numeric, interval, timestamptz, text) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION purchase_days_state_transfn_bigint(retention_state, bigint, timestamptz, numeric, timestamptz, text) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION purchase_days_state_transfn_text(retention_state, text, timestamptz, numeric, timestamptz, text) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION purchase_days_state_transfn_uuid(retention_state, uuid, timestamptz, numeric, timestamptz, text) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION btyd_transfn(retention_state, bigint, double precision, double precision) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION gamma_gamma_transfn(retention_state, bigint, double precision) IS 'transition function; for aggregates only';

-- ---------------------------------------------------------------------------
-- comments that say more
-- ---------------------------------------------------------------------------

COMMENT ON AGGREGATE repeat_rate(bigint, timestamptz, interval, timestamptz) IS
'share (0 to 1) of all customers with an order up to as_of that ordered at least twice in (as_of - period, as_of]; every row counts as an order: FILTER (WHERE amount > 0)';

COMMENT ON AGGREGATE repeat_rate(text, timestamptz, interval, timestamptz) IS
'share (0 to 1) of all customers with an order up to as_of that ordered at least twice in (as_of - period, as_of]; every row counts as an order: FILTER (WHERE amount > 0)';

COMMENT ON AGGREGATE repeat_rate(uuid, timestamptz, interval, timestamptz) IS
'share (0 to 1) of all customers with an order up to as_of that ordered at least twice in (as_of - period, as_of]; every row counts as an order: FILTER (WHERE amount > 0)';

COMMENT ON AGGREGATE second_order_rate(bigint, timestamptz, interval, timestamptz) IS
'share (0 to 1) of customers whose first order is at least "within" old that ordered again within that time; every row counts as an order: FILTER (WHERE amount > 0)';

COMMENT ON AGGREGATE second_order_rate(text, timestamptz, interval, timestamptz) IS
'share (0 to 1) of customers whose first order is at least "within" old that ordered again within that time; every row counts as an order: FILTER (WHERE amount > 0)';

COMMENT ON AGGREGATE second_order_rate(uuid, timestamptz, interval, timestamptz) IS
'share (0 to 1) of customers whose first order is at least "within" old that ordered again within that time; every row counts as an order: FILTER (WHERE amount > 0)';

COMMENT ON AGGREGATE churn_rate(bigint, timestamptz, interval, timestamptz, timestamptz) IS
'share (0 to 1) of the customers active at period_start that are not active at period_end; active: an order in the inactive_after before; every row counts as an order: FILTER (WHERE amount > 0)';

COMMENT ON AGGREGATE churn_rate(text, timestamptz, interval, timestamptz, timestamptz) IS
'share (0 to 1) of the customers active at period_start that are not active at period_end; active: an order in the inactive_after before; every row counts as an order: FILTER (WHERE amount > 0)';

COMMENT ON AGGREGATE churn_rate(uuid, timestamptz, interval, timestamptz, timestamptz) IS
'share (0 to 1) of the customers active at period_start that are not active at period_end; active: an order in the inactive_after before; every row counts as an order: FILTER (WHERE amount > 0)';

COMMENT ON AGGREGATE inactive_rate(bigint, timestamptz, interval, timestamptz) IS
'share (0 to 1) of all customers with an order up to as_of that have none in (as_of - inactive_after, as_of]; every row counts as an order: FILTER (WHERE amount > 0)';

COMMENT ON AGGREGATE inactive_rate(text, timestamptz, interval, timestamptz) IS
'share (0 to 1) of all customers with an order up to as_of that have none in (as_of - inactive_after, as_of]; every row counts as an order: FILTER (WHERE amount > 0)';

COMMENT ON AGGREGATE inactive_rate(uuid, timestamptz, interval, timestamptz) IS
'share (0 to 1) of all customers with an order up to as_of that have none in (as_of - inactive_after, as_of]; every row counts as an order: FILTER (WHERE amount > 0)';

COMMENT ON AGGREGATE gross_revenue_retention(bigint, timestamptz, numeric, interval, timestamptz) IS
'share (0 to 1) of the previous period''s money that the same customers spent again, at most what each spent then';

COMMENT ON AGGREGATE gross_revenue_retention(text, timestamptz, numeric, interval, timestamptz) IS
'share (0 to 1) of the previous period''s money that the same customers spent again, at most what each spent then';

COMMENT ON AGGREGATE gross_revenue_retention(uuid, timestamptz, numeric, interval, timestamptz) IS
'share (0 to 1) of the previous period''s money that the same customers spent again, at most what each spent then';

COMMENT ON AGGREGATE purchases_state(bigint, timestamptz, numeric, timestamptz) IS
'first and last order, number of orders and money of every customer until as_of, to store, merge with rollup() and read with rfm_segments(), segment_summary(), rfm_transitions(), rfm_breaks() and hero_buyers()';

COMMENT ON AGGREGATE purchases_state(text, timestamptz, numeric, timestamptz) IS
'first and last order, number of orders and money of every customer until as_of, to store, merge with rollup() and read with rfm_segments(), segment_summary(), rfm_transitions(), rfm_breaks() and hero_buyers()';

COMMENT ON AGGREGATE purchases_state(uuid, timestamptz, numeric, timestamptz) IS
'first and last order, number of orders and money of every customer until as_of, to store, merge with rollup() and read with rfm_segments(), segment_summary(), rfm_transitions(), rfm_breaks() and hero_buyers()';

COMMENT ON FUNCTION rfm_grid_check(regclass, integer) IS
'what is wrong with your own table of rules (segment, and any of r_min, r_max, f_min, f_max, m_min, m_max, fm_min, fm_max; inclusive, NULL is no limit, fm is (f + m + 1) / 2): cells that are a ''hole'', an ''overlap'' or ''unnamed'', and rules ''unused''; no rows: SELECT s.*, g.segment FROM rfm_segments(...) s LEFT JOIN my_rules g ON s.r BETWEEN g.r_min AND g.r_max AND ... names every scored customer once (where a bound may be NULL, write coalesce(g.r_min, s.r))';

COMMENT ON FUNCTION rfm_transitions(anyelement, regclass, name, name, name, timestamptz, timestamptz, integer, text, text, name) IS
'customers who moved from one RFM segment to another between two times, their share (0 to 1) of from_segment and their money at to_as_of; from_segment ''none'': not yet a customer; to_segment ''none'': all orders were sent back';

COMMENT ON AGGREGATE repeat_by_order_number(bigint, timestamptz, integer, interval, timestamptz) IS
'repeat_by_order_number with the time that customers are given for the next order; every row counts as an order: FILTER (WHERE amount > 0)';

COMMENT ON AGGREGATE repeat_by_order_number(text, timestamptz, integer, interval, timestamptz) IS
'repeat_by_order_number with the time that customers are given for the next order; every row counts as an order: FILTER (WHERE amount > 0)';

COMMENT ON AGGREGATE repeat_by_order_number(uuid, timestamptz, integer, interval, timestamptz) IS
'repeat_by_order_number with the time that customers are given for the next order; every row counts as an order: FILTER (WHERE amount > 0)';

COMMENT ON FUNCTION survival_curve(survival, double precision) IS
'the Kaplan-Meier curve, a row for every day (24 hours, with a fraction) with an event or a censored time: survival is the share (0 to 1) without the event after that day, with its standard error (Greenwood) and log(-log) confidence interval; NULL where it has none';

COMMENT ON AGGREGATE repeat_survival(bigint, timestamptz, timestamptz) IS
'whole days (24 hours) from each customer''s first to second order, or, without one, to as_of (censored); every row counts as an order: FILTER (WHERE amount > 0)';

COMMENT ON AGGREGATE repeat_survival(text, timestamptz, timestamptz) IS
'whole days (24 hours) from each customer''s first to second order, or, without one, to as_of (censored); every row counts as an order: FILTER (WHERE amount > 0)';

COMMENT ON AGGREGATE repeat_survival(uuid, timestamptz, timestamptz) IS
'whole days (24 hours) from each customer''s first to second order, or, without one, to as_of (censored); every row counts as an order: FILTER (WHERE amount > 0)';
