// SPDX-License-Identifier: GPL-2.0-or-later
/* The admission table and its protocol: rules, hostile messages, and a random run against a model. */
#include "tests/test.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "governor/admission.h"
#include "governor/protocol.h"
#include "governor/socket.h"

#define M(x) ((x)*MIB)

static struct admission *new_table(bool spill)
{
	struct admission *a = admission_new(M(1000), spill);

	assert_int_equal(admission_add_pool(a, "main", NULL, "/faasmat/main"), 0);
	assert_int_equal(admission_add_pool(a, "pool-f", "f", "/faasmat/pool-f"), 1);
	admission_set(a, 0, M(500), -1);
	admission_set(a, 1, M(200), 2);
	admission_set_planned(a, 1, true);
	return a;
}

static struct admission_answer reserve(struct admission *a, const char *id, const char *function,
				       int64_t bytes)
{
	struct reservation r = { .id = id, .function = function, .bytes = bytes };
	struct admission_answer answer;

	admission_reserve(a, &r, &answer);
	return answer;
}

static void a_hot_function_goes_to_its_pool(void **state)
{
	struct admission *a = new_table(false);

	(void)state;
	assert_int_equal(reserve(a, "1", "f", M(100)).pool, 1);
	assert_int_equal(reserve(a, "2", "rare", M(100)).pool, 0);
	assert_int_equal(admission_pool(a, 1)->used_bytes, M(100));
	assert_int_equal(admission_pool(a, 0)->used_containers, 1);
	/* Not planned this minute: like any other function. */
	admission_set_planned(a, 1, false);
	assert_int_equal(reserve(a, "3", "f", M(100)).pool, 0);
	admission_free(a);
}

static void a_full_pool_says_so(void **state)
{
	struct admission *a = new_table(false);
	struct admission_answer answer;

	(void)state;
	assert_true(reserve(a, "1", "f", M(100)).ok);
	assert_false(reserve(a, "2", "f", M(100) + 1).ok);
	assert_true(reserve(a, "2", "f", M(50)).ok);
	/* More than the node has will never fit, wherever. */
	answer = reserve(a, "3", "rare", INT64_MAX);
	assert_false(answer.ok);
	assert_non_null(strstr(answer.reason, "more than the node's budget"));
	/* Bytes are left, containers are not. */
	answer = reserve(a, "3", "f", M(1));
	assert_false(answer.ok);
	assert_int_equal(answer.pool, 1);
	assert_non_null(strstr(answer.reason, "2 of 2 containers"));
	assert_true(admission_release(a, "1"));
	assert_false(admission_release(a, "1"));
	assert_true(reserve(a, "3", "f", M(1)).ok);
	admission_free(a);
}

static void a_full_pool_spills_when_main_admits(void **state)
{
	struct admission *a = new_table(true);
	struct admission_answer answer;

	(void)state;
	assert_true(reserve(a, "1", "f", M(200)).ok);
	answer = reserve(a, "2", "f", M(500));
	assert_true(answer.ok && answer.spill);
	assert_int_equal(answer.pool, 0);
	answer = reserve(a, "3", "f", M(1));
	assert_false(answer.ok || answer.spill);
	assert_int_equal(answer.pool, 1);
	admission_free(a);
}

static void asking_twice_counts_once(void **state)
{
	struct admission *a = new_table(false);

	(void)state;
	assert_true(reserve(a, "1", "f", M(100)).ok);
	assert_true(reserve(a, "1", "f", M(100)).ok);
	assert_int_equal(admission_pool(a, 1)->used_bytes, M(100));
	assert_false(reserve(a, "1", "g", M(100)).ok);
	admission_free(a);
}

