/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of `faasmat simulate`: arguments (simulate.c), loads and predictions (simulate_load.c),
 * what is printed (simulate_report.c). */
#ifndef FAASMAT_CLI_SIMULATE_H
#define FAASMAT_CLI_SIMULATE_H

#include "cli/cli.h"
#include "forecast/locator.h"
#include "simulator/sweep.h"

#define SIMULATE_MAX_LIST 64

struct simulate_options {
	struct common_options common;
	/* Load */
	const char *functions, *mix, *background, *invocations;
	bool from_database;
	const char *day;     /* a number with --mix and --invocations, a date with a database */
	int64_t memory_each; /* bytes of a container, where the trace does not say */
	/* Sweep */
	enum policy policy[SIMULATE_MAX_LIST];
	int64_t memory[SIMULATE_MAX_LIST];    /* bytes */
	int64_t queue_ttl[SIMULATE_MAX_LIST]; /* ms */
	size_t n_policies, n_memories, n_ttls;
	long threads;
	/* Each run */
	struct run_options run;
	bool author_order;
	struct locator_options locator;
	bool rule_given, arrivals_given;
	const char *prediction; /* NULL: by the kind of load */
	/* Output */
	bool per_function, csv;
	const char *per_minute, *plot;
};

/* Reads the load that the options name; logs what is wrong. */
int simulate_load(const struct simulate_options *o, struct load *ret);
/* The prediction of the located functions; logs what is wrong. */
int simulate_predict(const struct simulate_options *o, const struct load *l,
		     struct prediction *ret);

/* Prints a run: JSON, or a row of a table whose header comes with the first. */
int simulate_print(const struct simulate_options *o, const struct load *l,
		   const struct sweep_run *run, bool first);
/* Adds a run's minutes to the CSV file of --per-minute. */
int simulate_print_minutes(FILE *f, const struct load *l, const struct sweep_run *run, bool first);

#endif
