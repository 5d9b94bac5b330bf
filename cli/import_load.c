// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/import_load.h"

#include <errno.h>

#include "common/log.h"
#include "common/parse.h"
#include "store/functions.h"
#include "store/history.h"

struct importer {
	struct store *store;
	const struct load *load;
	const char *path;
	int64_t begin;
	size_t first, end; /* minutes of the load that are wanted */
	struct import_result *result;
};

static int database_error(int r)
{
	log_error("database: %s", store_why());
	return r;
}

/* Declares the load's functions; their ids into id[]. */
static int add_functions(const struct importer *im, int64_t *id)
{
	for (size_t i = 0; i < im->load->n_functions; i++) {
		const struct load_function *f = &im->load->function[i];
		struct store_function declared = { .memory_bytes = f->memory,
						   .warm_us = f->warm * 1000,
						   .cold_us = f->cold * 1000 };
		const char *fault = function_name_fault(f->name);
		int r;

		if (fault) {
			log_error("%s: the name of function '%.80s' %s", im->path, f->name, fault);
			return -EINVAL;
		}
		snprintf(declared.name, sizeof(declared.name), "%s", f->name);
		r = store_declare_function(im->store, &declared);
		if (r < 0)
			return database_error(r);
		id[i] = declared.id;
		im->result->functions++;
	}
	return 0;
}

static int add_counts(const struct importer *im, const int64_t *id)
{
	const struct load *l = im->load;

	for (size_t m = im->first; m < im->end; m++) {
		for (size_t i = l->first[m]; i < l->first[m + 1]; i++) {
			const struct load_cell *c = &l->cell[i];
			int r = store_import_minute(im->store, id[c->function], im->begin + m,
						    c->count);

			if (r < 0)
				return database_error(r);
			im->result->rows++;
			im->result->invocations += c->count;
		}
		log_progress("importing", m + 1 - im->first, im->end - im->first);
	}
	return 0;
}

/* Minutes without a count are zero, not missing. */
static int mark(const struct importer *im, const int64_t *id)
{
	int64_t first = im->begin + im->first, last = im->begin + im->end - 1;

	for (size_t i = 0; i < im->load->n_functions; i++) {
		int r = store_mark_observed(im->store, id[i], first, last);

		if (r < 0)
			return database_error(r);
	}
	im->result->first_minute = first;
	im->result->last_minute = last;
	return 0;
}

/* The minutes of the load that --days leaves. */
static void choose(struct importer *im, const struct import_options *o)
{
	int64_t first = o->day_zero + o->first_day * MINUTES_PER_DAY - im->begin;
	int64_t end = o->day_zero + (o->last_day + 1) * MINUTES_PER_DAY - im->begin;
	int64_t n = im->load->n_minutes;

	im->first = CLAMP(first, 0, n);
	im->end = CLAMP(end, (int64_t)im->first, n);
}

int import_load(struct store *s, const struct load *l, const char *path, int64_t begin,
		const struct import_options *o, struct import_result *ret)
{
	_cleanup_free_ int64_t *id = calloc(MAX(l->n_functions, (size_t)1), sizeof(*id));
	struct importer im = { .store = s, .load = l, .path = path, .begin = begin, .result = ret };
	int r;

	*ret = (struct import_result){ .last_minute = -1 };
	if (!id)
		return log_error_errno(-ENOMEM, "%s", path);
	choose(&im, o);
	r = store_begin(s);
	if (r < 0)
		return database_error(r);
	if (im.end > im.first) {
		r = add_functions(&im, id);
		r = r < 0 ? r : add_counts(&im, id);
		r = r < 0 ? r : mark(&im, id);
	}
	if (r == 0) {
		r = store_commit(s);
		if (r < 0)
			database_error(r);
	}
	store_rollback(s);
	return r;
}
