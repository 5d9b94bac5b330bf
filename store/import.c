// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/import.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/csv.h"
#include "common/log.h"
#include "store/functions.h"
#include "store/history.h"

/* A minute of a billion invocations is a broken file. */
#define MAX_COUNT 1000000000LL
#define MAX_MIB (16.0 * 1024 * 1024)
#define MAX_MS (24 * 3600 * 1000.0)

/* One function of the file at hand. */
struct seen {
	char name[FUNCTION_NAME_MAX + 1];
	int64_t id;
	bool declared;
	bool has_counts;
	int64_t first_day, last_day;
};

struct importer {
	struct store *store;
	const struct import_options *options;
	struct import_result *result;
	struct seen *seen;
	size_t n, size;
	size_t last; /* rows of one function mostly stand together */
};

static struct seen *find_seen(struct importer *im, const char *name)
{
	if (im->last < im->n && strcmp(im->seen[im->last].name, name) == 0)
		return &im->seen[im->last];
	for (size_t i = 0; i < im->n; i++) {
		if (strcmp(im->seen[i].name, name) == 0) {
			im->last = i;
			return &im->seen[i];
		}
	}
	return NULL;
}

static int add_seen(struct importer *im, const char *name, struct seen **ret)
{
	if (im->n == im->size) {
		size_t size = im->size ? im->size * 2 : 64;
		struct seen *more = realloc(im->seen, size * sizeof(*more));

		if (!more)
			return -ENOMEM;
		im->seen = more;
		im->size = size;
	}
	*ret = &im->seen[im->n];
	**ret = (struct seen){ .first_day = INT64_MAX, .last_day = INT64_MIN };
	snprintf((*ret)->name, sizeof((*ret)->name), "%s", name);
	im->last = im->n++;
	return 0;
}

static int open_trace(struct csv *c, const char *path)
{
	int r = csv_open(c, path);

	if (r == -ENODATA)
		log_error("%s is empty; a CSV file with a header is wanted", path);
	else if (r < 0)
		log_error_errno(r, "%s", path);
	return r;
}

/* The column's index; a missing one is logged. */
static int wanted_column(const struct csv *c, const char *name, int *ret)
{
	*ret = csv_column(c, name);
	if (*ret >= 0)
		return 0;
	log_error("%s has no column '%s' in its header (row 1)", c->path, name);
	return -EINVAL;
}

/* A function's name of the current row. */
static int name_of(const struct csv *c, int column, const char **ret)
{
	const char *name = csv_text(c, column), *fault;

	if (!name)
		return -EINVAL;
	fault = function_name_fault(name);
	if (fault) {
		log_error("%s, row %lld, column '%s': the function's name %s", c->path,
			  (long long)c->row, c->column[column], fault);
		return -EINVAL;
	}
	*ret = name;
	return 0;
}

static int database_error(int r)
{
	log_error("database: %s", store_why());
	return r;
}

static int declare(struct importer *im, const char *name, double mib, double warm_ms,
		   double cold_ms, int64_t *ret_id)
{
	struct store_function f = {
		.memory_bytes = llround(mib * MIB),
		.warm_us = llround(warm_ms * 1000),
		.cold_us = llround(cold_ms * 1000),
	};
	int r;

	snprintf(f.name, sizeof(f.name), "%s", name);
	r = store_declare_function(im->store, &f);
	if (r < 0)
		return database_error(r);
	*ret_id = f.id;
	im->result->functions++;
	return 0;
}

