/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Once a minute: which cgroups' composition is read, and the sums that are stored. */
#ifndef FAASMAT_COLLECTOR_SAMPLES_H
#define FAASMAT_COLLECTOR_SAMPLES_H

#include "collector/composition.h"
#include "collector/tally.h"

/* At most so many files a minute: at 40 us each a hundredth of a second's work in all. */
#define SAMPLES_POOLS 64
#define SAMPLES_FUNCTIONS 64
#define SAMPLES_CONTAINERS 16 /* of one function; more of them look alike */

struct sample {
	const char *path; /* a pool's, the tally's own; NULL: a function */
	int function;	  /* index in the tally */
	int containers;	  /* of the function that were read */
	struct composition memory;
};

struct samples {
	struct sample item[SAMPLES_POOLS + SAMPLES_FUNCTIONS];
	size_t n;
};

/* Pools of the tally, and the containers of functions `hot` (n indexes in the tally). What cannot be
 * read (removed meanwhile, no memory controller) is left out. Good until tally_stored(). */
void samples_take(struct samples *s, const struct tally *t, int root_fd, const int *hot, size_t n);

#endif
