// SPDX-License-Identifier: GPL-2.0-or-later
/* The simulator's trace readers: the first byte chooses which. */
#include "fuzz/fuzz.h"
#include "simulator/traces.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct load load = { 0 };
	const char *path;
	int fd, r = -1;

	fuzz_be_quiet();
	if (size == 0)
		return 0;
	path = fuzz_file(data + 1, size - 1, &fd);
	switch (data[0] % 3) {
	case 0:
		r = traces_read_combined(path, &load);
		break;
	case 1:
		r = traces_read_invocations(path, 100 * MIB, &load);
		break;
	case 2:
		r = traces_read_azure_day(path, path, path, &load);
		break;
	}
	if (r == 0)
		load_release(&load);
	close(fd);
	return 0;
}
