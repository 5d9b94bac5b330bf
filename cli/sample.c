// SPDX-License-Identifier: GPL-2.0-or-later
/* faasmat sample: draws a load from a day of the Azure Functions 2019 trace. */
#include <errno.h>

#include "cli/cli.h"
#include "simulator/sample.h"
#include "simulator/traces.h"

struct env {
	struct common_options common;
	const char *file[3];
	int n_files;
	enum sample_kind kind;
	size_t count;
	uint64_t seed;
};

enum { KEY_KIND = 0x100, KEY_COUNT, KEY_SEED };

static const struct argp_option options[] = {
	{ "kind", KEY_KIND, "KIND", 0,
	  "representative (default): as many from each quarter by calls; rare: at most 10 calls a day; "
	  "frequent: from the hundredth called most",
	  0 },
	{ "count", KEY_COUNT, "N", 0, "Functions (default 400)", 0 },
	{ "seed", KEY_SEED, "S", 0, "Of the draw (default 1)", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct env *env = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &env->common;
		return 0;
	case KEY_KIND:
		if (sample_parse(arg, &env->kind) < 0)
			argp_error(state, "--kind takes representative, rare or frequent, not '%s'",
				   arg);
		return 0;
	case KEY_COUNT:
		env->count = option_count(arg, state, "--count", 1, 1000000);
		return 0;
	case KEY_SEED:
		env->seed = option_count(arg, state, "--seed", 0, INT64_MAX);
		return 0;
	case ARGP_KEY_ARG:
		if (env->n_files == 3)
			return ARGP_ERR_UNKNOWN;
		env->file[env->n_files++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (env->n_files != 3)
			argp_error(state, "INVOCATIONS, DURATIONS and MEMORY are wanted: the three "
					  "files of one day of the trace");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* The combined layout that `simulate --functions` and `import azure-combined` read. */
static int print_load(const struct load *l, const uint32_t *index, size_t n)
{
	_cleanup_free_ uint32_t *count = calloc(MAX(l->n_minutes, (size_t)1), sizeof(*count));

	if (!count)
		return log_error_errno(-ENOMEM, "cannot print the load");
	printf("HashFunction");
	for (size_t m = 0; m < l->n_minutes; m++)
		printf(",%zu", m + 1);
	puts(",Average,Maximum,Count,divvied");
	for (size_t i = 0; i < n; i++) {
		const struct load_function *f = &l->function[index[i]];

		load_counts(l, index[i], count);
		fputs(f->name, stdout);
		for (size_t m = 0; m < l->n_minutes; m++)
			printf(",%u", count[m]);
		printf(",%lld,%lld,%lld,%lld\n", (long long)f->warm, (long long)f->cold,
		       (long long)f->calls, (long long)(f->memory / MIB));
	}
	if (fflush(stdout) != 0 || ferror(stdout))
		return log_error_errno(-EIO, "cannot write to standard output");
	return 0;
}

static int sample(const struct env *env)
{
	_cleanup_load_ struct load l = { 0 };
	_cleanup_free_ uint32_t *index = calloc(env->count, sizeof(*index));
	int r = traces_read_azure_day(env->file[0], env->file[1], env->file[2], &l);
	int64_t n;

	if (r < 0)
		return r;
	n = index ? sample_draw(&l, env->kind, env->count, env->seed, index) : -ENOMEM;
	if (n < 0)
		return log_error_errno(n, "cannot draw from the trace");
	if ((size_t)n < env->count)
		log_warning("the trace has only %lld functions of that kind", (long long)n);
	return print_load(&l, index, n);
}

int cmd_sample(int argc, char **argv)
{
	static struct env env = { .count = 400, .seed = 1 };
	const struct argp_child children[] = { { &common_argp, 0, NULL, 0 }, { 0 } };
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "INVOCATIONS DURATIONS MEMORY",
		.doc = "Draws functions from a day of the Azure Functions 2019 trace and prints them as "
		       "one combined CSV for `simulate --functions`.",
		.children = children,
	};

	common_defaults(&env.common);
	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &env);
	return sample(&env) < 0 ? EXIT_FAILED : EXIT_DONE;
}
