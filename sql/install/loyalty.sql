-- ---------------------------------------------------------------------------
-- loyalty
-- ---------------------------------------------------------------------------

--@ since 0.3

CREATE TYPE points_lot AS (
    earned_at timestamptz,
    expires_at timestamptz,
    earned numeric,
    spent numeric,
    expired numeric,
    remaining numeric
);
COMMENT ON TYPE points_lot IS
'row of points_lots: points that were earned at once, earned = spent + expired + remaining; expires_at is NULL of those that never do; a last row without dates and with remaining below 0 is a debt';

CREATE FUNCTION points_lots(state retention_state) RETURNS points_lot[]
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION points_lots(retention_state) IS
'lots of points, from a state of points_lots_state or points_balance_state';

CREATE FUNCTION points_balance(state retention_state) RETURNS numeric
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION points_balance(retention_state) IS
'points that are left, from a state of points_lots_state or points_balance_state';

CREATE FUNCTION points_transfn(retention_state, timestamptz, numeric, timestamptz, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION points_transfn(retention_state, timestamptz, numeric, timestamptz, timestamptz) IS 'transition function; for aggregates only';

CREATE AGGREGATE points_lots(at timestamptz, points numeric, expires_at timestamptz, as_of timestamptz) (
    SFUNC = points_transfn,
    STYPE = retention_state,
    SSPACE = 200,
    FINALFUNC = points_lots,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE points_lots(timestamptz, numeric, timestamptz, timestamptz) IS
'the points of the customer of a group, lot by lot: earned (points above 0, usable until expires_at), spent (below 0; from the lot that expires soonest), expired and remaining: SELECT customer_id, l.* FROM (SELECT customer_id, points_lots(at, points, expires_at, now()) AS lots FROM points GROUP BY 1) p, unnest(lots) l';

CREATE AGGREGATE points_lots_state(at timestamptz, points numeric, expires_at timestamptz, as_of timestamptz) (
    SFUNC = points_transfn,
    STYPE = retention_state,
    SSPACE = 200,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE points_lots_state(timestamptz, numeric, timestamptz, timestamptz) IS
'state of points_lots, to store, merge with rollup() and read with points_lots() and points_balance()';

CREATE AGGREGATE points_balance(at timestamptz, points numeric, expires_at timestamptz, as_of timestamptz) (
    SFUNC = points_transfn,
    STYPE = retention_state,
    SSPACE = 200,
    FINALFUNC = points_balance,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE points_balance(timestamptz, numeric, timestamptz, timestamptz) IS
'points that the customer of a group has left at as_of: what remains of all lots; below 0 if more was taken back than there was';

CREATE AGGREGATE points_balance_state(at timestamptz, points numeric, expires_at timestamptz, as_of timestamptz) (
    SFUNC = points_transfn,
    STYPE = retention_state,
    SSPACE = 200,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE points_balance_state(timestamptz, numeric, timestamptz, timestamptz) IS
'state of points_balance, to store, merge with rollup() and read with points_balance() and points_lots()';

CREATE FUNCTION reached_at(state retention_state) RETURNS timestamptz
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION reached_at(retention_state) IS
'when the threshold was reached, from a state of reached_at_state';

CREATE FUNCTION reached_at_transfn(retention_state, timestamptz, numeric, numeric, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION reached_at_transfn(retention_state, timestamptz, numeric, numeric, timestamptz) IS 'transition function; for aggregates only';

CREATE AGGREGATE reached_at(at timestamptz, amount numeric, threshold numeric, as_of timestamptz) (
    SFUNC = reached_at_transfn,
    STYPE = retention_state,
    SSPACE = 200,
    FINALFUNC = reached_at,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE reached_at(timestamptz, numeric, numeric, timestamptz) IS
'when the customer of a group reached a sum of money (or a number of orders, with amount 1) for the first time before as_of; NULL if never: SELECT customer_id, reached_at(ordered_at, amount, 500, now()) FROM orders GROUP BY 1';

CREATE AGGREGATE reached_at_state(at timestamptz, amount numeric, threshold numeric, as_of timestamptz) (
    SFUNC = reached_at_transfn,
    STYPE = retention_state,
    SSPACE = 200,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE reached_at_state(timestamptz, numeric, numeric, timestamptz) IS
'state of reached_at, to store, merge with rollup() and read with reached_at()';

CREATE FUNCTION next_anniversary(day date, as_of date) RETURNS date
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION next_anniversary(date, date) IS
'the next anniversary of a day, on as_of or after it; of 29 February the 28th in other years: next_anniversary(birthday, current_date) - current_date AS days_left';
