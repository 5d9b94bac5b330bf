/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Traces into history. Each call is one transaction: a file with a bad row changes nothing. Failures
 * are logged with file, row and column.
 */
#ifndef FAASMAT_STORE_IMPORT_H
#define FAASMAT_STORE_IMPORT_H

#include "store/store.h"

struct import_options {
	int64_t day_zero;	     /* minute at which day 0 begins */
	int64_t first_day, last_day; /* days outside are passed over */
};

struct import_result {
	int64_t functions, rows, invocations;
	int64_t first_minute, last_minute; /* that are now observed, of any function; 0, -1: none */
};

/*
 * `counts`: CSV function,day,minute,count (gzip or not); day 0 begins at day_zero, minute 0..1439;
 * minutes left out of a day that a function has are zero. A function's days run from its first to
 * its last one in the file. `functions` may be NULL; else CSV with at least
 * function,memory_mb,warm_ms,cold_ms, and a function that is only in `counts` is an error.
 */
int import_history(struct store *s, const char *counts, const char *functions,
		   const struct import_options *o, struct import_result *ret);

/*
 * One day in the combined layout of the FaaSMaT thesis: columns HashFunction, 1..1440 (counts),
 * Average and Maximum (ms: warm and cold), divvied (MiB). It becomes day `day`.
 */
int import_azure_combined(struct store *s, const char *path, int64_t day,
			  const struct import_options *o, struct import_result *ret);

#endif
