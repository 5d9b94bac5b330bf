// SPDX-License-Identifier: GPL-2.0-or-later
#include "identity/regex_bounds.h"

#include <string.h>

#define LENGTH_MAX 1024
#define DEPTH_MAX 8
#define BRACES_MAX 2

/* Where a bracket expression that begins at p ends. */
static const char *skip_bracket(const char *p)
{
	p++;
	p += *p == '^';
	p += *p == ']';
	while (*p && *p != ']') {
		if (*p == '[' && *p && p[1] && strchr(".:=", p[1])) {
			const char end[] = { p[1], ']', '\0' };
			const char *close = strstr(p + 2, end);

			p = close ? close + 1 : p;
		}
		p++;
	}
	return p;
}

const char *regex_fault(const char *regex)
{
	int depth = 0, braces = 0;
	bool after_repeat = false;

	if (strlen(regex) > LENGTH_MAX)
		return "an expression has at most 1024 bytes";
	for (const char *p = regex; *p; p++) {
		bool repeat = strchr("*+?{", *p);

		if (*p == '\\' && p[1]) {
			p++;
			repeat = false;
		} else if (*p == '[') {
			p = skip_bracket(p);
			if (!*p)
				return NULL; /* regcomp() says what is wrong with it */
		} else if (*p == '(' && ++depth > DEPTH_MAX) {
			return "groups are nested more than 8 deep";
		} else if (*p == ')') {
			depth--;
		} else if (*p == '{') {
			if (++braces > BRACES_MAX || strspn(p + 1, "0123456789") > 3)
				return "at most two {n,m}, of at most 3 digits";
			p += strcspn(p, "}");
			if (!*p)
				return NULL;
		}
		if (repeat && after_repeat)
			return "a repetition is repeated";
		after_repeat = repeat;
	}
	return NULL;
}
