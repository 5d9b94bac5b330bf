// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmtest/rig/http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

ssize_t http_post(char *out, size_t size, const char *path, const char *body, bool close)
{
	int n = snprintf(out, size,
			 "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
			 "Content-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n%s",
			 path, strlen(body), close ? "Connection: close\r\n" : "", body);

	return n < 0 || (size_t)n >= size ? -ENOSPC : n;
}

/* The value of Content-Length among the header lines [p, end), or -EBADMSG. */
static ssize_t content_length(const char *p, const char *end)
{
	static const char name[] = "Content-Length:";

	while (p < end) {
		const char *next = memmem(p, end - p, "\r\n", 2);

		if (strncasecmp(p, name, sizeof(name) - 1) == 0) {
			ssize_t n = atol(p + sizeof(name) - 1);

			return n < 0 || n > 1 << 30 ? -EBADMSG : n;
		}
		if (!next)
			break;
		p = next + 2;
	}
	return -EBADMSG;
}

ssize_t http_response(const char *data, size_t len, int *status)
{
	static const char start[] = "HTTP/1.1 ";
	size_t n = sizeof(start) - 1;
	const char *end;
	ssize_t body;

	if (memcmp(data, start, len < n ? len : n) != 0)
		return -EBADMSG;
	end = memmem(data, len, "\r\n\r\n", 4);
	if (!end)
		return len > 8192 ? -EBADMSG : 0;
	body = content_length(data, end + 2);
	if (body < 0)
		return body;
	if (len < end + 4 - data + (size_t)body)
		return 0;
	*status = atoi(data + n);
	return end + 4 - data + body;
}
