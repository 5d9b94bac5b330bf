// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/arguments.h"

#include <string.h>

/* Options that take a value as the next word, before the verb and behind it. One that is missing here
 * would make us take its value for the verb or the id: then nothing is placed, and the runtime starts
 * all the same. */
static const char *const global_values[] = {
	"--log",  "--log-format", "--log-level",      "--root",
	"--criu", "--rootless",	  "--cgroup-manager", NULL,
};
static const char *const start_values[] = {
	"-b",
	"--bundle",
	"--console-socket",
	"--pid-file",
	"--preserve-fds",
	"-f",
	"--config",
	"--image-path",
	"--work-path",
	"--parent-path",
	"--manage-cgroups-mode",
	"--empty-ns",
	"--status-fd",
	"--lsm-profile",
	"--lsm-mount-context",
	NULL,
};

/* The value of option `name` in argv[i] ("--name=value") or argv[i + 1]; NULL: it is another option. */
static const char *value_of(int argc, char *const *argv, int i, const char *name)
{
	size_t n = strlen(name);

	if (strncmp(argv[i], name, n) != 0)
		return NULL;
	if (argv[i][n] == '=')
		return argv[i] + n + 1;
	return !argv[i][n] && i + 1 < argc ? argv[i + 1] : NULL;
}

static bool takes_next(const char *word, const char *const *names)
{
	for (; *names; names++)
		if (strcmp(word, *names) == 0)
			return true;
	return false;
}

/* Index of the verb, or argc. */
static int parse_globals(int argc, char *const *argv, struct runtime_arguments *a)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		const char *v = value_of(argc, argv, i, "--root");

		if (v)
			a->root = v;
		v = value_of(argc, argv, i, "--cgroup-manager");
		if (strcmp(argv[i], "--systemd-cgroup") == 0 || (v && strcmp(v, "systemd") == 0))
			a->systemd_cgroup = true;
		if (takes_next(argv[i], global_values))
			i++;
	}
	return MIN(i, argc);
}

void runtime_arguments_parse(int argc, char *const *argv, struct runtime_arguments *ret)
{
	int i = parse_globals(argc, argv,
			      (*ret = (struct runtime_arguments){ .bundle = "." }, ret));
	const char *verb = i < argc ? argv[i] : "";

	ret->starts = strcmp(verb, "create") == 0 || strcmp(verb, "run") == 0 ||
		      strcmp(verb, "restore") == 0;
	for (i++; i < argc && ret->starts; i++) {
		const char *v = value_of(argc, argv, i, "--bundle");

		if (!v)
			v = value_of(argc, argv, i, "-b");
		if (v)
			ret->bundle = v;
		if (value_of(argc, argv, i, "--config") || value_of(argc, argv, i, "-f"))
			ret->other_config = true;
		if (takes_next(argv[i], start_values))
			i++;
		else if (argv[i][0] != '-')
			ret->id = argv[i];
	}
}
