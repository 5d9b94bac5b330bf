// SPDX-License-Identifier: GPL-2.0-or-later
/* faasmat status: one screen from the database: who is alive, the last minute, unknown containers. */
#include <math.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/outcomes.h"
#include "cli/status_governor.h"
#include "governor/governor.h"
#include "store/counters.h"
#include "store/history.h"
#include "store/plan.h"

/* Listed at most; the rest is counted. */
#define SHOWN 20

struct status_arguments {
	struct common_options common;
	const char *state_dir;
};

struct status {
	json_t *governor;
	json_t *functions;
	json_t *unknown;
	int64_t unknown_invocations;
};

static int add_function(const struct history_row *h, const char *name, void *arg)
{
	struct status *s = arg;

	json_array_append_new(
		s->functions,
		outcomes_json(json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "function", name,
					"invocations", (json_int_t)h->invocations, "busy_us",
					(json_int_t)h->busy_us, "cold_starts",
					(json_int_t)h->cold_starts, "containers",
					(json_int_t)h->containers, "memory_bytes",
					(json_int_t)h->memory_bytes, "oom_kills",
					(json_int_t)h->events_oom_kill),
			      h));
	return 0;
}

static int add_unknown(const struct container_row *row, void *arg)
{
	struct status *s = arg;

	s->unknown_invocations += row->invocations;
	json_array_append_new(s->unknown, json_pack("{s:s, s:I, s:I}", "cgroup", row->path,
						    "invocations", (json_int_t)row->invocations,
						    "peak_bytes", (json_int_t)row->peak_bytes));
	return 0;
}

static int64_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static const char *time_of(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return format_time(json_is_integer(v) ? (double)json_integer_value(v) : NAN);
}

static void print_daemon(struct store *s, const char *name, const char *key)
{
	int64_t stamp, age;

	if (store_get_meta(s, key, &stamp) < 0) {
		printf("%-10s has never written to this database\n", name);
		return;
	}
	age = (clock_stamp_us() - stamp) / US_PER_S;
	printf("%-10s wrote %lld s ago%s\n", name, (long long)age,
	       age > 180 ? ": is it running?" : "");
}

static void print_text(struct store *s, const struct status *st, int64_t minute, bool planned)
{
	const json_t *o;
	size_t i;

	/* `faasmat plan` is no daemon: what it left says how it is. */
	print_daemon(s, "collector", "collector_time_us");
	print_daemon(s, "governor", "governor_time_us");
	status_governor_print(st->governor);
	printf("minute %s: %zu functions seen, %s\n", format_minute(minute),
	       json_array_size(st->functions), planned ? "planned" : "no plan");
	if (json_array_size(st->functions))
		printf("%-40s %12s %8s %6s %7s %6s %10s %10s %6s\n", "function", "invocations",
		       "counted", "5xx", "p95", "cold", "containers", "memory", "OOM");
	json_array_foreach(st->functions, i, o)
	{
		if (i == SHOWN)
			break;
		printf("%-40s %12lld %8s %6lld %7s %6lld %10lld %10s %6lld\n",
		       printable(json_string_value(json_object_get(o, "function"))),
		       (long long)number(o, "invocations"),
		       json_string_value(json_object_get(o, "quality")),
		       (long long)number(o, "responses_5xx"), time_of(o, "p95_us"),
		       (long long)number(o, "cold_starts"), (long long)number(o, "containers"),
		       format_size(number(o, "memory_bytes")), (long long)number(o, "oom_kills"));
	}
	if (json_array_size(st->unknown))
		printf("%zu containers that no rule knows, %lld invocations (see --rules of collect):\n",
		       json_array_size(st->unknown), (long long)st->unknown_invocations);
	json_array_foreach(st->unknown, i, o)
	{
		if (i == SHOWN)
			break;
		printf("  %s: %lld invocations\n",
		       printable(json_string_value(json_object_get(o, "cgroup"))),
		       (long long)number(o, "invocations"));
	}
}

static int run(const struct status_arguments *a)
{
	const struct common_options *common = &a->common;
	_cleanup_store_ struct store *s = NULL;
	struct status st = { .functions = json_array(), .unknown = json_array() };
	struct plan_row *rows = NULL;
	int64_t minute = 0;
	bool planned;
	size_t n;
	int r;

	if (open_database(common, STORE_READ, &s) < 0)
		return EXIT_FAILED;
	/* The last minute that the collector saw to its end. */
	store_get_meta(s, "collector_whole_minute", &minute);
	r = store_each_history(s, minute, minute, add_function, &st);
	if (r == 0)
		r = store_each_unknown(s, add_unknown, &st);
	if (r == 0)
		r = status_governor(s, a->state_dir, &st.governor);
	if (r < 0) {
		log_error("%s: %s", common->db, store_why());
		return EXIT_FAILED;
	}
	planned = store_read_plan(s, minute, &rows, &n) == 0;
	free(rows);
	if (common->json)
		return print_json(json_pack("{s:o, s:I, s:b, s:o, s:o}", "governor", st.governor,
					    "minute", (json_int_t)minute, "planned", planned,
					    "functions", st.functions, "unknown", st.unknown));
	print_text(s, &st, minute, planned);
	json_decref(st.governor);
	json_decref(st.functions);
	json_decref(st.unknown);
	return EXIT_DONE;
}

enum { KEY_STATE_DIR = 0x100 };

static const struct argp_option options[] = {
	{ "state-dir", KEY_STATE_DIR, "DIR", 0, "Of the governor (default /run/faasmat)", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct status_arguments *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->common;
		return 0;
	case KEY_STATE_DIR:
		a->state_dir = arg;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument '%s'", printable(arg));
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

int cmd_status(int argc, char **argv)
{
	static const struct argp_child children[] = { { &common_argp, 0, NULL, 0 }, { 0 } };
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "One screen: when the daemons last wrote, leases on limits, what the governor did "
		       "and what its limits were worth, the last whole minute, and the containers that "
		       "no rule maps to a function.",
		.children = children,
	};
	struct status_arguments a = { .state_dir = GOVERNOR_DEFAULTS.state_dir };

	common_defaults(&a.common);
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	return run(&a);
}
