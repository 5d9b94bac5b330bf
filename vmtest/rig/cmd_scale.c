// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rig scale: the mix as the scaled node has it, for `faasmat import history`. Memory and counts are those of
 * the replay (divided and thinned by the same table and seed). Times stay the model's, with a minute
 * of 60 s: a plan then sizes by count x warm time / 60 s exactly what the replay will run, whatever
 * --minute-length is.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "common/log.h"
#include "common/parse.h"
#include "common/util.h"
#include "vmtest/rig/options.h"
#include "vmtest/rig/trace.h"

enum { KEY_OUT = 0x400 };

struct scale_options {
	struct scaled_options scaled;
	struct load_options load;
	const char *out;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct scale_options *o = state->input;

	switch (key) {
	case KEY_OUT:
		o->out = arg;
		return 0;
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->load;
		state->child_inputs[1] = &o->scaled;
		return 0;
	case ARGP_KEY_END:
		if (!o->out)
			argp_error(state, "--out DIR is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option list[] = {
	{ "out", KEY_OUT, "DIR", 0, "Where functions.csv and history.csv.gz go", 1 },
	{ 0 },
};

static const struct argp_child children[] = { { &load_argp, 0, NULL, 0 },
					      { &scaled_argp, 0, NULL, 0 },
					      { 0 } };
static const struct argp argp = {
	.options = list,
	.parser = parse,
	.doc = "Writes a mix's functions and the history before --day at the scale of the replay, "
	       "with times of the model (a minute of 60 s), for `faasmat import history`.",
	.children = children,
};

/* A name as a CSV field: in quotes where it needs them. */
static const char *field(const char *name)
{
	static char out[2 * FUNCTION_NAME_MAX + 3];
	char *p = out;

	if (!strpbrk(name, ",\""))
		return name;
	*p++ = '"';
	for (; *name; name++) {
		if (*name == '"')
			*p++ = '"';
		*p++ = *name;
	}
	*p++ = '"';
	*p = '\0';
	return out;
}

static int write_functions(const struct scale_options *o, const struct trace *t)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/functions.csv", o->out);
	f = fopen(path, "we");
	if (!f)
		return log_error_errno(-errno, "%s", path);
	fputs("function,memory_mb,warm_ms,cold_ms\n", f);
	for (int i = 0; i < t->n; i++) {
		const struct trace_function *fn = &t->function[i];

		/* Whole pages are exact in so many decimals. */
		fprintf(f, "%s,%.8g,%.9g,%.9g\n", field(fn->name),
			(double)scale_memory_bytes(&o->scaled.scale, fn->memory_mb) / MIB,
			fn->warm_ms, fn->cold_ms);
	}
	return fflush(f) == 0 ? 0 : log_error_errno(-errno, "%s", path);
}

struct writer {
	const struct scale_options *o;
	const struct trace *t;
	gzFile out;
};

static int write_row(const struct trace_row *row, void *arg)
{
	struct writer *w = arg;
	int64_t n;

	if (row->day >= w->o->load.day || trace_find(w->t, row->function) < 0)
		return 0;
	n = scale_count(&w->o->scaled.scale, row->count, w->o->scaled.seed, row->function, row->day,
			row->minute);
	if (n && gzprintf(w->out, "%s,%lld,%lld,%lld\n", field(row->function),
			  (long long)(row->day - w->o->load.day), (long long)row->minute,
			  (long long)n) <= 0)
		return -EIO;
	return 0;
}

static int write_history(const struct scale_options *o, const struct trace *t)
{
	struct writer w = { .o = o, .t = t };
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%s/history.csv.gz", o->out);
	w.out = gzopen(path, "wbe1");
	if (!w.out)
		return log_error_errno(-errno, "%s", path);
	r = gzprintf(w.out, "function,day,minute,count\n") > 0 ? 0 : -EIO;
	if (r == 0)
		r = trace_each_row(o->load.mix, write_row, &w);
	if (gzclose(w.out) != Z_OK && r == 0)
		r = -EIO;
	return r == -EIO ? log_error_errno(r, "%s", path) : r;
}

static int scale(const struct scale_options *o)
{
	struct trace t = { 0 };
	int r = trace_read_mix(&t, o->load.mix, o->load.day, o->load.functions);

	if (r == 0)
		r = load_background(&o->load, &t);
	if (r == 0 && mkdir(o->out, 0755) < 0 && errno != EEXIST)
		r = log_error_errno(-errno, "%s", o->out);
	if (r == 0)
		r = write_functions(o, &t);
	if (r == 0)
		r = write_history(o, &t);
	trace_free(&t);
	return r;
}

int cmd_scale(int argc, char **argv)
{
	struct scale_options o = { .load = LOAD_DEFAULTS };

	scaled_defaults(&o.scaled);
	if (argp_parse(&argp, argc, argv, 0, NULL, &o) != 0)
		return EXIT_USAGE;
	return scale(&o) < 0 ? EXIT_FAILED : EXIT_DONE;
}
