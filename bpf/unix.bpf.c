// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The class unix: HTTP/1.0 and 1.1 on UNIX stream sockets (Fn's functions listen on one). There are no
 * packets, so the bytes are read where the server has just received them: in its own buffer, in its own
 * context, which also tells whose container it is. The same parser and counters as for TCP.
 */
#include "bpf/cgroup.h"
#include "bpf/connection.h"
#include "bpf/stream.h"

#define PEEK 2	    /* MSG_PEEK */
#define STREAM 1    /* SOCK_STREAM */
#define MAX_PARTS 8 /* of one readv() or writev() */
#define MAX_STEPS (1 << 17)

struct unix_connection {
	struct connection c;
	__u32 received, sent; /* bytes so far: they stand for sequence numbers */
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct unix_connection);
} unix_connections SEC(".maps");

/* Of http.bpf.c. */
extern int request_found(struct connection *c, const struct http_finding *found, __u32 ack,
			 __u32 is_made);
extern int response_found(struct connection *c);
extern int count_unsettled(struct connection *c, __u32 n, __u32 is_response);

struct source {
	const char *bytes; /* in user memory */
	struct connection *connection;
	bool failed;
};

static __always_inline bool stream_load(struct stream_feed *f, void *to, __u32 offset, __u32 n)
{
	struct source *source = f->source;

	n--;
	asm volatile("" : "+r"(n));
	if (n >= HTTP_LOAD)
		return false;
	if (bpf_probe_read_user(to, n + 1, source->bytes + offset)) {
		source->failed = true;
		return false;
	}
	return true;
}

static __always_inline void stream_found(struct stream_feed *f, const struct http_finding *found)
{
	struct source *source = f->source;

	if (found->found == HTTP_PREFACE)
		f->h->phase = HTTP_OPAQUE;
	else if (!f->is_response)
		request_found(source->connection, found, 0, 1);
	else if (found->found == HTTP_HEAD)
		response_found(source->connection);
}

static long unix_step(__u32 i, void *feed)
{
	return feed_step(feed);
}

/* The part's bytes are out of reach: as many heads as have room in it. */
static __always_inline void lose_part(struct connection *c, struct http_stream *h, __u32 bytes,
				      bool is_response)
{
	count_unsettled(c, most_heads(bytes, HTTP_SHORTEST_HEAD), is_response);
	h->carry = 0;
	h->phase = HTTP_JOINED;
	h->flags = HTTP_JOINING | HTTP_SKIPPED;
}

static __always_inline void feed_part(struct connection *c, struct http_stream *h,
				      const char *bytes, __u32 n, __u32 seq, bool is_response)
{
	struct source source = { .bytes = bytes, .connection = c };
	struct stream_feed f = { .h = h,
				 .source = &source,
				 .bytes = n,
				 .pos = h->next_seq - seq,
				 .is_response = is_response,
				 .wants_agent = !is_response };

	if ((__s32)(seq + n - h->next_seq) <= 0 || h->phase == HTTP_OPAQUE)
		return;
	if (h->phase == HTTP_LOST) {
		if ((__u32)c->waiting) {
			h->next_seq = seq + n;
			return;
		}
		begin_message(h);
		h->carry = 0;
	}
	begin_feed(&f);
	if (bpf_loop(MAX_STEPS, unix_step, &f, 0) == MAX_STEPS)
		h->phase = HTTP_OPAQUE;
	if (source.failed)
		lose_part(c, h, n, is_response);
	end_feed(&f, seq, false);
}

/* Global: verified once. */
__noinline int unix_received_part(struct unix_connection *u, __u64 bytes, __u32 n)
{
	if (!u)
		return 0;
	feed_part(&u->c, &u->c.in, (const char *)bytes, n, u->received, false);
	u->received += n;
	return 0;
}

__noinline int unix_sent_part(struct unix_connection *u, __u64 bytes, __u32 n)
{
	if (!u)
		return 0;
	feed_part(&u->c, &u->c.out, (const char *)bytes, n, u->sent, true);
	u->sent += n;
	return 0;
}

/* struct iov_iter has changed its fields' names (6.0, 6.4). */
struct iov_iter___ubuf {
	void *ubuf;
} __attribute__((preserve_access_index));
struct iov_iter___old {
	const struct iovec *iov;
} __attribute__((preserve_access_index));
struct iov_iter___new {
	const struct iovec *__iov;
} __attribute__((preserve_access_index));

struct parts {
	struct unix_connection *u;
	const struct iovec *iov;
	__u64 offset; /* in *iov */
	__u32 rest;
	bool is_response;
};

static __always_inline void take_part(struct parts *p, __u64 bytes, __u32 n)
{
	if (p->is_response)
		unix_sent_part(p->u, bytes, n);
	else
		unix_received_part(p->u, bytes, n);
}

/* Goes back from where the iterator stands to where the call began. */
static __always_inline bool find_begin(struct parts *p)
{
	__u64 rest = p->rest;
	const struct iovec *iov;

#pragma unroll
	for (int i = 0; i < MAX_PARTS; i++) {
		if (rest <= p->offset) {
			p->offset -= rest;
			return true;
		}
		rest -= p->offset;
		iov = --p->iov;
		p->offset = BPF_CORE_READ(iov, iov_len);
	}
	return false;
}

static long next_part(__u32 i, void *arg)
{
	struct parts *p = arg;
	struct iovec iov = {};
	__u64 n;

	if (!p->rest || bpf_probe_read_kernel(&iov, sizeof(iov), p->iov))
		return 1;
	n = iov.iov_len - p->offset;
	if (n > p->rest)
		n = p->rest;
	if (n)
		take_part(p, (__u64)iov.iov_base + p->offset, n);
	p->rest -= n;
	p->iov++;
	p->offset = 0;
	return 0;
}

