// SPDX-License-Identifier: GPL-2.0-or-later
/* The whole governor on a tree of plain files: pressure, reclaim, loans, writes that block, the breaker,
 * others on the same node. */
#include "tests/governor_client.h"

#include "governor/cgroup_dir.h"
#include "governor/effects.h"
#include "governor/internal.h"

static void put_psi(const struct fixture *f, const char *pool, const char *file, double avg)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "some avg10=%.2f avg60=%.2f avg300=0.00 total=1\n"
		 "full avg10=%.2f avg60=%.2f avg300=0.00 total=1\n",
		 avg, avg, avg, avg);
	put(f, pool, file, text);
}

static void calm(const struct fixture *f, const char *pool)
{
	put_psi(f, pool, "memory.pressure", 0);
	put_psi(f, pool, "io.pressure", 0);
}

static void put_events(const struct fixture *f, const char *pool, int max, int oom)
{
	char text[128];

	snprintf(text, sizeof(text), "low 0\nhigh 0\nmax %d\noom %d\noom_kill %d\n", max, oom, oom);
	put(f, pool, "memory.events.local", text);
}

static void put_stat(const struct fixture *f, const char *pool, int64_t anon_mib, int64_t idle_mib)
{
	char text[256];

	snprintf(text, sizeof(text), "anon %lld\ninactive_file %lld\npgscan 0\npgsteal 0\n",
		 (long long)M(anon_mib), (long long)M(idle_mib));
	put(f, pool, "memory.stat", text);
}

/* --- pressure */

static void stalls_keep_a_limit(void **state)
{
	struct fixture *f = *state;

	plan(f, 10, 10, 30, 20);
	plan(f, 11, 20, 10, 20);
	calm(f, "pool-f");
	begin(f);
	tick_at(f, 10);
	put_psi(f, "pool-f", "memory.pressure", 5);
	tick_at(f, 11);
	assert_limit(f, "pool-f", 30);
	assert_int_equal(ledger_count(f, "pool-f", "veto").n, 1);
	put_psi(f, "pool-f", "memory.pressure", 0);
	put_psi(f, "pool-f", "io.pressure", 50);
	tick_at(f, 12);
	assert_limit(f, "pool-f", 30);
	calm(f, "pool-f");
	tick_at(f, 13);
	assert_limit(f, "pool-f", 10);
}

static void an_oom_kill_gets_what_main_does_not_use(void **state)
{
	struct fixture *f = *state;

	plan(f, 10, 20, 30, 20);
	put_events(f, "pool-f", 0, 0);
	put_bytes(f, "main", "memory.current", M(10));
	begin(f);
	tick_at(f, 10);
	put_events(f, "pool-f", 1, 1);
	next_minute();
	tick_at(f, 11);
	/* A hundred are asked for; main keeps its 10 and a margin. */
	assert_limit(f, "main", 12);
	assert_limit(f, "pool-f", 68);
	assert_limit(f, "pool-g", 20);
	assert_int_equal(ledger_count(f, "pool-f", "oom").n, 1);
}

static void a_lowering_before_a_kill_is_taken_back(void **state)
{
	struct fixture *f = *state;

	f->o.memory = M(800);
	f->o.step = M(400);
	plan(f, 10, 10, 350, 20);
	plan(f, 11, 30, 100, 20);
	put_events(f, "pool-f", 0, 0);
	begin(f);
	tick_at(f, 10);
	tick_at(f, 11);
	assert_limit(f, "pool-f", 100);
	put_events(f, "pool-f", 1, 1);
	next_minute();
	tick_at(f, 14);
	assert_limit(f, "pool-f", 350);
	/* The plan still says 100. */
	tick_at(f, 15);
	assert_limit(f, "pool-f", 350);
}

/* --- reclaim */