static void what_runs_already_is_recorded(void **state)
{
	struct admission *a = new_table(false);
	struct reservation r = {
		.id = "c1", .function = "f", .bytes = M(900), .pool = "pool-f", .existing = true
	};
	struct container_seen seen[] = { { "c10", M(1) },
					 { "crun-c2.scope", M(7) },
					 { "c1", M(5) } };
	struct admission_answer answer;

	(void)state;
	/* A scan at the start counts them by the memory they use ... */
	admission_scan(a, 1, seen, 3, true);
	assert_int_equal(admission_pool(a, 1)->used_bytes, M(13));
	/* ... until a client says what was promised to them, whatever is admitted. */
	admission_reserve(a, &r, &answer);
	assert_true(answer.ok);
	assert_int_equal(admission_pool(a, 1)->used_bytes, M(908));
	assert_int_equal(admission_pool(a, 1)->used_containers, 3);
	r.id = "c2";
	r.bytes = M(10);
	admission_reserve(a, &r, &answer);
	assert_int_equal(admission_pool(a, 1)->used_bytes, M(911));
	assert_int_equal(admission_pool(a, 1)->used_containers, 3);
	r.pool = "pool-nobody";
	r.id = "c3";
	admission_reserve(a, &r, &answer);
	assert_false(answer.ok);
	admission_free(a);
}

static void a_container_that_is_gone_is_released(void **state)
{
	struct admission *a = new_table(false);
	struct container_seen seen[] = { { "1", 0 } };

	(void)state;
	assert_true(reserve(a, "1", "f", M(50)).ok);
	assert_true(reserve(a, "2", "f", M(50)).ok);
	/* 2 has no cgroup yet: it is on its way. */
	assert_int_equal(admission_scan(a, 1, seen, 1, false), 0);
	assert_int_equal(admission_scan(a, 1, NULL, 0, false), 1);
	assert_int_equal(admission_pool(a, 1)->used_containers, 1);
	assert_true(admission_release(a, "2"));
	admission_free(a);
}

/* --- leases */

static bool there;
static int left;

static bool say_there(void *arg, int pool, const char *id)
{
	(void)arg;
	(void)pool;
	(void)id;
	return there;
}

static void count_left(void *arg, int pool, const char *id, bool leased)
{
	(void)arg;
	(void)pool;
	(void)id;
	left += leased;
}

static const struct admission_look look = { say_there, say_there, count_left, NULL };

static bool lease(struct admission *a, const char *id, const char *function, int64_t creator,
		  bool leased)
{
	struct reservation r = {
		.id = id, .function = function, .bytes = M(50), .leased = leased, .creator = creator
	};
	struct admission_answer answer;

	admission_reserve(a, &r, &answer);
	return answer.ok;
}

static void a_lease_ends_with_its_creator(void **state)
{
	struct admission *a = new_table(false);
	struct container_seen seen = { "1", 0 };

	(void)state;
	assert_true(lease(a, "1", "f", 7, true) && lease(a, "2", "f", 7, true));
	assert_true(lease(a, "3", NULL, 8, true) && lease(a, "4", "rare", 7, false));
	assert_int_equal(admission_scan(a, 1, &seen, 1, true), 0);
	there = false;
	/* 1 has its cgroup, 3 another creator; 4 has some time left. */
	assert_int_equal(admission_creator_gone(a, 7, &look, 1000), 1);
	assert_int_equal(admission_pool(a, 1)->used_containers, 1);
	assert_int_equal(admission_pool(a, 0)->used_containers, 2);
	assert_int_equal(admission_expire(a, 999), 0);
	assert_int_equal(admission_expire(a, 1000), 1);
	/* The cgroup is there when we look, though no scan has seen it. */
	there = true;
	assert_int_equal(admission_creator_gone(a, 8, &look, 1000), 0);
	assert_int_equal(admission_pool(a, 0)->used_containers, 1);
	assert_int_equal(admission_expire(a, INT64_MAX), 0);
	admission_free(a);
}

