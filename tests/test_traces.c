// SPDX-License-Identifier: GPL-2.0-or-later
/* Loads as they are read from traces, and what is said about a damaged file. */
#include <fcntl.h>

#include "simulator/simulate.h"
#include "simulator/traces.h"
#include "tests/test.h"

static const char *write_file(const char *name, const char *text)
{
	const char *path = test_path(name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return path;
}

/* stderr of fn() in text[]. */
static int said(int (*fn)(struct load *l), struct load *l, char *text, size_t size)
{
	const char *path = test_path("stderr");
	int saved = dup(2), fd = open(path, O_CREAT | O_TRUNC | O_RDWR, 0600), r;
	ssize_t n;

	dup2(fd, 2);
	r = fn(l);
	dup2(saved, 2);
	close(saved);
	n = pread(fd, text, size - 1, 0);
	text[MAX(n, 0)] = '\0';
	close(fd);
	return r;
}

static int read_mix(struct load *l)
{
	return traces_read_mix(test_path("mix"), 0, l);
}

static int read_invocations(struct load *l)
{
	return traces_read_invocations(test_path("trace.csv"), MIB, l);
}

static int read_combined(struct load *l)
{
	return traces_read_combined(test_path("day.csv"), l);
}

/* One line that names file, row and column. */
static void refuses(int (*fn)(struct load *l), const char *a, const char *b)
{
	struct load l = { 0 };
	char text[1024];

	assert_true(said(fn, &l, text, sizeof(text)) < 0);
	if (!strstr(text, a) || !strstr(text, b))
		fail_msg("'%s' does not say '%s' and '%s'", text, a, b);
	assert_int_equal(strcspn(text, "\n"), strlen(text) - 1);
	assert_null(l.function);
}

static void test_bad_input(void **unused)
{
	const char *functions = "function,memory_mb,warm_ms,cold_ms\na,10,1,2\n";

	mkdir(test_path("mix"), 0755);
	unlink(test_path("mix/history.csv.gz"));
	write_file("mix/functions.csv", functions);
	write_file("mix/history.csv", "function,day,minute,count\na,0,0,5\na,0,x,5\n");
	refuses(read_mix, "history.csv, row 3", "'minute'");
	write_file("mix/history.csv", "function,day,minute,count\na,0,0,-5\n");
	refuses(read_mix, "history.csv, row 2", "'count'");
	write_file("mix/history.csv", "function,day,minute,count\na,0,0,999999999999\n");
	refuses(read_mix, "history.csv, row 2", "'count'");
	write_file("mix/history.csv", "function,day,minute,count\na,0\n");
	refuses(read_mix, "history.csv, row 2", "'minute'");
	write_file("mix/history.csv", "function,day,minute,count\nb,0,0,5\n");
	refuses(read_mix, "history.csv, row 2", "'b'");
	write_file("mix/history.csv", "function,day,minute,count\na,-1,0,5\n");
	refuses(read_mix, "history.csv", "day 0");
	write_file("mix/history.csv", "function,minute,count\n");
	refuses(read_mix, "history.csv, row 1", "day");
	write_file("trace.csv", "app,func,end_timestamp,duration\nx,y,1,-2\n");
	refuses(read_invocations, "trace.csv, row 2", "'duration'");
	write_file("day.csv", "HashFunction,1,2\n");
	refuses(read_combined, "day.csv, row 1", "'Average'");
}

/* Day 0 is judged; what came before is each function's past, as many days as it has. */
static void test_mix(void **unused)
{
	struct load l;

	mkdir(test_path("mix"), 0755);
	unlink(test_path("mix/history.csv.gz"));
	write_file("mix/functions.csv", "function,memory_mb,warm_ms,cold_ms\na,10,1,2\nb,20,3,4\n");
	write_file("mix/history.csv", "function,day,minute,count\na,-2,1439,7\na,-1,0,5\na,0,3,2\n"
				      "b,0,3,4\na,1,0,9\n");
	assert_int_equal(read_mix(&l), 0);
	assert_int_equal(l.total, 6);
	assert_int_equal(load_sum(&l, 1, 3, 1), 4);
	assert_int_equal(l.function[0].past_minutes, 2 * 1440);
	assert_true(l.function[0].past[1439] == 7 && l.function[0].past[1440] == 5);
	assert_null(l.function[1].past);
	load_release(&l);
}

/* A call every 700 ms by the trace's own times, whatever the minute's count is. */
static void test_trace_arrivals(void **unused)
{
	struct run_options o = { .policy = POLICY_TTL,
				 .memory = 10 * MIB,
				 .keep_alive = 699 - 100,
				 .arrivals = ARRIVALS_TRACE,
				 .minutes = 3 };
	FILE *f = fopen(test_path("trace.csv"), "w");
	struct run_result r;
	struct load l;

	fputs("app,func,end_timestamp,duration\n", f);
	/* Not in the order of their starts, as in the real trace. */
	for (int i = 199; i >= 0; i--)
		fprintf(f, "x,y,%.3f,0.1\n", 0.7 * i + 0.1);
	fclose(f);
	assert_int_equal(read_invocations(&l), 0);
	assert_int_equal(l.n_minutes, 3);
	assert_int_equal(l.total, 200);
	assert_int_equal(l.ms_first[3], 200);
	for (int i = 0; i < 200; i++)
		assert_int_equal(l.ms[i], 700 * i % 60000);
	/* Idle for 600 ms each time: a keep-alive of 599 ends before the next call, one of 601 after. */
	assert_int_equal(simulate(&l, &o, &r), 0);
	assert_int_equal(r.cold, 200);
	run_result_release(&r);
	o.keep_alive = 601;
	assert_int_equal(simulate(&l, &o, &r), 0);
	assert_int_equal(r.cold, 1);
	assert_int_equal(r.warm, 199);
	run_result_release(&r);
	load_release(&l);
}

/* One minute judged: those before it are the past, the others are gone; arrivals move with them. */
static void test_judge(void **unused)
{
	struct run_options o = { .policy = POLICY_LRU,
				 .memory = GIB,
				 .keep_alive = 600000,
				 .arrivals = ARRIVALS_TRACE,
				 .minutes = 1 };
	struct run_result r;
	struct load l;

	write_file("trace.csv", "app,func,end_timestamp,duration\nx,y,1,0\nx,z,61.5,0\nx,y,62,0\n"
				"x,y,62.25,0\nx,y,121,0\n");
	assert_int_equal(read_invocations(&l), 0);
	assert_int_equal(load_judge(&l, 1, 1), 0);
	assert_int_equal(l.n_minutes, 1);
	assert_int_equal(l.total, 3);
	assert_int_equal(l.function[0].calls, 2);
	assert_int_equal(l.function[0].past_minutes, 1);
	assert_true(l.function[0].past[0] == 1 && l.function[1].past[0] == 0);
	assert_int_equal(l.ms[0], 2000);
	assert_int_equal(l.ms[1], 2250);
	assert_int_equal(l.ms[2], 1500);
	assert_int_equal(simulate(&l, &o, &r), 0);
	assert_int_equal(r.warm + r.cold, 3);
	run_result_release(&r);
	load_release(&l);
}

/* Functions of several apps may have the same name; memory is the app's, shared by its functions in
 * the durations file, rounded up. */
static void test_azure_day(void **unused)
{
	FILE *f = fopen(test_path("inv.csv"), "w");
	struct load l;

	fputs("HashOwner,HashApp,HashFunction,Trigger", f);
	for (int m = 1; m <= 1440; m++)
		fprintf(f, ",%d", m);
	for (int row = 0; row < 4; row++) {
		fprintf(f, "\no,app%d,%s,http,%d", row % 2, row < 2 ? "same" : "other", 1 + row);
		for (int m = 2; m <= 1440; m++)
			fputs(m == 9 ? ",1" : ",0", f);
	}
	fputc('\n', f);
	fclose(f);
	write_file("dur.csv",
		   "HashOwner,HashApp,HashFunction,Average,Count,Minimum,Maximum\n"
		   "o,app0,same,10,2,1,20\no,app1,same,30,3,1,40\no,app0,other,50,4,1,60\n");
	write_file("mem.csv", "HashOwner,HashApp,SampleCount,AverageAllocatedMb\n"
			      "o,app0,1,101\no,app1,1,7\n");
	assert_int_equal(traces_read_azure_day(test_path("inv.csv"), test_path("dur.csv"),
					       test_path("mem.csv"), &l),
			 0);
	assert_int_equal(l.n_functions, 3);
	assert_string_equal(l.function[0].name, "same");
	assert_string_equal(l.function[1].name, "same.app1");
	assert_int_equal(l.function[0].memory, 51 * MIB);
	assert_int_equal(l.function[1].memory, 7 * MIB);
	assert_int_equal(l.function[2].cold, 60);
	assert_int_equal(load_sum(&l, 2, 0, 1440), 4);
	load_release(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_input),      cmocka_unit_test(test_mix),
		cmocka_unit_test(test_trace_arrivals), cmocka_unit_test(test_judge),
		cmocka_unit_test(test_azure_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
