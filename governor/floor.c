// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/floor.h"

#include <string.h>

struct key {
	const char *name;
	size_t offset;
};

#define KEY(name, field)                                    \
	{                                                   \
		(name), offsetof(struct parsed, stat.field) \
	}
#define PART(name, field)                              \
	{                                              \
		(name), offsetof(struct parsed, field) \
	}

struct parsed {
	struct memory_stat stat;
	int64_t refault_anon, refault_file;
	/* What `kernel` sums up; older kernels have only these. */
	int64_t kernel_stack, pagetables, percpu, slab;
};

static const struct key keys[] = {
	KEY("anon", anon),
	KEY("shmem", shmem),
	KEY("unevictable", unevictable),
	KEY("kernel", kernel),
	KEY("slab_reclaimable", slab_reclaimable),
	KEY("inactive_file", inactive_file),
	KEY("pgscan", scanned),
	KEY("pgsteal", stolen),
	PART("workingset_refault_anon", refault_anon),
	PART("workingset_refault_file", refault_file),
	PART("kernel_stack", kernel_stack),
	PART("pagetables", pagetables),
	PART("percpu", percpu),
	PART("slab", slab),
};

static void take_line(struct parsed *p, const char *line, size_t n)
{
	for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
		size_t length = strlen(keys[k].name);

		if (length < n && line[length] == ' ' && memcmp(line, keys[k].name, length) == 0) {
			*(int64_t *)((char *)p + keys[k].offset) =
				MAX(strtoll(line + length + 1, NULL, 10), 0);
			return;
		}
	}
}

bool memory_stat_parse(const char *text, struct memory_stat *ret)
{
	struct parsed p = { .stat.anon = -1 };

	while (*text) {
		size_t n = strcspn(text, "\n");

		take_line(&p, text, n);
		text += n + (text[n] == '\n');
	}
	p.stat.refaults = p.refault_anon + p.refault_file;
	if (p.stat.kernel == 0)
		p.stat.kernel = p.kernel_stack + p.pagetables + p.percpu + p.slab;
	*ret = p.stat;
	return p.stat.anon >= 0;
}

int64_t unreclaimable(const struct memory_stat *s, int64_t swap)
{
	return MAX(s->anon + s->shmem - swap, 0) + s->unevictable +
	       MAX(s->kernel - s->slab_reclaimable, 0);
}

int64_t working_set(const struct memory_stat *s, int64_t current)
{
	return MAX(current - s->inactive_file, 0);
}

int64_t usable_swap(int64_t swap_free, int64_t swap_max, int64_t swap_current, int64_t swappiness)
{
	int64_t left = swap_max == INT64_MAX ? INT64_MAX : MAX(swap_max - swap_current, 0);

	return swappiness > 0 ? MIN(MAX(swap_free, 0), left) : 0;
}