static void an_empty_cgroup_is_nobodys(void **state)
{
	struct admission *a = new_table(false);
	struct container_seen seen[] = { { "1", 0 }, { "2", 0 }, { "found", M(1) } };

	(void)state;
	assert_true(lease(a, "1", "f", 7, true) && lease(a, "2", "f", 7, false));
	admission_scan(a, 1, seen, 3, true);
	left = 0;
	there = true;
	assert_int_equal(admission_release_empty(a, &look), 0);
	there = false;
	assert_int_equal(admission_release_empty(a, &look), 0);
	there = true;
	assert_int_equal(admission_release_empty(a, &look), 0);
	/* Twice in a row: the leased one and the found one. A client's own it releases itself. */
	assert_int_equal(admission_release_empty(a, &look), 2);
	assert_int_equal(left, 1);
	assert_int_equal(admission_pool(a, 1)->used_containers, 1);
	assert_true(admission_release(a, "2"));
	admission_free(a);
}

static void what_is_started_anyway_is_counted(void **state)
{
	struct admission *a = new_table(false);
	struct reservation r = { .id = "1", .function = "f", .leased = true, .anyway = true };
	struct admission_answer answer;

	(void)state;
	/* No bytes: the plan's unit. */
	admission_reserve(a, &r, &answer);
	assert_true(answer.ok && answer.pool == 1);
	assert_int_equal(admission_pool(a, 1)->used_bytes, M(100));
	r.id = "2";
	r.bytes = M(101);
	admission_reserve(a, &r, &answer);
	assert_true(answer.ok && answer.spill && answer.pool == 0);
	/* Neither the pool nor main admits it, nor would the node. */
	r.id = "3";
	r.bytes = M(5000);
	admission_reserve(a, &r, &answer);
	assert_true(answer.ok && answer.spill && answer.pool == 0);
	assert_int_equal(admission_pool(a, 0)->used_bytes, M(1101));
	r = (struct reservation){ .id = "4", .anyway = true };
	admission_reserve(a, &r, &answer);
	assert_true(answer.ok && !answer.spill && answer.pool == 0);
	/* The engine uses the name for another function. */
	r = (struct reservation){ .id = "1", .function = "g", .leased = true, .anyway = true };
	admission_reserve(a, &r, &answer);
	assert_true(answer.ok && answer.pool == 0);
	assert_int_equal(admission_pool(a, 1)->used_containers, 0);
	admission_free(a);
}

static void a_cgroup_is_where_it_is_found(void **state)
{
	struct admission *a = new_table(false);
	struct container_seen seen[] = { { "late", 0 }, { "docker-ab-c.scope", 0 } };

	(void)state;
	assert_true(lease(a, "late", "f", 7, true) && lease(a, "ab-c", "rare", 7, true));
	/* The answer came too late, and the wrapper took main by the published table. */
	admission_scan(a, 0, seen, 2, true);
	assert_int_equal(admission_pool(a, 1)->used_containers, 0);
	assert_int_equal(admission_pool(a, 0)->used_containers, 2);
	assert_int_equal(admission_scan(a, 0, NULL, 0, true), 2);
	admission_free(a);
}

static void a_user_cannot_fill_the_table(void **state)
{
	struct admission *a = new_table(false);
	struct reservation r = { .bytes = 1, .owner = 1000, .function = "rare" };
	struct container_seen seen = { "0", 0 };
	struct admission_answer answer;
	char id[16];

	(void)state;
	r.id = id;
	for (int i = 0; i <= PENDING_MAX; i++) {
		snprintf(id, sizeof(id), "%d", i);
		admission_reserve(a, &r, &answer);
		assert_int_equal(answer.ok, i < PENDING_MAX);
	}
	assert_non_null(strstr(answer.reason, "release some"));
	/* Another user is not concerned; a container that is there counts no more. */
	r.owner = 1001;
	strcpy(id, "other");
	admission_reserve(a, &r, &answer);
	assert_true(answer.ok);
	admission_scan(a, 0, &seen, 1, false);
	r.owner = 1000;
	strcpy(id, "more");
	admission_reserve(a, &r, &answer);
	assert_true(answer.ok);
	assert_false(admission_owns(a, "other", 1000));
	assert_true(admission_owns(a, "other", 0) && admission_owns(a, "other", 1001));
	admission_free(a);
}