static void page_cache_is_reclaimed_then_the_limit_falls(void **state)
{
	struct fixture *f = *state;
	int64_t asked;

	plan(f, 10, 10, 60, 10);
	plan(f, 11, 20, 20, 10);
	calm(f, "pool-f");
	put_stat(f, "pool-f", 5, 50);
	put_bytes(f, "pool-f", "memory.current", M(55));
	put(f, "pool-f", "memory.reclaim", "");
	begin(f);
	tick_at(f, 10);
	assert_limit(f, "pool-f", 60);
	/* What is idle is not the working set. */
	assert_int_equal(get(f, "pool-f", "memory.low"), M(5));
	tick_at(f, 11);
	assert_limit(f, "pool-f", 57);
	for (int i = 0; i < 500 && !(asked = get(f, "pool-f", "memory.reclaim")); i++)
		usleep(10 * 1000);
	/* 55 is to become 18, in batches. */
	assert_int_equal(asked, M(32));
	assert_int_equal(ledger_count(f, "pool-f", "reclaim").n, 1);
	put_bytes(f, "pool-f", "memory.current", M(18));
	for (int i = 0; i < 500 && get(f, "pool-f", "memory.max") != M(20); i++)
		assert_int_equal(governor_events(f->governor, 10), 1);
	assert_limit(f, "pool-f", 20);
}

static void reclaim_stops_under_pressure(void **state)
{
	struct fixture *f = *state;

	plan(f, 10, 10, 60, 10);
	plan(f, 11, 20, 5, 10);
	calm(f, "pool-f");
	put_stat(f, "pool-f", 1, 50);
	put_bytes(f, "pool-f", "memory.current", M(55));
	put(f, "pool-f", "memory.reclaim", "");
	begin(f);
	tick_at(f, 10);
	tick_at(f, 11);
	for (int i = 0; i < 500 && !get(f, "pool-f", "memory.reclaim"); i++)
		usleep(10 * 1000);
	put(f, "pool-f", "memory.reclaim", "");
	put_bytes(f, "pool-f", "memory.current", M(40));
	put_psi(f, "pool-f", "memory.pressure", 5);
	for (int i = 0; i < 20; i++)
		assert_int_equal(governor_events(f->governor, 10), 1);
	/* No second batch. */
	assert_int_equal(get(f, "pool-f", "memory.reclaim"), 0);
	assert_limit(f, "pool-f", 57);
}

/* --- what status says that pools do here */

static int64_t effects_at(struct fixture *f, int minute)
{
	int64_t effects = -1;

	tick_at(f, minute);
	assert_int_equal(store_get_meta(f->store, EFFECTS_META, &effects), 0);
	return effects;
}

static void until_effect(struct fixture *f, int effect)
{
	for (int i = 0; i < 1000 && !(effects_of(f->governor) & effect); i++)
		governor_events(f->governor, 10);
}

static void effects_are_known(void **state)
{
	struct fixture *f = *state;
	char file[128], command[160];
	int fd;

	snprintf(file, sizeof(file), "%s/works", f->mount);
	snprintf(command, sizeof(command), "[ -e %s ]", file);
	f->o.on_change = command;
	plan(f, 10, 10, 30, 20);
	/* A change for each run of the command. */
	plan(f, 11, 11, 31, 20);
	plan(f, 12, 30, 32, 20);
	begin(f);
	assert_int_equal(effects_at(f, 10), EFFECT_IN_FORCE);
	until_effect(f, EFFECT_NOT_TOLD);
	assert_int_equal(effects_at(f, 11), EFFECT_IN_FORCE | EFFECT_NOT_TOLD);
	fclose(fopen(file, "w"));
	tick_at(f, 12);
	until_effect(f, EFFECT_TOLD);
	assert_int_equal(effects_at(f, 13), EFFECT_IN_FORCE | EFFECT_TOLD);
	fd = client(f);
	reserve(f, fd, "c1", "f", 10, "pool-f");
	assert_int_equal(effects_at(f, 14), EFFECT_IN_FORCE | EFFECT_TOLD | EFFECT_PLACED);
	assert_non_null(strstr(ask(f, fd, "{\"op\":\"subscribe\"}"), "true"));
	assert_int_equal(effects_at(f, 15),
			 EFFECT_IN_FORCE | EFFECT_TOLD | EFFECT_PLACED | EFFECT_ASKED);
	close(fd);
}

