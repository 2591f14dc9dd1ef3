/*
 * pareto_nbd.c
 *		The Pareto/NBD model: customers who can leave at any time.
 *
 * A customer buys at random at his rate lambda, and leaves at random at his
 * rate mu; lambda is gamma of shape r and rate alpha between customers, mu
 * gamma of shape s and rate beta.
 *
 *		D. C. Schmittlein, D. G. Morrison, R. Colombo (1987), Counting your
 *		customers: who are they and what will they do next?, Management Science
 *		33, 1-24.
 *		P. S. Fader, B. G. S. Hardie (2005), A note on deriving the Pareto/NBD
 *		model and related expressions, note 009. Equations below are its;
 *		our "age" is its T, "horizon" its t.
 *
 * The papers write the likelihood with hypergeometric functions: a difference
 * of two, in one of two forms, which loses digits or overflows with many a
 * customer. Here it stays the integral that it comes from, over the moment u
 * when the customer left (0: his first purchase):
 *
 *		the rates' part of the likelihood
 *			Gamma(r + x) / Gamma(r) alpha^r beta^s
 *		times the sum of
 *			still there		(alpha + T)^-(r + x) (beta + T)^-s
 *			left			integral from t_x to T of
 *							s (alpha + u)^-(r + x) (beta + u)^-(s + 1) du
 *
 * The integrand is positive, so that nothing cancels, and smooth, so that some
 * dozen points do; and the derivatives are averages over the same points.
 *
 * Everything is computed relative to its value at t_x. Parameters may be large
 * and T - t_x small (or the other way round), and the logarithms of the
 * quotients (alpha + u) / (alpha + t_x) are exact then, which differences of
 * logarithms are not.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "math/btyd.h"

#include <math.h>

#include "math/gauss_legendre.h"
#include "math/specfun.h"

/* params, as in the paper */
#define R		0
#define ALPHA	1
#define S		2
#define BETA	3
#define PARAMS	4

/* Where an integrand is less than e^-CUT of a value it has, it is left out. */
#define CUT		40

/*
 * The concave functions whose exponentials are integrated here,
 *
 *		slope y - sum of power ln(rest + share e^y),	share + rest = 1,
 *
 * being 0 at 0. They arise from powers of (c + u), where u runs as e^y does.
 */
typedef struct Factor
{
	double		power;
	double		share;
	double		rest;
} Factor;

typedef struct Bell
{
	double		slope;
	Factor		factors[2];
} Bell;

/* Its value and its slope at y. */
static double
bell_value(const Bell *bell, double y, double *slope)
{
	const double up = expm1(y);
	const double grown_by = exp(y); /* up + 1 has no digits of small ones */
	double		value = bell->slope * y;

	*slope = bell->slope;
	for (int i = 0; i < lengthof(bell->factors); i++)
	{
		const Factor *factor = &bell->factors[i];
		const double change = factor->share * up;
		const double grown = factor->share * grown_by;

		/* the same twice; each has all digits where the other may not */
		value -= factor->power *
			(change > -0.5 ? log1p(change) : log(factor->rest + grown));
		*slope -= factor->power * (grown / (factor->rest + grown));
	}
	return value;
}

/*
 * Where the integral may end on the side of y: at y, unless the bell is much
 * less than -CUT there. Newton's steps on a concave function come nearer from
 * outside and never get across.
 */
static double
bell_edge(const Bell *bell, double y)
{
	for (int i = 0; i < 100; i++)
	{
		double		slope;
		const double value = bell_value(bell, y, &slope);

		if (value >= -CUT - 2)
			break;
		y -= (value + CUT) / slope;
	}
	return y;
}

/*
 * The integral of e^bell from low to high. Its singularities are at a distance
 * of pi from the real axis, so panels much wider than that would not do.
 * Between the edges of a bell there are never as many as MOST_PANELS.
 */
#define MOST_PANELS		100

