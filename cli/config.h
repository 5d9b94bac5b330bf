/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --config FILE: one INI-like file for all subcommands, with the same names as the flags. */
#ifndef FAASMAT_CLI_CONFIG_H
#define FAASMAT_CLI_CONFIG_H

/*
 * The arguments of `command` with those of its --config file put first, so that flags, which come
 * later, win. In the file: `name = value`, or `name` alone for a flag without one; `#` and `;` begin
 * comments; lines before any [section] are for the subcommands that know them (db, minute-length),
 * those under [command] for that one. Without --config the arguments are as given.
 *
 * *ret_argv is freed by the caller (its strings live as long as the program). Errors are logged.
 */
int config_arguments(const char *command, int argc, char **argv, int *ret_argc, char ***ret_argv);

/* The --config file of this run, or NULL. */
const char *config_file(void);

#endif
