-- ---------------------------------------------------------------------------
-- proof
-- ---------------------------------------------------------------------------

--@ since 0.3

CREATE FUNCTION rate_ci(successes bigint, trials bigint, confidence double precision DEFAULT 0.95, OUT rate double precision, OUT ci_low double precision, OUT ci_high double precision)
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rate_ci(bigint, bigint, double precision) IS
'a rate (0 to 1) and the interval it lies in with that confidence (Wilson): SELECT * FROM rate_ci(57, 1000); NULLs without trials';

CREATE FUNCTION rate_difference(treated_successes bigint, treated bigint, control_successes bigint, control bigint, confidence double precision DEFAULT 0.95, OUT treated_rate double precision, OUT control_rate double precision, OUT difference double precision, OUT ci_low double precision, OUT ci_high double precision, OUT relative double precision, OUT p_value double precision)
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rate_difference(bigint, bigint, bigint, bigint, double precision) IS
'by how much the rate (0 to 1) of the treated exceeds the control''s: the difference and its interval (Newcombe), relative to the control (0.1: 10 % more), and how likely (0 to 1) so large a difference is by chance alone';

CREATE FUNCTION mean_difference(treated_mean double precision, treated_variance double precision, treated bigint, control_mean double precision, control_variance double precision, control bigint, confidence double precision DEFAULT 0.95, OUT difference double precision, OUT std_error double precision, OUT ci_low double precision, OUT ci_high double precision, OUT relative double precision, OUT df double precision, OUT p_value double precision)
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mean_difference(double precision, double precision, bigint, double precision, double precision, bigint, double precision) IS
'by how much the mean of the treated exceeds the control''s (Welch''s t-test; in the unit of the means), from mean, sample variance and number of each: avg(x), var_samp(x), count(x)';

CREATE FUNCTION srm_check(observed bigint[], expected_shares double precision[], OUT chi_square double precision, OUT df integer, OUT p_value double precision)
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION srm_check(bigint[], double precision[]) IS
'have the groups of an experiment the sizes that were planned? a chi-square test of the numbers of customers against the shares; a p_value (0 to 1) below 0.001 says that the assignment is broken';

CREATE FUNCTION sample_size(base_rate double precision, lift double precision, power double precision DEFAULT 0.8, alpha double precision DEFAULT 0.05, control_share double precision DEFAULT 0.5, OUT control bigint, OUT treated bigint)
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sample_size(double precision, double precision, double precision, double precision, double precision) IS
'customers that an experiment needs in each group to find a relative lift (0.1: 10 % more) of a rate (0 to 1)';

CREATE FUNCTION detectable_lift(base_rate double precision, customers bigint, power double precision DEFAULT 0.8, alpha double precision DEFAULT 0.05, control_share double precision DEFAULT 0.5) RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION detectable_lift(double precision, bigint, double precision, double precision, double precision) IS
'the smallest relative lift (0.1: 10 % more) of a rate that an experiment with so many customers in all finds; NULL if they are too few for any';
