// SPDX-License-Identifier: GPL-2.0-or-later
#include "forecast/job.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/log.h"
#include "forecast/plan.h"
#include "forecast/sizing.h"
#include "store/history.h"
#include "store/plan.h"

#define WEEK (7 * MINUTES_PER_DAY)

void plan_options_init(struct plan_options *o)
{
	*o = (struct plan_options){
		.share = 0.7,
		.headroom = 0.1,
		.demand = {
			.policy = POLICY_DYNAMIC,
			.sizing = SIZING_FLOW,
			.target_drop = 0.01,
			.quantile = 0.9,
			.hold_minutes = 10,
			.queue_ttl_us = 10000,
			.service_cv = -1,
		},
		.minutes = MINUTES_PER_DAY,
		.history = 12 * MINUTES_PER_DAY,
		.locator = LOCATOR_DEFAULTS,
	};
}

void plan_report_release(struct plan_report *r)
{
	free(r->line);
	*r = (struct plan_report){ 0 };
}

static int store_failed(int r)
{
	log_error("%s", store_why());
	return r;
}

int history_end(struct store *s, int64_t *ret)
{
	int64_t first, last;
	int r = store_history_range(s, 0, &first, &last);

	if (r == 0)
		*ret = last + 1;
	return r;
}

/* Calls and observed minutes of [end - minutes, end). `value` is room for `minutes` values. */
static int read_window(struct store *s, int64_t function, int64_t end, size_t minutes,
		       double *value, double *calls, double *observed)
{
	int r = store_read_series(s, function, end - (int64_t)minutes, minutes, value);

	*calls = *observed = 0;
	if (r < 0)
		return r;
	for (size_t i = 0; i < minutes; i++)
		if (!isnan(value[i])) {
			*calls += value[i];
			*observed += 1;
		}
	return 0;
}

static int judge_window(struct store *s, const struct store_function *f, int64_t end,
			size_t minutes, const struct locator_options *o, double *value,
			struct locator_result *ret)
{
	struct locator_input in = { .memory_bytes = f->memory_bytes, .warm_us = f->warm_us };
	int r = read_window(s, f->id, end, minutes, value, &in.calls, &in.minutes);

	if (r < 0)
		return store_failed(r);
	*ret = locator_judge(&in, o);
	return 0;
}

static int by_heat(const void *a, const void *b)
{
	const struct located *x = a, *y = b;

	if (x->result.hot != y->result.hot)
		return x->result.hot ? -1 : 1;
	if (x->result.score != y->result.score)
		return x->result.score > y->result.score ? -1 : 1;
	return strcmp(x->function.name, y->function.name);
}

/* Judges every function by the window before `end` and, when `also` is not 0, by the one before
 * `also` too: the hotter of the two counts. */
static int locate(struct store *s, int64_t end, int64_t also, size_t minutes,
		  const struct locator_options *o, struct located **ret, size_t *ret_n)
{
	_cleanup_free_ struct store_function *functions = NULL;
	_cleanup_free_ struct located *list = NULL;
	_cleanup_free_ double *value = NULL;
	size_t n;
	int r = store_list_functions(s, end - (int64_t)minutes, &functions, &n);

	if (r < 0)
		return store_failed(r);
	list = calloc(MAX(n, 1), sizeof(*list));
	value = malloc(minutes * sizeof(*value));
	if (!list || !value)
		return log_error_errno(-ENOMEM, "locating");
	for (size_t i = 0; i < n; i++) {
		struct locator_result other;

		list[i].function = functions[i];
		r = judge_window(s, &functions[i], end, minutes, o, value, &list[i].result);
		if (r == 0 && also) {
			r = judge_window(s, &functions[i], also, minutes, o, value, &other);
			if (r == 0 && other.score > list[i].result.score)
				list[i].result = other;
		}
		if (r < 0)
			return r;
	}
	qsort(list, n, sizeof(*list), by_heat);
	*ret = TAKE_PTR(list);
	*ret_n = n;
	return 0;
}

int locate_job(struct store *s, int64_t end, size_t minutes, const struct locator_options *o,
	       struct located **ret, size_t *n)
{
	int r;

	*ret = NULL;
	*n = 0;
	if (end < 0) {
		r = history_end(s, &end);
		if (r == -ENODATA)
			log_error(
				"there is no history yet; `faasmat import` or `collect` makes some");
		else if (r < 0)
			store_failed(r);
		if (r < 0)
			return r;
	}
	return locate(s, end, 0, minutes, o, ret, n);
}

/* --- the nightly chain */

struct chain {
	struct store *s;
	const struct plan_options *o;
	struct located *located;
	size_t n_located, n_planned;
	struct plan plan;
	struct forecast *forecast; /* n_planned */
};

static void chain_release(struct chain *c)
{
	for (size_t i = 0; c->forecast && i < c->n_planned; i++)
		forecast_release(&c->forecast[i]);
	free(c->forecast);
	free(c->located);
	plan_release(&c->plan);
}

