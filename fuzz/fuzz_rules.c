// SPDX-License-Identifier: GPL-2.0-or-later
/* A rules file: refused with a reason, or good to be asked. */
#include "identity/rules.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), why[300];
	struct identity_match match;
	struct rules *r = NULL;
	struct facts f;

	memcpy(text, data, size);
	text[size] = 0;
	if (rules_parse(text, &r, why, sizeof(why)) == 0) {
		facts_init(&f, "/docker/wsk0_1_guest_hello");
		f.files_read = true;
		rules_match(r, &f, &match);
		rules_free(r);
	}
	free(text);
	return 0;
}
