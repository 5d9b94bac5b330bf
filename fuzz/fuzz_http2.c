// SPDX-License-Identifier: GPL-2.0-or-later
/* The reader of HTTP/2 frames that runs in the kernel, in user space. The first byte says which direction
 * and how large the pieces are; however the stream is cut, the same is found in it. */
#include "fuzz/fuzz.h"
#include "fuzz/http2_reader.h"

static void feed_all(const char *bytes, size_t size, int is_response, size_t piece,
		     struct h2_seen *seen)
{
	struct h2_reader r = { 0 };
	__u32 next = 0;

	for (size_t at = 0; at < size && !(r.state & H2_BROKEN); at += piece) {
		size_t end = MIN(at + piece, size), from = MAX(at, next);

		if (next < end)
			next = h2_feed_piece(&r, seen, bytes + from, (__u32)(end - from),
					     (__u32)from, is_response);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct h2_seen whole = { 0 }, cut = { 0 };
	const char *bytes = (const char *)data + 1;

	if (size < 2)
		return 0;
	feed_all(bytes, size - 1, data[0] & 1, size, &whole);
	feed_all(bytes, size - 1, data[0] & 1, 1 + (data[0] >> 1), &cut);
	if (whole.n != cut.n || memcmp(&whole, &cut, sizeof(whole)) != 0)
		abort();
	return 0;
}
