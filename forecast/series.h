/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A series: one value (invocations, or any non-negative rate) for each step of `step` minutes.
 * Missing is NAN and never the same as zero: the collector knows when it was down.
 */
#ifndef FAASMAT_FORECAST_SERIES_H
#define FAASMAT_FORECAST_SERIES_H

#include <stdint.h>

#include "common/util.h"

struct series {
	int64_t start; /* minute of value[0]; UTC since the epoch, or undated (0 is just the first) */
	int32_t step; /* minutes; divides a day */
	size_t n;
	double *value; /* n of them, >= 0 or NAN; owned unless the series is a view */
};

/* n values of NAN. -ENOMEM, -EINVAL when step does not divide a day. */
int series_alloc(struct series *s, int64_t start, int32_t step, size_t n);
void series_release(struct series *s);
#define _cleanup_series_ __attribute__((cleanup(series_release)))

/* Steps that make a day. */
static inline size_t series_day(const struct series *s)
{
	return MINUTES_PER_DAY / s->step;
}

/* The minute after the last one. */
static inline int64_t series_end(const struct series *s)
{
	return s->start + (int64_t)s->n * s->step;
}

/* A view (nothing to release) of at most the `n` steps that end before step `end` of s. */
struct series series_view(const struct series *s, size_t end, size_t n);

/* How many values are not missing. */
size_t series_known(const struct series *s);

/*
 * Reads a CSV or .csv.gz file with the columns `minute` and `value` (`count` is accepted for the
 * second). The step is the smallest distance between rows and must divide a day; rows in between
 * that are absent, and values that are empty, "nan" or "NA", are missing. Logs what is wrong and
 * where; -EINVAL for rows out of order or twice, a negative value, a distance that is no multiple of
 * the step, no row at all.
 */
int series_read(const char *path, struct series *ret);

#endif
