// SPDX-License-Identifier: GPL-2.0-or-later
#include "forecast/target.h"

#include <math.h>
#include <string.h>

/* The day a whole number of weeks before the target; -1 when there is none in the history. */
static int same_weekday(const struct days *d, int day)
{
	int same = day + 7;

	while (same < 0)
		same += 7;
	return same < d->n ? same : -1;
}

unsigned int target_weightings(const struct days *d, int day)
{
	const unsigned int need_week = 1u << WEIGH_WEEKDAY | 1u << WEIGH_MOSTLY_WEEKDAY |
				       1u << WEIGH_LIKE_WEEKDAY;

	return same_weekday(d, day) >= 0 ? ALL_WEIGHTINGS : ALL_WEIGHTINGS & ~need_week;
}

/* How much a day counts by the calendar of holidays: those of the target's name are its likes; else a
 * holiday says little of an ordinary day, nor an ordinary day of a holiday that is known. */
static float holiday_weight(const struct target *t, const struct days *d, const struct tuning *u,
			    int day)
{
	uint32_t here = days_holidays(d, day);

	if (t->holidays ? (here & t->holidays) != 0 : here == 0)
		return 1;
	return t->holidays && !t->holiday_known ? 1 : u->stranger;
}

static void weigh_day(struct target *t, const struct days *d, const struct tuning *u, int day)
{
	int same = same_weekday(d, t->day), lag = day - t->day;
	bool weekday = lag % 7 == 0;
	/* The day before the target is known only for the first day ahead. */
	bool after = t->day >= -1 && day + 1 < d->n && t->day + 1 < d->n;
	float within = u->alike + u->alike_typical * d->typical;
	float like = same >= 0 ? expf(-d->distance[day][same] / within) : 0;
	float alike = after ? expf(-d->distance[day + 1][t->day + 1] / within) : 0;
	float *w = t->weight[day];

	w[WEIGH_WEEKDAY] = weekday ? 1 : u->other;
	w[WEIGH_MOSTLY_WEEKDAY] = weekday ? 1 : u->some_other;
	w[WEIGH_LIKE_WEEKDAY] = same >= 0 ? like + u->stranger : powf(0.8f, (float)lag);
	w[WEIGH_AFTER_ALIKE] = alike + u->stranger;
	w[WEIGH_ALL] = powf(u->ageing, (float)lag);
	w[WEIGH_BOTH] = like + alike / 2 + u->stranger;
	for (int k = 0; k < N_WEIGHTINGS && d->holidays; k++)
		w[k] *= holiday_weight(t, d, u, day);
}

/* now / then, kept from running away on a few invocations, to the power `p`. */
static float level_ratio(const struct days *d, float now, float then, float p)
{
	float little = 0.05f * d->mean, ratio;

	if (isnan(now) || isnan(then) || !(then + little > 0) || !(now + little > 0))
		return 1;
	ratio = (now + little) / (then + little);
	return powf(CLAMP(ratio, 0.2f, 5.0f), p);
}

void target_init(struct target *t, const struct days *d, const struct tuning *u, int day)
{
	const float *now = d->recent[MAX(day, -1) + 1];

	memset(t, 0, sizeof(*t));
	t->day = day;
	t->holidays = days_holidays(d, day);
	for (int k = MAX(day + 1, 0); k < d->n && t->holidays; k++)
		t->holiday_known |= (days_holidays(d, k) & t->holidays) != 0;
	for (int k = MAX(day + 1, 0); k < d->n; k++) {
		const float *then = d->recent[k + 1];

		weigh_day(t, d, u, k);
		t->scale[LEVEL_SHORT][k] = level_ratio(d, now[RECENT_SHORT], then[RECENT_SHORT],
						       u->short_power);
		t->scale[LEVEL_LONG][k] = level_ratio(d, now[RECENT_LONG], then[RECENT_LONG],
						      u->long_power);
	}
}
