/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a minute's count is worth. Exact: a whole minute, watched by the collector, in which the kernel
 * could settle every request. Partial: not that, for one or more reasons. None: requests are not
 * counted (--invocations none), the row is about memory. Pure.
 */
#ifndef FAASMAT_STORE_QUALITY_H
#define FAASMAT_STORE_QUALITY_H

#include "common/util.h"

/* Column `quality` of the table history: 0 is exact, else the sum of the reasons. */
enum quality {
	QUALITY_EXACT = 0,
	QUALITY_UNWATCHED =
		1 << 0,	      /* no collector ran for part of it, or it takes in earlier minutes */
	QUALITY_ODD = 1 << 1, /* it was no minute: a clock that was set, a suspend, a stall */
	QUALITY_JOINED = 1 << 2, /* requests on connections that were there before the programs */
	QUALITY_UNSETTLED = 1 << 3, /* bytes that the programs missed hid requests, or did not */
	QUALITY_REPLACED = 1 << 4,  /* the programs were replaced while requests were under way */
	QUALITY_LOST = 1 << 5,	    /* a map was full: counts of any function may be missing */
	QUALITY_NONE = 1 << 6,	    /* requests are not counted */
};

/* "exact", "partial" or "none". */
const char *quality_word(unsigned int quality);
/* The i-th reason as a few words, NULL behind the last. */
const char *quality_reason(unsigned int quality, int i);

/*
 * Whether the minute's invocations may be used as its count, by a forecast or a plan: it was a whole
 * minute that was watched and counted, and the bound on the error is at most a twentieth of the count.
 * Others are missing to them, as if nobody had watched.
 */
bool quality_is_usable(unsigned int quality, int64_t invocations, int64_t unsettled);

#endif
