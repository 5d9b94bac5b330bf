/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the rig's subcommands share: each is one function in cmd_NAME.c. */
#ifndef FAASMAT_RIG_OPTIONS_H
#define FAASMAT_RIG_OPTIONS_H

#include <argp.h>
#include <jansson.h>
#include <stdint.h>

#include "vmtest/rig/scale.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

int cmd_count(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_scale(int argc, char **argv);

/* The value, or the end of the program with exit 2 and a sentence that names the option. */
int64_t option_size(const char *text, struct argp_state *state, const char *option);
int64_t option_duration_ns(const char *text, struct argp_state *state, const char *option);
int64_t option_integer(const char *text, struct argp_state *state, const char *option, int64_t lo,
		       int64_t hi);
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

/* Prints (file NULL or "-": on stdout) a JSON value as one line and drops it. An exit code. */
int write_json(json_t *value, const char *file);

#endif
