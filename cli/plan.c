// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "forecast/job.h"

#define MAX_NAMED 1024

struct plan_command {
	struct common_options common;
	struct plan_options plan;
	const char *function[MAX_NAMED];
	const char *timezone;
	struct zone zone;
	const char *holidays_path;
	struct holidays holidays;
	bool now;
};

enum {
	KEY_MEMORY = 0x100,
	KEY_SHARE,
	KEY_POLICY,
	KEY_SIZING,
	KEY_TARGET_DROP,
	KEY_QUANTILE,
	KEY_HEADROOM,
	KEY_HOLD,
	KEY_QUEUE_TTL,
	KEY_SERVICE_CV,
	KEY_HOLIDAYS,
	KEY_DAY,
	KEY_HISTORY,
	KEY_MODEL,
	KEY_RULE,
	KEY_SCORE,
	KEY_PARALLELISM,
	KEY_FUNCTION,
	KEY_DRY_RUN,
	KEY_TIMEZONE,
	KEY_NOW,
};

static int64_t minutes_of(const char *arg, struct argp_state *state, const char *option)
{
	return option_duration_ns(arg, state, option) / (60 * NS_PER_S);
}

static void parse_choice(int key, const char *arg, struct plan_options *p, struct argp_state *state)
{
	if (key == KEY_POLICY && strcmp(arg, "static") == 0)
		p->demand.policy = POLICY_STATIC;
	else if (key == KEY_POLICY && strcmp(arg, "dynamic") == 0)
		p->demand.policy = POLICY_DYNAMIC;
	else if (key == KEY_POLICY)
		argp_error(state, "--policy takes static or dynamic, not '%s'", arg);
	else if (strcmp(arg, "flow") == 0)
		p->demand.sizing = SIZING_FLOW;
	else if (strcmp(arg, "erlang") == 0)
		p->demand.sizing = SIZING_ERLANG;
	else
		argp_error(state, "--sizing takes flow or erlang, not '%s'", arg);
}

static double parse_quantile(const char *arg, struct argp_state *state)
{
	double q = 0;

	if (strcmp(arg, "mean") == 0)
		return 0;
	q = option_share(arg, state, "--quantile");
	if (q <= 0 || q >= 1)
		argp_error(state, "--quantile takes mean or a number between 0 and 1, not '%s'",
			   arg);
	return q;
}

