// SPDX-License-Identifier: GPL-2.0-or-later
/* faasmat SUBCOMMAND [options]: finds the subcommand, puts the --config file's lines in front of its
 * arguments, and calls it. */
#include <errno.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/config.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{ "probe", cmd_probe, "what this kernel and node offer, and what is missing" },
	{ "import", cmd_import, "load history from trace files" },
	{ "collect", cmd_collect, "the collector daemon: counts into the database" },
	{ "top", cmd_top, "live table of functions: rates, memory, pools, what is hot and why" },
	{ "locate", cmd_locate, "which functions are hot, and why" },
	{ "forecast", cmd_forecast, "invocations of the next minutes, as quantiles" },
	{ "plan", cmd_plan, "locate, forecast, size: the pools' budgets minute by minute" },
	{ "govern", cmd_govern,
	  "the governor daemon: budgets into cgroups (shadow unless --apply)" },
	{ "admit", cmd_admit, "where a new container of a function goes now; reserve, release" },
	{ "explain", cmd_explain, "one pool's minute in sentences: forecast to outcome" },
	{ "restore", cmd_restore, "put back every limit that the governor ever touched" },
	{ "simulate", cmd_simulate, "replay a load: which policy, how much memory" },
	{ "sample", cmd_sample, "draw a load from a day of the Azure trace" },
	{ "backup", cmd_backup, "a consistent copy of the running database" },
	{ "status", cmd_status, "health of the processes, last minute, unknown containers" },
};

static int usage(FILE *out)
{
	fputs("usage: faasmat SUBCOMMAND [options]\n\n"
	      "A memory governor for nodes that run functions (FaaS).\n\n",
	      out);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("\n`faasmat SUBCOMMAND --help` explains one. On a new node: probe, then import or\n"
	      "collect for some days, plan, govern (which only watches until --apply).\n",
	      out);
	return out == stdout ? EXIT_DONE : EXIT_USAGE;
}

static int run_command(const struct command *command, int argc, char **argv)
{
	static char name[64];
	char **args;
	int n, r;

	snprintf(name, sizeof(name), "faasmat %s", command->name);
	log_set_name(name);
	argv[0] = name;
	program_invocation_name = name;
	r = config_arguments(command->name, argc, argv, &n, &args);
	if (r < 0)
		return EXIT_FAILED;
	r = command->run(n, args);
	free(args);
	return r;
}

int main(int argc, char **argv)
{
	/* Help and errors are for pipes too: no 80-column surprises from the environment. */
	setlinebuf(stderr);
	argp_err_exit_status = EXIT_USAGE;
	if (argc < 2)
		return usage(stderr);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
		return usage(stdout);
	if (strcmp(argv[1], "--version") == 0) {
		puts("faasmat 0.1");
		return EXIT_DONE;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return run_command(&commands[i], argc - 1, argv + 1);
	fprintf(stderr, "faasmat: no subcommand '%s'; `faasmat --help` lists them\n",
		printable(argv[1]));
	return EXIT_USAGE;
}
