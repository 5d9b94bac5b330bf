// SPDX-License-Identifier: GPL-2.0-or-later
/* collector/: a container whose function becomes known late keeps its counts, a pod is one container,
 * a name that comes again under another cgroup is looked at anew; requests are put together again. */
#include "tests/test.h"

#include "collector/late.h"
#include "collector/tally.h"

#define ROOT 1
#define MAIN 2

static struct tally *new_tally(struct rules *r)
{
	struct tally *t;

	assert_int_equal(tally_new(r, ROOT, "/", 1.0, &t), 0);
	assert_int_equal(tally_add_cgroup(t, MAIN, ROOT, "main"), 0);
	return t;
}

static struct rules *platform(const char *name)
{
	struct rules *r;

	assert_int_equal(rules_of_platform(name, &r), 0);
	return r;
}

static void requests(struct tally *t, uint32_t sweep, uint64_t id, uint64_t n)
{
	struct wire_usage usage = {
		.seen = sweep, .bytes = 1000, .has_processes = 1, .made_ns = 5
	};
	struct wire_invocations counters = { .requests = n, .responses = n };

	tally_begin(t, sweep);
	for (uint64_t i = ROOT; i <= 9; i++)
		if (tally_knows(t, i))
			tally_usage(t, i, &usage);
	tally_invocations(t, id, &counters);
	tally_end(t);
}

static int64_t invocations_of(const struct tally *t, const char *function)
{
	const struct tally_row *rows;
	int64_t sum = 0;
	size_t n;

	rows = tally_rows(t, &n);
	for (size_t i = 0; i < n; i++)
		if (strcmp(tally_function_name(t, rows[i].function), function) == 0)
			sum += rows[i].row.invocations;
	return sum;
}

static const struct identity_match hello = { .function = "hello" };

static void counts_wait_for_the_name(void **state)
{
	struct rules *r = platform("openwhisk");
	struct tally *t = new_tally(r);

	assert_int_equal(tally_add_cgroup(t, 3, MAIN, "wsk0_1_prewarm_nodejs20"), 0);
	assert_int_equal(tally_add_cgroup(t, 4, 3, "container"), 0);
	requests(t, 1, 4, 5);
	assert_int_equal(tally_close_minute(t, 1, false), 0);
	assert_int_equal(invocations_of(t, "hello"), 0);
	/* The request was seen at the cgroup that the runtime made inside. */
	assert_int_equal(tally_identify(t, 4, IDENTITY_FOUND, &hello), 0);
	requests(t, 2, 4, 8);
	assert_int_equal(tally_close_minute(t, 2, false), 0);
	assert_int_equal(invocations_of(t, "hello"), 8);
	assert_false(tally_is_unknown(tree_find(tally_tree(t), 3)));
	assert_ptr_equal(tree_find(tally_tree(t), 4)->container, tree_find(tally_tree(t), 3));
	tally_free(t);
	rules_free(r);
}

static void counts_do_not_wait_for_ever(void **state)
{
	struct rules *r = platform("openwhisk");
	struct tally *t = new_tally(r);

	assert_int_equal(tally_add_cgroup(t, 3, MAIN, "wsk0_1_prewarm_nodejs20"), 0);
	for (int64_t minute = 1; minute <= 3; minute++) {
		requests(t, (uint32_t)minute, 3, 5);
		assert_int_equal(tally_close_minute(t, minute, false), 0);
	}
	/* Listed as unknown, and what it did then is no function's later. */
	assert_true(tally_is_unknown(tree_find(tally_tree(t), 3)));
	assert_int_equal(tree_find(tally_tree(t), 3)->base.requests, 5);
	assert_int_equal(tally_identify(t, 3, IDENTITY_FOUND, &hello), 0);
	requests(t, 4, 3, 7);
	assert_int_equal(tally_close_minute(t, 4, false), 0);
	assert_int_equal(invocations_of(t, "hello"), 2);
	tally_free(t);
	rules_free(r);
}

static void a_pod_is_one_container(void **state)
{
	static const struct identity_match pod = { .function = "default.hello", .pod = true };
	struct rules *r = platform("knative");
	struct tally *t = new_tally(r);

	assert_int_equal(tally_add_cgroup(t, 3, ROOT, "kubepods-burstable-pod8f0f.slice"), 0);
	assert_int_equal(tally_add_cgroup(t, 4, 3, "cri-containerd-aa.scope"), 0);
	assert_int_equal(tally_add_cgroup(t, 5, 3, "cri-containerd-bb.scope"), 0);
	assert_int_equal(tally_identify(t, 4, IDENTITY_FOUND, &pod), 0);
	assert_int_equal(tally_identify(t, 5, IDENTITY_FOUND, &pod), 0);
	requests(t, 1, 5, 3);
	assert_int_equal(tally_add_cgroup(t, 6, 3, "cri-containerd-cc.scope"), 0);
	assert_int_equal(tally_close_minute(t, 1, false), 0);
	assert_int_equal(invocations_of(t, "default.hello"), 3);
	for (uint64_t id = 3; id <= 6; id++)
		assert_ptr_equal(tree_find(tally_tree(t), id)->container,
				 tree_find(tally_tree(t), 3));
	/* A rule for pods does not make main a container. */
	assert_int_equal(tally_add_cgroup(t, 7, MAIN, "cri-containerd-dd.scope"), 0);
	assert_int_equal(tally_identify(t, 7, IDENTITY_FOUND, &pod), 0);
	assert_null(tree_find(tally_tree(t), MAIN)->container);
	assert_ptr_equal(tree_find(tally_tree(t), 7)->container, tree_find(tally_tree(t), 7));
	tally_free(t);
	rules_free(r);
}