/* --- protocol */

static char *answer_to(struct admission *a, const char *message, size_t size)
{
	const struct protocol_peer root = { 0 };
	struct protocol_effect effect;
	json_t *reply = protocol_answer(a, message, size, &root, &effect);
	char *text = json_dumps(reply, JSON_COMPACT);

	json_decref(reply);
	return text;
}

static void assert_answer(struct admission *a, const char *message, const char *wanted)
{
	char *text = answer_to(a, message, strlen(message));

	assert_string_equal(text, wanted);
	free(text);
}

static void messages_are_answered_as_documented(void **state)
{
	struct admission *a = new_table(true);

	(void)state;
	assert_answer(a, "{\"op\":\"reserve\",\"id\":\"1\",\"function\":\"f\",\"bytes\":104857600}",
		      "{\"op\":\"reserve\",\"id\":\"1\",\"ok\":true,\"pool\":\"pool-f\","
		      "\"cgroup\":\"/faasmat/pool-f\",\"spill\":false}");
	assert_answer(a, "{\"op\":\"release\",\"id\":\"1\"}",
		      "{\"op\":\"release\",\"id\":\"1\",\"ok\":true}");
	assert_answer(a, "{\"op\":\"subscribe\"}", "{\"op\":\"subscribe\",\"ok\":true}");
	assert_answer(
		a, "{\"op\":\"table\"}",
		"{\"op\":\"table\",\"pools\":[{\"pool\":\"main\",\"function\":null,"
		"\"cgroup\":\"/faasmat/main\",\"admitted_bytes\":524288000,\"used_bytes\":0,"
		"\"admitted_containers\":-1,\"used_containers\":0,\"planned\":false},{\"pool\":\"pool-f\","
		"\"function\":\"f\",\"cgroup\":\"/faasmat/pool-f\","
		"\"admitted_bytes\":209715200,\"used_bytes\":0,\"admitted_containers\":2,"
		"\"used_containers\":0,\"planned\":true}]}");
	admission_free(a);
}

static void hostile_messages_get_an_answer(void **state)
{
	static const char *const messages[] = {
		"",
		"{",
		"[]",
		"null",
		"\"reserve\"",
		"{}",
		"{\"op\":7}",
		"{\"op\":\"reserve\"}",
		"{\"op\":\"evict\"}",
		"{\"op\":\"release\",\"id\":5}",
		"{\"op\":\"reserve\",\"id\":\"\",\"function\":\"f\",\"bytes\":1}",
		"{\"op\":\"reserve\",\"id\":\"1\",\"function\":\"\",\"bytes\":1}",
		"{\"op\":\"reserve\",\"id\":\"1\",\"function\":\"f\",\"bytes\":-1}",
		"{\"op\":\"reserve\",\"id\":\"1\",\"function\":\"f\",\"bytes\":1.5}",
		"{\"op\":\"reserve\",\"id\":\"1\",\"function\":\"f\",\"bytes\":9223372036854775807}",
		"{\"op\":\"reserve\",\"id\":\"1\",\"function\":\"f\",\"bytes\":99999999999999999999}",
		("{\"op\":\"reserve\",\"id\":\"1\",\"function\":\"f\",\"bytes\":1,\"existing\":true,"
		 "\"pool\":\"../main\"}"),
		"{\"op\":\"reserve\",\"id\":\"\\u0000\",\"function\":\"f\",\"bytes\":1}",
		"{\"op\":\"subscribe\",\"op\":\"table\"}",
		"\xff\xfe",
		"{\"op\":\"\xc3\x28\"}",
	};
	struct admission *a = new_table(false);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
		char *text = answer_to(a, messages[i], strlen(messages[i]));

		if (!strstr(text, "\"ok\":false") || !strstr(text, "\"reason\""))
			fail_msg("'%s' was answered '%s'", messages[i], text);
		free(text);
	}
	assert_int_equal(admission_pool(a, 1)->used_bytes, 0);
	assert_int_equal(admission_pool(a, 0)->used_bytes, 0);
	admission_free(a);
}

