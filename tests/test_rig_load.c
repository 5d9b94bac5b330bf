// SPDX-License-Identifier: GPL-2.0-or-later
/* vmtest/rig: the scaling table, thinning, arrivals, trace files and the bit of HTTP. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/util.h"
#include "vmtest/rig/arrivals.h"
#include "vmtest/rig/http.h"
#include "vmtest/rig/random.h"
#include "vmtest/rig/result.h"
#include "vmtest/rig/scale.h"
#include "vmtest/rig/trace.h"

static const struct scale scale = { .minute_ns = 4 * NS_PER_S,
				    .count_divisor = 4,
				    .memory_divisor = 16 };

static void every_time_shrinks_with_the_minute(_unused_ void **state)
{
	struct scale real = { .minute_ns = 60 * NS_PER_S, .count_divisor = 1, .memory_divisor = 1 };

	assert_int_equal(scale_time_ns(&scale, 30), 2 * NS_PER_MS);
	assert_int_equal(scale_time_ns(&scale, 600000), 40 * NS_PER_S);
	assert_int_equal(scale_time_ns(&real, 94.5), 94500 * NS_PER_US);
	/* 10 ms of the model is 0.7 ms: the floor holds; 3 s is not held up by it. */
	assert_int_equal(scale_queue_ttl_ns(&scale, 10), 50 * NS_PER_MS);
	assert_int_equal(scale_queue_ttl_ns(&scale, 3000), 200 * NS_PER_MS);
	assert_int_equal(scale_queue_ttl_ns(&scale, 750), 50 * NS_PER_MS);
	assert_int_equal(scale_queue_ttl_ns(&scale, 751), 50066667);
}

static void memory_shrinks_to_whole_pages(_unused_ void **state)
{
	assert_int_equal(scale_memory_bytes(&scale, 64), 4 * MIB);
	assert_int_equal(scale_memory_bytes(&scale, 89) % 4096, 0);
	assert_true(scale_memory_bytes(&scale, 89) * 16 >= 89 * MIB);
	assert_true(scale_memory_bytes(&scale, 89) * 16 < 89 * MIB + 16 * 4096);
	assert_int_equal(scale_memory_bytes(&scale, 1), MIB);
}

/* The mean of n thinned counts lies within 5 standard deviations of count / C. */
static void check_unbiased(int64_t count, double divisor, uint64_t seed)
{
	struct scale s = { .minute_ns = NS_PER_S, .count_divisor = divisor, .memory_divisor = 1 };
	double exact = count / divisor, rest = exact - floor(exact), sum = 0;
	int n = 20000;

	for (int i = 0; i < n; i++) {
		int64_t got = scale_count(&s, count, seed, "f", -3 + i / 1440, i % 1440);

		assert_true(got == (int64_t)floor(exact) || got == (int64_t)ceil(exact));
		sum += got;
	}
	assert_true(fabs(sum / n - exact) <= 5 * sqrt(rest * (1 - rest) / n) + 1e-9);
}

static void thinning_is_unbiased(_unused_ void **state)
{
	uint64_t seed = 20261123;

	print_message("seed %llu\n", (unsigned long long)seed);
	check_unbiased(1, 4, seed);
	check_unbiased(3, 4, seed + 1);
	check_unbiased(7, 3, seed + 2);
	check_unbiased(15961, 4, seed + 3);
	check_unbiased(0, 4, seed + 4);
	check_unbiased(5, 1, seed + 5);
	check_unbiased(2, 2.5, seed + 6);
}

static void thinning_depends_on_its_keys_alone(_unused_ void **state)
{
	int64_t same = 0, n = 1000;

	for (int i = 0; i < n; i++) {
		assert_int_equal(scale_count(&scale, 2, 7, "f", 0, i),
				 scale_count(&scale, 2, 7, "f", 0, i));
		same += scale_count(&scale, 2, 7, "f", 0, i) ==
			scale_count(&scale, 2, 7, "g", 0, i);
	}
	/* Two functions agree by chance only: half of the time. */
	assert_in_range(same, 400, 600);
}