struct asked {
	uint64_t id[16];
	int n;
	enum identity answer;
};

static void answer(void *arg, struct tally *t, const struct cgroup_node *node)
{
	struct asked *a = arg;

	assert_true(a->n < 16);
	a->id[a->n++] = node->id;
	tally_identify(t, node->id, a->answer, &hello);
}

/* Files are looked for a few times only, and anew for every cgroup, whatever its name was before. */
static void identity_is_the_cgroup_not_its_name(void **state)
{
	struct rules *r = platform("crun");
	struct tally *t = new_tally(r);
	struct asked asked = { .answer = IDENTITY_NONE };

	assert_int_equal(tally_add_cgroup(t, 3, MAIN, "c1"), 0);
	for (uint32_t i = 1; i < 200; i++) {
		tally_undecided(t, answer, &asked);
		requests(t, i, 3, 0);
	}
	/* In 200 passes; main too: who knows. */
	assert_int_equal(asked.n, 2 * 7);
	assert_true(tally_is_unknown(tree_find(tally_tree(t), 3)));
	/* Removed; the same name again is another container and another function. */
	assert_int_equal(tally_add_cgroup(t, 4, MAIN, "c1"), 0);
	asked = (struct asked){ .answer = IDENTITY_FOUND };
	tally_undecided(t, answer, &asked);
	assert_int_equal(asked.n, 1);
	assert_int_equal(asked.id[0], 4);
	requests(t, 201, 4, 6);
	assert_int_equal(tally_close_minute(t, 1, false), 0);
	assert_int_equal(invocations_of(t, "hello"), 6);
	assert_null(tree_find(tally_tree(t), 3)->container);
	tally_free(t);
	rules_free(r);
}

#define HEAD "POST /run HTTP/1.1\r\nHost: x\r\n\r\n"

static bool piece(struct late_requests *l, uint64_t socket, uint32_t seq, const char *text,
		  char *action)
{
	struct late_piece p = { .cgroup = 7, .socket = socket, .seq = seq };

	p.bytes = (uint32_t)strlen(text);
	memcpy(p.text, text, p.bytes);
	return late_requests_add(l, &p, sizeof(p), action, 512);
}

static void requests_are_put_together(void **state)
{
	struct late_requests *l = late_requests_new();
	uint32_t head = strlen(HEAD);
	struct late_piece bad = { .cgroup = 7, .socket = 9, .bytes = LATE_TEXT + 1 };
	char action[512];

	assert_false(piece(l, 1, 100, HEAD, action));
	/* Another connection's bytes are another's. */
	assert_false(piece(l, 2, 100 + head, "{\"action_name\":\"/evil/f\"}", action));
	assert_false(piece(l, 1, 100 + head, "{\"action_na", action));
	assert_true(piece(l, 1, 100 + head + 11, "me\":\"/guest/f\"", action));
	assert_string_equal(action, "guest_f");
	/* A hole: what is behind it may be anything. */
	assert_false(piece(l, 3, 0, HEAD "{\"value\":\"", action));
	assert_false(piece(l, 3, head + 100, "\",\"action_name\":\"/evil/f\"}", action));
	/* The next request on the same connection is looked at again. */
	assert_true(piece(l, 3, 5000, HEAD "{\"action_name\":\"/guest/g\"}", action));
	assert_string_equal(action, "guest_g");
	assert_false(late_requests_add(l, &bad, sizeof(bad), action, sizeof(action)));
	assert_false(late_requests_add(l, &bad, 8, action, sizeof(action)));
	late_requests_free(l);
}

static void floods_are_bounded(void **state)
{
	struct late_requests *l = late_requests_new();
	char action[512];

	for (uint64_t i = 0; i < 5000; i++)
		assert_false(piece(l, i, 0, HEAD "{\"value\":\"", action));
	/* A request larger than what is kept ends there. */
	assert_false(piece(l, 1, 0, HEAD "{\"value\":\"", action));
	for (uint32_t i = 0; i < 20; i++) {
		struct late_piece p = { .cgroup = 7, .socket = 1, .bytes = LATE_TEXT };

		p.seq = strlen(HEAD "{\"value\":\"") + i * LATE_TEXT;
		memset(p.text, 'a', sizeof(p.text));
		assert_false(late_requests_add(l, &p, sizeof(p), action, sizeof(action)));
	}
	late_requests_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_wait_for_the_name),
		cmocka_unit_test(counts_do_not_wait_for_ever),
		cmocka_unit_test(a_pod_is_one_container),
		cmocka_unit_test(identity_is_the_cgroup_not_its_name),
		cmocka_unit_test(requests_are_put_together),
		cmocka_unit_test(floods_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
