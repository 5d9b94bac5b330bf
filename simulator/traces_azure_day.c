// SPDX-License-Identifier: GPL-2.0-or-later
/* The three files of a day of the Azure Functions 2019 trace, joined. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/csv.h"
#include "common/log.h"
#include "simulator/names.h"
#include "simulator/traces.h"

struct duration {
	double average, maximum, count;
	int64_t app;
	int64_t loaded; /* the load's function, -1 none yet */
};

struct day {
	struct names functions, apps; /* "app function"; "app" */
	struct names used;	      /* names of the load's functions */
	struct duration *duration;    /* by function */
	size_t n_durations, durations_size;
	uint32_t *app_functions; /* by app: how many the durations file has */
	double *app_memory;	 /* by app, MB; 0 unknown */
	size_t apps_size;
	struct load_builder b;
};

/* Indices of the columns named, or one line that says which is missing. */
static int find_columns(const struct csv *c, int n, const char *const *name, int *ret)
{
	for (int i = 0; i < n; i++) {
		ret[i] = csv_column(c, name[i]);
		if (ret[i] < 0) {
			log_error("%s, row 1: there is no column '%s'", c->path, name[i]);
			return -EINVAL;
		}
	}
	return 0;
}

static int64_t add_app(struct day *d, const char *app)
{
	int64_t i = names_add(&d->apps, app);

	if (i >= 0 && (size_t)i >= d->apps_size) {
		size_t size = MAX(2 * d->apps_size, (size_t)1024);
		uint32_t *functions = reallocarray(d->app_functions, size, sizeof(*functions));
		double *memory = reallocarray(d->app_memory, size, sizeof(*memory));

		if (functions)
			d->app_functions = functions;
		if (memory)
			d->app_memory = memory;
		if (!functions || !memory)
			return -ENOMEM;
		memset(functions + d->apps_size, 0, (size - d->apps_size) * sizeof(*functions));
		memset(memory + d->apps_size, 0, (size - d->apps_size) * sizeof(*memory));
		d->apps_size = size;
	}
	return i;
}

static int duration_row(struct day *d, const struct csv *c, const int *k)
{
	const char *app = csv_text(c, k[0]), *function = csv_text(c, k[1]);
	struct duration v;
	char name[256];
	int64_t i;

	if (!app || !function || csv_double(c, k[2], 0, 1e9, &v.average) < 0 ||
	    csv_double(c, k[3], 0, 1e12, &v.count) < 0 ||
	    csv_double(c, k[4], 0, 1e9, &v.maximum) < 0)
		return -EINVAL;
	v.app = add_app(d, app);
	snprintf(name, sizeof(name), "%.100s %.100s", app, function);
	i = v.app < 0 ? v.app : names_add(&d->functions, name);
	if (i < 0)
		return i;
	if ((size_t)i < d->n_durations) {
		log_error("%s, row %lld, column 'HashFunction': '%.80s' of this app is there twice",
			  c->path, (long long)c->row, function);
		return -EEXIST;
	}
	if (d->n_durations == d->durations_size) {
		size_t size = MAX(2 * d->durations_size, (size_t)1024);
		struct duration *p = reallocarray(d->duration, size, sizeof(*p));

		if (!p)
			return -ENOMEM;
		d->duration = p;
		d->durations_size = size;
	}
	v.loaded = -1;
	d->duration[d->n_durations++] = v;
	d->app_functions[v.app]++;
	return 0;
}

static int memory_row(struct day *d, const struct csv *c, const int *k)
{
	const char *app = csv_text(c, k[0]);
	double mb;
	int64_t i;

	if (!app || csv_double(c, k[1], 0, 1e7, &mb) < 0)
		return -EINVAL;
	i = add_app(d, app);
	if (i < 0)
		return i;
	d->app_memory[i] = mb;
	return 0;
}

/* The load's function of a row that can be replayed. A name that functions of several apps have is
 * followed by the app's from the second on. */
