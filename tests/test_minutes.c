// SPDX-License-Identifier: GPL-2.0-or-later
/* collector/minutes: whatever the clock does, a minute that is called watched was one, once. */
#include "tests/test.h"

#include "collector/minutes.h"

#define MS 1000000LL
#define SECOND (1000 * MS)
#define MINUTE (60 * SECOND)

/* A world whose clock nobody sets unless a test says so. */
static struct moment at(int64_t minute, int64_t into_ns, int64_t real_ns)
{
	return (struct moment){ minute, into_ns, real_ns };
}

static bool tick(struct minutes *m, int64_t minute, int64_t into_ns, int64_t real_ns,
		 int64_t *closed, unsigned int *why)
{
	struct moment t = at(minute, into_ns, real_ns);

	return minutes_tick(m, &t, closed, why);
}

static void start(struct minutes *m, int64_t minute, bool whole, int64_t newest)
{
	struct moment t = at(minute, 0, minute * MINUTE);

	minutes_start(m, &t, whole ? 0 : QUALITY_UNWATCHED, newest, MINUTE, 3 * SECOND);
}

static void plain_minutes_are_watched(void **state)
{
	struct minutes m;
	int64_t closed;
	unsigned int why;

	start(&m, 100, true, 99);
	assert_false(tick(&m, 100, 59 * SECOND, 100 * MINUTE + 59 * SECOND, &closed, &why));
	for (int64_t t = 101; t < 110; t++) {
		assert_true(tick(&m, t, 5 * MS, t * MINUTE + 5 * MS, &closed, &why));
		assert_int_equal(closed, t - 1);
		assert_false(why);
	}
	assert_int_equal(m.n_watched, 1);
	assert_int_equal(m.watched[0].first, 100);
	assert_int_equal(m.watched[0].last, 108);
	minutes_stored(&m);
	assert_int_equal(m.n_watched, 0);
}

static void begun_in_mid_minute(void **state)
{
	struct minutes m;
	int64_t closed;
	unsigned int why;

	start(&m, 100, false, INT64_MIN);
	assert_true(tick(&m, 101, 0, 101 * MINUTE, &closed, &why));
	assert_int_equal(why, QUALITY_UNWATCHED);
	assert_int_equal(m.n_watched, 0);
	assert_true(tick(&m, 102, 0, 102 * MINUTE, &closed, &why));
	assert_false(why);
	/* Of another's finding: a full map. */
	m.why |= QUALITY_LOST;
	assert_true(tick(&m, 103, 0, 103 * MINUTE, &closed, &why));
	assert_int_equal(why, QUALITY_LOST);
	assert_int_equal(m.n_watched, 1);
	assert_int_equal(m.watched[0].last, 101);
}

/* A suspend: the minute it came in is no minute, those slept through are missing, and the one that
 * it ended in begins late. */
static void suspended(void **state)
{
	struct minutes m;
	int64_t closed;
	unsigned int why;

	start(&m, 100, true, 99);
	assert_true(tick(&m, 130, 20 * SECOND, 101 * MINUTE, &closed, &why));
	assert_int_equal(closed, 100);
	assert_int_equal(why, QUALITY_ODD);
	assert_true(tick(&m, 131, 0, 101 * MINUTE + 40 * SECOND, &closed, &why));
	assert_int_equal(closed, 130);
	assert_true(why);
	assert_true(tick(&m, 132, 0, 102 * MINUTE + 40 * SECOND, &closed, &why));
	assert_false(why);
	assert_int_equal(m.n_watched, 1);
	assert_int_equal(m.watched[0].first, 131);
}

static void clock_set_back(void **state)
{
	struct minutes m;
	int64_t closed;
	unsigned int why;

	start(&m, 100, true, 99);
	/* Five minutes: waited for; the long minute is partial, and none before it comes again. */
	for (int64_t t = 95; t < 101; t++)
		assert_false(tick(&m, t, 0, (t + 5) * MINUTE, &closed, &why));
	assert_true(tick(&m, 101, 0, 106 * MINUTE, &closed, &why));
	assert_int_equal(closed, 100);
	assert_true(why);
	/* A month: believed, and what was counted then already is partial. */
	assert_true(tick(&m, 101 - 43200, 0, 107 * MINUTE, &closed, &why));
	assert_int_equal(closed, 101);
	assert_true(why);
	assert_true(tick(&m, 102 - 43200, 0, 108 * MINUTE, &closed, &why));
	assert_true(why);
	assert_int_equal(m.n_watched, 0);
}

/* Half a minute, and no boundary passed: the minute's number says nothing, its length does. */
static void set_within_a_minute(void **state)
{
	struct minutes m;
	int64_t closed;
	unsigned int why;

	start(&m, 100, true, 99);
	assert_false(tick(&m, 100, 10 * SECOND, 100 * MINUTE + 40 * SECOND, &closed, &why));
	assert_true(tick(&m, 101, 0, 101 * MINUTE + 30 * SECOND, &closed, &why));
	assert_true(why);
	assert_true(tick(&m, 102, 0, 102 * MINUTE, &closed, &why));
	assert_true(why);
	assert_true(tick(&m, 103, 0, 103 * MINUTE, &closed, &why));
	assert_false(why);
}

/* A clock that is stepped and a process that is stopped at random, against the true count of each
 * second: a watched minute has the sixty seconds of the true minute but for the slack. */
static void random_clocks(void **state)
{
	uint64_t rng = test_seed();

	for (int round = 0; round < 200; round++) {
		int64_t clock = 1000 * MINUTE, truth = 0, seconds = 0, closed;
		bool seen[4000] = { false };
		unsigned int why;
		struct minutes m;

		start(&m, 1000, true, 999);
		for (int step = 0; step < 3000; step++) {
			int64_t ran = 1; /* real seconds until the next tick */

			if (test_random(&rng) % 300 == 0)
				ran = test_random(&rng) % 300;
			if (test_random(&rng) % 300 == 0)
				clock += ((int64_t)(test_random(&rng) % 7200) - 3600) * SECOND;
			clock = MAX(clock + ran * SECOND, 900 * MINUTE);
			seconds += ran;
			truth += ran;
			if (!tick(&m, clock / MINUTE, clock % MINUTE,
				  1000 * MINUTE + truth * SECOND, &closed, &why))
				continue;
			if (!why) {
				assert_true(seconds >= 60 - 4 && seconds <= 60 + 4);
				assert_true(closed >= 0 && closed < 4000);
				assert_false(seen[closed]);
				seen[closed] = true;
			}
			seconds = 0;
		}
		assert_true(truth >= 3000);
		/* What is reported is what was closed whole. */
		for (size_t i = 0; i < m.n_watched; i++)
			for (int64_t t = m.watched[i].first; t <= m.watched[i].last; t++)
				assert_true(seen[t]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_minutes_are_watched),
		cmocka_unit_test(begun_in_mid_minute),
		cmocka_unit_test(suspended),
		cmocka_unit_test(clock_set_back),
		cmocka_unit_test(set_within_a_minute),
		cmocka_unit_test(random_clocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
