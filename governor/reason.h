/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A decision in words, for the ledger. Apart from decide.h, which is run millions of times without. */
#ifndef FAASMAT_GOVERNOR_REASON_H
#define FAASMAT_GOVERNOR_REASON_H

#include "governor/decide.h"

#define REASON_MAX 200

/* Why this change, on the state that it was decided on. Always terminated; at most REASON_MAX. */
void change_reason(const struct node_state *node, const struct change *c, char *ret);

/* For whom or for what a pool waits. */
void wait_reason(const struct node_state *node, const struct wait *w, char *ret);

/* A limit for people: "max", "200M". As format_size(), a ring of four buffers. */
const char *format_limit(int64_t bytes);

#endif
