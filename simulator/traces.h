/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loads from files. All readers take CSV, plain or gzip, and log what is wrong with file, row and
 * column; they return a negative errno then, and *ret is empty.
 */
#ifndef FAASMAT_SIMULATOR_TRACES_H
#define FAASMAT_SIMULATOR_TRACES_H

#include "simulator/load.h"

/*
 * One CSV a day as the paper's author made it: HashFunction, counts in columns 1..1440, Average and
 * Maximum (ms; warm and cold time), Count (calls of the day), divvied (MB of a container). Numbers are
 * read as his program does: as single floats, fractions cut off.
 */
int traces_read_combined(const char *path, struct load *ret);

/*
 * A directory with functions.csv (function, memory_mb, warm_ms, cold_ms) and history.csv[.gz]
 * (function, day, minute, count). Day `day` is judged; the days before it are each function's past.
 * -ENODATA (logged) when a function has no row of that day at all.
 */
int traces_read_mix(const char *directory, int64_t day, struct load *ret);

/* The three files of one day of the Azure Functions 2019 trace, joined as the paper's section 4.2.2
 * does: functions of fewer than two calls left out, memory = the application's mean divided by its
 * functions, rounded up to MiB. */
int traces_read_azure_day(const char *invocations, const char *durations, const char *memory,
			  struct load *ret);

/* The Azure Functions 2021 trace: app,func,end_timestamp,duration (seconds). The load has every
 * invocation's start to the millisecond (load.ms), in as many minutes as the trace takes. It says nothing
 * of memory and of cold starts: every container takes `memory` bytes, warm time is the mean duration and
 * cold time the longest. A function is named APP.FUNC. */
int traces_read_invocations(const char *path, int64_t memory, struct load *ret);

/* base's functions, then those of `other` whose skip[] is false, marked as rare. Both are consumed.
 * Names that both have are an error (logged). */
int traces_join(struct load *base, struct load *other, const bool *skip, struct load *ret);

#endif
