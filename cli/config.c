// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/config.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "common/log.h"

static const char *file;

const char *config_file(void)
{
	return file;
}

static char *trim(char *s)
{
	char *end;

	while (isspace((unsigned char)*s))
		s++;
	end = s + strlen(s);
	while (end > s && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return s;
}

/* "name = value" -> "--name=value"; NULL when out of memory. */
static char *as_flag(char *line)
{
	char *value = strchr(line, '=');
	char *flag = NULL;
	int r;

	if (value) {
		*value++ = '\0';
		r = asprintf(&flag, "--%s=%s", trim(line), trim(value));
	} else {
		r = asprintf(&flag, "--%s", line);
	}
	return r < 0 ? NULL : flag;
}

struct arguments {
	char **v;
	int n;
};

static int append(struct arguments *a, char *arg)
{
	char **v = realloc(a->v, (a->n + 2) * sizeof(*v));

	if (!v || !arg)
		return -ENOMEM;
	a->v = v;
	v[a->n++] = arg;
	v[a->n] = NULL;
	return 0;
}

static int read_file(const char *path, const char *command, struct arguments *a)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	char line[4096];
	bool ours = true;
	int number = 0;

	if (!f)
		return log_error_errno(-errno, "--config %s", path);
	while (fgets(line, sizeof(line), f)) {
		char *p = trim(line);
		size_t n = strlen(p);
		int r;

		number++;
		if (!*p || *p == '#' || *p == ';')
			continue;
		if (*p == '[') {
			if (p[n - 1] != ']') {
				log_error("%s, line %d: a section is written [name]", path, number);
				return -EINVAL;
			}
			p[n - 1] = '\0';
			ours = strcmp(trim(p + 1), command) == 0;
			continue;
		}
		if (!ours)
			continue;
		r = append(a, as_flag(p));
		if (r < 0)
			return log_error_errno(r, "%s, line %d", path, number);
	}
	return 0;
}

int config_arguments(const char *command, int argc, char **argv, int *ret_argc, char ***ret_argv)
{
	struct arguments a = { 0 };
	const char *path = NULL;
	int first = 1, r;

	/* --config comes first, so that what follows can be told from its value. */
	if (argc > 1 && strncmp(argv[1], "--config=", 9) == 0) {
		path = argv[1] + 9;
		first = 2;
	} else if (argc > 2 && strcmp(argv[1], "--config") == 0) {
		path = argv[2];
		first = 3;
	}
	file = path;
	r = append(&a, argv[0]);
	if (r == 0 && path)
		r = read_file(path, command, &a);
	for (int i = first; i < argc && r == 0; i++)
		r = append(&a, argv[i]);
	if (r < 0) {
		free(a.v);
		return r;
	}
	*ret_argc = a.n;
	*ret_argv = a.v;
	return 0;
}
