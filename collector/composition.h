/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a cgroup's memory is made of: memory.stat and memory.pressure. Reading memory.stat makes the
 * kernel add up its per-processor counters (tens of microseconds), so this is done once a minute for
 * pools and for the containers of hot functions, and never in the pass of every second.
 */
#ifndef FAASMAT_COLLECTOR_COMPOSITION_H
#define FAASMAT_COLLECTOR_COMPOSITION_H

#include "common/util.h"

struct composition {
	int64_t anon_bytes, file_bytes, shmem_bytes, slab_bytes; /* shmem is part of file */
	int64_t some_us, full_us; /* PSI totals since the cgroup was made; -1: none kept */
};

/* Pure. -EINVAL when the text lacks one of the four. */
int composition_parse_stat(const char *text, struct composition *c);
/* Pure. -EINVAL without totals of "some" and "full"; the fields are then -1. */
int composition_parse_pressure(const char *text, struct composition *c);

/* Of cgroup `id`, which lay at `path` ("a/b", "" the root itself) below the directory root_fd.
 * -ENOENT when it is gone (or another bears its name), -EOPNOTSUPP without a memory controller. */
int composition_read(int root_fd, const char *path, uint64_t id, struct composition *ret);

/* Adds the bytes of `b` to `a`; pressures do not add up. */
void composition_add(struct composition *a, const struct composition *b);

#endif
