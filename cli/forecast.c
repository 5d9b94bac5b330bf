// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "cli/backtest.h"
#include "cli/cli.h"
#include "forecast/batch.h"
#include "forecast/job.h"
#include "store/history.h"

struct forecast_command {
	struct common_options common;
	struct batch_options batch;
	const char *function, *input, *input_dir, *output_dir;
	const char *timezone;
	struct zone zone;
	struct holidays holidays;
	const char *holidays_path;
	int threads;
	int backtest; /* days; 0: none */
};

enum {
	KEY_FUNCTION = 0x100,
	KEY_INPUT,
	KEY_MODEL,
	KEY_HISTORY,
	KEY_HORIZON,
	KEY_QUANTILES,
	KEY_INPUT_DIR,
	KEY_OUTPUT_DIR,
	KEY_THREADS,
	KEY_HOLDOUT,
	KEY_TIMEZONE,
	KEY_HOLIDAYS,
	KEY_NOW,
	KEY_BACKTEST,
};

static void parse_quantiles(const char *arg, struct forecast_options *o, struct argp_state *state)
{
	_cleanup_free_ char *copy = strdup(arg);
	char *rest = copy, *word;

	o->n_quantiles = 0;
	while ((word = strsep(&rest, ","))) {
		double q = 0;

		if (parse_double(word, &q) < 0 || q <= 0 || q >= 1 ||
		    o->n_quantiles == FORECAST_MAX_QUANTILES ||
		    (o->n_quantiles && q <= o->quantile[o->n_quantiles - 1]))
			argp_error(state,
				   "--quantiles takes at most %d rising numbers between 0 and 1 "
				   "(0.5,0.9), not '%s'",
				   FORECAST_MAX_QUANTILES, arg);
		o->quantile[o->n_quantiles++] = q;
	}
}

static error_t parse_forecast(int key, char *arg, struct argp_state *state)
{
	struct forecast_command *c = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &c->common;
		return 0;
	case KEY_FUNCTION:
		c->function = arg;
		return 0;
	case KEY_INPUT:
		c->input = arg;
		return 0;
	case KEY_INPUT_DIR:
		c->input_dir = arg;
		return 0;
	case KEY_OUTPUT_DIR:
		c->output_dir = arg;
		return 0;
	case KEY_THREADS:
		c->threads = (int)option_count(arg, state, "--threads", 1, 64);
		return 0;
	case KEY_MODEL:
		if (forecast_model_parse(arg, &c->batch.forecast.model) < 0)
			argp_error(state,
				   "--model takes auto, prophet, yesterday or lastweek, not '%s'",
				   arg);
		return 0;
	case KEY_HISTORY:
		c->batch.history = option_duration_ns(arg, state, "--history") / (60 * NS_PER_S);
		if (c->batch.history < 1)
			argp_error(state, "--history takes at least a minute (12d)");
		return 0;
	case KEY_HORIZON:
		c->batch.horizon = option_count(arg, state, "--horizon", 1, 60 * MINUTES_PER_DAY);
		return 0;
	case KEY_HOLDOUT:
		c->batch.holdout = MINUTES_PER_DAY * option_count(arg, state, "--holdout", 0, 3650);
		return 0;
	case KEY_BACKTEST:
		c->backtest = (int)option_count(arg, state, "--backtest", 1, 365);
		return 0;
	case KEY_TIMEZONE:
		c->timezone = arg;
		return 0;
	case KEY_HOLIDAYS:
		c->holidays_path = arg;
		return 0;
	case KEY_NOW:
		c->batch.now = option_count(arg, state, "--now", 0, INT32_MAX);
		return 0;
	case KEY_QUANTILES:
		parse_quantiles(arg, &c->batch.forecast, state);
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "takes no argument: '%s'", arg);
		return 0;
	case ARGP_KEY_END:
		if (!!c->function + !!c->input + !!c->input_dir != 1 &&
		    (!c->backtest || c->function || c->input || c->input_dir))
			argp_error(state, "takes one of --function, --input and --input-dir");
		if (!c->input_dir != !c->output_dir && !c->backtest)
			argp_error(state, "--input-dir and --output-dir go together");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option forecast_list[] = {
	{ NULL, 0, NULL, 0, "What is forecast (one of):", 1 },
	{ "function", KEY_FUNCTION, "NAME", 0, "This function, from the database", 1 },
	{ "input", KEY_INPUT, "FILE", 0, "A CSV or .csv.gz file `minute,value`", 1 },
	{ "input-dir", KEY_INPUT_DIR, "DIR", 0, "Every .csv and .csv.gz file of DIR", 1 },
	{ "output-dir", KEY_OUTPUT_DIR, "DIR", 0, "Where the forecasts of --input-dir go", 1 },
	{ NULL, 0, NULL, 0, "How:", 2 },
	{ "model", KEY_MODEL, "NAME", 0, "auto (default), prophet, yesterday, lastweek", 2 },
	{ "history", KEY_HISTORY, "TIME", 0, "Learn from the last TIME only (default 12d)", 2 },
	{ "horizon", KEY_HORIZON, "MINUTES", 0,
	  "How far ahead (default 1440; with --now to the end of the day)", 2 },
	{ "now", KEY_NOW, "MINUTE", 0,
	  "Within the day: forecast from MINUTE on (of the input's last day, or if 1440 or more of its "
	  "minute column), with what the minutes before it tell; later rows are not looked at",
	  2 },
	{ "timezone", KEY_TIMEZONE, "TZ", 0,
	  "Days follow this zone's clock, minutes being UTC (Europe/Berlin; default UTC)", 2 },
	{ "holidays", KEY_HOLIDAYS, "FILE", 0,
	  "CSV `date,holiday` (2026-12-25,Christmas): such a day learns from those of its name, and ordinary days hardly from it; for auto and prophet",
	  2 },
	{ "quantiles", KEY_QUANTILES, "LIST", 0, "Default 0.5,0.9,0.95,0.99", 2 },
	{ "holdout", KEY_HOLDOUT, "DAYS", 0,
	  "Do not look at the last DAYS days of the input (to judge the forecast by them)", 2 },
	{ "backtest", KEY_BACKTEST, "DAYS", 0,
	  "Instead of forecasting, report what the forecasts of the last DAYS days would have been "
	  "worth, beside yesterday's and last week's values; of every function, or of those named above",
	  2 },
	{ "threads", KEY_THREADS, "N", 0, "For --input-dir (default 1); the output is the same",
	  2 },
	{ 0 },
};

