// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/composition.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/cgroupfs.h"

/* memory.stat has some 60 lines of at most 50 bytes on 7.x. */
#define FILE_BYTES 8192

int composition_parse_stat(const char *text, struct composition *c)
{
	const struct {
		const char *name;
		int64_t *value;
	} wanted[] = { { "anon", &c->anon_bytes },
		       { "file", &c->file_bytes },
		       { "shmem", &c->shmem_bytes },
		       { "slab", &c->slab_bytes } };
	size_t found = 0;

	for (const char *line = text; *line; line++) {
		for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
			size_t n = strlen(wanted[i].name);
			char *end;

			if (strncmp(line, wanted[i].name, n) != 0 || line[n] != ' ')
				continue;
			*wanted[i].value = strtoll(line + n + 1, &end, 10);
			found += end > line + n + 1 && *wanted[i].value >= 0;
		}
		line = strchr(line, '\n');
		if (!line)
			break;
	}
	return found == ARRAY_SIZE(wanted) ? 0 : -EINVAL;
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=1234" */
static int64_t pressure_total(const char *text, const char *kind)
{
	const char *line = strstr(text, kind), *total;
	char *end;
	int64_t v;

	if (!line || (line > text && line[-1] != '\n'))
		return -1;
	total = strstr(line, " total=");
	if (!total || memchr(line, '\n', total - line))
		return -1;
	v = strtoll(total + 7, &end, 10);
	return end > total + 7 && v >= 0 ? v : -1;
}

int composition_parse_pressure(const char *text, struct composition *c)
{
	c->some_us = pressure_total(text, "some ");
	c->full_us = pressure_total(text, "full ");
	return c->some_us < 0 || c->full_us < 0 ? -EINVAL : 0;
}

static int read_file(int dir_fd, const char *name, char *text)
{
	_cleanup_close_ int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	do {
		n = read(fd, text + used, FILE_BYTES - 1 - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		used += n;
	} while (n > 0 && used < FILE_BYTES - 1);
	text[used] = '\0';
	return 0;
}

int composition_read(int root_fd, const char *path, uint64_t id, struct composition *ret)
{
	_cleanup_close_ int dir = openat(root_fd, *path ? path : ".",
					 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char text[FILE_BYTES];
	uint64_t found;
	int r;

	*ret = (struct composition){ .some_us = -1, .full_us = -1 };
	if (dir < 0)
		return -errno;
	r = cgroup_id_of(dir, &found);
	if (r == 0 && found != id)
		r = -ENOENT;
	if (r == 0)
		r = read_file(dir, "memory.stat", text);
	if (r == -ENOENT && faccessat(dir, "cgroup.procs", F_OK, 0) == 0)
		return -EOPNOTSUPP;
	if (r == 0)
		r = composition_parse_stat(text, ret);
	/* Kernels without PSI, or booted with psi=0, have no such file. */
	if (r == 0 && read_file(dir, "memory.pressure", text) == 0)
		composition_parse_pressure(text, ret);
	return r;
}

void composition_add(struct composition *a, const struct composition *b)
{
	a->anon_bytes += b->anon_bytes;
	a->file_bytes += b->file_bytes;
	a->shmem_bytes += b->shmem_bytes;
	a->slab_bytes += b->slab_bytes;
}
