// SPDX-License-Identifier: GPL-2.0-or-later
/* faasmat simulate: replays a load on a node in virtual time. */
#include <errno.h>
#include <string.h>

#include "cli/simulate.h"
#include "simulator/hot.h"
#include "simulator/plot.h"

enum {
	KEY_FUNCTIONS = 0x100,
	KEY_MIX,
	KEY_DAY,
	KEY_BACKGROUND,
	KEY_INVOCATIONS,
	KEY_MEMORY_EACH,
	KEY_POLICY,
	KEY_MEMORY,
	KEY_TTL,
	KEY_KEEP_ALIVE,
	KEY_SHARE,
	KEY_ARRIVALS,
	KEY_SEED,
	KEY_TIE_ORDER,
	KEY_COMPAT,
	KEY_POOL_FACTOR,
	KEY_MINUTES,
	KEY_PREDICTION,
	KEY_RULE,
	KEY_WITHOUT,
	KEY_MAIN,
	KEY_TARGET_DROP,
	KEY_QUANTILE,
	KEY_CSV,
	KEY_PER_FUNCTION,
	KEY_PER_MINUTE,
	KEY_PLOT,
	KEY_THREADS,
};

static const struct argp_option option_list[] = {
	{ NULL, 0, NULL, 0,
	  "Load: --functions, --mix or --invocations; without them the database's history:", 1 },
	{ "functions", KEY_FUNCTIONS, "FILE", 0,
	  "One combined Azure day (columns 1..1440, Average, Maximum, Count, divvied)", 1 },
	{ "mix", KEY_MIX, "DIR", 0,
	  "functions.csv (function,memory_mb,warm_ms,cold_ms) and history.csv[.gz] "
	  "(function,day,minute,count) of several days",
	  1 },
	{ "invocations", KEY_INVOCATIONS, "FILE", 0,
	  "Azure 2021 trace, a row an invocation: app,func,end_timestamp,duration (s)", 1 },
	{ "day", KEY_DAY, "D", 0,
	  "The judged day; those before it are what is known when it begins. With --mix 0 (default) is "
	  "the last, -1 the one before; with the database a date (default its last whole day); with "
	  "--invocations as with --mix (default: the whole trace is replayed)",
	  1 },
	{ "background", KEY_BACKGROUND, "FILE", 0,
	  "A combined Azure day whose functions share the node, less its hot ones", 1 },
	{ "container-memory", KEY_MEMORY_EACH, "SIZE", 0,
	  "Memory of a container where nobody knows it: with --invocations, and of functions that the "
	  "database has never seen run (default 128M)",
	  1 },
	{ NULL, 0, NULL, 0, "Runs (lists, separated by commas, run every combination):", 2 },
	{ "policy", KEY_POLICY, "LIST", 0,
	  "lru, ttl, greedy-dual, landlord, freq, size, hist, ssmp, ssmp-simple, dsmp, faasmat, or all "
	  "(default lru,ssmp,dsmp,faasmat)",
	  2 },
	{ "memory", KEY_MEMORY, "LIST", 0, "The node's memory for containers (default 16G)", 2 },
	{ "queue-ttl", KEY_TTL, "LIST", 0, "A call that waits longer is dropped (default 10ms)",
	  2 },
	{ "keep-alive", KEY_KEEP_ALIVE, "TIME", 0,
	  "Idle containers live this long in lru, ttl, ssmp, dsmp (default 10m)", 2 },
	{ "share", KEY_SHARE, "SHARE", 0, "Of the memory that pools may take (default 0.7)", 2 },
	{ "pool-factor", KEY_POOL_FACTOR, "X", 0, "Pools X times as large as sized (default 1)",
	  2 },
	{ "minutes", KEY_MINUTES, "N", 0, "Only the first N minutes", 2 },
	{ "arrivals", KEY_ARRIVALS, "KIND", 0,
	  "When within its minute a call comes: trace, as recorded (default with --invocations); thesis, "
	  "i x floor(60000 / count) ms (default); uniform, spread over the minute; poisson, at random",
	  2 },
	{ "seed", KEY_SEED, "S", 0, "Of poisson arrivals (default 1)", 2 },
	{ "tie-order", KEY_TIE_ORDER, "ORDER", 0,
	  "Of calls in the same ms: stable (default) or author, as the paper's tables were made",
	  2 },
	{ "compat", KEY_COMPAT, "thesis", 0, "Exactly as the paper's program, quirks included", 2 },
	{ "rule", KEY_RULE, "RULE", 0,
	  "Which functions are hot: text (default) or program (default with --compat)", 2 },
	{ "prediction", KEY_PREDICTION, "P", 0,
	  "What dsmp and faasmat expect: model, prophet, oracle, mean, or a CSV file "
	  "function,1,...,1440 (default model where the load has a past, else mean)",
	  2 },
	{ "without", KEY_WITHOUT, "LIST", 0,
	  "Parts of faasmat to leave out: erlang, prewarm, keep, borrow, patience, spill, pass, worth",
	  2 },
	{ "main", KEY_MAIN, "ORDER", 0,
	  "Of eviction in faasmat's main pool: lru (default) or greedy-dual", 2 },
	{ "target-drop", KEY_TARGET_DROP, "SHARE", 0,
	  "Of erlang sizing: calls that find no container free (default 0.01)", 2 },
	{ "quantile", KEY_QUANTILE, "Q", 0, "Of the forecast that pools are sized for (0.95)", 2 },
	{ "threads", KEY_THREADS, "N", 0, "Runs at the same time (default: one a processor)", 2 },
	{ NULL, 0, NULL, 0, "Output:", 3 },
	{ "csv", KEY_CSV, NULL, 0, "A CSV row a run, with the fields that --json has", 3 },
	{ "per-function", KEY_PER_FUNCTION, NULL, 0,
	  "With --json: outcomes of every function, too; with --csv: a row a function", 3 },
	{ "per-minute", KEY_PER_MINUTE, "FILE", 0, "Outcomes and memory of every minute as CSV",
	  3 },
	{ "plot", KEY_PLOT, "DIR", 0, "The paper's figures for these runs (gnuplot, SVG)", 3 },
	{ 0 },
};

