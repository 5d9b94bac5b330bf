// SPDX-License-Identifier: GPL-2.0-or-later
/* An OCI bundle's config.json, and runc's state.json: whatever it holds, every platform's rules can be asked. */
#include "fuzz/fuzz.h"
#include "identity/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_facts_ struct facts f;
	struct identity_match match;
	static struct rules *rules;

	if (!rules)
		rules_of_platform("auto", &rules);
	for (int runc = 0; runc < 2; runc++) {
		facts_init(&f, "/docker/c1");
		f.files_read = true;
		if (runc)
			facts_add_runc(&f, (const char *)data, size);
		else
			facts_add_bundle(&f, (const char *)data, size);
		facts_cgroups_path(&f);
		facts_memory_limit(&f);
		facts_mount_source(&f, "/etc/hostname");
		rules_match(rules, &f, &match);
		facts_clear(&f);
	}
	return 0;
}
