// SPDX-License-Identifier: GPL-2.0-or-later
/* Shadow mode: the counterfactual ledger, by hand and on the tree, and who is told what is wanted. */
#include "tests/governor_tree.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "governor/outcome.h"
#include "store/outcomes.h"

#define SECOND NS_PER_S
#define MINUTE (60 * NS_PER_S)

static void given_and_taken_are_means_over_the_minute(void **state)
{
	struct pool_outcome o = { 0 };
	struct outcome_minute m;

	(void)state;
	outcome_see(&o, SECOND, M(10), 0);
	assert_false(outcome_take(&o, MINUTE, &m));
	outcome_limit(&o, M(40));
	/* Half a minute from 10 to 30 below 40: 20 free on average. Then 50 above it: 10 taken. */
	outcome_see(&o, 31 * SECOND, M(30), 0);
	outcome_see(&o, 31 * SECOND, M(50), 0);
	outcome_see(&o, 61 * SECOND, M(50), 0);
	assert_true(outcome_take(&o, MINUTE, &m));
	assert_int_equal(m.given, M(10));
	assert_int_equal(m.taken, M(5));
	assert_int_equal(m.usage, M(50));
	assert_int_equal(m.worst, M(10));
	assert_int_equal(m.limit, M(40));
	/* The next minute begins from nothing. */
	outcome_limit(&o, M(60));
	outcome_see(&o, 121 * SECOND, M(50), 0);
	assert_true(outcome_take(&o, MINUTE, &m));
	assert_int_equal(m.given, M(10));
	assert_int_equal(m.taken, 0);
	assert_int_equal(m.worst, 0);
}

static void a_peak_between_two_looks_counts_under_its_limit(void **state)
{
	struct pool_outcome o = { 0 };
	struct outcome_minute m;

	(void)state;
	/* The first peak is of the time before. */
	outcome_see(&o, SECOND, M(10), M(90));
	outcome_limit(&o, M(40));
	outcome_see(&o, 11 * SECOND, M(10), M(90));
	assert_true(outcome_take(&o, MINUTE, &m));
	assert_int_equal(m.worst, 0);
	assert_int_equal(m.usage, M(10));
	outcome_limit(&o, M(80));
	outcome_see(&o, 21 * SECOND, M(10), M(95));
	/* A lower limit from here on did not have it. */
	outcome_limit(&o, M(20));
	outcome_see(&o, 31 * SECOND, M(10), M(95));
	assert_true(outcome_take(&o, MINUTE, &m));
	assert_int_equal(m.worst, M(15));
	assert_int_equal(m.usage, M(95));
}

static void no_limit_has_no_outcome(void **state)
{
	struct pool_outcome o = { 0 };
	struct outcome_minute m;

	(void)state;
	outcome_limit(&o, LIMIT_NONE);
	outcome_see(&o, SECOND, M(10), 0);
	outcome_see(&o, 2 * SECOND, M(10), 0);
	assert_false(outcome_take(&o, MINUTE, &m));
}

/* In shadow mode a pool grows over what would have been its limit: the minute says so, nothing is
 * written, and what is held free for the others is there too. */
static void shadow_mode_keeps_what_would_have_hurt(void **state)
{
	struct fixture *f = *state;
	struct outcome_row row;
	struct outcome_sum sum;
	int64_t last;

	f->o.apply = false;
	plan(f, 10, 13, 30, 20);
	begin(f);
	tick_at(f, 10);
	put_bytes(f, "pool-f", "memory.current", M(35));
	usleep(20 * 1000);
	tick_at(f, 11);
	usleep(20 * 1000);
	put_bytes(f, "pool-f", "memory.current", M(5));
	tick_at(f, 12);
	tick_at(f, 13);
	assert_int_equal(store_read_outcome(f->store, "pool-f", 10, &row), 0);
	assert_int_equal(row.limit_bytes, M(30));
	assert_int_equal(row.usage_bytes, M(35));
	assert_int_equal(row.worst_bytes, M(5));
	assert_false(row.applied);
	assert_int_equal(row.target_bytes, M(30));
	assert_int_equal(store_read_outcome(f->store, "pool-g", 10, &row), 0);
	assert_int_equal(row.worst_bytes, 0);
	/* 20 MiB for at least two minutes of 10 ms. */
	assert_true(row.given_bytes >= 2 * M(20));
	assert_int_equal(row.taken_bytes, 0);
	assert_int_equal(store_last_outcome(f->store, "pool-f", &last), 0);
	assert_int_equal(last, 12);
	assert_int_equal(store_sum_outcomes(f->store, 10, 12, false, &sum), 0);
	assert_int_equal(sum.pool_minutes, 9);
	assert_int_equal(sum.pools_hurt, 1);
	assert_int_equal(store_sum_outcomes(f->store, 10, 12, true, &sum), 0);
	assert_int_equal(sum.pool_minutes, 0);
	assert_int_equal(store_read_outcome(f->store, "pool-f", 9, &row), -ENODATA);
	assert_int_equal(get(f, "pool-f", "memory.max"), LIMIT_NONE);
}

