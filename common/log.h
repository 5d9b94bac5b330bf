/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Talk to people, on stderr. A failure is logged once, by the code that knows what the user can do
 * about it; everything below returns a negative errno.
 */
#ifndef FAASMAT_COMMON_LOG_H
#define FAASMAT_COMMON_LOG_H

#include "common/util.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Messages above this level are dropped; default LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);

/* The word before the colon, "faasmat collect" and the like; not copied. Default "faasmat". */
void log_set_name(const char *name);

void log_message(enum log_level level, const char *fmt, ...) _printf_(2, 3);

/* Logs and returns err, so that a failing path is one line: return log_error_errno(r, "..."). The
 * text of errno is appended when err is negative and `fmt` does not say it itself. */
int log_error_errno(int err, const char *fmt, ...) _printf_(2, 3);

#define log_error(...) log_message(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_message(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_message(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_message(LOG_LEVEL_DEBUG, __VA_ARGS__)

/*
 * Progress of long work: rewrites one line while stderr is a terminal, silent in a pipe. `done` of
 * `total` units of `what`; a call with done == total ends the line.
 */
void log_progress(const char *what, int64_t done, int64_t total);

#endif
