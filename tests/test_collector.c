// SPDX-License-Identifier: GPL-2.0-or-later
/* collector/: however the collector is killed and the database refuses,
 * every invocation ends in exactly one row. */
#include "tests/test.h"

#include "collector/book.h"
#include "collector/tally.h"
#include "identity/rules.h"

static struct rules *rules(const char *platform)
{
	struct rules *r;

	assert_int_equal(rules_of_platform(platform, &r), 0);
	return r;
}

/* The kernel, the database and a collector that dies, in small. */
#define CGROUPS 12
struct world {
	struct rules *rules;
	struct tally *tally;
	uint64_t id[CGROUPS];
	bool alive[CGROUPS]; /* has a kernel entry */
	bool removed[CGROUPS];
	int64_t truth[CGROUPS][2]; /* requests, OOM kills: ever, of slots since reused too */
	struct wire_invocations counters[CGROUPS];
	struct wire_usage usage[CGROUPS];
	/* the database */
	struct counter_baseline baseline[4096];
	size_t n_baselines;
	int64_t stored[2], sent[2], cold_stored, made;
	struct history_row outcomes, stored_outcomes; /* true, and stored */
	uint64_t next_id;
	uint32_t sweep;
};

#define ROOT 1
#define MAIN 2

static void start_collector(struct world *w)
{
	assert_int_equal(tally_new(w->rules, ROOT, "/node", 1.0, &w->tally), 0);
	assert_int_equal(tally_set_baselines(w->tally, w->baseline, w->n_baselines), 0);
	assert_int_equal(tally_add_cgroup(w->tally, MAIN, ROOT, "main"), 0);
}

static void sweep(struct world *w)
{
	char name[64];

	tally_begin(w->tally, ++w->sweep);
	for (int i = 0; i < CGROUPS; i++) {
		if (!w->alive[i])
			continue;
		if (!tally_knows(w->tally, w->id[i])) {
			snprintf(name, sizeof(name), "wsk0_%d_guest_f%d", (int)w->id[i], i % 3);
			assert_int_equal(tally_add_cgroup(w->tally, w->id[i], MAIN, name), 0);
		}
		if (!w->removed[i])
			w->usage[i].seen = w->sweep;
		tally_usage(w->tally, w->id[i], &w->usage[i]);
		tally_invocations(w->tally, w->id[i], &w->counters[i]);
	}
	tally_end(w->tally);
}

static void drop(uint64_t id, void *arg)
{
	struct world *w = arg;

	for (int i = 0; i < CGROUPS; i++)
		if (w->alive[i] && w->id[i] == id) {
			assert_true(w->removed[i]);
			w->alive[i] = false;
		}
}

static struct counter_baseline *baseline_of(struct world *w, uint64_t id)
{
	for (size_t i = 0; i < w->n_baselines; i++)
		if (w->baseline[i].cgroup == id)
			return &w->baseline[i];
	assert_true(w->n_baselines < ARRAY_SIZE(w->baseline));
	w->baseline[w->n_baselines] = (struct counter_baseline){ .cgroup = id };
	return &w->baseline[w->n_baselines++];
}

/* Whatever is neither an invocation nor about memory. */
static void add_outcomes(struct history_row *to, const struct history_row *from)
{
	to->responses += from->responses;
	to->responses_5xx += from->responses_5xx;
	to->excluded += from->excluded;
	to->aborted += from->aborted;
	to->unsettled += from->unsettled;
	to->unsettled_responses += from->unsettled_responses;
	to->quality |= from->quality;
	durations_add(&to->durations, &from->durations);
}

/* The kernel counts, and the truth with it. */
static void answer(struct world *w, int i, uint64_t *rng)
{
	struct wire_invocations *c = &w->counters[i];
	struct history_row more = { .responses = (int64_t)(test_random(rng) % 9),
				    .responses_5xx = (int64_t)(test_random(rng) % 3),
				    .excluded = (int64_t)(test_random(rng) % 4),
				    .aborted = (int64_t)(test_random(rng) % 2),
				    .unsettled_responses = test_random(rng) % 50 == 0 };
	int bucket = (int)(test_random(rng) % WIRE_BUCKETS);
	bool joined = test_random(rng) % 99 == 0;

	more.unsettled = joined ? 3 : 0;
	more.durations.n[bucket] = (uint32_t)more.responses;
	c->responses += (uint64_t)more.responses;
	c->responses_5xx += (uint64_t)more.responses_5xx;
	c->excluded += (uint64_t)more.excluded;
	c->aborted += (uint64_t)more.aborted;
	c->unsettled_responses += (uint64_t)more.unsettled_responses;
	c->unsettled += (uint64_t)more.unsettled;
	c->unsettled_joined += (uint64_t)more.unsettled;
	/* Of 32 bits, which come round. */
	c->durations[bucket] += (uint32_t)more.responses;
	if (more.unsettled)
		more.quality |= QUALITY_JOINED;
	if (more.unsettled_responses)
		more.quality |= QUALITY_UNSETTLED;
	add_outcomes(&w->outcomes, &more);
}