static double
bell_integral(const Bell *bell, double low, double high)
{
	const GaussRule *rule = &gauss_rules[GAUSS_RULE_32];
	const int	panels = (int) Min(4 + (high - low) / 2, MOST_PANELS);
	const double half = (high - low) / panels / 2;
	double		sum = 0;
	double		slope;

	for (int panel = 0; panel < panels; panel++)
	{
		const double middle = low + (2 * panel + 1) * half;

		for (int i = 0; i < rule->npoints; i++)
		{
			const GaussPoint *point = &rule->points[i];
			const double offset = half * point->at;

			sum += point->weight *
				(exp(bell_value(bell, middle - offset, &slope)) +
				 exp(bell_value(bell, middle + offset, &slope)));
		}
	}
	return sum * half;
}

/*
 * A moment u >= t_x, and what the likelihood needs of it. Numbers 0 to 3 go
 * with r, alpha, s and beta:
 *
 *		ln((alpha + u) / (alpha + t_x)),	(u - t_x) / (alpha + u),
 *		ln((beta + u) / (beta + t_x)),		(u - t_x) / (beta + u)
 */
typedef double Moment[PARAMS];

/* The same averaged over the moments when a customer may have left. */
typedef struct Departure
{
	double		log;			/* of the integral; -inf if it is zero */
	double		mean[PARAMS];
	double		square[PARAMS][PARAMS]; /* of products; only for row >= column */
} Departure;

/* A customer's likelihood without what depends on x and r alone. */
typedef struct Outlook
{
	double		log_base;		/* relative to which the other two are */
	double		log_stay;
	Departure	departure;
	Moment		now;			/* u = T */
	double		log_alpha;		/* ln((alpha + t_x) / alpha) */
	double		log_beta;
} Outlook;

/* The range that one panel can do. */
#define WIDEST	3

/*
 * The fewest points that give the integral of e^h to 14 digits and its moments
 * to 11, where h is one of integrate_departure's functions, falling by drop <=
 * CUT + 2 over a range of width <= WIDEST. The bounds are the outcome of an
 * experiment: each rule against a much finer one, for three million such
 * functions.
 */
static const GaussRule *
choose_rule(double width, double drop)
{
	static const double most[] = {0.15, 0.8, 1.8, 3.6, 13};
	const double load = drop + 1.5 * width;
	int			i = 0;

	while (i < lengthof(most) && load > most[i])
		i++;
	return &gauss_rules[i];
}

/*
 * Sums over the points. Of alpha and beta the smaller one is "near" here, the
 * other "far". The integral is taken over y with u - t_x = (near + t_x) (e^y -
 * 1): then one of the two logarithms that the integrand needs is y, and it is
 *
 *		e^(-power_near y) (1 + share (e^y - 1))^-power_far.
 */
typedef struct PointSums
{
	double		power_near;
	double		power_far;
	double		share;			/* (near + t_x) / (far + t_x) */
	double		sum;			/* of the weights */
	double		mean[PARAMS];	/* times a Moment with near before far */
	double		square[PARAMS][PARAMS];
} PointSums;

/* Adds the point y, where up = e^y - 1. */
static inline void
add_point(PointSums *sums, double weight, double y, double up)
{
	const double far = sums->share * up;
	const double log_far = log1p(far);
	const double near_quotient = up / (1 + up);
	const double far_quotient = far / (1 + far);
	const double w = weight *
		exp(-sums->power_near * y - sums->power_far * log_far);
	const double wy = w * y;
	const double wn = w * near_quotient;
	const double wl = w * log_far;
	const double wf = w * far_quotient;

	sums->sum += w;
	sums->mean[0] += wy;
	sums->mean[1] += wn;
	sums->mean[2] += wl;
	sums->mean[3] += wf;
	sums->square[0][0] += wy * y;
	sums->square[1][0] += wn * y;
	sums->square[1][1] += wn * near_quotient;
	sums->square[2][0] += wl * y;
	sums->square[2][1] += wl * near_quotient;
	sums->square[2][2] += wl * log_far;
	sums->square[3][0] += wf * y;
	sums->square[3][1] += wf * near_quotient;
	sums->square[3][2] += wf * log_far;
	sums->square[3][3] += wf * far_quotient;
}

