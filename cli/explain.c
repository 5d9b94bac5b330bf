// SPDX-License-Identifier: GPL-2.0-or-later
/* faasmat explain: one pool's minute, from forecast to outcome, in sentences. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/outcomes.h"
#include "cli/ledger_words.h"
#include "store/functions.h"
#include "store/history.h"
#include "store/outcomes.h"
#include "store/plan.h"

struct explain_arguments {
	struct common_options common;
	const char *function;
	int64_t minute;
	bool minute_given;
};

/* What the database knows of the minute; has_* tell which parts are there. */
struct explanation {
	const char *function; /* NULL: main */
	char pool[256];
	int64_t minute;
	struct forecast_minute forecast;
	struct plan_row plan, before;
	struct history_row history;
	struct outcome_row outcome;
	bool has_forecast, is_planned, has_pool, had_pool, has_history, has_outcome;
	json_t *ledger;
};

static int pool_of_minute(struct store *s, const char *function, int64_t minute,
			  struct plan_row *ret, bool *planned, bool *found)
{
	struct plan_row *rows;
	size_t n;
	int r = store_read_plan(s, minute, &rows, &n);

	*found = false;
	*planned = r == 0;
	if (r < 0)
		return r == -ENODATA ? 0 : r;
	for (size_t i = 0; i < n && !*found; i++) {
		*found = strcmp(rows[i].name, function) == 0;
		if (*found)
			*ret = rows[i];
	}
	free(rows);
	return 0;
}

static int take_history(const struct history_row *h, const char *name, void *arg)
{
	struct explanation *e = arg;

	if (!e->function || strcmp(name, e->function) != 0)
		return 0;
	e->history = *h;
	e->has_history = true;
	return 0;
}

static int take_ledger(const struct ledger_row *row, void *arg)
{
	struct explanation *e = arg;
	bool ours = strcmp(row->pool, e->pool) == 0;

	/* The lead's writes belong to the minute they were made for. */
	if (row->minute < e->minute && (!ours || strcmp(row->action, "write") != 0))
		return 0;
	if (ours || !*row->pool)
		json_array_append_new(e->ledger, ledger_row_json(row));
	return 0;
}

static int read_function(struct store *s, struct explanation *e)
{
	bool planned_before;
	int64_t id;
	int r = store_find_function(s, e->function, &id);

	if (r == 0)
		r = store_read_forecast(s, id, e->minute, 1, &e->forecast);
	e->has_forecast = r == 0;
	if (r < 0 && r != -ENODATA)
		return r;
	r = pool_of_minute(s, e->function, e->minute, &e->plan, &e->is_planned, &e->has_pool);
	if (r == 0)
		r = pool_of_minute(s, e->function, e->minute - 1, &e->before, &planned_before,
				   &e->had_pool);
	return r;
}

static int read_all(struct store *s, struct explanation *e)
{
	int r = e->function ? read_function(s, e) : 0;

	if (r == 0)
		r = store_each_history(s, e->minute, e->minute, take_history, e);
	if (r == 0)
		r = store_each_ledger(s, e->minute - 1, e->minute, take_ledger, e);
	if (r < 0)
		return r;
	r = store_read_outcome(s, e->pool, e->minute, &e->outcome);
	e->has_outcome = r == 0;
	return r == -ENODATA ? 0 : r;
}

static void print_forecast(const struct explanation *e)
{
	if (!e->function)
		return;
	if (!e->has_forecast)
		puts("forecast  none is stored for this minute (the function is not hot, or no plan "
		     "covers it)");
	else
		printf("forecast  %.1f invocations were expected; half of such minutes have at most "
		       "%.1f, 9 of 10 at most %.1f, 99 of 100 at most %.1f\n",
		       e->forecast.mean, e->forecast.q[0], e->forecast.q[1], e->forecast.q[3]);
}

