/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libfaasmat: what starts containers asks faasmat where to put them. One header, one object, libc
 * only. The protocol behind it is docs/admission.md.
 *
 *	cc invoker.c /usr/lib/libfaasmat.o		from C or C++
 *	cc -shared -o libfaasmat.so libfaasmat.o	for languages that load a library (ctypes, cffi, JNA)
 *
 * Placement fails open: whatever a call here returns, start the container; without an answer, where
 * you would have started it without faasmat.
 *
 * Functions return 0 (or a descriptor) or a negative errno, -ETIMEDOUT when faasmat took too long,
 * and never block longer than timeout_ms (0 or less: not at all; there is no "for ever"). A late answer to
 * a question that timed out is passed over by the next one. After -ECONNRESET or -EPIPE the governor has
 * ended the connection: it ended itself, this process may not ask, or it did not read its notices; close
 * and connect again. No globals, no signals; a descriptor may be used by one thread at a time.
 *
 * Texts are bytes that end in NUL, UTF-8 where they go to or come from the governor. One that would not
 * fit into its array is empty, never cut. Structs have the C compiler's usual layout, and bool is one byte.
 * New members only come at the ends of structs that callers fill, so fill them from zero.
 */
#ifndef FAASMAT_H
#define FAASMAT_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FAASMAT_SOCKET "/run/faasmat/govern.sock"

/* A connection to the governor, close-on-exec; close() ends it, and no reservation with it. `socket` NULL:
 * FAASMAT_SOCKET. -EAGAIN when too many wait already, -ECONNREFUSED or -ENOENT when no governor runs,
 * -EACCES for who may not. */
int faasmat_connect(const char *socket);

struct faasmat_reservation {
	const char *id;	      /* name of the cgroup that the container will have, 1 to 255 bytes */
	const char *function; /* NULL: not known, goes to main */
	int64_t bytes;	      /* that it may take; 0: what the plan reckons with */
	/* The reservation ends when this process does, unless the container's cgroup is there by then;
	 * and when that cgroup has no process any more. For those who start a container and go. */
	bool leased;
	bool anyway; /* it is started whatever the answer is: main takes it where nothing is admitted */
	/* The pool in which it runs already ("main", "pool-f"), to tell a governor that was started again; it is
	 * recorded whatever is admitted. NULL: it is about to start. */
	const char *existing;
};

struct faasmat_answer {
	bool ok;
	bool spill;	   /* main instead of the function's pool, which is full */
	char pool[256];	   /* where it belongs, also when there is no room */
	char cgroup[1024]; /* make the container's cgroup below this one; relative to the mount */
	char reason[256];  /* why not */
};

/*
 * Where the container goes. 0 also when there is no room: look at ret->ok. What was asked is counted from then
 * on, and the same id and function again get the same answer and count once. -E2BIG: id and function together
 * have more than about 4000 bytes.
 */
int faasmat_reserve(int fd, const struct faasmat_reservation *r, int timeout_ms,
		    struct faasmat_answer *ret);
/* The container's cgroup is gone. -ENOENT: there was no such reservation. */
int faasmat_release(int fd, const char *id, int timeout_ms);

/* One line of the admission table. Line 0 is main. */
struct faasmat_pool {
	char pool[256];
	char function[256]; /* "": main, or not known yet */
	char cgroup[1024];  /* empty in a change notice */
	int64_t admitted_bytes, used_bytes;
	int64_t admitted_containers; /* -1: not counted */
	int64_t used_containers;
	uint32_t planned; /* the function's containers go here now (not in a notice) */
	uint32_t unused;  /* 0 */
};

/* Calls fn for every line, as the governor knows it now; the line is fn's until it returns. */
int faasmat_table(int fd, int timeout_ms, void (*fn)(void *arg, const struct faasmat_pool *p),
		  void *arg);

/*
 * Change notices: use a connection of its own for them. A notice comes for every pool at first, then for each
 * that changed or uses more than is admitted: evict idle containers of that pool then, the least recently used
 * first. From an event loop: poll() the descriptor for POLLIN, then faasmat_next_change() with timeout 0
 * until -ETIMEDOUT.
 */
int faasmat_subscribe(int fd, int timeout_ms);
int faasmat_next_change(int fd, int timeout_ms, struct faasmat_pool *ret);

/*
 * The table as the governor last published it, in a file beside the socket (SOCKET.table): readable
 * when the governor is dead or busy. -ENOENT: there is none, -EPERM: someone else could have written
 * it, -EPROTO: another version's, -EBUSY: a governor died while it wrote.
 */
int faasmat_published(const char *socket, void (*fn)(void *arg, const struct faasmat_pool *p),
		      void *arg);

/* Layout of that file: the header, then `count` struct faasmat_pool. `sequence` is odd while it is
 * written; a reader takes only what it finds under the same even one before and after. */
#define FAASMAT_TABLE_SUFFIX ".table"
#define FAASMAT_TABLE_MAGIC "faasmat"
#define FAASMAT_TABLE_VERSION 1
#define FAASMAT_TABLE_MAX 1040
struct faasmat_table_header {
	char magic[8];
	uint32_t version;
	uint32_t entry_bytes; /* sizeof(struct faasmat_pool) */
	uint64_t sequence;
	uint32_t count;
	uint32_t governor; /* process id, to tell people */
};

#ifdef __cplusplus
}
#endif
#endif
