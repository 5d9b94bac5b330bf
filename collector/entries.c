// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/entries.h"

#include <bpf/bpf.h>
#include <errno.h>

#define BATCH 512

static int grow(struct entries *e, size_t room)
{
	uint64_t *ids;
	char *values;

	if (e->size >= room)
		return 0;
	ids = realloc(e->ids, room * sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	e->ids = ids;
	values = realloc(e->values, room * e->value_size);
	if (!values)
		return -ENOMEM;
	e->values = values;
	e->size = room;
	return 0;
}

/* By batches: the kernel hands out whole buckets, and tells by ENOSPC that one does not fit. */
int entries_read(struct entries *e, int map, size_t *n)
{
	uint32_t position = 0, batch = BATCH, got;
	bool first = true;
	int r;

	*n = 0;
	for (;;) {
		r = grow(e, *n + batch);
		if (r < 0)
			return r;
		got = batch;
		r = bpf_map_lookup_batch(map, first ? NULL : &position, &position, e->ids + *n,
					 e->values + *n * e->value_size, &got, NULL);
		if (r < 0 && errno == ENOSPC && batch < 1 << 20) {
			batch *= 2;
			continue;
		}
		if (r < 0 && errno != ENOENT)
			return -errno;
		*n += got;
		if (r < 0)
			return 0;
		first = false;
	}
}

void entries_drop(struct entries *e)
{
	free(e->ids);
	free(e->values);
	e->ids = NULL;
	e->values = NULL;
	e->size = 0;
}
