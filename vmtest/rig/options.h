/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the rig's subcommands share: each is one function in cmd_NAME.c. */
#ifndef FAASMAT_RIG_OPTIONS_H
#define FAASMAT_RIG_OPTIONS_H

#include <argp.h>
#include <jansson.h>
#include <stdint.h>

#include "common/options.h"
#include "vmtest/rig/scale.h"
#include "vmtest/rig/trace.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

int cmd_count(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_scale(int argc, char **argv);

/* A number above 0; as in common/options.h. */
double option_positive(const char *text, struct argp_state *state, const char *option);

/* --minute-length, --minute-origin, --count-divisor, --memory-divisor, --seed: the scaled model.
 * Input: a struct scaled_options with its defaults set by scaled_defaults(). */
struct scaled_options {
	struct scale scale;
	const char *minute_length, *minute_origin;
	uint64_t seed;
};
void scaled_defaults(struct scaled_options *o);
extern const struct argp scaled_argp;

/* --mix, --day, --functions, --background, --background-functions: the load. Input: a struct load_options
 * with LOAD_DEFAULTS. */
struct load_options {
	const char *mix, *functions, *background;
	int background_functions;
	int64_t day;
};
#define LOAD_DEFAULTS ((struct load_options){ .background_functions = 30 })
extern const struct argp load_argp;
/* Adds the background's functions to the trace, if there is one. */
int load_background(const struct load_options *o, struct trace *t);

/* Prints (file NULL or "-": on stdout) a JSON value as one line and drops it. An exit code. */
int write_json(json_t *value, const char *file);

#endif
