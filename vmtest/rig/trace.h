/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The load, as the files have it (model units): functions and their invocations per minute of one
 * day. From a mix (functions.csv and history.csv.gz) and, for the rare functions beside it, rows of
 * a file in the azure-combined format.
 */
#ifndef FAASMAT_RIG_TRACE_H
#define FAASMAT_RIG_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/util.h"

struct trace_function {
	char *name;
	double memory_mb, warm_ms, cold_ms;
	bool background;
	int32_t count[MINUTES_PER_DAY];
};

struct trace {
	struct trace_function *function;
	int n;
};

/*
 * Functions of DIR/functions.csv (columns function, memory_mb, warm_ms, cold_ms) with their counts of
 * `day` of DIR/history.csv.gz or DIR/history.csv (function, day, minute, count). `only` is NULL or a
 * comma-separated list of names to keep. Whatever is wrong is logged with file, row and column:
 * -EINVAL; -ENOENT for a name in `only` that is not there. trace_free() is allowed after a failure.
 */
int trace_read_mix(struct trace *t, const char *dir, int64_t day, const char *only);

/*
 * Adds up to n functions of an azure-combined file (HashFunction, 1..1440, Average, Maximum, divvied), in its
 * order, from the top. Left out are those that keep a container busy by themselves (calls x warm time
 * over a minute above 1): they are no background.
 */
int trace_read_background(struct trace *t, const char *path, int n);

void trace_free(struct trace *t);

/* One row of a mix's history. */
struct trace_row {
	const char *function;
	int64_t day, minute, count;
};

/* Calls fn with each row of the mix's history, in the file's order; stops when it returns < 0. */
int trace_each_row(const char *dir, int (*fn)(const struct trace_row *row, void *arg), void *arg);

/* Index of function `name`, or -ENOENT. */
int trace_find(const struct trace *t, const char *name);

#endif
