// SPDX-License-Identifier: GPL-2.0-or-later
/* `faasmat import history` and `azure-combined` of any file: all of it or nothing, and no count below
 * zero gets in. */
#include "fuzz/fuzz.h"
#include "store/history.h"
#include "store/import.h"

static int check_row(const struct history_row *row, const char *name, void *arg)
{
	(void)arg;
	if (row->invocations < 0 || !*name || strchr(name, '/'))
		abort();
	return 0;
}

static struct store *scratch(void)
{
	static struct store *s;
	char path[64];

	if (s)
		return s;
	/* Memory, for speed: a database of its own for each process. */
	snprintf(path, sizeof(path), "/dev/shm/faasmat-fuzz-%d.db", getpid());
	unlink(path);
	if (store_open(path, STORE_CREATE, &s) < 0)
		abort();
	unlink(path);
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct import_options o = { .day_zero = 14400, .first_day = -100, .last_day = 100 };
	struct import_result result;
	struct store *s = scratch();
	int64_t first, last;
	const char *path;
	int fd, r;

	fuzz_be_quiet();
	if (size == 0)
		return 0;
	path = fuzz_file(data + 1, size - 1, &fd);
	if (data[0] & 1)
		r = import_azure_combined(s, path, -1, &o, &result);
	else
		r = import_history(s, path, NULL, &o, &result);
	if (store_history_range(s, 0, &first, &last) == 0) {
		if (r < 0)
			abort(); /* half of it is in */
		store_each_history(s, first, last, check_row, NULL);
	}
	close(fd);
	/* Empty again for the next. */
	if (store_begin(s) < 0 || store_clear_history(s) < 0 || store_commit(s) < 0)
		abort();
	return 0;
}
