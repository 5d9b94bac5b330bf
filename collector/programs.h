/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads the BPF programs, attaches them, and pins everything in a directory of bpffs: a generation. */
#ifndef FAASMAT_COLLECTOR_PROGRAMS_H
#define FAASMAT_COLLECTOR_PROGRAMS_H

#include "collector/heritage.h"
#include "collector/sensor.h"

/* Loaded, with its maps pinned; freed by programs_free(), which leaves pins as they are. */
struct programs;

/* Loads what o->filter's classes need and this kernel has, and pins the maps in `dir`, which must be empty.
 * Failures are logged with the remedy. */
int programs_load(const struct sensor_options *o, const char *dir, struct programs **ret);
void programs_free(struct programs *p);

/*
 * Attaches them to the cgroup `root_fd` of id `root` and pins the links in `dir`. Packet programs of the
 * n generations `h` that watch the same root are replaced in one step each, so that each packet is
 * seen by exactly one; what else these have attached is detached. Failures are logged.
 */
int programs_attach(struct programs *p, const char *dir, int root_fd, uint64_t root,
		    const struct heritage *h, size_t n);

/* Descriptor of a pinned map or link; -errno. */
int programs_open_pin(const char *dir, const char *name);

#endif
