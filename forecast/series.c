// SPDX-License-Identifier: GPL-2.0-or-later
#include "forecast/series.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "common/csv.h"
#include "common/log.h"

/* A year of minutes ten times over: a larger file is a mistake (a time stamp in seconds, say). */
#define MAX_STEPS (10 * 366 * MINUTES_PER_DAY)
#define MAX_MINUTE (1LL << 40)
#define MAX_VALUE 1e15

int series_alloc(struct series *s, int64_t start, int32_t step, size_t n)
{
	*s = (struct series){ .start = start, .step = step, .n = n };
	if (step < 1 || MINUTES_PER_DAY % step != 0)
		return -EINVAL;
	s->value = malloc(MAX(n, 1) * sizeof(*s->value));
	if (!s->value)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		s->value[i] = NAN;
	return 0;
}

void series_release(struct series *s)
{
	free(s->value);
	*s = (struct series){ 0 };
}

struct series series_view(const struct series *s, size_t end, size_t n)
{
	end = MIN(end, s->n);
	n = MIN(n, end);
	return (struct series){
		.start = s->start + (int64_t)(end - n) * s->step,
		.step = s->step,
		.n = n,
		.value = s->value + (end - n),
	};
}

size_t series_known(const struct series *s)
{
	size_t known = 0;

	for (size_t i = 0; i < s->n; i++)
		known += !isnan(s->value[i]);
	return known;
}

struct rows {
	int64_t *minute;
	double *value;
	size_t n, size;
};

static void rows_release(struct rows *r)
{
	free(r->minute);
	free(r->value);
}

static int rows_add(struct rows *r, int64_t minute, double value)
{
	if (r->n == r->size) {
		size_t size = r->size ? r->size * 2 : 4096;
		int64_t *m = realloc(r->minute, size * sizeof(*m));
		double *v;

		if (!m)
			return -ENOMEM;
		r->minute = m;
		v = realloc(r->value, size * sizeof(*v));
		if (!v)
			return -ENOMEM;
		r->value = v;
		r->size = size;
	}
	r->minute[r->n] = minute;
	r->value[r->n++] = value;
	return 0;
}

static int read_value(const struct csv *c, int column, double *ret)
{
	const char *text = csv_text(c, column);

	if (!text)
		return -EINVAL;
	if (*text == '\0' || strcasecmp(text, "nan") == 0 || strcmp(text, "NA") == 0) {
		*ret = NAN;
		return 0;
	}
	return csv_double(c, column, 0, MAX_VALUE, ret);
}

static int read_rows(struct csv *c, struct rows *rows)
{
	int minute = csv_column(c, "minute"), value = csv_column(c, "value"), r;

	if (value < 0)
		value = csv_column(c, "count");
	if (minute < 0 || value < 0) {
		log_error("%s: has no column '%s'; wanted are minute,value", c->path,
			  minute < 0 ? "minute" : "value");
		return -EINVAL;
	}
	while ((r = csv_next(c)) == 1) {
		int64_t m;
		double v;

		r = csv_int64(c, minute, -MAX_MINUTE, MAX_MINUTE, &m);
		if (r == 0)
			r = read_value(c, value, &v);
		if (r < 0)
			return r;
		if (rows->n && m <= rows->minute[rows->n - 1]) {
			log_error(
				"%s, row %lld: minute %lld comes %s %lld; sort the file by minute",
				c->path, (long long)c->row, (long long)m,
				m == rows->minute[rows->n - 1] ? "again after" : "after",
				(long long)rows->minute[rows->n - 1]);
			return -EINVAL;
		}
		r = rows_add(rows, m, v);
		if (r < 0)
			return log_error_errno(r, "%s", c->path);
	}
	return r < 0 ? log_error_errno(r, "%s, row %lld", c->path, (long long)c->row) : 0;
}

static int find_step(const char *path, const struct rows *rows, int32_t *ret)
{
	int64_t step = rows->n > 1 ? INT64_MAX : 1;

	for (size_t i = 1; i < rows->n; i++)
		step = MIN(step, rows->minute[i] - rows->minute[i - 1]);
	if (step > MINUTES_PER_DAY || MINUTES_PER_DAY % step != 0) {
		log_error("%s: rows are %lld minutes apart, which does not divide a day", path,
			  (long long)step);
		return -EINVAL;
	}
	for (size_t i = 1; i < rows->n; i++)
		if ((rows->minute[i] - rows->minute[0]) % step != 0) {
			log_error("%s: minute %lld is not a whole number of steps of %lld minutes "
				  "after minute %lld",
				  path, (long long)rows->minute[i], (long long)step,
				  (long long)rows->minute[0]);
			return -EINVAL;
		}
	if ((rows->minute[rows->n - 1] - rows->minute[0]) / step >= MAX_STEPS) {
		log_error("%s: minutes %lld to %lld span more than ten years", path,
			  (long long)rows->minute[0], (long long)rows->minute[rows->n - 1]);
		return -EINVAL;
	}
	*ret = (int32_t)step;
	return 0;
}

static int rows_to_series(const char *path, const struct rows *rows, struct series *ret)
{
	int32_t step;
	int r;

	if (rows->n == 0) {
		log_error("%s: has no rows", path);
		return -EINVAL;
	}
	r = find_step(path, rows, &step);
	if (r < 0)
		return r;
	r = series_alloc(ret, rows->minute[0], step,
			 (size_t)((rows->minute[rows->n - 1] - rows->minute[0]) / step + 1));
	if (r < 0)
		return log_error_errno(r, "%s", path);
	for (size_t i = 0; i < rows->n; i++)
		ret->value[(rows->minute[i] - ret->start) / step] = rows->value[i];
	return 0;
}

int series_read(const char *path, struct series *ret)
{
	_cleanup_csv_ struct csv c = { 0 };
	struct rows rows = { 0 };
	int r = csv_open(&c, path);

	*ret = (struct series){ 0 };
	if (r < 0)
		return log_error_errno(r, "%s", path);
	r = read_rows(&c, &rows);
	if (r == 0)
		r = rows_to_series(path, &rows, ret);
	rows_release(&rows);
	return r;
}
