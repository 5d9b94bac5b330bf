/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The governor's part of `faasmat status`: leases, what it did and did not in the last hour, and what its
 * limits were worth. */
#ifndef FAASMAT_CLI_STATUS_GOVERNOR_H
#define FAASMAT_CLI_STATUS_GOVERNOR_H

#include <jansson.h>

#include "store/store.h"

/* {"leases","plan_until","minutes","actions","outcomes"} of the database and the lease directory. -errno:
 * the database (store_why()). */
int status_governor(struct store *s, const char *state_dir, json_t **ret);
void status_governor_print(const json_t *status);

#endif
