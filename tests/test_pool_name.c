// SPDX-License-Identifier: GPL-2.0-or-later
/* Names of pools' directories: plain, and as slices of systemd's. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "governor/pool_name.h"

static void plain_names_are_directories(void **state)
{
	char out[256];

	(void)state;
	assert_int_equal(pool_name_to_directory("/faasmat", "pool-a%20b", out, sizeof(out)), 0);
	assert_string_equal(out, "pool-a%20b");
	assert_int_equal(pool_name_of_directory("/faasmat", "pool-f", out, sizeof(out)), 0);
	assert_string_equal(out, "pool-f");
	assert_int_equal(pool_name_of_directory("/faasmat", "pools", out, sizeof(out)), -EINVAL);
	assert_int_equal(pool_name_of_directory("/faasmat", "pool-", out, sizeof(out)), -EINVAL);
	assert_int_equal(pool_name_of_directory("/faasmat", "session-1.scope", out, sizeof(out)),
			 -EINVAL);
}

static void slices_are_escaped_as_systemd_does(void **state)
{
	static const char *const pools[] = { "main", "pool-f", "pool-a%20b%3B..", "pool-a.b_c-d",
					     "pool-x~0123" };
	char directory[256], back[256];

	(void)state;
	assert_int_equal(pool_name_to_directory("/faasmat.slice", "pool-f-1%2F", directory,
						sizeof(directory)),
			 0);
	/* What `systemd-escape` makes of it. */
	assert_string_equal(directory, "faasmat-pool\\x2df\\x2d1\\x252F.slice");
	for (size_t i = 0; i < sizeof(pools) / sizeof(pools[0]); i++) {
		assert_int_equal(pool_name_to_directory("/a.slice/a-b.slice", pools[i], directory,
							sizeof(directory)),
				 0);
		assert_int_equal(strncmp(directory, "a-b-", 4), 0);
		assert_int_equal(
			pool_name_of_directory("/a.slice/a-b.slice", directory, back, sizeof(back)),
			0);
		assert_string_equal(back, pools[i]);
	}
}

static void what_is_not_ours_is_told(void **state)
{
	static const char *const others[] = { "faasmat-other.slice",
					      "faasmat-main-x.slice",
					      "other-main.slice",
					      "faasmat-main.scope",
					      "faasmat-pool\\x2.slice",
					      "faasmat-.slice",
					      "faasmat-pool\\x00f.slice",
					      "main",
					      "pool-f",
					      "" };
	char out[256];

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(
			pool_name_of_directory("/faasmat.slice", others[i], out, sizeof(out)),
			-EINVAL);
}

static void what_no_unit_can_be_called_is_refused(void **state)
{
	char pool[256] = "pool-", directory[256];

	(void)state;
	memset(pool + 5, '%', 200);
	assert_int_equal(
		pool_name_to_directory("/faasmat.slice", pool, directory, sizeof(directory)),
		-ENAMETOOLONG);
	assert_int_equal(pool_name_to_directory("/faasmat", pool, directory, sizeof(directory)), 0);
}

static void a_slice_lies_in_those_of_its_name(void **state)
{
	char out[256];

	(void)state;
	assert_int_equal(pool_name_slice_path("faasmat.slice", out, sizeof(out)), 0);
	assert_string_equal(out, "/faasmat.slice");
	assert_int_equal(pool_name_slice_path("a-b-c.slice", out, sizeof(out)), 0);
	assert_string_equal(out, "/a.slice/a-b.slice/a-b-c.slice");
	assert_int_equal(pool_name_slice_path("-.slice", out, sizeof(out)), -EINVAL);
	assert_int_equal(pool_name_slice_path("a--b.slice", out, sizeof(out)), -EINVAL);
	assert_int_equal(pool_name_slice_path("a.scope", out, sizeof(out)), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_names_are_directories),
		cmocka_unit_test(slices_are_escaped_as_systemd_does),
		cmocka_unit_test(what_is_not_ours_is_told),
		cmocka_unit_test(what_no_unit_can_be_called_is_refused),
		cmocka_unit_test(a_slice_lies_in_those_of_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
