// SPDX-License-Identifier: GPL-2.0-or-later
#include "forecast/prophet.h"

#include <cblas.h>
#include <errno.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

#include "forecast/models.h"
#include "forecast/random.h"

#define K_SD 5.0
#define M_SD 5.0
#define BETA_SD 10.0
#define DELTA_SCALE 0.05
#define SIGMA_SD 0.5
#define YEAR_DAYS 365.25
#define CHANGEPOINT_RANGE 0.8

/* Rows of the design matrix that are built at a time: they stay in the cache. */
#define BLOCK 96
#define FIRST_DELTA 2

static double t_of(const struct prophet *p, int64_t minute)
{
	return (double)(minute - p->start) / p->span;
}

static void fourier(double *out, double days, double period, int order)
{
	double s1 = sin(2 * M_PI * days / period), c1 = cos(2 * M_PI * days / period);
	double s = s1, c = c1;

	for (int i = 0; i < order; i++) {
		double next = s * c1 + c * s1;

		out[2 * i] = s;
		out[2 * i + 1] = c;
		c = c * c1 - s * s1;
		s = next;
	}
}

/* One row of the design matrix: t, 1, hinges, Fourier terms (days since the epoch). */
static void seasonal_row(const struct prophet *p, int64_t minute, double *x)
{
	double days = (double)minute / MINUTES_PER_DAY;

	fourier(x, days, YEAR_DAYS, p->yearly);
	x += 2 * p->yearly;
	fourier(x, days, 7, p->weekly);
	x += 2 * p->weekly;
	fourier(x, days, 1, p->daily);
}

static void trend_row(const struct prophet *p, double t, double *x)
{
	x[0] = t;
	x[1] = 1;
	for (int j = 0; j < p->n_changepoints; j++)
		x[FIRST_DELTA + j] = MAX(t - p->changepoint[j], 0);
}

/* Holidays last a day, from midnight to midnight. */
static void holiday_row(const struct prophet *p, int64_t minute, double *x)
{
	int64_t in_day = (minute % MINUTES_PER_DAY + MINUTES_PER_DAY) % MINUTES_PER_DAY;

	if (p->holidays)
		holidays_of_day(p->holidays, (minute - in_day) / MINUTES_PER_DAY, x);
}

static int holiday_columns(const struct prophet *p)
{
	return p->holidays ? p->holidays->n_names : 0;
}

static int seasonal_columns(const struct prophet *p)
{
	return 2 * (p->daily + p->weekly + p->yearly);
}

/* --- what the history decides before any fitting */

static void set_changepoints(struct prophet *p, const struct series *s)
{
	size_t used = (size_t)floor(CHANGEPOINT_RANGE * (double)p->n), rank = 0;
	int next = 1;

	p->n_changepoints = (int)MIN((size_t)PROPHET_CHANGEPOINTS, used > 0 ? used - 1 : 0);
	for (size_t i = 0; i < s->n && next <= p->n_changepoints; i++) {
		if (isnan(s->value[i]))
			continue;
		/* rint() rounds half to even, as R and numpy do. */
		while (next <= p->n_changepoints &&
		       (double)rank ==
			       rint((double)next * (double)(used - 1) / p->n_changepoints)) {
			p->changepoint[next - 1] = t_of(p, s->start + (int64_t)i * s->step);
			next++;
		}
		rank++;
	}
}

static void set_up(struct prophet *p, const struct series *s, const struct holidays *holidays)
{
	size_t first = s->n, last = 0;
	double days;

	*p = (struct prophet){ .holidays = holidays };
	for (size_t i = 0; i < s->n; i++)
		if (!isnan(s->value[i])) {
			first = MIN(first, i);
			last = i;
			p->n++;
			p->scale = MAX(p->scale, fabs(s->value[i]));
		}
	if (p->scale == 0)
		p->scale = 1;
	p->start = s->start + (int64_t)first * s->step;
	p->span = MAX((double)(last - first) * s->step, 1);
	days = (double)(last - first) * s->step / MINUTES_PER_DAY;
	p->daily = days >= 2 && s->step < MINUTES_PER_DAY ? PROPHET_DAILY : 0;
	p->weekly = days >= 14 ? PROPHET_WEEKLY : 0;
	p->yearly = days >= 730 ? PROPHET_YEARLY : 0;
	set_changepoints(p, s);
	p->n_columns = FIRST_DELTA + p->n_changepoints + seasonal_columns(p) + holiday_columns(p);
}

