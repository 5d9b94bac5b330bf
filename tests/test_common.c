// SPDX-License-Identifier: GPL-2.0-or-later
/* common/: parsing is strict, names become safe path components, minutes are exact, CSV is read as
 * written. */
#include "tests/test.h"

#include <zlib.h>

#include "common/clock.h"
#include "common/csv.h"
#include "common/parse.h"

static void sizes(void **state)
{
	static const struct {
		const char *text;
		int64_t bytes;
	} good[] = { { "0", 0 },	  { "4096", 4096 }, { "512M", 512 * MIB },
		     { "16G", 16 * GIB }, { "1.5K", 1536 }, { "2T", 2048 * GIB },
		     { "7GiB", 7 * GIB } };
	static const char *const bad[] = { "",	   "M",	  "-1",	 "1 G",	  "1X",	 "1Gb",
					   "0x10", "nan", "inf", "1e30G", "12M " };
	int64_t v = -7;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(parse_size(good[i].text, &v), 0);
		assert_int_equal(v, good[i].bytes);
	}
	v = -7;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(parse_size(bad[i], &v) < 0);
	assert_int_equal(v, -7);
}

static void durations_and_shares(void **state)
{
	int64_t ns;
	double share;

	assert_int_equal(parse_duration_ns("10ms", &ns), 0);
	assert_int_equal(ns, 10 * NS_PER_MS);
	assert_int_equal(parse_duration_ns("12d", &ns), 0);
	assert_int_equal(ns, 12 * 86400 * NS_PER_S);
	/* A bare number has no meaning: seconds or minutes? */
	assert_int_equal(parse_duration_ns("10", &ns), -EINVAL);
	assert_int_equal(parse_duration_ns("10 s", &ns), -EINVAL);
	assert_int_equal(parse_duration_ns("999999999999d", &ns), -ERANGE);
	assert_int_equal(parse_share("70%", &share), 0);
	assert_true(share == 0.7);
	assert_int_equal(parse_share("0.7x", &share), -EINVAL);
}

static void dates(void **state)
{
	int64_t minute;

	assert_int_equal(parse_date_minute("1970-01-02", &minute), 0);
	assert_int_equal(minute, 1440);
	assert_int_equal(parse_date_minute("2026-02-29", &minute), -EINVAL);
	assert_int_equal(parse_date_minute("2024-02-29", &minute), 0);
	assert_int_equal(parse_date_minute("2026-1-1", &minute), -EINVAL);
	assert_int_equal(parse_date_minute("2026-01-01x", &minute), -EINVAL);
	assert_string_equal(format_date(1440), "1970-01-02");
	assert_string_equal(format_minute(1441), "1970-01-02 00:01");
}

static void function_names(void **state)
{
	char longest[FUNCTION_NAME_MAX + 2];

	memset(longest, 'a', sizeof(longest));
	longest[FUNCTION_NAME_MAX + 1] = '\0';
	assert_non_null(function_name_fault(longest));
	longest[FUNCTION_NAME_MAX] = '\0';
	assert_null(function_name_fault(longest));
	assert_null(function_name_fault("..."));
	for (const char *const *p =
		     (const char *const[]){ "", ".", "..", "a/b", "a\nb", "\x7f", NULL };
	     *p; p++)
		assert_non_null(function_name_fault(*p));
}

/* Whatever bytes a name has, the component is safe, short enough, and another name's differs. */
static void escaped_components(void **state)
{
	uint64_t rng = test_seed();
	char out[224], other[224], name[600];

	assert_int_equal(escape_component("../../etc", out, sizeof(out)), 0);
	assert_string_equal(out, "%2E.%2F..%2Fetc");
	assert_int_equal(escape_component("x", out, 10), -ENAMETOOLONG);
	for (int round = 0; round < 20000; round++) {
		size_t n = 1 + test_random(&rng) % (sizeof(name) - 1);

		for (size_t i = 0; i < n; i++)
			name[i] = (char)(1 + test_random(&rng) % 255);
		name[n] = '\0';
		assert_int_equal(escape_component(name, out, sizeof(out)), 0);
		assert_true(strlen(out) > 0 && strlen(out) < sizeof(out));
		assert_true(out[0] != '.');
		assert_int_equal(strspn(out, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					     "0123456789_-.%~"),
				 strlen(out));
		name[test_random(&rng) % n] ^= 1;
		if (strlen(name) == n) {
			escape_component(name, other, sizeof(other));
			assert_string_not_equal(out, other);
		}
	}
}

