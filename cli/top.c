// SPDX-License-Identifier: GPL-2.0-or-later
/* faasmat top: live table of functions. */
#include "cli/top.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "cli/outcomes.h"
#include "collector/sensor.h"

struct env {
	struct common_options common;
	struct screen_options screen;
	const char *pin_dir;
	bool once;
	int64_t limit;
};

enum {
	KEY_ONCE = 1,
	KEY_SORT,
	KEY_REVERSE,
	KEY_FILTER,
	KEY_HOT,
	KEY_DELAY,
	KEY_PIN,
	KEY_SCORE,
	KEY_PARALLELISM,
	KEY_LINES
};

static const struct argp_option options[] = {
	{ "once", KEY_ONCE, NULL, 0, "Print the table once, as text, and exit", 0 },
	{ "sort", KEY_SORT, "KEY", 0,
	  "rate (default), memory, containers, busy, cold, score, p95, errors (5xx) or name; largest "
	  "first",
	  0 },
	{ "reverse", KEY_REVERSE, NULL, 0, "The other way round", 0 },
	{ "filter", KEY_FILTER, "TEXT", 0, "Only functions whose name holds TEXT, in any case", 0 },
	{ "hot", KEY_HOT, NULL, 0, "Only functions that have a pool or are hot", 0 },
	{ "lines", KEY_LINES, "N", 0, "With --once: at most N functions (default all)", 0 },
	{ "delay", KEY_DELAY, "TIME", 0, "Between two looks (default 1s)", 0 },
	{ "score", KEY_SCORE, "NUMBER", 0, "Hot above this MiB x calls, as for locate (10000)", 0 },
	{ "parallelism", KEY_PARALLELISM, "NUMBER", 0,
	  "and above this many invocations in progress on average (1)", 0 },
	{ "pin", KEY_PIN, "DIR", 0,
	  "Where the collector's counters are, for live rates (default " SENSOR_PIN_DIR ")", 0 },
	{ 0 },
};

static enum board_sort sort_key(const char *text, struct argp_state *state)
{
	for (int i = 0; i < SORT_KEYS; i++)
		if (strcmp(text, board_sort_name[i]) == 0)
			return i;
	argp_error(state,
		   "--sort takes rate, memory, containers, busy, cold, score, p95, errors or name, "
		   "not '%s'",
		   text);
	return SORT_RATE;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct env *env = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &env->common;
		return 0;
	case KEY_ONCE:
		env->once = true;
		return 0;
	case KEY_SORT:
		env->screen.sort = sort_key(arg, state);
		return 0;
	case KEY_REVERSE:
		env->screen.reverse = true;
		return 0;
	case KEY_FILTER:
		env->screen.filter = arg;
		return 0;
	case KEY_HOT:
		env->screen.only_hot = true;
		return 0;
	case KEY_LINES:
		env->limit = option_count(arg, state, "--lines", 1, INT32_MAX);
		return 0;
	case KEY_DELAY:
		env->screen.delay_ms = option_duration_ns(arg, state, "--delay") / NS_PER_MS;
		if (env->screen.delay_ms < 100)
			argp_error(state, "--delay must be at least 100ms");
		return 0;
	case KEY_SCORE:
		env->screen.locator.score = option_number(arg, state, "--score");
		return 0;
	case KEY_PARALLELISM:
		env->screen.locator.parallelism = option_number(arg, state, "--parallelism");
		return 0;
	case KEY_PIN:
		env->pin_dir = arg;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument '%s'; --filter TEXT chooses", arg);
	}
	return ARGP_ERR_UNKNOWN;
}

/* NAN (a minute that nobody watched, a rate not known) is null. */
static json_t *number(double v)
{
	return isnan(v) ? json_null() : json_real(v);
}

static json_t *row_json(const struct env *env, const struct board *b, const struct board_row *r)
{
	json_t *calls = json_array(), *o;

	for (int i = 0; i < BOARD_MINUTES; i++)
		json_array_append_new(calls, number(r->calls[i]));
	o = json_pack("{s:s, s:f, s:o, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:b, s:f, s:f}",
		      "function", r->function.name, "calls_per_minute", board_per_minute(b, r),
		      "rate", number(b->live ? r->rate : NAN), "concurrency",
		      (double)r->minute.busy_us / (60.0 * US_PER_S), "containers",
		      (json_int_t)board_containers(b, r), "cold_starts", (json_int_t)r->cold_starts,
		      "memory_bytes", (json_int_t)board_memory(b, r), "unit_bytes",
		      (json_int_t)r->function.memory_bytes, "limit_hits", (json_int_t)r->limit_hits,
		      "oom_kills", (json_int_t)r->oom_kills, "hot", r->judged.hot, "pool",
		      r->planned, "score", r->judged.score, "parallelism", r->judged.parallelism);
	if (!o) {
		json_decref(calls);
		return NULL;
	}
	json_object_set_new(o, "pool_bytes",
			    r->planned ? json_integer(r->pool_bytes) : json_null());
	json_object_set_new(o, "pool_containers",
			    r->planned ? json_integer(r->pool_containers) : json_null());
	json_object_set_new(o, "why", json_string(board_why(r, &env->screen.locator)));
	json_object_set_new(o, "last_minute", outcomes_json(json_object(), &r->minute));
	json_object_set_new(o, "hour_responses_5xx", json_integer(r->responses_5xx));
	json_object_set_new(o, "hour_p95_us", number(durations_quantile_us(&r->durations, 0.95)));
	json_object_set_new(o, "last_hour", calls);
	return o;
}