/* --on-change is told what the plan of the minute wants, and in its lead what the next one's does. */
static void the_plan_is_told(void **state)
{
	struct fixture *f = *state;
	char command[160], path[128], text[1024] = "";
	FILE *in;

	snprintf(path, sizeof(path), "%s/told", f->mount);
	snprintf(command, sizeof(command), "cat >%s", path);
	f->o.on_change = command;
	f->o.apply = false;
	plan(f, 10, 10, 30, 20);
	plan(f, 11, 11, 10, 40);
	begin(f);
	f->now_ns = 10 * f->o.clock.minute_ns + f->o.clock.minute_ns * 9 / 10;
	governor_tick(f->governor);
	for (int i = 0; i < 1000 && !strstr(text, "\"g\""); i++) {
		usleep(10 * 1000);
		in = fopen(path, "r");
		text[in ? fread(text, 1, sizeof(text) - 1, in) : 0] = '\0';
		if (in)
			fclose(in);
	}
	assert_non_null(strstr(text, "{\"function\":\"f\",\"pool\":\"pool-f\",\"minute\":10,"
				     "\"containers\":2,\"bytes\":31457280,\"reason\":\"plan\","
				     "\"applied\":false}"));
	assert_non_null(strstr(text, "\"function\":\"g\",\"pool\":\"pool-g\",\"minute\":10,"
				     "\"containers\":2,\"bytes\":41943040,"
				     "\"reason\":\"next minute's plan\""));
}

/* An adapter for a platform that does not answer: what the governor says reaches it, and what it could not
 * do is kept for its next run. */
static void an_adapter_is_told(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_in nobody = { .sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(nobody);
	int closed = socket(AF_INET, SOCK_STREAM, 0);
	char command[384], path[128], text[1024] = "";
	FILE *in;

	/* Bound and not listened at: connections are refused. */
	assert_int_equal(bind(closed, (struct sockaddr *)&nobody, size), 0);
	assert_int_equal(getsockname(closed, (struct sockaddr *)&nobody, &size), 0);
	snprintf(path, sizeof(path), "%s/pending", f->mount);
	snprintf(command, sizeof(command),
		 "FAASMAT_URL=http://127.0.0.1:%d FAASMAT_STATE=%s no_proxy='*' "
		 "packaging/adapters/openfaas.sh 2>%s/said",
		 ntohs(nobody.sin_port), path, f->mount);
	f->o.on_change = command;
	plan(f, 10, 10, 30, 20);
	begin(f);
	tick_at(f, 10);
	snprintf(path, sizeof(path), "%s/said", f->mount);
	for (int i = 0; i < 3000 && !strstr(text, "no answer"); i++) {
		usleep(10 * 1000);
		in = fopen(path, "r");
		text[in ? fread(text, 1, sizeof(text) - 1, in) : 0] = '\0';
		if (in)
			fclose(in);
	}
	close(closed);
	assert_non_null(strstr(text, "openfaas: 2 function(s) (\"f\", \"g\"): "));
	snprintf(path, sizeof(path), "%s/pending", f->mount);
	in = fopen(path, "r");
	assert_non_null(in);
	text[fread(text, 1, sizeof(text) - 1, in)] = '\0';
	fclose(in);
	assert_string_equal(
		text,
		"{\"function\":\"f\",\"pool\":\"pool-f\",\"containers\":2,\"applied\":true}\n"
		"{\"function\":\"g\",\"pool\":\"pool-g\",\"containers\":2,\"applied\":true}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(given_and_taken_are_means_over_the_minute),
		cmocka_unit_test(a_peak_between_two_looks_counts_under_its_limit),
		cmocka_unit_test(no_limit_has_no_outcome),
		ON_TREE(shadow_mode_keeps_what_would_have_hurt),
		ON_TREE(the_plan_is_told),
		ON_TREE(an_adapter_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
