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

/* How to find out. */
struct place_options {
	const char *socket;
	const char *cgroups; /* where cgroup2 is mounted; "": looked up */
	int timeout_ms;	     /* most that the governor's answer may take */
};

/*
 * The cgroup below which to make the container's own, relative to the cgroup2 mount. -ENOENT when
 * nothing says where, -EEXIST when another container of that name runs there: containerd's
 * namespaces may use a name twice. The container then stays where its platform wants it.
 */
int place(const struct place_options *o, const struct newcomer *n, char *out, size_t size);

#endif