static void a_function_that_json_cannot_say_is_null(void **state)
{
	struct admission *a = new_table(false);
	char *text;

	(void)state;
	assert_int_equal(admission_add_pool(a, "pool-%FF", "\xff", "/faasmat/pool-%FF"), 2);
	text = answer_to(a, "{\"op\":\"table\"}", 14);
	assert_non_null(strstr(text, "{\"pool\":\"pool-%FF\",\"function\":null"));
	free(text);
	admission_free(a);
}

/* --- socket */

struct socket_fixture {
	struct admission *table;
	struct server *server;
	struct server_options o;
	int epoll;
	char path[64];
};

static int open_socket(void **state)
{
	struct socket_fixture *f = calloc(1, sizeof(*f));

	snprintf(f->path, sizeof(f->path), "/tmp/faasmat-admission-%d", getpid());
	f->table = new_table(false);
	f->epoll = epoll_create1(0);
	f->o = (struct server_options){ .group = (gid_t)-1, .look = &look, .grace_ns = NS_PER_S };
	assert_int_equal(server_open(f->path, f->epoll, f->table, &f->o, &f->server), 0);
	*state = f;
	return 0;
}

static int close_socket(void **state)
{
	struct socket_fixture *f = *state;

	server_close(f->server);
	assert_int_equal(access(f->path, F_OK), -1);
	admission_free(f->table);
	close(f->epoll);
	free(f);
	return 0;
}