static void print_plan(const struct explanation *e)
{
	if (!e->function) {
		puts("plan      main has what the pools leave of the node's budget");
		return;
	}
	if (!e->is_planned) {
		puts("plan      there is none for this minute; `faasmat plan` makes one");
	} else if (!e->has_pool) {
		puts("plan      no pool: the function's containers go to main");
	} else {
		printf("plan      %lld containers of %s, %s in all", (long long)e->plan.containers,
		       format_size(e->plan.unit_bytes), format_size(e->plan.bytes));
		if (e->had_pool)
			printf("; in the minute before %lld, %s", (long long)e->before.containers,
			       format_size(e->before.bytes));
		putchar('\n');
	}
}

static void print_history(const struct explanation *e)
{
	const struct history_row *h = &e->history;

	if (!e->function)
		return;
	if (!e->has_history)
		puts("counted   no invocation, or the collector did not run");
	else
		printf("counted   %lld invocations, %lld cold starts; at most %lld containers with %s "
		       "of memory, %lld OOM kills\n",
		       (long long)h->invocations, (long long)h->cold_starts,
		       (long long)h->containers, format_size(h->memory_bytes),
		       (long long)h->events_oom_kill);
	for (int i = 0; e->has_history && quality_reason(h->quality, i); i++)
		printf("          %s: %s\n", quality_word(h->quality),
		       quality_reason(h->quality, i));
}

static void print_ledger(const struct explanation *e)
{
	const json_t *row;
	size_t i;

	if (json_array_size(e->ledger) == 0)
		puts("governor  did nothing: what it would write was in force already, or it did not "
		     "run");
	json_array_foreach(e->ledger, i, row)
		printf("%s  %s\n", ledger_row_time(row), ledger_row_sentence(row));
}

static void print_outcome(const struct explanation *e)
{
	const struct outcome_row *o = &e->outcome;
	const char *would = o->applied ? "" : " would have";

	if (!e->has_outcome) {
		puts("outcome   not known: no limit was in force, or the minute is not over");
		return;
	}
	if (o->worst_bytes > 0)
		printf("outcome   the limit%s hurt: %s was used, %s more than the limit of %s; ",
		       would, format_size(o->usage_bytes), format_size(o->worst_bytes),
		       format_size(o->limit_bytes));
	else
		printf("outcome   the limit%s hurt nobody: at most %s was used of at least %s; ",
		       would, format_size(o->usage_bytes), format_size(o->limit_bytes));
	printf("%.1f MiB-minutes%s held free for the pool, %.1f%s taken from it\n",
	       (double)o->given_bytes / MIB, o->applied ? " were" : " would have been",
	       (double)o->taken_bytes / MIB, o->applied ? "" : " would have been");
}

static void print_text(const struct explanation *e)
{
	printf("%s, minute %s UTC (%lld), pool %s\n", printable(e->function ? e->function : "main"),
	       format_minute(e->minute), (long long)e->minute, printable(e->pool));
	print_forecast(e);
	print_plan(e);
	print_history(e);
	print_ledger(e);
	print_outcome(e);
}

static json_t *outcome_json(const struct outcome_row *o)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:b}", "target_bytes",
			 (json_int_t)o->target_bytes, "limit_bytes", (json_int_t)o->limit_bytes,
			 "usage_bytes", (json_int_t)o->usage_bytes, "given_bytes",
			 (json_int_t)o->given_bytes, "taken_bytes", (json_int_t)o->taken_bytes,
			 "worst_bytes", (json_int_t)o->worst_bytes, "hurt", o->worst_bytes > 0,
			 "applied", o->applied);
}

static json_t *history_json(const struct history_row *h)
{
	return outcomes_json(
		json_pack("{s:I, s:I, s:I, s:I, s:I}", "invocations", (json_int_t)h->invocations,
			  "cold_starts", (json_int_t)h->cold_starts, "containers",
			  (json_int_t)h->containers, "memory_bytes", (json_int_t)h->memory_bytes,
			  "oom_kills", (json_int_t)h->events_oom_kill),
		h);
}

