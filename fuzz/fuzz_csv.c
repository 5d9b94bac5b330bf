// SPDX-License-Identifier: GPL-2.0-or-later
/* Any file as a CSV, gzip or not: rows are read to the end, and fields as numbers. */
#include "common/csv.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct csv c;
	const char *path;
	int64_t whole;
	double number;
	int fd;

	fuzz_be_quiet();
	path = fuzz_file(data, size, &fd);
	if (csv_open(&c, path) == 0) {
		int first = csv_column(&c, "a");

		while (csv_next(&c) == 1) {
			for (int i = 0; i < c.n; i++)
				if (strlen(c.field[i]) > size)
					abort();
			csv_int64(&c, MAX(first, 0), -5, 1000, &whole);
			csv_double(&c, 1, -1e9, 1e9, &number);
			csv_text(&c, 2);
		}
	}
	csv_close(&c);
	close(fd);
	return 0;
}
