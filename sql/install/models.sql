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
COMMENT ON FUNCTION btyd_transfn(retention_state, bigint, double precision, double precision) IS 'transition function; for aggregates only';

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
