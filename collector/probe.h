/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this kernel and node offer, what faasmat uses for each thing, and how to mend what lacks. */
#ifndef FAASMAT_COLLECTOR_PROBE_H
#define FAASMAT_COLLECTOR_PROBE_H

#include "common/util.h"

enum probe_state {
	PROBE_OK,
	PROBE_DEGRADED, /* faasmat works without, and says what it does instead */
	PROBE_MISSING,	/* something will not run */
};

struct probe_item {
	const char *name;
	enum probe_state state;
	char found[160]; /* what is there */
	char uses[160];	 /* what faasmat does with it, or how to mend it */
};

#define PROBE_ITEMS 24

/* Fills items[PROBE_ITEMS]; the number of them. Changes nothing on the node; loads no program but
 * the few instructions with which libbpf asks for a program type, and trial.h for a hook. */
size_t probe_node(struct probe_item *items);

/* True when the running kernel is older than what the BPF programs need; its release goes to `out`. */
bool probe_kernel_is_old(char *out, size_t size);

#endif
