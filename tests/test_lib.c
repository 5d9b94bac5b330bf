// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/: a client against the governor's own protocol and published table, and against servers that
 * answer late, wrong, or not at all. */
#include "tests/test.h"

#include <poll.h>
#include <signal.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "common/clock.h"
#include "governor/admission.h"
#include "governor/publish.h"
#include "governor/socket.h"
#include "lib/faasmat.h"

#define NASTY "a\"b\\c<\xc3\xa4>"

struct served {
	struct admission *table;
	struct server *server;
	int epoll;
	volatile bool stop;
	pthread_t thread;
};

static void *serve(void *arg)
{
	struct served *s = arg;
	struct epoll_event e;

	while (!s->stop) {
		if (epoll_wait(s->epoll, &e, 1, 20) == 1)
			server_event(s->server, e.data.ptr, e.events);
	}
	return NULL;
}

static const char *start(struct served *s, const char *name)
{
	const char *path = test_path(name);

	s->table = admission_new(1000 * MIB, true);
	assert_int_equal(admission_add_pool(s->table, "main", NULL, "/faasmat/main"), 0);
	assert_int_equal(admission_add_pool(s->table, "pool-x", NASTY, "/faasmat/pool-x"), 1);
	admission_set(s->table, 0, 500 * MIB, -1);
	admission_set(s->table, 1, 200 * MIB, 2);
	admission_set_planned(s->table, 1, true);
	s->epoll = epoll_create1(0);
	assert_int_equal(server_open(path, s->epoll, s->table, NULL, &s->server), 0);
	s->stop = false;
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
	return path;
}

static void end(struct served *s)
{
	s->stop = true;
	pthread_join(s->thread, NULL);
	server_close(s->server);
	admission_free(s->table);
	close(s->epoll);
}

static void take_line(void *arg, const struct faasmat_pool *p)
{
	struct faasmat_pool *lines = arg;

	lines[strcmp(p->pool, "main") != 0] = *p;
}

static void a_client_reserves_and_releases(void **state)
{
	struct served s;
	const char *path = start(&s, "lib.sock");
	int fd = faasmat_connect(path), notices = faasmat_connect(path);
	struct faasmat_reservation r = { .id = "c1", .function = NASTY, .bytes = 100 * MIB };
	struct faasmat_pool lines[2] = { 0 }, change;
	struct faasmat_answer a;

	assert_true(fd >= 0 && notices >= 0);
	assert_int_equal(faasmat_reserve(fd, &r, 1000, &a), 0);
	assert_true(a.ok);
	assert_false(a.spill);
	assert_string_equal(a.pool, "pool-x");
	assert_string_equal(a.cgroup, "/faasmat/pool-x");
	r.id = NASTY;
	r.bytes = 101 * MIB;
	assert_int_equal(faasmat_reserve(fd, &r, 1000, &a), 0);
	assert_true(a.ok && a.spill);
	assert_string_equal(a.cgroup, "/faasmat/main");
	r.id = "big";
	r.bytes = 2000 * MIB;
	assert_int_equal(faasmat_reserve(fd, &r, 1000, &a), 0);
	assert_false(a.ok);
	assert_true(strlen(a.reason) > 0);
	assert_int_equal(faasmat_table(fd, 1000, take_line, lines), 0);
	assert_int_equal(lines[0].used_bytes, 101 * MIB);
	assert_int_equal(lines[1].used_bytes, 100 * MIB);
	assert_int_equal(lines[1].admitted_containers, 2);
	assert_int_equal(lines[0].admitted_containers, -1);
	assert_string_equal(lines[1].function, NASTY);
	assert_string_equal(lines[0].function, "");
	assert_int_equal(faasmat_release(fd, NASTY, 1000), 0);
	assert_int_equal(faasmat_release(fd, NASTY, 1000), -ENOENT);
	assert_int_equal(faasmat_subscribe(notices, 1000), 0);
	assert_int_equal(faasmat_next_change(notices, 1000, &change), 0);
	assert_string_equal(change.pool, "main");
	assert_int_equal(faasmat_next_change(notices, 1000, &change), 0);
	assert_int_equal(change.used_bytes, 100 * MIB);
	assert_int_equal(faasmat_next_change(notices, 10, &change), -ETIMEDOUT);
	close(fd);
	close(notices);
	end(&s);
	assert_int_equal(faasmat_connect(path), -ENOENT);
}

/* To a governor that knows nothing of them, what runs is told; it counts, also above what is admitted. */
static void what_runs_is_told_to_a_new_governor(void **state)
{
	struct served s;
	const char *path = start(&s, "existing.sock");
	int fd = faasmat_connect(path);
	struct faasmat_reservation r = {
		.id = "c1", .function = NASTY, .bytes = 300 * MIB, .existing = "pool-x"
	};
	struct faasmat_pool lines[2] = { 0 };
	struct faasmat_answer a;

	assert_int_equal(faasmat_reserve(fd, &r, 1000, &a), 0);
	assert_true(a.ok);
	assert_string_equal(a.pool, "pool-x");
	r.id = "c2";
	r.existing = "main";
	assert_int_equal(faasmat_reserve(fd, &r, 1000, &a), 0);
	assert_string_equal(a.pool, "main");
	assert_int_equal(faasmat_table(fd, 1000, take_line, lines), 0);
	assert_int_equal(lines[0].used_bytes, 300 * MIB);
	assert_int_equal(lines[1].used_bytes, 300 * MIB);
	close(fd);
	end(&s);
}

