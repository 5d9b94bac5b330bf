// SPDX-License-Identifier: GPL-2.0-or-later
/* The load and the prediction that `faasmat simulate` works with. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "cli/simulate.h"
#include "simulator/hot.h"
#include "simulator/model.h"
#include "simulator/traces.h"
#include "store/functions.h"
#include "store/history.h"

/* Functions of the background that the author's rule finds hot are not rare: they are left out. */
static int add_background(const struct simulate_options *o, struct load *l)
{
	_cleanup_load_ struct load other = { 0 };
	_cleanup_free_ uint32_t *hot = NULL;
	_cleanup_free_ bool *skip = NULL;
	struct locator_options program = LOCATOR_DEFAULTS;
	struct load joined;
	size_t n = 0;
	int r = traces_read_combined(o->background, &other);

	if (r < 0)
		return r;
	program.rule = RULE_PROGRAM;
	r = locate_hot(&other, &program, &hot, &n);
	skip = calloc(MAX(other.n_functions, (size_t)1), sizeof(*skip));
	if (r < 0 || !skip)
		return log_error_errno(-ENOMEM, "cannot read the background");
	for (size_t i = 0; i < n; i++) {
		skip[hot[i]] = true;
		log_info("background: left out hot function %s",
			 printable(other.function[hot[i]].name));
	}
	r = traces_join(l, &other, skip, &joined);
	if (r == 0)
		*l = joined;
	return r;
}

/* --- a node's own history */

struct history_load {
	struct store *store;
	struct load_builder b;
	int64_t day;	     /* its first minute */
	int64_t memory_each; /* of a container whose memory nobody knows */
	size_t unknown;	     /* functions of which that is so */
};

/* Counts of the judged day and those before; minutes that nobody watched have no invocations in the
 * judged day and are unknown in the past. */
static int add_history(struct history_load *h, const struct store_function *f)
{
	_cleanup_free_ double *value = NULL;
	int64_t first = 0, last = 0, begin, i;
	size_t n, past;
	int r = store_history_range(h->store, f->id, &first, &last);

	if (r == -ENODATA || (r == 0 && first >= h->day + MINUTES_PER_DAY))
		return 0;
	if (r < 0)
		return r;
	begin = MAX(MIN(first, h->day), h->day - LOAD_MAX_DAYS * MINUTES_PER_DAY);
	past = h->day - begin;
	n = past + MINUTES_PER_DAY;
	value = malloc(n * sizeof(*value));
	i = value ? load_add_function(&h->b, f->name) : -ENOMEM;
	r = i < 0 ? i : store_read_series(h->store, f->id, begin, n, value);
	if (r < 0)
		return r;
	h->unknown += f->memory_bytes <= 0;
	h->b.load.function[i].memory = f->memory_bytes > 0 ? f->memory_bytes : h->memory_each;
	h->b.load.function[i].warm = (f->warm_us + 999) / 1000;
	h->b.load.function[i].cold = (MAX(f->cold_us, f->warm_us) + 999) / 1000;
	for (size_t m = 0; m < MINUTES_PER_DAY && r == 0; m++) {
		int64_t count = isnan(value[past + m]) ? 0 : llround(value[past + m]);

		h->b.load.function[i].calls += count;
		r = load_add_count(&h->b, i, m, MIN(count, (int64_t)LOAD_MAX_COUNT));
	}
	if (r == 0 && past) {
		h->b.load.function[i].past = TAKE_PTR(value);
		h->b.load.function[i].past_minutes = past;
	}
	return r;
}

