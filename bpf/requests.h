/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a request is (an invocation, POST /init, one that is left out) and what becomes of it: the queue of a
 * connection's requests without a response. Included by http.bpf.c alone; unix.bpf.c calls its global
 * functions. Those the verifier looks at once, not once for every way that leads to them.
 */
#ifndef FAASMAT_BPF_REQUESTS_H
#define FAASMAT_BPF_REQUESTS_H

#include "bpf/connection.h"

/* Excluded paths and user agents; which lengths they have is in the settings. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct wire_word);
	__type(value, __u8);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} excluded_paths SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct wire_word);
	__type(value, __u8);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} excluded_agents SEC(".maps");

/* The word found, padded with zeros, as the maps have it. */
static __always_inline void read_word(struct wire_word *word, const struct http_stream *h,
				      __u32 name, __u32 bytes)
{
	for (__u32 i = 0; i < WIRE_WORD; i += 8) {
		__u64 w = word_at(h, name + i);

		if (bytes <= i)
			w = 0;
		else if (bytes < i + 8)
			w = FIRST(w, bytes - i);
		*(__u64 *)&word->text[i] = w;
	}
}

static __always_inline bool is_init(const struct http_stream *h, const struct http_finding *found)
{
	return found->is_post && found->bytes == 5 &&
	       FIRST(word_at(h, found->name), 5) == TEXT8('/', 'i', 'n', 'i', 't', 0, 0, 0);
}

/* Puts a request in the queue; false when the connection has ended. */
static __always_inline bool push_request(struct connection *c, __u8 kind, __u32 ack)
{
	__u64 waiting = c->waiting;

	if (!(__u32)waiting) {
		c->ack = ack;
		c->since_ns = bpf_ktime_get_ns();
	}
	if (c->pushed - c->popped < QUEUE)
		c->queue[c->pushed % QUEUE] = kind;
	c->pushed++;
	waiting = add(c->waiting, 1 + (kind & REQUEST_UNCOUNTED ? 0 : ONE_COUNTED));
	return !(waiting & CLOSED);
}

/* A request's head is complete. Without `is_made` the connection is still to be made, and counts
 * what it has when it is. */
static __always_inline void count_head(struct connection *connection,
				       const struct wire_config *config, __u8 kind, __u32 ack,
				       bool is_made)
{
	bool is_open = push_request(connection, kind, ack);
	struct wire_invocations *c = is_made ? counters_of(connection->cgroup) : NULL;

	if (!c)
		return;
	if (kind & REQUEST_UNCOUNTED) {
		add(*(kind & REQUEST_EXCLUDED ? &c->excluded : &c->inits), 1);
		return;
	}
	count_requests(c, 1, config->sweep);
	if (!is_open)
		count_aborted(c, 1, config->sweep);
}

/* A response has begun: closes the first of the waiting requests, which there is, and returns its kind. */
static __always_inline __u8 close_first(struct connection *c, const struct wire_config *config,
					__u32 status)
{
	struct wire_invocations *counts;
	__u64 now, since;
	__u8 kind = 0;

	if (c->pushed - c->popped <= QUEUE)
		kind = c->queue[c->popped % QUEUE];
	c->popped++;
	c->clean = (__u32)c->waiting == 1 ? (c->clean < 2 ? c->clean + 1 : 2) : 0;
	now = bpf_ktime_get_ns();
	since = c->since_ns;
	/* A container serves pipelined requests one after another. */
	c->since_ns = now;
	add(c->waiting, -(1 + (kind & REQUEST_UNCOUNTED ? 0 : ONE_COUNTED)));
	if (kind & REQUEST_UNCOUNTED)
		return kind;
	counts = counters_of(c->cgroup);
	if (!counts)
		return kind;
	count_response(counts, since, now, status >= 500, config->sweep);
	if (c->in.flags & HTTP_JOINING && (__u32)c->waiting) {
		__u64 rest = c->waiting;

		/* See request_found(): what was not alone was a body's. */
		c->popped = c->pushed;
		add(c->waiting, -rest);
		count_aborted(counts, rest >> 32, config->sweep);
	}
	return kind;
}

__noinline int answer(struct connection *c, __u32 status)
{
	struct wire_config *config = read_settings();

	if (!c || !config || !(__u32)c->waiting)
		return 0;
	return close_first(c, config, status);
}

