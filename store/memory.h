/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What memory is made of, once a minute, of pools and of hot functions. */
#ifndef FAASMAT_STORE_MEMORY_H
#define FAASMAT_STORE_MEMORY_H

#include "store/store.h"

struct memory_row {
	int64_t minute;
	int64_t function;   /* id; 0: a pool, named by `path` */
	const char *path;   /* relative to the cgroup mount; "" for a function */
	int64_t containers; /* of a function: how many were read; of a pool: 0 */
	int64_t anon_bytes, file_bytes, shmem_bytes, slab_bytes; /* as in memory.stat */
	int64_t some_us, full_us; /* memory.pressure totals since the cgroup was made; -1: none */
};

/* Replaces the row of the same minute, function and path. */
int store_add_memory(struct store *s, const struct memory_row *row);
/* Rows of minutes first..last by minute, function and path; texts valid during the call only. */
int store_each_memory(struct store *s, int64_t first, int64_t last,
		      int (*fn)(const struct memory_row *row, void *arg), void *arg);

#endif
