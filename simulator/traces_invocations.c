// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/csv.h"
#include "common/log.h"
#include "simulator/traces.h"

#define LONGEST_S (366.0 * 86400)

struct columns {
	int app, func, end, duration;
};

/* A function's index by its app and name; few rows of one function follow one another, so names are
 * kept in a hash table of indices. */
struct names {
	uint32_t *slot; /* index + 1, 0 is free */
	size_t size;
};

static void names_release(struct names *n)
{
	free(n->slot);
}

static uint64_t hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3ULL;
	return h ^ h >> 29;
}

static int grow(struct names *n, const struct load *l)
{
	size_t size = MAX(2 * n->size, (size_t)1024);
	uint32_t *slot = calloc(size, sizeof(*slot));

	if (!slot)
		return -ENOMEM;
	for (size_t i = 0; i < l->n_functions; i++) {
		size_t at = hash(l->function[i].name) & (size - 1);

		while (slot[at])
			at = (at + 1) & (size - 1);
		slot[at] = i + 1;
	}
	free(n->slot);
	n->slot = slot;
	n->size = size;
	return 0;
}

static int64_t find_or_add(struct names *n, struct load_builder *b, const char *name)
{
	size_t at;
	int64_t i;

	if (2 * b->load.n_functions >= n->size && grow(n, &b->load) < 0)
		return -ENOMEM;
	for (at = hash(name) & (n->size - 1); n->slot[at]; at = (at + 1) & (n->size - 1))
		if (strcmp(b->load.function[n->slot[at] - 1].name, name) == 0)
			return n->slot[at] - 1;
	i = load_add_function(b, name);
	if (i >= 0)
		n->slot[at] = i + 1;
	return i;
}

static int read_row(const struct csv *c, const struct columns *k, struct load_builder *b,
		    struct names *names, size_t *minutes)
{
	const char *app = csv_text(c, k->app), *func = csv_text(c, k->func);
	struct load_function *f;
	double end, duration, start;
	char name[256];
	int64_t i, ms;

	if (!app || !func || csv_double(c, k->end, 0, LONGEST_S, &end) < 0 ||
	    csv_double(c, k->duration, 0, LONGEST_S, &duration) < 0)
		return -EINVAL;
	snprintf(name, sizeof(name), "%.64s.%.64s", app, func);
	i = find_or_add(names, b, name);
	if (i < 0)
		return i;
	/* What began before the trace did is counted in its first minute. */
	start = MAX(end - duration, 0.0);
	ms = llround(duration * 1000);
	f = &b->load.function[i];
	f->warm += ms; /* the sum until all is read */
	f->cold = MAX(f->cold, ms);
	f->calls++;
	*minutes = MAX(*minutes, (size_t)(start / 60) + 1);
	return load_add_count(b, i, start / 60, 1);
}

int traces_read_invocations(const char *path, int64_t memory, struct load *ret)
{
	_cleanup_load_builder_ struct load_builder b = { 0 };
	_cleanup_csv_ struct csv c = { 0 };
	__attribute__((cleanup(names_release))) struct names names = { 0 };
	struct columns k;
	size_t minutes = 0;
	int r = csv_open(&c, path);

	if (r < 0)
		return log_error_errno(r, "%s: cannot read the invocations", path);
	k = (struct columns){ csv_column(&c, "app"), csv_column(&c, "func"),
			      csv_column(&c, "end_timestamp"), csv_column(&c, "duration") };
	if (k.app < 0 || k.func < 0 || k.end < 0 || k.duration < 0) {
		log_error("%s, row 1: needs the columns app, func, end_timestamp and duration",
			  path);
		return -EINVAL;
	}
	while ((r = csv_next(&c)) > 0) {
		r = read_row(&c, &k, &b, &names, &minutes);
		if (r < 0)
			return r;
		if (c.row % 65536 == 0)
			log_progress("reading invocations", csv_offset(&c), c.compressed);
	}
	if (r < 0)
		return log_error_errno(r, "%s, row %lld: cannot read the trace", path,
				       (long long)c.row);
	if (!minutes) {
		log_error("%s: there is no invocation in it", path);
		return -ENODATA;
	}
	for (size_t i = 0; i < b.load.n_functions; i++) {
		struct load_function *f = &b.load.function[i];

		f->warm /= f->calls;
		f->memory = memory;
	}
	return load_finish(&b, minutes, ret);
}
