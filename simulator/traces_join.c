// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>

#include "common/log.h"
#include "simulator/traces.h"

/* Moves a function and its minutes; `past` goes with it. */
static int64_t move_function(struct load_builder *b, struct load_function *f)
{
	int64_t to = load_add_function(b, f->name);

	if (to >= 0) {
		char *name = b->load.function[to].name;

		b->load.function[to] = *f;
		b->load.function[to].name = name;
		f->past = NULL;
	}
	return to;
}

static int move_load(struct load_builder *b, struct load *l, const bool *skip, bool rare)
{
	_cleanup_free_ int64_t *to = calloc(MAX(l->n_functions, (size_t)1), sizeof(*to));

	if (!to)
		return -ENOMEM;
	for (size_t i = 0; i < l->n_functions; i++) {
		if (skip && skip[i]) {
			to[i] = -1;
			continue;
		}
		to[i] = move_function(b, &l->function[i]);
		if (to[i] < 0)
			return to[i];
		b->load.function[to[i]].rare = rare;
	}
	for (size_t m = 0; m < l->n_minutes; m++)
		for (size_t i = l->first[m]; i < l->first[m + 1]; i++) {
			const struct load_cell *c = &l->cell[i];
			int r = to[c->function] < 0
					? 0
					: load_add_count(b, to[c->function], m, c->count);

			if (r < 0)
				return r;
		}
	return 0;
}

int traces_join(struct load *base, struct load *other, const bool *skip, struct load *ret)
{
	_cleanup_load_builder_ struct load_builder b = { 0 };
	size_t minutes = base->n_minutes;
	int64_t start = base->start_minute;
	int r = 0;

	for (size_t i = 0; i < other->n_functions && r == 0; i++)
		if (!skip[i] && load_find(base, other->function[i].name) >= 0) {
			log_error("function '%.80s' is in the load and in its background",
				  other->function[i].name);
			r = -EEXIST;
		}
	r = r < 0 ? r : move_load(&b, base, NULL, false);
	r = r < 0 ? r : move_load(&b, other, skip, true);
	load_release(base);
	load_release(other);
	r = r < 0 ? r : load_finish(&b, minutes, ret);
	if (r == 0)
		ret->start_minute = start;
	return r;
}