/* Calls one(item) for each item of a list. */
static void each_item(char *list, struct argp_state *state, const char *option,
		      void (*one)(const char *item, struct argp_state *state))
{
	char *rest = list, *item;
	size_t n = 0;

	while ((item = strsep(&rest, ","))) {
		if (++n > SIMULATE_MAX_LIST)
			argp_error(state, "%s takes at most %d values", option, SIMULATE_MAX_LIST);
		one(item, state);
	}
}

static void add_policy(const char *item, struct argp_state *state)
{
	struct simulate_options *o = state->input;

	if (strcmp(item, "all") == 0) {
		for (int i = 0; i < N_POLICIES; i++)
			o->policy[o->n_policies++ % SIMULATE_MAX_LIST] = i;
		return;
	}
	if (policy_parse(item, &o->policy[o->n_policies++ % SIMULATE_MAX_LIST]) < 0)
		argp_error(state, "--policy: there is no policy '%s'", item);
}

static void add_memory(const char *item, struct argp_state *state)
{
	struct simulate_options *o = state->input;

	o->memory[o->n_memories++] = option_size(item, state, "--memory");
}

static void add_ttl(const char *item, struct argp_state *state)
{
	struct simulate_options *o = state->input;

	o->queue_ttl[o->n_ttls++] = option_duration_ns(item, state, "--queue-ttl") / NS_PER_MS;
}

