/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HTTP/1.0 and 1.1 as a stream of bytes, cut anywhere (RFC 9112): where each head begins and ends, and
 * how long its body is, so that bodies need not be looked at. Pure: no BPF helper, so that tests run it
 * on any bytes; and written for the BPF verifier, so every access is bounded by constants.
 *
 * The bytes pass through a window. A step looks at window[at..n) and says how many bytes it is done
 * with, or 0: it needs more. It never needs more than HTTP_LOOK: of a line that is longer, only the
 * first HTTP_LOOK bytes decide.
 */
#ifndef FAASMAT_BPF_HTTP1_H
#define FAASMAT_BPF_HTTP1_H

#define HTTP_LOOK 56
#define HTTP_LOAD 192
#define HTTP_WINDOW 256 /* has room for both; a power of two, so that a mask bounds an index */

/* "GET / HTTP/1.0" and two line ends: no head is shorter. */
#define HTTP_SHORTEST_HEAD 18

/* The most heads that a gap of so many bytes can take from us: those at its ends reach beyond it. */
static inline __u32 most_heads(__u32 bytes, __u32 shortest)
{
	return (bytes + 2 * shortest - 2) / shortest;
}

enum http_phase {
	HTTP_START,	 /* a request or status line begins here */
	HTTP_LINE,	 /* in the request line, behind the path */
	HTTP_FIELD,	 /* a header field begins here, or the empty line */
	HTTP_FIELD_REST, /* in a line that says nothing to us */
	HTTP_CHUNK,	 /* a chunk's size begins here */
	HTTP_BODY,	 /* `left` bytes of body or chunk to pass over */
	HTTP_LOST,	 /* the head was read, the body's end is unknown: until the response */
	HTTP_JOINED,	 /* inside something unknown: a head may begin with the next segment */
	HTTP_H2,	 /* the rest is HTTP/2 */
	HTTP_OPAQUE,	 /* the rest is not HTTP: nothing more is counted */
	HTTP_LAZY,	 /* responses only: begun, its end not looked for */
	HTTP_UNKNOWN, /* frames of HTTP/2 whose borders are not known: until the connection ends */
};

enum http_flags {
	HTTP_CHUNKED = 1 << 0,
	HTTP_HAS_LENGTH = 1 << 1,
	HTTP_BAD_LENGTH = 1 << 2,
	HTTP_TRAILER = 1 << 3,
	/* Of the connection, not of one message: */
	HTTP_JOINING = 1 << 4, /* no head was seen yet on a connection that was there before us */
	HTTP_SKIPPED = 1 << 5, /* and something else was: the first head is a guess */
};
#define HTTP_OF_CONNECTION (HTTP_JOINING | HTTP_SKIPPED)

/* One direction of a connection. */
struct http_stream {
	__u64 left;	/* of the body, behind next_seq */
	__u32 next_seq; /* sequence number of the first byte not looked at; a body's are passed over */
	__u16 status; /* of the response being read */
	__u8 phase;
	__u8 flags;
	__u8 kind;  /* of the request being read: the caller's */
	__u8 carry; /* bytes in the window that came before next_seq and are not done with */
	__u16 reserved;
	char window[HTTP_WINDOW + 8]; /* + 8: a word may be read at any place */
};

/* What a step came upon. */
enum http_found {
	HTTP_NOTHING,
	HTTP_PATH,   /* of a request: window[name..name+bytes), without its query */
	HTTP_AGENT,  /* product name of its User-Agent: window[agent..agent+agent_bytes) */
	HTTP_HEAD,   /* the head ends here */
	HTTP_PREFACE /* HTTP/2's connection preface, whole: 24 bytes */
};
struct http_finding {
	__u32 found;
	__u32 name, bytes;
	__u32 is_post, is_head;
	__u32 wants_agent; /* the caller's: whether it asks for HTTP_AGENT */
	__u32 agent, agent_bytes;
	/* http_whole_head()'s own: where these begin. Kept here and not in variables, since the verifier
	 * would look at the rest of a loop once for each range that those may have. */
	__u32 second_line, last_line;
};

