// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/options.h"

#include "common/parse.h"

int64_t option_size(const char *text, struct argp_state *state, const char *option)
{
	int64_t v = 0;

	if (parse_size(text, &v) < 0)
		argp_error(state, "%s takes a size such as 512M or 16G, not '%s'", option, text);
	return v;
}

int64_t option_duration_ns(const char *text, struct argp_state *state, const char *option)
{
	int64_t v = 0;

	if (parse_duration_ns(text, &v) < 0)
		argp_error(state, "%s takes a time such as 10ms, 60s, 10m or 12d, not '%s'", option,
			   text);
	return v;
}

int64_t option_count(const char *text, struct argp_state *state, const char *option, int64_t lo,
		     int64_t hi)
{
	int64_t v = 0;

	if (parse_int64(text, &v) < 0 || v < lo || v > hi)
		argp_error(state, "%s takes a whole number from %lld to %lld, not '%s'", option,
			   (long long)lo, (long long)hi, text);
	return v;
}

double option_share(const char *text, struct argp_state *state, const char *option)
{
	double v = 0;

	if (parse_share(text, &v) < 0 || v < 0 || v > 1)
		argp_error(state, "%s takes a share from 0 to 1 (0.7 or 70%%), not '%s'", option,
			   text);
	return v;
}

double option_number(const char *text, struct argp_state *state, const char *option)
{
	double v = 0;

	if (parse_double(text, &v) < 0)
		argp_error(state, "%s takes a number, not '%s'", option, text);
	return v;
}

int64_t option_date(const char *text, struct argp_state *state, const char *option)
{
	int64_t v = 0;

	if (parse_date_minute(text, &v) < 0)
		argp_error(state, "%s takes a date such as 2026-11-23, not '%s'", option, text);
	return v;
}
