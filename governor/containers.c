// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/containers.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* A container makes cgroups of its own, but not without end. */
#define DEPTH_MAX 8

static int is_scope_of(void *arg, const char *name)
{
	const char *id = arg;
	size_t n = strlen(name), k = strlen(id);

	return n > k + 7 && strcmp(name + n - 6, ".scope") == 0 &&
	       strncmp(name + n - 6 - k, id, k) == 0 && name[n - 7 - k] == '-';
}

bool container_is_there(const struct cgroup_dir *pool, const char *id)
{
	struct stat st;

	if (pool->fd < 0)
		return false;
	if (fstatat(pool->fd, id, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return S_ISDIR(st.st_mode);
	return cgroup_dir_children(pool, is_scope_of, (void *)id) > 0;
}

bool container_is_empty(const struct cgroup_dir *pool, const char *id)
{
	char text[256];
	struct cgroup_dir dir;
	int r = cgroup_dir_open(pool->fd, id, &dir);

	if (r < 0)
		return r == -ENOENT;
	r = cgroup_dir_read_text(&dir, "cgroup.events", text, sizeof(text));
	cgroup_dir_close(&dir);
	return r >= 0 && strstr(text, "populated 0");
}

struct removal {
	int depth;
	const struct cgroup_dir *in;
};

static int remove_one(void *arg, const char *name)
{
	const struct removal *above = arg;
	struct cgroup_dir dir;
	struct removal below = { above->depth + 1, &dir };

	if (above->depth < DEPTH_MAX && cgroup_dir_open(above->in->fd, name, &dir) == 0) {
		cgroup_dir_children(&dir, remove_one, &below);
		cgroup_dir_close(&dir);
	}
	unlinkat(above->in->fd, name, AT_REMOVEDIR);
	return 0;
}

void container_remove(const struct cgroup_dir *pool, const char *id)
{
	struct removal r = { .in = pool };

	remove_one(&r, id);
}

int64_t container_bytes(const struct cgroup_dir *pool, const char *id, int64_t unit, bool old)
{
	int64_t limit = LIMIT_NONE, current = 0;
	struct cgroup_dir dir;

	if (cgroup_dir_open(pool->fd, id, &dir) < 0)
		return old ? 0 : unit;
	if (!old && cgroup_dir_read(&dir, "memory.max", &limit) < 0)
		limit = LIMIT_NONE;
	if (cgroup_dir_read(&dir, "memory.current", &current) < 0)
		current = 0;
	cgroup_dir_close(&dir);
	if (old)
		return current;
	return limit != LIMIT_NONE ? limit : MAX(current, unit);
}