static bool is_wanted(const struct plan_options *o, const struct located *l)
{
	if (!o->function)
		return l->result.hot;
	for (size_t i = 0; i < o->n_functions; i++)
		if (strcmp(o->function[i], l->function.name) == 0)
			return true;
	return false;
}

static int check_names(const struct chain *c)
{
	for (size_t i = 0; i < c->o->n_functions; i++) {
		bool found = false;

		for (size_t k = 0; k < c->n_located && !found; k++)
			found = strcmp(c->located[k].function.name, c->o->function[i]) == 0;
		if (!found) {
			log_error("there is no function '%.80s'; `faasmat locate` lists them",
				  c->o->function[i]);
			return -ENOENT;
		}
	}
	return 0;
}

/* Moves the functions to plan to the front, keeping the order by score. */
static void wanted_first(struct chain *c)
{
	for (size_t i = 0; i < c->n_located; i++) {
		struct located l = c->located[i];

		if (!is_wanted(c->o, &l))
			continue;
		memmove(&c->located[c->n_planned + 1], &c->located[c->n_planned],
			(i - c->n_planned) * sizeof(l));
		c->located[c->n_planned++] = l;
	}
}

static int chain_locate(struct chain *c)
{
	const struct plan_options *o = c->o;
	int64_t first, last, end;
	int r = store_history_range(c->s, 0, &first, &last);

	if (r == -ENODATA || (r == 0 && (first >= o->day || last < o->day - (int64_t)o->history))) {
		log_error("there is no history in the %zu minutes before %s; `faasmat import` or "
			  "`collect` makes some, --day and --history choose",
			  o->history, format_minute(o->day));
		return -ENODATA;
	}
	if (r < 0)
		return store_failed(r);
	/* The paper looks at the last day; a function that sleeps on Sundays is hot on Monday all the
	 * same, so the planned day's own weekday counts as well. */
	end = MIN(last + 1, o->day);
	r = locate(c->s, end, o->day - WEEK + MINUTES_PER_DAY, MINUTES_PER_DAY, &o->locator,
		   &c->located, &c->n_located);
	if (r == 0)
		r = check_names(c);
	if (r == 0)
		wanted_first(c);
	return r;
}

static int check_costs(const struct store_function *f)
{
	if (f->memory_bytes > 0 && f->warm_us > 0)
		return 0;
	log_error("function '%.80s' cannot be planned: its %s is neither declared nor measured",
		  f->name, f->memory_bytes > 0 ? "warm time" : "memory");
	return -EINVAL;
}

static int forecast_function(struct chain *c, const struct store_function *f, struct forecast *ret)
{
	static const struct zone utc = { 0 };
	_cleanup_series_ struct series history = { 0 };
	const struct plan_options *o = c->o;
	int r = series_alloc(&history, o->day - (int64_t)o->history, 1, o->history);

	if (r == 0)
		r = store_read_series(c->s, f->id, history.start, history.n, history.value);
	if (r < 0)
		return log_error_errno(r, "reading the history of '%.80s'", f->name);
	r = zone_forecast(o->zone ? o->zone : &utc, o->within_day, &history, &o->forecast,
			  o->minutes, ret);
	if (r == -ENODATA)
		log_error("function '%.80s' has no history in the %zu minutes before %s", f->name,
			  o->history, format_minute(o->day));
	else if (r < 0)
		log_error_errno(r, "forecasting '%.80s'", f->name);
	return r;
}

/* For plan_cap(): what a pool of n containers would drop in a minute. */
static double pool_drops(void *arg, size_t pool, size_t minute, int64_t n)
{
	const struct chain *c = arg;
	const struct store_function *f = &c->located[pool].function;
	struct demand_times times = { f->warm_us, f->cold_us, f->warm_cv };
	struct erlang_queue q = demand_queue(&c->o->demand, &times);
	struct erlang_rates r;

	demand_rates(&c->forecast[pool], &c->o->forecast, minute, &r);
	return 60 * erlang_drops(&q, &r, n);
}

static int chain_forecast(struct chain *c)
{
	int r = plan_alloc(&c->plan, c->n_planned, c->o->minutes);

	c->forecast = calloc(MAX(c->n_planned, 1), sizeof(*c->forecast));
	if (r < 0 || !c->forecast)
		return log_error_errno(-ENOMEM, "planning");
	for (size_t i = 0; i < c->n_planned; i++) {
		const struct store_function *f = &c->located[i].function;
		struct plan_pool *pool = &c->plan.pool[i];

		r = check_costs(f);
		if (r == 0)
			r = forecast_function(c, f, &c->forecast[i]);
		if (r < 0)
			return r;
		pool->unit_bytes = f->memory_bytes;
		pool->score = c->located[i].result.score;
		r = demand_containers(&c->forecast[i], &c->o->forecast,
				      &(struct demand_times){ f->warm_us, f->cold_us, f->warm_cv },
				      &c->o->demand, pool->containers);
		if (r < 0)
			return log_error_errno(r, "planning");
		log_progress("functions forecast", (int64_t)i + 1, (int64_t)c->n_planned);
	}
	c->plan.cap_bytes = (int64_t)(c->o->share * (double)c->o->memory_bytes);
	c->plan.headroom = c->o->headroom;
	c->plan.drops = pool_drops;
	c->plan.arg = c;
	r = plan_cap(&c->plan);
	return r < 0 ? log_error_errno(r, "planning") : 0;
}

