// SPDX-License-Identifier: GPL-2.0-or-later
/* rig count: exactly N requests to K containers, for tests of what was counted against what was sent. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"
#include "vmtest/rig/cgroup.h"
#include "vmtest/rig/node.h"
#include "vmtest/rig/options.h"
#include "vmtest/rig/random.h"

enum {
	KEY_ROOT = 0x400,
	KEY_CONTAINERS,
	KEY_REQUESTS,
	KEY_FRESH,
	KEY_RUNTIME,
	KEY_PROXY,
	KEY_HOLD,
	KEY_MEMORY,
	KEY_WARM,
	KEY_SEED,
};

struct count_options {
	const char *root;
	int containers, requests;
	uint64_t seed;
	int64_t hold_ns, warm_ns, memory_bytes;
	struct node_options node;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct count_options *o = state->input;

	switch (key) {
	case KEY_ROOT:
		if (arg[0] != '/' || !arg[1] || strstr(arg, ".."))
			argp_error(state,
				   "--root is a path below the cgroup2 mount, as /node/faasmat");
		o->root = arg;
		return 0;
	case KEY_CONTAINERS:
		o->containers = option_count(arg, state, "--containers", 1, 4096);
		return 0;
	case KEY_REQUESTS:
		o->requests = option_count(arg, state, "--requests", 0, 100000000);
		return 0;
	case KEY_FRESH:
		o->node.fresh = true;
		return 0;
	case KEY_RUNTIME:
		if (strcmp(arg, "clone") != 0 && strcmp(arg, "crun") != 0)
			argp_error(state, "--runtime is clone or crun, not '%s'", arg);
		o->node.kind = strcmp(arg, "crun") == 0 ? RUNTIME_CRUN : RUNTIME_CLONE;
		return 0;
	case KEY_PROXY:
		o->node.proxy = arg;
		return 0;
	case KEY_HOLD:
		o->hold_ns = option_duration_ns(arg, state, "--hold");
		return 0;
	case KEY_MEMORY:
		o->memory_bytes = option_size(arg, state, "--memory");
		return 0;
	case KEY_WARM:
		o->warm_ns = option_duration_ns(arg, state, "--warm");
		return 0;
	case KEY_SEED:
		o->seed = option_count(arg, state, "--seed", 0, INT64_MAX);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option list[] = {
	{ "root", KEY_ROOT, "CGROUP", 0,
	  "The parent of the containers' cgroups (default /faasmat/main)", 1 },
	{ "containers", KEY_CONTAINERS, "K", 0,
	  "How many (default 4), of the functions f0, f1, ...", 1 },
	{ "requests", KEY_REQUESTS, "N", 0,
	  "POST /run in all, to containers at random (default 1000)", 1 },
	{ "fresh", KEY_FRESH, NULL, 0, "A new connection for every request", 1 },
	{ "runtime", KEY_RUNTIME, "NAME", 0, "clone (default) or crun", 1 },
	{ "warm", KEY_WARM, "TIME", 0, "What a request takes (default 0s)", 1 },
	{ "memory", KEY_MEMORY, "SIZE", 0, "What each declares and takes (default: nothing)", 1 },
	{ "hold", KEY_HOLD, "TIME", 0, "Keep the containers so long at the end (default 0s)", 1 },
	{ "proxy", KEY_PROXY, "FILE", 0, "The action proxy (default: beside this program)", 1 },
	{ "seed", KEY_SEED, "N", 0, "Of the choice of containers (default 1)", 1 },
	{ 0 },
};

static const struct argp argp = {
	.options = list,
	.parser = parse,
	.doc = "Starts containers, sends them an exact number of requests and prints how many each "
	       "was sent and answered, as one JSON object.",
};

struct target {
	struct instance *instance; /* NULL once it is gone */
	char id[INSTANCE_ID_BYTES];
	int64_t quota, sent, inits, answered;
	bool ready;
};

struct count {
	const struct count_options *o;
	struct node node;
	struct target *target;
	int ready, finished, died;
};

static void send_next(struct count *c, struct target *t)
{
	if (t->sent == t->quota) {
		c->finished++;
		return;
	}
	t->sent++;
	node_send_run(t->instance, "{\"value\":{}}");
}

static void on_ready(_unused_ void *arg, struct instance *i)
{
	node_send_init(i);
}

