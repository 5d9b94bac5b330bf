// SPDX-License-Identifier: GPL-2.0-or-later
#include "simulator/names.h"

#include <errno.h>
#include <string.h>

/* FNV-1a. */
static uint64_t hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3ULL;
	return h ^ h >> 29;
}

/* Where the name is in the table, or the free slot where it belongs. */
static size_t slot_of(const struct names *n, const char *name)
{
	size_t at = hash(name) & (n->slots - 1);

	while (n->slot[at] && strcmp(n->name[n->slot[at] - 1], name) != 0)
		at = (at + 1) & (n->slots - 1);
	return at;
}

static int grow(struct names *n)
{
	size_t slots = MAX(2 * n->slots, (size_t)1024);
	uint32_t *slot = calloc(slots, sizeof(*slot));
	char **name = reallocarray(n->name, slots / 2, sizeof(*name));

	if (name)
		n->name = name;
	if (!slot || !name) {
		free(slot);
		return -ENOMEM;
	}
	free(n->slot);
	n->slot = slot;
	n->slots = slots;
	n->size = slots / 2;
	for (size_t i = 0; i < n->n; i++)
		slot[slot_of(n, name[i])] = i + 1;
	return 0;
}

int64_t names_find(const struct names *n, const char *name)
{
	uint32_t number = n->slots ? n->slot[slot_of(n, name)] : 0;

	return number ? (int64_t)number - 1 : -ENOENT;
}

int64_t names_add(struct names *n, const char *name)
{
	size_t at;

	if (n->n == n->size && grow(n) < 0)
		return -ENOMEM;
	at = slot_of(n, name);
	if (!n->slot[at]) {
		n->name[n->n] = strdup(name);
		if (!n->name[n->n])
			return -ENOMEM;
		n->slot[at] = ++n->n;
	}
	return n->slot[at] - 1;
}

void names_release(struct names *n)
{
	for (size_t i = 0; i < n->n; i++)
		free(n->name[i]);
	free(n->name);
	free(n->slot);
	*n = (struct names){ 0 };
}
