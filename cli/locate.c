// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/cli.h"
#include "forecast/job.h"

struct locate_command {
	struct common_options common;
	struct locator_options locator;
	int64_t at; /* the window's last minute + 1; negative: the end of history */
};

enum { KEY_SCORE = 0x100, KEY_PARALLELISM, KEY_RULE, KEY_DAY };

static error_t parse_locate(int key, char *arg, struct argp_state *state)
{
	struct locate_command *c = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &c->common;
		return 0;
	case KEY_SCORE:
		c->locator.score = option_number(arg, state, "--score");
		return 0;
	case KEY_PARALLELISM:
		c->locator.parallelism = option_number(arg, state, "--parallelism");
		return 0;
	case KEY_RULE:
		if (locator_rule_parse(arg, &c->locator.rule) < 0)
			argp_error(state, "--rule takes text or program, not '%s'", arg);
		return 0;
	case KEY_DAY:
		c->at = option_date(arg, state, "--day") + MINUTES_PER_DAY;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "takes no argument: '%s'", arg);
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option locate_list[] = {
	{ "rule", KEY_RULE, "text|program", 0,
	  "The paper's formula on calls per minute (default), or its program: calls per day, whole "
	  "numbers",
	  0 },
	{ "score", KEY_SCORE, "NUMBER", 0, "Hot above this MiB x calls (default 10000)", 0 },
	{ "parallelism", KEY_PARALLELISM, "NUMBER", 0,
	  "and above this many invocations in progress on average (default 1)", 0 },
	{ "day", KEY_DAY, "DATE", 0,
	  "Judge that day (UTC) instead of the last 24 hours of the history", 0 },
	{ 0 },
};

static const struct argp_child locate_children[] = { { &common_argp, 0, NULL, 0 }, { 0 } };
static const struct argp locate_argp = {
	.options = locate_list,
	.parser = parse_locate,
	.doc = "Which functions are hot: their memory times their calls and their parallelism in the "
	       "last day.",
	.children = locate_children,
};

static json_t *located_json(const struct located *l)
{
	return json_pack("{s:s, s:f, s:f, s:I, s:f, s:f, s:b}", "function", l->function.name,
			 "score", l->result.score, "parallelism", l->result.parallelism,
			 "memory_bytes", (json_int_t)l->function.memory_bytes, "warm_ms",
			 (double)l->function.warm_us / 1000, "calls_per_minute",
			 l->result.calls_per_minute, "hot", l->result.hot);
}

static int print_located_json(const struct located *list, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *o = located_json(&list[i]);

		/* A name that is not UTF-8 cannot be said in JSON. */
		if (!o)
			log_warning("'%s' is not UTF-8; left out",
				    printable(list[i].function.name));
		else
			json_array_append_new(array, o);
	}
	return print_json(array);
}

static int print_located(const struct located *list, size_t n)
{
	size_t hot = 0;

	printf("%-40s %4s %14s %12s %10s %10s %12s\n", "function", "hot", "score", "parallelism",
	       "memory", "warm ms", "calls/min");
	for (size_t i = 0; i < n; i++) {
		const struct located *l = &list[i];

		hot += l->result.hot;
		printf("%-40s %4s %14.0f %12.2f %10s %10.1f %12.1f\n", printable(l->function.name),
		       l->result.hot ? "hot" : "", l->result.score, l->result.parallelism,
		       format_size(l->function.memory_bytes), (double)l->function.warm_us / 1000,
		       l->result.calls_per_minute);
	}
	printf("%zu of %zu functions are hot\n", hot, n);
	return fflush(stdout) != 0 ? EXIT_FAILED : EXIT_DONE;
}

int cmd_locate(int argc, char **argv)
{
	struct locate_command c = { .locator = LOCATOR_DEFAULTS, .at = -1 };
	_cleanup_store_ struct store *s = NULL;
	_cleanup_free_ struct located *list = NULL;
	size_t n;

	common_defaults(&c.common);
	argp_parse(&locate_argp, argc, argv, 0, NULL, &c);
	if (open_database(&c.common, STORE_READ, &s) < 0 ||
	    locate_job(s, c.at, MINUTES_PER_DAY, &c.locator, &list, &n) < 0)
		return EXIT_FAILED;
	return c.common.json ? print_located_json(list, n) : print_located(list, n);
}
