// SPDX-License-Identifier: GPL-2.0-or-later
/* The first bytes of a request that tells a container what it is. */
#include "fuzz/fuzz.h"
#include "identity/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char action[512];

	request_action((const char *)data, size, action, sizeof(action));
	return 0;
}
