// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/parse.h"
#include "lib/faasmat.h"

/* A create may take 20 ms longer; the rest of what we do takes some, more on a busy node. */
#define TIMEOUT_MS 12
#define TIMEOUT_MAX_MS 1000

static char *trim(char *text)
{
	char *end;

	text += strspn(text, " \t\r");
	end = text + strlen(text);
	while (end > text && strchr(" \t\r", end[-1]))
		*--end = '\0';
	return text;
}

static bool take(struct settings *s, const char *key, const char *value)
{
	const struct {
		const char *key;
		char *to;
	} texts[] = { { "runtime", s->runtime },
		      { "socket", s->socket },
		      { "platform", s->platform },
		      { "rules", s->rules },
		      { "cgroups", s->cgroups } };
	int64_t n;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (strcmp(key, texts[i].key) == 0 && strlen(value) < SETTING_MAX) {
			strcpy(texts[i].to, value);
			return true;
		}
	if (strcmp(key, "timeout") != 0 || parse_duration_ns(value, &n) < 0 || n < 0 ||
	    n / 1000000 > TIMEOUT_MAX_MS)
		return false;
	s->timeout_ms = (int)(n / 1000000);
	return true;
}

int settings_parse(char *text, struct settings *s)
{
	int number = 0, wrong = 0;
	char *line;

	*s = (struct settings){ .socket = FAASMAT_SOCKET,
				.platform = "auto",
				.timeout_ms = TIMEOUT_MS };
	while ((line = strsep(&text, "\n"))) {
		char *value = strchr(line, '=');

		number++;
		line = trim(line);
		if (!*line || *line == '#' || *line == '[')
			continue;
		if (value)
			*value++ = '\0';
		if ((!value || !take(s, trim(line), trim(value))) && !wrong)
			wrong = number;
	}
	return wrong;
}

void settings_read(struct settings *s)
{
	const char *path = getenv("FAASMAT_RUNTIME_CONF");
	char text[8192] = "";
	_cleanup_close_ int fd = open(path ? path : SETTINGS_FILE, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	text[MAX(n, 0)] = '\0';
	settings_parse(text, s);
}

static bool is_program(const char *path, const struct stat *self)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111) &&
	       (st.st_dev != self->st_dev || st.st_ino != self->st_ino);
}

static int search(const char *name, const struct stat *self, char *out, size_t size)
{
	static const char *const places[] = { "/usr/bin",	 "/usr/sbin", "/usr/local/bin",
					      "/usr/local/sbin", "/bin",      "/sbin" };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(out, size, "%s/%s", places[i], name);
		if (is_program(out, self))
			return 0;
	}
	return -ENOENT;
}

static bool ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), k = strlen(end);

	return n >= k && strcmp(text + n - k, end) == 0;
}

int find_runtime(const struct settings *s, const char *own_name, char *out, size_t size)
{
	static const char *const names[] = { "runc", "crun" };
	struct stat self = { 0 };

	if (stat("/proc/self/exe", &self) < 0)
		return -errno;
	if (*s->runtime && is_program(s->runtime, &self)) {
		snprintf(out, size, "%s", s->runtime);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (ends_in(own_name, names[i]) && search(names[i], &self, out, size) == 0)
			return 0;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (search(names[i], &self, out, size) == 0)
			return 0;
	return -ENOENT;
}
