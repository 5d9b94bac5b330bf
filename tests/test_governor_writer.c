// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes that block: on a pipe that nobody empties, and in a function that does not listen to signals. */
#include "tests/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include "common/clock.h"
#include "governor/writer.h"

#define LONG_NS (20 * NS_PER_S)

/* A pipe that is full: the next write to *ret waits. */
static void full_pipe(int *ret_read, int *ret)
{
	char zero[4096] = { 0 };
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	while (write(fds[1], zero, sizeof(zero)) > 0)
		;
	fcntl(fds[1], F_SETFL, 0);
	*ret_read = fds[0];
	*ret = fds[1];
}

static void a_write_is_done(void **state)
{
	struct writer *w;
	struct writer_job *job;
	char text[8] = "";
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(writer_open(LONG_NS, -1, NULL, &w), 0);
	assert_int_equal(writer_begin(w, fds[1], "max\n", true, &job), 0);
	assert_int_equal(writer_end(w, job, LONG_NS), 0);
	assert_int_equal(read(fds[0], text, sizeof(text)), 4);
	assert_string_equal(text, "max\n");
	/* Its descriptor is closed. */
	assert_int_equal(read(fds[0], text, sizeof(text)), 0);
	writer_close(w);
	close(fds[0]);
}

static void an_error_is_told(void **state)
{
	struct writer *w;
	struct writer_job *job;
	int fd = open("/dev/full", O_WRONLY);

	assert_int_equal(writer_open(LONG_NS, -1, NULL, &w), 0);
	assert_int_equal(writer_begin(w, fd, "1", true, &job), 0);
	assert_int_equal(writer_end(w, job, LONG_NS), -ENOSPC);
	writer_close(w);
}

static void a_deadline_ends_a_write_that_blocks(void **state)
{
	struct writer *w;
	struct writer_job *job, *next;
	int in, out, other[2];

	full_pipe(&in, &out);
	assert_int_equal(pipe(other), 0);
	assert_int_equal(writer_open(20 * NS_PER_MS, -1, NULL, &w), 0);
	assert_int_equal(writer_begin(w, out, "1", true, &job), 0);
	assert_int_equal(writer_begin(w, other[1], "2", true, &next), 0);
	/* The one behind it is done all the same. */
	assert_int_equal(writer_end(w, next, LONG_NS), 0);
	assert_int_equal(writer_end(w, job, LONG_NS), -EINTR);
	assert_int_equal(writer_stuck(w), 0);
	writer_close(w);
	close(in);
	close(other[0]);
}

static void the_end_is_an_event_for_whoever_does_not_wait(void **state)
{
	int event = eventfd(0, EFD_NONBLOCK), in, out;
	struct writer *w;
	struct writer_job *job;
	uint64_t n = 0;
	int r = -EINPROGRESS;

	full_pipe(&in, &out);
	assert_int_equal(writer_open(100 * NS_PER_MS, event, NULL, &w), 0);
	assert_int_equal(writer_begin(w, out, "1", true, &job), 0);
	assert_int_equal(writer_end(w, job, 0), -EINPROGRESS);
	for (int i = 0; i < 2000 && read(event, &n, sizeof(n)) < 0; i++)
		usleep(10 * 1000);
	assert_int_equal(n, 1);
	r = writer_end(w, job, 0);
	assert_int_equal(r, -EINTR);
	writer_close(w);
	close(event);
	close(in);
}

