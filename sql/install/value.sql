-- ---------------------------------------------------------------------------
-- value
-- ---------------------------------------------------------------------------

CREATE FUNCTION aov_transfn(retention_state, numeric) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION aov_transfn(retention_state, numeric) IS 'transition function; for aggregates only';

CREATE FUNCTION customer_value_transfn_{key}(retention_state, {key}, numeric) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION customer_value_transfn_{key}(retention_state, {key}, numeric) IS 'transition function; for aggregates only';

CREATE FUNCTION clv_transfn_{key}(retention_state, {key}, timestamptz, numeric, interval, interval, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION clv_transfn_{key}(retention_state, {key}, timestamptz, numeric, interval, interval, timestamptz) IS 'transition function; for aggregates only';

CREATE FUNCTION aov(state retention_state) RETURNS numeric
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION aov(retention_state) IS
'average order value (money), from a state of aov_state, customer_value_state or clv_state; of the latter two: of rows with a customer alone, unlike aov(amount)';

CREATE FUNCTION purchase_frequency(state retention_state) RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION purchase_frequency(retention_state) IS
'orders per customer, from a state of customer_value_state or clv_state';

CREATE FUNCTION customer_value(state retention_state) RETURNS numeric
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION customer_value(retention_state) IS
'money per customer, from a state of customer_value_state or clv_state';

CREATE FUNCTION clv(state retention_state) RETURNS numeric
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clv(retention_state) IS
'customer lifetime value (money), from a state of clv_state';

CREATE AGGREGATE aov(amount numeric) (
    SFUNC = aov_transfn,
    STYPE = retention_state,
    SSPACE = 128,
    FINALFUNC = aov,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE aov(numeric) IS
'average order value (money): all amounts, refunds included, of rows without a customer too, divided by the number of orders (amounts above zero or unknown)';

CREATE AGGREGATE aov_state(amount numeric) (
    SFUNC = aov_transfn,
    STYPE = retention_state,
    SSPACE = 128,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE aov_state(numeric) IS
'state of aov, to store, merge with rollup() and read with aov()';

CREATE AGGREGATE purchase_frequency(customer {key}, amount numeric) (
    SFUNC = customer_value_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = purchase_frequency,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE purchase_frequency({key}, numeric) IS
'orders per customer with an order';

CREATE AGGREGATE customer_value(customer {key}, amount numeric) (
    SFUNC = customer_value_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = customer_value,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE customer_value({key}, numeric) IS
'money per customer with an order, refunds included: purchase_frequency times the aov of rows with a customer';

CREATE AGGREGATE customer_value_state(customer {key}, amount numeric) (
    SFUNC = customer_value_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE customer_value_state({key}, numeric) IS
'state of customer_value and purchase_frequency, to store, merge with rollup() and read with customer_value(), purchase_frequency() and aov()';

CREATE AGGREGATE clv(customer {key}, ordered_at timestamptz, amount numeric, period interval, lifetime interval, as_of timestamptz) (
    SFUNC = clv_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = clv,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE clv({key}, timestamptz, numeric, interval, interval, timestamptz) IS
'customer lifetime value (money): money per customer in [as_of - period, as_of), times lifetime / period';

CREATE AGGREGATE clv_state(customer {key}, ordered_at timestamptz, amount numeric, period interval, lifetime interval, as_of timestamptz) (
    SFUNC = clv_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE clv_state({key}, timestamptz, numeric, interval, interval, timestamptz) IS
'state of clv, to store, merge with rollup() and read with clv(), customer_value(), purchase_frequency() and aov()';

CREATE FUNCTION clv_net(customer_value numeric, periods numeric, margin numeric, discount_rate numeric) RETURNS numeric
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clv_net(numeric, numeric, numeric, numeric) IS
'discounted profit of a customer (money): customer_value per period, over so many periods, times margin (share), at a discount rate per period';

--@ since 0.3
CREATE FUNCTION clv_net(customer_value double precision, periods double precision, margin double precision, discount_rate double precision) RETURNS numeric
AS 'MODULE_PATHNAME', 'clv_net_double' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clv_net(double precision, double precision, double precision, double precision) IS
'clv_net of numbers of which one is double precision (15 digits of each count)';

CREATE FUNCTION cac(spend numeric, new_customers bigint) RETURNS numeric
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cac(numeric, bigint) IS
'customer acquisition cost (money per new customer); NULL without new customers';

--@ since 0.3
CREATE FUNCTION cac(spend double precision, new_customers double precision) RETURNS numeric
AS 'MODULE_PATHNAME', 'cac_double' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cac(double precision, double precision) IS
'cac of numbers of other types, such as the numeric that sum() makes of counts (15 digits of each count)';

CREATE FUNCTION payback_orders(cac numeric, aov numeric, margin numeric) RETURNS bigint
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION payback_orders(numeric, numeric, numeric) IS
'number of orders until their margin (share of aov) has paid the acquisition cost, rounded up; NULL if it never does';

--@ since 0.3
CREATE FUNCTION payback_orders(cac double precision, aov double precision, margin double precision) RETURNS bigint
AS 'MODULE_PATHNAME', 'payback_orders_double' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION payback_orders(double precision, double precision, double precision) IS
'payback_orders of numbers of which one is double precision (15 digits of each count)';

CREATE FUNCTION breakeven_conversion(base_rate double precision, margin double precision, discount double precision) RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION breakeven_conversion(double precision, double precision, double precision) IS
'conversion rate (0 to 1) at which a discount (share of the price) earns as much as base_rate without it; NULL if impossible';

--@ since 0.3
CREATE FUNCTION breakeven_discount(base_rate double precision, rate double precision, margin double precision) RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION breakeven_discount(double precision, double precision, double precision) IS
'the largest discount (share of the price, 0 to 1) that loses nothing if it lifts conversion from base_rate to rate (0 to 1); NULL if impossible';
