// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * faasmat-runtime: an OCI runtime that is another one (runc, crun), but for one thing: a container that
 * is created, run or restored gets its cgroup below its function's pool, or below main. Everything else
 * passes straight through. Whatever fails here, the container starts as it would have without us.
 */
#include <errno.h>
#include <string.h>

#include "identity/look_up.h"
#include "identity/rules.h"
#include "runtime/arguments.h"
#include "runtime/bundle.h"
#include "runtime/cgroups_path.h"
#include "runtime/edit.h"
#include "runtime/place.h"
#include "runtime/say.h"
#include "runtime/settings.h"

/* Pods stay where the kubelet put them: outside their slice its limits would not hold. */
static bool is_pod(const struct facts *f)
{
	return facts_get(f, FACT_ANNOTATION, "io.kubernetes.cri.container-type") ||
	       facts_get(f, FACT_ANNOTATION, "io.kubernetes.cri-o.ContainerType") ||
	       facts_get(f, FACT_ANNOTATION, "io.kubernetes.pod.namespace");
}

/* containerd's namespace: the shim gives runc a state directory that ends in it. */
static void take_namespace(struct facts *f, const struct runtime_arguments *a)
{
	const char *last = a->root ? strrchr(a->root, '/') : NULL;

	if (last && strlen(last + 1) < sizeof(f->namespace))
		strcpy(f->namespace, last + 1);
}

static struct rules *get_rules(const struct settings *s)
{
	struct rules *r = NULL;

	if (*s->rules && rules_read(s->rules, &r) == 0)
		return r;
	return rules_of_platform(s->platform, &r) == 0 ? r : NULL;
}

/* The function's name, or false: none that we know now. */
static bool find_function(const struct settings *s, const struct facts *f,
			  struct identity_match *match)
{
	struct rules *rules = get_rules(s);
	bool found = rules && rules_match(rules, f, match) == IDENTITY_FOUND;

	rules_free(rules);
	return found;
}

/* The new cgroupsPath of a container whose bundle is in `f`. */
static int choose(const struct settings *s, const struct runtime_arguments *a, struct facts *f,
		  char *out, size_t size)
{
	char path[CGROUPS_PATH_MAX], pool[CGROUPS_PATH_MAX];
	const char *text = facts_cgroups_path(f);
	struct identity_match match;
	struct newcomer n = { .bytes = facts_memory_limit(f) };
	const struct place_options how = { s->socket, s->cgroups, s->timeout_ms };
	struct places places;
	json_t *bundle;
	int r = cgroups_path_resolve(text, a->id, a->systemd_cgroup, path, sizeof(path));

	if (r < 0)
		return r;
	bundle = f->bundle;
	facts_init(f, path);
	f->bundle = bundle;
	f->files_read = true;
	take_namespace(f, a);
	places_find(&places, "");
	look_up_docker_of_bundle(&places, f);
	if (is_pod(f))
		return -EOPNOTSUPP;
	if (find_function(s, f, &match))
		n.function = match.function;
	n.id = strrchr(path, '/') + 1;
	r = place(&how, &n, pool, sizeof(pool));
	if (r < 0)
		return r;
	say_debug("%s: %s in %s", a->id, n.function ? n.function : "(unknown function)", pool);
	return cgroups_path_move(text, a->id, a->systemd_cgroup, pool, out, size);
}

static int redirect(const struct settings *s, const struct runtime_arguments *a)
{
	_cleanup_free_ struct facts *f = calloc(1, sizeof(*f));
	_cleanup_free_ char *edited = NULL;
	char path[CGROUPS_PATH_MAX];
	struct bundle b;
	size_t size;
	int r;

	if (!f)
		return -ENOMEM;
	if (a->other_config || !a->id || !facts_id_is_safe(a->id))
		return -EOPNOTSUPP;
	r = bundle_open(a->bundle, &b);
	if (r < 0)
		return r;
	r = facts_add_bundle(f, b.text, b.size);
	/* The text ends where the file does: an edit must see all of it. */
	if (r == 0 && strlen(b.text) != b.size)
		r = -EILSEQ;
	if (r == 0)
		r = choose(s, a, f, path, sizeof(path));
	if (r == 0)
		r = edit_cgroups_path(b.text, path, &edited, &size);
	if (r == 0)
		r = bundle_write(&b, edited, size);
	facts_clear(f);
	bundle_close(&b);
	return r;
}

static const char *why(int error)
{
	return error == -EXDEV
		       ? "the governor's root is a slice and the engine's cgroup driver is not "
			 "systemd, or the other way round"
		       : strerror(-error);
}

int main(int argc, char **argv)
{
	struct runtime_arguments a;
	char runtime[4096];
	struct settings s;
	int r;

	settings_read(&s);
	runtime_arguments_parse(argc, argv, &a);
	r = a.starts ? redirect(&s, &a) : 0;
	if (r < 0)
		say("%s is not placed: %s", a.id ? a.id : "a container without a name", why(r));
	r = find_runtime(&s, argc > 0 ? argv[0] : "", runtime, sizeof(runtime));
	if (r == 0)
		execv(runtime, argv);
	fprintf(stderr,
		"faasmat-runtime: no OCI runtime to hand over to: install runc or crun, or "
		"name it in " SETTINGS_FILE " (runtime = /usr/bin/crun): %s\n",
		strerror(r < 0 ? -r : errno));
	return 127;
}