static const struct argp_child forecast_children[] = { { &common_argp, 0, NULL, 0 }, { 0 } };
static const struct argp forecast_argp = {
	.options = forecast_list,
	.parser = parse_forecast,
	.doc = "Invocations of the next minutes, as quantiles: CSV `minute,mean,q0.5,...`, a row a "
	       "step of the input, from the minute after its last one on.\v"
	       "Input: the step is the smallest distance between rows and must divide a day. Absent "
	       "rows, empty values and `nan` are missing, not zero. Rows out of order or twice, "
	       "negative values, text, and a file without a single value are errors. A constant, all "
	       "zero, one value, one day: forecast from what there is.",
	.children = forecast_children,
};

static json_t *forecast_json(const struct forecast_options *o, const struct forecast *f)
{
	json_t *array = json_array();
	char key[32];

	for (size_t i = 0; i < f->n; i++) {
		json_t *row = json_pack("{s:I, s:f}", "minute",
					(json_int_t)(f->start + (int64_t)i * f->step), "mean",
					f->mean[i]);

		for (size_t k = 0; k < f->n_quantiles; k++) {
			snprintf(key, sizeof(key), "q%g", o->quantile[k]);
			json_object_set_new(row, key, json_real(f->q[i * f->n_quantiles + k]));
		}
		json_array_append_new(array, row);
	}
	return array;
}

/* From the epoch to 2100: the zone's files know no more, and undated minutes lie at the epoch. */
static int load_context(struct forecast_command *c)
{
	int r;

	if (c->timezone) {
		r = zone_load(c->timezone, 0, 47481LL * MINUTES_PER_DAY, &c->zone);
		if (r < 0)
			return log_error_errno(r, "--timezone: there is no zone '%s'", c->timezone);
		c->batch.zone = &c->zone;
	}
	if (c->holidays_path) {
		r = holidays_read(c->holidays_path, &c->holidays);
		if (r < 0)
			return r;
		c->batch.forecast.holidays = &c->holidays;
	}
	return 0;
}

