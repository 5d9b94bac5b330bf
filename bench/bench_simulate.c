// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How fast the simulator is: the paper's load by policy, and a day of 900 million invocations of
 * 36,000 functions. One thread; generation of arrivals included, reading of files not. Rates are by
 * processor time, so that a neighbour on the machine does not slow them.
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "common/clock.h"
#include "common/log.h"
#include "simulator/hot.h"
#include "simulator/simulate.h"
#include "simulator/traces.h"

#define LOAD "tests/data/simulator/representative_functions.csv.gz"
#define RUNS 3
#define JAVA "the thesis author's Java simulator, not run here"
#define PYTHON "FaaSCache's Python simulator, first 10 minutes, not run here"
#define COPIES 90
#define LARGE_TOTAL 900e6
/* Of the large load, so that it takes some times what the paper's day does. */
#define COST_MINUTES 100
#define TURNS 3

static void print(const char *name, double value, const char *unit)
{
	printf("{\"bench\":\"simulate\",\"case\":\"%s\",\"value\":%.6g,\"unit\":\"%s\"}\n", name,
	       value, unit);
	fflush(stdout);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v)
{
	qsort(v, RUNS, sizeof(*v), compare);
	return v[RUNS / 2];
}

static double processor_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* All that the program does once it has read its files: locates, predicts (the day's own counts), runs.
 * Processor seconds, and *ret_wall when it is not NULL; negative after a failure. */
static double run(const struct load *l, enum policy policy, bool compat, int64_t memory,
		  size_t minutes, double *ret_wall)
{
	double seconds = -1, began = processor_seconds();
	int64_t wall = clock_monotonic_ns();
	_cleanup_prediction_ struct prediction prediction = { 0 };
	_cleanup_free_ uint32_t *located = NULL;
	struct locator_options rule = LOCATOR_DEFAULTS;
	struct run_options o = { .policy = policy,
				 .compat = compat,
				 .memory = memory,
				 .queue_ttl = 10,
				 .keep_alive = 600000,
				 .share = 0.7,
				 .pool_factor = 1,
				 .minutes = minutes,
				 .prediction = &prediction,
				 .parts = PART_ALL,
				 .target_drop = 0.01 };
	struct run_result r = { 0 };

	rule.rule = RULE_PROGRAM;
	if (locate_hot(l, &rule, &located, &o.n_located) < 0 ||
	    prediction_oracle(l, located, o.n_located, &prediction) < 0)
		return -1;
	o.located = located;
	if (simulate(l, &o, &r) < 0)
		log_error("%s", r.why);
	else
		seconds = processor_seconds() - began;
	if (ret_wall)
		*ret_wall = (clock_monotonic_ns() - wall) / 1e9;
	run_result_release(&r);
	return seconds;
}

static int bench_paper(const struct load *l)
{
	/* The other programs were measured on another machine of this kind (docs/simulator.md). */
	static const struct {
		const char *name;
		enum policy policy;
		bool compat;
		double elsewhere;
		const char *program;
	} cases[] = {
		{ "lru-compat-16G", POLICY_LRU, true, 0.046, JAVA },
		{ "ssmp-compat-16G", POLICY_SSMP, true, 0.136, JAVA },
		{ "dsmp-compat-16G", POLICY_DSMP, true, 0.123, JAVA },
		{ "lru-16G", POLICY_LRU, false, 0.0057, PYTHON },
		{ "greedy-dual-16G", POLICY_GREEDY_DUAL, false, 0.0025, PYTHON },
		{ "ssmp-16G", POLICY_SSMP, false, 0, NULL },
		{ "dsmp-16G", POLICY_DSMP, false, 0, NULL },
		{ "faasmat-16G", POLICY_FAASMAT, false, 0, NULL },
	};
	double seconds[ARRAY_SIZE(cases)][RUNS];

	for (int i = 0; i < RUNS; i++)
		for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
			seconds[c][i] = run(l, cases[c].policy, cases[c].compat, 16 * GIB,
					    MINUTES_PER_DAY, NULL);
			if (seconds[c][i] < 0)
				return -1;
		}
	for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
		print(cases[c].name, l->total / median(seconds[c]) / 1e6, "M invocations/s");
		if (cases[c].program)
			printf("{\"bench\":\"simulate\",\"case\":\"%s-elsewhere\",\"value\":%g,"
			       "\"unit\":\"M invocations/s\",\"program\":\"%s\"}\n",
			       cases[c].name, cases[c].elsewhere, cases[c].program);
	}
	return 0;
}