/* Adds the points of the rule between low and high. */
static void
add_points(PointSums *sums, const GaussRule *rule, double low, double high)
{
	const double half = (high - low) / 2;
	const double middle_y = low + half;
	const double middle_up = expm1(middle_y);

	for (int i = 0; i < rule->npoints; i++)
	{
		const GaussPoint *point = &rule->points[i];
		const double weight = half * point->weight;
		const double offset = half * point->at;
		const double up = expm1(offset);

		/* e^(a + b) - 1 and e^(a - b) - 1 from e^a - 1 and e^b - 1 */
		add_point(sums, weight, middle_y + offset,
				  middle_up + up * (1 + middle_up));
		add_point(sums, weight, middle_y - offset,
				  (middle_up - up) / (1 + up));
	}
}

/* From the sums to averages, in the order of the parameters. */
static void
average(const PointSums *sums, bool alpha_is_near, Departure *departure)
{
	const int	shift = alpha_is_near ? 0 : 2;

	for (int i = 0; i < PARAMS; i++)
	{
		const int	row = i ^ shift;

		departure->mean[row] = sums->mean[i] / sums->sum;
		for (int j = 0; j <= i; j++)
		{
			const int	column = j ^ shift;

			departure->square[Max(row, column)][Min(row, column)] =
				sums->square[i][j] / sums->sum;
		}
	}
}

/*
 * The second part of the likelihood: that the customer has left. Relative to
 * the base, and with u - t_x = (near + t_x) (e^y - 1), it is
 *
 *		s (near + t_x) / (beta + t_x) times the integral over y of
 *			e^y ((alpha + u) / (alpha + t_x))^-(r + x)
 *				((beta + u) / (beta + t_x))^-(s + 1).
 */
static void
integrate_departure(const double *params, const BtydHistory *history,
					const Moment now, Departure *departure)
{
	const bool	alpha_is_near = params[ALPHA] <= params[BETA];
	const double alpha = params[ALPHA] + history->t_x;
	const double beta = params[BETA] + history->t_x;
	const double near = Min(alpha, beta);
	const double power_alpha = params[R] + history->x;
	const double power_beta = params[S] + 1;
	const double log_near = alpha_is_near ? now[R] : now[S];
	const double log_far = alpha_is_near ? now[S] : now[R];
	PointSums	sums = {
		.power_near = (alpha_is_near ? power_alpha : power_beta) - 1,
		.power_far = alpha_is_near ? power_beta : power_alpha,
		.share = near / Max(alpha, beta)
	};
	double		width = log_near;
	double		drop = sums.power_near * log_near + sums.power_far * log_far;

	memset(departure, 0, sizeof(Departure));
	departure->log = -INFINITY;
	if (params[S] == 0 || width == 0)
		return;
	if (drop > CUT + 2)
	{
		const double slope = sums.power_near + sums.power_far * sums.share;
		const Bell	bell = {
			.slope = -sums.power_near,
			.factors = {
				{sums.power_far, sums.share, 1 - sums.share},
				{0, 0, 1}		/* none */
			}
		};

		/* as it falls ever faster, it needs no more than this */
		if (slope * width > CUT)
			width = CUT / slope;
		width = bell_edge(&bell, width);
		drop = CUT;
	}
	if (width <= WIDEST && drop >= 0)
		add_points(&sums, choose_rule(width, drop), 0, width);
	else
	{
		const int	panels = (int) Min(1 + width / 2, MOST_PANELS);

		for (int i = 0; i < panels; i++)
			add_points(&sums, &gauss_rules[GAUSS_RULE_32],
					   width * i / panels,
					   width * (i + 1) / panels);
	}
	if (sums.sum == 0)
		return;					/* the range is too short for a double */
	departure->log = log(params[S] * (near / beta) * sums.sum);
	average(&sums, alpha_is_near, departure);
}