/* A global function: the verifier looks at it once, and not for every state of its callers. */
#ifdef __bpf__
#define HTTP_ONCE __weak __noinline
#else
#define HTTP_ONCE static inline
#endif

#ifdef __bpf__
/* The compiler would read bytes one by one where it sees that the place is not aligned. */
static __always_inline __u64 *hidden(const void *p)
{
	asm volatile("" : "+r"(p));
	return (__u64 *)p;
}
#define WORD_AT(p) (*hidden(p))
#define PUT_WORD(p, w) (*hidden(p) = (w))
#else
static inline __u64 word_of(const char *p)
{
	__u64 w;

	__builtin_memcpy(&w, p, sizeof(w));
	return w;
}
#define WORD_AT(p) word_of(p)
#define PUT_WORD(p, w) __builtin_memcpy(p, (__u64[]){ w }, 8)
#endif

#define BYTE(c, i) ((__u64)(c) << (8 * (i)))
#define TEXT4(a, b, c, d) (BYTE(a, 0) | BYTE(b, 1) | BYTE(c, 2) | BYTE(d, 3))
#define TEXT8(a, b, c, d, e, f, g, h) (TEXT4(a, b, c, d) | TEXT4(e, f, g, h) << 32)
#define FIRST(word, n) ((word) & (~0ULL >> (8 * (8 - (n)))))
#define EACH_BYTE 0x0101010101010101ULL
#define LOWER_CASE (0x20 * EACH_BYTE)

/* Bit 7 of each byte that is zero; exact up to and including the lowest (H. S. Warren, Hacker's
 * Delight, 6-1). */
static __always_inline __u64 zero_bytes(__u64 w)
{
	return (w - EACH_BYTE) & ~w & (EACH_BYTE << 7);
}

static __always_inline __u64 bytes_equal(__u64 w, char c)
{
	return zero_bytes(w ^ (EACH_BYTE * (__u8)c));
}

/* 1..8: the place behind the lowest byte marked. BPF has no instruction that counts zeros. */
static __always_inline __u32 behind_first(__u64 marks)
{
	return ((marks ^ (marks - 1)) >> 7 & EACH_BYTE) * EACH_BYTE >> 56;
}

/* More bytes are marked than the lowest. Hidden from the compiler, which would count all the bits. */
static __always_inline int has_second(__u64 marks)
{
	__u64 below = marks - 1;

#ifdef __bpf__
	asm volatile("" : "+r"(below));
#endif
	return (marks & below) != 0;
}

/* Hidden from the compiler, which would prove the mask needless and leave the verifier without. */
static __always_inline __u64 bounded(__u64 at)
{
	at &= HTTP_WINDOW - 1;
#ifdef __bpf__
	asm volatile("" : "+r"(at));
#endif
	return at;
}

/* The same with room for a place behind the window. */
static __always_inline __u64 in_window(__u64 at)
{
	at &= 2 * HTTP_WINDOW - 1;
#ifdef __bpf__
	asm volatile("" : "+r"(at));
#endif
	return at;
}

/* at < n, told so that the verifier learns nothing of either. */
static __always_inline int is_before(__u64 at, __u64 n)
{
	__s64 rest = n - at;

#ifdef __bpf__
	asm volatile("" : "+r"(rest));
#endif
	return rest > 0;
}

static __always_inline __u64 word_at(const struct http_stream *h, __u64 at)
{
	return WORD_AT(&h->window[bounded(at)]);
}

static __always_inline __u8 byte_at(const struct http_stream *h, __u64 at)
{
	return h->window[bounded(at)];
}