static void scaled_minutes(void **state)
{
	struct clock c;

	assert_int_equal(clock_parse(&c, "4s", "1000@50.5"), 0);
	assert_int_equal(clock_minute_at(&c, 50500 * NS_PER_MS), 1000);
	assert_int_equal(clock_minute_at(&c, 50500 * NS_PER_MS - 1), 999);
	assert_int_equal(clock_minute_at(&c, 54500 * NS_PER_MS), 1001);
	assert_int_equal(clock_minute_start_ns(&c, 998), 42500 * NS_PER_MS);
	assert_int_equal(clock_scale_ns(&c, 30 * NS_PER_S), 2 * NS_PER_S);
	assert_int_equal(clock_parse(&c, NULL, NULL), 0);
	assert_int_equal(clock_minute_at(&c, 119 * NS_PER_S), 1);
	assert_int_equal(clock_minute_at(&c, -1), -1);
	assert_int_equal(clock_parse(&c, "0s", NULL), -EINVAL);
	assert_int_equal(clock_parse(&c, "4s", "1000"), -EINVAL);
	assert_int_equal(clock_parse(&c, "4s", "x@1"), -EINVAL);
}

static void write_gzip(const char *path, const char *text)
{
	gzFile f = gzopen(path, "wb");

	assert_non_null(f);
	gzputs(f, text);
	gzclose(f);
}

static void csv_fields(void **state)
{
	const char *path = test_path("fields.csv.gz");
	struct csv c;
	int64_t v;
	double d;

	write_gzip(path, "name,count,\"quoted, name\"\r\n"
			 "a,1,\"x \"\"y\"\" z\"\n\nb,-3,\n\"c,d\",99\n");
	assert_int_equal(csv_open(&c, path), 0);
	assert_int_equal(csv_column(&c, "quoted, name"), 2);
	assert_int_equal(csv_column(&c, "nope"), -ENOENT);
	assert_int_equal(csv_next(&c), 1);
	assert_string_equal(csv_text(&c, 2), "x \"y\" z");
	assert_int_equal(csv_int64(&c, 1, 0, 10, &v), 0);
	assert_int_equal(v, 1);
	assert_int_equal(csv_next(&c), 1); /* the empty line is passed over */
	assert_int_equal(c.row, 4);
	assert_int_equal(csv_int64(&c, 1, 0, 10, &v), -EINVAL);	 /* negative */
	assert_int_equal(csv_double(&c, 2, 0, 10, &d), -EINVAL); /* empty */
	assert_int_equal(csv_next(&c), 1);
	assert_string_equal(csv_text(&c, 0), "c,d");
	assert_null(csv_text(&c, 2)); /* short row */
	assert_int_equal(csv_next(&c), 0);
	csv_close(&c);
}

static void csv_broken_files(void **state)
{
	const char *path = test_path("broken.csv.gz");
	char long_line[70000];
	struct csv c;
	FILE *f;

	assert_int_equal(csv_open(&c, test_path("none.csv")), -ENOENT);
	csv_close(&c);
	write_gzip(path, "");
	assert_int_equal(csv_open(&c, path), -ENODATA);
	csv_close(&c);
	/* Longer than any buffer. */
	memset(long_line, 'x', sizeof(long_line));
	memcpy(long_line, "h\n", 2);
	long_line[sizeof(long_line) - 1] = '\0';
	write_gzip(path, long_line);
	assert_int_equal(csv_open(&c, path), 0);
	assert_int_equal(csv_next(&c), 1);
	assert_int_equal(strlen(csv_text(&c, 0)), sizeof(long_line) - 3);
	csv_close(&c);
	/* A gzip file cut short is an error, not an end. */
	assert_int_equal(truncate(path, 40), 0);
	assert_int_equal(csv_open(&c, path) == 0 ? csv_next(&c) : -EIO, -EIO);
	csv_close(&c);
	f = fopen(path, "w");
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(durations_and_shares),
		cmocka_unit_test(dates),
		cmocka_unit_test(function_names),
		cmocka_unit_test(escaped_components),
		cmocka_unit_test(scaled_minutes),
		cmocka_unit_test(csv_fields),
		cmocka_unit_test(csv_broken_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
