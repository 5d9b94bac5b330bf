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

#include "common/log.h"
#include "simulator/hot.h"
#include "simulator/simulate.h"
#include "simulator/traces.h"

#define LOAD "tests/data/simulator/representative_functions.csv.gz"
#define RUNS 3
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

struct bench {
	struct load load;
	struct prediction prediction;
	uint32_t *located;
	size_t n_located;
};

static int prepare(struct bench *b, enum locator_rule rule)
{
	struct locator_options o = LOCATOR_DEFAULTS;
	int r;

	o.rule = rule;
	r = locate_hot(&b->load, &o, &b->located, &b->n_located);
	return r < 0 ? r : prediction_oracle(&b->load, b->located, b->n_located, &b->prediction);
}

static double processor_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static double run(const struct bench *b, enum policy policy, bool compat, int64_t memory,
		  size_t minutes, double *ret_wall)
{
	struct run_options o = { .policy = policy,
				 .compat = compat,
				 .memory = memory,
				 .queue_ttl = 10,
				 .keep_alive = 600000,
				 .share = 0.7,
				 .pool_factor = 1,
				 .minutes = minutes,
				 .located = b->located,
				 .n_located = b->n_located,
				 .prediction = &b->prediction,
				 .parts = PART_ALL,
				 .target_drop = 0.01 };
	struct run_result r;
	double seconds = -1, began = processor_seconds();

	if (simulate(&b->load, &o, &r) < 0)
		log_error("%s", r.why);
	else
		seconds = processor_seconds() - began;
	if (ret_wall)
		*ret_wall = r.wall_seconds;
	run_result_release(&r);
	return seconds;
}

static int bench_paper(struct bench *b)
{
	static const struct {
		const char *name;
		enum policy policy;
		bool compat;
	} cases[] = {
		{ "lru-compat-16G", POLICY_LRU, true },	  { "ssmp-compat-16G", POLICY_SSMP, true },
		{ "dsmp-compat-16G", POLICY_DSMP, true }, { "lru-16G", POLICY_LRU, false },
		{ "ssmp-16G", POLICY_SSMP, false },	  { "dsmp-16G", POLICY_DSMP, false },
		{ "faasmat-16G", POLICY_FAASMAT, false },
	};
	double seconds[ARRAY_SIZE(cases)][RUNS];

	for (int i = 0; i < RUNS; i++)
		for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
			seconds[c][i] = run(b, cases[c].policy, cases[c].compat, 16 * GIB,
					    MINUTES_PER_DAY, NULL);
			if (seconds[c][i] < 0)
				return -1;
		}
	for (size_t c = 0; c < ARRAY_SIZE(cases); c++)
		print(cases[c].name, b->load.total / median(seconds[c]) / 1e6, "M invocations/s");
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
static double cost(const struct bench *b, int64_t memory, size_t minutes)
{
	double seconds = run(b, POLICY_FAASMAT, false, memory, minutes, NULL);
	int64_t calls = 0;

	for (size_t i = 0; i < b->load.first[minutes]; i++)
		calls += b->load.cell[i].count;
	return seconds / calls;
}

/*
 * How much dearer an invocation is where 90 times as many functions share a node 64 times as large.
 * Runs of both take turns, and the median of their ratios counts, so that a busy machine slows both.
 */
static int bench_cost(const struct bench *paper, const struct bench *large)
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

static int bench_large(const struct bench *large)
{
	double wall = 0,
	       seconds = run(large, POLICY_FAASMAT, false, 1024 * GIB, MINUTES_PER_DAY, &wall);

	if (seconds < 0)
		return -1;
	print("faasmat-36000-functions-invocations", large->load.total / 1e6, "M");
	print("faasmat-36000-functions-1T", wall, "s");
	print("faasmat-36000-functions-1T-processor", seconds, "s");
	print("faasmat-36000-functions-resident", resident_mb(), "MB");
	return 0;
}

/* An argument runs one part: paper, large or cost. */
int main(int argc, char **argv)
{
	const char *part = argc > 1 ? argv[1] : "";
	struct bench paper = { 0 }, large = { 0 };
	int r = 0;

	if (traces_read_combined(LOAD, &paper.load) < 0 || prepare(&paper, RULE_PROGRAM) < 0)
		return 1;
	if (!*part || strcmp(part, "paper") == 0)
		r = bench_paper(&paper);
	if (r < 0 || strcmp(part, "paper") == 0)
		return r < 0;
	if (make_large(&paper.load, &large.load) < 0 || prepare(&large, RULE_PROGRAM) < 0)
		return 1;
	if (strcmp(part, "cost"))
		r = bench_large(&large);
	if (r == 0 && strcmp(part, "large"))
		r = bench_cost(&paper, &large);
	return r < 0;
}
