/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The replay's side of the admission table: every start is asked for, every end told, and the table's
 * changes reach the invoker. Without a governor the last table holds. */
#ifndef FAASMAT_RIG_GOVERNED_H
#define FAASMAT_RIG_GOVERNED_H

#include "vmtest/rig/invoker.h"

struct replay;

/* Connects and waits for the table. Logs why it fails. */
int governed_open(struct replay *r, const char *path);
void governed_close(struct replay *r);

/* Asks for a container in CONTAINER_RESERVING; invoker_reserved() follows. */
void governed_reserve(struct replay *r, struct container *c);
void governed_release(struct replay *r, const char *id);

#endif
