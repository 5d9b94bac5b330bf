/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many runs of one load on several threads. */
#ifndef FAASMAT_SIMULATOR_SWEEP_H
#define FAASMAT_SIMULATOR_SWEEP_H

#include "simulator/simulate.h"

struct sweep_run {
	struct run_options options;
	struct run_result result;
	int error; /* what simulate() returned */
};

/*
 * Runs all of them, on `threads` threads, and calls done(run, arg) for each in their order as soon
 * as it and those before it are through; the result is released after that. Stops at the first run
 * that failed or that done() returned a negative errno for, and returns that error.
 */
int sweep(const struct load *l, struct sweep_run *runs, size_t n, int threads,
	  int (*done)(struct sweep_run *run, void *arg), void *arg);

#endif