static json_t *to_json(const struct explanation *e)
{
	const struct forecast_minute *f = &e->forecast;
	json_t *function = e->function ? json_string(e->function) : json_null();

	return json_pack("{s:o, s:s, s:I, s:b, s:o, s:o, s:o, s:o, s:o}", "function",
			 function ? function : json_null(), "pool", e->pool, "minute",
			 (json_int_t)e->minute, "planned", e->is_planned, "forecast",
			 e->has_forecast ? json_pack("{s:f, s:f, s:f, s:f, s:f}", "mean", f->mean,
						     "q0.5", f->q[0], "q0.9", f->q[1], "q0.95",
						     f->q[2], "q0.99", f->q[3])
					 : json_null(),
			 "plan",
			 e->has_pool ? json_pack("{s:I, s:I, s:I}", "containers",
						 (json_int_t)e->plan.containers, "bytes",
						 (json_int_t)e->plan.bytes, "unit_bytes",
						 (json_int_t)e->plan.unit_bytes)
				     : json_null(),
			 "history", e->has_history ? history_json(&e->history) : json_null(),
			 "ledger", json_incref(e->ledger), "outcome",
			 e->has_outcome ? outcome_json(&e->outcome) : json_null());
}

/* A function, or main when there is no function of that name. */
static int name_pool(struct store *s, const char *name, struct explanation *e)
{
	int64_t id;
	int r = store_find_function(s, name, &id);

	strcpy(e->pool, "main");
	if (r == -ENOENT && strcmp(name, "main") == 0)
		return 0;
	if (r == -ENOENT)
		log_error("no function '%s'; `faasmat locate` lists them", printable(name));
	else if (r < 0)
		log_error("%s", store_why());
	if (r < 0)
		return r;
	e->function = name;
	strcpy(e->pool, "pool-");
	return escape_component(name, e->pool + 5, sizeof(e->pool) - 5);
}

static int run(const struct explain_arguments *a)
{
	_cleanup_store_ struct store *s = NULL;
	struct explanation e = { .minute = a->minute };
	int r, printed = EXIT_DONE;

	if (open_database(&a->common, STORE_READ, &s) < 0 || name_pool(s, a->function, &e) < 0)
		return EXIT_FAILED;
	if (!a->minute_given && store_last_outcome(s, e.pool, &e.minute) < 0 &&
	    store_last_outcome(s, NULL, &e.minute) < 0) {
		log_error("%s: no governor has stored a minute yet; name a MINUTE", a->common.db);
		return EXIT_FAILED;
	}
	e.ledger = json_array();
	r = read_all(s, &e);
	if (r < 0)
		log_error("%s: %s", a->common.db, store_why());
	else if (a->common.json)
		printed = print_json(to_json(&e));
	else
		print_text(&e);
	json_decref(e.ledger);
	return r < 0 ? EXIT_FAILED : printed;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct explain_arguments *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->common;
		return 0;
	case ARGP_KEY_ARG:
		if (!a->function) {
			a->function = arg;
		} else if (!a->minute_given) {
			if (parse_minute(arg, clock_minute(&CLOCK_REAL), &a->minute) < 0)
				argp_error(state,
					   "MINUTE is UTC, such as 2026-11-23T07:05 or 07:05, or "
					   "minutes since the epoch, not '%s'",
					   printable(arg));
			a->minute_given = true;
		} else {
			argp_error(state, "unexpected argument '%s'", printable(arg));
		}
		return 0;
	case ARGP_KEY_END:
		if (!a->function)
			argp_error(state, "name a function, or main");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

int cmd_explain(int argc, char **argv)
{
	static const struct argp_child children[] = { { &common_argp, 0, NULL, 0 }, { 0 } };
	static const struct argp argp = {
		.parser = parse,
		.args_doc = "FUNCTION|main [MINUTE]",
		.doc = "One pool's minute in sentences: what was forecast, planned and counted, what the "
		       "governor did or would have done and why, and what came of it.\v"
		       "Without MINUTE: the last one whose outcome is known.",
		.children = children,
	};
	struct explain_arguments a = { 0 };

	common_defaults(&a.common);
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	return run(&a);
}
