-- Models: fits, what they say of customers, properties, and data that are no data
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SET extra_float_digits = 1;
\set SHOW_CONTEXT never
CREATE SCHEMA models;

-- a model by hand, and whether two numbers are equal in so many digits
CREATE FUNCTION models.btyd(family text, params float8[]) RETURNS btyd_model LANGUAGE sql IMMUTABLE RETURN ROW(family, params, NULL, NULL, NULL, NULL, NULL, NULL)::btyd_model;
CREATE FUNCTION models.spend(params float8[]) RETURNS spend_model LANGUAGE sql IMMUTABLE RETURN ROW('gamma_gamma', params, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::spend_model;
CREATE FUNCTION models.near(a float8, b float8, digits int DEFAULT 9) RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN a IS NOT DISTINCT FROM b OR coalesce(abs(a - b) <= power(10::float8, -digits) * abs(b), false);

-- ---------------------------------------------------------------------------
-- published values
-- ---------------------------------------------------------------------------
-- the models as published for the CDNOW data, in weeks: BG/NBD by Fader, Hardie and Lee (2005), Marketing Science 24, 275-284; MBG/NBD by the R package BTYDplus;
-- Pareto/NBD and Gamma-Gamma by the R packages CLVTools and BTYD and the tests of the Python package lifetimes
CREATE TABLE models.cdnow AS SELECT models.btyd('bgnbd', '{0.243,4.414,0.793,2.426}') AS bg, models.btyd('mbgnbd', '{0.525,6.183,0.891,1.614}') AS mbg,
    models.btyd('pareto_nbd', '{0.553,10.578,0.606,11.669}') AS pareto, models.spend('{6.24957227,3.74422467,15.44352097}') AS spend;
-- likelihoods of single customers: Fader and Hardie (2013), note 027; also in the tests of PyMC-Marketing: -0.59947382, 100.7957
SELECT round(log_likelihood(m, 0, 0, 40)::numeric, 8) AS "-0.59947382", round(log_likelihood(m, 200, 38, 40)::numeric, 4) AS "100.7957" FROM models.btyd('bgnbd', '{0.25,4,0.8,2.5}') m;
-- customer 1 is expected to come back 1.226 times in 39 weeks: Fader, Hardie and Lee (2005), section 4
SELECT round(expected_orders(bg, 2, 30.43, 38.86, 39)::numeric, 3) AS "1.226" FROM models.cdnow;
-- new customers until t: the Excel sheet of Hardie's note 004 has .0078, .0532, .1506, 1.0405, 1.0437 at the maximum (and 1.8576 for t = 78, where its series is cut off: lifetimes has 1.8580); at the rounded parameters it is, by lifetimes and mpmath:
SELECT t AS week, round(expected_orders_new(bg, t)::numeric, 4) AS ours, theirs FROM models.cdnow, (VALUES (0.1429::float8, 0.0078), (1, 0.0533), (3, 0.1509), (31.8571, 1.0420), (32, 1.0452), (78, 1.8605)) v(t, theirs);
SELECT t AS week, round(expected_orders_new(models.btyd('bgnbd', '{0.242594522426,4.4136020189,0.792922017197,2.42590677674}'), t)::numeric, 4) AS ours, theirs FROM (VALUES (0.1429::float8, 0.0078), (1, 0.0532), (3, 0.1506), (31.8571, 1.0405), (32, 1.0437)) v(t, theirs);
-- probabilities of numbers of repeat orders: manual of BTYD, tests of lifetimes: 1.07869e-07, 0.5737864
SELECT round((orders_pmf_new(bg, 10, 2) * 1e7)::numeric, 5) AS "1.07869", round(orders_pmf_new(bg, 0, 39)::numeric, 7) AS "0.5737864" FROM models.cdnow;
-- customer 1516: 25.46 in the next 52 weeks by Pareto/NBD: vignette of BTYD
SELECT round(expected_orders(pareto, 26, 30.86, 31, 52)::numeric, 2) AS "25.46" FROM models.cdnow;
-- what customers 1 to 10 spend at a purchase: Fader and Hardie (2013), note 025: 24.65 18.91 35.17 35.17 35.17 71.46 18.91 35.17 27.28 35.17
SELECT string_agg(round(expected_value(spend, x, m)::numeric, 2)::text, ' ' ORDER BY i) AS "24.65 18.91 35.17 35.17 35.17 71.46 18.91 35.17 27.28 35.17"
FROM models.cdnow, (VALUES (1, 2, 22.345::float8), (2, 1, 11.77), (3, 0, NULL), (4, 0, NULL), (5, 0, 0), (6, 7, 73.7414285714), (7, 1, 11.77), (8, 0, NULL), (9, 2, 25.55), (10, 0, NULL)) v(i, x, m);
-- the hardest of test/t/010_models.pl's cases, made with 80 digits by mpmath from the papers' formulas: relative 1e-9 (log-likelihoods: of 1 at least)
CREATE TABLE models.edge (family text, params float8[], x bigint, t_x float8, age float8, horizon float8, ll float8, alive float8, orders float8);
INSERT INTO models.edge VALUES
    ('bgnbd', '{0.243,4.414,0.793,2.426}', 3000, 1000, 1200, 52, 264.93041068196532, 9.3277733095242614e-234, 1.1881115237393791e-231),
    ('bgnbd', '{0.243,4.414,0.793,2.426}', 2, 30.43, 38.86, 5200, -9.4586063070662712, 0.72657857008067291, 19.715392891936632),
    ('bgnbd', '{0.243,4.414,0.793,2.426}', 0, 0, 0.142857142857142857, 5200, -0.0077400007676011672, 1.0, 12.017197964349128),
    ('bgnbd', '{0.243,4.414,1,2.426}', 50, 100, 400, 365, -96.003762250170358, 1.4618740293534049e-28, 4.7758392346338773e-27),
    ('bgnbd', '{0.243,4.414,1.000001,2.426}', 2, 30, 38, 39, -9.4603564420581701, 0.68191181048159085, 1.126560765981744),
    ('bgnbd', '{0.243,4.414,0.6,0.4}', 0, 0, 38, 39, -0.54983541682550554, 1.0, 0.17280962205414502),
    ('bgnbd', '{5000,100000,0.793,2.426}', 2, 30, 38, 39, -8.0860678319405013, 0.74332095391278553, 1.2685565923085702),
    ('bgnbd', '{2,30,50,5000}', 2, 30, 38, 39, -8.2874151531944524, 0.98377298302021932, 2.2252311959496668),
    ('bgnbd', '{0.01,0.001,0.05,0.05}', 2, 30, 38, 39, -12.641774605372045, 0.92886573792336406, 1.8660725004385672),
    ('bgnbd', '{0.01,0.001,0.05,0.05}', 50, 100, 400, 365, -98.168767864624526, 7.6350473201825425e-28, 3.4214464949156512e-26),
    ('mbgnbd', '{0.243,4.414,0.793,2.426}', 3000, 1000, 1200, 52, 264.92981347761659, 9.3308810900624204e-234, 1.1885139159800368e-231),
    ('mbgnbd', '{0.243,4.414,0.793,2.426}', 2, 30.43, 38.86, 5200, -9.6871826362499614, 0.77441924262364617, 23.91472587798732),
    ('mbgnbd', '{0.243,4.414,0.793,2.426}', 0, 0, 0.142857142857142857, 5200, -0.0058276845950245149, 0.75221036161020179, 11.303493011122112),
    ('mbgnbd', '{0.243,4.414,1.000001,2.426}', 50, 100, 400, 365, -96.041917797102659, 1.4902992887401389e-28, 4.8918650015505996e-27),
    ('mbgnbd', '{0.243,4.414,0.6,0.4}', 0, 0, 38, 39, -0.18534462995382893, 0.27782009397737111, 0.054109067877656425),
    ('mbgnbd', '{5000,100000,0.793,2.426}', 2, 30, 38, 39, -8.3106204628393689, 0.78908258164449486, 1.3738905713253359),
    ('mbgnbd', '{2,30,50,5000}', 0, 0, 38, 39, -1.5964695045412691, 0.95113290497125465, 1.081785504040953),
    ('mbgnbd', '{0.01,0.001,0.05,0.05}', 2, 30, 38, 39, -12.701188129176416, 0.96225566305531724, 1.9472552233249558),
    ('pareto_nbd', '{0.553,10.578,0.606,11.669}', 5, 38.86, 38.86, 39, -17.675812865215706, 1.0, 3.6414396215720774),
    ('pareto_nbd', '{0.553,10.578,0.606,11.669}', 3000, 1000, 1200, 52, 251.40361470104557, 2.1658410700812788e-232, 2.7560171368747053e-230),
    ('pareto_nbd', '{0.553,10.578,0.606,11.669}', 2, 30.43, 38.86, 5200, -9.5542832451504058, 0.86916755915301119, 30.111419491184797),
    ('pareto_nbd', '{0.553,10.578,0.606,11.669}', 0, 0, 0.142857142857142857, 5200, -0.0073910041698971858, 0.99262609738700877, 15.373455274914777),
    ('pareto_nbd', '{0.553,10.578,1,11.669}', 0, 0, 38, 39, -0.40576871667793377, 0.15172788099642378, 0.049717781034566446),
    ('pareto_nbd', '{0.553,10.578,1,11.669}', 2, 30, 38, 39, -9.99061825451881, 0.80302669487616871, 1.2147922453090685),
    ('pareto_nbd', '{0.553,10.578,1.000001,11.669}', 50, 100, 400, 365, -96.542799436143445, 2.2301473872319278e-28, 7.1757301413079074e-27),
    ('pareto_nbd', '{0.5,10,0.6,10}', 2, 30, 38, 39, -9.6183621359889295, 0.87179631333470843, 1.4633131822564151),
    ('pareto_nbd', '{0.5,1000,0.5,1}', 0, 0, 38, 39, -0.0051479839758149583, 0.15798096443687929, 0.0024586478464305814),
    ('pareto_nbd', '{5,0.01,3,3000}', 0, 0, 38, 39, -12.899224270506923, 4.8548188449952434e-13, 2.4434812654648129e-12),
    ('pareto_nbd', '{0.72,9.42,0.0000001,144}', 0, 0, 38, 39, -1.1636704588622123, 0.99999996116760317, 0.59215517984343754),
    ('pareto_nbd', '{10.465,0.00798565181,3.0516,2.82}', 0, 0, 38, 39, -7.0001342024702259, 1.0295500646094589e-39, 4.2152616448553044e-39),
    ('pareto_nbd', '{10.465,0.00798565181,3.0516,2.82}', 50, 100, 400, 365, -170.46392943358136, 1.3121099212418966e-37, 2.857507154346365e-36),
    ('pareto_nbd', '{500,5000,0.6,11.7}', 50, 100, 400, 365, -128.1166449891883, 2.2908637327386739e-13, 6.9415830180032002e-12);
SELECT e.*, log_likelihood(m, x, t_x, age), p_alive(m, x, t_x, age), expected_orders(m, x, t_x, age, horizon) FROM models.edge e, models.btyd(family, params) m
WHERE abs(log_likelihood(m, x, t_x, age) - ll) > 1e-9 * greatest(1, abs(ll)) OR NOT models.near(p_alive(m, x, t_x, age), alive) OR NOT models.near(expected_orders(m, x, t_x, age, horizon), orders);
SELECT v.*, log_likelihood(m, x, mean), expected_value(m, x, mean)
FROM (VALUES
    ('{6.25,3.74,15.44}', 1000, 0.01, -5801.9080513187914, 0.02542885199128702),
    ('{6.25,3.74,15.44}', 3, 100000, -38.698602184288455, 87254.374127501163),
    ('{6.25,3.74,15.44}', 0, 0, NULL, 35.218978102189781),
    ('{0.5,1.2,100}', 1000, 0.01, -1186.913694732814, 0.10995601759296281),
    ('{50,1.05,2000}', 1, 22.35, -224.24295266231297, 2020.3296703296703),
    ('{50,1.05,2000}', 29, 17.5, -2311.869463877606, 86.462535774628461),
    ('{50,1.05,2000}', 3, 100000, -12.48955578394289, 100633.12229256914),
    ('{50,1.05,2000}', 0, 0, NULL, 2000000.0),
    ('{2,0.9,10}', 1, 22.35, -4.3665343854772503, 34.052631578947368),
    ('{2,0.9,10}', 1000, 0.01, -1375.5386099210533, 0.0200010000500025),
    ('{2,0.9,10}', 0, 0, NULL, NULL)) v(params, x, mean, ll, value), models.spend(params::float8[]) m
WHERE NOT models.near(log_likelihood(m, x, mean::float8), ll::float8) OR NOT models.near(expected_value(m, x, mean::float8), value::float8);

-- ---------------------------------------------------------------------------
-- fits
-- ---------------------------------------------------------------------------
-- 400 customers, drawn once from an MBG/NBD process and rounded to weeks: x,t_x,age,customers. The maxima were found by Newton's method with 40 digits (Python's mpmath, derivatives by
-- differences of 1e-8) on the papers' own formulas: beta functions for BG and MBG/NBD, Gauss's hypergeometric function for Pareto/NBD
CREATE TABLE models.patterns AS SELECT c[1]::bigint AS x, c[2]::float8 AS t_x, c[3]::float8 AS age, c[4]::int AS n FROM unnest(string_to_array('0,0,26,107 0,0,39,129 1,1,26,7 1,1,39,2 1,2,26,2 1,2,39,2 1,3,39,1 1,4,26,2 1,4,39,1 1,5,26,3 1,5,39,3 1,6,26,2 1,6,39,2 1,7,26,1 1,7,39,2 1,8,39,3 1,9,26,2 1,9,39,1 1,10,26,1 1,10,39,1 1,12,26,2 1,12,39,2 1,13,26,5 1,15,39,1 1,16,26,3 1,17,26,1 1,19,26,1 1,19,39,1 1,20,26,1 1,21,26,3 1,22,26,1 1,23,26,2 1,23,39,1 1,25,26,1 1,25,39,1 1,26,26,1 1,27,39,1 1,30,39,1 1,32,39,1 1,33,39,1 1,35,39,1 1,36,39,1 1,39,39,1 2,2,39,1 2,3,39,2 2,4,26,1 2,6,26,1 2,7,26,3 2,7,39,2 2,8,26,2 2,9,39,1 2,11,26,1 2,12,26,1 2,12,39,2 2,13,39,1 2,14,26,1 2,15,26,1 2,16,26,1 2,16,39,2 2,17,26,2 2,18,26,1 2,19,26,2 2,20,39,1 2,21,39,1 2,22,26,1 2,22,39,2 2,23,39,1 2,24,26,1 2,25,26,1 2,34,39,1 2,36,39,2 2,37,39,1 2,38,39,1 3,8,26,2 3,9,26,1 3,10,26,1 3,13,26,1 3,14,26,1 3,14,39,1 3,16,26,1 3,16,39,1 3,17,26,1 3,18,26,1 3,20,26,1 3,21,26,1 3,22,26,1 3,23,26,2 3,25,26,1 3,27,39,1 3,29,39,1 3,31,39,1 4,18,26,1 4,19,26,1 4,24,26,1 4,30,39,2 4,36,39,3 4,39,39,2 5,20,39,1 5,25,39,1 5,26,26,2 5,27,39,1 5,37,39,1 5,38,39,2 6,19,26,1 6,25,26,1 6,35,39,1 6,39,39,1 7,25,26,1 7,31,39,1 8,25,26,1 8,26,26,1 8,32,39,1 9,25,26,1 9,35,39,1 11,22,26,1 12,36,39,1', ' ')) s, string_to_array(s, ',') c;
CREATE TABLE models.customers AS SELECT row_number() OVER () AS i, x, t_x, age FROM models.patterns, generate_series(1, n);
-- 110 customers' x and mean value, likewise
CREATE TABLE models.spenders AS SELECT row_number() OVER () AS i, c[1]::bigint AS x, c[2]::float8 AS mean FROM unnest(string_to_array('1,1.7 1,1.9 1,1.9 1,1.9 1,2.5 1,3.0 1,3.3 1,4.8 1,5.1 1,5.2 1,10.9 1,11.0 1,11.4 1,16.3 1,19.0 1,20.4 1,26.6 1,33.5 1,34.3 1,54.7 2,2.7 2,3.0 2,3.2 2,5.9 2,7.5 2,7.9 2,8.1 2,8.2 2,8.4 2,8.7 2,9.8 2,11.0 2,11.3 2,13.2 2,13.8 2,14.3 2,19.3 2,19.7 2,20.6 2,33.8 2,59.3 2,61.8 3,7.2 3,7.5 3,8.1 3,8.4 3,9.0 3,9.5 3,12.0 3,52.1 4,6.1 4,6.2 4,10.7 4,11.5 4,11.7 4,14.9 4,15.8 4,17.2 4,17.8 4,18.6 4,19.7 4,26.5 4,26.6 4,45.8 4,47.6 6,4.5 6,5.3 6,5.4 6,6.2 6,7.1 6,7.4 6,9.6 6,9.7 6,9.9 6,13.6 6,18.0 6,18.3 6,29.0 6,32.2 9,5.5 9,6.0 9,6.6 9,8.5 9,9.5 9,11.9 9,13.2 9,15.7 9,16.1 9,21.2 9,23.2 9,28.9 12,3.1 12,4.5 12,5.1 12,5.8 12,6.0 12,6.8 12,6.9 12,6.9 12,8.2 12,8.7 12,9.6 12,10.3 12,11.8 12,17.1 12,17.5 12,17.6 12,20.7 12,21.4 12,27.5', ' ')) s, string_to_array(s, ',') c;
CREATE TABLE models.fitted AS
SELECT family, (CASE family WHEN 'bgnbd' THEN fit_bgnbd(x, t_x, age) WHEN 'mbgnbd' THEN fit_mbgnbd(x, t_x, age) ELSE fit_pareto_nbd(x, t_x, age) END) AS m
FROM models.customers, unnest('{bgnbd,mbgnbd,pareto_nbd}'::text[]) family GROUP BY family;
CREATE TABLE models.spend_fitted AS SELECT fit_gamma_gamma(x, mean) AS s FROM models.spenders;
SELECT (m).family, (m).customers, (m).iterations BETWEEN 2 AND 60 AS iterations, (m).converged, (m).status FROM models.fitted ORDER BY 1;
SELECT (s).family, (s).customers, (s).iterations BETWEEN 2 AND 60 AS iterations, (s).converged, (s).status FROM models.spend_fitted;
SELECT (m).family, p.name, round(p.estimate::numeric, 6) AS estimate, models.near(p.estimate, v.estimate, 8) AS estimate_near, models.near(p.std_error, v.std_error, 6) AS std_error_near, models.near((m).log_likelihood, v.ll, 12) AS log_likelihood_near
FROM models.fitted JOIN (VALUES
    ('bgnbd', 'r', 0.31316104173376189::float8, 0.0432074658898::float8, -1630.9707213988539::float8), ('bgnbd', 'alpha', 7.0699816868589837, 1.50088292237, -1630.9707213988539), ('bgnbd', 'a', 0.64425868281147118, 0.474585920035, -1630.9707213988539), ('bgnbd', 'b', 2.5972425911059705, 2.21348891053, -1630.9707213988539),
    ('mbgnbd', 'r', 2.0425997625283177, 0.91512877748, -1625.5486431726243), ('mbgnbd', 'alpha', 21.173052324581386, 8.2915145635, -1625.5486431726243), ('mbgnbd', 'a', 0.59013618306364249, 0.162690712027, -1625.5486431726243), ('mbgnbd', 'b', 0.55145361071823822, 0.174950870052, -1625.5486431726243),
    ('pareto_nbd', 'r', 0.73752900408640125, 0.193153953218, -1626.0118212424636), ('pareto_nbd', 'alpha', 15.48677782267902, 3.36705797465, -1626.0118212424636), ('pareto_nbd', 's', 0.58747030944099864, 0.487947510051, -1626.0118212424636), ('pareto_nbd', 'beta', 12.59982225665096, 18.2111067945, -1626.0118212424636)
    ) v(family, name, estimate, std_error, ll) USING (family), btyd_params(m) p WHERE p.name = v.name ORDER BY 1, array_position('{r,alpha,a,s,b,beta}', p.name);
