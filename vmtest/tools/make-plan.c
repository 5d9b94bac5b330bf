// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * make-plan DB FIRST LAST: makes the database when missing and replaces the plan of minutes FIRST..LAST
 * by the lines of stdin, "MINUTE CONTAINERS BYTES FUNCTION" (bytes as 200M).
 */
#include <string.h>

#include "common/log.h"
#include "common/parse.h"
#include "store/functions.h"
#include "store/plan.h"

static int read_row(struct store *s, char *line, struct plan_row *row)
{
	char minute[32], containers[32], bytes[32], name[FUNCTION_NAME_MAX + 1];

	if (sscanf(line, "%31s %31s %31s %255[^\n]", minute, containers, bytes, name) != 4 ||
	    parse_int64(minute, &row->minute) < 0 ||
	    parse_int64(containers, &row->containers) < 0 || parse_size(bytes, &row->bytes) < 0)
		return -1;
	return store_function_id(s, name, &row->function);
}

int main(int argc, char **argv)
{
	static struct plan_row rows[10000];
	char line[1024];
	struct store *s;
	int64_t first, last;
	size_t n = 0;

	if (argc != 4 || parse_int64(argv[2], &first) < 0 || parse_int64(argv[3], &last) < 0) {
		fprintf(stderr, "usage: make-plan DB FIRST LAST < rows\n");
		return 2;
	}
	if (store_open(argv[1], STORE_CREATE, &s) < 0) {
		log_error("%s: %s", argv[1], store_why());
		return 1;
	}
	while (n < ARRAY_SIZE(rows) && fgets(line, sizeof(line), stdin)) {
		if (read_row(s, line, &rows[n++]) < 0) {
			log_error("bad row: %s", line);
			return 1;
		}
	}
	if (store_write_plan(s, first, last, rows, n) < 0) {
		log_error("%s: %s", argv[1], store_why());
		return 1;
	}
	store_close(s);
	return 0;
}
