/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The names of containers that are told by a request what they are: which cgroups to look at, the
 * pieces of their requests put together again, the name when one is found (identity/request.h).
 */
#ifndef FAASMAT_COLLECTOR_LATE_H
#define FAASMAT_COLLECTOR_LATE_H

#include "bpf/late.h"
#include "common/util.h"

/* --- pure: pieces to names */
struct late_requests;

struct late_requests *late_requests_new(void);
void late_requests_free(struct late_requests *l);
/* Takes a piece of `size` bytes as the kernel handed it over. True, and the action in NAMESPACE_NAME
 * form, when the request that it belongs to says one. Bounded: 256 connections, the oldest goes. */
bool late_requests_add(struct late_requests *l, const void *piece, size_t size, char *action,
		       size_t action_size);

/* --- the kernel's side */
struct late;

/* Attaches to the cgroup directory `root_fd`. Errors are logged; without it such containers stay
 * unknown. */
int late_open(int root_fd, struct late **ret);
void late_close(struct late *l);
/* Looks at what this cgroup's sockets receive, until late_forget(). Again and again is allowed and
 * renews its budget of copied segments. */
int late_watch(struct late *l, uint64_t cgroup);
void late_forget(struct late *l, uint64_t cgroup);
/* Hands over every name found since the last call. */
void late_poll(struct late *l, void (*fn)(void *arg, uint64_t cgroup, const char *action),
	       void *arg);

#endif