/* --- the Gram matrix */

struct gram {
	int n; /* columns, the last of which is y */
	double g[(PROPHET_MAX_COLUMNS + 1) * (PROPHET_MAX_COLUMNS + 1)]; /* lower, row major */
};

static double gram_at(const struct gram *g, int i, int j)
{
	return i >= j ? g->g[i * g->n + j] : g->g[j * g->n + i];
}

/* The day's and the week's terms repeat: a row of them for each step of the week, or of the day when
 * there is no weekly term. NULL when the yearly term makes every row its own. */
struct season_table {
	double *row;
	int64_t period; /* minutes */
	int columns;
};

static int make_table(const struct prophet *p, const struct series *s, struct season_table *t)
{
	size_t rows;

	*t = (struct season_table){ .columns = seasonal_columns(p) };
	if (p->yearly || t->columns == 0)
		return 0;
	t->period = p->weekly ? 7 * MINUTES_PER_DAY : MINUTES_PER_DAY;
	rows = (size_t)(t->period / s->step);
	t->row = malloc(rows * (size_t)t->columns * sizeof(double));
	if (!t->row)
		return -ENOMEM;
	for (size_t i = 0; i < rows; i++)
		seasonal_row(p, s->start + (int64_t)i * s->step, &t->row[i * (size_t)t->columns]);
	return 0;
}

static void fill_row(const struct prophet *p, const struct season_table *table,
		     const struct series *s, size_t i, double *x)
{
	int64_t minute = s->start + (int64_t)i * s->step;

	trend_row(p, t_of(p, minute), x);
	x += FIRST_DELTA + p->n_changepoints;
	if (table->row) {
		size_t at = (size_t)((int64_t)i * s->step % table->period / s->step);

		memcpy(x, &table->row[at * (size_t)table->columns],
		       (size_t)table->columns * sizeof(*x));
	} else {
		seasonal_row(p, minute, x);
	}
	holiday_row(p, minute, x + seasonal_columns(p));
}

static int make_gram(const struct prophet *p, const struct series *s, struct gram *g)
{
	double block[BLOCK * (PROPHET_MAX_COLUMNS + 1)];
	struct season_table table;
	int rows = 0;
	int r = make_table(p, s, &table);

	if (r < 0)
		return r;
	g->n = p->n_columns + 1;
	memset(g->g, 0, sizeof(g->g));
	for (size_t i = 0; i <= s->n; i++) {
		if (rows == BLOCK || (i == s->n && rows > 0)) {
			cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, g->n, rows, 1, block,
				    g->n, 1, g->g, g->n);
			rows = 0;
		}
		if (i == s->n || isnan(s->value[i]))
			continue;
		fill_row(p, &table, s, i, &block[rows * g->n]);
		block[rows * g->n + g->n - 1] = s->value[i] / p->scale;
		rows++;
	}
	free(table.row);
	return 0;
}

/* --- the maximum a posteriori on the Gram matrix */

/* 1/2 x'Hx - c'x + lambda sum |x_j| over the penalised j. Feature-sign search (Lee, Battle, Raina &
 * Ng, "Efficient sparse coding algorithms", 2006): exact after finitely many steps. */
struct problem {
	int n, first, last; /* columns first..last-1 are penalised */
	double h[PROPHET_MAX_COLUMNS * PROPHET_MAX_COLUMNS];
	double c[PROPHET_MAX_COLUMNS];
	double lambda;
};

static bool penalised(const struct problem *q, int j)
{
	return j >= q->first && j < q->last;
}

static double sign_of(double x)
{
	return (x > 0) - (x < 0);
}

static double value_of(const struct problem *q, const double *x)
{
	double v = 0;

	for (int i = 0; i < q->n; i++) {
		double hx = 0;

		if (x[i] == 0)
			continue;
		for (int j = 0; j < q->n; j++)
			hx += q->h[i * q->n + j] * x[j];
		v += x[i] * (hx / 2 - q->c[i]);
		if (penalised(q, i))
			v += q->lambda * fabs(x[i]);
	}
	return v;
}

static double gradient(const struct problem *q, const double *x, int i)
{
	return cblas_ddot(q->n, &q->h[i * q->n], 1, x, 1) - q->c[i];
}

