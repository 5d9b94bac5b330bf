// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/cgroup_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <linux/magic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "common/cgroupfs.h"
#include "governor/pool_name.h"
#include "governor/slices.h"
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

static const char *const kept_file[CGROUP_KEPT_FILES] = {
	"memory.current",      "memory.max",	  "memory.low",	 "memory.peak",
	"memory.events.local", "memory.pressure", "io.pressure",
};

static bool is_cgroup2(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

int cgroup_dir_open(int at, const char *path, struct cgroup_dir *ret)
{
	int r;

	*ret = CGROUP_DIR_CLOSED;
	ret->fd =
		TEMP_FAILURE_RETRY(openat(at, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
	if (ret->fd < 0)
		return -errno;
	r = read_id(ret->fd, &ret->id);
	if (r < 0)
		cgroup_dir_close(ret);
	else
		ret->keep = is_cgroup2(ret->fd);
	if (r == 0 && pool_name_is_slice(path) && ret->keep && slices_are_owned()) {
		ret->slice = strdup(basename(path));
		r = ret->slice ? 0 : -ENOMEM;
		if (r < 0)
			cgroup_dir_close(ret);
	}
	return r;
}

void cgroup_dir_close(struct cgroup_dir *c)
{
	for (size_t i = 0; i < CGROUP_KEPT_FILES; i++)
		close_fd(&c->kept[i]);
	free(c->slice);
	if (c->fd >= 0)
		close(c->fd);
	*c = CGROUP_DIR_CLOSED;
}

static int *kept_fd(struct cgroup_dir *c, const char *file)
{
	for (size_t i = 0; i < CGROUP_KEPT_FILES && c->keep; i++)
		if (strcmp(file, kept_file[i]) == 0)
			return &c->kept[i];
	return NULL;
}

int cgroup_dir_kept(struct cgroup_dir *c, const char *file)
{
	const int *kept = kept_fd(c, file);

	return kept ? *kept : -1;
}

/* Descriptors are left for whoever else needs one: a quarter of them. */
static bool may_keep(int fd)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) == 0 && (rlim_t)fd < limit.rlim_cur / 4 * 3;
}

/* For reading and, where we may, writing. O_NONBLOCK: from 6.16 on, a limit write then neither waits
 * for reclaim nor kills; older kernels ignore it. */
static int open_file(const struct cgroup_dir *c, const char *file)
{
	int fd = TEMP_FAILURE_RETRY(
		openat(c->fd, file, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));

	if (fd < 0 && (errno == EACCES || errno == EPERM || errno == EROFS))
		fd = TEMP_FAILURE_RETRY(openat(c->fd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
	return fd;
}

static ssize_t read_file(struct cgroup_dir *c, const char *file, char *text, size_t size)
{
	int *kept = kept_fd(c, file);
	int fd = kept && *kept >= 0 ? *kept : open_file(c, file);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = TEMP_FAILURE_RETRY(pread(fd, text, size, 0));
	n = n < 0 ? -errno : n;
	if (kept && n >= 0 && (fd == *kept || may_keep(fd)))
		*kept = fd;
	else
		close(fd);
	if (kept && n < 0)
		*kept = -1;
	return n;
}

int cgroup_dir_read(struct cgroup_dir *c, const char *file, int64_t *ret)
{
	char text[32];
	ssize_t n = read_file(c, file, text, sizeof(text) - 1);

	if (n < 0)
		return (int)n;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (strcmp(text, "max") == 0) {
		*ret = LIMIT_NONE;
		return 0;
	}
	return parse_int64(text, ret) < 0 ? -EINVAL : 0;
}

int cgroup_dir_read_text(struct cgroup_dir *c, const char *file, char *ret, size_t size)
{
	ssize_t n = read_file(c, file, ret, size - 1);

	ret[MAX(n, 0)] = '\0';
	return (int)MIN(n, 0);
}

int cgroup_dir_open_file(const struct cgroup_dir *c, const char *file)
{
	int fd = openat(c->fd, file, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

void cgroup_dir_format(int64_t value, char *ret, size_t size)
{
	if (value == LIMIT_NONE)
		snprintf(ret, size, "max\n");
	else
		snprintf(ret, size, "%lld\n", (long long)value);
}

static int write_all(int fd, const char *text)
{
	size_t size = strlen(text);
	ssize_t n = TEMP_FAILURE_RETRY(pwrite(fd, text, size, 0));

	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EIO;
}

int cgroup_dir_write_text(const struct cgroup_dir *c, const char *file, const char *text)
{
	_cleanup_close_ int fd = TEMP_FAILURE_RETRY(
		openat(c->fd, file, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));

	return fd < 0 ? -errno : write_all(fd, text);
}

/* systemd says it has done it; the kernel has the last word. */
static int write_slice(struct cgroup_dir *c, const char *file, int64_t value)
{
	int64_t now;
	int r = slices_set(c->slice, file, value);

	if (r == 0)
		r = cgroup_dir_read(c, file, &now);
	if (r < 0)
		return r;
	return now == value ? 0 : -EIO;
}

int cgroup_dir_write(struct cgroup_dir *c, const char *file, int64_t value)
{
	int *kept = kept_fd(c, file);
	char text[32];

	if (c->slice)
		return write_slice(c, file, value);
	cgroup_dir_format(value, text, sizeof(text));
	if (kept && *kept >= 0 && (fcntl(*kept, F_GETFL) & O_ACCMODE) == O_RDWR)
		return write_all(*kept, text);
	return cgroup_dir_write_text(c, file, text);
}

int cgroup_dir_children(const struct cgroup_dir *c, int (*fn)(void *arg, const char *name),
			void *arg)
{
	int fd = TEMP_FAILURE_RETRY(openat(c->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
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