static int forecast_from_database(const struct forecast_command *c, struct forecast *ret)
{
	_cleanup_store_ struct store *s = NULL;
	_cleanup_series_ struct series history = { 0 };
	bool within = c->batch.now != BATCH_NO_NOW;
	int64_t id, end = 0, steps;
	int r = open_database(&c->common, STORE_READ, &s);

	if (r < 0)
		return r;
	r = store_find_function(s, c->function, &id);
	if (r == -ENOENT) {
		log_error("there is no function '%s'; `faasmat locate` lists them",
			  printable(c->function));
		return r;
	}
	if (r == 0)
		r = history_end(s, &end);
	if (r == -ENODATA) {
		log_error("there is no history yet; `faasmat import` or `collect` makes some");
		return r;
	}
	end -= c->batch.holdout;
	if (r == 0 && within && c->batch.now < MINUTES_PER_DAY)
		end = end - 1 - (end - 1) % MINUTES_PER_DAY + c->batch.now;
	else if (r == 0 && within)
		end = c->batch.now;
	if (r == 0)
		r = series_alloc(&history, end - c->batch.history, 1, (size_t)c->batch.history);
	if (r == 0)
		r = store_read_series(s, id, history.start, history.n, history.value);
	if (r < 0)
		return log_error_errno(r, "%s", c->common.db);
	steps = c->batch.horizon ? c->batch.horizon
				 : MINUTES_PER_DAY - (within ? end % MINUTES_PER_DAY : 0);
	r = zone_forecast(&c->zone, within, &history, &c->batch.forecast, (size_t)steps, ret);
	return r < 0 ? log_error_errno(r, "function '%s'", printable(c->function)) : 0;
}

static int read_function(struct store *s, const struct store_function *f, int64_t minutes,
			 struct series *ret)
{
	int64_t end;
	int r = history_end(s, &end);

	if (r == 0)
		r = series_alloc(ret, end - minutes, 1, (size_t)minutes);
	if (r == 0)
		r = store_read_series(s, f->id, ret->start, ret->n, ret->value);
	return r;
}

static int backtest_database(struct forecast_command *c, struct backtest_report *r)
{
	_cleanup_store_ struct store *s = NULL;
	_cleanup_free_ struct store_function *list = NULL;
	int64_t minutes = c->batch.history + (int64_t)c->backtest * MINUTES_PER_DAY;
	bool found = false;
	size_t n;
	int e = open_database(&c->common, STORE_READ, &s);

	if (e == 0)
		e = store_list_functions(s, 0, &list, &n);
	for (size_t i = 0; e == 0 && i < n; i++) {
		_cleanup_series_ struct series history = { 0 };

		if (c->function && strcmp(c->function, list[i].name) != 0)
			continue;
		found = true;
		r->o.warm_us = list[i].warm_us;
		e = read_function(s, &list[i], minutes, &history);
		if (e == 0)
			e = backtest_add(r, list[i].name, &history);
		if (e == -ENODATA)
			e = 0;
	}
	if (e == 0 && c->function && !found) {
		log_error("there is no function '%s'; `faasmat locate` lists them",
			  printable(c->function));
		return -ENOENT;
	}
	return e < 0 && s ? log_error_errno(e, "%s", c->common.db) : e;
}

static int backtest_file(const char *name, const struct series *s, void *arg)
{
	int r = backtest_add(arg, name, s);

	return r == -ENODATA ? 0 : r;
}

static int run_backtest(struct forecast_command *c)
{
	struct backtest_report report = {
		.o = { .forecast = c->batch.forecast,
		       .zone = c->batch.zone,
		       .history = c->batch.history,
		       .days = c->backtest,
		       .provision = 0.9 },
		.json = c->common.json,
	};
	_cleanup_series_ struct series s = { 0 };
	int r;

	backtest_begin(&report);
	if (c->input_dir) {
		r = forecast_each_file(c->input_dir, backtest_file, &report);
	} else if (c->input) {
		r = series_read(c->input, &s);
		if (r == 0)
			r = backtest_file(c->input, &s, &report);
	} else {
		r = backtest_database(c, &report);
	}
	if (r < 0) {
		json_decref(report.rows);
		return EXIT_FAILED;
	}
	return backtest_end(&report);
}

int cmd_forecast(int argc, char **argv)
{
	struct forecast_command c = {
		.batch = {
			.forecast = { .n_quantiles = 4, .quantile = { 0.5, 0.9, 0.95, 0.99 } },
			.history = 12 * MINUTES_PER_DAY,
			.now = BATCH_NO_NOW,
		},
		.threads = 1,
	};
	_cleanup_forecast_ struct forecast f = { 0 };
	int r;

	common_defaults(&c.common);
	argp_parse(&forecast_argp, argc, argv, 0, NULL, &c);
	if (load_context(&c) < 0)
		return EXIT_FAILED;
	if (c.backtest)
		return run_backtest(&c);
	if (c.input_dir)
		return forecast_directory(c.input_dir, c.output_dir, &c.batch, c.threads) < 0
			       ? EXIT_FAILED
			       : EXIT_DONE;
	r = c.input ? forecast_file(c.input, &c.batch, &f) : forecast_from_database(&c, &f);
	if (r < 0)
		return EXIT_FAILED;
	if (c.common.json)
		return print_json(forecast_json(&c.batch.forecast, &f));
	r = forecast_print_csv(stdout, &c.batch.forecast, &f);
	if (r < 0)
		log_error_errno(r, "standard output");
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}
