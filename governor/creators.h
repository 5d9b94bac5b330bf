/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The processes that asked for reservations, each by a pidfd: their end is an event, and no process that
 * gets the same id later is taken for one of them. */
#ifndef FAASMAT_GOVERNOR_CREATORS_H
#define FAASMAT_GOVERNOR_CREATORS_H

#include "common/util.h"

/* As many at once; a pidfd each. */
#define CREATORS_MAX 2048

struct creators;

struct creators *creators_new(int epoll);
void creators_free(struct creators *c);

/* The process at the other end of a connected socket. Its number, above 0 and never given twice; 0
 * when it has ended already, is in another pid namespace, or there are too many. */
int64_t creators_add(struct creators *c, int socket);
void creators_drop(struct creators *c, int64_t number);
/* For an epoll event: the number of the process that has ended (and is dropped now), else 0. */
int64_t creators_event(struct creators *c, const void *ptr);
bool creators_has(struct creators *c, int64_t number);
bool creators_full(const struct creators *c);

/* Drops all that creators_keep() was not called for since creators_begin(). */
void creators_begin(struct creators *c);
void creators_keep(struct creators *c, int64_t number);
void creators_end(struct creators *c);

#endif
