// SPDX-License-Identifier: GPL-2.0-or-later
/* bpf/http2.h and bpf/frames.h, which read HTTP/2 in the kernel, on frames cut in every way. */
#include "tests/test.h"

#include "fuzz/http2_reader.h"

/* A stream of frames that is made up piece by piece. */
struct text {
	char bytes[65536];
	size_t n;
};

static void put(struct text *t, const void *bytes, size_t n)
{
	assert_true(t->n + n <= sizeof(t->bytes));
	memcpy(t->bytes + t->n, bytes, n);
	t->n += n;
}

static void put_frame(struct text *t, int type, int flags, uint32_t stream, const char *payload,
		      size_t n)
{
	const unsigned char head[9] = { (unsigned char)(n >> 16),
					(unsigned char)(n >> 8),
					(unsigned char)n,
					(unsigned char)type,
					(unsigned char)flags,
					(unsigned char)(stream >> 24),
					(unsigned char)(stream >> 16),
					(unsigned char)(stream >> 8),
					(unsigned char)stream };

	put(t, head, sizeof(head));
	put(t, payload, n);
}

static void put_headers(struct text *t, int flags, uint32_t stream, const char *block, size_t n)
{
	put_frame(t, H2_HEADERS, flags, stream, block, n);
}

static void begin(struct text *t)
{
	t->n = 0;
	put_frame(t, H2_SETTINGS, 0, 0, "\0\3\0\0\0\144", 6);
}

/* Feeds all of it in pieces of 1 to `most` bytes; what is passed over by number is not fed. */
static struct h2_seen feed(const struct text *t, int is_response, uint64_t *rng, size_t most,
			   struct h2_reader *r)
{
	struct h2_seen seen = { 0 };
	__u32 next = 0, at = 0;

	memset(r, 0, sizeof(*r));
	while (at < t->n && !(r->state & H2_BROKEN)) {
		__u32 n = (__u32)(rng ? 1 + test_random(rng) % most : most);

		n = MIN(n, (__u32)t->n - at);
		if (next < at + n) {
			__u32 from = MAX(at, next);

			next = h2_feed_piece(r, &seen, t->bytes + from, at + n - from, from,
					     is_response);
		}
		at += n;
	}
	return seen;
}

static struct h2_seen feed_whole(const struct text *t, int is_response, struct h2_reader *r)
{
	return feed(t, is_response, NULL, sizeof(t->bytes), r);
}

#define BLOCK "\x82\x86\x84\x41\x01\x61"

static void new_streams_count(void **state)
{
	static const uint32_t opened[] = { 1, 7, 9 };
	static struct text t;
	struct h2_reader r;
	struct h2_seen seen;

	begin(&t);
	put_headers(&t, H2_END_HEADERS, 1, BLOCK, 6);
	put_frame(&t, H2_DATA, 0, 1, "body", 4);
	put_headers(&t, H2_END_HEADERS | H2_END_STREAM, 1, BLOCK, 6); /* trailers */
	put_frame(&t, 2, 0, 3, "\0\0\0\0\1", 5); /* PRIORITY of an idle stream */
	put_frame(&t, 6, 0, 0, "12345678", 8);	 /* PING */
	put_headers(&t, H2_PADDED | H2_PRIORITY | H2_END_STREAM, 7, "\1\0\0\0\0\1\x82", 8);
	put_frame(&t, H2_CONTINUATION, 0, 7, "\x86", 1);
	put_frame(&t, H2_CONTINUATION, H2_END_HEADERS, 7, "\x84", 1);
	put_headers(&t, H2_END_HEADERS | H2_END_STREAM, 5, BLOCK, 6); /* too late: numbers grow */
	put_headers(&t, H2_END_HEADERS | H2_END_STREAM, 9, BLOCK, 6);
	put_frame(&t, H2_RST_STREAM, 0, 9, "\0\0\0\10", 4);
	seen = feed_whole(&t, false, &r);
	assert_int_equal(seen.n, 4);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(seen.found[i].found, H2_REQUEST);
		assert_int_equal(seen.found[i].stream, opened[i]);
	}
	assert_int_equal(seen.found[3].found, H2_RESET);
	assert_int_equal(seen.found[3].stream, 9);
	assert_false(r.state & H2_BROKEN);
}

