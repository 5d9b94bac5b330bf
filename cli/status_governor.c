// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/status_governor.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/ledger_words.h"
#include "governor/effects.h"
#include "governor/lease.h"
#include "store/outcomes.h"
#include "store/plan.h"

/* Of the ledger, and of the outcomes: in minutes up to the newest. */
#define LEDGER_MINUTES 60
/* A governor writes once a minute. */
#define GOVERNOR_SILENT_US (180 * US_PER_S)
#define OUTCOME_MINUTES MINUTES_PER_DAY

static void add_lease(const struct lease_info *l, void *arg)
{
	int64_t left = l->expires_ns - clock_boottime_ns();
	json_t *root = json_string(l->root);

	json_array_append_new(arg, json_pack("{s:o, s:f, s:I, s:b, s:I}", "root",
					     root ? root : json_null(), "seconds_left",
					     (double)left / NS_PER_S, "governor",
					     (json_int_t)l->governor, "governor_runs",
					     kill(l->governor, 0) == 0 || errno == EPERM,
					     "watchdog", (json_int_t)l->watchdog));
}

static int add_action(int64_t count, const struct ledger_row *row, void *arg)
{
	json_array_append_new(arg, json_pack("{s:s, s:I, s:o}", "action", row->action, "count",
					     (json_int_t)count, "last", ledger_row_json(row)));
	return 0;
}

static json_t *sum_json(const struct outcome_sum *sum)
{
	return json_pack("{s:I, s:I, s:I, s:f, s:f}", "pool_minutes", (json_int_t)sum->pool_minutes,
			 "minutes_hurt", (json_int_t)sum->minutes_hurt, "pools_hurt",
			 (json_int_t)sum->pools_hurt, "given_mib_minutes",
			 (double)sum->given_bytes / MIB, "taken_mib_minutes",
			 (double)sum->taken_bytes / MIB);
}

static int add_outcomes(struct store *s, json_t *to)
{
	struct outcome_sum shadow, applied;
	int64_t last;
	int r = store_last_outcome(s, NULL, &last);

	if (r == -ENODATA)
		return 0;
	if (r == 0)
		r = store_sum_outcomes(s, last - OUTCOME_MINUTES + 1, last, false, &shadow);
	if (r == 0)
		r = store_sum_outcomes(s, last - OUTCOME_MINUTES + 1, last, true, &applied);
	if (r < 0)
		return r;
	json_object_set_new(to, "shadow", sum_json(&shadow));
	json_object_set_new(to, "applied", sum_json(&applied));
	return 0;
}

/* What was in force when the governor last wrote; null when it never did, or no longer does. */
static json_t *effects_json(struct store *s)
{
	int64_t effects, stamp;
	struct effects_words w;

	if (store_get_meta(s, EFFECTS_META, &effects) < 0 ||
	    store_get_meta(s, "governor_time_us", &stamp) < 0 ||
	    clock_stamp_us() - stamp > GOVERNOR_SILENT_US)
		return json_null();
	w = effects_in_words((int)effects);
	return json_pack("{s:b, s:s, s:b, s:s}", "isolate", w.isolate, "isolate_why", w.isolate_why,
			 "keep_alive", w.keep_alive, "keep_alive_why", w.keep_alive_why);
}

int status_governor(struct store *s, const char *state_dir, json_t **ret)
{
	json_t *leases = json_array(), *actions = json_array(), *outcomes = json_object();
	int64_t last, planned;
	int r = store_last_ledger(s, &last);

	/* No directory, no lease. */
	lease_each(state_dir, add_lease, leases);
	if (r == 0)
		r = store_count_ledger(s, last - LEDGER_MINUTES + 1, last, add_action, actions);
	if (r == 0 || r == -ENODATA)
		r = add_outcomes(s, outcomes);
	if (r == 0)
		r = store_last_planned(s, &planned);
	*ret = json_pack("{s:o, s:o, s:o, s:i, s:o, s:o}", "effects", effects_json(s), "leases",
			 leases, "plan_until", r == 0 ? json_integer(planned) : json_null(),
			 "ledger_minutes", LEDGER_MINUTES, "actions", actions, "outcomes",
			 outcomes);
	if (r == 0 || r == -ENODATA)
		return 0;
	json_decref(*ret);
	*ret = NULL;
	return r;
}

static double number(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static void print_lease(const json_t *l)
{
	double left = number(l, "seconds_left");
	bool runs = json_is_true(json_object_get(l, "governor_runs"));

	printf("lease      %s: ends in %.0f s unless renewed; governor %s (%.0f), watchdog ",
	       printable(json_string_value(json_object_get(l, "root"))), left > 0 ? left : 0,
	       runs ? "runs" : "is gone", number(l, "governor"));
	if (number(l, "watchdog") > 0)
		printf("runs (%.0f)\n", number(l, "watchdog"));
	else
		puts("IS MISSING: the next heartbeat starts one");
}

static void print_effects(const json_t *effects)
{
	if (!json_is_object(effects))
		return;
	for (int keep = 0; keep < 2; keep++)
		printf("%-10s %s: %s\n", keep ? "keep alive" : "isolate",
		       json_is_true(json_object_get(effects, keep ? "keep_alive" : "isolate"))
			       ? "yes"
			       : "no",
		       json_string_value(
			       json_object_get(effects, keep ? "keep_alive_why" : "isolate_why")));
}

static void print_sum(const json_t *outcomes, const char *key, const char *would)
{
	const json_t *sum = json_object_get(outcomes, key);

	if (!sum || number(sum, "pool_minutes") == 0)
		return;
	printf("limits     %s hurt in %.0f of %.0f pool-minutes (%.0f pools) of the last day; "
	       "%.0f MiB-minutes held free for pools, %.1f taken from what was used\n",
	       would, number(sum, "minutes_hurt"), number(sum, "pool_minutes"),
	       number(sum, "pools_hurt"), number(sum, "given_mib_minutes"),
	       number(sum, "taken_mib_minutes"));
}

void status_governor_print(const json_t *status)
{
	const json_t *until = json_object_get(status, "plan_until"), *o, *outcomes;
	size_t i;

	if (json_is_integer(until))
		printf("plan       until %s UTC\n", format_minute(json_integer_value(until)));
	else
		puts("plan       none yet: `faasmat plan` makes one");
	if (json_array_size(json_object_get(status, "leases")) == 0)
		puts("lease      none: no limit is in force (shadow mode, or no governor)");
	json_array_foreach(json_object_get(status, "leases"), i, o) print_lease(o);
	print_effects(json_object_get(status, "effects"));
	outcomes = json_object_get(status, "outcomes");
	print_sum(outcomes, "applied", "have");
	print_sum(outcomes, "shadow", "would have");
	if (json_array_size(json_object_get(status, "actions")))
		printf("%-10s %6s  newest, in the last %.0f minutes of the ledger\n", "action",
		       "count", number(status, "ledger_minutes"));
	json_array_foreach(json_object_get(status, "actions"), i, o)
	{
		const json_t *last = json_object_get(o, "last");

		printf("%-10s %6.0f  %s %s %s\n", json_string_value(json_object_get(o, "action")),
		       number(o, "count"), format_minute((int64_t)number(last, "minute")),
		       printable(json_string_value(json_object_get(last, "pool"))),
		       ledger_row_sentence(last));
	}
}
