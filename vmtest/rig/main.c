// SPDX-License-Identifier: GPL-2.0-or-later
/* rig SUBCOMMAND [options]: the test rig, a small invoker that behaves like OpenWhisk's on one node. */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "common/log.h"
#include "common/util.h"
#include "vmtest/rig/options.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{ "run", cmd_run, "replay minutes of a trace with real containers" },
	{ "scale", cmd_scale, "write a mix's history as the replay will see it" },
	{ "count", cmd_count, "send an exact number of requests to some containers" },
	{ "report", cmd_report, "compare the results of several runs" },
};

static int usage(FILE *out)
{
	fputs("usage: rig SUBCOMMAND [options]\n\n", out);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
	return out == stdout ? EXIT_DONE : EXIT_USAGE;
}

/* Two descriptors a container. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int main(int argc, char **argv)
{
	static char name[32];

	setlinebuf(stderr);
	if (argc < 2)
		return usage(stderr);
	if (strcmp(argv[1], "--help") == 0)
		return usage(stdout);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		snprintf(name, sizeof(name), "rig %s", commands[i].name);
		log_set_name(name);
		program_invocation_name = argv[1] = name;
		raise_file_limit();
		return commands[i].run(argc - 1, argv + 1);
	}
	fprintf(stderr, "rig: no subcommand '%s'; `rig --help` lists them\n", argv[1]);
	return EXIT_USAGE;
}
