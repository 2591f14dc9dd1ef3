-- ---------------------------------------------------------------------------
-- assignment
-- ---------------------------------------------------------------------------

--@ since 0.3

CREATE FUNCTION hash_share(customer {key}, salt text) RETURNS double precision
AS 'MODULE_PATHNAME', 'hash_share_{key}' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hash_share({key}, text) IS
'a number from 0 to below 1 that belongs to this customer under this salt, the same everywhere, to assign groups of an experiment: hash_share(customer_id, ''spring'') < 0.1 is a control group of 10 %';
