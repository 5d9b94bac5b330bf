// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmtest/rig/trace.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/csv.h"
#include "common/log.h"
#include "common/parse.h"

#define MAX_MS 1e9
#define MAX_MB 1e7

static struct trace_function *add_function(struct trace *t, const char *name)
{
	struct trace_function *f;

	f = realloc(t->function, (t->n + 1) * sizeof(*f));
	if (!f)
		return NULL;
	t->function = f;
	f = &t->function[t->n];
	memset(f, 0, sizeof(*f));
	f->name = strdup(name);
	if (!f->name)
		return NULL;
	t->n++;
	return f;
}

void trace_free(struct trace *t)
{
	for (int i = 0; i < t->n; i++)
		free(t->function[i].name);
	free(t->function);
	*t = (struct trace){ 0 };
}

int trace_find(const struct trace *t, const char *name)
{
	for (int i = 0; i < t->n; i++)
		if (strcmp(t->function[i].name, name) == 0)
			return i;
	return -ENOENT;
}

/* Is `name` in the comma-separated list? */
static bool listed(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list; *p; p += strcspn(p, ","), p += *p == ',')
		if (strcspn(p, ",") == n && memcmp(p, name, n) == 0)
			return true;
	return false;
}

/* Indexes of the columns called name[i]; logs the first that is missing. */
static int find_columns(const struct csv *c, const char *const *name, int n, int *ret)
{
	for (int i = 0; i < n; i++) {
		ret[i] = csv_column(c, name[i]);
		if (ret[i] < 0) {
			log_error("%s, row 1: column '%s' is missing", c->path, name[i]);
			return -EINVAL;
		}
	}
	return 0;
}

static int open_table(struct csv *c, const char *path)
{
	int r = csv_open(c, path);

	if (r < 0)
		return log_error_errno(r, "%s: cannot be read", path);
	return 0;
}

static int check_name(const struct csv *c, const struct trace *t, const char *name)
{
	const char *fault = function_name_fault(name);

	if (fault) {
		log_error("%s, row %lld: the function's name %s", c->path, (long long)c->row,
			  fault);
		return -EINVAL;
	}
	if (trace_find(t, name) >= 0) {
		log_error("%s, row %lld: function '%s' is there twice", c->path, (long long)c->row,
			  name);
		return -EINVAL;
	}
	return 0;
}

static int read_function(struct trace *t, const struct csv *c, const int *column, const char *only)
{
	const char *name = csv_text(c, column[0]);
	struct trace_function *f;
	int r;

	if (!name)
		return -EINVAL;
	r = check_name(c, t, name);
	if (r < 0 || (only && !listed(only, name)))
		return r;
	f = add_function(t, name);
	if (!f)
		return -ENOMEM;
	r = csv_double(c, column[1], 0, MAX_MB, &f->memory_mb);
	if (r == 0)
		r = csv_double(c, column[2], 0, MAX_MS, &f->warm_ms);
	if (r == 0)
		r = csv_double(c, column[3], 0, MAX_MS, &f->cold_ms);
	return r;
}

static int read_functions(struct trace *t, const char *path, const char *only)
{
	static const char *const name[] = { "function", "memory_mb", "warm_ms", "cold_ms" };
	_cleanup_csv_ struct csv c = { 0 };
	int column[ARRAY_SIZE(name)];
	int r;

	r = open_table(&c, path);
	if (r == 0)
		r = find_columns(&c, name, ARRAY_SIZE(name), column);
	while (r == 0 && (r = csv_next(&c)) > 0)
		r = read_function(t, &c, column, only);
	return r;
}

static int read_row(const struct csv *c, const int *column, struct trace_row *row)
{
	row->function = csv_text(c, column[0]);
	if (!row->function || csv_int64(c, column[1], -100000, 100000, &row->day) < 0 ||
	    csv_int64(c, column[2], 0, MINUTES_PER_DAY - 1, &row->minute) < 0 ||
	    csv_int64(c, column[3], 0, INT32_MAX, &row->count) < 0)
		return -EINVAL;
	return 0;
}

