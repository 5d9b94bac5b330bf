/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `faasmat forecast --backtest DAYS`: the report. */
#ifndef FAASMAT_CLI_BACKTEST_H
#define FAASMAT_CLI_BACKTEST_H

#include "cli/cli.h"
#include "forecast/backtest.h"

struct backtest_report {
	struct backtest_options o;
	bool json;
	json_t *rows; /* for JSON */
	int printed;
};

void backtest_begin(struct backtest_report *r);
/* Judges one series and prints its row; -ENODATA (logged as a warning by the caller) when too short. */
int backtest_add(struct backtest_report *r, const char *name, const struct series *s);
/* An exit code. */
int backtest_end(struct backtest_report *r);

#endif
