/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes one value in the text of a bundle's config.json and not a byte beside it: unknown fields,
 * their order, large and exact numbers stay as they are. Pure. */
#ifndef FAASMAT_RUNTIME_EDIT_H
#define FAASMAT_RUNTIME_EDIT_H

#include "common/util.h"

/*
 * `text` is valid JSON, NUL-terminated, without a key given twice (facts_add_bundle() took it).
 * *ret is the new text, the caller's. -EINVAL when it has no object "linux", or a cgroupsPath that is
 * neither string nor null; -EILSEQ when a key is written so that readers could differ in whether it is
 * the one (escapes, other case): hands off.
 */
int edit_cgroups_path(const char *text, const char *path, char **ret, size_t *size);

#endif
