// SPDX-License-Identifier: GPL-2.0-or-later
/* faasmat status: one screen from the database: who is alive, the last minute, unknown containers. */
#include <string.h>

#include "cli/cli.h"
#include "store/counters.h"
#include "store/history.h"
#include "store/plan.h"

/* Listed at most; the rest is counted. */
#define SHOWN 20

struct status {
	json_t *functions;
	json_t *unknown;
	int64_t unknown_invocations;
};

static int add_function(const struct history_row *h, const char *name, void *arg)
{
	struct status *s = arg;

	json_array_append_new(
		s->functions,
		json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "function", name, "invocations",
			  (json_int_t)h->invocations, "busy_us", (json_int_t)h->busy_us,
			  "cold_starts", (json_int_t)h->cold_starts, "containers",
			  (json_int_t)h->containers, "memory_bytes", (json_int_t)h->memory_bytes,
			  "oom_kills", (json_int_t)h->events_oom_kill));
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

	print_daemon(s, "collector", "collector_time_us");
	print_daemon(s, "governor", "governor_time_us");
	printf("minute %s: %zu functions seen, %s\n", format_minute(minute),
	       json_array_size(st->functions), planned ? "planned" : "no plan");
	if (json_array_size(st->functions))
		printf("%-40s %12s %10s %10s %10s %6s\n", "function", "invocations", "cold",
		       "containers", "memory", "OOM");
	json_array_foreach(st->functions, i, o)
	{
		if (i == SHOWN)
			break;
		printf("%-40s %12lld %10lld %10lld %10s %6lld\n",
		       printable(json_string_value(json_object_get(o, "function"))),
		       (long long)number(o, "invocations"), (long long)number(o, "cold_starts"),
		       (long long)number(o, "containers"), format_size(number(o, "memory_bytes")),
		       (long long)number(o, "oom_kills"));
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

static int run(const struct common_options *common)
{
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
	if (r < 0) {
		log_error("%s: %s", common->db, store_why());
		return EXIT_FAILED;
	}
	planned = store_read_plan(s, minute, &rows, &n) == 0;
	free(rows);
	if (common->json)
		return print_json(json_pack("{s:I, s:b, s:o, s:o}", "minute", (json_int_t)minute,
					    "planned", planned, "functions", st.functions,
					    "unknown", st.unknown));
	print_text(s, &st, minute, planned);
	json_decref(st.functions);
	json_decref(st.unknown);
	return EXIT_DONE;
}

int cmd_status(int argc, char **argv)
{
	struct common_options common;

	common_parse_only(argc, argv,
			  "One screen: when the daemons last wrote, the last whole minute, and the "
			  "containers that no rule maps to a function.",
			  &common);
	return run(&common);
}