/* Each function of the paper's load COPIES times, each copy shifted in time, all scaled to the total. */
static int make_large(const struct load *small, struct load *ret)
{
	struct load_builder b = { 0 };
	double scale = LARGE_TOTAL / ((double)small->total * COPIES);
	_cleanup_free_ double *left = calloc(small->n_functions * COPIES, sizeof(*left));
	char name[320];

	if (!left)
		return -1;
	for (size_t f = 0; f < small->n_functions; f++)
		for (size_t c = 0; c < COPIES; c++) {
			int64_t i;

			snprintf(name, sizeof(name), "%s-%zu", small->function[f].name, c);
			i = load_add_function(&b, name);
			if (i < 0)
				return -1;
			b.load.function[i].memory = small->function[f].memory;
			b.load.function[i].warm = small->function[f].warm;
			b.load.function[i].cold = small->function[f].cold;
		}
	for (size_t m = 0; m < small->n_minutes; m++)
		for (size_t k = small->first[m]; k < small->first[m + 1]; k++)
			for (size_t c = 0; c < COPIES; c++) {
				size_t i = small->cell[k].function * COPIES + c;
				size_t at = (m + 37 * c) % small->n_minutes;
				int64_t count;

				left[i] += small->cell[k].count * scale;
				count = left[i];
				left[i] -= count;
				b.load.function[i].calls += count;
				if (load_add_count(&b, i, at, count) < 0)
					return -1;
			}
	return load_finish(&b, small->n_minutes, ret);
}

static double resident_mb(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss / 1024.0;
}

/* Seconds an invocation of faasmat in the first `minutes`. */
static double cost(const struct load *l, int64_t memory, size_t minutes)
{
	double seconds = run(l, POLICY_FAASMAT, false, memory, minutes, NULL);
	int64_t calls = 0;

	for (size_t i = 0; i < l->first[minutes]; i++)
		calls += l->cell[i].count;
	return seconds / calls;
}

/*
 * How much dearer an invocation is where 90 times as many functions share a node 64 times as large.
 * Runs of both take turns, and the median of their ratios counts, so that a busy machine slows both.
 */
static int bench_cost(const struct load *paper, const struct load *large)
{
	double ratio[RUNS];

	for (int i = 0; i < RUNS; i++) {
		double small = 0, wide, ms = 0;

		for (int turn = 0; turn < TURNS; turn++) {
			small += cost(paper, 16 * GIB, MINUTES_PER_DAY);
			wide = cost(large, 1024 * GIB, COST_MINUTES);
			if (small < 0 || wide < 0)
				return -1;
			ms += wide;
		}
		ratio[i] = ms / small;
	}
	print("faasmat-cost-36000-to-400-functions", median(ratio), "ratio");
	return 0;
}

static int bench_large(const struct load *large)
{
	double wall = 0,
	       seconds = run(large, POLICY_FAASMAT, false, 1024 * GIB, MINUTES_PER_DAY, &wall);

	if (seconds < 0)
		return -1;
	print("faasmat-36000-functions-invocations", large->total / 1e6, "M");
	print("faasmat-36000-functions-1T", wall, "s");
	print("faasmat-36000-functions-1T-processor", seconds, "s");
	print("faasmat-36000-functions-resident", resident_mb(), "MB");
	return 0;
}

/* An argument runs one part: paper, large or cost. */
int main(int argc, char **argv)
{
	const char *part = argc > 1 ? argv[1] : "";
	_cleanup_load_ struct load paper = { 0 }, large = { 0 };
	int r = 0;

	if (traces_read_combined(LOAD, &paper) < 0)
		return 1;
	if (!*part || strcmp(part, "paper") == 0)
		r = bench_paper(&paper);
	if (r < 0 || strcmp(part, "paper") == 0)
		return r < 0;
	if (make_large(&paper, &large) < 0)
		return 1;
	if (strcmp(part, "cost"))
		r = bench_large(&large);
	if (r == 0 && strcmp(part, "large"))
		r = bench_cost(&paper, &large);
	return r < 0;
}
