// SPDX-License-Identifier: GPL-2.0-or-later
#include "identity/facts.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* Integers beyond int64 occur in real bundles (RLIM_INFINITY is 18446744073709551615). */
#define JSON_FLAGS (JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL)

/* With a suffix ".scope" the name was made by systemd's cgroup driver; podman writes its prefix
 * without systemd too. */
static const char *const prefixes[] = {
	"docker-", "libpod-", "crio-", "cri-containerd-", "nerdctl-", "crun-", "runc-",
};

bool facts_id_of(const char *component, char id[FACTS_NAME_MAX])
{
	size_t n = strlen(component);
	bool scope = n > 6 && strcmp(component + n - 6, ".scope") == 0;
	const char *from = component;

	if (scope)
		n -= 6;
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		size_t p = strlen(prefixes[i]);

		if ((scope || strcmp(prefixes[i], "libpod-") == 0) && n > p &&
		    strncmp(component, prefixes[i], p) == 0) {
			from += p;
			n -= p;
			break;
		}
	}
	if (n == 0 || n >= FACTS_NAME_MAX)
		return false;
	memcpy(id, from, n);
	id[n] = '\0';
	return true;
}

bool facts_id_is_safe(const char *id)
{
	if (!*id || strlen(id) >= FACTS_NAME_MAX || strcmp(id, ".") == 0 || strcmp(id, "..") == 0)
		return false;
	for (; *id; id++)
		if (!isalnum((unsigned char)*id) && !strchr("_+.-", *id))
			return false;
	return true;
}

static bool is_engine_id(const char *id)
{
	return strlen(id) == 64 && strspn(id, "0123456789abcdef") == 64;
}

void facts_init(struct facts *f, const char *path)
{
	const char *last = strrchr(path, '/');

	memset(f, 0, sizeof(*f));
	if (strlen(path) >= sizeof(f->path))
		return;
	strcpy(f->path, path);
	if (facts_id_of(last ? last + 1 : path, f->id) && !is_engine_id(f->id))
		strcpy(f->name, f->id);
}

void facts_clear(struct facts *f)
{
	json_decref(f->bundle);
	json_decref(f->engine);
	f->bundle = f->engine = NULL;
}

static json_t *parse(const char *text, size_t size)
{
	return size <= (size_t)FACTS_FILE_MAX ? json_loadb(text, size, JSON_FLAGS, NULL) : NULL;
}

static void set_name(struct facts *f, const char *name)
{
	if (!name)
		return;
	/* Docker writes "/name". */
	name += *name == '/';
	if (*name && strlen(name) < sizeof(f->name))
		strcpy(f->name, name);
}

int facts_add_bundle(struct facts *f, const char *text, size_t size)
{
	json_t *bundle = parse(text, size);

	if (!json_is_object(bundle)) {
		json_decref(bundle);
		return -EINVAL;
	}
	json_decref(f->bundle);
	f->bundle = bundle;
	return 0;
}

int facts_add_docker(struct facts *f, const char *text, size_t size)
{
	json_t *engine = parse(text, size);

	if (!json_is_object(engine)) {
		json_decref(engine);
		return -EINVAL;
	}
	json_decref(f->engine);
	f->engine = engine;
	set_name(f, json_string_value(json_object_get(engine, "Name")));
	return 0;
}

/* {"config":{"labels":["bundle=/b","key=value",...]}}: the bundle's annotations are among the labels. */
static json_t *annotations_of_state(const json_t *state)
{
	json_t *labels = json_object_get(json_object_get(state, "config"), "labels");
	json_t *annotations = json_object(), *line;
	size_t i;

	json_array_foreach(labels, i, line)
	{
		const char *text = json_string_value(line);
		const char *equals = text ? strchr(text, '=') : NULL;
		char key[FACTS_NAME_MAX];

		if (!equals || equals == text || (size_t)(equals - text) >= sizeof(key))
			continue;
		memcpy(key, text, (size_t)(equals - text));
		key[equals - text] = '\0';
		json_object_set_new(annotations, key, json_string(equals + 1));
	}
	return annotations;
}

int facts_add_runc(struct facts *f, const char *text, size_t size)
{
	json_t *state = parse(text, size);
	int r = -EINVAL;

	if (json_is_object(state)) {
		json_decref(f->bundle);
		f->bundle = json_pack("{s:o}", "annotations", annotations_of_state(state));
		r = f->bundle ? 0 : -ENOMEM;
	}
	json_decref(state);
	return r;
}

int facts_add_podman(struct facts *f, const char *text, size_t size)
{
	json_t *list = parse(text, size), *c;
	int r = json_is_array(list) ? -ENOENT : -EINVAL;
	size_t i;

	json_array_foreach(list, i, c)
	{
		const char *id = json_string_value(json_object_get(c, "id"));

		if (!id || strcmp(id, f->id) != 0)
			continue;
		set_name(f, json_string_value(json_array_get(json_object_get(c, "names"), 0)));
		r = 0;
		break;
	}
	json_decref(list);
	return r;
}

static const char *env_in(const json_t *list, const char *name)
{
	size_t n = strlen(name), i;
	json_t *line;

	json_array_foreach(list, i, line)
	{
		const char *text = json_string_value(line);

		if (text && strncmp(text, name, n) == 0 && text[n] == '=')
			return text + n + 1;
	}
	return NULL;
}

static const char *env(const struct facts *f, const char *name)
{
	const char *value;

	value = env_in(json_object_get(json_object_get(f->bundle, "process"), "env"), name);
	if (!value)
		value = env_in(json_object_get(json_object_get(f->engine, "Config"), "Env"), name);
	return value;
}

static const char *member(const json_t *object, const char *name, const char *key)
{
	return json_string_value(json_object_get(json_object_get(object, name), key));
}

static const char *value_of(const struct facts *f, enum fact_kind kind, const char *key)
{
	switch (kind) {
	case FACT_PATH:
		return f->path;
	case FACT_ID:
		return f->id;
	case FACT_NAME:
		return f->name;
	case FACT_NAMESPACE:
		return f->namespace;
	case FACT_ACTION:
		return f->action;
	case FACT_ANNOTATION:
		return member(f->bundle, "annotations", key);
	case FACT_LABEL:
		return member(json_object_get(f->engine, "Config"), "Labels", key);
	case FACT_ENV:
		return env(f, key);
	case FACT_KINDS:
		break;
	}
	return NULL;
}

const char *facts_get(const struct facts *f, enum fact_kind kind, const char *key)
{
	const char *value = value_of(f, kind, key);

	return value && *value && strlen(value) < FACTS_VALUE_MAX ? value : NULL;
}

const char *facts_cgroups_path(const struct facts *f)
{
	return member(f->bundle, "linux", "cgroupsPath");
}

int64_t facts_memory_limit(const struct facts *f)
{
	json_t *resources = json_object_get(json_object_get(f->bundle, "linux"), "resources");
	double limit =
		json_number_value(json_object_get(json_object_get(resources, "memory"), "limit"));

	/* -1 and absurdly large numbers say "none". */
	return limit >= 1 && limit < 4e18 ? (int64_t)limit : 0;
}

const char *facts_mount_source(const struct facts *f, const char *where)
{
	json_t *mount;
	size_t i;

	json_array_foreach(json_object_get(f->bundle, "mounts"), i, mount)
	{
		const char *to = json_string_value(json_object_get(mount, "destination"));

		if (to && strcmp(to, where) == 0)
			return json_string_value(json_object_get(mount, "source"));
	}
	return NULL;
}
