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
static int64_t count_containers(const char *mount, const char *cgroup)
{
	char path[8192];
	struct dirent *e;
	int64_t n = 0;
	DIR *d;

	if (!*cgroup)
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

/* Whether a cgroup of this name has processes below it already. */
static bool is_taken(const char *mount, const char *cgroup, const char *id)
{
	char path[8192], text[256];
	_cleanup_close_ int fd = -1;
	ssize_t n;

	if ((size_t)snprintf(path, sizeof(path), "%s%s/%s/cgroup.events", mount, cgroup, id) >=
	    sizeof(path))
		return true;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	text[MAX(n, 0)] = '\0';
	return strstr(text, "populated 1");
}

/* What the pool had when the table was written is old: containers have come and gone since. */
static bool has_room(const char *mount, const struct faasmat_pool *p, const struct newcomer *n)
{
	int64_t containers = count_containers(mount, p->cgroup);
	int64_t unit = p->admitted_containers > 0 ? p->admitted_bytes / p->admitted_containers : 0;

	if (containers < 0 || containers >= p->admitted_containers)
		return false;
	return MAX(n->bytes, unit) <= p->admitted_bytes - containers * unit;
}

static int read_published(const struct place_options *o, const char *mount,
			  const struct newcomer *n, char *out, size_t size)
{
	_cleanup_free_ struct lines *l = calloc(1, sizeof(*l));
	const char *cgroup;
	int r;

	if (!l)
		return -ENOMEM;
	l->who = n;
	r = faasmat_published(o->socket, take_line, l);
	if (r < 0)
		return r;
	cgroup = has_room(mount, &l->pool, n) ? l->pool.cgroup : l->main.cgroup;
	/* A root that was removed since is not made again by us. */
	if (count_containers(mount, cgroup) < 0 || strlen(cgroup) >= size)
		return -ENOENT;
	strcpy(out, cgroup);
	return 0;
}

int place(const struct place_options *o, const struct newcomer *n, char *out, size_t size)
{
	char mount[4096];
	int r = 0;

	if (*o->cgroups)
		snprintf(mount, sizeof(mount), "%s", o->cgroups);
	else
		r = cgroup_mount(mount, sizeof(mount));
	if (r < 0)
		return r;
	if (ask_governor(o->socket, o->timeout_ms, n, out, size) < 0 &&
	    read_published(o, mount, n, out, size) < 0)
		return -ENOENT;
	return is_taken(mount, out, n->id) ? -EEXIST : 0;
}
