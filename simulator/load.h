/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A load: functions, and how often each is invoked in each minute. Kept by minute and without the
 * zeros, because a node's functions are idle in most minutes and the simulator reads a minute at a
 * time.
 */
#ifndef FAASMAT_SIMULATOR_LOAD_H
#define FAASMAT_SIMULATOR_LOAD_H

#include <stdint.h>

#include "common/util.h"

/* More than this many invocations of one function in one minute is a damaged file. */
#define LOAD_MAX_COUNT 100000000
/* Days of history before the judged one that are kept for forecasts. */
#define LOAD_MAX_DAYS 64

struct load_function {
	char *name;
	int64_t memory; /* bytes of one container */
	int64_t warm;	/* ms of a warm invocation */
	int64_t cold;	/* ms of a cold one, its start included */
	int64_t calls;	/* in the day, as the source declares them; the paper's rules use this */
	bool rare;	/* came with --background: never a candidate for a pool */
	/* The days before the judged one, oldest first, or NULL: past_minutes counts; NAN is unknown.
	 * The last of them is the minute before minute 0. */
	double *past;
	size_t past_minutes;
};

/* One function's invocations in one minute; never 0. */
struct load_cell {
	uint32_t function;
	uint32_t count;
};

struct load {
	size_t n_functions;
	struct load_function *function;
	size_t n_minutes;
	size_t *first; /* cells of minute m: cell[first[m]] .. cell[first[m + 1] - 1], by function */
	struct load_cell *cell;
	int64_t total; /* invocations */
	/* A trace of single invocations: the millisecond within its minute of each, ascending in a cell,
	 * cells in their order; those of minute m begin at ms[ms_first[m]]. NULL: only counts are known. */
	uint16_t *ms;
	size_t *ms_first;
	/* Minute 0 in minutes since the epoch, or 0 when the load has no date. */
	int64_t start_minute;
};

void load_release(struct load *l);
#define _cleanup_load_ __attribute__((cleanup(load_release)))

/* Invocations of one function, minute by minute, into count[l->n_minutes]. */
void load_counts(const struct load *l, uint32_t function, uint32_t *count);
/* Its invocations in minutes first..first+n-1, added up. */
int64_t load_sum(const struct load *l, uint32_t function, size_t first, size_t n);
/* Leaves `n` minutes from `first` on. What came before them becomes each function's past (at most
 * LOAD_MAX_DAYS), `calls` those of the minutes left. -ENOMEM. */
int load_judge(struct load *l, size_t first, size_t n);
/* The function of that name, or -ENOENT. */
int64_t load_find(const struct load *l, const char *name);
/* The largest container; 0 when there is no function. *ret_function, when set, is whose it is. */
int64_t load_largest(const struct load *l, uint32_t *ret_function);

/*
 * Building a load: functions in the order that ties between invocations of the same millisecond
 * shall have, counts of a function in any order of minutes.
 */
struct load_builder {
	struct load load;
	size_t functions_size;
	struct load_entry {
		uint32_t minute, function, count;
	} * entry;
	size_t n_entries, entries_size;
};

/* Adds a function and gives its index; `name` is copied. -ENOMEM. */
int64_t load_add_function(struct load_builder *b, const char *name);
/* 0, -ENOMEM; count 0 is passed over. */
int load_add_count(struct load_builder *b, uint32_t function, size_t minute, int64_t count);
/* The builder becomes *ret of n_minutes (later ones are dropped), and is empty. On failure both are
 * released. -ENOMEM. */
int load_finish(struct load_builder *b, size_t n_minutes, struct load *ret);
void load_builder_release(struct load_builder *b);
#define _cleanup_load_builder_ __attribute__((cleanup(load_builder_release)))

#endif
