/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the rig and the action proxy in each container agree on. */
#ifndef FAASMAT_RIG_PROXY_H
#define FAASMAT_RIG_PROXY_H

#include <stdint.h>

/*
 * What a container is charged beyond what its proxy touches on purpose: stack, page tables, sockets,
 * slab, and the kernel's own cgroup structures, which are charged to the parent (the pool). Measured
 * in the VM (README.md, "Memory"); a container touches its declared bytes less this, so that the sum
 * of a pool stays within containers x declared bytes.
 */
#define PROXY_OVERHEAD_BYTES (256 * 1024LL)

/*
 * argv of the proxy, all decimal:
 *   INDEX          which container this is, repeated in struct proxy_ready
 *   TOUCH_BYTES    memory that POST /init takes by touching it
 *   START_NS       CLOCK_MONOTONIC at which the rig began to start the container
 *   INIT_NS        POST /init answers no sooner than START_NS + INIT_NS
 *   WARM_NS        POST /run answers this long after the request came in
 *   NOTIFY_FD      one struct proxy_ready is written here once the port listens, then it is closed
 */
enum proxy_argument {
	PROXY_INDEX = 1,
	PROXY_TOUCH_BYTES,
	PROXY_START_NS,
	PROXY_INIT_NS,
	PROXY_WARM_NS,
	PROXY_NOTIFY_FD,
	PROXY_ARGUMENTS,
};

/* Small enough that concurrent writes to one pipe never mix. */
struct proxy_ready {
	uint32_t index;
	uint32_t port;
};

/* What an OpenWhisk invoker reads a container's log up to, on both streams. */
#define PROXY_SENTINEL "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n"

#endif
