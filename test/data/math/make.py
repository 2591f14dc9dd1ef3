#!/usr/bin/env python3
"""Reference values for the mathematics: specfun.csv, btyd.csv, pmf.csv, spend.csv, hypergeometric.csv.

Run in this folder, with the package mpmath (1.3). README.md says what is in the tables.
Everything is computed from the papers' own formulas with 50 digits and printed with 17.
"""
import csv
from math import comb
from random import Random
from mpmath import mp, mpf, beta, betainc, binomial, digamma, erfinv, exp, findroot, gammainc, hyp2f1, inf, loggamma, log, polygamma, quad, sqrt

mp.dps = 50


def text(x):
    return mp.nstr(x, 17, min_fixed=-4, max_fixed=17)


def write(name, head, rows):
    with open(name, 'w', newline='') as f:
        out = csv.writer(f, lineterminator='\n')
        out.writerow(head)
        out.writerows(rows)


# Every input is the double that C reads.
def number(x):
    return mpf(float(x))


# ---------------------------------------------------------------------------
# Special functions
# ---------------------------------------------------------------------------
def stirling(z):
    return (loggamma(z) - (z - mpf(1) / 2) * log(z) + z - log(2 * mp.pi) / 2, digamma(z) - log(z), polygamma(1, z) - 1 / z)


# Of Student's t: the incomplete beta function, from the side that has digits left
def student_tails(t, df):
    part, half = t * t / (df + t * t), mpf(1) / 2
    if part < half:
        return 1 - betainc(half, df / 2, 0, part, regularized=True)
    return betainc(df / 2, half, 0, 1 - part, regularized=True)


def student_reach(confidence, df):
    start = sqrt(mpf(2)) * erfinv(confidence)
    tails = 1 - confidence
    top = start
    while student_tails(top, df) > tails:
        top *= 2
    return findroot(lambda t: log(student_tails(t, df)) - log(tails), (start * mpf('0.99'), top), solver='anderson', tol=1e-60)


def specfun():
    def row(name, value, *arguments):
        rows.append([name] + list(arguments) + [''] * (3 - len(arguments)) + [text(value)])

    rows = []
    for p in ('1e-300', '1e-100', '1e-20', '1e-5', '0.001', '0.01', '0.025', '0.05', '0.1', '0.2', '0.25', '0.3', '0.4', '0.45', '0.5', '0.6', '0.75', '0.9', '0.975', '0.99', '0.999', '0.999999'):
        # erfinv has no digits left at either end: Newton's steps on the logarithm of the tail
        q = number(p)
        tail = min(q, 1 - q)
        if tail == mpf(1) / 2:
            z = mpf(0)
        else:
            z = -sqrt(-2 * log(tail))
            for _ in range(200):
                below = mp.erfc(-z / sqrt(mpf(2))) / 2
                z -= (log(below) - log(tail)) * below / (exp(-z * z / 2) / sqrt(2 * mp.pi))
        row('normal_quantile', z if q <= mpf(1) / 2 else -z, p)
    for df in (1, 2, 3, 4, 5, 9, 10, 25, 100, 999):
        for x in ('0', '0.001', '0.5', '1', '3.84', '7.5', '20', '100', '300', '1200'):
            value = gammainc(mpf(df) / 2, number(x) / 2, inf, regularized=True)
            if value > mpf('1e-290'):
                row('chi_square_tail', value, x, df)
    for z in ('1e-12', '0.001', '0.1', '0.243', '0.5', '1', '2', '4.5', '9.9', '10', '17.25', '1e3', '1e7', '1e12'):
        log_rest, slope, curvature = stirling(number(z))
        row('stirling_log', log_rest, z)
        row('stirling_slope', slope, z)
        row('stirling_curvature', curvature, z)
        for n in ('0', '1e-9', '0.5', '1', '2', '10', '300', '1e6'):
            y, m = number(z), number(n)
            row('gamma_ratio_log', loggamma(y + m) - loggamma(y), z, n)
            row('gamma_ratio_slope', digamma(y + m) - digamma(y), z, n)
            row('gamma_ratio_curvature', polygamma(1, y + m) - polygamma(1, y), z, n)
    for z, q, share in (('1', '1', '0.5'), ('0.1', '3', '0.25'), ('2.5', '7', '0.3'), ('40', '60', '0.375'), ('1000', '3', '0.99'), ('1e6', '1e6', '0.5'), ('3', '1e8', '1e-7')):
        a, b, w = number(z), number(q), number(share)
        row('log_beta_term', a * log(w) + b * log(1 - w) - (loggamma(a) + loggamma(b) - loggamma(a + b)), z, q, share)
    for df in ('1', '1.3', '2', '5', '9.594045343393', '30', '1000', '23367.3890888', '1e6'):
        for t in ('1e-8', '0.1', '0.5', '1', '1.7', '2', '3', '5', '40'):
            value = student_tails(number(t), number(df))
            if value > mpf('1e-290'):
                row('student_tails', value, t, df)
        for confidence in ('0.01', '0.5', '0.8', '0.95', '0.99', '0.999999'):
            row('student_reach', student_reach(number(confidence), number(df)), confidence, df)
    write('specfun.csv', ['function', 'a', 'b', 'c', 'value'], rows)