static int read_functions(struct importer *im, const char *path)
{
	_cleanup_csv_ struct csv c = { 0 };
	int name_at, memory_at, warm_at, cold_at, r = open_trace(&c, path);

	if (r < 0)
		return r;
	if (wanted_column(&c, "function", &name_at) < 0 ||
	    wanted_column(&c, "memory_mb", &memory_at) < 0 ||
	    wanted_column(&c, "warm_ms", &warm_at) < 0 ||
	    wanted_column(&c, "cold_ms", &cold_at) < 0)
		return -EINVAL;
	while ((r = csv_next(&c)) == 1) {
		double mib, warm, cold;
		const char *name;
		struct seen *f;

		if (name_of(&c, name_at, &name) < 0 ||
		    csv_double(&c, memory_at, 0, MAX_MIB, &mib) < 0 ||
		    csv_double(&c, warm_at, 0, MAX_MS, &warm) < 0 ||
		    csv_double(&c, cold_at, 0, MAX_MS, &cold) < 0)
			return -EINVAL;
		if (find_seen(im, name)) {
			log_error("%s, row %lld: function '%s' stands there twice", path,
				  (long long)c.row, name);
			return -EINVAL;
		}
		r = add_seen(im, name, &f);
		if (r == 0)
			r = declare(im, name, mib, warm, cold, &f->id);
		if (r < 0)
			return r;
		f->declared = true;
	}
	return r < 0 ? log_error_errno(r, "%s", path) : 0;
}

/* The function of a row of counts; new ones are allowed only without a --functions file. */
static int function_of(struct importer *im, const struct csv *c, const char *name,
		       bool must_be_declared, struct seen **ret)
{
	int r;

	*ret = find_seen(im, name);
	if (*ret)
		return 0;
	if (must_be_declared) {
		log_error("%s, row %lld: function '%s' is not in the --functions file", c->path,
			  (long long)c->row, name);
		return -EINVAL;
	}
	r = add_seen(im, name, ret);
	if (r < 0)
		return r;
	r = store_function_id(im->store, name, &(*ret)->id);
	if (r < 0)
		return database_error(r);
	im->result->functions++;
	return 0;
}

static int import_count(struct importer *im, struct seen *f, int64_t day, int64_t minute,
			int64_t count)
{
	int64_t at = im->options->day_zero + day * MINUTES_PER_DAY + minute;
	int r;

	f->has_counts = true;
	f->first_day = MIN(f->first_day, day);
	f->last_day = MAX(f->last_day, day);
	if (count == 0)
		return 0;
	r = store_import_minute(im->store, f->id, at, count);
	if (r < 0)
		return database_error(r);
	im->result->rows++;
	im->result->invocations += count;
	return 0;
}

/* Whole days were recorded: what they leave out is zero, not missing. */
static int mark_days(struct importer *im)
{
	for (size_t i = 0; i < im->n; i++) {
		const struct seen *f = &im->seen[i];
		int64_t first, last;
		int r;

		if (!f->has_counts)
			continue;
		first = im->options->day_zero + f->first_day * MINUTES_PER_DAY;
		last = im->options->day_zero + (f->last_day + 1) * MINUTES_PER_DAY - 1;
		r = store_mark_observed(im->store, f->id, first, last);
		if (r < 0)
			return database_error(r);
		if (im->result->last_minute < im->result->first_minute) {
			im->result->first_minute = first;
			im->result->last_minute = last;
		}
		im->result->first_minute = MIN(im->result->first_minute, first);
		im->result->last_minute = MAX(im->result->last_minute, last);
	}
	return 0;
}

