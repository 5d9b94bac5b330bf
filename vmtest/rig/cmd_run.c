// SPDX-License-Identifier: GPL-2.0-or-later
/* rig run: the options of a replay. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/log.h"
#include "common/parse.h"
#include "common/util.h"
#include "vmtest/rig/options.h"
#include "vmtest/rig/replay.h"

enum {
	KEY_MODE = 0x400,
	KEY_ROOT,
	KEY_FROM,
	KEY_MINUTES,
	KEY_NODE_MEMORY,
	KEY_QUEUE_TTL,
	KEY_KEEP_ALIVE,
	KEY_ARRIVALS,
	KEY_RUNTIME,
	KEY_FRESH,
	KEY_SOCKET,
	KEY_WRAPPER,
	KEY_PREWARM,
	KEY_DRAIN,
	KEY_JSON,
	KEY_RUNAWAY,
	KEY_PROXY,
	KEY_LOG,
	KEY_VERBOSE,
};

struct run_options {
	struct replay_options replay;
	struct scaled_options scaled;
	struct load_options load;
	const char *json, *runaway, *log;
};

/* The index of `text` among n names, or the end of the program. */
static int choose(const char *text, struct argp_state *state, const char *option,
		  const char *const *name, int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(text, name[i]) == 0)
			return i;
	argp_error(state, "%s does not know '%s'", option, text);
	return 0;
}

static const char *const mode_name[] = { "lru", "unaware", "shadow", "static", "dynamic" };
static const char *const runtime_name[] = { "clone", "crun", "bare" };
static const char *const law_name[] = { "poisson", "uniform" };