static void effects_are_told_apart(void **state)
{
	struct effects_words w = effects_in_words(0);

	(void)state;
	assert_false(w.isolate || w.keep_alive);
	/* Neither a limit without containers nor containers without a limit isolates. */
	assert_false(effects_in_words(EFFECT_IN_FORCE | EFFECT_ASKED).isolate);
	assert_false(effects_in_words(EFFECT_PLACED).isolate);
	assert_true(effects_in_words(EFFECT_PLACED | EFFECT_IN_FORCE).isolate);
	assert_false(
		effects_in_words(EFFECT_PLACED | EFFECT_IN_FORCE | EFFECT_NOT_TOLD).keep_alive);
	assert_true(effects_in_words(EFFECT_TOLD).keep_alive);
	assert_true(effects_in_words(EFFECT_ASKED | EFFECT_NOT_TOLD).keep_alive);
}

/* --- loans */

static void a_full_pool_borrows_at_once_and_gives_back(void **state)
{
	struct fixture *f = *state;
	int fd;

	plan(f, 10, 30, 30, 20);
	begin(f);
	tick_at(f, 10);
	fd = client(f);
	reserve(f, fd, "c1", "f", 15, "pool-f");
	reserve(f, fd, "c2", "f", 15, "pool-f");
	/* Two containers are planned and 30 MiB: the third borrows both. */
	reserve(f, fd, "c3", "f", 5, "pool-f");
	assert_limit(f, "pool-f", 35);
	assert_limit(f, "main", 45);
	assert_int_equal(ledger_count(f, "pool-f", "borrow").n, 1);
	/* A tenth of the node is what all loans may be. */
	usleep(MINUTE_NS / 60 / 1000 + 1000);
	reserve(f, fd, "c4", "f", 6, NULL);
	next_minute();
	tick_at(f, 11);
	next_minute();
	tick_at(f, 12);
	assert_limit(f, "pool-f", 35);
	/* Given back like any shrink: when it is no longer used, and a minute has passed. */
	release(f, fd, "c3");
	next_minute();
	tick_at(f, 13);
	next_minute();
	tick_at(f, 14);
	assert_limit(f, "pool-f", 30);
	assert_limit(f, "main", 50);
	close(fd);
}

static void main_comes_first(void **state)
{
	struct fixture *f = *state;
	int fd;

	plan(f, 10, 30, 30, 20);
	begin(f);
	tick_at(f, 10);
	fd = client(f);
	/* Main admits 48 of its 50; what is left is no room for a loan. */
	reserve(f, fd, "m1", "rare", 48, "main");
	reserve(f, fd, "c1", "f", 30, "pool-f");
	reserve(f, fd, "c2", "f", 5, NULL);
	assert_limit(f, "pool-f", 30);
	release(f, fd, "m1");
	next_minute();
	reserve(f, fd, "c2", "f", 5, "pool-f");
	assert_limit(f, "pool-f", 35);
	release(f, fd, "c2");
	reserve(f, fd, "m1", "rare", 40, "main");
	/* Main runs short: the loan goes back, and for a minute nothing is lent. */
	reserve(f, fd, "m2", "rare", 8, NULL);
	tick_at(f, 12);
	tick_at(f, 12);
	assert_limit(f, "main", 50);
	reserve(f, fd, "m2", "rare", 8, "main");
	close(fd);
}

static void without_borrow_nothing_is_lent(void **state)
{
	struct fixture *f = *state;
	int fd;

	f->o.borrow = 0;
	plan(f, 10, 30, 30, 20);
	begin(f);
	tick_at(f, 10);
	fd = client(f);
	reserve(f, fd, "c1", "f", 30, "pool-f");
	reserve(f, fd, "c2", "f", 5, NULL);
	next_minute();
	tick_at(f, 11);
	assert_limit(f, "pool-f", 30);
	close(fd);
}

/* --- writes that block */

static bool is_file_of(int fd, const char *pool)
{
	char link[64], path[256] = "", wanted[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, path, sizeof(path) - 1) < 0)
		return false;
	snprintf(wanted, sizeof(wanted), "/%s/memory.max", pool);
	return strstr(path, wanted) != NULL;
}

/* As the kernel does when reclaim gets nowhere: until a signal comes. */
static ssize_t pool_f_blocks(int fd, const void *text, size_t size)
{
	if (is_file_of(fd, "pool-f"))
		return pause();
	return write(fd, text, size);
}

