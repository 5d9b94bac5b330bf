// SPDX-License-Identifier: GPL-2.0-or-later
/* store/durations, store/quality: what is written comes back, a quantile is where the sorted times have
 * it, bad bytes are refused, and only minutes worth it are used. */
#include "tests/test.h"

#include <errno.h>
#include <math.h>

#include "store/durations.h"
#include "store/quality.h"

static int bucket_of(double us)
{
	return us < 2 ? 0 : us >= 2147483648.0 ? 31 : (int)floor(log2(us));
}

static void comes_back(void **state)
{
	uint64_t rng = test_seed();

	for (int round = 0; round < 5000; round++) {
		struct durations d = { 0 }, got;
		uint8_t bytes[DURATIONS_BYTES];
		int filled = (int)(test_random(&rng) % 40);
		size_t size;

		for (int i = 0; i < filled; i++)
			d.n[test_random(&rng) % DURATION_BUCKETS] =
				(uint32_t)(test_random(&rng) >> (32 + test_random(&rng) % 32));
		size = durations_encode(&d, bytes);
		assert_int_equal(durations_decode(bytes, size, &got), 0);
		assert_memory_equal(&got, &d, sizeof(d));
		assert_int_equal(size == 0, durations_total(&d) == 0);
	}
}

static void bad_bytes(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} bad[] = {
		{ "\x20\x01", 2 },		   /* a bucket too far */
		{ "\x1f\x01\x01", 3 },		   /* one more than there are */
		{ "\x00\x80", 2 },		   /* a count without an end */
		{ "\x00\xff\xff\xff\xff\x7f", 6 }, /* more than 32 bits */
		{ "\x00\x80\x80\x80\x80\x80\x01", 7 },
	};
	uint64_t rng = test_seed();
	struct durations d, none = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(durations_decode(bad[i].bytes, bad[i].size, &d), -EBADMSG);
		assert_memory_equal(&d, &none, sizeof(d));
	}
	for (int round = 0; round < 20000; round++) {
		uint8_t bytes[DURATIONS_BYTES + 20];
		size_t size = test_random(&rng) % sizeof(bytes);

		for (size_t i = 0; i < size; i++)
			bytes[i] = (uint8_t)test_random(&rng);
		durations_decode(bytes, size, &d);
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Against the very times: in the same bucket. */
static void quantiles(void **state)
{
	uint64_t rng = test_seed();
	struct durations d = { 0 };
	double us[1000];

	assert_true(isnan(durations_quantile_us(&d, 0.5)));
	for (int round = 0; round < 200; round++) {
		double spread = 1 + (double)(test_random(&rng) % 30);

		d = (struct durations){ 0 };
		for (size_t i = 0; i < ARRAY_SIZE(us); i++) {
			us[i] = exp2((double)(test_random(&rng) % 1000) / 1000 * spread);
			d.n[bucket_of(us[i])]++;
		}
		qsort(us, ARRAY_SIZE(us), sizeof(*us), compare);
		for (int q = 1; q <= 100; q++) {
			double truth = us[q * 10 - 1];
			double got = durations_quantile_us(&d, q / 100.0);

			assert_true(got <= exp2(bucket_of(truth) + 1));
			assert_true(got >= (bucket_of(truth) ? exp2(bucket_of(truth)) : 0));
		}
	}
	/* Four times in [64, 128): a quarter of the way each. */
	d = (struct durations){ .n = { [6] = 4 } };
	assert_true(durations_quantile_us(&d, 0.25) == 80);
	assert_true(durations_quantile_us(&d, 1) == 128);
}

static void shifts_and_sums(void **state)
{
	struct durations d = { .n = { [0] = 1, [5] = 2, [31] = UINT32_MAX } };
	struct durations more = { .n = { [5] = 3, [31] = 9 } };

	durations_add(&d, &more);
	assert_int_equal(d.n[5], 5);
	assert_int_equal(d.n[31], UINT32_MAX);
	durations_shift(&d, 2);
	assert_int_equal(d.n[2], 1);
	assert_int_equal(d.n[7], 5);
	assert_int_equal(d.n[31], UINT32_MAX);
	durations_shift(&d, -7);
	assert_int_equal(d.n[0], 6);
}

static void qualities(void **state)
{
	assert_string_equal(quality_word(QUALITY_EXACT), "exact");
	assert_string_equal(quality_word(QUALITY_LOST), "partial");
	assert_string_equal(quality_word(QUALITY_NONE | QUALITY_ODD), "none");
	assert_null(quality_reason(QUALITY_EXACT, 0));
	assert_non_null(quality_reason(QUALITY_LOST | QUALITY_ODD, 1));
	assert_null(quality_reason(QUALITY_LOST | QUALITY_ODD, 2));
	for (unsigned int bit = 1; bit <= QUALITY_NONE; bit <<= 1)
		assert_non_null(quality_reason(bit, 0));
	assert_true(quality_is_usable(QUALITY_EXACT, 0, 0));
	/* A twentieth, and one more. */
	assert_true(quality_is_usable(QUALITY_JOINED, 100, 5));
	assert_false(quality_is_usable(QUALITY_JOINED, 100, 6));
	assert_true(quality_is_usable(QUALITY_UNSETTLED | QUALITY_JOINED, 1, 0));
	assert_false(quality_is_usable(QUALITY_UNWATCHED, 100, 0));
	assert_false(quality_is_usable(QUALITY_NONE, 0, 0));
	assert_false(quality_is_usable(QUALITY_LOST | QUALITY_JOINED, 100, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back), cmocka_unit_test(bad_bytes),
		cmocka_unit_test(quantiles),  cmocka_unit_test(shifts_and_sums),
		cmocka_unit_test(qualities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
