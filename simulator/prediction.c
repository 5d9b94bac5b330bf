// SPDX-License-Identifier: GPL-2.0-or-later
#include "simulator/prediction.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/csv.h"
#include "common/log.h"

void prediction_release(struct prediction *p)
{
	for (size_t i = 0; i < p->n_rows; i++) {
		free(p->row[i].mean);
		free(p->row[i].high);
	}
	free(p->row);
	*p = (struct prediction){ 0 };
}

const struct prediction_row *prediction_find(const struct prediction *p, uint32_t function)
{
	for (size_t i = 0; i < p->n_rows; i++)
		if (p->row[i].function == function)
			return &p->row[i];
	return NULL;
}

int prediction_add(struct prediction *p, uint32_t function, struct prediction_row **ret)
{
	struct prediction_row *row = reallocarray(p->row, p->n_rows + 1, sizeof(*row));

	if (!row)
		return -ENOMEM;
	p->row = row;
	row += p->n_rows;
	*row = (struct prediction_row){
		.function = function,
		.mean = calloc(MAX(p->n_minutes, (size_t)1), sizeof(double)),
		.high = calloc(MAX(p->n_minutes, (size_t)1), sizeof(double)),
	};
	p->n_rows++;
	*ret = row;
	return row->mean && row->high ? 0 : -ENOMEM;
}

int prediction_oracle(const struct load *l, const uint32_t *function, size_t n,
		      struct prediction *ret)
{
	_cleanup_free_ uint32_t *count = calloc(MAX(l->n_minutes, (size_t)1), sizeof(*count));
	struct prediction_row *row;

	*ret = (struct prediction){ .n_minutes = l->n_minutes };
	if (!count)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		int r = prediction_add(ret, function[i], &row);

		if (r < 0)
			return r;
		load_counts(l, function[i], count);
		for (size_t m = 0; m < l->n_minutes; m++)
			row->mean[m] = row->high[m] = count[m];
	}
	return 0;
}

int prediction_mean(const struct load *l, const uint32_t *function, size_t n,
		    struct prediction *ret)
{
	struct prediction_row *row;

	*ret = (struct prediction){ .n_minutes = l->n_minutes };
	for (size_t i = 0; i < n; i++) {
		int r = prediction_add(ret, function[i], &row);
		double mean;

		if (r < 0)
			return r;
		mean = floor((double)load_sum(l, function[i], 0, l->n_minutes) / l->n_minutes);
		for (size_t m = 0; m < l->n_minutes; m++)
			row->mean[m] = row->high[m] = mean;
	}
	return 0;
}

static int read_rows(struct csv *c, const struct load *l, struct prediction *p)
{
	struct prediction_row *row;
	int r;

	while ((r = csv_next(c)) > 0) {
		const char *name = csv_text(c, 0);
		int64_t f;

		if (!name)
			return -EINVAL;
		f = load_find(l, name);
		if (f < 0 || prediction_find(p, f)) {
			log_error("%s, row %lld, column '%s': function '%.80s' %s", c->path,
				  (long long)c->row, c->column[0], name,
				  f < 0 ? "is not in the load" : "is there twice");
			return -EINVAL;
		}
		r = prediction_add(p, f, &row);
		if (r < 0)
			return r;
		for (size_t m = 0; m < p->n_minutes; m++) {
			r = csv_double(c, m + 1, 0, LOAD_MAX_COUNT, &row->mean[m]);
			if (r < 0)
				return r;
			row->high[m] = row->mean[m];
		}
	}
	if (r < 0)
		return log_error_errno(r, "%s, row %lld: cannot read", c->path, (long long)c->row);
	return 0;
}

int prediction_read(const char *path, const struct load *l, struct prediction *ret)
{
	_cleanup_csv_ struct csv c = { 0 };
	char last[24];
	int r;

	*ret = (struct prediction){ .n_minutes = l->n_minutes };
	r = csv_open(&c, path);
	if (r < 0)
		return log_error_errno(r, "%s: cannot read the prediction", path);
	snprintf(last, sizeof(last), "%zu", l->n_minutes);
	if (c.n_columns <= (int)l->n_minutes || strcmp(c.column[1], "1") != 0 ||
	    strcmp(c.column[l->n_minutes], last) != 0) {
		log_error("%s, row 1: a prediction has the columns function,1,...,%s; this has %d, "
			  "from '%.20s' to '%.20s'",
			  path, last, c.n_columns, c.column[0], c.column[c.n_columns - 1]);
		return -EINVAL;
	}
	return read_rows(&c, l, ret);
}
