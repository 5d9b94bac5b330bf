// SPDX-License-Identifier: GPL-2.0-or-later
/* faasmat backup FILE: a consistent copy of the running database. */
#include "cli/cli.h"
#include "store/backup.h"

struct env {
	struct common_options common;
	const char *file;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct env *env = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &env->common;
		return 0;
	case ARGP_KEY_ARG:
		if (env->file)
			argp_error(state, "one FILE, not also '%s'", arg);
		env->file = arg;
		return 0;
	case ARGP_KEY_END:
		if (!env->file)
			argp_error(state, "FILE is missing: where the copy goes");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

int cmd_backup(int argc, char **argv)
{
	static const struct argp_child children[] = { { &common_argp, 0, NULL, 0 }, { 0 } };
	static const struct argp argp = {
		.parser = parse,
		.args_doc = "FILE",
		.doc = "Copies the database as of this moment into FILE while collect, plan and govern "
		       "go on writing. The copy is checked and on the disk before it bears its name; a "
		       "FILE that exists is never replaced.\v"
		       "To go back to it: stop the daemons, move the database and its -wal and -shm "
		       "files away, put FILE in its place.",
		.children = children,
	};
	_cleanup_store_ struct store *s = NULL;
	struct backup_result result;
	struct env env = { 0 };

	common_defaults(&env.common);
	argp_parse(&argp, argc, argv, 0, NULL, &env);
	if (open_database(&env.common, STORE_READ, &s) < 0)
		return EXIT_FAILED;
	if (store_backup(s, env.file, &result) < 0) {
		log_error("backup: %s", store_why());
		return EXIT_FAILED;
	}
	if (env.common.json)
		return print_json(json_pack(
			"{s:s, s:I, s:I, s:I, s:I, s:I}", "file", env.file, "bytes",
			(json_int_t)result.bytes, "functions", (json_int_t)result.functions, "rows",
			(json_int_t)result.rows, "first_minute", (json_int_t)result.first_minute,
			"last_minute", (json_int_t)result.last_minute));
	printf("%s: %s, %lld functions, %lld rows of history", env.file, format_size(result.bytes),
	       (long long)result.functions, (long long)result.rows);
	if (result.last_minute >= result.first_minute)
		printf(", from %s", format_minute(result.first_minute));
	if (result.last_minute >= result.first_minute)
		printf(" to %s", format_minute(result.last_minute));
	putchar('\n');
	return EXIT_DONE;
}