SELECT p.name, round(p.estimate::numeric, 6) AS estimate, models.near(p.estimate, v.estimate, 8) AS estimate_near, models.near(p.std_error, v.std_error, 6) AS std_error_near, models.near((s).log_likelihood, -383.0851127197794, 12) AS log_likelihood_near
FROM models.spend_fitted, (VALUES ('p', 1.8781195031116207::float8, 0.61176720364::float8), ('q', 3.4214462106179702, 0.714287812181), ('v', 18.774858835334, 9.51409128973)) v(name, estimate, std_error), btyd_params(s) p WHERE p.name = v.name ORDER BY 1;
-- as Pearson's coefficient
SELECT models.near((s).correlation, (SELECT corr(x, mean) FROM models.spenders), 12) AS correlation FROM models.spend_fitted;
-- log_likelihood is the sum of those of the customers
SELECT (m).family FROM models.fitted WHERE NOT models.near((SELECT sum(log_likelihood(m, x, t_x, age)) FROM models.customers), (m).log_likelihood, 12);
SELECT models.near((SELECT sum(log_likelihood(s, x, mean)) FROM models.spenders), (s).log_likelihood, 12) AS spend FROM models.spend_fitted;
-- the slope of it, with respect to the logarithm of each parameter, is zero there
SELECT (m).family, k, slope FROM models.fitted, generate_series(1, 4) k,
    LATERAL (SELECT sum(n * (log_likelihood(models.btyd((m).family, (m).params[:k - 1] || (m).params[k] * exp(1e-4::float8) || (m).params[k + 1:]), x, t_x, age)
                             - log_likelihood(models.btyd((m).family, (m).params[:k - 1] || (m).params[k] * exp(-1e-4::float8) || (m).params[k + 1:]), x, t_x, age))) / 2e-4 FROM models.patterns) d(slope) WHERE abs(slope) > 1e-5;
