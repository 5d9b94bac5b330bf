/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The UNIX SOCK_SEQPACKET socket at which platforms ask the admission table. Never blocks: a client
 * that does not read loses notices, then its connection. */
#ifndef FAASMAT_GOVERNOR_SOCKET_H
#define FAASMAT_GOVERNOR_SOCKET_H

#include <sys/types.h>

#include "governor/admission.h"

struct server;

/* Who may connect, beside root and the user that we run as: members of this group; (gid_t)-1: nobody. */
struct server_options {
	gid_t group;
	/* Of reservations whose process has ended, and how long one without a lease lasts then. */
	const struct admission_look *look;
	int64_t grace_ns;
};

/*
 * Listens at `path` (made with mode 0660 and of that group; a stale one is replaced) and adds itself to
 * the epoll instance with data.ptr as below. -EADDRINUSE when another process answers there. `table` and
 * `o` (NULL: nobody else, leases end without a look) are borrowed. Errors are not logged.
 *
 * What a peer can take from others is bounded: connections and requests per user, the size of a request,
 * reservations without a container (PENDING_MAX). Who asks too fast is not read for a while.
 */
int server_open(const char *path, int epoll, struct admission *table,
		const struct server_options *o, struct server **ret);
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

/* Lets go of processes that no reservation hangs on any more. Once a minute. */
void server_sweep(struct server *s);

/* Connections that are open; those that want change notices (0 of NULL). */
size_t server_clients(const struct server *s);
size_t server_subscribers(const struct server *s);

#endif
