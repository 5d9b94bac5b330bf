/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which function a container runs: rules over what is known of it (identity/facts.h). Pure but for
 * rules_read().
 *
 * One rule a line; the first that matches wins; # begins a comment.
 *
 *	[pod] SOURCE REGEX [SOURCE REGEX...] NAME
 *	REGEX NAME                                    short for: path REGEX NAME
 *
 * SOURCE is path, id, name, namespace, action, annotation:KEY, label:KEY or env:KEY. REGEX is an
 * extended regular expression without blanks (only the short form may hold some); \1 .. \9 in NAME
 * are the groups of all the line's expressions, counted through. `pod`: the container is the cgroup
 * above (a pod with its sidecars). Below the cgroup that matches, everything belongs to the same
 * container. A rule that matches and yields a name that function_name_fault() refuses ends the
 * search: the container stays unknown.
 */
#ifndef FAASMAT_IDENTITY_RULES_H
#define FAASMAT_IDENTITY_RULES_H

#include "common/parse.h"
#include "common/util.h"
#include "identity/facts.h"

struct rules;

/* Parses a rules file's text. On failure *ret is NULL, the negative errno -EINVAL, and `why` (of
 * `size` bytes) says which line and what is wrong with it. */
int rules_parse(const char *text, struct rules **ret, char *why, size_t size);
/* Reads a file; failures are logged. */
int rules_read(const char *path, struct rules **ret);
/* The built-in rules of a platform: -ENOENT when there are none of that name, -ENOMEM. Expressions
 * are compiled when first used, so that a short-lived program pays for those it needs. */
int rules_of_platform(const char *platform, struct rules **ret);
/* "auto, crun, ...", for messages, and the text of one platform's rules (NULL: there is none). */
const char *rules_platforms(void);
const char *rules_platform_text(const char *platform);
void rules_free(struct rules *r);

enum identity {
	IDENTITY_NONE,		/* no rule matches */
	IDENTITY_FOUND,		/* .function */
	IDENTITY_NEEDS_FILES,	/* depends on bundle or engine, which have not been looked for */
	IDENTITY_NEEDS_REQUEST, /* depends on a request that has not been seen */
};

struct identity_match {
	char function[FUNCTION_NAME_MAX + 1];
	bool pod; /* the container is the cgroup above */
};

enum identity rules_match(struct rules *r, const struct facts *f, struct identity_match *ret);

/* True when some rule waits for a request: then somebody has to look at requests. */
bool rules_need_requests(const struct rules *r);

#endif
