/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The order in which the paper's tables were made: its author sorted all invocations of the day by
 * time with numpy's (before 1.25) quicksort, which does not keep the order of equal times. This needs
 * the whole day in memory: 20 bytes an invocation while it sorts, 8 afterwards.
 */
#ifndef FAASMAT_SIMULATOR_AUTHOR_ORDER_H
#define FAASMAT_SIMULATOR_AUTHOR_ORDER_H

#include "simulator/load.h"

struct author_order {
	uint32_t *function; /* of every invocation of the day, in the author's order */
	size_t *first;	    /* of minute m: function[first[m]] .. function[first[m + 1] - 1] */
	uint32_t *ms;	    /* of the minute, beside function */
};

/* Lays out thesis arrivals function by function, minute by minute, and sorts them. -ENOMEM. */
int author_order_make(const struct load *l, struct author_order *ret);
void author_order_release(struct author_order *a);

/* numpy's argsort(kind="quicksort"): sorts index[n] by value[index], as that did. */
void author_argsort(const uint32_t *value, uint32_t *index, size_t n);

#endif
