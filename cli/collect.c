// SPDX-License-Identifier: GPL-2.0-or-later
/* faasmat collect: the collector daemon. */
#include <errno.h>
#include <string.h>

#include "cli/cli.h"
#include "collector/collector.h"
#include "collector/probe.h"
#include "common/cgroupfs.h"

struct env {
	struct common_options common;
	struct collector_options collector;
	struct filter filter;
	bool has_ports, has_classes;
	const char *root;
	const char *platform;
	const char *rules_file;
	bool detach;
};

enum {
	KEY_ROOT = 1,
	KEY_PLATFORM,
	KEY_RULES,
	KEY_INVOCATIONS,
	KEY_PORT,
	KEY_EXCLUDE,
	KEY_EXCLUDE_AGENT,
	KEY_HOPS,
	KEY_INTERVAL,
	KEY_MAX,
	KEY_KEEP,
	KEY_PIN,
	KEY_MINUTES,
	KEY_DETACH,
};

static const struct argp_option options[] = {
	{ "root", KEY_ROOT, "CGROUP", 0,
	  "Watch this cgroup and all below it (default: all of cgroup v2)", 0 },
	{ "platform", KEY_PLATFORM, "NAME", 0,
	  "Built-in rules from container to function: auto (default; all of the following), crun, "
	  "docker, faasd, fission, fn, knative, nuclio, openfaas, openwhisk, podman",
	  0 },
	{ "rules", KEY_RULES, "FILE", 0,
	  "Rules of your own: lines of REGEX NAME (on the cgroup's path, \\1 in NAME), or of SOURCE "
	  "REGEX NAME with a source such as label:KEY, annotation:KEY, env:KEY, name; see "
	  "docs/identity.md",
	  0 },
	{ "invocations", KEY_INVOCATIONS, "CLASS,...", 0,
	  "What an invocation is: http (a request head of HTTP/1.x), http2 (a new stream of HTTP/2 "
	  "without TLS), unix (a request head of HTTP/1.x on a UNIX socket), or several of these with "
	  "commas; connect (an accepted connection); exec (a process that the container's server "
	  "starts for each request, as CGI and the classic watchdog do); none (memory only). "
	  "Default: http; with --platform fn unix, with knative http,http2. `faasmat probe` says which "
	  "this kernel can",
	  0 },
	{ "port", KEY_PORT, "N|N-M", 0, "Port(s) that functions serve (default 8080); repeatable",
	  0 },
	{ "exclude", KEY_EXCLUDE, "PATH", 0,
	  "Do not count requests to this path, such as a health check's (up to 47 bytes, the query "
	  "left away); repeatable. OpenFaaS's /_/health and /_/ready are always excluded",
	  0 },
	{ "exclude-agent", KEY_EXCLUDE_AGENT, "NAME", 0,
	  "Do not count requests whose User-Agent begins with this product, as kube-probe (always "
	  "excluded, with Knative-Ingress-Probe); repeatable",
	  0 },
	{ "hops", KEY_HOPS, "WHICH", 0,
	  "One request may pass several sockets (a watchdog, then the function behind it). Count all "
	  "but those that come over loopback from the same container (same, the default), from "
	  "anywhere (loopback: for pods with a sidecar), or all (count)",
	  0 },
	{ "interval", KEY_INTERVAL, "TIME", 0, "Between two passes over the cgroups (default 1s)",
	  0 },
	{ "max-containers", KEY_MAX, "N", 0, "Cgroups that the maps have room for (default 16384)",
	  0 },
	{ "keep", KEY_KEEP, "TIME", 0, "Forget history older than this (default 28d)", 0 },
	{ "pin", KEY_PIN, "DIR", 0,
	  "Where counters outlive the collector (default " SENSOR_PIN_DIR ")", 0 },
	{ "minutes", KEY_MINUTES, "N", 0, "Stop after N minutes (default: never)", 0 },
	{ "detach", KEY_DETACH, NULL, 0,
	  "Stop counting: take the BPF programs of --pin out of the kernel, and exit", 0 },
	{ 0 },
};

static void add_ports(struct env *env, char *arg, struct argp_state *state)
{
	char *dash = strchr(arg, '-');
	int64_t lo, hi;

	if (dash)
		*dash++ = '\0';
	lo = option_count(arg, state, "--port", 1, 65535);
	hi = dash ? option_count(dash, state, "--port", lo, 65535) : lo;
	for (int64_t p = lo; p <= hi; p++)
		filter_add_port(&env->filter, p);
	env->has_ports = true;
}