/* What is to be known of a customer, for the functions below. */
static void
look_at(const double *params, const BtydHistory *history, Outlook *outlook)
{
	const double since = history->age - history->t_x;
	const double alpha = params[ALPHA] + history->t_x;
	const double beta = params[BETA] + history->t_x;

	outlook->log_alpha = log1p(history->t_x / params[ALPHA]);
	outlook->log_beta = log1p(history->t_x / params[BETA]);
	outlook->log_base = -params[R] * outlook->log_alpha -
		history->x * log(alpha) - params[S] * outlook->log_beta;
	outlook->now[R] = log1p(since / alpha);
	outlook->now[ALPHA] = since / (params[ALPHA] + history->age);
	outlook->now[S] = log1p(since / beta);
	outlook->now[BETA] = since / (params[BETA] + history->age);
	outlook->log_stay = -(params[R] + history->x) * outlook->now[R] -
		params[S] * outlook->now[S];
	integrate_departure(params, history, outlook->now, &outlook->departure);
}

/* ln(e^a + e^b); b may be -inf */
static double
log_sum(double a, double b)
{
	return Max(a, b) + log1p(exp(-fabs(a - b)));
}

/* The logarithm of the likelihood (18) without Gamma(r + x) / Gamma(r). */
static double
log_likelihood_part(const Outlook *outlook)
{
	return outlook->log_base +
		log_sum(outlook->log_stay, outlook->departure.log);
}

/* P(alive): the share of having stayed in the likelihood (36-37). */
static double
stay_share(const Outlook *outlook)
{
	return 1 / (1 + exp(outlook->departure.log - outlook->log_stay));
}

/*
 * The derivatives of the logarithm of the likelihood, if the customer left at
 * u, with respect to the logarithms of the parameters; and averages of such.
 *
 *		ln r		r (digamma(r + x) - digamma(r) - ln((alpha + u) / alpha))
 *		ln alpha	r - (r + x) alpha / (alpha + u)
 *		ln s		1 - s ln((beta + u) / beta)
 *		ln beta		s - (s + 1) beta / (beta + u)
 *
 * They are linear in the numbers of a Moment. If he has not left, u is T, and
 * "leaving" is 0 instead of 1.
 */
static void
slopes_at(const double *params, const BtydHistory *history,
		  const Outlook *outlook, const GammaRatio *ratio,
		  const double *moment, double leaving, double *slopes)
{
	const double r = params[R];
	const double s = params[S];
	const double t_x = history->t_x;
	const double alpha = params[ALPHA];
	const double beta = params[BETA];

	slopes[R] = r * (ratio->slope - outlook->log_alpha - moment[R]);
	slopes[ALPHA] = (r * t_x - history->x * alpha) / (alpha + t_x) +
		(r + history->x) * (alpha / (alpha + t_x)) * moment[ALPHA];
	slopes[S] = leaving - s * (outlook->log_beta + moment[S]);
	slopes[BETA] = (s * t_x - leaving * beta) / (beta + t_x) +
		(s + leaving) * (beta / (beta + t_x)) * moment[BETA];
}

/*
 * Adds "weight" times the second derivatives for a customer who left at u, and
 * likewise. The squares are those of the second and the fourth number of the
 * moment. With k = u / (alpha + u), that is, (t_x + alpha moment) / (alpha + t_x),
 * those of alpha are r k and -(r + x) k (1 - k), those of beta alike.
 */