/* Up to n requests, or responses, more or fewer than counted. */
__noinline int count_unsettled(struct connection *c, __u32 n, __u32 is_response)
{
	struct wire_invocations *counts = c ? counters_of(c->cgroup) : NULL;

	if (!counts)
		return 0;
	add(*(is_response ? &counts->unsettled_responses : &counts->unsettled), n);
	if (c->is_joined && !is_response)
		add(counts->unsettled_joined, n);
	return 0;
}

static __always_inline int is_listed(void *words, const struct http_stream *h, __u32 name,
				     __u32 bytes)
{
	struct wire_word word;

	if (!h || bytes >= WIRE_WORD)
		return 0;
	read_word(&word, h, name, bytes);
	return bpf_map_lookup_elem(words, &word) != NULL;
}

__noinline int is_excluded_path(const struct http_stream *h, __u32 name, __u32 bytes)
{
	return is_listed(&excluded_paths, h, name, bytes);
}

__noinline int is_excluded_agent(const struct http_stream *h, __u32 name, __u32 bytes)
{
	return is_listed(&excluded_agents, h, name, bytes);
}

/* Most words are as long as none that is excluded. */
static __always_inline bool has_length(__u64 lengths, __u32 bytes)
{
	return bytes < WIRE_WORD && lengths >> bytes & 1;
}

static __always_inline __u8 kind_by_path(const struct wire_config *config,
					 const struct http_stream *h,
					 const struct http_finding *found)
{
	__u8 kind = found->is_head ? REQUEST_HEAD : 0;

	if (config->counts_inits && is_init(h, found))
		kind |= REQUEST_INIT;
	if (has_length(config->path_lengths, found->bytes) &&
	    is_excluded_path(h, found->name, found->bytes))
		kind |= REQUEST_EXCLUDED;
	return kind;
}

static __always_inline __u8 kind_by_agent(const struct wire_config *config,
					  const struct http_stream *h,
					  const struct http_finding *found)
{
	return has_length(config->agent_lengths, found->agent_bytes) &&
			       is_excluded_agent(h, found->agent, found->agent_bytes)
		       ? REQUEST_EXCLUDED
		       : 0;
}

__noinline int request_found(struct connection *c, const struct http_finding *found, __u32 ack,
			     __u32 is_made)
{
	struct wire_config *config = read_settings();
	struct http_stream *h;

	if (!c || !found || !config)
		return 0;
	h = &c->in;
	switch (found->found) {
	case HTTP_PATH:
		h->kind = kind_by_path(config, h, found);
		break;
	case HTTP_AGENT:
		h->kind |= kind_by_agent(config, h, found);
		break;
	case HTTP_HEAD:
		if (c->hop == HOP_SECOND)
			h->kind |= REQUEST_EXCLUDED;
		/* Of a connection that was there before us we may be inside a body that holds heads.
		 * Nobody answers those; two requests answered one by one are no body's. */
		if (h->flags & HTTP_JOINING && c->clean < 2)
			count_unsettled(c, 1, false);
		else
			h->flags &= ~HTTP_OF_CONNECTION;
		count_head(c, config, h->kind, ack, is_made);
		break;
	case HTTP_PREFACE:
		/* Not a connection's beginning: a body's bytes, or nothing that a server takes. */
		if (!(config->classes & WIRE_HTTP2) || c->pushed)
			h->phase = HTTP_OPAQUE;
		else
			h->phase = h->flags & HTTP_JOINING ? HTTP_UNKNOWN : HTTP_H2;
		break;
	}
	return 0;
}

__noinline int response_found(struct connection *c)
{
	struct http_stream *h;
	__u32 kind;

	if (!c)
		return 0;
	h = &c->out;
	/* "100 Continue" and its kind promise a response and are none. */
	if (h->status < 200 && h->status != 101) {
		h->phase = HTTP_START;
		return 0;
	}
	if (h->flags & HTTP_SKIPPED)
		count_unsettled(c, 1, true);
	/* Should something else come where a response is due, the next segment may begin one. */
	h->flags = (h->flags & ~HTTP_SKIPPED) | HTTP_JOINING;
	kind = answer(c, h->status);
	if (h->status == 101) {
		h->phase = c->in.phase = HTTP_OPAQUE;
	} else if (kind & REQUEST_HEAD || h->status == 204 || h->status == 304) {
		h->phase = HTTP_START;
	} else if (!(h->flags & (HTTP_CHUNKED | HTTP_HAS_LENGTH))) {
		h->phase = HTTP_OPAQUE; /* until the connection is closed */
	}
	return 0;
}

#endif
