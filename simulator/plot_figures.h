/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gnuplot's commands for the paper's figures; the data files are those of plot.c. */
#ifndef FAASMAT_SIMULATOR_PLOT_FIGURES_H
#define FAASMAT_SIMULATOR_PLOT_FIGURES_H

#include <stdio.h>

#include "simulator/simulate.h"

#define PLOT_LABEL 20

struct plot_run {
	const char *policy;
	char name[64]; /* part of its files' names */
	int64_t memory_mb, queue_ttl, warm, cold, drop;
};

/* The beginning of a name, of letters and digits only, into label[PLOT_LABEL]. */
void plot_label(const char *name, char *label);

/* index.html: every figure under the paper's numbers for it. */
void plot_index(FILE *f, const struct load *l, const struct run_options *o,
		const struct plot_run *runs, size_t n_runs);

/* gnuplot's commands. */
void plot_figures(FILE *f, const struct load *l, const struct run_options *o,
		  const struct plot_run *runs, size_t n_runs);

#endif
