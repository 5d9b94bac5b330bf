// SPDX-License-Identifier: GPL-2.0-or-later
/* The command of --on-change: told everything, the latest of each, and in nobody's way when it hangs,
 * floods or fails. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/log.h"
#include "governor/on_change.h"

struct fixture {
	char dir[64], command[512];
	int epoll;
	struct on_change *o;
};

static void begin(struct fixture *f, const char *command, int64_t limit_ns)
{
	snprintf(f->command, sizeof(f->command), "cd %s; %s", f->dir, command);
	assert_int_equal(on_change_open(f->command, limit_ns, f->epoll, &f->o), 0);
}

static void note(struct fixture *f, const char *function, int64_t containers)
{
	struct wanted w = { .function = function,
			    .pool = "pool-x",
			    .minute = 7,
			    .containers = containers,
			    .bytes = containers * MIB,
			    .reason = "plan",
			    .applied = true };

	assert_int_equal(on_change_note(f->o, &w), 0);
	on_change_run(f->o);
}

/* What the governor's loop does with events, until `file` has `lines` lines. */
static void until_lines(struct fixture *f, const char *file, int lines)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", f->dir, file);
	for (int round = 0; round < 3000; round++) {
		struct epoll_event event;
		FILE *in = fopen(path, "r");
		int n = 0, c;

		while (in && (c = getc(in)) != EOF)
			n += c == '\n';
		if (in)
			fclose(in);
		if (n >= lines)
			return;
		if (epoll_wait(f->epoll, &event, 1, 10) == 1)
			assert_true(on_change_event(f->o, event.data.ptr));
	}
	fail_msg("%s did not get %d lines", file, lines);
}

static char *contents(const struct fixture *f, const char *file)
{
	static char text[65536];
	char path[128];
	size_t n;
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s", f->dir, file);
	in = fopen(path, "r");
	assert_non_null(in);
	n = fread(text, 1, sizeof(text) - 1, in);
	text[n] = '\0';
	fclose(in);
	return text;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	log_set_level(LOG_LEVEL_ERROR);
	strcpy(f->dir, "/tmp/faasmat-change-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->epoll = epoll_create1(EPOLL_CLOEXEC);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	on_change_close(f->o);
	close(f->epoll);
	snprintf(command, sizeof(command), "rm -rf %s", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static void it_is_told_in_json(void **state)
{
	struct fixture *f = *state;

	begin(f, "cat >>out", 10 * NS_PER_S);
	note(f, "a \"b\"\n", 3);
	until_lines(f, "out", 1);
	assert_string_equal(
		contents(f, "out"),
		"{\"function\":\"a \\\"b\\\"\\n\",\"pool\":\"pool-x\",\"minute\":7,"
		"\"containers\":3,\"bytes\":3145728,\"reason\":\"plan\",\"applied\":true}\n");
}

static void the_latest_of_each_is_told_once(void **state)
{
	struct fixture *f = *state;
	char *out;

	begin(f, "echo run >>runs; cat >>out", 10 * NS_PER_S);
	note(f, "f", 1);
	/* The command runs now: these wait, for a second at least. */
	for (int i = 2; i <= 1000; i++)
		note(f, i % 2 ? "f" : "g", i);
	until_lines(f, "out", 3);
	out = contents(f, "out");
	assert_non_null(strstr(out, "\"containers\":1,"));
	assert_non_null(strstr(out, "\"containers\":999,"));
	assert_non_null(strstr(out, "\"containers\":1000,"));
	assert_string_equal(contents(f, "runs"), "run\nrun\n");
}

/* And so is what it started; what it was not told in time is told to the next. */
static void one_that_hangs_is_ended(void **state)
{
	struct fixture *f = *state;
	char *out;

	begin(f,
	      "if mkdir first 2>/dev/null; then (sleep 1000 & echo $! >>pids; wait) & wait; fi; "
	      "cat >>out; echo second >>ends",
	      NS_PER_S);
	note(f, "f", 1);
	until_lines(f, "pids", 1);
	note(f, "g", 2);
	until_lines(f, "ends", 1);
	out = contents(f, "out");
	assert_null(strstr(out, "\"containers\":1,"));
	assert_non_null(strstr(out, "\"containers\":2,"));
	for (int i = 0; i < 500 && kill((pid_t)atoi(contents(f, "pids")), 0) == 0; i++)
		usleep(10 * 1000);
	assert_int_equal(kill((pid_t)atoi(contents(f, "pids")), 0), -1);
}

/* It never reads its input, and writes without end. */
static void one_that_floods_is_ended(void **state)
{
	struct fixture *f = *state;
	char name[32];

	begin(f, "if mkdir first 2>/dev/null; then exec yes; fi; echo second >>ends", NS_PER_S);
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "function-%d", i);
		note(f, name, i);
	}
	until_lines(f, "ends", 1);
}

static void one_that_fails_is_run_again(void **state)
{
	struct fixture *f = *state;

	begin(f, "echo run >>runs; exit 3", 10 * NS_PER_S);
	note(f, "f", 1);
	until_lines(f, "runs", 1);
	note(f, "f", 2);
	until_lines(f, "runs", 2);
}

/* Also when a second has passed. */
static void one_runs_at_a_time(void **state)
{
	struct fixture *f = *state;

	begin(f, "echo begin >>runs; sleep 2; echo end >>runs", 10 * NS_PER_S);
	note(f, "f", 1);
	until_lines(f, "runs", 1);
	usleep(1100 * 1000);
	note(f, "f", 2);
	until_lines(f, "runs", 4);
	assert_string_equal(contents(f, "runs"), "begin\nend\nbegin\nend\n");
}

/* Also when the last one has ended long since. */
static void it_is_not_run_more_often_than_once_a_second(void **state)
{
	struct fixture *f = *state;
	int64_t began = clock_monotonic_ns();

	begin(f, "echo run >>runs", 10 * NS_PER_S);
	note(f, "f", 1);
	until_lines(f, "runs", 1);
	note(f, "f", 2);
	until_lines(f, "runs", 2);
	assert_true(clock_monotonic_ns() - began >= NS_PER_S);
}

static void closing_ends_it(void **state)
{
	struct fixture *f = *state;

	begin(f, "echo $$ >>pids; exec sleep 1000", 1000 * NS_PER_S);
	note(f, "f", 1);
	until_lines(f, "pids", 1);
	on_change_close(f->o);
	f->o = NULL;
	assert_int_equal(kill((pid_t)atoi(contents(f, "pids")), 0), -1);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_told_in_json),
		TEST(the_latest_of_each_is_told_once),
		TEST(one_that_hangs_is_ended),
		TEST(one_that_floods_is_ended),
		TEST(one_that_fails_is_run_again),
		TEST(closing_ends_it),
		TEST(one_runs_at_a_time),
		TEST(it_is_not_run_more_often_than_once_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
