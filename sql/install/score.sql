-- ---------------------------------------------------------------------------
-- scores
-- ---------------------------------------------------------------------------

CREATE FUNCTION quantile_score(x anyelement, bins integer DEFAULT 5) RETURNS integer
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE WINDOW COST 10;
COMMENT ON FUNCTION quantile_score(anyelement, integer) IS
'score of x, 1 (lowest) to bins (2 to 100), in its partition; equal values always share a score, NULL has none: quantile_score(amount) OVER ()';

CREATE FUNCTION rfm_score(last_order_at timestamptz, orders bigint, monetary numeric, bins integer DEFAULT 5) RETURNS text
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE WINDOW COST 10;
COMMENT ON FUNCTION rfm_score(timestamptz, bigint, numeric, integer) IS
'RFM cell of a customer, such as 543: quantile scores of recency, frequency and money, 1 to bins (2 to 9, which is best); one row per customer: rfm_score(last_order_at, orders, monetary) OVER ()';

--@ since 0.3
--@ type integer, bigint, numeric, double precision, timestamptz, interval
CREATE FUNCTION threshold_score(x {type}, thresholds {type}[], higher_is_better boolean DEFAULT true) RETURNS integer
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION threshold_score({type}, {type}[], boolean) IS
'score of x by your own ascending cut points: 1 + the number of them that x reaches (x >= threshold, or x <= threshold where less is better)';

--@ since 0.3
CREATE FUNCTION threshold_score(x text, thresholds text[], higher_is_better boolean DEFAULT true) RETURNS integer
AS 'MODULE_PATHNAME', 'threshold_score_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION threshold_score(text, text[], boolean) IS
'threshold_score of numbers written as text, as clients send them; text that is no number is an error';

--@ since 0.3
CREATE FUNCTION threshold_score_any(x anycompatible, thresholds anycompatiblearray, higher_is_better boolean DEFAULT true) RETURNS integer
AS 'MODULE_PATHNAME', 'threshold_score' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION threshold_score_any(anycompatible, anycompatiblearray, boolean) IS
'threshold_score of values of any other type that has an order, such as an enum; text is refused';