static void check_arrivals(enum arrival_law law)
{
	const char *name[] = { "f", "g", "h" };
	int64_t count[] = { 500, 0, 3 }, seen[3] = { 0 }, n, m;
	struct arrival *a, *b;

	assert_int_equal(arrivals_of_minute(law, 5, 420, NS_PER_S, 3, name, count, &a, &n), 0);
	assert_int_equal(n, 503);
	for (int64_t i = 0; i < n; i++) {
		assert_in_range(a[i].offset_ns, 0, NS_PER_S - 1);
		assert_true(i == 0 || a[i].offset_ns >= a[i - 1].offset_ns);
		seen[a[i].function]++;
	}
	for (int f = 0; f < 3; f++)
		assert_int_equal(seen[f], count[f]);
	/* Another function's absence moves none of f's. */
	count[2] = 0;
	assert_int_equal(arrivals_of_minute(law, 5, 420, NS_PER_S, 3, name, count, &b, &m), 0);
	for (int64_t i = 0, k = 0; i < m; i++, k++) {
		while (a[k].function != 0)
			k++;
		assert_int_equal(a[k].offset_ns, b[i].offset_ns);
	}
	free(a);
	free(b);
}

static void arrivals_are_sorted_complete_and_repeatable(_unused_ void **state)
{
	check_arrivals(ARRIVALS_POISSON);
	check_arrivals(ARRIVALS_UNIFORM);
}

static void uniform_arrivals_are_evenly_spaced(_unused_ void **state)
{
	const char *name[] = { "f" };
	int64_t count[] = { 8 }, n;
	struct arrival *a;

	assert_int_equal(
		arrivals_of_minute(ARRIVALS_UNIFORM, 5, 1, NS_PER_S, 1, name, count, &a, &n), 0);
	for (int64_t i = 1; i < n; i++)
		assert_in_range(a[i].offset_ns - a[i - 1].offset_ns, NS_PER_S / 8 - 1,
				NS_PER_S / 8 + 1);
	free(a);
}

/* --- files */

#define DIRECTORY "build/tmp/rig_load"