/* What record_tally() does in one transaction, then what the collector does after it: the kill may
 * come between the two. */
static void store(struct world *w, bool killed_after_commit)
{
	const struct cgroup_tree *tree = tally_tree(w->tally);
	const struct tally_row *rows;
	const uint64_t *forgotten;
	size_t n;

	rows = tally_rows(w->tally, &n);
	for (size_t i = 0; i < n; i++) {
		w->stored[0] += rows[i].row.invocations;
		w->stored[1] += rows[i].row.events_oom_kill;
		w->cold_stored += rows[i].row.cold_starts;
		add_outcomes(&w->stored_outcomes, &rows[i].row);
	}
	forgotten = tally_forgotten(w->tally, &n);
	for (size_t i = 0; i < n; i++) {
		struct counter_baseline *b = baseline_of(w, forgotten[i]);

		*b = w->baseline[--w->n_baselines];
	}
	for (const struct cgroup_node *c = tree_next(tree, NULL); c; c = tree_next(tree, c))
		if (c->base_changed)
			*baseline_of(w, c->id) = c->base;
	if (!killed_after_commit)
		tally_stored(w->tally, drop, w);
}

static void live(struct world *w, uint64_t *rng)
{
	int i = test_random(rng) % CGROUPS;
	uint64_t n = test_random(rng) % 50;

	if (!w->alive[i]) {
		w->id[i] = w->next_id++;
		w->alive[i] = true;
		w->removed[i] = false;
		w->counters[i] = (struct wire_invocations){ 0 };
		w->usage[i] = (struct wire_usage){ .made_ns = 1 + w->next_id, .has_processes = 1 };
		w->made++;
	}
	if (w->removed[i])
		return;
	w->counters[i].requests += n;
	w->sent[0] += n;
	answer(w, i, rng);
	if (n % 7 == 0) {
		w->usage[i].events[WIRE_OOM_KILL]++;
		w->sent[1]++;
	}
	if (n % 11 == 0) {
		w->removed[i] = true;
		w->usage[i].removed_ns = 99;
	}
}

/* A collector of another version: its counters stand still, and new ones begin at 0. */
static void upgrade(struct world *w)
{
	for (int c = 0; c < CGROUPS; c++) {
		if (!w->alive[c])
			continue;
		book_take_off(baseline_of(w, w->id[c]), &w->counters[c]);
		w->counters[c] = (struct wire_invocations){ 0 };
	}
}

static void counts_survive_everything(void **state)
{
	uint64_t rng = test_seed();

	for (int round = 0; round < 60; round++) {
		struct world w = { .rules = rules("openwhisk"), .next_id = 10 };
		int64_t minute = 0;

		start_collector(&w);
		for (int step = 0; step < 400; step++) {
			switch (test_random(&rng) % 11) {
			case 10: /* another version takes over */
				tally_free(w.tally);
				upgrade(&w);
				start_collector(&w);
				break;
			case 0: /* kill -9 at any moment */
				tally_free(w.tally);
				start_collector(&w);
				break;
			case 1: /* a minute ends, the database refuses */
				sweep(&w);
				assert_int_equal(tally_close_minute(w.tally, minute++, 0), 0);
				break;
			case 2: /* a minute ends and is stored */
				sweep(&w);
				assert_int_equal(tally_close_minute(w.tally, minute++, 0), 0);
				store(&w, false);
				break;
			case 3: /* killed between the commit and what follows it */
				sweep(&w);
				assert_int_equal(tally_close_minute(w.tally, minute++, 0), 0);
				store(&w, true);
				tally_free(w.tally);
				start_collector(&w);
				break;
			case 4:
				sweep(&w);
				break;
			default:
				live(&w, &rng);
			}
		}
		for (int i = 0; i < 3; i++) {
			sweep(&w);
			assert_int_equal(tally_close_minute(w.tally, minute++, 0), 0);
			store(&w, false);
		}
		assert_int_equal(w.stored[0], w.sent[0]);
		assert_int_equal(w.stored[1], w.sent[1]);
		assert_int_equal(w.cold_stored, w.made);
		assert_memory_equal(&w.stored_outcomes, &w.outcomes, sizeof(w.outcomes));
		assert_int_equal(tally_rows_lost(w.tally), 0);
		tally_free(w.tally);
		rules_free(w.rules);
	}
}