/* Behind the next line feed in window[at..n); 0 when there is none. */
HTTP_ONCE int line_end(const struct http_stream *h, __u32 at, __u32 n)
{
	if (!h)
		return 0;
	for (int i = 0; i < HTTP_WINDOW / 8 && at < n; i++) {
		__u64 marks = bytes_equal(word_at(h, at), '\n');

		if (marks) {
			at += behind_first(marks);
			return at <= n ? at : 0;
		}
		at += 8;
	}
	return 0;
}

/* True when the first n bytes are capital letters: method names are. */
static __always_inline int is_capital(__u64 w, __u32 n)
{
	__u64 mask = n >= 8 ? ~0ULL : (1ULL << (8 * n)) - 1;
	__u64 x = (w & mask) | (EACH_BYTE * 'A' & ~mask);
	__u64 from_a = (x & ~(EACH_BYTE << 7)) + EACH_BYTE * (0x80 - 'A');
	__u64 after_z = (x & ~(EACH_BYTE << 7)) + EACH_BYTE * (0x7f - 'Z');

	return (((from_a & ~after_z) | x) & (EACH_BYTE << 7)) == (EACH_BYTE << 7) &&
	       !(x & (EACH_BYTE << 7));
}

/* What comes is not HTTP. Of a connection that we joined, it may be the middle of a body. */
static __always_inline __u32 http_fail(struct http_stream *h)
{
	if (h->flags & HTTP_JOINING) {
		h->phase = HTTP_JOINED;
		h->flags |= HTTP_SKIPPED;
	} else {
		h->phase = HTTP_OPAQUE;
	}
	return 0;
}

static __always_inline void begin_message(struct http_stream *h)
{
	h->flags &= HTTP_OF_CONNECTION;
	h->kind = 0;
	h->left = 0;
	h->phase = HTTP_START;
}

/* METHOD SP PATH, up to the path's end or its query. */
static __always_inline __u32 read_method(struct http_stream *h, __u32 at, __u32 n,
					 struct http_finding *f)
{
	__u64 w = word_at(h, at), marks = bytes_equal(w, ' ');
	__u32 have = n - at, length = marks ? behind_first(marks) - 1 : 8, name, end = 0;
	__u8 c;

	if (!marks) {
		marks = bytes_equal(word_at(h, at + 8), ' ');
		length = marks ? 7 + behind_first(marks) : 16;
	}
	if ((__u8)w == '\r' || (__u8)w == '\n') /* empty lines before a request: RFC 9112, 2.2 */
		return 1;
	if (!is_capital(w, have < length ? have : length) || !length ||
	    (length == 16 && have >= 16))
		return http_fail(h);
	if (have < length + 2)
		return 0;
	name = at + length + 1;
	c = byte_at(h, name);
	if (c != '/' && c != '*' && (c | 0x20) != 'h' &&
	    w != TEXT8('C', 'O', 'N', 'N', 'E', 'C', 'T', ' '))
		return http_fail(h);
	if (c == '*' && FIRST(w, 4) == TEXT4('P', 'R', 'I', ' ')) {
		if (have < 24)
			return 0;
		if (word_at(h, at + 8) != TEXT8('T', 'P', '/', '2', '.', '0', '\r', '\n') ||
		    word_at(h, at + 16) != TEXT8('\r', '\n', 'S', 'M', '\r', '\n', '\r', '\n'))
			return http_fail(h);
		f->found = HTTP_PREFACE;
		return 0;
	}
	for (__u32 i = 0, p = name; i < HTTP_LOOK / 8 && p < n; i++, p += 8) {
		w = word_at(h, p);
		marks = bytes_equal(w, ' ') | bytes_equal(w, '?') | bytes_equal(w, '\n');
		if (marks) {
			/* Both markings are exact at their lowest byte, so their union's lowest is. */
			end = p + behind_first(marks) - 1;
			break;
		}
	}
	if (!end || end >= n) {
		if (have < HTTP_LOOK)
			return 0;
		/* No further than was looked at, and the version may begin in the last bytes. */
		end = (n < name + HTTP_LOOK ? n : name + HTTP_LOOK) - 10;
	}
	if (byte_at(h, end) == '\n')
		return http_fail(h);
	w = word_at(h, at);
	f->found = HTTP_PATH;
	f->name = name;
	f->bytes = end - name;
	f->is_post = FIRST(w, 5) == TEXT8('P', 'O', 'S', 'T', ' ', 0, 0, 0);
	f->is_head = FIRST(w, 5) == TEXT8('H', 'E', 'A', 'D', ' ', 0, 0, 0);
	h->phase = HTTP_LINE;
	return end - at;
}

