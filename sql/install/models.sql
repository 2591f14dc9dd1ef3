-- ---------------------------------------------------------------------------
-- models: of when customers buy and leave, and of what they spend
-- ---------------------------------------------------------------------------

--@ since 0.2

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
'a fitted model of purchases: family bgnbd or mbgnbd (params r, alpha, a, b), hbgnbd (the same and one_time, the share who never meant to come back) or pareto_nbd (r, alpha, s, beta), in the unit of time of the data; status is ok, or what is the matter; by hand: ROW(''bgnbd'', ARRAY[0.243, 4.414, 0.793, 2.426], NULL, NULL, NULL, NULL, NULL, NULL)::btyd_model';

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
COMMENT ON FUNCTION btyd_transfn(retention_state, bigint, double precision, double precision) IS 'transition function; for aggregates only';

CREATE AGGREGATE btyd_state(x bigint, t_x double precision, age double precision) (
    SFUNC = btyd_transfn,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE btyd_state(bigint, double precision, double precision) IS
'state of fit_bgnbd, fit_mbgnbd, fit_hbgnbd and fit_pareto_nbd (how many customers have the same x, t_x and age), to store, merge with rollup() and read with any of them';

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

--@ since 0.3
CREATE FUNCTION fit_hbgnbd(state retention_state)
RETURNS btyd_model
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION fit_hbgnbd(retention_state) IS
'fits the BG/NBD model with one-timers apart to a stored state of btyd_state: params r, alpha, a, b, one_time';

--@ since 0.3
CREATE AGGREGATE fit_hbgnbd(x bigint, t_x double precision, age double precision) (
    SFUNC = btyd_transfn,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    FINALFUNC = fit_hbgnbd,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE fit_hbgnbd(bigint, double precision, double precision) IS
'fits the BG/NBD model with one-timers apart, a share of customers who never meant to come back, to customers (x repeat purchase days, t_x and age in one unit of time) by maximum likelihood: params r, alpha, a, b, one_time; NULL of no customers: SELECT fit_hbgnbd(x, t_x, age) FROM summaries';

CREATE FUNCTION gamma_gamma_transfn(retention_state, bigint, double precision) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION gamma_gamma_transfn(retention_state, bigint, double precision) IS 'transition function; for aggregates only';

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

--@ since 0.3
CREATE FUNCTION btyd_days_transfn_{key}(retention_state, {key}, timestamptz, numeric, interval, timestamptz, text) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION btyd_days_transfn_{key}(retention_state, {key}, timestamptz, numeric, interval, timestamptz, text) IS 'transition function; for aggregates only';

--@ since 0.3
CREATE AGGREGATE btyd_state(customer {key}, ordered_at timestamptz, amount numeric, unit interval, as_of timestamptz, tz text) (
    SFUNC = btyd_days_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE btyd_state({key}, timestamptz, numeric, interval, timestamptz, text) IS
'state of fit_bgnbd, fit_mbgnbd, fit_hbgnbd and fit_pareto_nbd over order rows (the days that every customer ordered on before as_of, and the unit of time), to store, merge with rollup() and read with any of them';

--@ since 0.3
CREATE AGGREGATE fit_bgnbd(customer {key}, ordered_at timestamptz, amount numeric, unit interval, as_of timestamptz, tz text) (
    SFUNC = btyd_days_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    FINALFUNC = fit_bgnbd,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE fit_bgnbd({key}, timestamptz, numeric, interval, timestamptz, text) IS
'fits the BG/NBD model to the customers of order rows before as_of, in units of time (whole days, such as 7 days): params r, alpha, a, b; the same as by purchase_summary, in one pass; NULL of no customers: SELECT fit_bgnbd(customer_id, ordered_at, amount, ''7 days'', now(), ''UTC'') FROM orders';

--@ since 0.3
CREATE AGGREGATE fit_mbgnbd(customer {key}, ordered_at timestamptz, amount numeric, unit interval, as_of timestamptz, tz text) (
    SFUNC = btyd_days_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    FINALFUNC = fit_mbgnbd,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE fit_mbgnbd({key}, timestamptz, numeric, interval, timestamptz, text) IS
'fits the MBG/NBD model to the customers of order rows before as_of, in units of time (whole days, such as 7 days): params r, alpha, a, b; the same as by purchase_summary, in one pass; NULL of no customers: SELECT fit_mbgnbd(customer_id, ordered_at, amount, ''7 days'', now(), ''UTC'') FROM orders';

--@ since 0.3
CREATE AGGREGATE fit_hbgnbd(customer {key}, ordered_at timestamptz, amount numeric, unit interval, as_of timestamptz, tz text) (
    SFUNC = btyd_days_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    FINALFUNC = fit_hbgnbd,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE fit_hbgnbd({key}, timestamptz, numeric, interval, timestamptz, text) IS
'fits the BG/NBD model with one-timers apart to the customers of order rows before as_of, in units of time (whole days, such as 7 days): params r, alpha, a, b, one_time (the share who never meant to come back); the same as by purchase_summary, in one pass; NULL of no customers: SELECT fit_hbgnbd(customer_id, ordered_at, amount, ''7 days'', now(), ''UTC'') FROM orders';

--@ since 0.3
CREATE AGGREGATE fit_pareto_nbd(customer {key}, ordered_at timestamptz, amount numeric, unit interval, as_of timestamptz, tz text) (
    SFUNC = btyd_days_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    FINALFUNC = fit_pareto_nbd,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE fit_pareto_nbd({key}, timestamptz, numeric, interval, timestamptz, text) IS
'fits the Pareto/NBD model to the customers of order rows before as_of, in units of time (whole days, such as 7 days): params r, alpha, s, beta; the same as by purchase_summary, in one pass; NULL of no customers: SELECT fit_pareto_nbd(customer_id, ordered_at, amount, ''7 days'', now(), ''UTC'') FROM orders';

--@ since 0.3
CREATE AGGREGATE fit_gamma_gamma(customer {key}, ordered_at timestamptz, amount numeric, as_of timestamptz, tz text) (
    SFUNC = purchase_days_state_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    FINALFUNC = fit_gamma_gamma,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE fit_gamma_gamma({key}, timestamptz, numeric, timestamptz, text) IS
'fits the Gamma-Gamma model of what a purchase is worth to the customers of order rows before as_of: params p, q, v; the same as by purchase_summary, in one pass; NULL where nobody who came back spent a known amount';

CREATE FUNCTION btyd_params(model btyd_model, confidence double precision DEFAULT 0.95)
RETURNS TABLE (name text, estimate double precision, std_error double precision, ci_low double precision, ci_high double precision)
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 4;
COMMENT ON FUNCTION btyd_params(btyd_model, double precision) IS
'the parameters of a model as rows, with standard errors and confidence intervals (of the logarithm, so never below 0; of a share''s logit)';

CREATE FUNCTION btyd_params(model spend_model, confidence double precision DEFAULT 0.95)
RETURNS TABLE (name text, estimate double precision, std_error double precision, ci_low double precision, ci_high double precision)
AS 'MODULE_PATHNAME', 'spend_params' LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 3;
COMMENT ON FUNCTION btyd_params(spend_model, double precision) IS
'the parameters of a spend model as rows, with standard errors and confidence intervals (of the logarithm, so never below 0)';

--@ since 0.3
CREATE TYPE season_model AS (
    factors double precision[],
    std_errors double precision[],
    orders bigint[],
    log_likelihood_gain double precision,
    status text
);
COMMENT ON TYPE season_model IS
'a shop''s seasons: for each month, January''s first, how many times as many orders a customer makes as in the mean of all days (factors, their standard errors, and the repeat order days they are from); by how much the log-likelihood of a model is larger with them; status is ok, or what is the matter';

--@ since 0.3
CREATE FUNCTION fit_season(state retention_state)
RETURNS season_model
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION fit_season(retention_state) IS
'fits a shop''s seasons to a stored state of btyd_state over order rows or histories, together with the MBG/NBD model: factors of the twelve months';

--@ since 0.3
CREATE FUNCTION fit_season(state retention_state, family text, shrink boolean DEFAULT true)
RETURNS season_model
AS 'MODULE_PATHNAME', 'fit_season_family' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION fit_season(retention_state, text, boolean) IS
'the same with another family of model (that of pareto_nbd is mbgnbd''s); shrink: factors are drawn towards 1 as far as chance says, without they are those of the largest likelihood';

--@ since 0.3
CREATE AGGREGATE fit_season(customer {key}, ordered_at timestamptz, amount numeric, unit interval, as_of timestamptz, tz text) (
    SFUNC = btyd_days_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    FINALFUNC = fit_season,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE fit_season({key}, timestamptz, numeric, interval, timestamptz, text) IS
'fits a shop''s seasons to the customers of order rows before as_of, in units of time (whole days, such as 7 days): how many times as many orders a customer makes in each month as in the mean of all days; needs two full years; NULL of no customers: SELECT (fit_season(customer_id, ordered_at, amount, ''7 days'', now(), ''UTC'')).* FROM orders';

--@ since 0.3
CREATE FUNCTION season_factors(model season_model)
RETURNS TABLE (label text, factor double precision, std_error double precision, orders bigint)
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 12;
COMMENT ON FUNCTION season_factors(season_model) IS
'a shop''s seasons as rows, from Jan to Dec: factor (1: as the mean of all days), its standard error, and the repeat order days it is from';

--@ since 0.3
CREATE FUNCTION season_time("from" timestamptz, "to" timestamptz, factors double precision[], unit interval, tz text)
RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION season_time(timestamptz, timestamptz, double precision[], interval, text) IS
'units of time from one instant to another on the clock of a shop''s seasons: each day of the calendar of tz counts as much as the factor of its month (12, January''s first); below 0 backwards; t_x, age and horizon made with it are what fits and predictions take';
