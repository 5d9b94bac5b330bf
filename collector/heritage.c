// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/heritage.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <string.h>
#include <sys/syscall.h>

#include "collector/layout.h"

static int open_pin(const char *dir, const char *name)
{
	char path[1024];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

/* struct wire_config of any version: epoch and root have always come first; the rest by name would
 * need a map of ours to compare with, and is not needed. */
static bool read_settings(struct heritage *h)
{
	_cleanup_close_ int fd = open_pin(h->dir, "settings");
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info), zero = 0;
	uint64_t value[64];

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0 ||
	    info.value_size > sizeof(value) || bpf_map_lookup_elem(fd, &zero, value) < 0)
		return false;
	h->epoch = value[0];
	h->root = value[1];
	return h->epoch != 0;
}

static int newest_first(const void *a, const void *b)
{
	const struct heritage *x = a, *y = b;

	return (y->version > x->version) - (y->version < x->version);
}

size_t heritage_list(const char *pin_dir, struct heritage *ret)
{
	DIR *d = opendir(pin_dir);
	struct dirent *e;
	size_t n = 0;

	if (!d)
		return 0;
	while (n < HERITAGE_MAX && (e = readdir(d))) {
		struct heritage *h = &ret[n];

		*h = (struct heritage){ .version = 1 };
		/* "settings" in the directory itself: the first version. */
		if (strcmp(e->d_name, "settings") == 0)
			snprintf(h->dir, sizeof(h->dir), "%s", pin_dir);
		else if (sscanf(e->d_name, "g%u-", &h->version) == 1)
			snprintf(h->dir, sizeof(h->dir), "%.200s/%.200s", pin_dir, e->d_name);
		else
			continue;
		n += read_settings(h);
	}
	closedir(d);
	qsort(ret, n, sizeof(*ret), newest_first);
	return n;
}

static bool is_packet_link(int fd, uint64_t root, int type)
{
	struct bpf_link_info info = { 0 };
	uint32_t size = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && info.type == BPF_LINK_TYPE_CGROUP &&
	       (int)info.cgroup.attach_type == type && info.cgroup.cgroup_id == root;
}

int heritage_take_link(const struct heritage *h, size_t n, uint64_t root, int type, int prog_fd,
		       const char *path)
{
	for (size_t i = 0; i < n; i++) {
		DIR *d = opendir(h[i].dir);
		struct dirent *e;
		int r = -ENOENT;

		while (d && r == -ENOENT && (e = readdir(d))) {
			_cleanup_close_ int fd = -1;

			if (strncmp(e->d_name, "link_", 5) != 0)
				continue;
			fd = open_pin(h[i].dir, e->d_name);
			if (fd < 0 || !is_packet_link(fd, root, type))
				continue;
			r = bpf_link_update(fd, prog_fd, NULL) < 0 ? -errno : 0;
			if (r == 0 && bpf_obj_pin(fd, path) < 0)
				r = -errno;
			if (r == 0)
				unlinkat(dirfd(d), e->d_name, 0);
		}
		if (d)
			closedir(d);
		if (r != -ENOENT)
			return r;
	}
	return -ENOENT;
}

void heritage_wait(void)
{
	/* synchronize_rcu(): programs run under rcu_read_lock. A machine booted with nohz_full
	 * refuses; no program runs for a tenth of a second. */
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) < 0)
		usleep(100000);
}

void heritage_stop(const struct heritage *h)
{
	DIR *d = opendir(h->dir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (strncmp(e->d_name, "link_", 5) == 0)
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
}

/* Calls fn for each entry of `from`, converted to the value of map `to`. */
static int each_entry(int from, int to,
		      int (*fn)(uint64_t id, const void *value, size_t size, void *arg), void *arg)
{
	_cleanup_free_ char *old = NULL, *new = NULL;
	uint64_t key = 0, next;
	struct layout l;
	int r = layout_of_maps(from, to, &l);

	if (r < 0)
		return r;
	old = malloc(l.from_size);
	new = malloc(l.to_size);
	if (!old || !new)
		return -ENOMEM;
	for (uint64_t *at = NULL; bpf_map_get_next_key(from, at, &next) == 0; at = &key) {
		key = next;
		if (bpf_map_lookup_elem(from, &key, old) < 0)
			continue;
		layout_convert(&l, old, new);
		r = fn(key, new, l.to_size, arg);
		if (r < 0)
			return r;
	}
	return 0;
}

static int insert(uint64_t id, const void *value, size_t size, void *arg)
{
	(void)size;
	/* Full: as good as any other cgroup that found it full. */
	if (bpf_map_update_elem(*(int *)arg, &id, value, BPF_NOEXIST) < 0 && errno != EEXIST &&
	    errno != E2BIG)
		return -errno;
	return 0;
}

static int copy_map(const struct heritage *h, const char *name, int to)
{
	_cleanup_close_ int from = open_pin(h->dir, name);

	if (from < 0)
		return from == -ENOENT ? 0 : from;
	return each_entry(from, to, insert, &to);
}

int heritage_copy(const struct heritage *h, int cgroups, int usage)
{
	int r = copy_map(h, "cgroups", cgroups);

	return r < 0 ? r : copy_map(h, "usage", usage);
}

struct collected {
	uint64_t *ids;
	struct wire_invocations *counters;
	size_t n, size;
};

static int collect(uint64_t id, const void *value, size_t size, void *arg)
{
	struct collected *c = arg;

	if (size != sizeof(*c->counters))
		return -EINVAL;
	if (c->n == c->size) {
		size_t room = c->size ? 2 * c->size : 256;
		uint64_t *ids = realloc(c->ids, room * sizeof(*ids));
		struct wire_invocations *counters;

		if (!ids)
			return -ENOMEM;
		c->ids = ids;
		counters = realloc(c->counters, room * sizeof(*counters));
		if (!counters)
			return -ENOMEM;
		c->counters = counters;
		c->size = room;
	}
	c->ids[c->n] = id;
	memcpy(&c->counters[c->n++], value, size);
	return 0;
}

int heritage_counters(const struct heritage *h, int invocations, uint64_t **ids,
		      struct wire_invocations **counters, size_t *n)
{
	_cleanup_close_ int from = open_pin(h->dir, "invocations");
	struct collected c = { 0 };
	int r = from < 0 ? from : each_entry(from, invocations, collect, &c);

	if (r < 0 && r != -ENOENT) {
		free(c.ids);
		free(c.counters);
		return r;
	}
	*ids = c.ids;
	*counters = c.counters;
	*n = c.n;
	return 0;
}

int heritage_remove(const char *pin_dir, const struct heritage *h)
{
	DIR *d;
	struct dirent *e;
	int r = 0;

	heritage_stop(h);
	d = opendir(h->dir);
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && e->d_type != DT_DIR &&
		    unlinkat(dirfd(d), e->d_name, 0) < 0 && errno != ENOENT)
			r = -errno;
	if (d)
		closedir(d);
	if (strcmp(h->dir, pin_dir) != 0 && rmdir(h->dir) < 0)
		r = -errno;
	return r;
}

void heritage_remove_stray(const char *pin_dir)
{
	DIR *d = opendir(pin_dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		struct heritage h = { 0 };

		if (e->d_name[0] != 'g' || e->d_type != DT_DIR)
			continue;
		snprintf(h.dir, sizeof(h.dir), "%.200s/%.200s", pin_dir, e->d_name);
		if (!read_settings(&h))
			heritage_remove(pin_dir, &h);
	}
	if (d)
		closedir(d);
}