/* The rest of the request line, which ends with " HTTP/1.x". */
static __always_inline __u32 read_version(struct http_stream *h, __u32 at, __u32 n)
{
	__u32 next = line_end(h, at, n), end;
	__u64 w;

	if (!next)
		return n - at > 10 ? n - at - 10 : 0;
	end = next - 1;
	if (end > at && byte_at(h, end - 1) == '\r')
		end--;
	if (end < at + 9)
		return http_fail(h);
	w = word_at(h, end - 8);
	if (byte_at(h, end - 9) != ' ' ||
	    FIRST(w, 7) != TEXT8('H', 'T', 'T', 'P', '/', '1', '.', 0) ||
	    (__u64)(w >> 56) - '0' > 9)
		return http_fail(h);
	h->phase = HTTP_FIELD;
	return next - at;
}

/* "HTTP/1.x NNN" */
static __always_inline __u32 read_status(struct http_stream *h, __u32 at, __u32 n)
{
	__u64 w = word_at(h, at), v = word_at(h, at + 8);
	__u32 have = n - at;
	__u8 a = v >> 8, b = v >> 16, c = v >> 24;

	if (have < 12) {
		__u64 whole = TEXT8('H', 'T', 'T', 'P', '/', '1', '.', 0);
		__u32 known = have < 7 ? have : 7;

		return known && FIRST(w, known) != FIRST(whole, known) ? http_fail(h) : 0;
	}
	if (FIRST(w, 7) != TEXT8('H', 'T', 'T', 'P', '/', '1', '.', 0) || (__u8)v != ' ' ||
	    (__u8)(a - '1') > 8 || (__u8)(b - '0') > 9 || (__u8)(c - '0') > 9)
		return http_fail(h);
	h->status = (a - '0') * 100 + (b - '0') * 10 + (c - '0');
	h->phase = HTTP_FIELD_REST;
	return 12;
}

HTTP_ONCE int read_length(struct http_stream *h, __u32 at, __u32 end)
{
	__u64 value = 0;
	__u32 digits = 0;
	__u8 c = 0;

	if (!h)
		return 0;
	for (int i = 0; i < 24 && at < end; i++, at++) {
		c = byte_at(h, at);
		if (!digits && (c == ' ' || c == '\t'))
			continue;
		if ((__u8)(c - '0') > 9)
			break;
		value = value * 10 + (c - '0');
		digits++;
	}
	if (!digits || digits > 18 || (c != '\r' && c != '\n' && c != ' ' && c != '\t') ||
	    ((h->flags & HTTP_HAS_LENGTH) && value != h->left))
		h->flags |= HTTP_BAD_LENGTH;
	h->flags |= HTTP_HAS_LENGTH;
	h->left = value;
	return 0;
}

static __always_inline void read_agent(struct http_stream *h, __u64 at, __u64 end,
				       struct http_finding *f)
{
	__u64 name = at + (byte_at(h, at) == ' ');

	for (__u64 i = 0, p = name; i < WIRE_WORD / 8 && is_before(p, end); i++, p += 8) {
		__u64 w = word_at(h, p);
		__u64 marks = bytes_equal(w, '/') | bytes_equal(w, ' ') | bytes_equal(w, '\r') |
			      bytes_equal(w, '\n');

		if (marks) {
			f->found = HTTP_AGENT;
			f->agent = name;
			f->agent_bytes = p + behind_first(marks) - 1 - name;
			return;
		}
	}
}

