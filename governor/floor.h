/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How low memory.reclaim can bring a cgroup. Pure: the text of memory.stat in, bytes out. */
#ifndef FAASMAT_GOVERNOR_FLOOR_H
#define FAASMAT_GOVERNOR_FLOOR_H

#include "common/util.h"

/* From memory.stat: bytes, and for the counters pages since the cgroup was made. */
struct memory_stat {
	int64_t anon, shmem, unevictable, kernel, slab_reclaimable;
	int64_t inactive_file;
	int64_t refaults; /* workingset_refault_anon + workingset_refault_file */
	int64_t scanned;  /* pgscan */
	int64_t stolen;	  /* pgsteal */
};

/* Keys that the kernel does not have stay 0; `kernel` is then the sum of what it consists of. False
 * when the text holds no "anon" line and so is no memory.stat. */
bool memory_stat_parse(const char *text, struct memory_stat *ret);

/*
 * Bytes of the cgroup that reclaim cannot take: anon with shmem, less the swap that is usable, plus
 * unevictable, plus kernel memory without reclaimable slab (which memory.stat counts in `kernel`).
 * Memory that is both anonymous and mlocked counts twice: too high a floor is the safe side.
 */
int64_t unreclaimable(const struct memory_stat *s, int64_t usable_swap);

/* What is worth protecting: memory.current less the file pages that nobody has used twice. */
int64_t working_set(const struct memory_stat *s, int64_t current);

/*
 * Bytes of swap that reclaim may fill for a cgroup: none when swappiness is 0, else the smaller of
 * what is free on the node and what is left under the cgroup's memory.swap.max (INT64_MAX is "max").
 */
int64_t usable_swap(int64_t swap_free, int64_t swap_max, int64_t swap_current, int64_t swappiness);

#endif
