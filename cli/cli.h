/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every subcommand shares. A subcommand is one file cli/NAME.c with one function cmd_NAME. */
#ifndef FAASMAT_CLI_CLI_H
#define FAASMAT_CLI_CLI_H

#include <argp.h>
#include <jansson.h>

#include "common/options.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/parse.h"
#include "common/util.h"
#include "store/store.h"

/* Exit codes of every subcommand. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

int cmd_admit(int argc, char **argv);
int cmd_backup(int argc, char **argv);
int cmd_collect(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_forecast(int argc, char **argv);
int cmd_govern(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_locate(int argc, char **argv);
int cmd_plan(int argc, char **argv);
int cmd_probe(int argc, char **argv);
int cmd_restore(int argc, char **argv);
int cmd_sample(int argc, char **argv);
int cmd_simulate(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_top(int argc, char **argv);

/* Options that several subcommands have; `.common = COMMON_DEFAULTS`, passed as child input by
 * common_argp (see cli/import.c). */
struct common_options {
	const char *db;
	bool json;
	bool verbose;
};

/* --db PATH, --json, --verbose. The default database is $FAASMAT_DB, else
 * /var/lib/faasmat/faasmat.db. Input: a struct common_options. */
extern const struct argp common_argp;
void common_defaults(struct common_options *o);
/* Parses a command that has only the common options and no arguments. */
void common_parse_only(int argc, char **argv, const char *doc, struct common_options *o);

/* --minute-length and --minute-origin. Input: a struct clock, set to CLOCK_REAL beforehand. */
extern const struct argp clock_argp;

/* store_open() that logs the failure ("PATH: why"). */
int open_database(const struct common_options *o, enum store_mode mode, struct store **ret);

/* Prints a JSON value as one line on stdout and drops it. EXIT_DONE, or EXIT_FAILED when stdout is
 * full. */
int print_json(json_t *value);

/* `name` for a terminal: control characters as '?'. A static buffer; the fourth next call reuses it. */
const char *printable(const char *name);

#endif
