#!/usr/bin/env python3
"""Reference tables for survival: counts.csv, curve.csv, readings.csv, logrank.csv.

Run in this folder, with nothing but Python's own library. README.md says what is in
the tables and which rules they follow. Everything that can be is computed exactly,
in fractions; logarithms, roots and the normal distribution with 60 digits.
"""
import csv
from decimal import Decimal, getcontext
from fractions import Fraction

getcontext().prec = 60

# ---------------------------------------------------------------------------
# Functions with 60 digits
# ---------------------------------------------------------------------------


def decimal(x):
    return Decimal(x.numerator) / Decimal(x.denominator) if isinstance(x, Fraction) else Decimal(x)


def arctan_of_inverse(n):
    total = term = Decimal(1) / n
    k = 1
    while abs(term) > Decimal(10) ** -70:
        term = -term / (n * n)
        k += 2
        total += term / k
    return total


PI = 4 * (4 * arctan_of_inverse(5) - arctan_of_inverse(239))  # Machin


def erfc(x):
    """1 - 2/sqrt(pi) e^-x^2 sum of 2^k x^(2k+1) / (1 3 5 ... (2k+1)), with digits to spare."""
    getcontext().prec = 60 + int(x * x)
    term = total = Decimal(x)
    k = 0
    while term > total * Decimal(10) ** -getcontext().prec:
        k += 1
        term *= 2 * x * x / (2 * k + 1)
        total += term
    result = 1 - 2 / PI_LONG.sqrt() * (-x * x).exp() * total
    getcontext().prec = 60
    return +result


def normal_upper_quantile(tail):
    """The z > 0 that a standard normal variable exceeds with this probability, by Newton."""
    z = Decimal(1)
    for _ in range(200):
        step = (erfc(z / Decimal(2).sqrt()) / 2 - tail) * (2 * PI).sqrt() * (z * z / 2).exp()
        z = max(z + min(step, Decimal(1)), z / 2)
        if abs(step) < Decimal(10) ** -50:
            return z
    raise ArithmeticError


def chi_square_tail(x, df):
    """Abramowitz and Stegun 26.4.4, 26.4.5"""
    h = decimal(x) / 2
    if h == 0 or h > 2000:  # far below the least double
        return Decimal(h == 0)
    total, term, power = (Decimal(0), (-h).exp(), Decimal(0)) if df % 2 == 0 else \
        (erfc(h.sqrt()), (-h).exp() * h.sqrt() / (PI.sqrt() / 2), Decimal("0.5"))
    while power <= Decimal(df) / 2 - 1:
        total += term
        power += 1
        term *= h / power
    return total


getcontext().prec = 1000
PI_LONG = 4 * (4 * sum((-1) ** k * Decimal(1) / ((2 * k + 1) * Decimal(5) ** (2 * k + 1)) for k in range(760))
               - sum((-1) ** k * Decimal(1) / ((2 * k + 1) * Decimal(239) ** (2 * k + 1)) for k in range(230)))
getcontext().prec = 60

# ---------------------------------------------------------------------------
# Kaplan-Meier and log-rank, from their definitions. A group is a sorted list of
# (day, events, censored).
# ---------------------------------------------------------------------------


def curve(group):
    """day, at risk, events, censored, S and Greenwood's sum after each day"""
    at_risk = sum(d + c for _, d, c in group)
    s, greenwood = Fraction(1), Decimal(0)
    for day, d, c in group:
        s *= Fraction(at_risk - d, at_risk)
        if 0 < d < at_risk:
            greenwood += Decimal(d) / (Decimal(at_risk) * (at_risk - d))
        yield day, at_risk, d, c, s, greenwood
        at_risk -= d + c


def interval(s, greenwood, z):
    if s in (0, 1):
        return None, None
    log_s = decimal(s).ln()
    reach = z * greenwood.sqrt() / -log_s
    return (log_s * reach.exp()).exp(), (log_s * (-reach).exp()).exp()


def quantile(group, p):
    """Exact: the midpoint where the curve is flat at 1 - p, else the first time at or below it"""
    if p == 0:
        return Fraction(0)
    events = [(day, 1 - s) for day, _, d, _, s, _ in curve(group) if d > 0]
    for i, (day, f) in enumerate(events):
        if f == p:
            return (day + (events[i + 1][0] if i + 1 < len(events) else group[-1][0])) / 2
        if f > p:
            return day
    return None