static void
add_curvatures(const double *params, const BtydHistory *history,
			   const GammaRatio *ratio, const double *slopes,
			   const double *moment, double square_alpha, double square_beta,
			   double leaving, double weight, double (*sum)[MOST_VARIABLES])
{
	const double r = params[R];
	const double s = params[S];
	const double t_x = history->t_x;
	const double alpha = params[ALPHA];
	const double beta = params[BETA];
	const double gone_alpha = t_x + alpha * moment[ALPHA];
	const double gone_beta = t_x + beta * moment[BETA];

	sum[R][R] += weight * (slopes[R] + r * r * ratio->curvature);
	sum[ALPHA][R] += weight * r * (gone_alpha / (alpha + t_x));
	sum[ALPHA][ALPHA] -= weight * (r + history->x) *
		(alpha / (alpha + t_x)) / (alpha + t_x) *
		(gone_alpha - t_x * moment[ALPHA] - alpha * square_alpha);
	sum[S][S] += weight * (slopes[S] - leaving);
	sum[BETA][S] += weight * s * (gone_beta / (beta + t_x));
	sum[BETA][BETA] -= weight * (s + leaving) *
		(beta / (beta + t_x)) / (beta + t_x) *
		(gone_beta - t_x * moment[BETA] - beta * square_beta);
}

/*
 * Adds customers to the log-likelihood and its derivatives. Where a likelihood
 * is a sum (or an integral) of e^h, the gradient of its logarithm is the
 * average of the gradients of h, weighted with e^h; the Hessian is that of the
 * Hessians plus the covariance of the gradients. This is applied twice: to the
 * moments when the customer may have left, and to having left or not.
 */
static void
add_customers(const double *params, const BtydPattern *pattern,
			  const GammaRatio *ratio, Objective *sum)
{
	const BtydHistory *history = &pattern->history;
	const double customers = pattern->customers;
	double		hessian[MOST_VARIABLES][MOST_VARIABLES] = {{0}};
	double		staying[PARAMS];
	double		leaving[PARAMS];
	double		scale[PARAMS];
	double		stay;
	double		leave;
	Outlook		outlook;
	const Departure *departure = &outlook.departure;

	look_at(params, history, &outlook);
	stay = stay_share(&outlook);
	leave = 1 / (1 + exp(outlook.log_stay - departure->log));
	slopes_at(params, history, &outlook, ratio, outlook.now, 0, staying);
	slopes_at(params, history, &outlook, ratio, departure->mean, 1, leaving);
	add_curvatures(params, history, ratio, staying, outlook.now,
				   outlook.now[ALPHA] * outlook.now[ALPHA],
				   outlook.now[BETA] * outlook.now[BETA], 0, stay, hessian);
	add_curvatures(params, history, ratio, leaving, departure->mean,
				   departure->square[ALPHA][ALPHA],
				   departure->square[BETA][BETA], 1, leave, hessian);

	/* slopes_at changes by so much with each number of the moment */
	scale[R] = -params[R];
	scale[ALPHA] = (params[R] + history->x) *
		(params[ALPHA] / (params[ALPHA] + history->t_x));
	scale[S] = -params[S];
	scale[BETA] = (params[S] + 1) *
		(params[BETA] / (params[BETA] + history->t_x));

	sum->value += customers * (ratio->log + log_likelihood_part(&outlook));
	for (int i = 0; i < PARAMS; i++)
	{
		const double apart = staying[i] - leaving[i];

		sum->gradient[i] += customers *
			(stay * staying[i] + leave * leaving[i]);
		for (int j = 0; j <= i; j++)
			sum->hessian[i][j] += customers *
				(hessian[i][j] +
				 stay * leave * apart * (staying[j] - leaving[j]) +
				 leave * scale[i] * scale[j] *
				 (departure->square[i][j] -
				  departure->mean[i] * departure->mean[j]));
	}
}

