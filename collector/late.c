// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/late.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "bpf/late.skel.h"
#include "common/log.h"
#include "identity/request.h"

struct late {
	struct late_bpf *skel;
	struct bpf_link *link;
	struct ring_buffer *ring;
	struct late_requests *requests;
	void (*fn)(void *arg, uint64_t cgroup, const char *action);
	void *arg;
};

static int take_piece(void *arg, void *data, size_t size)
{
	const struct late_piece *piece = data;
	struct late *l = arg;
	char action[512];

	if (late_requests_add(l->requests, data, size, action, sizeof(action)))
		l->fn(l->arg, piece->cgroup, action);
	return 0;
}

static int start(struct late *l, int root_fd)
{
	l->requests = late_requests_new();
	if (!l->requests)
		return -ENOMEM;
	l->skel = late_bpf__open_and_load();
	if (!l->skel)
		return -errno;
	l->ring = ring_buffer__new(bpf_map__fd(l->skel->maps.pieces), take_piece, l, NULL);
	if (!l->ring)
		return -errno;
	l->link = bpf_program__attach_cgroup(l->skel->progs.copy_first_bytes, root_fd);
	return l->link ? 0 : -errno;
}

int late_open(int root_fd, struct late **ret)
{
	struct late *l = calloc(1, sizeof(*l));
	int r = l ? start(l, root_fd) : -ENOMEM;

	*ret = NULL;
	if (r < 0) {
		late_close(l);
		return log_error_errno(r, "looking at first requests (containers that are told by "
					  "one what they are stay unknown)");
	}
	*ret = l;
	return 0;
}

void late_close(struct late *l)
{
	if (!l)
		return;
	bpf_link__destroy(l->link);
	ring_buffer__free(l->ring);
	late_bpf__destroy(l->skel);
	late_requests_free(l->requests);
	free(l);
}

int late_watch(struct late *l, uint64_t cgroup)
{
	int64_t budget = LATE_BUDGET;

	return bpf_map_update_elem(bpf_map__fd(l->skel->maps.watched), &cgroup, &budget, BPF_ANY) <
			       0
		       ? -errno
		       : 0;
}

void late_forget(struct late *l, uint64_t cgroup)
{
	bpf_map_delete_elem(bpf_map__fd(l->skel->maps.watched), &cgroup);
}

void late_poll(struct late *l, void (*fn)(void *arg, uint64_t cgroup, const char *action),
	       void *arg)
{
	l->fn = fn;
	l->arg = arg;
	ring_buffer__consume(l->ring);
}
