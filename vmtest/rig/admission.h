/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Client of the governor's socket (governor/socket.h): asks before each start, tells after each end,
 * hears of changes. Nothing here blocks. A governor that is gone is tried again twice a second.
 */
#ifndef FAASMAT_RIG_ADMISSION_H
#define FAASMAT_RIG_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

#include "vmtest/rig/node.h"

/* What the table says of one pool; texts are valid during the call. */
struct admission_pool {
	const char *pool;			     /* "main" or a pool's name */
	const char *function;			     /* "" for main */
	const char *cgroup;			     /* NULL in a change notice */
	int64_t admitted_bytes, admitted_containers; /* -1 containers: any number */
};

struct admission_events {
	/* Connected (again): what exists has to be reserved once more, with admission_reserve_existing(). */
	void (*connected)(void *arg);
	void (*lost)(void *arg);
	/* A row of the table. */
	void (*pool)(void *arg, const struct admission_pool *p);
	/* The table has been told in full. */
	void (*table_end)(void *arg);
	/* The answer to admission_reserve(); pool and cgroup are NULL when !ok. */
	void (*reserved)(void *arg, const char *id, bool ok, const char *pool, const char *cgroup);
};

struct message;

struct admission {
	struct node *node;
	const char *path;
	struct event_source source;   /* fd -1 while there is no governor */
	int64_t retry_ns;	      /* CLOCK_MONOTONIC; when to try again */
	struct message *first, *last; /* not yet taken by the socket */
	const struct admission_events *events;
	void *arg;
};

/* Connects; -ECONNREFUSED, -ENOENT and the like when there is nobody, which admission_tick() then
 * tries again. */
int admission_open(struct admission *a, struct node *n, const char *path,
		   const struct admission_events *events, void *arg);
void admission_close(struct admission *a);

static inline bool admission_connected(const struct admission *a)
{
	return a->source.fd >= 0;
}

/* Tries to connect again when it is time; when it next would. */
void admission_tick(struct admission *a, int64_t now_ns);
int64_t admission_next_ns(const struct admission *a);

void admission_reserve(struct admission *a, const char *id, const char *function, int64_t bytes);
/* A container that exists and was admitted to `pool` by an earlier governor. */
void admission_reserve_existing(struct admission *a, const char *id, const char *function,
				int64_t bytes, const char *pool);
void admission_release(struct admission *a, const char *id);
/* Asks for the whole table; answered by pool() for each row, then table_end(). */
void admission_ask_table(struct admission *a);

#endif