static bool is_wanted(const struct env *env, const struct board_row *r, int64_t shown)
{
	return board_shows(r, env->screen.filter, env->screen.only_hot) &&
	       (!env->limit || shown < env->limit);
}

static int print_board_json(const struct env *env, const struct board *b)
{
	json_t *list = json_array();
	int64_t shown = 0;

	for (size_t i = 0; i < b->n; i++) {
		json_t *o;

		if (!is_wanted(env, &b->row[i], shown))
			continue;
		shown++;
		o = row_json(env, b, &b->row[i]);
		/* A name that is not UTF-8 cannot be said in JSON. */
		if (!o)
			log_warning("'%s' is not UTF-8; left out",
				    printable(b->row[i].function.name));
		else
			json_array_append_new(list, o);
	}
	return print_json(json_pack("{s:I, s:b, s:b, s:I, s:o}", "minute", (json_int_t)b->minute,
				    "live", b->live, "planned", b->has_plan, "unknown",
				    (json_int_t)b->unknown, "functions", list));
}

static int print_board(const struct env *env, const struct board *b)
{
	int64_t shown = 0;

	printf("%s\n", board_titles(32));
	for (size_t i = 0; i < b->n; i++) {
		const struct board_row *r = &b->row[i];

		if (!is_wanted(env, r, shown))
			continue;
		shown++;
		printf("%s\n", board_line(b, r, 32, FUNCTION_NAME_MAX));
	}
	return fflush(stdout) != 0 ? EXIT_FAILED : EXIT_DONE;
}

/* Live rates need two looks. */
static int print_once(const struct env *env, struct store *s, struct live *l)
{
	struct timespec delay = { env->screen.delay_ms / 1000,
				  env->screen.delay_ms % 1000 * NS_PER_MS };
	struct board b;
	int r;

	r = board_read(&b, s, &env->screen.locator);
	if (r < 0) {
		log_error("%s: %s", env->common.db, store_why());
		return EXIT_FAILED;
	}
	if (l && live_read(l, s, &b) == 0) {
		nanosleep(&delay, NULL);
		live_read(l, s, &b);
	}
	board_order(&b, env->screen.sort, env->screen.reverse);
	r = env->common.json ? print_board_json(env, &b) : print_board(env, &b);
	board_free(&b);
	return r;
}

static int run(struct env *env)
{
	_cleanup_store_ struct store *s = NULL;
	struct live *l = NULL;
	int r;

	if (open_database(&env->common, STORE_READ, &s) < 0)
		return EXIT_FAILED;
	r = live_open(env->pin_dir, &l);
	if (r < 0)
		log_debug("no live rates: %s: %s", env->pin_dir, strerror(-r));
	if (env->once || env->common.json) {
		r = print_once(env, s, l);
	} else if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO)) {
		log_error("needs a terminal; --once or --json prints the table into a pipe");
		r = EXIT_FAILED;
	} else {
		r = screen_run(&env->screen, s, l);
	}
	live_free(l);
	return r;
}

int cmd_top(int argc, char **argv)
{
	static const struct argp_child children[] = { { &common_argp, 0, NULL, 0 }, { 0 } };
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "What each function does: invocations a minute (live when the collector's "
		       "counters can be read, as root) and what that count is worth (= exact, ~ partial, "
		       "- not counted), invocations in progress on average and at most, the hour's 95th "
		       "percentile of execution time and its 5xx responses, containers, cold starts, "
		       "memory, the unit and the pool that the plan gives it, hits of a limit and OOM "
		       "kills in the last hour, and that hour as a line. The bottom says why "
		       "the selected function is hot, or is not.\v"
		       "Keys: s sort, r reverse, h only hot ones, / filter, arrows select, q quit.",
		.children = children,
	};
	struct env env = {
		.screen = { .locator = LOCATOR_DEFAULTS, .sort = SORT_RATE, .delay_ms = 1000 },
		.pin_dir = SENSOR_PIN_DIR,
	};

	common_defaults(&env.common);
	argp_parse(&argp, argc, argv, 0, NULL, &env);
	env.screen.db = env.common.db;
	return run(&env);
}