/* The fields that say how long the body is, and who asks; names in any case. */
static __always_inline void read_field(struct http_stream *h, __u64 at, __u64 end,
				       struct http_finding *f)
{
	__u64 w = word_at(h, at) | LOWER_CASE, v = word_at(h, at + 8) | LOWER_CASE;

	if (w == TEXT8('c', 'o', 'n', 't', 'e', 'n', 't', '-')) {
		if (FIRST(v, 7) == TEXT8('l', 'e', 'n', 'g', 't', 'h', ':', 0))
			read_length(h, at + 15, end);
	} else if (w == TEXT8('t', 'r', 'a', 'n', 's', 'f', 'e', 'r')) {
		if (v == TEXT8('-', 'e', 'n', 'c', 'o', 'd', 'i', 'n') &&
		    FIRST(word_at(h, at + 16) | LOWER_CASE, 2) == TEXT4('g', ':', 0, 0))
			h->flags |= HTTP_CHUNKED;
	} else if (f->wants_agent && w == TEXT8('u', 's', 'e', 'r', '-', 'a', 'g', 'e')) {
		if (FIRST(v, 3) == TEXT4('n', 't', ':', 0))
			read_agent(h, at + 11, end, f);
	}
}

static __always_inline void end_head(struct http_stream *h, struct http_finding *f)
{
	if (h->flags & HTTP_TRAILER) {
		begin_message(h);
		return;
	}
	f->found = HTTP_HEAD;
	if (h->flags & HTTP_CHUNKED)
		h->phase = HTTP_CHUNK;
	else if (h->flags & HTTP_BAD_LENGTH)
		h->phase = HTTP_LOST;
	else if (h->left)
		h->phase = HTTP_BODY;
	else
		h->phase = HTTP_START;
}

static __always_inline __u32 read_line(struct http_stream *h, __u32 at, __u32 n,
				       struct http_finding *f)
{
	__u32 have = n - at, next = line_end(h, at, n);
	__u8 c = byte_at(h, at);

	if (c == '\n' || c == '\r') {
		if (c == '\r' && have < 2)
			return 0;
		if (c == '\n' || byte_at(h, at + 1) == '\n') {
			end_head(h, f);
			return c == '\n' ? 1 : 2;
		}
	}
	c |= 0x20;
	if ((c == 'c' || c == 't' || c == 'u') && !(h->flags & HTTP_TRAILER)) {
		if (!next && have < HTTP_LOOK)
			return 0;
		read_field(h, at, next ? next : n, f);
	}
	if (next)
		return next - at;
	h->phase = HTTP_FIELD_REST;
	return have;
}

static __always_inline __u32 pass_line(struct http_stream *h, __u32 at, __u32 n)
{
	__u32 next = line_end(h, at, n);

	if (!next)
		return n - at;
	h->phase = HTTP_FIELD;
	return next - at;
}

/* A chunk's size in hexadecimal; the data and their line end are passed over as one. */
static __always_inline __u32 read_chunk(struct http_stream *h, __u32 at, __u32 n)
{
	__u32 next, digits = 0;
	__u64 size = 0;

	next = line_end(h, at, n);
	if (!next && n - at < HTTP_LOOK)
		return 0;
	for (; digits < 16; digits++) {
		__u8 c = byte_at(h, at + digits), d = c - '0', x = (c | 0x20) - 'a';

		if (d > 9 && x > 5)
			break;
		size = size << 4 | (d <= 9 ? d : x + 10);
	}
	if (!next || !digits || digits == 16) {
		h->phase = HTTP_LOST;
		return n - at;
	}
	if (size) {
		h->left = size + 2;
		h->phase = HTTP_BODY;
	} else {
		h->flags |= HTTP_TRAILER;
		h->phase = HTTP_FIELD;
	}
	return next - at;
}