static int connect_to(const struct socket_fixture *f)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	strcpy(address.sun_path, f->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void serve_all(struct socket_fixture *f)
{
	struct epoll_event events[8];
	int n;

	while ((n = epoll_wait(f->epoll, events, 8, 0)) > 0)
		for (int i = 0; i < n; i++)
			server_event(f->server, events[i].data.ptr, events[i].events);
}

static void a_second_server_is_refused(void **state)
{
	struct socket_fixture *f = *state;
	struct server *other;

	assert_int_equal(server_open(f->path, f->epoll, f->table, NULL, &other),
			 -98 /* EADDRINUSE */);
	assert_int_equal(access(f->path, F_OK), 0);
}

static void a_message_too_long_is_answered(void **state)
{
	struct socket_fixture *f = *state;
	static char message[MESSAGE_MAX + 1], answer[256];
	int fd = connect_to(f);

	memset(message, ' ', sizeof(message));
	message[0] = '{';
	assert_int_equal(send(fd, message, sizeof(message), 0), sizeof(message));
	serve_all(f);
	assert_true(recv(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT) > 0);
	assert_non_null(strstr(answer, "65536"));
	close(fd);
	serve_all(f);
	assert_int_equal(server_clients(f->server), 0);
}

static void a_client_that_does_not_read_harms_nobody(void **state)
{
	struct socket_fixture *f = *state;
	static char text[4096];
	int slow = connect_to(f), quick = connect_to(f);
	ssize_t n, got = 0;

	assert_true(send(slow, "{\"op\":\"subscribe\"}", 18, 0) > 0);
	serve_all(f);
	for (int i = 0; i < 100000; i++)
		server_notify(f->server, 1);
	assert_true(send(quick, "{\"op\":\"table\"}", 14, 0) > 0);
	serve_all(f);
	assert_true(recv(quick, text, sizeof(text), MSG_DONTWAIT) > 0);
	/* It wakes up, reads what there is, and is brought up to date. */
	while (recv(slow, text, sizeof(text), MSG_DONTWAIT) > 0)
		got++;
	assert_true(got > 0 && got < 100000);
	server_catch_up(f->server);
	n = recv(slow, text, sizeof(text) - 1, MSG_DONTWAIT);
	assert_true(n > 0);
	text[n] = '\0';
	assert_non_null(strstr(text, "\"op\":\"change\",\"pool\":\"main\""));
	close(slow);
	close(quick);
	serve_all(f);
	assert_int_equal(server_clients(f->server), 0);
}

/* A process of its own, which reserves and ends. */
static void reserve_and_die(const struct socket_fixture *f, const char *message)
{
	char answer[512];
	pid_t child = fork();
	int fd;

	if (child == 0) {
		fd = connect_to(f);
		if (send(fd, message, strlen(message), 0) < 0 ||
		    recv(fd, answer, sizeof(answer), 0) < 0)
			_exit(1);
		_exit(0);
	}
	for (int i = 0; i < 3000 && waitpid(child, NULL, WNOHANG) == 0; i++) {
		serve_all((struct socket_fixture *)f);
		usleep(1000);
	}
	serve_all((struct socket_fixture *)f);
}

static void a_process_that_ends_leaves_no_lease(void **state)
{
	struct socket_fixture *f = *state;

	there = false;
	reserve_and_die(f, "{\"op\":\"reserve\",\"id\":\"1\",\"leased\":true}");
	assert_int_equal(admission_pool(f->table, 0)->used_containers, 0);
	reserve_and_die(f, "{\"op\":\"reserve\",\"id\":\"2\"}");
	assert_int_equal(admission_pool(f->table, 0)->used_containers, 1);
	there = true;
	reserve_and_die(f, "{\"op\":\"reserve\",\"id\":\"3\",\"leased\":true,\"anyway\":true}");
	assert_int_equal(admission_pool(f->table, 0)->used_containers, 2);
	assert_int_equal(admission_expire(f->table, INT64_MAX), 1);
	server_sweep(f->server);
}

/* Faster than anybody needs: it waits, the others do not, and it gets all its answers. */
static void a_flood_waits(void **state)
{
	struct socket_fixture *f = *state;
	static char answer[4096];
	int flood = connect_to(f), quick, sent = 0, got = 0;
	int64_t start = clock_monotonic_ns(), end = start + 300 * NS_PER_MS, passed;

	while (clock_monotonic_ns() < end) {
		sent += send(flood, "{\"op\":\"x\"}", 10, MSG_DONTWAIT) > 0;
		serve_all(f);
		while (recv(flood, answer, sizeof(answer), MSG_DONTWAIT) > 0)
			got++;
	}
	/* What it had saved up, and 5000 a second, however long that took. */
	passed = clock_monotonic_ns() - start;
	assert_true(got > 0 && got <= sent);
	assert_true(got <= 1000 + 5000 * passed / NS_PER_S + 1);
	close(flood);
	usleep(20000);
	quick = connect_to(f);
	assert_true(send(quick, "{\"op\":\"x\"}", 10, 0) > 0);
	for (int i = 0; i < 1000 && recv(quick, answer, sizeof(answer), MSG_DONTWAIT) <= 0; i++) {
		usleep(1000);
		serve_all(f);
	}
	assert_non_null(strstr(answer, "reason"));
	close(quick);
	serve_all(f);
}

/* --- property: whatever is asked, the table's sums are those of its reservations, and nothing that
 * was asked for (not merely reported) is above what was admitted at that moment. */

#define IDS 40

static uint64_t seed;

static int64_t below(int64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (int64_t)(seed % (uint64_t)n);
}

struct model {
	int pool; /* -1: not there */
	int64_t bytes;
};

static void assert_sums(struct admission *a, const struct model *model)
{
	for (size_t p = 0; p < admission_count(a); p++) {
		int64_t bytes = 0, containers = 0;

		for (int i = 0; i < IDS; i++) {
			bytes += model[i].pool == (int)p ? model[i].bytes : 0;
			containers += model[i].pool == (int)p;
		}
		assert_int_equal(admission_pool(a, (int)p)->used_bytes, bytes);
		assert_int_equal(admission_pool(a, (int)p)->used_containers, containers);
	}
}

static void ask(struct admission *a, struct model *model)
{
	static const char *const functions[] = { "f", "g", "rare" };
	int i = (int)below(IDS);
	char id[16];
	struct reservation r = { .id = id,
				 .function = functions[i % 3],
				 .bytes = 1 + below(M(60)),
				 .existing = below(10) == 0,
				 .pool = below(2) ? "main" : "pool-f" };
	struct admission_answer answer;
	const struct admission_pool *p;

	snprintf(id, sizeof(id), "%d", i);
	admission_reserve(a, &r, &answer);
	if (model[i].pool >= 0) {
		assert_true(answer.ok && answer.pool == model[i].pool);
		return;
	}
	if (!answer.ok)
		return;
	model[i] = (struct model){ answer.pool, r.bytes };
	p = admission_pool(a, answer.pool);
	if (!r.existing) {
		assert_true(p->used_bytes <= p->admitted_bytes);
		assert_true(p->admitted_containers < 0 ||
			    p->used_containers <= p->admitted_containers);
		assert_true(answer.pool == 0 || strcmp(p->function, r.function) == 0);
	}
}

static void any_sequence_keeps_the_sums(void **state)
{
	uint64_t first = test_seed();

	(void)state;
	for (int round = 0; round < 200; round++) {
		struct admission *a = new_table(round % 2);
		struct model model[IDS];

		seed = (first + (uint64_t)round) * 0x9e3779b97f4a7c15ULL | 1;
		admission_add_pool(a, "pool-g", "g", "/faasmat/pool-g");
		for (int i = 0; i < IDS; i++)
			model[i].pool = -1;
		for (int step = 0; step < 300; step++) {
			int i = (int)below(IDS);
			char id[16];

			snprintf(id, sizeof(id), "%d", i);
			switch (below(8)) {
			case 0:
				admission_set(a, 1 + (int)below(2), below(M(400)), below(8));
				admission_set_planned(a, 1 + (int)below(2), below(2));
				break;
			case 1:
			case 2:
			case 3:
				assert_int_equal(admission_release(a, id), model[i].pool >= 0);
				model[i].pool = -1;
				break;
			default:
				ask(a, model);
			}
			assert_sums(a, model);
		}
		admission_free(a);
	}
}

#define WITH_SOCKET(test) cmocka_unit_test_setup_teardown(test, open_socket, close_socket)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hot_function_goes_to_its_pool),
		cmocka_unit_test(a_full_pool_says_so),
		cmocka_unit_test(a_full_pool_spills_when_main_admits),
		cmocka_unit_test(asking_twice_counts_once),
		cmocka_unit_test(what_runs_already_is_recorded),
		cmocka_unit_test(a_container_that_is_gone_is_released),
		cmocka_unit_test(a_lease_ends_with_its_creator),
		cmocka_unit_test(an_empty_cgroup_is_nobodys),
		cmocka_unit_test(what_is_started_anyway_is_counted),
		cmocka_unit_test(a_cgroup_is_where_it_is_found),
		cmocka_unit_test(a_user_cannot_fill_the_table),
		cmocka_unit_test(messages_are_answered_as_documented),
		cmocka_unit_test(hostile_messages_get_an_answer),
		cmocka_unit_test(a_function_that_json_cannot_say_is_null),
		WITH_SOCKET(a_second_server_is_refused),
		WITH_SOCKET(a_message_too_long_is_answered),
		WITH_SOCKET(a_process_that_ends_leaves_no_lease),
		WITH_SOCKET(a_flood_waits),
		WITH_SOCKET(a_client_that_does_not_read_harms_nobody),
		cmocka_unit_test(any_sequence_keeps_the_sums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
