/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What collectors of other versions, or of other options, left pinned. Each generation of maps has a
 * directory of its own below the pin directory, "g<version>-<epoch>" (the first version's maps lie in
 * the pin directory itself). A new collector that cannot go on with the maps it finds makes a
 * generation beside them and takes the packet programs' links over in one step, so that each packet
 * is seen by exactly one program. From then on the old counters stand still: what they hold and
 * history does not yet is carried over by the baselines (see collector.c), and then they are removed.
 */
#ifndef FAASMAT_COLLECTOR_HERITAGE_H
#define FAASMAT_COLLECTOR_HERITAGE_H

#include "bpf/wire.h"
#include "common/util.h"

struct heritage {
	char dir[512];
	uint64_t epoch, root;
	uint32_t version;
};

#define HERITAGE_MAX 8

/* All generations in `pin_dir`, newest first; those without readable settings are left out. The number
 * of them, at most HERITAGE_MAX. */
size_t heritage_list(const char *pin_dir, struct heritage *ret);

/* Moves the link of a packet program that is attached to cgroup `root` with attach type `type` from
 * one of the n generations to program `prog_fd` and to the pin `path`. -ENOENT when there is none. */
int heritage_take_link(const struct heritage *h, size_t n, uint64_t root, int type, int prog_fd,
		       const char *path);

/* Lets every program finish that had begun before its link went. */
void heritage_wait(void);
/* Detaches all that is left of a generation; its maps stay, and stand still. */
void heritage_stop(const struct heritage *h);

/* Copies who and how each cgroup is (not its counters) into the maps `cgroups` and `usage` of the new
 * generation, where that does not know it yet. */
int heritage_copy(const struct heritage *h, int cgroups, int usage);

/* All counters, as this version's struct; both arrays are freed by the caller. `invocations` is the new
 * generation's map. */
int heritage_counters(const struct heritage *h, int invocations, uint64_t **ids,
		      struct wire_invocations **counters, size_t *n);

/* Removes a generation. */
int heritage_remove(const char *pin_dir, const struct heritage *h);

/* Removes directories of generations that were begun and never became any. */
void heritage_remove_stray(const char *pin_dir);

#endif
