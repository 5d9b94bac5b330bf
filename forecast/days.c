// SPDX-License-Identifier: GPL-2.0-or-later
#include "forecast/days.h"

#include <errno.h>
#include <math.h>

/* Minutes: three hours tell the level of the hours that follow, eight are steadier. */
static const int recent_minutes[N_RECENT] = { 180, 480 };

/*
 * What is this many times higher than the height that the series reaches once a day is an accident (a
 * retry storm, a counter gone wrong), not a habit, and is cut to that: a few such values would drag
 * hourly means and far quantiles along for two weeks.
 */
#define OUTLIER 5
/* The same for the mean of an hour against the highest hour of all other days. The last day is spared:
 * that may be the first of a new level. */
#define HOUR_OUTLIER 3
/* An hour below a third of what days come down to at their lowest is an outage and no habit either, and
 * counts as missing; unless there are too many of them, which makes a quiet day. */
#define OUTAGE 3
#define OUTAGE_HOURS 6

static void cut_outliers(struct days *d)
{
	float top[DAYS_MAX + 1];
	int n = 0, most = d->n + 1;

	for (int i = 0; i < d->n * d->n_day; i++) {
		float v = d->x[i];
		int at;

		if (isnan(v) || (n == most && v <= top[n - 1]))
			continue;
		at = n < most ? n++ : n - 1;
		for (; at > 0 && top[at - 1] < v; at--)
			top[at] = top[at - 1];
		top[at] = v;
	}
	if (n < most || d->n_day <= most || !(top[n - 1] > 0))
		return;
	for (int i = 0; i < d->n * d->n_day; i++)
		if (d->x[i] > OUTLIER * top[n - 1])
			d->x[i] = OUTLIER * top[n - 1];
}

float days_mean(const struct days *d, int day, int first, int last)
{
	float sum = 0;
	int known = 0;

	for (int i = first; i < last; i++) {
		float v = days_at(d, day, i);

		if (!isnan(v)) {
			sum += v;
			known++;
		}
	}
	return known ? sum / (float)known : NAN;
}

static void measure_hours(struct days *d)
{
	double sum = 0;
	int known = 0;

	for (int day = 0; day < d->n; day++)
		for (int h = 0; h < DAYS_HOURS; h++) {
			float v = days_mean(d, day, h * d->n_day / DAYS_HOURS,
					    MAX((h + 1) * d->n_day / DAYS_HOURS,
						h * d->n_day / DAYS_HOURS + 1));

			d->hour[day][h] = v;
			if (!isnan(v)) {
				sum += v;
				known++;
			}
		}
	d->mean = known ? (float)(sum / known) : 0;
}

/* The highest hour of all days but one. */
static float highest_hour(const struct days *d, int but)
{
	float most = 0;

	for (int day = 0; day < d->n; day++)
		for (int h = 0; h < DAYS_HOURS && day != but; h++)
			most = MAX(most, isnan(d->hour[day][h]) ? 0 : d->hour[day][h]);
	return most;
}

static void cut_hours(struct days *d)
{
	for (int day = 1; day < d->n && d->n > 2; day++) {
		float most = HOUR_OUTLIER * highest_hour(d, day);

		for (int h = 0; h < DAYS_HOURS; h++) {
			if (!(d->hour[day][h] > most) || !(most > 0))
				continue;
			for (int i = h * d->n_day / DAYS_HOURS; i < (h + 1) * d->n_day / DAYS_HOURS;
			     i++)
				d->x[(d->n - 1 - day) * d->n_day + i] *= most / d->hour[day][h];
			d->hour[day][h] = most;
		}
	}
}

