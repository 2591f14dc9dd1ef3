-- ---------------------------------------------------------------------------
-- predictions: what a fitted model says of a customer
-- ---------------------------------------------------------------------------

--@ since 0.2

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

--@ since 0.3
CREATE FUNCTION p_order(model btyd_model, x bigint, t_x double precision, age double precision, horizon double precision)
RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION p_order(btyd_model, bigint, double precision, double precision, double precision) IS
'probability (0 to 1) of at least one purchase day of a customer in the next horizon (in the unit of time of the model): rank customers by it, not by p_alive';

--@ since 0.3
CREATE FUNCTION orders_pmf(model btyd_model, n bigint, x bigint, t_x double precision, age double precision, horizon double precision)
RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION orders_pmf(btyd_model, bigint, bigint, double precision, double precision, double precision) IS
'probability (0 to 1) of exactly n purchase days of a customer in the next horizon (in the unit of time of the model)';

--@ since 0.3
CREATE FUNCTION orders_quantile(model btyd_model, p double precision, x bigint, t_x double precision, age double precision, horizon double precision)
RETURNS bigint
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION orders_quantile(btyd_model, double precision, bigint, double precision, double precision, double precision) IS
'the smallest number of purchase days of a customer in the next horizon that is not exceeded with a probability of p, at least 0 and below 1; NULL above 100000. Of 0.1 and 0.9: the central 80 % of what may come';

--@ since 0.3
CREATE FUNCTION orders_variance(model btyd_model, x bigint, t_x double precision, age double precision, horizon double precision)
RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION orders_variance(btyd_model, bigint, double precision, double precision, double precision) IS
'variance of the purchase days of a customer in the next horizon (in the unit of time of the model), round expected_orders; it knows chance, not the error of the model';

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
'low, medium or high: from a probability of 0.7, of 0.3, or below; of p_order, which predict_customers gives it, or of any other';

--@ since 0.3
CREATE FUNCTION predict_customers(customer_type anyelement, orders_table regclass, customer_column name, ordered_at_column name, amount_column name, horizon interval DEFAULT '365 days', as_of timestamptz DEFAULT clock_timestamp(), unit interval DEFAULT '7 days', family text DEFAULT 'hbgnbd', discount_rate double precision DEFAULT 0, tz text DEFAULT 'UTC', order_id_column name DEFAULT NULL, season text DEFAULT 'auto', campaigns daterange[] DEFAULT '{}')
RETURNS TABLE (customer anyelement, x bigint, t_x double precision, age double precision, p_alive double precision, expected_orders double precision, p_order double precision, orders_low bigint, orders_high bigint, expected_value numeric, predicted_clv numeric, historic_clv numeric, total_clv numeric, expected_next_order_at timestamptz, churn_risk text, model_status text)
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED COST 100000 ROWS 100000;
COMMENT ON FUNCTION predict_customers(anyelement, regclass, name, name, name, interval, timestamptz, interval, text, double precision, text, name, text, daterange[]) IS
'a row per customer with an order before as_of, by models fitted to them all: what they were told (x, t_x, age, in units), the probability of being alive, purchase days in the next horizon (how many to expect, the probability of at least one, the central 80 % of what may come), money to be expected of them (discount_rate effective per year), money so far, both together, when the next order is expected (NULL: not within the horizon), and churn_risk, that of no order within the horizon; season: none, month, or auto, which is month from two full years of orders on; days of campaigns, past and future, are a season of their own: predict_customers(NULL::bigint, ''orders'', ''customer_id'', ''ordered_at'', ''amount'')';

--@ since 0.3
CREATE FUNCTION predict_customers(state retention_state, customer_type anyelement, horizon interval DEFAULT '365 days', unit interval DEFAULT '7 days', family text DEFAULT 'hbgnbd', discount_rate double precision DEFAULT 0, season text DEFAULT 'auto', campaigns daterange[] DEFAULT '{}')
RETURNS TABLE (customer anyelement, x bigint, t_x double precision, age double precision, p_alive double precision, expected_orders double precision, p_order double precision, orders_low bigint, orders_high bigint, expected_value numeric, predicted_clv numeric, historic_clv numeric, total_clv numeric, expected_next_order_at timestamptz, churn_risk text, model_status text)
AS 'MODULE_PATHNAME', 'predict_customers_of_state' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 ROWS 100000;
COMMENT ON FUNCTION predict_customers(retention_state, anyelement, interval, interval, text, double precision, text, daterange[]) IS
'the customers of a state built by purchase_days_state, predicted: predict_customers(rollup(state), NULL::bigint)';

