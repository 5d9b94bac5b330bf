/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The little HTTP/1.1 that an invoker speaks with action proxies. Pure. */
#ifndef FAASMAT_RIG_HTTP_H
#define FAASMAT_RIG_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Writes a POST of a JSON body into out; `close` asks for the connection's end after it. Its length,
 * or -ENOSPC. */
ssize_t http_post(char *out, size_t size, const char *path, const char *body, bool close);

/* The response at the start of data: its length once it is complete, 0 when more must come, -EBADMSG
 * when it is no response with a Content-Length. *status is set with a length. */
ssize_t http_response(const char *data, size_t len, int *status);

#endif
