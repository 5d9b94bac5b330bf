// SPDX-License-Identifier: GPL-2.0-or-later
/* faasmat import FORMAT FILE...: trace files into history. */
#include <errno.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/import_load.h"
#include "simulator/traces.h"
#include "store/import.h"

struct env {
	struct common_options common;
	struct import_options import;
	const char *functions;
	int64_t day;	     /* of an azure-day, and on which azure-invocations begins */
	int64_t memory_each; /* bytes of a container, where the trace does not say */
	const char *format;
	char **files;
	int n_files;
};

enum { KEY_FUNCTIONS = 1, KEY_DAY_ZERO, KEY_DAYS, KEY_DAY, KEY_MEMORY_EACH };

static const char *const formats[] = { "azure-combined", "azure-day", "azure-invocations",
				       "history" };

static const struct argp_option options[] = {
	{ "day-zero", KEY_DAY_ZERO, "DATE", 0,
	  "The date of the file's day 0 (default today, UTC); days before it are negative", 0 },
	{ "days", KEY_DAYS, "A..B", 0, "Take only days A to B of the file, e.g. -13..-1", 0 },
	{ "day", KEY_DAY, "N", 0,
	  "For `azure-day`: the day that its three files become; for `azure-invocations`: the day on which "
	  "the trace begins (default 0, the date of --day-zero; -1 is the day before)",
	  0 },
	{ "container-memory", KEY_MEMORY_EACH, "SIZE", 0,
	  "For `azure-invocations`, which has no memory: of every container (default 128M)", 0 },
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

static void check(const struct env *env, struct argp_state *state)
{
	size_t i = 0;

	if (!env->format || !env->n_files)
		argp_error(state, "FORMAT and FILE are wanted, e.g. `history counts.csv.gz "
				  "--functions functions.csv`");
	while (i < ARRAY_SIZE(formats) && strcmp(env->format, formats[i]))
		i++;
	if (i == ARRAY_SIZE(formats))
		argp_error(state,
			   "format '%s' is unknown; there are azure-combined, azure-day, "
			   "azure-invocations and history",
			   env->format);
	if (strcmp(env->format, "azure-day") == 0 && env->n_files != 3)
		argp_error(state, "azure-day takes three files: INVOCATIONS DURATIONS MEMORY");
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
	case KEY_DAY:
		env->day = option_count(arg, state, "--day", -36500, 36500);
		return 0;
	case KEY_MEMORY_EACH:
		env->memory_each = option_size(arg, state, "--container-memory");
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
		check(env, state);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* The formats that are read into a load first. */
static int import_trace(struct env *env, struct store *s, int i, struct import_result *result)
{
	_cleanup_load_ struct load l = { 0 };
	char **f = env->files + i;
	int r;

	if (strcmp(env->format, "azure-day") == 0)
		r = traces_read_azure_day(f[0], f[1], f[2], &l);
	else
		r = traces_read_invocations(f[0], env->memory_each, &l);
	return r < 0 ? r
		     : import_load(s, &l, f[0], env->import.day_zero + env->day * MINUTES_PER_DAY,
				   &env->import, result);
}

static int import_file(struct env *env, struct store *s, int i, struct import_result *result)
{
	if (strcmp(env->format, "azure-combined") && strcmp(env->format, "history"))
		return import_trace(env, s, i, result);
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
	/* The three files of an azure-day are one. */
	for (int i = 0; i < env->n_files; i += strcmp(env->format, "azure-day") ? 1 : 3) {
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
		       "Maximum, divvied; several files are successive days, the last is day 0\n"
		       "  azure-day       INVOCATIONS DURATIONS MEMORY, the three files of one day of the "
		       "Azure Functions 2019 trace; --day N\n"
		       "  azure-invocations  the Azure Functions 2021 trace: "
		       "app,func,end_timestamp,duration; --day N is its first day\n",
		.children = children,
	};
	struct env env = { .memory_each = 128 * MIB,
			   .import = { .first_day = -36500, .last_day = 36500 } };

	common_defaults(&env.common);
	parse_date_minute("today", &env.import.day_zero);
	argp_parse(&argp, argc, argv, 0, NULL, &env);
	return run(&env);
}