SELECT k, slope FROM models.spend_fitted, generate_series(1, 3) k,
    LATERAL (SELECT sum(log_likelihood(models.spend((s).params[:k - 1] || (s).params[k] * exp(1e-4::float8) || (s).params[k + 1:]), x, mean)
                        - log_likelihood(models.spend((s).params[:k - 1] || (s).params[k] * exp(-1e-4::float8) || (s).params[k + 1:]), x, mean)) / 2e-4 FROM models.spenders) d(slope) WHERE abs(slope) > 1e-5;
-- intervals: those of the logarithm, of 95 % (1.96 standard errors) and of others
SELECT (m).family, p.* FROM models.fitted, btyd_params(m) p
WHERE NOT models.near(ci_low, estimate * exp(-1.959963984540054 * std_error / estimate)) OR NOT models.near(ci_high, estimate * exp(1.959963984540054 * std_error / estimate)) OR ci_low <= 0;
SELECT name, round(ci_low::numeric, 5) AS ci_low, round(ci_high::numeric, 5) AS ci_high FROM models.spend_fitted, btyd_params(s, 0.5);
SELECT count(*) FILTER (WHERE NOT models.near(ln(ci_high / estimate), 2.5758293035489004 * std_error / estimate)) AS differ, count(*) FROM models.spend_fitted, btyd_params(s, 0.99);
-- a model by hand has no errors; nor has one without parameters rows
SELECT p.* FROM models.cdnow, btyd_params(bg) p;
SELECT * FROM btyd_params(ROW('gamma_gamma', '{1,2,3}', '{0.5,NULL,-1}', NULL, NULL, NULL, NULL, NULL, NULL)::spend_model);
SELECT count(*) FROM btyd_params(ROW('bgnbd', NULL, NULL, NULL, NULL, NULL, NULL, NULL)::btyd_model) a, btyd_params(NULL::spend_model) b;

-- ---------------------------------------------------------------------------
-- properties
-- ---------------------------------------------------------------------------
-- another unit of time changes scales, and the log-likelihood by sum(x) ln 7 (Gamma-Gamma: another unit of money, by the number of customers times ln 100)
SELECT family, models.near((d).params[1], (m).params[1]) AND models.near((d).params[2], 7 * (m).params[2]) AND models.near((d).params[3], (m).params[3]) AND models.near((d).params[4], CASE family WHEN 'pareto_nbd' THEN 7 ELSE 1 END * (m).params[4]) AS params,
       models.near((m).log_likelihood - (d).log_likelihood, ln(7::float8) * (SELECT sum(x) FROM models.customers), 10) AS log_likelihood
FROM models.fitted, LATERAL (SELECT CASE family WHEN 'bgnbd' THEN fit_bgnbd(x, 7 * t_x, 7 * age) WHEN 'mbgnbd' THEN fit_mbgnbd(x, 7 * t_x, 7 * age) ELSE fit_pareto_nbd(x, 7 * t_x, 7 * age) END AS d FROM models.customers) d ORDER BY 1;
SELECT models.near((c).params[1], (s).params[1]) AND models.near((c).params[2], (s).params[2]) AND models.near((c).params[3], 100 * (s).params[3]) AS params,
       models.near((s).log_likelihood - (c).log_likelihood, 110 * ln(100::float8), 10) AS log_likelihood FROM models.spend_fitted, (SELECT fit_gamma_gamma(x, 100 * mean) AS c FROM models.spenders) c;
-- parts, merged in any order, are the whole: states, and with them models, are the same to the last byte
CREATE TABLE models.whole AS SELECT btyd_state(x, t_x, age) AS b, (SELECT gamma_gamma_state(x, mean) FROM models.spenders) AS g, fit_bgnbd(x, t_x, age) AS bg, fit_mbgnbd(x, t_x, age) AS mbg, fit_pareto_nbd(x, t_x, age) AS pareto FROM models.customers;
SELECT parts, o, r.b::text = w.b::text AS state, fit_bgnbd(r.b)::text = bg::text AS bgnbd, fit_mbgnbd(r.b)::text = mbg::text AS mbgnbd, fit_pareto_nbd(r.b)::text = pareto::text AS pareto_nbd
FROM models.whole w, unnest('{2,17,400}'::int[]) parts, unnest('{up,down,shuffled}'::text[]) o,
    LATERAL (SELECT rollup(b ORDER BY CASE o WHEN 'up' THEN to_char(part, '000') WHEN 'down' THEN to_char(500 - part, '000') ELSE md5(part::text) END) AS b FROM (SELECT i % parts AS part, btyd_state(x, t_x, age) AS b FROM models.customers GROUP BY 1) p) r ORDER BY 1, 2;
SELECT parts, r.g::text = w.g::text AS state, fit_gamma_gamma(r.g)::text = s::text AS gamma_gamma
FROM models.whole w, models.spend_fitted, unnest('{2,17,110}'::int[]) parts, LATERAL (SELECT rollup(g ORDER BY md5(part::text)) AS g FROM (SELECT i % parts AS part, gamma_gamma_state(x, mean) AS g FROM models.spenders GROUP BY 1) p) r ORDER BY 1;
SELECT seed, fit_bgnbd(x, t_x, age ORDER BY md5((i * seed)::text))::text = min(bg::text) AS bgnbd, fit_mbgnbd(x, t_x, age ORDER BY md5((i * seed)::text))::text = min(mbg::text) AS mbgnbd, fit_pareto_nbd(x, t_x, age ORDER BY md5((i * seed)::text))::text = min(pareto::text) AS pareto_nbd
FROM models.customers, models.whole, generate_series(1, 3) seed GROUP BY seed ORDER BY 1;
SELECT measure, customer_type, customers FROM models.whole, state_info(b);
SELECT measure, customer_type, customers FROM models.whole, state_info(g);
SELECT b::text::retention_state::text = b::text AS btyd, g::text::retention_state::text = g::text AS gamma_gamma, replace(encode(retention_state_send(b), 'base64'), E'\n', '') = b::text AS sent FROM models.whole;
-- twice as many of all: the same maximum, twice the log-likelihood, errors less by the root of two
SELECT family, models.near((t).params[1], (m).params[1]) AND models.near((t).params[2], (m).params[2]) AND models.near((t).params[3], (m).params[3]) AND models.near((t).params[4], (m).params[4]) AS params,
       models.near((t).log_likelihood, 2 * (m).log_likelihood, 12) AS log_likelihood, models.near((t).std_errors[4] * sqrt(2), (m).std_errors[4], 7) AS std_error, (t).customers
FROM models.fitted, LATERAL (SELECT CASE family WHEN 'bgnbd' THEN fit_bgnbd(x, t_x, age) WHEN 'mbgnbd' THEN fit_mbgnbd(x, t_x, age) ELSE fit_pareto_nbd(x, t_x, age) END AS t FROM models.customers, generate_series(1, 2)) t ORDER BY 1;
-- customers of today (age 0) say nothing, and are counted
SELECT family, models.near((t).params[1], (m).params[1], 8) AND models.near((t).params[2], (m).params[2], 8) AND models.near((t).params[3], (m).params[3], 8) AND models.near((t).params[4], (m).params[4], 8) AS params, models.near((t).log_likelihood, (m).log_likelihood, 12) AS log_likelihood, (t).customers
FROM models.fitted, LATERAL (SELECT CASE family WHEN 'bgnbd' THEN fit_bgnbd(x, t_x, age) WHEN 'mbgnbd' THEN fit_mbgnbd(x, t_x, age) ELSE fit_pareto_nbd(x, t_x, age) END AS t FROM (SELECT x, t_x, age FROM models.customers UNION ALL SELECT 0, 0, 0 FROM generate_series(1, 50)) c) t ORDER BY 1;
-- the probabilities of all numbers are 1, and their mean is the number expected; none is that of the likelihood of none
CREATE VIEW models.several AS SELECT m FROM models.fitted UNION ALL SELECT bg FROM models.cdnow UNION ALL SELECT mbg FROM models.cdnow UNION ALL SELECT pareto FROM models.cdnow UNION ALL
    SELECT models.btyd(f, p::float8[]) FROM unnest('{bgnbd,mbgnbd,pareto_nbd}'::text[]) f, unnest(ARRAY['{0.05,8,0,1}', '{3,20,0.001,50}', '{40,500,1,1}', '{0.5,8,30,2}']) p;
SELECT m, horizon, total, mean, expected_orders_new(m, horizon) FROM models.several, unnest('{0,0.5,13,52}'::float8[]) horizon, LATERAL (SELECT sum(orders_pmf_new(m, n, horizon)) AS total, sum(n * orders_pmf_new(m, n, horizon)) AS mean FROM generate_series(0, 900) n) d
WHERE abs(total - 1) > 1e-10 OR abs(mean - expected_orders_new(m, horizon)) > 1e-9 * greatest(1, mean);
SELECT m, horizon FROM models.several, unnest('{0,0.5,13,520}'::float8[]) horizon WHERE NOT models.near(orders_pmf_new(m, 0, horizon), exp(log_likelihood(m, 0, 0, horizon)), 12);
-- a new customer is one that has just ordered first, but for the chance of the MBG/NBD to have left
SELECT m, horizon FROM models.several, unnest('{0,0.5,13,520}'::float8[]) horizon WHERE NOT models.near(expected_orders(m, 0, 0, 0, horizon), expected_orders_new(m, horizon), 12);
-- soon: the probability of being alive, times the rate; none in no time; more in more time
SELECT m, x, t_x, age FROM models.several, models.patterns WHERE NOT models.near(expected_orders(m, x, t_x, age, 1e-7) / 1e-7, p_alive(m, x, t_x, age) * ((m).params[1] + x) / ((m).params[2] + age), 5) OR expected_orders(m, x, t_x, age, 0) <> 0;
SELECT m, x, t_x, age FROM models.several, models.patterns WHERE NOT (expected_orders(m, x, t_x, age, 10) > expected_orders(m, x, t_x, age, 9.99) AND expected_orders(m, x, t_x, age, 1000) > expected_orders(m, x, t_x, age, 10)
    AND p_alive(m, x, t_x, age) BETWEEN 0 AND 1 AND expected_orders(m, x, t_x, age, 10) <= 10 * ((m).params[1] + x) / ((m).params[2] + age) * (1 + 1e-12));
