// SPDX-License-Identifier: GPL-2.0-or-later
/* A rules file, and a cgroup's path (the last line) as a hostile container names it. */
#include "fuzz/fuzz.h"
#include "identity/rules.h"

static void ask(struct rules *r, const char *path)
{
	static struct facts f;
	struct identity_match match;

	facts_init(&f, path);
	f.files_read = true;
	if (rules_match(r, &f, &match) == IDENTITY_FOUND && function_name_fault(match.function))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = size < 2048 ? fuzz_text(data, size) : NULL;
	char *path = text ? strrchr(text, '\n') : NULL, why[320];
	struct rules *r;

	if (!text)
		return 0;
	if (path)
		*path++ = '\0';
	if (rules_parse(text, &r, why, sizeof(why)) == 0 && path)
		ask(r, path);
	rules_free(r);
	/* The built-in ones, against the same path. */
	if (path && rules_of_platform("auto", &r) == 0) {
		ask(r, path);
		rules_free(r);
	}
	return 0;
}