/* One cgroup of function f with these counters in pass n, and the minute's row. */
static struct history_row minute_of(struct tally *t, uint32_t pass,
				    const struct wire_invocations *counters)
{
	struct wire_usage usage = { .seen = pass };
	const struct tally_row *rows;
	size_t n;

	tally_begin(t, pass);
	tally_usage(t, 3, &usage);
	tally_invocations(t, 3, counters);
	tally_end(t);
	assert_int_equal(tally_close_minute(t, pass, 0), 0);
	rows = tally_rows(t, &n);
	return rows[n - 1].row;
}

static struct tally *one_function(struct rules *r, double time_scale,
				  const struct counter_baseline *b)
{
	struct tally *t;

	assert_int_equal(tally_new(r, ROOT, "/", time_scale, &t), 0);
	assert_int_equal(tally_set_baselines(t, b, b ? 1 : 0), 0);
	assert_int_equal(tally_add_cgroup(t, MAIN, ROOT, "main"), 0);
	assert_int_equal(tally_add_cgroup(t, 3, MAIN, "wsk0_1_guest_f"), 0);
	return t;
}

/* The most in progress is of the pass that is over; without one, what is open has been all along. */
static void concurrency_is_of_the_last_pass(void **state)
{
	struct rules *r = rules("openwhisk");
	struct tally *t = one_function(r, 1.0, NULL);
	struct wire_invocations c = { .requests = 10, .responses = 7, .aborted = 1 };

	c.peak[0].sweep = 6, c.peak[0].most = 9;
	c.peak[1].sweep = 7, c.peak[1].most = 4;
	assert_int_equal(minute_of(t, 7, &c).peak_concurrency, 9);
	assert_int_equal(minute_of(t, 8, &c).peak_concurrency, 4);
	assert_int_equal(minute_of(t, 9, &c).peak_concurrency, 2);
	c.responses = 12; /* read between the two counters */
	assert_int_equal(minute_of(t, 10, &c).peak_concurrency, 0);
	tally_free(t);
	rules_free(r);
}

/* Baselines of an older collector do not know the outcomes: what was counted before is not this
 * minute's. */
static void narrow_baselines_begin_now(void **state)
{
	struct counter_baseline b = {
		.cgroup = 3, .requests = 90, .responses = 90, .narrow = true
	};
	struct wire_invocations c = {
		.requests = 100, .responses = 95, .responses_5xx = 40, .aborted = 7, .unsettled = 5
	};
	struct rules *r = rules("openwhisk");
	struct tally *t = one_function(r, 1.0, &b);
	struct history_row row;

	c.durations[4] = 95;
	row = minute_of(t, 1, &c);
	assert_int_equal(row.invocations, 10);
	assert_int_equal(row.responses, 5);
	assert_int_equal(row.responses_5xx + row.aborted + row.unsettled, 0);
	assert_int_equal(durations_total(&row.durations), 0);
	assert_int_equal(row.quality, QUALITY_EXACT);
	c.responses_5xx += 2;
	c.unsettled++;
	c.durations[4] += 3;
	row = minute_of(t, 2, &c);
	assert_int_equal(row.responses_5xx, 2);
	assert_int_equal(row.durations.n[4], 3);
	assert_int_equal(row.quality, QUALITY_UNSETTLED);
	tally_free(t);
	/* The same over a change of version: what the old counters had is gone, requests are not. */
	book_take_off(&b, &c);
	assert_int_equal(b.requests, -10);
	assert_int_equal(b.responses_5xx, 0);
	assert_false(b.narrow);
	t = one_function(r, 1.0, &b);
	c = (struct wire_invocations){ .requests = 1, .responses_5xx = 1 };
	row = minute_of(t, 1, &c);
	assert_int_equal(row.invocations, 11);
	assert_int_equal(row.responses_5xx, 1);
	tally_free(t);
	rules_free(r);
}

