// SPDX-License-Identifier: GPL-2.0-or-later
/* collector/layout: entries of another version's maps are read by their fields' names. */
#include "tests/test.h"

#include <bpf/btf.h>

#include "collector/layout.h"

/* As version 1 had it, and one that moved, widened, lost and gained fields. */
struct before {
	uint64_t requests;
	uint32_t responses;
	uint32_t reserved;
	uint64_t events[3];
	char name[8];
};

struct after {
	uint64_t fresh;
	uint64_t events[5];
	uint64_t responses;
	char name[4];
	uint32_t seen;
	uint64_t requests;
};

struct types {
	struct btf *btf;
	int u64, u32, character;
};

static struct types types(void)
{
	struct types t = { .btf = btf__new_empty() };

	t.u64 = btf__add_int(t.btf, "unsigned long", 8, 0);
	t.u32 = btf__add_int(t.btf, "unsigned int", 4, 0);
	t.character = btf__add_int(t.btf, "char", 1, BTF_INT_CHAR);
	return t;
}

#define FIELD(t, of, member, type) \
	btf__add_field((t).btf, #member, type, 8 * offsetof(struct of, member), 0)

static int add_before(struct types *t)
{
	int events = btf__add_array(t->btf, t->u64, t->u64, 3);
	int name = btf__add_array(t->btf, t->u64, t->character, 8);
	int alias = btf__add_typedef(t->btf, "__u64", t->u64);
	int id = btf__add_struct(t->btf, "entry", sizeof(struct before));

	assert_int_equal(FIELD(*t, before, requests, alias), 0);
	assert_int_equal(FIELD(*t, before, responses, t->u32), 0);
	assert_int_equal(FIELD(*t, before, reserved, t->u32), 0);
	assert_int_equal(FIELD(*t, before, events, events), 0);
	assert_int_equal(FIELD(*t, before, name, name), 0);
	return id;
}

static int add_after(struct types *t)
{
	int events = btf__add_array(t->btf, t->u64, t->u64, 5);
	int name = btf__add_array(t->btf, t->u64, t->character, 4);
	int id = btf__add_struct(t->btf, "entry", sizeof(struct after));

	assert_int_equal(FIELD(*t, after, fresh, t->u64), 0);
	assert_int_equal(FIELD(*t, after, events, events), 0);
	assert_int_equal(FIELD(*t, after, responses, t->u64), 0);
	assert_int_equal(FIELD(*t, after, name, name), 0);
	assert_int_equal(FIELD(*t, after, seen, t->u32), 0);
	assert_int_equal(FIELD(*t, after, requests, t->u64), 0);
	return id;
}

static void fields_are_found_by_name(void **state)
{
	struct types old = types(), new = types();
	int from = add_before(&old), to = add_after(&new);
	struct before b = { 77, 0xfffffff0, 5, { 1, 2, 3 }, "abcdefg" };
	struct before back;
	struct after a;
	struct layout l;

	assert_int_equal(layout_make(old.btf, from, new.btf, to, &l), 0);
	memset(&a, 0xff, sizeof(a));
	layout_convert(&l, &b, &a);
	assert_int_equal(a.requests, 77);
	assert_int_equal(a.responses, 0xfffffff0); /* wider now */
	assert_int_equal(a.fresh, 0);
	assert_int_equal(a.seen, 0);
	assert_true(a.events[0] == 1 && a.events[2] == 3 && a.events[3] == 0 && a.events[4] == 0);
	assert_memory_equal(a.name, "abcd", 4);
	/* And the way back, which a downgrade takes. */
	assert_int_equal(layout_make(new.btf, to, old.btf, from, &l), 0);
	layout_convert(&l, &a, &back);
	assert_int_equal(back.requests, 77);
	assert_int_equal(back.responses, 0xfffffff0);
	assert_int_equal(back.events[2], 3);
	assert_int_equal(back.reserved, 0);
	btf__free(old.btf);
	btf__free(new.btf);
}

static void what_is_no_struct_is_refused(void **state)
{
	struct types t = types();
	int id = add_before(&t);
	struct layout l;

	assert_int_equal(layout_make(t.btf, t.u64, t.btf, id, &l), -EINVAL);
	assert_int_equal(layout_make(t.btf, id, t.btf, 9999, &l), -EINVAL);
	btf__free(t.btf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_found_by_name),
		cmocka_unit_test(what_is_no_struct_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