/* Frames within a body are bytes. */
static void bodies_are_passed_over(void **state)
{
	static struct text t, body;
	struct h2_reader r;
	struct h2_seen seen;

	body.n = 0;
	for (uint32_t i = 0; i < 200; i++)
		put_headers(&body, H2_END_HEADERS, 101 + 2 * i, BLOCK, 6);
	begin(&t);
	put_headers(&t, H2_END_HEADERS, 1, BLOCK, 6);
	put_frame(&t, H2_DATA, H2_END_STREAM, 1, body.bytes, body.n);
	put_headers(&t, H2_END_HEADERS | H2_END_STREAM, 3, BLOCK, 6);
	seen = feed_whole(&t, false, &r);
	assert_int_equal(seen.n, 2);
	assert_int_equal(seen.found[1].stream, 3);
}

static void what_is_no_http2_ends_it(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		int begun;
	} wrong[] = {
		{ "\0\0\4\0\0\0\0\0\1data", 13, false }, /* SETTINGS must be first */
		{ "\0\0\0\4\0\0\0\0\1", 9, false },	 /* of a stream */
		{ "\0\0\1\1\4\0\0\0\2\x82", 10, true },	 /* a server's stream */
		{ "\0\0\1\1\4\0\0\0\0\x82", 10, true },	 /* none */
		{ "\0\0\1\11\4\0\0\0\1\x82", 10, true }, /* goes on with nothing */
		{ "\0\0\1\1\0\0\0\0\1\x82\0\0\1\1\4\0\0\0\3\x82", 20, true }, /* within a block */
	};
	static struct text t;
	struct h2_reader r;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct h2_seen seen;

		t.n = 0;
		if (wrong[i].begun)
			begin(&t);
		put(&t, wrong[i].bytes, wrong[i].n);
		put_headers(&t, H2_END_HEADERS, 5, BLOCK, 6);
		seen = feed_whole(&t, false, &r);
		assert_true(r.state & H2_BROKEN);
		assert_true(seen.n <= 1);
		if (seen.n)
			assert_int_equal(seen.found[0].stream, 1);
	}
}

static void statuses_are_told(void **state)
{
	static const struct {
		const char *block;
		size_t n;
		int status;
	} known[] = {
		{ "\x88", 1, 200 },
		{ "\x8b", 1, 300 },
		{ "\x8d", 1, 400 },
		{ "\x8e", 1, 500 },
		{ "\x20\x3f\xe1\x1f\x8e", 5, 500 }, /* after two changes of the table's size */
		{ "\x48\x03"
		  "503",
		  5, 500 }, /* nginx */
		{ "\x08\x03"
		  "103",
		  5, 100 },
		{ "\x18\x03"
		  "301",
		  5, 300 },
		/* 503 and 302 as RFC 7541, C.6, and HPACK encoders write them: Huffman */
		{ "\x48\x82\x6c\x0c\xff", 5, 500 },
		{ "\x48\x82\x64\x02", 4, 300 },
		{ "\x48\x82\x10\x01", 4, 200 },
		{ "\x48\x82\x08\x03", 4, 100 },
		{ "\x48\x82\x68\x1f", 4, 400 },
		{ "\xbe", 1, 0 }, /* of the dynamic table */
		{ "\xc0", 1, 0 },
		{ "\x48\x04"
		  "5000",
		  6, 0 },
		{ "\x48", 1, 0 },
		{ "", 0, 0 },
	};
	static struct text t;
	struct h2_reader r;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		struct h2_seen seen;

		begin(&t);
		put_headers(&t, H2_END_HEADERS, 1, known[i].block, known[i].n);
		seen = feed_whole(&t, true, &r);
		assert_int_equal(seen.n, 1);
		assert_int_equal(seen.found[0].found, H2_RESPONSE);
		assert_int_equal(seen.found[0].status, known[i].status);
	}
	begin(&t);
	put_headers(&t, H2_END_HEADERS | H2_PADDED | H2_PRIORITY, 1, "\2\0\0\0\0\1\x8e\0\0", 9);
	assert_int_equal(feed_whole(&t, true, &r).found[0].status, 500);
}

