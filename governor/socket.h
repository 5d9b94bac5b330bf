/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The UNIX SOCK_SEQPACKET socket at which platforms ask the admission table. Never blocks: a client
 * that does not read loses notices, then its connection. */
#ifndef FAASMAT_GOVERNOR_SOCKET_H
#define FAASMAT_GOVERNOR_SOCKET_H

#include "governor/admission.h"

struct server;

/*
 * Listens at `path` (made with mode 0660; a stale one is replaced) and adds itself to the epoll
 * instance with data.ptr as below. -EADDRINUSE when another process answers there. `table` is
 * borrowed. Errors are not logged.
 */
int server_open(const char *path, int epoll, struct admission *table, struct server **ret);
/* Closes every connection and removes the socket. NULL is allowed. */
void server_close(struct server *s);

/* What came of an event, the most urgent thing. */
enum server_effect {
	SERVER_NOTHING,
	SERVER_RESERVED, /* a container is about to start */
	SERVER_REFUSED,	 /* one may not */
	SERVER_RELEASED, /* bytes became free: a pool that waits may grow */
};

/* For an epoll event whose data.ptr is neither NULL nor the caller's own. */
enum server_effect server_event(struct server *s, void *ptr, uint32_t events);

/* Sends the change notice of one pool to every subscriber. */
void server_notify(struct server *s, int pool);
/* Sends the whole table's notices to subscribers that lost some. Once a tick. */
void server_catch_up(struct server *s);

/* Connections that are open, and notices lost so far. */
size_t server_clients(const struct server *s);

#endif
