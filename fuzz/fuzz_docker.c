// SPDX-License-Identifier: GPL-2.0-or-later
/* docker's config.v2.json and podman's containers.json. */
#include "fuzz/fuzz.h"
#include "identity/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_facts_ struct facts f;
	struct identity_match match;
	static struct rules *rules;

	if (!rules)
		rules_of_platform("auto", &rules);
	facts_init(&f, "/docker/c1");
	f.files_read = true;
	facts_add_docker(&f, (const char *)data, size);
	rules_match(rules, &f, &match);
	facts_add_podman(&f, (const char *)data, size);
	rules_match(rules, &f, &match);
	return 0;
}
