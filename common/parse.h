/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strict parsing of what people and files write: the whole string must be the value, or -EINVAL;
 * -ERANGE when it does not fit. Nothing is written to *ret on failure. */
#ifndef FAASMAT_COMMON_PARSE_H
#define FAASMAT_COMMON_PARSE_H

#include <stdint.h>

/* Longest function name that is stored, without the terminating NUL. */
#define FUNCTION_NAME_MAX 255

int parse_int64(const char *text, int64_t *ret);
/* Finite decimal number. */
int parse_double(const char *text, double *ret);
/* "512M", "16G", "1048576": bytes; K M G T are powers of 1024; decimals allowed before a unit. */
int parse_size(const char *text, int64_t *ret);
/* "10ms", "1.5s", "10m", "2h", "12d", "250us"; a unit is required. */
int parse_duration_ns(const char *text, int64_t *ret);
/* "70%" or "0.7" as 0.7. */
int parse_share(const char *text, double *ret);
/* "2026-11-23" as the minute (UTC, since the epoch) at which that day begins. "today" is a date. */
int parse_date_minute(const char *text, int64_t *ret);
/* A point in time as the minute it is in: "2026-11-23T07:05" or "2026-11-23 07:05" (UTC), "07:05" (the last
 * such minute up to `now`), or minutes since the epoch. */
int parse_minute(const char *text, int64_t now, int64_t *ret);
/* "2026-11-23" of that minute, in a static buffer per thread. */
const char *format_date(int64_t minute);
/* "2026-11-23 07:05" of that minute, in a static buffer per thread. */
const char *format_minute(int64_t minute);
/* "1.5G" and the like, for people; a static buffer per thread that the fourth next call reuses. */
const char *format_size(int64_t bytes);

/*
 * Why `name` cannot be the name of a function, as the end of a sentence ("contains '/'"), or NULL
 * when it can: 1 to FUNCTION_NAME_MAX bytes, no control character, no '/', not "." or "..".
 */
const char *function_name_fault(const char *name);

/*
 * `name` as one path component: bytes other than [A-Za-z0-9_.-] become %XX, a leading dot too;
 * what is longer than 200 bytes is cut and ends in ~ and 16 hex digits of its FNV-1a hash, so that
 * different names stay different. Always fits NAME_MAX. Writes at most `size` bytes with NUL;
 * -ENAMETOOLONG when even that does not fit (size < 224).
 */
int escape_component(const char *name, char *out, unsigned int size);

#endif
