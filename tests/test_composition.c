// SPDX-License-Identifier: GPL-2.0-or-later
/* collector/composition: memory.stat and memory.pressure as kernels write them, and as nobody should. */
#include "tests/test.h"

#include <fcntl.h>

#include "collector/composition.h"

/* As 6.1 writes them (shortened). "anon_thp" and "file_mapped" must not pass for "anon" and "file". */
static const char stat_6_1[] = "anon 110592\nfile 8192\nkernel 45056\nkernel_stack 16384\n"
			       "sec_pagetables 0\nshmem 4096\nfile_mapped 77\nanon_thp 5\n"
			       "slab_reclaimable 3248\nslab_unreclaimable 5376\nslab 8624\n"
			       "workingset_refault_anon 9\n";
static const char pressure_6_1[] = "some avg10=0.12 avg60=0.00 avg300=0.00 total=1234\n"
				   "full avg10=0.00 avg60=0.00 avg300=0.00 total=567\n";

static void reads_what_kernels_write(void **state)
{
	struct composition c = { 0 };

	assert_int_equal(composition_parse_stat(stat_6_1, &c), 0);
	assert_int_equal(c.anon_bytes, 110592);
	assert_int_equal(c.file_bytes, 8192);
	assert_int_equal(c.shmem_bytes, 4096);
	assert_int_equal(c.slab_bytes, 8624);
	assert_int_equal(composition_parse_pressure(pressure_6_1, &c), 0);
	assert_int_equal(c.some_us, 1234);
	assert_int_equal(c.full_us, 567);
}

static void refuses_what_is_none(void **state)
{
	static const char *const stat[] = {
		"",
		"anon",
		"anon \nfile 1\nshmem 1\nslab 1\n",
		"anon 1\nfile 1\nshmem 1\n",
		"anon -1\nfile 1\nshmem 1\nslab 1\n",
		"xanon 1\nfile 1\nshmem 1\nslab 1\n",
	};
	static const char *const pressure[] = {
		"",
		"some\ntotal=5\n",
		"some avg10=0 total=\nfull total=3\n",
		"full total=3\n",
		"awesome total=1\nfull total=3\n",
	};
	struct composition c;

	for (size_t i = 0; i < ARRAY_SIZE(stat); i++)
		assert_int_equal(composition_parse_stat(stat[i], &c), -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(pressure); i++) {
		assert_int_equal(composition_parse_pressure(pressure[i], &c), -EINVAL);
		assert_true(c.some_us == -1 || c.full_us == -1);
	}
}

/* A name that another cgroup bears now is not the one that was meant. */
static void tells_cgroups_by_id(void **state)
{
	_cleanup_close_ int root = open("build", O_RDONLY | O_DIRECTORY);
	struct composition c;

	assert_int_equal(composition_read(root, "no-such-directory", 1, &c), -ENOENT);
	assert_true(composition_read(root, "", 1, &c) < 0);
	assert_int_equal(c.some_us, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_kernels_write),
		cmocka_unit_test(refuses_what_is_none),
		cmocka_unit_test(tells_cgroups_by_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