# ---------------------------------------------------------------------------
# Models of purchases
# ---------------------------------------------------------------------------
def log_rising(r, x):
    return loggamma(r + x) - loggamma(r)


def log_beta(a, b):
    return loggamma(a) + loggamma(b) - loggamma(a + b)


def bg(m, params, x, t_x, age, t):
    """Log-likelihood, P(alive), expected orders, by Fader, Hardie, Lee (2005), (6) and (10), and Batislam et al. (2007)."""
    r, alpha, a, b = params
    if a == 1:
        a += mpf('1e-25')  # (10) divides by a - 1
    k = r + x
    common = log_rising(r, x) + r * log(alpha)
    alive = exp(common + log_beta(a, b + x + m) - log_beta(a, b) - k * log(alpha + age))
    gone = exp(common + log_beta(a + 1, b + x + m - 1) - log_beta(a, b) - k * log(alpha + t_x)) if x + m > 0 else mpf(0)
    p = alive / (alive + gone)
    after = b + x + m
    z = t / (alpha + age + t)
    expected = (a + after - 1) / (a - 1) * (1 - ((alpha + age) / (alpha + age + t)) ** k * hyp2f1(k, after, a + after - 1, z))
    return log(alive + gone), p, p * expected


def nbd(r, alpha, n, t):
    return exp(log_rising(r, n) - loggamma(n + 1) + r * log(alpha / (alpha + t)) + n * log(t / (alpha + t)))


def bg_pmf(m, params, n, t):
    """Fader, Hardie, Lee (2005), (8); the sum may be 1 but for hundreds of digits."""
    with mp.workdps(500):
        return +bg_pmf_in_digits(m, params, n, t)


def bg_pmf_in_digits(m, params, n, t):
    r, alpha, a, b = params
    p = exp(log_beta(a, b + n + m) - log_beta(a, b)) * nbd(r, alpha, n, t)
    if n + m > 0:
        p += exp(log_beta(a + 1, b + n + m - 1) - log_beta(a, b)) * (1 - sum(nbd(r, alpha, j, t) for j in range(n)))
    return p


def integral(f, points):
    """mpmath stops at an absolute error: so the integrand is made to be about 1 where it is largest."""
    most = max(f((a + b) / 2) for a, b in zip(points, points[1:]))
    return most * quad(lambda u: f(u) / most, points)


def pareto_gone(params, x, low, high):
    """Schmittlein et al.: what the integral over the moment of leaving is, by quadrature."""
    r, alpha, s, beta_ = params
    points = [low] + [low + (high - low) * (mpf(2) ** -i) for i in range(12, -1, -1)]
    return integral(lambda u: s * (alpha + u) ** -(r + x) * (beta_ + u) ** -(s + 1), points) if high > low else mpf(0)


def pareto(params, x, t_x, age, t):
    """Fader and Hardie, note 009, (18), (36), (41)."""
    r, alpha, s, beta_ = params
    stay = (alpha + age) ** -(r + x) * (beta_ + age) ** -s
    gone = pareto_gone(params, x, t_x, age)
    p = stay / (stay + gone)
    loglik = log_rising(r, x) + r * log(alpha) + s * log(beta_) + log(stay + gone)
    if s == 1:
        stays = (beta_ + age) * log((beta_ + age + t) / (beta_ + age))
    else:
        stays = (beta_ + age) / (s - 1) * (1 - ((beta_ + age) / (beta_ + age + t)) ** (s - 1))
    return loglik, p, p * (r + x) / (alpha + age) * stays


def pareto_pmf(params, n, t):
    """Note 012: who stays, and who leaves at u."""
    r, alpha, s, beta_ = params
    stays = nbd(r, alpha, n, t) * (beta_ / (beta_ + t)) ** s
    points = [mpf(0)] + [t * mpf(2) ** -i for i in range(30, -1, -1)]
    leaves = integral(lambda u: (nbd(r, alpha, n, u) if u > 0 else mpf(n == 0)) * s * beta_ ** s * (beta_ + u) ** -(s + 1), points)
    return stays + leaves


MODELS = {
    'bgnbd': (('0.243', '4.414', '0.793', '2.426'), ('0.25', '4', '1', '2.5'), ('12', '0.3', '0.05', '40'), ('0.01', '200', '3', '0.2')),
    'pareto_nbd': (('0.553', '10.578', '0.606', '11.669'), ('2', '5', '1', '5'), ('15', '0.4', '0.02', '900'), ('0.05', '300', '4', '2')),
}
MODELS['mbgnbd'] = (('0.525', '6.183', '0.891', '1.614'),) + MODELS['bgnbd'][1:]
HISTORIES = (('0', '0', '0'), ('0', '0', '38.86'), ('1', '0.14', '38.86'), ('1', '38.86', '38.86'), ('2', '30.43', '38.86'), ('7', '20', '25.5'), ('60', '500', '520'), ('300', '510', '520'))


