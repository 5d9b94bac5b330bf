/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads drawn from a day of many functions (the paper's section 4.2.1). */
#ifndef FAASMAT_SIMULATOR_SAMPLE_H
#define FAASMAT_SIMULATOR_SAMPLE_H

#include "simulator/load.h"

enum sample_kind {
	SAMPLE_REPRESENTATIVE, /* as many from each quarter of the functions by calls */
	SAMPLE_RARE,	       /* from those of at most 10 calls a day */
	SAMPLE_FREQUENT,       /* from the hundredth that is called most */
};

/* "representative", "rare", "frequent"; -EINVAL for another. */
int sample_parse(const char *name, enum sample_kind *ret);

/* Draws `count` functions without repetition into index[count], ascending. The same seed draws the
 * same. Returns how many there were to be had, at most count. -ENOMEM. */
int64_t sample_draw(const struct load *l, enum sample_kind kind, size_t count, uint64_t seed,
		    uint32_t *index);

#endif