-- the longer ago the last order, the less likely alive; BG/NBD: certainly, if there was no second
SELECT m, x FROM models.several, generate_series(1, 20) x WHERE NOT (p_alive(m, x, 30, 40) >= p_alive(m, x, 20, 40) AND p_alive(m, x, 20, 40) >= p_alive(m, x, 10, 40));
SELECT (m).family, bool_and(p_alive(m, 0, 0, 30) = 1) AS certain FROM models.several WHERE (m).params[3] > 0 GROUP BY 1 ORDER BY 1;
-- where a, or s, is 0 nobody leaves: the rate alone counts
SELECT f, x FROM unnest('{bgnbd,mbgnbd,pareto_nbd}'::text[]) f, generate_series(0, 20) x, models.btyd(f, '{0.7,3,0,5}') m
WHERE p_alive(m, x, least(x, 5), 40) <> 1 OR NOT models.near(expected_orders(m, x, least(x, 5), 40, 26), 26 * (0.7 + x) / 43, 13)
   OR NOT models.near(log_likelihood(m, x, least(x, 5), 40), (SELECT coalesce(sum(ln(0.7::float8 + j)), 0) FROM generate_series(0, x - 1) j) + 0.7 * ln(3::float8) - (0.7 + x) * ln(43::float8), 10);

-- ---------------------------------------------------------------------------
-- what customers are worth
-- ---------------------------------------------------------------------------
-- expected_value: p (v + m x) / (p x + q - 1); of all customers where x is 0 or the mean is unknown; NULL where there is no mean: q not above 1, or p x + q not, or a mean below zero
SELECT x, m, models.near(expected_value(spend, x, m), theirs, 12) AS near
FROM models.cdnow, (VALUES (0, 20::float8), (0, NULL), (3, NULL), (3, 20), (3, 0), (100000, 20)) v(x, m),
    LATERAL (SELECT CASE WHEN x = 0 OR m IS NULL THEN 6.24957227 * 15.44352097 / 2.74422467 ELSE 6.24957227 * (15.44352097 + m * x) / (6.24957227 * x + 2.74422467) END::float8) t(theirs);
SELECT q, expected_value(m, 0, NULL) AS new, expected_value(m, 1, 10) AS one, expected_value(m, 4, NULL) AS unknown FROM unnest('{0.4,0.5,0.999999,1,1.5}'::float8[]) q, models.spend(ARRAY[0.5, q, 100]) m;
SELECT expected_value(spend, 3, -1) AS negative, expected_value(spend, 0, -1) IS NOT NULL AS "x 0", log_likelihood(spend, 3, 0) AS ll_zero, log_likelihood(spend, 3, -1) AS ll_negative, log_likelihood(spend, 0, 5) AS ll_x_0 FROM models.cdnow;
-- what is beyond the range of its type is no number: of a mean near its end, and of many orders of a large one; but all that is within is
SELECT expected_value(spend, 2, 1e308) AS value, predicted_clv(bg, spend, 2, 30.43, 38.86, 1e308, 39) AS clv, predicted_clv(bg, spend, 3000, 520, 520, 5e304, 2000) AS of_many, log_likelihood(spend, 2, 1e308) AS ll,
       expected_value(spend, 2, 1e307) BETWEEN 1e306 AND 1e308 AS value_within, predicted_clv(bg, spend, 3000, 520, 520, 5e304, 200) BETWEEN 1e306 AND 1e308 AS clv_within, log_likelihood(spend, 2, 1e307) BETWEEN -1e5 AND 0 AS ll_within FROM models.cdnow;
-- predicted_clv: value times orders; by step discounted, the last one maybe a part of one
SELECT rate, horizon, step, x, ours, theirs
FROM models.several, models.cdnow, (VALUES (0, NULL::float8, 0::float8, 38.86::float8), (2, 22.345, 30.43, 38.86), (7, 0, 29.43, 38.86), (1, 11.77, 1.71, 38.86)) h(x, mean, t_x, age), unnest('{0,0.01,0.5,10}'::float8[]) rate,
    (VALUES (12 * 4.345::float8, 4.345::float8), (52, 1), (10, 3), (10, 100), (0.5, 0.2), (0, 1)) s(horizon, step),
    LATERAL (SELECT predicted_clv(m, spend, x, t_x, age, mean, horizon, rate, step) AS ours,
                    expected_value(spend, x, mean) * coalesce((SELECT sum((expected_orders(m, x, t_x, age, least(k * step, horizon)) - expected_orders(m, x, t_x, age, (k - 1) * step)) / power(1 + rate, k)) FROM generate_series(1, ceil(horizon / step)::int) k), 0) AS theirs) c
WHERE abs(ours - theirs) > 1e-9 * abs(theirs);
SELECT count(*) AS differ FROM models.several, models.cdnow, unnest('{0.1,1,7,1000}'::float8[]) step WHERE predicted_clv(m, spend, 2, 30.43, 38.86, 22.345, 52, 0, step) <> predicted_clv(m, spend, 2, 30.43, 38.86, 22.345, 52) OR NOT models.near(predicted_clv(m, spend, 2, 30.43, 38.86, 22.345, 52), expected_value(spend, 2, 22.345) * expected_orders(m, 2, 30.43, 38.86, 52), 12);
-- lifetimes' yearly figure on weekly data, 1 % a month: customers 1 and 3 at the maxima; made by lifetimes 0.11.3
SELECT round(predicted_clv(m, s, 2, 30.4285714286, 38.8571428571, 22.345, 12 * 4.345, 0.01, 4.345)::numeric, 5) AS "36.27398", round(predicted_clv(m, s, 0, 0, 38.8571428571, NULL, 12 * 4.345, 0.01, 4.345)::numeric, 5) AS "8.34448"
FROM models.btyd('bgnbd', '{0.242594522426,4.4136020189,0.792922017197,2.42590677674}') m, models.spend('{6.24957226927,3.74422466747,15.4435209696}') s;
SELECT p, churn_risk(p) FROM unnest('{0,0.2999999,0.3,0.5,0.6999999,0.7,1}'::float8[]) p;

-- ---------------------------------------------------------------------------
-- NULLs
-- ---------------------------------------------------------------------------
SELECT p_alive(NULL, 1, 1, 2), p_alive(bg, NULL, 1, 2), p_alive(bg, 1, NULL, 2), p_alive(bg, 1, 1, NULL), expected_orders(bg, 1, 1, 2, NULL), expected_orders_new(bg, NULL), orders_pmf_new(bg, NULL, 1), log_likelihood(bg, NULL, 1, 2), churn_risk(NULL),
       log_likelihood(spend, 1, NULL), expected_value(NULL, 1, 2), expected_value(spend, NULL, 2) FROM models.cdnow;
SELECT predicted_clv(NULL, spend, 1, 1, 2, 5, 9) AS m, predicted_clv(bg, NULL, 1, 1, 2, 5, 9) AS s, predicted_clv(bg, spend, NULL, 1, 2, 5, 9) AS x, predicted_clv(bg, spend, 1, NULL, 2, 5, 9) AS t_x, predicted_clv(bg, spend, 1, 1, NULL, 5, 9) AS age, predicted_clv(bg, spend, 1, 1, 2, 5, NULL) AS horizon,
       predicted_clv(bg, spend, 1, 1, 2, 5, 9, NULL) AS rate, predicted_clv(bg, spend, 1, 1, 2, 5, 9, 0, NULL) AS step, predicted_clv(bg, spend, 1, 1, 2, NULL, 9) IS NOT NULL AS mean FROM models.cdnow;
-- a model without parameters says nothing
SELECT p_alive(m, 1, 1, 2), expected_orders(m, 1, 1, 2, 9), expected_orders_new(m, 9), orders_pmf_new(m, 0, 9), log_likelihood(m, 1, 1, 2), predicted_clv(m, spend, 1, 1, 2, 5, 9), predicted_clv(bg, s, 1, 1, 2, 5, 9), expected_value(s, 1, 2), log_likelihood(s, 1, 2) FROM models.cdnow, models.btyd('bgnbd', NULL) m, models.spend(NULL) s;

