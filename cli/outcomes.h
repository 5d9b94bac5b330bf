/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a minute's requests ended, for people and for JSON: the same words in every command. */
#ifndef FAASMAT_CLI_OUTCOMES_H
#define FAASMAT_CLI_OUTCOMES_H

#include "cli/cli.h"
#include "store/history.h"

/* Adds to object `o`: responses, responses_5xx, excluded, aborted, peak_concurrency, p50_us, p95_us,
 * p99_us (null without a response), quality (exact, partial, none), why (its reasons), unsettled. Gives
 * `o` back, for a chain of calls. */
json_t *outcomes_json(json_t *o, const struct history_row *h);

/* A time for a column of 6 characters, as "340us", "12ms", "1.4s"; "-" for NAN. A static buffer; the
 * fourth next call reuses it. */
const char *format_time(double us);

#endif
