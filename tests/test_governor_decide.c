// SPDX-License-Identifier: GPL-2.0-or-later
/* Each rule of the decision, at its boundary. Sizes in MiB. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "governor/act.h"
#include "governor/decide.h"
#include "governor/reason.h"
#include "governor/targets.h"

#define M(x) ((x)*MIB)

/* A node of 1000 MiB with margin 16: main and two pools, all at their targets, nothing used. */
struct fixture {
	struct pool_state pools[3];
	struct node_state node;
	struct decision d;
};

static struct pool_state pool(const char *name, int64_t target, int64_t limit)
{
	return (struct pool_state){
		.name = name,
		.target_bytes = M(target),
		.target_containers = 4,
		.limit = M(limit),
		.low = M(limit),
		.working_set = M(limit),
		.admitted_bytes = M(MIN(target, limit)),
		.admitted_containers = 4,
	};
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->pools[0] = pool("main", 600, 600);
	f->pools[0].target_containers = f->pools[0].admitted_containers = NO_COUNT;
	f->pools[0].low = 0;
	f->pools[0].admitted_bytes = M(600 - 16);
	f->pools[1] = pool("pool-a", 200, 200);
	f->pools[2] = pool("pool-b", 200, 200);
	f->node = (struct node_state){
		.budget = M(1000), .margin = M(16), .step = M(1000), .n = 3, .pools = f->pools
	};
	assert_int_equal(decision_make_room(&f->d, 3), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	decision_free(&f->d);
	free(f);
	return 0;
}

/* The change of this kind for a pool, or NULL; its place in the list in *at. */
static const struct change *change_of(const struct fixture *f, int pool, enum change_kind kind,
				      size_t *at)
{
	for (size_t i = 0; i < f->d.n_changes; i++) {
		if (f->d.changes[i].pool == pool && f->d.changes[i].kind == kind) {
			if (at)
				*at = i;
			return &f->d.changes[i];
		}
	}
	return NULL;
}

static const struct wait *wait_of(const struct fixture *f, int pool)
{
	for (size_t i = 0; i < f->d.n_waits; i++)
		if (f->d.waits[i].pool == pool)
			return &f->d.waits[i];
	return NULL;
}

static const char *reason_of(const struct fixture *f, const struct wait *w)
{
	static char reason[REASON_MAX];

	wait_reason(&f->node, w, reason);
	return reason;
}

static void limit_becomes(const struct fixture *f, int pool, int64_t mib)
{
	const struct change *c = change_of(f, pool, CHANGE_LIMIT, NULL);

	assert_non_null(c);
	assert_int_equal(c->after, M(mib));
}

static void settled_changes_nothing(void **state)
{
	struct fixture *f = *state;

	decide(&f->node, &f->d);
	assert_int_equal(f->d.n_changes, 0);
	assert_int_equal(f->d.n_waits, 0);
}

static void growth_is_limit_then_admission(void **state)
{
	struct fixture *f = *state;
	size_t lower = 0, raise = 0, low = 0, admit;

	f->pools[0].target_bytes = M(500);
	f->pools[1].target_bytes = f->pools[1].working_set = M(300);
	f->pools[1].target_containers = 6;
	decide(&f->node, &f->d);
	limit_becomes(f, 0, 500);
	limit_becomes(f, 1, 300);
	change_of(f, 0, CHANGE_LIMIT, &lower);
	change_of(f, 1, CHANGE_LIMIT, &raise);
	change_of(f, 1, CHANGE_LOW, &low);
	assert_int_equal(change_of(f, 1, CHANGE_ADMIT, &admit)->containers_after, 6);
	assert_int_equal(f->d.changes[admit].after, M(300));
	assert_true(lower < raise && raise < low && low < admit);
}

static void shrink_is_admission_then_limit(void **state)
{
	struct fixture *f = *state;
	size_t admit, lower;

	f->pools[1].target_bytes = M(100);
	f->pools[1].target_containers = 2;
	f->pools[0].target_bytes = M(700);
	decide(&f->node, &f->d);
	assert_int_equal(change_of(f, 1, CHANGE_ADMIT, &admit)->after, M(100));
	assert_int_equal(f->d.changes[admit].containers_after, 2);
	limit_becomes(f, 1, 100);
	change_of(f, 1, CHANGE_LIMIT, &lower);
	assert_true(admit < lower);
	limit_becomes(f, 0, 700);
}

static void shrink_stops_at_current_and_margin(void **state)
{
	struct fixture *f = *state;

	f->pools[1].target_bytes = M(100);
	f->pools[1].current = M(120);
	decide(&f->node, &f->d);
	limit_becomes(f, 1, 136);
	assert_true(wait_of(f, 1)->kind == WAIT_IN_USE);
	assert_int_equal(wait_of(f, 1)->bytes, M(36));

	/* One byte more in use is one page more of limit. */
	f->pools[1].current = M(120) + 1;
	decide(&f->node, &f->d);
	assert_int_equal(change_of(f, 1, CHANGE_LIMIT, NULL)->after, M(136) + LIMIT_PAGE);

	/* At the margin exactly: the target is reached and nothing is kept. */
	f->pools[1].current = M(84);
	decide(&f->node, &f->d);
	limit_becomes(f, 1, 100);
	assert_null(wait_of(f, 1));
}

static void shrink_stops_at_what_is_reserved(void **state)
{
	struct fixture *f = *state;

	f->pools[1].target_bytes = M(100);
	f->pools[1].used_bytes = M(170);
	decide(&f->node, &f->d);
	limit_becomes(f, 1, 170);
	assert_int_equal(wait_of(f, 1)->kind, WAIT_RESERVED);
	assert_non_null(strstr(reason_of(f, wait_of(f, 1)), "have reserved 170M"));
}

static void page_cache_is_reclaimed_before_the_limit_falls(void **state)
{
	struct fixture *f = *state;
	const struct change *c;

	f->pools[1].target_bytes = M(100);
	f->pools[1].current = M(180);
	f->pools[1].unreclaimable = M(20);
	decide(&f->node, &f->d);
	/* Nothing moves but the reclaim: 180 + 16 is what there is. */
	limit_becomes(f, 1, 196);
	c = change_of(f, 1, CHANGE_RECLAIM, NULL);
	assert_non_null(c);
	assert_int_equal(c->before, M(180));
	assert_int_equal(c->after, M(84));
	assert_int_equal(wait_of(f, 1)->kind, WAIT_IN_USE);

	/* Only for the next step, not for all of the way. */
	f->node.step = M(10);
	decide(&f->node, &f->d);
	assert_int_equal(change_of(f, 1, CHANGE_RECLAIM, NULL)->after, M(174));

	/* A margin of page cache stays above what cannot be reclaimed. */
	f->node.step = M(1000);
	f->pools[1].unreclaimable = M(120);
	decide(&f->node, &f->d);
	assert_int_equal(change_of(f, 1, CHANGE_RECLAIM, NULL)->after, M(136));
	f->pools[1].unreclaimable = M(164);
	decide(&f->node, &f->d);
	assert_null(change_of(f, 1, CHANGE_RECLAIM, NULL));
	assert_int_equal(wait_of(f, 1)->kind, WAIT_UNRECLAIMABLE);

	/* Containers leave first: what they have reserved is not reclaimed. */
	f->pools[1].unreclaimable = 0;
	f->pools[1].used_bytes = M(150);
	decide(&f->node, &f->d);
	assert_int_equal(change_of(f, 1, CHANGE_RECLAIM, NULL)->after, M(134));
}

static void nothing_is_lowered_under_pressure(void **state)
{
	struct fixture *f = *state;
	struct change c = { .pool = 1, .kind = CHANGE_LIMIT, .before = M(200), .after = M(150) };

	f->pools[1].target_bytes = M(100);
	f->pools[1].current = M(180);
	f->pools[1].veto = "because";
	decide(&f->node, &f->d);
	assert_null(change_of(f, 1, CHANGE_LIMIT, NULL));
	assert_null(change_of(f, 1, CHANGE_RECLAIM, NULL));
	assert_int_equal(wait_of(f, 1)->kind, WAIT_PRESSURE);
	assert_non_null(strstr(reason_of(f, wait_of(f, 1)), "because"));
	/* Admission falls all the same: fewer containers are no harm. */
	assert_int_equal(change_of(f, 1, CHANGE_ADMIT, NULL)->after, M(100));
	/* And it counts at the last moment, too. */
	f->pools[1].current = 0;
	assert_string_equal(change_veto(&f->node, &c), "because");
	c.kind = CHANGE_RECLAIM;
	assert_string_equal(change_veto(&f->node, &c), "because");
	f->pools[1].veto = NULL;
	assert_null(change_veto(&f->node, &c));
	/* More is never a harm. */
	f->pools[1].veto = "because";
	c = (struct change){ .pool = 1, .kind = CHANGE_LIMIT, .before = M(200), .after = M(200) };
	assert_null(change_veto(&f->node, &c));
}

static void guards_are_limit_without_admission(void **state)
{
	struct fixture *f = *state;

	f->pools[0].target_bytes = M(500);
	f->pools[1].guard_bytes = M(100);
	decide(&f->node, &f->d);
	limit_becomes(f, 1, 300);
	assert_null(change_of(f, 1, CHANGE_ADMIT, NULL));
	assert_null(wait_of(f, 1));
	/* And what a guard has is not lowered away. */
	f->pools[1].limit = M(300);
	f->pools[0].limit = M(500);
	decide(&f->node, &f->d);
	assert_null(change_of(f, 1, CHANGE_LIMIT, NULL));
}

static void protection_is_the_working_set(void **state)
{
	struct fixture *f = *state;

	f->pools[1].working_set = M(100) - 1;
	f->pools[2].working_set = M(500);
	f->pools[0].working_set = M(500);
	decide(&f->node, &f->d);
	assert_int_equal(change_of(f, 1, CHANGE_LOW, NULL)->after, M(100));
	/* At most the limit, which it has already; main is not protected. */
	assert_null(change_of(f, 2, CHANGE_LOW, NULL));
	assert_null(change_of(f, 0, CHANGE_LOW, NULL));
	/* A little more or less is not worth a write. */
	f->pools[1].working_set = M(190);
	decide(&f->node, &f->d);
	assert_null(change_of(f, 1, CHANGE_LOW, NULL));
}

static void shrink_goes_by_steps(void **state)
{
	struct fixture *f = *state;

	f->node.step = M(30);
	f->pools[1].target_bytes = M(100);
	decide(&f->node, &f->d);
	limit_becomes(f, 1, 170);
	/* Slow, not held: that is no veto. */
	assert_null(wait_of(f, 1));
}

static void raise_takes_free_bytes_only(void **state)
{
	struct fixture *f = *state;

	f->pools[0].target_bytes = M(400);
	f->pools[0].used_bytes = M(560);
	f->pools[1].target_bytes = M(400);
	decide(&f->node, &f->d);
	limit_becomes(f, 0, 560);
	limit_becomes(f, 1, 240);
	assert_int_equal(wait_of(f, 1)->bytes, M(160));
	assert_int_equal(wait_of(f, 1)->kind, WAIT_FOR_BYTES);
	assert_non_null(strstr(reason_of(f, wait_of(f, 1)), "main still holds 160M"));
	assert_int_equal(change_of(f, 1, CHANGE_ADMIT, NULL)->after, M(240));
}

static void what_is_not_there_is_not_admitted(void **state)
{
	struct fixture *f = *state;

	f->pools[1].limit = M(0);
	f->pools[1].admitted_bytes = f->pools[1].admitted_containers = 0;
	f->pools[0].limit = M(700);
	f->pools[0].used_bytes = M(700);
	decide(&f->node, &f->d);
	limit_becomes(f, 1, 100);
	/* Half of the target of 4 containers. */
	assert_int_equal(change_of(f, 1, CHANGE_ADMIT, NULL)->containers_after, 2);
}

static void growth_asks_nobody_to_leave(void **state)
{
	struct fixture *f = *state;

	f->pools[0].used_bytes = M(600);
	f->pools[0].target_bytes = M(500);
	f->pools[1].target_bytes = M(300);
	decide(&f->node, &f->d);
	assert_null(change_of(f, 1, CHANGE_LIMIT, NULL));
	assert_null(change_of(f, 1, CHANGE_ADMIT, NULL));
}

static void growth_keeps_the_containers_there_are(void **state)
{
	struct fixture *f = *state;
	const struct change *c;

	/* Half of a target of 4 has a limit: room for 2, but 4 are there already. */
	f->pools[1].target_bytes = M(400);
	f->pools[1].admitted_bytes = M(100);
	f->pools[0].used_bytes = M(600);
	decide(&f->node, &f->d);
	c = change_of(f, 1, CHANGE_ADMIT, NULL);
	assert_int_equal(c->after, M(200));
	assert_int_equal(c->containers_after, 4);
}

static void scarce_bytes_are_shared_in_proportion(void **state)
{
	struct fixture *f = *state;

	f->pools[0].target_bytes = M(300);
	f->pools[0].used_bytes = M(560);
	f->pools[1].target_bytes = M(230);
	f->pools[2].target_bytes = M(290);
	decide(&f->node, &f->d);
	limit_becomes(f, 1, 210);
	limit_becomes(f, 2, 230);
}

static void main_keeps_a_margin_unadmitted(void **state)
{
	struct fixture *f = *state;

	f->pools[0].target_bytes = M(10);
	decide(&f->node, &f->d);
	assert_int_equal(change_of(f, 0, CHANGE_ADMIT, NULL)->after, 0);
	assert_int_equal(admissible(&f->node, 0, M(600)), 0);
	assert_int_equal(admissible(&f->node, 1, M(150)), M(150));
}

static void hands_off_is_left_alone(void **state)
{
	struct fixture *f = *state;

	f->pools[1].hands_off = true;
	f->pools[1].target_bytes = M(300);
	f->pools[2].hands_off = true;
	f->pools[2].target_bytes = M(100);
	f->pools[2].low = 0;
	decide(&f->node, &f->d);
	for (int i = 1; i <= 2; i++) {
		assert_null(change_of(f, i, CHANGE_LIMIT, NULL));
		assert_null(change_of(f, i, CHANGE_LOW, NULL));
	}
	/* The table still steers what its limit allows. */
	assert_int_equal(change_of(f, 2, CHANGE_ADMIT, NULL)->after, M(100));
	/* Nor is what was decided before it became so. */
	for (enum change_kind kind = CHANGE_LIMIT; kind <= CHANGE_RECLAIM; kind++) {
		struct change c = { .pool = 2, .kind = kind, .before = M(200), .after = M(150) };

		assert_non_null(change_veto(&f->node, &c));
		f->pools[2].hands_off = false;
		assert_null(change_veto(&f->node, &c));
		f->pools[2].hands_off = true;
	}
}

static void foreign_max_blocks_raises(void **state)
{
	struct fixture *f = *state;

	f->pools[2].hands_off = true;
	f->pools[2].limit = LIMIT_NONE;
	f->pools[0].target_bytes = M(500);
	f->pools[1].target_bytes = M(300);
	decide(&f->node, &f->d);
	limit_becomes(f, 0, 500);
	assert_null(change_of(f, 1, CHANGE_LIMIT, NULL));
	assert_non_null(strstr(reason_of(f, wait_of(f, 1)), "pool-b has no limit"));
}

static void start_brings_limits_within_the_budget(void **state)
{
	struct fixture *f = *state;
	int64_t sum = 0;

	for (int i = 0; i < 3; i++)
		f->pools[i].limit = LIMIT_NONE;
	f->pools[0].current = M(700);
	f->pools[1].current = M(30);
	decide(&f->node, &f->d);
	for (int i = 0; i < 3; i++)
		sum += change_of(f, i, CHANGE_LIMIT, NULL)->after;
	assert_int_equal(change_of(f, 0, CHANGE_LIMIT, NULL)->after, M(716));
	assert_true(change_of(f, 1, CHANGE_LIMIT, NULL)->after >= M(46));
	assert_true(sum <= M(1000));
}

static void veto_when_memory_grew(void **state)
{
	struct fixture *f = *state;
	struct change c = { .pool = 1, .kind = CHANGE_LIMIT, .before = M(200), .after = M(100) };

	f->pools[1].current = M(84);
	assert_null(change_veto(&f->node, &c));
	f->pools[1].current = M(84) + 1;
	assert_non_null(change_veto(&f->node, &c));
}

static void veto_when_bytes_are_not_free(void **state)
{
	struct fixture *f = *state;
	struct change c = { .pool = 1, .kind = CHANGE_LIMIT, .before = M(200), .after = M(201) };

	assert_non_null(change_veto(&f->node, &c));
	f->pools[0].limit = M(599);
	assert_null(change_veto(&f->node, &c));
	c.kind = CHANGE_ADMIT;
	assert_non_null(change_veto(&f->node, &c));
}

/* --- act: what a failing write does to what follows */

static int fail_lowering_main(void *arg, int pool, enum change_kind file, int64_t value)
{
	(void)arg;
	(void)value;
	return pool == 0 && file == CHANGE_LIMIT ? -5 : 0;
}

static int no_result(void *arg, int pool, enum change_kind file)
{
	(void)arg;
	(void)pool;
	(void)file;
	return -EIO;
}

static int no_reclaim(void *arg, int pool, int64_t to)
{
	(void)arg;
	(void)pool;
	(void)to;
	return 0;
}

static int cannot_read(void *arg, int pool, enum change_kind file, int64_t *ret)
{
	(void)arg;
	(void)pool;
	(void)file;
	(void)ret;
	return -5;
}

static int no_memory_used(void *arg, int pool, int64_t *ret)
{
	(void)arg;
	(void)pool;
	*ret = 0;
	return 0;
}

static void ignore_admit(void *arg, int pool, int64_t bytes, int64_t containers)
{
	(void)arg;
	(void)pool;
	(void)bytes;
	(void)containers;
}

static int grown_meanwhile(void *arg, int pool, int64_t *ret)
{
	(void)arg;
	*ret = pool == 0 ? M(500) : 0;
	return 0;
}

static void memory_that_grew_since_the_decision_stops_the_lower(void **state)
{
	struct fixture *f = *state;
	struct act_ops ops = { fail_lowering_main, no_result,	 cannot_read,
			       grown_meanwhile,	   ignore_admit, no_reclaim };

	f->pools[0].target_bytes = M(500);
	f->pools[1].target_bytes = M(300);
	decide(&f->node, &f->d);
	limit_becomes(f, 0, 500);
	act(&f->node, &f->d, &ops, NULL);
	assert_int_equal(change_of(f, 0, CHANGE_LIMIT, NULL)->outcome, OUTCOME_VETOED);
	assert_int_equal(f->pools[0].limit, M(600));
}

static void failed_lower_stops_the_raise(void **state)
{
	struct fixture *f = *state;
	struct act_ops ops = { fail_lowering_main, no_result,	 cannot_read,
			       no_memory_used,	   ignore_admit, no_reclaim };

	f->pools[0].target_bytes = M(500);
	f->pools[1].target_bytes = M(300);
	decide(&f->node, &f->d);
	assert_true(act(&f->node, &f->d, &ops, NULL) >= 2);
	assert_int_equal(change_of(f, 0, CHANGE_LIMIT, NULL)->outcome, OUTCOME_FAILED);
	assert_int_equal(change_of(f, 1, CHANGE_LIMIT, NULL)->outcome, OUTCOME_VETOED);
	assert_int_equal(change_of(f, 1, CHANGE_ADMIT, NULL)->outcome, OUTCOME_VETOED);
	/* Unknown is the larger of both. */
	assert_int_equal(f->pools[0].limit, M(600));
	assert_int_equal(f->pools[1].limit, M(200));
	assert_int_equal(f->pools[1].admitted_bytes, M(200));
}

static int in_flight_lower(void *arg, int pool, enum change_kind file, int64_t value)
{
	struct fixture *f = arg;

	return file == CHANGE_LIMIT && value < f->pools[pool].limit ? -EINPROGRESS : 0;
}

static int main_blocks(void *arg, int pool, enum change_kind file)
{
	(void)arg;
	(void)file;
	return pool == 0 ? -EINPROGRESS : 0;
}

static void a_write_in_flight_is_not_built_upon(void **state)
{
	struct fixture *f = *state;
	struct act_ops ops = { in_flight_lower, main_blocks,  cannot_read,
			       no_memory_used,	ignore_admit, no_reclaim };

	f->pools[0].target_bytes = M(500);
	f->pools[1].target_bytes = M(350);
	f->pools[2].target_bytes = M(150);
	decide(&f->node, &f->d);
	act(&f->node, &f->d, &ops, f);
	/* Main's lower is still on its way: its bytes are not free. */
	assert_int_equal(f->pools[0].limit, M(600));
	assert_true(f->pools[0].hands_off);
	/* pool-b's lower, behind it in the list, has come to an end all the same. */
	assert_int_equal(f->pools[2].limit, M(150));
	assert_int_equal(change_of(f, 2, CHANGE_LIMIT, NULL)->outcome, OUTCOME_DONE);
	/* What pool-a asks for is more than those 50. */
	assert_int_equal(change_of(f, 1, CHANGE_LIMIT, NULL)->outcome, OUTCOME_VETOED);
	assert_int_equal(f->pools[1].limit, M(200));
}

/* --- targets */

static void targets_are_the_plan(void **state)
{
	struct pool_plan now[2] = { { M(100), 2 }, { M(50) + 1, 1 } }, target[2];

	(void)state;
	assert_int_equal(plan_targets(M(1000), 0.7, 2, now, NULL, target), 0);
	assert_int_equal(target[0].bytes, M(100));
	assert_int_equal(target[0].containers, 2);
	assert_int_equal(target[1].bytes, M(50));
}

static void targets_above_the_cap_are_cut_in_proportion(void **state)
{
	struct pool_plan now[2] = { { M(600), 6 }, { M(800), 8 } }, target[2];

	(void)state;
	assert_int_equal(plan_targets(M(1000), 0.7, 2, now, NULL, target), M(700));
	assert_int_equal(target[0].bytes, M(300));
	assert_int_equal(target[0].containers, 3);
	assert_int_equal(target[1].bytes, M(400));
	assert_int_equal(target[1].containers, 4);
}

static void lead_takes_the_larger_minute_within_the_cap(void **state)
{
	struct pool_plan now[3] = { { M(300), 3 }, { M(200), 2 }, { M(100), 1 } };
	struct pool_plan next[3] = { { M(100), 1 }, { M(300), 3 }, { M(200), 2 } };
	struct pool_plan target[3];

	(void)state;
	assert_int_equal(plan_targets(M(1000), 0.8, 3, now, next, target), 0);
	assert_int_equal(target[0].bytes, M(300));
	assert_int_equal(target[1].bytes, M(300));
	assert_int_equal(target[2].bytes, M(200));
	assert_int_equal(target[1].containers, 3);
	/* Room for half of the growth only; this minute's budgets are not cut for it. */
	assert_int_equal(plan_targets(M(1000), 0.7, 3, now, next, target), 0);
	assert_int_equal(target[0].bytes, M(300));
	assert_int_equal(target[1].bytes, M(250));
	assert_int_equal(target[2].bytes, M(150));
	assert_int_equal(target[1].containers, 2);
}

static void absurd_rows_do_not_overflow(void **state)
{
	struct pool_plan now[3] = { { INT64_MAX, INT64_MAX }, { INT64_MAX, -5 }, { -1, 3 } };
	struct pool_plan target[3];

	(void)state;
	assert_true(plan_targets(M(1000), 0.7, 3, now, now, target) > 0);
	assert_int_equal(target[0].bytes, M(350));
	assert_int_equal(target[1].bytes, M(350));
	assert_int_equal(target[1].containers, 0);
	assert_int_equal(target[2].bytes, 0);
	assert_int_equal(target[2].containers, 0);
}

#define WITH_NODE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_NODE(settled_changes_nothing),
		WITH_NODE(growth_is_limit_then_admission),
		WITH_NODE(shrink_is_admission_then_limit),
		WITH_NODE(shrink_stops_at_current_and_margin),
		WITH_NODE(shrink_stops_at_what_is_reserved),
		WITH_NODE(page_cache_is_reclaimed_before_the_limit_falls),
		WITH_NODE(nothing_is_lowered_under_pressure),
		WITH_NODE(guards_are_limit_without_admission),
		WITH_NODE(protection_is_the_working_set),
		WITH_NODE(shrink_goes_by_steps),
		WITH_NODE(raise_takes_free_bytes_only),
		WITH_NODE(what_is_not_there_is_not_admitted),
		WITH_NODE(growth_asks_nobody_to_leave),
		WITH_NODE(growth_keeps_the_containers_there_are),
		WITH_NODE(scarce_bytes_are_shared_in_proportion),
		WITH_NODE(main_keeps_a_margin_unadmitted),
		WITH_NODE(hands_off_is_left_alone),
		WITH_NODE(foreign_max_blocks_raises),
		WITH_NODE(start_brings_limits_within_the_budget),
		WITH_NODE(veto_when_memory_grew),
		WITH_NODE(veto_when_bytes_are_not_free),
		WITH_NODE(memory_that_grew_since_the_decision_stops_the_lower),
		WITH_NODE(failed_lower_stops_the_raise),
		WITH_NODE(a_write_in_flight_is_not_built_upon),
		cmocka_unit_test(targets_are_the_plan),
		cmocka_unit_test(targets_above_the_cap_are_cut_in_proportion),
		cmocka_unit_test(lead_takes_the_larger_minute_within_the_cap),
		cmocka_unit_test(absurd_rows_do_not_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