static void responses_end(void **state)
{
	static struct text t;
	struct h2_reader r;
	struct h2_seen seen;

	begin(&t);
	put_frame(&t, H2_PUSH_PROMISE, H2_END_HEADERS, 1, "\0\0\0\2\x82", 5);
	put_headers(&t, H2_END_HEADERS, 2, "\x88", 1); /* pushed: nobody's request */
	put_headers(&t, H2_END_HEADERS, 1, "\x88", 1);
	put_frame(&t, H2_DATA, 0, 1, "more", 4);
	put_frame(&t, H2_DATA, H2_END_STREAM, 1, "", 0);
	put_headers(&t, H2_END_HEADERS | H2_END_STREAM, 3, "\x8d", 1);
	put_frame(&t, H2_RST_STREAM, 0, 5, "\0\0\0\7", 4);
	seen = feed_whole(&t, true, &r);
	assert_int_equal(seen.n, 4);
	assert_int_equal(seen.found[0].found, H2_RESPONSE);
	assert_false(seen.found[0].is_last);
	assert_int_equal(seen.found[1].found, H2_END);
	assert_int_equal(seen.found[2].found, H2_RESPONSE);
	assert_true(seen.found[2].is_last);
	assert_int_equal(seen.found[3].found, H2_RESET);
}

/* A stream of many kinds of frames, and the number of requests, or responses, in it. */
static int random_stream(struct text *t, uint64_t *rng, bool is_response)
{
	static char junk[3000];
	uint32_t stream = 1;
	int heads = 0;

	for (size_t i = 0; i < sizeof(junk); i++)
		junk[i] = (char)test_random(rng);
	begin(t);
	while (t->n < 50000) {
		size_t n = test_random(rng) % (test_random(rng) % 4 ? 40 : sizeof(junk));

		switch (test_random(rng) % 4) {
		case 0:
			put_frame(t, H2_DATA, 0, stream, junk, n);
			break;
		case 1:
			put_frame(t, 8, 0, 0, "\0\0\1\0", 4); /* WINDOW_UPDATE */
			break;
		default:
			stream += 2 + 2 * (test_random(rng) % 3);
			put_headers(t, n % 3 ? H2_END_HEADERS : 0, stream,
				    is_response ? "\x8e"
						  "and all the rest of them"
						: junk,
				    is_response ? 24 : n);
			if (n % 3 == 0)
				put_frame(t, H2_CONTINUATION, H2_END_HEADERS, stream, junk, n);
			heads++;
		}
	}
	return heads;
}

static void cuts_change_nothing(void **state)
{
	static struct text t;
	uint64_t rng = test_seed();
	struct h2_reader r;

	for (int i = 0; i < 200; i++) {
		bool is_response = i % 2;
		int heads = random_stream(&t, &rng, is_response);
		struct h2_seen whole = feed_whole(&t, is_response, &r);
		struct h2_seen cut = feed(&t, is_response, &rng, i % 3 ? 12 : 1500, &r);

		assert_false(r.state & H2_BROKEN);
		assert_int_equal(whole.n, heads);
		assert_int_equal(cut.n, heads);
		for (int k = 0; k < heads && k < MOST_SEEN; k++) {
			assert_int_equal(cut.found[k].stream, whole.found[k].stream);
			assert_int_equal(cut.found[k].status, is_response ? 500 : 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_streams_count),
		cmocka_unit_test(bodies_are_passed_over),
		cmocka_unit_test(what_is_no_http2_ends_it),
		cmocka_unit_test(statuses_are_told),
		cmocka_unit_test(responses_end),
		cmocka_unit_test(cuts_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
