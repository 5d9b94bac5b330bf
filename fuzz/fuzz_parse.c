// SPDX-License-Identifier: GPL-2.0-or-later
/* Sizes, times, dates and names, as users and containers write them. */
#include <errno.h>

#include "common/clock.h"
#include "common/parse.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = fuzz_text(data, size);
	struct clock clock = CLOCK_REAL;
	char component[256];
	int64_t whole;
	double number;

	if (!text)
		return 0;
	parse_int64(text, &whole);
	parse_double(text, &number);
	if (parse_size(text, &whole) == 0 && whole < 0 && *text != '-')
		abort();
	parse_duration_ns(text, &whole);
	parse_share(text, &number);
	if (parse_date_minute(text, &whole) == 0)
		format_minute(whole);
	clock_parse(&clock, text, NULL);
	clock_parse(&clock, "60s", text);
	function_name_fault(text);
	if (*text && escape_component(text, component, sizeof(component)) == 0 &&
	    (strchr(component, '/') || component[0] == '.'))
		abort();
	return 0;
}