/* A write that nothing ends but this. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static ssize_t deaf_write(int fd, const void *text, size_t size)
{
	if (*(const char *)text == 'x') {
		pthread_mutex_lock(&gate);
		pthread_mutex_unlock(&gate);
	}
	return write(fd, text, size);
}

static void one_that_is_deaf_to_signals_holds_up_no_other(void **state)
{
	struct writer_job *stuck, *next;
	struct writer *w;
	int one[2], two[2], r;

	assert_int_equal(pipe(one), 0);
	assert_int_equal(pipe(two), 0);
	pthread_mutex_lock(&gate);
	assert_int_equal(writer_open(10 * NS_PER_MS, -1, deaf_write, &w), 0);
	assert_int_equal(writer_begin(w, one[1], "x", true, &stuck), 0);
	assert_int_equal(writer_begin(w, two[1], "y", true, &next), 0);
	assert_int_equal(writer_end(w, next, LONG_NS), 0);
	for (int i = 0; i < 1000 && writer_stuck(w) == 0; i++)
		usleep(10 * 1000);
	assert_int_equal(writer_stuck(w), 1);
	pthread_mutex_unlock(&gate);
	do
		r = writer_end(w, stuck, 200 * NS_PER_MS);
	while (r == -EINPROGRESS);
	assert_int_equal(r, 0);
	assert_int_equal(writer_stuck(w), 0);
	writer_close(w);
	close(one[0]);
	close(two[0]);
}

/* A thread that has nothing to do is woken by a job that nobody waits for, and by whoever waits for a quiet one. */
static void an_idle_thread_begins(void **state)
{
	int event = eventfd(0, 0), pipes[4][2];
	struct writer_job *job;
	struct writer *w;
	uint64_t n;

	assert_int_equal(writer_open(LONG_NS, event, NULL, &w), 0);
	for (int i = 0; i < 4; i++) {
		bool quiet = i >= 2;

		assert_int_equal(pipe(pipes[i]), 0);
		assert_int_equal(writer_begin(w, pipes[i][1], "1", quiet, &job), 0);
		if (!quiet)
			assert_int_equal(read(event, &n, sizeof(n)), sizeof(n));
		assert_int_equal(writer_end(w, job, LONG_NS), 0);
		close(pipes[i][0]);
		/* Let it go to sleep. */
		usleep(20 * 1000);
	}
	writer_close(w);
	close(event);
}

static int64_t second_began_ns;

static ssize_t slow_write(int fd, const void *text, size_t size)
{
	if (*(const char *)text == 'a')
		usleep(60 * 1000);
	else
		second_began_ns = clock_monotonic_ns();
	return write(fd, text, size);
}

/* The alarm that an earlier write of the same thread has set is no reason to end one that began later. While
 * somebody waits, another thread would take it. */
static void each_write_has_its_whole_deadline(void **state)
{
	struct writer_job *first, *second;
	struct writer *w;
	int in, out, other[2];

	full_pipe(&in, &out);
	assert_int_equal(pipe(other), 0);
	assert_int_equal(writer_open(100 * NS_PER_MS, -1, slow_write, &w), 0);
	assert_int_equal(writer_begin(w, other[1], "a", true, &first), 0);
	assert_int_equal(writer_begin(w, out, "b", true, &second), 0);
	usleep(90 * 1000);
	assert_int_equal(writer_end(w, second, LONG_NS), -EINTR);
	assert_true(clock_monotonic_ns() - second_began_ns >= 100 * NS_PER_MS);
	assert_int_equal(writer_end(w, first, LONG_NS), 0);
	writer_close(w);
	close(in);
	close(other[0]);
}

static void what_is_forgotten_is_freed(void **state)
{
	struct writer_job *running, *queued;
	struct writer *w;
	int in, out, other[2];
	char byte;

	full_pipe(&in, &out);
	assert_int_equal(pipe(other), 0);
	assert_int_equal(writer_open(50 * NS_PER_MS, -1, NULL, &w), 0);
	assert_int_equal(writer_begin(w, out, "1", true, &running), 0);
	assert_int_equal(writer_end(w, running, NS_PER_MS), -EINPROGRESS);
	assert_int_equal(writer_begin(w, other[1], "2", true, &queued), 0);
	writer_forget(w, queued);
	writer_forget(w, running);
	/* Closed without a byte. */
	assert_int_equal(read(other[0], &byte, 1), 0);
	writer_close(w);
	close(in);
	close(other[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_write_is_done),
		cmocka_unit_test(an_error_is_told),
		cmocka_unit_test(a_deadline_ends_a_write_that_blocks),
		cmocka_unit_test(the_end_is_an_event_for_whoever_does_not_wait),
		cmocka_unit_test(one_that_is_deaf_to_signals_holds_up_no_other),
		cmocka_unit_test(an_idle_thread_begins),
		cmocka_unit_test(each_write_has_its_whole_deadline),
		cmocka_unit_test(what_is_forgotten_is_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
