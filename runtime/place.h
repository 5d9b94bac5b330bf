/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a new container goes: the governor's answer, or the last table it published. */
#ifndef FAASMAT_RUNTIME_PLACE_H
#define FAASMAT_RUNTIME_PLACE_H

#include "common/util.h"

struct newcomer {
	const char *id;	      /* the name of its cgroup */
	const char *function; /* NULL: not known */
	int64_t bytes;	      /* the platform's limit; 0: none */
};

/*
 * The cgroup below which to make the container's own, relative to the cgroup2 mount. Never longer than
 * `timeout_ms` for the governor. -ENOENT when nothing says where; the container then stays where its
 * platform wants it.
 */
int place(const char *socket, int timeout_ms, const struct newcomer *n, char *out, size_t size);

#endif