/* The `bytes` bytes before the iterator's place, wherever they lie. */
static __always_inline void take_parts(struct parts *p, struct msghdr *msg)
{
	struct iov_iter *iter = &msg->msg_iter;
	__u32 type = BPF_CORE_READ(iter, iter_type);
	struct iov_iter___ubuf *one = (void *)iter;
	struct iov_iter___old *old = (void *)iter;
	struct iov_iter___new *new = (void *)iter;
	struct http_stream *h;

	p->offset = BPF_CORE_READ(iter, iov_offset);
	if (bpf_core_enum_value_exists(enum iter_type, ITER_UBUF) &&
	    type == bpf_core_enum_value(enum iter_type, ITER_UBUF)) {
		take_part(p, (__u64)BPF_CORE_READ(one, ubuf) + p->offset - p->rest, p->rest);
		return;
	}
	if (bpf_core_field_exists(new->__iov))
		p->iov = BPF_CORE_READ(new, __iov);
	else
		p->iov = BPF_CORE_READ(old, iov);
	if (type == bpf_core_enum_value(enum iter_type, ITER_IOVEC) && find_begin(p))
		bpf_loop(MAX_PARTS, next_part, p, 0);
	if (!p->rest)
		return;
	/* Not from a buffer of the process, or from too many. */
	h = p->is_response ? &p->u->c.out : &p->u->c.in;
	lose_part(&p->u->c, h, p->rest, p->is_response);
}

/* The current process's cgroup, when it is watched. */
static __always_inline struct cgroup *current_cgroup(void)
{
	struct task_struct *p = (void *)bpf_get_current_task();
	struct cgroup *cgrp = BPF_CORE_READ(p, cgroups, dfl_cgrp);

	return cgrp && is_watched(cgrp, BPF_CORE_READ(cgrp, level)) ? cgrp : NULL;
}

/* The client's socket was made by the client, so it knows its cgroup; the server's, too, by the client. */
static __always_inline void settle_hop(struct connection *c, struct sock *sk, struct cgroup *cgrp)
{
	struct wire_config *config = read_settings();
	struct sock *peer = BPF_CORE_READ((struct unix_sock *)sk, peer);
	bool is_own = peer && BPF_CORE_READ(peer, sk_cgrp_data.cgroup) == cgrp;

	c->hop = config && config->hops != WIRE_HOPS_COUNT && is_own ? HOP_SECOND : HOP_FIRST;
}

SEC("fexit/unix_accept")
int BPF_PROG(unix_accepted, struct socket *sock, struct socket *made)
{
	struct cgroup *cgrp = current_cgroup();
	struct unix_connection *u;
	struct sock *sk = made->sk;

	if (!cgrp || !sk || sk->sk_type != STREAM)
		return 0;
	u = bpf_sk_storage_get(&unix_connections, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (u)
		u->c.cgroup = cgroup_id(cgrp);
	return 0;
}

/* A connection that was there before the programs: a head may begin with any part. */
static __always_inline struct unix_connection *join(struct sock *sk, struct cgroup *cgrp)
{
	struct unix_connection *u;

	u = bpf_sk_storage_get(&unix_connections, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!u)
		return NULL;
	u->c.cgroup = cgroup_id(cgrp);
	u->c.in.phase = u->c.out.phase = HTTP_JOINED;
	return u;
}

SEC("fexit/unix_stream_recvmsg")
int BPF_PROG(unix_received, struct socket *sock, struct msghdr *msg, size_t size, int flags,
	     int ret)
{
	struct cgroup *cgrp;
	struct unix_connection *u;
	struct parts p = {};
	struct sock *sk = sock->sk;

	if (ret <= 0 || flags & PEEK || !sk || sk->sk_type != STREAM)
		return 0;
	u = bpf_sk_storage_get(&unix_connections, sk, NULL, 0);
	if (u && u->c.in.phase == HTTP_OPAQUE)
		return 0;
	cgrp = current_cgroup();
	if (!cgrp)
		return 0;
	if (!u)
		u = join(sk, cgrp);
	if (!u)
		return 0;
	/* Two threads that read one connection at once: in which order, nobody knows. */
	if (!try_lock(&u->c)) {
		lose_part(&u->c, &u->c.in, ret, false);
		return 0;
	}
	if (u->c.hop == HOP_UNKNOWN)
		settle_hop(&u->c, sk, cgrp);
	p.u = u;
	p.rest = ret;
	take_parts(&p, msg);
	unlock(&u->c);
	return 0;
}

SEC("fexit/unix_stream_sendmsg")
int BPF_PROG(unix_sent, struct socket *sock, struct msghdr *msg, size_t size, int ret)
{
	struct unix_connection *u;
	struct parts p = {};
	struct sock *sk = sock->sk;

	if (ret <= 0 || !sk)
		return 0;
	u = bpf_sk_storage_get(&unix_connections, sk, NULL, 0);
	/* Only who was sent requests answers. */
	if (!u || u->c.out.phase == HTTP_OPAQUE || !u->c.pushed)
		return 0;
	p.u = u;
	p.rest = ret;
	p.is_response = true;
	take_parts(&p, msg);
	return 0;
}

SEC("fentry/unix_release")
int BPF_PROG(unix_closed, struct socket *sock)
{
	struct wire_config *config = read_settings();
	struct wire_invocations *counts;
	struct unix_connection *u;
	struct sock *sk = sock->sk;
	__u32 open;

	u = sk ? bpf_sk_storage_get(&unix_connections, sk, NULL, 0) : NULL;
	if (!u || !config)
		return 0;
	open = add(u->c.waiting, CLOSED) >> 32;
	counts = open ? counters_of(u->c.cgroup) : NULL;
	if (counts)
		count_aborted(counts, open, config->sweep);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
