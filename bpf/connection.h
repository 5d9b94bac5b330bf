/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known of one TCP connection of a container: lives and dies with its socket. */
#ifndef FAASMAT_BPF_CONNECTION_H
#define FAASMAT_BPF_CONNECTION_H

#include "bpf/invocation.h"
#include "bpf/http1.h"
#include "bpf/http2.h"
#include "bpf/pieces.h"

/* One bit a TCP port: which local ports serve invocations. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536 / 64);
	__type(key, __u32);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} ports __weak SEC(".maps");

enum request_kind {
	REQUEST_INIT = 1 << 0,
	REQUEST_EXCLUDED = 1 << 1,
	REQUEST_HEAD = 1 << 2, /* the method HEAD: its response has a length and no body */
};
#define REQUEST_UNCOUNTED (REQUEST_INIT | REQUEST_EXCLUDED)

enum hop {
	HOP_UNKNOWN,
	HOP_FIRST,
	HOP_SECOND,
};

/* Requests without a response, in order; of a deeper queue the kinds are not kept. */
#define QUEUE 32

/* `waiting`: how many requests have no response, and 2^32 times how many of those are counted. */
#define ONE_COUNTED (1ULL << 32)
/* Added at the end of the connection: what still comes meets a closed door. */
#define CLOSED (1ULL << 31)

/* Of more that find the lock taken at once, and do not follow one another, it is not known where they begin. */
#define LEFT 4
#define LEFT_ANY (1ULL << 32)

struct connection {
	struct http_stream in, out;
	__u64 waiting;	/* changed by atomic operations only: both directions write it */
	__u64 since_ns; /* when the first of the waiting requests began to be served */
	__u64 cgroup;	/* id of who serves */
	__u32 lock;	/* segments of one connection may come on two processors at once */
	__u32 ack;	/* of the first waiting request: its response begins there */
	__u32 early_by; /* 1 + the processor that is to count its first data, which met the listener; 0: none */
	__u32 kept_end;	 /* behind the last segment that came too early and is kept */
	__u16 kept;	 /* how many are */
	__u8 hop;	 /* enum hop */
	__u8 is_counted; /* class connect: a connection that is an invocation */
	__u8 clean;	 /* requests in a row that were alone when they were answered */
	__u8 is_joined;	 /* it was there before the programs */
	/* Segments found the lock taken, and lie among the pieces: LEFT_ANY and where the last of them ends. */
	__u64 left_end;
	/* Where they begin: 2^32 times the bytes that follow one another, and the first one's sequence number. */
	__u64 left[LEFT];
	__u32 pushed, popped;
	__u8 queue[QUEUE]; /* enum request_kind of the waiting ones */
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct connection);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} connections __weak SEC(".maps");

/* A connection before its socket has it. The socket gets it whole: a segment on another processor may
 * find it the moment it is there. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct connection);
} new_connection __weak SEC(".maps");

static __always_inline struct connection *begin_connection(__u64 cgroup, __u32 rcv_nxt,
							   __u32 snd_nxt)
{
	__u32 zero = 0;
	struct connection *c = bpf_map_lookup_elem(&new_connection, &zero);

	if (!c)
		return NULL;
	__builtin_memset(c, 0, sizeof(*c));
	c->cgroup = cgroup;
	c->in.next_seq = rcv_nxt;
	c->out.next_seq = snd_nxt;
	return c;
}

static __always_inline bool try_lock(struct connection *c)
{
	return __sync_val_compare_and_swap(&c->lock, 0, 1) == 0;
}

static __always_inline void unlock(struct connection *c)
{
	barrier();
	*(volatile __u32 *)&c->lock = 0;
}

/* The socket's connection: `c`, or the one that somebody faster has made, who counts then. */
static __always_inline struct connection *make_connection(void *sk, struct connection *c)
{
	struct connection *made = bpf_sk_storage_get(&connections, sk, c,
						     BPF_SK_STORAGE_GET_F_CREATE);

	/* Of two that give a socket its first storage at once, one fails, whatever the other one's is. */
	return made ?: bpf_sk_storage_get(&connections, sk, c, BPF_SK_STORAGE_GET_F_CREATE);
}

/*
 * Of a connection that speaks HTTP/2, beside: the streams that are open. A stream's place is one of a
 * few that its number names; where all are taken its times are not known.
 */
#define H2_STREAMS 128 /* a power of two */
#define H2_PLACES 4
#define H2_ANSWERED (1U << 31)
struct h2_slot {
	__u64 since_ns; /* request received */
	__u32 stream; /* 0: free; | H2_ANSWERED. Changed by compare and exchange: both directions do */
	__u32 padding;
};

struct h2_connection {
	struct h2_reader in, out;
	__u32 untracked; /* open streams that have no place */
	__u32 padding;
	struct h2_slot slots[H2_STREAMS];
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct h2_connection);
} h2_connections __weak SEC(".maps");

#define RAISE_TRIES 4

/* Keeps the furthest. */
static __always_inline void raise_left_end(struct connection *c, __u32 end)
{
	__u64 old = c->left_end, seen;

#pragma unroll
	for (__u32 i = 0; i < RAISE_TRIES; i++) {
		if (old && (__s32)(end - (__u32)old) <= 0)
			return;
		seen = __sync_val_compare_and_swap(&c->left_end, old, LEFT_ANY | end);
		if (seen == old)
			return;
		old = seen;
	}
	/* So many others at once: better too early an end than none. */
	*(volatile __u64 *)&c->left_end = LEFT_ANY | end;
}

/* Without the lock: pieces of these bytes lie there, for the next that has it to take. */
static __always_inline void say_left(struct connection *c, __u32 seq, __u32 bytes)
{
	bool is_said = false;

#pragma unroll
	for (__u32 i = 0; i < LEFT; i++) {
		__u64 old = c->left[i], more = (__u64)bytes << 32;

		if (is_said || (old && (__u32)old + (__u32)(old >> 32) != seq))
			continue;
		is_said = __sync_val_compare_and_swap(&c->left[i], old,
						      old ? old + more : more | seq) == old;
	}
	raise_left_end(c, seq + bytes);
}

static __always_inline bool is_served(__u16 port)
{
	__u32 word = port / 64;
	__u64 *bits = bpf_map_lookup_elem(&ports, &word);

	return bits && (*bits >> (port % 64) & 1);
}

#endif
