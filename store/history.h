/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happened, per function and minute. */
#ifndef FAASMAT_STORE_HISTORY_H
#define FAASMAT_STORE_HISTORY_H

#include "store/durations.h"
#include "store/quality.h"
#include "store/store.h"

/* One function's minute. Counts add up when a minute is written twice (a collector restarted in
 * mid-minute); `containers`, `memory_bytes`, `memory_peak_bytes`, `peak_concurrency` keep the larger value, reasons of
 * `quality` come together. */
struct history_row {
	int64_t function; /* id */
	int64_t minute;
	int64_t invocations;   /* requests received, /init not counted */
	int64_t responses;     /* responses begun */
	int64_t inits;	       /* POST /init */
	int64_t responses_5xx; /* of the responses: status 5xx */
	int64_t excluded;      /* health checks and second hops, not among the invocations */
	int64_t aborted;       /* invocations whose connection ended without a response */
	/* Invocations in progress at once, at most: the largest sum, over its containers, of the most
	 * that each had in the same pass (a second). Exact for a container that serves one at a time. */
	int64_t peak_concurrency;
	int64_t unsettled;	     /* invocations may be this many more or fewer */
	int64_t unsettled_responses; /* and responses this many */
	struct durations durations;  /* of the responses; as busy_us */
	int64_t busy_us;	     /* sum over responses of request received to response sent */
	int64_t cold_starts;	     /* containers made */
	int64_t cold_us;   /* sum, over containers whose first response came, of made -> response */
	int64_t cold_done; /* how many that sum has */
	int64_t containers;	   /* most seen at once */
	int64_t memory_bytes;	   /* most memory of all its containers at once */
	int64_t memory_peak_bytes; /* largest peak of one container */
	int64_t events_max;	   /* memory.events of its containers: max, oom, oom_kill */
	int64_t events_oom;
	int64_t events_oom_kill;
	unsigned int quality; /* what it is worth: enum quality */
};

/* Adds rows to what is there. Call inside a transaction. */
int store_add_history(struct store *s, const struct history_row *rows, size_t n);

/* Adds reasons (enum quality) to all rows of a minute that was found to be partial. */
int store_mark_partial(struct store *s, int64_t minute, unsigned int quality);

/* Removes all history of all functions. Inside a transaction. */
int store_clear_history(struct store *s);

/* Sets the invocations of one imported minute (replaces what was there). Inside a transaction. */
int store_import_minute(struct store *s, int64_t function, int64_t minute, int64_t invocations);

/*
 * Minutes first..last (inclusive) were watched: a minute of a function without a row then means
 * zero invocations, otherwise it is missing. function 0: all functions (the collector watches the
 * whole node). Overlapping and adjoining intervals are merged.
 */
int store_mark_observed(struct store *s, int64_t function, int64_t first, int64_t last);

/* Invocations of minutes first..first+n-1 into value[n]; NAN where not observed or where
 * quality_is_usable() says no. */
int store_read_series(struct store *s, int64_t function, int64_t first, size_t n, double *value);

/* 0 for those of minutes first..first+n-1 that were watched; the others' values stay. */
int store_read_observed(struct store *s, int64_t function, int64_t first, size_t n, double *value);

/* First and last minute for which anything of this function is known; -ENODATA when none. 0: of
 * any function. */
int store_history_range(struct store *s, int64_t function, int64_t *first, int64_t *last);

/* Calls fn for every row with first <= minute <= last, by minute then function name; stops and
 * returns what fn returns when that is not 0. */
int store_each_history(struct store *s, int64_t first, int64_t last,
		       int (*fn)(const struct history_row *row, const char *name, void *arg),
		       void *arg);

/* One function's rows of first..last by minute; stops and returns what fn returns when that is not
 * 0. A part of one place of the file, where store_each_history() reads all over it. */
int store_each_minute(struct store *s, int64_t function, int64_t first, int64_t last,
		      int (*fn)(const struct history_row *row, void *arg), void *arg);

#endif
