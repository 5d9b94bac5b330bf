// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/functions.h"

#include <errno.h>
#include <string.h>

/* The slot of a name, or the free one where it belongs. FNV-1a. */
static int *name_slot(const struct functions *f, const char *name)
{
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (const char *p = name; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 0x100000001b3ULL;
	for (size_t i = hash;; i++) {
		int *slot = &f->by_name[i & (f->slots - 1)];

		if (!*slot || strcmp(f->at[*slot - 1].name, name) == 0)
			return slot;
	}
}

/* Room for one more function, with at least half of the slots free. */
static int widen(struct functions *f)
{
	int size = f->size ? f->size * 2 : 64;
	struct function_tally *more;
	int *slots;

	if (f->n < f->size)
		return 0;
	more = realloc(f->at, size * sizeof(*more));
	if (!more)
		return -ENOMEM;
	f->at = more;
	slots = calloc(2 * (size_t)size, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(f->by_name);
	f->by_name = slots;
	f->slots = 2 * (size_t)size;
	f->size = size;
	for (int i = 0; i < f->n; i++)
		*name_slot(f, f->at[i].name) = i + 1;
	return 0;
}

int functions_find(const struct functions *f, const char *name)
{
	return f->slots ? *name_slot(f, name) - 1 : -1;
}

int functions_add(struct functions *f, const char *name)
{
	int found = functions_find(f, name), r;

	if (found >= 0)
		return found;
	r = widen(f);
	if (r < 0)
		return r;
	f->at[f->n] = (struct function_tally){ 0 };
	snprintf(f->at[f->n].name, sizeof(f->at->name), "%s", name);
	*name_slot(f, name) = ++f->n;
	return f->n - 1;
}

void functions_free(struct functions *f)
{
	free(f->at);
	free(f->by_name);
	*f = (struct functions){ 0 };
}
