/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Holidays: days that are unlike others of their weekday. */
#ifndef FAASMAT_FORECAST_HOLIDAYS_H
#define FAASMAT_FORECAST_HOLIDAYS_H

#include <stdint.h>

#include "common/util.h"

#define HOLIDAYS_MAX_NAMES 32

struct holidays {
	int n_names;
	char name[HOLIDAYS_MAX_NAMES][64];
	size_t n;
	struct holiday {
		int64_t day; /* since 1970-01-01, on the clock that the series is on */
		int name;    /* index */
	} * holiday;	     /* sorted by day; owned */
};

/* Reads a CSV `date,holiday` (2026-12-25,Christmas). Logs what is wrong and where; -EINVAL for a bad
 * date, an empty or too long name, more than HOLIDAYS_MAX_NAMES names, a file without rows. */
int holidays_read(const char *path, struct holidays *ret);
void holidays_release(struct holidays *h);
#define _cleanup_holidays_ __attribute__((cleanup(holidays_release)))

/* Sets is[name] to 1 for the holidays of that day, 0 for the others. */
void holidays_of_day(const struct holidays *h, int64_t day, double *is);

#endif
