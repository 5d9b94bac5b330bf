/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the governor's --on-change command tells (docs/operations.md), by way of a FIFO: how many
 * containers each pool is to hold. The invoker starts those that are missing. */
#ifndef FAASMAT_RIG_PREWARM_H
#define FAASMAT_RIG_PREWARM_H

#include "vmtest/rig/node.h"

struct replay;

#define PREWARM_LINE_BYTES 4096

struct prewarm {
	struct event_source source; /* fd -1: not open */
	char text[PREWARM_LINE_BYTES];
	size_t len; /* of a line that has begun */
};

/* Reads from the FIFO from now on. Logs why it cannot. */
int prewarm_open(struct replay *r, const char *path);
void prewarm_close(struct replay *r);

#endif
