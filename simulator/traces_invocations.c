// SPDX-License-Identifier: GPL-2.0-or-later
/* The Azure Functions 2021 trace: one row an invocation. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/csv.h"
#include "common/log.h"
#include "simulator/names.h"
#include "simulator/timeline.h"
#include "simulator/traces.h"

#define LONGEST_S (366.0 * 86400)

struct columns {
	int app, func, end, duration;
};

/* The start of one. */
struct invocation {
	uint32_t minute, function;
	uint16_t ms; /* of the minute */
};

struct trace {
	struct load_builder b;
	struct names names;
	struct invocation *invocation;
	size_t n, size;
};

static int add(struct trace *t, uint32_t function, double start)
{
	int64_t ms = llround(start * 1000);

	if (t->n == t->size) {
		size_t size = MAX(2 * t->size, (size_t)4096);
		struct invocation *p = reallocarray(t->invocation, size, sizeof(*p));

		if (!p)
			return -ENOMEM;
		t->invocation = p;
		t->size = size;
	}
	t->invocation[t->n++] = (struct invocation){ ms / MINUTE_MS, function,
						     (uint16_t)(ms % MINUTE_MS) };
	return 0;
}

static int read_row(struct trace *t, const struct csv *c, const struct columns *k)
{
	const char *app = csv_text(c, k->app), *func = csv_text(c, k->func);
	struct load_function *f;
	double end, duration;
	char name[256];
	int64_t i, ms;

	if (!app || !func || csv_double(c, k->end, 0, LONGEST_S, &end) < 0 ||
	    csv_double(c, k->duration, 0, LONGEST_S, &duration) < 0)
		return -EINVAL;
	snprintf(name, sizeof(name), "%.64s.%.64s", app, func);
	i = names_add(&t->names, name);
	if (i < 0)
		return i;
	if ((size_t)i == t->b.load.n_functions && load_add_function(&t->b, name) < 0)
		return -ENOMEM;
	ms = llround(duration * 1000);
	f = &t->b.load.function[i];
	f->warm += ms; /* the sum until all is read */
	f->cold = MAX(f->cold, ms);
	f->calls++;
	/* What began before the trace did is counted in its first millisecond. */
	return add(t, i, MAX(end - duration, 0.0));
}

static int read_file(struct trace *t, const char *path)
{
	_cleanup_csv_ struct csv c = { 0 };
	struct columns k;
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
		r = read_row(t, &c, &k);
		if (r == -ENOMEM)
			log_error_errno(r, "%s, row %lld", path, (long long)c.row);
		if (r < 0)
			return r;
		if (c.row % 65536 == 0)
			log_progress("reading invocations", csv_offset(&c), c.compressed);
	}
	if (r < 0)
		return log_error_errno(r, "%s, row %lld: cannot read the trace", path,
				       (long long)c.row);
	if (t->n == 0) {
		log_error("%s: there is no invocation in it", path);
		return -ENODATA;
	}
	return 0;
}

/* As the cells of a load are ordered. */
static int compare(const void *pa, const void *pb)
{
	const struct invocation *a = pa, *b = pb;

	if (a->minute != b->minute)
		return a->minute < b->minute ? -1 : 1;
	if (a->function != b->function)
		return a->function < b->function ? -1 : 1;
	return (a->ms > b->ms) - (a->ms < b->ms);
}

static int keep_arrivals(const struct trace *t, struct load *l)
{
	l->ms = malloc(t->n * sizeof(*l->ms));
	l->ms_first = calloc(l->n_minutes + 1, sizeof(*l->ms_first));
	if (!l->ms || !l->ms_first)
		return -ENOMEM;
	for (size_t i = 0; i < t->n; i++) {
		l->ms[i] = t->invocation[i].ms;
		l->ms_first[t->invocation[i].minute + 1]++;
	}
	for (size_t m = 0; m < l->n_minutes; m++)
		l->ms_first[m + 1] += l->ms_first[m];
	return 0;
}

static int make_load(struct trace *t, int64_t memory, struct load *ret)
{
	struct load *l = &t->b.load;
	int r = 0;

	for (size_t i = 0; i < l->n_functions; i++) {
		l->function[i].warm /= l->function[i].calls;
		l->function[i].memory = memory;
	}
	qsort(t->invocation, t->n, sizeof(*t->invocation), compare);
	for (size_t i = 0; i < t->n && r == 0; i++)
		r = load_add_count(&t->b, t->invocation[i].function, t->invocation[i].minute, 1);
	r = r < 0 ? r : load_finish(&t->b, t->invocation[t->n - 1].minute + 1, ret);
	if (r == 0)
		r = keep_arrivals(t, ret);
	if (r < 0)
		load_release(ret);
	return r < 0 ? log_error_errno(r, "cannot keep the trace") : 0;
}

int traces_read_invocations(const char *path, int64_t memory, struct load *ret)
{
	struct trace t = { 0 };
	int r;

	*ret = (struct load){ 0 };
	r = read_file(&t, path);
	if (r == 0)
		r = make_load(&t, memory, ret);
	load_builder_release(&t.b);
	names_release(&t.names);
	free(t.invocation);
	return r;
}
