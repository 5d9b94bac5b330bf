// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "common/csv.h"
#include "common/log.h"
#include "simulator/traces.h"

/* Columns by meaning; a day's counts follow one another. */
struct combined {
	int name, first, average, maximum, count, memory;
};

static int need_column(const struct csv *c, const char *name, int *ret)
{
	int column = csv_column(c, name);

	if (column < 0) {
		log_error(
			"%s, row 1: there is no column '%s'; a combined Azure day has HashFunction, "
			"1..1440, Average, Maximum, Count and divvied",
			c->path, name);
		return -EINVAL;
	}
	*ret = column;
	return 0;
}

static int find_columns(const struct csv *c, struct combined *k)
{
	char name[16];
	int r = need_column(c, "HashFunction", &k->name);

	r = r < 0 ? r : need_column(c, "1", &k->first);
	r = r < 0 ? r : need_column(c, "Average", &k->average);
	r = r < 0 ? r : need_column(c, "Maximum", &k->maximum);
	r = r < 0 ? r : need_column(c, "Count", &k->count);
	r = r < 0 ? r : need_column(c, "divvied", &k->memory);
	for (int m = 0; m < MINUTES_PER_DAY && r == 0; m++) {
		snprintf(name, sizeof(name), "%d", m + 1);
		if (k->first + m >= c->n_columns || strcmp(c->column[k->first + m], name) != 0) {
			log_error(
				"%s, row 1: columns 1 to 1440 must follow one another; '%s' does not",
				c->path, name);
			r = -EINVAL;
		}
	}
	return r;
}

/* Java's (int) Float.parseFloat(). */
static int read_number(const struct csv *c, int column, double most, int64_t *ret)
{
	double v;
	int r = csv_double(c, column, 0, most, &v);

	if (r == 0)
		*ret = v < (1 << 24) ? (int64_t)(float)v : (int64_t)v;
	return r;
}

static int read_row(const struct csv *c, const struct combined *k, struct load_builder *b)
{
	const char *name = csv_text(c, k->name);
	struct load_function *f;
	int64_t index, memory = 0, count;
	int r;

	if (!name)
		return -EINVAL;
	index = load_add_function(b, name);
	if (index < 0)
		return index;
	f = &b->load.function[index];
	r = read_number(c, k->memory, 1 << 24, &memory);
	r = r < 0 ? r : read_number(c, k->average, 1e9, &f->warm);
	r = r < 0 ? r : read_number(c, k->maximum, 1e9, &f->cold);
	r = r < 0 ? r : read_number(c, k->count, 1e12, &f->calls);
	for (int m = 0; m < MINUTES_PER_DAY && r == 0; m++) {
		r = csv_int64(c, k->first + m, 0, LOAD_MAX_COUNT, &count);
		r = r < 0 ? r : load_add_count(b, index, m, count);
	}
	if (r == 0)
		f->memory = memory * MIB;
	return r;
}

int traces_read_combined(const char *path, struct load *ret)
{
	_cleanup_load_builder_ struct load_builder b = { 0 };
	_cleanup_csv_ struct csv c = { 0 };
	struct combined k;
	int r = csv_open(&c, path);

	if (r < 0)
		return log_error_errno(r, "%s: cannot read the load", path);
	r = find_columns(&c, &k);
	if (r < 0)
		return r;
	while ((r = csv_next(&c)) > 0) {
		r = read_row(&c, &k, &b);
		if (r < 0)
			return r;
		log_progress("reading functions", csv_offset(&c), c.compressed);
	}
	if (r < 0)
		return log_error_errno(r, "%s, row %lld: cannot read", path, (long long)c.row);
	if (b.load.n_functions == 0) {
		log_error("%s: there is no function in it", path);
		return -ENODATA;
	}
	return load_finish(&b, MINUTES_PER_DAY, ret);
}