def btyd():
    rows = []
    pmf_rows = []
    for family, models in MODELS.items():
        for model in models:
            params = [number(p) for p in model]
            for x, t_x, age in HISTORIES:
                for t in ('1', '39', '1000'):
                    arguments = (int(x), number(t_x), number(age), number(t))
                    values = pareto(params, *arguments) if family == 'pareto_nbd' else bg(int(family == 'mbgnbd'), params, *arguments)
                    rows.append([family, *model, x, t_x, age, t] + [text(v) for v in values])
            for t in ('1', '39'):
                for n in (0, 1, 2, 5, 20, 100):
                    value = pareto_pmf(params, n, number(t)) if family == 'pareto_nbd' else bg_pmf(int(family == 'mbgnbd'), params, n, number(t))
                    pmf_rows.append([family, *model, n, t, text(value)])
    write('btyd.csv', ['family', 'p1', 'p2', 'p3', 'p4', 'x', 't_x', 'age', 'horizon', 'log_likelihood', 'p_alive', 'expected_orders'], rows)
    write('pmf.csv', ['family', 'p1', 'p2', 'p3', 'p4', 'n', 'horizon', 'pmf'], pmf_rows)


# ---------------------------------------------------------------------------
# The model of spend
# ---------------------------------------------------------------------------
def spend():
    """Fader and Hardie (2013), note 025, (1a) and (5)."""
    rows = []
    for model in (('6.25', '3.74', '15.44'), ('1', '0.9', '20'), ('80', '120', '300'), ('0.3', '2.5', '1e4')):
        p, q, v = [number(x) for x in model]
        for x in (1, 2, 10, 400):
            for mean in ('0.01', '8.5', '22.35', '1e4'):
                m = number(mean)
                z = p * x
                loglik = (z - 1) * log(m) + z * log(mpf(x)) + q * log(v) - (z + q) * log(v + m * x) - log_beta(z, q)
                expected = p * (v + m * x) / (z + q - 1) if z + q > 1 else None
                rows.append([*model, x, mean, text(loglik), text(expected) if expected is not None else ''])
    write('spend.csv', ['p', 'q', 'v', 'x', 'mean', 'log_likelihood', 'expected_value'], rows)


# ---------------------------------------------------------------------------
# What two sets have in common by chance
# ---------------------------------------------------------------------------
# The examples of product_pairs, tails of all sizes, ends and what lies beyond them
IN_COMMON = (
    (4, 6, 5, 10), (2, 6, 3, 10), (2, 6, 4, 10), (2, 5, 3, 10), (1, 1, 4, 10), (1, 5, 4, 10), (8, 39, 24, 830), (22, 25, 25, 18532),
    (205, 1600, 871, 18532), (75, 1600, 871, 18532), (76, 1600, 871, 18532), (20, 1978, 1002, 18532), (0, 5, 5, 10), (5, 5, 5, 10), (6, 5, 5, 10),
    (1, 5, 5, 5), (5, 5, 5, 5), (3, 8, 5, 10), (4, 8, 5, 10), (1, 1, 1, 1), (1, 1, 1, 2), (1, 1, 999999, 1000000), (1, 1, 1, 10 ** 9),
    (2, 30, 40, 10 ** 9), (10, 1000, 2000, 10 ** 9), (500, 30000, 20000, 10 ** 6), (601, 30000, 20000, 10 ** 6), (660, 30000, 20000, 10 ** 6),
    (900, 30000, 20000, 10 ** 6), (100, 100, 100, 200), (51, 100, 100, 200), (99, 100, 100, 200), (190, 200, 190, 201), (191, 200, 192, 201))


def in_common_by_chance():
    """As often as not about what is expected, else anywhere"""
    chance = Random(17)
    for _ in range(60):
        n = chance.choice((20, 100, 1000, 18532, 100000))
        a, b = (1 + int((n - 1) * chance.random() ** chance.choice((1, 4))) for _ in range(2))
        both = round(a * b / n * (0.9 + chance.random() / 4)) if chance.random() < 0.5 else int((min(a, b) + 2) * chance.random())
        yield both, a, b, n


def hypergeometric_tail(both, a, b, n):
    """The sum over all that is at least so much, in whole numbers"""
    least = max(both, a + b - n)
    if least > min(a, b):
        return mpf(0)
    term = comb(a, least) * comb(n - a, b - least)
    total = term
    for i in range(least, min(a, b)):
        term = term * (a - i) * (b - i) // ((i + 1) * (n - a - b + i + 1))
        total += term
    return mpf(total) / mpf(comb(n, b))


def hypergeometric():
    rows = []
    for both, a, b, n in (*IN_COMMON, *in_common_by_chance()):
        value = hypergeometric_tail(both, a, b, n)
        # beyond doubles there is nothing to compare
        if value == 0 or value > mpf('1e-290'):
            rows.append([both, a, b, n, text(value)])
    write('hypergeometric.csv', ['both', 'a', 'b', 'n', 'tail'], rows)


specfun()
btyd()
spend()
hypergeometric()
