// SPDX-License-Identifier: GPL-2.0-or-later
/* faasmat govern: the governor daemon. */
#include <errno.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "cli/cli.h"
#include "cli/config.h"
#include "governor/governor.h"
#include "governor/pool_name.h"
#include "governor/preconditions.h"
#include "governor/setup.h"

struct govern_arguments {
	struct common_options common;
	struct governor_options o;
	bool plan_at_given;
};

enum {
	KEY_ROOT = 0x100,
	KEY_MEMORY,
	KEY_SHARE,
	KEY_BORROW,
	KEY_MARGIN,
	KEY_STEP,
	KEY_LEASE,
	KEY_LEAD,
	KEY_SPILL,
	KEY_APPLY,
	KEY_SOCKET,
	KEY_STATE_DIR,
	KEY_PLAN_AT,
	KEY_REPLAN,
	KEY_ON_CHANGE,
	KEY_ON_CHANGE_LIMIT,
};

static const struct argp_option options[] = {
	{ "root", KEY_ROOT, "CGROUP", 0,
	  "The cgroup below which main and the pools are (default /faasmat). X.slice is a slice of "
	  "systemd's, which then makes the pools slices and writes their limits",
	  0 },
	{ "memory", KEY_MEMORY, "SIZE", 0,
	  "The node's budget: main and all pools together, no more than the cgroups above the root may "
	  "have (default: 3/4 of the machine)",
	  0 },
	{ "share", KEY_SHARE, "SHARE", 0, "Most of it that pools may have (default 0.7)", 0 },
	{ "borrow", KEY_BORROW, "SHARE", 0,
	  "Most of it that full pools may borrow from what main does not use (default 0.1; 0: nothing)",
	  0 },
	{ "margin", KEY_MARGIN, "SIZE", 0,
	  "Never lower a limit closer than this to the memory in use (default 16M)", 0 },
	{ "shrink-step", KEY_STEP, "SIZE", 0,
	  "Lower a limit by at most this at a time (default: 1/8 of --memory)", 0 },
	{ "lease", KEY_LEASE, "TIME", 0,
	  "Limits are lifted when the governor has been silent for so long (default 60s)", 0 },
	{ "lead", KEY_LEAD, "TIME", 0,
	  "Pools grow so long before the minute that needs it (default 15s)", 0 },
	{ "spill", KEY_SPILL, NULL, 0, "Offer main to a hot function whose pool is full", 0 },
	{ "apply", KEY_APPLY, NULL, 0, "Write limits; without it everything else is done", 0 },
	{ "socket", KEY_SOCKET, "PATH", 0,
	  "Where platforms ask for admission (default /run/faasmat/govern.sock)", 0 },
	{ "plan-at", KEY_PLAN_AT, "HH:MM", 0,
	  "Run `faasmat plan --now` at this local time each day, or never (default 00:00; never with "
	  "a scaled clock). Its options: the [plan] section of --config",
	  0 },
	{ "replan", KEY_REPLAN, "TIME", 0,
	  "Run it again so often within the day, from what has come so far (default: never)", 0 },
	{ "on-change", KEY_ON_CHANGE, "CMD", 0,
	  "Run by /bin/sh when the plan changes what pools hold, with a line of JSON on its input for "
	  "each function: containers wanted and bytes. For platforms that start containers ahead; "
	  "docs/platforms.md has such commands for OpenFaaS, Knative and OpenWhisk",
	  0 },
	{ "on-change-limit", KEY_ON_CHANGE_LIMIT, "TIME", 0,
	  "A CMD that takes longer is ended (default 10s); the governor never waits for it", 0 },
	{ "state-dir", KEY_STATE_DIR, "DIR", 0, "For the lease (default /run/faasmat)", 0 },
	{ 0 },
};

static int plan_at(const char *arg, struct argp_state *state)
{
	int hour, minute, end = 0;

	if (strcmp(arg, "never") == 0)
		return PLANNER_NEVER;
	if (sscanf(arg, "%2d:%2d%n", &hour, &minute, &end) != 2 || arg[end] || hour < 0 ||
	    hour > 23 || minute < 0 || minute > 59)
		argp_error(state, "--plan-at takes a time of day such as 00:00, or never, not '%s'",
			   printable(arg));
	return hour * 60 + minute;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct govern_arguments *a = state->input;
	struct governor_options *o = &a->o;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->clock;
		state->child_inputs[1] = &a->common;
		return 0;
	case KEY_ROOT:
		o->root = arg;
		return 0;
	case KEY_MEMORY:
		o->memory = option_size(arg, state, "--memory");
		return 0;
	case KEY_SHARE:
		o->share = option_share(arg, state, "--share");
		return 0;
	case KEY_BORROW:
		o->borrow = option_share(arg, state, "--borrow");
		return 0;
	case KEY_MARGIN:
		o->margin = option_size(arg, state, "--margin");
		return 0;
	case KEY_STEP:
		o->step = option_size(arg, state, "--shrink-step");
		return 0;
	case KEY_LEASE:
		o->lease_ns = option_duration_ns(arg, state, "--lease");
		return 0;
	case KEY_LEAD:
		o->lead_ns = option_duration_ns(arg, state, "--lead");
		return 0;
	case KEY_SPILL:
		o->spill = true;
		return 0;
	case KEY_APPLY:
		o->apply = true;
		return 0;
	case KEY_SOCKET:
		o->socket = arg;
		return 0;
	case KEY_PLAN_AT:
		o->plan_rule.at = plan_at(arg, state);
		a->plan_at_given = true;
		return 0;
	case KEY_REPLAN:
		o->plan_rule.every = option_duration_ns(arg, state, "--replan") / (60 * NS_PER_S);
		if (o->plan_rule.every < 1)
			argp_error(state, "--replan must be at least 1m");
		return 0;
	case KEY_ON_CHANGE:
		o->on_change = arg;
		return 0;
	case KEY_ON_CHANGE_LIMIT:
		o->on_change_limit_ns = option_duration_ns(arg, state, "--on-change-limit");
		return 0;
	case KEY_STATE_DIR:
		o->state_dir = arg;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument '%s'", printable(arg));
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_child children[] = { { &clock_argp, 0, NULL, 0 },
					      { &common_argp, 0, NULL, 0 },
					      { 0 } };

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.children = children,
	.doc = "Brings every pool's memory limit to the plan's budget of the minute and publishes "
	       "the admission table.\vWithout --apply (shadow mode) it decides, keeps the ledger "
	       "and the table, and writes no limit.",
};