/* Minimises with the signs held: one symmetric positive definite solve of the active columns. */
static int solve_active(const struct problem *q, const double *sign, double *x)
{
	double a[PROPHET_MAX_COLUMNS * PROPHET_MAX_COLUMNS], b[PROPHET_MAX_COLUMNS];
	int column[PROPHET_MAX_COLUMNS], n = 0;

	for (int j = 0; j < q->n; j++)
		if (!penalised(q, j) || sign[j] != 0)
			column[n++] = j;
	for (int i = 0; i < n; i++) {
		for (int j = 0; j < n; j++)
			a[i * n + j] = q->h[column[i] * q->n + column[j]];
		b[i] = q->c[column[i]];
		if (penalised(q, column[i]))
			b[i] -= q->lambda * sign[column[i]];
	}
	if (LAPACKE_dposv(LAPACK_ROW_MAJOR, 'L', n, 1, a, n, b, 1) != 0)
		return -EDOM;
	memset(x, 0, (size_t)q->n * sizeof(*x));
	for (int i = 0; i < n; i++)
		x[column[i]] = b[i];
	return 0;
}

/* The best point on the way from x to `to`, among its end and where a penalised coefficient becomes
 * zero; such a one leaves the active set. */
static void line_search(const struct problem *q, const double *to, double *x, double *sign)
{
	double best[PROPHET_MAX_COLUMNS], try[PROPHET_MAX_COLUMNS];
	double lowest;

	memcpy(best, to, (size_t)q->n * sizeof(*best));
	lowest = value_of(q, best);
	for (int j = q->first; j < q->last; j++) {
		double step = x[j] / (x[j] - to[j]), v;

		if (x[j] == 0 || sign_of(x[j]) == sign_of(to[j]) || !(step > 0 && step < 1))
			continue;
		for (int i = 0; i < q->n; i++)
			try[i] = x[i] + step * (to[i] - x[i]);
		try[j] = 0;
		v = value_of(q, try);
		if (v < lowest) {
			lowest = v;
			memcpy(best, try, (size_t)q->n * sizeof(*best));
		}
	}
	memcpy(x, best, (size_t)q->n * sizeof(*x));
	for (int j = q->first; j < q->last; j++)
		sign[j] = sign_of(x[j]);
}

/* The zero coefficient that most wants to be another, or -1. */
static int most_violating(const struct problem *q, const double *x, double *sign)
{
	double most = q->lambda * (1 + 1e-9);
	int found = -1;

	for (int j = q->first; j < q->last; j++) {
		double g = x[j] == 0 ? gradient(q, x, j) : 0;

		if (fabs(g) > most) {
			most = fabs(g);
			found = j;
			sign[j] = -sign_of(g);
		}
	}
	for (int j = q->first; j < q->last; j++)
		if (x[j] == 0 && j != found)
			sign[j] = 0;
	return found;
}

static int solve(const struct problem *q, double *x)
{
	double to[PROPHET_MAX_COLUMNS], sign[PROPHET_MAX_COLUMNS] = { 0 };

	for (int j = q->first; j < q->last; j++)
		sign[j] = sign_of(x[j]);
	/* Each round lowers the value strictly; the bound only guards against rounding. */
	for (int round = 0; round < 50 * PROPHET_CHANGEPOINTS; round++) {
		double before[PROPHET_CHANGEPOINTS];
		int r = solve_active(q, sign, to);

		if (r < 0)
			return r;
		memcpy(before, &sign[q->first], (size_t)(q->last - q->first) * sizeof(*before));
		line_search(q, to, x, sign);
		if (memcmp(before, &sign[q->first],
			   (size_t)(q->last - q->first) * sizeof(*before)) != 0)
			continue;
		if (most_violating(q, x, sign) < 0)
			return 0;
	}
	return 0;
}

static double residual(const struct gram *g, const double *theta)
{
	int n = g->n - 1;
	double rss = gram_at(g, n, n);

	for (int i = 0; i < n; i++) {
		double sum = 0;

		for (int j = 0; j < n; j++)
			sum += gram_at(g, i, j) * theta[j];
		rss += theta[i] * (sum - 2 * gram_at(g, n, i));
	}
	return MAX(rss, 0);
}

static double prior_precision(const struct problem *q, int j)
{
	if (j == 0)
		return 1 / (K_SD * K_SD);
	if (j == 1)
		return 1 / (M_SD * M_SD);
	return penalised(q, j) ? 0 : 1 / (BETA_SD * BETA_SD);
}

