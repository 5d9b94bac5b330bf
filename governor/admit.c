// SPDX-License-Identifier: GPL-2.0-or-later
/* The governor's counter: the socket where the table is asked, the file where it is read, and the
 * cgroups that say which reservations are containers. */
#include <errno.h>
#include <grp.h>
#include <string.h>

#include "common/log.h"
#include "governor/containers.h"
#include "governor/internal.h"

/* Members may ask; everybody else is nobody's platform. */
#define GROUP "faasmat"
/* A reservation without a lease whose process has ended lasts so long without a cgroup. Of real time, as
 * the next: however short a minute is, a start takes as long as it takes. */
#define GRACE_NS (60 * NS_PER_S)
/* Least time between two looks at who is empty: the start that makes a cgroup enters it well before. */
#define EMPTY_NS (20 * NS_PER_S)

static bool is_there(void *arg, int pool, const char *id)
{
	const struct governor *g = arg;

	return container_is_there(&g->pools[pool]->dir, id);
}

static bool is_empty(void *arg, int pool, const char *id)
{
	const struct governor *g = arg;

	return g->pools[pool]->dir.fd >= 0 && container_is_empty(&g->pools[pool]->dir, id);
}

/* Its runtime was killed half-way, and no engine will come back for it. Not what someone else may have
 * made in main beforehand. Below a slice systemd cleans up. */
static void left_behind(void *arg, int pool, const char *id, bool leased)
{
	const struct governor *g = arg;
	const struct pool *p = g->pools[pool];

	if (!p->dir.slice && (leased || pool != MAIN_POOL))
		container_remove(&p->dir, id);
}

static gid_t find_group(void)
{
	const struct group *group = getgrnam(GROUP);

	return group ? group->gr_gid : (gid_t)-1;
}

int admit_open(struct governor *g)
{
	int r;

	g->look = (struct admission_look){ is_there, is_empty, left_behind, g };
	g->peers = (struct server_options){
		.group = geteuid() == 0 ? find_group() : (gid_t)-1,
		.look = &g->look,
		.grace_ns = GRACE_NS,
	};
	r = server_open(g->o->socket, g->epoll, g->table, &g->peers, &g->server);
	if (r == -EADDRINUSE)
		log_error("--socket %s: another process answers there", g->o->socket);
	else if (r < 0)
		log_error_errno(r, "--socket %s cannot be opened", g->o->socket);
	if (r < 0)
		return r;
	r = publish_open(g->o->socket, g->peers.group, &g->publisher);
	/* Placement then falls back to main's engine whenever we do not answer; no reason not to start. */
	if (r < 0)
		log_warning("%s.table cannot be written (%s): while this governor does not answer, "
			    "new containers are not placed",
			    g->o->socket, strerror(-r));
	admit_publish(g);
	return 0;
}

void admit_close(struct governor *g)
{
	server_close(g->server);
	publish_close(g->publisher);
}

void admit_publish(struct governor *g)
{
	uint64_t version = admission_version(g->table);

	if (!g->publisher || version == g->published)
		return;
	publish_write(g->publisher, g->table);
	g->published = version;
}

void admit_look_over(struct governor *g)
{
	int64_t now = clock_monotonic_ns();
	int released = admission_expire(g->table, now);

	/* No event says that a process has entered one. */
	for (size_t i = 0; i < g->n; i++)
		g->pools[i]->watched.seen &= !g->pools[i]->strangers;
	server_sweep(g->server);
	if (now - g->looked_ns >= EMPTY_NS) {
		g->looked_ns = now;
		released += admission_release_empty(g->table, &g->look);
	}
	if (released > 0)
		log_debug("%d reservations have ended without a release", released);
}
