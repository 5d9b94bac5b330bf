// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/pass.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "collector/programs.h"

/* The kernel maps whole pages. */
static size_t mapped_bytes(size_t n, size_t element)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (n * element + page - 1) / page * page;
}

/* A pinned array of elements of one size; *n is how many there are. */
static int map_array(const char *dir, const char *name, size_t element, const void **ret, size_t *n)
{
	_cleanup_close_ int fd = programs_open_pin(dir, name);
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);
	void *at;

	*ret = NULL;
	if (fd < 0)
		return fd;
	if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		return -errno;
	if (info.value_size != element)
		return -EINVAL;
	*n = info.max_entries;
	at = mmap(NULL, mapped_bytes(*n, element), PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	*ret = at;
	return 0;
}

int pass_open(struct pass *p, const char *dir)
{
	const void *state, *ids = NULL, *usage = NULL;
	size_t one, n_ids, n_usage;
	int r = map_array(dir, "pass", sizeof(*p->state), &state, &one);

	*p = (struct pass){ .state = state };
	if (r == 0)
		r = map_array(dir, "pass_ids", sizeof(*p->ids), &ids, &n_ids);
	if (r == 0) {
		p->ids = ids;
		p->room = n_ids;
		r = map_array(dir, "pass_usage", sizeof(*p->usage), &usage, &n_usage);
	}
	if (r == 0 && n_usage != n_ids) {
		munmap((void *)usage, mapped_bytes(n_usage, sizeof(*p->usage)));
		r = -EINVAL;
	} else {
		p->usage = usage;
	}
	if (r < 0)
		pass_close(p);
	return r;
}

void pass_close(struct pass *p)
{
	if (p->state)
		munmap((void *)p->state, mapped_bytes(1, sizeof(*p->state)));
	if (p->ids)
		munmap((void *)p->ids, mapped_bytes(p->room, sizeof(*p->ids)));
	if (p->usage)
		munmap((void *)p->usage, mapped_bytes(p->room, sizeof(*p->usage)));
	*p = (struct pass){ 0 };
}

size_t pass_count(const struct pass *p)
{
	return MIN(p->state->n, p->room);
}