--@ since 0.3
CREATE FUNCTION backtest(customer_type anyelement, orders_table regclass, customer_column name, ordered_at_column name, amount_column name, calibration_end timestamptz, holdout_end timestamptz, family text DEFAULT 'hbgnbd', unit interval DEFAULT '7 days', tz text DEFAULT 'UTC', order_id_column name DEFAULT NULL, season text DEFAULT 'auto', campaigns daterange[] DEFAULT '{}')
RETURNS TABLE (x bigint, customers bigint, predicted double precision, actual bigint, model_status text)
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED COST 100000 ROWS 50;
COMMENT ON FUNCTION backtest(anyelement, regclass, name, name, name, timestamptz, timestamptz, text, interval, text, name, text, daterange[]) IS
'how far to trust a model: fitted to the orders until calibration_end, the purchase days it expected until holdout_end beside those that came, summed over the customers of each x; the last row, x NULL, is the total; season and campaigns as of predict_customers';

--@ since 0.3
CREATE FUNCTION backtest(calibration retention_state, holdout retention_state, family text DEFAULT 'hbgnbd', unit interval DEFAULT '7 days', season text DEFAULT 'auto', campaigns daterange[] DEFAULT '{}')
RETURNS TABLE (x bigint, customers bigint, predicted double precision, actual bigint, model_status text)
AS 'MODULE_PATHNAME', 'backtest_of_states' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 ROWS 50;
COMMENT ON FUNCTION backtest(retention_state, retention_state, text, interval, text, daterange[]) IS
'backtest of two states built by purchase_days_state, until the end of the calibration and until the end of the holdout';

--@ since 0.3
CREATE FUNCTION predict_customers(history order_history, customer_type anyelement, as_of timestamptz, horizon interval DEFAULT '365 days', unit interval DEFAULT '7 days', family text DEFAULT 'hbgnbd', discount_rate double precision DEFAULT 0, tz text DEFAULT 'UTC', season text DEFAULT 'auto', campaigns daterange[] DEFAULT '{}')
RETURNS TABLE (customer anyelement, x bigint, t_x double precision, age double precision, p_alive double precision, expected_orders double precision, p_order double precision, orders_low bigint, orders_high bigint, expected_value numeric, predicted_clv numeric, historic_clv numeric, total_clv numeric, expected_next_order_at timestamptz, churn_risk text, model_status text)
AS 'MODULE_PATHNAME', 'predict_customers_of_history' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 ROWS 100000;
COMMENT ON FUNCTION predict_customers(order_history, anyelement, timestamptz, interval, interval, text, double precision, text, text, daterange[]) IS
'the customers of a history with an order before as_of, predicted: predict_customers((SELECT rollup(history) FROM customer_history), NULL::bigint, now())';

--@ since 0.3
CREATE FUNCTION backtest(history order_history, calibration_end timestamptz, holdout_end timestamptz, family text DEFAULT 'hbgnbd', unit interval DEFAULT '7 days', tz text DEFAULT 'UTC', season text DEFAULT 'auto', campaigns daterange[] DEFAULT '{}')
RETURNS TABLE (x bigint, customers bigint, predicted double precision, actual bigint, model_status text)
AS 'MODULE_PATHNAME', 'backtest_of_history' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 ROWS 50;
COMMENT ON FUNCTION backtest(order_history, timestamptz, timestamptz, text, interval, text, text, daterange[]) IS
'backtest of the customers of a history: fitted to their orders until calibration_end, held against those until holdout_end';

--@ since 0.3
CREATE FUNCTION backtest_summary(customer_type anyelement, orders_table regclass, customer_column name, ordered_at_column name, amount_column name, horizon interval DEFAULT '365 days', origins integer DEFAULT 4, as_of timestamptz DEFAULT clock_timestamp(), family text DEFAULT 'hbgnbd', unit interval DEFAULT '7 days', tz text DEFAULT 'UTC', order_id_column name DEFAULT NULL, season text DEFAULT 'auto', campaigns daterange[] DEFAULT '{}')
RETURNS TABLE (origin date, customers bigint, predicted double precision, actual bigint, error double precision, mae double precision, mae_naive double precision, rmse double precision, rmse_naive double precision, brier double precision, brier_base double precision, auc double precision, auc_recency double precision, error_low double precision, error_high double precision, naive_rule text, model_status text)
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED COST 400000 ROWS 5;
COMMENT ON FUNCTION backtest_summary(anyelement, regclass, name, name, name, interval, integer, timestamptz, text, interval, text, name, text, daterange[]) IS
'how far to trust a model, by one reading of the orders: a row for each of some origins, a horizon before as_of, two before it, and so on, with the purchase days it would have foretold of the horizon after it beside those that came (error: predicted / actual - 1), and per customer the mean absolute and root mean square error, the Brier score of p_order and the area under its curve, each beside what the best of three naive rules, one probability for all, and recency come to; the last row, origin NULL, has the means, and the 80 % interval error_low to error_high of the next total: predicted * (1 + error_low) to predicted * (1 + error_high). A NOTICE says where a rule without a model wins';