static error_t parse_load(int key, char *arg, struct argp_state *state)
{
	struct simulate_options *o = state->input;

	switch (key) {
	case KEY_FUNCTIONS:
		o->functions = arg;
		return 0;
	case KEY_MIX:
		o->mix = arg;
		return 0;
	case KEY_INVOCATIONS:
		o->invocations = arg;
		return 0;
	case KEY_DAY:
		o->day = arg;
		return 0;
	case KEY_BACKGROUND:
		o->background = arg;
		return 0;
	case KEY_MEMORY_EACH:
		o->memory_each = option_size(arg, state, "--container-memory");
		return 0;
	case KEY_CSV:
		o->csv = true;
		return 0;
	case KEY_PER_FUNCTION:
		o->per_function = true;
		return 0;
	case KEY_PER_MINUTE:
		o->per_minute = arg;
		return 0;
	case KEY_PLOT:
		o->plot = arg;
		return 0;
	case KEY_THREADS:
		o->threads = option_count(arg, state, "--threads", 1, 1024);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static error_t parse_run(int key, char *arg, struct argp_state *state)
{
	struct simulate_options *o = state->input;
	unsigned int parts;

	switch (key) {
	case KEY_KEEP_ALIVE:
		o->run.keep_alive = option_duration_ns(arg, state, "--keep-alive") / NS_PER_MS;
		return 0;
	case KEY_SHARE:
		o->run.share = option_share(arg, state, "--share");
		return 0;
	case KEY_POOL_FACTOR:
		o->run.pool_factor = option_number(arg, state, "--pool-factor");
		if (o->run.pool_factor <= 0 || o->run.pool_factor > 1000)
			argp_error(state, "--pool-factor takes a number above 0, at most 1000");
		return 0;
	case KEY_MINUTES:
		o->run.minutes = option_count(arg, state, "--minutes", 1, 1000000);
		return 0;
	case KEY_ARRIVALS:
		if (arrivals_parse(arg, &o->run.arrivals) < 0)
			argp_error(state,
				   "--arrivals takes trace, thesis, uniform or poisson, not '%s'",
				   arg);
		o->arrivals_given = true;
		return 0;
	case KEY_SEED:
		o->run.seed = option_count(arg, state, "--seed", 0, INT64_MAX);
		return 0;
	case KEY_WITHOUT:
		if (faasmat_parts_parse(arg, &parts) < 0)
			argp_error(state, "--without: there is no such part in '%s'", arg);
		o->run.parts &= ~parts;
		return 0;
	case KEY_MAIN:
		if (strcmp(arg, "lru") != 0 && strcmp(arg, "greedy-dual") != 0)
			argp_error(state, "--main takes lru or greedy-dual, not '%s'", arg);
		o->run.main_eviction = arg[0] == 'l' ? EVICT_LRU : EVICT_GREEDY_DUAL;
		return 0;
	case KEY_TARGET_DROP:
		o->run.target_drop = option_share(arg, state, "--target-drop");
		return 0;
	case KEY_QUANTILE:
		o->run.quantile = option_share(arg, state, "--quantile");
		if (o->run.quantile <= 0 || o->run.quantile >= 1)
			argp_error(state, "--quantile takes a share between 0 and 1");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static error_t parse_rules(int key, char *arg, struct argp_state *state)
{
	struct simulate_options *o = state->input;

	switch (key) {
	case KEY_POLICY:
		o->n_policies = 0;
		each_item(arg, state, "--policy", add_policy);
		return 0;
	case KEY_MEMORY:
		o->n_memories = 0;
		each_item(arg, state, "--memory", add_memory);
		return 0;
	case KEY_TTL:
		o->n_ttls = 0;
		each_item(arg, state, "--queue-ttl", add_ttl);
		return 0;
	case KEY_TIE_ORDER:
		if (strcmp(arg, "author") != 0 && strcmp(arg, "stable") != 0)
			argp_error(state, "--tie-order takes stable or author, not '%s'", arg);
		o->author_order = arg[0] == 'a';
		return 0;
	case KEY_COMPAT:
		if (strcmp(arg, "thesis") != 0)
			argp_error(state, "--compat takes thesis, not '%s'", arg);
		o->run.compat = true;
		return 0;
	case KEY_RULE:
		if (locator_rule_parse(arg, &o->locator.rule) < 0)
			argp_error(state, "--rule takes text or program, not '%s'", arg);
		o->rule_given = true;
		return 0;
	case KEY_PREDICTION:
		o->prediction = arg;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static void check(struct simulate_options *o, struct argp_state *state)
{
	int loads = !!o->functions + !!o->mix + !!o->invocations;

	if (loads > 1)
		argp_error(state, "--functions, --mix and --invocations exclude one another");
	if (o->per_function && !o->csv && !o->common.json)
		argp_error(state, "--per-function goes with --json or --csv");
	if (o->csv && o->common.json)
		argp_error(state, "--json and --csv exclude one another");
	o->from_database = loads == 0;
	if (o->n_policies > SIMULATE_MAX_LIST)
		argp_error(state, "--policy takes at most %d values", SIMULATE_MAX_LIST);
	for (size_t i = 0; i < o->n_policies && o->run.compat; i++)
		switch (o->policy[i]) {
		case POLICY_LRU:
		case POLICY_SSMP:
		case POLICY_SSMP_SIMPLE:
		case POLICY_DSMP:
			break;
		default:
			argp_error(state,
				   "--compat thesis knows lru, ssmp, ssmp-simple and dsmp, not %s",
				   policy_name(o->policy[i]));
		}
	if (!o->arrivals_given && o->invocations && !o->background && !o->author_order)
		o->run.arrivals = ARRIVALS_TRACE;
	if (o->author_order && o->run.arrivals != ARRIVALS_THESIS)
		argp_error(state, "--tie-order author goes with --arrivals thesis");
	if (!o->rule_given && o->run.compat)
		o->locator.rule = RULE_PROGRAM;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct simulate_options *o = state->input;
	error_t r;

	if (key == ARGP_KEY_INIT) {
		state->child_inputs[0] = &o->common;
		return 0;
	}
	if (key == ARGP_KEY_ARG)
		argp_error(state, "'%s' is no option", arg);
	if (key == ARGP_KEY_END) {
		check(o, state);
		return 0;
	}
	r = parse_load(key, arg, state);
	r = r == ARGP_ERR_UNKNOWN ? parse_run(key, arg, state) : r;
	return r == ARGP_ERR_UNKNOWN ? parse_rules(key, arg, state) : r;
}

static void defaults(struct simulate_options *o)
{
	*o = (struct simulate_options){
		.memory_each = 128 * MIB,
		.policy = { POLICY_LRU, POLICY_SSMP, POLICY_DSMP, POLICY_FAASMAT },
		.n_policies = 4,
		.memory = { 16 * GIB },
		.n_memories = 1,
		.queue_ttl = { 10 },
		.n_ttls = 1,
		.threads = sysconf(_SC_NPROCESSORS_ONLN),
		.run = { .keep_alive = 600000,
			 .share = 0.7,
			 .pool_factor = 1,
			 .seed = 1,
			 .minutes = SIZE_MAX,
			 .parts = PART_ALL,
			 .target_drop = 0.01,
			 .quantile = 0.95 },
		.locator = LOCATOR_DEFAULTS,
	};
	common_defaults(&o->common);
}

struct output {
	const struct simulate_options *o;
	const struct load *load;
	FILE *minutes;
	struct plot *plot;
	size_t printed, wanted; /* runs */
};

static int run_done(struct sweep_run *run, void *arg)
{
	struct output *out = arg;
	int r = 0;

	if (run->error < 0) {
		if (run->result.why[0])
			log_error("%s", run->result.why);
		else
			log_error_errno(run->error, "the run with %s failed",
					policy_name(run->options.policy));
		return run->error;
	}
	if (simulate_print(out->o, out->load, run, out->printed == 0) != EXIT_DONE)
		return -EIO;
	if (out->minutes)
		r = simulate_print_minutes(out->minutes, out->load, run, out->printed == 0);
	if (out->plot && r == 0)
		r = plot_add(out->plot, run);
	out->printed++;
	/* Rows on a terminal say themselves how far it is. */
	if (!isatty(STDOUT_FILENO))
		log_progress("simulating", out->printed, out->wanted);
	return r;
}

static struct sweep_run *list_runs(const struct simulate_options *o, size_t *ret_n)
{
	size_t n = o->n_policies * o->n_memories * o->n_ttls, at = 0;
	struct sweep_run *runs = calloc(n, sizeof(*runs));

	for (size_t m = 0; runs && m < o->n_memories; m++)
		for (size_t t = 0; t < o->n_ttls; t++)
			for (size_t p = 0; p < o->n_policies; p++) {
				struct run_options *run = &runs[at++].options;

				*run = o->run;
				run->memory = o->memory[m];
				run->queue_ttl = o->queue_ttl[t];
				run->policy = o->policy[p];
				run->per_minute = o->per_minute || o->plot;
			}
	*ret_n = n;
	return runs;
}

static int run_all(struct simulate_options *o, const struct load *l, struct output *out)
{
	_cleanup_free_ struct sweep_run *runs = NULL;
	size_t n;
	int r;

	runs = list_runs(o, &n);
	if (!runs)
		return log_error_errno(-ENOMEM, "cannot list the runs");
	out->wanted = n;
	r = sweep(l, runs, n, o->threads, run_done, out);
	if (r == 0 && out->minutes && fflush(out->minutes) != 0)
		r = log_error_errno(-errno, "%s: cannot write", o->per_minute);
	return r;
}

/* What all runs share: hot functions, prediction, order of ties. */
static int prepare(struct simulate_options *o, const struct load *l, uint32_t **located,
		   struct prediction *p, struct author_order *order)
{
	int r = locate_hot(l, &o->locator, located, &o->run.n_located);

	if (r < 0)
		return log_error_errno(r, "cannot locate hot functions");
	o->run.located = *located;
	for (size_t i = 0; i < o->n_policies; i++)
		if (policy_predicts(o->policy[i])) {
			r = simulate_predict(o, l, p);
			if (r < 0)
				return r;
			o->run.prediction = p;
			break;
		}
	if (o->author_order) {
		r = author_order_make(l, order);
		if (r < 0)
			return log_error_errno(r,
					       "--tie-order author sorts the whole day in memory");
		o->run.order = order;
	}
	return 0;
}

static int simulate_all(struct simulate_options *o, const struct load *l)
{
	_cleanup_prediction_ struct prediction prediction = { 0 };
	_cleanup_free_ uint32_t *located = NULL;
	_cleanup_fclose_ FILE *minutes = NULL;
	struct author_order order = { 0 };
	struct output out = { .o = o, .load = l };
	int r = prepare(o, l, &located, &prediction, &order);

	if (r == 0 && o->per_minute) {
		out.minutes = minutes = fopen(o->per_minute, "we");
		if (!minutes)
			r = log_error_errno(-errno, "%s: cannot write", o->per_minute);
	}
	if (r == 0 && o->plot)
		r = plot_new(o->plot, l, &o->run, &out.plot);
	if (r == 0)
		r = run_all(o, l, &out);
	if (r == 0 && out.plot)
		r = plot_finish(out.plot);
	plot_free(out.plot);
	author_order_release(&order);
	return r;
}

int cmd_simulate(int argc, char **argv)
{
	static struct simulate_options o;
	_cleanup_load_ struct load l = { 0 };
	const struct argp_child children[] = { { &common_argp, 0, NULL, 0 }, { 0 } };
	const struct argp argp = {
		.options = option_list,
		.parser = parse,
		.doc = "Replays a load on a node in virtual time: which policy, how much memory, what would "
		       "tomorrow's plan do? Prints a row a run; counts are calls. The node is empty at "
		       "minute 0.\v"
		       "Examples:\n"
		       "  faasmat simulate                 the last day of this node's history, 16G\n"
		       "  faasmat simulate --policy all --memory 4G,8G,16G   which policy, how much memory\n"
		       "  faasmat simulate --functions day.csv.gz --compat thesis --tie-order author "
		       "--policy lru,ssmp --memory 16G --json --per-function   the paper's tables\n"
		       "docs/policies.md describes the policies, docs/paper.md the paper's experiments.",
		.children = children,
	};

	defaults(&o);
	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	if (simulate_load(&o, &l) < 0 || simulate_all(&o, &l) < 0)
		return EXIT_FAILED;
	return EXIT_DONE;
}