def at(group, day):
    s = Fraction(1)
    for time, _, _, _, now, _ in curve(group):
        if time <= day:
            s = now
    return s


def mean(group, horizon):
    area, s, since = Fraction(0), Fraction(1), Fraction(0)
    for time, _, _, _, now, _ in curve(group):
        if time <= horizon:
            area, s, since = area + s * (time - since), now, time
    return area + s * (horizon - since)


def threshold(group, share):
    steps = list(curve(group))
    last = 1 - steps[-1][4]
    if last == 0:
        return None
    for day, _, d, _, s, _ in steps:
        if (1 - s) >= share * last:
            return day
    raise ArithmeticError


def solve(a, b):
    """Gauss, in fractions; None if singular"""
    n = len(b)
    rows = [row[:] + [b[i]] for i, row in enumerate(a)]
    for i in range(n):
        pivot = next((r for r in range(i, n) if rows[r][i] != 0), None)
        if pivot is None:
            return None
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for r in range(n):
            if r != i and rows[r][i] != 0:
                q = rows[r][i] / rows[i][i]
                rows[r] = [x - q * y for x, y in zip(rows[r], rows[i])]
    return [rows[i][n] / rows[i][i] for i in range(n)]


def logrank(groups):
    k = len(groups)
    observed, expected = [Fraction(0)] * k, [Fraction(0)] * k
    variance = [[Fraction(0)] * k for _ in range(k)]
    for day in sorted({day for group in groups for day, d, _ in group if d > 0}):
        n_of = [sum(d + c for time, d, c in group if time >= day) for group in groups]
        d_of = [sum(d for time, d, _ in group if time == day) for group in groups]
        n, d = sum(n_of), sum(d_of)
        for i in range(k):
            observed[i] += d_of[i]
            expected[i] += Fraction(d * n_of[i], n)
            for j in range(k):
                if n > 1:
                    variance[i][j] += Fraction(d * (n - d), n - 1) * Fraction(n_of[i], n) * \
                        ((i == j) - Fraction(n_of[j], n))
    used = [i for i in range(k) if expected[i] > 0]
    if len(used) < 2:
        return None
    rest = used[1:]
    difference = [observed[i] - expected[i] for i in rest]
    weights = solve([[variance[i][j] for j in rest] for i in rest], difference)
    if weights is None:
        return None
    chi_square = sum(u * w for u, w in zip(difference, weights))
    return chi_square, len(rest), chi_square_tail(chi_square, len(rest))


# ---------------------------------------------------------------------------
# Data
# ---------------------------------------------------------------------------
seed = 20260101


def random(n):
    """A whole number below n, the same on every run"""
    global seed
    seed = (seed * 6364136223846793005 + 1442695040888963407) % 2 ** 64
    return (seed >> 33) % n


def group_of(observations):
    """From signed days, negative for censored; -0.0 is not needed"""
    counts = {}
    for days, observed in observations:
        d, c = counts.get(days, (0, 0))
        counts[days] = (d + 1, c) if observed else (d, c + 1)
    return [(Fraction(day), d, c) for day, (d, c) in sorted(counts.items())]


def signed(*days):
    return group_of((Fraction(abs(x)), x >= 0) for x in days)


def shop(customers, open_for, per_mille, spread):
    """Second orders, in whole days: some of the customers come back, later ones had less time"""
    for _ in range(customers):
        age = random(open_for)
        back = 1 + random(spread) * random(spread) // spread if random(1000) < per_mille else open_for
        yield Fraction(min(age, back)), back <= age


def times(n, grid, per_mille):
    for _ in range(n):
        yield Fraction(random(grid), 64), random(1000) < per_mille