static int64_t default_memory(void)
{
	struct sysinfo info;

	return sysinfo(&info) < 0 ? 0 : (int64_t)info.totalram * info.mem_unit / 4 * 3;
}

/* Someone other than root governs what was delegated to him: an existing root that he may write. */
static bool may_govern(const char *mount, const char *root)
{
	char path[2 * CGROUP_PATH_MAX];

	snprintf(path, sizeof(path), "%s%s", mount, root);
	return geteuid() == 0 || access(path, W_OK) == 0;
}

/* Someone meant a directory of another file system (a cgroup v1 one, /var/...), which is not to be made
 * below the cgroup2 mount under that name. */
static bool is_elsewhere(const char *given, const char *mount, const char *root)
{
	char path[2 * CGROUP_PATH_MAX];
	size_t prefix = strlen(mount);

	snprintf(path, sizeof(path), "%s%s", mount, root);
	return given[0] == '/' && access(given, F_OK) == 0 && access(path, F_OK) < 0 &&
	       (strncmp(given, mount, prefix) != 0 || given[prefix] != '/');
}

static int find_mount(char *mount)
{
	int r = setup_find_mount(mount, CGROUP_PATH_MAX);

	if (r < 0 && r != -EOPNOTSUPP)
		log_error_errno(r, "no cgroup2 hierarchy is mounted: mount -t cgroup2 none "
				   "/sys/fs/cgroup");
	return r;
}

/* The cgroup2 mount and the root below it, as paths. */
static int find_root(struct governor_options *o, char *mount, char *root)
{
	static char slice[CGROUP_PATH_MAX];
	int no_memory = find_mount(mount);

	if (no_memory < 0 && no_memory != -EOPNOTSUPP)
		return no_memory;
	/* By its name alone a slice is meant, wherever systemd has it. */
	if (pool_name_slice_path(o->root, slice, sizeof(slice)) == 0)
		o->root = slice;
	if (setup_cgroup_path(mount, o->root, root, CGROUP_PATH_MAX) < 0) {
		log_error("--root %s: give a cgroup below %s, such as /faasmat", printable(o->root),
			  mount);
		return -EINVAL;
	}
	if (is_elsewhere(o->root, mount, root)) {
		log_error(
			"--root %s is a directory, but not on the cgroup2 hierarchy at %s: give a path "
			"below that, or the cgroup's name without the slash in front",
			printable(o->root), mount);
		return -ENOTDIR;
	}
	if (!may_govern(mount, root)) {
		log_error("needs root, or a --root that is a cgroup delegated to this user");
		return -EPERM;
	}
	if (no_memory < 0)
		log_error(
			"the cgroup2 hierarchy at %s has no memory controller (cgroup v1 has it?): "
			"boot with systemd.unified_cgroup_hierarchy=1",
			mount);
	o->mount = mount;
	o->root = root;
	return no_memory;
}

/* `faasmat plan --now` on the same database and budget. Its own section of the --config file may say
 * more; ours come later, so they win. */
static char *const *plan_command(const struct govern_arguments *a)
{
	static char memory[32], share[32], config[4096];
	static char *argv[12];
	int n = 0;

	snprintf(memory, sizeof(memory), "%lld", (long long)a->o.memory);
	snprintf(share, sizeof(share), "%.6f", a->o.share);
	argv[n++] = "/proc/self/exe";
	argv[n++] = "plan";
	if (config_file()) {
		snprintf(config, sizeof(config), "--config=%s", config_file());
		argv[n++] = config;
	}
	argv[n++] = "--now";
	argv[n++] = "--db";
	argv[n++] = (char *)a->common.db;
	argv[n++] = "--memory";
	argv[n++] = memory;
	argv[n++] = "--share";
	argv[n++] = share;
	argv[n] = NULL;
	return argv;
}

int cmd_govern(int argc, char **argv)
{
	static char mount[CGROUP_PATH_MAX], root[CGROUP_PATH_MAX];
	struct govern_arguments a = { .o = GOVERNOR_DEFAULTS };
	_cleanup_store_ struct store *store = NULL;
	struct governor *governor;
	int r;

	common_defaults(&a.common);
	a.o.memory = default_memory();
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	/* A scaled clock belongs to a test, whose plan is made beforehand. */
	if (!a.plan_at_given)
		a.o.plan_rule.at = a.o.clock.minute_ns == 60 * NS_PER_S ? 0 : PLANNER_NEVER;
	a.o.plan_argv = plan_command(&a);
	if (check_options(&a.o) < 0 || find_root(&a.o, mount, root) < 0 ||
	    open_database(&a.common, STORE_WRITE, &store) < 0 ||
	    governor_open(&a.o, store, &governor) < 0)
		return EXIT_FAILED;
	r = governor_run(governor);
	governor_close(governor);
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}