static int read_database(const struct simulate_options *o, struct load *ret)
{
	_cleanup_store_ struct store *store = NULL;
	_cleanup_free_ struct store_function *list = NULL;
	struct history_load h = { 0 };
	int64_t first = 0, last = 0;
	size_t n = 0;
	int r = open_database(&o->common, STORE_READ, &store);

	if (r < 0)
		return r;
	r = store_history_range(store, 0, &first, &last);
	if (r < 0)
		return log_error_errno(r, "%s: there is no history; import or collect some first",
				       o->common.db);
	h.store = store;
	h.memory_each = o->memory_each;
	h.day = (last + 1) / MINUTES_PER_DAY * MINUTES_PER_DAY - MINUTES_PER_DAY;
	if (o->day && parse_date_minute(o->day, &h.day) < 0) {
		log_error("--day takes a date such as 2026-11-23 with a database, not '%s'",
			  o->day);
		return -EINVAL;
	}
	if (h.day > last || h.day + MINUTES_PER_DAY <= first) {
		log_error("%s: there is no history of %s; it has %s to %s", o->common.db,
			  format_date(h.day), format_minute(first), format_minute(last));
		return -ENODATA;
	}
	r = store_list_functions(store, 0, &list, &n);
	for (size_t i = 0; i < n && r == 0; i++)
		r = add_history(&h, &list[i]);
	if (r < 0) {
		load_builder_release(&h.b);
		return log_error_errno(r, "%s: cannot read the history", o->common.db);
	}
	if (h.unknown)
		log_warning("%zu functions were never measured nor declared: %s a container "
			    "(--container-memory)",
			    h.unknown, format_size(o->memory_each));
	r = load_finish(&h.b, MINUTES_PER_DAY, ret);
	ret->start_minute = h.day;
	return r;
}

/* The day of a trace that has no dates: 0 is the last one. */
static int numbered_day(const struct simulate_options *o, int64_t *ret)
{
	*ret = 0;
	if (o->day && parse_int64(o->day, ret) < 0) {
		log_error("--day takes a number with a trace (0 is the last day), not '%s'",
			  o->day);
		return -EINVAL;
	}
	return 0;
}

/* All of the trace or, with --day, one of its days; a last day that is not whole is none. */
static int read_invocations(const struct simulate_options *o, struct load *ret)
{
	int64_t days, day;
	int r = numbered_day(o, &day);

	r = r < 0 ? r : traces_read_invocations(o->invocations, o->memory_each, ret);
	if (r < 0 || !o->day)
		return r;
	days = ret->n_minutes / MINUTES_PER_DAY;
	if (day > 0 || day <= -days) {
		log_error("%s: there is no day %lld; the trace has %lld whole days, the last is 0",
			  o->invocations, (long long)day, (long long)days);
		return -ENODATA;
	}
	r = load_judge(ret, (days - 1 + day) * MINUTES_PER_DAY, MINUTES_PER_DAY);
	return r < 0 ? log_error_errno(r, "cannot keep the trace") : 0;
}

static int read_load(const struct simulate_options *o, struct load *ret)
{
	int64_t day;
	int r;

	if (o->functions)
		return traces_read_combined(o->functions, ret);
	if (o->invocations)
		return read_invocations(o, ret);
	if (!o->mix)
		return read_database(o, ret);
	r = numbered_day(o, &day);
	return r < 0 ? r : traces_read_mix(o->mix, day, ret);
}

int simulate_load(const struct simulate_options *o, struct load *ret)
{
	int r = read_load(o, ret);

	if (r == 0 && o->background)
		r = add_background(o, ret);
	return r;
}

static int read_prediction(const char *path, const struct simulate_options *o, const struct load *l,
			   struct prediction *ret)
{
	int r = prediction_read(path, l, ret);

	for (size_t i = 0; i < o->run.n_located && r == 0; i++)
		if (!prediction_find(ret, o->run.located[i])) {
			log_error("%s: column 'function' lacks hot function '%.80s'", path,
				  printable(l->function[o->run.located[i]].name));
			r = -ENOENT;
		}
	return r;
}

int simulate_predict(const struct simulate_options *o, const struct load *l, struct prediction *ret)
{
	bool past = l->n_functions && !o->functions && (!o->invocations || o->day);
	const char *kind = o->prediction ? o->prediction : past ? "model" : "mean";
	const uint32_t *f = o->run.located;
	size_t n = o->run.n_located;
	int r;

	if (strcmp(kind, "oracle") == 0)
		r = prediction_oracle(l, f, n, ret);
	else if (strcmp(kind, "mean") == 0)
		r = prediction_mean(l, f, n, ret);
	else if (strcmp(kind, "model") == 0)
		r = prediction_model(l, f, n, MODEL_AUTO, o->run.quantile, o->threads, ret);
	else if (strcmp(kind, "prophet") == 0)
		r = prediction_model(l, f, n, MODEL_PROPHET, o->run.quantile, o->threads, ret);
	else
		return read_prediction(kind, o, l, ret);
	if (r == -ENODATA) {
		log_error(
			"--prediction %s needs days before the judged one; this load has none for "
			"every hot function (oracle, mean and FILE do without)",
			kind);
		return r;
	}
	return r < 0 ? log_error_errno(r, "cannot make the prediction") : 0;
}
