// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmtest/rig/options.h"

#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/parse.h"
#include "common/util.h"

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
		o->seed = option_count(arg, state, "--seed", 0, INT64_MAX);
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

enum {
	KEY_MIX = 0x380,
	KEY_DAY,
	KEY_FUNCTIONS,
	KEY_BACKGROUND,
	KEY_BACKGROUND_FUNCTIONS,
};

static error_t parse_load(int key, char *arg, struct argp_state *state)
{
	struct load_options *o = state->input;

	switch (key) {
	case KEY_MIX:
		o->mix = arg;
		return 0;
	case KEY_DAY:
		o->day = option_count(arg, state, "--day", -1000, 1000);
		return 0;
	case KEY_FUNCTIONS:
		o->functions = arg;
		return 0;
	case KEY_BACKGROUND:
		o->background = arg;
		return 0;
	case KEY_BACKGROUND_FUNCTIONS:
		o->background_functions = (int)option_count(arg, state, "--background-functions", 0,
							    100000);
		return 0;
	case ARGP_KEY_END:
		if (!o->mix)
			argp_error(state, "--mix DIR is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option load_list[] = {
	{ NULL, 0, NULL, 0, "Load:", 40 },
	{ "mix", KEY_MIX, "DIR", 0, "functions.csv and history.csv.gz", 40 },
	{ "day", KEY_DAY, "DAY", 0,
	  "The day that is replayed; a history ends before it (default 0)", 40 },
	{ "functions", KEY_FUNCTIONS, "A,B,...", 0, "Only these of the mix", 40 },
	{ "background", KEY_BACKGROUND, "FILE", 0,
	  "Rare functions, in the azure-combined format; they have no history", 40 },
	{ "background-functions", KEY_BACKGROUND_FUNCTIONS, "N", 0, "How many of them (default 30)",
	  40 },
	{ 0 },
};

const struct argp load_argp = { .options = load_list, .parser = parse_load };

int load_background(const struct load_options *o, struct trace *t)
{
	return o->background ? trace_read_background(t, o->background, o->background_functions) : 0;
}

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
