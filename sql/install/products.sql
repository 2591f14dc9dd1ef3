-- ---------------------------------------------------------------------------
-- products
-- ---------------------------------------------------------------------------

--@ since 0.3

CREATE TYPE product_pairs_row AS (
    product_a text,
    product_b text,
    baskets bigint,
    baskets_a bigint,
    baskets_b bigint,
    baskets_both bigint,
    support double precision,
    confidence_a_to_b double precision,
    confidence_b_to_a double precision,
    lift double precision,
    p_value double precision
);
COMMENT ON TYPE product_pairs_row IS
'row of product_pairs: two products and in how many baskets they are, alone and together; support the share (0 to 1) of all baskets with both, confidence_a_to_b that of those with a, lift how many times as often as by chance, p_value (0 to 1) how likely so many are by chance alone';

CREATE FUNCTION product_pairs(state retention_state) RETURNS product_pairs_row[]
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION product_pairs(retention_state) IS
'reads product_pairs from a stored state: SELECT * FROM unnest((SELECT product_pairs(rollup(state)) FROM states))';

CREATE FUNCTION product_pairs_transfn_{key}(retention_state, {key}, text, integer) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION product_pairs_transfn_{key}(retention_state, {key}, text, integer) IS 'transition function; for aggregates only';

CREATE AGGREGATE product_pairs(basket {key}, product text, min_count integer) (
    SFUNC = product_pairs_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = product_pairs,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE product_pairs({key}, text, integer) IS
'pairs of products that are together in min_count baskets (orders, sessions, customers) or more, most baskets first: SELECT * FROM unnest((SELECT product_pairs(order_id, product_id::text, 20) FROM order_lines))';

CREATE AGGREGATE product_pairs_state(basket {key}, product text, min_count integer) (
    SFUNC = product_pairs_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE product_pairs_state({key}, text, integer) IS
'state of product_pairs, to store, merge with rollup() and read with product_pairs()';

CREATE TYPE next_products_row AS (
    product text,
    next_product text,
    orders bigint,
    followed bigint,
    transitions bigint,
    rate double precision,
    base_rate double precision,
    lift double precision
);
COMMENT ON TYPE next_products_row IS
'row of next_products: orders with product, followed of them by another, transitions those whose next order holds next_product; rate (0 to 1) transitions / followed, base_rate that of any order, lift rate / base_rate';

CREATE FUNCTION next_products(state retention_state) RETURNS next_products_row[]
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION next_products(retention_state) IS
'reads next_products from a stored state: SELECT * FROM unnest((SELECT next_products(rollup(state)) FROM states))';

CREATE FUNCTION next_products_transfn_{key}(retention_state, {key}, timestamptz, text, integer, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION next_products_transfn_{key}(retention_state, {key}, timestamptz, text, integer, timestamptz) IS 'transition function; for aggregates only';

CREATE AGGREGATE next_products(customer {key}, ordered_at timestamptz, product text, min_count integer, as_of timestamptz) (
    SFUNC = next_products_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = next_products,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE next_products({key}, timestamptz, text, integer, timestamptz) IS
'what customers buy in their next order after a product, found min_count times or more, most often first; rows of one customer at one instant are one order, and orders not followed before as_of are in no rate';

CREATE AGGREGATE next_products_state(customer {key}, ordered_at timestamptz, product text, min_count integer, as_of timestamptz) (
    SFUNC = next_products_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE next_products_state({key}, timestamptz, text, integer, timestamptz) IS
'state of next_products, to store, merge with rollup() and read with next_products()';
