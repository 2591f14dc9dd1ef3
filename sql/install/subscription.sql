-- ---------------------------------------------------------------------------
-- subscription: recurring revenue
-- ---------------------------------------------------------------------------

--@ since 0.3

CREATE TYPE mrr_movements_row AS (
    period_start date,
    opening_mrr numeric,
    new_mrr numeric,
    expansion_mrr numeric,
    contraction_mrr numeric,
    churned_mrr numeric,
    reactivated_mrr numeric,
    closing_mrr numeric,
    opening_customers bigint,
    new_customers bigint,
    churned_customers bigint,
    reactivated_customers bigint,
    closing_customers bigint,
    churn_rate double precision,
    gross_revenue_retention double precision,
    net_revenue_retention double precision,
    is_complete boolean
);
COMMENT ON TYPE mrr_movements_row IS
'a row of mrr_movements: money per month and customers at the start and the end of a calendar period, and what changed them, all of it above or equal to 0; closing = opening + new + expansion + reactivated - contraction - churned; churn_rate is churned / opening customers, gross_revenue_retention (opening - contraction - churned) / opening, net_revenue_retention with the expansion (0 to 1, net also above)';

CREATE FUNCTION mrr_movements(state retention_state) RETURNS mrr_movements_row[]
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mrr_movements(retention_state) IS
'reads mrr_movements from a stored state: SELECT * FROM unnest((SELECT mrr_movements(rollup(state)) FROM states))';

CREATE FUNCTION mrr_movements_transfn_{key}(retention_state, {key}, timestamptz, timestamptz, numeric, text, timestamptz, text) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mrr_movements_transfn_{key}(retention_state, {key}, timestamptz, timestamptz, numeric, text, timestamptz, text) IS 'transition function; for aggregates only';

CREATE AGGREGATE mrr_movements(customer {key}, starts_at timestamptz, ends_at timestamptz, amount numeric, grain text, as_of timestamptz, tz text) (
    SFUNC = mrr_movements_transfn_{key},
    STYPE = retention_state,
    SSPACE = 512,
    FINALFUNC = mrr_movements,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE mrr_movements({key}, timestamptz, timestamptz, numeric, text, timestamptz, text) IS
'recurring revenue by calendar period in tz, of contracts of so much money per month from starts_at until ends_at (NULL: open): new, expansion, contraction, churned, reactivated: SELECT * FROM unnest((SELECT mrr_movements(customer_id, starts_at, ends_at, amount, ''month'', now(), ''UTC'') FROM contracts))';

CREATE AGGREGATE mrr_movements_state(customer {key}, starts_at timestamptz, ends_at timestamptz, amount numeric, grain text, as_of timestamptz, tz text) (
    SFUNC = mrr_movements_transfn_{key},
    STYPE = retention_state,
    SSPACE = 512,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE mrr_movements_state({key}, timestamptz, timestamptz, numeric, text, timestamptz, text) IS
'state of mrr_movements, to store, merge with rollup() and read with mrr_movements()';
