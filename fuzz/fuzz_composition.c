// SPDX-License-Identifier: GPL-2.0-or-later
/* memory.stat and memory.pressure. */
#include "collector/composition.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = fuzz_text(data, size);
	struct composition c = { 0 };

	if (!text)
		return 0;
	if (composition_parse_stat(text, &c) == 0 &&
	    (c.anon_bytes < 0 || c.file_bytes < 0 || c.shmem_bytes < 0 || c.slab_bytes < 0))
		abort();
	if (composition_parse_pressure(text, &c) == 0 && (c.some_us < 0 || c.full_us < 0))
		abort();
	return 0;
}
