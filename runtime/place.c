// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cgroupfs.h"
#include "lib/faasmat.h"

/* Whoever else answers at that path has no say in where containers go. */
static bool is_governor(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

static int ask_governor(const char *socket, int timeout_ms, const struct newcomer *n, char *out,
			size_t size)
{
	const struct faasmat_reservation r = {
		.id = n->id,
		.function = n->function,
		.bytes = n->bytes,
		.leased = true,
		.anyway = true,
	};
	struct faasmat_answer answer;
	_cleanup_close_ int fd = faasmat_connect(socket);
	int error;

	if (fd < 0)
		return fd;
	if (!is_governor(fd))
		return -EPERM;
	error = faasmat_reserve(fd, &r, timeout_ms, &answer);
	if (error < 0)
		return error;
	if (!answer.ok || !*answer.cgroup || strlen(answer.cgroup) >= size)
		return -EPROTO;
	strcpy(out, answer.cgroup);
	return 0;
}

/* The function's pool and main, as published. */
struct lines {
	const struct newcomer *who;
	struct faasmat_pool main, pool;
};

static void take_line(void *arg, const struct faasmat_pool *p)
{
	struct lines *l = arg;

	if (strcmp(p->pool, "main") == 0)
		l->main = *p;
	else if (l->who->function && p->planned && strcmp(p->function, l->who->function) == 0)
		l->pool = *p;
}

/* Containers that are below a cgroup; -1 when it does not exist. */
static int64_t count_containers(const char *cgroup)
{
	char mount[4096], path[8192];
	struct dirent *e;
	int64_t n = 0;
	DIR *d;

	if (!*cgroup || cgroup_mount(mount, sizeof(mount)) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s%s", mount, cgroup);
	d = opendir(path);
	if (!d)
		return -1;
	while ((e = readdir(d)))
		n += e->d_type == DT_DIR && e->d_name[0] != '.';
	closedir(d);
	return n;
}

/* What the pool had when the table was written is old: containers have come and gone since. */
static bool has_room(const struct faasmat_pool *p, const struct newcomer *n)
{
	int64_t containers = *p->cgroup ? count_containers(p->cgroup) : -1;
	int64_t unit = p->admitted_containers > 0 ? p->admitted_bytes / p->admitted_containers : 0;

	if (containers < 0 || containers >= p->admitted_containers)
		return false;
	return MAX(n->bytes, unit) <= p->admitted_bytes - containers * unit;
}

static int read_published(const char *socket, const struct newcomer *n, char *out, size_t size)
{
	_cleanup_free_ struct lines *l = calloc(1, sizeof(*l));
	const char *cgroup;
	int r;

	if (!l)
		return -ENOMEM;
	l->who = n;
	r = faasmat_published(socket, take_line, l);
	if (r < 0)
		return r;
	cgroup = has_room(&l->pool, n) ? l->pool.cgroup : l->main.cgroup;
	/* A root that was removed since is not made again by us. */
	if (count_containers(cgroup) < 0 || strlen(cgroup) >= size)
		return -ENOENT;
	strcpy(out, cgroup);
	return 0;
}

int place(const char *socket, int timeout_ms, const struct newcomer *n, char *out, size_t size)
{
	if (ask_governor(socket, timeout_ms, n, out, size) == 0)
		return 0;
	return read_published(socket, n, out, size) == 0 ? 0 : -ENOENT;
}
