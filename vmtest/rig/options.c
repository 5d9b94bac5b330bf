// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmtest/rig/options.h"

#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/parse.h"
#include "common/util.h"

int64_t option_size(const char *text, struct argp_state *state, const char *option)
{
	int64_t v = 0;

	if (parse_size(text, &v) < 0 || v <= 0)
		argp_error(state, "%s takes a size such as 256M, not '%s'", option, text);
	return v;
}

int64_t option_duration_ns(const char *text, struct argp_state *state, const char *option)
{
	int64_t v = 0;

	if (parse_duration_ns(text, &v) < 0)
		argp_error(state, "%s takes a time such as 10ms, 60s or 10m, not '%s'", option,
			   text);
	return v;
}

int64_t option_integer(const char *text, struct argp_state *state, const char *option, int64_t lo,
		       int64_t hi)
{
	int64_t v = 0;

	if (parse_int64(text, &v) < 0 || v < lo || v > hi)
		argp_error(state, "%s takes a whole number from %lld to %lld, not '%s'", option,
			   (long long)lo, (long long)hi, text);
	return v;
}

double option_positive(const char *text, struct argp_state *state, const char *option)
{
	double v = 0;

	if (parse_double(text, &v) < 0 || v <= 0)
		argp_error(state, "%s takes a number above 0, not '%s'", option, text);
	return v;
}

enum { KEY_LENGTH = 0x300, KEY_ORIGIN, KEY_COUNTS, KEY_MEMORY, KEY_SEED };

void scaled_defaults(struct scaled_options *o)
{
	*o = (struct scaled_options){
		.scale = { .minute_ns = 4 * NS_PER_S, .count_divisor = 4, .memory_divisor = 16 },
		.minute_length = "4s",
		.seed = 1,
	};
}

static error_t parse_scaled(int key, char *arg, struct argp_state *state)
{
	struct scaled_options *o = state->input;

	switch (key) {
	case KEY_LENGTH:
		o->scale.minute_ns = option_duration_ns(arg, state, "--minute-length");
		if (o->scale.minute_ns < 10 * NS_PER_MS)
			argp_error(state, "--minute-length is at least 10ms");
		o->minute_length = arg;
		return 0;
	case KEY_ORIGIN:
		o->minute_origin = arg;
		return 0;
	case KEY_COUNTS:
		o->scale.count_divisor = option_positive(arg, state, "--count-divisor");
		return 0;
	case KEY_MEMORY:
		o->scale.memory_divisor = option_positive(arg, state, "--memory-divisor");
		return 0;
	case KEY_SEED:
		o->seed = option_integer(arg, state, "--seed", 0, INT64_MAX);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option scaled_list[] = {
	{ NULL, 0, NULL, 0, "Scaling (README.md has the table):", 50 },
	{ "minute-length", KEY_LENGTH, "TIME", 0, "How long a minute lasts (default 4s)", 50 },
	{ "minute-origin", KEY_ORIGIN, "MINUTE@UNIXTIME", 0,
	  "Minute MINUTE (since the epoch) begins at UNIXTIME; as for faasmat", 50 },
	{ "count-divisor", KEY_COUNTS, "C", 0, "Invocations are divided by C (default 4)", 50 },
	{ "memory-divisor", KEY_MEMORY, "D", 0, "Containers' memory is divided by D (default 16)",
	  50 },
	{ "seed", KEY_SEED, "N", 0, "Of everything random (default 1)", 50 },
	{ 0 },
};

const struct argp scaled_argp = { .options = scaled_list, .parser = parse_scaled };

int write_json(json_t *value, const char *file)
{
	_cleanup_fclose_ FILE *opened = NULL;
	FILE *out = stdout;
	int r = EXIT_DONE;

	if (file && strcmp(file, "-") != 0)
		out = opened = fopen(file, "we");
	if (!out || !value || json_dumpf(value, out, JSON_COMPACT | JSON_REAL_PRECISION(9)) < 0 ||
	    fputc('\n', out) == EOF || fflush(out) != 0) {
		log_error_errno(value ? -errno : -ENOMEM, "%s: the result cannot be written",
				file ? file : "stdout");
		r = EXIT_FAILED;
	}
	json_decref(value);
	return r;
}
