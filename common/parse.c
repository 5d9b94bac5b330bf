// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/parse.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/util.h"

int parse_int64(const char *text, int64_t *ret)
{
	char *end;
	long long v;

	if (!isdigit((unsigned char)*text) && *text != '-')
		return -EINVAL;
	errno = 0;
	v = strtoll(text, &end, 10);
	if (errno == ERANGE)
		return -ERANGE;
	if (end == text || *end)
		return -EINVAL;
	*ret = v;
	return 0;
}

/* A finite decimal number and where it ends; spaces, "nan" and "0x10" are none here. */
static int parse_number(const char *text, double *ret, char **end)
{
	double v;

	if (!isdigit((unsigned char)*text) && *text != '-' && *text != '.')
		return -EINVAL;
	errno = 0;
	v = strtod(text, end);
	if (*end == text || memchr(text, 'x', *end - text) || memchr(text, 'X', *end - text))
		return -EINVAL;
	if (!isfinite(v))
		return -ERANGE;
	*ret = v;
	return 0;
}

int parse_double(const char *text, double *ret)
{
	char *end;
	double v;
	int r = parse_number(text, &v, &end);

	if (r < 0)
		return r;
	if (*end)
		return -EINVAL;
	*ret = v;
	return 0;
}

struct unit {
	const char *name;
	double factor;
};

/* The number times its unit, rounded; the unit "" is for a bare number where one is allowed. */
static int parse_with_unit(const char *text, const struct unit *units, int64_t *ret)
{
	char *end;
	double v;
	int r = parse_number(text, &v, &end);

	if (r < 0)
		return r;
	for (; units->name; units++) {
		if (strcmp(end, units->name) != 0)
			continue;
		v *= units->factor;
		if (v < 0)
			return -EINVAL;
		if (v >= 9.2e18)
			return -ERANGE;
		*ret = llround(v);
		return 0;
	}
	return -EINVAL;
}

int parse_size(const char *text, int64_t *ret)
{
	static const struct unit units[] = {
		{ "", 1 },	 { "K", 1024 },	 { "M", MIB },	 { "G", GIB }, { "T", 1024 * GIB },
		{ "KiB", 1024 }, { "MiB", MIB }, { "GiB", GIB }, { NULL, 0 },
	};

	return parse_with_unit(text, units, ret);
}

int parse_duration_ns(const char *text, int64_t *ret)
{
	static const struct unit units[] = {
		{ "us", NS_PER_US },
		{ "ms", NS_PER_MS },
		{ "s", NS_PER_S },
		{ "m", 60 * NS_PER_S },
		{ "h", 3600 * NS_PER_S },
		{ "d", 86400 * NS_PER_S },
		{ NULL, 0 },
	};

	return parse_with_unit(text, units, ret);
}

int parse_share(const char *text, double *ret)
{
	char *end;
	double v;
	int r = parse_number(text, &v, &end);

	if (r < 0)
		return r;
	if (strcmp(end, "%") == 0)
		v /= 100;
	else if (*end)
		return -EINVAL;
	*ret = v;
	return 0;
}

int parse_date_minute(const char *text, int64_t *ret)
{
	struct tm tm = { 0 }, check;
	const char *end;
	time_t t;

	if (strcmp(text, "today") == 0) {
		t = time(NULL);
		*ret = (t - t % 86400) / 60;
		return 0;
	}
	if (strlen(text) != 10)
		return -EINVAL;
	end = strptime(text, "%Y-%m-%d", &tm);
	if (!end || *end)
		return -EINVAL;
	check = tm;
	t = timegm(&check);
	/* timegm() turns the 31st of February into March: refuse instead. */
	if (check.tm_mday != tm.tm_mday || check.tm_mon != tm.tm_mon)
		return -EINVAL;
	*ret = t / 60;
	return 0;
}

/* "07:05", the whole of it. */
static int parse_time_of_day(const char *text, int64_t *ret)
{
	int hour, minute, end = 0;

	if (sscanf(text, "%2d:%2d%n", &hour, &minute, &end) != 2 || !end || text[end] || hour < 0 ||
	    hour > 23 || minute < 0 || minute > 59)
		return -EINVAL;
	*ret = hour * 60 + minute;
	return 0;
}

int parse_minute(const char *text, int64_t now, int64_t *ret)
{
	int64_t day, time;
	char date[11];

	if (parse_time_of_day(text, &time) == 0) {
		day = now - (now % 1440 + 1440) % 1440;
		*ret = day + time > now ? day + time - 1440 : day + time;
		return 0;
	}
	if (strlen(text) > 11 && (text[10] == 'T' || text[10] == ' ')) {
		memcpy(date, text, 10);
		date[10] = '\0';
		if (parse_date_minute(date, &day) < 0 || parse_time_of_day(text + 11, &time) < 0)
			return -EINVAL;
		*ret = day + time;
		return 0;
	}
	return parse_int64(text, ret);
}

static const char *format_time(int64_t minute, const char *format, char *out, size_t size)
{
	time_t t = minute * 60;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(out, size, format, &tm))
		snprintf(out, size, "minute %lld", (long long)minute);
	return out;
}

const char *format_date(int64_t minute)
{
	static _Thread_local char out[48];

	return format_time(minute, "%Y-%m-%d", out, sizeof(out));
}

const char *format_minute(int64_t minute)
{
	static _Thread_local char out[48];

	return format_time(minute, "%Y-%m-%d %H:%M", out, sizeof(out));
}

const char *format_size(int64_t bytes)
{
	static _Thread_local char ring[4][24];
	static _Thread_local unsigned int next;
	static const char *const units = "BKMGTPE";
	char *out = ring[next++ % ARRAY_SIZE(ring)];
	double v = bytes;
	int u = 0;

	while (fabs(v) >= 1024 && u < 6) {
		v /= 1024;
		u++;
	}
	snprintf(out, sizeof(ring[0]), u && fabs(v) < 100 ? "%.1f%c" : "%.0f%c", v, units[u]);
	return out;
}

const char *function_name_fault(const char *name)
{
	size_t n = strlen(name);

	if (n == 0)
		return "is empty";
	if (n > FUNCTION_NAME_MAX)
		return "is longer than 255 bytes";
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return "is a directory's name";
	for (const char *p = name; *p; p++) {
		if (*p == '/')
			return "contains '/'";
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return "contains a control character";
	}
	return NULL;
}

int escape_component(const char *name, char *out, unsigned int size)
{
	const unsigned int longest = 200;
	unsigned int n = 0;
	uint64_t hash = 0xcbf29ce484222325ULL;
	bool cut = false;

	if (size < longest + 24)
		return -ENAMETOOLONG;
	for (const char *p = name; *p; p++) {
		unsigned char c = *p;
		bool plain = isalnum(c) || c == '_' || c == '-' || (c == '.' && p != name);

		hash = (hash ^ c) * 0x100000001b3ULL;
		if (n + 3 > longest)
			cut = true;
		if (cut)
			continue;
		n += snprintf(out + n, size - n, plain ? "%c" : "%%%02X", c);
	}
	if (cut)
		n += snprintf(out + n, size - n, "~%016llx", (unsigned long long)hash);
	out[n] = '\0';
	return 0;
}
