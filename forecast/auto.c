// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Empirical profiles chosen by a backtest. A member takes, for each step of the day, the values that
 * earlier days had around that step, weights the days, and reads the quantiles off. Members differ in
 * how days are weighted, how wide "around" is, and whether days are scaled to the recent level.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "forecast/models.h"

#define MAX_DAYS 14
#define BACKTEST_DAYS 5
#define BEST 3

enum weighting { EVEN, RECENT, SAME_WEEKDAY, YESTERDAY, N_WEIGHTINGS };
static const int reach[] = { 0, 2, 7, 20 }; /* steps of the day on either side, of 1440 */

struct member {
	enum weighting weighting;
	int reach;
	bool scaled;
};

#define N_MEMBERS (N_WEIGHTINGS * (int)ARRAY_SIZE(reach) * 2)

/* History cut into days that end where the forecast begins; day 0 is the latest. */
struct days {
	const struct series *s;
	size_t n_day, n;
	double level[MAX_DAYS + BACKTEST_DAYS]; /* mean of the day's known values, NAN */
};

struct sample {
	double value, weight;
};

static double day_value(const struct days *d, size_t day, int64_t step)
{
	int64_t at = (int64_t)d->s->n - (int64_t)(day + 1) * (int64_t)d->n_day + step;

	return at >= 0 && at < (int64_t)d->s->n ? d->s->value[at] : NAN;
}

static void measure_levels(struct days *d)
{
	for (size_t day = 0; day < d->n; day++) {
		double sum = 0, known = 0;

		for (size_t i = 0; i < d->n_day; i++) {
			double v = day_value(d, day, (int64_t)i);

			if (!isnan(v)) {
				sum += v;
				known++;
			}
		}
		d->level[day] = known > 0 ? sum / known : NAN;
	}
}

/* `ahead` days lie between the target day and the latest day: 0 is the day that follows. */
static double day_weight(enum weighting w, size_t lag)
{
	switch (w) {
	case EVEN:
		return 1;
	case RECENT:
		return pow(0.7, (double)lag);
	case SAME_WEEKDAY:
		return lag % 7 == 0 ? 1 : 0.02;
	default:
		return lag == 1 ? 1 : 0.02;
	}
}

static int by_value(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;

	return x->value < y->value ? -1 : x->value > y->value;
}

/* Quantile `tau` of sorted samples: the smallest value that the weight of tau lies at or below,
 * linear in between. */
static double weighted_quantile(const struct sample *s, size_t n, double total, double tau)
{
	double sum = 0, last = 0;

	for (size_t i = 0; i < n; i++) {
		double at = (sum + s[i].weight / 2) / total;

		if (at >= tau) {
			if (i == 0)
				return s[0].value;
			return s[i - 1].value +
			       (s[i].value - s[i - 1].value) * (tau - last) / (at - last);
		}
		last = at;
		sum += s[i].weight;
	}
	return s[n - 1].value;
}

/* What the samples of one step say. `first` is the latest day that may be used. */
static size_t gather(const struct days *d, size_t first, size_t target, const struct member *m,
		     int64_t step, struct sample *out, double *ret_total)
{
	int width = (int)((int64_t)reach[m->reach] * (int64_t)d->n_day / MINUTES_PER_DAY);
	double level = d->level[first];
	size_t n = 0;

	*ret_total = 0;
	for (size_t day = first; day < MIN(d->n, first + MAX_DAYS); day++) {
		double w = day_weight(m->weighting, day - target);
		double scale = m->scaled && d->level[day] > 0 && level > 0 ? level / d->level[day]
									   : 1;

		for (int64_t i = step - width; i <= step + width; i++) {
			double v = day_value(d, day, i);

			if (isnan(v) || (day == first && i >= (int64_t)d->n_day))
				continue;
			out[n++] = (struct sample){ v * scale, w };
			*ret_total += w;
		}
	}
	qsort(out, n, sizeof(*out), by_value);
	return n;
}

static double pinball(double actual, double q, double tau)
{
	return actual >= q ? tau * (actual - q) : (1 - tau) * (q - actual);
}

static const double judged[] = { 0.5, 0.9, 0.95, 0.99 };

/* Mean loss of a member over the backtest days, on every `stride`-th step. */
static double backtest(const struct days *d, const struct member *m, struct sample *room)
{
	size_t stride = d->n_day > 300 ? 7 : 1;
	double loss = 0, counted = 0;

	for (size_t day = 0; day < BACKTEST_DAYS && day + 1 < d->n; day++)
		for (size_t i = day % stride; i < d->n_day; i += stride) {
			double v = day_value(d, day, (int64_t)i), total;
			size_t n;

			if (isnan(v))
				continue;
			n = gather(d, day + 1, day, m, (int64_t)i, room, &total);
			for (size_t k = 0; n && k < ARRAY_SIZE(judged); k++)
				loss += pinball(v, weighted_quantile(room, n, total, judged[k]),
						judged[k]);
			counted += n > 0;
		}
	return counted > 0 ? loss / counted : 0;
}

static void add_member(const struct days *d, const struct member *m, struct sample *room,
		       const struct forecast_options *o, struct forecast *f)
{
	for (size_t i = 0; i < f->n; i++) {
		double total, sum = 0;
		size_t n = gather(d, 0, (size_t)-1, m, (int64_t)(i % d->n_day), room, &total);

		if (n == 0)
			continue;
		for (size_t k = 0; k < n; k++)
			sum += room[k].value * room[k].weight;
		f->mean[i] += sum / total / BEST;
		for (size_t k = 0; k < o->n_quantiles; k++)
			f->q[i * o->n_quantiles + k] +=
				weighted_quantile(room, n, total, o->quantile[k]) / BEST;
	}
}

int model_auto(const struct series *history, const struct forecast_options *o, struct forecast *f)
{
	struct days d = { .s = history, .n_day = series_day(history) };
	_cleanup_free_ struct sample *room = NULL;
	struct member member[N_MEMBERS];
	double loss[N_MEMBERS];
	bool used[N_MEMBERS] = { false };

	d.n = MIN((history->n + d.n_day - 1) / d.n_day, ARRAY_SIZE(d.level));
	measure_levels(&d);
	room = calloc(MAX_DAYS * 64, sizeof(*room));
	if (!room)
		return -ENOMEM;
	for (int i = 0; i < N_MEMBERS; i++) {
		member[i] = (struct member){ i / 2 % N_WEIGHTINGS, i / 2 / N_WEIGHTINGS, i % 2 };
		loss[i] = backtest(&d, &member[i], room);
	}
	for (int k = 0; k < BEST; k++) {
		int best = -1;

		for (int i = 0; i < N_MEMBERS; i++)
			if (!used[i] && (best < 0 || loss[i] < loss[best]))
				best = i;
		used[best] = true;
		add_member(&d, &member[best], room, o, f);
	}
	return 0;
}
