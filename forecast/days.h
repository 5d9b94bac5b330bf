/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A history cut into days that end where the forecast begins: day 0 is the last 24 hours, day 1 those
 * before, whatever the clock says. Day -1 is the one that is forecast. Slot i is the i-th step of a
 * day. Pure; used by model_auto() only.
 */
#ifndef FAASMAT_FORECAST_DAYS_H
#define FAASMAT_FORECAST_DAYS_H

#include "forecast/holidays.h"
#include "forecast/series.h"

#define DAYS_MAX 14
#define DAYS_HOURS 24

/* Recent stretches before a day begins, by which its level is judged. */
enum { RECENT_SHORT, RECENT_LONG, N_RECENT };

struct days {
	int n;				    /* days; the oldest may be partly missing */
	int n_day;			    /* slots in a day */
	float *x;			    /* n x n_day, oldest first, NAN where missing; owned */
	float hour[DAYS_MAX][DAYS_HOURS];   /* means; NAN */
	float distance[DAYS_MAX][DAYS_MAX]; /* of hourly profiles: 0 the same, 2 disjoint */
	/* Mean of the hours before day d begins ([d + 1], so that [0] is before day -1);
	 * NAN where less than half of them is known. */
	float recent[DAYS_MAX + 1][N_RECENT];
	float mean;			 /* of everything known */
	float typical;			 /* median distance between two days */
	int64_t end;			 /* the minute after the last one */
	const struct holidays *holidays; /* not owned; NULL: none */
};

/* The last DAYS_MAX days at most. -ENOMEM. */
int days_init(struct days *d, const struct series *s, const struct holidays *holidays);
void days_release(struct days *d);

/* The holidays that the middle of a day lies in, a bit for each name; 0: an ordinary day. */
uint32_t days_holidays(const struct days *d, int day);

/* Slot i of day d; i may reach over into the neighbouring days. NAN outside of the history. */
static inline float days_at(const struct days *d, int day, int i)
{
	int at = (d->n - 1 - day) * d->n_day + i;

	return at >= 0 && at < d->n * d->n_day ? d->x[at] : __builtin_nanf("");
}

/* Mean of what is known of the slots first to last - 1; NAN when nothing is. */
float days_mean(const struct days *d, int day, int first, int last);

#endif