static int64_t load_function(struct day *d, struct duration *v, const char *app,
			     const char *function)
{
	struct load_function *f;
	char name[256];

	if (v->loaded >= 0)
		return v->loaded;
	snprintf(name, sizeof(name), "%.100s", function);
	if (names_find(&d->used, name) >= 0)
		snprintf(name, sizeof(name), "%.100s.%.100s", function, app);
	if (names_add(&d->used, name) < 0)
		return -ENOMEM;
	v->loaded = load_add_function(&d->b, name);
	if (v->loaded < 0)
		return v->loaded;
	f = &d->b.load.function[v->loaded];
	f->warm = v->average;
	f->cold = v->maximum;
	f->calls = v->count;
	f->memory = ceil(d->app_memory[v->app] / d->app_functions[v->app]) * MIB;
	return v->loaded;
}

static int counts_row(struct day *d, const struct csv *c, const int *k)
{
	const char *app = csv_text(c, k[0]), *function = csv_text(c, k[1]);
	int64_t count[MINUTES_PER_DAY], sum = 0, i;
	char name[256];

	if (!app || !function)
		return -EINVAL;
	for (int m = 0; m < MINUTES_PER_DAY; m++) {
		if (csv_int64(c, k[2] + m, 0, LOAD_MAX_COUNT, &count[m]) < 0)
			return -EINVAL;
		sum += count[m];
	}
	snprintf(name, sizeof(name), "%.100s %.100s", app, function);
	i = names_find(&d->functions, name);
	/* What lacks a duration or memory cannot be replayed; once a day is never reused. */
	if (i < 0 || sum < 2 || d->app_memory[d->duration[i].app] <= 0)
		return 0;
	i = load_function(d, &d->duration[i], app, function);
	if (i < 0)
		return i;
	for (int m = 0; m < MINUTES_PER_DAY; m++)
		if (load_add_count(&d->b, i, m, count[m]) < 0)
			return -ENOMEM;
	return 0;
}

static int read_file(struct day *d, const char *path, int n, const char *const *columns,
		     int (*row)(struct day *d, const struct csv *c, const int *k))
{
	_cleanup_csv_ struct csv c = { 0 };
	int k[8], r = csv_open(&c, path);

	if (r < 0)
		return log_error_errno(r, "%s: cannot read the trace", path);
	r = find_columns(&c, n, columns, k);
	if (r < 0)
		return r;
	while ((r = csv_next(&c)) > 0) {
		r = row(d, &c, k);
		if (r == -ENOMEM)
			log_error_errno(r, "%s, row %lld", path, (long long)c.row);
		if (r < 0)
			return r;
		log_progress("reading the trace", csv_offset(&c), c.compressed);
	}
	return r < 0 ? log_error_errno(r, "%s, row %lld: cannot read", path, (long long)c.row) : 0;
}

int traces_read_azure_day(const char *invocations, const char *durations, const char *memory,
			  struct load *ret)
{
	static const char *const duration_columns[] = { "HashApp", "HashFunction", "Average",
							"Count", "Maximum" };
	static const char *const memory_columns[] = { "HashApp", "AverageAllocatedMb" };
	static const char *const count_columns[] = { "HashApp", "HashFunction", "1" };
	struct day d = { 0 };
	int r = read_file(&d, durations, ARRAY_SIZE(duration_columns), duration_columns,
			  duration_row);

	r = r < 0 ? r
		  : read_file(&d, memory, ARRAY_SIZE(memory_columns), memory_columns, memory_row);
	r = r < 0 ? r
		  : read_file(&d, invocations, ARRAY_SIZE(count_columns), count_columns,
			      counts_row);
	if (r == 0 && !d.b.load.n_functions) {
		log_error("%s: no function of it has a duration, memory and two invocations",
			  invocations);
		r = -ENODATA;
	}
	r = r < 0 ? r : load_finish(&d.b, MINUTES_PER_DAY, ret);
	names_release(&d.functions);
	names_release(&d.apps);
	names_release(&d.used);
	free(d.duration);
	free(d.app_functions);
	free(d.app_memory);
	load_builder_release(&d.b);
	return r;
}
