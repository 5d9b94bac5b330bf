// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/say.h"

#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* daemon.notice, as <facility * 8 + severity> */
#define PRIORITY "<29>"

static void clean(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

static bool is_debugging(void)
{
	return getenv("FAASMAT_RUNTIME_DEBUG") != NULL;
}

static void vsay(bool to_log, const char *fmt, va_list ap)
{
	struct sockaddr_un log = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	char text[1024] = PRIORITY "faasmat-runtime: ";
	size_t n = strlen(text);
	int fd;

	vsnprintf(text + n, sizeof(text) - n, fmt, ap);
	clean(text);
	if (is_debugging())
		fprintf(stderr, "%s\n", text + strlen(PRIORITY));
	fd = to_log ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
	if (fd < 0)
		return;
	sendto(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&log,
	       sizeof(log));
	close(fd);
}

void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsay(true, fmt, ap);
	va_end(ap);
}

void say_debug(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsay(false, fmt, ap);
	va_end(ap);
}
