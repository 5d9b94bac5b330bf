// SPDX-License-Identifier: GPL-2.0-or-later
#include "forecast/zone.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <time.h>

/* --- shell: the system's zone files */

static int32_t ahead_at(int64_t minute)
{
	time_t t = (time_t)minute * 60;
	struct tm tm;

	return localtime_r(&t, &tm) ? (int32_t)(tm.tm_gmtoff / 60) : 0;
}

static bool zone_exists(const char *name)
{
	_cleanup_free_ char *path = NULL;

	if (strcmp(name, "UTC") == 0)
		return true;
	if (!*name || name[0] == '/' || strstr(name, "..") ||
	    asprintf(&path, "/usr/share/zoneinfo/%s", name) < 0) {
		path = NULL;
		return false;
	}
	return access(path, R_OK) == 0;
}

static int find_changes(int64_t first, int64_t last, struct zone *z)
{
	int32_t ahead = ahead_at(first);

	z->change[0].from = first;
	z->change[0].ahead = ahead;
	z->n = 1;
	for (int64_t day = first; day < last; day += MINUTES_PER_DAY) {
		int64_t lo = day, hi = day + MINUTES_PER_DAY;
		int32_t after = ahead_at(hi);

		if (after == ahead)
			continue;
		while (hi - lo > 1) {
			int64_t mid = lo + (hi - lo) / 2;

			if (ahead_at(mid) == ahead)
				lo = mid;
			else
				hi = mid;
		}
		if (z->n == ZONE_MAX_CHANGES)
			return -ERANGE;
		z->change[z->n].from = hi;
		z->change[z->n++].ahead = ahead = after;
	}
	return 0;
}

int zone_load(const char *name, int64_t first, int64_t last, struct zone *ret)
{
	const char *now = getenv("TZ");
	_cleanup_free_ char *keep = now ? strdup(now) : NULL;
	int r;

	*ret = (struct zone){ 0 };
	if (now && !keep)
		return -ENOMEM;
	if (!zone_exists(name))
		return -ENOENT;
	setenv("TZ", name, 1);
	tzset();
	r = find_changes(first, last, ret);
	if (keep)
		setenv("TZ", keep, 1);
	else
		unsetenv("TZ");
	tzset();
	return r;
}

/* --- pure */

int64_t zone_local(const struct zone *z, int64_t minute)
{
	int k = 0;

	if (z->n == 0)
		return minute;
	while (k + 1 < z->n && z->change[k + 1].from <= minute)
		k++;
	return minute + z->change[k].ahead;
}

/* Whether every change moves the clock by whole steps. */
static bool fits_step(const struct zone *z, int32_t step)
{
	for (int k = 1; k < z->n; k++)
		if ((z->change[k].ahead - z->change[0].ahead) % step != 0)
			return false;
	return true;
}

/* The history on the wall's clock: from its first to its last local step. */
static int to_local(const struct zone *z, const struct series *s, struct series *ret)
{
	_cleanup_free_ uint8_t *times = NULL;
	int64_t start = zone_local(z, s->start), end = zone_local(z, series_end(s));
	int r = series_alloc(ret, start, s->step, (size_t)MAX((end - start) / s->step, 0));

	times = calloc(ret->n + 1, 1);
	if (r < 0 || !times)
		return r < 0 ? r : -ENOMEM;
	for (size_t i = 0; i < s->n; i++) {
		int64_t at = (zone_local(z, s->start + (int64_t)i * s->step) - start) / s->step;

		if (at < 0 || at >= (int64_t)ret->n || isnan(s->value[i]))
			continue;
		if (times[at])
			ret->value[at] = (ret->value[at] * times[at] + s->value[i]) /
					 (times[at] + 1);
		else
			ret->value[at] = s->value[i];
		times[at]++;
	}
	return 0;
}

static int run(bool within_day, const struct series *history, const struct forecast_options *o,
	       size_t n, struct forecast *ret)
{
	return within_day ? forecast_within_day(history, o, n, ret)
			  : forecast_make(history, o, n, ret);
}

static void take_row(const struct forecast *from, size_t i, struct forecast *to, size_t at)
{
	to->mean[at] = from->mean[i];
	memcpy(&to->q[at * to->n_quantiles], &from->q[i * to->n_quantiles],
	       to->n_quantiles * sizeof(*to->q));
}

int zone_forecast(const struct zone *z, bool within_day, const struct series *history,
		  const struct forecast_options *o, size_t n, struct forecast *ret)
{
	_cleanup_series_ struct series local = { 0 };
	_cleanup_forecast_ struct forecast f = { 0 };
	int64_t end = series_end(history), most = 0;
	int r;

	*ret = (struct forecast){ 0 };
	if (z->n == 0 || !fits_step(z, history->step))
		return run(within_day, history, o, n, ret);
	r = to_local(z, history, &local);
	for (size_t i = 0; i < n; i++)
		most = MAX(most,
			   zone_local(z, end + (int64_t)i * history->step) - series_end(&local));
	if (r == 0)
		r = run(within_day, &local, o, (size_t)(most / history->step) + 1, &f);
	if (r == 0)
		r = forecast_alloc(ret, history, o, n);
	for (size_t i = 0; i < n && r == 0; i++) {
		int64_t at = zone_local(z, end + (int64_t)i * history->step) - series_end(&local);

		/* The clock was put back: the hour before the end comes again. */
		take_row(&f, at < 0 ? i % f.n : (size_t)(at / history->step), ret, i);
	}
	if (r < 0)
		forecast_release(ret);
	return r;
}