/* A minute of two seconds is a sixtieth of itself: 30 us took 900 then, five buckets further. */
static void histogram_follows_the_minute(void **state)
{
	struct rules *r = rules("openwhisk");
	struct tally *t = one_function(r, 30.0, NULL);
	struct wire_invocations c = { .requests = 1, .responses = 1 };

	c.durations[4] = 1;
	assert_int_equal(minute_of(t, 1, &c).durations.n[9], 1);
	tally_free(t);
	rules_free(r);
}

/* A cgroup that passes do not see any more, and whose removal nobody noted, is gone; one that none has seen
 * yet is not. */
static void what_passes_see_no_more_is_gone(void **state)
{
	struct rules *r = rules("openwhisk");
	struct tally *t = one_function(r, 1.0, NULL);
	struct wire_usage usage = { .bytes = 1000 };

	assert_int_equal(tally_add_cgroup(t, 4, MAIN, "wsk0_2_guest_f"), 0);
	for (usage.seen = 1; usage.seen <= 3; usage.seen++) {
		tally_begin(t, usage.seen);
		tally_usage(t, ROOT, &usage);
		tally_usage(t, MAIN, &usage);
		tally_usage(t, 4, &usage);
		if (usage.seen != 3)
			tally_usage(t, 3, &usage);
		tally_find_gone(t);
		tally_end(t);
		assert_int_equal(tally_has_seen(t, 3), usage.seen != 3);
		assert_int_equal(tree_find(tally_tree(t), 3)->gone, usage.seen == 3);
		if (usage.seen == 1)
			assert_int_equal(tally_add_cgroup(t, 5, MAIN, "wsk0_3_guest_f"), 0);
		assert_false(usage.seen == 3 && tree_find(tally_tree(t), 5)->gone);
	}
	tally_free(t);
	rules_free(r);
}

static void sub_cgroups_belong_to_their_container(void **state)
{
	struct rules *r = rules("openwhisk");
	struct wire_usage usage = { .seen = 1, .bytes = 1000, .made_ns = 5000 };
	struct wire_invocations counters = {
		.requests = 3, .responses = 2, .busy_ns = 8000, .first_response_ns = 15000
	};
	const struct tally_row *rows;
	struct tally *t;
	size_t n;

	assert_int_equal(tally_new(r, ROOT, "/", 2.0, &t), 0);
	assert_int_equal(tally_add_cgroup(t, MAIN, ROOT, "main"), 0);
	assert_int_equal(tally_add_cgroup(t, 3, MAIN, "wsk0_1_guest_f"), 0);
	assert_int_equal(tally_add_cgroup(t, 4, 3, "container"), 0);
	assert_int_equal(tally_add_cgroup(t, 4, 3, "container"), -EEXIST);
	assert_int_equal(tally_add_cgroup(t, 6, 99, "orphan"), -ENOENT);
	assert_int_equal(tally_add_cgroup(t, 5, MAIN, "stranger"), 0);
	tally_begin(t, 1);
	for (uint64_t id = ROOT; id <= 5; id++)
		tally_usage(t, id, &usage);
	tally_invocations(t, 4, &counters);
	tally_invocations(t, 5, &counters);
	tally_end(t);
	assert_int_equal(tally_close_minute(t, 1, 0), 0);
	rows = tally_rows(t, &n);
	assert_int_equal(n, 1);
	assert_int_equal(rows->row.invocations, 3);
	assert_int_equal(rows->row.containers, 1);
	assert_int_equal(rows->row.memory_bytes, 1000); /* not its sub-cgroup's once more */
	assert_int_equal(rows->row.busy_us, 16);	/* minutes of 30 s: times count double */
	assert_int_equal(rows->row.cold_us, 20);
	assert_true(tally_is_unknown(tree_find(tally_tree(t), 5)));
	assert_false(tally_is_unknown(tree_find(tally_tree(t), 4)));
	assert_true(tally_is_pool(tree_find(tally_tree(t), MAIN)));
	assert_string_equal(tree_find(tally_tree(t), 4)->path, "/main/wsk0_1_guest_f/container");
	tally_free(t);
	rules_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_survive_everything),
		cmocka_unit_test(concurrency_is_of_the_last_pass),
		cmocka_unit_test(narrow_baselines_begin_now),
		cmocka_unit_test(histogram_follows_the_minute),
		cmocka_unit_test(what_passes_see_no_more_is_gone),
		cmocka_unit_test(sub_cgroups_belong_to_their_container),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