static size_t quantile_index(const struct forecast_options *o, double quantile)
{
	size_t k = 0;

	while (k + 1 < o->n_quantiles && o->quantile[k] < quantile)
		k++;
	return k;
}

static int write_forecasts(struct chain *c)
{
	_cleanup_free_ struct forecast_minute *rows = calloc(c->o->minutes, sizeof(*rows));
	int r = 0;

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < c->n_planned && r == 0; i++) {
		const struct forecast *f = &c->forecast[i];

		for (size_t m = 0; m < f->n; m++) {
			const double *q = &f->q[m * f->n_quantiles];

			rows[m].mean = f->mean[m];
			for (size_t k = 0; k < STORE_QUANTILES; k++)
				rows[m].q[k] =
					q[quantile_index(&c->o->forecast, store_quantiles[k])];
		}
		r = store_write_forecast(c->s, c->located[i].function.id, c->o->day, f->n, rows);
	}
	return r;
}

static int write_plan(struct chain *c)
{
	size_t minutes = c->o->minutes, n = c->n_planned * minutes;
	_cleanup_free_ struct plan_row *rows = calloc(MAX(n, 1), sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct plan_pool *pool = &c->plan.pool[i / minutes];

		rows[i].function = c->located[i / minutes].function.id;
		rows[i].minute = c->o->day + (int64_t)(i % minutes);
		rows[i].containers = pool->containers[i % minutes];
		rows[i].bytes = pool->bytes[i % minutes];
		rows[i].unit_bytes = pool->unit_bytes;
	}
	return store_replace_plan(c->s, c->o->day, c->o->day + (int64_t)minutes - 1, rows, n);
}

static int chain_write(struct chain *c)
{
	int r = store_begin(c->s);

	if (r == 0)
		r = write_forecasts(c);
	if (r == 0)
		r = write_plan(c);
	if (r == 0)
		r = store_commit(c->s);
	if (r < 0) {
		store_failed(r);
		store_rollback(c->s);
	}
	return r;
}

static void report_pool(const struct plan_pool *pool, size_t minutes, struct plan_line *line)
{
	double containers = 0, bytes = 0;

	line->planned = true;
	line->bound = pool->bound;
	line->containers_min = line->bytes_min = INT64_MAX;
	for (size_t m = 0; m < minutes; m++) {
		line->containers_min = MIN(line->containers_min, pool->containers[m]);
		line->containers_max = MAX(line->containers_max, pool->containers[m]);
		line->bytes_min = MIN(line->bytes_min, pool->bytes[m]);
		line->bytes_max = MAX(line->bytes_max, pool->bytes[m]);
		containers += (double)pool->containers[m];
		bytes += (double)pool->bytes[m];
	}
	line->containers_mean = containers / (double)minutes;
	line->bytes_mean = bytes / (double)minutes;
}

static int make_report(const struct chain *c, struct plan_report *ret)
{
	*ret = (struct plan_report){
		.first = c->o->day,
		.cap_bytes = c->plan.cap_bytes,
		.bound = c->plan.bound,
		.n = c->n_located,
		.line = calloc(MAX(c->n_located, 1), sizeof(*ret->line)),
	};
	if (!ret->line)
		return log_error_errno(-ENOMEM, "planning");
	for (size_t i = 0; i < c->n_located; i++) {
		ret->line[i].function = c->located[i].function;
		ret->line[i].located = c->located[i].result;
		if (i < c->n_planned)
			report_pool(&c->plan.pool[i], c->o->minutes, &ret->line[i]);
	}
	return 0;
}

/* The quantiles that a plan asks the model for: what the rate's distribution needs, those that are
 * stored, and flow sizing's own. */
static void chain_quantiles(struct plan_options *o)
{
	static const double levels[] = { 0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99 };
	struct forecast_options *f = &o->forecast;
	double own = o->demand.quantile;
	size_t n = 0;

	for (size_t k = 0; k < ARRAY_SIZE(levels); k++) {
		if (own > (n ? f->quantile[n - 1] : 0) && own < levels[k])
			f->quantile[n++] = own;
		f->quantile[n++] = levels[k];
	}
	if (own > f->quantile[n - 1])
		f->quantile[n++] = own;
	f->n_quantiles = n;
}

int plan_job(struct store *s, const struct plan_options *options, struct plan_report *ret)
{
	struct plan_options o = *options;
	struct chain c = { .s = s, .o = &o };
	int r;

	*ret = (struct plan_report){ 0 };
	chain_quantiles(&o);
	r = chain_locate(&c);
	if (r == 0)
		r = chain_forecast(&c);
	if (r == 0)
		r = make_report(&c, ret);
	if (r == 0 && !o.dry)
		r = chain_write(&c);
	if (r < 0)
		plan_report_release(ret);
	chain_release(&c);
	return r;
}