static void set_problem(struct problem *q, const struct gram *g, double variance)
{
	for (int i = 0; i < q->n; i++) {
		for (int j = 0; j < q->n; j++)
			q->h[i * q->n + j] = gram_at(g, i, j) / variance;
		q->h[i * q->n + i] += prior_precision(q, i);
		/* Two changepoints between the same values would be one column twice. */
		if (penalised(q, i))
			q->h[i * q->n + i] += 1e-9;
		q->c[i] = gram_at(g, g->n - 1, i) / variance;
	}
}

static double objective(const struct prophet *p, const struct problem *q, double rss)
{
	double v = (double)p->n * log(p->sigma) + rss / (2 * p->sigma * p->sigma) +
		   p->sigma * p->sigma / (2 * SIGMA_SD * SIGMA_SD);

	for (int j = 0; j < q->n; j++)
		v += prior_precision(q, j) * p->theta[j] * p->theta[j] / 2 +
		     (penalised(q, j) ? fabs(p->theta[j]) / DELTA_SCALE : 0);
	return v;
}

/* sigma from 4 sigma^4 + n sigma^2 - RSS = 0 (the derivative of the posterior in sigma), the rest
 * given sigma, in turns: each lowers the objective. */
static int maximise(struct prophet *p, const struct gram *g)
{
	struct problem q = {
		.n = p->n_columns,
		.first = FIRST_DELTA,
		.last = FIRST_DELTA + p->n_changepoints,
		.lambda = 1 / DELTA_SCALE,
	};
	double n = (double)p->n, rss = gram_at(g, g->n - 1, g->n - 1), last = INFINITY;

	for (int round = 0; round < 200; round++) {
		double variance = rss * 2 / (n + sqrt(n * n + 16 * rss));
		int r;

		variance = MAX(variance, 1e-18);
		p->sigma = sqrt(variance);
		set_problem(&q, g, variance);
		r = solve(&q, p->theta);
		if (r < 0)
			return r;
		rss = residual(g, p->theta);
		p->objective = objective(p, &q, rss);
		if (last - p->objective < 1e-7 * (1 + fabs(last)))
			break;
		last = p->objective;
	}
	return 0;
}

static bool is_constant(const struct series *s, double *ret)
{
	*ret = NAN;
	for (size_t i = 0; i < s->n; i++) {
		if (isnan(s->value[i]))
			continue;
		if (!isnan(*ret) && s->value[i] != *ret)
			return false;
		*ret = s->value[i];
	}
	return true;
}

int prophet_fit(const struct series *history, const struct holidays *holidays, struct prophet *ret)
{
	_cleanup_free_ struct gram *g = NULL;
	double value;
	int r;

	set_up(ret, history, holidays);
	if (is_constant(history, &value)) { /* the original takes the same short cut */
		ret->theta[1] = value / ret->scale;
		ret->sigma = 1e-9;
		return 0;
	}
	g = malloc(sizeof(*g));
	if (!g)
		return -ENOMEM;
	r = make_gram(ret, history, g);
	return r < 0 ? r : maximise(ret, g);
}

double prophet_objective(const struct prophet *p, const struct series *history)
{
	_cleanup_free_ struct gram *g = malloc(sizeof(*g));
	struct problem q = {
		.n = p->n_columns,
		.first = FIRST_DELTA,
		.last = FIRST_DELTA + p->n_changepoints,
	};

	if (!g || make_gram(p, history, g) < 0)
		return NAN;
	return objective(p, &q, residual(g, p->theta));
}

double prophet_trend(const struct prophet *p, int64_t minute)
{
	double x[FIRST_DELTA + PROPHET_CHANGEPOINTS], v = 0;

	trend_row(p, t_of(p, minute), x);
	for (int j = 0; j < FIRST_DELTA + p->n_changepoints; j++)
		v += x[j] * p->theta[j];
	return v * p->scale;
}

double prophet_mean(const struct prophet *p, int64_t minute)
{
	double x[PROPHET_FOURIER + HOLIDAYS_MAX_NAMES], v = 0;
	const double *beta = &p->theta[FIRST_DELTA + p->n_changepoints];

	seasonal_row(p, minute, x);
	holiday_row(p, minute, x + seasonal_columns(p));
	for (int j = 0; j < seasonal_columns(p) + holiday_columns(p); j++)
		v += x[j] * beta[j];
	return prophet_trend(p, minute) + v * p->scale;
}