int trace_each_row(const char *dir, int (*fn)(const struct trace_row *row, void *arg), void *arg)
{
	static const char *const name[] = { "function", "day", "minute", "count" };
	_cleanup_csv_ struct csv c = { 0 };
	int column[ARRAY_SIZE(name)];
	char path[PATH_MAX];
	struct trace_row row;
	int r;

	snprintf(path, sizeof(path), "%s/history.csv.gz", dir);
	if (access(path, F_OK) < 0)
		snprintf(path, sizeof(path), "%s/history.csv", dir);
	r = open_table(&c, path);
	if (r == 0)
		r = find_columns(&c, name, ARRAY_SIZE(name), column);
	while (r == 0 && (r = csv_next(&c)) > 0) {
		r = read_row(&c, column, &row);
		if (r == 0)
			r = fn(&row, arg);
	}
	return r;
}

struct day_reader {
	struct trace *t;
	int64_t day;
	int last; /* rows of a function come together */
};

static int read_count(const struct trace_row *row, void *arg)
{
	struct day_reader *d = arg;

	if (row->day != d->day)
		return 0;
	if (d->last >= d->t->n || strcmp(d->t->function[d->last].name, row->function) != 0)
		d->last = trace_find(d->t, row->function);
	if (d->last < 0) {
		d->last = d->t->n;
		return 0; /* a function that was not asked for */
	}
	d->t->function[d->last].count[row->minute] = row->count;
	return 0;
}

static int check_list(const struct trace *t, const char *only, const char *path)
{
	char name[FUNCTION_NAME_MAX + 1];

	for (const char *p = only; *p; p += strcspn(p, ","), p += *p == ',') {
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(p, ","), p);
		if (trace_find(t, name) < 0) {
			log_error("%s: no function '%s'", path, name);
			return -ENOENT;
		}
	}
	return 0;
}

int trace_read_mix(struct trace *t, const char *dir, int64_t day, const char *only)
{
	struct day_reader reader = { .t = t, .day = day };
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%s/functions.csv", dir);
	r = read_functions(t, path, only);
	if (r == 0 && only)
		r = check_list(t, only, path);
	if (r == 0)
		r = trace_each_row(dir, read_count, &reader);
	return r;
}

static int read_minutes(const struct csv *c, int first, struct trace_function *f)
{
	int64_t count;

	for (int m = 0; m < MINUTES_PER_DAY; m++) {
		if (csv_int64(c, first + m, 0, INT32_MAX, &count) < 0)
			return -EINVAL;
		f->count[m] = count;
	}
	return 0;
}

static bool keeps_a_container_busy(const struct trace_function *f)
{
	double calls = 0;

	for (int m = 0; m < MINUTES_PER_DAY; m++)
		calls += f->count[m];
	return calls / MINUTES_PER_DAY * f->warm_ms / 60000 > 1;
}

enum { AZURE_NAME, AZURE_FIRST, AZURE_LAST, AZURE_WARM, AZURE_COLD, AZURE_MEMORY, AZURE_COLUMNS };

static int read_azure_row(struct trace *t, const struct csv *c, const int *column)
{
	const char *name = csv_text(c, column[AZURE_NAME]);
	struct trace_function *f;

	if (!name || check_name(c, t, name) < 0)
		return -EINVAL;
	f = add_function(t, name);
	if (!f)
		return -ENOMEM;
	f->background = true;
	if (read_minutes(c, column[AZURE_FIRST], f) < 0 ||
	    csv_double(c, column[AZURE_WARM], 0, MAX_MS, &f->warm_ms) < 0 ||
	    csv_double(c, column[AZURE_COLD], 0, MAX_MS, &f->cold_ms) < 0 ||
	    csv_double(c, column[AZURE_MEMORY], 0, MAX_MB, &f->memory_mb) < 0)
		return -EINVAL;
	if (keeps_a_container_busy(f)) {
		log_info(
			"%s: left out %s, which is no background: it keeps more than one container busy",
			c->path, f->name);
		free(f->name);
		t->n--;
	}
	return 0;
}

int trace_read_background(struct trace *t, const char *path, int n)
{
	static const char *const name[] = { "HashFunction", "1",       "1440",
					    "Average",	    "Maximum", "divvied" };
	_cleanup_csv_ struct csv c = { 0 };
	int column[AZURE_COLUMNS];
	int wanted = t->n + n;
	int r;

	r = open_table(&c, path);
	if (r == 0)
		r = find_columns(&c, name, AZURE_COLUMNS, column);
	if (r == 0 && column[AZURE_LAST] - column[AZURE_FIRST] != MINUTES_PER_DAY - 1) {
		log_error("%s, row 1: columns '1' to '1440' are not side by side", path);
		return -EINVAL;
	}
	while (r == 0 && t->n < wanted && (r = csv_next(&c)) > 0)
		r = read_azure_row(t, &c, column);
	return r;
}
