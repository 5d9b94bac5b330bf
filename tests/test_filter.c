// SPDX-License-Identifier: GPL-2.0-or-later
/* What --invocations and --platform choose. */
#include "tests/test.h"

#include "collector/filter.h"

static void classes_are_parsed(void **state)
{
	static const struct {
		const char *text;
		int r;
		uint32_t classes;
	} c[] = {
		{ "http", 0, WIRE_HTTP1 },
		{ "http2", 0, WIRE_HTTP2 },
		{ "http,http2,unix", 0, WIRE_HTTP1 | WIRE_HTTP2 | WIRE_UNIX },
		{ "exec", 0, WIRE_EXEC },
		{ "connect", 0, WIRE_CONNECT },
		{ "none", 0, 0 },
		/* One count would be two. */
		{ "http,connect", -EINVAL, 0 },
		{ "exec,unix", -EINVAL, 0 },
		{ "connect,exec", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "http,", -EINVAL, 0 },
		{ "http3", -EINVAL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
		uint32_t classes = 0;

		assert_int_equal(filter_parse_classes(c[i].text, &classes), c[i].r);
		assert_int_equal(classes, c[i].classes);
	}
}

static void platforms_have_classes(void **state)
{
	assert_int_equal(filter_platform_classes("fn"), WIRE_UNIX);
	assert_int_equal(filter_platform_classes("knative"), WIRE_HTTP1 | WIRE_HTTP2);
	assert_int_equal(filter_platform_classes("openwhisk"), WIRE_HTTP1);
	assert_int_equal(filter_platform_classes("auto"), WIRE_HTTP1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes_are_parsed),
		cmocka_unit_test(platforms_have_classes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
