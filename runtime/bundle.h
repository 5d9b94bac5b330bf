/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bundle on disk: its config.json read, and replaced as a whole. */
#ifndef FAASMAT_RUNTIME_BUNDLE_H
#define FAASMAT_RUNTIME_BUNDLE_H

#include "common/util.h"

struct bundle {
	int dir;    /* -1: not open */
	char *text; /* of config.json */
	size_t size;
};

/* The bundle directory and its config.json must be no symbolic links, the file at most
 * FACTS_FILE_MAX bytes. Failures leave *ret closed. */
int bundle_open(const char *path, struct bundle *ret);
void bundle_close(struct bundle *b);
/* Replaces config.json by `text`, owner and mode kept, in one step: a reader sees the old or the new
 * one. */
int bundle_write(const struct bundle *b, const char *text, size_t size);

#endif
