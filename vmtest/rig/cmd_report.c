// SPDX-License-Identifier: GPL-2.0-or-later
/* rig report: several results side by side, and as the result.json of `make demo`. */
#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "common/parse.h"
#include "common/util.h"
#include "vmtest/rig/options.h"

#define MAX_RUNS 32

enum { KEY_RESULT = 0x400, KEY_MINUTES, KEY_MEMORY_MB, KEY_COUNTED };

struct report_options {
	const char *result;
	int64_t minutes;
	double memory_mb;
	const char *file[MAX_RUNS];
	int n_files;
	const char *counted[MAX_RUNS];
	int n_counted;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct report_options *o = state->input;

	switch (key) {
	case KEY_RESULT:
		o->result = arg;
		return 0;
	case KEY_MINUTES:
		o->minutes = option_count(arg, state, "--minutes", 0, INT64_MAX);
		return 0;
	case KEY_MEMORY_MB:
		o->memory_mb = option_positive(arg, state, "--memory-mb");
		return 0;
	case KEY_COUNTED:
		if (o->n_counted == MAX_RUNS || !strchr(arg, '='))
			argp_error(state, "--counted takes MODE=N, not '%s'", arg);
		o->counted[o->n_counted++] = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (o->n_files == MAX_RUNS)
			argp_error(state, "more than %d files", MAX_RUNS);
		o->file[o->n_files++] = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which results? (FILE...)");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option list[] = {
	{ "result", KEY_RESULT, "FILE", 0, "Write them as one object", 1 },
	{ "minutes", KEY_MINUTES, "N", 0, "Its `minutes` (default: as the first run says)", 1 },
	{ "memory-mb", KEY_MEMORY_MB, "N", 0, "Its `memory_mb` (default: as the first run says)",
	  1 },
	{ "counted", KEY_COUNTED, "MODE=N", 0,
	  "What eBPF counted in the run of that mode; may be given again", 1 },
	{ 0 },
};

static const struct argp argp = {
	.options = list,
	.parser = parse,
	.args_doc = "FILE...",
	.doc = "Compares results of `rig run`.",
};

/* N of --counted MODE=N, or -1. */
static int64_t counted_of(const struct report_options *o, const char *mode)
{
	size_t len = strlen(mode);
	int64_t n;

	for (int i = 0; i < o->n_counted; i++)
		if (strncmp(o->counted[i], mode, len) == 0 && o->counted[i][len] == '=' &&
		    parse_int64(o->counted[i] + len + 1, &n) == 0)
			return n;
	return -1;
}

static const char *const needed[] = {
	"invocations", "warm",	 "cold",	   "drop",
	"throughput",  "p50_ms", "p99_ms",	   "peak_memory_bytes",
	"oom_kills",   "sent",	 "guest_cpu_share"
};

static json_t *read_result(const char *file)
{
	json_error_t error;
	json_t *json = json_load_file(file, 0, &error);

	if (!json) {
		log_error("%s, line %d: %s", file, error.line, error.text);
		return NULL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (!json_is_number(json_object_get(json, needed[i])) ||
		    !json_is_string(json_object_get(json, "mode"))) {
			log_error("%s: no result of rig run: '%s' or 'mode' is missing", file,
				  needed[i]);
			json_decref(json);
			return NULL;
		}
	return json;
}

static double number(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static void print_run(const json_t *o)
{
	const json_t *counted = json_object_get(o, "counted");
	char text[24] = "-";

	if (counted)
		snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(counted));
	printf("%-8s %-7s %11.0f %8.0f %7.0f %8.0f %8.0f %10.3f %8.1f %9.1f %8s %5.0f %9.0f %9s %5.0f%%\n",
	       json_string_value(json_object_get(o, "mode")),
	       json_object_get(o, "runtime") ? json_string_value(json_object_get(o, "runtime"))
					     : "",
	       number(o, "invocations"), number(o, "warm"), number(o, "cold"), number(o, "drop"),
	       number(o, "failed"), number(o, "throughput"), number(o, "p50_ms"),
	       number(o, "p99_ms"), format_size((int64_t)number(o, "peak_memory_bytes")),
	       number(o, "oom_kills"), number(o, "sent"), text, 100 * number(o, "guest_cpu_share"));
}

static void print_table(const json_t *runs)
{
	const json_t *o;
	size_t i;

	printf("%-8s %-7s %11s %8s %7s %8s %8s %10s %8s %9s %8s %5s %9s %9s %6s\n", "mode",
	       "runtime", "invocations", "warm", "cold", "drop", "failed", "throughput", "p50 ms",
	       "p99 ms", "peak", "oom", "sent", "counted", "cpu");
	json_array_foreach(runs, i, o) print_run(o);
}

static json_t *result_object(const struct report_options *o, json_t *runs)
{
	const json_t *first = json_array_get(runs, 0);
	double minutes = o->minutes ? (double)o->minutes : number(first, "minutes_replayed");
	double mb = o->memory_mb > 0 ? o->memory_mb : number(first, "memory_bytes") / MIB;

	return json_pack("{s:I, s:f, s:O}", "minutes", (json_int_t)minutes, "memory_mb", mb, "runs",
			 runs);
}

int cmd_report(int argc, char **argv)
{
	struct report_options o = { 0 };
	json_t *runs = json_array();
	int r = EXIT_DONE;

	if (argp_parse(&argp, argc, argv, 0, NULL, &o) != 0)
		return EXIT_USAGE;
	for (int i = 0; i < o.n_files && r == EXIT_DONE; i++) {
		json_t *json = read_result(o.file[i]);
		int64_t counted = -1;

		if (json)
			counted = counted_of(&o, json_string_value(json_object_get(json, "mode")));
		if (counted >= 0)
			json_object_set_new(json, "counted", json_integer(counted));
		if (!json || json_array_append_new(runs, json) < 0)
			r = EXIT_FAILED;
	}
	if (r == EXIT_DONE)
		print_table(runs);
	if (r == EXIT_DONE && o.result)
		r = write_json(result_object(&o, runs), o.result);
	json_decref(runs);
	return r;
}