/* Answers the first message only when the second has come, then that one. */
static void *be_late(void *arg)
{
	int fd = accept(*(int *)arg, NULL, NULL);
	static const char *const answers[] = {
		"{\"op\":\"release\",\"id\":\"a\",\"ok\":true}",
		"{\"op\":\"reserve\",\"id\":\"a\",\"ok\":true,\"pool\":\"main\",\"cgroup\":\"/late\"}",
		"{\"op\":\"change\",\"pool\":\"main\"}",
		"{\"op\":\"reserve\",\"id\":\"b\",\"ok\":false,\"pool\":\"main\",\"reason\":\"full\"}",
	};
	char buffer[4096];

	for (int i = 0; i < 3; i++)
		assert_true(recv(fd, buffer, sizeof(buffer), 0) > 0);
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
		send(fd, answers[i], strlen(answers[i]), MSG_NOSIGNAL);
	recv(fd, buffer, sizeof(buffer), 0);
	close(fd);
	return NULL;
}

static void a_late_answer_is_no_other_questions(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_SEQPACKET, 0), fd;
	struct faasmat_reservation r = { .id = "a", .function = "f" };
	const char *path = test_path("late.sock");
	struct faasmat_answer a;
	pthread_t thread;

	unlink(path);
	strcpy(address.sun_path, path);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 5), 0);
	assert_int_equal(pthread_create(&thread, NULL, be_late, &listener), 0);
	fd = faasmat_connect(path);
	assert_int_equal(faasmat_release(fd, "a", 1), -ETIMEDOUT);
	assert_int_equal(faasmat_reserve(fd, &r, 1, &a), -ETIMEDOUT);
	r.id = "b";
	assert_int_equal(faasmat_reserve(fd, &r, 10000, &a), 0);
	assert_false(a.ok);
	assert_string_equal(a.reason, "full");
	close(fd);
	pthread_join(thread, NULL);
	close(listener);
}

/* A server that says `answer` (NULL: nothing) to the first message. */
struct rude {
	int listener;
	const char *answer;
	size_t size;
};

static void *be_rude(void *arg)
{
	struct rude *r = arg;
	int fd = accept(r->listener, NULL, NULL);
	char buffer[4096];

	if (recv(fd, buffer, sizeof(buffer), 0) > 0 && r->answer)
		send(fd, r->answer, r->size, MSG_NOSIGNAL);
	if (!r->answer)
		poll(NULL, 0, 200);
	close(fd);
	return NULL;
}

static int ask_rude(const char *answer, size_t size, struct faasmat_answer *a)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct rude rude = { .answer = answer, .size = size };
	struct faasmat_reservation r = { .id = "c1", .function = "f", .bytes = 1 };
	const char *path = test_path("rude.sock");
	pthread_t thread;
	int fd, error;

	unlink(path);
	strcpy(address.sun_path, path);
	rude.listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	assert_int_equal(bind(rude.listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(rude.listener, 5), 0);
	assert_int_equal(pthread_create(&thread, NULL, be_rude, &rude), 0);
	fd = faasmat_connect(path);
	memset(a, 0x55, sizeof(*a));
	error = faasmat_reserve(fd, &r, 100, a);
	close(fd);
	pthread_join(thread, NULL);
	close(rude.listener);
	return error;
}

static void rude_servers_do_no_harm(void **state)
{
	static const char *const nonsense[] = {
		"",
		"x",
		"{",
		"{\"",
		"{\"op\"",
		"{\"op\":",
		"{\"op\":\"reserve\",\"ok\":true",
		"{\"op\":\"reserve\",\"ok\":tru",
		"[[[[[[[[",
		"{\"a\":[[[{\"ok\":true}",
		"{\"ok\":\"true\"}",
		"{\"cgroup\":\"\\",
		"{\"cgroup\":\"\\u00",
		"{\"cgroup\":\"/x",
		"}}}}",
		"\"",
	};
	_cleanup_free_ char *large = malloc(100000);
	struct faasmat_answer a;

	for (size_t i = 1; i < ARRAY_SIZE(nonsense); i++) {
		int r = ask_rude(nonsense[i], strlen(nonsense[i]), &a);

		assert_true(r == 0 || r == -ECONNRESET);
		/* The one whose answer merely ends too early may say so. */
		if (r == 0 && i != 6)
			assert_false(a.ok);
	}
	assert_int_equal(ask_rude(NULL, 0, &a), -ETIMEDOUT);
	memset(large, 'a', 100000);
	assert_int_equal(ask_rude(large, 100000, &a), -EMSGSIZE);
	/* A path longer than what it must fit into is none, not a shorter one. */
	snprintf(large, 100, "{\"op\":\"reserve\",\"ok\":true,\"cgroup\":\"/");
	memset(large + strlen(large), 'a', 3000);
	strcpy(large + 3000, "\"}");
	assert_int_equal(ask_rude(large, 3002, &a), 0);
	assert_string_equal(a.cgroup, "");
}