static error_t parse_replay(int key, char *arg, struct argp_state *state)
{
	struct run_options *o = state->input;

	switch (key) {
	case KEY_FROM:
		o->replay.from = option_count(arg, state, "--from", 0, MINUTES_PER_DAY - 1);
		return 0;
	case KEY_MINUTES:
		o->replay.minutes = option_count(arg, state, "--minutes", 1, MINUTES_PER_DAY);
		return 0;
	case KEY_ARRIVALS:
		o->replay.law = choose(arg, state, "--arrivals", law_name, ARRAY_SIZE(law_name));
		return 0;
	case KEY_DRAIN:
		o->replay.drain_ns = option_duration_ns(arg, state, "--drain");
		return 0;
	case KEY_RUNAWAY:
		o->runaway = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_run(int key, char *arg, struct argp_state *state)
{
	struct run_options *o = state->input;
	struct replay_options *r = &o->replay;

	switch (key) {
	case KEY_MODE:
		r->mode = choose(arg, state, "--mode", mode_name, ARRAY_SIZE(mode_name));
		return 0;
	case KEY_ROOT:
		if (arg[0] != '/' || !arg[1] || strstr(arg, ".."))
			argp_error(state,
				   "--root is a path below the cgroup2 mount, as /node/faasmat");
		r->root = arg;
		return 0;
	case KEY_NODE_MEMORY:
		r->memory_bytes = option_size(arg, state, "--memory");
		if (r->memory_bytes <= 0)
			argp_error(state, "--memory must be above 0");
		return 0;
	case KEY_QUEUE_TTL:
		r->queue_ttl_ms = option_duration_ns(arg, state, "--queue-ttl") / 1e6;
		return 0;
	case KEY_KEEP_ALIVE:
		r->keep_alive_ms = option_duration_ns(arg, state, "--keep-alive") / 1e6;
		return 0;
	case KEY_RUNTIME:
		r->node.kind = choose(arg, state, "--runtime", runtime_name,
				      ARRAY_SIZE(runtime_name));
		return 0;
	case KEY_FRESH:
		r->node.fresh = true;
		return 0;
	case KEY_SOCKET:
		r->socket = arg;
		return 0;
	case KEY_WRAPPER:
		r->node.wrapper = arg;
		return 0;
	case KEY_PREWARM:
		r->prewarm = arg;
		return 0;
	case KEY_PROXY:
		r->node.proxy = arg;
		return 0;
	case KEY_LOG:
		o->log = arg;
		return 0;
	case KEY_JSON:
		o->json = arg;
		return 0;
	case KEY_VERBOSE:
		r->progress = true;
		return 0;
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->load;
		state->child_inputs[1] = &o->scaled;
		return 0;
	default:
		return parse_replay(key, arg, state);
	}
}

static const struct argp_option list[] = {
	{ "mode", KEY_MODE, "MODE", 0,
	  "lru (no governor; default), unaware (lru whose containers a wrapper may place), shadow, static "
	  "or dynamic (all three ask the governor)",
	  1 },
	{ "root", KEY_ROOT, "CGROUP", 0, "faasmat's root cgroup (default /faasmat)", 1 },
	{ "memory", KEY_NODE_MEMORY, "SIZE", 0,
	  "What containers may take together in modes lru and unaware; bytes of the rig, not of the model "
	  "(default 256M)",
	  1 },
	{ "queue-ttl", KEY_QUEUE_TTL, "TIME", 0, "Model time (default 10ms)", 1 },
	{ "keep-alive", KEY_KEEP_ALIVE, "TIME", 0, "Model time (default 10m)", 1 },
	{ "runtime", KEY_RUNTIME, "NAME", 0,
	  "clone (default), crun, or bare (an OCI runtime that does no more than clone)", 1 },
	{ "wrapper", KEY_WRAPPER, "PROGRAM", 0,
	  "Run this in the place of crun or bare (it knows which from its own settings)", 1 },
	{ "prewarm", KEY_PREWARM, "FIFO", 0,
	  "Start containers ahead of calls as the governor's --on-change 'cat >FIFO' tells", 1 },
	{ "fresh", KEY_FRESH, NULL, 0, "A new connection for every request", 1 },
	{ "socket", KEY_SOCKET, "PATH", 0,
	  "The governor's socket (default /run/faasmat/govern.sock)", 1 },
	{ "proxy", KEY_PROXY, "FILE", 0, "The action proxy (default: beside this program)", 1 },
	{ "log", KEY_LOG, "FILE", 0, "Where containers' output goes (default: nowhere)", 1 },
	{ "json", KEY_JSON, "FILE", 0, "Where the result goes (default: stdout)", 1 },
	{ "verbose", KEY_VERBOSE, NULL, 0, "A line a minute also when stderr is no terminal", 1 },
	{ NULL, 0, NULL, 0, "Replay:", 2 },
	{ "from", KEY_FROM, "MINUTE", 0, "First minute of that day (default 420)", 2 },
	{ "minutes", KEY_MINUTES, "N", 0, "How many (default 20)", 2 },
	{ "arrivals", KEY_ARRIVALS, "LAW", 0, "poisson (default) or uniform within the minute", 2 },
	{ "drain", KEY_DRAIN, "TIME", 0,
	  "How long to wait for answers after the last minute (default: as the longest start takes, at "
	  "most 10s); real time",
	  2 },
	{ "runaway", KEY_RUNAWAY, "FUNCTION@MINUTE", 0,
	  "From that minute of the day on, one container of it takes three times its memory", 2 },
	{ 0 },
};

static const struct argp_child children[] = { { &load_argp, 0, NULL, 0 },
					      { &scaled_argp, 0, NULL, 0 },
					      { 0 } };
static const struct argp argp = {
	.options = list,
	.parser = parse_run,
	.doc = "Replays minutes of a trace on this node with real containers, as an OpenWhisk "
	       "invoker would run them, and prints one JSON object.",
	.children = children,
};

/* "FUNCTION@MINUTE" */
static int find_runaway(struct run_options *o, const struct trace *t)
{
	char name[FUNCTION_NAME_MAX + 1];
	const char *at;
	int64_t minute;

	o->replay.runaway_function = -1;
	if (!o->runaway)
		return 0;
	at = strrchr(o->runaway, '@');
	if (!at || at - o->runaway > FUNCTION_NAME_MAX || parse_int64(at + 1, &minute) < 0) {
		log_error("--runaway takes FUNCTION@MINUTE, not '%s'", o->runaway);
		return -EINVAL;
	}
	snprintf(name, sizeof(name), "%.*s", (int)(at - o->runaway), o->runaway);
	o->replay.runaway_function = trace_find(t, name);
	o->replay.runaway_minute = minute;
	if (o->replay.runaway_function < 0) {
		log_error("--runaway: the load has no function '%s'", name);
		return -ENOENT;
	}
	return 0;
}

static int run(struct run_options *o)
{
	_cleanup_close_ int log = -1;
	struct trace trace = { 0 };
	json_t *json = NULL;
	int r;

	if (o->log) {
		log = open(o->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
		if (log < 0)
			return log_error_errno(-errno, "%s", o->log);
	}
	o->replay.node.log = log;
	o->replay.trace = &trace;
	r = trace_read_mix(&trace, o->load.mix, o->load.day, o->load.functions);
	if (r == 0)
		r = load_background(&o->load, &trace);
	if (r == 0)
		r = find_runaway(o, &trace);
	if (r == 0)
		r = replay_run(&o->replay, &json);
	trace_free(&trace);
	if (r < 0)
		return r;
	return write_json(json, o->json) == EXIT_DONE ? 0 : -EIO;
}

int cmd_run(int argc, char **argv)
{
	struct run_options o = {
		.replay = { .root = "/faasmat",
			    .from = 420,
			    .minutes = 20,
			    .memory_bytes = 256 * MIB,
			    .queue_ttl_ms = 10,
			    .keep_alive_ms = 600000,
			    .drain_ns = -1,
			    .socket = "/run/faasmat/govern.sock",
			    .progress = isatty(STDERR_FILENO) },
		.load = LOAD_DEFAULTS,
	};

	scaled_defaults(&o.scaled);
	if (argp_parse(&argp, argc, argv, 0, NULL, &o) != 0)
		return EXIT_USAGE;
	if (clock_parse(&o.replay.clock, o.scaled.minute_length, o.scaled.minute_origin) < 0) {
		log_error("--minute-origin takes MINUTE@UNIXTIME, not '%s'",
			  o.scaled.minute_origin);
		return EXIT_USAGE;
	}
	o.replay.day = o.load.day;
	o.replay.scale = o.scaled.scale;
	o.replay.seed = o.scaled.seed;
	return run(&o) < 0 ? EXIT_FAILED : EXIT_DONE;
}
