// SPDX-License-Identifier: GPL-2.0-or-later
/* bpf/http1.h and bpf/stream.h, the parser that runs in the kernel, on streams cut in every way: each
 * head once, no body's bytes taken for a head. */
#include "tests/test.h"

#include <linux/types.h>

#include "bpf/wire.h"

#include "bpf/stream.h"

/* What a stream was found to hold. */
struct seen {
	int heads;
	int paths[64]; /* length of each path, in order */
	int statuses[64];
	int at_once; /* of the heads */
	int agents;
	char agent[WIRE_WORD];
	const char *bytes;
};

static bool stream_load(struct stream_feed *f, void *to, __u32 offset, __u32 n)
{
	const struct seen *s = f->source;

	assert_in_range(n, 1, HTTP_LOAD);
	memcpy(to, s->bytes + offset, n);
	return true;
}

static void note_path(struct seen *s, const struct http_finding *found)
{
	assert_true(found->name + found->bytes <= HTTP_WINDOW);
	if (s->heads < 64)
		s->paths[s->heads] = (int)found->bytes;
}

static void note_agent(struct seen *s, const struct http_stream *h,
		       const struct http_finding *found)
{
	snprintf(s->agent, sizeof(s->agent), "%.*s", (int)found->agent_bytes,
		 &h->window[found->agent]);
	s->agents++;
}

static void stream_found(struct stream_feed *f, const struct http_finding *found)
{
	struct seen *s = f->source;
	struct http_stream *h = f->h;

	switch (found->found) {
	case HTTP_PATH:
		note_path(s, found);
		break;
	case HTTP_AGENT:
		note_agent(s, h, found);
		break;
	case HTTP_HEAD:
		if (s->heads < 64)
			s->statuses[s->heads] = h->status;
		s->heads++;
		h->flags &= ~HTTP_OF_CONNECTION;
		break;
	}
}

/* The head that the segment begins with, in one go: what read_at_once() does. */
static void feed_head(struct http_stream *h, struct seen *s, const char *bytes, size_t n)
{
	struct http_finding found = { .wants_agent = 1 };
	size_t take = MIN(n, head_room(h));

	assert_true(h->carry + take <= HTTP_WINDOW);
	memcpy(&h->window[h->carry], bytes, take);
	if (!feed_whole_head(h, h->carry + (__u32)take, &found))
		return;
	note_path(s, &found);
	if (found.agent_bytes)
		note_agent(s, h, &found);
	s->at_once++;
	s->heads++;
}

/* One segment of a stream, as http_received() feeds it. */
static void feed(struct http_stream *h, struct seen *s, const char *bytes, size_t n, bool response)
{
	struct stream_feed f = {
		.h = h, .source = s, .bytes = (__u32)n, .is_response = response, .wants_agent = 1
	};
	__u32 start = h->next_seq, steps = 0;

	s->bytes = bytes;
	if (h->phase == HTTP_OPAQUE || h->phase == HTTP_LOST)
		return;
	if (!response && h->phase == HTTP_START)
		feed_head(h, s, bytes, n);
	f.pos = h->next_seq - start;
	if (f.pos >= n)
		return;
	begin_feed(&f);
	while (!feed_step(&f))
		assert_true(++steps <= 2 * n + 8);
	end_feed(&f, start, false);
}

/* Feeds `text` in pieces of which `cut` says the length; what a body passes over is not fed, just as
 * the kernel passes over segments by their sequence numbers. */
static struct seen feed_all(const char *text, size_t n, bool response, uint64_t *rng, size_t most)
{
	struct http_stream h = { 0 };
	struct seen s = { 0 };
	size_t at = 0;

	while (at < n) {
		size_t piece = rng ? 1 + test_random(rng) % most : most;
		/* The heap, so that a read behind the segment is seen. */
		_cleanup_free_ char *copy = NULL;

		piece = MIN(piece, n - at);
		if (h.next_seq >= at + piece) {
			at += piece;
			continue;
		}
		if (h.next_seq > at) {
			piece -= h.next_seq - at;
			at = h.next_seq;
		}
		copy = malloc(piece);
		assert_non_null(copy);
		memcpy(copy, text + at, piece);
		feed(&h, &s, copy, piece, response);
		at += piece;
		if (h.phase == HTTP_OPAQUE || h.phase == HTTP_LOST)
			break;
	}
	return s;
}

static struct seen feed_whole(const char *text)
{
	return feed_all(text, strlen(text), false, NULL, 1 << 20);
}