static void on_response(void *arg, struct instance *i, int status)
{
	struct count *c = arg;
	struct target *t = i->owner;

	if (status != 200)
		log_warning("%s answered %d", i->id, status);
	if (!t->ready) {
		t->ready = true;
		t->inits = i->inits;
		c->ready++;
	} else {
		t->answered++;
	}
	/* All start before the first request, so that containers do not come and go meanwhile. */
	if (c->ready < c->o->containers)
		return;
	if (t->sent || t->answered) {
		send_next(c, t);
		return;
	}
	for (int k = 0; k < c->o->containers; k++)
		send_next(c, &c->target[k]);
}

static void on_died(void *arg, struct instance *i)
{
	struct count *c = arg;

	log_error("%s died", i->id);
	c->died++;
	node_remove(i);
}

static void on_gone(_unused_ void *arg, struct instance *i)
{
	((struct target *)i->owner)->instance = NULL;
}

static const struct node_events events = { on_ready, on_response, on_died, on_gone };

static int start_all(struct count *c)
{
	const struct count_options *o = c->o;
	char function[16];
	int err = cgroup_make(c->node.mount, o->root, NULL);

	if (err < 0)
		return log_error_errno(err, "cgroup %s cannot be made", o->root);
	for (int i = 0; i < o->requests; i++)
		c->target[random_key(o->seed, i) % o->containers].quota++;
	for (int k = 0; k < o->containers; k++) {
		struct node_start s = { .number = k,
					.function = function,
					.parent = o->root,
					.declared_bytes = o->memory_bytes,
					.warm_ns = o->warm_ns,
					.owner = &c->target[k] };

		snprintf(function, sizeof(function), "f%d", k);
		c->target[k].instance = node_start(&c->node, &s, &err);
		if (!c->target[k].instance)
			return err;
		snprintf(c->target[k].id, INSTANCE_ID_BYTES, "%s", c->target[k].instance->id);
	}
	return 0;
}

static json_t *count_json(const struct count *c)
{
	json_t *o = json_object(), *targets = json_array();
	int64_t sent = 0, inits = 0, answered = 0;

	for (int k = 0; k < c->o->containers; k++) {
		const struct target *t = &c->target[k];
		char function[16];

		snprintf(function, sizeof(function), "f%d", k);
		sent += t->sent;
		inits += t->inits;
		answered += t->answered;
		json_array_append_new(targets,
				      json_pack("{s:s, s:s, s:I, s:I, s:I}", "container", t->id,
						"function", function, "sent", (json_int_t)t->sent,
						"answered", (json_int_t)t->answered, "inits",
						(json_int_t)t->inits));
	}
	json_object_set_new(o, "sent", json_integer(sent));
	json_object_set_new(o, "answered", json_integer(answered));
	json_object_set_new(o, "inits", json_integer(inits));
	json_object_set_new(o, "died", json_integer(c->died));
	json_object_set_new(o, "containers", targets);
	return o;
}

/* SIGTERM: no more requests, no more holding; what was sent is reported. */
static volatile sig_atomic_t told_to_stop;

static void stop(_unused_ int signal)
{
	told_to_stop = 1;
}

static int count(struct count *c)
{
	int r = start_all(c);
	int64_t until;

	while (r == 0 && c->finished < c->o->containers && !c->died && !told_to_stop)
		r = node_wait(&c->node, NS_PER_S / 4);
	until = clock_monotonic_ns() + c->o->hold_ns;
	while (r == 0 && clock_monotonic_ns() < until && !told_to_stop)
		r = node_wait(&c->node, MIN(until - clock_monotonic_ns(), NS_PER_S / 4));
	return r < 0 || !c->died ? r : -EIO;
}

int cmd_count(int argc, char **argv)
{
	struct count_options o = { .root = "/faasmat/main",
				   .containers = 4,
				   .requests = 1000,
				   .seed = 1,
				   .node.log = -1 };
	struct count c = { .o = &o };
	int r, exit_code;

	if (argp_parse(&argp, argc, argv, 0, NULL, &o) != 0)
		return EXIT_USAGE;
	signal(SIGTERM, stop);
	c.target = calloc(o.containers, sizeof(*c.target));
	r = c.target ? node_open(&c.node, &o.node, &events, &c) : -ENOMEM;
	if (r == 0)
		r = count(&c);
	node_close(&c.node);
	exit_code = c.target ? write_json(count_json(&c), NULL) : EXIT_FAILED;
	free(c.target);
	return r < 0 ? EXIT_FAILED : exit_code;
}
