/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The admission table in a file beside the socket, for those who start containers while the governor is
 * dead or busy (faasmat_published() of lib/faasmat.h reads it; the layout is there). It stays when the
 * governor ends: `faasmat restore` removes it.
 */
#ifndef FAASMAT_GOVERNOR_PUBLISH_H
#define FAASMAT_GOVERNOR_PUBLISH_H

#include "governor/admission.h"

struct publisher;

/* Makes the file of `socket` anew (who has the old one open keeps it), for `group` to read; (gid_t)-1:
 * none. -errno. */
int publish_open(const char *socket, gid_t group, struct publisher **ret);
/* Unmaps it; the file stays. NULL is allowed. */
void publish_close(struct publisher *p);
/* Brings the file up to the table. Lines that are as they were cost a comparison. */
void publish_write(struct publisher *p, const struct admission *table);
/* Removes the file of a socket; it is no error when there is none. */
int publish_remove(const char *socket);

#endif
