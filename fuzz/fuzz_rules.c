// SPDX-License-Identifier: GPL-2.0-or-later
/* A rules file, and a cgroup's path (the last line) as a hostile container names it. */
#include "collector/rules.h"
#include "fuzz/fuzz.h"

/* glibc takes memory and time without bound for nested intervals and for back-references within an
 * expression. Rules are the operator's own; paths are the container's. */
static bool regex_is_modest(const char *text)
{
	int intervals = 0;

	for (const char *p = text; *p; p++) {
		if (*p == '\n')
			intervals = 0;
		if (*p == '{' && (++intervals > 1 || strtol(p + 1, NULL, 10) > 64))
			return false;
		if (*p == ',' && intervals && strtol(p + 1, NULL, 10) > 64)
			return false;
		if (p[0] == '\\' && p[1] >= '1' && p[1] <= '9' && strpbrk(p, " \t"))
			return false;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = size < 2048 ? fuzz_text(data, size) : NULL;
	char name[FUNCTION_NAME_MAX + 1], why[320];
	struct rules *r;
	char *path;

	if (!text)
		return 0;
	path = strrchr(text, '\n');
	if (path)
		*path++ = '\0';
	if (!regex_is_modest(text))
		return 0;
	if (rules_parse(text, &r, why, sizeof(why)) == 0 && path && rules_match(r, path, name) &&
	    function_name_fault(name))
		abort();
	rules_free(r);
	/* The built-in ones, against the same path. */
	if (path && rules_parse(rules_of_platform("openwhisk"), &r, why, sizeof(why)) == 0) {
		if (rules_match(r, path, name) && function_name_fault(name))
			abort();
		rules_free(r);
	}
	return 0;
}