--@ since 0.3
CREATE FUNCTION backtest_summary(state retention_state, horizon interval DEFAULT '365 days', origins integer DEFAULT 4, family text DEFAULT 'hbgnbd', unit interval DEFAULT '7 days', season text DEFAULT 'auto', campaigns daterange[] DEFAULT '{}')
RETURNS TABLE (origin date, customers bigint, predicted double precision, actual bigint, error double precision, mae double precision, mae_naive double precision, rmse double precision, rmse_naive double precision, brier double precision, brier_base double precision, auc double precision, auc_recency double precision, error_low double precision, error_high double precision, naive_rule text, model_status text)
AS 'MODULE_PATHNAME', 'backtest_summary_of_state' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 400000 ROWS 5;
COMMENT ON FUNCTION backtest_summary(retention_state, interval, integer, text, interval, text, daterange[]) IS
'backtest_summary of a state built by purchase_days_state, with its as_of';

--@ since 0.3
CREATE FUNCTION backtest_summary(history order_history, as_of timestamptz, horizon interval DEFAULT '365 days', origins integer DEFAULT 4, family text DEFAULT 'hbgnbd', unit interval DEFAULT '7 days', tz text DEFAULT 'UTC', season text DEFAULT 'auto', campaigns daterange[] DEFAULT '{}')
RETURNS TABLE (origin date, customers bigint, predicted double precision, actual bigint, error double precision, mae double precision, mae_naive double precision, rmse double precision, rmse_naive double precision, brier double precision, brier_base double precision, auc double precision, auc_recency double precision, error_low double precision, error_high double precision, naive_rule text, model_status text)
AS 'MODULE_PATHNAME', 'backtest_summary_of_history' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 400000 ROWS 5;
COMMENT ON FUNCTION backtest_summary(order_history, timestamptz, interval, integer, text, interval, text, text, daterange[]) IS
'backtest_summary of the customers of a history';

--@ since 0.3
CREATE FUNCTION forecast(customer_type anyelement, orders_table regclass, customer_column name, ordered_at_column name, amount_column name, horizon interval DEFAULT '365 days', grain text DEFAULT 'month', as_of timestamptz DEFAULT clock_timestamp(), family text DEFAULT 'hbgnbd', unit interval DEFAULT '7 days', tz text DEFAULT 'UTC', order_id_column name DEFAULT NULL, season text DEFAULT 'auto', campaigns daterange[] DEFAULT '{}')
RETURNS TABLE (period_start date, orders_existing double precision, orders_new_first double precision, orders_new_repeat double precision, orders double precision, revenue numeric, low double precision, high double precision, is_complete boolean, model_status text)
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED COST 400000 ROWS 14;
COMMENT ON FUNCTION forecast(anyelement, regclass, name, name, name, interval, text, timestamptz, text, interval, text, name, text, daterange[]) IS
'the purchase days and the revenue before refunds that a shop may expect within the horizon, period by period from the day of as_of on: orders_existing of its customers, as predict_customers has them, orders_new_first of those who will come, at the rate, the season and the damped trend of the last two years, orders_new_repeat of theirs after that; all of them, with an 80 % interval, low to high, by what the same would have foretold one to four horizons before; is_complete: the period lies in the horizon as a whole; the last row, period_start NULL, is the total: forecast(NULL::bigint, ''orders'', ''customer_id'', ''ordered_at'', ''amount'')';

--@ since 0.3
CREATE FUNCTION forecast(state retention_state, horizon interval DEFAULT '365 days', grain text DEFAULT 'month', family text DEFAULT 'hbgnbd', unit interval DEFAULT '7 days', season text DEFAULT 'auto', campaigns daterange[] DEFAULT '{}')
RETURNS TABLE (period_start date, orders_existing double precision, orders_new_first double precision, orders_new_repeat double precision, orders double precision, revenue numeric, low double precision, high double precision, is_complete boolean, model_status text)
AS 'MODULE_PATHNAME', 'forecast_of_state' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 400000 ROWS 14;
COMMENT ON FUNCTION forecast(retention_state, interval, text, text, interval, text, daterange[]) IS
'forecast of a state built by purchase_days_state, from its as_of on, which should be the beginning of a day';

--@ since 0.3
CREATE FUNCTION forecast(history order_history, as_of timestamptz, horizon interval DEFAULT '365 days', grain text DEFAULT 'month', family text DEFAULT 'hbgnbd', unit interval DEFAULT '7 days', tz text DEFAULT 'UTC', season text DEFAULT 'auto', campaigns daterange[] DEFAULT '{}')
RETURNS TABLE (period_start date, orders_existing double precision, orders_new_first double precision, orders_new_repeat double precision, orders double precision, revenue numeric, low double precision, high double precision, is_complete boolean, model_status text)
AS 'MODULE_PATHNAME', 'forecast_of_history' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 400000 ROWS 14;
COMMENT ON FUNCTION forecast(order_history, timestamptz, interval, text, text, interval, text, text, daterange[]) IS
'forecast of the customers of a history';
