// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "identity/look_up.h"

#define CONFIG "config.json"

int bundle_open(const char *path, struct bundle *ret)
{
	char plain[4096];
	size_t n = strlen(path);
	int r;

	*ret = (struct bundle){ .dir = -1 };
	if (n == 0 || n >= sizeof(plain))
		return -ENAMETOOLONG;
	strcpy(plain, path);
	/* With a slash behind it O_NOFOLLOW would follow. */
	while (n > 1 && plain[n - 1] == '/')
		plain[--n] = '\0';
	ret->dir = open(plain, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (ret->dir < 0)
		return -errno;
	r = read_file_at(ret->dir, CONFIG, &ret->text, &ret->size);
	if (r < 0)
		bundle_close(ret);
	return r;
}

void bundle_close(struct bundle *b)
{
	close_fd(&b->dir);
	free(b->text);
	*b = (struct bundle){ .dir = -1 };
}

static int write_all(int fd, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, text, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		size -= (size_t)n;
	}
	return 0;
}

static int fill(const struct bundle *b, int fd, const char *text, size_t size)
{
	struct stat st;
	int r = write_all(fd, text, size);

	if (r < 0)
		return r;
	if (fstatat(b->dir, CONFIG, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (fchown(fd, st.st_uid, st.st_gid) < 0 || fchmod(fd, st.st_mode & 07777) < 0)
		return -errno;
	return 0;
}

int bundle_write(const struct bundle *b, const char *text, size_t size)
{
	_cleanup_close_ int fd = -1;
	char name[64];
	int r;

	snprintf(name, sizeof(name), "." CONFIG ".faasmat-%d", (int)getpid());
	fd = openat(b->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	/* Not synced: after a power cut nobody starts this container. */
	r = fill(b, fd, text, size);
	if (r == 0 && renameat(b->dir, name, b->dir, CONFIG) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(b->dir, name, 0);
	return r;
}
