/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The structs that the BPF programs and the collector share. Fixed-size fields only, so that a map
 * pinned by one build can be read by the next; any change of a struct or a map raises WIRE_VERSION.
 */
#ifndef FAASMAT_BPF_WIRE_H
#define FAASMAT_BPF_WIRE_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define WIRE_VERSION 1

/* Longest name of one cgroup directory, with NUL (NAME_MAX + 1). */
#define WIRE_NAME_SIZE 256

/* What the maps belong to; written once, before the programs are attached. */
struct wire_config {
	__u64 epoch;	  /* random, made with the maps: counters of another epoch are others */
	__u64 root;	  /* cgroup id of the ancestor whose descendants are watched */
	__u32 root_level; /* its depth; the mount's root has 0 */
	__u32 version;	  /* WIRE_VERSION */
	__u32 sweep;	  /* number of the pass over all cgroups that runs or ran last */
	__u32 reserved;
};

/* Per cgroup that owns listening sockets, since it was made. Never goes backwards. */
struct wire_invocations {
	__u64 requests;		 /* request heads received, POST /init not among them */
	__u64 inits;		 /* POST /init */
	__u64 responses;	 /* responses begun, to requests */
	__u64 busy_ns;		 /* sum of request received -> response begun, of those */
	__u64 first_response_ns; /* CLOCK_MONOTONIC of the first of those; 0 none yet */
};

/* Per cgroup below the root: who it is. Written when it is made, read once. */
struct wire_cgroup {
	__u64 parent; /* cgroup id */
	__u32 level;
	__u32 reserved;
	char name[WIRE_NAME_SIZE]; /* of its directory; what a container chose, so hostile */
};

/* Order of the events in memory.events. */
enum wire_event {
	WIRE_LOW,
	WIRE_HIGH,
	WIRE_MAX,
	WIRE_OOM,
	WIRE_OOM_KILL,
	WIRE_OOM_GROUP_KILL,
	WIRE_EVENTS,
};

/* Per cgroup below the root and the root itself: how it is. Bytes; a limit of "max" is
 * WIRE_NO_LIMIT or more. All zero where the memory controller is not on cgroup v2. */
#define WIRE_NO_LIMIT (1ULL << 62)
struct wire_usage {
	__u64 bytes;
	__u64 peak;
	__u64 limit;
	__u64 low;
	__u64 events[WIRE_EVENTS]; /* memory.events: with descendants */
	__u64 local[WIRE_EVENTS];  /* memory.events.local */
	__u64 made_ns;		   /* CLOCK_MONOTONIC; 0: it was there before us */
	__u64 removed_ns;	   /* 0: it is still there */
	__u32 has_processes;	   /* of its own, not of its descendants */
	__u32 seen;		   /* the sweep that wrote this last */
};

/* One OOM kill, by ring buffer. */
struct wire_victim {
	__u64 time_ns;	  /* CLOCK_MONOTONIC */
	__u64 cgroup;	  /* the victim's */
	__u64 oom_cgroup; /* whose limit was hit; 0: the machine's memory */
	__u32 pid;
	char comm[16];
};

/* What was lost, in the array map `lost`. */
enum wire_lost {
	WIRE_LOST_CGROUP,     /* a cgroup found its map full */
	WIRE_LOST_INVOCATION, /* a request of a cgroup that found the map full */
	WIRE_LOST_VICTIM,
	WIRE_LOST_KINDS,
};

#endif
