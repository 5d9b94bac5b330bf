// SPDX-License-Identifier: GPL-2.0-or-later
/* The whole governor on a tree of plain files: main's room for containers that a platform starts whatever it is
 * told. */
#include "tests/governor_client.h"

static void start_anyway(struct fixture *f, int fd, const char *id, const char *function, int mib)
{
	char message[256];

	snprintf(
		message, sizeof(message),
		"{\"op\":\"reserve\",\"id\":\"%s\",\"function\":\"%s\",\"bytes\":%lld,\"anyway\":true}",
		id, function, (long long)M(mib));
	assert_non_null(strstr(ask(f, fd, message), "\"ok\":true"));
}

static void what_is_started_anyway_has_room_before_it_starts(void **state)
{
	struct fixture *f = *state;
	int fd;

	f->o.borrow = 0;
	plan(f, 10, 30, 30, 20);
	begin(f);
	tick_at(f, 10);
	fd = client(f);
	start_anyway(f, fd, "c1", "f", 15);
	start_anyway(f, fd, "m1", "rare", 40);
	assert_limit(f, "main", 50);
	/* Main admits 48. The pools leave 35 idle, and one of them 15. */
	start_anyway(f, fd, "m2", "rare", 20);
	assert_true(get(f, "main", "memory.max") >= M(62));
	assert_true(get(f, "pool-f", "memory.max") >= M(15));
	/* A container of f is planned for, but main has its place: it spills, and more room follows it. */
	start_anyway(f, fd, "c2", "f", 14);
	assert_true(get(f, "main", "memory.max") >= M(76));
	assert_int_equal(ledger_count(f, "main", "borrow").n, 1);
	/* Their leaving gives it all back. */
	release(f, fd, "c1");
	release(f, fd, "c2");
	release(f, fd, "m1");
	release(f, fd, "m2");
	next_minute();
	tick_at(f, 11);
	tick_at(f, 11);
	assert_limit(f, "main", 50);
	assert_limit(f, "pool-f", 30);
	assert_limit(f, "pool-g", 20);
	close(fd);
}

static void main_always_holds_what_was_started_anyway(void **state)
{
	struct fixture *f = *state;
	int fd, used = 0;
	char id[16];

	f->o.borrow = 0;
	plan(f, 10, 30, 30, 20);
	begin(f);
	tick_at(f, 10);
	fd = client(f);
	for (int i = 0; i < 30; i++) {
		snprintf(id, sizeof(id), "m%d", i);
		start_anyway(f, fd, id, "rare", 5);
		used += 5;
		put_bytes(f, "main", "memory.current", M(used));
		/* And, while there is any, some of what lies idle for what nobody has reserved. */
		assert_true(get(f, "main", "memory.max") >=
			    M(used) + (i > 10 && used < 80 ? M(2) : 0));
		if (used > 85) {
			snprintf(id, sizeof(id), "m%d", i - 10);
			release(f, fd, id);
			used -= 5;
			put_bytes(f, "main", "memory.current", M(used));
		}
	}
	close(fd);
}

static void a_main_that_must_shrink_is_not_relieved(void **state)
{
	struct fixture *f = *state;
	int fd;

	f->o.borrow = 0;
	plan(f, 10, 10, 10, 10);
	plan(f, 11, 20, 30, 40);
	begin(f);
	tick_at(f, 10);
	fd = client(f);
	reserve(f, fd, "m1", "rare", 60, "main");
	tick_at(f, 11);
	tick_at(f, 11);
	assert_int_equal(ledger_count(f, "main", "borrow").n, 0);
	release(f, fd, "m1");
	tick_at(f, 11);
	tick_at(f, 11);
	tick_at(f, 11);
	assert_limit(f, "pool-f", 30);
	assert_limit(f, "pool-g", 40);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_RULES(what_is_started_anyway_has_room_before_it_starts),
		ON_RULES(a_main_that_must_shrink_is_not_relieved),
		ON_RULES(main_always_holds_what_was_started_anyway),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
