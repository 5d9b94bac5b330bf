/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the fuzz targets share. A target is one file fuzz/fuzz_NAME.c with LLVMFuzzerTestOneInput(),
 * its seeds are in fuzz/corpus/NAME/; make fuzz finds it by itself.
 */
#ifndef FAASMAT_FUZZ_FUZZ_H
#define FAASMAT_FUZZ_FUZZ_H

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "common/log.h"
#include "common/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Refusals are logged, a million times here. */
static inline void fuzz_be_quiet(void)
{
	log_set_level((enum log_level) - 1);
}

/* The input as a string, cut at its first NUL; freed by the caller. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (text) {
		memcpy(text, data, size);
		text[size] = '\0';
	}
	return text;
}

/* The input as a file: its path, good until fuzz_close(fd). */
static inline const char *fuzz_file(const uint8_t *data, size_t size, int *fd)
{
	static char path[4][64];
	static unsigned int next;
	char *out = path[next++ % ARRAY_SIZE(path)];

	*fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (*fd < 0 || write(*fd, data, size) != (ssize_t)size)
		abort();
	snprintf(out, sizeof(path[0]), "/proc/self/fd/%d", *fd);
	return out;
}

#endif