-- ---------------------------------------------------------------------------
-- models by hand
-- ---------------------------------------------------------------------------
SELECT p_alive(ROW('nbd', '{1,2,3,4}', NULL, NULL, NULL, NULL, NULL, NULL)::btyd_model, 1, 1, 2);
SELECT p_alive(models.btyd(NULL, '{1,2,3,4}'), 1, 1, 2);
SELECT p_alive(models.btyd('BGNBD', '{1,2,3,4}'), 1, 1, 2);
SELECT p_alive(models.btyd('gamma_gamma', '{1,2,3}'), 1, 1, 2);
SELECT expected_value(ROW('bgnbd', '{1,2,3}', NULL, NULL, NULL, NULL, NULL, NULL, NULL)::spend_model, 1, 1);
SELECT p_alive(models.btyd('bgnbd', '{1,2,3}'), 1, 1, 2);
SELECT p_alive(models.btyd('pareto_nbd', '{1,2,3,4,5}'), 1, 1, 2);
SELECT p_alive(models.btyd('bgnbd', '{}'), 1, 1, 2);
SELECT expected_value(models.spend('{1,2,3,4}'), 1, 1);
SELECT p_alive(models.btyd('bgnbd', '{0,2,3,4}'), 1, 1, 2);
SELECT p_alive(models.btyd('bgnbd', '{1,-2,3,4}'), 1, 1, 2);
SELECT p_alive(models.btyd('bgnbd', '{1,2,-3,4}'), 1, 1, 2);
SELECT p_alive(models.btyd('mbgnbd', '{1,2,3,0}'), 1, 1, 2);
SELECT p_alive(models.btyd('pareto_nbd', '{1,2,3,NULL}'), 1, 1, 2);
SELECT p_alive(models.btyd('pareto_nbd', '{1,2,3,NaN}'), 1, 1, 2);
SELECT p_alive(models.btyd('pareto_nbd', '{1,Infinity,3,4}'), 1, 1, 2);
SELECT p_alive(models.btyd('bgnbd', '{1e16,2,3,4}'), 1, 1, 2);
SELECT p_alive(models.btyd('bgnbd', '{1,1e101,3,4}'), 1, 1, 2);
SELECT expected_value(models.spend('{1,0,3}'), 1, 1);
SELECT expected_value(models.spend('{1,2,1e-101}'), 1, 1);
-- as many parameters in two dimensions are parameters all the same; the widest there may be
SELECT p_alive(models.btyd('bgnbd', '{{0.243,4.414},{0.793,2.426}}'), 2, 30.43, 38.86) = p_alive(bg, 2, 30.43, 38.86) AS same FROM models.cdnow;
SELECT p_alive(m, 0, 0, 0) BETWEEN 0 AND 1 AS possible, expected_orders_new(m, 1) >= 0 AS orders FROM unnest(ARRAY['{1e15,1e60,1e15,1e15}', '{1e-15,1e-60,1e-15,1e-15}']) p, models.btyd('bgnbd', p::float8[]) m;
-- a model that changes from row to row
SELECT count(*) AS differ FROM generate_series(1, 50) i, models.several WHERE p_alive(CASE i % 3 WHEN 0 THEN m WHEN 1 THEN models.btyd('bgnbd', ARRAY[i, 2, 3, 4]) ELSE models.btyd('pareto_nbd', ARRAY[1, i, 3, 4]) END, 2, 3, 5)
    <> CASE i % 3 WHEN 0 THEN p_alive(m, 2, 3, 5) WHEN 1 THEN p_alive(models.btyd('bgnbd', ARRAY[i, 2, 3, 4]), 2, 3, 5) ELSE p_alive(models.btyd('pareto_nbd', ARRAY[1, i, 3, 4]), 2, 3, 5) END;
-- stored in a table, read by fields, of a domain, and from its text
SELECT models.near(p_alive((m::text)::btyd_model, 2, 3, 5), p_alive(m, 2, 3, 5), 14) AS from_text, (m).params[2] > 0 AS field FROM models.fitted ORDER BY (m).family;

-- ---------------------------------------------------------------------------
-- bad arguments
-- ---------------------------------------------------------------------------
SELECT p_alive(bg, -1, 1, 2) FROM models.cdnow;
SELECT p_alive(bg, 9007199254740993, 1, 2) FROM models.cdnow;
SELECT p_alive(bg, 1, -1, 2) FROM models.cdnow;
SELECT p_alive(bg, 1, 3, 2) FROM models.cdnow;
SELECT p_alive(bg, 1, 0, 0) FROM models.cdnow;
SELECT p_alive(bg, 0, 1, 2) FROM models.cdnow;
SELECT p_alive(bg, 1, 1, 'NaN') FROM models.cdnow;
SELECT p_alive(bg, 1, 'NaN', 2) FROM models.cdnow;
SELECT p_alive(bg, 1, 1, 'Infinity') FROM models.cdnow;
SELECT expected_orders(bg, 1, 1, 2, -1) FROM models.cdnow;
SELECT expected_orders(bg, 1, 1, 2, 'NaN') FROM models.cdnow;
SELECT expected_orders_new(bg, 'Infinity') FROM models.cdnow;
SELECT orders_pmf_new(bg, -1, 9) FROM models.cdnow;
SELECT orders_pmf_new(bg, 100001, 9) FROM models.cdnow;
SELECT orders_pmf_new(bg, 1, -9) FROM models.cdnow;
-- the shortest of horizons
SELECT orders_pmf_new(bg, n, 5e-324) AS bg, orders_pmf_new(mbg, n, 5e-324) AS mbg, orders_pmf_new(pareto, n, 5e-324) AS pareto FROM models.cdnow, generate_series(0, 1) n;
SELECT log_likelihood(bg, 1, 3, 2) FROM models.cdnow;
SELECT log_likelihood(spend, -1, 3) FROM models.cdnow;
SELECT log_likelihood(spend, 1, 'NaN') FROM models.cdnow;
SELECT expected_value(spend, -1, 3) FROM models.cdnow;
SELECT expected_value(spend, 1, 'Infinity') FROM models.cdnow;
SELECT predicted_clv(bg, spend, 1, 1, 2, 5, -1) FROM models.cdnow;
SELECT predicted_clv(bg, spend, 1, 1, 2, 5, 9, -0.1) FROM models.cdnow;
SELECT predicted_clv(bg, spend, 1, 1, 2, 5, 9, 'NaN') FROM models.cdnow;
SELECT predicted_clv(bg, spend, 1, 1, 2, 5, 9, 0.1, 0) FROM models.cdnow;
SELECT predicted_clv(bg, spend, 1, 1, 2, 5, 9, 0.1, -1) FROM models.cdnow;
SELECT predicted_clv(bg, spend, 1, 1, 2, 5, 9, 0.1, 'Infinity') FROM models.cdnow;
SELECT predicted_clv(bg, spend, 1, 1, 2, 5, 9, 0.1, 1e-6) FROM models.cdnow;
SELECT predicted_clv(bg, spend, 1, 1, 2, 'NaN', 9) FROM models.cdnow;
SELECT churn_risk(1.5);
SELECT churn_risk('NaN');
SELECT count(*) FROM models.cdnow, btyd_params(bg, 95);
SELECT count(*) FROM models.cdnow, btyd_params(bg, 0);
SELECT count(*) FROM models.cdnow, btyd_params(spend, NULL);
SELECT fit_bgnbd(-1, 1, 2);
SELECT fit_bgnbd(1, 3, 2);
SELECT fit_mbgnbd(1, 'NaN', 2);
SELECT fit_pareto_nbd(1, 1, 'Infinity');
SELECT fit_pareto_nbd(0, 1, 2);
SELECT fit_gamma_gamma(-1, 5);
SELECT fit_gamma_gamma(1, 'NaN');
SELECT fit_gamma_gamma(1, '-Infinity');
SELECT btyd_transfn(NULL, 1, 1, 2);
SELECT btyd_transfn(NULL, NULL, 1, 2);
SELECT gamma_gamma_transfn(NULL, 1, 5);
SELECT fit_bgnbd(g) FROM models.whole;
SELECT fit_gamma_gamma(b) FROM models.whole;
SELECT fit_pareto_nbd(aov_state(5));
SELECT repeat_rate(b) FROM models.whole;
SELECT rollup(s) FROM (SELECT b AS s FROM models.whole UNION ALL SELECT g FROM models.whole) x;

-- ---------------------------------------------------------------------------
-- the grid
-- ---------------------------------------------------------------------------
SELECT fit_bgnbd(x, t_x, age), fit_mbgnbd(x, t_x, age), fit_pareto_nbd(x, t_x, age), btyd_state(x, t_x, age) FROM models.customers WHERE false;
SELECT fit_gamma_gamma(x, mean), gamma_gamma_state(x, mean) FROM models.spenders WHERE false;
SELECT fit_bgnbd(NULL, t_x, age), fit_mbgnbd(x, NULL, age), fit_pareto_nbd(x, t_x, NULL), fit_gamma_gamma(x, NULL), fit_gamma_gamma(NULL, 5) FROM models.customers;
SELECT fit_bgnbd(NULL::retention_state), fit_gamma_gamma(NULL::retention_state), rollup(b) FILTER (WHERE false) IS NULL AS none FROM models.whole;
-- rows with a NULL are no rows
SELECT fit_bgnbd(x, t_x, age)::text = (SELECT bg::text FROM models.whole) AS same FROM (SELECT x, t_x, age FROM models.customers UNION ALL VALUES (NULL, 1, 2), (1, NULL, 2), (1, 1, NULL)) c;
SELECT (b).customers, (b).params, (b).status, (g).customers AS spenders, (g).status AS spend_status FROM (SELECT fit_bgnbd(1, 1, 2) AS b, fit_gamma_gamma(1, 5) AS g) f;
SELECT fit_bgnbd(x, t_x, age) FILTER (WHERE x > 100) AS none, (fit_bgnbd(x, t_x, age) FILTER (WHERE age = 26)).customers AS some, (fit_bgnbd(DISTINCT x, t_x, age)).customers AS patterns, (fit_bgnbd(x, t_x, age)).customers AS all,
       (fit_bgnbd(x, t_x, age ORDER BY t_x DESC))::text = (SELECT bg::text FROM models.whole) AS ordered, (fit_bgnbd(x, t_x, age))::text = (SELECT bg::text FROM models.whole) AS again, (fit_pareto_nbd(x, t_x, age)).family AS twin FROM models.customers;
