/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the last pass over all cgroups has seen: the kernel's arrays (see struct wire_pass), mapped. */
#ifndef FAASMAT_COLLECTOR_PASS_H
#define FAASMAT_COLLECTOR_PASS_H

#include "bpf/wire.h"
#include "common/util.h"

struct pass {
	const volatile struct wire_pass *state; /* NULL: not open */
	const uint64_t *ids;
	const struct wire_usage *usage;
	size_t room; /* cgroups that the arrays have room for */
};

/* Maps the arrays that are pinned in `dir`; -errno. */
int pass_open(struct pass *p, const char *dir);
/* Also of one that could not be opened, or is all zero. */
void pass_close(struct pass *p);

/* How many cgroups it saw. A pass that runs meanwhile overwrites the arrays in place. */
size_t pass_count(const struct pass *p);

#endif
