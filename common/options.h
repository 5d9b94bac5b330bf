/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values of command-line options: the value, or the end of the program with exit 2 and a sentence that
 * names the option and what it takes. For argp parsers of all our programs. */
#ifndef FAASMAT_COMMON_OPTIONS_H
#define FAASMAT_COMMON_OPTIONS_H

#include <argp.h>
#include <stdint.h>

int64_t option_size(const char *text, struct argp_state *state, const char *option);
int64_t option_duration_ns(const char *text, struct argp_state *state, const char *option);
int64_t option_count(const char *text, struct argp_state *state, const char *option, int64_t lo,
		     int64_t hi);
double option_share(const char *text, struct argp_state *state, const char *option);
double option_number(const char *text, struct argp_state *state, const char *option);
int64_t option_date(const char *text, struct argp_state *state, const char *option);

#endif
