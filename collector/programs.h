/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads the BPF programs, attaches them and pins everything in a directory of bpffs. */
#ifndef FAASMAT_COLLECTOR_PROGRAMS_H
#define FAASMAT_COLLECTOR_PROGRAMS_H

#include "collector/sensor.h"

/* Replaces whatever is pinned in o->pin_dir by programs that watch the cgroup `root_fd`; `config` is
 * written before the first of them runs. Failures are logged with the remedy. */
int programs_start(const struct sensor_options *o, int root_fd, const struct wire_config *config);

/* Removes every pin, upon which the kernel detaches and frees. */
int programs_remove(const char *pin_dir);

/* Descriptor of a pinned map or link; -errno. */
int programs_open_pin(const char *pin_dir, const char *name);

#endif