static ssize_t nothing_works(int fd, const void *text, size_t size)
{
	(void)fd;
	(void)text;
	(void)size;
	errno = EIO;
	return -1;
}

static void one_blocked_pool_delays_no_other(void **state)
{
	struct fixture *f = *state;
	int64_t began;

	f->o.write_limit = pool_f_blocks;
	plan(f, 10, 10, 30, 30);
	plan(f, 11, 40, 10, 10);
	put_bytes(f, "pool-f", "memory.max", M(30));
	begin(f);
	tick_at(f, 10);
	began = clock_monotonic_ns();
	tick_at(f, 11);
	/* The write itself would last for a second. */
	assert_true(clock_monotonic_ns() - began < NS_PER_S);
	assert_limit(f, "pool-g", 10);
	assert_limit(f, "pool-f", 30);
	assert_int_equal(ledger_count(f, "pool-f", "fail").n, 1);
	/* Its bytes are not given on, pool-g's are; it is left alone meanwhile. */
	tick_at(f, 12);
	assert_limit(f, "main", 60);
	assert_int_equal(ledger_count(f, "pool-f", "fail").n, 1);
	/* Its end is an event, and the next tick tries again. */
	for (int i = 0; i < 1000 && ledger_count(f, "pool-f", "fail").n < 2; i++)
		assert_int_equal(governor_events(f->governor, 10), 1);
	assert_int_equal(ledger_count(f, "pool-f", "fail").n, 2);
	assert_int_equal(ledger_count(f, "pool-f", "adopt").n, 0);
	assert_limit(f, "main", 60);
}

/* --- the breaker */

static void failing_writes_open_the_breaker(void **state)
{
	struct fixture *f = *state;
	int64_t max;

	f->o.write_limit = nothing_works;
	plan(f, 10, 10, 30, 30);
	plan(f, 11, 40, 10, 10);
	begin(f);
	/* Raises are done by hand here: from "max" only lowers lead to the plan. */
	put_bytes(f, "pool-f", "memory.max", M(30));
	for (int m = 10; m < 20; m++)
		tick_at(f, m);
	assert_int_equal(ledger_count(f, "", "breaker").n, 1);
	max = get(f, "main", "memory.max");
	assert_int_equal(max, LIMIT_NONE);
	/* In shadow mode it goes on deciding. */
	tick_at(f, 20);
	assert_true(ledger_count(f, "pool-g", "write").n >
		    ledger_count(f, "pool-g", "write").applied);
	assert_int_equal(get(f, "pool-g", "memory.max"), LIMIT_NONE);
}

static void absurd_plans_are_not_followed(void **state)
{
	struct fixture *f = *state;

	plan(f, 10, 10, 30, 20);
	plan(f, 11, 12, 5000, 20);
	plan(f, 13, 13, 25, 20);
	plan(f, 14, 16, 5000, 20);
	begin(f);
	for (int m = 10; m <= 12; m++)
		tick_at(f, m);
	assert_limit(f, "pool-f", 30);
	tick_at(f, 13);
	assert_limit(f, "pool-f", 25);
	for (int m = 14; m <= 16; m++)
		tick_at(f, m);
	assert_int_equal(ledger_count(f, "", "breaker").n, 1);
	assert_int_equal(get(f, "pool-f", "memory.max"), LIMIT_NONE);
	assert_int_equal(get(f, "pool-f", "memory.low"), 0);
	assert_int_equal(get(f, "", "memory.low"), 0);
	assert_limit(f, "", 100);
}

/* --- others on the same node */

struct reasons {
	const char *part;
	int n;
};

static int count_one(const struct ledger_row *row, void *arg)
{
	struct reasons *r = arg;

	r->n += strstr(row->reason, r->part) != NULL;
	return 0;
}

static int count_reason(const struct fixture *f, const char *part)
{
	struct reasons r = { .part = part };

	assert_int_equal(store_each_ledger(f->store, INT64_MIN, INT64_MAX, count_one, &r), 0);
	return r.n;
}

