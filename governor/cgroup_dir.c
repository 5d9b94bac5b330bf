// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/cgroup_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cgroupfs.h"
#include "common/parse.h"

/* On what is no cgroup2 (a test's tree of plain files) the inode's number stands for the id. */
static int read_id(int fd, uint64_t *ret)
{
	struct stat st;

	if (cgroup_id_of(fd, ret) == 0)
		return 0;
	if (fstat(fd, &st) < 0)
		return -errno;
	*ret = st.st_ino;
	return 0;
}

int cgroup_dir_open(int at, const char *path, struct cgroup_dir *ret)
{
	int r;

	ret->fd = openat(at, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (ret->fd < 0)
		return -errno;
	r = read_id(ret->fd, &ret->id);
	if (r < 0)
		cgroup_dir_close(ret);
	return r;
}

void cgroup_dir_close(struct cgroup_dir *c)
{
	if (c->fd >= 0)
		close(c->fd);
	*c = CGROUP_DIR_CLOSED;
}

int cgroup_dir_read(const struct cgroup_dir *c, const char *file, int64_t *ret)
{
	_cleanup_close_ int fd = openat(c->fd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char text[32];
	ssize_t n;

	if (fd < 0)
		return -errno;
	do
		n = read(fd, text, sizeof(text) - 1);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (strcmp(text, "max") == 0) {
		*ret = LIMIT_NONE;
		return 0;
	}
	return parse_int64(text, ret) < 0 ? -EINVAL : 0;
}

int cgroup_dir_write_text(const struct cgroup_dir *c, const char *file, const char *text)
{
	/* O_NONBLOCK: from 6.16 on, a limit write then neither waits for reclaim nor kills; older
	 * kernels ignore it. */
	_cleanup_close_ int fd = openat(c->fd, file,
					O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	size_t size = strlen(text);
	ssize_t n;

	if (fd < 0)
		return -errno;
	do
		n = write(fd, text, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EIO;
}

int cgroup_dir_write(const struct cgroup_dir *c, const char *file, int64_t value)
{
	char text[32] = "max\n";

	if (value != LIMIT_NONE)
		snprintf(text, sizeof(text), "%lld\n", (long long)value);
	return cgroup_dir_write_text(c, file, text);
}

int cgroup_dir_children(const struct cgroup_dir *c, int (*fn)(void *arg, const char *name),
			void *arg)
{
	int fd = openat(c->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;
	DIR *dir;
	int r = 0;

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	while (r == 0 && (entry = readdir(dir)))
		if (entry->d_type == DT_DIR && strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			r = fn(arg, entry->d_name);
	closedir(dir);
	return r;
}
