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

#define WIRE_VERSION 4

/* Longest name of one cgroup directory, with NUL (NAME_MAX + 1). */
#define WIRE_NAME_SIZE 256

/* What one count is. */
enum wire_class {
	WIRE_HTTP1 = 1 << 0,   /* a request head of HTTP/1.0 or 1.1 on a TCP socket */
	WIRE_CONNECT = 1 << 1, /* an accepted TCP connection */
	WIRE_HTTP2 = 1 << 2, /* a new stream of HTTP/2 without TLS, after the connection preface */
	WIRE_EXEC = 1 << 3,  /* a program that the container's first process starts */
	WIRE_UNIX = 1 << 4,  /* a request head of HTTP/1.0 or 1.1 on a UNIX stream socket */
};

/* Requests over loopback that are a second hop of one that was counted already. */
enum wire_hops {
	WIRE_HOPS_SAME,	    /* leave out what comes from the receiver's own cgroup */
	WIRE_HOPS_LOOPBACK, /* leave out all that comes over loopback */
	WIRE_HOPS_COUNT,    /* leave out nothing */
};

/* Excluded paths and user agents: whole words of at most this many bytes, padded with zeros. */
#define WIRE_WORD 48
struct wire_word {
	char text[WIRE_WORD];
};

/* What the maps belong to; root and epoch are written once, before the programs are attached. */
struct wire_config {
	__u64 epoch;	     /* random, made with the maps: counters of another epoch are others */
	__u64 root;	     /* cgroup id of the ancestor whose descendants are watched */
	__u64 path_lengths;  /* bit n: a path of n bytes is excluded */
	__u64 agent_lengths; /* the same of user agents */
	__u32 root_level;    /* its depth; the mount's root has 0 */
	__u32 version;	     /* WIRE_VERSION */
	__u32 sweep;	     /* number of the pass over all cgroups that runs or ran last */
	__u32 classes;	     /* enum wire_class */
	__u32 hops;	     /* enum wire_hops */
	__u32 counts_inits;  /* POST /init is no invocation (OpenWhisk) */
};

/* Execution times: bucket b counts those of [2^b, 2^(b+1)) microseconds; 0 takes in what is less, the
 * last what is more. */
#define WIRE_BUCKETS 32

/* Per cgroup that serves, since it was made. Counters never go backwards. */
struct wire_invocations {
	__u64 requests;		 /* of any class, POST /init and what is excluded not among them */
	__u64 inits;		 /* POST /init */
	__u64 excluded;		 /* health checks, and second hops */
	__u64 responses;	 /* responses begun, to requests */
	__u64 responses_5xx;	 /* of those: status 5xx */
	__u64 aborted;		 /* requests whose connection ended without a response */
	__u64 busy_ns;		 /* sum of request received -> response begun, of responses */
	__u64 first_response_ns; /* CLOCK_MONOTONIC of the first of those; 0 none yet */
	__u64 unsettled;	 /* requests may be this many more or fewer */
	__u64 unsettled_responses; /* and responses this many */
	__u64 unsettled_joined;	   /* of `unsettled`: on connections that were there before us */
	__s64 open;		   /* requests without a response now */
	/* The most that were open at once in a sweep, the even and the odd ones. */
	struct {
		__u32 sweep;
		__u32 most;
	} peak[2];
	__u32 durations[WIRE_BUCKETS];
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

/*
 * What a pass over all cgroups has seen lies in two arrays that user space maps: `pass_ids` and
 * `pass_usage`, the same cgroup at the same place in both, in the order of the tree.
 */
struct wire_pass {
	__u64 changes; /* in the map `usage`: cgroups that got processes or were removed */
	__u32 sweep;   /* the pass that runs or ran last */
	__u32 next;    /* how many it has seen so far */
	__u32 n;       /* how many the last whole one saw */
	__u32 reserved;
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