static int read_counts(struct importer *im, const char *path, bool must_be_declared)
{
	_cleanup_csv_ struct csv c = { 0 };
	int name_at, day_at, minute_at, count_at, r = open_trace(&c, path);

	if (r < 0)
		return r;
	if (wanted_column(&c, "function", &name_at) < 0 || wanted_column(&c, "day", &day_at) < 0 ||
	    wanted_column(&c, "minute", &minute_at) < 0 ||
	    wanted_column(&c, "count", &count_at) < 0)
		return -EINVAL;
	while ((r = csv_next(&c)) == 1) {
		int64_t day, minute, count;
		const char *name;
		struct seen *f;

		if (name_of(&c, name_at, &name) < 0 ||
		    csv_int64(&c, day_at, -36500, 36500, &day) < 0 ||
		    csv_int64(&c, minute_at, 0, MINUTES_PER_DAY - 1, &minute) < 0 ||
		    csv_int64(&c, count_at, 0, MAX_COUNT, &count) < 0)
			return -EINVAL;
		if (c.row % 4096 == 0)
			log_progress(path, csv_offset(&c), MAX(c.compressed, 1));
		if (day < im->options->first_day || day > im->options->last_day)
			continue;
		r = function_of(im, &c, name, must_be_declared, &f);
		if (r == 0)
			r = import_count(im, f, day, minute, count);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return log_error_errno(r, "%s", path);
	log_progress(path, c.compressed, MAX(c.compressed, 1));
	return 0;
}

static int in_transaction(struct importer *im, int (*read)(struct importer *im, void *arg),
			  void *arg)
{
	int r = store_begin(im->store);

	if (r < 0)
		return database_error(r);
	*im->result = (struct import_result){ .last_minute = -1 };
	r = read(im, arg);
	if (r == 0)
		r = mark_days(im);
	if (r == 0) {
		r = store_commit(im->store);
		if (r < 0)
			database_error(r);
	}
	store_rollback(im->store);
	free(im->seen);
	return r;
}

struct history_files {
	const char *counts, *functions;
};

static int read_history(struct importer *im, void *arg)
{
	const struct history_files *files = arg;
	int r = files->functions ? read_functions(im, files->functions) : 0;

	return r < 0 ? r : read_counts(im, files->counts, files->functions != NULL);
}

int import_history(struct store *s, const char *counts, const char *functions,
		   const struct import_options *o, struct import_result *ret)
{
	struct history_files files = { counts, functions };
	struct importer im = { .store = s, .options = o, .result = ret };

	return in_transaction(&im, read_history, &files);
}

struct azure_columns {
	int name, warm, cold, memory, minute[MINUTES_PER_DAY];
};

static int find_azure_columns(const struct csv *c, struct azure_columns *at)
{
	char label[16];

	if (wanted_column(c, "HashFunction", &at->name) < 0 ||
	    wanted_column(c, "Average", &at->warm) < 0 ||
	    wanted_column(c, "Maximum", &at->cold) < 0 ||
	    wanted_column(c, "divvied", &at->memory) < 0)
		return -EINVAL;
	for (int m = 0; m < MINUTES_PER_DAY; m++) {
		snprintf(label, sizeof(label), "%d", m + 1);
		if (wanted_column(c, label, &at->minute[m]) < 0)
			return -EINVAL;
	}
	return 0;
}

static int read_azure_row(struct importer *im, const struct csv *c, const struct azure_columns *at,
			  int64_t day)
{
	double mib, warm, cold;
	const char *name;
	struct seen *f;
	int r;

	if (name_of(c, at->name, &name) < 0 || csv_double(c, at->memory, 0, MAX_MIB, &mib) < 0 ||
	    csv_double(c, at->warm, 0, MAX_MS, &warm) < 0 ||
	    csv_double(c, at->cold, 0, MAX_MS, &cold) < 0)
		return -EINVAL;
	if (find_seen(im, name)) {
		log_error("%s, row %lld: function '%s' stands there twice", c->path,
			  (long long)c->row, name);
		return -EINVAL;
	}
	r = add_seen(im, name, &f);
	if (r == 0)
		r = declare(im, name, mib, warm, cold, &f->id);
	for (int m = 0; m < MINUTES_PER_DAY && r == 0; m++) {
		int64_t count;

		r = csv_int64(c, at->minute[m], 0, MAX_COUNT, &count);
		if (r == 0)
			r = import_count(im, f, day, m, count);
	}
	return r;
}

struct azure_file {
	const char *path;
	int64_t day;
};

static int read_azure(struct importer *im, void *arg)
{
	const struct azure_file *file = arg;
	_cleanup_csv_ struct csv c = { 0 };
	struct azure_columns at;
	int r = open_trace(&c, file->path);

	if (r == 0)
		r = find_azure_columns(&c, &at);
	while (r == 0 && (r = csv_next(&c)) == 1) {
		r = read_azure_row(im, &c, &at, file->day);
		log_progress(file->path, csv_offset(&c), MAX(c.compressed, 1));
	}
	return r == -EIO ? log_error_errno(r, "%s", file->path) : r;
}

int import_azure_combined(struct store *s, const char *path, int64_t day,
			  const struct import_options *o, struct import_result *ret)
{
	struct azure_file file = { path, day };
	struct importer im = { .store = s, .options = o, .result = ret };

	return in_transaction(&im, read_azure, &file);
}