static __always_inline int read_common_method(const struct http_stream *h, struct http_finding *f)
{
	__u64 w = word_at(h, 0);

	f->is_post = FIRST(w, 6) == TEXT8('P', 'O', 'S', 'T', ' ', '/', 0, 0);
	f->is_head = 0;
	f->second_line = f->last_line = 0;
	f->name = f->is_post ? 5 : 4;
	return f->is_post || FIRST(w, 5) == TEXT8('G', 'E', 'T', ' ', '/', 0, 0, 0);
}

/* " HTTP/1.1" and a line end, up to `end`. */
static __always_inline int ends_with_version(const struct http_stream *h, __u32 end)
{
	return end >= 16 &&
	       FIRST(word_at(h, end - 10), 7) == TEXT8('H', 'T', 'T', 'P', '/', '1', '.', 0) &&
	       byte_at(h, end - 11) == ' ' && byte_at(h, end - 2) == '\r';
}

/* Without the query; of a path that is too long to be asked for, what was looked at. */
static __always_inline __u32 path_length(const struct http_stream *h, __u32 name, __u32 end)
{
	for (__u32 i = 0, p = name; i < WIRE_WORD / 8 && is_before(p, end); i++, p += 8) {
		__u64 w = word_at(h, p);
		__u64 marks = bytes_equal(w, ' ') | bytes_equal(w, '?');

		if (marks)
			return p + behind_first(marks) - 1 - name;
	}
	return end - name;
}

/*
 * The common case in one go: a head that begins at window[0] and lies whole in window[0..n). Returns its
 * length, with the path and the agent in *f and the body's length in the stream; 0 when it is not so
 * simple, upon which the stream is as it was. A call costs some 7 ns where returns are guarded against
 * speculation, so most lines take none.
 */
HTTP_ONCE int http_whole_head(struct http_stream *h, __u32 n, struct http_finding *f)
{
	__u64 end;

	if (!h || !f || n > HTTP_WINDOW || !read_common_method(h, f))
		return 0;
	h->window[n] = '\n'; /* ends the search: nobody reads it */
	for (__u64 p = 0; p < HTTP_WINDOW; p += 8) {
		__u64 marks = bytes_equal(WORD_AT(&h->window[p]), '\n');
		__u8 c;

		if (!marks)
			continue;
		end = p + behind_first(marks);
		f->last_line = end;
		if (!f->second_line)
			f->second_line = end;
		c = byte_at(h, end);
		/* Two lines that end in these 8 bytes are not common. */
		if (c == '\r' || c == '\n' || !is_before(end, n) || has_second(marks))
			break;
		read_field(h, end, n, f);
	}
	end = in_window(f->last_line);
	if (is_before(end + 1, n) && byte_at(h, end) == '\r' && byte_at(h, end + 1) == '\n' &&
	    ends_with_version(h, f->second_line)) {
		f->bytes = path_length(h, f->name, f->second_line - 11);
		end_head(h, f);
		return end + 2;
	}
	begin_message(h);
	return 0;
}

/* One step on window[at..n), in any phase but those that pass over bytes unseen. The number of bytes
 * that are done with; 0: needs more, or the phase has become one of those. */
HTTP_ONCE int http_step(struct http_stream *h, __u32 at, __u32 n, int is_response,
			struct http_finding *f)
{
	if (!h || !f || at >= n)
		return 0;
	switch (h->phase) {
	case HTTP_START:
		return is_response ? read_status(h, at, n) : read_method(h, at, n, f);
	case HTTP_LINE:
		return read_version(h, at, n);
	case HTTP_FIELD:
		return read_line(h, at, n, f);
	case HTTP_FIELD_REST:
		return pass_line(h, at, n);
	case HTTP_CHUNK:
		return read_chunk(h, at, n);
	}
	return 0;
}

#endif
