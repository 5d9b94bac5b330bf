/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shell: forecasts from files to files, one or a directory of them. */
#ifndef FAASMAT_FORECAST_BATCH_H
#define FAASMAT_FORECAST_BATCH_H

#include "forecast/zone.h"

#define BATCH_NO_NOW INT64_MIN

/* How one file is forecast. */
struct batch_options {
	struct forecast_options forecast;
	int64_t history;	 /* minutes before the forecast that are used */
	int64_t horizon;	 /* minutes; 0: a day, or with `now` what is left of the day */
	int64_t holdout;	 /* minutes at the end of the file that are not looked at */
	const struct zone *zone; /* NULL: UTC */
	/* Within the day: the forecast begins at this minute. Below MINUTES_PER_DAY it is a minute of
	 * the last day of the file, else one of its minute column. BATCH_NO_NOW: at the end. */
	int64_t now;
};

/* Reads `path` and forecasts the steps after its end (less o->holdout). Logs what is wrong. */
int forecast_file(const char *path, const struct batch_options *o, struct forecast *ret);

/* CSV `minute,mean,q0.5,...`, a row a step. Negative errno when `out` cannot be written. */
int forecast_print_csv(FILE *out, const struct forecast_options *o, const struct forecast *f);

/*
 * Every NAME.csv and NAME.csv.gz of `input` to `output`/NAME.csv (made when missing), by `threads`
 * threads. The bytes do not depend on their number. A file that cannot be forecast is logged and the
 * others go on; the first error is returned at the end. Each output appears whole or not at all.
 */
int forecast_directory(const char *input, const char *output, const struct batch_options *o,
		       int threads);

/* Calls fn for every series file of `input` in the order of their names, with the name without its
 * ending; a file that cannot be read is logged and passed over. Stops at fn's first negative return.
 */
int forecast_each_file(const char *input,
		       int (*fn)(const char *name, const struct series *s, void *arg), void *arg);

#endif
