/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The paper's figures for any load, drawn by gnuplot as SVG. */
#ifndef FAASMAT_SIMULATOR_PLOT_H
#define FAASMAT_SIMULATOR_PLOT_H

#include "simulator/sweep.h"

struct plot;

/* Figures go into `directory`, which is made when it is missing. Failures are logged. */
int plot_new(const char *directory, const struct load *l, const struct run_options *o,
	     struct plot **ret);
/* Keeps what the figures need of a run (with per_minute). */
int plot_add(struct plot *p, const struct sweep_run *run);
/* Writes data and gnuplot's commands, and runs gnuplot. */
int plot_finish(struct plot *p);
void plot_free(struct plot *p);

#endif
