// SPDX-License-Identifier: GPL-2.0-or-later
#include "forecast/holidays.h"

#include <errno.h>
#include <string.h>

#include "common/csv.h"
#include "common/log.h"
#include "common/parse.h"

void holidays_release(struct holidays *h)
{
	free(h->holiday);
	*h = (struct holidays){ 0 };
}

static int find_name(struct holidays *h, const struct csv *c, const char *name)
{
	for (int i = 0; i < h->n_names; i++)
		if (strcmp(h->name[i], name) == 0)
			return i;
	if (*name == '\0' || strlen(name) >= sizeof(h->name[0]) ||
	    h->n_names == HOLIDAYS_MAX_NAMES) {
		log_error(
			"%s, row %lld: a holiday's name has 1 to %zu bytes, and there are at most "
			"%d names",
			c->path, (long long)c->row, sizeof(h->name[0]) - 1, HOLIDAYS_MAX_NAMES);
		return -EINVAL;
	}
	strcpy(h->name[h->n_names], name);
	return h->n_names++;
}

static int add_row(struct holidays *h, const struct csv *c, int date, int name)
{
	const char *d = csv_text(c, date), *n = csv_text(c, name);
	struct holiday *more;
	int64_t minute;
	int index;

	if (!d || !n)
		return -EINVAL;
	if (parse_date_minute(d, &minute) < 0) {
		log_error("%s, row %lld: '%.40s' is not a date such as 2026-12-25", c->path,
			  (long long)c->row, d);
		return -EINVAL;
	}
	index = find_name(h, c, n);
	if (index < 0)
		return index;
	more = realloc(h->holiday, (h->n + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	h->holiday = more;
	/* Days before 1970 round down as well. */
	more[h->n++] = (struct holiday){ (minute - (minute % MINUTES_PER_DAY + MINUTES_PER_DAY) %
							   MINUTES_PER_DAY) /
						 MINUTES_PER_DAY,
					 index };
	return 0;
}

static int by_day(const void *a, const void *b)
{
	const struct holiday *x = a, *y = b;

	return x->day < y->day ? -1 : x->day > y->day;
}

static int read_rows(struct csv *c, struct holidays *h)
{
	int date = csv_column(c, "date"), name = csv_column(c, "holiday"), r;

	if (date < 0 || name < 0) {
		log_error("%s: has no column '%s'; wanted are date,holiday", c->path,
			  date < 0 ? "date" : "holiday");
		return -EINVAL;
	}
	while ((r = csv_next(c)) == 1) {
		r = add_row(h, c, date, name);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return log_error_errno(r, "%s, row %lld", c->path, (long long)c->row);
	if (h->n == 0) {
		log_error("%s: has no rows", c->path);
		return -EINVAL;
	}
	qsort(h->holiday, h->n, sizeof(*h->holiday), by_day);
	return 0;
}

int holidays_read(const char *path, struct holidays *ret)
{
	_cleanup_csv_ struct csv c = { 0 };
	int r = csv_open(&c, path);

	*ret = (struct holidays){ 0 };
	if (r < 0)
		return log_error_errno(r, "%s", path);
	r = read_rows(&c, ret);
	if (r < 0)
		holidays_release(ret);
	return r;
}

void holidays_of_day(const struct holidays *h, int64_t day, double *is)
{
	size_t lo = 0, hi = h->n;

	memset(is, 0, (size_t)h->n_names * sizeof(*is));
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (h->holiday[mid].day < day)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < h->n && h->holiday[lo].day == day; lo++)
		is[h->holiday[lo].name] = 1;
}