static void write_file(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	mkdir("build", 0755);
	mkdir("build/tmp", 0755);
	mkdir(DIRECTORY, 0755);
	snprintf(path, sizeof(path), DIRECTORY "/%s", name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* What trace_read_mix() says on stderr about these files, and that it fails. */
static void fails_with(const char *functions, const char *history, const char *only, int err,
		       const char *message)
{
	struct trace t = { 0 };
	char said[1024] = "";
	int saved = dup(STDERR_FILENO);
	FILE *f;

	write_file("functions.csv", functions);
	write_file("history.csv", history);
	f = freopen(DIRECTORY "/stderr", "w+", stderr);
	assert_non_null(f);
	assert_int_equal(trace_read_mix(&t, DIRECTORY, 0, only), err);
	fflush(stderr);
	f = fopen(DIRECTORY "/stderr", "r");
	assert_non_null(f);
	if (!fgets(said, sizeof(said), f))
		said[0] = '\0';
	fclose(f);
	dup2(saved, STDERR_FILENO);
	close(saved);
	trace_free(&t);
	if (!strstr(said, message))
		fail_msg("said '%s', not '%s'", said, message);
}

#define FUNCTIONS "function,memory_mb,warm_ms,cold_ms\nf,64,10,100\ng,32,5,50\n"
#define HISTORY "function,day,minute,count\n"

static void a_wrong_trace_is_named_by_file_row_and_column(_unused_ void **state)
{
	fails_with("function,memory_mb,cold_ms\nf,1,2\n", HISTORY, NULL, -EINVAL,
		   "functions.csv, row 1: column 'warm_ms' is missing");
	fails_with("function,memory_mb,warm_ms,cold_ms\nf,64,fast,100\n", HISTORY, NULL, -EINVAL,
		   "functions.csv, row 2, column 'warm_ms': 'fast' is not a number");
	fails_with("function,memory_mb,warm_ms,cold_ms\nf,-1,1,1\n", HISTORY, NULL, -EINVAL,
		   "row 2, column 'memory_mb'");
	fails_with("function,memory_mb,warm_ms,cold_ms\n../f,1,1,1\n", HISTORY, NULL, -EINVAL,
		   "functions.csv, row 2: the function's name");
	fails_with("function,memory_mb,warm_ms,cold_ms\nf,1,1,1\nf,1,1,1\n", HISTORY, NULL, -EINVAL,
		   "row 3: function 'f' is there twice");
	fails_with(FUNCTIONS, HISTORY "f,0,7,-3\n", NULL, -EINVAL,
		   "history.csv, row 2, column 'count'");
	fails_with(FUNCTIONS, HISTORY "f,0,7,1\nf,0,1440,1\n", NULL, -EINVAL,
		   "history.csv, row 3, column 'minute'");
	fails_with(FUNCTIONS, HISTORY "f,0,7\n", NULL, -EINVAL,
		   "history.csv, row 2: column 'count' is missing");
	fails_with(FUNCTIONS, HISTORY, "f,nobody", -ENOENT, "no function 'nobody'");
}

static void a_mix_is_read_for_one_day(_unused_ void **state)
{
	struct trace t = { 0 };

	write_file("functions.csv", FUNCTIONS);
	write_file("history.csv",
		   HISTORY "f,-1,3,9\nf,0,3,4\ng,0,3,5\nunknown,0,3,6\nf,0,1439,7\n");
	assert_int_equal(trace_read_mix(&t, DIRECTORY, 0, "f"), 0);
	assert_int_equal(t.n, 1);
	assert_int_equal(t.function[0].count[3], 4);
	assert_int_equal(t.function[0].count[1439], 7);
	trace_free(&t);
	assert_int_equal(trace_read_mix(&t, DIRECTORY, -1, NULL), 0);
	assert_int_equal(t.n, 2);
	assert_int_equal(t.function[0].count[3], 9);
	assert_int_equal(t.function[1].count[3], 0);
	trace_free(&t);
}

static void the_demo_data_can_be_read(_unused_ void **state)
{
	struct trace t = { 0 };
	int64_t calls = 0;
	int mix;

	assert_int_equal(trace_read_mix(&t, "tests/data/mix", 0, NULL), 0);
	mix = t.n;
	assert_true(mix >= 6);
	assert_int_equal(trace_read_background(&t, "tests/data/background.csv.gz", 30), 0);
	assert_int_equal(t.n, mix + 30);
	for (int m = 420; m < 440; m++)
		calls += t.function[trace_find(&t, "peaks")].count[m];
	/* From the shared mix, by another program. */
	assert_int_equal(calls, 29324);
	for (int i = mix; i < t.n; i++)
		assert_true(t.function[i].background && t.function[i].memory_mb > 0);
	trace_free(&t);
}

/* --- HTTP */

static void responses_are_found_in_any_pieces(_unused_ void **state)
{
	static const char text[] = "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\n"
				   "content-length: 3\r\n\r\n{}\nHTTP/1.1 200";
	size_t whole = strlen(text) - strlen("HTTP/1.1 200");
	int status = 0;

	for (size_t n = 0; n < whole; n++)
		assert_int_equal(http_response(text, n, &status), 0);
	assert_int_equal(http_response(text, sizeof(text) - 1, &status), whole);
	assert_int_equal(status, 403);
	assert_int_equal(http_response("SSH-2.0", 7, &status), -EBADMSG);
	assert_int_equal(http_response("HTTP/1.1 200 OK\r\n\r\n", 19, &status), -EBADMSG);
}

static void requests_fit_or_fail(_unused_ void **state)
{
	char out[256];
	ssize_t n = http_post(out, sizeof(out), "/run", "{}", true);

	assert_true(n > 0 && strstr(out, "Connection: close\r\n"));
	assert_non_null(strstr(out, "Content-Length: 2\r\n"));
	assert_string_equal(out + n - 6, "\r\n\r\n{}");
	assert_int_equal(http_post(out, 20, "/run", "{}", false), -ENOSPC);
}

static void quantiles_are_nearest_ranks(_unused_ void **state)
{
	uint32_t v[100];

	for (int i = 0; i < 100; i++)
		v[i] = i + 1;
	assert_int_equal(result_quantile(v, 100, 0.5), 50);
	assert_int_equal(result_quantile(v, 100, 0.99), 99);
	assert_int_equal(result_quantile(v, 1, 0.99), 1);
	assert_int_equal(result_quantile(v, 0, 0.5), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_time_shrinks_with_the_minute),
		cmocka_unit_test(memory_shrinks_to_whole_pages),
		cmocka_unit_test(thinning_is_unbiased),
		cmocka_unit_test(thinning_depends_on_its_keys_alone),
		cmocka_unit_test(arrivals_are_sorted_complete_and_repeatable),
		cmocka_unit_test(uniform_arrivals_are_evenly_spaced),
		cmocka_unit_test(a_wrong_trace_is_named_by_file_row_and_column),
		cmocka_unit_test(a_mix_is_read_for_one_day),
		cmocka_unit_test(the_demo_data_can_be_read),
		cmocka_unit_test(responses_are_found_in_any_pieces),
		cmocka_unit_test(requests_fit_or_fail),
		cmocka_unit_test(quantiles_are_nearest_ranks),
	};

	return cmocka_run_group_tests_name("rig load", tests, NULL, NULL);
}
