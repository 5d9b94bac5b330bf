// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/faasmat.h"

#define FILE_BYTES \
	(sizeof(struct faasmat_table_header) + FAASMAT_TABLE_MAX * sizeof(struct faasmat_pool))
#define PATH_BYTES 256

struct publisher {
	struct faasmat_table_header *header;
	struct faasmat_pool *line;
};

static int path_of(const char *socket, const char *suffix, char path[PATH_BYTES])
{
	int n = snprintf(path, PATH_BYTES, "%s" FAASMAT_TABLE_SUFFIX "%s", socket, suffix);

	return n >= PATH_BYTES ? -ENAMETOOLONG : 0;
}

/* A file of full length; sparse, so that it takes memory only for lines that are used. */
static int make_file(const char *path, gid_t group)
{
	int fd, r = 0;

	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (group != (gid_t)-1 && (fchown(fd, (uid_t)-1, group) < 0 || fchmod(fd, 0640) < 0))
		r = -errno;
	if (r == 0 && ftruncate(fd, FILE_BYTES) < 0)
		r = -errno;
	if (r < 0) {
		close(fd);
		unlink(path);
	}
	return r < 0 ? r : fd;
}

static int map_file(struct publisher *p, int fd)
{
	struct faasmat_table_header *h;

	h = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (h == MAP_FAILED)
		return -errno;
	strcpy(h->magic, FAASMAT_TABLE_MAGIC);
	h->version = FAASMAT_TABLE_VERSION;
	h->entry_bytes = sizeof(struct faasmat_pool);
	h->governor = (uint32_t)getpid();
	p->header = h;
	p->line = (struct faasmat_pool *)(h + 1);
	return 0;
}

int publish_open(const char *socket, gid_t group, struct publisher **ret)
{
	char path[PATH_BYTES], temporary[PATH_BYTES];
	struct publisher *p = calloc(1, sizeof(*p));
	_cleanup_close_ int fd = -1;
	int r = p ? path_of(socket, "", path) : -ENOMEM;

	*ret = NULL;
	if (r == 0)
		r = path_of(socket, ".new", temporary);
	if (r == 0) {
		fd = make_file(temporary, group);
		r = fd < 0 ? fd : map_file(p, fd);
	}
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0) {
		publish_close(p);
		return r;
	}
	*ret = p;
	return 0;
}

void publish_close(struct publisher *p)
{
	if (!p)
		return;
	if (p->header)
		munmap(p->header, FILE_BYTES);
	free(p);
}

static void copy_text(char *to, size_t size, const char *from)
{
	/* What does not fit is left out: a path that was cut is another one. */
	snprintf(to, size, "%s", from && strlen(from) < size ? from : "");
}

static bool same_text(const char *a, size_t size, const char *b)
{
	return strcmp(a, b && strlen(b) < size ? b : "") == 0;
}

static bool is_current(const struct faasmat_pool *line, const struct admission_pool *p)
{
	return line->admitted_bytes == p->admitted_bytes && line->used_bytes == p->used_bytes &&
	       line->admitted_containers == p->admitted_containers &&
	       line->used_containers == p->used_containers && line->planned == p->planned &&
	       same_text(line->pool, sizeof(line->pool), p->name) &&
	       same_text(line->function, sizeof(line->function), p->function);
}

static void write_line(struct faasmat_pool *line, const struct admission_pool *p)
{
	copy_text(line->pool, sizeof(line->pool), p->name);
	copy_text(line->function, sizeof(line->function), p->function);
	copy_text(line->cgroup, sizeof(line->cgroup), p->cgroup);
	line->admitted_bytes = p->admitted_bytes;
	line->used_bytes = p->used_bytes;
	line->admitted_containers = p->admitted_containers;
	line->used_containers = p->used_containers;
	line->planned = p->planned;
}

void publish_write(struct publisher *p, const struct admission *table)
{
	size_t n = MIN(admission_count(table), (size_t)FAASMAT_TABLE_MAX);
	bool writing = false;

	for (size_t i = 0; i < n; i++) {
		const struct admission_pool *pool = admission_pool(table, (int)i);

		if (i < p->header->count && is_current(&p->line[i], pool))
			continue;
		if (!writing)
			__atomic_add_fetch(&p->header->sequence, 1, __ATOMIC_ACQ_REL);
		/* Nothing of the line may be seen before the odd number is. */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		writing = true;
		write_line(&p->line[i], pool);
	}
	if (!writing)
		return;
	p->header->count = (uint32_t)n;
	__atomic_add_fetch(&p->header->sequence, 1, __ATOMIC_RELEASE);
}

int publish_remove(const char *socket)
{
	char path[PATH_BYTES];
	int r = path_of(socket, "", path);

	if (r == 0 && unlink(path) < 0 && errno != ENOENT)
		r = -errno;
	return r;
}
