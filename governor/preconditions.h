/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What must hold before a governor starts. Each fault is logged as one sentence that says what to do. */
#ifndef FAASMAT_GOVERNOR_PRECONDITIONS_H
#define FAASMAT_GOVERNOR_PRECONDITIONS_H

#include "governor/governor.h"

/* The numbers among the options. -EINVAL. */
int check_options(const struct governor_options *o);
/* The root, if it exists: a cgroup2 directory with nothing in it but main and pool-*, and no process of
 * its own. Whether it exists or not, `memory` is no more than any cgroup above it may have. -ENOTDIR, -EEXIST,
 * -EBUSY, -EINVAL, ... */
int check_root(const char *root_path, int64_t memory);
/* The plan from this minute on: whole, plausible numbers. -EBADMSG. A database that is locked now is
 * no reason not to start. */
int check_plan(struct store *s, int64_t minute);

#endif
