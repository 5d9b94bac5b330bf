// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmtest/rig/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cgroupfs.h"
#include "common/parse.h"
#include "common/util.h"

int cgroup_open_mount(void)
{
	char point[PATH_MAX];
	int r = cgroup_mount(point, sizeof(point)), fd;

	if (r < 0)
		return r;
	fd = open(point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* "/a/b" as a path under a directory descriptor; the root is ".". */
static const char *relative(const char *path)
{
	path += strspn(path, "/");
	return *path ? path : ".";
}

static int open_file(int mount, const char *path, const char *file, int flags)
{
	char full[PATH_MAX];
	int fd;

	if (snprintf(full, sizeof(full), "%s/%s", relative(path), file) >= (int)sizeof(full))
		return -ENAMETOOLONG;
	fd = openat(mount, full, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static ssize_t read_text(int mount, const char *path, const char *file, char *out, size_t size)
{
	_cleanup_close_ int fd = open_file(mount, path, file, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, out, size - 1);
	if (n < 0)
		return -errno;
	out[n] = '\0';
	return n;
}

int cgroup_read(int mount, const char *path, const char *file, int64_t *ret)
{
	char text[64];
	ssize_t n = read_text(mount, path, file, text, sizeof(text));

	if (n < 0)
		return n;
	text[strcspn(text, "\n")] = '\0';
	if (strcmp(text, "max") == 0) {
		*ret = INT64_MAX;
		return 0;
	}
	return parse_int64(text, ret);
}

int cgroup_read_key(int mount, const char *path, const char *file, const char *key, int64_t *ret)
{
	char text[4096], *p;
	ssize_t n = read_text(mount, path, file, text, sizeof(text));
	size_t len = strlen(key);

	if (n < 0)
		return n;
	for (p = text; p && *p; p = strchr(p, '\n'), p += p != NULL) {
		if (strncmp(p, key, len) == 0 && p[len] == ' ') {
			p[len + 1 + strcspn(p + len + 1, "\n")] = '\0';
			return parse_int64(p + len + 1, ret);
		}
	}
	return -ENOENT;
}

int cgroup_write(int mount, const char *path, const char *file, const char *text)
{
	_cleanup_close_ int fd = open_file(mount, path, file, O_WRONLY);
	ssize_t len = strlen(text);

	if (fd < 0)
		return fd;
	return write(fd, text, len) == len ? 0 : -errno;
}

bool cgroup_has_memory(int mount, const char *path)
{
	char have[512];

	return read_text(mount, path, "cgroup.controllers", have, sizeof(have)) > 0 &&
	       strstr(have, "memory");
}

/* Where there is no memory controller (a test without limits), containers go without. */
static void share_memory_controller(int mount, const char *path)
{
	if (cgroup_has_memory(mount, path))
		cgroup_write(mount, path, "cgroup.subtree_control", "+memory");
}

int cgroup_make(int mount, const char *path, bool *made)
{
	char part[PATH_MAX];
	int r = 0;

	if (strlen(path) >= sizeof(part))
		return -ENAMETOOLONG;
	share_memory_controller(mount, "/");
	for (size_t n = 1; path[n - 1]; n++) {
		if (path[n] != '/' && path[n] != '\0')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)n, path);
		r = mkdirat(mount, relative(part), 0755) < 0 ? -errno : 0;
		if (r < 0 && r != -EEXIST)
			return r;
		share_memory_controller(mount, part);
	}
	if (made)
		*made = r == 0;
	return 0;
}

int cgroup_remove(int mount, const char *path)
{
	return unlinkat(mount, relative(path), AT_REMOVEDIR) < 0 ? -errno : 0;
}
