// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * counter MOUNT ROOT SOCKET: the governor's counter (socket, published table, leases, cgroups watched)
 * on a real cgroup2 tree, without its decisions, so that it runs where there is no memory controller.
 * Pools f and g admit eight containers each. Until SIGTERM.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

#include "common/log.h"
#include "governor/internal.h"

#define LOOK_NS (50 * NS_PER_MS)
#define UNIT (64 * MIB)
#define CONTAINERS 8

static volatile sig_atomic_t stop;

static void end(int signal)
{
	(void)signal;
	stop = 1;
}

static int open_tree(struct governor *g)
{
	static const char *const pools[] = { "main", "pool-f", "pool-g" };

	snprintf(g->root_path, sizeof(g->root_path), "%s%s", g->o->mount, g->o->root);
	if (mkdir(g->root_path, 0755) < 0 && errno != EEXIST)
		return -errno;
	if (cgroup_dir_open(AT_FDCWD, g->root_path, &g->root) < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(pools); i++) {
		const char *function = i ? pools[i] + 5 : NULL;

		if (mkdirat(g->root.fd, pools[i], 0755) < 0 && errno != EEXIST)
			return -errno;
		if (pools_add(g, pools[i], function) != (int)i)
			return -EINVAL;
		admission_set(g->table, (int)i, CONTAINERS * UNIT, i ? CONTAINERS : -1);
		admission_set_planned(g->table, (int)i, i > 0);
	}
	return 0;
}

static int open_all(struct governor *g)
{
	const struct itimerspec t = { { 0, LOOK_NS }, { 0, LOOK_NS } };
	struct epoll_event event = { .events = EPOLLIN };
	int r;

	g->root = CGROUP_DIR_CLOSED;
	g->table = admission_new(g->o->memory, true);
	g->epoll = epoll_create1(EPOLL_CLOEXEC);
	g->inotify = watch_open();
	g->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	event.data.ptr = &g->inotify;
	epoll_ctl(g->epoll, EPOLL_CTL_ADD, g->inotify, &event);
	event.data.ptr = &g->timer;
	epoll_ctl(g->epoll, EPOLL_CTL_ADD, g->timer, &event);
	timerfd_settime(g->timer, 0, &t, NULL);
	r = open_tree(g);
	if (r == 0)
		pools_scan_containers(g);
	r = r < 0 ? r : admit_open(g);
	/* Starts here take milliseconds: what has not come in a second never will, and who is empty at two
	 * looks (handle()) is left behind. */
	g->peers.grace_ns = NS_PER_S;
	return r;
}

static void handle(struct governor *g, struct epoll_event *event)
{
	uint64_t expirations;

	if (event->data.ptr == &g->timer) {
		g->looked_ns = 0;
		if (read(g->timer, &expirations, sizeof(expirations)) > 0)
			admit_look_over(g);
	} else if (event->data.ptr != &g->inotify) {
		server_event(g->server, event->data.ptr, event->events);
	}
	pools_scan_containers(g);
}

int main(int argc, char **argv)
{
	struct governor_options o = GOVERNOR_DEFAULTS;
	struct governor g = { .o = &o };
	struct epoll_event events[16];
	int r;

	if (argc != 4) {
		fprintf(stderr, "usage: counter MOUNT ROOT SOCKET\n");
		return 2;
	}
	o.mount = argv[1];
	o.root = argv[2];
	o.socket = argv[3];
	o.memory = 1024 * MIB;
	/* A second stands for a minute. */
	o.clock.minute_ns = NS_PER_S;
	signal(SIGTERM, end);
	signal(SIGPIPE, SIG_IGN);
	r = open_all(&g);
	if (r < 0)
		return log_error_errno(r, "%s", g.root_path) ? 1 : 1;
	while (!stop) {
		int n = epoll_wait(g.epoll, events, ARRAY_SIZE(events), -1);

		for (int i = 0; i < n; i++)
			handle(&g, &events[i]);
		admit_publish(&g);
	}
	admit_close(&g);
	pools_free(&g);
	admission_free(g.table);
	cgroup_dir_close(&g.root);
	return 0;
}