static void add_word(struct word_list *list, const char *arg, struct argp_state *state,
		     const char *option)
{
	switch (filter_add_word(list, arg)) {
	case -EINVAL:
		argp_error(state, "%s takes 1 to %d bytes, not '%s'", option, WIRE_WORD - 1, arg);
		break;
	case -ENOSPC:
		argp_error(state, "%s may be given %d times", option, FILTER_WORDS);
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct env *env = state->input;
	struct collector_options *o = &env->collector;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &env->common;
		state->child_inputs[1] = &o->clock;
		return 0;
	case KEY_ROOT:
		env->root = arg;
		return 0;
	case KEY_PLATFORM:
		env->platform = arg;
		if (!rules_platform_text(arg))
			argp_error(state, "--platform '%s' has no built-in rules; there are: %s",
				   arg, rules_platforms());
		return 0;
	case KEY_RULES:
		env->rules_file = arg;
		return 0;
	case KEY_INVOCATIONS:
		if (filter_parse_classes(arg, &env->filter.classes) < 0)
			argp_error(
				state,
				"--invocations takes http, http2 and unix, also together, or one "
				"of connect, exec and none, not '%s'",
				arg);
		env->has_classes = true;
		return 0;
	case KEY_EXCLUDE:
		add_word(&env->filter.paths, arg, state, "--exclude");
		return 0;
	case KEY_EXCLUDE_AGENT:
		add_word(&env->filter.agents, arg, state, "--exclude-agent");
		return 0;
	case KEY_HOPS:
		if (filter_parse_hops(arg, &env->filter.hops) < 0)
			argp_error(state, "--hops takes same, loopback or count, not '%s'", arg);
		return 0;
	case KEY_PORT:
		add_ports(env, arg, state);
		return 0;
	case KEY_INTERVAL:
		o->interval_ns = option_duration_ns(arg, state, "--interval");
		if (o->interval_ns < 10 * NS_PER_MS)
			argp_error(state, "--interval must be at least 10ms");
		return 0;
	case KEY_MAX:
		o->sensor.max_cgroups = option_count(arg, state, "--max-containers", 16, 1 << 22);
		return 0;
	case KEY_KEEP:
		o->keep_minutes = option_duration_ns(arg, state, "--keep") / (60 * NS_PER_S);
		return 0;
	case KEY_PIN:
		o->sensor.pin_dir = arg;
		return 0;
	case KEY_MINUTES:
		o->minutes = option_count(arg, state, "--minutes", 1, INT32_MAX);
		return 0;
	case KEY_DETACH:
		env->detach = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument '%s'", arg);
	}
	return ARGP_ERR_UNKNOWN;
}

static int read_rules(struct env *env, struct rules **ret)
{
	int r;

	if (env->rules_file)
		return rules_read(env->rules_file, ret);
	r = rules_of_platform(env->platform, ret);
	return r < 0 ? log_error_errno(r, "the rules of platform %s", env->platform) : 0;
}

static int run(struct env *env)
{
	_cleanup_store_ struct store *store = NULL;
	struct rules *rules = NULL;
	char root[4096], release[80];
	int r;

	if (env->detach) {
		r = sensor_detach(env->collector.sensor.pin_dir);
		return r < 0 ? log_error_errno(r, "%s", env->collector.sensor.pin_dir) : 0;
	}
	if (geteuid() != 0) {
		log_error("needs root (or CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN, CAP_SYS_ADMIN "
			  "through its unit)");
		return -EPERM;
	}
	if (probe_kernel_is_old(release, sizeof(release))) {
		log_error("kernel %s is too old: 6.1 or newer is needed (Debian 12 has it)",
			  release);
		return -ENOTSUP;
	}
	r = cgroup_directory(env->root, root, sizeof(root));
	if (r == -ENOENT) {
		log_error("cgroup v2 is not mounted; boot with systemd.unified_cgroup_hierarchy=1, "
			  "or mount -t cgroup2 none /sys/fs/cgroup");
		return r;
	}
	if (r < 0)
		return log_error_errno(r, "--root %s", env->root);
	r = read_rules(env, &rules);
	if (r == 0)
		r = open_database(&env->common, STORE_CREATE, &store);
	if (r == 0) {
		env->collector.sensor.root = root;
		env->collector.sensor.filter = &env->filter;
		env->collector.rules = rules;
		r = collector_run(&env->collector, store);
	}
	rules_free(rules);
	return r;
}

int cmd_collect(int argc, char **argv)
{
	static const struct argp_child children[] = { { &common_argp, 0, NULL, 0 },
						      { &clock_argp, 0, NULL, 0 },
						      { 0 } };
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Counts every container's invocations and memory events in the kernel, and "
		       "stores one row per function and minute.\v"
		       "The counters live in the kernel: a collector that is restarted, or killed, "
		       "loses no invocation. `faasmat collect --detach` takes them out.",
		.children = children,
	};
	struct env env = {
		.root = "/",
		.platform = "auto",
		.filter = { .counts_inits = true },
		.collector = {
			.sensor = { .pin_dir = SENSOR_PIN_DIR, .max_cgroups = 16384 },
			.clock = CLOCK_REAL,
			.interval_ns = NS_PER_S,
			.keep_minutes = 28 * MINUTES_PER_DAY,
		},
	};

	/* Health checks that no platform means as invocations. */
	filter_add_word(&env.filter.paths, "/_/health");
	filter_add_word(&env.filter.paths, "/_/ready");
	filter_add_word(&env.filter.agents, "kube-probe");
	filter_add_word(&env.filter.agents, "Knative-Ingress-Probe");
	common_defaults(&env.common);
	argp_parse(&argp, argc, argv, 0, NULL, &env);
	if (!env.has_classes)
		env.filter.classes = filter_platform_classes(env.platform);
	if (!env.has_ports)
		filter_add_port(&env.filter, 8080);
	return run(&env) < 0 ? EXIT_FAILED : EXIT_DONE;
}