SCENARIOS = {
    # Freireich et al. (1963), in Gehan (1965): weeks of remission, 6-MP and placebo
    "gehan": {
        "6-mp": signed(6, 6, 6, -6, 7, -9, 10, -10, -11, 13, 16, -17, -19, -20, 22, 23, -25, -32, -32, -34, -35),
        "placebo": signed(1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23)},
    # Miller (1981), "aml" of R's survival: weeks, maintained and not
    "aml": {
        "maintained": signed(9, 13, -13, 18, 23, -28, 31, 34, -45, 48, -161),
        "nonmaintained": signed(5, 5, 8, 8, 12, -16, 23, 27, 30, 33, 43, 45)},
    "one event": {"a": signed(7)},
    "one censored": {"a": signed(-7)},
    "all censored": {"a": signed(-1, -1, -5), "b": signed(-2, -300)},
    "all at once": {"a": signed(3, 3, 3), "b": signed(3, 3)},
    "day 0": {"a": signed(0, 0, 0, 1, -1, 5), "b": [(Fraction(0), 2, 3), (Fraction(4), 1, 0), (Fraction(9), 0, 2)]},
    "flat": {
        "middle": signed(1, 2, 3, 4),
        "middle, censored within": signed(10, 20, -25, 30, -30),
        "tenths": signed(*range(1, 11)),
        "at the end": signed(1, 2, -7, -9),
        "never": signed(1, -2, -3, -4, -5)},
    "too early": {"left before any event": signed(-1, -2), "b": signed(3, 4, -5, 6), "c": signed(3, 3, -4, 8)},
    "never together": {"early": signed(1, 2, 3), "late, from the same start": signed(10, 20, 30)},
    "shop": {
        "2023": group_of(shop(4000, 730, 350, 200)),
        "2024": group_of(shop(6000, 365, 420, 150))},
    "heavy censoring": {"a": group_of(times(400, 6400, 40)), "b": group_of(times(500, 9000, 60))},
    "fractions of days": {name: group_of(times(n, 64 * days, share)) for name, n, days, share in (
        ("a", 120, 40, 700), ("b", 80, 40, 500), ("c", 150, 60, 900), ("d", 3, 30, 1000), ("e", 200, 35, 600),
        ("f", 1, 20, 1000))},
    "huge": {
        "a": [(Fraction(d), e * 2 ** 40, c * 2 ** 40) for d, e, c in ((1, 5, 0), (2, 1, 70), (5, 0, 9), (8, 3, 2))],
        "b": [(Fraction(d), e * 2 ** 40 + d, c * 2 ** 40) for d, e, c in ((1, 5, 0), (2, 1, 71), (5, 0, 9), (8, 3, 1))]},
    "rare": {"a": [(Fraction(1), 1, 0), (Fraction(2), 3, 10 ** 9), (Fraction(3), 10 ** 4, 10 ** 9), (Fraction(4), 0, 10 ** 9)]},
}
CONFIDENCES = ("0.95", "0.8", "0.999")
SHARES = ("0", "0.1", "0.2", "0.25", "0.3", "0.5", "0.7", "0.75", "0.8", "0.9", "1")
DAYS = ("0", "0.5", "1", "3", "7", "10.25", "29.99", "30", "90", "365", "5000")


def show(x):
    """17 digits; nothing for what there is not"""
    return "" if x is None else format(decimal(x), ".17g")


def main():
    with open("counts.csv", "w") as a, open("curve.csv", "w") as b, open("readings.csv", "w") as c, \
            open("logrank.csv", "w") as d:
        counts, curves, readings, logranks = (csv.writer(file, lineterminator="\n") for file in (a, b, c, d))
        counts.writerow(["scenario", "grp", "day", "events", "censored"])
        curves.writerow(["scenario", "grp", "confidence", "day", "at_risk", "events", "censored",
                         "survival", "std_error", "ci_low", "ci_high"])
        readings.writerow(["scenario", "grp", "reader", "argument", "value"])
        logranks.writerow(["scenario", "chi_square", "df", "p_value"])
        for scenario, groups in SCENARIOS.items():
            for name, group in groups.items():
                counts.writerows([scenario, name, show(day), e, c] for day, e, c in group)
                for confidence in CONFIDENCES if len(group) < 50 else CONFIDENCES[:1]:
                    z = normal_upper_quantile((1 - Decimal(confidence)) / 2)
                    for day, n, e, c, s, greenwood in curve(group):
                        std_error = None if s == 0 else decimal(s) * greenwood.sqrt()
                        curves.writerow([scenario, name, confidence, show(day), n, e, c, show(s), show(std_error),
                                         *map(show, interval(s, greenwood, z))])
                for reader, function, arguments in (
                        ("survival_quantile", quantile, SHARES), ("inactivity_threshold", threshold, SHARES[1:]),
                        ("survival_at", at, DAYS), ("survival_mean", mean, DAYS)):
                    readings.writerows([scenario, name, reader, x, show(function(group, Fraction(x)))]
                                       for x in arguments)
            test = logrank(list(groups.values()))
            logranks.writerow([scenario, *map(show, test)] if test else [scenario, "", "", ""])


main()