static struct admission *small_table(void)
{
	struct admission *t = admission_new(1000 * MIB, true);

	assert_int_equal(admission_add_pool(t, "main", NULL, "/faasmat/main"), 0);
	assert_int_equal(admission_add_pool(t, "pool-x", NASTY, "/faasmat/pool-x"), 1);
	return t;
}

static void the_table_outlives_the_governor(void **state)
{
	const char *path = test_path("published.sock");
	struct admission *t = small_table();
	struct faasmat_pool lines[2] = { 0 };
	struct publisher *p;
	char file[600];

	publish_remove(path);
	assert_int_equal(faasmat_published(path, take_line, lines), -ENOENT);
	assert_int_equal(publish_open(path, (gid_t)-1, &p), 0);
	admission_set(t, 1, 200 * MIB, 2);
	admission_set_planned(t, 1, true);
	publish_write(p, t);
	publish_close(p);
	admission_free(t);
	assert_int_equal(faasmat_published(path, take_line, lines), 0);
	assert_string_equal(lines[1].function, NASTY);
	assert_string_equal(lines[1].cgroup, "/faasmat/pool-x");
	assert_int_equal(lines[1].admitted_bytes, 200 * MIB);
	assert_int_equal(lines[1].planned, 1);
	/* Others may write it: not to be believed. */
	snprintf(file, sizeof(file), "%s" FAASMAT_TABLE_SUFFIX, path);
	assert_int_equal(chmod(file, 0666), 0);
	assert_int_equal(faasmat_published(path, take_line, lines), -EPERM);
	assert_int_equal(chmod(file, 0600), 0);
	assert_int_equal(truncate(file, 10), 0);
	assert_int_equal(faasmat_published(path, take_line, lines), -EPROTO);
	assert_int_equal(publish_remove(path), 0);
	assert_int_equal(publish_remove(path), 0);
}

static void a_governor_that_died_writing(void **state)
{
	const char *path = test_path("odd.sock");
	struct faasmat_table_header h = { .magic = FAASMAT_TABLE_MAGIC,
					  .version = FAASMAT_TABLE_VERSION,
					  .entry_bytes = sizeof(struct faasmat_pool),
					  .sequence = 7 };
	struct faasmat_pool lines[2];
	char file[600];
	FILE *f;

	snprintf(file, sizeof(file), "%s" FAASMAT_TABLE_SUFFIX, path);
	for (int i = 0; i < 3; i++) {
		h.sequence = i == 0 ? 7 : 8;
		h.count = i == 1 ? 1000000 : 0; /* more than the file has */
		h.version = i == 2 ? 99 : FAASMAT_TABLE_VERSION;
		unlink(file);
		f = fopen(file, "w");
		fwrite(&h, sizeof(h), 1, f);
		fclose(f);
		chmod(file, 0600);
		assert_int_equal(faasmat_published(path, take_line, lines),
				 i == 2 ? -EPROTO : -EBUSY);
	}
}

static void check_line(void *arg, const struct faasmat_pool *p)
{
	int64_t *reads = arg;

	(*reads)++;
	/* What the writer keeps true in every version of the table. */
	assert_int_equal(p->admitted_bytes, p->admitted_containers * 1000);
}

/* One process writes as fast as it can, this one reads: never half a change. */
static void readers_see_whole_tables(void **state)
{
	const char *path = test_path("race.sock");
	struct admission *t = small_table();
	struct publisher *p;
	int64_t reads = 0, until = clock_monotonic_ns() + 300 * NS_PER_MS;
	int busy = 0;
	pid_t writer;

	assert_int_equal(publish_open(path, (gid_t)-1, &p), 0);
	admission_set(t, 0, 0, 0);
	publish_write(p, t);
	writer = fork();
	if (writer == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int64_t i = 1; writer == 0 && i > 0; i++) {
		admission_set(t, 0, i * 1000, i);
		admission_set(t, 1, i * 1000, i);
		publish_write(p, t);
		for (volatile int pause = 0; pause < (int)(i % 3000); pause++)
			continue;
	}
	while (clock_monotonic_ns() < until)
		busy += faasmat_published(path, check_line, &reads) == -EBUSY;
	kill(writer, SIGKILL);
	waitpid(writer, NULL, 0);
	print_message("# %lld lines read, busy %d times\n", (long long)reads, busy);
	assert_true(reads > 0);
	publish_close(p);
	publish_remove(path);
	admission_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_reserves_and_releases),
		cmocka_unit_test(what_runs_is_told_to_a_new_governor),
		cmocka_unit_test(a_late_answer_is_no_other_questions),
		cmocka_unit_test(rude_servers_do_no_harm),
		cmocka_unit_test(the_table_outlives_the_governor),
		cmocka_unit_test(a_governor_that_died_writing),
		cmocka_unit_test(readers_see_whole_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
