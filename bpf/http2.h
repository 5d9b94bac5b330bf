/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HTTP/2 (RFC 9113) as a stream of frames, cut anywhere: which open a stream, which begin a response,
 * which end it. Pure, as bpf/http1.h is, and written for the BPF verifier.
 *
 * A reader gathers the bytes that decide about a frame (its header; of a response's HEADERS frame the
 * first fields, too) and passes over the rest unseen. Header blocks are compressed (HPACK, RFC 7541)
 * with a table that both ends build up; it is not kept here. The status comes first in a block, so it
 * is told where it stands there itself: as an entry of the static table or as a literal, Huffman-coded
 * or not. Where it is an entry of the dynamic table, it is unknown (0).
 */
#ifndef FAASMAT_BPF_HTTP2_H
#define FAASMAT_BPF_HTTP2_H

#include "bpf/http1.h"

#define H2_PREFACE 24
#define H2_HEADER 9
/* Pad length, priority, two changes of the table's size, and the status. */
#define H2_FIELDS 22
#define H2_LOOK (H2_HEADER + H2_FIELDS)
#define H2_ROOM 64 /* twice a power of two above that: a mask bounds both a place and a length */

enum h2_type {
	H2_DATA = 0,
	H2_HEADERS = 1,
	H2_RST_STREAM = 3,
	H2_SETTINGS = 4,
	H2_PUSH_PROMISE = 5,
	H2_CONTINUATION = 9,
};

enum h2_frame_flags {
	H2_END_STREAM = 0x01,
	H2_ACK = 0x01, /* of SETTINGS */
	H2_END_HEADERS = 0x04,
	H2_PADDED = 0x08,
	H2_PRIORITY = 0x20,
};

enum h2_state {
	H2_BEGUN = 1 << 0,    /* SETTINGS have come, as they must first */
	H2_IN_BLOCK = 1 << 1, /* a header block goes on in CONTINUATION frames */
	H2_BROKEN = 1 << 2,   /* not HTTP/2 any more: the other end will close the connection */
};

/* One direction of a connection. */
struct h2_reader {
	__u32 left; /* bytes of the frame to pass over before the next one begins */
	__u32 last; /* requests: the highest stream that was opened */
	__u8 have;  /* bytes gathered */
	__u8 state; /* enum h2_state */
	__u8 padding[6];
	__u8 bytes[H2_ROOM];
};

enum h2_found {
	H2_NOTHING,
	H2_REQUEST,  /* a new stream of the client's */
	H2_RESPONSE, /* a HEADERS frame from the server, and of which status */
	H2_END,	     /* DATA that ends a stream, from the server */
	H2_RESET,    /* a stream is given up */
};
struct h2_finding {
	__u32 found;
	__u32 stream;
	__u16 status; /* of H2_RESPONSE: 0 unknown; 100 for any 1xx */
	__u8 is_last; /* of H2_RESPONSE: it ends the stream */
	__u8 padding;
};

static __always_inline __u32 h2_byte(const struct h2_reader *r, __u32 at)
{
	at &= H2_ROOM / 2 - 1;
#ifdef __bpf__
	asm volatile("" : "+r"(at));
#endif
	return r->bytes[at];
}

/* The payload's length, as the header says. */
static __always_inline __u32 h2_length(const struct h2_reader *r)
{
	return (__u32)r->bytes[0] << 16 | (__u32)r->bytes[1] << 8 | r->bytes[2];
}

static __always_inline __u32 h2_stream(const struct h2_reader *r)
{
	return (__u32)(r->bytes[5] & 0x7f) << 24 | (__u32)r->bytes[6] << 16 |
	       (__u32)r->bytes[7] << 8 | r->bytes[8];
}

/* How many bytes decide about the frame that has begun. */
static __always_inline __u32 h2_wanted(const struct h2_reader *r, int is_response)
{
	__u32 length;

	if (r->have < H2_HEADER || !is_response || r->bytes[3] != H2_HEADERS)
		return H2_HEADER;
	length = h2_length(r);
	return H2_HEADER + (length < H2_FIELDS ? length : H2_FIELDS);
}

/* A status of three digits that begins at `at`, as a literal; 0 when it is not one. The Huffman codes
 * are those of RFC 7541, appendix B: "1" is 00001, "2" 00010, "3" 011001, "4" 011010, "5" 011011. */
