/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The containers that really run on this node: starts and removes them with either runtime, and talks
 * to their proxies, all from one epoll loop. Knows nothing of pools or calls: node_events tells the
 * owner what happened.
 */
#ifndef FAASMAT_RIG_NODE_H
#define FAASMAT_RIG_NODE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "vmtest/rig/runtime_crun.h"

/* Something that epoll watches: `ready` is called with the events. */
struct event_source {
	void (*ready)(struct event_source *source, uint32_t events);
	int fd; /* -1: not watched */
};

#define INSTANCE_ID_BYTES 256
#define INSTANCE_BUFFER_BYTES 1024

enum instance_phase {
	INSTANCE_STARTING, /* the proxy does not listen yet */
	INSTANCE_RUNNING,
	INSTANCE_ENDING, /* killed or dead, its cgroup not yet gone */
};

/* One container. */
struct instance {
	struct node *node;
	void *owner;
	uint32_t number; /* as node_start() was given */
	char id[INSTANCE_ID_BYTES];
	char cgroup[PATH_MAX];
	enum instance_phase phase;
	bool dead; /* its process has ended */
	bool told; /* the owner knows that it died */
	uint32_t port;
	struct event_source process;	/* pidfd of the proxy */
	struct event_source helper;	/* pidfd of crun */
	struct event_source connection; /* at most one request at a time */
	bool helper_is_delete;
	bool awaiting;			 /* a request is unanswered */
	int64_t sent, inits;		 /* requests handed to the kernel: /run, /init */
	char out[INSTANCE_BUFFER_BYTES]; /* what of a request the socket has not taken yet */
	uint32_t out_len, in_len;
	char in[INSTANCE_BUFFER_BYTES];
	struct instance *next_of_number, *next_free;
};

struct node_events {
	/* The proxy listens. */
	void (*ready)(void *arg, struct instance *i);
	/* The request that was sent is answered. */
	void (*response)(void *arg, struct instance *i, int status);
	/* It failed to start, died, or broke the connection with or without a request unanswered;
	 * node_remove() has still to be called. */
	void (*died)(void *arg, struct instance *i);
	/* Process and cgroup are gone; the instance is freed after this. */
	void (*gone)(void *arg, struct instance *i);
};

enum runtime_kind { RUNTIME_CLONE, RUNTIME_CRUN, RUNTIME_BARE };

#define NODE_BUCKETS 1024

struct node {
	int epoll;
	int mount;   /* cgroup2 */
	int program; /* the proxy, in memory */
	int null;
	int log;    /* containers' stdout and stderr, or -1 */
	int notify; /* write end */
	struct event_source notified;
	enum runtime_kind kind;
	struct crun crun;
	char bare[PATH_MAX]; /* where that program is */
	bool fresh;	     /* a connection per request */
	const struct node_events *events;
	void *arg;
	int64_t n_instances;
	int64_t helpers; /* crun processes under way */
	struct instance *bucket[NODE_BUCKETS];
	struct instance *lingering; /* ended, cgroup still busy (via next_free) */
	struct instance *garbage;   /* freed at the end of node_wait() */
};

struct node_options {
	enum runtime_kind kind;
	const char *proxy;   /* path, or NULL: beside this program */
	const char *wrapper; /* run in the OCI runtime's place; NULL: none */
	int log;
	bool fresh;
};

/* Logs why it fails. node_close() kills whatever still runs; it is allowed after a failure. */
int node_open(struct node *n, const struct node_options *o, const struct node_events *events,
	      void *arg);
void node_close(struct node *n);

struct node_start {
	uint32_t number;
	const char *function;
	const char *parent; /* pool cgroup, from the cgroup2 mount */
	int64_t declared_bytes;
	int64_t cold_ns; /* start to first response */
	int64_t warm_ns;
	void *owner;
};

/* Writes the container's id, wsk0_<number>_guest_<function>, as OpenWhisk names its own. */
void node_instance_id(char out[INSTANCE_ID_BYTES], uint32_t number, const char *function);

/* Starts a container. NULL with *err (logged) when not even
 * its start could begin: nothing is left of it then. */
struct instance *node_start(struct node *n, const struct node_start *s, int *err);

/* Sends a request; `response` or `died` follows. */
void node_send_init(struct instance *i);
void node_send_run(struct instance *i, const char *body);

/* Kills it; `gone` follows. */
void node_remove(struct instance *i);

/* Watches a descriptor of the owner's, or changes for what. */
int node_watch(struct node *n, struct event_source *source, uint32_t events);
/* Ends that and closes the descriptor; source->fd is -1 then. */
void node_close_source(struct node *n, struct event_source *source);

/* Waits up to timeout_ns and handles what has happened. */
int node_wait(struct node *n, int64_t timeout_ns);

#endif
