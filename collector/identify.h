/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which function the cgroups run whose path alone does not say: asks the engines' files, and where a
 * platform decides late, the containers' first requests. */
#ifndef FAASMAT_COLLECTOR_IDENTIFY_H
#define FAASMAT_COLLECTOR_IDENTIFY_H

#include "collector/tally.h"

struct identifier;

/* `root_fd`: the watched cgroup directory. NULL when out of memory. `rules` is borrowed. */
struct identifier *identifier_new(struct rules *rules, int root_fd);
void identifier_free(struct identifier *i);

/* Decides what can be decided now. Once a pass, when all cgroups are known. */
void identify(struct identifier *i, struct tally *t);

#endif