static void heads_are_counted(void **state)
{
	static const struct {
		const char *text;
		int heads;
	} cases[] = {
		{ "GET / HTTP/1.1\r\n\r\n", 1 },
		{ "GET / HTTP/1.0\n\n", 1 },
		{ "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 1 },
		{ "GET /a?b=c HTTP/1.1\r\n\r\nHEAD /b HTTP/1.1\r\n\r\nDELETE /c HTTP/1.1\r\n\r\n",
		  3 },
		{ "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 1 },
		{ "GET http://a.example/ HTTP/1.1\r\nHost: a\r\n\r\n", 1 },
		{ "CONNECT a.example:443 HTTP/1.1\r\n\r\n", 1 },
		{ "PROPFIND /x HTTP/1.1\r\n\r\n", 1 },
		/* not complete */
		{ "GET / HTTP/1.1\r\nHost: a\r\n", 0 },
		{ "GET / HTTP/1.1", 0 },
		/* not HTTP/1 */
		{ "GET /\r\n\r\nGET / HTTP/1.1\r\n\r\n", 0 },
		{ "GET / HTTP/2.0\r\n\r\n", 0 },
		{ "get / HTTP/1.1\r\n\r\n", 0 },
		{ "GET  / HTTP/1.1\r\n\r\n", 0 },
		{ "GET /HTTP/1.1\r\n\r\n", 0 },
		{ "\x16\x03\x01 GET / HTTP/1.1\r\n\r\n", 0 },
		{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0 },
		/* bodies that look like heads */
		{ "POST / HTTP/1.1\r\nContent-Length: 18\r\n\r\nGET / HTTP/1.1\r\n\r\n", 1 },
		{ "POST / HTTP/1.1\r\ncontent-LENGTH:18\r\n\r\nGET / HTTP/1.1\r\n\r\nGET / "
		  "HTTP/1.1\r\n\r\n",
		  2 },
		{ "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n12;x=y\r\nGET / "
		  "HTTP/1.1\r\n\r\n\r\n0\r\nGET: / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
		  2 },
		/* a length that is none: what follows is unknown, the head itself is not */
		{ "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\nGET / HTTP/1.1\r\n\r\n", 1 },
		{ "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 0\r\n\r\nGET / "
		  "HTTP/1.1\r\n\r\n",
		  1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct seen whole = feed_whole(cases[i].text);
		struct seen bytes = feed_all(cases[i].text, strlen(cases[i].text), false, NULL, 1);

		if (whole.heads != cases[i].heads || bytes.heads != cases[i].heads)
			fail_msg("%s: %d and, by the byte, %d", cases[i].text, whole.heads,
				 bytes.heads);
	}
}

static void names_are_found(void **state)
{
	struct seen s = feed_whole(
		"GET /_/health?a=b HTTP/1.1\r\nUser-Agent: kube-probe/1.28\r\n\r\n"
		"POST /init HTTP/1.1\r\nuser-agent: Go-http-client\r\n\r\n");

	assert_int_equal(s.heads, 2);
	assert_int_equal(s.paths[0], strlen("/_/health"));
	assert_int_equal(s.paths[1], strlen("/init"));
	assert_int_equal(s.agents, 2);
	assert_string_equal(s.agent, "Go-http-client");
}

/* What clients and proxies send goes the short way when it comes whole, and says the same on either. */
static void common_heads_are_read_at_once(void **state)
{
	static const char *const heads[] = {
		"GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n",
		"GET /_/health HTTP/1.1\r\nHost: 10.0.0.1:8080\r\nUser-Agent: kube-probe/1.28\r\n"
		"Accept: */*\r\nConnection: close\r\n\r\n",
		"POST /run HTTP/1.1\r\nHost: 172.17.0.5:8080\r\nConnection: Keep-Alive\r\n"
		"User-Agent: Apache-HttpClient/4.5.5\r\nContent-Type: application/json\r\n"
		"Content-Length: 12\r\n\r\n{\"value\":{}}",
	};
	static const char *const agents[] = { "", "kube-probe", "Apache-HttpClient" };
	static const int paths[] = { 1, 9, 4 };

	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		size_t n = strlen(heads[i]);

		for (size_t cut = 1; cut <= n; cut++) {
			struct seen s = feed_all(heads[i], n, false, NULL, cut);

			assert_int_equal(s.heads, 1);
			assert_int_equal(s.paths[0], paths[i]);
			assert_string_equal(s.agent, agents[i]);
			if (cut == n)
				assert_int_equal(s.at_once, 1);
		}
	}
}

static void responses_are_framed(void **state)
{
	static const char text[] =
		"HTTP/1.1 100 Continue\r\n\r\n"
		"HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\nHTTP/1.1 500 "
		"No\r\n\r\n"
		"HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n"
		"0\r\n\r\n"
		"HTTP/1.0 201 Created\r\nContent-Length: 0\r\n\r\n";
	static const int statuses[] = { 100, 200, 503, 201 };

	for (size_t most = 1; most < sizeof(text); most++) {
		struct seen s = feed_all(text, sizeof(text) - 1, true, NULL, most);

		assert_int_equal(s.heads, 4);
		for (int i = 0; i < 4; i++)
			assert_int_equal(s.statuses[i], statuses[i]);
	}
}

/* Appends one random message; every kind of body holds heads. */
static void add_message(char *out, size_t *n, uint64_t *rng)
{
	static const char fake[] = "GET /fake HTTP/1.1\r\nHost: x\r\n\r\nPOST / HTTP/1.1\r\n\r\n";
	static const char *const methods[] = { "GET", "POST", "PUT", "DELETE", "OPTIONS" };
	size_t path = 1 + test_random(rng) % (test_random(rng) % 16 ? 130 : 3000);
	size_t body = test_random(rng) % 4 ? test_random(rng) % 300 : 0;
	bool chunked = test_random(rng) % 2;

	*n += sprintf(out + *n, "%s /%0*d HTTP/1.%d\r\n", methods[test_random(rng) % 5], (int)path,
		      0, (int)(test_random(rng) % 2));
	for (int i = test_random(rng) % 5; i > 0; i--)
		*n += sprintf(out + *n, "%s: %0*d\r\n", i % 2 ? "X-Name" : "Cookie",
			      (int)(1 + test_random(rng) % 200), 0);
	if (chunked) {
		*n += sprintf(out + *n, "Transfer-Encoding: chunked\r\n\r\n");
		while (body) {
			size_t piece = 1 + test_random(rng) % body;

			*n += sprintf(out + *n, "%zX%s\r\n", piece, piece % 3 ? "" : ";name=value");
			for (size_t i = 0; i < piece; i++)
				out[(*n)++] = fake[i % (sizeof(fake) - 1)];
			*n += sprintf(out + *n, "\r\n");
			body -= piece;
		}
		*n += sprintf(out + *n, "0\r\n%s\r\n",
			      path % 2 ? "" : "Trailer: GET / HTTP/1.1\r\n");
		return;
	}
	if (body)
		*n += sprintf(out + *n, "Content-Length: %zu\r\n", body);
	*n += sprintf(out + *n, "\r\n");
	for (size_t i = 0; i < body; i++)
		out[(*n)++] = fake[i % (sizeof(fake) - 1)];
}

static void every_cut_gives_the_same(void **state)
{
	static const size_t most[] = { 1, 2, 7, 60, 100, 1448, 65536 };
	_cleanup_free_ char *text = malloc(1 << 20);
	uint64_t rng = test_seed();

	assert_non_null(text);
	for (int round = 0; round < 300; round++) {
		int messages = 1 + test_random(&rng) % 40;
		size_t n = 0;

		for (int i = 0; i < messages; i++)
			add_message(text, &n, &rng);
		for (size_t i = 0; i < ARRAY_SIZE(most); i++) {
			struct seen s = feed_all(text, n, false, &rng, most[i]);

			assert_int_equal(s.heads, messages);
		}
	}
}

/* Whatever comes, no access outside the window (sanitizers) and no endless loop (feed()). */
static void garbage_does_no_harm(void **state)
{
	static const char *const words[] = { "GET ",
					     "/",
					     "HTTP/1.1",
					     "\r\n",
					     "\n",
					     " ",
					     "POST ",
					     "Content-Length:",
					     "Transfer-Encoding: chunked",
					     "HTTP/1.1 200 OK\r\n",
					     "ffffffffffffffffff",
					     "0\r\n",
					     "99999999999999999999",
					     "\r",
					     "User-Agent: ",
					     "?" };
	_cleanup_free_ char *text = malloc(1 << 16);
	uint64_t rng = test_seed();

	assert_non_null(text);
	for (int round = 0; round < 3000; round++) {
		size_t n = 0, want = test_random(&rng) % 2000;

		while (n < want) {
			const char *word = words[test_random(&rng) % ARRAY_SIZE(words)];

			if (test_random(&rng) % 4)
				n += sprintf(text + n, "%s", word);
			else
				text[n++] = (char)test_random(&rng);
		}
		feed_all(text, n, round % 2, &rng, 1 + test_random(&rng) % 200);
	}
}

/* Heads one behind the other, each as short as can be, and a gap at any place over them. */
static void gaps_take_no_more_heads(void **state)
{
	for (__u32 shortest = 1; shortest <= 24; shortest++)
		for (__u32 gap = 1; gap <= 100; gap++) {
			__u32 most = 0;

			for (__u32 begin = 0; begin < shortest; begin++) {
				__u32 first = begin / shortest, last = (begin + gap - 1) / shortest;

				most = last - first + 1 > most ? last - first + 1 : most;
			}
			assert_int_equal(most_heads(gap, shortest), most);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gaps_take_no_more_heads),
		cmocka_unit_test(heads_are_counted),
		cmocka_unit_test(names_are_found),
		cmocka_unit_test(common_heads_are_read_at_once),
		cmocka_unit_test(responses_are_framed),
		cmocka_unit_test(every_cut_gives_the_same),
		cmocka_unit_test(garbage_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
