/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The traces that the simulator reads, as history: its readers on one side, the store on the other. */
#ifndef FAASMAT_CLI_IMPORT_LOAD_H
#define FAASMAT_CLI_IMPORT_LOAD_H

#include "simulator/load.h"
#include "store/import.h"

/*
 * Makes the load history from minute `begin` (since the epoch) on: its functions with memory, warm and
 * cold time as declared, its counts; every minute of it is then observed. o->first_day and last_day
 * count from o->day_zero. One transaction. Failures are logged; `path` is where the load came from.
 */
int import_load(struct store *s, const struct load *l, const char *path, int64_t begin,
		const struct import_options *o, struct import_result *ret);

#endif