static __always_inline __u32 h2_literal_status(const struct h2_reader *r, __u32 at)
{
	__u32 length = h2_byte(r, at), first = h2_byte(r, at + 1);

	if (length == 3)
		return first >= '1' && first <= '5' ? (first - '0') * 100 : 0;
	if ((length & 0x80) == 0 || (length & 0x7f) > 3)
		return 0;
	if (first >> 3 == 1 || first >> 3 == 2)
		return (first >> 3) * 100;
	return first >> 2 >= 0x19 && first >> 2 <= 0x1b ? ((first >> 2) - 0x16) * 100 : 0;
}

/* The status in hundreds; 0 when the block does not say it itself. */
static __always_inline __u32 h2_status(const struct h2_reader *r)
{
	__u32 at = H2_HEADER, end = r->have, in_number = 0, c;

	if (r->bytes[4] & H2_PADDED)
		at += 1;
	if (r->bytes[4] & H2_PRIORITY)
		at += 5;
	/* Changes of the table's size: each a number of 5 bits, or all set and more bytes. */
	for (int i = 0; i < 12 && at < end; i++, at++) {
		c = h2_byte(r, at);
		if (in_number)
			in_number = c & 0x80;
		else if (c >> 5 == 1)
			in_number = (c & 0x1f) == 0x1f;
		else
			break;
	}
	if (at >= end)
		return 0;
	c = h2_byte(r, at);
	/* Static table, 8 to 14: 200, 204, 206, 304, 400, 404, 500. */
	if (c >= 0x88 && c <= 0x8e)
		return c <= 0x8a ? 200 : c == 0x8b ? 300 : c == 0x8e ? 500 : 400;
	/* A literal whose name is one of those entries': kept in the table, not kept, never kept. */
	if (at + 2 < end &&
	    ((c >= 0x48 && c <= 0x4e) || (c >= 0x08 && c <= 0x0e) || (c >= 0x18 && c <= 0x1e)))
		return h2_literal_status(r, at + 1);
	return 0;
}

static __always_inline void h2_client_frame(struct h2_reader *r, __u32 type, __u32 stream,
					    struct h2_finding *f)
{
	if (type == H2_RST_STREAM) {
		f->found = H2_RESET;
	} else if (type == H2_HEADERS) {
		/* A client's streams have odd numbers that grow: section 5.1.1. */
		if (!(stream & 1)) {
			r->state |= H2_BROKEN;
		} else if (stream > r->last) {
			r->last = stream;
			f->found = H2_REQUEST;
		}
	}
}

static __always_inline void h2_server_frame(const struct h2_reader *r, __u32 type, __u32 stream,
					    struct h2_finding *f)
{
	if (!(stream & 1)) /* of the connection, or pushed */
		return;
	f->is_last = r->bytes[4] & H2_END_STREAM;
	if (type == H2_RST_STREAM) {
		f->found = H2_RESET;
	} else if (type == H2_HEADERS) {
		f->found = H2_RESPONSE;
		f->status = h2_status(r);
	} else if (type == H2_DATA && f->is_last) {
		f->found = H2_END;
	}
}

/* What decides about a frame is gathered: says what it is, also in *f, and makes ready for the next. */
static __always_inline int h2_read(struct h2_reader *r, int is_response, struct h2_finding *f)
{
	__u32 type = r->bytes[3], length = h2_length(r), looked = r->have - H2_HEADER;
	__u32 in_block = r->state & H2_IN_BLOCK;

	f->found = H2_NOTHING;
	f->stream = h2_stream(r);
	f->status = 0;
	f->is_last = 0;
	r->have = 0;
	r->left = length > looked ? length - looked : 0;
	/* Sections 3.4 and 6.2: SETTINGS come first, and nothing comes between the pieces of a block. */
	if ((!(r->state & H2_BEGUN) && (type != H2_SETTINGS || f->stream)) ||
	    !in_block != (type != H2_CONTINUATION)) {
		r->state |= H2_BROKEN;
		return 0;
	}
	r->state |= H2_BEGUN;
	if (type == H2_HEADERS || type == H2_PUSH_PROMISE || type == H2_CONTINUATION) {
		if (r->bytes[4] & H2_END_HEADERS)
			r->state &= ~H2_IN_BLOCK;
		else
			r->state |= H2_IN_BLOCK;
	}
	if (is_response) {
		r->have = looked + H2_HEADER;
		h2_server_frame(r, type, f->stream, f);
		r->have = 0;
	} else {
		h2_client_frame(r, type, f->stream, f);
	}
	return f->found;
}

#endif
