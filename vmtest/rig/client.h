/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rig's side of a container's connection: one request at a time, without blocking. */
#ifndef FAASMAT_RIG_CLIENT_H
#define FAASMAT_RIG_CLIENT_H

#include "vmtest/rig/node.h"

/* The connection's event handler. */
void client_ready(struct event_source *source, uint32_t events);

/* To be called by client_ready(): the container broke the connection or the contract. In node.c. */
void node_tell_died(struct instance *i);

#endif