static error_t parse_locating(int key, char *arg, struct plan_command *c, struct argp_state *state)
{
	struct locator_options *l = &c->plan.locator;

	switch (key) {
	case KEY_RULE:
		if (locator_rule_parse(arg, &l->rule) < 0)
			argp_error(state, "--rule takes text or program, not '%s'", arg);
		return 0;
	case KEY_SCORE:
		l->score = option_number(arg, state, "--score");
		return 0;
	case KEY_PARALLELISM:
		l->parallelism = option_number(arg, state, "--parallelism");
		return 0;
	case KEY_FUNCTION:
		if (c->plan.n_functions == MAX_NAMED)
			argp_error(state, "takes at most %d --function", MAX_NAMED);
		c->function[c->plan.n_functions++] = arg;
		c->plan.function = c->function;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static error_t parse_sizing(int key, char *arg, struct plan_options *p, struct argp_state *state)
{
	switch (key) {
	case KEY_MEMORY:
		p->memory_bytes = option_size(arg, state, "--memory");
		return 0;
	case KEY_SHARE:
		p->share = option_share(arg, state, "--share");
		return 0;
	case KEY_POLICY:
	case KEY_SIZING:
		parse_choice(key, arg, p, state);
		return 0;
	case KEY_TARGET_DROP:
		p->demand.target_drop = option_share(arg, state, "--target-drop");
		if (p->demand.target_drop <= 0)
			argp_error(state,
				   "--target-drop must be above 0: no finite pool drops nothing");
		return 0;
	case KEY_QUANTILE:
		p->demand.quantile = parse_quantile(arg, state);
		return 0;
	case KEY_HEADROOM:
		p->headroom = option_share(arg, state, "--headroom");
		return 0;
	case KEY_HOLD:
		p->demand.hold_minutes = minutes_of(arg, state, "--hold");
		if (p->demand.hold_minutes > MINUTES_PER_DAY)
			argp_error(state, "--hold takes at most a day (1d), not '%s'", arg);
		return 0;
	case KEY_SERVICE_CV:
		p->demand.service_cv = option_number(arg, state, "--service-cv");
		return 0;
	case KEY_QUEUE_TTL:
		p->demand.queue_ttl_us = option_duration_ns(arg, state, "--queue-ttl") / NS_PER_US;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static error_t parse_plan(int key, char *arg, struct argp_state *state)
{
	struct plan_command *c = state->input;
	error_t r;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &c->common;
		return 0;
	case KEY_DAY:
		c->plan.day = option_date(arg, state, "--day");
		return 0;
	case KEY_HISTORY:
		c->plan.history = (size_t)minutes_of(arg, state, "--history");
		if (c->plan.history < 1 || c->plan.history > 3660 * MINUTES_PER_DAY)
			argp_error(state, "--history takes a minute to ten years (12d)");
		return 0;
	case KEY_MODEL:
		if (forecast_model_parse(arg, &c->plan.forecast.model) < 0)
			argp_error(state,
				   "--model takes auto, prophet, yesterday or lastweek, not '%s'",
				   arg);
		return 0;
	case KEY_NOW:
		c->now = true;
		return 0;
	case KEY_HOLIDAYS:
		c->holidays_path = arg;
		return 0;
	case KEY_TIMEZONE:
		c->timezone = arg;
		return 0;
	case KEY_DRY_RUN:
		c->plan.dry = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "takes no argument: '%s'", arg);
		return 0;
	}
	r = parse_sizing(key, arg, &c->plan, state);
	return r == ARGP_ERR_UNKNOWN ? parse_locating(key, arg, c, state) : r;
}

static const struct argp_option plan_list[] = {
	{ NULL, 0, NULL, 0, "Which day and what node:", 1 },
	{ "day", KEY_DAY, "DATE", 0, "The day (UTC) to plan (default the next one)", 1 },
	{ "memory", KEY_MEMORY, "SIZE", 0, "Memory for functions (default that of this machine)",
	  1 },
	{ "share", KEY_SHARE, "SHARE", 0, "of it that pools may take (default 0.7)", 1 },
	{ "now", KEY_NOW, NULL, 0,
	  "Plan the 24 hours that begin with the next minute, from what has come so far", 1 },
	{ "dry-run", KEY_DRY_RUN, NULL, 0, "Print the plan but do not store it", 1 },
	{ NULL, 0, NULL, 0, "Which functions:", 2 },
	{ "rule", KEY_RULE, "text|program", 0, "See `faasmat locate`", 2 },
	{ "score", KEY_SCORE, "NUMBER", 0, "See `faasmat locate`", 2 },
	{ "parallelism", KEY_PARALLELISM, "NUMBER", 0, "See `faasmat locate`", 2 },
	{ "function", KEY_FUNCTION, "NAME", 0,
	  "Plan this function, hot or not, and no others; may be given again", 2 },
	{ NULL, 0, NULL, 0, "How many containers:", 3 },
	{ "policy", KEY_POLICY, "static|dynamic", 0,
	  "One size for the day, or one for each minute (default)", 3 },
	{ "sizing", KEY_SIZING, "flow|erlang", 0,
	  "flow (default): invocations x warm time, of the forecast's --quantile; erlang: the fewest "
	  "containers that keep drops under --target-drop, for random arrivals",
	  3 },
	{ "quantile", KEY_QUANTILE, "Q", 0, "flow: of the forecast, or mean (default 0.9)", 3 },
	{ "target-drop", KEY_TARGET_DROP, "SHARE", 0,
	  "erlang: invocations that may be dropped (default 0.01)", 3 },
	{ "queue-ttl", KEY_QUEUE_TTL, "TIME", 0,
	  "How long an invocation may wait for a container (default 10ms)", 3 },
	{ "service-cv", KEY_SERVICE_CV, "NUMBER", 0,
	  "erlang: standard deviation / mean of warm times: 0 when all take as long, 1 (default where "
	  "history does not tell) when they are exponential; matters once invocations may wait",
	  3 },
	{ "headroom", KEY_HEADROOM, "SHARE", 0, "Bytes beyond containers x memory (default 10%)",
	  3 },
	{ "hold", KEY_HOLD, "TIME", 0, "Do not shrink for a dip shorter than this (default 10m)",
	  3 },
	{ NULL, 0, NULL, 0, "From which forecast:", 4 },
	{ "model", KEY_MODEL, "NAME", 0, "See `faasmat forecast`", 4 },
	{ "timezone", KEY_TIMEZONE, "TZ", 0,
	  "The load's days follow this zone's clock (Europe/Berlin; default UTC)", 4 },
	{ "holidays", KEY_HOLIDAYS, "FILE", 0, "See `faasmat forecast`", 4 },
	{ "history", KEY_HISTORY, "TIME", 0, "Learn from the last TIME only (default 12d)", 4 },
	{ 0 },
};

static const struct argp_child plan_children[] = { { &common_argp, 0, NULL, 0 }, { 0 } };
static const struct argp plan_argp = {
	.options = plan_list,
	.parser = parse_plan,
	.doc = "Locates the hot functions, forecasts them, and gives each a pool: containers and bytes "
	       "for every minute of a day. The plan and the forecasts behind it are stored together.",
	.children = plan_children,
};

static json_t *line_json(const struct plan_line *l)
{
	json_t *o = json_pack("{s:s, s:b, s:b, s:f, s:f}", "function", l->function.name, "hot",
			      l->located.hot, "planned", l->planned, "score", l->located.score,
			      "parallelism", l->located.parallelism);

	if (o && l->planned)
		json_object_update_new(
			o, json_pack("{s:I, s:I, s:f, s:I, s:I, s:f, s:I, s:I}", "unit_bytes",
				     (json_int_t)l->function.memory_bytes, "containers_min",
				     (json_int_t)l->containers_min, "containers_mean",
				     l->containers_mean, "containers_max",
				     (json_int_t)l->containers_max, "bytes_min",
				     (json_int_t)l->bytes_min, "bytes_mean", l->bytes_mean,
				     "bytes_max", (json_int_t)l->bytes_max, "bound_minutes",
				     (json_int_t)l->bound));
	return o;
}

static int print_plan_json(const struct plan_command *c, const struct plan_report *r)
{
	json_t *functions = json_array();

	for (size_t i = 0; i < r->n; i++) {
		json_t *o = line_json(&r->line[i]);

		if (!o)
			log_warning("'%s' is not UTF-8; left out",
				    printable(r->line[i].function.name));
		else
			json_array_append_new(functions, o);
	}
	return print_json(json_pack(
		"{s:s, s:I, s:I, s:s, s:s, s:I, s:I, s:I, s:b, s:o}", "day", format_date(r->first),
		"first_minute", (json_int_t)r->first, "minutes", (json_int_t)c->plan.minutes,
		"policy", c->plan.demand.policy == POLICY_STATIC ? "static" : "dynamic", "sizing",
		c->plan.demand.sizing == SIZING_FLOW ? "flow" : "erlang", "memory_bytes",
		(json_int_t)c->plan.memory_bytes, "cap_bytes", (json_int_t)r->cap_bytes,
		"bound_minutes", (json_int_t)r->bound, "stored", !c->plan.dry, "functions",
		functions));
}

static void print_line(const struct plan_line *l, size_t minutes)
{
	char binding[32] = "";

	printf("%-32s %4s %12.0f %9.2f", printable(l->function.name), l->located.hot ? "hot" : "",
	       l->located.score, l->located.parallelism);
	if (l->bound)
		snprintf(binding, sizeof(binding), "%zu of %zu min", l->bound, minutes);
	printf(" %6lld %7.1f %6lld %8s %8s %8s  %s\n", (long long)l->containers_min,
	       l->containers_mean, (long long)l->containers_max, format_size(l->bytes_min),
	       format_size((int64_t)l->bytes_mean), format_size(l->bytes_max), binding);
}

static int print_plan(const struct plan_command *c, const struct plan_report *r)
{
	size_t planned = 0;

	printf("%-32s %4s %12s %9s %21s %26s  %s\n", "", "", "", "", "containers", "pool bytes",
	       "");
	printf("%-32s %4s %12s %9s %6s %7s %6s %8s %8s %8s  %s\n", "function", "hot", "score",
	       "parallel", "min", "mean", "max", "min", "mean", "max", "cap binds");
	for (size_t i = 0; i < r->n; i++) {
		if (!r->line[i].planned)
			continue;
		planned++;
		print_line(&r->line[i], c->plan.minutes);
	}
	printf("%s %s: %zu pools, at most %s of %s%s", c->plan.dry ? "not stored:" : "planned",
	       format_date(r->first), planned, format_size(r->cap_bytes),
	       format_size(c->plan.memory_bytes), r->bound ? "" : "; the cap never binds\n");
	if (r->bound)
		printf("; the cap binds in %zu of %zu minutes\n", r->bound, c->plan.minutes);
	if (planned && planned < r->n)
		printf("%zu other functions stay in the main pool; `faasmat locate` says why\n",
		       r->n - planned);
	if (planned == 0)
		puts("no function is hot: everything stays in the main pool");
	return fflush(stdout) != 0 ? EXIT_FAILED : EXIT_DONE;
}

int cmd_plan(int argc, char **argv)
{
	static struct plan_command c;
	_cleanup_store_ struct store *s = NULL;
	_cleanup_plan_report_ struct plan_report report = { 0 };
	const struct clock clock = CLOCK_REAL;
	int64_t now = clock_minute(&clock);

	common_defaults(&c.common);
	plan_options_init(&c.plan);
	c.plan.day = now - now % MINUTES_PER_DAY + MINUTES_PER_DAY;
	c.plan.memory_bytes = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
	argp_parse(&plan_argp, argc, argv, 0, NULL, &c);
	if (c.now) {
		c.plan.day = now + 1;
		c.plan.within_day = true;
	}
	if (c.timezone && zone_load(c.timezone, c.plan.day - 4000LL * MINUTES_PER_DAY,
				    c.plan.day + 10 * MINUTES_PER_DAY, &c.zone) < 0) {
		log_error("--timezone: there is no zone '%s'", printable(c.timezone));
		return EXIT_FAILED;
	}
	c.plan.zone = &c.zone;
	if (c.holidays_path) {
		if (holidays_read(c.holidays_path, &c.holidays) < 0)
			return EXIT_FAILED;
		c.plan.forecast.holidays = &c.holidays;
	}
	if (open_database(&c.common, c.plan.dry ? STORE_READ : STORE_WRITE, &s) < 0 ||
	    plan_job(s, &c.plan, &report) < 0)
		return EXIT_FAILED;
	return c.common.json ? print_plan_json(&c, &report) : print_plan(&c, &report);
}
