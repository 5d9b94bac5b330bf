/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which function a container runs, by its cgroup's path. Pure but for rules_read().
 *
 * A rules file has one rule a line: an extended regular expression, blanks, and the function's name,
 * in which \1 .. \9 stand for the expression's groups; # begins a comment. The first rule that
 * matches wins. Paths are relative to the cgroup mount: /faasmat/main/wsk0_7_guest_hello. Below the
 * cgroup that matches, everything belongs to the same container.
 */
#ifndef FAASMAT_COLLECTOR_RULES_H
#define FAASMAT_COLLECTOR_RULES_H

#include "common/parse.h"
#include "common/util.h"

struct rules;

/* Parses a rules file's text. On failure *ret is NULL, the negative errno -EINVAL, and `why` (of
 * `size` bytes) says which line and what is wrong with it. */
int rules_parse(const char *text, struct rules **ret, char *why, size_t size);
/* Reads a file; failures are logged. */
int rules_read(const char *path, struct rules **ret);
/* The text of the built-in rules for a platform, or NULL; rules_platforms() lists them. */
const char *rules_of_platform(const char *name);
const char *rules_platforms(void);
void rules_free(struct rules *r);

/* True and the function's name when a rule matches `path` and yields a name that
 * function_name_fault() accepts. */
bool rules_match(const struct rules *r, const char *path, char name[FUNCTION_NAME_MAX + 1]);

#endif
