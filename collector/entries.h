/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one of the kernel's hash maps held when it was last read: keys are cgroup ids. */
#ifndef FAASMAT_COLLECTOR_ENTRIES_H
#define FAASMAT_COLLECTOR_ENTRIES_H

#include "common/util.h"

/* Zeroed but for value_size at first. */
struct entries {
	size_t value_size; /* of the map */
	size_t size;	   /* entries that there is room for */
	uint64_t *ids;
	char *values; /* the i-th at values + i * value_size */
};

/* Reads all of `map` (a descriptor), in no order, in place of what was read before; *n is how many entries
 * there are. -errno. */
int entries_read(struct entries *e, int map, size_t *n);
/* Frees the arrays; the next read makes them anew. */
void entries_drop(struct entries *e);

#endif
