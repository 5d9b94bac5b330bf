// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/log.h"

#include <stdarg.h>
#include <string.h>

#include "common/clock.h"

static enum log_level max_level = LOG_LEVEL_INFO;
static const char *program = "faasmat";

void log_set_level(enum log_level level)
{
	max_level = level;
}

void log_set_name(const char *name)
{
	program = name;
}

static void log_line(enum log_level level, int err, const char *fmt, va_list ap)
{
	static const char *const words[] = { "", "warning: ", "", "debug: " };
	char text[2048];
	size_t n;

	if (level > max_level)
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	/* A hostile name may carry terminal escapes or newlines: one message stays one line. */
	for (n = 0; text[n]; n++)
		if ((unsigned char)text[n] < 0x20 || text[n] == 0x7f)
			text[n] = '?';
	if (err < 0)
		fprintf(stderr, "%s: %s%s: %s\n", program, words[level], text, strerror(-err));
	else
		fprintf(stderr, "%s: %s%s\n", program, words[level], text);
}

void log_message(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(level, 0, fmt, ap);
	va_end(ap);
}

int log_error_errno(int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(LOG_LEVEL_ERROR, err, fmt, ap);
	va_end(ap);
	return err;
}

void log_progress(const char *what, int64_t done, int64_t total)
{
	static int64_t last_ns;
	int64_t now = clock_monotonic_ns();

	if (!isatty(STDERR_FILENO))
		return;
	if (done < total && now - last_ns < 100 * NS_PER_MS)
		return;
	last_ns = now;
	if (total > 0)
		fprintf(stderr, "\r%s: %3d %% (%lld of %lld)", what, (int)(100 * done / total),
			(long long)done, (long long)total);
	if (done >= total)
		fputc('\n', stderr);
}