/* The log-likelihood of all customers, with its derivatives. */
static void
pareto_nbd_log_likelihood(const BtydModel *model, const BtydData *data,
						  Objective *result)
{
	const double *params = model->params;
	GammaRatio	ratio = {0};

	memset(result, 0, sizeof(Objective));
	for (uint64 i = 0; i < data->npatterns; i++)
	{
		const BtydPattern *pattern = &data->patterns[i];

		if ((i & 0xFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (i == 0 || pattern->history.x != pattern[-1].history.x)
			ratio = gamma_ratio(params[R], pattern->history.x);
		add_customers(params, pattern, &ratio, result);
	}
	mirror_hessian(result);
}

/* That of one customer (18). */
static double
pareto_nbd_log_likelihood_of(const BtydModel *model, const BtydHistory *history)
{
	Outlook		outlook;

	look_at(model->params, history, &outlook);
	return log_gamma_ratio(model->params[R], history->x) +
		log_likelihood_part(&outlook);
}

/* (36-37) */
static double
pareto_nbd_p_alive(const BtydModel *model, const BtydHistory *history)
{
	Outlook		outlook;

	look_at(model->params, history, &outlook);
	return stay_share(&outlook);
}

/*
 * How long a customer stays within the next "horizon" on average, if he was
 * there for "age" already, in units of beta + age:
 *
 *		(1 - ((beta + age) / (beta + age + horizon))^(s - 1)) / (s - 1)
 *
 * With z = (s - 1) ln((beta + age + horizon) / (beta + age)) this is the
 * logarithm times (1 - e^-z) / z, which knows no special case but z = 0.
 */
static double
stay_expected(const double *params, double age, double horizon)
{
	const double log_growth = log1p(horizon / (params[BETA] + age));
	const double z = (params[S] - 1) * log_growth;

	return z == 0 ? log_growth : log_growth * (-expm1(-z) / z);
}

/*
 * (41): P(alive) times the expected rate, (r + x) / (alpha + T), times the
 * time that he stays.
 */
static double
pareto_nbd_expected_orders(const BtydModel *model, const BtydHistory *history,
						   double alive, double horizon)
{
	const double *params = model->params;
	const double rate = (params[R] + history->x) /
		(params[ALPHA] + history->age);

	if (params[S] == 0)
		return rate * horizon;
	return alive * rate * (params[BETA] + history->age) *
		stay_expected(params, history->age, horizon);
}

/* (27), which is (41) for a customer of whom nothing is known yet. */
static double
pareto_nbd_expected_orders_new(const BtydModel *model, double horizon)
{
	const BtydHistory nothing = {0, 0, 0};

	return btyd_expected_orders(model, &nothing, horizon);
}

/*
 * The logarithm of the probability of n >= 1 purchases in a time u > 0, if
 * nobody leaves (NBD):
 *
 *		1 / (n B(n, r)) (alpha / (alpha + u))^r (u / (alpha + u))^n
 */
static double
log_nbd(const double *params, double n, double u)
{
	const double r = params[R];
	const double alpha = params[ALPHA];

	return log_beta_term(n, r, u, alpha, (n * alpha - r * u) / (alpha + u),
						 stirling_rest(n + r).log - stirling_rest(n).log -
						 stirling_rest(r).log) - log(n);
}

/*
 * An integral over the moment u of the n-th purchase, or of leaving after it, in
 * terms of ln u, where it is
 *
 *		u^(n + more) / ((alpha + u)^(r + n) (beta + u)^(s + more)),
 *
 * more being 0 or 1, relative to its value at the likeliest u.
 */
typedef struct Moments
{
	double		likeliest;
	double		integral;
} Moments;

/*
 * The u at which it is largest: where
 *
 *		n + more = (r + n) u / (alpha + u) + (s + more) u / (beta + u),
 *
 * the root above zero of a quadratic equation.
 */
static double
likeliest_moment(const double *params, double n, double more)
{
	const double r = params[R];
	const double alpha = params[ALPHA];
	const double s = params[S];
	const double beta = params[BETA];
	const double b = ((more - r) * beta + (n - s) * alpha) / 2;
	const double c = (n + more) * alpha * beta;
	const double root = sqrt(b * b + (r + s) * c);

	return b > 0 ? (b + root) / (r + s) : c / (root - b);
}

/* Between these a rule of 32 points has all digits of the integral in one piece. */
#define SHORT_BEGIN		1e-200
#define SHORT_END		4
#define SHORT_FALL		40

/*
 * The integral from 0 to the horizon, if that is not far in terms of
 * y = ln(1 + u / c), c the smaller of alpha and beta: the next singularities of the
 * smooth function that it is of y are at a distance of pi. "u" is the likeliest.
 */
static bool
short_integral(const double *params, double n, double more, double horizon,
			   double u, double *integral)
{
	const GaussRule *rule = &gauss_rules[GAUSS_RULE_32];
	const double alpha = params[ALPHA];
	const double beta = params[BETA];
	const double power_alpha = params[R] + n;
	const double power_beta = params[S] + more;
	const double nearer = Min(alpha, beta);
	const double half = log1p(horizon / nearer) / 2;
	double		sum = 0;

	if (half < SHORT_BEGIN || 2 * half > SHORT_END ||
		2 * half * (n + more + power_alpha + power_beta) > SHORT_FALL)
		return false;
	for (int i = 0; i < rule->npoints; i++)
		for (int side = -1; side <= 1; side += 2)
		{
			const double up = expm1(half * (1 + side * rule->points[i].at));
			const double v = nearer * up;

			sum += rule->points[i].weight * (1 + 1 / up) *
				exp((n + more) * log(v / u) -
					power_alpha * log((alpha + v) / (alpha + u)) -
					power_beta * log((beta + v) / (beta + u)));
		}
	*integral = sum * half;
	return true;
}

static Moments
moments_until(const double *params, double n, double more, double horizon)
{
	const double alpha = params[ALPHA];
	const double beta = params[BETA];
	const double u = Min(likeliest_moment(params, n, more), horizon);
	Moments		moments = {.likeliest = u};
	const double power_alpha = params[R] + n;
	const double power_beta = params[S] + more;
	const Bell	bell = {
		.slope = n + more,
		.factors = {
			{power_alpha, u / (alpha + u), alpha / (alpha + u)},
			{power_beta, u / (beta + u), beta / (beta + u)}
		}
	};

	/* below it, even with the factors at their largest, less than e^-CUT */
	const double low = -(CUT + power_alpha * log1p(u / alpha) +
						 power_beta * log1p(u / beta)) / (n + more);

	if (!short_integral(params, n, more, horizon, u, &moments.integral))
		moments.integral = bell_integral(&bell, bell_edge(&bell, low),
										 bell_edge(&bell, log(horizon / u)));
	return moments;
}

/*
 * The probability of n >= 1 purchases before leaving within the horizon: the
 * integral, from 0 to it, over the moment u of leaving,
 *
 *		NBD(n; u) s beta^s (beta + u)^-(s + 1) du.
 */
static double
pmf_left(const double *params, double n, double horizon)
{
	const double s = params[S];
	const double beta = params[BETA];
	const Moments moments = moments_until(params, n, 1, horizon);
	const double u = moments.likeliest;

	return exp(log_nbd(params, n, u) - s * log1p(u / beta)) *
		(s * (u / (beta + u))) * moments.integral;
}

/*
 * The probability of n >= 1 purchases or more of a new customer within the horizon:
 * the integral over the moment u of the n-th, at which he is still there,
 *
 *		n NBD(n; u) / u (beta / (beta + u))^s du.
 *
 * For a customer who never leaves it is an incomplete beta function.
 */
static double
pareto_nbd_at_least_new(const BtydModel *model, double n, double horizon)
{
	const double *params = model->params;
	Moments		moments;
	double		p;

	if (horizon == 0)
		return 0;
	moments = moments_until(params, n, 0, horizon);
	p = n * moments.integral *
		exp(log_nbd(params, n, moments.likeliest) -
			params[S] * log1p(moments.likeliest / params[BETA]));
	return Min(p, 1);
}

/*
 * A customer who is there at the end of the data goes on as a new one of whom so
 * much is known.
 */
static BtydModel
pareto_nbd_future(const BtydModel *model, const BtydHistory *history)
{
	const double *params = model->params;

	return (BtydModel) {
		.family = &pareto_nbd_family,
		.params = {
			params[R] + history->x, params[ALPHA] + history->age,
			params[S], params[BETA] + history->age
		}
	};
}

/* An exponential falls by more than it in what counts as far. */
#define FAR				100

/*
 * The integral from 0 to h of u (beta / (beta + u))^s du, in units of beta^2: with
 * y = ln(1 + u / beta), of (e^y - 1) e^((1 - s) y) dy from 0 to end.
 *
 * Where neither exponential has far to go, a rule of 32 points has all digits; where
 * one has, nothing cancels in the formula.
 */
static double
pairs_stay(double s, double end)
{
	const GaussRule *rule = &gauss_rules[GAUSS_RULE_32];
	const double half = end / 2;
	double		sum = 0;

	if ((s - 2) * end > FAR)
		return 1 / ((s - 1) * (s - 2));
	if ((2 - s) * end > FAR)
		return expm1((2 - s) * end) / (2 - s) -
			(s == 1 ? end : expm1((1 - s) * end) / (1 - s));
	for (int i = 0; i < rule->npoints; i++)
		for (int side = -1; side <= 1; side += 2)
		{
			const double y = half * (1 + side * rule->points[i].at);

			sum += rule->points[i].weight * expm1(y) * exp((1 - s) * y);
		}
	return half * sum;
}

/*
 * The mean of N (N - 1), N the purchases of a new customer within the horizon: they
 * are Poisson while he stays, so it is the mean of lambda^2 times that of the square
 * of his time there,
 *
 *		r (r + 1) / alpha^2  2 integral of u P(stays for u) du.
 */
static double
pareto_nbd_pairs_new(const BtydModel *model, double horizon)
{
	const double *params = model->params;
	const double r = params[R];
	const double beta = params[BETA] / params[ALPHA];

	if (params[S] == 0)
		return r * (horizon / params[ALPHA]) *
			((r + 1) * (horizon / params[ALPHA]));
	return 2 * (r * beta) * ((r + 1) * beta) *
		pairs_stay(params[S], log1p(horizon / params[BETA]));
}

/*
 * The probability of n repeat purchases of a new customer within the horizon:
 * of one who stays, or of one who leaves. P. S. Fader, B. G. S. Hardie (2006),
 * Deriving an expression for P(X(t) = x) under the Pareto/NBD model, note 012.
 */
static double
pareto_nbd_pmf_new(const BtydModel *model, double n, double horizon)
{
	const double *params = model->params;
	const double log_stay = -params[S] * log1p(horizon / params[BETA]);
	const BtydHistory nothing = {0, 0, horizon};
	double		p;

	if (n == 0)
		p = exp(pareto_nbd_log_likelihood_of(model, &nothing));
	else if (horizon == 0)
		p = 0;
	else
	{
		p = exp(log_nbd(params, n, horizon) + log_stay);
		if (params[S] > 0)
			p += pmf_left(params, n, horizon);
	}
	return Min(p, 1);
}

const BtydFamily pareto_nbd_family = {
	.name = "pareto_nbd",
	.nparams = PARAMS,
	.param_names = {"r", "alpha", "s", "beta"},
	.log_likelihood = pareto_nbd_log_likelihood,
	.log_likelihood_of = pareto_nbd_log_likelihood_of,
	.p_alive = pareto_nbd_p_alive,
	.expected_orders = pareto_nbd_expected_orders,
	.expected_orders_new = pareto_nbd_expected_orders_new,
	.pmf_new = pareto_nbd_pmf_new,
	.at_least_new = pareto_nbd_at_least_new,
	.pairs_new = pareto_nbd_pairs_new,
	.future = pareto_nbd_future
};