static int by_size(const void *a, const void *b)
{
	const float *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The median over the days of the day's lowest hour; 0 when not even that is known. */
static float typical_low(const struct days *d)
{
	float low[DAYS_MAX];
	int n = 0;

	for (int day = 0; day < d->n; day++) {
		float least = INFINITY;

		for (int h = 0; h < DAYS_HOURS; h++)
			if (d->hour[day][h] < least)
				least = d->hour[day][h];
		if (isfinite(least))
			low[n++] = least;
	}
	qsort(low, (size_t)n, sizeof(*low), by_size);
	return n ? low[n / 2] : 0;
}

static void drop_outages(struct days *d)
{
	float bound = typical_low(d) / OUTAGE;

	for (int day = 0; day < d->n && d->n > 2; day++) {
		int out = 0;

		for (int h = 0; h < DAYS_HOURS; h++)
			out += d->hour[day][h] < bound;
		for (int h = 0; h < DAYS_HOURS && out <= OUTAGE_HOURS; h++) {
			if (!(d->hour[day][h] < bound))
				continue;
			for (int i = h * d->n_day / DAYS_HOURS; i < (h + 1) * d->n_day / DAYS_HOURS;
			     i++)
				d->x[(d->n - 1 - day) * d->n_day + i] = NAN;
			d->hour[day][h] = NAN;
		}
	}
}

/* Sum of differences over half the sum of values. Days without a common hour are strangers. */
static float distance(const float *a, const float *b)
{
	float difference = 0, sum = 0;
	int common = 0;

	for (int h = 0; h < DAYS_HOURS; h++) {
		if (isnan(a[h]) || isnan(b[h]))
			continue;
		difference += fabsf(a[h] - b[h]);
		sum += a[h] + b[h];
		common++;
	}
	if (common == 0)
		return 2;
	return sum > 0 ? 2 * difference / sum : 0;
}

static void measure_distances(struct days *d)
{
	float pair[DAYS_MAX * DAYS_MAX];
	int n = 0;

	for (int a = 0; a < d->n; a++)
		for (int b = 0; b < d->n; b++) {
			d->distance[a][b] = distance(d->hour[a], d->hour[b]);
			if (a < b)
				pair[n++] = d->distance[a][b];
		}
	qsort(pair, (size_t)n, sizeof(*pair), by_size);
	d->typical = n ? pair[n / 2] : 0;
}

/* How many steps at the end of the history are missing: a plan for tomorrow is made today. */
static int missing_tail(const struct days *d)
{
	int tail = 0, all = d->n * d->n_day;

	while (tail < all && isnan(d->x[all - 1 - tail]))
		tail++;
	return MIN(tail, d->n_day);
}

static int known_in(const struct days *d, int day, int first, int last)
{
	int known = 0;

	for (int i = first; i < last; i++)
		known += !isnan(days_at(d, day, i));
	return known;
}

/* A few minutes are no level: the minutes before the oldest day are hardly ever a whole stretch. */
static void measure_recent(struct days *d)
{
	int tail = missing_tail(d);

	for (int day = -1; day < d->n; day++)
		for (int k = 0; k < N_RECENT; k++) {
			int length = MAX(recent_minutes[k] * d->n_day / MINUTES_PER_DAY, 1);

			d->recent[day + 1][k] = known_in(d, day, -tail - length, -tail) >=
								(length + 1) / 2
							? days_mean(d, day, -tail - length, -tail)
							: NAN;
		}
}

int days_init(struct days *d, const struct series *s, const struct holidays *holidays)
{
	int n_day = (int)series_day(s);
	size_t used, first;

	*d = (struct days){ .n_day = n_day, .end = series_end(s), .holidays = holidays };
	d->n = (int)MIN((s->n + (size_t)n_day - 1) / (size_t)n_day, (size_t)DAYS_MAX);
	d->x = malloc((size_t)(d->n * n_day) * sizeof(*d->x));
	if (!d->x)
		return -ENOMEM;
	used = MIN(s->n, (size_t)(d->n * n_day));
	first = (size_t)(d->n * n_day) - used;
	for (size_t i = 0; i < first; i++)
		d->x[i] = NAN;
	for (size_t i = 0; i < used; i++)
		d->x[first + i] = (float)s->value[s->n - used + i];
	cut_outliers(d);
	measure_hours(d);
	cut_hours(d);
	drop_outages(d);
	measure_distances(d);
	measure_recent(d);
	return 0;
}

uint32_t days_holidays(const struct days *d, int day)
{
	int64_t middle = d->end - (int64_t)day * MINUTES_PER_DAY - MINUTES_PER_DAY / 2, date;
	double is[HOLIDAYS_MAX_NAMES];
	uint32_t mask = 0;

	if (!d->holidays)
		return 0;
	date = middle / MINUTES_PER_DAY - (middle % MINUTES_PER_DAY < 0);
	holidays_of_day(d->holidays, date, is);
	for (int k = 0; k < d->holidays->n_names; k++)
		mask |= (uint32_t)(is[k] > 0) << k;
	return mask;
}

void days_release(struct days *d)
{
	free(d->x);
	d->x = NULL;
}