static void a_writer_each_minute_is_never_fought(void **state)
{
	struct fixture *f = *state;

	plan(f, 10, 40, 30, 20);
	begin(f);
	tick_at(f, 10);
	for (int m = 11; m < 20; m++) {
		put_bytes(f, "pool-f", "memory.max", M(33) + m * LIMIT_PAGE);
		tick_at(f, m);
		assert_int_equal(get(f, "pool-f", "memory.max"), M(33) + m * LIMIT_PAGE);
	}
	assert_int_equal(ledger_count(f, "pool-f", "adopt").n, 9);
	assert_int_equal(ledger_count(f, "pool-f", "write").n, 1);
	/* Each time for twice as long. */
	assert_int_equal(count_reason(f, "for 5 minutes"), 1);
	assert_int_equal(count_reason(f, "for 10 minutes"), 1);
	assert_true(count_reason(f, "for 60 minutes") > 1);
	/* What it took is not given to others. */
	assert_true(get(f, "main", "memory.max") <= M(80) - get(f, "pool-f", "memory.max"));
	/* And it stays when we go. */
	governor_close(f->governor);
	f->governor = NULL;
	assert_int_equal(get(f, "pool-f", "memory.max"), M(33) + 19 * LIMIT_PAGE);
}

/* In the middle of a minute only what is to change is read, but that before it is written. */
static void a_foreign_value_between_two_minutes_is_seen(void **state)
{
	struct fixture *f = *state;

	f->o.clock.minute_ns = 3600 * NS_PER_S;
	plan(f, 10, 10, 30, 20);
	begin(f);
	tick_at(f, 10);
	assert_limit(f, "pool-f", 30);
	put_bytes(f, "pool-f", "memory.max", M(25));
	plan(f, 10, 10, 40, 20);
	governor_tick(f->governor);
	assert_limit(f, "pool-f", 25);
	assert_int_equal(ledger_count(f, "pool-f", "adopt").n, 1);
	assert_int_equal(ledger_count(f, "pool-f", "write").n, 1);
}

static void another_cgroup_of_the_same_name_is_another_one(void **state)
{
	struct fixture *f = *state;
	struct cgroup_dir dir;
	char path[256], aside[256];

	path_of(f, "pool-f", "", path);
	assert_int_equal(cgroup_dir_open(AT_FDCWD, path, &dir), 0);
	snprintf(aside, sizeof(aside), "%s/aside", f->mount);
	assert_int_equal(rename(path, aside), 0);
	make_cgroup(f, "pool-f");
	assert_int_equal(cgroup_dir_write(&dir, "memory.max", M(5)), 0);
	assert_int_equal(get(f, "pool-f", "memory.max"), LIMIT_NONE);
	cgroup_dir_close(&dir);
}

static void someone_elses_protection_of_the_root_stays(void **state)
{
	struct fixture *f = *state;

	put_bytes(f, "", "memory.low", M(1));
	put_bytes(f, "pool-f", "memory.current", M(9));
	plan(f, 10, 40, 30, 20);
	begin(f);
	tick_at(f, 10);
	assert_int_equal(get(f, "pool-f", "memory.low"), M(9));
	assert_int_equal(get(f, "", "memory.low"), M(1));
	governor_close(f->governor);
	f->governor = NULL;
	assert_int_equal(get(f, "", "memory.low"), M(1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_RULES(stalls_keep_a_limit),
		ON_RULES(an_oom_kill_gets_what_main_does_not_use),
		ON_RULES(a_lowering_before_a_kill_is_taken_back),
		ON_RULES(page_cache_is_reclaimed_then_the_limit_falls),
		ON_RULES(reclaim_stops_under_pressure),
		ON_RULES(a_full_pool_borrows_at_once_and_gives_back),
		ON_RULES(main_comes_first),
		ON_RULES(without_borrow_nothing_is_lent),
		ON_RULES(one_blocked_pool_delays_no_other),
		ON_RULES(failing_writes_open_the_breaker),
		ON_RULES(absurd_plans_are_not_followed),
		ON_RULES(a_writer_each_minute_is_never_fought),
		ON_RULES(another_cgroup_of_the_same_name_is_another_one),
		ON_RULES(a_foreign_value_between_two_minutes_is_seen),
		ON_RULES(someone_elses_protection_of_the_root_stays),
		ON_TREE(effects_are_known),
		cmocka_unit_test(effects_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