SELECT age, (fit_bgnbd(x, t_x, age)).customers, (fit_mbgnbd(x, t_x, age)).converged, (fit_pareto_nbd(x, t_x, age)).converged AS pareto FROM models.customers GROUP BY age ORDER BY 1;
SELECT count(*), count(DISTINCT (m).status) FROM (SELECT i, fit_mbgnbd(x, t_x, age) AS m FROM models.customers GROUP BY i) g;
-- a fit per row of a window is possible, and each is that of its rows alone
SELECT count(*), count(*) FILTER (WHERE running::text IS DISTINCT FROM alone::text) AS differ
FROM (SELECT i, fit_gamma_gamma(x, mean) OVER (ORDER BY i ROWS 9 PRECEDING) AS running, (SELECT fit_gamma_gamma(x, mean) FROM models.spenders c WHERE c.i BETWEEN s.i - 9 AND s.i) AS alone FROM models.spenders s) w;
SELECT count(*), count(*) FILTER (WHERE running::text IS DISTINCT FROM alone::text) AS differ
FROM (SELECT i, fit_bgnbd(x, t_x, age) OVER (ORDER BY i) AS running, (SELECT fit_bgnbd(x, t_x, age) FROM models.customers c WHERE c.i BETWEEN 237 AND s.i) AS alone FROM models.customers s WHERE i BETWEEN 237 AND 290) w;
-- workers: in a plan that is split, the same bytes
CREATE TABLE models.many AS SELECT x, t_x, age FROM models.customers, generate_series(1, 50);
CREATE TABLE models.many_spent AS SELECT x, mean FROM models.spenders, generate_series(1, 50);
ALTER TABLE models.many SET (parallel_workers = 3); ALTER TABLE models.many_spent SET (parallel_workers = 3);
CREATE FUNCTION models.plan_has(query text, node text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE line text; found boolean := false;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP found := found OR line ~ node; END LOOP;
    RETURN found;
END $$;
CREATE TABLE models.serial AS SELECT fit_bgnbd(x, t_x, age) AS bg, fit_mbgnbd(x, t_x, age) AS mbg, fit_pareto_nbd(x, t_x, age) AS pareto, (SELECT fit_gamma_gamma(x, mean) FROM models.many_spent) AS spend, fit_bgnbd(x, t_x, age) FILTER (WHERE x > 4) AS few FROM models.many;
SET max_parallel_workers_per_gather = 3; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off;
SELECT models.plan_has('SELECT fit_bgnbd(x, t_x, age), fit_mbgnbd(x, t_x, age), fit_pareto_nbd(x, t_x, age) FROM models.many', 'Partial Aggregate') AS split, models.plan_has('SELECT fit_gamma_gamma(x, mean) FROM models.many_spent', 'Partial Aggregate') AS spend_split;
SELECT fit_bgnbd(x, t_x, age)::text = (SELECT bg::text FROM models.serial) AS bgnbd, fit_mbgnbd(x, t_x, age)::text = (SELECT mbg::text FROM models.serial) AS mbgnbd, fit_pareto_nbd(x, t_x, age)::text = (SELECT pareto::text FROM models.serial) AS pareto_nbd,
       (SELECT fit_gamma_gamma(x, mean)::text FROM models.many_spent) = (SELECT spend::text FROM models.serial) AS gamma_gamma, (fit_bgnbd(x, t_x, age) FILTER (WHERE x > 4))::text = (SELECT few::text FROM models.serial) AS few, (fit_bgnbd(x, t_x, age) FILTER (WHERE x > 99)) IS NULL AS none FROM models.many;
RESET max_parallel_workers_per_gather; RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; RESET parallel_leader_participation;

-- ---------------------------------------------------------------------------
-- data that say little
-- ---------------------------------------------------------------------------
CREATE TABLE models.odd (data text, x bigint, t_x float8, age float8);
INSERT INTO models.odd SELECT 'all once', 0, 0, 10 + i FROM generate_series(1, 50) i;
INSERT INTO models.odd SELECT 'one repeater', CASE i WHEN 1 THEN 3 ELSE 0 END, CASE i WHEN 1 THEN 5 ELSE 0 END, 10 + i FROM generate_series(1, 50) i;
INSERT INTO models.odd VALUES ('one customer', 5, 20, 30);
INSERT INTO models.odd SELECT 'two customers', 2 * i, 10, 20 FROM generate_series(1, 2) i;
INSERT INTO models.odd SELECT 'identical', 3, 20, 30 FROM generate_series(1, 100);
INSERT INTO models.odd SELECT 'all today', 0, 0, 0 FROM generate_series(1, 100);
INSERT INTO models.odd SELECT 'all at the end', 1 + i % 5, 30, 30 FROM generate_series(1, 100) i;
INSERT INTO models.odd SELECT 'all at once', 1 + i % 5, 0.5, 30 FROM generate_series(1, 100) i;
INSERT INTO models.odd SELECT 'nobody leaves', i % 12, CASE WHEN i % 12 > 0 THEN 30 - (i % 5) / 2.0 ELSE 0 END, 30 FROM generate_series(1, 240) i WHERE i % 12 > 0 OR i % 24 = 0;
INSERT INTO models.odd SELECT 'heavy buyers', 300 + i * 7 % 400, 500 - i % 20, 520 FROM generate_series(1, 200) i;
INSERT INTO models.odd SELECT 'tiny times', x, t_x * 1e-9, age * 1e-9 FROM models.customers;
INSERT INTO models.odd SELECT 'huge times', x, t_x * 1e12, age * 1e12 FROM models.customers;
INSERT INTO models.odd SELECT 'a robot', x, t_x, age FROM models.customers;
INSERT INTO models.odd VALUES ('a robot', 1000000, 39, 39);
CREATE TABLE models.odd_fitted AS SELECT data, fit_bgnbd(x, t_x, age) AS bg, fit_mbgnbd(x, t_x, age) AS mbg, fit_pareto_nbd(x, t_x, age) AS pareto FROM models.odd GROUP BY data;
SELECT data, (m).family, (m).customers, (m).params IS NOT NULL AS params, (m).converged, (m).status FROM models.odd_fitted, LATERAL (VALUES (bg), (mbg), (pareto)) v(m) ORDER BY data, (m).family;
-- whatever the status, what there is can be used: nothing is NaN, infinite or below zero
SELECT f.data, (m).family, o.* FROM models.odd_fitted f, LATERAL (VALUES (bg), (mbg), (pareto)) v(m), models.odd o
WHERE f.data = o.data AND (m).params IS NOT NULL
  AND NOT (p_alive(m, x, t_x, age) BETWEEN 0 AND 1 AND expected_orders(m, x, t_x, age, 52) BETWEEN 0 AND 1e12 AND log_likelihood(m, x, t_x, age) BETWEEN -1e9 AND 1e9 AND expected_orders_new(m, 52) BETWEEN 0 AND 1e12 AND orders_pmf_new(m, least(x, 100000), age) BETWEEN 0 AND 1 AND (m).log_likelihood BETWEEN -1e9 AND 1e9 AND 'NaN' <> ALL ((m).params));
-- where nobody leaves, everybody is there
SELECT (m).family, (m).params[3] AS "0", min(p_alive(m, x, t_x, age)), max(p_alive(m, x, t_x, age)), bool_and(models.near(expected_orders(m, x, t_x, age, 52), 52 * ((m).params[1] + x) / ((m).params[2] + age), 12)) AS rate FROM models.odd_fitted f JOIN models.odd o USING (data), LATERAL (VALUES (bg), (mbg), (pareto)) v(m) WHERE data = 'nobody leaves' GROUP BY m ORDER BY 1;
SELECT (m).family, name, estimate > 0 AS positive, std_error IS NULL AS no_error, ci_low IS NULL AS no_interval FROM models.odd_fitted, LATERAL (VALUES (bg), (pareto)) v(m), btyd_params(m) WHERE data = 'nobody leaves';
-- r and alpha are then those of the NBD model: the slope of its log-likelihood is zero there
SELECT (m).family, k, abs(slope) < 1e-4 AS flat FROM models.odd_fitted, LATERAL (VALUES (bg), (mbg), (pareto)) v(m), generate_series(1, 2) k,
    LATERAL (SELECT sum(log_likelihood(models.btyd((m).family, (m).params[:k - 1] || (m).params[k] * exp(1e-4::float8) || (m).params[k + 1:]), x, t_x, age) - log_likelihood(models.btyd((m).family, (m).params[:k - 1] || (m).params[k] * exp(-1e-4::float8) || (m).params[k + 1:]), x, t_x, age)) / 2e-4 FROM models.odd o WHERE o.data = 'nobody leaves') d(slope)
WHERE data = 'nobody leaves' ORDER BY 1, 2;
-- the unit of time may be anything
SELECT (m).family, models.near((t).params[1], (m).params[1], 6) AND models.near((t).params[2], 1e-9 * (m).params[2], 6) AND models.near((t).params[3], (m).params[3], 6) AS tiny, models.near((h).params[1], (m).params[1], 6) AND models.near((h).params[2], 1e12 * (m).params[2], 6) AND models.near((h).params[3], (m).params[3], 6) AS huge
FROM models.fitted, LATERAL (SELECT CASE (m).family WHEN 'bgnbd' THEN bg WHEN 'mbgnbd' THEN mbg ELSE pareto END AS t FROM models.odd_fitted WHERE data = 'tiny times') t, LATERAL (SELECT CASE (m).family WHEN 'bgnbd' THEN bg WHEN 'mbgnbd' THEN mbg ELSE pareto END AS h FROM models.odd_fitted WHERE data = 'huge times') h ORDER BY 1;
-- spend
CREATE TABLE models.odd_spent (data text, x bigint, mean float8);
INSERT INTO models.odd_spent SELECT 'all once', 0, NULL FROM generate_series(1, 20);
INSERT INTO models.odd_spent SELECT 'one customer', 3, 20;
INSERT INTO models.odd_spent SELECT 'two customers', i, 10 * i FROM generate_series(1, 2) i;
INSERT INTO models.odd_spent SELECT 'all equal', i, 20 FROM generate_series(1, 20) i;
INSERT INTO models.odd_spent SELECT 'none above zero', 2, -i % 3 FROM generate_series(1, 20) i;
INSERT INTO models.odd_spent SELECT 'one above zero', 2, CASE i WHEN 1 THEN 12.5 ELSE 0 END FROM generate_series(1, 20) i;
INSERT INTO models.odd_spent SELECT 'some not above zero', x, mean FROM models.spenders UNION ALL SELECT 'some not above zero', 3, -1 UNION ALL SELECT 'some not above zero', 1, 0;
INSERT INTO models.odd_spent SELECT 'one not above zero', x, mean FROM models.spenders UNION ALL SELECT 'one not above zero', 3, -1;
INSERT INTO models.odd_spent SELECT 'nearly equal', 1 + i % 4, 20 + 1e-9 * i FROM generate_series(1, 20) i;
INSERT INTO models.odd_spent SELECT 'wild', 1 + i % 3, power(10, i % 9 - 3) FROM generate_series(1, 90) i;
INSERT INTO models.odd_spent SELECT 'cents and millions', x, mean * 1e-6 FROM models.spenders UNION ALL SELECT 'cents and millions', x, mean * 1e6 FROM models.spenders;
INSERT INTO models.odd_spent SELECT 'each alone', 1, mean FROM models.spenders;
CREATE TABLE models.odd_spend_fitted AS SELECT data, fit_gamma_gamma(x, mean) AS s FROM models.odd_spent GROUP BY data;
SELECT data, (s).customers, (s).params IS NOT NULL AS params, CASE WHEN (s).converged THEN round((s).params[2]::numeric, 3) END AS q, (s).converged, round((s).correlation::numeric, 6) AS correlation, (s).status FROM models.odd_spend_fitted ORDER BY 1;
SELECT data, o.*, v FROM models.odd_spend_fitted JOIN models.odd_spent o USING (data), LATERAL (SELECT expected_value(s, x, mean) AS v) e WHERE v < 0 OR v = 'NaN' OR v = 'Infinity' OR (s).log_likelihood IN ('NaN', 'Infinity', '-Infinity');
-- where all spend the same, everybody will
SELECT round(min(expected_value(s, x, mean))::numeric, 6) AS min, round(max(expected_value(s, x, mean))::numeric, 6) AS max, round(expected_value(s, 0, NULL)::numeric, 6) AS new FROM models.odd_spend_fitted JOIN models.odd_spent USING (data) WHERE data = 'all equal' GROUP BY s;
-- those left out do not count
SELECT models.near((a).params[1], (s).params[1]) AND models.near((a).params[3], (s).params[3]) AS same FROM models.spend_fitted, (SELECT s AS a FROM models.odd_spend_fitted WHERE data = 'some not above zero') o;

-- ---------------------------------------------------------------------------
-- states from outside
-- ---------------------------------------------------------------------------
CREATE FUNCTION models.state(hex text) RETURNS retention_state LANGUAGE sql RETURN replace(encode(decode(replace(hex, ' ', ''), 'hex'), 'base64'), E'\n', '')::retention_state;
-- a good one: three customers with x 3, t_x 1.5, age 2
SELECT (fit_bgnbd(s)).customers, (fit_bgnbd(s)).status FROM models.state('5253 02 12 04  0000000000000001  0000000000000003 3ff8000000000000 4000000000000000  0000000000000003') s;
-- x below 0, x beyond 2^53, t_x of -0, t_x NaN, age infinite, t_x above age, t_x without x, x without age
SELECT models.state('5253 02 12 04  0000000000000001  ffffffffffffffff 3ff8000000000000 4000000000000000  0000000000000003');
SELECT models.state('5253 02 12 04  0000000000000001  0020000000000001 3ff8000000000000 4000000000000000  0000000000000003');
SELECT models.state('5253 02 12 04  0000000000000001  0000000000000003 8000000000000000 4000000000000000  0000000000000003');
SELECT models.state('5253 02 12 04  0000000000000001  0000000000000003 7ff8000000000000 4000000000000000  0000000000000003');
SELECT models.state('5253 02 12 04  0000000000000001  0000000000000003 3ff8000000000000 7ff0000000000000  0000000000000003');
SELECT models.state('5253 02 12 04  0000000000000001  0000000000000003 4008000000000000 4000000000000000  0000000000000003');
SELECT models.state('5253 02 12 04  0000000000000001  0000000000000000 3ff8000000000000 4000000000000000  0000000000000003');
SELECT models.state('5253 02 12 04  0000000000000001  0000000000000003 0000000000000000 0000000000000000  0000000000000003');
-- no customers, fewer than none, one pattern twice, fewer and more than it says, another type of key, a byte more
SELECT models.state('5253 02 12 04  0000000000000001  0000000000000003 3ff8000000000000 4000000000000000  0000000000000000');
SELECT models.state('5253 02 12 04  0000000000000001  0000000000000003 3ff8000000000000 4000000000000000  ffffffffffffffff');
SELECT models.state('5253 02 12 04  0000000000000002  0000000000000003 3ff8000000000000 4000000000000000  0000000000000003  0000000000000003 3ff8000000000000 4000000000000000  0000000000000003');
SELECT models.state('5253 02 12 04  0000000000000002  0000000000000003 3ff8000000000000 4000000000000000  0000000000000003');
SELECT models.state('5253 02 12 04  7fffffffffffffff  0000000000000003 3ff8000000000000 4000000000000000  0000000000000003');
SELECT models.state('5253 02 12 01  0000000000000001  0000000000000003  0000000000000003');
SELECT models.state('5253 02 12 04  0000000000000001  0000000000000003 3ff8000000000000 4000000000000000  0000000000000003  00');
SELECT (fit_mbgnbd(s)).customers, (fit_mbgnbd(s)).status FROM models.state('5253 02 12 04  0000000000000000') s;
-- as many customers as there can be: a fit, and too many to merge
SELECT (m).customers, (m).converged, (m).params IS NOT NULL AS params FROM models.state('5253 02 12 04  0000000000000002  0000000000000003 3ff8000000000000 4000000000000000  3fffffffffffffff  0000000000000000 0000000000000000 4000000000000000  3fffffffffffffff') s, LATERAL (VALUES (fit_bgnbd(s)), (fit_mbgnbd(s)), (fit_pareto_nbd(s))) v(m);
SELECT rollup(s) IS NULL FROM models.state('5253 02 12 04  0000000000000001  0000000000000003 3ff8000000000000 4000000000000000  3fffffffffffffff') s, generate_series(1, 3);
SELECT (fit_bgnbd(s)).customers > 0 AS positive FROM models.state('5253 02 12 04  0000000000000003  0000000000000003 3ff8000000000000 4000000000000000  7fffffffffffffff  0000000000000002 3ff8000000000000 4000000000000000  7fffffffffffffff  0000000000000001 3ff8000000000000 4000000000000000  7fffffffffffffff') s;
-- Gamma-Gamma: one customer with x 3 and mean 1.5, one left out; x 0, mean 0, below it, a third number, left out below 0
SELECT (fit_gamma_gamma(s)).customers, (fit_gamma_gamma(s)).status FROM models.state('5253 02 13 04  0000000000000001  0000000000000001  0000000000000003 3ff8000000000000 0000000000000000  0000000000000001') s;
SELECT models.state('5253 02 13 04  0000000000000001  0000000000000001  0000000000000000 3ff8000000000000 0000000000000000  0000000000000001');
SELECT models.state('5253 02 13 04  0000000000000001  0000000000000001  0000000000000003 0000000000000000 0000000000000000  0000000000000001');
SELECT models.state('5253 02 13 04  0000000000000001  0000000000000001  0000000000000003 bff8000000000000 0000000000000000  0000000000000001');
SELECT models.state('5253 02 13 04  0000000000000001  0000000000000001  0000000000000003 3ff8000000000000 3ff8000000000000  0000000000000001');
SELECT models.state('5253 02 13 04  ffffffffffffffff  0000000000000001  0000000000000003 3ff8000000000000 0000000000000000  0000000000000001');
SELECT rollup(s) IS NULL FROM models.state('5253 02 13 04  7fffffffffffffff  0000000000000001  0000000000000003 3ff8000000000000 0000000000000000  0000000000000001') s, generate_series(1, 2);

-- ---------------------------------------------------------------------------
-- predict_customers and backtest: what they are told (test/t/010_models.pl has what they say)
-- ---------------------------------------------------------------------------
CREATE TABLE models.orders (id int, customer bigint, at timestamptz, amount numeric, note text);
INSERT INTO models.orders SELECT i, i % 40, timestamptz '2024-01-01Z' + (i * i * 37 % 200) * interval '1 day', 5 + i % 7, 'n' FROM generate_series(1, 150) i;
-- the clock is not asked: as_of is
SELECT count(*), count(p_alive), min(age) >= 0 AS ages FROM predict_customers(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', as_of => '2024-12-31Z');
SELECT count(*) FROM predict_customers(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', as_of => '2023-12-31Z');
-- too little data: rows all the same, and a notice
SELECT customer, x, round(age::numeric, 3) AS age, p_alive, expected_orders, expected_value, predicted_clv, historic_clv, total_clv, expected_next_order_at, churn_risk FROM predict_customers(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', as_of => '2024-01-03Z') ORDER BY customer LIMIT 3;
SELECT * FROM backtest(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', '2024-01-03Z', '2024-03-01Z');
SELECT count(*) FROM backtest(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', '2023-01-03Z', '2024-03-01Z');
SET client_min_messages = warning;
-- amounts that all are equal: so is what is expected; amounts of which none is known
CREATE VIEW models.equal AS SELECT customer, at, 20.00 AS amount FROM models.orders;
CREATE VIEW models.unknown AS SELECT customer, at, NULL::numeric AS amount FROM models.orders;
SELECT count(*), count(p_alive) AS alive, min(round(expected_value, 9)) AS least, max(round(expected_value, 9)) AS most, count(predicted_clv) AS clv, count(historic_clv) AS historic, count(total_clv) AS total FROM predict_customers(NULL::bigint, 'models.equal', 'customer', 'at', 'amount', as_of => '2024-12-31Z');
SELECT count(*), count(p_alive) AS alive, count(expected_value) AS value, count(predicted_clv) AS clv, count(historic_clv) AS historic, count(total_clv) AS total FROM predict_customers(NULL::bigint, 'models.unknown', 'customer', 'at', 'amount', as_of => '2024-12-31Z');
-- the shortest call, as the comment of the function has it: untyped names, nothing else
SELECT count(*) FROM predict_customers(NULL::bigint, 'models.orders', 'customer', 'at', 'amount');
SELECT count(*) FROM predict_customers(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', discount_rate => 0.1);
-- rows say how the fits went, in words of a notice that reaches no dashboard
SELECT model_status, count(*) FROM predict_customers(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', as_of => '2024-12-31Z') GROUP BY 1;
SELECT model_status, count(*) FROM predict_customers(NULL::bigint, 'models.equal', 'customer', 'at', 'amount', as_of => '2024-12-31Z', family => 'bgnbd') GROUP BY 1;
SELECT model_status, count(*) FROM predict_customers(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', as_of => '2024-01-03Z') GROUP BY 1;
SELECT model_status, count(*) FROM backtest(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', '2024-06-30Z', '2024-12-31Z', 'pareto_nbd') GROUP BY 1;
-- an order at as_of is not seen; the last day of a calibration is the one before its end
CREATE TABLE models.dates (customer int, day date, amount numeric);
INSERT INTO models.dates VALUES (1, '2017-11-05', 1), (2, '2017-12-20', 2), (3, '2018-01-01', 3), (1, '2018-01-01', 4), (2, '2018-04-01', 5);
SELECT customer, x, t_x, age, historic_clv FROM predict_customers(NULL::int, 'models.dates', 'customer', 'day', 'amount', as_of => '2018-01-01', unit => '1 day') ORDER BY 1;
SELECT x, customers, predicted, actual FROM backtest(NULL::int, 'models.dates', 'customer', 'day', 'amount', '2018-01-01', '2018-04-01');
-- money is rounded to four digits more than amounts have
CREATE VIEW models.finer AS SELECT customer, at, CASE WHEN id = 7 THEN 1.2345 ELSE amount END AS amount FROM models.orders;
SELECT source, min(scale(expected_value)), max(scale(expected_value)), min(scale(predicted_clv)), max(scale(predicted_clv)), min(scale(total_clv)), max(scale(total_clv)), count(*) FILTER (WHERE total_clv <> historic_clv + predicted_clv) AS wrong
FROM (SELECT 'whole' AS source, p.* FROM predict_customers(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', as_of => '2024-12-31Z') p
      UNION ALL SELECT 'finer', p.* FROM predict_customers(NULL::bigint, 'models.finer', 'customer', 'at', 'amount', as_of => '2024-12-31Z', horizon => '1 day', discount_rate => 0.1) p
      UNION ALL SELECT 'equal', p.* FROM predict_customers(NULL::bigint, 'models.equal', 'customer', 'at', 'amount', as_of => '2024-12-31Z') p) p GROUP BY source ORDER BY source;
-- amounts beyond what the model of spend can be told cost their own customers what they are expected to spend, and nobody else anything
CREATE VIEW models.huge AS SELECT customer, at, CASE customer WHEN 5 THEN 1e308 WHEN 6 THEN 1e400 WHEN 7 THEN 1e99 WHEN 8 THEN 1e-400 ELSE amount END AS amount FROM models.orders;
SELECT customer, x > 0 AS again, p_alive > 0 AS alive, expected_value > 0 AS value, predicted_clv > 0 AS clv, log(historic_clv)::int AS historic, total_clv > 0 AS total FROM predict_customers(NULL::bigint, 'models.huge', 'customer', 'at', 'amount', as_of => '2024-12-31Z') WHERE customer IN (5, 6) ORDER BY 1;
SELECT count(*) FILTER (WHERE customer NOT IN (5, 6) AND predicted_clv IS NULL) AS lost, count(*) FILTER (WHERE 'Infinity' IN (expected_value, predicted_clv, total_clv) OR 'NaN' IN (expected_value, predicted_clv, total_clv)) AS wrong,
       max(scale(predicted_clv)) AS digits, count(*) FILTER (WHERE expected_value < 1e300) AS finite FROM predict_customers(NULL::bigint, 'models.huge', 'customer', 'at', 'amount', as_of => '2024-12-31Z');
SELECT sum(customers)::int / 2 AS customers, sum(actual) / 2 > 0 AS came FROM backtest(NULL::bigint, 'models.huge', 'customer', 'at', 'amount', '2024-06-30Z', '2024-12-31Z');
SELECT expected_value(s, 2, 1e308) AS value, predicted_clv(b, s, 2, 5, 10, 1e308, 52) AS clv, predicted_clv(b, s, 2, 5, 10, 1e304, 1e9) > 1e306 AS far, expected_value(s, 2, 1e100) > 1e99 AS large
FROM (SELECT ROW('gamma_gamma', '{6.25,3.74,15.44}'::float8[], NULL, NULL, NULL, NULL, NULL, NULL, NULL)::spend_model AS s, ROW('bgnbd', '{0.243,4.414,0.793,2.426}'::float8[], NULL, NULL, NULL, NULL, NULL, NULL)::btyd_model AS b) m;
-- as_of far from the data, mostly the clock's over an old extract, is told
SET client_min_messages = notice;
SELECT count(*) FROM predict_customers(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', as_of => '2052-11-27Z');
SELECT count(*) FROM predict_customers(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', as_of => '2025-12-31Z', horizon => '3 years');
SELECT count(*) FROM predict_customers(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', as_of => '2024-08-31Z', horizon => '30 days');
SELECT count(*) FROM predict_customers(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', as_of => '2024-08-31Z', horizon => '90 days');
SELECT count(*) > 0 FROM backtest(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', '2024-06-30Z', '2029-06-30Z');
SELECT count(*) > 0 FROM backtest(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', '2024-08-01Z', '2024-08-15Z');
SELECT count(*) FROM predict_customers((SELECT purchase_days_state(customer, at, amount, '2052-11-27Z', 'UTC') FROM models.orders), NULL::bigint);
SET client_min_messages = warning;
-- bad arguments
SELECT count(*) FROM predict_customers(NULL::int, 'models.orders', 'customer', 'at', 'amount', as_of => '2024-12-31Z');
SELECT count(*) FROM predict_customers(NULL::bigint, NULL::regclass, 'customer', 'at', 'amount');
SELECT count(*) FROM predict_customers(NULL::bigint, 'models.orders', 'nobody', 'at', 'amount', as_of => '2024-12-31Z');
SELECT count(*) FROM predict_customers(NULL::bigint, 'models.orders', 'customer', 'note', 'amount', as_of => '2024-12-31Z');
SELECT count(*) FROM predict_customers(NULL::bigint, 'models.orders', 'customer', 'at', 'note', as_of => '2024-12-31Z');
SELECT count(*) FROM predict_customers(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', horizon => NULL);
SELECT count(*) FROM predict_customers(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', horizon => '0');
SELECT count(*) FROM predict_customers(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', horizon => '365');
SELECT count(*) FROM predict_customers(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', unit => '7');
SELECT count(*) FROM backtest(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', '2024-06-30Z', '2024-12-31Z', unit => '7');
SELECT count(*) FROM predict_customers(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', horizon => '-1 year');
SELECT count(*) FROM predict_customers(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', horizon => '178000000 years', as_of => '2024-12-31Z');
SELECT count(*) FROM predict_customers(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', as_of => NULL);
SELECT count(*) FROM predict_customers(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', as_of => 'infinity');
SELECT count(*) FROM predict_customers(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', unit => '1 month');
SELECT count(*) FROM predict_customers(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', unit => NULL);
SELECT count(*) FROM predict_customers(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', family => 'nbd');
SELECT count(*) FROM predict_customers(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', family => NULL);
SELECT count(*) FROM predict_customers(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', as_of => '2024-12-31Z', discount_rate => -0.1);
SELECT count(*) FROM predict_customers(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', as_of => '2024-12-31Z', discount_rate => 'NaN');
SELECT count(*) FROM predict_customers(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', as_of => '2024-12-31Z', discount_rate => NULL);
SELECT count(*) FROM predict_customers(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', tz => 'nowhere');
SELECT count(*) FROM predict_customers(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', tz => NULL);
SELECT count(*) FROM predict_customers(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', order_id_column => 'nothing');
SELECT count(*) FROM predict_customers(NULL::retention_state, NULL::bigint);
SELECT count(*) FROM predict_customers((SELECT purchase_days_state(customer, at, amount, '2024-12-31Z', 'UTC') FROM models.orders), NULL::text);
SELECT count(*) FROM predict_customers((SELECT purchases_state(customer, at, amount, '2024-12-31Z') FROM models.orders), NULL::bigint);
SELECT count(*) FROM backtest(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', NULL, '2024-12-31Z');
SELECT count(*) FROM backtest(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', '2024-12-31Z', NULL);
SELECT count(*) FROM backtest(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', '2024-12-31Z', '2024-12-31Z');
SELECT count(*) FROM backtest(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', '2024-06-30Z', '2024-12-31Z', 'nbd');
SELECT count(*) FROM backtest(NULL::bigint, 'models.orders', 'customer', 'at', 'amount', '2024-06-30Z', '2024-12-31Z', unit => '1 month');
CREATE TABLE models.days AS SELECT e.at AS as_of, tz, purchase_days_state(customer, o.at, amount, e.at, tz) AS state, purchase_days_state(customer::text, o.at, amount, e.at, tz) AS text
FROM models.orders o, unnest('{2024-06-30Z,2024-12-31Z}'::timestamptz[]) e(at), unnest('{UTC,Europe/Paris}'::text[]) tz GROUP BY e.at, tz;
SELECT count(*) FROM backtest(NULL::retention_state, NULL::retention_state);
-- a holdout has the orders of the calibration too, so it is not NULL where that is not
SELECT count(*) FROM models.days c, backtest(c.state, NULL) WHERE as_of = '2024-06-30Z' AND tz = 'UTC';
SELECT count(*) FROM backtest(NULL, (SELECT state FROM models.days WHERE as_of = '2024-06-30Z' AND tz = 'UTC'));
SELECT count(*) FROM models.days c, models.days h, backtest(c.state, h.state) WHERE c.as_of > h.as_of AND c.tz = h.tz;
SELECT count(*) FROM models.days c, models.days h, backtest(c.state, h.state) WHERE c.as_of < h.as_of AND c.tz < h.tz;
SELECT count(*) FROM models.days c, models.days h, backtest(c.state, h.text) WHERE c.as_of < h.as_of AND c.tz = h.tz;
SELECT count(*) FROM models.days c, backtest(c.state, (SELECT aov_state(5)));

-- rows that wait are read where they are, beside customers that are in the table already: as from a state
CREATE TABLE models.waiting AS SELECT i, CASE WHEN c % 7 = 0 THEN repeat(c::text, 12) ELSE c::text END AS customer, timestamptz '2024-01-01 22:00Z' + i * interval '1 hour' - c * interval '20 minutes' AS at,
    CASE WHEN i % 31 = 0 THEN NULL WHEN i % 17 = 0 THEN -i WHEN c % 97 = 0 THEN i % 50 + 1e-39 ELSE i % 50 + 0.25 END::numeric AS amount FROM (SELECT i, (i * 7919 + i * i % 13) % (i / 5 + 2) % 900 AS c FROM generate_series(1, 6000) i) s;
SELECT count(*), count(DISTINCT customer) AS customers, count(DISTINCT customer) FILTER (WHERE i <= 500) AS first FROM models.waiting;
CREATE TABLE models.waited AS SELECT p.* FROM predict_customers(NULL::text, 'models.waiting', 'customer', 'at', 'amount', as_of => '2024-06-01Z', tz => 'Europe/Berlin') p;
CREATE TABLE models.stored AS SELECT purchase_days_state(customer, at, amount, '2024-06-01Z', 'Europe/Berlin') AS holdout, purchase_days_state(customer, at, amount, '2024-04-01Z', 'Europe/Berlin') AS calibration FROM models.waiting;
SELECT count(*), count(total_clv) AS clv, max(x) AS x, count(*) FILTER (WHERE length(customer) > 15) AS long, count(*) FILTER (WHERE scale(historic_clv) > 38) AS wide FROM models.waited;
SELECT count(*) AS differ FROM ((TABLE models.waited EXCEPT SELECT p.* FROM models.stored, predict_customers(holdout, NULL::text) p) UNION ALL (SELECT p.* FROM models.stored, predict_customers(holdout, NULL::text) p EXCEPT TABLE models.waited)) d;
CREATE TABLE models.tested AS SELECT b.* FROM backtest(NULL::text, 'models.waiting', 'customer', 'at', 'amount', '2024-04-01Z', '2024-06-01Z', tz => 'Europe/Berlin') b;
SELECT count(*) AS rows, count(predicted) AS predicted, sum(actual) > 0 AS actual FROM models.tested;
SELECT count(*) AS differ FROM ((TABLE models.tested EXCEPT SELECT b.* FROM models.stored, backtest(calibration, holdout) b) UNION ALL (SELECT b.* FROM models.stored, backtest(calibration, holdout) b EXCEPT TABLE models.tested)) d;

DROP SCHEMA models CASCADE;
