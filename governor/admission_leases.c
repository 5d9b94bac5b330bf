// SPDX-License-Identifier: GPL-2.0-or-later
/* Reservations that end although nobody releases them. */
#include <string.h>

#include "governor/admission_table.h"

/* Calls fn for every entry; true: it is to be removed. Returns how many were. */
static int remove_those(struct admission *a,
			bool (*fn)(struct admission *a, struct entry *e, void *arg), void *arg)
{
	int removed = 0;

	for (size_t b = 0; b < ADMISSION_BUCKETS; b++) {
		struct entry **at = &a->bucket[b];

		while (*at) {
			if (!fn(a, *at, arg)) {
				at = &(*at)->next;
				continue;
			}
			admission_remove_entry(a, at);
			removed++;
		}
	}
	return removed;
}

struct ended {
	int64_t creator, expires_ns;
	const struct admission_look *look;
};

static bool ends_with_creator(struct admission *a, struct entry *e, void *arg)
{
	const struct ended *ended = arg;

	if (e->seen || e->creator != ended->creator)
		return false;
	if (ended->look->is_there(ended->look->arg, e->pool, e->id)) {
		admission_confirm(a, e);
		return false;
	}
	e->creator = 0;
	e->expires_ns = ended->expires_ns;
	return e->leased;
}

int admission_creator_gone(struct admission *a, int64_t creator, const struct admission_look *look,
			   int64_t expires_ns)
{
	struct ended ended = { creator, expires_ns, look };

	return remove_those(a, ends_with_creator, &ended);
}

static bool is_over(struct admission *a, struct entry *e, void *arg)
{
	const int64_t *now_ns = arg;

	(void)a;
	return !e->seen && e->expires_ns != 0 && e->expires_ns <= *now_ns;
}

int admission_expire(struct admission *a, int64_t now_ns)
{
	return remove_those(a, is_over, &now_ns);
}

static bool is_left_behind(struct admission *a, struct entry *e, void *arg)
{
	const struct admission_look *look = arg;
	bool was_empty = e->empty;

	(void)a;
	if (!e->seen || (!e->leased && e->function))
		return false;
	e->empty = look->is_empty(look->arg, e->pool, e->id);
	if (!e->empty || !was_empty)
		return false;
	look->left_behind(look->arg, e->pool, e->id, e->leased);
	return true;
}

int admission_release_empty(struct admission *a, const struct admission_look *look)
{
	return remove_those(a, is_left_behind, (void *)look);
}

void admission_each_creator(const struct admission *a, void (*fn)(void *arg, int64_t creator),
			    void *arg)
{
	for (size_t b = 0; b < ADMISSION_BUCKETS; b++)
		for (const struct entry *e = a->bucket[b]; e; e = e->next)
			if (!e->seen && e->creator)
				fn(arg, e->creator);
}
