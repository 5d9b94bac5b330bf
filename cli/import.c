// SPDX-License-Identifier: GPL-2.0-or-later
/* faasmat import FORMAT FILE...: trace files into history. */
#include <errno.h>
#include <string.h>

#include "cli/cli.h"
#include "store/import.h"

struct env {
	struct common_options common;
	struct import_options import;
	const char *functions;
	const char *format;
	char **files;
	int n_files;
};

enum { KEY_FUNCTIONS = 1, KEY_DAY_ZERO, KEY_DAYS };

static const struct argp_option options[] = {
	{ "day-zero", KEY_DAY_ZERO, "DATE", 0,
	  "The date of the file's day 0 (default today, UTC); days before it are negative", 0 },
	{ "days", KEY_DAYS, "A..B", 0, "Take only days A to B of the file, e.g. -13..-1", 0 },
	{ "functions", KEY_FUNCTIONS, "FILE", 0,
	  "For `history`: CSV with at least function,memory_mb,warm_ms,cold_ms", 0 },
	{ 0 },
};

static void parse_days(struct env *env, char *arg, struct argp_state *state)
{
	char *dots = strstr(arg, "..");

	if (!dots)
		argp_error(state, "--days takes A..B such as -13..-1, not '%s'", arg);
	*dots = '\0';
	env->import.first_day = option_count(arg, state, "--days", -36500, 36500);
	env->import.last_day = option_count(dots + 2, state, "--days", env->import.first_day,
					    36500);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct env *env = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &env->common;
		return 0;
	case KEY_FUNCTIONS:
		env->functions = arg;
		return 0;
	case KEY_DAY_ZERO:
		env->import.day_zero = option_date(arg, state, "--day-zero");
		return 0;
	case KEY_DAYS:
		parse_days(env, arg, state);
		return 0;
	case ARGP_KEY_ARG:
		if (env->format)
			return ARGP_ERR_UNKNOWN; /* the rest: ARGP_KEY_ARGS */
		env->format = arg;
		return 0;
	case ARGP_KEY_ARGS:
		env->files = state->argv + state->next;
		env->n_files = state->argc - state->next;
		return 0;
	case ARGP_KEY_END:
		if (!env->format || !env->n_files)
			argp_error(state, "FORMAT and FILE are wanted, e.g. `history counts.csv.gz "
					  "--functions functions.csv`");
		if (strcmp(env->format, "history") && strcmp(env->format, "azure-combined"))
			argp_error(state,
				   "format '%s' is unknown; there are azure-combined, history",
				   env->format);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static int import_file(struct env *env, struct store *s, int i, struct import_result *result)
{
	if (strcmp(env->format, "history") == 0)
		return import_history(s, env->files[i], env->functions, &env->import, result);
	/* The last file is day 0, those before it the days before. */
	return import_azure_combined(s, env->files[i], i - (env->n_files - 1), &env->import,
				     result);
}

static int report(const struct env *env, const char *file, const struct import_result *r)
{
	if (env->common.json)
		return print_json(json_pack(
			"{s:s, s:I, s:I, s:I, s:I, s:I}", "file", file, "functions",
			(json_int_t)r->functions, "rows", (json_int_t)r->rows, "invocations",
			(json_int_t)r->invocations, "first_minute", (json_int_t)r->first_minute,
			"last_minute", (json_int_t)r->last_minute));
	printf("%s: %lld functions, %lld minutes with invocations, %lld invocations", file,
	       (long long)r->functions, (long long)r->rows, (long long)r->invocations);
	if (r->last_minute >= r->first_minute) {
		printf(", %s", format_date(r->first_minute));
		printf(" to %s", format_date(r->last_minute));
	}
	putchar('\n');
	return EXIT_DONE;
}

static int run(struct env *env)
{
	_cleanup_store_ struct store *s = NULL;

	if (open_database(&env->common, STORE_CREATE, &s) < 0)
		return EXIT_FAILED;
	for (int i = 0; i < env->n_files; i++) {
		struct import_result result;

		if (import_file(env, s, i, &result) < 0)
			return EXIT_FAILED;
		if (report(env, env->files[i], &result) != EXIT_DONE)
			return EXIT_FAILED;
	}
	return EXIT_DONE;
}

int cmd_import(int argc, char **argv)
{
	static const struct argp_child children[] = { { &common_argp, 0, NULL, 0 }, { 0 } };
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "FORMAT FILE...",
		.doc = "Loads history from trace files, gzip or plain. A file with a bad row changes "
		       "nothing.\v"
		       "Formats:\n"
		       "  history         function,day,minute,count (minutes without a row are zero)\n"
		       "  azure-combined  one CSV a day with columns HashFunction, 1..1440, Average, "
		       "Maximum, divvied; several files are successive days, the last is day 0\n",
		.children = children,
	};
	struct env env = { .import = { .first_day = -36500, .last_day = 36500 } };

	common_defaults(&env.common);
	parse_date_minute("today", &env.import.day_zero);
	argp_parse(&argp, argc, argv, 0, NULL, &env);
	return run(&env);
}
